"""The survey file: which lines there are, and what their files do not say. TOML, checked, with messages that help."""

from __future__ import annotations

import difflib
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, field_validator, model_validator

from gprscan.errors import RecipeError, UnitsError
from gprscan.geometry.options import EXAMPLES as POSITION_EXAMPLES
from gprscan.geometry.options import PositionOptions
from gprscan.units import parse

FILE_NAME = "survey.toml"


def _quantity(unit: str) -> BeforeValidator:
    def convert(value: Any) -> Any:
        try:
            return parse(value, unit) if isinstance(value, str) else value
        except UnitsError as error:
            raise ValueError(str(error)) from None

    return BeforeValidator(convert)


_Metres = Annotated[float, _quantity("m")]
_Nanoseconds = Annotated[float, _quantity("ns")]
_Megahertz = Annotated[float, _quantity("MHz")]

# what a right entry looks like, printed when a wrong one is met
EXAMPLES = {
    "name": 'name = "Longgang Road, night 3"',
    "crs": 'crs = "EPSG:4547"',
    "recipe": 'recipe = "road"',
    "scheme": 'scheme = "gprscan_screening"',
    "context": 'context = { road_class = "arterial" }',
    "defaults": "[defaults]\nspacing = 0.05",
    "lines": '[[lines]]\npath = "LINE01.DZT"',
    "path": 'path = "LINE01.DZT"',
    "id": 'id = "L01"',
    "spacing": 'spacing = 0.05  # or "5 cm"',
    "frequency": 'frequency = 400  # MHz, or "0.4 GHz"',
    "separation": 'separation = 0.14  # m, or "14 cm"',
    "time_zero": "time_zero = 3.5  # ns from the first sample",
    "antenna_height": 'antenna_height = 0.03  # m, or "3 cm"',
    "channel_offsets": "channel_offsets = [-0.15, -0.05, 0.05, 0.15]  # m, positive to the right",
    "setting": 'setting = "not a road: dune"  # or "road"',
    "component": 'component = "Ez"',
    "format": 'format = "dzt"',
    "on_truncated": 'on_truncated = "trim"  # or "raise"',
    "start": "start = [500012.40, 2511034.80]  # x (east), y (north) of the first trace, in crs",
    "end": "end = [500112.10, 2511035.20]  # x (east), y (north) of the last trace, in crs",
    "azimuth": "azimuth = 87.5  # degrees from grid north, clockwise; instead of end, with the odometer's lengths",
    "grids": '[[grids]]\nlines = ["G*.DZT"]\norigin = [500012.40, 2511034.80]\nazimuth = 87.5\nline_spacing = 0.5',
    "origin": "origin = [500012.40, 2511034.80]  # x (east), y (north) where the first line starts",
    "line_spacing": "line_spacing = 0.5  # m from line to line, positive to the right of azimuth",
    "zigzag": "zigzag = true  # every other line was driven back",
    "length": "length = 20.0  # m, of every line; the odometer's where left out",
    "wall": 'wall = "RW-07.wall.toml"  # the line is one of its [[lines]]',
    "walls": 'walls = ["RW-07.wall.toml"]  # every line that they name',
    "position_sigma": "position_sigma = 0.10  # m, one standard deviation of start and end",
    "positions": "[defaults.positions]\nlever_arm = [0.0, 1.20]  # m, array minus GNSS antenna: to the right, forward",
    **POSITION_EXAMPLES,
}


class LineOptions(BaseModel):
    """What a line's file does not say, or says wrongly.

    Attributes
    ----------
    spacing : float
        Distance between traces, m.
    frequency : float
        Centre frequency of the antenna, MHz.
    separation : float
        Distance between transmitter and receiver, m.
    time_zero : float
        Time from the first sample to the moment at which the pulse leaves the antenna, ns.
    antenna_height : float
        Height of the antenna above the ground, m.
    channel_offsets : list of float
        Offset of each channel across the line, m, positive to the right of the direction of travel.
    start, end : pair of float
        Where the first and the last trace are, x (east) and y (north) in the CRS of the line; for straight lines
        that carry no positions of their own.
    azimuth : float
        Direction of a straight line from `start`, degrees from grid north, clockwise; its length is the odometer's.
    position_sigma : float
        Standard deviation of `start` and `end`, m.
    wall : path
        File of the wall on whose face the line lies; its ``[[lines]]`` say where.
    positions : PositionOptions
        External track, lever arm, lag, vertical datum, centreline: what is known about positions beyond the side files.
    crs : str
        CRS in which x and y of this line are wanted.
    setting : str
        ``"road"``, or ``"not a road: ..."``, where the acquisition (antenna, spacing, window) tells it wrongly.
    component : str
        Field component of a simulated file.
    format : str
        Reader to use, where the content does not tell.
    on_truncated : {"raise", "trim"}
        What to do with a file whose bytes are no whole number of traces.
    """

    model_config = ConfigDict(extra="forbid")

    spacing: _Metres | None = Field(default=None, gt=0)
    frequency: _Megahertz | None = Field(default=None, gt=0)
    separation: _Metres | None = Field(default=None, ge=0)
    time_zero: _Nanoseconds | None = None
    antenna_height: _Metres | None = Field(default=None, ge=0)
    channel_offsets: list[float] | None = Field(default=None, min_length=1)
    start: tuple[float, float] | None = None
    end: tuple[float, float] | None = None
    azimuth: float | None = Field(default=None, ge=-360, le=360)
    position_sigma: _Metres | None = Field(default=None, gt=0)
    wall: Path | None = None
    positions: PositionOptions | None = None
    crs: str | None = None
    setting: str | None = Field(default=None, pattern=r"^(road$|not a road: \S)")
    component: str | None = None
    format: str | None = None
    on_truncated: Literal["raise", "trim"] = "raise"

    @field_validator("crs")
    @classmethod
    def _known_crs(cls, value: str | None) -> str | None:
        return None if value is None else _checked_crs(value)

    def over(self, defaults: LineOptions) -> LineOptions:
        """Return the defaults with what was said for this line laid over them."""
        own = {name: getattr(self, name) for name in LineOptions.model_fields if name in self.model_fields_set}
        usual = {
            name: getattr(defaults, name) for name in LineOptions.model_fields if name in defaults.model_fields_set
        }
        if self.positions is not None and defaults.positions is not None:
            both = defaults.positions.model_dump(exclude_unset=True) | self.positions.model_dump(exclude_unset=True)
            own["positions"] = PositionOptions(**both)
        return LineOptions(**{**usual, **own})


class LineEntry(LineOptions):
    """One ``[[lines]]`` table: a file, or a pattern such as ``"night3/*.DZT"``, and its options."""

    path: str = Field(min_length=1)
    id: str | None = Field(default=None, min_length=1)


class GridEntry(BaseModel):
    """One ``[[grids]]`` table: parallel lines laid out from a corner.

    Attributes
    ----------
    lines : list of str
        Files, or patterns, in the order of the lines; those of a pattern by name.
    origin : pair of float
        Where the first line starts, x (east) and y (north) in the CRS of the survey.
    azimuth : float
        Direction of the lines, degrees from grid north, clockwise.
    line_spacing : float
        From line to line, m, positive to the right of the direction.
    zigzag : bool
        Whether every other line was driven back.
    length : float
        Length of the lines, m; needed for a zigzag, else the odometer's where it is left out.
    """

    model_config = ConfigDict(extra="forbid")

    lines: list[str] = Field(min_length=1)
    origin: tuple[float, float]
    azimuth: float = Field(ge=-360, le=360)
    line_spacing: _Metres
    zigzag: bool = False
    length: _Metres | None = Field(default=None, gt=0)

    @model_validator(mode="after")
    def _way_back(self) -> GridEntry:
        if self.zigzag and self.length is None:
            msg = "a zigzag needs the 'length' of its lines: those driven back start at the far end"
            raise ValueError(msg)
        return self

    def place(self, number: int) -> LineOptions:
        """Return where one line lies, counted from 0."""
        angle = np.radians(self.azimuth)
        ahead, right = np.array([np.sin(angle), np.cos(angle)]), np.array([np.cos(angle), -np.sin(angle)])
        start = np.array(self.origin) + number * self.line_spacing * right
        if self.length is None:
            return LineOptions(start=(float(start[0]), float(start[1])), azimuth=self.azimuth)
        far = start + self.length * ahead
        if self.zigzag and number % 2:
            start, far = far, start
        return LineOptions(start=(float(start[0]), float(start[1])), end=(float(far[0]), float(far[1])))


class SurveyFile(BaseModel):
    """A survey file.

    Attributes
    ----------
    name : str
        Printed on the report.
    crs : str
        CRS of the outputs and of `start` and `end` of the lines, for example ``"EPSG:4547"``.
    recipe, scheme : str
        A shipped name, or a file beside the survey file.
    context : dict
        What grading needs and no trace shows, for example the road class.
    defaults : LineOptions
        Options of every line that does not say otherwise.
    lines : list of LineEntry
        The lines; every radar file in the folder where the list is empty.
    grids : list of GridEntry
        Parallel lines, besides those in `lines`.
    walls : list of str
        Files of walls and slopes; the lines that they name are lines of the survey.
    """

    model_config = ConfigDict(extra="forbid")

    name: str = ""
    crs: str | None = None
    recipe: str | None = None
    scheme: str | None = None
    context: dict[str, Any] = Field(default_factory=dict)
    defaults: LineOptions = Field(default_factory=LineOptions)
    lines: list[LineEntry] = Field(default_factory=list)
    grids: list[GridEntry] = Field(default_factory=list)
    walls: list[str] = Field(default_factory=list)

    @field_validator("crs")
    @classmethod
    def _known_crs(cls, value: str | None) -> str | None:
        return None if value is None else _checked_crs(value)


def _checked_crs(value: str) -> str:
    from pyproj import CRS
    from pyproj.exceptions import CRSError

    try:
        CRS.from_user_input(value)
    except CRSError as error:
        msg = f"{value!r} is no coordinate reference system ({error})"
        raise ValueError(msg) from None
    return value


def load_survey(path: str | Path) -> SurveyFile:
    """Read and check a survey file.

    Parameters
    ----------
    path : path-like
        A TOML file; see the survey page of the documentation.

    Returns
    -------
    SurveyFile

    Raises
    ------
    RecipeError
        Naming each wrong key, what was given, and showing a right entry.
    """
    path = Path(path)
    try:
        content = tomllib.loads(path.read_text("utf-8-sig"))
    except FileNotFoundError:
        msg = f"there is no survey file {path}."
        raise RecipeError(msg) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        msg = f"{path.name} is no TOML: {error}."
        raise RecipeError(msg) from None
    try:
        return SurveyFile(**content)
    except ValidationError as error:
        problems = [_explain(item) for item in error.errors()]
        raise RecipeError(f"{path.name} is not right:\n" + "\n".join(problems)) from None


def _explain(item: Any) -> str:
    """Turn one validation error into where, what, and a right example."""
    location = list(item["loc"])
    where = "".join(f"[{part + 1}]" if isinstance(part, int) else f".{part}" for part in location).lstrip(".")
    key = next((str(part) for part in reversed(location) if isinstance(part, str)), "")
    if item["type"] == "extra_forbidden":
        model: type[BaseModel] = SurveyFile
        if location[0] in ("lines", "defaults"):
            model = LineEntry if location[0] == "lines" else LineOptions
        elif location[0] == "grids":
            model = GridEntry
        if "positions" in location[:-1]:
            model = PositionOptions
        near = difflib.get_close_matches(key, model.model_fields, n=1, cutoff=0.5)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        accepted = ", ".join(model.model_fields)
        example = f"\n    right: {_indented(near[0])}" if near else ""
        return f"  {where}: there is no such key{hint} Accepted here: {accepted}.{example}"
    if item["type"] == "missing":
        return f"  {where}: is missing.\n    right: {_indented(key)}"
    reason = str(item["msg"]).removeprefix("Value error, ").rstrip(".")
    reason = reason[:1].lower() + reason[1:]
    return f"  {where}: {reason} (given: {item.get('input')!r}).\n    right: {_indented(key)}"


def _indented(key: str) -> str:
    return EXAMPLES.get(key, EXAMPLES["lines"]).replace("\n", "\n           ")

"""The side file of an in-pipe run (``RUN.pipe.toml`` beside the radar file): model, checks, template."""

from __future__ import annotations

import difflib
import itertools
import re
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import pyproj
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, field_validator, model_validator

from gprscan.errors import ParameterError, RecipeError, UnitsError
from gprscan.geometry.pipe_frame import PipeFrame, close_odometer, mirrored
from gprscan.geometry.pipe_shape import BoreShape
from gprscan.geometry.toml_file import read_toml
from gprscan.units import parse

SUFFIX = ".pipe.toml"


def _quantity(unit: str) -> BeforeValidator:
    def convert(value: Any) -> Any:
        try:
            return parse(value, unit) if isinstance(value, str) else value
        except UnitsError as error:
            raise ValueError(str(error)) from None

    return BeforeValidator(convert)


_Metres = Annotated[float, _quantity("m")]
_Megahertz = Annotated[float, _quantity("MHz")]
_Clock = Annotated[float, Field(ge=0, lt=360)]

# what a right entry looks like; it is the template of a new side file, too
TEMPLATE = """\
# In-pipe run: one segment between two manholes. Put it beside the radar file: MH12-MH13.DZT + MH12-MH13.pipe.toml
# Lengths in m (or "120 mm"), angles in degrees, frequencies in MHz.

[segment]
id = "MH12-MH13"
crs = "EPSG:4547"            # of the coordinates below
material = "concrete"        # "concrete", "brick", "clay", "plastic", "metal", ...
lining = ""                  # a liner, in words; "" without
water_level = 0.0            # share of the height of the bore that stands under water
cctv = ""                    # file or report number of the CCTV inspection

[up]                         # upstream manhole
id = "MH12"
x = 500012.40                # east
y = 2511034.80               # north
invert = 12.35               # elevation of the lowest point of the bore
# ground = 15.60             # elevation of the road at the manhole: tells how deep a defect lies, and grades it

[down]                       # downstream manhole
id = "MH13"
x = 500048.10
y = 2511041.20
invert = 12.21
# ground = 15.52

# [centreline]               # bends: places of the invert between the manholes, going downstream
# points = [[500030.0, 2511036.0, 12.28]]

[accuracy]
manhole_sigma = 0.05         # standard deviation of x, y and invert, m
roll_sigma = 2.0             # of the clock angle, degrees

[bore]
shape = "round"              # "round", "egg" or "box"
inner_diameter = 1.0         # round
# width = 1.0                # egg and box
# height = 1.5

[wall]
thickness = 0.10             # of the drawing: only a start, gprscan measures it
# permittivity = 6.8         # only if known; found from the data otherwise
# permittivity_sigma = 0.5

[run]
direction = "downstream"     # the way the antenna was moved: "downstream" or "upstream"
clock_reference = "travel"   # clock angles as seen looking along the "travel", or always looking "downstream"
odometer_zero = 0.0          # reading at the manhole where the run began
odometer_scale = 1.0         # true metres per metre of the counter
# odometer_end = 36.6        # reading at the other manhole: closes the odometer on the map
cable_slack = 0.0            # cable that ran out before the carriage moved, m

[[antennas]]                 # one per channel of the file, in its order
id = "crown"
frequency = 900
clock = 0.0                  # 0 = crown, 90 = right, clockwise
standoff = 0.03              # antenna to inner wall
time_offset = 0.0            # ns, added to the time zero of the file

# [ring]                     # instead of an axial line: the antenna went round at one chainage
# odometer = 12.40
# clock_first = 0.0          # clock angle of the first and the last trace, counted on past 360
# clock_last = 356.0

# [roll]                     # roll of the carriage, clockwise, as logged: [odometer, degrees]
# log = [[0.0, 0.0], [10.0, 2.5], [36.0, -1.0]]
"""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Segment(_Part):
    """What is known of the pipe."""

    id: str = Field(min_length=1)
    crs: str
    material: str = ""
    lining: str = ""
    water_level: float = Field(0.0, ge=0, le=1)
    cctv: str = ""

    @field_validator("crs")
    @classmethod
    def _projected(cls, value: str) -> str:
        try:
            crs = pyproj.CRS.from_user_input(value)
        except pyproj.exceptions.CRSError as error:
            msg = f"{value!r} is no coordinate reference system ({error})"
            raise ValueError(msg) from None
        if not crs.is_projected:
            msg = f"{value!r} has no metres; a projected system is needed"
            raise ValueError(msg)
        return value


class Manhole(_Part):
    """A manhole: where the invert of the pipe is."""

    id: str = Field(min_length=1)
    x: float
    y: float
    invert: float
    ground: float | None = None


class Centreline(_Part):
    """Bends between the manholes."""

    points: list[tuple[float, float, float]] = Field(default_factory=list)


class Accuracy(_Part):
    """Standard deviations of what was surveyed."""

    manhole_sigma: _Metres = Field(default=0.05, gt=0)
    roll_sigma: float = Field(default=2.0, ge=0, lt=90)


class Bore(_Part):
    """Shape and size of the bore."""

    shape: Literal["round", "egg", "box"] = "round"
    inner_diameter: _Metres | None = Field(None, gt=0.1, lt=20)
    width: _Metres | None = Field(None, gt=0.1, lt=20)
    height: _Metres | None = Field(None, gt=0.1, lt=20)

    @model_validator(mode="after")
    def _sizes(self) -> Bore:
        if self.shape == "round":
            if self.inner_diameter is None or self.width is not None or self.height is not None:
                msg = "a round bore needs inner_diameter, and neither width nor height"
                raise ValueError(msg)
        elif self.inner_diameter is not None or self.width is None or self.height is None:
            msg = f"shape = {self.shape!r} needs width and height, and no inner_diameter"
            raise ValueError(msg)
        self.form()
        return self

    def form(self) -> BoreShape:
        """Return the bore as geometry."""
        if self.inner_diameter is not None:
            return BoreShape("round", self.inner_diameter, self.inner_diameter)
        return BoreShape(self.shape, float(self.width or 0), float(self.height or 0))


class Wall(_Part):
    """The wall, as drawn."""

    thickness: _Metres = Field(gt=0.002, lt=2)
    permittivity: float | None = Field(None, ge=2, le=20)
    permittivity_sigma: float | None = Field(None, gt=0)

    @model_validator(mode="after")
    def _known(self) -> Wall:
        if self.permittivity_sigma is not None and self.permittivity is None:
            msg = "permittivity_sigma is given without permittivity"
            raise ValueError(msg)
        return self


class Run(_Part):
    """How the antenna went through the pipe."""

    direction: Literal["downstream", "upstream"]
    clock_reference: Literal["travel", "downstream"] = "travel"
    odometer_zero: _Metres = 0.0
    odometer_scale: float = Field(1.0, gt=0.5, lt=2)
    odometer_end: _Metres | None = None
    cable_slack: _Metres = Field(0.0, ge=0)


class Antenna(_Part):
    """One antenna of the carriage."""

    id: str = Field(min_length=1)
    frequency: _Megahertz | None = Field(None, gt=0)
    clock: _Clock = 0.0
    standoff: _Metres = Field(0.0, ge=0, lt=2)
    time_offset: float = 0.0


class Ring(_Part):
    """A line round the wall at one place."""

    odometer: _Metres
    clock_first: float
    clock_last: float


class Roll(_Part):
    """Roll of the carriage along the run."""

    log: list[tuple[float, float]] = Field(min_length=1)

    @field_validator("log")
    @classmethod
    def _rising(cls, value: list[tuple[float, float]]) -> list[tuple[float, float]]:
        readings = [entry[0] for entry in value]
        if any(b <= a for a, b in itertools.pairwise(readings)):
            msg = "the odometer readings of the roll log must rise"
            raise ValueError(msg)
        return value


class PipeFile(_Part):
    """A side file; the meaning of each key is in `TEMPLATE`."""

    segment: Segment
    up: Manhole
    down: Manhole
    centreline: Centreline = Field(default_factory=Centreline)
    accuracy: Accuracy = Field(default_factory=lambda: Accuracy())
    bore: Bore
    wall: Wall
    run: Run
    antennas: list[Antenna] = Field(min_length=1)
    ring: Ring | None = None
    roll: Roll | None = None

    @model_validator(mode="after")
    def _consistent(self) -> PipeFile:
        if np.hypot(self.up.x - self.down.x, self.up.y - self.down.y) < 0.5:
            msg = "the manholes [down] and [up] are less than 0.5 m apart on the map"
            raise ValueError(msg)
        if (self.up.ground is None) != (self.down.ground is None):
            msg = "ground is given for one manhole only; give it in [up] and in [down], or in neither"
            raise ValueError(msg)
        for name, hole in (("up", self.up), ("down", self.down)):
            if hole.ground is not None and hole.ground <= hole.invert:
                msg = f"[{name}] ground = {hole.ground:g} is not above invert = {hole.invert:g}"
                raise ValueError(msg)
        if self.ring is not None and len(self.antennas) > 1:
            msg = "a [ring] is one antenna, but there are several [[antennas]]"
            raise ValueError(msg)
        run = self.run
        try:
            close_odometer(
                [],
                self.frame().length,
                zero=run.odometer_zero,
                scale=run.odometer_scale,
                slack=run.cable_slack,
                at_end=run.odometer_end,
            )
        except ParameterError as error:
            msg = f"[run] {error}"
            raise ValueError(msg) from None
        return self

    def frame(self, misclosure: float | None = None) -> PipeFrame:
        """Return the pipe on the map; chainage 0 is the upstream manhole.

        The chainage error half-way is taken as half the misclosure that was distributed, at least 2 cm; without a
        reading at the far manhole as 1 % of the length.
        """
        nodes = [(self.up.x, self.up.y, self.up.invert), *self.centreline.points]
        nodes.append((self.down.x, self.down.y, self.down.invert))
        open_frame = PipeFrame(tuple(nodes), self.bore.form())
        sigma = 0.01 * open_frame.length if misclosure is None else max(0.02, 0.5 * abs(misclosure))
        accuracy = self.accuracy
        return PipeFrame(
            tuple(nodes),
            self.bore.form(),
            accuracy.manhole_sigma,
            sigma,
            misclosure is not None,
            accuracy.roll_sigma,
        )

    def clocks(self, angles: np.ndarray) -> np.ndarray:
        """Return clock angles looking downstream, from angles as the run's convention has them."""
        against = self.run.direction == "upstream" and self.run.clock_reference == "travel"
        return mirrored(angles) if against else np.mod(angles, 360.0)


def load_pipe_file(path: str | Path) -> PipeFile:
    """Read and check a side file.

    Raises
    ------
    MissingFileError
        If there is no such file.
    RecipeError
        Naming each wrong, missing or contradictory key, what was given, and a right example.
    """
    path = Path(path)
    content = read_toml(path, f"there is no side file {path}.")
    try:
        return PipeFile(**content)
    except (ValidationError, TypeError) as error:
        problems = [_explain(item) for item in error.errors()] if isinstance(error, ValidationError) else [str(error)]
        raise RecipeError(f"{path.name} is not right:\n" + "\n".join(problems)) from None


def _explain(item: Any) -> str:
    """Turn one validation error into where, what, and a right example."""
    location = list(item["loc"])
    where = "".join(f"[{part + 1}]" if isinstance(part, int) else f".{part}" for part in location).lstrip(".")
    named = [part for part in location if isinstance(part, str)]
    section, key = (named[0] if named else ""), (named[-1] if named else "")
    if item["type"] == "extra_forbidden":
        accepted = _keys_of(section) if len(named) > 1 else list(PipeFile.model_fields)
        near = difflib.get_close_matches(key, accepted, n=1, cutoff=0.5)
        hint = f"; did you mean {near[0]!r}?" if near else "."
        return f"  {where}: there is no such key{hint} Accepted here: {', '.join(accepted)}."
    if item["type"] == "missing":
        return f"  {where}: is missing.\n    right: {_example(section, key)}"
    reason = str(item["msg"]).removeprefix("Value error, ").rstrip(".")
    if not named:  # two tables contradict each other: the example is of the first that the message names
        section = key = next(iter(re.findall(r"\[(\w+)\]", reason)), "")
    given = item.get("input")
    shown = "" if isinstance(given, dict | PipeFile) else f" (given: {given!r})"
    return f"  {where or 'the file'}: {reason[:1].lower() + reason[1:]}{shown}.\n    right: {_example(section, key)}"


def _keys_of(section: str) -> list[str]:
    models: dict[str, type[BaseModel]] = {
        "segment": Segment,
        "up": Manhole,
        "down": Manhole,
        "centreline": Centreline,
        "accuracy": Accuracy,
        "bore": Bore,
        "wall": Wall,
        "run": Run,
        "antennas": Antenna,
        "ring": Ring,
        "roll": Roll,
    }
    return list(models[section].model_fields) if section in models else list(PipeFile.model_fields)


def _example(section: str, key: str) -> str:
    """Return the lines of the template for a key, or for a whole table."""
    inside, lines = False, []
    for line in TEMPLATE.splitlines():
        bare = line.removeprefix("# ")
        if bare.startswith("["):
            inside = bare.split("]")[0].strip("[") == section
        if inside and bare.startswith(("[", f"{key} =") if key != section else ("[", *_keys_of(section))):
            lines.append(bare.split("  #")[0].rstrip().split("   ")[0])
    return "; ".join(lines) if lines else "see gprscan survey new-pipe"

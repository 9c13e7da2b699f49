"""The file of a wall or slope (``NAME.wall.toml``): control points, what is known of the wall, and its lines."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from gprscan.errors import MissingFileError, ParameterError, RecipeError
from gprscan.geometry.crs import resolve_crs
from gprscan.geometry.options import Metres
from gprscan.geometry.toml_file import read_toml
from gprscan.geometry.wall import WallFrame

SUFFIX = ".wall.toml"
TEMPLATE = """\
# A wall or slope. u runs along the face to the right, w up the face, as seen by someone who looks at it; lengths in m.
id = "RW-07"
crs = "EPSG:4547"                    # of x and y of the control points
vertical_datum = "Yellow Sea 1985"   # of z
face_type = "masonry"                # "masonry", "concrete", "shotcrete", "frame beam" or "other"
point_sigma = 0.02                   # standard deviation of the control points
# inside = [503010.0, 2511010.0]     # a place behind the face: checks that u runs to the right
# design_thickness = 0.60            # of the drawing: with it, thickness and back face are measured
# permittivity = 6.8                 # of the wall, only if known; found from the data otherwise
# permittivity_sigma = 0.5
# standoff = 0.02                    # antenna to face
# drainage = "weep holes every 2 m, some blocked"
# drains = [[1.0, 0.4], [3.0, 0.4]]  # u, w of weep holes
# nails = [[2.0, 2.0], [4.0, 2.0]]   # u, w of the heads of nails or anchors, from the drawing
# outline = [[0.0, 0.0], [10.0, 0.0], [10.0, 4.0], [0.0, 4.0]]   # u, w of the corners of the face, for its drawing

[[points]]                           # three or more, not on one line
id = "A"
u = 0.0
w = 0.0
x = 503000.00                        # east
y = 2511000.00                       # north
z = 21.50

[[points]]
id = "B"
u = 10.0
w = 0.0
x = 503010.00
y = 2511000.00
z = 21.50

[[points]]
id = "C"
u = 0.0
w = 4.0
x = 503000.00
y = 2511000.00
z = 25.50

[[lines]]                            # one per radar file, beside this file: a grid of horizontal and vertical lines
path = "H1.DZT"
start = [0.0, 0.5]                   # u, w of the first and the last trace
end = [10.0, 0.5]
"""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


class ControlPoint(_Part):
    """A point on the face that is known on the map."""

    id: str = ""
    u: Metres
    w: Metres
    x: float
    y: float
    z: float


class WallLine(_Part):
    """A line on the face."""

    path: str = Field(min_length=1)
    start: tuple[Metres, Metres]
    end: tuple[Metres, Metres]

    @model_validator(mode="after")
    def _goes_somewhere(self) -> WallLine:
        if self.start == self.end:
            msg = f"start and end are the same place (u = {self.start[0]:g}, w = {self.start[1]:g})"
            raise ValueError(msg)
        return self


class WallFile(_Part):
    """The content of a wall's file; `TEMPLATE` shows every key."""

    id: str = Field(min_length=1)
    crs: str
    vertical_datum: str | None = None
    face_type: Literal["masonry", "concrete", "shotcrete", "frame beam", "other"] = "other"
    point_sigma: Metres = Field(0.02, gt=0)
    inside: tuple[float, float] | None = None
    design_thickness: Metres | None = Field(None, gt=0.02, lt=3)
    permittivity: float | None = Field(None, ge=2, le=20)
    permittivity_sigma: float | None = Field(None, gt=0)
    standoff: Metres | None = Field(None, ge=0, lt=1)
    drainage: str = ""
    drains: list[tuple[Metres, Metres]] = Field(default_factory=list)
    nails: list[tuple[Metres, Metres]] = Field(default_factory=list)
    outline: list[tuple[Metres, Metres]] | None = Field(None, min_length=3)
    points: list[ControlPoint] = Field(min_length=3)
    lines: list[WallLine] = Field(default_factory=list)

    @field_validator("crs")
    @classmethod
    def _plane(cls, value: str) -> str:
        try:
            resolve_crs(value, [0.0], [0.0])
        except ParameterError as error:
            raise ValueError(str(error)) from None
        return value

    @model_validator(mode="after")
    def _consistent(self) -> WallFile:
        if self.permittivity_sigma is not None and self.permittivity is None:
            msg = "permittivity_sigma is given without permittivity"
            raise ValueError(msg)
        paths = [line.path for line in self.lines]
        twice = next((path for path in paths if paths.count(path) > 1), None)
        if twice is not None:
            msg = f"two [[lines]] have the path {twice!r}; a file is one line"
            raise ValueError(msg)
        return self

    def frame(self) -> WallFrame:
        """Return the frame that the control points give."""
        places = [(p.x, p.y, p.z) for p in self.points]
        return WallFrame.fit(
            [p.u for p in self.points], [p.w for p in self.points], places, self.point_sigma, self.inside
        )

    def residual_report(self) -> str:
        """Return the residuals of the control points and the dip of the face as text."""
        frame = self.frame()
        rows = [
            f"  {point.id or i + 1}: east {r[0]:+.3f} m, north {r[1]:+.3f} m, up {r[2]:+.3f} m"
            for i, (point, r) in enumerate(zip(self.points, frame.residuals, strict=True))
        ]
        head = f"{self.id}: dip {frame.dip:.1f} degrees, standard deviation of a point {frame.sigma:.3f} m"
        return "\n".join([head, *rows])


def load_wall_file(path: str | Path) -> WallFile:
    """Read and check the file of a wall.

    Parameters
    ----------
    path : path-like
        TOML; see `TEMPLATE`.

    Raises
    ------
    MissingFileError
        If there is no such file.
    RecipeError
        Naming each wrong, missing or contradictory key, and showing a right entry.
    """
    path = Path(path)
    found = read_toml(path, f"there is no wall file {path}.")
    try:
        content = WallFile(**found)
        content.frame()
        return content
    except ParameterError as error:
        msg = f"{path.name}: points: {error}\n    right:\n{_example('points')}"
        raise RecipeError(msg) from None
    except ValidationError as error:
        msg = f"{path.name} is not right:\n" + "\n".join(map(_explain, error.errors()))
        raise RecipeError(msg) from None


def line_paths(path: Path) -> list[str]:
    """Return the paths of the lines that a wall's file names, of one that is wrong elsewhere too; none where it is no TOML."""
    try:
        lines = read_toml(path, "").get("lines")
    except (MissingFileError, RecipeError):
        return []
    entries = lines if isinstance(lines, list) else []
    named = [entry.get("path") for entry in entries if isinstance(entry, dict)]
    return list(dict.fromkeys(name for name in named if isinstance(name, str) and name))


def _explain(item: Any) -> str:
    location = list(item["loc"])
    where = "".join(f"[{part + 1}]" if isinstance(part, int) else f".{part}" for part in location).lstrip(".")
    key = next((str(part) for part in reversed(location) if isinstance(part, str)), "")
    if item["type"] == "extra_forbidden":
        models: dict[str, type[BaseModel]] = {"points": ControlPoint, "lines": WallLine}
        fields = (models.get(str(location[0]), WallFile) if len(location) > 1 else WallFile).model_fields
        near = difflib.get_close_matches(key, fields, n=1, cutoff=0.5)
        hint = f"; did you mean {near[0]!r}?\n    right: {_example(near[0])}" if near else "."
        return f"  {where}: there is no such key{hint}\n    accepted: {', '.join(fields)}"
    if item["type"] == "missing":
        return f"  {where}: is missing.\n    right: {_example(key)}"
    reason = str(item["msg"]).removeprefix("Value error, ").rstrip(".")
    return f"  {where}: {reason[:1].lower() + reason[1:]} (given: {item.get('input')!r}).\n    right: {_example(key)}"


def _example(key: str) -> str:
    """Return the lines of the template that show a key."""
    lines = TEMPLATE.splitlines()
    for i, line in enumerate(lines):
        if line.startswith(f"[[{key}]]"):
            end = next((j for j in range(i + 1, len(lines)) if not lines[j]), len(lines))
            return "\n           ".join(lines[i:end])
        if line.lstrip("# ").startswith(f"{key} ="):
            return line.lstrip("# ").split("  #")[0].rstrip()
    return f"{key} = ..."

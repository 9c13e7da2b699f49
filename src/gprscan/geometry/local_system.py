"""Local coordinate systems without a public definition: a parameter file of the user's, 4 or 7 parameters, with residuals.

Shenzhen's independent system is one of them: it has no EPSG code, its parameters are controlled, and codes seen for it in
public software belong to other systems. There is no default, nothing is guessed, and no parameter is written to an output.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyproj
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from gprscan.errors import ParameterError, RecipeError
from gprscan.geometry.crs import resolve_crs
from gprscan.geometry.toml_file import read_toml

ARCSECOND = np.pi / 648000
TEMPLATE = """\
# A local coordinate system. Parameters come from the authority that keeps the system; gprscan has none.
name = "my local system"
from = "EPSG:4547"                # the public system that the parameters start from
kind = "4-parameter"              # or "7-parameter"

[parameters]                      # 4: local = (dx, dy) + scale * rotated (x, y), x east, y north
dx = 0.0                          # m
dy = 0.0
rotation = 0.0                    # arc-seconds, anticlockwise
scale_ppm = 0.0
# 7: geocentric, dx dy dz in m, rx ry rz in arc-seconds, scale_ppm; then the projection of the local system
# convention = "position_vector"  # or "coordinate_frame"
# [projection]
# central_meridian = 114.0
# false_easting = 0.0
# false_northing = 0.0
# ellipsoid = "krass"

[[points]]                        # known in both systems: they fit the 4 parameters where none are given, else check
id = "P1"
x = 500000.0                      # east and north in "from"
y = 2500000.0
local_x = 0.0                     # east and north in the local system
local_y = 0.0
"""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


class Parameters(_Part):
    """Of the transformation; `dz`, `rx`, `ry`, `rz` belong to seven, `rotation` to four."""

    dx: float
    dy: float
    dz: float | None = None
    rotation: float | None = None
    rx: float | None = None
    ry: float | None = None
    rz: float | None = None
    scale_ppm: float = 0.0
    convention: Literal["position_vector", "coordinate_frame"] | None = None


class Projection(_Part):
    """Transverse Mercator projection of a 7-parameter system."""

    central_meridian: float = Field(ge=-180, le=180)
    latitude_of_origin: float = 0.0
    false_easting: float = 0.0
    false_northing: float = 0.0
    scale: float = Field(1.0, gt=0)
    ellipsoid: str = "krass"


class Point(_Part):
    """A point known in both systems."""

    id: str
    x: float
    y: float
    local_x: float
    local_y: float


class LocalSystemFile(_Part):
    """The content of a parameter file."""

    name: str = Field(min_length=1)
    from_: str = Field(alias="from")
    kind: Literal["4-parameter", "7-parameter"]
    parameters: Parameters | None = None
    projection: Projection | None = None
    points: list[Point] = Field(default_factory=list)

    @model_validator(mode="after")
    def _complete(self) -> LocalSystemFile:
        given = self.parameters
        if self.kind == "7-parameter":
            wanted = ("dz", "rx", "ry", "rz", "convention")
            if given is None or self.projection is None or any(getattr(given, name) is None for name in wanted):
                msg = "7 parameters need dx, dy, dz, rx, ry, rz, scale_ppm, a convention, and a [projection]"
                raise ValueError(msg)
        elif given is None and len(self.points) < 2:
            msg = "4 parameters need [parameters], or two [[points]] at least to fit them"
            raise ValueError(msg)
        elif given is not None and given.rotation is None:
            msg = "4 parameters need dx, dy, rotation and scale_ppm"
            raise ValueError(msg)
        return self


@dataclass(frozen=True)
class Residual:
    """How far a known point is from where the parameters put it, m."""

    id: str
    east: float
    north: float


class LocalSystem:
    """A local system, as a transformation from and to a public one.

    Attributes
    ----------
    name : str
    crs : pyproj.CRS
        The public system that it starts from.
    fitted : bool
        Whether the parameters were fitted to the points.
    residuals : list of Residual
        Of the points.
    """

    def __init__(self, content: LocalSystemFile) -> None:
        self.name = content.name
        self.crs = resolve_crs(content.from_, np.zeros(1), np.zeros(1))
        self.fitted = content.parameters is None
        self._file = content
        self._pipeline = _pipeline(content) if content.kind == "7-parameter" else None
        self._centre = np.array([0j, 0j])
        self._turn = complex(1.0)
        if self._pipeline is None:
            self._similarity()
        known = np.array([(p.x, p.y, p.local_x, p.local_y) for p in content.points]).reshape(-1, 4)
        x, y = self.to_local(known[:, 0], known[:, 1])
        self.residuals = [
            Residual(point.id, float(known[i, 2] - x[i]), float(known[i, 3] - y[i]))
            for i, point in enumerate(content.points)
        ]

    def _similarity(self) -> None:
        """Set ``local = centre[1] + turn (public - centre[0])`` in complex numbers, given or by least squares."""
        given = self._file.parameters
        if given is not None:
            assert given.rotation is not None
            self._turn = (1 + 1e-6 * given.scale_ppm) * np.exp(1j * given.rotation * ARCSECOND)
            self._centre = np.array([0j, complex(given.dx, given.dy)])
            return
        public = np.array([complex(p.x, p.y) for p in self._file.points])
        local = np.array([complex(p.local_x, p.local_y) for p in self._file.points])
        self._centre = np.array([public.mean(), local.mean()])
        public, local = public - public.mean(), local - local.mean()
        spread = float((np.abs(public) ** 2).sum())
        if spread < 1.0 or float((np.abs(local) ** 2).sum()) < 1.0:
            msg = f"{self.name}: the points coincide, so that no rotation and scale can be fitted to them."
            raise RecipeError(msg)
        self._turn = complex((np.conj(public) * local).sum() / spread)

    def to_local(self, x: Any, y: Any) -> tuple[np.ndarray, np.ndarray]:
        """Return x (east) and y (north) in the local system of places in the public one, m."""
        x, y = np.asarray(x, dtype="float64"), np.asarray(y, dtype="float64")
        if self._pipeline is not None:
            a, b = self._pipeline[1].transform(*self._pipeline[0].transform(x, y))
            return np.asarray(a), np.asarray(b)
        out = self._centre[1] + self._turn * (x + 1j * y - self._centre[0])
        return out.real, out.imag

    def from_local(self, x: Any, y: Any) -> tuple[np.ndarray, np.ndarray]:
        """Return x (east) and y (north) in the public system of places in the local one, m."""
        x, y = np.asarray(x, dtype="float64"), np.asarray(y, dtype="float64")
        if self._pipeline is not None:
            inverse = "INVERSE"
            a, b = self._pipeline[0].transform(*self._pipeline[1].transform(x, y, direction=inverse), direction=inverse)
            return np.asarray(a), np.asarray(b)
        out = self._centre[0] + (x + 1j * y - self._centre[1]) / self._turn
        return out.real, out.imag

    def report(self) -> str:
        """Return the residuals of the known points as text; without parameters, which are controlled."""
        lines = [f"{self.name}: {'fitted to' if self.fitted else 'checked at'} {len(self.residuals)} points"]
        lines += [f"  {r.id}: east {r.east:+.4f} m, north {r.north:+.4f} m" for r in self.residuals]
        if self.residuals:
            square = sum(r.east**2 + r.north**2 for r in self.residuals)
            free = 2 * len(self.residuals) - (4 if self.fitted else 0)
            lines.append(
                f"  standard deviation per axis {np.sqrt(square / free):.4f} m" if free > 0 else "  no redundancy"
            )
        else:
            lines.append("  no points known in both systems: the parameters are unchecked")
        return "\n".join(lines)


def _pipeline(content: LocalSystemFile) -> tuple[pyproj.Transformer, pyproj.Transformer]:
    given, plane = content.parameters, content.projection
    assert given is not None
    assert plane is not None
    public = resolve_crs(content.from_, np.zeros(1), np.zeros(1))
    geographic = public.geodetic_crs
    if plane.ellipsoid not in pyproj.get_ellps_map():
        msg = f"{content.name}: ellipsoid {plane.ellipsoid!r} is not known; 'krass', 'IAU76' and 'GRS80' are, for example."
        raise RecipeError(msg)
    assert geographic is not None
    assert geographic.ellipsoid is not None
    a, rf = geographic.ellipsoid.semi_major_metre, geographic.ellipsoid.inverse_flattening
    local = f"+ellps={plane.ellipsoid}"
    text = (
        f"+proj=pipeline +step +proj=unitconvert +xy_in=deg +xy_out=rad +step +proj=cart +a={a!r} +rf={rf!r} "
        f"+step +proj=helmert +x={given.dx} +y={given.dy} +z={given.dz} +rx={given.rx} +ry={given.ry} +rz={given.rz} "
        f"+s={given.scale_ppm} +convention={given.convention} +step +inv +proj=cart {local} "
        f"+step +proj=tmerc +lat_0={plane.latitude_of_origin} +lon_0={plane.central_meridian} +k_0={plane.scale} "
        f"+x_0={plane.false_easting} +y_0={plane.false_northing} {local}"
    )
    first = pyproj.Transformer.from_crs(public, geographic, always_xy=True)
    return first, pyproj.Transformer.from_pipeline(text)


def load_local_system(path: str | Path) -> LocalSystem:
    """Read a parameter file.

    Parameters
    ----------
    path : path-like
        TOML; `TEMPLATE` shows one.

    Raises
    ------
    MissingFileError
        If there is no such file. There is no default for any system.
    RecipeError
        If it is malformed; the message names each key.
    """
    path = Path(path)
    msg = f"there is no parameter file {path}. It must come from the authority that keeps the system; gprscan has none."
    content = read_toml(path, msg)
    try:
        return LocalSystem(LocalSystemFile(**content))
    except ValidationError as error:
        found = [
            f"  {'.'.join(map(str, e['loc'])) or path.name}: {e['msg']}" for e in error.errors(include_input=False)
        ]
        msg = f"{path.name} is not right:\n" + "\n".join(found) + f"\nA right file looks like this:\n{TEMPLATE}"
        raise RecipeError(msg) from None
    except ParameterError as error:
        msg = f"{path.name}: from: {error}"
        raise RecipeError(msg) from None

"""Array surveys in two and a half dimensions: a three-dimensional road, cut by a vertical section per channel.

Each section is simulated on its own, so nothing scatters out of its plane. A pipe that crosses obliquely is wider in
the section than it is, but its curve keeps the ground's velocity, where a real one would look faster.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from gprscan.synthetic import bodies as make
from gprscan.synthetic import roads, truth
from gprscan.synthetic.bodies import Body, Ellipse
from gprscan.synthetic.fdtd import Record, simulate
from gprscan.synthetic.media import Layer, Medium, correlated_field, layered_medium
from gprscan.synthetic.shapes import paint
from gprscan.synthetic.swath import Swath


class Body3D(Protocol):
    """A body in three dimensions: x along the line, y across it (positive to the right), z down."""

    def section(self, y: float) -> Body | None:
        """Return what a vertical section at `y` cuts out of it, None where it misses."""
        ...

    def record(self) -> dict[str, Any]:
        """Entry of the truth record."""
        ...


@dataclass(frozen=True)
class EllipsoidVoid:
    """A void about (x, y, z) with semi-axes a along, b across and c down; filled with air, or with water."""

    x: float
    y: float
    z: float
    a: float
    b: float
    c: float
    water: bool = False

    def section(self, y: float) -> Body | None:
        """Return what a vertical section at `y` cuts out of it, None where less than 4 cm of height is left."""
        left = 1.0 - ((y - self.y) / self.b) ** 2
        if left <= 0 or 2 * self.c * np.sqrt(left) < 0.04:
            return None
        scale = float(np.sqrt(left))
        outline = Ellipse(self.x, self.z, self.a * scale, self.c * scale)
        return make.water_void(outline) if self.water else make.air_void(outline)

    def record(self) -> dict[str, Any]:
        """Entry of the truth record."""
        material = "water" if self.water else "air"
        return {
            "class": f"{material}_void",
            "category": "void",
            "material": material,
            "shape": "ellipsoid",
            "center_xyz_m": [self.x, self.y, self.z],
            "semi_axes_m": [self.a, self.b, self.c],
            "top_depth_m": round(self.z - self.c, 4),
            "extent_m": {"x": 2 * self.a, "y": 2 * self.b, "z": 2 * self.c},
        }


@dataclass(frozen=True)
class DebondedPatch:
    """An air gap under the bound layer, elliptic in plan."""

    x: float
    y: float
    a: float
    b: float
    interface: float
    thickness: float

    def section(self, y: float) -> Body | None:
        """Return what a vertical section at `y` cuts out of it, None where it misses."""
        left = 1.0 - ((y - self.y) / self.b) ** 2
        if left <= 0.01:
            return None
        return make.debonding(self.x, 2 * self.a * float(np.sqrt(left)), self.interface, self.thickness)

    def record(self) -> dict[str, Any]:
        """Entry of the truth record."""
        return {
            "class": "debond_cavity",
            "category": "void",
            "material": "air",
            "shape": "slab",
            "center_xyz_m": [self.x, self.y, round(self.interface + self.thickness / 2, 4)],
            "top_depth_m": self.interface,
            "extent_m": {"x": 2 * self.a, "y": 2 * self.b, "z": self.thickness},
        }


@dataclass(frozen=True)
class ObliquePipe:
    """A straight level pipe along ``x = x0 + slope y``; metal, or plastic filled with water."""

    x0: float
    slope: float
    top: float
    radius: float
    metal: bool = True

    def section(self, y: float) -> Body:
        """Return what a vertical section at `y` cuts out of it."""
        stretch = float(np.hypot(1.0, self.slope))
        x, z = self.x0 + self.slope * y, self.top + self.radius
        outline = Ellipse(x, z, self.radius * stretch, self.radius)
        if self.metal:
            return Body("metal_pipe", "utility", "pec", outline, (make.Part(outline, conductor=True),), -1, None)
        wall = 0.008
        bore = Ellipse(x, z, (self.radius - wall) * stretch, self.radius - wall)
        parts = (make.Part(outline, *make.PVC), make.Part(bore, *make.WATER))
        return Body("pvc_pipe_water", "utility", "pvc/water", outline, parts, -1, make.PVC[0], {"wall_m": wall})

    def record(self) -> dict[str, Any]:
        """Entry of the truth record."""
        return {
            "class": "metal_pipe" if self.metal else "pvc_pipe_water",
            "category": "utility",
            "material": "pec" if self.metal else "pvc/water",
            "shape": "straight pipe",
            "axis_line": "x = x0 + slope*y",
            "x0_m": self.x0,
            "slope": self.slope,
            "azimuth_from_y_deg": round(float(np.degrees(np.arctan(self.slope))), 1),
            "top_depth_m": self.top,
            "radius_m": self.radius,
        }


@dataclass(frozen=True)
class RoundManhole:
    """A round shaft about (x, y) with the outer radius and the depth of its floor."""

    x: float
    y: float
    radius: float
    bottom: float

    def section(self, y: float) -> Body | None:
        """Return what a vertical section at `y` cuts out of it, None outside its shaft."""
        left = self.radius**2 - (y - self.y) ** 2
        wall = 0.12
        if left <= (wall + 0.05) ** 2:
            return None
        return make.manhole(self.x, 2 * float(np.sqrt(left)), self.bottom, wall=wall)

    def record(self) -> dict[str, Any]:
        """Entry of the truth record."""
        return {
            "class": "manhole",
            "category": "structure",
            "material": "concrete/air/metal cover",
            "shape": "vertical shaft",
            "center_xyz_m": [self.x, self.y, self.bottom / 2],
            "top_depth_m": 0.0,
            "extent_m": {"x": 2 * self.radius, "y": 2 * self.radius, "z": self.bottom},
        }


@dataclass(frozen=True)
class Road3D:
    """A road and what is in it, ready to be cut into sections.

    Parameters
    ----------
    layers : tuple of Layer
        From the surface down.
    offsets : tuple of float
        Offset of each channel across the line in m.
    bodies : tuple of Body3D
        What is buried.
    clutter : {"low", "medium", "high"}
        Fluctuation, roughness and natural scatterers.
    seed : int
        The same seed draws the same road.
    length, depth, step : float
        Extents and node distance in m.
    """

    layers: tuple[Layer, ...]
    offsets: tuple[float, ...]
    bodies: tuple[Body3D, ...]
    clutter: str
    seed: int
    length: float
    depth: float
    step: float

    def hosts(self) -> list[tuple[Medium, list[roads.Scatterer]]]:
        """Draw the ground under each channel without any body, alike in neighbouring channels."""
        rng = np.random.default_rng([self.seed, 1])
        nx, rows = round(self.length / self.step) + 1, round(self.depth / self.step) + 1
        ny = len(self.offsets)
        pitch = abs(self.offsets[1] - self.offsets[0]) if ny > 1 else 0.1
        field = correlated_field((nx, ny, rows), (self.step, pitch, self.step), (0.30, 0.30, 0.10), rng)
        shift = roads.rough_interfaces(len(self.layers), nx, self.step, self.clutter, rng, Swath(self.offsets))
        stones = self._stones(rng)
        result = []
        for channel, y in enumerate(self.offsets):
            medium = layered_medium(
                self.layers,
                length=self.length,
                depth=self.depth,
                air=18 * self.step,
                step=self.step,
                fluctuation=field[:, channel],
                interface_shift=shift[..., channel],
            )
            cut = [stone for stone in (_cut(item, y) for item in stones) if stone is not None]
            for stone in cut:
                paint(medium, stone.shape, stone.permittivity, stone.conductivity)
            result.append((medium, cut))
        return result

    def _stones(self, rng: np.random.Generator) -> list[tuple[roads.Scatterer, float, float]]:
        """Scatterers with the position of their middle and their semi-axis across the line, clear of the bodies."""
        swath = max(self.offsets) - min(self.offsets) + 0.2
        found: list[tuple[roads.Scatterer, float, float]] = []
        # a section cuts those whose middle is within about 4 cm of it: as many per square metre as on a single line
        for _ in range(max(round(swath / 0.08), 1)):
            drawn = roads.scatterers_below(rng, self.clutter, self.layers, length=self.length, depth=self.depth)
            for stone in drawn:
                y = float(rng.uniform(min(self.offsets) - 0.1, max(self.offsets) + 0.1))
                body = [section for section in (item.section(y) for item in self.bodies) if section is not None]
                if not any(roads.overlaps(stone.shape, item) for item in body):
                    found.append((stone, y, float(stone.shape.a * rng.uniform(0.6, 1.0))))
        return found


def _cut(item: tuple[roads.Scatterer, float, float], y: float) -> roads.Scatterer | None:
    stone, middle, across = item
    left = 1.0 - ((y - middle) / across) ** 2
    if left <= 0.05:
        return None
    scale = float(np.sqrt(left))
    shape = Ellipse(stone.shape.x, stone.shape.z, stone.shape.a * scale, stone.shape.b * scale)
    return roads.Scatterer(stone.type, shape, stone.permittivity, stone.conductivity)


@dataclass(frozen=True)
class ArrayRecord:
    """Clean traces of an array.

    Parameters
    ----------
    traces : float32 array, shape (channel, trace, sample)
        Ez at the receivers in V/m.
    record : Record
        Geometry and sampling, with the traces of the last channel.
    channels : list of dict
        Truth per channel: offset, objects and scatterers in its section.
    """

    traces: NDArray[np.float32]
    record: Record
    channels: list[dict[str, Any]]


def simulate_array(
    road: Road3D,
    midpoint: NDArray[np.floating],
    *,
    frequency: float,
    separation: float,
    antenna_height: float,
    time_window: float,
    window: float = 3.2,
    parallel: bool = False,
) -> ArrayRecord:
    """Simulate every channel of an array over a road.

    Parameters
    ----------
    road : Road3D
        The road.
    midpoint : float array, shape (trace,)
        Antenna midpoints along the line in m.
    frequency, separation, antenna_height, time_window, window, parallel
        As in `gprscan.synthetic.fdtd.simulate`.

    Returns
    -------
    ArrayRecord
        Traces of all channels, and what lies in each section.
    """
    traces: list[NDArray[np.float32]] = []
    channels: list[dict[str, Any]] = []
    for y, (host, stones) in zip(road.offsets, road.hosts(), strict=True):
        found = [section for section in (body.section(y) for body in road.bodies) if section is not None]
        medium = host.copy()
        for body in found:
            body.paint_on(medium)
        record = simulate(
            medium,
            midpoint,
            frequency=frequency,
            separation=separation,
            antenna_height=antenna_height,
            time_window=time_window,
            window=window,
            parallel=parallel,
        )
        traces.append(record.traces)
        objects = truth.object_records(found, host, record)
        channels.append(
            {"channel": len(channels), "y_m": y, "objects": objects, "clutter_objects": [s.record() for s in stones]}
        )
    return ArrayRecord(np.stack(traces), record, channels)


__all__ = [
    "ArrayRecord",
    "Body3D",
    "DebondedPatch",
    "EllipsoidVoid",
    "ObliquePipe",
    "Road3D",
    "RoundManhole",
    "simulate_array",
]

"""Outlines of buried bodies in a vertical section: x along the line, z below the ground, in m."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from gprscan.synthetic.media import Medium

_SUB = (-0.25, 0.25)  # four samples per cell decide how much of it a body covers


class Shape(Protocol):
    """An outline with its bounding box."""

    @property
    def name(self) -> str:
        """Word for the truth record."""
        ...

    @property
    def box(self) -> tuple[float, float, float, float]:
        """Smallest x, largest x, top and bottom in m."""
        ...

    def contains(self, x: NDArray[np.floating], z: NDArray[np.floating]) -> NDArray[np.bool_]:
        """Whether points lie inside."""
        ...


@dataclass(frozen=True)
class Ellipse:
    """An ellipse about (x, z) with semi-axes a (along) and b (down); a circle where they are equal."""

    x: float
    z: float
    a: float
    b: float

    @property
    def name(self) -> str:
        """Word for the truth record."""
        return "circle" if self.a == self.b else "ellipse"

    @property
    def box(self) -> tuple[float, float, float, float]:
        """Smallest x, largest x, top and bottom in m."""
        return self.x - self.a, self.x + self.a, self.z - self.b, self.z + self.b

    def contains(self, x: NDArray[np.floating], z: NDArray[np.floating]) -> NDArray[np.bool_]:
        """Whether points lie inside."""
        return ((x - self.x) / self.a) ** 2 + ((z - self.z) / self.b) ** 2 <= 1.0


@dataclass(frozen=True)
class Box:
    """A rectangle from `x0` to `x1` and from `top` to `bottom`."""

    x0: float
    x1: float
    top: float
    bottom: float
    name: str = "rect"

    @property
    def box(self) -> tuple[float, float, float, float]:
        """Smallest x, largest x, top and bottom in m."""
        return self.x0, self.x1, self.top, self.bottom

    def contains(self, x: NDArray[np.floating], z: NDArray[np.floating]) -> NDArray[np.bool_]:
        """Whether points lie inside."""
        return (x >= self.x0) & (x < self.x1) & (z >= self.top) & (z < self.bottom)


@dataclass(frozen=True)
class Arch:
    """A vault: a half ellipse over the upper `crown` of a rectangle, as voids under a cohesive layer collapse."""

    x: float
    top: float
    width: float
    height: float
    crown: float
    name: str = "arch"

    @property
    def box(self) -> tuple[float, float, float, float]:
        """Smallest x, largest x, top and bottom in m."""
        return self.x - self.width / 2, self.x + self.width / 2, self.top, self.top + self.height

    def contains(self, x: NDArray[np.floating], z: NDArray[np.floating]) -> NDArray[np.bool_]:
        """Whether points lie inside."""
        across = (x - self.x) / (self.width / 2)
        spring = self.top + self.crown
        vault = across**2 + ((z - spring) / self.crown) ** 2 <= 1.0
        return (np.abs(across) <= 1.0) & (z < self.top + self.height) & ((z >= spring) | vault)


@dataclass(frozen=True)
class Wedge:
    """All that lies below a plane that dips along the line, from `z0` at `x0` to `z1` at `x1`, down to `bottom`."""

    x0: float
    z0: float
    x1: float
    z1: float
    bottom: float
    name: str = "interface"

    @property
    def box(self) -> tuple[float, float, float, float]:
        """Smallest x, largest x, top and bottom in m."""
        return self.x0, self.x1, min(self.z0, self.z1), self.bottom

    def contains(self, x: NDArray[np.floating], z: NDArray[np.floating]) -> NDArray[np.bool_]:
        """Whether points lie inside."""
        return z >= self.z0 + (x - self.x0) * (self.z1 - self.z0) / (self.x1 - self.x0)


def paint(
    medium: Medium, shape: Shape, permittivity: float, conductivity: float = 0.0, *, conductor: bool = False
) -> None:
    """Put a body into a medium, in place.

    Parameters
    ----------
    medium : Medium
        What to paint on.
    shape : Shape
        Outline in m.
    permittivity, conductivity : float
        Relative permittivity and conductivity in S/m inside; cells that are cut by the outline get the area-weighted
        mean.
    conductor : bool
        Perfect conductor; cells covered at least half become metal, and at least one cell does.
    """
    x0, x1, top, bottom = shape.box
    step = medium.step
    first, last = max(int(np.floor(x0 / step)), 0), min(int(np.ceil(x1 / step)) + 1, medium.shape[0])
    upper = max(int(np.floor(top / step)) + medium.surface, 0)
    lower = min(int(np.ceil(bottom / step)) + medium.surface + 1, medium.shape[1])
    if first >= last or upper >= lower:
        return
    x = (np.arange(first, last) * step)[:, None]
    z = ((np.arange(upper, lower) - medium.surface) * step)[None, :]
    share = sum(shape.contains(x + i * step, z + j * step).astype("float32") for i in _SUB for j in _SUB) / np.float32(
        4
    )
    window = (slice(first, last), slice(upper, lower))
    if conductor:
        metal = share >= 0.5
        if not metal.any():
            metal = share >= share.max() if share.max() > 0 else metal
        medium.conductor[window] |= metal
        return
    medium.permittivity[window] += share * (np.float32(permittivity) - medium.permittivity[window])
    medium.conductivity[window] += share * (np.float32(conductivity) - medium.conductivity[window])
    medium.conductor[window] &= share < 0.5

"""Random roads: layers, their fluctuation and roughness, and the natural scatterers in them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gprscan.errors import ParameterError
from gprscan.synthetic.bodies import Body
from gprscan.synthetic.media import Layer, Medium, layered_medium
from gprscan.synthetic.shapes import Ellipse, paint
from gprscan.synthetic.swath import LINE, Swath

CLUTTER_LEVELS = ("low", "medium", "high")
_SPREAD = {"low": (0.0, 0.03, 0.05), "medium": (0.02, 0.08, 0.12), "high": (0.02, 0.14, 0.22)}
_ROUGHNESS = {"low": 0.0, "medium": 0.010, "high": 0.016}  # of the lower interface, m
_STONES = {"low": 0.0, "medium": 2.9, "high": 8.5}  # per square metre below the bound layer
_STONE_SIZE = {"low": (0.0, 0.0), "medium": (0.022, 0.055), "high": (0.025, 0.095)}


@dataclass(frozen=True)
class Scatterer:
    """A stone, a clay lens or a small air pocket."""

    type: str
    shape: Ellipse
    permittivity: float
    conductivity: float

    def record(self) -> dict[str, Any]:
        """Entry of the truth record."""
        return {
            "type": self.type,
            "x_m": round(self.shape.x, 3),
            "depth_m": round(self.shape.z, 3),
            "a_m": round(self.shape.a, 3),
            "b_m": round(self.shape.b, 3),
            "eps_r": round(self.permittivity, 1),
        }


def random_layers(rng: np.random.Generator, clutter: str, *, concrete: bool = False) -> tuple[Layer, ...]:
    """Draw a bound layer, a base and a subgrade.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of randomness.
    clutter : {"low", "medium", "high"}
        How much the permittivity fluctuates.
    concrete : bool
        A concrete slab instead of asphalt.

    Returns
    -------
    tuple of Layer
        From the surface down; the subgrade goes on for ever.

    Raises
    ------
    ParameterError
        If there is no such clutter level.
    """
    require_clutter(clutter)
    spread = _SPREAD[clutter]
    sigma = float(rng.uniform(0.0014, 0.0062))
    if concrete:
        top = Layer("concrete slab", float(rng.uniform(0.16, 0.22)), float(rng.uniform(6.0, 7.6)), 0.004, spread[0])
    else:
        top = Layer("asphalt", float(rng.uniform(0.08, 0.19)), float(rng.uniform(4.0, 6.4)), 0.002, spread[0])
    base = Layer("base", float(rng.uniform(0.20, 0.36)), float(rng.uniform(6.5, 9.0)), sigma, spread[1])
    return top, base, Layer("subgrade", np.inf, float(rng.uniform(8.0, 13.0)), 2 * sigma, spread[2])


def on_nodes(layers: tuple[Layer, ...], step: float) -> tuple[Layer, ...]:
    """Round thicknesses to the grid, so that a debonding starts where the layer above it ends."""
    return tuple(
        replace(layer, thickness=round(layer.thickness / step) * step) if np.isfinite(layer.thickness) else layer
        for layer in layers
    )


def require_clutter(clutter: str) -> None:
    """Refuse an unknown clutter level."""
    if clutter not in CLUTTER_LEVELS:
        msg = f"there is no clutter level {clutter!r}; known: {', '.join(CLUTTER_LEVELS)}."
        raise ParameterError(msg)


def rough_interfaces(
    n_layers: int, nx: int, step: float, clutter: str, rng: np.random.Generator, swath: Swath = LINE
) -> NDArray[np.floating]:
    """Draw how much deeper each interface lies than nominal, shape (layer - 1, nx, channel), in m.

    The lower face of the bound layer is laid flat to some millimetres; deeper ones undulate with the clutter level.
    """
    shift = np.zeros((n_layers - 1, nx, swath.size))
    for number in range(1, n_layers - 1):
        shift[number] = _ROUGHNESS[clutter] * swath.field(nx, step, 0.35, rng)
    return shift


def random_scatterers(
    rng: np.random.Generator, clutter: str, *, length: float, top: float, bottom: float
) -> tuple[Scatterer, ...]:
    """Draw stones, and at high clutter clay lenses and small air pockets.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of randomness.
    clutter : {"low", "medium", "high"}
        How many, and how large.
    length, top, bottom : float
        Where they may lie, in m.

    Returns
    -------
    tuple of Scatterer
        Their exact positions.
    """
    require_clutter(clutter)
    area = length * max(bottom - top, 0.0)

    def ellipse(low: float, high: float) -> Ellipse:
        a = float(rng.uniform(low, high))
        b = float(np.clip(a * rng.uniform(0.55, 0.95), min(0.02, a), a))
        return Ellipse(float(rng.uniform(0, length)), float(rng.uniform(top, bottom)), a, b)

    found = [
        Scatterer("stone", ellipse(*_STONE_SIZE[clutter]), float(rng.uniform(5.0, 7.0)), 0.001)
        for _ in range(round(_STONES[clutter] * area))
    ]
    if clutter == "high":
        found += [
            Scatterer("clay lens", ellipse(0.04, 0.075), float(rng.uniform(15, 20)), 0.03)
            for _ in range(round(0.9 * area))
        ]
        found += [Scatterer("small air pocket", ellipse(0.010, 0.025), 1.0, 0.0) for _ in range(round(1.2 * area))]
    return tuple(found)


def scatterers_below(
    rng: np.random.Generator, clutter: str, layers: tuple[Layer, ...], *, length: float, depth: float
) -> tuple[Scatterer, ...]:
    """Draw the natural scatterers of a road: under its bound layer, and clear of the depth in m down to which it is made."""
    return random_scatterers(rng, clutter, length=length, top=layers[0].thickness + 0.08, bottom=depth - 0.1)


def overlaps(stone: Ellipse, body: Body) -> bool:
    """Whether a scatterer's middle lies inside the box around a body, its own size added."""
    x0, x1, top, bottom = body.outline.box
    return x0 - stone.a < stone.x < x1 + stone.a and top - stone.b < stone.z < bottom + stone.b


def road_medium(
    layers: tuple[Layer, ...],
    scatterers: tuple[Scatterer, ...],
    clutter: str,
    rng: np.random.Generator,
    *,
    length: float,
    depth: float,
    air: float,
    step: float,
) -> Medium:
    """Build the ground without any target.

    Parameters
    ----------
    layers : tuple of Layer
        From the surface down.
    scatterers : tuple of Scatterer
        Natural scatterers to put in.
    clutter : {"low", "medium", "high"}
        Roughness of the interfaces.
    rng : numpy.random.Generator
        Source of the fluctuation.
    length, depth, air, step : float
        Extents and node distance in m.

    Returns
    -------
    Medium
        Properties at the nodes.
    """
    nx = round(length / step) + 1
    shift = rough_interfaces(len(layers), nx, step, clutter, rng)[..., 0]
    medium = layered_medium(layers, length=length, depth=depth, air=air, step=step, rng=rng, interface_shift=shift)
    for scatterer in scatterers:
        paint(medium, scatterer.shape, scatterer.permittivity, scatterer.conductivity)
    return medium

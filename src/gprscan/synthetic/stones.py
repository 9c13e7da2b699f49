"""Natural scatterers under and beside the channels of a survey."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gprscan.synthetic import roads
from gprscan.synthetic.illumination import Ground
from gprscan.synthetic.swath import Swath

SIDE = 0.8  # how far beside the outermost channels stones are drawn, m


def draw_stones(
    rng: np.random.Generator, clutter: str, ground: Ground, swath: Swath, *, length: float
) -> list[tuple[roads.Scatterer, float]]:
    """Draw natural scatterers, each with its offset across the line in m.

    A channel of a swath hears stones to its sides, a line by itself only those under it; there are so many per square metre of
    plan that a channel of either hears the same power.
    """
    layers, depth = ground.layers, ground.road.depth
    if swath.size == 1:
        middle = swath.offsets[0]
        return [(each, middle) for each in roads.scatterers_below(rng, clutter, layers, length=length, depth=depth)]
    low, high = swath.offsets[0] - SIDE, swath.offsets[-1] + SIDE
    sets = (high - low) / heard_width(ground, 0.5 * depth)
    drawn: list[tuple[roads.Scatterer, float]] = []
    for number in range(int(np.ceil(sets))):
        share = min(sets - number, 1.0)
        each = roads.scatterers_below(rng, clutter, layers, length=length, depth=depth)
        drawn += [(stone, float(rng.uniform(low, high))) for stone in each if rng.random() < share]
    return drawn


def heard_width(ground: Ground, depth: float) -> float:
    """How wide a strip of stones under a line gives the power of all that lie within `SIDE` of it, in m."""
    along = _distances(ground, depth)
    across = np.linspace(-SIDE, SIDE, 41)
    _, size = ground.scattered(along, depth)
    heard = np.interp(np.hypot(along[:, None], across), along, size, right=0.0) ** 2
    return float(np.trapezoid(np.trapezoid(heard, across, axis=1), along) / np.trapezoid(size**2, along))


def off_line(
    ground: Ground, depth: float, along: NDArray[np.floating], beside: Sequence[float]
) -> list[tuple[NDArray[np.floating], NDArray[np.floating]]]:
    """Time and amplitude as `Ground.scattered` gives them, of a scatterer that lies so far beside each of some lines, in m."""
    if not any(beside):
        return [ground.scattered(along, depth)] * len(beside)
    grid = _distances(ground, depth)
    time, size = ground.scattered(grid, depth)
    distances = [np.hypot(along, y) for y in beside]
    return [(np.interp(d, grid, time), np.interp(d, grid, size, right=0.0)) for d in distances]


def _distances(ground: Ground, depth: float) -> NDArray[np.floating]:
    reach = ground.reach(depth)
    return np.linspace(-reach, reach, 2 * int(np.ceil(2 * reach / ground.road.spacing)) + 1)


def stone_record(stone: roads.Scatterer, offset: float, swath: Swath) -> dict[str, Any]:
    """Entry of the truth record; the offset only where there are channels."""
    return stone.record() | ({"y_m": round(offset, 3)} if swath.size > 1 else {})

"""First-arrival times in a section v(x, z), by fast sweeping of the factored eikonal equation.

The time from a source is written as distance times source slowness times a factor that is 1 in a uniform ground. The
factor is smooth at the source, where the time itself is not, so that a first-order scheme stays accurate (Fomel, Luo
and Zhao 2009, Journal of Computational Physics 228, 6440-6455; sweeping: Zhao 2005, Mathematics of Computation 74,
603-627).
"""

from __future__ import annotations

import math
from typing import Any

import numba
import numpy as np

from gprscan.kernels.jit import inline, kernel, parallel_kernel

FAR = 1e9


@inline
def _update(factor, ix, iz, x, z, slowness, source_slowness, step):  # type: ignore[no-untyped-def]
    """Return the factor at a node from its upwind neighbours; `x` and `z` are its coordinates from the source."""
    nx, nz = factor.shape
    r = math.sqrt(x * x + z * z)
    base = source_slowness * r
    base_x = source_slowness * x / r
    base_z = source_slowness * z / r
    # the neighbour with the smaller time on each axis, and the side on which it lies
    side_x, from_x = 0.0, FAR
    for side in (-1, 1):
        k = ix + side
        if 0 <= k < nx:
            time = factor[k, iz] * source_slowness * math.sqrt((x + side * step) ** 2 + z * z)
            if time < from_x:
                from_x, side_x = time, float(side)
    side_z, from_z = 0.0, FAR
    for side in (-1, 1):
        k = iz + side
        if 0 <= k < nz:
            time = factor[ix, k] * source_slowness * math.sqrt(x * x + (z + side * step) ** 2)
            if time < from_z:
                from_z, side_z = time, float(side)
    best = factor[ix, iz]
    # derivative along an axis with the neighbour on `side`: base' f + base (neighbour - f) side / step = p f + q
    px, qx, pz, qz = 0.0, 0.0, 0.0, 0.0
    if from_x < FAR:
        neighbour = factor[ix + int(side_x), iz]
        px, qx = base_x - side_x * base / step, side_x * base * neighbour / step
    if from_z < FAR:
        neighbour = factor[ix, iz + int(side_z)]
        pz, qz = base_z - side_z * base / step, side_z * base * neighbour / step
    if from_x < FAR and from_z < FAR:
        a = px * px + pz * pz
        b = px * qx + pz * qz
        c = qx * qx + qz * qz - slowness * slowness
        root = b * b - a * c
        if root >= 0.0:
            f = (-b + math.sqrt(root)) / a
            # causal if the ray comes from between the two neighbours
            if (px * f + qx) * side_x <= 0.0 and (pz * f + qz) * side_z <= 0.0 and base * f >= max(from_x, from_z):
                return min(best, f)
    # one neighbour alone: the ray runs along the axis
    if from_x < FAR:
        best = min(best, (from_x + slowness * step) / base)
    if from_z < FAR:
        best = min(best, (from_z + slowness * step) / base)
    return best


@inline
def _solve(slowness, origin_x, origin_z, step, factor, sweeps):  # type: ignore[no-untyped-def]
    """Fill `factor` for a source at (origin_x, origin_z), in grid steps from the corner; it lies on the top row."""
    nx, nz = slowness.shape
    near = min(max(int(origin_x + 0.5), 0), nx - 1)
    source_slowness = slowness[near, 0]
    for ix in range(nx):
        for iz in range(nz):
            close = abs(ix - origin_x) <= 1.0 and abs(iz - origin_z) <= 1.0
            factor[ix, iz] = 1.0 if close else FAR
    for sweep in range(sweeps):
        largest = 0.0
        for direction in range(4):
            for a in range(nx):
                ix = a if direction % 2 == 0 else nx - 1 - a
                for b in range(nz):
                    iz = b if direction < 2 else nz - 1 - b
                    x = (ix - origin_x) * step
                    z = (iz - origin_z) * step
                    if abs(ix - origin_x) <= 1.0 and abs(iz - origin_z) <= 1.0:
                        continue
                    new = _update(factor, ix, iz, x, z, slowness[ix, iz], source_slowness, step)
                    largest = max(largest, factor[ix, iz] - new)
                    factor[ix, iz] = new
        if sweep > 0 and largest < 1e-5:
            break
    return source_slowness


@kernel
def first_arrivals(slowness, origin, step, sweeps):  # type: ignore[no-untyped-def]
    """Return the first-arrival times (ns) from a source on the surface.

    Parameters
    ----------
    slowness : ndarray of float64, shape (x, depth)
        ns/m at the nodes of a grid whose first column of depths is the surface.
    origin : float
        Place of the source along x, in grid steps.
    step : float
        Grid step in both directions, m.
    sweeps : int
        Most rounds of four sweeps.

    Returns
    -------
    ndarray of float64, shape (x, depth)
    """
    factor = np.empty(slowness.shape)
    source_slowness = _solve(slowness, origin, 0.0, step, factor, sweeps)
    for ix in range(factor.shape[0]):
        for iz in range(factor.shape[1]):
            factor[ix, iz] *= source_slowness * step * math.sqrt((ix - origin) ** 2 + iz * iz)
    return factor


@inline
def _mean_slowness(slowness, source, anchors, reach, step, sweeps, out):  # type: ignore[no-untyped-def]
    """Fill `out` (anchor, depth) with time over distance from one source to the anchors within `reach` nodes of it."""
    first = max(int(source) - reach, 0)
    last = min(int(source) + reach + 2, slowness.shape[0])
    window = slowness[first:last]
    factor = np.empty(window.shape)
    source_slowness = _solve(window, source - first, 0.0, step, factor, sweeps)
    for k in range(anchors.size):
        place = anchors[k] - first
        column = int(place)
        if place < 0 or column >= window.shape[0]:
            for iz in range(window.shape[1]):
                out[k, iz] = np.nan
            continue
        share = place - column
        following = min(column + 1, window.shape[0] - 1)
        for iz in range(window.shape[1]):
            out[k, iz] = source_slowness * ((1.0 - share) * factor[column, iz] + share * factor[following, iz])


@kernel
def mean_slowness_serial(slowness, sources, anchors, reach, step, sweeps, out):  # type: ignore[no-untyped-def]
    """Fill `out` on one thread; see `mean_slowness`."""
    for i in range(sources.size):
        _mean_slowness(slowness, sources[i], anchors, reach, step, sweeps, out[i])


@parallel_kernel
def mean_slowness_parallel(slowness, sources, anchors, reach, step, sweeps, out):  # type: ignore[no-untyped-def]
    """Fill `out` on several threads; see `mean_slowness`."""
    for i in numba.prange(sources.size):
        _mean_slowness(slowness, sources[i], anchors, reach, step, sweeps, out[i])


def mean_slowness(
    slowness: np.ndarray,
    sources: np.ndarray,
    anchors: np.ndarray,
    reach: int,
    step: float,
    *,
    sweeps: int = 12,
    threads: int = 1,
) -> np.ndarray:
    """Return first-arrival time over straight distance, from places on the surface to points below others.

    This ratio is smooth, so that it may be interpolated between sources and between points.

    Parameters
    ----------
    slowness : ndarray of float64, shape (x, depth)
        ns/m on a square grid.
    sources, anchors : ndarray of float64
        Places along x in grid steps.
    reach : int
        Grid columns on each side of a source that are solved for; anchors beyond are NaN.
    step : float
        Grid step, m.
    sweeps : int
        Most rounds of four sweeps.
    threads : int
        1 for the serial kernel.

    Returns
    -------
    ndarray of float32, shape (source, anchor, depth)
        ns/m.
    """
    out = np.empty((sources.size, anchors.size, slowness.shape[1]), np.float32)
    run: Any = mean_slowness_parallel if threads > 1 else mean_slowness_serial
    run(slowness, sources, anchors, reach, step, sweeps, out)
    return out

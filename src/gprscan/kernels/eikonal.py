"""First-arrival times in a section v(x, z), by fast sweeping of the factored eikonal equation.

The time from a source is written as distance times source slowness times a factor that is 1 in a uniform ground. The
factor is smooth at the source, where the time itself is not (Fomel, Luo and Zhao 2009, Journal of Computational Physics
228, 6440-6455). Sweeps of first order (Zhao 2005, Mathematics of Computation 74, 603-627) give the direction from which
each node is reached, and sweeps with one-sided differences of second order mend the times; close to the source, the rays
are straight.
"""

from __future__ import annotations

import math
from typing import Any

import numba
import numpy as np

from gprscan.kernels.jit import inline, kernel, parallel_kernel

FAR = 1e9
NEAR = 2.0  # grid steps around the source within which rays count as straight


@inline
def _upwind(factor, ix, iz, along, base, base_axis, source_slowness, step, x, z, second):  # type: ignore[no-untyped-def]
    """Return p, q, side and time of the derivative ``p f + q`` of the time along one axis, from its upwind neighbours.

    The derivative of ``base f`` is ``base' f + base f'``, with a one-sided difference of the factor f: of second order
    where two neighbours lie upwind, else of first order.
    """
    nx, nz = factor.shape
    best, side = FAR, 0
    for s in (-1, 1):
        kx, kz = (ix + s, iz) if along else (ix, iz + s)
        if 0 <= kx < nx and 0 <= kz < nz:
            dx, dz = (s * step, 0.0) if along else (0.0, s * step)
            time = factor[kx, kz] * source_slowness * math.sqrt((x + dx) ** 2 + (z + dz) ** 2)
            if time < best:
                best, side = time, s
    if best >= FAR:
        return 0.0, 0.0, 0.0, best
    kx, kz = (ix + side, iz) if along else (ix, iz + side)
    near = factor[kx, kz]
    if second:
        fx, fz = (ix + 2 * side, iz) if along else (ix, iz + 2 * side)
        if 0 <= fx < nx and 0 <= fz < nz:
            dx, dz = (2 * side * step, 0.0) if along else (0.0, 2 * side * step)
            far = factor[fx, fz]
            if far * source_slowness * math.sqrt((x + dx) ** 2 + (z + dz) ** 2) < best:
                scale = side * base / step
                return base_axis - 1.5 * scale, scale * (2.0 * near - 0.5 * far), float(side), best
    return base_axis - side * base / step, side * base * near / step, float(side), best


@inline
def _update(factor, ix, iz, x, z, slowness, source_slowness, step, second):  # type: ignore[no-untyped-def]
    """Return the factor at a node from its upwind neighbours; `x` and `z` are its coordinates from the source."""
    r = math.sqrt(x * x + z * z)
    base = source_slowness * r
    px, qx, side_x, from_x = _upwind(
        factor, ix, iz, True, base, source_slowness * x / r, source_slowness, step, x, z, second
    )
    pz, qz, side_z, from_z = _upwind(
        factor, ix, iz, False, base, source_slowness * z / r, source_slowness, step, x, z, second
    )
    if from_x < FAR and from_z < FAR:
        a = px * px + pz * pz
        b = px * qx + pz * qz
        c = qx * qx + qz * qz - slowness * slowness
        root = b * b - a * c
        if root >= 0.0:
            f = (-b + math.sqrt(root)) / a
            # causal if the ray comes from between the two neighbours
            if (px * f + qx) * side_x <= 0.0 and (pz * f + qz) * side_z <= 0.0:
                if second:
                    return f
                if base * f >= max(from_x, from_z):
                    return min(factor[ix, iz], f)
    # one neighbour alone: the ray runs along the axis
    if second:
        if from_x <= from_z:
            return (-side_x * slowness - qx) / px
        return (-side_z * slowness - qz) / pz
    best = factor[ix, iz]
    if from_x < FAR:
        best = min(best, (from_x + slowness * step) / base)
    if from_z < FAR:
        best = min(best, (from_z + slowness * step) / base)
    return best


@inline
def _between(slowness, place, depth):  # type: ignore[no-untyped-def]
    """Return the slowness at a point between the nodes, in grid steps from the corner (bilinear)."""
    column = min(max(int(place), 0), slowness.shape[0] - 2)
    row = min(max(int(depth), 0), slowness.shape[1] - 2)
    s = min(max(place - column, 0.0), 1.0)
    t = min(max(depth - row, 0.0), 1.0)
    upper = (1.0 - s) * slowness[column, row] + s * slowness[column + 1, row]
    lower = (1.0 - s) * slowness[column, row + 1] + s * slowness[column + 1, row + 1]
    return (1.0 - t) * upper + t * lower


@inline
def _sweep(slowness, origin, step, factor, source_slowness, second):  # type: ignore[no-untyped-def]
    """Sweep the grid in its four directions and return the largest change of the factor."""
    nx, nz = slowness.shape
    largest = 0.0
    for direction in range(4):
        for a in range(nx):
            ix = a if direction % 2 == 0 else nx - 1 - a
            for b in range(nz):
                iz = b if direction < 2 else nz - 1 - b
                if abs(ix - origin) <= NEAR and iz <= NEAR:
                    continue
                x, z = (ix - origin) * step, iz * step
                new = _update(factor, ix, iz, x, z, slowness[ix, iz], source_slowness, step, second)
                largest = max(largest, abs(factor[ix, iz] - new))
                factor[ix, iz] = new
    return largest


@inline
def _solve(slowness, origin, step, factor, sweeps):  # type: ignore[no-untyped-def]
    """Fill `factor` for a source on the surface, `origin` grid steps from the corner."""
    nx, nz = slowness.shape
    source_slowness = _between(slowness, origin, 0.0)
    for ix in range(nx):
        for iz in range(nz):
            factor[ix, iz] = FAR
            if abs(ix - origin) <= NEAR and iz <= NEAR:
                # the mean slowness along the straight ray (Simpson): right to third order in its length
                middle = _between(slowness, 0.5 * (ix + origin), 0.5 * iz)
                factor[ix, iz] = (source_slowness + 4.0 * middle + slowness[ix, iz]) / (6.0 * source_slowness)
    for sweep in range(sweeps):
        if _sweep(slowness, origin, step, factor, source_slowness, False) < 1e-5 and sweep > 0:
            break
    for _ in range(sweeps):
        if _sweep(slowness, origin, step, factor, source_slowness, True) < 1e-5:
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
        Most rounds of four sweeps of either order.

    Returns
    -------
    ndarray of float64, shape (x, depth)
    """
    factor = np.empty(slowness.shape)
    source_slowness = _solve(slowness, origin, step, factor, sweeps)
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
    source_slowness = _solve(window, source - first, step, factor, sweeps)
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
        Most rounds of four sweeps of either order.
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

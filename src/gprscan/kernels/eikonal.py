"""First-arrival times in a section v(x, z), by fast sweeping of the factored eikonal equation.

The time from a source is written as distance times source slowness times a factor that is 1 in a uniform ground. The
factor is smooth at the source, where the time itself is not (Fomel, Luo and Zhao 2009, Journal of Computational Physics
228, 6440-6455). Sweeps of first order (Zhao 2005, Mathematics of Computation 74, 603-627) give the direction from which
each node is reached, and sweeps with one-sided differences of second order mend the times; close to the source, the rays
are straight. Nodes whose neighbours did not change since are passed over (Bak, McLaughlin and Renzi 2010, SIAM Journal
on Scientific Computing 32, 2853-2874), and sources lie on nodes, so that all share one table of distances.
"""

from __future__ import annotations

import math

import numpy as np

from gprscan.kernels.jit import inline, kernel, share_out

FAR = 1e9
NEAR = 2  # grid steps around the source within which rays count as straight
TOLERANCE = 1e-5  # relative change of a time below which a node counts as settled
SWEEPS = 60  # at most, of either order; smooth sections take about 8


@inline
def _upwind(factor, ix, iz, sx, sz, origin, distance, source_slowness, base, base_axis, step, second):  # type: ignore[no-untyped-def]
    """Return p, q, side and time of the derivative ``p f + q`` of the time along one axis, from its upwind neighbours.

    The derivative of ``base f`` is ``base' f + base f'``, with a one-sided difference of the factor f: of second order
    where two neighbours lie upwind, else of first order. (sx, sz) is one node along the axis.
    """
    nx, nz = factor.shape
    best, side = FAR, 0
    for s in (-1, 1):
        kx, kz = ix + s * sx, iz + s * sz
        if 0 <= kx < nx and 0 <= kz < nz:
            time = factor[kx, kz] * source_slowness * distance[abs(kx - origin), kz]
            if time < best:
                best, side = time, s
    if best >= FAR:
        return 0.0, 0.0, 0.0, best
    near = factor[ix + side * sx, iz + side * sz]
    scale = side * base / step
    if second:
        fx, fz = ix + 2 * side * sx, iz + 2 * side * sz
        if 0 <= fx < nx and 0 <= fz < nz:
            far = factor[fx, fz]
            if far * source_slowness * distance[abs(fx - origin), fz] < best:
                return base_axis - 1.5 * scale, scale * (2.0 * near - 0.5 * far), float(side), best
    return base_axis - scale, scale * near, float(side), best


@inline
def _update(factor, ix, iz, origin, distance, slowness, source_slowness, step, second):  # type: ignore[no-untyped-def]
    """Return the factor at a node from its upwind neighbours."""
    r = distance[abs(ix - origin), iz]
    base = source_slowness * r
    turn = source_slowness * step / r
    px, qx, side_x, from_x = _upwind(
        factor, ix, iz, 1, 0, origin, distance, source_slowness, base, turn * (ix - origin), step, second
    )
    pz, qz, side_z, from_z = _upwind(
        factor, ix, iz, 0, 1, origin, distance, source_slowness, base, turn * iz, step, second
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
def _sweep(slowness, origin, step, distance, factor, awake, source_slowness, direction, second):  # type: ignore[no-untyped-def]
    """Sweep the nodes that are awake in one direction, wake those around a change, and return how many changed."""
    nx, nz = slowness.shape
    changed = 0
    reach = 2 if second else 1
    for a in range(nx):
        ix = a if direction % 2 == 0 else nx - 1 - a
        for b in range(nz):
            iz = b if direction < 2 else nz - 1 - b
            if not awake[ix, iz]:
                continue
            awake[ix, iz] = False
            if abs(ix - origin) <= NEAR and iz <= NEAR:
                continue
            old = factor[ix, iz]
            new = _update(factor, ix, iz, origin, distance, slowness[ix, iz], source_slowness, step, second)
            factor[ix, iz] = new
            if abs(old - new) > TOLERANCE * new:
                changed += 1
                for n in range(1, reach + 1):
                    awake[max(ix - n, 0), iz] = True
                    awake[min(ix + n, nx - 1), iz] = True
                    awake[ix, max(iz - n, 0)] = True
                    awake[ix, min(iz + n, nz - 1)] = True
    return changed


@inline
def _solve(slowness, origin, step, distance, factor, awake):  # type: ignore[no-untyped-def]
    """Fill `factor` for a source on the surface at the column `origin`, and return the slowness there."""
    nx, nz = slowness.shape
    source_slowness = slowness[origin, 0]
    for ix in range(nx):
        for iz in range(nz):
            factor[ix, iz] = FAR
            awake[ix, iz] = abs(ix - origin) <= NEAR + 1 and iz <= NEAR + 1
            if abs(ix - origin) <= NEAR and iz <= NEAR:
                # the mean slowness along the straight ray (Simpson): right to third order in its length
                left, up = (ix + origin) // 2, iz // 2
                right, down = (ix + origin + 1) // 2, (iz + 1) // 2
                middle = 0.25 * (
                    slowness[left, up] + slowness[right, up] + slowness[left, down] + slowness[right, down]
                )
                factor[ix, iz] = (source_slowness + 4.0 * middle + slowness[ix, iz]) / (6.0 * source_slowness)
    quiet = 0
    for sweep in range(SWEEPS):
        quiet = (
            0
            if _sweep(slowness, origin, step, distance, factor, awake, source_slowness, sweep % 4, False)
            else quiet + 1
        )
        if quiet == 4:
            break
    awake[:, :] = True
    quiet = 0
    for sweep in range(SWEEPS):
        quiet = (
            0
            if _sweep(slowness, origin, step, distance, factor, awake, source_slowness, sweep % 4, True)
            else quiet + 1
        )
        if quiet == 4:
            break
    return source_slowness


def distance_table(columns: int, rows: int, step: float) -> np.ndarray:
    """Return the distances (m) of the nodes of a grid from its corner, shape (columns, rows)."""
    return step * np.hypot(np.arange(columns)[:, None], np.arange(rows)[None, :])


@kernel
def _first_arrivals(slowness, origin, step, distance):  # type: ignore[no-untyped-def]
    """Return the factors times the source slowness; see `first_arrivals`."""
    factor = np.empty(slowness.shape)
    awake = np.empty(slowness.shape, np.bool_)
    return factor * _solve(slowness, origin, step, distance, factor, awake)


def first_arrivals(slowness: np.ndarray, origin: int, step: float) -> np.ndarray:
    """Return the first-arrival times (ns) from a source on the surface.

    Parameters
    ----------
    slowness : ndarray of float64, shape (x, depth)
        ns/m at the nodes of a grid whose first column of depths is the surface.
    origin : int
        Column of the source.
    step : float
        Grid step in both directions, m.

    Returns
    -------
    ndarray of float64, shape (x, depth)
    """
    distance = distance_table(slowness.shape[0], slowness.shape[1], step)
    from_source = distance[np.abs(np.arange(slowness.shape[0]) - origin)]
    return np.asarray(_first_arrivals(slowness, origin, step, distance) * from_source)


@inline
def _mean_slowness(slowness, source, stride, reach, step, distance, out):  # type: ignore[no-untyped-def]
    """Fill `out` (lag, depth) with time over distance from one source to the columns around it."""
    first = max(source - reach * stride, 0)
    last = min(source + reach * stride + 1, slowness.shape[0])
    window = slowness[first:last]
    factor = np.empty(window.shape)
    awake = np.empty(window.shape, np.bool_)
    source_slowness = _solve(window, source - first, step, distance, factor, awake)
    for lag in range(2 * reach + 1):
        # beyond the grid the ground is that of its last column, and so is the ratio, nearly
        column = min(max(source + (lag - reach) * stride, first), last - 1) - first
        for iz in range(window.shape[1]):
            out[lag, iz] = source_slowness * factor[column, iz]


@kernel
def _mean_slownesses(slowness, sources, stride, reach, step, distance, out):  # type: ignore[no-untyped-def]
    """Fill `out` for some sources; see `mean_slowness`."""
    for i in range(sources.size):
        _mean_slowness(slowness, sources[i], stride, reach, step, distance, out[i])


def mean_slowness(
    slowness: np.ndarray, sources: np.ndarray, stride: int, reach: int, step: float, *, threads: int = 1
) -> np.ndarray:
    """Return first-arrival time over straight distance, from places on the surface to points around them.

    This ratio is smooth, so that it may be interpolated between sources and between points.

    Parameters
    ----------
    slowness : ndarray of float64, shape (x, depth)
        ns/m on a square grid.
    sources : ndarray of int64
        Columns of the sources.
    stride : int
        Columns from one lag to the next.
    reach : int
        Lags to either side of a source.
    step : float
        Grid step, m.
    threads : int
        Python threads that share the sources.

    Returns
    -------
    ndarray of float32, shape (source, 2 reach + 1, depth)
        ns/m, from each source to the columns ``source + (lag - reach) stride``.
    """
    out = np.empty((sources.size, 2 * reach + 1, slowness.shape[1]), np.float32)
    distance = distance_table(2 * reach * stride + 1, slowness.shape[1], step)

    def work(first: int, last: int) -> None:
        _mean_slownesses(slowness, sources[first:last], stride, reach, step, distance, out[first:last])

    share_out(work, sources.size, threads)
    return out

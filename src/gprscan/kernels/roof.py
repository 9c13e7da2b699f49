"""The roof of a body in a migrated image: where it is level and strong, what lies under it, and what lies elsewhere."""

from __future__ import annotations

import numpy as np

from gprscan.kernels.growing import doubled
from gprscan.kernels.jit import brief_kernel, inline, kernel, sum_kernel
from gprscan.kernels.layers import follow_both_ways
from gprscan.kernels.select import middle_two

STRONG = 0.8  # quantile of the modulus along an event that is its level


@inline
def _quantile(values, share):  # type: ignore[no-untyped-def]
    """Quantile of sorted values, linear between them."""
    place = share * (values.size - 1)
    k = min(int(place), values.size - 2) if values.size > 1 else 0
    part = place - k
    return values[k] * (1.0 - part) + values[min(k + 1, values.size - 1)] * part


@brief_kernel
def plateau(
    modulus: np.ndarray, rows: np.ndarray, x: np.ndarray, z: np.ndarray
) -> tuple[int, int, int, int, int, float, float, float, float]:
    """Where an event is strong, and its shape there.

    Parameters
    ----------
    modulus : ndarray of float32, shape (trace, depth)
        Of the image.
    rows : ndarray of int64, shape (trace,)
        Row of the event in each trace, -1 where it is not; in at least one it is.
    x, z : ndarray of float64, shape (trace,) and (depth,)
        Distance and depth, m.

    Returns
    -------
    int, int
        First and last trace of the event.
    int, int
        First and last trace of the plateau: above half of its level.
    int
        Median of the rows of the plateau, cut to an integer.
    float
        The level: 80 % quantile of the modulus along the event.
    float
        Median of its rows.
    float, float
        Depth of the plateau's ends below its crest (m) and slope of a straight line through it (m/m); single traces that
        stick out do not count.
    """
    inside = np.flatnonzero(rows >= 0)
    strength = np.empty(inside.size)
    for i in range(inside.size):
        strength[i] = modulus[inside[i], rows[inside[i]]]
    level = _quantile(np.sort(strength), STRONG)
    first, last = -1, -1
    for i in range(inside.size):
        if strength[i] >= 0.5 * level:
            first = inside[i] if first < 0 else first
            last = inside[i]
    n = last - first + 1
    raw, depth = np.empty(n), np.empty(n)
    for i in range(n):
        raw[i] = z[rows[first + i]]
    for i in range(n):
        a, b, c = raw[max(i - 1, 0)], raw[i], raw[min(i + 1, n - 1)]
        depth[i] = max(min(a, b), min(max(a, b), c))
    if n == 2:
        depth[0], depth[1] = raw[0], max(raw[0], raw[1])
    mean, crest = 0.0, depth[0]
    for i in range(n):
        mean += x[first + i] / n
        crest = min(crest, depth[i])
    product, square = 0.0, 0.0
    for i in range(n):
        product += (x[first + i] - mean) * depth[i]
        square += (x[first + i] - mean) ** 2
    dip = product / square if n > 2 else 0.0
    middle, row = np.median(rows[inside]), int(np.median(rows[first : last + 1]))
    return inside[0], inside[-1], first, last, row, level, middle, 0.5 * (depth[0] + depth[n - 1]) - crest, dip


@kernel
def strongest_near(modulus: np.ndarray, points: np.ndarray, beside: int, above: int) -> np.ndarray:
    """Strongest place of an image within so many traces and rows of some points, of equals the first.

    Parameters
    ----------
    modulus : ndarray of float32, shape (trace, depth)
    points : ndarray of int64, shape (n, 2)
        Trace and row of each.
    beside, above : int
        Traces and rows to either side.

    Returns
    -------
    ndarray of int64, shape (n, 2)
    """
    out = points.copy()
    for i in range(points.shape[0]):
        trace, row = points[i]
        best = np.float32(-1.0)
        for a in range(max(trace - beside, 0), min(trace + beside + 1, modulus.shape[0])):
            for b in range(max(row - above, 0), min(row + above + 1, modulus.shape[1])):
                if modulus[a, b] > best:
                    best = modulus[a, b]
                    out[i, 0], out[i, 1] = a, b
    return out


EVENT = 9  # numbers: see `follow`


@kernel
def follow(
    re: np.ndarray,
    im: np.ndarray,
    modulus: np.ndarray,
    x: np.ndarray,
    z: np.ndarray,
    points: np.ndarray,
    floor: np.ndarray,
    window: tuple[int, int, int],
    bounds: tuple[float, float],
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Follow the events through some points of an image to both sides, and find where they are strong.

    Parameters
    ----------
    re, im, modulus : ndarray of float32, shape (trace, depth)
        Analytic signal of the image and its modulus.
    x, z : ndarray of float64, shape (trace,) and (depth,)
        Distance and depth, m.
    points : ndarray of int64, shape (n, 2)
        Trace and row of each.
    floor : ndarray of float64, shape (depth,)
        Modulus below which an event ends.
    window : tuple of int
        Half-length of the window in rows and largest change of row per trace, see `follow_ridge`; traces after which an
        event is not followed on.
    bounds : tuple of float
        Share of the modulus of the point below which an event ends; the agreement of `follow_ridge`.

    Returns
    -------
    ndarray of float64, shape (n, EVENT)
        As `plateau` returns them, traces counted from the first of the image.
    ndarray of int64, shape (m,)
        Rows of the events in the traces of their plateaus, one after the other.
    ndarray of int64, shape (n + 1,)
        Where in them each begins, and the end of the last.
    """
    half, reach, longest = window
    n = points.shape[0]
    numbers, starts = np.zeros((n, EVENT)), np.zeros(n + 1, np.int64)
    rows = np.empty(64 * (n + 1), np.int64)
    for i in range(n):
        trace, row = points[i]
        low, high = max(trace - longest, 0), min(trace + longest + 1, x.size)
        level = max(bounds[0] * modulus[trace, row], floor[row])
        near = follow_both_ways(re[low:high], im[low:high], trace - low, row, half, reach, level, bounds[1])
        begin, end, first, last, middle_row, strength, middle, sag, dip = plateau(
            modulus[low:high], near, x[low:high], z
        )
        numbers[i, 0], numbers[i, 1], numbers[i, 2], numbers[i, 3] = low + begin, low + end, low + first, low + last
        numbers[i, 4], numbers[i, 5], numbers[i, 6], numbers[i, 7], numbers[i, 8] = (
            middle_row,
            strength,
            middle,
            sag,
            dip,
        )
        size = last - first + 1
        starts[i + 1] = starts[i] + size
        while starts[i + 1] > rows.size:
            rows = doubled(rows)
        rows[starts[i] : starts[i + 1]] = near[first : last + 1]
    return numbers, rows[: starts[n]], starts


@kernel
def under(
    re: np.ndarray,
    im: np.ndarray,
    traces: np.ndarray,
    rows: np.ndarray,
    starts: np.ndarray,
    dz: float,
    span: tuple[int, int],
    bounds: tuple[float, float, float],
) -> tuple[np.ndarray, np.ndarray]:
    """What the image holds on and under some roofs, its columns shifted so that the roof is at zero.

    Parameters
    ----------
    re, im : ndarray of float32, shape (trace, depth)
        Analytic signal of the image; zero counts beyond.
    traces : ndarray of int64, shape (n,)
        First trace of each roof.
    rows : ndarray of int64, shape (m,)
        Rows of the roofs in their traces, one after the other.
    starts : ndarray of int64, shape (n + 1,)
        Where in `rows` each begins, and the end of the last.
    dz : float
        Step in depth, m.
    span : tuple of int
        Rows above and below the roof that are looked at.
    bounds : tuple of float
        The pulse lies less than the first from the roof; the inside deeper than the second and less deep than the third, m.

    Returns
    -------
    ndarray of float64, shape (n, 3)
        Mean energy of the pulse and of the inside; mean energy of the inside of the mean column.
    ndarray of float64, shape (n, rows above + rows below + 1)
        Real part of the mean column.
    """
    m = span[0] + span[1] + 1
    out, columns = np.empty((traces.size, 3)), np.zeros((traces.size, m))
    imaginary, energy = np.empty(m), np.empty(m)
    for k in range(traces.size):
        real = columns[k]
        imaginary[:] = 0.0
        energy[:] = 0.0
        n = starts[k + 1] - starts[k]
        for i in range(n):
            trace, top = traces[k] + i, rows[starts[k] + i] - span[0]
            for j in range(max(-top, 0), min(m, re.shape[1] - top)):
                a, b = np.float64(re[trace, top + j]), np.float64(im[trace, top + j])
                real[j] += a / n
                imaginary[j] += b / n
                energy[j] += (a * a + b * b) / n
        pulse, inside, common = 0.0, 0.0, 0.0
        count, within = 0, 0
        for j in range(m):
            depth = (j - span[0]) * dz
            if abs(depth) < bounds[0]:
                count += 1
                pulse += energy[j]
            if bounds[1] < depth < bounds[2]:
                within += 1
                inside += energy[j]
                common += real[j] * real[j] + imaginary[j] * imaginary[j]
        out[k, 0], out[k, 1], out[k, 2] = pulse / count, inside / within, common / within
    return out, columns


@sum_kernel
def elsewhere(
    modulus: np.ndarray, traces: np.ndarray, below: tuple[int, int], beside: tuple[int, int]
) -> tuple[float, float]:
    """Typical energy and level of an image in some traces.

    Parameters
    ----------
    modulus : ndarray of float32, shape (trace, depth)
    traces : ndarray of int64, shape (n,)
        Those that are looked at, at least one.
    below, beside : tuple of int
        Rows, the last left out, whose energy and whose largest modulus are taken.

    Returns
    -------
    float, float
        Median of the energy below (NaN where there are no rows); 70 % quantile of the largest modulus beside.
    """
    n, m = traces.size, max(min(below[1], modulus.shape[1]) - below[0], 0)
    deeper, largest = np.empty(n * m, np.float32), np.zeros(n)
    for i in range(n):
        part = modulus[traces[i]]
        for k in range(m):
            deeper[i * m + k] = part[below[0] + k]
        for k in range(beside[0], min(beside[1], part.size)):
            largest[i] = max(largest[i], part[k])
    beside_it = _quantile(np.sort(largest), 0.7)
    if m == 0:
        return np.nan, beside_it
    # squares are in the order of the moduli
    one, other = middle_two(deeper)
    return 0.5 * (np.float64(one) ** 2 + np.float64(other) ** 2), beside_it


@kernel
def elsewhere_each(
    modulus: np.ndarray,
    x: np.ndarray,
    valid: np.ndarray,
    roofs: np.ndarray,
    reach: float,
    spans: tuple[int, int, int, int],
    most: int,
) -> np.ndarray:
    """Typical energy below, and typical level at, the depth of some roofs, beside each.

    Parameters
    ----------
    modulus : ndarray of float32, shape (trace, depth)
    x, valid : ndarray, shape (trace,)
        Distances (m) of the traces, and whether they count.
    roofs : ndarray of int64, shape (n, 3)
        First and last trace of each, and its row.
    reach : float
        Traces farther from its middle are left out, m.
    spans : tuple of int
        Traces beside a roof that are still its own; rows above and below it whose level is taken; first row below it, and the
        one after the last, whose energy is.
    most : int
        Traces that are looked at, evenly thinned.

    Returns
    -------
    ndarray of float64, shape (n, 2)
        See `elsewhere`; NaN where fewer than four traces are left.
    """
    margin, half, begin, end = spans
    out = np.full((roofs.shape[0], 2), np.nan)
    for i in range(roofs.shape[0]):
        first, last, row = roofs[i]
        middle = 0.5 * (x[first] + x[last])
        low, high = np.searchsorted(x, middle - reach), np.searchsorted(x, middle + reach)
        away, count = np.empty(high - low, np.int64), 0
        for k in range(low, high):
            if valid[k] and not first - margin <= k <= last + margin:
                away[count] = k
                count += 1
        if count >= 4:
            thinned = away[:count][:: -(-count // most)]
            out[i] = elsewhere(modulus, thinned, (row + begin, row + end), (max(row - half, 0), row + half + 1))
    return out

"""The roof of a body in a migrated image: where it is level and strong, what lies under it, and what lies elsewhere."""

from __future__ import annotations

import numpy as np

from gprscan.kernels.jit import brief_kernel, inline, sum_kernel
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


@brief_kernel
def under(
    re: np.ndarray,
    im: np.ndarray,
    rows: np.ndarray,
    dz: float,
    span: tuple[int, int],
    bounds: tuple[float, float, float],
) -> tuple[float, float, float, np.ndarray]:
    """What the image holds on and under a roof, its columns shifted so that the roof is at zero.

    Parameters
    ----------
    re, im : ndarray of float32, shape (trace, depth)
        Analytic signal of the traces of the plateau; zero counts beyond.
    rows : ndarray of int64, shape (trace,)
        Row of the roof in each.
    dz : float
        Step in depth, m.
    span : tuple of int
        Rows above and below the roof that are looked at.
    bounds : tuple of float
        The pulse lies less than the first from the roof; the inside deeper than the second and less deep than the third, m.

    Returns
    -------
    float, float, float
        Mean energy of the pulse and of the inside; mean energy of the inside of the mean column.
    ndarray of float64, shape (rows above + rows below + 1,)
        Real part of the mean column.
    """
    n, m = rows.size, span[0] + span[1] + 1
    real, imaginary, energy = np.zeros(m), np.zeros(m), np.zeros(m)
    for i in range(n):
        top = rows[i] - span[0]
        for k in range(max(-top, 0), min(m, re.shape[1] - top)):
            a, b = np.float64(re[i, top + k]), np.float64(im[i, top + k])
            real[k] += a / n
            imaginary[k] += b / n
            energy[k] += (a * a + b * b) / n
    pulse, inside, common = 0.0, 0.0, 0.0
    count, within = 0, 0
    for k in range(m):
        depth = (k - span[0]) * dz
        if abs(depth) < bounds[0]:
            count += 1
            pulse += energy[k]
        if bounds[1] < depth < bounds[2]:
            within += 1
            inside += energy[k]
            common += real[k] * real[k] + imaginary[k] * imaginary[k]
    return pulse / count, inside / within, common / within, real


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

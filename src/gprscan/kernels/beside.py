"""Levels of the traces beside a place, in a window of time: what a body is compared with."""

from __future__ import annotations

import numpy as np

from gprscan.kernels.jit import brief_kernel, inline, kernel
from gprscan.kernels.select import middle_two


@inline
def _middle(values, count):  # type: ignore[no-untyped-def]
    if count == 0:
        return np.nan
    one, other = middle_two(values[:count])
    return 0.5 * (np.float64(one) + np.float64(other))


@brief_kernel
def mean_square(traces, rows, x, valid, place, apart, first, last):  # type: ignore[no-untyped-def]
    """Return how many valid traces lie beyond a distance, and the median of their mean squares in a window.

    Parameters
    ----------
    traces : ndarray of float32, shape (trace, sample)
    rows : ndarray of int64, shape (n,)
        Traces that are looked at.
    x : ndarray of float64, shape (trace,)
        Distance along the line, m.
    valid : ndarray of bool, shape (trace,)
    place, apart : float
        Traces more than `apart` m from `place` m are taken.
    first, last : int
        First sample of the window, and the one after its last.

    Returns
    -------
    int, float
        The median is NaN where there are none.
    """
    out = np.empty(rows.size, np.float32)
    count = 0
    for i in rows:
        if valid[i] and abs(x[i] - place) > apart:
            total = np.float32(0.0)
            trace = traces[i, first:last]
            for k in range(trace.size):
                total += trace[k] * trace[k]
            out[count] = total / np.float32(last - first)
            count += 1
    return count, _middle(out, count)


@brief_kernel
def peak(traces, rows, x, valid, place, apart, first, last):  # type: ignore[no-untyped-def]
    """Return how many there are, and the median of their largest moduli; parameters as of `mean_square`."""
    out = np.empty(rows.size, np.float32)
    largest, bits = out.view(np.int32), traces.view(np.int32)
    count = 0
    for i in rows:
        if valid[i] and abs(x[i] - place) > apart:
            top = np.int32(0)
            trace = bits[i, first:last]
            for k in range(trace.size):
                # without their sign, floats sort as their bits do, and many of those are compared at a time
                value = np.int32(trace[k] & np.int32(0x7FFFFFFF))
                top = value if value > top else top
            largest[count] = top
            count += 1
    return count, _middle(out, count)


@kernel
def around(
    traces: np.ndarray,
    x: np.ndarray,
    valid: np.ndarray,
    places: np.ndarray,
    apart: np.ndarray,
    windows: np.ndarray,
    reach: float,
    most: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Levels beside many places: `mean_square` in one window of each, and `peak` in another.

    Parameters
    ----------
    traces, x, valid
        As for `mean_square`.
    places : ndarray of float64, shape (n,)
        m.
    apart : ndarray of float64, shape (n, 2)
        How far off traces are taken, for either, m.
    windows : ndarray of int64, shape (n, 4)
        First sample and the one after the last, for either; the first may be empty.
    reach : float
        Traces farther off are left out, m.
    most : int
        Traces that are looked at, evenly thinned.

    Returns
    -------
    ndarray of int64 and of float64, shape (n, 2)
        Traces that were taken, and the medians.
    """
    counts, usual = np.zeros((places.size, 2), np.int64), np.full((places.size, 2), np.nan)
    for i in range(places.size):
        first, last = np.searchsorted(x, places[i] - reach), np.searchsorted(x, places[i] + reach)
        rows = np.arange(first, last, max(-(-(last - first) // most), 1))
        if windows[i, 1] > windows[i, 0]:
            counts[i, 0], usual[i, 0] = mean_square(
                traces, rows, x, valid, places[i], apart[i, 0], windows[i, 0], windows[i, 1]
            )
        counts[i, 1], usual[i, 1] = peak(traces, rows, x, valid, places[i], apart[i, 1], windows[i, 2], windows[i, 3])
    return counts, usual

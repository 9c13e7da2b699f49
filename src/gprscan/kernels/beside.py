"""Levels of the traces beside a place, in a window of time: what a body is compared with."""

from __future__ import annotations

import numpy as np

from gprscan.kernels.jit import brief_kernel, inline
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

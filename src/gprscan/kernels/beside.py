"""Levels of the traces beside a place, in a window of time: what a body is compared with."""

from __future__ import annotations

import numpy as np

from gprscan.kernels.jit import sum_kernel


@sum_kernel
def mean_squares(traces, x, valid, place, apart, first, last):  # type: ignore[no-untyped-def]
    """Return the mean square from sample `first` to `last` (left out) of each valid trace beyond a distance.

    Parameters
    ----------
    traces : ndarray of float32, shape (trace, sample)
        May be a view with a stride along the traces.
    x : ndarray of float64, shape (trace,)
        Distance along the line, m.
    valid : ndarray of bool, shape (trace,)
    place, apart : float
        Traces more than `apart` m from `place` m are taken.
    first, last : int

    Returns
    -------
    ndarray of float32, shape (trace that was taken,)
    """
    out = np.empty(x.size, np.float32)
    count = 0
    for i in range(x.size):
        if valid[i] and abs(x[i] - place) > apart:
            total = np.float32(0.0)
            for k in range(first, last):
                total += traces[i, k] * traces[i, k]
            out[count] = total / np.float32(last - first)
            count += 1
    return out[:count]


@sum_kernel
def peaks(traces, x, valid, place, apart, first, last):  # type: ignore[no-untyped-def]
    """Return the largest modulus instead; parameters as of `mean_squares`."""
    out = np.empty(x.size, np.float32)
    count = 0
    for i in range(x.size):
        if valid[i] and abs(x[i] - place) > apart:
            top = np.float32(0.0)
            for k in range(first, last):
                top = max(top, abs(traces[i, k]))
            out[count] = top
            count += 1
    return out[:count]

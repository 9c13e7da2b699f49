"""Kernels on single traces: which are alive, their means, and a gain curve over them."""

from __future__ import annotations

import numba
import numpy as np

from gprscan.kernels.jit import inline, kernel, parallel_kernel

DEAD, LIVE, GAPPY = 0, 1, 2


@kernel
def transpose_to(traces: np.ndarray, rows: np.ndarray, first: int) -> None:
    """Write traces as columns, from column `first` of `rows` on.

    Parameters
    ----------
    traces : ndarray of float32, shape (trace, sample)
        Few enough to lie in the caches; may be a view of longer traces.
    rows : ndarray of float32, shape (sample, column)
    first : int
    """
    n = traces.shape[0]
    for k in range(rows.shape[0]):
        target = rows[k, first : first + n]
        for i in range(n):
            target[i] = traces[i, k]


@inline
def _state(trace):  # type: ignore[no-untyped-def]
    # a trace is dead when its finite samples are all equal: never recorded, zero-filled, or a cut cable
    finite = 0
    lowest = np.inf
    highest = -np.inf
    for k in range(trace.size):
        value = trace[k]
        if np.isfinite(value):
            finite += 1
            lowest = min(lowest, value)
            highest = max(highest, value)
    if finite == 0 or not highest > lowest:
        return 0
    return 1 if finite == trace.size else 2


@kernel
def trace_states_serial(traces: np.ndarray, states: np.ndarray) -> None:
    """Write DEAD, LIVE or GAPPY (some samples are not finite) for each row; one thread."""
    for i in range(traces.shape[0]):
        states[i] = _state(traces[i])


@parallel_kernel
def trace_states_parallel(traces: np.ndarray, states: np.ndarray) -> None:
    """Write DEAD, LIVE or GAPPY (some samples are not finite) for each row; all threads."""
    for i in numba.prange(traces.shape[0]):
        states[i] = _state(traces[i])


@inline
def _subtract_mean(source, target, first, stop):  # type: ignore[no-untyped-def]
    total = 0.0
    count = 0
    for k in range(first, stop):
        value = source[k]
        if np.isfinite(value):
            total += value
            count += 1
    mean = total / count if count > 0 else 0.0
    for k in range(source.size):
        target[k] = source[k] - mean


@kernel
def subtract_mean_serial(source: np.ndarray, target: np.ndarray, first: int, stop: int) -> None:
    """Subtract from each row the mean of its finite samples ``first:stop``; one thread."""
    for i in range(source.shape[0]):
        _subtract_mean(source[i], target[i], first, stop)


@parallel_kernel
def subtract_mean_parallel(source: np.ndarray, target: np.ndarray, first: int, stop: int) -> None:
    """Subtract from each row the mean of its finite samples ``first:stop``; all threads."""
    for i in numba.prange(source.shape[0]):
        _subtract_mean(source[i], target[i], first, stop)

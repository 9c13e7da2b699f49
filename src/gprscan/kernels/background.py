"""Kernels across traces: the mean trace and what a window of neighbouring traces has in common."""

from __future__ import annotations

import numba
import numpy as np

from gprscan.kernels.jit import inline, kernel, parallel_kernel

TILE = 16  # samples of one cache line of float32


@inline
def _add(sums, counts, trace, state, sign):  # type: ignore[no-untyped-def]
    if state == 1:
        for k in range(trace.size):
            sums[k] += sign * np.float64(trace[k])
            counts[k] += sign
    elif state == 2:
        for k in range(trace.size):
            if np.isfinite(trace[k]):
                sums[k] += sign * np.float64(trace[k])
                counts[k] += sign


@kernel
def mean_trace(traces: np.ndarray, states: np.ndarray, sums: np.ndarray, counts: np.ndarray) -> None:
    """Add every trace that is not dead to `sums` (float64) and its finite samples to `counts` (int64)."""
    for i in range(traces.shape[0]):
        _add(sums, counts, traces[i], states[i], 1)


@parallel_kernel
def mean_trace_parallel(traces: np.ndarray, states: np.ndarray, sums: np.ndarray, counts: np.ndarray) -> None:
    """Do as `mean_trace` for a run of traces per row of `sums` and `counts`, shape (runs, samples); all threads."""
    runs = sums.shape[0]
    length = (traces.shape[0] + runs - 1) // runs
    for run in numba.prange(runs):
        for i in range(run * length, min((run + 1) * length, traces.shape[0])):
            _add(sums[run], counts[run], traces[i], states[i], 1)


@inline
def _slide_mean(source, target, states, half, first, stop):  # type: ignore[no-untyped-def]
    n_traces, n = source.shape
    sums = np.zeros(n)
    counts = np.zeros(n, np.int64)
    for i in range(max(first - half, 0), min(first + half, n_traces)):
        _add(sums, counts, source[i], states[i], 1)
    for i in range(first, stop):
        if i + half < n_traces:
            _add(sums, counts, source[i + half], states[i + half], 1)
        if states[i] == 0:
            target[i] = source[i]
        else:
            for k in range(n):
                target[i, k] = source[i, k] - (sums[k] / counts[k] if counts[k] > 0 else 0.0)
        if i - half >= 0:
            _add(sums, counts, source[i - half], states[i - half], -1)


@kernel
def subtract_sliding_mean_serial(source: np.ndarray, target: np.ndarray, states: np.ndarray, half: int) -> None:
    """Subtract from each trace of one channel the mean of its ``2 half + 1`` neighbours; one thread."""
    _slide_mean(source, target, states, half, 0, source.shape[0])


@parallel_kernel
def subtract_sliding_mean_parallel(
    source: np.ndarray, target: np.ndarray, states: np.ndarray, half: int, runs: int
) -> None:
    """Do as `subtract_sliding_mean_serial`, in `runs` runs of traces on all threads."""
    length = (source.shape[0] + runs - 1) // runs
    for run in numba.prange(runs):
        first = min(run * length, source.shape[0])
        _slide_mean(source, target, states, half, first, min(first + length, source.shape[0]))


@inline
def _replace(old, new, window, result):  # type: ignore[no-untyped-def]
    # r, the window without `old`, is r[k] = w[k] below it and w[k + 1] from it on; a sorted insertion of `new` is
    # max(r[k - 1], min(new, r[k])). No branch and no search, so that the compiler takes eight samples at a time.
    for k in range(1, window.size - 1):
        before = window[k - 1] if window[k - 1] < old else window[k]
        here = window[k] if window[k] < old else window[k + 1]
        smaller = new if new < here else here
        result[k] = smaller if smaller > before else before


@inline
def _fetch(source, states, i, first, values):  # type: ignore[no-untyped-def]
    # what is missing sorts to the end of the window
    missing = i < 0 or i >= source.shape[0] or states[i] == 0
    for k in range(values.size):
        value = np.float32(np.inf) if missing else source[i, first + k]
        values[k] = value if np.isfinite(value) else np.float32(np.inf)


@inline
def _slide_median(source, target, states, half, first, stop):  # type: ignore[no-untyped-def]
    width = stop - first
    # two arrays and not one: the compiler must see that reading and writing never meet
    even = np.full((width, 2 * half + 3), np.float32(np.inf))
    odd = np.full((width, 2 * half + 3), np.float32(np.inf))
    even[:, 0] = -np.inf
    odd[:, 0] = -np.inf
    new, old = np.empty(width, np.float32), np.empty(width, np.float32)
    counts = np.zeros(width, np.int64)
    for i in range(-half, source.shape[0]):
        _fetch(source, states, i + half, first, new)
        _fetch(source, states, i - half - 1, first, old)
        for k in range(width):
            counts[k] += (1 if new[k] < np.inf else 0) - (1 if old[k] < np.inf else 0)
            if (i & 1) == 0:
                _replace(old[k], new[k], even[k], odd[k])
            else:
                _replace(old[k], new[k], odd[k], even[k])
        if i >= 0:
            for k in range(width):
                middle = np.float32(0.0)
                if counts[k] > 0 and states[i] != 0:
                    low, high = (counts[k] + 1) // 2, counts[k] // 2 + 1
                    if (i & 1) == 0:
                        middle = np.float32(0.5) * (odd[k, low] + odd[k, high])
                    else:
                        middle = np.float32(0.5) * (even[k, low] + even[k, high])
                target[i, first + k] = source[i, first + k] - middle


@kernel
def subtract_sliding_median_serial(source: np.ndarray, target: np.ndarray, states: np.ndarray, half: int) -> None:
    """Subtract from each trace of one channel the median of its ``2 half + 1`` neighbours, cut at the ends; one thread.

    The windows of sixteen neighbouring samples are kept sorted at the same time, since they share cache lines.
    `target` must not be `source`.
    """
    n = source.shape[1]
    for tile in range((n + 15) // 16):
        _slide_median(source, target, states, half, 16 * tile, min(16 * tile + 16, n))


@parallel_kernel
def subtract_sliding_median_parallel(source: np.ndarray, target: np.ndarray, states: np.ndarray, half: int) -> None:
    """Do as `subtract_sliding_median_serial`, with all threads."""
    n = source.shape[1]
    for tile in numba.prange((n + 15) // 16):
        _slide_median(source, target, states, half, 16 * tile, min(16 * tile + 16, n))

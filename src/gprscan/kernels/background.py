"""Kernels across traces: the mean trace and what a window of neighbouring traces has in common."""

from __future__ import annotations

import numba
import numpy as np

from gprscan.kernels.jit import inline, kernel, parallel_kernel


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

"""Kernels that make new samples or traces as weighted sums of old ones."""

from __future__ import annotations

import numba
import numpy as np

from gprscan.kernels.jit import inline, kernel, parallel_kernel


@inline
def _mix_trace(source, target, first, weights, j):  # type: ignore[no-untyped-def]
    n = source.shape[1]
    for k in range(n):
        target[j, k] = 0.0
    for m in range(weights.shape[1]):
        weight = weights[j, m]
        if weight != 0.0:
            trace = source[first[j] + m]
            for k in range(n):
                target[j, k] += weight * trace[k]


@kernel
def mix_traces_serial(source: np.ndarray, target: np.ndarray, first: np.ndarray, weights: np.ndarray) -> None:
    """Write ``target[j] = sum over m of weights[j, m] source[first[j] + m]``; one thread.

    Traces with weight 0 are not read, so that they may be NaN.
    """
    for j in range(target.shape[0]):
        _mix_trace(source, target, first, weights, j)


@parallel_kernel
def mix_traces_parallel(source: np.ndarray, target: np.ndarray, first: np.ndarray, weights: np.ndarray) -> None:
    """Do as `mix_traces_serial`, with all threads."""
    for j in numba.prange(target.shape[0]):
        _mix_trace(source, target, first, weights, j)


@inline
def _mix_samples(trace, target, first, weights):  # type: ignore[no-untyped-def]
    last = trace.size - 1
    for j in range(target.size):
        total = np.float32(0.0)
        for m in range(weights.shape[1]):
            # the ends of the trace are held
            total += weights[j, m] * trace[min(max(first[j] + m, 0), last)]
        target[j] = total


@kernel
def mix_samples_serial(source: np.ndarray, target: np.ndarray, first: np.ndarray, weights: np.ndarray) -> None:
    """Write ``target[i, j] = sum over m of weights[j, m] source[i, first[j] + m]``, the ends held; one thread."""
    for i in range(source.shape[0]):
        _mix_samples(source[i], target[i], first, weights)


@parallel_kernel
def mix_samples_parallel(source: np.ndarray, target: np.ndarray, first: np.ndarray, weights: np.ndarray) -> None:
    """Do as `mix_samples_serial`, with all threads."""
    for i in numba.prange(source.shape[0]):
        _mix_samples(source[i], target[i], first, weights)

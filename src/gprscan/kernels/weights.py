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


@inline
def _heaviest(weights):  # type: ignore[no-untyped-def]
    best = 0
    for m in range(weights.size):
        if weights[m] > weights[best]:
            best = m
    return best


@inline
def _mend_trace(source, target, first, weights, j):  # type: ignore[no-untyped-def]
    """Do a trace again of which some sample is not finite: the finite ones share the weight of the others."""
    nearest = _heaviest(weights[j])
    for k in range(source.shape[1]):
        if np.isfinite(target[j, k]):
            continue
        total, known = np.float32(0.0), np.float32(0.0)
        for m in range(weights.shape[1]):
            if weights[j, m] != 0.0 and np.isfinite(source[first[j] + m, k]):
                total += weights[j, m] * source[first[j] + m, k]
                known += weights[j, m]
        target[j, k] = total / known if np.isfinite(source[first[j] + nearest, k]) else np.nan


@kernel
def mix_traces_serial(source: np.ndarray, target: np.ndarray, first: np.ndarray, weights: np.ndarray) -> None:
    """Write ``target[j] = sum over m of weights[j, m] source[first[j] + m]``; one thread.

    Traces with weight 0 are not read, so that they may be NaN. A sample is NaN where that of the trace with the largest
    weight is not finite; other samples that are not finite leave their weight to the rest.
    """
    for j in range(target.shape[0]):
        _mix_trace(source, target, first, weights, j)
        _mend_trace(source, target, first, weights, j)


@parallel_kernel
def mix_traces_parallel(source: np.ndarray, target: np.ndarray, first: np.ndarray, weights: np.ndarray) -> None:
    """Do as `mix_traces_serial`, with all threads."""
    for j in numba.prange(target.shape[0]):
        _mix_trace(source, target, first, weights, j)
        _mend_trace(source, target, first, weights, j)


@inline
def _mend_sample(trace, first, weights):  # type: ignore[no-untyped-def]
    last = trace.size - 1
    if not np.isfinite(trace[min(max(first + _heaviest(weights), 0), last)]):
        return np.float32(np.nan)
    total = np.float32(0.0)
    for m in range(weights.size):
        value = trace[min(max(first + m, 0), last)]
        if np.isfinite(value):
            total += weights[m] * value
    return total


@inline
def _mix_samples(trace, target, first, weights):  # type: ignore[no-untyped-def]
    last = trace.size - 1
    for j in range(target.size):
        total = np.float32(0.0)
        for m in range(weights.shape[1]):
            # the ends of the trace are held
            total += weights[j, m] * trace[min(max(first[j] + m, 0), last)]
        target[j] = total if np.isfinite(total) else _mend_sample(trace, first[j], weights[j])


@kernel
def mix_samples_serial(source: np.ndarray, target: np.ndarray, first: np.ndarray, weights: np.ndarray) -> None:
    """Write ``target[i, j] = sum over m of weights[j, m] source[i, first[j] + m]``, the ends held; one thread.

    A sample is NaN where the old one with the largest weight is not finite; others that are not finite count as zeros.
    """
    for i in range(source.shape[0]):
        _mix_samples(source[i], target[i], first, weights)


@parallel_kernel
def mix_samples_parallel(source: np.ndarray, target: np.ndarray, first: np.ndarray, weights: np.ndarray) -> None:
    """Do as `mix_samples_serial`, with all threads."""
    for i in numba.prange(source.shape[0]):
        _mix_samples(source[i], target[i], first, weights)

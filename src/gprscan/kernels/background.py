"""Kernels across traces: the mean trace and what a window of neighbouring traces has in common.

Sums are kept in double precision. Whole traces are counted as such, so that the samples of a line without gaps are added
and nothing else; only traces with gaps count sample by sample.
"""

from __future__ import annotations

import numba
import numpy as np

from gprscan.kernels.jit import inline, kernel, parallel_kernel


@inline
def _add(sums, counts, trace, state, sign):  # type: ignore[no-untyped-def]
    """Add a trace to `sums`, or take it away; return by how much the number of whole and of gappy traces changes."""
    if state == 1:
        for k in range(trace.size):
            sums[k] += sign * np.float64(trace[k])
        return sign, 0
    if state == 2:
        for k in range(trace.size):
            if np.isfinite(trace[k]):
                sums[k] += sign * np.float64(trace[k])
                counts[k] += sign
        return 0, sign
    return 0, 0


@inline
def _without_mean(trace, target, sums, counts, whole, gappy):  # type: ignore[no-untyped-def]
    if gappy == 0:
        inverse = 1.0 / max(whole, 1)
        for k in range(trace.size):
            target[k] = trace[k] - sums[k] * inverse
    else:
        for k in range(trace.size):
            target[k] = trace[k] - sums[k] / max(whole + counts[k], 1)


@inline
def _sum_run(profile, states, sums, counts, first, stop):  # type: ignore[no-untyped-def]
    """Add the traces ``first:stop``; return how many of them are whole."""
    whole = 0
    for i in range(first, stop):
        whole += _add(sums, counts, profile[i], states[i], 1)[0]
    return whole


@inline
def _share(n, parts, part):  # type: ignore[no-untyped-def]
    length = (n + parts - 1) // parts
    return min(part * length, n), min((part + 1) * length, n)


@kernel
def mean_traces_serial(
    source: np.ndarray, states: np.ndarray, sums: np.ndarray, counts: np.ndarray, whole: np.ndarray
) -> None:
    """Write the sums and numbers of the finite samples of each channel's live traces; one thread.

    Parameters
    ----------
    source : ndarray of float32, shape (channels, traces, samples)
    states : ndarray of int8, shape (channels, traces)
        0 for dead traces, 2 for those with gaps.
    sums : ndarray of float64, shape (channels, runs, samples)
        Zeros; each run of traces along the line has a row of its own.
    counts : ndarray of int64, shape (channels, runs, samples)
        Zeros; what the traces with gaps have.
    whole : ndarray of int64, shape (channels, runs)
        Number of traces without gaps.
    """
    runs = sums.shape[1]
    for job in range(source.shape[0] * runs):
        c, run = job // runs, job % runs
        first, stop = _share(source.shape[1], runs, run)
        whole[c, run] = _sum_run(source[c], states[c], sums[c, run], counts[c, run], first, stop)


@parallel_kernel
def mean_traces_parallel(
    source: np.ndarray, states: np.ndarray, sums: np.ndarray, counts: np.ndarray, whole: np.ndarray
) -> None:
    """Do as `mean_traces_serial`, with all threads."""
    runs = sums.shape[1]
    for job in numba.prange(source.shape[0] * runs):
        c, run = job // runs, job % runs
        first, stop = _share(source.shape[1], runs, run)
        whole[c, run] = _sum_run(source[c], states[c], sums[c, run], counts[c, run], first, stop)


@inline
def _subtract(trace, common, state, target):  # type: ignore[no-untyped-def]
    if state == 0:
        target[:] = trace
    else:
        for k in range(trace.size):
            target[k] = trace[k] - common[k]


@kernel
def subtract_common_serial(source: np.ndarray, common: np.ndarray, states: np.ndarray, target: np.ndarray) -> None:
    """Subtract ``common[channel]`` from each trace of ``source[channel]`` that is not dead; one thread."""
    for job in range(source.shape[0] * source.shape[1]):
        c, i = job // source.shape[1], job % source.shape[1]
        _subtract(source[c, i], common[c], states[c, i], target[c, i])


@parallel_kernel
def subtract_common_parallel(source: np.ndarray, common: np.ndarray, states: np.ndarray, target: np.ndarray) -> None:
    """Do as `subtract_common_serial`, with all threads."""
    for job in numba.prange(source.shape[0] * source.shape[1]):
        c, i = job // source.shape[1], job % source.shape[1]
        _subtract(source[c, i], common[c], states[c, i], target[c, i])


@inline
def _slide_mean(source, target, states, half, first, stop):  # type: ignore[no-untyped-def]
    n_traces, n = source.shape
    sums = np.zeros(n)
    counts = np.zeros(n, np.int64)
    whole, gappy = 0, 0
    for i in range(max(first - half, 0), min(first + half, n_traces)):
        more, broken = _add(sums, counts, source[i], states[i], 1)
        whole, gappy = whole + more, gappy + broken
    for i in range(first, stop):
        if i + half < n_traces:
            more, broken = _add(sums, counts, source[i + half], states[i + half], 1)
            whole, gappy = whole + more, gappy + broken
        if states[i] == 0:
            target[i] = source[i]
        else:
            _without_mean(source[i], target[i], sums, counts, whole, gappy)
        if i - half >= 0:
            more, broken = _add(sums, counts, source[i - half], states[i - half], -1)
            whole, gappy = whole + more, gappy + broken


@kernel
def subtract_sliding_mean_serial(
    source: np.ndarray, target: np.ndarray, states: np.ndarray, half: int, runs: int
) -> None:
    """Subtract from each trace of each channel the mean of its ``2 half + 1`` neighbours; one thread.

    Parameters
    ----------
    source, target : ndarray of float32, shape (channels, traces, samples)
        Not the same memory.
    states : ndarray of int8, shape (channels, traces)
        0 for dead traces, 2 for those with gaps.
    half : int
        Neighbours on each side; the window is cut at the ends of the line.
    runs : int
        Runs of traces into which each channel is cut, each of which starts its sums anew.
    """
    for job in range(source.shape[0] * runs):
        c = job // runs
        first, stop = _share(source.shape[1], runs, job % runs)
        _slide_mean(source[c], target[c], states[c], half, first, stop)


@parallel_kernel
def subtract_sliding_mean_parallel(
    source: np.ndarray, target: np.ndarray, states: np.ndarray, half: int, runs: int
) -> None:
    """Do as `subtract_sliding_mean_serial`, with all threads."""
    for job in numba.prange(source.shape[0] * runs):
        c = job // runs
        first, stop = _share(source.shape[1], runs, job % runs)
        _slide_mean(source[c], target[c], states[c], half, first, stop)

"""Sparse deconvolution: the fewest spikes that explain a trace."""

from __future__ import annotations

import numba
import numpy as np

from gprscan.kernels.jit import inline, parallel_sum_kernel, sum_kernel


@inline
def _convolve(spikes, wavelet, centre, result):  # type: ignore[no-untyped-def]
    n = spikes.size
    result[:] = 0.0
    for j in range(n):
        value = spikes[j]
        if value != 0.0:
            first = max(0, centre - j)
            for m in range(first, min(wavelet.size, n + centre - j)):
                result[j + m - centre] += value * wavelet[m]


@inline
def _correlate(trace, wavelet, centre, result):  # type: ignore[no-untyped-def]
    n = trace.size
    for j in range(n):
        total = np.float32(0.0)
        for m in range(max(0, centre - j), min(wavelet.size, n + centre - j)):
            total += wavelet[m] * trace[j + m - centre]
        result[j] = total


@inline
def _spikes_of(trace, target, wavelet, centre, weight, step, iterations):  # type: ignore[no-untyped-def]
    n = trace.size
    gradient, modelled = np.empty(n, np.float32), np.empty(n, np.float32)
    ahead, spikes = np.zeros(n, np.float32), np.zeros(n, np.float32)
    _correlate(trace, wavelet, centre, gradient)
    threshold = np.float32(0.0)
    for j in range(n):
        threshold = max(threshold, abs(gradient[j]))
    threshold *= weight * step
    momentum = 1.0
    for _ in range(iterations):
        _convolve(ahead, wavelet, centre, modelled)
        for j in range(n):
            modelled[j] -= trace[j]
        _correlate(modelled, wavelet, centre, gradient)
        following = 0.5 * (1.0 + np.sqrt(1.0 + 4.0 * momentum * momentum))
        share = np.float32((momentum - 1.0) / following)
        for j in range(n):
            moved = ahead[j] - step * gradient[j]
            kept = max(abs(moved) - threshold, np.float32(0.0))
            fresh = kept if moved >= 0 else -kept
            ahead[j] = fresh + share * (fresh - spikes[j])
            spikes[j] = fresh
        momentum = following
    for j in range(n):
        target[j] = spikes[j]


@sum_kernel
def sparse_spikes_serial(
    traces: np.ndarray, target: np.ndarray, wavelet: np.ndarray, weight: float, step: float, iterations: int
) -> None:
    """Write the spikes r of each trace x that minimise ``1/2 |w * r - x|^2 + weight max|w^T x| |r|_1``; one thread.

    FISTA (Beck and Teboulle 2009, SIAM J. Imaging Sciences 2, 183) with a fixed `step`, one over the largest squared
    magnitude of the spectrum of the wavelet, whose middle sample is its time 0.
    """
    for i in range(traces.shape[0]):
        _spikes_of(traces[i], target[i], wavelet, wavelet.size // 2, weight, step, iterations)


@parallel_sum_kernel
def sparse_spikes_parallel(
    traces: np.ndarray, target: np.ndarray, wavelet: np.ndarray, weight: float, step: float, iterations: int
) -> None:
    """Do as `sparse_spikes_serial`, with all threads."""
    for i in numba.prange(traces.shape[0]):
        _spikes_of(traces[i], target[i], wavelet, wavelet.size // 2, weight, step, iterations)

"""Coherence of neighbouring traces along the best local dip."""

from __future__ import annotations

import numba
import numpy as np

from gprscan.kernels.jit import inline, parallel_sum_kernel, sum_kernel


@inline
def _semblance_of_trace(source, states, i, beside, above, dips, coherence):  # type: ignore[no-untyped-def]
    n_traces, n = source.shape
    total, energy = np.empty(n, np.float32), np.empty(n, np.float32)
    coherence[i, :] = 0.0
    if states[i] == 0:
        return
    for d in range(dips.size):
        total[:] = 0.0
        energy[:] = 0.0
        fold = 0
        for j in range(max(i - beside, 0), min(i + beside + 1, n_traces)):
            if states[j] == 0:
                continue
            fold += 1
            shift = dips[d] * (j - i)
            whole = int(np.floor(shift))
            part = np.float32(shift - whole)
            trace = source[j]
            if part == 0.0:
                for k in range(max(-whole, 0), min(n - whole, n)):
                    total[k] += trace[k + whole]
                    energy[k] += trace[k + whole] * trace[k + whole]
                continue
            for k in range(max(-whole, 0), min(n - whole - 1, n)):
                value = (np.float32(1.0) - part) * trace[k + whole] + part * trace[k + whole + 1]
                total[k] += value
                energy[k] += value * value
        stacked, powers = 0.0, 0.0
        for k in range(-above, n):
            if k + above < n:
                stacked += np.float64(total[k + above]) ** 2
                powers += np.float64(energy[k + above])
            if k - above - 1 >= 0:
                stacked -= np.float64(total[k - above - 1]) ** 2
                powers -= np.float64(energy[k - above - 1])
            if k >= 0 and powers > 1e-30 and fold > 1:
                value = np.float32(min(max(stacked / (fold * powers), 0.0), 1.0))
                coherence[i, k] = max(coherence[i, k], value)


@sum_kernel
def semblance_serial(
    source: np.ndarray,
    states: np.ndarray,
    beside: int,
    above: int,
    dips: np.ndarray,
    coherence: np.ndarray,
) -> None:
    """Write the largest semblance over `dips` (samples per trace) of one channel; one thread.

    ``S = sum over t of (sum over x of u)^2 / (M sum over t, x of u^2)`` over M traces within `beside` and samples
    within `above` along the dip; `source` must be finite. Dead traces do not count and have semblance 0.
    """
    for i in range(source.shape[0]):
        _semblance_of_trace(source, states, i, beside, above, dips, coherence)


@parallel_sum_kernel
def semblance_parallel(
    source: np.ndarray,
    states: np.ndarray,
    beside: int,
    above: int,
    dips: np.ndarray,
    coherence: np.ndarray,
) -> None:
    """Do as `semblance_serial`, with all threads."""
    for i in numba.prange(source.shape[0]):
        _semblance_of_trace(source, states, i, beside, above, dips, coherence)

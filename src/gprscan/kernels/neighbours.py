"""Weighted means of neighbouring traces."""

from __future__ import annotations

import numpy as np

from gprscan.kernels.jit import kernel, share_out

LEAST = np.float32(0.05)  # share of the weight that a mean is divided by


@kernel
def _live_means(traces, valid, window, first, last, mean, missing):  # type: ignore[no-untyped-def]
    """Average some traces; see `live_means`."""
    half = window.size // 2
    total = np.empty(traces.shape[1], np.float32)
    for i in range(first, last):
        total[:] = 0.0
        weight = 0.0
        for j in range(max(i - half, 0), min(i - half + window.size, traces.shape[0])):
            if not valid[j]:
                continue
            part, source = window[j - i + half], traces[j]
            weight += part
            for k in range(total.size):
                total[k] += part * source[k]
        target, live = mean[i], np.float32(weight)
        missing[i] = np.float32(1.0) - live
        live = max(live, LEAST)
        for k in range(total.size):
            target[k] = total[k] / live


def live_means(
    traces: np.ndarray, valid: np.ndarray, window: np.ndarray, *, threads: int = 1
) -> tuple[np.ndarray, np.ndarray]:
    """Weighted means of neighbouring traces, dead ones left out.

    Parameters
    ----------
    traces : ndarray of float32, shape (trace, sample)
    valid : ndarray of bool, shape (trace,)
        Traces that count.
    window : ndarray of float32, shape (n,)
        Weights, the middle one for the trace itself, symmetric; they add to one.
    threads : int
        On which the traces are shared out.

    Returns
    -------
    mean : ndarray of float32, shape (trace, sample)
    missing : ndarray of float32, shape (trace,)
        Share of the weight that fell on dead traces or beyond the ends.
    """
    mean, missing = np.empty_like(traces), np.empty(traces.shape[0], np.float32)

    def work(first: int, last: int) -> None:
        _live_means(traces, valid, window, first, last, mean, missing)

    share_out(work, traces.shape[0], threads)
    return mean, missing

"""Analytic signals of many traces, in single precision and a few hundred traces at a time."""

from __future__ import annotations

import numpy as np
from scipy import fft

from gprscan.kernels import jit

_CHUNK = 512  # traces: their spectra stay in the caches


def quadrature(a: np.ndarray) -> np.ndarray:
    """Hilbert transform along time: the imaginary part of the analytic signal.

    Parameters
    ----------
    a : ndarray, shape (trace, sample)
        Traces; finite.

    Returns
    -------
    ndarray of float32, shape as `a`
    """
    return resampled(a, 1)[1]


def resampled(a: np.ndarray, factor: int) -> tuple[np.ndarray, np.ndarray]:
    """Real and imaginary part of the analytic signal on a grid `factor` times as fine; float32.

    Parameters
    ----------
    a : ndarray, shape (trace, sample)
        Traces; finite.
    factor : int
        1 leaves the real part as it is.
    """
    n = a.shape[1]
    length = fft.next_fast_len(n, real=True)
    workers = jit.threads() if a.shape[0] >= _CHUNK else 1  # starting threads costs as much as a few traces
    source = np.ascontiguousarray(a, dtype=np.float32)
    imaginary = np.empty((a.shape[0], n * factor), np.float32)
    real = source if factor == 1 else np.empty_like(imaginary)
    for first in range(0, a.shape[0], _CHUNK):
        rows = slice(first, first + _CHUNK)
        spectrum = fft.rfft(source[rows], length, axis=1, workers=workers)
        if factor > 1:
            real[rows] = factor * fft.irfft(spectrum, length * factor, axis=1, workers=workers)[:, : n * factor]
        # neither the mean nor the Nyquist frequency has a quadrature
        spectrum[:, 0] = 0.0
        if length % 2 == 0:
            spectrum[:, -1] = 0.0
        spectrum *= np.complex64(-1j * factor)
        imaginary[rows] = fft.irfft(spectrum, length * factor, axis=1, workers=workers)[:, : n * factor]
    return real, imaginary


def envelope(a: np.ndarray) -> np.ndarray:
    """Modulus of the analytic signal along time, float32, shape (trace, sample)."""
    return np.hypot(np.asarray(a, np.float32), quadrature(a))

"""Analytic signals of many traces, a few at a time, and filters without a shift in phase; in single precision."""

from __future__ import annotations

import numpy as np
from scipy import fft, signal

from gprscan.kernels import conditioning, jit


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
    length, n = fft.next_fast_len(a.shape[1], real=True), a.shape[1] * factor
    source = np.ascontiguousarray(a, dtype=np.float32)
    imaginary = np.empty((a.shape[0], n), np.float32)
    real = source if factor == 1 else np.empty_like(imaginary)

    def work(rows: slice) -> None:
        spectrum = fft.rfft(source[rows], length, axis=1)
        if factor > 1:
            spectrum *= np.float32(factor)
            real[rows] = fft.irfft(spectrum, length * factor, axis=1)[:, :n]
        imaginary[rows] = _turned(spectrum, length, factor)[:, :n]

    jit.by_chunks(work, a.shape[0], jit.threads())
    return real, imaginary


def envelope(a: np.ndarray) -> np.ndarray:
    """Modulus of the analytic signal along time, float32, shape (trace, sample)."""
    source = np.ascontiguousarray(a, dtype=np.float32)
    out, length = np.empty_like(source), fft.next_fast_len(a.shape[1], real=True)

    def work(rows: slice) -> None:
        spectrum = fft.rfft(source[rows], length, axis=1)
        conditioning.modulus(source[rows], _turned(spectrum, length, 1), out[rows])

    jit.by_chunks(work, a.shape[0], jit.threads())
    return out


def _turned(spectrum: np.ndarray, length: int, factor: int) -> np.ndarray:
    """Quadrature of traces from their spectrum, which is overwritten; `length` samples become `factor` times as many."""
    # neither the mean nor the Nyquist frequency has a quadrature
    spectrum[:, 0] = 0.0
    if length % 2 == 0:
        spectrum[:, -1] = 0.0
    spectrum *= np.complex64(-1j)
    return np.asarray(fft.irfft(spectrum, length * factor, axis=1))


def both_ways(a: np.ndarray, sos: np.ndarray) -> np.ndarray:
    """Filter traces forwards and backwards by second-order sections, their ends extended as far as scipy does; float32."""
    pad = 3 * (2 * sos.shape[0] + 1 - min(int((sos[:, 2] == 0).sum()), int((sos[:, 5] == 0).sum())))
    return conditioning.zero_phase(a, sos, signal.sosfilt_zi(sos), pad, threads=jit.threads())

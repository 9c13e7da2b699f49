"""The half-derivative in time that a sum along two-dimensional diffraction curves needs."""

from __future__ import annotations

import numpy as np
from scipy import fft

from gprscan.kernels.jit import by_chunks, threads
from gprscan.kernels.traces import transpose_to


def half_derivative(
    traces: np.ndarray,
    dt: float,
    cutoffs: tuple[float, ...],
    columns: np.ndarray,
    first: int,
    *,
    times: int = 1,
) -> None:
    r"""Filter traces by :math:`\sqrt{-i\omega}`, undo the loss of linear interpolation, and write low-pass copies as columns.

    A sum along a diffraction curve multiplies the spectrum of a plane reflector by
    :math:`\sqrt{2\pi/\omega t''}\,e^{i\pi/4}` (stationary phase); this filter takes the frequency and the phase out
    again (Schneider 1978, Geophysics 43, 49-76; Yilmaz 2001, Seismic Data Analysis, section 4.2). Linear interpolation
    of the samples is a convolution with a triangle, whose spectrum :math:`\mathrm{sinc}^2(f\,dt)` is divided out.

    Parameters
    ----------
    traces : ndarray of float32, shape (trace, sample)
    dt : float
        Sampling interval, ns.
    cutoffs : tuple of float
        Corner frequency of each copy in GHz; infinity leaves the band as it is.
    columns : ndarray of float32, shape (copy, sample, column)
        Written to from column `first` on, in units of the input per square root of ns, or per ns.
    first : int
    times : int
        2 for the whole derivative that a sum over a surface needs.
    """
    n = traces.shape[-1]
    size = padded_size(n)
    table = responses(n, dt, cutoffs, times)

    def work(part: slice) -> None:
        spectrum = fft.rfft(traces[part], size, axis=-1)
        for copy, response in zip(columns, table, strict=True):
            transpose_to(fft.irfft(spectrum * response, size, axis=-1)[..., :n], copy, first + part.start)

    by_chunks(work, traces.shape[0], threads())


def half_derivative_adjoint(copies: np.ndarray, dt: float, cutoffs: tuple[float, ...] = (np.inf,)) -> np.ndarray:
    """Return the adjoint of `half_derivative`, from (copy, trace, sample) to (trace, sample)."""
    n = copies.shape[-1]
    size = padded_size(n)
    total = np.zeros((copies.shape[1], size // 2 + 1), "complex64")
    for copy, response in zip(copies, responses(n, dt, cutoffs), strict=True):
        total += fft.rfft(copy, size, axis=-1, workers=threads()) * response.conj()
    return fft.irfft(total, size, axis=-1, workers=threads())[:, :n]


def padded_size(n: int) -> int:
    """Return the length of the transform; the filter rings as t^(-3/2), half a record keeps the wrapped part small."""
    return fft.next_fast_len(n + n // 2, real=True)


def responses(n: int, dt: float, cutoffs: tuple[float, ...], times: int = 1) -> np.ndarray:
    """Return the spectrum of the filter for each copy, complex64, shape (copy, frequency)."""
    frequency = fft.rfftfreq(padded_size(n), dt)
    operator = (np.sqrt(2 * np.pi * frequency) * np.exp(-0.25j * np.pi)) ** times / np.sinc(frequency * dt) ** 2
    return np.array([operator * _low_pass(frequency, cutoff) for cutoff in cutoffs], "complex64")


def _low_pass(frequency: np.ndarray, cutoff: float) -> np.ndarray:
    """Return a zero-phase low pass: 1 below three quarters of the corner, half at it, 0 above five quarters."""
    if not np.isfinite(cutoff):
        return np.ones_like(frequency)
    return np.sin(0.5 * np.pi * np.clip((1.25 - frequency / cutoff) / 0.5, 0.0, 1.0)) ** 2

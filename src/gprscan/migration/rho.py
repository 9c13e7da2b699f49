"""The half-derivative in time that a sum along two-dimensional diffraction curves needs."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy import fft

from gprscan.kernels.jit import by_chunks, threads


def half_derivative(
    traces: np.ndarray, dt: float, cutoffs: tuple[float, ...] = (np.inf,), *, times: int = 1
) -> np.ndarray:
    r"""Filter traces by :math:`\sqrt{-i\omega}`, undo the loss of linear interpolation, and make low-pass copies.

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
    times : int
        2 for the whole derivative that a sum over a surface needs.

    Returns
    -------
    ndarray of float32, shape (copy, trace, sample)
        In units of the input per square root of ns, or per ns.
    """
    copies = np.empty((len(cutoffs), *traces.shape), "float32")

    def keep(number: int, rows: slice, part: np.ndarray) -> None:
        copies[number, rows] = part

    half_derivative_to(keep, traces, dt, cutoffs, times=times)
    return copies


def half_derivative_to(
    keep: Callable[[int, slice, np.ndarray], None],
    traces: np.ndarray,
    dt: float,
    cutoffs: tuple[float, ...] = (np.inf,),
    *,
    times: int = 1,
) -> None:
    """Do as `half_derivative`, and hand each part to ``keep(copy, rows, part)`` while it is in the caches.

    Parameters
    ----------
    keep : callable
        Takes the number of the copy, the slice of traces, and the filtered traces, shape (trace, sample); on several threads
        at once.
    traces, dt, cutoffs, times
        As for `half_derivative`.
    """
    n = traces.shape[-1]
    size = padded_size(n)
    table = responses(n, dt, cutoffs, times)

    def work(rows: slice) -> None:
        spectrum = fft.rfft(traces[rows], size, axis=-1)
        for number, response in enumerate(table):
            keep(number, rows, fft.irfft(spectrum * response, size, axis=-1)[..., :n])

    by_chunks(work, traces.shape[0], threads())


def half_derivative_adjoint(copies: np.ndarray, dt: float, cutoffs: tuple[float, ...] = (np.inf,)) -> np.ndarray:
    """Return the adjoint of `half_derivative`: (copy, trace, sample) to (trace, sample)."""
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

"""The half-derivative in time that a sum along two-dimensional diffraction curves needs."""

from __future__ import annotations

import numpy as np
from scipy import fft


def half_derivative(traces: np.ndarray, dt: float) -> np.ndarray:
    r"""Filter traces by :math:`\sqrt{-i\omega}`, and undo the loss of linear interpolation.

    A sum along a diffraction curve multiplies the spectrum of a plane reflector by
    :math:`\sqrt{2\pi/\omega t''}\,e^{i\pi/4}` (stationary phase); this filter takes the frequency and the phase out
    again (Schneider 1978, Geophysics 43, 49-76; Yilmaz 2001, Seismic Data Analysis, section 4.2). Linear interpolation
    of the samples is a convolution with a triangle, whose spectrum :math:`\mathrm{sinc}^2(f\,dt)` is divided out.

    Parameters
    ----------
    traces : ndarray of float32, shape (..., sample)
    dt : float
        Sampling interval, ns.

    Returns
    -------
    ndarray of float32, same shape
        In units of the input per square root of ns.
    """
    n = traces.shape[-1]
    # the filter rings on ahead of an event as t^(-3/2): half a record of zeros keeps the wrapped part below 1e-4
    size = fft.next_fast_len(n + n // 2, real=True)
    frequency = fft.rfftfreq(size, dt)
    operator = np.sqrt(2 * np.pi * frequency) * np.exp(-0.25j * np.pi) / np.sinc(frequency * dt) ** 2
    spectrum = fft.rfft(traces, size, axis=-1)
    spectrum *= operator.astype("complex64")
    return fft.irfft(spectrum, size, axis=-1)[..., :n]

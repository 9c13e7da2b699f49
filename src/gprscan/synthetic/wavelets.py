"""Pulses: what a transmitter radiates, as a function of time."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gprscan.errors import ParameterError

PULSES = ("ricker", "gaussian_derivative")


def ricker(time: ArrayLike, frequency: float) -> NDArray[np.floating]:
    """Ricker pulse (second derivative of a Gaussian, sign turned), 1 at its peak.

    Parameters
    ----------
    time : array_like
        Time from the peak in ns.
    frequency : float
        Peak frequency of its spectrum in MHz.

    Returns
    -------
    numpy.ndarray
        ``(1 - 2 a) exp(-a)`` with ``a = (pi f t)^2`` [1]_.

    References
    ----------
    .. [1] Ricker, N., 1953, The form and laws of propagation of seismic wavelets: Geophysics 18, 10-40.

    Examples
    --------
    >>> float(ricker(0.0, 400.0))
    1.0
    """
    a = (np.pi * frequency * 1e-3 * np.asarray(time, dtype="float64")) ** 2
    return (1.0 - 2.0 * a) * np.exp(-a)


def gaussian_derivative(time: ArrayLike, frequency: float) -> NDArray[np.floating]:
    """First derivative of a Gaussian, sign such that it starts positive, peaks of 1 in size.

    Parameters
    ----------
    time : array_like
        Time from the zero crossing in ns.
    frequency : float
        Peak frequency of its spectrum in MHz.

    Returns
    -------
    numpy.ndarray
        ``-sqrt(2 e) b exp(-b^2)`` with ``b = sqrt(2) pi f t``; the spectrum ``f exp(-f^2 / 2 f_peak^2)`` peaks at
        `frequency`.

    Examples
    --------
    >>> round(float(gaussian_derivative(-1.0 / (2.0 * np.pi * 0.4), 400.0)), 9)
    1.0
    """
    b = np.sqrt(2.0) * np.pi * frequency * 1e-3 * np.asarray(time, dtype="float64")
    return -np.sqrt(2.0 * np.e) * b * np.exp(-(b**2))


def pulse(name: str, time: ArrayLike, frequency: float) -> NDArray[np.floating]:
    """Evaluate a pulse by its name, time counted from the envelope peak in ns.

    Parameters
    ----------
    name : {"ricker", "gaussian_derivative"}
        Which pulse.
    time : array_like
        Time from the envelope peak in ns.
    frequency : float
        Peak frequency in MHz.

    Raises
    ------
    ParameterError
        If there is no such pulse.
    """
    if name == "ricker":
        return ricker(time, frequency)
    if name == "gaussian_derivative":
        return gaussian_derivative(time, frequency)
    msg = f"there is no pulse {name!r}; known: {', '.join(PULSES)}."
    raise ParameterError(msg)


def pulse_delay(frequency: float) -> float:
    """Time in ns from the start of a source current to its envelope peak, ``sqrt(2) / f``: the start is below 1e-7."""
    return float(np.sqrt(2.0) / (frequency * 1e-3))

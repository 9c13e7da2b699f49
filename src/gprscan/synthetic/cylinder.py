"""What small and round dielectric bodies send straight back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import hankel1, jv

from gprscan.synthetic import wavelets
from gprscan.units import C_AIR

_VACUUM = 8.854e-3  # permittivity of vacuum in S ns / m
_STEP = 0.04  # sampling of the echo in periods
_HALF = 256  # samples before and after it


def born(k: float, area: float, contrast: float) -> float:
    """Field 1 m in front of a small body in a field of 1, electric field along the body.

    Parameters
    ----------
    k : float
        Wavenumber of the host in 1/m.
    area : float
        Of the body's section in m2.
    contrast : float
        Its permittivity over the host's, less 1.

    Returns
    -------
    float
        ``sqrt(2 / (pi k)) k^2 area contrast / 4``; it falls with the root of the distance.
    """
    return float(np.sqrt(2 / (np.pi * k)) * k**2 * area * contrast / 4)


def backscatter(
    omega: NDArray[np.floating], radius: float, permittivity: float, host: float, *, conductivity: float = 0.0
) -> NDArray[np.complexfloating]:
    """Field 1 m in front of a cylinder in a field of 1 at its middle, electric field along the cylinder.

    Parameters
    ----------
    omega : float array
        Angular frequencies in 1/ns, positive.
    radius : float
        In m.
    permittivity, host : float
        Relative permittivity of the cylinder and around it.
    conductivity : float
        Of the cylinder, in S/m.

    Returns
    -------
    complex array
        Time runs as ``exp(-i omega t)``; the distance's root and phase are left out (Balanis, 2012, Advanced Engineering
        Electromagnetics, section 11.5).
    """
    k = omega[:, None] * np.sqrt(host) / C_AIR
    index = np.sqrt((permittivity + 1j * conductivity / (omega[:, None] * _VACUUM)) / host)
    outer, inner = k * radius, k * radius * index
    # terms beyond x + 4 x^(1/3) are nothing (Wiscombe, 1980, Applied Optics 19), and their factors overflow
    terms = outer + 4 * np.cbrt(outer) + 4
    orders = np.arange(int(terms.max()))
    (j_in, dj_in), (h_out, dh_out) = _with_slope(jv, orders, inner), _with_slope(hankel1, orders, outer)
    j_out, dj_out = h_out.real, dh_out.real  # the host has no losses
    with np.errstate(over="ignore", invalid="ignore"):
        below = j_in * dh_out - index * dj_in * h_out
        above = index * dj_in * j_out - j_in * dj_out
        term = np.where(orders < terms, np.where(orders == 0, 1.0, 2.0) * (-1.0) ** orders * above / below, 0.0)
    series = term.sum(axis=1)
    field: NDArray[np.complexfloating] = np.sqrt(2 / (np.pi * k[:, 0])) * np.exp(-0.25j * np.pi) * series
    return field


def _with_slope(
    function: Callable[..., NDArray[Any]], orders: NDArray[np.integer], x: NDArray[Any]
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Bessel functions of all orders and their derivatives, from one more order on either side (Abramowitz & Stegun, 9.1.27)."""
    values = function(np.arange(-1, orders.size + 1), x)
    return values[:, 1:-1], 0.5 * (values[:, :-2] - values[:, 2:])


def echo(
    radius: float, permittivity: float, host: float, *, frequency: float, conductivity: float = 0.0
) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
    """Echo of a Ricker pulse from a cylinder, 1 m in front of it; see `backscatter`.

    Returns
    -------
    time : float array
        In ns, 0 where an echo of the middle would peak.
    field : float array
        Near face, far face and what creeps round, as they interfere.
    """
    step = _STEP * 1e3 / frequency
    time = np.arange(-_HALF, _HALF) * step
    spectrum = np.fft.rfft(wavelets.pulse("ricker", time, frequency))
    omega = 2 * np.pi * np.fft.rfftfreq(time.size, step)
    heard = (omega > 0) & (
        omega < 8 * np.pi * frequency * 1e-3
    )  # a Ricker pulse has nothing beyond four times its peak
    response = np.zeros(omega.size, complex)
    response[heard] = np.conj(backscatter(omega[heard], radius, permittivity, host, conductivity=conductivity))
    return time, np.fft.irfft(spectrum * response, time.size)

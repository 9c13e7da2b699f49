"""The trace that an antenna sees over a wall of two faces, in full: what the wall's thickness and permittivity are fitted by.

A line source over plane layers, the field along the source's axis (TE): direct wave and reflections as an integral over
horizontal wavenumbers (Chew, Waves and Fields in Inhomogeneous Media, 1995, sections 2.1 and 2.2),

    E(w) = w I(w) [ H0(k0 s) / 4 + (1 / 2 pi) int_0^inf R(k) exp(2 i kz0 h) / kz0 cos(k s) dk ]

with R of the wall from Fresnel's coefficients of its two faces and the phase of the path between them.
"""

from __future__ import annotations

import numpy as np
from scipy import special

from gprscan.units import C_AIR

_EPS0 = 8.8541878128e-3  # nF/m: S/m over GHz is dimensionless
_WALL_LOSS = 0.006  # S/m, of ordinary concrete
_DAMPING = 0.12  # 1/ns: complex frequency that keeps the record from wrapping round


def wall_trace(
    time: np.ndarray,
    frequency: float,
    *,
    standoff: float,
    separation: float,
    wall: float,
    wall_permittivity: float,
    ground_permittivity: float,
) -> tuple[np.ndarray, np.ndarray]:
    """Return the direct wave with the wall's front, and the echo of its back, for a Ricker pulse with its peak at 0.

    Parameters
    ----------
    time : ndarray, shape (sample,)
        Regular, ns; 0 is when the pulse leaves.
    frequency : float
        Peak frequency of the source current, GHz.
    standoff, separation, wall : float
        m.
    wall_permittivity, ground_permittivity : float
        Relative permittivities.

    Returns
    -------
    early, back : complex ndarray, shape (sample,)
        Analytic signals. Their sum is what is recorded; both have the scale of the same source.
    """
    step = float(time[1] - time[0])
    lead = 3.0 / frequency
    n = int(2 ** np.ceil(np.log2((time[-1] - time[0] + 2 * lead) / step + 16.0 / step)))
    f = np.fft.fftfreq(n, step)
    use = (f > 0.05 * frequency) & (f < 3.2 * frequency)
    omega = 2 * np.pi * f[use] + 1j * _DAMPING  # time dependence exp(-i w t)
    k0 = omega[:, None] / C_AIR
    # propagating part by angle, evanescent part by hyperbolic angle: the root singularity at k0 goes away
    turn = np.linspace(0, 0.5 * np.pi, 41)[None, :]
    deep = np.linspace(0, np.arcsinh(5.0 / max(standoff, 0.01) / np.abs(k0[:, 0]).min()), 61)[None, :]
    early, back = np.zeros(omega.size, complex), np.zeros(omega.size, complex)
    for u, evanescent in ((turn, False), (deep, True)):
        kx = k0 * np.cosh(u) if evanescent else k0 * np.sin(u)
        kz0 = 1j * k0 * np.sinh(u) if evanescent else k0 * np.cos(u)
        weight = _trapezoid(u) * (-1j if evanescent else 1.0)
        front, rear = _reflections(kx, kz0, omega[:, None], wall, wall_permittivity, ground_permittivity)
        kernel = np.exp(2j * kz0 * standoff) * np.cos(kx * separation) * weight / (2 * np.pi)
        early += (front * kernel).sum(axis=1)
        back += (rear * kernel).sum(axis=1)
    early += special.hankel1(0, k0[:, 0] * separation) / 4
    ratio = omega / (2 * np.pi * frequency)
    source = omega * ratio**2 * np.exp(-(ratio**2))
    out = []
    shift = np.exp(-1j * omega * (time[0] - lead))
    for spectrum in (early, back):
        full = np.zeros(n, complex)
        full[use] = spectrum * source * shift
        # numpy's forward transform has exp(-i w t), which is the sign used here
        signal = np.fft.fft(full) / (n * step) * np.exp(_DAMPING * (step * np.arange(n) - lead + time[0]))
        first = round(lead / step)
        out.append(signal[first : first + time.size])
    return out[0], out[1]


def _trapezoid(u: np.ndarray) -> np.ndarray:
    weight = np.full(u.shape, u[0, 1] - u[0, 0])
    weight[:, [0, -1]] *= 0.5
    return weight


def _reflections(
    kx: np.ndarray, kz0: np.ndarray, omega: np.ndarray, wall: float, eps_wall: float, eps_ground: float
) -> tuple[np.ndarray, np.ndarray]:
    """Fresnel's coefficient of the front, and the rest of the wall's response: the back and its multiples."""
    k2 = (omega / C_AIR) ** 2
    lossy = eps_wall + 1j * _WALL_LOSS / (omega * _EPS0)
    kz1, kz2 = np.sqrt(lossy * k2 - kx**2), np.sqrt((eps_ground + 0.01j * eps_ground) * k2 - kx**2)
    kz1, kz2 = (np.where(k.imag < 0, -k, k) for k in (kz1, kz2))
    front, rear = (kz0 - kz1) / (kz0 + kz1), (kz1 - kz2) / (kz1 + kz2)
    path = np.exp(2j * kz1 * wall)
    whole = (front + rear * path) / (1 + front * rear * path)
    return front, whole - front

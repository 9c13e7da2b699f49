"""What a round dielectric body sends straight back."""

from __future__ import annotations

import numpy as np
from scipy.special import h1vp, hankel1, jv, jvp

from gprscan.units import C_AIR

_ORDERS = np.arange(12)
_BAND = (0.8, 1.0, 1.2, 1.4)  # frequencies of a Ricker pulse over its peak; the small body favours the upper ones


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


def backscatter(radius: float, permittivity: float, host: float, *, frequency: float) -> float:
    """Field 1 m in front of a cylinder in a field of 1, over the band of a pulse.

    Parameters
    ----------
    radius : float
        In m.
    permittivity, host : float
        Relative permittivity of the cylinder and around it.
    frequency : float
        Peak of the pulse in MHz.

    Returns
    -------
    float
        Root mean square over the band of the series for a cylinder with the electric field along it (Balanis, 2012, Advanced
        Engineering Electromagnetics, section 11.5). The sign is that of the echo of its near face.
    """
    index = np.sqrt(permittivity / host)
    sizes = []
    for relative in _BAND:
        k = 2 * np.pi * relative * frequency * 1e-3 * np.sqrt(host) / C_AIR
        outer, inner = k * radius, k * radius * index
        below = jv(_ORDERS, inner) * h1vp(_ORDERS, outer) - index * jvp(_ORDERS, inner) * hankel1(_ORDERS, outer)
        above = jv(_ORDERS, inner) * jvp(_ORDERS, outer) - index * jvp(_ORDERS, inner) * jv(_ORDERS, outer)
        series = np.where(_ORDERS == 0, 1.0, 2.0) * (-1.0) ** _ORDERS * above / below
        sizes.append(np.sqrt(2 / (np.pi * k)) * abs(series.sum()))
    return float(np.sign(1.0 - index) * np.sqrt(np.mean(np.square(sizes))))

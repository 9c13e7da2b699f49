"""Straight down through flat layers: how deep a wave gets in a time, and the RMS velocity on the way."""

from __future__ import annotations

import math

import numpy as np

from gprscan.kernels.jit import brief_kernel, kernel
from gprscan.units import C_AIR


@brief_kernel
def reached(thickness: np.ndarray, permittivity: np.ndarray, factor: float, t: float) -> tuple[float, float]:
    """Depth that is reached in a two-way time, and the RMS velocity until then (Dix, Geophysics 20, 1955, 68).

    Parameters
    ----------
    thickness, permittivity : ndarray of float64, shape (layer,)
        Of the layers from the surface down, the last of them infinitely thick: m, and relative.
    factor : float
        What their velocities are multiplied by.
    t : float
        Two-way time in the ground, ns; more than 0.

    Returns
    -------
    float, float
        Depth in m and velocity in m/ns.
    """
    depth, squares, left = 0.0, 0.0, t
    for layer in range(thickness.size):
        v = factor * C_AIR / math.sqrt(permittivity[layer])
        step = min(left, 2.0 * thickness[layer] / v)
        depth += 0.5 * v * step
        squares += v * v * step
        left -= step
    return depth, math.sqrt(squares / t)


@kernel
def reached_each(
    thickness: np.ndarray, permittivity: np.ndarray, factors: np.ndarray, times: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Depths and RMS velocities under many places, each with a factor and a time of its own; see `reached`."""
    depths, velocities = np.empty(times.size), np.empty(times.size)
    for i in range(times.size):
        depths[i], velocities[i] = reached(thickness, permittivity, factors[i], times[i])
    return depths, velocities

"""The field of a line source above flat layers, summed over horizontal wavenumbers."""

from __future__ import annotations

import math

import numpy as np

from gprscan.kernels.jit import inline, sum_kernel

MOST_LAYERS = 16  # media, the air included


@inline
def _decaying_root(real, imaginary):  # type: ignore[no-untyped-def]
    """Return the square root whose imaginary part is not positive: the wave that dies away from the source."""
    size = math.sqrt(real * real + imaginary * imaginary)
    a = math.sqrt(max(0.5 * (size + real), 0.0))
    b = math.sqrt(max(0.5 * (size - real), 0.0))
    return complex(-a if imaginary > 0.0 else a, -b)


@sum_kernel
def reflected_field(k_air, permittivity, thickness, separation, height, k_x, weight):  # type: ignore[no-untyped-def]
    """Return ``sum over k_x of w R(k_x) / k_z exp(-2 i k_z h) cos(k_x s)`` at each frequency.

    R is the reflection of the layers, from the recursion ``R = (r + R' e) / (1 + r R' e)`` with
    ``e = exp(-2 i k_z d)`` (Chew 1995, Waves and Fields in Inhomogeneous Media, section 2.1; the electric field along
    the source).

    Parameters
    ----------
    k_air : ndarray of complex128, shape (n,)
        Wavenumbers in air, 1/m, their imaginary part negative.
    permittivity : ndarray of float64, shape (layers,)
        Relative, from the surface down; at most 15 layers.
    thickness : ndarray of float64, shape (layers - 1,)
        m.
    separation, height : float
        m.
    k_x, weight : ndarray of float64, shape (m,)
        Horizontal wavenumbers (1/m), and the weight of each in the sum.

    Returns
    -------
    ndarray of complex128, shape (n,)
    """
    layers = permittivity.size
    vertical = np.empty(MOST_LAYERS, np.complex128)
    cosine = np.empty(k_x.size)
    for m in range(k_x.size):
        cosine[m] = math.cos(k_x[m] * separation) * weight[m]
    out = np.zeros(k_air.size, np.complex128)
    for n in range(k_air.size):
        square = k_air[n] * k_air[n]
        total = complex(0.0, 0.0)
        for m in range(k_x.size):
            across = k_x[m] * k_x[m]
            vertical[0] = _decaying_root(square.real - across, square.imag)
            for layer in range(layers):
                vertical[layer + 1] = _decaying_root(
                    square.real * permittivity[layer] - across, square.imag * permittivity[layer]
                )
            reflection = (vertical[layers - 1] - vertical[layers]) / (vertical[layers - 1] + vertical[layers])
            for i in range(layers - 2, -1, -1):
                step = (vertical[i] - vertical[i + 1]) / (vertical[i] + vertical[i + 1])
                below = reflection * np.exp(-2j * vertical[i + 1] * thickness[i])
                reflection = (step + below) / (1.0 + step * below)
            total += reflection / vertical[0] * np.exp(-2j * vertical[0] * height) * cosine[m]
        out[n] = total
    return out

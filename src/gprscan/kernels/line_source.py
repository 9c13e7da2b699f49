"""The field of a line source above flat layers, summed over horizontal wavenumbers."""

from __future__ import annotations

import math

import numpy as np

from gprscan.kernels.jit import inline, sum_kernel

MOST_LAYERS = 16  # media, the air included
OPAQUE = 14.0  # nepers in a layer one way: what has crossed it twice is lost in the rounding


@inline
def _decaying_root(real, imaginary):  # type: ignore[no-untyped-def]
    """Return the square root whose imaginary part is not positive: the wave that dies away from the source."""
    size = math.sqrt(real * real + imaginary * imaginary)
    a = math.sqrt(max(0.5 * (size + real), 0.0))
    b = math.sqrt(max(0.5 * (size - real), 0.0))
    return complex(-a if imaginary > 0.0 else a, -b)


@inline
def _ratio(a, b):  # type: ignore[no-untyped-def]
    """Quotient of two complex numbers of moderate size, without the scaling that guards against overflow."""
    scale = 1.0 / (b.real * b.real + b.imag * b.imag)
    return complex((a.real * b.real + a.imag * b.imag) * scale, (a.imag * b.real - a.real * b.imag) * scale)


@inline
def _there_and_back(wavenumber, distance):  # type: ignore[no-untyped-def]
    """Return ``exp(-2 i k d)``."""
    size = math.exp(2.0 * wavenumber.imag * distance)
    angle = -2.0 * wavenumber.real * distance
    return complex(size * math.cos(angle), size * math.sin(angle))


@inline
def _descend(square, across, permittivity, thickness, vertical):  # type: ignore[no-untyped-def]
    """Fill the vertical wavenumbers down to the last medium that the wave reaches; return its number."""
    vertical[0] = _decaying_root(square.real - across, square.imag)
    last = 0
    while last < permittivity.size:
        vertical[last + 1] = _decaying_root(square.real * permittivity[last] - across, square.imag * permittivity[last])
        last += 1
        # nothing comes back from under a layer in which the wave dies away
        if last < permittivity.size and vertical[last].imag * thickness[last - 1] < -OPAQUE:
            break
    return last


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
            last = _descend(square, across, permittivity, thickness, vertical)
            reflection = _ratio(vertical[last - 1] - vertical[last], vertical[last - 1] + vertical[last])
            for i in range(last - 2, -1, -1):
                step = _ratio(vertical[i] - vertical[i + 1], vertical[i] + vertical[i + 1])
                below = reflection * _there_and_back(vertical[i + 1], thickness[i])
                reflection = _ratio(step + below, 1.0 + step * below)
            total += _ratio(reflection, vertical[0]) * _there_and_back(vertical[0], height) * cosine[m]
        out[n] = total
    return out


@sum_kernel
def reflected_field_slopes(k_air, permittivity, thickness, separation, height, k_x, weight):  # type: ignore[no-untyped-def]
    """Return how `reflected_field` changes with each permittivity, each thickness, and the height.

    The recursion is differentiated step by step, from the lowest interface up; parameters and their order as there.

    Returns
    -------
    ndarray of complex128, shape (2 layers, n)
        Per unit of permittivity, from the surface down; per metre of thickness; per metre of height.
    """
    layers = permittivity.size
    vertical = np.empty(MOST_LAYERS, np.complex128)
    by_wavenumber = np.empty(MOST_LAYERS, np.complex128)
    by_thickness = np.empty(MOST_LAYERS, np.complex128)
    cosine = np.empty(k_x.size)
    for m in range(k_x.size):
        cosine[m] = math.cos(k_x[m] * separation) * weight[m]
    out = np.zeros((2 * layers, k_air.size), np.complex128)
    for n in range(k_air.size):
        square = k_air[n] * k_air[n]
        for m in range(k_x.size):
            across = k_x[m] * k_x[m]
            last = _descend(square, across, permittivity, thickness, vertical)
            upper, lower = vertical[last - 1], vertical[last]
            both = _ratio(2.0, (upper + lower) * (upper + lower))
            reflection = _ratio(upper - lower, upper + lower)
            by_wavenumber[last - 1], by_wavenumber[last] = lower * both, -upper * both
            for i in range(last - 2, -1, -1):
                upper, lower = vertical[i], vertical[i + 1]
                both = _ratio(2.0, (upper + lower) * (upper + lower))
                step = _ratio(upper - lower, upper + lower)
                way = _there_and_back(lower, thickness[i])
                below = reflection * way
                whole = _ratio(1.0, 1.0 + step * below)
                reflection = (step + below) * whole
                by_step, by_below = (1.0 - below * below) * whole * whole, (1.0 - step * step) * whole * whole
                for j in range(i + 1, last + 1):
                    by_wavenumber[j] *= by_below * way
                for j in range(i + 1, last - 1):
                    by_thickness[j] *= by_below * way
                by_wavenumber[i + 1] += -by_step * upper * both - 2j * thickness[i] * by_below * below
                by_wavenumber[i] = by_step * lower * both
                by_thickness[i] = -2j * lower * by_below * below
            term = _ratio(1.0, vertical[0]) * _there_and_back(vertical[0], height) * cosine[m]
            for j in range(last):
                out[j, n] += term * by_wavenumber[j + 1] * _ratio(0.5 * square, vertical[j + 1])
            for j in range(last - 1):
                out[layers + j, n] += term * by_thickness[j]
            out[2 * layers - 1, n] -= 2j * vertical[0] * term * reflection
    return out

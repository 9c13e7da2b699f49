"""The radar equation: how strong the echo of an air-filled cavity is at a depth."""

from __future__ import annotations

import math

import numpy as np
from scipy import special

from gprscan.units import C_AIR

# echo over the direct wave at unit gain of a cylinder, dB: the median of 41 simulated voids under antennas of 270 to 600 MHz,
# the loss in their ground included, which is taken off once more where it is used: it errs to the shallow side
SCALE_DB = -11.0
THINNEST = 0.015  # m, radius of the thinnest service
STRONG_LOSS = 1.0  # dB per ns of two-way time: ground of 20 mS/m


def mirror_gain(radius: float, depth: float) -> float:
    """Echo of a curved mirror over the wave that it sends out, less its reflection coefficient; 1/sqrt(m).

    The divergence of a cylindrical wave at a mirror of radius a and depth z is ``sqrt(a / (2 z (z + a)))`` (Deschamps,
    Proc. IEEE 60, 1972, 1022, with the principal radii of a cylinder). A body that also curves away across the line
    spreads its echo in that direction too, ``sqrt(a / (z + a))``: a ball, the least echo that a diameter can have.

    Parameters
    ----------
    radius, depth : float
        Of the body, and of its top, m.
    """
    return math.sqrt(radius / (2.0 * depth * (depth + radius))) * math.sqrt(radius / (depth + radius))


def size_factor(radius: float, index: float, frequency: float) -> float:
    """Backscatter of a thin air-filled cylinder over that of geometrical optics, over the antenna's band; at most 1.

    The series for a cylinder in the field parallel to it (Bohren and Huffman, Absorption and Scattering of Light by Small
    Particles, 1983, section 8.4.1), against the mirror ``R sqrt(pi k a) / 2``; root of the mean power over 0.5 to 1.5 times
    the centre frequency, weighted by the spectrum of a Ricker pulse. A wavelength around or more it is 1.

    Parameters
    ----------
    radius : float
        Of the cylinder, m.
    index : float
        Refractive index of the ground.
    frequency : float
        Centre frequency, GHz.
    """
    relative = np.linspace(0.5, 1.5, 21)
    weight = (relative**2 * np.exp(-(relative**2))) ** 2
    reflection = (index - 1.0) / (index + 1.0)
    size = 2.0 * math.pi * frequency * relative * index * radius / C_AIR
    power = [abs(_backscatter(ka, 1.0 / index)) ** 2 / (0.25 * math.pi * reflection**2 * ka) for ka in size]
    return min(1.0, math.sqrt(float(weight @ power / weight.sum())))


def _backscatter(ka: float, ratio: float) -> complex:
    """Sum of the series towards the source; `ratio` is the index of the inside over that of the outside."""
    n = np.arange(-1, int(ka + 4.0 * ka ** (1.0 / 3.0) + 10.0) + 1)
    inside, outgoing = special.jv(n, ratio * ka), special.hankel1(n, ka)
    standing = outgoing.real
    # 2 f'(n) = f(n - 1) - f(n + 1)
    slopes = [0.5 * (f[:-2] - f[2:]) for f in (inside, outgoing, standing)]
    n, inside, outgoing, standing = (f[1:-1] for f in (n, inside, outgoing, standing))
    inside_slope, outgoing_slope, standing_slope = slopes
    top = inside * standing_slope - ratio * inside_slope * standing
    bottom = inside * outgoing_slope - ratio * inside_slope * outgoing
    sign = np.where(n % 2 == 0, 1.0, -1.0) * np.where(n == 0, 1.0, 2.0)
    return complex((sign * top / bottom).sum())


def weakest_service(t: float, depth: float, frequency: float) -> float:
    """Echo in dB over the direct wave, after cylindrical spreading, that no pipe under a road goes below.

    The thinnest, a metal rod, as a mirror (`mirror_gain` without the spreading across the line), under the most loss through
    which an antenna still sees as deep as that.

    Parameters
    ----------
    t : float
        Two-way time, ns.
    depth : float
        Of its top, m.
    frequency : float
        Centre frequency, GHz.
    """
    gain = math.sqrt(THINNEST / (2.0 * depth * (depth + THINNEST))) * math.sqrt(max(t * frequency, 1.0))
    return SCALE_DB + 20.0 * math.log10(gain) - STRONG_LOSS * t

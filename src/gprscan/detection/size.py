"""How large, how fast: the apparent velocity of a hyperbola shared out between the ground's velocity and the body's size.

A body with a top of curvature radius R at depth z looks like a point in faster ground: ``v_app = v sqrt(1 + R / z)`` near the
apex (both sides of ``t = 2 [sqrt(x^2 + (z + R)^2) - R] / v`` to second order in x). One profile cannot tell the two apart, so that
the prior of the ground, the usual radii of each kind, and the other bodies of the line have to.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from gprscan.detection.classify import Table
from gprscan.units import C_AIR


class Explained(NamedTuple):
    """Mean and standard deviation of ``log(v_app / v)`` of some bodies, shape (body, kind), by their kinds."""

    kinds: list[str]
    mean: np.ndarray
    sd: np.ndarray

    def of(self, i: int) -> dict[str, tuple[float, float]]:
        """Those of one body by kind."""
        return dict(zip(self.kinds, zip(self.mean[i].tolist(), self.sd[i].tolist(), strict=True), strict=True))


FLOOR = 0.02  # scatter of log v_app beyond the picks: layering, roughness, spread of the ground along the line


def surface_bias(t: float, height: float, frequency: float, ground_index: float, surface_index: float) -> float:
    """How much faster than the ground a point looks under a ground-coupled antenna: the log of the ratio.

    A line source at height h over a half-space sends a wave of horizontal slowness p through the surface with the factor
    ``2 k1 / (k1 + k0) exp(-i h k0)``, ``k0 = w sqrt(1/c^2 - p^2)``, ``k1 = w sqrt(n^2/c^2 - p^2)`` (Chew, Waves and Fields in
    Inhomogeneous Media, 1990, section 2.1). Beyond the critical angle k0 is imaginary: the air gap no longer delays the pulse, and
    its phase is advanced by ``atan(|k0| / k1)``, on the way down and on the way up. The legs arrive early, the hyperbola is
    flatter. Taken at 45 degrees, where most of the aperture's information is; within a few wavelengths the legs have not
    separated from the near field, and the effect is smaller (checked against simulated points 0.3 to 1.2 m deep).

    Parameters
    ----------
    t : float
        Two-way time in the ground, ns.
    height, frequency : float
        Of the antenna, m and GHz.
    ground_index, surface_index : float
        Refractive indices of the ground down to the body, and at the surface.
    """
    pc = ground_index * math.sqrt(0.5)
    omega = 2.0 * math.pi * frequency
    if pc <= 1.0 or t <= 0:
        return 0.0
    # within a wavelength the wave feels the surface layer and what is under it
    inside = math.sqrt(max(surface_index * ground_index - pc**2, 0.05))
    advance = 2.0 * (height / C_AIR + math.atan(math.sqrt(pc**2 - 1.0) / inside) / omega)
    ratio = max((math.sqrt(2.0) - advance / t) ** 2 - 1.0, 0.5)
    return -0.5 * math.log(ratio) * (1.0 - math.exp(-t * frequency / 2.5))


def explained(table: Table, depths: Sequence[float]) -> Explained:
    """Mean and standard deviation of ``log(v_app / v)`` for each kind at some depths in m, the ground known."""
    mean, sd = np.array(list(table["radius_m"].values()), float).T
    z = np.maximum(np.asarray(depths, float), 0.05)[:, None]
    ratio = np.maximum(1.0 + mean / z, 0.25)
    return Explained(list(table["radius_m"]), 0.5 * np.log(ratio), 0.5 * sd / (z * ratio))


def length_under_roof(table: Table, kind: str, roof: float | None) -> tuple[float, float] | None:
    """Extent along the line and its standard deviation in m, from the width of a roof in the migrated image.

    Only what faces up sends back to the antenna: of a rounded body the image shows a part of the roof, and of a point it shows
    a resolution cell. The table's ``length_m`` holds, for each kind, the extent at no width, how it grows with the width, and
    what is left as scatter. No body is narrower than its roof.

    Returns
    -------
    tuple of float or None
        None where the table does not know the kind, or there is no roof.
    """
    entry = table.get("length_m", {}).get(kind)
    if entry is None or roof is None:
        return None
    least, slope, scatter = entry
    return max(least + slope * roof, roof), scatter


def ground_measurement(
    known: Explained, kinds: Sequence[str], chances: np.ndarray, excess: np.ndarray, sigma: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """What bodies say about the log of the ground's factor: excess less what their kinds explain, and its sigma.

    Parameters
    ----------
    known : Explained
        What each kind explains at the depth of each body.
    kinds : sequence of str
        Kinds of `chances`, as the tables name them.
    chances : ndarray, shape (body, kind)
        Their probabilities for each body.
    excess, sigma : ndarray, shape (body,)
        Log of the apparent velocity over the ground's, and standard deviation of the curve.
    """
    both = [kind for kind in kinds if kind in known.kinds]
    p = chances[:, [list(kinds).index(kind) for kind in both]]
    mean, sd = (values[:, [known.kinds.index(kind) for kind in both]] for values in (known.mean, known.sd))
    norm = p.sum(axis=1)
    norm[norm == 0] = 1.0
    usual = (p * mean).sum(axis=1) / norm
    variance = (p * (sd**2 + (mean - usual[:, None]) ** 2)).sum(axis=1) / norm
    return excess - usual, np.sqrt(variance + sigma**2 + FLOOR**2)


def combine(spread: np.ndarray, measured: np.ndarray, sigma: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Factor of the ground at each body, and its relative sigma: the line's value, known to `spread`, corrected by its own curve."""
    local = np.hypot(spread, FLOOR)
    weight = local**2 / (local**2 + sigma**2)
    return np.exp(weight * measured), local * np.sqrt(1.0 - weight) + 1e-6


def radius(
    excess: np.ndarray, factor: np.ndarray, depth: np.ndarray, sigma: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Radii of tops in m and their standard deviations, from the excess left after the ground's factor."""
    ratio = np.exp(2.0 * (excess - np.log(factor)))
    return depth * (ratio - 1.0), 2.0 * depth * ratio * np.hypot(sigma, FLOOR)

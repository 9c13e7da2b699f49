"""The ground's velocity: a prior profile by layers, and its one factor that a line's own hyperbolas correct."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from gprscan.kernels.pooling import pooled
from gprscan.units import C_AIR


@dataclass(frozen=True)
class Ground:
    """A layered prior for the velocity, times a common factor.

    Attributes
    ----------
    layers : tuple of (float, float)
        Thickness (m) and relative permittivity from the surface down; the last goes on for ever.
    factor : float
        What the velocities are multiplied by.
    spread : float
        Relative standard deviation of the factor.
    """

    layers: tuple[tuple[float, float], ...]
    factor: float = 1.0
    spread: float = 0.1

    def depth(self, t: float) -> float:
        """Depth in m reached after a two-way time in ns in the ground."""
        depth, left = 0.0, max(t, 0.0)
        for thickness, permittivity in self._finite():
            v = self.factor * C_AIR / math.sqrt(permittivity)
            step = min(left, 2 * thickness / v)
            depth += 0.5 * v * step
            left -= step
        return depth

    def time(self, depth: float) -> float:
        """Two-way time in ns in the ground down to a depth in m."""
        time, left = 0.0, max(depth, 0.0)
        for thickness, permittivity in self._finite():
            step = min(left, thickness)
            time += 2 * step * math.sqrt(permittivity) / (self.factor * C_AIR)
            left -= step
        return time

    def rms(self, t: float) -> float:
        """RMS velocity in m/ns over a two-way time in ns in the ground (Dix, Geophysics 20, 1955, 68)."""
        left, sum_v2 = max(t, 1e-6), 0.0
        whole = left
        for thickness, permittivity in self._finite():
            v = self.factor * C_AIR / math.sqrt(permittivity)
            step = min(left, 2 * thickness / v)
            sum_v2 += v * v * step
            left -= step
        return math.sqrt(sum_v2 / whole)

    def mean(self, t: float) -> float:
        """Mean velocity in m/ns over a two-way time in ns in the ground."""
        return 2 * self.depth(t) / max(t, 1e-6)

    def _finite(self) -> tuple[tuple[float, float], ...]:
        return _without_end(self.layers)

    def updated(self, log_factors: np.ndarray, sigmas: np.ndarray, left_out: int = -1) -> Ground:
        """Posterior after independent measurements of the log of the factor: robust precision weighting.

        Each measurement is trusted at most to a third of the prior's spread: the ground is not the same everywhere. The
        one with the index `left_out` does not count.
        """
        spread = self.spread
        mean, variance = pooled(
            np.asarray(log_factors, dtype=float), np.maximum(np.asarray(sigmas, dtype=float), 0.3 * spread), left_out,
            math.log(self.factor), spread,
        )  # fmt: skip
        return Ground(self.layers, math.exp(mean), math.hypot(math.sqrt(variance), 0.25 * spread))


@lru_cache(maxsize=16)
def _without_end(layers: tuple[tuple[float, float], ...]) -> tuple[tuple[float, float], ...]:
    return (*layers[:-1], (math.inf, layers[-1][1]))

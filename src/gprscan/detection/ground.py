"""The ground's velocity: a prior profile by layers, and its one factor that a line's own hyperbolas correct."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from gprscan.kernels import strata
from gprscan.kernels.pooling import pooled, pooled_around
from gprscan.units import C_AIR

SOON = 1e-6  # ns: no time at all
TRUST = 0.3  # of the prior's spread: as far as one measurement is trusted, since the ground is not the same everywhere
UNEVEN = 0.25  # of it: what is left of the spread however much was measured


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
        return float(strata.reached(*_arrays(self.layers), self.factor, max(t, SOON))[0])

    def reached(self, times: np.ndarray, factors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Depths in m and RMS velocities in m/ns after two-way times in ns, under places with factors of their own."""
        depths, velocities = strata.reached_each(*_arrays(self.layers), factors, np.maximum(times, SOON))
        return depths, velocities

    def time(self, depth: float) -> float:
        """Two-way time in ns in the ground down to a depth in m."""
        time, left = 0.0, max(depth, 0.0)
        for thickness, permittivity in _without_end(self.layers):
            step = min(left, thickness)
            time += 2 * step * math.sqrt(permittivity) / (self.factor * C_AIR)
            left -= step
        return time

    def rms(self, t: float) -> float:
        """RMS velocity in m/ns over a two-way time in ns in the ground (Dix, Geophysics 20, 1955, 68)."""
        return float(strata.reached(*_arrays(self.layers), self.factor, max(t, SOON))[1])

    def mean(self, t: float) -> float:
        """Mean velocity in m/ns over a two-way time in ns in the ground."""
        return 2 * self.depth(t) / max(t, SOON)

    def updated(self, log_factors: np.ndarray, sigmas: np.ndarray) -> Ground:
        """Posterior after independent measurements of the log of the factor: robust precision weighting.

        Each measurement is trusted at most to a third of the prior's spread.
        """
        mean, variance = pooled(log_factors, self._trusted(sigmas), -1, math.log(self.factor), self.spread)
        return Ground(self.layers, math.exp(mean), math.hypot(math.sqrt(variance), UNEVEN * self.spread))

    def updated_around(
        self, log_factors: np.ndarray, sigmas: np.ndarray, mine: np.ndarray, first: np.ndarray, last: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Factors and their relative sigmas at some of the measured places, by the other measurements around each; see `updated`.

        Parameters
        ----------
        log_factors, sigmas : ndarray, shape (n,)
            Measurements.
        mine, first, last : ndarray of int, shape (m,)
            Numbers of the places, and the measurements around each, the last left out.
        """
        prior = math.log(self.factor), self.spread
        means, variances = pooled_around(log_factors, self._trusted(sigmas), mine, first, last, *prior)
        spreads = np.hypot(np.sqrt(variances), UNEVEN * self.spread)
        return np.exp(means), np.where(last - first > 1, spreads, self.spread)

    def _trusted(self, sigmas: np.ndarray) -> np.ndarray:
        return np.maximum(sigmas, TRUST * self.spread)


@lru_cache(maxsize=16)
def _without_end(layers: tuple[tuple[float, float], ...]) -> tuple[tuple[float, float], ...]:
    return (*layers[:-1], (math.inf, layers[-1][1]))


@lru_cache(maxsize=16)
def _arrays(layers: tuple[tuple[float, float], ...]) -> tuple[np.ndarray, np.ndarray]:
    thickness, permittivity = np.array(_without_end(layers), float).T.copy()
    return thickness, permittivity

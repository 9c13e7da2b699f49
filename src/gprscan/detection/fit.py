"""Hyperbola fits: from candidates to apexes with covariances."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gprscan.detection.section import Section
from gprscan.detection.settings import Settings
from gprscan.kernels import hyperbola, jit
from gprscan.units import C_AIR

SAME_PLACE = 0.048  # m per ns of the antenna's period: half a wavelength in moist ground
LEAST_PICKS = 4  # of a fit that holds


@dataclass
class Fit:
    """A fitted hyperbola.

    Attributes
    ----------
    x, t, velocity : float
        Apex in m and ns (from time zero) and apparent velocity in m/ns of a point there.
    covariance : ndarray, shape (3, 3)
        Of (x, t, log velocity), from the scatter of the picks.
    residual : float
        Robust standard deviation of the picks in ns.
    picks : int
        Traces that were picked.
    coherence : float
        Semblance of the flattened traces over the first period of the echo.
    left, right : float
        Semblance of each leg; NaN where it is not there.
    reach : float
        Half-aperture that was used, m.
    """

    x: float
    t: float
    velocity: float
    covariance: np.ndarray
    residual: float
    picks: int
    coherence: float
    left: float
    right: float
    reach: float


def fit(section: Section, found: np.ndarray, settings: Settings) -> tuple[np.ndarray, np.ndarray]:
    """Fit apex, time and apparent velocity to candidates by iterated picking.

    Traces are flattened along the present curve, neighbours averaged, and each is correlated with the stack; the delays
    that this finds correct the curve by robust weighted least squares (Tukey's biweight), with a weak prior on the
    velocity that only matters where the legs carry nothing. In the end the apex is put on the peak of the traces' common pulse.

    Parameters
    ----------
    section : Section
        A conditioned channel.
    found : ndarray of `gprscan.detection.candidates.CANDIDATE`, shape (n,)
        Its candidates.
    settings : Settings

    Returns
    -------
    ndarray of int, shape (m,)
        Which candidates hold.
    ndarray, shape (m, hyperbola.RESULT)
        Their fits as `gprscan.kernels.hyperbola.fit_curves` has them; see `unpacked`.
    """
    s = section
    if found.size == 0:
        return np.empty(0, int), np.empty((0, hyperbola.RESULT))
    period = 1.0 / s.fc_nominal
    group = max(1, int(0.2 * settings.velocity * period / s.dx))
    numbers = hyperbola.fit_curves(
        s.cond, s.x, s.valid, np.stack([found["x"], found["t"], found["velocity"]], axis=1),
        (float(s.t[0]), s.dt, s.dx, period), (2 * s.height / C_AIR, s.separation),
        (0.8 * settings.velocity_min, min(1.2 * settings.velocity_max, 0.31), 0.9, 0.6, settings.aperture * 0.4 * period),
        group, threads=jit.threads(),
    )  # fmt: skip
    held = np.flatnonzero(_holds(s, numbers, settings))
    return held, numbers[held]


def _holds(s: Section, numbers: np.ndarray, settings: Settings) -> np.ndarray:
    """Which fits hold: coherent, on picks enough, with an apex under the line and at a time that a depth can be given for."""
    fitted, x, _, _, _, picks, both = numbers[:, :7].T
    beyond = SAME_PLACE / s.fc_nominal
    # a leg whose apex lies outside of the line: what it belongs to is not under it
    inside = (s.x[0] - beyond <= x) & (x <= s.x[-1] + beyond)
    timed = numbers[:, 13] <= (0.5 / s.fc_nominal) ** 2
    return (fitted != 0) & (both >= settings.coherence) & (picks >= LEAST_PICKS) & inside & timed


_SYMMETRIC = np.array([[0, 1, 2], [1, 3, 4], [2, 4, 5]])  # places of a matrix in the rows of its upper triangle


def unpacked(numbers: np.ndarray) -> Fit:
    """One row of what `fit` returns as a `Fit`."""
    _, x, t, velocity, residual, picks, both, left, right, reach = numbers[:10].tolist()
    covariance = numbers[10:][_SYMMETRIC]
    return Fit(x, t, velocity, covariance, residual, int(picks), both, left, right, reach)


def span(section: Section) -> tuple[int, int]:
    """Samples of an echo before and after the curve: two periods and eight."""
    samples = section.fc_nominal * section.dt
    return round(2.0 / samples), round(8.0 / samples)

"""Hyperbola fit: from a candidate to an apex with a covariance."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import signal

from gprscan.detection.candidates import Candidate
from gprscan.detection.section import Section
from gprscan.detection.settings import Settings
from gprscan.kernels import hyperbola
from gprscan.units import C_AIR


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
    wave : ndarray
        Stacked un-gained echo along the curve, sampled at the section's dt.
    lag : ndarray
        Its times in ns from the apex time.
    traces : ndarray, shape (trace, lag)
        Flattened traces behind the stack.
    distance : ndarray, shape (trace,)
        Their distances from the apex in m.
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
    wave: np.ndarray
    lag: np.ndarray
    traces: np.ndarray
    distance: np.ndarray


def flatten(
    section: Section, data: np.ndarray, x0: float, t0: float, velocity: float, reach: float, before: float, after: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Cut traces along the travel-time curve of a point: flattened traces, their distances, and lags in ns."""
    first, last = round(before / section.dt), round(after / section.dt)
    lag = section.dt * np.arange(-first, last + 1)
    near = np.flatnonzero((np.abs(section.x - x0) <= reach) & section.valid)
    distance = section.x[near] - x0
    air = 2 * section.height / C_AIR
    traces = hyperbola.flatten(
        data, near, distance, float(section.t[0]), section.dt, air, t0, velocity, section.separation, first, last
    )
    return traces, distance, lag


def aperture(section: Section, t: float, velocity: float, settings: Settings) -> float:
    """Half-aperture in m: the depth, within a wavelength and the longest allowed."""
    depth = 0.5 * velocity * max(t, 0.0)
    longest = settings.aperture * 0.4 / section.fc_nominal
    return float(np.clip(0.9 * depth, max(3 * section.dx, 0.6 * velocity / section.fc_nominal), longest))


def fit(section: Section, candidate: Candidate, settings: Settings, rounds: int = 4) -> Fit | None:
    """Fit apex, time and apparent velocity to a candidate by iterated picking.

    Traces are flattened along the present curve, neighbours averaged, and each is correlated with the stack; the delays
    that this finds correct the curve by robust weighted least squares (Tukey's biweight), with a weak prior on the
    velocity that only matters where the legs carry nothing.
    """
    x0, t0, v = candidate.x, candidate.t, candidate.velocity
    period = 1.0 / section.fc_nominal
    reach = aperture(section, t0, v, settings)
    covariance = np.diag([section.dx**2, (0.2 * period) ** 2, 0.3**2])
    residual, picks = 0.2 * period, 0
    air = 2 * section.height / C_AIR
    step = np.zeros(3)
    for _ in range(rounds):
        traces, distance, lag = flatten(section, section.cond, x0, t0, v, reach, 1.5 * period, 1.5 * period)
        if distance.size < 4:
            return None
        delay, weight = _delays(traces, lag, section.dt, period)
        residual, picks = hyperbola.curve_step(
            distance, delay, weight, max(t0 - air, 1e-3), v, section.separation,
            np.array([1e-6, 1e-6, 1 / 0.25**2]), np.array([0.0, 0.0, np.log(candidate.velocity / v) / 0.25**2]),
            0.02 * period, max(1.0, 0.25 * v * period / section.dx), np.array([1e-6, 1e-6, 1 / 0.5**2]), step, covariance,
        )  # fmt: skip
        x0 += float(np.clip(step[0], -0.3 * reach, 0.3 * reach))
        t0 += float(np.clip(step[1], -0.5 * period, 0.5 * period))
        v *= float(np.exp(np.clip(step[2], -0.15, 0.15)))
        settled = abs(step[0]) < 0.1 * section.dx and abs(step[1]) < 0.02 * period and abs(step[2]) < 0.01
        v = float(np.clip(v, 0.8 * settings.velocity_min, min(1.2 * settings.velocity_max, 0.31)))
        if abs(x0 - candidate.x) > reach or t0 < 0.2 * period:
            return None
        if settled:
            break
    wave, lag, traces, distance = stack(section, x0, t0, v, reach)
    left, right, both = _leg_coherence(section, x0, t0, v, reach, period)
    return Fit(x0, t0, v, covariance, residual, picks, both, left, right, reach, wave, lag, traces, distance)


def stack(
    section: Section, x0: float, t0: float, velocity: float, reach: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Stack the un-gained echo along a curve, tapered, from two periods before to eight after."""
    period = 1.0 / section.fc_nominal
    traces, distance, lag = flatten(section, section.echo, x0, t0, velocity, reach, 2.0 * period, 8.0 * period)
    weight = np.cos(0.5 * np.pi * np.clip(np.abs(distance) / (reach + 1e-9), 0, 1)) ** 2
    wave = weight @ traces / max(weight.sum(), 1e-9)
    return wave, lag, traces, distance


def _delays(traces: np.ndarray, lag: np.ndarray, dt: float, period: float) -> tuple[np.ndarray, np.ndarray]:
    """Delay of each flattened trace against the stack (ns), and its weight (correlation squared, 0 to 1)."""
    n = traces.shape[0]
    delay, weight = np.zeros(n), np.zeros(n)
    centre = int(np.argmin(np.abs(lag)))
    hyperbola.pick_delays(traces, centre, round(0.8 * period / dt), round(0.4 * period / dt), delay, weight)
    return delay * dt, weight


def _leg_coherence(section, x0, t0, v, reach, period):  # type: ignore[no-untyped-def]
    """Semblance of the left leg, the right leg, and the agreement of both, over one period at the apex time."""
    traces, distance, lag = flatten(section, section.cond, x0, t0, v, reach, 0.5 * period, 0.5 * period)
    analytic = signal.hilbert(traces, axis=1) if traces.size else traces.astype(complex)
    taper = np.cos(0.5 * np.pi * np.clip(np.abs(distance) / (reach + 1e-9), 0, 1)) ** 2
    sums, energies, weights = [], [], []
    for sign in (-1, 1):
        w = taper * np.where(sign * distance > 0, 1.0, np.where(distance == 0, 0.5, 0.0))
        sums.append(w @ analytic)
        energies.append(float((w @ np.abs(analytic) ** 2).sum()))
        weights.append(w.sum())
    legs = [
        float((np.abs(s) ** 2).sum() / (e * n)) if n > 1.0 and e > 0 else float("nan")
        for s, e, n in zip(sums, energies, weights, strict=True)
    ]
    if np.isnan(legs).any():
        both = 0.85 * float(np.nanmax(legs)) if not np.isnan(legs).all() else 0.0
    else:
        cross = float(np.real(sums[0] * np.conj(sums[1])).sum())
        both = max(cross, 0.0) / np.sqrt(energies[0] * weights[0] * energies[1] * weights[1] + 1e-30)
    return legs[0], legs[1], float(both)

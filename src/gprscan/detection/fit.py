"""Hyperbola fit: from a candidate to an apex with a covariance."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import signal

from gprscan.detection.candidates import Candidate
from gprscan.detection.section import Section
from gprscan.detection.settings import Settings
from gprscan.kernels.coherence import moveout_curve
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
    lag = section.dt * np.arange(-round(before / section.dt), round(after / section.dt) + 1)
    near = np.flatnonzero((np.abs(section.x - x0) <= reach) & section.valid)
    if near.size == 0:
        return np.zeros((0, lag.size)), np.zeros(0), lag
    distance = section.x[near] - x0
    air = 2 * section.height / C_AIR
    curve = moveout_curve(distance, max(t0 - air, 1e-3), velocity, section.separation) + air
    position = (curve[:, None] + lag[None, :] - section.t[0]) / section.dt
    low = np.floor(position).astype(int)
    inside = (low >= 0) & (low < section.t.size - 1)
    low = np.clip(low, 0, section.t.size - 2)
    part = position - low
    rows = near[:, None]
    out = data[rows, low] * (1 - part) + data[rows, low + 1] * part
    return np.where(inside, out, 0.0), distance, lag


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
    for _ in range(rounds):
        traces, distance, lag = flatten(section, section.cond, x0, t0, v, reach, 1.5 * period, 1.5 * period)
        if distance.size < 4:
            return None
        delay, weight = _delays(traces, lag, section.dt, period)
        step, covariance, residual, picks = _solve(section, distance, delay, weight, t0, v, candidate.velocity, period)
        x0 += float(np.clip(step[0], -0.3 * reach, 0.3 * reach))
        t0 += float(np.clip(step[1], -0.5 * period, 0.5 * period))
        v *= float(np.exp(np.clip(step[2], -0.15, 0.15)))
        v = float(np.clip(v, 0.8 * settings.velocity_min, min(1.2 * settings.velocity_max, 0.31)))
        if abs(x0 - candidate.x) > reach or t0 < 0.2 * period:
            return None
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
    # neighbours share nearly one delay once flattened, and noise averages out
    smooth = traces
    if n >= 5:
        smooth = traces.copy()
        smooth[1:-1] += 0.5 * (traces[:-2] + traces[2:])
    centre = int(np.argmin(np.abs(lag)))
    half = round(0.8 * period / dt)
    window = np.hanning(2 * half + 1)
    cut = slice(centre - half, centre + half + 1)
    model = traces.mean(axis=0)[cut] * window
    norm = np.linalg.norm(model) + 1e-30
    reach = round(0.4 * period / dt)
    score = np.empty((n, 2 * reach + 1))
    for k in range(-reach, reach + 1):
        part = smooth[:, centre - half + k : centre + half + 1 + k] * window
        score[:, k + reach] = part @ model / ((np.linalg.norm(part, axis=1) + 1e-30) * norm)
    best = score.argmax(axis=1)
    inner = np.clip(best, 1, 2 * reach - 1)
    rows = np.arange(n)
    y0, y1, y2 = score[rows, inner - 1], score[rows, inner], score[rows, inner + 1]
    curve = y0 - 2 * y1 + y2
    fine = np.where(curve < 0, 0.5 * (y0 - y2) / np.where(curve < 0, curve, -1.0), 0.0)
    weight = np.clip(y1, 0, 1) ** 2
    weight[(best == 0) | (best == 2 * reach) | (y1 < 0.4)] = 0.0
    return (inner - reach + np.clip(fine, -1, 1)) * dt, weight


def _solve(section, distance, delay, weight, t0, v, v_start, period):  # type: ignore[no-untyped-def]
    """One robust least-squares step for (x, t, log v); returns step, covariance, residual scale and number of picks."""
    air = 2 * section.height / C_AIR
    ground = max(t0 - air, 1e-3)

    def curve(dx: float, dt: float, dlv: float) -> np.ndarray:
        return moveout_curve(distance - dx, max(ground + dt, 1e-3), v * np.exp(dlv), section.separation)

    base = curve(0, 0, 0)
    jac = np.stack(
        [(curve(1e-3, 0, 0) - base) / 1e-3, (curve(0, 1e-3, 0) - base) / 1e-3, (curve(0, 0, 1e-3) - base) / 1e-3],
        axis=1,
    )
    prior = np.diag([1e-6, 1e-6, 1 / 0.25**2])
    pull = np.array([0.0, 0.0, np.log(v_start / v) / 0.25**2])
    used = weight > 0
    scale = 0.1 * period
    step = np.zeros(3)
    w = weight.copy()
    for _ in range(8):
        normal = (jac * (w / scale**2)[:, None]).T @ jac + prior
        step = np.linalg.solve(normal, jac.T @ (w * delay) / scale**2 + pull)
        misfit = delay - jac @ step
        scale = max(1.4826 * float(np.median(np.abs(misfit[used]))) if used.any() else scale, 0.02 * period)
        u = np.clip(misfit / (4.7 * scale), -1, 1)
        w = weight * (1 - u**2) ** 2
    # picks within a quarter wavelength are not independent
    together = max(1.0, 0.25 * v / section.fc_nominal / section.dx)
    normal = (jac * (w / (together * scale**2))[:, None]).T @ jac + np.diag([1e-6, 1e-6, 1 / 0.5**2])
    return step, np.linalg.inv(normal), scale, int((w > 0.05).sum())


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

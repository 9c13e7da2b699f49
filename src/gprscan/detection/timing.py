"""Time zero and the reference wavelet, both from the direct wave."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from scipy import signal

from gprscan.detection.section import some_of
from gprscan.kernels import conditioning
from gprscan.units import C_AIR

if TYPE_CHECKING:
    from gprscan.detection.condition import Acquisition


@dataclass
class DirectWave:
    """The direct wave, fitted by a Ricker wavelet of free phase.

    Attributes
    ----------
    shift : float
        Correction in ns to subtract from the nominal times.
    sigma : float
        Its standard deviation in ns.
    peak : float
        Envelope peak in the units of the traces.
    frequency : float
        Centre frequency of the fit in GHz.
    phase : float
        Phase at the envelope peak in radians (0: crest, pi: trough).
    misfit : float
        Residual energy as a share of the energy.
    """

    shift: float
    sigma: float
    peak: float
    frequency: float
    phase: float
    misfit: float


@cache
def _ricker_table() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    axis = np.linspace(-3.0, 3.0, 301)
    u = (np.pi * axis) ** 2
    analytic = signal.hilbert((1 - 2 * u) * np.exp(-u))
    return axis, np.ascontiguousarray(analytic.real), np.ascontiguousarray(analytic.imag)


def ricker_pair(time: np.ndarray, frequency: float) -> tuple[np.ndarray, np.ndarray]:
    """Ricker wavelet with unit peak and its Hilbert transform at times in ns from its centre."""
    axis, re, im = _ricker_table()
    u = np.asarray(time) * frequency
    return np.interp(u, axis, re, left=0.0, right=0.0), np.interp(u, axis, im, left=0.0, right=0.0)


def align(a: np.ndarray, valid: np.ndarray, t: np.ndarray, acq: Acquisition) -> np.ndarray:
    """Delay of each trace's direct wave against the median trace, in ns; zero where it cannot be told."""
    n = a.shape[0]
    shift = np.zeros(n)
    if valid.sum() < 5:
        return shift
    first, last = _direct_window(a, valid, t, acq)
    part = a[:, first:last] - a[:, first:last].mean(axis=1, keepdims=True, dtype=np.float64).astype(np.float32)
    reach = max(2, round(0.35 / (acq.fc * acq.dt)))
    some = some_of(valid)
    lag, score = np.empty(n), np.empty(n)
    for _ in range(2):
        moved = apply_shift(part, shift / acq.dt)
        model = conditioning.median_trace(moved[some])
        if not np.abs(model).max() > 0:
            return shift
        conditioning.best_lags(moved, model, reach, lag, score)
        shift += np.where(valid & (score > 0.85), lag * acq.dt, 0.0)
    shift -= np.median(shift[valid])
    # what the surface does to the direct wave is smaller than half a sample; do not chase it
    return np.where(np.abs(shift) > 0.4 * acq.dt, shift, 0.0)


def _direct_window(a: np.ndarray, valid: np.ndarray, t: np.ndarray, acq: Acquisition) -> tuple[int, int]:
    """Samples around the direct wave, which may be up to 2 ns or a period off its nominal place."""
    slack = max(2.0, 1.0 / acq.fc)
    expected = acq.separation / C_AIR
    first = int(np.searchsorted(t, expected - slack - 1.2 / acq.fc))
    last = int(np.searchsorted(t, expected + slack + 1.2 / acq.fc))
    last = min(max(last, first + 8), a.shape[1])
    return first, last


def apply_shift(a: np.ndarray, samples: np.ndarray) -> np.ndarray:
    """Move each trace earlier by its number of samples (linear interpolation, ends held)."""
    if not np.any(samples):
        return a
    out = np.empty_like(a)
    conditioning.shift_traces(a, samples, out)
    return out


def fit_direct_wave(
    a: np.ndarray, clipped: np.ndarray, valid: np.ndarray, t: np.ndarray, acq: Acquisition
) -> DirectWave | None:
    """Fit the median trace's direct wave; clipped samples only have to reach the ceiling.

    Returns
    -------
    DirectWave or None
        None where nothing like a pulse is found near the nominal place.
    """
    if valid.sum() < 3:
        return None
    some = some_of(valid)
    trace = conditioning.median_trace(a[some]).astype(float)
    held = 2 * np.count_nonzero(clipped[some], axis=0) > some.size
    first, last = _direct_window(a, valid, t, acq)
    if last - first < 8:
        return None
    trace, held, time = trace[first:last], held[first:last], t[first:last]
    best: tuple[float, float, float, np.ndarray] | None = None
    centres = np.arange(time[0] + 0.5 / acq.fc, time[-1] - 0.5 / acq.fc, 0.06 / acq.fc)
    grid = [(ratio, centre) for ratio in (0.8, 0.95, 1.1, 1.3) for centre in centres]
    for fine in range(2):
        for ratio, centre in grid:
            misfit, coefficients = _pulse_misfit(trace, held, time - centre, ratio * acq.fc, acq.fc)
            if best is None or misfit < best[0]:
                best = (misfit, centre, ratio, coefficients)
        if best is None or fine:
            break
        steps = np.arange(-0.06, 0.061, 0.015) / acq.fc
        grid = [(best[2] * (1 + r), best[1] + c) for r in (-0.07, 0.0, 0.07) for c in steps]
    if best is None or best[0] > 0.8:
        return None
    misfit, centre, ratio, c = best
    peak = float(np.hypot(*c))
    shift = float(centre - direct_arrival(acq))
    # a nominal time zero within what can be measured is better than the measurement
    consistent = abs(shift) < 0.16 / acq.fc
    return DirectWave(
        shift=0.0 if consistent else shift,
        sigma=(0.03 if consistent else 0.06) / acq.fc,
        peak=peak,
        frequency=ratio * acq.fc,
        phase=float(np.arctan2(-c[1], c[0])),
        misfit=float(misfit),
    )


def _pulse_misfit(
    trace: np.ndarray, held: np.ndarray, time: np.ndarray, frequency: float, fc: float
) -> tuple[float, np.ndarray]:
    """Share of the energy near the pulse that a free-phase Ricker wavelet leaves, and its two coefficients."""
    # what follows the first swing may be the ground, a layer or the antenna ringing
    near = (time > -1.2 / fc) & (time < 0.5 / fc)
    basis = np.stack(ricker_pair(time, frequency))
    target = trace.copy()
    part = basis[:, near]
    gram = part @ part.T + 1e-9 * np.eye(2)
    solve = np.linalg.solve(gram, part)
    coefficients = solve @ target[near]
    if held.any():
        for _ in range(4):
            model = coefficients @ basis
            beyond = held & (np.sign(model) == np.sign(trace)) & (np.abs(model) > np.abs(trace))
            target = np.where(beyond, model, trace)
            coefficients = solve @ target[near]
    residual = (target - coefficients @ basis)[near]
    left = float((residual**2).sum())
    explained = float((target[near] ** 2).sum()) - left
    # nothing arrives before the direct wave: what is there and not part of the pulse counts against it
    before = float((target[time <= -1.2 / fc] ** 2).sum())
    total = float((target[time < 0.5 / fc] ** 2).sum()) + 0.3 * float((target**2).sum())
    return 1.0 - (explained - 2.0 * (left + before)) / max(total, 1e-30), coefficients


def direct_arrival(acq: Acquisition) -> float:
    """Expected time in ns of the envelope peak of the direct wave.

    The air wave comes at separation / c. With the antenna close to the ground the surface reflection merges with it, and
    pulls the peak of the sum earlier the higher the antenna is, since it comes later with the opposite sign.
    """
    pull = np.clip(0.12 - 2.7 * acq.height * acq.fc / C_AIR, -0.07, 0.12)
    return acq.separation / C_AIR + float(pull) / acq.fc


def reference_wavelet(direct: DirectWave | None, dt: float, fc: float) -> tuple[np.ndarray, str]:
    """Incident wavelet centred on its envelope peak: the fitted direct wave, or a Ricker wavelet."""
    half = int(np.ceil(1.5 / (fc * dt)))
    time = dt * np.arange(-half, half + 1)
    if direct is None:
        return ricker_pair(time, fc)[0].astype(np.float32), "nominal"
    r, h = ricker_pair(time, direct.frequency)
    return (np.cos(direct.phase) * r - np.sin(direct.phase) * h).astype(np.float32), "direct"

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


# all in periods of the antenna
LEAST_SHIFT = 0.01  # a direct wave that is so late leaves 6 % of it in the difference, as much as a strong echo, and its ringing too
LARGEST_REST = 0.1  # delay that may be left of a trace that was aligned
ALONE = (0.75, 0.5)  # before and after its peak, where the direct wave is alone


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


def ricker_pair(time: np.ndarray, frequency: float | np.ndarray) -> tuple[np.ndarray, np.ndarray]:
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
    if last <= first:  # by its nominal time zero the record ends before the direct wave comes
        return shift
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
    shift += np.where(valid & (score > 0.85), _late_alone(apply_shift(a, shift / acq.dt), t, valid, acq), 0.0)
    shift -= np.median(shift[valid])
    return np.where(np.abs(shift) > LEAST_SHIFT / acq.fc, shift, 0.0)


def _late_alone(a: np.ndarray, t: np.ndarray, valid: np.ndarray, acq: Acquisition) -> np.ndarray:
    """Delay in ns that is left of traces aligned already, by their direct wave alone: what comes later are echoes.

    Each trace is the typical one times a factor, moved by a little: ``g (m - d m')``, fitted by least squares in g and g d.
    """
    typical = conditioning.median_trace(a[some_of(valid)]).astype(float)
    first, last = _direct_window(a, valid, t, acq)
    peak = first + int(np.abs(signal.hilbert(typical))[first:last].argmax())
    before, after = (round(periods / (acq.fc * acq.dt)) for periods in ALONE)
    rows = slice(max(peak - before, 0), peak + after + 1)
    shape = np.stack([typical, -np.gradient(typical, acq.dt)])[:, rows]
    factor, moved = np.linalg.lstsq(shape.T, a[:, rows].T.astype(float), rcond=None)[0]
    late = np.divide(moved, factor, out=np.zeros(a.shape[0]), where=factor > 0.5)
    return np.where(np.abs(late) < LARGEST_REST / acq.fc, late, 0.0)


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
    centres = np.arange(time[0] + 0.5 / acq.fc, time[-1] - 0.5 / acq.fc, 0.06 / acq.fc)
    coarse = np.array([(ratio, centre) for ratio in (0.8, 0.95, 1.1, 1.3) for centre in centres]).reshape(-1, 2)
    if coarse.size == 0:
        return None
    misfits, _ = _pulse_misfits(trace, held, time, coarse, acq.fc)
    near, at = coarse[misfits.argmin()], np.arange(-0.06, 0.061, 0.015) / acq.fc
    fine = np.array([near, *((near[0] * (1 + r), near[1] + c) for r in (-0.07, 0.0, 0.07) for c in at)])
    misfits, coefficients = _pulse_misfits(trace, held, time, fine, acq.fc)
    best = misfits.argmin()
    misfit, (ratio, centre), c = float(misfits[best]), fine[best], coefficients[best]
    if misfit > 0.8:
        return None
    peak = float(np.hypot(*c))
    shift = float(centre - direct_arrival(acq))
    # a nominal time zero within what can be measured is better than the measurement
    consistent = abs(shift) < 0.16 / acq.fc
    return DirectWave(
        shift=0.0 if consistent else shift,
        sigma=(0.03 if consistent else 0.06) / acq.fc,
        peak=peak,
        frequency=float(ratio) * acq.fc,
        phase=float(np.arctan2(-c[1], c[0])),
        misfit=misfit,
    )


def _pulse_misfits(
    trace: np.ndarray, held: np.ndarray, time: np.ndarray, pulses: np.ndarray, fc: float
) -> tuple[np.ndarray, np.ndarray]:
    """Share of the energy near each of some pulses that a free-phase Ricker wavelet leaves, and its two coefficients.

    `pulses` has the frequency of each over the antenna's, and its centre in ns: shape (pulse, 2).
    """
    after = time - pulses[:, 1:]
    # what follows the first swing may be the ground, a layer or the antenna ringing
    near = (after > -1.2 / fc) & (after < 0.5 / fc)
    basis = np.stack(ricker_pair(after, pulses[:, :1] * fc), axis=1)
    part = basis * near[:, None]
    gram = part @ part.transpose(0, 2, 1) + 1e-9 * np.eye(2)
    solve = np.linalg.solve(gram, part)
    target = np.broadcast_to(trace, after.shape)
    coefficients = solve @ trace
    if held.any():
        for _ in range(4):
            model = np.einsum("pi,pit->pt", coefficients, basis)
            beyond = held & (np.sign(model) == np.sign(trace)) & (np.abs(model) > np.abs(trace))
            target = np.where(beyond, model, trace)
            coefficients = np.einsum("pit,pt->pi", solve, target)
    power = target**2
    left = (near * (target - np.einsum("pi,pit->pt", coefficients, basis)) ** 2).sum(axis=1)
    explained = (power * near).sum(axis=1) - left
    # nothing arrives before the direct wave: what is there and not part of the pulse counts against it
    before = (power * (after <= -1.2 / fc)).sum(axis=1)
    total = (power * (after < 0.5 / fc)).sum(axis=1) + 0.3 * power.sum(axis=1)
    return 1.0 - (explained - 2.0 * (left + before)) / np.maximum(total, 1e-30), coefficients


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

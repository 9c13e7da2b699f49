"""Evidence: what the un-gained echo of a target says about what it is."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from scipy import signal

from gprscan.detection.analytic import envelope_of
from gprscan.detection.fit import Fit
from gprscan.detection.section import Section
from gprscan.kernels import arrivals, beside


class _Analytic(NamedTuple):
    real: np.ndarray
    imag: np.ndarray


def measure(
    section: Section, fit: Fit, inner: list[tuple[float, float]], beside_it: np.ndarray
) -> dict[str, float | int | str | None]:
    """Measure the evidence on the stacked echo of a fitted hyperbola.

    Parameters
    ----------
    section : Section
        A conditioned channel.
    fit : Fit
        With its echo.
    inner : list of (float, float)
        Delay (ns) and relative strength of what was found to follow in the same echo.
    beside_it : ndarray of int, shape (n,)
        Traces that it is compared with.

    Returns
    -------
    dict
        ``amplitude_db``: envelope peak over the direct wave, after cylindrical spreading, dB. ``phase_deg``: rotation of the
        incident wavelet that fits the echo best (0 like the incident wave, 180 opposite). ``polarity``, ``onset_margin``:
        sign of the first arrival and how much better it fits than the other sign. ``onset_ns``: its time against the apex. ``peak_ns``: that of the envelope's peak.
        ``bottom_ns``, ``bottom_ratio``: delay and relative strength of the second arrival of a top-bottom pair.
        ``ringing_db``: energy after the first pulse over its own. ``snr_db``: echo over the noise of the stack.
        ``frequency_ratio``: centre frequency of the echo over that of the line. ``picked``, ``residual_periods``: share of the
        traces that the fit kept, and the scatter of their picks in periods. ``inner_ns``, ``inner_db``: delay and level of
        the strongest later echo with the same moveout (the far wall of a water-filled pipe, say). ``legs_db``: echo on the
        outer legs over that at the apex. ``disorder_db``: incoherent energy below the top over that beside it.
    """
    wave, lag = fit.wave, fit.lag
    period = 1.0 / section.fc_nominal
    envelope = envelope_of(wave)
    near = np.abs(lag) < 0.7 * period
    peak = float(envelope[near].max()) if near.any() else 0.0
    at = float(lag[near][np.argmax(envelope[near])]) if near.any() else 0.0
    noise = section.noise / np.sqrt(max(1.0, 0.5 * fit.traces.shape[0]))
    early = wave[lag < -1.0 * period]
    floor = max(noise, float(early.std()) if early.size else 0.0, 1e-30)
    sign, margin, onset, delay, ratio, phase = onset_polarity(wave, lag, section.wavelet, section.dt, period, at)
    after = (lag > at + 0.8 * period) & (lag < at + 4 * period)
    first = np.abs(lag - at) <= 0.8 * period
    spreading = np.sqrt(max(fit.t, period) * section.fc_nominal)
    peak_clean = np.sqrt(max(peak**2 - 2.0 * floor**2, (0.1 * peak) ** 2))
    direct = section.direct_peak
    return {
        "amplitude_db": _db(peak_clean * spreading / direct) if direct > 0 else None,
        "phase_deg": phase,
        "polarity": sign,
        "onset_margin": margin,
        "onset_ns": onset,
        "peak_ns": at,
        "bottom_ns": delay,
        "bottom_ratio": ratio,
        "ringing_db": 0.5 * _db(float((wave[after] ** 2).sum() / max((wave[first] ** 2).sum(), 1e-30))),
        "snr_db": _db(peak / floor),
        "frequency_ratio": _centre(wave[first], section.dt, section.fc_nominal) / section.fc,
        "picked": fit.picks / max(fit.distance.size, 1),
        "residual_periods": fit.residual / period,
        **_inner(envelope, lag, at, peak, period, inner),
        "legs_db": _legs(fit, at, period),
        "disorder_db": _disorder(section, fit, period, beside_it),
        "contrast_db": _contrast(section, fit, peak, period, beside_it),
        "reference": section.reference,
    }


def _inner(envelope, lag, at, peak, period, inner):  # type: ignore[no-untyped-def]
    """Strongest later echo with the moveout of the first, in the stack or found as a hyperbola of its own."""
    late = (lag > at + 1.4 * period) & (lag < lag[-1] - 0.2 * period)
    delay, level = None, None
    if late.any():
        k = int(np.argmax(np.where(late, envelope, 0.0)))
        delay, level = float(lag[k] - at), _db(float(envelope[k]) / max(peak, 1e-30))
    for later, relative in inner:
        if level is None or _db(relative) > level:
            delay, level = later, _db(relative)
    return {"inner_ns": delay, "inner_db": level}


def _legs(fit: Fit, at: float, period: float) -> float | None:
    """Echo of the outer legs, stacked, over that of the apex, after spreading: a wide flat top is bright at the apex."""
    first = np.abs(fit.lag - at) <= 0.8 * period
    depth = 0.5 * fit.velocity * fit.t
    tangent = np.abs(fit.distance) / max(depth, 1e-3)
    outer, centre = (tangent > 0.5) & (tangent < 1.0), tangent < 0.2
    if outer.sum() < 4 or centre.sum() < 2:
        return None
    spread = np.sqrt(1 + tangent**2)[:, None] ** 0.5
    a = np.abs((fit.traces * spread)[outer][:, first].mean(axis=0)).max()
    b = np.abs(fit.traces[centre][:, first].mean(axis=0)).max()
    return _db(a / max(b, 1e-30))


def _disorder(section: Section, fit: Fit, period: float, rows: np.ndarray) -> float | None:
    """Energy right below the top that the stack does not explain, over the energy at the same times beside the body."""
    depth = 0.5 * fit.velocity * fit.t
    near = np.abs(fit.distance) < max(0.25 * depth, 2 * section.dx)
    late = (fit.lag > 1.0 * period) & (fit.lag < 4.0 * period)
    if near.sum() < 3:
        return None
    part = fit.traces[near][:, late]
    rest = part - part.mean(axis=0)
    inside = float((rest**2).mean()) * near.sum() / max(near.sum() - 1, 1)
    i0, i1 = section.sample(fit.t + 1.0 * period), section.sample(fit.t + 4.0 * period)
    if i1 <= i0:
        return None
    count, usual = beside.mean_square(section.echo, rows, section.x, section.valid, fit.x, depth, i0, i1)
    return _db(math.sqrt(inside / max(usual, 1e-30))) if count >= 5 else None


def _contrast(section: Section, fit: Fit, peak: float, period: float, rows: np.ndarray) -> float | None:
    """Echo over the typical echo at the same time elsewhere on the block."""
    i0, i1 = section.sample(fit.t - 0.7 * period), section.sample(fit.t + 0.7 * period) + 1
    count, usual = beside.peak(section.echo, rows, section.x, section.valid, fit.x, 0.8 * fit.reach, i0, i1)
    return _db(peak / max(usual, 1e-30)) if count >= 5 else None


def _db(value: float) -> float:
    return 20 * math.log10(max(value, 1e-12))


def _centre(wave: np.ndarray, dt: float, fc: float) -> float:
    power = np.abs(np.fft.rfft(wave * np.hanning(wave.size), 512)) ** 2
    freq = np.fft.rfftfreq(512, dt)
    power[(freq < 0.3 * fc) | (freq > 2.0 * fc)] = 0.0
    return float((freq * power).sum() / max(power.sum(), 1e-30))


def onset_polarity(
    wave: np.ndarray, lag: np.ndarray, wavelet: np.ndarray, dt: float, period: float, peak_lag: float
) -> tuple[int, float, float, float | None, float | None, float]:
    """Fit the echo with one arrival, or with two of opposite sign (top and bottom of a body thinner than a pulse).

    The largest lobe of a thin void often has the sign of metal, since the bottom's echo follows within a period; the
    first arrival does not. Both signs of the first arrival are tried over a grid of times and delays, and compared.

    Returns
    -------
    sign : int
        Sign of the first arrival, 0 where neither fits clearly better.
    margin : float
        Difference of the misfits of the two signs as a share of the energy, positive for the sign of the incident wave.
    onset : float
        Time of the first arrival in ns from the apex time.
    delay, ratio : float or None
        Delay (ns) and relative amplitude of the second arrival, None where one arrival is enough.
    phase : float
        Phase of the echo against the incident wavelet, degrees.
    """
    cut = (lag > peak_lag - 1.3 * period) & (lag < peak_lag + 1.1 * period)
    target = wave[cut]
    times = lag[cut]
    energy = float((target**2).sum())
    if energy <= 0 or target.size < 8:
        return 0, 0.0, 0.0, None, None, 0.0
    pulse, analytic = _pulse(wavelet.tobytes(), wavelet.dtype.str)
    target, times = np.ascontiguousarray(target, float), np.ascontiguousarray(times, float)
    turned = arrivals.best_phase(
        target, times, analytic.real, analytic.imag, dt,
        np.arange(peak_lag - 0.3 * period, peak_lag + 0.3 * period, period / 24),
    )  # fmt: skip
    shifts = np.arange(peak_lag - 0.75 * period, peak_lag + 0.4 * period, period / 24)
    best = arrivals.fit_arrivals(target, times, pulse, dt, shifts)
    margin = float(best[1, 0] - best[0, 0])
    sign = 1 if margin > 0 else -1
    misfit, onset, delay, ratio = best[0 if sign == 1 else 1].tolist()
    decided = sign if abs(margin) > 0.05 and misfit < 0.6 else 0
    second = (None, None) if math.isnan(delay) else (delay, ratio)
    return decided, float(np.clip(margin, -1, 1)), onset, *second, math.degrees(turned)


@lru_cache(maxsize=16)
def _pulse(samples: bytes, dtype: str) -> tuple[np.ndarray, _Analytic]:
    """Incident wavelet and its analytic signal in double precision; a section has one for all its bodies."""
    wavelet = np.frombuffer(samples, dtype).astype(float)
    analytic = signal.hilbert(wavelet)
    return wavelet, _Analytic(np.ascontiguousarray(analytic.real), np.ascontiguousarray(analytic.imag))

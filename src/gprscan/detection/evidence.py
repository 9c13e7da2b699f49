"""Evidence: what the un-gained echo of a target says about what it is."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from scipy import signal

from gprscan.detection.fit import Fit
from gprscan.detection.section import Section
from gprscan.kernels import arrivals, beside, echo


class _Analytic(NamedTuple):
    real: np.ndarray
    imag: np.ndarray


class Heard(NamedTuple):
    """A stacked echo as `gprscan.kernels.echo.pulse` measures it."""

    peak: float
    at: float
    early: float
    after: float
    first: float
    frequency: float
    late: float
    bounce: float


def hear(section: Section, fit: Fit) -> Heard:
    """Measure how strong the stacked echo of a fitted hyperbola is, which costs little."""
    modulus = echo.envelope(fit.wave, _turned_impulse(fit.wave.size))
    return Heard(*echo.pulse(fit.wave, fit.lag, modulus, section.dt, 1.0 / section.fc_nominal).tolist())


def amplitude_db(section: Section, fit: Fit, heard: Heard) -> float | None:
    """Envelope peak over the direct wave, after cylindrical spreading, dB; None where the direct wave is not seen."""
    if not section.direct_peak > 0:
        return None
    clean = math.sqrt(max(heard.peak**2 - 2.0 * _floor(section, fit, heard) ** 2, (0.1 * heard.peak) ** 2))
    spreading = math.sqrt(max(fit.t * section.fc_nominal, 1.0))
    return db(clean * spreading / section.direct_peak)


def _floor(section: Section, fit: Fit, heard: Heard) -> float:
    """Level of what is no echo in the stack: its noise, or what comes before the echo."""
    return max(section.noise / math.sqrt(max(1.0, 0.5 * fit.traces.shape[0])), heard.early, 1e-30)


def measure(
    section: Section, fit: Fit, heard: Heard, inner: list[tuple[float, float]], beside_it: np.ndarray
) -> dict[str, float | int | str | None]:
    """Measure the evidence on the stacked echo of a fitted hyperbola.

    Parameters
    ----------
    section : Section
        A conditioned channel.
    fit : Fit
        With its echo.
    heard : Heard
        Of that echo, see `hear`.
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
        ``wall_ratio``: an arrival right before the main one over it, see `wall_ratio`.
        ``ringing_db``: energy after the first pulse over its own. ``snr_db``: echo over the noise of the stack.
        ``frequency_ratio``: centre frequency of the echo over that of the line. ``picked``, ``residual_periods``: share of the
        traces that the fit kept, and the scatter of their picks in periods. ``inner_ns``, ``inner_db``: delay and level of
        the strongest later echo with the same moveout (the far wall of a water-filled pipe, say). ``legs_db``: echo on the
        outer legs over that at the apex. ``disorder_db``: incoherent energy below the top over that beside it.
    """
    wave, lag = fit.wave, fit.lag
    period = 1.0 / section.fc_nominal
    peak, at = heard.peak, heard.at
    sign, margin, onset, delay, ratio, phase = onset_polarity(wave, lag, section.wavelet, section.dt, period, at)
    return {
        "amplitude_db": amplitude_db(section, fit, heard),
        "phase_deg": phase,
        "polarity": sign,
        "onset_margin": margin,
        "onset_ns": onset,
        "peak_ns": at,
        "bottom_ns": delay,
        "bottom_ratio": ratio,
        "wall_ratio": wall_ratio(wave, lag, section.wavelet, section.dt, period, at),
        "ringing_db": 0.5 * db(heard.after / max(heard.first, 1e-30)),
        "snr_db": db(peak / _floor(section, fit, heard)),
        "frequency_ratio": heard.frequency / section.fc,
        "picked": fit.picks / max(fit.distance.size, 1),
        "residual_periods": fit.residual / period,
        **_inner(heard.late - at, heard.bounce / max(peak, 1e-30), inner),
        "legs_db": _legs(fit, at, period),
        "disorder_db": _disorder(section, fit, period, beside_it),
        "contrast_db": _contrast(section, fit, peak, period, beside_it),
        "reference": section.reference,
    }


def _inner(delay: float, relative: float, inner: list[tuple[float, float]]) -> dict[str, float | None]:
    """Strongest later echo with the moveout of the first, in the stack (NaN: too short) or found as a hyperbola of its own."""
    found = inner if math.isnan(relative) else [(delay, relative), *inner]
    if not found:
        return {"inner_ns": None, "inner_db": None}
    later, level = max(found, key=lambda echo: db(echo[1]))
    return {"inner_ns": later, "inner_db": db(level)}


def _legs(fit: Fit, at: float, period: float) -> float | None:
    """Echo of the outer legs, stacked, over that of the apex, after spreading: a wide flat top is bright at the apex."""
    outer, centre = echo.legs(fit.traces, fit.distance, fit.lag, at, period, 0.5 * fit.velocity * fit.t)
    return None if math.isnan(outer) else db(outer / max(centre, 1e-30))


def _disorder(section: Section, fit: Fit, period: float, rows: np.ndarray) -> float | None:
    """Energy right below the top that the stack does not explain, over the energy at the same times beside the body."""
    depth = 0.5 * fit.velocity * fit.t
    i0, i1 = section.sample(fit.t + 1.0 * period), section.sample(fit.t + 4.0 * period)
    reach = max(0.25 * depth, 2 * section.dx)
    inside = echo.scatter(fit.traces, fit.distance, fit.lag, reach, 1.0 * period, 4.0 * period)
    if math.isnan(inside) or i1 <= i0:
        return None
    count, usual = beside.mean_square(section.echo, rows, section.x, section.valid, fit.x, depth, i0, i1)
    return db(math.sqrt(inside / max(usual, 1e-30))) if count >= 5 else None


def _contrast(section: Section, fit: Fit, peak: float, period: float, rows: np.ndarray) -> float | None:
    """Echo over the typical echo at the same time elsewhere on the block."""
    i0, i1 = section.sample(fit.t - 0.7 * period), section.sample(fit.t + 0.7 * period) + 1
    count, usual = beside.peak(section.echo, rows, section.x, section.valid, fit.x, 0.8 * fit.reach, i0, i1)
    return db(peak / max(usual, 1e-30)) if count >= 5 else None


def db(value: float) -> float:
    """Ratio of amplitudes in dB."""
    return 20 * math.log10(max(value, 1e-12))


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
    first = int(lag.searchsorted(peak_lag - 1.3 * period, "right"))
    last = int(lag.searchsorted(peak_lag + 1.1 * period))
    target, times = np.ascontiguousarray(wave[first:last], float), np.ascontiguousarray(lag[first:last], float)
    if target.size < 8 or not target.any():
        return 0, 0.0, 0.0, None, None, 0.0
    pulse, analytic = _pulse(wavelet.tobytes(), wavelet.dtype.str)
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
    return decided, min(max(margin, -1.0), 1.0), onset, *second, math.degrees(turned)


def wall_ratio(
    wave: np.ndarray, lag: np.ndarray, wavelet: np.ndarray, dt: float, period: float, peak_lag: float
) -> float | None:
    """Amplitude of an arrival a third to six tenths of a period before the main one, over that one; None where none fits.

    A concrete pipe with air in it sends its loudest echo from the inner face of its wall. The outer face comes before
    it by the way through the wall, ``2 w sqrt(7) / c``, 0.7 to 1.1 ns for walls of 4 to 6 cm, with the sign of air in moist
    ground. A void has no such face.
    """
    first, last = lag.searchsorted((peak_lag - 1.6 * period, peak_lag + 0.6 * period))
    echo, times = np.ascontiguousarray(wave[first:last], float), np.ascontiguousarray(lag[first:last], float)
    if echo.size < 8 or not echo.any():
        return None
    pulse, _ = _pulse(wavelet.tobytes(), wavelet.dtype.str)
    found = arrivals.wall_before(echo, times, pulse, dt, peak_lag, period)
    return None if math.isnan(found) else found


@lru_cache(maxsize=16)
def _pulse(samples: bytes, dtype: str) -> tuple[np.ndarray, _Analytic]:
    """Incident wavelet and its analytic signal in double precision; a section has one for all its bodies."""
    wavelet = np.frombuffer(samples, dtype).astype(float)
    analytic = signal.hilbert(wavelet)
    return wavelet, _Analytic(np.ascontiguousarray(analytic.real), np.ascontiguousarray(analytic.imag))


@lru_cache(maxsize=16)
def _turned_impulse(n: int) -> np.ndarray:
    """Circular Hilbert transform of an impulse as `gprscan.kernels.echo.envelope` wants it."""
    spectrum = np.full(n // 2 + 1, -1j)
    spectrum[0] = 0.0
    if n % 2 == 0:
        spectrum[-1] = 0.0
    backwards = np.fft.irfft(spectrum, n)[-np.arange(n)]
    return np.tile(backwards, 2)

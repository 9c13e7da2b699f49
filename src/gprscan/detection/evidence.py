"""Evidence: what the un-gained echo of a target says about what it is."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from scipy import signal

from gprscan.detection.fit import Fit, span
from gprscan.detection.section import Section
from gprscan.kernels import arrivals, beside, echo
from gprscan.units import C_AIR

# a body is compared with what is beside it, not with the other end of the line
ELSEWHERE = 8.0  # m of line to each side
BESIDE = 200  # traces of it that are enough
LEAST_BESIDE = 5
PEAK_LAG = 0.09  # periods from the arrival of a pulse to the peak of its envelope, where the band ends at twice the antenna's frequency


class Heard(NamedTuple):
    """A stacked echo, and what `gprscan.kernels.echo.heard` measures of it: its pulse, legs and scatter, and how many traces it has.

    `wave` is sampled at the section's dt, over the `lag` from the apex in ns; `loudest` is its largest sample.
    """

    wave: np.ndarray
    lag: np.ndarray

    peak: float
    at: float
    early: float
    after: float
    first: float
    frequency: float
    late: float
    bounce: float
    outer: float
    centre: float
    inside: float
    loudest: float
    traces: float


def hear(section: Section, fits: Sequence[Fit]) -> list[Heard]:
    """Stack the un-gained traces along fitted hyperbolas, and measure their echoes."""
    s = section
    before, after = span(s)
    curves = np.array([(q.x, q.t, q.velocity, q.reach) for q in fits], float).reshape(-1, 4)
    waves, numbers, traces, counts = echo.heard(
        s.echo, s.x, s.valid, curves, (float(s.t[0]), s.dt, 1.0 / s.fc_nominal), (2 * s.height / C_AIR, s.separation),
        (before, after), _turned_impulse(before + after + 1), 2 * s.dx,
    )  # fmt: skip
    loudest = np.abs(waves).max(axis=1, initial=0.0)
    lag = s.dt * np.arange(-before, after + 1)
    measured = np.column_stack([numbers, traces, loudest, counts]).tolist()
    return [Heard(wave, lag, *row) for wave, row in zip(waves, measured, strict=True)]


def amplitude_db(section: Section, t: float, heard: Heard) -> float | None:
    """Envelope peak over the direct wave, after cylindrical spreading, dB; None where the direct wave is not seen."""
    if not section.direct_peak > 0:
        return None
    clean = math.sqrt(max(heard.peak**2 - 2.0 * _floor(section, heard) ** 2, (0.1 * heard.peak) ** 2))
    spreading = math.sqrt(max(t * section.fc_nominal, 1.0))
    return db(clean * spreading / section.direct_peak)


def _floor(section: Section, heard: Heard) -> float:
    """Level of what is no echo in the stack: its noise, or what comes before the echo."""
    return max(section.noise / math.sqrt(max(1.0, 0.5 * heard.traces)), heard.early, 1e-30)


def measure(
    section: Section, fits: Sequence[Fit], heard: Sequence[Heard], inner: Sequence[list[tuple[float, float]]]
) -> list[dict[str, float | int | str | None]]:
    """Measure the evidence on the stacked echoes of fitted hyperbolas.

    Parameters
    ----------
    section : Section
        A conditioned channel.
    fits : sequence of Fit
    heard : sequence of Heard
        Their echoes, see `hear`.
    inner : sequence of list of (float, float)
        Delay (ns) and relative strength of what was found to follow in the same echo.

    Returns
    -------
    list of dict
        ``amplitude_db``: envelope peak over the direct wave, after cylindrical spreading, dB. ``phase_deg``: rotation of the
        incident wavelet that fits the echo best (0 like the incident wave, 180 opposite). ``polarity``, ``onset_margin``:
        sign of the first arrival and how much better it fits than the other sign. ``onset_ns``: its time against the apex. ``peak_ns``: that of the envelope's peak.
        ``bottom_ns``, ``bottom_ratio``: delay and relative strength of the second arrival of a top-bottom pair.
        ``wall_ratio``: an arrival right before the main one over it, see `wall_ratios`.
        ``ringing_db``: energy after the first pulse over its own. ``snr_db``: echo over the noise of the stack.
        ``frequency_ratio``: centre frequency of the echo over that of the line. ``picked``, ``residual_periods``: share of the
        traces that the fit kept, and the scatter of their picks in periods. ``inner_ns``, ``inner_db``: delay and level of
        the strongest later echo with the same moveout (the far wall of a water-filled pipe, say). ``legs_db``: echo on the
        outer legs over that at the apex. ``disorder_db``: incoherent energy below the top over that beside it.
    """
    if not fits:
        return []
    disorder, contrast = _usual(section, fits)
    echoes = (
        np.array([q.wave for q in heard]), heard[0].lag, section.wavelet, section.dt, 1.0 / section.fc_nominal,
        np.array([q.at for q in heard]),
    )  # fmt: skip
    walls = wall_ratios(*echoes)
    return [
        _of_one(section, *each)
        for each in zip(
            fits, heard, inner, onsets(*echoes), walls.tolist(), disorder.tolist(), contrast.tolist(), strict=True
        )
    ]


def _of_one(
    section: Section,
    fit: Fit,
    heard: Heard,
    inner: list[tuple[float, float]],
    onset: Onset,
    wall: float,
    disorder: float,
    contrast: float,
) -> dict[str, float | int | str | None]:
    """Evidence of one hyperbola; `disorder` and `contrast` are what is usual beside it, see `_usual`."""
    period = 1.0 / section.fc_nominal
    peak, at = heard.peak, heard.at
    return {
        "amplitude_db": amplitude_db(section, fit.t, heard),
        "phase_deg": onset.phase,
        "polarity": onset.sign,
        "onset_margin": onset.margin,
        "onset_ns": onset.time,
        "peak_ns": at,
        "bottom_ns": onset.delay,
        "bottom_ratio": onset.ratio,
        "wall_ratio": None if math.isnan(wall) else wall,
        "ringing_db": 0.5 * db(heard.after / max(heard.first, 1e-30)),
        "snr_db": db(peak / _floor(section, heard)),
        "frequency_ratio": heard.frequency / section.fc,
        "picked": fit.picks / max(heard.traces, 1.0),
        "residual_periods": fit.residual / period,
        **_inner(heard.late - at, heard.bounce / max(peak, 1e-30), inner),
        # outer legs over the apex, after spreading: a wide flat top is bright at the apex
        "legs_db": None if math.isnan(heard.outer) else db(heard.outer / max(heard.centre, 1e-30)),
        # what the stack does not explain right below the top, over the energy at the same times beside the body
        "disorder_db": None
        if math.isnan(heard.inside + disorder)
        else db(math.sqrt(heard.inside / max(disorder, 1e-30))),
        "contrast_db": None if math.isnan(contrast) else db(peak / max(contrast, 1e-30)),
        "reference": section.reference,
    }


def _usual(section: Section, fits: Sequence[Fit]) -> tuple[np.ndarray, np.ndarray]:
    """What the traces beside each hyperbola hold: mean square from one period to four after it, and peak at it; NaN for too few."""
    s = section
    period = 1.0 / s.fc_nominal
    apart = [(0.5 * q.velocity * q.t, 0.8 * q.reach) for q in fits]
    windows = [
        (
            s.sample(q.t + period),
            s.sample(q.t + 4.0 * period),
            s.sample(q.t - 0.7 * period),
            s.sample(q.t + 0.7 * period) + 1,
        )
        for q in fits
    ]
    counts, usual = beside.around(
        s.echo, s.x, s.valid, np.array([q.x for q in fits], float), np.array(apart, float).reshape(-1, 2),
        np.array(windows, int).reshape(-1, 4), ELSEWHERE, BESIDE,
    )  # fmt: skip
    usual[counts < LEAST_BESIDE] = np.nan
    return usual[:, 0], usual[:, 1]


def _inner(delay: float, relative: float, inner: list[tuple[float, float]]) -> dict[str, float | None]:
    """Strongest later echo with the moveout of the first, in the stack (NaN: too short) or found as a hyperbola of its own."""
    found = inner if math.isnan(relative) else [(delay, relative), *inner]
    if not found:
        return {"inner_ns": None, "inner_db": None}
    later, level = max(found, key=lambda echo: db(echo[1]))
    return {"inner_ns": later, "inner_db": db(level)}


def db(value: float) -> float:
    """Ratio of amplitudes in dB."""
    return 20 * math.log10(max(value, 1e-12))


class Onset(NamedTuple):
    """How an echo begins.

    Attributes
    ----------
    sign : int
        Sign of the first arrival, 0 where neither fits clearly better.
    margin : float
        Difference of the misfits of the two signs as a share of the energy, positive for the sign of the incident wave.
    time : float
        Time of the first arrival in ns from the apex time.
    delay, ratio : float or None
        Delay (ns) and relative amplitude of the second arrival, None where one arrival is enough.
    phase : float
        Phase of the echo against the incident wavelet, degrees.
    """

    sign: int
    margin: float
    time: float
    delay: float | None
    ratio: float | None
    phase: float


def onsets(
    waves: np.ndarray, lag: np.ndarray, wavelet: np.ndarray, dt: float, period: float, peaks: np.ndarray
) -> list[Onset]:
    """Fit echoes with one arrival, or with two of opposite sign (top and bottom of a body thinner than a pulse).

    The largest lobe of a thin void often has the sign of metal, since the bottom's echo follows within a period; the
    first arrival does not. Both signs of the first arrival are tried over a grid of times and delays, and compared.

    Parameters
    ----------
    waves : ndarray, shape (echo, lag)
    lag : ndarray, shape (lag,)
        Times from the apex, ns.
    wavelet : ndarray, shape (n,)
        Incident pulse at `dt`, centred.
    dt, period : float
        Sampling interval, and period of the antenna, ns.
    peaks : ndarray, shape (echo,)
        Times of the envelopes' peaks, ns.
    """
    pulse = _pulse(wavelet.tobytes(), wavelet.dtype.str)
    best, phases = arrivals.onsets(np.asarray(waves, float), lag, np.asarray(peaks, float), pulse, dt, period)
    margin = best[:, 1, 0] - best[:, 0, 0]
    sure = np.where(margin > 0, 0, 1)
    misfit, time, delay, ratio = best[np.arange(len(best)), sure].T
    decided = np.where((np.abs(margin) > 0.05) & (misfit < 0.6), 1 - 2 * sure, 0)
    rows = zip(
        decided.tolist(), np.clip(margin, -1.0, 1.0).tolist(), time.tolist(), delay.tolist(), ratio.tolist(),
        np.degrees(phases).tolist(), strict=True,
    )  # fmt: skip
    return [_onset(*row) for row in rows]


def _onset(sign: int, margin: float, time: float, delay: float, ratio: float, phase: float) -> Onset:
    if math.isnan(margin):  # no echo
        return Onset(0, 0.0, 0.0, None, None, 0.0)
    if math.isnan(delay):  # one arrival is enough
        return Onset(sign, margin, time, None, None, phase)
    return Onset(sign, margin, time, delay, ratio, phase)


def wall_ratios(
    waves: np.ndarray, lag: np.ndarray, wavelet: np.ndarray, dt: float, period: float, peaks: np.ndarray
) -> np.ndarray:
    """Amplitude of an arrival a third to six tenths of a period before the main one, over that one; NaN where none fits.

    A concrete pipe with air in it sends its loudest echo from the inner face of its wall. The outer face comes before
    it by the way through the wall, ``2 w sqrt(7) / c``, 0.7 to 1.1 ns for walls of 4 to 6 cm, with the sign of air in moist
    ground. A void has no such face. Parameters as of `onsets`.
    """
    pulse, _ = _pulse(wavelet.tobytes(), wavelet.dtype.str)
    return arrivals.walls_before(np.asarray(waves, float), lag, np.asarray(peaks, float), pulse, dt, period)


@lru_cache(maxsize=16)
def _pulse(samples: bytes, dtype: str) -> tuple[np.ndarray, np.ndarray]:
    """Analytic signal of the incident wavelet in double precision; a section has one for all its bodies."""
    analytic = signal.hilbert(np.frombuffer(samples, dtype).astype(float))
    return np.ascontiguousarray(analytic.real), np.ascontiguousarray(analytic.imag)


@lru_cache(maxsize=16)
def _turned_impulse(n: int) -> np.ndarray:
    """Circular Hilbert transform of an impulse as `gprscan.kernels.echo.envelope` wants it."""
    spectrum = np.full(n // 2 + 1, -1j)
    spectrum[0] = 0.0
    if n % 2 == 0:
        spectrum[-1] = 0.0
    backwards = np.fft.irfft(spectrum, n)[-np.arange(n)]
    return np.tile(backwards, 2)

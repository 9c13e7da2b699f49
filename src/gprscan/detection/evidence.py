"""Evidence: what the un-gained echo of a target says about what it is."""

from __future__ import annotations

import numpy as np
from scipy import signal

from gprscan.detection.fit import Fit
from gprscan.detection.section import Section

Arrivals = tuple[float, float, float | None, float | None]  # misfit, onset, delay and ratio of a second arrival
NOTHING: Arrivals = (1e30, 0.0, None, None)


def measure(section: Section, fit: Fit, inner: list[tuple[float, float]]) -> dict[str, float | int | str | None]:
    """Measure the evidence on the stacked echo of a fitted hyperbola.

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
    envelope = np.abs(signal.hilbert(wave))
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
        **_inner(wave, lag, at, peak, period, inner),
        "legs_db": _legs(fit, at, period),
        "disorder_db": _disorder(section, fit, period),
        "contrast_db": _contrast(section, fit, peak, period),
        "reference": section.reference,
    }


def _inner(wave, lag, at, peak, period, inner):  # type: ignore[no-untyped-def]
    """Strongest later echo with the moveout of the first, in the stack or found as a hyperbola of its own."""
    envelope = np.abs(signal.hilbert(wave))
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


def _disorder(section: Section, fit: Fit, period: float) -> float | None:
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
    beside = (np.abs(section.x - fit.x) > 1.0 * depth) & section.valid
    if beside.sum() < 5 or i1 <= i0:
        return None
    return _db(np.sqrt(inside / max(float(np.median((section.echo[beside, i0:i1] ** 2).mean(axis=1))), 1e-30)))


def _contrast(section: Section, fit: Fit, peak: float, period: float) -> float | None:
    """Echo over the typical echo at the same time elsewhere on the block."""
    i0, i1 = section.sample(fit.t - 0.7 * period), section.sample(fit.t + 0.7 * period) + 1
    beside = (np.abs(section.x - fit.x) > 0.8 * fit.reach) & section.valid
    if beside.sum() < 5:
        return None
    usual = float(np.median(np.abs(section.echo[beside, i0:i1]).max(axis=1)))
    return _db(peak / max(usual, 1e-30))


def _db(value: float) -> float:
    return float(20 * np.log10(max(value, 1e-12)))


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
    half = wavelet.size // 2
    axis = dt * np.arange(-half, half + 1)
    analytic = signal.hilbert(wavelet)
    phase = _phase(target, times, axis, analytic, peak_lag, period)
    shifts = np.arange(peak_lag - 0.75 * period, peak_lag + 0.4 * period, period / 24)
    table = np.array([np.interp(times - s, axis, wavelet, left=0, right=0) for s in shifts])
    gram, proj = table @ table.T, table @ target
    one = {sign: _one_arrival(gram, proj, shifts, energy, sign) for sign in (1, -1)}
    two = {sign: _two_arrivals(gram, proj, shifts, energy, sign) for sign in (1, -1)}
    best = {sign: min(one[sign], two[sign], key=lambda fit: fit[0]) for sign in (1, -1)}
    margin = best[-1][0] - best[1][0]
    sign = 1 if margin > 0 else -1
    chosen = best[sign]
    decided = sign if abs(margin) > 0.05 and chosen[0] < 0.6 else 0
    return decided, float(np.clip(margin, -1, 1)), chosen[1], chosen[2], chosen[3], phase


def _one_arrival(gram: np.ndarray, proj: np.ndarray, shifts: np.ndarray, energy: float, sign: int) -> Arrivals:
    """Best single arrival of a sign."""
    own = np.maximum(np.diag(gram), 1e-30)
    misfit = np.where(np.where(proj / own > 0, 1, -1) == sign, 1.0 - proj**2 / own / energy, np.inf)
    i = int(np.argmin(misfit))
    return (float(misfit[i]), float(shifts[i]), None, None) if np.isfinite(misfit[i]) else NOTHING


def _two_arrivals(gram: np.ndarray, proj: np.ndarray, shifts: np.ndarray, energy: float, sign: int) -> Arrivals:
    """Best pair of arrivals of opposite signs, 4 to 23 steps apart, the first of the given sign and no weaker by far."""
    own = np.diag(gram)
    det = own[:, None] * own[None, :] - gram**2
    steps = np.arange(shifts.size)[None, :] - np.arange(shifts.size)[:, None]
    with np.errstate(divide="ignore", invalid="ignore"):
        a = (own[None, :] * proj[:, None] - gram * proj[None, :]) / det
        b = (own[:, None] * proj[None, :] - gram * proj[:, None]) / det
        fits = (steps >= 4) & (steps < 24) & (det >= 1e-3 * own[:, None] * own[None, :])
        fits &= (a * b < 0) & (np.abs(b) <= 1.3 * np.abs(a)) & (np.where(a > 0, 1, -1) == sign)
        # a second arrival must earn its two parameters
        misfit = np.where(fits, 1.0 - (a * proj[:, None] + b * proj[None, :]) / energy + 0.03, np.inf)
    i, j = np.unravel_index(int(np.argmin(misfit)), misfit.shape)
    if not np.isfinite(misfit[i, j]):
        return NOTHING
    return float(misfit[i, j]), float(shifts[i]), float(shifts[j] - shifts[i]), float(-b[i, j] / a[i, j])


def _phase(target, times, axis, analytic, peak_lag, period):  # type: ignore[no-untyped-def]
    """Phase at the time where the rotated wavelet fits best, degrees in -180 to 180."""
    best, phase = -1.0, 0.0
    for s in np.arange(peak_lag - 0.3 * period, peak_lag + 0.3 * period, period / 24):
        re = np.interp(times - s, axis, analytic.real, left=0, right=0)
        im = np.interp(times - s, axis, analytic.imag, left=0, right=0)
        a, b = float(target @ re), float(target @ im)
        if a * a + b * b > best:
            best, phase = a * a + b * b, float(np.degrees(np.arctan2(-b, a)))
    return phase

"""Fitting an echo with arrivals of a known pulse: one; two of opposite sign, top and bottom of a thin body; a wall before them."""

from __future__ import annotations

import math

import numpy as np

from gprscan.kernels.jit import brief_kernel, inline, kernel

NEAREST, FARTHEST = 4, 24  # steps between two arrivals
WEAKEST = 1.3  # times the first arrival: as strong as the second may be
PRICE = 0.03  # share of the energy that a second arrival must explain to earn its two parameters
NOTHING = 1e30  # misfit where no arrival of a sign fits
STEPS = 12  # per period, of the three arrivals of a wall
SPREAD, LATEST_WALL, EARLIEST_WALL, LATER = (
    3,
    4,
    7,
    4,
)  # steps: of the main arrival to each side, of the wall before it, of the last after it
STRONGEST_WALL = 0.7  # times the echo from behind it
RIDGE = 1e-6  # of a pulse's energy, added to the diagonal: pulses that overlap so much can hardly be told apart


@inline
def _shifted(pulse, position, out):  # type: ignore[no-untyped-def]
    """Fill samples of a pulse from a place on, which may lie before its first, by linear interpolation; zero outside."""
    first = math.floor(position)
    part = position - first
    low, high = min(max(-first, 0), out.size), max(min(pulse.size - 1 - first, out.size), 0)
    out[:low] = 0.0
    for k in range(low, high):
        out[k] = pulse[first + k] * (1.0 - part) + pulse[first + k + 1] * part
    out[max(low, high) :] = 0.0


@brief_kernel
def fit_arrivals(echo: np.ndarray, times: np.ndarray, pulse: np.ndarray, dt: float, shifts: np.ndarray) -> np.ndarray:
    """Best arrivals of a pulse in an echo, the first of either sign.

    Parameters
    ----------
    echo, times : ndarray of float64, shape (sample,)
        The echo and its times, `dt` apart, ns.
    pulse : ndarray of float64, shape (n,)
        Incident pulse at `dt`, an odd number of samples, centred.
    dt : float
        Sampling interval of the echo and of the pulse, ns.
    shifts : ndarray of float64, shape (shift,)
        Times that are tried, evenly spaced, ns.

    Returns
    -------
    ndarray of float64, shape (2, 4)
        For a first arrival of positive and of negative sign: misfit as a share of the energy (`NOTHING` where none fits),
        its time, delay of the second arrival and its relative amplitude (NaN where one arrival is enough).
    """
    n, m = shifts.size, times.size
    half = pulse.size // 2
    table = np.empty((n, m))
    proj = np.zeros(n)
    energy = 0.0
    for k in range(m):
        energy += echo[k] * echo[k]
    for i in range(n):
        _shifted(pulse, (times[0] - shifts[i]) / dt + half, table[i])
        for k in range(m):
            proj[i] += table[i, k] * echo[k]
    own = np.empty(n)
    for i in range(n):
        own[i] = (table[i] * table[i]).sum()
    out = np.full((2, 4), np.nan)
    out[:, 0] = NOTHING
    out[:, 1] = 0.0
    for i in range(n):
        sign = 0 if proj[i] > 0.0 else 1
        misfit = 1.0 - proj[i] * proj[i] / max(own[i], 1e-30) / energy
        if misfit < out[sign, 0]:
            out[sign, 0] = misfit
            out[sign, 1] = shifts[i]
    for i in range(n):
        for j in range(i + NEAREST, min(i + FARTHEST, n)):
            cross = 0.0
            first, second = table[i], table[j]
            for k in range(m):
                cross += first[k] * second[k]
            det = own[i] * own[j] - cross * cross
            if det < 1e-3 * own[i] * own[j] or det <= 0.0:
                continue
            a = (own[j] * proj[i] - cross * proj[j]) / det
            b = (own[i] * proj[j] - cross * proj[i]) / det
            if a * b >= 0.0 or abs(b) > WEAKEST * abs(a):
                continue
            sign = 0 if a > 0.0 else 1
            misfit = 1.0 - (a * proj[i] + b * proj[j]) / energy + PRICE
            if misfit < out[sign, 0]:
                out[sign, 0] = misfit
                out[sign, 1] = shifts[i]
                out[sign, 2] = shifts[j] - shifts[i]
                out[sign, 3] = -b / a
    return out


@brief_kernel
def best_phase(
    echo: np.ndarray, times: np.ndarray, real: np.ndarray, imaginary: np.ndarray, dt: float, shifts: np.ndarray
) -> float:
    """Phase by which a pulse is turned where it fits an echo best, radians.

    Parameters
    ----------
    echo, times, dt, shifts
        As for `fit_arrivals`.
    real, imaginary : ndarray of float64, shape (n,)
        Analytic signal of the pulse.
    """
    half = real.size // 2
    best, phase = -1.0, 0.0
    one, other = np.empty(times.size), np.empty(times.size)
    for i in range(shifts.size):
        position = (times[0] - shifts[i]) / dt + half
        _shifted(real, position, one)
        _shifted(imaginary, position, other)
        a, b = 0.0, 0.0
        for k in range(times.size):
            a += echo[k] * one[k]
            b += echo[k] * other[k]
        if a * a + b * b > best:
            best = a * a + b * b
            phase = math.atan2(-b, a)
    return phase


LEAST_SAMPLES = 8  # of an echo that arrivals are fitted to
STEP = 1 / 24  # of a period, of the times that are tried


@kernel
def onsets(
    echoes: np.ndarray,
    times: np.ndarray,
    peaks: np.ndarray,
    pulse: tuple[np.ndarray, np.ndarray],
    dt: float,
    period: float,
) -> tuple[np.ndarray, np.ndarray]:
    """Fit arrivals to many echoes around their peaks; see `fit_arrivals` and `best_phase`.

    Parameters
    ----------
    echoes : ndarray of float64, shape (n, sample)
    times : ndarray of float64, shape (sample,)
        Of all of them, `dt` apart, ns.
    peaks : ndarray of float64, shape (n,)
        Times of their envelopes' peaks, ns.
    pulse : tuple of ndarray of float64, shape (m,)
        Real and imaginary part of the incident pulse, an odd number of samples, centred.
    dt, period : float
        Sampling interval, and period of the antenna, ns.

    Returns
    -------
    ndarray of float64, shape (n, 2, 4)
        As of `fit_arrivals`; NaN where there is no echo.
    ndarray of float64, shape (n,)
        Phases, radians.
    """
    real, imaginary = pulse
    out, phases = np.full((peaks.size, 2, 4), np.nan), np.zeros(peaks.size)
    step = STEP * period
    for i in range(peaks.size):
        first = np.searchsorted(times, peaks[i] - 1.3 * period, side="right")
        last = np.searchsorted(times, peaks[i] + 1.1 * period)
        echo, near = echoes[i, first:last], times[first:last]
        if echo.size < LEAST_SAMPLES or not echo.any():
            continue
        phases[i] = best_phase(
            echo, near, real, imaginary, dt, np.arange(peaks[i] - 0.3 * period, peaks[i] + 0.3 * period, step)
        )
        out[i] = fit_arrivals(echo, near, real, dt, np.arange(peaks[i] - 0.75 * period, peaks[i] + 0.4 * period, step))
    return out, phases


@brief_kernel
def wall_before(echo: np.ndarray, times: np.ndarray, pulse: np.ndarray, dt: float, near: float, period: float) -> float:
    """Amplitude of an arrival shortly before the main one, over that one: a wall whose inner face sends the main echo.

    Least squares of three arrivals: the outer face of the wall, a third to six tenths of a period before the main one; that; and
    one of the opposite sign a third of a period after it, which takes up what is left of the shape of a pulse that is not quite
    the incident one.

    Parameters
    ----------
    echo, times, pulse, dt
        As for `fit_arrivals`.
    near : float
        About when the main arrival comes, ns.
    period : float
        Of the antenna, ns.

    Returns
    -------
    float
        Negative for a wall of the opposite sign; NaN where no such three fit.
    """
    first = -SPREAD - EARLIEST_WALL
    n, m, half = SPREAD + LATER - first + 1, times.size, pulse.size // 2
    table, proj = np.empty((n, m)), np.zeros(n)
    for i in range(n):
        _shifted(pulse, (times[0] - near - (first + i) * period / STEPS) / dt + half, table[i])
        for k in range(m):
            proj[i] += table[i, k] * echo[k]
    found, best = math.nan, 0.0
    for main in range(EARLIEST_WALL, EARLIEST_WALL + 2 * SPREAD + 1):
        after = main + LATER
        own, cross, other = 0.0, 0.0, 0.0
        for k in range(m):
            own += table[main, k] * table[main, k]
            cross += table[main, k] * table[after, k]
            other += table[after, k] * table[after, k]
        ridge = RIDGE * own
        own, other = own + ridge, other + ridge
        det = own * other - cross * cross
        for before in range(main - EARLIEST_WALL, main - LATEST_WALL + 1):
            wall, with_main, with_after = ridge, 0.0, 0.0
            for k in range(m):
                wall += table[before, k] * table[before, k]
                with_main += table[before, k] * table[main, k]
                with_after += table[before, k] * table[after, k]
            # what the other two leave of the wall's pulse, and of the echo
            p = (other * with_main - cross * with_after) / det
            q = (own * with_after - cross * with_main) / det
            rest = wall - p * with_main - q * with_after
            a = (proj[before] - p * proj[main] - q * proj[after]) / rest
            left_main, left_after = proj[main] - a * with_main, proj[after] - a * with_after
            b = (other * left_main - cross * left_after) / det
            c = (own * left_after - cross * left_main) / det
            explained = a * proj[before] + b * proj[main] + c * proj[after]
            if b * c <= 0.0 and abs(a) <= STRONGEST_WALL * abs(b) and explained > best:
                found, best = a / b, explained
    return found


@kernel
def walls_before(
    echoes: np.ndarray, times: np.ndarray, peaks: np.ndarray, pulse: np.ndarray, dt: float, period: float
) -> np.ndarray:
    """Walls before the main arrivals of many echoes; parameters as of `onsets` and `wall_before`, NaN where none fits."""
    out = np.full(peaks.size, np.nan)
    for i in range(peaks.size):
        first, last = np.searchsorted(times, peaks[i] - 1.6 * period), np.searchsorted(times, peaks[i] + 0.6 * period)
        echo = echoes[i, first:last]
        if echo.size >= LEAST_SAMPLES and echo.any():
            out[i] = wall_before(echo, times[first:last], pulse, dt, peaks[i], period)
    return out

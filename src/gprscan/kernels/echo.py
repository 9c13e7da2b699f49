"""What a stacked echo and the traces behind it hold: one pass each, for many bodies with few samples."""

from __future__ import annotations

import math

import numpy as np

from gprscan.kernels.hyperbola import stacked
from gprscan.kernels.jit import brief_kernel, kernel


@brief_kernel
def envelope(wave: np.ndarray, quadrature: np.ndarray) -> np.ndarray:
    """Modulus of the analytic signal of a short trace.

    Parameters
    ----------
    wave : ndarray of float64, shape (n,)
    quadrature : ndarray of float64, shape (2 n,)
        Circular Hilbert transform of an impulse, backwards and twice: the response k samples later stands at ``n - k``.

    Returns
    -------
    ndarray of float64, shape (n,)
    """
    n = wave.size
    out = np.empty(n)
    for i in range(n):
        part = quadrature[n - i : 2 * n - i]
        turned = 0.0
        for k in range(n):
            turned += part[k] * wave[k]
        out[i] = math.sqrt(wave[i] * wave[i] + turned * turned)
    return out


PULSE = 8  # numbers: see `pulse`


@brief_kernel
def pulse(wave: np.ndarray, lag: np.ndarray, modulus: np.ndarray, dt: float, period: float) -> np.ndarray:
    """Peak of an echo, what lies around it, and its frequency.

    Parameters
    ----------
    wave, lag, modulus : ndarray of float64, shape (n,)
        Echo, its times from the apex (ns, rising), and its envelope.
    dt, period : float
        Sampling interval and the period of the antenna, ns.

    Returns
    -------
    ndarray of float64, shape (PULSE,)
        Peak of the envelope within 0.7 periods; its time; standard deviation of what comes more than a period before the
        apex (0 where nothing does); energy from 0.8 to 4 periods after the peak, and within 0.8 periods of it; centre
        frequency of that (GHz; 0 where there is nothing); time of the strongest envelope from 1.4 periods after the peak
        on, and that envelope (NaN where the record ends before).
    """
    out = np.zeros(PULSE)
    out[6], out[7] = np.nan, np.nan
    n = wave.size
    peak, at = 0.0, 0.0
    count, total = 0, 0.0
    for k in range(n):
        if abs(lag[k]) < 0.7 * period and modulus[k] > peak:
            peak, at = modulus[k], lag[k]
        if lag[k] < -period:
            count += 1
            total += wave[k]
    squares = 0.0
    for k in range(count):
        squares += (wave[k] - total / count) ** 2
    after, first = 0.0, 0.0
    begin, end = n, 0
    for k in range(n):
        apart = lag[k] - at
        if abs(apart) <= 0.8 * period:
            first += wave[k] * wave[k]
            begin, end = min(begin, k), k + 1
        if 0.8 * period < apart < 4.0 * period:
            after += wave[k] * wave[k]
        if apart > 1.4 * period and lag[k] < lag[n - 1] - 0.2 * period and not modulus[k] <= out[7]:
            out[6], out[7] = lag[k], modulus[k]
    out[0], out[1], out[3], out[4] = peak, at, after, first
    out[2] = math.sqrt(squares / count) if count > 0 else 0.0
    out[5] = _centre(wave[begin:end], dt, period) if end > begin else 0.0
    return out


BINS = 512  # length of the transform by which a centre frequency is read


@brief_kernel
def _centre(wave, dt, period):  # type: ignore[no-untyped-def]
    """Power-weighted mean frequency from 0.3 to 2 times that of the antenna, under a Hann window."""
    n = wave.size
    step = 1.0 / (BINS * dt)
    held = np.empty(n)
    for k in range(n):
        held[k] = wave[k] * (0.5 - 0.5 * math.cos(2.0 * math.pi * k / (n - 1))) if n > 1 else wave[k]
    powers, weighted = 0.0, 0.0
    for b in range(int(math.ceil(0.3 / (period * step))), min(int(2.0 / (period * step)), BINS // 2) + 1):
        # cosine and sine by turning on from sample to sample
        c, s = math.cos(2.0 * math.pi * b / BINS), math.sin(2.0 * math.pi * b / BINS)
        along, across, real, imaginary = 1.0, 0.0, 0.0, 0.0
        for k in range(n):
            real += held[k] * along
            imaginary += held[k] * across
            along, across = c * along - s * across, s * along + c * across
        power = real * real + imaginary * imaginary
        powers += power
        weighted += power * b * step
    return weighted / max(powers, 1e-30)


LEAST_OUTER, LEAST_INNER = 4, 2  # traces


@brief_kernel
def legs(
    traces: np.ndarray, distance: np.ndarray, lag: np.ndarray, at: float, period: float, depth: float
) -> tuple[float, float]:
    """Largest sample of the stack of the outer legs, spreading undone, and of that of the apex; NaN where too few are there.

    Parameters
    ----------
    traces : ndarray of float64, shape (trace, lag)
        Flattened along the curve.
    distance : ndarray of float64, shape (trace,)
        From the apex, m.
    lag : ndarray of float64, shape (lag,)
        Times from the apex, ns.
    at, period : float
        Time of the echo's peak, and period of the antenna, ns.
    depth : float
        Of the apex, m.
    """
    outer, inner = 0, 0
    sums = np.zeros((2, lag.size))
    for i in range(distance.size):
        tangent = abs(distance[i]) / max(depth, 1e-3)
        if 0.5 < tangent < 1.0:
            outer += 1
            weight = math.sqrt(math.sqrt(1.0 + tangent * tangent))
            sums[0] += weight * traces[i]
        if tangent < 0.2:
            inner += 1
            sums[1] += traces[i]
    if outer < LEAST_OUTER or inner < LEAST_INNER:
        return np.nan, np.nan
    a, b = 0.0, 0.0
    for k in range(lag.size):
        if abs(lag[k] - at) <= 0.8 * period:
            a = max(a, abs(sums[0, k]))
            b = max(b, abs(sums[1, k]))
    return a / outer, b / inner


@brief_kernel
def scatter(
    traces: np.ndarray, distance: np.ndarray, lag: np.ndarray, reach: float, first: float, last: float
) -> float:
    """Mean square of what flattened traces near the apex do not share, NaN where fewer than three are there.

    Parameters
    ----------
    traces, distance, lag
        As for `legs`.
    reach : float
        Traces nearer than that count, m.
    first, last : float
        Times between which they are compared, ns.
    """
    count, width = 0, 0
    mean, squares = np.zeros(lag.size), np.zeros(lag.size)
    for i in range(distance.size):
        if abs(distance[i]) < reach:
            count += 1
            mean += traces[i]
    if count < 3:
        return np.nan
    mean /= count
    for i in range(distance.size):
        if abs(distance[i]) < reach:
            for k in range(lag.size):
                squares[k] += (traces[i, k] - mean[k]) ** 2
    total = 0.0
    for k in range(lag.size):
        if first < lag[k] < last:
            width += 1
            total += squares[k]
    # of so many traces one has gone into their mean
    return total / max(width * (count - 1), 1)


@kernel
def heard(
    data: np.ndarray,
    x: np.ndarray,
    valid: np.ndarray,
    curves: np.ndarray,
    sampling: tuple[float, float, float],
    ground: tuple[float, float],
    span: tuple[int, int],
    quadrature: np.ndarray,
    least: float,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Stack traces along many curves and measure the echoes, with the interpreter's lock given up once for all.

    Parameters
    ----------
    data : ndarray of float32, shape (trace, sample)
        Un-gained traces.
    x, valid : ndarray, shape (trace,)
        Their distances (m), and whether they count.
    curves : ndarray of float64, shape (curve, 4)
        Apex (m), time (ns, air gap included), velocity (m/ns), and half-aperture (m).
    sampling : tuple of float
        Time of sample 0, sampling interval, and period of the antenna, ns.
    ground : tuple of float
        Two-way time in the air gap under the antenna (ns) and antenna separation (m).
    span : tuple of int
        Samples before and after the curve.
    quadrature : ndarray of float64, shape (2 lag,)
        As for `envelope`.
    least : float
        Traces that near to an apex count in its scatter, m.

    Returns
    -------
    ndarray of float64, shape (curve, lag)
        The stacks; see `gprscan.kernels.hyperbola.stacked`.
    ndarray of float64, shape (curve, PULSE)
        What they hold; see `pulse`.
    ndarray of float64, shape (curve, 3)
        What the traces behind each hold: the two of `legs`, and `scatter` within a quarter of the depth of the apex, or
        `least` where that is more, from one period to four after it.
    ndarray of int64, shape (curve,)
        Traces behind each.
    """
    t_first, dt, period = sampling
    air, separation = ground
    before, after = span
    n = curves.shape[0]
    lag = dt * np.arange(-before, after + 1)
    waves, numbers, counts = np.empty((n, lag.size)), np.empty((n, PULSE)), np.empty(n, np.int64)
    beside = np.empty((n, 3))
    for i in range(n):
        place, time, velocity, reach = curves[i]
        wave, traces, distance = stacked(
            data, x, valid, reach, t_first, dt, air, (place, time, velocity), separation, before, after
        )
        waves[i], counts[i] = wave, traces.shape[0]
        numbers[i] = pulse(wave, lag, envelope(wave, quadrature), dt, period)
        depth = 0.5 * velocity * time
        beside[i, :2] = legs(traces, distance, lag, numbers[i, 1], period, depth)
        beside[i, 2] = scatter(traces, distance, lag, max(0.25 * depth, least), period, 4.0 * period)
    return waves, numbers, beside, counts

"""Fitting a hyperbola to traces: flatten along the curve, pick each trace against the stack, correct the curve.

The picks are the lags at which a trace correlates best with the stack of all, refined by a parabola; the correction is
a robust weighted least-squares step (Tukey's biweight; Beaton and Tukey, Technometrics 16, 1974, 147).
"""

from __future__ import annotations

import math

import numpy as np

from gprscan.kernels.coherence import bistatic_time
from gprscan.kernels.jit import brief_kernel, inline, kernel, share_out, sum_kernel
from gprscan.kernels.lanes import WIDTH, fused, load, spread, store

BIWEIGHT = 4.7  # times the scale; 95 % efficient for Gaussian errors


@brief_kernel
def flatten(
    data: np.ndarray,
    rows: np.ndarray,
    distance: np.ndarray,
    t_first: float,
    dt: float,
    air: float,
    t0: float,
    velocity: float,
    separation: float,
    before: int,
    after: int,
) -> np.ndarray:
    """Cut traces along the travel-time curve of a point, by linear interpolation in time.

    Parameters
    ----------
    data : ndarray of float32, shape (trace, sample)
    rows : ndarray of int, shape (n,)
        Traces to cut.
    distance : ndarray, shape (n,)
        Their distances from the apex, m.
    t_first, dt : float
        Time of sample 0 and sampling interval, ns.
    air : float
        Two-way time in the air gap under the antenna, ns.
    t0, velocity, separation : float
        Apex time (ns, air gap included), velocity (m/ns) and antenna separation (m).
    before, after : int
        Samples before and after the curve.

    Returns
    -------
    ndarray of float64, shape (n, before + after + 1)
        Zero outside of the record.
    """
    n = rows.size
    out = np.zeros((n, before + after + 1))
    n_samples = data.shape[1]
    for i in range(n):
        time = bistatic_time(distance[i], max(t0 - air, 1e-3), velocity, separation) + air
        position = (time - t_first) / dt - before
        base = int(math.floor(position))
        part = position - base
        low, high = max(-base, 0), min(before + after + 1, n_samples - 1 - base)
        if high > low:
            early, late = data[rows[i], base + low : base + high], data[rows[i], base + low + 1 : base + high + 1]
            target = out[i, low:high]
            for k in range(high - low):
                target[k] = early[k] * (1.0 - part) + late[k] * part
    return out


@inline
def _likeness(smooth, power, matched, squared, first, width, dot, energy):  # type: ignore[no-untyped-def]
    """Sum a window's products at `2 * WIDTH` lags at a time: sums stay in registers while they walk along the window."""
    for lag in range(0, dot.size, 2 * WIDTH):
        a, b, c, d = spread(np.float32(0.0)), spread(np.float32(0.0)), spread(np.float32(0.0)), spread(np.float32(0.0))
        for k in range(width):
            at, m, s = first + lag + k, spread(matched[k]), spread(squared[k])
            a = fused(m, load(smooth, at), a)
            b = fused(m, load(smooth, at + WIDTH), b)
            c = fused(s, load(power, at), c)
            d = fused(s, load(power, at + WIDTH), d)
        store(dot, lag, a)
        store(dot, lag + WIDTH, b)
        store(energy, lag, c)
        store(energy, lag + WIDTH, d)


@inline
def _correlation(smooth, first, matched, squared):  # type: ignore[no-untyped-def]
    """Correlation of a window with the stack's, but for the stack's norm."""
    dot, energy = 0.0, 0.0
    part = smooth[first : first + matched.size]
    for k in range(matched.size):
        dot += part[k] * matched[k]
        energy += part[k] * part[k] * squared[k]
    return dot / (math.sqrt(energy) + 1e-30)


@sum_kernel
def pick_delays(traces: np.ndarray, centre: int, half: int, reach: int, delay: np.ndarray, weight: np.ndarray) -> None:
    """Delay of each flattened trace against the stack, in samples, and its weight (correlation squared).

    Parameters
    ----------
    traces : ndarray, shape (n, lag)
        Flattened traces; neighbours are averaged with weights 1/2, 1, 1/2 before they are compared.
    centre : int
        Index of the curve among the lags.
    half : int
        Half-width of the Hann window around it.
    reach : int
        Largest delay that is tried, samples.
    delay, weight : ndarray, shape (n,)
        Filled. The weight is 0 where the best delay is at the limit or the correlation below 0.4.
    """
    n = traces.shape[0]
    width = 2 * half + 1
    window = np.empty(width)
    for k in range(width):
        window[k] = 0.5 - 0.5 * math.cos(2.0 * math.pi * k / (width - 1))
    model = np.zeros(width)
    for i in range(n):
        for k in range(width):
            model[k] += traces[i, centre - half + k]
    norm = 0.0
    for k in range(width):
        model[k] *= window[k] / n
        norm += model[k] * model[k]
    norm = math.sqrt(norm) + 1e-30
    smooth = np.empty(traces.shape[1])
    # the window of the trace goes into the stack's, and squared into the energy
    matched, squared = model * window, window * window
    # single precision finds the best lag, many at a time; those beyond the last are filled up with zeros
    count = 2 * reach + 1
    filled = -(-count // (2 * WIDTH)) * 2 * WIDTH
    dot, energy = np.empty(filled, np.float32), np.empty(filled, np.float32)
    matched_single, squared_single = (matched / max(norm, 1e-30)).astype(np.float32), squared.astype(np.float32)
    single = np.zeros(traces.shape[1] + 2 * WIDTH, np.float32)
    power = np.zeros(single.size, np.float32)
    for i in range(n):
        for k in range(traces.shape[1]):
            value = traces[i, k]
            if n >= 5 and 0 < i < n - 1:
                value += 0.5 * (traces[i - 1, k] + traces[i + 1, k])
            smooth[k] = value
            single[k] = value
            power[k] = single[k] * single[k]
        first = centre - half - reach
        _likeness(single, power, matched_single, squared_single, first, width, dot, energy)
        best, top = 0, -np.inf
        for lag in range(count):
            likeness = dot[lag] / (math.sqrt(energy[lag]) + np.float32(1e-30))
            if likeness > top:
                best, top = lag, likeness
        delay[i] = best - reach
        weight[i] = 0.0
        if best in (0, 2 * reach):
            continue
        here = _correlation(smooth, first + best, matched, squared) / norm
        if here < 0.4:
            continue
        before = _correlation(smooth, first + best - 1, matched, squared) / norm
        after = _correlation(smooth, first + best + 1, matched, squared) / norm
        curve = before - 2.0 * here + after
        fine = 0.5 * (before - after) / curve if curve < 0.0 else 0.0
        delay[i] = best - reach + min(max(fine, -1.0), 1.0)
        weight[i] = min(here, 1.0) ** 2


@inline
def _invert3(a):  # type: ignore[no-untyped-def]
    """Inverse of a symmetric positive 3 x 3 matrix, by cofactors."""
    out = np.empty((3, 3))
    c00 = a[1, 1] * a[2, 2] - a[1, 2] * a[2, 1]
    c01 = a[0, 2] * a[2, 1] - a[0, 1] * a[2, 2]
    c02 = a[0, 1] * a[1, 2] - a[0, 2] * a[1, 1]
    det = a[0, 0] * c00 + a[1, 0] * c01 + a[2, 0] * c02
    inverse = 1.0 / det
    out[0, 0] = c00 * inverse
    out[0, 1] = c01 * inverse
    out[0, 2] = c02 * inverse
    out[1, 0] = (a[1, 2] * a[2, 0] - a[1, 0] * a[2, 2]) * inverse
    out[1, 1] = (a[0, 0] * a[2, 2] - a[0, 2] * a[2, 0]) * inverse
    out[1, 2] = (a[0, 2] * a[1, 0] - a[0, 0] * a[1, 2]) * inverse
    out[2, 0] = (a[1, 0] * a[2, 1] - a[1, 1] * a[2, 0]) * inverse
    out[2, 1] = (a[0, 1] * a[2, 0] - a[0, 0] * a[2, 1]) * inverse
    out[2, 2] = (a[0, 0] * a[1, 1] - a[0, 1] * a[1, 0]) * inverse
    return out


@kernel
def curve_step(
    distance: np.ndarray,
    delay: np.ndarray,
    weight: np.ndarray,
    ground_time: float,
    velocity: float,
    separation: float,
    prior: np.ndarray,
    pull: np.ndarray,
    least_scale: float,
    together: float,
    final_prior: np.ndarray,
    step: np.ndarray,
    covariance: np.ndarray,
) -> tuple[float, int]:
    """One robust least-squares correction of (x, t, log v) from picked delays.

    Parameters
    ----------
    distance, delay, weight : ndarray, shape (n,)
        Distances from the apex (m), delays (ns) and weights of the picks.
    ground_time, velocity, separation : float
        Present curve: apex time in the ground (ns), velocity (m/ns), antenna separation (m).
    prior, pull : ndarray, shape (3,)
        Precision of the prior on the step, and that precision times the step it prefers.
    least_scale : float
        Smallest scale of the residuals, ns.
    together : float
        Picks that count as one, since neighbours share their noise.
    final_prior : ndarray, shape (3,)
        Precision of the prior in the covariance.
    step : ndarray, shape (3,)
        Filled.
    covariance : ndarray, shape (3, 3)
        Filled.

    Returns
    -------
    float, int
        Scale of the residuals (1.4826 times the median of their absolute values) in ns, and number of picks kept.
    """
    n = distance.size
    jac = np.empty((n, 3))
    for i in range(n):
        base = bistatic_time(distance[i], ground_time, velocity, separation)
        jac[i, 0] = (bistatic_time(distance[i] - 1e-3, ground_time, velocity, separation) - base) * 1e3
        jac[i, 1] = (bistatic_time(distance[i], ground_time + 1e-3, velocity, separation) - base) * 1e3
        jac[i, 2] = (bistatic_time(distance[i], ground_time, velocity * math.exp(1e-3), separation) - base) * 1e3
    w = weight.copy()
    misfit = np.empty(n)
    scale = 5.0 * least_scale
    matrix = np.empty((3, 3))
    right = np.empty(3)
    for _ in range(8):
        for a in range(3):
            right[a] = pull[a]
            for b in range(3):
                matrix[a, b] = prior[a] if a == b else 0.0
        for i in range(n):
            s = w[i] / (scale * scale)
            for a in range(3):
                right[a] += s * jac[i, a] * delay[i]
                for b in range(3):
                    matrix[a, b] += s * jac[i, a] * jac[i, b]
        inverse = _invert3(matrix)
        for a in range(3):
            step[a] = inverse[a, 0] * right[0] + inverse[a, 1] * right[1] + inverse[a, 2] * right[2]
        used = 0
        sizes = np.empty(n)
        for i in range(n):
            misfit[i] = delay[i] - (jac[i, 0] * step[0] + jac[i, 1] * step[1] + jac[i, 2] * step[2])
            if weight[i] > 0.0:
                sizes[used] = abs(misfit[i])
                used += 1
        if used > 0:
            scale = max(1.4826 * np.median(sizes[:used]), least_scale)
        for i in range(n):
            u = min(abs(misfit[i]) / (BIWEIGHT * scale), 1.0)
            w[i] = weight[i] * (1.0 - u * u) ** 2
    kept = 0
    for a in range(3):
        for b in range(3):
            matrix[a, b] = final_prior[a] if a == b else 0.0
    for i in range(n):
        if w[i] > 0.05:
            kept += 1
        s = w[i] / (together * scale * scale)
        for a in range(3):
            for b in range(3):
                matrix[a, b] += s * jac[i, a] * jac[i, b]
    inverse = _invert3(matrix)
    # not by a slice: the message for shapes that differ would take a second to compile
    for a in range(3):
        for b in range(3):
            covariance[a, b] = inverse[a, b]
    return scale, kept


ROUNDS = 4
RESULT = 16  # numbers per fit: see `fit_curves`


@inline
def _grouped(traces, distance, group):  # type: ignore[no-untyped-def]
    """Means of neighbouring flattened traces, and of their distances."""
    n = traces.shape[0] // group
    if group == 1 or n < 8:
        return traces, distance, 1
    out, place = np.zeros((n, traces.shape[1])), np.zeros(n)
    for i in range(n * group):
        place[i // group] += distance[i] / group
        for k in range(traces.shape[1]):
            out[i // group, k] += traces[i, k] / group
    return out, place, group


@kernel
def leg_coherence(traces: np.ndarray, distance: np.ndarray, reach: float) -> tuple[float, float, float]:
    """Semblance of the analytic signal of the left leg, of the right leg, and the agreement of both.

    Parameters
    ----------
    traces : ndarray, shape (n, lag)
        Traces flattened along the curve; an odd number of lags.
    distance : ndarray, shape (n,)
        Distances from the apex, m.
    reach : float
        Half-aperture of the cosine-squared taper, m.

    Returns
    -------
    float, float, float
        NaN for a leg that is not there. The Hilbert transform of an odd number of samples keeps their energy but for the
        mean, so that none has to be computed (Parseval).
    """
    m = traces.shape[1]
    sums = np.zeros((2, m))
    energy, weight = np.zeros(2), np.zeros(2)
    for i in range(distance.size):
        taper = math.cos(0.5 * math.pi * min(abs(distance[i]) / (reach + 1e-9), 1.0)) ** 2
        own, mean = 0.0, 0.0
        for k in range(m):
            own += traces[i, k] * traces[i, k]
            mean += traces[i, k] / m
        for leg in range(2):
            w = taper * (0.5 if distance[i] == 0.0 else (1.0 if (distance[i] > 0.0) == (leg == 1) else 0.0))
            if w > 0.0:
                energy[leg] += w * (2.0 * own - m * mean * mean)
                weight[leg] += w
                for k in range(m):
                    sums[leg, k] += w * traces[i, k]
    product = np.zeros((2, 2))
    for a in range(2):
        for b in range(2):
            mean = 1.0 / m
            product[a, b] = 2.0 * (sums[a] * sums[b]).sum() - sums[a].sum() * sums[b].sum() * mean
    legs = np.empty(2)
    for leg in range(2):
        there = weight[leg] > 1.0 and energy[leg] > 0.0
        legs[leg] = product[leg, leg] / (energy[leg] * weight[leg]) if there else np.nan
    if math.isnan(legs[0]) and math.isnan(legs[1]):
        both = 0.0
    elif math.isnan(legs[0]) or math.isnan(legs[1]):
        both = 0.85 * (legs[1] if math.isnan(legs[0]) else legs[0])
    else:
        both = max(product[0, 1], 0.0) / math.sqrt(energy[0] * weight[0] * energy[1] * weight[1] + 1e-30)
    return legs[0], legs[1], both


@kernel
def traces_near(x: np.ndarray, valid: np.ndarray, place: float, reach: float) -> np.ndarray:
    """Indices of the valid traces within `reach` of a place."""
    first, last = np.searchsorted(x, place - reach), np.searchsorted(x, place + reach, side="right")
    rows = np.empty(last - first, np.int64)
    count = 0
    for i in range(first, last):
        if valid[i]:
            rows[count] = i
            count += 1
    return rows[:count]


@brief_kernel
def stacked(
    data: np.ndarray,
    x: np.ndarray,
    valid: np.ndarray,
    reach: float,
    t_first: float,
    dt: float,
    air: float,
    curve: tuple[float, float, float],
    separation: float,
    before: int,
    after: int,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Stack traces along a curve, under a cosine-squared taper.

    Parameters
    ----------
    data, t_first, dt, air, separation, before, after
        As for `flatten`.
    x, valid
        As for `fit_curves`.
    reach : float
        Half-aperture, m.
    curve : tuple of float
        Apex (m), time (ns, air gap included) and velocity (m/ns).

    Returns
    -------
    ndarray of float64, shape (lag,)
        The stack.
    ndarray of float64, shape (n, lag) and (n,)
        Flattened traces behind it, and their distances from the apex (m).
    """
    place, time, velocity = curve
    rows = traces_near(x, valid, place, reach)
    distance = x[rows] - place
    traces = flatten(data, rows, distance, t_first, dt, air, time, velocity, separation, before, after)
    wave, total = np.zeros(traces.shape[1]), 0.0
    for i in range(rows.size):
        taper = math.cos(0.5 * math.pi * min(abs(distance[i]) / (reach + 1e-9), 1.0)) ** 2
        total += taper
        for k in range(wave.size):
            wave[k] += taper * traces[i, k]
    wave /= max(total, 1e-9)
    return wave, traces, distance


@inline
def _off_peak(traces, centre, reach):  # type: ignore[no-untyped-def]
    """How many samples after the curve, less than `reach` before or after it, the envelope of the stack has its peak; else 0."""
    n = traces.shape[1]
    wave, power = np.zeros(n), np.zeros(2 * reach + 1)
    for i in range(traces.shape[0]):
        for k in range(n):
            wave[k] += traces[i, k]
    best = 0
    for k in range(power.size):
        at = centre - reach + k
        # quadrature by the ideal Hilbert transformer, 2 / (pi k) at odd distances
        turned = 0.0
        for step in range(1, n, 2):
            before = wave[at - step] if at >= step else 0.0
            after = wave[at + step] if at + step < n else 0.0
            turned += (before - after) / step
        turned *= 2.0 / math.pi
        power[k] = wave[at] * wave[at] + turned * turned
        if power[k] > power[best]:
            best = k
    if best == 0 or best == power.size - 1:
        return 0.0
    curve = power[best - 1] - 2.0 * power[best] + power[best + 1]
    fine = 0.5 * (power[best - 1] - power[best + 1]) / curve if curve < 0.0 else 0.0
    return best - reach + fine


@inline
def _parallel(distance, ground_time, later, velocity, separation):  # type: ignore[no-untyped-def]
    """Velocity of the curve that begins `later` and runs at an even distance from the present one, by least squares."""
    begin = ground_time + later
    v, slower = velocity * math.sqrt(ground_time / begin), math.exp(-1e-3)
    for _ in range(2):
        product, square = 0.0, 0.0
        top = bistatic_time(0.0, ground_time, velocity, separation)
        own_top = bistatic_time(0.0, begin, v, separation)
        slower_top = bistatic_time(0.0, begin, v * slower, separation)
        for i in range(distance.size):
            rise = bistatic_time(distance[i], ground_time, velocity, separation) - top
            own = bistatic_time(distance[i], begin, v, separation) - own_top
            slope = (own - bistatic_time(distance[i], begin, v * slower, separation) + slower_top) * 1e3
            product += slope * (rise - own)
            square += slope * slope
        if square > 0.0:
            v *= math.exp(min(max(product / square, -0.15), 0.15))
    return v


@kernel
def _fit_one(data, x, valid, start, sampling, ground, limits, group, out):  # type: ignore[no-untyped-def]
    """Fit one curve; see `fit_curves`."""
    t_first, dt, dx, period = sampling
    air, separation = ground
    slowest, fastest, reach_factor, least_reach, longest = limits
    x0, t0, v = start[0], start[1], start[2]
    out[:] = 0.0
    reach = min(max(reach_factor * 0.5 * v * max(t0, 0.0), max(3.0 * dx, least_reach * v * period)), longest)
    covariance, step = np.zeros((3, 3)), np.zeros(3)
    scale, kept = 0.2 * period, 0
    wide, narrow = int(round(1.5 * period / dt)), int(round(0.5 * period / dt))
    half, lags = int(round(0.8 * period / dt)), int(round(0.4 * period / dt))
    prior, final_prior = np.array([1e-6, 1e-6, 1 / 0.25**2]), np.array([1e-6, 1e-6, 1 / 0.5**2])
    pull = np.zeros(3)
    for _ in range(ROUNDS):
        rows = traces_near(x, valid, x0, reach)
        if rows.size < 4:
            return
        distance = x[rows] - x0
        traces = flatten(data, rows, distance, t_first, dt, air, t0, v, separation, wide, wide)
        traces, distance, joined = _grouped(traces, distance, group)
        delay, weight = np.zeros(distance.size), np.zeros(distance.size)
        pick_delays(traces, wide, half, lags, delay, weight)
        pull[2] = math.log(start[2] / v) / 0.25**2
        scale, kept = curve_step(
            distance, delay * dt, weight, max(t0 - air, 1e-3), v, separation, prior, pull, 0.02 * period,
            max(1.0, 0.25 * v * period / (dx * joined)), final_prior, step, covariance,
        )  # fmt: skip
        kept *= joined
        x0 += min(max(step[0], -0.3 * reach), 0.3 * reach)
        t0 += min(max(step[1], -0.5 * period), 0.5 * period)
        v *= math.exp(min(max(step[2], -0.15), 0.15))
        v = min(max(v, slowest), fastest)
        if abs(x0 - start[0]) > reach or t0 < 0.2 * period:
            return
        if abs(step[0]) < 0.1 * dx and abs(step[1]) < 0.02 * period and abs(step[2]) < 0.01:
            break
    rows = traces_near(x, valid, x0, reach)
    distance = x[rows] - x0
    # where on the pulse the curve lies is a matter of where it was begun: to the peak, parallel to what was fitted
    traces = flatten(data, rows, distance, t_first, dt, air, t0, v, separation, wide, wide)
    later = dt * _off_peak(traces, wide, narrow)
    if t0 + later - air > 0.2 * period:
        v = _parallel(distance, max(t0 - air, 1e-3), later, v, separation)
        v = min(max(v, slowest), fastest)
        t0 += later
    if v * (t0 - air) <= separation:  # sooner than along the ground from one antenna to the other
        return
    traces = flatten(data, rows, distance, t_first, dt, air, t0, v, separation, narrow, narrow)
    left, right, both = leg_coherence(traces, distance, reach)
    out[0], out[1], out[2], out[3] = 1.0, x0, t0, v
    out[4], out[5], out[6], out[7], out[8], out[9] = scale, kept, both, left, right, reach
    out[10], out[11], out[12] = covariance[0, 0], covariance[0, 1], covariance[0, 2]
    out[13], out[14], out[15] = covariance[1, 1], covariance[1, 2], covariance[2, 2]


@kernel
def _fit_some(data, x, valid, starts, sampling, ground, limits, group, first, last, out):  # type: ignore[no-untyped-def]
    for i in range(first, last):
        _fit_one(data, x, valid, starts[i], sampling, ground, limits, group, out[i])


def fit_curves(
    data: np.ndarray,
    x: np.ndarray,
    valid: np.ndarray,
    starts: np.ndarray,
    sampling: tuple[float, float, float, float],
    ground: tuple[float, float],
    limits: tuple[float, float, float, float, float],
    group: int,
    *,
    threads: int = 1,
) -> np.ndarray:
    """Fit apex, time and apparent velocity to many candidates by iterated picking; the apex lies on the peak of the pulse.

    Parameters
    ----------
    data : ndarray of float32, shape (trace, sample)
        Section whose amplitudes are even along time.
    x : ndarray, shape (trace,)
        Distance along the line, rising, m.
    valid : ndarray of bool, shape (trace,)
        Traces that count.
    starts : ndarray, shape (candidate, 3)
        Apex (m), time (ns, air gap included) and velocity (m/ns) to start from.
    sampling : tuple of float
        Time of sample 0 and sampling interval (ns), trace spacing (m), period of the antenna (ns).
    ground : tuple of float
        Two-way time in the air gap under the antenna (ns) and antenna separation (m).
    limits : tuple of float
        Slowest and fastest velocity (m/ns); half-aperture over depth, its least over the wavelength, its most (m).
    group : int
        Neighbouring traces that are averaged along the curve before they are picked.
    threads : int
        On which the candidates are shared out.

    Returns
    -------
    ndarray, shape (candidate, RESULT)
        1 where the fit held, else 0; apex, time, velocity; scale of the residuals (ns), traces picked; agreement of the
        legs, semblance of the left and of the right; half-aperture; covariance of (x, t, log velocity) by rows of its
        upper triangle.
    """
    # along the line, so that neighbours find their traces in the caches
    order = np.argsort(starts[:, 0], kind="stable")
    ordered, found = starts[order], np.zeros((starts.shape[0], RESULT))

    def work(first: int, last: int) -> None:
        _fit_some(data, x, valid, ordered, sampling, ground, limits, group, first, last, found)

    share_out(work, starts.shape[0], threads)
    out = np.empty_like(found)
    out[order] = found
    return out

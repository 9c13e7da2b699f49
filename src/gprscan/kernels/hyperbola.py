"""Fitting a hyperbola to traces: flatten along the curve, pick each trace against the stack, correct the curve.

The picks are the lags at which a trace correlates best with the stack of all, refined by a parabola; the correction is
a robust weighted least-squares step (Tukey's biweight; Beaton and Tukey, Technometrics 16, 1974, 147).
"""

from __future__ import annotations

import math

import numpy as np

from gprscan.kernels.coherence import bistatic_time
from gprscan.kernels.jit import inline, kernel

BIWEIGHT = 4.7  # times the scale; 95 % efficient for Gaussian errors


@kernel
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
        for k in range(before + after + 1):
            j = base + k
            if j >= 0 and j + 1 < n_samples:
                out[i, k] = data[rows[i], j] * (1.0 - part) + data[rows[i], j + 1] * part
    return out


@kernel
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
    score = np.empty(2 * reach + 1)
    for i in range(n):
        for k in range(traces.shape[1]):
            value = traces[i, k]
            if n >= 5 and 0 < i < n - 1:
                value += 0.5 * (traces[i - 1, k] + traces[i + 1, k])
            smooth[k] = value
        best = 0
        for lag in range(-reach, reach + 1):
            dot = 0.0
            energy = 0.0
            for k in range(width):
                value = smooth[centre - half + k + lag] * window[k]
                dot += value * model[k]
                energy += value * value
            score[lag + reach] = dot / ((math.sqrt(energy) + 1e-30) * norm)
            if score[lag + reach] > score[best]:
                best = lag + reach
        if best == 0 or best == 2 * reach or score[best] < 0.4:
            delay[i] = best - reach
            weight[i] = 0.0
            continue
        curve = score[best - 1] - 2.0 * score[best] + score[best + 1]
        fine = 0.5 * (score[best - 1] - score[best + 1]) / curve if curve < 0.0 else 0.0
        delay[i] = best - reach + min(max(fine, -1.0), 1.0)
        weight[i] = min(score[best], 1.0) ** 2


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
    covariance[:, :] = _invert3(matrix)
    return scale, kept

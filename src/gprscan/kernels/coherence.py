"""Diffraction coherence: how well a line's traces agree along the travel-time curve of a buried point.

For an apex at trace ``x0`` and time ``t0`` and a velocity ``v`` the point lies at the effective depth
``z = sqrt((v t0 / 2)^2 - (s / 2)^2)`` and is seen at distance X along the line at

    t(X) = [sqrt((X - s/2)^2 + z^2) + sqrt((X + s/2)^2 + z^2)] / v

for a transmitter and a receiver a distance s apart (times counted from where the pulse enters the ground). The left and
the right leg are summed apart, so that one alone (a dipping layer, the tail of a neighbour) does not pass for a target.
Coherence is the semblance of Neidell and Taner (Geophysics 36, 1971, 482), written for the analytic signal.
"""

from __future__ import annotations

import math

import numba
import numpy as np

from gprscan.kernels.jit import inline, kernel, parallel_sum_kernel, sum_kernel


@inline
def bistatic_time(x, t0, velocity, separation):  # type: ignore[no-untyped-def]
    """Two-way time (ns) at distance x (m) from an apex at time t0 (ns); NaN where t0 is too early for its pair."""
    half = 0.5 * separation
    z2 = 0.25 * velocity * velocity * t0 * t0 - half * half
    if z2 < 0.0:
        z2 = 0.0
    return (math.sqrt((x - half) ** 2 + z2) + math.sqrt((x + half) ** 2 + z2)) / velocity


@kernel
def moveout_curve(x: np.ndarray, t0: float, velocity: float, separation: float) -> np.ndarray:
    """Two-way times in ns at distances `x` in m from the apex, shape as `x`."""
    out = np.empty(x.size)
    for i in range(x.size):
        out[i] = bistatic_time(x[i], t0, velocity, separation)
    return out


@inline
def _scan_row(  # type: ignore[no-untyped-def]
    re,
    im,
    live,
    pad,
    k0,
    t_first,
    dt,
    dx,
    velocities,
    separation,
    aperture_factor,
    max_aperture,
    min_reach,
    best,
    best_amp,
    best_v,
    best_side,
):
    """Fill one row (one apex time) of the scan for every trace."""
    n = re.shape[1] - 2 * pad
    n_samples = re.shape[0]
    t0 = t_first + k0 * dt
    lr = np.empty(n, np.float32)
    li = np.empty(n, np.float32)
    le = np.empty(n, np.float32)
    lc = np.empty(n, np.float32)
    rr = np.empty(n, np.float32)
    ri = np.empty(n, np.float32)
    ener = np.empty(n, np.float32)
    rc = np.empty(n, np.float32)
    for iv in range(velocities.size):
        v = velocities[iv]
        depth = 0.5 * v * t0
        reach = min(max(aperture_factor * depth, min_reach), max_aperture)
        count = min(int(reach / dx), pad)
        if count < 2:
            continue
        lr[:] = 0.0
        li[:] = 0.0
        le[:] = 0.0
        lc[:] = 0.0
        rr[:] = 0.0
        ri[:] = 0.0
        ener[:] = 0.0
        rc[:] = 0.0
        full = 0.0
        for m in range(count + 1):
            time = bistatic_time(m * dx, t0, v, separation)
            position = (time - t_first) / dt
            j = int(position)
            if j < 0 or j + 1 >= n_samples:
                break
            f = np.float32(position - j)
            g = np.float32(1.0) - f
            # cosine-squared taper; the apex trace counts half on each side
            w = np.float32(math.cos(0.5 * math.pi * m / (count + 1)) ** 2)
            if m == 0:
                w *= np.float32(0.5)
            full += w  # type: ignore[assignment]
            for x in range(n):
                wl = w * live[pad + x - m]
                a = g * re[j, pad + x - m] + f * re[j + 1, pad + x - m]
                b = g * im[j, pad + x - m] + f * im[j + 1, pad + x - m]
                lr[x] += wl * a
                li[x] += wl * b
                le[x] += wl * (a * a + b * b)
                lc[x] += wl
                wr = w * live[pad + x + m]
                c = g * re[j, pad + x + m] + f * re[j + 1, pad + x + m]
                d = g * im[j, pad + x + m] + f * im[j + 1, pad + x + m]
                rr[x] += wr * c
                ri[x] += wr * d
                ener[x] += wr * (c * c + d * d)
                rc[x] += wr
        for x in range(n):
            left = math.sqrt((lr[x] * lr[x] + li[x] * li[x]) / (lc[x] * le[x] + 1e-30))
            right = math.sqrt((rr[x] * rr[x] + ri[x] * ri[x]) / (rc[x] * ener[x] + 1e-30))
            side = 0
            if lc[x] > 0.35 * full and rc[x] > 0.35 * full:
                # agreement of the two legs, with the sign: opposite legs give less than nothing
                cross = (lr[x] * rr[x] + li[x] * ri[x]) / math.sqrt(lc[x] * le[x] * rc[x] * ener[x] + 1e-30)
                coherence = max(cross, 0.0)
                amp = math.sqrt(max(lr[x] * rr[x] + li[x] * ri[x], 0.0) / (lc[x] * rc[x] + 1e-30))
            elif lc[x] > 0.8 * full:
                coherence = 0.85 * left * left
                amp = 0.85 * left * math.sqrt(le[x] / (lc[x] + 1e-30))
                side = -1
            elif rc[x] > 0.8 * full:
                coherence = 0.85 * right * right
                amp = 0.85 * right * math.sqrt(ener[x] / (rc[x] + 1e-30))
                side = 1
            else:
                continue
            value = amp * math.sqrt(coherence)
            if value > best_amp[x] * math.sqrt(best[x]):
                best[x] = coherence
                best_amp[x] = amp
                best_v[x] = iv
                best_side[x] = side


@parallel_sum_kernel
def scan_parallel(
    re: np.ndarray,
    im: np.ndarray,
    live: np.ndarray,
    pad: int,
    rows: np.ndarray,
    t_first: float,
    dt: float,
    dx: float,
    velocities: np.ndarray,
    separation: float,
    aperture_factor: float,
    max_aperture: float,
    min_reach: float,
    coherence: np.ndarray,
    amplitude: np.ndarray,
    velocity_index: np.ndarray,
    side: np.ndarray,
) -> None:
    """Scan with one thread per apex time; see `scan_serial`."""
    for r in numba.prange(rows.size):
        _scan_row(
            re, im, live, pad, rows[r], t_first, dt, dx, velocities, separation, aperture_factor, max_aperture,
            min_reach,
            coherence[r], amplitude[r], velocity_index[r], side[r],
        )  # fmt: skip


@sum_kernel
def scan_serial(
    re: np.ndarray,
    im: np.ndarray,
    live: np.ndarray,
    pad: int,
    rows: np.ndarray,
    t_first: float,
    dt: float,
    dx: float,
    velocities: np.ndarray,
    separation: float,
    aperture_factor: float,
    max_aperture: float,
    min_reach: float,
    coherence: np.ndarray,
    amplitude: np.ndarray,
    velocity_index: np.ndarray,
    side: np.ndarray,
) -> None:
    """Best diffraction coherence over velocity, for every trace and some apex times.

    Parameters
    ----------
    re, im : ndarray of float32, shape (sample, trace + 2 pad)
        Real and imaginary part of the analytic signal, transposed, zero outside of the line and in dead traces.
    live : ndarray of float32, shape (trace + 2 pad,)
        1 where a trace counts, 0 where it is dead or outside.
    pad : int
        Traces of padding on each side.
    rows : ndarray of int, shape (row,)
        Sample indices of the apex times to scan.
    t_first, dt : float
        Time of sample 0, counted from where the pulse enters the ground, and sampling interval, ns.
    dx : float
        Trace spacing, m.
    velocities : ndarray, shape (velocity,)
        Velocities in m/ns.
    separation : float
        Transmitter-receiver distance, m.
    aperture_factor, max_aperture, min_reach : float
        Half-aperture: the factor times the depth, at least `min_reach` and at most `max_aperture`, m.
    coherence, amplitude : ndarray of float32, shape (row, trace)
        Filled with the coherence of the two legs (0 to 1) and their common amplitude. Zero on entry.
    velocity_index, side : ndarray of int8, shape (row, trace)
        Filled with the index of the best velocity and the side used: 0 both, -1 left, 1 right leg only.
    """
    for r in range(rows.size):
        _scan_row(
            re, im, live, pad, rows[r], t_first, dt, dx, velocities, separation, aperture_factor, max_aperture,
            min_reach,
            coherence[r], amplitude[r], velocity_index[r], side[r],
        )  # fmt: skip

"""Diffraction coherence: how well a line's traces agree along the travel-time curve of a buried point.

For an apex at trace ``x0`` and time ``t0`` and a velocity ``v`` the point lies at the effective depth
``z = sqrt((v t0 / 2)^2 - (s / 2)^2)`` and is seen at distance X along the line at

    t(X) = [sqrt((X - s/2)^2 + z^2) + sqrt((X + s/2)^2 + z^2)] / v

for a transmitter and a receiver a distance s apart (times counted from where the pulse enters the ground). The left and
the right leg are summed apart, so that one alone (a dipping layer, the tail of a neighbour) does not pass for a target.
Coherence is the semblance of Neidell and Taner (Geophysics 36, 1971, 482), written for the analytic signal.

The scan is the tap loop of migration: transposed traces, the innermost loop over the traces of a block that stays in
the caches, shifts and weights shared by all of them, four taps per visit of the sums. Curves are rounded to the sample:
with `SAMPLES_PER_PERIOD` of them or more that costs less than half a percent of amplitude.
"""

from __future__ import annotations

import math

import numpy as np

from gprscan.kernels.jit import inline, kernel, share_out, sum_kernel


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


SAMPLES_PER_PERIOD = 20  # that nearest-sample curves need
BLOCK = 512  # output traces whose sums are held at a time: 12 kB
SHARES = 4  # tasks per block, for the threads
TAPS = 4  # added per visit of the sums; curves are padded to a multiple of it with weights of zero


@kernel
def _curves(rows, t_first, dt, dx, velocities, separation, reaches, most, n_samples):  # type: ignore[no-untyped-def]
    """Shifts in samples and taper weights of every curve, shape (row, velocity, lateral), and the taps of each."""
    shape = (rows.size, velocities.size)
    aperture_factor, max_aperture, min_reach = reaches
    shifts = np.zeros((shape[0], shape[1], most + TAPS), np.int16)
    weights = np.zeros((shape[0], shape[1], most + TAPS), np.float32)
    taps = np.zeros(shape, np.int32)
    for r in range(rows.size):
        t0 = t_first + rows[r] * dt
        for iv in range(velocities.size):
            v = velocities[iv]
            reach = min(max(aperture_factor * 0.5 * v * t0, min_reach), max_aperture)
            count = min(int(reach / dx), most - 1)
            if count < 2:
                continue
            for m in range(count + 1):
                j = int((bistatic_time(m * dx, t0, v, separation) - t_first) / dt + 0.5)
                if j < 0 or j >= n_samples:
                    break
                shifts[r, iv, m] = j
                # cosine-squared taper; the apex trace counts half on each side
                weights[r, iv, m] = math.cos(0.5 * math.pi * m / (count + 1)) ** 2 * (0.5 if m == 0 else 1.0)
                taps[r, iv] = m + 1
    return shifts, weights, taps


@inline
def _add_four(data, j, w, m, start, step, n, total):  # type: ignore[no-untyped-def]
    """Add four taps from the `m`-th on, each `step` traces beside the one before, for `n` traces from `start` on."""
    w0, w1, w2, w3 = w[m], w[m + 1], w[m + 2], w[m + 3]
    first = start + step * m
    # slices, so that every index is a plain loop variable: the compiler vectorises nothing else
    a = data[j[m], first : first + n]
    b = data[j[m + 1], first + step : first + step + n]
    c = data[j[m + 2], first + 2 * step : first + 2 * step + n]
    d = data[j[m + 3], first + 3 * step : first + 3 * step + n]
    for x in range(n):
        total[x] += w0 * a[x] + w1 * b[x] + w2 * c[x] + w3 * d[x]


@inline
def _keep_both(sums, folds, least, n, number, best):  # type: ignore[no-untyped-def]
    """Keep a velocity where the two legs agree better than at those before; `best` is score, squares, index and side.

    With the common amplitude a and the coherence c the score is ``(a sqrt(c))^4``, which takes no root.
    """
    lr, li, le, rr, ri, re = sums[0, :n], sums[1, :n], sums[2, :n], sums[3, :n], sums[4, :n], sums[5, :n]
    lc, rc = folds[0, :n], folds[1, :n]
    score, amplitude, coherence, index, side = best[0, :n], best[1, :n], best[2, :n], best[3, :n], best[4, :n]
    for x in range(n):
        cross = max(lr[x] * rr[x] + li[x] * ri[x], np.float32(0.0))
        cross = cross if min(lc[x], rc[x]) > least else np.float32(0.0)
        weight = lc[x] * rc[x] + np.float32(1e-12)
        amplitude2 = cross / weight
        coherence2 = amplitude2 * cross / (le[x] * re[x] + np.float32(1e-24))
        value = amplitude2 * amplitude2 * coherence2
        better = value > score[x]
        score[x] = value if better else score[x]
        amplitude[x] = amplitude2 if better else amplitude[x]
        coherence[x] = coherence2 if better else coherence[x]
        index[x] = number if better else index[x]
        side[x] = np.float32(0.0) if better else side[x]


@inline
def _keep_one(sums, folds, full, n, number, best):  # type: ignore[no-untyped-def]
    """Keep a velocity where only one leg is there: at the ends of the line and beside gaps."""
    for x in range(n):
        if min(folds[0, x], folds[1, x]) > 0.35 * full:
            continue
        for leg in range(2):
            if folds[leg, x] <= 0.8 * full:
                continue
            power = sums[3 * leg, x] ** 2 + sums[3 * leg + 1, x] ** 2
            alone = power / (folds[leg, x] * sums[3 * leg + 2, x] + 1e-30)
            # one leg counts less than two that agree
            amplitude2 = 0.85**2 * power / (folds[leg, x] ** 2)
            coherence2 = (0.85 * alone) ** 2
            value = amplitude2 * amplitude2 * coherence2
            if value > best[0, x]:
                best[0, x] = value
                best[1, x] = amplitude2
                best[2, x] = coherence2
                best[3, x] = number
                best[4, x] = 2.0 * leg - 1.0
            break


@sum_kernel
def _scan_block(data, live, pad, shifts, weights, taps, first, n, share, out):  # type: ignore[no-untyped-def]
    """Scan the traces of a block for every `SHARES`-th row; see `scan`."""
    re, im, energy = data
    coherence, amplitude, velocity_index, side = out
    sums = np.empty((6, n), np.float32)
    folds = np.empty((2, n), np.float32)
    best = np.empty((5, n), np.float32)
    start = pad + first
    whole = True
    for x in range(first, first + n + 2 * pad):
        whole = whole and live[x] > 0.0
    for r in range(share, shifts.shape[0], SHARES):
        best[:] = 0.0
        for iv in range(shifts.shape[1]):
            if taps[r, iv] < 3:
                continue
            j, w = shifts[r, iv], weights[r, iv]
            sums[:] = 0.0
            full = np.float32(0.0)
            for m in range(taps[r, iv]):
                full += w[m]
            for m in range(0, taps[r, iv], TAPS):
                _add_four(re, j, w, m, start, -1, n, sums[0])
                _add_four(im, j, w, m, start, -1, n, sums[1])
                _add_four(energy, j, w, m, start, -1, n, sums[2])
                _add_four(re, j, w, m, start, 1, n, sums[3])
                _add_four(im, j, w, m, start, 1, n, sums[4])
                _add_four(energy, j, w, m, start, 1, n, sums[5])
            folds[:] = full
            if not whole:
                folds[:] = 0.0
                for m in range(taps[r, iv]):
                    for x in range(n):
                        folds[0, x] += w[m] * live[start + x - m]
                        folds[1, x] += w[m] * live[start + x + m]
                _keep_one(sums, folds, full, n, np.float32(iv), best)
            _keep_both(sums, folds, np.float32(0.35) * full, n, np.float32(iv), best)
        for x in range(n):
            amplitude[r, first + x] = math.sqrt(best[1, x])
            coherence[r, first + x] = math.sqrt(best[2, x])
            velocity_index[r, first + x] = int(best[3, x])
            side[r, first + x] = int(best[4, x])


def scan(
    data: tuple[np.ndarray, np.ndarray, np.ndarray],
    live: np.ndarray,
    pad: int,
    rows: np.ndarray,
    t_first: float,
    dt: float,
    dx: float,
    velocities: np.ndarray,
    separation: float,
    reaches: tuple[float, float, float],
    *,
    threads: int = 1,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Best diffraction coherence over velocity, for every trace and some apex times.

    Parameters
    ----------
    data : tuple of three ndarray of float32, shape (sample, trace + 2 pad)
        Real part, imaginary part and squared modulus of the analytic signal, transposed, zero outside of the line and
        in dead traces; see `pack`.
    live : ndarray of float32, shape (trace + 2 pad,)
        1 where a trace counts, 0 where it is dead or outside.
    pad : int
        Traces of padding on each side; curves reach no further than `pad` less `TAPS`.
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
    reaches : tuple of float
        Half-aperture: a factor times the depth, at most the second and at least the third number, m.
    threads : int
        On which the blocks are shared out.

    Returns
    -------
    coherence, amplitude : ndarray of float32, shape (row, trace)
        Coherence of the two legs (0 to 1) and their common amplitude.
    velocity_index, side : ndarray of int8, shape (row, trace)
        Index of the best velocity and the side used: 0 both, -1 left, 1 right leg only.
    """
    shifts, weights, taps = _curves(
        rows, t_first, dt, dx, velocities, separation, reaches, pad - TAPS, data[0].shape[0]
    )
    shape = (rows.size, live.size - 2 * pad)
    out = (np.empty(shape, np.float32), np.empty(shape, np.float32), np.empty(shape, np.int8), np.empty(shape, np.int8))
    n = shape[1]

    def work(begin: int, end: int) -> None:
        for task in range(begin, end):
            first = task // SHARES * BLOCK
            _scan_block(data, live, pad, shifts, weights, taps, first, min(BLOCK, n - first), task % SHARES, out)

    share_out(work, SHARES * ((n + BLOCK - 1) // BLOCK), threads)
    return out


TILE = 16  # traces that are transposed together: one cache line


@inline
def _pack_tile(real, imaginary, keep, group, begin, tile, re, im, energy, live):  # type: ignore[no-untyped-def]
    """Fill up to `TILE` columns; the first column of the outputs is the group of traces `begin`, which may not exist."""
    n_samples = real.shape[1]
    first = max(begin + tile * TILE, 0)
    last = min(min(begin + (tile + 1) * TILE, begin + live.size), real.shape[0] // group)
    sums = np.zeros((2, TILE, n_samples), np.float32)
    for g in range(first, last):
        fold = 0
        a, b = sums[0, g - first], sums[1, g - first]
        for i in range(g * group, (g + 1) * group):
            if keep[i]:
                fold += 1
                one, other = real[i], imaginary[i]
                for k in range(n_samples):
                    a[k] += one[k]
                    b[k] += other[k]
        live[g - begin] = 1.0 if fold > 0 else 0.0
        scale = np.float32(1.0 / max(fold, 1))
        for k in range(n_samples):
            a[k] *= scale
            b[k] *= scale
    for k in range(n_samples):
        for g in range(first, last):
            x, y = sums[0, g - first, k], sums[1, g - first, k]
            re[k, g - begin] = x
            im[k, g - begin] = y
            energy[k, g - begin] = x * x + y * y


@kernel
def _pack_tiles(real, imaginary, keep, group, begin, first, last, re, im, energy, live):  # type: ignore[no-untyped-def]
    """Pack some tiles; see `pack`."""
    for tile in range(first, last):
        _pack_tile(real, imaginary, keep, group, begin, tile, re, im, energy, live)


def pack(
    real: np.ndarray,
    imaginary: np.ndarray,
    keep: np.ndarray,
    group: int,
    pad: int,
    first: int = 0,
    last: int | None = None,
    *,
    threads: int = 1,
) -> tuple[tuple[np.ndarray, np.ndarray, np.ndarray], np.ndarray]:
    """Average groups of traces, transpose them and pad them, as `scan` wants them.

    Parameters
    ----------
    real, imaginary : ndarray of float32, shape (trace, sample)
        Analytic signal.
    keep : ndarray of bool, shape (trace,)
        Traces that count.
    group : int
        Neighbouring traces that become one; what is left over at the end of the line is not used.
    pad : int
        Columns added on each side: traces beyond `first` and `last` as far as there are some, then zeros.
    first, last : int
        Groups that are wanted; all where not given.
    threads : int
        As for `scan`.

    Returns
    -------
    data, live
        As for `scan`.
    """
    n = (real.shape[0] // group if last is None else last) - first
    data = tuple(np.zeros((real.shape[1], n + 2 * pad), np.float32) for _ in range(3))
    live = np.zeros(n + 2 * pad, np.float32)

    def work(begin: int, end: int) -> None:
        _pack_tiles(real, imaginary, keep, group, first - pad, begin, end, *data, live)

    share_out(work, (live.size + TILE - 1) // TILE, threads)
    return (data[0], data[1], data[2]), live

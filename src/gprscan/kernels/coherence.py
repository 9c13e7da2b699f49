"""Diffraction coherence: how well a line's traces agree along the travel-time curve of a buried point.

For an apex at trace ``x0`` and time ``t0`` and a velocity ``v`` the point lies at the effective depth
``z = sqrt((v t0 / 2)^2 - (s / 2)^2)`` and is seen at distance X along the line at

    t(X) = [sqrt((X - s/2)^2 + z^2) + sqrt((X + s/2)^2 + z^2)] / v

for a transmitter and a receiver a distance s apart (times counted from where the pulse enters the ground). The left and
the right leg are summed apart, so that one alone (a dipping layer, the tail of a neighbour) does not pass for a target.
Coherence is the semblance of Neidell and Taner (Geophysics 36, 1971, 482), written for the analytic signal.

The scan is the tap loop of migration: transposed traces, shifts and weights shared by all of a tile, whose sums stay in
registers while they walk along a curve. Curves are rounded to the sample: with `SAMPLES_PER_PERIOD` of them or more that
costs less than one percent of amplitude. The energies, a third of the work, are summed only where the legs of a tile add
up to an amplitude that is asked for: the coherence is at most one.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from gprscan.kernels.jit import inline, kernel, share_out, sum_kernel
from gprscan.kernels.lanes import WIDTH, fused, load, spread, store


@inline
def bistatic_time(x, t0, velocity, separation):  # type: ignore[no-untyped-def]
    """Two-way time (ns) at distance x (m) from an apex at time t0 (ns); NaN where t0 is too early for its pair."""
    half = 0.5 * separation
    z2 = 0.25 * velocity * velocity * t0 * t0 - half * half
    if z2 < 0.0:
        z2 = 0.0
    return (math.sqrt((x - half) ** 2 + z2) + math.sqrt((x + half) ** 2 + z2)) / velocity


SAMPLES_PER_PERIOD = 16  # that nearest-sample curves need: four times what the antenna's band does
TILE = 2 * WIDTH  # traces whose sums stay in registers
BLOCK = 64  # traces that are done together: their data stay in the caches
PLANES = 3  # of the data: real part, imaginary part, squared modulus
NEARLY = np.float32(0.999)  # of an amplitude that is asked for: what rounding may take


class Curves(NamedTuple):
    """Diffraction curves of some apex times and velocities.

    Attributes
    ----------
    shifts : ndarray of int16, shape (row, velocity, lateral)
        Sample at each lateral distance in traces.
    weights : ndarray of float32, shape (row, velocity, lateral)
        Taper.
    taps : ndarray of int32, shape (row, velocity)
        How many of them are used.
    full : ndarray of float32, shape (row, velocity)
        Sum of the weights.
    """

    shifts: np.ndarray
    weights: np.ndarray
    taps: np.ndarray
    full: np.ndarray


@kernel
def _curves(rows, t_first, dt, dx, velocities, separation, reaches, most, n_samples):  # type: ignore[no-untyped-def]
    shape = (rows.size, velocities.size)
    aperture_factor, max_aperture, min_reach = reaches
    shifts = np.zeros((shape[0], shape[1], most), np.int16)
    weights = np.zeros((shape[0], shape[1], most), np.float32)
    taps, full = np.zeros(shape, np.int32), np.zeros(shape, np.float32)
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
                full[r, iv] += weights[r, iv, m]
                taps[r, iv] = m + 1
    return shifts, weights, taps, full


def curves(
    rows: np.ndarray,
    t_first: float,
    dt: float,
    dx: float,
    velocities: np.ndarray,
    separation: float,
    reaches: tuple[float, float, float],
    most: int,
    n_samples: int,
) -> Curves:
    """Tabulate diffraction curves.

    Parameters
    ----------
    rows : ndarray of int, shape (row,)
        Sample indices of the apex times.
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
    most : int
        Traces that a leg may have.
    n_samples : int
        Samples per trace.
    """
    return Curves(*_curves(rows, t_first, dt, dx, velocities, separation, reaches, most, n_samples))


@inline
def _add_legs(data, stride, j, w, begin, end, start, sums):  # type: ignore[no-untyped-def]
    """Sum real and imaginary parts of both legs of a tile from trace `start` on."""
    nothing = spread(np.float32(0.0))
    left_re, left_im, right_re, right_im = nothing, nothing, nothing, nothing
    left_re2, left_im2, right_re2, right_im2 = nothing, nothing, nothing, nothing
    for k in range(begin, end):
        m = k - begin
        weight = spread(w[k])
        real = PLANES * np.int64(j[k]) * stride + start
        imaginary = real + stride
        left_re = fused(weight, load(data, real - m), left_re)
        left_re2 = fused(weight, load(data, real - m + WIDTH), left_re2)
        left_im = fused(weight, load(data, imaginary - m), left_im)
        left_im2 = fused(weight, load(data, imaginary - m + WIDTH), left_im2)
        right_re = fused(weight, load(data, real + m), right_re)
        right_re2 = fused(weight, load(data, real + m + WIDTH), right_re2)
        right_im = fused(weight, load(data, imaginary + m), right_im)
        right_im2 = fused(weight, load(data, imaginary + m + WIDTH), right_im2)
    store(sums, 0, left_re)
    store(sums, WIDTH, left_re2)
    store(sums, TILE, left_im)
    store(sums, TILE + WIDTH, left_im2)
    store(sums, 3 * TILE, right_re)
    store(sums, 3 * TILE + WIDTH, right_re2)
    store(sums, 4 * TILE, right_im)
    store(sums, 4 * TILE + WIDTH, right_im2)


@inline
def _add_energies(data, stride, j, w, begin, end, start, sums):  # type: ignore[no-untyped-def]
    """Sum the squared moduli of both legs of a tile."""
    nothing = spread(np.float32(0.0))
    left, left2, right, right2 = nothing, nothing, nothing, nothing
    for k in range(begin, end):
        m = k - begin
        weight = spread(w[k])
        energy = (PLANES * np.int64(j[k]) + 2) * stride + start
        left = fused(weight, load(data, energy - m), left)
        left2 = fused(weight, load(data, energy - m + WIDTH), left2)
        right = fused(weight, load(data, energy + m), right)
        right2 = fused(weight, load(data, energy + m + WIDTH), right2)
    store(sums, 2 * TILE, left)
    store(sums, 2 * TILE + WIDTH, left2)
    store(sums, 5 * TILE, right)
    store(sums, 5 * TILE + WIDTH, right2)


@inline
def _largest_cross(sums, n):  # type: ignore[no-untyped-def]
    """Largest product of the two legs in a tile."""
    lr, li, rr, ri = sums[0], sums[1], sums[3], sums[4]
    top = np.float32(0.0)
    for x in range(n):
        top = max(top, lr[x] * rr[x] + li[x] * ri[x])
    return top


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


@inline
def _is_whole(live, pad, first, n):  # type: ignore[no-untyped-def]
    """Are all traces there that a tile looks at?"""
    return live[first : first + n + 2 * pad].min() > 0.0


@sum_kernel
def _scan_tile(data, stride, live, start, whole, r, shifts, weights, shape, taps, full, least, flat, sums, folds, best):  # type: ignore[no-untyped-def]
    """Find the best velocity for one apex time and a tile of traces; the first is column `start`; see `scan`."""
    n = best.shape[1]
    best[:] = 0.0
    for iv in range(shape[0]):
        number = r * shape[0] + iv
        if taps[number] < 3:
            continue
        begin = number * shape[1]
        end = begin + taps[number]
        _add_legs(data, stride, shifts, weights, begin, end, start, flat)
        if whole and _largest_cross(sums, n) <= (NEARLY * least * full[number]) ** 2:
            continue
        _add_energies(data, stride, shifts, weights, begin, end, start, flat)
        folds[:] = full[number]
        if not whole:
            folds[:] = 0.0
            for k in range(begin, end):
                for x in range(n):
                    folds[0, x] += weights[k] * live[start + x - (k - begin)]
                    folds[1, x] += weights[k] * live[start + x + (k - begin)]
            _keep_one(sums, folds, full[number], n, np.float32(iv), best)
        _keep_both(sums, folds, np.float32(0.35) * full[number], n, np.float32(iv), best)


@kernel
def _scan_block(data, live, pad, shifts, weights, taps, full, first, last, least, out):  # type: ignore[no-untyped-def]
    """Scan the traces from `first` to `last` (left out); see `scan`."""
    stride, shape = data.shape[2], shifts.shape[1:]
    # what is passed on in one dimension is not counted as one more user of its memory at each row
    data, shifts, weights = data.reshape(-1), shifts.reshape(-1), weights.reshape(-1)
    rows, taps, full = taps.shape[0], taps.reshape(-1), full.reshape(-1)
    coherence, amplitude, velocity_index, side = out
    # not a constant: a loop of known length is unrolled before it could be vectorised
    width = min(TILE, stride)
    sums, folds, best = (
        np.empty((6, width), np.float32),
        np.empty((2, width), np.float32),
        np.empty((5, width), np.float32),
    )
    whole = np.empty(BLOCK // TILE, np.bool_)
    for tile in range(whole.size):
        begin = first + tile * width
        whole[tile] = begin < last and _is_whole(live, pad, begin, width)
    flat = sums.reshape(-1)
    for r in range(rows):
        for begin in range(first, last, width):
            _scan_tile(
                data, stride, live, pad + begin, whole[(begin - first) // width], r, shifts, weights, shape, taps, full,
                least, flat, sums, folds, best,
            )  # fmt: skip
            for x in range(min(width, last - begin)):
                amplitude[r, begin + x] = math.sqrt(best[1, x])
                coherence[r, begin + x] = math.sqrt(best[2, x])
                velocity_index[r, begin + x] = int(best[3, x])
                side[r, begin + x] = int(best[4, x])


@kernel
def _scan_blocks(data, live, pad, shifts, weights, taps, full, begin, end, least, out):  # type: ignore[no-untyped-def]
    """Scan some blocks in one call: between two, another thread that holds the interpreter's lock would be waited for."""
    for block in range(begin, end):
        first, last = block * BLOCK, min((block + 1) * BLOCK, out[0].shape[1])
        _scan_block(data, live, pad, shifts, weights, taps, full, first, last, least, out)


def scan(
    data: np.ndarray, live: np.ndarray, pad: int, table: Curves, *, least: float = 0.0, threads: int = 1
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Best diffraction coherence over velocity, for every trace and some apex times.

    Parameters
    ----------
    data : ndarray of float32, shape (sample, PLANES, pad + trace + pad + TILE)
        Real part, imaginary part and squared modulus of the analytic signal, transposed, zero outside of the line and
        in dead traces; see `pack`.
    live : ndarray of float32, shape (pad + trace + pad + TILE,)
        1 where a trace counts, 0 where it is dead or outside.
    pad : int
        Traces of padding on each side, no fewer than the curves reach.
    table : Curves
        Of the apex times.
    least : float
        Amplitude times the root of the coherence that is asked for. Where it is less, what is returned may belong to a
        velocity that is not the best, or be zero.
    threads : int
        On which the blocks are shared out.

    Returns
    -------
    coherence, amplitude : ndarray of float32, shape (row, trace)
        Coherence of the two legs (0 to 1) and their common amplitude.
    velocity_index, side : ndarray of int8, shape (row, trace)
        Index of the best velocity and the side used: 0 both, -1 left, 1 right leg only.
    """
    n = live.size - 2 * pad - TILE
    shape = (table.taps.shape[0], n)
    out = (np.empty(shape, np.float32), np.empty(shape, np.float32), np.empty(shape, np.int8), np.empty(shape, np.int8))

    def work(begin: int, end: int) -> None:
        _scan_blocks(data, live, pad, *table, begin, end, np.float32(least), out)

    share_out(work, (n + BLOCK - 1) // BLOCK, threads)
    return out


PACKED = 16  # traces that are transposed together: one cache line


@kernel
def _group_means(traces, keep, group, first, last, means, alive):  # type: ignore[no-untyped-def]
    """Average some groups; see `group_means`."""
    for g in range(first, last):
        fold, target = 0, means[g]
        target[:] = 0.0
        for i in range(g * group, (g + 1) * group):
            if keep[i]:
                fold += 1
                trace = traces[i]
                for k in range(target.size):
                    target[k] += trace[k]
        alive[g] = fold > 0
        scale = np.float32(1.0 / max(fold, 1))
        for k in range(target.size):
            target[k] *= scale


def group_means(traces: np.ndarray, keep: np.ndarray, group: int, *, threads: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Average groups of neighbouring traces; what is left over at the end of the line is not used.

    Parameters
    ----------
    traces : ndarray of float32, shape (trace, sample)
    keep : ndarray of bool, shape (trace,)
        Traces that count.
    group : int
        Traces that become one.
    threads : int
        As for `scan`.

    Returns
    -------
    ndarray of float32, shape (group, sample)
        Means; zero where no trace counts.
    ndarray of bool, shape (group,)
        Where one does.
    """
    n = traces.shape[0] // group
    means, alive = np.empty((n, traces.shape[1]), np.float32), np.empty(n, np.bool_)

    def work(first: int, last: int) -> None:
        _group_means(traces, keep, group, first, last, means, alive)

    share_out(work, n, threads)
    return means, alive


@kernel
def _pack_tiles(real, imaginary, alive, begin, first, last, data, live):  # type: ignore[no-untyped-def]
    """Pack some tiles; the first column of the outputs is the trace `begin`, which may not exist. See `pack`."""
    for tile in range(first, last):
        low = max(begin + tile * PACKED, 0)
        high = min(min(begin + (tile + 1) * PACKED, begin + live.size), real.shape[0])
        for g in range(low, high):
            live[g - begin] = 1.0 if alive[g] else 0.0
        for k in range(real.shape[1]):
            for g in range(low, high):
                x, y = live[g - begin] * real[g, k], live[g - begin] * imaginary[g, k]
                data[k, 0, g - begin] = x
                data[k, 1, g - begin] = y
                data[k, 2, g - begin] = x * x + y * y


def pack(
    real: np.ndarray,
    imaginary: np.ndarray,
    alive: np.ndarray,
    pad: int,
    first: int = 0,
    last: int | None = None,
    *,
    threads: int = 1,
) -> tuple[np.ndarray, np.ndarray]:
    """Transpose traces and pad them, as `scan` wants them.

    Parameters
    ----------
    real, imaginary : ndarray of float32, shape (trace, sample)
        Analytic signal.
    alive : ndarray of bool, shape (trace,)
        Traces that count.
    pad : int
        Columns added on each side: traces beyond `first` and `last` as far as there are some, then zeros.
    first, last : int
        Traces that are wanted; all where not given.
    threads : int
        As for `scan`.

    Returns
    -------
    data, live
        As for `scan`.
    """
    n = (real.shape[0] if last is None else last) - first
    # a tile may begin at the last trace
    live = np.zeros(n + 2 * pad + TILE, np.float32)
    data = np.zeros((real.shape[1], PLANES, live.size), np.float32)

    def work(begin: int, end: int) -> None:
        _pack_tiles(real, imaginary, alive, first - pad, begin, end, data, live)

    share_out(work, (live.size + PACKED - 1) // PACKED, threads)
    return data, live

"""Diffraction summation where the curves change along the line: v(x, z), hills.

In a block of neighbouring traces the time at a fixed lateral distance is a smooth function of the place. It is worked
out at five knots, and a polynomial of fourth degree runs through them. So the innermost loop still runs over traces, as
in `gprscan.kernels.kirchhoff`: a lane knows its shift from the polynomial, and interpolates between the rows of data
that the block needs, two of them where the curves hardly move, more where they do. No table outlives its image row.
"""

from __future__ import annotations

import math
from typing import Any

import numba
import numpy as np

from gprscan.kernels.jit import inline, kernel, parallel_sum_kernel, sum_kernel
from gprscan.kernels.traveltime import C_AIR, crossing_point

KNOTS = 5
ROWS_BEYOND = 32  # rows of zeros above and below the data: how far a curve may leave the record within a block


@inline
def _elevation(relief, spacing, x):  # type: ignore[no-untyped-def]
    """Return the elevation of the ground (m) at `x` m from the first trace, level beyond the ends."""
    position = min(max(x / spacing, 0.0), relief.size - 1.0)
    left = min(int(position), relief.size - 2)
    part = position - left
    return (1.0 - part) * relief[left] + part * relief[left + 1]


@inline
def _mean_slowness(ratio, lattice, i, place, entry):  # type: ignore[no-untyped-def]
    """Return time over distance (ns/m) from `entry` on the ground to depth number `i` below `place`."""
    start, gap, reach = lattice
    c = min(max((place - start) / gap, 0.0), ratio.shape[0] - 1.001)
    m = min(max((entry - place) / gap + reach, 0.0), ratio.shape[2] - 1.001)
    column, lag = int(c), int(m)
    right, up = c - column, m - lag
    left = (1.0 - up) * ratio[column, i, lag] + up * ratio[column, i, lag + 1]
    return (1.0 - right) * left + right * ((1.0 - up) * ratio[column + 1, i, lag] + up * ratio[column + 1, i, lag + 1])


@inline
def _leg(antenna, place, i, depth, height, ratio, lattice, relief, spacing):  # type: ignore[no-untyped-def]
    """Return one-way time and curvature from an antenna to depth number `i` below `place`.

    Below an air gap the crossing point is that of a uniform ground with the mean velocity of the leg: by Fermat's
    principle the time hardly depends on it.
    """
    base = _elevation(relief, spacing, place) - depth
    below = max(_elevation(relief, spacing, antenna) - base, 1e-3)
    entry = antenna
    in_air = 0.0
    if height > 0.0:
        u = crossing_point(abs(place - antenna), below, 1.0 / _mean_slowness(ratio, lattice, i, place, place), height)
        entry = antenna + math.copysign(u, place - antenna)
        below = max(_elevation(relief, spacing, entry) - base, 1e-3)
        in_air = math.sqrt(u * u + height * height)
    mean = _mean_slowness(ratio, lattice, i, place, entry)
    path = math.sqrt((place - entry) ** 2 + below * below)
    # straight rays with the mean velocity: smooth, as a weight has to be; air and ground add like springs in series
    curvature = mean * below * below / (path * path * path)
    if height > 0.0:
        of_air = height * height / (C_AIR * in_air**3)
        curvature = curvature * of_air / (curvature + of_air + 1e-30)
    return in_air / C_AIR + mean * path, curvature


@inline
def _pair(place, lateral, i, depth, scales, ratio, lattice, relief):  # type: ignore[no-untyped-def]
    """Return two-way time and curvature of the pair `lateral` m from `place`."""
    spacing, half, height = scales[0], scales[1], scales[2]
    t1, c1 = _leg(place + lateral - half, place, i, depth, height, ratio, lattice, relief, spacing)
    if half == 0.0:
        return 2.0 * t1, 2.0 * c1
    t2, c2 = _leg(place + lateral + half, place, i, depth, height, ratio, lattice, relief, spacing)
    return t1 + t2, c1 + c2


@kernel
def largest_bend(start, size, depths, widths, scales, ratio, lattice, relief):  # type: ignore[no-untyped-def]
    """Return by how much (ns) the times of a block stray from the polynomial through its knots, at a few points.

    Parameters
    ----------
    start, size : int
        First trace and number of traces of the block.
    depths, widths, scales, ratio, lattice, relief
        As in `section_sum`.
    """
    spacing = scales[0]
    worst = 0.0
    times = np.empty(2 * KNOTS - 1)
    for part in range(1, 5):
        i = (part * (depths.size - 1)) // 4
        for side in range(-2, 3):
            lateral = 0.5 * side * widths[i] * spacing
            for n in range(times.size):
                place = spacing * (start + 0.125 * n * size)
                times[n] = _pair(place, lateral, i, depths[i], scales, ratio, lattice, relief)[0]
            for n in range(1, times.size, 2):
                s = 0.5 * n - 2.0
                q0, q1, q2, q3, q4 = _polynomial(times[0], times[2], times[4], times[6], times[8])
                worst = max(worst, abs(q0 + s * (q1 + s * (q2 + s * (q3 + s * q4))) - times[n]))
    return worst


@inline
def _polynomial(t0, t1, t2, t3, t4):  # type: ignore[no-untyped-def]
    """Return the coefficients of the polynomial with these values at -2, -1, 0, 1 and 2."""
    return (
        t2,
        (t0 - 8.0 * t1 + 8.0 * t3 - t4) / 12.0,
        (16.0 * (t1 + t3) - t0 - t4 - 30.0 * t2) / 24.0,
        (t4 - t0 + 2.0 * (t1 - t3)) / 12.0,
        (t0 + t4 - 4.0 * (t1 + t3) + 6.0 * t2) / 24.0,
    )


@inline
def _ramp(value):  # type: ignore[no-untyped-def]
    return value if value > np.float32(0.0) else np.float32(0.0)


@sum_kernel
def _add_curve(data, here, stride, extra, q0, q1, q2, q3, q4, w0, w1, along, size, total):  # type: ignore[no-untyped-def]
    """Add one lateral distance to a block: linear interpolation, in time, between `extra` + 2 rows.

    With the shift u from the first row, the interpolated value is ``d0 + u (d1 - d0)`` plus the change of slope at each
    further row, ``max(u - r, 0) (d[r+1] - 2 d[r] + d[r-1])``. `along` runs from -2 to 2 over the block.
    """
    # positions are unsigned, so that no index can be negative and the compiler vectorises
    first, second = here, here + stride
    third, fourth = second + stride, second + stride + stride
    one, two = np.float32(1.0), np.float32(2.0)
    if extra == 0:
        for k in range(size):
            s = along[k]
            u = q0 + s * (q1 + s * (q2 + s * (q3 + s * q4)))
            a = data[first + k]
            total[k] += (w0 + s * w1) * (a + u * (data[second + k] - a))
    elif extra == 1:
        for k in range(size):
            s = along[k]
            u = q0 + s * (q1 + s * (q2 + s * (q3 + s * q4)))
            a, b = data[first + k], data[second + k]
            slope = b - a
            total[k] += (w0 + s * w1) * (a + u * slope + _ramp(u - one) * (data[third + k] - b - slope))
    else:
        for k in range(size):
            s = along[k]
            u = q0 + s * (q1 + s * (q2 + s * (q3 + s * q4)))
            a, b, c = data[first + k], data[second + k], data[third + k]
            slope, after = b - a, c - b
            bend = _ramp(u - one) * (after - slope) + _ramp(u - two) * (data[fourth + k] - c - after)
            total[k] += (w0 + s * w1) * (a + u * slope + bend)
        for row in range(3, extra + 1):
            third, fourth = fourth, fourth + stride
            second = third - stride
            from_row = np.float32(row)
            for k in range(size):
                s = along[k]
                u = q0 + s * (q1 + s * (q2 + s * (q3 + s * q4)))
                b = data[third + k]
                total[k] += (w0 + s * w1) * _ramp(u - from_row) * ((data[fourth + k] - b) - (b - data[second + k]))


@kernel
def _knots_in_air(start, size, i, depth, taps, scales, ratio, lattice, relief, times, bends):  # type: ignore[no-untyped-def]
    """Fill times (ns) and, at the ends, curvatures of the knots of a block, shape (side, knot or end, lateral)."""
    spacing = scales[0]
    for knot in range(KNOTS):
        place = spacing * (start + 0.25 * knot * size)
        for side in range(2):
            sign = 1.0 - 2.0 * side
            for j in range(taps):
                t, c = _pair(place, sign * spacing * j, i, depth, scales, ratio, lattice, relief)
                times[side, knot, j] = t
                if knot % 4 == 0:
                    bends[side, knot // 4, j] = c


@kernel
def _look(start, size, scales, ratio, lattice, relief, rise, lag, part, column, right):  # type: ignore[no-untyped-def]
    """Fill what the legs of a block need whatever the depth: rise of the ground, lag and column in the lattice."""
    spacing, half = scales[0], scales[1]
    lattice_start, gap, reach = lattice
    for knot in range(KNOTS):
        place = spacing * (start + 0.25 * knot * size)
        c = min(max((place - lattice_start) / gap, 0.0), ratio.shape[0] - 1.001)
        column[knot] = int(c)
        right[knot] = c - int(c)
        level = _elevation(relief, spacing, place)
        for side in range(2):
            for leg in range(2):
                for j in range(rise.shape[3]):
                    offset = (1.0 - 2.0 * side) * spacing * j + (2.0 * leg - 1.0) * half
                    rise[knot, side, leg, j] = _elevation(relief, spacing, place + offset) - level
                    m = min(max(offset / gap + reach, 0.0), ratio.shape[2] - 1.001)
                    lag[side, leg, j] = int(m)
                    part[side, leg, j] = m - int(m)


@sum_kernel
def _knots_on_ground(i, depth, taps, scales, ratio, rise, lag, part, column, right, mixed, mean, times, bends):  # type: ignore[no-untyped-def]
    """Do the same for antennas on the ground, in loops that the compiler vectorises."""
    spacing, half = np.float32(scales[0]), np.float32(scales[1])
    z, least = np.float32(depth), np.float32(1e-3)
    legs = 1 if scales[1] == 0.0 else 2
    again = np.float32(2.0 / legs)
    for knot in range(KNOTS):
        other = np.float32(right[knot])
        here, there = ratio[column[knot], i], ratio[column[knot] + 1, i]
        for m in range(mixed.size):
            mixed[m] = here[m] + other * (there[m] - here[m])
        for side in range(2):
            for leg in range(legs):
                lags, parts, rises = lag[side, leg], part[side, leg], rise[knot, side, leg]
                for j in range(taps):
                    low = mixed[lags[j]]
                    mean[j] = again * (low + parts[j] * (mixed[lags[j] + 1] - low))
                time, bend = times[side, knot], bends[side, knot // 4]
                shift = np.float32(2 * leg - 1) * half
                sign = np.float32(1 - 2 * side) * spacing
                if leg == 0:
                    time[:taps] = np.float32(0.0)
                    if knot % 4 == 0:
                        bend[:taps] = np.float32(0.0)
                for j in range(taps):
                    offset = sign * np.float32(j) + shift
                    below = rises[j] + z
                    below = below if below > least else least
                    square = offset * offset + below * below
                    time[j] += mean[j] * np.sqrt(square)
                if knot % 4 == 0:
                    for j in range(taps):
                        offset = sign * np.float32(j) + shift
                        below = rises[j] + z
                        below = below if below > least else least
                        square = offset * offset + below * below
                        # straight rays with the mean velocity: smooth, as a weight has to be
                        bend[j] += mean[j] * below * below / (square * np.sqrt(square))


@sum_kernel
def _curves(times, bends, taper, taps, scales, copies, n_samples, q, weights, base, extra):  # type: ignore[no-untyped-def]
    """Turn times at knots into polynomials (samples), weights, and first and number of the rows of data."""
    per, most = np.float32(scales[0] / math.sqrt(2.0 * math.pi)), np.float32(scales[5])
    rate, before = np.float32(1.0 / scales[3]), np.float32(scales[4] / scales[3])
    third, sixth = np.float32(1.0 / 12.0), np.float32(1.0 / 24.0)
    height = n_samples + 2 * ROWS_BEYOND
    for side in range(2):
        for j in range(taps):
            t0, t1, t2 = times[side, 0, j] * rate, times[side, 1, j] * rate, times[side, 2, j] * rate
            t3, t4 = times[side, 3, j] * rate, times[side, 4, j] * rate
            low = np.floor(min(min(t0, t1), min(min(t2, t3), t4)) - before)
            high = np.floor(max(max(t0, t1), max(max(t2, t3), t4)) - before)
            base[side, j] = np.int32(low)
            extra[side, j] = np.int32(high - low)
            q[0, side, j] = t2 - before - low
            q[1, side, j] = third * (t0 - t4 + np.float32(8.0) * (t3 - t1))
            q[2, side, j] = sixth * (np.float32(16.0) * (t1 + t3) - t0 - t4 - np.float32(30.0) * t2)
            q[3, side, j] = third * (t4 - t0 + np.float32(2.0) * (t1 - t3))
            q[4, side, j] = sixth * (t0 + t4 - np.float32(4.0) * (t1 + t3) + np.float32(6.0) * t2)
            w0 = taper[j] * min(per * np.sqrt(bends[side, 0, j]), most)
            w1 = taper[j] * min(per * np.sqrt(bends[side, 1, j]), most)
            weights[0, side, j] = np.float32(0.5) * (w0 + w1)
            weights[1, side, j] = np.float32(0.25) * (w1 - w0)
        for j in range(taps):
            row = base[side, j]
            if row < -ROWS_BEYOND or row >= n_samples:
                weights[0, side, j] = 0.0
                continue
            extra[side, j] = min(extra[side, j], n_samples + ROWS_BEYOND - 2 - row)
            base[side, j] = row + ROWS_BEYOND
            if copies > 1:
                # the change of the shift from trace to trace, in samples, says how far the operator aliases
                near, far = max(j - 1, 0), min(j + 1, taps - 1)
                change = rate * abs(times[side, 2, far] - times[side, 2, near]) / max(far - near, 1)
                copy, limit = 0, math.sqrt(2.0)
                while copy < copies - 1 and change >= limit:
                    copy += 1
                    limit *= math.sqrt(2.0)
                base[side, j] += copy * height


@sum_kernel
def _sum_block(  # type: ignore[no-untyped-def]
    data, stride, origin, start, size, depths, widths, taper, scales, ratio, lattice, relief, copies, n_samples, image,
    to,
):  # fmt: skip
    """Fill the columns of one block of the image, from `to` on."""
    n_lateral = taper.shape[1]
    times = np.empty((2, KNOTS, n_lateral), np.float32)
    bends, weights = np.empty((2, 2, n_lateral), np.float32), np.empty((2, 2, n_lateral), np.float32)
    q = np.empty((KNOTS, 2, n_lateral), np.float32)
    base, extra = np.empty((2, n_lateral), np.int32), np.empty((2, n_lateral), np.int32)
    rise = np.empty((KNOTS, 2, 2, n_lateral), np.float32)
    lag, part = np.empty((2, 2, n_lateral), np.int32), np.empty((2, 2, n_lateral), np.float32)
    column, right = np.empty(KNOTS, np.int64), np.empty(KNOTS)
    mixed, mean = np.empty(ratio.shape[2], np.float32), np.empty(n_lateral, np.float32)
    along, total = np.empty(size, np.float32), np.empty(size, np.float32)
    for k in range(size):
        along[k] = 4.0 * k / size - 2.0
    _look(start, size, scales, ratio, lattice, relief, rise, lag, part, column, right)
    for i in range(depths.size):
        taps = min(int(widths[i]) + 2, n_lateral)
        if scales[2] > 0.0:
            _knots_in_air(start, size, i, depths[i], taps, scales, ratio, lattice, relief, times, bends)
        else:
            _knots_on_ground(
                i, depths[i], taps, scales, ratio, rise, lag, part, column, right, mixed, mean, times, bends
            )
        _curves(times, bends, taper[i], taps, scales, copies, n_samples, q, weights, base, extra)
        total[:] = 0.0
        for side in range(2):
            for j in range(side, taps):
                if weights[0, side, j] > 0.0:
                    here = np.uint64(np.int64(base[side, j]) * stride + origin + start + (1 - 2 * side) * j)
                    _add_curve(
                        data, here, np.uint64(stride), extra[side, j], q[0, side, j], q[1, side, j], q[2, side, j],
                        q[3, side, j], q[4, side, j], weights[0, side, j], weights[1, side, j], along,
                        np.uint64(size), total,
                    )  # fmt: skip
        for k in range(size):
            image[i, to + k] = total[k]


@sum_kernel
def section_sum_serial(  # type: ignore[no-untyped-def]
    data, origin, starts, sizes, depths, widths, taper, scales, ratio, lattice, relief, copies, n_samples, image
):
    """Fill `image` on one thread; see `section_sum`."""
    flat = data.reshape(-1)
    for block in range(starts.size):
        _sum_block(
            flat, data.shape[1], origin, starts[block], sizes[block], depths, widths, taper, scales, ratio, lattice,
            relief, copies, n_samples, image, starts[block] - starts[0],
        )  # fmt: skip


@parallel_sum_kernel
def section_sum_parallel(  # type: ignore[no-untyped-def]
    data, origin, starts, sizes, depths, widths, taper, scales, ratio, lattice, relief, copies, n_samples, image
):
    """Fill `image` on several threads; see `section_sum`."""
    flat = data.reshape(-1)
    for block in numba.prange(starts.size):
        _sum_block(
            flat, data.shape[1], origin, starts[block], sizes[block], depths, widths, taper, scales, ratio, lattice,
            relief, copies, n_samples, image, starts[block] - starts[0],
        )  # fmt: skip


def section_sum(
    data: np.ndarray,
    origin: int,
    starts: np.ndarray,
    sizes: np.ndarray,
    depths: np.ndarray,
    widths: np.ndarray,
    taper: np.ndarray,
    scales: tuple[float, ...],
    ratio: np.ndarray,
    lattice: tuple[float, float, int],
    relief: np.ndarray,
    copies: int,
    n_samples: int,
    *,
    threads: int = 1,
) -> np.ndarray:
    """Sum traces along diffraction curves that change along the line.

    Parameters
    ----------
    data : ndarray of float32, shape (copy x (ROWS_BEYOND + sample + ROWS_BEYOND), column)
        Transposed traces, with rows of zeros above and below each low-pass copy.
    origin : int
        Column of the first trace; all that the blocks look at must lie within the columns.
    starts, sizes : ndarray of int64, shape (block,)
        First trace and number of traces of the blocks, one behind the other; sizes are multiples of four.
    depths : ndarray of float64, shape (depth,)
        m.
    widths : ndarray of float64, shape (depth,)
        Half-width of the aperture in traces, not rounded.
    taper : ndarray of float32, shape (depth, lateral)
        Weight of each lateral distance (in traces).
    scales : tuple of float
        Trace spacing, half the separation, antenna height (m), sampling interval, first time of the data (ns), and the
        largest weight of a trace.
    ratio : ndarray of float32, shape (column, depth, lag)
        Time over distance (ns/m) from places on the ground to points below others; at least two columns.
    lattice : tuple
        Place of the first column, distance of the columns and of the lags (m), and the number of the lag 0.
    relief : ndarray of float64, shape (trace,)
        Elevation of the ground below each trace, m; at least two.
    copies : int
        Low-pass copies of the data, half an octave apart; 1 switches the anti-alias filter off.
    n_samples : int
        Samples per trace and copy.
    threads : int
        1 for the serial kernel.

    Returns
    -------
    ndarray of float32, shape (depth, trace)
        Traces from ``starts[0]`` on.
    """
    image = np.empty((depths.size, int(sizes.sum())), np.float32)
    run: Any = section_sum_parallel if threads > 1 else section_sum_serial
    run(
        data, origin, starts, sizes, depths, widths, taper, scales, ratio, lattice, relief, copies, n_samples, image
    )  # fmt: skip
    return image

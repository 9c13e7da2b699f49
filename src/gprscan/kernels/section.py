"""Diffraction summation where the curves change along the line: v(x, z), hills.

Along the line the time at a fixed lateral distance is a smooth function of the place: it is worked out at knots, as far
apart as straight lines between them follow it, and no table outlives its image row. The innermost loop still runs over
traces, as in `gprscan.kernels.kirchhoff`, a vector at a time: each vector knows the row of data where its curve starts, and
interpolates between that and the next, or more where the curve climbs.
"""

from __future__ import annotations

import math
from typing import Any

import numba
import numpy as np

from gprscan.kernels.jit import inline, kernel, parallel_sum_kernel, sum_kernel
from gprscan.kernels.lanes import WIDTH, fused, load, ramp, spread, store, subtract
from gprscan.kernels.traveltime import C_AIR, crossing_point

ROWS_BEYOND = 32  # rows of zeros above and below the data: how far a curve may leave the record within a part
PART = 2 * WIDTH  # traces that share the first row of data of a curve


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
def largest_bend(start, block, size, depths, widths, scales, ratio, lattice, relief):  # type: ignore[no-untyped-def]
    """Return by how much (ns) the times of a block stray from straight lines between its knots, at a few points.

    Parameters
    ----------
    start, block, size : int
        First trace and number of traces of the block, and traces from knot to knot.
    depths, widths, scales, ratio, lattice, relief
        As in `section_sum`.
    """
    spacing = scales[0]
    worst = 0.0
    for part in range(1, 5):
        i = (part * (depths.size - 1)) // 4
        for side in range(-2, 3):
            lateral = 0.5 * side * widths[i] * spacing
            before = _pair(spacing * start, lateral, i, depths[i], scales, ratio, lattice, relief)[0]
            for first in range(start, start + block, size):
                after = _pair(spacing * (first + size), lateral, i, depths[i], scales, ratio, lattice, relief)[0]
                for n in range(1, size, max(size // 8, 1)):
                    here = _pair(spacing * (first + n), lateral, i, depths[i], scales, ratio, lattice, relief)[0]
                    worst = max(worst, abs(here - before - (after - before) * n / size))
                before = after
    return worst


@sum_kernel
def _straight(data, at, stride, u):  # type: ignore[no-untyped-def]
    """Interpolate between two rows of data, at the shifts u from the first."""
    a = load(data, at)
    return fused(u, subtract(load(data, at + stride), a), a)


@sum_kernel
def _bent(data, at, stride, u, beyond):  # type: ignore[no-untyped-def]
    """Interpolate between `beyond` + 2 rows of data, at the shifts u from the first.

    The interpolated value is ``d0 + u (d1 - d0)`` plus the change of slope at each further row,
    ``max(u - r, 0) (d[r+1] - 2 d[r] + d[r-1])``.
    """
    a, b = load(data, at), load(data, at + stride)
    slope = subtract(b, a)
    value = fused(u, slope, a)
    for n in range(1, beyond + 1):
        c = load(data, at + (n + 1) * stride)
        after = subtract(c, b)
        value = fused(ramp(subtract(u, spread(np.float32(n)))), subtract(after, slope), value)
        b, slope = c, after
    return value


@sum_kernel
def _add_curves(  # type: ignore[no-untyped-def]
    data, origin, stride, last_row, base, row, shift, climb, rise, weight, growth, leaves, taper, side, taps, size, numbers,
    mask, total,
):  # fmt: skip
    """Add one side of the curves of an image row to a block, part by part."""
    lane, behind = load(numbers, 0), load(numbers, WIDTH)
    for j in range(side, taps):
        if taper[j] == 0.0:
            continue
        here = base[j] * stride + origin + (1 - 2 * side) * j
        if size < PART or leaves[j]:
            _add_steep_curve(
                data, here, stride, last_row, row, shift, rise, weight, growth, j, size, numbers, mask, total
            )
            continue
        for knot in range(rise.shape[0]):
            up, grow = spread(rise[knot, j]), spread(growth[knot, j])
            for part in range(knot * size // PART, (knot + 1) * size // PART):
                first = part * PART
                at = here + row[part, j] * stride + first
                start = spread(shift[part, j])
                least = spread(weight[knot, j] + np.float32(first - knot * size) * growth[knot, j])
                u, v = fused(lane, up, start), fused(behind, up, start)
                beyond = climb[part, j]
                if beyond == 0:
                    one, two = _straight(data, at, stride, u), _straight(data, at + WIDTH, stride, v)
                else:
                    one, two = _bent(data, at, stride, u, beyond), _bent(data, at + WIDTH, stride, v, beyond)
                store(total, first, fused(fused(lane, grow, least), one, load(total, first)))
                first += WIDTH
                store(total, first, fused(fused(behind, grow, least), two, load(total, first)))


@sum_kernel
def _add_steep_curve(  # type: ignore[no-untyped-def]
    data, here, stride, last_row, row, shift, rise, weight, growth, j, size, numbers, mask, total
):
    """Do the same where parts are short, or leave the record."""
    nothing, step = spread(np.float32(0.0)), min(size, PART)
    for part in range(row.shape[0]):
        first, knot = part * step, part * step // size
        begin, up = shift[part, j], rise[knot, j]
        least = spread(weight[knot, j] + np.float32(first - knot * size) * growth[knot, j])
        beyond = np.int64(np.floor(max(begin, begin + np.float32(step - 1) * up)))
        line = np.int64(row[part, j])
        if line < -ROWS_BEYOND or line >= last_row:
            continue
        beyond = min(beyond, last_row + ROWS_BEYOND - 2 - line)
        for half in range(0, step, WIDTH):
            lane, at = load(numbers, half), here + line * stride + first + half
            value = _bent(data, at, stride, fused(lane, spread(up), spread(begin)), beyond)
            full = fused(lane, spread(growth[knot, j]), least)
            chosen = fused(full, load(mask, half), nothing)
            store(total, first + half, fused(chosen, value, load(total, first + half)))


@sum_kernel
def _spread_curves(  # type: ignore[no-untyped-def]
    data, origin, stride, last_row, base, row, shift, climb, rise, weight, growth, taper, side, taps, size, numbers, mask,
    total,
):  # fmt: skip
    """Add an image row of a block to the data, along one side of its curves: the adjoint of `_add_curves`.

    What a row of data gives to an interpolated value is a triangle of the distance from it, ``max(1 - |u - r|, 0)``.
    """
    one, nothing, step = spread(np.float32(1.0)), spread(np.float32(0.0)), min(size, PART)
    for j in range(side, taps):
        if taper[j] == 0.0:
            continue
        here = base[j] * stride + origin + (1 - 2 * side) * j
        for part in range(row.shape[0]):
            first, line, knot = part * step, np.int64(row[part, j]), part * step // size
            if line < -ROWS_BEYOND or line >= last_row:
                continue
            least = spread(weight[knot, j] + np.float32(first - knot * size) * growth[knot, j])
            beyond = min(np.int64(climb[part, j]), last_row + ROWS_BEYOND - 2 - line)
            for half in range(0, step, WIDTH):
                lane, at = load(numbers, half), here + line * stride + first + half
                u = fused(lane, spread(rise[knot, j]), spread(shift[part, j]))
                full = fused(lane, spread(growth[knot, j]), least)
                value = fused(fused(full, load(mask, half), nothing), load(total, first + half), nothing)
                for n in range(beyond + 2):
                    away = subtract(u, spread(np.float32(n)))
                    share = ramp(subtract(one, fused(spread(np.float32(2.0)), ramp(away), subtract(nothing, away))))
                    store(data, at + n * stride, fused(share, value, load(data, at + n * stride)))


@kernel
def _knots_in_air(start, size, i, depth, taps, scales, ratio, lattice, relief, times, bends):  # type: ignore[no-untyped-def]
    """Fill times (ns) and curvatures at the knots of a block, shape (side, knot, lateral)."""
    spacing = scales[0]
    for knot in range(times.shape[1]):
        place = spacing * (start + knot * size)
        for side in range(2):
            sign = 1.0 - 2.0 * side
            for j in range(taps):
                t, c = _pair(place, sign * spacing * j, i, depth, scales, ratio, lattice, relief)
                times[side, knot, j] = t
                bends[side, knot, j] = c


@kernel
def _look(start, size, scales, ratio, lattice, relief, rise, lag, part, column, right):  # type: ignore[no-untyped-def]
    """Fill what the legs of a block need whatever the depth: rise of the ground, lag and column in the lattice."""
    spacing, half = scales[0], scales[1]
    lattice_start, gap, reach = lattice
    for knot in range(column.size):
        place = spacing * (start + knot * size)
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
    for knot in range(times.shape[1]):
        other = np.float32(right[knot])
        # below hills of one ground the slowness is the same at every knot
        moved = knot == 0 or column[knot] != column[knot - 1] or right[knot] != right[knot - 1]
        if moved:
            here, there = ratio[column[knot], i], ratio[column[knot] + 1, i]
            for m in range(mixed.size):
                mixed[m] = here[m] + other * (there[m] - here[m])
        for side in range(2):
            for leg in range(legs):
                lags, parts, rises, slowness = lag[side, leg], part[side, leg], rise[knot, side, leg], mean[side, leg]
                if moved:
                    for j in range(taps):
                        low = mixed[lags[j]]
                        slowness[j] = again * (low + parts[j] * (mixed[lags[j] + 1] - low))
                time, bend = times[side, knot], bends[side, knot]
                shift = np.float32(2 * leg - 1) * half
                sign = np.float32(1 - 2 * side) * spacing
                if leg == 0:
                    time[:taps] = np.float32(0.0)
                    bend[:taps] = np.float32(0.0)
                for j in range(taps):
                    offset = sign * np.float32(j) + shift
                    below = rises[j] + z
                    below = below if below > least else least
                    square = offset * offset + below * below
                    path = np.sqrt(square)
                    time[j] += slowness[j] * path
                    # straight rays with the mean velocity: smooth, as a weight has to be
                    bend[j] += slowness[j] * below * below / (square * path)


@sum_kernel
def _weigh(times, bends, taper, taps, scales, copies, n_samples, base):  # type: ignore[no-untyped-def]
    """Turn times at knots into positions (samples) and curvatures into weights, and choose the copies of the data."""
    per, most = np.float32(scales[0] / math.sqrt(2.0 * math.pi)), np.float32(scales[5])
    rate, before = np.float32(1.0 / scales[3]), np.float32(scales[4] / scales[3])
    middle = times.shape[1] // 2
    for side in range(2):
        for knot in range(times.shape[1]):
            for j in range(taps):
                times[side, knot, j] = times[side, knot, j] * rate - before
                bends[side, knot, j] = taper[j] * min(per * np.sqrt(bends[side, knot, j]), most)
        base[side, :taps] = ROWS_BEYOND
        if copies > 1:
            for j in range(taps):
                # the change of the shift from trace to trace, in samples, says how far the operator aliases
                near, far = max(j - 1, 0), min(j + 1, taps - 1)
                change = abs(times[side, middle, far] - times[side, middle, near]) / max(far - near, 1)
                copy, limit = 0, math.sqrt(2.0)
                while copy < copies - 1 and change >= limit:
                    copy += 1
                    limit *= math.sqrt(2.0)
                base[side, j] += copy * (n_samples + 2 * ROWS_BEYOND)


@sum_kernel
def _divide(times, weights, taps, size, step, n_samples, row, shift, climb, rise, growth, leaves):  # type: ignore[no-untyped-def]
    """Fill the growth of times and weights from trace to trace behind each knot; for each part of a block the first row of
    its curves, the shift from there and how many rows it climbs; and which curves leave the record, shape (side, lateral).
    """
    lowest, highest = np.float32(-ROWS_BEYOND), np.float32(n_samples + ROWS_BEYOND - 3)
    per, across = np.float32(1.0) / np.float32(size), np.float32(step - 1)
    for side in range(2):
        for knot in range(rise.shape[1]):
            for j in range(taps):
                rise[side, knot, j] = (times[side, knot + 1, j] - times[side, knot, j]) * per
                growth[side, knot, j] = (weights[side, knot + 1, j] - weights[side, knot, j]) * per
        gone = leaves[side]
        gone[:taps] = 0
        for part in range(row.shape[1]):
            knot = part * step // size
            along, before, ups = np.float32(part * step - knot * size), times[side, knot], rise[side, knot]
            rows, shifts, climbs = row[side, part], shift[side, part], climb[side, part]
            for j in range(taps):
                begin = before[j] + along * ups[j]
                end = begin + across * ups[j]
                low, high = np.floor(min(begin, end)), np.floor(max(begin, end))
                rows[j] = np.int32(low)
                shifts[j] = begin - low
                climbs[j] = np.int32(high - low)
                gone[j] |= np.int32(low < lowest) | np.int32(high > highest)


@sum_kernel
def _sum_block(  # type: ignore[no-untyped-def]
    data, stride, origin, start, block, size, depths, widths, taper, scales, ratio, lattice, relief, copies, n_samples,
    image, to, back,
):  # fmt: skip
    """Fill the columns of one block of the image, from `to` on; or, `back`, add what they send to the data."""
    n_lateral, knots, step = taper.shape[1], block // size + 1, min(size, PART)
    times = np.empty((2, knots, n_lateral), np.float32)
    bends = np.empty((2, knots, n_lateral), np.float32)
    base = np.empty((2, n_lateral), np.int64)
    over = np.empty((knots, 2, 2, n_lateral), np.float32)
    lag, part = np.empty((2, 2, n_lateral), np.int32), np.empty((2, 2, n_lateral), np.float32)
    column, right = np.empty(knots, np.int64), np.empty(knots)
    mixed, mean = np.empty(ratio.shape[2], np.float32), np.empty((2, 2, n_lateral), np.float32)
    row, leaves = np.empty((2, block // step, n_lateral), np.int32), np.empty((2, n_lateral), np.int32)
    climb = np.empty(row.shape, np.int32)
    shift = np.empty(row.shape, np.float32)
    rise, growth = np.empty((2, knots - 1, n_lateral), np.float32), np.empty((2, knots - 1, n_lateral), np.float32)
    numbers, mask = np.arange(PART).astype(np.float32), np.zeros(PART, np.float32)
    mask[:step] = 1.0
    total = np.empty(block + PART, np.float32)
    _look(start, size, scales, ratio, lattice, relief, over, lag, part, column, right)
    for i in range(depths.size):
        taps = min(int(widths[i]) + 2, n_lateral)
        if scales[2] > 0.0:
            _knots_in_air(start, size, i, depths[i], taps, scales, ratio, lattice, relief, times, bends)
        else:
            _knots_on_ground(
                i, depths[i], taps, scales, ratio, over, lag, part, column, right, mixed, mean, times, bends
            )
        _weigh(times, bends, taper[i], taps, scales, copies, n_samples, base)
        _divide(times, bends, taps, size, step, n_samples, row, shift, climb, rise, growth, leaves)
        total[:] = 0.0
        if back:
            for k in range(block):
                total[k] = image[i, to + k]
        for side in range(2):
            if back:
                _spread_curves(
                    data, origin + start, stride, n_samples, base[side], row[side], shift[side], climb[side], rise[side],
                    bends[side], growth[side], taper[i], side, taps, size, numbers, mask, total,
                )  # fmt: skip
            else:
                _add_curves(
                    data, origin + start, stride, n_samples, base[side], row[side], shift[side], climb[side], rise[side],
                    bends[side], growth[side], leaves[side], taper[i], side, taps, size, numbers, mask, total,
                )  # fmt: skip
        if not back:
            for k in range(block):
                image[i, to + k] = total[k]


@sum_kernel
def section_sum_serial(  # type: ignore[no-untyped-def]
    data, origin, start, block, sizes, depths, widths, taper, scales, ratio, lattice, relief, copies, n_samples, image
):
    """Fill `image` on one thread; see `section_sum`."""
    flat = data.reshape(-1)
    for number in range(sizes.size):
        _sum_block(
            flat, data.shape[1], origin, start + number * block, block, sizes[number], depths, widths, taper, scales,
            ratio, lattice, relief, copies, n_samples, image, number * block, False,
        )  # fmt: skip


@sum_kernel
def section_spread(  # type: ignore[no-untyped-def]
    data, origin, start, block, sizes, depths, widths, taper, scales, ratio, lattice, relief, copies, n_samples, image
):
    """Add to `data` what `image` sends along its curves, on one thread: the exact adjoint of `section_sum`."""
    flat = data.reshape(-1)
    for number in range(sizes.size):
        _sum_block(
            flat, data.shape[1], origin, start + number * block, block, sizes[number], depths, widths, taper, scales,
            ratio, lattice, relief, copies, n_samples, image, number * block, True,
        )  # fmt: skip


@parallel_sum_kernel
def section_sum_parallel(  # type: ignore[no-untyped-def]
    data, origin, start, block, sizes, depths, widths, taper, scales, ratio, lattice, relief, copies, n_samples, image
):
    """Fill `image` on several threads; see `section_sum`."""
    flat = data.reshape(-1)
    for number in numba.prange(sizes.size):
        _sum_block(
            flat, data.shape[1], origin, start + number * block, block, sizes[number], depths, widths, taper, scales,
            ratio, lattice, relief, copies, n_samples, image, number * block, False,
        )  # fmt: skip


def section_sum(
    data: np.ndarray,
    origin: int,
    start: int,
    block: int,
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
    start, block : int
        First trace, and traces of a block, a multiple of `gprscan.kernels.lanes.WIDTH`.
    sizes : ndarray of int64, shape (number of blocks,)
        Traces from knot to knot in each block: powers of two.
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
        Traces from `start` on.
    """
    image = np.empty((depths.size, block * sizes.size), np.float32)
    run: Any = section_sum_parallel if threads > 1 else section_sum_serial
    run(
        data, origin, start, block, sizes, depths, widths, taper, scales, ratio, lattice, relief, copies, n_samples,
        image,
    )  # fmt: skip
    return image

"""Diffraction summation where the curves change along the line: v(x, z), hills.

Along the line the time at a fixed lateral distance is a smooth function of the place: it is worked out at knots, as far
apart as straight lines between them follow it, and no table outlives its image row. The innermost loop still runs over
traces, as in `gprscan.kernels.kirchhoff`: as many as the slope of the curve allows share two rows of data, and no branch
depends on where a curve passes from one row to the next.
"""

from __future__ import annotations

import math

import numpy as np

from gprscan.kernels.jit import inline, kernel, share_out, sum_kernel
from gprscan.kernels.lanes import WIDTH, add, fused, load, ramp, spread, store, subtract
from gprscan.kernels.traveltime import C_AIR, crossing_point

ROWS_BEYOND = 32  # rows of zeros above and below the data: how far a curve may leave the record within a vector


@inline
def _elevation(relief, spacing, x):  # type: ignore[no-untyped-def]
    """Return the elevation of the ground (m) at `x` m from the first trace.

    Beyond the ends it goes on as the ground before them, turned about its last point: with a kink there, the knots of the
    last block would have to lie close together.
    """
    last = relief.size - 1.0
    position = x / spacing
    end = min(max(position, 0.0), last)
    mirrored = min(max(2.0 * end - position, 0.0), last)
    left = min(int(mirrored), relief.size - 2)
    part = mirrored - left
    inside = (1.0 - part) * relief[left] + part * relief[left + 1]
    return inside if position == end else 2.0 * relief[int(end)] - inside


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


@inline
def _together(begin, up, size, rows):  # type: ignore[no-untyped-def]
    """Return how many traces of a curve may share two rows of data, between two knots; 0: not so many as a vector has.

    The rows are those around the middle of these traces, and the curve climbs by a row among them at most: the first and
    the last are extrapolated by up to half a row. The error of interpolation, ``u (1 - u) / 2`` times the second difference, is
    then 0.107 of that in the root mean square, against 0.091 with the nearest rows for every trace.
    """
    end, slope = begin + np.float32(size) * up, abs(up)
    if min(begin, end) < np.float32(0.0) or max(begin, end) >= np.float32(rows - 1):
        return 0
    if np.float32(4 * WIDTH) * slope <= np.float32(1.0) and size >= 4 * WIDTH:
        return 4 * WIDTH
    if np.float32(2 * WIDTH) * slope <= np.float32(1.0) and size >= 2 * WIDTH:
        return 2 * WIDTH
    if np.float32(WIDTH) * slope <= np.float32(1.0) and size >= WIDTH:
        return WIDTH
    return 0


@inline
def _row(begin, up, past, together):  # type: ignore[no-untyped-def]
    """Return the first row of some traces of a curve, and the shift of the first trace from there."""
    start = begin + past * up
    line = np.int64(start + np.float32(0.5 * (together - 1)) * up)
    return line, start - np.float32(line)


@inline
def _add(data, at, stride, u, weight, first, total):  # type: ignore[no-untyped-def]
    """Add a vector interpolated between two rows of data."""
    a = load(data, at)
    value = fused(u, subtract(load(data, at + stride), a), a)
    store(total, first, fused(weight, value, load(total, first)))


@sum_kernel
def _add_level_curves(  # type: ignore[no-untyped-def]
    data, origin, stride, rows, base, place, rise, weight, growth, taper, side, taps, size, numbers, total
):
    """Add one side of the curves of an image row to a block, where many traces share two rows of data.

    Returns whether there are others.
    """
    lane, others = load(numbers, 0), False
    for knot in range(rise.shape[0]):
        for j in range(side, taps):
            begin, up = place[knot, j], rise[knot, j]
            together = _together(begin, up, size, rows)
            if together == 0 or taper[j] == 0.0:
                others |= taper[j] != 0.0
                continue
            here = base[j] * stride + origin + (1 - 2 * side) * j
            least, grow = weight[knot, j], growth[knot, j]
            rate, ahead, middle = spread(up), spread(np.float32(WIDTH) * up), np.float32(0.5 * (together - 1))
            for n in range(0, size, together):
                past, first = np.float32(n), knot * size + n
                line, shift = _row(begin, up, past, together)
                at, full = here + line * stride + first, spread(least + (past + middle) * grow)
                u = fused(lane, rate, spread(shift))
                _add(data, at, stride, u, full, first, total)
                if together > WIDTH:
                    u = add(u, ahead)
                    _add(data, at + WIDTH, stride, u, full, first + WIDTH, total)
                if together > 2 * WIDTH:
                    u = add(u, ahead)
                    _add(data, at + 2 * WIDTH, stride, u, full, first + 2 * WIDTH, total)
                    u = add(u, ahead)
                    _add(data, at + 3 * WIDTH, stride, u, full, first + 3 * WIDTH, total)
    return others


@sum_kernel
def _send_level_curves(  # type: ignore[no-untyped-def]
    data, origin, stride, rows, base, place, rise, weight, growth, taper, side, taps, size, numbers, total
):
    """Add to the two rows of data what a block sends along such curves: the adjoint of `_add_level_curves`."""
    lane, nothing = load(numbers, 0), spread(np.float32(0.0))
    for knot in range(rise.shape[0]):
        for j in range(side, taps):
            begin, up, least, grow = place[knot, j], rise[knot, j], weight[knot, j], growth[knot, j]
            together = _together(begin, up, size, rows)
            if together == 0 or taper[j] == 0.0:
                continue
            here, middle = base[j] * stride + origin + (1 - 2 * side) * j, np.float32(0.5 * (together - 1))
            for n in range(0, size, together):
                line, shift = _row(begin, up, np.float32(n), together)
                full = spread(least + (np.float32(n) + middle) * grow)
                for m in range(0, together, WIDTH):
                    first = knot * size + n + m
                    at, sent = here + line * stride + first, fused(full, load(total, first), nothing)
                    late = fused(fused(lane, spread(up), spread(shift + np.float32(m) * up)), sent, nothing)
                    store(data, at, add(load(data, at), subtract(sent, late)))
                    store(data, at + stride, add(load(data, at + stride), late))


@inline
def _rows_of(low, high, rows):  # type: ignore[no-untyped-def]
    """Return the first row that a vector between two rows needs, and how many beyond the next; 0 outside the data.

    There is always one beyond: where a curve passes from a row to the next must not decide a branch.
    """
    line = np.int64(np.floor(low))
    if line < 0 or line > rows - 3:
        return line, np.int64(0)
    return line, min(max(np.int64(high) - line, 1), rows - 2 - line)


@sum_kernel
def _follow_steep_curves(  # type: ignore[no-untyped-def]
    data, origin, stride, rows, base, place, rise, weight, growth, taper, side, taps, size, back, numbers, room, total
):
    """Add the other curves to a block, vector by vector; or, `back`, what the block sends along them to the data.

    With u counted from the first row of a vector, the interpolated value is ``d0 + u (d1 - d0)`` plus the change of slope at
    each further row, ``max(u - r, 0) (d[r+1] - 2 d[r] + d[r-1])``; what a row of data gives to it, and takes from the block
    in the adjoint, is a triangle of the distance from it, ``max(1 - |u - r|, 0)``.
    """
    lane, one, two, nothing = (
        load(numbers, 0),
        spread(np.float32(1.0)),
        spread(np.float32(2.0)),
        spread(np.float32(0.0)),
    )
    wide = max(size, WIDTH)
    for j in range(side, taps):
        if taper[j] == 0.0:
            continue
        here = base[j] * stride + origin + (1 - 2 * side) * j
        for segment in range(total.size // wide):
            knot = segment * wide // size
            begin, up, least, grow = place[knot, j], rise[knot, j], weight[knot, j], growth[knot, j]
            if size >= WIDTH and _together(begin, up, size, rows) > 0:
                continue
            for first in range(segment * wide, (segment + 1) * wide, WIDTH):
                if size >= WIDTH:
                    past = np.float32(first - segment * wide)
                    low, high = begin + past * up, begin + (past + np.float32(WIDTH - 1)) * up
                    low, high = min(low, high), max(low, high)
                    places = fused(lane, spread(up), spread(begin + past * up))
                    full = fused(lane, spread(grow), spread(least + past * grow))
                else:  # every trace has its own time
                    low, high = np.float32(rows), np.float32(-1.0)
                    for n in range(WIDTH):
                        knot = (first + n) // size
                        past = np.float32(first + n - knot * size)
                        room[n] = place[knot, j] + past * rise[knot, j]
                        room[WIDTH + n] = weight[knot, j] + past * growth[knot, j]
                        low, high = min(low, room[n]), max(high, room[n])
                    places, full = load(room, 0), load(room, WIDTH)
                line, beyond = _rows_of(low, high, rows)
                if beyond == 0:
                    continue
                at, u = here + line * stride + first, subtract(places, spread(np.float32(line)))
                if back:
                    sent = fused(full, load(total, first), nothing)
                    for n in range(beyond + 2):
                        away = subtract(u, spread(np.float32(n)))
                        share = ramp(subtract(one, fused(two, ramp(away), subtract(nothing, away))))
                        store(data, at + n * stride, fused(share, sent, load(data, at + n * stride)))
                    continue
                a, b, c = load(data, at), load(data, at + stride), load(data, at + 2 * stride)
                slope, after = subtract(b, a), subtract(c, b)
                value = fused(ramp(subtract(u, one)), subtract(after, slope), fused(u, slope, a))
                for n in range(2, beyond + 1):
                    b, slope, c = c, after, load(data, at + (n + 1) * stride)
                    after = subtract(c, b)
                    value = fused(ramp(subtract(u, spread(np.float32(n)))), subtract(after, slope), value)
                store(total, first, fused(full, value, load(total, first)))


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
    """Turn times at knots into rows of a copy of the data, curvatures into weights, and choose the copies."""
    per, most = np.float32(scales[0] / math.sqrt(2.0 * math.pi)), np.float32(scales[5])
    rate, before = np.float32(1.0 / scales[3]), np.float32(scales[4] / scales[3] - ROWS_BEYOND)
    middle = times.shape[1] // 2
    for side in range(2):
        for knot in range(times.shape[1]):
            for j in range(taps):
                times[side, knot, j] = times[side, knot, j] * rate - before
                bends[side, knot, j] = taper[j] * min(per * np.sqrt(bends[side, knot, j]), most)
        base[side, :taps] = 0
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
def _differences(values, taps, size, out):  # type: ignore[no-untyped-def]
    """Fill the growth from trace to trace behind each knot, shape (side, knot, lateral)."""
    per = np.float32(1.0) / np.float32(size)
    for side in range(2):
        for knot in range(out.shape[1]):
            for j in range(taps):
                out[side, knot, j] = (values[side, knot + 1, j] - values[side, knot, j]) * per


@sum_kernel
def _sum_block(  # type: ignore[no-untyped-def]
    data, stride, origin, start, block, size, depths, widths, taper, scales, ratio, lattice, relief, copies, n_samples,
    image, to, back,
):  # fmt: skip
    """Fill the columns of one block of the image, from `to` on; or, `back`, add what they send to the data."""
    n_lateral, knots = taper.shape[1], block // size + 1
    times = np.empty((2, knots, n_lateral), np.float32)
    bends = np.empty((2, knots, n_lateral), np.float32)
    base = np.empty((2, n_lateral), np.int64)
    over = np.empty((knots, 2, 2, n_lateral), np.float32)
    lag, part = np.empty((2, 2, n_lateral), np.int32), np.empty((2, 2, n_lateral), np.float32)
    column, right = np.empty(knots, np.int64), np.empty(knots)
    mixed, mean = np.empty(ratio.shape[2], np.float32), np.empty((2, 2, n_lateral), np.float32)
    rise, growth = np.empty((2, knots - 1, n_lateral), np.float32), np.empty((2, knots - 1, n_lateral), np.float32)
    numbers, total = np.arange(WIDTH).astype(np.float32), np.empty(block, np.float32)
    room = np.empty(2 * WIDTH, np.float32)
    rows = n_samples + 2 * ROWS_BEYOND
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
        _differences(times, taps, size, rise)
        _differences(bends, taps, size, growth)
        total[:] = 0.0
        if back:
            total[:] = image[i, to : to + block]
        for side in range(2):
            steep = True
            if back:
                _send_level_curves(
                    data, origin + start, stride, rows, base[side], times[side], rise[side], bends[side], growth[side],
                    taper[i], side, taps, size, numbers, total,
                )  # fmt: skip
            else:
                steep = _add_level_curves(
                    data, origin + start, stride, rows, base[side], times[side], rise[side], bends[side], growth[side],
                    taper[i], side, taps, size, numbers, total,
                )  # fmt: skip
            if steep:
                _follow_steep_curves(
                    data, origin + start, stride, rows, base[side], times[side], rise[side], bends[side], growth[side],
                    taper[i], side, taps, size, back, numbers, room, total,
                )  # fmt: skip
        if not back:
            image[i, to : to + block] = total


@sum_kernel
def _sum_blocks(  # type: ignore[no-untyped-def]
    data, origin, start, block, sizes, depths, widths, taper, scales, ratio, lattice, relief, copies, n_samples, image,
    first, last, back,
):  # fmt: skip
    """Do so for the blocks from `first` to `last` (left out); see `section_sum`."""
    flat = data.reshape(-1)
    for number in range(first, last):
        _sum_block(
            flat, data.shape[1], origin, start + number * block, block, sizes[number], depths, widths, taper, scales,
            ratio, lattice, relief, copies, n_samples, image, number * block, back,
        )  # fmt: skip


def section_spread(
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
    image: np.ndarray,
) -> None:
    """Add to `data` what `image`, shape (depth, trace), sends along its curves: the exact adjoint of `section_sum`.

    On one thread, since neighbouring blocks send to the same traces; parameters as there.
    """
    _sum_blocks(
        data, origin, start, block, sizes, depths, widths, taper, scales, ratio, lattice, relief, copies, n_samples, image,
        0, sizes.size, True,
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
        Elevation of the ground below each trace, m; at least two. Beyond the ends it is turned about its last point.
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

    def work(first: int, last: int) -> None:
        _sum_blocks(
            data, origin, start, block, sizes, depths, widths, taper, scales, ratio, lattice, relief, copies, n_samples,
            image, first, last, False,
        )  # fmt: skip

    share_out(work, sizes.size, threads)
    return image

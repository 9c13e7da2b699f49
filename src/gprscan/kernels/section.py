"""Diffraction summation where the curves change along the line: v(x, z), hills.

Along the line the time at a fixed lateral distance is a smooth function of the place: it is worked out at knots, as far
apart as straight lines between them follow it (`gprscan.kernels.section_knots`), and no table outlives its image rows. A
group of traces at a time is summed in registers while a loop walks along the curves, some rows and laterals by turns, so
that their data come from the first-level cache. A vector of traces shares two rows of data, or all of a group where the
slope of the curve allows, and no branch depends on where a curve passes from one row to the next.
"""

from __future__ import annotations

import numpy as np

from gprscan.kernels.jit import inline, share_out, sum_kernel
from gprscan.kernels.lanes import WIDTH, add, fused, load, ramp, spread, store, subtract, whole
from gprscan.kernels.section_knots import (
    ROWS_BEYOND,
    Curves,
    differences,
    knots_in_air,
    knots_on_ground,
    look,
    weigh,
)  # fmt: skip

GROUP = 4 * WIDTH  # traces summed at a time
PADDED = 2 * WIDTH  # laterals: loops over them are vectorised and unrolled
DEPTHS, LATERALS = 8, 24  # image rows and laterals whose data, for one group, fit the first-level cache


@inline
def _together(begin, up, size, rows):  # type: ignore[no-untyped-def]
    """Return how many traces of a curve may share two rows of data, between two knots; 0: not so many as a vector has.

    The rows are those around the middle of these traces, and the curve climbs by a row among them at most: the first and
    the last are extrapolated by up to half a row. The error of interpolation, ``u (1 - u) / 2`` times the second difference, is
    then 0.107 of that in the root mean square, against 0.091 with the nearest rows for every trace.
    """
    end, slope = begin + np.float32(size) * up, abs(up)
    inside = (min(begin, end) >= np.float32(0.0)) & (max(begin, end) < np.float32(rows - 1))
    several = WIDTH if (np.float32(WIDTH) * slope <= np.float32(1.0)) & (size >= WIDTH) else 0
    several = GROUP if (np.float32(GROUP) * slope <= np.float32(1.0)) & (size >= GROUP) else several
    return several if inside else 0


@sum_kernel
def _sort_curves(place, rise, taps, size, rows, level):  # type: ignore[no-untyped-def]
    """Fill up to which lateral distance groups share two rows, for each knot; return whether others are too steep."""
    followed = True
    for knot in range(level.size):
        by_groups, by_vectors = 0, 0
        for j in range(taps):
            together = _together(place[knot, j], rise[knot, j], size, rows)
            by_groups += together == GROUP
            by_vectors += together >= WIDTH
        followed &= by_vectors == taps
        level[knot] = taps
        if by_groups < taps:
            j = 0
            while _together(place[knot, j], rise[knot, j], size, rows) == GROUP:
                j += 1
            level[knot] = j
    return not followed


@sum_kernel
def _drop_steep_curves(place, rise, weight, growth, taps, size, rows):  # type: ignore[no-untyped-def]
    """Set the weight of curves to zero that no vector can follow, and their place to where there are data."""
    for knot in range(rise.shape[0] - 1):
        for j in range(taps):
            if _together(place[knot, j], rise[knot, j], size, rows) == 0:
                place[knot, j] = rise[knot, j] = weight[knot, j] = growth[knot, j] = np.float32(0.0)


@inline
def _aim(curves, of, begin, end, first, middle, base, at_base, aims, to):  # type: ignore[no-untyped-def]
    """Fill row of the data, shift from there, slope and weight of the laterals from `begin` to `end` (and a vector beyond).

    For the vector of traces that begins `first` traces after the knot, with the row and weight `middle` traces after it.
    """
    place, rise, weight, growth = curves
    n_lateral = base.shape[2]
    of_first, of_middle = spread(np.float32(first)), spread(np.float32(middle))
    for j in range(begin, end, WIDTH):
        start, up = load(place, of + j), load(rise, of + j)
        line = whole(fused(of_middle, up, start))
        store(aims, to + j, add(line, load(base, at_base + j)))
        store(aims, to + n_lateral + j, subtract(fused(of_first, up, start), line))
        store(aims, to + 2 * n_lateral + j, up)
        store(aims, to + 3 * n_lateral + j, fused(of_middle, load(growth, of + j), load(weight, of + j)))


@inline
def _aim_group(curves, base, level, i, side, taps, size, first, aims, to):  # type: ignore[no-untyped-def]
    """Fill the aims, shape (row, vector, 4, lateral), of the traces of a group from `first` on; return what is level."""
    n_lateral, knots = base.shape[2], curves[0].shape[2]
    at_base, of, to = (2 * i + side) * n_lateral, (2 * i + side) * knots * n_lateral, 16 * to * n_lateral
    knot = first // size
    between, past = level[i, side, knot], first - knot * size
    middle = np.float32(past) + np.float32(0.5 * (GROUP - 1))
    _aim(curves, of + knot * n_lateral, side, between, past, middle, base, at_base, aims, to)
    if between < taps:
        for n in range(GROUP // WIDTH):
            knot = (first + n * WIDTH) // size
            past = first + n * WIDTH - knot * size
            middle = np.float32(past) + np.float32(0.5 * (WIDTH - 1))
            _aim(
                curves, of + knot * n_lateral, max(between, side), taps, past, middle, base, at_base, aims,
                to + 4 * n * n_lateral,
            )  # fmt: skip
    return between


@inline
def _sum_level(data, stride, at, turn, aims, i, begin, end, lane, total, to):  # type: ignore[no-untyped-def]
    """Add the laterals from `begin` to `end` to a group whose traces share two rows of data."""
    s0, s1 = load(total, to), load(total, to + WIDTH)
    s2, s3 = load(total, to + 2 * WIDTH), load(total, to + 3 * WIDTH)
    for j in range(begin, end):
        here = np.int64(aims[i, 0, 0, j]) * stride + at + turn * j
        up, weight = aims[i, 0, 2, j], spread(aims[i, 0, 3, j])
        u, ahead = fused(lane, spread(up), spread(aims[i, 0, 1, j])), spread(np.float32(WIDTH) * up)
        a = load(data, here)
        s0 = fused(weight, fused(u, subtract(load(data, here + stride), a), a), s0)
        u, a, here = add(u, ahead), load(data, here + WIDTH), here + WIDTH
        s1 = fused(weight, fused(u, subtract(load(data, here + stride), a), a), s1)
        u, a, here = add(u, ahead), load(data, here + WIDTH), here + WIDTH
        s2 = fused(weight, fused(u, subtract(load(data, here + stride), a), a), s2)
        u, a, here = add(u, ahead), load(data, here + WIDTH), here + WIDTH
        s3 = fused(weight, fused(u, subtract(load(data, here + stride), a), a), s3)
    store(total, to, s0)
    store(total, to + WIDTH, s1)
    store(total, to + 2 * WIDTH, s2)
    store(total, to + 3 * WIDTH, s3)


@inline
def _weighted(data, stride, here, aims, i, n, j, lane, total):  # type: ignore[no-untyped-def]
    """Return the sum and a vector between two rows of data."""
    at = np.int64(aims[i, n, 0, j]) * stride + here
    a = load(data, at)
    u = fused(lane, spread(aims[i, n, 2, j]), spread(aims[i, n, 1, j]))
    return fused(spread(aims[i, n, 3, j]), fused(u, subtract(load(data, at + stride), a), a), total)


@inline
def _sum_by_vectors(data, stride, at, turn, aims, i, begin, end, lane, total, to):  # type: ignore[no-untyped-def]
    """Do the same for a group of which every vector has two rows of its own."""
    s0, s1 = load(total, to), load(total, to + WIDTH)
    s2, s3 = load(total, to + 2 * WIDTH), load(total, to + 3 * WIDTH)
    for j in range(begin, end):
        here = at + turn * j
        s0 = _weighted(data, stride, here, aims, i, 0, j, lane, s0)
        s1 = _weighted(data, stride, here + WIDTH, aims, i, 1, j, lane, s1)
        s2 = _weighted(data, stride, here + 2 * WIDTH, aims, i, 2, j, lane, s2)
        s3 = _weighted(data, stride, here + 3 * WIDTH, aims, i, 3, j, lane, s3)
    store(total, to, s0)
    store(total, to + WIDTH, s1)
    store(total, to + 2 * WIDTH, s2)
    store(total, to + 3 * WIDTH, s3)


@sum_kernel
def _sum_curves(data, origin, stride, curves, base, side, taps, size, level, numbers, aims, total):  # type: ignore[no-untyped-def]
    """Add one side of the curves of some image rows to a block, where vectors of traces share two rows of data."""
    turn, lane, block = 1 - 2 * side, load(numbers, 0), total.shape[1]
    between = np.empty(taps.size, np.int64)
    for first in range(0, block, GROUP):
        at = origin + first
        for i in range(taps.size):
            between[i] = _aim_group(curves, base, level, i, side, taps[i], size, first, aims, i)
        for j in range(side, taps.max(), LATERALS):
            for i in range(taps.size):
                to, end = i * block + first, min(j + LATERALS, taps[i])
                if j < min(end, between[i]):
                    _sum_level(data, stride, at, turn, aims, i, j, min(end, between[i]), lane, total, to)
                if max(j, between[i]) < end:
                    _sum_by_vectors(data, stride, at, turn, aims, i, max(j, between[i]), end, lane, total, to)


@sum_kernel
def _send_curves(data, origin, stride, curves, base, side, taps, size, level, numbers, aims, total):  # type: ignore[no-untyped-def]
    """Add to the two rows of data what a block sends along the curves of some image rows: the adjoint of `_sum_curves`."""
    lane, nothing = load(numbers, 0), spread(np.float32(0.0))
    for i in range(taps.size):
        for first in range(0, total.shape[1], GROUP):
            between = _aim_group(curves, base, level, i, side, taps[i], size, first, aims, 0)
            for j in range(side, taps[i]):
                for n in range(0, GROUP, WIDTH):
                    own = 0 if j < between else n // WIDTH
                    up, past = aims[0, own, 2, j], np.float32(n - own * WIDTH)
                    at = np.int64(aims[0, own, 0, j]) * stride + origin + first + n + (1 - 2 * side) * j
                    sent = fused(spread(aims[0, own, 3, j]), load(total, i * total.shape[1] + first + n), nothing)
                    late = fused(fused(lane, spread(up), spread(aims[0, own, 1, j] + past * up)), sent, nothing)
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
        here = np.int64(base[j]) * stride + origin + (1 - 2 * side) * j
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


@sum_kernel
def _curves_of_rows(start, size, first, curves, look_up, room, base, taps):  # type: ignore[no-untyped-def]
    """Fill the curves of some image rows from `first` on: rows of the data and weights at knots, and their growth."""
    times, rise, bends, growth = room
    edge = np.empty(times.shape[3], np.float32)
    for i in range(taps.size):
        taps[i] = min(int(curves.widths[first + i]) + 2, curves.taper.shape[1])
        # loops over whole vectors: what is left over would be worked out one by one
        several = min((taps[i] + PADDED - 1) // PADDED * PADDED, edge.size)
        edge[: taps[i]] = curves.taper[first + i, : taps[i]]
        edge[taps[i] :] = np.float32(0.0)
        if curves.scales[2] > 0.0:
            knots_in_air(start, size, first + i, taps[i], curves, times[i], bends[i])
        else:
            knots_on_ground(first + i, several, curves, look_up, times[i], bends[i])
        weigh(times[i], bends[i], edge, several, taps[i], curves, base[i])
        differences(times[i], several, size, rise[i])
        differences(bends[i], several, size, growth[i])


@sum_kernel
def _sum_block(data, stride, origin, start, size, curves, image, to, back):  # type: ignore[no-untyped-def]
    """Fill the columns of one block of the image, from `to` on; or, `back`, add what they send to the data."""
    knots, n_depths = curves.block // size + 1, curves.depths.size
    # `_aim` begins a vector at any lateral: the last one may reach a vector beyond them
    n_lateral = ((curves.taper.shape[1] + WIDTH - 1) // PADDED + 1) * PADDED
    # where every trace is a knot, more rows would not fit the caches
    several = min(DEPTHS, n_depths) if size >= WIDTH else 1
    shape = (several, 2, knots, n_lateral)
    # zeros, since the lanes beyond the last lateral are worked out with the others
    times, rise = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
    bends, growth = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
    base, level = np.zeros((several, 2, n_lateral), np.float32), np.empty((several, 2, knots - 1), np.int64)
    aims, total = np.empty((several, 4, 4, n_lateral), np.float32), np.empty((several, curves.block), np.float32)
    numbers, room, taps = (
        np.arange(WIDTH).astype(np.float32),
        np.empty(2 * WIDTH, np.float32),
        np.empty(several, np.int64),
    )
    rows, here, all_curves = curves.n_samples + 2 * ROWS_BEYOND, origin + start, (times, rise, bends, growth)
    look_up = look(start, size, knots, n_lateral, curves)
    for first in range(0, n_depths, several):
        count = min(several, n_depths - first)
        _curves_of_rows(start, size, first, curves, look_up, all_curves, base, taps[:count])
        for i in range(count):
            for n in range(curves.block):
                total[i, n] = image[first + i, to + n] if back else np.float32(0.0)
        for side in range(2):
            for i in range(count):
                of = (times[i, side], rise[i, side], bends[i, side], growth[i, side])
                if size < WIDTH or _sort_curves(of[0], of[1], taps[i], size, rows, level[i, side]):
                    _follow_steep_curves(
                        data, here, stride, rows, base[i, side], of[0], of[1], of[2], of[3], curves.taper[first + i], side,
                        taps[i], size, back, numbers, room, total[i],
                    )  # fmt: skip
                    _drop_steep_curves(of[0], of[1], of[2], of[3], taps[i], size, rows)
            if size >= WIDTH and back:
                _send_curves(
                    data, here, stride, all_curves, base, side, taps[:count], size, level, numbers, aims, total
                )
            elif size >= WIDTH:
                _sum_curves(data, here, stride, all_curves, base, side, taps[:count], size, level, numbers, aims, total)
        for i in range(count):
            if not back:
                image[first + i, to : to + curves.block] = total[i]


@sum_kernel
def _sum_blocks(data, origin, start, sizes, curves, image, first, last, back):  # type: ignore[no-untyped-def]
    """Do so for the blocks from `first` to `last` (left out); see `section_sum`."""
    flat = data.reshape(-1)
    for number in range(first, last):
        to = number * curves.block
        _sum_block(flat, data.shape[1], origin, start + to, sizes[number], curves, image, to, back)


def section_spread(
    data: np.ndarray, origin: int, start: int, sizes: np.ndarray, curves: Curves, image: np.ndarray
) -> None:
    """Add to `data` what `image`, shape (depth, trace), sends along its curves: the exact adjoint of `section_sum`.

    On one thread, since neighbouring blocks send to the same traces; parameters as there.
    """
    _sum_blocks(data, origin, start, sizes, curves, image, 0, sizes.size, True)


def section_sum(
    data: np.ndarray, origin: int, start: int, sizes: np.ndarray, curves: Curves, *, threads: int = 1
) -> np.ndarray:
    """Sum traces along diffraction curves that change along the line.

    Parameters
    ----------
    data : ndarray of float32, shape (copy x (ROWS_BEYOND + sample + ROWS_BEYOND), column)
        Transposed traces, with rows of zeros above and below each low-pass copy.
    origin : int
        Column of the first trace; all that the blocks look at must lie within the columns.
    start : int
        First trace.
    sizes : ndarray of int64, shape (number of blocks,)
        Traces from knot to knot in each block: powers of two.
    curves : Curves
        The block a multiple of `GROUP`.
    threads : int
        Python threads that share the blocks.

    Returns
    -------
    ndarray of float32, shape (depth, trace)
        Traces from `start` on.
    """
    image = np.empty((curves.depths.size, curves.block * sizes.size), np.float32)

    def work(first: int, last: int) -> None:
        _sum_blocks(data, origin, start, sizes, curves, image, first, last, False)

    share_out(work, sizes.size, threads)
    return image

"""Times and weights of diffraction curves at knots along a line, below hills and through v(x, z)."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from gprscan.kernels.jit import inline, kernel, sum_kernel
from gprscan.kernels.lanes import WIDTH, add, fused, inverse_root, load, ramp, spread, store
from gprscan.kernels.traveltime import C_AIR, crossing_point

ROWS_BEYOND = 32  # rows of zeros above and below the data: how far a curve may leave the record within a vector


class Curves(NamedTuple):
    """What the diffraction curves along a line follow from.

    Attributes
    ----------
    block : int
        Traces whose curves are worked out together.
    depths : ndarray of float64, shape (depth,)
        m.
    widths : ndarray of float64, shape (depth,)
        Half-width of the aperture in traces, not rounded.
    taper : ndarray of float32, shape (depth, lateral)
        Weight of each lateral distance (in traces).
    scales : tuple of float
        Trace spacing, half the separation, antenna height (m), sampling interval, first time of the data (ns), and the
        largest weight of a trace.
    relief : ndarray of float64, shape (trace,)
        Elevation of the ground below each trace, m; at least two. Beyond the ends it is turned about its last point.
    ratio : ndarray of float32, shape (column, depth, lag)
        Time over distance (ns/m) from places on the ground to points below others; at least two columns.
    lattice : tuple
        Place of the first column, distance of the columns and of the lags (m), and the number of the lag 0.
    copies : int
        Low-pass copies of the data, half an octave apart; 1 switches the anti-alias filter off.
    n_samples : int
        Samples per trace and copy.
    """

    block: int
    depths: np.ndarray
    widths: np.ndarray
    taper: np.ndarray
    scales: tuple[float, float, float, float, float, float]
    relief: np.ndarray
    ratio: np.ndarray
    lattice: tuple[float, float, int]
    copies: int
    n_samples: int


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
def _leg(antenna, place, i, curves):  # type: ignore[no-untyped-def]
    """Return one-way time and curvature from an antenna to depth number `i` below `place`.

    Below an air gap the crossing point is that of a uniform ground with the mean velocity of the leg: by Fermat's
    principle the time hardly depends on it.
    """
    relief, ratio, lattice = curves.relief, curves.ratio, curves.lattice
    spacing, height = curves.scales[0], curves.scales[2]
    base = _elevation(relief, spacing, place) - curves.depths[i]
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
def _pair(place, lateral, i, curves):  # type: ignore[no-untyped-def]
    """Return two-way time and curvature of the pair `lateral` m from `place`."""
    half = curves.scales[1]
    t1, c1 = _leg(place + lateral - half, place, i, curves)
    if half == 0.0:
        return 2.0 * t1, 2.0 * c1
    t2, c2 = _leg(place + lateral + half, place, i, curves)
    return t1 + t2, c1 + c2


@kernel
def largest_bend(start, size, curves):  # type: ignore[no-untyped-def]
    """Return by how much (ns) the times of a block stray from straight lines between its knots, at a few points.

    Parameters
    ----------
    start, size : int
        First trace of the block, and traces from knot to knot.
    curves : Curves
    """
    spacing = curves.scales[0]
    worst = 0.0
    for part in range(1, 5):
        i = (part * (curves.depths.size - 1)) // 4
        for side in range(-2, 3):
            lateral = 0.5 * side * curves.widths[i] * spacing
            before = _pair(spacing * start, lateral, i, curves)[0]
            for first in range(start, start + curves.block, size):
                after = _pair(spacing * (first + size), lateral, i, curves)[0]
                for n in range(1, size, max(size // 8, 1)):
                    here = _pair(spacing * (first + n), lateral, i, curves)[0]
                    worst = max(worst, abs(here - before - (after - before) * n / size))
                before = after
    return worst


@kernel
def knots_in_air(start, size, i, taps, curves, times, bends):  # type: ignore[no-untyped-def]
    """Fill times (ns) and curvatures at the knots of a block, shape (side, knot, lateral)."""
    spacing = curves.scales[0]
    for knot in range(times.shape[1]):
        place = spacing * (start + knot * size)
        for side in range(2):
            sign = 1.0 - 2.0 * side
            for j in range(taps):
                times[side, knot, j], bends[side, knot, j] = _pair(place, sign * spacing * j, i, curves)


@kernel
def look(start, size, knots, n_lateral, curves):  # type: ignore[no-untyped-def]
    """Return what the legs of a block need whatever the depth, and room for what they share from knot to knot.

    Rise of the ground, distance, lag and share of the next, column and share of the next; slowness at the lags of a knot, and at
    its legs.
    """
    spacing, half, ratio = curves.scales[0], curves.scales[1], curves.ratio
    lattice_start, gap, reach = curves.lattice
    rise = np.empty((knots, 2, 2, n_lateral), np.float32)
    lag, part = np.empty((2, 2, n_lateral), np.int32), np.empty((2, 2, n_lateral), np.float32)
    offset = np.empty((2, 2, n_lateral), np.float32)
    column, right = np.empty(knots, np.int64), np.empty(knots)
    for knot in range(knots):
        place = spacing * (start + knot * size)
        c = min(max((place - lattice_start) / gap, 0.0), ratio.shape[0] - 1.001)
        column[knot] = int(c)
        right[knot] = c - int(c)
        level = _elevation(curves.relief, spacing, place)
        for side in range(2):
            for leg in range(2):
                for j in range(n_lateral):
                    away = (1.0 - 2.0 * side) * spacing * j + (2.0 * leg - 1.0) * half
                    offset[side, leg, j] = away
                    rise[knot, side, leg, j] = _elevation(curves.relief, spacing, place + away) - level
                    m = min(max(away / gap + reach, 0.0), ratio.shape[2] - 1.001)
                    lag[side, leg, j] = int(m)
                    part[side, leg, j] = m - int(m)
    mixed, mean = np.empty(ratio.shape[2], np.float32), np.empty((2, 2, n_lateral), np.float32)
    return rise, offset, lag, part, column, right, mixed, mean


@sum_kernel
def knots_on_ground(i, taps, curves, look_up, times, bends):  # type: ignore[no-untyped-def]
    """Do the same for antennas on the ground, whole vectors of laterals at a time."""
    scales, ratio = curves.scales, curves.ratio
    rise, offset, lag, part, column, right, mixed, means = look_up
    shallowest = np.float32(1e-3)
    z, least, none = spread(np.float32(curves.depths[i]) - shallowest), spread(shallowest), spread(np.float32(0.0))
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
                lags, parts, rises, slowness = lag[side, leg], part[side, leg], rise[knot, side, leg], means[side, leg]
                offsets = offset[side, leg]
                if moved:
                    for j in range(taps):
                        low = mixed[lags[j]]
                        slowness[j] = again * (low + parts[j] * (mixed[lags[j] + 1] - low))
                time, bend = times[side, knot], bends[side, knot]
                for j in range(0, taps, WIDTH):
                    below = add(ramp(add(load(rises, j), z)), least)
                    away, mean = load(offsets, j), load(slowness, j)
                    square = fused(away, away, fused(below, below, none))
                    inverse = inverse_root(square)
                    of_path, cosine = fused(mean, inverse, none), fused(below, inverse, none)
                    # straight rays with the mean velocity: smooth, as a weight has to be
                    store(time, j, fused(of_path, square, load(time, j) if leg else none))
                    store(bend, j, fused(of_path, fused(cosine, cosine, none), load(bend, j) if leg else none))


@sum_kernel
def weigh(times, bends, taper, several, taps, curves, base):  # type: ignore[no-untyped-def]
    """Turn times at knots into rows of a copy of the data, curvatures into weights, and choose the copies."""
    scales, copies, n_samples = curves.scales, curves.copies, curves.n_samples
    per, most = np.float32(scales[0] / math.sqrt(2.0 * math.pi)), np.float32(scales[5])
    rate, before = np.float32(1.0 / scales[3]), np.float32(scales[4] / scales[3] - ROWS_BEYOND)
    middle = times.shape[1] // 2
    for side in range(2):
        for knot in range(times.shape[1]):
            for j in range(several):
                times[side, knot, j] = times[side, knot, j] * rate - before
                bends[side, knot, j] = taper[j] * min(per * np.sqrt(bends[side, knot, j]), most)
        base[side, :several] = np.float32(0.0)
        if copies > 1:
            for j in range(taps):
                # the change of the shift from trace to trace, in samples, says how far the operator aliases
                near, far = max(j - 1, 0), min(j + 1, taps - 1)
                change = abs(times[side, middle, far] - times[side, middle, near]) / max(far - near, 1)
                copy, limit = 0, math.sqrt(2.0)
                while copy < copies - 1 and change >= limit:
                    copy += 1
                    limit *= math.sqrt(2.0)
                base[side, j] += np.float32(copy * (n_samples + 2 * ROWS_BEYOND))


@sum_kernel
def differences(values, taps, size, out):  # type: ignore[no-untyped-def]
    """Fill the growth from trace to trace behind each knot, shape (side, knot, lateral)."""
    per = np.float32(1.0) / np.float32(size)
    for side in range(2):
        for knot in range(out.shape[1] - 1):
            for j in range(taps):
                out[side, knot, j] = (values[side, knot + 1, j] - values[side, knot, j]) * per

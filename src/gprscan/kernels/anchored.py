"""Diffraction summation where the curves change along the line: curves at anchors, images blended between them.

Each anchor has its own table of curves, one for either side. Around an anchor the image is summed with its table, as
fast as in a ground that does not change along the line, and faded into that of the next anchor. The loop is that of
`gprscan.kernels.kirchhoff`, done twice over; no table of every trace is needed.
"""

from __future__ import annotations

import math
from typing import Any

import numba
import numpy as np

from gprscan.kernels.jit import inline, kernel, parallel_kernel, parallel_sum_kernel, sum_kernel
from gprscan.kernels.traveltime import C_AIR, crossing_point

TAPER = 0.2  # outer share of the aperture over which the weight falls to zero


@inline
def _elevation(relief, spacing, x):  # type: ignore[no-untyped-def]
    """Return the elevation of the ground (m) at `x` m from the first trace, level beyond the ends."""
    position = min(max(x / spacing, 0.0), relief.size - 1.0)
    left = min(int(position), relief.size - 2)
    part = position - left
    return (1.0 - part) * relief[left] + part * relief[left + 1]


@inline
def _leg(antenna, place, depth, height, ratio, start, step, relief, spacing):  # type: ignore[no-untyped-def]
    """Return one-way time and curvature from an antenna to a point `depth` below `place`.

    `ratio` is time over distance from places on the ground, `start` + k `step`. Below an air gap the crossing point is
    that of a uniform ground with the mean velocity of the leg: by Fermat's principle the time hardly depends on it.
    """
    offset = place - antenna
    base = _elevation(relief, spacing, place) - depth
    below = max(_elevation(relief, spacing, antenna) - base, 1e-3)
    entry = antenna
    in_air = 0.0
    if height > 0.0:
        position = min(max((place - start) / step, 0.0), ratio.size - 1.001)
        u = crossing_point(abs(offset), below, 1.0 / ratio[int(position)], height)
        entry = antenna + math.copysign(u, offset)
        below = max(_elevation(relief, spacing, entry) - base, 1e-3)
        in_air = math.sqrt(u * u + height * height)
    position = min(max((entry - start) / step, 0.0), ratio.size - 1.001)
    left = int(position)
    part = position - left
    mean = (1.0 - part) * ratio[left] + part * ratio[left + 1]
    path = math.sqrt((place - entry) ** 2 + below * below)
    # straight rays with the mean velocity: smooth, as a weight has to be; air and ground add like springs in series
    curvature = mean * below * below / (path**3 + 1e-9)
    if height > 0.0:
        of_air = height * height / (C_AIR * in_air**3)
        curvature = curvature * of_air / (curvature + of_air + 1e-30)
    return in_air / C_AIR + mean * path, curvature


@inline
def _anchor_table(place, ratio, depths, widths, relief, scales, copies, n_samples, times, rows, early, late, last):  # type: ignore[no-untyped-def]
    """Fill shifts and weights of one anchor; see `anchor_tables`. `ratio` is (depth, source), `times` is work space."""
    spacing, half, height, source_start, source_step, dt, time_start, most = scales
    for side in range(2):
        sign = 1.0 - 2.0 * side
        for i in range(depths.size):
            taps = min(int(widths[i]) + 2, times.size)
            last[side, i] = 0
            for j in range(taps):
                middle = place + sign * spacing * j
                t1, c1 = _leg(
                    middle - half, place, depths[i], height, ratio[i], source_start, source_step, relief, spacing
                )
                t2, c2 = _leg(
                    middle + half, place, depths[i], height, ratio[i], source_start, source_step, relief, spacing
                )
                times[j] = (t1 + t2 - time_start) / dt
                weight = min(spacing * math.sqrt((c1 + c2) / (2.0 * math.pi)), most)
                edge = (1.0 - j / (widths[i] + 1.0)) / TAPER
                early[side, i, j] = weight * math.sin(0.5 * math.pi * min(max(edge, 0.0), 1.0)) ** 2
            for j in range(taps):
                position = times[j]
                rows[side, i, j] = 0
                late[side, i, j] = 0.0
                weight = early[side, i, j]
                early[side, i, j] = 0.0
                if weight > 0.0 and 0.0 <= position < n_samples - 1.0:
                    before = int(position)
                    # the change of the shift from trace to trace, in samples, says how far the operator aliases
                    change = abs(times[min(j + 1, taps - 1)] - times[max(j - 1, 0)]) / max(
                        min(j + 1, taps - 1) - max(j - 1, 0), 1
                    )
                    copy = 0
                    while copy < copies - 1 and change > math.sqrt(2.0) ** (copy + 1):
                        copy += 1
                    rows[side, i, j] = before + copy * n_samples
                    late[side, i, j] = weight * (position - before)
                    early[side, i, j] = weight - late[side, i, j]
                    last[side, i] = j + 1


@kernel
def anchor_tables_serial(places, ratios, depths, widths, relief, scales, copies, n_samples, rows, early, late, last):  # type: ignore[no-untyped-def]
    """Fill the tables on one thread; see `anchor_tables`."""
    times = np.empty(rows.shape[3])
    for a in range(places.size):
        _anchor_table(
            places[a],
            ratios[a],
            depths,
            widths,
            relief,
            scales,
            copies,
            n_samples,
            times,
            rows[a],
            early[a],
            late[a],
            last[a],
        )


@parallel_kernel
def anchor_tables_parallel(places, ratios, depths, widths, relief, scales, copies, n_samples, rows, early, late, last):  # type: ignore[no-untyped-def]
    """Fill the tables on several threads; see `anchor_tables`."""
    for a in numba.prange(places.size):
        times = np.empty(rows.shape[3])
        _anchor_table(
            places[a],
            ratios[a],
            depths,
            widths,
            relief,
            scales,
            copies,
            n_samples,
            times,
            rows[a],
            early[a],
            late[a],
            last[a],
        )


def anchor_tables(
    places: np.ndarray,
    ratios: np.ndarray,
    depths: np.ndarray,
    widths: np.ndarray,
    relief: np.ndarray,
    scales: tuple[float, ...],
    copies: int,
    n_samples: int,
    n_lateral: int,
    *,
    threads: int = 1,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Tabulate the diffraction curves below anchors from travel times.

    Parameters
    ----------
    places : ndarray of float64, shape (anchor,)
        Along the line, m.
    ratios : ndarray of float64, shape (anchor, depth, source)
        Time over distance (ns/m) between places on the ground and the points below each anchor.
    depths : ndarray of float64, shape (depth,)
        m.
    widths : ndarray of float64, shape (depth,)
        Half-width of the aperture in traces, not rounded.
    relief : ndarray of float64, shape (trace,)
        Elevation of the ground below each trace, m; at least two.
    scales : tuple of float
        Trace spacing, half the separation, antenna height (m); first place of `ratios` and its spacing (m); sampling
        interval and first time of the data (ns); largest weight.
    copies : int
        Low-pass copies of the data, half an octave apart; 1 switches the anti-alias filter off.
    n_samples : int
        Samples per trace and copy.
    n_lateral : int
        Columns of the tables.
    threads : int
        1 for the serial kernel.

    Returns
    -------
    rows, early, late, last
        As `anchored_sum` takes them.
    """
    shape = (places.size, 2, depths.size, n_lateral)
    rows = np.zeros(shape, np.int32)
    early, late = np.zeros((2, *shape), np.float32)
    last = np.zeros(shape[:3], np.int32)
    run: Any = anchor_tables_parallel if threads > 1 else anchor_tables_serial
    run(places, ratios, depths, widths, relief, scales, copies, n_samples, rows, early, late, last)
    return rows, early, late, last


@inline
def _sum_anchor(data, rows, early, late, last, fade, start, size, pad, total, image):  # type: ignore[no-untyped-def]
    """Add one anchor's share to the traces `start` .. `start + size` of the image, which is (depth, trace)."""
    for i in range(rows.shape[1]):
        for k in range(size):
            total[k] = 0.0
        for side in range(2):
            for j in range(side, last[side, i]):
                w0 = early[side, i, j]
                w1 = late[side, i, j]
                if w0 == 0.0 and w1 == 0.0:
                    continue
                here = pad + start + (j if side == 0 else -j)
                above = data[rows[side, i, j], here : here + size]
                below = data[rows[side, i, j] + 1, here : here + size]
                for k in range(size):
                    total[k] += w0 * above[k] + w1 * below[k]
        out = image[i, start : start + size]
        for k in range(size):
            out[k] += fade[k] * total[k]


@sum_kernel
def anchored_sum_serial(data, rows, early, late, last, fades, starts, sizes, pad, image):  # type: ignore[no-untyped-def]
    """Add all anchors to `image` on one thread; see `anchored_sum`."""
    total = np.empty(fades.shape[1], np.float32)
    for a in range(starts.size):
        _sum_anchor(data, rows[a], early[a], late[a], last[a], fades[a], starts[a], sizes[a], pad, total, image)


@parallel_sum_kernel
def anchored_sum_parallel(data, rows, early, late, last, fades, starts, sizes, pad, image):  # type: ignore[no-untyped-def]
    """Add all anchors to `image` on several threads; see `anchored_sum`."""
    for parity in range(2):
        # every second anchor at a time: their traces do not overlap
        for half in numba.prange((starts.size - parity + 1) // 2):
            a = 2 * half + parity
            total = np.empty(fades.shape[1], np.float32)
            _sum_anchor(data, rows[a], early[a], late[a], last[a], fades[a], starts[a], sizes[a], pad, total, image)


def anchored_sum(
    data: np.ndarray,
    rows: np.ndarray,
    early: np.ndarray,
    late: np.ndarray,
    last: np.ndarray,
    fades: np.ndarray,
    starts: np.ndarray,
    sizes: np.ndarray,
    pad: int,
    image: np.ndarray,
    *,
    threads: int = 1,
) -> None:
    """Sum traces along diffraction curves that are tabulated at anchors, and add them to an image.

    Parameters
    ----------
    data : ndarray of float32, shape (sample, pad + trace + pad)
        Transposed traces, padded with zeros on both sides.
    rows : ndarray of int32, shape (anchor, 2, depth, lateral)
        Sample before each shift; side 0 looks towards growing trace numbers and holds the apex, side 1 the other way.
    early, late : ndarray of float32, shape (anchor, 2, depth, lateral)
        Weights of that sample and of the next one.
    last : ndarray of int32, shape (anchor, 2, depth)
        Lateral distances (in traces) used for each row.
    fades : ndarray of float32, shape (anchor, size)
        Weight of each anchor over the traces around it; those of neighbours add to one.
    starts, sizes : ndarray of int64, shape (anchor,)
        First trace and number of traces of each anchor; anchors two apart must not overlap.
    pad : int
        Zeros on each side.
    image : ndarray of float32, shape (depth, trace)
        Added to in place.
    threads : int
        1 for the serial kernel.
    """
    run: Any = anchored_sum_parallel if threads > 1 else anchored_sum_serial
    run(data, rows, early, late, last, fades, starts, sizes, pad, image)

"""Diffraction summation over tables of shifts and weights, and its adjoint: the inner loops of Kirchhoff migration.

In a ground whose velocity depends on depth only, the diffraction curve of an image point is the same for every point
of a row. So each (row, lateral distance) has one time shift and one pair of interpolation weights, and the innermost
loop runs over the traces of a transposed copy, where the compiler vectorises it. A block of output traces stays in a
small local array while both sides of the curve are added to it.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np

from gprscan.kernels.jit import inline, parallel_sum_kernel, sum_kernel
from gprscan.kernels.lanes import WIDTH, add, fused, load, spread, store

BLOCK = 1024  # output traces summed at a time: with their data, about the first-level cache
LINE = 32  # samples: two lines of the cache, which keep what is stored for two rows off each other's place


@inline
def _sum_rest(data, a, b, back, w0, w1, begin, end, total):  # type: ignore[no-untyped-def]
    """Add two rows of data, both sides of the curve, to the last traces of a block."""
    for n in range(begin, end):
        total[n] += w0 * (data[a + n] + data[a - back + n]) + w1 * (data[b + n] + data[b - back + n])


@sum_kernel
def _sum_pair(data, stride, rows, early, late, first, last, i, k, origin, size, sums):  # type: ignore[no-untyped-def]
    """Add the diffraction curves of the image rows i and k for `size` traces, into the two halves of `sums`.

    Neighbouring curves run through the same rows of data, or one apart: what both need is loaded once.
    """
    sums[:] = 0.0
    half = sums.size // 2
    whole = size - size % WIDTH
    for j in range(min(first[i], first[k]), max(last[i], last[k])):
        # the apex has one side only: half of it from either
        share = np.float32(0.5 if j == 0 else 1.0)
        of_upper = share if first[i] <= j < last[i] else np.float32(0.0)
        of_lower = share if first[k] <= j < last[k] else np.float32(0.0)
        w0, w1 = of_upper * early[i, j], of_upper * late[i, j]
        v0, v1 = of_lower * early[k, j], of_lower * late[k, j]
        back = 2 * j
        a = np.int64(rows[i, j]) * stride + origin + j
        c = np.int64(rows[k, j]) * stride + origin + j
        b, d = a + stride, c + stride
        x0, x1, y0, y1 = spread(w0), spread(w1), spread(v0), spread(v1)
        if c == b:
            for n in range(0, whole, WIDTH):
                shared = add(load(data, b + n), load(data, b - back + n))
                above = add(load(data, a + n), load(data, a - back + n))
                below = add(load(data, d + n), load(data, d - back + n))
                store(sums, n, fused(x0, above, fused(x1, shared, load(sums, n))))
                store(sums, half + n, fused(y0, shared, fused(y1, below, load(sums, half + n))))
        elif c == a:
            for n in range(0, whole, WIDTH):
                near = add(load(data, a + n), load(data, a - back + n))
                far = add(load(data, b + n), load(data, b - back + n))
                store(sums, n, fused(x0, near, fused(x1, far, load(sums, n))))
                store(sums, half + n, fused(y0, near, fused(y1, far, load(sums, half + n))))
        else:
            for n in range(0, whole, WIDTH):
                above = add(load(data, a + n), load(data, a - back + n))
                below = add(load(data, b + n), load(data, b - back + n))
                store(sums, n, fused(x0, above, fused(x1, below, load(sums, n))))
                above = add(load(data, c + n), load(data, c - back + n))
                below = add(load(data, d + n), load(data, d - back + n))
                store(sums, half + n, fused(y0, above, fused(y1, below, load(sums, half + n))))
        if whole < size:
            _sum_rest(data, a, b, back, w0, w1, whole, size, sums[:half])
            _sum_rest(data, c, d, back, v0, v1, whole, size, sums[half:])


@sum_kernel
def _sum_share(data, rows, early, late, first, last, pad, task, tasks, image):  # type: ignore[no-untyped-def]
    """Add to every `tasks`-th pair of image rows, block by block, so that a block's data stay in the cache."""
    n_depths, n_traces = image.shape
    flat = data.reshape(-1)
    room = np.empty(2 * BLOCK + 2 * LINE, np.float32)
    skip = (-room.ctypes.data // room.itemsize) % LINE
    sums = room[skip : skip + 2 * BLOCK + LINE]
    half = sums.size // 2
    for start in range(0, n_traces, BLOCK):
        size = min(BLOCK, n_traces - start)
        for i in range(2 * task, n_depths, 2 * tasks):
            k = min(i + 1, n_depths - 1)
            _sum_pair(flat, data.shape[1], rows, early, late, first, last, i, k, pad + start, size, sums)
            for n in range(size):
                image[i, start + n] += sums[n]
            if k > i:
                for n in range(size):
                    image[k, start + n] += sums[half + n]


@sum_kernel
def diffraction_sum_serial(data, rows, early, late, first, last, pad, image):  # type: ignore[no-untyped-def]
    """Add to `image` on one thread; see `diffraction_sum`."""
    _sum_share(data, rows, early, late, first, last, pad, 0, 1, image)


@parallel_sum_kernel
def diffraction_sum_parallel(data, rows, early, late, first, last, pad, tasks, image):  # type: ignore[no-untyped-def]
    """Add to `image` on several threads; see `diffraction_sum`."""
    # deep rows cost more: the rows are dealt out
    for task in numba.prange(tasks):
        _sum_share(data, rows, early, late, first, last, pad, task, tasks, image)


def diffraction_sum(
    data: np.ndarray,
    rows: np.ndarray,
    early: np.ndarray,
    late: np.ndarray,
    first: np.ndarray,
    last: np.ndarray,
    pad: int,
    *,
    image: np.ndarray | None = None,
    threads: int = 1,
) -> np.ndarray:
    """Sum traces along tabulated diffraction curves.

    ``image[i, x]`` is the sum over j of ``early[i, j] (d[rows[i, j], x + j] + d[rows[i, j], x - j])`` and the same with
    ``late`` and the next row, for j from ``first[i]`` up to ``last[i]`` (excluded); the apex (j = 0) counts once.

    Parameters
    ----------
    data : ndarray of float32, shape (sample, pad + trace + pad)
        Transposed traces, padded with zeros on both sides.
    rows : ndarray of int32, shape (depth, lateral)
        Sample before each shift; at most ``sample - 2``.
    early, late : ndarray of float32, shape (depth, lateral)
        Weights of that sample and of the next one.
    first, last : ndarray of int32, shape (depth,)
        Range of lateral distances (in traces) used for each row; ``last <= pad + 1``.
    pad : int
        Zeros on each side.
    image : ndarray of float32, shape (depth, trace), optional
        Image to add to, in place.
    threads : int
        1 for the serial kernel, which may run under Dask or in a thread; more from the main thread only.

    Returns
    -------
    ndarray of float32, shape (depth, trace)
    """
    if image is None:
        image = np.zeros((rows.shape[0], data.shape[1] - 2 * pad), np.float32)
    data = np.ascontiguousarray(data)
    if threads > 1:
        diffraction_sum_parallel(data, rows, early, late, first, last, pad, threads, image)
    else:
        diffraction_sum_serial(data, rows, early, late, first, last, pad, image)
    return image


@inline
def _spread_block(image, rows, early, late, first, last, pad, start, size, data):  # type: ignore[no-untyped-def]
    """Add what all image points send to `size` traces from `start` on, into `data`."""
    for i in range(rows.shape[0]):
        for j in range(first[i], last[i]):
            w0 = early[i, j]
            w1 = late[i, j]
            left = pad + start - j
            from_left = image[i, left : left + size]
            above = data[rows[i, j], start : start + size]
            below = data[rows[i, j] + 1, start : start + size]
            if j == 0:
                for k in range(size):
                    above[k] += w0 * from_left[k]
                    below[k] += w1 * from_left[k]
            else:
                right = pad + start + j
                from_right = image[i, right : right + size]
                for k in range(size):
                    both = from_left[k] + from_right[k]
                    above[k] += w0 * both
                    below[k] += w1 * both


@sum_kernel
def diffraction_spread_serial(image, rows, early, late, first, last, pad, block, data):  # type: ignore[no-untyped-def]
    """Fill `data` on one thread; see `diffraction_spread`."""
    for start in range(0, data.shape[1], block):
        size = min(block, data.shape[1] - start)
        _spread_block(image, rows, early, late, first, last, pad, start, size, data)


@parallel_sum_kernel
def diffraction_spread_parallel(image, rows, early, late, first, last, pad, block, data):  # type: ignore[no-untyped-def]
    """Fill `data` on several threads, each with traces of its own; see `diffraction_spread`."""
    for number in numba.prange((data.shape[1] + block - 1) // block):
        start = number * block
        size = min(block, data.shape[1] - start)
        _spread_block(image, rows, early, late, first, last, pad, start, size, data)


def diffraction_spread(
    image: np.ndarray,
    rows: np.ndarray,
    early: np.ndarray,
    late: np.ndarray,
    first: np.ndarray,
    last: np.ndarray,
    pad: int,
    n_rows: int,
    *,
    threads: int = 1,
) -> np.ndarray:
    """Spread image points along their diffraction curves: the exact adjoint of `diffraction_sum`.

    Parameters
    ----------
    image : ndarray of float32, shape (depth, pad + trace + pad)
        Image, padded with zeros on both sides.
    rows, early, late, first, last, pad
        As in `diffraction_sum`.
    n_rows : int
        Rows of the data.
    threads : int
        1 for the serial kernel.

    Returns
    -------
    ndarray of float32, shape (sample, trace)
        Transposed traces, without padding.
    """
    n_traces = image.shape[1] - 2 * pad
    data = np.zeros((n_rows, n_traces), np.float32)
    # as many traces as keep all rows of a block in the second-level cache, but enough blocks for the threads
    block = max(16, min(256, -(-n_traces // threads)))
    run: Any = diffraction_spread_parallel if threads > 1 else diffraction_spread_serial
    run(image, rows, early, late, first, last, pad, block, data)
    return data

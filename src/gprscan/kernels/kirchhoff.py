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

BLOCK = 1024  # output traces held in the local accumulator: 4 kB, well inside the first-level cache


@inline
def _sum_block(data, rows, early, late, first, last, pad, start, size, total):  # type: ignore[no-untyped-def]
    """Add the diffraction curve of one image row for `size` output traces from `start` on, into `total`."""
    for k in range(size):
        total[k] = 0.0
    for j in range(first, last):
        w0 = early[j]
        w1 = late[j]
        # slices, so that every index is a plain loop variable: the compiler vectorises nothing else
        right = pad + start + j
        above_right = data[rows[j], right : right + size]
        below_right = data[rows[j] + 1, right : right + size]
        if j == 0:
            for k in range(size):
                total[k] += w0 * above_right[k] + w1 * below_right[k]
        else:
            left = pad + start - j
            above_left = data[rows[j], left : left + size]
            below_left = data[rows[j] + 1, left : left + size]
            for k in range(size):
                total[k] += w0 * (above_right[k] + above_left[k]) + w1 * (below_right[k] + below_left[k])


@sum_kernel
def diffraction_sum_serial(data, rows, early, late, first, last, order, pad, image):  # type: ignore[no-untyped-def]
    """Fill `image` on one thread; see `diffraction_sum`."""
    n_traces = image.shape[1]
    total = np.empty(BLOCK, np.float32)
    for task in range(order.size):
        i = order[task]
        for start in range(0, n_traces, BLOCK):
            size = min(BLOCK, n_traces - start)
            _sum_block(data, rows[i], early[i], late[i], first[i], last[i], pad, start, size, total)
            for k in range(size):
                image[i, start + k] = total[k]


@parallel_sum_kernel
def diffraction_sum_parallel(data, rows, early, late, first, last, order, pad, image):  # type: ignore[no-untyped-def]
    """Fill `image` on several threads; see `diffraction_sum`."""
    n_traces = image.shape[1]
    for task in numba.prange(order.size):
        i = order[task]
        total = np.empty(BLOCK, np.float32)
        for start in range(0, n_traces, BLOCK):
            size = min(BLOCK, n_traces - start)
            _sum_block(data, rows[i], early[i], late[i], first[i], last[i], pad, start, size, total)
            for k in range(size):
                image[i, start + k] = total[k]


def diffraction_sum(
    data: np.ndarray,
    rows: np.ndarray,
    early: np.ndarray,
    late: np.ndarray,
    first: np.ndarray,
    last: np.ndarray,
    pad: int,
    *,
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
    threads : int
        1 for the serial kernel, which may run under Dask or in a thread; more from the main thread only.

    Returns
    -------
    ndarray of float32, shape (depth, trace)
    """
    n_depths = rows.shape[0]
    image = np.empty((n_depths, data.shape[1] - 2 * pad), np.float32)
    # deep rows cost more: deal the rows out, since the threads take contiguous shares of the tasks
    order = np.concatenate([np.arange(k, n_depths, threads) for k in range(threads)])
    run: Any = diffraction_sum_parallel if threads > 1 else diffraction_sum_serial
    run(data, rows, early, late, first, last, order, pad, image)
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

"""Diffraction summation over tables of shifts and weights: the inner loop of Kirchhoff migration.

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

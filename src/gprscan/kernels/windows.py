"""Kernels with a window running along the trace: moving mean (dewow) and moving RMS (AGC).

Both take differences of a running total kept in double precision. A running total is a chain of dependent additions,
so one trace at a time leaves the adder idle three cycles in four: four traces advance side by side.
"""

from __future__ import annotations

import numba
import numpy as np

from gprscan.kernels.jit import inline, kernel, parallel_kernel

LANES = 4


@inline
def _totals(source, row, last, squares, totals):  # type: ignore[no-untyped-def]
    # rows past the end repeat the last one: computed twice, written once
    a, b = source[row], source[min(row + 1, last)]
    c, d = source[min(row + 2, last)], source[min(row + 3, last)]
    sum_a, sum_b, sum_c, sum_d = 0.0, 0.0, 0.0, 0.0
    totals[:, 0] = 0.0
    for k in range(source.shape[1]):
        value_a, value_b = np.float64(a[k]), np.float64(b[k])
        value_c, value_d = np.float64(c[k]), np.float64(d[k])
        sum_a += value_a * value_a if squares else value_a
        sum_b += value_b * value_b if squares else value_b
        sum_c += value_c * value_c if squares else value_c
        sum_d += value_d * value_d if squares else value_d
        totals[0, k + 1] = sum_a
        totals[1, k + 1] = sum_b
        totals[2, k + 1] = sum_c
        totals[3, k + 1] = sum_d


@inline
def _gappy_totals(trace, squares, totals, counts):  # type: ignore[no-untyped-def]
    totals[0] = 0.0
    counts[0] = 0
    for k in range(trace.size):
        value = np.float64(trace[k])
        finite = np.isfinite(value)
        totals[k + 1] = totals[k] + ((value * value if squares else value) if finite else 0.0)
        counts[k + 1] = counts[k] + (1 if finite else 0)


@inline
def _subtract_window(trace, target, totals, half):  # type: ignore[no-untyped-def]
    n = trace.size
    edge = min(half, n)
    for k in range(edge):
        high = min(k + half + 1, n)
        target[k] = trace[k] - totals[high] / high
    inverse = 1.0 / (2 * half + 1)
    for k in range(half, n - half):
        target[k] = trace[k] - (totals[k + half + 1] - totals[k - half]) * inverse
    for k in range(max(n - half, edge), n):
        low = max(k - half, 0)
        target[k] = trace[k] - (totals[n] - totals[low]) / (n - low)


@inline
def _per_power(total, count):  # type: ignore[no-untyped-def]
    """Return one over the mean power; 1 for silence, below which float32 has no numbers either."""
    return count / total if total > count * 1e-76 else 1.0


@inline
def _divide_window(trace, target, totals, half, floor):  # type: ignore[no-untyped-def]
    n = trace.size
    edge = min(half, n)
    # powers over that of the whole trace, and samples over its RMS: float32 holds them whatever the units are
    unit = _per_power(totals[n], n)
    scale = np.float32(np.sqrt(unit))
    smallest = np.float32(max(floor * floor, 1e-30))
    for k in range(edge):
        high = min(k + half + 1, n)
        target[k] = scale * trace[k] / np.sqrt(max(np.float32(totals[high] * (unit / high)), smallest))
    inverse = unit / (2 * half + 1)
    for k in range(half, n - half):
        power = np.float32((totals[k + half + 1] - totals[k - half]) * inverse)
        target[k] = scale * trace[k] / np.sqrt(max(power, smallest))
    for k in range(max(n - half, edge), n):
        low = max(k - half, 0)
        target[k] = (
            scale * trace[k] / np.sqrt(max(np.float32((totals[n] - totals[low]) * (unit / (n - low))), smallest))
        )


@inline
def _gappy_subtract(trace, target, totals, counts, half):  # type: ignore[no-untyped-def]
    n = trace.size
    for k in range(n):
        high = min(k + half + 1, n)
        low = max(k - half, 0)
        count = counts[high] - counts[low]
        target[k] = trace[k] - (totals[high] - totals[low]) / max(count, 1)


@inline
def _gappy_divide(trace, target, totals, counts, half, floor):  # type: ignore[no-untyped-def]
    n = trace.size
    unit = _per_power(totals[n], max(counts[n], 1))
    scale = np.sqrt(unit)
    smallest = max(floor * floor, 1e-30)
    for k in range(n):
        high = min(k + half + 1, n)
        low = max(k - half, 0)
        power = (totals[high] - totals[low]) * unit / max(counts[high] - counts[low], 1)
        target[k] = scale * trace[k] / np.sqrt(max(power, smallest))


@inline
def _rows_minus_mean(source, target, row, half):  # type: ignore[no-untyped-def]
    n = source.shape[1]
    last = source.shape[0] - 1
    totals = np.empty((4, n + 1))
    _totals(source, row, last, False, totals)
    for lane in range(min(4, last + 1 - row)):
        if np.isfinite(totals[lane, n]):
            _subtract_window(source[row + lane], target[row + lane], totals[lane], half)
        else:
            counts = np.empty(n + 1, np.int64)
            _gappy_totals(source[row + lane], False, totals[lane], counts)
            _gappy_subtract(source[row + lane], target[row + lane], totals[lane], counts, half)


@inline
def _rows_over_rms(source, target, row, half, floor):  # type: ignore[no-untyped-def]
    n = source.shape[1]
    last = source.shape[0] - 1
    totals = np.empty((4, n + 1))
    _totals(source, row, last, True, totals)
    for lane in range(min(4, last + 1 - row)):
        if np.isfinite(totals[lane, n]):
            _divide_window(source[row + lane], target[row + lane], totals[lane], half, floor)
        else:
            counts = np.empty(n + 1, np.int64)
            _gappy_totals(source[row + lane], True, totals[lane], counts)
            _gappy_divide(source[row + lane], target[row + lane], totals[lane], counts, half, floor)


@kernel
def subtract_running_mean_serial(source: np.ndarray, target: np.ndarray, half: int) -> None:
    """Write ``source`` minus its mean over ``2 half + 1`` samples, cut at the ends of the trace; one thread.

    Samples that are not finite stay as they are and do not count. `target` may be `source`.
    """
    for group in range((source.shape[0] + 3) // 4):
        _rows_minus_mean(source, target, 4 * group, half)


@parallel_kernel
def subtract_running_mean_parallel(source: np.ndarray, target: np.ndarray, half: int) -> None:
    """Do as `subtract_running_mean_serial`, with all threads."""
    for group in numba.prange((source.shape[0] + 3) // 4):
        _rows_minus_mean(source, target, 4 * group, half)


@kernel
def divide_running_rms_serial(source: np.ndarray, target: np.ndarray, half: int, floor: float) -> None:
    """Write ``source`` over its RMS in ``2 half + 1`` samples, cut at the ends of the trace; one thread.

    The RMS is never taken below `floor` times that of the whole trace. `target` may be `source`.
    """
    for group in range((source.shape[0] + 3) // 4):
        _rows_over_rms(source, target, 4 * group, half, floor)


@parallel_kernel
def divide_running_rms_parallel(source: np.ndarray, target: np.ndarray, half: int, floor: float) -> None:
    """Do as `divide_running_rms_serial`, with all threads."""
    for group in numba.prange((source.shape[0] + 3) // 4):
        _rows_over_rms(source, target, 4 * group, half, floor)

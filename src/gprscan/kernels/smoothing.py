"""Mean and median in a window of traces and samples."""

from __future__ import annotations

import numba
import numpy as np

from gprscan.kernels.jit import inline, kernel, parallel_kernel
from gprscan.kernels.median import MISSING, TILE, _key, _next_above, _replace


@inline
def _mean_run(source, target, states, beside, above, first, stop):  # type: ignore[no-untyped-def]
    # sums over the traces of the window, moved along the line; running totals of them along the trace
    n_traces, n = source.shape
    sums, counts = np.zeros(n), np.zeros(n, np.int64)
    totals, numbers = np.zeros(n + 1), np.zeros(n + 1, np.int64)
    for i in range(first - 2 * beside - 1, stop):
        ahead, behind = i + beside, i - beside - 1
        for row, sign in ((ahead, 1), (behind, -1)):
            if first - beside <= row < n_traces and row >= 0 and states[row] != 0:
                for k in range(n):
                    value = source[row, k]
                    if np.isfinite(value):
                        sums[k] += sign * np.float64(value)
                        counts[k] += sign
        if i < first:
            continue
        for k in range(n):
            totals[k + 1] = totals[k] + sums[k]
            numbers[k + 1] = numbers[k] + counts[k]
        for k in range(n):
            low, high = max(k - above, 0), min(k + above + 1, n)
            number = numbers[high] - numbers[low]
            if states[i] == 0 or number == 0 or not np.isfinite(source[i, k]):
                target[i, k] = source[i, k]
            else:
                target[i, k] = (totals[high] - totals[low]) / number


@kernel
def window_mean_serial(source: np.ndarray, target: np.ndarray, states: np.ndarray, beside: int, above: int) -> None:
    """Write the mean of ``2 beside + 1`` traces and ``2 above + 1`` samples of one channel; one thread.

    Windows are cut at the edges; dead traces and samples that are not finite stay as they are and do not count.
    """
    _mean_run(source, target, states, beside, above, 0, source.shape[0])


@parallel_kernel
def window_mean_parallel(
    source: np.ndarray, target: np.ndarray, states: np.ndarray, beside: int, above: int, runs: int
) -> None:
    """Do as `window_mean_serial`, in `runs` runs of traces on all threads."""
    length = (source.shape[0] + runs - 1) // runs
    for run in numba.prange(runs):
        first = min(run * length, source.shape[0])
        _mean_run(source, target, states, beside, above, first, min(first + length, source.shape[0]))


@inline
def _median_tile(source, bits, target, states, beside, above, first, stop):  # type: ignore[no-untyped-def]
    n_traces, n = source.shape
    tall = 2 * above + 1
    size = (2 * beside + 1) * tall
    width = stop - first
    rings = np.full((width, (size + 31) // 32 * 32), MISSING, np.int32)
    values = np.full(width, MISSING, np.int32)
    below, equal, counts = np.zeros(width, np.int64), np.zeros(width, np.int64), np.zeros(width, np.int64)
    keys = np.empty(2, np.int32)
    middle = keys.view(np.float32)
    slot = 0
    for i in range(-beside, n_traces):
        ahead = i + beside
        inside = ahead < n_traces and states[min(ahead, n_traces - 1)] != 0
        live = i >= 0 and states[max(i, 0)] != 0
        for k in range(width):
            state = (values[k], below[k], equal[k], counts[k])
            for m in range(tall):
                column = first + k + m - above
                new = MISSING
                if inside and 0 <= column < n:
                    new = _key(bits[ahead, column])
                state = _replace(rings[k], slot + m, new, state)
            values[k], below[k], equal[k], counts[k] = state
            if i < 0:
                continue
            if not live or counts[k] == 0 or not np.isfinite(source[i, first + k]):
                target[i, first + k] = source[i, first + k]
                continue
            low, high = values[k], values[k]
            if counts[k] // 2 >= below[k] + equal[k]:
                high = _next_above(rings[k], low)
            keys[0] = low ^ ((low >> 31) & 0x7FFFFFFF)
            keys[1] = high ^ ((high >> 31) & 0x7FFFFFFF)
            target[i, first + k] = np.float32(0.5) * (middle[0] + middle[1])
        slot += tall
        if slot == size:
            slot = 0


@kernel
def window_median_serial(
    source: np.ndarray, bits: np.ndarray, target: np.ndarray, states: np.ndarray, beside: int, above: int
) -> None:
    """Write the median of ``2 beside + 1`` traces and ``2 above + 1`` samples of one channel; one thread.

    `bits` is ``source.view("int32")``. Windows are cut at the edges; dead traces and samples that are not finite stay
    as they are and do not count.
    """
    n = source.shape[1]
    for tile in range((n + TILE - 1) // TILE):
        _median_tile(source, bits, target, states, beside, above, TILE * tile, min(TILE * tile + TILE, n))


@parallel_kernel
def window_median_parallel(
    source: np.ndarray, bits: np.ndarray, target: np.ndarray, states: np.ndarray, beside: int, above: int
) -> None:
    """Do as `window_median_serial`, with all threads."""
    n = source.shape[1]
    for tile in numba.prange((n + TILE - 1) // TILE):
        _median_tile(source, bits, target, states, beside, above, TILE * tile, min(TILE * tile + TILE, n))

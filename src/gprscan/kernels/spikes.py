"""Kernels for single bad samples: spikes and clipped crests."""

from __future__ import annotations

import numba
import numpy as np

from gprscan.kernels.jit import inline, kernel, parallel_kernel


@inline
def _sorted_window(source, i, k, beside, above, window):  # type: ignore[no-untyped-def]
    # insertion sort: the window has a few dozen values
    count = 0
    for row in range(max(i - beside, 0), min(i + beside + 1, source.shape[0])):
        for column in range(max(k - above, 0), min(k + above + 1, source.shape[1])):
            value = source[row, column]
            if np.isfinite(value):
                place = count
                while place > 0 and window[place - 1] > value:
                    window[place] = window[place - 1]
                    place -= 1
                window[place] = value
                count += 1
    return count


@inline
def _middle(values, count):  # type: ignore[no-untyped-def]
    return np.float32(0.5) * (values[(count - 1) // 2] + values[count // 2])


@inline
def _despike_trace(source, target, i, beside, above, threshold):  # type: ignore[no-untyped-def]
    size = (2 * beside + 1) * (2 * above + 1)
    window, deviation = np.empty(size, np.float32), np.empty(size, np.float32)
    n = source.shape[1]
    for k in range(n):
        value = source[i, k]
        target[i, k] = value
        if not np.isfinite(value):
            continue
        # a spike is higher or lower than the samples before and after; most samples of a wavelet are not
        before, after = source[i, max(k - 1, 0)], source[i, min(k + 1, n - 1)]
        if (value <= before or value < after) and (value >= before or value > after):
            continue
        count = _sorted_window(source, i, k, beside, above, window)
        centre = _middle(window, count)
        for m in range(count):
            away = abs(window[m] - centre)
            place = m
            while place > 0 and deviation[place - 1] > away:
                deviation[place] = deviation[place - 1]
                place -= 1
            deviation[place] = away
        if abs(value - centre) > threshold * np.float32(1.4826) * _middle(deviation, count):
            target[i, k] = centre


@kernel
def despike_serial(source: np.ndarray, target: np.ndarray, beside: int, above: int, threshold: float) -> None:
    """Replace spikes of one channel by the median of their neighbourhood; one thread.

    A sample that is higher or lower than the one before and the one after it, and farther from the median of the window
    of ``2 beside + 1`` traces and ``2 above + 1`` samples than `threshold` times its scaled median absolute deviation.
    """
    for i in range(source.shape[0]):
        _despike_trace(source, target, i, beside, above, threshold)


@parallel_kernel
def despike_parallel(source: np.ndarray, target: np.ndarray, beside: int, above: int, threshold: float) -> None:
    """Do as `despike_serial`, with all threads."""
    for i in numba.prange(source.shape[0]):
        _despike_trace(source, target, i, beside, above, threshold)


@inline
def _slope(trace, k, step):  # type: ignore[no-untyped-def]
    # one-sided, of second order where three samples are there: (-3 x0 + 4 x1 - x2) / 2
    n = trace.size
    if 0 <= k + 2 * step < n:
        return step * (-3.0 * trace[k] + 4.0 * trace[k + step] - trace[k + 2 * step]) / 2.0
    if 0 <= k + step < n:
        return step * (trace[k + step] - trace[k])
    return 0.0


@inline
def _declip_trace(trace, low, high, longest):  # type: ignore[no-untyped-def]
    n = trace.size
    k = 0
    while k < n:
        over = trace[k] >= high
        if not np.isfinite(trace[k]) or (not over and not trace[k] <= low):
            k += 1
            continue
        stop = k
        while stop < n and np.isfinite(trace[stop]) and ((trace[stop] >= high) if over else (trace[stop] <= low)):
            stop += 1
        if k > 0 and stop < n and 2 <= stop - k <= longest and np.isfinite(trace[k - 1]) and np.isfinite(trace[stop]):
            _bridge(trace, k, stop, over)
        k = stop


@inline
def _bridge(trace, start, stop, over):  # type: ignore[no-untyped-def]
    # the cubic through the last sound samples, with their slopes (Hermite); never inside the clip level
    width = stop - start + 1
    left, right = np.float64(trace[start - 1]), np.float64(trace[stop])
    rise, fall = _slope(trace, start - 1, -1) * width, _slope(trace, stop, 1) * width
    if not (np.isfinite(rise) and np.isfinite(fall)):
        return
    level = trace[start]
    for k in range(start, stop):
        u = (k - start + 1) / width
        cubic = (
            (1 + 2 * u) * (1 - u) ** 2 * left
            + u * (1 - u) ** 2 * rise
            + u * u * (3 - 2 * u) * right
            + u * u * (u - 1) * fall
        )
        trace[k] = max(cubic, level) if over else min(cubic, level)


@kernel
def declip_serial(traces: np.ndarray, low: float, high: float, longest: int) -> None:
    """Replace runs of 2 to `longest` samples at or beyond `low` or `high` by a cubic, in place; one thread."""
    for i in range(traces.shape[0]):
        _declip_trace(traces[i], low, high, longest)


@parallel_kernel
def declip_parallel(traces: np.ndarray, low: float, high: float, longest: int) -> None:
    """Do as `declip_serial`, with all threads."""
    for i in numba.prange(traces.shape[0]):
        _declip_trace(traces[i], low, high, longest)

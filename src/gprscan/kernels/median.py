"""The sliding median across traces, exact, for any window.

Samples are kept as integers that sort as the floats do, in a ring per sample of the trace. When the window moves on,
one value goes and one comes, so that the median stays or moves to the next smaller or larger value: one pass over the
unsorted ring, in which the compiler takes eight values at a time, and no pass at all about half the time. That beats
keeping the window sorted, whose insertion cannot do without a pass.
"""

from __future__ import annotations

import numba
import numpy as np

from gprscan.kernels.jit import inline, kernel, parallel_kernel

MISSING = np.int32(2**31 - 1)
LOWEST = np.int32(-(2**31))
TILE = 16  # samples of one cache line of float32


@inline
def _next_below(ring, value):  # type: ignore[no-untyped-def]
    best = LOWEST
    for j in range(ring.size):
        best = max(best, ring[j] if ring[j] < value else LOWEST)
    return best


@inline
def _next_above(ring, value):  # type: ignore[no-untyped-def]
    best = MISSING
    for j in range(ring.size):
        best = min(best, ring[j] if ring[j] > value else MISSING)
    return best


@inline
def _count(ring, value):  # type: ignore[no-untyped-def]
    # in 32 bits: with numba's own 64 half as many fit into a register
    count = np.int32(0)
    for j in range(ring.size):
        count = np.int32(count + (np.int32(1) if ring[j] == value else np.int32(0)))
    return count


@inline
def _key(bits):  # type: ignore[no-untyped-def]
    # negative floats sort backwards as integers; what is not finite counts as missing
    if (bits & 0x7F800000) == 0x7F800000:
        return MISSING
    return np.int32(bits ^ ((bits >> 31) & 0x7FFFFFFF))


@inline
def _replace(ring, slot, new, state):  # type: ignore[no-untyped-def]
    # state: a value, how many are below it, how many equal it, how many there are; the value becomes the lower median
    value, below, equal, count = state
    old = ring[slot]
    ring[slot] = new
    if old != MISSING:
        count -= 1
        below -= 1 if old < value else 0
        equal -= 1 if old == value else 0
    if new != MISSING:
        count += 1
        below += 1 if new < value else 0
        equal += 1 if new == value else 0
    rank = (count - 1) // 2
    while count > 0 and rank < below:
        value = _next_below(ring, value)
        equal = _count(ring, value)
        below -= equal
    while count > 0 and rank >= below + equal:
        below += equal
        value = _next_above(ring, value)
        equal = _count(ring, value)
    return value, below, equal, count


@inline
def _slide(source, bits, target, states, half, first, stop):  # type: ignore[no-untyped-def]
    n_traces = source.shape[0]
    width = stop - first
    size = 2 * half + 1
    rings = np.full((width, (size + 31) // 32 * 32), MISSING, np.int32)
    values = np.full(width, MISSING, np.int32)
    below, equal, counts = np.zeros(width, np.int64), np.zeros(width, np.int64), np.zeros(width, np.int64)
    keys = np.empty(2, np.int32)
    middle = keys.view(np.float32)
    slot = 0
    for i in range(-half, n_traces):
        ahead = i + half
        inside = ahead < n_traces and states[min(ahead, n_traces - 1)] != 0
        live = i >= 0 and states[max(i, 0)] != 0
        for k in range(width):
            new = _key(bits[ahead, first + k]) if inside else MISSING
            values[k], below[k], equal[k], counts[k] = _replace(
                rings[k], slot, new, (values[k], below[k], equal[k], counts[k])
            )
            if i < 0:
                continue
            if not live or counts[k] == 0:
                target[i, first + k] = source[i, first + k]
                continue
            low, high = values[k], values[k]
            if counts[k] // 2 >= below[k] + equal[k]:
                high = _next_above(rings[k], low)
            keys[0] = low ^ ((low >> 31) & 0x7FFFFFFF)
            keys[1] = high ^ ((high >> 31) & 0x7FFFFFFF)
            target[i, first + k] = source[i, first + k] - np.float32(0.5) * (middle[0] + middle[1])
        slot += 1
        if slot == size:
            slot = 0


@kernel
def subtract_sliding_median_serial(
    source: np.ndarray, bits: np.ndarray, target: np.ndarray, states: np.ndarray, half: int
) -> None:
    """Subtract from each trace of one channel the median of its ``2 half + 1`` neighbours; one thread.

    The window is cut at the ends of the line; of an even number of values the two in the middle are averaged. Dead
    traces and samples that are not finite stay as they are and do not count. The windows of sixteen neighbouring
    samples are moved at the same time, since they share cache lines.

    Parameters
    ----------
    source : ndarray of float32, shape (traces, samples)
    bits : ndarray of int32
        The same memory as `source`, ``source.view("int32")``.
    target : ndarray of float32
        Must not be `source`.
    states : ndarray of int8, shape (traces,)
        0 for dead traces.
    half : int
        Neighbours on each side.
    """
    n = source.shape[1]
    for tile in range((n + TILE - 1) // TILE):
        _slide(source, bits, target, states, half, TILE * tile, min(TILE * tile + TILE, n))


@parallel_kernel
def subtract_sliding_median_parallel(
    source: np.ndarray, bits: np.ndarray, target: np.ndarray, states: np.ndarray, half: int
) -> None:
    """Do as `subtract_sliding_median_serial`, with all threads."""
    n = source.shape[1]
    for tile in numba.prange((n + TILE - 1) // TILE):
        _slide(source, bits, target, states, half, TILE * tile, min(TILE * tile + TILE, n))

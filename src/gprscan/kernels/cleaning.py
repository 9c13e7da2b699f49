"""Taking the echo of a fitted hyperbola out of a section: a rank-one model of its flattened traces, window by window."""

from __future__ import annotations

import math

import numpy as np

from gprscan.kernels.coherence import bistatic_time
from gprscan.kernels.hyperbola import traces_near
from gprscan.kernels.jit import share_out, sum_kernel

SMOOTH = 2.0  # traces, standard deviation of the average of the shares
_HALF = 8  # of that average: four deviations
LEAST_SHARE, MOST_SHARE = -0.5, 2.5
LEAST_SHARED = 0.6  # of the energy of a window of the coda
PARAMETERS = 5  # numbers per hyperbola: see `subtract_curves`


@sum_kernel
def _model(flat, distance, reach, core, width, pulse):  # type: ignore[no-untyped-def]
    """What flattened traces share: each window of the stack by each trace's share of it, half overlapping.

    Windows that begin after sample `pulse`, the last before the apex, hold the coda. They count only where the traces share most
    of their energy, and where it is no more than that of the pulse: what merely crosses the curve there, or is stronger, is a
    body of its own.
    """
    n, m = flat.shape
    stack, total = np.zeros(m, np.float32), 0.0
    edge, core_part = np.empty(n), np.empty(n, np.float32)
    for i in range(n):
        part = math.cos(0.5 * math.pi * min(abs(distance[i]) / (1.05 * core), 1.0)) ** 2
        edge[i] = min(max((reach - abs(distance[i])) / (0.2 * reach + 1e-9), 0.0), 1.0)
        total += part
        core_part[i] = part
        if part > 0.0:
            w = np.float32(part)
            for k in range(m):
                stack[k] += w * flat[i, k]
    out = np.zeros((n, m), np.float32)
    if total <= 0.0:
        return out
    stack /= np.float32(total)
    average = np.empty(2 * _HALF + 1)
    for j in range(2 * _HALF + 1):
        average[j] = math.exp(-0.5 * ((j - _HALF) / SMOOTH) ** 2)
    average /= average.sum()
    taper = np.empty(width, np.float32)
    for k in range(width):
        taper[k] = 0.5 - 0.5 * math.cos(2.0 * math.pi * (k + 1) / (width + 1))
    weight = np.zeros(m, np.float32)
    raw, piece = np.empty(n), np.empty(width, np.float32)
    loudest = 0.0
    for first in range(0, m, max(width // 2, 1)):
        size = min(width, m - first)
        energy = 0.0
        for k in range(size):
            piece[k] = stack[first + k] * taper[k]
            energy += piece[k] * stack[first + k]
        if energy <= 0.0:
            continue
        if first <= pulse:
            loudest = max(loudest, energy)
        else:
            whole = 0.0
            for i in range(n):
                if core_part[i] > 0.0:
                    for k in range(size):
                        whole += core_part[i] * taper[k] * flat[i, first + k] * flat[i, first + k]
            if energy > loudest or energy * total < LEAST_SHARED * whole:
                continue
        for i in range(n):
            piece_of = flat[i, first : first + size]
            dot = np.float32(0.0)
            for k in range(size):
                dot += piece_of[k] * piece[k]
            raw[i] = min(max(dot / energy, LEAST_SHARE), MOST_SHARE)
        for k in range(size):
            weight[first + k] += taper[k]
        for i in range(n):
            share = 0.0
            for j in range(2 * _HALF + 1):
                share += average[j] * raw[min(max(i + j - _HALF, 0), n - 1)]
            scale = np.float32(share * edge[i])
            target = out[i, first : first + size]
            for k in range(size):
                target[k] += scale * piece[k]
    for k in range(m):
        weight[k] = 1.0 / max(weight[k], np.float32(0.3))
    for i in range(n):
        for k in range(m):
            out[i, k] *= weight[k]
    return out


@sum_kernel
def _subtract_one(data, x, valid, curve, sampling, separation, air, span, width):  # type: ignore[no-untyped-def]
    """Take one hyperbola out of `data` in place; see `subtract_curves`."""
    place, time, velocity, reach, core = curve[0], curve[1], curve[2], curve[3], curve[4]
    t_first, dt = sampling
    before, after = span
    rows = traces_near(x, valid, place, reach)
    n = rows.size
    if n < 3:
        return
    m = before + after + 1
    n_samples = data.shape[1]
    flat = np.zeros((n, m), np.float32)
    base, part = np.empty(n, np.int64), np.empty(n, np.float32)
    distance = np.empty(n)
    # a sample outside of the record counts as zero
    held = np.zeros(m + 1, np.float32)
    for i in range(n):
        distance[i] = x[rows[i]] - place
        arrival = bistatic_time(distance[i], max(time - air, 1e-3), velocity, separation) + air
        position = (arrival - t_first) / dt
        whole = int(math.floor(position))
        base[i], part[i] = whole - before, position - whole
        low, high = max(-base[i], 0), min(m + 1, n_samples - base[i])
        if high <= low:
            continue
        held[:] = 0.0
        # not by a slice: the message for shapes that differ would take a second to compile
        source = data[rows[i], base[i] + low : base[i] + high]
        for k in range(high - low):
            held[low + k] = source[k]
        late = part[i]
        early = np.float32(1.0) - late
        for k in range(m):
            flat[i, k] = early * held[k] + late * held[k + 1]
    model = _model(flat, distance, reach, core, width, before - 1)
    # back to the samples: the transpose of the interpolation, good enough for a model that is smooth
    for i in range(n):
        low, high = max(-base[i], 0), min(m + 1, n_samples - base[i])
        if high <= low:
            continue
        late = part[i]
        early = np.float32(1.0) - late
        held[0] = early * model[i, 0]
        for k in range(1, m):
            held[k] = early * model[i, k] + late * model[i, k - 1]
        held[m] = late * model[i, m - 1]
        target, source = data[rows[i], base[i] + low : base[i] + high], held[low:high]
        for k in range(high - low):
            target[k] -= source[k]


@sum_kernel
def _subtract_all(data, x, valid, curves, sampling, separation, air, span, width):  # type: ignore[no-untyped-def]
    for i in range(curves.shape[0]):
        _subtract_one(data, x, valid, curves[i], sampling, separation, air, span, width)


def subtract_curves(
    sections: tuple[np.ndarray, ...],
    x: np.ndarray,
    valid: np.ndarray,
    curves: np.ndarray,
    sampling: tuple[float, float],
    separation: float,
    air: float,
    span: tuple[int, int],
    width: int,
    *,
    threads: int = 1,
) -> None:
    """Take fitted hyperbolas out of sections of the same line, in place and one after the other.

    Parameters
    ----------
    sections : tuple of ndarray of float32, shape (trace, sample)
        Changed in place.
    x : ndarray, shape (trace,)
        Distance along the line, rising, m.
    valid : ndarray of bool, shape (trace,)
        Traces that count; the others are left alone.
    curves : ndarray, shape (curve, PARAMETERS)
        Apex (m), time (ns, air gap included), velocity (m/ns), half-aperture that is cleaned, and that of the fit (m).
    sampling : tuple of float
        Time of sample 0 and sampling interval, ns.
    separation, air : float
        Antenna separation (m), and two-way time in the air gap under the antenna (ns).
    span : tuple of int
        Samples before and after the curve that are modelled.
    width : int
        Samples of a window.
    threads : int
        On which the sections are shared out.
    """

    def work(first: int, last: int) -> None:
        for section in sections[first:last]:
            _subtract_all(section, x, valid, curves, sampling, separation, air, span, width)

    share_out(work, len(sections), threads)

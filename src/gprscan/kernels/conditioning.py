"""Kernels that condition traces for detection, each in one pass over them.

Recursions along time run over a tile of traces that is transposed into the caches, one lane per trace, so that they
vectorise; medians across traces are found by narrowing brackets, which takes many samples at a time and never sorts.
"""

from __future__ import annotations

import math

import numpy as np

from gprscan.kernels.jit import inline, kernel, share_out, sum_kernel
from gprscan.kernels.lanes import WIDTH, counted, load, spread, store

LANES = 32  # traces of a tile
CHUNK = 64  # samples whose medians are found together
ROUNDS = 60  # at most: every other one halves a bracket
CLOSED = np.float32(1e-7)  # width of a bracket over its limits below which it holds one value


@inline
def _alike(one, other):  # type: ignore[no-untyped-def]
    k = 0
    while k < one.size and one[k] == other[k]:
        k += 1
    return k == one.size


@sum_kernel
def trace_spread(traces: np.ndarray, spread: np.ndarray) -> None:
    """Standard deviation of each trace; 0 where it is not finite, or repeats the trace before.

    Parameters
    ----------
    traces : ndarray of float32, shape (trace, sample)
        As recorded.
    spread : ndarray of float64, shape (trace,)
        Filled.
    """
    n = traces.shape[1]
    for i in range(traces.shape[0]):
        trace = traces[i]
        total, squares = 0.0, 0.0
        for k in range(n):
            total += trace[k]
        spread[i] = 0.0
        if not math.isfinite(total) or (i > 0 and _alike(trace, traces[i - 1])):
            continue
        mean = total / n
        for k in range(n):
            squares += (trace[k] - mean) ** 2
        spread[i] = math.sqrt(squares / n)


@inline
def _filter_tile(traces, sos, start_state, pad, first, out):  # type: ignore[no-untyped-def]
    """Filter up to `LANES` traces forwards and backwards; see `zero_phase`."""
    n = traces.shape[1]
    whole = n + 2 * pad
    lanes = min(LANES, traces.shape[0] - first)
    # not a constant: a loop of known length is unrolled before it could be vectorised
    width = max(lanes, LANES // 2)
    tile = np.zeros((whole, width))
    for x in range(lanes):
        trace = traces[first + x]
        for k in range(n):
            tile[pad + k, x] = trace[k]
        # odd about its ends, as scipy's filters extend it
        for k in range(pad):
            tile[k, x] = 2.0 * trace[0] - trace[pad - k]
            tile[pad + n + k, x] = 2.0 * trace[n - 1] - trace[n - 2 - k]
    z, head = np.empty((2, width)), np.empty(width)
    for way in range(2):
        for s in range(sos.shape[0]):
            b0, b1, b2, a1, a2 = sos[s, 0], sos[s, 1], sos[s, 2], sos[s, 4], sos[s, 5]
            if s == 0:
                # the first input is a step for every section
                for x in range(width):
                    head[x] = tile[(whole - 1) * way, x]
            for x in range(width):
                z[0, x] = start_state[s, 0] * head[x]
                z[1, x] = start_state[s, 1] * head[x]
            z0, z1 = z[0], z[1]
            for step in range(whole):
                row = tile[whole - 1 - step] if way == 1 else tile[step]
                for x in range(width):
                    u = row[x]
                    y = b0 * u + z0[x]
                    z0[x] = b1 * u - a1 * y + z1[x]
                    z1[x] = b2 * u - a2 * y
                    row[x] = y
    for x in range(lanes):
        for k in range(n):
            out[first + x, k] = tile[pad + k, x]


@kernel
def _filter_tiles(traces, sos, start_state, pad, first, last, out):  # type: ignore[no-untyped-def]
    for tile in range(first, last):
        _filter_tile(traces, sos, start_state, pad, tile * LANES, out)


def zero_phase(
    traces: np.ndarray, sos: np.ndarray, start_state: np.ndarray, pad: int, *, threads: int = 1
) -> np.ndarray:
    """Filter traces forwards and backwards by second-order sections, as ``scipy.signal.sosfiltfilt`` does.

    Parameters
    ----------
    traces : ndarray of float32, shape (trace, sample)
        More samples than `pad`.
    sos : ndarray of float64, shape (section, 6)
        Sections in transposed direct form II.
    start_state : ndarray of float64, shape (section, 2)
        States of a unit step (``scipy.signal.sosfilt_zi``).
    pad : int
        Samples by which each end is extended.
    threads : int
        On which the traces are shared out.

    Returns
    -------
    ndarray of float32, shape (trace, sample)
    """
    traces = np.ascontiguousarray(traces, dtype=np.float32)
    out = np.empty_like(traces)
    tiles = (traces.shape[0] + LANES - 1) // LANES
    share_out(lambda first, last: _filter_tiles(traces, sos, start_state, pad, first, last, out), tiles, threads)
    return out


@inline
def _count_below(buffer, count, chunk, middle, below):  # type: ignore[no-untyped-def]
    """Count in each column of a (count, chunk) buffer the values that are not above `middle`."""
    for first in range(0, chunk, 4 * WIDTH):
        a, b, c, d = (
            load(middle, first),
            load(middle, first + WIDTH),
            load(middle, first + 2 * WIDTH),
            load(middle, first + 3 * WIDTH),
        )
        e, f, g, h = spread(np.float32(0.0)), spread(np.float32(0.0)), spread(np.float32(0.0)), spread(np.float32(0.0))
        for i in range(count):
            at = i * chunk + first
            e = counted(load(buffer, at), a, e)
            f = counted(load(buffer, at + WIDTH), b, f)
            g = counted(load(buffer, at + 2 * WIDTH), c, g)
            h = counted(load(buffer, at + 3 * WIDTH), d, h)
        store(below, first, e)
        store(below, first + WIDTH, f)
        store(below, first + 2 * WIDTH, g)
        store(below, first + 3 * WIDTH, h)


@inline
def _narrow(low, high, before, until, below, middle, wanted):  # type: ignore[no-untyped-def]
    """Move brackets to where the median is; the most values that are left in one that is not closed."""
    left = np.float32(0.0)
    for k in range(low.size):
        enough = below[k] >= wanted
        high[k] = middle[k] if enough else high[k]
        until[k] = below[k] if enough else until[k]
        low[k] = low[k] if enough else middle[k]
        before[k] = before[k] if enough else below[k]
        more = until[k] - before[k]
        # what a closed bracket holds is one value
        more = more if high[k] - low[k] > CLOSED * (abs(low[k]) + abs(high[k])) else np.float32(0.0)
        left = left if left > more else more
    return left


@inline
def _median_of_rows(traces, rows, out, buffer):  # type: ignore[no-untyped-def]
    """Median over some traces of every sample; `buffer` is (row, CHUNK) work space."""
    n, count = traces.shape[1], rows.size
    # not a constant: a loop of known length is unrolled before it could be vectorised
    chunk = buffer.shape[1]
    wanted = np.float32((count + 1) // 2)
    low, high = np.empty(chunk, np.float32), np.empty(chunk, np.float32)
    # how many values lie up to either; in single precision, since what has one width vectorises
    before, until = np.empty(chunk, np.float32), np.empty(chunk, np.float32)
    middle, below = np.empty(chunk, np.float32), np.empty(chunk, np.float32)
    for first in range(0, n, chunk):
        size = min(chunk, n - first)
        for i in range(count):
            part = traces[rows[i], first : first + size]
            for k in range(size):
                buffer[i, k] = part[k]
            for k in range(size, chunk):
                buffer[i, k] = 0.0
        low[:] = np.inf
        high[:] = -np.inf
        for i in range(count):
            for k in range(chunk):
                low[k] = low[k] if low[k] < buffer[i, k] else buffer[i, k]
                high[k] = high[k] if high[k] > buffer[i, k] else buffer[i, k]
        before[:] = 0.0
        until[:] = count
        for number in range(ROUNDS):
            # by turns the middle, and where the median lies if values are spread evenly
            odd, even = np.float32(number % 2), np.float32(0.5 * (1 - number % 2))
            for k in range(chunk):
                share = even + odd * (wanted - np.float32(0.5) - before[k]) / (until[k] - before[k])
                share = share if share > np.float32(0.05) else np.float32(0.05)
                share = share if share < np.float32(0.95) else np.float32(0.95)
                middle[k] = low[k] + share * (high[k] - low[k])
            _count_below(buffer.reshape(-1), count, chunk, middle, below)
            if _narrow(low, high, before, until, below, middle, wanted) <= 1.0:
                break
        # from the bracket to the values on either side of the middle
        low[:] = -np.inf
        below[:] = 0
        middle[:] = np.inf
        for i in range(count):
            for k in range(chunk):
                value = buffer[i, k]
                inside = value <= high[k]
                below[k] += np.float32(1.0) if inside else np.float32(0.0)
                low[k] = value if inside and value > low[k] else low[k]
                middle[k] = middle[k] if inside or middle[k] < value else value
        for k in range(size):
            even_count = count % 2 == 0 and below[k] == wanted
            out[first + k] = np.float32(0.5) * (low[k] + middle[k]) if even_count else low[k]


@kernel
def _medians(traces, rows, starts, stops, out):  # type: ignore[no-untyped-def]
    for c in range(starts.size):
        buffer = np.empty((stops[c] - starts[c], CHUNK), np.float32)
        _median_of_rows(traces, rows[starts[c] : stops[c]], out[c], buffer)


def medians(
    traces: np.ndarray, rows: np.ndarray, starts: np.ndarray, stops: np.ndarray, *, threads: int = 1
) -> np.ndarray:
    """Median over groups of traces, sample by sample.

    Parameters
    ----------
    traces : ndarray of float32, shape (trace, sample)
        Finite where they are used.
    rows : ndarray of int64
        Traces that count.
    starts, stops : ndarray of int64, shape (group,)
        Each group is ``rows[start:stop]``, not empty.
    threads : int
        As for `zero_phase`.

    Returns
    -------
    ndarray of float32, shape (group, sample)
    """
    traces = np.ascontiguousarray(traces, dtype=np.float32)
    out = np.empty((starts.size, traces.shape[1]), np.float32)

    def work(first: int, last: int) -> None:
        _medians(traces, rows, starts[first:last], stops[first:last], out[first:last])

    share_out(work, starts.size, threads)
    return out


def median_trace(traces: np.ndarray) -> np.ndarray:
    """Median over all traces, sample by sample.

    Parameters
    ----------
    traces : ndarray of float32, shape (trace, sample)
        Finite; at least one.

    Returns
    -------
    ndarray of float32, shape (sample,)
    """
    return medians(traces, np.arange(traces.shape[0]), np.array([0]), np.array([traces.shape[0]]))[0]


@kernel
def _trace_medians(traces, step, first, last, out):  # type: ignore[no-untyped-def]
    count = (traces.shape[1] + step - 1) // step
    columns, buffer = np.zeros((count, CHUNK), np.float32), np.empty((count, CHUNK), np.float32)
    rows, found = np.arange(count), np.empty(CHUNK, np.float32)
    for chunk in range(first, last):
        begin = chunk * CHUNK
        size = min(CHUNK, traces.shape[0] - begin)
        for i in range(size):
            trace = traces[begin + i]
            for k in range(count):
                columns[k, i] = trace[k * step]
        _median_of_rows(columns, rows, found, buffer)
        out[begin : begin + size] = found[:size]


def trace_medians(traces: np.ndarray, step: int, *, threads: int = 1) -> np.ndarray:
    """Median of every `step`-th sample of each trace.

    Parameters
    ----------
    traces : ndarray of float32, shape (trace, sample)
        Finite.
    step : int
    threads : int
        As for `zero_phase`.

    Returns
    -------
    ndarray of float32, shape (trace,)
    """
    out = np.empty(traces.shape[0], np.float32)
    chunks = -(-traces.shape[0] // CHUNK)
    share_out(lambda first, last: _trace_medians(traces, step, first, last, out), chunks, threads)
    return out


@sum_kernel
def less_lines(traces: np.ndarray, knots: np.ndarray, place: np.ndarray, valid: np.ndarray, out: np.ndarray) -> None:
    """Traces less what is interpolated between knots along the line; zero where they are not valid.

    Parameters
    ----------
    traces : ndarray of float32, shape (trace, sample)
        Left alone.
    knots : ndarray of float32, shape (knot, sample)
        What is subtracted, at some places along the line.
    place : ndarray of float64, shape (trace,)
        Place of each trace among the knots, 0 to knots less 1.
    valid : ndarray of bool, shape (trace,)
        Traces that are wanted.
    out : ndarray of float32, shape (trace, sample)
        Filled; may be `traces`.
    """
    last = knots.shape[0] - 1
    for i in range(traces.shape[0]):
        trace, target = traces[i], out[i]
        if not valid[i]:
            target[:] = 0.0
            continue
        low = max(min(int(place[i]), last - 1), 0)
        part = np.float32(place[i] - low)
        whole = np.float32(1.0) - part
        a, b = knots[low], knots[min(low + 1, last)]
        for k in range(trace.size):
            target[k] = trace[k] - (whole * a[k] + part * b[k])


@sum_kernel
def scale_samples(traces: np.ndarray, scale: np.ndarray, power: np.ndarray) -> None:
    """Multiply samples by a factor over time, in place, and fill the root mean square of each trace.

    Parameters
    ----------
    traces : ndarray of float32, shape (trace, sample)
    scale : ndarray of float32, shape (sample,)
    power : ndarray of float64, shape (trace,)
        Filled.
    """
    for i in range(traces.shape[0]):
        trace = traces[i]
        total = np.float32(0.0)
        for k in range(scale.size):
            value = trace[k] * scale[k]
            trace[k] = value
            total += value * value
        power[i] = math.sqrt(total / scale.size)


@sum_kernel
def limit_bursts(traces: np.ndarray, power: np.ndarray, most: float, limit: float, valid: np.ndarray) -> None:
    """Scale loud traces down and bend large samples towards a limit, in place: ``limit tanh(sample / limit)``.

    Parameters
    ----------
    traces : ndarray of float32, shape (trace, sample)
    power : ndarray of float64, shape (trace,)
        Root mean square of each trace.
    most : float
        Root mean square that a trace may have.
    limit : float
        No sample is larger afterwards.
    valid : ndarray of bool, shape (trace,)
        The others become zero.
    """
    end, bent = np.float32(limit), np.empty(traces.shape[1], np.float32)
    p0, p1, p2 = np.float32(135135.0), np.float32(17325.0), np.float32(378.0)
    q1, q2 = np.float32(62370.0), np.float32(3150.0)
    for i in range(traces.shape[0]):
        trace = traces[i]
        if not valid[i]:
            trace[:] = 0.0
            continue
        scale = np.float32(min(most / max(power[i], 1e-30), 1.0) / limit)
        for k in range(trace.size):
            u = trace[k] * scale
            square = u * u
            # the continued fraction, exact to a millionth up to 1.5 and no branch: most samples are small
            above = p0 + square * (p1 + square * (p2 + square))
            below = p0 + square * (q1 + square * (q2 + np.float32(28.0) * square))
            bent[k] = end * u * above / below
        top = np.float32(0.0)
        for k in range(trace.size):
            top = max(top, abs(trace[k]))
        if top * scale > np.float32(1.5):
            for k in range(trace.size):
                if abs(trace[k] * scale) > np.float32(1.5):
                    bent[k] = end * math.tanh(trace[k] * scale)
        for k in range(trace.size):
            trace[k] = bent[k]


@kernel
def modulus(real: np.ndarray, imaginary: np.ndarray, out: np.ndarray) -> None:
    """Fill the modulus of complex samples.

    Parameters
    ----------
    real, imaginary, out : ndarray of float32, shape (trace, sample)
        `out` is filled.
    """
    for i in range(real.shape[0]):
        a, b, target = real[i], imaginary[i], out[i]
        for k in range(target.size):
            # in double precision no square is too small or too large
            x, y = np.float64(a[k]), np.float64(b[k])
            target[k] = math.sqrt(x * x + y * y)


@sum_kernel
def best_lags(traces: np.ndarray, model: np.ndarray, reach: int, lag: np.ndarray, score: np.ndarray) -> None:
    """Lag at which each trace is most like a model, to a part of a sample, and the correlation there.

    Parameters
    ----------
    traces : ndarray of float32, shape (trace, sample)
        Their ends are held beyond the record.
    model : ndarray of float32, shape (sample,)
        What they are compared with.
    reach : int
        Largest lag in samples.
    lag, score : ndarray of float64, shape (trace,)
        Filled; a lag at the limit has score 0.
    """
    n = model.size
    held = np.empty(n + 2 * reach, np.float32)
    scores = np.empty(2 * reach + 1)
    power = np.float32(0.0)
    for k in range(n):
        power += model[k] * model[k]
    for i in range(traces.shape[0]):
        own = np.float32(0.0)
        for k in range(n):
            held[reach + k] = traces[i, k]
            own += traces[i, k] * traces[i, k]
        held[:reach] = traces[i, 0]
        held[reach + n :] = traces[i, n - 1]
        best = 0
        for shift in range(2 * reach + 1):
            part = held[shift : shift + n]
            total = np.float32(0.0)
            for k in range(n):
                total += part[k] * model[k]
            scores[shift] = total
            if total > scores[best]:
                best = shift
        inner = min(max(best, 1), 2 * reach - 1)
        curve = scores[inner - 1] - 2.0 * scores[inner] + scores[inner + 1]
        fine = 0.5 * (scores[inner - 1] - scores[inner + 1]) / curve if curve < 0.0 else 0.0
        lag[i] = inner - reach + min(max(fine, -1.0), 1.0)
        edge = best in (0, 2 * reach)
        score[i] = 0.0 if edge else scores[best] / (math.sqrt(float(own)) * math.sqrt(float(power)) + 1e-30)


@kernel
def shift_traces(traces: np.ndarray, samples: np.ndarray, out: np.ndarray) -> None:
    """Move each trace earlier by its number of samples: linear interpolation, the ends held.

    Parameters
    ----------
    traces, out : ndarray of float32, shape (trace, sample)
        `out` is filled.
    samples : ndarray of float64, shape (trace,)
        Positive: earlier.
    """
    n = traces.shape[1]
    for i in range(traces.shape[0]):
        whole = math.floor(samples[i])
        part = np.float32(samples[i] - whole)
        for k in range(n):
            j = k + int(whole)
            before = traces[i, min(max(j, 0), n - 1)]
            after = traces[i, min(max(j + 1, 0), n - 1)]
            out[i, k] = before + part * (after - before)


@inline
def _solved(normal, right, lower, upper, states, x):  # type: ignore[no-untyped-def]
    """Minimise a quadratic of three variables with some held at a limit; False where the rest leave theirs."""
    a, b = normal.copy(), right.copy()
    for i in range(3):
        if states[i] != 0:
            limit = lower[i] if states[i] < 0 else upper[i]
            for j in range(3):
                b[j] -= normal[j, i] * limit
    for i in range(3):
        if states[i] != 0:
            a[i, :] = 0.0
            a[:, i] = 0.0
            a[i, i] = 1.0
            b[i] = lower[i] if states[i] < 0 else upper[i]
    for i in range(3):
        if abs(a[i, i]) < 1e-14:
            return False
        for j in range(i + 1, 3):
            ratio = a[j, i] / a[i, i]
            for k in range(i, 3):
                a[j, k] -= ratio * a[i, k]
            b[j] -= ratio * b[i]
    for i in range(2, -1, -1):
        total = b[i]
        for k in range(i + 1, 3):
            total -= a[i, k] * x[k]
        x[i] = total / a[i, i]
    inside = True
    for i in range(3):
        inside = inside and (states[i] != 0 or lower[i] <= x[i] <= upper[i])
    return inside


@kernel
def bounded_least_squares(
    basis: np.ndarray, values: np.ndarray, weight: np.ndarray, lower: np.ndarray, upper: np.ndarray
) -> np.ndarray:
    """Weighted least squares for three coefficients within limits: the best of all sets of limits that may hold.

    Parameters
    ----------
    basis : ndarray of float64, shape (3, n)
        Functions that are fitted.
    values, weight : ndarray of float64, shape (n,)
        What they are fitted to.
    lower, upper : ndarray of float64, shape (3,)
        Limits of the coefficients.

    Returns
    -------
    ndarray of float64, shape (3,)
    """
    normal, right = np.zeros((3, 3)), np.zeros(3)
    for k in range(values.size):
        for i in range(3):
            right[i] += weight[k] * basis[i, k] * values[k]
            for j in range(3):
                normal[i, j] += weight[k] * basis[i, k] * basis[j, k]
    best, least = lower.copy(), np.inf
    x, states = np.zeros(3), np.zeros(3, np.int64)
    for number in range(27):
        for i in range(3):
            states[i] = number // 3**i % 3 - 1
        if not _solved(normal, right, lower, upper, states, x):
            continue
        cost = 0.0
        for i in range(3):
            cost -= 2.0 * right[i] * x[i]
            for j in range(3):
                cost += x[i] * normal[i, j] * x[j]
        if cost < least:
            least = cost
            best[:] = x
    return best

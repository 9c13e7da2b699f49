"""What every filter needs: the traces as rows, windows in samples, and the choice between one thread and all."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import xarray as xr

from gprscan import model, names
from gprscan.errors import MissingPositionError, ParameterError
from gprscan.kernels import traces as trace_kernels
from gprscan.kernels.jit import threads


def run(serial: Callable[..., None], parallel: Callable[..., None], *arguments: Any) -> None:
    """Call the parallel driver of a kernel where that is safe, else the serial one."""
    (parallel if threads() > 1 else serial)(*arguments)


def buffers(line: xr.Dataset, *, separate: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """Return the traces as float32 and an array for the result, both of the shape of the amplitude.

    Parameters
    ----------
    line : xarray.Dataset
        A line; its samples are never written to.
    separate : bool
        Whether the two must not be the same memory. Otherwise they are, where the samples had to be converted anyway.
    """
    source = samples(line)
    converted = not np.may_share_memory(source, line[names.AMPLITUDE].values)
    return source, source if converted and not separate else np.empty_like(source)


def samples(line: xr.Dataset) -> np.ndarray:
    """Return the traces as float32, the line's own memory where they are that already: not to be written to."""
    values = line[names.AMPLITUDE].values
    if values.dtype == np.float32 and values.flags.c_contiguous and names.STATUS not in line.coords:
        return np.asarray(values)
    return model.amplitude(line)


def rows(values: np.ndarray) -> np.ndarray:
    """View an array of traces as rows, shape (traces, samples)."""
    return values.reshape(-1, values.shape[-1])


def channels(values: np.ndarray) -> np.ndarray:
    """View an array of traces as a stack of profiles, shape (channels, traces, samples)."""
    return values.reshape(-1, *values.shape[-2:])


def states(values: np.ndarray) -> np.ndarray:
    """Return 0 for each dead trace, 1 for a live one, 2 for one with gaps; shape as `values` without samples."""
    found = np.empty(values.shape[:-1], dtype="int8")
    run(trace_kernels.trace_states_serial, trace_kernels.trace_states_parallel, rows(values), found.reshape(-1))
    return found


def unit(values: np.ndarray) -> np.float32:
    """Return a power of two as large as the largest finite sample, 1 where there is none but zeros.

    What is divided by it loses nothing, and can be squared whatever the units of the amplitude are: float32 ends at
    1e38, so that squares of samples beyond 1e19 overflow, and those below 1e-19 vanish.
    """
    finite = np.isfinite(values)
    largest = max(float(values.max(initial=0.0, where=finite)), -float(values.min(initial=0.0, where=finite)))
    # not the very smallest powers: their inverse is not a float32
    return np.float32(2.0 ** max(np.frexp(largest)[1], -126)) if largest > 0 else np.float32(1.0)


def blocks(n_rows: int, n_samples: int, size: int = 1 << 18) -> Iterator[slice]:
    """Cut rows into blocks of about `size` samples, so that temporaries stay in the cache."""
    length = max(1, size // max(n_samples, 1))
    for start in range(0, n_rows, length):
        yield slice(start, min(start + length, n_rows))


def half_window(window: float, interval: float) -> int:
    """Return how many samples on each side lie within half of `window`."""
    return max(0, int(0.5 * window / interval + 1e-6)) if interval > 0 else 0


def window_traces(line: xr.Dataset, values: dict[str, Any], step: str, usual: float) -> int:
    """Return the width in traces of a window along the line that was given in m, in traces, or both.

    Parameters
    ----------
    values : dict
        ``window`` in m and ``traces``, either of them None; with both, `window` rules where the line has distances.
    usual : float
        m, where neither is given.

    Raises
    ------
    MissingPositionError
        If a width in m is needed but the line has no distances; the message names the argument to give instead.
    ParameterError
        If the window has fewer than 3 traces.
    """
    traces = values["traces"]
    if traces is None or (values["window"] is not None and names.DISTANCE in line.coords):
        window = usual if values["window"] is None else values["window"]
        try:
            spacing = model.trace_spacing(line)
        except MissingPositionError as error:
            msg = f"{step}: a window in m needs distances. {error} Or give the window in traces: traces=101."
            raise MissingPositionError(msg) from None
        traces = 2 * half_window(window, spacing) + 1
    if traces < 3:
        msg = f"{step}: a window of {traces} traces holds nothing to compare with; it needs at least 3 of them."
        raise ParameterError(msg)
    return traces


def sampled(line: xr.Dataset, count: int = 4096) -> np.ndarray:
    """Return about `count` traces spread over the line, to measure it on; shape (channels, traces, samples)."""
    each = max(256, count // line.sizes.get(names.CHANNEL, 1))
    stride = max(1, line.sizes[names.TRACE] // each)
    return channels(model.amplitude(line.isel({names.TRACE: slice(None, None, stride)})))


def periods(line: xr.Dataset, step: str, count: float, argument: str) -> float:
    """Return `count` periods of the antenna in ns.

    Raises
    ------
    ParameterError
        If the centre frequency of the antenna is not known; the message names the argument to give instead.
    """
    frequency = model.centre_frequency(line)
    if frequency is None:
        msg = (
            f"{step}: the centre frequency of the antenna is not known, so {argument} cannot be chosen. Give "
            f"{argument} "
            f"in ns ({count:g} periods of a 400 MHz antenna are {count * 2.5:g} ns), or the frequency when reading: "
            "gprscan.read(path, frequency=400)."
        )
        raise ParameterError(msg)
    return count * 1000.0 / frequency


def band(line: xr.Dataset, step: str, low: float, high: float) -> tuple[float, float]:
    """Return `low` and `high` times the centre frequency of the antenna, in MHz.

    Raises
    ------
    ParameterError
        If the centre frequency is not known.
    """
    frequency = model.centre_frequency(line)
    if frequency is None:
        msg = (
            f"{step}: the centre frequency of the antenna is not known, so the band cannot be chosen. Give low and "
            f"high "
            f"in MHz ({low:g} and {high:g} times the centre frequency are usual), or the frequency when reading: "
            "gprscan.read(path, frequency=400)."
        )
        raise ParameterError(msg)
    return low * frequency, high * frequency

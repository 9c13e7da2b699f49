"""Filters in the frequency domain, in blocks of traces so that spectra stay in the cache; float32 throughout."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import xarray as xr
from scipy import fft

from gprscan import model, names
from gprscan.filters import _arrays
from gprscan.kernels.jit import threads


def frequencies(n: int, interval: float) -> np.ndarray:
    """Return the frequencies of a real transform of `n` samples in MHz, for an interval in ns."""
    return fft.rfftfreq(n, interval) * 1000.0


def fast_length(n: int) -> int:
    """Return a length of at least `n` at which the transform is fast."""
    return int(fft.next_fast_len(n, real=True))


def per_block(line: xr.Dataset, change: Callable[[np.ndarray, slice], np.ndarray]) -> xr.Dataset:
    """Return the line with ``change(traces, rows) -> traces`` done to blocks of its traces.

    `change` gets float32 traces in which samples that are not finite are zero, and the rows that they are of all rows
    (channels after one another); such samples are put back afterwards, and dead traces are left alone.
    """
    source, target = _arrays.buffers(line)
    state = _arrays.states(source).reshape(-1)
    read, write = _arrays.rows(source), _arrays.rows(target)
    for block in _arrays.blocks(*read.shape):
        traces = read[block]
        kinds = state[block]
        if (kinds == 1).all():
            write[block] = change(traces, block)
            continue
        gaps = ~np.isfinite(traces)
        result = change(np.where(gaps, np.float32(0.0), traces), block)
        keep = gaps | (kinds == 0)[:, None]
        write[block] = np.where(keep, traces, result)
    return model.with_amplitude(line, target)


def multiply(line: xr.Dataset, response: np.ndarray, length: int, *, per_channel: bool = False) -> xr.Dataset:
    """Return the line with the real transform of each trace, padded to `length`, multiplied by `response`.

    Parameters
    ----------
    line : xarray.Dataset
        A line.
    response : ndarray, shape (length // 2 + 1,) or (channels, length // 2 + 1)
        Real or complex.
    length : int
        Samples of the transform.
    per_channel : bool
        Whether there is a response for each channel.
    """
    kind = np.complex64 if np.iscomplexobj(response) else np.float32
    factor = np.ascontiguousarray(response, dtype=kind)
    n_traces = line.sizes[names.TRACE]

    def change(traces: np.ndarray, rows: slice) -> np.ndarray:
        spectrum = fft.rfft(traces, length, workers=threads())
        spectrum *= factor[np.arange(rows.start, rows.stop) // n_traces] if per_channel else factor
        return fft.irfft(spectrum, length, workers=threads())[:, : traces.shape[1]]

    return per_block(line, change)


def analytic(traces: np.ndarray, length: int) -> np.ndarray:
    """Return the analytic signal of traces, shape (traces, samples), complex64 (Marple 1999, IEEE Trans. SP 47, 2600).

    The transform is padded with zeros to `length`, so that the direct wave does not come back at the end of the trace.
    """
    spectrum = np.zeros((traces.shape[0], length), dtype="complex64")
    half = length // 2 + 1
    spectrum[:, :half] = fft.rfft(traces, length, workers=threads())
    spectrum[:, 1 : (length + 1) // 2] *= 2.0
    return fft.ifft(spectrum, overwrite_x=True, workers=threads())[:, : traces.shape[1]]

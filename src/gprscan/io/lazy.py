"""Trace-major sample files as lazy arrays: a slice of traces reads the bytes of those traces and no others.

Plain reads are used rather than a memory map: as fast from the page cache, and a file that shrinks under a memory map
kills the process, where a short read is an error that can be reported.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from xarray.backends import BackendArray
from xarray.core import indexing

from gprscan.errors import ReadError, TruncatedFileError

BLOCK_BYTES = 4 * 2**20
GAP_BYTES = 2**16  # reading over a gap of this size is cheaper than a seek
# headers of more traces than this are looked at in a sample, and read whole only where they turn out to be needed
MANY_TRACES, SOME_TRACES = 2**18, 4096


@dataclass(frozen=True)
class TraceLayout:
    """Where the samples of a file are: equal records, one per trace, each an optional header and its channels.

    Attributes
    ----------
    path : str
        The file.
    offset : int
        Byte at which the first record begins.
    n_traces, n_samples, n_channels : int
        Counts; a record holds the samples of channel 0, then those of channel 1, and so on.
    stored : numpy.dtype
        Type of a sample in the file, byte order included.
    prefix : int
        Bytes of each record before its samples.
    suffix : int
        Bytes of each record after its samples.
    offset_binary : bool
        Samples are unsigned with mid-scale as zero; they are handed out signed, without loss.
    ibm_float : bool
        Samples are 32-bit hexadecimal floats of IBM's System/360, stored as unsigned words; handed out as float32.
    """

    path: str
    offset: int
    n_traces: int
    n_samples: int
    stored: np.dtype
    n_channels: int = 1
    prefix: int = 0
    suffix: int = 0
    offset_binary: bool = False
    ibm_float: bool = False

    @property
    def record(self) -> int:
        """Bytes of one trace with its header and all channels."""
        return self.prefix + self.n_channels * self.n_samples * self.stored.itemsize + self.suffix

    @property
    def dtype(self) -> np.dtype:
        """Type in which samples are handed out, in the machine's byte order."""
        kind = "f" if self.ibm_float else "i" if self.offset_binary else self.stored.kind
        return np.dtype(f"{kind}{self.stored.itemsize}")

    def read_block(self, first: int, count: int) -> np.ndarray:
        """Return stored samples of `count` traces, shape (count, channel, sample), as a view of the bytes read."""
        buffer = self.read_bytes(first, count)
        strides = (self.record, self.n_samples * self.stored.itemsize, self.stored.itemsize)
        shape = (count, self.n_channels, self.n_samples)
        return np.ndarray(shape, self.stored, buffer, offset=self.prefix, strides=strides)

    def read_bytes(self, first: int, count: int) -> np.ndarray:
        """Return the raw records of `count` traces as bytes, shape (count * record,)."""
        buffer = np.empty(count * self.record, dtype="u1")
        fill(self.path, self.offset + first * self.record, buffer)
        return buffer

    def headers(self, rows: np.ndarray | None = None, start: int = 0, stop: int | None = None) -> np.ndarray:
        """Return bytes `start` to `stop` of trace headers, all of them by default, shape (trace, byte).

        Parameters
        ----------
        rows : ndarray of int, optional
            Traces, in rising order; all of them by default.
        """
        stop = self.prefix if stop is None else stop
        if rows is None and self.record <= GAP_BYTES:
            out = np.empty((self.n_traces, stop - start), dtype="u1")
            n = max(1, BLOCK_BYTES // self.record)
            for first in range(0, self.n_traces, n):
                count = min(n, self.n_traces - first)
                out[first : first + count] = self.read_bytes(first, count).reshape(count, self.record)[:, start:stop]
            return out
        chosen = np.arange(self.n_traces) if rows is None else rows
        out = np.empty((len(chosen), stop - start), dtype="u1")
        with opened(self.path) as file:
            for row, trace in zip(out, chosen, strict=True):
                fill_from(file, self.offset + int(trace) * self.record + start, row)
        return out

    def spread(self, most: int = MANY_TRACES, some: int = SOME_TRACES) -> np.ndarray:
        """Return the numbers of all traces where there are at most `most`, else of `some` spread over the file."""
        if self.n_traces <= most:
            return np.arange(self.n_traces)
        return np.unique(np.linspace(0, self.n_traces - 1, some).astype(int))


@contextlib.contextmanager
def opened(path: str) -> Iterator[io.FileIO]:
    """Open a file for reading; what the system refuses is a `ReadError`."""
    try:
        with io.FileIO(path) as file:
            yield file
    except TruncatedFileError:
        raise
    except OSError as error:
        msg = f"{path}: cannot be read any more ({error.strerror})."
        raise ReadError(msg) from error


def fill(path: str, offset: int, target: np.ndarray) -> None:
    """Fill an array with the bytes of a file from `offset` on."""
    with opened(path) as file:
        fill_from(file, offset, target)


def fill_from(file: io.FileIO, offset: int, target: np.ndarray) -> None:
    """Fill an array with the bytes of an open file from `offset` on."""
    view = memoryview(target.reshape(-1).view("u1"))  # type: ignore[arg-type]
    file.seek(offset)
    done = 0
    while done < len(view):
        got = file.readinto(view[done:])
        if not got:
            missing = f"{len(view) - done} bytes short"
            msg = f"{file.name}: ends at byte {offset + done}, {missing}. It changed since it was opened."
            raise TruncatedFileError(msg)
        done += got


class TraceArray(BackendArray):
    """Samples of a `TraceLayout` for xarray, shape ([channel,] trace, sample)."""

    def __init__(self, layout: TraceLayout) -> None:
        self.layout = layout
        shape = (layout.n_traces, layout.n_samples)
        self.shape = shape if layout.n_channels == 1 else (layout.n_channels, *shape)
        self.dtype = layout.dtype

    def __getitem__(self, key: indexing.ExplicitIndexer) -> Any:
        return indexing.explicit_indexing_adapter(key, self.shape, indexing.IndexingSupport.OUTER, self._read)

    def _read(self, key: tuple[Any, ...]) -> np.ndarray:
        layout = self.layout
        channel, trace, sample = key if len(key) == 3 else (0, *key)
        channels = as_positions(channel, layout.n_channels)
        traces = as_positions(trace, layout.n_traces)
        samples = as_positions(sample, layout.n_samples)
        out = np.empty((len(channels), len(traces), len(samples)), dtype=self.dtype)
        if _whole_records(layout, channels, traces, samples):
            if out.size:
                fill(layout.path, layout.offset + int(traces[0]) * layout.record, out)
        else:
            raw = out.view(layout.stored.newbyteorder("="))
            pick = _as_slice(samples)
            for first, count, rows, where in blocks(traces, layout.record):
                block = layout.read_block(first, count)
                for i, c in enumerate(channels):
                    raw[i, where] = block[:, c][rows][:, pick]
        if layout.offset_binary:
            _signed(out)
        if layout.ibm_float:
            out = ibm_to_ieee(out.view("u4"))
        squeeze = tuple(i for i, k in enumerate((channel, trace, sample)) if isinstance(k, int | np.integer))
        return out.reshape([n for i, n in enumerate(out.shape) if i not in squeeze])


def _whole_records(layout: TraceLayout, channels: np.ndarray, traces: np.ndarray, samples: np.ndarray) -> bool:
    """Whether the request is one run of whole records that can be read straight into the result."""
    plain = (
        layout.prefix + layout.suffix == 0 and layout.n_channels == 1 and layout.stored.isnative and len(channels) == 1
    )
    run = len(traces) < 2 or (int(traces[-1] - traces[0]) == len(traces) - 1 and bool(np.all(np.diff(traces) == 1)))
    full = len(samples) == layout.n_samples and (len(samples) < 2 or bool(np.all(np.diff(samples) == 1)))
    return plain and run and full


def as_positions(key: Any, n: int) -> np.ndarray:
    """Turn an integer, a slice or an array of an outer indexer into positions."""
    if isinstance(key, int | np.integer):
        return np.array([int(key) % n])
    return np.arange(n)[key]


def _as_slice(positions: np.ndarray) -> Any:
    """Return a slice for a run of consecutive positions, which makes a view rather than a copy."""
    if len(positions) and np.array_equal(positions, np.arange(positions[0], positions[0] + len(positions))):
        return slice(int(positions[0]), int(positions[0]) + len(positions))
    return positions


def blocks(traces: np.ndarray, record: int) -> Iterator[tuple[int, int, Any, Any]]:
    """Cut trace numbers into reads of bounded size: first trace, count, rows within the read, places in the result."""
    order = np.argsort(traces, kind="stable")
    ordered = traces[order]
    rows = max(1, BLOCK_BYTES // record)
    gap = max(1, GAP_BYTES // record)
    start = 0
    while start < len(ordered):
        stop = int(np.searchsorted(ordered, ordered[start] + rows))
        wide = np.flatnonzero(np.diff(ordered[start:stop]) > gap)
        if len(wide):
            stop = start + int(wide[0]) + 1
        first = int(ordered[start])
        yield (
            first,
            int(ordered[stop - 1]) - first + 1,
            _as_slice(ordered[start:stop] - first),
            _as_slice(order[start:stop]),
        )
        start = stop


class HeaderFlag(BackendArray):
    """Whether a word of each trace header has one of some values, shape (trace,), 0 or 1; read when it is used.

    Parameters
    ----------
    layout : TraceLayout
        Where the traces are.
    at : int
        Byte of the word within the header.
    kind : numpy.dtype
        Type of the word, byte order included.
    values : sequence of float
        The values that count.
    """

    def __init__(self, layout: TraceLayout, at: int, kind: np.dtype, values: Sequence[float]) -> None:
        self.layout, self.at, self.kind, self.values = layout, at, kind, tuple(values)
        self.shape, self.dtype = (layout.n_traces,), np.dtype("i1")

    def __getitem__(self, key: indexing.ExplicitIndexer) -> Any:
        return indexing.explicit_indexing_adapter(key, self.shape, indexing.IndexingSupport.OUTER, self._read)

    def _read(self, key: tuple[Any, ...]) -> Any:
        traces = as_positions(key[0], self.shape[0])
        rows, back = np.unique(traces, return_inverse=True)
        whole = None if len(rows) == self.shape[0] else rows
        words = self.layout.headers(whole, self.at, self.at + self.kind.itemsize).view(self.kind)[:, 0]
        flags = np.isin(words, self.values).astype("i1")[back]
        return flags[0] if isinstance(key[0], int | np.integer) else flags


class ScatteredTraces(BackendArray):
    """Traces that lie anywhere in a file, shape (trace, sample), each read when it is used.

    Parameters
    ----------
    path : str
        The file.
    places : ndarray of int, shape (trace,)
        Byte at which the samples of each trace begin.
    n_samples : int
        Samples per trace.
    stored : numpy.dtype
        Type of a stored item, byte order included.
    items : int
        Stored items per trace, the number of samples unless they are packed.
    unpack : callable, optional
        ``unpack(items of shape (trace, item), n_samples) -> samples`` of type int32.
    """

    def __init__(
        self,
        path: str,
        places: np.ndarray,
        n_samples: int,
        stored: np.dtype,
        items: int,
        unpack: Callable[[np.ndarray, int], np.ndarray] | None = None,
    ) -> None:
        self.path, self.places, self.stored, self.items, self.unpack = path, places, stored, items, unpack
        self.shape = (len(places), n_samples)
        self.dtype = np.dtype("i4") if unpack else stored.newbyteorder("=")

    def __getitem__(self, key: indexing.ExplicitIndexer) -> Any:
        return indexing.explicit_indexing_adapter(key, self.shape, indexing.IndexingSupport.OUTER, self._read)

    def _read(self, key: tuple[Any, ...]) -> Any:
        traces = as_positions(key[0], self.shape[0])
        out = np.empty((len(traces), self.shape[1]), dtype=self.dtype)
        rows = max(1, BLOCK_BYTES // (self.items * self.stored.itemsize))
        for start in range(0, len(traces), rows):
            chosen = traces[start : start + rows]
            raw = np.empty((len(chosen), self.items), dtype=self.stored)
            for row, trace in zip(raw, chosen, strict=True):
                fill(self.path, int(self.places[trace]), row)
            out[start : start + rows] = self.unpack(raw, self.shape[1]) if self.unpack else raw
        picked = out[:, key[1]]
        return picked[0] if isinstance(key[0], int | np.integer) else picked

    def variable(self) -> xr.Variable:
        """Return the samples as a lazy variable over (trace, twt)."""
        return xr.Variable(("trace", "twt"), indexing.LazilyIndexedArray(self))


def probe_scattered(traces: ScatteredTraces, limit: int = BLOCK_BYTES) -> np.ndarray:
    """Return traces spread evenly over the file as `probe` does, shape (trace, 1, sample)."""
    n = max(1, min(traces.shape[0], limit // (traces.shape[1] * traces.dtype.itemsize)))
    chosen = np.unique(np.linspace(0, traces.shape[0] - 1, n).astype(int))
    return np.asarray(traces.variable()[chosen].values)[:, None]


def lazy_variable(layout: TraceLayout) -> xr.Variable:
    """Return the samples of a layout as a lazy variable over ([channel,] trace, twt)."""
    array = TraceArray(layout)
    dims = ("trace", "twt") if len(array.shape) == 2 else ("channel", "trace", "twt")
    return xr.Variable(dims, indexing.LazilyIndexedArray(array))


def probe(layout: TraceLayout, limit: int = BLOCK_BYTES) -> np.ndarray:
    """Return whole traces spread evenly over the file, at most `limit` bytes; shape (trace, channel, sample), signed.

    All traces where they fit: checks that look at values stay cheap on a file of any length.
    """
    n = max(1, min(layout.n_traces, limit // layout.record))
    if n == layout.n_traces or n < 8:
        blocks = [layout.read_block(0, n)]
    else:
        firsts = np.linspace(0, layout.n_traces - n // 8, 8).astype(int)
        blocks = [layout.read_block(int(first), n // 8) for first in firsts]
    stored = np.concatenate(blocks)
    if layout.ibm_float:
        return ibm_to_ieee(stored)
    return _signed(stored) if layout.offset_binary else stored


def _signed(unsigned: np.ndarray) -> np.ndarray:
    """Turn samples with mid-scale as zero into signed ones, in place, without loss."""
    bits = unsigned.view(f"u{unsigned.itemsize}")
    bits ^= bits.dtype.type(1 << (8 * unsigned.itemsize - 1))
    return bits.view(f"i{unsigned.itemsize}")


def ibm_to_ieee(words: np.ndarray) -> np.ndarray:
    """Turn hexadecimal floats of IBM's System/360 into float32.

    Parameters
    ----------
    words : ndarray of uint32
        Sign (1 bit), exponent of 16 in excess 64 (7 bits), fraction below one (24 bits).

    Notes
    -----
    The value is ``(-1)^sign * fraction / 2^24 * 16^(exponent - 64)`` (IBM, System/360 Principles of Operation). Values
    beyond float32 become infinite.
    """
    bits = words.astype("u4", copy=False)
    fraction = (bits & 0xFFFFFF).astype("float32")
    exponent = ((bits >> 24) & 0x7F).astype("int32") * 4 - (256 + 24)
    with np.errstate(over="ignore", under="ignore"):
        value = np.ldexp(fraction, exponent)
    np.negative(value, out=value, where=(bits >> 31).astype(bool))
    return value

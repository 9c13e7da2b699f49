"""Channels of an array that a recorder wrote to one file each: which files belong together, and the line they make."""

from __future__ import annotations

import json
import math
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from xarray.backends import BackendArray
from xarray.core import indexing

from gprscan import geometry, model, names
from gprscan.errors import LineError
from gprscan.io.lazy import as_positions
from gprscan.model import findings

# MALA and ImpulseRadar arrays: NAME_A001.rd3, NAME_A002.rd3, ... or NAME_A01.iprb, ...
_CHANNEL = re.compile(r"^(?P<base>.+)_A(?P<number>\d{1,3})$", re.IGNORECASE)
# recorders stop their channels one after the other: this many traces may be missing from the end of some
_RAGGED = 8
_SUFFIXES = (".rd3", ".rd7", ".iprb")
_ONE_BY_ONE = "Read them one by one: gprscan.read(path, whole_set=False)."


def base_name(path: Path) -> str | None:
    """Return the common part of the names of a set of channels, None for a file that is a line of its own."""
    match = _CHANNEL.match(path.stem)
    return match["base"] if match else None


def group(paths: Sequence[Path]) -> list[list[Path]]:
    """Put files that are channels of one line together, in the order of their numbers; the order of lines is kept.

    Parameters
    ----------
    paths : sequence of Path
        Data files.

    Returns
    -------
    list of list of Path
        One list per line.
    """
    lines: dict[object, list[Path]] = {}
    for path in paths:
        base = base_name(path)
        key = path if base is None else (path.parent, base.casefold(), path.suffix.casefold())
        lines.setdefault(key, []).append(path)
    return [sorted(members, key=_number) for members in lines.values()]


def members(path: Path) -> list[Path]:
    """Return the files in a folder that are channels of one line with `path`, itself included; none without others.

    Parameters
    ----------
    path : Path
        A channel (``NAME_A001.rd3``), or the name of the set (``NAME.rd3``) where there is no file of that name.
    """
    suffix = path.suffix.casefold()
    base = base_name(path)
    if suffix not in _SUFFIXES or (base is None and path.exists()):
        return []
    wanted = (path.stem if base is None else base).casefold()
    try:
        found = [Path(entry.path) for entry in os.scandir(path.parent) if entry.name.casefold().endswith(suffix)]
    except OSError:
        return []
    chosen = [other for other in found if (base_name(other) or "").casefold() == wanted and other.is_file()]
    return sorted(chosen, key=_number) if len(chosen) > 1 else []


def _number(path: Path) -> int:
    match = _CHANNEL.match(path.stem)
    return int(match["number"]) if match else 0


def join(lines: Sequence[xr.Dataset], labels: Sequence[str], *, offsets: Sequence[float] | None = None) -> xr.Dataset:
    """Make one line of the channels of an array.

    Parameters
    ----------
    lines : sequence of xarray.Dataset
        One line of one channel each, of one sampling; their time zeros, which readers take from the direct wave of each
        channel, may differ by some samples. Traces that some lack at the end are cut off the others.
    labels : sequence of str
        Channel labels.
    offsets : sequence of float, optional
        m across the line, one per channel, positive to the right; those of the headers by default.

    Returns
    -------
    xarray.Dataset
        A line with the dimension ``channel``; distances and positions are those of the first channel.

    Raises
    ------
    LineError
        If the channels do not fit together.
    """
    first = lines[0]
    for line, label in zip(lines, labels, strict=True):
        same = line[names.TWT].shape == first[names.TWT].shape and np.allclose(
            line[names.TWT] - line[names.TWT][0], first[names.TWT] - first[names.TWT][0]
        )
        if names.CHANNEL in line.dims or not same:
            msg = f"channel {label} has another time axis than channel {labels[0]}. {_ONE_BY_ONE}"
            raise LineError(msg)
    counts = [line.sizes[names.TRACE] for line in lines]
    n = min(counts)
    if max(counts) - n > _RAGGED:
        msg = f"the channels have between {n} and {max(counts)} traces, so they are not one line. {_ONE_BY_ONE}"
        raise LineError(msg)
    values = indexing.LazilyIndexedArray(_Stack([line[names.AMPLITUDE][:n].variable for line in lines]))
    joined = first.isel({names.TRACE: slice(0, n)}).drop_vars([names.FREQUENCY, names.SEPARATION], errors="ignore")
    dims = (names.CHANNEL, names.TRACE, names.TWT)
    amplitude = xr.Variable(dims, values, first[names.AMPLITUDE].attrs)
    joined = joined.assign({names.AMPLITUDE: amplitude})
    joined = joined.assign_coords({names.CHANNEL: (names.CHANNEL, np.array(labels, dtype=object))})
    for name in (names.FREQUENCY, names.SEPARATION):
        if all(name in line.coords for line in lines):
            each = [float(line[name]) for line in lines]
            joined = joined.assign_coords({name: (names.CHANNEL, each, {"units": names.UNITS[name]})})
    joined, found = _common_time_zero(joined, lines)
    joined = findings.add(joined, *_further(lines), *_noticed(counts, n), *found)
    return _with_offsets(joined, lines) if offsets is None else geometry.with_offsets(joined, offsets)


class _Stack(BackendArray):
    """Traces of several files as one array, shape (channel, trace, sample); read when they are used."""

    def __init__(self, channels: Sequence[xr.Variable]) -> None:
        self.channels = list(channels)
        self.shape = (len(self.channels), *self.channels[0].shape)
        self.dtype = np.result_type(*(channel.dtype for channel in self.channels))

    def __getitem__(self, key: indexing.ExplicitIndexer) -> Any:
        return indexing.explicit_indexing_adapter(key, self.shape, indexing.IndexingSupport.OUTER, self._read)

    def _read(self, key: tuple[Any, ...]) -> Any:
        which, trace, sample = key
        if isinstance(which, int | np.integer):
            return np.asarray(self.channels[int(which)][trace, sample].values)
        chosen = as_positions(which, self.shape[0])
        return np.stack([np.asarray(self.channels[int(c)][trace, sample].values) for c in chosen])


def _common_time_zero(joined: xr.Dataset, lines: Sequence[xr.Dataset]) -> tuple[xr.Dataset, list[model.Finding]]:
    """Put the channels on one time axis: that of the median of their time zeros."""
    zeros = np.array([-float(line[names.TWT][0]) for line in lines])
    zero, spread = float(np.median(zeros)), float(np.ptp(zeros))
    if spread == 0:
        return joined, []
    axis = joined[names.TWT]
    joined = joined.assign_coords({names.TWT: axis.copy(data=axis.values - axis.values[0] - zero)})
    note = model.Finding(
        "channel-time-zeros-differ",
        "info",
        "The channels of the array have different time zeros.",
        evidence=f"{zeros.min():.3f} to {zeros.max():.3f} ns after the first sample",
        consequence=f"Their median, {zero:.3f} ns, is that of the time axis; the step time_zero aligns each channel.",
    )
    return joined.assign_attrs({names.TIME_ZERO: zero}), [note]


def _further(lines: Sequence[xr.Dataset]) -> list[model.Finding]:
    """Return what was noticed in the other channels and calls for attention, and not in the first one alike."""
    known = {finding.code for finding in findings.load(lines[0])}
    out = []
    for line in lines[1:]:
        for finding in findings.load(line):
            if finding.severity != "info" and finding.code not in known:
                out.append(finding)
                known.add(finding.code)
    return out


def _with_offsets(joined: xr.Dataset, lines: Sequence[xr.Dataset]) -> xr.Dataset:
    """Give the channels the offsets of their headers, where these differ; else say that they are not known."""
    each = [_stated_offset(line) for line in lines]
    if np.isfinite(each).all() and len(set(each)) == len(each):
        note = model.Finding(
            "channel-offsets-from-headers",
            "info",
            "The offsets of the channels were taken from their headers.",
            where=str(lines[0].attrs.get(names.SOURCE_FILE, "")),
            evidence=f"CH_X_OFFSET {', '.join(f'{value:g}' for value in each)} m",
            consequence="Taken as across the line, positive to the right; the maker's description was not at hand.",
        )
        joined = geometry.with_offsets(findings.add(joined, note), each)
    elif names.OFFSET not in joined.coords:
        note = model.Finding(
            "channel-offsets-unknown",
            "warning",
            "The offsets of the channels across the line are not recorded.",
            where=str(lines[0].attrs.get(names.SOURCE_FILE, "")),
            evidence=f"{len(lines)} channels, {', '.join(joined[names.CHANNEL].values.tolist()[:2])}, ...",
            consequence="All channels are placed on the track. Give offsets: gprscan.geometry.with_offsets(line, [...]), "
            "or channel_offsets in survey.toml.",
        )
        joined = findings.add(joined, note)
    return joined


def _stated_offset(line: xr.Dataset) -> float:
    try:
        return float(json.loads(line.attrs.get(names.VENDOR_HEADER) or "{}").get("CH_X_OFFSET", "nan").split()[0])
    except (ValueError, IndexError, AttributeError):
        return math.nan


def _noticed(counts: list[int], n: int) -> list[model.Finding]:
    if max(counts) == n:
        return []
    return [
        model.Finding(
            "ragged-channels",
            "info",
            "The channels of the array end at different traces.",
            evidence=f"between {n} and {max(counts)} traces",
            consequence=f"The first {n} traces of each are used.",
        )
    ]

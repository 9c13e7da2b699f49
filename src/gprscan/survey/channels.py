"""Channels of an array that a recorder wrote to one file each: which files belong together, and the line they make."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import xarray as xr

from gprscan import model, names
from gprscan.errors import LineError
from gprscan.model import findings

# MALA and ImpulseRadar arrays: NAME_A001.rd3, NAME_A002.rd3, ... or NAME_A01.iprb, ...
_CHANNEL = re.compile(r"^(?P<base>.+)_A(?P<number>\d{1,3})$", re.IGNORECASE)
# recorders stop their channels one after the other: this many traces may be missing from the end of some
_RAGGED = 8


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


def _number(path: Path) -> int:
    match = _CHANNEL.match(path.stem)
    return int(match["number"]) if match else 0


def join(lines: Sequence[xr.Dataset], labels: Sequence[str]) -> xr.Dataset:
    """Make one line of the channels of an array.

    Parameters
    ----------
    lines : sequence of xarray.Dataset
        One line of one channel each, on the same time axis; traces that some lack at the end are cut off the others.
    labels : sequence of str
        Channel labels.

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
        same = line[names.TWT].shape == first[names.TWT].shape and np.allclose(line[names.TWT], first[names.TWT])
        if names.CHANNEL in line.dims or not same:
            msg = f"channel {label} has another time axis than channel {labels[0]}; scan the channels one by one."
            raise LineError(msg)
    counts = [line.sizes[names.TRACE] for line in lines]
    n = min(counts)
    if max(counts) - n > _RAGGED:
        msg = f"the channels have between {n} and {max(counts)} traces, so they are not one line; scan them one by one."
        raise LineError(msg)
    values = np.stack([line[names.AMPLITUDE][:n].values for line in lines])
    joined = first.isel({names.TRACE: slice(0, n)}).drop_vars([names.FREQUENCY, names.SEPARATION], errors="ignore")
    dims = (names.CHANNEL, names.TRACE, names.TWT)
    amplitude = xr.Variable(dims, values, first[names.AMPLITUDE].attrs)
    joined = joined.assign({names.AMPLITUDE: amplitude})
    joined = joined.assign_coords({names.CHANNEL: (names.CHANNEL, np.array(labels, dtype=object))})
    for name in (names.FREQUENCY, names.SEPARATION):
        if all(name in line.coords for line in lines):
            each = [float(line[name]) for line in lines]
            joined = joined.assign_coords({name: (names.CHANNEL, each, {"units": names.UNITS[name]})})
    return findings.add(joined, *_noticed(counts, n))


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

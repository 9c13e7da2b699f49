"""What vendor formats can hold: a line reduced to integers, a regular time axis, and a few notes."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from gprscan import model, names
from gprscan.errors import WriteError
from gprscan.geometry import line_crs
from gprscan.io.atomic import Output, text_output
from gprscan.io.source import TEXT_LIMIT
from gprscan.io.track import Track

BLOCK_BYTES = 8 * 2**20


def require_time(line: xr.Dataset, what: str) -> None:
    """Check that a line can go into a vendor's file at all.

    Raises
    ------
    WriteError
        If its vertical axis is depth, or its samples are not evenly spaced.
    """
    if names.TWT not in line[names.AMPLITUDE].dims:
        msg = f"{what} holds two-way travel time, but this line is over depth. Write it as .nc."
        raise WriteError(msg)
    twt = line[names.TWT].values
    step = np.diff(twt)
    if twt.size < 2 or not np.allclose(step, step.mean(), rtol=1e-3, atol=1e-9) or step.mean() <= 0:
        msg = f"{what} needs at least two evenly spaced samples per trace."
        raise WriteError(msg)


def header_of(line: xr.Dataset, format_name: str) -> dict[str, Any]:
    """Return the vendor's header fields, where the line came from a file of this format."""
    if line.attrs.get(names.SOURCE_FORMAT) != format_name:
        return {}
    try:
        header = json.loads(line.attrs.get(names.VENDOR_HEADER) or "{}")
    except ValueError:
        return {}
    return header if isinstance(header, dict) else {}


def time_axis(line: xr.Dataset) -> tuple[float, float]:
    """Return dt and time zero in ns; time zero is counted from the first sample."""
    return model.sampling_interval(line), -float(line[names.TWT].values[0])


@dataclass(frozen=True)
class Integers:
    """How samples become integers of a file.

    Attributes
    ----------
    dtype : numpy.dtype
        Native signed integer type.
    scale : float
        Stored = value * scale; 1 for lines that are integers already.
    """

    dtype: np.dtype
    scale: float


def integers_for(line: xr.Dataset, allowed: tuple[int, ...], what: str) -> Integers:
    """Choose an integer type for a line.

    Integers are kept as they are, in the smallest allowed type that holds their own. Floats are multiplied by a power
    of two, so that their largest magnitude uses the widest allowed type, and rounded.

    Parameters
    ----------
    allowed : tuple of int
        Bytes per sample that the format knows, smallest first.

    Raises
    ------
    WriteError
        If the type is wider than the format, or values are not finite.
    """
    stored = line[names.AMPLITUDE].dtype
    if stored.kind == "i":
        for size in allowed:
            if stored.itemsize <= size:
                return Integers(np.dtype(f"i{size}"), 1.0)
        msg = f"{what} holds integers of at most {8 * allowed[-1]} bits, but the line has {stored}. Write it as .nc."
        raise WriteError(msg)
    if stored.kind != "f":
        msg = f"{what} cannot hold samples of type {stored}. Write it as .nc."
        raise WriteError(msg)
    peak = 0.0
    for block in blocks(line):
        if not np.isfinite(block).all():
            msg = f"{what} holds integers, but the line has dead traces (NaN). Write it as .nc or .dt1."
            raise WriteError(msg)
        peak = max(peak, float(np.abs(block).max(initial=0.0)))
    size = allowed[-1]
    # one bit of room, and no more than float32 resolves in 32 bits
    exponent = 8 * size - 2 - (math.frexp(peak)[1] if peak > 0 else 0)
    return Integers(np.dtype(f"i{size}"), math.ldexp(1.0, max(-1000, min(exponent, 1000))))


def blocks(line: xr.Dataset) -> Iterator[np.ndarray]:
    """Yield the samples in blocks of traces, shape (channel, trace, sample), never the whole of a long line."""
    variable = line[names.AMPLITUDE].variable
    n = variable.sizes[names.TRACE]
    per_trace = max(1, variable.nbytes // n)
    rows = max(1, BLOCK_BYTES // per_trace)
    for start in range(0, n, rows):
        values = np.asarray(variable.isel({names.TRACE: slice(start, start + rows)}).values)
        yield values if values.ndim == 3 else values[None]


def integer_blocks(line: xr.Dataset, target: Integers) -> Iterator[np.ndarray]:
    """Yield the blocks as integers, shape (channel, trace, sample)."""
    for block in blocks(line):
        if block.dtype.kind == "f":
            yield np.rint(block.astype("float64") * target.scale).astype(target.dtype)
        else:
            yield block.astype(target.dtype, copy=False)


def even_spacing(line: xr.Dataset) -> float | None:
    """Return the distance between traces where it is even, None where it is not, or not known."""
    if names.DISTANCE not in line.coords or line.sizes[names.TRACE] < 2:
        return None
    step = np.diff(line[names.DISTANCE].values)
    mean = float(step.mean())
    return mean if mean > 0 and np.allclose(step, mean, rtol=1e-4, atol=1e-7) else None


def noted(line: xr.Dataset, track: Track | None) -> dict[str, str]:
    """Return what text headers have no room for, under keys that name gprscan."""
    out: dict[str, str] = {}
    if names.ANTENNA_HEIGHT in line.attrs:
        out["GPRSCAN ANTENNA HEIGHT"] = repr(float(line.attrs[names.ANTENNA_HEIGHT]))
    if track is not None and names.SPATIAL_REF in line.coords:
        out["GPRSCAN CRS"] = crs_name(line)
    if track is not None and track.lever_arm != (0.0, 0.0):
        out["GPRSCAN LEVER ARM"] = ",".join(repr(value) for value in track.lever_arm)
    return out | {f"GPRSCAN {key.upper().replace('_', ' ')}": value for key, value in position_notes(line).items()}


def position_notes(line: xr.Dataset) -> dict[str, str]:
    """Return what a line knows of its positions beyond numbers per trace; `gprscan.io.recording` takes it back."""
    out: dict[str, str] = {}
    if names.GNSS_HEIGHT in line.coords and line[names.GNSS_HEIGHT].attrs.get("datum"):
        out["height_datum"] = " ".join(str(line[names.GNSS_HEIGHT].attrs["datum"]).split())
    if names.DISTANCE in line.coords and line[names.DISTANCE].attrs.get("source") == names.FROM_TRACK:
        out["distance_source"] = names.FROM_TRACK
    if names.ODOMETER_SCALE in line.attrs:
        out["odometer_scale"] = repr(float(line.attrs[names.ODOMETER_SCALE]))
    return out


def crs_name(line: xr.Dataset) -> str:
    """Return the reference system of a line: its code where it has one, else its WKT."""
    crs = line_crs(line)
    authority = crs.to_authority()
    return ":".join(authority) if authority else crs.to_wkt()


def side_output(path: Path, text: str) -> Output:
    """Return the output of a text header or a position file.

    Raises
    ------
    WriteError
        If it is longer than text files are read.
    """
    refuse_long(path, len(text))
    return text_output(path, text)


def refuse_long(path: Path, size: int) -> None:
    """Raise a `WriteError` where a text file would be longer than text files are read."""
    if size > TEXT_LIMIT:
        msg = (
            f"{path.name} would take over {TEXT_LIMIT} bytes, and text is read up to there. Write the line as .nc or "
            ".zarr, or in parts: line.isel(trace=slice(0, 200_000))."
        )
        raise WriteError(msg)

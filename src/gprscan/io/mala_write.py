"""Writing MALA RD3 and RD7 with RAD and COR."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from gprscan import names
from gprscan.errors import WriteError
from gprscan.io.atomic import Output, stream_output
from gprscan.io.cor import write_cor
from gprscan.io.keyed import placed_notes
from gprscan.io.plain import (
    Integers,
    even_spacing,
    header_of,
    integer_blocks,
    integers_for,
    noted,
    require_time,
    side_output,
    time_axis,
)
from gprscan.io.track import Track, listed, track_of


def write_mala(line: xr.Dataset, path: Path) -> list[Output]:
    """Plan the files of an RD3 (16 bit) or RD7 (32 bit).

    Parameters
    ----------
    line : xarray.Dataset
        Over (trace, twt). Integers are kept; floats are scaled by a power of two, noted in the RAD.
    path : Path
        The RD3 or RD7; RAD and COR get its stem.

    Raises
    ------
    WriteError
        If the line has several channels, is over depth, or has integers wider than the format;
        or if a side file would be too long to be read.
    """
    require_time(line, "RD3/RD7")
    if names.CHANNEL in line[names.AMPLITUDE].dims:
        msg = "RD3 and RD7 hold one channel each. Write channels one by one: line.isel(channel=0), or use .dzt or .nc."
        raise WriteError(msg)
    wide = path.suffix.lower() == ".rd7"
    target = integers_for(line, (4,) if wide else (2,), "RD7" if wide else "RD3")
    upper = path.suffix.isupper()
    track = track_of(line)
    outputs = []
    fixes = "" if track is None else write_cor(track)
    if track is not None:
        outputs.append(side_output(path.with_suffix(".COR" if upper else ".cor"), fixes))
    notes = _fix_notes(track) | noted(line, track) | placed_notes(track, fixes)
    outputs.append(side_output(path.with_suffix(".RAD" if upper else ".rad"), _rad(line, target, notes)))
    outputs.append(stream_output(path, lambda: _chunks(line, target)))
    return outputs


# the keys of a recorder, in its order: programs that count lines read the file too
_USUAL: dict[str, Any] = {
    "SAMPLES": 0,
    "FREQUENCY": 0,
    "FREQUENCY STEPS": 1,
    "SIGNAL POSITION": 0,
    "RAW SIGNAL POSITION": 0,
    "DISTANCE FLAG": 0,
    "TIME FLAG": 0,
    "PROGRAM FLAG": 0,
    "EXTERNAL FLAG": 0,
    "TIME INTERVAL": 0,
    "DISTANCE INTERVAL": 0,
    "OPERATOR": "_",
    "CUSTOMER": "_",
    "SITE": "_",
    "ANTENNAS": "",
    "ANTENNA ORIENTATION": "NOT VALID FIELD",
    "ANTENNA SEPARATION": 0,
    "COMMENT": "",
    "TIMEWINDOW": 0,
    "STACKS": 1,
    "STACK EXPONENT": 0,
    "STACKING TIME": 0,
    "LAST TRACE": 0,
    "STOP POSITION": 0,
    "SYSTEM CALIBRATION": 0,
    "START POSITION": 0,
}


def _chunks(line: xr.Dataset, target: Integers) -> Iterator[bytes]:
    for block in integer_blocks(line, target):
        yield block.astype(target.dtype.newbyteorder("<"), copy=False).tobytes()


def _rad(line: xr.Dataset, target: Integers, notes: dict[str, str]) -> str:
    n_traces, n_samples = line.sizes[names.TRACE], line.sizes[names.TWT]
    dt, time_zero = time_axis(line)
    spacing = even_spacing(line)
    kept = header_of(line, "rd3") or header_of(line, "rd7")
    start = float(line[names.DISTANCE].values[0]) if names.DISTANCE in line.coords else 0.0
    values: dict[str, Any] = {
        "SAMPLES": n_samples,
        "FREQUENCY": f"{1e3 / dt:.6f}",
        "SIGNAL POSITION": f"{time_zero:.6f}",
        "DISTANCE FLAG": int(spacing is not None),
        "TIME FLAG": int(spacing is None),
        "TIME INTERVAL": "0.000000",
        "DISTANCE INTERVAL": repr(spacing or 0.0),
        "ANTENNAS": _antenna(line),
        "ANTENNA SEPARATION": repr(_scalar(line, names.SEPARATION) or 0.0),
        "TIMEWINDOW": repr(dt * n_samples),
        "LAST TRACE": n_traces,
        "START POSITION": repr(start),
        "STOP POSITION": repr(start + (spacing or 0.0) * n_traces),
    }
    # what a MALA recorder wrote stays, except what describes the samples written here
    merged = {**_USUAL, **kept, **values}
    if kept.get("ANTENNAS") and _scalar(line, names.FREQUENCY) is None:
        merged["ANTENNAS"] = kept["ANTENNAS"]
    merged = {key: value for key, value in merged.items() if not key.startswith("GPRSCAN")}
    merged["GPRSCAN TIME ZERO"] = repr(time_zero)
    if spacing is None and names.DISTANCE in line.coords:
        merged["GPRSCAN DISTANCE"] = ",".join(repr(float(d)) for d in line[names.DISTANCE].values)
    if names.MARK in line.coords and line[names.MARK].values.any():
        merged["GPRSCAN MARKS"] = ",".join(str(trace) for trace in np.flatnonzero(line[names.MARK].values))
    merged["GPRSCAN SCALE"] = repr(target.scale)
    merged |= notes
    return "".join(f"{key}:{value}\r\n" for key, value in merged.items())


def _fix_notes(track: Track | None) -> dict[str, str]:
    """Return what a COR cannot hold: quality and standard deviation of each of its rows."""
    if track is None:
        return {}
    rows = list(track.rows())
    columns = {"QUALITY": track.quality[rows], "SIGMA": np.round(track.sigma[rows], 4)}
    return {f"GPRSCAN FIX {name}": ",".join(listed(values)) for name, values in columns.items()}


def _scalar(line: xr.Dataset, name: str) -> float | None:
    if name not in line.coords:
        return None
    value = float(np.mean(line[name].values))
    return value if np.isfinite(value) else None


def _antenna(line: xr.Dataset) -> str:
    value = _scalar(line, names.FREQUENCY)
    return f"{value!r} MHz" if value is not None else ""

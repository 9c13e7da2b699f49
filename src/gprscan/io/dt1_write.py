"""Writing Sensors & Software DT1 with HD and GPS."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from gprscan import names
from gprscan.errors import WriteError
from gprscan.io.atomic import Output, stream_output
from gprscan.io.keyed import placed_notes
from gprscan.io.plain import blocks, header_of, noted, require_time, side_output, time_axis
from gprscan.io.track import Track, nmea_of, track_of

HEADER_BYTES = 128
# keys that describe the samples written, and are never taken over from another file
_OWN_KEYS = ("NUMBER OF TRACES", "NUMBER OF PTS/TRC")


def write_dt1(line: xr.Dataset, path: Path) -> list[Output]:
    """Plan the files of a DT1.

    Parameters
    ----------
    line : xarray.Dataset
        Over (trace, twt). 8 and 16-bit integers become int16, everything else float32; NaN is kept.
    path : Path
        The DT1; HD and GPS get its stem.

    Raises
    ------
    WriteError
        If the line has several channels, is over depth, or has integers that neither int16 nor float32 holds;
        or if a side file would be too long to be read.
    """
    require_time(line, "DT1")
    if names.CHANNEL in line[names.AMPLITUDE].dims:
        msg = "DT1 holds one channel. Write channels one by one: line.isel(channel=0), or use .dzt or .nc."
        raise WriteError(msg)
    stored = line[names.AMPLITUDE].dtype
    if stored.kind not in "if":
        msg = f"DT1 cannot hold samples of type {stored}. Write it as .nc."
        raise WriteError(msg)
    target = np.dtype("<i2") if stored.kind == "i" and stored.itemsize <= 2 else np.dtype("<f4")
    upper = path.suffix.isupper()
    outputs = []
    track = track_of(line)
    fixes = "" if track is None else _gps(track, line)
    if track is not None:
        outputs.append(side_output(path.with_suffix(".GPS" if upper else ".gps"), fixes))
    notes = noted(line, track) | placed_notes(track, fixes)
    outputs.append(side_output(path.with_suffix(".HD" if upper else ".hd"), _hd(line, target, notes)))
    outputs.append(stream_output(path, lambda: _chunks(line, target)))
    return outputs


def _positions(line: xr.Dataset) -> np.ndarray:
    n = line.sizes[names.TRACE]
    return line[names.DISTANCE].values.astype("float64") if names.DISTANCE in line.coords else np.zeros(n)


def _chunks(line: xr.Dataset, target: np.dtype) -> Iterator[bytes]:
    n_samples = line.sizes[names.TWT]
    along = _positions(line)
    marks = line[names.MARK].values if names.MARK in line.coords else np.zeros(along.size)
    clock = _seconds_of_day(line)
    first = 0
    for block in blocks(line):
        samples = block[0]
        if target.kind == "f" and samples.dtype.kind == "i" and np.abs(samples.astype("int64")).max(initial=0) > 2**24:
            msg = "DT1 holds float32, which rounds integers above 2^24 as this line has. Write it as .rd7, .dzt or .nc."
            raise WriteError(msg)
        rows = slice(first, first + samples.shape[0])
        words = np.zeros((samples.shape[0], HEADER_BYTES // 4), dtype="<f4")
        words[:, 0] = np.arange(rows.start, rows.stop) + 1
        words[:, 1] = along[rows]
        words[:, 2], words[:, 5] = n_samples, target.itemsize
        words[:, 23] = clock[rows]
        words[:, 24] = marks[rows]
        records = np.concatenate([words.view("u1"), samples.astype(target).view("u1")], axis=1)
        yield records.tobytes()
        first += samples.shape[0]


def _seconds_of_day(line: xr.Dataset) -> np.ndarray:
    """Return the recorder's time of day of each trace in s; zeros where the time of recording is not known."""
    n = line.sizes[names.TRACE]
    stated = str(line.attrs.get(names.ACQUIRED, ""))
    if "T" not in stated:
        return np.zeros(n)
    start = datetime.datetime.fromisoformat(stated)
    elapsed = np.zeros(n)
    if names.TIME in line.coords:
        time = line[names.TIME].values
        elapsed = np.nan_to_num((time - time[0]).astype("timedelta64[ns]").astype("float64") * 1e-9)
        elapsed[np.isnat(time)] = 0.0
    return (start.hour * 3600 + start.minute * 60 + start.second + elapsed) % 86400


def _hd(line: xr.Dataset, target: np.dtype, notes: dict[str, str]) -> str:
    dt, time_zero = time_axis(line)
    along = _positions(line)
    n_traces, n_samples = line.sizes[names.TRACE], line.sizes[names.TWT]
    step = float(along[-1] - along[0]) / max(n_traces - 1, 1)
    values: dict[str, Any] = {
        "NUMBER OF TRACES": n_traces,
        "NUMBER OF PTS/TRC": n_samples,
        "TIMEZERO AT POINT": repr(time_zero / dt + 1),
        "TOTAL TIME WINDOW": repr(dt * n_samples),
        "STARTING POSITION": repr(float(along[0])),
        "FINAL POSITION": repr(float(along[-1])),
        "STEP SIZE USED": repr(step),
        "POSITION UNITS": "m",
    }
    for key, name in (("NOMINAL FREQUENCY", names.FREQUENCY), ("ANTENNA SEPARATION", names.SEPARATION)):
        if name in line.coords and np.isfinite(line[name].values).all():
            values[key] = repr(float(np.mean(line[name].values)))
    kept = header_of(line, "dt1")
    skipped = ("TRACEHEADERDEF", "GPRSCAN", *values, "NOMINAL FREQUENCY", "ANTENNA SEPARATION")
    values |= {key: value for key, value in kept.items() if not key.startswith(skipped)}
    values["GPRSCAN UNITS"] = line[names.AMPLITUDE].attrs.get("units", "1")
    values |= notes
    acquired = str(line.attrs.get(names.ACQUIRED, ""))[:10]
    instrument = str(line.attrs.get(names.INSTRUMENT) or "").removeprefix("Sensors & Software").strip() or "gprscan"
    head = ["1234", f"Data Collected with {instrument}", acquired or "0000-00-00"]
    return "".join(f"{text}\r\n" for text in [*head, *(f"{key:<18} = {value}" for key, value in values.items())])


def _gps(track: Track, line: xr.Dataset) -> str:
    along = _positions(line)
    entries = (
        [f"Trace #{trace + 1} at position {along[trace]:.6f}", *nmea_of(track, trace), ""] for trace in track.rows()
    )
    return "".join("\r\n".join(block) for block in entries)

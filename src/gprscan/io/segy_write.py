"""Writing SEG-Y: revision 0, big-endian, one file for samples, distances and positions."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import xarray as xr

from gprscan import names
from gprscan.errors import WriteError
from gprscan.io.atomic import Output, stream_output
from gprscan.io.plain import blocks, noted, require_time, time_axis
from gprscan.io.segy_header import FORMATS, HEADING_STEPS, PRIVATE, PRIVATE_AT, PRIVATE_MAGIC, TRACE_BYTES
from gprscan.io.track import Track, track_of

MAX_SAMPLES = 32767  # a signed word in the standard
TEXT_LINES = 40
_CODES = {"i1": 3, "i2": 3, "i4": 2, "f4": 5, "f2": 5, "f8": 5}


def write_segy(line: xr.Dataset, path: Path) -> list[Output]:
    """Plan a SEG-Y file.

    Parameters
    ----------
    line : xarray.Dataset
        Over (trace, twt). 8 and 16-bit integers become int16, 32-bit ones stay, floats become IEEE float32 (64-bit ones
        are rounded); NaN is kept.
    path : Path
        The file.

    Raises
    ------
    WriteError
        If the line has several channels, is over depth, or has a shape or sampling that the fields cannot hold.
    """
    require_time(line, "SEG-Y")
    if names.CHANNEL in line[names.AMPLITUDE].dims:
        msg = "SEG-Y of gprscan holds one channel. Write channels one by one: line.isel(channel=0), or use .dzt or .nc."
        raise WriteError(msg)
    stored = line[names.AMPLITUDE].dtype
    code = _CODES.get(f"{stored.kind}{stored.itemsize}")
    if code is None:
        msg = f"SEG-Y cannot hold samples of type {stored}. Write it as .nc."
        raise WriteError(msg)
    dt, _ = time_axis(line)
    picoseconds = round(dt * 1e3)
    if not 1 <= picoseconds <= 65535 or line.sizes[names.TWT] > MAX_SAMPLES:
        msg = (
            f"SEG-Y holds sampling intervals of 1 to 65535 ps and up to {MAX_SAMPLES} samples per trace; this line has "
            f"{dt * 1e3:g} ps and {line.sizes[names.TWT]} samples. Write it as .nc."
        )
        raise WriteError(msg)
    return [stream_output(path, lambda: _chunks(line, code, picoseconds))]


def _chunks(line: xr.Dataset, code: int, picoseconds: int) -> Iterator[bytes]:
    n_samples = line.sizes[names.TWT]
    target = np.dtype(f">{FORMATS[code]}")
    yield _text(line) + _binary(n_samples, code, picoseconds)
    first = 0
    for block in blocks(line):
        samples = block[0].astype(target)
        count = samples.shape[0]
        headers = _trace_headers(line.isel({names.TRACE: slice(first, first + count)}), picoseconds, first)
        records = np.concatenate([headers, np.ascontiguousarray(samples).view("u1").reshape(count, -1)], axis=1)
        yield records.tobytes()
        first += count


def _text(line: xr.Dataset) -> bytes:
    """Return the textual header in EBCDIC: 40 lines of 80 characters."""
    dt, time_zero = time_axis(line)
    notes = {
        "DT NS": repr(dt),
        "TIME ZERO NS": repr(time_zero),
        "UNITS": line[names.AMPLITUDE].attrs.get("units", "1"),
    }
    for key, name in (("FREQUENCY MHZ", names.FREQUENCY), ("SEPARATION M", names.SEPARATION)):
        if name in line.coords and np.isfinite(line[name].values).all():
            notes[key] = repr(float(np.mean(line[name].values)))
    renamed = {"GPRSCAN ANTENNA HEIGHT": "ANTENNA HEIGHT M", "GPRSCAN LEVER ARM": "LEVER ARM M"}
    own = noted(line, track_of(line))
    notes |= {renamed.get(key, key.removeprefix("GPRSCAN ")): value for key, value in own.items()}
    if line.attrs.get(names.INSTRUMENT):
        notes["INSTRUMENT"] = str(line.attrs[names.INSTRUMENT])[:40]
    lines = [
        "GROUND-PENETRATING RADAR LINE WRITTEN BY GPRSCAN",
        "SAMPLING INTERVALS (FILE BYTES 3217-3218, TRACE BYTES 117-118) ARE PICOSECONDS",
        "COORDINATES: ARC-SECONDS, SCALED BY BYTES 71-72",
        "TRACE BYTES 181-240: GPRS, LONGITUDE LATITUDE DISTANCE (FLOAT64), TIME (INT64",
        "NS), HEIGHT SIGMA (FLOAT32), FIX QUALITY, MARK (INT16), TRACK LESS FIX:",
        "LONGITUDE LATITUDE (FLOAT32), SIGMA (FLOAT16), HEADING (UINT16)",
        *(f"GPRSCAN {key} = {value}" for key, value in notes.items()),
    ]
    lines += [""] * (TEXT_LINES - 1 - len(lines)) + ["END TEXTUAL HEADER"]
    text = "".join(f"C{i + 1:2d} {content}"[:80].ljust(80) for i, content in enumerate(lines))
    return text.encode("cp037", "replace")


def _binary(n_samples: int, code: int, picoseconds: int) -> bytes:
    out = np.zeros(200, dtype=">i2")
    out[7] = 1  # traces per ensemble, byte 3212 of the file
    out.view(">u2")[8] = out.view(">u2")[9] = picoseconds
    out[10] = out[11] = n_samples
    out[12] = code
    out[27] = 1  # metres
    return out.tobytes()


def _trace_headers(line: xr.Dataset, picoseconds: int, first: int) -> np.ndarray:
    """Return the headers of a part of a line that begins with trace `first`, shape (trace, 240)."""
    n = line.sizes[names.TRACE]
    raw = np.zeros((n, TRACE_BYTES), dtype="u1")

    def put(at: int, kind: str, values: object) -> None:
        dtype = np.dtype(kind)
        column = np.broadcast_to(np.asarray(values).astype(dtype), (n,))
        raw[:, at : at + dtype.itemsize] = np.ascontiguousarray(column).view("u1").reshape(n, -1)

    numbers = np.arange(1, n + 1) + first
    for at in (0, 4, 8, 20):
        put(at, ">i4", numbers)
    put(12, ">i4", 1)
    put(24, ">i4", 1)
    put(28, ">i2", 1)  # live data
    put(114, ">u2", line.sizes[names.TWT])
    put(116, ">u2", picoseconds)
    _put_date(put, str(line.attrs.get(names.ACQUIRED, "")))
    private = np.zeros(n, dtype=PRIVATE)
    private["magic"] = PRIVATE_MAGIC
    private["longitude"] = private["latitude"] = private["height"] = private["sigma"] = np.nan
    private["distance"] = line[names.DISTANCE].values if names.DISTANCE in line.coords else np.nan
    private["time"] = np.datetime64("NaT", "ns").astype("i8")
    private["mark"] = line[names.MARK].values if names.MARK in line.coords else 0
    track = track_of(line)
    if track is not None:
        private["longitude"], private["latitude"] = track.longitude, track.latitude
        private["height"], private["sigma"], private["quality"] = track.height, track.sigma, track.quality
        private["time"] = track.time.astype("datetime64[ns]").astype("i8")
        _put_track(private, track)
        put(70, ">i2", -1000)
        put(88, ">i2", 2)
        for at, angle in ((72, track.longitude), (76, track.latitude)):
            seconds = np.nan_to_num(angle) * 3600 * 1000
            put(at, ">i4", np.rint(seconds))
            put(at + 8, ">i4", np.rint(seconds))
    raw[:, PRIVATE_AT : PRIVATE_AT + PRIVATE.itemsize] = private.view("u1").reshape(n, -1)
    return raw


def _put_track(private: np.ndarray, track: Track) -> None:
    """Fill where the line lies beside its fixes: float32 degrees of the difference are finer than 0.01 mm over 100 m."""
    placed = track.placed
    if placed is None:
        return
    private["track_longitude"] = placed.longitude - track.longitude
    private["track_latitude"] = placed.latitude - track.latitude
    least, most = (float(value) for value in (np.finfo("f2").smallest_subnormal, np.finfo("f2").max))
    private["track_sigma"] = np.clip(placed.sigma, least, most)
    turn = np.rint(placed.heading % 360.0 / 360.0 * HEADING_STEPS) + 1
    private["heading"] = np.nan_to_num(turn)


def _put_date(put: object, stated: str) -> None:
    """Fill year, day of the year, hour, minute and second, where the time of recording is known."""
    try:
        when = datetime.datetime.fromisoformat(stated)
    except ValueError:
        return
    values = (when.year, when.timetuple().tm_yday, when.hour, when.minute, when.second)
    for at, value in zip((156, 158, 160, 162, 164), values, strict=True):
        put(at, ">i2", value)  # type: ignore[operator]

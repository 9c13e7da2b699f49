"""Delimited text with a small header: a row per trace, readable in any spreadsheet. Layout: specs/text.md."""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import xarray as xr

from gprscan import names
from gprscan.errors import WriteError
from gprscan.geometry import Fixes
from gprscan.geometry.decoding import decode_text
from gprscan.io import checks
from gprscan.io.antenna import unknown
from gprscan.io.atomic import Output, stream_output
from gprscan.io.direct_wave import nominal_time_zero
from gprscan.io.plain import blocks, noted, refuse_long, require_time, time_axis
from gprscan.io.recording import ReadOptions, Recording, check_counts, require, to_line
from gprscan.io.registry import SPECIFICATION, Format, register
from gprscan.io.source import TEXT_LIMIT, Source
from gprscan.io.track import Track, placed_from, track_of
from gprscan.model.findings import Finding

HEADER_LINES = 200
_TRACK = {
    "longitude": "track_longitude",
    "latitude": "track_latitude",
    "sigma": "track_sigma_m",
    "heading": "heading_deg",
}
_FIXES = ("longitude", "latitude", "height_m", "sigma_m", "quality", "time_s")
_COLUMNS = ("distance_m", *_FIXES, *_TRACK.values(), "mark")
_KEY = re.compile(r"#+\s*([A-Za-z][A-Za-z0-9_]*)\s*[=:]\s*(.*?)[\s,;]*$")
_DTYPES = ("int8", "int16", "int32", "float32", "float64")
_RENAMED = {"GPRSCAN ANTENNA HEIGHT": "antenna_height_m", "GPRSCAN LEVER ARM": "lever_arm_m"}


def sniff(source: Source) -> bool:
    """Whether it begins with comments that state the sampling interval or the time window."""
    if source.head[:1] not in (b"#", b"\xef"):
        return False
    head = decode_text(source.head)
    return head.startswith("#") and bool({"dt_ns", "window_ns"} & set(_header(head.splitlines())))


def _header(lines: list[str]) -> dict[str, str]:
    out: dict[str, str] = {}
    for line in lines[:HEADER_LINES]:
        if not line.startswith("#"):
            break
        match = _KEY.match(line)
        if match:
            out.setdefault(match[1].lower(), match[2])
    return out


def read(source: Source, options: ReadOptions) -> xr.Dataset:
    """Read a delimited text file."""
    limit = f"{source.size} bytes are too many for a text file ({TEXT_LIMIT} at most)"
    require(source.size <= TEXT_LIMIT, source, limit, "Convert it to .nc with the program that wrote it.")
    text = source.text()
    fields = _header(text.splitlines()[:HEADER_LINES])
    table = _table(source, text)
    extra, values = _columns(source, fields, table)
    if fields.get("rows", "traces").lower().startswith("sample"):
        require(not extra, source, "columns of positions need a row per trace, but rows are samples")
        values = values.T
    n_traces, n_samples = values.shape
    check_counts(source, n_samples)
    dt = _interval(source, fields, n_samples)
    values = _typed(values, fields.get("dtype", ""))
    findings = checks.samples(values[:, None], source.name)
    distance, spacing = extra.get("distance_m"), _number(fields, "spacing_m")
    spacing = spacing if spacing and 0 < spacing < 1e4 else None
    if distance is not None and not np.isfinite(distance).all():
        distance = None
    if distance is None and spacing is None:
        findings.append(checks.time_triggered(source.name, "neither spacing_m nor a column distance_m"))
    separation, found = checks.separation(_number(fields, "separation_m"), source.name)
    frequency = _number(fields, "frequency_mhz")
    if frequency is None or frequency <= 0:
        frequency = None
        found.append(unknown(fields.get("frequency_mhz", "")))
    zero = _number(fields, "time_zero_ns")
    if zero is None:
        zero, unclear = nominal_time_zero(values[:, None], dt, separation, source.name, "no time_zero_ns")
        found += unclear
    columns = {name: extra[column] for name, column in _TRACK.items() if column in extra}
    track, damaged = placed_from(columns, n_traces, source.name)
    mark = extra.get("mark")
    height = _number(fields, "antenna_height_m")
    recording = Recording(
        data=xr.Variable(("trace", "twt"), values),
        dt=dt,
        time_zero=zero,
        spacing=spacing,
        distance=distance,
        frequency=frequency,
        separation=separation,
        fixes=_fixes(source, extra),
        track=track,
        position_notes=fields,
        lever_arm=_lever_arm(fields),
        mark=xr.Variable("trace", (mark == 1).astype("i1")) if mark is not None and (mark == 1).any() else None,
        antenna_height=height,
        crs=fields.get("crs"),
        acquired=fields.get("acquired", "")[:40],
        instrument=fields.get("instrument", "")[:80],
        header=dict(fields),
        units=fields.get("units", "1"),
        findings=[*findings, *found, *damaged],
    )
    return to_line(recording, source, "text", options)


def _table(source: Source, text: str) -> np.ndarray:
    """Return the numbers, shape (row, column)."""
    body = next((line for line in text.splitlines() if line.strip() and not line.startswith("#")), "")
    delimiter = next((mark for mark in ("\t", ";", ",") if mark in body), None)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            table = np.loadtxt(io.StringIO(text), delimiter=delimiter, comments="#", ndmin=2, dtype="float64")
    except (ValueError, UserWarning) as error:
        reason = str(error).split("; ")[0]
        require(False, source, f"it is no table of numbers ({reason})", "Each row must have the same number of them.")
    require(table.size > 0, source, "there are no numbers in it")
    return table


def _columns(source: Source, fields: dict[str, str], table: np.ndarray) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Split the columns that the header names from the samples."""
    named = [word for word in re.split(r"[\s,;]+", fields.get("columns", "").lower()) if word and word != "samples"]
    wrong = [word for word in named if word not in _COLUMNS]
    require(not wrong, source, f"columns names {', '.join(wrong)}; {', '.join(_COLUMNS)} are known")
    require(len(named) < table.shape[1], source, f"columns names {len(named)}, rows have {table.shape[1]} numbers")
    return {name: table[:, i] for i, name in enumerate(named)}, table[:, len(named) :]


def _number(fields: dict[str, str], key: str) -> float | None:
    try:
        value = float(fields[key].split()[0])
    except (KeyError, ValueError, IndexError):
        return None
    return value if np.isfinite(value) and abs(value) < 1e12 else None


def _interval(source: Source, fields: dict[str, str], n_samples: int) -> float:
    dt, window = _number(fields, "dt_ns"), _number(fields, "window_ns")
    value = dt if dt is not None else (window or 0.0) / n_samples
    stated = f"dt_ns {fields.get('dt_ns', 'missing')}, window_ns {fields.get('window_ns', 'missing')}"
    require(0 < value < 1e5, source, f"the header does not state the sampling interval ({stated})")
    return value


def _typed(values: np.ndarray, stated: str) -> np.ndarray:
    """Return samples in the type that the header states, where they fit it; else float32."""
    if stated in _DTYPES:
        dtype = np.dtype(stated)
        if dtype.kind == "f":
            with np.errstate(over="ignore"):
                return values.astype(dtype)
        limits = np.iinfo(dtype)
        if np.isfinite(values).all() and values.min() >= limits.min and values.max() <= limits.max:
            return np.rint(values).astype(dtype)
    with np.errstate(over="ignore"):
        return values.astype("float32")


def _fixes(source: Source, extra: dict[str, np.ndarray]) -> Fixes | None:
    if "longitude" not in extra or "latitude" not in extra:
        return None
    longitude, latitude = extra["longitude"], extra["latitude"]
    usable = np.isfinite(longitude) & np.isfinite(latitude) & (np.abs(longitude) <= 180) & (np.abs(latitude) <= 90)
    rows = np.flatnonzero(usable)
    findings = []
    if len(rows) < usable.size:
        evidence = f"{usable.size - len(rows)} of {usable.size} rows"
        what, then = "Rows have no position.", "They are placed between those that have."
        findings.append(Finding("positions-missing", "info", what, source.name, evidence, then))

    def column(name: str, fill: float) -> np.ndarray:
        return extra[name][rows] if name in extra else np.full(len(rows), fill)

    seconds = column("time_s", np.nan)
    known = np.isfinite(seconds) & (np.abs(seconds) < 9e9)
    time = np.full(len(rows), np.datetime64("NaT", "ns"))
    time[known] = np.rint(seconds[known] * 1e6).astype("i8").view("datetime64[us]").astype("datetime64[ns]")
    quality = np.nan_to_num(column("quality", -1.0), nan=-1.0).clip(-1, 99).astype("int16")
    places = (rows, longitude[rows], latitude[rows], column("height_m", np.nan))
    return Fixes(*places, quality, column("sigma_m", np.nan), time, source=source.name, findings=findings)


def _lever_arm(fields: dict[str, str]) -> tuple[float, float]:
    try:
        right, forward = (float(word) for word in fields.get("lever_arm_m", "").split(","))
    except ValueError:
        return 0.0, 0.0
    return (right, forward) if abs(right) < 1e3 and abs(forward) < 1e3 else (0.0, 0.0)


def write_text(line: xr.Dataset, path: Path) -> list[Output]:
    """Plan a text file.

    Parameters
    ----------
    line : xarray.Dataset
        Over (trace, twt).
    path : Path
        The file; numbers are separated by commas.

    Raises
    ------
    WriteError
        If the line has several channels, is over depth, has samples that text would not give back, or is too long.
    """
    require_time(line, "Delimited text")
    if names.CHANNEL in line[names.AMPLITUDE].dims:
        msg = "Delimited text holds one channel. Write channels one by one: line.isel(channel=0), or use .nc."
        raise WriteError(msg)
    if str(line[names.AMPLITUDE].dtype) not in _DTYPES:
        msg = f"Delimited text cannot hold samples of type {line[names.AMPLITUDE].dtype}. Write it as .nc."
        raise WriteError(msg)
    return [stream_output(path, lambda: _readable(_chunks(line), path))]


def _readable(chunks: Iterator[bytes], path: Path) -> Iterator[bytes]:
    """Pass on what is written, up to the size that is read."""
    size = 0
    for chunk in chunks:
        size += len(chunk)
        refuse_long(path, size)
        yield chunk


def _chunks(line: xr.Dataset) -> Iterator[bytes]:
    track = track_of(line)
    extra = _extra(line, track)
    yield _head(line, track, list(extra)).encode("utf-8")
    # as many digits as give the same number back
    sample = {"f4": "%.9g", "f8": "%.17g"}.get(line[names.AMPLITUDE].dtype.str[1:], "%d")
    before = ["%.10f" if name.endswith(("longitude", "latitude")) else "%.17g" for name in extra]
    columns = np.stack(list(extra.values()), axis=1) if extra else np.zeros((line.sizes[names.TRACE], 0))
    first = 0
    for block in blocks(line):
        rows = block[0]
        buffer = io.StringIO()
        for i, row in enumerate(rows):
            words = [text % value for text, value in zip(before, columns[first + i], strict=True)]
            buffer.write(",".join([*words, *(sample % value for value in row.tolist())]) + "\r\n")
        yield buffer.getvalue().encode("ascii")
        first += len(rows)


def _head(line: xr.Dataset, track: Track | None, columns: list[str]) -> str:
    dt, zero = time_axis(line)
    fields = {
        "dt_ns": repr(dt),
        "time_zero_ns": repr(zero),
        "dtype": str(line[names.AMPLITUDE].dtype),
        "units": line[names.AMPLITUDE].attrs.get("units", "1"),
    }
    for key, name in (("frequency_mhz", names.FREQUENCY), ("separation_m", names.SEPARATION)):
        if name in line.coords and np.isfinite(line[name].values).all():
            fields[key] = repr(float(np.mean(line[name].values)))
    for key, name in (("instrument", names.INSTRUMENT), ("acquired", names.ACQUIRED)):
        if line.attrs.get(name):
            fields[key] = " ".join(str(line.attrs[name]).split())
    fields |= {_renamed(key): value for key, value in noted(line, track).items()}
    fields |= {"rows": "traces", "columns": " ".join([*columns, "samples"])}
    title = "# ground-penetrating radar line, written by gprscan\r\n"
    return title + "".join(f"# {key} = {value}\r\n" for key, value in fields.items())


def _renamed(key: str) -> str:
    return _RENAMED.get(key) or key.removeprefix("GPRSCAN ").lower().replace(" ", "_")


def _extra(line: xr.Dataset, track: Track | None) -> dict[str, np.ndarray]:
    """Return the columns before the samples."""
    out: dict[str, np.ndarray] = {}
    if names.DISTANCE in line.coords:
        out["distance_m"] = line[names.DISTANCE].values.astype("float64")
    if track is not None:
        seconds = np.full(track.time.size, np.nan)
        known = ~np.isnat(track.time)
        seconds[known] = track.time[known].astype("datetime64[ns]").astype("i8") / 1e9
        out |= {"longitude": track.longitude, "latitude": track.latitude, "height_m": track.height}
        out |= {"sigma_m": track.sigma, "quality": track.quality.astype("float64"), "time_s": seconds}
        if track.placed is not None:
            out |= {column: getattr(track.placed, name) for name, column in _TRACK.items()}
    if names.MARK in line.coords and line[names.MARK].values.any():
        out["mark"] = line[names.MARK].values.astype("float64")
    return out


register(
    Format(
        name="text",
        title="delimited text",
        suffixes=(".csv",),
        side_suffixes=(),
        maturity=SPECIFICATION,
        sniff=sniff,
        read=read,
        write=write_text,
        write_suffixes=(".csv",),
        shared_suffixes=True,
        note="any extension; a row per trace (or per sample) after # key = value lines; at least dt_ns or window_ns",
    )
)

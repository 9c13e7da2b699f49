"""Sensors & Software DT1 with its HD header, GPS and GP2 positions. Layout: specs/dt1.md."""

from __future__ import annotations

import datetime
import re

import numpy as np
import xarray as xr
from xarray.core import indexing

from gprscan.geometry import Fixes
from gprscan.io import checks
from gprscan.io.antenna import unknown
from gprscan.io.direct_wave import nominal_time_zero
from gprscan.io.dt1_positions import read_gp2, read_gps
from gprscan.io.dt1_write import write_dt1
from gprscan.io.keyed import KeyedHeader
from gprscan.io.lazy import HeaderFlag, TraceLayout, lazy_variable, probe
from gprscan.io.recording import MAX_SAMPLES, ReadOptions, Recording, layout_of, require, to_line, whole_traces
from gprscan.io.registry import REAL, Format, beside_header, register, twin
from gprscan.io.source import Source
from gprscan.model.findings import Finding

HEADER_BYTES = 128
_STORED: dict[int, np.dtype] = {2: np.dtype("<i2"), 4: np.dtype("<f4")}
_UNITS = {"m": 1.0, "metres": 1.0, "meters": 1.0, "ft": 0.3048, "feet": 0.3048}
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")


def sniff(source: Source) -> bool:
    """Whether this is an HD header, or samples whose HD header lies beside them."""
    return beside_header(source, (".dt1",), ".hd", _is_hd)


def _is_hd(source: Source) -> bool:
    head = source.head.upper()
    return b"NUMBER OF TRACES" in head and b"NUMBER OF PTS/TRC" in head


def data_file(source: Source) -> Source:
    """Return the DT1 that belongs to a header or a position file."""
    return source if source.suffix == ".dt1" or _starts_like_samples(source) else twin(source, (".dt1",), "data file")


def _starts_like_samples(source: Source) -> bool:
    return source.suffix not in (".hd", ".gps", ".gp2")


def read(source: Source, options: ReadOptions) -> xr.Dataset:
    """Read a DT1 with the HD header beside it."""
    header = KeyedHeader(twin(source, (".hd",), "header"), "=")
    n_samples = header.count("NUMBER OF PTS/TRC", MAX_SAMPLES)
    window = header.required("TOTAL TIME WINDOW", low=0, high=1e7)
    layout, findings = _layout(source, header, n_samples, options)
    dt = window / n_samples
    sample = probe(layout)
    rows = layout.spread()
    words = _words(layout, rows)
    unit, found = _position_unit(header)
    findings += found
    spacing, distance, found = _distances(header, layout, words, rows, unit)
    findings += found + checks.samples(sample, source.name)
    findings += _header_findings(header, words, layout) + _window_finding(header, words, window, dt)
    point = header.number("TIMEZERO AT POINT")
    separation, found = checks.separation((header.number("ANTENNA SEPARATION") or 0.0) * unit, header.source.name)
    findings += found
    if point is not None and abs(point) < 1e7:
        time_zero = (point - 1) * dt  # the point is one-based
    else:
        evidence = f"TIMEZERO AT POINT is {header.text('TIMEZERO AT POINT')!r}"
        time_zero, found = nominal_time_zero(sample, dt, separation, header.source.name, evidence)
        findings += found
    frequency = header.number("NOMINAL FREQUENCY")
    if frequency is None or frequency <= 0:
        frequency = None
        findings.append(unknown(header.text("NOMINAL FREQUENCY")))
    side = source.side_file(".gp2", ".gps")
    track, damaged = header.placed(layout.n_traces, side)
    recording = Recording(
        data=lazy_variable(layout),
        dt=dt,
        time_zero=time_zero,
        spacing=spacing,
        distance=distance,
        frequency=frequency,
        separation=separation,
        mark=_marks(layout, words),
        fixes=_fixes(source, side, header, layout, words),
        track=track,
        position_notes=header.position_notes(),
        lever_arm=header.lever_arm(),
        antenna_height=header.number("GPRSCAN ANTENNA HEIGHT"),
        crs=header.text("GPRSCAN CRS") or None,
        acquired=_acquired(header, words),
        instrument=_instrument(header),
        header=header.as_json(),
        units="mV" if layout.stored.kind == "f" and header.text("GPRSCAN UNITS") != "1" else "1",
        findings=findings + damaged,
    )
    return to_line(recording, source, "dt1", options)


def _layout(
    source: Source, header: KeyedHeader, n_samples: int, options: ReadOptions
) -> tuple[TraceLayout, list[Finding]]:
    """Tell 16-bit integers from 32-bit floats: by the size of the file, the trace numbers, and the header word."""
    stated = header.number("NUMBER OF TRACES")
    scores = {size: _score(source, n_samples, size, stated) for size in _STORED}
    size = max(scores, key=lambda s: scores[s])
    require(
        scores[size] >= 2,
        source,
        f"neither 2 nor 4 bytes fit {n_samples} samples per trace (by {header.source.name}) and {source.size} bytes",
        "The header does not belong to this file, or one of them is damaged.",
    )
    record = HEADER_BYTES + n_samples * size
    n_traces, findings = whole_traces(
        source, 0, record, f"{n_samples} samples of {size} bytes and {HEADER_BYTES} bytes", options
    )
    findings += checks.trace_count(header.source.name, "NUMBER OF TRACES", stated, n_traces)
    layout = layout_of(
        source, offset=0, n_traces=n_traces, n_samples=n_samples, stored=_STORED[size], prefix=HEADER_BYTES
    )
    return layout, findings


def _score(source: Source, n_samples: int, size: int, stated: float | None) -> int:
    """Count what speaks for a sample size."""
    record = HEADER_BYTES + n_samples * size
    if source.size < record:
        return 0
    score = 2 * (source.size % record == 0) + 2 * (stated is not None and source.size == int(stated) * record)
    first, second = (np.frombuffer(source.read(at, HEADER_BYTES), "u1") for at in (0, record))
    one = first.view("<f4")
    score += int(one[5] == size)
    if second.size < HEADER_BYTES:
        return score
    two = second.view("<f4")
    return score + 2 * bool(two[0] == one[0] + 1 and two[5] == one[5])


def _words(layout: TraceLayout, rows: np.ndarray) -> np.ndarray:
    """Return the header words of some traces, shape (trace, 32)."""
    return layout.headers(None if len(rows) == layout.n_traces else rows).view("<f4")


def _redefined(header: KeyedHeader) -> set[int]:
    """Zero-based header words to which TRACEHEADERDEF gives another meaning."""
    numbers = (re.fullmatch(r"TRACEHEADERDEF_(\d{1,2})", key) for key in header.fields)
    return {int(match[1]) - 1 for match in numbers if match}


def _position_unit(header: KeyedHeader) -> tuple[float, list[Finding]]:
    text = header.text("POSITION UNITS").lower()
    if text in _UNITS:
        return _UNITS[text], []
    what, evidence = "The unit of positions is not known.", f"POSITION UNITS is {text!r}"
    then = "Metres were taken for granted. Override with gprscan.read(path, spacing=..., separation=...)."
    return 1.0, [Finding("position-unit-unknown", "warning", what, header.source.name, evidence, then)]


def _distances(
    header: KeyedHeader, layout: TraceLayout, words: np.ndarray, rows: np.ndarray, unit: float
) -> tuple[float | None, np.ndarray | None, list[Finding]]:
    """Take positions from the trace headers where they are a sane run, else from the HD."""
    name, findings, n_traces = header.source.name, [], layout.n_traces
    start, final, step = (header.number(key) for key in ("STARTING POSITION", "FINAL POSITION", "STEP SIZE USED"))
    if start is not None and final is not None and step:
        implied = abs(final - start) / abs(step) + 1
        findings += checks.disagreement(
            "spacing-disagreement",
            "Start, end and step of the line do not fit the number of traces.",
            name,
            ("traces", float(n_traces)),
            ("(FINAL - STARTING) / STEP + 1", implied),
            0.02,
            "Positions are those of the trace headers. Check them, or give gprscan.read(path, spacing=...).",
        )
        if final < start:
            evidence = f"STARTING POSITION {start:g}, FINAL POSITION {final:g}, STEP SIZE USED {step:g}"
            what, then = (
                "The line was recorded towards smaller positions.",
                "Distance is counted from the first trace, in the order recorded.",
            )
            findings.append(Finding("reversed-line", "info", what, name, evidence, then))
    along = words[:, 1].astype("float64")
    if len(rows) < n_traces and not _is_even(along, rows):  # uneven: all of them are needed
        along, rows = layout.headers(None, 4, 8).view("<f4")[:, 0].astype("float64"), np.arange(n_traces)
    sane = 1 not in _redefined(header) and np.isfinite(along).all() and np.abs(along).max() < 1e7
    steps = np.diff(along)
    if sane and n_traces > 1 and np.ptp(along) > 0 and (np.all(steps >= 0) or np.all(steps <= 0)):
        distance = along if along[-1] > along[0] else along[0] - along
        if _is_even(distance, rows):
            mean = float(distance[-1] - distance[0]) / (n_traces - 1)
            even = abs(step) if step and abs(abs(step) - mean) < 2e-3 * mean else mean
            return None, (distance[0] + np.arange(n_traces) * even) * unit, findings
        return None, distance * unit, findings
    if step:
        return abs(step) * unit, None, findings
    return None, None, [*findings, checks.time_triggered(name, "no step size, and no positions in the trace headers")]


def _is_even(along: np.ndarray, rows: np.ndarray) -> bool:
    """Whether positions advance by one step per trace; words are float32, whose rounding is let pass."""
    if len(rows) < 2 or not np.isfinite(along).all():
        return False
    steps = np.diff(along) / np.diff(rows)
    mean = float(along[-1] - along[0]) / float(rows[-1] - rows[0])
    return bool(np.allclose(steps, mean, rtol=1e-3, atol=1e-6 * float(np.abs(along).max())))


def _header_findings(header: KeyedHeader, words: np.ndarray, layout: TraceLayout) -> list[Finding]:
    out, name = [], header.source.name
    mode = header.text("SURVEY MODE")
    if "CMP" in mode.upper() or "WARR" in mode.upper():
        what, then = "This is a velocity sounding, not a reflection line.", "Do not use it for detection or migration."
        out.append(Finding("not-a-reflection-line", "warning", what, name, f"SURVEY MODE {mode}", then))
    dead = int((words[:, 21] == 1).sum()) if 21 not in _redefined(header) else 0
    if dead:
        what, then = "The recorder flagged traces as bad.", "They are kept as recorded."
        out.append(Finding("traces-flagged-bad", "warning", what, name, f"{dead} of {len(words)} traces checked", then))
    return out


def _window_finding(header: KeyedHeader, words: np.ndarray, window: float, dt: float) -> list[Finding]:
    """Compare the window of the HD with word 6 of the traces, which is the step in ps or the window in ns."""
    if 6 in _redefined(header) or not len(words) or header.text("GPRSCAN TIME ZERO"):
        return []
    stated = float(words[0, 6])
    if not np.isfinite(stated) or stated <= 0 or min(abs(stated / window - 1), abs(stated / (1e3 * dt) - 1)) <= 0.02:
        return []
    return checks.disagreement(
        "window-disagreement",
        "The HD and the trace headers state different time windows.",
        header.source.name,
        ("step of the HD, ps", 1e3 * dt),
        ("word 6 of the first trace (a step in ps, or a window in ns)", stated),
        0.0,
        "The HD's window is used; depths depend on it. Check it against the recorder's settings.",
    )


def _marks(layout: TraceLayout, words: np.ndarray) -> xr.Variable | None:
    """Traces with a comment, where the comment flag is used as one; of very many traces read when they are used."""
    flags = words[:, 24]
    if not np.isin(flags, (0, 1)).all():
        return None
    if len(words) < layout.n_traces:
        return xr.Variable("trace", indexing.LazilyIndexedArray(HeaderFlag(layout, 96, np.dtype("<f4"), [1.0])))
    return xr.Variable("trace", (flags == 1).astype("i1")) if (flags == 1).any() else None


def _date(header: KeyedHeader) -> datetime.date | None:
    """Return the date of the third line: 2014-03-11, 2007-Sep-26, or 10/06/2011 (day or month first: left open)."""
    for line in header.lines[:6]:
        match = re.match(r"\s*(\d{4})-(\d{1,2}|[A-Za-z]{3})-(\d{1,2})\b", line)
        if match:
            month = (
                int(match[2])
                if match[2].isdigit()
                else 1 + next((i for i, m in enumerate(_MONTHS) if m == match[2].lower()), 99)
            )
            try:
                return datetime.date(int(match[1]), month, int(match[3]))
            except ValueError:
                return None
    return None


def _acquired(header: KeyedHeader, words: np.ndarray) -> str:
    date, seconds = _date(header), float(words[0, 23])
    if date is None:
        return ""
    if 23 in _redefined(header) or not 0 < seconds < 86400:
        return date.isoformat()
    start = datetime.datetime.combine(date, datetime.time()) + datetime.timedelta(seconds=round(seconds))
    return start.isoformat()


def _instrument(header: KeyedHeader) -> str:
    match = re.search(r"collected with\s+([^(\r\n]+)", "\n".join(header.lines[:5]), re.IGNORECASE)
    return f"Sensors & Software {match[1].strip() if match else ''}".strip()


def _fixes(
    source: Source, side: Source | None, header: KeyedHeader, layout: TraceLayout, words: np.ndarray
) -> Fixes | None:
    """Return fixes of the position file, else of the trace headers."""
    if side is not None:
        return (read_gp2 if side.suffix == ".gp2" else read_gps)(side, _date(header))
    if "POSITIONS ADDED - LATLONG" not in " ".join(header.lines).upper() or _redefined(header) & set(range(8, 14)):
        return None
    places = layout.headers(None, 32, 56).view("<f8")
    usable = np.isfinite(places).all(axis=1) & (np.abs(places[:, 0]) <= 180) & (np.abs(places[:, 1]) <= 90)
    usable &= (places[:, :2] != 0).all(axis=1)
    if usable.sum() < 2:
        return None
    what, evidence = "Positions were taken from the trace headers.", "no GPS or GP2 file; HD says LatLong"
    note = Finding(
        "positions-from-trace-headers", "info", what, source.name, evidence, "Their quality is not recorded."
    )
    rows = np.flatnonzero(usable)
    return Fixes(rows, places[rows, 0], places[rows, 1], places[rows, 2], source=source.name, findings=[note])


register(
    Format(
        name="dt1",
        title="Sensors & Software DT1",
        suffixes=(".dt1",),
        side_suffixes=(".hd", ".gps", ".gp2"),
        maturity=REAL,
        sniff=sniff,
        read=read,
        write=write_dt1,
        write_suffixes=(".dt1",),
        data_file=data_file,
        note="16-bit integers and 32-bit floats; positions of GP2, GPS or trace headers; plain GPZ projects",
    )
)

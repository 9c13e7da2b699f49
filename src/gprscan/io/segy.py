"""SEG-Y of radar programs: revisions 0 and 1, IBM and IEEE floats, either byte order. Layout: specs/segy.md."""

from __future__ import annotations

import re
import struct
from dataclasses import replace

import numpy as np
import xarray as xr

from gprscan.geometry import Fixes, PlacedTrack
from gprscan.io import checks
from gprscan.io.antenna import unknown
from gprscan.io.direct_wave import nominal_time_zero
from gprscan.io.interval import radar_interval
from gprscan.io.lazy import TraceLayout, lazy_variable, probe
from gprscan.io.recording import ReadOptions, Recording, check_counts, layout_of, require, to_line, whole_traces
from gprscan.io.registry import REAL, Format, register
from gprscan.io.segy_header import (
    FILE_BYTES,
    FORMAT_NAMES,
    FORMATS,
    HEADING_STEPS,
    IBM,
    MOST_TEXTS,
    REFUSED,
    TEXT_BYTES,
    TRACE_BYTES,
    FileHeader,
    TraceHeaders,
    byte_order,
    extended_texts,
    file_header,
)
from gprscan.io.segy_places import Places, places, radsys_places
from gprscan.io.segy_write import write_segy
from gprscan.io.source import Source
from gprscan.io.track import placed_from
from gprscan.model.findings import Finding

_NOTE = re.compile(r"\bGPRSCAN ([A-Z ]+?) *= *([^\n]*)")
_RADSYS = re.compile(r"radar systems|prism", re.IGNORECASE)


def sniff(source: Source) -> bool:
    """Whether a known format code, and a text that begins with C or a first trace that repeats the counts, are there."""
    head = source.head
    order = byte_order(head)
    if order is None or source.size < FILE_BYTES + TRACE_BYTES:
        return False
    n_samples = struct.unpack_from(f"{order}H", head, 3220)[0]
    if head[:2] in (b"\xc3\x40", b"C ", b"\xc3\xf0", b"C0"):
        return bool(n_samples)
    own, again = (struct.unpack_from(f"{order}HH", head, at) for at in (3220, FILE_BYTES + 114))
    interval = struct.unpack_from(f"{order}H", head, 3216)[0]
    return n_samples > 1 and interval > 0 and again == (own[0], interval)


def read(source: Source, options: ReadOptions) -> xr.Dataset:
    """Read a SEG-Y file."""
    require(
        source.size >= FILE_BYTES, source, f"SEG-Y begins with {FILE_BYTES} bytes of headers, here are {source.size}"
    )
    order = byte_order(source.head)
    codes = [struct.unpack_from(f"{o}h", source.head, 3224)[0] for o in "><"]
    require(
        order is not None,
        source,
        f"the sample format code is {codes[0]} or, in the other byte order, {codes[1]}; {', '.join(map(str, FORMATS))} are known",
    )
    assert order is not None
    header = file_header(source, order)
    kind = f"samples are {REFUSED.get(header.code)} (code {header.code})"
    require(header.code in FORMATS, source, kind, "That is not supported; export them as floats or 32-bit integers.")
    layout, texts, findings = _layout(source, header, options)
    traces = TraceHeaders(layout, order)
    findings += _lengths(source, traces, layout)
    sample = probe(layout)
    header = replace(header, text="\n".join([header.text, *texts]))
    notes = {key.strip(): value.strip() for key, value in _NOTE.findall(header.text)}
    dt, found = _interval(source, header, traces, notes, options)
    findings += found
    where = _places(source, header, traces, notes, options)
    findings += where.findings + checks.samples(sample, source.name)
    frequency, separation = _noted(notes, "FREQUENCY MHZ"), _noted(notes, "SEPARATION M")
    if frequency is None:
        findings.append(unknown(""))
    time_zero, found = _time_zero(source, traces, notes, sample, dt, separation)
    findings += found
    private = traces.private()
    track, damaged = _track(private, source.name)
    findings += damaged
    recording = Recording(
        data=lazy_variable(layout),
        dt=dt,
        time_zero=time_zero,
        distance=where.distance,
        frequency=frequency,
        separation=separation,
        fixes=where.fixes,
        track=track,
        position_notes={key.lower().replace(" ", "_"): value for key, value in notes.items()},
        lever_arm=_lever_arm(notes),
        mark=None
        if private is None or not private["mark"].any()
        else xr.Variable("trace", private["mark"].astype("i1")),
        antenna_height=_noted(notes, "ANTENNA HEIGHT M"),
        crs=notes.get("CRS"),
        acquired=traces.acquired(),
        instrument="Radar Systems" if _RADSYS.search(header.text) else notes.get("INSTRUMENT", ""),
        header={
            "text": header.text,
            "byte order": "big-endian" if order == ">" else "little-endian",
            "format": FORMAT_NAMES[header.code],
            "interval": header.interval,
            "revision": header.revision,
        },
        units=notes.get("UNITS", "1"),
        findings=findings,
    )
    return to_line(recording, source, "segy", options)


def _layout(source: Source, header: FileHeader, options: ReadOptions) -> tuple[TraceLayout, list[str], list[Finding]]:
    """Find samples per trace and the byte at which traces begin; return the extended textual headers too."""
    require(
        -1 <= header.extended <= MOST_TEXTS,
        source,
        f"it says {header.extended} extended textual headers; -1 to 100 are right",
    )
    require(0 <= header.extra_headers <= 100, source, f"it says {header.extra_headers} further headers of each trace")
    require(0 <= header.trailers <= 1000, source, f"it says {header.trailers} blocks after the traces")
    texts = extended_texts(source, header)
    problem = "the number of extended textual headers is not stated, and none of them is the last one ((SEG: EndText))"
    require(texts is not None, source, problem)
    assert texts is not None
    offset = FILE_BYTES + TEXT_BYTES * len(texts)
    if header.first_trace:
        problem = f"the first trace is said to begin at byte {header.first_trace}, the headers end at {offset}"
        require(offset <= header.first_trace < source.size, source, problem)
        offset = header.first_trace
    prefix, after = TRACE_BYTES * (1 + header.extra_headers), TEXT_BYTES * header.trailers
    stored = np.dtype(f"{header.order}{FORMATS[header.code]}")
    first = source.read(offset, TRACE_BYTES)
    own = struct.unpack_from(f"{header.order}H", first, 114)[0] if len(first) == TRACE_BYTES else 0
    stated = header.n_samples
    counts = [n for n in (stated, own) if n]
    room = source.size - offset - after
    fitting = [n for n in counts if room % (prefix + n * stored.itemsize) == 0]
    n_samples = (fitting or counts or [0])[0]
    require(n_samples >= 1, source, "neither the file header nor the first trace tells the samples per trace")
    check_counts(source, max(n_samples, 2))
    what = f"{n_samples} samples of {8 * stored.itemsize} bits and a header"
    record = prefix + n_samples * stored.itemsize
    n_traces, findings = whole_traces(source, offset, record, what, options, after=after)
    if own and stated and own != stated:
        findings += checks.disagreement(
            "header-samples-disagree",
            "The file header and the first trace disagree on the samples per trace.",
            source.name,
            ("used", float(n_samples)),
            ("stated elsewhere", float(own if n_samples == stated else stated)),
            0.0,
            "The number that fits the size of the file is used.",
        )
    layout = layout_of(
        source,
        offset=offset,
        n_traces=n_traces,
        n_samples=n_samples,
        stored=stored,
        prefix=prefix,
        ibm_float=header.code == IBM,
    )
    return layout, texts, findings


def _lengths(source: Source, traces: TraceHeaders, layout: TraceLayout) -> list[Finding]:
    """Refuse traces of different lengths: the layout of equal records would decode headers as samples."""
    counts = traces.field(114, "u2")
    other = np.flatnonzero((counts != layout.n_samples) & (counts != 0))
    if len(other) == 0 or len(other) == len(counts) or layout.n_samples > 65535:
        return []
    number = int(other[0])
    if number == 0:
        return []  # reported with the file header
    require(
        False,
        source,
        f"trace {int(traces.rows[number]) + 1} says {int(counts[number])} samples, others {layout.n_samples}",
        "Traces of different lengths are not supported, or the file is damaged from there on.",
    )
    return []


def _interval(
    source: Source, header: FileHeader, traces: TraceHeaders, notes: dict[str, str], options: ReadOptions
) -> tuple[float, list[Finding]]:
    exact = _noted(notes, "DT NS")
    own = int(traces.field(116, "u2")[0])
    value = header.interval or own
    require(value > 0, source, "the sampling interval is 0 in the file header and in the first trace")
    declared = "ps" if exact is not None or re.search(r"\bpico ?seconds?\b", header.text, re.IGNORECASE) else ""
    # revision 2 has room for the fractions of a microsecond that a radar needs
    usual = "us" if header.exact_interval and value < 0.1 else "ps"
    n_samples = traces_samples(header, traces)
    dt, findings = radar_interval(
        source, value, n_samples, usual, options.interval_unit, declared=declared, field="interval"
    )
    if not header.exact_interval and header.interval and own and own != header.interval:
        findings += checks.disagreement(
            "interval-disagreement",
            "The file header and the first trace disagree on the sampling interval.",
            source.name,
            ("file header", float(header.interval)),
            ("first trace", float(own)),
            0.0,
            "That of the file header is used; depths depend on it.",
        )
    if exact is not None and options.interval_unit is None and abs(exact - dt) <= 1e-3:
        dt = exact  # the field holds whole picoseconds
    return dt, findings


def traces_samples(header: FileHeader, traces: TraceHeaders) -> int:
    """Return samples per trace as stated, for judging a time window."""
    return header.n_samples or int(traces.field(114, "u2")[0])


def _places(
    source: Source, header: FileHeader, traces: TraceHeaders, notes: dict[str, str], options: ReadOptions
) -> Places:
    private = traces.private()
    if private is not None:
        out = Places()
        distance = private["distance"].astype("float64")
        if np.isfinite(distance).all() and (np.abs(distance) < 1e9).all():
            out.distance = distance
        else:
            out.findings.append(checks.time_triggered(source.name, "the trace headers hold no distances"))
        out.fixes = _private_fixes(private, source.name)
        return out
    if _RADSYS.search(header.text) and header.order == "<":
        return radsys_places(traces, source.name)
    return places(traces, source.name, options.crs)


def _private_fixes(private: np.ndarray, name: str) -> Fixes | None:
    usable = np.isfinite(private["longitude"]) & np.isfinite(private["latitude"])
    usable &= (np.abs(private["longitude"]) <= 180) & (np.abs(private["latitude"]) <= 90)
    rows = np.flatnonzero(usable)
    if not len(rows):
        return None
    kept = private[rows]
    return Fixes(
        rows,
        kept["longitude"],
        kept["latitude"],
        kept["height"],
        kept["quality"],
        kept["sigma"],
        kept["time"].astype("i8").view("datetime64[ns]"),
        source=name,
    )


def _track(private: np.ndarray | None, name: str) -> tuple[PlacedTrack | None, list[Finding]]:
    """Return where the line lies, as gprscan wrote it beside the fixes."""
    if private is None or not private["track_sigma"].any():
        return None, []
    heading = (private["heading"] - 1.0) / HEADING_STEPS * 360.0
    columns = {
        "longitude": private["longitude"] + private["track_longitude"].astype("f8"),
        "latitude": private["latitude"] + private["track_latitude"].astype("f8"),
        "sigma": private["track_sigma"].astype("f8"),
        "heading": np.where(private["heading"] > 0, heading, np.nan),
    }
    return placed_from(columns, private.size, name)


def _noted(notes: dict[str, str], key: str) -> float | None:
    try:
        value = float(notes[key])
    except (KeyError, ValueError):
        return None
    return value if np.isfinite(value) and abs(value) < 1e9 else None


def _lever_arm(notes: dict[str, str]) -> tuple[float, float]:
    try:
        right, forward = (float(word) for word in notes.get("LEVER ARM M", "").split(","))
    except ValueError:
        return 0.0, 0.0
    return (right, forward) if np.isfinite([right, forward]).all() else (0.0, 0.0)


def _time_zero(
    source: Source, traces: TraceHeaders, notes: dict[str, str], sample: np.ndarray, dt: float, separation: float | None
) -> tuple[float, list[Finding]]:
    """Return time zero as gprscan noted it, else from the delay of the recording, else by the direct wave."""
    exact = _noted(notes, "TIME ZERO NS")
    if exact is not None:
        return exact, []
    delay = int(traces.field(108, "i2")[0])
    if delay < 0 and -delay < dt * sample.shape[-1]:
        # ms in a seismic file where the interval is in us: ns here where it is in ps
        return float(-delay), []
    return nominal_time_zero(sample, dt, separation, source.name, f"delay of the recording {delay}")


register(
    Format(
        name="segy",
        title="SEG-Y",
        suffixes=(".sgy", ".segy", ".seg"),
        side_suffixes=(),
        maturity=REAL,
        sniff=sniff,
        read=read,
        write=write_segy,
        write_suffixes=(".sgy", ".segy"),
        note="revisions 0 to 2, IBM and IEEE, both byte orders; layout on real seismic files, radar dialects on made ones",
    )
)

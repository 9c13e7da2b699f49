"""IDS GeoRadar .dt with .gec positions. Layout: specs/ids.md."""

from __future__ import annotations

import math
import struct

import numpy as np
import xarray as xr
from xarray.core import indexing

from gprscan.geometry.decoding import decode_text
from gprscan.io import checks
from gprscan.io.antenna import unknown
from gprscan.io.cor import parse_instant
from gprscan.io.direct_wave import nominal_time_zero
from gprscan.io.ids_gec import read_gec
from gprscan.io.lazy import HeaderFlag, TraceLayout, lazy_variable, probe
from gprscan.io.recording import ReadOptions, Recording, check_counts, layout_of, require, to_line, whole_traces
from gprscan.io.registry import REAL, Format, register
from gprscan.io.source import Source
from gprscan.model.findings import Finding

MAX_RECORDS = 4096
_SHORTEST, _LONGEST = 256, 65_532  # bytes of a record
# flags of a sweep, second byte after its R
_USER_MARKS, _INVALID = (8, 9), (1, 6)
_COUNTS = (
    *("record_length", "n_acq_sweep", "n_acq_sample", "n_x", "n_y", "x_compress", "n_x_compress", "n_y_compress"),
    *("wheel", "wheel_compress", "ad_offset"),
)
_NUMBERS = (
    *("radar_freq", "prop_vel", "sweep_time", "sweep_time_tot", "scan_freq", "scan_time", "sweep_dx", "wheel_dx"),
    *("x_cell", "y_cell"),
)


def sniff(source: Source) -> bool:
    """Whether it begins with V and a version, and a record with a tag begins where the first record ends."""
    length = _record_length(source)
    if length is None:
        return False
    tag = source.read(length, 1)
    return len(tag) == 1 and tag in b"ACFHIRS"


def _record_length(source: Source) -> int | None:
    head = source.head
    if len(head) < 8 or head[:1] != b"V" or head[1] > 9 or head[2:4] != b"\0\0":
        return None
    length = struct.unpack_from("<h", head, 4)[0]
    return length if _SHORTEST <= length <= _LONGEST else None


def read(source: Source, options: ReadOptions) -> xr.Dataset:
    """Read an IDS .dt file: one channel of one line."""
    length = _record_length(source)
    require(length is not None, source, "it does not begin with V, a version and the length of its records")
    assert length is not None
    records, start = _records(source, length)
    require("H" in records, source, "the record H with the counts is missing")
    header = _header(source, records["H"])
    n_samples = int(header["n_y"])
    check_counts(source, n_samples)
    what = f"{n_samples} samples of 16 bits and 4 bytes of flags"
    n_traces, findings = whole_traces(source, start, 4 + 2 * n_samples, what, options)
    layout, flags, found = _layout(source, start, n_traces, n_samples)
    findings += found + checks.trace_count(source.name, "n_x", header["n_x"], layout.n_traces)
    window = header["sweep_time_tot"] or header["sweep_time"]
    require(0 < window < 1e-2, source, f"the time window is {window:g} s")
    dt = window * 1e9 / n_samples
    sample = probe(layout)
    findings += _header_findings(source, header, window, n_samples, flags) + checks.samples(sample, source.name)
    frequency, separation, found = _antennas(records)
    findings += found
    spacing, found = _spacing(source, header)
    zero, unclear = nominal_time_zero(sample, dt, separation, source.name, "no field for it")
    side = source.side_file(".gec")
    recording = Recording(
        data=lazy_variable(layout),
        dt=dt,
        time_zero=zero,
        spacing=spacing,
        start=_first_number(records.get("FX", b"")) or 0.0,
        frequency=frequency,
        separation=separation,
        fixes=read_gec(side, layout.n_traces, spacing, options.crs) if side is not None else None,
        mark=_marks(layout, flags),
        acquired=_acquired(records.get("C", b"")),
        instrument="IDS GeoRadar",
        header=_texts(records) | header,
        findings=[*findings, *found, *unclear],
    )
    return to_line(recording, source, "ids", options)


def _marks(layout: TraceLayout, flags: np.ndarray) -> xr.Variable | None:
    """Return the operator's marks; of very many sweeps they are read when they are used."""
    if len(flags) < layout.n_traces:
        return xr.Variable("trace", indexing.LazilyIndexedArray(HeaderFlag(layout, 1, np.dtype("u1"), _USER_MARKS)))
    marks = np.isin(flags[:, 1], _USER_MARKS)
    return xr.Variable("trace", marks.astype("i1")) if marks.any() else None


def _records(source: Source, length: int) -> tuple[dict[str, bytes], int]:
    """Return the records of the header by their tags, the first of each, and the byte at which sweeps begin."""
    out: dict[str, bytes] = {}
    for number in range(1, MAX_RECORDS):
        raw = source.read(number * length, length)
        require(len(raw) >= 4, source, f"it ends after {number} records, before the first sweep")
        if raw[:1] == b"R":
            return out, number * length
        tag = "H" if raw[:1] == b"H" else "".join(chr(byte) for byte in raw[:4] if 32 < byte < 127)
        require(bool(tag), source, f"the record at byte {number * length} has no tag")
        out.setdefault(tag[:3], raw[4:])
    require(False, source, f"there is no sweep in the first {MAX_RECORDS} records")
    raise AssertionError


def _header(source: Source, raw: bytes) -> dict[str, float]:
    """Return counts (11 of int32) and numbers (16 characters each) of the record H."""
    need = 4 * len(_COUNTS) + 16 * len(_NUMBERS)
    require(len(raw) >= need, source, f"the record H has {len(raw)} bytes; {need} are needed")
    out: dict[str, float] = dict(zip(_COUNTS, struct.unpack_from(f"<{len(_COUNTS)}i", raw), strict=True))
    for i, name in enumerate(_NUMBERS):
        at = 4 * len(_COUNTS) + 16 * i
        out[name] = _float(raw[at : at + 16]) or 0.0
    return out


def _float(raw: bytes) -> float | None:
    try:
        value = float(raw.replace(b"\0", b"").strip() or b"x")
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _first_number(raw: bytes) -> float | None:
    return _float(raw[:16])


def _layout(source: Source, start: int, n_traces: int, n_samples: int) -> tuple[TraceLayout, np.ndarray, list[Finding]]:
    """Return the layout of the sweeps and their flags, those of a sample of very many; what follows them is left out."""

    def layout(count: int) -> TraceLayout:
        stored = np.dtype("<i2")
        return layout_of(source, offset=start, n_traces=count, n_samples=n_samples, stored=stored, prefix=4)

    rows = layout(n_traces).spread()
    if len(rows) < n_traces:
        flags = layout(n_traces).headers(rows)
        if bool((flags[:, 0] == ord("R")).all()):
            return layout(n_traces), flags, []
    flags = layout(n_traces).headers()
    other = np.flatnonzero(flags[:, 0] != ord("R"))
    if len(other) == 0:
        return layout(n_traces), flags, []
    count = int(other[0])
    problem = f"record {count + 1} after the header is no sweep, but sweeps follow it"
    require(len(other) == n_traces - count, source, problem)
    what, evidence = "Records that are no sweeps follow the last one.", f"{len(other)} of {n_traces} records"
    note = Finding("trailing-records", "warning", what, source.name, evidence, "They were left out.")
    return layout(count), flags[:count], [note]


def _antennas(records: dict[str, bytes]) -> tuple[float | None, float | None, list[Finding]]:
    """Return frequency (MHz) and separation (m) of the transmitter and receiver that this channel uses."""
    use = struct.unpack_from("<4i", records["AC1"]) if len(records.get("AC1", b"")) >= 16 else (1, 1, 1, 1)
    ends = []
    for tag, sequence in (("ATX", use[1]), ("ARX", use[3])):
        at = 53 * (sequence - 1) if 1 <= sequence <= 64 else 0
        raw = records.get(tag, b"")[at : at + 53]
        ends.append([_float(raw[i : i + 16]) for i in (0, 16)] + [_float(raw[48:53])])
    (tx_x, tx_y, tx_f), (rx_x, rx_y, rx_f) = ends
    frequency = tx_f or rx_f
    frequency = frequency if frequency and 1 <= frequency <= 20_000 else None
    separation = None
    if None not in (tx_x, tx_y, rx_x, rx_y):
        separation = math.dist((tx_x or 0, tx_y or 0), (rx_x or 0, rx_y or 0))
        separation = separation if 0 < separation < 20 else None
    return frequency, separation, [] if frequency else [unknown("")]


def _spacing(source: Source, header: dict[str, float]) -> tuple[float | None, list[Finding]]:
    """Take sweep_dx: with it the lines of a real survey have the length that its description states."""
    step = header["sweep_dx"]
    if header["wheel"] and 0 < step <= 100:
        return step, []
    return None, [checks.time_triggered(source.name, f"wheel {header['wheel']:g}, sweep_dx {step:g}")]


def _header_findings(
    source: Source, header: dict[str, float], window: float, n_samples: int, flags: np.ndarray
) -> list[Finding]:
    out = checks.disagreement(
        "header-window-mismatch",
        "Two header fields disagree on the time window.",
        source.name,
        ("sweep_time_tot, ns", window * 1e9),
        ("y_cell x n_y, ns", header["y_cell"] * n_samples * 1e9),
        0.02,
        "sweep_time_tot is used, which other readers and the descriptions of surveys agree with. Depths depend on it.",
    )
    invalid = int(((flags[:, 1] == _INVALID[0]) & (flags[:, 2] == _INVALID[1])).sum())
    if invalid:
        what, then = "The recorder flagged sweeps as invalid.", "They are kept as recorded."
        evidence = f"{invalid} of {len(flags)} sweeps checked"
        out.append(Finding("traces-flagged-bad", "warning", what, source.name, evidence, then))
    return out


def _acquired(raw: bytes) -> str:
    """Return date and time: ``05/03/22  10:40:34``, day first (an Italian maker; months beyond 12 never occur so)."""
    words = raw[:60].replace(b"\0", b" ").decode("latin-1").split()
    try:
        day, month, year = (int(word) for word in words[0].split("/"))
        stamp = f"{2000 + year if year < 80 else 1900 + year:04d}-{month:02d}-{day:02d}T{words[1]}"
    except (ValueError, IndexError):
        return ""
    when = parse_instant(stamp)
    return "" if np.isnat(when) else str(when.astype("datetime64[s]"))


def _texts(records: dict[str, bytes]) -> dict[str, str]:
    return {
        name: decode_text(records[tag]).strip()[:200]
        for tag, name in (("I", "survey"), ("C", "created"), ("FZ", "zone"), ("S", "channels"), ("AA", "antenna"))
        if tag in records
    }


register(
    Format(
        name="ids",
        title="IDS GeoRadar DT",
        suffixes=(".dt",),
        side_suffixes=(".gec",),
        maturity=REAL,
        sniff=sniff,
        read=read,
        shared_suffixes=True,
        note="one channel per file; positions of GEC are documented only",
    )
)

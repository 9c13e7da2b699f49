"""GSSI DZT: 8, 16 and 32 bit, one channel or many, with DZG and DZX side files. Layout: specs/dzt.md."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import xarray as xr
from xarray.backends import BackendArray
from xarray.core import indexing

from gprscan.geometry import Fixes
from gprscan.io import checks
from gprscan.io.antenna import decode_frequency
from gprscan.io.direct_wave import nominal_time_zero
from gprscan.io.dzt_header import BLOCK, DztHeader, is_plausible, parse_block
from gprscan.io.dzt_sides import Dzx, read_dzg, read_dzx
from gprscan.io.dzt_write import write_dzt
from gprscan.io.lazy import TraceLayout, lazy_variable, probe
from gprscan.io.recording import ReadOptions, Recording, check_counts, layout_of, require, to_line, whole_traces
from gprscan.io.registry import REAL, Format, register, twin
from gprscan.io.source import Source
from gprscan.io.track import placed_beside
from gprscan.model.findings import Finding

_STORED: dict[int, np.dtype] = {8: np.dtype("<u1"), 16: np.dtype("<u2"), 32: np.dtype("<i4")}
MAX_MARKS_TRACES = 2**22  # traces up to which marks are looked at to find distances


def sniff(source: Source) -> bool:
    """Whether the first block is a plausible DZT header."""
    return is_plausible(source.head, source.size)


def data_file(source: Source) -> Source:
    """Return the DZT that belongs to a DZX or a DZG."""
    return twin(source, (".dzt",), "data file") if source.suffix in (".dzx", ".dzg") and not sniff(source) else source


def read(source: Source, options: ReadOptions) -> xr.Dataset:
    """Read a DZT file and its side files."""
    headers = _headers(source)
    main = headers[0]
    layout, findings = _layout(source, main, options)
    side = source.side_file(".dzx")
    dzx = read_dzx(side) if side else Dzx()
    sample = probe(layout)
    stated = dzx.exact("status_samples")
    status = _status_words(sample) if stated is None else int(min(max(stated, 0), 2))
    findings += (
        dzx.findings + _status_findings(status, layout, source) + checks.samples(sample, source.name, skip=status)
    )
    mark = _marks(layout, sample, status, dzx)
    spacing, distance, found = _distances(source, main, dzx, layout, mark)
    findings += found
    frequency, found = _frequencies(headers, dzx)
    findings += found + _header_findings(source, main, headers, own=bool(dzx.line))
    findings += _side_findings(source, main, dzx, layout.n_traces)
    gnss = source.side_file(".dzg")
    fixes: Fixes | None = read_dzg(gnss, main.created.date() if main.created else None) if gnss else None
    track, damaged = placed_beside(dzx.track, dzx.fixes, gnss, layout.n_traces, f"{source.path.stem}.DZX")
    separation = _per_channel(dzx.separations, main.channels)
    time_zero, found = _time_zero(source, main, dzx, sample, status)
    findings += found
    recording = Recording(
        data=lazy_variable(layout),
        dt=dzx.exact("dt_ns") or _dt(main),
        time_zero=time_zero,
        spacing=spacing,
        start=dzx.exact("distance_start_m") or 0.0,
        distance=distance,
        frequency=frequency,
        separation=separation,
        offsets=_all_channels(dzx.offsets, main.channels) if main.channels > 1 else None,
        labels=_labels(dzx, main.channels),
        mark=mark,
        status_samples=status,
        fixes=fixes,
        track=track,
        position_notes=dzx.line,
        lever_arm=(dzx.exact("lever_right_m") or 0.0, dzx.exact("lever_forward_m") or 0.0),
        crs=dzx.line.get("crs"),
        acquired=main.created.isoformat() if main.created else "",
        antenna_height=dzx.exact("antenna_height_m"),
        instrument=main.instrument,
        header={
            **main.as_json(),
            "antennas": [h.antenna for h in headers],
            **({"picks": dzx.picks} if dzx.picks else {}),
        },
        findings=findings + damaged,
    )
    return to_line(recording, source, "dzt", options)


def _headers(source: Source) -> list[DztHeader]:
    require(source.size > BLOCK, source, f"{source.size} bytes are less than a DZT header and one scan")
    main = parse_block(source.head)
    require(main.bits in _STORED, source, f"the header says {main.bits} bits per sample; DZT has 8, 16 or 32")
    check_counts(source, main.nsamp, main.channels)
    window = main.range
    require(bool(np.isfinite(window)) and 0 < window < 1e7, source, f"the header says a time window of {window} ns")
    require(
        main.data_offset < source.size, source, f"the header puts the data at byte {main.data_offset}, past the end"
    )
    blocks = [main]
    for channel in range(1, main.channels):
        raw = source.read(BLOCK * channel, BLOCK)
        if BLOCK * (channel + 1) > main.data_offset or len(raw) < BLOCK:
            break
        blocks.append(parse_block(raw))
    return blocks


def _dt(header: DztHeader) -> float:
    return float(header.range) / int(header.nsamp)


def _layout(source: Source, main: DztHeader, options: ReadOptions) -> tuple[TraceLayout, list[Finding]]:
    stored = _STORED[main.bits]
    record = main.channels * main.nsamp * stored.itemsize
    what = f"{main.nsamp} samples of {main.bits} bits x {main.channels} channel{'s' * (main.channels > 1)}"
    n_traces, findings = whole_traces(source, main.data_offset, record, what, options)
    layout = layout_of(
        source,
        offset=main.data_offset,
        n_traces=n_traces,
        n_samples=main.nsamp,
        stored=stored,
        n_channels=main.channels,
        offset_binary=main.bits < 32,
    )
    return layout, findings


def _time_zero(
    source: Source, main: DztHeader, dzx: Dzx, sample: np.ndarray, status: int
) -> tuple[float, list[Finding]]:
    """Return time zero in ns after the first sample: as gprscan wrote it, by the header, else by the direct wave."""
    exact = dzx.exact("time_zero_ns")
    if exact is not None:
        return exact, []
    value, origin = main.time_zero
    if origin:
        return value, []
    evidence = f"rhf_position {main.position:g} ns, rhf_top {main.top:g} m"
    return nominal_time_zero(sample, _dt(main), dzx.separations.get(0), source.name, evidence, skip=status)


def _status_words(sample: np.ndarray) -> int:
    """Count the samples at the top of a scan that are status words of the recorder: 2 or none.

    Sample 0 is a scan counter, or one constant; sample 1 takes few values (0, or a mark). Files written by processing
    software have radar there, which is neither.
    """
    if sample.shape[0] < 4 or sample.shape[2] < 3:
        return 0
    first, second, third = (sample[:, 0, k].astype("int64") for k in range(3))
    if not np.any(sample[:, 0, 2:] != sample[:1, 0, 2:]) and np.ptp(first) == 0:
        return 0  # nothing varies: a blank file shows no status words
    steps = np.diff(first)
    counter = np.mean(steps == 1) > 0.9
    constant = np.ptp(first) == 0 and abs(int(first[0]) - float(np.median(third))) > 8 * max(float(np.std(third)), 1.0)
    few = len(np.unique(second)) <= max(3, sample.shape[0] // 100)
    return 2 if (counter or constant) and few else 0


def _status_findings(status: int, layout: TraceLayout, source: Source) -> list[Finding]:
    if not status:
        return []
    return [
        Finding(
            "status-words",
            "info",
            "The first two samples of each scan are status words of the recorder, not radar.",
            f"{source.name}, samples 0 and 1",
            "a counter or a constant in sample 0, few values in sample 1",
            "Kept as stored, flagged by the coordinate 'status'; processing sees the next sample in their place.",
        )
    ]


class _MarkWord(BackendArray):
    """1 where the second sample of a scan differs from its usual value; read when it is used."""

    def __init__(self, layout: TraceLayout, usual: int) -> None:
        self.layout, self.usual = layout, usual
        self.shape, self.dtype = (layout.n_traces,), np.dtype("i1")

    def __getitem__(self, key: indexing.ExplicitIndexer) -> Any:
        return indexing.explicit_indexing_adapter(key, self.shape, indexing.IndexingSupport.OUTER, self._read)

    def _read(self, key: tuple[Any, ...]) -> Any:
        words = lazy_variable(self.layout)
        pick = words[0] if words.ndim == 3 else words
        stored = pick[key[0], 1].values.astype("int64")
        return (stored != self.usual).astype("i1")


def _marks(layout: TraceLayout, sample: np.ndarray, status: int, dzx: Dzx) -> xr.Variable | None:
    scans = [scan for scan in dzx.marks if scan < layout.n_traces]
    if scans:
        flags = np.zeros(layout.n_traces, dtype="i1")
        flags[scans] = 1
        return xr.Variable("trace", flags)
    if not status:
        return None
    values, counts = np.unique(sample[:, 0, 1], return_counts=True)
    return xr.Variable("trace", indexing.LazilyIndexedArray(_MarkWord(layout, int(values[np.argmax(counts)]))))


def _distances(
    source: Source, main: DztHeader, dzx: Dzx, layout: TraceLayout, mark: xr.Variable | None
) -> tuple[float | None, np.ndarray | None, list[Finding]]:
    """Find distances along the line: the wheel's, else those of marks; the DZX is believed only where it agrees."""
    spm, per_mark, n = float(main.spm), float(main.mpm), layout.n_traces
    if np.isfinite(spm) and 1e-3 < spm < 1e5:
        found: list[Finding] = []
        if dzx.spacing:
            found = checks.disagreement(
                "spacing-disagreement",
                "The DZT and the DZX state different distances between scans.",
                source.name,
                ("DZT, m", 1 / spm),
                ("DZX, m", dzx.spacing),
                0.02,
                "The DZT's is used. Override it with gprscan.read(path, spacing=...).",
            )
        return 1 / spm, None, found
    if len(dzx.distance) == n:
        return None, np.array(dzx.distance), []
    known = {scan: d for scan, d in dzx.marks.items() if np.isfinite(d) and scan < n}
    if len(known) >= 2:
        return (
            None,
            _between(np.array(list(known)), np.array(list(known.values())), n),
            [_from_marks(source, len(known), "the DZX")],
        )
    if mark is not None and np.isfinite(per_mark) and per_mark > 0 and n <= MAX_MARKS_TRACES:
        scans = np.flatnonzero(mark.values)
        if len(scans) >= 2:
            distance = _between(scans, np.arange(len(scans)) * per_mark, n)
            return None, distance, [_from_marks(source, len(scans), f"marks, {per_mark:g} m apart by the header")]
    hint = (
        f"The DZX holds {dzx.spacing:g} m per scan, which the header's 0 scans per m contradicts; it is not used."
        if dzx.spacing
        else ""
    )
    return None, None, [checks.time_triggered(source.name, f"0 scans per metre, {main.sps:g} scans per second", hint)]


def _between(scans: np.ndarray, distances: np.ndarray, n: int) -> np.ndarray:
    """Interpolate distances between marks; before the first and after the last the nearest rate goes on."""
    order = np.argsort(scans)
    scans, distances = scans[order].astype("float64"), distances[order].astype("float64")
    at = np.arange(n, dtype="float64")
    out = np.interp(at, scans, distances)
    rates = np.diff(distances) / np.diff(scans)
    before, after = at < scans[0], at > scans[-1]
    out[before] = distances[0] + rates[0] * (at[before] - scans[0])
    out[after] = distances[-1] + rates[-1] * (at[after] - scans[-1])
    return out - out[0]


def _from_marks(source: Source, count: int, evidence: str) -> Finding:
    what = "Distances along the line were taken from operator marks."
    then = "The line was recorded by the clock: traces between marks are not evenly spaced."
    return Finding("distance-from-marks", "info", what, source.name, f"{count} marks; {evidence}", then)


def _frequencies(headers: list[DztHeader], dzx: Dzx) -> tuple[Any, list[Finding]]:
    n = headers[0].channels
    values: list[float] = []
    findings: list[Finding] = []
    for channel in range(n):
        name = headers[channel].antenna if channel < len(headers) else headers[0].antenna
        if channel in dzx.frequencies:
            value: float | None = dzx.frequencies[channel]
        else:
            value, found = decode_frequency(name, maker="GSSI")
            findings += [f for f in found if f not in findings]
        values.append(np.nan if value is None else float(value))
    if not np.isfinite(values).any():
        return None, findings
    return (values[0] if n == 1 or len(set(values)) == 1 else values), findings


def _per_channel(values: dict[int, float], n: int) -> Any:
    listed = _all_channels(values, n)
    if listed is None:
        return None
    return listed[0] if n == 1 or len(set(listed)) == 1 else listed


def _all_channels(values: dict[int, float], n: int) -> list[float] | None:
    return [values[c] for c in range(n)] if all(c in values for c in range(n)) else None


def _labels(dzx: Dzx, n: int) -> list[str] | None:
    labels = [dzx.labels.get(c, str(c)) for c in range(n)]
    return labels if n > 1 and len(set(labels)) == n else None


def _header_findings(source: Source, main: DztHeader, headers: list[DztHeader], *, own: bool) -> list[Finding]:
    out: list[Finding] = []
    if own:
        return out  # the DZX that gprscan wrote states what these fields leave open
    if not 1 <= main.epsr <= 100:
        stated = "states no relative permittivity" if main.epsr == 0 else "states an impossible relative permittivity"
        what, evidence = f"The header {stated}.", f"rhf_epsr {main.epsr:g}"
        then = "It is not used; depths come from the data."
        out.append(Finding("permittivity-invalid", "info", what, source.name, evidence, then))
    elif np.isfinite(main.depth) and main.depth > 0:
        implied = 2 * main.depth * math.sqrt(main.epsr) / 0.299792458
        out += checks.disagreement(
            "window-disagreement",
            "Two fields of the header state different time windows.",
            source.name,
            ("rhf_range, ns", float(main.range)),
            ("2 x rhf_depth x sqrt(rhf_epsr) / c, ns", implied),
            0.1,
            "rhf_range is used; all depths depend on it. Check it against the recorder's settings.",
        )
    for channel, block in enumerate(headers[1:], start=1):
        if (block.nsamp, block.bits) not in ((main.nsamp, main.bits), (0, 0)):
            what = "The header blocks of two channels disagree."
            evidence = (
                f"channel 0: {main.nsamp} samples of {main.bits} bits, channel {channel}: {block.nsamp} of {block.bits}"
            )
            out.append(Finding("channel-headers-disagree", "warning", what, source.name, evidence, "Channel 0 rules."))
        elif np.isfinite(block.range) and block.range > 0:
            out += checks.disagreement(
                "channel-windows-disagree",
                "The channels were recorded with different time windows.",
                source.name,
                ("channel 0, ns", float(main.range)),
                (f"channel {channel}, ns", float(block.range)),
                0.01,
                f"The window of channel 0 is used for all: times and depths of channel {channel} are wrong by this factor.",
            )
    return out


def _side_findings(source: Source, main: DztHeader, dzx: Dzx, n_traces: int) -> list[Finding]:
    """Compare what DZT and DZX both state, and say that there are picks."""
    out: list[Finding] = []
    name = f"{source.path.stem}.DZX"
    if dzx.scans and not dzx.line and abs(dzx.scans - n_traces) > max(8, 0.02 * n_traces):
        what = "The DZT and the DZX disagree on the number of scans."
        evidence = f"scanRange of the DZX {dzx.scans}, the DZT holds {n_traces}"
        then = "The DZT rules. The DZX may belong to another line, or to a part of this one."
        out.append(Finding("trace-count-disagreement", "warning", what, name, evidence, then))
    if dzx.dielectric and 1 <= main.epsr <= 100:
        out += checks.disagreement(
            "permittivity-disagreement",
            "The DZT and the DZX state different permittivities.",
            name,
            ("DZT", float(main.epsr)),
            ("DZX", dzx.dielectric),
            0.02,
            "Neither is used; depths come from the data.",
        )
    if dzx.picks:
        points = sum(len(group["points"]) for group in dzx.picks)
        groups = ", ".join(repr(group["group"]) for group in dzx.picks[:3])
        what = "The DZX holds picks of an interpreter."
        then = "Kept in the line's vendor header under 'picks': scan, sample, channel, ns. Detection does not use them."
        evidence = f"{points} points in {len(dzx.picks)} groups: {groups}"
        out.append(Finding("picks-in-side-file", "info", what, name, evidence, then))
    return out


register(
    Format(
        name="dzt",
        title="GSSI DZT",
        suffixes=(".dzt",),
        side_suffixes=(".dzg", ".dzx"),
        maturity=REAL,
        sniff=sniff,
        read=read,
        write=write_dzt,
        write_suffixes=(".dzt",),
        data_file=data_file,
        note="8, 16 and 32 bit with one channel on real files; several channels on files made from the specification",
    )
)

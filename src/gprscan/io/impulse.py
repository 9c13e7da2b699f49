"""ImpulseRadar IPRB with its IPRH header and COR positions. Layout: specs/iprb.md."""

from __future__ import annotations

import numpy as np
import xarray as xr

from gprscan.io import checks
from gprscan.io.antenna import decode_frequency
from gprscan.io.channel_sides import read_marks, read_times, side_of
from gprscan.io.cor import parse_instant, read_cor
from gprscan.io.direct_wave import nominal_time_zero
from gprscan.io.keyed import KeyedHeader
from gprscan.io.lazy import TraceLayout, lazy_variable, probe
from gprscan.io.recording import MAX_SAMPLES, ReadOptions, Recording, layout_of, require, to_line, whole_traces
from gprscan.io.registry import REAL, Format, beside_header, register, twin
from gprscan.io.source import Source
from gprscan.model.findings import Finding

_STORED: dict[int, np.dtype] = {16: np.dtype("<i2"), 32: np.dtype("<i4")}


def sniff(source: Source) -> bool:
    """Whether this is an IPRH header, or samples whose IPRH header lies beside them."""
    return beside_header(source, (".iprb",), ".iprh", _is_iprh)


def _is_iprh(source: Source) -> bool:
    return b"HEADER VERSION" in source.head[:64] and b"SAMPLES" in source.head


def data_file(source: Source) -> Source:
    """Return the samples that belong to a header."""
    return twin(source, (".iprb",), "data file") if source.suffix in (".iprh", ".cor", ".time", ".mrk") else source


def read(source: Source, options: ReadOptions) -> xr.Dataset:
    """Read an IPRB file with the IPRH header beside it."""
    header = KeyedHeader(twin(source, (".iprh",), "header"), ":")
    n_samples = header.count("SAMPLES", MAX_SAMPLES)
    window = header.required("TIMEWINDOW", low=0, high=1e7)
    bits = _bits(source, header, n_samples)
    stored = _STORED[bits]
    what = f"{n_samples} samples of {bits} bits"
    n_traces, findings = whole_traces(source, 0, n_samples * stored.itemsize, what, options)
    layout = layout_of(source, offset=0, n_traces=n_traces, n_samples=n_samples, stored=stored)
    dt = window / n_samples
    sample = probe(layout)
    separation, found = checks.separation(header.number("ANTENNA SEPARATION"), header.source.name)
    findings += found
    zero, found = _time_zero(header, n_samples, dt, sample, separation)
    findings += found
    spacing, found = _spacing(header, n_traces)
    findings += found
    frequency, found = decode_frequency(header.text("ANTENNA"), maker="ImpulseRadar")
    findings += found + _header_findings(header, layout, window) + checks.samples(sample, source.name)
    side, marks, times = (side_of(source, suffix) for suffix in (".cor", ".mrk", ".time"))
    mark, found = read_marks(marks, n_traces) if marks else (None, [])
    findings += found
    recording = Recording(
        data=lazy_variable(layout),
        dt=dt,
        time_zero=zero,
        spacing=spacing,
        frequency=frequency,
        separation=separation,
        mark=mark,
        recorded=read_times(times, n_traces) if times else None,
        fixes=read_cor(side) if side else None,
        acquired=_acquired(header),
        instrument=f"ImpulseRadar {header.text('ANTENNA NAME')}".strip(),
        header=header.as_json(),
        findings=findings,
    )
    return to_line(recording, source, "iprb", options)


def _bits(source: Source, header: KeyedHeader, n_samples: int) -> int:
    """Return the bits of a sample: DATA VERSION, and where the header lost it, what the size of the file leaves."""
    stated, last = header.number("DATA VERSION"), header.number("LAST TRACE")
    if stated is not None:
        require(stated in _STORED, header.source, f"DATA VERSION is {stated:g}; 16 and 32 bits are known")
        return int(stated)
    fitting = [bits for bits in _STORED if last and source.size == n_samples * int(last) * bits // 8]
    problem = "DATA VERSION is missing, and SAMPLES x LAST TRACE fits the data file with neither 16 nor 32 bits"
    require(bool(fitting), header.source, problem)
    return fitting[0]


def _time_zero(
    header: KeyedHeader, n_samples: int, dt: float, sample: np.ndarray, separation: float | None
) -> tuple[float, list[Finding]]:
    """Take time zero from ZERO LEVEL, a sample number (its base is not documented), else from the data."""
    level = header.number("ZERO LEVEL")
    if level is not None and 0 <= level < n_samples:
        return level * dt, []
    evidence = f"ZERO LEVEL is {header.text('ZERO LEVEL')!r}"
    return nominal_time_zero(sample, dt, separation, header.source.name, evidence)


def _spacing(header: KeyedHeader, n_traces: int) -> tuple[float | None, list[Finding]]:
    """Take DISTANCE INTERVAL, the step that was recorded; USER DISTANCE INTERVAL is the one that was asked for."""
    step, name = header.number("DISTANCE INTERVAL", 0.0) or 0.0, header.source.name
    if header.text("TRIG SOURCE").lower() == "time" or not 0 < step < 1e4:
        evidence = f"TRIG SOURCE {header.text('TRIG SOURCE') or 'missing'}, DISTANCE INTERVAL {step:g}"
        return None, [checks.time_triggered(name, evidence)]
    stop = header.number("STOP POSITION")
    if not stop:
        return step, []
    return step, checks.line_length(name, step, header.number("LAST TRACE", n_traces) or n_traces, abs(stop))


def _header_findings(header: KeyedHeader, layout: TraceLayout, window: float) -> list[Finding]:
    out: list[Finding] = []
    name = header.source.name
    out += checks.trace_count(name, "LAST TRACE", header.number("LAST TRACE"), layout.n_traces)
    rate = header.number("FREQUENCY")
    if rate and rate > 0:
        implied = rate * 1e-3 * window
        out += checks.disagreement(
            "header-window-mismatch",
            "Two header fields disagree on the number of samples per trace.",
            name,
            ("SAMPLES", float(layout.n_samples)),
            ("FREQUENCY x TIMEWINDOW", implied),
            0.02,
            "Decoded as SAMPLES says, time axis from TIMEWINDOW. Check the header against the original recording.",
        )
    clipped = header.number("CLIPPED SAMPLES")
    if clipped:
        what, then = (
            "The recorder counted clipped samples.",
            "Amplitudes and polarity of the strongest echoes are not reliable.",
        )
        out.append(Finding("clipped-samples", "warning", what, name, f"CLIPPED SAMPLES {clipped:g}", then))
    return out


def _acquired(header: KeyedHeader) -> str:
    date, start = header.text("DATE"), header.text("START TIME")
    when = parse_instant(f"{date}T{start}" if start else date)
    return "" if np.isnat(when) else str(when.astype("datetime64[s]"))


register(
    Format(
        name="iprb",
        title="ImpulseRadar IPRB",
        suffixes=(".iprb",),
        side_suffixes=(".iprh", ".cor", ".time", ".mrk"),
        maturity=REAL,
        sniff=sniff,
        read=read,
        data_file=data_file,
        note="32 bit on real files, 16 bit on files made from the specification; arrays with a file per channel are one line",
    )
)

"""MALA RD3 (16 bit) and RD7 (32 bit) with their RAD header and COR positions. Layout: specs/mala.md."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import xarray as xr

from gprscan.errors import ReadError
from gprscan.geometry import Fixes
from gprscan.io import checks
from gprscan.io.antenna import decode_frequency
from gprscan.io.channel_sides import read_marks, side_of
from gprscan.io.cor import read_cor
from gprscan.io.direct_wave import nominal_time_zero
from gprscan.io.keyed import KeyedHeader
from gprscan.io.lazy import TraceLayout, lazy_variable, probe
from gprscan.io.mala_write import write_mala
from gprscan.io.recording import MAX_SAMPLES, ReadOptions, Recording, layout_of, to_line, whole_traces
from gprscan.io.registry import REAL, Format, beside_header, register, twin
from gprscan.io.source import Source
from gprscan.model.findings import Finding

_STORED: dict[str, np.dtype] = {".rd3": np.dtype("<i2"), ".rd7": np.dtype("<i4")}


def sniff(source: Source) -> bool:
    """Whether this is a RAD header, or samples whose RAD header lies beside them. Samples have no signature."""
    return beside_header(source, tuple(_STORED), ".rad", _is_rad)


def _is_rad(source: Source) -> bool:
    return source.head[:8].upper().startswith(b"SAMPLES:") and b"TIMEWINDOW" in source.head


def data_file(source: Source) -> Source:
    """Return the samples that belong to a RAD header: the 32-bit ones where both are there."""
    return twin(source, (".rd7", ".rd3"), "data file") if source.suffix in (".rad", ".cor", ".mrk") else source


def read(source: Source, options: ReadOptions) -> xr.Dataset:
    """Read an RD3 or RD7 file with the RAD header beside it."""
    header = KeyedHeader(twin(source, (".rad",), "header"), ":")
    n_samples = header.count("SAMPLES", MAX_SAMPLES)
    window = header.required("TIMEWINDOW", low=0, high=1e7)
    stored = _STORED.get(source.suffix, _STORED[".rd3"])
    n_traces, findings = whole_traces(
        source, 0, n_samples * stored.itemsize, f"{n_samples} samples of {8 * stored.itemsize} bits", options
    )
    _refuse_other_width(header, source, n_samples, stored)
    layout = layout_of(source, offset=0, n_traces=n_traces, n_samples=n_samples, stored=stored)
    sample = probe(layout)
    distance = _noted_distances(header, n_traces)
    spacing, found = _spacing(header, n_traces) if distance is None else (None, [])
    frequency, unclear = decode_frequency(header.text("ANTENNAS"), maker="MALA")
    separation, wide = checks.separation(header.number("ANTENNA SEPARATION"), header.source.name)
    findings += (
        found + wide + unclear + _header_findings(header, layout, sample, window) + checks.samples(sample, source.name)
    )
    time_zero, found = _time_zero(header, sample, window / n_samples, separation)
    findings += found
    side, marks = side_of(source, ".cor"), side_of(source, ".mrk")
    mark, found = read_marks(marks, n_traces) if marks else (None, [])
    findings += found
    track, damaged = header.placed(n_traces, side)
    recording = Recording(
        data=lazy_variable(layout),
        dt=window / n_samples,
        time_zero=time_zero,
        spacing=spacing,
        start=header.number("START POSITION", 0.0) or 0.0,
        distance=distance,
        frequency=frequency,
        separation=separation,
        fixes=_with_accuracy(read_cor(side), header) if side else None,
        track=track,
        position_notes=header.position_notes(),
        lever_arm=header.lever_arm(),
        mark=_marks(header, n_traces) if mark is None else mark,
        antenna_height=header.number("GPRSCAN ANTENNA HEIGHT"),
        crs=header.text("GPRSCAN CRS") or None,
        instrument="MALA",
        header=header.as_json(),
        findings=findings + damaged,
    )
    return to_line(recording, source, source.suffix.lstrip(".") if source.suffix in _STORED else "rd3", options)


def _refuse_other_width(header: KeyedHeader, source: Source, n_samples: int, stored: np.dtype) -> None:
    """Raise where the file holds exactly the traces that the header states, but at the other extension's width."""
    last, other = header.number("LAST TRACE"), 6 - stored.itemsize
    held = source.size // (n_samples * stored.itemsize)
    if last is None or last == held or last * n_samples * other != source.size:
        return
    right = ".rd3" if other == 2 else ".rd7"
    msg = (
        f"{source.name}: LAST TRACE {last:g} of {header.source.name} fits the file at {8 * other} bits per sample, but "
        f"{source.suffix} means {8 * stored.itemsize} bits. If the file was renamed, give it the extension {right}; "
        "if it was copied in part, copy it again."
    )
    raise ReadError(msg)


def _time_zero(
    header: KeyedHeader, sample: np.ndarray, dt: float, separation: float | None
) -> tuple[float, list[Finding]]:
    """Return time zero as gprscan wrote it, else by the direct wave: SIGNAL POSITION has no documented unit."""
    exact = header.number("GPRSCAN TIME ZERO")
    if exact is not None:
        return exact, []
    evidence = f"SIGNAL POSITION {header.text('SIGNAL POSITION') or 'missing'}, in no documented unit"
    return nominal_time_zero(sample, dt, separation, header.source.name, evidence)


def _with_accuracy(fixes: Fixes, header: KeyedHeader) -> Fixes:
    """Add what a COR cannot hold, where gprscan noted it in the RAD: quality and accuracy of each fix."""
    for key, name in (("GPRSCAN FIX QUALITY", "quality"), ("GPRSCAN FIX SIGMA", "sigma")):
        values = header.numbers(key)
        if values.size in (1, len(fixes)) and (name == "sigma" or np.isfinite(values).all()):
            noted = np.broadcast_to(values, (len(fixes),))
            setattr(fixes, name, noted.clip(-1, 99).astype("int16") if name == "quality" else noted.copy())
    return fixes


def _marks(header: KeyedHeader, n_traces: int) -> xr.Variable | None:
    """Return the marks that gprscan noted in the RAD."""
    words = [word for word in header.text("GPRSCAN MARKS").split(",") if word.isdecimal() and int(word) < n_traces]
    if not words:
        return None
    flags = np.zeros(n_traces, dtype="i1")
    flags[[int(word) for word in words]] = 1
    return xr.Variable("trace", flags)


def _noted_distances(header: KeyedHeader, n_traces: int) -> np.ndarray | None:
    """Return uneven distances that gprscan noted in the RAD, which has room for one spacing only."""
    values = header.numbers("GPRSCAN DISTANCE")
    return values if values.size == n_traces and np.isfinite(values).all() else None


def _spacing(header: KeyedHeader, n_traces: int) -> tuple[float | None, list[Finding]]:
    """Take the distance between traces, and compare it with the length of the line that the header states."""
    step = header.number("DISTANCE INTERVAL", 0.0) or 0.0
    name = header.source.name
    if not 0 < step < 1e4:
        interval = header.number("TIME INTERVAL", 0.0)
        evidence = f"DISTANCE INTERVAL {header.text('DISTANCE INTERVAL') or 'missing'}, one trace every {interval:g} s"
        return None, [checks.time_triggered(name, evidence)]
    last = header.number("LAST TRACE", n_traces) or n_traces
    stop, start = header.number("STOP POSITION"), header.number("START POSITION", 0.0) or 0.0
    if not stop or stop <= start:
        return step, []
    return step, checks.line_length(name, step, last, stop - start)


def _header_findings(header: KeyedHeader, layout: TraceLayout, sample: np.ndarray, window: float) -> list[Finding]:
    out: list[Finding] = []
    name, n_samples = header.source.name, layout.n_samples
    out += checks.trace_count(name, "LAST TRACE", header.number("LAST TRACE"), layout.n_traces)
    rate = header.number("FREQUENCY")
    if rate is None or rate <= 0:
        return out
    implied = rate * 1e-3 * window  # MHz times ns
    if abs(implied - n_samples) > 0.02 * n_samples:
        evidence = f"SAMPLES {n_samples}, FREQUENCY x TIMEWINDOW = {implied:.1f} samples" + _which_correlates(
            sample, layout, round(implied)
        )
        what = "Two header fields disagree on the number of samples per trace."
        then = (
            "Decoded as SAMPLES says, with the time axis from TIMEWINDOW. Do not trust times, nor the order of traces, "
            "before the header is checked against the original recording."
        )
        out.append(Finding("header-window-mismatch", "error", what, name, evidence, then))
    return out


def _which_correlates(sample: np.ndarray, layout: TraceLayout, implied: int) -> str:
    """Say how alike neighbouring traces are at the stated and at the implied length."""
    values = sample[:, 0].astype("float64").ravel()
    parts = []
    for length in (layout.n_samples, implied):
        rows = values[: values.size // length * length].reshape(-1, length) if 1 < length <= values.size // 2 else None
        if rows is not None:
            with np.errstate(invalid="ignore", divide="ignore"):
                likeness = [np.corrcoef(a, b)[0, 1] for a, b in pairwise(rows)]
            parts.append(
                f"{np.nanmean(likeness):.2f} at {length}" if np.isfinite(likeness).any() else f"undefined at {length}"
            )
    return "; neighbouring traces correlate " + ", ".join(parts) if parts else ""


register(
    Format(
        name="rd3",
        title="MALA RD3/RD7",
        suffixes=(".rd3", ".rd7"),
        side_suffixes=(".rad", ".cor", ".mrk"),
        maturity=REAL,
        sniff=sniff,
        read=read,
        write=write_mala,
        write_suffixes=(".rd3", ".rd7"),
        data_file=data_file,
        note="RD3 on real files; RD7 and arrays with a file per channel on files made from the specification",
    )
)

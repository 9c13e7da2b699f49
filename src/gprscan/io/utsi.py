"""UTSI Electronics .dat with .hdr, .gpt and .gps: documented by an open reader only. Layout: specs/utsi.md."""

from __future__ import annotations

import re

import numpy as np
import xarray as xr

from gprscan.geometry import Fixes, NmeaLog
from gprscan.io import checks
from gprscan.io.antenna import unknown
from gprscan.io.direct_wave import nominal_time_zero
from gprscan.io.lazy import lazy_variable, probe
from gprscan.io.recording import ReadOptions, Recording, check_counts, layout_of, require, to_line, whole_traces
from gprscan.io.registry import DOCUMENTED, Format, beside_header, register, twin
from gprscan.io.source import Source

MAGIC = b"\x0f\x20"
# texts that end in NUL, counted after the first line
_SWEEP, _SEPARATION, _SAMPLES, _BITS = 8, 11, 13, 15


def sniff(source: Source) -> bool:
    """Whether this is a header, or samples that lie beside one."""
    return beside_header(source, (".dat",), ".hdr", lambda header: header.head[:2] == MAGIC)


def data_file(source: Source) -> Source:
    """Return the samples that belong to a header."""
    return twin(source, (".dat",), "data file") if source.suffix in (".hdr", ".gpt", ".gps") else source


def read(source: Source, options: ReadOptions) -> xr.Dataset:
    """Read a .dat file with the header beside it."""
    header = twin(source, (".hdr",), "header")
    require(header.head[:2] == MAGIC, header, "it does not begin with 0f 20")
    words = header.head[2:].partition(b"\n")[2].split(b"\0")
    n_samples, bits = (_number(words, at) for at in (_SAMPLES, _BITS))
    require(bits in (8.0, 16.0, 32.0), header, f"the header says {bits} bits per sample; 8, 16 and 32 are known")
    check_counts(header, int(n_samples or 0))
    window = _number(words, _SWEEP)
    require(window is not None and 0 < window < 1e5, header, f"the header says a sweep of {window} ns")
    assert window is not None
    assert n_samples is not None
    assert bits is not None
    stored = np.dtype(f"<i{int(bits) // 8}")
    n, record = int(n_samples), int(n_samples) * stored.itemsize + 1
    n_traces, findings = whole_traces(source, 0, record, f"{n} samples of {bits:g} bits and a marker", options)
    layout = layout_of(source, offset=0, n_traces=n_traces, n_samples=n, stored=stored, suffix=1)
    sample = probe(layout)
    separation, found = checks.separation(_number(words, _SEPARATION), header.name)
    dt = window / n
    zero, unclear = nominal_time_zero(sample, dt, separation, source.name, "no field for it")
    findings += [*found, *unclear, *checks.samples(sample, source.name), unknown("")]
    findings.append(checks.time_triggered(header.name, "the known fields of the header hold no spacing"))
    recording = Recording(
        data=lazy_variable(layout),
        dt=dt,
        time_zero=zero,
        separation=separation,
        fixes=_fixes(source),
        instrument="UTSI",
        header={"samples": n, "bits": bits, "sweep": window},
        findings=findings,
    )
    return to_line(recording, source, "utsi", options)


def _number(words: list[bytes], at: int) -> float | None:
    if at >= len(words):
        return None
    found = re.search(rb"[-+]?\d{1,9}(?:\.\d{1,9})?", words[at])
    return float(found[0]) if found else None


def _fixes(source: Source) -> Fixes | None:
    """Read a GGA per row of the GPS file, and the trace of each (from 1) in the GPT file."""
    log, numbers = source.side_file(".gps"), source.side_file(".gpt")
    if log is None or numbers is None:
        return None
    sentences = [line for line in log.text().splitlines() if line.strip()]
    traces = numbers.text().split()
    if len(sentences) != len(traces) or not sentences:
        return None
    out = NmeaLog(log.name)
    for sentence, trace in zip(sentences, traces, strict=True):
        if trace.isdecimal() and len(trace) < 10:
            out.add(sentence, int(trace) - 1.0)
    return out.fixes(None)


register(
    Format(
        name="utsi",
        title="UTSI",
        suffixes=(".dat",),
        side_suffixes=(".hdr", ".gpt", ".gps"),
        maturity=DOCUMENTED,
        sniff=sniff,
        read=read,
        data_file=data_file,
        shared_suffixes=True,
        note="no real file was at hand",
    )
)

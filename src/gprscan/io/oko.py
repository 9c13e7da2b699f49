"""Oko-2 GPR2 of Geotech and Transient Technologies: documented by an open reader only. Layout: specs/oko.md."""

from __future__ import annotations

import datetime
import struct

import numpy as np
import xarray as xr

from gprscan.io import checks
from gprscan.io.antenna import decode_frequency
from gprscan.io.direct_wave import nominal_time_zero
from gprscan.io.lazy import lazy_variable, probe
from gprscan.io.recording import ReadOptions, Recording, check_counts, layout_of, require, to_line, whole_traces
from gprscan.io.registry import DOCUMENTED, Format, register
from gprscan.io.source import Source

LABEL = b"\x98\xba\xdc\xfe"
_ARRAYS = 512 + 1024  # header and colours; a float32 per sample follows
_HEADERS = (36, 40)  # bytes before each trace: by its fields, and as another source counts them
_SHORTEST = 224


def sniff(source: Source) -> bool:
    """Whether the file begins with the label."""
    return source.head[:4] == LABEL


def read(source: Source, options: ReadOptions) -> xr.Dataset:
    """Read a GPR2 file."""
    head = source.head
    require(sniff(source), source, "the label 98 ba dc fe is missing")
    require(len(head) >= _SHORTEST, source, f"the header needs {_SHORTEST} bytes, here are {source.size}")
    stated, n_samples = struct.unpack_from("<2I", head, 24)
    window, eps, step = struct.unpack_from("<Ifi", head, 36)
    (separation_mm,) = struct.unpack_from("<I", head, 96)
    check_counts(source, n_samples)
    require(0 < window < 10**6, source, f"the time window is {window} ns")
    start = _ARRAYS + 4 * n_samples
    prefix = next((size for size in _HEADERS if start + stated * (size + 4 * n_samples) == source.size), _HEADERS[0])
    what = f"{n_samples} floats of 32 bits and a header of {prefix} bytes"
    n_traces, findings = whole_traces(source, start, prefix + 4 * n_samples, what, options)
    layout = layout_of(
        source, offset=start, n_traces=n_traces, n_samples=n_samples, stored=np.dtype("<f4"), prefix=prefix
    )
    sample = probe(layout)
    findings += checks.trace_count(source.name, "NTraces", stated, n_traces) + checks.samples(sample, source.name)
    antenna = head[144:184].split(b"\0")[0].decode("cp1251", "replace").strip()
    frequency, found = decode_frequency(antenna)
    findings += found
    separation, found = checks.separation(separation_mm / 1000, source.name)
    findings += found
    dt = window / n_samples
    zero, found = nominal_time_zero(sample, dt, separation, source.name, "its field has no documented unit")
    findings += found
    spacing = step / 1000 if 0 < step < 10**5 else None
    if spacing is None:
        findings.append(checks.time_triggered(source.name, f"the step is {step} mm"))
    recording = Recording(
        data=lazy_variable(layout),
        dt=dt,
        time_zero=zero,
        spacing=spacing,
        frequency=frequency,
        separation=separation,
        acquired=_filetime(head),
        instrument=f"Oko {antenna}".strip(),
        header={"antenna": antenna, "window_ns": window, "step_mm": step, "traces": stated},
        findings=findings,
    )
    return to_line(recording, source, "oko", options)


def _filetime(head: bytes) -> str:
    """Return the time of creation, which Windows counts in 100 ns since 1601."""
    (ticks,) = struct.unpack_from("<Q", head, 80)
    try:
        when = datetime.datetime(1601, 1, 1) + datetime.timedelta(microseconds=ticks // 10)
    except OverflowError:
        return ""
    return when.replace(microsecond=0).isoformat() if 1990 <= when.year < 2100 else ""


register(
    Format(
        name="oko",
        title="Oko-2 GPR2",
        suffixes=(".gpr2",),
        side_suffixes=(),
        maturity=DOCUMENTED,
        sniff=sniff,
        read=read,
        note="no real file was at hand",
    )
)

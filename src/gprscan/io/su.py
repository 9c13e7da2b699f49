"""Seismic Unix: traces with headers and nothing before them, 32-bit floats in either byte order. Layout: specs/su.md."""

from __future__ import annotations

import struct

import numpy as np
import xarray as xr

from gprscan.io import checks
from gprscan.io.antenna import unknown
from gprscan.io.direct_wave import nominal_time_zero
from gprscan.io.interval import radar_interval
from gprscan.io.lazy import lazy_variable, probe
from gprscan.io.recording import ReadOptions, Recording, check_counts, layout_of, require, to_line, whole_traces
from gprscan.io.registry import REAL, Format, register
from gprscan.io.segy_header import TRACE_BYTES, TraceHeaders
from gprscan.io.segy_places import places
from gprscan.io.source import Source
from gprscan.model.findings import Finding

# d1 of the standard header (byte 180) and of a compiler that padded the words before it (byte 184)
_D1_PLACES = (180, 184)


def _order(source: Source) -> str | None:
    """Return the byte order in which the size is a whole number of traces and the second trace repeats the first."""
    for order in ("<", ">"):
        if len(source.head) < TRACE_BYTES:
            return None
        n_samples, interval = struct.unpack_from(f"{order}HH", source.head, 114)
        record = TRACE_BYTES + 4 * n_samples
        if n_samples < 2 or source.size % record:
            continue
        second = source.read(record, TRACE_BYTES)
        if not second or struct.unpack_from(f"{order}HH", second, 114) == (n_samples, interval):
            return order
    return None


def sniff(source: Source) -> bool:
    """Whether the traces that the first header implies fill the file, and it says that they are live data in time."""
    order = _order(source)
    if order is None:
        return False
    kind = struct.unpack_from(f"{order}h", source.head, 28)[0]
    return source.suffix == ".su" or (kind in (1, 2) and source.head[:4] != bytes(4))


def read(source: Source, options: ReadOptions) -> xr.Dataset:
    """Read a Seismic Unix file."""
    require(
        source.size > TRACE_BYTES, source, f"a trace begins with {TRACE_BYTES} bytes of header, here are {source.size}"
    )
    order = _order(source) or _likelier(source)
    n_samples, interval = struct.unpack_from(f"{order}HH", source.head, 114)
    check_counts(source, n_samples)
    record = TRACE_BYTES + 4 * n_samples
    n_traces, findings = whole_traces(source, 0, record, f"{n_samples} floats of 32 bits and a header", options)
    stored = np.dtype(f"{order}f4")
    layout = layout_of(source, offset=0, n_traces=n_traces, n_samples=n_samples, stored=stored, prefix=TRACE_BYTES)
    traces = TraceHeaders(layout, order)
    counts = traces.field(114, "u2")
    other = np.flatnonzero(counts != n_samples)
    if len(other):
        problem = (
            f"trace {int(traces.rows[other[0]]) + 1} says {int(counts[other[0]])} samples, the first one {n_samples}"
        )
        require(False, source, problem, "Traces of different lengths are not supported, or the file is damaged there.")
    require(interval > 0, source, "the sampling interval (dt) is 0")
    dt, found = radar_interval(source, interval, n_samples, "ps", options.interval_unit, field="dt")
    findings += found
    fine, step, found = _exact_steps(source, traces, interval)
    findings += found
    if options.interval_unit is None and fine is not None:
        dt = fine
    sample = probe(layout)
    where = places(traces, source.name, options.crs)
    spacing = step
    if step is None:
        findings += where.findings
    time_zero, found = nominal_time_zero(sample, dt, None, source.name, "no field for it")
    findings += [*found, *checks.samples(sample, source.name), unknown("")]
    recording = Recording(
        data=lazy_variable(layout),
        dt=dt,
        time_zero=time_zero,
        spacing=spacing,
        distance=None if spacing is not None else where.distance,
        fixes=where.fixes,
        acquired=traces.acquired(),
        header={"byte order": "big-endian" if order == ">" else "little-endian", "ns": n_samples, "dt": interval},
        findings=findings,
    )
    return to_line(recording, source, "su", options)


def _likelier(source: Source) -> str:
    """Return the byte order in which the samples per trace are fewer: the other one is a multiple of 256, mostly."""
    little, big = (struct.unpack_from(f"{order}H", source.head, 114)[0] for order in "<>")
    return "<" if 1 < little <= big or big < 2 else ">"


def _exact_steps(
    source: Source, traces: TraceHeaders, interval: int
) -> tuple[float | None, float | None, list[Finding]]:
    """Return the exact interval (ns) and the spacing (m) of the optional words d1 and d2, where they fit the others."""
    n = traces.layout.n_traces
    for at in _D1_PLACES:
        d1, d2 = (float(traces.field(place, "f4")[0]) for place in (at, at + 8))
        stated = int(traces.field(at + 24, "i4")[0])
        if stated == n and 0 <= d1 * 1e3 - interval < 1 and 1e-4 < d2 < 100:
            what = "Sampling interval and spacing were taken from the words d1 and d2."
            evidence = f"d1 {d1:g} (dt {interval} cut to whole numbers), d2 {d2:g}, ntr {stated}"
            then = "d1 is taken as ns, d2 as m. Override the latter with gprscan.read(path, spacing=...)."
            return d1, d2, [Finding("spacing-from-d2", "info", what, source.name, evidence, then)]
    return None, None, []


register(
    Format(
        name="su",
        title="Seismic Unix",
        suffixes=(".su",),
        side_suffixes=(),
        maturity=REAL,
        sniff=sniff,
        read=read,
        note="either byte order; the unit of the interval is taken as ps unless interval_unit says otherwise",
    )
)

"""The DZT-like .gpr of Chinese recorders: documented by an open script only. Layout: specs/cirp.md."""

from __future__ import annotations

import math
import struct

import numpy as np
import xarray as xr

from gprscan.io import checks
from gprscan.io.antenna import unknown
from gprscan.io.direct_wave import nominal_time_zero
from gprscan.io.lazy import lazy_variable, probe
from gprscan.io.recording import ReadOptions, Recording, layout_of, require, to_line, whole_traces
from gprscan.io.registry import DOCUMENTED, Format, register
from gprscan.io.source import Source

HEADER_BYTES = 1024
_SAMPLES = (64, 8192)


def sniff(source: Source) -> bool:
    """Whether the extension is .gpr and every field of the header is plausible; there is no signature."""
    if source.suffix != ".gpr" or len(source.head) < HEADER_BYTES or source.size <= HEADER_BYTES:
        return False
    n_samples, window, antenna, eps = _fields(source)
    whole = _SAMPLES[0] <= n_samples <= _SAMPLES[1] and (source.size - HEADER_BYTES) % (2 * n_samples) == 0
    return whole and 1 <= window <= 1e4 and 10 <= antenna <= 5000 and (eps == 0 or 1 <= eps <= 81)


def _fields(source: Source) -> tuple[int, float, int, float]:
    (n_samples,) = struct.unpack_from("<h", source.head, 4)
    window, antenna = struct.unpack_from("<fh", source.head, 26)
    (eps,) = struct.unpack_from("<f", source.head, 54)
    return n_samples, window, antenna, eps


def read(source: Source, options: ReadOptions) -> xr.Dataset:
    """Read a .gpr file."""
    short = f"the header has {HEADER_BYTES} bytes, here are {source.size}"
    require(len(source.head) >= HEADER_BYTES, source, short)
    n_samples, window, antenna, eps = _fields(source)
    low, high = _SAMPLES
    require(low <= n_samples <= high, source, f"the header says {n_samples} samples per trace")
    require(math.isfinite(window) and 1 <= window <= 1e4, source, f"the header says a window of {window:g} ns")
    what = f"{n_samples} samples of 16 bits"
    n_traces, findings = whole_traces(source, HEADER_BYTES, 2 * n_samples, what, options)
    stored = np.dtype("<i2")
    layout = layout_of(source, offset=HEADER_BYTES, n_traces=n_traces, n_samples=n_samples, stored=stored)
    sample = probe(layout)
    dt = window / n_samples
    frequency = float(antenna) if 10 <= antenna <= 5000 else None
    zero, found = nominal_time_zero(sample, dt, None, source.name, "the signal position has no documented unit")
    findings += found + checks.samples(sample, source.name)
    findings.append(checks.time_triggered(source.name, "the known fields of the header hold no spacing"))
    if frequency is None:
        findings.append(unknown(str(antenna)))
    recording = Recording(
        data=lazy_variable(layout),
        dt=dt,
        time_zero=zero,
        frequency=frequency,
        header={"samples": n_samples, "window_ns": window, "antenna_mhz": antenna},
        findings=findings,
    )
    return to_line(recording, source, "cirp", options)


register(
    Format(
        name="cirp",
        title="DZT-like GPR (CIRP, LTD)",
        suffixes=(".gpr",),
        side_suffixes=(),
        maturity=DOCUMENTED,
        sniff=sniff,
        read=read,
        shared_suffixes=True,
        note="no real file was at hand; other programs use .gpr too",
    )
)

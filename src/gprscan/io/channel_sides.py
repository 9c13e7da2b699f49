"""Side files of MALA and ImpulseRadar recorders beside the positions: marks, times, and files that a set shares."""

from __future__ import annotations

import re

import numpy as np
import xarray as xr

from gprscan.io.cor import parse_instant
from gprscan.io.source import Source
from gprscan.model.findings import Finding

# one file per channel of an array: NAME_A001.rd3, NAME_A02.iprb
_CHANNEL = re.compile(r"^(?P<base>.+)_A\d{1,3}$", re.IGNORECASE)


def side_of(source: Source, suffix: str) -> Source | None:
    """Return a side file of a data file: its own, else that of the set of channels to which it belongs."""
    own = source.side_file(suffix)
    match = _CHANNEL.match(source.path.stem)
    if own is not None or match is None:
        return own
    # a name that need not exist stands for the set, so that upper and lower case are tried alike
    return Source.beside(source.path.with_name(match["base"] + source.path.suffix)).side_file(suffix)


def read_marks(source: Source, n_traces: int) -> tuple[xr.Variable | None, list[Finding]]:
    """Read an MRK file: rows that begin with a trace number, from 1. What else a row holds is not documented.

    Parameters
    ----------
    source : Source
        The MRK file; many hold a header line only.
    n_traces : int
        Traces of the line.

    Returns
    -------
    xarray.Variable or None, list of Finding
        1 at the traces with a mark, None without any.
    """
    flags = np.zeros(n_traces, dtype="i1")
    rows = beyond = 0
    for line in re.split(r"[\r\n]+", source.text()):
        match = re.match(r"\s*(\d{1,9})(?=[\s,;]|$)", line)
        if match is None:
            continue
        rows += 1
        trace = int(match[1]) - 1
        if 0 <= trace < n_traces:
            flags[trace] = 1
        else:
            beyond += 1
    findings = []
    if beyond:
        what, evidence = "Marks lie outside of the line.", f"{beyond} of {rows} rows; {n_traces} traces"
        findings.append(Finding("marks-off-line", "warning", what, source.name, evidence, "They were left out."))
    return (xr.Variable("trace", flags) if flags.any() else None), findings


def read_times(source: Source, n_traces: int) -> np.ndarray | None:
    """Read a TIME file: rows of trace (from 1), date and time, by the recorder's clock.

    Returns
    -------
    ndarray of datetime64[ns], shape (trace,), or None
        Interpolated between rows, NaT before the first and after the last one; None with fewer than two rows.
    """
    traces, times = [], []
    for line in re.split(r"[\r\n]+", source.text()):
        words = re.split(r"[\s,;]+", line.strip())
        if len(words) < 3 or not words[0].isdecimal() or len(words[0]) > 9:
            continue
        when = parse_instant(f"{words[1]}T{words[2]}")
        if not np.isnat(when):
            traces.append(int(words[0]) - 1)
            times.append(when.astype("i8"))
    at = np.array(traces)
    if len(at) < 2 or (np.diff(at) <= 0).any():
        return None
    # relative to the first, so that nanoseconds survive float64
    base = times[0]
    elapsed = np.interp(np.arange(n_traces), at, np.array([time - base for time in times], dtype="f8"), np.nan, np.nan)
    out = np.full(n_traces, np.datetime64("NaT", "ns"))
    known = np.isfinite(elapsed)
    out[known] = (base + np.rint(elapsed[known]).astype("i8")).view("datetime64[ns]")
    return out

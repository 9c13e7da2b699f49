"""COR position files of MALA and ImpulseRadar: one fix per row, tied to a trace."""

from __future__ import annotations

import math
import re

import numpy as np

from gprscan.geometry import Fixes
from gprscan.io.source import Source
from gprscan.io.track import Track
from gprscan.model.findings import Finding

_DMS = re.compile(r"^\s*(\d+)[:°](\d+)[:'](\d+(?:\.\d+)?)\"?\s*$")
_ISO = re.compile(r"(19|20)\d\d-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d{1,9})?)?)?")
_HEIGHT = re.compile(r"^\s*([-+]?\d+(?:\.\d*)?)\s*[mM]?\s*$")


def read_cor(source: Source) -> Fixes:
    """Read a COR file.

    Parameters
    ----------
    source : Source
        Rows of trace, date, time, latitude, N/S, longitude, E/W, elevation, unit, quality; tabs or commas. The unit may
        be glued to the elevation, and angles may be ``d:m:s``.

    Returns
    -------
    Fixes
        Traces are taken as one-based. Neither the meaning of the last column nor the vertical datum is documented: the
        former is left out, the latter is left open.
    """
    rows, bad = [], 0
    for line in re.split(r"[\r\n]+", source.text()):
        if not line.strip():
            continue
        row = _row(line)
        if row is None:
            bad += 1
        else:
            rows.append(row)
    findings = []
    if bad:
        what, evidence = "Rows of the position file are damaged.", f"{bad} of {bad + len(rows)} rows"
        findings.append(Finding("position-rows-damaged", "warning", what, source.name, evidence, "They were left out."))
    columns = list(zip(*rows, strict=True)) if rows else [()] * 5
    return Fixes(
        trace=np.array(columns[0], dtype="float64") - 1,
        longitude=np.array(columns[3], dtype="float64"),
        latitude=np.array(columns[2], dtype="float64"),
        height=np.array(columns[4], dtype="float64"),
        time=np.array(columns[1], dtype="datetime64[ns]"),
        source=source.name,
        findings=findings,
    )


def _row(line: str) -> tuple[float, np.datetime64, float, float, float] | None:
    words = [
        word.strip() for word in re.split(r"[\t,]|\s+" if "\t" not in line and "," not in line else r"[\t,]", line)
    ]
    if len(words) < 8:
        return None
    try:
        trace = float(words[0])
        latitude, longitude = _angle(words[3], words[4], 90), _angle(words[5], words[6], 180)
    except ValueError:
        return None
    if not (math.isfinite(trace) and abs(trace) < 2**31):
        return None
    height = _HEIGHT.match(words[7])
    return trace, _instant(words[1], words[2]), latitude, longitude, float(height[1]) if height else math.nan


def _angle(text: str, side: str, limit: float) -> float:
    match = _DMS.match(text)
    value = int(match[1]) + int(match[2]) / 60 + float(match[3]) / 3600 if match else float(text)
    if not abs(value) <= limit or side.upper() not in ("N", "S", "E", "W"):
        msg = f"{text} {side} is no angle"
        raise ValueError(msg)
    return -value if side.upper() in ("S", "W") else value


def _instant(date: str, time: str) -> np.datetime64:
    return parse_instant(f"{date}T{time}")


def parse_instant(text: str) -> np.datetime64:
    """Return an instant from ``YYYY-MM-DD[Thh:mm[:ss[.f]]]``, NaT from anything else."""
    if not _ISO.fullmatch(text):
        return np.datetime64("NaT", "ns")
    try:
        return np.datetime64(text, "ns")
    except ValueError:
        return np.datetime64("NaT", "ns")


def write_cor(track: Track) -> str:
    """Return the text of a COR file: tabs, ten columns, one-based traces."""
    rows = []
    for i in track.rows():
        lon, lat, time = track.longitude[i], track.latitude[i], track.time[i]
        stamp = "" if np.isnat(time) else str(time.astype("datetime64[us]"))
        date, _, clock = stamp.partition("T")
        height = track.height[i]
        elevation = f"{height:.4f}" if np.isfinite(height) else ""
        angles = (f"{abs(lat):.10f}", "N" if lat >= 0 else "S", f"{abs(lon):.10f}", "E" if lon >= 0 else "W")
        rows.append("\t".join([str(i + 1), date, clock, *angles, elevation, "M", "1"]))
    return "".join(row + "\r\n" for row in rows)

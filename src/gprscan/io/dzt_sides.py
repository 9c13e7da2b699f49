"""Side files of a DZT: DZG (NMEA per scan) and DZX (XML with marks, spacing and channel properties)."""

from __future__ import annotations

import datetime
import math
import re
import xml.etree.ElementTree as ET
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from gprscan.errors import ReadError
from gprscan.geometry import Fixes, NmeaLog
from gprscan.io.source import Source
from gprscan.io.track import COLUMNS, FIXES
from gprscan.model.findings import Finding

GPRSCAN_NAMESPACE = "urn:gprscan:dzx"
_GROUPS = {"LayerGroup": ("layer", "LayerWayPt"), "TargetGroup": ("target", "TargetWayPt")}
_UNITS = {"m": 1.0, "cm": 0.01, "mm": 0.001, "ft": 0.3048, "in": 0.0254}


def read_dzg(source: Source, date: datetime.date | None = None) -> Fixes:
    """Read the fixes of a DZG file.

    Parameters
    ----------
    source : Source
        The file: ``$GSSIS,<scan, zero-based>,<time or -1>`` followed by NMEA sentences.
    date : datetime.date, optional
        The DZT header's date, for logs without one.
    """
    log = NmeaLog(source.name)
    trace = math.nan
    for line in re.split(r"[\r\n]+", source.text()):
        if line.startswith("$GSSIS"):
            number = line.split(",")[1].strip() if "," in line else ""
            trace = float(number) if number.isdecimal() and len(number) < 12 else math.nan
        elif line.strip():
            log.add(line, trace)
    return log.fixes(date)


@dataclass
class Dzx:
    """What a DZX file says.

    Attributes
    ----------
    spacing : float or None
        Distance between scans in m, where it is stated in a unit of length.
    dielectric : float or None
        Relative permittivity.
    scans : int or None
        Scans by the range that the file states.
    picks : list of dict
        Groups of picks, each ``{"group": name, "kind": "layer" or "target", "points": [[scan, sample, channel, ns], ...]}``.
    marks : dict
        Scan -> distance in m, NaN where only the mark is stated.
    frequencies, separations, offsets : dict
        Channel -> MHz, m and m.
    labels : dict
        Channel -> label.
    line : dict
        Exact values in the name space of gprscan, see specs/dzt.md.
    distance : list of float
        Distances per scan in m, where they are uneven; written by gprscan only.
    track : dict
        Columns of the track of the line, see `gprscan.io.track.COLUMNS`; written by gprscan only.
    fixes : str
        Checksum of the DZG that was written with the track.
    """

    spacing: float | None = None
    dielectric: float | None = None
    scans: int | None = None
    picks: list[dict[str, Any]] = field(default_factory=list)
    marks: dict[int, float] = field(default_factory=dict)
    frequencies: dict[int, float] = field(default_factory=dict)
    separations: dict[int, float] = field(default_factory=dict)
    offsets: dict[int, float] = field(default_factory=dict)
    labels: dict[int, str] = field(default_factory=dict)
    line: dict[str, str] = field(default_factory=dict)
    distance: list[float] = field(default_factory=list)
    track: dict[str, np.ndarray] = field(default_factory=dict)
    fixes: str = ""
    findings: list[Finding] = field(default_factory=list)

    def exact(self, name: str) -> float | None:
        """Return a number of the element that gprscan writes, None without."""
        return _float(self.line.get(name))


def read_dzx(source: Source) -> Dzx:
    """Read a DZX file; one that is no XML becomes a finding, since the DZT does not depend on it."""
    try:
        text = source.text()
        if "<!DOCTYPE" in text or "<!ENTITY" in text:
            return _broken(source, "it declares entities, which no recorder does")
        root = ET.fromstring(re.sub(r"^<\?xml[^>]*\?>", "", text.lstrip()))
    except (ET.ParseError, ReadError, ValueError) as error:
        return _broken(source, str(error))
    out = Dzx()
    for element in root.iter():
        name = _local(element.tag)
        if name == "GlobalProperties":
            _global(element, out)
        elif name == "ChannelProperties":
            _channel(element, out)
        elif name == "WayPt":
            _waypoint(element, out)
        elif name in _GROUPS:
            _picks(element, out)
        elif name == "scanRange":
            _scan_range(element.text or "", out)
        elif element.tag == f"{{{GPRSCAN_NAMESPACE}}}line":
            out.line = dict(element.attrib)
        elif element.tag == f"{{{GPRSCAN_NAMESPACE}}}distance":
            values = [_float(word) for word in (element.text or "").split()]
            out.distance = [value for value in values if value is not None]
        elif element.tag == f"{{{GPRSCAN_NAMESPACE}}}track":
            out.track = {name: _floats(element.get(name, "")) for name in COLUMNS}
            out.fixes = element.get(FIXES, "")
    return out


def _broken(source: Source, reason: str) -> Dzx:
    what = "The DZX side file cannot be read."
    return Dzx(findings=[Finding("side-file-unreadable", "warning", what, source.name, reason, "It was left out.")])


def _local(tag: str) -> str:
    return tag.rpartition("}")[2]


def _children(element: ET.Element) -> dict[str, str]:
    return {_local(child.tag): (child.text or "").strip() for child in element}


def _float(text: str | None) -> float | None:
    try:
        value = float(text) if text else math.nan
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _floats(text: str) -> np.ndarray:
    """Return a list of numbers, NaN among them; none where a word is something else."""
    try:
        return np.array(text.split(), dtype="float64")
    except ValueError:
        return np.zeros(0)


def _global(element: ET.Element, out: Dzx) -> None:
    values = _children(element)
    factor = _UNITS.get(values.get("horizontalUnit", ""))
    spacing = _float(values.get("unitsPerScan"))
    out.dielectric = _float(values.get("dielectric"))
    if factor and spacing and spacing > 0:
        out.spacing = spacing * factor


def _channel(element: ET.Element, out: Dzx) -> None:
    values = _children(element)
    number = values.get("channel", "")
    if not number.isdecimal() or len(number) > 4:
        return
    channel = int(number)
    for key, target in (
        ("centerFreqMHz", out.frequencies),
        ("separation", out.separations),
        ("offset", out.offsets),
    ):
        value = _float(values.get(key))
        if value is not None:
            target[channel] = value
    if values.get("label"):
        out.labels[channel] = values["label"]


def _scan_range(text: str, out: Dzx) -> None:
    words = [word.strip() for word in text.split(",")]
    if len(words) == 2 and all(word.isdecimal() and len(word) < 10 for word in words):
        out.scans = max(out.scans or 0, int(words[1]) - int(words[0]) + 1)


def _picks(element: ET.Element, out: Dzx) -> None:
    """Read a group of picks: scan, sample and channel, all zero-based, and the time in ns where it is stated."""
    kind, point_name = _GROUPS[_local(element.tag)]
    name, points = "", []
    for child in element:
        if _local(child.tag) == "groupName":
            name = (child.text or "").strip()[:80]
        elif _local(child.tag) == point_name:
            values = _children(child)
            place = values.get("scanSampChanProp", "").split(",")
            if len(place) >= 3 and all(word.strip().isdecimal() and len(word) < 10 for word in place[:3]):
                time = _float(values.get("timeAmpDepVel", "").split(",")[0])
                points.append([*(int(word) for word in place[:3]), time])
    if points:
        out.picks.append({"group": name, "kind": kind, "points": points})


def _waypoint(element: ET.Element, out: Dzx) -> None:
    values = _children(element)
    scan = values.get("scan", "")
    if scan.isdecimal() and len(scan) < 12 and "mark" in values:
        distance = _float(values.get("distance"))
        out.marks[int(scan)] = math.nan if distance is None else distance

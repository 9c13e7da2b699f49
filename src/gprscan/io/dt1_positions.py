"""Position files of Sensors & Software: GPS (NMEA per trace) and GP2 (NMEA in a table)."""

from __future__ import annotations

import csv
import datetime
import math
import re

from gprscan.geometry import Fixes, NmeaLog
from gprscan.io.source import Source

_TRACE = re.compile(r"trace\s*#\s*(\d{1,9})\b", re.IGNORECASE)


def read_gps(source: Source, date: datetime.date | None = None) -> Fixes:
    """Read a GPS file.

    Parameters
    ----------
    source : Source
        Blocks of ``Trace #<one-based> at position <p>`` and NMEA sentences, which may repeat unchanged.
    date : datetime.date, optional
        The header's date, for logs without one.
    """
    log = NmeaLog(source.name)
    trace = math.nan
    for line in re.split(r"[\r\n]+", source.text()):
        match = _TRACE.match(line.strip())
        if match:
            trace = float(match[1]) - 1
        elif line.strip():
            log.add(line, trace)
    return log.fixes(date)


def read_gp2(source: Source, date: datetime.date | None = None) -> Fixes:
    """Read a GP2 file.

    Parameters
    ----------
    source : Source
        Comments after ``;``, a header row, then rows of one-based trace, odometer tick, position (always m), seconds
        and one quoted NMEA sentence.
    date : datetime.date, optional
        The header's date; a ``;Date=`` comment of the file rules.
    """
    log = NmeaLog(source.name)
    rows = []
    for line in re.split(r"[\r\n]+", source.text()):
        if line.startswith(";"):
            date = _comment_date(line) or date
        elif "$" in line:
            rows.append(line)
    for line in rows:
        fields = _split(line)
        number = fields[0].strip() if fields else ""
        trace = float(number) - 1 if number.isdecimal() and len(number) < 12 else math.nan
        log.add(fields[-1] if len(fields) >= 5 else line, trace)
    return log.fixes(date)


def _split(line: str) -> list[str]:
    try:
        return next(csv.reader([line]), [])
    except csv.Error:
        return []


def _comment_date(line: str) -> datetime.date | None:
    match = re.match(r";\s*Date\s*=\s*(\d{4}-[A-Za-z]{3}-\d{2})", line)
    try:
        return datetime.datetime.strptime(match[1], "%Y-%b-%d").date() if match else None
    except ValueError:
        return None

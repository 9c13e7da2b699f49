"""NMEA 0183 sentences: position, date and accuracy, from any talker, leniently and with every fault counted.

Sentences used: GGA (position and quality), RMC and ZDA (date), GST (standard deviations). The layout of fields is that
of the NMEA 0183 standard as described in receivers' public manuals.
"""

from __future__ import annotations

import datetime
import math
from dataclasses import dataclass
from functools import reduce
from operator import xor
from typing import NamedTuple

import numpy as np

from gprscan.geometry.fixes import Fixes
from gprscan.model.findings import Finding

# what a height refers to: with the separation of the geoid it is taken to the ellipsoid, without it cannot be
ELLIPSOID = "WGS 84 ellipsoid"
SEA_LEVEL = "mean sea level by the receiver's own geoid model"
_LEAST_FIELDS = {"GGA": 10, "RMC": 10, "GST": 8, "ZDA": 5}


class Sentence(NamedTuple):
    """What one sentence says; NaN and None where a field is blank."""

    kind: str
    time: float = math.nan  # seconds of the day, UTC
    latitude: float = math.nan
    longitude: float = math.nan
    quality: int = -1
    hdop: float = math.nan
    height: float = math.nan
    separation: float = math.nan
    sigma: float = math.nan
    date: datetime.date | None = None


class NmeaError(ValueError):
    """A sentence that is damaged; counted by `NmeaLog`, never fatal."""


def checksum(body: str) -> int:
    """Return the exclusive or of the bytes between ``$`` and ``*``."""
    return reduce(xor, body.encode("utf-16-le", "surrogatepass")[::2], 0)


def parse_sentence(text: str) -> Sentence | None:
    """Read one sentence.

    Parameters
    ----------
    text : str
        ``$GPGGA,...*hh``, with any two-letter talker; characters before the ``$`` are skipped.

    Returns
    -------
    Sentence or None
        None for kinds that carry nothing of use here.

    Raises
    ------
    NmeaError
        If the checksum fails, or the sentence is cut off or has fields that are no numbers.
    """
    start = text.rfind("$")
    if start < 0:
        return None
    body, star, tail = text[start + 1 :].strip().partition("*")
    fields = body.split(",")
    kind = fields[0][-3:].upper()
    if kind not in _LEAST_FIELDS:
        return None
    if star and not _matches(body, tail[:2]):
        msg = f"checksum failure: {text[start:]!r}"
        raise NmeaError(msg)
    if len(fields) < _LEAST_FIELDS[kind]:
        msg = f"cut off: {text[start:]!r}"
        raise NmeaError(msg)
    try:
        return _PARSERS[kind](fields)
    except (ValueError, OverflowError) as error:
        msg = f"{error}: {text[start:]!r}"
        raise NmeaError(msg) from None


def _matches(body: str, digits: str) -> bool:
    try:
        return checksum(body) == int(digits, 16)
    except ValueError:
        return False


def _number(text: str) -> float:
    value = float(text) if text.strip() else math.nan
    if math.isinf(value):
        msg = "infinite field"
        raise ValueError(msg)
    return value


def _clock(text: str) -> float:
    if not text.strip():
        return math.nan
    value = float(text)
    hours, minutes, seconds = int(value // 10000), int(value // 100 % 100), value % 100
    if not (0 <= hours < 24 and minutes < 60 and seconds < 61):
        msg = "impossible time"
        raise ValueError(msg)
    return hours * 3600.0 + minutes * 60.0 + seconds


def _angle(text: str, side: str, limit: float) -> float:
    """Degrees from ``dddmm.mmmm`` and a letter."""
    if not text.strip():
        return math.nan
    value = float(text)
    degrees = value // 100 + value % 100 / 60
    if not 0 <= degrees <= limit:
        msg = "impossible angle"
        raise ValueError(msg)
    return -degrees if side.strip().upper() in ("S", "W") else degrees


def _gga(f: list[str]) -> Sentence:
    separation = _number(f[11]) if len(f) > 11 else math.nan
    return Sentence(
        "GGA",
        time=_clock(f[1]),
        latitude=_angle(f[2], f[3], 90),
        longitude=_angle(f[4], f[5], 180),
        quality=int(f[6]) if f[6].strip() else 0,
        hdop=_number(f[8]),
        height=_number(f[9]),
        separation=separation,
    )


def _rmc(f: list[str]) -> Sentence:
    date = None
    if f[9].strip():
        day, month, year = int(f[9][:2]), int(f[9][2:4]), int(f[9][4:6])
        date = datetime.date(year + (1900 if year >= 80 else 2000), month, day)
    valid = f[2].strip().upper() == "A"
    latitude, longitude = _angle(f[3], f[4], 90), _angle(f[5], f[6], 180)
    return Sentence("RMC", _clock(f[1]), latitude, longitude, 1 if valid else 0, date=date)


def _gst(f: list[str]) -> Sentence:
    north, east = _number(f[6]), _number(f[7])
    return Sentence("GST", _clock(f[1]), sigma=math.sqrt((north**2 + east**2) / 2))


def _zda(f: list[str]) -> Sentence:
    date = datetime.date(int(f[4]), int(f[3]), int(f[2])) if f[4].strip() else None
    return Sentence("ZDA", _clock(f[1]), date=date)


_PARSERS = {"GGA": _gga, "RMC": _rmc, "GST": _gst, "ZDA": _zda}


@dataclass
class _Epoch:
    trace: float
    sentence: Sentence
    day: int
    sigma: float = math.nan


class NmeaLog:
    """Collects sentences in the order of a log and makes fixes of them.

    Parameters
    ----------
    source : str
        Name of the file, for findings.

    Attributes
    ----------
    checksum_failures, malformed : int
        Sentences that were left out.
    """

    def __init__(self, source: str = "") -> None:
        self.source = source
        self.checksum_failures = 0
        self.malformed = 0
        self.sentences = 0
        self._gga: list[_Epoch] = []
        self._rmc: list[_Epoch] = []
        self._day = 0
        self._last = math.nan
        self._base: datetime.date | None = None

    def add(self, text: str, trace: float = math.nan) -> None:
        """Take one line of a log.

        Parameters
        ----------
        text : str
            The line; lines without a sentence are skipped.
        trace : float
            Zero-based trace to which it belongs.
        """
        try:
            sentence = parse_sentence(text)
        except NmeaError as error:
            if str(error).startswith("checksum"):
                self.checksum_failures += 1
            else:
                self.malformed += 1
            return
        if sentence is None:
            return
        self.sentences += 1
        self._roll_over(sentence)
        if sentence.kind == "GGA":
            self._gga.append(_Epoch(trace, sentence, self._day))
        elif sentence.kind == "RMC":
            self._rmc.append(_Epoch(trace, sentence, self._day))
        elif sentence.kind == "GST":
            self._attach_sigma(sentence)

    def _roll_over(self, sentence: Sentence) -> None:
        """Count midnights: a clock that falls by more than half a day has passed one."""
        if math.isfinite(sentence.time):
            if sentence.time < self._last - 43200:
                self._day += 1
            self._last = sentence.time
        if sentence.date is not None and self._base is None:
            try:
                self._base = sentence.date - datetime.timedelta(days=self._day)
            except OverflowError:
                self.malformed += 1

    def _attach_sigma(self, sentence: Sentence) -> None:
        for epoch in (self._gga[-1:] or self._rmc[-1:])[::-1]:
            if math.isnan(sentence.time) or epoch.sentence.time == sentence.time:
                epoch.sigma = sentence.sigma

    def fixes(self, date: datetime.date | None = None) -> Fixes:
        """Return the fixes of the log, invalid ones (quality 0) included.

        Parameters
        ----------
        date : datetime.date, optional
            Day of the first sentence where the log itself carries no date.
        """
        epochs = [e for e in self._gga if math.isfinite(e.sentence.latitude + e.sentence.longitude)]
        blank = len(self._gga) - len(epochs)
        have = {e.trace for e in epochs}
        extra = [
            e for e in self._rmc if math.isfinite(e.sentence.latitude + e.sentence.longitude) and e.sentence.quality
        ]
        epochs += [e for e in extra if not epochs or (math.isfinite(e.trace) and e.trace not in have)]
        epochs.sort(key=lambda e: (e.trace if math.isfinite(e.trace) else 0.0, e.day, e.sentence.time))
        base = self._base or date
        separations = [e.sentence.separation for e in epochs if e.sentence.kind == "GGA"]
        known = bool(separations) and all(math.isfinite(s) for s in separations)
        heights = [e.sentence.height + (e.sentence.separation if known else 0.0) for e in epochs]
        datum = ELLIPSOID if known else SEA_LEVEL
        return Fixes(
            trace=np.array([e.trace for e in epochs], dtype="float64"),
            longitude=np.array([e.sentence.longitude for e in epochs], dtype="float64"),
            latitude=np.array([e.sentence.latitude for e in epochs], dtype="float64"),
            height=np.array(heights, dtype="float64"),
            quality=np.array([min(e.sentence.quality, 99) for e in epochs], dtype="int16"),
            sigma=np.array([e.sigma for e in epochs], dtype="float64"),
            time=np.array([_instant(e, base) for e in epochs], dtype="datetime64[ns]"),
            source=self.source,
            height_datum=datum if np.isfinite(heights).any() else "",
            findings=self._findings(blank, base is not None and self._base is None),
        )

    def _findings(self, blank: int, borrowed_date: bool) -> list[Finding]:
        out = []
        faults = self.checksum_failures + self.malformed
        if faults:
            evidence = f"{self.checksum_failures} checksum failures, {self.malformed} malformed, {self.sentences} good"
            out.append(
                Finding(
                    "nmea-faults",
                    "warning" if faults > 0.05 * (faults + self.sentences) else "info",
                    "Some NMEA sentences are damaged.",
                    self.source,
                    evidence,
                    "They were left out; positions between good fixes are interpolated.",
                )
            )
        if blank:
            where, evidence = self.source, f"{blank} of {len(self._gga)} GGA sentences carry no position"
            out.append(
                Finding("gnss-blank", "info", "The receiver had no position at times.", where, evidence, "Left out.")
            )
        if borrowed_date and self._gga:
            what = "The position log has times but no date."
            out.append(
                Finding("gnss-date-borrowed", "info", what, self.source, "no RMC or ZDA", "The header's date was used.")
            )
        return out


def _instant(epoch: _Epoch, base: datetime.date | None) -> np.datetime64:
    if base is None or not math.isfinite(epoch.sentence.time):
        return np.datetime64("NaT", "ns")
    start = np.datetime64(base.isoformat(), "ns") + np.timedelta64(epoch.day, "D")
    return start + np.timedelta64(round(epoch.sentence.time * 1e9), "ns")


def _sealed(body: str) -> str:
    return f"${body}*{checksum(body):02X}"


def _dm(value: float, width: int, letters: str) -> str:
    """Degrees and minutes with eight decimals of a minute, 0.02 mm."""
    units = round(abs(value) * 60e8)
    degrees, rest = divmod(units, 60 * 10**8)
    return f"{degrees:0{width}d}{rest // 10**8:02d}.{rest % 10**8:08d},{letters[0] if value >= 0 else letters[1]}"


def _hms(time: np.datetime64) -> tuple[str, str]:
    if np.isnat(time):
        return "", ""
    stamp = str(time.astype("datetime64[ns]").astype("datetime64[us]"))
    return stamp[11:26].replace(":", ""), stamp[8:10] + stamp[5:7] + stamp[2:4]


def write_gga(
    time: np.datetime64,
    longitude: float,
    latitude: float,
    quality: int,
    height: float = math.nan,
    datum: str = ELLIPSOID,
) -> str:
    """Return a GGA sentence; blank fields where a value is not known.

    Parameters
    ----------
    time : numpy.datetime64
        UTC.
    longitude, latitude : float
        Degrees.
    quality : int
        Fix quality of the GGA sentence, 0 to 8.
    height : float
        Height in m; NaN where it is not known.
    datum : str
        What the height refers to. The separation of the geoid is 0 for the ellipsoid, and blank for anything else.
    """
    separation = "0.0" if datum == ELLIPSOID else ""
    altitude = f"{height:.4f},M,{separation},M" if math.isfinite(height) else ",M,,M"
    clock = _hms(time)[0]
    return _sealed(f"GNGGA,{clock},{_dm(latitude, 2, 'NS')},{_dm(longitude, 3, 'EW')},{max(quality, 0)},,,{altitude},,")


def write_rmc(time: np.datetime64, longitude: float, latitude: float) -> str:
    """Return an RMC sentence, which carries the date.

    Parameters
    ----------
    time : numpy.datetime64
        UTC.
    longitude, latitude : float
        Degrees.
    """
    clock, date = _hms(time)
    return _sealed(f"GNRMC,{clock},A,{_dm(latitude, 2, 'NS')},{_dm(longitude, 3, 'EW')},,,{date},,,A")


def write_gst(time: np.datetime64, sigma: float) -> str:
    """Return a GST sentence with equal standard deviations north and east, m.

    Parameters
    ----------
    time : numpy.datetime64
        UTC.
    sigma : float
        Standard deviation in m.
    """
    return _sealed(f"GNGST,{_hms(time)[0]},,,,,{sigma:.4f},{sigma:.4f},")

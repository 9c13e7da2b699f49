"""External tracks: CSV, GPX and NMEA logs of a receiver of its own, tied to the traces of a line by time."""

from __future__ import annotations

import csv
import datetime
import io
import math
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

import numpy as np

from gprscan.errors import MissingCRSError, MissingFileError, ParameterError, ReadError
from gprscan.geometry.crs import checked_plane, unproject
from gprscan.geometry.decoding import decode_text
from gprscan.geometry.fixes import Fixes
from gprscan.geometry.nmea import NmeaLog

MOST_BYTES = 512 * 2**20
FORMATS = "CSV with a header line, GPX, or an NMEA log"

# accepted names of columns, lower case
COLUMNS = {
    "time": ("time", "utc", "timestamp", "datetime", "gps_time", "时间"),
    "longitude": ("longitude", "lon", "lng", "long", "经度"),
    "latitude": ("latitude", "lat", "纬度"),
    "x": ("x", "east", "easting", "e", "东坐标"),
    "y": ("y", "north", "northing", "n", "北坐标"),
    "height": ("height", "z", "h", "elevation", "ele", "altitude", "alt", "高程"),
    "quality": ("quality", "fix", "fix_quality"),
    "sigma": ("sigma", "std", "hrms", "accuracy"),
    "trace": ("trace", "道号"),
    "distance": ("distance", "odometer", "距离"),
}


@dataclass
class TrackFile:
    """The points of an external track.

    Attributes
    ----------
    fixes : Fixes
        Its points; `trace` is NaN where the file does not give it.
    distance : ndarray or None
        Distance along the line of each point in m, where the file gives it.
    """

    fixes: Fixes
    distance: np.ndarray | None = None


def read_track(path: str | Path, crs: str | None = None, date: datetime.date | None = None) -> TrackFile:
    """Read an external track.

    Parameters
    ----------
    path : path-like
        CSV, GPX or NMEA log, told by content.
    crs : str, optional
        Reference system of the columns `x` (east) and `y` (north) of a CSV.
    date : datetime.date, optional
        Day of an NMEA log that carries none (GGA only).

    Raises
    ------
    MissingFileError
        If there is no such file.
    ReadError
        If it is none of these, or has no point that can be used.
    MissingCRSError
        If a CSV has `x` and `y`, and `crs` is not given.
    """
    path = Path(path)
    text = _text(path)
    start = text.lstrip("\ufeff \r\n\t")[:2000]
    if start.startswith("<"):
        track = TrackFile(_gpx(text, path.name))
    elif _is_nmea(start):
        track = TrackFile(_nmea(text, path.name, date))
    else:
        track = _csv(text, path.name, crs)
    if not len(track.fixes):
        msg = f"{path.name}: no point of the track can be used; {FORMATS} is expected."
        raise ReadError(msg)
    return track


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > MOST_BYTES:
            msg = f"{path.name}: {path.stat().st_size} bytes are too many for a track (at most {MOST_BYTES})."
            raise ReadError(msg)
        return decode_text(path.read_bytes())
    except FileNotFoundError:
        msg = f"there is no track {path}."
        raise MissingFileError(msg) from None
    except IsADirectoryError:
        msg = f"the track {path} is a folder; {FORMATS} is expected."
        raise ReadError(msg) from None


def _is_nmea(start: str) -> bool:
    """Whether one of the first lines holds a sentence: logs often begin with lines of the logger's own."""
    lines = start.splitlines()[:40]
    return any(
        line.rfind("$") >= 0 and line[line.rfind("$") + 3 :][:3] in ("GGA", "RMC", "GST", "ZDA") for line in lines
    )


def _nmea(text: str, name: str, date: datetime.date | None) -> Fixes:
    log = NmeaLog(name)
    for line in text.splitlines():
        log.add(line)
    return log.fixes(date)


def _gpx(text: str, name: str) -> Fixes:
    if "<!DOCTYPE" in text or "<!ENTITY" in text:  # entities can expand without limit; GPX has none
        msg = f"{name}: the file declares a document type or entities, which no GPX needs; it is not read."
        raise ReadError(msg)
    try:
        root = ElementTree.fromstring(text)
    except (ElementTree.ParseError, ValueError) as error:
        msg = f"{name}: no GPX ({error})."
        raise ReadError(msg) from None
    points = [element for element in root.iter() if element.tag.rpartition("}")[2] in ("trkpt", "rtept")]
    rows = []
    for point in points:
        inside = {child.tag.rpartition("}")[2]: (child.text or "").strip() for child in point}
        rows.append(
            (
                _number(point.get("lon", "")),
                _number(point.get("lat", "")),
                _number(inside.get("ele", "")),
                _instant(inside.get("time", "")),
            )
        )
    lon, lat, height = (np.array([row[i] for row in rows], dtype="float64") for i in range(3))
    stamps = np.array([row[3] for row in rows], dtype="datetime64[ns]")
    return _checked(Fixes(np.full(len(rows), np.nan), lon, lat, height=height, time=stamps, source=name), name)


def _number(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        return math.nan
    return value if math.isfinite(value) else math.nan


def _instant(text: str) -> np.datetime64:
    """Return UTC of an ISO 8601 text or of seconds since 1970; NaT where it is neither."""
    text = text.strip()
    try:
        seconds = float(text)
        return np.datetime64(round(seconds * 1e9), "ns") if 0 < seconds < 4e9 else np.datetime64("NaT", "ns")
    except ValueError:
        pass
    try:
        stamp = datetime.datetime.fromisoformat(text.replace("/", "-"))
        if stamp.tzinfo is not None:
            stamp = stamp.astimezone(datetime.UTC).replace(tzinfo=None)
        return np.datetime64(stamp, "ns")
    except (ValueError, OverflowError):
        return np.datetime64("NaT", "ns")


def read_columns(text: str, name: str) -> dict[str, list[str]]:
    """Return the columns of a delimited text by their lower-case names.

    Parameters
    ----------
    text : str
        A header line and rows; commas, semicolons, tabs or blanks between fields; lines that begin with # are skipped.
    name : str
        Of the file, for messages.

    Raises
    ------
    ReadError
        If there is no header line, or no row.

    Notes
    -----
    Where commas do not part the fields, they are taken for decimal points.
    """
    lines = [line for line in text.lstrip("\ufeff").splitlines() if line.strip() and not line.lstrip().startswith("#")]
    if len(lines) < 2:
        msg = f"{name}: a header line and at least one row are needed, for example:\n  time,longitude,latitude"
        raise ReadError(msg)
    delimiter = next((mark for mark in ",;\t" if mark in lines[0]), " ")
    rows = list(csv.reader(io.StringIO("\n".join(lines)), delimiter=delimiter, skipinitialspace=True))
    header = [cell.strip().lower() for cell in rows[0]]
    body = [row + [""] * (len(header) - len(row)) for row in rows[1:]]
    if delimiter != ",":
        body = [[re.sub(r"^(\s*[-+]?\d+),(\d+\s*)$", r"\1.\2", cell) for cell in row] for row in body]
    return {column: [row[i] for row in body] for i, column in enumerate(header)}


def pick(columns: dict[str, list[str]], wanted: str) -> list[str] | None:
    """Return the column that goes by one of the accepted names of `COLUMNS`, None where there is none."""
    return next((columns[name] for name in COLUMNS[wanted] if name in columns), None)


def places(
    column: Callable[[str], np.ndarray | None], names: Iterable[str], file: str, crs: str | None, option: str
) -> tuple[np.ndarray, np.ndarray, str | None]:
    """Return the two columns that say where the rows of a table are.

    Parameters
    ----------
    column : callable
        Returns a column by its name in `COLUMNS`, None where it is not there.
    names : iterable of str
        What columns there are, for messages.
    file : str
        Of the table, for messages.
    crs : str, optional
        Reference system of the columns x and y.
    option : str
        By which the user gives it.

    Returns
    -------
    longitude, latitude, None
        Degrees; or x, y (m east and north) and their `crs`.

    Raises
    ------
    ReadError
        If neither pair is complete.
    MissingCRSError
        If x and y have no reference system.
    """
    longitude, latitude, x, y = map(column, ("longitude", "latitude", "x", "y"))
    if longitude is not None and latitude is not None:
        return longitude, latitude, None
    if x is None or y is None:
        msg = f"{file}: columns 'longitude' and 'latitude', or 'x' and 'y', are needed; it has {', '.join(names)}."
        raise ReadError(msg)
    if crs is None:
        msg = f'{file}: the columns x and y need a reference system: give {option}, for example "EPSG:4547".'
        raise MissingCRSError(msg)
    return x, y, crs


def _csv(text: str, name: str, crs: str | None) -> TrackFile:
    try:
        columns = read_columns(text, name)
    except csv.Error as error:
        msg = f"{name}: no delimited text ({error}); {FORMATS} is expected."
        raise ReadError(msg) from None
    number = {
        key: np.array([_number(cell) for cell in cells]) if (cells := pick(columns, key)) else None
        for key in COLUMNS
        if key != "time"
    }
    longitude, latitude = _degrees(number, name, crs, list(columns))
    n = longitude.size
    cells = pick(columns, "time")
    time = None if cells is None else np.array([_instant(cell) for cell in cells], dtype="datetime64[ns]")
    if time is None and number["trace"] is None and number["distance"] is None:
        msg = f"{name}: a column 'time', 'trace' or 'distance' is needed to tie the track to a line; it has {', '.join(columns)}."
        raise ReadError(msg)
    quality = number["quality"]
    fixes = Fixes(
        np.full(n, np.nan) if number["trace"] is None else number["trace"],
        longitude,
        latitude,
        height=number["height"],
        quality=None if quality is None else np.nan_to_num(np.clip(quality, -1, 99), nan=-1),
        sigma=number["sigma"],
        time=time,
        source=name,
    )
    good = np.isfinite(longitude) & np.isfinite(latitude)
    if not good.any():
        first = ", ".join(f"{column} = {cells[0]!r}" for column, cells in columns.items())
        msg = f"{name}: no row has two numbers for its place; the first one is {first}. Decimal degrees, or m, are needed."
        raise ReadError(msg)
    distance = number["distance"]
    return TrackFile(_checked(fixes, name), None if distance is None else distance[good])


def _degrees(
    number: dict[str, np.ndarray | None], name: str, crs: str | None, columns: list[str]
) -> tuple[np.ndarray, np.ndarray]:
    x, y, stated = places(number.get, columns, name, crs, "track_crs")
    if stated is None:
        return x, y
    good = np.isfinite(x) & np.isfinite(y)
    plane = checked_plane(stated, x[good], y[good], name)
    longitude, latitude = np.full(x.size, np.nan), np.full(x.size, np.nan)
    if good.any():
        longitude[good], latitude[good] = unproject(x[good], y[good], plane)
    return longitude, latitude


def _checked(fixes: Fixes, name: str) -> Fixes:
    """Return the fixes with places that are on Earth."""
    good = np.isfinite(fixes.longitude) & np.isfinite(fixes.latitude)
    if (np.abs(fixes.latitude[good]) > 90).any() or (np.abs(fixes.longitude[good]) > 360).any():
        swapped = (np.abs(fixes.latitude[good]) <= 180).all() and (np.abs(fixes.longitude[good]) <= 90).all()
        hint = "Are they exchanged?" if swapped else "Are these x and y? Name the columns so."
        msg = f"{name}: longitudes and latitudes beyond 360 and 90 degrees. {hint}"
        raise ReadError(msg)
    return fixes.take(good)


def tie(track: TrackFile, time: np.ndarray | None, distance: np.ndarray | None, clock_offset: float) -> Fixes:
    """Tie the points of a track to the traces of a line.

    Parameters
    ----------
    track : TrackFile
        The track.
    time : ndarray of datetime64, shape (trace,), or None
        Time of each trace by the recorder's clock.
    distance : ndarray, shape (trace,), or None
        Distance along the line, m.
    clock_offset : float
        Seconds to add to the recorder's clock to get the time of the track.

    Returns
    -------
    Fixes
        With traces; points before the first and after the last trace are left out but for one on each side.

    Raises
    ------
    ParameterError
        If the line and the track have nothing in common by which they could be tied.
    """
    fixes = track.fixes
    if np.isfinite(fixes.trace).any():
        return fixes.take(np.isfinite(fixes.trace))
    if track.distance is not None:
        if distance is None or not (np.isfinite(distance).all() and distance.size > 1):
            msg = f"{fixes.source} ties points by distance, but the line has none. Give 'spacing', or tie by trace or time."
            raise ParameterError(msg)
        return _tied(fixes, track.distance, np.asarray(distance, dtype="float64"), fixes.source, "distances")
    assert fixes.time is not None
    if time is None or np.isnat(time).any():
        msg = f"{fixes.source} has times, but the line has none per trace. Tie it by a column 'trace' or 'distance'."
        raise ParameterError(msg)
    start = time[0]
    own = (time - start).astype("timedelta64[ns]").astype("float64") / 1e9 + clock_offset
    wanted = np.where(
        np.isnat(fixes.time), np.nan, (fixes.time - start).astype("timedelta64[ns]").astype("float64") / 1e9
    )
    return _tied(fixes, wanted, own, fixes.source, "times")


def _zone_hint(seconds: float) -> str:
    """Return advice where two clocks differ by about whole hours, as clocks of two time zones do."""
    hours = round(seconds / 3600)
    if not 1 <= abs(hours) <= 14 or abs(seconds - 3600 * hours) > 900:
        return ""
    return f" They are {hours:+d} h apart: with clocks of two time zones, add {3600 * hours} to clock_offset."


def _tied(fixes: Fixes, wanted: np.ndarray, own: np.ndarray, source: str, what: str) -> Fixes:
    """Return fixes with the trace at which the line's own quantity has the wanted value."""
    good = np.isfinite(wanted)
    fixes, wanted = fixes.take(good), wanted[good]
    trace = np.arange(own.size, dtype="float64")
    if own[-1] < own[0]:
        own, trace = own[::-1], trace[::-1]
    own = np.maximum.accumulate(own)
    inside = (wanted >= own[0]) & (wanted <= own[-1])
    if inside.sum() < 2:
        gap = (
            f"the line {own[0]:.1f} to {own[-1]:.1f}, the track {wanted.min():.1f} to {wanted.max():.1f}"
            if len(fixes)
            else ""
        )
        unit = "s from the first trace, clock_offset included" if what == "times" else "m"
        hint = _zone_hint(float(wanted[0] - own[0])) if what == "times" and wanted.size else ""
        msg = f"{source}: the {what} of the track and of the line do not overlap ({gap} {unit}). Check clock_offset.{hint}"
        raise ParameterError(msg)
    # where the cart stood, several traces share a distance: their middle
    first, last = np.searchsorted(own, wanted, side="left"), np.searchsorted(own, wanted, side="right")
    between = np.interp(wanted, own, trace)
    same = last > first + 1
    middle = 0.5 * (trace[np.minimum(first, own.size - 1)] + trace[np.clip(last - 1, 0, own.size - 1)])
    out = fixes.take(inside)
    out.trace = np.where(same, middle, between)[inside]
    return out

"""The centreline of a road: chainage and offset of any place, and a track that lies beside its road by the GCJ-02 shift."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from gprscan.errors import MissingFileError, ReadError
from gprscan.geometry.crs import checked_plane, default_crs, project, unproject
from gprscan.geometry.track_file import pick, places, read_columns
from gprscan.model.findings import Finding

BLOCK = 4096  # places whose distances to all segments are computed at once
FAR = 100.0  # m; a track this far from its road was not driven on it
ON_ROAD = 40.0  # m; a track this near was


@dataclass(frozen=True)
class Centreline:
    """A polyline with chainages.

    Attributes
    ----------
    x, y : ndarray, shape (vertex,)
        m east and north in `crs`.
    chainage : ndarray, shape (vertex,)
        m along the road, strictly rising or falling.
    crs : object
        Projected reference system.
    name : str
        Of the road.
    """

    x: np.ndarray
    y: np.ndarray
    chainage: np.ndarray
    crs: Any
    name: str = ""

    def locate(self, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return chainage and offset of places in the centreline's own CRS.

        Parameters
        ----------
        x, y : ndarray, shape (place,)
            m east and north.

        Returns
        -------
        chainage, offset : ndarray, shape (place,)
            m; the offset is positive to the right of rising chainage. Beyond the ends the chainage goes on along
            the first and last segment.
        """
        flat_x, flat_y = np.ravel(x).astype("float64"), np.ravel(y).astype("float64")
        chainage, offset = np.empty(flat_x.size), np.empty(flat_x.size)
        for start in range(0, flat_x.size, BLOCK):
            part = slice(start, start + BLOCK)
            chainage[part], offset[part] = self._locate_block(flat_x[part], flat_y[part])
        return chainage.reshape(np.shape(x)), offset.reshape(np.shape(x))

    def in_plane(self, crs: Any) -> Centreline:
        """Return the same road, with the same chainages, in another projected system."""
        if self.crs == crs:
            return self
        x, y = project(*unproject(self.x, self.y, self.crs), crs)
        return replace(self, x=x, y=y, crs=crs)

    def _locate_block(self, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        ex, ey = np.diff(self.x), np.diff(self.y)
        length = np.hypot(ex, ey)
        ex, ey = ex / length, ey / length
        dx, dy = x[:, None] - self.x[:-1], y[:, None] - self.y[:-1]
        along = dx * ex + dy * ey
        low, high = np.zeros(length.size), length.copy()
        low[0], high[-1] = -np.inf, np.inf
        clipped = np.clip(along, low, high)
        away = np.hypot(dx - clipped * ex, dy - clipped * ey)
        best = np.argmin(away, axis=1)
        row = np.arange(x.size)
        rate = np.diff(self.chainage) / length
        chainage = self.chainage[best] + rate[best] * clipped[row, best]
        side = np.sign(dx * ey - dy * ex)[row, best] * np.where(rate[best] < 0, -1, 1)
        return chainage, side * away[row, best]


def read_centreline(path: str | Path, crs: str | None = None, name: str = "") -> Centreline:
    """Read the centreline of a road.

    Parameters
    ----------
    path : path-like
        CSV with columns ``x, y`` or ``longitude, latitude`` and optionally ``chainage`` (m), in the order of the road;
        or GeoJSON with one LineString (longitude, latitude).
    crs : str, optional
        Reference system of the columns x and y.
    name : str
        Of the road.

    Raises
    ------
    MissingFileError, ReadError, MissingCRSError
        If the file cannot be used; the message says why.
    """
    path = Path(path)
    try:
        text = path.read_bytes().decode("utf-8", errors="replace")
    except OSError:
        msg = f"there is no centreline {path}."
        raise MissingFileError(msg) from None
    if text.lstrip("\ufeff \r\n\t").startswith("{"):
        x, y, plane = _in_plane(*_geojson(text, path.name))
        given = None
    else:
        x, y, plane, given = _table(text, path.name, crs)
    keep = np.append(True, np.hypot(np.diff(x), np.diff(y)) > 1e-6)
    x, y = x[keep], y[keep]
    if x.size < 2:
        msg = f"{path.name}: a centreline needs two different points at least."
        raise ReadError(msg)
    chainage = np.append(0.0, np.cumsum(np.hypot(np.diff(x), np.diff(y)))) if given is None else given[keep]
    steps = np.diff(chainage)
    if not ((steps > 0).all() or (steps < 0).all()):
        msg = f"{path.name}: the chainages neither rise nor fall all along; sort the points in the order of the road."
        raise ReadError(msg)
    return Centreline(x, y, chainage, plane, name or path.stem)


def _geojson(text: str, name: str) -> tuple[np.ndarray, np.ndarray]:
    try:
        content = json.loads(text)
        features = content.get("features", [content])
        shapes = [feature.get("geometry", feature) for feature in features]
        lines = [shape["coordinates"] for shape in shapes if shape and shape.get("type") == "LineString"]
        if len(lines) != 1:
            msg = f"{name}: one LineString is needed, {len(lines)} are there."
            raise ReadError(msg)
        points = np.array([point[:2] for point in lines[0]], dtype="float64").reshape(-1, 2)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        msg = f"{name}: no GeoJSON of a line ({error})."
        raise ReadError(msg) from None
    if not np.isfinite(points).all() or (np.abs(points[:, 1]) > 90).any():
        msg = f"{name}: GeoJSON holds longitude and latitude in degrees (RFC 7946); these are not."
        raise ReadError(msg)
    return points[:, 0], points[:, 1]


def _in_plane(longitude: np.ndarray, latitude: np.ndarray) -> tuple[np.ndarray, np.ndarray, Any]:
    plane = default_crs(longitude, latitude)
    return (*project(longitude, latitude, plane), plane)


def _table(text: str, name: str, crs: str | None) -> tuple[np.ndarray, np.ndarray, Any, np.ndarray | None]:
    columns = read_columns(text, name)

    def numbers(cells: list[str] | None) -> np.ndarray | None:
        if cells is None:
            return None
        try:
            return np.array([float(cell) for cell in cells])
        except ValueError as error:
            msg = f"{name}: {error}; a centreline has a number in every row."
            raise ReadError(msg) from None

    given = numbers(columns.get("chainage"))
    x, y, plane = places(lambda key: numbers(pick(columns, key)), columns, name, crs, "centreline_crs")
    if plane is None:
        return (*_in_plane(x, y), given)
    return x, y, checked_plane(plane, x, y, name), given


def gcj02_shift(longitude: float, latitude: float) -> tuple[float, float]:
    """Return the shift in degrees that the widely published approximation of GCJ-02 adds to WGS 84.

    Only used to recognise shifted coordinates; no coordinate is ever converted with it.

    Parameters
    ----------
    longitude, latitude : float
        Degrees, in mainland China.
    """
    x, y = longitude - 105.0, latitude - 35.0
    sin, pi = math.sin, math.pi
    waves = (20 * sin(6 * x * pi) + 20 * sin(2 * x * pi)) * 2 / 3
    north = -100 + 2 * x + 3 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * math.sqrt(abs(x)) + waves
    north += (20 * sin(y * pi) + 40 * sin(y / 3 * pi)) * 2 / 3 + (
        160 * sin(y / 12 * pi) + 320 * sin(y * pi / 30)
    ) * 2 / 3
    east = 300 + x + 2 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * math.sqrt(abs(x)) + waves
    east += (20 * sin(x * pi) + 40 * sin(x / 3 * pi)) * 2 / 3 + (
        150 * sin(x / 12 * pi) + 300 * sin(x / 30 * pi)
    ) * 2 / 3
    a, e2 = 6378245.0, 0.00669342162296594323
    w = 1 - e2 * sin(math.radians(latitude)) ** 2
    return (
        math.degrees(east / (a / math.sqrt(w) * math.cos(math.radians(latitude)))),
        math.degrees(north / (a * (1 - e2) / w**1.5)),
    )


def beside_road(longitude: np.ndarray, latitude: np.ndarray, road: Centreline, source: str) -> list[Finding]:
    """Say where a track lies far from its road, and whether the GCJ-02 shift of a map service explains it.

    Parameters
    ----------
    longitude, latitude : ndarray, shape (trace,)
        The track, degrees.
    road : Centreline
        The road on which it was driven.
    source : str
        Name of the file, for the finding.
    """

    def away(lon: np.ndarray, lat: np.ndarray) -> float:
        return float(np.median(np.abs(road.locate(*project(lon, lat, road.crs))[1])))

    found = away(longitude, latitude)
    if found < FAR:
        return []
    east, north = gcj02_shift(float(np.median(longitude)), float(np.median(latitude)))
    taken, added = away(longitude - east, latitude - north), away(longitude + east, latitude + north)
    who = f" {road.name}" if road.name else ""
    evidence = f"median distance to the centreline{who} {found:.0f} m"
    if min(taken, added) > ON_ROAD:
        what = "The track lies far from the road that it is said to follow."
        then = "Check the reference systems of both, and whether it is the right road."
        return [Finding("track-off-road", "warning", what, source, evidence, then)]
    which = "track" if taken <= added else "centreline"
    evidence += f", {min(taken, added):.0f} m once the GCJ-02 shift is taken off the {which}"
    what = f"The coordinates of the {which} look like GCJ-02, the shifted system of Chinese map services."
    then = f"Nothing was converted. Get the {which} in WGS 84 or CGCS2000; positions are off by some 600 m otherwise."
    return [Finding("gcj02-suspected", "error" if which == "track" else "warning", what, source, evidence, then)]

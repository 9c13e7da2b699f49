"""Where things are: a point along and across a line, its track, and the swath that it covered."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from gprscan import model, names

# a swath is at least this deep for the Fresnel zone that widens it, m
_FRESNEL_DEPTH = 1.0
_DEFAULT_VELOCITY = 0.1
_DEFAULT_FREQUENCY = 400.0


def crs_wkt(line: xr.Dataset) -> str | None:
    """Return the CRS of x and y as WKT, None where the line has no positions."""
    if names.SPATIAL_REF not in line.coords or names.X not in line.coords:
        return None
    return str(line[names.SPATIAL_REF].attrs.get("crs_wkt") or "") or None


def is_placed(line: xr.Dataset) -> bool:
    """Whether the line can be drawn on a map: at least two traces with coordinates in a known CRS."""
    return crs_wkt(line) is not None and int(np.isfinite(_centre(line, names.X)).sum()) >= 2


def along(line: xr.Dataset) -> np.ndarray:
    """Return the distance of each trace in m, or the trace numbers where no distance is known; shape (trace,)."""
    if names.DISTANCE in line.coords:
        return np.asarray(line[names.DISTANCE].values, dtype="float64")
    return np.arange(line.sizes[names.TRACE], dtype="float64")


def length(line: xr.Dataset) -> float | None:
    """Return the length of the line in m, None where no distance is known."""
    if names.DISTANCE not in line.coords:
        return None
    d = line[names.DISTANCE].values
    return float(np.nanmax(d) - np.nanmin(d)) if np.isfinite(d).any() else None


def at(line: xr.Dataset, distance: float, offset: float) -> dict[str, Any]:
    """Return what the coordinates of a line say about one point.

    Parameters
    ----------
    line : xarray.Dataset
        A line, placed or not.
    distance, offset : float
        Along and across the line, m.

    Returns
    -------
    dict
        ``x``, ``y``, ``z``, ``longitude``, ``latitude``, ``position_sigma_m`` (None where not known) and ``acquired``
        (ISO 8601: UTC with its Z where each trace has a time, else the recorder's own clock for the line, or None);
        ``road_name``, ``road_chainage_m`` and ``road_offset_m`` where the line is tied to a road.
    """
    positions = along(line)
    # chainage may reverse or repeat, so the nearest trace is taken rather than an inverse of the function
    index = int(np.nanargmin(np.abs(positions - distance))) if np.isfinite(positions).any() else 0
    point: dict[str, Any] = {
        name: _value(_across(line, name, offset), index, distance, positions)
        for name in (names.X, names.Y, names.Z, names.LONGITUDE, names.LATITUDE)
    }
    point["position_sigma_m"] = _value(_across(line, names.POSITION_SIGMA, offset), index, distance, positions)
    point["acquired"] = line.attrs.get(names.ACQUIRED) or None
    if names.TIME in line.coords:
        moment = line[names.TIME].values[index]
        if not np.isnat(moment):
            point["acquired"] = f"{np.datetime_as_string(moment, unit='s')}Z"
    if names.ROAD_CHAINAGE in line.coords:
        point["road_name"] = str(line.attrs.get(names.ROAD, ""))
        point["road_chainage_m"] = _value(_across(line, names.ROAD_CHAINAGE, offset), index, distance, positions)
        point["road_offset_m"] = _value(_across(line, names.ROAD_OFFSET, offset), index, distance, positions)
    wkt = crs_wkt(line)
    if wkt is not None and point["x"] is not None and point["y"] is not None:
        point["longitude"], point["latitude"] = to_wgs84(wkt, point["x"], point["y"])
    return point


def on_wall(rows: list[dict[str, Any]], line: xr.Dataset, file: Path) -> list[dict[str, Any]]:
    """Return rows with their places on and in a wall; x, y, z become those of the body.

    Parameters
    ----------
    rows : list of dict
        Anomalies of a line that was placed on the wall.
    line : xarray.Dataset
        The line.
    file : Path
        See `gprscan.geometry.load_wall_file`.
    """
    from shapely.geometry import Point

    from gprscan.geometry import load_wall_file, wall_columns

    wall, wkt = load_wall_file(file), crs_wkt(line)
    out = []
    for row in rows:
        found = row | wall_columns(row, line, wall)
        if wkt is not None:
            found[names.LONGITUDE], found[names.LATITUDE] = to_wgs84(wkt, found["x"], found["y"])
        # in plan a body in a wall is a point: its extents lie in the face
        out.append(found | {"geometry": Point(found["x"], found["y"]).wkt})
    return out


def with_local(rows: list[dict[str, Any]], line: xr.Dataset, parameters: Path) -> list[dict[str, Any]]:
    """Return rows with ``local_x_m`` and ``local_y_m``: x (east) and y (north) in the system of a parameter file.

    Parameters
    ----------
    rows : list of dict
        Anomalies with ``x`` and ``y`` in the CRS of the line.
    line : xarray.Dataset
        The line.
    parameters : Path
        See `gprscan.geometry.load_local_system`.
    """
    from pyproj import Transformer

    from gprscan.geometry import load_local_system

    system, wkt = load_local_system(parameters), crs_wkt(line)
    if wkt is None:
        return rows
    to_public = Transformer.from_crs(wkt, system.crs, always_xy=True)
    out = []
    for row in rows:
        found: tuple[float | None, ...] = (None, None)
        if row["x"] is not None and row["y"] is not None:
            found = tuple(float(v) for v in system.to_local(*to_public.transform(row["x"], row["y"])))
        out.append(row | {"local_x_m": found[0], "local_y_m": found[1]})
    return out


def to_wgs84(wkt: str, x: float, y: float) -> tuple[float, float]:
    """Return longitude and latitude (WGS 84, degrees) of x (east), y (north) in a CRS."""
    from pyproj import Transformer

    longitude, latitude = Transformer.from_crs(wkt, "EPSG:4326", always_xy=True).transform(x, y)
    return float(longitude), float(latitude)


def _across(line: xr.Dataset, name: str, offset: float) -> np.ndarray | None:
    """Return a coordinate along the trace dimension at an offset, interpolated between the channels beside it."""
    if name not in line.coords:
        return None
    coordinate = line[name]
    if names.CHANNEL not in coordinate.dims:
        return np.asarray(coordinate.values, dtype="float64")
    values = np.asarray(coordinate.transpose(names.CHANNEL, names.TRACE).values, dtype="float64")
    if names.OFFSET not in line.coords:
        return values[values.shape[0] // 2]
    offsets = np.asarray(line[names.OFFSET].values, dtype="float64")
    order = np.argsort(offsets)
    position = float(np.interp(offset, offsets[order], np.arange(offsets.size)))
    low = int(np.floor(position))
    high = min(low + 1, offsets.size - 1)
    weight = position - low
    return (1 - weight) * values[order[low]] + weight * values[order[high]]


def _value(values: np.ndarray | None, index: int, distance: float, positions: np.ndarray) -> float | None:
    """Return the value at a distance, by linear interpolation from the nearest trace to the one beyond the distance."""
    if values is None:
        return None
    here = values[index]
    for other in (index - 1, index + 1):
        if 0 <= other < positions.size:
            step = positions[other] - positions[index]
            weight = (distance - positions[index]) / step if step else 0.0
            if 0 < weight < 1 and np.isfinite(values[other]):
                here = (1 - weight) * here + weight * values[other]
    return float(here) if np.isfinite(here) else None


def _centre(line: xr.Dataset, name: str) -> np.ndarray:
    """Return x or y of the middle of the swath along the traces: the mean of the outermost channels."""
    coordinate = line[name]
    if names.CHANNEL not in coordinate.dims:
        return np.asarray(coordinate.values, dtype="float64")
    values = np.asarray(coordinate.transpose(names.CHANNEL, names.TRACE).values, dtype="float64")
    if names.OFFSET not in line.coords:
        return values.mean(axis=0)
    offsets = line[names.OFFSET].values
    return 0.5 * (values[int(np.argmin(offsets))] + values[int(np.argmax(offsets))])


def swath_half_width(line: xr.Dataset, velocity: float | None, depth: float | None) -> float:
    """Return half the width of the strip in which a body would have been seen, m.

    Half the width of the array and, beyond its outermost channels, the radius of the first Fresnel zone
    ``sqrt(wavelength * depth / 2)`` at 1 m or at the penetration depth, if that is less.
    """
    frequency = model.centre_frequency(line) or _DEFAULT_FREQUENCY
    wavelength = (velocity or _DEFAULT_VELOCITY) / (frequency * 1e-3)
    fresnel = float(np.sqrt(wavelength * min(depth or _FRESNEL_DEPTH, _FRESNEL_DEPTH) / 2))
    offsets = line[names.OFFSET].values if names.OFFSET in line.coords else np.zeros(1)
    return 0.5 * float(np.max(offsets) - np.min(offsets)) + fresnel


def track(line: xr.Dataset) -> Any | None:
    """Return the middle of the swath as a shapely LineString in the CRS of the line, None for an unplaced line."""
    from shapely import LineString

    if not is_placed(line):
        return None
    points = np.column_stack([_centre(line, names.X), _centre(line, names.Y)])
    points = points[np.isfinite(points).all(axis=1)]
    points = points[np.r_[True, np.any(np.diff(points, axis=0) != 0, axis=1)]]
    # 1 cm is far below what any position is good for, and saves a vertex per trace
    return LineString(points).simplify(0.01) if len(points) > 1 else None


def coverage(line: xr.Dataset, half_width: float) -> Any | None:
    """Return the strip that the line covered as a shapely polygon in its CRS, None for an unplaced line."""
    centre = track(line)
    return None if centre is None else centre.buffer(half_width, cap_style="flat", join_style="round", quad_segs=4)

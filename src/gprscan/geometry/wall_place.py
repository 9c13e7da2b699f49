"""Lines and bodies on a wall: where each trace is on the face and on the map, and where a body lies in the wall."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import xarray as xr

from gprscan import names
from gprscan.errors import LineError
from gprscan.geometry.crs import spatial_ref
from gprscan.geometry.wall_file import WallFile
from gprscan.model import findings as _findings
from gprscan.model.findings import Finding

SCREENING = "Radar on walls and slopes is screening: kinds and sizes are to be checked by drilling or chiselling."


def place_on_wall(line: xr.Dataset, wall: WallFile, start: tuple[float, float], end: tuple[float, float]) -> xr.Dataset:
    """Give a line on a face its places on the face and on the map.

    Parameters
    ----------
    line : xarray.Dataset
        A line of one channel, or an array, whose middle is taken.
    wall : WallFile
        The wall.
    start, end : (float, float)
        u and w of the first and the last trace, m.

    Returns
    -------
    xarray.Dataset
        The line with `wall_u`, `wall_w`, `x`, `y`, `z`, `position_sigma` (trace); a finding where control points do not fit,
        and one where the odometer's length is not that of the line.

    Raises
    ------
    LineError
        If start and end are the same place.
    """
    first, last = np.asarray(start, dtype="float64"), np.asarray(end, dtype="float64")
    length = float(np.hypot(*(last - first)))
    if length <= 0:
        msg = f"{wall.id}: the line starts and ends at u = {first[0]:g}, w = {first[1]:g}."
        raise LineError(msg)
    n = line.sizes[names.TRACE]
    way = line[names.DISTANCE].values if names.DISTANCE in line.coords else np.arange(n, dtype="float64")
    share = (way - way[0]) / (way[-1] - way[0]) if n > 1 and way[-1] != way[0] else np.zeros(n)
    u, w = first[:, None] + (last - first)[:, None] * share
    frame = wall.frame()
    x, y, z = frame.to_map(u, w).T
    metres = {"units": "m"}
    placed = line.drop_vars([name for name in (names.LONGITUDE, names.LATITUDE) if name in line.coords]).assign_coords(
        {
            names.WALL_U: (names.TRACE, u, metres),
            names.WALL_W: (names.TRACE, w, metres),
            names.X: (names.TRACE, x, metres),
            names.Y: (names.TRACE, y, metres),
            names.Z: (names.TRACE, z, metres | {"datum": wall.vertical_datum or "not recorded", "positive": "up"}),
            names.POSITION_SIGMA: (names.TRACE, frame.sigma_at(u, w), metres),
            names.SPATIAL_REF: spatial_ref(wall.crs),
        }
    )
    placed = placed.assign_attrs({names.WALL: json.dumps(_facts(wall, line), ensure_ascii=False)})
    return _findings.add(placed, *_noticed(line, wall, length, way))


def _facts(wall: WallFile, line: xr.Dataset) -> dict[str, Any]:
    """Return what detection and the report need of the wall."""
    height = line.attrs.get(names.ANTENNA_HEIGHT)
    frame = wall.frame()
    return {
        "structure_id": wall.id,
        "crs": wall.crs,
        "face_type": wall.face_type,
        "dip_deg": round(frame.dip, 2),
        "design_thickness_m": wall.design_thickness,
        "permittivity": wall.permittivity,
        "permittivity_sigma": wall.permittivity_sigma,
        "standoff_m": wall.standoff if wall.standoff is not None else float(height or 0.0),
        "drains": wall.drains,
        "nails": wall.nails,
        "outline": wall.outline,
        "points": [[point.id, point.u, point.w] for point in wall.points],
        "frame": {name: getattr(frame, name).tolist() for name in ("origin", "along", "up", "into")},
    }


def wall_of(line: xr.Dataset) -> dict[str, Any] | None:
    """Return what a line placed by `place_on_wall` knows of its wall, None for other lines."""
    stored = line.attrs.get(names.WALL)
    return json.loads(stored) if stored else None


def _noticed(line: xr.Dataset, wall: WallFile, length: float, way: np.ndarray) -> list[Finding]:
    frame = wall.frame()
    out = [Finding("wall-screening", "info", SCREENING, wall.id)]
    off = float(np.abs(frame.residuals).max())
    if off > max(4 * wall.point_sigma, 0.01):
        what = "The control points of the wall do not fit a plane frame."
        then = "position_sigma was raised. Check the points, or divide the wall where it bends."
        out.append(Finding("wall-control-misfit", "warning", what, wall.id, wall.residual_report(), then))
    rolled = abs(float(way[-1] - way[0])) if names.DISTANCE in line.coords and way.size > 1 else length
    if abs(rolled - length) > max(0.05 * length, 0.1):
        evidence = f"odometer {rolled:.2f} m, start to end {length:.2f} m"
        what, then = "The odometer and the ends of the line on the wall disagree.", "The ends were taken."
        out.append(Finding("wall-line-length", "warning", what, wall.id, evidence, then))
    return out


def wall_columns(row: dict[str, Any], line: xr.Dataset, wall: WallFile) -> dict[str, Any]:
    """Return what a row of the anomaly table gets on a wall.

    Parameters
    ----------
    row : dict
        A detection: `distance_m`, `top_depth_m`, `length_m`, `sigma_distance_m`, `sigma_depth_m`.
    line : xarray.Dataset
        The line, placed by `place_on_wall`.
    wall : WallFile
        The wall.

    Returns
    -------
    dict
        ``structure_id, face_type, u_from_m, u_to_m, w_from_m, w_to_m, depth_into_wall_m, batter_deg, design_thickness_m,
        drainage_state``, the distance to the nearest weep hole and nail of the drawing, ``drain_distance_m`` and
        ``nail_distance_m``, and the place of the body on the map: ``x, y, z``.
    """
    frame = wall.frame()
    way = line[names.DISTANCE].values if names.DISTANCE in line.coords else np.arange(line.sizes[names.TRACE])
    order = np.argsort(way, kind="stable")
    half = 0.5 * (row.get("length_m") or 0.0)
    at = row["distance_m"] + np.array([-half, 0.0, half])
    u, w = (np.interp(at, way[order], line[name].values[order]) for name in (names.WALL_U, names.WALL_W))
    depth = row.get("top_depth_m")
    x, y, z = frame.to_map(u[1], w[1], depth or 0.0)
    return {
        "structure_id": wall.id,
        "face_type": wall.face_type,
        "u_from_m": float(min(u[0], u[2])),
        "u_to_m": float(max(u[0], u[2])),
        "w_from_m": float(min(w[0], w[2])),
        "w_to_m": float(max(w[0], w[2])),
        "depth_into_wall_m": depth,
        "batter_deg": float(90.0 - frame.dip),
        "design_thickness_m": wall.design_thickness,
        "drainage_state": wall.drainage,
        "drain_distance_m": _nearest(u, w, wall.drains),
        "nail_distance_m": _nearest(u, w, wall.nails),
        "x": float(x),
        "y": float(y),
        "z": float(z),
    }


def _nearest(u: np.ndarray, w: np.ndarray, places: list[tuple[float, float]]) -> float | None:
    """Return the distance from a body on the face to the nearest of some places, m, None without any."""
    if not places:
        return None
    on_face = np.asarray(places, dtype="float64")
    closest = np.clip(on_face, [u.min(), w.min()], [u.max(), w.max()])
    return float(np.hypot(*(on_face - closest).T).min())

"""The anomaly table: from bodies to rows."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from gprscan import names
from gprscan.detection.body import Body
from gprscan.detection.classify import chances_of

if TYPE_CHECKING:
    import geopandas

# types of the columns that are no plain numbers
TYPES: dict[str, str] = {
    "kind": "str",
    "probabilities": "str",
    "evidence": "str",
    "channels": "str",
    "group_id": "object",
    "polarity": "int64",
}


def row(body: Body) -> dict[str, Any]:
    """Row of the anomaly table for one classified body."""
    chances = chances_of(body)
    kind = body.evidence.get("kind") or next(iter(chances))
    width = None if body.y_min is None or body.y_max is None else body.y_max - body.y_min
    return {
        "kind": kind,
        "distance_m": _number(body.x),
        "offset_m": _number(body.offset),
        "twt_ns": _number(body.t),
        "top_depth_m": _number(body.depth),
        "velocity_m_ns": _number(body.velocity),
        "length_m": _number(body.length),
        "width_m": _number(width),
        "confidence": _number(chances.get(kind, 0.0)),
        "probabilities": json.dumps({k: round(p, 4) for k, p in chances.items()}),
        "sigma_distance_m": _number(body.sigma_x),
        "sigma_depth_m": _number(body.sigma_depth),
        "sigma_velocity_m_ns": _number(body.sigma_velocity),
        "polarity": int(body.polarity),
        "evidence": json.dumps({"source": body.source, "values": _plain(body.evidence), "votes": body.votes}),
        "channels": json.dumps(body.channels or [body.channel]),
        "group_id": body.group,
        "asphalt_m": _number(body.evidence.get("asphalt_m")),
        "sigma_asphalt_m": _number(body.evidence.get("sigma_asphalt_m")),
        "sigma_length_m": _number(body.evidence.get("sigma_length_m")),
    }


def _number(value: Any) -> float:
    return math.nan if value is None else float(value)


def _plain(value: Any) -> Any:
    """Make values JSON-able: NumPy scalars to Python, non-finite to None, floats to five digits."""
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float):
        return float(f"{value:.5g}") if math.isfinite(value) else None
    return value


def assemble(line: xr.Dataset, bodies: list[Body], attrs: dict[str, Any]) -> geopandas.GeoDataFrame:
    """Make the table of bodies, with footprints where the line has positions."""
    import geopandas
    import pandas as pd

    rows = [row(body) for body in sorted(bodies, key=lambda b: (b.x, b.t))]
    columns = [*names.DETECTION_COLUMNS, "asphalt_m", "sigma_asphalt_m", "sigma_length_m"]
    frame = pd.DataFrame(rows, columns=columns).astype({c: TYPES.get(c, "float64") for c in columns})
    frame["group_id"] = frame["group_id"].astype(object).where(frame["group_id"].notna(), None)
    crs = line[names.SPATIAL_REF].attrs.get("crs_wkt") if names.SPATIAL_REF in line.coords else None
    shapes = [footprint(line, r) for r in rows] if crs else [None] * len(rows)
    table = geopandas.GeoDataFrame(frame, geometry=geopandas.GeoSeries(shapes, crs=crs), crs=crs)
    table.attrs["line"] = attrs
    return table


def footprint(line: xr.Dataset, entry: dict[str, Any]) -> Any:
    """Point or rectangle of a row in the line's CRS, which ends where the line does; None where the line has no coordinates there."""
    from shapely.geometry import Point, Polygon

    along = line[names.DISTANCE].values
    x, y = line[names.X], line[names.Y]
    if names.CHANNEL in x.dims:
        x, y = x.mean(names.CHANNEL), y.mean(names.CHANNEL)
    px, py = x.values, y.values
    onward = 1.0
    if along[-1] < along[0]:
        along, px, py, onward = along[::-1], px[::-1], py[::-1], -1.0

    def place(distance: float, offset: float) -> tuple[float, float] | None:
        # beyond an end there is neither a position nor a direction
        distance = min(max(distance, float(along[0])), float(along[-1]))
        east, north = np.interp(distance, along, px), np.interp(distance, along, py)
        ahead = np.array([np.interp(distance + s, along, px) for s in (-0.5, 0.5)])
        up = np.array([np.interp(distance + s, along, py) for s in (-0.5, 0.5)])
        direction = np.array([np.diff(ahead)[0], np.diff(up)[0]])
        norm = np.hypot(*direction)
        if not np.isfinite(east + north + norm) or norm == 0:
            return None
        # positive offsets lie to the right of the direction of travel
        right = onward * offset / norm
        return float(east + right * direction[1]), float(north - right * direction[0])

    half_l = 0.5 * entry["length_m"] if entry["length_m"] == entry["length_m"] else 0.0
    half_w = 0.5 * entry["width_m"] if entry["width_m"] == entry["width_m"] else 0.0
    middle = place(entry["distance_m"], entry["offset_m"])
    if middle is None:
        return None
    if half_l <= 0:
        return Point(middle)
    half_w = half_w or half_l
    corners = [
        place(entry["distance_m"] + a * half_l, entry["offset_m"] + b * half_w)
        for a, b in ((-1, -1), (1, -1), (1, 1), (-1, 1))
    ]
    beyond = entry["distance_m"] - half_l >= along[-1] or entry["distance_m"] + half_l <= along[0]
    known = [c for c in corners if c is not None]
    return Point(middle) if beyond or len(known) < len(corners) else Polygon(known)

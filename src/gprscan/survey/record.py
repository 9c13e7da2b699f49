"""The record of one line: everything that a scan found out about it, as plain JSON."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import xarray as xr

from gprscan import model, names
from gprscan.geometry import wall_of
from gprscan.model import findings as _findings
from gprscan.report.result import LINE_COLUMNS
from gprscan.survey import place

# what a record holds of a line that could not be used
EMPTY: dict[str, Any] = {"anomalies": [], "findings": [], "crs": None, "track": None, "coverage": None}


def plain(value: Any) -> Any:
    """Return a value as JSON can hold it: no NumPy types, and None for what is not a finite number."""
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if hasattr(value, "isoformat"):
        text = value.isoformat()
        return None if text == "NaT" else text
    return None if str(value) in ("<NA>", "NaT") else str(value)


def line_row(line: xr.Dataset, line_id: str, source: str, found: dict[str, Any]) -> dict[str, Any]:
    """Return the row of a line in the table of lines.

    Parameters
    ----------
    line : xarray.Dataset
        The raw line.
    line_id, source : str
        Its id in the survey and the path of its file in the survey.
    found : dict
        ``attrs["line"]`` of the table of detections.
    """
    velocity = found.get("velocity_m_ns")
    depth = found.get("penetration_depth_m")
    return {
        "line": line_id,
        "source_file": source,
        "format": line.attrs.get(names.SOURCE_FORMAT, ""),
        "status": "ok",
        "placed": place.is_placed(line),
        "n_channels": int(line.sizes.get(names.CHANNEL, 1)),
        "n_traces": int(line.sizes[names.TRACE]),
        "length_m": place.length(line),
        "spacing_m": model.trace_spacing(line) if names.DISTANCE in line.coords else None,
        "frequency_mhz": model.centre_frequency(line),
        "velocity_m_ns": velocity,
        "penetration_depth_m": depth,
        "swath_m": 2 * place.swath_half_width(line, velocity, depth),
        "detectability": json.dumps(plain(found.get("detectability") or []), ensure_ascii=False),
        "setting": found.get("setting") or "",
        "findings": line.attrs.get(names.FINDINGS) or "[]",
        "notes": json.dumps(plain(found.get("notes") or []), ensure_ascii=False),
        **_pipe(line, found),
        **_wall(line, found),
    }


def _pipe(line: xr.Dataset, found: dict[str, Any]) -> dict[str, str]:
    """Return the pipe that a line was measured in, with what was found out about its wall; nothing for other lines."""
    pipe = model.pipe_of(line)
    if pipe is None:
        return {}
    known = pipe | {name: found.get(name) for name in ("wall", "rebar")}
    return {"pipe": json.dumps(plain(known), ensure_ascii=False)}


def _wall(line: xr.Dataset, found: dict[str, Any]) -> dict[str, str]:
    """Return the wall on whose face a line lies, where it ran, and its back as it was measured; nothing for other lines."""
    wall = wall_of(line)
    if wall is None:
        return {}
    u, w = line[names.WALL_U].values, line[names.WALL_W].values
    backs = []
    for back in found.get("back_face") or []:
        at, way = np.asarray(back["distance_m"]), place.along(line)
        backs.append(back | {"u": np.interp(at, way, u).round(3), "w": np.interp(at, way, w).round(3)})
    known: dict[str, Any] = {"ends": [[u[0], w[0]], [u[-1], w[-1]]], "back_face": backs}
    known |= {name: found.get(name) for name in ("wall", "rebar")}
    return {"wall": json.dumps(plain(wall | known), ensure_ascii=False)}


def failed_row(line_id: str, source: str, status: str) -> dict[str, Any]:
    """Return the row of a line of which nothing is known but that it could not be used."""
    row: dict[str, Any] = dict.fromkeys(LINE_COLUMNS)
    return row | {
        "line": line_id,
        "source_file": source,
        "format": "",
        "status": status,
        "placed": False,
        "detectability": "[]",
        "setting": "",
        "findings": "[]",
        "notes": "[]",
    }


def finding_list(line: xr.Dataset) -> list[dict[str, Any]]:
    """Return the findings of a line as plain dicts."""
    return json.loads(_findings.dump(_findings.load(line)))


def anomaly_rows(line: xr.Dataset, detections: Any, line_id: str, source: str) -> list[dict[str, Any]]:
    """Return the detections of a line as plain dicts with their place on the map; geometry as WKT, or None.

    Parameters
    ----------
    line : xarray.Dataset
        The raw line.
    detections : geopandas.GeoDataFrame
        What `gprscan.detect` returned.
    line_id, source : str
        Id of the line in the survey and path of its file in the survey.
    """
    rows = []
    for number, entry in enumerate(detections.to_dict("records"), start=1):
        geometry = entry.pop("geometry", None)
        row = {key: plain(value) for key, value in entry.items()}
        point = place.at(line, row["distance_m"], row["offset_m"] or 0.0)
        row |= {"anomaly_id": f"{line_id}-{number:03d}", "line": line_id, "source_file": source} | point
        row["position_sigma_m"] = _total_sigma(row["position_sigma_m"], row.get("sigma_distance_m"))
        if row.get("group_id") is not None:  # unique in the line, must be unique in the survey
            row["group_id"] = f"{line_id}-{row['group_id']}"
        if row.get("body_x") is not None:  # behind the wall of a pipe, not under the antenna
            row |= {name: row[f"body_{name}"] for name in (names.X, names.Y, names.Z)}
            row["position_sigma_m"] = row["body_sigma_m"]
            wkt = place.crs_wkt(line)
            if wkt is not None:
                row[names.LONGITUDE], row[names.LATITUDE] = place.to_wgs84(wkt, row["x"], row["y"])
        row["geometry"] = None if geometry is None or geometry.is_empty else geometry.wkt
        rows.append(row)
    return rows


def _total_sigma(position: float | None, along: float | None) -> float | None:
    """Return the standard deviation of a position on the map: that of the track and that along the line together."""
    return None if position is None else math.hypot(position, along or 0.0)

"""Small surveys made for the tests of reports: lines with hyperbolas, and the records that a scan would leave."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import shapely
import xarray as xr

from gprscan import model

CRS = "EPSG:4547"
ORIGIN = (503_082.43, 2_511_315.31)  # 114.03 E, 22.70 N


def line(bodies: Any = ((6.0, 0.5, 1.0), (12.0, 0.9, -1.0)), *, n_traces: int = 400, seed: int = 1) -> xr.Dataset:
    """Return a 400 MHz line: direct wave, a layer, noise, and a hyperbola per (distance, depth, reflectivity)."""
    dt, spacing, samples, velocity = 0.1, 0.05, 400, 0.1
    rng = np.random.default_rng(seed)
    t = np.arange(samples) * dt - 5.0
    x = np.arange(n_traces) * spacing

    def ricker(at: np.ndarray | float) -> np.ndarray:
        a = (np.pi * 0.4 * (t[None, :] - np.reshape(at, (-1, 1)))) ** 2
        return (1 - 2 * a) * np.exp(-a)

    data = (
        20 * ricker(np.full(n_traces, 0.5))
        - 2.5 * ricker(4 + 0.2 * np.sin(x))
        + 0.15 * rng.standard_normal((n_traces, samples))
    )
    for distance, depth, reflectivity in bodies:
        arrival = 2 * np.hypot(x - distance, depth) / velocity
        data += 3.0 * reflectivity * (depth / np.hypot(x - distance, depth))[:, None] * ricker(arrival)
    return model.from_array(
        data.astype("float32"), dt=dt, spacing=spacing, frequency=400, separation=0.1, time_zero=5.0
    )


def anomaly(number: int = 1, line_id: str = "L01", **values: Any) -> dict[str, Any]:
    """Return the row of an anomaly as a record holds it."""
    row: dict[str, Any] = {
        "anomaly_id": f"{line_id}-{number:03d}",
        "line": line_id,
        "source_file": f"{line_id}.DZT",
        "kind": "cavity",
        "distance_m": 6.0,
        "offset_m": 0.0,
        "twt_ns": 10.0,
        "top_depth_m": 0.5,
        "velocity_m_ns": 0.1,
        "length_m": 0.8,
        "width_m": 0.6,
        "confidence": 0.83,
        "probabilities": json.dumps({"cavity": 0.83, "pipe": 0.1, "unknown": 0.07}),
        "sigma_distance_m": 0.02,
        "sigma_depth_m": 0.03,
        "sigma_velocity_m_ns": 0.004,
        "polarity": 1,
        "evidence": json.dumps(
            {
                "polarity_reference": "direct wave",
                "ringing_period_ns": 2.4,
                "votes": {"polarity": {"cavity": 1.2, "pipe": -2.0}},
            }
        ),
        "channels": "[0, 1]",
        "group_id": None,
        "asphalt_m": 0.12,
        "x": ORIGIN[0] + 6.0,
        "y": ORIGIN[1],
        "z": None,
        "longitude": 114.03,
        "latitude": 22.70,
        "position_sigma_m": 0.05,
        "acquired": "2026-03-02T15:04:05Z",
        "geometry": f"POINT ({ORIGIN[0] + 6.0} {ORIGIN[1]})",
    }
    return row | values


def record(
    line_id: str = "L01", anomalies: Any = None, *, placed: bool = True, crs: str = CRS, **row: Any
) -> dict[str, Any]:
    """Return the record of a line as a scan leaves it."""
    east, north = ORIGIN
    rows = [anomaly(line_id=line_id)] if anomalies is None else list(anomalies)
    if not placed:
        gone = dict.fromkeys(("x", "y", "longitude", "latitude", "position_sigma_m", "geometry"))
        rows = [entry | gone for entry in rows]
    line_row = {
        "line": line_id,
        "source_file": f"{line_id}.DZT",
        "format": "dzt",
        "status": "ok",
        "placed": placed,
        "n_channels": 2,
        "n_traces": 400,
        "length_m": 20.0,
        "spacing_m": 0.05,
        "frequency_mhz": 400.0,
        "velocity_m_ns": 0.1,
        "penetration_depth_m": 1.8,
        "swath_m": 1.2,
        "detectability": json.dumps([{"diameter_m": 0.3, "max_depth_m": 0.9}, {"diameter_m": 0.5, "max_depth_m": 1.5}]),
        "setting": "road",
        "findings": "[]",
        "notes": json.dumps(["velocity pooled from 2 hyperbolas"]),
    }
    return {
        "id": line_id,
        "source": f"{line_id}.DZT",
        "status": "ok",
        "row": line_row | row,
        "anomalies": rows,
        "findings": [],
        "crs": crs if placed else None,
        "track": f"LINESTRING ({east} {north}, {east + 20} {north})" if placed else None,
        "coverage": shapely.box(east, north - 0.6, east + 20, north + 0.6).wkt if placed else None,
    }

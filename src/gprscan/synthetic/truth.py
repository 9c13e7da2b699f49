"""The truth record of a simulated line: what is in the ground, and when its echo comes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from gprscan import model, names
from gprscan.synthetic.bodies import Body
from gprscan.synthetic.fdtd import Record
from gprscan.synthetic.media import Layer, Medium
from gprscan.synthetic.travel import layers_above, two_way_time
from gprscan.units import C_AIR


def object_records(bodies: Iterable[Body], host: Medium, record: Record) -> list[dict[str, Any]]:
    """Describe the bodies of a simulated section, numbered from 1; see `object_record`.

    Parameters
    ----------
    bodies : iterable of Body
        The bodies.
    host : Medium
        The ground without any body.
    record : Record
        The simulated traces, whose antenna geometry is taken.
    """
    return [
        object_record(
            number,
            body,
            host,
            midpoint=record.midpoint,
            separation=record.separation,
            antenna_height=record.antenna_height,
            time_zero=record.time_zero,
        )
        for number, body in enumerate(bodies, start=1)
    ]


def object_record(
    number: int,
    body: Body,
    host: Medium,
    *,
    midpoint: NDArray[np.floating],
    separation: float,
    antenna_height: float,
    time_zero: float,
) -> dict[str, Any]:
    """Describe a body by its class, its extents and its travel time.

    Parameters
    ----------
    number : int
        Identifier, from 1.
    body : Body
        The body.
    host : Medium
        The ground without any body; the ray runs through its column above the apex.
    midpoint : float array, shape (trace,)
        Antenna midpoints in m.
    separation, antenna_height, time_zero : float
        Antenna geometry in m, and time of the pulse's envelope peak in ns.

    Returns
    -------
    dict
        Entries named and rounded as in the truth files: ``t_flight_ns`` is the two-way time of the refracted ray, the
        air gap included; ``t_record_ns`` counts from the first sample.
    """
    x0, x1, _, bottom = body.outline.box
    top = body.top
    thickness, velocity = _column_above(host, body.x, top)
    flight = _flight(thickness, velocity, separation, antenna_height)
    record: dict[str, Any] = {
        "id": number,
        "class": body.kind,
        "category": body.category,
        "material": body.material,
        "shape": body.outline.name,
        "apex_x_m": round(body.x, 4),
        "top_depth_m": round(top, 4),
        "bottom_depth_m": round(bottom, 4),
        "center_depth_m": round(0.5 * (top + bottom), 4),
        "width_m": round(x1 - x0, 4),
        "height_m": round(bottom - top, 4),
        "eps_r": body.permittivity,
        "t_flight_ns": round(flight, 3),
        "t_record_ns": round(flight + time_zero, 3),
        "expected_polarity": body.polarity,
        "apex_trace": int(np.argmin(np.abs(midpoint - body.x))),
    }
    if thickness.size:
        down = float((thickness / velocity).sum())
        record["v_mean_to_top_m_per_ns"] = round(top / down, 5)
        record["v_rms_ground_m_per_ns"] = round(float(np.sqrt((thickness * velocity).sum() / down)), 5)
    if body.material == "air":
        record["t_record_bottom_ns"] = round(flight + time_zero + 2 * (bottom - top) / C_AIR, 3)
    return record | body.extra


def _column_above(host: Medium, x: float, depth: float) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
    """Thickness and velocity of the rows above a depth, one layer per row."""
    column = host.column(x)
    column[0] = column[min(1, column.size - 1)]  # the surface node is half air
    tops = np.maximum((np.arange(column.size) - 0.5) * host.step, 0.0)
    return layers_above(depth, tops, C_AIR / np.sqrt(column))


def _flight(
    thickness: NDArray[np.floating], velocity: NDArray[np.floating], separation: float, antenna_height: float
) -> float:
    if not thickness.size:  # flush with the road: reflection below the antennas
        return float(np.hypot(2 * antenna_height, separation) / C_AIR)
    return float(two_way_time(0.0, thickness, velocity, separation=separation, antenna_height=antenna_height))


def measured(
    full: NDArray[np.float32],
    without: NDArray[np.float32],
    line: NDArray[np.float32],
    record: dict[str, Any],
    far: NDArray[np.bool_],
    dt: float,
    direct: float,
) -> dict[str, Any]:
    """Size of a body's echo, from the apex trace with and without it.

    Parameters
    ----------
    full, without : float32 array, shape (sample,)
        The apex trace, and the same with the body taken out of the ground.
    line : float32 array, shape (trace, sample)
        All clean traces.
    record : dict
        Truth record of the body.
    far : bool array, shape (trace,)
        Traces far from every body.
    dt : float
        Sampling interval in ns.
    direct : float
        Peak of the direct wave.

    Returns
    -------
    dict
        ``t_env_ns`` (record time of the envelope peak), ``polarity`` of the largest lobe against that of the direct
        wave, ``amp``, ``amp_over_direct_db`` and, where at least ten traces are far from every body, ``scr_db``
        against their 95th percentile within 3 ns.
    """
    from scipy.signal import hilbert

    echo = full.astype("float64") - without
    envelope = np.abs(hilbert(echo))
    expected = record["t_record_ns"] / dt
    low, high = max(int(expected - 1.0 / dt), 0), min(int(expected + 3.0 / dt), echo.size)
    peak = low + int(np.argmax(envelope[low:high]))
    lobe = max(int(0.6 / dt), 1)
    around = echo[max(peak - lobe, 0) : peak + lobe + 1]
    incident = np.sign(full[np.argmax(np.abs(full))])  # the direct wave is the largest of all
    amplitude = float(envelope[peak])
    result = {
        "t_env_ns": round(peak * dt, 3),
        "polarity": int(incident * np.sign(around[np.argmax(np.abs(around))])),
        "amp": round(amplitude, 3),
        "amp_over_direct_db": round(20 * float(np.log10(amplitude / direct)), 1),
    }
    if far.sum() >= 10:
        rest = line[far].astype("float64") - np.median(line, axis=0)
        near = slice(max(int(peak - 3 / dt), 0), int(peak + 3 / dt) + 1)
        clutter = float(np.percentile(np.abs(hilbert(rest, axis=1))[:, near], 95))
        result["scr_db"] = round(20 * float(np.log10(amplitude / max(clutter, 1e-12))), 1)
    return result


def layer_records(layers: tuple[Layer, ...], depth: float) -> list[dict[str, Any]]:
    """Nominal layers of the host, as entries of the truth record."""
    records, top = [], 0.0
    for layer in layers:
        bottom = min(top + layer.thickness, depth)
        records.append(
            {
                "name": layer.name,
                "top_m": round(top, 3),
                "bottom_m": round(bottom, 3),
                "eps_r": round(layer.permittivity, 3),
                "sigma_S_m": round(layer.conductivity, 5),
                "eps_spread_frac": layer.spread,
                "v_m_per_ns": round(layer.velocity, 5),
            }
        )
        top = bottom
    return records


def acquisition_record(record: Record, *, frequency: float, spacing: float, pulse: str) -> dict[str, Any]:
    """Geometry and sampling of a line, as entries of the truth record."""
    return {
        "n_traces": record.traces.shape[0],
        "n_samples": record.traces.shape[1],
        "dt_ns": record.dt,
        "trace_spacing_m": round(spacing, 4),
        "tx_rx_offset_m": round(record.separation, 4),
        "fc_hz": frequency * 1e6,
        "waveform": pulse,
        "time_zero_ns": record.time_zero,
        "antenna_height_m": round(record.antenna_height, 4),
        "time_window_ns": round(record.dt * (record.traces.shape[1] - 1), 3),
    }


def analytic_record(
    line: xr.Dataset, *, scene: str, kind: str, pulse: str, objects: list[dict[str, Any]], **more: Any
) -> dict[str, Any]:
    """Truth record of a line that was computed in closed form.

    Parameters
    ----------
    line : xarray.Dataset
        The line, evenly spaced from 0 m.
    scene, kind, pulse : str
        Name and kind of the scene, and name of its pulse.
    objects : list of dict
        What is in the ground, targets only.
    **more
        Further entries.
    """
    traces = line[names.AMPLITUDE]
    return {
        "scene": scene,
        "kind": kind,
        "empty": not objects,
        "has_void": any(entry["category"] == "void" for entry in objects),
        "acquisition": {
            "n_traces": traces.shape[-2],
            "n_samples": traces.shape[-1],
            "dt_ns": model.sampling_interval(line),
            "trace_spacing_m": model.trace_spacing(line),
            "tx_rx_offset_m": model.antenna_separation(line),
            "fc_hz": float(line[names.FREQUENCY]) * 1e6,
            "waveform": pulse,
            "time_zero_ns": line.attrs[names.TIME_ZERO],
            "antenna_height_m": line.attrs[names.ANTENNA_HEIGHT],
            "first_trace_x_m": 0.0,
        },
        "objects": objects,
        **more,
    }

"""Make the sample survey again: ``python sample_data/generate.py OUT``. Takes about ten minutes on one core.

Two lines over roads that never existed, simulated by gprscan's own full-wave engine and written by its own writers:
``LINE001.dzt``, an array of eight channels, and ``LINE002.rd3``, a single channel. ``truth.json`` tells what they hold.
"""

from __future__ import annotations

import json
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import gprscan as gs
from gprscan import names
from gprscan.geometry import project, unproject
from gprscan.synthetic import degradation, sections, truth
from gprscan.synthetic.media import Layer
from gprscan.units import C_AIR

CRS = "EPSG:4547"  # CGCS2000 / 3-degree Gauss-Kruger CM 114E
PAD = 0.40  # grid before the first antenna position, m
OFFSETS = tuple(round((channel - 3.5) * 0.09, 3) for channel in range(8))  # m across the line, positive to the right


@dataclass(frozen=True)
class Plan:
    """A line to be made: road, antenna, track, recorder. Metres, MHz, ns; places count from the first trace."""

    stem: str
    suffix: str
    seed: int
    length: float
    spacing: float
    step: float
    frequency: float
    separation: float
    antenna_height: float
    n_samples: int
    layers: tuple[Layer, ...]
    clutter: str
    offsets: tuple[float, ...]
    bodies: tuple[sections.Body3D, ...]
    clean: tuple[tuple[float, float], ...]
    start: tuple[float, float]
    heading: float
    turn_radius: float
    speed: float
    departure: str
    recorder: degradation.Acquisition
    instrument: str


ARRAY = Plan(
    stem="LINE001",
    suffix=".dzt",
    seed=20260,
    length=30.0,
    spacing=0.05,
    step=0.01,
    frequency=400.0,
    separation=0.12,
    antenna_height=0.03,
    n_samples=512,
    layers=(
        Layer("asphalt", 0.14, 5.4, 0.002, 0.02),
        Layer("base", 0.28, 7.2, 0.003, 0.08),
        Layer("subgrade", np.inf, 10.4, 0.006, 0.12),
    ),
    clutter="medium",
    offsets=OFFSETS,
    bodies=(
        sections.EllipsoidVoid(PAD + 6.00, 0.05, 0.72, 0.45, 0.36, 0.16),
        sections.ObliquePipe(PAD + 13.00, 0.45, 0.80, 0.08),
        sections.EllipsoidVoid(PAD + 12.92, -0.18, 0.66, 0.36, 0.26, 0.12),
        sections.RoundManhole(PAD + 19.00, 0.0, 0.46, 1.35),
        sections.EllipsoidVoid(PAD + 25.20, 0.16, 0.92, 0.34, 0.28, 0.14),
    ),
    clean=((0.5, 4.5), (8.0, 11.0), (15.0, 17.5), (21.0, 23.5), (27.0, 29.5)),
    start=(114.0300, 22.7000),
    heading=62.0,
    turn_radius=160.0,
    speed=1.5,
    departure="2026-03-14T01:20:05",
    recorder=degradation.Acquisition(
        snr_db=22.0, dc=0.02, wow=0.03, time_zero_shift=(1.4, 1.4), time_zero_jitter=0.01, gain=True, ringing=(0.3, 0.5)
    ),
    instrument="8-channel array, 400 MHz (simulated)",
)

SINGLE = Plan(
    stem="LINE002",
    suffix=".rd3",
    seed=20261,
    length=20.0,
    spacing=0.04,
    step=0.008,
    frequency=450.0,
    separation=0.16,
    antenna_height=0.024,
    n_samples=480,
    layers=(
        Layer("asphalt", 0.16, 5.8, 0.002, 0.02),
        Layer("base", 0.24, 7.6, 0.003, 0.06),
        Layer("subgrade", np.inf, 10.9, 0.007, 0.10),
    ),
    clutter="medium",
    offsets=(0.0,),
    bodies=(
        sections.DebondedPatch(PAD + 6.50, 0.0, 0.55, 0.45, 0.16, 0.04),
        sections.ObliquePipe(PAD + 13.60, 0.0, 0.62, 0.055, metal=False),
    ),
    clean=((0.5, 4.5), (8.5, 12.0), (15.5, 19.5)),
    start=(114.0312, 22.7006),
    heading=153.0,
    turn_radius=-240.0,
    speed=1.0,
    departure="2026-03-14T02:05:40",
    recorder=degradation.Acquisition(snr_db=18.0, dc=0.02, wow=0.03, time_zero_shift=(0.9, 0.9), gain=True),
    instrument="single channel, 450 MHz (simulated)",
)


def simulate(plan: Plan) -> sections.ArrayRecord:
    """Simulate the clean traces of a line."""
    road = sections.Road3D(
        layers=plan.layers,
        offsets=plan.offsets,
        bodies=plan.bodies,
        clutter=plan.clutter,
        seed=plan.seed,
        length=plan.length + 2 * PAD,
        depth=1.75,
        step=plan.step,
    )
    midpoint = PAD + np.arange(round(plan.length / plan.spacing) + 1) * plan.spacing
    # the engine keeps every n-th step below 0.08 ns; ask for the window that gives the wanted number of samples
    dt = plan.step / (C_AIR * np.sqrt(2.0))
    window = (plan.n_samples - 1) * dt * int(0.08 / dt) + 0.5 * dt
    return sections.simulate_array(
        road,
        midpoint,
        frequency=plan.frequency,
        separation=plan.separation,
        antenna_height=plan.antenna_height,
        time_window=window,
    )


def recorded(plan: Plan, simulated: sections.ArrayRecord) -> tuple[np.ndarray, dict[str, Any]]:
    """Turn clean traces into the recorder's 16-bit integers, every channel with a gain and a delay of its own."""
    rng = np.random.default_rng([plan.seed, 3])
    record = simulated.record
    clean = simulated.traces[..., : plan.n_samples].copy()
    time = np.arange(clean.shape[-1]) * record.dt
    delay = np.atleast_1d(rng.uniform(-0.12, 0.12, clean.shape[0])) * (clean.shape[0] > 1)
    factor = np.exp(rng.uniform(-0.12, 0.12, clean.shape[0]))
    for channel in range(clean.shape[0]):
        late = time - delay[channel]
        clean[channel] = factor[channel] * np.stack([np.interp(late, time, trace) for trace in clean[channel]])
    bad = degradation.degrade(
        clean.reshape(-1, clean.shape[-1]),
        record.dt,
        plan.recorder,
        rng,
        direct_ns=record.time_zero + record.separation / C_AIR,
        frequency=plan.frequency,
    )
    traces = bad.traces.reshape(clean.shape)
    counts = np.round(traces * (30000.0 / np.abs(traces).max())).astype("int16")
    return counts, bad.record


def track(plan: Plan, distance: np.ndarray, offset: np.ndarray | float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """Longitude and latitude of places along a gentle curve, some way to the right of it."""
    east, north = (float(v) for v in project(*plan.start, CRS))
    start = np.radians(plan.heading)
    turned = distance / plan.turn_radius
    x = east + plan.turn_radius * (np.cos(start) - np.cos(start + turned)) + offset * np.cos(start + turned)
    y = north + plan.turn_radius * (np.sin(start + turned) - np.sin(start)) - offset * np.sin(start + turned)
    return unproject(x, y, CRS)


def as_line(plan: Plan, simulated: sections.ArrayRecord, counts: np.ndarray, recording: dict[str, Any]) -> Any:
    """Build the line with a GNSS fix each second, 2 cm of noise in it."""
    record = simulated.record
    array = len(plan.offsets) > 1
    line = gs.from_array(
        counts if array else counts[0],
        dt=record.dt,
        spacing=plan.spacing,
        frequency=plan.frequency,
        separation=record.separation,
        time_zero=record.time_zero + recording["time_zero_shift_ns_mean"],
        antenna_height=record.antenna_height,
        channel_offsets=plan.offsets if array else None,
        instrument=plan.instrument,
    )
    n = counts.shape[1]
    distance = np.arange(n) * plan.spacing
    rng = np.random.default_rng([plan.seed, 4])
    longitude, latitude = track(plan, distance)
    x, y = project(longitude, latitude, CRS)
    longitude, latitude = unproject(x + rng.normal(0, 0.02, n), y + rng.normal(0, 0.02, n), CRS)
    seconds = distance / plan.speed
    fixed = np.unique(np.searchsorted(seconds, np.arange(0, seconds[-1] + 1e-9)).clip(max=n - 1))
    elsewhere = np.setdiff1d(np.arange(n), fixed)
    longitude[elsewhere] = latitude[elsewhere] = np.nan
    clock = np.datetime64(plan.departure, "ns") + np.round(seconds * 1e9).astype("timedelta64[ns]")
    return line.assign_coords(
        {
            names.LONGITUDE: (names.TRACE, longitude),
            names.LATITUDE: (names.TRACE, latitude),
            names.TIME: (names.TRACE, clock),
            names.FIX_QUALITY: (names.TRACE, np.full(n, 4, "int16")),
            names.POSITION_SIGMA: (names.TRACE, np.full(n, 0.02)),
        }
    )


def truth_of(plan: Plan, simulated: sections.ArrayRecord, recording: dict[str, Any], written: Path) -> dict[str, Any]:
    """Say what is in the ground, in line coordinates and in degrees."""
    objects = []
    for number, body in enumerate(plan.bodies):
        entry = {"id": number + 1, **body.record()}
        along = entry.pop("x0_m", None)
        x, offset, depth = entry.pop("center_xyz_m", (along, 0.0, entry["top_depth_m"] + entry.get("radius_m", 0.0)))
        longitude, latitude = track(plan, np.array(x - PAD), offset)
        entry |= {
            "distance_m": round(x - PAD, 3),
            "offset_m": offset,
            "center_depth_m": round(depth, 3),
            "longitude": round(float(longitude), 8),
            "latitude": round(float(latitude), 8),
            "channels": [c["channel"] for c in simulated.channels if body.section(c["y_m"]) is not None],
            "t_flight_ns": earliest(simulated, x, entry["class"]),
        }
        objects.append(entry)
    acquisition = truth.acquisition_record(
        simulated.record, frequency=plan.frequency, spacing=plan.spacing, pulse="ricker"
    )
    acquisition["time_zero_ns"] = round(acquisition["time_zero_ns"] + recording["time_zero_shift_ns_mean"], 3)
    return {
        "line": plan.stem,
        "file": written.name,
        "kind": "2.5D" if len(plan.offsets) > 1 else "2D",
        "seed": plan.seed,
        "length_m": plan.length,
        "channel_offsets_m": list(plan.offsets),
        "acquisition": acquisition,
        "host_layers": truth.layer_records(plan.layers, 1.75),
        "objects": objects,
        "clean_stretches_m": [list(stretch) for stretch in plan.clean],
        "n_natural_scatterers": sum(len(channel["clutter_objects"]) for channel in simulated.channels),
        "recording": recording,
    }


def earliest(simulated: sections.ArrayRecord, x: float, kind: str) -> float:
    """Shortest travel time to a body over all channels, from time zero, in ns."""
    times = [
        entry["t_flight_ns"]
        for channel in simulated.channels
        for entry in channel["objects"]
        if entry["class"] == kind and abs(entry["apex_x_m"] - x) < 0.5
    ]
    return min(times)


def main() -> int:
    """Simulate, record and write both lines and their truth."""
    out = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent
    out.mkdir(parents=True, exist_ok=True)
    lines = []
    for plan in (ARRAY, SINGLE):
        start = time.perf_counter()
        simulated = simulate(plan)
        counts, recording = recorded(plan, simulated)
        line = as_line(plan, simulated, counts, recording)
        written = gs.write(line, out / f"{plan.stem}{plan.suffix}", overwrite=True)
        lines.append(truth_of(plan, simulated, recording, written))
        print(f"{written.name}: {counts.shape}, {time.perf_counter() - start:.0f} s")
    record = {"crs": CRS, "simulated": True, "lines": lines}
    (out / "truth.json").write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

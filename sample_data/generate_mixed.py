"""Make the mixed sample survey again: ``python sample_data/generate_mixed.py OUT``. Takes some minutes on one core.

One place seen from above, from below and from the side, simulated by gprscan's own full-wave engine: two road lines, ``R1``
along a sewer and ``R2`` across it, the sewer itself, from inside: ``MH21-MH22`` along the axis with two antennas, ``RING``
round the wall, and the retaining wall beside the road, ``RW-31``: two level lines and an upright one on its face. A void
under the road lies above a void at the crown of the sewer. ``truth.json`` tells what is where.
"""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from generate import PAD, SINGLE, Plan, recorded, simulate

import gprscan as gs
from gprscan.synthetic import degradation, sections
from gprscan.synthetic.pipes import PipeBody, PipeRecord, PipeScene, simulate_axial, simulate_ring
from gprscan.units import C_AIR

# upstream manhole (east, north, invert, road) in EPSG:4547, made up; the sewer runs to the north-east
UP, HEADING, LENGTH, FALL = (503120.0, 2511340.0, 12.95, 16.05), 40.0, 12.0, 0.06
COUNTER = 1.01  # metres of the odometer per metre of the sewer
VOID_AT = 6.2  # chainage of the void at the crown and of the one under the road, m
RECORDER = degradation.Acquisition(
    snr_db=22.0, dc=0.02, wow=0.02, time_zero_shift=(0.4, 0.4), missing=1, duplicate=1, gain=True
)

ALONG = replace(
    SINGLE,
    stem="R1",
    suffix=".dzt",
    seed=20270,
    length=LENGTH,
    spacing=0.05,
    step=0.01,
    n_samples=420,
    bodies=(sections.EllipsoidVoid(PAD + VOID_AT, 0.0, 0.90, 0.34, 0.34, 0.15),),
    clean=((0.5, 4.5), (8.0, 11.5)),
)
ACROSS = replace(
    ALONG,
    stem="R2",
    seed=20271,
    length=8.0,
    bodies=(sections.EllipsoidVoid(PAD + 4.0, 0.05, 0.90, 0.34, 0.34, 0.15),),
    clean=((0.5, 2.5), (5.5, 7.5)),
)
SEWER = PipeScene(
    diameter=0.8,
    wall=0.08,
    wall_permittivity=6.9,
    ground_permittivity=9.6,
    standoff=0.03,
    separation=0.06,
    frequency=900.0,
    window=12.0,
    length=LENGTH,
    spacing=0.03,
    seed=20272,
)
CROWN = replace(SEWER, bodies=(PipeBody(VOID_AT, 0.08, 0.36, 0.12),))
SIDE = replace(
    SEWER, seed=20273, bodies=(PipeBody(3.4, 0.08, 0.32, 0.12, "loose"), PipeBody(9.0, 0.20, 0.08, 0.08, "metal"))
)
RING = replace(SEWER, seed=20274, bodies=(PipeBody(4.0, 0.08, 0.24, 0.15), PipeBody(225.0, 0.08, 0.22, 0.13, "water")))

# the retaining wall: thicker at its foot, leaning back; its face looks to the sewer
FOOT = (
    9.0,
    3.0,
    16.02,
    8.0,
)  # chainage and distance to the right of the sewer, elevation, and how far it leans back in degrees
FACE = PipeScene(
    wall_permittivity=6.7,
    ground_permittivity=10.4,
    standoff=0.02,
    separation=0.06,
    frequency=900.0,
    window=13.0,
    length=4.2,
    spacing=0.03,
    flat=True,
)


def thickness(w: float) -> float:
    """Thickness of the retaining wall at a height above its foot, m."""
    return 0.36 - 0.04 * w


def level_line(w: float, seed: int, *bodies: PipeBody) -> PipeScene:
    """Return a line along the wall at a height."""
    return replace(FACE, wall=thickness(w), seed=seed, bodies=bodies)


LOW, HIGH = 0.8, 1.8
WALL_LINES = {
    "W1": level_line(
        LOW, 20275, PipeBody(2.1, thickness(LOW), 0.5, 0.12), PipeBody(3.4, thickness(LOW), 0.6, 0.15, "wet")
    ),
    "W2": level_line(HIGH, 20276, PipeBody(0.9, 0.13, 0.4, 0.08), PipeBody(3.2, 0.06, 0.16, 0.03, "metal")),
    "W3": replace(
        FACE,
        length=2.6,
        wall=thickness(1.3),
        back=((0.0, thickness(0.0)), (2.6, thickness(2.6))),
        seed=20277,
        bodies=(PipeBody(LOW, thickness(LOW), 0.5, 0.12),),
    ),
}
WALL_STARTS = {"W1": (0.0, LOW), "W2": (0.0, HIGH), "W3": (2.1, 0.0)}


def at(chainage: float, right: float = 0.0) -> tuple[float, float]:
    """Return east and north of a place along the sewer, some way to the right of it."""
    a = np.radians(HEADING)
    east = UP[0] + chainage * np.sin(a) + right * np.cos(a)
    return round(float(east), 3), round(float(UP[1] + chainage * np.cos(a) - right * np.sin(a)), 3)


def road(plan: Plan, out: Path) -> dict[str, Any]:
    """Simulate a road line, write it, and say what is in it."""
    simulated = simulate(plan)
    counts, recording = recorded(plan, simulated)
    record = simulated.record
    line = gs.from_array(
        counts[0],
        dt=record.dt,
        spacing=plan.spacing,
        frequency=plan.frequency,
        separation=record.separation,
        time_zero=record.time_zero + recording["time_zero_shift_ns_mean"],
        antenna_height=record.antenna_height,
        instrument=plan.instrument,
    )
    gs.write(line, out / f"{plan.stem}{plan.suffix}", overwrite=True)
    place = plan.bodies[0].record()
    return {"line": plan.stem, "distance_m": round(place["center_xyz_m"][0] - PAD, 3), **place}


def inside(records: list[PipeRecord], stem: str, out: Path, first: float) -> None:
    """Write the channels of a run inside the sewer as the recorder had them."""
    record = records[0]
    rng = np.random.default_rng([SEWER.seed, 5])
    direct = record.time_zero + record.separation / C_AIR
    bad = [
        degradation.degrade(r.traces, r.dt, RECORDER, rng, direct_ns=direct, frequency=SEWER.frequency).traces
        for r in records
    ]
    data = np.stack(bad)
    counts = np.round(data * (30000.0 / np.abs(data).max())).astype("int16")
    single = len(records) == 1
    line = gs.from_array(
        counts[0] if single else counts,
        dt=record.dt,
        spacing=float(np.ptp(record.distance)) / (record.distance.size - 1) * (1.0 if single else COUNTER),
        frequency=SEWER.frequency,
        separation=record.separation,
        time_zero=record.time_zero + 0.4,
        channel_offsets=None if single else [0.0] * len(records),
        instrument="in-pipe carriage, 900 MHz (simulated)",
    )
    gs.write(line, out / f"{stem}.dzt", overwrite=True)
    (out / f"{stem}.pipe.toml").write_text(_side_file(single, first, record.standoff), encoding="utf-8")


def on_wall(out: Path) -> dict[str, Any]:
    """Simulate the lines on the retaining wall, write them and the wall's file, and say what is in it."""
    text, truth = "", {}
    for stem, scene in WALL_LINES.items():
        record = simulate_axial(scene)
        text = text or _wall_file(record.standoff)
        rng = np.random.default_rng([scene.seed, 5])
        direct = record.time_zero + record.separation / C_AIR
        bad = degradation.degrade(record.traces, record.dt, RECORDER, rng, direct_ns=direct, frequency=scene.frequency)
        counts = np.round(bad.traces * (30000.0 / np.abs(bad.traces).max())).astype("int16")
        line = gs.from_array(
            counts,
            dt=record.dt,
            spacing=float(np.ptp(record.distance)) / (record.distance.size - 1),
            frequency=scene.frequency,
            separation=record.separation,
            time_zero=record.time_zero + 0.4,
            antenna_height=record.standoff,
            instrument="ground-coupled antenna, 900 MHz (simulated)",
        )
        gs.write(line, out / f"{stem}.dzt", overwrite=True)
        u, w = WALL_STARTS[stem]
        first, last = (round(float(record.distance[i]), 3) for i in (0, -1))
        ends = [[u + first, w], [u + last, w]] if stem != "W3" else [[u, w + first], [u, w + last]]
        text += f'\n[[lines]]\npath = "{stem}.dzt"\nstart = {ends[0]}\nend = {ends[1]}\n'
        truth[stem] = record.objects
    (out / "RW-31.wall.toml").write_text(text, encoding="utf-8")
    return truth | {"thickness_m": "0.36 - 0.04 w"}


def _wall_file(standoff: float) -> str:
    """Return the file of the wall without its lines: control points on the face, from where it stands."""
    chainage, right, foot, lean = FOOT
    tilt = np.radians(lean)
    text = f"""# made by sample_data/generate_mixed.py; the wall does not exist
id = "RW-31"
crs = "EPSG:4547"
vertical_datum = "Yellow Sea 1985"
face_type = "concrete"
point_sigma = 0.02
inside = {list(at(chainage - 2.0, right + 2.0))}
design_thickness = 0.34   # of the drawing, one number for all of it
standoff = {standoff:.4f}
drainage = "weep holes every 2 m; the right one is dry"
drains = [[1.3, 0.4], [3.3, 0.4]]
nails = [[3.2, 1.8]]
outline = [[0.0, 0.0], [4.2, 0.0], [4.2, 2.6], [0.0, 2.6]]
"""
    # who looks at the face has its u to the right: against the chainage of the sewer behind them
    for name, u, w in (("A", 0.0, 0.0), ("B", 4.2, 0.0), ("C", 0.0, 2.6), ("D", 4.2, 2.6)):
        x, y = at(chainage - u, right + w * float(np.sin(tilt)))
        text += f'\n[[points]]\nid = "{name}"\nu = {u}\nw = {w}\nx = {x}\ny = {y}\n'
        text += f"z = {foot + w * float(np.cos(tilt)):.3f}\n"
    return text


def _side_file(ring: bool, first: float, standoff: float) -> str:
    down = at(LENGTH)
    antennas = [("crown", 0.0)] if ring else [("crown", 0.0), ("right", 60.0)]
    text = f"""# made by sample_data/generate_mixed.py; the segment does not exist
[segment]
id = "MH21-MH22"
crs = "EPSG:4547"
material = "concrete"
cctv = "CCTV-2026-031"

[up]
id = "MH21"
x = {UP[0]}
y = {UP[1]}
invert = {UP[2]}
ground = {UP[3]}

[down]
id = "MH22"
x = {down[0]}
y = {down[1]}
invert = {UP[2] - FALL:.2f}
ground = {UP[3] - 0.04:.2f}

[accuracy]
manhole_sigma = 0.05
roll_sigma = 2.0

[bore]
shape = "round"
inner_diameter = {SEWER.diameter}

[wall]
thickness = {1.1 * SEWER.wall:.3f}   # of the drawing, which is not right

[run]
direction = "downstream"
odometer_zero = {-COUNTER * first:.3f}
"""
    if not ring:
        text += f"odometer_end = {COUNTER * (LENGTH - first):.3f}   # the counter ran 1 % fast\n"
    for name, clock in antennas:
        text += f'\n[[antennas]]\nid = "{name}"\nfrequency = {SEWER.frequency:.0f}\nclock = {clock}\nstandoff = {standoff:.4f}\n'
    if ring:
        text += f"\n[ring]\nodometer = {VOID_AT}\nclock_first = 0.0\nclock_last = LAST\n"
    return text


def _survey_file(out: Path) -> None:
    start, end, left, right = at(0.0), at(LENGTH), at(VOID_AT, -4.0), at(VOID_AT, 4.0)
    (out / "survey.toml").write_text(
        f"""name = "gprscan mixed sample: road, sewer and retaining wall (simulated)"
crs = "EPSG:4547"
recipe = "road"
context = {{ road_class = "arterial" }}
walls = ["RW-31.wall.toml"]

[[lines]]
path = "R1.dzt"
start = {list(start)}
end = {list(end)}
position_sigma = 0.05

[[lines]]
path = "R2.dzt"
start = {list(left)}
end = {list(right)}
position_sigma = 0.05

[[lines]]
path = "MH21-MH22.dzt"

[[lines]]
path = "RING.dzt"
""",
        encoding="utf-8",
    )


def main() -> int:
    """Simulate and write all lines, their side files, and the truth."""
    out = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "mixed"
    out.mkdir(parents=True, exist_ok=True)
    crown, side, ring = simulate_axial(CROWN), simulate_axial(SIDE), simulate_ring(RING)
    first = float(crown.distance[0])
    inside([crown, side], "MH21-MH22", out, first)
    inside([ring], "RING", out, 0.0)
    clock = ring.clock
    path = out / "RING.pipe.toml"
    last = 0.0 if clock is None else float(clock[-1])
    path.write_text(path.read_text("utf-8").replace("LAST", f"{last:.3f}"), encoding="utf-8")
    roads = [road(plan, out) for plan in (ALONG, ACROSS)]
    truth = {
        "crs": "EPSG:4547",
        "simulated": True,
        "road": roads,
        "sewer": {"crown": crown.objects, "right_60": side.objects, f"ring_at_{VOID_AT}": ring.objects},
        "wall_m": SEWER.wall,
        "retaining_wall": on_wall(out),
        "one_hazard": f"the void under the road at R1 {VOID_AT} m and R2 4.0 m, and the void at the crown at chainage {VOID_AT} m",
    }
    (out / "truth.json").write_text(json.dumps(truth, indent=1) + "\n", encoding="utf-8")
    _survey_file(out)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

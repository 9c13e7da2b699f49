"""Score in-pipe detection on full-wave scenes of other pipes than those it was tuned on.

    python benchmarks/pipe_scenes.py make FOLDER [--seed 1] [--scenes 16]     simulate (about a minute per scene)
    python benchmarks/pipe_scenes.py score FOLDER [-v]                          recall, false flags, errors, kinds
    python benchmarks/pipe_scenes.py learn FOLDER... [--write]                  what rows say by what they are
    python benchmarks/pipe_scenes.py joints [--seed 1] [--scenes 6]             open joints under noise

Diameters 0.45 to 3 m, wall permittivities 5 to 10, 750 MHz to 2 GHz, axial lines and rings; air, water, loosened and wet
ground against the wall, air behind it, metal pipes beside it, bars in the wall, scenes with nothing at all. Four levels
of acquisition. Files have the layout of the truth set: one ``.npz`` and one ``.json`` per scene.
"""

from __future__ import annotations

import argparse
import json
import pathlib
import time
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
from scipy import optimize, special
from score_scenes import wilson

import gprscan as gs
from gprscan import names
from gprscan.detection.inpipe.confidence import features, which
from gprscan.synthetic import degradation
from gprscan.synthetic.pipes import PipeBody, PipeScene, axial_line, simulate_axial, simulate_ring
from gprscan.units import C_AIR

CONFIDENCES = (0.0, 0.4, 0.6, 0.7, 0.8, 0.9, 1.01)
LEVELS = ("clean", "light", "moderate", "severe")
# what a class may be called; each is a hazard but the last
RIGHT = {
    "air_void": ("cavity", "debond"),
    "water_void": ("water_rich",),
    "water_rich_zone": ("water_rich",),
    "loose_zone": ("loose",),
    "metal_pipe": ("pipe",),
}


def draw(rng: np.random.Generator, *, ring: bool, empty: bool) -> PipeScene:
    """Draw a pipe and what lies behind its wall."""
    frequency = float(rng.choice([750.0, 900.0, 1000.0, 1200.0, 1500.0, 2000.0]))
    diameter = float(rng.choice([0.45, 0.6, 0.8, 1.0, 1.2, 1.5] if ring else [0.45, 0.6, 0.8, 1.0, 1.5, 2.0, 3.0]))
    if ring and frequency > 1200:
        diameter = min(diameter, 0.8)  # a matter of computing time
    wall = round(float(np.clip(rng.uniform(0.085, 0.115) * diameter + 0.015, 0.045, 0.20)), 3)
    scene = PipeScene(
        diameter=diameter,
        wall=wall,
        wall_permittivity=round(float(rng.uniform(5.0, 10.0)), 2),
        ground_permittivity=round(float(rng.uniform(7.5, 14.0)), 2),
        standoff=round(float(rng.uniform(0.02, 0.05)), 3),
        separation=round(float(np.clip(60.0 / frequency, 0.04, 0.10)), 3),
        frequency=frequency,
        window=round(float(np.clip(11e3 / frequency, 8.0, 14.0)), 1),
        length=3.0 if frequency < 1300 else 2.4,
        spacing=0.03 if frequency < 1300 else 0.02,
        bars=0.15 if not ring and rng.random() < 0.3 else 0.0,
        seed=int(rng.integers(1, 1 << 30)),
    )
    if empty:
        return scene
    return replace(scene, bodies=_bodies(rng, scene, ring))


def _bodies(rng: np.random.Generator, scene: PipeScene, ring: bool) -> tuple[PipeBody, ...]:
    count = 3 if not ring else 3 if scene.diameter >= 0.8 else 2
    fills = rng.choice(["air", "air", "air", "water", "loose", "wet", "metal"], count)
    turn = rng.uniform(0, 360)
    found = []
    for number, fill in enumerate(fills):
        wide = float(rng.uniform(0.16, 0.40))
        tall = float(rng.uniform(0.06, 0.14))
        behind = fill == "metal" or (fill == "air" and rng.random() < 0.25)
        depth = scene.wall + (float(rng.uniform(0.06, 0.15)) if behind else 0.0)
        if ring:
            place = (turn + 360.0 * number / count + rng.uniform(-15, 15)) % 360
            wide = float(rng.uniform(0.16, min(0.30, 0.25 + 0.05 * scene.diameter)))
            tall = wide if behind else 0.65 * wide
        else:
            place = scene.length * (number + 0.5 + rng.uniform(-0.15, 0.15)) / count
        if fill == "metal":
            wide = tall = 0.08
        if fill in ("loose", "wet"):
            wide, tall = max(wide, 0.3), max(tall, 0.12)
        found.append(PipeBody(round(place, 3), round(depth, 3), round(wide, 3), round(tall, 3), str(fill)))  # type: ignore[arg-type]
    return tuple(found)


def make(folder: pathlib.Path, seed: int, count: int) -> None:
    """Simulate scenes and write them; those that are there already are kept."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        rng = np.random.default_rng([seed, number])
        ring = number % 3 == 2
        path = folder / f"s{seed}_{number:02d}_{'ring' if ring else 'axial'}.npz"
        scene = draw(rng, ring=ring, empty=number % 5 == 4)
        if path.exists():
            continue
        started = time.perf_counter()
        record = simulate_ring(scene) if ring else simulate_axial(scene)
        arrays: dict[str, Any] = {"data": record.traces, "x_mid_m": record.distance}
        if record.clock is not None:
            arrays["clock_deg"] = record.clock
        direct = record.time_zero + record.separation / C_AIR
        for level in LEVELS[1:]:
            bad = degradation.degrade(
                record.traces,
                record.dt,
                degradation.LEVELS[level],
                rng,
                direct_ns=direct,
                frequency=scene.frequency,
            )
            arrays[f"data_{level}"] = bad.traces
        truth = {
            "scene": path.stem,
            "kind": "in-pipe-ring" if ring else "in-pipe-axial",
            "acquisition": {
                "dt_ns": record.dt,
                "trace_spacing_m": float(np.ptp(record.distance)) / (record.distance.size - 1),
                "fc_hz": scene.frequency * 1e6,
                "tx_rx_offset_m": record.separation,
                "time_zero_ns": record.time_zero,
                "antenna_height_m": record.standoff,
            },
            "pipe": {
                "pipe_inner_diameter_m": scene.diameter,
                "wall_m": scene.wall,
                "standoff_m": record.standoff,
                "wall_eps_r": scene.wall_permittivity,
                "soil_eps_r": scene.ground_permittivity,
                "bars_m": scene.bars,
            },
            "objects": record.objects,
        }
        np.savez_compressed(path, **arrays)
        path.with_suffix(".json").write_text(json.dumps(truth, indent=1), encoding="utf-8")
        print(
            f"{path.stem}: DN{1000 * scene.diameter:.0f}, {scene.frequency:.0f} MHz, {record.traces.shape}, "
            f"{time.perf_counter() - started:.0f} s",
            flush=True,
        )


def line_of(path: pathlib.Path, level: str) -> tuple[Any, dict[str, Any], float]:
    """Return the line of a scene at a level, its truth, and where it starts."""
    truth = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    acquisition, pipe = truth["acquisition"], truth["pipe"]
    with np.load(path) as stored:
        data = stored["data" if level == "clean" else f"data_{level}"]
        ring = "clock_deg" in stored
        clock: Any = stored["clock_deg"] if ring else 0.0
        first = 0.0 if ring else float(stored["x_mid_m"][0])
    line = gs.from_array(
        data,
        dt=acquisition["dt_ns"],
        spacing=acquisition["trace_spacing_m"],
        frequency=acquisition["fc_hz"] / 1e6,
        separation=acquisition["tx_rx_offset_m"],
        time_zero=acquisition["time_zero_ns"],
        pipe={
            "inner_diameter": pipe["pipe_inner_diameter_m"],
            "wall_thickness": 1.1 * pipe["wall_m"],  # as wrong as drawings are
            "standoff": pipe["standoff_m"],
            "clock": clock,
        },
    )
    return line, truth, first


def matches(row: dict[str, Any], body: dict[str, Any], first: float) -> float | None:
    """Return how far a row is from a body along the line (m or degrees), None where it is another body's."""
    if "clock_deg" in body:
        off = abs((row["clock_deg"] - body["clock_deg"] + 180) % 360 - 180)
        reach, depth = max(10.0, body["half_angle_deg"]), body["radial_depth_from_inner_wall_m"]
    else:
        off = abs(row["distance_m"] + first - body["apex_x_m"])
        reach, depth = max(0.10, 0.5 * body["width_m"]), body["top_depth_m"]
    return float(off) if off <= reach and abs(row["radial_depth_m"] - depth) <= 0.06 else None


def score(folder: pathlib.Path, verbose: bool, levels: tuple[str, ...]) -> dict[str, dict[str, float]]:
    """Print, and return, the table of a folder; and how far its confidences can be relied on."""
    table: dict[str, dict[str, float]] = {}
    said_and_true: list[tuple[float, bool]] = []
    for level in levels:
        sums = dict.fromkeys(
            ("voids", "found", "zones", "zones_found", "false", "scenes", "named", "pipes_called_hazard"), 0.0
        )
        along, radial, wall = [], [], []
        for path in sorted(folder.glob("*.npz")):
            line, truth, first = line_of(path, level)
            table_of = gs.detect(line, recipe="pipe")
            measured = table_of.attrs["line"]["wall"][0]
            rows = [row for row in table_of.to_dict("records") if row["kind"] in names.HAZARD_KINDS]
            wall.append(abs(measured["thickness_m"] - truth["pipe"]["wall_m"]))
            sums["scenes"] += 1
            said = []
            for body in truth["objects"]:
                if body["category"] == "utility":
                    hit = [row for row in rows if matches(row, body, first) is not None]
                    sums["pipes_called_hazard"] += bool(hit)
                    continue
                kind = "voids" if body["category"] == "void" else "zones"
                sums[kind] += 1
                near = [(off, row) for row in rows if (off := matches(row, body, first)) is not None]
                where = body.get("clock_deg", body.get("apex_x_m"))
                depth = body.get("radial_depth_from_inner_wall_m", body.get("top_depth_m"))
                if not near:
                    said.append(f"MISSED {body['class']} at {where} depth {depth} (wall {truth['pipe']['wall_m']})")
                    continue
                off, row = min(near, key=lambda pair: pair[0])
                rows.remove(row)
                sums["found" if kind == "voids" else "zones_found"] += 1
                right = row["kind"] in RIGHT[body["class"]]
                said_and_true.append((row["confidence"], right))
                sums["named"] += right
                if not right:
                    said.append(f"{body['class']} at {where} is called {row['kind']}: {row['evidence']}")
                if "clock_deg" not in body:
                    along.append(off)
                radial.append(abs(row["radial_depth_m"] - depth))
            sums["false"] += len(rows)
            said_and_true += [(row["confidence"], False) for row in rows]
            said += [
                f"FALSE {row['kind']} at {row['distance_m']:.2f} m, {row['clock_deg']:.0f} deg, "
                f"depth {row['radial_depth_m']:.3f} {row['evidence']}"
                for row in rows
            ]
            if verbose:
                said.append(
                    f"wall {truth['pipe']['wall_m']:.3f} eps {truth['pipe'].get('wall_eps_r')} -> "
                    f"{measured['thickness_m']:.3f} measured={measured['measured']} eps {measured['permittivity']:.2f}"
                )
                for text in said:
                    print(f"  {path.stem} [{level}] {text}")
        table[level] = {
            "voids": sums["voids"],
            "recall": sums["found"] / max(sums["voids"], 1),
            "recall_low": wilson(int(sums["found"]), int(sums["voids"]))[0],
            "recall_high": wilson(int(sums["found"]), int(sums["voids"]))[1],
            "zones": sums["zones"],
            "recall_of_zones": sums["zones_found"] / max(sums["zones"], 1),
            "kind_right": sums["named"] / max(sums["found"] + sums["zones_found"], 1),
            "false_per_scene": sums["false"] / max(sums["scenes"], 1),
            "pipes_called_hazard": sums["pipes_called_hazard"],
            "median_axial_m": float(np.median(along)) if along else float("nan"),
            "median_radial_m": float(np.median(radial)) if radial else float("nan"),
            "median_wall_m": float(np.median(wall)),
        }
    print(f"{'':24s}" + "".join(f"{level:>11s}" for level in levels))
    for key in table[levels[0]]:
        print(f"{key:24s}" + "".join(f"{table[level][key]:>11.3f}" for level in levels))
    _print_reliability(said_and_true)
    return table


def _print_reliability(pairs: list[tuple[float, bool]]) -> None:
    """Print how often rows of a confidence are what they are called, and the mean gap between the two (weighed by rows)."""
    said, true = np.array([p for p, _ in pairs]), np.array([t for _, t in pairs], dtype=float)
    print("\nconfidence of a hazard row against how often there is a body of that kind")
    gap = 0.0
    for low, high in pairwise(CONFIDENCES):
        here = (said >= low) & (said < high)
        if here.any():
            right = int(true[here].sum())
            bounds = wilson(right, int(here.sum()))
            gap += here.mean() * abs(said[here].mean() - true[here].mean())
            print(
                f"  {low:.2f} to {high:.2f}: {here.sum():4d} rows, said {said[here].mean():.2f}, true {true[here].mean():.2f} "
                f"({bounds[0]:.2f} to {bounds[1]:.2f})"
            )
    print(f"  mean gap {gap:.3f}, Brier score {float(((said - true) ** 2).mean()):.3f}")


Judged = tuple[str, dict[str, Any], str]  # what a row is called, its evidence, and what it is


def judge(rows: list[dict[str, Any]], truth: dict[str, Any], first: float) -> list[Judged]:
    """Return the kind and evidence of each row, and what is there: a kind, "unknown" where there is nothing."""
    rows = [row for row in rows if row["kind"] not in names.PIPE_DEFECT_KINDS]
    there: dict[int, str] = {}
    for body in truth["objects"]:
        near = [
            (off, i) for i, row in enumerate(rows) if (off := matches(row, body, first)) is not None and i not in there
        ]
        if near:
            i = min(near)[1]
            called = RIGHT[body["class"]]
            there[i] = rows[i]["kind"] if rows[i]["kind"] in called else called[0]
    return [(row["kind"], json.loads(row["evidence"]), there.get(i, "unknown")) for i, row in enumerate(rows)]


def fit_logistic(judged: list[Judged], ridge: float = 1.0) -> dict[str, float]:
    """Return the weights that make what was right most probable, small ones preferred."""
    values = [features(kind, evidence) for kind, evidence, _ in judged]
    keys = list(values[0])
    x = np.array([[value[key] for key in keys] for value in values])
    y = np.array([kind == true for kind, _, true in judged], float)
    free = np.array([key != "constant" for key in keys])

    def loss(w: np.ndarray) -> tuple[float, np.ndarray]:
        p = special.expit(x @ w)
        log = -(y * np.log(p + 1e-12) + (1 - y) * np.log(1 - p + 1e-12)).sum()
        return float(log + 0.5 * ridge * (free * w**2).sum()), x.T @ (p - y) + ridge * free * w

    weights = optimize.minimize(loss, np.zeros(len(keys)), jac=True).x
    return {key: round(float(w), 3) for key, w in zip(keys, weights, strict=True) if abs(w) >= 5e-4}


def learnt_ranges(judged: list[Judged]) -> list[str]:
    """Return lines of the table: least and greatest value of each feature that is more than yes or no."""
    values = [features(kind, evidence) for kind, evidence, _ in judged]
    columns = {key: [value[key] for value in values] for key in values[0]}
    return [
        f"{key} = [{min(column):.3f}, {max(column):.3f}]"
        for key, column in columns.items()
        if not set(column) <= {0.0, 1.0}
    ]


def learn(scenes: list[list[Judged]], write: bool) -> None:
    """Print the coefficients of `gprscan.detection.inpipe.confidence`, and how reliable they are on pipes left out.

    Parameters
    ----------
    scenes : list of list of Judged
        The rows of each pipe, of all its levels: pipes are kept whole in the folds.
    write : bool
        Whether to write the table.
    """
    folds, said = 5, []
    parts = ("at_wall", "behind")
    every = [row for scene in scenes for row in scene]
    for fold in range(folds):
        rest = [row for n, scene in enumerate(scenes) if n % folds != fold for row in scene]
        fitted = {
            part: fit_logistic([row for row in rest if row[0] != "unknown" and which(row[1]) == part]) for part in parts
        }
        for kind, evidence, true in (row for n, scene in enumerate(scenes) if n % folds == fold for row in scene):
            if kind in names.HAZARD_KINDS:
                value = features(kind, evidence)
                odds = sum(w * value[key] for key, w in fitted[which(evidence)].items())
                said.append((float(special.expit(odds)), kind == true))
    lines = [
        "# How sure rows of in-pipe lines are (gprscan.detection.inpipe.confidence): logistic weights, learnt from "
        f"{len(every)} rows on",
        f"# {len(scenes)} simulated pipes by benchmarks/pipe_scenes.py learn; and which share of rows are what they are called.",
        "[base_rate]",
    ]
    named = {part: [row for row in every if row[0] != "unknown" and which(row[1]) == part] for part in parts}
    lines += [f"{part} = {np.mean([kind == true for kind, _, true in rows]):.2f}" for part, rows in named.items()]
    unknown = [true for kind, _, true in every if kind == "unknown"]
    hazards = sum(true in names.HAZARD_KINDS for true in unknown)
    lines += ["", "[unknown]", f"hazard = {(hazards + 1) / (len(unknown) + 2):.2f}  # of {len(unknown)} rows"]
    lines += ["", "# what rows are that are not what they are called", *_mistakes(every)]
    for part, rows in named.items():
        lines += ["", f"[logistic.{part}]  # {len(rows)} rows"]
        lines += [f"{key} = {weight}" for key, weight in fit_logistic(rows).items()]
        lines += ["", f"[range.{part}]  # of what was learnt from", *learnt_ranges(rows)]
    text = "\n".join(lines) + "\n"
    print(text)
    _print_reliability(said)
    if write:
        (pathlib.Path(gs.__file__).parent / "detection" / "tables" / "pipe.toml").write_text(text, encoding="utf-8")


def _mistakes(judged: list[Judged]) -> list[str]:
    """Return lines of the table: of rows of a kind that are something else, the share that is each other kind."""
    lines = []
    for called in ("cavity", "loose", "water_rich", "pipe", "unknown"):
        wrong = [true for kind, _, true in judged if kind == called != true]
        # of an unknown row the confidence is that there is no hazard: a pipe is none
        others = [kind for kind in ("cavity", "loose", "water_rich", "pipe", "unknown") if kind != called]
        others = [kind for kind in others if called != "unknown" or kind != "pipe"]
        wrong = [true for true in wrong if true in others]
        # half a row more of each: what was not seen among so few may yet be
        parts = {kind: (wrong.count(kind) + 0.5) / (len(wrong) + 0.5 * len(others)) for kind in others}
        lines.append(f"[instead.{called}]  # {len(wrong)} rows")
        lines += [f"{kind} = {part:.3f}" for kind, part in parts.items()]
    return lines


def rows_of(folders: list[pathlib.Path], levels: tuple[str, ...]) -> list[list[Judged]]:
    """Detect on all levels of the pipes of some folders."""
    scenes = []
    for path in sorted(path for folder in folders for path in folder.glob("*.npz")):
        judged: list[Judged] = []
        for level in levels:
            line, truth, first = line_of(path, level)
            judged += judge(gs.detect(line, recipe="pipe").to_dict("records"), truth, first)
        scenes.append(judged)
    return scenes


def score_joints(seed: int, count: int) -> None:
    """Simulate a line over open joints, and print how many are found under the noise of each level."""
    places = (0.7, 1.4, 2.1)
    scene = PipeScene(joints=places, length=2.8, seed=seed, window=9.0)
    record = simulate_axial(scene)
    for level in LEVELS:
        found = false = 0
        draws = 1 if level == "clean" else count
        for number in range(draws):
            traces = record.traces
            if level != "clean":
                rng = np.random.default_rng([seed, number])
                direct = record.time_zero + record.separation / C_AIR
                how = degradation.LEVELS[level]
                traces = degradation.degrade(
                    traces, record.dt, how, rng, direct_ns=direct, frequency=scene.frequency
                ).traces
            table = gs.detect(axial_line(scene, record, wall=1.1 * scene.wall, traces=traces), recipe="pipe")
            at = table.loc[table["kind"] == "joint", "distance_m"].to_numpy()
            hits = [place for place in places if (np.abs(at - place) < 0.06).any()]
            found += len(hits)
            false += int(sum(np.abs(np.array(places) - a).min() >= 0.06 for a in at))
        low, high = wilson(found, draws * len(places))
        print(
            f"{level:10s} joints {found} of {draws * len(places)} ({low:.2f} to {high:.2f}), false {false / draws:.2f} a line"
        )


def main() -> int:
    """Make scenes, or score them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("make", "score", "learn", "joints"))
    parser.add_argument("folder", type=pathlib.Path, nargs="*", default=[pathlib.Path("pipe_scenes")])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--scenes", type=int, default=16)
    parser.add_argument("--levels", nargs="+", choices=LEVELS, default=LEVELS)
    parser.add_argument("--write", action="store_true")
    parser.add_argument("-v", "--verbose", action="store_true")
    args = parser.parse_args()
    if args.what == "make":
        make(args.folder[0], args.seed, args.scenes)
    elif args.what == "learn":
        learn(rows_of(args.folder, tuple(args.levels)), args.write)
    elif args.what == "joints":
        score_joints(args.seed, args.scenes)
    else:
        score(args.folder[0], args.verbose, tuple(args.levels))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

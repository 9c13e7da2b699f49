"""Score detection on simulated scenes with known truth, with Wilson intervals.

    python -m gprscan.synthetic.make scenes --n 62 --seed 9000 --arrays 6
    python benchmarks/score_scenes.py scenes                   # four levels of acquisition, then the arrays
    python benchmarks/score_scenes.py scenes --level clean -v  # with each hit, miss and false alarm
    python benchmarks/score_scenes.py scenes --picture reliability.png

A row and a body pair up when their extents along the line overlap within 0.15 m or half the body's width, and their times
differ by at most a period and 5 % of the travel time (bodies with an inside: anywhere in it). One to one, nearest first; a second
row on a paired body is a false alarm. A body whose echo is less than 3 dB above the clutter around it counts neither way, nor
does `unknown` on a stone that is there. Scenes are independent, bodies of one scene nearly so: the intervals take them as such.
"""

from __future__ import annotations

import argparse
import json
import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from scipy.optimize import linear_sum_assignment

import gprscan as gs
from gprscan.detection import pipeline
from gprscan.detection.body import Body
from gprscan.detection.settings import Settings

LEVELS = ("clean", "light", "moderate", "severe")
RIGHT = {
    "air_void": {"cavity"},
    "water_void": {"cavity", "water_rich"},
    "debond_cavity": {"debond", "cavity"},
    "loose_zone": {"loose"},
    "water_rich_zone": {"water_rich"},
    "metal_pipe": {"pipe", "rebar"},
    "pvc_pipe_air": {"pipe"},
    "pvc_pipe_water": {"pipe"},
    "concrete_pipe": {"pipe"},
    "rebar_mesh": {"rebar"},
    "manhole": {"manhole"},
}
VOIDS = ("air_void", "water_void", "debond_cavity")
WITH_INSIDE = ("debond_cavity", "loose_zone", "water_rich_zone", "rebar_mesh", "manhole")
HAZARDS = ("cavity", "debond", "loose", "water_rich")
STONE = ("clutter", "unknown")
EDGES = np.array([0.0, 0.2, 0.4, 0.6, 0.8, 0.9, 1.0001])  # of what is said, for reliability
Row = dict[str, Any]


def wilson(hits: int, n: int, z: float = 1.96) -> tuple[float, float]:
    """95 % interval of a share (Wilson 1927, J. Am. Stat. Assoc. 22, 209)."""
    if n == 0:
        return 0.0, 1.0
    p, k = hits / n, z * z / n
    half = z * math.sqrt(p * (1 - p) / n + k / (4 * n))
    return max((p + k / 2 - half) / (1 + k), 0.0), min((p + k / 2 + half) / (1 + k), 1.0)


def load(path: Path, level: str) -> tuple[xr.Dataset, Row] | None:
    """Line and truth of a scene at a level; None where it was not made at that level."""
    truth = json.loads(path.with_suffix(".json").read_text())
    acq = truth["acquisition"]
    with np.load(path, allow_pickle=False) as npz:
        name = "data" if level == "clean" else f"data_{level}"
        if name not in npz:
            return None
        data, truth["first"] = npz[name], float(npz["x_mid_m"][0])
        offsets = npz["y_channel_m"].tolist() if "y_channel_m" in npz else None
    line = gs.from_array(
        data,
        dt=acq["dt_ns"],
        spacing=acq["trace_spacing_m"],
        frequency=acq["fc_hz"] / 1e6,
        separation=acq["tx_rx_offset_m"],
        time_zero=acq["time_zero_ns"],
        antenna_height=acq["antenna_height_m"],
        channel_offsets=offsets,
    )
    return line, truth


def bodies_of(truth: Row) -> list[Row]:
    """Bodies that count, with their position from the first trace."""
    return [{**o, "x": o["apex_x_m"] - truth["first"]} for o in truth["objects"] if o["class"] in RIGHT]


def hidden(body: Row) -> bool:
    """Is its echo less than 3 dB above the clutter around it?"""
    scr = body.get("measured_from_twin", {}).get("scr_db")
    return scr is not None and scr < 3


def on_stone(row: Row, truth: Row) -> bool:
    """Does a row lie on a stone that is there?"""
    return any(
        abs(row["distance_m"] + truth["first"] - s["x_m"]) <= 0.15 and abs(row["top_depth_m"] - s["depth_m"]) <= 0.2
        for s in truth["clutter_objects"]
    )


def cost(row: Row, body: Row, fc: float) -> float:
    """How far a row is from a body; infinite where they cannot be one."""
    inside = body["class"] in WITH_INSIDE
    length = row["length_m"] if np.isfinite(row["length_m"]) else 0.0
    reach = min(length / 2, 0.75 * body["width_m"] + 0.15) if inside else 0.0
    apart = abs(row["distance_m"] - body["x"])
    late, tolerance = row["twt_ns"] - body["t_flight_ns"], 1 / fc + 0.05 * body["t_flight_ns"]
    tall = 2 * body["height_m"] / body.get("v_mean_to_top_m_per_ns", 0.1) if inside else 0.0
    if apart - reach > max(0.15, body["width_m"] / 2) or not -tolerance <= late <= tall + tolerance:
        return math.inf
    return float(apart / 0.15 + abs(late) * fc)


def pair(rows: list[Row], truth: Row) -> tuple[list[tuple[Row, Row]], list[Row], list[Row]]:
    """Pairs of row and body, false rows, and missed bodies."""
    fc, bodies = truth["acquisition"]["fc_hz"] / 1e9, bodies_of(truth)
    rows = [r for r in rows if not (r["kind"] in STONE and on_stone(r, truth))]
    table = np.array([[cost(r, b, fc) for b in bodies] for r in rows]).reshape(len(rows), len(bodies))
    chosen = zip(*linear_sum_assignment(np.where(np.isfinite(table), table, 1e6)), strict=True)
    pairs = [(int(i), int(j)) for i, j in chosen if np.isfinite(table[i, j])]
    bar = [j for j, b in enumerate(bodies) if b["class"] == "rebar_mesh"]
    taken = {i for i, _ in pairs}
    false = [
        r
        for i, r in enumerate(rows)
        if i not in taken and not (r["kind"] == "rebar" and any(np.isfinite(table[i, j]) for j in bar))
    ]
    met = {j for _, j in pairs}
    missed = [b for j, b in enumerate(bodies) if j not in met and not hidden(b)]
    return [(rows[i], bodies[j]) for i, j in pairs if not hidden(bodies[j])], false, missed


def run(job: tuple[str, str, str]) -> Row | None:
    """Detect on one scene at one level."""
    loaded = load(Path(job[0]), job[1])
    if loaded is None:
        return None
    line, truth = loaded
    rows = gs.detect(line, recipe=job[2]).drop(columns="geometry").to_dict("records")
    rows = [r for r in rows if r["kind"] != "interface"]
    out = {"scene": Path(job[0]).stem, "level": job[1], "truth": truth, "array": truth["kind"] == "2.5D"}
    if out["array"]:
        return {**out, "rows": [r for r in rows if r["kind"] not in STONE]}
    pairs, false, missed = pair(rows, truth)
    length = float(line["distance"][-1] - line["distance"][0])
    return {**out, "pairs": pairs, "false": false, "missed": missed, "length": length}


def summary(results: Sequence[Row]) -> dict[str, str]:
    """Figures of one level."""
    pairs = [p for r in results for p in r["pairs"]]
    false, missed = [f for r in results for f in r["false"]], [m for r in results for m in r["missed"]]
    n, length = len(pairs) + len(missed), sum(r["length"] for r in results)
    void = [row for row, body in pairs if body["class"] in VOIDS]
    void_n = len(void) + sum(b["class"] in VOIDS for b in missed)
    wrong = [row for row, body in pairs if row["kind"] in HAZARDS and body["category"] in ("utility", "structure")]
    hazards = sum(f["kind"] in HAZARDS for f in false) + len(wrong)
    empty = [r for r in results if r["truth"]["empty"]]
    point = [(row, body) for row, body in pairs if body["class"] not in WITH_INSIDE]
    z = [(row["top_depth_m"] - body["top_depth_m"], row["sigma_depth_m"]) for row, body in point]
    z = [(error, sigma) for error, sigma in z if np.isfinite(error)]
    v = [
        100 * abs(row["velocity_m_ns"] / body["v_rms_ground_m_per_ns"] - 1)
        for row, body in point
        if body["width_m"] <= 0.24 and np.isfinite(row["velocity_m_ns"])
    ]
    f1 = 2 * len(pairs) / max(2 * len(pairs) + len(false) + len(missed), 1)
    # F1 is the share of rows and bodies that are paired, so that its interval is that of a share of (rows + bodies) / 2
    share = _share(len(pairs), round((len(pairs) + len(false) + n) / 2))
    return {
        "targets": str(n),
        "F1": f"{f1:.3f} {share.partition(' ')[2]}",
        "recall": _share(len(pairs), n),
        "precision": _share(len(pairs), len(pairs) + len(false)),
        "void recall": _share(len(void), void_n),
        "void called a hazard": _share(sum(r["kind"] in HAZARDS for r in void), void_n),
        "right kind": _share(sum(row["kind"] in RIGHT[body["class"]] for row, body in pairs), len(pairs)),
        "false hazards per 100 m": f"{100 * hazards / max(length, 1e-9):.2f} ({hazards} in {length:.0f} m)",
        "rows in empty scenes": f"{sum(len(r['false']) for r in empty)} in {sum(r['length'] for r in empty):.0f} m",
        "median x error, m": _median([abs(row["distance_m"] - body["x"]) for row, body in point]),
        "median depth error, m": _median([abs(e) for e, _ in z]),
        "mean depth error, m": f"{np.mean([e for e, _ in z]):+.3f}" if z else "-",
        "median velocity error, %": _median(v),
        "depth inside 1 sigma": _share(sum(abs(e) <= s for e, s in z), len(z)),
        "depth given": _share(len(z), len(point)),
    }


def _share(k: int, n: int) -> str:
    low, high = wilson(k, n)
    return f"{k / n:.3f} ({low:.2f}-{high:.2f})" if n else "-"


def _median(values: list[float]) -> str:
    return f"{np.median(values):.3f}" if values else "-"


def tables(results: Sequence[Row]) -> None:
    """Print which class was called what, and air-filled plastic pipes against voids of their width."""
    seen: dict[str, Counter[str]] = defaultdict(Counter)
    for r in results:
        for row, body in r["pairs"]:
            seen[body["class"]][row["kind"]] += 1
        for body in r["missed"]:
            seen[body["class"]]["(missed)"] += 1
        for row in r["false"]:
            seen["(nothing)"][row["kind"]] += 1
    kinds = sorted({kind for counts in seen.values() for kind in counts})
    print(f"\n{'all levels':18s}" + "".join(f"{kind:>11s}" for kind in kinds))
    for name in sorted(seen):
        print(f"{name:18s}" + "".join(f"{seen[name][kind] or '.':>11}" for kind in kinds))
    print("\nwidth 0.2-0.45 m     said cavity  pipe  other   mean P(cavity) P(pipe)")
    for name in ("air_void", "pvc_pipe_air"):
        rows = [row for r in results for row, b in r["pairs"] if b["class"] == name and 0.2 <= b["width_m"] <= 0.45]
        said = Counter(row["kind"] for row in rows)
        chance = [json.loads(row["probabilities"]) for row in rows]
        mean = [np.mean([c.get(kind, 0.0) for c in chance]) if chance else math.nan for kind in ("cavity", "pipe")]
        other = len(rows) - said["cavity"] - said["pipe"]
        print(f"{name:20s} {said['cavity']:11d} {said['pipe']:5d} {other:6d} {mean[0]:16.2f} {mean[1]:7.2f}")


def trade(results: Sequence[Row], settings: Settings) -> None:
    """Print what calling a hazard from more or less than `settings.hazard` on would change: voids called one, and false hazards."""
    length = sum(r["length"] for r in results)
    rows = [(row, body["class"]) for r in results for row, body in r["pairs"]]
    rows += [(row, "") for r in results for row in r["false"]]
    void = np.array([kind in VOIDS for _, kind in rows], bool)
    hazard = np.array([bool(RIGHT.get(kind, set()) & set(HAZARDS)) for _, kind in rows], bool)
    plastic = np.array([kind == "pvc_pipe_air" for _, kind in rows], bool)
    voids = int(void.sum()) + sum(b["class"] in VOIDS for r in results for b in r["missed"])
    per = 100 / max(length, 1e-9)
    print("\nhazard from P on: voids called one, false hazards per 100 m (a pipe of plastic, air-filled: of these)")
    for least in (0.2, 0.3, 0.4, 0.45, 0.5, 0.55, 0.6, 0.7):
        other = settings.model_copy(update={"hazard": least})
        said = np.array([decided(row, other) in HAZARDS for row, _ in rows], bool)
        called = _share(int((said & void).sum()), voids)
        false, pipes = (int((said & ~hazard & which).sum()) for which in (True, plastic))
        print(f"  {least:.2f}: {called}, {per * false:.2f} ({per * pipes:.2f})")


def decided(row: Row, settings: Settings) -> str:
    """Kind of a row that was reported, as it would be with other settings."""
    seen = json.loads(row["evidence"])
    body = Body(seen["source"], row["distance_m"], row["twt_ns"], votes=seen["votes"], evidence=seen["values"])
    return pipeline.decide(body, settings)


def reliability(results: Sequence[Row], picture: Path | None) -> None:
    """Print, and draw, how often what was said with a probability was right: the kind of a row, and that it is a hazard.

    Beside the expected calibration error stands what it would come to by chance if every probability were true.
    """
    said: dict[str, list[tuple[float, bool, str]]] = {"kind": [], "hazard": []}
    for r in results:
        paired = [(row, RIGHT[b["class"]], f"{r['scene']} {b['x']:.2f}") for row, b in r["pairs"]]
        false = [(row, set(), f"{r['scene']} false {row['distance_m']:.1f}") for row in r["false"]]
        for row, right, place in paired + false:
            chance = json.loads(row["probabilities"])
            best = max(chance, key=chance.get)
            said["kind"].append((chance[best], best in right or (best == "clutter" and not right), place))
            hazard = min(sum(chance.get(k, 0.0) for k in HAZARDS), 1.0)
            said["hazard"].append((hazard, bool(right & set(HAZARDS)), place))
    drawn = {}
    for name, rows in said.items():
        chance, right = (np.array([row[i] for row in rows], dtype=float) for i in (0, 1))
        place = np.digitize(chance, EDGES) - 1
        bins = [(chance[place == k], right[place == k]) for k in range(EDGES.size - 1)]
        drawn[name] = [(float(p.mean()), int(q.sum()), q.size) for p, q in bins if q.size]
        usual, most = by_chance(chance, [row[2] for row in rows])
        off = calibration_error(chance, right)
        print(
            f"\nP({name}): expected calibration error {off:.3f}; were it perfect, {usual:.3f}, in 95 of 100 below {most:.3f}"
        )
        for p, k, n in drawn[name]:
            print(f"  said {p:.2f}: right {k:4d} of {n:4d} = {_share(k, n)}")
    if picture is not None:
        _draw_reliability(drawn, picture)


def calibration_error(chance: np.ndarray, right: np.ndarray) -> float:
    """Expected calibration error: share of right rows against the mean that was said, over bins weighted by their rows."""
    place = np.digitize(chance, EDGES)
    return float(np.abs(np.bincount(place, chance - right)).sum() / max(chance.size, 1))


def by_chance(chance: np.ndarray, places: Sequence[str], draws: int = 1000) -> tuple[float, float]:
    """Mean and 95th percentile of the calibration error of probabilities that are true.

    Rows on one body at several levels of acquisition are taken to be right or wrong together.
    """
    body = np.unique(places, return_inverse=True)[1]
    luck = np.random.default_rng(1).uniform(size=(draws, body.max(initial=-1) + 1))[:, body]
    errors = [calibration_error(chance, (row < chance).astype(float)) for row in luck]
    return float(np.mean(errors)), float(np.percentile(errors, 95))


def _draw_reliability(drawn: dict[str, list[tuple[float, int, int]]], picture: Path) -> None:
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, 2, figsize=(8, 4), sharey=True, layout="constrained")
    for ax, (name, bins) in zip(axes, drawn.items(), strict=True):
        ax.plot([0, 1], [0, 1], color="0.6", lw=1)
        for p, k, n in bins:
            low, high = wilson(k, n)
            ax.plot([p, p], [low, high], color="C0")
            ax.plot(p, k / n, "o", color="C0")
            ax.annotate(str(n), (p, k / n), textcoords="offset points", xytext=(5, -9), fontsize=8)
        ax.set(xlabel=f"probability said: {name}", xlim=(0, 1.02), ylim=(-0.02, 1.02))
        ax.set_aspect("equal")
    axes[0].set_ylabel("share that was right")
    figure.savefig(picture, dpi=110)


def arrays(results: Sequence[Row], verbose: bool) -> None:
    """Print how many bodies of array scenes came out once, as what they are, and the errors of extents of voids."""
    right = total = extra = 0
    errors: list[float] = []
    for r in results:
        free = list(r["rows"])
        for body in r["truth"]["objects_3d"]:
            total += 1
            void = "center_xyz_m" in body
            near = [row for row in free if _at(row, body, r["truth"]["first"])]
            good = [row for row in near if (row["kind"] in HAZARDS if void else row["kind"] == "pipe")]
            if good:
                right += 1
                free = [row for row in free if row is not good[0]]
                if void:
                    errors += [good[0]["length_m"] - body["extent_m"]["x"], good[0]["width_m"] - body["extent_m"]["y"]]
            if verbose:
                said = ", ".join(f"{q['kind']} {q['distance_m']:.2f}/{q['offset_m']:+.2f} m" for q in near) or "nothing"
                print(f"  {r['scene']} [{r['level']}] {body['class']} -> {said}")
        extra += len(free)
        if verbose:
            for q in free:
                print(f"  {r['scene']} [{r['level']}] EXTRA {q['kind']} {q['distance_m']:.2f}/{q['offset_m']:+.2f} m")
    print(f"\narrays: bodies right {_share(right, total)}, extra rows {extra} in {len(results)} scenes")
    size = np.array(errors)
    within = int((np.abs(size) <= 0.15).sum())
    print(f"extents of voids within 0.15 m: {_share(within, size.size)}; not given {int(np.isnan(size).sum())}")


def _at(row: Row, body: Row, first: float) -> bool:
    if "center_xyz_m" in body:
        x, y, _ = body["center_xyz_m"]
        along = abs(row["distance_m"] - (x - first)) <= max(0.2, body["extent_m"]["x"] / 2)
        there = along and abs(row["offset_m"] - y) <= 0.25
    else:
        there = abs(row["distance_m"] - (body["x0_m"] + body["slope"] * row["offset_m"] - first)) <= 0.25
    return bool(there and abs(row["top_depth_m"] - body["top_depth_m"]) <= 0.2)


def show(results: Iterable[Row]) -> None:
    """Print every hit, miss and false alarm."""
    for r in results:
        head = f"  {r['scene']} [{r['level']}]"
        for row, body in r["pairs"]:
            mark = "" if row["kind"] in RIGHT[body["class"]] else "  <- wrong kind"
            z, sigma = row["top_depth_m"] - body["top_depth_m"], row["sigma_depth_m"]
            late = row["twt_ns"] - body["t_flight_ns"]
            print(
                f"{head} hit  {body['class']:15s} as {row['kind']:10s} dt {late:+.2f} dz {z:+.3f} ({sigma:.3f}){mark}"
            )
        for body in r["missed"]:
            print(f"{head} MISS {body['class']:15s} at {body['x']:.2f} m, {body['t_flight_ns']:.1f} ns")
        for row in r["false"]:
            where = f"at {row['distance_m']:.2f} m, {row['twt_ns']:.1f} ns"
            print(f"{head} FALSE {row['kind']:10s} {where}, confidence {row['confidence']:.2f}")


def main() -> None:
    """Score, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--level", action="append", choices=LEVELS)
    parser.add_argument("--recipe", default="road")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--picture", type=Path, help="file to draw the reliability diagram to")
    parser.add_argument("-v", "--verbose", action="store_true")
    args = parser.parse_args()
    levels = args.level or LEVELS
    paths = [p for folder in args.folders for p in sorted(folder.glob("*.npz")) if p.with_suffix(".json").exists()]
    with ProcessPoolExecutor(args.jobs) as pool:
        jobs = [(str(path), level, args.recipe) for path in paths for level in levels]
        results = [r for r in pool.map(run, jobs) if r is not None]
    lines, surveys = ([r for r in results if r["array"] is flag] for flag in (False, True))
    if args.verbose:
        show(lines)
    if lines:
        by_level = {level: summary([r for r in lines if r["level"] == level]) for level in levels}
        print(f"{len({r['scene'] for r in lines})} scenes\n{'':26s}" + "".join(f"{level:>24s}" for level in levels))
        for key in next(iter(by_level.values())):
            print(f"{key:26s}" + "".join(f"{by_level[level][key]:>24s}" for level in levels))
        tables(lines)
        trade(lines, pipeline.load_settings(args.recipe))
        reliability(lines, args.picture)
    if surveys:
        arrays(surveys, args.verbose)


if __name__ == "__main__":
    main()

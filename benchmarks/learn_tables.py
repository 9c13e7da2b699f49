"""Learn the likelihood tables of detection from simulated scenes, and show by cross-validation what they are worth.

    python -m gprscan.synthetic.make scenes --n 100 --seed 1
    python benchmarks/learn_tables.py scenes                  # prints the cross-validation only
    python benchmarks/learn_tables.py scenes --write          # and writes detection/tables/{diffraction,zone}.toml
    python benchmarks/learn_tables.py scenes --update --write # starts from the tables as they are: new scenes only shift them

Each measured value gets a curve of log-likelihood per kind, straight between a few knots. All curves of a table are fitted
together (multinomial logistic regression on hat functions, with small and smooth curves preferred), so that two values which
say the same are not counted twice, on top of the votes that come from elsewhere (a faint echo, a layer). Scenes are kept whole in the folds. What was learnt is read by people, edited where they
know better, and never loaded as code.
"""

from __future__ import annotations

import argparse
import math
import tomllib
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import xarray as xr
from check_detection import CLUTTER, noisy
from scipy.optimize import linear_sum_assignment, minimize
from score_scenes import load

import gprscan as gs
from gprscan import names
from gprscan.detection import diffractions, image, pipeline, settle, zones
from gprscan.detection.body import Body, Votes
from gprscan.detection.classify import total
from gprscan.synthetic import road_line

TABLES = Path(gs.__file__).parent / "detection" / "tables"
LEVELS = ("clean", "light", "moderate", "severe")
KIND_OF = {
    "air_void": "cavity.air",
    "water_void": "cavity.water",
    "debond_cavity": "debond",
    "loose_zone": "loose",
    "water_rich_zone": "water_rich",
    "metal_pipe": "pipe.metal",
    "pvc_pipe_air": "pipe.air",
    "pvc_pipe_water": "pipe.water",
    "concrete_pipe": "pipe.concrete",
}
ROAD, ROAD_SEED = 50.0, 700_000  # m of an empty road, and seed of the first: far from those of the checks
ROAD_SNR = {"clean": 30.0, "light": 20.0, "moderate": 10.0, "severe": 5.0}  # dB
NARROW = (0.2, 0.45)  # m: voids as wide as pipes
OTHERS = ("rebar_mesh", "manhole")  # have detectors of their own
Knots = dict[str, list[float]]

DIFFRACTION: Knots = {
    "row_ratio_db": [-5, 0, 4, 8, 12, 16, 22, 30],
    "reflectivity_db": [-40, -28, -22, -18, -14, -10, -6, -2],
    "amplitude_db": [-40, -30, -24, -19, -14, -9, -4],
    "coherence": [0.35, 0.55, 0.7, 0.8, 0.9, 1.0],
    "onset_margin": [-0.35, -0.2, -0.07, 0.07, 0.2, 0.35],
    "roof_margin": [-0.3, -0.15, -0.05, 0.05, 0.15, 0.3],
    "image_width_m": [0.1, 0.2, 0.3, 0.45, 0.7, 1.1],
    "interior_db": [-24, -18, -13, -8, -4, 2],
    "ringing_db": [-11, -7.5, -5, -2.5, 0],
    "excess_settled": [-0.1, 0, 0.08, 0.16, 0.3, 0.5],
    "strength_db": [5, 8, 11, 15, 20, 25],
    "snr_db": [8, 12, 16, 22, 30],
    "contrast_db": [-6, -2, 2, 6, 12],
    "inner_db": [-25, -15, -8, -2, 4],
    "inner_ns": [1, 3, 5, 8, 12],
    "bottom_ns": [0.3, 0.6, 1.0, 1.5, 2.5],
    "wall_ratio": [-0.4, -0.15, 0, 0.1, 0.2, 0.3, 0.45],
    "legs_db": [-10, -6, -3, 0, 3],
    "interior_contrast_db": [-4, 0, 4, 8, 14],
    "sag_ratio": [0, 0.03, 0.06, 0.12],
    "disorder": [0, 0.2, 0.4, 0.6, 0.8],
    "under_db": [-10, 0, 10, 20],
    "under_margin": [-0.35, -0.15, 0, 0.15, 0.35],
    "floor_ns": [2, 5, 8, 12, 16, 22],
    "floor_db": [-10, -5, 0, 5],
    "peers_per_m": [0, 0.3, 0.8, 1.5, 3],
    "apex_ns": [3, 5, 8, 12, 18, 26],
    "frequency_ratio": [0.85, 0.95, 1.0, 1.05, 1.15],
}
ZONE: Knots = {
    "row_ratio_db": [0, 5, 10, 15, 20, 28],
    "reflectivity_db": [-26, -20, -16, -12, -8, -4],
    "image_width_m": [0.3, 0.45, 0.7, 1.0, 1.5],
    "interior_db": [-24, -18, -13, -8, -4, 2],
    "interior_contrast_db": [-6, -2, 2, 6, 10, 16],
    "roof_margin": [-0.3, -0.15, -0.05, 0.05, 0.15, 0.3],
    "sag_ratio": [0, 0.03, 0.06, 0.12],
    "disorder": [0, 0.2, 0.4, 0.6, 0.8],
    "stones_per_m2": [0, 0.5, 1, 2, 3],
}
ZONE_KINDS = ("cavity.air", "cavity.water", "loose", "water_rich", "debond", "pipe", "clutter")


@dataclass
class Sample:
    """One measured body: its scene, level, evidence and true kind (None: not to be learnt from)."""

    scene: str
    level: str
    values: dict[str, object]
    kind: str | None
    others: dict[str, float]  # sum of the votes that are not learnt
    stone: bool = False  # detection is sure that it is natural


def objects(truth: dict, first: float) -> list[dict]:
    """Objects of a scene with their position from the first trace."""
    known = {*KIND_OF, *OTHERS}
    return [{**o, "x": o["apex_x_m"] - first} for o in truth["objects"] if o["class"] in known and "apex_x_m" in o]


def hidden(obj: dict) -> bool:
    """Is its echo less than 3 dB above the clutter?"""
    scr = obj.get("measured_from_twin", {}).get("scr_db")
    return scr is not None and scr < 3


def label(
    bodies: Sequence[Body], objs: list[dict], period: float, wide: bool
) -> tuple[list[str | None], list[dict | None]]:
    """Kind of each body by what lies where it was found, None for duplicates, hidden objects and other detectors' bodies; and the object."""
    cost = np.full((len(bodies), len(objs)), np.inf)
    touched = np.zeros(len(bodies), bool)
    for i, body in enumerate(bodies):
        for j, obj in enumerate(objs):
            half = 0.5 * obj["width_m"] + (0.5 * (body.length or 0.0) if wide else 0.0)
            apart, late = abs(body.x - obj["x"]), body.t - obj["t_flight_ns"]
            tall = (
                2 * obj.get("height_m", 0.0) / obj.get("v_mean_to_top_m_per_ns", 0.1) if "zone" in obj["class"] else 0.0
            )
            tolerance = period + 0.05 * obj["t_flight_ns"]
            if apart <= max(0.15, half) and -tolerance <= late <= tolerance + tall:
                cost[i, j] = apart / 0.15 + abs(late) / period
            touched[i] |= apart <= half and late > -tolerance and obj["class"] in (*OTHERS, "debond_cavity")
    kinds: list[str | None] = [
        None if np.isfinite(c).any() or t else "clutter" for c, t in zip(cost, touched, strict=True)
    ]
    mine: list[dict | None] = [None] * len(bodies)
    if cost.size:
        rows, columns = linear_sum_assignment(np.where(np.isfinite(cost), cost, 1e6))
        for i, j in zip(rows, columns, strict=True):
            if np.isfinite(cost[i, j]):
                kinds[i] = None if hidden(objs[j]) else KIND_OF.get(objs[j]["class"])
                mine[i] = objs[j]
    return kinds, mine


def measure(job: tuple[str, str]) -> tuple[list[Sample], list[Sample]]:
    """Hyperbolas and roofs of one scene at one level, with their evidence and labels."""
    path, level = Path(job[0]), job[1]
    scene = load(path, level)
    if scene is None or names.CHANNEL in scene[0].dims:
        return [], []
    line, truth = scene
    objs, period = objects(truth, truth["first"]), 1e9 / truth["acquisition"]["fc_hz"]
    hyperbolas, roofs = found_on(line)
    kinds, owners = label(hyperbolas, objs, period, wide=False)
    for body, owner, kind in zip(hyperbolas, owners, kinds, strict=True):
        place = ground_at(truth, body.depth) if kind == "clutter" and body.depth else owner
        body.evidence["true_radius_m"] = radius_over_truth(body, place)
        body.evidence["true_length_m"] = owner["width_m"] if owner else None
    return (
        _samples(path.stem, level, hyperbolas, kinds),
        _samples(path.stem, level, roofs, label(roofs, objs, period, wide=True)[0]),
    )


def ground_at(truth: dict, depth: float) -> dict:
    """What a record of an object at a depth in m would say of the ground above it."""
    layers = [(min(at["bottom_m"], depth) - at["top_m"], at["v_m_per_ns"]) for at in truth["host_layers"]]
    above = [(thickness, velocity) for thickness, velocity in layers if thickness > 0]
    time = sum(thickness / velocity for thickness, velocity in above)
    square = sum(thickness * velocity for thickness, velocity in above) / time
    return {"top_depth_m": depth, "v_rms_ground_m_per_ns": math.sqrt(square)}


def radius_over_truth(body: Body, owner: dict | None) -> float | None:
    """Radius in m that explains the apparent velocity of a hyperbola over the true velocity: `radius_m` of the tables."""
    true = owner.get("v_rms_ground_m_per_ns") if owner else None
    if not owner or not true or body.velocity is None:
        return None
    prior = body.velocity / float(body.evidence["ground_factor"])
    excess = float(body.evidence["excess"]) + math.log(prior / true)
    return float(owner["top_depth_m"] * (math.exp(2 * excess) - 1))


def measure_road(seed: int) -> tuple[list[Sample], list[Sample]]:
    """Hyperbolas and roofs of an empty road with natural scatterers, all of them clutter."""
    level = LEVELS[seed % len(LEVELS)]
    line, _ = road_line(ROAD, seed, clutter=CLUTTER[seed % len(CLUTTER)])
    members = found_on(noisy(line, ROAD_SNR[level], seed))
    first, second = (_samples(f"road{seed}", level, part, ["clutter"] * len(part)) for part in members)
    return first, second


def _samples(scene: str, level: str, bodies: Sequence[Body], kinds: Sequence[str | None]) -> list[Sample]:
    return [Sample(scene, level, b.evidence, k, others(b.votes), b.stone) for b, k in zip(bodies, kinds, strict=True)]


def found_on(line: xr.Dataset) -> tuple[list[Body], list[Body]]:
    """Hyperbolas, settled, and roofs of a line."""
    settings = pipeline.load_settings("road")
    bodies, roofs = [], []
    for section in pipeline.iter_sections(line, settings):
        picture = image.migrated(section, settings.prior_ground().rms(10.0))
        bodies += diffractions.find_bodies(section, settings, picture, stones=True)
        roofs += zones.find_roofs(section, picture, settings)
    settle.settle(
        bodies,
        settings.prior_ground(),
        float(line.attrs.get(names.ANTENNA_HEIGHT) or 0.0),
        pipeline.separations(line),
    )
    return bodies, roofs


def others(votes: Votes) -> dict[str, float]:
    """Sum of the votes of a body that no table holds; `oblique` answers to the tables, and no scene is crossed obliquely."""
    learnt = {"prior", "oblique", *DIFFRACTION, *ZONE}
    return total({name: vote for name, vote in votes.items() if name not in learnt})


def scenes(folders: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Scene files and levels."""
    for folder in folders:
        for path in sorted(Path(folder).glob("*.npz")):
            for level in LEVELS:
                yield str(path), level


def design(samples: Sequence[Sample], knots: Knots) -> np.ndarray:
    """Hat functions of all values, and a column of ones, shape (sample, 1 + all knots)."""
    columns = [np.ones((len(samples), 1))]
    for name, at in knots.items():
        value = np.array([np.nan if s.values.get(name) is None else float(s.values[name]) for s in samples])  # type: ignore[arg-type]
        hats = np.stack([np.interp(value, at, row) for row in np.eye(len(at))], axis=1)
        columns.append(np.nan_to_num(hats))
    return np.concatenate(columns, axis=1)


def given(samples: Sequence[Sample], kinds: Sequence[str]) -> np.ndarray:
    """Votes that are not learnt, shape (sample, kind)."""
    return np.array([[s.others.get(k, 0.0) for k in kinds] for s in samples]).reshape(len(samples), len(kinds))


def fit(
    x: np.ndarray,
    y: np.ndarray,
    rest: np.ndarray,
    knots: Knots,
    known: np.ndarray | None = None,
    smooth: float = 3.0,
    small: float = 0.3,
) -> np.ndarray:
    """Curves of all kinds, shape (column, kind): penalised maximum likelihood, on top of the votes `rest`.

    `known` are curves learnt before, from other scenes: what is penalised is the distance from them, so that they stand
    where the new scenes say nothing.
    """
    parts, at = [], 1
    for points in knots.values():
        parts.append(slice(at, at + len(points)))
        at += len(points)

    n_kinds = rest.shape[1]
    base = np.zeros((x.shape[1], n_kinds)) if known is None else known
    offset = x @ base + rest

    def loss(flat: np.ndarray) -> tuple[float, np.ndarray]:
        curves = flat.reshape(x.shape[1], n_kinds)
        chance = softmax(offset + x @ curves)
        value = -float(np.log(chance[np.arange(y.size), y] + 1e-12).sum())
        chance[np.arange(y.size), y] -= 1
        slope = x.T @ chance
        for part in parts:
            bend = np.diff(curves[part], 2, axis=0)
            value += small * float((curves[part] ** 2).sum()) + smooth * float((bend**2).sum())
            slope[part] += 2 * small * curves[part]
            for shift, factor in ((0, 1), (1, -2), (2, 1)):
                slope[part][shift : shift + bend.shape[0]] += 2 * smooth * factor * bend
        value += 0.02 * float((curves[0] ** 2).sum())
        slope[0] += 0.04 * curves[0]
        return value, slope.ravel()

    start = np.zeros(x.shape[1] * n_kinds)
    change = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": 500}).x.reshape(-1, n_kinds)
    return base + change


def curves_of(name: str, kinds: Sequence[str], knots: Knots) -> np.ndarray:
    """Curves of a table as it is, shape (column, kind); flat for values and kinds that it does not know."""
    table = tomllib.loads((TABLES / f"{name}.toml").read_text("utf-8"))
    rows = [np.array([[math.log(table["prior"].get(k, 1e-3)) for k in kinds]])]
    for value, at in knots.items():
        curve = table.get("curve", {}).get(value, {"knots": [0.0, 1.0]})
        flat = [0.0] * len(curve["knots"])
        rows.append(np.stack([np.interp(at, curve["knots"], curve.get(k, flat)) for k in kinds], axis=1))
    return np.concatenate(rows)


def softmax(score: np.ndarray) -> np.ndarray:
    """Probabilities from sums of votes."""
    weight = np.exp(score - score.max(axis=1, keepdims=True))
    return weight / weight.sum(axis=1, keepdims=True)


def cross_validate(
    samples: Sequence[Sample], kinds: Sequence[str], knots: Knots, known: np.ndarray | None = None, folds: int = 6
) -> np.ndarray:
    """Probabilities of each sample from curves that were fitted without its scene."""
    names = sorted({s.scene for s in samples})
    np.random.default_rng(1).shuffle(names)
    fold = np.array([names.index(s.scene) % folds for s in samples])
    x, y = design(samples, knots), np.array([kinds.index(s.kind) for s in samples])  # type: ignore[arg-type]
    rest = given(samples, kinds)
    out = np.zeros((len(samples), len(kinds)))
    for k in range(folds):
        mine = fold == k
        out[mine] = softmax(x[mine] @ fit(x[~mine], y[~mine], rest[~mine], knots, known) + rest[mine])
    return out


def report(samples: Sequence[Sample], kinds: Sequence[str], chance: np.ndarray) -> None:
    """Print hits, misses, false alarms, confusion and reliability."""
    families = list(dict.fromkeys(k.partition(".")[0] for k in kinds))
    merged = np.stack([chance[:, [k.partition(".")[0] == f for k in kinds]].sum(axis=1) for f in families], axis=1)
    body = merged[:, families.index("clutter")] < 0.5
    true = np.array([str(s.kind) for s in samples])
    said = np.where(
        body, np.array(families)[np.where(np.array(families) == "clutter", -1, merged).argmax(axis=1)], "clutter"
    )
    for level in LEVELS:
        at = np.array([s.level == level for s in samples])
        hit, false = int((at & body & (true != "clutter")).sum()), int((at & body & (true == "clutter")).sum())
        missed = int((at & ~body & (true != "clutter")).sum())
        print(f"  {level:10s} hits {hit:4d}  missed {missed:4d}  false {false:4d}  of {int(at.sum())}")
    print("  " + " " * 14 + "".join(f"{f:>11s}" for f in families))
    for kind in kinds:
        print(f"  {kind:14s}" + "".join(f"{int(((true == kind) & (said == f)).sum()):11d}" for f in families))
    best = merged.max(axis=1)
    family = np.array([k.partition(".")[0] for k in true])
    right = family == np.array(families)[merged.argmax(axis=1)]
    for low, high in ((0.3, 0.5), (0.5, 0.7), (0.7, 0.9), (0.9, 1.01)):
        here = (best >= low) & (best < high)
        if here.any():
            print(f"  said {low:.1f}-{min(high, 1):.1f}: right {right[here].mean():.2f} of {int(here.sum())}")


def radii(samples: Sequence[Sample], kinds: Sequence[str]) -> None:
    """Print median and half of the middle 68 % of the radii that the true velocity leaves, for `radius_m` of the tables."""
    for kind in kinds:
        found = [s.values.get("true_radius_m") for s in samples if s.kind == kind]
        known = np.array([r for r in found if r is not None], dtype=float)
        if known.size >= 10:
            low, middle, high = np.percentile(known, [16, 50, 84])
            print(f"  radius of {kind}: {middle:.3f} +- {(high - low) / 2:.3f} m of {known.size}")


def null(samples: Sequence[Sample], kinds: Sequence[str], chance: np.ndarray, km: float) -> None:
    """Print false alarms per km of empty road, and shares of bodies kept, over the least probability of a row (`report`)."""
    true = np.array([str(s.kind) for s in samples])
    road = np.array([s.scene.startswith("road") for s in samples])
    clutter = np.array([kind == "clutter" for kind in kinds])
    body = 1.0 - chance[:, clutter].sum(axis=1)
    void = np.char.startswith(true, "cavity")
    for least in (0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9):
        shown = body > least
        kept = f"{shown[void].mean():.3f} of the echoes of voids, {shown[true != 'clutter'].mean():.3f} of all bodies"
        print(f"  report {least:.2f}: {shown[road].sum() / km:.2f} false alarms per km of empty road, {kept}")


def stones(samples: Sequence[Sample], kinds: Sequence[str], chance: np.ndarray) -> None:
    """Print how many hyperbolas detection weighs no further, and what the tables say of the bodies among them."""
    clutter = [k for k, kind in enumerate(kinds) if kind == "clutter"]
    body = 1.0 - chance[:, clutter].sum(axis=1)
    sure, true = np.array([s.stone for s in samples]), np.array([s.kind != "clutter" for s in samples])
    road = np.array([s.scene.startswith("road") for s in samples])
    for where, here in (("scenes", ~road), ("empty roads", road)):
        if here.any():
            lost = sure & true & here
            said = f"; of {(true & here).sum()} echoes of bodies {lost.sum()}, the likeliest with {body[lost].max(initial=0.0):.3f}"
            print(
                f"  sure to be stones, {where}: {sure[here].mean():.2f} of {here.sum()}{said if where == 'scenes' else ''}"
            )


def lengths(samples: Sequence[Sample]) -> None:
    """Print the line through the true extents of voids over the width of their roofs, for `length_m` of the tables."""
    voids = [s for s in samples if str(s.kind).startswith("cavity")]
    pairs = [(s.values.get("image_width_m"), s.values.get("true_length_m")) for s in voids]
    known = np.array([pair for pair in pairs if None not in pair], dtype=float)
    if known.shape[0] >= 10:
        slope, least = np.polyfit(*known.T, 1)
        off = known[:, 1] - least - slope * known[:, 0]
        near = np.mean(np.abs(off) <= 0.15)
        print(
            f"  length of cavity: {least:.3f} + {slope:.3f} x roof +- {off.std():.3f} m, {near:.2f} within .15 m of {len(known)}"
        )


def least_error(samples: Sequence[Sample], kinds: Sequence[str], chance: np.ndarray) -> None:
    """Print how often a void as wide as a pipe must be mistaken for an air-filled plastic pipe, from all that is measured.

    The nearest neighbour in another scene has the wrong kind with a share E of at least the least possible error and, in the limit of many
    samples, at most ``2 e (1 - e)``, so that ``e >= (1 - sqrt(1 - 2 E)) / 2`` (Cover and Hart, IEEE Trans. Inf. Theory 13,
    1967). Neighbours are looked for among the hat functions of all values and along the cross-validated
    log odds alone; both kinds weigh the same. With few samples E is too high, so that this is no proof, but what these scenes say.
    """
    pair = ("cavity.air", "pipe.air")
    mine = [i for i, s in enumerate(samples) if s.kind in pair and _as_wide_as_a_pipe(s)]
    true = np.array([samples[i].kind == pair[0] for i in mine], bool)
    scene = np.unique([samples[i].scene for i in mine], return_inverse=True)[1]
    if min(true.sum(), (~true).sum()) < 20:
        return
    odds = np.log(chance[mine][:, [kinds.index(k) for k in pair]] + 1e-9)
    odds = odds[:, :1] - odds[:, 1:]
    learnt = [sum(s.kind == kind for s in samples) for kind in pair]
    places = {"all values": design([samples[i] for i in mine], DIFFRACTION), "log odds": odds}
    print(
        f"  {pair[0]} ({true.sum()}) or {pair[1]} ({(~true).sum()}) of {NARROW} m, in {scene.max() + 1} scenes; 95 % over scenes"
    )
    weight = np.where(true, 0.5 / true.mean(), 0.5 / (~true).mean())
    wrong = {"tables, even odds": ((odds[:, 0] > math.log(learnt[0] / learnt[1])) != true).astype(float)}
    for name, at in places.items():
        apart = ((at[:, None] - at[None]) ** 2).sum(axis=2)
        apart[scene[:, None] == scene[None]] = np.inf
        wrong[f"nearest by {name}"] = (true[apart.argmin(axis=1)] != true).astype(float)
    for name, miss in wrong.items():
        low, error, high = over_scenes(miss * weight, scene)
        print(f"    {name:22s} wrong {error:.2f} ({low:.2f}-{high:.2f})")
        if name.startswith("nearest"):
            least = [(1 - math.sqrt(max(1 - 2 * e, 0.0))) / 2 for e in (error, low, high)]
            print(f"    {'':22s} least error {least[0]:.2f} ({least[1]:.2f}-{least[2]:.2f})")


def _as_wide_as_a_pipe(sample: Sample) -> bool:
    width = sample.values.get("true_length_m")
    return width is not None and NARROW[0] <= float(width) <= NARROW[1]  # type: ignore[arg-type]


def over_scenes(values: np.ndarray, scene: np.ndarray, draws: int = 2000) -> tuple[float, float, float]:
    """Mean of values with its 95 % interval, scenes drawn with replacement."""
    total, count = np.bincount(scene, values), np.bincount(scene)
    drawn = np.random.default_rng(1).integers(0, count.size, (draws, count.size))
    low, high = np.percentile(total[drawn].sum(axis=1) / count[drawn].sum(axis=1), [2.5, 97.5])
    return float(low), float(values.mean()), float(high)


def write(name: str, kinds: Sequence[str], knots: Knots, curves: np.ndarray, n: int) -> None:
    """Write the curves into a table, keeping what follows the mark `# kept by hand`."""
    path = TABLES / f"{name}.toml"
    kept = path.read_text("utf-8").partition("# kept by hand")[2] if path.exists() else ""
    prior = softmax(curves[:1])[0]
    lines = [
        f"# Log-likelihoods (natural) of measured values per kind at their knots, straight lines between; learnt from {n}",
        "# simulated bodies by benchmarks/learn_tables.py. Edit where you know better. `cavity.air` is a variant of cavity.",
        'version = "1.0"',
        "",
        "[prior]",
        *(f'"{k}" = {p:.5f}' for k, p in zip(kinds, prior, strict=True)),
    ]
    at = 1
    for value, points in knots.items():
        part = curves[at : at + len(points)]
        part = part - part.mean(axis=1, keepdims=True)
        at += len(points)
        lines += ["", f"[curve.{value}]", f"knots = {points}"]
        lines += [f'"{k}" = [{", ".join(f"{v:.2f}" for v in part[:, i])}]' for i, k in enumerate(kinds)]
    path.write_text("\n".join([*lines, "", "# kept by hand" + (kept or "\n")]), "utf-8")


def main() -> None:
    """Learn, and print what it is worth."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folders", nargs="+")
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--update", action="store_true", help="start from the tables as they are")
    parser.add_argument(
        "--roads", type=int, default=0, help=f"number of empty roads of {ROAD:.0f} m to learn clutter from"
    )
    parser.add_argument("--jobs", type=int, default=2)
    args = parser.parse_args()
    with ProcessPoolExecutor(args.jobs) as pool:
        found = list(pool.map(measure, scenes(args.folders), chunksize=8))
        found += pool.map(measure_road, range(ROAD_SEED, ROAD_SEED + args.roads))
    jobs = (("diffraction", (*KIND_OF.values(), "clutter"), DIFFRACTION, 0), ("zone", ZONE_KINDS, ZONE, 1))
    for name, kinds, knots, which in jobs:
        samples = [s for part in found for s in part[which] if s.kind is not None]
        if name == "zone":
            for s in samples:
                s.kind = s.kind.partition(".")[0] if s.kind.startswith("pipe") else s.kind  # type: ignore[union-attr]
        kinds = tuple(k for k in dict.fromkeys(kinds) if any(s.kind == k for s in samples))
        print(f"{name}: {len(samples)} samples in {len({s.scene for s in samples})} scenes; cross-validated:")
        known = curves_of(name, kinds, knots) if args.update else None
        chance = cross_validate(samples, kinds, knots, known)
        report(samples, kinds, chance)
        if args.roads:
            null(samples, kinds, chance, args.roads * ROAD / 1000)
        if name == "diffraction":
            stones(samples, kinds, chance)
        radii(samples, kinds)
        lengths(samples)
        least_error(samples, kinds, chance)
        if args.write:
            x, y = design(samples, knots), np.array([kinds.index(str(s.kind)) for s in samples])
            write(name, kinds, knots, fit(x, y, given(samples, kinds), knots, known), len(samples))


if __name__ == "__main__":
    main()

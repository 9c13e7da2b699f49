"""What detection does on real lines and on empty roads.

    GPRSCAN_SHARED=FOLDER python benchmarks/check_detection.py real
    GPRSCAN_SHARED=FOLDER python benchmarks/check_detection.py strata
    python benchmarks/check_detection.py clutter --metres 200
    python benchmarks/check_detection.py empty --km 1 [--snr 10] [--seed 100] [--channels 8]
    python benchmarks/check_detection.py twins [--seed 100]

``real``: bars of a slab and of a deck against reference picks, and hazard flags per 100 m on lines without a road.
``strata``: the two figures by which bedded sand is told from a road (`gprscan.detection.setting`).
``clutter``: full-wave empty roads beside long-road lines (`gprscan.synthetic.road_line`) over the same layers: how strong the
clutter is against the direct wave, how heavy its tail, how alike traces are one and three steps apart, and what detection makes
of both. ``empty``: false alarms per km on layered roads with natural scatterers and nothing else, each 100 m from another seed and
another degree of clutter, with white noise; 90 % intervals by the law of Poisson. Several channels lie 0.1 m apart over one road
and hear the stones to their sides. A row within 0.2 m of a scatterer's place and 0.25 m of its depth lies on a stone.
``twins``: what a thin plastic pipe changes in the echo of a round void of its width, by full-wave simulation of both at one place
of one road, against what slightly other voids change: energy of the difference that is left after the best shift and factor,
over that of the echo.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from scipy import stats
from scipy.ndimage import uniform_filter1d

import gprscan as gs
from gprscan import model, names
from gprscan.detection import candidates, pipeline, setting
from gprscan.synthetic import Road, Scene, road_line, roads, simulate_scene
from gprscan.synthetic.bodies import Body, Ellipse, air_void, concrete_pipe, pvc_pipe
from gprscan.synthetic.scenes import Survey

INCH, FOOT = 0.0254, 0.3048
SLAB = "dzt/TFHRCFASTNDElab__CHARISMA__rebar_lab"
DECK = "dt1/irenexychen__gpr-data-classifier__conquest_conduits/XLine A.DT1"
# seven bars and, at 1.346 ft, a conduit below them, by the vendor's software (ft)
DECK_PICKS = (0.412, 0.951, 1.346, 1.412, 1.951, 2.478, 2.984, 3.522)
CONDUIT, BELOW_BARS = 1.346, (3.0, 5.5)  # ft, ns
NOGGIN = "dt1/irenexychen__gpr-data-classifier__noggin_n250_gps/LINEX1.DT1"
TRENCH = "su/jjd2002__roadjin--GPR-processing-software-on-matlab__trench_and_pipes/trench_and_pipes.su"
NO_ROADS = {
    "dune": "dzt/NSGeophysics__GPRPy__sir3000_dune/FILE____032.DZT",
    "beach 1": "iprb/jhunziker__GPR_SEAL__beach/beach_0001_0.iprb",
    "beach 2": "iprb/jhunziker__GPR_SEAL__beach/beach_0002_0.iprb",
    "glacier": "dt1/NSGeophysics__GPRPy__comoffs_yosemite/XLINE00.DT1",
    "lake": "dt1/emanuelhuber__RGPR__cornino/yyline3.DT1",
    "river": "dt1/emanuelhuber__RGPR__flagogna/XLINE000.DT1",
    "peat": "dt1/emanuelhuber__RGPR__frenke/LINE00.DT1",
    "river island": "dt1/emanuelhuber__RGPR__isola_grid/YLINEA0.DT1",
}
SEGMENT = 100.0  # m
CHANNEL_STEP = 0.1  # m across the line
PIECE = 5.0  # m of full-wave road at a time
BANDS = ((5.0, 10.0), (10.0, 18.0), (18.0, 30.0))  # ns
CLUTTER = ("low", "medium", "high")
TWIN_WIDTHS = (0.2, 0.28, 0.36, 0.45)  # m
# beside a round air void of one width: place, top and width in m
OTHER_BODIES: dict[str, Callable[[float, float, float], Body]] = {
    "plastic pipe": lambda x, top, w: pvc_pipe(x, top, w / 2, water=False),
    "void 10 % wider": lambda x, top, w: air_void(Ellipse(x, top + 0.55 * w, 0.55 * w, 0.55 * w)),
    "void 10 % flatter": lambda x, top, w: air_void(Ellipse(x, top + 0.45 * w, w / 2, 0.45 * w)),
    "void 30 % flatter": lambda x, top, w: air_void(Ellipse(x, top + 0.35 * w, w / 2, 0.35 * w)),
    "concrete pipe": lambda x, top, w: concrete_pipe(x, top, w / 2, 0.09 * w, host=11.0),
}


def files() -> Path:
    """Folder of the real files."""
    return Path(os.environ["GPRSCAN_SHARED"]) / "data" / "real"


def hazards(table: Any) -> int:
    """How many rows are called a hazard."""
    return int(table["kind"].isin(names.HAZARD_KINDS).sum())


def real() -> None:
    """Print the checks on real lines."""
    root = files()
    found = gs.detect(gs.read(root / SLAB / "FILE____488.DZT"), recipe="structure")
    bars = np.sort(found.loc[found["kind"] == "rebar", "distance_m"])
    picks = np.array(json.loads((root / SLAB / "reference_picks.json").read_text())["picks_inch"])[:, 0] * INCH
    pitch = np.ptp(bars) / max(bars.size - 1, 1) / INCH
    print(f"slab: {bars.size} of {picks.size} bars, {len(found) - bars.size} more, pitch {pitch:.2f} in (8.05)")
    if bars.size == picks.size:
        apart = bars - picks - np.median(bars - picks)
        print(f"      places against the reference picks: at most {np.abs(apart).max() / INCH:.2f} in apart")
    line = gs.read(root / DECK)
    table = gs.detect(line, recipe="structure")
    spacing = float(np.median(np.diff(line["distance"])))
    near = [float(np.abs(table["distance_m"] - p * FOOT).min() / spacing) for p in DECK_PICKS]
    print(f"deck: {sum(n <= 2 for n in near)} of {len(near)} picks within 2 traces: {np.round(near, 1).tolist()}")
    print(f"      {under_bars(line)}")
    line = gs.read(root / NOGGIN)
    table = gs.detect(line, recipe="utility")
    spacing = float(np.median(np.diff(line["distance"])))
    near = [float(np.abs(table["distance_m"] - 14.170 * FOOT).min() / spacing)] if len(table) else []
    print(
        f"250 MHz cart: the pick at 14.170 ft is {np.round(near, 1).tolist()} traces from the nearest of {len(table)} bodies"
    )
    table = gs.detect(gs.read(root / TRENCH), recipe="utility")
    print(f"trench: {len(table)} bodies, {table['kind'].value_counts().to_dict()}")
    for name, path in NO_ROADS.items():
        table = gs.detect(gs.read(root / path))
        said = table.attrs["line"]
        rate = 100 * hazards(table) / said["length_m"]
        print(f"{name}: {rate:.1f} hazard flags per 100 m, {len(table)} bodies; {said['setting']}")


def under_bars(line: Any) -> str:
    """How strong the conduit under the bars of the deck is, and what else is as strong there, `BELOW_BARS`."""
    settings = pipeline.load_settings("structure")
    section = next(pipeline.iter_sections(line, settings))
    found = candidates.find(section, settings.model_copy(update={"strength": 0.8}))
    found = found[(found["t"] > BELOW_BARS[0]) & (found["t"] < BELOW_BARS[1])]
    level = 20 * np.log10(found["strength"])
    own = np.abs(found["x"] - CONDUIT * FOOT) < 2.5 * section.dx
    shown = f"{level[own].max():.1f}" if own.any() else "less than -2"
    others = int((level[~own] >= level[own].max(initial=-2.0)).sum())
    return f"conduit: {shown} dB over the typical echo at its time; {others} other hyperbolas there are as strong"


def strata() -> None:
    """Print how bedded real and simulated ground is."""
    lines = {
        f"road, {clutter} clutter": road_line(60.0, k, clutter=clutter, road=Road(n_samples=640, depth=2.3))[0]
        for k, clutter in enumerate(CLUTTER, 1)
    }
    lines |= {name: gs.read(files() / path) for name, path in NO_ROADS.items()}
    settings = pipeline.load_settings("road")
    print(f"{'line':<22}{'alike':>8}{'level':>8}{'m':>8}")
    for name, line in lines.items():
        for section in list(pipeline.iter_sections(line, settings))[:1]:
            q = setting.measure(section)
            if q is not None:
                print(f"{name:<22}{q.alike:>8.2f}{q.level:>8.2f}{q.length:>8.0f}")


def full_wave(number: int, seed: int) -> tuple[Any, Any]:
    """An empty road by finite differences, and a long-road line over the same layers."""
    clutter, road = CLUTTER[number % 3], Road()
    rng = np.random.default_rng(seed + number)
    layers = roads.random_layers(rng, clutter)
    survey = Survey(
        frequency=road.frequency,
        separation=road.separation,
        antenna_height=road.antenna_height,
        spacing=road.spacing,
        n_traces=round(PIECE / road.spacing) + 1,
        depth=road.depth + 0.1,
        time_window=road.n_samples * road.dt,
        step=0.01,
    )
    stones = roads.scatterers_below(rng, clutter, layers, length=survey.length, depth=survey.depth)
    scene = Scene("empty", "empty", seed + number, clutter, survey, roads.on_nodes(layers, survey.step), stones, ())
    record = simulate_scene(scene, parallel=True).record
    line = model.from_array(
        record.traces,
        dt=record.dt,
        spacing=road.spacing,
        frequency=road.frequency,
        separation=road.separation,
        time_zero=record.time_zero,
        antenna_height=road.antenna_height,
    )
    return line, road_line(PIECE, seed + number, clutter=clutter, road=road)[0]


def statistics(line: Any) -> list[float]:
    """Figures of `BANDS`, one after the other: level in dB below the direct wave, tail, likeness at two distances."""
    values, time = model.amplitude(line).astype("float64"), line["twt"].values
    direct = np.abs(values[:, time < 3.0]).max()
    scatter = values - uniform_filter1d(values, 41, axis=0, mode="nearest")
    found = []
    for low, high in BANDS:
        part = scatter[:, (time >= low) & (time < high)] / direct
        power = np.mean(part**2)
        tail = np.percentile(np.abs(part), 99.5) / np.sqrt(power)
        alike = [float(np.mean(part[:-step] * part[step:]) / power) for step in (1, 3)]
        found += [10 * np.log10(power), tail, *alike]
    return found


def clutter(metres: float, snr_db: float, seed: int) -> None:
    """Print the statistics of both, and what is found on them."""
    count = round(metres / PIECE)
    figures: dict[tuple[str, str], list[list[float]]] = {}
    rows: dict[tuple[str, str], dict[str, int]] = {}
    for number in range(count):
        for engine, line in zip(("full wave", "long road"), full_wave(number, seed), strict=True):
            key = (CLUTTER[number % 3], engine)
            figures.setdefault(key, []).append(statistics(line))
            kinds = rows.setdefault(key, {})
            for kind in gs.detect(noisy(line, snr_db, number))["kind"]:
                kinds[kind] = kinds.get(kind, 0) + 1
    columns = " ".join(f"{f'{low:.0f}-{high:.0f} ns':>27}" for low, high in BANDS)
    print(
        f"{count * PIECE:.0f} m of each; per band: level (dB), 99.5th percentile over rms, likeness at 1 and 3 traces"
    )
    print(f"{'':<18}{columns}   rows per 100 m")
    for (level, engine), each in figures.items():
        shown = " ".join(f"{value:>6.2f}" for value in np.median(each, axis=0))
        length = len(each) * PIECE / 100
        print(f"{level:<8}{engine:<10}{shown}   { {k: round(n / length, 1) for k, n in rows[level, engine].items()} }")


def noisy(line: Any, snr_db: float, seed: int) -> Any:
    """Add white noise so far below the strongest scatter: the 99.5th percentile of what is left without the mean trace."""
    values = model.amplitude(line)
    late = line["twt"].values > 4.0
    scatter = float(np.percentile(np.abs((values - values.mean(axis=-2, keepdims=True))[..., late]), 99.5))
    noise = np.random.default_rng(seed).standard_normal(values.shape, dtype=np.float32)
    return model.with_amplitude(line, values + np.float32(scatter / 10 ** (snr_db / 20)) * noise)


def empty_road(number: int, snr_db: float, seed: int, channels: int) -> tuple[Any, list[dict[str, Any]]]:
    """One segment of empty road with noise, and its scatterers."""
    offsets = None if channels == 1 else [CHANNEL_STEP * (c - 0.5 * (channels - 1)) for c in range(channels)]
    line, truth = road_line(SEGMENT, seed + number, clutter=CLUTTER[number % 3], offsets=offsets)
    return noisy(line, snr_db, seed + number), truth["clutter_objects"]


def on_stone(row: Any, stones: list[dict[str, Any]]) -> bool:
    """Does a row lie on a scatterer that is there?"""
    return any(
        abs(s["x_m"] - row["distance_m"]) <= 0.2
        and abs(s.get("y_m", 0.0) - row["offset_m"]) <= 0.2
        and abs(s["depth_m"] - row["top_depth_m"]) <= 0.25
        for s in stones
    )


def empty(km: float, snr_db: float, seed: int, channels: int) -> None:
    """Print false alarms per km."""
    rows: dict[str, int] = {}
    flags = number = stony = 0
    start = time.perf_counter()
    for number in range(1, round(1000 * km / SEGMENT) + 1):
        line, stones = empty_road(number, snr_db, seed, channels)
        table = gs.detect(line)
        stony += sum(on_stone(row, stones) for row in table.to_dict("records") if row["kind"] != "unknown")
        for kind, n in table["kind"].value_counts().items():
            rows[str(kind)] = rows.get(str(kind), 0) + int(n)
        flags += hazards(table)
        done = number * SEGMENT / 1000
        alarms = sum(n for kind, n in rows.items() if kind != "unknown")
        print(
            f"{done:.1f} km: {_rate(alarms, done)} false alarms, {stony} of them on stones, {_rate(flags, done)} hazard flags, "
            f"{rows.get('unknown', 0) / done:.1f} unknown (on stones) per km; {rows}; {time.perf_counter() - start:.0f} s",
            flush=True,
        )


def twins(seed: int) -> None:
    """Print how much of the echo of a round void is changed by a plastic wall, a size or a shape, in dB below the echo."""
    print(f"{'width':>6}" + "".join(f"{name:>22}" for name in OTHER_BODIES))
    for number, width in enumerate(TWIN_WIDTHS):
        survey = Survey(400.0, 0.14, 0.03, 0.05, 27, 1.5, 26.0, 0.01)
        layers = roads.on_nodes(roads.random_layers(np.random.default_rng(seed + number), "low"), survey.step)
        road = Scene("twins", "single", seed + number, "low", survey, layers, (), ())
        bare = simulate_scene(road, twins=False).record
        x, top = 0.5 * survey.length, 0.6

        def echo(body: Body, road: Scene = road, bare: Any = bare) -> np.ndarray:
            """Traces of the body less those of the road."""
            found = simulate_scene(replace(road, bodies=(body,)), twins=False).record
            return (found.traces - bare.traces).astype(float)

        void = echo(air_void(Ellipse(x, top + width / 2, width / 2, width / 2)))
        left = [left_over(void, echo(make(x, top, width))) for make in OTHER_BODIES.values()]
        print(f"{width:6.2f}" + "".join(f"{decibel:22.1f}" for decibel in left), flush=True)


def left_over(known: np.ndarray, other: np.ndarray) -> float:
    """Energy of `other` that no shift in time and no factor makes `known`, over the energy of `other`, dB.

    What a depth, a velocity and a loss that nobody knows would explain is no difference.
    """
    a, b = np.fft.rfft(known, axis=1), np.fft.rfft(other, axis=1)
    turn = np.exp(-2j * np.pi * np.arange(a.shape[1]) / known.shape[1] * np.arange(-12.0, 12.01, 0.1)[:, None])
    alike = np.abs((turn * (a * np.conj(b)).sum(axis=0)).real.sum(axis=1))
    share = alike.max() ** 2 / ((np.abs(a) ** 2).sum() * (np.abs(b) ** 2).sum())
    return float(10 * np.log10(max(1.0 - share, 1e-9)))


def _rate(count: int, km: float) -> str:
    low = stats.chi2.ppf(0.05, 2 * count) / 2 if count else 0.0
    high = stats.chi2.ppf(0.95, 2 * count + 2) / 2
    return f"{count / km:.2f} ({low / km:.2f} to {high / km:.2f})"


def main() -> None:
    """Run one check."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["real", "strata", "clutter", "empty", "twins"])
    parser.add_argument("--km", type=float, default=1.0)
    parser.add_argument("--metres", type=float, default=200.0)
    parser.add_argument("--snr", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=100)
    parser.add_argument("--channels", type=int, default=1)
    chosen = parser.parse_args()
    if chosen.what == "empty":
        empty(chosen.km, chosen.snr, chosen.seed, chosen.channels)
    elif chosen.what == "twins":
        twins(chosen.seed)
    elif chosen.what == "clutter":
        clutter(chosen.metres, chosen.snr, chosen.seed)
    else:
        {"real": real, "strata": strata}[chosen.what]()


if __name__ == "__main__":
    main()

"""Write simulated scenes with known truth: ``python -m gprscan.synthetic.make OUT --n 40 --seed 100``."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from gprscan.synthetic.degradation import LEVELS, degrade
from gprscan.synthetic.scenes import TEMPLATES, SimulatedScene, random_scene, simulate_scene
from gprscan.units import C_AIR


def write_scene(simulated: SimulatedScene, folder: Path, name: str) -> Path:
    """Write a scene's clean and degraded traces and its truth.

    Parameters
    ----------
    simulated : SimulatedScene
        A simulated scene.
    folder : pathlib.Path
        Where to write; must exist.
    name : str
        Stem of the two files.

    Returns
    -------
    pathlib.Path
        ``NAME.npz``: ``data`` (trace, sample), ``data_light``, ``data_moderate``, ``data_severe``, the delay, gain and
        flags of each, geometry and sampling. ``NAME.json`` beside it: the truth.
    """
    record, scene = simulated.record, simulated.scene
    frequency = scene.survey.frequency
    arrays: dict[str, Any] = {
        "data": record.traces,
        "dt_ns": record.dt,
        "trace_spacing_m": scene.survey.spacing,
        "tx_rx_offset_m": record.separation,
        "fc_hz": frequency * 1e6,
        "time_zero_ns": record.time_zero,
        "antenna_height_m": record.antenna_height,
        "scene": name,
        "x_mid_m": record.midpoint.astype("float32"),
    }
    degradations = {}
    direct_ns = record.time_zero + record.separation / C_AIR
    for number, (level, acquisition) in enumerate(LEVELS.items()):
        rng = np.random.default_rng([scene.seed, 2, number])
        bad = degrade(record.traces, record.dt, acquisition, rng, direct_ns=direct_ns, frequency=frequency)
        arrays |= {
            f"data_{level}": bad.traces,
            f"tz_shift_ns_{level}": bad.shift,
            f"gain_{level}": bad.gain,
            f"trace_flag_{level}": bad.flag,
        }
        degradations[level] = bad.record
    path = folder / f"{name}.npz"
    np.savez_compressed(path, **arrays)
    truth = {**simulated.truth, "scene": name, "degradations": degradations}
    path.with_suffix(".json").write_text(json.dumps(truth, indent=1), encoding="utf-8")
    return path


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit status."""
    parser = argparse.ArgumentParser(prog="python -m gprscan.synthetic.make", description=__doc__)
    parser.add_argument("out", type=Path, help="folder to write to, made if need be")
    parser.add_argument("--n", type=int, default=len(TEMPLATES), help="number of scenes; templates are taken in turn")
    parser.add_argument("--seed", type=int, default=0, help="seed of the first scene, counted up from there")
    parser.add_argument("--template", choices=sorted(TEMPLATES), action="append", help="only these templates")
    parser.add_argument("--step", type=float, help="node distance of the grid in m")
    parser.add_argument("--no-twins", action="store_true", help="leave out the measured size of each echo")
    options = parser.parse_args(arguments)
    options.out.mkdir(parents=True, exist_ok=True)
    templates = options.template or list(TEMPLATES)
    for number in range(options.n):
        template = templates[number % len(templates)]
        scene = random_scene(template, options.seed + number, step=options.step)
        letter = {"empty": "e", "single": "s", "mixed": "m"}[scene.kind]
        name = f"{letter}{options.seed + number:04d}_{template}"
        if (options.out / f"{name}.json").exists():
            continue
        write_scene(simulate_scene(scene, twins=not options.no_twins), options.out, name)
        sys.stderr.write(f"{name}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

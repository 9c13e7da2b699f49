"""Write simulated scenes with known truth: ``python -m gprscan.synthetic.make OUT --n 40 --seed 100``."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gprscan.synthetic.arrays import random_array, simulate_random_array
from gprscan.synthetic.degradation import LEVELS, degrade
from gprscan.synthetic.fdtd import Record
from gprscan.synthetic.scenes import TEMPLATES, SimulatedScene, random_scene, simulate_scene
from gprscan.synthetic.sections import ArrayRecord
from gprscan.units import C_AIR

_STORED = ("dt_ns", "trace_spacing_m", "tx_rx_offset_m", "fc_hz", "time_zero_ns", "antenna_height_m")


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
    return _write(simulated.record.traces, simulated.record, simulated.truth, tuple(LEVELS), folder / f"{name}.npz")


def write_array(record: ArrayRecord, truth: dict[str, Any], folder: Path, name: str) -> Path:
    """Write an array scene: as `write_scene`, with ``data`` (channel, trace, sample) and one degraded level, moderate.

    Parameters
    ----------
    record : ArrayRecord
        Simulated traces.
    truth : dict
        Its truth record.
    folder : pathlib.Path
        Where to write; must exist.
    name : str
        Stem of the two files.
    """
    offsets = np.array([channel["y_m"] for channel in record.channels])
    return _write(record.traces, record.record, truth, ("moderate",), folder / f"{name}.npz", y_channel_m=offsets)


def _write(
    traces: NDArray[np.float32], record: Record, truth: dict[str, Any], levels: tuple[str, ...], path: Path, **more: Any
) -> Path:
    acquisition = truth["acquisition"]
    arrays: dict[str, Any] = {
        "data": traces,
        **{name: acquisition[name] for name in _STORED},
        "scene": path.stem,
        "x_mid_m": record.midpoint.astype("float32"),
        **more,
    }
    degradations = {}
    for number, level in enumerate(levels):
        bad = degrade(
            traces.reshape(-1, traces.shape[-1]),
            record.dt,
            LEVELS[level],
            np.random.default_rng([truth["seed"], 2, number]),
            direct_ns=record.time_zero + record.separation / C_AIR,
            frequency=acquisition["fc_hz"] / 1e6,
        )
        arrays |= {
            f"data_{level}": bad.traces.reshape(traces.shape),
            f"tz_shift_ns_{level}": bad.shift,
            f"gain_{level}": bad.gain,
            f"trace_flag_{level}": bad.flag,
        }
        degradations[level] = bad.record
    np.savez_compressed(path, **arrays)
    text = json.dumps({**truth, "scene": path.stem, "degradations": degradations}, indent=1)
    path.with_suffix(".json").write_text(text, encoding="utf-8")
    return path


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit status."""
    parser = argparse.ArgumentParser(prog="python -m gprscan.synthetic.make", description=__doc__)
    parser.add_argument("out", type=Path, help="folder to write to, made if need be")
    parser.add_argument("--n", type=int, default=len(TEMPLATES), help="number of scenes; templates are taken in turn")
    parser.add_argument("--seed", type=int, default=0, help="seed of the first scene, counted up from there")
    parser.add_argument("--template", choices=sorted(TEMPLATES), action="append", help="only these templates")
    parser.add_argument("--arrays", type=int, default=0, help="number of array scenes after them")
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
    for seed in range(options.seed, options.seed + options.arrays):
        name = f"k{seed:04d}_array"
        if not (options.out / f"{name}.json").exists():
            road = random_array(seed, step=options.step or 0.010)
            write_array(*simulate_random_array(road), options.out, name)
            sys.stderr.write(f"{name}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

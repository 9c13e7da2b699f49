"""How far the tracked base of the asphalt is from the truth, on simulated roads.

``python benchmarks/check_pavement.py [--shared FOLDER] [--own N] [--level LEVEL]``: the first takes every road scene of a
data folder (``truth/*.npz`` with the truth beside it), the second simulates N scenes of its own with other seeds. Prints
one line per scene and the medians: over all traces, and over scenes of their median.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from gprscan import from_array, velocity

TEMPLATES = ("void_circle", "void_rect", "empty_medium", "debond_long")
SEED = 9000
COLUMNS = "{:30s} {:>9s} {:>8s} {:>8s} {:>8s} {:>8s} {:>7s} {:>6s}"


def scenes(shared: Path | None, own: int) -> Iterator[tuple[Any, dict[str, Any]]]:
    """Yield the arrays and the truth of each road scene: those whose first layer is asphalt or a slab."""
    if shared is not None:
        for path in sorted((shared / "truth").glob("*.npz")):
            yield np.load(path), json.loads(path.with_suffix(".json").read_text())
    if own:
        from gprscan.synthetic.make import write_scene
        from gprscan.synthetic.scenes import random_scene, simulate_scene

        with tempfile.TemporaryDirectory() as folder:
            for number in range(own):
                template = TEMPLATES[number % len(TEMPLATES)]
                scene = random_scene(template, SEED + number)
                path = write_scene(simulate_scene(scene, twins=False), Path(folder), f"{template}-{SEED + number}")
                yield np.load(path), json.loads(path.with_suffix(".json").read_text())


def is_road(truth: dict[str, Any]) -> bool:
    """Whether the first layer is a bound one under an antenna on the road."""
    layers = truth.get("host_layers") or [{}]
    return layers[0].get("name") in ("asphalt", "concrete slab") and not truth["kind"].startswith("in-pipe")


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shared", type=Path, help="a folder that holds truth/")
    parser.add_argument("--own", type=int, default=0, help="how many scenes to simulate")
    parser.add_argument("--level", default="light", help="clean, light, moderate or severe")
    options = parser.parse_args()
    key = "data" if options.level == "clean" else f"data_{options.level}"
    print(COLUMNS.format("scene", "layer", "true m", "median", "|error|", "sigma", "told", "s"))
    errors: dict[str, list[np.ndarray]] = {}
    share_of_sigma: list[np.ndarray] = []
    for arrays, truth in scenes(options.shared, options.own):
        if not is_road(truth) or key not in arrays:
            continue
        line = from_array(
            arrays[key],
            dt=float(arrays["dt_ns"]),
            spacing=float(arrays["trace_spacing_m"]),
            frequency=float(arrays["fc_hz"]) / 1e6,
            separation=float(arrays["tx_rx_offset_m"]),
            antenna_height=float(arrays["antenna_height_m"]),
            time_zero=float(arrays["time_zero_ns"]),
        )
        start = time.perf_counter()
        found = velocity.pavement(line)
        seconds = time.perf_counter() - start
        layer = truth["host_layers"][0]
        thickness, sigma = found["thickness"].values.ravel(), found["sigma_thickness"].values.ravel()
        error = np.abs(thickness - layer["bottom_m"])
        errors.setdefault(layer["name"], []).append(error)
        share_of_sigma.append(error / sigma)
        told = np.isfinite(error)
        cells = [thickness, error, sigma]
        middle = [f"{np.median(c[told]):.3f}" if told.any() else "-" for c in cells]
        print(
            COLUMNS.format(
                str(truth["scene"]), layer["name"][:9], f"{layer['bottom_m']:.3f}", *middle,
                f"{100 * told.mean():.0f} %", f"{seconds:.0f}",
            ),
            flush=True,
        )  # fmt: skip
    for name, found_errors in errors.items():
        every = np.concatenate(found_errors)
        told = np.isfinite(every)
        of_scenes = [np.nanmedian(e) for e in found_errors if np.isfinite(e).any()]
        print(
            f"{name}: {len(found_errors)} scenes, median |error| {100 * np.nanmedian(every):.2f} cm over traces, "
            f"{100 * np.median(of_scenes):.2f} cm over scenes, worst scene {100 * np.max(of_scenes):.1f} cm; "
            f"told on {100 * told.mean():.0f} % of the traces"
        )
    share = np.concatenate(share_of_sigma)
    share = share[np.isfinite(share)]
    print(f"within one stated sigma: {100 * np.mean(share <= 1):.0f} %, within two: {100 * np.mean(share <= 2):.0f} %")


if __name__ == "__main__":
    sys.exit(main())

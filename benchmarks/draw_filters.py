"""Draw real lines before and after each filter, to be looked at.

``python benchmarks/draw_filters.py SHARED OUT``: for each line of ``SHARED/real`` that is named below one PNG in OUT, with
the line as recorded and after each of a chain of filters, the one that `suggest_steps` chooses. Nothing of the data is kept.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import matplotlib as mpl
import numpy as np
import xarray as xr

from gprscan import filters, io, model
from gprscan.steps import get_step

mpl.use("Agg")
import matplotlib.pyplot as plt

LINES = {
    "dune": ("dzt/NSGeophysics__GPRPy__sir3000_dune", ".DZT"),
    "yosemite": ("dt1/NSGeophysics__GPRPy__comoffs_yosemite", ".DT1"),
    "trench": ("su/jjd2002__roadjin--GPR-processing-software-on-matlab__trench_and_pipes", ".su"),
    "deck": ("dzt/TFHRCFASTNDElab__CHARISMA__amb_bridge_deck", ".DZT"),
    "rd3": ("rd3/jjd2002__roadjin--GPR-processing-software-on-matlab__dat_0097", ".rd3"),
}
TRACES = 600


def panels(line: xr.Dataset) -> list[tuple[str, np.ndarray]]:
    """Return a title and the samples (trace, sample) of the line as recorded, and after each step of a chain."""
    found = [("as recorded", line)]
    for entry in filters.suggest_steps(line):
        name = entry["step"]
        options = {key: value for key, value in entry.items() if key != "step"}
        found.append((name, get_step(name).function(found[-1][1], **options)))
    clean = found[-1][1]
    if model.centre_frequency(line) is not None:
        found.append(("then agc", filters.agc(clean)))
    found.append(("then envelope", filters.envelope(clean)))
    return [(title, np.atleast_3d(step["amplitude"].values.T).T[0]) for title, step in found]


def draw(path: Path, out: Path) -> None:
    """Draw one line."""
    line = io.read(path)
    line = line.isel(trace=slice(0, TRACES))
    shown = panels(line)
    columns = 4
    rows = -(-len(shown) // columns)
    figure, axes = plt.subplots(rows, columns, figsize=(18, 4.2 * rows), squeeze=False, layout="constrained")
    times = line["twt"].values
    for axis, (title, samples) in zip(axes.flat, shown, strict=False):
        level = float(np.nanpercentile(np.abs(samples - np.nanmedian(samples)), 98)) or 1.0
        middle = float(np.nanmedian(samples))
        axis.imshow(
            samples.T, aspect="auto", cmap="gray", vmin=middle - level, vmax=middle + level,
            extent=(0, samples.shape[0], times[-1], times[0]),
        )  # fmt: skip
        axis.set(title=title, xlabel="trace", ylabel="two-way time (ns)")
    for axis in axes.flat[len(shown) :]:
        axis.set_visible(False)
    figure.suptitle(path.name)
    figure.savefig(out, dpi=70)
    plt.close(figure)


def main() -> None:
    """Draw every line that is there."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("shared", type=Path)
    parser.add_argument("out", type=Path)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    for name, (folder, suffix) in LINES.items():
        files = [p for p in sorted((options.shared / "real" / folder).rglob("*")) if p.suffix.lower() == suffix.lower()]
        if files:
            draw(files[0], options.out / f"{name}.png")
            print(options.out / f"{name}.png")


if __name__ == "__main__":
    main()

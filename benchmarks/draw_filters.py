"""Draw real lines before and after each filter, to be looked at.

``python benchmarks/draw_filters.py SHARED OUT``: for each line of ``SHARED/real`` that is named below one PNG in OUT, with
the line as recorded and after each of a chain of filters, the one that `suggest_steps` chooses, then AGC, and attributes.
Grey is the signed square root of the amplitude, so that weak echoes show beside the direct wave. Nothing of the data is
kept.
"""

from __future__ import annotations

import argparse
import json
import textwrap
from pathlib import Path

import matplotlib as mpl
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.colors import FuncNorm, Normalize

from gprscan import filters, io, model, names
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


def panels(line: xr.Dataset) -> list[tuple[str, xr.Dataset]]:
    """Return a title and the line as recorded, after each step of a chain, and attributes of its end."""
    found = [("as recorded", line)]
    for entry in filters.suggest_steps(line):
        name = entry["step"]
        options = {key: value for key, value in entry.items() if key != "step"}
        result = get_step(name).function(found[-1][1], **options)
        used = json.loads(result.attrs[names.PROVENANCE])[-1]["parameters"]
        known = ", ".join(f"{key}={short(value)}" for key, value in used.items() if value is not None)
        found.append((f"{name} {known}", result))
    clean = found[-1][1]
    if model.centre_frequency(line) is not None:
        found.append(("then agc", filters.agc(clean)))
    found.append(("then envelope", filters.envelope(clean)))
    if model.centre_frequency(line) is not None:
        found.append(("then instantaneous frequency", filters.instantaneous_frequency(clean)))
    return found


def short(value: object) -> str:
    """Return a parameter as it fits in a title."""
    if isinstance(value, list):
        return f"[{len(value)}: {short(value[0])} ...]" if len(value) > 2 else f"[{', '.join(short(v) for v in value)}]"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def show(axis: Axes, title: str, line: xr.Dataset) -> None:
    """Draw the first channel of a line."""
    amplitude = line[names.AMPLITUDE]
    samples = amplitude.values.reshape(-1, *amplitude.shape[-2:])[0]
    level = float(np.nanpercentile(np.abs(samples), 99.5)) or 1.0
    # attributes have no sign, and their own units
    signed = float(np.nanpercentile(samples, 2)) < 0
    # of masked samples matplotlib passes what lies below the mask on as well
    roots = (lambda a: np.sign(a) * np.sqrt(np.abs(np.nan_to_num(a))), lambda a: np.sign(a) * a**2)
    root = FuncNorm(roots, vmin=-level, vmax=level)
    along = line[names.DISTANCE].values if names.DISTANCE in line.coords else np.arange(samples.shape[0])
    times = line[names.TWT].values
    picture = axis.imshow(
        samples.T, aspect="auto", cmap="gray" if signed else "viridis",
        norm=root if signed else Normalize(0.0, level), extent=(along[0], along[-1], times[-1], times[0]),
    )  # fmt: skip
    axis.set_title("\n".join(textwrap.wrap(title, 56)), fontsize=9)
    axis.set(xlabel="distance (m)" if names.DISTANCE in line.coords else "trace", ylabel="two-way time (ns)")
    unit, meaning = amplitude.attrs.get("units", "1"), amplitude.attrs.get("long_name", "amplitude")
    bar = axis.figure.colorbar(picture, ax=axis, label=f"{meaning} ({'as stored' if unit == '1' else unit})")
    if signed:
        bar.set_ticks(
            [-level, -level / 10, 0.0, level / 10, level],
            labels=[f"{v:.3g}" for v in (-level, -level / 10, 0, level / 10, level)],
        )


def draw(path: Path, out: Path) -> None:
    """Draw one line."""
    line = io.read(path)
    line = line.isel(trace=slice(0, TRACES))
    shown = panels(line)
    columns = 4
    rows = -(-len(shown) // columns)
    figure, axes = plt.subplots(rows, columns, figsize=(22, 4.6 * rows), squeeze=False, layout="constrained")
    for axis, (title, step) in zip(axes.flat, shown, strict=False):
        show(axis, title, step)
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

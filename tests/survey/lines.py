"""Small survey folders that the tests make themselves: lines with a known diffractor, written as vendor files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import xarray as xr

import gprscan as gs
from gprscan import model
from gprscan.synthetic import diffractor

SPACING = 0.04
DT = 0.25


def small_line(x: float = 2.5, depth: float = 0.8, *, seed: int = 0, n_traces: int = 110) -> xr.Dataset:
    """Return a line of 400 MHz over one diffractor at `x` under a direct wave, with noise 40 dB below it, in int16."""
    line, _ = diffractor(
        x=x,
        depth=depth,
        velocity=0.1,
        n_traces=n_traces,
        n_samples=200,
        dt=DT,
        spacing=SPACING,
        frequency=400.0,
        separation=0.14,
        time_zero=3.0,
    )
    traces = line["amplitude"].values.astype("float64")
    traces *= 4000.0 / np.abs(traces).max()
    rng = np.random.default_rng(seed)
    t = np.arange(200) * DT - 3.0 - 0.14 / 0.2998
    argument = (np.pi * 0.4 * t) ** 2
    traces += 9000.0 * (1 - 2 * argument) * np.exp(-argument)
    traces += rng.normal(0, 40.0, traces.shape)
    return model.from_array(
        np.clip(np.round(traces), -32768, 32767).astype("int16"),
        dt=DT,
        spacing=SPACING,
        frequency=400.0,
        separation=0.14,
        time_zero=3.0,
        instrument="simulated",
    )


def write_survey(folder: Path, n: int = 3) -> list[Path]:
    """Write `n` lines as DZT files, a body at 2.0, 2.2, ... m on each, and return their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"LINE{number:02d}.DZT" for number in range(1, n + 1)]
    for number, path in enumerate(paths):
        gs.write(small_line(2.0 + 0.2 * number, seed=number), path)
    return paths

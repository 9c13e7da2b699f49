"""Lines that the tests make: a road by the convolutional model with points in it, and short simulated ones."""

from __future__ import annotations

import itertools
import json
from functools import cache
from typing import Any

import numpy as np
import xarray as xr

from gprscan import detect, model
from gprscan.detection import pipeline
from gprscan.detection.section import Section
from gprscan.synthetic import Layer, bodies, diffractor, layered_medium, simulate
from gprscan.synthetic.diffraction import place_echoes
from gprscan.synthetic.shapes import Arch, Box, Ellipse
from gprscan.units import C_AIR

ROAD = (
    Layer("asphalt", 0.12, 5.2, 0.002),
    Layer("base", 0.28, 7.8, 0.004),
    Layer("subgrade", np.inf, 11.0, 0.008),
)
FREQUENCY, SEPARATION, SPACING, DT, SAMPLES, TIME_ZERO = 400.0, 0.14, 0.05, 0.08, 320, 3.6
PERIOD = 1e3 / FREQUENCY  # ns


def make(
    *points: tuple[float, float, float],
    length: float = 5.0,
    noise: float = 0.001,
    seed: int = 1,
    delay: float = 0.0,
    wobble: float = 0.0,
    height: float = 0.0,
    layers: tuple[Layer, ...] = ROAD,
    spacing: float = SPACING,
) -> tuple[xr.Dataset, list[dict[str, Any]]]:
    """Make a road with points in it.

    Parameters
    ----------
    points : tuple of float
        Position (m), depth (m) and amplitude at 1 ns against the direct wave, positive like air, negative like metal.
    length : float
        Of the line, m.
    noise : float
        Standard deviation of white noise against the direct wave.
    seed : int
        Of the noise.
    delay : float
        Error of the nominal time zero in ns: everything is recorded so much later.
    wobble : float
        Standard deviation of a further delay of each trace, ns.
    height : float
        Of the antenna, m.
    layers : tuple of Layer
        Of the ground.
    spacing : float
        Of the traces, m.
    """
    n = round(length / spacing) + 1
    rng = np.random.default_rng(seed)
    shape: dict[str, Any] = {"n_traces": n, "n_samples": SAMPLES, "dt": DT, "spacing": spacing, "frequency": FREQUENCY}
    antenna: dict[str, Any] = {"separation": SEPARATION, "antenna_height": height}
    values, objects = np.zeros((n, SAMPLES), np.float32), []
    if points:
        x, depth, amplitude = (list(part) for part in zip(*points, strict=True))
        part, truth = diffractor(
            x=x, depth=depth, amplitude=amplitude, velocity=layers, time_zero=TIME_ZERO + delay, **shape, **antenna
        )
        values, objects = model.amplitude(part).copy(), truth["objects"]
    # the wave along the ground merges with the one through the air and pulls the peak of the sum later
    flat = [(SEPARATION / C_AIR + 0.12 * PERIOD, 1.0)]
    down, passed = 0.0, 1.0
    for above, below in itertools.pairwise(layers):
        down += 2 * above.thickness / above.velocity
        a, b = above.permittivity**0.5, below.permittivity**0.5
        flat.append((down, passed * (a - b) / (a + b) * 0.6 / down**0.5))
    for time, size in flat:
        place_echoes(values, np.full(n, TIME_ZERO + delay + time), np.full(n, size), DT, frequency=FREQUENCY)
    if wobble:
        axis = DT * np.arange(SAMPLES)
        late = rng.normal(0.0, wobble, n)
        values = np.stack([np.interp(axis - s, axis, trace) for s, trace in zip(late, values, strict=True)])
    values = (values + rng.normal(0.0, noise, values.shape)).astype(np.float32)
    return wrap(values, height=height, spacing=spacing), objects


def wrap(values: Any, *, height: float = 0.0, **more: Any) -> xr.Dataset:
    """Make a line of traces recorded as `make` does."""
    kept = {"dt": DT, "spacing": SPACING, "frequency": FREQUENCY, "separation": SEPARATION, "time_zero": TIME_ZERO}
    return model.from_array(values, antenna_height=height, **{**kept, **more})


def near(table: Any, x: float, within: float = 0.15) -> list[dict[str, Any]]:
    """Rows of a table of anomalies near a place along the line."""
    return [row for row in table.to_dict("records") if abs(row["distance_m"] - x) <= within]


def values_of(row: dict[str, Any]) -> dict[str, Any]:
    """Measured values behind a row."""
    return json.loads(row["evidence"])["values"]


def section(line: xr.Dataset) -> Section:
    """Condition a line of one block."""
    settings = pipeline.load_settings("road")
    return next(pipeline.iter_sections(line, settings))


MIDDLE = 1.4  # m: where the bodies of the simulated lines are
OUTLINES = {
    "empty": (),
    "void": (bodies.air_void(Arch(1.8, 0.50, 0.60, 0.25, 0.15)),),
    "thin void": (bodies.air_void(Box(1.6, 2.0, 0.55, 0.60)),),
    "water": (bodies.water_void(Ellipse(1.8, 0.75, 0.20, 0.15)),),
    "metal": (bodies.metal_pipe(1.8, 0.60, 0.075),),
    "plastic": (bodies.pvc_pipe(1.8, 0.55, 0.2, water=False),),
    "concrete": (bodies.concrete_pipe(1.8, 0.45, 0.29, 0.052, host=11.0),),
    "round void": (bodies.air_void(Ellipse(1.8, 0.74, 0.24, 0.24)),),
    "debond": (bodies.debonding(1.8, 0.90, 0.125, 0.05),),
    "manhole": (bodies.manhole(1.8, 0.80, 1.0),),
}


@cache
def simulated(name: str) -> xr.Dataset:
    """Make a short line over a road by FDTD, with one body of `OUTLINES` in its middle."""
    step = 0.0125
    layers = (
        Layer("asphalt", 0.125, 5.2, 0.002),
        Layer("base", 0.275, 7.8, 0.004, 0.03),
        Layer("subgrade", np.inf, 11.0, 0.008, 0.03),
    )
    ground = layered_medium(layers, length=3.6, depth=1.1, air=18 * step, step=step, rng=np.random.default_rng(3))
    for body in OUTLINES[name]:
        body.paint_on(ground)
    record = simulate(
        ground, 0.4 + 0.05 * np.arange(57), frequency=FREQUENCY, separation=SEPARATION, antenna_height=0.025,
        time_window=24.0, window=2.4,
    )  # fmt: skip
    return model.from_array(
        record.traces,
        dt=record.dt,
        spacing=0.05,
        frequency=FREQUENCY,
        separation=record.separation,
        time_zero=record.time_zero,
        antenna_height=record.antenna_height,
    )


@cache
def detected(name: str) -> Any:
    """Return the table of anomalies of a simulated line."""
    return detect(simulated(name))

"""Random array scenes: eight channels over a void and a pipe that crosses obliquely."""

from __future__ import annotations

from typing import Any

import numpy as np

from gprscan.synthetic import roads, truth
from gprscan.synthetic.sections import ArrayRecord, Body3D, EllipsoidVoid, ObliquePipe, Road3D, simulate_array

OFFSETS = tuple(round((channel - 3.5) * 0.12, 3) for channel in range(8))
FREQUENCY, SEPARATION, ANTENNA_HEIGHT, SPACING, TIME_WINDOW = 400.0, 0.12, 0.03, 0.05, 32.0
_PAD, _LENGTH, _DEPTH = 0.40, 3.6, 1.45


def random_array(seed: int, *, step: float = 0.010) -> Road3D:
    """Draw a road with a void and a pipe for an array.

    Parameters
    ----------
    seed : int
        The same seed draws the same road. Every fourth one has no void.
    step : float
        Node distance of the grid in m.

    Returns
    -------
    Road3D
        Ready to be simulated by `simulate_random_array`.
    """
    rng = np.random.default_rng([seed, 0])
    clutter = str(rng.choice(["low", "medium"]))
    layers = roads.on_nodes(roads.random_layers(rng, clutter), step)
    left = bool(rng.integers(2))
    places = (_PAD + float(rng.uniform(0.7, 1.1)), _PAD + float(rng.uniform(2.4, 2.8)))
    void_at, pipe_at = places if left else places[::-1]
    slope = float(rng.uniform(0.15, 0.5)) * (1 if rng.integers(2) else -1)
    bodies: list[Body3D] = []
    if seed % 4 != 3:
        a, b, c = (float(rng.uniform(*limits)) for limits in ((0.22, 0.40), (0.18, 0.30), (0.10, 0.18)))
        top = float(rng.uniform(0.45, 0.85))
        bodies.append(
            EllipsoidVoid(void_at, float(rng.uniform(-0.2, 0.2)), top + c, a, b, c, water=bool(rng.random() < 0.2))
        )
    radius, top = float(rng.uniform(0.04, 0.10)), float(rng.uniform(0.5, 0.85))
    bodies.append(ObliquePipe(pipe_at, slope, top, radius, metal=bool(rng.random() < 0.6)))
    return Road3D(layers, OFFSETS, tuple(bodies), clutter, seed, _LENGTH + 2 * _PAD, _DEPTH, step)


def simulate_random_array(road: Road3D, *, parallel: bool = False) -> tuple[ArrayRecord, dict[str, Any]]:
    """Simulate an array scene.

    Parameters
    ----------
    road : Road3D
        From `random_array`.
    parallel : bool
        Share the traces out over numba's threads.

    Returns
    -------
    record : ArrayRecord
        Clean traces, shape (channel, trace, sample).
    truth : dict
        Record in the form of the truth files: ``channels`` has the objects in each section, ``objects_3d`` the bodies.
    """
    midpoint = _PAD + np.arange(round(_LENGTH / SPACING) + 1) * SPACING
    result = simulate_array(
        road,
        midpoint,
        frequency=FREQUENCY,
        separation=SEPARATION,
        antenna_height=ANTENNA_HEIGHT,
        time_window=TIME_WINDOW,
        parallel=parallel,
    )
    bodies = [{"id": number + 1, **body.record()} for number, body in enumerate(road.bodies)]
    acquisition = truth.acquisition_record(result.record, frequency=FREQUENCY, spacing=SPACING, pulse="ricker")
    return result, {
        "kind": "2.5D",
        "seed": road.seed,
        "engine": "gprscan.synthetic.fdtd (2-D TMz, CPML), one section per channel",
        "empty": False,
        "has_void": any(body["category"] == "void" for body in bodies),
        "clutter_level": road.clutter,
        "grid": {"dl_m": road.step, "domain_x_m": round(road.length, 3), "depth_m": road.depth},
        "acquisition": acquisition,
        "host_layers": truth.layer_records(road.layers, road.depth),
        "objects": result.channels[-1]["objects"],
        "channels": result.channels,
        "objects_3d": bodies,
    }

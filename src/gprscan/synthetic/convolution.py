"""Long target-free roads: interfaces by the convolutional model, natural scatterers by the Born approximation.

A full-wave simulation of a kilometre takes hours, this takes seconds; false alarms per kilometre are counted on it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from gprscan.model import from_array
from gprscan.synthetic import truth
from gprscan.synthetic.diffraction import place_echoes, reflection_coefficient
from gprscan.synthetic.media import Layer, correlated_field
from gprscan.synthetic.roads import random_layers, require_clutter
from gprscan.synthetic.travel import layers_above, two_way_time
from gprscan.units import C_AIR

_DENSITY = {"low": 0.5, "medium": 3.0, "high": 9.0}  # scatterers per square metre of section
_SIZE = {"low": (0.015, 0.03), "medium": (0.02, 0.055), "high": (0.02, 0.09)}  # radius, m
_ROUGH = {"low": 0.004, "medium": 0.010, "high": 0.016}  # of an interface, m
_NEPER_PER_METRE = 60.0 * np.pi  # attenuation of a plane wave: 60 pi sigma / sqrt(eps), sigma in S/m, 1/m


@dataclass(frozen=True)
class Road:
    """How a road is surveyed; MHz, ns, m."""

    frequency: float = 400.0
    separation: float = 0.14
    antenna_height: float = 0.03
    spacing: float = 0.05
    dt: float = 0.0755
    n_samples: int = 512
    depth: float = 1.7


def road_line(
    length: float, seed: int, *, clutter: str = "medium", road: Road | None = None
) -> tuple[xr.Dataset, dict[str, Any]]:
    """Make a long line over a road in which nothing is buried.

    Parameters
    ----------
    length : float
        Length of the line in m.
    seed : int
        The same seed makes the same line.
    clutter : {"low", "medium", "high"}
        Number and size of the natural scatterers, and roughness of the interfaces.
    road : Road, optional
        Antenna and sampling.

    Returns
    -------
    line : xarray.Dataset
        A line of the data model.
    truth : dict
        Record in the form of the truth files, ``empty`` is true; ``clutter_objects`` lists every scatterer.

    Raises
    ------
    ParameterError
        If there is no such clutter level.

    Notes
    -----
    Interfaces: amplitude ``T R exp(-2 alpha z) / sqrt(t)``, delayed by the vertical ray. Scatterers: amplitude from
    the Born approximation of a cylinder small against the wavelength, ``(k a)^2 (eps_s - eps) / (4 eps)``, over its
    whole diffraction curve, limited to the reflection coefficient of the material.
    """
    require_clutter(clutter)
    road = Road() if road is None else road
    rng = np.random.default_rng(seed)
    layers = random_layers(rng, clutter)
    n = round(length / road.spacing) + 1
    time_zero = float(np.sqrt(2.0) / (road.frequency * 1e-3))
    traces = np.zeros((n, road.n_samples), "float32")
    direct = time_zero + road.separation / C_AIR
    place_echoes(traces, np.full(n, direct), np.full(n, 1.0), road.dt, frequency=road.frequency)
    _add_interfaces(traces, layers, road, time_zero, clutter, rng)
    scatterers = _add_scatterers(traces, layers, road, time_zero, clutter, length, rng)
    line = from_array(
        traces,
        dt=road.dt,
        spacing=road.spacing,
        frequency=road.frequency,
        separation=road.separation,
        time_zero=time_zero,
        antenna_height=road.antenna_height,
        instrument="gprscan synthetic",
    )
    record = truth.analytic_record(
        line,
        scene=f"road_{seed}",
        kind="empty",
        pulse="ricker",
        objects=[],
        seed=seed,
        engine="convolutional model, Born scatterers",
        clutter_level=clutter,
        host_layers=truth.layer_records(layers, road.depth),
        clutter_objects=scatterers,
    )
    return line, record


def _loss(thickness: NDArray[np.floating], layers: tuple[Layer, ...]) -> float:
    """Amplitude left after the way down and up through the layers that are crossed."""
    crossed = layers[: thickness.size]
    alpha = np.array([_NEPER_PER_METRE * layer.conductivity / np.sqrt(layer.permittivity) for layer in crossed])
    return float(np.exp(-2.0 * (alpha * thickness).sum()))


def _add_interfaces(
    traces: NDArray[np.float32],
    layers: tuple[Layer, ...],
    road: Road,
    time_zero: float,
    clutter: str,
    rng: np.random.Generator,
) -> None:
    """Ground surface, and the lower face of each layer; amplitudes are relative to the direct wave."""
    n = traces.shape[0]
    surface = float(np.hypot(2 * road.antenna_height, road.separation)) / C_AIR
    reference = np.sqrt(max(road.separation, 0.05) / C_AIR)
    r0 = float(reflection_coefficient(1.0, layers[0].permittivity))
    place_echoes(
        traces,
        np.full(n, time_zero + surface),
        np.full(n, r0 * reference / np.sqrt(surface)),
        road.dt,
        frequency=road.frequency,
    )
    passed = 1.0 - r0**2
    nominal = 0.0
    for number in range(len(layers) - 1):
        above, below = layers[number], layers[number + 1]
        nominal += above.thickness
        rough = correlated_field((n, 1), (road.spacing, 1.0), (2.0, 1.0), rng, hurst=0.8)[:, 0]
        depth = nominal + (0.3 if number == 0 else 1.0) * _ROUGH[clutter] * rough
        contrast = above.permittivity * (1 + 0.5 * above.spread * rng.standard_normal())
        strength = reflection_coefficient(contrast, below.permittivity * (1 + 0.25 * below.spread * rough))
        tops = np.concatenate([[0.0], np.cumsum([item.thickness for item in layers[:-1]])])
        thickness, speed = layers_above(nominal, tops, [item.velocity for item in layers])
        at_nominal = float(
            two_way_time(0.0, thickness, speed, separation=road.separation, antenna_height=road.antenna_height)
        )
        time = at_nominal + 2.0 * (depth - nominal) / above.velocity
        size = passed * strength * _loss(thickness, layers) * reference / np.sqrt(time)
        place_echoes(traces, time + time_zero, size, road.dt, frequency=road.frequency)
        passed *= 1.0 - float(reflection_coefficient(above.permittivity, below.permittivity)) ** 2


def _add_scatterers(
    traces: NDArray[np.float32],
    layers: tuple[Layer, ...],
    road: Road,
    time_zero: float,
    clutter: str,
    length: float,
    rng: np.random.Generator,
) -> list[dict[str, Any]]:
    """Stones and small pockets with their diffraction curves, cut off at 55 degrees."""
    tops = np.concatenate([[0.0], np.cumsum([layer.thickness for layer in layers[:-1]])])
    velocities = [layer.velocity for layer in layers]
    reference = np.sqrt(max(road.separation, 0.05) / C_AIR)
    top = layers[0].thickness + 0.05
    count = rng.poisson(_DENSITY[clutter] * length * (road.depth - top))
    records = []
    for _ in range(count):
        x, z = float(rng.uniform(0, length)), float(rng.uniform(top, road.depth))
        a, eps = float(rng.uniform(*_SIZE[clutter])), float(rng.uniform(5.0, 7.0))
        thickness, speed = layers_above(z, tops, velocities)
        host = layers[thickness.size - 1]
        reach = 1.4 * z + road.separation
        first = max(int((x - reach) / road.spacing), 0)
        last = min(int((x + reach) / road.spacing) + 2, traces.shape[0])
        along = np.arange(first, last) * road.spacing - x
        time = two_way_time(along, thickness, speed, separation=road.separation, antenna_height=road.antenna_height)
        ka = 2 * np.pi * road.frequency * 1e-3 / host.velocity * a
        born = ka**2 * (host.permittivity - eps) / (4 * host.permittivity)
        limit = abs(float(reflection_coefficient(host.permittivity, eps)))
        aperture = np.clip((reach - np.abs(along)) / (0.3 * reach), 0.0, 1.0)
        path = time * host.velocity / 2
        size = (
            np.clip(born, -limit, limit)
            * np.sqrt(a / path)
            * _loss(thickness, layers)
            * reference
            / np.sqrt(time)
            * aperture
        )
        place_echoes(traces[first:last], time + time_zero, size, road.dt, frequency=road.frequency)
        records.append(
            {
                "type": "stone",
                "x_m": round(x, 3),
                "depth_m": round(z, 3),
                "a_m": round(a, 3),
                "b_m": round(a, 3),
                "eps_r": round(eps, 1),
            }
        )
    return records

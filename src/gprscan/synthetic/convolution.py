"""Long target-free roads: interfaces by the convolutional model, stones as cylinders, fluctuation by the Born approximation.

A full-wave simulation of a kilometre takes hours, this takes seconds; false alarms per kilometre are counted on it.
``benchmarks/check_detection.py clutter`` holds its clutter against full-wave roads of the same layers.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from gprscan.model import from_array
from gprscan.synthetic import roads, speckle, truth
from gprscan.synthetic.cylinder import echo
from gprscan.synthetic.diffraction import place_echoes, reflection_coefficient
from gprscan.synthetic.illumination import Ground, Road, over_ground, tilted
from gprscan.synthetic.stones import draw_stones, off_line, stone_record
from gprscan.synthetic.swath import Swath, swath_of

_UNDULATION = {"low": 0.004, "medium": 0.010, "high": 0.016}  # of an interface over metres, m
_BLOCK = 4096  # traces filtered at a time: bounds the memory of a long line


def road_line(
    length: float,
    seed: int,
    *,
    clutter: str = "medium",
    road: Road | None = None,
    offsets: Sequence[float] | None = None,
) -> tuple[xr.Dataset, dict[str, Any]]:
    """Make a long line over a road in which nothing is buried.

    Parameters
    ----------
    length : float
        Length of the line in m.
    seed : int
        The same seed makes the same line.
    clutter : {"low", "medium", "high"}
        Number and size of the natural scatterers, fluctuation of the ground, and roughness of the interfaces.
    road : Road, optional
        Antenna and sampling.
    offsets : sequence of float, optional
        Of the channels of an array across the line in m, evenly spaced and rising. They see one road: the same layers, stones
        that lie beside a channel as well as those under it, a fluctuation that is as alike across the line as along it.

    Returns
    -------
    line : xarray.Dataset
        A line of the data model.
    truth : dict
        Record in the form of the truth files, ``empty`` is true; ``clutter_objects`` lists every scatterer, for an array with
        its offset ``y_m``.

    Raises
    ------
    ParameterError
        If there is no such clutter level, or the channels are not evenly spaced.

    Notes
    -----
    Amplitudes are those of a line source, relative to its direct wave over the ground. Interfaces: ``T R exp(-2 alpha z) /
    sqrt(t)``, delayed by the vertical ray. Stones, lenses and pockets: `cylinder.backscatter`; the fluctuation of the
    layers: `cylinder.born` for each cell of it, and a factor for what is scattered more than once. No echo runs to and fro
    between interfaces.
    """
    roads.require_clutter(clutter)
    road, swath = Road() if road is None else road, swath_of(offsets)
    rng = np.random.default_rng(seed)
    layers = roads.random_layers(rng, clutter)
    n = round(length / road.spacing) + 1
    # echoes cut off where the record ends would ring when their spectra are tilted: it is made some periods longer
    wanted, road = road, replace(road, n_samples=road.n_samples + road.tail)
    ground = Ground(layers, road, float(np.sqrt(2.0) / (road.frequency * 1e-3)))
    traces = np.zeros((swath.size, n, road.n_samples), "float32")
    for channel in traces:
        _add_direct(channel, ground)
    _add_interfaces(traces, ground, clutter, swath, rng)
    stones = draw_stones(rng, clutter, ground, swath, length=length)
    for stone, offset in stones:
        _add_scatterer(traces, ground, stone, offset, swath, rng)
    speckle.add_speckle(
        traces,
        layers,
        ground.cell_curve,
        ground.wander,
        dt=road.dt,
        spacing=road.spacing,
        depth=road.depth,
        swath=swath,
        rng=rng,
    )
    # a line source in two dimensions radiates the root of the frequency more than its current
    for channel in traces:
        for first in range(0, n, _BLOCK):
            channel[first : first + _BLOCK] = tilted(channel[first : first + _BLOCK], road, 0.5)
    kept = traces[..., : wanted.n_samples]
    line = from_array(
        kept[0] if offsets is None else kept,
        dt=road.dt,
        spacing=road.spacing,
        frequency=road.frequency,
        separation=road.separation,
        time_zero=ground.time_zero,
        antenna_height=road.antenna_height,
        instrument="gprscan synthetic",
        channel_offsets=offsets,
    )
    record = truth.analytic_record(
        line,
        scene=f"road_{seed}",
        kind="empty",
        pulse="ricker",
        objects=[],
        seed=seed,
        engine="convolutional model, cylinders, Born fluctuation",
        clutter_level=clutter,
        host_layers=truth.layer_records(layers, road.depth),
        clutter_objects=[stone_record(stone, offset, swath) for stone, offset in stones],
    )
    return line, record


def _add_direct(traces: NDArray[np.float32], ground: Ground) -> None:
    """Direct wave through the air and along the ground."""
    road, n = ground.road, traces.shape[0]
    size = np.full(n, over_ground(road, ground.layers[0].permittivity))
    place_echoes(traces, np.full(n, ground.time_zero + ground.direct), size, road.dt, frequency=road.frequency)


def _add_interfaces(
    traces: NDArray[np.float32], ground: Ground, clutter: str, swath: Swath, rng: np.random.Generator
) -> None:
    """Lower face of each layer."""
    road, layers, n = ground.road, ground.layers, traces.shape[1]
    rough = roads.rough_interfaces(len(layers), n, road.spacing, clutter, rng, swath=swath)
    nominal = 0.0
    for number, (above, below) in enumerate(itertools.pairwise(layers)):
        nominal += above.thickness
        swells = swath.field(n, road.spacing, 2.0, rng)
        contrast = above.permittivity * (1 + 0.5 * above.spread * rng.standard_normal())
        # an echo is a mean over the first Fresnel zone, whose half-width is sqrt(wavelength * depth / 2)
        zone = np.sqrt(np.pi / ground.wavenumber(above) * nominal)
        for channel, swell, uneven in zip(traces, swells.T, rough[number].T, strict=True):
            depth = gaussian_filter1d(uneven, 0.5 * zone / road.spacing, mode="nearest")
            depth = nominal + (0.3 if number == 0 else 1.0) * _UNDULATION[clutter] * swell + depth
            mirror = reflection_coefficient(contrast, below.permittivity * (1 + 0.25 * below.spread * swell))
            time = ground.time(0.0, nominal) + 2.0 * (depth - nominal) / above.velocity
            size = mirror * ground.passed(nominal) * np.sqrt(ground.direct / time)
            place_echoes(channel, time + ground.time_zero, size, road.dt, frequency=road.frequency)


def _add_scatterer(
    traces: NDArray[np.float32],
    ground: Ground,
    scatterer: roads.Scatterer,
    offset: float,
    swath: Swath,
    rng: np.random.Generator,
) -> None:
    """A stone, a lens or a pocket: the diffraction curve of its middle, less the way to its near face."""
    road, shape = ground.road, scatterer.shape
    depth = shape.z
    host, reach = ground.host(depth), ground.reach(depth)
    first = max(int((shape.x - reach) / road.spacing), 0)
    last = min(int((shape.x + reach) / road.spacing) + 2, traces.shape[1])
    along = np.arange(first, last) * road.spacing - shape.x
    # rays to antennas a correlation length apart cross different ground: the curve is not smooth
    rough = swath.field(along.size, road.spacing, speckle.ACROSS, rng)
    radius = float(np.sqrt(shape.a * shape.b))
    when, field = echo(
        radius,
        scatterer.permittivity,
        host.permittivity,
        frequency=road.frequency,
        conductivity=scatterer.conductivity,
    )
    early = 2 * (shape.b - radius) / host.velocity  # the round body's near face lies deeper than the flat one's
    heard = off_line(ground, depth, along, [offset - y for y in swath.offsets])
    for channel, (time, size), late in zip(traces, heard, rough.T, strict=True):
        arrival = time + ground.wander(depth) * late + ground.time_zero
        sample = np.arange(road.n_samples) * road.dt - arrival[:, None] + early
        channel[first:last] += (np.interp(sample, when, field, left=0.0, right=0.0) * size[:, None]).astype("float32")

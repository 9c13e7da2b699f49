"""Kirchhoff migration: each image point collects the data along its diffraction curve."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from gprscan import names
from gprscan.errors import LineError, ParameterError
from gprscan.migration.acquisition import Acquisition, acquisition, as_image, channels, image_depths
from gprscan.migration.curves import Aperture, reach
from gprscan.migration.medium import GroundVelocity, Medium, along_line, checked_velocity, medium
from gprscan.migration.section import Section, section
from gprscan.migration.section_kirchhoff import BLOCK, SPARSE, SectionSummation
from gprscan.migration.summation import Summation
from gprscan.model import require_line, with_amplitude
from gprscan.steps import Length, step


def _halo(line: xr.Dataset, parameters: dict[str, Any]) -> int:
    geometry = acquisition(line)
    velocity = parameters["velocity"]
    ground = section(velocity, line, geometry, parameters["max_depth"]).layers
    depths = image_depths(geometry, ground, parameters["depth_step"], parameters["max_depth"])
    aperture = Aperture(parameters["aperture"], parameters.get("fresnel_zones"))
    widest = int(reach(geometry, ground, depths, aperture)[-1]) + 2
    # the blocks of a section must lie inside with all that they look at
    return widest + BLOCK if parameters.get("topography") or along_line(velocity) else widest


def _operators(geometry: Acquisition, ground: Medium | Section, depths: np.ndarray, aperture: Aperture) -> list[Any]:
    """Return one operator per channel, shared by channels of the same separation."""
    kind: Any = SectionSummation if isinstance(ground, Section) else Summation
    built = {
        separation: kind(geometry, ground, depths, separation, aperture)
        for separation in sorted(set(geometry.separation.tolist()))
    }
    return [built[separation] for separation in geometry.separation.tolist()]


def _ground(
    line: xr.Dataset,
    geometry: Acquisition,
    velocity: float | xr.DataArray,
    aperture: float,
    max_depth: float | None,
    *,
    topography: bool = False,
) -> tuple[Medium | Section, Medium]:
    """Return the ground that an operator needs, and its layers as they depend on depth alone."""
    if not topography and not along_line(velocity):
        layers = medium(velocity)
        return layers, layers
    # sources lie as far as the aperture beyond the ends, and the grid that their waves need as far again
    end = geometry.start + geometry.dt * geometry.n_samples
    farthest = float(np.max(velocity)) * end * np.tan(np.radians(aperture)) + 2 * BLOCK * geometry.spacing
    farthest += SPARSE * 1e3 / geometry.frequency * float(np.max(velocity))
    ground = section(velocity, line, geometry, max_depth, topography=topography, margin=farthest)
    return ground, ground.layers


@step(cut="halo", halo=_halo)
def kirchhoff(
    line: xr.Dataset,
    velocity: GroundVelocity,
    aperture: float = 50.0,
    *,
    antialias: bool = True,
    fresnel_zones: float | None = None,
    coherence: float = 0.0,
    topography: bool = False,
    depth_step: Length | None = None,
    max_depth: Length | None = None,
) -> xr.Dataset:
    """Migrate a line to depth by summing along diffraction curves.

    Parameters
    ----------
    line : xarray.Dataset
        Line over two-way travel time, time zero applied, traces regularly spaced. The transmitter-receiver distance is
        taken from ``separation``, the height of the antenna from ``antenna_height``; rays refract at the ground.
    velocity : float, str or xarray.DataArray
        Velocity in the ground, m/ns; v(z) over ``depth`` in m, linear between its samples (two samples at one depth
        make a step); or v(x, z) over ``distance`` (m, as on the line) and ``depth``.
    aperture : float
        Half-angle in degrees, at the image point, within which traces are summed.
    antialias : bool
        Take the steep parts of a curve from low-pass copies of the data, where the traces are too far apart for the
        full band.
    fresnel_zones : float, optional
        Limit the half-width of the aperture to so many radii of the first Fresnel zone as well.
    coherence : float
        Power of the coherence along the curve by which the image is weighted; 0 leaves amplitudes as they are, 1 or 2
        suppress what is not a diffraction or a reflection.
    topography : bool
        Let the antennas follow the elevation ``z`` of the traces; ``depth`` is then below the ground at each trace.
        With several velocities their layers are taken to follow the ground.
    depth_step : float, optional
        Spacing of the depths in m; by default what a wave in the slowest layer travels down and back in one sampling
        interval.
    max_depth : float, optional
        Depth of the last row in m; by default what the last sample can have seen.

    Returns
    -------
    xarray.Dataset
        Line with dimensions ([channel,] trace, depth), depth in m below the ground. A plane reflector keeps the
        amplitude that it has in the data. Dead traces count as zero, and their columns are imaged from the neighbours.

    Raises
    ------
    MissingPositionError
        If the line has no distances, or they are irregular (apply ``regularize`` first).
    ParameterError
        If a parameter is out of range.

    Notes
    -----
    The Kirchhoff integral for two dimensions: half-derivative in time, then a sum with obliquity and spreading weights
    (Schneider 1978, Geophysics 43, 49-76; Yilmaz 2001, Seismic Data Analysis, section 4.2); the low-pass copies follow
    Gray (1992, Geophysical Prospecting 40, 795-803). For v(x, z) the times are first arrivals from the eikonal
    equation; between knots along the line, as close as the curves ask for, they follow polynomials.
    """
    if coherence < 0:
        msg = f"coherence is {coherence}; the power cannot be negative."
        raise ParameterError(msg)
    limits = Aperture(aperture, fresnel_zones, antialias)
    geometry = acquisition(line)
    ground, layers = _ground(line, geometry, velocity, aperture, max_depth, topography=topography)
    depths = image_depths(geometry, layers, depth_step, max_depth)
    operators = _operators(geometry, ground, depths, limits)
    if coherence == 0:
        images = [operator.migrate(traces) for operator, traces in zip(operators, channels(line), strict=True)]
    else:
        pulse = _pulse_rows(geometry, layers, depths)
        images = [
            operator.migrate_coherent(traces, coherence, pulse)
            for operator, traces in zip(operators, channels(line), strict=True)
        ]
    return as_image(line, np.stack(images) if len(images) > 1 else images[0][None], depths)


def _pulse_rows(geometry: Acquisition, ground: Medium, depths: np.ndarray) -> int:
    """Return the length of a pulse in depth samples, an odd number."""
    length = 0.5 * float(ground.velocities.mean()) / (geometry.frequency * 1e-3)
    return 2 * int(np.ceil(0.5 * length / (depths[1] - depths[0]))) + 1 if depths.size > 1 else 1


def demigrate(
    image: xr.Dataset,
    line: xr.Dataset,
    velocity: float | str | xr.DataArray,
    aperture: float = 50.0,
    *,
    antialias: bool = True,
    topography: bool = False,
    max_depth: Length | None = None,
) -> xr.Dataset:
    """Spread an image back along its diffraction curves: the exact adjoint of `kirchhoff` with the same parameters.

    Parameters
    ----------
    image : xarray.Dataset
        Line over depth, regular, from 0 at the ground.
    line : xarray.Dataset
        Line over two-way travel time that says where and when to put the data: its traces, time axis, separation and
        antenna height are used, its amplitudes are not.
    velocity, aperture, antialias, topography, max_depth
        As in `kirchhoff`; give the `max_depth` that the image was made with.

    Returns
    -------
    xarray.Dataset
        `line` with the amplitudes that the image sends to it.

    Raises
    ------
    LineError
        If the image does not lie on the traces of the line.
    """
    require_line(image, axis=names.DEPTH)
    geometry = acquisition(line)
    data = channels(image)
    if data.shape[:2] != (geometry.separation.size, geometry.n_traces):
        shape = (geometry.separation.size, geometry.n_traces)
        msg = f"the image has (channels, traces) = {data.shape[:2]}, but the line has {shape}."
        raise LineError(msg)
    depths = np.asarray(image[names.DEPTH].values, dtype="float64")
    ground, _ = _ground(line, geometry, checked_velocity(velocity), aperture, max_depth, topography=topography)
    operators = _operators(geometry, ground, depths, Aperture(aperture, None, antialias))
    spread = [operator.demigrate(values) for operator, values in zip(operators, data, strict=True)]
    return with_amplitude(line, np.stack(spread).reshape(line[names.AMPLITUDE].shape))


@step(cut="whole_line")
def kirchhoff_least_squares(
    line: xr.Dataset,
    velocity: GroundVelocity,
    aperture: float = 50.0,
    *,
    iterations: int = 5,
    topography: bool = False,
    depth_step: Length | None = None,
    max_depth: Length | None = None,
) -> xr.Dataset:
    """Find the image whose demigration explains the line, by a few steps of conjugate gradients.

    It evens out what gaps do to a plain sum (dead traces, NaN, are not asked to be explained), and gives back amplitude
    that a limited aperture takes; it does not know noise from echoes.

    Parameters
    ----------
    line : xarray.Dataset
        As for `kirchhoff`.
    velocity : float, str or xarray.DataArray
        As for `kirchhoff`.
    aperture : float
        Half-angle in degrees.
    iterations : int
        Number of steps; each costs a demigration and a migration. More than about ten fit the noise.
    topography : bool
        As for `kirchhoff`.
    depth_step, max_depth : float, optional
        As for `kirchhoff`.

    Returns
    -------
    xarray.Dataset
        Line with dimensions ([channel,] trace, depth).

    Raises
    ------
    MissingPositionError
        If the line has no distances, or they are irregular (apply ``regularize`` first).
    ParameterError
        If a parameter is out of range.

    Notes
    -----
    Least-squares migration (Nemeth, Wu and Schuster 1999, Geophysics 64, 208-221) by CGLS (Paige and Saunders 1982,
    ACM Transactions on Mathematical Software 8, 43-71).
    """
    if iterations < 1:
        msg = f"iterations is {iterations}; at least one is needed."
        raise ParameterError(msg)
    geometry = acquisition(line)
    ground, layers = _ground(line, geometry, velocity, aperture, max_depth, topography=topography)
    depths = image_depths(geometry, layers, depth_step, max_depth)
    operators = _operators(geometry, ground, depths, Aperture(aperture))
    shape = (geometry.separation.size, geometry.n_traces, geometry.n_samples)
    alive = np.isfinite(line[names.AMPLITUDE].values.reshape(shape)).all(axis=2).astype("float32")
    images = [
        _cgls(operator, traces, live[:, None], iterations)
        for operator, traces, live in zip(operators, channels(line), alive, strict=True)
    ]
    return as_image(line, np.stack(images), depths)


def _cgls(operator: Summation | SectionSummation, data: np.ndarray, alive: np.ndarray, iterations: int) -> np.ndarray:
    """Minimise ``|alive (demigrate(m) - data)|`` from m = 0."""
    residual = data * alive
    gradient = operator.migrate(residual)
    direction = gradient.copy()
    model = np.zeros_like(gradient)
    power = float(np.vdot(gradient, gradient))
    for _ in range(iterations):
        if power == 0.0:
            break
        sent = operator.demigrate(direction) * alive
        length = power / float(np.vdot(sent, sent))
        model += np.float32(length) * direction
        residual -= np.float32(length) * sent
        gradient = operator.migrate(residual)
        previous, power = power, float(np.vdot(gradient, gradient))
        direction = gradient + np.float32(power / previous) * direction
    return model

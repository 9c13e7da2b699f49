"""Kirchhoff migration: each image point collects the data along its diffraction curve."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from gprscan.errors import ParameterError
from gprscan.kernels.kirchhoff import diffraction_sum
from gprscan.kernels.traveltime import homogeneous_table
from gprscan.migration.acquisition import Acquisition, acquisition, as_image, channels, image_depths, threads
from gprscan.migration.medium import GroundVelocity, Medium, medium
from gprscan.migration.rho import half_derivative
from gprscan.steps import Length, step

TAPER = 0.2  # outer share of the aperture over which the weight falls to zero


def half_width(geometry: Acquisition, depths: np.ndarray, aperture: float) -> np.ndarray:
    """Return the half-width of the aperture in traces for each depth."""
    reach = (depths + geometry.height) * np.tan(np.radians(aperture))
    return np.minimum(np.floor(reach / geometry.spacing + 1e-9), geometry.n_traces - 1).astype("int32")


def curve_weights(curvature: np.ndarray, geometry: Acquisition) -> np.ndarray:
    r"""Return the weight of each trace on a diffraction curve, :math:`\Delta x\sqrt{t''/2\pi}`.

    For zero offset and one velocity this is obliquity over spreading, :math:`\Delta x\cos\theta/\sqrt{\pi v r}`, as in
    Schneider (1978) and Yilmaz (2001, section 4.2); written with the curvature of the curve it holds for offset, an air
    gap and v(z) too, and a plane reflector keeps its amplitude at every depth and dip.

    Within a few centimetres of the antenna the curve is sharper than the spacing of the traces; there no weight
    may exceed the one that passes a single trace at the centre frequency unchanged.
    """
    weight = geometry.spacing * np.sqrt(np.abs(curvature) / (2 * np.pi))
    return np.minimum(weight, 1.0 / np.sqrt(2 * np.pi * geometry.frequency * 1e-3))


def edge_taper(lateral: np.ndarray, widths: np.ndarray) -> np.ndarray:
    """Return a cosine taper over the outer part of the aperture, shape (depth, lateral)."""
    share = lateral[None, :] / (widths[:, None] + 1.0)
    ramp = np.clip((1.0 - share) / TAPER, 0.0, 1.0)
    return np.where(share <= 1.0, np.sin(0.5 * np.pi * ramp) ** 2, 0.0)


def _migrate(
    traces: np.ndarray, geometry: Acquisition, separation: float, ground: Medium, depths: np.ndarray, aperture: float
) -> np.ndarray:
    """Migrate one channel, shape (trace, sample) to (trace, depth)."""
    widths = half_width(geometry, depths, aperture)
    lateral = np.arange(int(widths.max()) + 1)
    times, _, curvature = homogeneous_table(
        lateral * geometry.spacing, depths, float(ground.velocities[0]), separation, geometry.height
    )
    weights = curve_weights(curvature, geometry) * edge_taper(lateral, widths)
    position = (times - geometry.start) / geometry.dt
    inside = (position >= 0) & (position < geometry.n_samples - 1) & (lateral[None, :] <= widths[:, None])
    rows = np.where(inside, position, 0).astype("int32")
    share = (position - rows) * inside
    weights = np.where(inside, weights, 0.0)
    # times grow along a curve, so the part inside the record is one piece
    first = np.argmax(inside, axis=1).astype("int32")
    last = np.where(inside.any(axis=1), lateral.size - np.argmax(inside[:, ::-1], axis=1), 0).astype("int32")
    pad = lateral.size
    padded = np.zeros((geometry.n_samples, geometry.n_traces + 2 * pad), "float32")
    padded[:, pad:-pad] = half_derivative(traces, geometry.dt).T
    image = diffraction_sum(
        padded,
        rows,
        (weights * (1 - share)).astype("float32"),
        (weights * share).astype("float32"),
        first,
        last,
        pad,
        threads=threads(),
    )
    return image.T


def _halo(line: xr.Dataset, parameters: dict[str, Any]) -> int:
    geometry = acquisition(line)
    depths = image_depths(geometry, medium(parameters["velocity"]), parameters["depth_step"], parameters["max_depth"])
    reach = (depths[-1] + geometry.height) * np.tan(np.radians(parameters["aperture"]))
    return int(np.ceil(reach / geometry.spacing)) + 1


@step(cut="halo", halo=_halo)
def kirchhoff(
    line: xr.Dataset,
    velocity: GroundVelocity,
    aperture: float = 50.0,
    *,
    depth_step: Length | None = None,
    max_depth: Length | None = None,
) -> xr.Dataset:
    """Migrate a line to depth by summing along diffraction curves.

    Parameters
    ----------
    line : xarray.Dataset
        Line over two-way travel time, time zero applied, traces regularly spaced. The transmitter-receiver distance is
        taken from ``separation``, the height of the antenna from ``antenna_height``; rays refract at the ground.
    velocity : float or str
        Velocity in the ground, m/ns.
    aperture : float
        Half-angle in degrees, at the image point, within which traces are summed.
    depth_step : float, optional
        Spacing of the depths in m; by default what a wave travels down and back in one sampling interval.
    max_depth : float, optional
        Depth of the last row in m; by default what the last sample can have seen.

    Returns
    -------
    xarray.Dataset
        Line with dimensions ([channel,] trace, depth), depth in m below the ground. A plane reflector keeps the
        amplitude that it has in the data. Dead traces count as zero, and their columns are imaged from their neighbours.

    Raises
    ------
    MissingPositionError
        If the line has no distances, or they are irregular (apply ``regularize`` first).
    ParameterError
        If a parameter is out of range.

    Notes
    -----
    The Kirchhoff integral for two dimensions: half-derivative in time, then a sum with obliquity and spreading weights
    (Schneider 1978, Geophysics 43, 49-76; Yilmaz 2001, Seismic Data Analysis, section 4.2).
    """
    if not 0 < aperture < 90:
        msg = f"aperture is {aperture} degrees; it must be between 0 and 90."
        raise ParameterError(msg)
    ground = medium(velocity)
    if not ground.uniform:
        msg = "this version migrates with one velocity; give a number in m/ns."
        raise ParameterError(msg)
    geometry = acquisition(line)
    depths = image_depths(geometry, ground, depth_step, max_depth)
    images = [
        _migrate(traces, geometry, float(separation), ground, depths, aperture)
        for traces, separation in zip(channels(line), geometry.separation, strict=True)
    ]
    return as_image(line, np.stack(images), depths)

"""Phase-shift migration: v(z), exact for all dips that the layers let through, and v(x, z) by interpolation."""

from __future__ import annotations

import numpy as np
import xarray as xr

from gprscan.errors import ParameterError
from gprscan.kernels.jit import threads
from gprscan.kernels.spectral import extrapolate
from gprscan.migration.acquisition import Acquisition, acquisition, as_image, channels, image_depths
from gprscan.migration.medium import GroundVelocity, Medium, along_line, medium
from gprscan.migration.pspi import migrate_pspi
from gprscan.migration.section import section
from gprscan.migration.wavenumber import surface_wavefield
from gprscan.steps import Length, step


def _migrate(
    traces: np.ndarray, geometry: Acquisition, ground: Medium, separation: float, depths: np.ndarray, aperture: float
) -> np.ndarray:
    """Migrate one channel, shape (trace, sample) to (trace, depth)."""
    field = surface_wavefield(traces, geometry, ground, separation, reach=float(depths[-1]), smooth=False)
    depth_step = float(depths[1] - depths[0]) if depths.size > 1 else 1.0
    half_velocities = 0.5 * depth_step / np.diff(ground.time(depths)) if depths.size > 1 else np.zeros(0)
    summed = extrapolate(
        field.spectrum,
        field.kx,
        field.omega_step,
        # equal steps must compare equal, or the kernel would renew its phases at each of them
        np.round(half_velocities, 9),
        depth_step,
        depths.size,
        float(np.sin(np.radians(aperture))),
        threads=threads(),
    )
    return field.along_line(summed, geometry.n_traces).real * np.float32(2.0 / field.n_times)


@step(cut="whole_line")
def phase_shift(
    line: xr.Dataset,
    velocity: GroundVelocity,
    aperture: float = 75.0,
    *,
    depth_step: Length | None = None,
    max_depth: Length | None = None,
) -> xr.Dataset:
    """Migrate a line to depth by continuing the waves downwards, for velocities that change with depth.

    Parameters
    ----------
    line : xarray.Dataset
        Line over two-way travel time, time zero applied, traces regularly spaced. A transmitter-receiver distance is
        removed first as the moveout of a flat reflector; an antenna height by continuing the waves down to the ground.
    velocity : float, str or xarray.DataArray
        Velocity in the ground, m/ns; v(z) over ``depth`` in m, linear between its samples (two samples at one depth
        make a step); or v(x, z) over ``distance`` (m, as on the line) and ``depth``.
    aperture : float
        Steepest angle of propagation to keep, degrees, in every layer.
    depth_step : float, optional
        Spacing of the depths in m; by default what a wave in the slowest layer travels down and back in one sampling
        interval.
    max_depth : float, optional
        Depth of the last row in m; by default what the last sample can have seen.

    Returns
    -------
    xarray.Dataset
        Line with dimensions ([channel,] trace, depth), depth in m below the ground. Amplitudes as in `kirchhoff`.

    Raises
    ------
    MissingPositionError
        If the line has no distances, or they are irregular (apply ``regularize`` first).
    ParameterError
        If a parameter is out of range.

    Notes
    -----
    Gazdag (1978, Geophysics 43, 1342-1351): each (kx, omega) is multiplied by ``exp(i kz dz)`` with
    ``kz = sqrt((2 omega / v)^2 - kx^2)`` from depth to depth, and the image is the sum over omega. For v(x, z) phase shift
    plus interpolation, with split-step correction (Gazdag and Sguazzero 1984, Geophysics 49, 124-131).
    """
    if not 0 < aperture < 90:
        msg = f"aperture is {aperture} degrees; it must be between 0 and 90."
        raise ParameterError(msg)
    geometry = acquisition(line)
    if along_line(velocity):
        below = section(velocity, line, geometry, max_depth)
        depths = image_depths(geometry, below.layers, depth_step, max_depth)
        images = [
            migrate_pspi(traces, geometry, below, separation, depths, aperture)
            for traces, separation in zip(channels(line), geometry.separation.tolist(), strict=True)
        ]
        return as_image(line, np.stack(images), depths)
    ground = medium(velocity)
    depths = image_depths(geometry, ground, depth_step, max_depth)
    images = [
        _migrate(traces, geometry, ground, separation, depths, aperture)
        for traces, separation in zip(channels(line), geometry.separation.tolist(), strict=True)
    ]
    return as_image(line, np.stack(images), depths)

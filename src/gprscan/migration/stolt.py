"""Stolt migration: one velocity, exact for all dips, as fast as its Fourier transforms."""

from __future__ import annotations

import numpy as np
import xarray as xr
from scipy import fft

from gprscan.errors import ParameterError
from gprscan.kernels.jit import threads
from gprscan.kernels.spectral import stolt_map
from gprscan.migration.acquisition import Acquisition, acquisition, as_image, channels, image_depths
from gprscan.migration.medium import GroundVelocity, Medium, medium
from gprscan.migration.wavenumber import surface_wavefield
from gprscan.steps import Length, step


def _migrate(
    traces: np.ndarray, geometry: Acquisition, ground: Medium, separation: float, depths: np.ndarray, aperture: float
) -> np.ndarray:
    """Migrate one channel, shape (trace, sample) to (trace, depth)."""
    velocity = float(ground.velocities[0])
    depth_step = float(depths[1] - depths[0]) if depths.size > 1 else 0.5 * velocity * geometry.dt
    field = surface_wavefield(traces, geometry, ground, separation, reach=float(depths[-1]), smooth=True)
    duration = geometry.dt * field.n_times
    n_z = fft.next_fast_len(int(np.ceil(max(0.5 * velocity * duration / depth_step, depths.size))), real=True)
    slopes = np.tan(np.radians([0.9 * aperture, aperture]))
    mapped = stolt_map(
        field.spectrum,
        field.kx,
        n_z // 2 + 1,
        2 * np.pi / (n_z * depth_step),
        0.5 * velocity,
        field.omega_step,
        field.centre,
        (float(slopes[0]), float(slopes[1])),
        threads=threads(),
    )
    image = fft.irfft(field.along_line(mapped, geometry.n_traces), n_z, axis=1, workers=threads())[:, : depths.size]
    return image * np.float32(0.5 * velocity * geometry.dt / depth_step)


@step(cut="whole_line")
def stolt(
    line: xr.Dataset,
    velocity: GroundVelocity,
    aperture: float = 75.0,
    *,
    depth_step: Length | None = None,
    max_depth: Length | None = None,
) -> xr.Dataset:
    """Migrate a line to depth with one velocity, in the frequency-wavenumber domain.

    Parameters
    ----------
    line : xarray.Dataset
        Line over two-way travel time, time zero applied, traces regularly spaced. A transmitter-receiver distance is
        removed first as the moveout of a flat reflector; an antenna height by continuing the waves down to the ground.
    velocity : float or str
        Velocity in the ground, m/ns.
    aperture : float
        Steepest dip to keep, degrees; the last tenth is tapered.
    depth_step : float, optional
        Spacing of the depths in m; by default what a wave travels down and back in one sampling interval.
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
        If a parameter is out of range, or the velocity is not one number.

    Notes
    -----
    Stolt (1978, Geophysics 43, 23-48): the image spectrum at (kx, kz) is the data spectrum at
    ``omega = v/2 sqrt(kx^2 + kz^2)`` times ``v/2 kz / sqrt(kx^2 + kz^2)``; here with an eight-point interpolator on a
    time axis padded to twice its length.
    """
    if not 0 < aperture < 90:
        msg = f"aperture is {aperture} degrees; it must be between 0 and 90."
        raise ParameterError(msg)
    ground = medium(velocity)
    if not ground.uniform:
        msg = "Stolt migration takes one velocity; use 'phase_shift' or 'kirchhoff' for v(z)."
        raise ParameterError(msg)
    geometry = acquisition(line)
    depths = image_depths(geometry, ground, depth_step, max_depth)
    images = [
        _migrate(traces, geometry, ground, separation, depths, aperture)
        for traces, separation in zip(channels(line), geometry.separation.tolist(), strict=True)
    ]
    return as_image(line, np.stack(images), depths)

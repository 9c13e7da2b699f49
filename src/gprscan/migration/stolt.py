"""Stolt migration: exact for one velocity, with stretched time for v(z), as fast as its Fourier transforms."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import xarray as xr
from scipy import fft

from gprscan.errors import ParameterError
from gprscan.kernels.jit import threads
from gprscan.kernels.spectral import resample, sinc_table, stolt_map
from gprscan.migration.acquisition import Acquisition, acquisition, as_image, channels, image_depths
from gprscan.migration.medium import GroundVelocity, Medium, medium
from gprscan.migration.wavenumber import surface_wavefield, zero_offset
from gprscan.steps import Length, step
from gprscan.units import C_AIR

MINIMUM_BEND = 0.5
"""Least 2 - W: below, the curve of the stretched record bends too little for its shape to hold at the flanks."""


@dataclass(frozen=True)
class Stretch:
    """Stretched time, on which a record over v(z) is nearly one over a single velocity.

    Attributes
    ----------
    times : ndarray, shape (n,)
        Two-way times from the ground in ns, from 0 to the end of the record.
    stretched : ndarray, shape (n,)
        The same on stretched time, ns.
    step : float
        Spacing of stretched time that loses no frequency of the record, ns.
    reference : float
        The single velocity, m/ns.
    w : float
        Stolt's W.
    fastest : float
        Highest velocity on the way down, m/ns, as a mean over the record.
    """

    times: np.ndarray
    stretched: np.ndarray
    step: float
    reference: float
    w: float
    fastest: float

    def slopes(self, angles: np.ndarray) -> tuple[float, float]:
        """Return the tangents of dips on stretched depth, of waves whose steepest angle on the way is given (degrees)."""
        inverse = max(self.fastest / self.reference, 1.0) / np.sin(np.radians(angles))
        # the same equation as that of the bend, solved for the vertical wavenumber
        upright = inverse - 1 / (inverse + np.sqrt(np.clip(inverse**2 - self.w, 0.0, None)))
        return float(1 / upright[0]), float(1 / upright[1])


def stretch(ground: Medium, dt: float, end: float) -> Stretch:
    """Return the stretch of time from v(z).

    Stolt (1978), and Fomel and Vaillant (2001, Journal of Seismic Exploration 9): ``s^2 = 2 / v0^2 int t vrms^2 dt``
    makes the curvature at the apex of every diffraction that of v0. The next order, t^4, asks at each time for
    ``W = 1 - v0^2 s^2 / (vrms^2 t^2) (v^2 / vrms^2 - S)``, with the heterogeneity ``S = int v^4 dt / (vrms^4 t)``.

    Parameters
    ----------
    ground : Medium
        Velocities.
    dt, end : float
        Sampling interval, and two-way time from the ground to the end of the record, ns.
    """
    n = max(int(np.ceil(4 * end / dt)), 16)
    times = np.linspace(0.0, end, n + 1)
    fine = times[1]
    v = 2 * np.diff(ground.depth(0.5 * times)) / fine
    square, fourth = fine * np.cumsum(v**2), fine * np.cumsum(v**4)
    area = 2 * fine * (np.cumsum(square) - 0.5 * square)
    reference = float(np.sqrt(area[-1]) / end)
    stretched = np.append(0.0, np.sqrt(area) / reference)
    w = 1 - area / square**2 * (v**2 - fourth / square)
    fastest = float(np.mean(np.maximum.accumulate(v)))
    slope = float(np.diff(stretched).min() / fine)
    return Stretch(times, stretched, dt * min(slope, 1.0), reference, float(np.mean(w)), fastest)


def _migrate(
    traces: np.ndarray,
    geometry: Acquisition,
    ground: Medium,
    separation: float,
    depths: np.ndarray,
    slopes: tuple[float, float],
    bend: float = 1.0,
) -> np.ndarray:
    """Migrate one channel with one velocity, shape (trace, sample) to (trace, depth)."""
    velocity = float(ground.velocities[0])
    depth_step = float(depths[1] - depths[0]) if depths.size > 1 else 0.5 * velocity * geometry.dt
    field = surface_wavefield(traces, geometry, ground, separation, reach=float(depths[-1]), smooth=True)
    duration = geometry.dt * field.n_times
    n_z = fft.next_fast_len(int(np.ceil(max(0.5 * velocity * duration / depth_step, depths.size))), real=True)
    mapped = stolt_map(
        field.spectrum,
        field.kx,
        n_z // 2 + 1,
        2 * np.pi / (n_z * depth_step),
        0.5 * velocity,
        field.omega_step,
        field.centre,
        slopes,
        bend=bend,
        threads=threads(),
    )
    image = fft.irfft(field.along_line(mapped, geometry.n_traces), n_z, axis=1, workers=threads())[:, : depths.size]
    return image * np.float32(0.5 * velocity * geometry.dt / depth_step)


def _migrate_stretched(
    traces: np.ndarray, geometry: Acquisition, ground: Medium, separation: float, depths: np.ndarray, angles: np.ndarray
) -> np.ndarray:
    """Migrate one channel with v(z): on stretched time and depth, shape (trace, sample) to (trace, depth)."""
    in_air = 2 * geometry.height / C_AIR
    end = geometry.start + geometry.dt * (geometry.n_samples - 1) - in_air
    axis = stretch(ground, geometry.dt, end)
    if 2 - axis.w < MINIMUM_BEND:
        msg = (
            f"with this v(z) Stolt's W is {axis.w:.2f}, and the stretch of time holds below {2 - MINIMUM_BEND:g} only: the "
            "velocity changes too much. Use 'phase_shift' or 'kirchhoff'."
        )
        raise ParameterError(msg)
    if geometry.height > 0:
        field = surface_wavefield(traces, geometry, ground, separation, reach=float(depths[-1]), smooth=False)
        data = fft.irfft(field.along_line(field.spectrum, geometry.n_traces), field.n_times, axis=1, workers=threads())
    else:
        data = zero_offset(traces, geometry, ground, separation)
    count = int(axis.stretched[-1] / axis.step) + 1
    times = np.interp(axis.step * np.arange(count), axis.stretched, axis.times)
    even = resample(data.astype("float32"), times / geometry.dt, sinc_table())
    flat = replace(geometry, dt=axis.step, start=0.0, n_samples=count, height=0.0)
    depth_step = 0.5 * axis.reference * axis.step
    places = 0.5 * axis.reference * np.interp(2 * ground.time(depths), axis.times, axis.stretched) / depth_step
    # below what the record can have seen there is nothing, as with one velocity
    places[2 * ground.time(depths) > end * (1 + 1e-9)] = -np.inf
    single = Medium(np.zeros(1), np.array([axis.reference]))
    image = _migrate(even, flat, single, 0.0, depth_step * np.arange(count), axis.slopes(angles), 2 - axis.w)
    return resample(image, places, sinc_table())


@step(cut="whole_line")
def stolt(
    line: xr.Dataset,
    velocity: GroundVelocity,
    aperture: float = 75.0,
    *,
    depth_step: Length | None = None,
    max_depth: Length | None = None,
) -> xr.Dataset:
    """Migrate a line to depth with one velocity or v(z), in the frequency-wavenumber domain.

    Parameters
    ----------
    line : xarray.Dataset
        Line over two-way travel time, time zero applied, traces regularly spaced. A transmitter-receiver distance is
        removed first as the moveout of a flat reflector; an antenna height by continuing the waves down to the ground.
    velocity : float, str or xarray.DataArray
        Velocity in the ground, m/ns, or v(z) over ``depth`` in m, linear between its samples.
    aperture : float
        Steepest dip to keep, degrees; the last tenth is tapered. In v(z) the steepest angle on the way, with the velocity
        as a mean over the record; keep it at 50 degrees or less where the velocity falls with depth.
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
        If a parameter is out of range, or the velocity changes along the line, or too much with depth (W above 1.5).

    Notes
    -----
    Stolt (1978, Geophysics 43, 23-48): the image spectrum at (kx, kz) is the data spectrum at
    ``omega = v/2 sqrt(kx^2 + kz^2)`` times ``v/2 kz / sqrt(kx^2 + kz^2)``; here with an eight-point interpolator on a
    time axis padded to twice its length.

    For v(z) the record is stretched in time so that its diffractions have the curvature of one velocity at their apex,
    and a mean W stands for the rest of their shape (`stretch`); with U = 2 - W the frequency is then
    ``omega = v/2 ((1 - 1/U) kz + sqrt(kz^2 + U kx^2) / U)``. Depths are exact; steep flanks, far from the apex, are not.
    """
    if not 0 < aperture < 90:
        msg = f"aperture is {aperture} degrees; it must be between 0 and 90."
        raise ParameterError(msg)
    ground = medium(velocity)
    geometry = acquisition(line)
    depths = image_depths(geometry, ground, depth_step, max_depth)
    angles = np.array([0.9 * aperture, aperture])
    lower, upper = np.tan(np.radians(angles)).tolist()
    images = [
        _migrate(traces, geometry, ground, separation, depths, (lower, upper))
        if ground.uniform
        else _migrate_stretched(traces, geometry, ground, separation, depths, angles)
        for traces, separation in zip(channels(line), geometry.separation.tolist(), strict=True)
    ]
    return as_image(line, np.stack(images), depths)

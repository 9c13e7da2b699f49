"""What a migration needs to know about a line, and the image that it gives back."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import xarray as xr

from gprscan import names
from gprscan.errors import LineError, ParameterError
from gprscan.kernels.jit import threads as threads  # migrations take it from here
from gprscan.migration.medium import Medium
from gprscan.model import amplitude, centre_frequency, regular_spacing, require_line, sampling_interval
from gprscan.units import C_AIR

UNEVEN = 0.25  # sampling intervals: how far a sample may be off an even time axis


@dataclass(frozen=True)
class Acquisition:
    """Geometry of a line as the migrations see it.

    Attributes
    ----------
    spacing : float
        Distance between traces, m.
    dt, start : float
        Sampling interval and two-way time of the first sample, ns.
    n_traces, n_samples : int
        Size of one channel.
    separation : ndarray, shape (channel,)
        Transmitter-receiver distance along the line, m.
    height : float
        Height of the antenna above the ground, m.
    frequency : float
        Centre frequency in MHz; a tenth of the sampling rate, the usual setting, where the line does not say.
    """

    spacing: float
    dt: float
    start: float
    n_traces: int
    n_samples: int
    separation: np.ndarray
    height: float
    frequency: float


def recording(line: xr.Dataset) -> Acquisition:
    """Collect what a line says about its recording in time; the trace spacing is left open (NaN).

    Raises
    ------
    LineError
        If the line is over depth already, too short in time, or its times are not evenly spaced.
    """
    require_line(line, axis=names.TWT)
    n_traces, n_samples = line[names.AMPLITUDE].shape[-2:]
    if n_samples < 2:
        msg = "at least two samples per trace are needed."
        raise LineError(msg)
    dt = sampling_interval(line)
    twt = np.asarray(line[names.TWT].values, dtype="float64")
    uneven = np.abs(twt - twt[0] - dt * np.arange(n_samples)).max()
    if not uneven <= UNEVEN * dt:
        msg = (
            f"the two-way travel times are not evenly spaced: one is {uneven:.3g} ns off its place, with {dt:.3g} ns from "
            "sample to sample. Interpolate the line to even times (xarray's interp over 'twt')."
        )
        raise LineError(msg)
    separation = np.zeros(line.sizes.get(names.CHANNEL, 1))
    if names.SEPARATION in line.coords:
        separation[:] = np.nan_to_num(np.asarray(line[names.SEPARATION].values, dtype="float64"))
    return Acquisition(
        spacing=float("nan"),
        dt=dt,
        start=float(line[names.TWT].values[0]),
        n_traces=n_traces,
        n_samples=n_samples,
        separation=np.abs(separation),
        height=max(float(line.attrs.get(names.ANTENNA_HEIGHT, 0.0)), 0.0),
        frequency=centre_frequency(line) or 100.0 / dt,
    )


def acquisition(line: xr.Dataset) -> Acquisition:
    """Collect the geometry of a line over two-way travel time, its regular trace spacing included.

    Raises
    ------
    LineError
        If the line is over depth already, too short in time, or a single trace.
    MissingPositionError
        If the distances are missing or irregular.
    """
    if line.sizes.get(names.TRACE, 0) < 2:
        msg = "a single trace has no diffractions to collect: at least two traces are needed to migrate a line."
        raise LineError(msg)
    return replace(recording(line), spacing=regular_spacing(line))


def image_depths(
    geometry: Acquisition, ground: Medium, depth_step: float | None, max_depth: float | None
) -> np.ndarray:
    """Return the depths (m) of an image: from the ground to what the last sample can have seen.

    Parameters
    ----------
    depth_step : float or None
        Spacing of the depths in m; by default what the slowest layer travels in half a sampling interval.
    max_depth : float or None
        Depth of the last row in m.

    Raises
    ------
    ParameterError
        If the line ends before the ground is reached or the antennas' distance is crossed, or the step or depth are not positive.
    """
    if (depth_step is not None and depth_step <= 0) or (max_depth is not None and max_depth <= 0):
        msg = f"depth_step ({depth_step}) and max_depth ({max_depth}) must be positive, in m."
        raise ParameterError(msg)
    end = geometry.start + geometry.dt * (geometry.n_samples - 1)
    deepest = float(ground.depth(max(0.5 * end - geometry.height / C_AIR, 0.0)))
    if deepest <= 0:
        msg = f"the record ends at {end:.2f} ns, before the ground is reached. Is time zero applied?"
        raise ParameterError(msg)
    fastest = C_AIR if geometry.height > 0 else float(ground.velocities.max())
    if geometry.separation.min() >= fastest * end:
        msg = (
            f"the transmitter-receiver distance is {geometry.separation.min():g} m: no wave crosses it within the record of "
            f"{end:.1f} ns. Is 'separation' in m?"
        )
        raise ParameterError(msg)
    visible = ground.velocities[ground.tops < deepest]
    step = depth_step or 0.5 * geometry.dt * float(visible.min())
    return step * np.arange(int(np.floor((max_depth or deepest) / step + 1e-9)) + 1)


def channels(line: xr.Dataset) -> np.ndarray:
    """Return the traces as float32, shape (channel, trace, sample); dead (not finite) samples count as zero."""
    data = amplitude(line)
    dead = ~np.isfinite(data)
    if dead.any():
        data[dead] = 0.0
    return data.reshape(-1, *data.shape[-2:])


def as_image(line: xr.Dataset, image: np.ndarray, depths: np.ndarray) -> xr.Dataset:
    """Return a line over depth with the coordinates and attributes of `line`.

    Parameters
    ----------
    image : ndarray of float32, shape (channel, trace, depth)
    depths : ndarray, shape (depth,)
    """
    dims = (*line[names.AMPLITUDE].dims[:-1], names.DEPTH)
    values = image if len(dims) == 3 else image[0]
    variable = xr.Variable(dims, np.ascontiguousarray(values, dtype="float32"), line[names.AMPLITUDE].attrs)
    attrs = {"units": "m", "positive": "down", "long_name": "depth below the ground"}
    rest = line.drop_vars([names.AMPLITUDE, names.TWT])
    return rest.assign({names.AMPLITUDE: variable}).assign_coords({names.DEPTH: (names.DEPTH, depths, attrs)})

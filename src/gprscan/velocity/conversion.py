"""Conversion between two-way travel time and depth, without migration."""

from __future__ import annotations

import numpy as np
import xarray as xr

from gprscan import names
from gprscan.errors import ParameterError
from gprscan.kernels.spectral import resample, sinc_table
from gprscan.migration.acquisition import as_image, image_depths, recording
from gprscan.migration.curves import vertical_times
from gprscan.migration.medium import GroundVelocity, medium
from gprscan.model import amplitude, require_line, sampling_interval
from gprscan.steps import Length, Time, step


@step(cut="twt")
def time_to_depth(
    line: xr.Dataset,
    velocity: GroundVelocity,
    *,
    depth_step: Length | None = None,
    max_depth: Length | None = None,
) -> xr.Dataset:
    """Stretch a line from two-way travel time to depth, trace by trace.

    Parameters
    ----------
    line : xarray.Dataset
        Line over two-way travel time, time zero applied.
    velocity : float, str or xarray.DataArray
        Velocity in the ground, m/ns; or v(z) over ``depth`` in m.
    depth_step, max_depth : float, optional
        Spacing and end of the depth axis in m; by default as in `gprscan.migration.kirchhoff`.

    Returns
    -------
    xarray.Dataset
        Line over ``depth`` (m below the ground). The separation of the antennas and their height are accounted for.
    """
    ground = medium(velocity)
    geometry = recording(line)
    depths = image_depths(geometry, ground, depth_step, max_depth)
    data = amplitude(line).reshape(-1, geometry.n_traces, geometry.n_samples)
    converted = [
        resample(traces, (vertical_times(geometry, ground, depths, separation) - geometry.start) / geometry.dt, table)
        for table in [sinc_table()]
        for traces, separation in zip(data, geometry.separation.tolist(), strict=True)
    ]
    return as_image(line, np.stack(converted), depths)


@step(cut="twt")
def depth_to_time(line: xr.Dataset, velocity: GroundVelocity, *, dt: Time | None = None) -> xr.Dataset:
    """Squeeze a line from depth back to two-way travel time, as for antennas on the ground at one place.

    Parameters
    ----------
    line : xarray.Dataset
        Line over depth.
    velocity : float, str or xarray.DataArray
        Velocity in the ground, m/ns; or v(z) over ``depth`` in m.
    dt : float, optional
        Sampling interval of the result in ns; by default the time through one depth step of the fastest layer.

    Returns
    -------
    xarray.Dataset
        Line over ``twt`` in ns, from time 0 at the ground; its ``separation`` and ``antenna_height`` are 0.

    Raises
    ------
    ParameterError
        If `dt` is not positive.
    """
    require_line(line, axis=names.DEPTH)
    if dt is not None and dt <= 0:
        msg = f"dt is {dt} ns; it must be positive."
        raise ParameterError(msg)
    ground = medium(velocity)
    depths = line[names.DEPTH].values
    depth_step = sampling_interval(line)
    dt = dt or 2 * depth_step / float(ground.velocities.max())
    times = dt * np.arange(int(np.floor(2 * float(ground.time(depths[-1])) / dt + 1e-9)) + 1)
    data = amplitude(line)
    positions = (ground.depth(0.5 * times) - depths[0]) / depth_step
    converted = resample(data.reshape(-1, depths.size), positions, sinc_table())
    dims = (*line[names.AMPLITUDE].dims[:-1], names.TWT)
    variable = xr.Variable(dims, converted.reshape(*data.shape[:-1], times.size), line[names.AMPLITUDE].attrs)
    rest = line.drop_vars([names.AMPLITUDE, names.DEPTH]).assign({names.AMPLITUDE: variable})
    # the air gap and the offset are out of these times: whoever migrates them must not take them out again
    flat = {name: 0.0 for name in (names.ANTENNA_HEIGHT,) if name in line.attrs}
    one_place = {name: xr.zeros_like(line[name]) for name in (names.SEPARATION,) if name in line.coords}
    rest = rest.assign_coords({**one_place, names.TWT: (names.TWT, times, {"units": "ns"})})
    return rest.assign_attrs({**flat, names.TIME_ZERO: 0.0})

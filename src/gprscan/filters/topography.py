"""Corrections for the height of the ground and of the antenna."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from gprscan import model, names
from gprscan.errors import MissingPositionError, ParameterError
from gprscan.filters import _arrays
from gprscan.filters.sampling import sinc_weights
from gprscan.kernels import weights as kernels
from gprscan.steps import Length, Velocity, step
from gprscan.units import C_AIR


def _elevation(line: xr.Dataset) -> np.ndarray:
    """Return the height of the ground per trace in m: the mean over channels where each has its own."""
    if names.Z not in line.coords:
        msg = (
            "topographic_correction: the line has no heights (coordinate z). They come from GNSS with a known vertical "
            "datum, or from line.assign_coords(z=('trace', heights))."
        )
        raise MissingPositionError(msg)
    z = line[names.Z]
    heights = np.asarray((z.mean(names.CHANNEL) if names.CHANNEL in z.dims else z).values, dtype="float64")
    known = np.isfinite(heights)
    if not known.any():
        msg = "topographic_correction: no trace has a known height (coordinate z)."
        raise MissingPositionError(msg)
    index = np.arange(heights.size)
    return np.interp(index, index[known], heights[known])


def _datum(line: xr.Dataset, values: dict[str, Any]) -> dict[str, Any]:
    heights = _elevation(line)
    if values["datum"] is None:
        values["datum"] = float(heights.max())
    if values["lowest"] is None:
        values["lowest"] = float(heights.min())
    if not 0 < values["velocity"] <= 1.001 * C_AIR:
        msg = f"topographic_correction: velocity is {values['velocity']} m/ns; soils have 0.05 to 0.17, air 0.2998."
        raise ParameterError(msg)
    if heights.max() > values["datum"] + 1e-9:
        msg = (
            f"topographic_correction: the datum, {values['datum']:.3f} m, lies below the highest ground, "
            f"{heights.max():.3f} m."
        )
        raise ParameterError(msg)
    return values


@step(cut="twt", resolve=_datum)
def topographic_correction(
    line: xr.Dataset, velocity: Velocity, datum: Length | None = None, lowest: Length | None = None
) -> xr.Dataset:
    """Draw a line under its ground surface, below a level datum.

    Each trace is moved down by ``2 (datum - z) / velocity`` on a line over ``twt``, by ``datum - z`` on a line over
    ``depth`` (static shifts, see Yilmaz 2001, Seismic Data Analysis, section 3.3). The axis is counted from the datum
    then, and made longer. Migrate before, or over the topography, where slopes are steep: a static shift leaves
    diffractions as they are.

    Parameters
    ----------
    line : xarray.Dataset
        A line with heights of the ground in the coordinate ``z``.
    velocity : float or str
        In the ground, m/ns.
    datum : float or str, optional
        Height of the new time or depth 0 in m; the highest ground where not given.
    lowest : float or str, optional
        Lowest ground that must fit, in m; that of the line where not given.

    Returns
    -------
    xarray.Dataset
        The line, float32, with as many more samples as the heights ask for; NaN above and below each trace.

    Raises
    ------
    MissingPositionError
        If there are no heights.
    ParameterError
        If the velocity is impossible, or the ground higher than the datum.
    """
    axis_name = str(line[names.AMPLITUDE].dims[-1])
    per_metre = 1.0 if axis_name == names.DEPTH else 2.0 / velocity
    interval = model.sampling_interval(line)
    delays = (float(datum or 0.0) - _elevation(line)) * per_metre / interval
    longest = int(np.ceil((float(datum or 0.0) - float(lowest or 0.0)) * per_metre / interval - 1e-9))
    profiles = _arrays.channels(line[names.AMPLITUDE].values)
    n = profiles.shape[2]
    moved = np.full((*profiles.shape[:2], n + longest), np.nan, dtype="float32")
    for j, delay in enumerate(delays):
        start = int(np.ceil(delay - 1e-9))
        fraction = max(start - delay, 0.0)
        count = n if fraction < 1e-9 else n - 1  # samples of the new axis that lie within the trace
        nearest = np.minimum(np.arange(count) + round(fraction), n - 1)
        first, weights = sinc_weights(np.array([fraction]), 1.0)
        part = np.empty((profiles.shape[0], count), dtype="float32")
        rows = np.array(profiles[:, j], dtype="float32", order="C")  # a trace at a time: the line is not held twice
        gaps = ~np.isfinite(rows)
        rows[gaps] = 0.0
        kernels.mix_samples_serial(rows, part, first + np.arange(count), np.repeat(weights, count, axis=0))
        part[gaps[:, nearest]] = np.nan
        moved[:, j, start : start + count] = part
    amplitude = line[names.AMPLITUDE]
    variable = xr.Variable(amplitude.dims, moved.reshape(*amplitude.shape[:-1], n + longest), amplitude.attrs)
    axis = line[axis_name].values[0] + np.arange(n + longest) * interval
    over_axis = [str(name) for name, var in line.variables.items() if axis_name in var.dims]
    rest = line.drop_vars(over_axis).assign({names.AMPLITUDE: variable})
    return rest.assign_coords({axis_name: (axis_name, axis, line[axis_name].attrs)})

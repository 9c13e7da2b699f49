"""Correction for the height of the antenna above the ground."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from gprscan import model, names
from gprscan.errors import ParameterError
from gprscan.filters.time_zero import _separations, _shifted
from gprscan.steps import Length, step
from gprscan.units import C_AIR


def surface_time(height: Any, separation: Any) -> Any:
    """Return the two-way time of the ground's echo: ``sqrt(separation^2 + 4 height^2) / c``, from the mirror image.

    Parameters
    ----------
    height, separation : float or ndarray
        Height of the antenna above the ground and transmitter-receiver distance, m.

    Returns
    -------
    float or ndarray
        In ns.
    """
    return np.sqrt(np.square(separation) + 4.0 * np.square(height)) / C_AIR


def _heights(line: xr.Dataset, values: dict[str, Any]) -> dict[str, Any]:
    model.require_line(line, axis=names.TWT)
    if values["heights"] is None:
        values["heights"] = [float(line.attrs.get(names.ANTENNA_HEIGHT, 0.0) or 0.0)]
    given = np.atleast_1d(np.asarray(values["heights"], dtype="float64"))
    if given.size not in (1, line.sizes[names.TRACE]) or given.min() < 0 or not values["to"] >= 0:
        msg = (
            f"height_correction: one height, or one for each of the {line.sizes[names.TRACE]} traces, is needed, in m "
            f"and not negative; {given.size} were given, to is {values['to']} m."
        )
        raise ParameterError(msg)
    return values | {"heights": given.tolist()}


def _halo(line: xr.Dataset, values: dict[str, Any]) -> int | None:
    return 0 if len(values["heights"]) == 1 else None


@step(cut="halo", halo=_halo, resolve=_heights)
def height_correction(line: xr.Dataset, heights: Length | list[Length] | None = None, to: Length = 0.0) -> xr.Dataset:
    """Move traces in time as if the antenna had been carried at another height.

    A trace recorded at the height h is moved up by ``(sqrt(s^2 + 4 h^2) - sqrt(s^2 + 4 to^2)) / c`` with the separation s,
    so that the ground's echo lies where it would from the height `to`: level, for an air-coupled antenna or a drone
    whose height changed. A static shift: it puts the ground right, the spreading and refraction of what lies deeper
    only for small offsets. The direct wave moves with the rest.

    Parameters
    ----------
    line : xarray.Dataset
        A line over ``twt``, time zero applied.
    heights : float, str or list of these, optional
        Height of the antenna above the ground in m, one or one per trace (see `track_surface`); that of the line where
        not given.
    to : float or str
        Height in m that the traces are brought to.

    Returns
    -------
    xarray.Dataset
        The line, float32, its ``antenna_height`` now `to`. Dead traces and samples that are not finite stay as they are.

    Raises
    ------
    ParameterError
        If the heights do not match the traces, or are negative.
    """
    interval = model.sampling_interval(line)
    n_channels, n_traces = line.sizes.get(names.CHANNEL, 1), line.sizes[names.TRACE]
    separation = _separations(line, n_channels)[:, None]
    given = np.broadcast_to(np.asarray(heights, dtype="float64"), (n_traces,))
    delays = surface_time(given[None, :], separation) - surface_time(float(to), separation)
    most = float(np.abs(delays).max(initial=0.0)) / interval
    if most > 1e-3:
        moved = _shifted(line, delays.reshape(-1) / interval, int(np.ceil(most)) + 32)
    else:
        moved = model.with_amplitude(line, model.amplitude(line))
    return moved.assign_attrs({names.ANTENNA_HEIGHT: float(to)})

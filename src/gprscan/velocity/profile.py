"""Velocity profiles: layers, RMS velocity, and Dix's way back to interval velocity."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr

from gprscan import names
from gprscan.errors import ParameterError
from gprscan.migration.medium import medium


def layered(thicknesses: Sequence[float], velocities: Sequence[float]) -> xr.DataArray:
    """Return v(z) of flat layers, as the migrations take it.

    Parameters
    ----------
    thicknesses : sequence of float
        Thickness in m of every layer but the last, which reaches down for ever.
    velocities : sequence of float
        Velocity in m/ns of every layer, from the top.

    Returns
    -------
    xarray.DataArray
        Dimension ``depth`` (m); each boundary has two samples, so that the velocity steps there.

    Raises
    ------
    ParameterError
        If the numbers of layers do not match, or one is not positive.

    Examples
    --------
    >>> layered([0.2], [0.13, 0.09])["depth"].values.tolist()
    [0.0, 0.2, 0.2]
    """
    if len(velocities) != len(thicknesses) + 1:
        msg = f"{len(velocities)} velocities need one thickness less, but {len(thicknesses)} were given."
        raise ParameterError(msg)
    if min([*thicknesses, *velocities]) <= 0:
        msg = "thicknesses and velocities must be positive."
        raise ParameterError(msg)
    bottoms = np.cumsum(np.asarray(thicknesses, dtype="float64"))
    depth = np.concatenate([[0.0], np.repeat(bottoms, 2)])
    values = np.repeat(np.asarray(velocities, dtype="float64"), 2)[:-1]
    return _profile(values, names.DEPTH, depth, "m")


def rms_velocity(velocity: float | xr.DataArray, twt: np.ndarray) -> xr.DataArray:
    """Return the RMS velocity (m/ns) from the ground down, over two-way vertical time in the ground.

    ``v_rms^2(t)`` is the mean of ``v^2`` over the time down to t (Dix 1955, Geophysics 20, 68-86): the velocity of the
    hyperbola that a diffraction from there follows near its apex.

    Parameters
    ----------
    velocity : float or xarray.DataArray
        Velocity, or v(z) over ``depth``.
    twt : ndarray, shape (n,)
        Two-way times from the ground in ns, not negative.

    Returns
    -------
    xarray.DataArray
        Dimension ``twt``; at time 0 the velocity of the first layer.
    """
    ground = medium(velocity)
    times = np.asarray(twt, dtype="float64")
    tops = 2 * ground.time(ground.tops)
    squares = np.concatenate([[0.0], np.cumsum(np.diff(tops) * ground.velocities[:-1] ** 2)])
    layer = np.clip(np.searchsorted(tops, times, side="right") - 1, 0, None)
    total = squares[layer] + (times - tops[layer]) * ground.velocities[layer] ** 2
    mean = np.divide(total, times, out=np.full_like(times, ground.velocities[0] ** 2), where=times > 0)
    return _profile(np.sqrt(mean), names.TWT, times, "ns")


def interval_velocity(rms: xr.DataArray) -> xr.DataArray:
    """Return v(z) from RMS velocities (Dix 1955, Geophysics 20, 68-86).

    Parameters
    ----------
    rms : xarray.DataArray
        RMS velocity in m/ns over ``twt`` (two-way vertical time in the ground, ns, growing and positive), one value per
        layer boundary.

    Returns
    -------
    xarray.DataArray
        v(z) over ``depth`` in m, with a step at each boundary.

    Raises
    ------
    ParameterError
        If no layered ground has these velocities: ``v_rms^2 t`` must grow with t.
    """
    times = np.asarray(rms[names.TWT].values, dtype="float64")
    values = np.asarray(rms.values, dtype="float64")
    if np.any(np.diff(times, prepend=0.0) <= 0):
        msg = "the times of the RMS velocities must be positive and grow."
        raise ParameterError(msg)
    growth = np.diff(values**2 * times, prepend=0.0)
    if np.any(growth <= 0):
        worst = int(np.argmin(growth))
        msg = (
            f"no layered ground has an RMS velocity of {values[worst]:.4f} m/ns at {times[worst]:.2f} ns below the "
            "values above it: the interval velocity would be imaginary. Smooth the values or leave this one out."
        )
        raise ParameterError(msg)
    intervals = np.diff(times, prepend=0.0)
    velocities = np.sqrt(growth / intervals)
    return layered((0.5 * intervals * velocities)[:-1].tolist(), velocities.tolist())


def _profile(values: np.ndarray, dim: str, axis: np.ndarray, unit: str) -> xr.DataArray:
    coordinate = (dim, axis, {"units": unit})
    return xr.DataArray(values, dims=dim, coords={dim: coordinate}, name="velocity", attrs={"units": "m/ns"})

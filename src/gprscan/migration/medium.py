"""The ground as a velocity profile: a number, or v(z)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
import xarray as xr
from pydantic import BeforeValidator

from gprscan import names
from gprscan.errors import ParameterError
from gprscan.units import C_AIR, parse


def checked_velocity(value: Any) -> float | xr.DataArray:
    """Check a velocity as a user gives it: a number or text in m/ns, or a DataArray (also as stored in provenance).

    Raises
    ------
    ParameterError
        Saying what is wrong.
    """
    if isinstance(value, dict):
        value = xr.DataArray.from_dict(value)
    if not isinstance(value, xr.DataArray):
        number = parse(value, "m/ns")
        _check_range(np.array([number]))
        return number
    if value.ndim == 0:
        return checked_velocity(float(value))
    if set(value.dims) not in ({names.DEPTH}, {names.DEPTH, names.DISTANCE}):
        msg = (
            f"velocity has the dimensions {value.dims}; a number, or a DataArray over 'depth', or over 'distance' and "
            "'depth', is needed."
        )
        raise ParameterError(msg)
    for dim in value.dims:
        if dim not in value.coords:
            msg = f"velocity has no {dim!r} coordinate; give the place of each value in m."
            raise ParameterError(msg)
        if np.any(np.diff(value[dim].values) < 0):
            msg = f"the coordinate {dim!r} of the velocity does not grow."
            raise ParameterError(msg)
    _check_range(value.values)
    return value


def _check_range(values: np.ndarray) -> None:
    if not (np.all(np.isfinite(values)) and values.min() > 0 and values.max() <= 1.001 * C_AIR):
        msg = (
            f"velocity is between {np.min(values):g} and {np.max(values):g} m/ns; it must be above 0 and at most "
            "that in air, 0.2998 m/ns (soils: 0.06 to 0.15)."
        )
        raise ParameterError(msg)


def along_line(velocity: float | xr.DataArray) -> bool:
    """Whether a velocity changes along the line, too: v(x, z)."""
    return isinstance(velocity, xr.DataArray) and velocity.ndim == 2


GroundVelocity = Annotated[float | xr.DataArray, BeforeValidator(checked_velocity)]


@dataclass(frozen=True)
class Medium:
    """Horizontal layers of constant velocity below the ground; the last one reaches down for ever.

    Attributes
    ----------
    tops : ndarray, shape (n,)
        Depth of the top of each layer in m; the first is 0.
    velocities : ndarray, shape (n,)
        Velocity of each layer in m/ns.
    """

    tops: np.ndarray
    velocities: np.ndarray

    @property
    def uniform(self) -> bool:
        """Whether there is one velocity only."""
        return self.velocities.size == 1

    def time(self, depth: Any) -> np.ndarray:
        """Return the one-way vertical time in ns from the ground down to `depth` (m)."""
        depth = np.asarray(depth, dtype="float64")
        layer = np.clip(np.searchsorted(self.tops, depth, side="right") - 1, 0, None)
        return self._times[layer] + (depth - self.tops[layer]) / self.velocities[layer]

    def depth(self, time: Any) -> np.ndarray:
        """Return the depth in m reached after the one-way vertical time (ns) from the ground."""
        time = np.asarray(time, dtype="float64")
        layer = np.clip(np.searchsorted(self._times, time, side="right") - 1, 0, None)
        return self.tops[layer] + (time - self._times[layer]) * self.velocities[layer]

    @property
    def _times(self) -> np.ndarray:
        return np.concatenate([[0.0], np.cumsum(np.diff(self.tops) / self.velocities[:-1])])


def medium(velocity: float | xr.DataArray, *, cell: float = 0.01) -> Medium:
    """Turn a velocity as users give it into layers.

    Parameters
    ----------
    velocity : float or xarray.DataArray
        Velocity in m/ns, or v(z) over ``depth`` (m). Between its samples v(z) is linear, as in ``DataArray.interp``;
        above the first and below the last sample it is constant. Two samples at the same depth make a step.
    cell : float
        Thickness in m of the layers that stand for a gradient.
    """
    if not isinstance(velocity, xr.DataArray):
        return Medium(np.zeros(1), np.array([float(velocity)]))
    if velocity.ndim > 1:
        msg = "this takes a velocity that does not change along the line; 'kirchhoff' takes v(x, z)."
        raise ParameterError(msg)
    z = np.asarray(velocity[names.DEPTH].values, dtype="float64")
    v = np.asarray(velocity.values, dtype="float64")
    tops, velocities = [0.0], [v[0]]
    for i in range(z.size - 1):
        if z[i + 1] <= max(z[i], 0.0):
            continue
        parts = 1 if v[i] == v[i + 1] else int(np.ceil((z[i + 1] - z[i]) / cell))
        edges = np.linspace(z[i], z[i + 1], parts + 1)
        tops += list(edges[:-1])
        velocities += list(np.interp(0.5 * (edges[1:] + edges[:-1]), z[i : i + 2], v[i : i + 2]))
    tops.append(z[-1])
    velocities.append(v[-1])
    return _merged(np.array(tops), np.array(velocities))


def _merged(tops: np.ndarray, velocities: np.ndarray) -> Medium:
    """Drop layers without thickness or above the ground, and join neighbours of equal velocity."""
    bottoms = np.append(tops[1:], np.inf)
    keep = bottoms > np.maximum(tops, 0.0)
    tops, velocities = np.maximum(tops[keep], 0.0), velocities[keep]
    change = np.append(True, np.diff(velocities) != 0.0)
    return Medium(tops[change], velocities[change])

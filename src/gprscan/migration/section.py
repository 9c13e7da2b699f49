"""A velocity that changes along the line, and the ground's relief, on a grid below the line."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import xarray as xr

from gprscan import names
from gprscan.errors import MissingPositionError
from gprscan.migration.acquisition import Acquisition
from gprscan.migration.medium import Medium, along_line, medium

ROWS = 80  # of the grid, at most
NODES = 6  # per wavelength, at most: a wave does not see finer detail
FINEST = 0.02  # m
MARGIN = 4  # grid columns beyond the ends of the line


@dataclass(frozen=True)
class Section:
    """Slowness on a square grid below a line.

    The columns lie at whole multiples of the step along the line, wherever it starts, so that a part of a line sees the
    same grid as the whole.

    Attributes
    ----------
    slowness : ndarray, shape (x, depth)
        ns/m.
    step : float
        Grid step, m.
    origin : float
        Place of the first grid column, m from the first trace in the direction of the line.
    start : float
        Distance of the first trace, m, negative if the line runs against its distances: where 0 lies.
    relief : ndarray, shape (trace,)
        Elevation of the ground below each trace, m.
    layers : Medium
        Velocity as it depends on depth alone: the mean slowness along the model, the same for all parts of a line.
    """

    slowness: np.ndarray
    step: float
    origin: float
    start: float
    relief: np.ndarray
    layers: Medium


def section(
    velocity: float | xr.DataArray,
    line: xr.Dataset,
    geometry: Acquisition,
    max_depth: float | None,
    *,
    topography: bool = False,
    margin: float = 0.0,
) -> Section:
    """Put a velocity onto a grid below the line, down to `max_depth` or to what the fastest waves reach in the record.

    Parameters
    ----------
    velocity : float or xarray.DataArray
        m/ns; v(z) over ``depth`` (m), or v(x, z) over ``distance`` (m, as on the line) and ``depth``; linear between
        its samples, constant beyond.
    max_depth : float or None
        Depth that the grid must reach, m.
    topography : bool
        Take the elevation of the ground from ``z``.
    margin : float
        How far the grid must reach beyond the ends of the line, m.
    """
    slowest, fastest = (
        (float(velocity.min()), float(velocity.max()))
        if isinstance(velocity, xr.DataArray)
        else (float(velocity), float(velocity))
    )
    deepest = float(max_depth or 0.5 * fastest * (geometry.start + geometry.dt * geometry.n_samples))
    fine = max(deepest / ROWS, FINEST)
    step = max(fine, min(slowest / (geometry.frequency * 1e-3 * NODES), deepest / 24))
    along = line[names.DISTANCE].values
    direction = 1.0 if along[-1] >= along[0] else -1.0
    start = direction * float(along[0])
    first = int(np.floor((start - margin) / step)) - MARGIN
    last = int(np.ceil((start + geometry.spacing * (geometry.n_traces - 1) + margin) / step)) + MARGIN
    x = step * np.arange(first, last + 1)
    z = step * np.arange(int(np.ceil(deepest / step)) + 2)
    relief = _relief(line, geometry) if topography else np.zeros(geometry.n_traces)
    slowness = slowness_on_grid(velocity, direction * x, z)
    return Section(slowness, step, float(x[0]) - start, start, relief, _layers(velocity, z))


def _layers(velocity: float | xr.DataArray, z: np.ndarray) -> Medium:
    """Return the layers of a velocity; where it changes along the line, those of the mean slowness over its extent."""
    if not along_line(velocity):
        return medium(velocity)
    assert isinstance(velocity, xr.DataArray)
    x = np.asarray(velocity[names.DISTANCE].values, dtype="float64")
    slowness = slowness_on_grid(velocity, np.sort(x), z)
    widths = np.gradient(np.sort(x)) if x.size > 1 else np.ones(1)
    widths[[0, -1]] *= 0.5
    tops = (z[1] - z[0]) * np.maximum(np.arange(z.size) - 0.5, 0.0)
    return Medium(tops, 1 / np.average(slowness, axis=0, weights=widths if widths.sum() > 0 else None))


def slowness_on_grid(velocity: float | xr.DataArray, x: np.ndarray, z: np.ndarray) -> np.ndarray:
    """Return the slowness (ns/m) at places `x` along a line and depths `z` (m), shape (x, z).

    Of v(z) each node carries the mean slowness over its cell, so that vertical times are right at steps too.
    """
    if not isinstance(velocity, xr.DataArray) or velocity.ndim == 1:
        step = z[1] - z[0]
        ground = medium(velocity)
        edges = np.maximum(np.append(z - 0.5 * step, z[-1] + 0.5 * step), 0.0)
        return np.tile(np.diff(ground.time(edges)) / np.diff(edges), (x.size, 1))
    ordered = velocity.transpose(names.DISTANCE, names.DEPTH).sortby(names.DISTANCE)
    inside = [
        np.clip(values, float(ordered[name].min()), float(ordered[name].max()))
        for name, values in ((names.DISTANCE, x), (names.DEPTH, z))
    ]
    grid = ordered.interp({names.DISTANCE: inside[0], names.DEPTH: inside[1]})
    return 1 / np.asarray(grid.values, dtype="float64")


def slowness_at(ground: Section, x: np.ndarray, z: np.ndarray) -> np.ndarray:
    """Return the slowness (ns/m) at other places (m from the first trace) and depths (m), shape (x, z); edges held."""
    columns, rows = (x - ground.origin) / ground.step, z / ground.step
    across = np.array([np.interp(rows, np.arange(ground.slowness.shape[1]), values) for values in ground.slowness])
    return np.array([np.interp(columns, np.arange(ground.slowness.shape[0]), values) for values in across.T]).T


def _relief(line: xr.Dataset, geometry: Acquisition) -> np.ndarray:
    """Return the elevation of the ground below each trace (m), of an array that of its middle."""
    if names.Z not in line.coords or not np.isfinite(line[names.Z].values).all():
        msg = "topography needs the elevation of every trace, the coordinate 'z' in m."
        raise MissingPositionError(msg)
    z = np.asarray(line[names.Z].values, dtype="float64")
    return z.reshape(-1, geometry.n_traces).mean(axis=0)

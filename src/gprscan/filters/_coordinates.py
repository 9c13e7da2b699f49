"""Coordinates along a line whose traces are replaced by others."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from gprscan import names


def nearest(old: np.ndarray, new: np.ndarray) -> np.ndarray:
    """Return, for each new place, the index of the nearest old one; `old` grows."""
    right = np.clip(np.searchsorted(old, new), 1, max(old.size - 1, 1))
    left = right - 1
    right = np.minimum(right, old.size - 1)
    return np.where(new - old[left] <= old[right] - new, left, right)


def _between(values: np.ndarray, old: np.ndarray, new: np.ndarray) -> np.ndarray:
    if values.dtype.kind == "M":
        ticks = values.astype("datetime64[ns]").astype("int64")
        # counted from the first, since a double has no nanoseconds left since 1970
        moved = np.interp(new, old, (ticks - ticks[0]).astype("float64"))
        filled = (moved.round().astype("int64") + ticks[0]).astype("datetime64[ns]")
        return np.where(np.isnat(values)[nearest(old, new)], np.datetime64("NaT", "ns"), filled)
    known = np.isfinite(values)
    if not known.any():
        return np.full(new.size, np.nan)
    moved = np.interp(new, old[known], values[known])
    moved[~known[nearest(old, new)]] = np.nan
    return moved


def moved(line: xr.Dataset, values: np.ndarray, old: np.ndarray, new: np.ndarray, distance: np.ndarray) -> xr.Dataset:
    """Return the line with the traces at `old` places replaced by `values` at `new` ones.

    Parameters
    ----------
    line : xarray.Dataset
        A line.
    values : ndarray of float32, shape (channels, new traces, samples)
        The new traces.
    old, new : ndarray
        Growing places along the line, in any unit, of the old and of the new traces.
    distance : ndarray
        Distances of the new traces in m.
    """
    amplitude = line[names.AMPLITUDE]
    shape = (*amplitude.shape[:-2], *values.shape[-2:])
    coords: dict[str, Any] = {}
    for name, coord in line.coords.items():
        if names.TRACE not in coord.dims or name in (names.DISTANCE, names.TRACE):
            continue
        along = np.moveaxis(coord.values, coord.dims.index(names.TRACE), -1)
        flat = along.reshape(-1, along.shape[-1])
        if name == names.MARK:
            result = np.zeros((len(flat), new.size), dtype=flat.dtype)
            for row, marks in zip(result, flat, strict=True):
                set_ = np.flatnonzero(marks)
                row[nearest(new, old[set_])] = marks[set_]
        elif coord.dtype.kind in "fM":
            result = np.stack([_between(row, old, new) for row in flat])
        else:
            result = flat[:, nearest(old, new)]
        dims = (*[d for d in coord.dims if d != names.TRACE], names.TRACE)
        coords[str(name)] = (dims, result.reshape(*along.shape[:-1], new.size), coord.attrs)
    coords[names.DISTANCE] = (names.TRACE, np.asarray(distance, dtype="float64"), {"units": "m"})
    rest = line.drop_vars([str(name) for name, var in line.variables.items() if names.TRACE in var.dims])
    rest = rest.drop_vars(names.STATUS, errors="ignore")
    variable = xr.Variable(amplitude.dims, values.reshape(shape), amplitude.attrs)
    return rest.assign({names.AMPLITUDE: variable}).assign_coords(coords)

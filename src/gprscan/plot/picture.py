"""A line as a picture of bounded size: thinned out by keeping extremes, on a regular grid of distance."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import xarray as xr

from gprscan import model, names
from gprscan.errors import ParameterError

# a gap of this many columns is closed by the nearest trace; a longer one stays blank
_BRIDGED = 2


@dataclass(frozen=True)
class Picture:
    """An image of traces.

    Attributes
    ----------
    values : numpy.ndarray, shape (column, row), float32
        Amplitudes; NaN where there is no trace.
    x : (float, float)
        Distance in m (trace number where no distance is known) at the outer edges of the first and the last column.
    axis : numpy.ndarray, shape (row,)
        Two-way time in ns, or depth in m.
    by_distance : bool
        False where x counts traces.
    """

    values: np.ndarray
    x: tuple[float, float]
    axis: np.ndarray
    by_distance: bool


def picture(
    line: xr.Dataset,
    *,
    channel: int | str | None = None,
    distance: tuple[float, float] | None = None,
    vertical: tuple[float, float] | None = None,
    max_columns: int = 1600,
    max_rows: int = 1200,
) -> Picture:
    """Make the picture of one channel of a line.

    Parameters
    ----------
    line : xarray.Dataset
        A line over ``twt`` or ``depth``.
    channel : int or str, optional
        Position or label of the channel; the first where not given.
    distance, vertical : (float, float), optional
        Part to show: along the line in m, and along time in ns or depth in m.
    max_columns, max_rows : int
        Size beyond which several traces (samples) share a column (row). The value that differs most from zero is kept,
        so that no echo disappears.

    Raises
    ------
    ParameterError
        If there is nothing in the part that was asked for, or no such channel.
    """
    traces = channel_traces(line, channel)
    by_distance = names.DISTANCE in line.coords
    x = np.asarray(line[names.DISTANCE].values if by_distance else np.arange(traces.shape[0]), dtype="float64")
    axis = np.asarray(line[str(line[names.AMPLITUDE].dims[-1])].values, dtype="float64")
    columns, rows = _inside(x, distance), _inside(axis, vertical)
    if not columns.any() or not rows.any():
        msg = f"no traces between {distance} along the line, or no samples between {vertical}: nothing to draw."
        raise ParameterError(msg)
    values, x, axis = traces[columns][:, rows], x[columns], axis[rows]
    values, edges = _columns(values, x, max_columns)
    every = -(-axis.size // max_rows)
    if every > 1:
        starts = np.arange(0, axis.size, every)
        values, axis = _extremes(values.T, starts).T, axis[starts]
    return Picture(values, edges, axis, by_distance)


def channel_traces(line: xr.Dataset, channel: int | str | None = None) -> np.ndarray:
    """Return the traces of one channel, shape (trace, sample), float32."""
    model.require_line(line)
    amplitude = line[names.AMPLITUDE]
    if names.CHANNEL in amplitude.dims:
        amplitude = amplitude.isel({names.CHANNEL: channel_index(line, channel)})
    return np.asarray(amplitude.values, dtype="float32")


def channel_index(line: xr.Dataset, channel: int | str | None) -> int:
    """Return the position of a channel given by position or label; 0 where not given.

    Raises
    ------
    ParameterError
        If there is no such channel.
    """
    if channel is None or names.CHANNEL not in line.dims:
        return 0
    count = int(line.sizes[names.CHANNEL])
    if isinstance(channel, str):
        labels = [str(label) for label in line[names.CHANNEL].values]
        if channel in labels:
            return labels.index(channel)
        msg = f"there is no channel {channel!r}; channels are {', '.join(labels)}."
        raise ParameterError(msg)
    if not -count <= channel < count:
        msg = f"there is no channel {channel}; the line has {count}, counted from 0."
        raise ParameterError(msg)
    return int(channel) % count


def _inside(values: np.ndarray, limits: tuple[float, float] | None) -> np.ndarray:
    if limits is None:
        return np.isfinite(values)
    return (values >= min(limits)) & (values <= max(limits))


def _columns(values: np.ndarray, x: np.ndarray, max_columns: int) -> tuple[np.ndarray, tuple[float, float]]:
    """Put traces into columns of equal width; returns the columns and the distance at the outer edges."""
    if x.size == 1:
        return values, (x[0] - 0.5, x[0] + 0.5)
    steps = np.abs(np.diff(x))
    moving = steps[steps > 0]
    step = float(np.median(moving)) if moving.size else 1.0
    span = float(x.max() - x.min())
    width = max(step, (span + step) / max_columns)
    count = max(round(span / width) + 1, 1)
    index = np.clip(np.floor((x - x.min()) / width + 0.5).astype(int), 0, count - 1)
    order = np.argsort(index, kind="stable")
    filled, starts = np.unique(index[order], return_index=True)
    drawn = np.full((count, values.shape[1]), np.nan, dtype="float32")
    drawn[filled] = _extremes(values[order], starts)
    _bridge(drawn, filled)
    left = float(x.min()) - width / 2
    return drawn, (left, left + count * width)


def _extremes(values: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """For each group of rows, keep the value farthest from zero."""
    high = np.fmax.reduceat(values, starts, axis=0)
    low = np.fmin.reduceat(values, starts, axis=0)
    return np.where(-low > high, low, high)


def _bridge(drawn: np.ndarray, filled: np.ndarray) -> None:
    for before, after in pairwise(filled):
        if 1 < after - before <= _BRIDGED + 1:
            middle = (before + after) // 2 + 1
            drawn[before + 1 : middle] = drawn[before]
            drawn[middle:after] = drawn[after]

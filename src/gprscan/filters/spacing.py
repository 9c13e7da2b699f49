"""Regular spacing of traces and samples."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from gprscan import names
from gprscan.errors import MissingPositionError, ParameterError
from gprscan.filters import _arrays, _coordinates
from gprscan.kernels import weights as kernels
from gprscan.steps import Length, step


def _along(line: xr.Dataset, mark_spacing: float | None) -> np.ndarray:
    """Return a distance in m for each trace: between marks if asked, else as recorded, else from the coordinates."""
    n = line.sizes[names.TRACE]
    if mark_spacing is not None:
        marks = np.flatnonzero(line[names.MARK].values) if names.MARK in line.coords else np.zeros(0, dtype=int)
        if marks.size < 2:
            msg = f"regularize: mark_spacing was given, but the line has {marks.size} marks; at least 2 are needed."
            raise MissingPositionError(msg)
        along = np.interp(np.arange(n), marks, np.arange(marks.size) * mark_spacing)
        rate = mark_spacing / np.array([marks[1] - marks[0], marks[-1] - marks[-2]])
        along[: marks[0]] = (np.arange(marks[0]) - marks[0]) * rate[0]
        along[marks[-1] :] += (np.arange(n - marks[-1])) * rate[1]
        return along
    if names.DISTANCE in line.coords:
        return np.asarray(line[names.DISTANCE].values, dtype="float64")
    if names.X in line.coords and names.Y in line.coords:
        x, y = (line[name].mean(names.CHANNEL) if line[name].ndim == 2 else line[name] for name in (names.X, names.Y))
        steps = np.hypot(np.diff(x.values), np.diff(y.values))
        return np.concatenate([[0.0], np.cumsum(np.nan_to_num(steps))])
    msg = (
        "regularize: the line has no distance, no marks to go by and no coordinates. Give mark_spacing in m if marks "
        "were set, or the trace spacing when reading: gprscan.read(path, spacing=0.05)."
    )
    raise MissingPositionError(msg)


def _advancing(along: np.ndarray) -> np.ndarray:
    """Return the traces at which the antenna is farther than ever before: not standing still, not backing up."""
    if np.nansum(np.diff(along)) < 0:
        along = -along
    best = np.fmax.accumulate(np.where(np.isfinite(along), along, -np.inf))
    forward = np.empty(along.size, dtype=bool)
    forward[0] = np.isfinite(along[0])
    forward[1:] = along[1:] > best[:-1]
    return np.flatnonzero(forward)


def _spacing(line: xr.Dataset, values: dict[str, Any]) -> dict[str, Any]:
    along = _along(line, values["mark_spacing"])
    steps = np.abs(np.diff(along[_advancing(along)]))
    if steps.size == 0:
        msg = "regularize: the line does not move; there is nothing to space regularly."
        raise MissingPositionError(msg)
    if values["spacing"] is None:
        values["spacing"] = float(np.round(np.median(steps), 6))
    if values["max_gap"] is None:
        values["max_gap"] = max(5.0 * values["spacing"], 2.5 * float(np.median(steps)))
    if not (values["spacing"] > 0 and values["max_gap"] >= values["spacing"]):
        msg = (
            f"regularize: spacing ({values['spacing']} m) must be positive, and max_gap ({values['max_gap']} m) no "
            f"smaller."
        )
        raise ParameterError(msg)
    return values


@step(cut="whole_line", resolve=_spacing)
def regularize(
    line: xr.Dataset,
    spacing: Length | None = None,
    mark_spacing: Length | None = None,
    max_gap: Length | None = None,
) -> xr.Dataset:
    """Put the traces at regular distances along the line.

    Distances come from the line (odometer, marks or GNSS), from marks at equal distances if `mark_spacing` is given, or
    from the coordinates. Traces recorded while the antenna stood still or went back are left out. A new trace is drawn
    straight between its two neighbours, ``y(x) = ((x2 - x) y1 + (x - x1) y2) / (x2 - x1)``; where the old traces are more
    than twice as dense, it is their average under a triangle of half-width `spacing` (rubber-banding; Cassidy 2009, in
    Jol, Ground Penetrating Radar: Theory and Applications, chapter 5).

    Parameters
    ----------
    line : xarray.Dataset
        A line.
    spacing : float or str, optional
        Distance between the new traces in m. Default: the median distance between the old ones.
    mark_spacing : float or str, optional
        Distance between operator marks in m.
    max_gap : float or str, optional
        Widest gap in m that is bridged; traces inside wider ones become NaN. Default: 5 times the spacing, and at least
        2.5 times the old one.

    Returns
    -------
    xarray.Dataset
        The line with new traces, float32; coordinates along the line are interpolated too, flags taken from the nearest
        old trace. A new trace is NaN if the nearest old one is dead, and a new sample if that of the nearest old trace
        is not finite.

    Raises
    ------
    MissingPositionError
        If there is nothing to tell distances from, or the line does not move.
    ParameterError
        If a parameter is out of its range.
    """
    along = _along(line, mark_spacing)
    kept = _advancing(along)
    sign = -1.0 if along[kept[-1]] < along[kept[0]] else 1.0
    old = sign * along[kept]
    count = int(np.floor((old[-1] - old[0]) / float(spacing or 1.0) * (1 + 1e-9))) + 1
    new = old[0] + np.arange(count) * float(spacing or 1.0)
    low, weights = _weights(old, new, float(spacing or 1.0), float(max_gap or np.inf))
    part = line if kept.size == along.size else line.isel({names.TRACE: kept})
    profiles = _arrays.channels(_arrays.samples(part))
    dead = _arrays.states(profiles) == 0
    result = np.empty((profiles.shape[0], count, profiles.shape[2]), dtype="float32")
    nearest = _coordinates.nearest(old, new)
    for profile, out, lost in zip(profiles, result, dead, strict=True):
        usable = _without(weights, low, lost)
        _arrays.run(kernels.mix_traces_serial, kernels.mix_traces_parallel, profile, out, low, usable)
        out[lost[nearest] | (usable.sum(axis=1) == 0)] = np.nan
    return _coordinates.moved(part, result, old, new, sign * new)


def _weights(old: np.ndarray, new: np.ndarray, spacing: float, max_gap: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the first old trace that each new one uses, and the weights of it and of those after it."""
    right = np.clip(np.searchsorted(old, new, side="left"), 1, old.size - 1)
    gap = old[right] - old[right - 1]
    share = np.clip((new - old[right - 1]) / gap, 0.0, 1.0)
    bridged = (gap <= max_gap) | (share < 1e-6) | (share > 1 - 1e-6)
    if np.median(np.diff(old)) >= 0.5 * spacing:
        weights = np.stack([1.0 - share, share], axis=1) * bridged[:, None]
        return (right - 1).astype("int64"), weights.astype("float32")
    low = np.searchsorted(old, new - spacing, side="right")
    high = np.searchsorted(old, new + spacing, side="left")
    width = max(2, int((high - low).max()))
    low = np.minimum(np.where(high - low < 2, right - 1, low), max(old.size - width, 0))
    index = np.minimum(low[:, None] + np.arange(width), old.size - 1)
    inside = low[:, None] + np.arange(width) < old.size
    weights = np.maximum(0.0, 1.0 - np.abs(old[index] - new[:, None]) / spacing) * inside
    alone = weights.sum(axis=1) <= 0
    weights[alone] = 0.0
    rows = np.flatnonzero(alone & bridged)
    weights[rows, (right - 1 - low)[rows]] = 1.0 - share[rows]
    weights[rows, (right - low)[rows]] = share[rows]
    total = weights.sum(axis=1, keepdims=True)
    return low.astype("int64"), (weights / np.where(total > 0, total, 1.0)).astype("float32")


def _without(weights: np.ndarray, low: np.ndarray, lost: np.ndarray) -> np.ndarray:
    """Take the weight from dead traces and share it out among the others."""
    if not lost.any():
        return weights
    index = np.minimum(low[:, None] + np.arange(weights.shape[1]), lost.size - 1)
    kept = np.where(lost[index], np.float32(0.0), weights)
    total = kept.sum(axis=1, keepdims=True)
    return kept / np.where(total > 0, total, np.float32(1.0))

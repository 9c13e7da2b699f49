"""Tracking of interfaces along a line: the ground's surface and layers below it, automatic or through manual picks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import xarray as xr

from gprscan import model, names
from gprscan.errors import ParameterError
from gprscan.filters import _arrays, _spectral
from gprscan.filters.heights import surface_time
from gprscan.filters.time_zero import _separations
from gprscan.kernels.paths import best_path
from gprscan.units import C_AIR

STEEPEST = 2  # samples from trace to trace
BEND = 0.05  # of the typical envelope, what a change by one sample costs
FAINT = 3.0  # times the noise: what is weaker is not there


def track_interface(
    line: xr.Dataset,
    start: float,
    stop: float,
    picks: Mapping[int, float] | Sequence[tuple[int, float]] = (),
    *,
    channel: int = 0,
    steepest: int = STEEPEST,
    corridor: float | None = None,
) -> xr.Dataset:
    """Follow the strongest continuous reflection between two times.

    The path with the largest sum of the envelope (on a logarithmic scale per trace) that bends little, by dynamic
    programming. Manual picks choose the event: the path stays near the line through them, and goes through each to
    within a sample. The time is that of the envelope's peak near the path, by a parabola over half a period, and its
    standard deviation follows from the noise late in the record, with half a sample for the sampling.

    Parameters
    ----------
    line : xarray.Dataset
        A line over ``twt``, time zero applied.
    start, stop : float
        Where to look, in ns.
    picks : mapping or sequence of (int, float)
        Trace and two-way travel time in ns of manual picks, which need not lie between `start` and `stop`.
    channel : int
        Which one.
    steepest : int
        Largest change from trace to trace in samples.
    corridor : float, optional
        How far from the line through the picks the event may lie, in ns; one period of the antenna, or a quarter of the
        range where that is not known.

    Returns
    -------
    xarray.Dataset
        ``twt`` and ``sigma_twt`` in ns, ``amplitude`` (signed, of the largest crest within half a period of the peak)
        and ``envelope`` over trace; NaN where the trace is dead or the echo is below three times the noise.

    Raises
    ------
    ParameterError
        If nothing lies between the times, a pick is not on the line, or there is no such channel.
    """
    axis = model.require_line(line, axis=names.TWT)[names.TWT].values
    interval = model.sampling_interval(line)
    profiles = _arrays.channels(line[names.AMPLITUDE].values)
    chosen = dict(picks)
    n_traces, n = profiles.shape[1:]
    if not -len(profiles) <= channel < len(profiles):
        msg = f"track_interface: there is no channel {channel}; the line has {len(profiles)}."
        raise ParameterError(msg)
    for trace, time in chosen.items():
        if not (0 <= trace < n_traces and axis[0] <= time <= axis[-1]):
            msg = f"track_interface: the pick at trace {trace}, {time} ns, is not on the line."
            raise ParameterError(msg)
    low, high = np.searchsorted(axis, [min([start, *chosen.values()]), max([stop, *chosen.values()])])
    low, high = max(int(low) - 1, 1), min(int(high) + 1, n - 1)
    if high - low < 3 or not stop > start or steepest < 1:
        msg = (
            f"track_interface: no three samples lie between {start} and {stop} ns, or steepest ({steepest}) is below 1."
        )
        raise ParameterError(msg)
    profile = profiles[channel].astype("float32")
    live = np.isfinite(profile).all(axis=1) & (_arrays.states(profile) == 1)
    profile = np.where(live[:, None], profile, np.float32(0.0))
    envelope = np.empty_like(profile)
    for block in _arrays.blocks(n_traces, n):
        envelope[block] = np.abs(_spectral.analytic(profile[block], _spectral.fast_length(n + n // 2)))
    # the median of the envelope of normal noise is 1.18 of its standard deviation
    noise = float(np.median(envelope[live, -max(4, n // 10) :])) / 1.1774 if live.any() else 0.0
    frequency = model.centre_frequency(line)
    period = 1000.0 / frequency if frequency else 0.25 * (stop - start)
    around = period if corridor is None else corridor
    rows = low + _path(envelope[:, low:high], axis[low:high], live, (start, stop), chosen, around, steepest)
    reach = max(1, round(0.25 * period / interval))
    return _measured(line, axis, interval, profile, envelope, rows, live, noise, reach)


def _path(
    envelope: np.ndarray,
    axis: np.ndarray,
    live: np.ndarray,
    between: tuple[float, float],
    picks: dict[int, float],
    around: float,
    steepest: int,
) -> np.ndarray:
    largest = np.maximum(envelope.max(axis=1, keepdims=True), np.float32(1e-30))
    score = np.where(live[:, None], envelope / largest, np.float32(0.0)).astype("float32")
    if picks:
        places = sorted(picks)
        line = np.interp(np.arange(len(score)), places, [picks[place] for place in places])
        score[np.abs(axis[None] - line[:, None]) > around] = -1.0
    else:
        score[:, (axis < between[0]) | (axis > between[1])] = -1.0
    for trace, time in picks.items():
        # a pick pulls the path to within a sample, whatever the price
        score[trace] = -1e6 * np.maximum(np.abs(axis - time) / (axis[1] - axis[0]) - 0.75, 0.0)
    return np.asarray(best_path(np.ascontiguousarray(score), steepest, BEND))


def _measured(
    line: xr.Dataset,
    axis: np.ndarray,
    interval: float,
    profile: np.ndarray,
    envelope: np.ndarray,
    rows: np.ndarray,
    live: np.ndarray,
    noise: float,
    reach: int,
) -> xr.Dataset:
    here = np.arange(rows.size)
    near = np.clip(rows[:, None] + np.arange(-reach, reach + 1), 0, axis.size - 1)
    # least squares of a parabola through the envelope there
    k = np.arange(-reach, reach + 1, dtype="float64")
    powers = np.stack([np.ones_like(k), k, k**2], axis=1)
    level, slope, curve = np.linalg.pinv(powers) @ envelope[here[:, None], near].T.astype("float64")
    bent = curve < 0
    steep = np.where(bent, -2.0 * curve, 1.0)
    offset = np.clip(np.where(bent, slope / steep, 0.0), -reach, reach)
    at = np.where(bent, level + 0.5 * slope * offset, envelope[here, rows])
    sigma = np.hypot(noise / np.sqrt((k**2).sum()) / steep, 0.5 / np.sqrt(3.0)) * interval
    around = profile[here[:, None], near]
    crest = around[here, np.argmax(np.abs(around), axis=1)].astype("float64")
    lost = ~live | (at < FAINT * noise)
    values = {
        "twt": (axis[rows] + offset * interval, "ns"),
        "sigma_twt": (sigma, "ns"),
        "amplitude": (crest, line[names.AMPLITUDE].attrs.get("units", "1")),
        "envelope": (at, line[names.AMPLITUDE].attrs.get("units", "1")),
    }
    along = {name: coord for name, coord in line.coords.items() if coord.dims == (names.TRACE,)}
    return xr.Dataset(
        {name: (names.TRACE, np.where(lost, np.nan, value), {"units": unit}) for name, (value, unit) in values.items()},
        coords=along,
    )


def track_surface(
    line: xr.Dataset,
    start: float | None = None,
    stop: float | None = None,
    picks: Mapping[int, float] | Sequence[tuple[int, float]] = (),
    *,
    channel: int = 0,
) -> xr.Dataset:
    """Follow the ground's echo under an antenna in the air, and the height of the antenna with it.

    Parameters
    ----------
    line : xarray.Dataset
        A line over ``twt`` of an air-coupled antenna, time zero applied.
    start, stop : float, optional
        Where to look, in ns; from 1.5 periods of the antenna after the direct wave to the end where not given.
    picks : mapping or sequence of (int, float)
        Manual picks, as in `track_interface`.
    channel : int
        Which one.

    Returns
    -------
    xarray.Dataset
        As `track_interface`, and ``height`` and ``sigma_height`` in m over trace: half of ``sqrt((c t)^2 - s^2)``.

    Raises
    ------
    ParameterError
        As `track_interface`; if the antenna's frequency is needed and not known.
    """
    axis = model.require_line(line, axis=names.TWT)[names.TWT].values
    separation = float(_separations(line, line.sizes.get(names.CHANNEL, 1))[channel])
    if start is None:
        start = float(surface_time(0.0, separation)) + _arrays.periods(line, "track_surface", 1.5, "start")
    found = track_interface(line, start, float(axis[-1]) if stop is None else stop, picks, channel=channel)
    path = C_AIR * found["twt"].values
    height = 0.5 * np.sqrt(np.maximum(path**2 - separation**2, 0.0))
    sigma = 0.25 * C_AIR * path * found["sigma_twt"].values / np.maximum(height, 1e-3)
    units = {"units": "m"}
    return found.assign(height=(names.TRACE, height, units), sigma_height=(names.TRACE, sigma, units))

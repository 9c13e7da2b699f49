"""Equal strength of the channels of an array, and of the traces of a line."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from gprscan import model, names
from gprscan.errors import ParameterError
from gprscan.filters import _arrays
from gprscan.steps import Length, Time, step


def _window(line: xr.Dataset, step_name: str, start: float | None, stop: float | None) -> tuple[int, int]:
    axis = model.require_line(line, axis=names.TWT)[names.TWT].values
    first = 0 if start is None else int(np.searchsorted(axis, start))
    last = axis.size if stop is None else int(np.searchsorted(axis, stop))
    if last <= first:
        msg = f"{step_name}: no sample lies between start ({start}) and stop ({stop}) ns."
        raise ParameterError(msg)
    return first, last


def _factors(line: xr.Dataset, values: dict[str, Any]) -> dict[str, Any]:
    first, last = _window(line, "balance_channels", values["start"], values["stop"])
    n_channels = line.sizes.get(names.CHANNEL, 1)
    if values["factors"] is None:
        profiles = _arrays.sampled(line)
        live = _arrays.states(profiles) == 1
        levels = np.zeros(n_channels)
        for i, (profile, state) in enumerate(zip(profiles, live, strict=True)):
            if state.any():
                # the median over traces, since a pipe under one channel must not turn the others up
                levels[i] = np.median(np.sqrt(np.mean(profile[state, first:last].astype("float64") ** 2, axis=1)))
        usual = float(np.exp(np.mean(np.log(levels[levels > 0])))) if (levels > 0).any() else 1.0
        values["factors"] = [float(f"{usual / level:.6g}") if level > 0 else 1.0 for level in levels]
    if len(values["factors"]) != n_channels or not all(factor > 0 for factor in values["factors"]):
        msg = (
            f"balance_channels: {n_channels} positive factors are needed, one per channel; given: {values['factors']}."
        )
        raise ParameterError(msg)
    return values


@step(cut="twt", resolve=_factors, measures=("factors",))
def balance_channels(
    line: xr.Dataset,
    start: Time | None = None,
    stop: Time | None = None,
    factors: list[float] | None = None,
    inverse: bool = False,
) -> xr.Dataset:
    """Make the channels of an array equally strong, by one factor for each.

    ``y_c = x_c (product of L)^(1/N) / L_c``: the level L of a channel is the median over traces of the RMS amplitude from
    `start` to `stop`; the factors bring all levels to their geometric mean (trace balancing as in Yilmaz 2001, Seismic Data
    Analysis, section 1.4, by channel).

    Parameters
    ----------
    line : xarray.Dataset
        A line over ``twt``.
    start, stop : float or str, optional
        Part of the trace in ns that is compared; the direct wave alone tells the channels' gains, the part below also
        how well they couple to the ground.
    factors : list of float, optional
        One per channel, instead of measuring; provenance records them.
    inverse : bool
        Divide by the factors instead.

    Returns
    -------
    xarray.Dataset
        The line, float32.

    Raises
    ------
    ParameterError
        If nothing lies between `start` and `stop`, or the factors do not match the channels.
    """
    source, target = _arrays.buffers(line)
    scale = np.asarray(factors, dtype="float64")
    scale = (1.0 / scale if inverse else scale).astype("float32")
    np.multiply(_arrays.channels(source), scale[:, None, None], out=_arrays.channels(target))
    return model.with_amplitude(line, target)


def _traces(line: xr.Dataset, values: dict[str, Any]) -> dict[str, Any]:
    _window(line, "balance_traces", values["start"], values["stop"])
    return values | {"traces": _arrays.window_traces(line, values, "balance_traces", 5.0)}


@step(cut="halo", halo=lambda line, values: int(values["traces"]) // 2, resolve=_traces)
def balance_traces(
    line: xr.Dataset,
    start: Time | None = None,
    stop: Time | None = None,
    window: Length | None = None,
    traces: int | None = None,
) -> xr.Dataset:
    """Take out how well single traces couple to the ground: each gets the RMS amplitude of its neighbourhood.

    ``y_i = x_i median of r_j over |j - i| <= w/2, over r_i``, r the RMS amplitude of a trace (trace balancing, Yilmaz 2001,
    Seismic Data Analysis, section 1.4, to a level that moves along the line).

    Parameters
    ----------
    line : xarray.Dataset
        A line over ``twt``.
    start, stop : float or str, optional
        Part of the trace in ns over which the RMS amplitude is taken; the direct wave is a good choice.
    window : float or str, optional
        Width of the window in m, 5 m unless told otherwise.
    traces : int, optional
        Width of the window in traces, instead of `window`; with both, it serves lines without distances.

    Returns
    -------
    xarray.Dataset
        The line, float32. Dead traces and samples that are not finite stay as they are and do not count.

    Raises
    ------
    MissingPositionError
        If a window in m is needed but the line has no distances.
    ParameterError
        If nothing lies between `start` and `stop`, or the window is too small.
    """
    first, last = _window(line, "balance_traces", start, stop)
    source, target = _arrays.buffers(line)
    half = int(traces or 0) // 2
    stack = zip(_arrays.channels(source), _arrays.channels(target), strict=True)
    for profile, result in stack:
        power = np.array([_power(row[first:last]) for row in profile])
        levels = np.where(power > 0, np.sqrt(power), np.nan)
        near = np.lib.stride_tricks.sliding_window_view(np.pad(levels, half, constant_values=np.nan), 2 * half + 1)
        live = np.flatnonzero(power > 0)
        scale = np.ones(levels.size)
        scale[live] = np.nanmedian(near[live], axis=1) / levels[live]
        np.multiply(profile, scale.astype("float32")[:, None], out=result)
    return model.with_amplitude(line, target)


def _power(samples: np.ndarray) -> float:
    known = samples[np.isfinite(samples)]
    return float(np.mean(np.square(known, dtype="float64"))) if known.size else 0.0

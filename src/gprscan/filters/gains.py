"""Gains along the trace: power, exponential (SEC) and automatic."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr
from scipy import ndimage

from gprscan import model, names
from gprscan.errors import ParameterError
from gprscan.filters import _arrays
from gprscan.kernels import windows
from gprscan.steps import Time, step


def _scaled(line: xr.Dataset, curve: np.ndarray, inverse: bool) -> xr.Dataset:
    source, target = _arrays.buffers(line)
    factor = (1.0 / curve if inverse else curve).astype("float32")
    np.multiply(source, factor, out=target)
    return model.with_amplitude(line, target)


@step(cut="twt")
def gain_power(line: xr.Dataset, exponent: float = 1.0, start: Time = 1.0, inverse: bool = False) -> xr.Dataset:
    """Multiply by a power of the two-way time, to undo geometrical spreading.

    ``y(t) = x(t) (max(t, start) / start)^exponent``: 1 up to `start`, never below 1 for a positive exponent.

    Parameters
    ----------
    line : xarray.Dataset
        A line over ``twt``.
    exponent : float
        1 for a point scatterer far away, 0.5 for the two-dimensional case.
    start : float or str
        Time in ns up to which nothing is changed.
    inverse : bool
        Divide instead, which undoes the gain.

    Returns
    -------
    xarray.Dataset
        The line, float32.

    Raises
    ------
    ParameterError
        If `start` is not positive.
    """
    if not start > 0:
        msg = f"gain_power: start is {start} ns; it must be positive."
        raise ParameterError(msg)
    axis = model.require_line(line, axis="twt")["twt"].values
    return _scaled(line, (np.maximum(axis, start) / start) ** exponent, inverse)


def estimate_attenuation(line: xr.Dataset, power: float = 1.0, start: float = 1.0) -> float:
    """Measure how fast echoes fade along the trace, beyond spreading.

    The typical amplitude of each sample is the median over traces of the magnitude, after the mean trace of its channel
    is taken out. Its logarithm, with ``t^power`` added back, falls along a straight line until it meets the noise; the
    line is fitted by the median of the slopes between pairs of points (Theil 1950, Sen 1968), where the amplitude is at
    least twice the noise level of the last tenth of the trace.

    Parameters
    ----------
    line : xarray.Dataset
        A line over ``twt``.
    power : float
        Exponent of the spreading.
    start : float
        Time in ns from which on to fit.

    Returns
    -------
    float
        Attenuation in dB per ns of two-way travel time, at least 0.
    """
    axis = line[names.TWT].values
    profiles = _arrays.sampled(line)
    live = _arrays.states(profiles) == 1
    levels = []
    for profile, state in zip(profiles, live, strict=True):
        if state.sum() >= 2:
            levels.append(np.median(np.abs(profile[state] - profile[state].mean(axis=0)), axis=0))
    if not levels:
        return 0.0
    width = max(3, axis.size // 30)
    level = ndimage.uniform_filter1d(np.mean(levels, axis=0), width, mode="nearest")
    noise = float(np.median(level[-max(1, axis.size // 10) :]))
    usable = (axis >= start) & (level > 2.0 * noise)
    usable &= np.cumprod(usable | (axis < start)).astype(bool)
    if usable.sum() < 8:
        return 0.0
    chosen = np.flatnonzero(usable)[:: max(1, int(usable.sum()) // 200)]
    times, decibels = axis[chosen], 20.0 * np.log10(level[chosen] * (axis[chosen] / start) ** power)
    first, second = np.triu_indices(times.size, 1)
    slope = np.median((decibels[second] - decibels[first]) / (times[second] - times[first]))
    return max(0.0, -float(slope))


def _fading(line: xr.Dataset, values: dict[str, Any]) -> dict[str, Any]:
    model.require_line(line, axis=names.TWT)
    if not values["start"] > 0 or values["limit"] < 0:
        msg = (
            f"gain_exponential: start ({values['start']} ns) must be positive and limit ({values['limit']} dB) not "
            f"negative."
        )
        raise ParameterError(msg)
    if values["attenuation"] is None:
        values["attenuation"] = round(estimate_attenuation(line, values["power"], values["start"]), 6)
    return values


@step(cut="twt", resolve=_fading, measures=True)
def gain_exponential(
    line: xr.Dataset,
    attenuation: float | None = None,
    power: float = 1.0,
    start: Time = 1.0,
    limit: float = 60.0,
    inverse: bool = False,
) -> xr.Dataset:
    """Undo spreading and attenuation (SEC: spreading and exponential compensation).

    ``y(t) = x(t) min((t / start)^power 10^(attenuation (t - start) / 20), 10^(limit / 20))``, and 1 before `start`. A
    ground that takes a decibels per metre of path and carries waves at v has ``attenuation = a v`` (the two-way path is
    v t long); see Kruse and Jol 2003, Geological Society Special Publication 211, 115.

    Parameters
    ----------
    line : xarray.Dataset
        A line over ``twt``.
    attenuation : float, optional
        In dB per ns of two-way travel time. Measured on the line where not given; see `estimate_attenuation`.
    power : float
        Exponent of the spreading.
    start : float or str
        Time in ns up to which nothing is changed.
    limit : float
        Largest gain in dB, so that noise is not blown up for ever.
    inverse : bool
        Divide instead, which undoes the gain.

    Returns
    -------
    xarray.Dataset
        The line, float32.

    Raises
    ------
    ParameterError
        If `start` is not positive or `limit` is negative.
    """
    times = np.maximum(line[names.TWT].values, start)
    decibels = 20.0 * power * np.log10(times / start) + float(attenuation or 0.0) * (times - start)
    return _scaled(line, 10.0 ** (np.minimum(decibels, limit) / 20.0), inverse)


def _agc_window(line: xr.Dataset, values: dict[str, Any]) -> dict[str, Any]:
    if values["window"] is None:
        values["window"] = _arrays.periods(line, "agc", 3.0, "window")
    if not values["window"] > 0:
        msg = f"agc: window is {values['window']} ns; it must be positive."
        raise ParameterError(msg)
    return values


@step(cut="twt", resolve=_agc_window)
def agc(line: xr.Dataset, window: Time | None = None, floor: float = 1e-6) -> xr.Dataset:
    """Divide by the RMS amplitude in a running window (automatic gain control).

    ``y(t) = x(t) / sqrt((1/w) sum of x^2 over |t' - t| <= w/2)``; the window is cut at the ends of the trace. The
    amplitudes that are lost this way cannot be had back: measure on the line before.

    Parameters
    ----------
    line : xarray.Dataset
        A line over ``twt``.
    window : float or str, optional
        Width of the window in ns, rounded to an odd number of samples. Default: 3 periods of the antenna.
    floor : float
        The RMS is not taken below this fraction of the RMS of the whole trace, so that silence stays silent.

    Returns
    -------
    xarray.Dataset
        The line, float32. Samples that are not finite stay as they are and do not count.

    Raises
    ------
    ParameterError
        If neither the window nor the antenna's frequency is known.
    """
    model.require_line(line, axis="twt")
    half = _arrays.half_window(window or 0.0, model.sampling_interval(line))
    source, target = _arrays.buffers(line)
    kernels = (windows.divide_running_rms_serial, windows.divide_running_rms_parallel)
    _arrays.run(*kernels, _arrays.rows(source), _arrays.rows(target), half, float(floor))
    return model.with_amplitude(line, target)

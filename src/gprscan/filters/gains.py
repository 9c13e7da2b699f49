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

    ``y(t) = x(t) (max(t, start) / start)^exponent``: 1 up to `start`, never below 1 for a positive exponent (Yilmaz 2001,
    Seismic Data Analysis, section 1.4).

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


def typical_level(line: xr.Dataset) -> tuple[np.ndarray, float]:
    """Measure the typical amplitude of echoes at each sample, and the noise level under them.

    Parameters
    ----------
    line : xarray.Dataset
        A line.

    Returns
    -------
    level : ndarray, shape (samples,)
        The median over traces of the magnitude, after the median trace of each channel is taken out; mean over
        channels, smoothed over a thirtieth of the trace. Zeros where fewer than two traces are alive.
    noise : float
        The median level of the last tenth of the trace, where hardly any line has echoes left.
    """
    profiles = _arrays.sampled(line)
    live = _arrays.states(profiles) == 1
    n = profiles.shape[2]
    levels = [np.zeros(n)]
    for profile, state in zip(profiles, live, strict=True):
        if state.sum() >= 2:
            levels.append(np.median(np.abs(profile[state] - np.median(profile[state], axis=0)), axis=0))
    mean = np.sum(levels, axis=0) / max(len(levels) - 1, 1)
    level = ndimage.uniform_filter1d(mean, max(3, n // 30), mode="nearest")
    return level, float(np.median(level[-max(1, n // 10) :]))


def estimate_attenuation(line: xr.Dataset, power: float = 1.0, start: float = 1.0) -> float:
    """Measure how fast echoes fade along the trace, beyond spreading.

    The logarithm of the typical amplitude (see `typical_level`), with ``t^power`` added back, falls along a straight
    line until it meets the noise; the line is fitted by the median of the slopes between pairs of points (Theil 1950,
    Sen 1968), as far as the amplitude is at least twice the noise level.

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
        Attenuation in dB per ns of two-way travel time; negative where the echoes grow, as they do on a line to which
        the recorder applied a gain. 0 where there are no echoes above the noise.
    """
    axis = line[names.TWT].values
    level, noise = typical_level(line)
    usable = (axis >= start) & (level > 2.0 * noise)
    usable &= np.cumprod(usable | (axis < start)).astype(bool)
    if usable.sum() < 8:
        return 0.0
    chosen = np.flatnonzero(usable)[:: max(1, int(usable.sum()) // 200)]
    times, decibels = axis[chosen], 20.0 * np.log10(level[chosen] * (axis[chosen] / start) ** power)
    first, second = np.triu_indices(times.size, 1)
    return -float(np.median((decibels[second] - decibels[first]) / (times[second] - times[first])))


def _fading(line: xr.Dataset, values: dict[str, Any]) -> dict[str, Any]:
    model.require_line(line, axis=names.TWT)
    if not values["start"] > 0 or values["limit"] < 0:
        msg = (
            f"gain_exponential: start ({values['start']} ns) must be positive and limit ({values['limit']} dB) not "
            "negative."
        )
        raise ParameterError(msg)
    if values["attenuation"] is None:
        power = 1.0 if values["power"] is None else values["power"]
        measured = estimate_attenuation(line, power, values["start"])
        if measured <= 0 and values["power"] is None:
            # the echoes do not even fade by spreading: the recorder has gained them already
            power = 0.0
        values |= {"attenuation": round(max(measured, 0.0), 6), "power": power}
    return values | {"power": 1.0 if values["power"] is None else values["power"]}


@step(cut="twt", resolve=_fading, measures=("attenuation",))
def gain_exponential(
    line: xr.Dataset,
    attenuation: float | None = None,
    power: float | None = None,
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
    power : float, optional
        Exponent of the spreading: 1, or 0 where the echoes are found not to fade, since the recorder has gained them.
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
    decibels = 20.0 * float(power or 0.0) * np.log10(times / start) + float(attenuation or 0.0) * (times - start)
    return _scaled(line, 10.0 ** (np.minimum(decibels, limit) / 20.0), inverse)


def _curve(line: xr.Dataset, values: dict[str, Any]) -> dict[str, Any]:
    axis = line[str(line[names.AMPLITUDE].dims[-1])].values
    if values["limit"] < 0:
        msg = f"gain_inverse_envelope: limit is {values['limit']} dB; it must not be negative."
        raise ParameterError(msg)
    if values["knots"] is None:
        level, noise = typical_level(line)
        if not level.max() > 0:
            return values | {"knots": [(float(axis[0]), 0.0)]}
        decibels = 20.0 * np.log10(level.max() / np.maximum(level, 1e-6 * level.max()))
        peak = int(np.argmax(level))
        decibels[:peak] = 0.0
        faded = np.flatnonzero((level < 2.0 * noise) & (np.arange(level.size) > peak))
        if faded.size:
            # what is left after the echoes is noise, and is not to be made as strong as they
            decibels[faded[0] :] = decibels[faded[0]]
        places = np.unique(np.linspace(0, axis.size - 1, 41).round().astype(int))
        values["knots"] = [(round(float(axis[k]), 4), round(float(decibels[k]), 3)) for k in places]
    times = [time for time, _ in values["knots"]]
    if not times or np.any(np.diff(times) <= 0):
        msg = "gain_inverse_envelope: knots must be pairs (time in ns, gain in dB) with growing times."
        raise ParameterError(msg)
    return values


@step(cut="twt", resolve=_curve, measures=("knots",))
def gain_inverse_envelope(
    line: xr.Dataset,
    knots: list[tuple[float, float]] | None = None,
    limit: float = 60.0,
    inverse: bool = False,
) -> xr.Dataset:
    """Make echoes as strong on average at late times as at early ones, by one curve for the whole line.

    ``y(t) = x(t) max(level) / level(t)`` with the typical amplitude of the line at each time (see `typical_level`),
    from its maximum on and until the echoes have sunk to twice the noise; the gain stays the same from there on. Traces
    keep their amplitudes relative to one another, unlike under `agc` (Cassidy 2009, in Jol, Ground Penetrating Radar:
    Theory and Applications, chapter 5).

    Parameters
    ----------
    line : xarray.Dataset
        A line.
    knots : list of (float, float), optional
        The curve as (two-way travel time in ns, gain in dB), straight in between. Measured on the line where not given.
    limit : float
        Largest gain in dB.
    inverse : bool
        Divide by the curve instead; needs the knots that provenance recorded.

    Returns
    -------
    xarray.Dataset
        The line, float32.

    Raises
    ------
    ParameterError
        If the knots do not grow in time, or `limit` is negative.
    """
    axis = line[str(line[names.AMPLITUDE].dims[-1])].values
    times, decibels = np.array(knots).T
    return _scaled(line, 10.0 ** (np.minimum(np.interp(axis, times, decibels), limit) / 20.0), inverse)


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
    amplitudes that are lost this way cannot be had back: measure on the line before (Yilmaz 2001, Seismic Data Analysis,
    section 1.4, RMS amplitude AGC).

    Parameters
    ----------
    line : xarray.Dataset
        A line over ``twt``.
    window : float or str, optional
        Width of the window in ns, the samples within half of it on both sides count. Default: 3 periods of the antenna.
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

"""Attributes of single traces: envelope, phase, frequency, energy."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr
from scipy import fft, ndimage

from gprscan import model, names
from gprscan.errors import ParameterError
from gprscan.filters import _arrays, _spectral
from gprscan.steps import Time, step


def _length(line: xr.Dataset) -> int:
    # half the length of zeros after it, so that the end of a trace does not feel its beginning
    n = line[names.AMPLITUDE].shape[-1]
    return _spectral.fast_length(n + n // 2)


def _with_units(line: xr.Dataset, units: str, meaning: str) -> xr.Dataset:
    variable = line[names.AMPLITUDE].variable.copy(deep=False)
    variable.attrs = {**variable.attrs, "units": units, "long_name": meaning}
    return line.assign({names.AMPLITUDE: variable})


@step(cut="twt")
def envelope(line: xr.Dataset) -> xr.Dataset:
    """Return the envelope: the magnitude of the analytic signal.

    ``e(t) = |x(t) + i H[x](t)|`` with the Hilbert transform H (Taner, Koehler and Sheriff 1979, Geophysics 44, 1041).
    Traces are padded with half their length of zeros, so that their end does not feel their beginning.

    Parameters
    ----------
    line : xarray.Dataset
        A line over ``twt`` or ``depth``.

    Returns
    -------
    xarray.Dataset
        The line with the envelope as its amplitude, float32, never negative. Dead traces and samples that are not
        finite stay as they are; gaps count as zeros.
    """
    length = _length(line)
    return _spectral.per_block(line, lambda traces, rows: np.abs(_spectral.analytic(traces, length)))


@step(cut="twt")
def instantaneous_phase(line: xr.Dataset) -> xr.Dataset:
    """Return the instantaneous phase: the angle of the analytic signal.

    ``atan2(H[x](t), x(t))``: 0 at a crest, 180 at a trough (Taner, Koehler and Sheriff 1979, Geophysics 44, 1041). Weak
    echoes are as clear as strong ones.

    Parameters
    ----------
    line : xarray.Dataset
        A line over ``twt`` or ``depth``.

    Returns
    -------
    xarray.Dataset
        The line with the phase in degrees, from -180 to 180, as its amplitude, float32. Dead traces and samples that
        are not finite stay as they are; gaps count as zeros.
    """
    length = _length(line)

    def change(traces: np.ndarray, rows: slice) -> np.ndarray:
        return np.degrees(np.angle(_spectral.analytic(traces, length)))

    return _with_units(_spectral.per_block(line, change), "degree", "instantaneous phase")


def _smoothing(line: xr.Dataset, values: dict[str, Any], name: str) -> dict[str, Any]:
    model.require_line(line, axis=names.TWT)
    if values["window"] is None:
        values["window"] = _arrays.periods(line, name, 1.5, "window")
    if values["window"] < 0:
        msg = f"{name}: window is {values['window']} ns; it must not be negative."
        raise ParameterError(msg)
    return values


@step(cut="twt", resolve=lambda line, values: _smoothing(line, values, "instantaneous_frequency"))
def instantaneous_frequency(line: xr.Dataset, window: Time | None = None) -> xr.Dataset:
    """Return the frequency at each time: the centroid of the local spectrum.

    ``f(t) = (1 / 2 pi) [Im(z* dz/dt)] / [|z|^2]`` with the analytic signal z and running means [ ] over `window`, which
    is the instantaneous frequency weighted by the power (Barnes 1993, Geophysics 58, 419) and equals the centroid of
    the power spectrum in that window (Boashash 1992, Proc. IEEE 80, 520). Wet and loose ground lower it.

    Parameters
    ----------
    line : xarray.Dataset
        A line over ``twt``.
    window : float or str, optional
        Width of the running mean in ns; 0 for the bare instantaneous frequency. Default: 1.5 periods of the antenna.

    Returns
    -------
    xarray.Dataset
        The line with the frequency in MHz as its amplitude, float32. Dead traces and samples that are not finite stay
        as they are; gaps count as zeros.

    Raises
    ------
    ParameterError
        If neither the window nor the antenna's frequency is known.
    """
    length = _length(line)
    interval = model.sampling_interval(line)
    width = 2 * _arrays.half_window(window or 0.0, interval) + 1

    def change(traces: np.ndarray, rows: slice) -> np.ndarray:
        signal = _spectral.analytic(traces / _arrays.unit(traces), length)
        # the mean of the differences to both sides is centred, and exact for a tone
        turn = signal[:, 1:] * np.conj(signal[:, :-1])
        power = np.abs(signal[:, 1:]) * np.abs(signal[:, :-1])
        angle = np.angle(turn) * power
        weighted, weight = _centred(angle), _centred(power)
        if width > 1:
            weighted = ndimage.uniform_filter1d(weighted, width, axis=1, mode="nearest")
            weight = ndimage.uniform_filter1d(weight, width, axis=1, mode="nearest")
        floor = 1e-12 * weight.max(axis=1, keepdims=True) + np.float32(1e-37)
        return weighted / np.maximum(weight, floor) * np.float32(1000.0 / (2.0 * np.pi * interval))

    return _with_units(_spectral.per_block(line, change), "MHz", "instantaneous frequency")


def _centred(between: np.ndarray) -> np.ndarray:
    """Sum the values between samples to both sides of each sample."""
    result = np.zeros((between.shape[0], between.shape[1] + 1), dtype="float32")
    result[:, :-1] += between
    result[:, 1:] += between
    return result


@step(cut="twt", resolve=lambda line, values: _smoothing(line, values, "energy"))
def energy(line: xr.Dataset, window: Time | None = None) -> xr.Dataset:
    """Return the mean power in a running window.

    ``(1/w) sum of x^2 over |t' - t| <= w/2``; the window is cut at the ends of the trace (Chopra and Marfurt 2007, Seismic
    Attributes for Prospect Identification and Reservoir Characterization, SEG).

    Parameters
    ----------
    line : xarray.Dataset
        A line over ``twt``.
    window : float or str, optional
        Width of the window in ns. Default: 1.5 periods of the antenna.

    Returns
    -------
    xarray.Dataset
        The line with the power as its amplitude, float32, at most 3.4e38. Dead traces and samples that are not finite
        stay as they are; gaps count as zeros.

    Raises
    ------
    ParameterError
        If neither the window nor the antenna's frequency is known.
    """
    half = _arrays.half_window(window or 0.0, model.sampling_interval(line))

    def change(traces: np.ndarray, rows: slice) -> np.ndarray:
        totals = np.zeros((traces.shape[0], traces.shape[1] + 1))
        np.cumsum(np.square(traces, dtype="float64"), axis=1, out=totals[:, 1:])
        place = np.arange(traces.shape[1])
        high, low = np.minimum(place + half + 1, traces.shape[1]), np.maximum(place - half, 0)
        mean = np.maximum(totals[:, high] - totals[:, low], 0.0) / (high - low)
        return np.minimum(mean, np.finfo("float32").max)

    units = line[names.AMPLITUDE].attrs.get("units", "1")
    squared = "1" if units == "1" else f"{units}2"
    return _with_units(_spectral.per_block(line, change), squared, "mean power")


def spectral_decay(line: xr.Dataset, window: float | None = None) -> xr.DataArray:
    """Measure how fast the frequency of the echoes falls with time, trace by trace.

    The straight line through the local centroid frequency (see `instantaneous_frequency`), weighted by the power, from
    the strongest echo on. Attenuation that grows with frequency pulls the centroid down; wet ground more than dry (Quan
    and Harris 1997, Geophysics 62, 895).

    Parameters
    ----------
    line : xarray.Dataset
        A line over ``twt``, its direct wave and background taken out.
    window : float, optional
        Width in ns of the window of the centroid; 1.5 periods of the antenna where not given.

    Returns
    -------
    xarray.DataArray
        Slope in MHz per ns over ([channel,] trace), negative where the frequency falls; NaN for dead traces.

    Raises
    ------
    ParameterError
        If neither the window nor the antenna's frequency is known.
    """
    frequency = instantaneous_frequency(line, window)[names.AMPLITUDE]
    weight = np.square(envelope(line)[names.AMPLITUDE].values, dtype="float64")
    weight[~np.isfinite(weight)] = 0.0
    peak = np.argmax(weight, axis=-1)[..., None]
    weight[np.arange(weight.shape[-1]) < peak] = 0.0
    time, value = line[names.TWT].values, np.nan_to_num(frequency.values.astype("float64"))
    total = np.where(weight.sum(axis=-1) > 0, weight.sum(axis=-1), np.nan)
    mean_time = (weight * time).sum(axis=-1) / total
    mean_value = (weight * value).sum(axis=-1) / total
    away = time - mean_time[..., None]
    spread = np.nansum(weight * away**2, axis=-1)
    slope = np.nansum(weight * away * (value - mean_value[..., None]), axis=-1) / np.where(spread > 0, spread, np.nan)
    return frequency.isel({names.TWT: 0}, drop=True).copy(data=slope).assign_attrs(units="MHz/ns", long_name="decay")


def s_transform(line: xr.Dataset, trace: int, channel: int = 0, highest: float | None = None) -> xr.DataArray:
    """Return the time-frequency picture of one trace: the S transform.

    ``S(t, f) = sum over a of X(a + f) exp(-2 pi^2 a^2 / f^2) exp(2 pi i a t)``: a short-time spectrum whose Gaussian
    window is one period of each frequency wide (Stockwell, Mansinha and Lowe 1996, IEEE Trans. Signal Processing 44,
    998).

    Parameters
    ----------
    line : xarray.Dataset
        A line over ``twt``.
    trace, channel : int
        Which one.
    highest : float, optional
        Highest frequency in MHz; half the sampling rate where not given.

    Returns
    -------
    xarray.DataArray
        Magnitude over (frequency in MHz, twt in ns). Summed over times, the complex transform would be the spectrum.

    Raises
    ------
    ParameterError
        If there is no such trace or channel, or it is dead or has gaps.
    """
    model.require_line(line, axis=names.TWT)
    profiles = _arrays.channels(line[names.AMPLITUDE].values)
    if not (-profiles.shape[1] <= trace < profiles.shape[1] and -profiles.shape[0] <= channel < profiles.shape[0]):
        msg = f"s_transform: there is no trace {trace} of channel {channel}; the line has {profiles.shape[:2]}."
        raise ParameterError(msg)
    samples = profiles[channel, trace].astype("float64")
    if not np.isfinite(samples).all():
        msg = f"s_transform: trace {trace} of channel {channel} has samples that are not finite."
        raise ParameterError(msg)
    n = samples.size
    spectrum = fft.fft(samples)
    frequency = np.arange(1, n // 2 + 1) / (n * model.sampling_interval(line)) * 1000.0
    if highest is not None:
        frequency = frequency[frequency <= highest]
    offset = fft.fftfreq(n, 1.0 / n)
    picture = np.empty((frequency.size, n))
    for row in range(frequency.size):
        voice = np.roll(spectrum, -(row + 1)) * np.exp(-2.0 * (np.pi * offset / (row + 1)) ** 2)
        picture[row] = np.abs(fft.ifft(voice))
    coords = {"frequency": ("frequency", frequency, {"units": "MHz"}), names.TWT: line[names.TWT]}
    return xr.DataArray(picture, coords, ("frequency", names.TWT), "s_transform")

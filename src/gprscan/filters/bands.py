"""Zero-phase filters in frequency."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import xarray as xr

from gprscan import model
from gprscan.errors import ParameterError
from gprscan.filters import _arrays, _spectral
from gprscan.steps import Frequency, step


def butterworth_gain(
    frequency: np.ndarray, low: float | None, high: float | None, order: int, nyquist: float
) -> np.ndarray:
    """Return the gain of a digital Butterworth filter run forwards and backwards.

    The squared magnitude of the analogue prototype at the bilinear frequency ``w = tan(pi f / 2 f_nyquist)``:
    ``1 / (1 + ((w^2 - w1 w2) / (w (w2 - w1)))^(2 order))`` for a band (Oppenheim and Schafer, Discrete-Time Signal
    Processing, 3rd ed., section 7.3), half the amplitude (-6 dB) at the corners.

    Parameters
    ----------
    frequency : ndarray
        Frequencies in MHz from 0 to `nyquist`.
    low, high : float or None
        Corners in MHz; None for a filter with one corner.
    order : int
        Order of the prototype.
    nyquist : float
        Half the sampling frequency in MHz.
    """
    warped = np.tan(np.minimum(frequency / nyquist, 1.0 - 1e-9) * (np.pi / 2))
    lower = 0.0 if low is None else np.tan(low / nyquist * (np.pi / 2))
    if high is None:
        ratio = lower / np.maximum(warped, 1e-30)
    else:
        upper = np.tan(high / nyquist * (np.pi / 2))
        ratio = (warped**2 - lower * upper) / np.maximum(warped * (upper - lower), 1e-30)
    with np.errstate(over="ignore"):
        return 1.0 / (1.0 + np.abs(ratio) ** (2 * order))


def kaiser_gain(frequency: np.ndarray, low: float | None, high: float | None, taps: int, interval: float) -> np.ndarray:
    """Return the real gain of a symmetric windowed-sinc filter of `taps` samples (Kaiser window, beta 6).

    ``h(k) = w(k) (2 f2 sinc(2 f2 k) - 2 f1 sinc(2 f1 k))`` with frequencies per sample (Oppenheim and Schafer, section
    7.5).
    """
    k = np.arange(taps) - taps // 2
    upper = 0.5 if high is None else high * interval / 1000.0
    lower = 0.0 if low is None else low * interval / 1000.0
    taper = np.kaiser(taps, 6.0)
    impulse = taper * 2 * upper * np.sinc(2 * upper * k)
    impulse /= impulse.sum()
    if lower > 0:
        below = taper * 2 * lower * np.sinc(2 * lower * k)
        impulse -= below / below.sum()
    return np.cos(2 * np.pi * np.outer(frequency * interval / 1000.0, k)) @ impulse


def _corners(line: xr.Dataset, values: dict[str, Any]) -> dict[str, Any]:
    model.require_line(line, axis="twt")
    if values["order"] < 1:
        msg = f"bandpass: order is {values['order']}; it must be at least 1."
        raise ParameterError(msg)
    if values["low"] is None and values["high"] is None:
        low, high = _arrays.band(line, "bandpass", 0.4, 2.0)
        values |= {"low": low, "high": min(high, 0.9 * 500.0 / model.sampling_interval(line))}
    low, high, nyquist = values["low"] or 0.0, values["high"], 500.0 / model.sampling_interval(line)
    top = nyquist if high is None else high
    if not 0 <= low < top <= nyquist:
        msg = (
            f"bandpass: low {low:g} and high {top:g} MHz must satisfy 0 <= low < high <= {nyquist:g} MHz, half the "
            f"sampling rate."
        )
        raise ParameterError(msg)
    if high is not None and high >= nyquist:
        values["high"] = None
    return values


@step(cut="twt", resolve=_corners)
def bandpass(
    line: xr.Dataset,
    low: Frequency | None = None,
    high: Frequency | None = None,
    method: Literal["butterworth", "fir"] = "butterworth",
    order: int = 4,
) -> xr.Dataset:
    """Keep a band of frequencies, without moving anything in time (zero phase).

    ``Y(f) = X(f) |H(f)|^2`` with the Butterworth filter H, or ``Y(f) = X(f) G(f)`` with the real gain G of a symmetric FIR
    filter (Oppenheim and Schafer 2010, Discrete-Time Signal Processing, 3rd ed., sections 7.3 and 7.5).

    Parameters
    ----------
    line : xarray.Dataset
        A line over ``twt``.
    low, high : float or str, optional
        Corners in MHz. One alone makes a high-pass or low-pass; neither means 0.4 and 2 times the antenna's frequency.
    method : {"butterworth", "fir"}
        ``butterworth``: the gain of a Butterworth filter of `order` run forwards and backwards. ``fir``: a symmetric
        windowed sinc, `order` periods of the lower corner long (of the upper one for a low-pass).
    order : int
        See `method`.

    Returns
    -------
    xarray.Dataset
        The line, float32. Dead traces and samples that are not finite stay as they are; gaps count as zeros.

    Raises
    ------
    ParameterError
        If the corners are not between 0 and half the sampling rate, neither they nor the antenna's frequency are known,
        or the order is less than 1.
    """
    interval = model.sampling_interval(line)
    if method == "butterworth":
        length = _length(line, low or high or 500.0 / interval, order)
        gain = butterworth_gain(_spectral.frequencies(length, interval), low or None, high, order, 500.0 / interval)
    else:
        reach = _reach(line, low or high or 500.0 / interval, order)
        length = _spectral.fast_length(line.sizes["twt"] + reach)
        gain = kaiser_gain(_spectral.frequencies(length, interval), low or None, high, 2 * (reach // 2) + 1, interval)
    return _spectral.multiply(line, gain, length)


def _reach(line: xr.Dataset, corner: float, cycles: float) -> int:
    """Return `cycles` periods of `corner` in samples, at most two traces long."""
    return min(int(np.ceil(cycles * 1000.0 / (corner * model.sampling_interval(line)))), 2 * line.sizes["twt"])


def _length(line: xr.Dataset, corner: float, order: int) -> int:
    # the impulse response has died away after about as many periods of the corner as the filter has poles
    return _spectral.fast_length(line.sizes["twt"] + _reach(line, corner, max(order, 2)))


def highpass(line: xr.Dataset, corner: float, order: int) -> xr.Dataset:
    """Run a Butterworth high-pass of `order` forwards and backwards over a line; its -6 dB point is at `corner` MHz."""
    interval = model.sampling_interval(line)
    nyquist = 500.0 / interval
    if not 0 < corner < nyquist:
        msg = f"the corner of the high-pass, {corner:g} MHz, must lie below half the sampling rate, {nyquist:g} MHz."
        raise ParameterError(msg)
    length = _length(line, corner, order)
    gain = butterworth_gain(_spectral.frequencies(length, interval), corner, None, order, nyquist)
    return _spectral.multiply(line, gain, length)

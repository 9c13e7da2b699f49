"""Gains along the trace: power, exponential (SEC) and automatic."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from gprscan import model
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

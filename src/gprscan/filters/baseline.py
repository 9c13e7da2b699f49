"""Filters that put a trace back on its zero line: DC offset and the slow drift called wow."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import xarray as xr

from gprscan import model
from gprscan.errors import ParameterError
from gprscan.filters import _arrays, bands
from gprscan.kernels import median, windows
from gprscan.kernels import traces as trace_kernels
from gprscan.steps import Time, step

HIGHPASS_CORNER = 0.603355  # cycles per window, where sinc is 1/2


@step(cut="twt")
def dc(line: xr.Dataset, start: Time | None = None, stop: Time | None = None) -> xr.Dataset:
    """Subtract from each trace its mean.

    ``y(t) = x(t) - mean of x over start <= t < stop``, over all samples unless told otherwise (Cassidy 2009, in Jol, Ground
    Penetrating Radar: Theory and Applications, chapter 5).

    Parameters
    ----------
    line : xarray.Dataset
        A line over ``twt``.
    start, stop : float or str, optional
        Part of the trace in ns that the mean is taken of; the last third is a good choice where the direct wave is
        clipped.

    Returns
    -------
    xarray.Dataset
        The line, float32. Samples that are not finite stay as they are.

    Raises
    ------
    ParameterError
        If no sample lies between `start` and `stop`.
    """
    axis = model.require_line(line, axis="twt")["twt"].values
    first = 0 if start is None else int(np.searchsorted(axis, start))
    last = axis.size if stop is None else int(np.searchsorted(axis, stop))
    if last <= first:
        msg = (
            f"dc: no sample lies between start ({start}) and stop ({stop}); the line runs from {axis[0]:.3g} to "
            f"{axis[-1]:.3g} ns."
        )
        raise ParameterError(msg)
    source, target = _arrays.buffers(line)
    kernels = (trace_kernels.subtract_mean_serial, trace_kernels.subtract_mean_parallel)
    _arrays.run(*kernels, _arrays.rows(source), _arrays.rows(target), first, last)
    return model.with_amplitude(line, target)


def _dewow_window(line: xr.Dataset, values: dict[str, Any]) -> dict[str, Any]:
    if values["window"] is None:
        values["window"] = _arrays.periods(line, "dewow", 1.5, "window")
    if not values["window"] > 0:
        msg = f"dewow: window is {values['window']} ns; it must be positive."
        raise ParameterError(msg)
    return values


@step(cut="twt", resolve=_dewow_window)
def dewow(
    line: xr.Dataset, method: Literal["mean", "median", "highpass"] = "mean", window: Time | None = None
) -> xr.Dataset:
    """Remove the slow drift under the wavelets (wow).

    What the inductive field and a saturated amplifier leave behind the direct wave is slower than any echo (Annan 1999,
    Practical Processing of GPR Data; Gerlitz et al. 1993, Proc. SAGEEP, for the median).

    Parameters
    ----------
    line : xarray.Dataset
        A line over ``twt``.
    method : {"mean", "median", "highpass"}
        ``mean``: subtract the running mean, ``y(t) = x(t) - (1/w) sum of x over |t' - t| <= w/2``. ``median``: subtract
        the running median, which leaves steps where they are. Both windows are cut at the ends of the trace.
        ``highpass``: a zero-phase Butterworth high-pass that halves the amplitude at the frequency at which the running
        mean does, 0.603 / window (the root of ``sinc(f w) = 1/2``).
    window : float or str, optional
        Width of the window in ns, the samples within half of it on both sides count. Default: 1.5 periods of the
        antenna.

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
    interval = model.sampling_interval(line)
    width = float(window or 0.0)
    if method == "highpass":
        return bands.highpass(line, HIGHPASS_CORNER * 1000.0 / width, order=2)
    half = _arrays.half_window(width, interval)
    source, target = _arrays.buffers(line, separate=method == "median")
    read, write = _arrays.rows(source), _arrays.rows(target)
    if method == "mean":
        _arrays.run(windows.subtract_running_mean_serial, windows.subtract_running_mean_parallel, read, write, half)
    else:
        # the sliding median along the line, with time and trace in each other's place
        live = np.ones(read.shape[1], dtype="int8")
        pair = (median.subtract_sliding_median_serial, median.subtract_sliding_median_parallel)
        _arrays.run(*pair, read.T, read.T.view("int32"), write.T, live, half)
    return model.with_amplitude(line, target)

"""New sampling in time, and stacking of traces."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import xarray as xr

from gprscan import model, names
from gprscan.errors import ParameterError
from gprscan.filters import _arrays, _coordinates
from gprscan.kernels import weights as kernels
from gprscan.steps import Time, step

LOBES = 12  # of the sinc on each side: the worst ripple is then below a thousandth up to 0.8 of the Nyquist frequency
KAISER = 6.0


def _interval(line: xr.Dataset, values: dict[str, Any]) -> dict[str, Any]:
    model.require_line(line, axis=names.TWT)
    span = float(line[names.TWT].values[-1] - line[names.TWT].values[0])
    if not 0 < values["interval"] <= span:
        msg = (
            f"resample: interval is {values['interval']} ns; it must be positive and at most {span:.4g} ns, the length "
            f"of the trace."
        )
        raise ParameterError(msg)
    return values


@step(cut="twt", resolve=_interval)
def resample(line: xr.Dataset, interval: Time) -> xr.Dataset:
    """Sample the traces at another interval in time.

    Band-limited interpolation: ``y(t) = sum over k of x(k) c sinc(c (t/dt - k)) w(t/dt - k)`` with a Kaiser window w
    twelve lobes long and ``c = min(1, dt / interval)``, which also keeps frequencies above the new Nyquist frequency
    out (Oppenheim and Schafer 2010, Discrete-Time Signal Processing, 3rd ed., section 4.6).

    Parameters
    ----------
    line : xarray.Dataset
        A line over ``twt``.
    interval : float or str
        New sampling interval in ns.

    Returns
    -------
    xarray.Dataset
        The line, float32, from the same first sample. New samples whose nearest old one is not finite are NaN; to the
        others gaps count as zeros.

    Raises
    ------
    ParameterError
        If the interval is not positive or longer than the trace.
    """
    axis = line[names.TWT].values
    old = model.sampling_interval(line)
    count = int(np.floor((axis[-1] - axis[0]) / interval * (1 + 1e-9))) + 1
    first, weights = sinc_weights(np.arange(count) * (interval / old), min(1.0, old / interval))
    source = _arrays.rows(_arrays.samples(line))
    target = np.empty((source.shape[0], count), dtype="float32")
    _arrays.run(kernels.mix_samples_serial, kernels.mix_samples_parallel, source, target, first, weights)
    amplitude = line[names.AMPLITUDE]
    variable = xr.Variable(amplitude.dims, target.reshape(*amplitude.shape[:-1], count), amplitude.attrs)
    new_axis = (names.TWT, axis[0] + np.arange(count) * interval, line[names.TWT].attrs)
    over_twt = [str(name) for name, var in line.variables.items() if names.TWT in var.dims]
    return line.drop_vars(over_twt).assign({names.AMPLITUDE: variable}).assign_coords({names.TWT: new_axis})


def sinc_weights(places: np.ndarray, cutoff: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the first sample and the weights that give a band-limited signal at fractional `places`, in samples.

    Parameters
    ----------
    places : ndarray, shape (n,)
        Where the signal is wanted, in samples.
    cutoff : float
        Highest frequency kept, as a fraction of the Nyquist frequency; at most 1.

    Returns
    -------
    first : ndarray of int64, shape (n,)
    weights : ndarray of float32, shape (n, taps)
        Each row adds up to 1.
    """
    half = int(np.ceil(LOBES / cutoff))
    first = np.floor(places).astype("int64") - half + 1
    distance = places[:, None] - (first[:, None] + np.arange(2 * half))
    inside = np.clip(1.0 - (distance / half) ** 2, 0.0, None)
    weights = np.sinc(cutoff * distance) * np.i0(KAISER * np.sqrt(inside)) * (inside > 0)
    return first, (weights / weights.sum(axis=1, keepdims=True)).astype("float32")


@step(cut="whole_line")
def stack(line: xr.Dataset, count: int, method: Literal["mean", "median"] = "mean") -> xr.Dataset:
    """Put `count` neighbouring traces together to one.

    ``y_j = mean or median of x_i over count j <= i < count (j + 1)``: noise that differs from trace to trace falls by
    ``sqrt(count)`` under the mean (Yilmaz 2001, Seismic Data Analysis, section 1.5).

    Parameters
    ----------
    line : xarray.Dataset
        A line.
    count : int
        Traces per new trace; the last one may be of fewer.
    method : {"mean", "median"}
        Sample by sample, of the traces that are not dead.

    Returns
    -------
    xarray.Dataset
        The line with one trace for every `count`, float32, at their mean place. NaN where all of them are dead.

    Raises
    ------
    ParameterError
        If `count` is less than 1.
    """
    if count < 1:
        msg = f"stack: count is {count}; it must be at least 1."
        raise ParameterError(msg)
    profiles = _arrays.channels(model.amplitude(line))
    profiles[_arrays.states(profiles) == 0] = np.nan
    profiles[np.isinf(profiles)] = np.nan
    n_channels, n_traces, n_samples = profiles.shape
    whole = n_traces // count
    groups = np.append(np.arange(whole) * count, whole * count) if n_traces % count else np.arange(whole) * count
    stacked = np.full((n_channels, groups.size, n_samples), np.nan, dtype="float32")
    average = np.nanmean if method == "mean" else np.nanmedian
    for profile, result in zip(profiles, stacked, strict=True):
        for j, start in enumerate(groups):
            part = profile[start : start + count]
            known = np.isfinite(part).any(axis=0)
            result[j, known] = average(part[:, known], axis=0)
    old = np.arange(n_traces, dtype="float64")
    new = np.array([old[start : start + count].mean() for start in groups])
    along = line[names.DISTANCE].values if names.DISTANCE in line.coords else None
    moved = _coordinates.moved(line, stacked, old, new, np.interp(new, old, old if along is None else along))
    return moved if along is not None else moved.drop_vars(names.DISTANCE)

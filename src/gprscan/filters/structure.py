"""Attributes of neighbouring traces: dip and coherence."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import xarray as xr
from scipy import ndimage

from gprscan import model, names
from gprscan.errors import ParameterError
from gprscan.filters import _arrays
from gprscan.filters.attributes import _with_units
from gprscan.kernels import semblance
from gprscan.steps import Length, Time, step

REACH = 4.0  # standard deviations at which a Gaussian is cut


def _scales(line: xr.Dataset, values: dict[str, Any]) -> dict[str, Any]:
    model.require_line(line, axis=names.TWT)
    if values["samples"] is None:
        values["samples"] = (
            0.25 * _arrays.periods(line, "structure tensor", 1.0, "samples") / model.sampling_interval(line)
        )
    if not (values["traces"] > 0 and values["samples"] > 0 and values["smoothing"] > 0):
        msg = "dip and planarity: traces, samples and smoothing must be positive."
        raise ParameterError(msg)
    return values


def _spacing(line: xr.Dataset, values: dict[str, Any]) -> dict[str, Any]:
    # of the whole line: a block of it may have another mean
    return values | {"spacing": model.regular_spacing(line) if values["spacing"] is None else values["spacing"]}


def _tensor_halo(line: xr.Dataset, values: dict[str, Any]) -> int:
    traces = float(values["traces"])
    return int(REACH * traces + 0.5) + int(REACH * traces * float(values["smoothing"]) + 0.5)


def _tensor(
    line: xr.Dataset, traces: float, samples: float, smoothing: float, result: Callable[..., np.ndarray]
) -> xr.Dataset:
    """Write ``result(xx, xt, tt)`` of the structure tensor, in blocks so that it is never whole in memory."""
    source, target = _arrays.buffers(line, separate=True)
    halo = _tensor_halo(line, {"traces": traces, "smoothing": smoothing})
    sizes = {"truncate": REACH, "mode": "nearest"}
    width = (smoothing * traces, smoothing * samples)
    stack = zip(
        _arrays.channels(source), _arrays.channels(target), _arrays.states(_arrays.channels(source)), strict=True
    )
    for profile, out, state in stack:
        n_traces, n = profile.shape
        for block in _arrays.blocks(n_traces, n, 1 << 19):
            low, high = max(block.start - halo, 0), min(block.stop + halo, n_traces)
            part = profile[low:high]
            filled = np.where(np.isfinite(part), part, np.float32(0.0))
            filled /= _arrays.unit(filled)
            # in units of the scales, in which noise has no direction of its own
            along = ndimage.gaussian_filter(filled, (traces, samples), order=(1, 0), **sizes) * np.float32(traces)
            down = ndimage.gaussian_filter(filled, (traces, samples), order=(0, 1), **sizes) * np.float32(samples)
            tensor = [ndimage.gaussian_filter(p, width, **sizes) for p in (along * along, along * down, down * down)]
            inner = slice(block.start - low, block.stop - low)
            found = result(*(component[inner] for component in tensor))
            kept = np.isfinite(profile[block]) & (state[block] != 0)[:, None]
            out[block] = np.where(kept, found, profile[block])
    return model.with_amplitude(line, target)


@step(cut="halo", halo=_tensor_halo, resolve=lambda line, values: _spacing(line, _scales(line, values)))
def dip(
    line: xr.Dataset,
    traces: float = 1.5,
    samples: float | None = None,
    smoothing: float = 2.0,
    spacing: Length | None = None,
) -> xr.Dataset:
    """Return the local dip of the events, from the structure tensor.

    The direction in which the image changes least: the eigenvector of the smaller eigenvalue of the smoothed products
    of Gaussian derivatives (van Vliet and Verbeek 1995; Fehmers and Hocker 2003, Geophysics 68, 1286).

    Parameters
    ----------
    line : xarray.Dataset
        A line over ``twt``, its background taken out.
    traces, samples : float
        Standard deviations of the Gaussian derivatives, in traces and samples; a quarter of a period of the antenna
        along the trace where not given.
    smoothing : float
        Standard deviation of the smoothing of the tensor, in multiples of these.
    spacing : float or str, optional
        Distance between traces in m; that of the line where not given.

    Returns
    -------
    xarray.Dataset
        The line with the dip in ns per m, positive where events go later along the line, as its amplitude, float32; at
        most 100 samples per trace. Dead traces and samples that are not finite stay as they are; they count as zeros.

    Raises
    ------
    MissingPositionError
        If the line has no distances, or they are irregular.
    ParameterError
        If a scale is not positive, or the antenna's frequency is needed and not known.
    """
    stretch = float(samples or 1.0) / traces
    unit = model.sampling_interval(line) / float(spacing or 1.0)

    def slope(xx: np.ndarray, xt: np.ndarray, tt: np.ndarray) -> np.ndarray:
        # the normal (a, b) of the larger eigenvalue: events run along (b, -a), so dt/dx = -a / b
        larger = 0.5 * (xx + tt + np.hypot(xx - tt, 2.0 * xt))
        normal_x, normal_t = xt, larger - xx
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = -normal_x / normal_t
        # where the larger eigenvalue belongs to x alone the event is upright
        slope = np.nan_to_num(stretch * ratio, posinf=100.0, neginf=-100.0)
        return (np.clip(slope, -100.0, 100.0) * unit).astype("float32")

    return _with_units(_tensor(line, traces, float(samples or 1.0), smoothing, slope), "ns/m", "dip")


@step(cut="halo", halo=_tensor_halo, resolve=_scales)
def planarity(
    line: xr.Dataset, traces: float = 1.5, samples: float | None = None, smoothing: float = 2.0
) -> xr.Dataset:
    """Return how much an image consists of one direction: 1 in layers, 0 in chaos.

    ``((l1 - l2) / (l1 + l2))^2`` with the eigenvalues of the structure tensor (van Kempen et al. 1999; see `dip`).
    Loose ground is chaotic, pavement layers are planar.

    Parameters
    ----------
    line : xarray.Dataset
        A line over ``twt``, its background taken out.
    traces, samples : float
        Standard deviations of the Gaussian derivatives, in traces and samples; a quarter of a period of the antenna
        along the trace where not given.
    smoothing : float
        Standard deviation of the smoothing of the tensor, in multiples of these.

    Returns
    -------
    xarray.Dataset
        The line with the planarity from 0 to 1 as its amplitude, float32. Dead traces and samples that are not finite
        stay as they are; they count as zeros.

    Raises
    ------
    ParameterError
        If a scale is not positive, or the antenna's frequency is needed and not known.
    """

    def share(xx: np.ndarray, xt: np.ndarray, tt: np.ndarray) -> np.ndarray:
        trace = xx + tt
        return (np.hypot(xx - tt, 2.0 * xt) / np.maximum(trace, np.float32(1e-37))) ** 2

    return _with_units(_tensor(line, traces, float(samples or 1.0), smoothing, share), "1", "planarity")


def _dip_range(line: xr.Dataset, values: dict[str, Any]) -> dict[str, Any]:
    model.require_line(line, axis=names.TWT)
    if values["window"] is None:
        values["window"] = _arrays.periods(line, "coherence", 1.0, "window")
    if values["traces"] < 3 or values["window"] < 0 or values["steepest"] < 0:
        msg = "coherence: traces must be at least 3, window and steepest not negative."
        raise ParameterError(msg)
    return _spacing(line, values) if values["steepest"] > 0 else values


@step(cut="halo", halo=lambda line, values: int(values["traces"]) // 2, resolve=_dip_range)
def coherence(
    line: xr.Dataset,
    traces: int = 5,
    window: Time | None = None,
    steepest: float = 0.0,
    spacing: Length | None = None,
) -> xr.Dataset:
    """Return the semblance of neighbouring traces along the best dip.

    ``S = max over p of sum over t of (sum over x of u(x, t + p x))^2 / (M sum over t, x of u(x, t + p x)^2)`` over M
    traces: 1 where they are alike, 1 / M where they have nothing in common (Neidell and Taner 1971, Geophysics 36, 482;
    Marfurt et al. 1998, Geophysics 63, 1150).

    Parameters
    ----------
    line : xarray.Dataset
        A line over ``twt``, its background taken out.
    traces : int
        Traces in the window, odd; dead ones do not count.
    window : float or str, optional
        Length of the window in ns; one period of the antenna where not given.
    steepest : float
        Steepest dip that is tried, in ns per m; 0: traces are compared at the same time.
    spacing : float or str, optional
        Distance between traces in m; that of the line where not given.

    Returns
    -------
    xarray.Dataset
        The line with the semblance from 0 to 1 as its amplitude, float32. Dead traces and samples that are not finite
        stay as they are; gaps count as zeros.

    Raises
    ------
    MissingPositionError
        If dips are to be tried but the line has no distances, or irregular ones.
    ParameterError
        If a parameter is out of its range, or the antenna's frequency is needed and not known.
    """
    source, target = _arrays.buffers(line, separate=True)
    interval = model.sampling_interval(line)
    half = _arrays.half_window(window or 0.0, interval)
    most = steepest * float(spacing or 0.0) / interval
    # neighbouring dips differ by half a sample at the last trace of the window
    count = 2 * int(np.ceil(most * (traces // 2) / 0.5 - 1e-6)) + 1
    dips = np.linspace(-most, most, count)
    states = _arrays.states(_arrays.channels(source))
    for profile, result, state in zip(_arrays.channels(source), _arrays.channels(target), states, strict=True):
        gaps = ~np.isfinite(profile)
        filled = np.where(gaps, np.float32(0.0), profile)
        filled /= _arrays.unit(filled)
        pair = (semblance.semblance_serial, semblance.semblance_parallel)
        _arrays.run(*pair, filled, state, traces // 2, half, dips, result)
        kept = gaps | (state == 0)[:, None]
        np.copyto(result, profile, where=kept)
    return _with_units(model.with_amplitude(line, target), "1", "semblance")

"""Time zero: the direct wave's envelope peak goes to separation / c, per channel."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr
from scipy import fft

from gprscan import model, names
from gprscan.errors import ParameterError
from gprscan.filters import _arrays, _spectral
from gprscan.kernels.jit import threads
from gprscan.steps import Length, Time, step
from gprscan.units import C_AIR


def _separations(line: xr.Dataset, n_channels: int) -> np.ndarray:
    if names.SEPARATION not in line.coords:
        return np.zeros(n_channels)
    values = np.broadcast_to(np.asarray(line[names.SEPARATION].values, dtype="float64"), (n_channels,))
    return np.where(np.isfinite(values), values, 0.0)


def _pick(traces: np.ndarray, axis: np.ndarray, expected: float, search: float) -> np.ndarray:
    """Return the time of the envelope's largest peak within `search` of `expected`, to a fraction of a sample."""
    interval = axis[1] - axis[0]
    low = int(np.searchsorted(axis, expected - search))
    high = int(np.searchsorted(axis, expected + search, side="right"))
    # a window's worth on both sides, so that its ends do not bend the envelope inside it
    margin = 2 * (high - low)
    start, stop = max(low - margin, 0), min(high + margin, axis.size)
    part = traces[:, start:stop] - traces.mean(axis=1, keepdims=True)
    envelope = np.abs(_spectral.analytic(part, _spectral.fast_length(2 * (stop - start))))
    peak = np.argmax(envelope[:, low - start : high - start], axis=1) + (low - start)
    inner = np.clip(peak, 1, envelope.shape[1] - 2)
    here = np.arange(len(envelope))
    before, at, after = envelope[here, inner - 1], envelope[here, inner], envelope[here, inner + 1]
    curvature = before - 2 * at + after
    offset = np.where(curvature < 0, 0.5 * (before - after) / np.where(curvature < 0, curvature, 1.0), 0.0)
    return axis[0] + (start + inner + np.clip(offset, -0.5, 0.5)) * interval


def _resolve(line: xr.Dataset, values: dict[str, Any]) -> dict[str, Any]:
    axis = model.require_line(line, axis=names.TWT)[names.TWT].values
    search = values["search"]
    n_channels = line.sizes.get(names.CHANNEL, 1)
    _check(values, n_channels)
    if values["drift"] is not None and values["traces"] is None:
        values["traces"] = 2 * _arrays.half_window(values["drift"], model.trace_spacing(line)) + 1
    if values["shift"] is not None:
        given = np.broadcast_to(np.atleast_1d(np.asarray(values["shift"], dtype="float64")), (n_channels,))
        return values | {"shift": given.tolist()}
    if axis.size < 8 or not search >= model.sampling_interval(line):
        msg = (
            f"time_zero: search is {search} ns over {axis.size} samples; at least one sampling interval and 8 samples "
            f"are needed."
        )
        raise ParameterError(msg)
    profiles = _arrays.sampled(line)
    states = _arrays.states(profiles)
    shifts = np.full(n_channels, np.nan)
    for i, (expected, state) in enumerate(zip(_separations(line, n_channels) / C_AIR, states, strict=True)):
        if not axis[0] < expected < axis[-1]:
            msg = (
                f"time_zero: the direct wave is expected at {expected:.3g} ns, outside the line ({axis[0]:.3g} to "
                f"{axis[-1]:.3g} ns). Give the nominal time_zero when reading, or the shift in ns."
            )
            raise ParameterError(msg)
        if (state == 1).any():
            typical = np.median(profiles[i][state == 1], axis=0, keepdims=True)
            shifts[i] = _pick(typical, axis, expected, search)[0] - expected
    if np.isnan(shifts).all():
        msg = "time_zero: no channel has a live trace without gaps. Give the shift in ns."
        raise ParameterError(msg)
    shifts[np.isnan(shifts)] = np.nanmedian(shifts)
    return values | {"shift": np.round(shifts, 6).tolist()}


def _check(values: dict[str, Any], n_channels: int) -> None:
    for name, least in (("drift", 0.0), ("traces", 1)):
        if values[name] is not None and not values[name] >= least:
            msg = f"time_zero: {name} is {values[name]}; it must be at least {least}."
            raise ParameterError(msg)
    if isinstance(values["shift"], list) and len(values["shift"]) not in (1, n_channels):
        count = len(values["shift"])
        msg = f"time_zero: {count} shifts were given; one for all channels, or one for each of the {n_channels}."
        raise ParameterError(msg)


def _halo(line: xr.Dataset, values: dict[str, Any]) -> int:
    return 0 if values["traces"] is None else int(values["traces"]) // 2


@step(cut="halo", halo=_halo, resolve=_resolve, measures=True)
def time_zero(
    line: xr.Dataset,
    search: Time = 2.5,
    drift: Length | None = None,
    traces: int | None = None,
    shift: Time | list[Time] | None = None,
) -> xr.Dataset:
    """Put the direct wave's envelope peak at separation / 0.2998 ns, per channel.

    The nominal time zero of a file may be off by a few ns, and differ between the channels of an array. The direct wave
    of each channel is found on its median trace: the largest peak of the envelope within `search` of where it belongs.
    What all channels share moves the axis ``twt`` and leaves the samples alone; only the differences between channels,
    and the drift, are made by shifting traces, by a linear phase in frequency.

    Parameters
    ----------
    line : xarray.Dataset
        A line over ``twt``.
    search : float or str
        How far from its place the direct wave is looked for, in ns.
    drift : float or str, optional
        Follow a time zero that drifts along the line: width in m of the running median of the picks of single traces.
    traces : int, optional
        The same width in traces, instead of `drift`.
    shift : float, str or list of these, optional
        By how much the direct wave is late, in ns, for all channels or each: no search is made then.

    Returns
    -------
    xarray.Dataset
        The line with a new ``twt`` and ``time_zero``, float32. Dead traces and samples that are not finite stay as they
        are.

    Raises
    ------
    ParameterError
        If the place of the direct wave lies outside the line, no trace is alive, or a width or the number of shifts
        is wrong.
    MissingPositionError
        If the drift is wanted but the line has no distances.
    """
    axis = line[names.TWT].values
    late = np.atleast_1d(np.asarray(shift, dtype="float64"))
    common = float(np.median(late))
    n_traces = line.sizes[names.TRACE]
    delays = np.repeat((late - common)[:, None], n_traces, axis=1)
    if traces is not None:
        delays += _drift(line, late, search, 2 * (traces // 2) + 1)
    moved = line
    interval = model.sampling_interval(line)
    # a bound and not the largest delay found, so that every block of a line is padded alike
    reach = float(np.abs(late - common).max()) + (0.0 if traces is None else search)
    if reach > 1e-3 * interval:
        moved = _shifted(line, delays.reshape(-1) / interval, int(np.ceil(reach / interval)) + 32)
    else:
        moved = model.with_amplitude(line, model.amplitude(line))
    attrs = line[names.TWT].attrs
    moved = moved.assign_coords({names.TWT: (names.TWT, axis - common, attrs)})
    return moved.assign_attrs({names.TIME_ZERO: float(line.attrs.get(names.TIME_ZERO, 0.0)) + common})


def _drift(line: xr.Dataset, late: np.ndarray, search: float, width: int) -> np.ndarray:
    """Return how late each trace is beyond its channel, shape (channels, traces): a running median of picks."""
    axis = line[names.TWT].values
    profiles = _arrays.channels(model.amplitude(line))
    states = _arrays.states(profiles)
    expected = _separations(line, len(profiles)) / C_AIR + late
    drifts = np.zeros(profiles.shape[:2])
    for i, (profile, state) in enumerate(zip(profiles, states, strict=True)):
        live = np.flatnonzero(state == 1)
        if live.size:
            picks = np.full(profile.shape[0] + 2 * (width // 2), np.nan)
            picks[width // 2 + live] = _pick(profile[live], axis, float(expected[i]), search) - expected[i]
            near = np.lib.stride_tricks.sliding_window_view(picks, width)
            known = np.isfinite(near).any(axis=1)
            drifts[i, known] = np.nanmedian(near[known], axis=1)
    return drifts


def _shifted(line: xr.Dataset, samples: np.ndarray, pad: int) -> xr.Dataset:
    """Move row i of the traces up by ``samples[i]`` samples; their ends are held."""
    n = line.sizes[names.TWT]
    length = _spectral.fast_length(n + 2 * pad)
    phase = (2j * np.pi * fft.rfftfreq(length)).astype("complex64")

    def change(traces: np.ndarray, rows: slice) -> np.ndarray:
        spectrum = fft.rfft(np.pad(traces, ((0, 0), (pad, length - n - pad)), mode="edge"), workers=threads())
        spectrum *= np.exp(phase * samples[rows, None].astype("float32"))
        return fft.irfft(spectrum, length, workers=threads())[:, pad : pad + n]

    return _spectral.per_block(line, change)

"""Time zero: the direct wave goes to separation / c, per channel."""

from __future__ import annotations

from typing import Any, Literal

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


def _window(axis: np.ndarray, expected: float, search: float) -> tuple[int, int]:
    """Return the first sample within `search` of `expected`, and the one after the last."""
    return int(np.searchsorted(axis, expected - search)), int(np.searchsorted(axis, expected + search, side="right"))


def _summit(values: np.ndarray, peak: np.ndarray) -> np.ndarray:
    """Return the places of maxima to a fraction of a sample, by the parabola through each row's three values there."""
    inner = np.clip(peak, 1, values.shape[1] - 2)
    here = np.arange(len(values))
    before, at, after = values[here, inner - 1], values[here, inner], values[here, inner + 1]
    curvature = before - 2 * at + after
    offset = np.where(curvature < 0, 0.5 * (before - after) / np.where(curvature < 0, curvature, 1.0), 0.0)
    return np.asarray(inner + np.clip(offset, -0.5, 0.5))


def _pick(
    traces: np.ndarray, axis: np.ndarray, expected: float, search: float, threshold: float | None = None
) -> np.ndarray:
    """Return the time of the envelope's largest peak within `search` of `expected`, to a fraction of a sample.

    With a `threshold`, the time before it at which the envelope rises through this share of the peak.
    """
    interval = axis[1] - axis[0]
    low, high = _window(axis, expected, search)
    # a window's worth on both sides, so that its ends do not bend the envelope inside it
    margin = 2 * (high - low)
    start, stop = max(low - margin, 0), min(high + margin, axis.size)
    part = traces[:, start:stop] - traces.mean(axis=1, keepdims=True)
    envelope = np.abs(_spectral.analytic(part, _spectral.fast_length(2 * (stop - start))))
    peak = np.argmax(envelope[:, low - start : high - start], axis=1) + (low - start)
    place = _summit(envelope, peak) if threshold is None else _onset(envelope, peak, threshold)
    return axis[0] + (start + place) * interval


def _onset(envelope: np.ndarray, peak: np.ndarray, threshold: float) -> np.ndarray:
    """Return where each row last rises through `threshold` times its peak before it, straight between samples."""
    here = np.arange(len(envelope))
    level = threshold * envelope[here, peak]
    below = (envelope < level[:, None]) & (np.arange(envelope.shape[1]) < peak[:, None])
    # 0 where the record starts above the threshold
    last = np.where(below.any(axis=1), envelope.shape[1] - 1 - np.argmax(below[:, ::-1], axis=1), 0)
    step = envelope[here, np.minimum(last + 1, envelope.shape[1] - 1)] - envelope[here, last]
    return np.asarray(last + np.clip((level - envelope[here, last]) / np.where(step > 0, step, 1.0), 0.0, 1.0))


def _lags(traces: np.ndarray, reference: np.ndarray, first: int, reach: int) -> np.ndarray:
    """Return by how many samples the traces are later than `reference`, whose sample 0 belongs to their sample `first`.

    The maximum of ``C(l) = sum over k of x(first + k + l) r(k)`` for lags up to `reach`, by a parabola; both without
    their means there. Beyond the record the traces count as zeros.
    """
    size = reference.size
    part = np.zeros((len(traces), size + 2 * reach), dtype="float32")
    low, high = max(first - reach, 0), min(first + size + reach, traces.shape[1])
    part[:, low - first + reach : high - first + reach] = traces[:, low:high]
    part -= part.mean(axis=1, keepdims=True)
    part /= _arrays.unit(part)
    known = np.asarray(reference - reference.mean(), dtype="float32")
    length = _spectral.fast_length(part.shape[1])
    spectrum = fft.rfft(part, length) * fft.rfft(known / _arrays.unit(known), length).conj()
    correlation = fft.irfft(spectrum, length)[:, : 2 * reach + 1]
    return _summit(correlation, np.argmax(correlation, axis=1)) - reach


def _resolve(line: xr.Dataset, values: dict[str, Any]) -> dict[str, Any]:
    axis = model.require_line(line, axis=names.TWT)[names.TWT].values
    search = values["search"]
    n_channels = line.sizes.get(names.CHANNEL, 1)
    _check(values, n_channels)
    if values["drift"] is not None and values["traces"] is None:
        values["traces"] = 2 * _arrays.half_window(values["drift"], model.trace_spacing(line)) + 1
    if values["shift"] is not None:
        given = np.broadcast_to(np.atleast_1d(np.asarray(values["shift"], dtype="float64")), (n_channels,))
        return _with_reference(line, values | {"shift": given.tolist()})
    if axis.size < 8 or not search >= model.sampling_interval(line):
        msg = (
            f"time_zero: search is {search} ns over {axis.size} samples; at least one sampling interval and 8 samples "
            f"are needed."
        )
        raise ParameterError(msg)
    expected = _separations(line, n_channels) / C_AIR
    for when in expected:
        if not axis[0] < when < axis[-1]:
            msg = (
                f"time_zero: the direct wave is expected at {when:.3g} ns, outside the line ({axis[0]:.3g} to "
                f"{axis[-1]:.3g} ns). Give the nominal time_zero when reading, or the shift in ns."
            )
            raise ParameterError(msg)
    typical = _typical(line)
    shifts = _channel_shifts(typical, axis, expected, values)
    if np.isnan(shifts).all():
        msg = "time_zero: no channel has a live trace without gaps. Give the shift in ns."
        raise ParameterError(msg)
    shifts[np.isnan(shifts)] = np.nanmedian(shifts)
    if values["method"] == "correlation" and values["traces"] is not None:
        shifts += _smear(line, typical, expected + shifts, search)
    return _with_reference(line, values | {"shift": np.round(shifts, 6).tolist()})


def _with_reference(line: xr.Dataset, values: dict[str, Any]) -> dict[str, Any]:
    """Add what traces are compared with where a drift is to be found by correlation, an empty list otherwise."""
    if values["method"] != "correlation" or values["traces"] is None:
        return values | {"reference": []}
    if values["reference"] is None:
        axis = line[names.TWT].values
        expected = _separations(line, len(values["shift"])) / C_AIR + values["shift"]
        parts = [
            trace[slice(*_window(axis, when, values["search"]))]
            for trace, when in zip(_typical(line), expected, strict=True)
        ]
        # seven digits are what a float32 has; a channel without a live trace has none to compare either
        values["reference"] = [[float(f"{value:.7g}") for value in np.nan_to_num(part)] for part in parts]
    if not values["reference"] or any(len(part) < 3 for part in values["reference"]):
        msg = "time_zero: fewer than 3 samples of the direct wave lie within search to compare traces with."
        raise ParameterError(msg)
    return values


def _typical(line: xr.Dataset) -> np.ndarray:
    """Return the median of the live traces of each channel, NaN where there are none; shape (channels, samples)."""
    profiles = _arrays.sampled(line)
    live = _arrays.states(profiles) == 1
    typical = np.full((profiles.shape[0], profiles.shape[2]), np.nan, dtype="float32")
    for i, (profile, state) in enumerate(zip(profiles, live, strict=True)):
        if state.any():
            typical[i] = np.median(profile[state], axis=0)
    return typical


def _smear(line: xr.Dataset, typical: np.ndarray, late: np.ndarray, search: float) -> np.ndarray:
    """Return by how much the picks of single traces, less their lags to the median trace, are later than its own.

    The median of traces that drift is no pulse, whose envelope peaks where the traces' do.
    """
    axis = line[names.TWT].values
    profiles = _arrays.sampled(line)
    live = _arrays.states(profiles) == 1
    later = np.zeros(len(late))
    for i, (profile, state, when) in enumerate(zip(profiles, live, late, strict=True)):
        low, high = _window(axis, when, search)
        if state.any() and high - low >= 3:
            lags = _lags(profile[state], typical[i, low:high], low, _reach(axis, search)) * (axis[1] - axis[0])
            later[i] = np.median(_pick(profile[state], axis, when, search) - when - lags)
    return later


def _reach(axis: np.ndarray, search: float) -> int:
    return int(np.ceil(search / (axis[1] - axis[0])))


def _channel_shifts(typical: np.ndarray, axis: np.ndarray, expected: np.ndarray, values: dict[str, Any]) -> np.ndarray:
    """Return how late the direct wave of each channel is, in ns; NaN for channels without a live trace."""
    shifts = np.full(len(typical), np.nan)
    alive = np.flatnonzero(np.isfinite(typical).all(axis=1))
    level = values["threshold"] if values["method"] == "threshold" else None
    if values["method"] == "correlation" and alive.size:
        # the channel whose direct wave is the strongest speaks for all
        windows = [slice(*_window(axis, expected[i], values["search"])) for i in alive]
        best = int(np.argmax([np.ptp(typical[i, w]) for i, w in zip(alive, windows, strict=True)]))
        shifts[alive[best]] = _pick(typical[alive[best], None], axis, expected[alive[best]], values["search"])[0]
        shifts[alive[best]] -= expected[alive[best]]
        interval = axis[1] - axis[0]
        part, own = windows[best], expected[alive[best]]
        for i in np.delete(alive, best):
            first = part.start + round((expected[i] - own) / interval)
            lag = _lags(typical[i, None], typical[alive[best], part], first, part.stop - part.start)[0]
            shifts[i] = shifts[alive[best]] + (first - part.start + lag) * interval - (expected[i] - own)
        return shifts
    for i in alive:
        shifts[i] = _pick(typical[i, None], axis, expected[i], values["search"], level)[0] - expected[i]
    return shifts


def _check(values: dict[str, Any], n_channels: int) -> None:
    if not 0 < values["threshold"] < 1:
        msg = f"time_zero: threshold is {values['threshold']}; it must be a share of the peak, between 0 and 1."
        raise ParameterError(msg)
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


@step(cut="halo", halo=_halo, resolve=_resolve, measures=("shift", "reference"))
def time_zero(
    line: xr.Dataset,
    search: Time = 2.5,
    drift: Length | None = None,
    traces: int | None = None,
    shift: Time | list[Time] | None = None,
    method: Literal["envelope", "threshold", "correlation"] = "envelope",
    threshold: float = 0.2,
    reference: list[list[float]] | None = None,
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
    method : {"envelope", "threshold", "correlation"}
        ``envelope``: the peak of the envelope, the convention of this library. ``threshold``: the onset, where the
        envelope rises through `threshold` times that peak, goes to the same time; what is timed from a first break has
        twt earlier by the rise of the pulse, about a period. ``correlation``: the peak of the channel with the strongest
        direct wave, and the lag at which the median trace of each other channel is most like that channel's; with a
        drift, the lag of each trace to the median trace of its channel. (Yelf 2004, Where is true time zero?, Proc.
        10th Int. Conf. on GPR, compares such picks.)
    threshold : float
        Share of the envelope's peak that is the onset.
    reference : list of list of float, optional
        The part of each channel's median trace that traces are compared with, where a drift is found by correlation.
        Taken from the line where not given; provenance records it.

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
        onset = threshold if method == "threshold" else None
        delays += _drift(line, late, search, 2 * (traces // 2) + 1, onset, reference or [])
    moved = line
    interval = model.sampling_interval(line)
    # a bound and not the largest delay found, so that every block of a line is padded alike
    reach = float(np.abs(late - common).max()) + (0.0 if traces is None else 2.0 * search)
    if reach > 1e-3 * interval:
        moved = _shifted(line, delays.reshape(-1) / interval, int(np.ceil(reach / interval)) + 32)
    else:
        moved = model.with_amplitude(line, model.amplitude(line))
    attrs = line[names.TWT].attrs
    moved = moved.assign_coords({names.TWT: (names.TWT, axis - common, attrs)})
    return moved.assign_attrs({names.TIME_ZERO: float(line.attrs.get(names.TIME_ZERO, 0.0)) + common})


def _drift(
    line: xr.Dataset,
    late: np.ndarray,
    search: float,
    width: int,
    threshold: float | None,
    reference: list[list[float]],
) -> np.ndarray:
    """Return how late each trace is beyond its channel, shape (channels, traces): a running median of picks."""
    axis = line[names.TWT].values
    profiles = _arrays.channels(model.amplitude(line))
    states = _arrays.states(profiles)
    expected = _separations(line, len(profiles)) / C_AIR + late
    interval = axis[1] - axis[0]
    drifts = np.zeros(profiles.shape[:2])
    for i, (profile, state) in enumerate(zip(profiles, states, strict=True)):
        live = np.flatnonzero(state == 1)
        if live.size:
            picks = np.full(profile.shape[0] + 2 * (width // 2), np.nan)
            for block in _arrays.blocks(live.size, axis.size):
                found, own = profile[live[block]], float(expected[i])
                if reference:
                    known = np.asarray(reference[i % len(reference)], dtype="float32")
                    first = _window(axis, own, search)[0]
                    when = _lags(found, known, first, _reach(axis, search)) * interval
                else:
                    when = _pick(found, axis, own, search, threshold) - own
                picks[width // 2 + live[block]] = when
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

"""Repair of samples: spikes, clipped crests, and tones from radio transmitters."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr
from scipy import fft, ndimage

from gprscan import model, names
from gprscan.errors import ParameterError
from gprscan.filters import _arrays, _spectral
from gprscan.kernels import spikes
from gprscan.steps import Frequency, Time, step

MOST_TONES = 8
STEADY = 0.8


@step(cut="halo", halo=lambda line, values: int(values["traces"]) // 2)
def despike(line: xr.Dataset, threshold: float = 8.0, traces: int = 5, samples: int = 7) -> xr.Dataset:
    """Replace single wild samples by the median of their neighbourhood.

    ``|x - med| > threshold 1.4826 median of |x' - med|`` over the window makes ``y = med``. That is, a sample is a spike if it is higher or lower than the samples before and after it, and farther from the median of
    the window around it than `threshold` times 1.4826 times the median absolute deviation there (Hampel 1974; Pearson
    2002, IEEE Trans. Control Systems Technology 10, 55).

    Parameters
    ----------
    line : xarray.Dataset
        A line.
    threshold : float
        In standard deviations of normal noise.
    traces, samples : int
        Size of the window, odd.

    Returns
    -------
    xarray.Dataset
        The line, float32. Samples that are not finite stay as they are and do not count.

    Raises
    ------
    ParameterError
        If the window is smaller than 9 samples or larger than 999, or `threshold` is not positive.
    """
    size = (2 * (traces // 2) + 1) * (2 * (samples // 2) + 1)
    if not 9 <= size <= 999 or min(traces, samples) < 1 or not threshold > 0:
        msg = f"despike: {traces} traces x {samples} samples must be 9 to 999, and threshold ({threshold}) positive."
        raise ParameterError(msg)
    source, target = _arrays.buffers(line, separate=True)
    for profile, result in zip(_arrays.channels(source), _arrays.channels(target), strict=True):
        pair = (spikes.despike_serial, spikes.despike_parallel)
        _arrays.run(*pair, profile, result, traces // 2, samples // 2, np.float32(threshold))
    return model.with_amplitude(line, target)


def clip_levels(line: xr.Dataset) -> tuple[float, float]:
    """Find the levels at which a recorder cut the crests of the traces off.

    Parameters
    ----------
    line : xarray.Dataset
        A line as recorded: any filter makes crests round again.

    Returns
    -------
    low, high : float
        The extreme values of the line, where at least three samples running have them in at least one trace in a
        hundred; infinite otherwise.
    """
    rows = _arrays.rows(_arrays.sampled(line))
    levels = []
    for sign in (-1.0, 1.0):
        signed = sign * np.where(np.isfinite(rows), rows, -np.inf * sign)
        extreme = signed.max()
        flat = signed >= extreme
        runs = flat[:, :-2] & flat[:, 1:-1] & flat[:, 2:]
        clipped = np.isfinite(extreme) and extreme > np.median(signed) and runs.any(axis=1).mean() >= 0.01
        levels.append(float(sign * extreme) if clipped else float(sign * np.inf))
    return levels[0], levels[1]


def _levels(line: xr.Dataset, values: dict[str, Any]) -> dict[str, Any]:
    if values["low"] is None or values["high"] is None:
        low, high = clip_levels(line)
        # what JSON cannot say: no level on this side
        values["low"] = (low if np.isfinite(low) else -3e38) if values["low"] is None else values["low"]
        values["high"] = (high if np.isfinite(high) else 3e38) if values["high"] is None else values["high"]
    if not values["low"] < values["high"]:
        msg = f"declip: low ({values['low']:g}) must be below high ({values['high']:g})."
        raise ParameterError(msg)
    return values


@step(cut="twt", resolve=_levels, measures=("low", "high"))
def declip(line: xr.Dataset, low: float | None = None, high: float | None = None, longest: int = 30) -> xr.Dataset:
    """Rebuild crests that the recorder cut off, by cubics.

    Each run of samples at or beyond a clip level is replaced by the cubic that continues the last sound samples on both
    sides with their slopes, ``y(u) = (1 + 2 u)(1 - u)^2 x0 + u (1 - u)^2 d0 + u^2 (3 - 2 u) x1 + u^2 (u - 1) d1`` with u
    from 0 to 1 over the run (Hermite interpolation; de Boor 1978, A Practical Guide to Splines, chapter 4), where that
    goes beyond the level. First step of a chain: after any other filter the level can no longer be told.

    Parameters
    ----------
    line : xarray.Dataset
        A line as recorded.
    low, high : float, optional
        Clip levels in the units of the amplitude. Found on the line where not given; see `clip_levels`.
    longest : int
        Longest run in samples that is rebuilt.

    Returns
    -------
    xarray.Dataset
        The line, float32. Samples that are not finite stay as they are, and no crest beside them is rebuilt.

    Raises
    ------
    ParameterError
        If `low` is not below `high`.
    """
    values = model.amplitude(line)
    pair = (spikes.declip_serial, spikes.declip_parallel)
    _arrays.run(*pair, _arrays.rows(values), np.float32(low), np.float32(high), longest)
    return model.with_amplitude(line, values)


def find_tones(line: xr.Dataset, threshold: float = 8.0, start: float | None = None) -> list[float]:
    """Find the frequencies of radio transmitters in a line.

    The spectrum of each trace after `start`, under a Hann window, is taken; of each frequency the 90th percentile over
    traces, since a transmitter may be on for a part of the line only. Its logarithm minus its running median over 15
    frequencies stands out by `threshold` scaled median absolute deviations at a tone, and by 6 dB at least;
    and its phase keeps in step along the trace, which that of an echo does not.

    Parameters
    ----------
    line : xarray.Dataset
        A line over ``twt``.
    threshold : float
        In standard deviations.
    start : float, optional
        Time in ns from which on to look; the last two thirds of the trace where not given.

    Returns
    -------
    list of float
        Frequencies in MHz, the strongest first; at most eight.
    """
    axis = line[names.TWT].values
    first = axis.size // 3 if start is None else int(np.searchsorted(axis, start))
    profiles = _arrays.sampled(line)
    live = _arrays.states(profiles) == 1
    part = axis.size - first
    if part < 32 or live.sum() < 3:
        return []
    length = _spectral.fast_length(4 * part)
    window = np.hanning(part).astype("float32")
    rest = [
        profile[state] - np.median(profile[state], axis=0)
        for profile, state in zip(profiles, live, strict=True)
        if state.sum() >= 3
    ]
    if not rest:
        return []
    late = np.concatenate(rest)[:, first:]
    late = late[:: max(1, len(late) // 1000)]
    spectrum = np.abs(fft.rfft((late - late.mean(axis=1, keepdims=True)) * window, length))
    level = 20.0 * np.log10(np.percentile(spectrum, 90, axis=0) + 1e-30)
    # a bin of the window's own resolution is 8 bins of the padded transform wide
    floor = ndimage.median_filter(level, size=15 * 8, mode="nearest")
    excess = level - floor
    spread = 1.4826 * float(np.median(np.abs(excess - np.median(excess))))
    peaks = np.flatnonzero((excess[1:-1] > excess[:-2]) & (excess[1:-1] >= excess[2:])) + 1
    peaks = peaks[excess[peaks] > max(threshold * spread, 6.0)]
    frequency = _spectral.frequencies(length, model.sampling_interval(line))
    found: list[float] = []
    for peak in peaks[np.argsort(-excess[peaks])]:
        before, at, after = level[peak - 1], level[peak], level[peak + 1]
        offset = 0.5 * (before - after) / (before - 2 * at + after)
        exact = float(frequency[peak] + offset * frequency[1])
        apart = all(abs(exact - other) > 8 * frequency[1] for other in found)
        if apart and _steadiness(late, exact * model.sampling_interval(line) / 1000.0) > STEADY:
            found.append(round(exact, 4))
    return found[:MOST_TONES]


def _steadiness(traces: np.ndarray, cycles: float) -> float:
    """Return how well the phase at a frequency (in cycles per sample) keeps in step from quarter to quarter of a trace.

    1 for a tone, about 0.25 for echoes and noise; the median over the tenth of the traces in which it is strongest.
    """
    quarter = traces.shape[1] // 4
    time = np.arange(4 * quarter).reshape(4, quarter)
    parts = traces[:, : 4 * quarter].reshape(-1, 4, quarter)
    waves = np.hanning(quarter) * np.exp(-2j * np.pi * cycles * time)
    phasors = np.einsum("ijk,jk->ij", parts, waves)
    strongest = np.argsort(-np.abs(phasors).sum(axis=1))[: max(3, len(phasors) // 10)]
    unit = phasors[strongest] / np.maximum(np.abs(phasors[strongest]), 1e-30)
    return float(np.median(np.abs(unit.mean(axis=1)) ** 2))


def _tones(line: xr.Dataset, values: dict[str, Any]) -> dict[str, Any]:
    axis = model.require_line(line, axis=names.TWT)[names.TWT].values
    start = float(axis[axis.size // 3]) if values["start"] is None else values["start"]
    if axis[-1] - start < 8 * model.sampling_interval(line):
        msg = f"notch: start is {start} ns, but the line ends at {axis[-1]:.4g} ns."
        raise ParameterError(msg)
    if values["frequencies"] is None:
        values["frequencies"] = find_tones(line, values["threshold"], start)
    if not all(0 < f < 500.0 / model.sampling_interval(line) for f in values["frequencies"]):
        msg = f"notch: frequencies are {values['frequencies']} MHz; they must lie between 0 and half the sampling rate."
        raise ParameterError(msg)
    return values | {"start": start}


@step(cut="twt", resolve=_tones, measures=("frequencies",))
def notch(
    line: xr.Dataset,
    frequencies: list[Frequency] | None = None,
    threshold: float = 8.0,
    start: Time | None = None,
) -> xr.Dataset:
    """Remove the tones of radio transmitters.

    ``y(t) = x(t) - sum of a cos(2 pi f t) + b sin(2 pi f t)``: in each trace the sine and cosine of every tone are fitted
    by least squares to the samples after `start`, where echoes are weak, and subtracted from the whole trace. That is a
    notch as narrow as the trace is long, without the ringing at its ends that a notch in the spectrum has (Butler and
    Russell 1993, Geophysics 58, 898).

    Parameters
    ----------
    line : xarray.Dataset
        A line over ``twt``.
    frequencies : list of float or str, optional
        In MHz. Found on the line where not given; see `find_tones`.
    threshold : float
        How far a tone must stand out of the spectrum to be found, in standard deviations.
    start : float or str, optional
        Time in ns from which on to fit; a third of the trace where not given.

    Returns
    -------
    xarray.Dataset
        The line, float32. Dead traces and samples that are not finite stay as they are.

    Raises
    ------
    ParameterError
        If a frequency is beyond half the sampling rate, or nothing of the trace lies after `start`.
    """
    axis = line[names.TWT].values
    if not frequencies:
        return model.with_amplitude(line, model.amplitude(line))
    angle = 2e-3 * np.pi * np.outer(np.asarray(frequencies), axis - axis[0])
    waves = np.concatenate([np.cos(angle), np.sin(angle)])
    first = int(np.searchsorted(axis, axis[0] if start is None else start))
    fit = np.zeros_like(waves)
    # tones closer than the trace can tell apart share what they explain
    fit[:, first:] = np.linalg.pinv(waves[:, first:].T, rcond=1e-3)
    fit, waves = fit.astype("float32"), waves.astype("float32")

    def change(traces: np.ndarray, rows: slice) -> np.ndarray:
        return traces - (traces @ fit.T) @ waves

    return _spectral.per_block(line, change)

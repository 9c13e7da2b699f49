"""Removal of antenna ringing: narrow bands of frequency that all traces share."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr
from scipy import fft, ndimage

from gprscan import model, names
from gprscan.errors import ParameterError
from gprscan.filters import _arrays, _spectral
from gprscan.filters.background import background
from gprscan.filters.time_zero import _separations
from gprscan.kernels.jit import threads
from gprscan.steps import Frequency, Length, Time, step
from gprscan.units import C_AIR

MOST_RINGS = 4
IN_STEP = 0.3  # share of the power at a frequency that all traces have in common
DIRECT = 2.5  # periods of the antenna from the peak of the direct wave until it and the ground wave are over


def _after_direct_wave(line: xr.Dataset) -> float | None:
    """Return the time in ns at which the direct wave is over in all channels; None if the antenna is not known."""
    frequency = model.centre_frequency(line)
    if frequency is None:
        return None
    farthest = float(_separations(line, line.sizes.get(names.CHANNEL, 1)).max())
    return farthest / C_AIR + DIRECT * 1000.0 / frequency


def find_ringing(line: xr.Dataset, start: float | None = None) -> list[float]:
    """Find the frequencies at which an antenna rings.

    The spectrum of the part of the traces after `start`, under a Hann window, has a peak there that is the same from
    trace to trace: ``|mean X|^2 / mean |X|^2`` is over 0.3 and the mean stands 6 dB above its surroundings. Unlike the
    tones of radio transmitters, ringing is in phase with the pulse.

    Parameters
    ----------
    line : xarray.Dataset
        A line over ``twt``, time zero and DC corrected.
    start : float, optional
        Time in ns from which on to look. Where not given, the last two thirds of the trace, or what comes later than
        2.5 periods of the antenna after the direct wave if that is less.

    Returns
    -------
    list of float
        Frequencies in MHz, the strongest first; at most four.
    """
    axis = model.require_line(line, axis=names.TWT)[names.TWT].values
    if start is None:
        start = max(float(axis[axis.size // 3]), _after_direct_wave(line) or -np.inf)
    first = int(np.searchsorted(axis, start))
    profiles = _arrays.sampled(line)
    live = _arrays.states(profiles) == 1
    part = axis.size - first
    if part < 32 or live.sum() < 8:
        return []
    length = _spectral.fast_length(4 * part)
    window = np.hanning(part).astype("float32")
    shared, power, count = np.zeros(length // 2 + 1), np.zeros(length // 2 + 1), 0
    for profile, state in zip(profiles, live, strict=True):
        late = profile[state][:, first:]
        if not late.size:
            continue
        spectrum = fft.rfft((late - late.mean(axis=1, keepdims=True)) * window, length)
        shared += len(late) * np.square(np.abs(spectrum.mean(axis=0)), dtype="float64")
        power += np.square(np.abs(spectrum), dtype="float64").sum(axis=0)
        count += len(late)
    if not power.max() > 0:
        return []
    level = 10.0 * np.log10(shared / count + 1e-12 * power.max() / count)
    # the main lobe of the window is 16 bins of the padded transform wide
    floor = ndimage.median_filter(level, size=12 * 16, mode="nearest")
    in_step = shared / np.maximum(power, 1e-12 * power.max())
    inner = level[1:-1]
    peaks = np.flatnonzero((inner > level[:-2]) & (inner >= level[2:])) + 1
    peaks = peaks[
        (level[peaks] > floor[peaks] + 6.0) & (in_step[peaks] > IN_STEP) & (level[peaks] > level.max() - 20.0)
    ]
    frequency = _spectral.frequencies(length, model.sampling_interval(line))
    found: list[float] = []
    for peak in peaks[np.argsort(-level[peaks])]:
        if all(abs(frequency[peak] - other) > 16 * frequency[1] for other in found):
            found.append(round(float(frequency[peak]), 3))
    return found[:MOST_RINGS]


def _rings(line: xr.Dataset, values: dict[str, Any]) -> dict[str, Any]:
    axis = model.require_line(line, axis=names.TWT)[names.TWT].values
    if axis.size < 2:
        msg = "deringing: the traces have one sample; ringing needs some time to be heard."
        raise ParameterError(msg)
    nyquist = 500.0 / model.sampling_interval(line)
    if values["frequencies"] is None:
        values["frequencies"] = find_ringing(line, values["start"])
    if values["start"] is None:
        after = _after_direct_wave(line)
        values["start"] = round(float(axis[axis.size // 3]) if after is None else after, 4)
    if values["frequencies"] and axis[-1] - values["start"] < 8 * model.sampling_interval(line):
        msg = (
            f"deringing: no ringing can be told in a line that ends at {axis[-1]:.4g} ns, since only times after start, "
            f"{values['start']:.4g} ns, count (usually the end of the direct wave). Give an earlier start in ns."
        )
        raise ParameterError(msg)
    if values["width"] is None:
        # what two thirds of the trace can resolve under a Hann window
        values["width"] = round(4.0 * 1500.0 / float(axis[-1] - axis[0]), 3)
    if not all(0 < f < nyquist for f in values["frequencies"]) or not values["width"] > 0:
        msg = (
            f"deringing: frequencies ({values['frequencies']} MHz) must lie between 0 and {nyquist:g} MHz, width "
            f"({values['width']} MHz) be positive."
        )
        raise ParameterError(msg)
    return values | {"traces": _arrays.window_traces(line, values, "deringing", 5.0)}


@step(cut="halo", halo=lambda line, values: int(values["traces"]) // 2, resolve=_rings, measures=("frequencies",))
def deringing(
    line: xr.Dataset,
    frequencies: list[Frequency] | None = None,
    width: Frequency | None = None,
    window: Length | None = None,
    traces: int | None = None,
    start: Time | None = None,
) -> xr.Dataset:
    """Remove the ringing of an antenna: of its narrow bands, what neighbouring traces share.

    ``y = x - mean over traces of B x``, with zero-phase Gaussian bands B around the frequencies and the mean in a window
    that moves along the line: a background removal confined to the ringing, which leaves flat layers their other
    frequencies (a notch at zero wavenumber in the f-k domain; Kim, Cho and Yi 2007, Geosciences Journal 11, 75). Only
    times after `start` count and change: a narrow band spreads the direct wave, which is much stronger than the ringing,
    over its surroundings. The bands are taken from what is left by normalised convolution (Knutsson and Westin 1993,
    Proc. IEEE CVPR, 515), so that they are not weaker at its ends.

    Parameters
    ----------
    line : xarray.Dataset
        A line over ``twt``, time zero and DC corrected.
    frequencies : list of float or str, optional
        In MHz. Found on the line where not given, see `find_ringing`; none found, nothing is done.
    width : float or str, optional
        Full width of the bands at half their height in MHz. Default: what the trace resolves.
    window : float or str, optional
        Width of the moving window in m, 5 m unless told otherwise.
    traces : int, optional
        The same in traces, instead of `window`; with both, it serves lines without distances.
    start : float or str, optional
        Time in ns before which nothing is changed: 2.5 periods of the antenna after the direct wave where not given, or
        a third of the trace if the antenna is not known.

    Returns
    -------
    xarray.Dataset
        The line, float32. Dead traces and samples that are not finite stay as they are and do not count.

    Raises
    ------
    MissingPositionError
        If a window in m is needed but the line has no distances.
    ParameterError
        If a frequency lies beyond half the sampling rate, the window is too small, or nothing lies after `start`.
    """
    if not frequencies:
        return model.with_amplitude(line, model.amplitude(line))
    length = _spectral.fast_length(line.sizes[names.TWT] * 3 // 2)
    axis = _spectral.frequencies(length, model.sampling_interval(line))
    deviation = float(width or 1.0) / 2.3548
    bands = np.exp(-0.5 * ((axis[:, None] - np.asarray(frequencies)) / deviation) ** 2).max(axis=1)
    ringing = _bands(line, bands, _weights(line[names.TWT].values, start or 0.0, max(frequencies)), deviation, length)
    # what is left of the band after its sliding mean, less the band, is minus that mean; dead traces are alike in both
    varying = background.__wrapped__(ringing, method="sliding_mean", traces=int(traces or 3))  # type: ignore[attr-defined]
    change = varying[names.AMPLITUDE].values
    with np.errstate(invalid="ignore"):  # infinite samples are put back below
        change -= ringing[names.AMPLITUDE].values
    del ringing, varying
    source = _arrays.rows(model.amplitude(line))
    result = _arrays.rows(change)
    for block in _arrays.blocks(*source.shape):
        known = np.isfinite(source[block])
        np.add(result[block], source[block], out=result[block], where=known)
        np.copyto(result[block], source[block], where=~known)
    return model.with_amplitude(line, change)


def _weights(axis: np.ndarray, start: float, frequency: float) -> np.ndarray:
    """Return 0 up to `start`, 1 from one period of `frequency` (MHz) after it on, half a cosine between."""
    return 0.5 - 0.5 * np.cos(np.pi * np.clip((axis - start) * frequency / 1000.0, 0.0, 1.0))


def _bands(line: xr.Dataset, bands: np.ndarray, weights: np.ndarray, deviation: float, length: int) -> xr.Dataset:
    """Return the line with ``w B (w x) / (G w)``: its bands B (transform of `length`) as the samples of weight w give them.

    G is the low pass as wide as a band (`deviation` in MHz). A wave at the middle of a band keeps its amplitude even at
    the ends of the weights, since ``B (w cos)`` is ``(G w) cos``.
    """
    axis = _spectral.frequencies(length, model.sampling_interval(line))
    low = fft.irfft(fft.rfft(weights, length) * np.exp(-0.5 * (axis / deviation) ** 2), length)[: weights.size]
    restore = np.where(weights > 0, weights / np.maximum(low, 1e-3), 0.0).astype("float32")
    before, factor = weights.astype("float32"), bands.astype("float32")

    def change(traces: np.ndarray, rows: slice) -> np.ndarray:
        spectrum = fft.rfft(traces * before, length, workers=threads())
        spectrum *= factor
        return fft.irfft(spectrum, length, workers=threads())[:, : traces.shape[1]] * restore

    return _spectral.per_block(line, change)

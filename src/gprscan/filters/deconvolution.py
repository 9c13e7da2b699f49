"""Deconvolution and whitening: shorter wavelets, fewer multiples."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import xarray as xr
from scipy import fft, linalg, ndimage

from gprscan import model, names
from gprscan.errors import ParameterError
from gprscan.filters import _arrays, _spectral
from gprscan.filters.bands import butterworth_gain
from gprscan.kernels import sparse
from gprscan.steps import Frequency, Time, step


def _design_traces(line: xr.Dataset) -> list[np.ndarray]:
    """Return the live traces of each channel among those sampled, float32."""
    profiles = _arrays.sampled(line)
    states = _arrays.states(profiles)
    return [profile[state == 1] for profile, state in zip(profiles, states, strict=True)]


def autocorrelation(traces: np.ndarray, lags: int) -> np.ndarray:
    """Return the mean autocorrelation of traces at the lags 0 to ``lags - 1``, 1 at lag 0; zeros for no traces.

    Parameters
    ----------
    traces : ndarray, shape (traces, samples)
    lags : int
    """
    if not traces.size:
        return np.zeros(lags)
    length = _spectral.fast_length(traces.shape[1] + lags)
    power = np.zeros(length // 2 + 1)
    for block in _arrays.blocks(*traces.shape):
        power += np.square(np.abs(fft.rfft(traces[block], length)), dtype="float64").sum(axis=0)
    correlation = fft.irfft(power, length)[:lags]
    return correlation / correlation[0] if correlation[0] > 0 else np.zeros(lags)


def estimate_wavelet(line: xr.Dataset, length: float, kind: Literal["zero", "minimum"] = "zero") -> xr.DataArray:
    """Estimate the wavelet of a line from its mean spectrum, under the assumption that its reflections are random.

    Parameters
    ----------
    line : xarray.Dataset
        A line over ``twt``.
    length : float
        Length of the wavelet in ns.
    kind : {"zero", "minimum"}
        ``zero``: symmetric about time 0. ``minimum``: causal, its energy as early as the spectrum allows, by the folded
        cepstrum (Kolmogorov; Oppenheim and Schafer, Discrete-Time Signal Processing, 3rd ed., section 13.7).

    Returns
    -------
    xarray.DataArray
        Over ``twt`` in ns, with an odd number of samples and time 0 in the middle; largest magnitude 1.

    Raises
    ------
    ParameterError
        If `length` is shorter than 3 samples, or no trace is alive.
    """
    model.require_line(line, axis=names.TWT)
    interval = model.sampling_interval(line)
    half = _arrays.half_window(length, interval)
    if half < 1:
        msg = f"estimate_wavelet: length is {length} ns; it must hold at least 3 samples of {interval:.3g} ns."
        raise ParameterError(msg)
    traces = np.concatenate(_design_traces(line))
    correlation = autocorrelation(traces, min(2 * half + 1, line.sizes[names.TWT]))
    if not correlation[0] > 0:
        msg = "estimate_wavelet: no live trace without gaps was found."
        raise ParameterError(msg)
    # the autocorrelation under a taper is the power spectrum smoothed to the length of the wavelet
    tapered = correlation * 0.5 * (1.0 + np.cos(np.pi * np.arange(correlation.size) / correlation.size))
    size = 8 * fft.next_fast_len(2 * half + 1)
    two_sided = np.zeros(size)
    two_sided[: tapered.size] = tapered
    two_sided[-tapered.size + 1 :] = tapered[:0:-1]
    magnitude = np.sqrt(np.maximum(fft.fft(two_sided).real, 1e-6 * np.abs(tapered).max()))
    if kind == "zero":
        wavelet = np.roll(fft.ifft(magnitude).real, half)[: 2 * half + 1] * np.hanning(2 * half + 3)[1:-1]
    else:
        cepstrum = fft.ifft(np.log(magnitude)).real
        cepstrum[1 : size // 2] *= 2.0
        cepstrum[size // 2 + 1 :] = 0.0
        causal = fft.ifft(np.exp(fft.fft(cepstrum))).real[: half + 1]
        wavelet = np.concatenate([np.zeros(half), causal])
    time = np.arange(-half, half + 1) * interval
    return xr.DataArray(wavelet / np.abs(wavelet).max(), {names.TWT: (names.TWT, time, {"units": "ns"})}, names.TWT)


def _operators(line: xr.Dataset, values: dict[str, Any]) -> dict[str, Any]:
    model.require_line(line, axis=names.TWT)
    interval = model.sampling_interval(line)
    if values["operator"] is not None:
        return values
    if values["length"] is None:
        values["length"] = _arrays.periods(line, "deconvolve", 2.0, "length")
    taps = round(values["length"] / interval)
    lags = line.sizes[names.TWT] // 2
    correlations = [autocorrelation(traces, lags) for traces in _design_traces(line)]
    if values["method"] == "spiking":
        values["gap"] = interval
    elif values["gap"] is None:
        values["gap"] = interval * _second_zero(np.mean(correlations, axis=0))
    gap = round(values["gap"] / interval)
    if taps < 1 or gap < 1 or taps + gap > lags or not values["prewhitening"] >= 0:
        msg = (
            f"deconvolve: length ({values['length']:.4g} ns) and gap ({values['gap']:.4g} ns) must be at least one "
            f"sample "
            f"and together at most half a trace, {lags * interval:.4g} ns; prewhitening must not be negative."
        )
        raise ParameterError(msg)
    operators = [_prediction_error(c, taps, gap, values["prewhitening"]).tolist() for c in correlations]
    return values | {"operator": operators}


def _second_zero(correlation: np.ndarray) -> int:
    """Return the lag of the second change of sign: the wavelet itself is not to be predicted, only what repeats it."""
    changes = np.flatnonzero(np.signbit(correlation[1:]) != np.signbit(correlation[:-1])) + 1
    return int(changes[1]) if changes.size > 1 else 1


def _prediction_error(correlation: np.ndarray, taps: int, gap: int, prewhitening: float) -> np.ndarray:
    """Return the filter (1, 0, ..., 0, -p), with p that predicts a trace `gap` samples ahead (Robinson and Treitel)."""
    error = np.zeros(gap + taps)
    error[0] = 1.0
    if correlation[0] > 0:
        column = correlation[:taps].copy()
        column[0] *= 1.0 + prewhitening
        error[gap:] = -linalg.solve_toeplitz(column, correlation[gap : gap + taps])
    return error.round(8)


@step(cut="twt", resolve=_operators, measures=("operator",))
def deconvolve(
    line: xr.Dataset,
    method: Literal["spiking", "predictive"] = "predictive",
    length: Time | None = None,
    gap: Time | None = None,
    prewhitening: float = 0.01,
    operator: list[list[float]] | None = None,
) -> xr.Dataset:
    """Subtract from each trace what can be predicted from its past: ringing, multiples, the tail of the wavelet.

    The prediction filter p solves ``sum over j of (R(i - j) + prewhitening R(0) d(i - j)) p(j) = R(i + gap)`` with the
    mean autocorrelation R of the channel (Robinson and Treitel 1980, Geophysical Signal Analysis, chapter 6).

    Parameters
    ----------
    line : xarray.Dataset
        A line over ``twt``.
    method : {"spiking", "predictive"}
        ``spiking``: a gap of one sample, which shortens the wavelet as far as it will go, and the noise grows.
        ``predictive``: a longer gap, which leaves the wavelet as it is up to the gap.
    length : float or str, optional
        Length of the prediction filter in ns. Default: 2 periods of the antenna.
    gap : float or str, optional
        Distance in ns over which to predict. Default: the second zero crossing of the autocorrelation.
    prewhitening : float
        Share of white noise that is assumed, which keeps the filter tame.
    operator : list of list of float, optional
        The filters, one per channel, in place of the above; provenance records them.

    Returns
    -------
    xarray.Dataset
        The line, float32. Dead traces and samples that are not finite stay as they are; gaps count as zeros.

    Raises
    ------
    ParameterError
        If the lengths do not fit the trace, or the antenna's frequency is needed and not known.
    """
    n = line.sizes[names.TWT]
    filters = [np.asarray(row, dtype="float64") for row in operator or []]
    n_channels = line.sizes.get(names.CHANNEL, 1)
    if len(filters) not in (1, n_channels):
        msg = f"deconvolve: {len(filters)} operators were given for {n_channels} channels."
        raise ParameterError(msg)
    size = _spectral.fast_length(n + max(f.size for f in filters))
    responses = np.stack([fft.rfft(f, size) for f in filters])
    if len(filters) == 1:
        return _spectral.multiply(line, responses[0], size)
    return _spectral.multiply(line, responses, size, per_channel=True)


def _spectrum(line: xr.Dataset, values: dict[str, Any]) -> dict[str, Any]:
    model.require_line(line, axis=names.TWT)
    interval = model.sampling_interval(line)
    nyquist = 500.0 / interval
    if values["low"] is None or values["high"] is None:
        low, high = _arrays.band(line, "whiten", 0.4, 2.0)
        values["low"] = low if values["low"] is None else values["low"]
        values["high"] = min(high, 0.9 * nyquist) if values["high"] is None else values["high"]
    if not 0 < values["low"] < values["high"] < nyquist or not values["stabilization"] > 0:
        msg = (
            f"whiten: low ({values['low']:g}) and high ({values['high']:g}) must lie between 0 and {nyquist:g} MHz, "
            f"and "
            f"stabilization ({values['stabilization']:g}) be positive."
        )
        raise ParameterError(msg)
    if values["smoothing"] is None:
        values["smoothing"] = 0.1 * (values["high"] - values["low"])
    if values["gain"] is None:
        values["gain"] = _whitening(line, values)
    if not values["gain"] or np.any(np.diff([frequency for frequency, _ in values["gain"]]) <= 0):
        msg = "whiten: gain must be pairs (frequency in MHz, factor) with growing frequencies."
        raise ParameterError(msg)
    return values


def _whitening(line: xr.Dataset, values: dict[str, Any]) -> list[tuple[float, float]]:
    interval = model.sampling_interval(line)
    traces = np.concatenate(_design_traces(line))
    length = _spectral.fast_length(2 * line.sizes[names.TWT])
    power = np.zeros(length // 2 + 1)
    for block in _arrays.blocks(*traces.shape):
        power += np.square(np.abs(fft.rfft(traces[block], length)), dtype="float64").sum(axis=0)
    frequency = _spectral.frequencies(length, interval)
    width = max(1, round(values["smoothing"] / frequency[1]))
    level = ndimage.uniform_filter1d(np.sqrt(power), width, mode="nearest")
    knots = np.linspace(values["low"], values["high"], 65)
    inside = (frequency >= values["low"]) & (frequency <= values["high"])
    if not level.max() > 0 or not inside.any():
        return [(float(k), 1.0) for k in knots]
    gain = 1.0 / (level + values["stabilization"] * level[inside].max())
    # the energy in the band stays what it was
    gain *= np.sqrt(power[inside].sum() / np.maximum((power[inside] * gain[inside] ** 2).sum(), 1e-300))
    return [
        (round(float(k), 4), float(f"{g:.6g}")) for k, g in zip(knots, np.interp(knots, frequency, gain), strict=True)
    ]


@step(cut="twt", resolve=_spectrum, measures=("gain",))
def whiten(
    line: xr.Dataset,
    low: Frequency | None = None,
    high: Frequency | None = None,
    smoothing: Frequency | None = None,
    stabilization: float = 0.05,
    gain: list[tuple[float, float]] | None = None,
) -> xr.Dataset:
    """Make all frequencies of a band equally strong on average, without moving anything in time (zero phase).

    ``Y(f) = X(f) B(f) / (S(f) + stabilization max S)`` with the smoothed RMS spectrum S of the line and a Butterworth
    band B; the energy in the band stays what it was (Yilmaz 2001, Seismic Data Analysis, section 2.6).

    Parameters
    ----------
    line : xarray.Dataset
        A line over ``twt``.
    low, high : float or str, optional
        The band in MHz. Default: 0.4 and 2 times the antenna's frequency.
    smoothing : float or str, optional
        Width in MHz over which the spectrum is smoothed. Default: a tenth of the band.
    stabilization : float
        Share of the largest amplitude below which frequencies are no longer raised.
    gain : list of (float, float), optional
        The gain as (frequency in MHz, factor), straight in between, instead of measuring; provenance records it.

    Returns
    -------
    xarray.Dataset
        The line, float32. Dead traces and samples that are not finite stay as they are; gaps count as zeros.

    Raises
    ------
    ParameterError
        If the band is impossible, neither it nor the antenna's frequency is known, or the gain does not grow in
        frequency.
    """
    interval = model.sampling_interval(line)
    n = line.sizes[names.TWT]
    length = _spectral.fast_length(n + n // 2)
    frequency = _spectral.frequencies(length, interval)
    knots, factors = np.array(gain).T
    band = butterworth_gain(frequency, low, high, 4, 500.0 / interval)
    return _spectral.multiply(line, band * np.interp(frequency, knots, factors), length)


def _wavelet(line: xr.Dataset, values: dict[str, Any]) -> dict[str, Any]:
    model.require_line(line, axis=names.TWT)
    if not 0 < values["weight"] < 1 or values["iterations"] < 1:
        msg = f"deconvolve_sparse: weight ({values['weight']}) must be between 0 and 1, iterations at least 1."
        raise ParameterError(msg)
    if values["wavelet"] is None:
        length = _arrays.periods(line, "deconvolve_sparse", 3.0, "wavelet")
        values["wavelet"] = estimate_wavelet(line, length).values.round(7).tolist()
    if not any(values["wavelet"]):
        msg = "deconvolve_sparse: the wavelet is empty or all zeros."
        raise ParameterError(msg)
    return values


@step(cut="twt", resolve=_wavelet, measures=("wavelet",))
def deconvolve_sparse(
    line: xr.Dataset,
    wavelet: list[float] | None = None,
    weight: float = 0.05,
    iterations: int = 100,
) -> xr.Dataset:
    """Replace each trace by the few spikes that, with the wavelet on each, explain it.

    Minimises ``1/2 |w * r - x|^2 + weight max|w^T x| sum |r|`` by FISTA (Beck and Teboulle 2009, SIAM J. Imaging
    Sciences 2, 183).

    Parameters
    ----------
    line : xarray.Dataset
        A line over ``twt``.
    wavelet : list of float, optional
        Samples of the wavelet, its time 0 in the middle. Default: the zero-phase wavelet of the line's spectrum, 3
        periods of the antenna long; see `estimate_wavelet`.
    weight : float
        Spikes weaker than about this share of the strongest one of the trace are left out.
    iterations : int
        Steps of the descent.

    Returns
    -------
    xarray.Dataset
        The line with the spikes as its amplitude, float32. Dead traces and samples that are not finite stay as they
        are; gaps count as zeros.

    Raises
    ------
    ParameterError
        If the wavelet is empty, or a number is out of its range.
    """
    taps = np.asarray(wavelet, dtype="float32")
    taps = np.append(taps, np.float32(0.0)) if taps.size % 2 == 0 else taps
    largest = float(np.abs(fft.rfft(taps, 8 * taps.size)).max())
    pair = (sparse.sparse_spikes_serial, sparse.sparse_spikes_parallel)

    def change(traces: np.ndarray, rows: slice) -> np.ndarray:
        spikes = np.empty_like(traces)
        _arrays.run(*pair, traces, spikes, taps, np.float32(weight), np.float32(0.98 / largest**2), iterations)
        return spikes

    return _spectral.per_block(line, change)

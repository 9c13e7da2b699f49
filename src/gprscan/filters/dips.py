"""Filters in frequency and wavenumber: by dip."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import numpy as np
import xarray as xr
from scipy import fft

from gprscan import model, names
from gprscan.errors import ParameterError
from gprscan.filters import _arrays, _spectral
from gprscan.kernels.jit import threads
from gprscan.steps import step


def fan_gain(
    wavenumber: np.ndarray, frequency: np.ndarray, low: float, high: float, taper: float, side: str
) -> np.ndarray:
    """Return the gain of a fan in the f-k plane: 1 for dips from `low` to `high`, with cosine flanks.

    Parameters
    ----------
    wavenumber : ndarray, shape (n_k,)
        Cycles per m.
    frequency : ndarray, shape (n_f,)
        Cycles per ns, not negative.
    low, high : float
        Dips ``|k / f|`` in ns per m.
    taper : float
        Width of the flanks as a share of `low` or `high`, outside the fan.
    side : {"both", "down", "up"}
        Dips that go later along the line (down), earlier (up), or both.

    Returns
    -------
    ndarray of float32, shape (n_k, n_f)
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        # an event t = p x transforms to k = -p f
        dip = np.where(frequency > 0, -wavenumber[:, None] / frequency, np.sign(-wavenumber[:, None]) * np.inf)
    size = np.nan_to_num(np.abs(dip), nan=0.0, posinf=np.inf)
    inner, outer = low * (1.0 - taper), high * (1.0 + taper)
    rise = np.ones_like(size) if low <= 0 else np.clip((size - inner) / max(low - inner, 1e-12), 0.0, 1.0)
    fall = np.ones_like(size) if not np.isfinite(high) else np.clip((outer - size) / max(outer - high, 1e-12), 0.0, 1.0)
    gain = 0.25 * (1.0 - np.cos(np.pi * rise)) * (1.0 - np.cos(np.pi * fall))
    if side != "both":
        # level events belong to neither side: half to each
        wanted = dip > 0 if side == "down" else dip < 0
        gain = gain * np.where(wavenumber[:, None] == 0, 0.5, wanted)
    return gain.astype("float32")


def _dips(line: xr.Dataset, values: dict[str, Any]) -> dict[str, Any]:
    model.require_line(line, axis=names.TWT)
    low, high = values["low"], values["high"]
    if low is None and high is None:
        msg = "dip_filter: give low, high or both, in ns per m (an event of velocity v has the dip 2 / v at most)."
        raise ParameterError(msg)
    if not 0 <= (low or 0.0) < (np.inf if high is None else high) or not 0 <= values["taper"] < 1:
        msg = (
            f"dip_filter: 0 <= low ({low}) < high ({high}) ns per m and 0 <= taper ({values['taper']}) < 1 are needed."
        )
        raise ParameterError(msg)
    if line.sizes[names.TRACE] < 2:
        msg = "dip_filter: the line has one trace, and a dip needs at least 2."
        raise ParameterError(msg)
    model.regular_spacing(line)
    return values


@step(cut="whole_line", resolve=_dips)
def dip_filter(
    line: xr.Dataset,
    low: float | None = None,
    high: float | None = None,
    keep: bool = True,
    side: Literal["both", "down", "up"] = "both",
    taper: float = 0.3,
) -> xr.Dataset:
    """Keep or remove events by their dip, in the f-k domain (fan filter).

    ``Y(f, k) = X(f, k) G(|k / f|)`` (Embree, Burg and Backus 1963, Geophysics 28, 948). Level layers and antenna
    ringing have dip 0; diffractions in a ground of velocity v dip by up to 2 / v; what dips more, up to 6.7 ns per m,
    has come through the air.

    Parameters
    ----------
    line : xarray.Dataset
        A line over ``twt`` with regular distances; see `regularize`.
    low, high : float, optional
        Range of dips in ns per m, without sign. None: no limit on this side.
    keep : bool
        Keep the range, or remove it.
    side : {"both", "down", "up"}
        Only events that go later along the line (down) or earlier (up).
    taper : float
        Width of the flanks of the fan, as a share of its limits.

    Returns
    -------
    xarray.Dataset
        The line, float32. Dead traces and samples that are not finite stay as they are; they count as zeros.

    Raises
    ------
    ParameterError
        If the range is empty.
    MissingPositionError
        If the line has no distances, or they are irregular.
    """
    source, target = _arrays.buffers(line)
    profiles, results = _arrays.channels(source), _arrays.channels(target)
    states = _arrays.states(profiles)
    interval, spacing = model.sampling_interval(line), model.regular_spacing(line)
    limits = (float(low or 0.0), np.inf if high is None else float(high))

    def gain(wavenumber: np.ndarray, frequency: np.ndarray) -> np.ndarray:
        fan = fan_gain(wavenumber / spacing, frequency / interval, *limits, taper, side)
        return fan if keep else 1.0 - fan

    for profile, result, state in zip(profiles, results, states, strict=True):
        _filter_profile(profile, result, state, gain)
    return model.with_amplitude(line, target)


def _filter_profile(
    profile: np.ndarray, result: np.ndarray, state: np.ndarray, gain: Callable[[np.ndarray, np.ndarray], np.ndarray]
) -> None:
    """Multiply the f-k spectrum of one channel; one axis at a time and in blocks, so that it is in memory only once."""
    n_traces, n = profile.shape
    # wrap-around reaches this far only for events steeper than any diffraction
    rows, length = _spectral.fast_length(n_traces + max(16, n_traces // 16)), _spectral.fast_length(n + n // 16)
    spectrum = np.zeros((rows, length // 2 + 1), dtype="complex64")
    for block in _arrays.blocks(n_traces, n):
        part = profile[block]
        spectrum[block] = fft.rfft(np.where(np.isfinite(part), part, np.float32(0.0)), length, workers=threads())
    wavenumber, frequency = fft.fftfreq(rows), fft.rfftfreq(length)
    for columns in _arrays.blocks(frequency.size, rows):
        part = fft.fft(spectrum[:, columns], axis=0, workers=threads())
        part *= gain(wavenumber, frequency[columns])
        spectrum[:, columns] = fft.ifft(part, axis=0, overwrite_x=True, workers=threads())
    for block in _arrays.blocks(n_traces, n):
        filtered = fft.irfft(spectrum[block], length, workers=threads())[:, :n]
        part = profile[block]
        result[block] = np.where(np.isfinite(part) & (state[block] != 0)[:, None], filtered, part)

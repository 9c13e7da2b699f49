"""The tau-p domain: events by their slope, in windows along the line."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr
from scipy import fft

from gprscan import model, names
from gprscan.errors import ParameterError
from gprscan.filters import _arrays, _spectral
from gprscan.kernels.jit import threads
from gprscan.steps import step


def tau_p(line: xr.Dataset, slopes: Any, first: int = 0, traces: int | None = None, channel: int = 0) -> xr.DataArray:
    """Slant-stack a range of traces.

    ``S(p, tau) = 1/N sum over x of u(x, tau + p x)``, x from the middle of the range (Diebold and Stoffa 1981,
    Geophysics 46, 238), between samples by a linear phase in frequency.

    Parameters
    ----------
    line : xarray.Dataset
        A line over ``twt`` with regular distances.
    slopes : array_like
        Slopes p in ns per m, positive where events go later along the line.
    first, traces : int
        The range; to the end of the line where `traces` is not given.
    channel : int
        Which one.

    Returns
    -------
    xarray.DataArray
        Over (slope in ns per m, twt in ns).

    Raises
    ------
    MissingPositionError
        If the line has no distances, or irregular ones.
    ParameterError
        If the range has no two live traces, or there is no such channel.
    """
    model.require_line(line, axis=names.TWT)
    profiles = _arrays.channels(line[names.AMPLITUDE].values)
    if not -len(profiles) <= channel < len(profiles):
        msg = f"tau_p: there is no channel {channel}; the line has {len(profiles)}."
        raise ParameterError(msg)
    part = profiles[channel][first : None if traces is None else first + traces].astype("float32")
    live = _arrays.states(part) != 0
    if live.sum() < 2:
        msg = f"tau_p: {part.shape[0]} traces from {first} on, {int(live.sum())} of them live; 2 are needed."
        raise ParameterError(msg)
    filled = np.where(np.isfinite(part) & live[:, None], part, np.float32(0.0))
    n = filled.shape[1]
    length = _spectral.fast_length(2 * n)
    spectrum = fft.rfft(filled, length, workers=threads())
    p = np.atleast_1d(np.asarray(slopes, dtype="float64"))
    cycles = fft.rfftfreq(length, model.sampling_interval(line))
    away = (np.arange(len(part)) - 0.5 * (len(part) - 1)) * model.regular_spacing(line)
    stacked = np.empty((p.size, cycles.size), dtype="complex64")
    for row, slope in enumerate(p):
        stacked[row] = (spectrum * np.exp(2j * np.pi * np.outer(away * slope, cycles))).sum(axis=0) / live.sum()
    picture = fft.irfft(stacked, length, workers=threads())[:, :n].astype("float32")
    coords = {"slope": ("slope", p, {"units": "ns/m"}), names.TWT: line[names.TWT]}
    return xr.DataArray(picture, coords, ("slope", names.TWT), "tau_p")


def slope_projector(
    cycles: np.ndarray, places: np.ndarray, slopes: np.ndarray, wanted: np.ndarray, damping: float
) -> np.ndarray:
    """Return, for each frequency, the matrix that takes out of a window of traces the events of the wanted slopes.

    ``P = A W (A^H A + damping N I)^-1 A^H`` with the plane waves ``A(x, p) = exp(-2 pi i f p x)`` of all slopes and the
    mute W: the least-squares slant stack and its way back (Hampson 1986, J. Can. Soc. Expl. Geoph. 22, 44).

    Parameters
    ----------
    cycles : ndarray, shape (n_f,)
        Frequencies in cycles per ns.
    places : ndarray, shape (n_x,)
        Of the traces, m.
    slopes : ndarray, shape (n_p,)
        ns per m.
    wanted : ndarray of bool, shape (n_p,)
    damping : float
        Of the least squares, as a share of the number of traces.

    Returns
    -------
    ndarray of complex64, shape (n_f, n_x, n_x)
    """
    operator = np.exp(-2j * np.pi * cycles[:, None, None] * (places[:, None] * slopes))
    adjoint = operator.conj().swapaxes(1, 2)
    # the same in the smaller of the two spaces: A W A^H (A A^H + damping N I)^-1
    square = operator @ adjoint + damping * slopes.size * np.eye(places.size)
    chosen = (operator * wanted) @ adjoint
    return np.linalg.solve(square.swapaxes(1, 2), chosen.swapaxes(1, 2)).swapaxes(1, 2).astype("complex64")


def _slopes(line: xr.Dataset, values: dict[str, Any]) -> dict[str, Any]:
    model.require_line(line, axis=names.TWT)
    if line.sizes[names.TRACE] < 2:
        msg = "tau_p_filter: the line has one trace, and a slope needs at least 2."
        raise ParameterError(msg)
    spacing = model.regular_spacing(line)
    if values["steepest"] is None:
        # two samples of 10 cm/ns ground at grazing angle: no diffraction in the ground is steeper
        values["steepest"] = max(20.0, 1.5 * abs(values["high"]))
    if not (values["low"] < values["high"] <= values["steepest"] and -values["steepest"] <= values["low"]):
        msg = (
            f"tau_p_filter: -steepest <= low ({values['low']}) < high ({values['high']}) <= steepest "
            f"({values['steepest']}) ns per m are needed."
        )
        raise ParameterError(msg)
    if values["traces"] is None:
        values["traces"] = 2 * max(4, round(0.5 / spacing)) + 1
    if not 5 <= values["traces"] <= 201 or not 0 < values["damping"] < 1:
        msg = f"tau_p_filter: traces ({values['traces']}) must be 5 to 201, damping ({values['damping']}) 0 to 1."
        raise ParameterError(msg)
    return values


@step(cut="whole_line", resolve=_slopes)
def tau_p_filter(
    line: xr.Dataset,
    low: float,
    high: float,
    keep: bool = True,
    traces: int | None = None,
    steepest: float | None = None,
    damping: float = 0.01,
) -> xr.Dataset:
    """Keep or remove events by their slope, where they are: by a slant stack and its way back in short windows.

    ``y = A W (A^H A + damping N I)^-1 A^H x`` per frequency (Hampson 1986, J. Can. Soc. Expl. Geoph. 22, 44). Unlike
    `dip_filter`, which looks at the whole line, an event counts with the slope it has within a window (see
    `slope_projector`); windows overlap by half under a Hann taper. Slopes have a sign: the flanks of a diffraction go to
    different sides.

    Parameters
    ----------
    line : xarray.Dataset
        A line over ``twt`` with regular distances; see `regularize`.
    low, high : float
        Range of slopes in ns per m, positive where events go later along the line.
    keep : bool
        Keep the range, or remove it.
    traces : int, optional
        Length of the windows, odd. Default: 1 m, at least 9 traces.
    steepest : float, optional
        Largest slope that is told from others in ns per m: 20, and 1.5 times `high` at least.
    damping : float
        Of the least squares: larger is tamer and less exact.

    Returns
    -------
    xarray.Dataset
        The line, float32. Dead traces and samples that are not finite stay as they are; they count as zeros.

    Raises
    ------
    MissingPositionError
        If the line has no distances, or irregular ones.
    ParameterError
        If the range is empty, or a parameter out of its own.
    """
    source, target = _arrays.buffers(line, separate=True)
    interval, spacing = model.sampling_interval(line), model.regular_spacing(line)
    n = source.shape[-1]
    half = int(traces or 9) // 2
    length = _spectral.fast_length(n + n // 4)
    # slopes a quarter of a period apart at the end of a window, at the highest frequency
    top = 0.5 / interval
    count = 2 * int(np.ceil(float(steepest or 20.0) * half * spacing * top * 2.0)) + 1
    slopes = np.linspace(-float(steepest or 20.0), float(steepest or 20.0), min(count, 401))
    places = np.arange(-half, half + 1) * spacing
    wanted = (slopes >= low) & (slopes <= high)
    projector = slope_projector(fft.rfftfreq(length, interval), places, slopes, wanted, damping)
    taper = (0.5 + 0.5 * np.cos(np.pi * np.arange(-half, half + 1) / (half + 1))).astype("float32")
    states = _arrays.states(_arrays.channels(source))
    for profile, result, state in zip(_arrays.channels(source), _arrays.channels(target), states, strict=True):
        _windows(profile, result, state, projector, taper, length)
        if not keep:
            np.subtract(profile, result, out=result)
        for block in _arrays.blocks(*profile.shape):
            kept = np.isfinite(profile[block]) & (state[block] != 0)[:, None]
            np.copyto(result[block], profile[block], where=~kept)
    return model.with_amplitude(line, target)


def _windows(
    profile: np.ndarray, result: np.ndarray, state: np.ndarray, projector: np.ndarray, taper: np.ndarray, length: int
) -> None:
    """Add up the projected windows of one channel; traces beyond its ends count as copies of the last ones."""
    n_traces, n = profile.shape
    half = taper.size // 2
    result[:] = 0.0
    total = np.zeros(n_traces, dtype="float32")
    for middle in range(0, n_traces + half, half + 1):
        index = np.arange(middle - half, middle + half + 1)
        inside = (index >= 0) & (index < n_traces)
        part = profile[np.clip(index, 0, n_traces - 1)]
        part[~np.isfinite(part)] = 0.0
        part[state[np.clip(index, 0, n_traces - 1)] == 0] = 0.0
        spectrum = fft.rfft(part, length, axis=1, workers=threads())
        # one small product per frequency
        filtered = np.matmul(projector, spectrum.T[:, :, None])[:, :, 0].T
        back = fft.irfft(filtered, length, axis=1, workers=threads())[:, :n]
        rows = index[inside]
        result[rows] += taper[inside, None] * back[inside]
        total[rows] += taper[inside]
    result /= np.maximum(total, np.float32(1e-6))[:, None]

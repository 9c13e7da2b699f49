"""Thickness of the bound layer along a line, from its early waveform."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from gprscan import model, names
from gprscan.errors import ParameterError
from gprscan.velocity.waveform import PavementFit, fit_pavement

LEAST_TRACES = 3
REFITS = 4  # windows for each fit from scratch that is allowed for


def pavement(line: xr.Dataset, window: float = 5.0, *, frequency: float | None = None) -> xr.Dataset:
    """Track the base of the asphalt (or of a slab): its depth and the layer's permittivity, with uncertainty.

    The median trace of a window along the line is explained by flat layers (see `gprscan.velocity.fit_pavement`), and
    that of the next starting from there; from scratch again where that fails.

    Parameters
    ----------
    line : xarray.Dataset
        A line over ``twt`` of a ground-coupled antenna, time zero applied; no gain, no background taken out.
    window : float
        Length of the windows in m.
    frequency : float, optional
        Nominal centre frequency in MHz, where the line does not have it.

    Returns
    -------
    xarray.Dataset
        ``thickness`` and ``sigma_thickness`` (m), ``permittivity``, ``sigma_permittivity`` and ``misfit`` over
        ([channel,] trace); NaN where layers do not explain the waveform.

    Raises
    ------
    MissingPositionError
        If the line has no distances.
    ParameterError
        If the window is not positive, or frequency or separation of the antennas are not known.
    """
    model.require_line(line, axis=names.TWT)
    if not window > 0:
        msg = f"pavement: window is {window} m; it must be positive."
        raise ParameterError(msg)
    known = frequency if frequency is not None else model.centre_frequency(line)
    separation = model.antenna_separation(line)
    if not known or not separation > 0:
        msg = "pavement: frequency and separation of the antennas must be known: gprscan.read(path, separation=0.14)."
        raise ParameterError(msg)
    height = float(line.attrs.get(names.ANTENNA_HEIGHT, 0.0) or 0.0)
    width = max(LEAST_TRACES, round(window / model.trace_spacing(line)))
    amplitude = line[names.AMPLITUDE]
    profiles = amplitude.values.reshape(-1, *amplitude.shape[-2:])
    found = np.full((5, *profiles.shape[:2]), np.nan)
    times = line[names.TWT].values
    for i, profile in enumerate(profiles):
        first: PavementFit | None = None
        tries = 1 + profile.shape[0] // (REFITS * width)
        for start in range(0, profile.shape[0], width):
            # the last window reaches back, so that it is as long as the others
            low = max(0, min(start, profile.shape[0] - width))
            trace = typical_trace(profile[low : start + width])
            if trace is None:
                continue
            antenna: dict[str, Any] = {"frequency": known, "separation": separation, "height": height}
            fit = None if first is None else fit_pavement(trace, times, **antenna, near=first)
            if (fit is None or not fit.usable) and tries > 0:
                tries -= 1
                fit = fit_pavement(trace, times, **antenna)
                first = fit if fit.usable else first
            if fit is not None:
                found[:, i, start : start + width] = _row(fit, first or fit)[:, None]
    shape, dims = amplitude.shape[:-1], amplitude.dims[:-1]
    units = {"thickness": "m", "sigma_thickness": "m", "permittivity": "1", "sigma_permittivity": "1", "misfit": "1"}
    variables = {
        name: (dims, rows.reshape(shape), {"units": unit})
        for (name, unit), rows in zip(units.items(), found, strict=True)
    }
    coords = {name: coord for name, coord in line.coords.items() if set(coord.dims) <= set(dims)}
    return xr.Dataset(variables, coords=coords)


def typical_trace(traces: np.ndarray) -> np.ndarray | None:
    """Return the median of the traces that are live and whole; None where there are fewer than three."""
    live = np.isfinite(traces).all(axis=1) & (traces.max(axis=1) > traces.min(axis=1))
    return np.median(traces[live], axis=0) if live.sum() >= LEAST_TRACES else None


def _row(fit: PavementFit, overall: PavementFit) -> np.ndarray:
    if not fit.usable:
        return np.array([np.nan, np.nan, np.nan, np.nan, fit.misfit])
    # what the line as a whole leaves open, its windows cannot know better
    sigma = max(fit.sigma_thickness, overall.sigma_thickness)
    sigma_permittivity = max(fit.sigma_permittivity, overall.sigma_permittivity)
    return np.array([fit.thickness, sigma, fit.permittivity, sigma_permittivity, fit.misfit])

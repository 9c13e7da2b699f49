"""Which filters a line needs, and with which parameters, from its antenna and its samples."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr
from scipy import ndimage

from gprscan import model, names
from gprscan.filters import _arrays
from gprscan.filters.editing import find_traces
from gprscan.filters.repair import clip_levels, find_tones
from gprscan.filters.ringing import find_ringing
from gprscan.steps.blocks import resolved

OFFSET = 0.02  # of the RMS amplitude: a smaller mean of a trace is no offset
SPIKES = 1e-5  # of the samples


def suggest_steps(line: xr.Dataset, window: float | None = None) -> list[dict[str, Any]]:
    """Choose a chain of filters for a raw line, and say why.

    Each is there for a reason that was measured: clipped crests, spikes, missing traces, an offset, tones of
    transmitters, ringing of the antenna; dewow, band and background follow from the antenna and the spacing. Parameters
    are those that the steps choose for this line, spelt out, so that the list can be kept as a recipe; provenance
    records them once more when it runs.

    Parameters
    ----------
    line : xarray.Dataset
        A raw line over ``twt``.
    window : float, optional
        Width in m of the moving background. Unless given it is 12 wavelengths at 0.1 m/ns (3 m at 400 MHz), no less than 51
        traces, so that reflectors which dip gently stay; 301 traces where the line has no distances.

    Returns
    -------
    list of dict
        Entries for `gprscan.steps.run_blocks` or a recipe: the key ``step`` and its parameters. Steps that measure the
        line after others have changed it, such as the gain, are left to choose when they run.

    Raises
    ------
    LineError
        If this is no line over ``twt``.
    """
    model.require_line(line, axis=names.TWT)
    profiles = _arrays.sampled(line)
    entries: list[dict[str, Any]] = []
    if np.isfinite(clip_levels(line)).any():
        entries.append({"step": "declip"})
    missing, duplicate = find_traces(line)
    if missing.any() or duplicate.any():
        entries.append({"step": "edit_traces", "missing": "interpolate", "duplicate": "interpolate"})
    live = profiles[_arrays.states(profiles) == 1]
    if live.size and _spiky(live):
        entries.append({"step": "despike"})
    if live.size and _lifted(live):
        entries.append({"step": "dc"})
    if model.centre_frequency(line) is not None:
        entries.append({"step": "dewow"})
    tones = find_tones(line)
    if tones:
        entries.append({"step": "notch", "frequencies": tones})
    rings = find_ringing(line)
    along = {"window": window or _background_width(line)} if names.DISTANCE in line.coords else {"traces": 301}
    if rings:
        entries.append({"step": "deringing", "frequencies": rings, **along})
    entries.append({"step": "background", "method": "sliding_mean", **along})
    if model.centre_frequency(line) is not None:
        entries.append({"step": "bandpass"})
    spelt = [{"step": step.name, **values} for step, values in (resolved(line, entry) for entry in entries)]
    return [*spelt, {"step": "gain_exponential"}]


def _background_width(line: xr.Dataset) -> float:
    """Width of the moving background in m: by the wavelength, and of traces enough for a mean."""
    frequency = model.centre_frequency(line)
    width = 12 * 0.1 / (frequency / 1e3) if frequency else 3.0
    return round(max(width, 51 * model.trace_spacing(line)), 2)


def _lifted(traces: np.ndarray) -> bool:
    """Whether the means of the traces are more than the chance that their length leaves to noise."""
    least = max(OFFSET, 2.0 / np.sqrt(traces.shape[1]))
    level = np.sqrt(np.mean(np.square(traces, dtype="float64")))
    return bool(np.median(np.abs(traces.mean(axis=1))) > least * level)


def _spiky(traces: np.ndarray) -> bool:
    """Whether single samples stand out of those before and after by more than the signal can.

    A spike is higher or lower than both its neighbours, by much more than the signal around it bends; a clipped crest
    has a kink, but no such sample. Where the surroundings are silent the comparison says nothing, so that only samples
    that count beside the roughest of the trace are asked.
    """
    if traces.shape[1] < 3:
        return False
    rise, fall = traces[:, 1:-1] - traces[:, :-2], traces[:, 1:-1] - traces[:, 2:]
    bend = 0.5 * np.abs(rise + fall)
    alone = np.where(np.sign(rise) == np.sign(fall), np.minimum(np.abs(rise), np.abs(fall)), np.float32(0.0))
    usual = ndimage.median_filter(bend, size=(1, 15), mode="nearest")
    return bool(np.mean((alone > 20.0 * usual) & (alone > 0.4 * bend.max(axis=1, keepdims=True))) > SPIKES)

"""Thickness of the bound layer (asphalt or a slab) above what was found: an input of the grading."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr

from gprscan import model, names
from gprscan.detection import timing
from gprscan.detection.body import Body
from gprscan.detection.section import Section
from gprscan.errors import ParameterError
from gprscan.velocity.pavement import typical_trace
from gprscan.velocity.waveform import PavementFit, fit_pavement

WINDOW = 5.0  # m of line whose median trace is explained by layers
HIGHEST = 0.5  # m: an antenna above that is not ground-coupled
FROM_SCRATCH = 2  # fits without a neighbour that are tried per section, each as slow as twenty others


def measure(line: xr.Dataset, section: Section, bodies: Sequence[Body]) -> None:
    """Write thickness and standard deviation of the layer above each body into its evidence, where it can be told.

    Parameters
    ----------
    line : xarray.Dataset
        The line as recorded: without its slow parts the base of the layer would seem to lie centimetres deeper.
    section : Section
        A conditioned channel of it, which knows time zero and a gain of the recorder.
    bodies : sequence of Body
        Bodies of the section. Those above which layers explain the early trace get ``asphalt_m`` and
        ``sigma_asphalt_m`` (m); see `gprscan.velocity.fit_pavement`.
    """
    s = section
    if not s.separation > 0 or s.height > HIGHEST:
        return
    near: PavementFit | None = None
    # of the record, which the section may keep fewer samples of
    t = s.t[0] + model.sampling_interval(line) * np.arange(line.sizes[names.TWT])
    # a gain that had to be guessed seldom leaves a trace that layers explain
    tries = FROM_SCRATCH if s.gain is None else 1
    for body in sorted(bodies, key=lambda b: b.x):
        width = min(WINDOW, float(s.x[-1] - s.x[0]))
        low = min(max(body.x - 0.5 * width, s.x[0]), s.x[-1] - width)
        trace = _early_trace(line, s, np.flatnonzero((s.x >= low) & (s.x <= low + width) & s.valid))
        if trace is None:
            continue
        fit = None if near is None else _fitted(s, t, trace, near)
        if fit is None and tries > 0:
            tries -= 1
            fit = _fitted(s, t, trace, None)
        if fit is not None:
            near = near or fit
            body.evidence["asphalt_m"] = fit.thickness
            # what the section as a whole leaves open, its windows cannot know better
            body.evidence["sigma_asphalt_m"] = max(fit.sigma_thickness, near.sigma_thickness)


def _early_trace(line: xr.Dataset, section: Section, rows: np.ndarray) -> np.ndarray | None:
    """Return the median of some traces as recorded, at the times of the section; its slow parts are still in it."""
    s = section
    values = line[names.AMPLITUDE]
    if names.CHANNEL in values.dims:
        values = values.isel({names.CHANNEL: s.channel})
    # all of those that became one
    every = s.first_trace + (s.group * rows[:, None] + np.arange(s.group)).ravel()
    traces = values.isel({names.TRACE: every}).values.astype("float32")
    if s.gain is not None:
        traces /= s.gain
    # the section's own times already have what all traces were late
    late = np.repeat(s.time_zero_shift[rows], s.group) - (line[names.TWT].values[0] - s.t[0])
    return typical_trace(timing.apply_shift(traces, late / model.sampling_interval(line))) if rows.size else None


def _fitted(section: Section, t: np.ndarray, trace: np.ndarray, near: PavementFit | None) -> PavementFit | None:
    s = section
    try:
        fit = fit_pavement(trace, t, frequency=1e3 * s.fc_nominal, separation=s.separation, height=s.height, near=near)
    except ParameterError:  # too few samples around time zero
        return None
    return fit if fit.usable else None

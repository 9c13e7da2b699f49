"""Taking a target's echo out of a section, so that what crosses it or lies beneath it can be seen."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from gprscan.detection.fit import Fit
from gprscan.detection.section import Section
from gprscan.kernels.coherence import moveout_curve
from gprscan.units import C_AIR


def subtract(section: Section, data: np.ndarray, fit: Fit, *, coda: float, reach: float | None = None) -> None:
    """Subtract a fitted target from `data` in place: its pulse and its coda, with the moveout of its top.

    The traces are flattened along the curve and cut into windows of a period and a half; in each, what all traces share is
    the tapered stack, and each trace's share of it is its projection on the stack, smoothed over neighbours (a rank-one
    model, as in CLEAN). Multiples and echoes from inside a body keep the moveout of its top and go with it; a target
    below has a moveout of its own and stays.

    Parameters
    ----------
    section : Section
        Gives the geometry.
    data : ndarray, shape (trace, sample)
        Section's `echo` or `cond`, or a copy.
    fit : Fit
        The target.
    coda : float
        How long after the pulse to go on, ns.
    reach : float, optional
        Half-aperture in m; 1.3 times that of the fit where not given.
    """
    period = 1.0 / section.fc_nominal
    reach = 1.3 * fit.reach if reach is None else reach
    near = np.flatnonzero((np.abs(section.x - fit.x) <= reach) & section.valid)
    if near.size < 3:
        return
    distance = section.x[near] - fit.x
    air = 2 * section.height / C_AIR
    curve = moveout_curve(distance, max(fit.t - air, 1e-3), fit.velocity, section.separation) + air
    before, after = round(1.2 * period / section.dt), round((1.2 * period + coda) / section.dt)
    start = (curve - section.t[0]) / section.dt
    base = np.floor(start).astype(int)
    part = (start - base)[:, None]
    lags = np.arange(-before, after + 2)
    rows = near[:, None]
    index = base[:, None] + lags[None, :]
    inside = (index >= 0) & (index < data.shape[1])
    panel = np.where(inside, data[rows, np.clip(index, 0, data.shape[1] - 1)], 0.0)
    flat = panel[:, :-1] * (1 - part) + panel[:, 1:] * part
    model = _rank_one(flat, distance, reach, round(1.5 * period / section.dt), fit.reach)
    # back to the samples: the transpose of the interpolation, good enough for a model that is smooth
    spread = np.zeros_like(panel)
    spread[:, :-1] += model * (1 - part)
    spread[:, 1:] += model * part
    rr, cc = np.nonzero(inside)
    np.subtract.at(data, (near[rr], index[rr, cc]), spread[rr, cc].astype(data.dtype))


def _rank_one(flat: np.ndarray, distance: np.ndarray, reach: float, width: int, core: float) -> np.ndarray:
    """Model of what flattened traces share, window by window with half overlap."""
    n, m = flat.shape
    taper = np.cos(0.5 * np.pi * np.clip(np.abs(distance) / (1.05 * core), 0, 1)) ** 2
    if taper.sum() <= 0:
        return np.zeros_like(flat)
    stack = taper @ flat / taper.sum()
    out = np.zeros_like(flat)
    weight = np.zeros(m)
    step = max(width // 2, 1)
    edge = np.clip((reach - np.abs(distance)) / (0.2 * reach + 1e-9), 0, 1)
    for first in range(0, m, step):
        cut = slice(first, min(first + width, m))
        window = np.hanning(width + 2)[1 : 1 + cut.stop - cut.start]
        piece = stack[cut] * window
        energy = float(piece @ stack[cut])
        if energy <= 0:
            continue
        share = (flat[:, cut] @ piece) / energy
        share = ndimage.gaussian_filter1d(np.clip(share, -0.5, 2.5), 2.0, mode="nearest") * edge
        out[:, cut] += share[:, None] * (stack[cut] * window)[None, :]
        weight[cut] += window
    return out / np.maximum(weight, 0.3)[None, :]

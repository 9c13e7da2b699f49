"""Candidates: where the traces agree along the travel-time curve of a buried point."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gprscan.detection.analytic import resampled
from gprscan.detection.section import Section
from gprscan.detection.settings import Settings
from gprscan.kernels import coherence, jit
from gprscan.kernels.maxima import local_maxima
from gprscan.units import C_AIR

LONG = 512  # groups of traces on which several threads are worth starting
STRIP = 1024  # groups of traces that are searched together: what is held of them in between stays near the caches


# apexes: position (m), time (ns), velocity of best focus (m/ns), coherence, amplitude over the typical, legs used
CANDIDATE = np.dtype([(name, float) for name in ("x", "t", "velocity", "coherence", "strength")] + [("side", np.int8)])


def velocity_grid(settings: Settings) -> np.ndarray:
    """Velocities to search, in steps of 9 %: half the width of the peak of a stack over 45 degrees."""
    steps = int(np.ceil(np.log(settings.velocity_max / settings.velocity_min) / np.log(1.09))) + 1
    return np.geomspace(settings.velocity_min, settings.velocity_max, steps)


def find(
    section: Section, settings: Settings, spans: Sequence[tuple[float, float]] = ((-math.inf, math.inf),)
) -> np.ndarray:
    """Search a section for diffraction apexes within spans of x in m: array of `CANDIDATE`; span by span, strongest first."""
    fc = section.fc_nominal
    rows = _rows(section)
    group = max(1, int(0.2 * settings.velocity / fc / section.dx))
    if rows.size == 0:
        return np.empty(0, CANDIDATE)
    grid = _grid(section, settings, rows, group)
    return np.concatenate([_find(section, settings, span, grid) for span in spans] or [np.empty(0, CANDIDATE)])


@dataclass
class _Grid:
    """Where apexes are looked for: rows and how much finer than the record they are, traces that are averaged, curves.

    `wide` is how many groups of traces two apexes of one time have to be apart.
    """

    rows: np.ndarray
    fine: int
    group: int
    velocities: np.ndarray
    reach: float
    pad: int
    wide: int
    curves: coherence.Curves


def _grid(section: Section, settings: Settings, rows: np.ndarray, group: int) -> _Grid:
    fc = section.fc_nominal
    fine = max(1, math.ceil(coherence.SAMPLES_PER_PERIOD * fc * section.dt))
    reach = settings.aperture * 0.4 / fc
    dx = section.dx * group
    pad = int(reach / dx) + 1
    velocities = velocity_grid(settings)
    curves = coherence.curves(
        rows * fine, float(section.t[0] - 2 * section.height / C_AIR), section.dt / fine, dx, velocities,
        section.separation, (0.8, reach, max(3 * dx, 0.5 * settings.velocity / fc)), pad, section.t.size * fine,
    )  # fmt: skip
    wide = max(1, round(0.4 * settings.velocity / fc / dx))
    return _Grid(rows, fine, group, velocities, reach, pad, wide, curves)


def _find(section: Section, settings: Settings, span: tuple[float, float], grid: _Grid) -> np.ndarray:
    """Search one span."""
    # beyond the span lie the legs of what is in it, and a rim in which a higher peak may stand
    rim = settings.velocity / section.fc_nominal
    section = section.part(span[0] - grid.reach - rim, span[1] + grid.reach + rim)
    n = section.x.size // grid.group
    if n == 0:
        return np.empty(0, CANDIDATE)
    first, last = np.searchsorted(section.x[: n * grid.group : grid.group], [span[0] - rim, span[1] + rim]).tolist()
    parts = [
        _find_between(section, settings, grid, begin, min(begin + STRIP, last), (first, last))
        for begin in range(first, last, STRIP)
    ]
    peaks = np.concatenate([*parts, np.empty(0, CANDIDATE)])
    peaks = peaks[(peaks["x"] >= span[0]) & (peaks["x"] <= span[1])]
    return peaks[np.argsort(-peaks["strength"] * np.sqrt(peaks["coherence"]), kind="stable")]


def _find_between(
    section: Section, settings: Settings, grid: _Grid, begin: int, end: int, whole: tuple[int, int]
) -> np.ndarray:
    """Search the groups of traces from `begin` to `end` (left out); `whole` is what is searched in all."""
    group, pad = grid.group, grid.pad
    # as far as two apexes have to be apart
    first, last = max(begin - grid.wide, whole[0]), min(end + grid.wide, whole[1])
    low, high = max(first - pad, 0), min(last + pad, section.x.size // group)
    traces = slice(low * group, high * group)
    # on a short span the threads would wait for one another longer than they work
    threads = jit.threads() if whole[1] - whole[0] >= LONG else 1
    means, alive = coherence.group_means(section.cond[traces], section.valid[traces], group, threads=threads)
    data, live = coherence.pack(*resampled(means, grid.fine), alive, pad, first - low, last - low, threads=threads)
    found = coherence.scan(data, live, pad, grid.curves, least=settings.strength, threads=threads)
    i, j = _peaks(section, settings, grid, *found[:2]).T
    if i.size == 0:
        return np.empty(0, CANDIDATE)
    out = np.empty(i.size, CANDIDATE)
    # not by counting traces: they may lie closer here and wider there
    middles = section.x[first * group : last * group].reshape(-1, group).mean(axis=1)
    out["x"] = middles[j]
    out["t"] = section.t[grid.rows[i]]  # the fit puts it on the peak of the pulse
    out["coherence"], out["strength"], index, out["side"] = (values[i, j] for values in found)
    out["velocity"] = grid.velocities[index]
    return out[(j >= begin - first) & (j < end - first)]


def _rows(section: Section) -> np.ndarray:
    """Samples at which apexes are looked for: every quarter of a period, as often as its envelope changes, from after the direct wave on."""
    fc = section.fc_nominal
    stride = max(1, int(0.25 / (fc * section.dt)))
    first = section.sample(2 * section.height / C_AIR + section.separation / C_AIR + 1.25 / fc)
    return np.arange(first, section.t.size - round(1.0 / (fc * section.dt)), stride)


def _peaks(section: Section, settings: Settings, grid: _Grid, coh: np.ndarray, amp: np.ndarray) -> np.ndarray:
    """Local maxima of amplitude times the root of coherence, half a wavelength and half a period apart: row and column of each."""
    rows = grid.rows
    value = amp * np.sqrt(coh)
    value[coh < settings.coherence] = 0.0
    tall = max(1, round(0.35 / section.fc_nominal / (section.dt * (rows[1] - rows[0] if rows.size > 1 else 1))))
    return local_maxima(value, np.full(value.shape[1], settings.strength, np.float32), tall, grid.wide)

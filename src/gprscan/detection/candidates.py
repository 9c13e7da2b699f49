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


@dataclass
class Candidate:
    """An apex: position (m), time (ns), velocity of best focus (m/ns), coherence, amplitude over the typical, legs used."""

    x: float
    t: float
    velocity: float
    coherence: float
    strength: float
    side: int


def velocity_grid(settings: Settings) -> np.ndarray:
    """Velocities to search, in steps of 9 %: half the width of the peak of a stack over 45 degrees."""
    steps = int(np.ceil(np.log(settings.velocity_max / settings.velocity_min) / np.log(1.09))) + 1
    return np.geomspace(settings.velocity_min, settings.velocity_max, steps)


def find(
    section: Section, settings: Settings, spans: Sequence[tuple[float, float]] = ((-math.inf, math.inf),)
) -> list[Candidate]:
    """Search a section for diffraction apexes within spans of x in m; span by span, strongest first."""
    fc = section.fc_nominal
    rows = _rows(section)
    group = max(1, int(0.2 * settings.velocity / fc / section.dx))
    if rows.size == 0:
        return []
    grid = _grid(section, settings, rows, group)
    return [c for span in spans for c in _find(section, settings, span, grid)]


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


def _find(section: Section, settings: Settings, span: tuple[float, float], grid: _Grid) -> list[Candidate]:
    """Search one span."""
    # beyond the span lie the legs of what is in it, and a rim in which a higher peak may stand
    rim = settings.velocity / section.fc_nominal
    section = section.part(span[0] - grid.reach - rim, span[1] + grid.reach + rim)
    n = section.x.size // grid.group
    if n == 0:
        return []
    first, last = np.searchsorted(section.x[: n * grid.group : grid.group], [span[0] - rim, span[1] + rim]).tolist()
    peaks = [
        c
        for begin in range(first, last, STRIP)
        for c in _find_between(section, settings, grid, begin, min(begin + STRIP, last), (first, last))
    ]
    peaks.sort(key=lambda c: -c.strength * c.coherence**0.5)
    return [c for c in peaks if span[0] <= c.x <= span[1]]


def _find_between(
    section: Section, settings: Settings, grid: _Grid, begin: int, end: int, whole: tuple[int, int]
) -> list[Candidate]:
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
        return []
    around = [
        coherence.amplitudes(data, live, pad, grid.curves, np.clip(i + k, 0, grid.rows.size - 1), j) for k in (-1, 0, 1)
    ]
    # between the rows, since the fit follows the traces' common pulse but not where on it the apex was put
    step = section.dt * (grid.rows[1] - grid.rows[0] if grid.rows.size > 1 else 0)
    between = np.where((i > 0) & (i < grid.rows.size - 1), step * _vertex(*np.array(around, float)), 0.0)
    dx = section.dx * group
    x = section.x[0] + first * dx + 0.5 * (dx - section.dx) + j * dx
    t = section.t[grid.rows[i]] + between
    coh, amp, index, side = (values[i, j].tolist() for values in found)
    mine = ((j >= begin - first) & (j < end - first)).tolist()
    rows = zip(x.tolist(), t.tolist(), grid.velocities[index].tolist(), coh, amp, side, strict=True)
    return [Candidate(*row) for row, here in zip(rows, mine, strict=True) if here]


def _rows(section: Section) -> np.ndarray:
    """Samples at which apexes are looked for: every eighth of a period from after the direct wave on."""
    fc = section.fc_nominal
    stride = max(1, int(0.15 / (fc * section.dt)))
    first = section.sample(2 * section.height / C_AIR + section.separation / C_AIR + 1.25 / fc)
    return np.arange(first, section.t.size - round(1.0 / (fc * section.dt)), stride)


def _peaks(section: Section, settings: Settings, grid: _Grid, coh: np.ndarray, amp: np.ndarray) -> np.ndarray:
    """Local maxima of amplitude times the root of coherence, half a wavelength and half a period apart: row and column of each."""
    rows = grid.rows
    value = amp * np.sqrt(coh)
    value[coh < settings.coherence] = 0.0
    tall = max(1, round(0.35 / section.fc_nominal / (section.dt * (rows[1] - rows[0] if rows.size > 1 else 1))))
    return local_maxima(value, np.full(value.shape[1], settings.strength, np.float32), tall, grid.wide)


def _vertex(below: np.ndarray, here: np.ndarray, above: np.ndarray) -> np.ndarray:
    """Place of the tops of parabolas through three values, from the middle one, in steps; 0 where they are none."""
    curve = below - 2.0 * here + above
    return np.where(curve < 0.0, np.clip(0.5 * (below - above) / np.where(curve < 0.0, curve, -1.0), -0.5, 0.5), 0.0)

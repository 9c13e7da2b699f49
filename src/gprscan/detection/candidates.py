"""Candidates: where the traces agree along the travel-time curve of a buried point."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from gprscan.detection.analytic import resampled
from gprscan.detection.section import Section
from gprscan.detection.settings import Settings
from gprscan.kernels import coherence, jit
from gprscan.units import C_AIR


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


def find(section: Section, settings: Settings, span: tuple[float, float] = (-math.inf, math.inf)) -> list[Candidate]:
    """Search a section for diffraction apexes within a span of x in m, strongest first."""
    fc = section.fc_nominal
    rows = _rows(section)
    reach = settings.aperture * 0.4 / fc
    # beyond the span lie the legs of what is in it, and a rim in which a higher peak may stand
    rim = settings.velocity / fc
    section = section.part(span[0] - reach - rim, span[1] + reach + rim)
    group = max(1, int(0.2 * settings.velocity / fc / section.dx))
    if rows.size == 0 or section.x.size < group:
        return []
    n = section.x.size // group
    first, last = np.searchsorted(section.x[: n * group : group], [span[0] - rim, span[1] + rim]).tolist()
    fine = max(1, math.ceil(coherence.SAMPLES_PER_PERIOD * fc * section.dt))
    velocities = velocity_grid(settings)
    dx = section.dx * group
    pad = int(reach / dx) + 1 + coherence.TAPS
    # on a short span the threads would wait for one another longer than they work
    threads = jit.threads() if last - first >= coherence.BLOCK else 1
    data, live = coherence.pack(
        *resampled(section.cond, fine), section.valid, group, pad, first, last, threads=threads
    )  # fmt: skip
    air = 2 * section.height / C_AIR
    found = coherence.scan(
        data, live, pad, rows * fine, float(section.t[0] - air), section.dt / fine, dx, velocities, section.separation,
        (0.8, reach, max(3 * dx, 0.5 * settings.velocity / fc)), threads=threads,
    )  # fmt: skip
    peaks = _peaks(section, settings, rows, dx, first, velocities, *found)
    return [c for c in peaks if span[0] <= c.x <= span[1]]


def _rows(section: Section) -> np.ndarray:
    """Samples at which apexes are looked for: every eighth of a period from after the direct wave on."""
    fc = section.fc_nominal
    stride = max(1, int(0.15 / (fc * section.dt)))
    first = section.sample(2 * section.height / C_AIR + section.separation / C_AIR + 1.25 / fc)
    return np.arange(first, section.t.size - round(1.0 / (fc * section.dt)), stride)


def _peaks(section, settings, rows, dx, first, velocities, coh, amp, index, side):  # type: ignore[no-untyped-def]
    """Local maxima of amplitude times the root of coherence, half a wavelength and half a period apart."""
    value = amp * np.sqrt(coh)
    value[coh < settings.coherence] = 0.0
    wide = max(1, round(0.4 * settings.velocity / section.fc_nominal / dx))
    tall = max(1, round(0.35 / section.fc_nominal / (section.dt * (rows[1] - rows[0] if rows.size > 1 else 1))))
    top = ndimage.maximum_filter(value, size=(2 * tall + 1, 2 * wide + 1))
    where = np.argwhere((value == top) & (value > settings.strength))
    first_x = section.x[0] + first * dx + 0.5 * (dx - section.dx)
    step = section.dt * (rows[1] - rows[0] if rows.size > 1 else 0)
    found = [
        Candidate(
            x=float(first_x + j * dx),
            # between the rows, since the fit follows the traces' common pulse but not where on it the apex was put
            t=float(section.t[rows[i]] + step * _vertex(amp[max(i - 1, 0) : i + 2, j])),
            velocity=float(velocities[index[i, j]]),
            coherence=float(coh[i, j]),
            strength=float(amp[i, j]),
            side=int(side[i, j]),
        )
        for i, j in where
    ]
    return sorted(found, key=lambda c: -c.strength * c.coherence**0.5)


def _vertex(values: np.ndarray) -> float:
    """Place of the top of a parabola through three values, from the middle one, in steps; 0 where it is none."""
    if values.size < 3:
        return 0.0
    below, here, above = values.astype(float)
    curve = below - 2.0 * here + above
    return float(np.clip(0.5 * (below - above) / curve, -0.5, 0.5)) if curve < 0.0 else 0.0

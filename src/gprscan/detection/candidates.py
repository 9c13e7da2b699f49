"""Candidates: where the traces agree along the travel-time curve of a buried point."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage, signal

from gprscan.detection.section import Section
from gprscan.detection.settings import Settings
from gprscan.kernels import coherence
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


def find(section: Section, settings: Settings) -> list[Candidate]:
    """Search a section for diffraction apexes, strongest first."""
    fc = section.fc_nominal
    stride = max(1, int(0.09 / (fc * section.dt)))
    velocities = velocity_grid(settings)
    reach = settings.aperture * 0.4 / fc
    decimate = max(1, int(0.12 * settings.velocity / fc / section.dx))
    cond = section.cond
    keep = section.valid
    if decimate > 1:
        n = cond.shape[0] // decimate * decimate
        weight = keep[:n].reshape(-1, decimate).sum(axis=1)
        cond = cond[:n].reshape(-1, decimate, cond.shape[1]).sum(axis=1) / np.maximum(weight, 1)[:, None]
        keep = weight > 0
    dx = section.dx * decimate
    pad = int(reach / dx) + 1
    analytic = signal.hilbert(cond, axis=1).T
    re = np.pad(analytic.real, ((0, 0), (pad, pad))).astype(np.float32)
    im = np.pad(analytic.imag, ((0, 0), (pad, pad))).astype(np.float32)
    live = np.pad(keep.astype(np.float32), pad)
    air = 2 * section.height / C_AIR
    first = section.sample(air + section.separation / C_AIR + 1.25 / fc)
    rows = np.arange(first, cond.shape[1] - round(1.0 / (fc * section.dt)), stride)
    shape = (rows.size, cond.shape[0])
    coh, amp = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
    index, side = np.zeros(shape, np.int8), np.zeros(shape, np.int8)
    if rows.size == 0:
        return []
    coherence.scan_parallel(
        re, im, live, pad, rows, float(section.t[0] - air), section.dt, dx, velocities, section.separation,
        0.8, reach, max(3 * dx, 0.5 * settings.velocity / fc), coh, amp, index, side,
    )  # fmt: skip
    return _peaks(section, settings, rows, dx, velocities, coh, amp, index, side)


def _peaks(section, settings, rows, dx, velocities, coh, amp, index, side):  # type: ignore[no-untyped-def]
    """Local maxima of amplitude times the root of coherence, half a wavelength and half a period apart."""
    value = amp * np.sqrt(coh)
    value[coh < settings.coherence] = 0.0
    wide = max(1, round(0.4 * settings.velocity / section.fc_nominal / dx))
    tall = max(1, round(0.35 / section.fc_nominal / (section.dt * (rows[1] - rows[0] if rows.size > 1 else 1))))
    top = ndimage.maximum_filter(value, size=(2 * tall + 1, 2 * wide + 1))
    where = np.argwhere((value == top) & (value > settings.strength))
    first_x = section.x[0] + 0.5 * (dx - section.dx)
    found = [
        Candidate(
            x=float(first_x + j * dx),
            t=float(section.t[rows[i]]),
            velocity=float(velocities[index[i, j]]),
            coherence=float(coh[i, j]),
            strength=float(amp[i, j]),
            side=int(side[i, j]),
        )
        for i, j in where
    ]
    return sorted(found, key=lambda c: -c.strength * c.coherence**0.5)

"""What a line could have shown: how deep it sees, and which cavity at what depth. Silence means no more than that."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import ndimage, signal

from gprscan.detection.ground import Ground
from gprscan.detection.scattering import SCALE_DB, mirror_gain, size_factor
from gprscan.detection.section import Section
from gprscan.units import C_AIR

DIAMETERS = (0.1, 0.2, 0.3, 0.5, 1.0, 2.0)  # m
# over what is left of clutter and noise in the stack along a hyperbola. Of 132 echoes put into simulated empty roads that
# exceed it at four levels of noise, above -21 dB in amplitude, 86 % were reported; of 19 at 6 to 9 dB, 5
MARGIN_DB = 12.0
LEAST_AMPLITUDE_DB = -19.5  # over the direct wave, after cylindrical spreading: weaker echoes are taken for stones
# correlation of neighbouring traces beyond chance: echoes clear of the noise, and sinking into it
CLEAR, SHARED = 0.5, 0.2
# dB per ns of two-way time: dry ground of 4 mS/m; damp ground of 10 mS/m, where it cannot be measured; wet clay
LEAST_LOSS, USUAL_LOSS, MOST_LOSS = 0.2, 0.5, 3.0
PAIRS = 100  # of traces that are compared


@dataclass
class Sensitivity:
    """What one block of one channel shows of its own limits.

    Attributes
    ----------
    t : numpy.ndarray, shape (sample,)
        Two-way time in the ground, ns.
    level : numpy.ndarray, shape (sample,)
        What a hyperbola has to stand out from after stacking, over the direct wave, dB; NaN where the direct wave is not
        seen.
    seen : float
        Two-way time in the ground until which neighbouring traces share their echoes, ns; 0 where they never do.
    loss : float
        Attenuation of the echoes, dB per ns of two-way time.
    blind : float
        Two-way time in the ground before which the search does not begin, ns.
    frequency : float
        Centre frequency of the echoes, GHz.
    """

    t: np.ndarray
    level: np.ndarray
    seen: float
    loss: float
    blind: float
    frequency: float


def measure(section: Section) -> Sensitivity:
    """Measure noise, clutter, attenuation and reach of a section.

    Parameters
    ----------
    section : Section
        A conditioned channel of a block.
    """
    s = section
    live = np.flatnonzero(s.valid)
    t = s.t - 2 * s.height / C_AIR
    blind = s.separation / C_AIR + 1.25 / s.fc_nominal
    if live.size < 8:
        return Sensitivity(t, np.full(t.size, np.nan), 0.0, USUAL_LOSS, blind, s.fc)
    first = np.unique(np.linspace(0, live.size - 2, PAIRS).astype(int))
    far = max(live.size // 2, 1)
    rows = live[np.stack([first, first + 1, (first + far) % live.size])]
    here, beside, away = (_in_band(s, s.echo[row]) for row in rows)
    # eight samples a period are enough to compare
    coarse = max(1, int(0.125 / (s.fc_nominal * s.dt)))
    width, reach = (max(4, round(n * s.period / (coarse * s.dt))) for n in (3.0, 0.45))
    centres, shared = _likeness(here[:, ::coarse], beside[:, ::coarse], width, reach)
    _, by_chance = _likeness(here[:, ::coarse], away[:, ::coarse], width, reach)
    share = np.clip((shared - by_chance) / np.maximum(1.0 - by_chance, 1e-3), 0.0, 1.0)
    share = np.interp(s.t, s.t[centres * coarse], share) if centres.size else np.zeros(t.size)
    typical = 1.4826 * np.median(np.abs(here), axis=0)
    # a dip between two layers is no place to see far
    span = max(3, round(1.0 * s.period / s.dt))
    typical = ndimage.gaussian_filter1d(ndimage.maximum_filter1d(typical, span), 0.5 * span)
    heard = np.flatnonzero((share > SHARED) & (t > blind))
    seen = float(t[heard[-1]]) if heard.size else 0.0
    clear = (t > blind) & (share > CLEAR)
    loss = _attenuation(t[clear], (typical * np.sqrt(share))[clear], s.period)
    return Sensitivity(t, _after_stacking(s, t, typical, share), seen, loss, blind, s.fc)


def _in_band(s: Section, traces: np.ndarray) -> np.ndarray:
    """The band in which candidates are searched."""
    band = np.clip(np.array([0.35, 2.2]) * s.fc_nominal * 2 * s.dt, 1e-3, 0.95)
    return np.asarray(signal.sosfiltfilt(signal.butter(3, band, "bandpass", output="sos"), traces, axis=1))


def _likeness(a: np.ndarray, b: np.ndarray, width: int, reach: int) -> tuple[np.ndarray, np.ndarray]:
    """Largest correlation of paired traces over small shifts, in windows along time: window centres, medians over pairs."""
    n = a.shape[1]
    starts = np.arange(reach, n - reach - width, max(width // 2, 1))
    if starts.size == 0:
        return starts, np.zeros(0)

    def windowed(product: np.ndarray, at: np.ndarray) -> np.ndarray:
        total = np.cumsum(np.pad(product, ((0, 0), (1, 0))), axis=1)
        return np.asarray(total[:, at + width] - total[:, at])

    power_a, power_b = windowed(a**2, starts), np.pad(b**2, ((0, 0), (reach, reach)))
    best = np.zeros(power_a.shape)
    moved = np.pad(b, ((0, 0), (reach, reach)))
    for lag in range(-reach, reach + 1):
        cut = slice(reach + lag, reach + lag + n)
        norm = np.sqrt(np.maximum(power_a * windowed(power_b[:, cut], starts), 1e-60))
        best = np.maximum(best, windowed(a * moved[:, cut], starts) / norm)
    return starts + width // 2, np.median(best, axis=0)


def _attenuation(t: np.ndarray, clutter: np.ndarray, period: float) -> float:
    """Slope of the clutter in dB per ns of two-way time, its cylindrical spreading taken out; within what ground can have.

    Scattered echoes arrive from a ring that grows with depth, so that their level falls as ``1 / sqrt(t)`` where that of
    one scatterer falls as ``1 / t``. Under an antenna that spreads in three dimensions, the rest of the spreading counts as
    loss; where clutter grows with depth, loss is hidden, which is what the least loss is for.
    """
    if t.size < 16 or t[-1] - t[0] < 4.0 * period:
        return USUAL_LOSS
    level = 20 * np.log10(np.maximum(clutter, 1e-30)) + 10 * np.log10(np.maximum(t, period))
    third = t.size // 3
    fall = float(np.median(level[:third]) - np.median(level[-third:]))
    return float(np.clip(fall / (np.median(t[-third:]) - np.median(t[:third])), LEAST_LOSS, MOST_LOSS))


def _after_stacking(s: Section, t: np.ndarray, typical: np.ndarray, share: np.ndarray) -> np.ndarray:
    """Level of clutter and noise in a stack along a hyperbola over the direct wave, dB: noise falls with the traces, clutter not."""
    if s.direct_peak <= 0:
        return np.full(t.size, np.nan)
    aperture = 2 * 0.8 * 0.05 * np.maximum(t, 1.0)  # m, to both sides at 0.1 m/ns
    traces = np.maximum(0.5 * np.minimum(aperture, 2.0) / s.dx, 1.0)
    power = typical**2 * (share + (1.0 - share) / traces)
    return 10 * np.log10(np.maximum(power, 1e-30) / s.direct_peak**2)


def summarise(parts: Sequence[Sensitivity], ground: Ground) -> dict[str, Any]:
    """Penetration depth and detectability of a line: medians over its blocks and channels.

    Parameters
    ----------
    parts : sequence of Sensitivity
        Of every block of every channel.
    ground : Ground
        Velocities of the line.

    Returns
    -------
    dict
        ``penetration_depth_m``: depth until which neighbouring traces share their echoes; at most the end of the record,
        null where nothing is shared. ``detectability``: list of ``diameter_m`` and ``max_depth_m``, the greatest depth at
        which an air-filled ball of that diameter would have been found and told from clutter, null where at none; empty
        where no direct wave gives a scale.
    """
    depths = [ground.depth(p.seen) for p in parts]
    depth = float(np.median(depths)) if depths else 0.0
    scaled = [p for p in parts if np.isfinite(p.level).any()]
    sizes = []
    reached = [_depths(p, ground) for p in scaled]
    for diameter in DIAMETERS if scaled else ():
        found = float(np.median([deepest(p, z, ground, diameter) for p, z in zip(scaled, reached, strict=True)]))
        sizes.append({"diameter_m": diameter, "max_depth_m": round(found, 2) if found > 0 else None})
    return {"penetration_depth_m": round(depth, 2) if depth > 0 else None, "detectability": sizes}


def notes(summary: dict[str, Any]) -> list[str]:
    """What has to be said where `summarise` could give no depth for any size."""
    if summary["penetration_depth_m"] is None:
        return []
    if not summary["detectability"]:
        return ["detectability is not given: the record shows no direct wave that echoes could be scaled by"]
    if all(entry["max_depth_m"] is None for entry in summary["detectability"]):
        return [
            "detectability is null for every size: scaled by the direct wave, no cavity would stand out. Under a shielded "
            "antenna the direct wave is no fair scale, and this says nothing of what the line could have shown"
        ]
    return []


def _looked_at(part: Sensitivity) -> np.ndarray:
    """Samples, some hundred of them, at which bodies could be seen."""
    return np.flatnonzero((part.t > part.blind) & (part.t <= part.seen))[:: max(1, part.t.size // 128)]


def _depths(part: Sensitivity, ground: Ground) -> np.ndarray:
    return np.array([ground.depth(v) for v in part.t[_looked_at(part)]])


def deepest(part: Sensitivity, depths: np.ndarray, ground: Ground, diameter: float) -> float:
    """Greatest of the depths (m, of the samples looked at) at which an air-filled ball would have been found; or 0."""
    use = _looked_at(part)
    times = part.t[use]
    if times.size == 0:
        return 0.0
    factor = size_factor(0.5 * diameter, C_AIR / ground.rms(float(np.median(times))), part.frequency)
    gain = np.array([mirror_gain(0.5 * diameter, z) for z in depths]) * factor
    echo = SCALE_DB + 20 * np.log10(gain) - part.loss * times
    told = echo + 10 * np.log10(np.maximum(times * part.frequency, 1.0)) > LEAST_AMPLITUDE_DB
    heard = (echo > part.level[use] + MARGIN_DB) & told
    return float(depths[heard].max()) if heard.any() else 0.0

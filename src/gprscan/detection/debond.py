"""Debonding: a gap under the bound layer, found by how much the interface echo grows over its intact reference.

The sign of the echo is no test: a gap of thickness d answers as ``2 r sin(2 pi f d / c)`` with a phase of 90 degrees,
since the echoes of its two faces, opposite in sign, merge (thin-film reflection; Annan 2005, in Near-Surface
Geophysics, SEG). So the test is amplitude, against what the same line shows where the layers are in contact, and
shape: flat, wider than a wavelength's diffraction pattern, ending on both sides, no earlier than the layer's lower
face.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage, signal

from gprscan.detection import analytic, classify
from gprscan.detection.body import Body
from gprscan.detection.condition import band_limited, without_background
from gprscan.detection.lateral import half_width, smooth
from gprscan.detection.section import Section, some_of
from gprscan.kernels.conditioning import median_trace
from gprscan.units import C_AIR

if TYPE_CHECKING:
    from gprscan.detection.settings import Settings

SHORT, LONG = 0.12, 0.45  # m, window along the line; the long one averages out bars up to 0.22 m apart
LEAST_WIDTH = 0.30  # m, narrower bodies are left to the search for diffractions
LEAST_STRENGTH = 0.22  # of the incident wave after spreading; an intact interface changes by 0.1 at most
# over the scatter along the line: just above 5 lie the stones under the layer of the roughest roads, and the weakest of gaps
LEAST_CONTRAST = 5.5
DEEPEST = 0.35  # m, lower face of the thickest bound layer
REFERENCE = 16.0  # m of line over which the intact interface is taken
SPEED = (0.118, 0.010)  # m/ns in asphalt and concrete: mean and standard deviation


def detect_debond(section: Section, settings: Settings) -> list[Body]:
    """Find gaps under the bound layer.

    Parameters
    ----------
    section : Section
        A conditioned channel.
    settings : Settings
        Of the detection.

    Returns
    -------
    list of Body
        With ``source="debond"``: extent along the line, depth of the interface, and the contrast against the intact
        line.
    """
    if not settings.hazards or section.valid.sum() < 8 or section.direct_peak <= 0:
        return []
    bodies: list[Body] = []
    early = early_change(section)
    for length in (SHORT, LONG):
        change = interface_change(section, early, length)
        if length == SHORT and change.rough > 0.5 * LEAST_STRENGTH:
            continue  # a mesh of bars: only the long window averages it out
        least = np.maximum(change.usual + np.float32(5.0) * change.spread, np.float32(LEAST_STRENGTH))
        labels, count = ndimage.label(change.strength > least)
        for where in ndimage.find_objects(labels)[:count]:
            body = _measure(section, change, where[0], where[1])
            if body is not None and next(iter(classify.chances_of(body))) == "debond":
                bodies.append(body)
    return _strongest(bodies)


def hold_against_base(bodies: Sequence[Body]) -> None:
    """Let the thickness of the bound layer, where it was measured, speak on gaps found under it; in place.

    Parameters
    ----------
    bodies : sequence of Body
        Those of `detect_debond` with ``asphalt_m`` in their evidence get the vote ``below_base_m``; the rest stay.
    """
    table = classify.load_table("debond")
    for body in bodies:
        base = body.evidence.get("asphalt_m")
        if body.source == "debond" and base is not None and body.depth is not None:
            below = {"below_base_m": body.depth - float(base)}
            body.evidence |= below
            body.votes["below_base_m"] = classify.vote(table, [below])[0]["below_base_m"]


@dataclass
class InterfaceChange:
    """How the echo of the bound layer's base differs from its intact reference.

    Attributes
    ----------
    first : int
        Sample at which the search begins: when the direct wave has passed.
    difference : ndarray, shape (trace, sample)
        Traces less the intact reference, averaged along the line, from the start of the record.
    strength : ndarray, shape (trace, sample)
        Its envelope from `first` on, over the incident wave, corrected for spreading and for leakage past dead traces.
    usual, spread : ndarray, shape (sample,)
        Median and scaled median absolute deviation of the strength along the line.
    length : float
        Window of the average along the line in m.
    rough : float
        Typical strength before that average: large over a mesh of bars.
    """

    first: int
    difference: np.ndarray
    strength: np.ndarray
    usual: np.ndarray
    spread: np.ndarray
    length: float
    rough: float


@dataclass
class EarlyChange:
    """What windows of any length have in common.

    Attributes
    ----------
    first, last : int
        Samples between which a base of the bound layer can answer.
    gain : ndarray, shape (sample,)
        What makes an echo a share of the incident wave, spreading undone.
    early, change, envelope : ndarray, shape (trace, sample)
        Traces in the band of the antenna from the start of the record on; their difference from the line nearby, and the
        envelope of that.
    """

    first: int
    last: int
    gain: np.ndarray
    early: np.ndarray
    change: np.ndarray
    envelope: np.ndarray


def early_change(section: Section) -> EarlyChange:
    """Take what the line shows nearby from the early part of each trace."""
    s = section
    air = 2 * s.height / C_AIR
    first = s.sample(s.separation / C_AIR + 0.45 / s.fc_nominal)
    last = max(s.sample(air + 2 * DEEPEST / (SPEED[0] - SPEED[1])) + 1, first + 2)
    stop = min(last + round(2.0 / (s.fc_nominal * s.dt)), s.t.size)
    gain = (spreading(s) / incident_level(s))[:stop].astype(np.float32)
    early = band_limited(s.raw[:, :stop], s.dt, s.fc_nominal)
    change = without_background(early, s.valid, max(3, round(REFERENCE / s.dx)))
    return EarlyChange(first, last, gain, early, change, analytic.envelope(change))


def interface_change(section: Section, early: EarlyChange, length: float) -> InterfaceChange:
    """Compare the early part of each trace with what the line shows where the layers are in contact.

    Parameters
    ----------
    section : Section
    early : EarlyChange
        Of the section.
    length : float
        Window of the average along the line, m.
    """
    s, first, last, gain = section, early.first, early.last, early.gain
    width = 2 * round(0.5 * length / s.dx) + 1
    mean, missing = smooth(early.change, s.valid, width)
    difference, envelope = _against_quiet_part(s, early.early, mean, gain, width)
    crest, _ = smooth(early.envelope, s.valid, width)
    used = slice(first, last)
    strength = envelope[:, used] - np.maximum(missing - np.float32(0.02), 0.0)[:, None] * crest[:, used]
    np.maximum(strength, 0.0, out=strength)
    strength *= gain[used]
    some = some_of(s.valid)
    live = strength[some]
    usual = median_trace(live)
    spread = np.float32(1.4826) * median_trace(np.abs(live - usual)) + np.float32(0.01)
    rough = float(np.median(crest[some, used] * gain[used]))
    return InterfaceChange(first, difference, strength, usual, spread, length, rough)


def _against_quiet_part(
    s: Section, early: np.ndarray, mean: np.ndarray, gain: np.ndarray, width: int
) -> tuple[np.ndarray, np.ndarray]:
    """Where more than half of the line is debonded, the median is not the intact reference: take the quiet part.

    Returns the difference from the reference, averaged along the line, and its envelope.

    Believed only where the direct wave has passed, since it adds to the echo of a thin layer with either sign.
    """
    envelope = analytic.envelope(mean)
    clear = s.sample(s.separation / C_AIR + 1.1 / s.fc_nominal)
    if clear + 4 >= mean.shape[1]:
        return mean, envelope
    level = envelope[:, clear:] * gain[clear:]
    odd = (level.max(axis=1) > LEAST_STRENGTH) & s.valid
    rest = s.valid & ~odd
    # over a mesh strong and weak traces alternate; debonded and intact stretches do not
    if (
        odd.sum() * s.dx < LEAST_WIDTH
        or rest.sum() < 3
        or np.diff(odd).sum() * s.dx > 0.5 * LEAST_WIDTH * odd.sum() * s.dx
    ):
        return mean, envelope
    k = clear + int(np.median(level[odd], axis=0).argmax())
    half = max(1, round(0.5 / (s.fc_nominal * s.dt)))
    near = early[:, k - half : k + half]
    inside, outside = (float((np.median(near[m], axis=0) ** 2).sum()) for m in (odd, rest))
    if inside > 0.25 * outside:
        return mean, envelope
    difference = smooth(early - np.median(early[odd], axis=0), s.valid, width)[0]
    return difference, analytic.envelope(difference)


def incident_level(section: Section) -> float:
    """Envelope peak of the direct wave, or of the typical trace where clipping has cut that."""
    s = section
    if s.incident is None:
        typical = np.abs(signal.hilbert(median_trace(s.raw[some_of(s.valid)])))
        near = np.abs(s.t - s.separation / C_AIR) < 1.2 / s.fc_nominal
        s.incident = max(s.direct_peak, float(typical[near].max()) if near.any() else 0.0, 1e-20)
    return s.incident


def spreading(section: Section) -> np.ndarray:
    """Cylindrical spreading over time against the direct wave, shape (sample,)."""
    direct = max(section.separation, 0.05) / C_AIR
    return np.sqrt(np.maximum(section.t, direct) / direct)


def _measure(s: Section, change: InterfaceChange, traces: slice, samples: slice) -> Body | None:
    """Turn a connected patch of strong change into a body, if it is flat, wide enough and starts below the surface."""
    patch = change.strength[traces, samples]
    i, k = np.unravel_index(int(patch.argmax()), patch.shape)
    at, k = traces.start + int(i), samples.start + int(k)
    near = max(1, round(0.25 / (s.fc_nominal * s.dt)))
    profile = change.strength[:, max(k - near, 0) : k + near + 1].max(axis=1)
    profile = np.interp(s.x, s.x[s.valid], profile[s.valid])
    middle = profile[traces]
    plateau = float(np.median(middle[middle > 0.7 * middle.max()]))
    x_min, x_max, closed = half_width(profile, s.x, at, 0.5 * plateau)
    width = x_max - x_min
    core = (s.x > x_min + 0.15 * width) & (s.x < x_max - 0.15 * width) & s.valid
    # what an average along the line has spread out is no narrower than its window
    if width < max(LEAST_WIDTH, change.length) or core.sum() < 2:
        return None
    stack = change.difference[core].mean(axis=0)
    t = arrival(s, stack, change.first + k)
    if width < math.hypot(fresnel_zone(s, t), change.length):
        return None
    moveout = moveout_ratio(s, change, k, x_min, x_max, t)
    surface = surface_ratio(s, stack)
    contrast = float((plateau - change.usual[k]) / change.spread[k])
    if abs(moveout) > 0.4 or surface > 0.6 or contrast < LEAST_CONTRAST:
        return None
    depth, sigma_depth = interface_depth(s, t)
    values = {
        "strength": plateau,
        "intact_strength": float(change.usual[k]),
        "contrast": contrast,
        "width_m": width,
        "moveout_ratio": moveout,
        "surface_ratio": surface,
        "interface_depth_m": depth,
        "frequency_ratio": centre_frequency(stack, s.dt, s.fc_nominal) / s.fc_nominal,
    }
    return Body(
        source="debond",
        x=0.5 * (x_min + x_max),
        t=t,
        channel=s.channel,
        offset=s.offset,
        depth=depth,
        x_min=x_min,
        x_max=x_max,
        sigma_x=max(0.5 * s.dx, 0.05),
        sigma_t=0.15 / s.fc_nominal,
        sigma_depth=sigma_depth,
        score=float(plateau / (plateau + LEAST_STRENGTH)),
        votes=classify.vote(classify.load_table("debond"), [values])[0],
        evidence=values,
        closed=closed,
        channels=[s.channel],
    )


def arrival(section: Section, stack: np.ndarray, near: int) -> float:
    """Time in ns of an echo from the rise of its envelope: later bounces inside the layer broaden only its tail."""
    s = section
    envelope = np.abs(signal.hilbert(stack))
    half = max(1, round(0.8 / (s.fc_nominal * s.dt)))
    low = max(near - half, 0)
    peak = low + int(envelope[low : near + half + 1].argmax())
    rise = np.abs(signal.hilbert(s.wavelet))
    lead = int(rise.argmax()) - int(np.flatnonzero(rise > 0.5 * rise.max())[0])
    k = peak
    while k > 0 and envelope[k - 1] > 0.5 * envelope[peak]:
        k -= 1
    return float(min(s.t[k] + lead * s.dt, s.t[peak]))


def fresnel_zone(section: Section, t: float) -> float:
    """Width in m of the first Fresnel zone at two-way time `t` (Sheriff, Geophysics 45, 1980, 961).

    A stone or a pocket is seen over as much of the line; no patch narrower than that is known to be flat.
    """
    depth = interface_depth(section, t)[0]
    quarter = 0.25 * SPEED[0] / section.fc_nominal
    return 2.0 * math.sqrt((depth + quarter) ** 2 - depth**2)


def moveout_ratio(s: Section, change: InterfaceChange, k: int, x_min: float, x_max: float, t: float) -> float:
    """Curvature of the echo over that of a point at its apex: 0 for a plate, 1 for a stone or a pipe."""
    inside = np.flatnonzero((s.x >= x_min) & (s.x <= x_max) & s.valid)
    reach = max(1, round(0.6 / (s.fc_nominal * s.dt)))
    low = max(k - reach, 0)
    window = change.strength[inside, low : k + reach + 1]
    times = s.t[change.first + low + window.argmax(axis=1)]
    along = s.x[inside] - 0.5 * (x_min + x_max)
    if inside.size < 4 or not np.ptp(along) > 0:
        return 0.0
    weight = window.max(axis=1)
    curvature = float(np.polyfit(along, times, 2, w=weight)[0])
    return curvature * SPEED[0] ** 2 * max(t, 1.0) / 2.0


def surface_ratio(section: Section, stack: np.ndarray) -> float:
    """Envelope of a change at the time of the direct wave over its largest: near 1 where the surface itself changes."""
    envelope = np.abs(signal.hilbert(stack))
    direct = section.separation / C_AIR
    near = np.abs(section.t[: stack.size] - direct) < 0.1 / section.fc_nominal
    return float(envelope[near].max() / max(envelope.max(), 1e-30)) if near.any() else 0.0


def interface_depth(section: Section, t: float) -> tuple[float, float]:
    """Depth in m of a flat interface at two-way time `t`, and its standard deviation."""
    ground = max(t - 2 * section.height / C_AIR, 0.0)
    depth = math.sqrt(max((0.5 * SPEED[0] * ground) ** 2 - (0.5 * section.separation) ** 2, 0.02**2))
    sigma = math.hypot(depth * SPEED[1] / SPEED[0], 0.5 * SPEED[0] * 0.15 / section.fc_nominal)
    return depth, sigma


def centre_frequency(wave: np.ndarray, dt: float, fc: float) -> float:
    """Power-weighted mean frequency in GHz between 0.2 and 3 times `fc`."""
    power = np.abs(np.fft.rfft(wave * np.hanning(wave.size), 1024)) ** 2
    freq = np.fft.rfftfreq(1024, dt)
    band = (freq > 0.2 * fc) & (freq < 3 * fc)
    return float((freq[band] * power[band]).sum() / max(power[band].sum(), 1e-30))


def _strongest(bodies: list[Body]) -> list[Body]:
    """Of patches over the same stretch keep the strongest: the later ones are its echoes inside the layer."""
    kept: list[Body] = []
    for body in sorted(bodies, key=lambda b: -b.score):
        low, high = float(body.x_min or body.x), float(body.x_max or body.x)
        if all(min(high, float(k.x_max or k.x)) - max(low, float(k.x_min or k.x)) < 0.3 * (high - low) for k in kept):
            kept.append(body)
    return kept

"""Columns: manholes and other shafts, which change the whole trace from the surface down over a metre of line.

A cast-iron cover or a shaft open to the surface alters the direct wave itself, sharply at both edges; what follows is
its own reverberation, or, under metal, a shadow in which the layers of the neighbouring traces are missing.
"""

from __future__ import annotations

import math

import numpy as np

from gprscan.detection import classify
from gprscan.detection.analytic import envelope
from gprscan.detection.body import Body
from gprscan.detection.condition import band_limited, without_background
from gprscan.detection.debond import incident_level
from gprscan.detection.lateral import half_width, runs, smooth
from gprscan.detection.section import Section
from gprscan.detection.settings import Settings
from gprscan.units import C_AIR

WINDOW = 0.30  # m along the line: averages out bars up to 0.15 m apart
REFERENCE = 16.0  # m of line that a column is compared with
LEAST_CHANGE = 0.30  # of the direct wave; a wet or repaired surface changes it by 0.2 at most
WIDTHS = (0.30, 2.50)  # m


def detect_columns(section: Section, settings: Settings) -> list[Body]:
    """Find manholes and shafts.

    Parameters
    ----------
    section : Section
        A conditioned channel.
    settings : Settings
        Of the detection.

    Returns
    -------
    list of Body
        With ``source="column"``, one per shaft: depth 0, extent along the line, bottom at the end of the record.
    """
    s = section
    if s.valid.sum() < 8:
        return []
    change = surface_change(s)
    live = change[s.valid]
    usual = float(np.median(live))
    spread = 1.4826 * float(np.median(np.abs(live - usual))) + 0.01
    bodies = []
    for first, last in runs((change > max(LEAST_CHANGE, usual + 6 * spread)) & s.valid, max(1, round(0.15 / s.dx))):
        body = _measure(s, change, usual, spread, first, last)
        if body is not None:
            bodies.append(body)
    return bodies


def surface_change(section: Section) -> np.ndarray:
    """Change of the direct wave against the line's own, as a share of it, shape (trace,)."""
    s = section
    direct = s.separation / C_AIR
    stop = s.sample(direct + 2.5 / s.fc_nominal) + 1
    early = band_limited(s.raw[:, :stop], s.dt, s.fc_nominal)
    odd = without_background(early, s.valid, max(3, round(REFERENCE / s.dx)))
    mean, _ = smooth(odd, s.valid, 2 * round(0.5 * WINDOW / s.dx) + 1)
    near = np.abs(s.t[:stop] - direct) < 0.35 / s.fc_nominal
    profile = envelope(mean)[:, near].max(axis=1) / incident_level(s)
    return np.interp(s.x, s.x[s.valid], profile[s.valid])


def _measure(s: Section, change: np.ndarray, usual: float, spread: float, first: int, last: int) -> Body | None:
    peak = first + int(change[first : last + 1].argmax())
    plateau = float(np.median(change[first : last + 1]))
    x_min, x_max, closed = half_width(change, s.x, peak, 0.5 * plateau)
    width = x_max - x_min
    if not WIDTHS[0] <= width <= WIDTHS[1]:
        return None
    inside = (s.x > x_min) & (s.x < x_max) & s.valid
    beside = s.valid & ~inside & (s.x > x_min - 2.0) & (s.x < x_max + 2.0)
    if inside.sum() < 2 or beside.sum() < 4:
        return None
    values = {
        "surface_change": plateau,
        "contrast": (plateau - usual) / spread,
        "width_m": width,
        "below_db": below_db(s, inside, beside),
        "likeness": likeness(s, inside, beside),
    }
    values["below_abs_db"] = abs(values["below_db"])
    return Body(
        source="column",
        x=0.5 * (x_min + x_max),
        t=2 * math.hypot(s.height, 0.5 * s.separation) / C_AIR,
        channel=s.channel,
        offset=s.offset,
        depth=0.0,
        t_bottom=float(s.t[-1]),
        x_min=x_min,
        x_max=x_max,
        sigma_x=max(0.5 * s.dx, 0.05),
        sigma_t=0.2 / s.fc_nominal,
        sigma_depth=0.03,
        score=float(np.clip(plateau / (plateau + LEAST_CHANGE), 0, 1)),
        votes=classify.vote(classify.load_table("column"), [values])[0],
        evidence=values,
        closed=closed,
        channels=[s.channel],
    )


def below_db(section: Section, inside: np.ndarray, beside: np.ndarray) -> float:
    """Energy below the surface pulse inside the column against beside it, dB: shadow (negative) or reverberation."""
    start = section.sample(section.separation / C_AIR + 1.5 / section.fc_nominal)
    energy = (section.raw[:, start:].astype(np.float64) ** 2).mean(axis=1)
    floor = section.noise**2
    ratio = max(float(np.median(energy[inside])), floor, 1e-30) / max(float(np.median(energy[beside])), floor, 1e-30)
    return 10 * math.log10(ratio)


def likeness(section: Section, inside: np.ndarray, beside: np.ndarray) -> float:
    """Correlation of the mean trace inside with that beside it, below the surface: near 1 if the layers run through."""
    start = section.sample(section.separation / C_AIR + 1.5 / section.fc_nominal)
    stop = start + max(8, round(6.0 / (section.fc_nominal * section.dt)))
    a, b = (section.raw[m, start:stop].mean(axis=0).astype(float) for m in (inside, beside))
    return float(a @ b / max(np.linalg.norm(a) * np.linalg.norm(b), 1e-30))

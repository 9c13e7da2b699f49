"""Pipes crossed obliquely: on one line they look as fast as ``v / cos(theta)``, as wide as a cavity, and are a hyperbola throughout.

A roof curved with radius R sends echoes back to a distance x from above itself only from where it is at right angles to the ray, at
``x R / (z + R)`` from its crest. A curve that looks much faster than the ground, with legs as strong as its apex, so needs
either a round roof of that radius (``v_app = v sqrt(1 + R / z)``, `gprscan.detection.size`) or a line crossed at an angle
(``v_app = v / cos(theta)``). One line cannot tell which: what is known of radii and of angles shares the probability out.
"""

from __future__ import annotations

import math

import numpy as np

from gprscan.detection.body import Body
from gprscan.detection.classify import Table
from gprscan.detection.size import FLOOR, Explained

FULL_LEGS = -3.0  # dB of the outer legs against the apex: a flat roof has none so strong
HYPERBOLA = 0.9  # coherence of what is one throughout
OBLIQUE = 0.2  # share of the pipes that is crossed at more than 30 degrees from the perpendicular
FASTER = (
    -np.log(np.cos(np.radians(np.arange(30.0, 76.0, 5.0))))
).tolist()  # of the apparent velocity at those angles, log
SIZE = ("excess_settled", "image_width_m", "sag_ratio")  # votes that take a pipe to be crossed at a right angle
MOST = 4.0  # of a vote
ROUND = ("cavity.air", "cavity.water", "water_rich", "loose")


def vote(table: Table, known: Explained, i: int, body: Body, excess: float, sigma: float) -> dict[str, float]:
    """Votes of an oblique crossing: log-likelihood per kind; empty for what is no hyperbola throughout.

    Parameters
    ----------
    table : dict
        Of hyperbolas.
    known : Explained
        What kinds explain at the depths of some bodies.
    i : int
        Number of the body among them.
    body : Body
        With its votes.
    excess : float
        Log of the apparent velocity over the ground's.
    sigma : float
        Its standard deviation, that of the ground's velocity included.
    """
    legs = body.evidence.get("legs_db")
    if legs is None or float(legs) < FULL_LEGS or float(body.evidence["coherence"]) < HYPERBOLA:
        return {}
    kinds, out = known.of(i), dict[str, float]()
    for kind in (k for k in table["prior"] if k.startswith("pipe.")):
        mean, spread = kinds[kind]
        spread = math.hypot(spread, sigma, FLOOR)
        across = _density(excess, mean, spread)
        along = sum(_density(excess, mean + faster, spread) for faster in FASTER) / len(FASTER)
        gain = math.log(1.0 - OBLIQUE + OBLIQUE * along / max(across, 1e-12))
        said = -sum(body.votes.get(name, {}).get(kind, 0.0) for name in SIZE)
        out[kind] = round(min(max(gain, 0.0), max(said, 0.0), MOST), 3)
    for kind in (k for k in ROUND if k in kinds):
        mean, spread = kinds[kind]
        away = max((excess - mean) / math.hypot(spread, sigma, FLOOR), 1.0)
        out[kind] = -round(min(0.5 * (away**2 - 1.0), MOST), 3)
    out["debond"] = -MOST  # a gap is flat, and has no legs
    return out


def _density(value: float, mean: float, sd: float) -> float:
    return math.exp(-0.5 * ((value - mean) / sd) ** 2) / sd

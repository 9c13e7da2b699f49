"""Echoes that came back by way of two bodies: from the surface to one, across to the other, and up.

Each body lies somewhere between the point that its apex would be and the round top that its own curve makes it, of radius
``R = z (v_app^2 / v^2 - 1)`` (`gprscan.detection.size`). For round tops the shortest way by both is that by their centres, less
``2 R cos(w / 2)`` at each, where the way turns by ``pi - w``. For points it is that of a mirror, ``sqrt(dx^2 + (z1 + z2)^2)``, and the way across.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import combinations

import numpy as np

from gprscan.detection.body import Body
from gprscan.detection.fit import SAME_PLACE

# times as loud as what came by way of both. Across and up it spreads once more, but what meets air at more than 20 degrees is mirrored
# whole, of which the echo from straight above is a half: a corner between two cavities is as loud as these
LOUDER = 0.8
FARTHEST = 2.0  # m between two bodies that still light up each other
MOST_PARTNERS = 5  # bodies above: of the pairs of more, such as the bars of a mesh, one fits any echo by chance
LARGEST = 0.5  # m, of a radius
PLACES = np.linspace(0.0, 1.0, 41)  # of an antenna between two bodies, as a share of the way


def scattered_twice(child: Body, others: Sequence[Body], period: float) -> bool:
    """Did a hyperbola come back by way of two others, both earlier and about as loud or louder?

    Parameters
    ----------
    child : Body
        With its depth and velocity.
    others : sequence of Body
        That may have lit up each other; only hyperbolas count.
    period : float
        One period of the antenna in ns.
    """
    if child.source != "diffraction" or loudness(child) <= 0.0:
        return False
    near = [b for b in others if b is not child and b.source == "diffraction" and abs(b.x - child.x) < FARTHEST]
    earlier = [b for b in near if b.t < child.t - period and loudness(b) > LOUDER * loudness(child)]
    if len(earlier) > MOST_PARTNERS:
        return False
    return any(_by_way_of(child, a, b, period) for a, b in combinations(earlier, 2))


def loudness(body: Body) -> float:
    """Largest sample of an echo, up to a factor that all of a line share; 0 where the direct wave was not seen."""
    level = body.evidence.get("amplitude_db")
    return 0.0 if level is None else 10.0 ** (float(level) / 20.0) / math.sqrt(max(body.t, 0.1))


def _by_way_of(child: Body, a: Body, b: Body, period: float) -> bool:
    """Does a hyperbola lie where the echo by way of two bodies has its apex, and come when that does?"""
    same = SAME_PLACE * period
    if not same < abs(a.x - b.x) < FARTHEST:
        return False
    # what time the way through air takes, and the antennas' separation
    ahead = 0.5 * sum(q.t - 2.0 * _depth(q) / _velocity(q) for q in (a, b))
    velocity = 0.5 * (_velocity(a) + _velocity(b))
    (place, length), (round_place, round_length) = (_shortest(a, b, radius) for radius in (lambda _: 0.0, radius_of))
    last, first = ahead + length / velocity, ahead + round_length / velocity
    # the velocity is not known for sure, and more or less of each path is longer than the other's
    spread = max(float(q.sigma_velocity or 0.0) / _velocity(q) for q in (a, b))
    late = 0.5 * period + spread * abs(last - max(a.t, b.t))
    low, high = min(place, round_place), max(place, round_place)
    return low - same < child.x < high + same and first - late < child.t < last + late


def radius_of(body: Body) -> float:
    """Radius of the top of a body that its curve, by one sigma of the ground's velocity faster, would have, m."""
    excess = float(body.evidence.get("excess_settled") or 0.0) + float(body.sigma_velocity or 0.0) / _velocity(body)
    return min(max(_depth(body) * (math.exp(2.0 * excess) - 1.0), 0.0), LARGEST)


def _shortest(a: Body, b: Body, radius_of: Callable[[Body], float]) -> tuple[float, float]:
    """Place of the antenna for which the way by two round tops is shortest, and its length, m."""
    x, r = np.array([a.x, b.x]), np.array([radius_of(a), radius_of(b)])
    z = np.array([_depth(a), _depth(b)]) + r
    at = x[0] + PLACES * (x[1] - x[0])
    across = math.hypot(x[1] - x[0], z[1] - z[0])
    length = np.full(at.size, across)
    for i, j in ((0, 1), (1, 0)):
        up = np.hypot(at - x[i], z[i])
        # between the way up and the way across
        cosine = ((at - x[i]) * (x[j] - x[i]) - z[i] * (z[j] - z[i])) / (up * across)
        length += up - 2.0 * r[i] * np.sqrt(0.5 * (1.0 + np.clip(cosine, -1.0, 1.0)))
    k = int(np.argmin(length))
    return float(at[k]), float(length[k])


def _depth(body: Body) -> float:
    return max(float(body.depth or 0.0), 0.01)


def _velocity(body: Body) -> float:
    return float(body.velocity or 0.1)

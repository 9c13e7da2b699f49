"""One body, one row: what several detectors claim about the same place."""

from __future__ import annotations

import math

from gprscan.detection.body import Body
from gprscan.detection.classify import by_kind, detailed
from gprscan.detection.neighbours import LONGEST_BOUNCE, UNDER, level
from gprscan.units import C_AIR

LONG_ROW = 6  # bars
LONGEST_INSIDE = 3.5  # periods between the roof of a cavity and the last bounce in it that is worth a row
NARROWEST = 0.12  # m, half the width of a cavity whose width is not resolved
EDGE = 0.30  # m beyond the width that is seen: the flanks of a round roof send nothing back
SURE = 0.5  # probability of a cavity, or of water, from which on a body owns what comes from inside it
WATER = C_AIR / 9.0  # m/ns
NARROWEST_BORE = 0.08  # m
WIDEST_POINT = 0.35  # m along the line that the image of a point may have
OWN_ECHO = ("rebar", "manhole")  # kinds that no echo from inside another body is taken for


def merge(bodies: list[Body], period: float) -> list[Body]:
    """Drop the claims that a better explanation of the same echoes covers.

    A shaft owns everything within its walls: what lies under its cover is its own reverberation. A gap under the bound
    layer owns the diffractions of its rims and its multiples. A mesh owns what is no deeper than its own echo; where many bars stand in a
    row, there is no shaft. A zone and a hyperbola on the same top are one body, named by whichever is surer. A cavity owns
    the weaker echoes from between its roof and its floor, what is filled with water its far wall.

    Parameters
    ----------
    bodies : list of Body
        Of one channel, with their votes.
    period : float
        One period of the antenna in ns.

    Returns
    -------
    list of Body
    """
    details = {id(b): detailed(b.votes) for b in bodies}
    chances = {key: by_kind(each) for key, each in details.items()}
    kind = {id(b): next(iter(chances[id(b)])) for b in bodies}
    dropped: set[int] = _shafts_and_rows(bodies, kind)
    for owner in bodies:
        if owner.x_min is None or owner.x_max is None or owner.source == "diffraction" or id(owner) in dropped:
            continue
        mine = kind[id(owner)]
        for other in bodies:
            if other is owner or id(other) in dropped:
                continue
            margin = 0.15 if mine == "manhole" else 0.10
            inside = owner.x_min - margin <= other.x <= owner.x_max + margin
            if not inside:
                continue
            if (
                (mine == "manhole" and kind[id(other)] != "manhole")
                or (mine == "debond" and _same_top(owner, other, 2.0 * period))
                or (mine == "rebar" and other.source == "diffraction" and other.t < owner.t + period)
            ):
                dropped.add(id(other))
            elif owner.source == "zone" and _same_top(owner, other, 1.5 * period):
                # a hyperbola that is clutter by itself is a rim or an edge of the roof, and no rival
                rival = kind[id(other)] != "clutter" and chances[id(owner)][mine] < chances[id(other)][kind[id(other)]]
                # nor is the roof one where it is a hyperbola throughout that may be a line crossed obliquely
                rival |= bool(other.votes.get("oblique"))
                dropped.add(id(owner) if rival else id(other))
                if rival:
                    break
    left = [b for b in bodies if id(b) not in dropped]
    owners = [b for b in left if chances[id(b)].get("cavity", 0.0) >= SURE]
    left = [b for b in left if not any(_echo_inside(a, b, period) for a in owners)]
    full = [b for b in left if b.source == "diffraction" and _of_water(details[id(b)]) >= SURE]
    return [b for b in left if kind[id(b)] in OWN_ECHO or not any(_far_wall(a, b) for a in full)]


def _of_water(chances: dict[str, float]) -> float:
    """Probability of being filled with water."""
    return sum(chance for kind, chance in chances.items() if kind.endswith(".water"))


def _far_wall(owner: Body, other: Body) -> bool:
    """Is `other` the far wall of the water-filled pipe or void `owner`?

    It has the sign of air, and comes long after the top (``2 w / (c / 9)`` for a width w) right below it, on a curve slower
    than the ground, since it keeps the moveout of the top; in the image it is as narrow as a point.
    """
    if other.source not in ("diffraction", "zone") or other.polarity < 0:
        return False
    below = abs(other.x - owner.x) < UNDER and 2 * NARROWEST_BORE / WATER < other.t - owner.t < LONGEST_BOUNCE
    excess = other.evidence.get("excess_settled")
    return below and ((other.length or 0.0) <= WIDEST_POINT if excess is None else float(excess) < 0.0)


def _echo_inside(owner: Body, other: Body, period: float) -> bool:
    """Is `other` the floor of the cavity `owner`, its roof again, an edge of it, or a bounce between roof and floor?

    Air between them is crossed in a few periods at most, and every echo from in there comes out weaker than the roof's, on
    a curve that follows the roof's. What lies on the roof that is seen, and has none of its own in the image, is a part of it.
    """
    apart = abs(other.x - owner.x)
    half = 0.5 * max(float(owner.evidence.get("image_width_m") or 0.0), 2 * NARROWEST)
    if apart >= half + EDGE or level(other) >= level(owner):
        return False
    speed = owner.evidence.get("apparent_velocity_m_ns")
    curve = math.hypot(owner.t, 2 * apart / float(speed)) if speed else owner.t
    later = other.t - curve
    if apart < half:
        again = other.evidence.get("reflectivity_db") is None and abs(other.t - owner.t) <= 0.3 * period
        if again or 0.3 * period < other.t - owner.t < LONGEST_INSIDE * period:
            return True
    return 0.15 * period < later < 1.2 * period


def _shafts_and_rows(bodies: list[Body], kind: dict[int, str]) -> set[int]:
    """What goes of a shaft and a row of bars at one place: a short row is the shaft's rim, a long one no shaft ends."""
    gone: set[int] = set()
    for shaft in bodies:
        if kind[id(shaft)] != "manhole" or shaft.x_min is None or shaft.x_max is None:
            continue
        rows = {b.group for b in bodies if b.group is not None and shaft.x_min <= b.x <= shaft.x_max}
        for row in rows:
            bars = [b for b in bodies if b.group == row]
            gone |= {id(shaft)} if len(bars) >= LONG_ROW else {id(b) for b in bars}
    return gone


def _same_top(owner: Body, other: Body, tolerance: float) -> bool:
    last = owner.t if owner.t_bottom is None else max(owner.t, owner.t_bottom)
    return owner.t - tolerance <= other.t <= last + tolerance

"""One body, one row: what several detectors claim about the same place."""

from __future__ import annotations

import math

from scipy.special import logit

from gprscan.detection.body import Body
from gprscan.detection.classify import chances_of, details_of
from gprscan.detection.neighbours import LONGEST_BOUNCE, UNDER, level
from gprscan.detection.twice import scattered_twice
from gprscan.names import HAZARD_KINDS
from gprscan.units import C_AIR

LONG_ROW = 6  # bars
LONGEST_INSIDE = 3.5  # periods between the roof of a cavity and the last bounce in it that is worth a row
NARROWEST = 0.12  # m, half the width of a cavity whose width is not resolved
EDGE = 0.30  # m beyond the width that is seen: the flanks of a round roof send nothing back
SURE = 0.5  # probability of a cavity, or of water, from which on a body owns what comes from inside it; of metal, that is no wall
WATER = C_AIR / 9.0  # m/ns
NARROWEST_BORE = 0.08  # m
LIKE_TOP = 0.25  # of the moveout of the top, in the log of the velocity: a round bore filled with water is a lens, and bends it
WIDEST_POINT = 0.35  # m along the line that the image of a point may have
CLEARLY = 1.0  # log of the odds by which a hyperbola has to be surer than a roof of the same kind
OWN_ECHO = ("rebar", "manhole")  # kinds that no echo from inside another body is taken for


def merge(bodies: list[Body], period: float) -> list[Body]:
    """Drop the claims that a better explanation of the same echoes covers.

    A shaft owns everything within its walls: what lies under its cover is its own reverberation. A gap under the bound
    layer owns the diffractions of its rims and its multiples. A mesh owns what is no deeper than its own echo; where many bars stand in a
    row, there is no shaft. A zone and a hyperbola on the same top are one body, named by whichever is surer. A cavity owns
    the weaker echoes from between its roof and its floor, what is filled with water its far wall. What came back by way of two bodies is none.

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
    details = {id(b): details_of(b) for b in bodies}
    chances = {id(b): chances_of(b) for b in bodies}
    kind = {id(b): next(iter(chances[id(b)])) for b in bodies}
    likely = [b for b in bodies if kind[id(b)] != "clutter"]
    gone = _shafts_and_rows(bodies, kind) | {id(b) for b in bodies if scattered_twice(b, likely, period)}
    areas = [b for b in bodies if b.x_min is not None and b.x_max is not None and b.source != "diffraction"]
    # the surest first, and what is gone claims nothing: else it would matter in which order they were found
    for owner in sorted(areas, key=lambda b: (-chances[id(b)][kind[id(b)]], b.x, b.t)):
        if id(owner) in gone:
            continue
        under = [b for b in bodies if b is not owner and id(b) not in gone and _covers(owner, b, kind[id(owner)])]
        claimed = {id(b) for b in under if _owns(owner, b, kind, period)}
        same = [
            b for b in under if owner.source == "zone" and id(b) not in claimed and _same_top(owner, b, 1.5 * period)
        ]
        rivals = [b for b in same if _rivals(owner, b, kind, chances)]
        # the roof stands, and all else on it is a rim; or what explains it better does, and what lies on that is one
        rims = [b for b in same if all(b is not r for r in rivals)]
        gone |= claimed | {id(b) for b in rims if not rivals or any(_lies_on(b, r) for r in rivals)}
        gone |= {id(owner)} if rivals else set()
    left = [b for b in bodies if id(b) not in gone]
    cavities = [b for b in left if chances[id(b)].get("cavity", 0.0) >= SURE]
    for owner in sorted(cavities, key=lambda b: (-level(b), b.x, b.t)):
        if id(owner) not in gone:
            gone |= {id(b) for b in left if _echo_inside(owner, b, period)}
    full = [b for b in left if b.source == "diffraction" and _of_water(details[id(b)]) >= SURE]
    # what is sure to be metal by its own votes is none, whichever sign was read of it
    walls = [b for b in left if kind[id(b)] not in OWN_ECHO and details[id(b)].get("pipe.metal", 0.0) < SURE]
    for owner in sorted(full, key=lambda b: (b.t, b.x)):
        if id(owner) not in gone:
            gone |= {id(b) for b in walls if _far_wall(owner, b)}
    return [b for b in left if id(b) not in gone]


def _covers(owner: Body, other: Body, kind: str) -> bool:
    """Does a body lie within the extent of another, which is of some kind?"""
    margin = 0.15 if kind == "manhole" else 0.10
    return (owner.x_min or 0.0) - margin <= other.x <= (owner.x_max or 0.0) + margin


def _owns(owner: Body, other: Body, kind: dict[int, str], period: float) -> bool:
    """Is what lies within an area a part of it, whatever it is taken for?"""
    mine = kind[id(owner)]
    return (
        (mine == "manhole" and kind[id(other)] != "manhole")
        or (mine == "debond" and other.source != "rebar" and _same_top(owner, other, 2.0 * period))
        or (mine == "rebar" and other.source == "diffraction" and other.t < owner.t + period)
    )


def _rivals(roof: Body, other: Body, kind: dict[int, str], chances: dict[int, dict[str, float]]) -> bool:
    """Does a body on the same top explain it better than a roof does?

    A hyperbola that is clutter by itself is a rim or an edge of the roof. One with strong legs throughout, as fast as a pipe
    crossed obliquely, is no roof, however sure that seems.
    """
    theirs = kind[id(other)]
    if theirs == "clutter":
        return False
    crossed = any(said > 0 for said in other.votes.get("oblique", {}).values())
    mine = kind[id(roof)]
    if mine == theirs and not crossed:
        # both rims of a wide roof look like the body itself, and are as sure as chance has it
        return bool(logit(chances[id(other)][theirs]) > logit(chances[id(roof)][mine]) + CLEARLY)
    if mine in HAZARD_KINDS and theirs not in HAZARD_KINDS:
        # a roof of a cavity or of loose ground is no pipe, whichever of the two it is
        return crossed or sum(chances[id(roof)].get(kind, 0.0) for kind in HAZARD_KINDS) < chances[id(other)][theirs]
    return crossed or chances[id(roof)][mine] < chances[id(other)][theirs]


def _of_water(chances: dict[str, float]) -> float:
    """Probability of being filled with water."""
    return sum(chance for kind, chance in chances.items() if kind.endswith(".water"))


def _far_wall(owner: Body, other: Body) -> bool:
    """Is `other` the far wall of the water-filled pipe or void `owner`?

    It comes long after the top (``2 w / (c / 9)`` for a width w) right below it, on a curve slower than the ground, by more than
    that is known to and by a good part of what it would be with the moveout of the top; in the image it is as narrow as a point. Its sign says nothing: a round bore filled with water is a
    lens, and the phase of what has passed a focus is turned by a quarter of a period (Born and Wolf, Principles of Optics, 7th
    ed., section 8.8.4).
    """
    if other.source not in ("diffraction", "zone"):
        return False
    below = abs(other.x - owner.x) < UNDER and 2 * NARROWEST_BORE / WATER < other.t - owner.t < LONGEST_BOUNCE
    excess = other.evidence.get("excess_settled")
    if excess is None:
        return below and (other.length or 0.0) <= WIDEST_POINT
    known = float(other.sigma_velocity or 0.0) / float(other.velocity or 1.0)
    # with the moveout of the top the velocity falls as the root of the time
    kept = 0.5 * math.log(owner.t / other.t) if 0.0 < owner.t < other.t else 0.0
    return below and float(excess) < min(-known, LIKE_TOP * kept)


def _echo_inside(owner: Body, other: Body, period: float) -> bool:
    """Is `other` the floor of the cavity `owner`, its roof again, an edge of it, or a bounce between roof and floor?

    Air between them is crossed in a few periods at most, and every echo from in there comes out weaker than the roof's, on
    a curve that follows the roof's. What lies on the roof that is seen, and has none of its own in the image, is a part of it.
    """
    apart = abs(other.x - owner.x)
    half = _half_width(owner)
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


def _lies_on(rim: Body, body: Body) -> bool:
    """Does a hyperbola lie on the roof that the image shows of another?"""
    return abs(rim.x - body.x) <= _half_width(body) + 0.10


def _half_width(body: Body) -> float:
    """Half the width of a roof as the image shows it, m."""
    return 0.5 * max(float(body.evidence.get("image_width_m") or 0.0), 2 * NARROWEST)


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

"""One body, one row: what several detectors claim about the same place."""

from __future__ import annotations

from gprscan.detection.body import Body
from gprscan.detection.classify import posterior

LONG_ROW = 6  # bars


def merge(bodies: list[Body], period: float) -> list[Body]:
    """Drop the claims that a better explanation of the same echoes covers.

    A shaft owns everything within its walls: what lies under its cover is its own reverberation. A gap under the bound
    layer owns the diffractions of its rims and its multiples. A mesh owns what is no deeper than its own echo; where many bars stand in a row, there is no shaft. A zone and a hyperbola on the
    same top are one body, named by whichever is surer.

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
    chances = {id(b): posterior(b.votes) for b in bodies}
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
                surer = chances[id(owner)][mine] >= chances[id(other)][kind[id(other)]]
                dropped.add(id(other) if surer else id(owner))
    return [b for b in bodies if id(b) not in dropped]


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

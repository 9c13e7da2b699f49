"""What else is there: echoes that follow another body's, and peers of the same strength along the line.

A stone comes with many of its like; a body seldom lies right under another, but the bounces inside one always do.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gprscan.detection.body import Body
from gprscan.detection.section import Section
from gprscan.kernels import nearby

UNDER = 0.10  # m along the line
LONGEST_BOUNCE = 24.0  # ns: across a water-filled pipe of 0.4 m
AROUND = 4.0  # m along the line to each side
LIKE = 5.0  # dB: what is at most so much weaker is a peer
FOLLOWS = 10.0  # dB: echoes of one body, top and bottom, differ by at most so much
UNSEEN = -60.0  # dB, of a body that the image does not show


def compare(section: Section, bodies: Sequence[Body]) -> None:
    """Measure each body against the others of its section, in place.

    ``under_db`` in the evidence: reflectivity of the strongest body right above over its own, dB; None where there is none.
    ``under_margin``: that one's ``onset_margin``, where it is not much weaker: below water and metal there are bounces.
    ``floor_ns``, ``floor_db``: delay and reflectivity over its own of the strongest body right below, where that is not much
    weaker: the far wall of a water-filled bore of width w comes ``2 w / (c / 9)`` later, as loud as its top.
    ``peers_per_m``: bodies beside it that reflect as much, per metre of line.
    """
    x, t, levels = np.array([(b.x, b.t, level(b)) for b in bodies], float).reshape(-1, 3).T
    bounce = (0.8 / section.fc_nominal, LONGEST_BOUNCE)
    loudest, peers = nearby.compare(x, t, levels, np.argsort(x, kind="stable"), UNDER, bounce, AROUND, LIKE)
    for body, own, (above, below), beside in zip(
        bodies, levels.tolist(), loudest.tolist(), peers.tolist(), strict=True
    ):
        body.evidence |= dict.fromkeys(("under_db", "under_margin", "floor_ns", "floor_db"))
        if above >= 0:
            body.evidence["under_db"] = float(levels[above]) - own
            if levels[above] > own - FOLLOWS and not bodies[above].stone:
                body.evidence["under_margin"] = bodies[above].evidence.get("onset_margin")
        if below >= 0 and levels[below] > own - FOLLOWS:
            body.evidence["floor_ns"], body.evidence["floor_db"] = float(t[below]) - body.t, float(levels[below]) - own
        length = min(body.x + AROUND, section.x[-1]) - max(body.x - AROUND, section.x[0])
        body.evidence["peers_per_m"] = beside / max(float(length), 1.0)


def level(body: Body) -> float:
    """Reflectivity of a body's roof in dB."""
    value = body.evidence.get("reflectivity_db")
    return UNSEEN if value is None else float(value)

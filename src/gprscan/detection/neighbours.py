"""What else is there: echoes that follow another body's, and peers of the same strength along the line.

A stone comes with many of its like; a body seldom lies right under another, but the bounces inside one always do.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gprscan.detection.body import Body
from gprscan.detection.section import Section

UNDER = 0.10  # m along the line
LONGEST_BOUNCE = 24.0  # ns: across a water-filled pipe of 0.4 m
AROUND = 4.0  # m along the line to each side
LIKE = 5.0  # dB: what is at most so much weaker is a peer
UNSEEN = -60.0  # dB, of a body that the image does not show


def compare(section: Section, bodies: Sequence[Body]) -> None:
    """Measure each body against the others of its section, in place.

    ``under_db`` in the evidence: reflectivity of the strongest body right above over its own, dB; None where there is none.
    ``peers_per_m``: bodies beside it that reflect as much, per metre of line.
    """
    period = 1.0 / section.fc_nominal
    x, t, levels = np.array([(b.x, b.t, level(b)) for b in bodies]).reshape(-1, 3).T
    order = np.argsort(x, kind="stable")
    firsts, lasts = (np.searchsorted(x[order], x + side * AROUND) for side in (-1.0, 1.0))
    for body, own, first, last in zip(bodies, levels.tolist(), firsts.tolist(), lasts.tolist(), strict=True):
        near = order[first:last]
        apart, later = np.abs(x[near] - body.x), body.t - t[near]
        above = levels[near][(apart < UNDER) & (0.8 * period < later) & (later < LONGEST_BOUNCE)]
        body.evidence["under_db"] = float(above.max() - own) if above.size else None
        beside = np.count_nonzero((apart > 0.15) & (apart < AROUND) & (levels[near] > own - LIKE))
        length = min(body.x + AROUND, section.x[-1]) - max(body.x - AROUND, section.x[0])
        body.evidence["peers_per_m"] = beside / max(float(length), 1.0)


def level(body: Body) -> float:
    """Reflectivity of a body's roof in dB."""
    value = body.evidence.get("reflectivity_db")
    return UNSEEN if value is None else float(value)

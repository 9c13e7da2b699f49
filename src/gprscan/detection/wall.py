"""The top of a concrete pipe: its loudest echo comes from the bore, the outer face lies a wall above that."""

from __future__ import annotations

import math

from gprscan.detection.body import Body
from gprscan.detection.classify import chances_of, details_of
from gprscan.detection.evidence import PEAK_LAG
from gprscan.units import C_AIR

PERMITTIVITY = 7.0  # of concrete, as for `gprscan.detection.evidence.wall_ratios`
THICKNESS, SPREAD = 0.05, 0.01  # m, of usual walls
LEAST = 0.05  # chance of concrete from which on it matters
DELAY = 2.0 * math.sqrt(PERMITTIVITY) / C_AIR  # ns per m of wall


def to_outer_face(body: Body, period: float) -> None:
    """Move the top of a body that is a pipe up by the wall it has if it is of concrete, times the chance of that, in place.

    Where the onset was read before the main echo, it is the outer face already. What is moved is in the evidence (``wall_ns``).

    Parameters
    ----------
    body : Body
        With its velocity and depth settled.
    period : float
        One period of the antenna in ns.
    """
    pipes = chances_of(body).get("pipe", 0.0)
    concrete = details_of(body).get("pipe.concrete", 0.0) / pipes if pipes > 0 else 0.0
    if body.source != "diffraction" or body.depth is None or body.velocity is None or concrete < LEAST:
        return
    main = float(body.evidence["apex_ns"]) + float(body.evidence["peak_ns"]) - PEAK_LAG * period
    shift = concrete * max(DELAY * THICKNESS - max(main - body.t, 0.0), 0.0)
    # the wall is not known, nor that there is one
    sigma = DELAY * math.hypot(concrete * SPREAD, math.sqrt(concrete * (1.0 - concrete)) * THICKNESS)
    body.t -= shift
    body.sigma_t = math.hypot(body.sigma_t or 0.0, sigma)
    body.depth -= 0.5 * body.velocity * shift
    body.sigma_depth = math.hypot(body.sigma_depth or 0.0, 0.5 * body.velocity * sigma)
    body.evidence["wall_ns"] = shift

"""Settling a line: its bodies share one ground, and each body's velocity, size, depth and votes follow from it."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from gprscan.detection import classify, oblique, size
from gprscan.detection.body import Body
from gprscan.detection.ground import Ground
from gprscan.units import C_AIR

ROUNDS = 2
SLOWEST = -0.20  # log of the apparent velocity over the ground's, with two sigma in its favour
REACH = 50.0  # m of line over which bodies share one ground


def settle(bodies: list[Body], prior: Ground, height: float, separation: float) -> np.ndarray:
    """Settle the diffracting bodies of a line in place.

    The ground's factor at each body is the prior corrected by the other bodies nearby, each by what its apparent velocity
    leaves after the size that its kind explains; with the ground known, the excess of the apparent velocity tells large
    from small; and so on, twice.

    Parameters
    ----------
    bodies : list of Body
        Those with ``source="diffraction"`` are settled; the others are left alone.
    prior : Ground
        Velocities before anything was measured.
    height, separation : float
        Of the antenna, m.

    Returns
    -------
    ndarray, shape (body, 3)
        Place of each body that was settled in m, log of the ground's factor by it alone, and its sigma: together they
        update the prior to the ground of the whole line.
    """
    table = classify.load_table("diffraction")
    mine = [b for b in bodies if b.source == "diffraction"]
    x = np.array([b.x for b in mine])
    # in the order of x, what is near is one run
    order = np.argsort(x, kind="stable")
    firsts = np.searchsorted(x[order], x - REACH, side="right")
    lasts = np.searchsorted(x[order], x + REACH, side="left")
    chances = [_without_size(b) for b in mine]
    for _ in range(ROUNDS):
        measured = np.array([_measured(table, *both) for both in zip(mine, chances, strict=True)]).reshape(-1, 2)
        for i, body in enumerate(mine):
            near = order[firsts[i] : lasts[i]]
            others = near[near != i]
            ground = prior.updated(*measured[others].T) if others.size else prior
            if _settle_one(table, body, ground, prior, height, separation):
                chances[i] = _without_size(body)
    said = [(body.x, *_measured(table, body, chance)) for body, chance in zip(mine, chances, strict=True)]
    return np.array(said).reshape(-1, 3)


def _depth(body: Body) -> float:
    return body.depth if body.depth is not None else 0.5


def _without_size(body: Body) -> dict[str, float]:
    """Probabilities of a body by all that does not depend on the ground."""
    return classify.detailed({k: v for k, v in body.votes.items() if k not in ("excess_settled", "oblique")})


def _measured(table: classify.Table, body: Body, chances: dict[str, float]) -> tuple[float, float]:
    """Log of the ground's factor by this body alone, and its sigma, wider where the body may be clutter."""
    value, sigma = size.ground_measurement(
        table, chances, float(body.evidence["excess"]), float(body.evidence["sigma_apparent"]), _depth(body)
    )
    doubt = 1.0 + 3.0 * classify.by_kind(chances).get("clutter", 0.0)
    return value, sigma * doubt


def _settle_one(
    table: classify.Table, body: Body, ground: Ground, prior: Ground, height: float, separation: float
) -> bool:
    """Votes on size, then velocity, radius and depth with their sigmas, of one body over a known ground.

    Returns whether a vote was cast that stays whatever the ground is found to be.
    """
    excess, sigma = float(body.evidence["excess"]), float(body.evidence["sigma_apparent"])
    shift = math.log(ground.factor / prior.factor)
    body.evidence["excess_settled"] = excess - shift
    body.votes["excess_settled"] = classify.read_curve(table, "excess_settled", excess - shift)
    body.votes["oblique"] = oblique.vote(table, body, excess - shift, math.hypot(sigma, ground.spread))
    # no top curves the other way: what looks so much slower than the ground is a bounce, a crossing of tails, or chance
    slow = "slow_curve" not in body.votes and excess - shift + 2 * math.hypot(sigma, ground.spread) < SLOWEST
    if slow:
        body.votes["slow_curve"] = {"clutter": 4.0}
    value, spread = size.ground_measurement(table, classify.detailed(body.votes), excess - shift, sigma, _depth(body))
    factor, relative = size.combine(ground, value, spread)
    local = replace(ground, factor=ground.factor * factor)
    air = 2 * height / C_AIR
    travel = max(body.t - air, 0.0)
    velocity = local.rms(travel)
    body.velocity = velocity
    body.sigma_velocity = velocity * relative
    # the legs of the ray spread by the separation of the antennas: straight down takes a little less
    body.depth = local.depth(math.sqrt(max(travel**2 - (separation / velocity) ** 2, 0.0)))
    body.sigma_depth = math.hypot(body.depth * relative, 0.5 * velocity * (body.sigma_t or 0.0))
    radius, sigma_radius = size.radius(excess, factor * math.exp(shift), body.depth, math.hypot(sigma, relative))
    resolved = radius > 0 and sigma_radius < 0.4 * radius
    body.evidence["radius_m"] = radius if resolved else None
    body.evidence["radius_resolved"] = resolved
    body.evidence["ground_factor"] = local.factor
    return slow

"""Settling a line: its bodies share one ground, and each body's velocity, size, depth and votes follow from it."""

from __future__ import annotations

import math

import numpy as np

from gprscan.detection import classify, oblique, size
from gprscan.detection.body import Body
from gprscan.detection.ground import Ground
from gprscan.units import C_AIR

ROUNDS = 2
SLOWEST = -0.20  # log of the apparent velocity over the ground's, with two sigma in its favour
OF_GROUND = ("excess_settled", "oblique")  # votes that depend on what the ground is found to be
REACH = 50.0  # m of line over which bodies share one ground


def settle(bodies: list[Body], prior: Ground, height: float, separation: float) -> np.ndarray:
    """Settle the diffracting bodies of a line in place.

    The ground's factor at each body is the prior corrected by the other bodies nearby, each by what its apparent velocity
    leaves after the size that its kind explains; with the ground known, the excess of the apparent velocity tells large
    from small; and so on, twice.

    Parameters
    ----------
    bodies : list of Body
        Those with ``source="diffraction"`` are settled; the others are left alone. Of stones without votes only what they say
        of the ground is used.
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
    # in the order of x, what is near is one run
    everyone = sorted((b for b in bodies if b.source == "diffraction"), key=lambda b: b.x)
    x = np.array([b.x for b in everyone])
    said = _of_stones(table, everyone)
    open_ = [k for k, b in enumerate(everyone) if not b.stone]
    weighed = [k for k, b in enumerate(everyone) if b.votes]
    mine = [everyone[k] for k in weighed]
    own = np.searchsorted(weighed, open_)
    firsts = np.searchsorted(x, x[weighed] - REACH, side="right").tolist()
    lasts = np.searchsorted(x, x[weighed] + REACH, side="left").tolist()
    fixed = [classify.gathered({k: v for k, v in b.votes.items() if k not in OF_GROUND}) for b in mine]
    chances = [classify.detailed({"fixed": vote}) for vote in fixed]
    for _ in range(ROUNDS):
        # what a kind explains depends on the depth, which the round before has changed
        kinds = size.explained(table, [_depth(body) for body in mine])
        said[:, open_] = _measured(mine, kinds, chances)[:, own]
        grounds = [
            prior.updated(said[0, low:high], said[1, low:high], k - low) if high - low > 1 else prior
            for k, low, high in zip(weighed, firsts, lasts, strict=True)
        ]
        _vote_on_size(table, mine, kinds, grounds, prior)
        for i, body in enumerate(mine):
            if _is_slow(body, grounds[i]):
                body.votes["slow_curve"] = {"clutter": 4.0}
                fixed[i] = classify.gathered({"fixed": fixed[i], "slow_curve": body.votes["slow_curve"]})
                chances[i] = classify.detailed({"fixed": fixed[i]})
            now = classify.detailed({"fixed": fixed[i], **{name: body.votes[name] for name in OF_GROUND}})
            _settle_one(
                body, size.ground_measurement(kinds[i], now, *_excess(body)), grounds[i], prior, height, separation
            )
    kinds = size.explained(table, [_depth(body) for body in mine])
    said[:, open_] = _measured(mine, kinds, chances)[:, own]
    return np.stack([x, *said], axis=1)


def _of_stones(table: classify.Table, bodies: list[Body]) -> np.ndarray:
    """What stones say of the log of the ground's factor, and its sigma; shape (2, body), NaN for what is none."""
    said = np.full((2, len(bodies)), np.nan)
    mine = [k for k, b in enumerate(bodies) if b.stone]
    kinds = size.explained(table, [_depth(bodies[k]) for k in mine])
    sure = [{"clutter": 1.0}] * len(mine)
    said[:, mine] = _measured([bodies[k] for k in mine], kinds, sure)
    return said


def _depth(body: Body) -> float:
    return body.depth if body.depth is not None else 0.5


def _measured(bodies: list[Body], kinds: list[size.Explained], chances: list[dict[str, float]]) -> np.ndarray:
    """Log of the ground's factor by each body alone, and its sigma, wider where the body may be clutter: shape (2, body)."""
    said = np.empty((2, len(bodies)))
    for i, body in enumerate(bodies):
        value, sigma = size.ground_measurement(
            kinds[i], chances[i], float(body.evidence["excess"]), float(body.evidence["sigma_apparent"])
        )
        said[:, i] = value, sigma * (1.0 + 3.0 * chances[i].get("clutter", 0.0))
    return said


def _excess(body: Body) -> tuple[float, float]:
    """Log of the apparent velocity over that of the ground as it was found to be, and the sigma of the curve."""
    return float(body.evidence["excess_settled"]), float(body.evidence["sigma_apparent"])


def _vote_on_size(
    table: classify.Table, bodies: list[Body], kinds: list[size.Explained], grounds: list[Ground], prior: Ground
) -> None:
    """Cast the votes that rest on the apparent velocities of bodies over their ground."""
    for body, ground in zip(bodies, grounds, strict=True):
        body.evidence["excess_settled"] = float(body.evidence["excess"]) - math.log(ground.factor / prior.factor)
    votes = classify.read_curve(table, "excess_settled", [body.evidence["excess_settled"] for body in bodies])
    for body, explained, ground, vote in zip(bodies, kinds, grounds, votes, strict=True):
        excess, sigma = _excess(body)
        body.votes["excess_settled"] = vote
        body.votes["oblique"] = oblique.vote(table, explained, body, excess, math.hypot(sigma, ground.spread))


def _is_slow(body: Body, ground: Ground) -> bool:
    """Is a body's curve, not known to be so yet, slower than the ground?

    No top curves that way: what looks so is a bounce, a crossing of tails, or chance.
    """
    excess, sigma = _excess(body)
    return "slow_curve" not in body.votes and excess + 2 * math.hypot(sigma, ground.spread) < SLOWEST


def _settle_one(
    body: Body, measured: tuple[float, float], ground: Ground, prior: Ground, height: float, separation: float
) -> None:
    """Velocity, radius and depth of a body with their sigmas, over a known ground and by what it says of it itself."""
    sigma, shift = float(body.evidence["sigma_apparent"]), math.log(ground.factor / prior.factor)
    value, spread = measured
    factor, relative = size.combine(ground, value, spread)
    local = Ground(ground.layers, ground.factor * factor, ground.spread)
    air = 2 * height / C_AIR
    travel = max(body.t - air, 0.0)
    velocity = local.rms(travel)
    body.velocity = velocity
    body.sigma_velocity = velocity * relative
    # the legs of the ray spread by the separation of the antennas: straight down takes a little less
    body.depth = local.depth(math.sqrt(max(travel**2 - (separation / velocity) ** 2, 0.0)))
    body.sigma_depth = math.hypot(body.depth * relative, 0.5 * velocity * (body.sigma_t or 0.0))
    radius, sigma_radius = size.radius(
        float(body.evidence["excess"]), factor * math.exp(shift), body.depth, math.hypot(sigma, relative)
    )
    resolved = radius > 0 and sigma_radius < 0.4 * radius
    body.evidence["radius_m"] = radius if resolved else None
    body.evidence["radius_resolved"] = resolved
    body.evidence["ground_factor"] = local.factor

"""Settling a line: its bodies share one ground, and each body's velocity, size, depth and votes follow from it."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from gprscan.detection import classify, oblique, size
from gprscan.detection.body import Body
from gprscan.detection.classify import Sums
from gprscan.detection.ground import Ground
from gprscan.units import C_AIR

ROUNDS = 2
SLOWEST = -0.20  # log of the apparent velocity over the ground's, with two sigma in its favour
OF_GROUND = ("excess_settled", "oblique")  # votes that depend on what the ground is found to be
REACH = 50.0  # m of line over which bodies share one ground


def settle(bodies: list[Body], prior: Ground, height: float, separations: Sequence[float]) -> np.ndarray:
    """Settle the diffracting bodies of a line in place.

    The ground's factor at each body is the prior corrected by the other bodies nearby, each by what its apparent velocity
    leaves after the size that its kind explains; with the ground known, the excess of the apparent velocity tells large
    from small; and so on, twice.

    Parameters
    ----------
    bodies : list of Body
        Those with ``source="diffraction"`` are settled; roofs of the image (``source="zone"``) get velocity and depth from
        them; the others are left alone. Of stones without votes only what they say of the ground is used; what is no stone and
        has no votes says nothing, and is left alone as well.
    prior : Ground
        Velocities before anything was measured.
    height : float
        Of the antennas, m.
    separations : sequence of float
        Distance between transmitter and receiver of each channel, m.

    Returns
    -------
    ndarray, shape (body, 3)
        Place of each body that was settled in m, log of the ground's factor by it alone, and its sigma: together they
        update the prior to the ground of the whole line.
    """
    table = classify.load_table("diffraction")
    # in the order of x, what is near is one run
    everyone = sorted((b for b in bodies if b.source == "diffraction" and (b.stone or b.votes)), key=lambda b: b.x)
    x = np.array([b.x for b in everyone])
    said = _of_stones(table, everyone)
    open_ = [k for k, b in enumerate(everyone) if not b.stone]
    weighed = np.array([k for k, b in enumerate(everyone) if b.votes], int)
    mine = [everyone[k] for k in weighed]
    separation = np.array([separations[b.channel] for b in mine], float)
    own = np.searchsorted(weighed, open_)
    around = np.searchsorted(x, x[weighed] - REACH, "right"), np.searchsorted(x, x[weighed] + REACH, "left")
    fixed = Sums.of([{k: v for k, v in b.votes.items() if k not in OF_GROUND} for b in mine], list(table["prior"]))
    for _ in range(ROUNDS):
        # what a kind explains depends on the depth, which the round before has changed
        known = size.explained(table, [_depth(body) for body in mine])
        said[:, open_] = _measured(mine, known, fixed)[:, own]
        factor, spread = prior.updated_around(said[0], said[1], weighed, *around)
        shift = np.log(factor / prior.factor)
        _vote_on_size(table, mine, known, shift, spread)
        fixed = fixed.plus([_slow_curve(*each) for each in zip(mine, spread.tolist(), strict=True)])
        now = fixed.plus([b.votes["excess_settled"] for b in mine]).plus([b.votes["oblique"] for b in mine])
        excess = np.array([b.evidence["excess_settled"] for b in mine], float)
        of_body = size.ground_measurement(known, *now.chances(), excess, _sigma(mine))
        _settle_each(mine, *of_body, (factor, spread, shift), prior, height, separation)
    classify.weigh_all(mine, now)
    known = size.explained(table, [_depth(body) for body in mine])
    said[:, open_] = _measured(mine, known, fixed)[:, own]
    _settle_roofs([b for b in bodies if b.source == "zone"], x, said, prior, height, separations)
    return np.stack([x, *said], axis=1)


def _settle_roofs(
    roofs: list[Body], x: np.ndarray, said: np.ndarray, prior: Ground, height: float, separations: Sequence[float]
) -> None:
    """Velocity and depth of roofs of the image, which carry no velocity themselves: those of the ground around them.

    `x`, in rising order, and `said` are the places of hyperbolas, and what they say of the log of the ground's factor, and its sigma.
    """
    place, t = np.array([(b.x, b.t) for b in roofs], float).reshape(-1, 2).T
    around = np.searchsorted(x, place - REACH, "right"), np.searchsorted(x, place + REACH, "left")
    factor, spread = prior.updated_around(said[0], said[1], np.full(place.size, -1), *around)
    velocity, depth = _reached(t, factor, prior, height, np.array([separations[b.channel] for b in roofs], float))
    for body, *row in zip(roofs, *(values.tolist() for values in (velocity, depth, spread)), strict=True):
        body.velocity, body.depth, relative = row
        body.sigma_velocity = body.velocity * relative
        body.sigma_depth = math.hypot(body.depth * relative, 0.5 * body.velocity * (body.sigma_t or 0.0))


def _reached(
    t: np.ndarray, factor: np.ndarray, prior: Ground, height: float, separation: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """RMS velocities (m/ns) and depths (m) of tops that are seen at times `t` (ns), over the ground with some factors."""
    travel = np.maximum(t - 2 * height / C_AIR, 0.0)
    _, velocity = prior.reached(travel, factor)
    # the legs of the ray spread by the separation of the antennas: straight down takes a little less
    depth, _ = prior.reached(np.sqrt(np.maximum(travel**2 - (separation / velocity) ** 2, 0.0)), factor)
    return velocity, depth


def _of_stones(table: classify.Table, bodies: list[Body]) -> np.ndarray:
    """What stones say of the log of the ground's factor, and its sigma; shape (2, body), NaN for what is none."""
    said = np.full((2, len(bodies)), np.nan)
    mine = [k for k, b in enumerate(bodies) if b.stone]
    stones = [bodies[k] for k in mine]
    sure = Sums(("clutter",), np.zeros((len(mine), 1)))
    said[:, mine] = _measured(stones, size.explained(table, [_depth(b) for b in stones]), sure)
    return said


def _depth(body: Body) -> float:
    return body.depth if body.depth is not None else 0.5


def _sigma(bodies: list[Body]) -> np.ndarray:
    return np.array([b.evidence["sigma_apparent"] for b in bodies], float)


def _measured(bodies: list[Body], known: size.Explained, votes: Sums) -> np.ndarray:
    """Log of the ground's factor by each body alone, and its sigma, wider where the body may be clutter: shape (2, body)."""
    kinds, chances = votes.chances()
    excess = np.array([b.evidence["excess"] for b in bodies], float)
    value, sigma = size.ground_measurement(known, kinds, chances, excess, _sigma(bodies))
    return np.stack([value, sigma * (1.0 + 3.0 * chances[:, kinds.index("clutter")])])


def _vote_on_size(
    table: classify.Table, bodies: list[Body], known: size.Explained, shift: np.ndarray, spread: np.ndarray
) -> None:
    """Cast the votes that rest on the apparent velocities of bodies over their ground."""
    settled = [float(b.evidence["excess"]) - moved for b, moved in zip(bodies, shift.tolist(), strict=True)]
    votes = classify.read_curve(table, "excess_settled", settled)
    for i, (body, excess, vote, ground) in enumerate(zip(bodies, settled, votes, spread.tolist(), strict=True)):
        body.evidence["excess_settled"] = excess
        body.votes["excess_settled"] = vote
        sigma = math.hypot(float(body.evidence["sigma_apparent"]), ground)
        body.votes["oblique"] = oblique.vote(table, known, i, body, excess, sigma)


def _slow_curve(body: Body, spread: float) -> dict[str, float]:
    """Cast the vote of a body whose curve is slower than the ground, known to the relative sigma `spread`, and return what is new.

    No top curves that way: what looks so is a bounce, a crossing of tails, or chance.
    """
    sigma = math.hypot(float(body.evidence["sigma_apparent"]), spread)
    if "slow_curve" in body.votes or body.evidence["excess_settled"] + 2 * sigma >= SLOWEST:
        return {}
    body.votes["slow_curve"] = {"clutter": 4.0}
    return body.votes["slow_curve"]


def _settle_each(
    bodies: list[Body],
    value: np.ndarray,
    sigma: np.ndarray,
    ground: tuple[np.ndarray, np.ndarray, np.ndarray],
    prior: Ground,
    height: float,
    separation: np.ndarray,
) -> None:
    """Velocity, radius and depth of bodies with their sigmas, over a known ground and by what each says of it itself.

    `ground` is its factor at each body, the relative sigma of that, and the log of how it differs from the prior's.
    """
    factor, spread, shift = ground
    corrected, relative = size.combine(spread, value, sigma)
    t = np.array([b.t for b in bodies], float)
    velocity, depth = _reached(t, factor * corrected, prior, height, separation)
    excess = np.array([b.evidence["excess"] for b in bodies], float)
    radius, sigma_radius = size.radius(excess, corrected * np.exp(shift), depth, np.hypot(_sigma(bodies), relative))
    resolved = (radius > 0) & (sigma_radius < 0.4 * radius)
    columns = (velocity, relative, depth, radius, resolved, factor * corrected)
    for body, *row in zip(bodies, *(values.tolist() for values in columns), strict=True):
        body.velocity, spread_of_it, body.depth, radius_m, is_resolved, own = row
        body.sigma_velocity = body.velocity * spread_of_it
        body.sigma_depth = math.hypot(body.depth * spread_of_it, 0.5 * body.velocity * (body.sigma_t or 0.0))
        body.evidence |= {
            "radius_m": radius_m if is_resolved else None, "radius_resolved": is_resolved, "ground_factor": own,
        }  # fmt: skip

"""Bodies from hyperbolas: candidates, fits, what follows a target in its own echo, evidence and votes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from gprscan.detection import candidates, classify, clean, evidence, neighbours, rebar, size
from gprscan.detection import fit as fits
from gprscan.detection import image as images
from gprscan.detection.body import Body, Votes
from gprscan.detection.evidence import Heard
from gprscan.detection.fit import SAME_PLACE, Fit
from gprscan.detection.ground import Ground
from gprscan.detection.image import Image, Top
from gprscan.detection.scattering import weakest_service
from gprscan.detection.section import Section
from gprscan.detection.settings import Settings
from gprscan.kernels import nearby
from gprscan.units import C_AIR

PASSES = 3
EARLIER = 1.5  # periods, as long as a pulse is: what comes that much before another is no part of it
# vote for clutter where the image shows no roof, or that of a stronger one: a body has one of its own
ROOFLESS = 3.0
STRONGER = 3.0  # times as much as the top that an echo from inside a body stands out: the far wall of a water pipe
LAYER = 3.0  # m: what is longer in the image, and does not end on both sides, is an interface
PER_DB, MOST_FAINT = 0.5, 3.0  # vote for clutter per dB below the weakest service, and at most
LIKE_GROUND = 0.15  # of the log of a velocity: how well that of the ground is known before a line was measured
APART = 0.3  # log of a velocity over that of an echo from inside: told apart even within two periods
FASTEST = 0.4  # log of the apparent velocity over the ground's: no pipe makes a faster curve
SCALED = ("amplitude_db", "reflectivity_db")  # votes that rest on the direct wave as a scale
# sure to be natural, as `benchmarks/learn_tables.py` prints for simulated bodies
FAR_TOO_FAINT, SURE = 1.0, 5.0  # vote for clutter by faintness, and log of the odds, from which on
HIDING = 2.5  # times the typical echo: what is weaker hides nothing worth another search


@dataclass
class Target:
    """A hyperbola that stands for a body, its strength over the typical echo, its echo, and what follows in that.

    `stone` is True for one that is far weaker than any service at its depth.
    """

    fit: Fit
    strength: float
    heard: Heard
    stone: bool = False
    inner: list[tuple[float, float]] = field(default_factory=list)  # delay (ns), strength relative to the first


def find(section: Section, settings: Settings, ground: Ground) -> list[Target]:
    """Find the hyperbolas of a section that stand for bodies, strongest first.

    In each pass the targets that dominate their surroundings are fitted, and their echoes with all that rings on in them
    are taken out of the section; the next pass sees what was hidden by them.
    """
    work = replace(section, cond=section.cond.copy(), echo=section.echo.copy(), banded=None)
    kept: list[Target] = []
    coda = 8.0 / section.fc_nominal
    reach = settings.aperture * 0.4 / section.fc_nominal
    spans = [(-math.inf, math.inf)]
    for _ in range(PASSES):
        fresh = _dominant(work, spans, settings, kept)
        if not fresh:
            break
        clean.subtract(section, (work.cond, work.echo), [q.fit for q in fresh], coda=coda)
        kept += fresh
        # what a stone hides beside it is fainter still; deeper bodies that it hides as well are as a rule clutter by themselves
        spans = _spans([q.fit.x for q in fresh if q.strength > HIDING and not q.stone], reach)
    return _without_inner(kept, section, ground)


def _spans(places: list[float], reach: float) -> list[tuple[float, float]]:
    """Stretches of line within reach of some places, joined where they overlap."""
    spans: list[tuple[float, float]] = []
    for x in sorted(places):
        if spans and x - reach <= spans[-1][1]:
            spans[-1] = (spans[-1][0], x + reach)
        else:
            spans.append((x - reach, x + reach))
    return spans


def _dominant(work: Section, spans: list[tuple[float, float]], settings: Settings, kept: list[Target]) -> list[Target]:
    """Fits that are the strongest thing within their own aperture, on some stretches of line."""
    before = _Places.of(kept)
    found = candidates.find(work, settings, spans)
    found = found[~before.leave(found["x"], found["t"], work.fc_nominal)]
    held, numbers = fits.fit(work, found, settings)
    x, t, velocity, coherence, reach = numbers[:, (1, 2, 3, 6, 9)].T
    strength = found["strength"][held]
    order = np.argsort(-strength * np.sqrt(coherence), kind="stable")
    # a fit may have moved to the place of what was taken out
    order = order[~before.leave(x, t, work.fc_nominal)[order]]
    near = np.maximum(0.5 * velocity, SAME_PLACE) / work.fc_nominal
    ranked = (values[order] for values in (x, t, velocity, 0.6 * reach, near))
    chosen = order[nearby.dominant(*ranked, EARLIER / work.fc_nominal, math.exp(APART))]
    # in the order of x: neighbours look at traces that are in the caches
    along = chosen[np.argsort(x[chosen])]
    fitted = [fits.unpacked(numbers[i]) for i in along]
    targets = [
        _target(work, fit, float(strength[i]), heard, settings)
        for fit, i, heard in zip(fitted, along, evidence.hear(work, fitted), strict=True)
    ]
    return [targets[i] for i in np.argsort(np.argsort(x[chosen]))]


def _target(work: Section, fit: Fit, strength: float, heard: Heard, settings: Settings) -> Target:
    """Make a target of a fit, a stone or not by its echo."""
    stone = False
    if settings.absolute and not _striking(evidence.db(strength), settings):
        level = evidence.amplitude_db(work, fit.t, heard)
        _, depth = _located(work, fit.t, settings.prior_ground())
        stone = _faint(work, fit.t, depth, level) >= FAR_TOO_FAINT
    return Target(fit, strength, heard, stone)


@dataclass
class _Places:
    """Targets as arrays, so that one can be compared with all of them at once: m, ns, m/ns."""

    x: np.ndarray
    t: np.ndarray
    velocity: np.ndarray

    @classmethod
    def of(cls, targets: Sequence[Target]) -> _Places:
        """Take them from the fits of targets."""
        return cls(*np.array([(q.fit.x, q.fit.t, q.fit.velocity) for q in targets], float).reshape(-1, 3).T)

    def leave(self, x: np.ndarray, t: np.ndarray, fc: float) -> np.ndarray:
        """Is something what is left of one: at its place, within a pulse, or at the edge of what was taken out with it?"""
        return nearby.left_over(x, t, self.x, self.t, 0.6 * self.velocity / fc, (-1.4 / fc, 1.2 / fc))


def _without_inner(targets: list[Target], section: Section, ground: Ground) -> list[Target]:
    """Fold multiples and echoes from inside a body into the target whose echo they follow.

    They come later at the same place, and keep the moveout of the first arrival: its curvature ``4 / (v^2 t)`` stays, so
    that the apparent velocity falls as ``sqrt(t_first / t)``, where a body of its own would show the ground's velocity.
    """
    period = 1.0 / section.fc_nominal
    air = 2 * section.height / C_AIR
    order = sorted(targets, key=lambda q: q.fit.t)
    x, t, loud = np.array([(q.fit.x, q.fit.t, q.heard.loudest) for q in order], float).reshape(-1, 3).T
    gone = np.zeros(len(order), bool)
    near = np.maximum(0.5 * np.array([q.fit.velocity for q in order], float), SAME_PLACE) * period
    for i, j in nearby.pairs(x, t, near, 14 * period).tolist():
        relative = float(loud[j] / max(loud[i], 1e-30))
        if not gone[i] and not gone[j] and _comes_from_inside(order[i], order[j], relative, ground, air, period):
            order[i].inner.append((order[j].fit.t - order[i].fit.t, relative))
            gone[j] = True
    return [q for q, out in zip(order, gone, strict=True) if not out]


def _comes_from_inside(
    parent: Target, child: Target, relative: float, ground: Ground, air: float, period: float
) -> bool:
    """Is a later echo at nearly the same place a multiple of another, or one from inside its body? `relative` is how loud it is."""
    later = child.fit.t - parent.fit.t
    inner = parent.fit.velocity * math.sqrt((parent.fit.t - air) / (child.fit.t - air))
    own = parent.fit.velocity / ground.rms(parent.fit.t - air) * ground.rms(child.fit.t - air)
    gap = math.log(own / inner)
    inside = abs(math.log(child.fit.velocity / inner)) < min(0.4 * gap, 0.08) and relative < 2.5
    alone = later > period and _stands_alone(parent, child, relative, inner, ground, air)
    # within two periods the moveouts can hardly be told apart: what is weaker belongs to the first
    tail = later < 2.2 * period and relative < 0.8
    # what stands out so much more than the first is no echo in it: the first is a stone above
    return (inside or tail) and not alone and child.strength < STRONGER * parent.strength


def _stands_alone(parent: Target, child: Target, relative: float, inner: float, ground: Ground, air: float) -> bool:
    """Is a later echo one of its own, though it comes where one from inside `parent` would?

    What comes from inside keeps to the curve `inner`, slower than the ground's. Only over a cavity's wide roof is the first
    curve so fast that `inner` is like the ground's, and what comes from inside a cavity is weaker than its roof; the far
    wall of a water-filled pipe may be stronger, but no pipe is as wide.
    """
    excess = math.log(parent.fit.velocity / ground.rms(parent.fit.t - air))
    own = math.log(child.fit.velocity / ground.rms(child.fit.t - air)) > -LIKE_GROUND
    apart = math.log(child.fit.velocity / inner) > APART and child.strength > parent.strength
    return own and ((relative > 1.0 and excess > FASTEST) or apart)


def _top_time(section: Section, target: Target, values: dict[str, Any]) -> tuple[float, float]:
    """Two-way time of the top in ns and its sigma: the onset, where it is clear, or the envelope peak less its lag.

    The envelope of a band-limited echo peaks a tenth of a period after its arrival, and up to half a period where the
    echoes of top and bottom merge; the two-arrival fit of the onset undoes that to a few hundredths of a period.
    """
    period = 1.0 / section.fc_nominal
    onset, peak = float(values["onset_ns"] or 0.0), float(values["peak_ns"])
    if values["polarity"] and -0.6 * period < onset - peak < 0.15 * period:
        shift, sigma = onset - 0.035 * period, 0.06 * period
    else:
        shift, sigma = peak - evidence.PEAK_LAG * period, 0.2 * period
    picks = float(target.fit.covariance[1, 1] ** 0.5)
    return target.fit.t + shift, math.hypot(sigma, picks)


def find_bodies(section: Section, settings: Settings, image: Image, *, stones: bool = False) -> list[Body]:
    """Find the bodies of a section that make hyperbolas, with their evidence and votes.

    Most hyperbolas under a road are stones, and most of these are sure to be: weaker by far than any pipe or void, or
    clutter by all votes together. Unless `stones` is True nothing more is measured of them, and they come without votes.
    """
    ground = settings.prior_ground()
    targets = find(section, settings, ground)
    roofs = _own_roofs(section, targets, image)
    bodies = [make_body(section, target) for target in targets]
    _measure(section, bodies, targets, roofs, image, stones=stones)
    for body in bodies:
        _locate(section, body, ground)
    neighbours.compare(section, bodies)
    weighed = [(body, roof) for body, roof in zip(bodies, roofs, strict=True) if stones or not body.stone]
    _vote(section, weighed, settings, stones=stones)
    return bodies


def _vote(section: Section, weighed: Sequence[tuple[Body, Top | None]], settings: Settings, *, stones: bool) -> None:
    """Cast the votes of bodies, in place, and find out which of them are stones by all that they say."""
    table = classify.load_table("diffraction")
    bodies = [body for body, _ in weighed]
    said = classify.likelihoods(table, [body.evidence for body in bodies])
    faint = [0.0] * len(bodies)
    if settings.absolute:
        faint = [_faint(section, b.t, b.depth, b.evidence["amplitude_db"]) for b in bodies]
    else:
        said = {name: vote for name, vote in said.items() if name not in SCALED}
    sums = classify.Sums.said(table, said)
    odds = sums.odds_against("clutter") - faint
    shown = []
    barred = rebar.beside_bars(bodies, 1.0 / section.fc_nominal)
    for k, body in enumerate(bodies):
        body.stone |= bool(odds[k] < -SURE) and not (_striking(body.evidence["strength_db"], settings) or barred[k])
        if stones or not body.stone:
            shown.append(k)
    more = [_beside_the_table(*weighed[k], faint[k], settings) for k in shown]
    for k, votes, also in zip(shown, classify.as_votes(table, said, shown), more, strict=True):
        bodies[k].votes = votes | also
    sums = sums.of_some(shown).plus([classify.gathered(also) for also in more])
    classify.weigh_all([bodies[k] for k in shown], sums)


def _beside_the_table(body: Body, roof: Top | None, faint: float, settings: Settings) -> Votes:
    """Votes on what no table knows: how faint a body is, what was sure of it, and how its roof ends."""
    votes: Votes = {}
    if settings.absolute:
        votes["faint"] = {"clutter": faint} if faint else {}
    if body.stone and faint >= FAR_TOO_FAINT:
        votes["stone"] = {"clutter": SURE}
    if roof is not None and not roof.closed and roof.length > LAYER:
        votes["layer"] = {"clutter": 8.0}
    if roof is None and not _striking(body.evidence["strength_db"], settings):
        votes["roofless"] = {"clutter": ROOFLESS}
    return votes


def _striking(strength_db: float, settings: Settings) -> bool:
    """Is a hyperbola so strong that somebody wants to see it, or a row of its like is bars, whatever the votes say?"""
    return strength_db >= min(rebar.CLEAR[0], math.inf if settings.outstanding_db is None else settings.outstanding_db)


def _faint(section: Section, t: float, depth: float | None, amplitude_db: float | None) -> float:
    """Vote for clutter of an echo that is weaker than that of any pipe at its depth: a stone's."""
    if amplitude_db is None:
        return 0.0
    least = weakest_service(t, max(float(depth or 0.0), 0.1), section.fc_nominal)
    return min(max(PER_DB * (least - float(amplitude_db)), 0.0), MOST_FAINT)


def _own_roofs(section: Section, targets: list[Target], image: Image) -> list[Top | None]:
    """Roof of each target in the image; None where it belongs to a stronger one, as at a rim or in the coda of a body."""
    x, t = np.array([(q.fit.x, q.fit.t) for q in targets], float).reshape(-1, 2).T
    along = np.argsort(x)
    found = images.roofs_at(section, image, x[along], t[along])
    roofs = [found[i] for i in np.argsort(along)]
    order = np.argsort([-q.strength * q.fit.coherence**0.5 for q in targets])
    shown = [(i, roof) for i in order.tolist() if (roof := roofs[i]) is not None]
    if not shown:
        return roofs
    tops = [roof for _, roof in shown]
    mine = nearby.owners(
        np.array([(top.first, top.last) for top in tops]), np.array([top.middle for top in tops], float),
        np.array([section.trace(x[i]) for i, _ in shown]), np.concatenate([top.rows for top in tops]),
        np.cumsum([0, *(top.rows.size for top in tops)]), 0.35 * image.velocity / section.fc_nominal / image.dz,
    )  # fmt: skip
    for (i, _), owns in zip(shown, mine.tolist(), strict=True):
        if not owns:
            roofs[i] = None
    return roofs


def make_body(section: Section, target: Target) -> Body:
    """Turn a target into a body, with what its fit says."""
    result = target.fit
    return Body(
        source="diffraction",
        x=result.x,
        t=result.t,
        channel=section.channel,
        offset=section.offset,
        sigma_x=math.hypot(result.covariance[0, 0] ** 0.5, 0.25 * section.dx),
        sigma_t=float(result.covariance[1, 1] ** 0.5),
        score=min(max(result.coherence, 0.0), 1.0),
        evidence={
            "coherence": result.coherence,
            "apex_ns": result.t,
            "apparent_velocity_m_ns": result.velocity,
            "sigma_apparent": float(result.covariance[2, 2] ** 0.5),
            "strength_db": evidence.db(target.strength),
            "one_leg": math.isnan(result.left) or math.isnan(result.right),
        },
        stone=target.stone,
        channels=[section.channel],
    )


def _measure(
    section: Section,
    bodies: Sequence[Body],
    targets: Sequence[Target],
    roofs: Sequence[Top | None],
    image: Image,
    *,
    stones: bool,
) -> None:
    """Measure the evidence of bodies, in place; `roofs` are what the image shows of them.

    Unless `stones` is True, of one that is far too weak for a pipe only what it says of the ground is measured.
    """
    # in the order of x: neighbours look at traces that are in the caches
    along = sorted((k for k, q in enumerate(targets) if stones or not q.stone), key=lambda k: bodies[k].x)
    mine = [targets[k] for k in along]
    said = evidence.measure(section, [q.fit for q in mine], [q.heard for q in mine], [q.inner for q in mine])
    for k, values in zip(along, said, strict=True):
        bodies[k].evidence |= values
        bodies[k].polarity = int(bodies[k].evidence["polarity"] or 0)
    for body, roof in zip(bodies, roofs, strict=True):
        if roof is not None:
            body.evidence["reflectivity_db"] = images.reflectivity_db(roof)
    shown = [(k, roof) for k in along if (roof := roofs[k]) is not None]
    for (k, _), seen in zip(shown, images.measure(section, image, [roof for _, roof in shown]), strict=True):
        bodies[k].evidence |= seen
    for body, target in zip(bodies, targets, strict=True):
        if not target.stone:  # which lies where it does whether it is shown or not
            body.t, body.sigma_t = _top_time(section, target, body.evidence)


def _located(section: Section, t: float, ground: Ground) -> tuple[float, float]:
    """RMS velocity (m/ns) and depth (m) of a top that is seen at a time, by the prior of the ground."""
    travel = max(t - 2 * section.height / C_AIR, 0.0)
    velocity = ground.rms(travel)
    return velocity, ground.depth(math.sqrt(max(travel**2 - (section.separation / velocity) ** 2, 0.0)))


def _locate(section: Section, body: Body, ground: Ground) -> None:
    """Depth and velocity of a body by the prior of the ground, in place, and how much faster it looks than that."""
    values = body.evidence
    velocity, depth = _located(section, body.t, ground)
    body.velocity, body.sigma_velocity, body.depth = velocity, velocity * ground.spread, depth
    body.sigma_depth = math.hypot(depth * ground.spread, 0.5 * velocity * (body.sigma_t or 0.0))
    values["surface_bias"] = size.surface_bias(
        values["apex_ns"] - 2 * section.height / C_AIR, section.height, section.fc_nominal, C_AIR / velocity,
        section.surface_index,
    )  # fmt: skip
    values["excess"] = math.log(values["apparent_velocity_m_ns"] / velocity) - values["surface_bias"]

"""Bodies from hyperbolas: candidates, fits, grouping of what follows a target in its own echo, evidence and votes."""

from __future__ import annotations

import math

import numpy as np

from gprscan.detection import candidates, classify, evidence
from gprscan.detection import fit as fits
from gprscan.detection.body import Body
from gprscan.detection.fit import Fit
from gprscan.detection.section import Section
from gprscan.detection.settings import Settings
from gprscan.units import C_AIR

MOST = 400  # candidates that are fitted per block


def find(section: Section, settings: Settings) -> list[Body]:
    """Find the bodies of a section that diffract, strongest first, duplicates and multiples removed."""
    fitted: list[tuple[float, Fit, float]] = []
    for candidate in candidates.find(section, settings)[:MOST]:
        result = fits.fit(section, candidate, settings)
        if result is None or result.coherence < settings.coherence or result.picks < 4:
            continue
        fitted.append((candidate.strength * result.coherence**0.5, result, candidate.strength))
    fitted.sort(key=lambda item: -item[0])
    kept: list[tuple[Fit, float]] = []
    for _, result, strength in fitted:
        if not any(_follows(section, result, strength, other, s) for other, s in kept):
            kept.append((result, strength))
    return [make_body(section, settings, result, strength) for result, strength in kept]


def _follows(section: Section, new: Fit, strength: float, old: Fit, old_strength: float) -> bool:
    """Is `new` a second pick, a later lobe, a multiple or an inner echo of `old`, which is stronger?"""
    period = 1.0 / section.fc_nominal
    wavelength = old.velocity * period
    apart, later = abs(new.x - old.x), new.t - old.t
    if abs(later) < 1.2 * period and apart < 0.5 * wavelength:
        return True
    # echoes inside the legs of a stronger one, with its slope: picks on the flank or at a crossing
    flank = fits.moveout_curve(np.array([new.x - old.x]), old.t, old.velocity, section.separation)[0]
    if abs(new.t - flank) < 1.2 * period and apart < old.reach * 1.2 and strength < 0.8 * old_strength:
        return True
    return bool(later > 0 and apart < max(0.7 * wavelength, 0.15) and later < 14 * period)


def make_body(section: Section, settings: Settings, result: Fit, strength: float) -> Body:
    """Turn a fit into a body with its evidence and votes."""
    values = evidence.measure(section, result)
    velocity, sigma_v = pooled(result, settings)
    air = 2 * section.height / C_AIR
    sigma_t = math.hypot(result.covariance[1, 1] ** 0.5, 0.12 / section.fc_nominal)
    top = result.t + min(float(values["onset_ns"] or 0.0), 0.0) * 0.5
    ground = max(top - air, 0.0)
    depth = math.sqrt(max((0.5 * velocity * ground) ** 2 - (0.5 * section.separation) ** 2, 0.0))
    sigma_depth = math.hypot(depth * sigma_v / velocity, 0.5 * velocity * sigma_t)
    values["radius_m"] = depth * ((result.velocity / velocity) ** 2 - 1.0)
    values["coherence"] = result.coherence
    values["apparent_velocity_m_ns"] = result.velocity
    values["strength"] = strength
    return Body(
        source="diffraction",
        x=result.x,
        t=top,
        channel=section.channel,
        offset=section.offset,
        depth=depth,
        velocity=velocity,
        sigma_x=math.hypot(result.covariance[0, 0] ** 0.5, 0.25 * section.dx),
        sigma_t=sigma_t,
        sigma_depth=sigma_depth,
        sigma_velocity=sigma_v,
        polarity=int(values["polarity"] or 0),
        score=float(np.clip(result.coherence, 0, 1)),
        votes=classify.vote(classify.load_table("diffraction"), values),
        evidence=values,
        channels=[section.channel],
    )


def pooled(result: Fit, settings: Settings) -> tuple[float, float]:
    """Velocity of the ground and its sigma: the prior, corrected by the apparent velocity where that is sharp."""
    prior = settings.velocity_spread
    sharp = math.hypot(result.covariance[2, 2] ** 0.5, 0.08)
    weight = prior**2 / (prior**2 + sharp**2)
    # a finite body looks faster than a point: half of that on average
    log_v = math.log(settings.velocity) + weight * (math.log(result.velocity / settings.velocity) - 0.06)
    return math.exp(log_v), math.exp(log_v) * prior * math.sqrt(1 - weight)

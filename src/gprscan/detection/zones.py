"""Wide bodies: cavities with a flat top, loose and water-rich zones, found by their roof in the migrated image.

A wide cavity has a bright flat roof and no hyperbola but at its rims. Loosened ground has a weak roof with the sign of
air and is full of small echoes below it; ground close to saturation has a roof with the sign of water and is quiet
below it, since it swallows what enters. All are wider than a pipe and, unlike an interface, end on both sides and stand
out from their own depth along the line.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from gprscan.detection import classify
from gprscan.detection import image as images
from gprscan.detection.body import Body
from gprscan.detection.evidence import PEAK_LAG
from gprscan.detection.image import Image, Top
from gprscan.detection.neighbours import LONGEST_BOUNCE
from gprscan.detection.section import Section
from gprscan.detection.settings import Settings
from gprscan.kernels import nearby
from gprscan.kernels.maxima import local_maxima
from gprscan.units import C_AIR

LEAST_WIDTH = 0.30  # m
SHALLOWEST = 0.25  # m: above lies the bound layer with its own detector
LEAST_REFLECTIVITY = 0.06  # loosened soil has 0.12, wet soil 0.15, before losses
LEAST_CONTRAST = 3.0  # of the roof over the typical modulus at its depth
LEAST_PROBABILITY = 0.5  # of a hazard; what is less clear is left to the search for diffractions
STEEPEST = 0.25  # m/m, of the roof as a whole
HAZARDS = ("cavity", "loose", "water_rich")


def detect_zones(section: Section, image: Image, settings: Settings) -> list[Body]:
    """Find loose and water-rich zones.

    Parameters
    ----------
    section : Section
        A conditioned channel.
    image : Image
        The migrated section.
    settings : Settings
        Of the detection.

    Returns
    -------
    list of Body
        With ``source="zone"``: extent along the line, depth of the roof, what lies inside.
    """
    if not settings.hazards or section.valid.sum() < 8:
        return []
    table = classify.load_table("zone")
    bodies = []
    roofs = find_roofs(section, image, settings)
    for body, votes in zip(roofs, classify.vote(table, [roof.evidence for roof in roofs]), strict=True):
        body.votes = votes
        chances = classify.chances_of(body)
        if max(chances.get(kind, 0.0) for kind in HAZARDS) >= LEAST_PROBABILITY:
            bodies.append(body)
    return bodies


def find_roofs(section: Section, image: Image, settings: Settings) -> list[Body]:
    """Wide and level events of the image that end inside the line, with what is measured on them; no votes yet."""
    found = echoes(section, image)
    events = _Events.of(section, image, found)
    wide = [top for i, top in enumerate(found) if is_roof(section, image, top) and not events.above(i, image).any()]
    out = []
    for top, values in zip(wide, images.measure(section, image, wide), strict=True):
        values["stones_per_m2"] = strong_neighbours(section, image, top, events)
        out.append(_body(section, image, top, settings, values))
    return out


@dataclass
class _Events:
    """Events of an image as arrays, so that one can be compared with all of them at once.

    Attributes
    ----------
    first, last : ndarray of int, shape (event,)
        Traces of the plateau.
    depth, reflectivity : ndarray, shape (event,)
        Of it: depth in m, modulus.
    middle : ndarray, shape (event,)
        Of it, m along the line.
    """

    first: np.ndarray
    last: np.ndarray
    depth: np.ndarray
    reflectivity: np.ndarray
    middle: np.ndarray

    @classmethod
    def of(cls, section: Section, image: Image, tops: list[Top]) -> _Events:
        """Take them from the events."""
        first, last, row = np.array([(top.first, top.last, top.row) for top in tops], int).reshape(-1, 3).T
        reflectivity = np.array([top.reflectivity for top in tops], float)
        return cls(first, last, image.z[row], reflectivity, 0.5 * (section.x[first] + section.x[last]))

    def above(self, i: int, image: Image) -> np.ndarray:
        """Which event, not much weaker, does event `i` lie right below? Then it may be its bottom, or a bounce in it."""
        lower = self.depth[i] - self.depth
        overlap = np.minimum(self.last[i], self.last) - np.maximum(self.first[i], self.first)
        narrower = np.minimum(self.last[i] - self.first[i], self.last - self.first)
        near = (lower > 0.12) & (lower < 0.5 * image.velocity * LONGEST_BOUNCE)
        return near & (overlap > 0.5 * narrower) & (self.reflectivity > 0.6 * self.reflectivity[i])


def echoes(section: Section, image: Image) -> list[Top]:
    """Events in the image, strongest first; lobes and what comes from inside or below a stronger body left out."""
    s = section
    wavelength = image.velocity / s.fc_nominal
    floor = np.maximum(0.9 * LEAST_CONTRAST * image.noise, 0.5 * LEAST_REFLECTIVITY)
    peaks = local_maxima(
        image.modulus, floor.astype(np.float32), max(1, round(0.12 / s.dx)), max(1, round(0.3 * wavelength / image.dz))
    )
    shallowest, deepest = image.row(SHALLOWEST), image.z.size - round(0.5 * wavelength / image.dz)
    deep = peaks[(peaks[:, 1] >= shallowest) & (peaks[:, 1] < deepest)]
    tops = [top for top in images.follow(s, image, deep) if top is not None]
    tops.sort(key=lambda top: -top.reflectivity * math.sqrt(_width(s, top)))
    events = _Events.of(s, image, tops)
    kept = nearby.without_lobes(events.first, events.last, events.depth, events.reflectivity, s.dx)
    return [tops[i] for i in kept]


def is_roof(section: Section, image: Image, top: Top) -> bool:
    """Is an event wide, strong and level enough for the roof of a zone, and does it end well inside the line?"""
    s = section
    # near the ends of the line the image has one leg only, and smears
    margin = 0.3 * float(image.z[top.row])
    inside = s.x[top.first] > s.x[0] + margin and s.x[top.last] < s.x[-1] - margin
    strong = top.reflectivity > max(LEAST_REFLECTIVITY, LEAST_CONTRAST * float(image.noise[top.row]))
    return bool(inside and strong and top.closed and _width(s, top) >= LEAST_WIDTH and abs(top.dip) < STEEPEST)


def strong_neighbours(section: Section, image: Image, top: Top, events: _Events) -> float:
    """Events at least half as strong per square metre of image, within 5 m and outside of the body's own column."""
    s = section
    middle = 0.5 * (s.x[top.first] + s.x[top.last])
    reach = 0.5 * _width(s, top) + 0.3
    apart = np.abs(events.middle - middle)
    beside = (apart > reach) & (apart < 5.0) & (events.reflectivity > 0.5 * top.reflectivity)
    length = min(middle + 5.0, s.x[-1]) - max(middle - 5.0, s.x[0]) - 2 * reach
    area = max(length, 1.0) * (min(float(image.z[-1]), 1.5) - SHALLOWEST)
    return float(np.count_nonzero(beside) / area)


def _width(s: Section, top: Top) -> float:
    return float(s.x[top.last] - s.x[top.first] + s.dx)


def _body(s: Section, image: Image, top: Top, settings: Settings, values: dict[str, float]) -> Body:
    crest = float(np.quantile(image.z[top.rows[top.rows >= 0]], 0.15))
    slant = math.sqrt(crest**2 + (0.5 * s.separation) ** 2)
    t = 2 * slant / image.velocity + 2 * s.height / C_AIR - PEAK_LAG / s.fc_nominal
    spread = settings.prior_ground().spread
    x_min, x_max = float(s.x[top.first] - 0.5 * s.dx), float(s.x[top.last] + 0.5 * s.dx)
    sigma_t = 0.2 / s.fc_nominal
    return Body(
        source="zone",
        x=0.5 * (x_min + x_max),
        t=t,
        channel=s.channel,
        offset=s.offset,
        depth=crest,
        x_min=x_min,
        x_max=x_max,
        velocity=image.velocity,
        sigma_x=0.1,
        sigma_t=sigma_t,
        sigma_depth=math.hypot(crest * spread, 0.5 * image.velocity * sigma_t),
        sigma_velocity=image.velocity * spread,
        polarity=int(values["roof_polarity"]),
        score=float(top.reflectivity / (top.reflectivity + 3 * image.noise[top.row])),
        evidence=dict(values),
        closed=top.closed,
        channels=[s.channel],
    )

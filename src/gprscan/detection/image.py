"""The migrated image of a section, and what the top of a body looks like in it.

Migration puts the legs of a hyperbola back to its apex: a pipe or a stone becomes a point, the roof of a cavity or a
zone the segment that it is. Width, shape, reflectivity and what lies inside are read there.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from gprscan.detection.analytic import resampled
from gprscan.detection.condition import echo_in_band
from gprscan.detection.debond import incident_level
from gprscan.detection.evidence import ELSEWHERE, Onset, onsets
from gprscan.detection.section import Section, some_of
from gprscan.kernels import conditioning, roof
from gprscan.migration.acquisition import Acquisition, image_depths
from gprscan.migration.curves import Aperture
from gprscan.migration.medium import medium
from gprscan.migration.summation import Summation
from gprscan.units import C_AIR

# the direct wave of a ground-coupled antenna is weakened by the surface reflection and more goes down than across, so
# echoes look this much stronger against it than they are (FDTD over layered roads, antenna 2 to 5 cm above them)
COUPLING = 2.4
BESIDE = 100  # traces to its sides that a roof is compared with


@dataclass
class Image:
    """A migrated section.

    Attributes
    ----------
    re, im, modulus : numpy.ndarray, shape (trace, depth), float32
        Analytic signal along depth and its modulus, scaled so that the modulus is the reflection coefficient of a plane
        (losses in the ground not counted).
    z : numpy.ndarray, shape (depth,)
        Depth in m.
    dz : float
        Its step in m.
    velocity : float
        Velocity of the migration in m/ns.
    noise : numpy.ndarray, shape (depth,)
        Typical modulus at each depth: median along the line.
    """

    re: np.ndarray
    im: np.ndarray
    modulus: np.ndarray
    z: np.ndarray
    dz: float
    velocity: float
    noise: np.ndarray

    def row(self, depth: float) -> int:
        """Index of the row nearest to a depth in m, clamped to the image."""
        return min(max(round((depth - float(self.z[0])) / self.dz), 0), self.z.size - 1)


def migrated(section: Section, velocity: float) -> Image:
    """Migrate a section's echoes with one velocity.

    Parameters
    ----------
    section : Section
        A conditioned channel.
    velocity : float
        m/ns.
    """
    s = section
    geometry = Acquisition(
        s.dx, s.dt, float(s.t[0]), s.x.size, s.t.size, np.array([s.separation]), s.height, 1e3 * s.fc_nominal
    )
    step = velocity / (24.0 * s.fc_nominal)
    ground = medium(velocity)
    z = image_depths(geometry, ground, step, 0.5 * velocity * float(s.t[-1]))
    # straight to the operator: the step of that name would make a line of the section first
    values = Summation(geometry, ground, z, s.separation, Aperture(50.0)).migrate(echo_in_band(s))
    path = 2 * (z + s.height)
    spread = np.sqrt(np.maximum(path / velocity * C_AIR, s.separation) / max(s.separation, 0.05)) / COUPLING
    s.banded = None  # nobody else looks at it
    values *= (spread / incident_level(s)).astype(np.float32)
    re, im = resampled(values, 1)
    modulus = np.empty_like(re)
    conditioning.modulus(re, im, modulus)
    noise = ndimage.gaussian_filter1d(conditioning.median_trace(modulus[some_of(s.valid)]), 0.06 / step)
    return Image(re, im, modulus, z, step, velocity, noise)


@dataclass
class Top:
    """The roof of a body in the migrated image.

    Attributes
    ----------
    rows : numpy.ndarray, shape (last - first + 1,)
        Row of the event in each trace of the plateau; -1 where it was not seen.
    middle : float
        Median of the rows of the event.
    first, last : int
        First and last trace of the plateau (above half of its level).
    row : int
        Row of the plateau: the median.
    reflectivity : float
        Modulus on the plateau.
    sag : float
        Depth of its ends below its crest in m.
    dip : float
        Slope of a straight line through it, m/m.
    length : float
        Length of the whole event in m, weaker ends included.
    closed : bool
        Whether it ends inside the block on both sides.
    """

    rows: np.ndarray
    middle: float
    first: int
    last: int
    row: int
    reflectivity: float
    sag: float
    dip: float
    length: float
    closed: bool


def follow(section: Section, image: Image, points: np.ndarray) -> list[Top | None]:
    """Follow the events through some points of the image, shape (n, 2): trace and row; None where there is none."""
    s = section
    half = max(2, round(0.22 * image.velocity / s.fc_nominal / image.dz))
    reach = max(1, int(np.ceil(s.dx / image.dz)))
    # what runs on for longer is a layer, and ends nowhere
    longest = round(ELSEWHERE / s.dx)
    there = image.modulus[points[:, 0], points[:, 1]] > 0
    shown = points[there]
    numbers, rows, starts = roof.follow(
        image.re, image.im, image.modulus, s.x, image.z, shown, 1.2 * image.noise.astype(float),
        (half, reach, longest), (0.35, 0.6),
    )  # fmt: skip
    tops = (
        _top(s, row, rows[first:last], trace, longest)
        for row, first, last, trace in zip(numbers.tolist(), starts[:-1], starts[1:], shown[:, 0].tolist(), strict=True)
    )
    return [next(tops) if here else None for here in there.tolist()]


def _top(s: Section, numbers: list[float], rows: np.ndarray, trace: int, longest: int) -> Top:
    """Make a roof of what `gprscan.kernels.roof.follow` returns for a point of a trace."""
    begin, end, first, last, row = map(int, numbers[:5])
    level, middle, sag, dip = numbers[5:]
    return Top(
        rows=rows,
        middle=middle,
        first=first,
        last=last,
        row=row,
        reflectivity=level,
        sag=sag,
        dip=dip,
        length=float(s.x[end] - s.x[begin]),
        closed=begin > max(trace - longest, 0) + 1 and end < min(trace + longest + 1, s.x.size) - 2,
    )


def roofs_at(section: Section, image: Image, x: np.ndarray, t: np.ndarray) -> list[Top | None]:
    """Roofs of bodies whose echoes have their apexes at `x` (m) and `t` (ns); None where the image shows nothing there."""
    s = section
    travel = np.maximum(t - 2 * s.height / C_AIR, 0.0)
    depth = 0.5 * np.sqrt(np.maximum((image.velocity * travel) ** 2 - s.separation**2, 0.0))
    half = max(1, round(0.35 * image.velocity / s.fc_nominal / image.dz))
    points = np.array(
        [(s.trace(place), image.row(z)) for place, z in zip(x.tolist(), depth.tolist(), strict=True)], int
    )
    points = roof.strongest_near(image.modulus, points.reshape(-1, 2), max(1, round(0.1 / s.dx)), half)
    return follow(s, image, points)


def _filled(rows: np.ndarray) -> np.ndarray:
    known = np.flatnonzero(rows >= 0)
    return np.interp(np.arange(rows.size), known, rows[known]).round().astype(int)


def reflectivity_db(top: Top) -> float:
    """Modulus on a roof as a reflection coefficient, dB."""
    return 20 * math.log10(max(top.reflectivity, 1e-6))


def measure(section: Section, image: Image, tops: Sequence[Top]) -> list[dict[str, float]]:
    """What the image shows on, in and around roofs.

    Returns
    -------
    list of dict
        ``reflectivity_db``: modulus as a reflection coefficient, dB. ``image_width_m``, ``sag_ratio`` (sag over
        width), ``dip``: shape. ``interior_db``: energy of the 0.3 m below the roof's pulse over that of the roof.
        ``disorder``: share of that energy which does not run parallel to the roof. ``interior_contrast_db``: that
        energy over what the rest of the line shows at its depth. ``row_ratio_db``: the roof over the stronger echoes
        (70 %) of its depth elsewhere. ``roof_polarity``, ``roof_margin``: sign of the onset.
    """
    if not tops:
        return []
    s, wavelength = section, image.velocity / section.fc_nominal
    spans = [_middle(top) for top in tops]
    rows = [_filled(top.rows)[low:high] for top, (low, high) in zip(tops, spans, strict=True)]
    up, down = round((0.6 * wavelength + 0.05) / image.dz), round((0.5 * wavelength + 0.35) / image.dz)
    energies, columns = roof.under(
        image.re, image.im, np.array([top.first + low for top, (low, _) in zip(tops, spans, strict=True)]),
        np.concatenate(rows), np.cumsum([0, *(r.size for r in rows)]), image.dz, (up, down),
        (0.3 * wavelength, 0.45 * wavelength, 0.45 * wavelength + 0.3),
    )  # fmt: skip
    depth = image.dz * np.arange(-up, down + 1)
    lag = np.arange(depth[0], depth[-1], 0.5 * image.velocity * s.dt)
    waves = np.array([np.interp(lag, depth, column) for column in columns])
    began = onsets(waves, 2 * lag / image.velocity, s.wavelet, s.dt, 1 / s.fc_nominal, np.zeros(len(tops)))
    usual = _elsewhere(section, image, tops)
    return [_of_one(section, *each) for each in zip(tops, energies.tolist(), usual.tolist(), began, strict=True)]


def _middle(top: Top) -> tuple[int, int]:
    """Traces of a plateau, counted from its first, without its ends."""
    size = top.last - top.first + 1
    trim = int(0.15 * size)
    return trim, size - trim


def _of_one(section: Section, top: Top, energies: list[float], usual: list[float], onset: Onset) -> dict[str, float]:
    """What the image shows of one roof: `energies` as of `roof.under`, and what is `usual` beside it, see `_elsewhere`."""
    s = section
    energy, interior, common = energies
    around, row_level = usual
    width = float(s.x[top.last] - s.x[top.first] + s.dx)
    return {
        "reflectivity_db": reflectivity_db(top),
        "image_width_m": width,
        "sag_ratio": top.sag / width,
        "dip": top.dip,
        "interior_db": 10 * math.log10(max(interior, 1e-12) / max(energy, 1e-12)),
        "disorder": 1.0 - common / max(interior, 1e-12),
        "interior_contrast_db": 10 * math.log10(max(interior, 1e-12) / max(around, 1e-12)),
        "row_ratio_db": 20 * math.log10(max(top.reflectivity, 1e-6) / max(row_level, 1e-6)),
        "roof_polarity": onset.sign,
        "roof_margin": onset.margin,
    }


def _elsewhere(s: Section, image: Image, tops: Sequence[Top]) -> np.ndarray:
    """Typical energy below, and typical modulus at, the depth of roofs within 8 m of each, away from the roof itself."""
    wavelength = image.velocity / s.fc_nominal
    below = round(0.45 * wavelength / image.dz), round((0.45 * wavelength + 0.3) / image.dz) + 1
    usual = roof.elsewhere_each(
        image.modulus, s.x, s.valid, np.array([(top.first, top.last, int(top.middle)) for top in tops], int).reshape(-1, 3),
        ELSEWHERE, (max(1, round(0.1 / s.dx)), round(0.25 * wavelength / image.dz), *below), BESIDE,
    )  # fmt: skip
    # where there is nothing to compare with, everything stands out
    return np.where(np.isnan(usual), (1e-12, 1e-6), usual)

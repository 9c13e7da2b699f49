"""The migrated image of a section, and what the top of a body looks like in it.

Migration puts the legs of a hyperbola back to its apex: a pipe or a stone becomes a point, the roof of a cavity or a
zone the segment that it is. Width, shape, reflectivity and what lies inside are read there.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from gprscan import model, names
from gprscan.detection.analytic import resampled
from gprscan.detection.condition import echo_in_band
from gprscan.detection.debond import incident_level
from gprscan.detection.evidence import onset_polarity
from gprscan.detection.section import Section, some_of
from gprscan.kernels import conditioning, roof
from gprscan.kernels.layers import follow_both_ways
from gprscan.migration.kirchhoff import kirchhoff
from gprscan.units import C_AIR

# the direct wave of a ground-coupled antenna is weakened by the surface reflection and more goes down than across, so
# echoes look this much stronger against it than they are (FDTD over layered roads, antenna 2 to 5 cm above them)
COUPLING = 2.4
ELSEWHERE = 8.0  # m of line to each side with which a body is compared
BESIDE = 200  # traces of it that are enough


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
    line = model.from_array(
        echo_in_band(s),
        dt=s.dt,
        spacing=s.dx,
        frequency=1e3 * s.fc_nominal,
        separation=s.separation,
        time_zero=-float(s.t[0]),
        antenna_height=s.height,
    )
    step = velocity / (24.0 * s.fc_nominal)
    max_depth = 0.5 * velocity * float(s.t[-1])
    image = kirchhoff(line, velocity=velocity, aperture=50.0, depth_step=step, max_depth=max_depth)
    z = image["depth"].values
    path = 2 * (z + s.height)
    spread = np.sqrt(np.maximum(path / velocity * C_AIR, s.separation) / max(s.separation, 0.05)) / COUPLING
    s.banded = None  # nobody else looks at it
    values = image[names.AMPLITUDE].values
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
    rows : numpy.ndarray, shape (trace,)
        Row of the event in each trace; -1 outside of it.
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


def follow(section: Section, image: Image, trace: int, row: int) -> Top | None:
    """Follow the event through an image point to both sides; None where there is none."""
    here = float(image.modulus[trace, row])
    if not here > 0:
        return None
    half = max(2, round(0.22 * image.velocity / section.fc_nominal / image.dz))
    reach = max(1, int(np.ceil(section.dx / image.dz)))
    level = max(0.35 * here, 1.2 * float(image.noise[row]))
    # what runs on for longer is a layer, and ends nowhere
    low, high = max(trace - round(ELSEWHERE / section.dx), 0), trace + round(ELSEWHERE / section.dx) + 1
    re, im = image.re[low:high], image.im[low:high]
    near = follow_both_ways(re, im, trace - low, row, half, reach, level, 0.6)
    begin, end, first, last, row, level, middle, sag, dip = roof.plateau(
        image.modulus[low:high], near, section.x[low:high], image.z
    )
    rows = np.full(image.re.shape[0], -1, np.int32)
    rows[low:high] = near
    return Top(
        rows=rows,
        middle=middle,
        first=low + first,
        last=low + last,
        row=row,
        reflectivity=level,
        sag=sag,
        dip=dip,
        length=float(section.x[low + end] - section.x[low + begin]),
        closed=bool(begin > 1 and low + end < min(high, image.re.shape[0]) - 2),
    )


def roof_at(section: Section, image: Image, x: float, t: float) -> Top | None:
    """Roof of the body whose echo has its apex at `x` (m) and `t` (ns); None where the image shows nothing there."""
    travel = max(t - 2 * section.height / C_AIR, 0.0)
    depth = 0.5 * math.sqrt(max((image.velocity * travel) ** 2 - section.separation**2, 0.0))
    wavelength = image.velocity / section.fc_nominal
    row, half = image.row(depth), max(1, round(0.35 * wavelength / image.dz))
    trace, reach = section.trace(x), max(1, round(0.1 / section.dx))
    first, top = max(trace - reach, 0), max(row - half, 0)
    part = image.modulus[first : trace + reach + 1, top : row + half + 1]
    i, j = np.unravel_index(int(np.argmax(part)), part.shape)
    return follow(section, image, first + int(i), top + int(j))


def _filled(rows: np.ndarray) -> np.ndarray:
    known = np.flatnonzero(rows >= 0)
    return np.interp(np.arange(rows.size), known, rows[known]).round().astype(int)


def reflectivity_db(top: Top) -> float:
    """Modulus on a roof as a reflection coefficient, dB."""
    return 20 * math.log10(max(top.reflectivity, 1e-6))


def measure(section: Section, image: Image, top: Top) -> dict[str, float]:
    """What the image shows on, in and around a roof.

    Returns
    -------
    dict
        ``reflectivity_db``: modulus as a reflection coefficient, dB. ``image_width_m``, ``sag_ratio`` (sag over
        width), ``dip``: shape. ``interior_db``: energy of the 0.3 m below the roof's pulse over that of the roof.
        ``disorder``: share of that energy which does not run parallel to the roof. ``interior_contrast_db``: that
        energy over what the rest of the line shows at its depth. ``row_ratio_db``: the roof over the stronger echoes
        (70 %) of its depth elsewhere. ``roof_polarity``, ``roof_margin``: sign of the onset.
    """
    s = section
    wavelength = image.velocity / s.fc_nominal
    trim = int(0.15 * (top.last - top.first + 1))
    first, last = top.first + trim, top.last + 1 - trim
    rows = _filled(top.rows[top.first : top.last + 1])[trim : last - top.first]
    up, down = round((0.6 * wavelength + 0.05) / image.dz), round((0.5 * wavelength + 0.35) / image.dz)
    energy, interior, common, column = roof.under(
        image.re[first:last], image.im[first:last], rows, image.dz, (up, down),
        (0.3 * wavelength, 0.45 * wavelength, 0.45 * wavelength + 0.3),
    )  # fmt: skip
    depth = image.dz * np.arange(-up, down + 1)
    half = round(0.25 * wavelength / image.dz)
    around, row_level = _elsewhere(s, image, top, int(top.middle), half, wavelength)
    width = float(s.x[top.last] - s.x[top.first] + s.dx)
    lag = np.arange(depth[0], depth[-1], 0.5 * image.velocity * s.dt)
    wave = np.interp(lag, depth, column)
    onset = onset_polarity(wave, 2 * lag / image.velocity, s.wavelet, s.dt, 1 / s.fc_nominal, 0.0)
    return {
        "reflectivity_db": reflectivity_db(top),
        "image_width_m": width,
        "sag_ratio": top.sag / width,
        "dip": top.dip,
        "interior_db": 10 * math.log10(max(interior, 1e-12) / max(energy, 1e-12)),
        "disorder": 1.0 - common / max(interior, 1e-12),
        "interior_contrast_db": 10 * math.log10(max(interior, 1e-12) / max(around, 1e-12)),
        "row_ratio_db": 20 * math.log10(max(top.reflectivity, 1e-6) / max(row_level, 1e-6)),
        "roof_polarity": onset[0],
        "roof_margin": onset[1],
    }


def _elsewhere(s: Section, image: Image, top: Top, row: int, half: int, wavelength: float) -> tuple[float, float]:
    """Typical energy below, and typical modulus at, the depth of a roof within 8 m of it, away from the roof itself."""
    middle = 0.5 * (s.x[top.first] + s.x[top.last])
    low, high = np.searchsorted(s.x, [middle - ELSEWHERE, middle + ELSEWHERE])
    keep = s.valid[low:high].copy()
    margin = max(1, round(0.1 / s.dx))
    keep[max(top.first - margin - low, 0) : max(top.last + margin + 1 - low, 0)] = False
    away = low + np.flatnonzero(keep)
    if away.size < 4:
        return 1e-12, 1e-6
    away = away[:: -(-away.size // BESIDE)]
    below = (row + round(0.45 * wavelength / image.dz), row + round((0.45 * wavelength + 0.3) / image.dz) + 1)
    around, beside = roof.elsewhere(image.modulus, away, below, (max(row - half, 0), row + half + 1))
    return 1e-12 if math.isnan(around) else around, beside

"""Bodies outside the wall of a pipe: peaks of the migrated image, their extent, sign and kind."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy import ndimage, signal

from gprscan.detection.inpipe.layered_wave import wall_trace
from gprscan.detection.inpipe.settings import PipeSettings
from gprscan.detection.inpipe.wall import Wall
from gprscan.detection.section import Section
from gprscan.migration.pipe import pipe_image
from gprscan.migration.pipe_curves import PipeModel, two_way
from gprscan.units import C_AIR

_STEP = 0.005  # m, of the image outward
_BARS_DB = -48.0  # least echo of bars against the direct wave; what bodies leave in the wall is below -52
_LOOSE_DB = (
    -9.5
)  # most that loosened ground answers against a wall with air behind it: from 9 to 5, less than half of 9 to 1


@dataclass(frozen=True)
class PipeBody:
    """A body outside the wall.

    Attributes
    ----------
    kind : str
        As in `gprscan.names.KINDS`.
    trace : int
        Number of the trace nearest to its middle.
    first, last : int
        Traces between which its echo stays within 6 dB of the strongest.
    depth, depth_sigma : float
        Of its near side, outward from the inner wall surface, m.
    twt : float
        Two-way time to it, ns.
    level_db, contrast_db : float
        Echo against that of a wall with air behind it, and against the usual level at that depth.
    phase : float
        Cosine of the phase between the onset of its echo and the incident wave: 1 air, -1 metal or water.
    at_wall : bool
        Whether it lies against the outside of the wall.
    """

    kind: str
    trace: int
    first: int
    last: int
    depth: float
    depth_sigma: float
    twt: float
    level_db: float
    contrast_db: float
    phase: float
    at_wall: bool


@dataclass(frozen=True)
class Mesh:
    """Bars in the wall: their pitch along the line and their cover, m."""

    pitch: float
    cover: float


@dataclass(frozen=True)
class Found:
    """What the search of one channel gave: bodies, bars, and the image they were found in."""

    bodies: list[PipeBody]
    mesh: Mesh | None
    image: np.ndarray
    depths: np.ndarray


def full_echo(s: Section, wall: Wall, model: PipeModel) -> float:
    """Return the echo of the wall's back with nothing but air behind it, against the direct wave, in dB.

    What lies behind one wall is weighed against it, so that thick walls, lossy ones and high frequencies, through which
    everything is weaker, need no limits of their own.
    """
    common = {"standoff": model.standoff, "separation": model.separation, "wall": wall.thickness}
    early, usual = wall_trace(
        s.t,
        s.fc_nominal,
        wall_permittivity=wall.permittivity,
        ground_permittivity=wall.ground_permittivity,
        **common,
    )
    hollow = wall_trace(s.t, s.fc_nominal, wall_permittivity=wall.permittivity, ground_permittivity=1.0, **common)[1]
    return float(20 * np.log10(np.abs(hollow - usual).max() / max(float(np.abs(early).max()), 1e-30)))


def find(section: Section, wall: Wall, model: PipeModel, step: float, settings: PipeSettings, *, ring: bool) -> Found:
    """Search one channel.

    Parameters
    ----------
    section : Section
        The conditioned line.
    wall : Wall
        Its wall.
    model : PipeModel
        Gap, wall and ground.
    step : float
        Between traces: m along the axis, radians round it.
    settings : PipeSettings
        Of the detection.
    ring : bool
        Whether the traces go round.
    """
    s = section
    level = s.direct_peak or float(np.abs(s.raw).max()) or 1.0
    depths = np.arange(0.02, min(settings.reach, _deepest(s, model, ring)), _STEP)
    echo = signal.hilbert(s.echo / level, axis=1)
    parts = [
        pipe_image(part, s.t - wall.shift, step, model, depths, ring=ring, aperture=settings.aperture)
        for part in (echo.real, echo.imag)
    ]
    image = parts[0] + 1j * parts[1]
    spacing = step * (model.radius if ring else 1.0)
    mesh = None if ring else _mesh(image, depths, model.wall, spacing)
    if mesh is not None:
        # over a whole number of bars, their echoes are what they are everywhere
        image = ndimage.uniform_filter1d(image.real, round(mesh.pitch / spacing), axis=0) + 1j * (
            ndimage.uniform_filter1d(image.imag, round(mesh.pitch / spacing), axis=0)
        )
    bodies = _bodies(s, image, depths, model, settings, full_echo(s, wall, model), ring=ring)
    return Found(bodies, mesh, image, depths)


def _deepest(s: Section, model: PipeModel, ring: bool) -> float:
    """Depth at which the record ends or, on a ring, the opposite wall answers through the bore."""
    across = 2 * (2 * model.radius - model.standoff) / C_AIR - 1.0 / s.fc_nominal
    last = min(float(s.t[-1]), across) if ring else float(s.t[-1])  # along the axis it is background
    depth = 0.1
    while depth < 3.0 and two_way(model, depth, np.zeros(1), ring=ring)[0] < last:
        depth += 0.02
    return depth


def _mesh(image: np.ndarray, depths: np.ndarray, wall: float, spacing: float) -> Mesh | None:
    """Bars across the line: a sharp line in the wavenumber spectrum of what lies inside the wall."""
    inside = depths < 0.8 * wall
    n = image.shape[0]
    if inside.sum() < 2 or n < 32:
        return None
    rows = image[:, inside] * np.hanning(n)[:, None]
    power = (np.abs(np.fft.fft(rows, axis=0)) ** 2).sum(axis=1)[: n // 2]
    number = np.arange(n // 2) / (n * spacing)
    band = (number > max(1 / 0.30, 8 / (n * spacing))) & (number < min(1 / 0.05, 0.45 / spacing))
    if not band.any():
        return None
    k = int(np.flatnonzero(band)[power[band].argmax()])
    near = power[max(k - 1, 0) : k + 2].sum()
    if near < 0.5 * power[band].sum() or power[k] < 30 * np.median(power[band]):
        return None
    spectrum = np.fft.fft(image[:, inside], axis=0)
    spectrum[
        (np.abs(np.fft.fftfreq(n, spacing)) < 0.7 * number[k]) | (np.abs(np.fft.fftfreq(n, spacing)) > 1.3 * number[k])
    ] = 0
    regular = ndimage.uniform_filter1d(np.abs(np.fft.ifft(spectrum, axis=0)).mean(axis=1), 5)
    if np.median(regular) < 10 ** (_BARS_DB / 20):
        return None
    # bars are there all along the line; two bodies that happen to lie a pitch apart are not
    if np.mean(regular > 0.5 * np.median(regular)) < 0.8 or np.percentile(regular, 90) > 2.5 * np.percentile(
        regular, 25
    ):
        return None
    strength = np.abs(image[:, inside]).mean(axis=0)
    return Mesh(float(1 / number[k]), float(depths[inside][int(strength.argmax())]))


def _bodies(
    s: Section,
    image: np.ndarray,
    depths: np.ndarray,
    model: PipeModel,
    settings: PipeSettings,
    full: float,
    *,
    ring: bool,
) -> list[PipeBody]:
    size = np.maximum(np.abs(image), 1e-9)
    db = 20 * np.log10(size) - full
    usual = 20 * np.log10(ndimage.uniform_filter1d(np.median(size[s.valid], axis=0), 7, mode="nearest")) - full
    resolution = 0.5 * C_AIR / (np.sqrt(model.wall_permittivity) * s.fc_nominal) / 2
    at_wall = np.abs(depths - model.wall) < max(resolution, 0.03)
    least = np.where(at_wall, settings.at_wall_db, settings.behind_db)
    # behind the wall there are many more places at which noise may happen to peak than against it
    least = np.maximum(least, usual + settings.contrast_db + np.where(at_wall, 0.0, 2.5))
    least[depths < model.wall - max(resolution, 0.03)] = np.inf
    modes = ("wrap" if ring else "nearest", "nearest")
    peak = ndimage.maximum_filter(db, (9, 2 * round(resolution / _STEP) + 1), mode=modes) == db
    order = sorted(zip(*np.nonzero(peak & (db > least)), strict=True), key=lambda at: -db[at])
    found: list[PipeBody] = []
    for i, k in order:
        # at the ends of an axial line, half of each curve is missing
        if not ring and min(i, s.x.size - 1 - i) < 4 and db[i, k] < least[k] + 4:
            continue
        first, last = _extent(db[:, k], int(i), ring)
        # what is narrower than the antenna can resolve, and stands out little, is noise
        if first == last and db[i, k] - usual[k] < settings.contrast_db + 6:
            continue
        if not s.valid[i] and not s.valid[max(i - 1, 0)]:
            continue
        if any(_hides(other, int(i), float(depths[k]), float(db[i, k]), s.x.size, ring) for other in found):
            continue
        found.append(_body(s, image, depths, int(i), int(k), (first, last), model, db, usual, bool(at_wall[k]), ring))
    return _joined(sorted(found, key=lambda body: body.trace), s, db, depths, model)


def _joined(bodies: list[PipeBody], s: Section, db: np.ndarray, depths: np.ndarray, model: PipeModel) -> list[PipeBody]:
    """Join bodies against the wall that are parted by 0.15 m or less of weaker, but not usual, echo."""
    row = db[:, int(np.abs(depths - model.wall).argmin())]
    out: list[PipeBody] = []
    for body in bodies:
        last = out[-1] if out else None
        if last is not None and last.at_wall and body.at_wall and (body.first - last.last) * s.dx <= 0.15:
            gap = row[max(last.last, 0) : body.first + 1]
            if gap.size == 0 or (gap.min() > max(last.level_db, body.level_db) - 10 and last.phase * body.phase > 0):
                strong = max(last, body, key=lambda b: b.level_db)
                middle = round(0.5 * (last.first + body.last)) % s.x.size
                out[-1] = replace(strong, trace=middle, first=last.first, last=max(last.last, body.last))
                continue
        out.append(body)
    return out


def _extent(row: np.ndarray, i: int, ring: bool) -> tuple[int, int]:
    n, level = row.size, row[i] - 6.0
    first = last = i
    while last - first < n - 1 and (ring or first > 0) and row[(first - 1) % n] > level:
        first -= 1
    while last - first < n - 1 and (ring or last < n - 1) and row[(last + 1) % n] > level:
        last += 1
    return first, last


def _hides(other: PipeBody, i: int, depth: float, db: float, n: int, ring: bool) -> bool:
    """Whether an echo belongs to a stronger one: the same body, its far side, or what rings inside it."""
    margin = max(2, (other.last - other.first) // 3)
    lap = [i, i - n, i + n] if ring else [i]
    beside = any(other.first - margin <= at <= other.last + margin for at in lap)
    return beside and (depth > other.depth - 0.05 or db < other.level_db - 6)


def _body(
    s: Section,
    image: np.ndarray,
    depths: np.ndarray,
    i: int,
    k: int,
    span: tuple[int, int],
    model: PipeModel,
    levels: np.ndarray,
    usual: np.ndarray,
    at_wall: bool,
    ring: bool,
) -> PipeBody:
    db = float(levels[i, k])
    middle = round(0.5 * (span[0] + span[1]))
    phase = _phase(s, image[i], depths, k, model, ring)
    depth = model.wall if at_wall else float(depths[k])
    length = (span[1] - span[0] + 1) * s.dx
    if at_wall:
        weak = db < _LOOSE_DB and length > 0.2
        kind = "water_rich" if phase < -0.5 else "debond" if length > 1.0 else "loose" if weak else "cavity"
    else:
        # a pipe or a cable beside the sewer answers as metal or water does
        kind = "cavity" if phase > 0.0 else "pipe"
        # a weak echo with neither sign is a stone as likely as anything
        if abs(phase) < 0.2 and db < -13.0:
            kind = "unknown"
    twt = float(two_way(model, depth, np.zeros(1), ring=ring)[0])
    sigma = 0.01 if at_wall else 0.01 + 0.06 * max(depth - model.wall, 0.0)
    return PipeBody(kind, middle % s.x.size, *span, depth, sigma, twt, db, db - float(usual[k]), phase, at_wall)


def _phase(s: Section, column: np.ndarray, depths: np.ndarray, k: int, model: PipeModel, ring: bool) -> float:
    """Cosine of the phase of the echo's onset (half of its peak) against that of the incident pulse."""
    size = np.abs(column)
    onset = k
    while onset > 0 and size[onset] > 0.5 * size[k]:
        onset -= 1
    pulse = signal.hilbert(s.wavelet.astype(float))
    top = int(np.abs(pulse).argmax())
    rise = top
    while rise > 0 and np.abs(pulse[rise]) > 0.5 * np.abs(pulse[top]):
        rise -= 1
    return float(np.cos(np.angle(column[onset]) - np.angle(pulse[rise])))

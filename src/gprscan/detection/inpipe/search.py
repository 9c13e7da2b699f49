"""Bodies outside the wall of a pipe: peaks of the migrated image, their extent, sign and kind."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from scipy import ndimage, signal

from gprscan.detection.condition import echo_in_band
from gprscan.detection.inpipe.bars import BAR_RADIUS, HIDING, Mesh, find_mesh
from gprscan.detection.inpipe.confidence import LOOSE_SHARE
from gprscan.detection.inpipe.layered_wave import wall_trace
from gprscan.detection.inpipe.settings import PipeSettings
from gprscan.detection.inpipe.wall import Wall
from gprscan.detection.section import Section
from gprscan.geometry.pipe_shape import BoreShape
from gprscan.migration.pipe import pipe_image
from gprscan.migration.pipe_curves import PipeModel, two_way
from gprscan.migration.pipe_sides import RingSides
from gprscan.units import C_AIR

_STEP = 0.005  # m, of the image outward
# most that loosened ground answers against a wall with air behind it: from 9 to 5, less than half of 9 to 1
_LOOSE_DB = -9.5
_FLAT_DB = -7.0  # echo behind a wall, above which it is wider than a pipe
_MESH_DB = 5.0
# narrower than a point is drawn by the migration, and weaker than a body that could be a hazard
_STONE_SHARE, _STONE_WIDTH = 0.3, 1.15  # of what air would add; wavelengths in the ground
_ROUND_DB = 5.0  # what more an echo on a ring needs that arrives with that of the opposite wall
_FOCUS = 1.6  # most by which the round face of a body makes its echo larger than that of a plane
# a thick body answers with its near face, and adds 1 (air) or -1 (water) times what air would; a thin one with both, the far one
# of opposite sign and a little later, which is the derivative of the pulse: i or -i. What lies half-way to the other sign parts them
_LAYER = 0.25 * np.pi
_PIPE_WIDTH = 1.4  # wavelengths in the ground; a crossing pipe is narrower in the image of an axial line
_WIDEST_HEAD = 0.35  # m along the line over which the plate of a nail or anchor answers
Where = Literal["at_wall", "inside", "behind"]


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
        Cosine of the phase between the onset of its echo and the incident wave: 1 air, -1 metal or water. Of a body against
        a wall that was measured: 1 where its echo is half-way between that of thick and of thin air, -1 so of water.
    at_wall : bool
        Whether it lies against the outside of the wall.
    inside : bool
        Whether it lies in the wall itself.
    share : complex or None
        Of a body against the wall: its echo as a multiple of what air behind the wall would add.
    width : float
        Of its echo, in wavelengths in the ground.
    meshed : bool
        Whether bars lie in front of it.
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
    inside: bool = False
    share: complex | None = None
    width: float = 0.0
    meshed: bool = False


@dataclass(frozen=True)
class Bar:
    """One bar of a mesh: the trace above it, its cover and the pitch of the mesh, m."""

    trace: int
    cover: float
    pitch: float


@dataclass(frozen=True)
class Found:
    """What the search of one channel gave.

    Attributes
    ----------
    bodies : list of PipeBody
        Outward of the wall, or in it.
    mesh : Mesh or None
        Bars across the line.
    image, sharp : ndarray of complex, shape (trace, depth)
        What bodies were found in, and the same before the echoes of bars were evened out.
    depths : ndarray, shape (depth,)
        Outward from the inner wall surface, m.
    level_db : ndarray, shape (trace, depth)
        Size of `image` against a wall with air behind it.
    unseen : bool
        Whether steel hides what lies behind it; no bodies are looked for then.
    """

    bodies: list[PipeBody]
    mesh: Mesh | None
    image: np.ndarray
    depths: np.ndarray
    sharp: np.ndarray
    level_db: np.ndarray
    unseen: bool


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


def find(
    section: Section,
    wall: Wall,
    model: PipeModel,
    step: float,
    settings: PipeSettings,
    *,
    ring: bool,
    bore: tuple[BoreShape, np.ndarray] | None = None,
) -> Found:
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
    bore : (BoreShape, ndarray), optional
        Of a ring in a bore that is not round: the bore, and the clock angle of each trace in degrees.
    """
    s = section
    level = s.direct_peak or float(np.abs(s.raw).max()) or 1.0
    across = np.full(s.x.size, 2 * model.radius) if bore is None else bore[0].across(bore[1])
    depths = np.arange(0.02, min(settings.reach, _deepest(s, wall, model, across, ring)), _STEP)
    # migration sums along curves, not along time: noise outside of the antenna's band would stay in the image
    echo = signal.hilbert(echo_in_band(s) / level, axis=1)
    if bore is not None:
        sides = RingSides(*bore, model, depths, settings.aperture)
        image = next(sides.images(echo, s.t - wall.shift, np.zeros(1)))
    else:
        parts = [
            pipe_image(part, s.t - wall.shift, step, model, depths, ring=ring, aperture=settings.aperture)
            for part in (echo.real, echo.imag)
        ]
        image = parts[0] + 1j * parts[1]
    spacing = step * (model.radius if ring else 1.0)
    sharp = image
    mesh = None if ring else find_mesh(s, level, image, depths, model)
    if mesh is not None and wall.steel and mesh.pitch > HIDING:
        mesh = None  # bars that make a sheet lie nearer to each other: what repeats is something else
    if mesh is not None:
        # over a whole number of bars, their echoes are what they are everywhere
        image = ndimage.uniform_filter1d(image.real, round(mesh.pitch / spacing), axis=0) + 1j * (
            ndimage.uniform_filter1d(image.imag, round(mesh.pitch / spacing), axis=0)
        )
    # a mesh lets part of the wave through, twice, and evening out its bars takes from what is short as well
    full = full_echo(s, wall, model) - (0.0 if mesh is None else _MESH_DB)
    meshed = mesh is not None
    late = np.array([two_way(model, float(depth), np.zeros(1), ring=ring)[0] for depth in depths])
    drowned = late > _opposite(s, model, across, back=False)[:, None] if ring else np.zeros(image.shape, bool)
    # in a round bore the opposite wall is background, as far as it is round; in another it lies nearer in one direction
    drowned_db = np.where(drowned, _ROUND_DB if bore is None else np.inf, 0.0)
    # what rings in front of a sheet of steel would be taken for bodies
    unseen = wall.steel or (mesh is not None and mesh.pitch < HIDING and not wall.measured)
    bodies = (
        [] if unseen else _bodies(s, image, depths, wall, model, settings, full, drowned_db, ring=ring, meshed=meshed)
    )
    level_db = 20 * np.log10(np.maximum(np.abs(image), 1e-9)) - full
    return Found(bodies, mesh, image, depths, sharp, level_db, unseen)


def bars_of(found: Found, section: Section, step: float) -> list[Bar]:
    """Return the bars of a mesh, one by one: peaks at the depth of its cover, no nearer than two thirds of its pitch.

    Parameters
    ----------
    found : Found
        Of an axial line, or one on a wall.
    section : Section
        The conditioned line.
    step : float
        Between traces, m.
    """
    if found.mesh is None:
        return []
    pulse = signal.hilbert(section.wavelet.astype(float))
    crest = pulse[int(np.abs(pulse).argmax())]
    rows = np.abs(found.depths - found.mesh.cover - BAR_RADIUS) < 0.015
    # metal turns the incident wave round; between two bars their curves cross and add up to anything but that
    likeness = -(found.sharp[:, rows] * np.conj(crest) / abs(crest)).real
    level = likeness[:, int(np.percentile(likeness, 90, axis=0).argmax())]
    level = np.where(section.valid, level, 0.0)
    peaks, _ = signal.find_peaks(
        level, height=0.5 * np.percentile(level, 90), distance=max(1, round(0.67 * found.mesh.pitch / step))
    )
    return [Bar(int(i), found.mesh.cover, found.mesh.pitch) for i in peaks]


def _opposite(s: Section, model: PipeModel, across: np.ndarray, *, back: bool) -> np.ndarray:
    """Return when the opposite wall begins to answer through the bore, or the back of it, ns."""
    through = 2 * model.wall * np.sqrt(model.wall_permittivity) if back else 0.0
    return (2 * (across - model.standoff) + through) / C_AIR - 1.0 / s.fc_nominal


def _deepest(s: Section, wall: Wall, model: PipeModel, across: np.ndarray, ring: bool) -> float:
    """Depth from which the crest of an echo is still in the record and, on a ring, before what lies behind the opposite wall."""
    last = float(s.t[-1]) - wall.shift - 0.5 / s.fc_nominal
    if ring:  # along the axis it is background
        last = min(last, float(_opposite(s, model, across, back=np.ptp(across) == 0).max()))
    depth = 0.1
    while depth < 3.0 and two_way(model, depth + _STEP, np.zeros(1), ring=ring)[0] < last:
        depth += _STEP
    return depth


def _bodies(
    s: Section,
    image: np.ndarray,
    depths: np.ndarray,
    wall: Wall,
    model: PipeModel,
    settings: PipeSettings,
    full: float,
    drowned_db: np.ndarray,
    *,
    ring: bool,
    meshed: bool,
) -> list[PipeBody]:
    size = np.maximum(np.abs(image), 1e-9)
    db = 20 * np.log10(size) - full
    usual = 20 * np.log10(ndimage.uniform_filter1d(np.median(size[s.valid], axis=0), 7, mode="nearest")) - full
    resolution = 0.5 * C_AIR / (np.sqrt(model.wall_permittivity) * s.fc_nominal) / 2
    back = _back(s, wall, model, settings)[:, None]
    at_wall = np.abs(depths - back) < max(resolution, 0.03)
    least = np.where(at_wall, settings.at_wall_db, settings.behind_db)
    # behind the wall there are many more places at which noise may happen to peak than against it
    least = np.maximum(least, usual + settings.contrast_db + np.where(at_wall, 0.0, 2.5) + drowned_db)
    inside = depths < back - max(resolution, 0.03)
    # the front of a wall hides what lies within the first period; the wall of a pipe is too thin to look into
    seen = (depths > 1.5 * resolution) & (settings.geometry == "wall")
    least = np.where(
        inside, np.where(seen, np.maximum(settings.inside_db, usual + settings.contrast_db), np.inf), least
    )
    modes = ("wrap" if ring else "nearest", "nearest")
    peak = ndimage.maximum_filter(db, (9, 2 * round(resolution / _STEP) + 1), mode=modes) == db
    order = sorted(zip(*np.nonzero(peak & (db > least)), strict=True), key=lambda at: -db[at])
    found: list[PipeBody] = []
    for i, k in order:
        # at the ends of an axial line, half of each curve is missing
        if not ring and min(i, s.x.size - 1 - i) < 4 and db[i, k] < least[i, k] + 4:
            continue
        first, last = _extent(db[:, k], int(i), ring)
        # what is narrower than the antenna can resolve, and stands out little, is noise
        if first == last and db[i, k] - usual[k] < settings.contrast_db + 6:
            continue
        if not s.valid[i] and not s.valid[max(i - 1, 0)]:
            continue
        if any(_hides(other, int(i), float(depths[k]), float(db[i, k]), s.x.size, ring) for other in found):
            continue
        where: Where = "at_wall" if at_wall[i, k] else "inside" if inside[i, k] else "behind"
        found.append(
            _body(
                s,
                image,
                depths,
                int(i),
                int(k),
                (first, last),
                wall,
                model,
                db,
                usual,
                where,
                float(back[i, 0]),
                ring,
                meshed,
            )
        )
    return _joined(sorted(found, key=lambda body: body.trace), s, db, depths, wall, model)


def _back(s: Section, wall: Wall, model: PipeModel, settings: PipeSettings) -> np.ndarray:
    """Depth of the back of the wall under each trace, m; of a pipe one value, since what changes there is the error of the track."""
    seen = np.flatnonzero(np.isfinite(wall.track))
    if settings.geometry != "wall" or seen.size < 8:
        return np.full(s.x.size, model.wall)
    smooth = ndimage.median_filter(wall.track[seen], 9, mode="nearest")
    return np.interp(np.arange(s.x.size), seen, smooth)


def _joined(
    bodies: list[PipeBody], s: Section, db: np.ndarray, depths: np.ndarray, wall: Wall, model: PipeModel
) -> list[PipeBody]:
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
                whole = replace(strong, trace=middle, first=last.first, last=max(last.last, body.last))
                out[-1] = _against_wall(whole, s, wall, model)  # a row of stones may be one long body
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
    wall: Wall,
    model: PipeModel,
    levels: np.ndarray,
    usual: np.ndarray,
    where: Where,
    back: float,
    ring: bool,
    meshed: bool,
) -> PipeBody:
    db = float(levels[i, k])
    contrast = db - float(usual[k])
    middle = round(0.5 * (span[0] + span[1]))
    phase = _phase(s, image[i], depths, k, model, ring)
    at_wall = where == "at_wall"
    depth = back if at_wall else float(depths[k])
    length = (span[1] - span[0] + 1) * s.dx
    width = length / _wavelength(s, model)
    onset = _least_onset(contrast) if width > _PIPE_WIDTH else 0.0
    kind = _kind_inside(db, length, phase) if where == "inside" else _kind_behind(db, phase, onset, meshed)
    body = PipeBody(
        kind,
        middle % s.x.size,
        *span,
        depth,
        0.01 if at_wall else 0.01 + 0.06 * max(depth - back, 0.0),
        float(two_way(model, depth, np.zeros(1), ring=ring)[0]),
        db,
        contrast,
        phase,
        at_wall,
        where == "inside",
        width=width,
        meshed=meshed,
    )
    return _against_wall(body, s, wall, model) if at_wall else body


def _against_wall(body: PipeBody, s: Section, wall: Wall, model: PipeModel) -> PipeBody:
    """Return a body against the wall with the share, phase, width and kind that its extent gives."""
    late = 2 * (body.depth - model.wall) * np.sqrt(model.wall_permittivity) / C_AIR
    share = _share_of_air(s, wall, (body.first, body.last), float(late))
    phase = body.phase
    if share is not None:
        phase = float(np.cos(np.angle(share) - _LAYER))
        if abs(share) > _FOCUS * _share_of_water(wall):
            phase = abs(
                phase
            )  # a gap whose two faces add up: the phase is that of neither, and water cannot answer so much
    length = (body.last - body.first + 1) * s.dx
    width = length / _wavelength(s, model)
    kind = _kind_at_wall(body.level_db, length, phase, share)
    if share is not None and abs(share) < _STONE_SHARE and width < _STONE_WIDTH:
        kind = "unknown"  # narrow and weak at once: a stone against the wall, or nothing
    return replace(body, kind=kind, phase=phase, share=share, width=width)


def _share_of_air(s: Section, wall: Wall, body: tuple[int, int], late: float = 0.0) -> complex | None:
    """What a body against the wall adds to the trace, as a multiple of what air behind the wall would add; None where unknown.

    Reflection coefficients tell what to expect: ``(r_body - r_ground) / (r_air - r_ground)``, 1 for air, 0.3 to 0.5 for
    loosened ground, negative for water; less for a body smaller than the Fresnel zone.

    Parameters
    ----------
    s : Section
        The conditioned line.
    wall : Wall
        With what air would add.
    body : (int, int)
        First and last trace of its echo.
    late : float
        How much later the back of the wall answers here than where it was fitted, ns.
    """
    if wall.hollow is None:
        return None
    first, last = body
    margin = (last - first) // 4
    rows = np.arange(first + margin, last - margin + 1) % s.x.size
    added = signal.hilbert(echo_in_band(s)[rows].mean(axis=0).astype(float))
    # the two-way time to the back is known to a part of a period only: the lag at which the pulses are most alike counts
    slack = round(0.3 / (s.fc_nominal * s.dt))
    best, most = None, -1.0
    for lag in range(round(late / s.dt) - slack, round(late / s.dt) + slack + 1):
        expected = np.roll(wall.hollow, lag)
        near = np.abs(expected) > 0.3 * np.abs(expected).max()
        product = complex(np.vdot(expected[near], added[near]))
        power = float(np.vdot(expected[near], expected[near]).real)
        likeness = abs(product) / np.sqrt(power * float((np.abs(added[near]) ** 2).sum()) + 1e-30)
        if likeness > most:
            best, most = product / power, likeness
    return best


def _wavelength(s: Section, model: PipeModel) -> float:
    """Wavelength in the ground at the centre frequency, m."""
    return float(C_AIR / np.sqrt(model.ground_permittivity) / s.fc_nominal)


def _share_of_water(wall: Wall) -> float:
    """Return the size of what water behind the wall would add, as a multiple of what air would (Fresnel's coefficients)."""
    inner = np.sqrt(wall.permittivity)
    air, water, ground = (
        (inner - np.sqrt(eps)) / (inner + np.sqrt(eps)) for eps in (1.0, 80.0, wall.ground_permittivity)
    )
    return float(abs(water - ground) / max(air - ground, 0.1))


def _kind_at_wall(db: float, length: float, phase: float, share: complex | None) -> str:
    if phase < (-0.5 if share is None else 0.0):
        return "water_rich"
    if length > 1.0:
        return "debond"
    weak = db < _LOOSE_DB if share is None else abs(share) < LOOSE_SHARE
    # a short body is weak for its size
    return "loose" if weak and length > 0.2 else "cavity"


def _kind_inside(db: float, length: float, phase: float) -> str:
    if phase < -0.5:
        return "nail_head" if length < _WIDEST_HEAD else "water_rich"
    if abs(phase) <= 0.2:
        return "unknown"
    return "loose" if db < _LOOSE_DB else "cavity"


def _kind_behind(db: float, phase: float, onset: float, meshed: bool) -> str:
    # steel in front turns the phase by an amount that is not known; what answers like a flat face of air is no pipe
    if meshed and db > _FLAT_DB:
        return "cavity"
    # a weak echo with neither sign is a stone as likely as anything
    if onset == 0.0 and abs(phase) < 0.2 and db < -13.0:
        return "unknown"
    # a pipe or a cable beside the sewer answers as metal or water does
    return "cavity" if phase > onset else "pipe"


def _least_onset(contrast: float) -> float:
    """Return the onset above which an echo too wide for a crossing pipe is taken for a cavity.

    The two faces of a gap of air answer within one period, and noise covers what comes first: the weaker the echo, the less
    its onset says against its width.
    """
    return float(np.clip(-0.5 - 0.1 * (22.0 - contrast), -0.9, -0.5))


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

"""`gprscan.detect`: from a raw line to the table of its anomalies."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr
from pydantic import ValidationError

from gprscan import model, names
from gprscan.detection import bound_layer, course, detectability, diffractions, rebar, rescore, setting, table, wall
from gprscan.detection import image as images
from gprscan.detection.body import Body
from gprscan.detection.classify import chances_of, load_table
from gprscan.detection.columns import detect_columns
from gprscan.detection.condition import LEAST_SAMPLES, Acquisition, condition, live_traces
from gprscan.detection.debond import detect_debond, hold_against_base
from gprscan.detection.ground import Ground
from gprscan.detection.lateral import runs
from gprscan.detection.link import link_channels
from gprscan.detection.merge import merge
from gprscan.detection.section import Section
from gprscan.detection.settings import Settings
from gprscan.detection.settle import settle
from gprscan.detection.size import length_under_roof
from gprscan.detection.stretches import Stretches
from gprscan.detection.zones import detect_zones
from gprscan.errors import LineError, RecipeError
from gprscan.kernels import jit
from gprscan.steps import Recipe, load_recipe
from gprscan.steps.registry import describe
from gprscan.units import C_AIR

if TYPE_CHECKING:
    import geopandas

LIKE_LEGS = 0.7  # coherence of the legs of a hyperbola that stands for a body of its own
LEAST_KIND = 0.35  # probability of a kind from which on a body is named by it
LEAST_TRACES = 8  # of a block that is searched
EVEN = 100.0  # m of line from which on the number of blocks is even


def detect(
    line: xr.Dataset, recipe: str | Path | Recipe = "road", *, include: Sequence[str] = ()
) -> geopandas.GeoDataFrame:
    """Find voids, pipes and other bodies under a line.

    Parameters
    ----------
    line : xarray.Dataset
        The raw line over ``twt``, with distances along it; detection conditions it itself.
    recipe : str, path or Recipe
        Whose ``[detect]`` table is used.
    include : sequence of str
        Kinds to keep that are left out otherwise: ``"interface"``, ``"clutter"``.

    Returns
    -------
    geopandas.GeoDataFrame
        One row per body, with the columns `gprscan.names.DETECTION_COLUMNS`, ``asphalt_m`` and its sigma; geometry in the line's CRS,
        null where the line has no positions. ``attrs["line"]`` says what the line could have shown.

    Raises
    ------
    LineError
        If this is no line over ``twt``, or its samples are too far apart for its antenna.
    MissingPositionError
        If the distance between its traces is not known.
    RecipeError
        If the recipe's ``[detect]`` table has a wrong entry.
    """
    line = model.require_line(line, axis=names.TWT)
    settings = load_settings(recipe)
    travelled = course.forward(line)
    line = course.rising(travelled)
    dx = course.spacing(line[names.DISTANCE].values.astype(float))
    sections: list[dict[str, Any]] = []
    stretches = Stretches(lambda bodies: _finish(bodies, line, settings, include, sections))
    parts = _parts(line, settings)
    # what one channel takes for a stone has its say on what the next one does not, and a model's vote may turn one
    stones = "clutter" in include or line.sizes.get(names.CHANNEL, 1) > 1 or settings.model is not None
    # one alone has the threads to itself
    threads = jit.threads() if len(parts) > 1 else 1
    # while a stretch is finished here, the next blocks are searched
    for searched in jit.in_order(lambda part: _search(part, line, settings, stones=stones), parts, threads, spare=1):
        if searched is None:
            continue
        first, found, summary = searched
        # of this block nothing was searched before, so that all before it is complete
        stretches.add([], first)
        stretches.held += found
        sections.append(summary)
    stretches.add([], math.inf)
    ground = settings.prior_ground()
    measured = np.concatenate(stretches.measured)
    if measured.size:
        ground = ground.updated(*measured[:, 1:].T)
    where = setting.of_line(line, dx, _strata(sections))
    for body in stretches.reported:
        body.evidence["kind"] = setting.kind_in(where, body.evidence["kind"])
    return table.assemble(travelled, stretches.reported, line_attrs(line, dx, sections, ground))


def _search(
    part: _Part, line: xr.Dataset, settings: Settings, *, stones: bool
) -> tuple[float, list[Body], dict[str, Any]] | None:
    """Search a part of a line: where it begins, its bodies, and what it says of the line; None where there is too little of it."""
    section = _section(part, line, settings)
    if section is None:
        return None
    found = find_bodies(section, settings, stones=stones)
    if settings.bound_layer:
        graded = (*names.HAZARD_KINDS, "unknown")
        bound_layer.measure(line, section, [b for b in found if b.votes and decide(b, settings) in graded])
        hold_against_base(found)
    return section.core[0], found, _summary(section)


def _finish(
    bodies: list[Body],
    line: xr.Dataset,
    settings: Settings,
    include: Sequence[str],
    sections: list[dict[str, Any]],
) -> tuple[list[Body], np.ndarray]:
    """Settle, merge and link bodies, and keep what is reported; what they say of the ground, see `settle`."""
    measured = settle(bodies, settings.prior_ground(), _height(line), separations(line))
    bodies = [b for b in bodies if b.votes]
    period = _period(line, settings)
    channels = sorted({b.channel for b in bodies})
    bodies = [
        b for c in channels for b in merge(rebar.group_rows([q for q in bodies if q.channel == c], period), period)
    ]
    if line.sizes.get(names.CHANNEL, 1) > 1 and names.OFFSET in line.coords:
        offsets = dict(enumerate(line[names.OFFSET].values.astype(float).tolist()))
        live = {c: [part for s in sections if s["channel"] == c for part in s["live"]] for c in offsets}
        bodies = link_channels(bodies, offsets, period, live)
    for body in bodies:
        body.evidence["kind"] = decide(body, settings)
        measure_length(body)
        if body.evidence["kind"] == "pipe":
            wall.to_outer_face(body, period)
    kinds = [kind for kind in names.HIDDEN_KINDS if kind not in include]
    return [b for b in bodies if b.evidence["kind"] not in kinds], measured


def measure_length(body: Body) -> None:
    """Set the extent along the line of a body that shows by its roof, in place; see `length_under_roof`.

    A roof that was seen to be wider stays as wide. The extent is the body's, not that of the part under the line: at an end of the
    line it may reach beyond, where the body goes on unseen. Its footprint on the map ends where the line does.
    """
    found = length_under_roof(load_table("diffraction"), body.evidence["kind"], body.evidence.get("image_width_m"))
    if found is None or body.source not in ("diffraction", "zone"):
        return
    length, body.evidence["sigma_length_m"] = found
    low, high = (body.x, body.x) if body.x_min is None or body.x_max is None else (body.x_min, body.x_max)
    wanting = 0.5 * max(length - (high - low), 0.0)
    body.x_min, body.x_max = low - wanting, high + wanting


def load_settings(recipe: str | Path | Recipe) -> Settings:
    """Settings from the ``[detect]`` table of a recipe."""
    loaded = load_recipe(recipe)
    try:
        return Settings(**loaded.detect)
    except ValidationError as error:
        msg = f"recipe {loaded.name}, [detect]: {describe(error)}"
        raise RecipeError(msg) from None


def iter_sections(line: xr.Dataset, settings: Settings) -> Iterator[Section]:
    """Yield the conditioned channels of a line, block by block."""
    line = course.rising(course.forward(line))
    for part in _parts(line, settings):
        section = _section(part, line, settings)
        if section is not None:
            yield section


@dataclass(frozen=True)
class _Part:
    """One channel of a block: its traces, the range of x that it answers for, and how it was recorded."""

    first: int
    last: int
    core: tuple[float, float]
    acquisition: Acquisition


def _parts(line: xr.Dataset, settings: Settings) -> list[_Part]:
    """Return the channels of a line block by block, in the order in which they are searched."""
    x = line[names.DISTANCE].values.astype(float)
    out: list[_Part] = []
    for begin, end in course.pieces(x):
        piece = x[begin:end]
        dx = course.spacing(piece)
        if not dx > 0:
            continue
        recorded = [_acquisition(line, settings, dx, channel) for channel in range(line.sizes.get(names.CHANNEL, 1))]
        # beyond an end of the line, and up to the middle of a gap, what is found belongs to what is next to it
        low = -math.inf if begin == 0 else 0.5 * float(x[begin - 1] + x[begin])
        high = math.inf if end == x.size else 0.5 * float(x[end - 1] + x[end])
        for first, last, core in blocks(piece, dx, settings):
            core = max(core[0], low), min(core[1], high)
            out += [_Part(begin + first, begin + last, core, acquisition) for acquisition in recorded]
    return out


def _section(part: _Part, line: xr.Dataset, settings: Settings) -> Section | None:
    """Read and condition a part of a line; None where there is too little of it to be searched."""
    rows: dict[str, slice | int] = {names.TRACE: slice(part.first, part.last)}
    values = line[names.AMPLITUDE]
    if names.CHANNEL in values.dims:
        rows[names.CHANNEL] = part.acquisition.channel
    traces = np.asarray(values.isel(rows).values, dtype=np.float32)
    if not searchable(traces):
        return None
    section = condition(traces, line[names.DISTANCE].values[part.first : part.last], part.acquisition)
    if section.t[-1] <= section.separation / C_AIR:
        return None
    section.first_trace, section.core = part.first, part.core
    section.surface_index = settings.ground[0][1] ** 0.5
    return section


def _acquisition(line: xr.Dataset, settings: Settings, dx: float, channel: int) -> Acquisition:
    """How one channel of a line was recorded."""
    fc, dt = (_per_channel(line, names.FREQUENCY, channel) or settings.frequency) / 1e3, model.sampling_interval(line)
    if 2.0 * fc * dt >= 1.0:
        msg = (
            f"{line.attrs.get(names.SOURCE_FILE) or 'this line'}: a sample each {dt:g} ns cannot hold what an antenna of "
            f"{1e3 * fc:g} MHz receives, which takes one each {0.25 / fc:.2g} ns. Is 'frequency' in MHz, and the interval in "
            "ns? If they are right, this record cannot be searched."
        )
        raise LineError(msg)
    return Acquisition(
        dt=dt,
        dx=dx,
        t_first=float(line[names.TWT].values[0]),
        fc=fc,
        separation=separations(line)[channel],
        height=_height(line),
        channel=channel,
        offset=float(line[names.OFFSET].values[channel]) if names.OFFSET in line.coords else 0.0,
    )


def separations(line: xr.Dataset) -> list[float]:
    """Distance between transmitter and receiver of each channel of a line in m, 0 where it is not known."""
    return [_per_channel(line, names.SEPARATION, c) or 0.0 for c in range(line.sizes.get(names.CHANNEL, 1))]


def _height(line: xr.Dataset) -> float:
    return float(line.attrs.get(names.ANTENNA_HEIGHT, 0.0) or 0.0)


def _period(line: xr.Dataset, settings: Settings) -> float:
    return 1e3 / (model.centre_frequency(line) or settings.frequency)


def _per_channel(line: xr.Dataset, name: str, channel: int) -> float | None:
    if name not in line.coords:
        return None
    values = np.atleast_1d(line[name].values.astype(float))
    value = float(values[channel] if values.size > 1 else values[0])
    return value if np.isfinite(value) and value > 0 else None


def blocks(x: np.ndarray, dx: float, settings: Settings) -> list[tuple[int, int, tuple[float, float]]]:
    """Cut a line into overlapping blocks of one length: first and last trace, and the range of x that each answers for.

    A long line has an even number of them, so that two threads end together.
    """
    n = x.size
    if n < 2:
        return []
    count = math.ceil(n / max(int(settings.block_m / dx), 64))
    if n * dx >= EVEN:
        count += count % 2
    overlap = max(int(6.0 / dx), 16)
    bounds = [round(k * n / count) for k in range(count + 1)]
    out = []
    for start, stop in pairwise(bounds):
        low = -np.inf if start == 0 else x[start]
        high = np.inf if stop == n else x[stop]
        out.append((max(start - overlap, 0), min(stop + overlap, n), (low, high)))
    return out


def searchable(traces: np.ndarray) -> bool:
    """Are there enough live traces and samples for a hyperbola to be seen?"""
    return min(traces.shape[1] - LEAST_SAMPLES, int(live_traces(traces).sum()) - LEAST_TRACES) >= 0


def find_bodies(section: Section, settings: Settings, *, stones: bool = False) -> list[Body]:
    """Run every detector on a section, and keep what lies in its core; `stones` as in `diffractions.find_bodies`."""
    meshes = rebar.find_mesh(section, settings)
    image = images.migrated(section, settings.prior_ground().rms(10.0))
    found = meshes + diffractions.find_bodies(section, settings, image, stones=stones)
    if settings.model is not None:
        hyperbolas = [b for b in found if b.source == "diffraction" and b.votes]
        rescore.add_votes(section, hyperbolas, rescore.load(settings.model))
    found += detect_debond(section, settings)
    found += detect_columns(section, settings)
    found += detect_zones(section, image, settings)
    return [b for b in found if section.core[0] <= b.x < section.core[1]]


def _outstanding(body: Body, settings: Settings) -> bool:
    """Is a body a hyperbola that nobody would overlook, whatever it is?"""
    if settings.outstanding_db is None or body.source != "diffraction":
        return False
    strong = float(body.evidence.get("strength_db") or 0.0) >= settings.outstanding_db
    return strong and body.score >= LIKE_LEGS


def decide(body: Body, settings: Settings) -> str:
    """Kind of a body: the likeliest hazard where hazards together are probable enough, else the most probable kind.

    That it is a hazard matters more than which: odds split between a cavity and wet ground do not make a pipe of it.
    `unknown` where no kind of body is probable enough, or a hazard under an array is not sure to be one.
    """
    chances = chances_of(body)
    nothing = {kind: chances.get(kind, 0.0) for kind in names.HIDDEN_KINDS}
    hidden = "unknown" if _outstanding(body, settings) else max(nothing, key=lambda kind: nothing[kind])
    if sum(nothing.values()) > 1 - settings.report:
        return hidden
    hazard = sum(chances.get(kind, 0.0) for kind in names.HAZARD_KINDS)
    named = {kind: chance for kind, chance in chances.items() if kind != "clutter"}
    if body.source == "diffraction":
        # the rim of a gap, or what looks like one: the gap itself shows as a change of its interface
        rim = next(iter(named), "") == "debond"
        named.pop("debond", None)
        if rim and max(named.values(), default=0.0) <= LEAST_KIND:
            return hidden
    best = next(iter(named), "clutter")
    hazards = {kind: chance for kind, chance in named.items() if kind in names.HAZARD_KINDS}
    if hazards and sum(hazards.values()) >= settings.hazard:
        doubted = "link" in body.evidence and sum(nothing.values()) > 1 - settings.sure
        return "unknown" if doubted else next(iter(hazards))
    if best in hazards and hazard < settings.hazard:
        return "unknown"
    return best if chances[best] > LEAST_KIND else "unknown"


def _summary(section: Section) -> dict[str, Any]:
    x = section.x
    return {
        "channel": section.channel,
        # a few dead traces do not make a channel deaf to what lies below them
        "live": [(float(x[a]), float(x[b])) for a, b in runs(section.valid, max(1, round(0.25 / section.dx)))],
        "shift": float(np.median(section.time_zero_shift[section.valid])),
        "noise": section.noise,
        "direct": section.direct_peak,
        "notes": section.notes,
        "sensitivity": detectability.measure(section),
        "strata": setting.measure(section),
    }


def _strata(sections: list[dict[str, Any]]) -> list[setting.Strata]:
    return [s["strata"] for s in sections if s["strata"] is not None]


def line_attrs(line: xr.Dataset, dx: float, sections: list[dict[str, Any]], ground: Ground) -> dict[str, Any]:
    """What was done to the line and what it could have shown; JSON-able."""
    notes = sorted({note for s in sections for note in s["notes"]})
    if not sections:
        notes.append(
            f"not searched: nowhere {LEAST_TRACES} live traces of {LEAST_SAMPLES} samples or more, and of the direct wave"
        )
    where = setting.of_line(line, dx, _strata(sections))
    limits = detectability.summarise([s["sensitivity"] for s in sections], ground)
    return {
        "length_m": float(dx * (line.sizes[names.TRACE] - 1)),
        "n_channels": int(line.sizes.get(names.CHANNEL, 1)),
        "n_traces": int(line.sizes[names.TRACE]),
        "velocity_m_ns": ground.rms(ground.time(1.0)),
        "time_zero_ns": float(np.median([s["shift"] for s in sections])) if sections else 0.0,
        **limits,
        "setting": where,
        "notes": notes + detectability.notes(limits) + setting.notes(where),
    }

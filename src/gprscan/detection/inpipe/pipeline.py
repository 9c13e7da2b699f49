"""``gprscan.detect`` on lines measured inside a pipe, and ``gprscan.wall_thickness``."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr
from pydantic import ValidationError

from gprscan import model, names
from gprscan.detection import condition as conditioning
from gprscan.detection.inpipe.confidence import confidence, probabilities
from gprscan.detection.inpipe.defects import WallDefect, settled, wall_defects
from gprscan.detection.inpipe.front import front_defects
from gprscan.detection.inpipe.search import Found, PipeBody, find
from gprscan.detection.inpipe.settings import PipeSettings
from gprscan.detection.inpipe.wall import Wall, fit_wall, likely_ground
from gprscan.detection.section import Section
from gprscan.errors import LineError, RecipeError
from gprscan.geometry.pipe_frame import PipeFrame
from gprscan.geometry.pipe_run import bore_of, frame_of
from gprscan.migration.pipe_curves import PipeModel
from gprscan.steps import Recipe, load_recipe
from gprscan.steps.registry import describe
from gprscan.units import C_AIR

if TYPE_CHECKING:
    import geopandas

# columns of the table of an in-pipe line beyond those of every line
PIPE_COLUMNS = (
    "segment_id",
    "clock_deg",
    "radial_depth_m",
    "radial_from_outer_wall_m",
    "chainage_from_m",
    "chainage_to_m",
    "clock_from_deg",
    "clock_to_deg",
    "arc_width_m",
    "wall_thickness_m",
    "body_x",
    "body_y",
    "body_z",
    "body_sigma_m",
)


def detect_in_pipe(line: xr.Dataset, recipe: str | Path | Recipe = "pipe") -> geopandas.GeoDataFrame:
    """Find voids, loose contact and water behind the wall of a pipe.

    Parameters
    ----------
    line : xarray.Dataset
        The raw line: an axial line or a ring, with its pipe (``from_array(pipe=...)`` or a side file).
    recipe : str, path or Recipe
        A recipe whose ``[detect]`` table has ``geometry = "pipe"``.

    Returns
    -------
    geopandas.GeoDataFrame
        One row per body: the columns of every line and `PIPE_COLUMNS`. ``distance_m`` is the chainage on an axial
        line, the arc length of the line on a ring. ``top_depth_m`` is that of the near side below the road where the
        side file says how high the road is at the manholes, null elsewhere.
        ``attrs["line"]["wall"]`` holds what was found out about the wall, ``attrs["line"]["rebar"]`` the bars.

    Raises
    ------
    LineError
        If the line does not know its pipe.
    RecipeError
        If the recipe is none for pipes.
    """
    line = model.require_line(line, axis=names.TWT)
    pipe = model.pipe_of(line)
    if pipe is None:
        msg = "this line has no pipe. Give one: gprscan.from_array(..., pipe={...}), or RUN.pipe.toml beside the file."
        raise LineError(msg)
    settings = load_pipe_settings(recipe)
    reason = out_of_scope(line, pipe)
    rows: list[dict[str, Any]] = []
    facts: dict[str, Any] = {"wall": [], "rebar": []}
    notes: list[str] = [reason] if reason else []
    sections = [] if reason else list(sections_of(line, pipe, settings))
    ring = model.is_ring(line)
    for section in sections:
        wall, medium, step = fitted_wall(line, section, pipe, ring)
        bore = bore_of(line)
        angles = model.clock_angles(line, section.channel)
        uneven = (bore, angles) if ring and bore.kind != "round" else None
        found = find(section, wall, medium, step, settings, ring=ring, bore=uneven)
        spacing = section.dx if ring else step
        at_front = front_defects(found, wall, spacing, ring=ring)
        of_wall = [*wall_defects(wall, found.mesh, spacing, settings), *at_front]
        if uneven and bore.kind == "egg":  # its arcs answer differently, which would be taken for another thickness
            of_wall = [defect for defect in of_wall if defect.kind != "wall_thinning"]
        bodies, defects = settled(found.bodies, of_wall)
        bodies += [as_body(defect) for defect in defects]
        rows += [_row(line, section, body, wall, medium, ring) for body in bodies]
        notes += section.notes + notes_of(found, wall)
        facts["wall"].append(wall_facts(wall, section.channel))
        if found.mesh is not None:
            facts["rebar"].append(
                {"channel": section.channel, "pitch_m": found.mesh.pitch, "cover_m": found.mesh.cover}
            )
    shifts = [float(np.median(s.time_zero_shift)) for s in sections]
    attrs = {
        "length_m": float(np.ptp(_along(line))),
        "n_channels": int(line.sizes.get(names.CHANNEL, 1)),
        "n_traces": int(line.sizes[names.TRACE]),
        "velocity_m_ns": C_AIR / math.sqrt(facts["wall"][0]["permittivity"]) if facts["wall"] else None,
        "time_zero_ns": float(np.median(shifts)) if shifts else 0.0,
        "penetration_depth_m": settings.reach,
        "detectability": [],
        "setting": f"in a pipe: {pipe.get('segment') or 'segment not named'}",
        "notes": sorted(set(notes)),
        **facts,
    }
    return _table(line, rows, attrs)


def wall_thickness(line: xr.Dataset) -> xr.DataArray:
    """Return the thickness of the wall along a line measured inside a pipe, or on the face of a wall.

    The thickness and permittivity of the wall are fitted to the whole mean trace (gap, wall and ground as plane layers
    under a line source); the echo of the wall's back is then followed from trace to trace.

    Parameters
    ----------
    line : xarray.Dataset
        The raw line with its pipe, or placed on a wall; the thickness given there is only the start.

    Returns
    -------
    xarray.DataArray, dims ([channel,] trace)
        m; NaN where the back of the wall is not seen or something lies against it. Where its echo cannot be followed,
        the mean found by the fit stands everywhere; where the wall could not be measured at all, the drawing's
        thickness, and ``attrs["measured"]`` is 0. ``attrs`` also holds
        ``mean``, ``sigma``, ``permittivity`` and ``permittivity_sigma`` of the first channel.

    Raises
    ------
    LineError
        If the line does not know its pipe.
    """
    line = model.require_line(line, axis=names.TWT)
    pipe = model.pipe_of(line) or _face_of(line)
    if pipe is None:
        msg = "this line has no pipe. Give one: gprscan.from_array(..., pipe={...}), or RUN.pipe.toml beside the file."
        raise LineError(msg)
    ring = model.is_ring(line)
    walls = [fitted_wall(line, section, pipe, ring)[0] for section in sections_of(line, pipe, PipeSettings())]
    followed = [w.measured and bool(np.isfinite(w.track).any()) for w in walls]
    tracks = np.stack(
        [w.track if seen else np.full(w.track.shape, w.thickness) for w, seen in zip(walls, followed, strict=True)]
    )
    dims = line[names.AMPLITUDE].dims[:-1]
    first = walls[0]
    attrs = {
        "units": "m",
        "mean": first.thickness,
        "sigma": first.thickness_sigma,
        "permittivity": first.permittivity,
        "permittivity_sigma": first.permittivity_sigma,
        "measured": int(first.measured),
    }
    values = tracks if names.CHANNEL in dims else tracks[0]
    coords = {k: line[k] for k in (names.DISTANCE, names.CLOCK_ANGLE) if k in line.coords}
    return xr.DataArray(values, dims=dims, coords=coords, name="wall_thickness", attrs=attrs)


def _face_of(line: xr.Dataset) -> dict[str, Any] | None:
    from gprscan.detection.inpipe.on_wall import is_measurable, layers_of

    return layers_of(line) if is_measurable(line) else None


def load_pipe_settings(recipe: str | Path | Recipe) -> PipeSettings:
    """Settings from the ``[detect]`` table of a recipe for pipes."""
    loaded = load_recipe(recipe)
    try:
        return PipeSettings(**loaded.detect)
    except ValidationError as error:
        msg = f"recipe {loaded.name}, [detect]: {describe(error)}"
        raise RecipeError(msg) from None


def out_of_scope(line: xr.Dataset, pipe: dict[str, Any]) -> str | None:
    """Return why radar cannot look through the wall of this pipe, None where it can."""
    material = str(pipe.get("material") or "").lower()
    if any(word in material for word in ("metal", "steel", "iron", "ductile")):
        return f"out of scope: a wall of {material} reflects everything; nothing behind it was searched"
    water = float(pipe.get("water_level") or 0.0)
    lowest = float(np.cos(np.deg2rad(line[names.CLOCK_ANGLE].values)).min())
    if water > 0 and not model.is_ring(line) and 0.5 * (1 + lowest) < water:
        return "out of scope: an antenna was under water; nothing was searched"
    return None


def sections_of(line: xr.Dataset, pipe: dict[str, Any], settings: PipeSettings) -> list[Section]:
    """Condition the channels; the whole line at once, since a run between two manholes is short."""
    values = model.amplitude(line)
    along = _along(line)
    twt = line[names.TWT].values
    fc = model.centre_frequency(line) or settings.frequency
    out = []
    for channel, traces in enumerate(values if values.ndim == 3 else values[None]):
        frequency = np.atleast_1d(line[names.FREQUENCY].values) if names.FREQUENCY in line.coords else np.array([fc])
        acq = conditioning.Acquisition(
            dt=model.sampling_interval(line),
            dx=float(np.ptp(along)) / max(along.size - 1, 1),
            t_first=float(twt[0]),
            fc=float(frequency[min(channel, frequency.size - 1)]) / 1e3,
            separation=model.antenna_separation(line) or 0.0,
            height=float(pipe["standoff"]),
            channel=channel,
        )
        out.append(conditioning.condition(traces, along, acq, whole=True))
    return out


def _along(line: xr.Dataset) -> np.ndarray:
    """Distance along the line; of a ring without distances the arc length along the inner wall, m."""
    if names.DISTANCE in line.coords:
        model.trace_spacing(line)
        return np.asarray(line[names.DISTANCE].values, dtype="float64")
    if model.is_ring(line):
        pipe = model.pipe_of(line) or {}
        clock = np.unwrap(line[names.CLOCK_ANGLE].values, period=360.0)
        return np.abs(np.deg2rad(clock - clock[0])) * 0.5 * float(pipe["inner_diameter"])
    model.trace_spacing(line)  # says what is missing
    return np.arange(line.sizes[names.TRACE], dtype="float64")


def fitted_wall(line: xr.Dataset, section: Section, pipe: dict[str, Any], ring: bool) -> tuple[Wall, PipeModel, float]:
    """Return the wall of a channel, the medium that echoes go through, and the step between traces (m, radians on a ring)."""
    eps = pipe.get("wall_permittivity")
    given = None if eps is None else (float(eps), float(pipe.get("wall_permittivity_sigma") or 0.5))
    standoff = float(pipe["standoff"])
    wall = fit_wall(section, standoff, float(pipe["wall_thickness"]), float(pipe["inner_diameter"]), given)
    medium = PipeModel(
        standoff,
        wall.thickness,
        wall.permittivity,
        likely_ground(wall.ground_permittivity),
        0.5 * float(pipe["inner_diameter"]),
        section.separation,
    )
    step = section.dx
    if ring:
        clock = np.deg2rad(np.unwrap(line[names.CLOCK_ANGLE].values, period=360.0))
        step = float(np.abs(np.median(np.diff(clock))))
        if abs(step * clock.size - 2 * np.pi) > 1.5 * step:
            msg = (
                f"the ring covers {np.rad2deg(step * clock.size):.0f} degrees in regular steps; a closed ring of 360 "
                "degrees without the first trace repeated is needed."
            )
            raise LineError(msg)
    return wall, medium, step


def wall_facts(wall: Wall, channel: int) -> dict[str, Any]:
    """Return what was found out about the wall, for ``attrs["line"]["wall"]``."""
    seen = wall.track[np.isfinite(wall.track)]
    return {
        "channel": channel,
        "measured": wall.measured,
        "thickness_m": wall.thickness,
        "sigma_m": wall.thickness_sigma,
        # a single trace may be off by noise: the thinnest twentieth
        "minimum_m": float(np.percentile(seen, 5)) if seen.size else None,
        "permittivity": wall.permittivity,
        "permittivity_sigma": wall.permittivity_sigma,
        "tracked": float(np.isfinite(wall.track).mean()),
    }


def notes_of(found: Found, wall: Wall) -> list[str]:
    """Return what an engineer must know about how far the search could see."""
    notes = []
    if found.unseen:
        notes.append(
            "out of scope: dense steel mesh in the wall; nothing behind it can be seen, and nothing is said about it"
        )
    if not wall.measured:
        notes.append("the back of the wall could not be measured: its thickness is that of the drawing")
    if found.mesh is not None:
        notes.append(f"bars in the wall every {100 * found.mesh.pitch:.0f} cm")
        if found.mesh.pitch < 0.11 and not found.unseen:
            notes.append("out of scope in part: dense steel mesh; little gets through it")
    return notes


def common_row(
    s: Section, body: PipeBody, wall: Wall, medium: PipeModel, columns: Sequence[str], *, source: str
) -> dict[str, Any]:
    """Return the columns that a body has wherever it was found; `columns` are the further ones, not yet known."""
    evidence = _evidence(body, wall, source)
    sure, base = confidence(body.kind, evidence)
    chances = {other: round(chance, 4) for other, chance in probabilities(body.kind, sure, source).items()}
    row: dict[str, Any] = dict.fromkeys((*names.DETECTION_COLUMNS, "asphalt_m", *columns), math.nan)
    return row | {
        "kind": body.kind,
        "distance_m": float(s.x[body.trace]),
        "offset_m": 0.0,
        "twt_ns": body.twt,
        "velocity_m_ns": 2 * (body.depth + medium.standoff) / body.twt if body.twt > 0 else math.nan,
        "confidence": sure,
        "probabilities": json.dumps(chances),
        "sigma_distance_m": max(0.5 * s.dx, 0.02),
        "sigma_depth_m": math.hypot(body.depth_sigma, wall.thickness_sigma),
        "polarity": int(np.sign(body.phase)) if abs(body.phase) > 0.5 else 0,
        "channels": json.dumps([s.channel]),
        "group_id": None,
        "evidence": json.dumps(evidence | {"base_rate": base}),
    }


def _evidence(body: PipeBody, wall: Wall, source: str) -> dict[str, Any]:
    return {
        "source": source,
        "level_db": None if math.isnan(body.level_db) else round(body.level_db, 2),
        "contrast_db": round(body.contrast_db, 2),
        "onset_phase_cosine": round(body.phase, 3),
        "share_of_air": None if body.share is None else round(abs(body.share), 3),
        "width_wavelengths": round(body.width, 2),
        "bars": body.meshed,
        "at_wall": body.at_wall,
        "wall_measured": wall.measured,
        "reference": "incident wave",
    }


def _row(line: xr.Dataset, s: Section, body: PipeBody, wall: Wall, medium: PipeModel, ring: bool) -> dict[str, Any]:
    clocks = model.clock_angles(line, s.channel)
    clock = float(clocks[body.trace])
    spacing = 0.5 * (abs(body.last - body.first) + 1)
    chainage = float(line[names.CHAINAGE]) if names.CHAINAGE in line.coords and ring else None
    row = common_row(s, body, wall, medium, PIPE_COLUMNS, source="ring" if ring else "axial")
    row |= {
        "segment_id": (model.pipe_of(line) or {}).get("segment"),
        "clock_deg": clock,
        "radial_depth_m": body.depth,
        "radial_from_outer_wall_m": max(body.depth - wall.thickness, 0.0),
        "wall_thickness_m": body.depth if body.kind == "wall_thinning" else wall.thickness,
    }
    if ring:
        half = spacing * abs(float(np.median(np.diff(np.unwrap(clocks, period=360.0)))))
        row |= {"clock_from_deg": (clock - half) % 360, "clock_to_deg": (clock + half) % 360}
        row["arc_width_m"] = row["width_m"] = bore_of(line).arc(clock - half, clock + half, body.depth)
        if chainage is not None:
            row |= {"chainage_from_m": chainage, "chainage_to_m": chainage}
    else:
        at = float(s.x[body.trace])
        row |= {"chainage_from_m": at - spacing * s.dx, "chainage_to_m": at + spacing * s.dx}
        row["length_m"] = 2 * spacing * s.dx
        row |= {"clock_from_deg": clock, "clock_to_deg": clock}
    frame = frame_of(line)
    where = chainage if ring else float(s.x[body.trace])
    if frame is not None and where is not None:
        row |= _placed(frame, where, row)
        ground = (model.pipe_of(line) or {}).get("ground")
        if ground:
            road = float(np.interp(where, [0.0, frame.length], ground))
            row["top_depth_m"] = road - row["body_z"]
    return row


def as_body(defect: WallDefect) -> PipeBody:
    """Return a defect of the wall as what rows are made of; how much is lost stands for its contrast."""
    lost = defect.contrast_db
    if lost is None:
        lost = 20 * math.log10(max(defect.usual, 1e-6) / max(defect.depth, 1e-3))
    trace = (defect.first + defect.last) // 2
    kind, ends, depth = defect.kind, (defect.first, defect.last), defect.depth
    return PipeBody(kind, trace, *ends, depth, defect.sigma, math.nan, math.nan, lost, 0.0, False)


def _placed(frame: PipeFrame, chainage: float, row: dict[str, Any]) -> dict[str, Any]:
    place = frame.locate(chainage, row["clock_deg"], row["radial_depth_m"])
    sigma = frame.sigma(chainage, row["clock_deg"], row["radial_depth_m"], row["sigma_depth_m"])
    return {
        "body_x": float(place[0]),
        "body_y": float(place[1]),
        "body_z": float(place[2]),
        "body_sigma_m": float(np.sqrt(0.5 * (sigma[0] ** 2 + sigma[1] ** 2))),
    }


def _table(line: xr.Dataset, rows: list[dict[str, Any]], attrs: dict[str, Any]) -> geopandas.GeoDataFrame:
    from shapely.geometry import MultiPoint, Point

    crs = line[names.SPATIAL_REF].attrs.get("crs_wkt") if names.SPATIAL_REF in line.coords else None
    pipe = frame_of(line)
    shapes: list[Any] = []
    for row in rows:
        if crs is None or pipe is None or not np.isfinite(row["body_x"]):
            shapes.append(None)
            continue
        low, high = row["chainage_from_m"], row["chainage_to_m"]
        turn = (row["clock_to_deg"] - row["clock_from_deg"]) % 360
        clocks = row["clock_from_deg"] + turn * np.linspace(0, 1, 7)
        chainages = np.array([low, high])[:, None]
        corners = pipe.locate(chainages, clocks, row["radial_depth_m"])[..., :2].reshape(-1, 2)
        hull = MultiPoint(corners).convex_hull.buffer(0.05)
        shapes.append(hull if hull.area > 0 else Point(row["body_x"], row["body_y"]))
    return placed_table(line, rows, PIPE_COLUMNS, shapes, attrs)


def placed_table(
    line: xr.Dataset, rows: list[dict[str, Any]], columns: Sequence[str], shapes: list[Any], attrs: dict[str, Any]
) -> geopandas.GeoDataFrame:
    """Return rows as the table of a line, with the columns of every line before `columns`."""
    import geopandas
    import pandas as pd

    frame = pd.DataFrame(rows, columns=[*names.DETECTION_COLUMNS, "asphalt_m", *columns])
    crs = line[names.SPATIAL_REF].attrs.get("crs_wkt") if names.SPATIAL_REF in line.coords else None
    table = geopandas.GeoDataFrame(frame, geometry=geopandas.GeoSeries(shapes, crs=crs), crs=crs)
    table.attrs["line"] = attrs
    return table

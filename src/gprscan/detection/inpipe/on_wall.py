"""``gprscan.detect`` on the face of a wall or slope whose design thickness is known: the layers of an axial line without a pipe."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from gprscan import model, names
from gprscan.detection.inpipe import pipeline
from gprscan.detection.inpipe.defects import settled, wall_defects
from gprscan.detection.inpipe.search import Bar, PipeBody, bars_of, find
from gprscan.detection.inpipe.wall import Wall
from gprscan.detection.section import Section
from gprscan.errors import LineError
from gprscan.geometry import wall_of
from gprscan.migration.pipe_curves import PipeModel
from gprscan.steps import Recipe
from gprscan.units import C_AIR

if TYPE_CHECKING:
    import geopandas

_FAR = 1e3  # m to an opposite wall that is not there
_MOST_PLACES = 400  # of the back face that a record keeps of one line
# columns of the table beyond those of every line; places on the face follow once the survey has them
WALL_COLUMNS = ("wall_thickness_m", "behind_back_m")


def is_measurable(line: xr.Dataset) -> bool:
    """Whether a line lies on the face of a wall whose design thickness is known."""
    return bool((wall_of(line) or {}).get("design_thickness_m"))


def layers_of(line: xr.Dataset) -> dict[str, Any]:
    """Return the wall of a line in the words of a pipe's: what the fit of the layers starts from.

    Raises
    ------
    LineError
        If the line lies on no wall, or its design thickness is not known.
    """
    wall = wall_of(line)
    if wall is None or not wall.get("design_thickness_m"):
        msg = "this line lies on no wall of known thickness. Give design_thickness in NAME.wall.toml (gprscan survey new-wall)."
        raise LineError(msg)
    return {
        "inner_diameter": 2 * _FAR,
        "wall_thickness": wall["design_thickness_m"],
        "standoff": wall["standoff_m"],
        "wall_permittivity": wall.get("permittivity"),
        "wall_permittivity_sigma": wall.get("permittivity_sigma"),
    }


def detect_on_wall(line: xr.Dataset, recipe: str | Path | Recipe = "wall") -> geopandas.GeoDataFrame:
    """Find what lies in a wall and behind it, and follow its back face.

    Parameters
    ----------
    line : xarray.Dataset
        The raw line, placed by `gprscan.geometry.place_on_wall`.
    recipe : str, path or Recipe
        A recipe whose ``[detect]`` table has ``geometry = "wall"``.

    Returns
    -------
    geopandas.GeoDataFrame
        One row per body or bar: the columns of every line and `WALL_COLUMNS`; ``top_depth_m`` is the depth into the wall.
        ``attrs["line"]["wall"]`` holds thickness and permittivity, ``attrs["line"]["back_face"]`` the thickness along the line.

    Raises
    ------
    LineError
        If the line lies on no wall of known thickness.
    """
    line = model.require_line(line, axis=names.TWT)
    layers = layers_of(line)
    settings = pipeline.load_pipe_settings(recipe)
    rows: list[dict[str, Any]] = []
    notes: list[str] = []
    facts: dict[str, Any] = {"wall": [], "rebar": [], "back_face": []}
    for section in pipeline.sections_of(line, layers, settings):
        wall, medium, step = pipeline.fitted_wall(line, section, layers, ring=False)
        found = find(section, wall, medium, step, settings, ring=False)
        bodies, defects = settled(found.bodies, wall_defects(wall, None, step, settings))
        bodies += [pipeline.as_body(defect) for defect in defects]
        rows += [_row(section, body, wall, medium) for body in bodies]
        rows += [
            _bar_row(section, bar, wall, number) for number, bar in enumerate(bars_of(found, section, step), start=1)
        ]
        notes += section.notes + pipeline.notes_of(found, wall)
        facts["wall"].append(pipeline.wall_facts(wall, section.channel))
        facts["back_face"].append(_back_face(section, _without_shadows(wall, bodies)))
        if found.mesh is not None:
            facts["rebar"].append(
                {"channel": section.channel, "pitch_m": found.mesh.pitch, "cover_m": found.mesh.cover}
            )
    attrs = {
        "length_m": float(np.ptp(line[names.DISTANCE].values)),
        "n_channels": int(line.sizes.get(names.CHANNEL, 1)),
        "n_traces": int(line.sizes[names.TRACE]),
        "velocity_m_ns": C_AIR / math.sqrt(facts["wall"][0]["permittivity"]),
        "penetration_depth_m": settings.reach,
        "detectability": [],
        "setting": "on the face of a wall",
        "notes": sorted(set(notes)),
        **facts,
    }
    return pipeline.placed_table(line, rows, WALL_COLUMNS, [None] * len(rows), attrs)


def _row(s: Section, body: PipeBody, wall: Wall, medium: PipeModel) -> dict[str, Any]:
    local = _local_thickness(wall, body.trace)
    depth = local if body.at_wall else body.depth
    row = pipeline.common_row(s, body, wall, medium, WALL_COLUMNS, source="wall")
    return row | {
        "top_depth_m": depth,
        "length_m": (abs(body.last - body.first) + 1) * s.dx,
        "sigma_depth_m": math.hypot(body.depth_sigma, wall.thickness_sigma * min(depth / wall.thickness, 1.0)),
        "wall_thickness_m": body.depth if body.kind == "wall_thinning" else local,
        "behind_back_m": 0.0 if body.at_wall else max(depth - local, 0.0),
    }


def _bar_row(s: Section, bar: Bar, wall: Wall, number: int) -> dict[str, Any]:
    row: dict[str, Any] = dict.fromkeys((*names.DETECTION_COLUMNS, "asphalt_m", *WALL_COLUMNS), math.nan)
    sure = 0.8
    return row | {
        "kind": "rebar",
        "distance_m": float(s.x[bar.trace]),
        "offset_m": 0.0,
        "twt_ns": 2 * bar.cover * math.sqrt(wall.permittivity) / C_AIR,
        "velocity_m_ns": C_AIR / math.sqrt(wall.permittivity),
        "top_depth_m": bar.cover,
        "confidence": sure,
        "probabilities": json.dumps({"rebar": sure, "unknown": round(1 - sure, 2)}),
        "sigma_distance_m": max(0.5 * s.dx, 0.02),
        "sigma_depth_m": math.hypot(0.008, 0.5 * bar.cover * wall.permittivity_sigma / wall.permittivity),
        "polarity": -1,
        "channels": json.dumps([s.channel]),
        "group_id": f"mesh{s.channel}",
        "wall_thickness_m": wall.thickness,
        "evidence": json.dumps(
            {"source": "wall", "bar": number, "pitch_m": round(bar.pitch, 3), "reference": "incident wave"}
        ),
    }


def _local_thickness(wall: Wall, trace: int) -> float:
    """Return the thickness at a trace, from the back face beside it where it is hidden there."""
    seen = np.flatnonzero(np.isfinite(wall.track))
    return float(np.interp(trace, seen, wall.track[seen])) if seen.size else wall.thickness


def _without_shadows(wall: Wall, bodies: list[PipeBody]) -> Wall:
    """Return the wall without the places of its back that lie behind a body inside of it: what answers there is the body."""
    track = wall.track.copy()
    for body in bodies:
        if body.inside:
            margin = 1 + (body.last - body.first) // 2
            track[max(body.first - margin, 0) : body.last + margin + 1] = np.nan
    return replace(wall, track=track)


def _back_face(s: Section, wall: Wall) -> dict[str, Any]:
    """Return the thickness along the line in at most `_MOST_PLACES` places; empty where it could not be measured."""
    seen = np.flatnonzero(np.isfinite(wall.track)) if wall.measured else np.zeros(0, int)
    kept = seen[:: max(1, -(-seen.size // _MOST_PLACES))]
    return {
        "distance_m": np.round(s.x[kept], 3).tolist(),
        "thickness_m": np.round(wall.track[kept], 4).tolist(),
        "sigma_m": round(wall.thickness_sigma, 4),
    }

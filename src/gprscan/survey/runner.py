"""One line of a survey: read, detect, draw, and keep what was found as a record."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from gprscan import names
from gprscan.errors import GprscanError, LineError
from gprscan.steps import Recipe
from gprscan.survey import place, record, store
from gprscan.survey.config import LineOptions

if TYPE_CHECKING:
    from gprscan.geometry.wall_file import WallFile

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class LineJob:
    """One input of a survey.

    Attributes
    ----------
    id : str
        Unique in the survey; the name of its record and of its folder of figures.
    path : Path
        The file to read.
    source : str
        The path as the outputs name it: relative to the survey's folder, with forward slashes.
    options : LineOptions
        What the survey file says about it.
    more : tuple of Path
        Further files, where each channel of an array has one of its own.
    """

    id: str
    path: Path
    source: str
    options: LineOptions = field(default_factory=LineOptions)
    more: tuple[Path, ...] = ()


def open_line(job: LineJob) -> xr.Dataset:
    """Read the file of a job and apply what the survey file says about it.

    Raises
    ------
    ReadError
        If the file cannot be read into numbers that can be trusted.
    LineError
        If the options do not fit the line.
    """
    from gprscan import geometry, io
    from gprscan.io import channel_set

    options = job.options
    # a wall's file that is wrong is said before its line is read: it may stand for lines that it does not name
    wall = None if options.wall is None else geometry.load_wall_file(options.wall)
    reading = ("spacing", "frequency", "separation", "component", "crs", "format", "on_truncated", "positions")
    given = {name: getattr(options, name) for name in reading if getattr(options, name) is not None}
    given["whole_set"] = False  # the survey knows which files are channels of this line
    road, known = None, options.positions
    if known is not None and known.centreline is not None:
        road = geometry.read_centreline(known.centreline, known.centreline_crs, known.road)
        # tied last, once the line has the places that the survey file gives it
        given["positions"] = known.model_copy(update={"centreline": None})
    line = io.read(job.path, **given)
    if job.more:
        files = (job.path, *job.more)
        lines = [line, *(io.read(path, **given) for path in job.more)]
        line = channel_set.join(lines, [path.stem for path in files], offsets=options.channel_offsets)
    if options.time_zero is not None:
        shift = float(line.attrs.get(names.TIME_ZERO, 0.0)) - options.time_zero
        line = line.assign_coords({names.TWT: line[names.TWT] + shift}).assign_attrs(
            {names.TIME_ZERO: options.time_zero}
        )
        line[names.TWT].attrs["units"] = names.UNITS[names.TWT]
    if options.antenna_height is not None:
        line = line.assign_attrs({names.ANTENNA_HEIGHT: options.antenna_height})
    if options.setting is not None:
        line = line.assign_attrs({names.SETTING: options.setting})
    if options.channel_offsets is not None:
        line = geometry.with_offsets(line, options.channel_offsets)
    if options.start is not None or options.end is not None:
        line = _between(line, options)
    if wall is not None:
        line = _on_wall(line, job, wall)
    if road is not None:
        line = geometry.on_road(line, road)
    return line


def _on_wall(line: xr.Dataset, job: LineJob, wall: WallFile) -> xr.Dataset:
    """Place a line on the face of its wall, where the wall's file says."""
    from gprscan import geometry

    assert job.options.wall is not None
    here = [entry for entry in wall.lines if (job.options.wall.parent / entry.path).resolve() == job.path.resolve()]
    if len(here) != 1:
        msg = f"{job.options.wall.name} names {job.path.name} {len(here)} times among its [[lines]]; once is needed."
        raise LineError(msg)
    return geometry.place_on_wall(line, wall, here[0].start, here[0].end)


def scan_line(job: LineJob, recipe: Recipe, out: Path) -> dict[str, Any]:
    """Run one line through the whole chain and store its record and its figures.

    Whatever goes wrong with the line is in the record; nothing is raised but an interrupt by the user, or the failure
    to write in the output folder.

    Returns
    -------
    dict
        The record, as it was written.

    Parameters
    ----------
    job : LineJob
        What to read and how.
    recipe : Recipe
        Processing, migration and detection settings.
    out : pathlib.Path
        Output folder of the scan.
    """
    started = time.perf_counter()
    result: dict[str, Any] = {"id": job.id, "source": job.source, "key": None, "status": "ok", "error": None}
    try:
        result["key"] = line_key(job, recipe)
        result |= record.EMPTY | _scanned(job, recipe, out)
    except Exception as error:
        _log.debug("line %s failed", job.source, exc_info=True)
        result |= record.EMPTY | {"row": record.failed_row(job.id, job.source, "failed")}
        result |= {"status": "failed", "error": reason(error)}
    result["seconds"] = round(time.perf_counter() - started, 3)
    store.write_json(out / store.LINES / f"{job.id}.json", result)
    return result


def reason(error: BaseException) -> str:
    """Return one line that says why a file could not be used."""
    if isinstance(error, GprscanError):
        return str(error)
    if isinstance(error, MemoryError):
        return "there was not enough memory for this line."
    if isinstance(error, FileNotFoundError):
        return "there is no such file."
    if isinstance(error, OSError):
        return f"the system refused: {error.strerror or error}."
    return f"unexpected {type(error).__name__}: {error}. This is a fault of gprscan; please report it."


def line_key(job: LineJob, recipe: Recipe) -> dict[str, Any]:
    """Return what must be unchanged for the record of this job to be kept."""
    options = job.options.model_dump(mode="json", exclude_unset=True)
    beside = store.side_file_hashes(job.path)
    known = job.options.positions
    extras = [known.track, known.centreline, known.local_system] if known is not None else []
    for extra in (*extras, job.options.wall):
        if extra is not None and extra.is_file():
            beside[str(extra)] = store.sha256_of(extra)
    for path in job.more:
        beside |= {path.name: store.sha256_of(path)} | store.side_file_hashes(path)
    return store.key_of(store.sha256_of(job.path), beside, store.recipe_hash(recipe), options)


def _scanned(job: LineJob, recipe: Recipe, out: Path) -> dict[str, Any]:
    from gprscan import detection
    from gprscan.survey import figures

    line = open_line(job)
    detections = detection.detect(line, recipe)
    found: dict[str, Any] = detections.attrs.get("line", {})
    row = record.line_row(line, job.id, job.source, record.plain(found))
    anomalies = record.anomaly_rows(line, detections, job.id, job.source)
    if job.options.wall is not None:
        anomalies = place.on_wall(anomalies, line, job.options.wall)
    if job.options.positions is not None and job.options.positions.local_system is not None:
        anomalies = place.with_local(anomalies, line, job.options.positions.local_system)
    try:
        noted = figures.draw(line, recipe, anomalies, found.get("velocity_m_ns"), out, job.id)
    except Exception as error:  # what was found is worth more than its pictures
        _log.warning("%s: not all pictures could be drawn: %s", job.source, error)
        _log.debug("pictures of %s", job.source, exc_info=True)
        noted = [f"not all pictures could be drawn: {error}"]
    if noted:
        found = found | {"notes": [*found.get("notes", []), *noted]}
        row = record.line_row(line, job.id, job.source, record.plain(found))
    track, swath = place.track(line), place.coverage(line, 0.5 * row["swath_m"])
    return {
        "row": record.plain(row),
        "anomalies": anomalies,
        "findings": record.finding_list(line),
        "crs": place.crs_wkt(line),
        "track": None if track is None else track.wkt,
        "coverage": None if swath is None else swath.wkt,
    }


def _between(line: xr.Dataset, options: LineOptions) -> xr.Dataset:
    """Place a straight line between two points, or from one in a direction."""
    from gprscan import geometry

    if options.start is None or options.crs is None or (options.end is None) == (options.azimuth is None):
        msg = (
            "'start' and 'end' (or 'azimuth') of a line go together, and need a 'crs' (of the line, or of the survey)."
        )
        raise LineError(msg)
    if options.azimuth is not None and names.DISTANCE not in line.coords:
        msg = "'azimuth' needs distances along the line; give 'spacing', or 'end' instead."
        raise LineError(msg)
    distance = place.along(line)
    start = np.asarray(options.start)
    if options.end is not None:
        share = (distance - distance[0]) / (distance[-1] - distance[0])
        way = np.asarray(options.end) - start
    else:
        angle = np.radians(options.azimuth or 0.0)
        share, way = np.abs(distance - distance[0]), np.array([np.sin(angle), np.cos(angle)])
    x, y = start[:, None] + way[:, None] * share
    geometry.checked_plane(options.crs, x, y, "'start'")
    heading = np.full(x.size, np.degrees(np.arctan2(*way)) % 360)
    coords: dict[str, Any] = {
        names.X: (names.TRACE, x, {"units": "m"}),
        names.Y: (names.TRACE, y, {"units": "m"}),
        names.HEADING: (names.TRACE, heading, {"units": names.UNITS[names.HEADING]}),
        names.SPATIAL_REF: geometry.spatial_ref(options.crs),
    }
    if options.position_sigma is not None:
        coords[names.POSITION_SIGMA] = (names.TRACE, np.full(distance.size, options.position_sigma), {"units": "m"})
    line = line.assign_coords(coords)
    if names.CHANNEL in line.dims and names.OFFSET in line.coords and line[names.OFFSET].ndim:
        line = geometry.with_offsets(line, line[names.OFFSET].values)
    return line

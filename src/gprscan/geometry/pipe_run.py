"""Put an in-pipe line on the map: chainage, clock angle and coordinates of each trace from its side file."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from gprscan import names
from gprscan.errors import LineError, MissingPositionError
from gprscan.geometry.crs import spatial_ref
from gprscan.geometry.pipe_file import PipeFile
from gprscan.geometry.pipe_frame import PipeFrame, close_odometer
from gprscan.geometry.pipe_shape import BoreShape
from gprscan.model import attach_pipe, pipe_of
from gprscan.model import findings as _findings
from gprscan.model.findings import Finding


def place_run(line: xr.Dataset, pipe: PipeFile) -> xr.Dataset:
    """Return a line with what its side file says.

    Parameters
    ----------
    line : xarray.Dataset
        An axial line, whose ``distance`` is the odometer reading, or a ring.
    pipe : PipeFile
        The side file.

    Returns
    -------
    xarray.Dataset
        With ``distance`` (chainage from the upstream manhole, m; for a ring the arc length along the inner wall),
        ``clock_angle`` (degrees, looking downstream, roll included), ``x``, ``y``, ``z`` of the inner wall under the
        antenna, ``position_sigma``, ``spatial_ref``, the attribute ``pipe``, and findings on the misclosure and on
        what is out of scope (metal pipe, water).

    Raises
    ------
    LineError
        If there are not as many antennas as channels.
    MissingPositionError
        If an axial line has no odometer.
    """
    n_traces, n_channels = line.sizes[names.TRACE], line.sizes.get(names.CHANNEL, 1)
    if len(pipe.antennas) != n_channels:
        msg = f"the side file names {len(pipe.antennas)} antennas, but the line has {n_channels} channel(s)."
        raise LineError(msg)
    readings = _readings(line, pipe, n_traces)
    length = pipe.frame().length
    run = pipe.run
    closed = close_odometer(
        readings,
        length,
        zero=run.odometer_zero,
        scale=run.odometer_scale,
        slack=run.cable_slack,
        at_end=run.odometer_end,
    )
    frame = pipe.frame(closed.misclosure)
    chainage = closed.travelled if run.direction == "downstream" else length - closed.travelled
    clock, along = _clock_and_distance(pipe, readings, chainage, n_traces)
    line = line.assign_coords({names.DISTANCE: (names.TRACE, along, {"units": "m"})})
    if pipe.ring is not None:
        line = line.assign_coords({names.CHAINAGE: ((), float(chainage[0]), {"units": "m"})})
    line = _with_pipe(line, pipe, frame, clock if clock.ndim == 2 else clock[None])
    wall = frame.locate(chainage, line[names.CLOCK_ANGLE].values, 0.0)
    sigma = np.sqrt((frame.sigma(chainage, 0.0, 0.0)[..., :2] ** 2).mean(axis=-1))
    dims = (names.TRACE,) if wall.ndim == 2 else (names.CHANNEL, names.TRACE)
    coords: dict[str, Any] = {
        name: (dims, wall[..., i], {"units": "m"}) for i, name in enumerate((names.X, names.Y, names.Z))
    }
    coords[names.POSITION_SIGMA] = (names.TRACE, sigma, {"units": "m"})
    coords[names.SPATIAL_REF] = spatial_ref(pipe.segment.crs)
    line = line.drop_vars([names.LONGITUDE, names.LATITUDE], errors="ignore").assign_coords(coords)
    return _findings.add(line, *_notes(pipe, closed.misclosure, length, chainage))


def frame_of(line: xr.Dataset) -> PipeFrame | None:
    """Return the pipe of a line on the map, None where no side file gave it."""
    stored = (pipe_of(line) or {}).get("frame")
    return PipeFrame.from_dict(stored) if stored else None


def bore_of(line: xr.Dataset) -> BoreShape:
    """Return the bore that a line was measured in: that of its side file, round where only a diameter is known."""
    frame = frame_of(line)
    if frame is not None:
        return frame.shape
    diameter = float((pipe_of(line) or {})["inner_diameter"])
    return BoreShape("round", diameter, diameter)


def _readings(line: xr.Dataset, pipe: PipeFile, n_traces: int) -> np.ndarray:
    if pipe.ring is not None:
        return np.full(n_traces, pipe.ring.odometer)
    if names.DISTANCE not in line.coords:
        msg = "an axial line in a pipe needs its odometer; read it with a trace spacing: gprscan.read(path, spacing=0.01)."
        raise MissingPositionError(msg)
    return np.asarray(line[names.DISTANCE].values, dtype="float64")


def _clock_and_distance(
    pipe: PipeFile, readings: np.ndarray, chainage: np.ndarray, n_traces: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return the clock angles (channel, trace), roll included, and the distance along the line."""
    if pipe.ring is not None:
        swept = np.linspace(pipe.ring.clock_first, pipe.ring.clock_last, n_traces)
        mounted = swept[None, :]
        form = pipe.bore.form()
        wall = form.wall(swept)[0]
        along = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(wall, axis=0), axis=1))])
    else:
        mounted = np.repeat(np.array([[a.clock] for a in pipe.antennas]), n_traces, axis=1)
        along = chainage
    if pipe.roll is not None:
        at, angle = np.array(pipe.roll.log).T
        mounted = mounted + np.interp(readings, at, angle)
    return pipe.clocks(mounted), along


def _with_pipe(line: xr.Dataset, pipe: PipeFile, frame: PipeFrame, clock: np.ndarray) -> xr.Dataset:
    bore = pipe.bore.form()
    known: dict[str, Any] = {
        "inner_diameter": bore.width if bore.kind == "round" else 0.5 * (bore.width + bore.height),
        "wall_thickness": pipe.wall.thickness,
        "standoff": pipe.antennas[0].standoff,
        "clock": 0.0,
        "material": pipe.segment.material,
        "water_level": pipe.segment.water_level,
        "segment": pipe.segment.id,
        "lining": pipe.segment.lining,
        "cctv": pipe.segment.cctv,
        "shape": bore.kind,
        "frame": frame.as_dict(),
        "ground": None if pipe.up.ground is None else [pipe.up.ground, pipe.down.ground],
    }
    if pipe.wall.permittivity is not None:
        known["wall_permittivity"] = pipe.wall.permittivity
        known["wall_permittivity_sigma"] = pipe.wall.permittivity_sigma or 0.5
    line = attach_pipe(line, known)
    dims = (names.CHANNEL, names.TRACE) if names.CHANNEL in line.dims else (names.TRACE,)
    attrs = line[names.CLOCK_ANGLE].attrs
    values = clock if names.CHANNEL in line.dims else clock[0]
    line = line.assign_coords({names.CLOCK_ANGLE: (dims, values, attrs)})
    shift = np.array([a.time_offset for a in pipe.antennas])
    if shift[0] and (shift == shift[0]).all():
        twt = line[names.TWT]
        line = line.assign_coords({names.TWT: (names.TWT, twt.values - shift[0], twt.attrs)})
        line = line.assign_attrs({names.TIME_ZERO: float(line.attrs.get(names.TIME_ZERO, 0.0)) + float(shift[0])})
    elif shift.any():
        msg = "the antennas have different time_offset; channels of one file share a time axis. Split the file."
        raise LineError(msg)
    frequencies = [a.frequency for a in pipe.antennas]
    if all(f is not None for f in frequencies):
        attrs = {"units": "MHz"}
        entry: Any = (names.CHANNEL, frequencies, attrs) if names.CHANNEL in line.dims else ((), frequencies[0], attrs)
        line = line.assign_coords({names.FREQUENCY: entry})
    return line


def _notes(pipe: PipeFile, misclosure: float | None, length: float, chainage: np.ndarray) -> list[Finding]:
    where = f"segment {pipe.segment.id}"
    if misclosure is None:
        what = "The odometer was not closed on the far manhole."
        then = "Chainages may be off by 1 % of the way; give odometer_end."
        found = [Finding("odometer-open", "info", what, where, "", then)]
    else:
        level: Any = "warning" if abs(misclosure) > 0.03 * length else "info"
        what = "The odometer was closed on the surveyed distance of the manholes."
        evidence = f"misclosure {misclosure:+.2f} m over {length:.2f} m ({100 * misclosure / length:+.1f} %)"
        found = [Finding("odometer-misclosure", level, what, where, evidence, "It was distributed along the run.")]
    if chainage.min() < -0.5 or chainage.max() > length + 0.5:
        what = "Traces lie outside of the two manholes."
        evidence = f"chainage {chainage.min():.2f} to {chainage.max():.2f} m of {length:.2f} m"
        found.append(
            Finding("chainage-outside", "warning", what, where, evidence, "Check odometer_zero and direction.")
        )
    return found

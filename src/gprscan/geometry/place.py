"""Put a line on the map: from the fixes of its side files to coordinates per trace and channel."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import xarray as xr

from gprscan import model, names
from gprscan.errors import LineError, ParameterError
from gprscan.geometry.array import channel_positions
from gprscan.geometry.centreline import Centreline, read_centreline
from gprscan.geometry.clean import usable_fixes
from gprscan.geometry.crs import project, resolve_crs, spatial_ref
from gprscan.geometry.fixes import Fixes
from gprscan.geometry.options import PositionOptions
from gprscan.geometry.paths import Vehicle, follow, odometer_path
from gprscan.geometry.receiver import receiver_coords
from gprscan.geometry.road_gap import close_gaps
from gprscan.geometry.track import along_track, averaged, build_track, heading
from gprscan.model import findings as _findings
from gprscan.model.findings import Finding

ODOMETER_TOLERANCE = 0.03
LEAST_BASELINE = 1.0  # m; a direction over less is the jitter of the track
MOST_DIRECTION_SIGMA = 0.35  # rad; a direction that is less certain than this cannot place channels


def place(
    line: xr.Dataset,
    fixes: Fixes,
    *,
    crs: Any = None,
    lever_arm: tuple[float, float] = (0.0, 0.0),
    options: PositionOptions | None = None,
) -> xr.Dataset:
    """Give a line its map coordinates.

    Parameters
    ----------
    line : xarray.Dataset
        A line.
    fixes : Fixes
        GNSS fixes tied to its traces; invalid ones (quality 0) are dropped and counted.
    crs : str, int, pyproj.CRS, optional
        Reference system of `x` and `y`; EPSG:4547 in Shenzhen, else the UTM zone.
    lever_arm : (float, float)
        Middle of the antenna array minus GNSS antenna in m: to the right, and forward.
    options : PositionOptions, optional
        What else is known of the receiver: its lag, the datum of its heights and so on; its lever arm rules.

    Returns
    -------
    xarray.Dataset
        The line with `x`, `y` ([channel,] trace), `longitude`, `latitude`, `position_sigma`, `heading`, `fix_quality`
        and, where recorded, `fix_sigma`, `time` and `gnss_height` (trace); `z` and `z_sigma` where the vertical datum is known.
        `distance` is taken from the track where the line has none. Without two usable places the line comes back
        unplaced, with a finding that says why.

    Raises
    ------
    ParameterError
        If `crs` is not a projected system in metres.
    """
    coords = line.coords
    location = locate(
        fixes,
        line.sizes[names.TRACE],
        distance=coords[names.DISTANCE].values if names.DISTANCE in coords else None,
        offsets=coords[names.OFFSET].values if names.OFFSET in coords and coords[names.OFFSET].ndim else None,
        crs=crs,
        lever_arm=lever_arm,
        options=options,
    )
    placed = line.assign_coords(location.coords) if location.coords else line
    return _findings.add(placed.assign_attrs(location.attrs), *location.findings)


@dataclass
class Location:
    """What fixes say about a line, ready to be attached to it.

    Attributes
    ----------
    coords : dict
        Coordinates over ([channel,] trace); empty for a line that cannot be placed.
    attrs : dict
        Attributes.
    findings : list of Finding
        What was noticed.
    """

    coords: dict[str, Any] = field(default_factory=dict)
    attrs: dict[str, Any] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)


def locate(
    fixes: Fixes,
    n_traces: int,
    *,
    distance: np.ndarray | None = None,
    offsets: np.ndarray | None = None,
    crs: Any = None,
    lever_arm: tuple[float, float] = (0.0, 0.0),
    options: PositionOptions | None = None,
) -> Location:
    """Turn fixes into coordinates per trace and channel.

    Parameters
    ----------
    fixes : Fixes
        As recorded.
    n_traces : int
        Traces of the line.
    distance : ndarray, shape (trace,), optional
        Distance along the line by the odometer in m, where the line has it.
    offsets : ndarray, shape (channel,), optional
        Channels across the line in m, positive to the right.
    crs, lever_arm, options
        As in `place`.

    Raises
    ------
    ParameterError
        If `crs` is not a projected system in metres.
    """
    options = options or PositionOptions()
    lever_arm = options.lever_arm or lever_arm
    usable, notes = usable_fixes(options.with_accuracy(fixes), n_traces, moving=distance is not None)
    out = Location(findings=[*fixes.findings, *notes])
    if len(usable) < 2:
        out.findings.append(unplaced(fixes, len(usable)))
        return out
    try:
        target = resolve_crs(crs, usable.longitude, usable.latitude)
    except ParameterError:
        if crs is not None:
            raise
        out.findings.append(unplaced(fixes, len(usable)))
        return out
    try:
        x, y = project(usable.longitude, usable.latitude, target)
    except ParameterError as error:
        # the file may be wrong, not the system that the user asks for: the line is kept without a place
        out.findings.append(unplaced(fixes, len(usable), str(error)))
        return out
    vehicle = follow(usable, x, y, n_traces, distance, lever_arm, options.lag)
    way = odometer_path(distance) if distance is not None and vehicle.gaps else None
    if way is not None:
        vehicle = close_gaps(vehicle, way, _road(options, target), usable.source)
    out.findings += vehicle.findings
    usable, x, y = usable.take(vehicle.kept), x[vehicle.kept], y[vehicle.kept]
    noise = 2.0 * float(np.median(usable.sigmas()))
    if distance is not None:
        out.findings += _compare_with_odometer(distance, x, y, usable, noise)
    else:
        _distance_from_track(out, usable.trace, x, y, noise, n_traces)
    out.coords[names.SPATIAL_REF] = spatial_ref(target)
    _channels(out, vehicle, offsets, max(LEAST_BASELINE, 2 * noise), lever_arm)
    out.coords |= receiver_coords(usable, n_traces, options)
    out.attrs |= vehicle.attrs
    if lever_arm != (0.0, 0.0):
        out.attrs[names.LEVER_ARM] = [float(lever_arm[0]), float(lever_arm[1])]
    _incomplete(out, usable, n_traces)
    return out


def _road(options: PositionOptions, plane: Any) -> Centreline | None:
    """Return the centreline that the options name, in the plane of the line."""
    if options.centreline is None:
        return None
    return read_centreline(options.centreline, options.centreline_crs, options.road).in_plane(plane)


def _incomplete(out: Location, fixes: Fixes, n_traces: int) -> None:
    first, last = float(fixes.trace[0]), float(fixes.trace[-1])
    beyond = int(np.clip(np.ceil(first), 0, n_traces) + np.clip(n_traces - 1 - np.floor(last), 0, n_traces))
    if beyond > 0.2 * n_traces:
        evidence = f"{beyond} of {n_traces} traces; fixes from trace {first:g} to {last:g}"
        what = "Many traces lie before the first or after the last fix."
        then = "Extrapolated; position_sigma grows there."
        out.findings.append(Finding("gnss-incomplete", "warning", what, fixes.source, evidence, then))


def unplaced(fixes: Fixes, count: int, why: str = "") -> Finding:
    """Return the finding on a line that fixes, of which some count is usable, do not place."""
    counted = f"{count} usable places in {len(fixes)} fixes; two are needed"
    return Finding(
        "gnss-unusable",
        "warning",
        "The line cannot be placed on the map.",
        fixes.source,
        why or counted,
        "Results are given in line coordinates only.",
    )


def _compare_with_odometer(
    distance: np.ndarray, x: np.ndarray, y: np.ndarray, fixes: Fixes, noise: float
) -> list[Finding]:
    """Compare the recorded distance between the first and the last fix with the length of the track."""
    along = np.interp(fixes.trace, np.arange(distance.size), distance)
    # fixes are averaged over stretches longer than their noise, whose zigzag would lengthen the track
    xs, ys, ds = averaged(np.stack([x, y, along]), spread=2 * noise)
    odometer = abs(float(ds[-1] - ds[0]))
    track = float(along_track(xs, ys)[-1])
    off = abs(track - odometer)
    if off <= ODOMETER_TOLERANCE * max(odometer, track) or off < 2 * noise + 1e-3:
        return []
    percent = f"{(track - odometer) / max(odometer, 1e-9):+.1%}"
    evidence = f"odometer {odometer:.2f} m, GNSS track {track:.2f} m ({percent}), noise {noise:.2f} m"
    what = "The odometer and the GNSS track disagree on the length of the line."
    then = "Distances are the odometer's, map positions the receiver's. Check the wheel calibration."
    return [Finding("odometer-gnss-disagreement", "warning", what, fixes.source, evidence, then)]


def _distance_from_track(
    out: Location, trace: np.ndarray, x: np.ndarray, y: np.ndarray, noise: float, n_traces: int
) -> None:
    """Give a time-triggered line the distances of its track, where the track is longer than its noise."""
    # four standard deviations: of points at rest, one in fifty jumps that far
    length = along_track(x, y, 2 * noise)
    reach = float(np.hypot(x - x[0], y - y[0]).max())
    if reach < 5 * noise or reach <= 0:
        evidence = f"track reaches {reach:.2f} m, noise {noise:.2f} m"
        what, then = "The GNSS track is too short against its noise to give distances.", "Distances are left out."
        out.findings.append(Finding("gnss-no-distance", "warning", what, "", evidence, then))
        return
    # before the first and after the last fix the motion goes on, as it does for the positions
    distance = build_track(trace, length, length, np.zeros(trace.size), n_traces).x
    distance = distance - distance[0]
    out.coords[names.DISTANCE] = (names.TRACE, distance, {"units": "m", "source": names.FROM_TRACK})
    what = "Distances along the line were taken from the GNSS track."
    evidence = f"{length[-1]:.2f} m over {trace.size} fixes"
    then = "Movements below the noise of the fixes count as standing still."
    out.findings.append(Finding("distance-from-gnss", "info", what, "", evidence, then))


def _channels(
    out: Location, vehicle: Vehicle, offsets: np.ndarray | None, baseline: float, lever_arm: tuple[float, float]
) -> None:
    """Add x and y: of each channel where offsets are known, else of the middle of the array."""
    x, y = vehicle.x, vehicle.y
    sigma, angle = vehicle.sigma, vehicle.direction
    at_antenna = angle is None and lever_arm != (0.0, 0.0)
    if angle is None:
        angle = heading(x, y, baseline)
    unsure = MOST_DIRECTION_SIGMA if vehicle.sigma_direction is None else float(np.median(vehicle.sigma_direction))
    known = bool(np.isfinite(angle).all()) and unsure <= MOST_DIRECTION_SIGMA
    arm = lever_arm if at_antenna else (0.0, 0.0)
    if known and (offsets is not None or at_antenna):
        x, y = channel_positions(x, y, angle, np.zeros(1) if offsets is None else offsets, arm)
        x, y = (x[0], y[0]) if offsets is None else (x, y)
        if vehicle.sigma_direction is not None and offsets is not None:
            # of the outermost channel, which a wrong direction moves furthest
            sigma = np.hypot(sigma, vehicle.sigma_direction * float(np.abs(offsets).max()) / np.sqrt(2))
    elif not known and (offsets is not None or lever_arm != (0.0, 0.0)):
        what = "The direction of travel cannot be told from the track."
        evidence = f"track does not move by {baseline:.2f} m"
        then = "All channels are placed at the middle of the array."
        out.findings.append(Finding("heading-unknown", "warning", what, "", evidence, then))
    add_places(out, x, y, sigma, angle if known else None)


def add_places(out: Location, x: np.ndarray, y: np.ndarray, sigma: np.ndarray, direction: np.ndarray | None) -> None:
    """Add places to a location.

    Parameters
    ----------
    out : Location
        What is added to.
    x, y : ndarray, shape ([channel,] trace)
        m east and north.
    sigma : ndarray, shape (trace,)
        Standard deviation per axis, m.
    direction : ndarray, shape (trace,), or None
        Radians from grid north to east; None where it is not known.
    """
    dims = (names.TRACE,) if x.ndim == 1 else (names.CHANNEL, names.TRACE)
    out.coords[names.POSITION_SIGMA] = (names.TRACE, sigma, {"units": "m"})
    out.coords[names.X] = (dims, x, {"units": "m", "standard_name": "projection_x_coordinate"})
    out.coords[names.Y] = (dims, y, {"units": "m", "standard_name": "projection_y_coordinate"})
    if direction is not None:
        attrs = {"units": names.UNITS[names.HEADING], "long_name": "direction of travel from grid north"}
        out.coords[names.HEADING] = (names.TRACE, np.degrees(direction) % 360.0, attrs)


def with_positions(line: xr.Dataset, longitude: Any, latitude: Any, **extras: Any) -> xr.Dataset:
    """Place a line whose longitude and latitude are known at every trace.

    Parameters
    ----------
    line : xarray.Dataset
        A line.
    longitude, latitude : array_like, shape (trace,)
        Degrees.
    **extras
        `quality`, `sigma`, `time`, `height` (arrays of that shape, as in `Fixes`); `crs`, `lever_arm`, `options` as in `place`.
    """
    options = {key: extras.pop(key) for key in ("crs", "lever_arm", "options") if key in extras}
    fixes = Fixes(np.arange(line.sizes[names.TRACE]), longitude, latitude, **extras)
    return place(model.require_line(line), fixes, **options)


def with_offsets(line: xr.Dataset, offsets: Any) -> xr.Dataset:
    """Give the channels of a line their offsets, and move their map positions accordingly.

    Parameters
    ----------
    line : xarray.Dataset
        A line with the dimension `channel`, placed or not.
    offsets : array_like, shape (channel,)
        m across the line, positive to the right of the direction of travel.

    Returns
    -------
    xarray.Dataset
        The line with the coordinate `offset`; a placed line has `x` and `y` over (channel, trace).

    Raises
    ------
    LineError
        If there is not one offset per channel.
    """
    model.require_line(line)
    values = np.asarray(offsets, dtype="float64")
    if names.CHANNEL not in line.dims or values.shape != (line.sizes[names.CHANNEL],):
        n = line.sizes.get(names.CHANNEL, 1)
        who = line.attrs.get(names.SOURCE_FILE) or "the line"
        msg = f"{values.size} channel offsets were given, but {who} has {n} channel(s)."
        raise LineError(msg)
    known = line[names.OFFSET].values if names.OFFSET in line.coords and line[names.OFFSET].ndim else None
    line = line.assign_coords({names.OFFSET: (names.CHANNEL, values, {"units": "m"})})
    if names.SPATIAL_REF not in line.coords or names.X not in line.coords:
        return line
    x, y = line[names.X].values, line[names.Y].values
    if x.ndim == 2:
        # back to the middle of the array
        centre = np.zeros(x.shape[0]) if known is None else known
        x, y = (np.polynomial.polynomial.polyfit(centre, v, 1)[0] if np.ptp(centre) else v.mean(axis=0) for v in (x, y))
    if names.HEADING in line.coords:
        angle = np.radians(line[names.HEADING].values)
    else:
        sigma = line[names.POSITION_SIGMA].values if names.POSITION_SIGMA in line.coords else np.zeros(x.size)
        angle = heading(x, y, max(LEAST_BASELINE, 4 * float(np.median(sigma))))
    if not np.isfinite(angle).all():
        return line
    x, y = channel_positions(x, y, angle, values)
    dims = (names.CHANNEL, names.TRACE)
    return line.assign_coords({names.X: (dims, x, {"units": "m"}), names.Y: (dims, y, {"units": "m"})})

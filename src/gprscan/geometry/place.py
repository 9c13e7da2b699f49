"""Put a line on the map: from the fixes of its side files to coordinates per trace and channel."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from gprscan import model, names
from gprscan.errors import LineError, ParameterError
from gprscan.geometry.array import channel_positions
from gprscan.geometry.crs import line_crs, project, resolve_crs, spatial_ref
from gprscan.geometry.fixes import Fixes
from gprscan.geometry.track import Track, along_track, averaged, build_track, heading, nearest_fix
from gprscan.model import findings as _findings
from gprscan.model.findings import Finding

ODOMETER_TOLERANCE = 0.03
LEAST_BASELINE = 1.0  # m; a direction over less is the jitter of the track


def place(
    line: xr.Dataset, fixes: Fixes, *, crs: Any = None, lever_arm: tuple[float, float] = (0.0, 0.0)
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

    Returns
    -------
    xarray.Dataset
        The line with `x`, `y` ([channel,] trace), `longitude`, `latitude`, `position_sigma`, `fix_quality` and, where
        recorded, `time` and `gnss_height` (trace). `distance` is taken from the track where the line has none.
        Without two usable places the line comes back unplaced, with a finding that says why.

    Raises
    ------
    ParameterError
        If `crs` is not a projected system in metres.
    """
    n_traces = line.sizes[names.TRACE]
    usable, notes = _clean(fixes, n_traces, moving=names.DISTANCE in line.coords)
    notes = [*fixes.findings, *notes]
    if len(usable) < 2:
        notes.append(_unplaced(fixes, len(usable)))
        return _findings.add(line, *notes)
    try:
        target = resolve_crs(crs, usable.longitude, usable.latitude)
        x, y = project(usable.longitude, usable.latitude, target)
    except ParameterError:
        if crs is not None:
            raise
        notes.append(_unplaced(fixes, len(usable)))
        return _findings.add(line, *notes)
    sigma = usable.sigmas()
    track = build_track(usable.trace, x, y, sigma, n_traces)
    noise = 2.0 * float(np.median(sigma))
    if names.DISTANCE in line.coords:
        notes += _compare_with_odometer(line, x, y, usable, noise)
    else:
        line, found = _distance_from_track(line, usable.trace, x, y, noise)
        notes += found
    line, found = _with_track(line, track, target, max(LEAST_BASELINE, 2 * noise), lever_arm)
    notes += found
    line = _with_receiver(line, usable)
    if lever_arm != (0.0, 0.0):
        line = line.assign_attrs({names.LEVER_ARM: [float(lever_arm[0]), float(lever_arm[1])]})
    if track.beyond > 0.2 * n_traces:
        evidence = f"{track.beyond} of {n_traces} traces; fixes from trace {usable.trace[0]:g} to {usable.trace[-1]:g}"
        what, then = (
            "Many traces lie before the first or after the last fix.",
            "Extrapolated; position_sigma grows there.",
        )
        notes.append(Finding("gnss-incomplete", "warning", what, fixes.source, evidence, then))
    return _findings.add(line, *notes)


def _clean(fixes: Fixes, n_traces: int, *, moving: bool) -> tuple[Fixes, list[Finding]]:
    """Drop what is no position of this line: invalid, off the line, repeated."""
    assert fixes.quality is not None
    notes: list[Finding] = []
    finite = np.isfinite(fixes.longitude) & np.isfinite(fixes.latitude) & np.isfinite(fixes.trace)
    nowhere = (np.abs(fixes.longitude) < 1e-9) & (np.abs(fixes.latitude) < 1e-9)
    invalid = (fixes.quality == 0) | nowhere
    if invalid.any():
        evidence = f"{int(invalid.sum())} of {len(fixes)} fixes have quality 0"
        what = "The receiver marked fixes as invalid."
        notes.append(Finding("gnss-quality-zero", "warning", what, fixes.source, evidence, "They were left out."))
    # a fix some traces past the end belongs to the line (the log closes after the last trace); far past it does not
    margin = max(2.0, 0.1 * n_traces)
    near = (fixes.trace >= -margin) & (fixes.trace <= n_traces - 1 + margin)
    off = finite & ~invalid & ~near
    if off.any():
        span = f"traces {fixes.trace[off].min():g} to {fixes.trace[off].max():g}"
        evidence = f"{int(off.sum())} fixes at {span}, line has {n_traces}"
        what = "Fixes are tied to traces that the line does not have."
        notes.append(Finding("gnss-off-line", "warning", what, fixes.source, evidence, "They were left out."))
    usable = fixes.take(finite & ~invalid & near)
    if not len(usable):
        return usable, notes
    usable = usable.take(np.argsort(usable.trace, kind="stable"))
    usable = _one_per_trace(usable)
    return _without_repeats(usable, notes, moving=moving)


def _one_per_trace(fixes: Fixes) -> Fixes:
    """Keep the middle one of several fixes that share a trace: the cart stood still."""
    edges = np.flatnonzero(np.diff(fixes.trace, prepend=-np.inf) > 0)
    counts = np.diff(np.append(edges, len(fixes)))
    return fixes.take(edges + (counts - 1) // 2)


def _without_repeats(fixes: Fixes, notes: list[Finding], *, moving: bool) -> tuple[Fixes, list[Finding]]:
    """Drop sentences that a recorder wrote again for later traces although the receiver had said nothing new."""
    assert fixes.time is not None
    same_place = (np.diff(fixes.longitude) == 0) & (np.diff(fixes.latitude) == 0)
    known = ~np.isnat(fixes.time)
    same_time = (np.diff(fixes.time) == np.timedelta64(0, "ns")) & known[1:] & known[:-1]
    stale = np.append(False, same_place & same_time)
    stuck = np.append(False, same_place & ~same_time)
    if stuck.sum() > 0.2 * len(fixes) and stuck.sum() > 2:
        evidence = f"{int(stuck.sum())} of {len(fixes)} fixes repeat the one before at a later time"
        what = "The recorded position repeats while time goes on."
        then = (
            "Repeats were left out and positions interpolated, since the line moved."
            if moving
            else "Taken for standing still."
        )
        notes.append(Finding("gnss-repeated-fixes", "warning", what, fixes.source, evidence, then))
    return fixes.take(~(stale | (stuck if moving else False))), notes


def _unplaced(fixes: Fixes, count: int) -> Finding:
    return Finding(
        "gnss-unusable",
        "warning",
        "The line cannot be placed on the map.",
        fixes.source,
        f"{count} usable places in {len(fixes)} fixes; two are needed",
        "Results are given in line coordinates only.",
    )


def _compare_with_odometer(line: xr.Dataset, x: np.ndarray, y: np.ndarray, fixes: Fixes, noise: float) -> list[Finding]:
    """Compare the recorded distance between the first and the last fix with the length of the track."""
    along = np.interp(fixes.trace, np.arange(line.sizes[names.TRACE]), line[names.DISTANCE].values)
    # fixes are averaged over stretches longer than their noise, whose zigzag would lengthen the track
    xs, ys, ds = averaged(np.stack([x, y, along]), spread=2 * noise)
    odometer = abs(float(ds[-1] - ds[0]))
    track = float(along_track(xs, ys)[-1])
    off = abs(track - odometer)
    if off <= ODOMETER_TOLERANCE * max(odometer, track) or off < 2 * noise + 1e-3:
        return []
    percent = f"{(track - odometer) / max(odometer, 1e-9):+.1%}"
    evidence = f"odometer {odometer:.2f} m, GNSS track {track:.2f} m ({percent}), noise {noise:.2f} m"
    return [
        Finding(
            "odometer-gnss-disagreement",
            "warning",
            "The odometer and the GNSS track disagree on the length of the line.",
            fixes.source,
            evidence,
            "Distances are the odometer's, map positions the receiver's. Check the wheel calibration.",
        )
    ]


def _distance_from_track(
    line: xr.Dataset, trace: np.ndarray, x: np.ndarray, y: np.ndarray, noise: float
) -> tuple[xr.Dataset, list[Finding]]:
    """Give a time-triggered line the distances of its track, where the track is longer than its noise."""
    length = along_track(x, y, noise)
    reach = float(np.hypot(x - x[0], y - y[0]).max())
    if reach < 5 * noise or reach <= 0:
        evidence = f"track reaches {reach:.2f} m, noise {noise:.2f} m"
        what, then = "The GNSS track is too short against its noise to give distances.", "Distances are left out."
        return line, [Finding("gnss-no-distance", "warning", what, "", evidence, then)]
    distance = np.interp(np.arange(line.sizes[names.TRACE]), trace, length)
    line = line.assign_coords({names.DISTANCE: (names.TRACE, distance, {"units": "m", "source": "GNSS track"})})
    what = "Distances along the line were taken from the GNSS track."
    evidence = f"{length[-1]:.2f} m over {trace.size} fixes"
    then = "Movements below the noise of the fixes count as standing still."
    return line, [Finding("distance-from-gnss", "info", what, "", evidence, then)]


def _with_track(
    line: xr.Dataset, track: Track, crs: Any, baseline: float, lever_arm: tuple[float, float]
) -> tuple[xr.Dataset, list[Finding]]:
    x, y = track.x, track.y
    dims: tuple[str, ...] = (names.TRACE,)
    notes: list[Finding] = []
    has_offsets = names.OFFSET in line.coords and line[names.OFFSET].dims == (names.CHANNEL,)
    if has_offsets or lever_arm != (0.0, 0.0):
        offsets = line[names.OFFSET].values if has_offsets else np.zeros(1)
        angle = heading(x, y, baseline)
        if np.isfinite(angle).all():
            x, y = channel_positions(x, y, angle, offsets, lever_arm)
            dims = (names.CHANNEL, names.TRACE)
            if not has_offsets:
                x, y, dims = x[0], y[0], (names.TRACE,)
        else:
            what = "The direction of travel cannot be told from the track."
            then = "All channels are placed at the middle of the array."
            notes.append(
                Finding("heading-unknown", "warning", what, "", f"track does not move by {baseline:.2f} m", then)
            )
    coords: dict[str, Any] = {
        names.X: (dims, x, {"units": "m", "standard_name": "projection_x_coordinate"}),
        names.Y: (dims, y, {"units": "m", "standard_name": "projection_y_coordinate"}),
        names.POSITION_SIGMA: (names.TRACE, track.sigma, {"units": "m"}),
        names.SPATIAL_REF: spatial_ref(crs),
    }
    return line.assign_coords(coords), notes


def _with_receiver(line: xr.Dataset, fixes: Fixes) -> xr.Dataset:
    """Add what the receiver said, interpolated (longitude, latitude, time, height) or of the nearest fix (quality)."""
    assert fixes.quality is not None
    assert fixes.time is not None
    assert fixes.height is not None
    n = line.sizes[names.TRACE]
    nearest = nearest_fix(fixes.trace, n)
    lon = build_track(fixes.trace, fixes.longitude, fixes.latitude, np.zeros(len(fixes)), n)
    coords: dict[str, Any] = {
        names.LONGITUDE: (names.TRACE, lon.x, {"units": names.UNITS[names.LONGITUDE], "standard_name": "longitude"}),
        names.LATITUDE: (names.TRACE, lon.y, {"units": names.UNITS[names.LATITUDE], "standard_name": "latitude"}),
        names.FIX_QUALITY: (names.TRACE, fixes.quality[nearest], {"long_name": "NMEA GGA fix quality"}),
    }
    if not np.isnat(fixes.time).any():
        start = fixes.time.min()
        seconds = (fixes.time - start).astype("float64") / 1e9
        track = build_track(fixes.trace, seconds, seconds, np.zeros(len(fixes)), n)
        coords[names.TIME] = (names.TRACE, start + np.round(track.x * 1e9).astype("timedelta64[ns]"))
    if np.isfinite(fixes.height).all() and len(fixes):
        height = np.interp(np.arange(n), fixes.trace, fixes.height)
        attrs = {"units": "m", "datum": fixes.height_datum or "not recorded"}
        coords[names.GNSS_HEIGHT] = (names.TRACE, height, attrs)
    return line.assign_coords(coords)


def with_positions(line: xr.Dataset, longitude: Any, latitude: Any, **extras: Any) -> xr.Dataset:
    """Place a line whose longitude and latitude are known at every trace.

    Parameters
    ----------
    line : xarray.Dataset
        A line.
    longitude, latitude : array_like, shape (trace,)
        Degrees.
    **extras
        `quality`, `sigma`, `time`, `height` (arrays of that shape, as in `Fixes`); `crs`, `lever_arm` as in `place`.
    """
    options = {key: extras.pop(key) for key in ("crs", "lever_arm") if key in extras}
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
    middle = _middle(line)
    line = line.assign_coords({names.OFFSET: (names.CHANNEL, values, {"units": "m"})})
    if middle is None:
        return line
    x, y = middle
    sigma = line[names.POSITION_SIGMA].values if names.POSITION_SIGMA in line.coords else np.zeros(x.size)
    angle = heading(x, y, max(LEAST_BASELINE, 4 * float(np.median(sigma))))
    if not np.isfinite(angle).all():
        return line
    right, forward = line.attrs.get(names.LEVER_ARM, (0.0, 0.0))
    x, y = channel_positions(x, y, angle, values, (float(right), float(forward)))
    dims = (names.CHANNEL, names.TRACE)
    return line.assign_coords({names.X: (dims, x, {"units": "m"}), names.Y: (dims, y, {"units": "m"})})


def _middle(line: xr.Dataset) -> tuple[np.ndarray, np.ndarray] | None:
    """Return the track of the GNSS antenna in the line's CRS, None for an unplaced line."""
    if names.SPATIAL_REF not in line.coords or names.X not in line.coords:
        return None
    if names.LONGITUDE in line.coords and names.LATITUDE in line.coords:
        return project(line[names.LONGITUDE].values, line[names.LATITUDE].values, line_crs(line))
    x, y = line[names.X].values, line[names.Y].values
    return (x, y) if x.ndim == 1 else (x.mean(axis=0), y.mean(axis=0))

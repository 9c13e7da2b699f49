"""A track that was made before, as files of gprscan keep it beside the fixes: taken as it is, never made anew."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyproj

from gprscan import names
from gprscan.errors import ParameterError
from gprscan.geometry.array import channel_positions
from gprscan.geometry.clean import one_per_trace
from gprscan.geometry.crs import project, resolve_crs, spatial_ref, unproject
from gprscan.geometry.fixes import Fixes
from gprscan.geometry.options import PositionOptions
from gprscan.geometry.place import Location, add_places, unplaced
from gprscan.geometry.receiver import receiver_coords
from gprscan.model.findings import Finding


@dataclass(frozen=True)
class PlacedTrack:
    """Where a line lies, one place per trace: of the middle of the array, or of the only antenna.

    Attributes
    ----------
    longitude, latitude : ndarray, shape (trace,)
        Degrees.
    sigma : ndarray, shape (trace,)
        Standard deviation per axis, m; NaN where it is not known.
    heading : ndarray, shape (trace,)
        Direction of travel, degrees clockwise from grid north; NaN where it is not known.
    """

    longitude: np.ndarray
    latitude: np.ndarray
    sigma: np.ndarray
    heading: np.ndarray


def restore(
    track: PlacedTrack,
    fixes: Fixes,
    *,
    noted: Any = None,
    crs: Any = None,
    offsets: np.ndarray | None = None,
    lever_arm: tuple[float, float] = (0.0, 0.0),
    options: PositionOptions | None = None,
) -> Location:
    """Place a line on the track that it had when it was written; the fixes are kept, and not weighed again.

    Parameters
    ----------
    track : PlacedTrack
        One finite place per trace.
    fixes : Fixes
        What the receiver said, as it was written beside the track.
    noted : str, int, pyproj.CRS, optional
        Reference system of the line when it was written, to whose north the headings refer.
    crs : str, int, pyproj.CRS, optional
        Reference system of `x` and `y`, where it is to be another one.
    offsets : ndarray, shape (channel,), optional
        Channels across the line in m, positive to the right.
    lever_arm : (float, float)
        Middle of the antenna array minus GNSS antenna in m, as it was allowed for: to the right, and forward.
    options : PositionOptions, optional
        The datum of the heights.

    Raises
    ------
    ParameterError
        If `crs` is not a projected system in metres.
    """
    n_traces = track.longitude.size
    out = Location(findings=list(fixes.findings))
    plane = resolve_crs(noted, track.longitude, track.latitude)
    target = plane if crs is None else resolve_crs(crs, track.longitude, track.latitude)
    angle: np.ndarray | None = np.radians(track.heading) if np.isfinite(track.heading).all() else None
    try:
        x, y = project(track.longitude, track.latitude, plane)
        if offsets is not None and angle is not None:
            x, y = channel_positions(x, y, angle, offsets)
        if target != plane:
            x, y, angle = _moved(x, y, angle, plane, target)
    except ParameterError as error:
        out.findings.append(unplaced(fixes, len(fixes), str(error)))
        return out
    out.coords[names.SPATIAL_REF] = spatial_ref(target)
    add_places(out, x, y, track.sigma, angle)
    if not np.isfinite(track.sigma).any():
        del out.coords[names.POSITION_SIGMA]
    good = np.isfinite(fixes.trace) & np.isfinite(fixes.longitude) & np.isfinite(fixes.latitude)
    if good.any():
        out.coords |= receiver_coords(one_per_trace(fixes.take(good)), n_traces, options or PositionOptions())
    if lever_arm != (0.0, 0.0):
        out.attrs[names.LEVER_ARM] = [float(lever_arm[0]), float(lever_arm[1])]
    what, evidence = "The file holds a track that was made before it was written.", f"places of {n_traces} traces"
    then = "Taken as it is: the fixes were not weighed again. Another 'lever_arm' or 'gnss_sigma' places them anew."
    out.findings.append(Finding("track-as-written", "info", what, fixes.source, evidence, then))
    return out


def _moved(
    x: np.ndarray, y: np.ndarray, angle: np.ndarray | None, source: pyproj.CRS, target: pyproj.CRS
) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """Take places and directions to another reference system."""
    east, north = project(*unproject(x, y, source), target)
    if angle is None:
        return east, north, None
    first = (x, y) if x.ndim == 1 else (x[0], y[0])
    # a metre ahead: the two systems differ by the convergence of their meridians
    ahead = project(*unproject(first[0] + np.sin(angle), first[1] + np.cos(angle), source), target)
    here = (east, north) if east.ndim == 1 else (east[0], north[0])
    return east, north, np.arctan2(ahead[0] - here[0], ahead[1] - here[1])

"""Positions from outside a line's own files: an external track, and the road that it was driven on."""

from __future__ import annotations

import datetime
from typing import Any

import numpy as np
import xarray as xr

from gprscan import names
from gprscan.errors import LineError
from gprscan.geometry.centreline import Centreline, beside_road, read_centreline
from gprscan.geometry.crs import line_crs, project, unproject
from gprscan.geometry.options import as_options
from gprscan.geometry.place import place
from gprscan.geometry.track_file import TrackFile, read_track, tie
from gprscan.model import findings as _findings


def apply_positions(line: xr.Dataset, positions: Any, crs: Any = None) -> xr.Dataset:
    """Place a line by an external track and tie it to its road, where the options name them.

    Parameters
    ----------
    line : xarray.Dataset
        A line.
    positions : PositionOptions or dict
        What is known; see `PositionOptions`.
    crs : str, int or pyproj.CRS, optional
        Reference system of `x` and `y`.
    """
    options = as_options(positions)
    if options.track is not None:
        track = read_track(options.track, options.track_crs, _day(line))
        line = on_track(line, track, crs=crs, options=options)
    if options.centreline is not None:
        line = on_road(line, read_centreline(options.centreline, options.centreline_crs, options.road))
    return line


def _day(line: xr.Dataset) -> datetime.date | None:
    """Return the day on which a line was recorded, for tracks without dates."""
    if names.TIME in line.coords and not np.isnat(line[names.TIME].values[0]):
        return datetime.date.fromisoformat(str(line[names.TIME].values[0])[:10])
    return None


def on_track(line: xr.Dataset, track: TrackFile, *, crs: Any = None, options: Any = None) -> xr.Dataset:
    """Place a line by an external track, which rules over what its own files said.

    Parameters
    ----------
    line : xarray.Dataset
        A line.
    track : TrackFile
        See `read_track`.
    crs : str, int or pyproj.CRS, optional
        Reference system of `x` and `y`.
    options : PositionOptions or dict, optional
        Clock offset, lever arm and so on.

    Raises
    ------
    ParameterError
        If line and track cannot be tied to each other.
    """
    options = as_options(options)
    time = line[names.TIME].values if names.TIME in line.coords else None
    distance = line[names.DISTANCE].values if names.DISTANCE in line.coords else None
    fixes = tie(track, time, distance, options.clock_offset)
    own = (names.X, names.Y, names.Z, names.LONGITUDE, names.LATITUDE, names.HEADING, names.GNSS_HEIGHT)
    line = line.drop_vars([name for name in (*own, names.FIX_SIGMA, names.SPATIAL_REF) if name in line.coords])
    if line[names.DISTANCE].attrs.get("source") == names.FROM_TRACK if names.DISTANCE in line.coords else False:
        line = line.drop_vars(names.DISTANCE)
    if fixes.time is not None and np.isnat(fixes.time).all() and time is not None:
        recorded = line.coords[names.TIME]
        return place(line, fixes, crs=crs, options=options).assign_coords({names.TIME: recorded})
    return place(line, fixes, crs=crs, options=options)


def on_road(line: xr.Dataset, road: Centreline) -> xr.Dataset:
    """Give a line the chainage and offset of each trace on a road.

    Parameters
    ----------
    line : xarray.Dataset
        A line with positions.
    road : Centreline
        See `read_centreline`.

    Returns
    -------
    xarray.Dataset
        The line with `road_chainage` and `road_offset` over ([channel,] trace), and a finding where the track lies
        far from the road.

    Raises
    ------
    LineError
        If the line has no positions.
    """
    if names.X not in line.coords or names.SPATIAL_REF not in line.coords:
        who = line.attrs.get(names.SOURCE_FILE) or "the line"
        msg = f"{who} has no positions, so that it cannot be tied to the centreline {road.name}."
        raise LineError(msg)
    x, y = line[names.X], line[names.Y]
    lon, lat = unproject(x.values, y.values, line_crs(line))
    chainage, offset = road.locate(*project(lon, lat, road.crs))
    units = {"units": "m"}
    tied = line.assign_coords(
        {names.ROAD_CHAINAGE: (x.dims, chainage, units), names.ROAD_OFFSET: (x.dims, offset, units)}
    )
    tied = tied.assign_attrs({names.ROAD: road.name})
    return _findings.add(tied, *beside_road(lon.ravel(), lat.ravel(), road, str(line.attrs.get(names.SOURCE_FILE, ""))))

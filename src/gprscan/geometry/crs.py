"""Reference systems: which one a line gets, and the way to and from longitude and latitude. Always x east, y north."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import pyproj
import xarray as xr
from pyproj.exceptions import CRSError, ProjError

from gprscan import names
from gprscan.errors import MissingCRSError, ParameterError

SHENZHEN = (113.7, 114.7, 22.4, 22.9)  # west, east, south, north, degrees
SHENZHEN_CRS = "EPSG:4547"  # CGCS2000 / 3-degree Gauss-Kruger CM 114E
GEOGRAPHIC = "EPSG:4326"


def default_crs(longitude: Any, latitude: Any) -> pyproj.CRS:
    """Return EPSG:4547 in Shenzhen, elsewhere the UTM zone (polar stereographic beyond 84 N and 80 S).

    Parameters
    ----------
    longitude, latitude : array_like
        Degrees; the median decides.
    """
    lon, lat = float(np.nanmedian(longitude)), float(np.nanmedian(latitude))
    west, east, south, north = SHENZHEN
    if west <= lon <= east and south <= lat <= north:
        return _known(SHENZHEN_CRS)
    if lat > 84 or lat < -80:
        return _known(f"EPSG:{5041 if lat > 0 else 5042}")
    zone = int((lon + 180) // 6) % 60 + 1
    return _known(f"EPSG:{(32600 if lat >= 0 else 32700) + zone}")


@lru_cache(maxsize=256)
def _known(text: str) -> pyproj.CRS:
    """Return the system of a code or definition; looking it up in the database of PROJ is slow."""
    return pyproj.CRS.from_user_input(text)


def _as_crs(crs: Any) -> pyproj.CRS:
    """Return anything that `pyproj.CRS.from_user_input` takes as a system."""
    return _known(crs) if isinstance(crs, str) else pyproj.CRS.from_user_input(crs)


def resolve_crs(crs: Any, longitude: Any, latitude: Any) -> pyproj.CRS:
    """Return the requested reference system, or the default of the place.

    Parameters
    ----------
    crs : str, int, pyproj.CRS or None
        Anything that `pyproj.CRS.from_user_input` takes; None for the default.
    longitude, latitude : array_like
        Degrees, for the default.

    Raises
    ------
    ParameterError
        If `crs` is none, or its coordinates are not metres east and north.
    """
    if crs is None:
        return default_crs(longitude, latitude)
    try:
        wanted = _as_crs(crs)
    except CRSError as error:
        msg = f"crs is {crs!r}, which PROJ does not know ({error}). Give an EPSG code such as 'EPSG:4547', or WKT."
        raise ParameterError(msg) from None
    axes = wanted.axis_info[:2]
    if wanted.is_geographic or wanted.is_geocentric or any(axis.unit_name not in ("metre", "meter") for axis in axes):
        msg = f"crs is {wanted.name}, which is not in metres on a plane. Give a projected system such as 'EPSG:4547'."
        raise ParameterError(msg)
    return wanted


def checked_plane(crs: Any, x: Any, y: Any, who: str) -> pyproj.CRS:
    """Return a projected system after checking that coordinates can be in it: axis order and zone prefix.

    Parameters
    ----------
    crs : str, int or pyproj.CRS
        The system.
    x, y : array_like
        m east and north.
    who : str
        Whose coordinates these are, for the message.

    Raises
    ------
    ParameterError
        If `crs` is no plane in metres; or if the coordinates lie far outside its area of use, with the likely reason:
        x and y exchanged, or a zone number (EPSG:4526 has one before x, EPSG:4547 has none).
    """
    wanted = resolve_crs(crs, np.zeros(1), np.zeros(1))
    x, y = float(np.nanmedian(np.atleast_1d(x))), float(np.nanmedian(np.atleast_1d(y)))
    if _fits(wanted, x, y):
        return wanted
    given = f"{who}: x = {x:.2f} (east), y = {y:.2f} (north) lie outside the area of {wanted.name}"
    if _fits(wanted, y, x):
        msg = f"{given}, but do not if they are exchanged. x is east and y is north, whatever the CRS says of its axes."
        raise ParameterError(msg)
    zone = 1e6 * np.floor(x / 1e6)
    if zone and _fits(wanted, x - zone, y):
        msg = f"{given}, but x begins with a zone number ({zone / 1e6:.0f}): is it EPSG:4526 rather than EPSG:4547?"
        raise ParameterError(msg)
    if zone == 0 and _fits(wanted, x + 38e6, y):
        msg = f"{given}, but x lacks the zone number of that system: is it EPSG:4547 rather than EPSG:4526?"
        raise ParameterError(msg)
    msg = f"{given}. Name the right 'crs'."
    raise ParameterError(msg)


def _fits(crs: pyproj.CRS, x: float, y: float) -> bool:
    """Whether a place lies in the area of use of a system, or within five degrees of it."""
    area = crs.area_of_use
    if area is None:
        return True
    lon, lat = _transformer(crs, _known(GEOGRAPHIC)).transform(x, y)
    if not (np.isfinite(lon) and np.isfinite(lat)):
        return False
    beside = (lon - area.west) % 360 <= (area.east - area.west) % 360 + 5 or (area.west - lon) % 360 <= 5
    return beside and area.south - 5 <= lat <= area.north + 5


def project(longitude: Any, latitude: Any, crs: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return x (east) and y (north) in m of points in degrees.

    Parameters
    ----------
    longitude, latitude : array_like
        Degrees.
    crs : pyproj.CRS or anything that it accepts
        The projected system.

    Raises
    ------
    ParameterError
        If PROJ cannot express a point in this system.
    """
    return _transform(GEOGRAPHIC, crs, longitude, latitude)


def unproject(x: Any, y: Any, crs: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return longitude and latitude in degrees of points in m.

    Parameters
    ----------
    x, y : array_like
        East and north in m.
    crs : pyproj.CRS or anything that it accepts
        The projected system.
    """
    return _transform(crs, GEOGRAPHIC, x, y)


@lru_cache(maxsize=32)
def _transformer(source: pyproj.CRS, target: pyproj.CRS) -> pyproj.Transformer:
    return pyproj.Transformer.from_crs(source, target, always_xy=True)


def _transform(source: Any, target: Any, first: Any, second: Any) -> tuple[np.ndarray, np.ndarray]:
    transformer = _transformer(_as_crs(source), _as_crs(target))
    try:
        a, b = transformer.transform(
            np.asarray(first, dtype="float64"), np.asarray(second, dtype="float64"), errcheck=True
        )
    except ProjError as error:
        msg = f"coordinates cannot be converted to {_as_crs(target).name}: {error}"
        raise ParameterError(msg) from None
    return np.asarray(a), np.asarray(b)


def spatial_ref(crs: Any) -> xr.Variable:
    """Return the CF grid mapping of a reference system: the coordinate ``spatial_ref`` with ``crs_wkt``."""
    return xr.Variable((), np.int32(0), dict(_grid_mapping(_as_crs(crs))))


@lru_cache(maxsize=32)
def _grid_mapping(crs: pyproj.CRS) -> dict[str, Any]:
    return {key: value for key, value in crs.to_cf().items() if isinstance(value, str | float | int | list)}


def line_crs(line: xr.Dataset) -> pyproj.CRS:
    """Return the reference system of a line's ``x`` and ``y``.

    Raises
    ------
    MissingCRSError
        If the line does not carry one.
    """
    wkt = line[names.SPATIAL_REF].attrs.get("crs_wkt") if names.SPATIAL_REF in line.coords else None
    if not wkt:
        who = line.attrs.get(names.SOURCE_FILE) or "this line"
        msg = f"{who} has no reference system (coordinate 'spatial_ref' with 'crs_wkt')."
        raise MissingCRSError(msg)
    return _known(str(wkt))

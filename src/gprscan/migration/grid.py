"""From parallel lines to one array, and from an image or an array to slices."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
import xarray as xr
from scipy.signal import hilbert

from gprscan import names
from gprscan.errors import LineError, ParameterError
from gprscan.model import from_array, require_line, sampling_interval, trace_spacing


def join_lines(
    lines: Sequence[xr.Dataset], offsets: Sequence[float] | None = None, *, spacing: float | None = None
) -> xr.Dataset:
    """Join parallel lines of one channel into an array, its channels at the lines' distances from each other.

    Parameters
    ----------
    lines : sequence of xarray.Dataset
        Lines over two-way travel time on the same time axis, measured with the same antenna, filtered alike.
    offsets : sequence of float, optional
        Distance in m of each line from a common axis, positive to the right; the lines then start side by side and
        run the same way. By default both follow from the lines' ``x`` and ``y``: the axis is the first line, and lines
        measured the other way are turned.
    spacing : float, optional
        Distance in m between the traces of the array; by default the widest of the lines.

    Returns
    -------
    xarray.Dataset
        Line with the dimensions (channel, trace, twt), as long as all lines together; NaN where a line is missing.

    Raises
    ------
    LineError
        If there are fewer than two lines, one has several channels, or the time axes differ.
    """
    if len(lines) < 2 or any(names.CHANNEL in require_line(line, axis=names.TWT).dims for line in lines):
        msg = "at least two lines of one channel each are needed."
        raise LineError(msg)
    first = lines[0]
    twt = first[names.TWT].values
    if any(line.sizes[names.TWT] != twt.size or np.abs(line[names.TWT].values - twt).max() > 1e-3 for line in lines):
        msg = "the lines have different time axes; resample and trim them to one first."
        raise LineError(msg)
    along, across = _placed(lines) if offsets is None else _side_by_side(lines, offsets)
    step = max(trace_spacing(line) for line in lines) if spacing is None else float(spacing)
    start, end = min(float(a.min()) for a in along), max(float(a.max()) for a in along)
    distance = start + step * np.arange(int(np.floor((end - start) / step + 1e-6)) + 1)
    data = np.full((len(lines), distance.size, twt.size), np.nan, "float32")
    places = np.full((2, len(lines), distance.size), np.nan)
    for number, (line, own) in enumerate(zip(lines, along, strict=True)):
        order = np.argsort(own)
        inside = (distance >= own.min() - 1e-6) & (distance <= own.max() + 1e-6)
        position = np.interp(distance[inside], own[order], np.arange(own.size))
        left = np.minimum(position.astype(int), own.size - 2)
        share = (position - left)[:, None].astype("float32")
        traces = line[names.AMPLITUDE].values[order]
        data[number, inside] = (1 - share) * traces[left] + share * traces[left + 1]
        for axis, name in enumerate((names.X, names.Y)):
            if name in line.coords:
                places[axis, number] = _extended(distance, own[order], line[name].values[order])
    joined = from_array(
        data,
        dt=sampling_interval(first),
        distance=distance,
        channel_offsets=across.tolist(),
        time_zero=-float(twt[0]),
        separation=[float(line.coords.get(names.SEPARATION, 0.0)) for line in lines],
        antenna_height=float(first.attrs.get(names.ANTENNA_HEIGHT, 0.0)),
        frequency=float(first[names.FREQUENCY]) if names.FREQUENCY in first.coords else None,
    )
    if np.isfinite(places).all():
        dims = (names.CHANNEL, names.TRACE)
        joined = joined.assign_coords(
            {name: (dims, values, first[name].attrs) for name, values in zip((names.X, names.Y), places, strict=True)}
        )
        if "spatial_ref" in first.coords:
            joined = joined.assign_coords(spatial_ref=first["spatial_ref"])
    return joined


def _extended(at: np.ndarray, known: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Interpolate, and go on straight beyond the ends."""
    inside = np.interp(at, known, values)
    slope = (values[-1] - values[0]) / (known[-1] - known[0])
    return inside + slope * (np.minimum(at - known[0], 0.0) + np.maximum(at - known[-1], 0.0))


def _side_by_side(lines: Sequence[xr.Dataset], offsets: Sequence[float]) -> tuple[list[np.ndarray], np.ndarray]:
    across = np.asarray(offsets, dtype="float64")
    if across.shape != (len(lines),):
        msg = f"{across.size} offsets were given for {len(lines)} lines."
        raise LineError(msg)
    return [line[names.DISTANCE].values - float(line[names.DISTANCE].values[0]) for line in lines], across


def _placed(lines: Sequence[xr.Dataset]) -> tuple[list[np.ndarray], np.ndarray]:
    """Return the distances along the first line of all traces, and the mean distance of each line to its right."""
    if any(names.X not in line.coords or line[names.X].dims != (names.TRACE,) for line in lines):
        msg = "the lines have no positions x and y; give their offsets in m."
        raise LineError(msg)
    x, y = lines[0][names.X].values, lines[0][names.Y].values
    direction = np.array([x[-1] - x[0], y[-1] - y[0]]) / np.hypot(x[-1] - x[0], y[-1] - y[0])
    along, across = [], []
    for line in lines:
        east, north = line[names.X].values - x[0], line[names.Y].values - y[0]
        along.append(east * direction[0] + north * direction[1])
        right = east * direction[1] - north * direction[0]
        if np.ptp(right) > 0.2 * np.ptp(along[-1]):
            msg = "the lines are not parallel: one strays from the direction of the first by more than 1 in 5."
            raise LineError(msg)
        across.append(float(right.mean()))
    return along, np.array(across)


def c_scan(
    image: xr.Dataset,
    level: float,
    thickness: float,
    *,
    layer: xr.DataArray | None = None,
    measure: Literal["rms", "envelope", "mean"] = "rms",
) -> xr.DataArray:
    """Cut a slice out of an image or an array: by depth, by time, or at a distance from a tracked layer.

    Parameters
    ----------
    image : xarray.Dataset
        Line over depth (a depth slice) or over two-way travel time (a time slice), of one channel or many.
    level : float
        Middle of the slice, in m or ns; with `layer` its distance below the layer.
    thickness : float
        Thickness of the slice, in m or ns.
    layer : xarray.DataArray, optional
        Depth (m) or time (ns) of the layer over (trace) or (channel, trace); NaN where it is not known.
    measure : {"rms", "envelope", "mean"}
        Root of the mean energy, mean envelope, or mean amplitude in the slice.

    Returns
    -------
    xarray.DataArray
        Over ([channel,] trace) with the coordinates of the line: distance, offset, x, y. NaN outside the image.

    Raises
    ------
    ParameterError
        If the slice is not positively thick, lies outside the image, or the measure is not one of the three.
    """
    axis = names.DEPTH if names.DEPTH in require_line(image).dims else names.TWT
    values = image[axis].values
    step = float(values[1] - values[0])
    if thickness <= 0:
        msg = f"thickness is {thickness}; it must be positive."
        raise ParameterError(msg)
    if measure not in ("rms", "envelope", "mean"):
        msg = f"measure is {measure!r}; one of 'rms', 'envelope' and 'mean' is needed."
        raise ParameterError(msg)
    data = image[names.AMPLITUDE]
    middle = np.zeros(data.shape[:-1]) + level
    if layer is not None:
        middle = middle + np.broadcast_to(np.asarray(layer.values, dtype="float64"), data.shape[:-1])
    samples = data.values.astype("float32")
    if measure == "envelope":
        samples = np.abs(hilbert(np.nan_to_num(samples), axis=-1)).astype("float32")
    # sums from the top, so that a slice is a difference, interpolated at its faces
    sums = np.zeros((*samples.shape[:-1], samples.shape[-1] + 1))
    np.cumsum(samples.astype("float64") ** (2 if measure == "rms" else 1), axis=-1, out=sums[..., 1:])
    low, high = ((middle + side * 0.5 * thickness - (values[0] - 0.5 * step)) / step for side in (-1, 1))
    inside = np.isfinite(middle) & (low >= -1e-6) & (high <= values.size + 1e-6)
    if not inside.any():
        msg = f"the slice from {level - 0.5 * thickness:g} to {level + 0.5 * thickness:g} lies outside the image."
        raise ParameterError(msg)
    total = _at(sums, np.where(inside, high, 1.0)) - _at(sums, np.where(inside, low, 0.0))
    mean = total / np.where(inside, high - low, 1.0)
    mean = np.sqrt(np.maximum(mean, 0.0)) if measure == "rms" else mean
    kept = {name: coord for name, coord in image.coords.items() if axis not in coord.dims}
    attrs = {"units": data.attrs.get("units", "1"), "long_name": f"{measure} amplitude", "level": level}
    return xr.DataArray(np.where(inside, mean, np.nan).astype("float32"), kept, data.dims[:-1], measure, attrs)


def _at(sums: np.ndarray, position: np.ndarray) -> np.ndarray:
    left = np.clip(position.astype(int), 0, sums.shape[-1] - 2)
    share = position - left
    below, above = (np.take_along_axis(sums, left[..., None] + k, -1)[..., 0] for k in (0, 1))
    return (1 - share) * below + share * above


def place_on_plane(
    image: xr.Dataset, origin: tuple[float, float, float], strike: float, dip: float, *, rake: float = 0.0
) -> xr.Dataset:
    """Give the samples of an image their place in space, where the line was measured on a plane of any dip.

    On a wall, a ceiling or a slope `depth` goes into the surface at right angles; the migrations need nothing else.

    Parameters
    ----------
    image : xarray.Dataset
        Line over depth with distances.
    origin : tuple of float
        x, y (east, north) and z (up) in m of the point with distance 0 and offset 0.
    strike : float
        Azimuth of the plane's horizontal direction, degrees from north, clockwise.
    dip : float
        Degrees by which the plane falls to the right of its strike: 0 is the ground (depth goes down), 90 a wall to the
        left of somebody who looks along the strike (depth goes left), -90 one to the right, 180 a ceiling.
    rake : float
        Degrees by which the line climbs in the plane from the direction of strike.

    Returns
    -------
    xarray.Dataset
        The image with ``sample_x``, ``sample_y`` and ``sample_z`` over ([channel,] trace, depth), m.

    Raises
    ------
    LineError
        If the image is not over depth, or has no distances.
    """
    require_line(image, axis=names.DEPTH)
    if names.DISTANCE not in image.coords:
        msg = "the image has no distances along its line."
        raise LineError(msg)
    azimuth, fall, climb = np.radians([strike, dip, rake])
    level = np.array([np.sin(azimuth), np.cos(azimuth), 0.0])
    down_dip = np.array([np.cos(azimuth) * np.cos(fall), -np.sin(azimuth) * np.cos(fall), -np.sin(fall)])
    inward = np.cross(level, down_dip)
    forward = np.cos(climb) * level - np.sin(climb) * down_dip
    right = np.cross(inward, forward)
    distance, depth = image[names.DISTANCE], image[names.DEPTH]
    offset = image[names.OFFSET] if names.OFFSET in image.coords else xr.DataArray(0.0)
    dims = image[names.AMPLITUDE].dims
    coords = {}
    for axis, name in enumerate(("sample_x", "sample_y", "sample_z")):
        place = origin[axis] + offset.variable * right[axis] + distance.variable * forward[axis]
        full = place + depth.variable * inward[axis]
        coords[name] = full.transpose(*dims)
        coords[name].attrs = {"units": "m"}
    return image.assign_coords(coords)

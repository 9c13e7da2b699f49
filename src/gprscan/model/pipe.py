"""What a line measured inside a pipe carries: the pipe as an attribute (JSON), the clock angle as a coordinate."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from gprscan import names
from gprscan.errors import LineError, ParameterError

# keys of the attribute `pipe` that the caller may give; the side file adds `frame` and what it knows of the segment
KEYS = (
    "inner_diameter",
    "wall_thickness",
    "wall_permittivity",
    "wall_permittivity_sigma",
    "standoff",
    "clock",
    "material",
    "water_level",
)


def attach_pipe(line: xr.Dataset, pipe: Mapping[str, Any]) -> xr.Dataset:
    """Return a line that knows that it was measured inside a pipe.

    Parameters
    ----------
    line : xarray.Dataset
        A line; ``distance`` is the chainage. For a ring it may be the arc length or be left out.
    pipe : mapping
        ``inner_diameter``, ``wall_thickness`` (of the drawing), ``standoff`` (antenna to inner wall), all in m;
        ``clock`` in degrees from the crown, clockwise looking with increasing chainage: one value, one per channel, or
        one per trace (a ring). Optional: ``wall_permittivity`` and its standard deviation ``wall_permittivity_sigma``,
        ``material``, ``water_level`` (share of the height of the bore).

    Raises
    ------
    ParameterError
        If a key is unknown, missing, or out of range; the message shows a right example.
    LineError
        If there are as many clock angles as neither traces nor channels.
    """
    known = dict(pipe)
    clock = np.asarray(known.pop("clock", 0.0), dtype="float64")
    for key in known:
        if key not in (*KEYS, "frame", "segment", "shape", "lining", "cctv", "ground"):
            msg = f"pipe: there is no key {key!r}; accepted are {', '.join(KEYS)}."
            raise ParameterError(msg)
    for key, low, high in (("inner_diameter", 0.1, 20.0), ("wall_thickness", 0.002, 2.0), ("standoff", 0.0, 2.0)):
        value = known.get(key, 0.0 if key == "standoff" else None)
        if value is None or not math.isfinite(float(value)) or not low <= float(value) <= high:
            msg = f"pipe: {key} is {value!r}; a length from {low:g} to {high:g} m is needed, for example {key}=0.1."
            raise ParameterError(msg)
        known[key] = float(value)
    attrs = {"units": "degree", "convention": "0 = crown, clockwise looking with increasing chainage"}
    coord: Any
    if clock.ndim == 0:
        coord = ((), float(clock) % 360.0, attrs)
    elif clock.shape == (line.sizes[names.TRACE],):
        coord = (names.TRACE, np.mod(clock, 360.0), attrs)
    elif clock.shape == (line.sizes.get(names.CHANNEL, 0),):
        coord = (names.CHANNEL, np.mod(clock, 360.0), attrs)
    else:
        msg = f"pipe: clock has shape {clock.shape}; one angle, one per channel, or one per trace (a ring) is needed."
        raise LineError(msg)
    return line.assign_coords({names.CLOCK_ANGLE: coord}).assign_attrs({names.PIPE: json.dumps(known)})


def pipe_of(line: xr.Dataset) -> dict[str, Any] | None:
    """Return the pipe of a line as a dict, None where the line was not measured inside a pipe."""
    text = line.attrs.get(names.PIPE)
    return json.loads(text) if text else None


def is_ring(line: xr.Dataset) -> bool:
    """Whether the antenna went round the wall (the clock angle sweeps 60 degrees or more) rather than along the axis."""
    if names.CLOCK_ANGLE not in line.coords or line[names.CLOCK_ANGLE].dims != (names.TRACE,):
        return False
    swept = np.unwrap(line[names.CLOCK_ANGLE].values.astype("float64"), period=360.0)
    return bool(np.ptp(swept) >= 60.0) if swept.size > 1 else False


def clock_angles(line: xr.Dataset, channel: int) -> np.ndarray:
    """Return the clock angle of each trace of a channel, degrees, shape (trace,)."""
    clock = line[names.CLOCK_ANGLE]
    if names.CHANNEL in clock.dims:
        clock = clock.isel({names.CHANNEL: channel})
    return np.broadcast_to(clock.values.astype("float64"), (line.sizes[names.TRACE],))

"""What the receiver itself said, per trace: longitude, latitude, quality, time, and heights with or without a datum."""

from __future__ import annotations

from typing import Any

import numpy as np

from gprscan import names
from gprscan.geometry.fixes import Fixes
from gprscan.geometry.motion import smooth
from gprscan.geometry.options import PositionOptions
from gprscan.geometry.track import build_track, nearest_fix

# height is about 1.5 times less certain than each horizontal axis under an open sky: the ratio VDOP / HDOP per axis
HEIGHT_RATIO = 1.5


def receiver_coords(fixes: Fixes, n_traces: int, options: PositionOptions) -> dict[str, Any]:
    """Return coordinates of what was recorded: interpolated, or of the nearest fix (quality, standard deviation).

    Parameters
    ----------
    fixes : Fixes
        Usable ones, traces strictly increasing.
    n_traces : int
        Traces of the line.
    options : PositionOptions
        `vertical_datum` and `gnss_height` make `z` of the receiver's heights; without a datum there is no `z`.
    """
    assert fixes.quality is not None
    assert fixes.time is not None
    assert fixes.height is not None
    lon = build_track(fixes.trace, fixes.longitude, fixes.latitude, np.zeros(len(fixes)), n_traces)
    units, n = names.UNITS, n_traces
    quality = fixes.quality[nearest_fix(fixes.trace, n)]
    out: dict[str, Any] = {
        names.LONGITUDE: (names.TRACE, lon.x, {"units": units[names.LONGITUDE], "standard_name": "longitude"}),
        names.LATITUDE: (names.TRACE, lon.y, {"units": units[names.LATITUDE], "standard_name": "latitude"}),
        names.FIX_QUALITY: (names.TRACE, quality, {"long_name": "NMEA GGA fix quality"}),
    }
    assert fixes.sigma is not None
    if np.isfinite(fixes.sigma).any():
        sigma = fixes.sigma[nearest_fix(fixes.trace, n)]
        attrs = {"units": units[names.FIX_SIGMA], "long_name": "standard deviation of the fix as stated"}
        out[names.FIX_SIGMA] = (names.TRACE, sigma, attrs)
    if not np.isnat(fixes.time).any():
        start = fixes.time.min()
        seconds = (fixes.time - start).astype("float64") / 1e9
        track = build_track(fixes.trace, seconds, seconds, np.zeros(len(fixes)), n)
        out[names.TIME] = (names.TRACE, start + np.round(track.x * 1e9).astype("timedelta64[ns]"))
    if np.isfinite(fixes.height).all():
        out |= _heights(fixes, n, options)
    return out


def _heights(fixes: Fixes, n: int, options: PositionOptions) -> dict[str, Any]:
    assert fixes.height is not None
    height = np.interp(np.arange(n), fixes.trace, fixes.height)
    attrs = {"units": "m", "datum": fixes.height_datum or "not recorded"}
    out: dict[str, Any] = {names.GNSS_HEIGHT: (names.TRACE, height, attrs)}
    if options.vertical_datum is None:
        return out
    found = smooth(fixes.trace, fixes.height[:, None], HEIGHT_RATIO * fixes.sigmas(), np.arange(n))
    attrs = {"units": "m", "positive": "up", "datum": options.vertical_datum}
    out[names.Z] = (names.TRACE, found.values[:, 0] - options.gnss_height, attrs)
    out[names.Z_SIGMA] = (names.TRACE, found.sigma, {"units": "m"})
    return out

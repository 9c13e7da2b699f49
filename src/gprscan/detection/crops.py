"""Crops: what lies around a body, on a grid that is the same for every antenna, for models and for people who label."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

ROWS, COLUMNS = 64, 64
ROW_NS, COLUMN_M = 0.25, 0.025
BEFORE_NS = 3.0  # of the crop, above the body's top


def cut(echo: np.ndarray, x: np.ndarray, t: np.ndarray, x_body: float, t_body: float) -> np.ndarray:
    """Resample the surroundings of a body to fixed metres and nanoseconds.

    Parameters
    ----------
    echo : ndarray, shape (trace, sample)
        Section or line without its background.
    x : ndarray, shape (trace,)
        Distances in m, rising.
    t : ndarray, shape (sample,)
        Two-way times in ns, regular.
    x_body, t_body : float
        Place of the body's top, m and ns.

    Returns
    -------
    ndarray of float32, shape (ROWS, COLUMNS)
        Over time from `BEFORE_NS` before the top in steps of `ROW_NS`, and along the line in steps of `COLUMN_M` with the
        body in the middle; scaled to an RMS of 1, zero where the line has nothing.
    """
    dx, dt = float(np.median(np.diff(x))), float(t[1] - t[0])
    times = t_body - BEFORE_NS + ROW_NS * np.arange(ROWS)
    places = x_body + COLUMN_M * (np.arange(COLUMNS) - 0.5 * (COLUMNS - 1))
    margin = 2 * COLUMN_M
    first, last = np.searchsorted(x, [places[0] - margin, places[-1] + margin])
    if last - first < 2:
        return np.zeros((ROWS, COLUMNS), np.float32)
    part = np.nan_to_num(np.asarray(echo[first:last], dtype=np.float64))
    # a grid coarser than the line would pick single traces and samples out of it
    part = ndimage.gaussian_filter1d(part, 0.4 * COLUMN_M / dx, axis=0) if dx < 0.7 * COLUMN_M else part
    part = ndimage.gaussian_filter1d(part, 0.4 * ROW_NS / dt, axis=1) if dt < 0.7 * ROW_NS else part
    row = np.interp(places, x[first:last], np.arange(last - first), left=-2.0, right=-2.0)
    sample = (times - t[0]) / dt
    grid = np.meshgrid(row, sample)
    out = ndimage.map_coordinates(part, grid, order=1, mode="constant", cval=0.0)
    level = float(np.sqrt((out**2).mean()))
    return (out / level if level > 0 else out).astype(np.float32)

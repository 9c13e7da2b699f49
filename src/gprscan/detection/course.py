"""The course of a line: detection takes traces in the order of rising distances, piece by piece between gaps."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import xarray as xr

from gprscan import model, names

GAP, STEPS = 1.0, 5.0  # m and usual steps between two traces from which on nothing is known of what lies between


def forward(line: xr.Dataset) -> xr.Dataset:
    """Leave out the traces at which the antenna had been farther before, or whose distance is not known.

    Those at which it stood still stay: an odometer may count coarser than traces are recorded.

    Parameters
    ----------
    line : xarray.Dataset
        A line with distances.

    Raises
    ------
    MissingPositionError
        If it has none, or does not move.
    """
    model.trace_spacing(line)
    along = line[names.DISTANCE].values.astype(float)
    along = along if along[-1] >= along[0] else -along
    kept = np.flatnonzero(along >= np.fmax.accumulate(along))
    return line if kept.size == along.size else line.isel({names.TRACE: kept})


def rising(line: xr.Dataset) -> xr.Dataset:
    """Turn a line that was measured towards smaller distances, so that they rise."""
    along = line[names.DISTANCE].values
    return line if along[-1] >= along[0] else line.isel({names.TRACE: slice(None, None, -1)})


def pieces(x: np.ndarray) -> list[tuple[int, int]]:
    """First trace of each piece without a gap, and the one after its last; `x` are rising distances in m."""
    steps = np.diff(x)
    moving = steps[steps > 0]
    widest = max(GAP, STEPS * float(np.median(moving))) if moving.size else np.inf
    return list(pairwise([0, *(np.flatnonzero(steps > widest) + 1).tolist(), x.size]))


def spacing(x: np.ndarray) -> float:
    """Mean distance between traces in m, gaps left out."""
    found = pieces(x)
    whole, steps = sum(float(x[b - 1] - x[a]) for a, b in found), x.size - len(found)
    return whole / steps if steps and whole > 0 else float(x[-1] - x[0]) / max(x.size - 1, 1)

"""Velocity from common-midpoint and wide-angle gathers: semblance along moveout curves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import xarray as xr
from scipy import ndimage

from gprscan.errors import ParameterError

Moveout = Literal["reflection", "direct"]


def moveout_semblance(
    gather: Any,
    twt: Any,
    offsets: Any,
    velocities: Sequence[float] | np.ndarray,
    *,
    kind: Moveout = "reflection",
    window: float = 2.0,
    stabilization: float = 0.01,
) -> xr.DataArray:
    """Return the semblance of a CMP or WARR gather over zero-offset time and velocity.

    ``S(t0, v) = sum over w of (sum over x of u)^2 / (N sum over w, x of u^2)`` along ``t^2 = t0^2 + (x / v)^2`` for
    reflections (flat layers; v is the RMS velocity), or ``t = t0 + x / v`` for direct and refracted waves (Neidell and
    Taner 1971, Geophysics 36, 482; Yilmaz 2001, Seismic Data Analysis, section 3.2).

    Parameters
    ----------
    gather : array_like, shape (n, samples)
        Traces, time zero corrected; those that are not finite do not count.
    twt : array_like, shape (samples,)
        Two-way times in ns, equally spaced.
    offsets : array_like, shape (n,)
        Distance from transmitter to receiver of each trace in m.
    velocities : sequence of float
        m/ns.
    kind : {"reflection", "direct"}
        The curve.
    window : float
        Length in ns of the window w along time.
    stabilization : float
        Share of the largest energy of a window that is added to each, so that the ends of wavelets do not count.

    Returns
    -------
    xarray.DataArray
        From 0 to 1 over (velocity, twt). Each sample of each curve must lie on at least half of the traces, else 0.

    Raises
    ------
    ParameterError
        If shapes do not match, there are fewer than three live traces, or a velocity or the window is not positive.
    """
    traces, times = np.asarray(gather, dtype="float64"), np.asarray(twt, dtype="float64")
    apart, scanned = np.abs(np.asarray(offsets, dtype="float64")), np.asarray(velocities, dtype="float64")
    if traces.ndim != 2 or traces.shape != (apart.size, times.size) or times.size < 2:
        msg = f"gather {traces.shape} must have a trace for each of {apart.size} offsets, {times.size} samples long."
        raise ParameterError(msg)
    live = np.isfinite(traces).all(axis=1) & (np.ptp(traces, axis=1) > 0)
    if live.sum() < 3 or scanned.size == 0 or scanned.min() <= 0 or not (window > 0 and stabilization >= 0):
        msg = f"three live traces ({int(live.sum())}), positive velocities and a positive window ({window} ns) are needed."
        raise ParameterError(msg)
    traces, apart = traces[live], apart[live]
    interval = (times[-1] - times[0]) / (times.size - 1)
    width = 2 * int(0.5 * window / interval) + 1
    floor = stabilization * apart.size * float((traces**2).sum(axis=0).max())
    result = np.zeros((scanned.size, times.size))
    for row, velocity in enumerate(scanned):
        total, energy, fold = np.zeros(times.size), np.zeros(times.size), np.zeros(times.size)
        for trace, offset in zip(traces, apart, strict=True):
            late = np.hypot(times, offset / velocity) if kind == "reflection" else times + offset / velocity
            inside = (late <= times[-1]) & (times >= 0 if kind == "reflection" else late >= times[0])
            value = np.where(inside, np.interp(late, times, trace), 0.0)
            total, energy, fold = total + value, energy + value**2, fold + inside
        above = ndimage.uniform_filter1d(total**2, width, mode="constant")
        below = ndimage.uniform_filter1d(fold * energy, width, mode="constant")
        usable = (fold >= max(3, 0.5 * apart.size)) & (below > 1e-12 * max(below.max(), 1e-300))
        result[row] = np.where(usable, above / np.where(usable, below + floor, 1.0), 0.0)
    coords = {
        "velocity": ("velocity", scanned, {"units": "m/ns"}),
        "twt": ("twt", times, {"units": "ns", "long_name": "two-way time at zero offset"}),
    }
    return xr.DataArray(np.clip(result, 0.0, 1.0), coords, ("velocity", "twt"), "semblance")


def pick_moveout(semblance: xr.DataArray, least: float = 0.4, apart: float = 4.0) -> xr.Dataset:
    """Pick the peaks of a semblance panel: velocities over time, with their standard deviation.

    Parameters
    ----------
    semblance : xarray.DataArray
        From `moveout_semblance`.
    least : float
        Smallest semblance of a pick.
    apart : float
        Least time between picks in ns.

    Returns
    -------
    xarray.Dataset
        ``velocity``, ``sigma`` (m/ns) and ``semblance`` over ``twt`` (ns), earliest first; ready for
        `gprscan.velocity.interval_velocity`. The standard deviation is the half width at which the semblance has
        fallen by a tenth of the way from its peak to nothing; empty where no peak reaches `least`.
    """
    values, times, scanned = semblance.values, semblance["twt"].values, semblance["velocity"].values
    peaks = (values == ndimage.maximum_filter(values, size=(3, 3))) & (values >= least)
    rows, columns = np.nonzero(peaks)
    order = np.argsort(-values[rows, columns], kind="stable")
    kept: list[tuple[float, float, float, float]] = []
    for row, column in zip(rows[order], columns[order], strict=True):
        # a peak on the edge of the scan is no peak
        if 0 < row < scanned.size - 1 and all(abs(times[column] - other[0]) >= apart for other in kept):
            curve = values[:, column]
            near = np.flatnonzero(curve >= 0.9 * curve[row])
            inside = near[(near >= _edge(near, row, -1)) & (near <= _edge(near, row, 1))]
            step = scanned[row + 1] - scanned[row]
            sigma = 0.5 * max(scanned[inside[-1]] - scanned[inside[0]], step)
            kept.append((times[column], scanned[row], sigma, curve[row]))
    kept.sort()
    time, velocity, sigma, height = (np.array([pick[i] for pick in kept]) for i in range(4))
    return xr.Dataset(
        {
            "velocity": ("twt", velocity, {"units": "m/ns"}),
            "sigma": ("twt", sigma, {"units": "m/ns"}),
            "semblance": ("twt", height, {"units": "1"}),
        },
        coords={"twt": ("twt", time, {"units": "ns"})},
    )


def _edge(near: np.ndarray, row: int, direction: int) -> int:
    """Return the last of the numbers running on from `row` without a gap."""
    present = set(near.tolist())
    while row + direction in present:
        row += direction
    return row

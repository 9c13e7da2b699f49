"""The track between fixes: cleaned, interpolated to traces, with its direction and its uncertainty."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

EXTRAPOLATED_SHARE = 0.05  # standard deviation per metre beyond the first and last fix
BETWEEN_SHARE = 0.01  # standard deviation per metre from the nearest fix, between two


@dataclass(frozen=True)
class Track:
    """Positions of the reference point, one per trace.

    Attributes
    ----------
    x, y : ndarray, shape (trace,)
        m east and north.
    sigma : ndarray, shape (trace,)
        Horizontal standard deviation per axis, m.
    beyond : int
        Traces that lie before the first or after the last fix.
    """

    x: np.ndarray
    y: np.ndarray
    sigma: np.ndarray
    beyond: int


def build_track(trace: np.ndarray, x: np.ndarray, y: np.ndarray, sigma: np.ndarray, n_traces: int) -> Track:
    """Interpolate fixes to traces.

    Parameters
    ----------
    trace : ndarray, shape (fix,)
        Trace of each fix, strictly increasing.
    x, y, sigma : ndarray, shape (fix,)
        Position and its standard deviation, m.
    n_traces : int
        Traces of the line.

    Returns
    -------
    Track

    Notes
    -----
    Linear between fixes; before the first and after the last the motion of the nearest fixes goes on. The standard
    deviation is that of the fixes, plus 1 % of the distance to the nearest fix (5 % beyond the ends), in quadrature.
    """
    at = np.arange(n_traces, dtype="float64")
    xs, ys = np.interp(at, trace, x), np.interp(at, trace, y)
    spread = np.interp(at, trace, sigma)
    outside = (at < trace[0]) | (at > trace[-1])
    if trace.size > 1:
        for side, mask in ((0, at < trace[0]), (-1, at > trace[-1])):
            if mask.any():
                rate = _end_rate(trace, x, y, side)
                xs[mask] = x[side] + rate[0] * (at[mask] - trace[side])
                ys[mask] = y[side] + rate[1] * (at[mask] - trace[side])
    nearest = trace[_nearest(trace, at)]
    step = np.hypot(np.gradient(xs), np.gradient(ys)) if n_traces > 1 else np.zeros(n_traces)
    away = np.abs(at - nearest) * step
    share = np.where(outside, EXTRAPOLATED_SHARE, BETWEEN_SHARE)
    return Track(xs, ys, np.hypot(spread, share * away), int(outside.sum()))


def _end_rate(trace: np.ndarray, x: np.ndarray, y: np.ndarray, side: int) -> tuple[float, float]:
    """Movement per trace at one end, over at least five fixes where there are so many, against noise."""
    count = min(5, trace.size)
    span = slice(0, count) if side == 0 else slice(trace.size - count, trace.size)
    t, ends = trace[span], (x[span], y[span])
    first, second = ((values[-1] - values[0]) / (t[-1] - t[0]) for values in ends)
    return float(first), float(second)


def _nearest(known: np.ndarray, at: np.ndarray) -> np.ndarray:
    right = np.clip(np.searchsorted(known, at), 0, known.size - 1)
    left = np.clip(right - 1, 0, known.size - 1)
    return np.where(np.abs(known[left] - at) <= np.abs(known[right] - at), left, right)


def nearest_fix(trace: np.ndarray, n_traces: int) -> np.ndarray:
    """Return for each trace the position in `trace` (increasing) of the nearest fix."""
    return _nearest(trace, np.arange(n_traces, dtype="float64"))


def along_track(x: np.ndarray, y: np.ndarray, noise: float = 0.0) -> np.ndarray:
    """Return the distance travelled in m, standing still where the position only jitters.

    Parameters
    ----------
    x, y : ndarray, shape (point,)
        m east and north.
    noise : float
        Movements from the last accepted point that are not larger than this are taken for noise.

    Returns
    -------
    ndarray, shape (point,)
        Starts at 0, never falls.
    """
    if noise <= 0:
        return np.concatenate([[0.0], np.cumsum(np.hypot(np.diff(x), np.diff(y)))])
    kept = [0]
    for i in range(1, x.size):
        if np.hypot(x[i] - x[kept[-1]], y[i] - y[kept[-1]]) > noise:
            kept.append(i)
    out = np.zeros(x.size)
    for first, last in zip(kept, [*kept[1:], x.size], strict=True):
        end = min(last, x.size - 1)
        step = np.array([x[end] - x[first], y[end] - y[first]])
        size = float(np.hypot(*step))
        if last < x.size and size > 0:
            # how far each point in between has come on the way to the next accepted one, never back
            way = ((x[first : last + 1] - x[first]) * step[0] + (y[first : last + 1] - y[first]) * step[1]) / size
            out[first : last + 1] = out[first] + np.maximum.accumulate(np.clip(way, 0.0, size))
        else:
            out[first:last] = out[first]
    return out


def averaged(values: np.ndarray, spread: float) -> np.ndarray:
    """Average points over consecutive stretches, so long that noise does not lengthen the path between them.

    Parameters
    ----------
    values : ndarray, shape (3, point)
        x, y, and what else is to be averaged alike.
    spread : float
        Least distance covered by a stretch, m; stretches hold equal numbers of points, and there are at least two.

    Returns
    -------
    ndarray, shape (3, stretch)
    """
    n = values.shape[1]
    reach = float(np.hypot(values[0] - values[0, 0], values[1] - values[1, 0]).max())
    stretches = int(np.clip(reach / spread if spread > 0 else n, 2, n))
    edges = np.linspace(0, n, stretches + 1).astype(int)[:-1]
    return np.add.reduceat(values, edges, axis=1) / np.diff(np.append(edges, n))


def heading(x: np.ndarray, y: np.ndarray, baseline: float) -> np.ndarray:
    """Return the direction of travel in radians, from north to east.

    Parameters
    ----------
    x, y : ndarray, shape (trace,)
        Track, m east and north.
    baseline : float
        Distance in m over which the direction is taken: some times the noise of the positions.

    Returns
    -------
    ndarray, shape (trace,)
        Where the vehicle stands, the direction in which it came; NaN where the track never moves by `baseline`.
    """
    travelled = along_track(x, y)
    n = x.size
    back = np.clip(np.searchsorted(travelled, travelled - baseline / 2, side="right") - 1, 0, n - 1)
    ahead = np.clip(np.searchsorted(travelled, travelled + baseline / 2), 0, n - 1)
    east, north = x[ahead] - x[back], y[ahead] - y[back]
    good = np.hypot(east, north) >= min(baseline, travelled[-1]) * 0.25
    if not good.any() or travelled[-1] < 1e-6:
        return np.full(n, np.nan)
    angle = np.unwrap(np.arctan2(east[good], north[good]))
    return np.interp(np.arange(n), np.flatnonzero(good), angle)

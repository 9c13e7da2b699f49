"""The way of a vehicle on the map: from its fixes and, where there is one, its odometer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy.interpolate import PchipInterpolator

from gprscan import names
from gprscan.errors import ParameterError
from gprscan.geometry import fusion, motion
from gprscan.geometry.clean import reachable
from gprscan.geometry.fixes import Fixes
from gprscan.geometry.track import along_track, averaged, build_track
from gprscan.model.findings import Finding

MOST_RETREAT = 20.0  # m that a vehicle may go back on its own way; further is no path over its odometer
LEAST_SIGMA_SHARE = 0.5  # of a fix's standard deviation stays
EACH_TRACE = 0.9  # with a fix at this share of the traces, someone has interpolated them already: taken as they are
LEAST_SPEED_SPREAD = 0.3  # m/s; at a steady speed a lag looks like a shift


@dataclass
class Vehicle:
    """Where the vehicle was at each trace.

    Attributes
    ----------
    x, y, sigma : ndarray, shape (trace,)
        m east and north and the standard deviation per axis; of the middle of the array where `direction` is known,
        else of the GNSS antenna.
    direction, sigma_direction : ndarray, shape (trace,), or None
        Radians from north to east.
    kept : ndarray of bool, shape (fix,)
        Fixes that were no outliers.
    findings, attrs
        What was noticed, and attributes of the line.
    gaps : list of Gap
        Where the road bends without fixes.
    scale : float
        Metres on the map per metre of the odometer.
    """

    x: np.ndarray
    y: np.ndarray
    sigma: np.ndarray
    direction: np.ndarray | None
    sigma_direction: np.ndarray | None
    kept: np.ndarray
    findings: list[Finding] = field(default_factory=list)
    attrs: dict[str, Any] = field(default_factory=dict)
    gaps: list[fusion.Gap] = field(default_factory=list)
    scale: float = 1.0


def follow(
    fixes: Fixes,
    x: np.ndarray,
    y: np.ndarray,
    n_traces: int,
    distance: np.ndarray | None,
    lever_arm: tuple[float, float],
    lag: float | None,
) -> Vehicle:
    """Find the way of a vehicle.

    Parameters
    ----------
    fixes : Fixes
        Usable fixes, traces strictly increasing.
    x, y : ndarray, shape (fix,)
        Their places in m east and north.
    n_traces : int
        Traces of the line.
    distance : ndarray, shape (trace,), optional
        By the odometer, m.
    lever_arm : (float, float)
        Middle of the array minus GNSS antenna in m: to the right, and forward.
    lag : float, optional
        Seconds by which the positions come late; estimated where it is None and times and speeds allow it.
    """
    sigma = fixes.sigmas()
    rolled = None if distance is None else odometer_path(distance)
    way = _way(fixes, rolled, x, y, n_traces)
    kept = reachable(x, y, sigma, way)
    findings = _outliers(fixes, ~kept)
    fixes, x, y, sigma = fixes.take(kept), x[kept], y[kept], sigma[kept]
    vehicle = None
    if len(fixes) >= EACH_TRACE * n_traces:
        track = build_track(fixes.trace, x, y, sigma, n_traces)
        vehicle = Vehicle(track.x, track.y, track.sigma, None, None, np.ones(x.size, dtype=bool))
    elif rolled is not None and len(fixes) >= 3:
        vehicle = _rolled(fixes, x, y, sigma, rolled, lever_arm, lag)
    elif lag:
        msg = f"a lag of {lag:g} s is given, but {fixes.source or 'the line'} has no odometer or too few fixes for it."
        raise ParameterError(msg + " Leave 'lag' out for this line.")
    if vehicle is None:
        vehicle = _smoothed(fixes, x, y, sigma, n_traces)
    # the errors of consecutive fixes are alike, and do not average out as far as independent ones would
    floor = LEAST_SIGMA_SHARE * np.interp(np.arange(n_traces), fixes.trace, sigma)
    vehicle.sigma = np.maximum(vehicle.sigma, floor)
    vehicle.findings = findings + vehicle.findings
    kept[kept] = vehicle.kept
    vehicle.kept = kept
    return vehicle


def odometer_path(distance: np.ndarray) -> np.ndarray | None:
    """Return distances that rise along the line, None where the odometer does not describe one path."""
    if not np.isfinite(distance).all():
        return None
    rising = distance if distance[-1] >= distance[0] else -distance
    reach = float(np.ptp(rising))
    retreat = float((np.maximum.accumulate(rising) - rising).max())
    return rising - rising[0] if reach > 1e-3 and retreat <= min(MOST_RETREAT, 0.2 * reach) else None


def _at_fixes(trace: np.ndarray, distance: np.ndarray) -> np.ndarray:
    """Return the distance at each fix; just beyond the ends the vehicle goes on as before."""
    n = distance.size
    inside = np.interp(trace, np.arange(n), distance)
    if n > 1:
        span = min(10, n - 1)
        inside += np.minimum(trace, 0) * (distance[span] - distance[0]) / span
        inside += np.maximum(trace - (n - 1), 0) * (distance[-1] - distance[-1 - span]) / span
    return inside


def _way(fixes: Fixes, distance: np.ndarray | None, x: np.ndarray, y: np.ndarray, n_traces: int) -> np.ndarray:
    """Return how far the vehicle can have come at each fix."""
    if distance is not None:
        way = _at_fixes(fixes.trace, distance)
        track = float(along_track(*averaged(np.stack([x, y]), 4 * float(np.median(fixes.sigmas()))))[-1])
        return way * max(1.0, min(2.0, track / max(float(np.ptp(way)), 1e-6)))
    step = np.hypot(np.diff(x), np.diff(y))
    interval = np.diff(fixes.trace)
    # twice the speed that nine in ten intervals do not exceed
    return np.append(0.0, np.cumsum(interval)) * 2 * float(np.quantile(step / interval, 0.9))


def _outliers(fixes: Fixes, bad: np.ndarray) -> list[Finding]:
    if not bad.any():
        return []
    traces = ", ".join(f"{t:.0f}" for t in fixes.trace[bad][:8]) + (", ..." if bad.sum() > 8 else "")
    evidence = f"{int(bad.sum())} of {bad.size} fixes, at traces {traces}"
    what = "Some fixes lie where the vehicle cannot have been."
    return [Finding("gnss-outliers", "warning", what, fixes.source, evidence, "They were left out.")]


def _rolled(
    fixes: Fixes,
    x: np.ndarray,
    y: np.ndarray,
    sigma: np.ndarray,
    distance: np.ndarray,
    lever_arm: tuple[float, float],
    lag: float | None,
) -> Vehicle | None:
    at = _at_fixes(fixes.trace, distance)
    counter = _counter(fixes, at)
    if lag and counter is None:
        msg = (
            f"a lag of {lag:g} s is given, but the fixes of {fixes.source or 'the line'} carry no times to apply it by."
        )
        raise ParameterError(msg + " Leave 'lag' out for this line.")
    earlier = None
    if counter is not None and lag is not None:
        at = counter(lag)[0]
    elif counter is not None and float(np.std(counter(0.0)[1])) >= LEAST_SPEED_SPREAD:
        earlier = counter
    scale = _rough_scale(at, x, y, sigma)
    try:
        path = fusion.roll(distance, at, x, y, sigma, earlier=earlier, lever_arm=lever_arm, scale=scale)
    except np.linalg.LinAlgError:
        return None
    if not (np.isfinite(path.x).all() and np.isfinite(path.sigma).all()):
        return None
    kept = path.misfit <= fusion.OUTLIER
    findings = _outliers(fixes, ~kept) + _lagging(fixes, path, earlier)
    findings += _scattered(fixes, path)
    return Vehicle(
        path.x,
        path.y,
        path.sigma,
        path.direction,
        path.sigma_direction,
        kept if kept.sum() >= 2 else np.ones_like(kept),
        findings,
        {names.ODOMETER_SCALE: round(path.scale, 6)},
        path.gaps,
        path.scale,
    )


def _counter(fixes: Fixes, at: np.ndarray) -> Callable[[float], tuple[np.ndarray, np.ndarray]] | None:
    """Return distance and speed by the odometer as functions of how long before each fix; None without times."""
    assert fixes.time is not None
    if len(fixes) < 10 or np.isnat(fixes.time).any():
        return None
    seconds = (fixes.time - fixes.time[0]).astype("float64") / 1e9
    if not (np.diff(seconds) > 0).all():
        return None
    # shape-preserving: a vehicle at rest between two fixes stays at rest
    way = PchipInterpolator(seconds, at)
    speed = way.derivative()
    first, last = float(seconds[0]), float(seconds[-1])

    def before(lag: float) -> tuple[np.ndarray, np.ndarray]:
        then = np.clip(seconds - lag, first, last)
        rate = speed(then)
        return way(then) + rate * (seconds - lag - then), rate

    return before


def _rough_scale(at: np.ndarray, x: np.ndarray, y: np.ndarray, sigma: np.ndarray) -> float:
    """Return metres on the map per metre of the odometer where they differ by far more than noise can, else 1."""
    noise = float(np.median(sigma))
    xs, ys, ds = averaged(np.stack([x, y, at]), spread=4 * noise)
    track, odometer = float(along_track(xs, ys)[-1]), float(ds[-1] - ds[0])
    if odometer <= 0 or abs(track - odometer) < max(0.02 * odometer, 8 * noise):
        return 1.0
    return float(np.clip(track / odometer, 0.01, 100))


def _lagging(
    fixes: Fixes, path: fusion.Rolled, earlier: Callable[[float], tuple[np.ndarray, np.ndarray]] | None
) -> list[Finding]:
    if earlier is None or abs(path.lag) < 4 * path.sigma_lag:
        return []
    if abs(path.lag) * float(np.quantile(earlier(0.0)[1], 0.9)) < 0.05:
        return []
    evidence = f"{path.lag:.3f} s, standard deviation {path.sigma_lag:.3f} s"
    what = "The positions lag behind the odometer." if path.lag > 0 else "The positions run ahead of the odometer."
    then = "Allowed for. Give 'lag' to fix it, or 'lag = 0' to leave it as it is."
    return [Finding("gnss-lag", "info", what, fixes.source, evidence, then)]


def _scattered(fixes: Fixes, path: fusion.Rolled) -> list[Finding]:
    if path.inflation < 2:
        return []
    evidence = f"{path.inflation:.1f} times the standard deviation that the receiver states or its quality stands for"
    what = "The fixes scatter more than they should."
    return [Finding("gnss-scatter", "warning", what, fixes.source, evidence, "position_sigma was raised accordingly.")]


def _smoothed(fixes: Fixes, x: np.ndarray, y: np.ndarray, sigma: np.ndarray, n_traces: int) -> Vehicle:
    wanted = np.arange(n_traces, dtype="float64")
    try:
        found = motion.smooth(fixes.trace, np.stack([x, y], axis=1), sigma, wanted)
        values, spread = found.values, found.sigma
    except np.linalg.LinAlgError:
        values = np.full((1, 2), np.nan)
    if not np.isfinite(values).all():
        track = build_track(fixes.trace, x, y, sigma, n_traces)
        values, spread = np.stack([track.x, track.y], axis=1), track.sigma
    return Vehicle(values[:, 0], values[:, 1], spread, None, None, np.ones(x.size, dtype=bool))

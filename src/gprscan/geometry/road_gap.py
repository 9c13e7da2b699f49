"""Gaps without fixes in which the road bends: along the centreline of the road, where the user named it."""

from __future__ import annotations

import dataclasses

import numpy as np
from scipy.interpolate import Akima1DInterpolator

from gprscan.geometry.centreline import Centreline
from gprscan.geometry.fusion import Gap
from gprscan.geometry.paths import Vehicle
from gprscan.model.findings import Finding

FARTHEST = 30.0  # m; a vehicle further from the centreline than this is not on that road
STEP = 0.25  # m between the points of the way that is laid along the road
LANE_SIGMA = 0.3  # m; how well a vehicle keeps its place across the road
LENGTH_SHARE = 0.01  # a way along the road that differs more from the odometer led elsewhere
LEAST_TOLERANCE = 2.0  # m, of that difference
TURN_SIGMA = 0.03  # rad


def close_gaps(vehicle: Vehicle, way: np.ndarray, road: Centreline | None, source: str) -> Vehicle:
    """Lay the way through each bent gap along the road; what stays a guess becomes a finding.

    Parameters
    ----------
    vehicle : Vehicle
        The way by odometer and fixes, with its gaps.
    way : ndarray, shape (trace,)
        Distance by the odometer, rising from 0, m.
    road : Centreline or None
        In the plane of the vehicle's x and y; None where the user named none.
    source : str
        File of the fixes.

    Notes
    -----
    The ends of a gap have a chainage and an offset each. Between them the vehicle follows the centreline (an Akima spline
    through its vertices), its offset goes evenly from the one to the other, and the length is stretched to the
    odometer's. Where the length does not fit, the vehicle took another road, and the guess stays.
    """
    closed, unsure = [], []
    for gap in vehicle.gaps:
        along = None if road is None else _along(vehicle, way, road, gap)
        if along is not None:
            vehicle = along
            closed.append(gap)
        elif not gap.told:
            unsure.append(gap)
    findings = list(vehicle.findings)
    if closed:
        what = "The way through gaps without fixes was laid along the centreline of the road."
        then = "It holds if the vehicle kept its lane; position_sigma says how well."
        findings.append(Finding("gnss-gap-along-road", "info", what, source, _named(closed), then))
    if unsure:
        what = "There are gaps without fixes in which the road bends more than once."
        then = "The path there is a guess within position_sigma. Give the 'centreline' of the road, or an external 'track'."
        findings.append(Finding("gnss-gap-bent", "warning", what, source, _named(unsure), then))
    return dataclasses.replace(vehicle, findings=findings)


def _named(gaps: list[Gap]) -> str:
    shown = "; ".join(f"{gap.start:.0f} to {gap.end:.0f} m" for gap in gaps[:5])
    return f"odometer {shown}" + ("; ..." if len(gaps) > 5 else "")


def _along(vehicle: Vehicle, way: np.ndarray, road: Centreline, gap: Gap) -> Vehicle | None:
    """Return the vehicle with its way in one gap along the road, None where it did not follow the road there."""
    inside = np.flatnonzero((way > gap.start) & (way < gap.end))
    if inside.size < 2:
        return None
    ends = np.clip([inside[0] - 1, inside[-1] + 1], 0, way.size - 1)
    places = np.stack([vehicle.x[ends], vehicle.y[ends]], axis=1)
    chainage, offset = road.locate(places[:, 0], places[:, 1])
    if np.abs(offset).max() > FARTHEST or abs(np.diff(chainage)[0]) < STEP:
        return None
    path = _beside(road, chainage, offset)
    share = np.linspace(0, 1, path.shape[0])[:, None]
    path = path + (1 - share) * (places[0] - path[0]) + share * (places[1] - path[-1])
    length = np.append(0.0, np.cumsum(np.hypot(*np.diff(path, axis=0).T)))
    driven = float(np.diff(way[ends])[0]) * vehicle.scale
    if abs(length[-1] - driven) > max(LEAST_TOLERANCE, LENGTH_SHARE * driven):
        return None
    u = (way[inside] - way[ends[0]]) / np.diff(way[ends])[0]
    out = dataclasses.replace(vehicle, x=vehicle.x.copy(), y=vehicle.y.copy(), sigma=vehicle.sigma.copy())
    out.x[inside], out.y[inside] = (np.interp(u * length[-1], length, axis) for axis in path.T)
    # certain at the ends, least certain in the middle, as a random walk that is tied at both
    bridge = 2 * np.sqrt(u * (1 - u))
    out.sigma[inside] = np.hypot(np.interp(u, [0, 1], vehicle.sigma[ends]), LANE_SIGMA * bridge)
    if vehicle.direction is not None and vehicle.sigma_direction is not None:
        step = np.diff(path, axis=0)
        angle = np.unwrap(np.arctan2(step[:, 0], step[:, 1]))
        turns = np.round((vehicle.direction[ends[0]] - angle[0]) / (2 * np.pi)) * 2 * np.pi
        out.direction, out.sigma_direction = vehicle.direction.copy(), vehicle.sigma_direction.copy()
        out.direction[inside] = np.interp(u * length[-1], 0.5 * (length[1:] + length[:-1]), angle + turns)
        out.sigma_direction[inside] = TURN_SIGMA
    return out


def _beside(road: Centreline, chainage: np.ndarray, offset: np.ndarray) -> np.ndarray:
    """Return points beside the road from one chainage and offset to another, shape (point, 2)."""
    rising = np.argsort(road.chainage)
    at, vertices = road.chainage[rising], np.stack([road.x, road.y], axis=1)[rising]
    where = np.linspace(chainage[0], chainage[1], max(int(abs(np.diff(chainage)[0]) / STEP), 8))
    inner = np.clip(where, at[0], at[-1])
    if at.size < 3:
        centre = np.stack([np.interp(inner, at, axis) for axis in vertices.T], axis=1)
        ahead = np.broadcast_to(vertices[-1] - vertices[0], centre.shape)
    else:
        curve = Akima1DInterpolator(at, vertices)
        centre, ahead = curve(inner), curve(inner, nu=1)
    ahead = ahead / np.maximum(np.hypot(*ahead.T), 1e-12)[:, None]
    right = np.stack([ahead[:, 1], -ahead[:, 0]], axis=1)
    return centre + (where - inner)[:, None] * ahead + np.linspace(offset[0], offset[1], where.size)[:, None] * right

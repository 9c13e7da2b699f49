"""Travel times from an antenna inside a pipe through the gap and the wall into the ground, along the axis and round it.

Both are shot as fans of rays: each ray crosses the gap (air), the wall and the ground with Snell's law at the two faces,
so that distance and time follow in closed form from its ray parameter, and times at given distances by interpolation.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from gprscan.units import C_AIR

_RAYS = 400
_FAN = 90  # rays of each of the two families between which times off the plane of a line are interpolated


@dataclass(frozen=True)
class PipeModel:
    """Gap, wall and ground as an antenna in a pipe sees them.

    Attributes
    ----------
    standoff : float
        Antenna to inner wall surface, m.
    wall : float
        Wall thickness, m.
    wall_permittivity, ground_permittivity : float
        Relative permittivities.
    radius : float
        Inner radius of the pipe, m.
    separation : float
        Transmitter-receiver distance, m: along the axis on an axial line, round the axis on a ring.
    """

    standoff: float
    wall: float
    wall_permittivity: float
    ground_permittivity: float
    radius: float
    separation: float

    def with_wall(self, wall: float, permittivity: float) -> PipeModel:
        """Return the model with another wall."""
        return replace(self, wall=wall, wall_permittivity=permittivity)

    def layers(self, depth: float) -> tuple[np.ndarray, np.ndarray]:
        """Return thickness (m) and refractive index of what lies between the antenna and a depth outside the inner wall."""
        thick = np.array([self.standoff, min(depth, self.wall), max(depth - self.wall, 0.0)])
        index = np.sqrt(np.array([1.0, self.wall_permittivity, self.ground_permittivity]))
        return thick, index


def axial_time(model: PipeModel, depth: float, distance: np.ndarray) -> np.ndarray:
    """Return the one-way time in ns from an antenna to points at distances along the axis, through plane layers.

    Parameters
    ----------
    model : PipeModel
        The pipe.
    depth : float
        Of the points, outward from the inner wall surface, m.
    distance : ndarray
        Along the axis between antenna and point, m.
    """
    thick, index = model.layers(depth)
    keep = thick > 0
    thick, index = thick[keep], index[keep]
    if thick.size == 0:
        return np.abs(distance) / C_AIR
    # sines of the angle in the fastest layer, dense near grazing
    p = np.sin(0.5 * np.pi * np.sin(np.linspace(0, 0.5 * np.pi, _RAYS)[:-1])) * index.min()
    cos = np.sqrt(index**2 - p[:, None] ** 2)
    reach = (thick * p[:, None] / cos).sum(axis=1)
    time = (thick * index**2 / cos).sum(axis=1) / C_AIR
    return _interpolated(np.abs(distance), reach, time, p[-1] / C_AIR)


def ring_time(model: PipeModel, depth: float, angle: np.ndarray) -> np.ndarray:
    """Return the one-way time in ns from an antenna to points at angles round the axis, through circular layers.

    Without refraction (all indices 1) it is ``L / c`` with ``L^2 = R^2 + r^2 - 2 R r cos(phi - theta)``. With layers, the
    ray parameter ``p = n r sin(i)`` is the same all along a ray (Bouguer's law): in a layer from r1 to r2 a ray covers
    ``sqrt(r2^2 - q^2) - sqrt(r1^2 - q^2)`` and turns by ``arccos(q / r2) - arccos(q / r1)``, with ``q = p / n``.

    Parameters
    ----------
    model : PipeModel
        The pipe.
    depth : float
        Of the points, outward from the inner wall surface, m.
    angle : ndarray
        Between antenna and point as seen from the axis, radians.
    """
    thick, index = model.layers(depth)
    keep = thick > 0
    inner = model.radius - model.standoff
    edges = inner + np.concatenate([[0.0], np.cumsum(thick[keep])])
    index = index[keep]
    if index.size == 0:
        return 2 * inner * np.abs(np.sin(0.5 * angle)) / C_AIR
    limit = float((index * edges[:-1]).min())
    p = limit * np.sin(0.5 * np.pi * np.sin(np.linspace(0, 0.5 * np.pi, _RAYS)[:-1]))
    q = p[:, None] / index
    low, high = np.sqrt(edges[:-1] ** 2 - q**2), np.sqrt(edges[1:] ** 2 - q**2)
    turned = (np.arccos(q / edges[1:]) - np.arccos(q / edges[:-1])).sum(axis=1)
    time = (index * (high - low)).sum(axis=1) / C_AIR
    return _interpolated(np.abs(angle), turned, time, p[-1] / C_AIR)


def point_times(model: PipeModel, depth: float, along: np.ndarray, turn: np.ndarray) -> np.ndarray:
    """Return the one-way times in ns from an antenna to points both along the axis and round it, through circular layers.

    A ray keeps two constants: its slowness along the axis, ``a = n sin(i)``, and Bouguer's ``p`` round it. In a layer the
    cross-section of the ray is that of `ring_time` in a medium of index ``m = sqrt(n^2 - a^2)``; with its length ``l`` there, it goes
    ``a l / m`` along the axis and takes ``n^2 l / (m c)``. `axial_time` and `ring_time` are the two rims of this table.

    Parameters
    ----------
    model : PipeModel
        The pipe.
    depth : float
        Of the points, outward from the inner wall surface, m; more than 0.
    along : ndarray, shape (a,)
        Between antenna and point along the axis, m.
    turn : ndarray, shape (t,)
        Between antenna and point as seen from the axis, radians.

    Returns
    -------
    ndarray, shape (a, t)
        NaN where no ray goes: beyond the horizon of the innermost layer.
    """
    thick, index = model.layers(depth)
    keep = thick > 0
    index = index[keep]
    edges = model.radius - model.standoff + np.concatenate([[0.0], np.cumsum(thick[keep])])
    grazing = np.sin(0.5 * np.pi * np.sin(np.linspace(0, 0.5 * np.pi, _FAN)[:-1]))
    slow = index.min() * grazing
    cross = np.sqrt(index**2 - slow[:, None] ** 2)
    p = (cross * edges[:-1]).min(axis=1)[:, None] * grazing
    q = p[..., None] / cross[:, None, :]
    length = np.sqrt(edges[1:] ** 2 - q**2) - np.sqrt(edges[:-1] ** 2 - q**2)
    turned = (np.arccos(q / edges[1:]) - np.arccos(q / edges[:-1])).sum(axis=-1)
    reach = (slow[:, None, None] * length / cross[:, None, :]).sum(axis=-1)
    time = (index**2 * length / cross[:, None, :]).sum(axis=-1) / C_AIR
    # first, on each row of one axial slowness, to the angles asked for; then, at each angle, to the distances
    square = np.asarray(turn, dtype="float64") ** 2
    rows = [np.interp(square, angle**2, t**2, right=np.nan) for angle, t in zip(turned, time, strict=True)]
    times = np.sqrt(np.stack(rows))
    far = np.stack([np.interp(square, angle**2, x, right=np.nan) for angle, x in zip(turned, reach, strict=True)])
    out = np.full((np.size(along), square.size), np.nan)
    for column in range(square.size):
        seen = np.isfinite(times[:, column])
        if seen.sum() > 1:
            known, t = far[seen, column] ** 2, times[seen, column] ** 2
            out[:, column] = np.sqrt(np.interp(np.asarray(along) ** 2, known, t, right=np.nan))
    return out


def _interpolated(at: np.ndarray, reach: np.ndarray, time: np.ndarray, slope: float) -> np.ndarray:
    """Return times by linear interpolation of t over x^2 (exact for one layer near the apex); grazing rays go on straight."""
    inside = np.sqrt(np.interp(at**2, reach**2, time**2))
    return np.where(at <= reach[-1], inside, time[-1] + slope * (at - reach[-1]))


def two_way(model: PipeModel, depth: float, along: np.ndarray, *, ring: bool) -> np.ndarray:
    """Return the two-way time in ns from transmitter to a point and back to the receiver.

    Parameters
    ----------
    model : PipeModel
        The pipe.
    depth : float
        Outward from the inner wall surface, m.
    along : ndarray
        From the antennas' midpoint to the point: m along the axis, or radians round it.
    ring : bool
        Whether the antenna goes round.
    """
    if ring:
        half = 0.5 * model.separation / (model.radius - model.standoff)
        return ring_time(model, depth, along - half) + ring_time(model, depth, along + half)
    half = 0.5 * model.separation
    return axial_time(model, depth, along - half) + axial_time(model, depth, along + half)

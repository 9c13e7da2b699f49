"""From chainage, clock angle and distance outside the wall to a place on the map, and back, with its uncertainty."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from gprscan.errors import ParameterError
from gprscan.geometry.pipe_shape import BoreShape


@dataclass(frozen=True)
class PipeFrame:
    """A pipe on the map.

    Chainage grows from the first node of the centreline to the last, along the slope. Clock angles are degrees from the
    crown, clockwise looking with increasing chainage.

    Attributes
    ----------
    nodes : tuple of (x, y, z)
        The invert (lowest point of the bore) at the manholes and bends, east, north and elevation in m.
    shape : BoreShape
        The bore.
    node_sigma : float
        Standard deviation of each coordinate of the nodes, m.
    chainage_sigma : float
        Largest standard deviation of the chainage, half-way between two points where it is tied, m.
    tied : bool
        Whether the odometer was closed on the far manhole; if not, the error grows with the chainage.
    roll_sigma : float
        Standard deviation of the clock angle, degrees.
    """

    nodes: tuple[tuple[float, float, float], ...]
    shape: BoreShape
    node_sigma: float = 0.05
    chainage_sigma: float = 0.05
    tied: bool = True
    roll_sigma: float = 2.0
    _legs: np.ndarray = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        points = np.asarray(self.nodes, dtype="float64")
        if points.ndim != 2 or points.shape[1:] != (3,) or len(points) < 2 or not np.isfinite(points).all():
            msg = f"a pipe needs two or more nodes (x, y, z of the invert), got an array of shape {points.shape}."
            raise ParameterError(msg)
        legs = np.linalg.norm(np.diff(points, axis=0), axis=1)
        level = np.linalg.norm(np.diff(points[:, :2], axis=0), axis=1)
        if (legs <= 0).any() or (level < 1e-6 * legs).any():
            msg = "two successive nodes of the pipe are the same point, or lie above each other; a clock angle needs a run."
            raise ParameterError(msg)
        object.__setattr__(self, "_legs", legs)

    @property
    def length(self) -> float:
        """Length along the slope, m."""
        return float(self._legs.sum())

    def axes(self, chainage: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Return invert points and unit vectors along, to the right and to the crown at chainages; shape (..., 3) each.

        Before the first node and beyond the last, the end legs go on straight.
        """
        s = np.asarray(chainage, dtype="float64")
        points = np.asarray(self.nodes, dtype="float64")
        starts = np.concatenate([[0.0], np.cumsum(self._legs)])
        leg = np.clip(np.searchsorted(starts, s, side="right") - 1, 0, len(self._legs) - 1)
        along = (np.diff(points, axis=0) / self._legs[:, None])[leg]
        invert = points[leg] + (s - starts[leg])[..., None] * along
        level = np.hypot(along[..., 0], along[..., 1])
        right = np.stack([along[..., 1] / level, -along[..., 0] / level, np.zeros_like(level)], axis=-1)
        return invert, along, right, np.cross(right, along)

    def locate(self, chainage: Any, clock: Any, outside: Any) -> np.ndarray:
        """Return the place of samples on the map.

        ``P = invert(s) + H/2 n + wall(clock) + d normal(clock)``, for a round bore ``axis(s) + (R + d)(cos a n + sin a r)``.

        Parameters
        ----------
        chainage, clock, outside : array_like
            Chainage in m, clock angle in degrees, distance outward from the inner wall surface in m; broadcast together.

        Returns
        -------
        ndarray, shape (..., 3)
            x (east), y (north), z (elevation) in m.
        """
        s, a, d = np.broadcast_arrays(np.asarray(chainage, float), np.asarray(clock, float), np.asarray(outside, float))
        invert, _, right, up = self.axes(s)
        wall, normal = self.shape.wall(a)
        section = wall + d[..., None] * normal
        return invert + section[..., :1] * right + (section[..., 1:] + 0.5 * self.shape.height) * up

    def find(self, place: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return chainage (m), clock angle (degrees) and distance outside the inner wall (m) of places on the map.

        The inverse of `locate`, for points outside of the bore; at a bend, of the leg whose axis is nearest.

        Parameters
        ----------
        place : array_like, shape (..., 3)
            x, y, z in m.
        """
        p = np.asarray(place, dtype="float64")
        starts = np.concatenate([[0.0], np.cumsum(self._legs)])
        best = np.full(p.shape[:-1], np.inf)
        out = [np.zeros(p.shape[:-1]) for _ in range(3)]
        for leg, length in enumerate(self._legs):
            invert, along, right, up = self.axes(np.array(starts[leg] + 0.5 * length))
            arm = p - invert - 0.5 * self.shape.height * up
            s = arm @ along
            low = -np.inf if leg == 0 else -0.5 * length
            high = np.inf if leg == len(self._legs) - 1 else 0.5 * length
            beyond = s - np.clip(s, low, high)
            clock, outside = self.shape.nearest(np.stack([arm @ right, arm @ up], axis=-1))
            off = np.hypot(outside, beyond)
            nearer = off < best
            best = np.where(nearer, off, best)
            values = (starts[leg] + 0.5 * length + s, clock, outside)
            out = [np.where(nearer, new, old) for new, old in zip(values, out, strict=True)]
        return out[0], out[1], out[2]

    def sigma(self, chainage: Any, clock: Any, outside: Any, radial_sigma: Any = 0.0) -> np.ndarray:
        """Return the standard deviations of x, y and z of samples, shape (..., 3), m.

        The errors of the manholes, of the chainage between them, of the clock angle times the radius and of the radial
        depth add as variances. The chainage error of a closed odometer vanishes at the two manholes and is largest in
        the middle, as the variance s(L - s) of a random walk tied at both ends; of an open one it grows as sqrt(s).
        """
        s, a, d, q = np.broadcast_arrays(
            *(np.asarray(v, dtype="float64") for v in (chainage, clock, outside, radial_sigma))
        )
        part = np.clip(s / self.length, 0.0, 1.0)
        share = 2 * np.sqrt(part * (1 - part)) if self.tied else np.sqrt(part)
        _, along, right, up = self.axes(s)
        wall, normal = self.shape.wall(a)
        radius = np.linalg.norm(wall + d[..., None] * normal, axis=-1)
        outward = normal[..., :1] * right + normal[..., 1:] * up
        around = normal[..., 1:] * right - normal[..., :1] * up
        variance = (
            self.node_sigma**2
            + (self.chainage_sigma * share)[..., None] ** 2 * along**2
            + (math.radians(self.roll_sigma) * radius)[..., None] ** 2 * around**2
            + q[..., None] ** 2 * outward**2
        )
        return np.sqrt(variance)

    def as_dict(self) -> dict[str, Any]:
        """Return the frame as JSON can hold it."""
        shape = asdict(self.shape)
        numbers = {k: getattr(self, k) for k in ("node_sigma", "chainage_sigma", "tied", "roll_sigma")}
        return {"nodes": [list(node) for node in self.nodes], "shape": shape, **numbers}

    @classmethod
    def from_dict(cls, stored: dict[str, Any]) -> PipeFrame:
        """Return the frame that `as_dict` stored."""
        rest = {k: v for k, v in stored.items() if k not in ("nodes", "shape")}
        return cls(tuple(tuple(node) for node in stored["nodes"]), BoreShape(**stored["shape"]), **rest)


def mirrored(clock: Any) -> np.ndarray:
    """Return clock angles as seen looking the other way along the pipe: left and right change places."""
    return np.mod(-np.asarray(clock, dtype="float64"), 360.0)


@dataclass(frozen=True)
class Closure:
    """An odometer closed on a known length.

    Attributes
    ----------
    travelled : numpy.ndarray
        Distance from the start manhole along the pipe, m, after closing.
    misclosure : float or None
        Odometer minus known length before closing, m; None where the reading at the far manhole is not known.
    """

    travelled: np.ndarray
    misclosure: float | None


def close_odometer(
    readings: Sequence[float] | np.ndarray,
    length: float,
    *,
    zero: float = 0.0,
    scale: float = 1.0,
    slack: float = 0.0,
    at_end: float | None = None,
) -> Closure:
    """Turn odometer or cable-counter readings into the distance travelled from the start manhole.

    Parameters
    ----------
    readings : array_like
        As recorded, m.
    length : float
        Surveyed length between the manholes along the pipe, m.
    zero, at_end : float
        Reading at the start manhole and, where noted, at the far one.
    scale : float
        True metres per metre of the counter.
    slack : float
        Cable that had run out before the carriage moved, m (true metres).

    Raises
    ------
    ParameterError
        If the two readings do not tell the manholes apart.
    """
    raw = (np.asarray(readings, dtype="float64") - zero) * scale - slack
    if at_end is None:
        return Closure(raw, None)
    span = (at_end - zero) * scale - slack
    if not span > 0.5 * length:
        msg = (
            f"the odometer runs from {zero:g} m to {at_end:g} m ({span:g} m after scale and slack), but the manholes are "
            f"{length:.2f} m apart; give odometer_zero and odometer_end as the counter showed them at the two manholes."
        )
        raise ParameterError(msg)
    return Closure(raw * length / span, float(span - length))

"""Cross-sections of a bore: round, egg and box; where the wall is at a clock angle, and the clock angle of a point.

In the section, `right` points to the right and `up` to the crown, looking with increasing chainage; the origin is the
middle of the height. A sample lies on the normal of the wall, since the antenna looks across the wall it rests on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

ShapeName = Literal["round", "egg", "box"]
FLAT = 500.0  # m, the radius that a plane wall is given where a formula wants one


@dataclass(frozen=True)
class BoreShape:
    """A bore.

    Attributes
    ----------
    kind : {"round", "egg", "box"}
        An egg stands on its narrow end: crown radius half the width, invert radius a quarter of it.
    width, height : float
        Clear width and height in m; equal for a round bore. An egg is higher than wide.
    """

    kind: ShapeName
    width: float
    height: float

    def __post_init__(self) -> None:
        if not (self.width > 0 and self.height > 0):
            msg = f"a bore of {self.width} m by {self.height} m is no bore; both must be positive."
            raise ValueError(msg)
        if self.kind == "round" and self.width != self.height:
            msg = "a round bore has one diameter; give an egg or a box where width and height differ."
            raise ValueError(msg)
        if self.kind == "egg" and self.height <= self.width:
            msg = f"an egg is higher ({self.height} m) than wide ({self.width} m); 2 : 3 is usual."
            raise ValueError(msg)

    def _egg(self) -> tuple[float, float, float, float, float]:
        """Crown radius, invert radius, depth of the invert centre below the crown centre, side radius, crown centre."""
        crown = 0.5 * self.width
        foot = 0.5 * crown
        drop = self.height - crown - foot
        # the side arc touches crown and invert arcs from inside: (S - crown)^2 + drop^2 = (S - foot)^2
        side = (crown**2 + drop**2 - foot**2) / (2 * (crown - foot))
        return crown, foot, drop, side, 0.5 * self.height - crown

    def wall(self, clock: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the points of the inner wall at clock angles and the outward normals there.

        Parameters
        ----------
        clock : ndarray
            Degrees from the crown, clockwise.

        Returns
        -------
        points, normals : ndarray, shape (..., 2)
            (right, up) in m, and unit vectors.
        """
        angle = np.deg2rad(np.asarray(clock, dtype="float64"))
        ray = np.stack([np.sin(angle), np.cos(angle)], axis=-1)
        if self.kind == "round":
            return 0.5 * self.width * ray, ray
        if self.kind == "box":
            half = 0.5 * np.array([self.width, self.height])
            reach = half / np.maximum(np.abs(ray), 1e-300)
            points = ray * reach.min(axis=-1, keepdims=True)
            side = (reach[..., 0] <= reach[..., 1])[..., None]
            normals = np.where(side, np.array([1.0, 0.0]), np.array([0.0, 1.0])) * np.sign(ray)
            return points, normals
        return self._egg_wall(ray)

    def along_wall(self, clock: np.ndarray) -> np.ndarray:
        """Return how far round the inner wall clock angles lie, m clockwise from the crown; grows on past 360 degrees."""
        angle = np.asarray(clock, dtype="float64")
        if self.kind == "round":
            return np.deg2rad(angle) * 0.5 * self.width
        fine = np.linspace(0.0, 360.0, 3601)
        steps = np.linalg.norm(np.diff(self.wall(fine)[0], axis=0), axis=1)
        way = np.concatenate([[0.0], np.cumsum(steps)])
        turns = np.floor(angle / 360.0)
        return np.interp(angle - 360.0 * turns, fine, way) + turns * way[-1]

    def arc(self, first: float, last: float, outside: float) -> float:
        """Return the length in m between two clock angles (degrees) along the wall moved outward by `outside` m."""
        low, high = self.along_wall(np.array([first, last]))
        radius = float(self.radius_of_curvature(np.array(0.5 * (first + last))))
        return float((high - low) * (1.0 + outside / radius))

    def across(self, clock: np.ndarray) -> np.ndarray:
        """Return the way through the bore from the wall at clock angles to the nearest wall within 25 degrees of its inward normal, m."""
        points, normals = self.wall(np.asarray(clock, dtype="float64"))
        other = self.wall(np.arange(0.0, 360.0, 2.0))[0]
        way = other - points[..., None, :]
        length = np.linalg.norm(way, axis=-1)
        facing = -(way * normals[..., None, :]).sum(axis=-1) > np.cos(np.deg2rad(25.0)) * length
        return np.where(facing & (length > 0.0), length, np.inf).min(axis=-1)

    def radius_of_curvature(self, clock: np.ndarray) -> np.ndarray:
        """Return the radius in m of the arc that the inner wall is at clock angles; `FLAT` where it is a plane."""
        angle = np.asarray(clock, dtype="float64")
        if self.kind == "round":
            return np.full(angle.shape, 0.5 * self.width)
        if self.kind == "box":
            return np.full(angle.shape, FLAT)
        ends = [self.wall(angle + side) for side in (-0.05, 0.05)]
        moved, turned = (np.linalg.norm(ends[1][k] - ends[0][k], axis=-1) for k in (0, 1))
        return np.minimum(moved / np.maximum(turned, 1e-12), FLAT)

    def _egg_wall(self, ray: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        crown, foot, drop, side, up = self._egg()
        best = np.full(ray.shape[:-1], np.inf)
        points, normals = np.zeros_like(ray), np.zeros_like(ray)
        arcs = [(0.0, up, crown), (0.0, up - drop, foot), (crown - side, up, side), (side - crown, up, side)]
        for cx, cy, radius in arcs:
            centre = np.array([cx, cy])
            along = ray @ centre
            reach = along + np.sqrt(np.maximum(along**2 - centre @ centre + radius**2, 0.0))
            # the bore is where all four discs overlap above and below: the nearest exit that is on the outline counts
            point = ray * reach[..., None]
            off = np.linalg.norm(point - self._egg_nearest(point)[0], axis=-1)
            better = (off < 1e-9) & (reach < best)
            best = np.where(better, reach, best)
            points = np.where(better[..., None], point, points)
            normals = np.where(better[..., None], (point - centre) / radius, normals)
        return points, normals

    def _egg_nearest(self, point: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        crown, foot, drop, side, up = self._egg()
        right, y = np.abs(point[..., 0]), point[..., 1] - up
        # a normal of the side arc starts at (crown - side, 0) and reaches down to where the invert arc takes over
        lowest = -drop / (side - crown)
        on_crown = y >= 0
        on_foot = ~on_crown & (y < lowest * (right + side - crown))
        cx = np.where(on_crown | on_foot, 0.0, crown - side)
        cy = np.where(on_foot, -drop, 0.0)
        radius = np.where(on_crown, crown, np.where(on_foot, foot, side))
        arm = np.stack([right - cx, y - cy], axis=-1)
        normal = arm / np.linalg.norm(arm, axis=-1, keepdims=True)
        nearest = np.stack([cx, cy + up], axis=-1) + radius[..., None] * normal
        sign = np.stack([np.where(point[..., 0] < 0, -1.0, 1.0), np.ones_like(y)], axis=-1)
        return nearest * sign, normal * sign

    def nearest(self, point: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return clock angle (degrees) and distance outside the inner wall (m) of points outside of the bore.

        Parameters
        ----------
        point : ndarray, shape (..., 2)
            (right, up) from the middle of the bore, m.
        """
        point = np.asarray(point, dtype="float64")
        if self.kind == "round":
            distance = np.linalg.norm(point, axis=-1) - 0.5 * self.width
            foot = point
        else:
            if self.kind == "box":
                half = 0.5 * np.array([self.width, self.height])
                foot = np.clip(point, -half, half)
            else:
                foot = self._egg_nearest(point)[0]
            distance = np.linalg.norm(point - foot, axis=-1)
        return np.mod(np.rad2deg(np.arctan2(foot[..., 0], foot[..., 1])), 360.0), distance

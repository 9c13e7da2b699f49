"""The frame of a wall or a slope: u along, w up the face, n into it, tied to the map by control points; any dip."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from gprscan.errors import ParameterError

LEAST_SPREAD = 0.3  # m that control points must spread across their longest line


@dataclass(frozen=True)
class WallFrame:
    """A plane frame.

    Attributes
    ----------
    origin : ndarray, shape (3,)
        Where u = w = n = 0, m east, north and up.
    along, up, into : ndarray, shape (3,)
        Unit vectors: to the right and up as seen by someone who looks at the face, and away from them into the wall.
    residuals : ndarray, shape (point, 3)
        Surveyed less computed control points, m east, north and up.
    sigma : float
        Standard deviation of a control point per axis, m: stated, or what the residuals say if that is more.
    design : ndarray, shape (point, 3)
        Rows ``1, u, w`` of the control points, for the uncertainty of places between and beyond them.
    """

    origin: np.ndarray
    along: np.ndarray
    up: np.ndarray
    into: np.ndarray
    residuals: np.ndarray
    sigma: float
    design: np.ndarray

    @classmethod
    def fit(cls, u: Any, w: Any, places: Any, sigma: float = 0.02, inside: Any = None) -> WallFrame:
        """Fit a frame to control points.

        Parameters
        ----------
        u, w : array_like, shape (point,)
            Places of three or more control points on the face, m.
        places : array_like, shape (point, 3)
            The same on the map, m east, north and up.
        sigma : float
            Standard deviation of their coordinates per axis, m.
        inside : (float, float), optional
            A place on the map behind the face, east and north: checks that u runs to the right.

        Raises
        ------
        ParameterError
            If there are fewer than three, if they lie on one line, or if `inside` is in front of the face.

        Notes
        -----
        The rotation is that of Kabsch (1976), Acta Cryst. A32, 922: singular vectors of the covariance of both sets.
        """
        flat = np.stack([np.asarray(u, "float64"), np.asarray(w, "float64"), np.zeros(np.size(u))], axis=1)
        points = np.asarray(places, dtype="float64").reshape(-1, 3)
        if flat.shape != points.shape or len(flat) < 3:
            msg = f"a wall needs three control points at least, each with u, w and x, y, z; {len(flat)} are given."
            raise ParameterError(msg)
        middle, centre = flat.mean(axis=0), points.mean(axis=0)
        for what, cloud in (("u, w", flat - middle), ("x, y, z", points - centre)):
            spread = np.linalg.svd(cloud, compute_uv=False)[1] / np.sqrt(len(cloud))
            if spread < LEAST_SPREAD / 2:
                msg = f"the control points lie on one line by their {what} (spread across it {spread:.2f} m); add one off it."
                raise ParameterError(msg)
        left, _, right = np.linalg.svd((flat - middle).T @ (points - centre))
        turn = np.diag([1.0, 1.0, np.sign(np.linalg.det(left @ right))])
        axes = left @ turn @ right  # rows: where u, w and u x w point to on the map
        frame_origin = centre - middle @ axes
        residuals = points - (frame_origin + flat @ axes)
        free = 3 * len(points) - 6
        seen = float(np.sqrt((residuals**2).sum() / free)) if free else 0.0
        design = np.column_stack([np.ones(len(flat)), flat[:, :2]])
        frame = cls(frame_origin, axes[0], axes[1], -axes[2], residuals, max(sigma, seen), design)
        if inside is not None:
            depth = (np.append(np.asarray(inside, "float64"), centre[2]) - centre) @ frame.into
            if depth <= 0:
                msg = f"'inside' lies {-depth:.2f} m in front of the face. u must run to the right for who looks at it."
                raise ParameterError(msg)
        return frame

    @property
    def dip(self) -> float:
        """Angle between the face and the horizontal, degrees; 90 for a vertical wall, more where it overhangs."""
        return float(np.degrees(np.arctan2(np.hypot(*self.into[:2]), -self.into[2])))

    def to_map(self, u: Any, w: Any, n: Any = 0.0) -> np.ndarray:
        """Return places on the map, m east, north and up, shape (..., 3), of places on or in the wall."""
        u, w, n = (np.asarray(v, dtype="float64")[..., None] for v in (u, w, n))
        return self.origin + u * self.along + w * self.up + n * self.into

    def from_map(self, places: Any) -> np.ndarray:
        """Return u, w, n in m, shape (..., 3), of places on the map."""
        away = np.asarray(places, dtype="float64") - self.origin
        return np.stack([away @ self.along, away @ self.up, away @ self.into], axis=-1)

    def sigma_at(self, u: Any, w: Any) -> np.ndarray:
        """Return the standard deviation per axis, m, that the control points leave at places on the face."""
        u, w = np.broadcast_arrays(np.asarray(u, "float64"), np.asarray(w, "float64"))
        rows = np.stack([np.ones(u.shape), u, w], axis=-1)
        inverse = np.linalg.inv(self.design.T @ self.design)
        return self.sigma * np.sqrt(np.einsum("...i,ij,...j->...", rows, inverse, rows))

"""The travel-time curve of a buried body, and its fit to picked times."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import least_squares

from gprscan.errors import ParameterError
from gprscan.kernels.traveltime import two_way_jacobian, two_way_times
from gprscan.units import C_AIR


def diffraction_times(
    x: Any,
    depth: float,
    velocity: float,
    *,
    separation: float = 0.0,
    height: float = 0.0,
    radius: float = 0.0,
    crossing: float = 90.0,
) -> np.ndarray:
    """Return the two-way times (ns) of a point or of a cylinder that the line crosses.

    Parameters
    ----------
    x : array_like, shape (n,)
        Position of the middle of the antenna pair minus that of the body, m.
    depth : float
        Depth of its top below the ground, m.
    velocity : float
        Velocity in the ground, m/ns.
    separation : float
        Transmitter-receiver distance along the line, m.
    height : float
        Height of the antennas above the ground, m; rays refract at the ground.
    radius : float
        Radius of the cylinder in m; 0 is a point, or a thin wire.
    crossing : float
        Angle between the line and a cylinder or wire in degrees, above 0; 90 is straight across. In the plane across the
        cylinder, distances are shorter by its sine, and the part of the separation along it adds as in a mirror,
        ``t^2 = t_across^2 + (s cos / v)^2``: exact for antennas on the ground over a wire.

    Raises
    ------
    ParameterError
        If `crossing` is not above 0 and at most 90.

    Examples
    --------
    >>> diffraction_times([0.0, 0.75], 1.0, 0.1).tolist()
    [20.0, 25.0]
    """
    positions = np.atleast_1d(np.asarray(x, dtype="float64"))
    if not 0 < crossing <= 90:
        msg = f"crossing is {crossing} degrees; it must be above 0 and at most 90, which is straight across."
        raise ParameterError(msg)
    across, along = np.sin(np.radians(crossing)), np.cos(np.radians(crossing))
    apart = float(separation) * across
    times = two_way_times(positions * across, float(depth), float(velocity), apart, float(height), float(radius))
    return times if crossing == 90 else np.hypot(times, separation * along / velocity)


@dataclass(frozen=True)
class HyperbolaFit:
    """A point below the line that explains picked times.

    Attributes
    ----------
    position, depth, velocity : float
        Along the line (m), below the ground (m), and in the ground (m/ns).
    covariance : ndarray, shape (3, 3)
        Of the three, scaled by the residuals.
    rms : float
        Root mean square of the residuals, ns.
    """

    position: float
    depth: float
    velocity: float
    covariance: np.ndarray
    rms: float


def fit_diffraction(
    x: Any, twt: Any, *, separation: float = 0.0, height: float = 0.0, radius: float = 0.0, crossing: float = 90.0
) -> HyperbolaFit:
    """Fit position, depth and velocity of a point or cylinder to picked two-way times, by robust least squares.

    One hyperbola does not tell velocity from radius and crossing angle: a wide or oblique cylinder looks fast. Give both
    where they are known, from a plan or from the channels of an array.

    Parameters
    ----------
    x, twt : array_like, shape (n,)
        Positions along the line (m) and times (ns, time zero applied), at least five.
    separation, height : float
        Transmitter-receiver distance and height of the antennas, m.
    radius, crossing : float
        Radius in m and crossing angle in degrees of a cylinder, as in `diffraction_times`.

    Returns
    -------
    HyperbolaFit

    Raises
    ------
    ParameterError
        If there are too few picks, or they are not on a curve that a ground can explain.
    """
    positions, times = np.asarray(x, dtype="float64"), np.asarray(twt, dtype="float64")
    if positions.ndim != 1 or positions.shape != times.shape or positions.size < 5:
        msg = f"at least five picks are needed in x and twt; they have shapes {positions.shape} and {times.shape}."
        raise ParameterError(msg)
    apex = positions[np.argmin(times)]
    # t^2 is a parabola in x for one antenna on the ground: its curvature is 4 / v^2
    curvature, _, constant = np.polyfit(positions - apex, times**2, 2)
    velocity = float(np.clip(2 / np.sqrt(max(curvature, 1e-6)), 0.03, 0.9 * C_AIR))
    velocity = float(np.clip(velocity * np.sin(np.radians(max(crossing, 1.0))), 0.03, 0.9 * C_AIR))
    start = np.array([apex, max(0.5 * velocity * np.sqrt(max(constant, times.min() ** 2)), 1e-3), velocity])

    def model(p: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        if radius <= 0 and crossing == 90:
            return two_way_jacobian(positions - p[0], p[1], p[2], separation, height)
        return _with_differences(positions, p, separation, height, radius, crossing)

    solution = least_squares(
        lambda p: model(p)[0] - times,
        start,
        jac=lambda p: model(p)[1],
        bounds=([-np.inf, 1e-4, 0.01], [np.inf, np.inf, C_AIR]),
        x_scale=[0.1, 0.1, 0.01],
        loss="soft_l1",
        f_scale=0.3,
    )
    if not solution.success:
        msg = f"no point below the line explains the picks: {solution.message}"
        raise ParameterError(msg)
    fitted, jacobian = model(solution.x)
    residuals = fitted - times
    variance = float(residuals @ residuals) / max(positions.size - 3, 1)
    covariance = variance * np.linalg.pinv(jacobian.T @ jacobian)
    rms = float(np.sqrt(np.mean(residuals**2)))
    position, depth, velocity = (float(value) for value in solution.x)
    return HyperbolaFit(position, depth, velocity, covariance, rms)


def _with_differences(
    positions: np.ndarray, p: np.ndarray, separation: float, height: float, radius: float, crossing: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return the times of a cylinder and their derivatives by central differences."""

    def times(position: float, depth: float, velocity: float) -> np.ndarray:
        body = {"separation": separation, "height": height, "radius": radius, "crossing": crossing}
        return diffraction_times(positions - position, depth, velocity, **body)

    columns = []
    for i, step in enumerate((1e-5, min(1e-5, 0.5 * p[1]), 1e-7)):
        up, down = p.copy(), p.copy()
        up[i] += step
        down[i] -= step
        columns.append((times(*up) - times(*down)) / (2 * step))
    return times(*p), np.stack(columns, axis=1)

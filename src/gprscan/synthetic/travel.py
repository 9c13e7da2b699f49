"""Two-way travel times of refracted rays through flat layers, from antennas held above the ground."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gprscan.errors import ParameterError
from gprscan.units import C_AIR


def one_way_time(
    offset: ArrayLike, thickness: ArrayLike, velocity: ArrayLike, *, iterations: int = 40
) -> NDArray[np.floating]:
    """Travel time of the refracted ray that crosses flat layers and comes out a given distance away.

    Parameters
    ----------
    offset : array_like
        Horizontal distance between the two ends of the ray in m.
    thickness : array_like, shape (layer,)
        Thickness of each layer that is crossed, in m.
    velocity : array_like, shape (layer,)
        Velocity in each layer in m/ns.
    iterations : int
        Most Newton steps; a handful is usual.

    Returns
    -------
    numpy.ndarray
        Time in ns, the shape of `offset`. The ray parameter p solves ``sum(d p v / sqrt(1 - p^2 v^2)) = offset``
        (Snell's law); the time is ``sum(d / (v sqrt(1 - p^2 v^2)))``.

    Raises
    ------
    ParameterError
        If the layers do not match, or a thickness or a velocity is not positive.
    """
    d = np.atleast_1d(np.asarray(thickness, dtype="float64"))
    v = np.atleast_1d(np.asarray(velocity, dtype="float64"))
    if d.shape != v.shape or d.ndim != 1 or not d.size or np.any(d <= 0) or np.any(v <= 0):
        msg = f"layers need as many positive thicknesses as velocities; got {d.tolist()} m and {v.tolist()} m/ns."
        raise ParameterError(msg)
    x = np.abs(np.asarray(offset, dtype="float64"))
    flat = x.ravel()
    ratio = v / v.max()
    slow = (
        1.0 - ratio**2
    )  # written with the tangent u of the angle in the fastest layer, nothing cancels at grazing rays
    u = np.zeros_like(flat)
    for _ in range(iterations):
        # the offset is a concave, growing function of u: Newton's method climbs to the root from below and never
        # passes it
        root = np.sqrt(1.0 + (u**2)[:, None] * slow)
        missing = flat - (d * ratio * u[:, None] / root).sum(axis=1)
        u = u + missing / (d * ratio / root**3).sum(axis=1)
        if not np.any(missing > 1e-12 * (1.0 + flat)):
            break
    cosine = np.sqrt((1.0 + (u**2)[:, None] * slow) / (1.0 + u**2)[:, None])
    return (d / (v * cosine)).sum(axis=1).reshape(x.shape)


def two_way_time(
    along: ArrayLike,
    thickness: ArrayLike,
    velocity: ArrayLike,
    *,
    separation: float = 0.0,
    antenna_height: float = 0.0,
) -> NDArray[np.floating]:
    """Transmitter - point - receiver travel time, ground layers above the point and the air gap included.

    Parameters
    ----------
    along : array_like
        Position of the antennas' midpoint measured from the point, in m.
    thickness, velocity : array_like, shape (layer,)
        Layers from the ground surface down to the depth of the point, m and m/ns.
    separation : float
        Distance between transmitter and receiver along the line in m.
    antenna_height : float
        Height of the antennas above the ground in m.

    Returns
    -------
    numpy.ndarray
        Two-way travel time in ns, the shape of `along`.

    Raises
    ------
    ParameterError
        If the layers do not match, or a thickness or a velocity is not positive.

    Examples
    --------
    >>> float(two_way_time(0.0, [1.0], [0.1]))
    20.0
    """
    x = np.asarray(along, dtype="float64")
    d = np.atleast_1d(np.asarray(thickness, dtype="float64"))
    v = np.atleast_1d(np.asarray(velocity, dtype="float64"))
    if antenna_height > 0:
        d, v = np.append(antenna_height, d), np.append(C_AIR, v)
    half = 0.5 * separation
    return one_way_time(x - half, d, v) + one_way_time(x + half, d, v)


def layers_above(
    depth: float, tops: ArrayLike, velocity: ArrayLike
) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
    """Cut a stack of layers at a depth.

    Parameters
    ----------
    depth : float
        Depth below the ground in m.
    tops : array_like, shape (layer,)
        Depth of each layer's top in m, the first 0; the last layer goes on downwards.
    velocity : array_like, shape (layer,)
        Velocity of each layer in m/ns.

    Returns
    -------
    thickness, velocity : numpy.ndarray
        The layers crossed on the way down to `depth`.
    """
    top = np.asarray(tops, dtype="float64")
    v = np.asarray(velocity, dtype="float64")
    bottom = np.append(top[1:], np.inf)
    thickness = np.clip(np.minimum(bottom, depth) - top, 0.0, None)
    crossed = thickness > 0
    return thickness[crossed], v[crossed]

"""Arrays of antennas: each channel beside the track, by the direction of travel."""

from __future__ import annotations

import numpy as np


def channel_positions(
    x: np.ndarray,
    y: np.ndarray,
    heading: np.ndarray,
    offsets: np.ndarray,
    lever_arm: tuple[float, float] = (0.0, 0.0),
) -> tuple[np.ndarray, np.ndarray]:
    """Move a track by offsets that are fixed to the vehicle.

    Parameters
    ----------
    x, y : ndarray, shape (trace,)
        Track of the GNSS antenna, m east and north.
    heading : ndarray, shape (trace,)
        Direction of travel in radians, from north to east.
    offsets : ndarray, shape (channel,)
        Channels across the line in m, positive to the right.
    lever_arm : (float, float)
        Middle of the array minus GNSS antenna in m: to the right, and forward.

    Returns
    -------
    x, y : ndarray, shape (channel, trace)
        m east and north.
    """
    right, forward = lever_arm
    across = np.asarray(offsets, dtype="float64")[:, None] + right
    east, north = np.sin(heading), np.cos(heading)
    return x + forward * east + across * north, y + forward * north - across * east

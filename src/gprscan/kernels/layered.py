"""Travel times in flat layers: fans of refracted rays, interpolated between the rays.

A ray keeps its horizontal slowness p from layer to layer, and p is the slope of the travel-time curve where the ray
comes up. So a fan gives, at each of its offsets, the time, the slope and the curvature exactly, and a cubic through
times and slopes is accurate between them.
"""

from __future__ import annotations

import math

import numpy as np

from gprscan.kernels.jit import inline, kernel

RAYS = 160  # per depth; the time between rays is then right to better than 1e-5 of itself
THINNEST = 1e-4  # m; stands for the zero path of a point at the surface


@inline
def _trace_fan(thickness, velocities, count, reach, offset, time, slope, curvature):  # type: ignore[no-untyped-def]
    """Fill the fan of rays that crosses the first `count` layers, out to the horizontal distance `reach`."""
    fastest = 0
    for layer in range(count):
        if velocities[layer] > velocities[fastest]:
            fastest = layer
    # the tangent of the angle in the fastest layer, spaced so that steep and grazing rays are both dense enough:
    # at the last ray that layer alone spans the reach
    last = math.asinh(reach / thickness[fastest] + 1.0)
    for ray in range(RAYS):
        tangent = math.sinh(last * ray / (RAYS - 1.0))
        p = tangent / math.sqrt(1.0 + tangent * tangent) / velocities[fastest]
        x = 0.0
        t = 0.0
        dx_dp = 0.0
        for layer in range(count):
            v = velocities[layer]
            if layer == fastest:
                cosine = 1.0 / math.sqrt(1.0 + tangent * tangent)
            else:
                cosine = math.sqrt(max(1.0 - p * p * v * v, 1e-12))
            x += thickness[layer] * p * v / cosine
            t += thickness[layer] / (v * cosine)
            dx_dp += thickness[layer] * v / cosine**3
        offset[ray] = x
        time[ray] = t
        slope[ray] = p
        curvature[ray] = 1.0 / dx_dp


@inline
def _leg(x, offset, time, slope, curvature):  # type: ignore[no-untyped-def]
    """Return time, slope and curvature of one leg at the horizontal distance |x|, the slope with the sign of x."""
    length = abs(x)
    i = min(max(np.searchsorted(offset, length) - 1, 0), RAYS - 2)
    width = offset[i + 1] - offset[i]
    s = (length - offset[i]) / width
    one = 1.0 - s
    t = (
        one * one * (1.0 + 2.0 * s) * time[i]
        + s * s * (3.0 - 2.0 * s) * time[i + 1]
        + width * s * one * (one * slope[i] - s * slope[i + 1])
    )
    p = one * slope[i] + s * slope[i + 1]
    return t, math.copysign(p, x), one * curvature[i] + s * curvature[i + 1]


@kernel
def layered_table(x, depths, tops, velocities, separation, height, air_velocity):  # type: ignore[no-untyped-def]
    """Return time, slope and curvature of the diffraction curves of points in a layered ground.

    Parameters
    ----------
    x : ndarray of float64, shape (nj,)
        Lateral distances, m.
    depths : ndarray of float64, shape (nz,)
        Depths of the points, m.
    tops, velocities : ndarray of float64, shape (layer,)
        Top (m, the first 0) and velocity (m/ns) of each layer.
    separation, height : float
        Transmitter-receiver distance along the line and height of the antenna, m.
    air_velocity : float
        Velocity above the ground, m/ns.

    Returns
    -------
    time, slope, curvature : ndarray of float64, shape (nz, nj)
        Two-way time (ns) and its first (ns/m) and second (ns/m2) derivative along the line.
    """
    shape = (depths.size, x.size)
    time = np.empty(shape)
    slope = np.empty(shape)
    curvature = np.empty(shape)
    fan = np.empty((4, RAYS))
    path = np.empty(tops.size + 1)
    speeds = np.empty(tops.size + 1)
    half = 0.5 * separation
    reach = np.max(np.abs(x)) + half + 0.01
    for i in range(depths.size):
        count = 0
        if height > 0.0:
            path[0] = height
            speeds[0] = air_velocity
            count = 1
        for layer in range(tops.size):
            bottom = depths[i] if layer == tops.size - 1 else min(tops[layer + 1], depths[i])
            if layer == 0:
                path[count] = max(bottom, THINNEST)
                speeds[count] = velocities[0]
                count += 1
            elif bottom > tops[layer] + 1e-6:
                path[count] = bottom - tops[layer]
                speeds[count] = velocities[layer]
                count += 1
        _trace_fan(path, speeds, count, reach, fan[0], fan[1], fan[2], fan[3])
        for j in range(x.size):
            t1, p1, c1 = _leg(x[j] - half, fan[0], fan[1], fan[2], fan[3])
            t2, p2, c2 = _leg(x[j] + half, fan[0], fan[1], fan[2], fan[3])
            time[i, j] = t1 + t2
            slope[i, j] = p1 + p2
            curvature[i, j] = c1 + c2
    return time, slope, curvature

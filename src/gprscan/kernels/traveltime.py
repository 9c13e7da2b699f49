"""Travel time of a point below a flat ground, for an antenna pair at a height above it.

A leg runs from an antenna at height ``height`` down to the ground, refracts there, and ends at depth ``depth``; its
horizontal length is ``offset``. Fermat's principle gives the crossing point, and with it every derivative for free:
the time is stationary in the crossing point, so that only the explicit dependence on a parameter counts.
"""

from __future__ import annotations

import math

import numpy as np

from gprscan.kernels.jit import inline, kernel

C_AIR = 0.299792458  # m/ns


@inline
def crossing_point(offset, depth, velocity, height):  # type: ignore[no-untyped-def]
    """Return the horizontal distance (m) from the antenna to the point where a ray enters the ground.

    Snell's law ``u / (c r1) = (offset - u) / (v r2)`` has one root in ``[0, offset]`` since its left side minus its
    right side grows with u; Newton's method, kept inside the bracket by bisection.
    """
    low = 0.0
    high = offset
    u = offset * height / (height + depth + 1e-30)
    for _ in range(60):
        rest = offset - u
        air = math.sqrt(u * u + height * height) + 1e-30
        ground = math.sqrt(rest * rest + depth * depth) + 1e-30
        residual = u / (C_AIR * air) - rest / (velocity * ground)
        if residual > 0.0:
            high = u
        else:
            low = u
        slope = height * height / (C_AIR * air**3) + depth * depth / (velocity * ground**3)
        step = residual / (slope + 1e-30)
        u -= step
        if not (low <= u <= high):
            u = 0.5 * (low + high)
        if abs(step) < 1e-9 or high - low < 1e-12:
            break
    return u


@inline
def one_way(offset, depth, velocity, height):  # type: ignore[no-untyped-def]
    """Return the one-way time of a refracted leg and its derivatives.

    Parameters
    ----------
    offset : float
        Horizontal distance from antenna to point, m, with its sign.
    depth : float
        Depth of the point below the ground, m.
    velocity : float
        Velocity in the ground, m/ns.
    height : float
        Height of the antenna above the ground, m; 0 for an antenna on the ground.

    Returns
    -------
    tuple of float
        Time (ns); derivatives with respect to offset (the horizontal slowness, ns/m), depth (ns/m) and velocity
        (ns2/m); second derivative with respect to offset (ns/m2).
    """
    length = abs(offset)
    if height <= 0.0:
        r = math.sqrt(length * length + depth * depth) + 1e-30
        time = r / velocity
        return (
            time,
            offset / (r * velocity),
            depth / (r * velocity),
            -time / velocity,
            depth * depth / (velocity * r**3),
        )
    u = crossing_point(length, depth, velocity, height)
    rest = length - u
    air = math.sqrt(u * u + height * height)
    ground = math.sqrt(rest * rest + depth * depth) + 1e-30
    slowness = math.copysign(u / (C_AIR * air), offset)
    curve_air = height * height / (C_AIR * air**3)
    curve_ground = depth * depth / (velocity * ground**3)
    # the legs share the offset at equal slowness, so their stiffnesses add like springs in series
    curvature = curve_air * curve_ground / (curve_air + curve_ground + 1e-30)
    time = air / C_AIR + ground / velocity
    return time, slowness, depth / (ground * velocity), -ground / (velocity * velocity), curvature


@inline
def two_way(x, depth, velocity, separation, height):  # type: ignore[no-untyped-def]
    """Return the two-way time of a point for an antenna pair, and its derivatives.

    Parameters
    ----------
    x : float
        Position of the middle of the pair minus that of the point, along the line, m.
    depth, velocity, height : float
        As in `one_way`.
    separation : float
        Transmitter-receiver distance along the line, m.

    Returns
    -------
    tuple of float
        Time (ns); derivatives with respect to x, depth and velocity; second derivative with respect to x.
    """
    half = 0.5 * separation
    t1, x1, z1, v1, c1 = one_way(x - half, depth, velocity, height)
    t2, x2, z2, v2, c2 = one_way(x + half, depth, velocity, height)
    return t1 + t2, x1 + x2, z1 + z2, v1 + v2, c1 + c2


@inline
def two_way_cylinder(x, depth, velocity, separation, height, radius):  # type: ignore[no-untyped-def]
    """Return the two-way time (ns) of a reflection at a horizontal cylinder across the line.

    The point of reflection lies where the normal bisects the two rays. The bisector seen from the axis of the cylinder
    is used: it is off by a second-order angle, and by Fermat's principle the time is then right to the fourth order.

    Parameters
    ----------
    x, velocity, separation, height : float
        As in `two_way`; x is measured from the axis of the cylinder.
    depth : float
        Depth of the *top* of the cylinder, m.
    radius : float
        Radius, m; 0 is a point.
    """
    if radius <= 0.0:
        return two_way(x, depth, velocity, separation, height)[0]
    half = 0.5 * separation
    axis = depth + radius
    _, left_x, left_z, _, _ = one_way(x - half, axis, velocity, height)
    _, right_x, right_z, _, _ = one_way(x + half, axis, velocity, height)
    bisector_x = left_x + right_x
    bisector_z = left_z + right_z
    norm = math.sqrt(bisector_x * bisector_x + bisector_z * bisector_z) + 1e-30
    shift = radius * bisector_x / norm
    top = axis - radius * bisector_z / norm
    return two_way(x - shift, top, velocity, separation, height)[0]


@kernel
def two_way_times(x, depth, velocity, separation, height, radius):  # type: ignore[no-untyped-def]
    """Return the two-way times (ns) of one body at many positions.

    Parameters
    ----------
    x : ndarray of float64, shape (n,)
        Positions of the antenna pair minus that of the body, m.
    depth, velocity, separation, height, radius : float
        As in `two_way_cylinder`.
    """
    times = np.empty(x.size)
    for i in range(x.size):
        times[i] = two_way_cylinder(x[i], depth, velocity, separation, height, radius)
    return times


@kernel
def two_way_jacobian(x, depth, velocity, separation, height):  # type: ignore[no-untyped-def]
    """Return times (ns) of a point at many positions, and their derivatives for a least-squares fit.

    Parameters
    ----------
    x : ndarray of float64, shape (n,)
        Positions of the antenna pair minus that of the point, m.
    depth, velocity, separation, height : float
        As in `two_way`.

    Returns
    -------
    times : ndarray, shape (n,)
    jacobian : ndarray, shape (n, 3)
        Derivatives with respect to the position of the point along the line, its depth, and the velocity.
    """
    times = np.empty(x.size)
    jacobian = np.empty((x.size, 3))
    for i in range(x.size):
        time, dx, dz, dv, _ = two_way(x[i], depth, velocity, separation, height)
        times[i] = time
        jacobian[i, 0] = -dx
        jacobian[i, 1] = dz
        jacobian[i, 2] = dv
    return times, jacobian


@kernel
def homogeneous_table(x, depths, velocity, separation, height):  # type: ignore[no-untyped-def]
    """Return time, slope and curvature of the diffraction curves of points in a uniform ground.

    Parameters
    ----------
    x : ndarray of float64, shape (nj,)
        Lateral distances, m.
    depths : ndarray of float64, shape (nz,)
        Depths of the points, m.
    velocity, separation, height : float
        As in `two_way`.

    Returns
    -------
    time, slope, curvature : ndarray of float64, shape (nz, nj)
        Two-way time (ns) and its first (ns/m) and second (ns/m2) derivative along the line.
    """
    shape = (depths.size, x.size)
    time = np.empty(shape)
    slope = np.empty(shape)
    curvature = np.empty(shape)
    for i in range(depths.size):
        for j in range(x.size):
            t, dx, _, _, curve = two_way(x[j], depths[i], velocity, separation, height)
            time[i, j] = t
            slope[i, j] = dx
            curvature[i, j] = curve
    return time, slope, curvature

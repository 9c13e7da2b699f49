"""Many fits of diffractions, pooled into one velocity profile with its uncertainty; and layers that change along a line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr

from gprscan import names
from gprscan.errors import ParameterError
from gprscan.units import C_AIR

OUTLIER = 2.0  # standard deviations at which a fit begins to lose weight
PASSES = 20


def pool_velocities(
    twt: Any,
    velocity: Any,
    sigma: Any,
    *,
    step: float = 2.0,
    prior: float | xr.DataArray = 0.1,
    prior_sigma: float = 0.015,
    smoothness: float = 0.006,
) -> xr.DataArray:
    """Pool RMS velocities of single diffractions into v(z).

    Interval velocities on a regular grid of two-way time explain the squares of the RMS velocities,
    ``v_rms^2 t = sum of v_i^2 dt_i`` (Dix 1955, Geophysics 20, 68), by weighted least squares with a Gaussian prior of
    each and of the difference of neighbours (Tarantola 2005, Inverse Problem Theory, section 3.2). Fits that disagree
    with the rest lose weight (Student's t with 4 degrees of freedom): cylinders taken for points, or crossed at an
    angle, look fast.

    Parameters
    ----------
    twt, velocity, sigma : array_like, shape (n,)
        Two-way time in the ground (ns), RMS velocity and its standard deviation (m/ns) of each fit; n may be 0.
    step : float
        Grid of the profile in ns.
    prior : float or xarray.DataArray
        What is believed without the fits, in m/ns: a number, or interval velocities over ``depth``.
    prior_sigma, smoothness : float
        Standard deviations in m/ns of the velocity around the prior, and of the difference of neighbours (2 ns apart,
        growing with the root of the distance) around that of the prior.

    Returns
    -------
    xarray.DataArray
        v(z) in m/ns over ``depth`` in m, a step at each boundary, as the migrations take it, with the coordinates
        ``sigma`` (m/ns, one standard deviation) and ``twt`` (ns).

    Raises
    ------
    ParameterError
        If the arrays do not match, or a number is not positive.
    """
    times, values, deviations = (np.atleast_1d(np.asarray(a, dtype="float64")) for a in (twt, velocity, sigma))
    if not times.shape == values.shape == deviations.shape or times.ndim != 1:
        msg = f"twt {times.shape}, velocity {values.shape} and sigma {deviations.shape} must be equally long."
        raise ParameterError(msg)
    given = [times, values, deviations]
    if any(np.any(~(a > 0)) for a in given) or not min(step, prior_sigma, smoothness) > 0:
        msg = "times, velocities, standard deviations, step, prior_sigma and smoothness must be positive."
        raise ParameterError(msg)
    longest = float(times.max()) if times.size else 10.0 * step
    edges = np.arange(int(np.ceil(longest / step - 1e-9)) + 1) * step
    centre = _prior_velocities(prior, edges)
    overlap = np.clip(times[:, None] - edges[None, :-1], 0.0, step) / times[:, None]
    differences = np.diff(np.eye(centre.size), axis=0)
    near = smoothness * np.sqrt(step / 2.0)
    matrix = np.vstack([overlap, np.eye(centre.size), differences])
    target = np.concatenate([values**2, centre**2, np.diff(centre**2)])
    spread = np.concatenate([2 * values * deviations, 2 * centre * prior_sigma, 2 * centre[1:] * near])
    weight = np.ones(times.size)
    for _ in range(PASSES):
        scale = np.concatenate([np.sqrt(weight), np.ones(target.size - times.size)]) / spread
        normal = (matrix * scale[:, None]).T @ (matrix * scale[:, None])
        squares = np.linalg.solve(normal, (matrix * scale[:, None]).T @ (target * scale))
        away = (overlap @ squares - values**2) / (2 * values * deviations)
        weight = 5.0 / (4.0 + (2.0 * away / OUTLIER) ** 2)
    # a fifth of the prior is as slow as wet clay under dry sand; nothing is faster than air
    squares = np.clip(squares, (0.2 * centre) ** 2, C_AIR**2)
    found = np.sqrt(squares)
    deviation = 0.5 * np.sqrt(np.diag(np.linalg.inv(normal))) / found
    depth = np.concatenate([[0.0], np.cumsum(0.5 * step * found)])
    return xr.DataArray(
        np.repeat(found, 2),
        dims=names.DEPTH,
        coords={
            names.DEPTH: (names.DEPTH, np.repeat(depth, 2)[1:-1], {"units": "m"}),
            "sigma": (names.DEPTH, np.repeat(deviation, 2), {"units": "m/ns"}),
            names.TWT: (names.DEPTH, np.repeat(edges, 2)[1:-1], {"units": "ns"}),
        },
        name="velocity",
        attrs={"units": "m/ns"},
    )


def _prior_velocities(prior: float | xr.DataArray, edges: np.ndarray) -> np.ndarray:
    middle = 0.5 * (edges[1:] + edges[:-1])
    if not isinstance(prior, xr.DataArray):
        if not 0 < prior <= C_AIR:
            msg = f"prior is {prior} m/ns; it must be above 0 and at most 0.2998."
            raise ParameterError(msg)
        return np.full(middle.size, float(prior))
    depth, value = prior[names.DEPTH].values, prior.values
    slow = 0.5 * (1.0 / value[1:] + 1.0 / value[:-1])
    time = np.concatenate([[0.0], np.cumsum(2.0 * np.diff(depth) * slow)]) + 2.0 * depth[0] / value[0]
    return np.asarray(np.interp(middle, time, value))


def layered_section(
    distance: Any,
    times: Sequence[Any],
    velocities: Sequence[float],
    sigmas: Sequence[float] | None = None,
    *,
    depth_step: float = 0.02,
    max_depth: float | None = None,
) -> xr.DataArray:
    """Turn tracked interfaces and the velocities of the layers between them into v(x, z).

    Parameters
    ----------
    distance : array_like, shape (n,)
        Along the line in m, growing.
    times : sequence of array_like, each of shape (n,)
        Two-way time of each interface below the ground in ns, from the top down; gaps (NaN) are bridged along the line.
    velocities : sequence of float
        Of each layer in m/ns: one more than interfaces, the last goes on for ever.
    sigmas : sequence of float, optional
        Standard deviations of the velocities.
    depth_step, max_depth : float
        Grid in m; to half a metre below the deepest interface where not given.

    Returns
    -------
    xarray.DataArray
        m/ns over (``distance``, ``depth``), as the migrations and `time_to_depth` take it; with `sigmas` the coordinate
        ``sigma`` of the same shape.

    Raises
    ------
    ParameterError
        If the numbers do not match, an interface is nowhere known, or interfaces cross.
    """
    along = np.asarray(distance, dtype="float64")
    speeds = np.asarray(velocities, dtype="float64")
    if len(times) + 1 != speeds.size or speeds.min() <= 0 or not depth_step > 0:
        msg = f"{len(times)} interfaces need one velocity more, all positive; {speeds.size} were given."
        raise ParameterError(msg)
    tops, before = np.zeros((speeds.size, along.size)), np.zeros(along.size)
    for i, interface in enumerate(times):
        time = np.asarray(interface, dtype="float64")
        known = np.isfinite(time) if time.shape == along.shape else np.zeros(1, dtype=bool)
        if not known.any():
            msg = f"interface {i} must have a time for at least one of {along.size} places."
            raise ParameterError(msg)
        time = np.interp(along, along[known], time[known])
        if np.any(time < before):
            msg = f"interface {i} lies above the one before it at {along[np.argmin(time - before)]:.2f} m."
            raise ParameterError(msg)
        tops[i + 1] = tops[i] + 0.5 * (time - before) * speeds[i]
        before = time
    deepest = float(tops.max()) + 0.5 if max_depth is None else max_depth
    depth = np.arange(int(np.ceil(deepest / depth_step)) + 1) * depth_step
    layer = (depth[None, None, :] >= tops[1:, :, None] - 1e-9).sum(axis=0)
    coords: dict[str, Any] = {
        names.DISTANCE: (names.DISTANCE, along, {"units": "m"}),
        names.DEPTH: (names.DEPTH, depth, {"units": "m"}),
    }
    dims = (names.DISTANCE, names.DEPTH)
    if sigmas is not None:
        deviations = np.asarray(sigmas, dtype="float64")
        if deviations.shape != speeds.shape:
            msg = f"{speeds.size} velocities need as many standard deviations; {deviations.size} were given."
            raise ParameterError(msg)
        coords["sigma"] = (dims, deviations[layer], {"units": "m/ns"})
    return xr.DataArray(speeds[layer], coords, dims, "velocity", {"units": "m/ns"})


def layer_thickness(
    top: Any, bottom: Any, velocity: Any, *, sigma_top: Any = 0.0, sigma_bottom: Any = 0.0, sigma_velocity: Any = 0.0
) -> tuple[np.ndarray, np.ndarray]:
    """Return the thickness of a layer and its standard deviation in m.

    ``d = v (t2 - t1) / 2`` and ``var d = (v/2)^2 (var t1 + var t2) + ((t2 - t1)/2)^2 var v``.

    Parameters
    ----------
    top, bottom : array_like
        Two-way times of its interfaces in ns, as `gprscan.filters.track_interface` finds them.
    velocity : array_like
        In the layer, m/ns.
    sigma_top, sigma_bottom, sigma_velocity : array_like
        Their standard deviations.
    """
    first, last, v = (np.asarray(a, dtype="float64") for a in (top, bottom, velocity))
    of_times = np.hypot(np.asarray(sigma_top, dtype="float64"), np.asarray(sigma_bottom, dtype="float64"))
    sigma = np.hypot(0.5 * v * of_times, 0.5 * (last - first) * np.asarray(sigma_velocity, dtype="float64"))
    return np.asarray(0.5 * v * (last - first)), np.asarray(sigma)

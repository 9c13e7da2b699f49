"""Velocity by focusing: the velocity with which diffractions collapse best, window by window down the record."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr
from scipy.fft import next_fast_len
from scipy.signal import hilbert

from gprscan import names
from gprscan.errors import ParameterError
from gprscan.migration.acquisition import acquisition
from gprscan.migration.kirchhoff import kirchhoff
from gprscan.units import C_AIR
from gprscan.velocity.profile import layered

MODEL_ERROR = 0.02  # relative; on simulated lines with known velocities the picks were 0.5 to 3 per cent off

LEAST_FOCUS = 5.0  # kurtosis of a window that holds more than noise, whose kurtosis is 2, and its scatter


def focusing_scan(
    line: xr.Dataset,
    velocities: Sequence[float] | np.ndarray | None = None,
    *,
    aperture: float = 45.0,
    window: float | None = None,
) -> xr.Dataset:
    """Migrate a line with a range of velocities, and measure how well it focuses at each time.

    Parameters
    ----------
    line : xarray.Dataset
        Line over two-way travel time, time zero applied, regularly spaced, the direct wave and flat layers removed
        (``background``): flat echoes focus with any velocity.
    velocities : sequence of float, optional
        Velocities in m/ns, growing; by default 0.05 to 0.17 in steps of 3 %.
    aperture : float
        Half-angle of the migrations in degrees.
    window : float, optional
        Length in ns of the windows, which overlap by half; by default four periods of the antenna.

    Returns
    -------
    xarray.Dataset
        ``focus`` (velocity, twt): kurtosis of the energy, 2 for noise, larger the more compact the image is;
        ``rms_velocity`` and ``sigma`` (twt, m/ns): the velocity that focuses best and its standard deviation;
        ``event_time`` (twt, ns): where in the window the focused energy is. NaN where the window holds nothing that
        focuses, where another window holds its event better, or where an end of the range focuses best. ``twt`` is the
        two-way vertical time in the ground at the middle of each window.

    Raises
    ------
    MissingPositionError
        If the line has no regular distances.
    ParameterError
        If there are fewer than five velocities, or the window is longer than the record.

    Notes
    -----
    Minimum-entropy focusing (Harlan, Claerbout and Rocca 1984, Geophysics 49, 1869-1880; De Vries and Berkhout 1984,
    Geophysics 49, 2035-2043). The standard deviation comes from the curvature of the peak, in units of the energy of
    the noise in the image, and a relative error of two per cent for all that is not noise.
    """
    scanned = np.geomspace(0.05, 0.17, 42) if velocities is None else np.asarray(velocities, dtype="float64")
    if scanned.ndim != 1 or scanned.size < 5 or np.any(np.diff(scanned) <= 0):
        msg = "velocities must be at least five growing numbers in m/ns."
        raise ParameterError(msg)
    geometry = acquisition(line)
    length = 4000.0 / geometry.frequency if window is None else float(window)
    in_air = 2 * geometry.height / C_AIR
    duration = geometry.start + geometry.dt * (geometry.n_samples - 1) - in_air
    rows = max(round(length / geometry.dt), 4)
    n = int(duration / geometry.dt)
    if rows > n:
        msg = f"the window of {length:.1f} ns is longer than the record below the ground, {duration:.1f} ns."
        raise ParameterError(msg)
    starts = np.arange(0, n - rows + 1, max(rows // 2, 1))
    focus = np.empty((scanned.size, starts.size))
    power, event = np.empty_like(focus), np.empty_like(focus)
    inside = np.arange(rows)
    for i, velocity in enumerate(scanned):
        # one row per sample of vertical time, whatever the velocity
        image = kirchhoff(line, float(velocity), aperture, depth_step=0.5 * velocity * geometry.dt)
        energy = _energy(image[names.AMPLITUDE].values, n)
        for j, start in enumerate(starts):
            part = energy[..., start : start + rows]
            total = float(part.sum())
            fourth = float(np.sum(part * part))
            event[i, j] = start + (float(np.sum(part * part * inside)) / fourth if fourth > 0 else 0.5 * rows)
            focus[i, j] = fourth * part.size / total**2 if total > 0 else 1.0
            # the energy of noise is distributed exponentially: its mean square is twice the square of its mean
            noise = float(np.median(part)) / np.log(2) + 1e-30
            power[i, j] = np.sqrt(max(fourth - 2 * part.size * noise**2, 0.0)) / noise
    picked, sigma = _pick(scanned, focus, power)
    when = event[np.argmax(focus, axis=0), np.arange(starts.size)]
    # below an air gap h the curvature of a diffraction is 2 / (h c + v^2 t / 2): the gap hides the velocity's share
    in_ground = 0.5 * picked**2 * np.maximum(when * geometry.dt, geometry.dt)
    sigma = np.hypot(sigma, MODEL_ERROR * picked * (1 + geometry.height * C_AIR / in_ground))
    # smiles and frowns of an event near an edge leave the window at one side, which would favour the wrong velocity
    low = np.where(starts == starts[0], 0.0, starts + 0.25 * rows)
    high = np.where(starts == starts[-1], n, starts + 0.75 * rows)
    unusable = ~((when >= low) & (when <= high) & np.isfinite(picked))
    picked[unusable], sigma[unusable], when[unusable] = np.nan, np.nan, np.nan
    times = (starts + 0.5 * rows) * geometry.dt
    return xr.Dataset(
        {
            "focus": (("velocity", names.TWT), focus),
            "rms_velocity": (names.TWT, picked, {"units": "m/ns"}),
            "sigma": (names.TWT, sigma, {"units": "m/ns"}),
            "event_time": (names.TWT, when * geometry.dt, {"units": "ns"}),
        },
        coords={
            "velocity": ("velocity", scanned, {"units": "m/ns"}),
            names.TWT: (names.TWT, times, {"units": "ns", "long_name": "two-way vertical time in the ground"}),
        },
    )


def _energy(image: np.ndarray, n: int) -> np.ndarray:
    """Return the squared envelope along depth of the first `n` rows, padded with zeros where the image is shorter."""
    data = np.zeros((*image.shape[:-1], n), "float32")
    rows = min(n, image.shape[-1])
    data[..., :rows] = image[..., :rows]
    return np.abs(hilbert(data, next_fast_len(n), axis=-1)[..., :n]) ** 2


def _pick(velocities: np.ndarray, focus: np.ndarray, power: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the velocity of the peak of each column and its standard deviation, by a parabola through three points."""
    picked = np.full(focus.shape[1], np.nan)
    sigma = np.full(focus.shape[1], np.nan)
    slowness = 1 / velocities
    for j in range(focus.shape[1]):
        best = int(np.argmax(focus[:, j]))
        if not 2 <= best < velocities.size - 2 or focus[best, j] < LEAST_FOCUS or power[best, j] <= 0:
            continue
        near = slice(best - 2, best + 3)
        curve, slope, _ = np.polyfit(slowness[near] - slowness[best], np.log(focus[near, j]), 2)
        if curve >= 0:
            continue
        shift = np.clip(-0.5 * slope / curve, slowness[best + 1] - slowness[best], slowness[best - 1] - slowness[best])
        centre = slowness[best] + shift
        # the logarithm of the likelihood is the energy at the focus over twice that of the noise
        picked[j] = 1 / centre
        sigma[j] = 1.0 / np.sqrt(-curve * power[best, j]) / centre**2
    return picked, sigma


def focused_profile(scan: xr.Dataset, *, smoothness: float = 0.02, worst: float = 0.25) -> xr.DataArray:
    """Turn the picks of a focusing scan into v(z) with its uncertainty.

    Parameters
    ----------
    scan : xarray.Dataset
        From `focusing_scan`.
    smoothness : float
        Standard deviation in m/ns by which the velocities of neighbouring windows differ; smaller is smoother.
    worst : float
        Picks with a relative standard deviation above this are left out.

    Returns
    -------
    xarray.DataArray
        v(z) in m/ns over ``depth`` in m, as the migrations take it, with the coordinate ``sigma`` (one standard
        deviation, m/ns).

    Raises
    ------
    ParameterError
        If no window of the scan has a usable pick.

    Notes
    -----
    Dix's relation (1955, Geophysics 20, 68-86) is linear in the squares: ``v_rms^2 t`` is the sum of ``v_i^2 dt_i``.
    The squares of the interval velocities are found by weighted least squares with a penalty on their differences, so
    that no window can ask for an imaginary velocity.

    The penalty is that of a random walk. If the means of neighbouring windows differ by a variance s^2, the walk grows by
    3/2 s^2 across a window, and within it strays from the mean by a sixth of that: ``sigma``, which is of the velocity at a
    depth and not of a mean, holds this quarter of s^2 beside the covariance of the fit.
    """
    times = scan[names.TWT].values
    velocity, sigma = scan["rms_velocity"].values, scan["sigma"].values
    usable = np.isfinite(velocity) & (sigma < worst * np.nan_to_num(velocity, nan=1.0))
    if not usable.any():
        msg = "no window of the scan focuses: there are no diffractions, or the velocities scanned miss the ground's."
        raise ParameterError(msg)
    edges = np.concatenate([[0.0], 0.5 * (times[1:] + times[:-1]), [times[-1] + 0.5 * (times[-1] - times[0] + 1.0)]])
    events = scan["event_time"].values[usable]
    overlap = np.clip(events[:, None] - edges[None, :-1], 0.0, np.diff(edges)[None, :])
    mean_velocity = np.average(velocity[usable], weights=sigma[usable] ** -2.0)
    # rows: v_rms^2 of each pick, then the differences of neighbours
    picks = overlap / events[:, None]
    differences = np.diff(np.eye(times.size), axis=0)
    scale = np.concatenate(
        [2 * velocity[usable] * sigma[usable], np.full(times.size - 1, 2 * mean_velocity * smoothness)]
    )
    matrix = np.vstack([picks, differences]) / scale[:, None]
    target = np.concatenate([velocity[usable] ** 2, np.zeros(times.size - 1)]) / scale
    squares, *_ = np.linalg.lstsq(matrix, target, rcond=None)
    squares = np.clip(squares, (0.3 * mean_velocity) ** 2, C_AIR**2)
    covariance = np.linalg.pinv(matrix.T @ matrix)
    intervals = np.sqrt(squares)
    within = (mean_velocity * smoothness) ** 2  # a quarter of the squared scale of the differences
    deviation = 0.5 * np.sqrt(np.clip(np.diag(covariance), 0.0, None) + within) / intervals
    thicknesses = 0.5 * np.diff(edges)[:-1] * intervals[:-1]
    profile = layered(thicknesses.tolist(), intervals.tolist())
    return profile.assign_coords(sigma=(names.DEPTH, np.repeat(deviation, 2)[:-1], {"units": "m/ns"}))

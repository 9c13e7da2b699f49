"""Lines with known reflectors, and measures of how they come out."""

from __future__ import annotations

import numpy as np
import xarray as xr
from scipy.signal import hilbert

from gprscan.kernels.traveltime import two_way_times
from gprscan.model import from_array


def ricker(time: np.ndarray, frequency: float) -> np.ndarray:
    """Return a Ricker pulse of a centre frequency in MHz, its peak at time 0 ns."""
    a = (np.pi * frequency * 1e-3 * time) ** 2
    return (1 - 2 * a) * np.exp(-a)


def diffractor(
    n_traces: int = 96,
    n_samples: int = 256,
    *,
    dx: float = 0.05,
    dt: float = 0.5,
    frequency: float = 200.0,
    velocity: float = 0.1,
    depth: float = 2.5,
    x: float | None = None,
    separation: float = 0.0,
    height: float = 0.0,
    times: np.ndarray | None = None,
) -> xr.Dataset:
    """Return a line over one point, amplitude 1/sqrt(t); the point is at `x` (m), by default at trace n_traces // 2."""
    along = dx * np.arange(n_traces)
    centre = along[n_traces // 2] if x is None else x
    if times is None:
        times = two_way_times(along - centre, depth, velocity, separation, height, 0.0)
    time = dt * np.arange(n_samples)
    data = ricker(time[None, :] - times[:, None], frequency) / np.sqrt(times[:, None])
    return from_array(
        data.astype("float32"), dt=dt, spacing=dx, frequency=frequency, separation=separation, antenna_height=height
    )


def layered_times(along: np.ndarray, depth: float, tops: list[float], velocities: list[float]) -> np.ndarray:
    """Return one-way times (ns) from a point to the surface at distances `along` (m), by Snell's law through layers."""
    thick = np.diff([top for top in tops if top < depth] + [depth])
    v = np.array(velocities[: thick.size])
    sine = np.linspace(0.0, 0.9999, 20000)[:, None] * v / v.max()
    cosine = np.sqrt(1 - sine**2)
    return np.interp(np.abs(along), (thick * sine / cosine).sum(1), (thick / v / cosine).sum(1))


def profile(tops: list[float], velocities: list[float]) -> xr.DataArray:
    """Return v(z) of layers."""
    depth = np.append(np.repeat(tops, 2)[1:], tops[-1] + 2.0)
    return xr.DataArray(np.repeat(velocities, 2), dims="depth", coords={"depth": depth})


def plane(dip: float, depth: float, *, velocity: float = 0.1, n_traces: int = 201, dt: float = 0.25) -> xr.Dataset:
    """Return a zero-offset line over a plane reflector of unit amplitude; `depth` (m) is below the middle trace."""
    along = 0.05 * np.arange(n_traces)
    middle = along[n_traces // 2]
    slope = np.tan(np.radians(dip))
    # the echo comes back along the normal to the plane
    times = 2 * (depth + slope * (along - middle)) * np.cos(np.radians(dip)) / velocity
    time = dt * np.arange(512)
    pulse = np.where(times[:, None] > 0, ricker(time[None, :] - times[:, None], 200.0), 0.0)
    return from_array(pulse.astype("float32"), dt=dt, spacing=0.05, frequency=200)


def envelope(line: xr.Dataset) -> np.ndarray:
    """Return the envelope of each trace."""
    return np.abs(hilbert(line["amplitude"].values, axis=-1))


def peak(image: xr.Dataset) -> tuple[int, int]:
    """Return trace and depth index of the strongest point of the envelope."""
    strength = envelope(image)
    trace, row = np.unravel_index(np.argmax(strength), strength.shape)
    return int(trace), int(row)


def energy_near(image: xr.Dataset, trace: int, reach: int = 4) -> float:
    """Return the share of the energy within `reach` traces of a trace."""
    energy = np.sum(image["amplitude"].values.astype("float64") ** 2, axis=1)
    return float(energy[trace - reach : trace + reach + 1].sum() / energy.sum())


def plane_dip(image: xr.Dataset, traces: slice) -> tuple[float, float]:
    """Return dip (degrees) and amplitude of the strongest event per trace, by a straight line through its depths."""
    strength = envelope(image)[traces]
    depth = image["depth"].values
    rows = np.argmax(strength, axis=1)
    left, here, right = (np.take_along_axis(strength, rows[:, None] + k, 1)[:, 0] for k in (-1, 0, 1))
    fine = depth[rows] + (depth[1] - depth[0]) * 0.5 * (left - right) / (left - 2 * here + right)
    slope = np.polyfit(image["distance"].values[traces], fine, 1)[0]
    return float(np.degrees(np.arctan(slope))), float(np.median(here))

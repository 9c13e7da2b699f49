"""Analytic lines: point diffractors and cylinders in a layered ground, and long roads by the convolutional model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from gprscan.errors import ParameterError
from gprscan.model import from_array
from gprscan.synthetic import truth, wavelets
from gprscan.synthetic.media import Layer
from gprscan.synthetic.travel import layers_above, two_way_time

_BLOCK = 512  # traces written at a time: bounds the memory of a long line


def place_echoes(
    traces: NDArray[np.float32],
    time: NDArray[np.floating],
    amplitude: NDArray[np.floating],
    dt: float,
    *,
    frequency: float,
    pulse: str = "ricker",
) -> None:
    """Add one echo to each trace, in place.

    Parameters
    ----------
    traces : float32 array, shape (trace, sample)
        Changed in place.
    time : float array, shape (trace,)
        Record time of the echo's envelope peak in ns.
    amplitude : float array, shape (trace,)
        Amplitude of the echo.
    dt : float
        Sampling interval in ns.
    frequency : float
        Peak frequency in MHz.
    pulse : str
        Name of a pulse of `gprscan.synthetic.wavelets`.
    """
    half = int(np.ceil(1.6e3 / frequency / dt)) + 1  # the pulses are below 1e-6 beyond 1.5 periods
    _n, m = traces.shape
    centre = np.floor(time / dt).astype("int64")
    live = np.flatnonzero((centre > -half) & (centre < m + half) & (amplitude != 0) & np.isfinite(time))
    around = np.arange(-half, half + 1)
    for first in range(0, live.size, _BLOCK):
        rows = live[first : first + _BLOCK]
        column = centre[rows, None] + around
        echo = amplitude[rows, None] * wavelets.pulse(pulse, column * dt - time[rows, None], frequency)
        inside = (column >= 0) & (column < m)
        row = np.broadcast_to(rows[:, None], column.shape)
        np.add.at(traces, (row[inside], column[inside]), echo[inside].astype("float32"))


def diffractor(
    *,
    x: float | Sequence[float],
    depth: float | Sequence[float],
    velocity: float | Sequence[Layer] = 0.1,
    n_traces: int = 96,
    n_samples: int = 256,
    dt: float = 0.5,
    spacing: float = 0.05,
    frequency: float = 200.0,
    separation: float = 0.0,
    antenna_height: float = 0.0,
    time_zero: float = 0.0,
    radius: float | Sequence[float] = 0.0,
    amplitude: float | Sequence[float] = 1.0,
    spreading: float = 0.5,
    pulse: str = "ricker",
) -> tuple[xr.Dataset, dict[str, Any]]:
    """Make a line with the diffraction curves of points or cylinders.

    Parameters
    ----------
    x, depth : float or sequence of float
        Position along the line and depth of the top in m, one per diffractor.
    velocity : float or sequence of Layer
        Ground velocity in m/ns, or the layers from the surface down.
    n_traces, n_samples : int
        Size of the line.
    dt, spacing : float
        Sampling interval in ns and trace spacing in m; trace 0 is at 0 m.
    frequency : float
        Peak frequency of the pulse in MHz.
    separation, antenna_height : float
        Transmitter-receiver distance and antenna height in m.
    time_zero : float
        Record time in ns of an echo with no travel time.
    radius : float or sequence of float
        Radius of a cylinder in m; 0 is a point. In a uniform ground the curve is that of its centre, less two radii;
        only points are exact under layers.
    amplitude : float or sequence of float
        Amplitude of the echo at 1 ns; negative turns its sign, as metal does.
    spreading : float
        The amplitude falls as ``t ** -spreading``: 0.5 for a line source and a point scatterer seen at one offset.
    pulse : str
        Name of a pulse of `gprscan.synthetic.wavelets`.

    Returns
    -------
    line : xarray.Dataset
        A line of the data model.
    truth : dict
        Record in the form of the truth files; ``objects`` has an entry per diffractor.

    Raises
    ------
    ParameterError
        If the diffractors' sequences differ in length, a depth is not positive, or a cylinder lies under layers.

    Examples
    --------
    >>> line, truth = diffractor(x=2.35, depth=2.5)
    >>> truth["objects"][0]["t_flight_ns"]
    50.0
    """
    values, layers = _checked(x, depth, radius, amplitude, velocity)
    traces = np.zeros((n_traces, n_samples), "float32")
    along = np.arange(n_traces) * spacing
    objects = []
    for number, (x0, top, r, a) in enumerate(zip(*values, strict=True)):
        thickness, speed = _stack(layers, velocity, float(top + r))
        geometry = {"separation": separation, "antenna_height": antenna_height}
        time = two_way_time(along - x0, thickness, speed, **geometry) - 2 * r / speed[-1]
        apex = float(two_way_time(0.0, thickness, speed, **geometry) - 2 * r / speed[-1])
        size = a / np.maximum(time, dt) ** spreading
        place_echoes(traces, time + time_zero, size, dt, frequency=frequency, pulse=pulse)
        rms = float(np.sqrt((thickness * speed).sum() / (thickness / speed).sum()))
        objects.append(
            {
                "id": number + 1,
                "class": "point_scatterer",
                "category": "calibration",
                "apex_x_m": float(x0),
                "top_depth_m": float(top),
                "width_m": 2 * float(r),
                "t_flight_ns": round(apex, 4),
                "t_record_ns": round(apex + time_zero, 4),
                "v_rms_ground_m_per_ns": round(rms, 5),
                "expected_polarity": int(np.sign(a)),
            }
        )
    line = from_array(
        traces,
        dt=dt,
        spacing=spacing,
        frequency=frequency,
        separation=separation,
        time_zero=time_zero,
        antenna_height=antenna_height,
        instrument="gprscan synthetic",
    )
    record = truth.analytic_record(
        line, scene="diffractor", kind="calibration", pulse=pulse, objects=objects, clutter_objects=[]
    )
    return line, record


def _checked(
    x: Any, depth: Any, radius: Any, amplitude: Any, velocity: Any
) -> tuple[list[NDArray[np.floating]], list[Layer] | None]:
    """Return positions, depths, radii and amplitudes of one length, and the layers where the ground has some."""
    given = [np.atleast_1d(np.asarray(value, dtype="float64")) for value in (x, depth, radius, amplitude)]
    count = max(value.size for value in given)
    if any(value.size not in (1, count) for value in given):
        sizes = [value.size for value in given]
        msg = f"x, depth, radius and amplitude have {sizes} values; give as many of each, or one for all."
        raise ParameterError(msg)
    values = [np.broadcast_to(value, count) for value in given]
    if np.any(values[1] <= 0):
        msg = f"a diffractor at a depth of {values[1].min()} m; depths are below the ground and must be positive."
        raise ParameterError(msg)
    layers = None if np.ndim(velocity) == 0 else list(velocity)
    if layers is not None and np.any(values[2] > 0):
        msg = (
            "a cylinder under layers has no closed curve; set radius to 0, or simulate it with gprscan.synthetic.fdtd."
        )
        raise ParameterError(msg)
    return values, layers


def _stack(
    layers: list[Layer] | None, velocity: Any, depth: float
) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
    if layers is None:
        return np.array([depth]), np.array([float(velocity)])
    tops = np.concatenate([[0.0], np.cumsum([layer.thickness for layer in layers[:-1]])])
    return layers_above(depth, tops, [layer.velocity for layer in layers])


def reflection_coefficient(above: ArrayLike, below: ArrayLike) -> NDArray[np.floating]:
    """Reflection coefficient of a plane wave straight down, from the permittivities above and below (Fresnel).

    Examples
    --------
    >>> float(reflection_coefficient(9.0, 1.0))
    0.5
    """
    n1, n2 = np.sqrt(np.asarray(above, dtype="float64")), np.sqrt(np.asarray(below, dtype="float64"))
    return (n1 - n2) / (n1 + n2)

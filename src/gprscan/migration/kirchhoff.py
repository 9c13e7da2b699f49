"""Kirchhoff migration: each image point collects the data along its diffraction curve."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from gprscan.errors import ParameterError
from gprscan.kernels.jit import threads
from gprscan.kernels.kirchhoff import diffraction_sum
from gprscan.migration.acquisition import acquisition, as_image, channels, image_depths
from gprscan.migration.curves import CurveTable, curve_table, reach
from gprscan.migration.medium import GroundVelocity, medium
from gprscan.migration.rho import half_derivative
from gprscan.steps import Length, step


def _halo(line: xr.Dataset, parameters: dict[str, Any]) -> int:
    geometry = acquisition(line)
    depths = image_depths(geometry, medium(parameters["velocity"]), parameters["depth_step"], parameters["max_depth"])
    return int(reach(geometry, depths, parameters["aperture"])[-1]) + 2


def padded_rows(traces: np.ndarray, dt: float, table: CurveTable) -> np.ndarray:
    """Return the filtered traces as the kernel wants them: (copy x sample, pad + trace + pad).

    Parameters
    ----------
    traces : ndarray of float32, shape (trace, sample)
    dt : float
        Sampling interval, ns.
    table : CurveTable
        Says which low-pass copies and how many zeros are needed.
    """
    n_traces, n_samples = traces.shape
    pad = table.pad
    rows = np.zeros((len(table.cutoffs) * n_samples, n_traces + 2 * pad), "float32")
    for number, copy in enumerate(half_derivative(traces, dt, table.cutoffs)):
        rows[number * n_samples : (number + 1) * n_samples, pad:-pad] = copy.T
    return rows


@step(cut="halo", halo=_halo)
def kirchhoff(
    line: xr.Dataset,
    velocity: GroundVelocity,
    aperture: float = 50.0,
    *,
    antialias: bool = True,
    depth_step: Length | None = None,
    max_depth: Length | None = None,
) -> xr.Dataset:
    """Migrate a line to depth by summing along diffraction curves.

    Parameters
    ----------
    line : xarray.Dataset
        Line over two-way travel time, time zero applied, traces regularly spaced. The transmitter-receiver distance is
        taken from ``separation``, the height of the antenna from ``antenna_height``; rays refract at the ground.
    velocity : float, str or xarray.DataArray
        Velocity in the ground, m/ns; or v(z) over ``depth`` in m, linear between its samples (two samples at one depth
        make a step).
    aperture : float
        Half-angle in degrees, at the image point, within which traces are summed.
    antialias : bool
        Take the steep parts of a curve from low-pass copies of the data, where the traces are too far apart for the
        full band.
    depth_step : float, optional
        Spacing of the depths in m; by default what a wave in the slowest layer travels down and back in one sampling
        interval.
    max_depth : float, optional
        Depth of the last row in m; by default what the last sample can have seen.

    Returns
    -------
    xarray.Dataset
        Line with dimensions ([channel,] trace, depth), depth in m below the ground. A plane reflector keeps the
        amplitude that it has in the data. Dead traces count as zero, and their columns are imaged from the neighbours.

    Raises
    ------
    MissingPositionError
        If the line has no distances, or they are irregular (apply ``regularize`` first).
    ParameterError
        If a parameter is out of range.

    Notes
    -----
    The Kirchhoff integral for two dimensions: half-derivative in time, then a sum with obliquity and spreading weights
    (Schneider 1978, Geophysics 43, 49-76; Yilmaz 2001, Seismic Data Analysis, section 4.2); the low-pass copies follow
    Gray (1992, Geophysical Prospecting 40, 795-803).
    """
    if not 0 < aperture < 90:
        msg = f"aperture is {aperture} degrees; it must be between 0 and 90."
        raise ParameterError(msg)
    ground = medium(velocity)
    geometry = acquisition(line)
    depths = image_depths(geometry, ground, depth_step, max_depth)
    tables: dict[float, CurveTable] = {}
    images = []
    for traces, separation in zip(channels(line), geometry.separation.tolist(), strict=True):
        if separation not in tables:
            tables[separation] = curve_table(
                geometry, ground, depths, separation, aperture=aperture, antialias=antialias
            )
        table = tables[separation]
        rows = padded_rows(traces, geometry.dt, table)
        image = diffraction_sum(
            rows, table.rows, table.early, table.late, table.first, table.last, table.pad, threads=threads()
        )
        images.append(image.T)
    return as_image(line, np.stack(images), depths)

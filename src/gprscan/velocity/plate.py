"""Permittivity and thickness of layers from the amplitudes of an air-coupled antenna: the plate method."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr

from gprscan.errors import ParameterError
from gprscan.units import C_AIR


def plate_layers(
    amplitudes: Sequence[Any],
    times: Sequence[Any],
    plate: Any,
    *,
    sigma_amplitude: float = 0.02,
    sigma_time: float = 0.05,
) -> xr.Dataset:
    """Return permittivity and thickness of the layers below an air-coupled antenna, from the top down.

    The echo of a metal plate on the ground is that of the whole incident wave: ``r0 = A0 / Am`` at the surface, and
    below it ``r_i = (A_i / Am) / prod over j < i of (1 - r_j^2)``, since each interface takes its share twice. With
    reflections positive like that of the metal, ``sqrt(eps_(i+1)) = sqrt(eps_i) (1 + r_i) / (1 - r_i)`` from air down;
    ``d_i = c (t_(i+1) - t_i) / (2 sqrt(eps_i))`` (Saarenketo and Scullion 2000, J. Applied Geophysics 43, 119; Al-Qadi
    and Lahouar 2005). Losses and spreading in the pavement are left out.

    Parameters
    ----------
    amplitudes : sequence of array_like
        Signed echo of each interface from the surface down, in the units of `plate`, positive where it looks like that
        of the metal (a growing permittivity). Each a number, or one value per trace.
    times : sequence of array_like
        Two-way times of the same in ns.
    plate : array_like
        Echo of the metal plate at the height of the antenna, positive.
    sigma_amplitude : float
        Standard deviation of the amplitudes over that of the plate.
    sigma_time : float
        Standard deviation of the times in ns.

    Returns
    -------
    xarray.Dataset
        ``permittivity`` and ``sigma_permittivity`` over (layer[, trace]) of the layer below each interface;
        ``thickness`` and ``sigma_thickness`` in m, NaN for the last one, whose base is not seen. NaN where no
        permittivity of 1 or more explains the amplitudes.

    Raises
    ------
    ParameterError
        If the numbers of amplitudes and times do not match, or the plate's echo is not positive.
    """
    echoes = np.stack(np.broadcast_arrays(*[np.asarray(a, dtype="float64") for a in amplitudes]))
    when = np.stack(np.broadcast_arrays(*[np.asarray(t, dtype="float64") for t in times]))
    metal = np.asarray(plate, dtype="float64")
    if len(echoes) != len(when) or np.any(~(metal > 0)):
        msg = f"{len(echoes)} amplitudes need as many times ({len(when)}), and the echo of the plate must be positive."
        raise ParameterError(msg)
    shape = np.broadcast_shapes(echoes.shape[1:], when.shape[1:], metal.shape)
    ratios = np.broadcast_to(echoes / metal, (len(echoes), *shape))
    when = np.broadcast_to(when, (len(when), *shape))
    index, thickness = _invert(ratios, when)
    # by differences: each amplitude and time moved by its standard deviation
    variance_index, variance_thickness = np.zeros_like(index), np.zeros_like(thickness)
    for i in range(len(echoes)):
        for moved_ratio, moved_time in ((sigma_amplitude, 0.0), (0.0, sigma_time)):
            ratio, time = ratios.copy(), when.copy()
            ratio[i] += moved_ratio
            time[i] += moved_time
            other_index, other_thickness = _invert(ratio, time)
            variance_index += (other_index**2 - index**2) ** 2
            variance_thickness += (other_thickness - thickness) ** 2
    dims = ("layer", "trace") if shape else ("layer",)
    if len(shape) > 1:
        msg = f"amplitudes must be numbers or have one value per trace, not the shape {shape}."
        raise ParameterError(msg)
    return xr.Dataset(
        {
            "permittivity": (dims, index**2, {"units": "1"}),
            "sigma_permittivity": (dims, np.sqrt(variance_index), {"units": "1"}),
            "thickness": (dims, thickness, {"units": "m"}),
            "sigma_thickness": (dims, np.sqrt(variance_thickness), {"units": "m"}),
        }
    )


def _invert(ratios: np.ndarray, times: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the refractive index and the thickness of the layer below each interface."""
    index = np.empty_like(ratios)
    above, passed = np.ones(ratios.shape[1:]), np.ones(ratios.shape[1:])
    for i, ratio in enumerate(ratios):
        reflection = np.where(np.abs(ratio / passed) < 1.0, ratio / passed, np.nan)
        index[i] = above * (1.0 + reflection) / (1.0 - reflection)
        index[i] = np.where(index[i] >= 1.0, index[i], np.nan)
        above, passed = index[i], passed * (1.0 - reflection**2)
    thickness = np.full_like(ratios, np.nan)
    thickness[:-1] = C_AIR * np.diff(times, axis=0) / (2.0 * index[:-1])
    return index, np.where(thickness >= 0, thickness, np.nan)

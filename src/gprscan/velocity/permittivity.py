"""Relative permittivity, velocity and water content of the ground."""

from __future__ import annotations

from typing import Any

import numpy as np

from gprscan.errors import ParameterError
from gprscan.units import C_AIR

WATER = 80.1  # relative permittivity of water at 20 degrees C
AIR = 1.0


def velocity_from_permittivity(permittivity: Any) -> Any:
    """Return the velocity of radar waves in m/ns, ``c / sqrt(eps)`` (low loss, not magnetic).

    Parameters
    ----------
    permittivity : float or array_like
        Relative permittivity, at least 1.

    Raises
    ------
    ParameterError
        If a value is below 1.

    Examples
    --------
    >>> round(velocity_from_permittivity(9.0), 4)
    0.0999
    """
    eps = _at_least("permittivity", permittivity, 1.0)
    return _like(permittivity, C_AIR / np.sqrt(eps))


def permittivity_from_velocity(velocity: Any) -> Any:
    """Return the relative permittivity ``(c / v)^2`` for a velocity in m/ns.

    Raises
    ------
    ParameterError
        If a velocity is not positive, or above that in air.
    """
    v = np.asarray(velocity, dtype="float64")
    if np.any(~(v > 0)) or np.any(v > 1.001 * C_AIR):
        msg = f"velocity is {velocity}; it must be above 0 and at most 0.2998 m/ns."
        raise ParameterError(msg)
    return _like(velocity, (C_AIR / v) ** 2)


def topp_water_content(permittivity: Any) -> Any:
    """Return the volumetric water content (m3/m3) of a mineral soil.

    The polynomial of Topp, Davis and Annan (1980, Water Resources Research 16, 574-582), valid from about 3 to 40.

    Parameters
    ----------
    permittivity : float or array_like
        Relative permittivity.
    """
    e = _at_least("permittivity", permittivity, 1.0)
    return _like(permittivity, -5.3e-2 + 2.92e-2 * e - 5.5e-4 * e**2 + 4.3e-6 * e**3)


def topp_permittivity(water_content: Any) -> Any:
    """Return the relative permittivity of a mineral soil from its volumetric water content (m3/m3).

    The inverse polynomial of Topp, Davis and Annan (1980, Water Resources Research 16, 574-582).
    """
    w = _at_least("water_content", water_content, 0.0)
    return _like(water_content, 3.03 + 9.3 * w + 146.0 * w**2 - 76.7 * w**3)


def crim_permittivity(
    porosity: Any, saturation: Any, *, matrix: float = 4.6, water: float = WATER, air: float = AIR
) -> Any:
    """Return the relative permittivity of a mixture of grains, water and air.

    The complex refractive index model, ``sqrt(eps)`` added by volume (Birchak et al. 1974, Proceedings of the IEEE 62,
    93-98; Wharton et al. 1980, SPE 9267): travel times of the parts add up.

    Parameters
    ----------
    porosity : float or array_like
        Share of the volume that is not grains, 0 to 1.
    saturation : float or array_like
        Share of the pores filled with water, 0 to 1.
    matrix, water, air : float
        Relative permittivities of the parts; 4.6 is quartz.

    Raises
    ------
    ParameterError
        If porosity or saturation are outside 0 to 1.
    """
    phi = np.asarray(porosity, dtype="float64")
    s = np.asarray(saturation, dtype="float64")
    if np.any((phi < 0) | (phi > 1)) or np.any((s < 0) | (s > 1)):
        msg = f"porosity ({porosity}) and saturation ({saturation}) are shares between 0 and 1."
        raise ParameterError(msg)
    root = (1 - phi) * np.sqrt(matrix) + phi * s * np.sqrt(water) + phi * (1 - s) * np.sqrt(air)
    return _like(porosity if np.ndim(porosity) >= np.ndim(saturation) else saturation, root**2)


def crim_saturation(
    permittivity: Any, porosity: Any, *, matrix: float = 4.6, water: float = WATER, air: float = AIR
) -> Any:
    """Return the share of the pores filled with water that a permittivity asks for: the inverse of `crim_permittivity`.

    ``S = (sqrt(eps) - (1 - phi) sqrt(eps_m) - phi sqrt(eps_a)) / (phi (sqrt(eps_w) - sqrt(eps_a)))``. Below 0 or above 1
    where no saturation explains it.

    Parameters
    ----------
    permittivity : float or array_like
        Relative permittivity, at least 1.
    porosity : float or array_like
        Share of the volume that is not grains, above 0 and at most 1.
    matrix, water, air : float
        Relative permittivities of the parts.

    Raises
    ------
    ParameterError
        If a value is out of its range.
    """
    eps, phi = _at_least("permittivity", permittivity, 1.0), np.asarray(porosity, dtype="float64")
    if np.any((phi <= 0) | (phi > 1)):
        msg = f"porosity is {porosity}; it must be above 0 and at most 1."
        raise ParameterError(msg)
    dry = (1 - phi) * np.sqrt(matrix) + phi * np.sqrt(air)
    return _like(permittivity, (np.sqrt(eps) - dry) / (phi * (np.sqrt(water) - np.sqrt(air))))


def crim_porosity(
    permittivity: Any, saturation: Any, *, matrix: float = 4.6, water: float = WATER, air: float = AIR
) -> Any:
    """Return the porosity that a permittivity asks for at a known saturation: the inverse of `crim_permittivity`.

    ``phi = (sqrt(eps) - sqrt(eps_m)) / (S sqrt(eps_w) + (1 - S) sqrt(eps_a) - sqrt(eps_m))``: the air voids of dry
    asphalt, or the water-filled ones of saturated ground.

    Parameters
    ----------
    permittivity : float or array_like
        Relative permittivity, at least 1.
    saturation : float or array_like
        Share of the pores filled with water, 0 to 1.
    matrix, water, air : float
        Relative permittivities of the parts.

    Raises
    ------
    ParameterError
        If a value is out of its range, or the pores have the permittivity of the grains and tell nothing.
    """
    eps, s = _at_least("permittivity", permittivity, 1.0), np.asarray(saturation, dtype="float64")
    contrast = s * np.sqrt(water) + (1 - s) * np.sqrt(air) - np.sqrt(matrix)
    if np.any((s < 0) | (s > 1)) or np.any(np.abs(contrast) < 1e-3):
        msg = f"saturation is {saturation}; it must be from 0 to 1, and the pores differ from the grains."
        raise ParameterError(msg)
    return _like(permittivity, (np.sqrt(eps) - np.sqrt(matrix)) / contrast)


def topp_exact_permittivity(water_content: Any) -> Any:
    """Return the permittivity at which `topp_water_content` gives a water content (m3/m3), by Newton's method.

    The two polynomials of Topp, Davis and Annan (1980) are separate fits and inverse to each other to about 0.01 m3/m3;
    this is the exact way back.

    Raises
    ------
    ParameterError
        If a water content is not from 0 to 0.6.
    """
    w = np.asarray(water_content, dtype="float64")
    if np.any(~((w >= 0) & (w <= 0.6))):
        msg = f"water_content is {water_content}; it must be from 0 to 0.6."
        raise ParameterError(msg)
    # the polynomial grows everywhere: its slope has no zero
    e = 3.03 + 9.3 * w + 146.0 * w**2 - 76.7 * w**3
    for _ in range(50):
        e = e - (-5.3e-2 + 2.92e-2 * e - 5.5e-4 * e**2 + 4.3e-6 * e**3 - w) / (2.92e-2 - 1.1e-3 * e + 1.29e-5 * e**2)
    return _like(water_content, e)


def _at_least(name: str, value: Any, lowest: float) -> np.ndarray:
    array = np.asarray(value, dtype="float64")
    if np.any(array < lowest):
        msg = f"{name} is {value}; it cannot be below {lowest:g}."
        raise ParameterError(msg)
    return array


def _like(given: Any, result: np.ndarray) -> Any:
    """Return a number for a number, and keep the labels of a DataArray."""
    if hasattr(given, "copy") and hasattr(given, "dims"):
        return given.copy(data=result)
    return float(result) if np.ndim(result) == 0 else result

"""Permittivity, velocity and water content against published values."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from gprscan.errors import ParameterError
from gprscan.velocity import (
    crim_permittivity,
    permittivity_from_velocity,
    topp_permittivity,
    topp_water_content,
    velocity_from_permittivity,
)


def test_velocity_and_permittivity_are_inverse() -> None:
    eps = np.array([1.0, 4.0, 9.0, 80.0])
    np.testing.assert_allclose(velocity_from_permittivity(eps), [0.299792, 0.149896, 0.099931, 0.033518], rtol=1e-4)
    np.testing.assert_allclose(permittivity_from_velocity(velocity_from_permittivity(eps)), eps)
    assert isinstance(velocity_from_permittivity(9.0), float)


def test_labels_are_kept() -> None:
    profile = xr.DataArray([4.0, 9.0], dims="depth", coords={"depth": [0.0, 1.0]})
    velocity = velocity_from_permittivity(profile)
    assert velocity.dims == ("depth",)
    np.testing.assert_array_equal(velocity["depth"], profile["depth"])


def test_topp_is_its_own_inverse_within_the_published_error() -> None:
    """The two polynomials were fitted separately: they are inverse to about the error of the fit, 0.013 m3/m3."""
    water = np.array([0.05, 0.15, 0.3, 0.45])
    np.testing.assert_allclose(topp_water_content(topp_permittivity(water)), water, atol=0.015)
    # a permittivity of 20 is about 0.345 by hand: -0.053 + 0.584 - 0.22 + 0.0344
    assert topp_water_content(20.0) == pytest.approx(0.3454, abs=1e-4)


def test_crim_reaches_its_end_members() -> None:
    assert crim_permittivity(0.0, 0.5) == pytest.approx(4.6)
    assert crim_permittivity(1.0, 1.0) == pytest.approx(80.1)
    assert crim_permittivity(1.0, 0.0) == pytest.approx(1.0)
    # travel times add: one third water by volume in quartz
    saturated = crim_permittivity(1 / 3, 1.0)
    assert np.sqrt(saturated) == pytest.approx(2 / 3 * np.sqrt(4.6) + np.sqrt(80.1) / 3)
    assert crim_permittivity(0.4, np.array([0.0, 0.5, 1.0])).shape == (3,)


def test_impossible_values_are_named() -> None:
    with pytest.raises(ParameterError, match="below 1"):
        velocity_from_permittivity(0.5)
    with pytest.raises(ParameterError, match="above 0"):
        permittivity_from_velocity(0.4)
    with pytest.raises(ParameterError, match="between 0 and 1"):
        crim_permittivity(1.4, 0.5)

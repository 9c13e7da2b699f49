"""Layers, RMS velocity and Dix."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from gprscan.errors import ParameterError
from gprscan.velocity import interval_velocity, layered, rms_velocity


def test_dix_returns_the_layers() -> None:
    profile = layered([0.2, 0.4], [0.13, 0.1, 0.08])
    times = np.array([2 * 0.2 / 0.13, 2 * 0.2 / 0.13 + 2 * 0.4 / 0.1, 20.0])
    rms = rms_velocity(profile, times)
    assert rms.values[0] == pytest.approx(0.13)
    assert rms.values[1] == pytest.approx(np.sqrt((0.13**2 * times[0] + 0.1**2 * 8.0) / times[1]))
    back = interval_velocity(rms)
    np.testing.assert_allclose(back["depth"], profile["depth"], atol=1e-12)
    np.testing.assert_allclose(back, profile, atol=1e-12)


def test_rms_of_a_gradient_by_quadrature() -> None:
    profile = xr.DataArray([0.08, 0.14], dims="depth", coords={"depth": [0.0, 2.0]})
    z = np.linspace(0, 1.0, 20001)
    v = 0.08 + 0.03 * z
    mean = 0.5 * (1 / v[1:] + 1 / v[:-1])
    time = 2 * np.sum(mean) * (z[1] - z[0])
    squared = 2 * np.sum(0.5 * (v[1:] + v[:-1])) * (z[1] - z[0]) / time
    assert float(rms_velocity(profile, np.array([time]))[0]) == pytest.approx(np.sqrt(squared), rel=1e-4)


def test_at_time_zero_it_is_the_first_layer() -> None:
    assert float(rms_velocity(layered([0.1], [0.12, 0.09]), np.array([0.0]))[0]) == 0.12
    assert float(rms_velocity(0.1, np.array([7.0]))[0]) == pytest.approx(0.1)


def test_what_no_ground_can_do_is_refused() -> None:
    falling = xr.DataArray([0.14, 0.06], dims="twt", coords={"twt": [10.0, 12.0]})
    with pytest.raises(ParameterError, match="imaginary"):
        interval_velocity(falling)
    with pytest.raises(ParameterError, match="thickness"):
        layered([0.1, 0.2], [0.1, 0.1])
    with pytest.raises(ParameterError, match="grow"):
        interval_velocity(falling.assign_coords(twt=[12.0, 10.0]))

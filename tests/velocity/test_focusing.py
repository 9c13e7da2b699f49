"""The velocity that focuses is the velocity of the ground."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from gprscan.errors import ParameterError
from gprscan.migration import kirchhoff
from gprscan.model import from_array, with_amplitude
from gprscan.velocity import focused_profile, focusing_scan, layered, rms_velocity
from tests.migration.lines import diffractor
from tests.migration.test_calibration_scenes import focus, scene


def points(profile: float | xr.DataArray, *, noise: float = 0.0, height: float = 0.0) -> xr.Dataset:
    """Return a line over six points at different depths."""
    from gprscan.migration.acquisition import recording
    from gprscan.migration.curves import diffraction_curves
    from gprscan.migration.medium import medium

    along = 0.05 * np.arange(140)
    empty = from_array(
        np.zeros((140, 260), "float32"), dt=0.25, spacing=0.05, frequency=250, separation=0.15, antenna_height=height
    )
    total = np.random.default_rng(3).normal(0, noise, (140, 260)) if noise else np.zeros((140, 260))
    for x, depth in [(1.0, 0.7), (2.0, 1.9), (3.0, 1.1), (4.2, 2.3), (5.0, 1.5), (6.0, 0.8)]:
        lateral = np.abs(along - x)
        order = np.argsort(lateral)
        times, spreading = np.empty((2, 140))
        curves = diffraction_curves(recording(empty), medium(profile), np.array([depth]), lateral[order], 0.15)
        times[order] = curves[0][0]
        # rays that refract into the air towards grazing spread: the echo fades with the root of the curvature
        spreading[order] = np.sqrt(curves[2][0] / curves[2][0, 0])
        pulse = diffractor(140, 260, dt=0.25, frequency=250, times=times)
        total += pulse["amplitude"].values * spreading[:, None]
    return with_amplitude(empty, total.astype("float32"))


@pytest.mark.parametrize("height", [0.0, 0.3])
def test_uniform_ground(height: float) -> None:
    scan = focusing_scan(points(0.095, noise=0.02, height=height), np.geomspace(0.07, 0.13, 22))
    found = np.isfinite(scan["rms_velocity"].values)
    assert found.sum() >= 2
    error = scan["rms_velocity"].values[found] - 0.095
    assert np.all(np.abs(error) < (0.002 if height == 0 else 0.007))
    assert np.all(np.abs(error) < 3 * scan["sigma"].values[found])
    profile = focused_profile(scan)
    assert np.all(np.abs(profile.values - 0.095) < np.maximum(3 * profile["sigma"].values, 0.002))


def test_layers() -> None:
    truth = layered([0.6, 0.8], [0.125, 0.1, 0.085])
    scan = focusing_scan(points(truth), np.geomspace(0.07, 0.15, 26), window=14.0)
    found = np.isfinite(scan["rms_velocity"].values)
    expected = rms_velocity(truth, scan["event_time"].values[found]).values
    np.testing.assert_allclose(scan["rms_velocity"].values[found], expected, rtol=0.03)
    profile = focused_profile(scan)
    assert profile.values[0] > profile.values[-1] + 0.015
    # depths follow from the times: within 5 cm, the aim for velocities that nobody measured
    image = kirchhoff(points(truth), profile, depth_step=0.01)
    for x, depth in [(2.0, 1.9), (3.0, 1.1), (5.0, 1.5)]:
        place, found_depth = focus(image, x, depth)
        assert abs(place - x) < 0.03
        assert abs(found_depth - depth) < 0.05


def test_noise_does_not_focus() -> None:
    noise = np.random.default_rng(2).normal(size=(80, 260)).astype("float32")
    scan = focusing_scan(from_array(noise, dt=0.25, spacing=0.05, frequency=200), np.geomspace(0.07, 0.13, 8))
    assert np.isnan(scan["rms_velocity"].values).all()
    with pytest.raises(ParameterError, match="diffractions"):
        focused_profile(scan)


def test_wrong_ranges_are_named() -> None:
    line = diffractor(48, 128, depth=1.0)
    with pytest.raises(ParameterError, match="growing"):
        focusing_scan(line, [0.1, 0.09, 0.08, 0.07, 0.06])
    with pytest.raises(ParameterError, match="longer than the record"):
        focusing_scan(line, window=500.0)


@pytest.mark.parametrize("name", ["c01_points", "c02_points_layered", "c03_dip_air"])
def test_scatterers_focus_with_the_velocity_found(shared: Path, name: str) -> None:
    line, _, truth = scene(shared, name)
    profile = focused_profile(focusing_scan(line, np.geomspace(0.08, 0.15, 22)))
    image = kirchhoff(line, profile, depth_step=0.005)
    for item in truth["objects"]:
        if item["class"] == "point_scatterer":
            x, depth = focus(image, item["apex_x_m"], item["center_depth_m"])
            assert abs(x - item["apex_x_m"]) <= 0.05
            assert abs(depth - item["center_depth_m"]) <= 0.05


def test_sigma_is_that_of_a_value_and_not_of_a_mean() -> None:
    """Between exact picks v(z) may still walk: a quarter of the variance from window to window."""
    times = np.arange(5.0, 45.0, 5.0)
    exact = {name: ("twt", np.full(times.size, value)) for name, value in (("rms_velocity", 0.1), ("sigma", 1e-6))}
    scan = xr.Dataset({**exact, "event_time": ("twt", times)}, coords={"twt": times})
    for smoothness in (0.02, 0.004):
        sigma = focused_profile(scan, smoothness=smoothness)["sigma"].values
        assert sigma.min() >= 0.499 * smoothness
        assert sigma.max() < smoothness

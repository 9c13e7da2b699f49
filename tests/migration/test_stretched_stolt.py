"""Stolt's method over v(z): beside phase shift, which has no approximation."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from gprscan.errors import ParameterError
from gprscan.migration import phase_shift, stolt
from gprscan.migration.medium import medium
from gprscan.migration.stolt import stretch
from tests import reference
from tests.migration.lines import diffractor, energy_near, envelope, layered_times, peak, profile

ALONG = 0.05 * (np.arange(160) - 80)
TOPS = [0.0, 0.5, 1.2]
LAYERS = {
    "faster": [0.08, 0.10, 0.13],
    "slower": [0.13, 0.10, 0.08],
    "drop": [0.12, 0.09, 0.09],
    "slow": [0.10, 0.06, 0.09],
}


def gradient_line(depth: float) -> tuple[xr.Dataset, xr.DataArray]:
    """Return a line over a point in a velocity of 0.08 m/ns that grows by 0.03 per m, and that velocity."""
    times = 2 * reference.gradient_time(ALONG, np.array(depth), 0.08, 0.03)
    velocity = xr.DataArray([0.08, 0.20], dims="depth", coords={"depth": [0.0, 4.0]})
    return diffractor(160, 400, dt=0.25, times=times), velocity


def check(line: xr.Dataset, velocity: xr.DataArray, depth: float, alike: float) -> None:
    """Compare place and energy of one point with those of phase shift."""
    image, exact = stolt(line, velocity, 50, depth_step=0.01), phase_shift(line, velocity, 50, depth_step=0.01)
    np.testing.assert_array_equal(image["depth"].values, exact["depth"].values)
    trace, row = peak(image)
    assert abs(trace - 80) <= 1
    assert abs(image["depth"].values[row] - depth) <= 0.0101
    assert energy_near(image, 80) > energy_near(exact, 80) - 0.025
    ours, other = (i["amplitude"].values[60:101, row - 30 : row + 31].ravel() for i in (image, exact))
    assert np.corrcoef(ours, other)[0, 1] > alike


@pytest.mark.parametrize("depth", [0.6, 1.5, 2.2])
def test_a_gradient(depth: float) -> None:
    check(*gradient_line(depth), depth, 0.96)


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize(("depth", "alike"), [(0.9, 0.9), (1.5, 0.98), (2.0, 0.98)])
def test_layers(name: str, depth: float, alike: float) -> None:
    """At the shallow point the mean W, and the mean velocity of the aperture, fit least."""
    times = 2 * layered_times(ALONG, depth, TOPS, LAYERS[name])
    check(diffractor(160, 400, dt=0.25, times=times), profile(TOPS, LAYERS[name]), depth, alike)


@pytest.mark.parametrize(("separation", "height"), [(0.3, 0.0), (0.0, 0.3), (0.3, 0.3)])
def test_offset_and_air_gap(separation: float, height: float) -> None:
    layers, tops = LAYERS["faster"], TOPS
    if height > 0:
        layers, tops = [0.299792458, *layers], [0.0, *(height + np.array(TOPS))]
    times = sum(layered_times(ALONG + side * separation, height + 1.5, tops, layers) for side in (-0.5, 0.5))
    line = diffractor(160, 400, dt=0.25, times=times, separation=separation, height=height)
    image = stolt(line, profile(TOPS, LAYERS["faster"]), 50, depth_step=0.01)
    trace, row = peak(image)
    assert abs(trace - 80) <= 1
    assert abs(image["depth"].values[row] - 1.5) <= 0.0125


def test_a_flat_reflector_keeps_its_amplitude_and_depth() -> None:
    ground = medium(profile(TOPS, LAYERS["slower"]))
    times = np.full(160, 2 * float(ground.time(1.6)))
    line = diffractor(160, 400, dt=0.25, times=times)
    image = stolt(line, profile(TOPS, LAYERS["slower"]), 50, depth_step=0.01)
    strength = envelope(image)[80]
    assert abs(image["depth"].values[np.argmax(strength)] - 1.6) <= 0.0101
    assert strength.max() == pytest.approx(1 / np.sqrt(times[0]), rel=0.03)


def test_equal_layers_are_one_velocity() -> None:
    """The stretch of a hardly changing velocity leaves the image of the single one."""
    line = diffractor(128, 300, dt=0.25, depth=1.2)
    one, two = (stolt(line, v, 50, depth_step=0.01, max_depth=3.0) for v in (0.1, profile([0.0, 1.0], [0.1, 0.100001])))
    np.testing.assert_allclose(two["amplitude"], one["amplitude"], atol=0.02 * float(abs(one["amplitude"]).max()))


def test_w_of_a_gradient_from_its_closed_form() -> None:
    """With v = v0 exp(g t / 2): vrms^2 t = v0^2 (e^gt - 1) / g and S = g t (e^2gt - 1) / (2 (e^gt - 1)^2)."""
    axis = stretch(
        medium(xr.DataArray([0.08, 0.29], dims="depth", coords={"depth": [0.0, 7.0]}), cell=0.002), 0.25, 60.0
    )
    g, t = 0.03, np.linspace(0.02, 60.0, 3000)
    grown = np.expm1(g * t)
    area = 2 * (grown / g - t) / g
    w = 1 - area * g**2 / grown**2 * (np.exp(g * t) - np.expm1(2 * g * t) / (2 * grown))
    assert axis.w == pytest.approx(w.mean(), abs=0.003)
    assert axis.reference == pytest.approx(0.08 * np.sqrt(area[-1]) / 60.0, rel=1e-3)
    assert axis.stretched[-1] == pytest.approx(60.0)


def test_steep_flanks_over_slower_layers_are_the_limit() -> None:
    """At 75 degrees a mean W no longer holds where the velocity falls with depth; the documentation says so."""
    line = diffractor(160, 400, dt=0.25, times=2 * layered_times(ALONG, 1.5, TOPS, LAYERS["slower"]))
    steep, moderate = (stolt(line, profile(TOPS, LAYERS["slower"]), angle, depth_step=0.01) for angle in (75, 50))
    assert peak(steep)[0] == peak(moderate)[0] == 80
    assert energy_near(steep, 80) < energy_near(moderate, 80) - 0.1


def test_too_strong_a_change_is_refused() -> None:
    with pytest.raises(ParameterError, match=r"W is .* 'phase_shift' or 'kirchhoff'"):
        stolt(diffractor(), profile([0.0, 0.5], [0.15, 0.06]))

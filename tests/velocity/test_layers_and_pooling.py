"""Gathers, plate amplitudes, pooled fits and layered sections, against ray tracing and forward models by hand."""

from __future__ import annotations

import numpy as np
import pytest

from gprscan.errors import ParameterError
from gprscan.migration.medium import medium
from gprscan.units import C_AIR
from gprscan.velocity import (
    crim_permittivity,
    crim_porosity,
    crim_saturation,
    diffraction_times,
    fit_diffraction,
    interval_velocity,
    layer_thickness,
    layered,
    layered_section,
    moveout_semblance,
    pick_moveout,
    plate_layers,
    pool_velocities,
    rms_velocity,
    topp_exact_permittivity,
    topp_water_content,
)
from tests.filters.lines import ricker


def test_semblance_finds_the_layers_of_a_gather() -> None:
    # a reflection of two flat layers by tracing rays: offset and time over the ray parameter
    velocities, thickness = np.array([0.14, 0.09]), np.array([0.6, 0.8])
    p = np.sin(np.radians(np.linspace(0, 70, 400))) / velocities[0]
    cosine = np.sqrt(1 - (p[:, None] * velocities) ** 2)
    x = 2 * np.cumsum(thickness * p[:, None] * velocities / cosine, axis=1)
    t = 2 * np.cumsum(thickness / (velocities * cosine), axis=1)
    offsets, time = np.arange(0.1, 1.4, 0.05), np.arange(400) * 0.1
    gather = sum(ricker(time[None] - np.interp(offsets, x[:, i], t[:, i])[:, None]) for i in range(2))
    gather[4] = np.nan
    panel = moveout_semblance(gather, time, offsets, np.arange(0.06, 0.2, 0.002))
    picks = pick_moveout(panel, least=0.6, apart=5.0)
    truth = rms_velocity(layered([0.6], [0.14, 0.09]), t[0])
    assert picks.sizes["twt"] == 2
    np.testing.assert_allclose(picks["twt"], t[0], atol=0.8)
    np.testing.assert_allclose(picks["velocity"], truth, atol=0.006)
    assert interval_velocity(picks["velocity"]).values[-1] == pytest.approx(0.09, abs=0.012)
    assert pick_moveout(panel, least=1.1).sizes["twt"] == 0


def test_semblance_of_the_ground_wave() -> None:
    offsets, time = np.arange(0.2, 2.0, 0.1), np.arange(400) * 0.1
    gather = ricker(time[None] - 3.0 - offsets[:, None] / 0.11)
    panel = moveout_semblance(gather, time, offsets, [0.09, 0.1, 0.11, 0.12, 0.13], kind="direct")
    best = panel.stack(z=("velocity", "twt")).idxmax("z").item()
    assert best[0] == pytest.approx(0.11)
    assert panel.max() == pytest.approx(1.0, abs=0.02)
    with pytest.raises(ParameterError, match="three live"):
        moveout_semblance(gather[:2], time, offsets[:2], [0.1])


def test_plate_method_inverts_its_forward_model() -> None:
    permittivity, thickness = [5.5, 8.0, 14.0], [0.12, 0.3]
    index = np.sqrt([1.0, *permittivity])
    reflection = (index[1:] - index[:-1]) / (index[1:] + index[:-1])
    passed = np.concatenate([[1.0], np.cumprod(1 - reflection[:-1] ** 2)])
    delays = np.concatenate([[0.0], np.cumsum(2 * np.array(thickness) * index[1:3] / C_AIR)])
    found = plate_layers(list(900.0 * reflection * passed), list(3.0 + delays), 900.0)
    np.testing.assert_allclose(found["permittivity"], permittivity, rtol=1e-10)
    np.testing.assert_allclose(found["thickness"], [*thickness, np.nan], rtol=1e-10)
    # the uncertainty against draws
    rng = np.random.default_rng(3)
    echoes = 900.0 * (reflection * passed)[:, None] + 18.0 * rng.standard_normal((3, 4000))
    times = 3.0 + delays[:, None] + 0.05 * rng.standard_normal((3, 4000))
    drawn = plate_layers(list(echoes), list(times), 900.0)
    spread = drawn["permittivity"].std("trace")
    np.testing.assert_allclose(found["sigma_permittivity"], spread, rtol=0.15)
    np.testing.assert_allclose(found["sigma_thickness"][:2], drawn["thickness"].std("trace")[:2], rtol=0.15)
    assert np.isnan(plate_layers([950.0], [3.0], 900.0)["permittivity"].item())


def test_pooling_recovers_layers_and_resists_outliers() -> None:
    truth = layered([0.5], [0.12, 0.085])
    rng = np.random.default_rng(5)
    times = rng.uniform(3.0, 24.0, 60)
    rms = np.interp(times, np.arange(0.1, 30, 0.1), rms_velocity(truth, np.arange(0.1, 30, 0.1)).values)
    values = rms + 0.003 * rng.standard_normal(60)
    values[::7] += 0.05
    profile = pool_velocities(times, values, np.full(60, 0.003))
    wanted = np.where(profile["twt"].values < 2 * 0.5 / 0.12, 0.12, 0.085)
    far = np.abs(profile["twt"].values - 2 * 0.5 / 0.12) > 3.0
    assert np.abs(profile.values - wanted)[far].max() < 0.012
    assert medium(profile).time(np.array([1.0])).item() == pytest.approx(0.5 / 0.12 + 0.5 / 0.085, rel=0.03)
    assert profile["sigma"].values.max() < 0.015


def test_pooling_without_fits_is_the_prior() -> None:
    profile = pool_velocities([], [], [], prior=0.11, prior_sigma=0.02)
    np.testing.assert_allclose(profile.values, 0.11, rtol=1e-6)
    assert 0.005 < profile["sigma"].values.min() <= profile["sigma"].values.max() <= 0.0201
    with pytest.raises(ParameterError, match="positive"):
        pool_velocities([1.0], [0.1], [0.0])


def test_oblique_wire_and_wide_cylinder() -> None:
    # a wire at 40 degrees: the shortest of all paths over its points
    x, depth, velocity, separation, angle = np.linspace(-1, 1, 21), 0.8, 0.1, 0.3, 40.0
    along = np.linspace(-4, 4, 160001)
    wire = np.stack([along * np.cos(np.radians(angle)), along * np.sin(np.radians(angle))])
    paths = [
        min(
            np.sqrt((a - 0.15 - wire[0]) ** 2 + wire[1] ** 2 + depth**2)
            + np.sqrt((a + 0.15 - wire[0]) ** 2 + wire[1] ** 2 + depth**2)
        )
        for a in x
    ]
    times = diffraction_times(x, depth, velocity, separation=separation, crossing=angle)
    np.testing.assert_allclose(times, np.array(paths) / velocity, rtol=1e-7)
    fit = fit_diffraction(x, times, separation=separation, crossing=angle)
    assert (fit.depth, fit.velocity) == pytest.approx((depth, velocity), rel=1e-4)
    assert fit_diffraction(x, times, separation=separation).velocity > 1.3 * velocity
    wide = diffraction_times(x, 0.6, 0.11, separation=0.15, height=0.03, radius=0.3)
    fit = fit_diffraction(x, wide, separation=0.15, height=0.03, radius=0.3)
    assert (fit.depth, fit.velocity) == pytest.approx((0.6, 0.11), rel=1e-3)
    with pytest.raises(ParameterError, match="crossing"):
        diffraction_times(x, 1.0, 0.1, crossing=0.0)


def test_layered_section_follows_the_interfaces() -> None:
    x = np.linspace(0, 10, 11)
    first, second = 2.0 + 0.1 * x, np.where(x == 5, np.nan, 8.0)
    section = layered_section(x, [first, second], [0.12, 0.1, 0.08], [0.01, 0.01, 0.02])
    assert section.dims == ("distance", "depth")
    for i in (0, 5, 10):
        depth = 0.06 * first[i]
        assert section[i].sel(depth=depth - 0.03, method="nearest") == 0.12
        assert section[i].sel(depth=depth + 0.03, method="nearest") == 0.1
        assert section["sigma"][i].sel(depth=depth + 0.05 * (8 - first[i]) + 0.03, method="nearest") == 0.02
    with pytest.raises(ParameterError, match="above the one before"):
        layered_section(x, [first, first - 1.0], [0.1, 0.1, 0.1])
    thickness, sigma = layer_thickness(2.0, 5.0, 0.1, sigma_top=0.3, sigma_bottom=0.4, sigma_velocity=0.01)
    assert (thickness, sigma) == pytest.approx((0.15, np.hypot(0.025, 0.015)))


def test_permittivity_models_and_the_way_back() -> None:
    porosity = np.array([0.1, 0.3, 0.45])
    eps = crim_permittivity(porosity, 0.4)
    np.testing.assert_allclose(crim_saturation(eps, porosity), 0.4, rtol=1e-12)
    np.testing.assert_allclose(crim_porosity(eps, 0.4), porosity, rtol=1e-12)
    water = np.linspace(0, 0.55, 12)
    np.testing.assert_allclose(topp_water_content(topp_exact_permittivity(water)), water, atol=1e-12)
    with pytest.raises(ParameterError, match="porosity"):
        crim_saturation(5.0, 0.0)
    with pytest.raises(ParameterError, match="grains"):
        crim_porosity(5.0, 1.5)

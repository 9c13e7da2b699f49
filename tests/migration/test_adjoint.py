"""Demigration is the adjoint of migration, and least squares on top of it explains the data."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from gprscan.errors import LineError, ParameterError
from gprscan.migration import demigrate, kirchhoff, kirchhoff_least_squares
from gprscan.model import from_array, with_amplitude
from gprscan.velocity import layered
from tests.migration.lines import diffractor, energy_near, envelope, plane


@pytest.mark.parametrize("antialias", [True, False])
@pytest.mark.parametrize("velocity", [0.1, layered([0.3, 0.5], [0.13, 0.1, 0.08])])
def test_dot_product(antialias: bool, velocity: float | xr.DataArray) -> None:
    rng = np.random.default_rng(8)
    data = rng.normal(size=(2, 70, 120)).astype("float32")
    line = from_array(data, dt=0.5, spacing=0.1, frequency=200, separation=[0.1, 0.3], antenna_height=0.05)
    image = kirchhoff(line, velocity, 60, antialias=antialias)
    other = with_amplitude(image, rng.normal(size=image["amplitude"].shape).astype("float32"))
    back = demigrate(other, line, velocity, 60, antialias=antialias)
    one = np.vdot(image["amplitude"].values.astype("float64"), other["amplitude"].values)
    two = np.vdot(data.astype("float64"), back["amplitude"].values)
    norms = np.linalg.norm(image["amplitude"].values) * np.linalg.norm(other["amplitude"].values)
    assert abs(one - two) < 1e-5 * norms
    assert abs(one - two) < 1e-4 * abs(one)


@pytest.mark.parametrize("antialias", [True, False])
@pytest.mark.parametrize(("rough", "height"), [(0.0, 0.0), (0.0, 0.05), (0.03, 0.0)])
def test_dot_product_through_a_section(antialias: bool, rough: float, height: float) -> None:
    """v(x, z) with two separations, from the air, and over a ground so rough that every trace is a knot."""
    rng = np.random.default_rng(8)
    data = rng.normal(size=(2, 70, 120)).astype("float32")
    line = from_array(data, dt=0.5, spacing=0.1, frequency=200, separation=[0.0, 0.3], antenna_height=height)
    line = line.assign_coords(z=("trace", 0.2 * np.sin(np.arange(70) / 8) + rough * rng.normal(size=70)))
    velocity = xr.DataArray(
        [[0.08, 0.1], [0.12, 0.1]], dims=("distance", "depth"), coords={"distance": [0.0, 7.0], "depth": [0.0, 3.0]}
    )
    options = {"antialias": antialias, "topography": rough > 0, "max_depth": 2.0}
    image = kirchhoff(line, velocity, 60, **options)
    other = with_amplitude(image, rng.normal(size=image["amplitude"].shape).astype("float32"))
    back = demigrate(other, line, velocity, 60, **options)
    one = np.vdot(image["amplitude"].values.astype("float64"), other["amplitude"].values)
    two = np.vdot(data.astype("float64"), back["amplitude"].values)
    norms = np.linalg.norm(image["amplitude"].values) * np.linalg.norm(other["amplitude"].values)
    assert abs(one - two) < 1e-5 * norms
    assert abs(one) > 1e-4 * norms


def test_least_squares_through_a_section() -> None:
    velocity = xr.DataArray(
        [[0.1, 0.1], [0.1, 0.1]], dims=("distance", "depth"), coords={"distance": [0.0, 5.0], "depth": [0.0, 3.0]}
    )
    line = diffractor(64, 160, depth=1.2)
    misfits = []
    for iterations in (1, 5):
        image = kirchhoff_least_squares(line, velocity, 60, iterations=iterations)
        left = line["amplitude"].values - demigrate(image, line, velocity, 60)["amplitude"].values
        misfits.append(float(np.sum(left**2) / np.sum(line["amplitude"].values ** 2)))
    assert misfits[1] < 0.5 * misfits[0]
    assert misfits[1] < 0.2


def test_an_image_of_a_point_spreads_along_its_curve() -> None:
    line = diffractor()
    image = kirchhoff(line, 0.1)
    point = np.zeros(image["amplitude"].shape, "float32")
    point[48, 98:103] = [-0.5, 0.2, 1.0, 0.2, -0.5]
    spread = envelope(demigrate(with_amplitude(image, point), line, 0.1))
    for trace in (30, 48, 60):
        expected = 2 * np.hypot(2.5, 0.05 * (trace - 48)) / 0.1 / 0.5
        assert abs(int(np.argmax(spread[trace])) - expected) <= 2


def test_an_image_that_does_not_fit_is_refused() -> None:
    line = diffractor()
    with pytest.raises(LineError, match="traces"):
        demigrate(kirchhoff(line, 0.1).isel(trace=slice(0, 50)), line, 0.1)
    with pytest.raises(ParameterError, match="2998"):
        demigrate(kirchhoff(line, 0.1), line, 0.7)


def test_least_squares_explains_more_with_every_step() -> None:
    line = diffractor(64, 160, depth=1.2)
    misfits = []
    for iterations in (1, 3, 6):
        image = kirchhoff_least_squares(line, 0.1, 60, iterations=iterations)
        left = line["amplitude"].values - demigrate(image, line, 0.1, 60)["amplitude"].values
        misfits.append(float(np.sum(left**2) / np.sum(line["amplitude"].values ** 2)))
    assert misfits[0] > misfits[1] > misfits[2]
    assert misfits[2] < 0.15


def test_least_squares_evens_out_a_gap() -> None:
    line = plane(0.0, 1.5, n_traces=121)
    data = line["amplitude"].values.copy()
    data[50:70:2] = np.nan
    gappy = with_amplitude(line, data)
    unevenness = []
    for image in (kirchhoff(gappy, 0.1), kirchhoff_least_squares(gappy, 0.1, iterations=8)):
        strength = envelope(image)[30:91].max(axis=1)
        unevenness.append(np.std(strength) / np.mean(strength))
    assert unevenness[1] < 0.7 * unevenness[0]


def test_coherence_keeps_the_point_and_drops_its_smear() -> None:
    line = diffractor()
    rng = np.random.default_rng(1)
    noisy = with_amplitude(line, line["amplitude"].values + 0.02 * rng.normal(size=(96, 256)).astype("float32"))
    plain, weighted = kirchhoff(noisy, 0.1), kirchhoff(noisy, 0.1, coherence=1.0)
    assert energy_near(plain, 48) < 0.8
    assert energy_near(weighted, 48) > 0.97
    assert envelope(weighted).max() > 0.5 * envelope(plain).max()


def test_fresnel_zones_limit_the_aperture() -> None:
    line = diffractor(128, 256, depth=2.5)
    wide, narrow = kirchhoff(line, 0.1), kirchhoff(line, 0.1, fresnel_zones=1.0)
    # one zone, sqrt(0.5 * 0.5 * 2.5 + 0.5**2 / 16) = 0.8 m, gathers about all of a flat echo, but not a diffraction
    assert energy_near(narrow, 64) < energy_near(wide, 64) - 0.1
    flat = plane(0.0, 2.5)
    assert envelope(kirchhoff(flat, 0.1, fresnel_zones=1.5))[100].max() == pytest.approx(1.0, abs=0.1)
    with pytest.raises(ParameterError, match="positive"):
        kirchhoff(line, 0.1, fresnel_zones=0.0)
    with pytest.raises(ParameterError, match="negative"):
        kirchhoff(line, 0.1, coherence=-1.0)

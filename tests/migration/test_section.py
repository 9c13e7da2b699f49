"""Kirchhoff migration through v(x, z)."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import xarray as xr

from gprscan.errors import MissingPositionError, ParameterError
from gprscan.migration import kirchhoff, phase_shift, rtm, section_kirchhoff, stolt
from gprscan.migration.acquisition import acquisition
from gprscan.migration.curves import Aperture
from gprscan.migration.section import section
from gprscan.migration.section_kirchhoff import SectionSummation
from gprscan.model import from_array
from gprscan.steps import get_step
from gprscan.velocity import layered
from tests.migration.lines import diffractor, energy_near, peak


def ramp(left: float, right: float, length: float = 10.0) -> xr.DataArray:
    """Return a velocity that changes linearly along the line."""
    x = np.linspace(0, length, 21)
    values = np.repeat((left + (right - left) * x / length)[:, None], 2, axis=1)
    return xr.DataArray(values, dims=("distance", "depth"), coords={"distance": x, "depth": [0.0, 6.0]})


@pytest.mark.parametrize(("separation", "height"), [(0.0, 0.0), (0.2, 0.05), (0.3, 0.4)])
def test_a_uniform_section_is_a_uniform_ground(separation: float, height: float) -> None:
    line = diffractor(120, 260, dt=0.25, depth=1.6, separation=separation, height=height)
    plain = kirchhoff(line, 0.1, depth_step=0.0125, max_depth=2.5)["amplitude"].values[:, 20:]
    through = kirchhoff(line, ramp(0.1, 0.1), depth_step=0.0125, max_depth=2.5)["amplitude"].values[:, 20:]
    assert np.corrcoef(plain.ravel(), through.ravel())[0, 1] > 0.99
    assert np.abs(through).max() == pytest.approx(np.abs(plain).max(), rel=0.03)


def test_velocity_growing_along_the_line() -> None:
    """Circular rays: t = 2 acosh(1 + k^2 d^2 / (2 v v')) / k."""
    gradient, x, depth = 0.006, 5.0, 1.8
    along = 0.05 * np.arange(200)
    distance = (along - x) ** 2 + depth**2
    product = 2 * (0.08 + gradient * along) * (0.08 + gradient * x)
    times = 2 * np.arccosh(1 + gradient**2 * distance / product) / gradient
    line = diffractor(200, 360, dt=0.25, times=times)
    image = kirchhoff(line, ramp(0.08, 0.14), depth_step=0.01)
    trace, row = peak(image)
    assert abs(trace - 100) <= 1
    assert abs(image["depth"].values[row] - depth) <= 0.0125
    assert energy_near(image, trace) > 0.94
    # one velocity, even the right one at the point, misplaces it along the line and smears it
    uniform = kirchhoff(line, 0.11, depth_step=0.01)
    assert abs(peak(uniform)[0] - 100) >= 2
    assert energy_near(uniform, peak(uniform)[0]) < 0.9


def test_a_line_that_runs_backwards_sees_the_section_mirrored() -> None:
    line = diffractor(120, 200, dt=0.25, depth=1.2)
    backwards = line.isel(trace=slice(None, None, -1))
    velocity = ramp(0.09, 0.12, 6.0)
    forward = kirchhoff(line, velocity, depth_step=0.02)["amplitude"].values
    mirrored = kirchhoff(backwards, velocity, depth_step=0.02)["amplitude"].values[::-1]
    # the anchors lie elsewhere, so that the blends differ a little
    assert np.corrcoef(forward.ravel(), mirrored.ravel())[0, 1] > 0.995


@pytest.mark.parametrize("hilly", [False, True])
def test_blocks_with_the_declared_halo_are_the_whole_line(hilly: bool) -> None:
    """Wherever a line is cut, through a velocity and over a hill that change along it."""
    rng = np.random.default_rng(3)
    line = from_array(rng.normal(size=(700, 80)).astype("float32"), dt=0.5, spacing=0.05, frequency=200)
    line = line.assign_coords(z=("trace", 0.4 * np.sin(0.5 * line["distance"].values)))
    parameters = {
        "velocity": 0.1 if hilly else ramp(0.08, 0.14, 35.0),
        "aperture": 40.0, "topography": hilly, "depth_step": 0.05, "max_depth": 1.0,
    }  # fmt: skip
    step = get_step("kirchhoff")
    assert step.halo is not None
    halo = step.halo(line, parameters)
    whole = kirchhoff(line, **parameters)["amplitude"].values
    for start in (170, 401):
        first, last = max(0, start - halo), min(700, start + 100 + halo)
        assert first > 0 or last < 700
        part = kirchhoff(line.isel(trace=slice(first, last)), **parameters)["amplitude"].values
        np.testing.assert_allclose(part[start - first : start - first + 100], whole[start : start + 100], atol=2e-4)


def test_coherence_weights_through_a_section_are_those_of_a_level_ground() -> None:
    line = diffractor(96, 160, depth=1.5)
    line = line.assign(amplitude=line["amplitude"] + 0.02 * np.random.default_rng(1).normal(size=(96, 160)))
    options = {"coherence": 1.0, "depth_step": 0.025, "max_depth": 2.0}
    plain, through = kirchhoff(line, 0.1, **options), kirchhoff(line, ramp(0.1, 0.1), **options)
    one, two = plain["amplitude"].values[:, 8:], through["amplitude"].values[:, 8:]
    assert np.corrcoef(one.ravel(), two.ravel())[0, 1] > 0.99
    assert np.abs(two).max() == pytest.approx(np.abs(one).max(), rel=0.05)


def test_what_does_not_go_through_a_section_says_so() -> None:
    line = diffractor()
    with pytest.raises(ParameterError, match="kirchhoff"):
        stolt(line, ramp(0.1, 0.1))
    with pytest.raises(ParameterError, match="distance"):
        kirchhoff(line, ramp(0.1, 0.1).drop_vars("distance"))


@pytest.mark.parametrize("separation", [0.0, 0.3])
def test_topography(separation: float) -> None:
    """A point below a hill: straight rays from antennas at their true heights."""
    along = 0.05 * np.arange(200)
    hill = 0.6 * np.exp(-(((along - 4.0) / 1.5) ** 2))
    x, z = 5.5, -1.0
    times = np.zeros(200)
    for side in (-0.5, 0.5):
        place = along + side * separation
        times += np.hypot(place - x, np.interp(place, along, hill) - z) / 0.1
    line = diffractor(200, 300, dt=0.25, times=times, separation=separation)
    line = line.assign_coords(z=("trace", hill))
    image = kirchhoff(line, 0.1, topography=True, depth_step=0.01)
    trace, row = peak(image)
    assert abs(trace - 110) <= 1
    assert abs(image["depth"].values[row] - (hill[110] - z)) <= 0.0125
    assert energy_near(image, trace) > 0.93
    level = kirchhoff(line, 0.1, depth_step=0.01)
    assert energy_near(level, peak(level)[0]) < 0.85
    with pytest.raises(MissingPositionError, match="elevation"):
        kirchhoff(line.drop_vars("z"), 0.1, topography=True)


@pytest.mark.parametrize("migrate", [phase_shift, rtm])
def test_wave_migrations_through_a_section(migrate) -> None:  # type: ignore[no-untyped-def]
    """Circular rays below a velocity that grows along the line, as above."""
    along = 0.05 * np.arange(120)
    distance = (along - 3.0) ** 2 + 1.2**2
    product = 2 * (0.08 + 0.008 * along) * (0.08 + 0.008 * 3.0)
    times = 2 * np.arccosh(1 + 0.008**2 * distance / product) / 0.008
    line = diffractor(120, 200, dt=0.25, times=times)
    image = migrate(line, ramp(0.08, 0.128, 6.0), 65, depth_step=0.01, max_depth=2.0)
    trace, row = peak(image)
    assert abs(trace - 60) <= 1
    assert abs(image["depth"].values[row] - 1.2) <= 0.0125
    assert energy_near(image, trace) > 0.93


def test_level_topography_over_layers_is_the_plain_migration() -> None:
    """Slanted rays see another mean velocity than vertical ones."""
    line = diffractor(160, 300, dt=0.25, depth=1.6)
    layers = layered([0.4], [0.15, 0.08])
    options = {"velocity": layers, "depth_step": 0.0125, "max_depth": 2.0}
    plain = kirchhoff(line, **options)["amplitude"].values[:, 20:]
    level = line.assign_coords(z=("trace", np.full(160, 7.0)))
    over = kirchhoff(level, topography=True, **options)["amplitude"].values[:, 20:]
    assert np.corrcoef(plain.ravel(), over.ravel())[0, 1] > 0.99


@pytest.mark.parametrize("lens", [0.0, 0.02])
def test_times_between_solved_places_are_those_solved_everywhere(monkeypatch: pytest.MonkeyPatch, lens: float) -> None:
    """Few places are solved where the velocity changes slowly, and those around a lens; times stray by no more than allowed."""
    x, z = np.linspace(0.0, 60.0, 241), np.linspace(0.0, 4.0, 17)
    values = (
        0.09 + 0.02 * np.sin(x / 15)[:, None] * np.exp(-z / 4) - lens * np.exp(-((x[:, None] - 31) ** 2) - (z - 1) ** 2)
    )
    velocity = xr.DataArray(values, dims=("distance", "depth"), coords={"distance": x, "depth": z})
    line = from_array(np.zeros((1200, 160), "float32"), dt=0.5, spacing=0.05, frequency=200)
    geometry = acquisition(line)
    ground = section(velocity, line, geometry, 3.0, margin=10.0)
    operator = SectionSummation(geometry, ground, np.linspace(0.05, 3.0, 40), 0.0, Aperture(50.0, None, False))
    solved, solve = [], section_kirchhoff.mean_slowness

    def counted(slowness: np.ndarray, sources: np.ndarray, *arguments: Any, **options: Any) -> np.ndarray:
        solved.append(sources.size)
        return solve(slowness, sources, *arguments, **options)

    monkeypatch.setattr(section_kirchhoff, "mean_slowness", counted)
    few, lattice = operator._ratios(0.0, 60.0)
    number = sum(solved)
    monkeypatch.setattr(section_kirchhoff, "SPARSE", 1)
    every, _ = operator._ratios(0.0, 60.0)
    away = np.hypot(operator.depths[:, None], lattice[1] * (np.arange(every.shape[2]) - lattice[2]))
    stray = 2 * np.abs(few - every) * away
    assert 0 < stray.max() <= section_kirchhoff.STRAY * 1e3 / 200
    assert number < (0.7 if lens else 0.35) * (sum(solved) - number)

"""Long roads: what stones and fluctuating ground send back, and how it compares with full-wave roads."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.ndimage import uniform_filter1d

from gprscan import model
from gprscan.errors import ParameterError
from gprscan.synthetic import Layer, Road, Scene, cylinder, road_line, roads, simulate_scene, speckle, stones
from gprscan.synthetic.illumination import Ground, over_ground
from gprscan.synthetic.media import correlated_field
from gprscan.synthetic.scenes import Survey
from gprscan.synthetic.swath import LINE, swath_of
from gprscan.units import C_AIR
from tests import reference


def test_a_thin_cylinder_scatters_as_born_says() -> None:
    omega = np.array([2 * np.pi * 0.4])
    k = float(omega[0] * 3.0 / C_AIR)
    for contrast in (-0.3, 0.5):
        exact = cylinder.backscatter(omega, 0.004, 9.0 * (1 + contrast), 9.0)[0]
        assert abs(exact) == pytest.approx(cylinder.born(k, np.pi * 0.004**2, abs(contrast)), rel=0.08)


def test_a_wide_cylinder_mirrors_at_its_near_face() -> None:
    # geometrical optics: R sqrt(radius / 2), one way through the host earlier than the middle, twice
    radius, host = 0.25, 9.0
    for permittivity in (4.0, 16.0):
        time, field = cylinder.echo(radius, permittivity, host, frequency=400.0)
        mirror = (np.sqrt(host) - np.sqrt(permittivity)) / (np.sqrt(host) + np.sqrt(permittivity))
        near = np.abs(time + 2 * radius * np.sqrt(host) / C_AIR) < 0.6
        peak = field[near][np.abs(field[near]).argmax()]
        assert peak / (mirror * np.sqrt(radius / 2)) == pytest.approx(1.0, abs=0.25)


def test_the_ground_weakens_the_direct_wave() -> None:
    road = Road()
    assert over_ground(road, 1.0) == pytest.approx(1.0, abs=1e-6)
    sizes = [over_ground(road, permittivity) for permittivity in (2.0, 4.0, 8.0, 16.0)]
    assert sizes == sorted(sizes, reverse=True)
    assert over_ground(replace(road, antenna_height=2.0), 9.0) == pytest.approx(1.0, abs=0.25)


def test_spreading_in_uniform_ground_is_that_of_a_line_source() -> None:
    # both ways 1 / sqrt(distance), for antennas on ground that is like air: no surface, no gap
    road = Road(separation=0.0, antenna_height=0.0)
    ground = Ground((Layer("air", np.inf, 1.0001, 0.0, 0.0),), road, 0.0)
    along = np.arange(-40, 41) * 0.01
    _, size = ground.scattered(along, 1.0)
    expected = size[40] / np.hypot(along, 1.0)
    np.testing.assert_allclose(size[2:-2], expected[2:-2], rtol=5e-3)


class Numbers:
    """Gives chosen numbers in place of random ones, the first time."""

    def __init__(self, chosen: dict[tuple[int, int], float]) -> None:
        self.chosen = chosen

    def standard_normal(self, shape, dtype="float64"):  # type: ignore[no-untyped-def]
        values = np.zeros(shape, dtype)
        for at, value in self.chosen.items():
            values[(0, *at) if len(shape) == 3 else at] = value
        self.chosen = {}
        return values


def test_speckle_is_the_sum_over_all_cells() -> None:
    rng = np.random.default_rng(4)
    n, samples, half, spacing, depth = 90, 40, 4, 0.1, 0.3
    layers = (Layer("top", 0.1, 5.0, 0.0, 0.04), Layer("rest", np.inf, 9.0, 0.0, 0.1))
    z = np.arange(speckle.ROW / 2, depth, speckle.ROW)
    given = {float(each): rng.standard_normal((2 * half + 1, samples)).astype("float32") for each in z}
    margin = half + int(np.ceil(3 * 0.30 / spacing))
    chosen = {(margin + 20, 8): 1.5, (margin + 65, 9): -2.0, (margin + 77, 10): 1.0}
    traces = np.zeros((1, n, samples), "float32")
    speckle.add_speckle(
        traces,
        layers,
        lambda d: given[d],
        lambda _: 0.0,
        dt=0.1,
        spacing=spacing,
        depth=depth,
        swath=LINE,
        rng=Numbers(chosen),
    )
    # the field: every chosen number spread by the filter's own kernel, on a grid wide enough for all of it
    pad = int(np.ceil(0.10 / speckle.ROW))
    shape = speckle.field_filter(512, z.size + 2 * pad, spacing)
    noise = np.zeros((512, z.size + 2 * pad))
    for (row, column), value in chosen.items():
        noise[row, column] = value
    field = np.fft.irfft2(np.fft.fft2(noise)[:257] * shape, axes=(1, 0), s=(z.size + 2 * pad, 512))
    field = field[margin - half : margin + n + half, pad : pad + z.size]
    spread = np.where(z < 0.1, 0.04, 0.1)
    curves = np.stack(
        [given[float(each)] * s / 2 * np.exp(9 * s**2) for each, s in zip(z, spread, strict=True)], axis=1
    )
    expected = reference.scattered_by_cells(field, curves, n)
    np.testing.assert_allclose(traces[0], expected, atol=2e-2 * np.abs(expected).max())


def test_fluctuation_has_the_variance_of_the_full_wave_scenes() -> None:
    rng = np.random.default_rng(4)
    shape = speckle.field_filter(512, 64, 0.05)
    full = np.concatenate([shape, shape[1:-1][::-1]])
    field = np.fft.ifft2(np.fft.fft2(rng.standard_normal((512, 64))) * full).real
    assert 0.75 < field.std() <= 1.05  # what is shorter than two cells is left out


def levels(line, seconds=((5.0, 10.0), (10.0, 18.0), (18.0, 30.0))) -> np.ndarray:  # type: ignore[no-untyped-def]
    """Level of the scatter in dB below the direct wave, and likeness of neighbouring traces, per band."""
    values, time = model.amplitude(line).astype("float64"), line["twt"].values
    scatter = values - uniform_filter1d(values, 41, axis=0, mode="nearest")
    found = []
    for low, high in seconds:
        part = scatter[:, (time >= low) & (time < high)] / np.abs(values[:, time < 3.0]).max()
        found.append((10 * np.log10(np.mean(part**2)), np.mean(part[:-1] * part[1:]) / np.mean(part**2)))
    return np.array(found)


@pytest.mark.parametrize("clutter", ["low", "high"])
def test_a_long_road_looks_as_full_wave_simulation_makes_it(clutter: str) -> None:
    road, seed = Road(), 31
    rng = np.random.default_rng(seed)
    layers = roads.random_layers(rng, clutter)
    survey = Survey(400.0, 0.14, 0.03, 0.05, 81, 1.8, road.n_samples * road.dt, 0.01)
    stones = roads.scatterers_below(rng, clutter, layers, length=survey.length, depth=survey.depth)
    scene = Scene("empty", "empty", seed, clutter, survey, roads.on_nodes(layers, 0.01), stones, ())
    record = simulate_scene(scene).record
    full = model.from_array(
        record.traces, dt=record.dt, spacing=0.05, frequency=400.0, separation=0.14, time_zero=record.time_zero
    )
    quick = np.mean([levels(road_line(4.0, seed + 100 * k, clutter=clutter)[0]) for k in range(4)], axis=0)
    apart = levels(full) - quick
    assert np.abs(apart[:, 0]).max() < 6.0
    assert np.abs(apart[:, 1]).max() < 0.15


@pytest.mark.parametrize(
    "road", [Road(), Road(n_samples=256), Road(frequency=100.0, dt=0.3), Road(frequency=900.0, dt=0.03)]
)
def test_a_road_ends_as_a_longer_record_of_it_does(road: Road) -> None:
    short = model.amplitude(road_line(2.0, 5, clutter="low", road=road)[0])
    longer = model.amplitude(road_line(2.0, 5, clutter="low", road=replace(road, n_samples=road.n_samples + 100))[0])
    late = longer[:, road.n_samples - 40 : road.n_samples]
    np.testing.assert_allclose(short[:, -40:], late, atol=max(0.25 * late.std(), 1e-5))  # of a direct wave of .4 or so


@pytest.mark.parametrize("clutter", ["medium", "high"])
def test_channels_of_a_road_hear_what_a_line_hears(clutter: str) -> None:
    offsets, apart = [-0.15, 0.0, 0.15], []
    for seed in (3, 4, 5, 6):  # a seed's layers are the same with channels as without
        array, truth = road_line(12.0, seed, clutter=clutter, offsets=offsets)
        assert array["amplitude"].shape == (3, 241, 512)
        np.testing.assert_allclose(array["offset"], offsets)
        assert any(abs(stone["y_m"]) > 0.3 for stone in truth["clutter_objects"])
        mine = np.mean([levels(array.isel(channel=k)) for k in range(3)], axis=0)
        apart.append(mine - levels(road_line(12.0, seed, clutter=clutter)[0]))
    assert np.abs(np.mean(apart, axis=0)[:, 0]).max() < 2.5
    assert np.abs(np.mean(apart, axis=0)[:, 1]).max() < 0.1


def test_neighbouring_channels_are_as_alike_as_traces_so_far_apart() -> None:
    array, _ = road_line(30.0, 8, clutter="high", offsets=[0.0, 0.1, 0.2, 0.3], road=Road(spacing=0.05))
    values, late = model.amplitude(array).astype("float64"), array["twt"].values > 10
    scatter = (values - uniform_filter1d(values, 41, axis=1, mode="nearest"))[..., late]
    power = np.mean(scatter**2)
    for apart in (1, 2, 3):
        across = np.mean(scatter[:-apart] * scatter[apart:]) / power
        along = np.mean(scatter[:, : -2 * apart] * scatter[:, 2 * apart :]) / power
        assert abs(across - along) < 0.15


def test_outermost_channels_of_a_wide_swath_are_no_more_alike_than_nearer_ones() -> None:
    fields = [swath_of(np.arange(21) * 0.1).field(2000, 0.35, 0.35, np.random.default_rng(seed)) for seed in range(4)]
    alike = np.mean([np.corrcoef(field.T)[0] for field in fields], axis=0)
    # 1 m apart, and 2 m: five and a half correlation lengths
    assert alike[10] > alike[20] - 0.02
    assert alike[20] < 0.08


@pytest.mark.parametrize("correlation", [0.35, speckle.ACROSS, 2.0])
def test_the_surface_under_eight_channels_needs_no_more_than_two_correlation_lengths(correlation: float) -> None:
    field = swath_of(np.arange(8) * 0.1).field(200, 0.05, correlation, np.random.default_rng(3))
    plain = correlated_field((200, 8), (0.05, 0.1), (correlation,) * 2, np.random.default_rng(3), hurst=0.8)
    np.testing.assert_array_equal(field, plain)


def test_a_stone_beside_the_line_is_heard_as_one_so_far_along_it() -> None:
    ground = Ground((Layer("soil", np.inf, 9.0, 0.0, 0.0),), Road(antenna_height=0.0, separation=0.0), 0.0)
    along = np.linspace(-0.5, 0.5, 21)
    [(time, size)] = stones.off_line(ground, 0.8, along, [0.6])
    np.testing.assert_allclose(time, 2 * np.sqrt(0.8**2 + 0.6**2 + along**2) * 3 / C_AIR, rtol=1e-3)
    for beside in (0.0, 0.45):
        [(_, on_line)] = stones.off_line(ground, 0.8, np.linspace(-2.0, 2.0, 401), [beside])
        distance = np.hypot(np.linspace(-2.0, 2.0, 401)[200:], beside)
        np.testing.assert_allclose(size, np.interp(np.hypot(along, 0.6), distance, on_line[200:]), rtol=0.02)


@pytest.mark.parametrize("offsets", [[], [0.0, 0.1, 0.3], [0.1, 0.0], [np.nan], [0.0, np.nan]])
def test_channels_must_be_even(offsets: list[float]) -> None:
    with pytest.raises(ParameterError, match="evenly spaced"):
        road_line(2.0, 1, offsets=offsets)


def test_one_channel_is_a_line_wherever_it_runs() -> None:
    beside, line = (model.amplitude(road_line(4.0, 3, clutter="high", offsets=[y])[0]) for y in (0.5, 0.0))
    np.testing.assert_array_equal(beside, line)


def test_a_wide_cylinder_is_finite_at_all_frequencies() -> None:
    _, field = cylinder.echo(1.0, 81.0, 9.0, frequency=900.0)
    assert np.isfinite(field).all()

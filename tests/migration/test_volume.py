"""Migration in three dimensions, grids of lines, slices, and planes that are not the ground."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from gprscan.errors import LineError, ParameterError
from gprscan.migration import c_scan, join_lines, kirchhoff, kirchhoff_3d, place_on_plane
from gprscan.model import from_array
from gprscan.velocity import layered
from tests.migration.lines import envelope, ricker


def echoes(offsets: list[float], times: np.ndarray, weights: np.ndarray, **geometry: float) -> xr.Dataset:
    """Return an array with one Ricker pulse of 300 MHz per trace; `times` and `weights` are (channel, trace)."""
    time = 0.3 * np.arange(130)
    data = weights[..., None] * ricker(time - times[..., None], 300.0)
    return from_array(data.astype("float32"), dt=0.3, spacing=0.05, frequency=300, channel_offsets=offsets, **geometry)


def point(offsets: list[float], x: float, y: float, z: float, separation: float = 0.0) -> xr.Dataset:
    """Return an array over a point: straight rays, spherical spreading on both ways."""
    along = 0.05 * np.arange(60)
    across = np.array(offsets)[:, None] - y
    legs = [np.sqrt((along + side * separation - x) ** 2 + across**2 + z**2) for side in (-0.5, 0.5)]
    return echoes(offsets, sum(legs) / 0.1, 1 / (legs[0] * legs[1]), separation=separation)


@pytest.mark.parametrize("separation", [0.0, 0.3])
def test_a_point_between_irregular_lines(separation: float) -> None:
    offsets = [-0.75, -0.62, -0.5, -0.42, -0.3, -0.18, -0.1, 0.02, 0.12, 0.25, 0.35, 0.5, 0.6, 0.75]
    line = point(offsets, 1.5, 0.07, 0.8, separation)
    wanted = [-0.33, -0.13, 0.07, 0.27, 0.47]
    image = kirchhoff_3d(line, 0.1, offsets=wanted, depth_step=0.01, max_depth=1.2)
    assert image["amplitude"].dims == ("channel", "trace", "depth")
    strength = envelope(image)
    channel, trace, row = np.unravel_index(np.argmax(strength), strength.shape)
    assert (channel, trace) == (2, 30)
    assert abs(image["depth"].values[row] - 0.8) <= 0.015
    # two lines 20 cm away the point is gone; a migration line by line leaves it there
    assert strength[:, 30, row].max() > 2.5 * strength[[1, 3], 30, row].max()
    flat = envelope(kirchhoff(line, 0.1, depth_step=0.01, max_depth=1.2))
    assert flat[offsets.index(0.25)].max() > 0.7 * flat[offsets.index(0.02)].max()


def test_pairs_across_the_line() -> None:
    """Wide pairs side by side: with the times of pairs along the line the point lies too deep, and is weaker."""
    offsets, separation, (x, y, z) = np.linspace(-0.7, 0.8, 22).tolist(), 0.5, (1.5, 0.11, 0.6)
    along = 0.05 * np.arange(60) - x
    across = np.array(offsets)[:, None] - y
    legs = [np.sqrt(along**2 + (across + side * separation) ** 2 + z**2) for side in (-0.5, 0.5)]
    line = echoes(offsets, sum(legs) / 0.1, 1 / (legs[0] * legs[1]), separation=separation)
    wanted = np.linspace(-0.29, 0.51, 17).tolist()
    best = []
    for crosswise in (True, False):
        image = kirchhoff_3d(line, 0.1, 65, offsets=wanted, crosswise=crosswise, depth_step=0.01, max_depth=1.0)
        strength = envelope(image)
        channel, trace, row = np.unravel_index(np.argmax(strength), strength.shape)
        best.append(strength.max())
        if crosswise:
            assert (channel, trace) == (8, 30)
            assert abs(image["depth"].values[row] - z) <= 0.015
    assert best[0] > 1.1 * best[1]


@pytest.mark.parametrize("velocity", [0.1, layered([0.4], [0.1, 0.1001])])
def test_a_plane_keeps_its_amplitude(velocity: float | xr.DataArray) -> None:
    offsets = np.linspace(-1.0, 1.0, 41).tolist()
    for depth in (0.4, 0.9):
        line = echoes(offsets, np.full((41, 60), 2 * depth / 0.1), np.ones((41, 60)))
        image = kirchhoff_3d(line, velocity, offsets=[0.0, 0.13], depth_step=0.01, max_depth=1.1)
        strength = envelope(image)[:, 30]
        np.testing.assert_allclose(strength.max(axis=1), 1.0, rtol=0.06)
        assert np.abs(image["depth"].values[strength.argmax(axis=1)] - depth).max() <= 0.015


def test_blocks_are_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    line = point([-0.2, 0.0, 0.15], 1.5, 0.0, 0.5)
    line = xr.concat([line] * 4, "trace").assign_coords(distance=("trace", 0.05 * np.arange(240)))
    whole = kirchhoff_3d(line, 0.1, max_depth=0.8)["amplitude"].values
    monkeypatch.setattr("gprscan.migration.volume.MEMORY", 1.0)
    np.testing.assert_allclose(kirchhoff_3d(line, 0.1, max_depth=0.8)["amplitude"].values, whole, atol=1e-4)


def test_what_is_no_array_is_refused() -> None:
    line = point([-0.2, 0.0], 1.5, 0.0, 0.5)
    with pytest.raises(LineError, match="channels"):
        kirchhoff_3d(line.isel(channel=0), 0.1)
    with pytest.raises(ParameterError, match="offsets"):
        kirchhoff_3d(line, 0.1, offsets=[np.nan])


def test_lines_measured_to_and_fro_become_an_array() -> None:
    array = point([0.0, 0.3, 0.7], 1.5, 0.2, 0.6)
    lines = []
    angle = np.radians(30.0)
    for number, offset in enumerate([0.0, 0.3, 0.7]):
        along = array["distance"].values
        single = array.isel(channel=number).drop_vars(["channel", "offset"])
        single = single.assign_coords(
            x=("trace", 100 + along * np.sin(angle) + offset * np.cos(angle)),
            y=("trace", 200 + along * np.cos(angle) - offset * np.sin(angle)),
        )
        if number == 1:
            single = single.isel(trace=slice(None, None, -1)).assign_coords(distance=("trace", along))
        lines.append(single)
    joined = join_lines(lines)
    np.testing.assert_allclose(joined["offset"].values, [0.0, 0.3, 0.7], atol=1e-9)
    np.testing.assert_allclose(joined["amplitude"].values, array["amplitude"].values, atol=1e-4)
    image = kirchhoff_3d(joined, 0.1, offsets=[0.15], max_depth=0.3)
    np.testing.assert_allclose(image["x"].values[0, 0], 100 + 0.15 * np.cos(angle))
    by_offsets = join_lines([lines[0], lines[2]], [0.0, 0.7])
    np.testing.assert_allclose(by_offsets["amplitude"].values[1], array["amplitude"].values[2], atol=1e-4)
    with pytest.raises(LineError, match="positions"):
        join_lines([line.drop_vars(["x", "y"]) for line in lines])
    with pytest.raises(LineError, match="time axes"):
        join_lines([lines[0], lines[1].isel(twt=slice(0, 50))])


def test_slices_follow_depth_and_layer() -> None:
    depth = 0.02 * np.arange(80)
    layer = 0.3 + 0.01 * np.arange(30)
    bump = np.exp(-(((depth[None, :] - layer[:, None] - 0.4) / 0.03) ** 2))
    empty = from_array(np.zeros((2, 30, 80), "float32"), dt=1.0, spacing=0.1, channel_offsets=[0.0, 0.5])
    image = kirchhoff(empty, 0.04, depth_step=0.02, max_depth=1.581)
    image = image.assign(amplitude=(("channel", "trace", "depth"), np.stack([bump, 2 * bump]).astype("float32")))
    followed = c_scan(image, 0.4, 0.1, layer=xr.DataArray(layer, dims="trace"))
    assert followed.dims == ("channel", "trace")
    np.testing.assert_allclose(followed.values[1], 2 * followed.values[0], rtol=1e-5)
    assert np.ptp(followed.values[0]) < 0.02 * followed.values[0].mean()
    np.testing.assert_array_equal(followed["offset"].values, [0.0, 0.5])
    level = c_scan(image, 0.85, 0.1, measure="mean")
    assert int(np.argmax(level.values[0])) == 15
    gone = c_scan(image, 0.4, 0.1, layer=xr.DataArray(np.where(np.arange(30) == 3, np.nan, layer), dims="trace"))
    assert np.isnan(gone.values[:, 3]).all()
    with pytest.raises(ParameterError, match="outside"):
        c_scan(image, 3.0, 0.1)
    assert c_scan(empty, 20.0, 4.0, measure="envelope").shape == (2, 30)


@pytest.mark.parametrize(
    ("strike", "dip", "rake", "expected"),
    [
        (0.0, 0.0, 0.0, (0.5, 2.0, -0.3)),  # the ground, walked northwards: offset to the east, depth down
        (0.0, 90.0, 0.0, (-0.3, 2.0, -0.5)),  # a wall on the left: depth to the west
        (0.0, -90.0, 0.0, (0.3, 2.0, 0.5)),
        (0.0, 180.0, 0.0, (-0.5, 2.0, 0.3)),  # a ceiling: depth up
        (90.0, 90.0, 90.0, (0.5, 0.3, 2.0)),  # up a wall to the north of an eastward strike
    ],
)
def test_planes(strike: float, dip: float, rake: float, expected: tuple[float, ...]) -> None:
    line = from_array(np.zeros((2, 50, 20), "float32"), dt=1.0, spacing=0.1, channel_offsets=[0.0, 0.5])
    image = kirchhoff(line, 0.1, depth_step=0.1)
    placed = place_on_plane(image, (10.0, 20.0, 30.0), strike, dip, rake=rake)
    sample = placed.isel(channel=1, trace=20, depth=3)
    found = [float(sample[name]) for name in ("sample_x", "sample_y", "sample_z")]
    np.testing.assert_allclose(found, np.array(expected) + np.array([10.0, 20.0, 30.0]), atol=1e-9)

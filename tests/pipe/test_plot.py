"""The pipe rolled out."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import xarray as xr

from gprscan.errors import ParameterError
from gprscan.geometry.pipe_shape import BoreShape
from gprscan.plot.pipes import behind_wall, cross_section, unrolled_pipe

ROW = {
    "kind": "cavity",
    "clock_deg": 300.0,
    "clock_from_deg": 290.0,
    "clock_to_deg": 310.0,
    "chainage_from_m": 12.0,
    "chainage_to_m": 12.6,
    "distance_m": 12.3,
    "radial_from_outer_wall_m": 0.05,
}


def test_bodies_are_where_they_are():
    at_invert = ROW | {"kind": "water_rich", "clock_deg": 176.0, "clock_from_deg": 166.0, "clock_to_deg": 186.0}
    axes = unrolled_pipe(pd.DataFrame([ROW, at_invert]))
    boxes = [(p.get_x(), p.get_y(), p.get_width(), p.get_height()) for p in axes.patches]
    assert boxes[1] == pytest.approx((12.0, -70.0, 0.6, 20.0))  # left of the crown, looking downstream
    seen = [y for _, y, _, h in boxes[3:] if y < 180 and y + h > -180]
    assert seen == pytest.approx([-194.0, 166.0])  # at the invert: at both edges
    assert axes.get_xlim() == pytest.approx((11.0, 13.6))
    plt.close(axes.figure)


def test_another_table_is_refused():
    with pytest.raises(ParameterError, match="clock_deg"):
        unrolled_pipe(pd.DataFrame({"kind": ["cavity"]}))


@pytest.fixture
def echo():
    """Quiet where a line looked, nothing elsewhere; one body behind the wall at 12.3 m and 300 degrees, one deep below the crown."""
    chainage, clock, depth = np.arange(12.0, 12.7, 0.1), np.arange(0.0, 360.0, 10.0), np.arange(0.05, 0.5, 0.05)
    values = np.full((chainage.size, clock.size, depth.size), -60.0, "float32")
    values[:, 10:20] = np.nan
    values[3, 30, 2] = -3.0  # 0.15 m
    values[3, 0, 8] = -1.0  # 0.45 m
    coords = {"chainage": chainage, "clock": clock, "radial_depth": depth}
    return xr.DataArray(values, coords, ("chainage", "clock", "radial_depth"))


def test_the_echo_behind_the_wall_is_the_strongest_from_its_back_on(echo):
    behind = behind_wall(echo, 0.10)
    assert float(behind.sel(chainage=12.3, clock=300.0, method="nearest")) == -3.0
    assert float(behind.sel(chainage=12.3, clock=0.0, method="nearest")) == -60.0  # too deep
    assert np.isnan(behind.sel(clock=slice(100.0, 190.0))).all()


def test_behind_a_wall_thicker_than_the_image_is_deep_nothing_is_known(echo):
    behind = behind_wall(echo, 0.60)
    assert behind.dims == ("chainage", "clock")
    assert np.isnan(behind).all()


def test_an_image_without_bodies_shows_its_own_chainages(echo):
    axes = unrolled_pipe(pd.DataFrame(columns=["clock_deg"]), behind=behind_wall(echo, 0.10))
    assert axes.get_xlim() == pytest.approx((12.0, 12.6))
    assert len(axes.images) == 1
    plt.close(axes.figure)


def test_the_image_lies_under_the_bodies(echo):
    axes = unrolled_pipe(pd.DataFrame([ROW]), behind=behind_wall(echo, 0.10), chainage=(10.0, 15.0))
    [picture] = axes.images
    left, right, low, high = picture.get_extent()
    drawn = picture.get_array()
    row, column = np.unravel_index(drawn.argmax(), drawn.shape)
    assert left + (column + 0.5) * (right - left) / drawn.shape[1] == pytest.approx(12.3)
    assert low + (row + 0.5) * (high - low) / drawn.shape[0] == pytest.approx(-60.0)  # 300 degrees: left of the crown
    assert axes.get_xlim() == (10.0, 15.0)
    assert drawn.mask.sum() == 7 * 11  # that at 180 degrees at both edges
    assert low <= -180.0
    assert high >= 180.0
    plt.close(axes.figure)


def test_a_cross_section_shows_the_echo_at_its_place(echo):
    axes = plt.figure().add_subplot()
    row = ROW | {"number": 1, "radial_depth_m": 0.15}
    cross_section(BoreShape("round", 1.0, 1.0), 0.10, row, axes, echo.sel(chainage=12.3, method="nearest"))
    [mesh] = axes.collections
    level = np.ma.filled(mesh.get_array(), -99.0).ravel()
    place = mesh.get_coordinates().reshape(-1, 2)[int(np.where(level == -3.0)[0][0])]
    assert np.asarray(place).tolist() == pytest.approx([0.65 * np.sin(np.deg2rad(300)), 0.65 * np.cos(np.deg2rad(300))])
    plt.close(axes.figure)

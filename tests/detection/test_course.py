"""Lines whose distances fall, go back, jump or come unevenly."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import xarray as xr

from gprscan import detect, model
from gprscan.detection import course
from gprscan.errors import MissingPositionError
from tests.detection.lines import SPACING, make

PLACES = (3.0, 7.0)


@pytest.fixture(scope="module")
def road() -> xr.Dataset:
    line, _ = make((PLACES[0], 0.6, 0.5), (PLACES[1], 0.8, -0.4), length=10.0, noise=0.002)
    return line


def moved(line: xr.Dataset, along: np.ndarray) -> xr.Dataset:
    return line.assign_coords(distance=("trace", along))


def shown(line: xr.Dataset) -> Any:
    return detect(line)[["kind", "distance_m", "twt_ns", "top_depth_m", "velocity_m_ns"]]


def test_a_line_towards_smaller_distances_shows_what_the_same_traces_show_the_other_way(road: xr.Dataset) -> None:
    turned = road.isel(trace=slice(None, None, -1))
    assert shown(turned).equals(shown(road))
    assert len(shown(road)) == 2


def test_a_swath_that_is_driven_the_other_way_shows_the_same_on_the_other_side(road: xr.Dataset) -> None:
    values = np.stack([model.amplitude(road), 0.2 * model.amplitude(road)[::-1]])
    along = road["distance"].values

    def at(forth: bool) -> Any:
        swath = model.from_array(
            values if forth else values[:, ::-1], dt=0.08, spacing=SPACING, frequency=400, separation=0.14, time_zero=3.6,
            channel_offsets=[0.0, 0.5] if forth else [0.0, -0.5],
        )  # fmt: skip
        x = along if forth else along[::-1]
        return detect(swath.assign_coords(distance=("trace", x)))

    # the same strip of ground, driven along both ways, so that what was right is left
    forth, back = at(forth=True), at(forth=False)
    np.testing.assert_allclose(back["distance_m"], forth["distance_m"], atol=1e-6)
    np.testing.assert_allclose(back["offset_m"], -forth["offset_m"], atol=1e-6)


def test_a_gap_widens_no_spacing(road: xr.Dataset) -> None:
    along = road["distance"].values.copy()
    along[100:] += 40.0
    whole, parted = shown(road), shown(moved(road, along))
    assert parted["kind"].tolist() == whole["kind"].tolist()
    np.testing.assert_allclose(parted["distance_m"] - [0.0, 40.0], whole["distance_m"], atol=0.01)
    for name, within in (("top_depth_m", 0.03), ("velocity_m_ns", 0.004), ("twt_ns", 0.1)):
        np.testing.assert_allclose(parted[name], whole[name], atol=within)


def test_traces_that_go_back_are_left_out(road: xr.Dataset) -> None:
    rows = np.concatenate([np.arange(120), np.arange(118, 90, -1), np.arange(91, road.sizes["trace"])])
    again = road.isel(trace=rows)
    assert course.forward(again).sizes["trace"] == road.sizes["trace"] + 1  # the trace at which it came back
    found = shown(again)
    np.testing.assert_allclose(found["distance_m"], PLACES, atol=0.03)
    np.testing.assert_allclose(found["velocity_m_ns"], shown(road)["velocity_m_ns"], atol=0.003)


def test_a_trace_without_a_distance_is_left_out(road: xr.Dataset) -> None:
    along = road["distance"].values.copy()
    along[30] = np.nan
    assert course.forward(moved(road, along)).sizes["trace"] == along.size - 1
    assert course.forward(road) is course.rising(road) is road


def test_bodies_are_found_where_they_are_when_traces_come_closer_here_than_there() -> None:
    places = (5.0, 13.0, 16.5, 24.0)
    fine, _ = make(*((x, 0.6, 0.5) for x in places), length=30.0, noise=0.002, spacing=0.02)
    rows = np.concatenate([np.arange(0, 750, 2), np.arange(750, 1501, 4)])
    np.testing.assert_allclose(detect(fine.isel(trace=rows))["distance_m"], places, atol=0.03)


def test_a_line_that_does_not_move_is_refused(road: xr.Dataset) -> None:
    with pytest.raises(MissingPositionError, match="do not grow"):
        detect(moved(road, np.zeros(road.sizes["trace"])))


def test_pieces_and_their_spacing() -> None:
    x = np.concatenate([np.arange(5) * 0.1, 3.0 + np.arange(3) * 0.1, [9.0]])
    assert course.pieces(x) == [(0, 5), (5, 8), (8, 9)]
    assert course.spacing(x) == pytest.approx(0.1)
    assert course.pieces(np.array([0.0, 2.0, 4.0, 13.0, 15.0])) == [(0, 5)]
    assert course.spacing(np.array([0.0, 2.0])) == pytest.approx(2.0)
    assert course.pieces(np.zeros(3)) == [(0, 3)]

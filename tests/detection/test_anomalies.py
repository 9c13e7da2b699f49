"""The table of anomalies: its columns, its types, and the votes behind each probability."""

from __future__ import annotations

import json

import numpy as np
import pytest
import xarray as xr

from gprscan import detect, model, names
from gprscan.detection import classify
from gprscan.detection.table import footprint
from gprscan.errors import GprscanError, LineError, MissingPositionError
from tests.detection.lines import MIDDLE, detected, make, near, simulated


def test_nothing_found_still_gives_a_table_with_all_its_columns() -> None:
    table = detect(make(length=3.0)[0])
    assert len(table) == 0
    assert list(table.columns) == [
        *names.DETECTION_COLUMNS,
        "asphalt_m",
        "sigma_asphalt_m",
        "sigma_length_m",
        "geometry",
    ]
    assert table.crs is None
    stated = table.attrs["line"]
    assert json.loads(json.dumps(stated)) == stated
    assert stated["length_m"] == pytest.approx(3.0)
    assert stated["n_channels"] == 1


def test_columns_and_types_of_a_table_with_bodies() -> None:
    table = detected("void")
    assert list(table.columns) == [
        *names.DETECTION_COLUMNS,
        "asphalt_m",
        "sigma_asphalt_m",
        "sigma_length_m",
        "geometry",
    ]
    assert len(table) >= 1
    numbers = ["distance_m", "twt_ns", "top_depth_m", "velocity_m_ns", "length_m", "confidence", "sigma_depth_m"]
    assert all(table[name].dtype == np.float64 for name in numbers)
    assert table["polarity"].isin((-1, 0, 1)).all()
    assert set(table["kind"]) <= set(names.KINDS)
    assert table["distance_m"].is_monotonic_increasing
    assert table.geometry.isna().all()  # the line has no positions


@pytest.mark.parametrize("name", ["void", "metal", "debond", "manhole"])
def test_votes_sum_to_the_probabilities(name: str) -> None:
    for row in detected(name).to_dict("records"):
        chances, votes = json.loads(row["probabilities"]), json.loads(row["evidence"])["votes"]
        assert sum(chances.values()) == pytest.approx(1.0, abs=1e-3)
        for kind, chance in classify.posterior(votes).items():
            assert chances[kind] == pytest.approx(chance, abs=2e-4)
        assert row["confidence"] == pytest.approx(chances.get(row["kind"], 0.0), abs=1e-4)
        assert "prior" in votes


@pytest.mark.parametrize("name", ["void", "metal"])
def test_sigmas_are_there_and_of_a_sane_size(name: str) -> None:
    row = near(detected(name), MIDDLE)[0]
    assert 0.001 < row["sigma_distance_m"] < 0.1
    assert 0.005 < row["sigma_depth_m"] < 0.15
    assert 0.001 < row["sigma_velocity_m_ns"] < 0.02


def test_clutter_is_kept_out_unless_asked_for() -> None:
    line = simulated("void")
    shown, all_of_it = detected("void"), detect(line, include=("clutter",))
    assert "clutter" not in set(shown["kind"])
    assert len(all_of_it) >= len(shown)
    assert (all_of_it["kind"] != "clutter").sum() == len(shown)


def test_a_line_in_depth_or_without_distances_is_refused() -> None:
    values = model.amplitude(make(length=3.0)[0])
    with pytest.raises(MissingPositionError):
        detect(model.from_array(values, dt=0.08, frequency=400))
    with pytest.raises(GprscanError, match="twt"):
        detect(make(length=3.0)[0].rename({names.TWT: names.DEPTH}))


@pytest.mark.parametrize(("at", "expected"), [(0.1, (0.0, 0.9)), (5.0, (4.2, 5.8)), (9.9, (9.1, 10.0))])
def test_the_footprint_of_a_body_that_goes_on_beyond_the_line_ends_with_it(
    at: float, expected: tuple[float, float]
) -> None:
    along = np.linspace(0.0, 10.0, 101)
    line = xr.Dataset(
        coords={names.DISTANCE: ("trace", along), names.X: ("trace", along), names.Y: ("trace", 0 * along)}
    )
    shape = footprint(line, {"distance_m": at, "offset_m": 0.0, "length_m": 1.6, "width_m": 0.6})
    west, south, east, north = shape.bounds
    assert (west, east) == pytest.approx(expected)
    assert (south, north) == pytest.approx((-0.3, 0.3))


@pytest.mark.parametrize("along", [np.arange(0.0, 20.1, 0.1), np.arange(20.0, -0.05, -0.1)])
def test_what_is_to_the_right_of_the_travel_lies_there_on_the_map(along: np.ndarray) -> None:
    line = model.from_array(np.ones((along.size, 16), np.float32), dt=0.1, spacing=0.1, frequency=400)
    # eastwards from the first trace to the last
    line = line.assign_coords(
        distance=("trace", along),
        x=("trace", 500.0 + 0.1 * np.arange(along.size)),
        y=("trace", np.full(along.size, 80.0)),
    )
    shape = footprint(line, {"distance_m": 5.0, "offset_m": 0.4, "length_m": np.nan, "width_m": np.nan})
    east = 505.0 if along[0] == 0 else 515.0
    assert (shape.x, shape.y) == (pytest.approx(east), pytest.approx(79.6))


def test_samples_too_far_apart_for_the_antenna_are_refused() -> None:
    values = model.amplitude(make(length=3.0)[0])
    with pytest.raises(LineError, match=r"a sample each 1\.3 ns cannot hold what an antenna of 400 MHz receives"):
        detect(model.from_array(values, dt=1.3, spacing=0.05, frequency=400))


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(("samples", "time_zero"), [(32, 3.6), (320, 40.0)])
def test_a_record_without_the_direct_wave_or_what_follows_it_shows_nothing(samples: int, time_zero: float) -> None:
    values = model.amplitude(make(length=3.0)[0])[:, :samples]
    assert detect(model.from_array(values, dt=0.08, spacing=0.05, frequency=400, time_zero=time_zero)).empty

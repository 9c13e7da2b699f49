"""The line: how it is made, what it refuses, and what it says about itself."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from gprscan import model, names
from gprscan.errors import LineError, MissingPositionError


def test_one_channel():
    line = model.from_array(
        np.arange(12, dtype="int16").reshape(3, 4), dt=0.5, spacing=0.1, frequency=400, separation=0.14, time_zero=1.0
    )
    assert line["amplitude"].dims == ("trace", "twt")
    assert line["amplitude"].dtype == np.int16
    np.testing.assert_allclose(line["twt"], [-1.0, -0.5, 0.0, 0.5])
    np.testing.assert_allclose(line["distance"], [0, 0.1, 0.2])
    assert line["twt"].attrs["units"] == "ns"
    assert line.attrs[names.TIME_ZERO] == 1.0
    assert model.centre_frequency(line) == 400.0
    assert model.antenna_separation(line) == pytest.approx(0.14)


def test_channels_keep_their_labels_offsets_and_frequencies():
    line = model.from_array(
        np.zeros((2, 3, 4)), dt=0.5, frequency=[270, 800], channel_offsets=[-0.2, 0.2], channels=["left", "right"]
    )
    assert line["channel"].values.tolist() == ["left", "right"]
    assert line.sel(channel="right")["offset"] == 0.2
    assert model.centre_frequency(line) == pytest.approx(535.0)
    assert model.from_array(np.zeros((2, 3, 4)), dt=1.0)["channel"].values.tolist() == ["0", "1"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"amplitude": np.zeros(4), "dt": 1.0}, "shape"),
        ({"amplitude": np.zeros((0, 4)), "dt": 1.0}, "empty"),
        ({"amplitude": np.zeros((2, 4)), "dt": 0.0}, "dt is 0"),
        ({"amplitude": np.zeros((2, 4)), "dt": np.nan}, "dt is nan"),
        ({"amplitude": np.zeros((2, 4)), "dt": 1.0, "spacing": -0.1}, "spacing is -0.1"),
        ({"amplitude": np.zeros((2, 4)), "dt": 1.0, "distance": [0.0]}, "there are 2 traces"),
        ({"amplitude": np.zeros((2, 4)), "dt": 1.0, "frequency": [1.0, 2.0]}, "one per channel"),
        ({"amplitude": np.zeros((2, 3, 4)), "dt": 1.0, "channel_offsets": [0.0]}, "there are 2 channels"),
        ({"amplitude": np.zeros((2, 3, 4)), "dt": 1.0, "channels": ["a", "a"]}, "1 distinct"),
    ],
)
def test_what_makes_no_line(arguments, message):
    with pytest.raises(LineError, match=message):
        model.from_array(**arguments)


def test_an_unknown_distance_is_an_error_with_advice_only_when_it_is_needed():
    line = model.from_array(np.zeros((3, 4)), dt=1.0, source_file="LINE07.DZT")
    assert "distance" not in line.coords
    with pytest.raises(MissingPositionError, match=r"LINE07\.DZT.*spacing="):
        model.trace_spacing(line)
    still = model.from_array(np.zeros((3, 4)), dt=1.0, distance=[2.0, 2.0, 2.0])
    with pytest.raises(MissingPositionError, match="do not grow"):
        model.trace_spacing(still)


def test_what_is_no_line():
    with pytest.raises(LineError, match=r"got ndarray.*from_array"):
        model.require_line(np.zeros((2, 3)))
    with pytest.raises(LineError, match="dimensions"):
        model.require_line(xr.Dataset({"amplitude": (("y", "x"), np.zeros((2, 3)))}))
    with pytest.raises(LineError, match="over 'depth'"):
        model.require_line(model.from_array(np.zeros((2, 3)), dt=1.0), axis="depth")


@settings(max_examples=30, deadline=None)
@given(hnp.arrays(st.sampled_from(["int16", "int32", "float32"]), st.tuples(st.integers(1, 5), st.integers(1, 6))))
def test_amplitudes_are_float32_copies_and_go_back_without_touching_the_line(values):
    line = model.from_array(values, dt=0.5, spacing=0.1)
    taken = model.amplitude(line)
    assert taken.dtype == np.float32
    assert taken.flags.c_contiguous
    np.testing.assert_array_equal(taken, values.astype("float32"))
    taken += 1
    np.testing.assert_array_equal(line["amplitude"].values, values)
    back = model.with_amplitude(line, taken)
    np.testing.assert_array_equal(back["amplitude"].values, taken)
    assert back["amplitude"].attrs == line["amplitude"].attrs


def test_status_words_never_reach_processing():
    line = model.from_array(np.array([[900, 7, 8], [901, 5, 6]]), dt=1.0)
    line = line.assign_coords(status=("twt", [1, 0, 0]))
    np.testing.assert_array_equal(model.amplitude(line), [[7, 7, 8], [5, 5, 6]])
    assert "status" not in model.with_amplitude(line, model.amplitude(line)).coords


def test_sampling_interval_of_one_sample_and_of_depth():
    assert model.sampling_interval(model.from_array(np.zeros((2, 5)), dt=0.2)) == pytest.approx(0.2)
    depth = xr.Dataset({"amplitude": (("trace", "depth"), np.zeros((2, 3)))}, {"depth": [0.0, 0.1, 0.2]})
    assert model.sampling_interval(depth) == pytest.approx(0.1)


def test_a_line_survives_netcdf_with_its_attributes(tmp_path):
    line = model.from_array(
        np.random.default_rng(0).normal(size=(3, 4)).astype("float32"),
        dt=0.5,
        spacing=0.1,
        findings=[model.Finding("x", "info", "one")],
    )
    line.to_netcdf(tmp_path / "line.nc", engine="h5netcdf")
    with xr.open_dataset(tmp_path / "line.nc", engine="h5netcdf") as back:
        xr.testing.assert_identical(back.load(), line)

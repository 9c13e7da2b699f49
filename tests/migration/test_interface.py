"""What migrations take, give back, and refuse."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from gprscan.errors import LineError, MissingPositionError, ParameterError
from gprscan.migration import kirchhoff, phase_shift, stolt
from gprscan.model import from_array
from gprscan.steps import get_step
from tests.migration.lines import diffractor

METHODS = [kirchhoff, stolt, phase_shift]


@pytest.fixture(scope="module")
def array_line() -> xr.Dataset:
    rng = np.random.default_rng(5)
    return from_array(
        rng.normal(size=(2, 40, 64)).astype("float32"),
        dt=0.4,
        spacing=0.05,
        frequency=[200.0, 400.0],
        separation=[0.1, 0.2],
        antenna_height=0.02,
        channel_offsets=[-0.1, 0.1],
    )


@pytest.mark.parametrize("migrate", METHODS)
def test_channels_are_migrated_each_with_its_own_separation(migrate, array_line: xr.Dataset) -> None:  # type: ignore[no-untyped-def]
    image = migrate(array_line, "10 cm/ns")
    assert image["amplitude"].dims == ("channel", "trace", "depth")
    assert image["amplitude"].dtype == np.float32
    assert image["depth"].attrs["units"] == "m"
    assert image["depth"].values[0] == 0
    assert "twt" not in image.coords
    np.testing.assert_array_equal(image["offset"].values, [-0.1, 0.1])
    for channel in range(2):
        single = array_line.isel(channel=channel).drop_vars("channel")
        np.testing.assert_allclose(
            migrate(single, 0.1)["amplitude"].values, image["amplitude"].values[channel], atol=2e-5
        )


@pytest.mark.parametrize("migrate", METHODS)
def test_the_accessor_records_what_was_done(migrate, array_line: xr.Dataset) -> None:  # type: ignore[no-untyped-def]
    image = getattr(array_line.gpr, migrate.__name__)(velocity=0.1, max_depth=0.5)
    entry = image.gpr.provenance[-1]
    assert entry["step"] == migrate.__name__
    assert entry["parameters"]["velocity"] == 0.1
    assert image["depth"].values[-1] == pytest.approx(0.5, abs=0.02)


@pytest.mark.parametrize("migrate", [kirchhoff, phase_shift])
def test_a_profile_replays_from_provenance(migrate, array_line: xr.Dataset) -> None:  # type: ignore[no-untyped-def]
    profile = xr.DataArray([0.12, 0.12, 0.09], dims="depth", coords={"depth": [0.0, 0.4, 0.4]})
    image = migrate(array_line, profile)
    again = migrate(array_line, **image.gpr.provenance[-1]["parameters"])
    np.testing.assert_array_equal(again["amplitude"].values, image["amplitude"].values)


@pytest.mark.parametrize("migrate", METHODS)
def test_irregular_spacing_names_the_step_that_helps(migrate) -> None:  # type: ignore[no-untyped-def]
    line = diffractor()
    along = line["distance"].values.copy()
    along[40:] += 0.1
    with pytest.raises(MissingPositionError, match="regularize"):
        migrate(line.assign_coords(distance=("trace", along)), 0.1)
    with pytest.raises(MissingPositionError, match="spacing"):
        migrate(line.drop_vars("distance"), 0.1)


@pytest.mark.parametrize("migrate", METHODS)
@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({"velocity": 0.5}, "0.2998"),
        ({"velocity": -0.1}, "above 0"),
        ({"velocity": "fast"}, "quantity"),
        ({"velocity": 0.1, "aperture": 90.0}, "between 0 and 90"),
        ({"velocity": 0.1, "max_depth": -1.0}, "positive"),
        ({"velocity": xr.DataArray([0.1, 0.1], dims="x")}, "depth"),
        ({"velocity": xr.DataArray([0.1, 0.1], dims="depth", coords={"depth": [1.0, 0.0]})}, "grow"),
    ],
)
def test_wrong_parameters_are_named(migrate, parameters: dict, said: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ParameterError, match=said):
        migrate(diffractor(), **parameters)


def test_a_line_over_depth_is_refused() -> None:
    image = kirchhoff(diffractor(), 0.1)
    for migrate in METHODS:
        with pytest.raises(LineError, match="twt"):
            migrate(image, 0.1)


def test_a_record_that_ends_above_the_ground_is_refused() -> None:
    line = diffractor().assign_attrs(antenna_height=30.0)
    with pytest.raises(ParameterError, match="time zero"):
        kirchhoff(line, 0.1)


def test_dead_traces_do_not_spread() -> None:
    line = diffractor()
    data = line["amplitude"].values.copy()
    data[40] = np.nan
    image = kirchhoff(line.assign(amplitude=(line["amplitude"].dims, data)), 0.1)
    assert np.all(np.isfinite(image["amplitude"].values))
    data[40] = 0.0
    zeroed = kirchhoff(line.assign(amplitude=(line["amplitude"].dims, data)), 0.1)
    np.testing.assert_array_equal(image["amplitude"].values, zeroed["amplitude"].values)


def test_blocks_with_the_declared_halo_are_the_whole_line() -> None:
    line = diffractor(160, 128, depth=1.0)
    step = get_step("kirchhoff")
    parameters = {"velocity": 0.1, "aperture": 40.0, "depth_step": None, "max_depth": 2.0}
    assert step.cut == "halo"
    assert step.halo is not None
    halo = step.halo(line, parameters)
    whole = kirchhoff(line, **parameters)["amplitude"].values
    assert halo < 50
    for start in (0, 60, 120):
        first, last = max(0, start - halo), min(160, start + 40 + halo)
        block = kirchhoff(line.isel(trace=slice(first, last)), **parameters)["amplitude"].values
        np.testing.assert_allclose(block[start - first : start - first + 40], whole[start : start + 40], atol=1e-6)

"""Lines as they should not be: each gives the right image, or an error that says what is wrong."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

import gprscan as gs
from gprscan.errors import LineError, ParameterError
from gprscan.kernels.spectral import resample, sinc_table
from gprscan.migration import kirchhoff, phase_shift, rtm, stolt
from gprscan.migration.acquisition import acquisition
from gprscan.migration.medium import medium
from gprscan.migration.wavenumber import zero_offset
from tests.migration.lines import diffractor, peak

METHODS = [kirchhoff, stolt, phase_shift, rtm]
ALONG = xr.DataArray(
    [[0.1, 0.1], [0.1, 0.1]], dims=("distance", "depth"), coords={"distance": [0.0, 5.0], "depth": [0.0, 3.0]}
)


@pytest.fixture(scope="module")
def line() -> xr.Dataset:
    return diffractor(41, 101, depth=0.8)


@pytest.mark.parametrize("migrate", METHODS)
def test_refused(migrate, line: xr.Dataset) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(LineError, match="two traces"):
        migrate(line.isel(trace=slice(0, 1)), 0.1)
    late = line["twt"].values + np.where(np.arange(101) > 50, 0.4, 0.0)
    with pytest.raises(LineError, match="evenly"):
        migrate(line.assign_coords(twt=("twt", late)), 0.1)
    with pytest.raises(ParameterError, match="separation"):
        migrate(line.assign_coords(separation=50.0), 0.1)
    for velocity in (float("nan"), ALONG.where(ALONG["depth"] < 1), ALONG.isel(distance=0).where(ALONG["depth"] < 1)):
        with pytest.raises(ParameterError):
            migrate(line, velocity)
    for aperture in (0.0, float("nan"), 90.0):
        with pytest.raises(ParameterError, match="aperture"):
            migrate(line, 0.1, aperture)


@pytest.mark.parametrize("velocity", [0.1, ALONG])
@pytest.mark.parametrize("migrate", [kirchhoff, phase_shift, rtm])
def test_odd_shapes_and_types(migrate, velocity: float | xr.DataArray, line: xr.Dataset) -> None:  # type: ignore[no-untyped-def]
    plain = migrate(line, velocity)["amplitude"]
    assert plain.dtype == np.float32
    assert abs(peak(migrate(line, velocity))[0] - 20) <= 1
    double = line.assign(amplitude=line["amplitude"].astype("float64"))
    np.testing.assert_array_equal(migrate(double, velocity)["amplitude"].values, plain.values)
    # counts: rounding is all that is lost
    counts = line.assign(amplitude=(30000 * line["amplitude"]).round().astype("int16"))
    image = migrate(counts, velocity)["amplitude"]
    assert image.dtype == np.float32
    np.testing.assert_allclose(image.values / 30000, plain.values, atol=2e-4 * float(np.abs(plain).max()))
    assert np.isfinite(migrate(line.isel(trace=slice(0, 2)), velocity)["amplitude"].values).all()
    empty = line.assign(amplitude=line["amplitude"] * np.nan)
    assert not migrate(empty, velocity)["amplitude"].values.any()


def test_antennas_above_a_rough_ground() -> None:
    """Steps of centimetres from trace to trace: every trace is a knot of its own."""
    rng = np.random.default_rng(2)
    ground = 0.02 * rng.normal(size=81)
    along = 0.05 * np.arange(81)
    times = 2 * np.hypot(along - 2.0, 1.0 + ground) / 0.1
    line = diffractor(81, 200, dt=0.25, times=times).assign_coords(z=("trace", ground))
    image = kirchhoff(line, 0.1, topography=True, depth_step=0.01)
    trace, row = peak(image)
    assert abs(trace - 40) <= 1
    assert abs(image["depth"].values[row] - (1.0 + ground[trace])) <= 0.0125
    raised = line.assign_attrs(antenna_height=0.3)
    assert np.isfinite(kirchhoff(raised, 0.1, topography=True, depth_step=0.02)["amplitude"].values).all()


@pytest.mark.parametrize("time_zero", [0.0, 1.5, 1.53, -2.0])
def test_samples_that_lie_on_the_new_times_are_taken_as_they_are(time_zero: float) -> None:
    samples = np.random.default_rng(5).standard_normal((6, 64)).astype("float32")
    line = gs.from_array(samples, dt=0.1, spacing=0.05, frequency=400, time_zero=time_zero)
    geometry = acquisition(line)
    moved = zero_offset(samples, geometry, medium(0.1), 0.0)
    times = 0.1 * np.arange(moved.shape[1])
    expected = resample(samples, np.round((times - geometry.start) / geometry.dt, 9), sinc_table())
    np.testing.assert_allclose(moved, expected, atol=1e-6)
    assert moved.dtype == np.float32

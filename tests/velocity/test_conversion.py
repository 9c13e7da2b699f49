"""Time to depth and back."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from gprscan.errors import ParameterError
from gprscan.model import from_array
from gprscan.velocity import depth_to_time, diffraction_times, layered, time_to_depth


def pulses(times: list[float], *, separation: float = 0.0, height: float | None = None) -> xr.Dataset:
    """Return a line of three equal traces with a pulse at each time."""
    t = 0.1 * np.arange(400) - 4.0
    trace = sum(np.exp(-(((t - time) / 0.5) ** 2)) for time in times)
    data = np.repeat(np.asarray(trace, "float32")[None, :], 3, axis=0)
    return from_array(data, dt=0.1, time_zero=4.0, separation=separation, antenna_height=height)


def peaks(line: xr.Dataset, dim: str) -> np.ndarray:
    """Return where the pulses of the first trace are."""
    values = line["amplitude"].values[0]
    inner = (values[1:-1] > values[:-2]) & (values[1:-1] >= values[2:]) & (values[1:-1] > 0.5)
    return line[dim].values[1:-1][inner]


def test_layers_without_spacing_between_traces() -> None:
    profile = layered([0.2, 0.4], [0.13, 0.1, 0.08])
    depths = [0.2, 0.6, 1.0]
    times = [0.2 / 0.065, 0.2 / 0.065 + 0.4 / 0.05, 0.2 / 0.065 + 0.4 / 0.05 + 0.4 / 0.04]
    image = time_to_depth(pulses(times), profile, depth_step=0.002)
    np.testing.assert_allclose(peaks(image, "depth"), depths, atol=0.004)
    back = depth_to_time(image, profile, dt=0.05)
    np.testing.assert_allclose(peaks(back, "twt"), times, atol=0.06)
    assert back["twt"].attrs["units"] == "ns"
    assert "depth" not in back.coords


def test_separation_and_air_gap_are_taken_out() -> None:
    times = [float(diffraction_times(0.0, depth, 0.1, separation=0.3, height=0.2)[0]) for depth in (0.3, 0.9)]
    image = time_to_depth(pulses(times, separation=0.3, height=0.2), 0.1, depth_step=0.002)
    np.testing.assert_allclose(peaks(image, "depth"), [0.3, 0.9], atol=0.004)
    back = depth_to_time(image, 0.1, dt=0.05)
    assert back.attrs["time_zero"] == 0.0
    again = time_to_depth(back, 0.1, depth_step=0.002)  # neither the gap nor the separation are taken out twice
    np.testing.assert_allclose(peaks(again, "depth"), [0.3, 0.9], atol=0.004)


def test_dead_traces_stay_dead() -> None:
    line = pulses([10.0])
    data = line["amplitude"].values.copy()
    data[1] = np.nan
    image = time_to_depth(line.assign(amplitude=(line["amplitude"].dims, data)), 0.1)
    assert np.isnan(image["amplitude"].values[1]).all()
    assert np.isfinite(image["amplitude"].values[[0, 2]]).all()


def test_a_step_that_is_not_positive_is_refused() -> None:
    image = time_to_depth(pulses([10.0]), 0.1)
    with pytest.raises(ParameterError, match="positive"):
        depth_to_time(image, 0.1, dt=-1.0)
    with pytest.raises(ParameterError, match="positive"):
        time_to_depth(pulses([10.0]), 0.1, depth_step=0.0)

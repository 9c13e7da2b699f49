"""Equal channels, equal traces, and lines under their ground surface."""

from __future__ import annotations

import json

import numpy as np
import pytest
import xarray as xr

from gprscan import filters
from gprscan.errors import MissingPositionError, ParameterError
from tests.filters import lines


def test_channels_get_the_same_level() -> None:
    gains = np.array([1.0, 3.0, 0.5], dtype="float32")
    samples = lines.values(lines.noise((3, 200, 64))) * gains[:, None, None]
    samples[1, 50:60] *= 100  # a manhole under one channel
    line = lines.line(samples)
    result = filters.balance_channels(line)
    level = np.median(lines.values(result).std(axis=2), axis=1)
    np.testing.assert_allclose(level, level[0], rtol=0.02)
    used = json.loads(result.attrs["gprscan_provenance"])[-1]["parameters"]
    assert np.prod(used["factors"]) == pytest.approx(1.0, rel=1e-4)
    back = filters.balance_channels(result, **(used | {"inverse": True}))
    np.testing.assert_allclose(lines.values(back), samples, rtol=1e-5)
    with pytest.raises(ParameterError, match="3 positive factors"):
        filters.balance_channels(line, factors=[1.0, 2.0])
    with pytest.raises(ParameterError, match="no sample"):
        filters.balance_channels(line, start=50.0)


def test_a_dead_channel_stays_dead() -> None:
    samples = lines.values(lines.noise((2, 40, 64))).copy()
    samples[1] = 0.0
    result = lines.values(filters.balance_channels(lines.line(samples)))
    assert not result[1].any()
    np.testing.assert_allclose(result[0], samples[0], rtol=1e-5)


def test_traces_get_the_level_of_their_neighbours() -> None:
    samples = lines.values(lines.noise((100, 256))) * np.linspace(1, 2, 100, dtype="float32")[:, None]
    coupling = np.ones(100, dtype="float32")
    coupling[[20, 21, 60]] = [0.2, 5.0, 3.0]
    result = lines.values(filters.balance_traces(lines.line(samples * coupling[:, None]), traces=11))
    level = result.std(axis=1)
    np.testing.assert_allclose(level[8:-8], np.linspace(1, 2, 100)[8:-8], rtol=0.12)
    with pytest.raises(MissingPositionError, match="traces=101"):
        filters.balance_traces(lines.noise().drop_vars("distance"))


def hill(n: int = 60) -> tuple[xr.Dataset, np.ndarray]:
    """A level reflector at 10 m above the sea, recorded from an undulating surface at 0.1 m/ns."""
    heights = 12.0 + 0.6 * np.sin(np.arange(n) / 8.0)
    arrival = 2 * (heights - 10.0) / 0.1
    time = np.arange(800) * lines.DT
    samples = lines.ricker(time - arrival[:, None]).astype("float32")
    return lines.line(samples, time_zero=0.0).assign_coords(z=("trace", heights)), heights


def test_a_level_reflector_becomes_level() -> None:
    line, heights = hill()
    result = filters.topographic_correction(line, velocity=0.1)
    filled = np.nan_to_num(lines.values(result))
    peak = result["twt"].values[np.argmax(filled, axis=1)]
    np.testing.assert_allclose(peak, 2 * (heights.max() - 10.0) / 0.1, atol=0.051)
    assert filled.max(axis=1).min() > 0.97
    top = np.argmax(np.isfinite(lines.values(result)), axis=1) * lines.DT
    np.testing.assert_allclose(top, 2 * (heights.max() - heights) / 0.1, atol=0.1)
    assert result.sizes["twt"] == 800 + int(np.ceil(2 * np.ptp(heights) / 0.1 / lines.DT))
    lower = filters.topographic_correction(line, "0.1 m/ns", datum=15.0)
    np.testing.assert_allclose(
        lower["twt"].values[np.argmax(np.nan_to_num(lines.values(lower)), axis=1)], 2 * (15.0 - 10.0) / 0.1, atol=0.051
    )


def test_a_migrated_line_moves_by_depth() -> None:
    line, heights = hill()
    image = line.rename(twt="depth").assign_coords(depth=line["twt"].values * 0.05)
    result = filters.topographic_correction(image, velocity=0.1)
    peak = result["depth"].values[np.argmax(np.nan_to_num(lines.values(result)), axis=1)]
    np.testing.assert_allclose(peak, heights.max() - 10.0, atol=0.003)


def test_level_ground_changes_nothing() -> None:
    line = lines.noise().assign_coords(z=("trace", np.full(40, 7.0)))
    np.testing.assert_array_equal(lines.values(filters.topographic_correction(line, 0.1)), lines.values(line))


def test_gaps_move_with_their_traces() -> None:
    line, _ = hill()
    samples = lines.values(line).copy()
    samples[10] = np.nan
    samples[20, 100:110] = np.nan
    result = lines.values(filters.topographic_correction(line.copy(data={"amplitude": samples}), 0.1))
    assert np.isnan(result[10]).all()
    inner = np.isnan(result[20])
    assert inner.sum() == result.shape[1] - 800 + 10 + (1 if np.isfinite(result[20]).sum() == 789 else 0)


def test_what_is_missing_or_impossible() -> None:
    line, _ = hill()
    with pytest.raises(MissingPositionError, match="no heights"):
        filters.topographic_correction(line.drop_vars("z"), 0.1)
    with pytest.raises(ParameterError, match="below the highest ground"):
        filters.topographic_correction(line, 0.1, datum=11.0)
    with pytest.raises(ParameterError, match="velocity"):
        filters.topographic_correction(line, 0.5)

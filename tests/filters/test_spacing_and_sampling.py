"""Regular traces, new sampling intervals and stacks."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import signal

from gprscan import filters
from gprscan.errors import MissingPositionError, ParameterError
from tests.filters import lines


def smooth(along: np.ndarray, **options):  # type: ignore[no-untyped-def]
    """Traces whose samples vary slowly along the line: a sine of 4 m."""
    ramp = np.linspace(0, 1, 20)  # so that no trace is constant, which would make it dead
    samples = np.sin(2 * np.pi * along / 4.0)[:, None] * (1 + ramp) + 3 * ramp
    return lines.line(samples.astype("float32"), spacing=None, distance=along, **options)


def test_regular_lines_stay_as_they_are() -> None:
    line = lines.noise()
    result = filters.regularize(line)
    np.testing.assert_allclose(lines.values(result), lines.values(line), atol=1e-6)
    np.testing.assert_allclose(result["distance"], line["distance"], atol=1e-9)


def test_uneven_distances() -> None:
    steps = np.random.default_rng(0).uniform(0.02, 0.08, 300)
    along = 2.0 + np.cumsum(steps)
    result = filters.regularize(smooth(along), spacing=0.05)
    new = result["distance"].values
    np.testing.assert_allclose(np.diff(new), 0.05)
    assert new[0] == along[0]
    np.testing.assert_allclose(lines.values(result)[:, -1], 3 + 2 * np.sin(2 * np.pi * new / 4.0), atol=5e-3)


def test_dense_lines_are_averaged() -> None:
    along = np.arange(2000) * 0.01
    samples = np.random.default_rng(0).standard_normal((2000, 4)).astype("float32")
    line = lines.line(samples, spacing=0.01)
    result = lines.values(filters.regularize(line, spacing=0.1))
    assert result.shape[0] == 200
    assert result[5:-5].std() == pytest.approx(np.sqrt(2 / 30), rel=0.15)  # a triangle of 20 traces: sum of w^2
    trend = filters.regularize(smooth(along), spacing=0.1)
    inner = slice(3, -3)
    new = trend["distance"].values[inner]
    np.testing.assert_allclose(lines.values(trend)[inner, 0], np.sin(2 * np.pi * new / 4.0), atol=5e-3)


def test_standing_still_and_backing_up_are_left_out() -> None:
    along = np.concatenate(
        [np.arange(20) * 0.1, np.full(10, 1.9), 1.9 - np.arange(5) * 0.1, 1.95 + np.arange(20) * 0.1]
    )
    result = filters.regularize(smooth(along))
    np.testing.assert_allclose(np.diff(result["distance"]), 0.1)
    np.testing.assert_allclose(
        lines.values(result)[:, 0], np.sin(2 * np.pi * result["distance"].values / 4.0), atol=5e-3
    )


def test_a_line_driven_backwards_keeps_its_distances() -> None:
    along = 5.0 - np.arange(40) * 0.1
    result = filters.regularize(smooth(along), spacing=0.05)
    assert result["distance"].values[0] == 5.0
    np.testing.assert_allclose(np.diff(result["distance"]), -0.05)


def test_gaps_become_nan_and_dead_traces_stay_dead() -> None:
    along = np.concatenate([np.arange(20) * 0.1, 4.0 + np.arange(20) * 0.1])
    result = filters.regularize(smooth(along), spacing=0.1)
    new = result["distance"].values
    inside = (new > 1.95) & (new < 3.95)
    assert np.isnan(lines.values(result)[inside]).all()
    assert np.isfinite(lines.values(result)[~inside]).all()
    samples = lines.damaged(lines.values(lines.noise()))
    halved = lines.values(filters.regularize(lines.line(samples), spacing=lines.SPACING / 2))
    assert np.isnan(halved[[6, 14]]).all()
    assert np.isfinite(halved[[4, 5, 8, 12, 16]]).all()


def test_distances_from_marks_and_from_coordinates() -> None:
    line = lines.noise((41, 16)).drop_vars("distance")
    marks = np.zeros(41, dtype="int8")
    marks[[5, 15, 35]] = 1
    marked = line.assign_coords(mark=("trace", marks))
    result = filters.regularize(marked, spacing=0.25, mark_spacing=5.0)
    at_marks = result["distance"].values[result["mark"].values == 1]
    np.testing.assert_allclose(at_marks, [0.0, 5.0, 10.0], atol=0.13)
    angle = np.radians(30)
    along = np.arange(41) * 0.07
    placed = line.assign_coords(x=("trace", 100 + along * np.cos(angle)), y=("trace", 50 + along * np.sin(angle)))
    result = filters.regularize(placed)
    np.testing.assert_allclose(result["distance"], along, atol=1e-5)
    with pytest.raises(MissingPositionError, match="no distance"):
        filters.regularize(line)
    with pytest.raises(MissingPositionError, match="0 marks"):
        filters.regularize(line, mark_spacing=5.0)
    with pytest.raises(MissingPositionError, match="does not move"):
        filters.regularize(line.assign_coords(distance=("trace", np.zeros(41))))
    with pytest.raises(ParameterError, match="positive"):
        filters.regularize(lines.noise(), spacing=-1.0)


def test_coordinates_go_with_the_traces() -> None:
    line = lines.noise((2, 41, 16)).assign_coords(
        x=(("channel", "trace"), np.stack([np.arange(41.0), np.arange(41.0) + 0.5])),
        longitude=("trace", 114 + np.arange(41) * 1e-6),
        time=("trace", np.datetime64("2026-05-01T08:00:00", "ns") + np.arange(41) * np.timedelta64(100_000_000, "ns")),
        fix_quality=("trace", np.repeat([4, 5], [20, 21])),
    )
    result = filters.regularize(line, spacing=lines.SPACING / 2)
    np.testing.assert_allclose(result["x"].values[1], np.arange(81) / 2 + 0.5)
    np.testing.assert_allclose(result["longitude"], 114 + np.arange(81) * 0.5e-6, atol=1e-10)
    elapsed = (result["time"].values - result["time"].values[0]).astype("int64")
    np.testing.assert_allclose(elapsed, np.arange(81) * 50_000_000, atol=1)
    assert set(result["fix_quality"].values) == {4, 5}
    assert result["fix_quality"].dtype == line["fix_quality"].dtype
    assert set(result.coords) == set(line.coords)


@pytest.mark.parametrize("interval", [0.05, 0.073, 0.25, 0.1])
def test_resampling_gives_the_same_signal(interval: float) -> None:
    time = np.arange(600) * lines.DT - 3.0
    result = filters.resample(lines.line(lines.ricker(time - 20.0)[None].astype("float32")), interval)
    new = result["twt"].values
    np.testing.assert_allclose(np.diff(new), interval)
    assert new[0] == pytest.approx(-3.0)
    assert abs(new[-1] - time[-1]) < interval
    np.testing.assert_allclose(lines.values(result)[0], lines.ricker(new - 20.0), atol=2e-3)


def test_resampling_keeps_high_frequencies_out() -> None:
    time = np.arange(2000) * lines.DT
    tone = (np.sin(2 * np.pi * 2.0 * time) * signal.windows.hann(2000)).astype("float32")
    result = lines.values(filters.resample(lines.line(tone[None], time_zero=0.0), 0.5))  # its Nyquist frequency: 1 GHz
    assert np.abs(result).max() < 2e-3
    with pytest.raises(ParameterError, match="interval"):
        filters.resample(lines.noise(), -0.1)


def test_stacks() -> None:
    samples = lines.damaged(lines.values(lines.noise((41, 64))))
    line = lines.line(samples)
    result = filters.stack(line, 4)
    assert result.sizes["trace"] == 11
    np.testing.assert_allclose(
        lines.values(result)[0], samples[:3].mean(axis=0), rtol=1e-5, atol=1e-6
    )  # the 4th is dead
    np.testing.assert_allclose(lines.values(result)[10], samples[40])
    np.testing.assert_allclose(result["distance"].values[[0, 1, 10]], [0.075, 0.275, 2.0])
    median = lines.values(filters.stack(line, 5, method="median"))
    np.testing.assert_allclose(median[4], np.median(samples[20:25], axis=0), rtol=1e-6)
    assert np.isnan(lines.values(filters.stack(line, 1))[7]).all()
    assert "distance" not in filters.stack(line.drop_vars("distance"), 4).coords
    with pytest.raises(ParameterError, match="count"):
        filters.stack(line, 0)

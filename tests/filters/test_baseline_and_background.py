"""DC, dewow and background removal: what they take away and what they leave."""

from __future__ import annotations

import numpy as np
import pytest

from gprscan import filters
from gprscan.errors import MissingPositionError, ParameterError
from tests import reference
from tests.filters import lines


def test_dc_takes_the_mean_of_the_part_that_is_named() -> None:
    line = lines.noise()
    late = line["twt"].values >= 2.0
    result = lines.values(filters.dc(line, start=2.0))
    np.testing.assert_allclose(result[:, late].mean(axis=1), 0.0, atol=1e-6)
    np.testing.assert_allclose(lines.values(filters.dc(line)).mean(axis=1), 0.0, atol=1e-6)
    with pytest.raises(ParameterError, match="no sample lies between"):
        filters.dc(line, start=5.0, stop=4.0)


def test_dc_twice_is_dc_once() -> None:
    once = filters.dc(lines.noise())
    np.testing.assert_allclose(lines.values(filters.dc(once)), lines.values(once), atol=1e-6)


def test_dewow_window_is_one_and_a_half_periods() -> None:
    line = lines.noise()
    expected = np.stack([reference.dewow(row, 18) for row in lines.values(line)])  # 3.75 ns are 37 samples of 0.1 ns
    np.testing.assert_allclose(lines.values(filters.dewow(line)), expected, atol=1e-5)
    median = np.stack([reference.dewow(row, 18, np.median) for row in lines.values(line)])
    np.testing.assert_allclose(lines.values(filters.dewow(line, method="median")), median, atol=1e-5)
    wide = np.stack([reference.dewow(row, 25) for row in lines.values(line)])
    np.testing.assert_allclose(lines.values(filters.dewow(line, window="5.1 ns")), wide, atol=1e-5)


@pytest.mark.parametrize("method", ["mean", "median", "highpass"])
def test_dewow_removes_wow_and_leaves_the_wavelet(method: str) -> None:
    time = np.arange(600) * lines.DT - 3.0
    wavelet = lines.ricker(time - 30.0)
    wow = 5.0 + 3.0 * np.sin(2 * np.pi * time / 80.0)
    inner = slice(150, 450)
    result = lines.values(filters.dewow(lines.line((wavelet + wow)[None].astype("float32")), method=method))[0, inner]
    assert np.abs(result - wavelet[inner]).max() < 0.35
    assert abs(int(np.argmax(result)) - int(np.argmax(wavelet[inner]))) <= 1


def test_mean_and_highpass_halve_the_same_frequency() -> None:
    window = 6.1
    corner = 0.603355 / window  # GHz
    time = np.arange(2000) * lines.DT
    line = lines.line(np.cos(2 * np.pi * corner * time)[None].astype("float32"), time_zero=0.0)
    inner = slice(600, 1400)
    for method in ("mean", "highpass"):
        amplitude = np.abs(lines.values(filters.dewow(line, method=method, window=window))[0, inner]).max()
        assert amplitude == pytest.approx(0.5, abs=0.01)


def test_an_unknown_antenna_is_told_what_to_give() -> None:
    line = lines.noise().drop_vars("frequency")
    for function in (filters.dewow, filters.agc):
        with pytest.raises(ParameterError, match=r"Give window .*frequency=400"):
            function(line)
    with pytest.raises(ParameterError, match=r"Give low and high .*frequency=400"):
        filters.bandpass(line)
    assert filters.dewow(line, window=3.0)["amplitude"].shape == line["amplitude"].shape


def test_background_is_linear_and_idempotent() -> None:
    one, two = lines.noise(seed=1), lines.noise(seed=2)
    for options in ({}, {"method": "sliding_mean", "traces": 9}):
        total = lines.values(filters.background(one + two, **options))
        parts = lines.values(filters.background(one, **options)) + lines.values(filters.background(two, **options))
        np.testing.assert_allclose(total, parts, atol=1e-5)
    for options in ({}, {"method": "svd", "rank": 2}):
        once = filters.background(one, **options)
        if options:
            # what is left has full rank again only below the first two: their energy is gone
            assert np.linalg.svd(lines.values(once), compute_uv=False)[-2:].max() < 1e-3
        else:
            np.testing.assert_allclose(lines.values(filters.background(once)), lines.values(once), atol=1e-6)


def test_mean_background_ignores_what_is_dead() -> None:
    samples = lines.damaged(lines.values(lines.noise()))
    result = lines.values(filters.background(lines.line(samples)))
    live = np.delete(np.arange(40), [3, 7])
    expected = samples[live] - np.nanmean(samples[live], axis=0)
    np.testing.assert_allclose(result[live], expected, atol=1e-5)
    np.testing.assert_array_equal(result[[3, 7]], samples[[3, 7]])


def test_eigenimages_against_numpy() -> None:
    samples = lines.values(lines.noise((30, 50), seed=5)) + np.outer(np.linspace(1, 2, 30), np.sin(np.arange(50) / 5))
    line = lines.line(samples.astype("float32"))
    for rank in (1, 3):
        result = lines.values(filters.background(line, method="svd", rank=rank))
        np.testing.assert_allclose(result, reference.without_eigenimages(samples, rank), atol=2e-5)
    with pytest.raises(ParameterError, match="rank is 30"):
        filters.background(line, method="svd", rank=30)


def test_median_spares_a_flat_body_that_the_mean_smears() -> None:
    time = np.arange(200) * lines.DT - 3.0
    samples = np.tile(3.0 * lines.ricker(time - 5.0), (200, 1))
    samples[90:110] += lines.ricker(time - 9.0)  # 1 m long, under a window of 3 m
    line = lines.line(samples.astype("float32"))
    at_body, beside = (100, 120), (82, 120)
    median = lines.values(filters.background(line, method="median"))
    mean = lines.values(filters.background(line, method="sliding_mean"))
    assert median[at_body] == pytest.approx(1.0, abs=1e-4)
    assert median[beside] == pytest.approx(0.0, abs=1e-4)
    assert mean[at_body] < 0.75
    assert mean[beside] < -0.2


def test_background_window_in_metres_and_in_traces() -> None:
    line = lines.noise((80, 32))
    by_length = filters.background(line, method="median", window="0.75 m")
    by_traces = filters.background(line, method="median", traces=15)
    np.testing.assert_array_equal(lines.values(by_length), lines.values(by_traces))
    expected = reference.sliding_background(lines.values(line), 7, np.median)
    np.testing.assert_allclose(lines.values(by_traces), expected, atol=1e-5)
    unplaced = line.drop_vars("distance")
    with pytest.raises(MissingPositionError, match="traces=101"):
        filters.background(unplaced, method="median")
    served = filters.background(unplaced, method="median", window=4.0, traces=15)
    np.testing.assert_array_equal(lines.values(served), lines.values(by_traces))
    with pytest.raises(ParameterError, match="at least 3"):
        filters.background(line, method="median", window=0.05)

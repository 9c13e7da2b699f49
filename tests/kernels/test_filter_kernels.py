"""The kernels of the filters against their NumPy twins, with gaps, dead traces and short lines."""

from __future__ import annotations

import numpy as np
import pytest

from gprscan.kernels import background, median, repair, semblance, smoothing, sparse, spikes, traces, weights, windows
from tests import reference


def rough(n_traces: int, n_samples: int, *, gaps: bool = True) -> np.ndarray:
    rng = np.random.default_rng(n_traces * 1000 + n_samples)
    rows = rng.standard_normal((n_traces, n_samples)).astype("float32") + 3.0
    if gaps:
        rows[n_traces // 2] = np.nan
        rows[n_traces // 3] = 0.0
        rows[-1, n_samples // 4 : n_samples // 3 + 1] = np.nan
        rows[0, -1] = np.inf
    return rows


def close(actual: np.ndarray, expected: np.ndarray) -> None:
    np.testing.assert_array_equal(np.isfinite(actual), np.isfinite(expected))
    good = np.isfinite(expected)
    np.testing.assert_allclose(actual[good], expected[good], rtol=2e-5, atol=2e-6)


def states_of(rows: np.ndarray) -> np.ndarray:
    states = np.empty(len(rows), dtype="int8")
    traces.trace_states_serial(rows, states)
    return states


def test_trace_states() -> None:
    rows = rough(9, 12)
    rows[1] = 7.0
    expected = np.where(reference.live_rows(rows), np.where(np.isfinite(rows).all(axis=1), 1, 2), 0)
    np.testing.assert_array_equal(states_of(rows), expected)
    parallel = np.empty(9, dtype="int8")
    traces.trace_states_parallel(rows, parallel)
    np.testing.assert_array_equal(parallel, expected)


@pytest.mark.parametrize("driver", [traces.subtract_mean_serial, traces.subtract_mean_parallel])
def test_subtract_mean(driver) -> None:  # type: ignore[no-untyped-def]
    rows = rough(7, 20)
    target = np.empty_like(rows)
    driver(rows, target, 3, 17)
    part = np.where(np.isfinite(rows), rows, np.nan)[:, 3:17]
    means = np.array([np.nanmean(row) if np.isfinite(row).any() else 0.0 for row in part])
    close(target, rows - means[:, None])


@pytest.mark.parametrize("driver", [windows.subtract_running_mean_serial, windows.subtract_running_mean_parallel])
@pytest.mark.parametrize(("shape", "half"), [((6, 40), 5), ((5, 7), 20), ((1, 30), 0), ((9, 24), 12)])
def test_running_mean(driver, shape, half) -> None:  # type: ignore[no-untyped-def]
    rows = rough(*shape, gaps=shape[0] > 1)
    target = np.empty_like(rows)
    driver(rows, target, half)
    close(target, np.stack([reference.dewow(row, half) for row in rows]))


@pytest.mark.parametrize("driver", [windows.divide_running_rms_serial, windows.divide_running_rms_parallel])
@pytest.mark.parametrize(("shape", "half"), [((6, 40), 5), ((5, 7), 20), ((9, 24), 12)])
def test_running_rms(driver, shape, half) -> None:  # type: ignore[no-untyped-def]
    rows = rough(*shape)
    target = np.empty_like(rows)
    driver(rows, target, half, 1e-9)
    close(target, np.stack([reference.agc(row, half) for row in rows]))


def test_in_place_is_the_same() -> None:
    rows = rough(6, 40)
    target = np.empty_like(rows)
    windows.subtract_running_mean_serial(rows, target, 4)
    windows.subtract_running_mean_serial(rows, rows, 4)
    np.testing.assert_array_equal(rows, target)


@pytest.mark.parametrize("half", [1, 3, 20])
def test_sliding_median(half: int) -> None:
    rows = rough(30, 19)
    expected = reference.sliding_background(rows, half, np.median)
    for driver in (median.subtract_sliding_median_serial, median.subtract_sliding_median_parallel):
        target = np.empty_like(rows)
        driver(rows, rows.view("int32"), target, states_of(rows), half)
        close(target, expected)


def test_sliding_median_of_many_equal_values() -> None:
    rows = np.round(rough(40, 17, gaps=False) * 2)
    rows[:, 3] = -0.0
    expected = reference.sliding_background(rows, 4, np.median)
    target = np.empty_like(rows)
    median.subtract_sliding_median_serial(rows, rows.view("int32"), target, states_of(rows), 4)
    close(target, expected)


@pytest.mark.parametrize("half", [1, 3, 20])
def test_sliding_mean(half: int) -> None:
    rows = rough(30, 19)
    expected = reference.sliding_background(rows, half, np.mean)
    pair, states = np.stack([rows, rows[::-1]]), np.stack([states_of(rows), states_of(rows[::-1].copy())])
    target = np.empty_like(pair)
    for runs in (1, 4, 30):
        for run in (background.subtract_sliding_mean_serial, background.subtract_sliding_mean_parallel):
            target[:] = 0.0
            run(pair, target, states, half, runs)
            close(target[0], expected)
            close(target[1], expected[::-1])


def test_mean_traces() -> None:
    rows = rough(11, 8)
    live = reference.live_rows(rows)
    finite = np.isfinite(rows[live])
    total = np.where(finite, rows[live], 0.0).sum(axis=0, dtype="float64")
    for runs in (1, 4, 11):
        for run in (background.mean_traces_serial, background.mean_traces_parallel):
            sums, counts = np.zeros((1, runs, 8)), np.zeros((1, runs, 8), dtype="int64")
            whole = np.zeros((1, runs), dtype="int64")
            run(rows[None], states_of(rows)[None], sums, counts, whole)
            np.testing.assert_allclose(sums.sum(axis=(0, 1)), total, rtol=1e-12)
            np.testing.assert_array_equal(counts.sum(axis=(0, 1)) + whole.sum(), finite.sum(axis=0))


def test_subtract_common() -> None:
    rows = rough(11, 8)
    common = np.arange(8, dtype="float32")
    expected = np.where(reference.live_rows(rows)[:, None], rows - common, rows)
    for run in (background.subtract_common_serial, background.subtract_common_parallel):
        target = np.empty_like(rows)
        run(rows[None], common[None], states_of(rows)[None], target[None])
        close(target, expected)


def test_repeated_and_filled_traces() -> None:
    rows = np.arange(24, dtype="float32").reshape(6, 4)
    rows[2] = rows[1]
    found = np.empty(6, dtype=bool)
    repair.repeated_traces(rows, found)
    np.testing.assert_array_equal(found, [False, False, True, False, False, False])
    missing = np.array([True, False, True, True, False, True])
    filled = rows.copy()
    repair.fill_traces(filled, missing, 2)
    np.testing.assert_allclose(filled[2], rows[1] + (rows[4] - rows[1]) / 3)
    np.testing.assert_allclose(filled[3], rows[1] + 2 * (rows[4] - rows[1]) / 3)
    np.testing.assert_array_equal(filled[[0, 1, 4, 5]], rows[[0, 1, 4, 5]])
    long = rows.copy()
    repair.fill_traces(long, missing, 1)
    np.testing.assert_array_equal(long, rows)


def test_weighted_sums() -> None:
    rows = rough(10, 12, gaps=False)
    rng = np.random.default_rng(3)
    first, mixture = np.array([0, 3, 7]), rng.standard_normal((3, 3)).astype("float32")
    for driver in (weights.mix_traces_serial, weights.mix_traces_parallel):
        target = np.empty((3, 12), dtype="float32")
        driver(rows, target, first, mixture)
        close(target, reference.mix(rows, first, mixture))
    first = np.array([-2, 0, 5, 11])
    mixture = rng.standard_normal((4, 3)).astype("float32")
    for driver in (weights.mix_samples_serial, weights.mix_samples_parallel):
        target = np.empty((10, 4), dtype="float32")
        driver(rows, target, first, mixture)
        close(target, reference.mix(rows.T, first, mixture).T)


def test_despike() -> None:
    rows = rough(12, 30)
    rows[4, 9] = 40.0
    expected = reference.despike(rows, 1, 3, 3.0)
    for driver in (spikes.despike_serial, spikes.despike_parallel):
        target = np.empty_like(rows)
        driver(rows, target, 1, 3, np.float32(3.0))
        close(target, expected)
    assert abs(target[4, 9] - 3.0) < 2.0


def test_declip() -> None:
    # a cubic is rebuilt exactly, but for the slopes that are of second order
    time = np.linspace(-1, 1, 41)
    parabola = (1.0 - time**2).astype("float32")[None].repeat(3, axis=0)
    clipped = np.minimum(parabola, np.float32(0.75))
    clipped[1] *= -1
    for driver in (spikes.declip_serial, spikes.declip_parallel):
        rebuilt = clipped.copy()
        driver(rebuilt, np.float32(-0.75), np.float32(0.75), 40)
        np.testing.assert_allclose(rebuilt, parabola * np.array([[1], [-1], [1]]), atol=2e-5)
        short = clipped.copy()
        driver(short, np.float32(-0.75), np.float32(0.75), 5)
        np.testing.assert_array_equal(short, clipped)


def test_sparse_spikes() -> None:
    rng = np.random.default_rng(6)
    wavelet = np.array([-0.3, 1.0, 0.5, -0.2], dtype="float32")
    rows = rng.standard_normal((2, 30)).astype("float32")
    step = np.float32(0.2)
    for driver in (sparse.sparse_spikes_serial, sparse.sparse_spikes_parallel):
        target = np.empty_like(rows)
        driver(rows, target, wavelet, np.float32(0.1), step, 20)
        expected = np.stack([reference.fista(row.astype("float64"), wavelet, 0.1, float(step), 20) for row in rows])
        np.testing.assert_allclose(target, expected, atol=2e-4)


@pytest.mark.parametrize(("beside", "above"), [(1, 2), (0, 3), (2, 0)])
def test_windows_of_traces_and_samples(beside: int, above: int) -> None:
    rows = rough(14, 19)
    states = states_of(rows)
    for method in ("mean", "median"):
        expected = reference.window(rows, beside, above, method)
        if method == "mean":
            for runs in (0, 1, 4):
                target = np.empty_like(rows)
                if runs == 0:
                    smoothing.window_mean_serial(rows, target, states, beside, above)
                else:
                    smoothing.window_mean_parallel(rows, target, states, beside, above, runs)
                close(target, expected)
        else:
            for driver in (smoothing.window_median_serial, smoothing.window_median_parallel):
                target = np.empty_like(rows)
                driver(rows, rows.view("int32"), target, states, beside, above)
                close(target, expected)


def test_semblance() -> None:
    rows = rough(9, 24, gaps=False)
    dips = np.array([-1.3, 0.0, 0.5])
    inner = slice(4, -4)  # at the ends of the trace the twin reads zeros where the kernel stops
    for driver in (semblance.semblance_serial, semblance.semblance_parallel):
        found = np.empty_like(rows)
        driver(rows, np.ones(9, dtype="int8"), 2, 1, dips, found)
        np.testing.assert_allclose(found[:, inner], reference.semblance(rows, 2, 1, dips)[:, inner], atol=1e-4)

"""Conditioning kernels against NumPy and SciPy."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import optimize, signal

from gprscan.kernels import conditioning, neighbours
from gprscan.kernels.traces import transpose_to
from tests import reference

RNG = np.random.default_rng(3)


def traces(n: int = 19, m: int = 77) -> np.ndarray:
    return np.cumsum(RNG.normal(size=(n, m)), axis=1).astype(np.float32)


def test_spread_is_zero_for_what_is_no_record_of_its_own() -> None:
    a = traces()
    a[3] = 1.5
    a[5, 7] = np.nan
    a[9] = a[8]
    spread = np.empty(a.shape[0])
    conditioning.trace_spread(a, spread)
    expected = a.astype(float).std(axis=1)
    expected[[3, 5, 9]] = 0.0
    np.testing.assert_allclose(spread, expected, rtol=1e-5)


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("n", [1, 16, 19])
def test_zero_phase_filter_is_that_of_scipy(n: int, threads: int) -> None:
    a = traces(n)
    sos = signal.butter(3, [0.05, 0.4], "bandpass", output="sos")
    pad = 3 * (2 * sos.shape[0] + 1 - min((sos[:, 2] == 0).sum(), (sos[:, 5] == 0).sum()))
    found = conditioning.zero_phase(a, sos, signal.sosfilt_zi(sos), pad, threads=threads)
    np.testing.assert_allclose(found, signal.sosfiltfilt(sos, a.astype(float), axis=1), atol=2e-5)


@pytest.mark.parametrize("threads", [1, 2])
def test_medians_of_groups_of_traces(threads: int) -> None:
    a = traces(40, 71)
    a[:, 5] = 2.0  # ties
    a[17, 9] = 1e5  # a spike widens the bracket
    rows = np.flatnonzero(RNG.random(40) < 0.8)
    starts, stops = np.array([0, 3, 10, 4]), np.array([rows.size, 10, 11, 20])
    found = conditioning.medians(a, rows, starts, stops, threads=threads)
    np.testing.assert_allclose(found, reference.medians(a, rows, starts, stops), rtol=1e-6)


def test_medians_are_exact_where_values_repeat_or_stand_far_out() -> None:
    a = traces(200, 70)
    a[:, 3] = np.round(a[:, 3])  # as from a recorder's integers
    a[::2, 4] = 0.0
    a[5] *= 1e6
    a[:, 6] = -7.0
    np.testing.assert_array_equal(conditioning.median_trace(a), np.median(a, axis=0))
    np.testing.assert_array_equal(conditioning.median_trace(a[:, ::2][:33]), np.median(a[:33, ::2], axis=0))


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("step", [1, 3])
def test_medians_along_traces(step: int, threads: int) -> None:
    a = traces(131, 50)
    np.testing.assert_array_equal(conditioning.trace_medians(a, step, threads=threads), np.median(a[:, ::step], axis=1))


def test_what_is_interpolated_between_knots_is_taken_away() -> None:
    a, knots = traces(12, 30), traces(4, 30)
    place = np.linspace(0, 3, 12)
    valid = np.ones(12, bool)
    valid[5] = False
    out = np.empty_like(a)
    conditioning.less_lines(a, knots, place, valid, out)
    lines = np.stack([np.interp(place, np.arange(4), knot) for knot in knots.T.astype(float)], axis=1)
    np.testing.assert_allclose(out, np.where(valid[:, None], a - lines, 0.0), atol=1e-5)
    conditioning.less_lines(a, knots[:1], np.zeros(12), valid, out)
    np.testing.assert_allclose(out[0], a[0] - knots[0], atol=1e-6)


def test_lags_of_moved_pulses() -> None:
    time = np.arange(60.0)
    shift = np.array([0.0, 2.3, -1.6, 3.0, 9.0])
    u = (time[None, :] - 30.0 - shift[:, None]) / 5.0
    a = ((1 - 2 * u**2) * np.exp(-(u**2))).astype(np.float32)
    lag, score = np.empty(5), np.empty(5)
    conditioning.best_lags(a, a[0], 5, lag, score)
    np.testing.assert_allclose(lag[:4], shift[:4], atol=0.05)
    assert (score[:4] > 0.95).all()
    assert score[4] == 0.0


def test_shifted_traces_are_interpolated_and_their_ends_held() -> None:
    a, samples = traces(5, 25), np.array([0.0, 1.25, -2.5, 40.0, -1.0])
    out = np.empty_like(a)
    conditioning.shift_traces(a, samples, out)
    index = np.arange(25)
    expected = [np.interp(index + s, index, row) for s, row in zip(samples, a, strict=True)]
    np.testing.assert_allclose(out, expected, atol=1e-5)


@pytest.mark.parametrize("seed", range(6))
def test_bounded_least_squares(seed: int) -> None:
    rng = np.random.default_rng(seed)
    basis, values, weight = rng.normal(size=(3, 40)), 3 * rng.normal(size=40), rng.random(40)
    values += np.array([-9.0, 4.0, -2.0])[[seed % 3, 1, 2]] @ basis
    lower, upper = np.array([-5.0, 0.0, 0.0]), np.array([8.0, 5.0, 5.0])
    root = np.sqrt(weight)
    expected = optimize.lsq_linear((basis * root).T, values * root, bounds=(lower, upper), tol=1e-14).x
    found = conditioning.bounded_least_squares(basis, values, weight, lower, upper)
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_samples_are_scaled_and_bursts_limited() -> None:
    a = traces(6, 40)
    a[2] *= 50.0
    scale = np.linspace(0.5, 2.0, 40).astype(np.float32)
    expected = a * scale
    power = np.empty(6)
    conditioning.scale_samples(a, scale, power)
    np.testing.assert_allclose(a, expected, rtol=1e-6)
    rms = np.sqrt((expected.astype(float) ** 2).mean(axis=1))
    np.testing.assert_allclose(power, rms, rtol=1e-5)
    valid = np.arange(6) != 4
    conditioning.limit_bursts(a, power, 5.0, 30.0, valid)
    bent = 30.0 * np.tanh(expected / np.maximum(rms / 5.0, 1.0)[:, None] / 30.0)
    np.testing.assert_allclose(a[valid], bent[valid], rtol=1e-4)
    assert not a[4].any()


@pytest.mark.parametrize("threads", [1, 2])
def test_means_of_neighbours_leave_dead_traces_out(threads: int) -> None:
    a, valid = traces(30, 9), np.ones(30, bool)
    valid[[0, 7, 8, 9, 10, 11, 12, 13, 22]] = False
    window = np.hanning(9)[1:-1].astype(np.float32)
    window /= window.sum()
    found = neighbours.live_means(a, valid, window, threads=threads)
    for one, other in zip(found, reference.live_means(a, valid, window), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)


def test_modulus_of_samples_of_any_size() -> None:
    real, imaginary = traces(3, 20), traces(3, 20)
    real[1] *= 1e-30
    imaginary[1] *= 1e-30
    real[2] *= 1e30
    out = np.empty_like(real)
    conditioning.modulus(real, imaginary, out)
    np.testing.assert_allclose(out, np.hypot(real.astype(float), imaginary.astype(float)), rtol=1e-6)


def test_traces_become_columns() -> None:
    a = traces(5, 11)
    rows = np.zeros((8, 12), np.float32)
    transpose_to(a[:, :8], rows, 4)
    np.testing.assert_array_equal(rows[:, 4:9], a[:, :8].T)
    assert not rows[:, :4].any()
    assert not rows[:, 9:].any()

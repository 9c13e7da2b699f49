"""Diffraction coherence and hyperbola kernels against their twins in tests/reference.py."""

from __future__ import annotations

import numpy as np
import pytest

from gprscan.kernels import coherence, hyperbola
from tests import reference


def analytic_section(seed: int = 0, n: int = 23, m: int = 60) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return (rng.normal(size=(n, m)) + 1j * rng.normal(size=(n, m))).astype(np.complex64)


def test_moveout_curve_is_the_bistatic_time() -> None:
    x = np.linspace(-1.5, 1.5, 13)
    expected = reference.bistatic_curve(x, 9.0, 0.1, 0.16)
    np.testing.assert_allclose(coherence.moveout_curve(x, 9.0, 0.1, 0.16), expected, rtol=1e-12)
    assert coherence.moveout_curve(np.zeros(1), 9.0, 0.1, 0.16)[0] == pytest.approx(9.0)


def scan(
    section: np.ndarray, live: np.ndarray, rows: np.ndarray, velocity: float, driver: str
) -> tuple[np.ndarray, ...]:
    pad, n = 8, section.shape[0]
    re = np.pad(section.real.T, ((0, 0), (pad, pad))).astype(np.float32)
    im = np.pad(section.imag.T, ((0, 0), (pad, pad))).astype(np.float32)
    alive = np.pad(live.astype(np.float32), pad)
    re *= alive
    im *= alive
    shape = (rows.size, n)
    coh, amp = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
    index, side = np.zeros(shape, np.int8), np.zeros(shape, np.int8)
    getattr(coherence, driver)(
        re, im, alive, pad, rows, 0.0, 0.2, 0.05, np.array([velocity]), 0.1, 0.8, 0.3, 0.1, coh, amp, index, side
    )
    return coh, amp, index, side


@pytest.mark.parametrize("driver", ["scan_serial", "scan_parallel"])
def test_scan_matches_the_sum_over_the_curve(driver: str) -> None:
    section, rows, v = analytic_section(), np.array([20, 31]), 0.11
    live = np.ones(section.shape[0], bool)
    live[9] = False
    coh, amp, _, side = scan(section, live, rows, v, driver)
    for r, row in enumerate(rows):
        count = int(min(max(0.8 * 0.5 * v * row * 0.2, 0.1), 0.3) / 0.05)
        for x0 in range(6, 17):
            expected = reference.leg_coherence(section, live, x0, row * 0.2, 0.2, 0.05, v, 0.1, count)
            if side[r, x0] == 0 and coh[r, x0] > 0:
                np.testing.assert_allclose((coh[r, x0], amp[r, x0]), expected, rtol=2e-4, atol=1e-5)
            elif side[r, x0] == 0:
                assert expected[0] == pytest.approx(0.0, abs=1e-5)


def test_legs_of_opposite_sign_do_not_agree() -> None:
    section = np.ones((23, 60), np.complex64)
    section[12:] *= -1
    coh, *_ = scan(section, np.ones(23, bool), np.array([25]), 0.11, "scan_serial")
    assert coh[0, 11] < 0.2 < coh[0, 4]


def test_one_leg_is_enough_at_the_end_of_the_line() -> None:
    coh, amp, _, side = scan(np.ones((23, 60), np.complex64), np.ones(23, bool), np.array([25]), 0.11, "scan_serial")
    assert side[0, 0] == 1
    assert side[0, -1] == -1
    np.testing.assert_allclose(coh[0, [0, -1]], 0.85, rtol=1e-5)
    np.testing.assert_allclose(amp[0, [0, -1]], 0.85, rtol=1e-5)


def test_flatten_cuts_along_the_curve_and_is_zero_outside() -> None:
    rng = np.random.default_rng(1)
    data = rng.normal(size=(9, 40)).astype(np.float32)
    rows, distance = np.arange(1, 8), 0.07 * np.arange(-3, 4)
    # no time falls on a sample: there floor would hang on rounding
    args = (data, rows, distance, -1.0, 0.25, 0.2, 6.03, 0.09, 0.12, 5, 18)
    np.testing.assert_allclose(hyperbola.flatten(*args), reference.flatten_curve(*args), atol=1e-6)
    late = (data, rows, distance, -1.0, 0.25, 0.2, 8.0, 0.09, 0.12, 2, 18)
    assert not hyperbola.flatten(*late)[:, -8:].any()


def test_picks_follow_shifted_pulses() -> None:
    rng = np.random.default_rng(2)
    lag = np.arange(61) - 30
    shift = np.array([0.0, 0.4, -0.7, 1.3, 0.2, -0.1, 0.0])
    u = (lag[None, :] - shift[:, None]) / 5.0
    traces = (1 - 2 * u**2) * np.exp(-(u**2)) + 0.02 * rng.normal(size=(7, 61))
    delay, weight = np.zeros(7), np.zeros(7)
    hyperbola.pick_delays(traces, 30, 12, 6, delay, weight)
    expected = reference.picked_delays(traces, 30, 12, 6)
    np.testing.assert_allclose(delay, expected[0], atol=1e-6)
    np.testing.assert_allclose(weight, expected[1], atol=1e-6)
    noise = rng.normal(size=(7, 61))
    hyperbola.pick_delays(noise, 30, 12, 6, delay, weight)
    np.testing.assert_allclose(weight, reference.picked_delays(noise, 30, 12, 6)[1], atol=1e-6)


def test_curve_step_is_the_robust_least_squares_step() -> None:
    rng = np.random.default_rng(3)
    distance = np.linspace(-0.8, 0.8, 25)
    truth = reference.bistatic_curve(distance - 0.02, 10.05, 0.104, 0.14)
    delay = truth - reference.bistatic_curve(distance, 10.0, 0.1, 0.14) + 0.01 * rng.normal(size=25)
    delay[4] += 1.5
    weight = rng.uniform(0.5, 1.0, 25)
    prior, pull = np.array([1e-6, 1e-6, 16.0]), np.array([0.0, 0.0, 0.3])
    step, covariance = np.zeros(3), np.zeros((3, 3))
    scale, kept = hyperbola.curve_step(
        distance, delay, weight, 10.0, 0.1, 0.14, prior, pull, 0.01, 2.0, np.array([1e-6, 1e-6, 4.0]), step, covariance
    )
    expected, expected_scale = reference.biweight_step(distance, delay, weight, 10.0, 0.1, 0.14, prior, pull, 0.01)
    np.testing.assert_allclose(step, expected, rtol=1e-6, atol=1e-9)
    assert scale == pytest.approx(expected_scale)
    assert kept == 24  # the outlier is left out
    np.testing.assert_allclose(step, [0.02, 0.05, np.log(1.04)], atol=0.01)
    np.testing.assert_allclose(covariance, covariance.T, rtol=1e-6)
    assert np.all(np.linalg.eigvalsh(covariance) > 0)

"""Diffraction coherence and hyperbola kernels against their twins in tests/reference.py."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import ndimage

from gprscan.kernels import cleaning, coherence, hyperbola, nearby
from gprscan.kernels.maxima import local_maxima
from tests import reference


def analytic_section(seed: int = 0, n: int = 23, m: int = 60) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return (rng.normal(size=(n, m)) + 1j * rng.normal(size=(n, m))).astype(np.complex64)


def scan(
    section: np.ndarray, live: np.ndarray, rows: np.ndarray, velocity: float, threads: int
) -> tuple[np.ndarray, ...]:
    real, imaginary = (np.ascontiguousarray(part, np.float32) for part in (section.real, section.imag))
    data, alive = coherence.pack(real, imaginary, live, 12, threads=threads)
    table = coherence.curves(rows, 0.0, 0.2, 0.05, np.array([velocity]), 0.1, (0.8, 0.3, 0.1), 8, section.shape[1])
    return coherence.scan(data, alive, 12, table, threads=threads)


@pytest.mark.parametrize("threads", [1, 2])
def test_groups_of_traces_are_averaged_over_those_that_live(threads: int) -> None:
    section = analytic_section(n=23)
    live = np.ones(23, bool)
    live[[4, 6, 7]] = False
    real, there = coherence.group_means(section.real.copy(), live, 2, threads=threads)
    imaginary, _ = coherence.group_means(section.imag.copy(), live, 2, threads=threads)
    data, alive = coherence.pack(real, imaginary, there, 3, threads=threads)
    re, im, energy = data.transpose(1, 0, 2)
    for k, group in enumerate(np.arange(22).reshape(-1, 2)):
        kept = section[group[live[group]]]
        expected = kept.mean(axis=0) if kept.size else np.zeros(section.shape[1])
        np.testing.assert_allclose(re[:, 3 + k] + 1j * im[:, 3 + k], expected, atol=1e-6)
        np.testing.assert_allclose(energy[:, 3 + k], np.abs(expected) ** 2, atol=1e-5)
        assert alive[3 + k] == (kept.size > 0)
    assert not re[:, :3].any()
    assert not alive[[0, 1, 2, -3, -2, -1]].any()


@pytest.mark.parametrize("threads", [1, 2])
def test_scan_matches_the_sum_over_the_curve(threads: int) -> None:
    section, rows, v = analytic_section(), np.array([20, 31]), 0.11
    live = np.ones(section.shape[0], bool)
    live[9] = False
    coh, amp, _, side = scan(section, live, rows, v, threads)
    for r, row in enumerate(rows):
        count = int(min(max(0.8 * 0.5 * v * row * 0.2, 0.1), 0.3) / 0.05)
        for x0 in range(6, 17):
            expected = reference.leg_coherence(section, live, x0, row * 0.2, 0.2, 0.05, v, 0.1, count)
            if side[r, x0] == 0 and coh[r, x0] > 0:
                np.testing.assert_allclose((coh[r, x0], amp[r, x0]), expected, rtol=2e-4, atol=1e-5)
            elif side[r, x0] == 0:
                assert expected[0] == pytest.approx(0.0, abs=1e-5)


def test_points_above_the_least_amplitude_are_scanned_as_without_it() -> None:
    section = analytic_section(n=90, m=60)
    live = np.ones(90, bool)
    live[70] = False
    real, imaginary = (np.ascontiguousarray(part, np.float32) for part in (section.real, section.imag))
    data, alive = coherence.pack(real, imaginary, live, 12)
    velocities = np.array([0.07, 0.11, 0.16])
    table = coherence.curves(np.array([20, 31, 40]), 0.0, 0.2, 0.05, velocities, 0.1, (0.8, 0.3, 0.1), 8, 60)
    whole = coherence.scan(data, alive, 12, table)
    value = whole[1] * np.sqrt(whole[0])
    least = float(np.quantile(value[:, 20:50], 0.97))
    some = coherence.scan(data, alive, 12, table, least=least)
    above = value > least
    assert 3 < above.sum() < value.size
    for one, other in zip(some, whole, strict=True):
        np.testing.assert_array_equal(one[above], other[above])
    assert (some[1] * np.sqrt(some[0]))[~above].max() <= least
    # tiles of clear traces in which nothing is as strong are left out
    assert (some[1] == 0).mean() > (whole[1] == 0).mean()


def test_legs_of_opposite_sign_do_not_agree() -> None:
    section = np.ones((23, 60), np.complex64)
    section[12:] *= -1
    coh, *_ = scan(section, np.ones(23, bool), np.array([25]), 0.11, 1)
    assert coh[0, 11] < 0.2 < coh[0, 4]


def test_one_leg_is_enough_at_the_end_of_the_line() -> None:
    coh, amp, _, side = scan(np.ones((23, 60), np.complex64), np.ones(23, bool), np.array([25]), 0.11, 1)
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


def test_the_stack_is_the_tapered_mean_of_the_living_traces_along_the_curve() -> None:
    data, x = np.random.default_rng(5).normal(size=(30, 80)).astype(np.float32), 0.05 * np.arange(30)
    valid = np.ones(30, bool)
    valid[14] = False
    wave, traces, distance = hyperbola.stacked(data, x, valid, 0.42, 0.3, 0.2, 0.4, (0.73, 6.0, 0.1), 0.14, 4, 9)
    rows = np.flatnonzero(valid & (np.abs(x - 0.73) <= 0.42))
    np.testing.assert_allclose(distance, x[rows] - 0.73)
    args = (data, rows, distance, 0.3, 0.2, 0.4, 6.0, 0.1, 0.14, 4, 9)
    np.testing.assert_allclose(traces, reference.flatten_curve(*args), atol=1e-6)
    taper = np.cos(0.5 * np.pi * distance / 0.42) ** 2
    np.testing.assert_allclose(wave, taper @ traces / taper.sum(), atol=1e-9)


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


def test_agreement_of_legs_needs_no_hilbert_transform() -> None:
    rng = np.random.default_rng(4)
    distance = 0.05 * np.arange(-6, 8)
    traces = rng.normal(size=(14, 25)) + np.hanning(25) * np.sin(np.arange(25))
    found = hyperbola.leg_coherence(traces, distance, 0.5)
    np.testing.assert_allclose(found, reference.both_legs(traces, distance, 0.5), rtol=1e-6)
    left, right, both = hyperbola.leg_coherence(traces[:6], distance[:6], 0.5)
    assert np.isnan(right)
    assert both == pytest.approx(0.85 * left)


@pytest.mark.parametrize("threads", [1, 2])
def test_fits_find_the_curves_of_points(threads: int) -> None:
    x, dt, period = 0.04 * np.arange(120), 0.1, 2.5
    truth = np.array([(1.4, 9.0, 0.10), (3.3, 14.0, 0.085)])
    data = np.zeros((120, 240), np.float32)
    for place, time, velocity in truth:
        u = (dt * np.arange(240)[None, :] - reference.bistatic_curve(x - place, time, velocity, 0.1)[:, None]) / period
        data += ((1 - 2 * (np.pi * u) ** 2) * np.exp(-((np.pi * u) ** 2))).astype(np.float32)
    starts = np.vstack([truth + np.array([0.06, -0.4, 0.006]), [(2.4, 1.0, 0.1)]])
    limits = (0.05, 0.2, 0.9, 0.6, 1.4)
    found = hyperbola.fit_curves(
        data, x, np.ones(120, bool), starts, (0.0, dt, 0.04, period), (0.0, 0.1), limits, 2, threads=threads
    )
    np.testing.assert_allclose(found[:2, 0], 1.0)
    # wherever it was begun, the apex lies on the peak of the pulse
    assert (np.abs(found[:2, 1:4] - truth) < [0.01, 0.02 * period, 0.002]).all()
    assert (found[:2, 6] > 0.9).all()
    slow = hyperbola.fit_curves(
        data, x, np.ones(120, bool), starts, (0.0, dt, 0.04, period), (0.0, 0.1), (0.05, 0.098, 0.9, 0.6, 1.4), 2,
        threads=threads,
    )  # fmt: skip
    assert slow[0, 3] <= 0.098


@pytest.mark.parametrize(("depth", "separation"), [(0.1, 0.0), (0.15, 0.15), (0.2, 0.3), (0.3, 0.45), (0.4, 0.6)])
@pytest.mark.parametrize("early", [-0.4, 0.4])
def test_the_velocity_of_a_fit_does_not_depend_on_where_on_the_pulse_it_was_begun(
    depth: float, separation: float, early: float
) -> None:
    x, dt, period, velocity = 0.02 * np.arange(150), 0.1, 2.5, 0.1
    time = math.hypot(separation, 2 * depth) / velocity
    arrival = reference.bistatic_curve(x - 1.5, time, velocity, separation)
    u = (dt * np.arange(240)[None, :] - arrival[:, None]) / period
    data = ((1 - 2 * (np.pi * u) ** 2) * np.exp(-((np.pi * u) ** 2))).astype(np.float32)
    starts = np.array([[1.51, time + early * period, 0.95 * velocity]])
    (found,) = hyperbola.fit_curves(
        data, x, np.ones(150, bool), starts, (0.0, dt, 0.02, period), (0.0, separation), (0.05, 0.2, 0.9, 0.6, 1.4), 2
    )
    assert found[2] == pytest.approx(time, abs=0.02 * period)
    assert found[3] == pytest.approx(velocity, rel=0.012)


def test_nothing_is_fitted_that_would_come_before_the_wave_along_the_ground() -> None:
    x, dt, period = 0.04 * np.arange(80), 0.1, 2.5
    u = (dt * np.arange(200) - 6.0) / period
    data = np.tile(((1 - 2 * (np.pi * u) ** 2) * np.exp(-((np.pi * u) ** 2))).astype(np.float32), (80, 1))
    found = hyperbola.fit_curves(
        data, x, np.ones(80, bool), np.array([[1.6, 6.0, 0.08]]), (0.0, dt, 0.04, period), (0.0, 0.9),
        (0.05, 0.1, 0.9, 0.6, 1.4), 1,
    )  # fmt: skip
    assert found[0, 0] == 0.0


@pytest.mark.parametrize("threads", [1, 2])
def test_subtracting_a_curve_is_its_rank_one_model(threads: int) -> None:
    rng = np.random.default_rng(6)
    x, valid = 0.05 * np.arange(44), np.arange(44) != 20
    curve = (1.03, 4.03, 0.1, 0.8, 0.6)
    late = -1.0 + 0.2 * np.arange(200) - reference.bistatic_curve(x - curve[0], curve[1], curve[2], 0.12)[:, None]
    ringing = np.where(late > -1.0, 8.0 * np.exp(-0.1 * (late + 1.0)) * np.cos(2.5 * late), 0.0)
    chance = rng.normal(size=(44, 200)).astype(np.float32)
    # the coda stays where it is chance, and goes where the traces share it
    sections = (chance, (0.1 * chance + ringing).astype(np.float32))
    before = [a.copy() for a in sections]
    expected = [reference.rank_one_less(a, x, valid, curve, -1.0, 0.2, 0.12, 0.2, (12, 70), 15) for a in sections]
    curves = np.array([curve])
    cleaning.subtract_curves(sections, x, valid, curves, (-1.0, 0.2), 0.12, 0.2, (12, 70), 15, threads=threads)
    np.testing.assert_allclose(sections[0], expected[0], atol=2e-5)
    np.testing.assert_allclose(sections[1], expected[1], atol=2e-5)
    coda = (late > 4.0) & (late < 10.0) & (np.abs(x - curve[0]) < 0.3)[:, None] & valid[:, None]
    kept, gone = (np.std(a[coda]) / np.std(b[coda]) for a, b in zip(sections, before, strict=True))
    assert kept == pytest.approx(1.0)
    assert gone < 0.2


@pytest.mark.parametrize("later", [3.75, 4.0])
def test_a_louder_echo_more_than_a_pulse_below_is_not_taken_out(later: float) -> None:
    x, dt, period = 0.05 * np.arange(44), 0.1, 2.5
    curve = (1.1, 8.0, 0.12, 0.4, 0.3)

    def echo(time: float, size: float) -> np.ndarray:
        u = (dt * np.arange(240) - reference.bistatic_curve(x - curve[0], time, 0.12, 0.1)[:, None]) / period
        return (size * (1 - 2 * (np.pi * u) ** 2) * np.exp(-((np.pi * u) ** 2))).astype(np.float32)

    first, second = echo(curve[1], 1.0), echo(curve[1] + later, 3.0)
    data = first + second
    span = (round(1.2 * period / dt), round(9.2 * period / dt))
    cleaning.subtract_curves(
        (data,), x, np.ones(44, bool), np.array([curve]), (0.0, dt), 0.1, 0.0, span, round(1.5 * period / dt)
    )
    # at the apex, how much of each is left
    gone, kept = (float(np.sum(data[22] * each[22]) / np.sum(each[22] ** 2)) for each in (first, second))
    assert abs(gone) < 0.1
    assert kept > 0.85


def test_local_maxima_are_those_of_a_maximum_filter() -> None:
    values = np.random.default_rng(2).integers(0, 9, (70, 40)).astype(np.float32)  # with ties
    floor = np.linspace(1.0, 8.5, 40).astype(np.float32)
    top = values == ndimage.maximum_filter(values, (5, 3))
    expected = np.argwhere(top & (values > floor))
    assert len(expected) > 20
    np.testing.assert_array_equal(local_maxima(values, floor, 2, 1), expected)
    np.testing.assert_array_equal(local_maxima(values, floor, 0, 3), reference.local_maxima(values, floor, 0, 3))


def test_none_is_chosen_that_a_stronger_one_disturbs() -> None:
    rng = np.random.default_rng(9)
    x, t, reach = rng.uniform(0, 20, 80), rng.uniform(5, 40, 80), rng.uniform(0.2, 0.8, 80)
    velocity, near = rng.uniform(0.08, 0.15, 80), rng.uniform(0.1, 0.3, 80)

    def disturbs(k: int, i: int) -> bool:
        if abs(x[i] - x[k]) > reach[i] + reach[k] or t[i] + 6.0 < t[k]:
            return False
        if abs(np.hypot(t[k], 2 * (x[i] - x[k]) / velocity[k]) - t[i]) < 6.0:
            return True
        multiple = abs(x[i] - x[k]) < near[k] and velocity[i] < 1.3 * velocity[k] * np.sqrt(t[k] / t[i])
        at = np.linspace(max(x[i] - reach[i], x[k] - reach[k]), min(x[i] + reach[i], x[k] + reach[k]), 9)
        legs = [np.hypot(t[j], 2 * (at - x[j]) / velocity[j]) for j in (i, k)]
        apart = legs[0] - legs[1]
        meets = (np.abs(apart) < 6.0).any() or (np.sign(apart) != np.sign(apart[0])).any()
        return bool(k in chosen and (multiple or meets))

    chosen: list[int] = []
    for i in range(80):
        free = not any(disturbs(k, i) for k in range(i))
        chosen += [i] if free else []
    assert 10 < len(chosen) < 70
    assert nearby.dominant(x, t, velocity, reach, near, 6.0, 1.3).tolist() == chosen


def test_what_passes_well_above_disturbs_nothing_but_its_multiples() -> None:
    x, t, reach, near = np.array([0.0, 0.1]), np.array([4.0, 16.0]), np.array([0.2, 0.5]), np.full(2, 0.2)

    def chosen(velocity: float) -> list[int]:
        return nearby.dominant(x, t, np.array([0.12, velocity]), reach, near, 3.75, 1.35).tolist()

    assert chosen(0.12) == [0, 1]
    # the root of a quarter is a half: what comes four times as late on half the velocity keeps the moveout of the first
    assert chosen(0.06) == [0]


def test_what_lies_on_the_leg_of_one_that_has_to_wait_waits_as_well() -> None:
    x, t = np.array([0.0, 0.6, 0.9]), np.array([6.0, 10.0, 12.0])
    velocity, near = np.full(3, 0.12), np.full(3, 0.2)

    def chosen(*reach: float) -> list[int]:
        return nearby.dominant(x, t, velocity, np.array(reach), near, 2.5, 1.35).tolist()

    # the second crosses the first; the third is out of the reach of that, but may be a piece of the second
    assert chosen(0.4, 0.4, 0.3) == [0]
    assert chosen(0.1, 0.4, 0.3) == [0, 1]
    # out of the reach of the second as well
    assert chosen(0.4, 0.25, 0.04) == [0, 2]


def test_what_is_left_over_lies_at_the_place_of_another() -> None:
    rng = np.random.default_rng(10)
    x, t, place, time = (rng.uniform(0, 10, n) for n in (60, 60, 15, 15))
    reach = rng.uniform(0.1, 1.0, 15)
    apart, later = np.abs(x[:, None] - place), t[:, None] - time
    expected = ((apart < reach) & (later > -1.4) & (later < 1.2)).any(axis=1)
    assert 3 < expected.sum() < 57
    np.testing.assert_array_equal(nearby.left_over(x, t, place, time, reach, (-1.4, 1.2)), expected)
    assert not nearby.left_over(x, t, place[:0], time[:0], reach[:0], (-1.4, 1.2)).any()

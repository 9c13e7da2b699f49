"""What a stacked echo holds, against NumPy."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import signal

from gprscan.detection.evidence import _turned_impulse
from gprscan.kernels import echo
from tests import reference

DT, PERIOD = 0.1, 2.5
LAG = DT * np.arange(-50, 201)


def wave(seed: int) -> np.ndarray:
    """Return a pulse with a later one and noise."""
    noise = np.random.default_rng(seed).normal(0, 0.02, LAG.size)
    later = LAG - 9.0
    return np.asarray(
        np.cos(2 * np.pi * LAG / PERIOD) * np.exp(-((LAG / 1.2) ** 2))
        - 0.4 * np.cos(2 * np.pi * later / PERIOD) * np.exp(-((later / 1.2) ** 2))
        + noise
    )


@pytest.mark.parametrize("n", [2, 7, 40, 251])
def test_envelope_is_the_modulus_of_the_analytic_signal(n: int) -> None:
    values = np.random.default_rng(n).normal(size=n)
    np.testing.assert_allclose(
        echo.envelope(values, _turned_impulse(n)), np.abs(signal.hilbert(values)), rtol=1e-12, atol=1e-13
    )


@pytest.mark.parametrize("last", [80, 120, 251])
def test_pulse_is_its_slow_twin(last: int) -> None:
    values, lag = wave(last)[:last], LAG[:last]
    found = echo.pulse(values, lag, echo.envelope(values, _turned_impulse(last)), DT, PERIOD)
    np.testing.assert_allclose(found, reference.pulse(values, lag, DT, PERIOD), rtol=1e-9)
    assert found[5] == pytest.approx(1 / PERIOD, rel=0.15)


def test_nothing_before_and_nothing_after() -> None:
    lag = DT * np.arange(-10, 31)
    values = np.cos(2 * np.pi * lag / PERIOD)
    found = echo.pulse(values, lag, np.abs(values), DT, PERIOD)
    assert found[2] == 0.0
    assert np.isnan(found[6:]).all()


def line(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return noise with a hyperbola in it, distances, and which traces count."""
    rng = np.random.default_rng(seed)
    x, t = 0.05 * np.arange(60), DT * np.arange(300) - 2.0
    late = t - reference.bistatic_curve(x - 1.53, 9.03, 0.1, 0.14)[:, None] - 0.2
    data = np.cos(2 * np.pi * late / PERIOD) * np.exp(-((late / 1.2) ** 2)) + 0.05 * rng.normal(size=late.shape)
    return data.astype(np.float32), x, rng.uniform(size=60) > 0.2


@pytest.mark.parametrize("seed", range(3))
def test_many_curves_are_heard_as_one_by_one(seed: int) -> None:
    data, x, valid = line(seed)
    # on the hyperbola, beside it, at the ends of the line and late in the record
    curves = np.array(
        [(1.53, 9.23, 0.1, 0.6), (2.1, 12.03, 0.09, 0.4), (0.01, 6.03, 0.1, 0.5), (2.96, 24.03, 0.12, 0.8)]
    )
    span = (50, 180)
    # no window of this period ends on a sample: there it would hang on rounding
    args = (data, x, valid, curves, (-2.0, DT, 1.01 * PERIOD), (0.2, 0.14), span)
    waves, numbers, beside, counts = echo.heard(*args, _turned_impulse(sum(span) + 1), 0.2)
    expected = reference.heard(*args, 0.2)
    np.testing.assert_allclose(waves, expected[0], atol=1e-6)
    np.testing.assert_allclose(numbers, expected[1], rtol=1e-5)
    np.testing.assert_allclose(beside, expected[2], rtol=1e-5)
    np.testing.assert_array_equal(counts, expected[3])
    assert np.isfinite(beside[0]).all()
    assert numbers[0, 0] > 0.7
    assert numbers[0, 5] == pytest.approx(1 / PERIOD, rel=0.15)


def test_no_curve_and_no_trace_under_a_curve() -> None:
    data, x, valid = line(0)
    args, span = ((-2.0, DT, PERIOD), (0.2, 0.14)), (50, 180)
    waves, numbers, beside, counts = echo.heard(
        data, x, valid, np.empty((0, 4)), *args, span, _turned_impulse(231), 0.1
    )
    assert beside.shape == (0, 3)
    assert waves.shape == (0, 231)
    assert numbers.shape == (0, echo.PULSE)
    assert counts.size == 0
    waves, numbers, beside, counts = echo.heard(
        data, x, valid & (x > 1.0), np.array([(0.2, 9.0, 0.1, 0.4)]), *args, span, _turned_impulse(231), 0.1
    )
    assert np.isnan(beside).all()
    assert counts.tolist() == [0]
    assert not waves.any()
    assert not numbers[0, :6].any()


def test_legs_and_scatter() -> None:
    rng = np.random.default_rng(6)
    distance = np.linspace(-1.0, 1.0, 41)
    traces = rng.normal(size=(41, LAG.size))
    expected = reference.legs(traces, distance, LAG, 0.3, PERIOD, 0.9)
    np.testing.assert_allclose(echo.legs(traces, distance, LAG, 0.3, PERIOD, 0.9), expected, rtol=1e-12)
    assert np.isnan(echo.legs(traces[:3], distance[:3], LAG, 0.3, PERIOD, 0.9)).all()
    expected_scatter = reference.scatter(traces, distance, LAG, 0.4, 2.5, 10.0)
    assert echo.scatter(traces, distance, LAG, 0.4, 2.5, 10.0) == pytest.approx(expected_scatter, rel=1e-12)
    assert np.isnan(echo.scatter(traces, distance, LAG, 0.06, 2.5, 10.0)) == (np.sum(np.abs(distance) < 0.06) < 3)
    assert np.isnan(echo.scatter(traces, distance, LAG, 0.01, 2.5, 10.0))

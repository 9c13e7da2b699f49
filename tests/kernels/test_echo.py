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


def test_legs_and_scatter() -> None:
    rng = np.random.default_rng(6)
    distance = np.linspace(-1.0, 1.0, 41)
    traces = rng.normal(size=(41, LAG.size))
    near = np.abs(LAG - 0.3) <= 0.8 * PERIOD
    tangent = np.abs(distance) / 0.9
    outer, inner = (tangent > 0.5) & (tangent < 1.0), tangent < 0.2
    stack = (traces * ((1 + tangent**2) ** 0.25)[:, None])[outer].mean(axis=0)
    expected = np.abs(stack[near]).max(), np.abs(traces[inner].mean(axis=0)[near]).max()
    np.testing.assert_allclose(echo.legs(traces, distance, LAG, 0.3, PERIOD, 0.9), expected, rtol=1e-12)
    assert np.isnan(echo.legs(traces[:3], distance[:3], LAG, 0.3, PERIOD, 0.9)).all()
    part = traces[np.abs(distance) < 0.4][:, (LAG > 2.5) & (LAG < 10.0)]
    expected_scatter = ((part - part.mean(axis=0)) ** 2).sum() / (part.shape[1] * (part.shape[0] - 1))
    assert echo.scatter(traces, distance, LAG, 0.4, 2.5, 10.0) == pytest.approx(expected_scatter, rel=1e-12)
    assert np.isnan(echo.scatter(traces, distance, LAG, 0.06, 2.5, 10.0)) == (np.sum(np.abs(distance) < 0.06) < 3)
    assert np.isnan(echo.scatter(traces, distance, LAG, 0.01, 2.5, 10.0))

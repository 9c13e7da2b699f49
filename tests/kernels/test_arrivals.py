"""Arrivals of a pulse in an echo, against least squares pair by pair."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import signal

from gprscan.kernels import arrivals
from tests import reference

DT = 0.1
AXIS = DT * np.arange(-30, 31)
PULSE = (1 - 2 * (AXIS / 0.7) ** 2) * np.exp(-((AXIS / 0.7) ** 2))
QUADRATURE = np.ascontiguousarray(signal.hilbert(PULSE).imag)
SHIFTS = np.arange(-1.5, 0.8, 0.1)


def echo(*arrivals_: tuple[float, float], seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    times = DT * np.arange(-28, 29)
    values = 0.03 * np.random.default_rng(seed).normal(size=times.size)
    for time, amplitude in arrivals_:
        values += amplitude * np.interp(times - time, AXIS, PULSE, left=0, right=0)
    return values, times


@pytest.mark.parametrize(
    "given", [((0.03, 1.0),), ((-0.4, -0.8),), ((-0.7, 1.0), (0.2, -0.9)), ((-0.6, -1.0), (0.5, 0.6))]
)
def test_arrivals_are_those_of_least_squares(given: tuple[tuple[float, float], ...]) -> None:
    values, times = echo(*given)
    found = arrivals.fit_arrivals(values, times, PULSE, DT, SHIFTS)
    expected = reference.arrivals(values, times, PULSE, DT, SHIFTS)
    np.testing.assert_allclose(found[np.isfinite(expected[:, 0])], expected[np.isfinite(expected[:, 0])], atol=1e-6)
    best = int(np.argmin(found[:, 0]))
    assert (best == 0) == (given[0][1] > 0)
    assert abs(found[best, 1] - given[0][0]) < 0.11
    assert np.isfinite(found[best, 2]) == (len(given) == 2)


def test_phase_of_a_turned_pulse() -> None:
    times = DT * np.arange(-28, 29)
    for phase in (0.0, 1.0, -2.0):
        turned = np.cos(phase) * PULSE - np.sin(phase) * QUADRATURE
        values = np.interp(times - 0.1, AXIS, turned)
        assert arrivals.best_phase(values, times, PULSE, QUADRATURE, DT, SHIFTS) == pytest.approx(phase, abs=0.15)


@pytest.mark.parametrize("sign", [1.0, -1.0])
@pytest.mark.parametrize("wall", [0.0, 0.3, -0.3])
def test_a_wall_before_the_main_arrival(sign: float, wall: float) -> None:
    period = 2.0
    values, times = echo((-0.95, sign * wall), (0.05, sign), (0.72, -0.3 * sign))
    found = arrivals.wall_before(values, times, PULSE, DT, 0.0, period)
    assert found == pytest.approx(reference.wall_before(values, times, PULSE, DT, 0.0, period), abs=1e-6)
    assert found == pytest.approx(wall, abs=0.1)


def test_no_wall_where_nothing_of_the_kind_fits() -> None:
    values, times = echo((0.0, 0.0))
    assert np.isnan(arrivals.wall_before(np.zeros_like(values), times, PULSE, DT, 0.0, 2.0))


def test_onsets_of_many_echoes() -> None:
    period = 1.5
    given = [((0.03, 1.0),), ((-0.4, -0.8),), ((-0.7, 1.0), (0.2, -0.9)), ((-0.6, -1.0), (0.5, 0.6))]
    echoes = np.array([echo(*arrivals_, seed=k)[0] for k, arrivals_ in enumerate(given)])
    times, peaks = echo()[1], np.array([0.0, -0.4, -0.3, 0.0])
    found, phases = arrivals.onsets(echoes, times, peaks, (PULSE, QUADRATURE), DT, period)
    expected, turned = reference.onsets(echoes, times, peaks, (PULSE, QUADRATURE), DT, period)
    known = np.isfinite(expected[..., 0])
    np.testing.assert_allclose(found[known], expected[known], atol=1e-6)
    assert (found[~known, 0] == arrivals.NOTHING).all()
    # the twin turns in steps of a quarter of a degree
    np.testing.assert_allclose(np.angle(np.exp(1j * (phases - turned))), 0.0, atol=np.radians(0.13))


def test_where_there_is_no_echo_there_is_no_onset() -> None:
    values, times = echo((0.0, 1.0))
    echoes = np.stack([values, 0.0 * values, values, values])
    # an echo, silence, and two of which the record holds too little or nothing
    found, phases = arrivals.onsets(
        echoes, times, np.array([0.0, 0.0, times[-1] + 1.5, 50.0]), (PULSE, QUADRATURE), DT, 1.5
    )
    assert np.isfinite(found[0, :, 0]).all()
    assert np.isnan(found[1:]).all()
    assert not phases[1:].any()
    none, turned = arrivals.onsets(echoes[:0], times, np.empty(0), (PULSE, QUADRATURE), DT, 1.5)
    assert none.shape == (0, 2, 4)
    assert turned.size == 0

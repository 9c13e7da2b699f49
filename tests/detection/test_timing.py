"""Time zero from the direct wave: late and early records, jitter, clipping."""

from __future__ import annotations

import numpy as np
import pytest

from gprscan import detect, model
from tests.detection.lines import DT, PERIOD, make, near, section, wrap

POINT = (2.0, 0.6, 0.5)


def shift(line: object) -> float:
    return float(np.median(section(line).time_zero_shift))  # type: ignore[arg-type]


@pytest.mark.parametrize("delay", [-0.6, -0.5, 0.5, 0.6, 1.0, 1.5])
def test_a_wrong_time_zero_is_found_to_a_tenth_of_a_period(delay: float) -> None:
    line, _ = make(POINT, length=3.0, noise=0.01, delay=delay)
    assert abs(shift(line) - delay) < 0.1 * PERIOD


@pytest.mark.parametrize("delay", [0.0, 0.1, -0.1])
def test_a_nominal_time_zero_within_what_can_be_measured_is_kept(delay: float) -> None:
    line, _ = make(POINT, length=3.0, noise=0.01, delay=delay)
    assert shift(line) == 0.0


@pytest.mark.parametrize("delay", [-0.5, 0.3, 0.5])
def test_the_depth_is_hardly_moved_by_a_late_or_early_record(delay: float) -> None:
    tables = [detect(make(POINT, length=4.0, delay=d)[0]) for d in (0.0, delay)]
    (whole,), (moved,) = (near(t, POINT[0], 0.05) for t in tables)
    assert abs(moved["twt_ns"] - whole["twt_ns"]) < 0.17 * PERIOD
    assert abs(moved["top_depth_m"] - whole["top_depth_m"]) < whole["sigma_depth_m"]


def test_jitter_from_trace_to_trace_is_taken_out() -> None:
    line, _ = make(POINT, length=3.0, noise=0.005, wobble=0.10)
    still = section(line)
    assert still.time_zero_shift.std() > 0.06
    first = np.searchsorted(still.t, -0.3 * PERIOD)
    direct = still.raw[:, first : first + round(1.5 * PERIOD / still.dt)]
    peaks = still.dt * direct.argmax(axis=1)
    assert peaks.std() < 0.06


def test_jitter_by_a_fifth_of_a_coarse_sample_leaves_nothing_of_the_direct_wave() -> None:
    """Ten samples per period, as carts with long windows record: half a sample is a twentieth of a period."""
    line, _ = make(POINT, length=3.0, noise=0.001, wobble=0.02 * PERIOD)
    still = section(wrap(model.amplitude(line)[:, ::3], dt=3 * DT))
    first = np.searchsorted(still.t, -0.3 * PERIOD)
    left = still.echo[:, first : first + round(1.5 * PERIOD / still.dt)]
    assert left.std() < 0.02 * still.direct_peak


def test_the_echo_of_a_shallow_bar_does_not_pull_at_time_zero() -> None:
    line, _ = make((2.0, 0.15, -0.8), length=4.0)
    assert np.abs(section(line).time_zero_shift).max() < 0.015 * PERIOD


def test_a_clipped_direct_wave_still_gives_time_zero_and_its_height() -> None:
    line, _ = make(POINT, length=3.0, noise=0.005, delay=0.8)
    values = model.amplitude(line)
    clipped = section(wrap(np.clip(values, -0.4, 0.4)))
    whole = section(line)
    assert "the direct wave is clipped" in clipped.notes
    assert not whole.clipped.any()
    assert abs(np.median(clipped.time_zero_shift) - 0.8) < 0.1 * PERIOD
    assert 0.5 * whole.direct_peak < clipped.direct_peak < 1.3 * whole.direct_peak


def test_clipping_does_not_move_the_bodies() -> None:
    line, _ = make(POINT, length=4.0)
    (whole,) = near(detect(line), POINT[0], 0.05)
    (row,) = near(detect(wrap(np.clip(model.amplitude(line), -0.45, 0.45))), POINT[0], 0.05)
    assert abs(row["twt_ns"] - whole["twt_ns"]) < 0.1 * PERIOD
    assert row["polarity"] == whole["polarity"]

"""Ends of lines, bodies whose tails cross, and what follows a body in its own echo."""

from __future__ import annotations

import numpy as np
import pytest

from gprscan import detect, model
from gprscan.detection import diffractions
from gprscan.detection.settings import Settings
from gprscan.steps import load_recipe
from gprscan.synthetic.diffraction import place_echoes
from tests.detection.lines import DT, FREQUENCY, PERIOD, SPACING, TIME_ZERO, make, near, section, wrap


@pytest.mark.parametrize("x", [0.0, 0.1, 3.9, 4.0])
def test_half_a_hyperbola_at_the_end_of_a_line(x: float) -> None:
    line, (truth,) = make((x, 0.6, 0.5), length=4.0)
    (row,) = near(detect(line), x, 0.1)
    assert abs(row["twt_ns"] - truth["t_flight_ns"]) < 0.3 * PERIOD
    assert row["polarity"] == 1


@pytest.mark.parametrize("second", [0.5, -0.5])
def test_crossing_tails_of_equal_strength(second: float) -> None:
    line, truth = make((1.7, 0.6, 0.5), (2.3, 0.6, second), length=4.0)
    table = detect(line)
    for body, sign in zip(truth, (1, np.sign(second)), strict=True):
        (row,) = near(table, body["apex_x_m"])
        assert abs(row["distance_m"] - body["apex_x_m"]) < 0.03
        assert row["polarity"] == sign
    assert len(table) == 2


def test_a_weak_body_between_two_strong_ones() -> None:
    line, _ = make((1.0, 0.6, -0.5), (2.0, 0.7, 0.15), (3.0, 0.6, -0.5), length=4.0)
    table = detect(line)
    assert all(near(table, x, 0.06) for x in (1.0, 2.0, 3.0))


def test_a_body_right_under_another_is_seen() -> None:
    line, truth = make((2.0, 0.4, -0.5), (2.0, 1.0, 0.8), length=4.0)
    # the upper one's echo is as much a pipe's as can be; the lower point is one of which the votes cannot say more than that it is there
    assert len(near(detect(line), 2.0, 0.1)) >= 1
    times = [r["twt_ns"] for r in near(detect(line, include=("clutter",)), 2.0, 0.1)]
    for body in truth:
        assert sum(abs(t - body["t_flight_ns"]) < 0.5 * PERIOD for t in times) == 1


@pytest.mark.parametrize("velocity", [0.19, 0.21])
def test_a_weak_curve_too_fast_for_any_body_swallows_none(velocity: float) -> None:
    line, (truth,) = make((2.0, 0.7, -0.4), length=4.0)
    values = model.amplitude(line).copy()
    # two shallow stones side by side can look like one curve, so fast that the body's would fit as a bounce in it
    x = SPACING * np.arange(values.shape[0]) - 2.05
    time = TIME_ZERO + np.hypot(4.0, 2 * x / velocity)
    place_echoes(values, time, np.where(np.abs(x) < 0.4, 0.08, 0.0), DT, frequency=FREQUENCY)
    rows = near(detect(wrap(values)), 2.0, 0.1)
    assert any(abs(row["twt_ns"] - truth["t_flight_ns"]) < 0.5 * PERIOD for row in rows)


def test_a_louder_echo_two_periods_below_does_not_keep_a_body_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """As the far wall of a pipe full of water may be: what is taken out with it begins a pulse before it."""
    line, truth = make((2.0, 0.55, -0.3), (2.0, 0.84, 0.9), length=4.0)
    monkeypatch.setattr(diffractions, "PASSES", 1)
    settings = Settings()
    times = [q.fit.t for q in diffractions.find(section(line), settings, settings.prior_ground())]
    for body in truth:
        assert any(abs(t - body["t_flight_ns"]) < 0.5 * PERIOD for t in times)


def test_echoes_that_ring_on_in_a_body_are_no_bodies() -> None:
    line, (truth,) = make((2.0, 0.5, -0.6), length=4.0)
    values = model.amplitude(line).copy()
    # each bounce keeps the moveout of the first arrival, and is weaker
    single = values - model.amplitude(make(length=4.0)[0])
    for bounce, share in ((1, -0.5), (2, 0.25)):
        late = round(bounce * 1.4 * PERIOD / DT)
        values[:, late:] += np.float32(share) * single[:, :-late]
    rows = near(detect(wrap(values)), 2.0, 0.2)
    assert len(rows) == 1
    assert abs(rows[0]["twt_ns"] - truth["t_flight_ns"]) < 0.5 * PERIOD


def test_cutting_a_line_into_blocks_changes_nothing() -> None:
    line, _ = make((2.5, 0.6, 0.5), (10.02, 0.5, -0.5), (17.0, 0.7, 0.5), length=20.0)
    recipe = load_recipe("road")
    cut = recipe.model_copy(update={"detect": {**recipe.detect, "block_m": 10.0}})
    whole, parts = detect(line), detect(line, cut)
    assert len(whole) == len(parts) == 3
    for a, b in zip(whole.to_dict("records"), parts.to_dict("records"), strict=True):
        assert a["kind"] == b["kind"]
        assert abs(a["distance_m"] - b["distance_m"]) < 0.01
        assert abs(a["twt_ns"] - b["twt_ns"]) < 0.1 * PERIOD
        assert abs(a["top_depth_m"] - b["top_depth_m"]) < 0.01


def test_antenna_ringing_is_no_body_and_hides_none() -> None:
    late = DT * np.arange(320) - 4.5
    late[late < 0] = 0.0
    bands = (0.05 * (1 - np.exp(-0.4 * late)) * np.exp(-late / 10) * np.sin(2 * np.pi * 0.3 * late)).astype(np.float32)
    empty, body = (model.amplitude(q) + bands for q in (make(length=4.0)[0], make((2.0, 0.6, 0.5), length=4.0)[0]))
    assert len(detect(wrap(empty))) == 0
    (row,) = detect(wrap(body)).to_dict("records")
    assert abs(row["distance_m"] - 2.0) < 0.03


def test_flat_layers_are_no_bodies() -> None:
    values = model.amplitude(make(length=4.0)[0]).copy()
    for time, size in ((12.0, 0.2), (16.0, -0.1), (20.0, 0.1)):
        place_echoes(values, np.full(81, time), np.full(81, size), DT, frequency=FREQUENCY)
    assert len(detect(wrap(values))) == 0

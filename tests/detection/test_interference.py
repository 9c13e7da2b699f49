"""The receiver's gain, radio transmitters and bursts."""

from __future__ import annotations

import numpy as np
import pytest

from gprscan import detect, model
from gprscan.detection import interference
from gprscan.synthetic import road_line
from tests.detection.lines import DT, PERIOD, SAMPLES, TIME_ZERO, make, near, section, wrap

TIME = DT * np.arange(SAMPLES) - TIME_ZERO
GAIN: np.ndarray = np.minimum((np.maximum(TIME, 0.5) / 0.5) ** 0.8 * np.exp(0.05 * np.maximum(TIME, 0.5)), 300.0)
POINT = (2.0, 0.6, 0.5)


def gain_of(values: np.ndarray, time: np.ndarray = TIME, dt: float = DT) -> np.ndarray | None:
    return interference.acquisition_gain(values, np.ones(values.shape[0], bool), time, dt, 0.4)


@pytest.mark.parametrize("noise", [0.0, 1e-5, 1e-3, 0.02])
def test_a_line_without_gain_has_none(noise: float) -> None:
    assert gain_of(model.amplitude(make(POINT, noise=noise)[0])) is None


@pytest.mark.parametrize("clutter", ["low", "high"])
def test_stones_and_layers_are_no_gain(clutter: str) -> None:
    line, _ = road_line(6.0, 4, clutter=clutter)
    assert gain_of(model.amplitude(line), line["twt"].values, 0.0755) is None


def test_a_gain_is_read_from_the_growth_of_the_noise() -> None:
    line, _ = make(POINT, noise=0.01)
    found = gain_of((model.amplitude(line) * GAIN).astype(np.float32))
    assert found is not None
    late = TIME > 3 * PERIOD / 2
    error = np.log(found[late] / GAIN[late])
    assert np.std(error) < 0.15
    assert abs(np.log(found[-1] / found[0]) - np.log(GAIN[-1] / GAIN[0])) < 0.4


def test_a_gain_that_is_divided_out_leaves_the_answer_as_it_was() -> None:
    line, _ = make(POINT, noise=0.005, length=4.0)
    plain, gained = (detect(q) for q in (line, wrap(model.amplitude(line) * GAIN)))
    assert any("acquisition gain" in note for note in gained.attrs["line"]["notes"])
    (a,), (b,) = near(plain, POINT[0], 0.05), near(gained, POINT[0], 0.05)
    assert a["kind"] == b["kind"]
    assert a["polarity"] == b["polarity"]
    assert abs(a["twt_ns"] - b["twt_ns"]) < 0.1 * PERIOD


def test_a_steady_transmitter_is_found_and_taken_out() -> None:
    line, _ = make(POINT, noise=0.005)
    values = model.amplitude(line).copy()
    phase = np.random.default_rng(0).uniform(0, 2 * np.pi, values.shape[0])[:, None]
    values += (0.06 * np.sin(2 * np.pi * 0.46 * TIME + phase)).astype(np.float32)
    dirty = section(wrap(values))
    assert any("interference removed" in note for note in dirty.notes)
    late = TIME > 18.0
    assert dirty.echo[:, late].std() < 0.5 * 0.06 / np.sqrt(2)
    rows = near(detect(wrap(values)), POINT[0], 0.05)
    assert [r["polarity"] for r in rows] == [1]


def test_nothing_is_taken_out_of_a_line_without_transmitters() -> None:
    assert not any("interference" in note for note in section(make(POINT, noise=0.005)[0]).notes)


def test_a_body_is_found_between_traces_full_of_bursts() -> None:
    line, _ = make(POINT, length=4.0)
    values = model.amplitude(line).copy()
    rng = np.random.default_rng(0)
    for i in rng.choice(values.shape[0], 5, replace=False):
        values[i, 100:180] += rng.normal(0, 0.3, 80).astype(np.float32)
    rows = near(detect(wrap(values)), POINT[0], 0.05)
    assert len(rows) == 1
    assert abs(rows[0]["distance_m"] - POINT[0]) < 0.03

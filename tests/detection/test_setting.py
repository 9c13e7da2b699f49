"""The setting of a line, from how it was acquired."""

from __future__ import annotations

import numpy as np
import pytest

from gprscan import detection, model, names
from gprscan.detection import setting
from gprscan.detection.setting import Acquisition, Strata, classify
from gprscan.synthetic import Road, road_line
from tests.detection.lines import section


@pytest.mark.parametrize(
    ("frequency", "spacing", "window"),
    [
        (400, 0.05, 60),
        (200, 0.05, 100),
        (900, 0.02, 38),
        (1500, 0.008, 8),
        (100, 0.05, 120),
        (250, 0.05, 181),
        (None, 0.1, 90),
    ],
)
def test_what_road_crews_use_is_a_road(frequency: float | None, spacing: float, window: float) -> None:
    assert classify(Acquisition(frequency, spacing, window)) == "road"


@pytest.mark.parametrize(
    ("frequency", "spacing", "window", "reason"),
    [
        (50, 0.1, 100, "50 MHz"),  # half a wavelength of 1 m
        (400, 0.25, 60, "a trace each 0.25 m"),
        (200, 0.05, 2069, "2069 ns"),
        (500, 0.05, 397, "397 ns"),  # two hundred periods
        (100, 0.05, 180, "100 MHz"),  # two weak signs
        (250, 0.15, 181, "0.15 m"),
    ],
)
def test_what_glaciologists_use_is_none(frequency: float, spacing: float, window: float, reason: str) -> None:
    said = classify(Acquisition(frequency, spacing, window))
    assert said.startswith("not a road: ")
    assert reason in said


def test_an_unknown_frequency_is_no_reason() -> None:
    assert classify(Acquisition(None, 0.05, 160.0)) == "road"


def test_hazards_are_unknown_off_the_road() -> None:
    kinds = ["cavity", "pipe", "water_rich", "debond", "loose", "manhole"]
    assert [setting.kind_in("road", kind) for kind in kinds] == kinds
    off = [setting.kind_in("not a road: ice", kind) for kind in kinds]
    assert off == ["unknown", "pipe", "unknown", "unknown", "unknown", "manhole"]
    assert setting.notes("not a road: ice")
    assert not setting.notes("road")


def test_detect_says_the_setting_and_the_survey_file_rules_over_it() -> None:
    rng = np.random.default_rng(3)
    noise = rng.standard_normal((60, 400)).astype("float32")
    line = model.from_array(noise, dt=1.0, spacing=0.5, frequency=50, separation=1.0, time_zero=20.0)
    found = detection.detect(line)
    said = found.attrs["line"]
    assert said["setting"].startswith("not a road: antenna of 50 MHz")
    assert any("reported as unknown" in note for note in said["notes"])
    assert not set(found["kind"]) & set(names.HAZARD_KINDS)
    assert setting.of_line(line.assign_attrs({names.SETTING: "road"}), 0.5) == "road"


@pytest.mark.parametrize("clutter", ["low", "medium", "high"])
def test_a_simulated_road_has_no_beds(clutter: str) -> None:
    line, _ = road_line(20.0, 11, clutter=clutter, road=Road(n_samples=640, depth=2.3))
    strata = setting.measure(section(line))
    assert strata is not None
    assert strata.alike < 0.3
    assert setting.of_line(line, model.trace_spacing(line), [strata]) == "road"


def test_one_slanting_interface_is_no_bedding() -> None:
    """Without noise an undulating base is alike from trace to trace, at its own depth; below it is scatter."""
    line, _ = road_line(20.0, 11, clutter="low", road=Road(n_samples=640, depth=2.3))
    t, x = line["twt"].values, line["distance"].values[:, None]
    late = t - 8.0 - 1.5 * np.sin(2 * np.pi * x / 5)
    wave = (1 - 2 * (np.pi * 0.4 * late) ** 2) * np.exp(-((np.pi * 0.4 * late) ** 2))
    strong = 20 * float(np.std(line["amplitude"].values[:, t > 6]))
    strata = setting.measure(section(line.assign(amplitude=line["amplitude"] + (strong * wave).astype("float32"))))
    assert strata is not None
    assert strata.alike < 0.3


def test_a_short_window_is_not_judged_by_its_beds() -> None:
    line, _ = road_line(20.0, 11, road=Road(n_samples=400))
    assert setting.measure(section(line)) is None


def test_slanting_beds_are_no_road_unless_the_line_is_short_or_the_survey_says_so() -> None:
    beds, pavement = Strata(0.8, 0.5, 30.0), Strata(0.8, 0.9, 30.0)
    facts = Acquisition(400, 0.05, 60)
    assert classify(facts, [beds]).startswith("not a road: beds")
    assert classify(facts, [pavement]) == classify(facts, [Strata(0.8, 0.5, 4.0)]) == "road"
    assert classify(facts, [Strata(0.2, 0.5, 30.0)]) == "road"

"""How sure rows of in-pipe lines are."""

from __future__ import annotations

import json
import math

import pytest

import gprscan as gs
from gprscan.detection.classify import load_table
from gprscan.detection.inpipe.confidence import confidence, features, probabilities
from tests.pipe import scenes

SEEN = {
    "source": "axial", "level_db": -6.0, "contrast_db": 20.0, "onset_phase_cosine": 0.9, "width_wavelengths": 2.0,
    "bars": False, "at_wall": True, "wall_measured": True, "share_of_air": 0.9,
}  # fmt: skip


def test_confidence_is_the_logistic_of_the_table():
    weights = load_table("pipe")["logistic"]["at_wall"]
    # by hand: contrast / 10, (level + 10) / 10, onset, log2 of the width, log2 of the share over that of loosened ground
    odds = (
        weights["constant"]
        + 2.0 * weights["contrast"]
        + 0.4 * weights["level"]
        + 0.9 * weights["onset"]
        + weights["width"]
        + weights["margin"]
    )
    said, base = confidence("cavity", SEEN)
    assert said == pytest.approx(min(1 / (1 + math.exp(-odds)), 0.98))
    assert base == load_table("pipe")["base_rate"]["at_wall"]


@pytest.mark.parametrize("place", [True, False])
@pytest.mark.parametrize(
    ("weaker"), [{"contrast_db": 11.0}, {"level_db": -17.0}, {"onset_phase_cosine": 0.0}, {"wall_measured": False}]
)
def test_weaker_evidence_is_less_sure(place, weaker):
    full = SEEN | {"at_wall": place, "contrast_db": 15.0, "level_db": -12.0}
    assert confidence("cavity", full | weaker)[0] < confidence("cavity", full)[0]


def test_an_echo_of_no_kind_is_hardly_a_hazard():
    assert confidence("unknown", SEEN)[0] == 1.0 - load_table("pipe")["unknown"]["hazard"]
    assert confidence("unknown", SEEN)[0] > 0.8


def test_features_are_bounded_by_what_was_learnt():
    wide, wider = (features("cavity", SEEN | {"width_wavelengths": w})["width"] for w in (4.0, 40.0))
    assert wide == wider == 2.0


@pytest.mark.parametrize("place", [True, False])
@pytest.mark.parametrize("kind", ["cavity", "nail_head", "water_rich", "unknown"])
def test_on_a_wall_nothing_was_learnt(place, kind):
    seen = SEEN | {"source": "wall", "at_wall": place, "contrast_db": 15.0}
    assert confidence(kind, seen) == (0.75, 0.5)
    assert confidence(kind, seen | {"contrast_db": 45.0}) == (0.97, 0.5)
    assert confidence(kind, seen | {"level_db": None, "contrast_db": math.nan}) == (0.5, 0.5)


@pytest.mark.parametrize("place", ["at_wall", "behind"])
@pytest.mark.parametrize("kind", ["cavity", "loose", "pipe"])
def test_evidence_beyond_what_was_learnt_counts_as_the_last_that_was(place, kind):
    ranges = load_table("pipe")["range"][place]
    (low, high), (weak, loud) = ranges["contrast"], ranges["level"]
    seen = SEEN | {
        "at_wall": place == "at_wall",
        "contrast_db": 10 * low,
        "level_db": 10 * weak - 10,
        "wall_measured": False,
    }
    for beyond, last in (
        ({"contrast_db": 90.0}, {"contrast_db": 10 * high}),
        ({"contrast_db": -30.0}, {"contrast_db": 10 * low}),
        ({"level_db": 30.0}, {"level_db": 10 * loud - 10}),
        ({"level_db": -80.0}, {"level_db": 10 * weak - 10}),
        ({"contrast_db": math.nan, "level_db": None}, {}),
    ):
        assert confidence(kind, seen | beyond) == pytest.approx(confidence(kind, seen | last))


@pytest.mark.parametrize("kind", ["cavity", "debond", "loose", "water_rich", "pipe", "unknown"])
def test_what_a_row_may_be_instead_adds_up_and_holds_other_kinds(kind):
    chances = probabilities(kind, 0.7, "axial")
    assert chances[kind] == 0.7
    assert sum(chances.values()) == pytest.approx(1.0)
    assert all(chance > 0 for chance in chances.values())


def test_what_is_called_water_is_air_more_often_than_a_pipe():
    chances = probabilities("water_rich", 0.6, "ring")
    assert chances["cavity"] > chances["pipe"]


def test_an_echo_near_the_size_that_parts_air_from_loose_ground_is_less_sure():
    at, off = (confidence("cavity", SEEN | {"contrast_db": 12.0, "share_of_air": share})[0] for share in (0.46, 1.5))
    assert at < off


def test_rows_carry_their_base_rate_and_probabilities_that_add_up():
    line = scenes.axial([(0.7, 0.088, 0.32, 0.08, 1.0)], seed=21, noise=0.01, length=1.6)
    [row] = gs.detect(line, recipe="pipe").to_dict("records")
    evidence, chances = json.loads(row["evidence"]), json.loads(row["probabilities"])
    assert confidence(row["kind"], evidence) == (pytest.approx(row["confidence"]), evidence["base_rate"])
    assert sum(chances.values()) == pytest.approx(1.0, abs=1e-3)
    assert row["confidence"] > 0.8

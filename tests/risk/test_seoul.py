"""The Seoul 2016 grades against the published bands, and what happens between them."""

from __future__ import annotations

import pandas as pd
import pytest

from gprscan import risk


def grade_one(**values):
    row = {
        "kind": "cavity",
        "top_depth_m": None,
        "sigma_depth_m": 0.0,
        "asphalt_m": None,
        "width_m": None,
        "length_m": None,
    }
    row |= values
    return risk.grade(pd.DataFrame([row]), "seoul_2016").iloc[0]


@pytest.mark.parametrize(
    ("asphalt", "cover", "width", "label", "rule"),
    [
        (0.05, 0.10, 0.5, "urgent", "urgent"),
        (0.099, 0.199, 0.5, "urgent", "urgent"),
        (0.10, 0.20, 0.5, "priority", "priority-thickness"),
        (0.199, 0.299, 0.5, "priority", "priority-thickness"),
        (0.35, 0.90, 1.5, "priority", "priority-width"),
        (0.20, 0.30, 0.5, "general", "general"),
        (0.299, 0.399, 0.5, "general", "general"),
        (0.30, 0.40, 0.79, "watch", "watch"),
        (0.45, 1.20, 0.30, "watch", "watch"),
        # several rules fire: the worst rules
        (0.05, 0.10, 2.0, "urgent", "urgent"),
        (0.25, 0.35, 1.6, "priority", "priority-width"),
    ],
)
def test_the_published_bands(asphalt, cover, width, label, rule):
    graded = grade_one(asphalt_m=asphalt, top_depth_m=cover, width_m=width)
    assert graded["risk_label"] == label
    assert graded["risk_rule"].startswith(f"{rule}:")
    assert graded["risk_rule_gap"] is False or not graded["risk_rule_gap"]


@pytest.mark.parametrize(
    ("asphalt", "cover", "width", "label"),
    [
        (0.08, 0.25, 0.5, "priority"),  # urgent by the asphalt alone, capped
        (0.25, 0.10, 0.5, "priority"),  # urgent by the cover alone, capped
        (0.15, 0.50, 0.5, "priority"),  # priority by the asphalt
        (0.35, 0.35, 0.5, "general"),  # general by the cover
        (0.35, 0.60, 1.0, "general"),  # a width between the published bands
    ],
)
def test_between_the_bands_the_worst_single_parameter_rules_and_the_gap_is_marked(asphalt, cover, width, label):
    graded = grade_one(asphalt_m=asphalt, top_depth_m=cover, width_m=width)
    assert graded["risk_label"] == label
    assert bool(graded["risk_rule_gap"])
    assert "rule gap" in graded["risk_note"]
    assert "fallback" in graded["risk_rule"]


def test_without_the_asphalt_thickness_the_grade_says_so_and_its_range_covers_every_thickness():
    graded = grade_one(top_depth_m=0.15, width_m=0.5)
    assert graded["risk_label"] == "priority"
    assert '"asphalt_m"' in graded["risk_missing"]
    assert "missing: asphalt_m" in graded["risk_note"]
    assert not graded["risk_rule_gap"]
    assert (graded["risk_rank_low"], graded["risk_rank_high"]) == (3, 4)  # urgent under less than 10 cm of asphalt


def test_severity_ranks_grow_with_severity():
    scheme = risk.load_scheme("seoul_2016")
    assert [scheme.rank(label) for label in ("watch", "general", "priority", "urgent")] == [1, 2, 3, 4]
    assert scheme.status == "sourced"
    assert all(source.startswith("https://") for source in scheme.sources)


def test_the_range_follows_the_uncertainty_of_the_cover():
    certain = grade_one(asphalt_m=0.35, top_depth_m=0.42, sigma_depth_m=0.01, width_m=0.3)
    unsure = grade_one(asphalt_m=0.35, top_depth_m=0.42, sigma_depth_m=0.05, width_m=0.3)
    assert (certain["risk_rank_low"], certain["risk_rank_high"]) == (1, 1)
    assert (unsure["risk_rank_low"], unsure["risk_rank_high"]) == (1, 2)


def test_the_range_follows_the_overestimated_width():
    graded = grade_one(asphalt_m=0.35, top_depth_m=1.0, width_m=1.6, length_m=1.6)
    assert graded["risk_label"] == "priority"
    assert (graded["risk_rank_low"], graded["risk_rank_high"]) == (2, 3)  # 0.8 m after excavation: a gap, general


def test_the_longer_side_widens_the_range_but_does_not_change_the_grade():
    graded = grade_one(asphalt_m=0.35, top_depth_m=1.0, width_m=0.6, length_m=1.8)
    assert graded["risk_label"] == "watch"
    assert graded["risk_rank_high"] == 3


def test_a_line_of_one_channel_takes_its_length_for_the_width_and_says_so():
    graded = grade_one(asphalt_m=0.35, top_depth_m=1.0, length_m=1.7)
    assert graded["risk_label"] == "priority"
    assert "assumed: width_m = 1.7" in graded["risk_note"]


def test_a_sigma_that_is_not_stated_is_that_of_the_scheme():
    stated = grade_one(asphalt_m=0.35, top_depth_m=0.45, sigma_depth_m=0.01, width_m=0.3)
    unstated = grade_one(asphalt_m=0.35, top_depth_m=0.45, sigma_depth_m=None, width_m=0.3)
    assert stated["risk_rank_high"] == 1
    assert unstated["risk_rank_high"] == 2  # 0.45 - 0.09 m lies in the band of general

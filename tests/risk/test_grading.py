"""Grading of a table: columns, kinds, context, the screening scheme, and ranges against brute force."""

from __future__ import annotations

import itertools
import json

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from shapely import Point

from gprscan import names, risk
from gprscan.errors import ParameterError
from gprscan.risk.evaluate import evaluate, grade_range
from gprscan.risk.inputs import gather


def table(*rows):
    base = {
        "kind": "cavity",
        "top_depth_m": 0.35,
        "sigma_depth_m": 0.02,
        "length_m": 1.0,
        "width_m": 0.8,
        "asphalt_m": 0.12,
    }
    return gpd.GeoDataFrame([base | row for row in rows], geometry=[Point(i, 0) for i in range(len(rows))], crs=4547)


def test_every_grade_carries_its_scheme_inputs_rule_and_range():
    graded = risk.grade(table({}), "gprscan_screening").iloc[0]
    assert graded["risk_scheme"] == "gprscan_screening"
    assert graded["risk_scheme_version"] == risk.load_scheme("gprscan_screening").version
    # cavity 4 + cover below 0.4 m 3 + cover / short side 0.4375: 2 = 9 -> band 3; secondary road 3 -> rank 3
    assert graded["risk_rank"] == 3
    assert graded["risk_label"] == "S3 verify"
    assert graded["risk_rule"].startswith("likelihood 9 of 12 (band 3: kind 4, cover_m 3, cover_over_short_side 2)")
    inputs = json.loads(graded["risk_inputs"])
    assert inputs["cover_m"]["value"] == 0.35
    assert inputs["cover_m"]["low"] == 0.33
    assert {entry["input"] for entry in json.loads(graded["risk_missing"])} == {
        "road_class", "exposure", "known_leak_or_pipe_defect", "growth_since_last", "surface_settlement",
    }  # fmt: skip
    assert "non-standard screening grade" in graded["risk_note"]
    assert graded["risk_rank_low"] <= graded["risk_rank"] <= graded["risk_rank_high"]


def test_the_table_keeps_its_rows_geometry_and_crs_and_is_not_changed():
    before = table({}, {"kind": "pipe"})
    graded = risk.grade(before)
    assert isinstance(graded, gpd.GeoDataFrame)
    assert graded.crs == before.crs
    assert list(graded.columns) == [*before.columns, *names.RISK_COLUMNS]
    assert "risk_rank" not in before
    assert graded.attrs["scheme"]["id"] == "gprscan_screening"


@pytest.mark.parametrize("kind", ["pipe", "rebar", "manhole", "unknown", "interface", "clutter"])
def test_only_hazards_are_graded(kind):
    graded = risk.grade(table({"kind": kind})).iloc[0]
    assert graded["risk_rank"] is pd.NA
    assert graded["risk_label"] is None
    assert "not graded" in graded["risk_note"]


def test_a_body_of_unknown_depth_is_not_graded():
    graded = risk.grade(table({"top_depth_m": np.nan})).iloc[0]
    assert graded["risk_rank"] is pd.NA
    assert "no grade without cover_m" in graded["risk_note"]


def test_an_empty_table_gets_the_columns():
    graded = risk.grade(table({}).iloc[:0])
    assert len(graded) == 0
    assert set(names.RISK_COLUMNS) <= set(graded.columns)
    assert graded["risk_rank"].dtype == "Int64"


def test_the_context_counts_and_a_column_rules_over_it():
    arterial = risk.grade(table({}), context={"road_class": "arterial"}).iloc[0]
    assert arterial["risk_rank"] == 4
    branch = table({})
    branch["road_class"] = "branch"
    assert risk.grade(branch, context={"road_class": "arterial"}).iloc[0]["risk_rank"] == 3
    leak = risk.grade(table({}), context={"known_leak_or_pipe_defect": True}).iloc[0]
    assert "known_leak_or_pipe_defect 1" in leak["risk_rule"]


def test_asphalt_from_the_context_is_used_where_none_was_tracked():
    graded = risk.grade(table({"asphalt_m": None, "top_depth_m": 0.15}), "seoul_2016", {"asphalt_m": 0.08}).iloc[0]
    assert graded["risk_label"] == "urgent"
    assert json.loads(graded["risk_inputs"])["asphalt_m"]["status"] == "given"


@pytest.mark.parametrize(
    ("context", "message"),
    [
        ({"roadclass": "arterial"}, "Did you mean 'road_class'"),
        ({"road_class": "motorway"}, "must be one of expressway"),
        ({"cover_m": 0.3}, "measured for each anomaly"),
    ],
)
def test_a_wrong_context_is_named(context, message):
    with pytest.raises(ParameterError, match=message):
        risk.grade(table({}), context=context)


def test_an_unknown_category_in_a_column_is_missing_with_its_reason():
    odd = table({})
    odd["road_class"] = "motorway"
    missing = json.loads(risk.grade(odd).iloc[0]["risk_missing"])
    entry = next(e for e in missing if e["input"] == "road_class")
    assert entry["status"] == "assumed"
    assert "'motorway' is not one of" in entry["why"]


def test_an_unresolved_size_widens_the_range_over_every_size():
    sized = risk.grade(table({})).iloc[0]
    unsized = risk.grade(table({"length_m": None, "width_m": None})).iloc[0]
    assert unsized["risk_rank_high"] - unsized["risk_rank_low"] >= sized["risk_rank_high"] - sized["risk_rank_low"]
    assert "missing: cover_over_short_side" in unsized["risk_note"]


@pytest.mark.parametrize("scheme", ["seoul_2016", "gprscan_screening"])
def test_the_range_is_that_of_a_fine_search(scheme):
    """The corners and breakpoints that are tried give what a dense grid of inputs gives."""
    chosen = risk.load_scheme(scheme)
    rng = np.random.default_rng(7)
    for _ in range(8):
        row = {
            "kind": str(rng.choice(names.HAZARD_KINDS)),
            "top_depth_m": float(rng.uniform(0.05, 1.6)),
            "sigma_depth_m": float(rng.uniform(0.0, 0.15)),
            "asphalt_m": float(rng.uniform(0.05, 0.4)),
            "length_m": float(rng.uniform(0.2, 2.5)),
            "width_m": float(rng.uniform(0.2, 2.5)),
        }
        readings = gather(row, {}, chosen.uncertainty)
        spans = [readings.by_name[name] for name in ("cover_m", "width_m", "short_side_m")]
        ranks = set()
        for cover, width, side in itertools.product(*(np.linspace(r.low, r.high, 13) for r in spans)):
            values = readings.values() | {"cover_m": cover, "width_m": width, "short_side_m": side}
            values["cover_over_short_side"] = cover / side
            ranks.add(evaluate(chosen, values).rank)
        low, high = grade_range(chosen, readings)
        assert low <= min(ranks)
        assert high >= max(ranks)
        assert high - low <= max(ranks) - min(ranks) + 1  # a grid may step over a narrow band, not over two


def test_an_estimated_length_may_be_larger_than_it_says() -> None:
    row = {"kind": "cavity", "top_depth_m": 0.6, "length_m": 0.5, "sigma_length_m": 0.12}
    uncertainty = risk.load_scheme("gprscan_screening").uncertainty
    stated, plain = (
        gather(entry, {}, uncertainty).by_name
        for entry in (row, {k: v for k, v in row.items() if k != "sigma_length_m"})
    )
    for name in ("length_m", "width_m", "short_side_m"):
        assert stated[name].high == pytest.approx(0.74)
        assert plain[name].high == pytest.approx(0.5)
        assert stated[name].low == plain[name].low

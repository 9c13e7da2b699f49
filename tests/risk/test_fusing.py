"""Rows of one body from several lines of a wall, or of a pipe."""

from __future__ import annotations

import json

import geopandas as gpd
import pandas as pd
import pytest

from gprscan.risk.fusing import fuse_lines

FACE = {
    "structure_id": "RW", "kind": "cavity", "confidence": 0.8, "probabilities": '{"cavity": 0.8, "water_rich": 0.2}',
    "depth_into_wall_m": 0.30, "sigma_depth_m": 0.02, "length_m": 0.4, "width_m": None,
}  # fmt: skip
LEVEL = FACE | {"anomaly_id": "H-1", "line": "H", "u_from_m": 1.0, "u_to_m": 1.4, "w_from_m": 0.8, "w_to_m": 0.8}
UPRIGHT = FACE | {"anomaly_id": "V-1", "line": "V", "u_from_m": 1.2, "u_to_m": 1.2, "w_from_m": 0.6, "w_to_m": 1.1}


def fused(*rows):
    return fuse_lines(gpd.GeoDataFrame(pd.DataFrame(rows), geometry=gpd.GeoSeries([None] * len(rows))))


def test_crossing_lines_make_one_body_with_both_extents():
    [row] = fused(LEVEL, UPRIGHT | {"confidence": 0.7}).to_dict("records")
    assert row["anomaly_id"] == "H-1"
    assert (row["u_from_m"], row["u_to_m"], row["w_from_m"], row["w_to_m"]) == (1.0, 1.4, 0.6, 1.1)
    assert (row["length_m"], row["width_m"]) == pytest.approx((0.5, 0.4))
    assert json.loads(row["seen_on"]) == ["H", "V"]
    # two independent looks of 4 : 1 are 16 : 1
    assert row["confidence"] == pytest.approx(16 / 17)


@pytest.mark.parametrize(
    "change",
    [
        {"depth_into_wall_m": 0.50},
        {"u_from_m": 2.2, "u_to_m": 2.2},
        {"w_from_m": 1.4, "w_to_m": 1.9},
        {"kind": "nail_head"},
        {"line": "H"},
        {"structure_id": "other"},
    ],
)
def test_what_is_not_one_body_stays_apart(change):
    assert len(fused(LEVEL, UPRIGHT | change)) == 2


def test_looks_that_contradict_weigh_against_each_other():
    wet = UPRIGHT | {"kind": "water_rich", "confidence": 0.9, "probabilities": '{"water_rich": 0.9, "cavity": 0.1}'}
    [row] = fused(LEVEL, wet).to_dict("records")
    assert row["kind"] == "water_rich"
    assert row["confidence"] == pytest.approx(0.18 / (0.18 + 0.08), abs=1e-4)


def doubtful(row, said, base, kind="cavity"):
    """Return a row that says `said` for a kind, where a share `base` of such rows are bodies."""
    chances = json.dumps({kind: said, "unknown": 1 - said})
    return row | {
        "kind": kind,
        "confidence": said,
        "probabilities": chances,
        "evidence": json.dumps({"base_rate": base}),
    }


def test_two_weak_looks_are_worth_more_than_either():
    [row] = fused(doubtful(LEVEL, 0.4, 0.3), doubtful(UPRIGHT, 0.45, 0.3)).to_dict("records")
    # by hand: odds of 3 : 7 before, times (0.4 / 0.6) / (3 / 7) and (0.45 / 0.55) / (3 / 7)
    odds = (0.4 / 0.6) * (0.45 / 0.55) / (3 / 7)
    assert row["kind"] == "cavity"
    assert row["confidence"] > 0.45
    assert row["confidence"] == pytest.approx(odds / (1 + odds))
    chances = json.loads(row["probabilities"])
    assert sum(chances.values()) == pytest.approx(1.0, abs=1e-3)
    assert chances["unknown"] == pytest.approx(1 / (1 + odds), abs=1e-4)


@pytest.mark.parametrize(("said", "change"), [(0.7, 1), (0.5, 0), (0.35, -1)])
def test_a_look_counts_against_its_base_rate(said, change):
    # a row that says no more than rows of its sort do on the average changes nothing
    [row] = fused(doubtful(LEVEL, 0.8, 0.5), doubtful(UPRIGHT, said, 0.5)).to_dict("records")
    assert row["kind"] == "cavity"
    assert (row["confidence"] - 0.8) * change > 0 or (change == 0 and row["confidence"] == pytest.approx(0.8))


def test_weak_looks_keep_their_name_even_below_the_base_rate():
    [row] = fused(doubtful(LEVEL, 0.3, 0.6), doubtful(UPRIGHT, 0.3, 0.6)).to_dict("records")
    assert row["kind"] == "cavity"
    assert row["confidence"] < 0.3


def test_a_look_that_cannot_tell_the_kind_takes_that_of_the_other():
    unsure = UPRIGHT | {"kind": "unknown", "confidence": 0.6, "probabilities": '{"unknown": 0.6, "cavity": 0.4}'}
    [row] = fused(doubtful(LEVEL, 0.5, 0.5), unsure).to_dict("records")
    assert row["kind"] == "cavity"
    assert row["confidence"] == pytest.approx(0.4)


def test_looks_that_see_a_body_of_two_kinds_do_not_make_it_nothing():
    [row] = fused(doubtful(LEVEL, 0.7, 0.5), doubtful(UPRIGHT, 0.8, 0.5, "water_rich")).to_dict("records")
    odds = (0.7 / 0.3) * (0.8 / 0.2)
    chances = json.loads(row["probabilities"])
    assert row["kind"] == "water_rich"
    assert chances["cavity"] + chances["water_rich"] == pytest.approx(odds / (1 + odds), abs=1e-3)


@pytest.mark.parametrize(("clock", "rows"), [(2.0, 1), (60.0, 2)])
def test_an_axial_line_and_a_ring_make_one_body_across_the_crown(clock, rows):
    pipe = {
        "segment_id": "S",
        "kind": "cavity",
        "confidence": 0.8,
        "probabilities": "{}",
        "sigma_depth_m": 0.02,
        "width_m": None,
    }
    axial = pipe | {
        "anomaly_id": "A", "line": "A", "chainage_from_m": 5.0, "chainage_to_m": 5.4, "clock_deg": 0.0,
        "clock_from_deg": 0.0, "clock_to_deg": 0.0, "radial_depth_m": 0.1, "length_m": 0.4, "arc_width_m": None,
    }  # fmt: skip
    ring = axial | {
        "anomaly_id": "R", "line": "R", "chainage_from_m": 5.2, "chainage_to_m": 5.2, "clock_deg": clock,
        "clock_from_deg": (clock - 10) % 360, "clock_to_deg": clock + 10, "length_m": None, "arc_width_m": 0.2,
    }  # fmt: skip
    table = fused(axial, ring)
    assert len(table) == rows
    if rows == 1:
        row = table.iloc[0]
        assert (row["chainage_from_m"], row["chainage_to_m"]) == (5.0, 5.4)
        assert row["arc_width_m"] == pytest.approx(0.2)
        assert row["clock_deg"] == clock


@pytest.mark.parametrize("said", [0.02, 0.07, 0.9])
def test_hundreds_of_looks_at_one_place_do_not_overflow(said):
    looks = [doubtful(LEVEL | {"line": f"L{i}", "anomaly_id": f"A{i}"}, said, 0.8) for i in range(300)]
    [row] = fused(*looks).to_dict("records")
    chances = json.loads(row["probabilities"])
    assert sum(chances.values()) == pytest.approx(1.0, abs=1e-3)
    assert chances["cavity"] == pytest.approx(float(said > 0.8), abs=0.01)


def test_clutter_is_no_kind_of_body():
    row = {"kind": "unknown", "confidence": 0.0, "probabilities": '{"clutter": 0.9, "pipe": 0.06, "cavity": 0.04}'}
    [one] = fused(LEVEL | row, UPRIGHT | row).to_dict("records")
    assert one["kind"] == "unknown"
    assert "clutter" not in json.loads(one["probabilities"])


@pytest.mark.parametrize(
    "evidence", ["null", "[]", '{"base_rate": NaN}', '{"base_rate": 0}', '{"base_rate": "x"}', None]
)
def test_a_base_rate_that_says_nothing_is_a_half(evidence):
    looks = [doubtful(row, 0.7, 0.5) for row in (LEVEL, UPRIGHT)]
    [known] = fused(*looks).to_dict("records")
    [row] = fused(*(look | {"evidence": evidence} for look in looks)).to_dict("records")
    assert row["confidence"] == known["confidence"]

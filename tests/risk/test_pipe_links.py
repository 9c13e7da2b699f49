"""A defect of a pipe and the anomaly of the road above it are one hazard."""

from __future__ import annotations

import json

import geopandas as gpd
import numpy as np
import pytest
from shapely.geometry import Point

from gprscan.risk import grade
from gprscan.risk.linking import LINK_COLUMNS, link_pipes


def survey(offset=0.3, pipe_depth=2.2, kind="cavity", sigma=0.15, crs="EPSG:4547"):
    """A void under the road at (500000, 2500000), a defect of the pipe some way to the east, and a void far away."""
    rows = {
        "anomaly_id": ["R-001", "P-001", "R-002"],
        "kind": ["cavity", kind, "cavity"],
        "clock_deg": [np.nan, 0.0, np.nan],
        "top_depth_m": [0.72, pipe_depth, 0.72],
        "sigma_depth_m": [0.05, 0.05, 0.05],
        "length_m": [0.6, 0.3, 0.6],
        "width_m": [0.6, np.nan, 0.6],
        "position_sigma_m": [sigma, 0.10, sigma],
    }
    x = np.array([0.0, offset, 30.0])
    return gpd.GeoDataFrame(rows, geometry=[Point(500000 + v, 2500000) for v in x], crs=crs)


def test_one_hazard_and_a_higher_grade():
    table = survey()
    linked = link_pipes(table)
    assert linked["hazard_id"].tolist() == ["H1", "H1", None]
    assert json.loads(linked["linked_ids"][0]) == ["P-001"]
    assert json.loads(linked["linked_ids"][1]) == ["R-001"]
    assert linked["link_gap_m"][0] == pytest.approx(0.3, abs=1e-3)
    assert linked["link_sigma_m"][0] == pytest.approx(np.hypot(0.15, 0.10), abs=1e-3)
    before, after = (grade(t, context={"road_class": "arterial"})["risk_rank"] for t in (table, linked))
    assert after[0] > before[0]
    assert after[2] == before[2]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"offset": 0.37}, True),  # 2 * sqrt(0.15^2 + 0.10^2) = 0.361
        ({"offset": 0.35}, False),
        ({"pipe_depth": 0.3}, True),  # above the void
        ({"kind": "pipe"}, True),  # a cable beside the sewer is no defect
        ({"kind": "joint"}, False),
        ({"kind": "wall_thinning"}, False),
        ({"offset": 0.9, "sigma": np.nan}, False),  # where no sigma is stated, half a metre is taken
        ({"crs": "EPSG:4326"}, True),  # degrees are no metres
    ],
)
def test_what_is_linked(change, expected):
    alone = link_pipes(survey(**change))["hazard_id"].isna().all()
    assert alone == expected


def test_what_the_engineer_said_stands():
    table = survey().assign(known_leak_or_pipe_defect=["no", None, None])
    assert link_pipes(table)["known_leak_or_pipe_defect"].tolist()[:2] == ["no", "yes"]


def test_surveys_without_pipes_keep_their_table():
    table = survey().drop(columns="clock_deg")
    linked = link_pipes(table)
    assert linked[list(LINK_COLUMNS)].isna().all(axis=None)
    assert link_pipes(table.iloc[:0])["hazard_id"].empty


def test_two_defects_under_one_void_are_one_hazard():
    table = survey()
    table = gpd.GeoDataFrame(
        {c: [*table[c], table[c].iloc[1]] for c in table.columns if c != "geometry"},
        geometry=[*table.geometry, Point(499999.8, 2500000)],
        crs=table.crs,
    )
    table.loc[3, "anomaly_id"] = "P-002"
    linked = link_pipes(table)
    assert linked["hazard_id"].tolist() == ["H1", "H1", None, "H1"]
    assert json.loads(linked["linked_ids"][0]) == ["P-001", "P-002"]
    assert linked["link_gap_m"][0] == pytest.approx(0.2, abs=1e-3)


def test_twice_the_joint_sigma_holds_nearly_all_true_pairs():
    rng = np.random.default_rng(3)
    kept = sum(
        link_pipes(survey(offset=float(np.hypot(*rng.normal(0, np.hypot(0.15, 0.10), 2)))))["hazard_id"].notna().any()
        for _ in range(150)
    )
    assert kept / 150 > 0.80  # points; 1 - exp(-2) = 0.865 in the plane, footprints add to it

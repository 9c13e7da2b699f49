"""The mixed sample survey through the whole chain: a road, the sewer under it, the wall beside it, one report."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import xarray as xr

import gprscan as gs
from gprscan.geometry import load_wall_file

MIXED = Path(__file__).parents[2] / "sample_data" / "mixed"


@pytest.fixture(scope="module")
def scanned(tmp_path_factory):
    return gs.scan(MIXED / "survey.toml", tmp_path_factory.mktemp("mixed") / "out", jobs=1)


@pytest.fixture(scope="module")
def truth():
    return json.loads((MIXED / "truth.json").read_text("utf-8"))


def rows_of(result, prefix):
    table = result.anomalies
    return table[table["line"].str.startswith(prefix)]


def test_every_line_is_used(scanned):
    assert [entry["status"] for entry in scanned.manifest] == 7 * ["ok"]


def test_the_void_under_the_road_and_the_one_at_the_crown_are_one_hazard(scanned):
    linked = scanned.anomalies[scanned.anomalies["hazard_id"].notna()]
    assert set(linked["hazard_id"]) == {"H1"}
    cavities = linked[linked["kind"] == "cavity"]
    assert sorted(cavities["line"]) == ["MH21-MH22", "R1", "R2"]
    crown = linked[linked["line"] == "MH21-MH22"].iloc[0]
    assert set(json.loads(crown["linked_ids"])) == set(cavities["anomaly_id"]) - {crown["anomaly_id"]}
    # on the map, the water at the haunch of the same ring lies under the void that both lines over the road cross
    [water] = linked[linked["kind"] != "cavity"].to_dict("records")
    assert (water["line"], water["kind"]) == ("RING", "water_rich")
    over_it = linked.loc[linked["line"].isin(["R1", "R2"]), "anomaly_id"]
    assert json.loads(water["linked_ids"]) == sorted(over_it)
    # the leaking pipe counts in the grade of the void above it
    assert set(linked["known_leak_or_pipe_defect"]) == {"yes"}
    assert linked["risk_rank"].notna().all()


def test_axial_line_and_ring_make_one_body_of_the_void_at_the_crown(scanned, truth):
    inside = rows_of(scanned, ("MH21", "RING"))
    fused = inside[inside["seen_on"].notna()]
    assert [json.loads(text) for text in fused["seen_on"]] == [["MH21-MH22", "RING"]]
    [crown] = fused.to_dict("records")
    [body] = truth["sewer"]["crown"]
    ring = truth["sewer"]["ring_at_6.2"][0]
    assert crown["chainage_from_m"] < body["apex_x_m"] < crown["chainage_to_m"]
    assert crown["length_m"] == pytest.approx(body["width_m"], abs=0.15)
    assert abs((crown["clock_deg"] - ring["clock_deg"] + 180) % 360 - 180) < 8
    assert crown["arc_width_m"] == pytest.approx(ring["width_m"], abs=0.12)


def test_the_wall_has_what_is_in_it(scanned, truth):
    wall = rows_of(scanned, "W")
    assert sorted(wall["kind"]) == ["cavity", "cavity", "nail_head", "water_rich"]
    void = wall[wall["seen_on"].notna()].iloc[0]  # crossed by a level line and by the upright one
    assert json.loads(void["seen_on"]) == ["W1", "W3"]
    assert void["kind"] == "cavity"
    assert (void["u_from_m"], void["u_to_m"]) == pytest.approx((1.85, 2.35), abs=0.08)
    assert (void["w_from_m"], void["w_to_m"]) == pytest.approx((0.55, 1.05), abs=0.08)
    assert void["depth_into_wall_m"] == pytest.approx(0.36 - 0.04 * 0.8, abs=0.015)
    wet = wall[wall["kind"] == "water_rich"].iloc[0]
    assert wet["u_from_m"] < 3.4 < wet["u_to_m"]
    assert wet["drain_distance_m"] == pytest.approx(0.4, abs=0.05)
    core = wall[(wall["kind"] == "cavity") & wall["seen_on"].isna()].iloc[0]
    assert core["depth_into_wall_m"] == pytest.approx(0.13, abs=0.03)
    assert wall[wall["kind"] == "nail_head"].iloc[0]["nail_distance_m"] < 0.1
    # grades are for roads
    assert wall["risk_rank"].isna().all()
    assert wall["risk_note"].str.contains("screening").sum() == 3


def test_the_back_of_the_wall_is_on_the_map(scanned):
    folder = scanned.report.parent
    with (folder / "wall_back_face.csv").open(encoding="utf-8-sig") as file:
        places = list(csv.DictReader(file))
    thick = np.array([float(p["thickness_m"]) for p in places])
    assert np.median(np.abs(thick - (0.36 - 0.04 * np.array([float(p["w_m"]) for p in places])))) < 0.012
    frame = load_wall_file(MIXED / "RW-31.wall.toml").frame()
    u, w, n = frame.from_map([[float(p[axis]) for axis in "xyz"] for p in places]).T
    assert n == pytest.approx(thick, abs=2e-3)
    assert u == pytest.approx([float(p["u_m"]) for p in places], abs=2e-3)
    layer = gpd.read_file(folder / "anomalies.gpkg", layer="wall_back_face")
    assert len(layer) == len(places)
    assert layer.crs.to_epsg() == 4547


def test_the_report_shows_pipe_and_wall(scanned):
    page = scanned.report.read_text("utf-8")
    assert "RW-31" in page
    assert "Screening: kinds and sizes are to be checked by drilling or chiselling" in page
    assert 'id="pipes"' in page
    assert 'id="walls"' in page
    assert "H1: " in page


def test_the_ground_round_the_sewer_is_one_image(scanned, truth):
    path = scanned.report.parent / "pipe_images" / "MH21-MH22.nc"
    [crown] = truth["sewer"]["crown"]
    with xr.open_dataset(path, engine="h5netcdf") as volume:
        assert volume["echo_db"].dtype == "float32"
        near = volume["echo_db"].sel(chainage=slice(5.0, 7.5), radial_depth=slice(0.06, 0.2)).load()
        upper = near.where((near["clock"] < 60) | (near["clock"] > 300))
        strongest = upper.where(upper == upper.max(), drop=True)
        assert float(strongest["chainage"][0]) == pytest.approx(crown["apex_x_m"], abs=0.18)
        off = (float(strongest["clock"][0]) - truth["sewer"]["ring_at_6.2"][0]["clock_deg"] + 180) % 360 - 180
        assert abs(off) < 8
        # the place of a node on the map is that of the side file's pipe
        at = volume.sel(chainage=6.2, clock=0.0, method="nearest")
        assert float(at["z"] + 0.08 * at["normal_z"]) == pytest.approx(12.919 + 0.88, abs=0.02)

"""GeoPackage, GeoJSON (RFC 7946) and KML, read again with other programs' eyes."""

from __future__ import annotations

import json
import sqlite3
from itertools import pairwise
from xml.etree import ElementTree as ET

import geopandas as gpd
import numpy as np
import pyogrio
import pytest

from gprscan.report import gis, write_all
from tests.report import surveys
from tests.report.conftest import made

KML = "{http://www.opengis.net/kml/2.2}"


def read_geojson(path):
    """Parse strictly: NaN and Infinity are not JSON."""

    def refuse(text):
        raise AssertionError(text)

    return json.loads(path.read_text("utf-8"), parse_constant=refuse)


def ring_area(ring):
    return 0.5 * sum(a[0] * b[1] - b[0] * a[1] for a, b in pairwise(ring))


def test_geojson_keeps_to_rfc_7946(tmp_path, survey):
    gis.write_geojson(survey, tmp_path / "a.geojson")
    content = read_geojson(tmp_path / "a.geojson")
    assert content["type"] == "FeatureCollection"
    assert "crs" not in content  # section 4: WGS 84, and nothing else
    assert [f["id"] for f in content["features"]] == survey.anomalies["anomaly_id"].tolist()
    for feature in content["features"]:
        assert set(feature) == {"type", "id", "geometry", "properties"}
        assert all(not isinstance(value, dict | list) for value in feature["properties"].values())
    polygon, point, _, unplaced = (f["geometry"] for f in content["features"])
    assert unplaced is None  # section 3.2: an unlocated feature
    ring = polygon["coordinates"][0]
    assert polygon["type"] == "Polygon"
    assert ring[0] == ring[-1]
    assert ring_area(ring) > 0  # section 3.1.6: exterior rings are counterclockwise
    assert len(point["coordinates"]) == 2
    assert point["coordinates"] == pytest.approx([114.03 + 6 / 102_700, 22.70], abs=2e-6)
    assert all(113 < c[0] < 115 and 22 < c[1] < 23 for c in ring)


def test_geojson_has_projected_coordinates_and_their_crs_as_properties(tmp_path, survey):
    gis.write_geojson(survey, tmp_path / "a.geojson")
    first, *_, last = (f["properties"] for f in read_geojson(tmp_path / "a.geojson")["features"])
    assert first["crs"] == "EPSG:4547"
    assert first["x"] == pytest.approx(surveys.ORIGIN[0] + 6.0)
    assert first["z"] is None
    assert json.loads(first["probabilities"])["cavity"] == 0.83
    assert first["risk_scheme"] == "gprscan_screening"
    assert last["crs"] is None
    assert last["distance_m"] == 6.0


def test_geopackage_has_three_layers_in_the_projected_crs(tmp_path, survey):
    path = tmp_path / "anomalies.gpkg"
    gis.write_geopackage(survey, path)
    assert [name for name, _ in pyogrio.list_layers(path)] == ["anomalies", "tracks", "coverage"]
    bodies = gpd.read_file(path, layer="anomalies")
    assert bodies.crs.to_epsg() == 4547
    assert len(bodies) == 4
    assert bodies.geometry.isna().tolist() == [False, False, False, True]
    np.testing.assert_allclose(bodies.geometry.iloc[1].x, surveys.ORIGIN[0] + 6.0)
    assert bodies["kind"].tolist() == ["cavity", "pipe", "debond", "cavity"]
    tracks = gpd.read_file(path, layer="tracks")
    assert tracks["length_m"].tolist() == [20.0, 20.0]
    assert tracks.geometry.isna().tolist() == [False, True]
    assert gpd.read_file(path, layer="coverage").geometry.iloc[0].area == pytest.approx(24.0)
    with sqlite3.connect(path) as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    database.close()


def test_kml_is_clamped_to_the_ground_in_wgs84(tmp_path, survey):
    gis.write_kml(survey, tmp_path / "a.kml")
    root = ET.parse(tmp_path / "a.kml").getroot()
    marks = root.findall(f".//{KML}Folder[1]/{KML}Placemark")
    assert len(marks) == 3  # the unplaced body is in the tables only
    assert {mode.text for mode in root.iter(f"{KML}altitudeMode")} == {"clampToGround"}
    east, north = marks[0].find(f".//{KML}Point/{KML}coordinates").text.split(",")
    assert float(east) == pytest.approx(114.03, abs=1e-3)
    assert float(north) == pytest.approx(22.70, abs=1e-3)
    assert "verify before excavation" in marks[0].find(f"{KML}description").text


HOSTILE = "<script>alert(1)</script>]]>&\"'\x00\x1b.DZT"


def test_hostile_names_are_text_in_xml_and_in_its_html(tmp_path):
    body = surveys.anomaly(line_id=HOSTILE, source_file=HOSTILE, anomaly_id=HOSTILE)
    result = made([surveys.record(HOSTILE, [body], source_file=HOSTILE)])
    write_all(result, tmp_path)
    root = ET.parse(tmp_path / "anomalies.kml").getroot()
    assert root.tag == f"{KML}kml"
    assert not [e for e in root.iter() if e.tag.endswith("script")]
    assert "<script" not in root.find(f".//{KML}Placemark/{KML}description").text  # viewers show it as HTML
    assert read_geojson(tmp_path / "anomalies.geojson")["features"][0]["properties"]["line"] == HOSTILE
    assert gpd.read_file(tmp_path / "anomalies.gpkg", layer="anomalies")["kind"].tolist() == ["cavity"]


@pytest.mark.parametrize(
    "records",
    [[], [surveys.record(anomalies=[])], [surveys.record(placed=False)], [surveys.record(anomalies=[], placed=False)]],
    ids=["nothing", "no anomalies", "unplaced", "unplaced, none"],
)
def test_every_file_is_written_whatever_is_missing(tmp_path, records):
    report = write_all(made(records), tmp_path)
    assert report == tmp_path / "report.html"
    expected = {
        "anomalies.gpkg", "anomalies.geojson", "anomalies.kml", "anomalies.csv", "anomalies.xlsx", "report.html",
        "manifest.jsonl", "run.json",
    }  # fmt: skip
    assert {p.name for p in tmp_path.iterdir()} == expected
    number = sum(len(record["anomalies"]) for record in records)
    assert len(read_geojson(tmp_path / "anomalies.geojson")["features"]) == number
    assert len(gpd.read_file(tmp_path / "anomalies.gpkg", layer="anomalies")) == number
    assert json.loads((tmp_path / "run.json").read_text("utf-8"))["survey"] == "test"
    lines = (tmp_path / "manifest.jsonl").read_text("utf-8").splitlines()
    assert [json.loads(line)["status"] for line in lines] == ["ok"] * len(records)

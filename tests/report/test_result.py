"""Records of lines put together in one CRS, and loaded again from a finished folder."""

from __future__ import annotations

import numpy as np
import pytest
from pyproj import CRS, Transformer

from gprscan.errors import ParameterError, ReadError
from gprscan.report import SurveyResult, rebuild, write_all
from gprscan.report.tables import flat
from gprscan.risk import grade
from tests.report import surveys


def test_the_crs_is_that_of_most_lines_and_the_others_are_moved_into_it():
    there = Transformer.from_crs(4547, 32650, always_xy=True)
    x, y = there.transform(surveys.ORIGIN[0] + 6.0, surveys.ORIGIN[1])
    moved = surveys.anomaly(1, "L03", x=x, y=y, geometry=f"POINT ({x} {y})")
    a, b = there.transform(*surveys.ORIGIN), there.transform(surveys.ORIGIN[0] + 20, surveys.ORIGIN[1])
    other = surveys.record("L03", [moved], crs=CRS.from_epsg(32650).to_wkt())
    other |= {"track": f"LINESTRING ({a[0]} {a[1]}, {b[0]} {b[1]})", "coverage": None}
    result = SurveyResult.from_records([surveys.record("L01"), surveys.record("L02"), other])
    assert result.anomalies.crs.to_epsg() == result.tracks.crs.to_epsg() == 4547
    np.testing.assert_allclose(result.anomalies["x"], surveys.ORIGIN[0] + 6.0, atol=1e-3)
    np.testing.assert_allclose(result.anomalies["y"], surveys.ORIGIN[1], atol=1e-3)
    np.testing.assert_allclose(result.anomalies.geometry.x, result.anomalies["x"], atol=1e-3)
    np.testing.assert_allclose(
        result.tracks.total_bounds[[0, 2]], [surveys.ORIGIN[0], surveys.ORIGIN[0] + 20], atol=1e-3
    )


def test_a_crs_that_was_asked_for_rules():
    result = SurveyResult.from_records([surveys.record()], crs="EPSG:32650")
    assert result.anomalies.crs.to_epsg() == 32650
    assert result.anomalies["x"].iloc[0] == pytest.approx(result.anomalies.geometry.iloc[0].x)
    assert abs(result.anomalies["x"].iloc[0] - surveys.ORIGIN[0] - 6.0) > 1000


def test_geographic_lines_around_shenzhen_get_its_projection():
    body = surveys.anomaly(x=114.03, y=22.70, geometry="POINT (114.03 22.70)")
    record = surveys.record("L01", [body], crs="EPSG:4490") | {
        "track": "LINESTRING (114.03 22.70, 114.0302 22.70)",
        "coverage": None,
    }
    result = SurveyResult.from_records([record])
    assert result.anomalies.crs.to_epsg() == 4547
    assert result.anomalies["x"].iloc[0] == pytest.approx(503_082.43, abs=0.05)
    assert result.anomalies["y"].iloc[0] == pytest.approx(2_511_315.31, abs=0.05)


def test_unplaced_bodies_keep_their_line_coordinates():
    result = SurveyResult.from_records([surveys.record(placed=False)])
    assert result.anomalies.crs is None
    assert result.anomalies.geometry.isna().all()
    assert result.anomalies["distance_m"].tolist() == [6.0]
    assert len(result.tracks) == len(result.coverage) == 1


@pytest.mark.parametrize("records", [[], [surveys.record(anomalies=[])]], ids=["no lines", "no anomalies"])
def test_nothing_is_a_result_with_all_columns(records):
    result = SurveyResult.from_records(records)
    assert len(result.anomalies) == 0
    assert {"kind", "top_depth_m", "anomaly_id", "longitude"} <= set(result.anomalies.columns)
    assert len(result.lines) == len(records)


def test_a_finished_folder_is_loaded_and_written_again(out):
    before = (out / "anomalies.geojson").read_text("utf-8")
    (out / "report.html").unlink()
    result = rebuild(out, "en")
    assert result.report == out / "report.html"
    assert result.report.is_file()
    assert result.anomalies["risk_scheme"].unique().tolist() == ["gprscan_screening"]
    assert [line["line"] for line in result.lines.to_dict("records")] == ["L01", "L02"]
    assert result.run["scheme"]["id"] == "gprscan_screening"
    assert len(before) > 0


def test_rebuilding_twice_gives_the_same_tables(out):
    rebuild(out)
    first = {
        name: (out / name).read_bytes()
        for name in ("anomalies.geojson", "anomalies.csv", "anomalies.kml", "report.html")
    }
    rebuild(out)
    assert first == {name: (out / name).read_bytes() for name in first}


@pytest.mark.parametrize("damage", ["no run", "no lines", "broken run", "broken record", "broken manifest"])
def test_a_folder_that_is_no_finished_scan_is_refused(out, damage):
    if damage == "no run":
        (out / "run.json").unlink()
    elif damage == "no lines":
        for record in (out / "lines").iterdir():
            record.unlink()
        (out / "lines").rmdir()
    else:
        name = {"broken run": "run.json", "broken record": "lines/L01.json", "broken manifest": "manifest.jsonl"}[
            damage
        ]
        (out / name).write_text("{", "utf-8")
    with pytest.raises(ReadError, match=r"[Rr]un gprscan scan"):
        SurveyResult.from_folder(out)


def test_a_wrong_language_is_said_before_anything_is_written(tmp_path, survey):
    with pytest.raises(ParameterError, match="one of zh, en, both"):
        write_all(survey, tmp_path / "out", "de")
    assert not (tmp_path / "out").exists()


def test_lines_on_two_continents_keep_longitude_and_latitude(tmp_path):
    there = CRS.from_epsg(32611)
    body = surveys.anomaly(1, "L02", x=500_005.0, y=4_000_000.0, geometry="POINT (500005 4000000)")
    far = surveys.record("L02", [body], crs=there.to_wkt())
    far |= {"track": "LINESTRING (500000 4000000, 500020 4000000)", "coverage": None}
    result = SurveyResult.from_records([surveys.record("L01"), far])
    assert result.anomalies.crs.to_epsg() == 4326
    assert result.anomalies["x"].tolist() == pytest.approx([114.03, -117.0], abs=0.01)
    result.anomalies = grade(result.anomalies)
    assert flat(result.anomalies)["x"].tolist() == pytest.approx(result.anomalies["x"].tolist(), abs=1e-7)
    assert "too far apart for one projection" in write_all(result, tmp_path, "en").read_text("utf-8")

"""An engineer's verdicts: kept beside the automatic values, found again after a new run, refused where they make no sense."""

from __future__ import annotations

import json
from dataclasses import asdict

import geopandas as gpd
import pandas as pd
import pytest

from gprscan import names
from gprscan.errors import ReviewError
from gprscan.report import SurveyResult, rebuild, review, review_files
from tests.report import surveys


@pytest.fixture
def folder(out):
    """A finished survey whose line L01 has three bodies."""
    bodies = [
        surveys.anomaly(1),
        surveys.anomaly(2, kind="pipe", distance_m=12.0, twt_ns=18.0),
        surveys.anomaly(3, kind="debond", distance_m=17.0, twt_ns=3.0),
    ]
    store(out, bodies)
    return out


def store(out, bodies):
    """Put a record of L01 with these bodies into the output folder, as a new run would."""
    (out / "lines" / "L01.json").write_text(json.dumps(surveys.record("L01", bodies)), "utf-8")


def filled(out, path, **cells):
    """Export, fill in the rows of L01 by their number, and save as CSV."""
    review_files.write_table(SurveyResult.from_folder(out), path)
    table = pd.read_csv(path, dtype=str, keep_default_na=False).set_index("anomaly_id", drop=False)
    for number, values in cells.items():
        for column, value in values.items():
            table.loc[f"L01-{int(number[1:]):03d}", column] = value
    table.to_csv(path, index=False, encoding="utf-8-sig")
    return path


def take(out, path, who="Li"):
    result = SurveyResult.from_folder(out)
    return review.add(out, result, review_files.read(path, result, who)), result


VERDICTS = {
    "n1": {"review_status": "accepted"},
    "n2": {"review_status": "改类", "review_kind": "空洞", "review_comment": "=no tail, see \"x\""},
    "n3": {"review_status": "rejected", "reviewer": "Wang", "reviewed_at": "2026/03/02 15:04"},
}  # fmt: skip


def test_verdicts_stand_beside_the_automatic_values(folder, tmp_path):
    before = SurveyResult.from_folder(folder).anomalies.drop(columns=list(names.REVIEW_COLUMNS))
    assert take(folder, filled(folder, tmp_path / "r.csv", **VERDICTS))[0] == 3
    table = SurveyResult.from_folder(folder).anomalies
    pd.testing.assert_frame_equal(
        pd.DataFrame(table.drop(columns=["geometry", *names.REVIEW_COLUMNS])),
        pd.DataFrame(before.drop(columns="geometry")),
    )
    of_line = table[table["line"] == "L01"].set_index("anomaly_id")
    assert of_line["review_status"].tolist() == ["accepted", "reclassed", "rejected"]
    assert of_line["review_kind"].tolist() == [None, "cavity", None]
    assert of_line["kind"].tolist() == ["cavity", "pipe", "debond"]
    assert of_line["review_comment"].tolist()[1] == '=no tail, see "x"'
    assert of_line["reviewer"].tolist() == ["Li", "Li", "Wang"]
    assert of_line["reviewed_at"].tolist()[2] == "2026-03-02T15:04:00"
    assert table[table["line"] == "L02"]["reviewer"].isna().all()


def test_reviews_reach_the_report_and_the_map_files(folder, tmp_path):
    take(folder, filled(folder, tmp_path / "r.csv", **VERDICTS))
    rebuild(folder, "en")
    html = (folder / "report.html").read_text("utf-8")
    assert "accepted 1" in html.replace('<span class="w"><span lang="en">', "").replace("</span></span>", "")
    assert "=no tail, see &#34;x&#34;" in html
    layer = gpd.read_file(folder / "anomalies.gpkg", layer="anomalies").set_index("anomaly_id")
    assert layer.loc["L01-002", ["review_status", "review_kind"]].tolist() == ["reclassed", "cavity"]
    features = json.loads((folder / "anomalies.geojson").read_text("utf-8"))["features"]
    assert {f["properties"]["review_status"] for f in features} == {"accepted", "reclassed", "rejected", None}
    assert "rejected by Wang" in (folder / "anomalies.kml").read_text("utf-8")


@pytest.mark.parametrize("name", ["anomalies.gpkg", "anomalies.geojson", "anomalies.csv", "anomalies.xlsx"])
def test_every_table_of_the_outputs_can_be_imported_and_says_nothing_new(folder, tmp_path, name):
    take(folder, filled(folder, tmp_path / "r.csv", **VERDICTS))
    rebuild(folder)
    result = SurveyResult.from_folder(folder)
    found = {r.anomaly_id: r.opinion() for r in review_files.read(folder / name, result)}
    assert found["L01-002"] == ("reclassed", "cavity", '=no tail, see "x"')
    assert len(found) == 3
    assert take(folder, folder / name)[0] == 0


def test_a_new_run_with_other_numbers_finds_the_reviews_again(folder, tmp_path):
    take(folder, filled(folder, tmp_path / "r.csv", **VERDICTS))
    bodies = [
        surveys.anomaly(1, kind="pipe", distance_m=1.0, twt_ns=8.0),  # new: all numbers shift
        surveys.anomaly(2, kind="unknown", distance_m=6.1, twt_ns=10.4),
        surveys.anomaly(3, kind="pipe", distance_m=11.9, twt_ns=17.6),
    ]
    store(folder, bodies)
    result = SurveyResult.from_folder(folder)
    assert result.anomalies["review_status"].tolist()[:3] == [None, "accepted", "reclassed"]
    assert [lost.anomaly_id for lost in result.lost_reviews] == ["L01-003"]
    rebuild(folder, "en")
    assert "no longer finds" in (folder / "report.html").read_text("utf-8")


def test_the_last_word_holds_and_the_first_is_kept(folder, tmp_path):
    take(folder, filled(folder, tmp_path / "a.csv", n1={"review_status": "accepted"}))
    store(folder, [surveys.anomaly(1, distance_m=6.2)])  # moved a little in between
    take(folder, filled(folder, tmp_path / "b.csv", n1={"review_status": "rejected"}), "Wang")
    _, result = take(folder, filled(folder, tmp_path / "c.csv"))
    assert result.anomalies["review_status"].tolist()[0] == "rejected"
    assert result.lost_reviews == []
    assert [r.review_status for r in review.load(folder)] == ["accepted", "rejected"]
    take(folder, filled(folder, tmp_path / "d.csv", n1={"review_status": "open"}))
    assert review.counts(SurveyResult.from_folder(folder)) == {"accepted": 0, "rejected": 0, "reclassed": 0, "open": 2}
    assert len(review.load(folder)) == 3


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        ({"review_status": "yes"}, "row 3, column review_status: 'yes' is none of accepted, rejected"),
        ({"review_status": "reclassed"}, "row 3, column review_kind: is empty"),
        ({"review_status": "reclassed", "review_kind": "hole"}, "row 3, column review_kind: 'hole' is none of cavity"),
        ({"review_status": "accepted", "review_kind": "pipe"}, "row 3, column review_status: is 'accepted', and"),
        ({"review_status": "accepted", "anomaly_id": "L09-001"}, "row 3, column anomaly_id: 'L09-001' is no anomaly"),
        ({"review_status": "accepted", "reviewed_at": "soon"}, "row 3, column reviewed_at: 'soon' is no date"),
        ({"review_status": "accepted", "twt_ns": "ten"}, "row 3, column twt_ns: 'ten' is no number"),
        ({"review_status": "accepted", "distance_m": "9.0"}, "row 3, column distance_m: L01-002 is now at 12.00 m"),
    ],
)  # fmt: skip
def test_a_wrong_row_is_named_and_nothing_is_imported(folder, tmp_path, cells, said):
    path = filled(folder, tmp_path / "r.csv", n1={"review_status": "accepted"}, n2=cells)
    with pytest.raises(ReviewError) as error:
        take(folder, path)
    assert said in str(error.value)
    assert review.load(folder) == []


def test_a_review_without_a_reviewer_is_refused(folder, tmp_path):
    path = filled(folder, tmp_path / "r.csv", n1={"review_status": "accepted"})
    with pytest.raises(ReviewError, match=r"row 2, column reviewer: is empty"):
        take(folder, path, who=None)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.csv", b"", "is empty"),
        ("a.csv", b"anomaly_id,kind\nL01-001,cavity\n", "row 1, column review_status: is missing"),
        ("a.csv", "anomaly_id,review_status,review_comment\nL01-001,accepted,空洞\n".encode("gb18030"), "not UTF-8"),
        ("a.csv", b"anomaly_id,review_status\nL01-001,accepted,a,b\n", "row 2: has more cells"),
        ("a.xlsx", b"no zip", "cannot be read"),
        ("a.gpkg", b"no database", "cannot be read"),
        ("a.json", b"{}", "is no COCO file"),
        ("a.txt", b"", "a review is a .csv"),
    ],
)
def test_a_broken_file_is_refused_with_its_reason(folder, tmp_path, name, content, said):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(ReviewError) as error:
        take(folder, path)
    assert said in str(error.value)
    assert name in str(error.value)


def test_a_damaged_store_is_never_replaced(folder):
    (folder / review.FILE).write_text("{", "utf-8")
    with pytest.raises(ReviewError, match="restore it from a copy"):
        SurveyResult.from_folder(folder)
    assert (folder / review.FILE).read_text("utf-8") == "{"


def test_a_review_is_parted_from_bodies_on_the_other_side_of_a_pipe():
    here = asdict(review.Review("A", "L", "cavity", 3.0, None, 9.0, 355.0, "accepted", None, None, "Li", "2026-01-01"))
    assert review.apart(here, here | {"clock_deg": 5.0}) == pytest.approx(0.5)
    assert review.apart(here, here | {"clock_deg": 175.0}) > 1
    assert review.apart(here, here | {"offset_m": 0.0}) > 1

"""A whole survey: bad files cost nothing else, nothing is done twice, nothing is lost."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import geopandas as gpd
import pandas as pd
import pytest

import gprscan as gs
from gprscan.errors import OutputExistsError, ParameterError, ReadError, RecipeError
from gprscan.survey import store
from tests.survey.lines import small_line, write_survey

RECIPE = 'name = "quick"\n[[process]]\nstep = "dewow"\n[[process]]\nstep = "background"\n'


@pytest.fixture(scope="module")
def recipe(tmp_path_factory):
    path = tmp_path_factory.mktemp("recipe") / "quick.toml"
    path.write_text(RECIPE)
    return path


@pytest.fixture(scope="module")
def survey(tmp_path_factory):
    """Two good lines, a truncated one, an empty one, and a text file."""
    folder = tmp_path_factory.mktemp("survey")
    paths = write_survey(folder, 2)
    (folder / "CUT.DZT").write_bytes(paths[0].read_bytes()[:-101])
    (folder / "EMPTY.DZT").write_bytes(b"")
    (folder / "notes.txt").write_text("rain from 2 am")
    return folder


@pytest.fixture(scope="module")
def scanned(survey, recipe, tmp_path_factory):
    out = tmp_path_factory.mktemp("out") / "scan"
    seen = []
    result = gs.scan(survey, out, recipe=recipe, progress=seen.append)
    return result, out, seen


def rows_of(result: gs.report.SurveyResult, line: str) -> pd.DataFrame:
    """Return the anomalies of one line without columns that another line alone has filled."""
    rows = result.anomalies[result.anomalies["line"] == line].reset_index(drop=True)
    return pd.DataFrame(rows.drop(columns="geometry")).dropna(axis="columns", how="all")


def manifest(out: Path) -> dict[str, dict]:
    entries = [json.loads(line) for line in (out / "manifest.jsonl").read_text("utf-8").splitlines()]
    return {entry["path"]: entry for entry in entries}


def test_the_good_lines_are_scanned_and_the_bad_ones_listed_with_their_reason(scanned, survey):
    _, out, seen = scanned
    entries = manifest(out)
    assert {path: entry["status"] for path, entry in entries.items()} == {
        "CUT.DZT": "failed",
        "EMPTY.DZT": "failed",
        "LINE01.DZT": "ok",
        "LINE02.DZT": "ok",
        "notes.txt": "ignored",
    }
    assert "on_truncated='trim'" in entries["CUT.DZT"]["error"]
    assert "empty" in entries["EMPTY.DZT"]["error"]
    assert entries["LINE01.DZT"]["sha256"] == store.sha256_of(survey / "LINE01.DZT")
    assert entries["LINE01.DZT"]["seconds"] > 0
    assert [(p.done, p.total) for p in seen] == [(n, 4) for n in range(1, 5)]


def test_the_bodies_are_found_where_they_are(scanned):
    result, _, _ = scanned
    for number, x in enumerate((2.0, 2.2), start=1):
        rows = result.anomalies[result.anomalies["line"] == f"LINE{number:02d}"]
        nearest = rows.loc[(rows["distance_m"] - x).abs().idxmin()]
        assert nearest["distance_m"] == pytest.approx(x, abs=0.05)
        # an ideal point over no half-space is the small end of what echoes like a cavity: within the stated uncertainty
        assert nearest["top_depth_m"] == pytest.approx(0.8, abs=3 * nearest["sigma_depth_m"])
        assert nearest["sigma_depth_m"] < 0.06
        assert nearest["anomaly_id"].startswith(f"LINE{number:02d}-")


def test_every_output_is_there_and_can_be_opened(scanned):
    result, out, _ = scanned
    assert result.report == out / "report.html"
    for name in ("anomalies.gpkg", "anomalies.geojson", "anomalies.csv", "report.html", "run.json", "manifest.jsonl"):
        assert (out / name).stat().st_size > 0, name
    layers = set(gpd.list_layers(out / "anomalies.gpkg")["name"])
    assert {"anomalies", "tracks", "coverage"} <= layers
    assert len(pd.read_csv(out / "anomalies.csv", encoding="utf-8-sig")) == len(result.anomalies)
    assert not list(out.rglob("*.part*"))


def test_each_anomaly_has_its_pictures_in_the_output_folder(scanned):
    result, out, _ = scanned
    for figures in result.anomalies["figures"]:
        roles = json.loads(figures)
        assert {"raw", "processed", "migrated"} <= set(roles)
        for path in roles.values():
            assert (out / path).read_bytes().startswith(b"\x89PNG")


def test_the_run_is_recorded_with_recipe_versions_and_hashes(scanned, recipe):
    _, out, _ = scanned
    run = json.loads((out / "run.json").read_text("utf-8"))
    assert run["recipe"]["name"] == "quick"
    assert run["recipe_sha256"] == store.recipe_hash(gs.steps.load_recipe(recipe))
    assert run["scheme"]["id"] == "gprscan_screening"
    assert run["libraries"]["numpy"]


def test_an_unplaced_survey_keeps_line_coordinates(scanned):
    result, _, _ = scanned
    assert result.anomalies.geometry.isna().all()
    assert result.anomalies["distance_m"].notna().all()
    assert not result.lines["placed"].astype(bool).any()


def test_an_earlier_output_is_an_error_unless_resume_or_fresh_is_said(scanned, survey, recipe):
    _, out, _ = scanned
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*")}
    with pytest.raises(OutputExistsError, match="--resume"):
        gs.scan(survey, out, recipe=recipe)
    assert {path: path.stat().st_mtime_ns for path in out.rglob("*")} == before


def test_resume_keeps_what_is_finished_and_redoes_what_changed(scanned, survey, recipe, tmp_path):
    first, earlier, _ = scanned
    folder, out = tmp_path / "survey", tmp_path / "out"
    folder.mkdir()
    for path in (*survey.glob("LINE01.*"), *survey.glob("LINE02.*")):  # with their side files
        shutil.copy(path, folder / path.name)
    shutil.copytree(earlier, out)
    stamps = {path.name: path.stat().st_mtime_ns for path in (out / "lines").iterdir()}
    gs.write(small_line(3.0, seed=9), folder / "LINE02.DZT", overwrite=True)
    gs.write(small_line(2.6, seed=5), folder / "LINE03.DZT")
    seen = []
    second = gs.scan(folder, out, recipe=recipe, resume=True, progress=seen.append)
    assert {p.source: p.status for p in seen} == {"LINE01.DZT": "kept", "LINE02.DZT": "ok", "LINE03.DZT": "ok"}
    after = {path.name: path.stat().st_mtime_ns for path in (out / "lines").iterdir()}
    assert after["LINE01.json"] == stamps["LINE01.json"]
    assert after["LINE02.json"] != stamps["LINE02.json"]
    pd.testing.assert_frame_equal(rows_of(second, "LINE01"), rows_of(first, "LINE01"))
    assert manifest(out)["LINE01.DZT"]["status"] == "ok"
    (folder / "LINE02.DZT").unlink()
    third = gs.scan(folder, out, recipe=recipe, resume=True)
    assert set(third.lines["line"]) == {"LINE01", "LINE03"}


def test_a_scan_killed_in_the_middle_goes_on_without_redoing_or_losing_a_line(scanned, recipe, tmp_path):
    folder, out = tmp_path / "survey", tmp_path / "out"
    write_survey(folder, 3)
    code = "import sys, gprscan as gs; gs.scan(sys.argv[1], sys.argv[2], recipe=sys.argv[3])"
    process = subprocess.Popen([sys.executable, "-c", code, str(folder), str(out), str(recipe)])
    try:
        deadline = time.monotonic() + 240
        while not list((out / "lines").glob("LINE*.json")):
            assert process.poll() is None, "the scan ended before it could be killed"
            assert time.monotonic() < deadline, "no line was finished"
            time.sleep(0.02)
        os.kill(process.pid, signal.SIGKILL)
    finally:
        process.kill()
        process.wait()
    assert not (out / "run.json").exists()
    done = {path.stem: path.stat().st_mtime_ns for path in (out / "lines").glob("*.json")}
    assert 1 <= len(done) < 3
    seen = []
    result = gs.scan(folder, out, recipe=recipe, resume=True, progress=seen.append)
    kept = {Path(p.source).stem for p in seen if p.status == "kept"}
    assert kept == set(done)
    assert {name: (out / "lines" / f"{name}.json").stat().st_mtime_ns for name in done} == done
    assert list(result.lines["status"]) == ["ok"] * 3
    for line in ("LINE01", "LINE02"):  # the same files as in the scan that nobody interrupted
        pd.testing.assert_frame_equal(rows_of(result, line), rows_of(scanned[0], line))


def test_several_processes_find_the_same_and_survive_a_worker_that_dies(scanned, survey, recipe, tmp_path, monkeypatch):
    out = tmp_path / "out"
    monkeypatch.setenv("GPRSCAN_TEST_KILL", "LINE01")
    monkeypatch.setattr("gprscan.survey.pool.scan_line", _killing_scan_line)
    result = gs.scan(survey, out, recipe=recipe, jobs=2)
    entries = manifest(out)
    assert "process that worked on this line died" in entries["LINE01.DZT"]["error"]
    assert entries["LINE02.DZT"]["status"] == "ok"
    pd.testing.assert_frame_equal(rows_of(result, "LINE02"), rows_of(scanned[0], "LINE02"))


def test_two_jobs_find_what_one_finds(scanned, survey, recipe, tmp_path):
    result = gs.scan(survey, tmp_path / "out", recipe=recipe, jobs=2)
    assert len(result.anomalies) > 0
    assert set(result.anomalies["line"]) == {"LINE01", "LINE02"}
    # seen once in some ten runs: a standard deviation that differs in its last bits, and with it the text of the evidence
    mine, other = (table.select_dtypes("number") for table in (result.anomalies, scanned[0].anomalies))
    pd.testing.assert_frame_equal(mine, other, rtol=1e-9)
    same = ["anomaly_id", "line", "kind", "risk_rank", "polarity"]
    pd.testing.assert_frame_equal(result.anomalies[same], scanned[0].anomalies[same])
    columns = ["line", "status"]
    pd.testing.assert_frame_equal(result.lines[columns], scanned[0].lines[columns])


def _killing_scan_line(job, recipe, out):
    """Stand in for a library that crashes on one file: the process is gone without a word."""
    from gprscan.survey import runner

    if job.id == os.environ["GPRSCAN_TEST_KILL"]:
        os.kill(os.getpid(), signal.SIGKILL)
    return runner.scan_line(job, recipe, out)


def test_what_stops_a_scan_before_it_starts(survey, recipe, tmp_path):
    out = tmp_path / "out"
    with pytest.raises(RecipeError, match="no recipe"):
        gs.scan(survey, out, recipe="rood")
    with pytest.raises(RecipeError, match="no grading scheme"):
        gs.scan(survey, out, recipe=recipe, scheme="seoul")
    with pytest.raises(ParameterError, match="jobs"):
        gs.scan(survey, out, recipe=recipe, jobs=0)
    (tmp_path / "empty").mkdir()
    with pytest.raises(ReadError, match="no radar file"):
        gs.scan(tmp_path / "empty", out, recipe=recipe)
    assert not out.exists()

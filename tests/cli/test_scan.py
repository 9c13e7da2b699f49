"""``gprscan scan``, ``report`` and ``demo``: what they print where, and how they end."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest

import gprscan as gs
from gprscan.cli.scan import verdict
from gprscan.cli.status import ExitStatus
from gprscan.survey import pool, sample
from tests.survey.lines import small_line

RECIPE = 'name = "quick"\n[[process]]\nstep = "dewow"\n'


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A good line, an empty file, and a recipe beside them."""
    path = tmp_path_factory.mktemp("scan")
    gs.write(small_line(1.6, n_traces=80), path / "LINE01.DZT")
    (path / "EMPTY.DZT").write_bytes(b"")
    (path / "survey.toml").write_text('name = "night 3"\nrecipe = "quick.toml"\n')
    (path / "quick.toml").write_text(RECIPE)
    return path


@pytest.fixture(scope="module")
def scanned(folder, tmp_path_factory):
    """A finished scan, made once."""
    out = tmp_path_factory.mktemp("out") / "scan"
    gs.scan(folder, out)
    return out


def test_a_scan_prints_the_path_of_its_report_and_nothing_else_on_stdout(gprscan, folder, scanned):
    done = gprscan("scan", folder, "-o", scanned, "--resume")
    assert done.status == ExitStatus.SOME_FILES_FAILED
    assert done.out == f"{scanned / 'report.html'}\n"
    assert "LINE01.DZT: kept from the earlier run" in done.err
    assert "failed: EMPTY.DZT" in done.err
    assert "1 of 2 lines scanned" in done.err
    assert "line coordinates" in done.err
    assert json.loads((scanned / "run.json").read_text("utf-8"))["survey"] == "night 3"


def test_an_existing_output_ends_with_7(gprscan, folder, scanned):
    done = gprscan("scan", folder, "-o", scanned)
    assert done.status == ExitStatus.OUTPUT_EXISTS
    assert "--resume" in done.err


def test_nothing_readable_ends_with_4(gprscan, tmp_path):
    (tmp_path / "in").mkdir()
    assert gprscan("scan", tmp_path / "in", "-o", tmp_path / "out").status == ExitStatus.NOTHING_READABLE
    (tmp_path / "in" / "BAD.DZT").write_bytes(b"\x00" * 3)
    assert gprscan("scan", tmp_path / "in", "-o", tmp_path / "out").status == ExitStatus.NOTHING_READABLE
    assert (tmp_path / "out" / "report.html").exists()
    assert gprscan("scan", tmp_path / "none", "-o", tmp_path / "out2").status == ExitStatus.NOTHING_READABLE


@pytest.mark.parametrize(
    "text", ['recipe = "nothing"', 'scheme = "nothing"', 'nmae = "x"', 'context = { road = "main" }']
)
def test_a_wrong_survey_file_ends_with_5_before_any_line(gprscan, folder, tmp_path, text):
    survey = tmp_path / "survey.toml"
    survey.write_text(f'{text}\n[[lines]]\npath = "{(folder / "LINE01.DZT").as_posix()}"\n')
    done = gprscan("scan", survey, "-o", tmp_path / "out")
    assert done.status == ExitStatus.BAD_RECIPE_OR_SURVEY, done.err
    assert not (tmp_path / "out").exists()


def test_an_interrupt_leaves_a_state_that_can_be_resumed(gprscan, folder, tmp_path, monkeypatch):
    for name in ("A.DZT", "B.DZT"):
        (tmp_path / name).write_bytes((folder / "LINE01.DZT").read_bytes())
    (tmp_path / "quick.toml").write_text(RECIPE)
    real = pool.scan_line

    def interrupted(job, recipe, out):
        if job.id == "B":
            raise KeyboardInterrupt
        return real(job, recipe, out)

    arguments = ["scan", tmp_path, "-o", tmp_path / "out", "--recipe", tmp_path / "quick.toml"]
    with monkeypatch.context() as patch:
        patch.setattr(pool, "scan_line", interrupted)
        stopped = gprscan(*arguments)
    assert stopped.status == ExitStatus.INTERRUPTED
    assert "--resume" in stopped.err
    finished = gprscan(*arguments, "--resume")
    assert finished.status == 0, finished.err
    assert "A.DZT: kept" in finished.err


def result_of(statuses, ranks):
    return SimpleNamespace(
        lines=pd.DataFrame({"status": statuses}),
        anomalies=pd.DataFrame({"risk_rank": pd.array(ranks, dtype="Int64")}),
    )


@pytest.mark.parametrize(
    ("statuses", "ranks", "fail_on", "expected"),
    [
        (["ok", "ok"], [None], None, ExitStatus.OK),
        (["ok", "failed"], [], None, ExitStatus.SOME_FILES_FAILED),
        (["failed"], [], None, ExitStatus.NOTHING_READABLE),
        (["ok"], [None, 2, 3], 3, ExitStatus.FAIL_ON_REACHED),
        (["ok"], [None, 2, 3], 4, ExitStatus.OK),
        (["ok", "failed"], [4], 3, ExitStatus.FAIL_ON_REACHED),
        (["ok"], [None], 1, ExitStatus.OK),
    ],
)
def test_how_a_scan_ends(statuses, ranks, fail_on, expected):
    assert verdict(result_of(statuses, ranks), fail_on) is expected


def test_report_writes_the_outputs_again_from_the_records(gprscan, scanned):
    (scanned / "report.html").unlink()
    done = gprscan("report", scanned, "--lang", "en", "--scheme", "seoul_2016")
    assert done.status == 0, done.err
    assert done.out.strip() == str(scanned / "report.html")
    assert (scanned / "report.html").exists()
    assert json.loads((scanned / "run.json").read_text("utf-8"))["scheme"]["id"] == "seoul_2016"


def test_report_of_a_folder_that_is_no_output(gprscan, tmp_path):
    done = gprscan("report", tmp_path)
    assert done.status == ExitStatus.NOTHING_READABLE
    assert "gprscan scan" in done.err


def anomaly(kind, x, twt, depth=0.5, number=1):
    return {
        "source_file": "L.dzt",
        "anomaly_id": f"L-{number:03d}",
        "kind": kind,
        "distance_m": x,
        "twt_ns": twt,
        "top_depth_m": depth,
    }


def body(name, x, top, twt, **size):
    return {"class": name, "distance_m": x, "top_depth_m": top, "t_flight_ns": twt, **size}


def test_the_demo_counts_what_was_found_missed_and_extra():
    bodies = [
        body("air_void", 5.0, 0.5, 10.0, extent_m={"x": 0.8}),
        body("metal_pipe", 5.1, 0.8, 12.0, radius_m=0.1),
        body("manhole", 9.0, 0.0, 1.0, extent_m={"x": 0.9}),
    ]
    truth = {"lines": [{"file": "L.dzt", "acquisition": {"fc_hz": 4e8}, "objects": bodies}]}
    found = pd.DataFrame(
        [
            anomaly("pipe", 5.05, 11.0, 0.75, 1),
            anomaly("cavity", 5.2, 10.5, None, 2),
            anomaly("cavity", 7.0, 10.0, 0.5, 3),
            anomaly("cavity", 5.0, 25.0, 1.5, 4),
        ]
    )
    outcomes = sample.compare(found, truth)
    assert [(o.truth, o.anomaly_id, o.right_kind) for o in outcomes] == [
        ("air_void", "L-002", True),
        ("metal_pipe", "L-001", True),
        ("manhole", None, False),
        (None, "L-003", False),
        (None, "L-004", False),
    ]
    assert outcomes[0].depth_error_m is None
    assert outcomes[1].depth_error_m == pytest.approx(-0.05)


def test_the_sample_survey_is_small_and_complete():
    folder = sample.sample_folder()
    truth = sample.load_truth(folder)
    assert sum(path.stat().st_size for path in folder.iterdir()) < 8e6
    for line in truth["lines"]:
        assert (Path(folder) / line["file"]).is_file()
        for body in line["objects"]:
            assert body["class"] in sample.RIGHT_KINDS

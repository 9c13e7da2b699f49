"""``gprscan review``: out into a table, back in, and how it ends when the table is wrong."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd

import gprscan as gs
from gprscan import names
from gprscan.cli.status import ExitStatus
from gprscan.report import SurveyResult, review, write_all
from tests.report import surveys
from tests.report.conftest import made


def test_out_and_back(gprscan, tmp_path):
    out = tmp_path / "out"
    write_all(made([surveys.record("L01")]), out)
    (out / "lines").mkdir()
    (out / "lines" / "L01.json").write_text(json.dumps(surveys.record("L01")), "utf-8")
    table = tmp_path / "review.csv"
    done = gprscan("review", out, "--export", table)
    assert (done.status, done.out) == (ExitStatus.OK, f"{table}\n")
    assert gprscan("review", out, "--export", table).status == ExitStatus.OUTPUT_EXISTS
    rows = pd.read_csv(table, dtype=str, keep_default_na=False)
    assert set(names.REVIEW_COLUMNS) <= set(rows)
    rows["review_status"] = "perhaps"
    rows.to_csv(table, index=False)
    wrong = gprscan("review", out, "--import", table, "--reviewer", "Li")
    assert wrong.status == ExitStatus.BAD_RECIPE_OR_SURVEY
    assert "row 2, column review_status" in wrong.err
    rows["review_status"] = "rejected"
    rows.to_csv(table, index=False)
    done = gprscan("review", out, "--import", table, "--reviewer", "Li")
    assert (done.status, done.out) == (ExitStatus.OK, f"{out / 'report.html'}\n")
    assert "1 reviewed, 1 of them new" in done.err
    assert "rejected\t1" in gprscan("review", out).out
    assert gprscan("report", out, "--scheme", "gprscan_screening").status == ExitStatus.OK
    assert SurveyResult.from_folder(out).anomalies["reviewer"].tolist() == ["Li"]
    assert len(review.load(out)) == 1
    assert gprscan("review", out, "--crops", tmp_path / "crops").status == ExitStatus.USAGE


def test_no_scan_removes_reviews(tmp_path):
    noise = np.random.default_rng(4).standard_normal((40, 64)).astype("float32")
    line = gs.from_array(noise, dt=0.2, spacing=0.05, frequency=400, separation=0.1, time_zero=2.0)
    gs.write(line, tmp_path / "L01.nc")
    out = tmp_path / "out"
    gs.scan(tmp_path / "L01.nc", out)
    said = review.Review("L01-001", "L01", "cavity", 1.0, 0.0, 9.0, None, "accepted", None, None, "Li", "2026-03-02")
    review.save(out, [said])
    for resume in (True, False):
        assert gs.scan(tmp_path / "L01.nc", out, resume=resume).lost_reviews == [said]
        assert review.load(out) == [said]

"""A small finished survey for the tests of reports."""

from __future__ import annotations

import json

import pytest
import shapely

from gprscan import risk
from gprscan.report import SurveyResult
from tests.report import surveys


def made(records, **run):
    """Return a graded result of some records."""
    manifest = [
        {"path": r["source"], "sha256": "0f" * 32, "status": "ok", "seconds": 1.0, "findings": [], "error": None}
        for r in records
    ]
    scheme = risk.load_scheme(run.pop("scheme", "gprscan_screening"))
    facts = {"survey": "test", "gprscan": "0.1.0", "recipe": {"name": "road", "process": [{"step": "dewow"}]}}
    result = SurveyResult.from_records(records, manifest, facts | {"scheme": scheme.definition(), "context": {}} | run)
    result.anomalies = risk.grade(result.anomalies, scheme)
    return result


@pytest.fixture
def survey():
    """Two lines: one placed with three bodies, one without position."""
    east, north = surveys.ORIGIN
    box = shapely.box(east + 5, north - 1, east + 7, north + 1).wkt
    bodies = [
        surveys.anomaly(1, geometry=box),
        surveys.anomaly(2, kind="pipe", distance_m=12.0, top_depth_m=0.9, length_m=None, width_m=None, polarity=-1),
        surveys.anomaly(3, kind="debond", distance_m=17.0, top_depth_m=0.15, sigma_depth_m=None, polarity=0),
    ]
    return made([surveys.record("L01", bodies), surveys.record("L02", placed=False)])


@pytest.fixture
def out(tmp_path, survey):
    """The output folder of that survey, with the records that a scan leaves."""
    from gprscan.report import write_all

    folder = tmp_path / "out"
    write_all(survey, folder)
    (folder / "lines").mkdir()
    for record in (surveys.record("L01"), surveys.record("L02", placed=False)):
        (folder / "lines" / f"{record['id']}.json").write_text(json.dumps(record), "utf-8")
    return folder

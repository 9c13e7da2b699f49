"""The mixed sample survey: a sewer under a road, from inside."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import gprscan as gs
from gprscan import names
from gprscan.report.pipes import segments
from gprscan.survey.record import line_row

MIXED = Path(__file__).parents[2] / "sample_data" / "mixed"


@pytest.fixture(scope="module")
def truth():
    return json.loads((MIXED / "truth.json").read_text("utf-8"))


def test_the_ring_finds_both_voids_on_the_map(truth):
    line = gs.read(MIXED / "RING.dzt")
    found = gs.detect(line, recipe="pipe")
    hazards = found[found["kind"].isin(names.HAZARD_KINDS)].sort_values("clock_deg")
    [bodies] = [value for key, value in truth["sewer"].items() if key.startswith("ring")]
    assert hazards["clock_deg"].tolist() == pytest.approx([b["clock_deg"] for b in bodies], abs=8)
    assert hazards["kind"].tolist() == ["cavity", "water_rich"]
    assert hazards["chainage_from_m"].tolist() == pytest.approx([6.2, 6.2])
    # the crown of a sewer whose invert is 12.95 m less the fall, under a road at 16.05 m
    assert hazards["top_depth_m"].iloc[0] == pytest.approx(16.03 - (12.919 + 0.88), abs=0.06)
    row = line_row(line, "RING", "RING.dzt", found.attrs["line"])
    assert json.loads(row["pipe"])["segment"] == "MH21-MH22"


def test_the_odometer_that_ran_fast_is_closed():
    line = gs.read(MIXED / "MH21-MH22.dzt")
    assert line.sizes["channel"] == 2
    assert float(line["distance"][0]) == pytest.approx(0.15, abs=0.02)
    assert float(line["distance"][-1]) == pytest.approx(11.85, abs=0.03)
    assert "misclosure +0.12 m" in line.attrs["findings"]


def test_surveys_without_pipes_have_no_section():
    import pandas as pd

    class Result:
        lines = pd.DataFrame({"line": ["R1"]})

    assert segments(Result(), None, MIXED) == []  # type: ignore[arg-type]

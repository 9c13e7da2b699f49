"""Real lines with known contents, from the shared folder."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import gprscan as gs
from gprscan import model
from gprscan.detection import setting
from tests.detection.lines import section

REBAR = "dzt/TFHRCFASTNDElab__CHARISMA__rebar_lab"
CONQUEST = "dt1/irenexychen__gpr-data-classifier__conquest_conduits"
CART = "dt1/irenexychen__gpr-data-classifier__noggin_n250_gps/LINEX1.DT1"
INCH, FOOT = 0.0254, 0.3048


def test_the_bars_of_a_slab(shared: Path) -> None:
    folder = shared / "data/real" / REBAR
    picks = np.array(json.loads((folder / "reference_picks.json").read_text("utf-8"))["picks_inch"])[:, 0] * INCH
    found = gs.detect(gs.read(folder / "FILE____488.DZT"), recipe="structure")
    bars = np.sort(found.loc[found["kind"] == "rebar", "distance_m"].to_numpy())
    assert bars.size == 14
    assert len(found) <= 15
    assert np.ptp(bars) / 13 / INCH == pytest.approx(8.05, abs=0.3)
    # the reference counts from its own first trace: after one shift, each bar is where it was picked
    apart = bars - np.sort(picks)
    assert np.abs(apart - np.median(apart)).max() < INCH
    assert found.loc[found["kind"] == "rebar", "group_id"].nunique() == 1


def test_the_bars_that_a_vendor_picked(shared: Path) -> None:
    """All seven shallow picks of `XLine A_interps.csv` (ft) within two traces."""
    line = gs.read(shared / "data/real" / CONQUEST / "XLine A.DT1")
    found = gs.detect(line, recipe="structure")
    bars = found.loc[found["kind"] == "rebar", "distance_m"].to_numpy()
    spacing = float(np.median(np.diff(line["distance"])))
    for pick in (0.412, 0.951, 1.412, 1.951, 2.478, 2.984, 3.522):
        assert np.abs(bars - pick * FOOT).min() <= 2 * spacing
    assert not set(found["kind"]) & {"cavity", "debond", "loose", "water_rich"}


def test_the_hyperbola_that_a_vendor_picked_under_a_cart(shared: Path) -> None:
    """Its direct wave comes up to a twentieth of a period early or late along the line, ten samples per period."""
    line = gs.read(shared / "data/real" / CART)
    found = gs.detect(line, recipe="utility")
    spacing = float(np.median(np.diff(line["distance"])))
    assert np.abs(found["distance_m"] - 14.170 * FOOT).min() <= 2 * spacing


@pytest.mark.parametrize(
    "name", ["dzt/NSGeophysics__GPRPy__sir3000_dune/FILE____032.DZT", "iprb/jhunziker__GPR_SEAL__beach/beach_0001_0.iprb",
             "iprb/jhunziker__GPR_SEAL__beach/beach_0002_0.iprb"],
)  # fmt: skip
def test_bedded_sand_is_no_road(shared: Path, name: str) -> None:
    """Measured with road antennas: only the beds tell."""
    line = gs.read(shared / "data/real" / name)
    part = section(line)
    strata = [setting.measure(part)]
    assert setting.of_line(line, model.trace_spacing(line)) == "road"
    assert "beds that are not level" in setting.of_line(line, model.trace_spacing(line), strata)

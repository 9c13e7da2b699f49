"""Bars in the wall on full-wave lines: pitch and cover, little cover, and steel so dense that it hides what is behind."""

from __future__ import annotations

import numpy as np
import pytest

import gprscan as gs
from gprscan import names
from gprscan.detection import cylinder_image
from gprscan.detection.inpipe.bars import bar_arrivals
from gprscan.errors import LineError
from gprscan.migration.pipe_curves import PipeModel
from gprscan.synthetic.pipes import PipeBody, PipeScene, axial_line, simulate_axial

VOID = PipeBody(0.9, 0.10, 0.3, 0.12, "air")
SCENES = {
    "little cover": PipeScene(bars=0.15, cover=0.012, length=1.8, window=9.0, seed=41),
    "enough cover": PipeScene(bars=0.15, cover=0.036, length=1.8, window=9.0, seed=42),
    "dense": PipeScene(bars=0.08, cover=0.036, length=1.8, window=9.0, seed=43),
    "sheet": PipeScene(bars=0.06, cover=0.030, length=1.8, window=9.0, seed=44, bodies=(VOID,)),
}


@pytest.fixture(scope="module")
def lines():
    return {name: axial_line(scene, simulate_axial(scene), wall=0.11) for name, scene in SCENES.items()}


@pytest.fixture(scope="module")
def found(lines):
    return {name: gs.detect(line, recipe="pipe") for name, line in lines.items()}


@pytest.mark.parametrize("name", ["little cover", "enough cover", "dense"])
def test_the_pitch_is_that_of_the_bars(found, name):
    [mesh] = found[name].attrs["line"]["rebar"]
    assert mesh["pitch_m"] == pytest.approx(SCENES[name].bars, rel=0.03)


@pytest.mark.parametrize("name", ["little cover", "enough cover"])
def test_the_cover_is_that_of_the_bars(found, name):
    scene = SCENES[name]
    [mesh] = found[name].attrs["line"]["rebar"]
    first = (round(scene.cover / scene.step) + 0.5) * scene.step  # the first node of metal
    assert mesh["cover_m"] == pytest.approx(first, abs=0.006)


def test_only_little_cover_is_a_defect(found):
    for name, table in found.items():
        assert ("low_cover" in set(table["kind"])) == (name == "little cover")


def test_dense_steel_is_said_to_be_out_of_scope(found):
    for name, table in found.items():
        said = any("dense steel mesh" in note for note in table.attrs["line"]["notes"])
        assert said == (name in ("dense", "sheet"))


def test_nothing_is_said_about_what_a_sheet_of_steel_hides(found):
    assert not found["sheet"]["kind"].isin(names.HAZARD_KINDS).any()
    assert any("nothing behind it can be seen" in note for note in found["sheet"].attrs["line"]["notes"])
    assert found["sheet"].attrs["line"]["rebar"] == []  # its pitch cannot be told


def test_what_rings_before_a_sheet_of_steel_is_no_image(lines):
    with pytest.raises(LineError, match="dense steel"):
        cylinder_image([lines["sheet"]])
    assert np.isfinite(cylinder_image([lines["enough cover"]])["echo_db"]).any()


def test_deeper_bars_answer_later_by_the_way_through_the_wall():
    model = PipeModel(0.03, 0.10, 6.8, 9.5, 0.5, 0.08)
    time = np.arange(-1.0, 6.0, 0.01)
    early, late = bar_arrivals(0.25, np.array([0.03, 0.09]), model, 0.9, time)
    # bars far apart answer one by one: straight down and back
    assert late - early == pytest.approx(2 * 0.06 * np.sqrt(6.8) / 0.299792458, rel=0.08)

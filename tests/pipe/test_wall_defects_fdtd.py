"""Defects of the wall itself on full-wave lines: thinned from outside, worn inside, open joints, steel."""

from __future__ import annotations

import pytest

import gprscan as gs
from gprscan import names
from gprscan.synthetic.pipes import PipeScene, axial_line, simulate_axial

SCENES = {
    "thinned": PipeScene(
        back=((0, 0.1), (0.8, 0.1), (0.85, 0.075), (1.35, 0.075), (1.4, 0.1), (2.2, 0.1)), length=2.2, seed=32
    ),
    "worn": PipeScene(thinner=((0.8, 1.3, 0.025),), length=2.2, seed=33),
    "joint": PipeScene(joints=(0.8, 2.2), length=3.0, seed=31),
}


@pytest.fixture(scope="module")
def found():
    return {
        name: gs.detect(axial_line(scene, simulate_axial(scene), wall=0.11), recipe="pipe")
        for name, scene in SCENES.items()
    }


@pytest.mark.parametrize(("name", "first", "last"), [("thinned", 0.85, 1.35), ("worn", 0.8, 1.3)])
def test_a_thin_stretch_is_no_body_behind_the_wall(found, name, first, last):
    table = found[name]
    [thin] = table[table["kind"] == "wall_thinning"].to_dict("records")
    assert thin["chainage_from_m"] == pytest.approx(first, abs=0.1)
    assert thin["chainage_to_m"] == pytest.approx(last, abs=0.1)
    within = table["distance_m"].between(first, last) & table["kind"].isin(names.HAZARD_KINDS)
    assert not within.any()


def test_how_much_is_lost_from_outside_is_measured(found):
    table = found["thinned"]
    [thin] = table[table["kind"] == "wall_thinning"].to_dict("records")
    assert thin["wall_thickness_m"] == pytest.approx(0.075, abs=0.010)


def test_open_joints_are_joints(found):
    table = found["joint"]
    assert table.loc[table["kind"] == "joint", "distance_m"].tolist() == pytest.approx([0.8, 2.2], abs=0.04)
    for name in ("thinned", "worn"):
        assert "joint" not in set(found[name]["kind"])

"""Rings in bores that are not round: each trace is migrated with the arc, or the plane, that the wall is under it."""

from __future__ import annotations

import numpy as np
import pytest

import gprscan as gs
from gprscan import names
from gprscan.geometry.pipe_shape import BoreShape
from tests.pipe import scenes

EGG, BOX = BoreShape("egg", 0.7, 1.05), BoreShape("box", 0.8, 0.7)


@pytest.mark.parametrize("bore", [EGG, BOX, BoreShape("round", 0.9, 0.9)])
def test_the_way_along_the_wall_is_that_of_its_points(bore):
    clock = np.linspace(-90.0, 450.0, 5401)
    way = bore.along_wall(clock)
    steps = np.linalg.norm(np.diff(bore.wall(np.mod(clock, 360.0))[0], axis=0), axis=1)
    assert np.diff(way) == pytest.approx(steps, abs=2e-4)
    assert bore.along_wall(np.array(370.0)) - bore.along_wall(np.array(10.0)) == pytest.approx(
        float(bore.along_wall(np.array(360.0))), rel=1e-6
    )


def test_radii_are_those_of_the_arcs():
    assert EGG.radius_of_curvature(np.array([0.0, 180.0])) == pytest.approx([0.35, 0.175], rel=1e-3)
    assert BOX.radius_of_curvature(np.array([0.0, 80.0])) == pytest.approx([500.0, 500.0])
    assert EGG.arc(-20.0, 20.0, 0.1) == pytest.approx(EGG.arc(-20.0, 20.0, 0.0) * 0.45 / 0.35, rel=1e-3)


@pytest.mark.parametrize(
    ("bore", "voids"),
    [(EGG, ((0.0, 0.072), (100.0, 0.072), (180.0, 0.15))), (BOX, ((0.0, 0.072), (92.0, 0.15), (180.0, 0.072)))],
    ids=["egg", "box"],
)
def test_voids_round_a_bore_are_found_where_they_are(bore, voids):
    line = scenes.ring_in(bore, [(clock, away, 0.06, 1.0) for clock, away in voids], seed=3)
    table = gs.detect(line, recipe="pipe")
    found = table[table["kind"].isin(names.HAZARD_KINDS)].to_dict("records")
    for clock, away in voids:
        near = [row for row in found if abs((row["clock_deg"] - clock + 180) % 360 - 180) < 8]
        assert len(near) == 1, (clock, found)
        assert near[0]["radial_depth_m"] == pytest.approx(away, abs=0.025)
    assert len(found) == len(voids)

"""What is told from an echo behind the wall, or against it, by rules that stand alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import gprscan as gs
from gprscan.detection.inpipe import search
from gprscan.detection.inpipe.wall import Wall, likely_ground
from tests.pipe import scenes

WALL = Wall(0.1, 0.01, 6.25, 0.5, 9.0, True, 0.02, np.zeros(4), 0.0)


def test_what_water_adds_against_air_is_fresnel():
    # faces of a wall of 6.25 (index 2.5): to air 1.5 / 3.5, to ground of 9 -0.5 / 5.5, to water of 80
    water = (2.5 - np.sqrt(80)) / (2.5 + np.sqrt(80))
    expected = abs(water + 0.5 / 5.5) / (1.5 / 3.5 + 0.5 / 5.5)
    assert search._share_of_water(WALL) == pytest.approx(expected)
    assert search._share_of_water(replace(WALL, ground_permittivity=30.0)) < expected


@pytest.mark.parametrize(("fitted", "low", "high"), [(10.0, 10.0, 10.0), (3.0, 3.5, 7.0), (20.0, 13.0, 19.0)])
def test_an_unusual_ground_is_believed_in_part(fitted, low, high):
    assert low - 1e-9 <= likely_ground(fitted) <= high + 1e-9


@pytest.mark.parametrize(("contrast", "least"), [(30.0, -0.5), (20.0, -0.7), (10.0, -0.9)])
def test_the_onset_of_a_drowned_echo_says_less(contrast, least):
    assert search._least_onset(contrast) == pytest.approx(least)


def test_a_wide_void_with_a_covered_onset_is_no_pipe():
    assert search._kind_behind(-6.0, -0.55, search._least_onset(17.0), meshed=False) == "cavity"
    assert search._kind_behind(-6.0, -0.55, 0.0, meshed=False) == "pipe"
    assert search._kind_behind(-6.0, -0.95, search._least_onset(17.0), meshed=False) == "pipe"


def test_a_void_behind_the_wall_has_its_depth():
    line = scenes.axial([(0.8, 0.184, 0.24, 0.10, 1.0)], seed=15, noise=0.004, length=1.6)
    [row] = gs.detect(line, recipe="pipe").to_dict("records")
    assert row["kind"] == "cavity"
    assert row["radial_depth_m"] == pytest.approx(0.184, abs=0.03)

"""What is told from an echo behind the wall, or against it, by rules that stand alone."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from scipy import signal

import gprscan as gs
from gprscan.detection.inpipe import search
from gprscan.detection.inpipe.wall import Wall, likely_ground
from gprscan.synthetic.wavelets import ricker
from gprscan.units import C_AIR
from tests.pipe import scenes

WALL = Wall(0.1, 0.01, 6.25, 0.5, 9.0, True, 0.02, np.zeros(4), 0.0)


def test_what_water_adds_against_air_is_fresnel():
    # faces of a wall of 6.25 (index 2.5): to air 1.5 / 3.5, to ground of 9 -0.5 / 5.5, to water of 80
    water = (2.5 - np.sqrt(80)) / (2.5 + np.sqrt(80))
    expected = abs(water + 0.5 / 5.5) / (1.5 / 3.5 + 0.5 / 5.5)
    assert search._share_of_water(WALL) == pytest.approx(expected)
    assert search._share_of_water(replace(WALL, ground_permittivity=30.0)) < expected


def pieces_against_the_wall(places, share):
    """Pieces with that share of what air behind the wall would add to the trace, joined; first and last trace of each."""
    pulse = ricker(np.arange(80) * 0.1 - 4.0, 900.0)
    hollow = signal.hilbert(pulse)
    echo = np.zeros((100, pulse.size))
    echo[places[0][0] : places[-1][1] + 1] = share * pulse
    section = SimpleNamespace(x=np.arange(100) * 0.02, dx=0.02, dt=0.1, fc_nominal=0.9, echo=echo, banded=echo)
    model = SimpleNamespace(wall=0.1, wall_permittivity=6.25, ground_permittivity=9.0)
    bodies = [
        search._against_wall(
            search.PipeBody("unknown", (a + b) // 2, a, b, 0.1, 0.01, 2.0, -10.0, 15.0, 1.0, True),
            section,
            replace(WALL, hollow=hollow),
            model,
        )
        for a, b in places
    ]
    db, depths = np.full((100, 30), -11.0), np.arange(30) * 0.01
    return bodies, search._joined(bodies, section, db, depths, replace(WALL, hollow=hollow), model)


def test_pieces_as_narrow_as_stones_are_one_long_body():
    pieces, [whole] = pieces_against_the_wall([(10, 14), (17, 21), (24, 28), (31, 35)], 0.25)
    assert {piece.kind for piece in pieces} == {"unknown"}
    assert whole.kind == "loose"
    assert abs(whole.share) == pytest.approx(0.25, rel=0.02)
    assert (whole.first, whole.last) == (10, 35)
    assert whole.width == pytest.approx(26 * 0.02 * 3.0 * 0.9 / C_AIR)  # 26 traces, wavelength c / (n fc)


def test_a_long_body_in_pieces_is_a_debond():
    _, [whole] = pieces_against_the_wall([(10, 30), (34, 66)], 0.9)
    assert whole.kind == "debond"


def test_what_stays_narrow_and_weak_is_a_stone():
    _, [whole] = pieces_against_the_wall([(10, 11), (13, 14)], 0.25)
    assert whole.kind == "unknown"


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

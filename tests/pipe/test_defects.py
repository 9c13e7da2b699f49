"""Where the wall is thin, and bars with little cover."""

from __future__ import annotations

import numpy as np
import pytest

from gprscan.detection.inpipe.defects import wall_defects
from gprscan.detection.inpipe.search import Mesh
from gprscan.detection.inpipe.settings import PipeSettings
from gprscan.detection.inpipe.wall import Wall

SPACING = 0.03


def wall(loss=0.02, first=40, last=60, noise=0.001, measured=True):
    track = 0.10 + np.random.default_rng(2).normal(0, noise, 120)
    track[first:last] -= loss
    return Wall(0.10, 0.002, 6.8, 0.3, 9.5, measured, 0.02, track, 0.0)


def test_a_thin_stretch_is_found_where_it_is():
    [thin] = wall_defects(wall(), None, SPACING, PipeSettings())
    assert thin.kind == "wall_thinning"
    assert thin.first == pytest.approx(40, abs=1)
    assert thin.last == pytest.approx(59, abs=1)
    assert thin.depth == pytest.approx(0.08, abs=3 * thin.sigma)
    assert thin.usual == pytest.approx(0.10, abs=0.001)


@pytest.mark.parametrize(
    "case",
    [
        {"loss": 0.0},
        {"loss": 0.008},  # less than is asked for
        {"last": 43},  # 9 cm
        {"loss": 0.02, "noise": 0.012},  # drowned in the scatter of the track
        {"measured": False},
    ],
)
def test_what_is_no_thin_stretch(case):
    assert wall_defects(wall(**case), None, SPACING, PipeSettings()) == []


def test_where_the_back_is_not_seen_nothing_is_said():
    hidden = wall()
    hidden.track[38:62] = np.nan
    assert wall_defects(hidden, None, SPACING, PipeSettings()) == []


def test_bars_with_little_cover():
    [low] = wall_defects(wall(loss=0), Mesh(0.15, 0.020), SPACING, PipeSettings())
    assert (low.kind, low.depth, low.usual) == ("low_cover", 0.020, 0.025)
    assert wall_defects(wall(loss=0), Mesh(0.15, 0.035), SPACING, PipeSettings()) == []

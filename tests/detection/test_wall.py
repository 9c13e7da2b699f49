"""The top of a concrete pipe lies above its loudest echo."""

from __future__ import annotations

import math

import pytest

from gprscan import detect
from gprscan.detection import pipeline, wall
from gprscan.detection.body import Body
from tests.detection.lines import MIDDLE, PERIOD, near, simulated, values_of

MAIN = 12.0  # ns, of the arrival that is heard first and loudest
CONCRETE = {"pipe.concrete": 3.0, "pipe.metal": -3.0, "cavity.air": 2.0}


def pipe(kinds: dict[str, float], early: float = 0.0) -> Body:
    evidence = {"apex_ns": MAIN + 0.09 * PERIOD, "peak_ns": 0.0}
    return Body(
        "diffraction", 2.0, MAIN - early, depth=0.6, velocity=0.1, sigma_t=0.1, sigma_depth=0.02, votes={"all": kinds},
        evidence=evidence,
    )  # fmt: skip


def test_a_concrete_pipe_has_its_top_a_wall_above_its_bore() -> None:
    body = pipe(CONCRETE)
    wall.to_outer_face(body, PERIOD)
    late = 2 * 0.05 * math.sqrt(7.0) / 0.299792458
    assert MAIN - body.t == pytest.approx(late, rel=0.01)
    assert body.depth == pytest.approx(0.6 - 0.05 * late, abs=1e-3)
    assert body.evidence["wall_ns"] == pytest.approx(MAIN - body.t)
    assert body.sigma_depth is not None
    assert body.sigma_depth > 0.02


@pytest.mark.parametrize("early", [0.4, 0.8, 1.2])
def test_of_an_outer_face_that_was_read_only_the_rest_is_added(early: float) -> None:
    body = pipe(CONCRETE, early)
    wall.to_outer_face(body, PERIOD)
    assert MAIN - body.t == pytest.approx(max(early, 0.88), abs=0.01)


def test_what_may_be_of_concrete_is_moved_by_its_chance_and_less_sure() -> None:
    sure, unsure, metal = (pipe(kinds) for kinds in (CONCRETE, {**CONCRETE, "pipe.metal": 3.0}, {"pipe.metal": 3.0}))
    for body in (sure, unsure, metal):
        wall.to_outer_face(body, PERIOD)
    assert MAIN - unsure.t == pytest.approx(0.5 * (MAIN - sure.t), rel=0.01)
    assert (unsure.sigma_depth or 0.0) > (sure.sigma_depth or 0.0)
    assert metal == pipe({"pipe.metal": 3.0})


def test_the_depth_of_a_simulated_concrete_pipe_is_that_of_its_outer_face(monkeypatch: pytest.MonkeyPatch) -> None:
    # on this line alone a void of its width is as likely: what is asked is where the top of a pipe would be
    monkeypatch.setattr(pipeline, "decide", lambda *_: "pipe")
    (row,) = [row for row in near(detect(simulated("concrete")), MIDDLE, 0.1) if "wall_ns" in values_of(row)]
    assert values_of(row)["wall_ns"] > 0.1
    assert row["top_depth_m"] == pytest.approx(0.45, abs=0.03)

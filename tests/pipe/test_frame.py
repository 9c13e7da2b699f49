"""Where a sample of an in-pipe run is on the map."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gprscan.errors import ParameterError
from gprscan.geometry.pipe_file import PipeFile
from gprscan.geometry.pipe_frame import PipeFrame, close_odometer, mirrored
from gprscan.geometry.pipe_shape import BoreShape
from tests.pipe.test_side_file import side_file

ROUND = BoreShape("round", 1.0, 1.0)
SHAPES = [ROUND, BoreShape("egg", 1.0, 1.5), BoreShape("egg", 1.2, 1.5), BoreShape("box", 2.0, 1.4)]


def test_a_level_pipe_to_the_east():
    frame = PipeFrame(((0, 0, 10), (50, 0, 10)), ROUND)
    assert frame.locate(20.0, 0.0, 0.3) == pytest.approx([20, 0, 10 + 1.0 + 0.3])  # crown
    assert frame.locate(20.0, 90.0, 0.3) == pytest.approx([20, -0.8, 10.5])  # right, looking east, is south
    assert frame.locate(20.0, 180.0, 0.3) == pytest.approx([20, 0, 9.7])
    assert frame.locate(20.0, 270.0, 0.3) == pytest.approx([20, 0.8, 10.5])


def test_a_falling_pipe_turns_its_section_with_it():
    slope = np.deg2rad(30)
    frame = PipeFrame(((0, 0, 10), (10 * np.cos(slope), 0, 10 - 10 * np.sin(slope))), ROUND)
    crown = frame.locate(4.0, 0.0, 0.2)
    up = np.array([np.sin(slope), 0, np.cos(slope)])
    axis = np.array([4 * np.cos(slope), 0, 10 - 4 * np.sin(slope)]) + 0.5 * up
    assert crown == pytest.approx(axis + 0.7 * up)


@pytest.mark.parametrize("shape", SHAPES, ids=lambda s: f"{s.kind} {s.width} x {s.height}")
def test_the_wall_is_where_the_shape_says(shape):
    points, normals = shape.wall(np.array([0.0, 90.0, 180.0, 270.0]))
    assert points[0] == pytest.approx([0, 0.5 * shape.height])
    assert points[2] == pytest.approx([0, -0.5 * shape.height])
    assert points[1, 0] == pytest.approx(-points[3, 0])
    assert normals[0] == pytest.approx([0, 1])
    assert normals[2] == pytest.approx([0, -1])
    points, normals = shape.wall(np.arange(0.25, 360, 0.5))
    assert 2 * np.abs(points[:, 0]).max() == pytest.approx(shape.width, abs=1e-3)
    assert np.linalg.norm(normals, axis=1) == pytest.approx(np.ones(720))
    # normals of a convex outline turn with the clock and stand square on it
    chord = np.roll(points, -1, axis=0) - np.roll(points, 1, axis=0)
    chord /= np.linalg.norm(chord, axis=1)[:, None]
    assert np.median(np.abs((chord * normals).sum(axis=1))) < 1e-3


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(SHAPES),
    st.floats(-0.6, 0.6),
    st.floats(0, 360),
    st.floats(0.0, 1.0),
    st.floats(0, 359.9),
    st.floats(0.01, 2.0),
)
def test_map_and_pipe_frame_are_inverse(shape, fall, heading, part, clock, outside):
    run = 40 * np.array([np.cos(np.deg2rad(heading)), np.sin(np.deg2rad(heading)), fall])
    frame = PipeFrame(((500000.0, 2500000.0, 12.0), tuple(np.array([500000.0, 2500000.0, 12.0]) + run)), shape)
    s, a, d = frame.find(frame.locate(part * frame.length, clock, outside))
    assert s == pytest.approx(part * frame.length, abs=1e-6)
    assert np.abs((a - clock + 180) % 360 - 180) < 1e-4
    assert d == pytest.approx(outside, abs=1e-6)


def test_looking_the_other_way_is_the_same_place():
    down = PipeFrame(((0, 0, 10), (30, 40, 9)), ROUND)
    up = PipeFrame(((30, 40, 9), (0, 0, 10)), ROUND)
    clock = np.array([0.0, 35.0, 180.0, 300.0])
    here = down.locate(12.0, clock, 0.25)
    there = up.locate(up.length - 12.0, mirrored(clock), 0.25)
    assert there == pytest.approx(here)


def test_bends_are_followed():
    frame = PipeFrame(((0, 0, 5), (10, 0, 5), (10, 10, 5)), ROUND)
    assert frame.length == pytest.approx(20)
    assert frame.locate(15.0, 90.0, 0.0) == pytest.approx([10.5, 5, 5.5])  # going north, right is east


def test_a_point_above_itself_is_refused():
    with pytest.raises(ParameterError, match="above each other"):
        PipeFrame(((0, 0, 5), (0, 0, 3)), ROUND)


def test_one_percent_of_odometer_error_closes():
    true = np.linspace(0, 50, 501)
    closed = close_odometer(3.0 + true * 1.01, 50.0, zero=3.0, at_end=3.0 + 50.5)
    assert closed.misclosure == pytest.approx(0.5)
    assert closed.travelled == pytest.approx(true, abs=1e-9)
    assert close_odometer([5.0], 50.0, zero=3.0, slack=0.5).travelled == pytest.approx([1.5])
    with pytest.raises(ParameterError, match="odometer_end"):
        close_odometer(true, 50.0, at_end=2.0)


def test_the_uncertainty_contains_the_truth():
    rng = np.random.default_rng(5)
    nodes = np.array([[0, 0, 10], [40, 30, 9.5]], float)
    frame = PipeFrame(tuple(map(tuple, nodes)), ROUND, 0.05, 0.10, True, 3.0)
    truth = frame.locate(20.0, 60.0, 0.4)
    sigma = frame.sigma(20.0, 60.0, 0.4, 0.03)
    inside = []
    for _ in range(1500):
        # both manholes off together, as the survey's tie to the map is: the case that the formula is for
        shift = rng.normal(0, 0.05, 3)
        moved = frame.locate(20.0 + rng.normal(0, 0.10), 60.0 + rng.normal(0, 3), 0.4 + rng.normal(0, 0.03)) + shift
        inside.append(np.abs(moved - truth) <= 1.645 * sigma)
    share = np.mean(inside, axis=0)
    assert (share > 0.87).all()
    assert (share < 0.93).all()


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(SHAPES),
    st.floats(-60, 60),
    st.floats(0, 360),
    st.floats(0.05, 0.95),
    st.floats(0, 359.9),
    st.floats(0.0, 1.5),
)
def test_an_upstream_survey_finds_the_same_place(shape, slope, heading, part, clock, outside):
    """Any slope up to 60 degrees: chainage from the other end and the mirrored clock angle are the same point."""
    level, turn = np.cos(np.deg2rad(slope)), np.deg2rad(heading)
    start = np.array([500000.0, 2500000.0, 12.0])
    end = start + 30 * np.array([level * np.cos(turn), level * np.sin(turn), np.sin(np.deg2rad(slope))])
    down, up = PipeFrame((tuple(start), tuple(end)), shape), PipeFrame((tuple(end), tuple(start)), shape)
    here = down.locate(part * down.length, clock, outside)
    there = up.locate((1 - part) * up.length, mirrored(clock), outside)
    assert there == pytest.approx(here, abs=1e-6)


@settings(max_examples=40, deadline=None)
@given(
    st.sampled_from(SHAPES),
    st.lists(st.tuples(st.floats(8, 25), st.floats(-25, 25), st.floats(-0.3, 0.3)), min_size=2, max_size=5),
    st.floats(0.1, 0.9),
    st.integers(0, 4),
    st.floats(0, 359.9),
)
def test_a_bent_pipe_and_the_map_are_inverse_away_from_its_bends(shape, legs, part, which, clock):
    heading, points = 30.0, [np.array([500000.0, 2500000.0, 12.0])]
    for length, bend, fall in legs:
        heading += bend
        turn = np.deg2rad(heading)
        points.append(points[-1] + length * np.array([np.cos(turn), np.sin(turn), fall]))
    frame = PipeFrame(tuple(map(tuple, points)), shape)
    sizes = np.linalg.norm(np.diff(points, axis=0), axis=1)
    leg = which % len(legs)
    # a point outside the wall within its own size of a bend may be nearer to the other leg
    margin = min(0.45, 2.5 / sizes[leg])
    chainage = sizes[:leg].sum() + sizes[leg] * np.clip(part, margin, 1 - margin)
    s, a, d = frame.find(frame.locate(chainage, clock, 0.4))
    assert s == pytest.approx(chainage, abs=1e-6)
    assert np.abs((a - clock + 180) % 360 - 180) < 1e-4
    assert d == pytest.approx(0.4, abs=1e-6)


@pytest.mark.parametrize(("direction", "chainage", "clock"), [("downstream", 7.0, 40.0), ("upstream", 33.0, 250.0)])
def test_the_stated_uncertainty_holds_the_truth_in_nine_of_ten_simulated_surveys(direction, chainage, clock):
    """Side files as surveys make them: manholes, a counter that wanders and runs 1 % fast, roll, depth, each with its error."""
    rng = np.random.default_rng(8)
    truth = PipeFile(**side_file(accuracy={"manhole_sigma": 0.06, "roll_sigma": 2.5}))
    exact = truth.frame(0.0)
    place = exact.locate(chainage, clock, 0.35)
    walk = np.linspace(0.0, exact.length, 501)
    inside = []
    for _ in range(400):
        # the counter's error is a random walk of 0.15 m at the far end, besides its scale
        wander = np.concatenate([[0.0], np.cumsum(rng.normal(0, 0.15 / np.sqrt(500), 500))])
        counted = 1.01 * walk + wander
        ends = {
            name: {axis: getattr(hole, axis) + rng.normal(0, 0.06) for axis in ("x", "y", "invert")}
            for name, hole in (("up", truth.up), ("down", truth.down))
        }
        seen = PipeFile(
            **side_file(
                run={"direction": direction, "odometer_end": counted[-1]},
                accuracy={"manhole_sigma": 0.06, "roll_sigma": 2.5},
                **ends,
            )
        )
        travelled = chainage if direction == "downstream" else exact.length - chainage
        reading = np.interp(travelled, walk, counted)
        closed = close_odometer([reading], seen.frame().length, at_end=counted[-1])
        frame = seen.frame(closed.misclosure)
        s = closed.travelled[0] if direction == "downstream" else frame.length - closed.travelled[0]
        a, d = clock + rng.normal(0, 2.5), 0.35 + rng.normal(0, 0.02)
        away = np.abs(frame.locate(s, a, d) - place)
        inside.append(away <= 1.645 * frame.sigma(s, a, d, 0.02))
    assert (np.mean(inside, axis=0) >= 0.9).all()

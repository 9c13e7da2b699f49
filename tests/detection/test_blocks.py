"""A line that is searched block by block gives what the whole line gives."""

from __future__ import annotations

import threading

import numpy as np
import pandas as pd
import pytest

from gprscan import detect, model
from gprscan.detection import candidates, pipeline, settle, stretches
from gprscan.detection.body import Body
from gprscan.kernels import jit
from gprscan.migration import rho, summation
from gprscan.steps import Recipe, load_recipe
from gprscan.synthetic import Road, road_line
from tests.detection.lines import make


def cut(metres: float) -> Recipe:
    recipe = load_recipe("road")
    return recipe.model_copy(update={"detect": {**recipe.detect, "block_m": metres}})


def test_seams_move_and_double_nothing() -> None:
    # bodies before, on and behind the seams at 10 and 20 m
    places = (3.0, 9.9, 10.6, 15.0, 19.98, 26.0)
    line, _ = make(*((x, 0.6, 0.5) for x in places), length=30.0, noise=0.002)
    whole, parts = (detect(line, cut(metres)) for metres in (100.0, 10.0))
    assert len(whole) == len(parts) == len(places)
    np.testing.assert_allclose(whole["distance_m"], places, atol=0.03)
    np.testing.assert_allclose(parts["distance_m"], whole["distance_m"], atol=0.02)
    np.testing.assert_allclose(parts["twt_ns"], whole["twt_ns"], atol=0.1)
    np.testing.assert_allclose(parts["top_depth_m"], whole["top_depth_m"], atol=0.02)
    assert (parts["kind"] == whole["kind"]).all()


def test_blocks_cover_a_line_once_and_long_lines_in_even_number() -> None:
    settings = pipeline.load_settings(cut(20.0))
    for n, dx in ((30, 0.05), (999, 0.05), (1000, 0.05), (2500, 0.05), (7001, 0.02), (1, 0.05)):
        x = dx * np.arange(n)
        blocks = pipeline.blocks(x, dx, settings)
        covered = np.zeros(n, int)
        for _, _, (low, high) in blocks:
            covered += (low <= x) & (x < high)
        assert (covered == (n > 1)).all()
        assert all(last - first <= round(20.0 / dx) + 2 * round(6.0 / dx) + 2 for first, last, _ in blocks)
        assert len(blocks) % 2 == 0 or n * dx < 100.0
        # what lies at the end of its range is seen with its legs
        assert all(first == 0 or x[first] <= low - 5.9 for first, _, (low, _) in blocks)


def test_blocks_of_an_empty_road_find_no_more_than_the_whole() -> None:
    line, _ = road_line(30.0, 7, clutter="low")
    noise = np.random.default_rng(0).standard_normal(model.amplitude(line).shape, dtype=np.float32)
    noisy = model.with_amplitude(line, model.amplitude(line) + np.float32(0.003) * noise)
    whole, parts = (detect(noisy, cut(metres)) for metres in (100.0, 10.0))
    assert abs(len(parts) - len(whole)) <= 1


@pytest.mark.parametrize("threads", [2, 3])
def test_threads_change_no_bit(threads: int, monkeypatch: pytest.MonkeyPatch) -> None:
    line, _ = road_line(14.0, 8, clutter="high")
    monkeypatch.setattr(candidates, "LONG", 1)
    tables = []
    for count in (1, threads):
        for module in (jit, rho, summation):
            monkeypatch.setattr(module, "threads", lambda count=count: count)
        tables.append(detect(line, include=("clutter", "interface")))
    assert len(tables[0]) > 10
    pd.testing.assert_frame_equal(tables[0], tables[1], check_exact=True)


def test_blocks_and_channels_that_are_searched_side_by_side_give_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    line, _ = make((3.0, 0.6, 0.5), (9.9, 0.5, 0.4), (14.0, 0.7, 0.6), length=20.0, noise=0.01)
    both = np.stack([model.amplitude(line), model.amplitude(line)[::-1]])
    swath = line.drop_vars("amplitude").assign(amplitude=(("channel", "trace", "twt"), both))
    tables = []
    for count in (1, 2, 5):
        monkeypatch.setattr(pipeline.jit, "threads", lambda count=count: _of_main(count))
        tables.append(detect(swath, cut(6.0), include=("clutter", "interface")))
    assert len(tables[0]) >= 3
    for table in tables[1:]:
        pd.testing.assert_frame_equal(tables[0], table, check_exact=True)


def _of_main(count: int) -> int:
    return count if threading.current_thread() is threading.main_thread() else 1


def test_a_long_line_is_finished_stretch_by_stretch_as_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    line, _ = road_line(90.0, 8, clutter="high", road=Road(spacing=0.05))
    everything = ("clutter", "interface")
    whole = detect(line, cut(20.0), include=everything)
    monkeypatch.setattr(stretches, "STRETCH", 30.0)
    monkeypatch.setattr(stretches, "BEYOND", 25.0)
    monkeypatch.setattr(settle, "REACH", 10.0)
    near = detect(line, cut(20.0), include=everything)
    monkeypatch.setattr(stretches, "STRETCH", 1e9)
    at_once = detect(line, cut(20.0), include=everything)
    # velocities pooled over 10 m in place of the whole line may turn single clutter rows; the stretches may turn none
    assert len(whole) > 50
    assert abs(len(near) - len(whole)) <= 0.01 * len(whole)
    pd.testing.assert_frame_equal(near, at_once, check_exact=True)
    assert near.attrs["line"] == at_once.attrs["line"]


def test_what_is_held_of_a_line_does_not_grow_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    held: list[int] = []
    original = stretches.Stretches.add

    def add(self: stretches.Stretches, bodies: list[Body], front: float) -> None:
        held.append(len(self.held) + len(self.reported))
        original(self, bodies, front)

    monkeypatch.setattr(stretches.Stretches, "add", add)
    monkeypatch.setattr(stretches, "STRETCH", 30.0)
    monkeypatch.setattr(stretches, "BEYOND", 25.0)
    most = []
    for metres in (100.0, 200.0):
        line, _ = road_line(metres, 8, clutter="high", road=Road(spacing=0.1))
        held.clear()
        detect(line, cut(20.0))
        most.append(max(held))
    assert most[0] > 20
    assert most[1] < 1.3 * most[0]


def body_of_row(x: float, group: str | None) -> Body:
    return Body("diffraction", x, 5.0, group=group)


def test_rows_are_not_parted_and_numbered_on() -> None:
    places = [*np.arange(0.0, 1200.0, 7.0), *np.arange(255.0, 330.0, 1.0)]

    def finish(bodies: list[Body]) -> tuple[list[Body], np.ndarray]:
        for body in bodies:
            body.group = "row-0-1" if 255.0 <= body.x < 330.0 and body.x % 7 else None
        return bodies, np.array([(b.x, 0.0, 1.0) for b in bodies])

    line = stretches.Stretches(finish)
    for front in np.arange(200.0, 1201.0, 200.0):
        line.add([body_of_row(x, None) for x in places if front - 200.0 <= x < front], front)
    line.add([], np.inf)
    assert sorted(b.x for b in line.reported) == sorted(places)
    np.testing.assert_array_equal(np.sort(np.concatenate(line.measured)[:, 0]), sorted(places))
    assert len({b.group for b in line.reported if b.group}) == 1


def test_meshes_and_rows_without_end_hold_nothing_up() -> None:
    def finish(bodies: list[Body]) -> tuple[list[Body], np.ndarray]:
        for body in bodies:
            if body.source == "diffraction":
                body.group = "row-0-1"
        return bodies, np.array([(b.x, 0.0, 1.0) for b in bodies])

    line = stretches.Stretches(finish)
    held = []
    for front in np.arange(200.0, 8001.0, 200.0):
        places = np.arange(front - 200.0, front)
        mesh = Body("rebar", front - 100.0, 5.0, group="mesh-0-1")
        line.add([*(body_of_row(x, None) for x in places), mesh], front)
        held.append(len(line.held))
    line.add([], np.inf)
    assert sorted(b.x for b in line.reported) == sorted([*np.arange(0.0, 8000.0), *np.arange(100.0, 8000.0, 200.0)])
    assert max(held) < 1000


def test_lines_are_numbered_on_in_the_group_and_in_what_lies_near() -> None:
    def finish(bodies: list[Body]) -> tuple[list[Body], np.ndarray]:
        body = Body("diffraction", bodies[0].x, 5.0, group="line-1")
        body.evidence["near_lines"] = ["line-1"]
        return [body], np.empty((0, 3))

    line = stretches.Stretches(finish)
    line.add([body_of_row(10.0, None)], np.inf)
    line.done = -np.inf
    line.add([body_of_row(900.0, None)], np.inf)
    assert [(b.group, b.evidence["near_lines"]) for b in line.reported] == [
        ("line-1", ["line-1"]),
        ("line-2", ["line-2"]),
    ]


def test_rows_are_numbered_on() -> None:
    line = stretches.Stretches(lambda bodies: ([body_of_row(b.x, "row-2-1") for b in bodies[:1]], np.empty((0, 3))))
    line.add([body_of_row(10.0, None)], np.inf)
    line.done = -np.inf
    line.add([body_of_row(900.0, None)], np.inf)
    assert [b.group for b in line.reported] == ["row-2-1", "row-2-2"]

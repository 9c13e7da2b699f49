"""A line that is searched block by block gives what the whole line gives."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from gprscan import detect, model
from gprscan.detection import candidates
from gprscan.kernels import jit
from gprscan.migration import rho, summation
from gprscan.steps import Recipe, load_recipe
from gprscan.synthetic import road_line
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

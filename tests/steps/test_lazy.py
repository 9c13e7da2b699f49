"""Lines with Dask arrays: the same numbers, computed when asked for, with every scheduler."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import xarray as xr

from gprscan import filters
from gprscan.steps import get_step, run_blocks
from tests.filters.test_invariants import ALL
from tests.steps.test_blocks import LOCAL, MIXED, line, one_by_one, samples

dask = pytest.importorskip("dask")
array = pytest.importorskip("dask.array")


def chunked(traces: int = 17, **options: Any) -> xr.Dataset:
    return line(array.from_array(samples(), chunks=(1, traces, 30)), **options)


def assert_close(result: xr.Dataset, expected: xr.Dataset) -> None:
    scale = float(np.nanmax(np.abs(expected["amplitude"].values)))
    np.testing.assert_allclose(result["amplitude"].values, expected["amplitude"].values, rtol=1e-6, atol=1e-6 * scale)
    assert result["amplitude"].dtype == np.float32
    assert set(result.coords) == set(expected.coords)
    for name in expected.coords:
        np.testing.assert_array_equal(result[name].values, expected[name].values)
    # the history says when, to the second
    assert {**result.attrs, "history": ""} == {**expected.attrs, "history": ""}


@pytest.mark.parametrize(("name", "options"), ALL)
def test_a_step_gives_what_it_gives_in_memory(name: str, options: dict[str, Any]) -> None:
    result = get_step(name).function(chunked(), **options)
    assert result["amplitude"].chunks is not None
    assert_close(result, get_step(name).function(line(), **options))


@pytest.mark.parametrize("entries", [LOCAL, MIXED], ids=["local", "mixed"])
@pytest.mark.parametrize("scheduler", ["synchronous", "threads"])
def test_a_chain_gives_what_it_gives_in_memory(entries: list[dict[str, Any]], scheduler: str) -> None:
    with dask.config.set(scheduler=scheduler):
        result = run_blocks(chunked(), entries)
        assert result["amplitude"].chunks is not None
        assert_close(result.compute(), one_by_one(line(), entries))


def test_a_chain_can_be_sent_to_another_process() -> None:
    cloudpickle = pytest.importorskip("cloudpickle")
    entries = [{"step": "dewow"}, {"step": "background", "method": "sliding_mean", "traces": 9}]
    sent = cloudpickle.dumps(run_blocks(chunked(80), entries))
    assert b"numba" not in sent
    assert_close(cloudpickle.loads(sent), one_by_one(line(), entries))


def test_nothing_is_computed_before_it_is_asked_for() -> None:
    asked: list[int] = []

    def stored(block: np.ndarray) -> np.ndarray:
        asked.append(block.shape[-2])
        return block

    counted = array.from_array(samples(), chunks=(2, 50, 64)).map_blocks(
        stored, dtype="float32", meta=np.empty((0, 0, 0), "float32")
    )
    lazy = filters.agc(filters.background(filters.dewow(line(counted)), "sliding_mean", traces=9))
    assert not asked
    lazy.isel(trace=slice(0, 10)).compute()
    # of three chunks the first, and the second for the overlap
    assert asked == [50, 50]


def test_lines_without_distances() -> None:
    bare = line(spacing=None)
    entries = [{"step": "dewow"}, {"step": "background", "method": "median", "traces": 9}]
    expected = one_by_one(bare, entries)
    np.testing.assert_array_equal(run_blocks(bare, entries, 40)["amplitude"], expected["amplitude"])
    assert_close(run_blocks(chunked(spacing=None), entries), expected)

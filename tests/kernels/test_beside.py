"""Levels beside a place against plain NumPy."""

from __future__ import annotations

import numpy as np
import pytest

from gprscan.kernels import beside
from tests import reference


def test_the_same_as_by_arrays() -> None:
    rng = np.random.default_rng(3)
    traces = rng.standard_normal((30, 40)).astype(np.float32)
    x, valid = 0.1 * np.arange(30), rng.uniform(size=30) > 0.2
    rows = np.arange(3, 29, 2)
    taken = (np.abs(x - 1.0) > 0.4) & valid & np.isin(np.arange(30), rows)
    part = traces[taken, 7:23]
    count, usual = beside.mean_square(traces, rows, x, valid, 1.0, 0.4, 7, 23)
    assert count == taken.sum()
    np.testing.assert_allclose(usual, np.median((part**2).mean(axis=1)), rtol=1e-5)
    count, usual = beside.peak(traces, rows, x, valid, 1.0, 0.4, 7, 23)
    assert count == taken.sum()
    np.testing.assert_allclose(usual, np.median(np.abs(part).max(axis=1)), rtol=1e-6)


@pytest.mark.parametrize("seed", range(3))
def test_they_are_their_slow_twins(seed: int) -> None:
    rng = np.random.default_rng(seed)
    traces = rng.standard_normal((40, 30)).astype(np.float32)
    x, valid, rows = np.sort(rng.uniform(0, 4, 40)), rng.uniform(size=40) > 0.3, np.arange(seed, 40, 3)
    for kernel, statistic in ((beside.mean_square, lambda t: np.mean(t**2)), (beside.peak, lambda t: np.abs(t).max())):
        count, usual = reference.beside(traces[:, 5:21], rows, x, valid, 2.0, 0.5, statistic)
        found = kernel(traces, rows, x, valid, 2.0, 0.5, 5, 21)
        assert found[0] == count
        np.testing.assert_allclose(found[1], usual, rtol=1e-5)


def test_nothing_beside() -> None:
    count, usual = beside.peak(
        np.ones((3, 4), np.float32), np.arange(3), np.arange(3.0), np.ones(3, bool), 1.0, 9.0, 0, 4
    )
    assert count == 0
    assert np.isnan(usual)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("reach", "most"), [(9.0, 200), (1.1, 7)])
def test_around_many_places(seed: int, reach: float, most: int) -> None:
    rng = np.random.default_rng(seed)
    traces = rng.standard_normal((60, 30)).astype(np.float32)
    x, valid = np.sort(rng.uniform(0, 4, 60)), rng.uniform(size=60) > 0.3
    places = np.array([0.0, 4.0, 2.0, -30.0, *rng.uniform(0, 4, 6)])  # the ends, the middle, far off
    apart = rng.uniform(0.1, 0.8, (10, 2))
    apart[2] = 50.0
    first = rng.integers(0, 20, (10, 2))
    windows = np.stack([first[:, 0], first[:, 0] + rng.integers(0, 11, 10), first[:, 1], first[:, 1] + 5], axis=1)
    windows[4, :2] = 30, 30  # beyond the record
    args = (traces, x, valid, places, apart, windows, reach, most)
    counts, usual = beside.around(*args)
    expected = reference.beside_each(*args)
    np.testing.assert_array_equal(counts, expected[0])
    np.testing.assert_allclose(usual, expected[1], rtol=1e-5)
    assert np.isnan(usual[[2, 3]]).all()
    assert np.isnan(usual[4, 0])


def test_around_no_place() -> None:
    counts, usual = beside.around(
        np.ones((3, 4), np.float32), np.arange(3.0), np.ones(3, bool), np.empty(0), np.empty((0, 2)),
        np.empty((0, 4), np.int64), 9.0, 200,
    )  # fmt: skip
    assert counts.shape == usual.shape == (0, 2)

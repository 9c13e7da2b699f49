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

"""Levels beside a place against plain NumPy."""

from __future__ import annotations

import numpy as np

from gprscan.kernels import beside


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


def test_nothing_beside() -> None:
    count, usual = beside.peak(
        np.ones((3, 4), np.float32), np.arange(3), np.arange(3.0), np.ones(3, bool), 1.0, 9.0, 0, 4
    )
    assert count == 0
    assert np.isnan(usual)

"""Levels beside a place against plain NumPy."""

from __future__ import annotations

import numpy as np

from gprscan.kernels import beside


def test_the_same_as_by_arrays() -> None:
    rng = np.random.default_rng(3)
    traces = rng.standard_normal((60, 40)).astype(np.float32)[::2]
    x, valid = 0.1 * np.arange(30), rng.uniform(size=30) > 0.2
    taken = (np.abs(x - 1.0) > 0.4) & valid
    part = traces[taken, 7:23]
    np.testing.assert_allclose(
        beside.mean_squares(traces, x, valid, 1.0, 0.4, 7, 23), (part**2).mean(axis=1), rtol=1e-5
    )
    np.testing.assert_array_equal(beside.peaks(traces, x, valid, 1.0, 0.4, 7, 23), np.abs(part).max(axis=1))


def test_nothing_beside() -> None:
    assert beside.peaks(np.ones((3, 4), np.float32), np.arange(3.0), np.ones(3, bool), 1.0, 9.0, 0, 4).size == 0

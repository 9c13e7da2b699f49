"""Pooling measurements with a prior, against the slow twin and against what it is for."""

from __future__ import annotations

import numpy as np
import pytest

from gprscan.kernels.pooling import pooled, pooled_around
from tests import reference


@pytest.mark.parametrize("left_out", [-1, 0, 7])
def test_pooled_is_its_slow_twin(left_out: int) -> None:
    rng = np.random.default_rng(4)
    values, sigmas = rng.normal(0.1, 0.2, 30), rng.uniform(0.02, 0.3, 30)
    expected = reference.pooled(np.delete(values, [left_out] if left_out >= 0 else []),
                                np.delete(sigmas, [left_out] if left_out >= 0 else []), -0.05, 0.1)  # fmt: skip
    np.testing.assert_allclose(pooled(values, sigmas, left_out, -0.05, 0.1), expected, rtol=1e-12)


def test_outliers_are_trusted_less_and_nothing_is_the_prior() -> None:
    values = np.array([0.30, 0.31, 0.29, 0.30, 5.0])
    mean, variance = pooled(values, np.full(5, 0.02), -1, 0.0, 10.0)
    assert abs(mean - 0.30) < 0.01
    assert variance < 0.02**2 / 3
    np.testing.assert_allclose(pooled(values[:0], values[:0], -1, 0.2, 0.1), (0.2, 0.01), rtol=1e-12)


@pytest.mark.parametrize("seed", range(3))
def test_around_each_is_its_slow_twin(seed: int) -> None:
    rng = np.random.default_rng(seed)
    values, sigmas = rng.normal(0.1, 0.2, 30), rng.uniform(0.02, 0.3, 30)
    mine = np.array([0, 3, 11, 12, 28, 29])
    first, last = np.maximum(mine - rng.integers(0, 9, 6), 0), np.minimum(mine + 1 + rng.integers(0, 9, 6), 30)
    first[2], last[2] = 11, 12  # nobody but itself
    found = pooled_around(values, sigmas, mine, first, last, -0.05, 0.1)
    np.testing.assert_allclose(
        found, reference.pooled_around(values, sigmas, mine, first, last, -0.05, 0.1), rtol=1e-12
    )
    assert (found[0][2], found[1][2]) == (-0.05, pytest.approx(0.01))


def test_around_none() -> None:
    none = np.empty(0, np.int64)
    means, variances = pooled_around(np.ones(3), np.ones(3), none, none, none, 0.0, 1.0)
    assert means.size == variances.size == 0

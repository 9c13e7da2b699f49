"""Bodies and events against one another, against comparing each with all."""

from __future__ import annotations

import numpy as np
import pytest

from gprscan.kernels import nearby
from tests import reference


@pytest.mark.parametrize("n", [0, 1, 2, 90])
@pytest.mark.parametrize("seed", range(3))
def test_compare(n: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    # on a grid, so that places, times and levels are equal, and distances just at their bounds
    x, t, levels = rng.integers(0, 160, n) / 16, rng.integers(0, 80, n) / 2, rng.integers(-30, 0, n).astype(float)
    args = (0.25, (2.0, 24.0), 4.0, 5.0)
    loudest, peers = nearby.compare(x, t, levels, np.argsort(x, kind="stable"), *args)
    expected = reference.compared(x, t, levels, *args)
    np.testing.assert_array_equal(loudest, expected[0])
    np.testing.assert_array_equal(peers, expected[1])
    assert n < 90 or ((loudest >= 0).any(axis=0).all() and (loudest < 0).any())


@pytest.mark.parametrize("n", [0, 1, 60])
@pytest.mark.parametrize("seed", range(3))
def test_without_lobes(n: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    first = rng.integers(0, 200, n)
    last, depth, level = first + rng.integers(0, 30, n), rng.uniform(0.1, 2.0, n), rng.uniform(0.1, 1.0, n)
    kept = nearby.without_lobes(first, last, depth, level, 0.05)
    assert kept.tolist() == reference.without_lobes(first, last, depth, level, 0.05)
    assert n < 60 or 10 < kept.size < 55


@pytest.mark.parametrize("n", [0, 1, 50])
@pytest.mark.parametrize("longest", [6.0, 40.0])
def test_pairs(n: int, longest: float) -> None:
    rng = np.random.default_rng(n)
    x, t, reach = rng.uniform(0, 4, n), np.sort(rng.integers(0, 60, n) / 2), rng.uniform(0.5, 3.0, n)
    found = nearby.pairs(x, t, reach, longest)
    assert found.shape[1] == 2
    assert list(map(tuple, found.tolist())) == reference.pairs(x, t, reach, longest)
    assert n < 50 or found.shape[0] > 64  # more than there is room for at first


@pytest.mark.parametrize("n", [0, 1, 40])
@pytest.mark.parametrize("seed", range(3))
def test_owners(n: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    first, size, middle = rng.integers(0, 80, n), rng.integers(1, 25, n), rng.integers(5, 40, n)
    rows = [row + rng.integers(-3, 4, k) for row, k in zip(middle, size, strict=True)]
    for row in rows:
        row[rng.uniform(size=row.size) < 0.2] = -1  # not seen there
    apexes = first + rng.integers(-3, 25, n)  # mostly under its roof
    spans, starts = np.stack([first, first + size - 1], axis=1), np.cumsum([0, *size])
    flat = np.concatenate([*rows, np.empty(0, np.int64)]).astype(np.int64)
    found = nearby.owners(spans, middle.astype(float), apexes, flat, starts, 4.0)
    roofs = [dict(zip(range(a, b + 1), row.tolist(), strict=True)) for (a, b), row in zip(spans, rows, strict=True)]
    np.testing.assert_array_equal(found, reference.owners(middle, apexes.tolist(), roofs, 4.0))
    assert n < 40 or 5 < found.sum() < 40

"""The middle of many values against sorting them."""

from __future__ import annotations

import numpy as np
import pytest

from gprscan.kernels.select import middle_two

RNG = np.random.default_rng(11)
VALUES = {
    "normal": RNG.standard_normal,
    "a few alike": lambda n: RNG.integers(0, 3, n),
    "all alike": np.ones,
    "one far off": lambda n: RNG.standard_normal(n) ** 15,
    "rising": lambda n: np.arange(n),
    "the sample sees one side": lambda n: np.where(np.isin(np.arange(n), np.arange(64) * n // 64), -1.0, RNG.random(n)),
}


@pytest.mark.parametrize("kind", VALUES)
@pytest.mark.parametrize("n", [1, 2, 3, 127, 128, 129, 130, 1000, 5461])
def test_the_two_in_the_middle(kind: str, n: int) -> None:
    values = np.asarray(VALUES[kind](n), np.float32)
    ordered = np.sort(values)
    assert middle_two(values.copy()) == (ordered[(n - 1) // 2], ordered[n // 2])

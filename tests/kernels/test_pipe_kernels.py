"""The in-pipe stack against its slow twin."""

from __future__ import annotations

import numpy as np
import pytest

from gprscan.kernels.pipe import stacked
from tests import reference


@pytest.mark.parametrize("ring", [False, True])
def test_stack(ring):
    rng = np.random.default_rng(3)
    data = rng.standard_normal((9, 24)).astype("float32")
    curves = 3.3 + rng.uniform(-6, 24, (4, 5))
    weights = rng.uniform(0.1, 1, (4, 5)).astype("float32")
    weights[1, 0] = weights[3] = 0.0
    slow = reference.curve_stack(data.astype(float), curves, weights.astype(float), ring)
    assert stacked(data, curves, weights, ring=ring) == pytest.approx(slow, abs=1e-5)

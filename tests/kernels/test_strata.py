"""The way down through flat layers, against walking down in small steps."""

from __future__ import annotations

import numpy as np
import pytest

from gprscan.kernels import strata
from gprscan.units import C_AIR
from tests import reference

THICKNESS, PERMITTIVITY = np.array([0.12, 0.28, np.inf]), np.array([5.2, 7.8, 11.0])


@pytest.mark.parametrize("factor", [0.8, 1.0, 1.3])
@pytest.mark.parametrize("t", [0.01, 1.5, 4.0, 9.0, 40.0])
def test_reached(factor: float, t: float) -> None:
    expected = reference.reached(THICKNESS, PERMITTIVITY, factor, t)
    np.testing.assert_allclose(strata.reached(THICKNESS, PERMITTIVITY, factor, t), expected, rtol=1e-4)


def test_in_one_layer_all_is_its_velocity() -> None:
    depth, velocity = strata.reached(np.array([np.inf]), np.array([9.0]), 1.1, 10.0)
    assert velocity == pytest.approx(1.1 * C_AIR / 3)
    assert depth == pytest.approx(5.0 * velocity)


@pytest.mark.parametrize("n", [0, 1, 30])
def test_each_place_has_its_own_factor_and_time(n: int) -> None:
    rng = np.random.default_rng(n)
    factors, times = rng.uniform(0.8, 1.2, n), rng.uniform(0.1, 40.0, n)
    depths, velocities = strata.reached_each(THICKNESS, PERMITTIVITY, factors, times)
    assert depths.shape == velocities.shape == (n,)
    for *found, factor, t in zip(depths, velocities, factors, times, strict=True):
        np.testing.assert_allclose(found, reference.reached(THICKNESS, PERMITTIVITY, factor, t), rtol=1e-4)

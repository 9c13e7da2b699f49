"""The sum over wavenumbers against the same sum by arrays."""

from __future__ import annotations

import numpy as np
import pytest

from gprscan.errors import ParameterError
from gprscan.kernels.line_source import reflected_field, reflected_field_slopes
from gprscan.velocity import layered_response
from tests import reference


@pytest.mark.parametrize("layers", [1, 2, 3])
def test_the_same_as_by_arrays(layers: int) -> None:
    rng = np.random.default_rng(layers)
    k_air = (2 * np.pi * rng.uniform(0.05, 1.5, 7) - 0.2j) / 0.2998
    permittivity, thickness = rng.uniform(3.0, 12.0, layers), rng.uniform(0.05, 0.4, layers - 1)
    k_x = np.linspace(0.0, 160.0, 90)
    weight = rng.uniform(0.5, 1.5, 90)
    arguments = (k_air, permittivity, thickness, 0.14, 0.05, k_x, weight)
    np.testing.assert_allclose(reflected_field(*arguments), reference.reflected_field(*arguments), rtol=1e-10)


def test_wrong_layers() -> None:
    with pytest.raises(ParameterError, match="one thickness less"):
        layered_response([1.0 - 0.2j], [5.0, 8.0], [0.1, 0.2], 0.15, 0.03)


@pytest.mark.parametrize("layers", [1, 2, 4])
def test_slopes_are_differences(layers: int) -> None:
    rng = np.random.default_rng(layers)
    k_air = (2 * np.pi * rng.uniform(0.05, 1.5, 5) - 0.2j) / 0.2998
    values = np.concatenate([rng.uniform(3.0, 12.0, layers), rng.uniform(0.05, 0.4, layers - 1), [0.05]])
    k_x, weight = np.linspace(0.0, 160.0, 90), rng.uniform(0.5, 1.5, 90)

    def field(values):  # type: ignore[no-untyped-def]
        return reference.reflected_field(k_air, values[:layers], values[layers:-1], 0.14, values[-1], k_x, weight)

    steps = 1e-5 * np.eye(values.size)
    expected = np.array([(field(values + s) - field(values - s)) / 2e-5 for s in steps])
    slopes = reflected_field_slopes(k_air, values[:layers], values[layers:-1], 0.14, values[-1], k_x, weight)
    np.testing.assert_allclose(slopes, expected, rtol=1e-6, atol=1e-6 * np.abs(expected).max())

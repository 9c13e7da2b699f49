"""The sum over wavenumbers against the same sum by arrays."""

from __future__ import annotations

import numpy as np
import pytest

from gprscan.errors import ParameterError
from gprscan.kernels.line_source import reflected_field
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

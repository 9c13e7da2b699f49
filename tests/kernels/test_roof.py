"""The roof of a body in an image, against NumPy."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from gprscan.kernels import roof
from tests import reference

RNG = np.random.default_rng(8)


def image(traces: int = 30, depths: int = 60) -> np.ndarray:
    return (RNG.normal(size=(traces, depths)) + 1j * RNG.normal(size=(traces, depths))).astype(np.complex64)


@pytest.mark.parametrize("length", [1, 2, 3, 17])
def test_plateau(length: int) -> None:
    modulus = np.abs(image())
    rows = np.full(30, -1)
    rows[4 : 4 + length] = RNG.integers(20, 24, length)
    x, z = 0.05 * np.arange(30), 0.01 * np.arange(60)
    begin, end, first, last, row, level, middle, sag, dip = roof.plateau(modulus, rows, x, z)
    inside = np.arange(4, 4 + length)
    strength = modulus[inside, rows[inside]].astype(float)
    strong = inside[strength >= 0.5 * np.quantile(strength, 0.8)]
    assert (begin, end, first, last) == (4, 3 + length, strong[0], strong[-1])
    assert level == pytest.approx(np.quantile(strength, 0.8), rel=1e-6)
    assert row == int(np.median(rows[first : last + 1]))
    assert middle == np.median(rows[inside])
    depth = ndimage.median_filter(z[rows[first : last + 1]], min(3, last - first + 1), mode="nearest")
    assert sag == pytest.approx(0.5 * (depth[0] + depth[-1]) - depth.min(), abs=1e-12)
    slope = np.polyfit(x[first : last + 1], depth, 1)[0] if depth.size > 2 else 0.0
    assert dip == pytest.approx(slope, abs=1e-9)


@pytest.mark.parametrize("row", [5, 30, 55])
def test_under_a_roof(row: int) -> None:
    columns, rows = image(7), row + RNG.integers(-2, 3, 7)
    span, bounds = (10, 25), (0.05, 0.08, 0.2)
    found = roof.under(columns.real.copy(), columns.imag.copy(), rows, 0.01, span, bounds)
    for one, other in zip(found, reference.under_roof(columns, rows, 0.01, span, bounds), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-7)


def test_elsewhere() -> None:
    modulus, traces = np.abs(image()), np.array([1, 4, 9, 22])
    energy, level = roof.elsewhere(modulus, traces, (50, 75), (3, 9))
    assert energy == pytest.approx(np.median(modulus[traces, 50:75].astype(float) ** 2), rel=1e-6)
    assert level == pytest.approx(np.quantile(modulus[traces, 3:9].max(axis=1), 0.7), rel=1e-6)
    assert np.isnan(roof.elsewhere(modulus, traces, (60, 75), (3, 9))[0])

"""Reverse-time migration agrees with the other methods."""

from __future__ import annotations

import numpy as np
import pytest

from gprscan.errors import ParameterError
from gprscan.migration import phase_shift, rtm
from tests.migration.lines import diffractor, energy_near, peak, plane, plane_dip


def test_short_line() -> None:
    """96 traces x 256 samples, 5 cm, 0.5 ns, 200 MHz, 2.5 m: an ideal operator reaches .94 to .96."""
    image = rtm(diffractor(), 0.1)
    trace, row = peak(image)
    assert abs(trace - 48) <= 1
    assert abs(row - 100) <= 1
    assert energy_near(image, 48) >= 0.94


def test_agrees_with_phase_shift_sample_by_sample() -> None:
    line = diffractor(128, 256, dt=0.25, depth=1.2)
    one, two = (
        migrate(line, 0.1, 75, max_depth=1.6)["amplitude"].values[40:90, 60:120] for migrate in (rtm, phase_shift)
    )
    assert np.corrcoef(one.ravel(), two.ravel())[0, 1] > 0.985
    assert np.abs(one).max() == pytest.approx(np.abs(two).max(), rel=0.06)


@pytest.mark.parametrize(("dip", "depth"), [(25.0, 2.0), (0.0, 3.5), (0.0, 0.5)])
def test_dip_and_amplitude(dip: float, depth: float) -> None:
    image = rtm(plane(dip, depth), 0.1, 60, max_depth=4.0)
    measured, amplitude = plane_dip(image, slice(85, 116))
    assert measured == pytest.approx(dip, abs=0.5)
    assert amplitude == pytest.approx(1.0, rel=0.03)


@pytest.mark.parametrize(("separation", "height"), [(0.2, 0.0), (0.4, 0.4)])
def test_offset_and_air_gap(separation: float, height: float) -> None:
    line = diffractor(128, 200, dt=0.25, depth=1.2, separation=separation, height=height)
    trace, row = peak(rtm(line, 0.1, 50, max_depth=1.6))
    assert abs(trace - 64) <= 1
    assert abs(row - 96) <= 1


def test_wrong_aperture_is_named() -> None:
    with pytest.raises(ParameterError, match="between 0 and 90"):
        rtm(diffractor(), 0.1, 90)

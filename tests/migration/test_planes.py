"""Plane reflectors keep their amplitude, and dips come out right."""

from __future__ import annotations

import numpy as np
import pytest

from gprscan.migration import kirchhoff, phase_shift, stolt
from tests.migration.lines import plane, plane_dip

METHODS = [kirchhoff, stolt, phase_shift]


@pytest.mark.parametrize("migrate", METHODS)
@pytest.mark.parametrize("dip", [0.0, 10.0, 25.0, -35.0])
def test_dip_and_amplitude(migrate, dip: float) -> None:  # type: ignore[no-untyped-def]
    image = migrate(plane(dip, 2.5), 0.1, 60)
    measured, amplitude = plane_dip(image, slice(85, 116))
    assert measured == pytest.approx(dip, abs=0.5)
    # the pulse becomes longer along depth by 1 / cos(dip), its envelope stays 1
    assert amplitude == pytest.approx(1.0, rel=0.03)


@pytest.mark.parametrize("migrate", METHODS)
def test_amplitude_does_not_depend_on_depth(migrate) -> None:  # type: ignore[no-untyped-def]
    amplitudes = [plane_dip(migrate(plane(0.0, depth), 0.1, 60), slice(85, 116))[1] for depth in (0.5, 1.0, 2.0, 4.0)]
    np.testing.assert_allclose(amplitudes, 1.0, rtol=0.05)


def test_coarse_traces_alias_without_the_filter() -> None:
    """Traces 20 cm apart: the flanks of shallower curves cut the echo of the plane too coarsely to cancel."""
    line = plane(0.0, 1.5).isel(trace=slice(None, None, 4))
    above = slice(40, 90)
    noise = {}
    for antialias in (True, False):
        image = kirchhoff(line, 0.1, 60, antialias=antialias)["amplitude"].values[20:30]
        noise[antialias] = np.abs(image[:, above]).max()
    assert noise[True] < 0.5 * noise[False]

"""Reverse time with a field of the transmitter: pairs of antennas far apart, and high above the ground."""

from __future__ import annotations

import numpy as np
import pytest

from gprscan.errors import ParameterError
from gprscan.migration import kirchhoff, pairs, rtm
from gprscan.model import with_amplitude
from tests.migration.lines import diffractor, energy_near, peak


@pytest.mark.parametrize("imaging", ["correlation", "normalised"])
def test_a_point_below_a_wide_pair(imaging) -> None:  # type: ignore[no-untyped-def]
    """Within one sample and one trace, and the image of Kirchhoff; with another separation it lies deeper."""
    line = diffractor(64, 140, dt=0.25, depth=0.8, separation=0.6)
    image = rtm(line, 0.1, 50, imaging=imaging, max_depth=1.0)
    trace, row = peak(image)
    assert abs(trace - 32) <= 1
    assert abs(row - 64) <= 1
    assert energy_near(image, trace) > 0.9
    summed = kirchhoff(line, 0.1, 50, max_depth=1.0)
    one, two = (picture["amplitude"].values[22:43, 44:80].ravel() for picture in (image, summed))
    assert np.corrcoef(one, two)[0, 1] > 0.9
    closer = rtm(line.assign_coords(separation=0.0), 0.1, 50, imaging=imaging, max_depth=1.0)
    assert peak(closer)[1] >= row + 3


def test_an_air_gap_is_part_of_the_way() -> None:
    line = diffractor(48, 120, dt=0.25, depth=0.6, separation=0.2, height=0.2)
    trace, row = peak(rtm(line, 0.1, 40, imaging="correlation", max_depth=0.8))
    assert abs(trace - 24) <= 1
    assert abs(row - 48) <= 1


def test_the_image_is_linear_in_the_record() -> None:
    line = diffractor(24, 80, dt=0.25, depth=0.4, separation=0.2)
    other = diffractor(24, 80, dt=0.25, depth=0.5, x=0.4, separation=0.2)
    options = {"imaging": "normalised", "max_depth": 0.6}
    one, two = (rtm(part, 0.1, 40, **options)["amplitude"].values for part in (line, other))
    both = with_amplitude(line, line["amplitude"].values - 2 * other["amplitude"].values)
    np.testing.assert_allclose(
        rtm(both, 0.1, 40, **options)["amplitude"].values, one - 2 * two, atol=1e-4 * np.abs(one).max()
    )


@pytest.mark.parametrize("imaging", ["correlation", "normalised"])
def test_the_same_image_for_any_number_of_threads(imaging, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[no-untyped-def]
    line = diffractor(13, 80, dt=0.25, depth=0.4, separation=0.2)
    images = []
    for threads in (1, 2, 3):
        monkeypatch.setattr(pairs, "threads", lambda n=threads: n)
        images.append(rtm(line, 0.1, imaging=imaging, max_depth=0.5)["amplitude"].values)
    assert np.abs(images[0]).max() > 0
    np.testing.assert_array_equal(images[1], images[0])
    np.testing.assert_array_equal(images[2], images[0])


def test_wrong_condition_is_named() -> None:
    with pytest.raises(ParameterError, match="normalised"):
        rtm(diffractor(), 0.1, imaging="both")  # type: ignore[arg-type]

"""Where a body is on the map, and what strip a line covered."""

from __future__ import annotations

import numpy as np
import pytest
from pyproj import CRS, Transformer

from gprscan import model
from gprscan.survey import place

EAST, NORTH = 503_082.0, 2_511_500.0


def placed(channels: int = 1, n: int = 21):
    """A line of 2 m running east; its channels lie to the right, that is to the south."""
    offsets = None if channels == 1 else [-0.2, 0.4]
    shape = (n, 8) if channels == 1 else (channels, n, 8)
    line = model.from_array(
        np.zeros(shape, "float32"), dt=0.5, spacing=0.1, frequency=400.0, separation=0.1, channel_offsets=offsets
    )
    x, y = EAST + np.arange(n) * 0.1, np.full(n, NORTH)
    dims = "trace" if channels == 1 else ("channel", "trace")
    if channels > 1:
        x, y = np.stack([x, x]), np.stack([y + 0.2, y - 0.4])
    time = np.datetime64("2026-03-01T01:02:03") + (np.arange(n) * 500).astype("timedelta64[ms]")
    return line.assign_coords(
        x=(dims, x),
        y=(dims, y),
        position_sigma=("trace", np.linspace(0.02, 0.04, n)),
        time=("trace", time.astype("datetime64[ns]")),
        spatial_ref=((), 0, CRS.from_epsg(4547).to_cf()),
    )


def test_a_point_between_two_traces_and_two_channels():
    point = place.at(placed(2), 1.03, 0.1)
    assert point["x"] == pytest.approx(EAST + 1.03, abs=1e-6)
    assert point["y"] == pytest.approx(NORTH - 0.1, abs=1e-6)
    assert point["z"] is None
    assert point["acquired"] == "2026-03-01T01:02:08Z"
    assert point["position_sigma_m"] == pytest.approx(0.0303, abs=1e-3)
    lonlat = Transformer.from_crs(4547, 4326, always_xy=True).transform(point["x"], point["y"])
    assert (point["longitude"], point["latitude"]) == pytest.approx(lonlat)


def test_a_point_of_an_unplaced_line_has_no_coordinates():
    line = model.from_array(np.zeros((4, 8), "float32"), dt=0.5, spacing=0.1)
    assert set(place.at(line, 0.2, 0.0).values()) == {None}
    assert not place.is_placed(line)
    assert place.track(line) is None
    assert place.coverage(line, 0.5) is None


def test_a_line_that_turns_back_is_found_on_the_nearest_trace():
    line = model.from_array(np.zeros((5, 8), "float32"), dt=0.5, distance=[0.0, 1.0, 2.0, 1.0, 0.0])
    line = line.assign_coords(x=("trace", [0.0, 1, 2, 1, 0]), y=("trace", [0.0, 0, 0, 5, 5]))
    line = line.assign_coords(spatial_ref=((), 0, CRS.from_epsg(4547).to_cf()))
    assert place.at(line, 2.0, 0.0)["x"] == pytest.approx(2.0)


def test_the_swath_is_the_array_and_a_fresnel_zone_on_either_side():
    line = placed(2)
    # sqrt(wavelength * depth / 2) with 0.1 m/ns, 400 MHz and 1 m
    fresnel = np.sqrt(0.25 * 1.0 / 2)
    half = place.swath_half_width(line, 0.1, 3.0)
    assert half == pytest.approx(0.3 + fresnel)
    strip = place.coverage(line, half)
    assert strip.area == pytest.approx(2.0 * 2 * half, rel=1e-6)
    west, south, east, north = strip.bounds
    assert (west, east) == pytest.approx((EAST, EAST + 2.0))
    assert (south + north) / 2 == pytest.approx(NORTH - 0.1, abs=1e-6)


def test_traces_without_coordinates_are_left_out_of_the_track():
    line = placed()
    x = line["x"].values.copy()
    x[:5] = np.nan
    track = place.track(line.assign_coords(x=("trace", x)))
    assert track.length == pytest.approx(1.5)

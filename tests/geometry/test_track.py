"""Tracks, directions, arrays and reference systems on paths that are known exactly."""

from __future__ import annotations

import numpy as np
import pyproj
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

import gprscan as gs
from gprscan import names
from gprscan.errors import LineError, MissingCRSError, ParameterError
from gprscan.geometry import (
    Fixes,
    along_track,
    build_track,
    channel_positions,
    default_crs,
    heading,
    line_crs,
    place,
    project,
    resolve_crs,
    spatial_ref,
    unproject,
    with_offsets,
    with_positions,
)
from gprscan.model.findings import load


def codes(line: xr.Dataset) -> set[str]:
    return {finding.code for finding in load(line)}


def line_of(n: int, channels: int | None = None, **options: object) -> xr.Dataset:
    shape = (n, 4) if channels is None else (channels, n, 4)
    return gs.from_array(np.zeros(shape, "i2"), dt=0.5, **options)  # type: ignore[arg-type]


def fixes_on(x: np.ndarray, y: np.ndarray, trace: np.ndarray, **more: object) -> Fixes:
    lon, lat = unproject(x, y, "EPSG:4547")
    return Fixes(trace, lon, lat, **more)  # type: ignore[arg-type]


def test_shenzhen_default() -> None:
    """Longhua by the domain notes: E 503 082.43, N 2 511 315.31."""
    x, y = project(114.03, 22.70, default_crs([114.03], [22.70]))
    assert float(x) == pytest.approx(503_082.43, abs=0.01)
    assert float(y) == pytest.approx(2_511_315.31, abs=0.01)
    assert default_crs([114.03], [22.70]).to_epsg() == 4547


@pytest.mark.parametrize(
    ("lon", "lat", "epsg"),
    [
        (-79.6, 43.6, 32617),
        (-70.5, -33.4, 32719),
        (179.99, 10, 32660),
        (-180, 10, 32601),
        (0, 85, 5041),
        (0, -85, 5042),
        (114.0, 22.0, 32650),
    ],
)
def test_utm_elsewhere(lon: float, lat: float, epsg: int) -> None:
    assert default_crs([lon], [lat]).to_epsg() == epsg


def test_axes_are_east_and_north_whatever_the_crs_says() -> None:
    """EPSG:4547 lists northing first; x is east all the same."""
    x0, y0 = project(114.03, 22.70, "EPSG:4547")
    assert float(project(114.04, 22.70, "EPSG:4547")[0]) > float(x0) + 900
    assert float(project(114.03, 22.71, "EPSG:4547")[1]) > float(y0) + 900
    lon, lat = unproject(x0, y0, "EPSG:4547")
    assert (float(lon), float(lat)) == pytest.approx((114.03, 22.70), abs=1e-9)


def test_a_crs_that_is_no_plane_in_metres() -> None:
    assert resolve_crs("EPSG:4526", [114], [22.7]).to_epsg() == 4526
    for bad in ("EPSG:4490", "EPSG:2263", "rubbish"):
        with pytest.raises(ParameterError, match="crs is"):
            resolve_crs(bad, [114], [22.7])


def test_spatial_ref_is_a_grid_mapping() -> None:
    attrs = spatial_ref("EPSG:4547").attrs
    assert attrs["grid_mapping_name"] == "transverse_mercator"
    assert pyproj.CRS.from_wkt(attrs["crs_wkt"]).to_epsg() == 4547
    assert not any(isinstance(value, bool | dict | type(None)) for value in attrs.values())
    with pytest.raises(MissingCRSError, match="spatial_ref"):
        line_crs(line_of(3))


def test_track_between_and_beyond_fixes() -> None:
    track = build_track(np.array([10.0, 20.0]), np.array([0.0, 5.0]), np.array([1.0, 1.0]), np.array([0.02, 0.02]), 31)
    np.testing.assert_allclose(track.x, (np.arange(31) - 10) * 0.5)
    np.testing.assert_allclose(track.y, 1.0)
    assert track.beyond == 20
    assert track.sigma[15] > track.sigma[10] == pytest.approx(0.02)
    assert track.sigma[30] > 0.2  # 5 m beyond the last fix


def test_heading_on_a_circle_and_while_standing() -> None:
    t = np.linspace(0, np.pi / 2, 400)
    x, y = 50 * np.sin(t), 50 * (1 - np.cos(t))  # eastwards, turning left to north
    angle = heading(x, y, baseline=2.0)
    expected = np.pi / 2 - t
    np.testing.assert_allclose(angle[20:-20], expected[20:-20], atol=0.003)
    pause = np.concatenate([np.arange(50) * 0.1, np.full(40, 4.9), 4.9 + np.arange(50) * 0.1])
    np.testing.assert_allclose(heading(pause, np.zeros(140), 1.0), np.pi / 2, atol=1e-9)
    assert np.isnan(heading(np.zeros(10), np.zeros(10), 1.0)).all()


@given(st.floats(0, 2 * np.pi), st.floats(-3, 3), st.floats(-2, 2), st.floats(-2, 2))
def test_offsets_are_to_the_right_of_travel(angle: float, offset: float, right: float, forward: float) -> None:
    x, y = channel_positions(np.zeros(1), np.zeros(1), np.array([angle]), np.array([offset]), (right, forward))
    ahead = np.array([np.sin(angle), np.cos(angle)])
    to_the_right = np.array([np.cos(angle), -np.sin(angle)])
    np.testing.assert_allclose([x[0, 0], y[0, 0]], forward * ahead + (offset + right) * to_the_right, atol=1e-12)


def test_standing_still_does_not_lengthen_a_track() -> None:
    rng = np.random.default_rng(0)
    x = np.concatenate([np.arange(100) * 0.5, np.full(200, 49.5), 49.5 + np.arange(100) * 0.5])
    noisy = x + rng.normal(0, 0.02, x.size), rng.normal(0, 0.02, x.size)
    assert along_track(*noisy)[-1] > 101
    length = along_track(*noisy, noise=0.1)
    assert length[-1] == pytest.approx(99, rel=0.01)
    assert (np.diff(length) >= 0).all()
    assert length[299] - length[110] < 0.15


def test_eight_channels_on_a_bend() -> None:
    """Each channel of a towed array lies on its own circle."""
    offsets = np.linspace(-0.7, 0.7, 8)
    t = np.linspace(0, 1.0, 500)
    x, y = 503_000 + 40 * np.sin(t), 2_511_000 - 40 * (1 - np.cos(t))  # turning right
    fixes = fixes_on(x[::20], y[::20], np.arange(500)[::20], quality=np.full(25, 4))
    line = place(line_of(500, 8, spacing=0.08, channel_offsets=offsets), fixes)
    assert line["x"].dims == ("channel", "trace")
    radius = np.hypot(line["x"] - 503_000, line["y"] - (2_511_000 - 40))
    inner = radius.isel(trace=slice(30, 470))
    np.testing.assert_allclose(inner.values, np.broadcast_to((40 - offsets)[:, None], inner.shape), atol=0.03)
    assert not codes(line)


def test_lever_arm_of_the_gnss_antenna() -> None:
    x, y = 503_000 + np.arange(100) * 0.1, np.full(100, 2_511_000.0)
    line = place(line_of(100, spacing=0.1), fixes_on(x, y, np.arange(100)), lever_arm=(0.5, -1.0))
    np.testing.assert_allclose(line["x"], x - 1.0, atol=1e-5)  # 1 m behind
    np.testing.assert_allclose(line["y"], y - 0.5, atol=1e-5)  # to the right of east is south
    assert line.attrs[names.LEVER_ARM] == [0.5, -1.0]


def drive(n: int = 2000) -> tuple[np.ndarray, np.ndarray]:
    """A drive with a bend and a stop: true positions at every trace."""
    t = np.arange(n) * 0.05
    speed = np.interp(t, [38, 40, 55, 57], [2.0, 0.0, 0.0, 2.0])
    s = np.cumsum(speed) * 0.05
    angle = np.clip((s - 60) / 30, 0, np.pi / 2)
    return 503_000 + np.cumsum(np.cos(angle) * speed * 0.05), 2_511_000 + np.cumsum(np.sin(angle) * speed * 0.05)


def test_a_drive_with_noise_turns_and_a_stop() -> None:
    x, y = drive()
    rng = np.random.default_rng(5)
    at = np.arange(0, x.size, 20)  # 1 Hz
    fixes = fixes_on(
        x[at] + rng.normal(0, 0.02, at.size), y[at] + rng.normal(0, 0.02, at.size), at, quality=np.full(at.size, 4)
    )
    line = place(line_of(x.size), fixes)
    error = np.hypot(line["x"] - x, line["y"] - y).values
    assert np.sqrt(np.mean(error**2)) < 0.05
    inside = error < 2 * np.sqrt(2) * line["position_sigma"].values
    assert inside.mean() > 0.9
    true = np.concatenate([[0], np.cumsum(np.hypot(np.diff(x), np.diff(y)))])
    assert float(line["distance"][-1]) == pytest.approx(true[-1], rel=0.01)
    assert float(line["distance"][1050] - line["distance"][850]) < 0.3  # it stood
    assert "distance-from-gnss" in codes(line)


def test_an_outage_is_bridged_with_growing_uncertainty() -> None:
    x, y = drive()
    at = np.concatenate([np.arange(0, 600, 20), np.arange(780, 2000, 20)])
    line = place(line_of(x.size, spacing=0.1), fixes_on(x[at], y[at], at, quality=np.full(at.size, 4)))
    assert line["position_sigma"].values[690] > 4 * line["position_sigma"].values[400]


def test_bad_and_odd_fixes() -> None:
    x, y = 503_000 + np.arange(100) * 0.1, np.full(100, 2_511_000.0)
    fixes = fixes_on(x, y, np.arange(100), quality=np.full(100, 4))
    assert fixes.quality is not None
    fixes.quality[10:20] = 0
    fixes.longitude[30], fixes.latitude[30] = 0.0, 0.0
    fixes.trace[40] = np.nan
    fixes.trace[99] = 5000
    fixes.trace[50:55] = 50  # paused: several fixes for one trace
    line = place(line_of(100, spacing=0.1), fixes)
    np.testing.assert_allclose(line["x"].values[:49], x[:49], atol=1e-3)
    assert {"gnss-quality-zero", "gnss-off-line"} <= codes(line)


def test_a_stuck_receiver_and_a_standing_cart() -> None:
    x = 503_000 + np.repeat(np.arange(20) * 0.5, 5)
    time = np.datetime64("2025-01-01", "ns") + np.arange(100) * np.timedelta64(1, "s")
    fixes = fixes_on(x, np.full(100, 2_511_000.0), np.arange(100), time=time)
    moving = place(line_of(100, spacing=0.1), fixes)
    assert "gnss-repeated-fixes" in codes(moving)
    assert np.diff(moving["x"].values[:90]) == pytest.approx(0.1, abs=1e-3)
    standing = place(line_of(100), fixes)
    assert np.abs(standing["x"].values - x).max() < 0.3  # of fixes that are good to 5 m


@pytest.mark.parametrize("count", [0, 1])
def test_too_few_fixes_leave_the_line_unplaced(count: int) -> None:
    fixes = fixes_on(np.full(count, 503_000.0), np.full(count, 2_511_000.0), np.arange(count))
    line = place(line_of(10, spacing=0.1), fixes)
    assert "x" not in line.coords
    assert "gnss-unusable" in codes(line)


def test_places_that_the_wanted_system_cannot_hold_leave_the_line_unplaced() -> None:
    fixes = Fixes(np.arange(10), np.linspace(23.9, 24.1, 10), np.zeros(10))
    line = place(line_of(10, spacing=0.1), fixes, crs="EPSG:4547")
    found = next(finding for finding in load(line) if finding.code == "gnss-unusable")
    assert "x" not in line.coords
    assert "CGCS2000" in found.evidence


def test_a_line_that_does_not_move() -> None:
    fixes = fixes_on(np.full(10, 503_000.0), np.full(10, 2_511_000.0), np.arange(10) * 10)
    line = place(line_of(100, 3, channel_offsets=[-1, 0, 1]), fixes)
    assert {"gnss-no-distance", "heading-unknown"} <= codes(line)
    assert line["x"].dims == ("trace",)


def test_offsets_given_afterwards() -> None:
    lon = 114.03 + np.arange(100) * 1e-6
    line = with_positions(line_of(100, 3, spacing=0.1), lon, np.full(100, 22.7), quality=np.full(100, 4))
    assert line["x"].dims == ("trace",)
    moved = with_offsets(line, [-0.5, 0.0, 0.5])
    np.testing.assert_allclose(moved["x"].isel(channel=1), line["x"], atol=1e-4)
    gap = np.hypot(moved["x"][0] - moved["x"][2], moved["y"][0] - moved["y"][2])
    np.testing.assert_allclose(gap, 1.0, atol=1e-6)
    assert float(moved["y"][0, 50]) > float(moved["y"][2, 50])  # going east, the right is south
    assert "x" not in with_offsets(line_of(5, 3), [0, 1, 2]).coords
    with pytest.raises(LineError, match="2 channel offsets"):
        with_offsets(line, [0, 1])
    with pytest.raises(LineError, match="1 channel"):
        with_offsets(line_of(5), [0, 1])

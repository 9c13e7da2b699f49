"""Fusion of odometer and GNSS, external tracks, roads, local systems and heights, against known truth."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import xarray as xr

import gprscan as gs
from gprscan import names
from gprscan.errors import MissingCRSError, MissingFileError, ParameterError, ReadError, RecipeError
from gprscan.geometry import (
    Centreline,
    Fixes,
    PositionOptions,
    apply_positions,
    checked_plane,
    load_local_system,
    on_road,
    place,
    project,
    read_centreline,
    read_track,
    unproject,
    write_gga,
    write_rmc,
)
from gprscan.geometry.blocks import Chain
from gprscan.geometry.centreline import gcj02_shift
from gprscan.geometry.local_system import TEMPLATE
from gprscan.model.findings import load

CRS = "EPSG:4547"
START = np.datetime64("2026-01-01T15:59:00", "ns")


def codes(line: xr.Dataset) -> set[str]:
    return {finding.code for finding in load(line)}


class Road:
    """A drive of 400 m: straight, a right turn of 90 degrees with a radius of 20 m after 200 m, straight; with a stop."""

    PIECES: tuple[tuple[float, float], ...] = ((200, 0), (10 * np.pi, np.pi / 2), (400, 0))  # m, and turn in radians

    def __init__(
        self, lag: float = 0.0, outage: tuple[float, float] = (160.0, 290.0), scale: float = 1.005, seed: int = 7
    ) -> None:
        self.t = np.arange(0, 120, 0.1)
        speed = 4 + 2 * np.sin(self.t / 7)
        speed[(self.t > 20) & (self.t < 30)] = 0.0
        speed = np.convolve(np.pad(speed, 10, "edge"), np.ones(21) / 21, "valid")
        self.way = np.cumsum(speed) * 0.1
        s = np.arange(0, self.way[-1] + 1, 0.01)
        ends, turned = np.cumsum(np.array([(0.0, 0.0), *self.PIECES]), axis=0).T
        angle = np.pi / 2 + np.interp(s, ends, turned)
        self.path = s, 503_000 + np.cumsum(np.sin(angle)) * 0.01, 2_511_000 + np.cumsum(np.cos(angle)) * 0.01
        self.odometer = np.arange(0, self.way[-1] / scale, 0.1)
        rng = np.random.default_rng(seed)
        at = np.arange(0, self.t.size, 10)
        at = at[(self.way[at] < outage[0]) | (self.way[at] > outage[1])]
        x, y = self.at(np.interp(self.t[at] - lag, self.t, self.way))
        lon, lat = unproject(x + rng.normal(0, 0.02, x.size), y + rng.normal(0, 0.02, x.size), CRS)
        trace = np.interp(self.way[at] / scale, self.odometer, np.arange(self.odometer.size))
        time = START + np.round(self.t[at] * 1e9).astype("timedelta64[ns]")
        self.fixes = Fixes(trace, lon, lat, quality=np.full(at.size, 4), time=time, height=np.full(at.size, 31.5))
        self.truth = self.at(self.odometer * scale)

    def at(self, way: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        s, x, y = self.path
        return np.interp(way, s, x), np.interp(way, s, y)

    def line(self, channels: int | None = None, **options: object) -> xr.Dataset:
        shape = (self.odometer.size, 2) if channels is None else (channels, self.odometer.size, 2)
        return gs.from_array(np.zeros(shape, "i2"), dt=0.5, spacing=0.1, **options)  # type: ignore[arg-type]

    def error(self, line: xr.Dataset) -> np.ndarray:
        return np.hypot(line["x"].values - self.truth[0], line["y"].values - self.truth[1])


def test_a_chain_of_states_is_what_dense_algebra_says() -> None:
    rng = np.random.default_rng(0)
    n, m, g = 6, 3, 2
    factor = rng.normal(size=(60, n * m + g))
    for row in factor:  # each row ties two neighbours and the border
        first = rng.integers(0, n - 1) * m
        keep = np.r_[first : first + 2 * m, n * m : n * m + g]
        row[np.setdiff1d(np.arange(n * m + g), keep)] = 0
    dense = factor.T @ factor + 0.1 * np.eye(n * m + g)
    right = rng.normal(size=(n * m + g, 1))
    chain = Chain.empty(n, m, 1, g)
    for j in range(n):
        chain.diagonal[j] = dense[j * m : j * m + m, j * m : j * m + m]
        chain.border[j] = dense[j * m : j * m + m, n * m :]
        chain.right[j] = right[j * m : j * m + m]
        if j < n - 1:
            chain.lower[j] = dense[j * m + m : j * m + 2 * m, j * m : j * m + m]
    chain.corner, chain.right_shared = dense[n * m :, n * m :], right[n * m :]
    states, shared, log_determinant = chain.solve()
    np.testing.assert_allclose(np.append(states.ravel(), shared), np.linalg.solve(dense, right)[:, 0], rtol=1e-9)
    assert log_determinant == pytest.approx(np.linalg.slogdet(dense[: n * m, : n * m])[1])
    inverse = np.linalg.inv(dense)
    found, corner = chain.covariance()
    np.testing.assert_allclose(corner, inverse[n * m :, n * m :], rtol=1e-9)
    for j in range(n):
        np.testing.assert_allclose(found[j], inverse[j * m : j * m + m, j * m : j * m + m], rtol=1e-8, atol=1e-12)


def test_a_drive_with_a_turn_under_a_bridge_and_an_odometer_that_is_off() -> None:
    road = Road()
    line = place(road.line(), road.fixes, crs=CRS)
    error, way = road.error(line), road.odometer * 1.005
    inside = (way > 160) & (way < 290)
    assert np.quantile(error[~inside], 0.99) < 0.05
    assert error[inside].max() < 0.005 * 130
    sigma = line["position_sigma"].values
    assert (np.abs(line["x"].values - road.truth[0]) < 2 * sigma).mean() > 0.9
    assert line.attrs[names.ODOMETER_SCALE] == pytest.approx(1.005, abs=5e-4)
    assert float(line["heading"][10]) == pytest.approx(90, abs=2)
    assert float(line["heading"][-10]) == pytest.approx(180, abs=2)
    assert "gnss-gap-bent" not in codes(line)


def test_a_gap_in_which_anything_may_have_happened_says_so() -> None:
    road = Road(outage=(100.0, 330.0), scale=1.0)
    line = place(road.line().assign_coords(distance=("trace", road.odometer * 1.1)), road.fixes, crs=CRS)
    assert "odometer-gnss-disagreement" in codes(line) or "gnss-gap-bent" in codes(line)


def test_lag_is_estimated_and_allowed_for() -> None:
    road = Road(lag=0.4)
    line = place(road.line(), road.fixes, crs=CRS)
    finding = next(f for f in load(line) if f.code == "gnss-lag")
    assert float(finding.evidence.split()[0]) == pytest.approx(0.4, abs=0.02)
    assert np.quantile(road.error(line)[:1500], 0.95) < 0.06
    given = place(road.line(), road.fixes, crs=CRS, options=PositionOptions(lag=0.4))
    assert np.quantile(road.error(given)[:1500], 0.95) < 0.06
    left = place(road.line(), road.fixes, crs=CRS, options=PositionOptions(lag=0.0))
    assert np.quantile(road.error(left)[:1500], 0.5) > 0.3


def test_fixes_that_jump_are_left_out() -> None:
    road = Road()
    road.fixes.latitude[[5, 6, 60]] += 0.001
    line = place(road.line(), road.fixes, crs=CRS)
    assert "gnss-outliers" in codes(line)
    assert np.quantile(road.error(line)[:1500], 0.99) < 0.06


def test_z_needs_a_datum() -> None:
    road = Road()
    assert "z" not in place(road.line(), road.fixes, crs=CRS).coords
    options = PositionOptions(vertical_datum="Yellow Sea 1985", gnss_height="1.5 m")
    line = place(road.line(), road.fixes, crs=CRS, options=options)
    np.testing.assert_allclose(line["z"], 30.0, atol=1e-6)
    assert line["z"].attrs["datum"] == "Yellow Sea 1985"
    assert float(line["z_sigma"].max()) < 5


def timed(road: Road) -> xr.Dataset:
    """The line with the time of each trace by a clock that is eight hours ahead."""
    moment = np.interp(road.odometer * 1.005, road.way + 1e-9 * np.arange(road.way.size), road.t)
    clock = START + np.timedelta64(8, "h") + np.round(moment * 1e9).astype("timedelta64[ns]")
    return road.line().assign_coords(time=("trace", clock))


@pytest.mark.parametrize("kind", ["csv", "csv-xy", "gpx", "nmea", "by-distance"])
def test_an_external_track_is_tied_by_time(tmp_path: Path, kind: str) -> None:
    road, fixes = Road(), Road().fixes
    assert fixes.time is not None
    path = tmp_path / "rover.txt"
    stamps = [str(t)[:23] for t in fixes.time]
    known: dict[str, object] = {"track": path, "clock_offset": -28800.0, "gnss_sigma": 0.02}
    if kind == "csv":
        rows = [f"{t}Z;{a:.9f};{b:.9f}" for t, a, b in zip(stamps, fixes.longitude, fixes.latitude, strict=True)]
        text = "Time;Lon;Lat\n" + "\n".join([*rows, "broken;;"])
    elif kind == "csv-xy":
        x, y = project(fixes.longitude, fixes.latitude, "EPSG:4526")
        rows = [f"{t}+00:00,{a:.4f},{b:.4f}" for t, a, b in zip(stamps, x, y, strict=True)]
        text, known["track_crs"] = "time,x,y\n" + "\n".join(rows), "EPSG:4526"
    elif kind == "gpx":
        rows = [
            f'<trkpt lat="{b:.9f}" lon="{a:.9f}"><ele>1</ele><time>{t}Z</time></trkpt>'
            for t, a, b in zip(stamps, fixes.longitude, fixes.latitude, strict=True)
        ]
        text = '<gpx xmlns="http://www.topografix.com/GPX/1/1"><trk><trkseg>' + "".join(rows) + "</trkseg></trk></gpx>"
    elif kind == "nmea":
        rows = []
        for t, a, b in zip(fixes.time, fixes.longitude, fixes.latitude, strict=True):
            rows += [write_gga(t, a, b, 4), write_rmc(t, a, b)]
        rows[4] = rows[4][:-2] + "ZZ"
        text = "logger 1.0\n" + "\n".join(rows)
    else:
        at = np.interp(fixes.trace, np.arange(road.odometer.size), road.odometer)
        rows = [f"{d:.3f},{a:.9f},{b:.9f}" for d, a, b in zip(at, fixes.longitude, fixes.latitude, strict=True)]
        text = "distance,longitude,latitude\n" + "\n".join(rows)
    path.write_text(text)
    line = apply_positions(timed(road), known, CRS)
    assert np.quantile(road.error(line)[:1500], 0.99) < 0.08
    assert ("nmea-faults" in codes(line)) == (kind == "nmea")


def test_tracks_that_cannot_be_used(tmp_path: Path) -> None:
    road, path = Road(), tmp_path / "t.csv"
    with pytest.raises(MissingFileError, match="no track"):
        read_track(path)
    for text, error, words in (
        ("time\n1", ReadError, "longitude"),
        ("lon,lat\n1,2", ReadError, "'time', 'trace' or 'distance'"),
        ("time,x,y\n2026-01-01,1,2", MissingCRSError, "track_crs"),
        ("time,lon,lat\n2026-01-01,503000,2511000", ReadError, "Are these x and y"),
        ("<gpx><trk>", ReadError, "no GPX"),
        ("<!DOCTYPE a><gpx/>", ReadError, "entities"),
        ("time,lon,lat\n1,a,b", ReadError, "no row has two numbers"),
        ("", ReadError, "header line"),
    ):
        path.write_text(text)
        with pytest.raises(error, match=words):
            read_track(path)
    path.write_text("time,lon,lat\n2020-01-01,114,22.7\n2020-01-02,114,22.7")
    with pytest.raises(ParameterError, match="do not overlap"):
        apply_positions(timed(road), {"track": path})
    with pytest.raises(ParameterError, match="has none per trace"):
        apply_positions(road.line(), {"track": path})


def test_wrong_options_show_a_right_one(tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match="did you mean 'lever_arm'"):
        gs.read(tmp_path / "x.dzt", positions={"leverarm": (0, 1)})
    with pytest.raises(ParameterError, match=r"right: lag = 0\.20"):
        gs.read(tmp_path / "x.dzt", positions={"lag": 1e9})
    with pytest.raises(ParameterError, match="a dict is needed"):
        gs.read(tmp_path / "x.dzt", positions="rover.csv")


def test_chainage_and_offset_on_a_road(tmp_path: Path) -> None:
    road = Road()
    line = place(road.line(), road.fixes, crs=CRS)
    path = tmp_path / "road.csv"
    path.write_text("x,y,chainage\n503000,2511002,1000\n503190,2511002,1190\n")
    tied = on_road(line, read_centreline(path, CRS, "Longgang Road"))
    assert float(tied["road_chainage"][500]) == pytest.approx(1000 + road.truth[0][500] - 503_000, abs=0.05)
    assert float(tied["road_offset"][500]) == pytest.approx(2.0, abs=0.05)  # driving east, the track is south: right
    back = Centreline(np.array([503_190.0, 503_000.0]), np.full(2, 2_511_002.0), np.array([0.0, 190.0]), CRS)
    assert float(on_road(line, back)["road_offset"][500]) == pytest.approx(-2.0, abs=0.05)
    with pytest.raises(MissingCRSError, match="centreline_crs"):
        read_centreline(path)
    path.write_text("x,y,chainage\n503000,2511002,0\n503190,2511002,190\n503100,2511002,100")
    with pytest.raises(ReadError, match="neither rise nor fall"):
        read_centreline(path, CRS)


def test_a_track_that_is_shifted_as_map_services_do() -> None:
    """At Longhua the shift is some 604 m to azimuth 120 degrees by the domain notes."""
    east, north = gcj02_shift(114.03, 22.70)
    x, y = project(np.array([114.03, 114.03 + east]), np.array([22.70, 22.70 + north]), CRS)
    assert np.hypot(*np.diff([x, y])) == pytest.approx(604, abs=3)
    assert np.degrees(np.arctan2(x[1] - x[0], y[1] - y[0])) == pytest.approx(120, abs=2)
    road = Road()
    s, px, py = road.path
    truth = Centreline(px[::500], py[::500], s[::500], CRS, "Longgang Road")
    assert not codes(on_road(place(road.line(), road.fixes, crs=CRS), truth)) & {"gcj02-suspected", "track-off-road"}
    shifted = Road().fixes
    shifted.longitude, shifted.latitude = shifted.longitude + east, shifted.latitude + north
    assert "gcj02-suspected" in codes(on_road(place(road.line(), shifted, crs=CRS), truth))
    elsewhere = Road().fixes
    elsewhere.latitude = elsewhere.latitude + 0.01
    assert "track-off-road" in codes(on_road(place(road.line(), elsewhere, crs=CRS), truth))


def test_coordinates_that_cannot_be_in_their_system() -> None:
    assert checked_plane(CRS, 503_082.43, 2_511_315.31, "L1").to_epsg() == 4547
    assert checked_plane("EPSG:4526", 38_503_082.43, 2_511_315.31, "L1").to_epsg() == 4526
    for crs, x, y, words in (
        (CRS, 2_511_315.0, 503_082.0, "exchanged"),
        (CRS, 38_503_082.0, 2_511_315.0, "EPSG:4526 rather"),
        ("EPSG:4526", 503_082.0, 2_511_315.0, "EPSG:4547 rather"),
        (CRS, 10.0, 20.0, "outside the area"),
    ):
        with pytest.raises(ParameterError, match=words):
            checked_plane(crs, x, y, "L1")


def test_local_system_of_four_parameters(tmp_path: Path) -> None:
    path = tmp_path / "local.toml"
    turn = (1 + 12e-6) * np.exp(1j * np.radians(0.97))
    rng = np.random.default_rng(1)
    public = 503_000 + 2_511_000j + rng.uniform(-5000, 5000, 5) + 1j * rng.uniform(-5000, 5000, 5)
    local = 100_000 + 20_000j + turn * (public - 503_000 - 2_511_000j) + rng.normal(0, 0.01, 5)
    text = 'name = "local"\nfrom = "EPSG:4547"\nkind = "4-parameter"\n'
    for i, (a, b) in enumerate(zip(public, local, strict=True)):
        text += f'[[points]]\nid = "P{i}"\nx = {a.real}\ny = {a.imag}\nlocal_x = {b.real}\nlocal_y = {b.imag}\n'
    path.write_text(text)
    system = load_local_system(path)
    assert system.fitted
    assert max(abs(r.east) for r in system.residuals) < 0.03
    assert "standard deviation per axis" in system.report()
    assert f"{turn.real:.5f}" not in system.report()
    x, y = system.to_local(504_000.0, 2_512_000.0)
    assert complex(x, y) == pytest.approx(100_000 + 20_000j + turn * (1000 + 1000j), abs=0.03)
    np.testing.assert_allclose(np.array(system.from_local(x, y)), [504_000.0, 2_512_000.0], atol=1e-6)


def test_local_system_of_seven_parameters(tmp_path: Path) -> None:
    """With nothing but a shift of zero on the same ellipsoid it is the Gauss-Krueger system itself."""
    path = tmp_path / "local.toml"
    head = 'name = "local"\nfrom = "EPSG:4547"\nkind = "7-parameter"\n'
    zero = "[parameters]\ndx = 0\ndy = 0\ndz = 0\nrx = 0\nry = 0\nrz = 0\nconvention = 'position_vector'\n"
    plane = "[projection]\ncentral_meridian = 114\nfalse_easting = 500000\nellipsoid = 'GRS80'\n"
    path.write_text(head + zero + plane)
    system = load_local_system(path)
    np.testing.assert_allclose(np.array(system.to_local(503_000.0, 2_511_000.0)), [503_000, 2_511_000], atol=1e-3)
    path.write_text(head + zero.replace("dx = 0", "dx = -12.5").replace("rz = 0", "rz = 1.2") + plane)
    system = load_local_system(path)
    x, y = system.to_local(503_000.0, 2_511_000.0)
    assert abs(float(x) - 503_000) > 5
    np.testing.assert_allclose(np.array(system.from_local(x, y)), [503_000, 2_511_000], atol=0.01)
    assert "unchecked" in system.report()


def test_there_is_no_default_local_system(tmp_path: Path) -> None:
    with pytest.raises(MissingFileError, match="authority"):
        load_local_system(tmp_path / "shenzhen.toml")
    path = tmp_path / "a.toml"
    for text, words in (
        ('name = "a"', "from"),
        ('name = "a"\nfrom = "EPSG:4547"\nkind = "4-parameter"', "two"),
        ('name = "a"\nfrom = "EPSG:4490"\nkind = "4-parameter"\n[parameters]\ndx=0\ndy=0\nrotation=0', "not in metres"),
        ('name = "a"\nfrom = "EPSG:4547"\nkind = "7-parameter"\n[parameters]\ndx=0\ndy=0', "convention"),
        ("= 1", "no TOML"),
    ):
        path.write_text(text)
        with pytest.raises(RecipeError, match=words):
            load_local_system(path)
    path.write_text(TEMPLATE)
    assert load_local_system(path).name == "my local system"


class TwoBends(Road):
    """A road of two bends in the outage, which the ends do not tell."""

    PIECES = ((110, 0), (30, np.pi / 3), (30, 0), (30, -np.pi / 4), (400, 0))


def centreline_of(road: Road, aside: float, folder: Path) -> PositionOptions:
    """The road's centreline, a vertex every 5 m, to the left of the vehicle."""
    at = np.arange(0, road.path[0][-1], 5.0)
    x, y = road.at(at)
    east, north = (np.gradient(v, at) for v in (x, y))
    path = folder / "road.csv"
    rows = [f"{a:.3f},{b:.3f}" for a, b in zip(x - aside * north, y + aside * east, strict=True)]
    path.write_text("x,y\n" + "\n".join(rows))
    return PositionOptions(centreline=path, centreline_crs=CRS)


def test_a_gap_with_two_bends_is_closed_along_the_centreline(tmp_path: Path) -> None:
    road = TwoBends(outage=(85.0, 240.0))
    guessed = place(road.line(), road.fixes, crs=CRS)
    line = place(road.line(), road.fixes, crs=CRS, options=centreline_of(road, 3.5, tmp_path))
    inside = (road.odometer * 1.005 > 85) & (road.odometer * 1.005 < 240)
    assert "gnss-gap-bent" in codes(guessed)
    assert "gnss-gap-bent" not in codes(line)
    assert "gnss-gap-along-road" in codes(line)
    error = road.error(line)
    assert error[inside].max() < 0.005 * 155
    assert road.error(guessed)[inside].max() > 2 * error[inside].max()
    assert (error < 2 * np.sqrt(2) * line["position_sigma"].values)[inside].mean() > 0.9
    assert np.abs(np.diff(line["x"].values)).max() < 0.15  # traces stay a decimetre apart where the gap begins and ends
    outside = np.abs(road.odometer * 1.005 - 162.5) > 77.5 + 6.0  # the fixes beside the gap are up to 6 m away from it
    np.testing.assert_array_equal(line["x"].values[outside], guessed["x"].values[outside])


def test_a_gap_is_not_closed_along_a_road_of_another_length(tmp_path: Path) -> None:
    road = TwoBends(outage=(85.0, 240.0))
    options = centreline_of(road, 3.5, tmp_path)
    # a short cut: the centreline goes straight from before the bends to behind them
    head, *rows = (tmp_path / "road.csv").read_text().splitlines()
    (tmp_path / "road.csv").write_text("\n".join([head, *rows[:15], *rows[50:]]))
    found = codes(place(road.line(), road.fixes, crs=CRS, options=options))
    assert "gnss-gap-bent" in found
    assert "gnss-gap-along-road" not in found


def test_the_truth_lies_within_two_sigma_in_each_channel_of_an_array() -> None:
    offsets = np.linspace(-1.0, 1.0, 5)
    within = []
    for seed in range(4):
        road = Road(seed=seed, outage=(1e6, 1e6))
        line = place(road.line(5, channel_offsets=offsets), road.fixes, crs=CRS)
        way = road.odometer * 1.005
        ahead = np.stack([b - a for a, b in zip(road.at(way - 0.25), road.at(way + 0.25), strict=True)])
        east, north = ahead / np.hypot(*ahead)
        true_x = road.truth[0] + offsets[:, None] * north
        true_y = road.truth[1] - offsets[:, None] * east
        sigma = line["position_sigma"].values
        within.append([np.abs(line["x"].values - true_x) <= 2 * sigma, np.abs(line["y"].values - true_y) <= 2 * sigma])
    assert np.mean(within, axis=(0, 1, 3)).min() > 0.9


def test_tracks_of_many_kinds_are_read(tmp_path: Path) -> None:
    rows = [f"{i};114,03{i:04d};22,7" for i in range(5)]
    path = tmp_path / "轨迹 1.csv"
    path.write_bytes("\n".join(["道号;经度;纬度", *rows]).encode("gb18030"))  # as a spreadsheet in Chinese writes it
    track = read_track(path)
    np.testing.assert_allclose(track.fixes.longitude, 114.03 + np.arange(5) * 1e-6)
    np.testing.assert_allclose(track.fixes.trace, np.arange(5))
    path.write_text(
        "\n".join(["trace,longitude,latitude", *(row.replace(",", ".").replace(";", ",") for row in rows)]), "utf-16"
    )
    np.testing.assert_allclose(read_track(path).fixes.latitude, 22.7)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("trace,longitude,latitude\n0,22.7,114.03\n", "Are they exchanged"),
        ("trace,longitude,latitude\n0,503000,2511000\n", "Are these x and y"),
        ("trace,longitude,latitude\n0,114°01'48,22°42'00\n", "first one is .*114°01'48.*Decimal degrees"),
    ],
)
def test_tracks_say_what_is_wrong_with_them(tmp_path: Path, text: str, told: str) -> None:
    (tmp_path / "a.csv").write_text(text)
    with pytest.raises(ReadError, match=told):
        read_track(tmp_path / "a.csv")


def test_clocks_of_two_time_zones_are_recognised(tmp_path: Path) -> None:
    road = Road()
    assert road.fixes.time is not None
    stamps = [f"{str(t)[:23]}Z,114.03,22.7" for t in road.fixes.time]
    (tmp_path / "a.csv").write_text("\n".join(["time,longitude,latitude", *stamps]))
    with pytest.raises(ParameterError, match=r"-8 h apart.*add -28800 to clock_offset"):
        apply_positions(timed(road), {"track": tmp_path / "a.csv"}, CRS)

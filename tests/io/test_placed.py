"""The track of a line in files of gprscan: places and their deviations come back, fixes stay what the receiver said."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyproj
import pytest
import xarray as xr

import gprscan as gs
from gprscan.errors import WriteError
from gprscan.geometry import Fixes, line_crs, place, unproject
from gprscan.io import plain
from tests.io.test_roundtrip import assert_same, through
from tests.io.test_segy import codes

VENDOR = (".csv", ".dzt", ".dt1", ".rd3", ".sgy")
BESIDE = {".dzt": (".dzg", ".dzx"), ".dt1": (".gps", ".hd"), ".rd3": (".cor", ".rad")}


def drive(offsets: Sequence[float] | None = None, **more: object) -> xr.Dataset:
    """A bent drive of 60 m with a fix each 2 m, 20 m without, and one fix that is 8 m off."""
    rng = np.random.default_rng(3)
    n = 600
    distance = np.arange(n) * 0.1
    angle = np.radians(40 + 30 * np.sin(distance / 20))
    x, y = 503_000 + np.cumsum(np.sin(angle)) * 0.1, 2_511_000 + np.cumsum(np.cos(angle)) * 0.1
    at = np.arange(0, n, 20)
    at = at[(at < 300) | (at > 500)]
    noise = rng.normal(0, 0.02, (2, at.size))
    noise[0, 6] = 8.0
    lon, lat = unproject(x[at] + noise[0], y[at] + noise[1], "EPSG:4547")
    time = np.datetime64("2026-03-14T07:09:30", "ns") + at * np.timedelta64(50, "ms")
    fixes = Fixes(at, lon, lat, np.full(at.size, 33.0), np.full(at.size, 4), np.full(at.size, 0.02), time)
    shape = (n, 4) if offsets is None else (len(offsets), n, 4)
    line = gs.from_array(np.zeros(shape, "i2"), dt=0.5, distance=distance, channel_offsets=offsets)
    return place(line, fixes, **{"crs": "EPSG:4547", "lever_arm": (0.3, 1.2), **more})  # type: ignore[arg-type]


def off(line: xr.Dataset, other: xr.Dataset) -> float:
    return float(np.hypot(line["x"].values - other["x"].values, line["y"].values - other["y"].values).max())


@pytest.mark.parametrize("suffix", VENDOR)
def test_a_fused_drive_comes_back(suffix: str) -> None:
    line = drive()
    assert {"gnss-outliers"} <= codes(line)
    assert "heading-unknown" not in codes(line)
    receiver = gs.geometry.with_positions(line, line["longitude"].values, line["latitude"].values, crs="EPSG:4547")
    assert off(receiver, line) > 1  # the receiver's places are others: antenna, gap and outlier
    back = through(line, suffix)
    assert_same(back, line)
    assert "track-as-written" in codes(back)
    np.testing.assert_allclose(back["fix_sigma"], 0.02)
    assert float(back["position_sigma"].max()) > 0.05  # in the gap
    assert_same(through(back, suffix), line)


@pytest.mark.parametrize("suffix", VENDOR)
def test_distances_that_no_odometer_measured_stay_known_as_such(suffix: str) -> None:
    line = drive()
    bare = gs.from_array(np.zeros((600, 4), "i2"), dt=0.5)
    line = gs.geometry.with_positions(
        bare, line["longitude"].values, line["latitude"].values, sigma=np.full(600, 0.02), quality=np.full(600, 4)
    )
    assert line["distance"].attrs["source"] == "GNSS track"
    back = through(line, suffix)
    assert_same(back, line)
    track = gs.geometry.TrackFile(Fixes([0, 599], [114.03, 114.03], [22.70, 22.71]))
    elsewhere = [gs.geometry.on_track(one, track) for one in (back, line)]
    # an external track brings distances of its own, and does not inherit what another receiver stated
    np.testing.assert_allclose(elsewhere[0]["distance"], elsewhere[1]["distance"])
    assert float(elsewhere[0]["distance"][-1]) > 1000
    assert "fix_sigma" not in elsewhere[0].coords


@pytest.mark.parametrize("suffix", VENDOR)
@pytest.mark.parametrize(
    "datum", ["WGS 84 ellipsoid", "mean sea level by the receiver's own geoid model", "not recorded"]
)
def test_heights_keep_what_they_refer_to(suffix: str, datum: str) -> None:
    line = drive()
    line["gnss_height"].attrs["datum"] = datum
    assert_same(through(line, suffix), line)


@pytest.mark.parametrize("suffix", VENDOR)
def test_a_quality_that_was_not_recorded(suffix: str) -> None:
    line = drive()
    receiver = (line["longitude"].values, line["latitude"].values)
    line = gs.geometry.with_positions(line.drop_vars(["fix_quality", "fix_sigma"]), *receiver)
    assert (line["fix_quality"] == -1).all()
    back = through(line, suffix)
    # GGA sentences have no word for it: estimated
    np.testing.assert_array_equal(back["fix_quality"], 6 if suffix in (".dzt", ".dt1") else -1)
    assert_same(back.assign_coords(fix_quality=line["fix_quality"]), line)


def test_other_programs_are_not_told_that_heights_are_ellipsoidal(tmp_path: Path) -> None:
    line = drive()
    for datum, separation in (("WGS 84 ellipsoid", "0.0"), ("not recorded", "")):
        line["gnss_height"].attrs["datum"] = datum
        gs.write(line, tmp_path / "a.dzt", overwrite=True)
        assert f",33.0000,M,{separation},M,," in (tmp_path / "a.dzg").read_text()


@pytest.mark.parametrize("offsets", [[-0.6, 0.0, 0.6], [0.2, 0.7, 1.2], [0.0, 0.0, 1e-90]])
def test_channels_come_back(offsets: list[float]) -> None:
    line = drive(offsets)
    for part in (line, line.isel(channel=[1, 2])):
        assert_same(through(part, ".dzt"), part)
    one = through(line.isel(channel=[2]), ".dzt")
    assert off(one, line.isel(channel=2)) < 1e-4
    assert one.attrs["lever_arm"] == pytest.approx([0.3 + offsets[2], 1.2])


def test_another_reference_system_has_another_north(tmp_path: Path) -> None:
    line = drive([-0.6, 0.0, 0.6])
    gs.write(line, tmp_path / "a.dzt")
    back = gs.read(tmp_path / "a.dzt", crs="EPSG:32649")
    places = [unproject(one["x"].values, one["y"].values, line_crs(one)) for one in (back, line)]
    np.testing.assert_allclose(places[0], places[1], rtol=0, atol=2e-10)
    # between the meridians of 111 and 114 degrees: the convergence at 22.7 degrees north
    turned = np.degrees(np.arctan(np.tan(np.radians(3.03)) * np.sin(np.radians(22.7))))
    np.testing.assert_allclose((line["heading"] - back["heading"]).values % 360, turned, atol=0.03)


@pytest.mark.parametrize("suffix", [".csv", ".dzt", ".dt1", ".rd3"])
def test_a_reference_system_without_a_code(suffix: str) -> None:
    crs = pyproj.CRS("+proj=tmerc +lon_0=114.1 +k=1 +x_0=90000 +y_0=-2400000 +ellps=GRS80 +units=m")
    line = drive(crs=crs)
    assert_same(through(line, suffix), line)


@pytest.mark.parametrize("suffix", list(BESIDE))
def test_other_fixes_beside_the_file_rule_over_its_track(tmp_path: Path, suffix: str) -> None:
    line = drive()
    side = tmp_path / f"a{BESIDE[suffix][0]}"
    gs.write(line, tmp_path / f"a{suffix}")
    side.write_bytes(side.read_bytes().replace(b"\r\n", b"\n"))  # as some programs copy text
    assert off(gs.read(tmp_path / f"a{suffix}"), line) < 1e-4
    gs.write(drive(lever_arm=(0.0, 0.0)).isel(trace=slice(0, 400)), tmp_path / f"b{suffix}")
    side.write_bytes((tmp_path / f"b{BESIDE[suffix][0]}").read_bytes())
    back = gs.read(tmp_path / f"a{suffix}")
    assert "track-outdated" in codes(back)
    assert "track-as-written" not in codes(back)
    assert "x" in back.coords
    side.unlink()
    back = gs.read(tmp_path / f"a{suffix}")
    assert "track-outdated" in codes(back)
    assert "x" not in back.coords


@pytest.mark.parametrize("suffix", [".csv", *BESIDE])
def test_a_damaged_track_is_left_out(tmp_path: Path, suffix: str) -> None:
    line = drive().isel(trace=slice(0, 40))
    gs.write(line, tmp_path / f"a{suffix}")
    header = tmp_path / f"a{BESIDE.get(suffix, ('', suffix))[1]}"
    latitude = f"{float(_track(line)[1][7]):.10f}"
    whole = header.read_text()
    assert whole.count(latitude) == 1
    header.write_text(whole.replace(latitude, "91.0"))
    back = gs.read(tmp_path / f"a{suffix}")
    finding = next(f for f in gs.model.findings.load(back) if f.code == "track-incomplete")
    assert "39 of 40" in finding.evidence
    assert "x" in back.coords
    assert "track-as-written" not in codes(back)


def _track(line: xr.Dataset) -> tuple[np.ndarray, np.ndarray]:
    return unproject(line["x"].values, line["y"].values, line_crs(line))


@pytest.mark.parametrize("suffix", VENDOR)
def test_what_the_user_knows_better_places_the_fixes_anew(tmp_path: Path, suffix: str) -> None:
    line = drive()
    path = tmp_path / f"a{suffix}"
    gs.write(line, path)
    same = gs.read(path, positions={"lever_arm": (0.3, 1.2), "gnss_sigma": 0.02})
    assert off(same, line) < 1e-4
    assert "track-as-written" in codes(same)
    moved = gs.read(path, positions={"lever_arm": (0.0, 0.0)})
    assert "track-as-written" not in codes(moved)
    assert off(moved, line) > 1
    vague = gs.read(path, positions={"gnss_sigma": 0.5})
    assert float(vague["position_sigma"].min()) >= 0.25
    high = gs.read(path, positions={"vertical_datum": "Yellow Sea 1985", "gnss_height": 2.0})
    np.testing.assert_allclose(high["z"], 31.0, atol=1e-3)
    assert off(high, line) < 1e-4


def test_a_file_that_was_cut_off_keeps_the_track_of_its_traces(tmp_path: Path) -> None:
    line = drive()
    gs.write(line, tmp_path / "a.dzt")
    raw = (tmp_path / "a.dzt").read_bytes()
    (tmp_path / "a.dzt").write_bytes(raw[: 1024 + 400 * 8 + 3])
    back = gs.read(tmp_path / "a.dzt", on_truncated="trim")
    assert off(back, line.isel(trace=slice(0, 400))) < 1e-4


@pytest.mark.parametrize("suffix", VENDOR)
def test_one_trace_has_a_place_too(suffix: str) -> None:
    line = drive().isel(trace=[50])
    back = through(line, suffix)
    assert off(back, line) < 1e-4
    np.testing.assert_allclose(back["longitude"], line["longitude"], rtol=0, atol=1e-9)


@pytest.mark.parametrize("moved", [0.0, 0.5])
def test_channels_that_no_offset_explains_are_refused(tmp_path: Path, moved: float) -> None:
    line = drive([-0.6, 0.0, 0.6])
    x = line["x"].values.copy()
    x[1] += moved
    line = line.assign_coords(x=(("channel", "trace"), x))
    if moved:
        with pytest.raises(WriteError, match=r"channels lie up to 0\.\d+ m .*with_offsets"):
            gs.write(line, tmp_path / "a.dzt")
        with pytest.raises(WriteError, match="channels lie up to"):
            gs.write(line.drop_vars("offset"), tmp_path / "a.dzt")
    else:
        gs.write(line, tmp_path / "a.dzt")


@pytest.mark.parametrize("suffix", [".csv", *BESIDE])
def test_what_would_be_too_long_to_be_read_is_not_written(
    tmp_path: Path, suffix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plain, "TEXT_LIMIT", 30_000)
    with pytest.raises(WriteError, match=r"would take over 30000 bytes.*in parts"):
        gs.write(drive(), tmp_path / f"a{suffix}")
    assert not list(tmp_path.iterdir())
    gs.write(drive().isel(trace=slice(0, 60)), tmp_path / f"a{suffix}")

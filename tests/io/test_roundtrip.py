"""Writing then reading is the identity, for every writer and lines of any kind."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import gprscan as gs
from gprscan import names
from gprscan.errors import OutputExistsError, UnknownFormatError, WriteError
from tests.io.builders import make_dt1, make_dzt, make_rd3, radar
from tests.io.strategies import lines

QUICK = settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
COORDS = (names.DISTANCE, names.FREQUENCY, names.SEPARATION, names.OFFSET, names.MARK)
# relative and absolute, by what SEG-Y (a float16, 65534 steps of a turn) and NMEA (four decimals) hold
ROUNDED = {names.POSITION_SIGMA: (1e-3, 1e-6), names.HEADING: (0, 3e-3), names.FIX_SIGMA: (1e-6, 1e-4)}


def through(line: xr.Dataset, suffix: str) -> xr.Dataset:
    folder = Path(tempfile.mkdtemp())
    try:
        gs.write(line, folder / f"线 a{suffix}")
        return gs.read(folder / f"线 a{suffix}").load()
    finally:
        shutil.rmtree(folder)


def assert_same(back: xr.Dataset, line: xr.Dataset) -> None:
    np.testing.assert_array_equal(back["amplitude"].values, line["amplitude"].values)
    assert back["amplitude"].dims == line["amplitude"].dims
    np.testing.assert_allclose(back["twt"], line["twt"], rtol=1e-9, atol=1e-7)
    assert back.attrs.get("antenna_height") == line.attrs.get("antenna_height")
    for name in COORDS:
        if name == names.MARK and not line.get(name, xr.DataArray(0)).any():
            continue  # no mark is as good as no marks
        if name in line.coords:
            np.testing.assert_allclose(back[name], line[name], rtol=1e-6, atol=1e-6)
        else:
            assert name not in back.coords, name
    for name, (share, least) in ROUNDED.items():
        assert (name in back.coords) == (name in line.coords), name
        if name in line.coords:
            off = back[name].values - line[name].values
            off = (off + 180) % 360 - 180 if name == names.HEADING else off
            np.testing.assert_array_less(np.abs(off), share * np.abs(line[name].values) + least)
    assert back.attrs.get(names.LEVER_ARM) == pytest.approx(line.attrs.get(names.LEVER_ARM))
    assert back.attrs.get(names.ODOMETER_SCALE) == line.attrs.get(names.ODOMETER_SCALE)
    if names.DISTANCE in line.coords:
        assert back[names.DISTANCE].attrs.get("source") == line[names.DISTANCE].attrs.get("source")
    if names.X in line.coords:
        assert back[names.SPATIAL_REF].attrs["crs_wkt"] == line[names.SPATIAL_REF].attrs["crs_wkt"]
        for name in (names.X, names.Y):
            np.testing.assert_allclose(back[name], line[name], rtol=0, atol=5e-5)
        np.testing.assert_allclose(back[names.LONGITUDE], line[names.LONGITUDE], atol=1e-9)
        np.testing.assert_array_equal(back[names.FIX_QUALITY], line[names.FIX_QUALITY])
        if names.GNSS_HEIGHT in line.coords:
            np.testing.assert_allclose(back[names.GNSS_HEIGHT], line[names.GNSS_HEIGHT], atol=1e-3)
            assert back[names.GNSS_HEIGHT].attrs == line[names.GNSS_HEIGHT].attrs
        if names.TIME in line.coords:
            off = np.abs((back[names.TIME].values - line[names.TIME].values).astype("i8"))
            assert off.max() < 2000  # ns


@QUICK
@given(lines(dtypes=("i1", "i2", "i4"), channels=True))
def test_dzt(line: xr.Dataset) -> None:
    back = through(line, ".dzt")
    assert back["amplitude"].dtype == line["amplitude"].dtype
    assert_same(back, line)


@QUICK
@given(lines(dtypes=("i2", "f4"), channels=False))
def test_dt1(line: xr.Dataset) -> None:
    back = through(line, ".dt1")
    assert back["amplitude"].dtype == line["amplitude"].dtype
    assert_same(back, line)


@QUICK
@given(lines(dtypes=("i2",), channels=False))
def test_rd3(line: xr.Dataset) -> None:
    assert_same(through(line, ".rd3"), line)


@QUICK
@given(lines(dtypes=("i4",), channels=False))
def test_rd7(line: xr.Dataset) -> None:
    back = through(line, ".RD7")
    assert back["amplitude"].dtype == np.int32
    assert_same(back, line)


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(lines(dtypes=("i1", "i2", "i4", "f4", "f8"), channels=True))
def test_netcdf(line: xr.Dataset) -> None:
    xr.testing.assert_identical(through(line, ".nc"), line)


@QUICK
@given(st.integers(1, 8), st.sampled_from(["i1", "i2", "i4"]), st.sampled_from([1024, 8, 128]), st.integers(2, 40))
def test_header_sizes(n_channels: int, dtype: str, data: int, n_samples: int) -> None:
    values = radar(11, max(n_samples, 16), dtype, n_channels)
    with tempfile.TemporaryDirectory() as folder:
        line = gs.read(make_dzt(Path(folder) / "a.dzt", values, data=data))
        expected = values.transpose(1, 0, 2) if n_channels > 1 else values[:, 0]
        np.testing.assert_array_equal(line["amplitude"].values, expected)


def test_a_line_with_less_than_nothing_but_positions_in_xy(tmp_path: Path) -> None:
    """A model line with x and y per channel and no longitude is written to a DZG all the same."""
    line = gs.from_array(
        radar(40, 32, "i2", 3).transpose(1, 0, 2), dt=0.25, spacing=0.05, channel_offsets=[0, 0.5, 1.0]
    )
    y = np.broadcast_to(2_511_315.0 - np.array([0, 0.5, 1.0])[:, None], (3, 40))
    x = np.broadcast_to(503_082.0 + np.arange(40) * 0.05, (3, 40))
    dims = ("channel", "trace")
    line = line.assign_coords(x=(dims, x), y=(dims, y), spatial_ref=gs.geometry.spatial_ref("EPSG:4547"))
    gs.write(line, tmp_path / "a.DZT")
    assert {p.name for p in tmp_path.iterdir()} == {"a.DZT", "a.DZG", "a.DZX"}
    back = gs.read(tmp_path / "a.DZT")
    np.testing.assert_allclose(back["x"], x, atol=2e-3)
    np.testing.assert_allclose(back["y"], y, atol=2e-3)


def test_float_lines_are_scaled_without_visible_loss(tmp_path: Path) -> None:
    line = gs.from_array(radar(20, 40, "f4", 2).transpose(1, 0, 2), dt=0.25, spacing=0.05)
    gs.write(line, tmp_path / "a.dzt")
    back = gs.read(tmp_path / "a.dzt")["amplitude"].values.astype("f8")
    assert back.dtype == np.float64
    factor = back.ravel() @ line["amplitude"].values.ravel() / np.sum(line["amplitude"].values.astype("f8") ** 2)
    assert np.log2(factor) == pytest.approx(round(np.log2(factor)), abs=1e-9)  # a power of two
    np.testing.assert_allclose(back / factor, line["amplitude"].values, atol=1e-7 * 50)


def test_vendor_headers_survive(tmp_path: Path) -> None:
    dzt = gs.read(make_dzt(tmp_path / "a.DZT", radar(12, 32, "i2", 2), antennas=[b"300MHz", b"800MHz"], epsr=6.25))
    gs.write(dzt, tmp_path / "b.DZT")
    again = gs.read(tmp_path / "b.DZT")
    for name in ("instrument", "acquired"):
        assert again.attrs[name] == dzt.attrs[name]
    for text in ('"rh_epsr": 6.25', '"300MHz", "800MHz"', '"rh_sps": 24.0'):
        assert text in again.attrs["vendor_header"]
    dt1 = gs.read(make_dt1(tmp_path / "a.DT1", radar(9, 50, "i2"), hd={"PULSER VOLTAGE (V)": 400}))
    gs.write(dt1, tmp_path / "b.DT1")
    assert '"PULSER VOLTAGE (V)": "400"' in gs.read(tmp_path / "b.DT1").attrs["vendor_header"]
    rd3 = gs.read(make_rd3(tmp_path / "a.rd3", radar(9, 50, "i2"), OPERATOR="张"))
    gs.write(rd3, tmp_path / "b.rd3")
    assert '"OPERATOR": "张"' in gs.read(tmp_path / "b.rd3").attrs["vendor_header"]


def test_real_dzt_with_status_words_comes_back_byte_by_byte(tmp_path: Path, shared: Path) -> None:
    folder = shared / "data/real/dzt/NSGeophysics__GPRPy__sir3000_dune"
    line = gs.read(folder / "FILE____032.DZT")
    gs.write(line, tmp_path / "x.DZT")
    back = gs.read(tmp_path / "x.DZT")
    np.testing.assert_array_equal(back["amplitude"].values, line["amplitude"].values)
    np.testing.assert_array_equal(back["status"].values, line["status"].values)
    np.testing.assert_array_equal(back["mark"].values, line["mark"].values)
    assert (tmp_path / "x.DZT").read_bytes()[1024:] == (folder / "FILE____032.DZT").read_bytes()[1024:]


def test_nothing_is_overwritten_unless_asked(tmp_path: Path) -> None:
    line = gs.from_array(radar(20, 40, "i2"), dt=0.25, spacing=0.05)
    placed = gs.geometry.with_positions(line, 114.03 + np.arange(20) * 1e-6, np.full(20, 22.7))
    gs.write(placed, tmp_path / "a.dzt")
    with pytest.raises(OutputExistsError, match=r"a\.dzt.*overwrite"):
        gs.write(line, tmp_path / "a.dzt")
    gs.write(line, tmp_path / "a.dzt", overwrite=True)
    assert "x" not in gs.read(tmp_path / "a.dzt").coords  # the old track does not stay beside the new line
    (tmp_path / "b.GPS").write_text("someone else's")
    with pytest.raises(OutputExistsError, match=r"b\.GPS"):
        gs.write(line, tmp_path / "b.dt1")
    assert not list(tmp_path.glob(".*"))


def test_a_failed_write_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from gprscan.io import dzt_write

    line = gs.from_array(radar(20, 40, "i2"), dt=0.25, spacing=0.05)

    def full(*_: object) -> object:
        raise OSError(28, "No space left on device")
        yield b""

    monkeypatch.setattr(dzt_write, "_chunks", full)
    with pytest.raises(WriteError, match="No space left"):
        gs.write(line, tmp_path / "a.dzt")
    assert not list(tmp_path.iterdir())


def test_what_formats_cannot_hold(tmp_path: Path) -> None:
    values = radar(20, 40, "f4")
    line = gs.from_array(values, dt=0.25, spacing=0.05)
    dead = line.copy(data={"amplitude": np.where(np.arange(20)[:, None] == 3, np.nan, values)})
    array = gs.from_array(np.stack([values, values]), dt=0.25)
    wide = gs.from_array(np.full((3, 4), 2**40), dt=0.25)
    deep = line.rename(twt="depth")
    for bad, suffix, word in (
        (dead, ".dzt", "dead traces"),
        (array, ".rd3", "one channel"),
        (array, ".dt1", "one channel"),
        (wide, ".rd7", "32 bits"),
        (wide, ".dt1", "2\\^24"),
        (deep, ".dzt", "depth"),
        (gs.from_array(np.zeros((2, 70_000), "i1"), dt=0.1), ".dzt", "65535"),
    ):
        with pytest.raises(WriteError, match=word):
            gs.write(bad, tmp_path / f"a{suffix}")
    with pytest.raises(UnknownFormatError, match=r"Writable: \.csv \.dt1 \.dzt \.nc"):
        gs.write(line, tmp_path / "a.xyz")
    with pytest.raises(WriteError, match="does not exist"):
        gs.write(line, tmp_path / "nowhere" / "a.dzt")
    assert not list(tmp_path.iterdir())
    gs.write(dead, tmp_path / "a.dt1")
    np.testing.assert_array_equal(gs.read(tmp_path / "a.dt1")["amplitude"].values, dead["amplitude"].values)


@pytest.mark.parametrize("suffix", [".dzt", ".dt1", ".rd3"])
def test_one_channel_of_an_array_stays_beside_its_receiver(tmp_path: Path, suffix: str) -> None:
    """The lever arm, and the offset of the channel that was picked out, move its map positions by metres."""
    array = gs.from_array(
        radar(40, 32, "i2", 3).transpose(1, 0, 2), dt=0.25, spacing=0.05, channel_offsets=[-0.6, 0.0, 0.6]
    )
    along = np.arange(40)
    placed = gs.geometry.with_positions(
        array, 114.03 + along * 4.87e-7, 22.7 + along * 1e-7, sigma=np.full(40, 0.01), lever_arm=(0.2, -1.5)
    )
    one = placed.isel(channel=2)
    gs.write(one, tmp_path / f"a{suffix}")
    back = gs.read(tmp_path / f"a{suffix}")
    np.testing.assert_allclose(back["x"], one["x"], atol=2e-3)
    np.testing.assert_allclose(back["y"], one["y"], atol=2e-3)
    np.testing.assert_allclose(back["longitude"], one["longitude"], atol=1e-9)


def test_a_refusal_names_each_file_once(tmp_path: Path) -> None:
    line = gs.from_array(radar(12, 32, "i2"), dt=0.25, spacing=0.05)
    gs.write(line, tmp_path / "a.rd3")
    with pytest.raises(OutputExistsError) as refusal:
        gs.write(line, tmp_path / "a.rd3")
    assert str(refusal.value).count("a.rad") == 1


@pytest.mark.parametrize("suffix", [".dzt", ".dt1"])
def test_the_recorders_clock_stays_the_recorders(tmp_path: Path, suffix: str) -> None:
    """The date of the header is local time; the receiver's UTC must not take its place."""
    line = gs.from_array(radar(40, 32, "i2"), dt=0.25, spacing=0.05).assign_attrs(acquired="2026-03-14T15:09:26")
    utc = np.datetime64("2026-03-14T07:09:30", "ns") + np.arange(40) * np.timedelta64(50, "ms")
    line = gs.geometry.with_positions(line, 114.03 + np.arange(40) * 4.87e-7, np.full(40, 22.7), time=utc)
    gs.write(line, tmp_path / f"a{suffix}")
    back = gs.read(tmp_path / f"a{suffix}")
    assert back.attrs["acquired"] == "2026-03-14T15:09:26"
    assert abs(back["time"].values[0] - utc[0]) < np.timedelta64(1, "ms")

"""SEG-Y and Seismic Unix: samples of every format, byte orders, dialects of the interval, places, damage."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import gprscan as gs
from gprscan.errors import ParameterError, ReadError, TruncatedFileError, WriteError
from gprscan.io import identify
from gprscan.io.lazy import TraceLayout, ibm_to_ieee
from gprscan.model import findings
from tests.io import makers
from tests.io.builders import radar
from tests.io.strategies import lines
from tests.io.test_roundtrip import QUICK, assert_same, through


def codes(line: object) -> set[str]:
    return {f.code for f in findings.load(line)}  # type: ignore[arg-type]


@pytest.mark.parametrize("order", [">", "<"])
@pytest.mark.parametrize(("code", "dtype"), [(1, "f4"), (2, "i4"), (3, "i2"), (5, "f4"), (6, "f8"), (8, "i1")])
def test_samples_of_every_format(tmp_path: Path, order: str, code: int, dtype: str) -> None:
    values = radar(9, 40, dtype)
    line = gs.read(makers.make_segy(tmp_path / "a.sgy", values, code=code, order=order))
    assert line["amplitude"].dtype == values.dtype
    np.testing.assert_allclose(line["amplitude"].values, values, rtol=1e-6 if code == 1 else 0)
    np.testing.assert_array_equal(line["amplitude"][3:5, 7].values, line["amplitude"].values[3:5, 7])
    assert float(line["twt"][1] - line["twt"][0]) == pytest.approx(0.4)
    assert line.attrs["acquired"] == "2025-03-14T15:09:26"


def test_ibm_floats_are_those_of_the_manual() -> None:
    """System/360 Principles of Operation: 0xC276A000 is -118.625, 0x42640000 is 100."""
    words = np.array([0xC276A000, 0x42640000, 0, 0x41100000, 0x7FFFFFFF], dtype="u4")
    np.testing.assert_array_equal(ibm_to_ieee(words), np.array([-118.625, 100, 0, 1, np.inf], "f4"))


@given(
    st.lists(
        st.floats(-(2.0**100), 2.0**100, width=32).filter(lambda v: v == 0 or abs(v) > 1e-30), min_size=1, max_size=20
    )
)
def test_ibm_floats_against_an_encoder_of_our_own(values: list[float]) -> None:
    array = np.array(values)
    np.testing.assert_allclose(ibm_to_ieee(makers.ibm_words(array)), array, rtol=2**-20)


def test_the_interval_is_a_dialect(tmp_path: Path) -> None:
    path = makers.make_segy(tmp_path / "a.sgy", radar(5, 100, "f4"), interval=2)
    assert "interval-unit-assumed" in codes(gs.read(path))
    line = gs.read(path, interval_unit="ns")
    assert float(line["twt"][1] - line["twt"][0]) == pytest.approx(2.0)
    assert "interval-unit-assumed" not in codes(line)
    with pytest.raises(ReadError, match="no ground-penetrating radar"):
        gs.read(path, interval_unit="us")
    with pytest.raises(ParameterError, match="interval_unit"):
        gs.read(path, interval_unit="min")
    stated = makers.make_segy(tmp_path / "b.sgy", radar(5, 100, "f4"), text=b"C 1 INTERVALS IN PICOSECONDS")
    assert "interval-unit-assumed" not in codes(gs.read(stated))


def test_places(tmp_path: Path) -> None:
    values, along = radar(30, 40, "i2"), np.arange(30)
    line = gs.read(makers.make_segy(tmp_path / "m.sgy", values, code=3, places=(along * 5, along * 0), scalar=-100))
    np.testing.assert_allclose(line["distance"], along * 0.05)
    assert "x" not in line.coords  # lengths in no known system are no positions
    seconds = (np.rint((114.03 + along * 4.87e-7) * 3.6e6), np.rint((22.7 + 0 * along) * 3.6e6))
    angles = tuple(part.astype("i4") for part in seconds)
    line = gs.read(makers.make_segy(tmp_path / "d.sgy", values, code=3, places=angles, scalar=-1000, unit=2))
    np.testing.assert_allclose(line["longitude"], 114.03 + along * 4.87e-7, atol=3e-7)
    assert line["spatial_ref"].attrs["crs_wkt"]
    east = (503_082 + along, 2_511_315 + 0 * along)
    line = gs.read(makers.make_segy(tmp_path / "e.sgy", values, code=3, places=east), crs="EPSG:4547")
    np.testing.assert_allclose(line["x"], east[0], atol=1e-3)


def test_radsys(tmp_path: Path) -> None:
    text = b"C 1 Prism software, Radar Systems, Inc."
    lon, lat = (24.1 + np.arange(30) * 1e-4) * 3600, np.full(30, 56.95 * 3600)
    places = (lon.astype("f4"), lat.astype("f4"))
    line = gs.read(
        makers.make_segy(tmp_path / "a.sgy", radar(30, 40, "i2"), code=3, order="<", text=text, places=places)
    )
    np.testing.assert_allclose(line["longitude"], lon / 3600, atol=1e-5)
    assert line.attrs["instrument"] == "Radar Systems"


@pytest.mark.parametrize("order", [">", "<"])
@pytest.mark.parametrize(
    ("code", "dtype"), [(5, "f4"), (9, "i8"), (10, "u4"), (11, "u2"), (12, "u8"), (16, "u1"), (1, "f4")]
)
def test_revision_2(tmp_path: Path, order: str, code: int, dtype: str) -> None:
    """Fields that revision 2 adds: more samples, a fine interval, further headers, a first byte, blocks at the end."""
    values = radar(6, 50, "f4") if dtype == "f4" else np.random.default_rng(3).integers(0, 200, (6, 50)).astype(dtype)
    path = makers.make_segy_2(tmp_path / "a.sgy", values, code=code, order=order, interval_us=0.00025)
    assert identify(path).name == "segy"
    line = gs.read(path)
    assert not line["amplitude"].variable._in_memory
    np.testing.assert_allclose(line["amplitude"], values, rtol=1e-6)
    assert float(line["twt"].diff("twt")[0]) == pytest.approx(0.25)
    assert "SURVEY ROAD 7" in line.attrs["vendor_header"]
    open_ended = makers.make_segy_2(tmp_path / "b.sgy", values, code=code, order=order, texts=3, stated=-1)
    np.testing.assert_allclose(gs.read(open_ended)["amplitude"], values, rtol=1e-6)


def test_revision_2_that_lies(tmp_path: Path) -> None:
    values = radar(6, 50, "f4")
    raw = bytearray(makers.make_segy_2(tmp_path / "a.sgy", values, interval_us=0.00025).read_bytes())
    for at, field, word in (
        (3504, b"\xff\xff", "none of them is the last"),
        (3504, b"\x7f\xff", "extended textual headers"),
        (3506, b"\x7f\xff\xff\xff", "further headers of each trace"),
        (3520, b"\0\0\0\0\0\0\0\1", "first trace is said to begin"),
        (3528, b"\xff\xff\xff\xff", "blocks after the traces"),
        (3268, b"\x7f\xff\xff\xff", "samples per trace"),
        (3224, b"\0\7", "24-bit integers"),
    ):
        damaged = raw.copy()
        damaged[at : at + len(field)] = field
        if word.startswith("none"):
            damaged = damaged.replace(b"EndText", b"EndTest")
        path = tmp_path / "b.sgy"
        path.write_bytes(damaged)
        with pytest.raises(ReadError, match=word):
            gs.read(path)


def test_many_traces_are_looked_at_in_a_sample(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is found is what reading all headers finds: positions, a damaged header in the sample, the samples."""
    values = radar(300, 40, "i2")
    x = np.arange(300) * 7
    path = makers.make_segy(tmp_path / "a.sgy", values, code=3, places=(x, x * 0), scalar=-100)
    whole = gs.read(path)
    bare = makers.make_segy(tmp_path / "b.sgy", values, code=3)
    ours = gs.write(whole, tmp_path / "c.sgy")
    monkeypatch.setattr(TraceLayout.spread, "__defaults__", (100, 20))
    np.testing.assert_array_equal(gs.read(path)["distance"], whole["distance"])
    np.testing.assert_array_equal(gs.read(ours)["distance"], whole["distance"])
    assert "time-triggered" in codes(gs.read(bare))
    raw = bytearray(bare.read_bytes())
    raw[3600 + 299 * 320 + 114 : 3600 + 299 * 320 + 116] = b"\0\7"
    bare.write_bytes(raw)
    with pytest.raises(ReadError, match="trace 300 says 7 samples"):
        gs.read(bare)


def test_headers_that_disagree_or_lie(tmp_path: Path) -> None:
    values = radar(7, 40, "i2")
    line = gs.read(makers.make_segy(tmp_path / "a.sgy", values, code=3, header_samples=41))
    assert "header-samples-disagree" in codes(line)
    np.testing.assert_array_equal(line["amplitude"], values)
    assert gs.read(makers.make_segy(tmp_path / "x.sgy", values, code=3, revision=1, extended=2)).sizes["trace"] == 7
    raw = makers.make_segy(tmp_path / "b.sgy", values, code=3).read_bytes()
    for damaged, word, kind in (
        (raw[:-7], "on_truncated='trim'", TruncatedFileError),
        (raw[:439], "3600", ReadError),
        (raw[:3600], "0 of data", TruncatedFileError),
        (raw[:3224] + b"\x00\x0d" + raw[3226:], "sample format code is 13", ReadError),
        (raw[: 3600 + 320 + 114] + b"\x00\x10" + raw[3600 + 320 + 116 :], "trace 2 says 16 samples", ReadError),
    ):
        (tmp_path / "c.sgy").write_bytes(damaged)
        with pytest.raises(kind, match=word):
            gs.read(tmp_path / "c.sgy")
    (tmp_path / "c.sgy").write_bytes(raw[:-7])
    assert gs.read(tmp_path / "c.sgy", on_truncated="trim").sizes["trace"] == 6


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("shift", [0, 4])
def test_su(tmp_path: Path, order: str, shift: int) -> None:
    values = radar(9, 50, "f4")
    path = makers.make_su(tmp_path / "a.bin", values, order=order, shift=shift, d1=0.40039)
    assert identify(path).name == "su"
    line = gs.read(path)
    np.testing.assert_array_equal(line["amplitude"], values)
    assert float(line["twt"][1] - line["twt"][0]) == pytest.approx(0.40039, rel=1e-6)
    np.testing.assert_allclose(line["distance"], np.arange(9) * 0.04, rtol=1e-6)
    cut = tmp_path / "b.su"
    cut.write_bytes(path.read_bytes()[:-3])
    with pytest.raises(TruncatedFileError, match="50 floats"):
        gs.read(cut)


def test_su_without_optional_words(tmp_path: Path) -> None:
    line = gs.read(makers.make_su(tmp_path / "a.su", radar(9, 50, "f4")))
    assert "distance" not in line.coords
    assert {"interval-unit-assumed", "time-triggered"} <= codes(line)


@QUICK
@given(lines(dtypes=("i2", "i4", "f4"), channels=False))
def test_write_then_read(line: object) -> None:
    back = through(line, ".sgy")  # type: ignore[arg-type]
    assert back["amplitude"].dtype == line["amplitude"].dtype  # type: ignore[index]
    assert_same(back, line)  # type: ignore[arg-type]


def test_what_segy_cannot_hold(tmp_path: Path) -> None:
    for line, word in (
        (gs.from_array(np.zeros((2, 3, 4), "i2"), dt=0.5), "one channel"),
        (gs.from_array(np.zeros((3, 4), "i2"), dt=70.0), "65535 ps"),
        (gs.from_array(np.zeros((3, 40_000), "i1"), dt=0.1), "32767 samples"),
        (gs.from_array(np.zeros((3, 4), "i8"), dt=0.5), "int64"),
    ):
        with pytest.raises(WriteError, match=word):
            gs.write(line, tmp_path / "a.sgy")
    assert not list(tmp_path.iterdir())

"""SEG-2 with US Radar's strings, and IDS .dt: samples, headers, places, damage."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest

import gprscan as gs
from gprscan import model
from gprscan.errors import ReadError, TruncatedFileError
from gprscan.io import identify
from tests.io import fuzz, makers
from tests.io.builders import radar
from tests.io.test_segy import codes

SPR = {"SPR_SAMPLING_INTERVAL": 100, "SPR_SHAFT_INTERVAL": 0.1, "SPR_TRIGGER_MODE": "SHAFT", "UNITS": "FEET"}


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("dtype", ["i2", "i4", "f4", "f8"])
@pytest.mark.parametrize("shuffled", [False, True])
def test_seg2_samples(tmp_path: Path, order: str, dtype: str, shuffled: bool) -> None:
    values = radar(11, 40, dtype)
    path = makers.make_seg2(tmp_path / "a.rad", values, order=order, shuffled=shuffled)
    assert identify(path).name == "seg2"  # although MALA's headers have this extension
    line = gs.read(path)
    np.testing.assert_array_equal(line["amplitude"], values)
    assert line["amplitude"].dtype == values.dtype
    assert float(line["twt"][1] - line["twt"][0]) == pytest.approx(0.4)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("n_samples", [40, 41, 43])
def test_seg2_20_bit(tmp_path: Path, order: str, n_samples: int) -> None:
    """Four samples in five words; values of 16 bits are exact, longer ones lose what the mantissa cannot hold."""
    small = radar(7, n_samples, "i2").astype("i4")
    line = gs.read(makers.make_seg2(tmp_path / "a.sg2", small, order=order, packed=True))
    assert line["amplitude"].dtype == np.int32
    np.testing.assert_array_equal(line["amplitude"], small)
    wide = np.random.default_rng(4).integers(-(2**30), 2**30, (7, n_samples)).astype("i4")
    path = makers.make_seg2(tmp_path / "b.sg2", wide, order=order, packed=True, shuffled=True)
    back = gs.read(path)
    np.testing.assert_allclose(back["amplitude"], wide, atol=2**15)
    np.testing.assert_array_equal(back["amplitude"][2:5:2, 3].values, back["amplitude"].values[2:5:2, 3])
    assert int(np.abs(back["amplitude"].values.astype("i8") - wide).max()) > 0
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(ReadError, match="ends at byte"):
        gs.read(path)


def test_seg2_reads_scattered_traces_when_they_are_used(tmp_path: Path) -> None:
    values = radar(11, 40, "f4")
    line = gs.read(makers.make_seg2(tmp_path / "a.sg2", values, shuffled=True))
    assert not line["amplitude"].variable._in_memory
    np.testing.assert_array_equal(line["amplitude"][4, 7], values[4, 7])
    np.testing.assert_array_equal(line["amplitude"].isel(trace=slice(8, 2, -2)), values[8:2:-2])


def test_seg2_strings(tmp_path: Path) -> None:
    own = [{"SPR_MARKER": int(i == 4)} for i in range(11)]
    strings = {"SAMPLE_INTERVAL": "none", "ACQUISITION_DATE": "14/MAR/2025", "ACQUISITION_TIME": "15:09:26", **SPR}
    path = makers.make_seg2(tmp_path / "a.RAD", radar(11, 40, "i2"), strings=strings, trace_strings=own)
    rows = [f"{i:05d},{1 + 2 * i:05d},22.7,{114.03 + 2 * i * 2.97e-7:.9f},38.9,1.1,0,8" for i in range(6)]
    (tmp_path / "a.gps").write_text("\n".join(["6", *rows, "broken,row"]))
    line = gs.read(path)
    np.testing.assert_allclose(line["distance"], np.arange(11) * 0.03048)
    assert np.flatnonzero(line["mark"]).tolist() == [4]
    assert line.attrs["acquired"] == "2025-03-14T15:09:26"
    np.testing.assert_allclose(line["longitude"], 114.03 + np.arange(11) * 2.97e-7, atol=2e-8)
    assert {"interval-unit-assumed", "position-rows-damaged"} <= codes(line)
    along = [{"RECEIVER_LOCATION": 5 + i / 2} for i in range(11)]
    line = gs.read(makers.make_seg2(tmp_path / "b.sg2", radar(11, 40, "i2"), trace_strings=along))
    np.testing.assert_allclose(line["distance"], 5 + np.arange(11) / 2)


def test_seismic_seg2_is_refused_until_its_unit_is_declared(tmp_path: Path) -> None:
    path = makers.make_seg2(tmp_path / "a.dat", radar(5, 40, "f4"), strings={"SAMPLE_INTERVAL": 0.5})
    with pytest.raises(ReadError, match="no ground-penetrating radar"):
        gs.read(path)
    assert float(gs.read(path, interval_unit="ns")["twt"].diff("twt")[0]) == pytest.approx(0.5)


@pytest.mark.parametrize("shuffled", [False, True])
@pytest.mark.parametrize("packed", [False, True])
def test_a_cut_seg2_can_be_trimmed(tmp_path: Path, shuffled: bool, packed: bool) -> None:
    values = radar(9, 40, "i2").astype("i4")
    path = makers.make_seg2(tmp_path / "a.sg2", values, shuffled=shuffled, packed=packed)
    path.write_bytes(path.read_bytes()[:-250])
    with pytest.raises(
        TruncatedFileError, match=r"ends at byte \d+, the file at \d+.*on_truncated='trim' to keep \d whole"
    ):
        gs.read(path)
    line = gs.read(path, on_truncated="trim")
    kept = line.sizes["trace"]
    assert 5 <= kept < 9
    np.testing.assert_array_equal(line["amplitude"], values[9 - kept :] if shuffled else values[:kept])
    assert "truncated-file" in codes(line)


def test_damaged_seg2(tmp_path: Path) -> None:
    path = makers.make_seg2(tmp_path / "a.sg2", radar(6, 40, "i2"))
    raw = path.read_bytes()
    second = struct.unpack_from("<I", raw, 36)[0]
    for damaged, word in (
        (raw[:-5], "truncated|Truncated"),
        (raw[:40], "pointers|outside"),
        (raw[:second] + b"xx" + raw[second + 2 :], "trace 2 should begin"),
        (raw[: second + 8] + b"\x29" + raw[second + 9 :], "block of trace 2 says 41 samples"),
        (raw[:6] + b"\xff\xff" + raw[8:], "65535 traces"),
    ):
        path.write_bytes(damaged)
        with pytest.raises(ReadError, match=word):
            gs.read(path)


def test_ids(tmp_path: Path) -> None:
    values = radar(20, 128, "i2")
    path = makers.make_ids(tmp_path / "LID10001.dt", values, flags={3: b"R\x08\0\0", 9: b"R\x01\x06\0"}, start=12.5)
    line = gs.read(path)
    np.testing.assert_array_equal(line["amplitude"], values)
    assert float(line["twt"].diff("twt")[0]) == pytest.approx(0.1)
    np.testing.assert_allclose(line["distance"], 12.5 + 0.02 * np.arange(20))
    assert model.centre_frequency(line) == 600.0  # of the second transmitter, which this channel uses
    assert model.antenna_separation(line) == pytest.approx(0.3 * 2**0.5)
    assert np.flatnonzero(line["mark"]).tolist() == [3]
    assert line.attrs["acquired"] == "2025-03-14T15:09:26"
    assert codes(line) == {"traces-flagged-bad", "time-zero-estimated"}


def test_ids_headers_that_disagree(tmp_path: Path) -> None:
    values = radar(20, 128, "i2")
    path = makers.make_ids(tmp_path / "a.dt", values, y_cell=1e-9, n_x=21, wheel=0)
    assert {"header-window-mismatch", "trace-count-disagreement", "time-triggered"} <= codes(gs.read(path))
    path.write_bytes(path.read_bytes() + (b"E" + bytes(259)) * 2)
    line = gs.read(path)
    assert line.sizes["trace"] == 20
    assert "trailing-records" in codes(line)


def test_ids_positions(tmp_path: Path) -> None:
    path = makers.make_ids(tmp_path / "a.dt", radar(20, 128, "i2"))
    rows = [f"{i},{0.1 * i},0,{503_082 + 0.1 * i},2511315,12.5,EPSG:4547,x" for i in range(4)]
    (tmp_path / "a.GEC").write_text("\n".join(["<UTM_ZONE>", "50", "<VALID_MARKERS_SWEEP>", "4", *rows]))
    line = gs.read(path)
    np.testing.assert_allclose(line["x"], 503_082 + 0.02 * np.arange(20), atol=2e-3)
    assert "positions-documented-only" in codes(line)
    (tmp_path / "a.GEC").write_text("\n".join(row.replace("EPSG:4547", "zone") for row in rows))
    assert "position-crs-unknown" in codes(gs.read(path))


def test_ids_dates_that_are_none(tmp_path: Path) -> None:
    path = makers.make_ids(tmp_path / "a.dt", radar(20, 128, "i2"))
    raw = path.read_bytes()
    for text in (b"14/13/25  15:09:26", b"14/03/25  15:09+26", b"14/03/25  25:09:26", b"x" * 18):
        path.write_bytes(raw.replace(b"14/03/25  15:09:26", text))
        assert "acquired" not in gs.read(path).attrs


def test_damaged_ids(tmp_path: Path) -> None:
    path = makers.make_ids(tmp_path / "a.dt", radar(20, 128, "i2"))
    raw = path.read_bytes()
    third = 8 * 300 + 2 * 260
    for damaged, word, kind in (
        (raw[:-9], "on_truncated='trim'", TruncatedFileError),
        (raw[:700], "before the first sweep", ReadError),
        (raw[:third] + b"Q" + raw[third + 1 :], "record 3 after the header is no sweep", ReadError),
        (raw.replace(b"H\x15\x04", b"Q\x15\x04"), "record H", ReadError),
    ):
        path.write_bytes(damaged)
        with pytest.raises(kind, match=word):
            gs.read(path)


def test_fixes_a_third_of_the_earth_apart_are_no_crash(tmp_path: Path) -> None:
    path = fuzz.SEEDS["seg2"][0](tmp_path)  # seed 2, mutation 1813
    rows = ["0,1,22.7,014.03,12.7,1.1,0,8", "4,5,22.7,114.03004,13.5,1.1,0,8", "8,9,22.7,114.030008,12.5,1.1,0,8"]
    rows += ["12,13,22.7,114.030012,02.5,1.1,0,8", "16,17,22.7,114.230016,52.5<0.1,0,8"]
    (tmp_path / "a.gps").write_text("\n".join(["6", *rows, "20,21,2r.7,114.2300200000000,12.5,1.1,0,8["]))
    found = codes(gs.read(path))
    assert {"odometer-gnss-disagreement", "position-rows-damaged"} <= found

"""DT1 files made byte by byte: sample types, units, redefined header words, position files, faults."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import gprscan as gs
from gprscan import model
from gprscan.errors import MissingFileError, ReadError, TruncatedFileError
from gprscan.model.findings import load
from tests.io.builders import gga, make_dt1, radar


def codes(line: object) -> set[str]:
    return {finding.code for finding in load(line)}  # type: ignore[arg-type]


@pytest.mark.parametrize("dtype", ["i2", "f4"])
@pytest.mark.parametrize("ends", ["\r\r\n", "\r\n", "\r\r", "\n"])
def test_types_and_line_ends(tmp_path: Path, dtype: str, ends: str) -> None:
    values = radar(9, 50, dtype)
    line = gs.read(make_dt1(tmp_path / "LINE.DT1", values, ends=ends))
    np.testing.assert_array_equal(line["amplitude"].values, values)
    assert line["amplitude"].dtype == np.dtype(dtype)
    assert line["amplitude"].attrs["units"] == ("mV" if dtype == "f4" else "1")
    np.testing.assert_allclose(line["twt"], np.arange(50) * 0.4 - 4 * 0.4)  # time zero at point 5, counted from 1
    np.testing.assert_allclose(line["distance"], np.arange(9) * 0.25)
    assert float(line["frequency"]) == 250
    assert line.attrs["acquired"] == "2025-03-14"


def test_feet(tmp_path: Path) -> None:
    line = gs.read(make_dt1(tmp_path / "a.DT1", radar(9, 50, "i2"), hd={"POSITION UNITS": "ft"}))
    assert model.trace_spacing(line) == pytest.approx(0.25 * 0.3048)
    assert model.antenna_separation(line) == pytest.approx(0.28 * 0.3048)


def test_unknown_unit(tmp_path: Path) -> None:
    line = gs.read(make_dt1(tmp_path / "a.DT1", radar(9, 50, "i2"), hd={"POSITION UNITS": "furlong"}))
    assert "position-unit-unknown" in codes(line)


def test_redefined_header_words(tmp_path: Path) -> None:
    """Conquest puts something else where the number of points should be."""
    values = radar(9, 50, "i2")
    extra = {"TRACEHEADERDEF_3": "PCDF@A", "TRACEHEADERDEF_21": "TRSHFT", "TRACEHEADERDEF_2": "OTHER"}
    line = gs.read(make_dt1(tmp_path / "a.DT1", values, hd=extra, words={1: 1e30, 2: 1.5e-36, 20: 2.63}))
    np.testing.assert_array_equal(line["amplitude"].values, values)
    np.testing.assert_allclose(line["distance"], np.arange(9) * 0.25)  # positions are redefined: step size rules


def test_reversed_line(tmp_path: Path) -> None:
    hd = {"STARTING POSITION": 2.0, "FINAL POSITION": 0.0}
    forward = gs.read(make_dt1(tmp_path / "a.DT1", radar(9, 50, "i2"), hd=hd))
    backward = gs.read(make_dt1(tmp_path / "b.DT1", radar(9, 50, "i2"), hd=hd, positions=2 - np.arange(9) * 0.25))
    for line in (forward, backward):
        assert "reversed-line" in codes(line)
        np.testing.assert_allclose(line["distance"], np.arange(9) * 0.25)


def test_uneven_positions_are_kept(tmp_path: Path) -> None:
    along = np.array([0, 0.25, 0.5, 1.5, 1.75, 2.0])
    line = gs.read(make_dt1(tmp_path / "a.DT1", radar(6, 50, "i2"), positions=along))
    np.testing.assert_allclose(line["distance"], along)
    assert "spacing-disagreement" in codes(line)


def test_cmp_and_bad_traces(tmp_path: Path) -> None:
    line = gs.read(make_dt1(tmp_path / "a.DT1", radar(9, 50, "i2"), hd={"SURVEY MODE": "CMP/WARR"}, words={21: 1.0}))
    assert {"not-a-reflection-line", "traces-flagged-bad"} <= codes(line)


def gps_text(n: int, every: int) -> str:
    text = ""
    for trace in range(n):
        second = 7200 + trace // every
        text += f"Trace #{trace + 1} at position {trace * 0.25:.6f}\n"
        text += gga(second, 114.03 + (trace // every) * every * 0.25 / 102_600, 22.7, 2, "GP") + "\n$GPGSA,A,3*00\n"
    return text


def test_gps_repeats_sentences_between_fixes(tmp_path: Path) -> None:
    make_dt1(tmp_path / "a.DT1", radar(41, 50, "i2"))
    (tmp_path / "A.gps").write_text(gps_text(41, 8))
    line = gs.read(tmp_path / "a.DT1")
    step = np.diff(line["x"].values)
    assert step == pytest.approx(0.25, abs=0.01)  # interpolated, no stairs
    assert not codes(line) & {"odometer-gnss-disagreement", "gnss-repeated-fixes"}


def test_gp2_is_preferred_and_always_metric(tmp_path: Path) -> None:
    make_dt1(tmp_path / "a.DT1", radar(41, 50, "i2"), hd={"POSITION UNITS": "ft"})
    (tmp_path / "a.GPS").write_text("Trace #1 at position 0\nrubbish\n")
    rows = [";GPS@@@", ";Date=2007-Sep-26 15:50:52.539", "traces,odo_tick,pos(m),time_elapsed(s),GPS"]
    for i, trace in enumerate((1, 11, 21, 31, 41)):
        lon = 114.03 + (trace - 1) * 0.25 * 0.3048 / 102_600
        rows.append(f'{trace},{i * 55},{i},{i},"{gga(100 + i, lon, 22.7)}"')
    (tmp_path / "a.GP2").write_text("\r\n".join(rows))
    line = gs.read(tmp_path / "a.DT1")
    assert np.diff(line["x"].values) == pytest.approx(0.25 * 0.3048, abs=0.01)
    assert str(line["time"].values[0])[:10] == "2007-09-26"


def test_odometer_against_gnss(tmp_path: Path) -> None:
    make_dt1(tmp_path / "a.DT1", radar(201, 50, "i2"))
    text = ""
    for trace in range(0, 201, 10):  # the track is 8 % longer than the odometer says
        text += f"Trace #{trace + 1} at position 0\n{gga(trace, 114.03 + trace * 0.27 / 102_600, 22.7)}\n"
    (tmp_path / "a.GPS").write_text(text)
    assert "odometer-gnss-disagreement" in codes(gs.read(tmp_path / "a.DT1"))


def test_trace_count(tmp_path: Path) -> None:
    values = radar(9, 50, "i2")
    path = make_dt1(tmp_path / "a.DT1", values, hd={"NUMBER OF TRACES": 12})
    line = gs.read(path)
    assert line.sizes["trace"] == 9
    assert "trace-count-disagreement" in codes(line)
    path.write_bytes(path.read_bytes()[:-31])
    with pytest.raises(TruncatedFileError, match="8 whole traces"):
        gs.read(path)
    assert gs.read(path, on_truncated="trim").sizes["trace"] == 8


def test_wrong_header_raises(tmp_path: Path) -> None:
    path = make_dt1(tmp_path / "a.DT1", radar(9, 50, "i2"), hd={"NUMBER OF PTS/TRC": 77})
    with pytest.raises(ReadError, match="neither 2 nor 4 bytes"):
        gs.read(path)


def test_header_only_and_data_only(tmp_path: Path) -> None:
    path = make_dt1(tmp_path / "a.DT1", radar(9, 50, "i2"))
    assert gs.read(path.with_suffix(".HD")).sizes["trace"] == 9
    path.with_suffix(".HD").rename(tmp_path / "b.HD")
    with pytest.raises(MissingFileError, match=r"a\.hd"):
        gs.read(path)
    with pytest.raises(MissingFileError, match=r"b\.dt1"):
        gs.read(tmp_path / "b.HD")


def test_a_line_written_backwards_is_announced(tmp_path: Path) -> None:
    """Distance is counted from the first trace on reading, so a falling chainage must not change without a word."""
    line = gs.from_array(radar(30, 32, "i2"), dt=0.25, distance=10.0 - 0.05 * np.arange(30))
    gs.write(line, tmp_path / "a.dt1")
    back = gs.read(tmp_path / "a.dt1")
    found = {finding.code: finding for finding in load(back)}
    assert "STARTING POSITION 10" in found["reversed-line"].evidence
    np.testing.assert_allclose(back["distance"], 0.05 * np.arange(30), atol=1e-6)


def test_positions_that_are_signalling_nan(tmp_path: Path) -> None:
    """Found by the fuzz driver: the cast of such a word warned."""
    path = make_dt1(tmp_path / "a.dt1", radar(9, 50, "i2"))
    raw = bytearray(path.read_bytes())
    raw[4 + 3 * (128 + 100) : 8 + 3 * (128 + 100)] = b"\x01\x00\x80\x7f"
    path.write_bytes(raw)
    line = gs.read(path)
    np.testing.assert_allclose(line["distance"], np.arange(9) * 0.25)  # by the step of the HD

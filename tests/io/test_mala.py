"""RD3, RD7 and IPRB files made byte by byte, and the file whose headers contradict each other."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import gprscan as gs
from gprscan import model
from gprscan.errors import MissingFileError, ReadError, TruncatedFileError
from gprscan.model.findings import load
from tests.io.builders import make_iprb, make_rd3, radar


def codes(line: object) -> set[str]:
    return {finding.code for finding in load(line)}  # type: ignore[arg-type]


@pytest.mark.parametrize(("suffix", "dtype"), [(".rd3", "i2"), (".rd7", "i4"), (".RD3", "i2")])
def test_sample_types(tmp_path: Path, suffix: str, dtype: str) -> None:
    values = radar(20, 50, dtype)
    line = gs.read(make_rd3(tmp_path / f"a{suffix}", values))
    np.testing.assert_array_equal(line["amplitude"].values, values)
    assert model.sampling_interval(line) == pytest.approx(0.4)
    assert model.trace_spacing(line) == pytest.approx(0.05)
    assert float(line["frequency"]) == 250
    assert float(line["separation"]) == 0.31
    assert codes(line) <= {"time-zero-estimated"}
    assert line.attrs["time_zero"] == pytest.approx(8 * 0.4 - 0.31 / 0.2998, abs=0.5)


def test_rad_chooses_the_wider_samples(tmp_path: Path) -> None:
    make_rd3(tmp_path / "a.rd3", radar(20, 50, "i2"))
    make_rd3(tmp_path / "a.rd7", radar(20, 50, "i4"))
    assert gs.read(tmp_path / "a.rad")["amplitude"].dtype == np.int32
    assert gs.read(tmp_path / "a.rd3")["amplitude"].dtype == np.int16


def test_nul_bytes_and_odd_characters_in_the_header(tmp_path: Path) -> None:
    path = make_rd3(tmp_path / "a.rd3", radar(20, 50, "i2"))
    rad = path.with_suffix(".rad")
    rad.write_bytes(rad.read_bytes().replace("路面".encode(), b"\xff\xfe\x00\x00bad"))
    assert gs.read(path).sizes["trace"] == 20


@pytest.mark.parametrize("sep", ["\t", ","])
@pytest.mark.parametrize(("lat", "lon"), [("22.70000", "114.0{:05d}"), ("22:42:0.0", "114:0:{}.0")])
def test_cor_variants(tmp_path: Path, sep: str, lat: str, lon: str) -> None:
    path = make_rd3(tmp_path / "a.rd3", radar(41, 50, "i2"))
    rows = []
    for i, trace in enumerate((1, 21, 41)):
        rows.append(sep.join([str(trace), "2019-07-26", f"16:58:4{i}", lat, "N", lon.format(i), "E", "26.5M", "0.8"]))
    rows.append(sep.join(["x", "broken"]))
    path.with_suffix(".COR").write_text("\r\n".join(rows))
    line = gs.read(path)
    assert float(line["x"][40]) > float(line["x"][0])
    assert float(line["latitude"][0]) == pytest.approx(22.7)
    assert float(line["gnss_height"][0]) == 26.5
    assert line["gnss_height"].attrs["datum"] == "not recorded"
    assert str(line["time"].values[20])[:19] == "2019-07-26T16:58:41"
    assert "position-rows-damaged" in codes(line)


def test_southern_and_western_angles(tmp_path: Path) -> None:
    path = make_rd3(tmp_path / "a.rd3", radar(11, 50, "i2"))
    row = "{}\t2019-07-26\t16:58:43\t33.9{}\tS\t70.5\tW\t500\tM\t1.0"
    path.with_suffix(".cor").write_text("\n".join(row.format(t, t) for t in (1, 6, 11)))
    line = gs.read(path)
    assert float(line["latitude"][0]) < -33
    assert float(line["longitude"][0]) == -70.5
    assert "32719" in line["spatial_ref"].attrs["crs_wkt"]


def test_headers_that_disagree(tmp_path: Path) -> None:
    line = gs.read(make_rd3(tmp_path / "a.rd3", radar(20, 50, "i2"), STOP_POSITION=2.0, LAST_TRACE=30))
    assert {"trace-count-disagreement"} <= codes(line)
    line = gs.read(make_rd3(tmp_path / "b.rd3", radar(20, 50, "i2"), STOP_POSITION=2.0))
    assert "spacing-disagreement" in codes(line)


def test_two_traces_taken_for_one(tmp_path: Path) -> None:
    """As ten_col.rd3: the bytes fit 512 samples, but sampling frequency times window makes 1024."""
    path = make_rd3(tmp_path / "a.rd3", radar(10, 100, "i2").reshape(20, 50), SAMPLES=50, TIMEWINDOW=40.0)
    line = gs.read(path)
    finding = next(f for f in load(line) if f.code == "header-window-mismatch")
    assert finding.severity == "error"
    assert "= 100.0 samples" in finding.evidence
    assert line.sizes == {"trace": 20, "twt": 50}
    assert model.sampling_interval(line) * 50 == pytest.approx(40.0)


@pytest.mark.parametrize(("suffix", "dtype", "renamed"), [(".rd3", "i2", ".rd7"), (".rd7", "i4", ".rd3")])
def test_samples_of_the_other_width_are_not_decoded(tmp_path: Path, suffix: str, dtype: str, renamed: str) -> None:
    data = make_rd3(tmp_path / f"a{suffix}", radar(20, 64, dtype))
    with pytest.raises(ReadError, match=rf"give it the extension \{suffix}"):
        gs.read(data.rename(data.with_suffix(renamed)))


def test_ten_col(shared: Path) -> None:
    line = gs.read(shared / "data/real/rd3/dlilien__ImpDAR__ten_col/ten_col.rd3")
    finding = next(f for f in load(line) if f.code == "header-window-mismatch")
    assert line.sizes == {"trace": 10, "twt": 512}
    assert model.sampling_interval(line) * 512 == pytest.approx(422.061312)
    alike = [float(word) for word in finding.evidence.replace(",", "").split() if word.startswith("0.")]
    assert alike[0] < 0.2 < 0.9 < alike[1]


def test_time_triggered_and_missing_header(tmp_path: Path) -> None:
    path = make_rd3(tmp_path / "a.rd3", radar(20, 50, "i2"), DISTANCE_INTERVAL=0.0)
    assert "time-triggered" in codes(gs.read(path))
    path.with_suffix(".rad").unlink()
    with pytest.raises(MissingFileError, match="header"):
        gs.read(path)


def test_truncated_and_absurd(tmp_path: Path) -> None:
    path = make_rd3(tmp_path / "a.rd3", radar(20, 50, "i2"))
    path.write_bytes(path.read_bytes()[:-3])
    with pytest.raises(TruncatedFileError, match="19 whole traces"):
        gs.read(path)
    with pytest.raises(ReadError, match="SAMPLES"):
        gs.read(make_rd3(tmp_path / "b.rd3", radar(20, 50, "i2"), SAMPLES=10**12))
    with pytest.raises(ReadError, match="TIMEWINDOW"):
        gs.read(make_rd3(tmp_path / "c.rd3", radar(20, 50, "i2"), TIMEWINDOW="inf"))


@pytest.mark.parametrize("dtype", ["i2", "i4"])
def test_impulse_radar(tmp_path: Path, dtype: str) -> None:
    values = radar(20, 50, dtype)
    line = gs.read(make_iprb(tmp_path / "beach_0.iprb", values))
    np.testing.assert_array_equal(line["amplitude"].values, values)
    assert model.sampling_interval(line) == pytest.approx(1 / 3.2)
    assert line.attrs["time_zero"] == pytest.approx(8 / 3.2)
    assert model.trace_spacing(line) == pytest.approx(0.02)
    assert line.attrs["acquired"] == "2025-03-14T15:09:26"
    assert not codes(line)
    assert gs.read(tmp_path / "beach_0.iprh").sizes["trace"] == 20


def test_impulse_radar_faults(tmp_path: Path) -> None:
    values = radar(20, 50, "i4")
    line = gs.read(
        make_iprb(tmp_path / "a.iprb", values, TRIG_SOURCE="time", CLIPPED_SAMPLES=12, TIMEWINDOW=40, ANTENNA="?")
    )
    assert {"time-triggered", "clipped-samples", "header-window-mismatch", "antenna-frequency-unknown"} <= codes(line)
    line = gs.read(make_iprb(tmp_path / "b.iprb", values, ZERO_LEVEL=-4, LAST_TRACE=7, STOP_POSITION=3.0))
    assert {"time-zero-estimated", "trace-count-disagreement", "spacing-disagreement"} <= codes(line)
    with pytest.raises(ReadError, match="DATA VERSION"):
        gs.read(make_iprb(tmp_path / "c.iprb", values, DATA_VERSION=24))

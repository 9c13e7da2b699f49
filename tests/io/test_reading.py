"""Telling formats apart, names of files, and the errors that a user meets first."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

import gprscan as gs
from gprscan import names
from gprscan.errors import MissingFileError, ParameterError, ReadError, UnknownFormatError
from gprscan.geometry.decoding import decode_text
from gprscan.io import registry
from gprscan.io.antenna import decode_frequency
from gprscan.io.checks import clipping
from gprscan.io.direct_wave import first_arrival
from gprscan.io.source import Source
from gprscan.model.findings import load
from tests.io.builders import make_dt1, make_dzt, make_gprmax, make_iprb, make_rd3, radar


def test_content_rules_over_the_extension(tmp_path: Path) -> None:
    dzt = make_dzt(tmp_path / "a.dzt", radar(9, 32, "i2", 1)).rename(tmp_path / "a.rd3")
    assert gs.read(dzt).attrs["source_format"] == "dzt"
    simulated = make_gprmax(tmp_path / "b.out", radar(3, 32, "f4")).rename(tmp_path / "b.dzt")
    assert gs.read(simulated).attrs["source_format"] == "gprmax"
    gs.write(gs.from_array(radar(9, 32, "i2"), dt=0.5), tmp_path / "c.nc")
    assert gs.read((tmp_path / "c.nc").rename(tmp_path / "c.dt1")).sizes["trace"] == 9


def test_the_format_can_be_forced(tmp_path: Path) -> None:
    dzt = make_dzt(tmp_path / "a.bin", radar(9, 32, "i2", 1))
    assert gs.read(dzt, format="dzt").sizes["trace"] == 9
    with pytest.raises(ReadError, match="HDF5"):
        gs.read(dzt, format="netcdf")
    with pytest.raises(UnknownFormatError, match="there is no format 'xyz'"):
        gs.read(dzt, format="xyz")


def test_unknown_files_name_what_is_readable(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("nothing to see")
    with pytest.raises(UnknownFormatError, match=r"notes\.txt.*GSSI DZT \(\.dzt\).*MALA") as caught:
        gs.read(tmp_path / "notes.txt")
    assert isinstance(caught.value, OSError)


def test_missing_folder_and_empty(tmp_path: Path) -> None:
    with pytest.raises(MissingFileError, match="there is no file") as caught:
        gs.read(tmp_path / "a.dzt")
    assert isinstance(caught.value, FileNotFoundError)
    with pytest.raises(ReadError, match=r"folder.*gprscan\.scan"):
        gs.read(tmp_path)
    (tmp_path / "empty.dzt").touch()
    with pytest.raises(ReadError, match="empty"):
        gs.read(tmp_path / "empty.dzt")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read(tmp_path: Path) -> None:
    path = make_dzt(tmp_path / "a.dzt", radar(9, 32, "i2", 1))
    path.chmod(0)
    with pytest.raises(ReadError, match="Permission"):
        gs.read(path)


@pytest.mark.parametrize("name", ["路面 检测 1.DZT", "a b (2).dzt", "x.y.z.DZT", "-dash.dzt"])
def test_names_with_spaces_dots_and_chinese(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "龙华 区"
    folder.mkdir()
    assert gs.read(str(make_dzt(folder / name, radar(9, 32, "i2", 1)))).attrs["source_file"] == name


@pytest.mark.parametrize(("data", "header"), [("L.DT1", ".hd"), ("l.dt1", ".HD"), ("L.Dt1", ".Hd")])
def test_side_files_in_any_case(tmp_path: Path, data: str, header: str) -> None:
    path = make_dt1(tmp_path / data, radar(9, 50, "i2"))
    path.with_suffix(".HD").rename(tmp_path / f"l{header}")
    assert gs.read(path).sizes["trace"] == 9


def test_the_exact_stem_is_preferred(tmp_path: Path) -> None:
    path = make_rd3(tmp_path / "line.rd3", radar(9, 50, "i2"))
    (tmp_path / "LINE.RAD").write_text("SAMPLES:1\r\nTIMEWINDOW:1")
    assert gs.read(path).sizes["twt"] == 50


def test_relative_paths_survive_a_change_of_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    values = radar(9, 32, "i2", 1)
    make_dzt(tmp_path / "a.dzt", values)
    monkeypatch.chdir(tmp_path)
    line = gs.read("a.dzt")
    monkeypatch.chdir("/")
    np.testing.assert_array_equal(line["amplitude"].values, values[:, 0])


@pytest.mark.parametrize(
    ("option", "value", "word"),
    [
        ("spacing", 0, "spacing"),
        ("spacing", "5 ns", "unit"),
        ("frequency", -1, "frequency"),
        ("on_truncated", "x", "trim"),
        ("crs", 4326, "metres on a plane"),
        ("crs", "no", "PROJ"),
    ],
)
def test_options_are_checked(tmp_path: Path, option: str, value: object, word: str) -> None:
    path = make_rd3(tmp_path / "a.rd3", radar(9, 50, "i2"))
    rows = "".join(f"{t}\t2025-03-14\t15:09:0{t}\t22.7\tN\t114.0{t}\tE\t1\tM\t1\n" for t in (1, 5, 9))
    (tmp_path / "a.cor").write_text(rows)
    with pytest.raises(ValueError, match=word):
        gs.read(path, **{option: value})  # type: ignore[arg-type]


def test_options_rule_over_the_file(tmp_path: Path) -> None:
    path = make_dzt(tmp_path / "a.dzt", radar(9, 32, "i2", 1))
    line = gs.read(path, spacing="2 cm", frequency="0.9 GHz", separation="14 cm")
    np.testing.assert_allclose(line["distance"], np.arange(9) * 0.02)
    assert float(line["frequency"]) == 900
    assert float(line["separation"]) == pytest.approx(0.14)


def test_every_format_has_a_spec_and_a_maturity() -> None:
    folder = Path(registry.__file__).parent / "specs"
    texts = "".join(path.read_text("utf-8") for path in folder.glob("*.md"))
    for entry in registry.list_formats():
        assert entry.maturity in (
            "checked on real files",
            "checked on files made from the specification",
            "documented only",
        )
        spec = folder / f"{ {'rd3': 'mala'}.get(entry.name, entry.name) }.md"
        assert spec.is_file(), entry.name
        assert len(spec.read_text("utf-8")) > 800
        assert entry.maturity in spec.read_text("utf-8")
        for suffix in (*entry.suffixes, *entry.side_suffixes):
            assert suffix in texts.lower()
    assert not re.search("/work/|/ro" + "ot/|/ho" + "me/", texts)


def test_data_files_of_headers_and_positions(tmp_path: Path) -> None:
    make_iprb(tmp_path / "a.iprb", radar(9, 50, "i4"))
    (tmp_path / "a.cor").write_text("1\t2025-01-01\t00:00:00\t1\tN\t2\tE\t3\tM\t4\n")
    assert gs.read(tmp_path / "a.iprh").sizes["trace"] == 9
    assert gs.io.is_readable(Source(tmp_path / "a.iprb"))
    assert not gs.io.is_readable(Source(tmp_path / "a.cor"))
    assert gs.io.identify(tmp_path / "a.iprb").name == "iprb"
    (tmp_path / "job.out").write_text("any program writes .out files")
    assert not gs.io.is_readable(Source(tmp_path / "job.out"))
    (tmp_path / "b.dzt").write_text("but a DZT that is none deserves its error")
    assert gs.io.is_readable(Source(tmp_path / "b.dzt"))


def test_xarray_backend(tmp_path: Path) -> None:
    values = radar(9, 32, "i2", 1)
    path = make_dzt(tmp_path / "a.DZT", values, spm=0.0, epsr=0.0)
    with xr.open_dataset(path, engine="gprscan", spacing=0.05) as line:
        np.testing.assert_array_equal(line["amplitude"].values, values[:, 0])
        assert [finding.code for finding in load(line)] == ["permittivity-invalid"]
        assert float(line["distance"][1]) == pytest.approx(0.05)
    with xr.open_dataset(path) as guessed:  # no engine: content tells
        assert guessed.sizes == {"trace": 9, "twt": 32}
    with xr.open_dataset(path, engine="gprscan", drop_variables="status") as line:
        assert names.STATUS not in line.coords
    (tmp_path / "b.bin").write_bytes(b"1234")
    with pytest.raises(ValueError, match="engine"):
        xr.open_dataset(tmp_path / "b.bin")


@pytest.mark.parametrize(
    ("name", "maker", "expected"),
    [
        ("400MHz", "GSSI", 400),
        ("1.5/1.6GHz", "GSSI", 1500),
        ("5106", "GSSI", 200),
        ("3101", "GSSI", 900),
        ("50400S", "GSSI", 400),
        ("D50800", "GSSI", 800),
        ("Model 5103A", "GSSI", 400),
        ("250 MHz shielded=1", "MALA", 250),
        ("2 GHz", "", 2000),
        ("400D", "GSSI", 400),
        ("500_shielded_egrip", "MALA", 500),
        ("5013", "GSSI", None),
        ("5106", "MALA", None),
        ("[User] Omni", "MALA", None),
        ("none", "GSSI", None),
        ("", "GSSI", None),
        ("0 MHz", "", None),
    ],
)
def test_antenna_names(name: str, maker: str, expected: float | None) -> None:
    value, notes = decode_frequency(name, maker=maker)
    assert value == expected
    if expected is None:
        assert notes[0].code == "antenna-frequency-unknown"
    if "/" in name or name.endswith("D") or "_" in name:
        assert notes[0].code == "antenna-frequency-inferred"


def test_text_of_any_encoding() -> None:
    assert decode_text("路面".encode()) == "路面"
    assert decode_text("路面".encode("gb18030")) == "路面"
    assert decode_text(b"a\x00b\xff") == "abÿ"


@pytest.mark.parametrize("make", [make_dzt, make_dt1, make_rd3, make_iprb])
def test_a_line_without_a_signal_says_so(tmp_path: Path, make: Callable[..., Path]) -> None:
    suffix = make.__name__.removeprefix("make_")
    shape = (20, 1, 64) if make is make_dzt else (20, 64)
    line = gs.read(make(tmp_path / f"a.{suffix}", np.zeros(shape, "i2")))
    found = {finding.code: finding for finding in load(line)}
    assert found["no-signal"].severity == "error"
    assert f"a.{suffix}" in found["no-signal"].where


def test_traces_without_a_signal_are_counted(tmp_path: Path) -> None:
    data = radar(40, 64, "i2")
    data[10:20] = 0
    found = {finding.code: finding for finding in load(gs.read(make_dt1(tmp_path / "a.dt1", data)))}
    assert found["dead-traces"].evidence == "25.0% of the 40 traces checked"
    assert "dead-traces" not in {f.code for f in load(gs.read(make_dt1(tmp_path / "b.dt1", radar(40, 64, "i2"))))}


def test_one_dead_channel_is_named(tmp_path: Path) -> None:
    data = radar(40, 64, "i2", 3)
    data[:, 1] = 7
    found = {finding.code: finding for finding in load(gs.read(make_dzt(tmp_path / "a.dzt", data)))}
    assert "in channels 1" in found["dead-traces"].evidence


def test_an_extension_of_another_format_is_a_finding(tmp_path: Path) -> None:
    right = make_dzt(tmp_path / "a.dzt", radar(20, 64, "i2", 1))
    wrong = right.rename(tmp_path / "a.sgy")
    found = {finding.code: finding for finding in load(gs.read(wrong))}
    assert "GSSI DZT" in found["extension-misleads"].evidence
    assert "extension-misleads" not in {f.code for f in load(gs.read(wrong, format="dzt"))}


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_named_pipe_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.dzt")
    with pytest.raises(ReadError, match="is a pipe"):
        gs.read(tmp_path / "a.dzt")


def test_gaps_do_not_hide_clipping(tmp_path: Path) -> None:
    values = radar(60, 128, "f4")
    values[:, 40:46] = values.max()
    values[3] = np.nan
    codes = {finding.code for finding in load(gs.read(make_dt1(tmp_path / "a.dt1", values)))}
    assert {"samples-not-finite", "clipped-samples"} <= codes
    values[:] = np.nan
    codes = {finding.code for finding in load(gs.read(make_dt1(tmp_path / "b.dt1", values)))}
    assert "no-signal" in codes


def test_impulse_header_without_its_data_version(tmp_path: Path) -> None:
    values = radar(20, 64, "i4")
    path = make_iprb(tmp_path / "a.iprb", values, DATA_VERSION="")
    np.testing.assert_array_equal(gs.read(path)["amplitude"].values, values)  # the size tells 32 bits
    with pytest.raises(ReadError, match="DATA VERSION is missing"):
        gs.read(make_iprb(tmp_path / "b.iprb", values, DATA_VERSION="", LAST_TRACE=33))
    with pytest.raises(ReadError, match="DATA VERSION is 0"):
        gs.read(make_iprb(tmp_path / "c.iprb", values, DATA_VERSION=0))


@pytest.mark.parametrize("wrong", [-0.1, float("nan"), float("inf")])
def test_an_impossible_separation_is_refused(tmp_path: Path, wrong: float) -> None:
    path = make_dzt(tmp_path / "a.dzt", radar(9, 32, "i2", 1))
    with pytest.raises(ParameterError, match="separation is"):
        gs.read(path, separation=wrong)
    assert float(gs.read(path, separation=0)["separation"]) == 0.0


def test_clipping_needs_plateaus() -> None:
    rng = np.random.default_rng(1)
    clean = (rng.standard_normal((50, 1, 200)) * 1000).astype("i2")
    assert not clipping(clean)
    cut = clean.clip(-1500, 1500)
    cut[:, :, 50:60] = 1500
    assert clipping(cut)[0].severity == "warning"
    assert not clipping(np.zeros((50, 1, 200), "i2"))


def test_first_arrival_on_a_wavelet_and_on_noise() -> None:
    k = np.arange(256)
    wave = np.exp(-(((k - 60) / 6) ** 2)) * np.cos((k - 60) * 0.5)
    late = 0.2 * np.exp(-(((k - 150) / 6) ** 2)) * np.cos((k - 150) * 0.5)
    assert first_arrival(np.tile(wave + late, (5, 1))) == pytest.approx(60, abs=1)
    assert first_arrival(np.random.default_rng(0).standard_normal((1, 256))) is None
    assert first_arrival(np.zeros((5, 256))) is None
    assert first_arrival(np.full((5, 256), np.nan)) is None


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"<!DOCTYPE html>\n<html><body>404</body></html>" * 40, "a web page.*download again"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n", "Git LFS.*git lfs pull"),
        (b"\x1f\x8b\x08\0" + bytes(range(256)) * 20, "gzip.*Unpack"),
        (b"\xef\xbb\xbf<html>" + b" " * 2000, "a web page"),
        (b"%PDF-1.7\n" + b"x" * 2000, "a PDF"),
    ],
)
@pytest.mark.parametrize("suffix", [".DZT", ".dt1", ".rd3", ""])
def test_files_that_are_no_radar_say_what_they_are(tmp_path: Path, content: bytes, told: str, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    path.write_bytes(content)
    with pytest.raises(UnknownFormatError, match=rf"a{suffix}: is .*{told}"):
        gs.read(path)


@pytest.mark.parametrize("suffix", [".DZX", ".dzg"])
def test_side_files_of_dzt_lead_to_it(tmp_path: Path, suffix: str) -> None:
    side = tmp_path / f"a{suffix}"
    side.write_text("<DZX></DZX>" if suffix == ".DZX" else "$GSSIS,0,-1\n")
    with pytest.raises(MissingFileError, match=r"its data file a\.dzt is not beside it.*Copy it"):
        gs.read(side)
    make_dzt(tmp_path / "a.DZT", radar(9, 32, "i2", 1))
    assert gs.read(side).sizes["trace"] == 9


@pytest.mark.parametrize("on_truncated", ["raise", "trim"])
def test_a_file_copied_in_text_mode_is_refused(tmp_path: Path, on_truncated: str) -> None:
    values = np.random.default_rng(0).integers(-2000, 2000, (200, 64)).astype("i2")
    path = make_rd3(tmp_path / "a.rd3", values)
    gs.read(path)
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    with pytest.raises(ReadError, match=r"a\.rd3: was copied in text mode.*binary mode"):
        gs.read(path, on_truncated=on_truncated)
    path.write_bytes(values.tobytes()[:-7])  # cut off, but not changed
    with pytest.raises(ReadError, match="Probably truncated"):
        gs.read(path)

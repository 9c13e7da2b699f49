"""Formats of which no real file was at hand: what their descriptions say is what the readers do; projects say what they are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import gprscan as gs
from gprscan import model
from gprscan.errors import ReadError, TruncatedFileError
from gprscan.io import identify
from tests.io import makers
from tests.io.builders import gga, radar
from tests.io.test_segy import codes


@pytest.mark.parametrize("prefix", [36, 40])
def test_oko(tmp_path: Path, prefix: int) -> None:
    values = radar(9, 64, "f4")
    path = makers.make_oko(tmp_path / "a.gpr2", values, prefix=prefix)
    line = gs.read(path)
    np.testing.assert_array_equal(line["amplitude"], values)
    assert float(line["twt"].diff("twt")[0]) == pytest.approx(100 / 64)
    np.testing.assert_allclose(line["distance"], np.arange(9) * 0.05)
    assert (model.centre_frequency(line), model.antenna_separation(line)) == (400.0, 0.35)
    assert line.attrs["acquired"] == "2025-03-14T15:09:26"
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(TruncatedFileError, match="trim"):
        gs.read(path)
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(ReadError, match="header needs"):
        gs.read(path)


def test_cirp(tmp_path: Path) -> None:
    values = radar(9, 256, "i2")
    path = makers.make_cirp(tmp_path / "a.gpr", values)
    assert identify(path).name == "cirp"
    line = gs.read(path, spacing=0.05)
    np.testing.assert_array_equal(line["amplitude"], values)
    assert float(line["twt"].diff("twt")[0]) == pytest.approx(60 / 256)
    assert model.centre_frequency(line) == 400.0
    assert "time-triggered" in codes(gs.read(path))
    raw = path.read_bytes()
    for damaged, word in ((raw[:500], "1024 bytes"), (raw[:4] + b"\0\0" + raw[6:], "0 samples"), (raw[:-3], "trim")):
        path.write_bytes(damaged)
        with pytest.raises(ReadError, match=word):
            gs.read(path)


@pytest.mark.parametrize("bits", [32, 64])
def test_volume(tmp_path: Path, bits: int) -> None:
    values = radar(9, 64, f"i{bits // 16}", 3).transpose(1, 0, 2)
    path = makers.make_vol(tmp_path / "a.vol", values, bits=bits)
    assert identify(path).name == "vol"
    line = gs.read(path)
    assert not line["amplitude"].variable._in_memory
    np.testing.assert_array_equal(line["amplitude"][1, 3:7, 5], values[1, 3:7, 5])
    np.testing.assert_array_equal(line["amplitude"].isel(trace=[7, 2], twt=slice(9, 3, -2)), values[:, [7, 2], 9:3:-2])
    np.testing.assert_array_equal(line["amplitude"], values)
    assert float(line["twt"].diff("twt")[0]) == pytest.approx(0.4)
    np.testing.assert_allclose(line["distance"], np.arange(9) * 0.05)
    np.testing.assert_allclose(line["offset"], [-0.075, 0, 0.075], atol=1e-12)
    assert {"volume-axes-assumed", "interval-unit-assumed"} <= codes(line)
    path.write_bytes(path.read_bytes()[:-4])
    with pytest.raises(ReadError, match="but the file has"):
        gs.read(path)


def test_volume_of_one_row_and_what_is_refused(tmp_path: Path) -> None:
    values = radar(9, 64, "f4")
    line = gs.read(makers.make_vol(tmp_path / "a.vol", values))
    np.testing.assert_array_equal(line["amplitude"], values)
    for xml, word in (
        ("", "DeltaValueZ"),
        ('<v><meta-data DataDomainType="Frequency" DeltaValueZ="1"/></v>', "over frequency"),
        ("<v><meta-data", "no XML"),
        ("<!DOCTYPE v><v/>", "entities"),
        ('<v><meta-data DataDomainType="Time" DeltaValueZ="5e4"/></v>', "no ground-penetrating radar"),
    ):
        with pytest.raises(ReadError, match=word):
            gs.read(makers.make_vol(tmp_path / "b.vol", values, xml=xml))
    seconds = '<v><meta-data DataDomainType="Time" DeltaValueZ="4e-10"/></v>'
    line = gs.read(makers.make_vol(tmp_path / "c.vol", values, xml=seconds))
    assert float(line["twt"].diff("twt")[0]) == pytest.approx(0.4)
    assert "time-triggered" in codes(line)


@pytest.mark.parametrize(("order", "real", "cells"), [("<", 4, 3), (">", 8, 2)])
def test_gprmax_2(tmp_path: Path, order: str, real: int, cells: int) -> None:
    fields = 1e-3 * np.random.default_rng(2).standard_normal((3, 200, 9))
    fields[:, :, 2] += radar(3, 200, "f8")
    path = makers.make_gprmax2(tmp_path / "a.out", fields, order=order, real=real, cells=cells)
    assert identify(path).name == "gprmax2"
    line = gs.read(path)
    assert not line["amplitude"].variable._in_memory
    np.testing.assert_array_equal(line["amplitude"], fields[:, :, 2].astype(f"f{real}"))
    assert float(line["twt"].diff("twt")[0]) == pytest.approx(0.999e9 * 0.002 / 299_792_458 / cells**0.5)
    assert "component-by-energy" in codes(line)
    np.testing.assert_array_equal(gs.read(path, component="Hx")["amplitude"][1], fields[1, :, 3].astype(f"f{real}"))
    for field, word in (({"component": "Ez2"}, "no component"), ({}, "leaves a header")):
        if not field:
            path.write_bytes(path.read_bytes()[:-400])
        with pytest.raises((ReadError, ValueError), match=word):
            gs.read(path, **field)
    with pytest.raises(ReadError, match="several receivers"):
        gs.read(makers.make_gprmax2(tmp_path / "b.out", fields, order=order, real=real, cells=cells, steps=1))
    with pytest.raises(ReadError, match="geometry file"):
        gs.read(makers.make_gprmax2(tmp_path / "c.out", fields, order=order, real=real, cells=cells, kind=20205))


def test_utsi(tmp_path: Path) -> None:
    values = radar(9, 128, "i2")
    path = makers.make_utsi(tmp_path / "a.dat", values)
    fixes = [gga(t, 114.03 + t * 1e-6, 22.7) for t in range(0, 9, 4)]
    (tmp_path / "a.gps").write_text("\n".join(fixes))
    (tmp_path / "a.gpt").write_text("1 5 9")
    assert identify(path).name == "utsi"
    line = gs.read(path)
    np.testing.assert_array_equal(line["amplitude"], values)
    np.testing.assert_array_equal(line["amplitude"][3:5, 7].values, values[3:5, 7])
    assert float(line["twt"].diff("twt")[0]) == pytest.approx(0.5)
    assert model.antenna_separation(line) == pytest.approx(0.14)
    np.testing.assert_allclose(line["longitude"], 114.03 + np.arange(9) * 1e-6, atol=1e-8)
    path.write_bytes(path.read_bytes()[:-5])
    with pytest.raises(TruncatedFileError):
        gs.read(path)
    path.with_suffix(".hdr").write_bytes(b"\x0f\x20x\n16\0")
    with pytest.raises(ReadError, match="bits per sample"):
        gs.read(path)

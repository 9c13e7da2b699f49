"""Marks, times and shared positions beside MALA and ImpulseRadar files; separations that cannot be."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import gprscan as gs
from tests.io.builders import make_dt1, make_iprb, make_rd3, radar
from tests.io.test_segy import codes

COR = "".join(
    f"{t + 1}\t2025-03-14\t15:09:{t:02d}\t22.7\tN\t{114.03 + t * 2e-7}\tE\t12.5\tM\t0.8\r\n" for t in (0, 8, 19)
)


def test_marks(tmp_path: Path) -> None:
    for path in (
        make_rd3(tmp_path / "a.rd3", radar(20, 40, "i2")),
        make_iprb(tmp_path / "b.iprb", radar(20, 40, "i4")),
    ):
        path.with_suffix(".MRK").write_text("HEADER VERSION:100\r\n4\t2025-03-14\t15:09:26\r\n20 x\r\n21 x\r\n0\r\n")
        line = gs.read(path)
        assert np.flatnonzero(line["mark"]).tolist() == [3, 19]
        assert "marks-off-line" in codes(line)
        path.with_suffix(".MRK").write_text("HEADER VERSION:100\r\n")
        assert "mark" not in gs.read(path).coords


def test_times(tmp_path: Path) -> None:
    path = make_iprb(tmp_path / "b.iprb", radar(20, 40, "i4"))
    side = tmp_path / "b.time"
    side.write_text("1 2025-03-14 23:59:59.000\n11 2025-03-15 00:00:01.000\ndamaged\n")
    time = gs.read(path)["time"]
    assert time.attrs["clock"] == "recorder"
    assert time.values[5] == np.datetime64("2025-03-15T00:00:00", "ns")
    assert np.isnat(time.values[11:]).all()
    side.write_text("1 2025-03-14 23:59:59.000\n")
    assert "time" not in gs.read(path).coords


@pytest.mark.parametrize("name", ["L_A001.rd3", "L_a12.rd3"])
def test_channels_of_a_set_share_positions(tmp_path: Path, name: str) -> None:
    path = make_rd3(tmp_path / name, radar(20, 40, "i2"))
    (tmp_path / "L.cor").write_text(COR)
    line = gs.read(path)
    np.testing.assert_allclose(line["longitude"], 114.03 + np.arange(20) * 2e-7, atol=1e-8)
    path.with_suffix(".cor").write_text(COR.replace("22.7", "22.8"))  # its own rules
    assert float(gs.read(path)["latitude"][0]) == pytest.approx(22.8)


@pytest.mark.parametrize("far", [1e11, 500.0])
def test_separations_that_cannot_be(tmp_path: Path, far: float) -> None:
    for path in (
        make_rd3(tmp_path / "a.rd3", radar(20, 40, "i2"), ANTENNA_SEPARATION=far),
        make_iprb(tmp_path / "b.iprb", radar(20, 40, "i4"), ANTENNA_SEPARATION=far),
        make_dt1(tmp_path / "c.dt1", radar(20, 40, "i2"), hd={"ANTENNA SEPARATION": far}),
    ):
        line = gs.read(path)
        assert "separation-implausible" in codes(line)
        assert "separation" not in line.coords

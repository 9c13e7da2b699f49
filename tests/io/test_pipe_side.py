"""The side file of an in-pipe run is found beside a radar file of any format."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import gprscan as gs
from gprscan.geometry.pipe_file import TEMPLATE
from gprscan.model import findings, pipe_of
from tests.io import makers
from tests.io.builders import make_dt1, make_dzt, make_gprmax, make_iprb, make_rd3, radar

MAKERS: dict[str, Callable[[Path], object]] = {
    ".DZT": lambda p: make_dzt(p, radar(20, 64, "i2", 1)),
    ".dt1": lambda p: make_dt1(p, radar(20, 64, "i2")),
    ".rd3": lambda p: make_rd3(p, radar(20, 64, "i2")),
    ".rd7": lambda p: make_rd3(p, radar(20, 64, "i4")),
    ".iprb": lambda p: make_iprb(p, radar(20, 64, "i4")),
    ".sgy": lambda p: makers.make_segy(p, radar(20, 64, "f4")),
    ".su": lambda p: makers.make_su(p, radar(20, 64, "f4")),
    ".sg2": lambda p: makers.make_seg2(p, radar(20, 64, "i2")),
    ".dt": lambda p: makers.make_ids(p, radar(20, 64, "i2")),
    ".gpr2": lambda p: makers.make_oko(p, radar(20, 64, "f4")),
    ".out": lambda p: make_gprmax(p, radar(20, 64, "f4")),
    ".nc": lambda p: gs.write(gs.from_array(radar(20, 64, "f4"), dt=0.1, spacing=0.05), p),
    ".csv": lambda p: gs.write(gs.from_array(radar(20, 64, "f4"), dt=0.1, spacing=0.05), p),
}


@pytest.mark.parametrize("suffix", sorted(MAKERS))
def test_a_run_in_any_format(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"井12{suffix}"
    MAKERS[suffix](path)
    assert pipe_of(gs.read(path, spacing=0.05)) is None
    (tmp_path / "井12.PIPE.toml").write_text(TEMPLATE, "utf-8")
    run = gs.read(path, spacing=0.05)
    assert pipe_of(run) is not None, [f.evidence for f in findings.load(run) if f.code == "pipe-file-wrong"]
    assert "clock_angle" in run.coords
    assert "EPSG" in run["spatial_ref"].attrs["crs_wkt"]
    np.testing.assert_array_equal(run["amplitude"], gs.read(path, spacing=0.05)["amplitude"])

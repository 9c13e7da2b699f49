"""Arrays that are recorded in a file per channel are read as one line with channels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import gprscan as gs
from gprscan.errors import LineError, MissingFileError
from gprscan.model import findings
from tests.io.builders import make_iprb, make_rd3, radar


def codes(line: object) -> set[str]:
    return {f.code for f in findings.load(line)}  # type: ignore[arg-type]


def array(folder: Path, counts: tuple[int, ...] = (20, 20, 18)) -> list[np.ndarray]:
    values = [radar(n, 64, "i2", seed=i) for i, n in enumerate(counts, start=1)]
    for i, channel in enumerate(values, start=1):
        make_rd3(folder / f"L_A{i:03d}.rd3", channel)
    rows = [
        f"{t + 1}\t2025-03-14\t15:09:{t:02d}\t22.7\tN\t{114.03 + t * 1e-6}\tE\t12.5\tM\t0.8\r\n" for t in (0, 9, 19)
    ]
    (folder / "L.cor").write_text("".join(rows))
    return values


@pytest.mark.parametrize("name", ["L_A002.rd3", "L_A001.rad", "L.rd3", "l.RD3"])
def test_any_file_of_a_set_is_the_set(tmp_path: Path, name: str) -> None:
    values = array(tmp_path)
    line = gs.read(tmp_path / name)
    assert line["amplitude"].dims == ("channel", "trace", "twt")
    assert line["channel"].values.tolist() == ["L_A001", "L_A002", "L_A003"]
    assert not line["amplitude"].variable._in_memory
    np.testing.assert_array_equal(line["amplitude"], np.stack([channel[:18] for channel in values]))
    np.testing.assert_array_equal(line["amplitude"][[2, 0], 3:9:2, 7], [values[c][3:9:2, 7] for c in (2, 0)])
    np.testing.assert_array_equal(line["amplitude"][1, 4].values, values[1][4])
    assert "longitude" in line.coords
    assert {"ragged-channels", "channel-offsets-unknown"} <= codes(line)


def test_one_file_of_a_set_can_be_read_alone(tmp_path: Path) -> None:
    values = array(tmp_path)
    line = gs.read(tmp_path / "L_A002.rd3", whole_set=False)
    np.testing.assert_array_equal(line["amplitude"], values[1])
    with pytest.raises(MissingFileError, match="there is no file"):
        gs.read(tmp_path / "L.rd3", whole_set=False)
    single = make_rd3(tmp_path / "M_A001.rd3", values[0])
    assert gs.read(single)["amplitude"].dims == ("trace", "twt")
    plain = make_rd3(tmp_path / "L.rd3", values[0])  # a file of that name is a line of its own
    assert gs.read(plain)["amplitude"].dims == ("trace", "twt")


def test_offsets_of_impulse_radar_headers(tmp_path: Path) -> None:
    for i in range(3):
        make_iprb(tmp_path / f"R_A{i + 1:02d}.iprb", radar(20, 64, "i4", seed=i), CH_X_OFFSET=(i - 1) * 0.08)
    line = gs.read(tmp_path / "R_A01.iprh")
    np.testing.assert_allclose(line["offset"], [-0.08, 0, 0.08])
    assert "channel-offsets-from-headers" in codes(line)


def test_channels_that_do_not_fit_say_how_to_read_them(tmp_path: Path) -> None:
    array(tmp_path)
    make_rd3(tmp_path / "L_A004.rd3", radar(20, 32, "i2"))
    with pytest.raises(LineError, match=r"L_A004 has another time axis.*whole_set=False"):
        gs.read(tmp_path / "L_A001.rd3")
    (tmp_path / "L_A003.rad").unlink()
    with pytest.raises(MissingFileError, match=r"L_A003\.rd3: its header"):
        gs.read(tmp_path / "L_A001.rd3")


def test_a_warning_of_any_channel_is_kept(tmp_path: Path) -> None:
    array(tmp_path, (20, 20, 20))
    make_rd3(tmp_path / "L_A002.rd3", np.zeros((20, 64), "i2"))
    found = {f.code: f for f in findings.load(gs.read(tmp_path / "L.rd3"))}
    assert "L_A002.rd3" in found["no-signal"].where


def test_time_zeros_that_differ_are_no_reason_to_refuse(tmp_path: Path) -> None:
    """Each reader takes time zero from the direct wave of its own channel."""
    for i, shift in enumerate((0, 1, 3), start=1):
        make_rd3(tmp_path / f"L_A{i:03d}.rd3", np.roll(radar(20, 64, "i2"), shift, axis=1))
    line = gs.read(tmp_path / "L_A001.rd3")
    alone = [gs.read(tmp_path / f"L_A00{i}.rd3", whole_set=False).attrs["time_zero"] for i in (1, 2, 3)]
    assert np.ptp(alone) == pytest.approx(3 * 0.4)
    assert line.attrs["time_zero"] == alone[1]
    np.testing.assert_allclose(line["twt"], np.arange(64) * 0.4 - alone[1])
    assert line["twt"].attrs["units"] == "ns"
    assert "channel-time-zeros-differ" in codes(line)

"""Delimited text: what others write, what gprscan writes, and what is no table."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given

import gprscan as gs
from gprscan.errors import ReadError, UnknownFormatError, WriteError
from gprscan.io import identify
from tests.io.builders import radar
from tests.io.strategies import lines
from tests.io.test_roundtrip import QUICK, assert_same, through
from tests.io.test_segy import codes


@pytest.mark.parametrize("mark", [",", ";", "\t", " "])
def test_what_a_spreadsheet_writes(tmp_path: Path, mark: str) -> None:
    values = radar(7, 20, "i2")
    rows = [mark.join(map(str, [i * 0.1, *row])) for i, row in enumerate(values)]
    head = ["# window_ns: 10", "# Frequency_MHz = 400", "# columns = distance_m", "# a remark"]
    path = tmp_path / "a.txt"
    path.write_text("\n".join([*head, *rows]), encoding="utf-8-sig")
    assert identify(path).name == "text"
    line = gs.read(path)
    np.testing.assert_array_equal(line["amplitude"], values)
    assert line["amplitude"].dtype == np.float32
    np.testing.assert_allclose(line["distance"], np.arange(7) * 0.1)
    assert float(line["twt"].diff("twt")[0]) == pytest.approx(0.5)
    assert float(line["frequency"]) == 400


def test_transposed(tmp_path: Path) -> None:
    values = radar(7, 20, "i2")
    rows = "\n".join(",".join(map(str, row)) for row in values.T)
    (tmp_path / "a.csv").write_text(f"# dt_ns = 0.5\n# rows = samples\n# dtype = int16\n# spacing_m = 0.2\n{rows}")
    line = gs.read(tmp_path / "a.csv")
    np.testing.assert_array_equal(line["amplitude"], values)
    assert line["amplitude"].dtype == np.int16
    assert float(line["distance"][-1]) == pytest.approx(1.2)


def test_no_line(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    for text, word in (
        ("# dt_ns = 0.5\n1,2,3\n4,5\n", "no table of numbers"),
        ("# dt_ns = 0.5\nx,y\n1,2\n", "no table of numbers"),
        ("# dt_ns = 0.5\n", "no numbers|no table"),
        ("# dt_ns = -1\n1,2,3\n", "sampling interval"),
        ("# dt_ns = 1\n# columns = altitude\n1,2,3\n", "altitude"),
        ("# dt_ns = 1\n# columns = mark distance_m quality\n1,2,3\n", "rows have 3"),
    ):
        path.write_text(text)
        with pytest.raises(ReadError, match=word):
            gs.read(path)
    path.write_text("a,b\n1,2\n")
    with pytest.raises((ReadError, UnknownFormatError)):
        gs.read(path)  # any table is not a line


def test_dead_traces_are_kept(tmp_path: Path) -> None:
    values = radar(7, 20, "f4")
    values[3] = np.nan
    gs.write(gs.from_array(values, dt=0.5), tmp_path / "a.csv")
    line = gs.read(tmp_path / "a.csv")
    np.testing.assert_array_equal(line["amplitude"], values)
    assert {"samples-not-finite", "time-triggered"} <= codes(line)
    with pytest.raises(WriteError, match="one channel"):
        gs.write(gs.from_array(np.stack([values, values]), dt=0.5), tmp_path / "b.csv")


@QUICK
@given(lines(dtypes=("i1", "i2", "i4", "f4", "f8"), channels=False))
def test_write_then_read(line: object) -> None:
    back = through(line, ".csv")  # type: ignore[arg-type]
    assert back["amplitude"].dtype == line["amplitude"].dtype  # type: ignore[index]
    assert_same(back, line)  # type: ignore[arg-type]


def test_fixes_that_contradict_the_odometer_lead_to_the_same_places_after_writing() -> None:
    rng = np.random.default_rng(0)
    distance = np.cumsum(rng.choice([0.5, 1.0, 0.01, 0.3], 8))
    longitude, latitude = (np.cumsum(rng.choice([1e-7, 5e-6, 1e-5], 8)) for _ in range(2))
    line = gs.from_array(np.zeros((8, 2), "i1"), dt=1.0, distance=distance)
    line = gs.geometry.with_positions(line, longitude, latitude + 1e-5, quality=np.ones(8, int), sigma=np.full(8, 0.05))
    assert "gnss-outliers" in codes(line)
    assert_same(through(line, ".csv"), line)

"""Projects of Sensors & Software (GPZ): a plain one is a folder of lines, an encrypted or damaged one says so."""

from __future__ import annotations

import os
import random
import zipfile
from pathlib import Path

import numpy as np
import pytest

import gprscan as gs
from gprscan.errors import MissingFileError, ReadError
from gprscan.io import projects
from gprscan.survey import open_line, plan_survey
from tests.io.builders import gga, make_dt1, radar


def project(folder: Path, names: tuple[str, ...] = ("XLine A", "XLine B"), where: str = "") -> Path:
    """Pack lines with their HD and GPS files, and what else a project holds."""
    path = folder / "p.gpz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(where + "project.ini", "[project]\n")
        for i, name in enumerate(names):
            line = make_dt1(folder / f"{name}.DT1", radar(12, 50, "f4", seed=i))
            fixes = [f"Trace #{t + 1} at position {t}\n{gga(t, 114.03 + t * 1e-6, 22.7)}\n" for t in range(0, 12, 4)]
            line.with_suffix(".GPS").write_text("".join(fixes))
            for suffix in (".DT1", ".HD", ".GPS"):
                archive.write(line.with_suffix(suffix), where + name + suffix)
                line.with_suffix(suffix).unlink()
    return path


@pytest.mark.parametrize("where", ["", "Lines/day 1/"])
def test_a_line_of_a_project(tmp_path: Path, where: str) -> None:
    path = project(tmp_path, where=where)
    line = gs.read(path / f"{where}XLine B.DT1")
    np.testing.assert_array_equal(line["amplitude"], radar(12, 50, "f4", seed=1))
    assert line.attrs["source_file"] == "XLine B.DT1"
    assert "longitude" in line.coords
    assert gs.read(str(path / f"{where}xline a.hd"))["amplitude"].shape == (12, 50)
    assert {p.name for p in tmp_path.iterdir()} == {"p.gpz"}  # nothing is unpacked beside it
    with pytest.raises(MissingFileError, match=r"no 'XLine C\.DT1'.*XLine A\.DT1"):
        gs.read(path / "XLine C.DT1")


def test_a_project_of_one_line_is_that_line(tmp_path: Path) -> None:
    assert gs.read(project(tmp_path, ("only",))).sizes["trace"] == 12


def test_several_lines_say_how_to_read_them(tmp_path: Path) -> None:
    path = project(tmp_path)
    with pytest.raises(
        ReadError, match=r"2 lines \(XLine A\.DT1, XLine B\.DT1\).*gprscan\.read\('p\.gpz/XLine A\.DT1'\)"
    ):
        gs.read(path)


def test_a_survey_finds_the_lines(tmp_path: Path) -> None:
    path = project(tmp_path)
    for survey in (path, tmp_path):
        plan = plan_survey(survey)
        assert [job.source for job in plan.jobs] == ["p.gpz/XLine A.DT1", "p.gpz/XLine B.DT1"]
        np.testing.assert_array_equal(open_line(plan.jobs[1])["amplitude"], radar(12, 50, "f4", seed=1))
    (tmp_path / "q.gpz").write_bytes(b"\x8f\x11" * 500)
    plan = plan_survey(tmp_path)
    assert len(plan.jobs) == 2
    assert plan.ignored[0][0] == "q.gpz"
    assert "encrypted" in plan.ignored[0][1]


def test_what_cannot_be_opened(tmp_path: Path) -> None:
    path = project(tmp_path)
    raw = bytearray(path.read_bytes())
    path.write_bytes(bytes(raw[:400]))
    with pytest.raises(ReadError, match="damaged"):
        gs.read(path)
    at = raw.index(b"PK\x01\x02")
    raw[at + 8] |= 1  # the flag of an encrypted entry
    path.write_bytes(raw)
    with pytest.raises(ReadError, match="encrypted project"):
        gs.read(path / "XLine A.DT1")
    path.write_bytes(b"\x8f\x11" * 500)
    with pytest.raises(ReadError, match="encrypted project of Sensors"):
        gs.read(path)
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr("notes.txt", "x")
    with pytest.raises(ReadError, match="without radar lines"):
        gs.read(tmp_path / "x.zip")


def test_an_entry_without_a_name_is_passed_over(tmp_path: Path) -> None:
    """Found by the fuzz driver."""
    path = project(tmp_path, ("only",))
    raw = path.read_bytes().replace(b"project.ini", b"\0roject.ini")
    path.write_bytes(raw)
    assert gs.read(path).sizes["trace"] == 12


def test_a_bomb_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "p.gpz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("A.DT1", bytes(64 * 2**20))
        archive.writestr("A.HD", "x")
    assert path.stat().st_size < 2**17
    with pytest.raises(ReadError, match="claims 67108864 bytes"):
        gs.read(path)


def test_mutated_projects_raise_read_errors_only(tmp_path: Path) -> None:
    """Bits flipped, cut or overwritten anywhere in the archive."""
    raw = project(tmp_path, ("only",)).read_bytes()
    rng = random.Random(3)
    outcomes = {"read": 0, "refused": 0}
    for number in range(150):
        damaged = bytearray(raw)
        for _ in range(rng.randrange(1, 4)):
            damaged[rng.randrange(len(raw))] ^= 1 << rng.randrange(8)
        path = tmp_path / f"{number}.gpz"
        path.write_bytes(damaged if number % 5 else damaged[: rng.randrange(len(raw))])
        try:
            gs.read(path).load()
            outcomes["read"] += 1
        except ReadError:
            outcomes["refused"] += 1
        path.unlink()
    assert outcomes["refused"] > 100  # most are caught by the checksums of the archive
    assert sum(outcomes.values()) == 150
    assert projects._folder[0].is_dir()
    assert os.listdir(tmp_path) == ["p.gpz"]

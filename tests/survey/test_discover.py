"""Which files of a folder are lines, which belong to one, and which are neither."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

import gprscan as gs
from gprscan.errors import ReadError, RecipeError
from gprscan.survey import plan_survey
from tests.io.builders import make_rd3, radar
from tests.io.makers import make_seg2
from tests.survey.lines import small_line


@pytest.fixture(scope="module")
def dzt(tmp_path_factory):
    path = tmp_path_factory.mktemp("one") / "LINE01.DZT"
    gs.write(small_line(n_traces=32), path)
    return path


def test_a_folder_is_searched_to_any_depth_and_side_files_are_no_lines(tmp_path, dzt):
    (tmp_path / "night" / "deep").mkdir(parents=True)
    shutil.copy(dzt, tmp_path / "A.DZT")
    shutil.copy(dzt, tmp_path / "night" / "deep" / "A.dzt")
    (tmp_path / "A.DZG").write_text("$GPGGA\n")
    (tmp_path / "LONELY.DZG").write_text("$GPGGA\n")
    (tmp_path / "photo.jpg").write_bytes(b"\xff\xd8\xff")
    (tmp_path / ".hidden.DZT").write_bytes(b"0")
    plan = plan_survey(tmp_path)
    assert [(job.id, job.source) for job in plan.jobs] == [("A", "A.DZT"), ("night__deep__A", "night/deep/A.dzt")]
    assert dict(plan.ignored) == {
        "LONELY.DZG": "a side file whose data file is not there",
        "photo.jpg": "no reader recognises it",
    }


def test_a_radar_file_with_a_foreign_extension_is_found_by_its_content(tmp_path, dzt):
    shutil.copy(dzt, tmp_path / "LINE01.bak")
    assert [job.source for job in plan_survey(tmp_path).jobs] == ["LINE01.bak"]


def test_us_radar_is_found_beside_mala_and_zarr_is_named(tmp_path):
    """.rad is the data of one maker and the header of another; the chunks of a Zarr folder are no lines."""
    make_seg2(tmp_path / "U.RAD", radar(24, 64, "i2"))
    make_rd3(tmp_path / "M.rd3", radar(24, 64, "i2"))
    gs.write(small_line(n_traces=32), tmp_path / "Z.zarr")
    plan = plan_survey(tmp_path)
    assert [job.source for job in plan.jobs] == ["M.rd3", "U.RAD"]
    assert list(dict(plan.ignored)) == ["Z.zarr"]
    assert "convert" in dict(plan.ignored)["Z.zarr"]


def test_the_output_folder_is_never_searched(tmp_path, dzt):
    (tmp_path / "out").mkdir()
    shutil.copy(dzt, tmp_path / "A.DZT")
    shutil.copy(dzt, tmp_path / "out" / "B.DZT")
    assert [job.source for job in plan_survey(tmp_path, tmp_path / "out").jobs] == ["A.DZT"]


def test_a_link_back_to_its_own_folder_ends(tmp_path, dzt):
    (tmp_path / "sub").mkdir()
    shutil.copy(dzt, tmp_path / "sub" / "A.DZT")
    (tmp_path / "sub" / "again").symlink_to(tmp_path, target_is_directory=True)
    assert [job.source for job in plan_survey(tmp_path).jobs] == ["sub/A.DZT"]


def test_rd3_with_an_rd7_twin_is_the_same_line(tmp_path):
    values = np.zeros((8, 16), "int16")
    for suffix in ("rd7", "rd3"):
        line = gs.from_array(values.astype("int32" if suffix == "rd7" else "int16"), dt=0.5, spacing=0.1, frequency=250)
        gs.write(line, tmp_path / f"GX.{suffix}", overwrite=True)
    plan = plan_survey(tmp_path)
    assert [job.source for job in plan.jobs] == ["GX.rd7"]
    assert "more bits" in dict(plan.ignored)["GX.rd3"]


def test_lines_that_differ_in_their_extension_get_different_ids(tmp_path, dzt):
    shutil.copy(dzt, tmp_path / "A.DZT")
    gs.write(small_line(n_traces=16), tmp_path / "a.nc")
    ids = [job.id for job in plan_survey(tmp_path).jobs]
    assert sorted(ids) == ["A.DZT", "a.nc"]


def test_a_survey_file_in_the_folder_rules(tmp_path, dzt):
    for name in ("A", "B", "C"):
        shutil.copy(dzt, tmp_path / f"{name}.DZT")
    (tmp_path / "mine.toml").write_text('name = "mine"')
    (tmp_path / "survey.toml").write_text(
        'name = "S"\nrecipe = "mine.toml"\ncrs = "EPSG:32650"\n[defaults]\nfrequency = 270\n'
        '[[lines]]\npath = "[AB].DZT"\nspacing = 0.1\n[[lines]]\npath = "gone.DZT"\nid = "L 9"\ncrs = "EPSG:4547"\n'
    )
    plan = plan_survey(tmp_path)
    assert [job.id for job in plan.jobs] == ["A", "B", "L_9"]
    assert plan.jobs[0].options.spacing == 0.1
    assert plan.jobs[0].options.frequency == 270
    assert [job.options.crs for job in plan.jobs] == ["EPSG:32650", "EPSG:32650", "EPSG:4547"]
    assert plan.recipe == str(tmp_path / "mine.toml")


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ('[[lines]]\npath = "*.rd3"', "no radar file matches"),
        ('[[lines]]\npath = "A.DZT"\n[[lines]]\npath = "*.DZT"', "named by two"),
        ('[[lines]]\npath = "*.DZT"\nid = "x"', "leave it out"),
    ],
)
def test_lines_of_a_survey_file_that_cannot_be_meant(tmp_path, dzt, lines, message):
    for name in ("A", "B"):
        shutil.copy(dzt, tmp_path / f"{name}.DZT")
    (tmp_path / "survey.toml").write_text(lines)
    with pytest.raises(RecipeError, match=message):
        plan_survey(tmp_path)


def test_nothing_at_that_path(tmp_path):
    with pytest.raises(ReadError, match="no file or folder"):
        plan_survey(tmp_path / "nowhere")

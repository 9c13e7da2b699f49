"""The commands that make files: convert and process."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

import gprscan as gs
from gprscan.cli.status import ExitStatus
from gprscan.model import Finding, findings
from gprscan.survey.store import sha256_of
from tests.survey.lines import small_line

RECIPE = 'name = "mine"\n[[process]]\nstep = "dc"\n[[process]]\nstep = "dewow"\nwindow = "4 ns"\n'


@pytest.fixture(scope="module")
def dzt(tmp_path_factory):
    path = tmp_path_factory.mktemp("cli") / "LINE01.DZT"
    gs.write(small_line(n_traces=32), path)
    return path


def test_convert_keeps_the_samples_and_says_where_they_come_from(gprscan, dzt, tmp_path):
    target = tmp_path / "line.nc"
    done = gprscan("convert", dzt, target)
    assert done.status == 0, done.err
    assert done.out.strip() == str(target)
    line, back = gs.read(dzt), gs.read(target)
    np.testing.assert_array_equal(back["amplitude"].values, line["amplitude"].values)
    assert back.attrs["source_sha256"] == sha256_of(dzt)


def test_convert_never_overwrites_unasked(gprscan, dzt, tmp_path):
    target = tmp_path / "line.nc"
    target.write_text("precious")
    done = gprscan("convert", dzt, target)
    assert done.status == ExitStatus.OUTPUT_EXISTS
    assert "--overwrite" in done.err
    assert target.read_text() == "precious"
    assert gprscan("convert", dzt, target, "--overwrite").status == 0
    assert gs.read(target).sizes["trace"] == 32


def test_process_writes_the_processed_line_with_its_provenance(gprscan, dzt, tmp_path):
    recipe = tmp_path / "mine.toml"
    recipe.write_text(RECIPE)
    done = gprscan("process", dzt, "--recipe", recipe, "-o", tmp_path / "out")
    assert done.status == 0, done.err
    back = gs.read(tmp_path / "out" / "LINE01.nc")
    assert [entry["step"] for entry in back.gpr.provenance] == ["dc", "dewow"]
    xr.testing.assert_allclose(back["amplitude"].drop_vars("spatial_ref", errors="ignore"),
                               gs.read(dzt).gpr.dc().gpr.dewow(window=4.0)["amplitude"])  # fmt: skip


def test_process_goes_on_after_a_bad_file(gprscan, dzt, tmp_path):
    recipe, bad = tmp_path / "mine.toml", tmp_path / "bad.DZT"
    recipe.write_text(RECIPE)
    bad.write_bytes(b"\x00" * 5000)
    done = gprscan("process", bad, dzt, "--recipe", recipe, "-o", tmp_path / "out")
    assert done.status == ExitStatus.SOME_FILES_FAILED
    assert "bad.DZT" in done.err
    assert done.out.strip().endswith("LINE01.nc")
    only = gprscan("process", bad, "--recipe", recipe, "-o", tmp_path / "out")
    assert only.status == ExitStatus.NOTHING_READABLE


def test_process_into_a_file_ends_with_7_and_says_so(gprscan, dzt, tmp_path):
    taken = tmp_path / "out"
    taken.write_text("mine")
    done = gprscan("process", dzt, "--recipe", "road", "-o", taken)
    assert done.status == ExitStatus.OUTPUT_EXISTS
    assert "is a file" in done.err
    assert taken.read_text() == "mine"


def test_a_bad_recipe_is_named_before_anything_is_read(gprscan, dzt, tmp_path):
    recipe = tmp_path / "mine.toml"
    recipe.write_text('name = "mine"\n[[process]]\nstep = "dewow"\nwidow = 4\n')
    done = gprscan("process", dzt, "--recipe", recipe, "-o", tmp_path / "out")
    assert done.status == ExitStatus.BAD_RECIPE_OR_SURVEY
    assert "step 1" in done.err
    assert "widow" in done.err
    assert not (tmp_path / "out").exists()


def test_two_files_of_the_same_stem_keep_their_extension(gprscan, dzt, tmp_path):
    recipe = tmp_path / "mine.toml"
    recipe.write_text(RECIPE)
    gs.write(small_line(n_traces=8), tmp_path / "LINE01.rd3")
    done = gprscan("process", dzt, tmp_path / "LINE01.rd3", "--recipe", recipe, "-o", tmp_path / "out")
    assert done.status == 0, done.err
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["LINE01.DZT.nc", "LINE01.rd3.nc"]


def test_convert_tells_a_format_that_cannot_hold_the_line_as_a_usage_error(gprscan, dzt, tmp_path):
    done = gprscan("convert", dzt, tmp_path / "a.xyz")
    assert done.status == 2
    assert ".dzt" in done.err
    gprscan("convert", dzt, tmp_path / "two.nc")
    line = gs.read(tmp_path / "two.nc").load()
    gs.write(gs.from_array([line["amplitude"].values] * 2, dt=0.5), tmp_path / "array.nc")
    done = gprscan("convert", tmp_path / "array.nc", tmp_path / "a.sgy")
    assert done.status == 2
    assert "one channel" in done.err
    assert not (tmp_path / "a.sgy").exists()


def test_convert_says_which_findings_a_vendor_format_loses(gprscan, dzt, tmp_path):

    line = gs.from_array(gs.read(dzt)["amplitude"].values, dt=0.5)
    gs.write(findings.add(line, Finding("clipped-samples", "warning", "x")), tmp_path / "a.nc")
    done = gprscan("convert", tmp_path / "a.nc", tmp_path / "b.sgy")
    assert done.status == 0
    assert "clipped-samples" in done.err
    assert "clipped-samples" not in gprscan("convert", tmp_path / "a.nc", tmp_path / "c.nc").err

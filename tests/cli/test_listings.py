"""The commands that print what there is: files, formats, steps, recipes, schemes."""

from __future__ import annotations

import json

import pytest

import gprscan as gs
from gprscan import risk, steps
from gprscan.cli.status import ExitStatus
from gprscan.io import registry
from tests.survey.lines import small_line


@pytest.fixture(scope="module")
def dzt(tmp_path_factory):
    path = tmp_path_factory.mktemp("cli") / "LINE01.DZT"
    gs.write(small_line(n_traces=32), path)
    return path


def test_info_says_what_is_in_a_file(gprscan, dzt):
    done = gprscan("info", dzt)
    assert done.status == 0
    for part in ("dzt", "1 channel(s) x 32 traces x 200 samples, int16", "400 MHz", "1.24 m", "line coordinates only"):
        assert part in done.out
    assert "findings:" in done.out


def test_info_as_json(gprscan, dzt):
    (entry,) = json.loads(gprscan("info", "--json", dzt).out)
    assert entry["n_traces"] == 32
    assert entry["sampling"]["step"] == pytest.approx(0.25, rel=1e-3)
    assert entry["frequency_mhz"] == 400.0
    assert entry["placed"] is False
    assert isinstance(entry["findings"], list)


def test_info_of_a_bad_file_beside_a_good_one(gprscan, dzt, tmp_path):
    bad = tmp_path / "bad.DZT"
    bad.write_bytes(b"\x00" * 10)
    both = gprscan("info", "--json", bad, dzt)
    assert both.status == ExitStatus.SOME_FILES_FAILED
    first, second = json.loads(both.out)
    assert "bad.DZT" in first["error"]
    assert second["error"] is None
    assert gprscan("info", bad).status == ExitStatus.NOTHING_READABLE
    assert gprscan("info", tmp_path / "none.DZT").status == ExitStatus.NOTHING_READABLE


def test_formats_are_those_of_the_registry(gprscan):
    listed = json.loads(gprscan("formats", "--json").out)
    assert [entry["name"] for entry in listed] == [entry.name for entry in registry.list_formats()]
    lines = gprscan("formats").out.splitlines()
    assert len(lines) == 1 + len(listed)
    assert lines[1].split("\t")[0] == listed[0]["name"]


def test_steps_are_those_of_the_registry(gprscan):
    listed = {entry["name"]: entry for entry in json.loads(gprscan("steps", "--json").out)}
    assert list(listed) == [entry.name for entry in steps.list_steps()]
    assert "kirchhoff" in listed
    assert listed["kirchhoff"]["parameters"]["velocity"] == "required"
    assert "Parameters" in gprscan("steps", "dewow").out
    wrong = gprscan("steps", "dewoww")
    assert wrong.status == ExitStatus.USAGE
    assert "Did you mean 'dewow'" in wrong.err


def test_recipes_are_listed_and_printed_as_they_are_shipped(gprscan, tmp_path):
    listed = json.loads(gprscan("recipes", "--json").out)
    assert {"road", "utility", "structure"} <= {entry["name"] for entry in listed}
    assert "road" in gprscan("recipes").out
    copy = tmp_path / "mine.toml"
    copy.write_text(gprscan("recipes", "road").out)
    assert steps.load_recipe(copy) == steps.load_recipe("road")
    assert gprscan("recipes", "rood").status == ExitStatus.BAD_RECIPE_OR_SURVEY


def test_schemes_are_listed_with_their_status_and_sources(gprscan):
    listed = json.loads(gprscan("schemes", "--json").out)
    assert [entry["id"] for entry in listed] == [scheme.id for scheme in risk.list_schemes()]
    shown = gprscan("schemes", "gprscan_screening")
    assert "non-standard" in shown.out
    assert gprscan("schemes", "nothing").status == ExitStatus.BAD_RECIPE_OR_SURVEY


def test_the_doctor_finds_this_installation_sound(gprscan):
    done = gprscan("doctor")
    assert done.status == 0, done.out
    assert "BAD" not in done.out
    for part in ("numba", "EPSG:4547", "GeoPackage", "sample survey"):
        assert part in done.out

"""Scheme files of users: what is accepted, and messages that name the wrong key."""

from __future__ import annotations

import re
from importlib import resources
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gprscan import risk
from gprscan.errors import RecipeError
from gprscan.risk.inputs import INPUTS

GOOD = """
id = "client_2026"
version = "3"
status = "client scheme"
method = "rules"
[[grades]]
label = "I"
names = { en = "level I", zh = "I级" }
[[grades]]
label = "II"
[[rules]]
id = "deep"
grade = "I"
all = ["cover_m >= 0.5"]
[[rules]]
id = "shallow"
grade = "II"
all = ["cover_m < 0.5", "kind == 'cavity'"]
"""


def write(tmp_path, text):
    path = tmp_path / "mine.toml"
    path.write_text(text, "utf-8")
    return path


def test_a_scheme_file_of_the_users_own_grades(tmp_path):
    path = write(tmp_path, GOOD)
    graded = risk.grade(pd.DataFrame({"kind": ["cavity", "loose"], "top_depth_m": [0.3, 0.3]}), path)
    assert graded["risk_label"].tolist() == ["II", None]  # no rule for loose ground, and no fallback
    assert graded["risk_rank"].iloc[0] == 2  # stored with the rank: the label alone would say nothing
    assert graded["risk_scheme"].tolist() == ["client_2026"] * 2
    assert "client scheme" in graded["risk_note"].iloc[0]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (('grade = "I"\n', 'graed = "I"\n'), r"rules.1.graed: unknown key; did you mean 'grade'"),
        (('method = "rules"', 'methd = "rules"'), r"methd: unknown key; did you mean 'method'"),
        (('method = "rules"', 'method = "magic"'), r"method: .*'rules' or 'matrix'"),
        (('grade = "II"', 'grade = "III"'), r"rule 'shallow' gives the grade 'III', but the grades are I, II"),
        (("cover_m >= 0.5", "cover >= 0.5"), r"no input 'cover'; did you mean 'cover_m'"),
        (("cover_m >= 0.5", "cover_m >= "), r"ends where a number or an input was expected"),
        (("cover_m >= 0.5", "__import__('os')"), r"cannot be read"),
        (('label = "II"', 'label = "I"'), r"two grades are called 'I'"),
        (('id = "shallow"', 'id = "deep"'), r"two rules are called 'deep'"),
        (('id = "client_2026"', 'id = "a b/../c"'), r"id: "),
        (('version = "3"', ""), r"version: missing"),
        (('all = ["cover_m >= 0.5"]', ""), r"rule 'deep' has no condition"),
        (('status = "client scheme"', 'kinds = ["pipe"]'), r"kinds: 'pipe' is no hazard kind"),
        (('status = "client scheme"', 'required = ["depth"]'), r"there is no input 'depth'"),
        (("[[grades]]", "[[grades"), r"no valid TOML"),
    ],
)
def test_a_wrong_scheme_file_is_refused_with_the_key(tmp_path, change, message):
    text = GOOD.replace(*change, 1)
    assert text != GOOD
    with pytest.raises(RecipeError, match=message) as caught:
        risk.load_scheme(write(tmp_path, text))
    assert "scheme mine.toml" in str(caught.value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("[[1, 1, 2, 2]", "[[1, 1, 2, 9]"), r"ranks outside 1 to 4"),
        (("rank = [[1, 1, 2, 2], ", "rank = ["), r"matrix.rank must have 4 rows"),
        (("bands = [3, 6, 9, 12]", "bands = [3, 6, 9, 10]"), r"likelihood.bands .* reach the cap 12"),
        (("{ below = 0.4, points = 3 }", "{ below = 0.1, points = 3 }"), r"the bounds of 'cover_m' must grow"),
        (('assume = "secondary"', 'assume = "motorway"'), r"assumes 'motorway', which is not among its points"),
        (("size_factor = [0.5, 1.0]", "size_factor = [1.5, 2.0]"), r"size_factor is \[1.5, 2.0\]; it must contain 1"),
        (("cavity = 4,", "cavern = 4,"), r"'kind' cannot be cavern"),
    ],
)
def test_wrong_tables_of_a_matrix_scheme_are_refused(tmp_path, change, message):
    shipped = (resources.files("gprscan.risk") / "schemes" / "gprscan_screening.toml").read_text("utf-8")
    text = shipped.replace(*change, 1)
    assert text != shipped
    with pytest.raises(RecipeError, match=message):
        risk.load_scheme(write(tmp_path, text))


def test_a_missing_scheme_names_those_that_are_there():
    with pytest.raises(RecipeError, match="neither a file nor one of gprscan_screening, seoul_2016"):
        risk.load_scheme("jgj_437")


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"id = '\x00'", b"a" * 2_000_000, b"x = " + b"[" * 5000], ids=len)
def test_hostile_bytes_are_refused(tmp_path, content):
    path = tmp_path / "mine.toml"
    path.write_bytes(content)
    with pytest.raises(RecipeError, match=r"scheme mine\.toml"):
        risk.load_scheme(path)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, len(GOOD) - 1), st.characters(codec="utf-8"))
def test_a_scheme_file_with_one_wrong_character_is_a_scheme_or_is_refused(tmp_path_factory, position, character):
    path = tmp_path_factory.mktemp("scheme") / "mine.toml"
    path.write_text(GOOD[:position] + character + GOOD[position + 1 :], "utf-8")
    try:
        scheme = risk.load_scheme(path)
    except RecipeError:
        return
    risk.grade(pd.DataFrame({"kind": ["cavity"], "top_depth_m": [0.3]}), scheme)


def test_shipped_schemes_survive_being_stored_with_a_run():
    for scheme in risk.list_schemes():
        assert risk.load_scheme(scheme.definition()) == scheme
        assert all(grade.names.get("zh") and grade.action.get("zh") for grade in scheme.grades)
    assert [scheme.id for scheme in risk.list_schemes()] == ["gprscan_screening", "seoul_2016"]
    assert risk.load_scheme("gprscan_screening").status == "non-standard screening grade"


def test_the_example_of_the_documentation_is_a_scheme(tmp_path):
    page = (Path(__file__).parents[2] / "docs" / "schemes.md").read_text("utf-8")
    example = re.search(r"```toml\n(.*?)```", page, re.DOTALL).group(1)
    table = pd.DataFrame({"kind": ["cavity"] * 3, "top_depth_m": [0.3, 0.8, 0.8], "width_m": [0.4, 0.4, 1.2]})
    graded = risk.grade(table, write(tmp_path, example))
    assert graded["risk_label"].tolist() == ["repair", "watch", "repair"]
    assert graded["risk_rule"].iloc[1].startswith("fallback")
    assert all(name in page for name in INPUTS)

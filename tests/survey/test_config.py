"""The survey file: what is accepted, and how a wrong one is explained."""

from __future__ import annotations

import pytest

from gprscan.errors import RecipeError
from gprscan.geometry import PositionOptions
from gprscan.survey import LineOptions, load_survey
from gprscan.survey.config import EXAMPLES, GridEntry, LineEntry, SurveyFile

RIGHT = """
name = "Longgang Road"
crs = "EPSG:4547"
recipe = "road"
[context]
road_class = "arterial"
[defaults]
spacing = "5 cm"
frequency = "0.4 GHz"
[[lines]]
path = "LINE01.DZT"
id = "L1"
channel_offsets = [-0.1, 0.1]
[[lines]]
path = "night/*.DZT"
spacing = 0.02
"""


def write(tmp_path, text):
    path = tmp_path / "survey.toml"
    path.write_text(text, "utf-8")
    return path


def test_quantities_are_converted_and_line_options_rule_over_defaults(tmp_path):
    survey = load_survey(write(tmp_path, RIGHT))
    assert survey.defaults.spacing == pytest.approx(0.05)
    assert survey.defaults.frequency == pytest.approx(400.0)
    assert survey.context == {"road_class": "arterial"}
    second = LineOptions(spacing=survey.lines[1].spacing).over(survey.defaults)
    assert second.spacing == pytest.approx(0.02)
    assert second.frequency == pytest.approx(400.0)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('nmae = "x"', ["nmae", "did you mean 'name'", 'right: name = "Longgang Road, night 3"']),
        (
            '[[lines]]\npath = "a.dzt"\nspaceing = 0.05',
            ["lines[1].spaceing", "did you mean 'spacing'", "spacing = 0.05"],
        ),
        ("[[lines]]\nspacing = 0.05", ["lines[1].path", "missing", 'path = "LINE01.DZT"']),
        (
            '[[lines]]\npath = "a.dzt"\n[[lines]]\npath = "b.dzt"\nspacing = -1',
            ["lines[2].spacing", "greater than 0", "-1"],
        ),
        ('[defaults]\nspacing = "5 MHz"', ["defaults.spacing", "'MHz'", "right: spacing = 0.05"]),
        ('crs = "EPSG:99999999"', ["crs", "no coordinate reference system", 'right: crs = "EPSG:4547"']),
        ('[defaults]\non_truncated = "ignore"', ["defaults.on_truncated", "'trim'"]),
        ("name = ", ["no TOML"]),
    ],
)
def test_a_wrong_key_is_named_with_a_right_example(tmp_path, text, expected):
    with pytest.raises(RecipeError) as caught:
        load_survey(write(tmp_path, text))
    for part in ["survey.toml", *expected]:
        assert part in str(caught.value)


def test_every_key_has_an_example_that_is_accepted():
    for model in (SurveyFile, LineEntry):
        assert set(model.model_fields) <= set(EXAMPLES)
    import tomllib

    for name, example in EXAMPLES.items():
        content = tomllib.loads(example)
        if name in PositionOptions.model_fields:
            PositionOptions(**content)
            continue
        if name in set(GridEntry.model_fields) - set(LineEntry.model_fields) - {"lines"}:
            assert name in GridEntry.model_fields
            continue
        assert list(content) == [name] or name == "positions"
        if name in LineEntry.model_fields and list(content) == [name]:
            LineEntry(**{"path": "a.dzt", **content})
        else:
            SurveyFile(**content)


def test_a_missing_survey_file_says_so(tmp_path):
    with pytest.raises(RecipeError, match="there is no survey file"):
        load_survey(tmp_path / "survey.toml")

"""Traces as recorders really write them: dead, doubled, not a number, integers, backwards, few."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from gprscan import detect, model, names
from tests.detection.lines import PERIOD, make, near, section, wrap

X = 2.0
LINE = make((X, 0.6, 0.5), length=4.0, noise=0.003)[0]
VALUES = model.amplitude(LINE)


@pytest.fixture(scope="module")
def whole() -> Any:
    return detect(LINE)


def the_body(table: Any) -> dict[str, Any]:
    (row,) = near(table, X, 0.06)
    return row


def spoilt(how: str) -> np.ndarray:
    values, rng = VALUES.copy(), np.random.default_rng(2)
    some = rng.choice(np.arange(1, values.shape[0]), values.shape[0] // 6, replace=False)
    if how == "dead":
        values[some] = 0.0
    elif how == "nan":
        values[some] = np.nan
    elif how == "constant":
        values[some] = 3.0
    elif how == "copies":
        values[some] = values[some - 1]
    elif how == "a block at the apex":
        values[38:42] = np.nan
    return values


@pytest.mark.parametrize("how", ["dead", "nan", "constant", "copies", "a block at the apex"])
def test_a_body_is_found_among_bad_traces(how: str, whole: Any) -> None:
    values = spoilt(how)
    before = values.copy()
    row, good = the_body(detect(wrap(values))), the_body(whole)
    assert abs(row["distance_m"] - good["distance_m"]) < 0.04
    assert abs(row["twt_ns"] - good["twt_ns"]) < 0.2 * PERIOD
    assert row["polarity"] == good["polarity"]
    np.testing.assert_array_equal(values, before)  # the line itself is left alone


@pytest.mark.parametrize("how", ["dead", "nan", "constant", "copies"])
def test_bad_traces_are_marked_and_no_others(how: str) -> None:
    values = spoilt(how)
    part = section(wrap(values))
    same = np.r_[False, (values[1:] == values[:-1]).all(axis=1)]
    bad = ~np.isfinite(values).all(axis=1) | (values.std(axis=1) == 0) | same
    np.testing.assert_array_equal(part.valid, ~bad)
    assert not part.echo[~part.valid].any()
    assert np.isfinite(part.cond).all()


def test_integers_and_doubles_give_the_same_answer(whole: Any) -> None:
    good = the_body(whole)
    for values in (np.round(VALUES * 25000).astype(np.int16), VALUES.astype(np.float64) * 1e-6):
        row = the_body(detect(wrap(values)))
        assert row["kind"] == good["kind"]
        assert abs(row["twt_ns"] - good["twt_ns"]) < 0.02
        assert abs(row["top_depth_m"] - good["top_depth_m"]) < 0.005


def test_a_line_walked_backwards_shows_the_mirror_image(whole: Any) -> None:
    back = detect(wrap(VALUES[::-1].copy()))
    length = 0.05 * (VALUES.shape[0] - 1)
    assert len(back) == len(whole)
    for row in whole.to_dict("records"):
        (twin,) = near(back, length - row["distance_m"], 0.02)
        assert twin["kind"] == row["kind"]
        assert abs(twin["twt_ns"] - row["twt_ns"]) < 0.05


def test_the_same_line_gives_the_same_table(whole: Any) -> None:
    again = detect(LINE)
    for name in names.DETECTION_COLUMNS:
        assert again[name].astype(str).tolist() == whole[name].astype(str).tolist()
    assert json.dumps(again.attrs["line"]) == json.dumps(whole.attrs["line"])


@pytest.mark.parametrize("n", [2, 3, 5])
def test_a_handful_of_traces_makes_no_claims(n: int) -> None:
    table = detect(wrap(VALUES[38 : 38 + n]))
    assert len(table) == 0
    assert table.attrs["line"]["n_traces"] == n

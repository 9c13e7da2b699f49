"""Opening a line with what the survey file says about it, and drawing only what must be drawn."""

from __future__ import annotations

import json

import numpy as np
import pytest

import gprscan as gs
from gprscan.errors import LineError
from gprscan.steps import Recipe
from gprscan.survey import LineJob, LineOptions, figures, open_line, place
from gprscan.survey.record import plain
from tests.survey.lines import small_line


@pytest.fixture(scope="module")
def dzt(tmp_path_factory):
    path = tmp_path_factory.mktemp("runner") / "LINE01.DZT"
    gs.write(small_line(n_traces=64), path)
    return path


def opened(path, **options):
    return open_line(LineJob("L", path, path.name, LineOptions(**options)))


def test_options_rule_over_the_file(dzt):
    line = opened(dzt, spacing="2 cm", frequency="0.27 GHz", time_zero=4.0, antenna_height=0.05)
    assert line["distance"].values[1] == pytest.approx(0.02)
    assert float(line["frequency"]) == 270.0
    assert line["twt"].values[0] == pytest.approx(-4.0)
    assert line["twt"].attrs["units"] == "ns"
    assert line.attrs["antenna_height"] == 0.05


def test_a_straight_line_is_placed_between_its_ends(dzt):
    line = opened(dzt, start=(503000.0, 2511000.0), end=(503030.0, 2511040.0), crs="EPSG:4547", position_sigma=0.1)
    middle = place.at(line, float(line["distance"].values.mean()), 0.0)
    assert (middle["x"], middle["y"]) == pytest.approx((503015.0, 2511020.0))
    assert middle["longitude"] == pytest.approx(114.029, abs=0.01)
    assert middle["position_sigma_m"] == pytest.approx(0.1)


@pytest.mark.parametrize(
    "options", [{"start": (0.0, 0.0), "crs": "EPSG:4547"}, {"start": (0.0, 0.0), "end": (1.0, 1.0)}]
)
def test_half_a_position_is_an_error(dzt, options):
    with pytest.raises(LineError, match="go together"):
        opened(dzt, **options)


def test_offsets_must_fit_the_channels(dzt):
    with pytest.raises(LineError, match="channel"):
        opened(dzt, channel_offsets=[0.0, 0.1])


def test_plain_values_are_what_json_can_hold():
    value = {
        "a": np.float32(0.5),
        "b": np.nan,
        "c": np.array([1, 2]),
        "d": np.datetime64("NaT"),
        "e": (np.bool_(True),),
    }
    assert plain(value) == {"a": 0.5, "b": None, "c": [1, 2], "d": None, "e": [True]}
    json.dumps(plain(value), allow_nan=False)


def anomalies(*rows):
    return [
        {"anomaly_id": f"L-{n}", "kind": kind, "distance_m": x, "twt_ns": 10.0, "top_depth_m": 0.5, "group_id": group,
         "velocity_m_ns": 0.1, "confidence": c, "offset_m": 0.0, "length_m": None}
        for n, (kind, x, group, c) in enumerate(rows)
    ]  # fmt: skip


def test_hazards_are_drawn_first_and_a_mesh_once():
    rows = anomalies(
        ("rebar", 0.5, "m1", 0.9), ("rebar", 0.6, "m1", 0.9), ("pipe", 1.0, None, 0.9), ("cavity", 1.5, None, 0.4)
    )
    assert [row["anomaly_id"] for row in figures._shown(rows)] == ["L-3", "L-0", "L-2"]


def test_a_long_line_is_drawn_window_by_window(dzt, tmp_path, monkeypatch):
    """Each window holds its anomalies and a margin, and no more of the line is loaded than that."""
    monkeypatch.setattr(figures, "_WINDOW_VALUES", 1)  # the least: windows of 256 traces
    monkeypatch.setattr(figures, "_MARGIN", 1.0)
    line = small_line(n_traces=1200)
    rows = anomalies(("pipe", 2.0, None, 0.9), ("pipe", 40.0, None, 0.8))
    parts = list(figures._windows(line, rows))
    assert [[row["distance_m"] for row in members] for _, members in parts] == [[2.0], [40.0]]
    for part, members in parts:
        along = part["distance"].values
        assert part.sizes["trace"] <= 256 + 2 * 26
        assert along[0] <= members[0]["distance_m"] <= along[-1]
    recipe = Recipe(name="quick", process=[{"step": "dewow"}])
    figures.draw(line, recipe, rows, 0.1, tmp_path, "L")
    drawn = json.loads(rows[1]["figures"])
    assert {"raw", "processed", "migrated"} <= set(drawn)
    assert (tmp_path / drawn["migrated"]).stat().st_size > 1000


def test_a_line_with_more_anomalies_than_pictures_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr(figures, "MOST", 1)
    line = small_line(n_traces=200)
    rows = anomalies(("pipe", 2.0, None, 0.5), ("pipe", 3.0, None, 0.9))
    (note,) = figures.draw(line, Recipe(name="quick", process=[]), rows, 0.1, tmp_path, "L")
    assert "1 of 2 anomalies" in note
    assert "figures" not in rows[0]
    assert json.loads(rows[1]["figures"])

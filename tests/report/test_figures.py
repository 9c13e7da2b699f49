"""Pictures of the cards: which are drawn, of which channel, and that they are small."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gprscan import model
from gprscan.report import anomaly_figures
from gprscan.report.figures import shown_channel
from tests.report import surveys


def test_each_role_is_a_small_png(tmp_path):
    line = surveys.line()
    deep = line.rename({"twt": "depth"}).assign_coords(depth=("depth", np.linspace(0, 1.75, line.sizes["twt"])))
    paths = anomaly_figures(line, line, surveys.anomaly(), tmp_path / "figures", migrated=deep)
    assert list(paths) == ["raw", "processed", "migrated", "ascan"]
    for path in paths.values():
        with Image.open(path) as image:
            assert image.size[0] == 616
            assert np.unique(np.asarray(image.convert("L"))).size > 10
        assert Path(path).stat().st_size < 70_000


def test_what_has_nothing_to_show_is_left_out(tmp_path):
    line = surveys.line()
    short = line.isel(trace=slice(0, 40))  # the processed part ends 4 m before the body's window
    paths = anomaly_figures(line, short, surveys.anomaly(distance_m=15.0), tmp_path)
    assert list(paths) == ["raw", "ascan"]
    assert not list(tmp_path.glob(".*"))


def test_a_hostile_id_stays_in_the_folder(tmp_path):
    row = surveys.anomaly(anomaly_id="../../etc/passwd<空洞>")
    paths = anomaly_figures(surveys.line(), None, row, tmp_path / "figures")
    assert all(Path(path).parent == tmp_path / "figures" for path in paths.values())


@pytest.mark.parametrize(
    ("offsets", "row", "expected"),
    [
        ([-0.5, 0.0, 0.5], {"offset_m": 0.4}, 2),
        (None, {"offset_m": 0.4, "channels": "[1, 2]"}, 1),
        (None, {"offset_m": None, "channels": '["2"]'}, 2),
        (None, {"channels": "[7]"}, 0),
        (None, {"channels": "not json"}, 0),
    ],
)
def test_the_channel_that_passed_closest_is_shown(offsets, row, expected):
    line = model.from_array(np.zeros((3, 10, 8), "float32"), dt=0.1, channel_offsets=offsets)
    assert shown_channel(line, row) == expected


def test_a_line_without_distances_or_numbers_is_drawn(tmp_path):
    line = model.from_array(np.random.default_rng(0).standard_normal((60, 100)).astype("float32"), dt=0.2)
    row = {"anomaly_id": "x", "kind": "unknown", "distance_m": None, "twt_ns": None}
    assert list(anomaly_figures(line, None, row, tmp_path)) == ["raw"]

"""``gprscan scan`` of a mixed survey in which the side file of a pipe, or the file of a wall, is wrong."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

MIXED = Path(__file__).parents[2] / "sample_data" / "mixed"
SURVEY = """
crs = "EPSG:4547"
walls = ["RW-31.wall.toml"]
[[lines]]
path = "R1.dzt"
start = [503120.0, 2511340.0]
end = [503127.713, 2511349.193]
[[lines]]
path = "RING.dzt"
"""
# file, what stands in it, what is written instead, the key that the message names, the right example that it shows
WRONG = {
    "pipe-value": ("RING.pipe.toml", "inner_diameter = 0.8", 'inner_diameter = "wide"', "bore.inner_diameter", "inner_diameter = 1.0"),
    "pipe-missing": ("RING.pipe.toml", "thickness = 0.088", "", "wall.thickness", "thickness = 0.10"),
    "wall-value": ("RW-31.wall.toml", "point_sigma = 0.02", "point_sigma = -1", "point_sigma", "point_sigma = 0.02"),
    "wall-misspelt": ("RW-31.wall.toml", "standoff = 0.0196", "standof = 0.02", "standof", "standoff = 0.02"),
    "wall-no-toml": ("RW-31.wall.toml", 'id = "RW-31"', "id = RW-31", "RW-31.wall.toml is no TOML", "line 2"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_one_wrong_side_file_costs_nothing_else(name, tmp_path, gprscan):
    file, right, wrong, key, example = WRONG[name]
    folder = tmp_path / "survey"
    folder.mkdir()
    for path in MIXED.iterdir():
        if path.stem.split(".")[0] in ("R1", "RING", "RW-31", "W1"):
            shutil.copy(path, folder / path.name)
    wall = folder / "RW-31.wall.toml"
    text = wall.read_text("utf-8")
    first, *more = text.split("[[lines]]")
    wall.write_text(first + "[[lines]]" + next(part for part in more if "W1" in part), "utf-8")
    (folder / "survey.toml").write_text(SURVEY, "utf-8")
    spoilt = (folder / file).read_text("utf-8")
    assert right in spoilt
    (folder / file).write_text(spoilt.replace(right, wrong, 1), "utf-8")

    done = gprscan("scan", folder, "-o", tmp_path / "out")
    entries = [json.loads(line) for line in (tmp_path / "out" / "manifest.jsonl").read_text("utf-8").splitlines()]
    states = {entry["path"]: entry["status"] for entry in entries}
    kept = {"R1.dzt", "RING.dzt"} | ({"W1.dzt"} if name.startswith("pipe") else set())
    assert {path for path, state in states.items() if state == "ok"} == kept
    table = (tmp_path / "out" / "anomalies.csv").read_text("utf-8-sig")
    assert "R1-001" in table
    if name.startswith("pipe"):
        assert done.status == 0
        [ring] = [entry for entry in entries if entry["path"] == "RING.dzt"]
        told = next(finding for finding in ring["findings"] if finding["code"] == "pipe-file-wrong")
        said = json.dumps(told, ensure_ascii=False).replace('\\"', '"')
        assert "W1-001" in table
    else:
        assert done.status == 3  # some files failed
        [said] = [entry["error"] for entry in entries if entry["status"] == "failed"]
        assert "MH21-MH22" in table  # the ring, in its pipe
        assert key in done.err
    assert file in said
    assert key in said
    assert example in said
    assert key in (tmp_path / "out" / "report.html").read_text("utf-8")

"""The image volume of a pipe segment: made once, made anew when its lines change, and never a reason to lose a scan."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from gprscan.report.pipes import volume_of
from gprscan.survey import pipe_images
from gprscan.survey.discover import plan_survey
from gprscan.survey.pipe_images import write_images
from gprscan.survey.runner import open_line

MIXED = Path(__file__).parents[2] / "sample_data" / "mixed"


def records_of(jobs, key):
    pipe = json.dumps({"segment": "MH21-MH22"})
    return [{"status": "ok", "key": key, "row": {"pipe": pipe}} for _ in jobs]


def test_an_image_is_kept_while_its_lines_are_the_same(tmp_path):
    survey, out = tmp_path / "survey", tmp_path / "out"
    survey.mkdir()
    for path in MIXED.glob("RING.*"):
        shutil.copy(path, survey / path.name)
    jobs = plan_survey(survey, out).jobs
    write_images(jobs, records_of(jobs, {"sha256": "1"}), out)
    path = out / "pipe_images" / "MH21-MH22.nc"
    made = path.stat().st_mtime_ns
    (path.parent / "of-another-scan.nc").write_bytes(b"old")

    write_images(jobs, records_of(jobs, {"sha256": "1"}), out)
    assert path.stat().st_mtime_ns == made
    assert [p.name for p in path.parent.iterdir()] == [path.name]

    # the file changed, and radar cannot look through what it is of now: no image, and no error
    side = survey / "RING.pipe.toml"
    side.write_text(side.read_text("utf-8").replace('material = "concrete"', 'material = "steel"'), "utf-8")
    write_images(jobs, records_of(jobs, {"sha256": "2"}), out)
    assert list(path.parent.iterdir()) == []


def test_the_image_of_a_segment_without_a_name_is_found_by_its_line(tmp_path, monkeypatch):
    survey, out = tmp_path / "survey", tmp_path / "out"
    survey.mkdir()
    for path in MIXED.glob("RING.*"):
        shutil.copy(path, survey / path.name)
    [job] = plan_survey(survey, out).jobs
    line = open_line(job)
    pipe = {key: value for key, value in json.loads(line.attrs["pipe"]).items() if key != "segment"}
    line.attrs["pipe"] = json.dumps(pipe)
    monkeypatch.setattr(pipe_images, "open_line", lambda _: line)
    write_images([job], [{"status": "ok", "key": {"sha256": "1"}, "row": {"pipe": line.attrs["pipe"]}}], out)
    with volume_of(out, job.id) as image:
        assert image.sizes["clock"] == 180


def test_surveys_without_pipes_leave_no_folder(tmp_path):
    write_images([], [], tmp_path)
    assert list(tmp_path.iterdir()) == []

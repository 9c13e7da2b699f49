"""Records on disk: atomic, kept only while their inputs are unchanged, and never mixed with a user's own files."""

from __future__ import annotations

import json

import pytest

from gprscan.errors import OutputExistsError
from gprscan.survey import store

KEY = store.key_of("a" * 64, {"L.DZG": "b" * 64}, "c" * 64, {"spacing": 0.05})


def record(status="ok", figures=None):
    anomalies = [{"anomaly_id": "L-001", "figures": json.dumps(figures or {})}]
    return {"id": "L", "key": KEY, "status": status, "anomalies": anomalies}


def test_sha256_of_a_known_text(tmp_path):
    path = tmp_path / "abc"
    path.write_bytes(b"abc")
    # FIPS 180-2, appendix B.1
    assert store.sha256_of(path) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_side_files_are_those_that_share_the_stem_in_any_case(tmp_path):
    for name in ("L1.DZT", "l1.dzg", "L1.DZX", "L10.DZG"):
        (tmp_path / name).write_bytes(name.encode())
    assert list(store.side_file_hashes(tmp_path / "L1.DZT")) == ["L1.DZX", "l1.dzg"]


def test_the_fingerprint_does_not_depend_on_the_order_of_keys():
    assert store.fingerprint({"a": 1, "b": [2]}) == store.fingerprint({"b": [2], "a": 1})
    assert store.fingerprint({"a": 1}) != store.fingerprint({"a": 2})


@pytest.mark.parametrize(
    "change",
    [
        {"sha256": "0" * 64},
        {"side_files": {}},
        {"recipe_sha256": "0" * 64},
        {"options": {}},
        {"gprscan": "0.0.0"},
    ],
)
def test_a_record_is_kept_only_while_everything_that_made_it_is_the_same(tmp_path, change):
    store.write_json(tmp_path / "lines" / "L.json", record())
    assert store.finished(tmp_path, "L", KEY) == record()
    assert store.finished(tmp_path, "L", KEY | change) is None


def test_a_failed_line_and_one_with_lost_pictures_are_done_again(tmp_path):
    path = tmp_path / "lines" / "L.json"
    store.write_json(path, record(status="failed"))
    assert store.finished(tmp_path, "L", KEY) is None
    store.write_json(path, record(figures={"raw": "figures/L/a.png"}))
    assert store.finished(tmp_path, "L", KEY) is None
    (tmp_path / "figures" / "L").mkdir(parents=True)
    (tmp_path / "figures" / "L" / "a.png").write_bytes(b"png")
    assert store.finished(tmp_path, "L", KEY) is not None


def test_half_a_record_counts_as_none(tmp_path):
    (tmp_path / "lines").mkdir()
    (tmp_path / "lines" / "L.json").write_text('{"id": "L", "key"')
    assert store.finished(tmp_path, "L", KEY) is None


def test_an_earlier_output_is_neither_overwritten_nor_are_other_files_touched(tmp_path):
    store.prepare(tmp_path, None)
    store.write_json(tmp_path / "lines" / "L.json", record())
    (tmp_path / "lines" / ".L.json.1.part").write_text("half")
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(OutputExistsError, match=r"--resume.*--fresh"):
        store.prepare(tmp_path, None)
    store.prepare(tmp_path, True)
    assert [p.name for p in (tmp_path / "lines").iterdir()] == ["L.json"]
    store.prepare(tmp_path, False)
    assert list((tmp_path / "lines").iterdir()) == []
    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_a_file_cannot_be_the_output_folder(tmp_path):
    (tmp_path / "out").write_text("")
    with pytest.raises(OutputExistsError, match="is a file"):
        store.prepare(tmp_path / "out", None)


def test_lines_that_left_the_survey_are_forgotten(tmp_path):
    for name in ("A", "B"):
        store.write_json(tmp_path / "lines" / f"{name}.json", {})
        (tmp_path / "figures" / name).mkdir(parents=True)
    store.forget(tmp_path, ["A"])
    assert [p.stem for p in (tmp_path / "lines").iterdir()] == ["A"]
    assert [p.name for p in (tmp_path / "figures").iterdir()] == ["A"]

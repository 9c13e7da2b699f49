"""The optional re-scorer: one capped vote, crops on one grid for every antenna, errors that say what is missing."""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import gprscan as gs
from gprscan.cli.status import ExitStatus, status_of
from gprscan.detection import crops, rescore
from gprscan.detection.body import Body
from gprscan.errors import MissingExtraError, RecipeError
from gprscan.report import SurveyResult, review, review_files
from gprscan.steps import load_recipe
from gprscan.survey import store
from gprscan.survey.crops import write_crops
from tests.detection.lines import make, near, section

POINT = (2.0, 0.6, 0.8)
sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
training: Any = importlib.import_module("train_rescorer")


def write_model(path: Path, scores: dict[str, float]) -> Path:
    """Write a model that answers the same for every crop."""
    pytest.importorskip("onnx", reason="the optional package onnx is not installed")
    pytest.importorskip("onnxruntime", reason="the extra 'ml' is not installed")
    training.write_onnx(path, np.zeros((128, len(scores))), np.array(list(scores.values())), list(scores))
    return path


def test_a_crop_has_the_body_at_the_same_pixel_whatever_the_sampling() -> None:
    for dx, dt in ((0.05, 0.08), (0.01, 0.4)):
        x, t = dx * np.arange(round(4 / dx)), dt * np.arange(round(40 / dt)) - 2.0
        echo = np.exp(-(((x[:, None] - 2.0) / 0.1) ** 2) - ((t - 9.0) / 0.5) ** 2)
        crop = crops.cut(echo, x, t, 2.0, 9.0)
        row, column = np.unravel_index(crop.argmax(), crop.shape)
        assert abs(row - crops.BEFORE_NS / crops.ROW_NS) <= 1
        assert abs(column - 31.5) <= 1.5
        assert np.sqrt((crop**2).mean()) == pytest.approx(1.0, rel=1e-5)
    edge = crops.cut(echo, x, t, x[0], 9.0)
    assert (edge[:, :30] == 0).all()
    assert np.abs(edge[:, 40:]).max() >= 0


def test_the_vote_is_kept_capped_and_can_tip_a_balance(tmp_path: Path) -> None:
    line, _ = make(POINT, length=4.0, noise=0.01)
    (plain,) = near(gs.detect(line), POINT[0], 0.05)
    model = write_model(tmp_path / "m.onnx", {"pipe": 30.0, "cavity": -30.0, "rebar": 0.0})
    (row,) = near(gs.detect(line, model=model), POINT[0], 0.05)
    votes = json.loads(row["evidence"])["votes"]
    assert votes["model"] == {"pipe": rescore.CAP, "cavity": -rescore.CAP}
    assert "model" not in json.loads(plain["evidence"])["votes"]
    odds = [json.loads(r["probabilities"]) for r in (plain, row)]
    gained = np.log(odds[1]["pipe"] / odds[1]["cavity"]) - np.log(odds[0]["pipe"] / odds[0]["cavity"])
    assert gained == pytest.approx(2 * rescore.CAP, abs=0.15)
    assert row["twt_ns"] == plain["twt_ns"]


def test_the_cap_holds_whatever_the_model_says_and_nonsense_casts_no_vote() -> None:
    part = section(make(length=3.0)[0])
    said = iter([[1e9, 0.0], [np.nan, 0.0], [0.5, -0.5]])
    model = rescore.Rescorer(("pipe", "cavity"), lambda crop: np.array([next(said)]))
    out = []
    for _ in range(3):
        body = Body("diffraction", 1.0, 8.0, votes={"prior": {"pipe.metal": -1.0, "cavity.air": -1.0}})
        rescore.add_votes(part, [body], model)
        out.append(body.votes.get("model"))
    assert out == [{"pipe": 2.0, "cavity": -2.0}, None, {"pipe": 0.5, "cavity": -0.5}]


def test_without_onnxruntime_the_message_names_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "m.onnx"
    path.write_bytes(b"x")
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(MissingExtraError, match=r"gprscan\[ml\]") as error:
        rescore.load(path)
    assert status_of(error.value) == ExitStatus.EXTRA_MISSING


def test_a_wrong_model_is_refused_with_its_reason(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="there is no file"):
        rescore.load(tmp_path / "none.onnx")
    good = write_model(tmp_path / "good.onnx", {"pipe": 0.0, "clutter": 0.0})
    assert rescore.load(good).kinds == ("pipe", "clutter")
    with pytest.raises(RecipeError, match="JSON list of at least two"):
        rescore.load(write_model(tmp_path / "kinds.onnx", {"pipe": 0.0, "hole": 0.0}))
    (tmp_path / "broken.onnx").write_bytes(good.read_bytes()[:100])
    with pytest.raises(RecipeError, match="is no model that onnxruntime can run"):
        rescore.load(tmp_path / "broken.onnx")


def test_a_recipe_names_a_model_beside_it_and_a_changed_model_is_another_recipe(tmp_path: Path) -> None:
    (tmp_path / "m.onnx").write_bytes(b"one")
    (tmp_path / "r.toml").write_text('name = "mine"\n[detect]\nmodel = "m.onnx"\n', "utf-8")
    recipe = load_recipe(tmp_path / "r.toml")
    assert Path(recipe.detect["model"]) == (tmp_path / "m.onnx").resolve()
    before = store.recipe_hash(recipe)
    (tmp_path / "m.onnx").write_bytes(b"two")
    assert store.recipe_hash(recipe) != before


def test_crops_out_labels_back_and_a_model_trained_on_them(tmp_path: Path) -> None:
    """The whole round: scan, crops, labels by hand, import, training, a scan with the trained model."""
    line, _ = make(POINT, (4.0, 0.5, -0.9), length=6.0, noise=0.01)
    gs.write(line, tmp_path / "L.nc")
    out, folder = tmp_path / "out", tmp_path / "crops"
    result = gs.scan(tmp_path / "L.nc", out)
    ids = result.anomalies["anomaly_id"].tolist()
    assert len(ids) >= 2
    path = write_crops(tmp_path / "L.nc", out, folder)
    labels = json.loads(path.read_text("utf-8"))
    assert [image["anomaly_id"] for image in labels["images"]] == ids
    assert labels["annotations"] == []  # nobody reviewed them: silence is no consent
    assert all((folder / image["file_name"]).is_file() for image in labels["images"])
    number = {entry["name"]: entry["id"] for entry in labels["categories"]}
    wanted = [labels["images"][0]["kind"], "rejected"]
    labels["annotations"] = [
        {"id": k, "image_id": labels["images"][k]["id"], "category_id": number[kind], "bbox": [0, 0, 9, 9]}
        for k, kind in enumerate(wanted)
    ]
    path.write_text(json.dumps(labels), "utf-8")
    loaded = SurveyResult.from_folder(out)
    assert review.add(out, loaded, review_files.read(path, loaded, "Li")) == 2
    assert loaded.anomalies["review_status"].tolist()[:2] == ["accepted", "rejected"]
    exported = json.loads(write_crops(tmp_path / "L.nc", out, folder, overwrite=True).read_text("utf-8"))
    back = {a["image_id"]: a["category_id"] for a in exported["annotations"]}
    assert [back[image["id"]] for image in exported["images"][:2]] == [number[kind] for kind in wanted]
    pytest.importorskip("onnx", reason="the optional package onnx is not installed")
    pytest.importorskip("onnxruntime", reason="the extra 'ml' is not installed")
    training.main([str(folder), "-o", str(tmp_path / "m.onnx")])
    learnt, truth = training.load(folder)
    model = rescore.load(tmp_path / "m.onnx")
    w, b = training.train(learnt, truth, list(model.kinds))
    np.testing.assert_allclose(model.score(learnt), training.cells(learnt) @ w + b, atol=1e-3)
    assert np.array(model.kinds)[model.score(learnt).argmax(axis=1)].tolist() == truth.tolist()


def test_labels_that_contradict_each_other_are_refused(tmp_path: Path) -> None:
    from gprscan.errors import ReviewError

    image = {"id": 1, "file_name": "a.png", "anomaly_id": "L-001", "kind": "pipe"}
    content: dict[str, Any] = {
        "images": [image],
        "categories": [{"id": 1, "name": "pipe"}, {"id": 2, "name": "cavity"}],
        "annotations": [{"image_id": 1, "category_id": 1}, {"image_id": 1, "category_id": 2}],
    }
    path = tmp_path / "l.json"
    empty = SurveyResult.from_records([])
    for labels, said in (
        (content["annotations"], r"annotations\[1\], category_id: image 'a.png' is both pipe and cavity"),
        ([{"image_id": 7, "category_id": 1}], r"annotations\[0\], image_id: there is no image 7"),
        ([{"image_id": 1, "category_id": 9}], r"annotations\[0\], category_id: there is no category 9"),
        ([{"image_id": 1, "category_id": 1}], r"annotations\[0\], column anomaly_id: 'L-001' is no anomaly"),
    ):
        path.write_text(json.dumps(content | {"annotations": labels}), "utf-8")
        with pytest.raises(ReviewError, match=said):
            review_files.read(path, empty, "Li")

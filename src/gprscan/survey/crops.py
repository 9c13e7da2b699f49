"""Crops of a scanned survey: what lies around each anomaly, with the labels of its review, to look at and to train on."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from gprscan import model, names
from gprscan.detection import crops, pipeline
from gprscan.errors import OutputExistsError, ReadError
from gprscan.io import atomic
from gprscan.report import SurveyResult
from gprscan.report.tables import scalar
from gprscan.steps import Recipe
from gprscan.survey.discover import plan_survey
from gprscan.survey.runner import LineJob, open_line

REJECTED = "rejected"  # the category of what is no body; `gprscan.report.review_files` reads it back
CATEGORIES = (*names.KINDS, REJECTED)
_HEIGHT_NS, _LEAST_WIDTH = 4.0, 0.4  # of the box around a body: a pulse and its like, ns; m
_ABOVE = 1.0  # ns of the box above the top


def write_crops(survey: str | Path, out: str | Path, folder: str | Path, *, overwrite: bool = False) -> Path:
    """Write a crop of the radargram per anomaly, with the reviews as COCO labels.

    Parameters
    ----------
    survey : path-like
        What was scanned; its lines are read again.
    out : path-like
        Output folder of the scan.
    folder : path-like
        To write: ``images/ID.png`` (8 bit, to look at), ``labels.json`` (COCO; an image without an annotation is not
        reviewed yet) and ``crops.npz`` (arrays ``crops``, float32 (n, 1, 64, 64), ``anomaly_id`` and ``label``, which is
        empty where nobody reviewed it).
    overwrite : bool
        Replace `folder`.

    Returns
    -------
    Path
        ``labels.json``.

    Raises
    ------
    OutputExistsError
        If `folder` is there.
    ReadError
        If `out` is no finished scan, or a line of it is not in `survey`.
    """
    folder = Path(folder)
    if folder.exists() and not overwrite:
        msg = f"{folder} exists. Choose another name, or overwrite it with --overwrite."
        raise OutputExistsError(msg)
    result = SurveyResult.from_folder(out)
    recipe = Recipe(**result.run["recipe"])
    jobs = {job.id: job for job in plan_survey(survey, out).jobs}
    rows = [
        {str(k): scalar(v) for k, v in row.items() if k != "geometry"} for row in result.anomalies.to_dict("records")
    ]
    missing = sorted({str(row["line"]) for row in rows} - set(jobs))
    if missing:
        msg = f"{survey}: has no line {', '.join(missing)}, which the scan in {out} has. Give the survey that was scanned."
        raise ReadError(msg)
    kept = [
        pair
        for name in dict.fromkeys(str(row["line"]) for row in rows)
        for pair in _of_line(jobs[name], recipe, [row for row in rows if row["line"] == name])
    ]
    folder.parent.mkdir(parents=True, exist_ok=True)
    atomic.commit([atomic.Output(folder, lambda part: _write(part, kept))])
    return folder / "labels.json"


def _of_line(job: LineJob, recipe: Recipe, rows: list[dict[str, Any]]) -> Iterator[tuple[dict[str, Any], np.ndarray]]:
    """Yield the anomalies of a line with their crops; lines inside a pipe have none, since their grid is another one."""
    line = open_line(job)
    if model.pipe_of(line) is not None:
        return
    settings = pipeline.load_settings(recipe)
    for section in pipeline.iter_sections(line, settings):
        for row in rows:
            first, last = section.core
            if json.loads(row["channels"])[0] == section.channel and first <= row["distance_m"] < last:
                yield row, crops.cut(section.echo, section.x, section.t, row["distance_m"], row["twt_ns"])


def _write(folder: Path, kept: list[tuple[dict[str, Any], np.ndarray]]) -> None:
    from PIL import Image

    (folder / "images").mkdir(parents=True)
    for row, crop in kept:
        grey = np.clip(127.5 + 45.0 * crop, 0, 255).astype(np.uint8)
        Image.fromarray(grey).save(folder / "images" / f"{row['anomaly_id']}.png")
    stack = [crop[None] for _, crop in kept]
    np.savez_compressed(
        folder / "crops.npz",
        crops=np.stack(stack) if stack else np.zeros((0, 1, crops.ROWS, crops.COLUMNS), np.float32),
        anomaly_id=np.array([str(row["anomaly_id"]) for row, _ in kept], dtype=str),
        label=np.array([label_of(row) for row, _ in kept], dtype=str),
    )
    text = json.dumps(coco([row for row, _ in kept]), ensure_ascii=False, indent=1)
    (folder / "labels.json").write_text(text + "\n", encoding="utf-8")


def label_of(row: dict[str, Any]) -> str:
    """Return what a review says that an anomaly is: a kind, ``rejected``, or nothing where there is none."""
    kind = {"accepted": row["kind"], "reclassed": row["review_kind"], "rejected": REJECTED}
    return str(kind.get(str(row.get("review_status")), ""))


def coco(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the labels of anomalies in COCO layout; boxes are ``[left, top, width, height]`` in pixels of their crop."""
    number = {name: k for k, name in enumerate(CATEGORIES, start=1)}
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for k, row in enumerate(rows, start=1):
        told = {name: row[name] for name in ("anomaly_id", "line", "kind", "distance_m", "twt_ns")}
        scale = {"m_per_pixel": crops.COLUMN_M, "ns_per_pixel": crops.ROW_NS}
        size = {"width": crops.COLUMNS, "height": crops.ROWS}
        images.append({"id": k, "file_name": f"images/{row['anomaly_id']}.png", **size, **told, **scale})
        label = label_of(row)
        if not label:
            continue
        wide = min(max(row["length_m"] or 0.0, _LEAST_WIDTH) / crops.COLUMN_M, crops.COLUMNS)
        high = _HEIGHT_NS / crops.ROW_NS
        box = [0.5 * (crops.COLUMNS - wide), (crops.BEFORE_NS - _ABOVE) / crops.ROW_NS, wide, high]
        said = {name: row[name] for name in ("review_comment", "reviewer", "reviewed_at") if row.get(name)}
        entry = {"id": len(annotations) + 1, "image_id": k, "category_id": number[label], "bbox": box}
        annotations.append(entry | {"area": wide * high, "iscrowd": 0, "attributes": said})
    categories = [{"id": k, "name": name} for name, k in number.items()]
    return {"images": images, "annotations": annotations, "categories": categories}

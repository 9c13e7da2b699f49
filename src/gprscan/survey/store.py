"""What a scan leaves on disk while it runs: one atomic record per line, and what makes a record still valid."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path
from typing import Any

from gprscan.errors import OutputExistsError
from gprscan.report.pipes import VOLUMES
from gprscan.steps import Recipe

LINES = "lines"
FIGURES = "figures"
MANIFEST = "manifest.jsonl"
# names that mark a folder as the output of a scan; nothing else in it is ever touched
OUTPUTS = (
    LINES,
    FIGURES,
    VOLUMES,
    MANIFEST,
    "run.json",
    "report.html",
    "report.pdf",
    "anomalies.gpkg",
    "anomalies.geojson",
    "anomalies.csv",
    "anomalies.kml",
    "anomalies.xlsx",
)
_CHUNK = 1 << 20


def sha256_of(path: str | Path) -> str:
    """Return the SHA-256 of a file's bytes, read in pieces."""
    digest = hashlib.sha256()
    with Path(path).open("rb") as file:
        while piece := file.read(_CHUNK):
            digest.update(piece)
    return digest.hexdigest()


def side_file_hashes(path: str | Path) -> dict[str, str]:
    """Return the SHA-256 of every file beside `path` that shares its stem: headers, positions, marks.

    They decide what a line becomes as much as the traces do, so a line is redone when one of them changes.
    """
    path = Path(path)
    stem = path.stem.casefold()
    stems = (stem, f"{stem}.pipe")  # RUN.pipe.toml describes the pipe of RUN
    beside = (p for p in path.parent.iterdir() if p != path and p.stem.casefold() in stems and p.is_file())
    return {p.name: sha256_of(p) for p in sorted(beside)}


def fingerprint(value: Any) -> str:
    """Return the SHA-256 of a JSON-able value, the same for the same content whatever the order of keys."""
    text = json.dumps(value, sort_keys=True, ensure_ascii=False, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def recipe_hash(recipe: Recipe) -> str:
    """Return the fingerprint of a recipe's content, and of the model that it names: by its bytes, wherever it lies."""
    content = recipe.model_dump(mode="json")
    model = recipe.detect.get("model")
    if model:
        content["detect"] = content["detect"] | {"model": sha256_of(model)}
    return fingerprint(content)


def key_of(sha256: str, side_files: dict[str, str], recipe: str, options: dict[str, Any]) -> dict[str, Any]:
    """Return what must be unchanged for a finished line to be kept: inputs, recipe, options and software."""
    return {
        "sha256": sha256,
        "side_files": side_files,
        "recipe_sha256": recipe,
        "options": options,
        "gprscan": version("gprscan"),
    }


def write_json(path: Path, value: Any) -> None:
    """Write JSON to a temporary name in the same folder and rename it, so that no half file ever has the name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    with temporary.open("w", encoding="utf-8") as file:
        json.dump(value, file, ensure_ascii=False, allow_nan=False)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def read_record(out: Path, line_id: str) -> dict[str, Any] | None:
    """Return the stored record of a line, None where there is none that can be read."""
    try:
        return json.loads((out / LINES / f"{line_id}.json").read_text("utf-8"))
    except (OSError, ValueError):
        return None


def finished(out: Path, line_id: str, key: dict[str, Any]) -> dict[str, Any] | None:
    """Return the record of a line that need not be done again, else None.

    A failed line is tried again: what made it fail (a locked file, a full disk) may be gone.
    """
    record = read_record(out, line_id)
    if record is None or record.get("key") != key or record.get("status") != "ok":
        return None
    figures = [json.loads(anomaly.get("figures") or "{}") for anomaly in record["anomalies"]]
    return record if all((out / path).is_file() for roles in figures for path in roles.values()) else None


def prepare(out: Path, resume: bool | None) -> None:
    """Make the output folder ready.

    Parameters
    ----------
    out : Path
        Output folder; made where it does not exist.
    resume : bool or None
        True keeps what is there, False removes what an earlier scan wrote (and nothing else), None refuses to touch it.

    Raises
    ------
    OutputExistsError
        If `resume` is None and an earlier scan's output is there, or `out` is a file.
    """
    if out.exists() and not out.is_dir():
        msg = f"{out} is a file; the output of a scan is a folder. Choose another name with -o."
        raise OutputExistsError(msg)
    present = [name for name in OUTPUTS if (out / name).exists()]
    if present and resume is None:
        some = ", ".join([*present[:3], *(["..."] if len(present) > 3 else [])])
        msg = (
            f"{out} holds the output of an earlier scan ({some}). "
            "Continue it with --resume, do it again with --fresh, or choose another folder with -o "
            "(from Python: resume=True, resume=False)."
        )
        raise OutputExistsError(msg)
    if resume is False:
        for name in present:
            target = out / name
            shutil.rmtree(target) if target.is_dir() else target.unlink()
    (out / LINES).mkdir(parents=True, exist_ok=True)
    for leftover in (out / LINES).glob(".*.part"):  # of a run that was killed while it wrote
        leftover.unlink()


def forget(out: Path, keep: Iterable[str]) -> None:
    """Remove records and figures of lines that are no longer part of the survey."""
    kept = set(keep)
    for record in (out / LINES).glob("*.json"):
        if record.stem not in kept:
            record.unlink()
            shutil.rmtree(out / FIGURES / record.stem, ignore_errors=True)


def append_manifest(out: Path, entry: dict[str, Any]) -> None:
    """Add one line to ``manifest.jsonl`` while a scan runs; the finished scan writes the whole file anew."""
    with (out / MANIFEST).open("a", encoding="utf-8") as file:
        file.write(json.dumps(entry, ensure_ascii=False, allow_nan=False) + "\n")

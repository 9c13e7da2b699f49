"""Optional re-scorer: a model in ONNX format that looks at crops has one vote, and no more than one.

Models that were trained on one site fall apart on the next (DETECTION notes: 0.995 to 0), so that what this one says is
capped: it can tip a balance, and cannot overrule the physics. Its vote stands among the others under the name `model`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from gprscan import names
from gprscan.detection import crops
from gprscan.detection.body import Body
from gprscan.detection.section import Section
from gprscan.errors import MissingExtraError, RecipeError

CAP = 2.0  # natural-log likelihood
VOTE = "model"


@dataclass(frozen=True)
class Rescorer:
    """A model and the kinds that it knows.

    Attributes
    ----------
    kinds : tuple of str
        Kinds in the order of its outputs.
    score : callable
        float32 crops, shape (n, 1, ROWS, COLUMNS), to natural-log scores per kind, shape (n, len(kinds)).
    """

    kinds: tuple[str, ...]
    score: Callable[[np.ndarray], np.ndarray]


def load(path: str | Path) -> Rescorer:
    """Load a model.

    Parameters
    ----------
    path : path-like
        An ONNX file whose input is float32 (n, 1, 64, 64) as `gprscan.detection.crops.cut` makes it, whose first output is
        (n, kinds) in natural-log scores, and whose metadata hold ``kinds``, a JSON list of names.

    Raises
    ------
    MissingExtraError
        If onnxruntime is not installed.
    RecipeError
        If there is no such file, or it is no such model.
    """
    file = Path(path)
    if not file.is_file():
        msg = f"[detect], model: there is no file {str(path)!r}."
        raise RecipeError(msg)
    return _loaded(str(file.resolve()), file.stat().st_mtime_ns)


@lru_cache(maxsize=4)
def _loaded(path: str, _changed: int) -> Rescorer:
    try:
        import onnxruntime
    except ImportError:
        msg = "a model needs onnxruntime: pip install 'gprscan[ml]'."
        raise MissingExtraError(msg) from None
    name = Path(path).name
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1  # one level of parallelism: the survey's
    try:
        session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        kinds = json.loads(session.get_modelmeta().custom_metadata_map.get("kinds", "null"))
    except Exception as error:  # onnxruntime has no root of its own for its errors
        msg = f"{name}: is no model that onnxruntime can run: {str(error).splitlines()[0]}"
        raise RecipeError(msg) from None
    _check_kinds(name, kinds)
    entry = session.get_inputs()[0].name

    def score(batch: np.ndarray) -> np.ndarray:
        return np.asarray(session.run(None, {entry: batch.astype(np.float32)})[0], dtype=float)

    model = Rescorer(tuple(kinds), score)
    try:
        answer = score(np.zeros((2, 1, crops.ROWS, crops.COLUMNS), np.float32))
    except Exception as error:
        msg = (
            f"{name}: does not take crops of shape (n, 1, {crops.ROWS}, {crops.COLUMNS}): {str(error).splitlines()[0]}"
        )
        raise RecipeError(msg) from None
    if answer.shape != (2, len(kinds)):
        msg = f"{name}: answers two crops with an array of shape {answer.shape}; it must be (2, {len(kinds)})."
        raise RecipeError(msg)
    return model


def _check_kinds(name: str, kinds: Any) -> None:
    known = isinstance(kinds, list) and len(kinds) > 1 and all(kind in names.KINDS for kind in kinds)
    if not known:
        msg = (
            f"{name}: its metadata must hold 'kinds', a JSON list of at least two of {', '.join(names.KINDS)}; "
            f"they hold {kinds!r}."
        )
        raise RecipeError(msg)


def add_votes(section: Section, bodies: Sequence[Body], model: Rescorer) -> None:
    """Let a model vote on bodies, in place.

    Parameters
    ----------
    section : Section
        In which they were found.
    bodies : sequence of Body
        Each gets the vote `VOTE`: scores less their mean over the kinds that its other votes know, within plus and minus
        `CAP`. A score that is no number casts none.
    model : Rescorer
        Who votes.
    """
    if not bodies:
        return
    batch = np.stack([crops.cut(section.echo, section.x, section.t, body.x, body.t) for body in bodies])
    scores = model.score(batch[:, None])
    for body, row in zip(bodies, scores, strict=True):
        # a kind that no other evidence speaks of has no prior either, and would win by this vote alone
        known = {kind.partition(".")[0] for vote in body.votes.values() for kind in vote}
        use = np.array([kind in known for kind in model.kinds])
        if use.sum() < 2 or not np.isfinite(row[use]).all():
            continue
        capped = np.clip(row[use] - row[use].mean(), -CAP, CAP)
        kinds = np.array(model.kinds)[use]
        body.votes[VOTE] = {str(kind): round(float(v), 3) for kind, v in zip(kinds, capped, strict=True)}

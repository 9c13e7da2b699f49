"""Train a small re-scorer on exported crops, and write it as ONNX.

    gprscan review OUT --crops CROPS --survey SURVEY
    pip install onnx
    python benchmarks/train_rescorer.py CROPS... -o model.onnx

A multinomial logistic regression on 8 x 8 cells of each crop, their mean and their mean magnitude. It is an example of
the format and of an honest check: anomalies of whole folders are held out in turn where several are given, since crops of
one site say little about the next. What was rejected in the review counts as clutter; what was not reviewed is not used.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np

CELL = 8  # pixels
STRENGTH = 3e-2  # of the ridge
ROUNDS, RATE = 400, 0.5


def cells(crops: np.ndarray) -> np.ndarray:
    """Features of crops (n, 1, rows, columns): mean and mean magnitude per cell, shape (n, 2 * cells)."""
    n, _, rows, columns = crops.shape
    tiles = crops.reshape(n, rows // CELL, CELL, columns // CELL, CELL)
    return np.concatenate([tiles.mean((2, 4)).reshape(n, -1), np.abs(tiles).mean((2, 4)).reshape(n, -1)], axis=1)


def train(crops: np.ndarray, labels: np.ndarray, kinds: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """Weights (features, kinds) and offsets (kinds,) of the regression, all kinds counting the same."""
    x = cells(crops)
    target = (labels[:, None] == np.array(kinds)[None, :]).astype(float)
    share = target / np.maximum(target.sum(axis=0), 1.0) / len(kinds)
    weight = share.sum(axis=1)[:, None]
    w, b = np.zeros((x.shape[1], len(kinds))), np.zeros(len(kinds))
    for _ in range(ROUNDS):
        score = x @ w + b
        chance = np.exp(score - score.max(axis=1, keepdims=True))
        chance /= chance.sum(axis=1, keepdims=True)
        slope = weight * (chance - target)
        w -= RATE * (x.T @ slope + STRENGTH * w)
        b -= RATE * slope.sum(axis=0)
    return w, b


def write_onnx(path: Path, w: np.ndarray, b: np.ndarray, kinds: list[str]) -> None:
    """Write the regression: pooled crop and pooled magnitude, joined, times the weights."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    pool = {"kernel_shape": [CELL, CELL], "strides": [CELL, CELL]}
    nodes = [
        helper.make_node("Abs", ["crops"], ["magnitude"]),
        helper.make_node("AveragePool", ["crops"], ["a"], **pool),
        helper.make_node("AveragePool", ["magnitude"], ["m"], **pool),
        helper.make_node("Flatten", ["a"], ["fa"]),
        helper.make_node("Flatten", ["m"], ["fm"]),
        helper.make_node("Concat", ["fa", "fm"], ["f"], axis=1),
        helper.make_node("Gemm", ["f", "w", "b"], ["scores"]),
    ]
    stored = [numpy_helper.from_array(v.astype(np.float32), name) for name, v in (("w", w), ("b", b))]
    crops = helper.make_tensor_value_info("crops", TensorProto.FLOAT, ["n", 1, 64, 64])
    scores = helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["n", len(kinds)])
    graph = helper.make_graph(nodes, "rescorer", [crops], [scores], stored)
    built = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    helper.set_model_props(built, {"kinds": json.dumps(kinds)})
    onnx.checker.check_model(built)
    onnx.save(built, str(path))


def load(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """Reviewed crops of a folder and their kinds."""
    with np.load(folder / "crops.npz") as file:
        crops, label = file["crops"], file["label"]
    label = np.where(label == "rejected", "clutter", label)
    return crops[label != ""], label[label != ""]


def main(arguments: list[str] | None = None) -> None:
    """Train, check, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("crops", type=Path, nargs="+")
    parser.add_argument("-o", "--out", type=Path, required=True)
    chosen = parser.parse_args(arguments)
    parts: list[Any] = [load(folder) for folder in chosen.crops]
    kinds = sorted({str(kind) for _, label in parts for kind in label})
    if len(kinds) < 2:
        parser.error(f"the reviewed crops are all of one kind, or none is reviewed: {kinds}")
    for number, (held, truth) in enumerate(parts if len(parts) > 1 else []):
        rest = [p for k, p in enumerate(parts) if k != number]
        w, b = train(np.concatenate([p[0] for p in rest]), np.concatenate([p[1] for p in rest]), kinds)
        right = np.array(kinds)[(cells(held) @ w + b).argmax(axis=1)] == truth
        print(f"held out {chosen.crops[number]}: {int(right.sum())} of {right.size} right")
    crops, labels = (np.concatenate([p[k] for p in parts]) for k in (0, 1))
    w, b = train(crops, labels, kinds)
    right = np.array(kinds)[(cells(crops) @ w + b).argmax(axis=1)] == labels
    print(f"in its own crops, which says little: {int(right.sum())} of {right.size} right; kinds {', '.join(kinds)}")
    write_onnx(chosen.out, w, b, kinds)


if __name__ == "__main__":
    main()

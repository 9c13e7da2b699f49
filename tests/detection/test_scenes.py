"""Whole scenes with known contents: simulated by the tests themselves, and from the shared folder."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import gprscan
from gprscan import names
from gprscan.detection.classify import load_table
from gprscan.detection.size import length_under_roof
from tests.detection.lines import MIDDLE, PERIOD, detected, near, values_of

SCENES = (
    "s01_void_circle", "s02_void_ellipse", "s04_void_arch", "s06_debond", "s09_metal", "s11_pvc_water", "s13_manhole",
    "m01_void_metal_pvc",
)  # fmt: skip
EMPTY = ("e01_empty_low", "e02_empty_medium", "e03_empty_high", "e04_empty_high_dip", "e05_empty_medium_rebar")
TOPS = {"void": 0.50, "water": 0.60, "metal": 0.60, "plastic": 0.55}  # m


def hazards(table: Any) -> list[dict[str, Any]]:
    return [r for r in table.to_dict("records") if r["kind"] in names.HAZARD_KINDS]


def test_layered_ground_with_nothing_in_it_shows_no_hazard() -> None:
    assert hazards(detected("empty")) == []


@pytest.mark.parametrize("name", ["void", "water"])
def test_a_void_is_a_hazard_at_its_place(name: str) -> None:
    found = [r for r in near(detected(name), MIDDLE) if r["kind"] in names.HAZARD_KINDS]
    assert found
    first = min(found, key=lambda r: r["twt_ns"])
    assert abs(first["distance_m"] - MIDDLE) < 0.05


def test_a_void_has_a_length_with_its_uncertainty() -> None:
    row = min((r for r in near(detected("void"), MIDDLE) if r["kind"] == "cavity"), key=lambda r: r["twt_ns"])
    assert abs(row["length_m"] - 0.60) < 0.15
    assert 0.05 < values_of(row)["sigma_length_m"] < 0.2


def test_a_roof_stands_for_more_than_it_shows_but_never_for_less() -> None:
    table = load_table("diffraction")
    roofs = (0.1, 0.2, 0.4, 0.8, 1.2, 8.0)
    lengths = [found[0] for found in (length_under_roof(table, "cavity", roof) for roof in roofs) if found]
    assert len(lengths) == len(roofs)
    assert lengths == sorted(lengths)
    assert all(length >= roof for length, roof in zip(lengths, roofs, strict=True))
    assert 0.15 < lengths[1] - roofs[1] < 0.3  # of a round void of a few decimetres about half
    assert lengths[-1] == roofs[-1]
    assert length_under_roof(table, "pipe", 0.2) is None
    assert length_under_roof({}, "cavity", 0.2) is None
    assert length_under_roof(table, "cavity", None) is None


@pytest.mark.parametrize("name", sorted(TOPS))
def test_the_true_top_lies_within_two_sigma(name: str) -> None:
    row = min(near(detected(name), MIDDLE), key=lambda r: r["twt_ns"])
    assert abs(row["top_depth_m"] - TOPS[name]) < 2 * row["sigma_depth_m"]
    assert row["sigma_depth_m"] < 0.1


def test_a_metal_pipe_is_no_hazard() -> None:
    assert hazards(detected("metal")) == []
    assert [r["kind"] for r in near(detected("metal"), MIDDLE)] == ["pipe"]


def test_a_debonding_is_found_under_the_bound_layer_with_its_length() -> None:
    (row,) = [r for r in near(detected("debond"), MIDDLE, 0.3) if r["kind"] == "debond"]
    assert abs(row["top_depth_m"] - 0.125) < 0.05
    assert 0.5 < row["length_m"] < 1.3
    assert abs(row["distance_m"] - MIDDLE) < 0.15


def test_a_manhole_is_one_row_and_no_hazard() -> None:
    table = detected("manhole")
    assert hazards(table) == []
    (row,) = [r for r in table.to_dict("records") if r["kind"] == "manhole"]
    assert abs(row["distance_m"] - MIDDLE) < 0.1
    assert 0.5 < row["length_m"] < 1.1
    assert row["top_depth_m"] == 0.0


def test_a_void_and_a_plastic_pipe_of_the_same_width_share_the_doubt() -> None:
    """One line cannot tell them apart: both are compact, both begin with the sign of air."""
    for name in ("void", "plastic"):
        row = min(near(detected(name), MIDDLE), key=lambda r: r["twt_ns"])
        assert row["kind"] in ("cavity", "pipe", "unknown")
        assert row["polarity"] == 1


def test_evidence_is_measured_on_each_body() -> None:
    row = min(near(detected("void"), MIDDLE), key=lambda r: r["twt_ns"])
    values = values_of(row)
    assert values["snr_db"] > 10
    assert values["coherence"] > 0.5
    assert values["reference"] == "direct"
    assert abs(values["onset_ns"]) < PERIOD


@pytest.fixture(scope="module")
def scorer(shared: Path) -> ModuleType:
    path = shared / "tools" / "score_truth.py"
    if not path.exists():
        pytest.skip("the shared folder has no scorer")
    spec = importlib.util.spec_from_file_location("score_truth", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def run(scorer: ModuleType, shared: Path, name: str) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Anomalies of a clean shared scene, and its truth."""
    path = shared / "data" / "truth" / f"{name}.npz"
    if not path.exists():
        pytest.skip(f"the shared folder has no scene {name}")
    data, truth = scorer.load(path, "clean")
    with np.load(path) as npz:
        truth["acquisition"]["first_trace_x_m"] = float(npz["x_mid_m"][0])
    return gprscan.detect(scorer.make_line(gprscan, data, truth)).to_dict("records"), truth


def test_targets_of_clean_shared_scenes_are_found(scorer: ModuleType, shared: Path) -> None:
    hits = wrong = missed = 0
    for name in SCENES:
        objects, found, pairs = scorer.score_scene(*run(scorer, shared, name))
        hits += len(pairs)
        wrong += len(found) - len(pairs)
        missed += len(objects) - len(pairs)
    assert 2 * hits / (2 * hits + wrong + missed) >= 0.8


@pytest.mark.parametrize("name", EMPTY)
def test_shared_scenes_without_targets_show_no_hazard(scorer: ModuleType, shared: Path, name: str) -> None:
    rows, _ = run(scorer, shared, name)
    assert [r["kind"] for r in rows if r["kind"] in names.HAZARD_KINDS] == []

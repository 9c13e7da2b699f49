"""The sample survey: its files read, lie where the truth says, and hold the echoes that it lists."""

from __future__ import annotations

import importlib.util
import json
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from scipy.signal import hilbert

import gprscan as gs
from gprscan import model
from gprscan.geometry import project
from tests.conftest import ROOT

SAMPLE = ROOT / "sample_data"
TRUTH = json.loads((SAMPLE / "truth.json").read_text(encoding="utf-8"))
LINES = {line["line"]: line for line in TRUTH["lines"]}


@pytest.fixture(scope="module")
def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("sample_generate", SAMPLE / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    # dataclasses look their module up by name
    import sys

    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def test_the_folder_stays_small() -> None:
    assert sum(path.stat().st_size for path in SAMPLE.rglob("*") if path.is_file()) < 8e6


@pytest.mark.parametrize("name", sorted(LINES))
def test_a_line_reads_with_the_geometry_of_the_truth(name: str) -> None:
    truth = LINES[name]
    line = gs.read(SAMPLE / truth["file"])
    acquisition = truth["acquisition"]
    shape = (acquisition["n_traces"], acquisition["n_samples"])
    assert model.amplitude(line).shape[-2:] == shape
    assert model.sampling_interval(line) == pytest.approx(acquisition["dt_ns"], rel=1e-4)
    assert model.trace_spacing(line) == pytest.approx(acquisition["trace_spacing_m"], rel=1e-4)
    assert line.attrs["time_zero"] == pytest.approx(acquisition["time_zero_ns"], abs=0.01)
    assert line["distance"].values[-1] == pytest.approx(truth["length_m"], abs=1e-3)
    if len(truth["channel_offsets_m"]) > 1:
        np.testing.assert_allclose(line["offset"].values, truth["channel_offsets_m"], atol=1e-6)
    assert [f for f in json.loads(line.attrs["findings"]) if f["severity"] != "info"] == []


@pytest.mark.parametrize("name", sorted(LINES))
def test_bodies_lie_on_the_map_where_the_line_passes_them(name: str) -> None:
    truth = LINES[name]
    line = gs.read(SAMPLE / truth["file"])
    x, y = line["x"].values, line["y"].values
    offsets = np.atleast_1d(truth["channel_offsets_m"])
    for body in truth["objects"]:
        place = np.hypot(*(np.subtract(*pair) for pair in zip((x, y), _projected(body, line), strict=True)))
        channel, trace = np.unravel_index(np.argmin(np.atleast_2d(place)), np.atleast_2d(place).shape)
        assert np.atleast_2d(place)[channel, trace] < 0.12
        assert line["distance"].values[trace] == pytest.approx(body["distance_m"], abs=0.12)
        assert offsets[channel] == pytest.approx(body["offset_m"], abs=0.12)


def _projected(body: dict[str, Any], line: Any) -> tuple[float, float]:
    from gprscan.geometry import line_crs

    x, y = project(body["longitude"], body["latitude"], line_crs(line))
    return float(x), float(y)


@pytest.mark.parametrize("name", sorted(LINES))
def test_echoes_stand_out_where_the_truth_puts_them_and_clean_stretches_are_quieter(name: str) -> None:
    truth = LINES[name]
    line = gs.read(SAMPLE / truth["file"])
    traces = np.atleast_3d(model.amplitude(line).astype("float64"))
    traces = traces.reshape(-1, *model.amplitude(line).shape[-2:])
    envelope = np.abs(hilbert(traces - np.median(traces, axis=1, keepdims=True), axis=2))
    twt, distance = line["twt"].values, line["distance"].values
    quiet = np.zeros(distance.size, bool)
    for first, last in truth["clean_stretches_m"]:
        quiet |= (distance >= first) & (distance <= last)
    period = 1e9 / truth["acquisition"]["fc_hz"]
    for body in truth["objects"]:
        near = np.abs(twt - body["t_flight_ns"] - 0.5 * period) < period
        clutter = np.percentile(envelope[:, quiet][..., near], 90)
        best = max(envelope[channel][_at(distance, body, truth, channel)][near].max() for channel in body["channels"])
        assert best > 2.0 * clutter, body["class"]


def _at(distance: np.ndarray, body: dict[str, Any], truth: dict[str, Any], channel: int) -> int:
    place = body["distance_m"] + body.get("slope", 0.0) * truth["channel_offsets_m"][channel]
    return int(np.argmin(np.abs(distance - place)))


def test_the_generator_still_describes_what_is_in_the_folder(generator: ModuleType) -> None:
    for plan in (generator.ARRAY, generator.SINGLE):
        truth = LINES[plan.stem]
        assert truth["file"] == plan.stem + plan.suffix
        assert [entry["class"] for entry in truth["objects"]] == [body.record()["class"] for body in plan.bodies]
        for entry, body in zip(truth["objects"], plan.bodies, strict=True):
            assert entry["top_depth_m"] == body.record()["top_depth_m"]
        for first, last in plan.clean:
            assert all(not first < entry["distance_m"] < last for entry in truth["objects"])


def test_the_track_turns_gently_and_channels_lie_to_its_right(generator: ModuleType) -> None:
    plan = generator.ARRAY
    along = np.arange(0.0, 30.5, 0.5)
    x, y = project(*generator.track(plan, along), generator.CRS)
    np.testing.assert_allclose(np.hypot(np.diff(x), np.diff(y)), 0.5, rtol=1e-3)
    x1, y1 = project(*generator.track(plan, np.zeros(1), 1.0), generator.CRS)
    heading = np.arctan2(x[1] - x[0], y[1] - y[0])
    right = np.arctan2(x1[0] - x[0], y1[0] - y[0])
    assert np.degrees(right - heading) == pytest.approx(90.0, abs=1.0)

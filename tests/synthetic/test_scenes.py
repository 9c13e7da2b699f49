"""Media, bodies, recording and whole scenes."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from gprscan.errors import ParameterError
from gprscan.synthetic import (
    LEVELS,
    TEMPLATES,
    Acquisition,
    Scene,
    arrays,
    degrade,
    layered_medium,
    make,
    random_scene,
    simulate,
    simulate_scene,
)
from gprscan.synthetic.bodies import air_void, concrete_pipe, manhole, metal_pipe, pvc_pipe, rebar_mesh
from gprscan.synthetic.media import Layer, correlated_field
from gprscan.synthetic.roads import random_scatterers
from gprscan.synthetic.sections import (
    DebondedPatch,
    EllipsoidVoid,
    ObliquePipe,
    Road3D,
    RoundManhole,
    simulate_array,
)
from gprscan.synthetic.shapes import Arch, Box, Ellipse, paint
from gprscan.synthetic.truth import measured, object_record

LAYERS = (Layer("asphalt", 0.12, 5.0, 0.002), Layer("soil", np.inf, 9.0, 0.004))


def ground(step: float = 0.01):
    return layered_medium(LAYERS, length=2.0, depth=1.0, air=0.2, step=step)


def test_layers_fill_the_grid_and_interfaces_carry_the_mean() -> None:
    medium = ground()
    column = medium.permittivity[50, medium.surface :]
    assert medium.permittivity[50, medium.surface - 1] == 1.0
    assert column[0] == pytest.approx(3.0)  # half air, half asphalt
    assert column[6] == pytest.approx(5.0)
    assert column[12] == pytest.approx(7.0)
    assert column[60] == pytest.approx(9.0)
    assert medium.conductivity[50, -1] == pytest.approx(0.004)


def test_correlated_field_has_unit_spread_and_falls_off() -> None:
    field = correlated_field((600, 200), (0.02, 0.02), (0.3, 0.1), np.random.default_rng(1), hurst=0.5)
    assert field.std() == pytest.approx(1.0, abs=1e-3)

    def correlation(shift: int, axis: int) -> float:
        a, b = (np.roll(field, shift, axis=axis), field)
        return float((a * b)[40:-40, 40:-40].mean())

    assert correlation(5, 0) > correlation(5, 1) > correlation(30, 1)
    with pytest.raises(ParameterError):
        correlated_field((4, 4), (0.1,), (0.1, 0.1), np.random.default_rng(1))


@pytest.mark.parametrize(
    ("shape", "area"),
    [
        (Ellipse(1.0, 0.5, 0.2, 0.1), np.pi * 0.02),
        (Box(0.8, 1.2, 0.4, 0.6), 0.08),
        (Arch(1.0, 0.4, 0.4, 0.3, 0.15), 0.4 * 0.15 + 0.5 * np.pi * 0.2 * 0.15),
    ],
)
def test_a_painted_body_has_its_area_and_its_box(shape, area: float) -> None:
    medium = ground()
    before = medium.permittivity.copy()
    paint(medium, shape, 1.0)
    share = (before - medium.permittivity) / np.maximum(before - 1.0, 1e-6)
    assert share.sum() * medium.step**2 == pytest.approx(area, rel=0.04)
    rows = np.flatnonzero((share > 0.01).any(axis=0)) - medium.surface
    columns = np.flatnonzero((share > 0.01).any(axis=1))
    x0, x1, top, bottom = shape.box
    assert rows[0] * medium.step == pytest.approx(top, abs=0.0101)
    assert rows[-1] * medium.step == pytest.approx(bottom, abs=0.0101)
    assert columns[0] * medium.step == pytest.approx(x0, abs=0.0101)
    assert columns[-1] * medium.step == pytest.approx(x1, abs=0.0101)


def test_even_a_thin_bar_leaves_metal_and_a_void_takes_it_away() -> None:
    medium = ground()
    paint(medium, Ellipse(1.003, 0.304, 0.003, 0.003), 1.0, conductor=True)
    assert medium.conductor.sum() >= 1
    paint(medium, Box(0.9, 1.1, 0.2, 0.4), 1.0)
    assert medium.conductor.sum() == 0


def test_bodies_outside_the_grid_change_nothing() -> None:
    medium = ground()
    before = medium.permittivity.copy()
    paint(medium, Ellipse(5.0, 0.5, 0.2, 0.2), 1.0)
    np.testing.assert_array_equal(medium.permittivity, before)


def test_pipes_and_shafts_are_made_of_what_they_say() -> None:
    medium = ground()
    for body, probe, expected in (
        (pvc_pipe(0.3, 0.4, 0.1, water=True), (0.3, 0.5), 80.0),
        (pvc_pipe(0.7, 0.4, 0.1, water=False), (0.7, 0.5), 1.0),
        (concrete_pipe(1.2, 0.3, 0.2, 0.05, host=9.0), (1.2, 0.32), 7.0),
    ):
        body.paint_on(medium)
        node = round(probe[0] / 0.01), medium.surface + round(probe[1] / 0.01)
        assert medium.permittivity[node] == pytest.approx(expected, rel=0.02)
    shaft = ground()
    manhole(1.0, 0.8, 0.9).paint_on(shaft)
    assert shaft.conductor[100, shaft.surface + 2]
    assert shaft.permittivity[100, shaft.surface + 40] == pytest.approx(1.0)
    mesh = rebar_mesh(0.3, 1.7, 0.2, 0.07)
    assert len(mesh.extra["bars_x_m"]) == 8
    assert metal_pipe(1.0, 0.5, 0.05).polarity == -1
    assert air_void(Ellipse(1.0, 0.5, 0.2, 0.1)).top == pytest.approx(0.4)


def test_scatterers_are_denser_in_a_worse_road() -> None:
    rng = np.random.default_rng(3)
    counts = [len(random_scatterers(rng, c, length=4.0, top=0.2, bottom=1.5)) for c in ("low", "medium", "high")]
    assert counts[0] == 0
    assert counts[1] < counts[2]


def clean_line() -> np.ndarray:
    time = np.arange(400) * 0.1
    rng = np.random.default_rng(5)
    direct = 100.0 * np.exp(-((time - 4.0) ** 2))
    return (direct + 2.0 * rng.standard_normal((60, 1)) * np.exp(-((time - 20.0) ** 2))).astype("float32")


def test_noise_has_the_level_that_was_asked_for() -> None:
    clean = clean_line()
    bad = degrade(clean, 0.1, Acquisition(snr_db=10.0), np.random.default_rng(1), direct_ns=4.0, frequency=400.0)
    assert (bad.traces - clean).std() == pytest.approx(bad.record["a_ref"] / 10**0.5, rel=0.03)
    assert not bad.flag.any()
    np.testing.assert_array_equal(bad.gain, 1.0)


def test_severe_recording_can_be_undone_in_the_ways_the_record_says() -> None:
    clean = clean_line()
    bad = degrade(clean, 0.1, LEVELS["severe"], np.random.default_rng(2), direct_ns=4.0, frequency=400.0)
    ungained = bad.traces / bad.gain
    limit = bad.record["clip_frac_direct"] * bad.record["direct_peak"]
    assert np.abs(ungained).max() <= limit * 1.001
    assert (bad.traces[bad.flag == 1] == 0).all()
    for i in np.flatnonzero(bad.flag == 2):
        if bad.flag[i - 1] == 0:
            np.testing.assert_array_equal(bad.traces[i], bad.traces[i - 1])
    assert bad.flag.tolist().count(1) == len(bad.record["missing_traces"]) == 2
    assert 0.7 < bad.shift.mean() < 2.1
    assert bad.shift.std() > 0.01
    peak = np.argmax(np.abs(ungained[bad.flag == 0]).mean(axis=0)) * 0.1
    assert peak == pytest.approx(4.0 + bad.shift.mean(), abs=1.0)
    assert bad.record["rfi"]["traces"][1] == 60


def test_recording_wants_traces() -> None:
    with pytest.raises(ParameterError, match="trace, sample"):
        degrade(np.zeros(5, "float32"), 0.1, LEVELS["light"], np.random.default_rng(), direct_ns=1.0, frequency=400.0)


def test_every_template_draws_bodies_that_do_not_touch() -> None:
    for template, plan in TEMPLATES.items():
        scene = random_scene(template, 11)
        assert scene == random_scene(template, 11)
        assert len(scene.bodies) == len(plan.recipes) + plan.rebar + plan.dip
        boxes = sorted(body.outline.box for body in scene.bodies if body.kind not in ("rebar_mesh", "dipping_layer"))
        assert all(a[1] < b[0] for a, b in itertools.pairwise(boxes))
        assert all(box[0] > 0.2 and box[1] < scene.survey.length - 0.2 for box in boxes)
        assert all(box[3] < scene.survey.depth for box in boxes)
    with pytest.raises(ParameterError, match="no scene template"):
        random_scene("castle", 1)


def test_scene_host_is_the_same_with_and_without_its_bodies() -> None:
    scene = random_scene("void_metal_pvc", 4, step=0.02)
    host = scene.host()
    without = scene.medium(without=scene.bodies[1])
    changed = np.abs(without.permittivity - host.permittivity) > 1e-6
    x0, x1, _, _ = scene.bodies[1].outline.box
    assert changed.any()
    assert not changed[int(x0 / 0.02) : int(x1 / 0.02) + 2].any()


def thinned(template: str, seed: int, **options: float) -> Scene:
    """A scene surveyed with one trace in six, to save time."""
    scene = random_scene(template, seed, **options)
    survey = scene.survey
    return replace(scene, survey=replace(survey, spacing=6 * survey.spacing, n_traces=(survey.n_traces - 1) // 6 + 1))


def test_written_scene_has_the_layout_of_the_truth_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(make, "random_scene", thinned)
    arguments = [str(tmp_path), "--n", "1", "--seed", "6", "--template", "void_shallow", "--step", "0.012"]
    assert make.main(arguments) == 0
    (path,) = tmp_path.glob("*.npz")
    written = path.stat().st_mtime_ns
    assert make.main(arguments) == 0  # what is there is left alone
    assert path.stat().st_mtime_ns == written
    truth = json.loads(path.with_suffix(".json").read_text())
    with np.load(path, allow_pickle=False) as stored:
        arrays = {name: stored[name] for name in stored.files}
    n, m = arrays["data"].shape
    assert truth["acquisition"]["n_traces"] == n
    assert truth["acquisition"]["n_samples"] == m
    for level in ("light", "moderate", "severe"):
        assert arrays[f"data_{level}"].shape == (n, m)
        assert arrays[f"trace_flag_{level}"].shape == (n,)
        assert arrays[f"gain_{level}"].shape == (m,)
    (body,) = truth["objects"]
    assert body["class"] == "air_void"
    assert truth["has_void"]
    assert not truth["empty"]
    spacing = truth["acquisition"]["trace_spacing_m"]
    assert arrays["x_mid_m"][body["apex_trace"]] == pytest.approx(body["apex_x_m"], abs=0.5 * spacing + 0.012)
    assert body["measured_from_twin"]["amp"] > 0


@pytest.mark.parametrize("top", [0.35, 0.8])
def test_truth_times_agree_with_full_waves(top: float) -> None:
    medium = layered_medium(LAYERS, length=2.0, depth=1.5, air=0.2, step=0.008)
    host = medium.copy()
    body = metal_pipe(1.0, top, 0.06)
    body.paint_on(medium)
    arguments = {"frequency": 400.0, "separation": 0.144, "antenna_height": 0.032, "time_window": 26.0}
    full, empty = (simulate(ground, 1.0, **arguments) for ground in (medium, host))
    entry = object_record(
        1,
        body,
        host,
        midpoint=full.midpoint,
        separation=full.separation,
        antenna_height=full.antenna_height,
        time_zero=full.time_zero,
    )
    far = np.zeros(1, bool)
    echo = measured(full.traces[0], empty.traces[0], full.traces, entry, far, full.dt, float(np.abs(full.traces).max()))
    assert -0.1 < echo["t_env_ns"] - entry["t_record_ns"] < 0.3
    assert echo["polarity"] == entry["expected_polarity"] == -1
    assert "scr_db" not in echo  # one trace has no clutter to compare with


def test_sections_of_bodies_follow_their_shape() -> None:
    void = EllipsoidVoid(1.0, 0.0, 0.7, 0.4, 0.3, 0.2)
    middle, aside = void.section(0.0), void.section(0.2)
    assert middle is not None
    assert aside is not None
    assert middle.top == pytest.approx(0.5)
    assert aside.top > middle.top
    assert void.section(0.31) is None
    pipe = ObliquePipe(1.0, 0.5, 0.6, 0.08)
    assert pipe.section(0.4).x == pytest.approx(1.2)
    width = np.diff(pipe.section(0.0).outline.box[:2])[0]
    assert width == pytest.approx(0.16 * np.hypot(1, 0.5))
    assert RoundManhole(1.0, 0.0, 0.45, 1.2).section(0.5) is None
    assert DebondedPatch(1.0, 0.0, 0.5, 0.3, 0.12, 0.04).section(0.4) is None


def test_array_over_a_void_and_a_pipe() -> None:
    bodies = (EllipsoidVoid(1.0, 0.0, 0.45, 0.25, 0.15, 0.1), ObliquePipe(1.8, 0.8, 0.4, 0.05, metal=False))
    road = Road3D(LAYERS, (-0.2, 0.0, 0.2), bodies, "medium", 5, 2.6, 0.9, 0.02)
    result = simulate_array(
        road, np.array([1.0, 1.8]), frequency=300.0, separation=0.12, antenna_height=0.04, time_window=18.0
    )
    assert result.traces.shape[:2] == (3, 2)
    kinds = [[entry["class"] for entry in channel["objects"]] for channel in result.channels]
    assert kinds == [["pvc_pipe_water"], ["air_void", "pvc_pipe_water"], ["pvc_pipe_water"]]
    places = [channel["objects"][-1]["apex_x_m"] for channel in result.channels]
    np.testing.assert_allclose(places, [1.64, 1.8, 1.96], atol=1e-6)
    assert not np.array_equal(result.traces[0], result.traces[1])
    records = [body.record() for body in bodies]
    assert records[0]["top_depth_m"] == pytest.approx(0.35)
    assert records[1]["slope"] == 0.8


def test_array_scenes_are_written_with_their_bodies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrays, "SPACING", 1.8)
    assert make.main([str(tmp_path), "--n", "0", "--arrays", "1", "--seed", "4", "--step", "0.02"]) == 0
    (path,) = tmp_path.glob("k*.npz")
    truth = json.loads(path.with_suffix(".json").read_text())
    with np.load(path, allow_pickle=False) as stored:
        assert stored["data"].shape == stored["data_moderate"].shape
        assert stored["data"].shape[:2] == (8, 3)
        assert stored["y_channel_m"].size == 8
    assert truth["kind"] == "2.5D"
    classes = [body["class"] for body in truth["objects_3d"]]
    assert classes[0] in ("air_void", "water_void")
    assert classes[1] in ("metal_pipe", "pvc_pipe_water")
    assert len(truth["channels"]) == 8
    assert all(channel["objects"] for channel in truth["channels"])


def test_a_dipping_layer_is_geology_and_leaves_the_scene_empty() -> None:
    scene = random_scene("empty_high_dip", 2, step=0.02)
    (layer,) = scene.bodies
    (_, left), (length, right) = layer.extra["interface_xz"]
    assert scene.kind == "empty"
    assert layer.category == "geology"
    assert layer.top == pytest.approx((left + right) / 2, abs=0.001)
    medium = scene.medium()
    for x, depth in ((0.1 * length, 0.9 * left + 0.1 * right), (0.9 * length, 0.1 * left + 0.9 * right)):
        column = medium.permittivity[round(x / 0.02), medium.surface :]
        assert column[round(depth / 0.02) + 3] == pytest.approx(layer.permittivity, abs=0.01)
        assert column[round(depth / 0.02) - 3] != pytest.approx(layer.permittivity, abs=0.01)
    (entry,) = simulate_scene(thinned("empty_high_dip", 2, step=0.012), twins=False).truth["objects"]
    assert entry["top_depth_m"] == pytest.approx(layer.top, abs=0.001)

"""Tracking of interfaces, antenna height, ringing, slopes, robust background, and the suggested chain."""

from __future__ import annotations

import json

import numpy as np
import pytest

from gprscan import filters
from gprscan.errors import ParameterError
from gprscan.filters.background import background
from gprscan.kernels.paths import best_path
from gprscan.steps import run_blocks
from tests import reference
from tests.filters import lines


def road(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Traces of noise with a surface that undulates and a weaker layer below it; and the surface's time."""
    rng = np.random.default_rng(seed)
    time = np.arange(256) * lines.DT - 3.0
    surface = 6.0 + 0.8 * np.sin(np.arange(120) / 15.0)
    samples = 0.02 * rng.standard_normal((120, 256))
    samples += ricker_at(time, surface) - 0.4 * ricker_at(time, surface + 4.0)
    return samples.astype("float32"), surface


def ricker_at(time: np.ndarray, when: np.ndarray) -> np.ndarray:
    return lines.ricker(time[None] - when[:, None])


def test_best_path_by_exhaustion() -> None:
    score = np.random.default_rng(1).standard_normal((4, 4)).astype("float32")
    found = best_path(score, 1, 0.3)
    np.testing.assert_array_equal(found, reference.best_path(score, 1, 0.3))


def test_surface_and_height_are_followed() -> None:
    samples, surface = road()
    samples[17] = 0.0
    line = lines.line(samples)
    found = filters.track_surface(line)
    live = np.arange(120) != 17
    error = found["twt"].values[live] - surface[live]
    assert np.abs(error).max() < 0.15
    assert np.isnan(found["twt"].values[17])
    assert (np.abs(error) < 3 * found["sigma_twt"].values[live]).all()
    assert (found["amplitude"].values[live] > 0.7).all()
    height = 0.5 * np.sqrt((0.299792458 * surface[live]) ** 2 - lines.SEPARATION**2)
    np.testing.assert_allclose(found["height"].values[live], height, atol=0.03)
    level = filters.height_correction(line, found["height"].interpolate_na("trace").values.tolist(), to=0.9)
    again = filters.track_surface(level)["height"].values[live]
    np.testing.assert_allclose(again, 0.9, atol=0.015)
    assert level.attrs["antenna_height"] == 0.9


def test_manual_picks_choose_the_other_layer() -> None:
    samples, surface = road()
    line = lines.line(samples)
    chosen = {k: float(surface[k] + 4.0) for k in (10, 30, 47, 60, 80, 110)}
    found = filters.track_interface(line, 4.0, 14.0, picks=chosen)
    np.testing.assert_allclose(found["twt"].values[50:70], surface[50:70] + 4.0, atol=0.2)
    assert (found["amplitude"].values[50:70] < 0).all()
    with pytest.raises(ParameterError, match="pick"):
        filters.track_interface(line, 4.0, 14.0, picks={500: 5.0})
    with pytest.raises(ParameterError, match="three samples"):
        filters.track_interface(line, 5.0, 5.0)


def test_height_correction_by_its_equation() -> None:
    line = lines.line(ricker_at(np.arange(256) * 0.1 - 3.0, np.full(5, 8.0)).astype("float32"))
    result = filters.height_correction(line, heights="0.5 m", to=0.2)
    shift = (np.hypot(0.15, 1.0) - np.hypot(0.15, 0.4)) / 0.299792458
    expected = lines.ricker(line["twt"].values - 8.0 + shift)
    np.testing.assert_allclose(lines.values(result)[2], expected, atol=0.01)
    with pytest.raises(ParameterError, match="height"):
        filters.height_correction(line, heights=[0.1, 0.2])


def ringing_line() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(4)
    time = np.arange(512) * lines.DT - 3.0
    echoes = 0.1 * rng.standard_normal((80, 512))
    ring = np.where(time > 0, np.sin(2 * np.pi * 0.55 * time) * np.exp(-time / 20.0), 0.0)
    return echoes.astype("float32"), (echoes + ring).astype("float32")


def test_ringing_is_found_and_taken_out() -> None:
    echoes, rung = ringing_line()
    assert filters.find_ringing(lines.line(rung)) == pytest.approx([550.0], abs=8.0)
    assert filters.find_ringing(lines.line(echoes)) == []
    result = filters.deringing(lines.line(rung), traces=41)
    late = slice(150, 480)
    before = np.std(rung[:, late].mean(axis=0) - echoes[:, late].mean(axis=0))
    after = np.std(lines.values(result)[:, late].mean(axis=0) - echoes[:, late].mean(axis=0))
    assert after < 0.25 * before
    # what differs from trace to trace stays
    rest, wanted = lines.values(result) - lines.values(result).mean(axis=0), echoes - echoes.mean(axis=0)
    assert np.corrcoef(rest[:, late].ravel(), wanted[:, late].ravel())[0, 1] > 0.98
    untouched = filters.deringing(lines.line(echoes), frequencies=[])
    np.testing.assert_array_equal(lines.values(untouched), echoes)
    with pytest.raises(ParameterError, match="frequencies"):
        filters.deringing(lines.line(rung), frequencies=[9000.0])


def test_the_direct_wave_is_left_alone_and_leaves_no_bands() -> None:
    rng = np.random.default_rng(5)
    time = np.arange(512) * lines.DT - 3.0
    strong = 50.0 * lines.ricker(time - lines.SEPARATION / 0.2998)
    # ringing that reaches the end of the trace without fading, so that its last samples are tested too
    ring = np.where(time > 0, np.sin(2 * np.pi * 0.55 * time), 0.0)
    traces = (strong + ring + 0.1 * rng.standard_normal((80, 512))).astype("float32")
    result = filters.deringing(lines.line(traces), traces=41)
    start = lines.SEPARATION / 0.2998 + 2.5 * 2.5
    early, late = time < start, time > start + 2.0
    np.testing.assert_array_equal(lines.values(result)[:, early], traces[:, early])
    left = (lines.values(result).mean(axis=0) - traces.mean(axis=0) + ring)[late]
    assert np.abs(left).max() < 0.15
    used = json.loads(result.attrs["gprscan_provenance"])[-1]["parameters"]
    assert used["start"] == pytest.approx(start, abs=0.01)
    assert used["frequencies"] == pytest.approx([550.0], abs=8.0)
    # an unknown antenna: a third of the trace; what cannot be is said
    unknown = filters.deringing(lines.line(traces, frequency=None), frequencies=[550.0], traces=41)
    np.testing.assert_array_equal(lines.values(unknown)[:, :170], traces[:, :170])
    with pytest.raises(ParameterError, match="start"):
        filters.deringing(lines.line(traces), frequencies=[550.0], traces=41, start=60.0)


def sloping(slope: float, shape: tuple[int, int] = (60, 256)) -> np.ndarray:
    time = np.arange(shape[1]) * lines.DT - 3.0
    return ricker_at(time, 10.0 + slope * lines.SPACING * (np.arange(shape[0]) - 30)).astype("float32")


def test_slant_stack_by_its_equation() -> None:
    line = lines.line(sloping(4.0))
    picture = filters.tau_p(line, np.arange(-8.0, 9.0), first=20, traces=21)
    expected = reference.slant_stack(sloping(4.0)[20:41], lines.DT, lines.SPACING, np.arange(-8.0, 9.0))
    np.testing.assert_allclose(picture.values[:, 40:200], expected[:, 40:200], atol=0.02)
    best = picture.stack(z=("slope", "twt")).idxmax("z").item()
    assert best == pytest.approx((4.0, 10.0), abs=0.11)


def test_slopes_are_told_apart() -> None:
    up, down = sloping(-6.0), sloping(6.0)
    line = lines.line(up + down)
    result = lines.values(filters.tau_p_filter(line, 3.0, 15.0, traces=15))
    inner = np.s_[10:24]
    assert np.std(result[inner] - down[inner]) < 0.3 * np.std(down[inner])
    removed = lines.values(filters.tau_p_filter(line, 3.0, 15.0, keep=False, traces=15))
    np.testing.assert_allclose(removed + result, up + down, atol=1e-5)
    with pytest.raises(ParameterError, match="low"):
        filters.tau_p_filter(line, 3.0, 2.0)


def test_robust_background_against_principal_component_pursuit() -> None:
    rng = np.random.default_rng(2)
    common = np.outer(1 + 0.3 * rng.standard_normal(60), np.cos(np.arange(40) / 3.0)) * 2.0
    sparse = np.where(rng.random((60, 40)) < 0.06, 8.0, 0.0)
    noisy = (common + sparse + 0.1 * rng.standard_normal((60, 40))).astype("float32")
    found = noisy - lines.values(background(lines.line(noisy), method="rpca"))
    plain = noisy - lines.values(background(lines.line(noisy), method="svd"))
    low, _ = reference.principal_component_pursuit(common + sparse)
    np.testing.assert_allclose(low, common, atol=0.05)
    assert np.std(found - low) < 0.04
    assert np.std(found - low) < 0.15 * np.std(plain - low)


def test_suggested_steps_say_what_the_line_needs() -> None:
    _, rung = ringing_line()
    rung = rung + np.float32(0.2)
    rung[10] = 0.0
    rung[np.arange(20, 60), 300 + np.arange(40)] += 40.0
    line = lines.line(rung)
    chain = filters.suggest_steps(line)
    used = [entry["step"] for entry in chain]
    assert used == ["edit_traces", "despike", "dc", "dewow", "deringing", "background", "bandpass", "gain_exponential"]
    result = run_blocks(line, chain, block=32)
    recorded = json.loads(result.attrs["gprscan_provenance"])
    assert [entry["step"] for entry in recorded] == used
    assert recorded[3]["parameters"]["window"] == pytest.approx(1.5 * 2.5)
    assert recorded[-1]["parameters"]["attenuation"] is not None
    # what was found in any block is told once, with the whole line's counts
    clean = lines.noise((60, 256))
    assert [entry["step"] for entry in filters.suggest_steps(clean)] == [
        "dewow",
        "background",
        "bandpass",
        "gain_exponential",
    ]


@pytest.mark.parametrize(("frequency", "spacing", "width"), [(400, 0.05, 3.0), (50, 0.6, 30.6), (900, 0.02, 1.33)])
def test_the_suggested_background_is_as_wide_as_the_antenna_needs(
    frequency: float, spacing: float, width: float
) -> None:
    samples = np.random.default_rng(1).standard_normal((80, 128)).astype("float32")
    line = lines.line(samples, dt=100 / frequency, spacing=spacing, frequency=frequency)
    (background_step,) = [entry for entry in filters.suggest_steps(line) if entry["step"] == "background"]
    assert background_step["window"] == pytest.approx(width)


@pytest.mark.parametrize("clipped", [False, True])
def test_echoes_and_clipped_crests_are_no_spikes(clipped: bool) -> None:
    # a diffraction in silence is rare among traces, and rough there; a clipped crest has kinks
    time = lines.DT * np.arange(256) - 3.0
    along = 0.05 * np.arange(80) - 2.0
    arrival = np.sqrt(8.0**2 + (2 * along / 0.1) ** 2)
    samples = 100.0 * lines.ricker(time - 0.5) + 10.0 * lines.ricker(time - arrival[:, None])
    if clipped:
        samples = np.clip(samples, -30.0, 60.0)
    assert "despike" not in [entry["step"] for entry in filters.suggest_steps(lines.line(samples.astype("float32")))]
    samples[np.arange(10, 40), 150] += 30.0
    assert "despike" in [entry["step"] for entry in filters.suggest_steps(lines.line(samples.astype("float32")))]

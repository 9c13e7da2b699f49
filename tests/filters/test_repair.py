"""Spikes, clipped crests and radio tones."""

from __future__ import annotations

import json

import numpy as np
import pytest

from gprscan import filters, read
from gprscan.errors import ParameterError
from tests.filters import lines


def echoes(n_traces: int = 60, n_samples: int = 400, noise: float = 0.01) -> np.ndarray:
    """A dipping reflector, a flat one, and a little noise."""
    time = np.arange(n_samples) * lines.DT - 3.0
    trace = np.arange(n_traces)[:, None]
    samples = lines.ricker(time - 12.0 - 0.04 * trace) + 0.5 * lines.ricker(time - 25.0)
    return (samples + noise * np.random.default_rng(0).standard_normal(samples.shape)).astype("float32")


def test_spikes_go_and_echoes_stay() -> None:
    clean = echoes()
    spiked = clean.copy()
    rng = np.random.default_rng(5)
    rows, columns = rng.permutation(np.arange(2, 58))[:40], rng.integers(5, 395, 40)
    spiked[rows, columns] += np.where(rng.random(40) > 0.5, 4.0, -4.0).astype("float32")
    result = lines.values(filters.despike(lines.line(spiked)))
    assert np.abs(result - clean)[rows, columns].max() < 0.45
    untouched = np.ones(clean.shape, dtype=bool)
    untouched[rows, columns] = False
    assert np.mean(result[untouched] != spiked[untouched]) < 2e-3
    np.testing.assert_allclose(lines.values(filters.despike(lines.line(clean))), clean, atol=0.06)
    with pytest.raises(ParameterError, match="9 to 999"):
        filters.despike(lines.line(clean), traces=1, samples=3)


@pytest.mark.parametrize("level", [0.6, 0.8])
def test_clipped_crests_are_rebuilt(level: float) -> None:
    time = np.arange(400) * lines.DT - 3.0
    crests = 1000 * (1 + 0.002 * np.arange(40))[:, None] * lines.ricker(time - 12.0) + 50 * np.sin(time)
    limit = level * crests.max()
    clipped = np.clip(crests, -limit, limit).astype("float32")
    line = lines.line(clipped)
    assert filters.clip_levels(line)[1] == pytest.approx(limit)
    assert np.isinf(filters.clip_levels(line)[0])
    result = filters.declip(line)
    outside = clipped < np.float32(limit)
    np.testing.assert_array_equal(lines.values(result)[outside], clipped[outside])
    lost = np.abs(clipped - crests).max()
    assert np.abs(lines.values(result) - crests).max() < 0.35 * lost
    used = json.loads(result.attrs["gprscan_provenance"])[-1]["parameters"]
    assert used["high"] == pytest.approx(limit)


def test_what_is_not_clipped_is_left_alone() -> None:
    line = lines.line(echoes())
    assert not np.isfinite(filters.clip_levels(line)).any()
    np.testing.assert_array_equal(lines.values(filters.declip(line)), lines.values(line))
    with pytest.raises(ParameterError, match="below"):
        filters.declip(line, low=2.0, high=1.0)


def test_a_clipped_recording(shared) -> None:  # type: ignore[no-untyped-def]
    line = read(shared / "data/real/dzt/TFHRCFASTNDElab__CHARISMA__amb_bridge_deck/AMB_____001.DZT")
    assert filters.clip_levels(line) == (-32768.0, 32767.0)
    result = lines.values(filters.declip(line))
    assert result.min() < -33000
    assert result.max() > 33000
    radar = line["status"].values == 0
    changed = (result != lines.values(line))[:, radar]
    assert 0 < changed.mean() < 0.05


@pytest.mark.parametrize("frequency", [98.5, 421.7, 879.9])
def test_a_tone_on_a_part_of_the_line_is_found_and_removed(frequency: float) -> None:
    clean = echoes(100, 600, noise=0.02)
    time = np.arange(600) * lines.DT
    disturbed = clean.copy()
    phases = np.random.default_rng(1).uniform(0, 6.28, 40)
    disturbed[60:] += 0.15 * np.cos(2e-3 * np.pi * frequency * time + phases[:, None]).astype("float32")
    line = lines.line(disturbed)
    found = filters.find_tones(line)
    assert len(found) == 1
    assert found[0] == pytest.approx(frequency, abs=1.5)
    result = lines.values(filters.notch(line))
    assert np.std((result - clean)[60:]) < 0.25 * np.std((disturbed - clean)[60:])
    assert np.std((result - clean)[:60]) < 0.2 * np.std(clean)


def test_no_tone_is_found_where_there_is_none() -> None:
    line = lines.line(echoes(100, 600))
    assert filters.find_tones(line) == []
    np.testing.assert_array_equal(lines.values(filters.notch(line)), lines.values(line))
    assert filters.find_tones(lines.noise((200, 512))) == []


def test_a_pure_tone_leaves_nothing() -> None:
    time = np.arange(300) * lines.DT
    tone = np.cos(2e-3 * np.pi * 700 * time + np.arange(5)[:, None]).astype("float32")
    result = lines.values(filters.notch(lines.line(tone), frequencies=["700 MHz"]))
    np.testing.assert_allclose(result, 0.0, atol=1e-4)
    with pytest.raises(ParameterError, match="half the sampling rate"):
        filters.notch(lines.line(tone), frequencies=[6000.0])
    with pytest.raises(ParameterError, match="start"):
        filters.notch(lines.line(tone), start=40.0)


@pytest.mark.parametrize("scene", ["s02_void_ellipse", "m04_five_objects", "e01_empty_low", "s09_metal"])
def test_tones_of_simulated_scenes(shared, scene: str) -> None:  # type: ignore[no-untyped-def]
    record = np.load(shared / "data" / "truth" / f"{scene}.npz")
    truth = json.loads((shared / "data" / "truth" / f"{scene}.json").read_text())
    for kind in ("light", "moderate"):
        line = lines.line(record[f"data_{kind}"], dt=float(record["dt_ns"]), time_zero=float(record["time_zero_ns"]))
        tone = truth["degradations"][kind].get("rfi")
        found = filters.find_tones(line)
        if tone is None:
            assert found == []
        else:
            expected = [value * 1000 for key, value in tone.items() if "ghz" in key.lower()]
            assert expected
            assert any(abs(f - e) < 5 for f in found for e in expected)

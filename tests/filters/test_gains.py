"""Gains: their equations, what they measure, and the way back."""

from __future__ import annotations

import json

import numpy as np
import pytest
import xarray as xr

from gprscan import filters
from gprscan.errors import ParameterError
from tests import reference
from tests.filters import lines


def fading(attenuation: float, power: float, noise: float = 0.0) -> xr.Dataset:
    """Random echoes that fade by `attenuation` dB per ns and by ``t^-power`` from 1 ns on."""
    rng = np.random.default_rng(8)
    time = np.maximum(np.arange(400) * lines.DT - 3.0, 1.0)
    echoes = rng.standard_normal((200, 400)) * time**-power * 10 ** (-attenuation * (time - 1.0) / 20)
    return lines.line((echoes + noise * rng.standard_normal(echoes.shape)).astype("float32"))


def test_power_by_its_equation() -> None:
    line = lines.noise()
    time = line["twt"].values
    result = lines.values(filters.gain_power(line, exponent=1.5, start=2.0))
    np.testing.assert_allclose(result, lines.values(line) * (np.maximum(time, 2.0) / 2.0) ** 1.5, rtol=1e-6)
    with pytest.raises(ParameterError, match="start"):
        filters.gain_power(line, start=0)


def test_exponential_by_its_equation() -> None:
    line = lines.noise()
    time = np.maximum(line["twt"].values, 1.5)
    gain = np.minimum((time / 1.5) * 10 ** (3.0 * (time - 1.5) / 20), 10.0)
    result = lines.values(filters.gain_exponential(line, attenuation=3.0, power=1.0, start=1.5, limit=20.0))
    np.testing.assert_allclose(result, lines.values(line) * gain, rtol=1e-5)
    with pytest.raises(ParameterError, match="limit"):
        filters.gain_exponential(line, limit=-1)


@pytest.mark.parametrize("name", ["gain_power", "gain_exponential", "gain_inverse_envelope"])
def test_the_way_back(name: str) -> None:
    line = fading(1.0, 1.0)
    there = getattr(filters, name)(line)
    used = json.loads(there.attrs["gprscan_provenance"])[-1]["parameters"]
    back = getattr(filters, name)(there, **(used | {"inverse": True}))
    assert not np.allclose(lines.values(there), lines.values(line))
    np.testing.assert_allclose(lines.values(back), lines.values(line), rtol=1e-5, atol=1e-9)


@pytest.mark.parametrize(("attenuation", "power"), [(0.6, 1.0), (1.5, 1.0), (0.8, 0.5)])
def test_attenuation_is_measured(attenuation: float, power: float) -> None:
    assert filters.estimate_attenuation(fading(attenuation, power), power) == pytest.approx(attenuation, abs=0.06)


def test_noise_does_not_hide_the_attenuation() -> None:
    assert filters.estimate_attenuation(fading(1.5, 1.0, noise=1e-3)) == pytest.approx(1.5, abs=0.1)


def test_a_line_gained_by_the_recorder_is_left_alone() -> None:
    line = fading(0.0, 0.0)
    result = filters.gain_exponential(line)
    used = json.loads(result.attrs["gprscan_provenance"])[-1]["parameters"]
    assert used["power"] == 0.0
    assert used["attenuation"] == pytest.approx(0.0, abs=0.02)
    asked = json.loads(filters.gain_exponential(line, power=1.0).attrs["gprscan_provenance"])[-1]["parameters"]
    assert asked["power"] == 1.0


def test_inverse_envelope_levels_echoes_and_not_noise() -> None:
    line = fading(1.5, 1.0, noise=1e-3)
    result = lines.values(filters.gain_inverse_envelope(line))
    level = np.median(np.abs(result), axis=0)
    time = line["twt"].values
    assert level[(time > 1) & (time < 15)].std() < 0.25 * level[(time > 1) & (time < 15)].mean()
    assert level[-40:].mean() < 0.75 * level[(time > 1) & (time < 15)].mean()
    with pytest.raises(ParameterError, match="growing"):
        filters.gain_inverse_envelope(line, knots=[(3.0, 1.0), (2.0, 4.0)])


def test_agc_by_its_equation() -> None:
    line = fading(1.0, 1.0)
    result = lines.values(filters.agc(line, window=4.1))
    for row, found in zip(lines.values(line)[::40], result[::40], strict=True):
        np.testing.assert_allclose(found, reference.agc(row, 20), rtol=1e-3)


def test_agc_does_not_depend_on_the_scale() -> None:
    line = fading(0.5, 1.0)
    louder = line.copy(data={"amplitude": lines.values(line) * np.float32(1e6)})
    np.testing.assert_allclose(lines.values(filters.agc(louder)), lines.values(filters.agc(line)), rtol=1e-4)


def test_silence_stays_silent() -> None:
    assert not lines.values(filters.agc(lines.line(np.zeros((3, 50), dtype="float32")))).any()
    assert not lines.values(filters.gain_inverse_envelope(lines.line(np.zeros((3, 50), dtype="float32")))).any()

"""Attributes of single traces, on signals whose attributes are known."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import signal

from gprscan import filters
from gprscan.errors import ParameterError
from tests.filters import lines

TIME = np.arange(600) * lines.DT


def tone(frequency: float, phase: float = 0.0) -> np.ndarray:
    return (np.exp(-(((TIME - 30) / 12) ** 2)) * np.cos(2e-3 * np.pi * frequency * (TIME - 30) + phase))[None].astype(
        "float32"
    )


@pytest.mark.parametrize("frequency", [150.0, 400.0, 1300.0, 2600.0])
@pytest.mark.parametrize("window", [0.0, 3.0])
def test_frequency_of_a_tone(frequency: float, window: float) -> None:
    result = filters.instantaneous_frequency(lines.line(tone(frequency)), window)
    np.testing.assert_allclose(lines.values(result)[0, 200:400], frequency, rtol=0.01)
    assert result["amplitude"].attrs["units"] == "MHz"


def test_frequency_is_the_centroid_of_the_local_spectrum() -> None:
    chirp = signal.chirp(TIME, 0.9, 60, 0.2)[None].astype("float32")
    result = lines.values(filters.instantaneous_frequency(lines.line(chirp), 5.0))[0]
    expected = (0.9 - 0.7 * TIME / 60) * 1000
    np.testing.assert_allclose(result[100:-100], expected[100:-100], rtol=0.03)


def test_phase() -> None:
    for degrees in (0.0, 60.0, 170.0, -90.0):
        result = lines.values(filters.instantaneous_phase(lines.line(tone(400, np.radians(degrees)))))[0]
        assert result[300] == pytest.approx(degrees, abs=1.0)
    quiet = lines.values(filters.instantaneous_phase(lines.line(tone(400) * np.float32(1e-6))))
    np.testing.assert_allclose(quiet, lines.values(filters.instantaneous_phase(lines.line(tone(400)))), atol=0.1)


def test_energy_by_its_equation() -> None:
    line = lines.noise((4, 80), units="mV")
    result = filters.energy(line, 1.1)
    samples = lines.values(line).astype("float64")
    for k in (0, 3, 40, 79):
        expected = np.mean(samples[:, max(0, k - 5) : k + 6] ** 2, axis=1)
        np.testing.assert_allclose(lines.values(result)[:, k], expected, rtol=1e-5)
    assert result["amplitude"].attrs["units"] == "mV2"
    with pytest.raises(ParameterError, match="negative"):
        filters.energy(line, -1.0)


def test_decay_of_the_frequency() -> None:
    falling = sum(
        0.8**k * np.exp(-(((TIME - 8 - 9 * k) / 2) ** 2)) * np.cos(2 * np.pi * (0.6 - 0.05 * k) * (TIME - 8 - 9 * k))
        for k in range(5)
    )
    samples = np.stack([falling, tone(400)[0], np.zeros(600)]).astype("float32")
    result = filters.spectral_decay(lines.line(samples))
    assert result.dims == ("trace",)
    assert result[0].item() == pytest.approx(-50 / 9, rel=0.1)
    assert result[1].item() == pytest.approx(0.0, abs=0.1)
    assert np.isnan(result[2])


def test_s_transform() -> None:
    two = tone(300)[0] + np.roll(tone(900)[0], 150)
    picture = filters.s_transform(lines.line(two[None]), 0, highest=1500)
    assert picture.dims == ("frequency", "twt")
    early, late = picture.isel(twt=280), picture.isel(twt=470)
    assert float(picture["frequency"][int(np.argmax(early.values))]) == pytest.approx(300, abs=25)
    assert float(picture["frequency"][int(np.argmax(late.values))]) == pytest.approx(900, abs=40)
    assert float(picture["frequency"].max()) <= 1500
    # by the definition, at one frequency: a Fourier transform under a Gaussian of one period
    frequency, n = 12 / (600 * lines.DT), 600
    place = np.arange(n)
    for k in (100, 300):
        away = (place - k + n // 2) % n - n // 2
        window = frequency / np.sqrt(2 * np.pi) * np.exp(-0.5 * (away * lines.DT * frequency) ** 2) * lines.DT
        expected = np.abs(np.sum(two * window * np.exp(-2j * np.pi * 12 * place / n)))
        assert float(picture.isel(frequency=11, twt=k)) == pytest.approx(expected, rel=1e-3, abs=1e-6)
    with pytest.raises(ParameterError, match="no trace 5"):
        filters.s_transform(lines.line(two[None]), 5)
    with pytest.raises(ParameterError, match="not finite"):
        filters.s_transform(lines.line(two[None] * np.nan), 0)

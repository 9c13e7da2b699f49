"""Band-pass filters and the analytic signal, against scipy.signal and by their invariants."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import signal

from gprscan import filters
from gprscan.errors import ParameterError
from tests import reference
from tests.filters import lines

NYQUIST = 5000.0  # MHz at 0.1 ns


def impulse(n: int = 801) -> np.ndarray:
    samples = np.zeros((1, n), dtype="float32")
    samples[0, n // 2] = 1.0
    return samples


@pytest.mark.parametrize(("low", "high"), [(200.0, 800.0), (None, 600.0), (300.0, None), (150.0, 3000.0)])
def test_butterworth_is_filtfilt(low: float | None, high: float | None) -> None:
    samples = np.random.default_rng(0).standard_normal((3, 3000)) * signal.windows.tukey(3000, 0.6)
    if low and high:
        sos = signal.butter(4, [low / NYQUIST, high / NYQUIST], "bandpass", output="sos")
    else:
        sos = signal.butter(4, (low or high) / NYQUIST, "highpass" if low else "lowpass", output="sos")
    expected = signal.sosfiltfilt(sos, samples)
    result = lines.values(filters.bandpass(lines.line(samples.astype("float32")), low, high))
    inner = slice(500, -500)
    np.testing.assert_allclose(result[:, inner], expected[:, inner], atol=3e-5)


@pytest.mark.parametrize("options", [{}, {"method": "fir"}, {"low": 100.0}, {"high": 900.0, "method": "fir"}])
def test_nothing_moves_in_time(options: dict[str, object]) -> None:
    result = lines.values(filters.bandpass(lines.line(impulse()), **options))[0]
    np.testing.assert_allclose(result, result[::-1], atol=1e-6)
    assert int(np.argmax(np.abs(result))) == 400


def test_fir_passes_its_band_and_stops_the_rest() -> None:
    result = lines.values(filters.bandpass(lines.line(impulse()), 200, 800, method="fir", order=8))[0]
    gain = np.abs(np.fft.rfft(result))
    frequency = np.fft.rfftfreq(801, lines.DT) * 1000
    np.testing.assert_allclose(gain[(frequency > 300) & (frequency < 700)], 1.0, atol=0.01)
    assert gain[frequency < 100].max() < 0.01
    assert gain[frequency > 900].max() < 0.01


def test_default_band_follows_the_antenna() -> None:
    line = lines.noise()
    by_default, by_hand = filters.bandpass(line), filters.bandpass(line, "160 MHz", "0.8 GHz")
    np.testing.assert_array_equal(lines.values(by_default), lines.values(by_hand))


@pytest.mark.parametrize(("low", "high"), [(800, 200), (-1, 300), (100, 6000), (300, 300)])
def test_impossible_bands(low: float, high: float) -> None:
    with pytest.raises(ParameterError, match="low"):
        filters.bandpass(lines.noise(), low, high)


@settings(max_examples=20, deadline=None)
@given(
    seed=st.integers(0, 1000),
    a=st.floats(-5, 5, allow_nan=False),
    b=st.floats(-5, 5, allow_nan=False),
    name=st.sampled_from(["bandpass", "dewow", "dc", "gain_power", "background"]),
)
def test_linear_filters_are_linear(seed: int, a: float, b: float, name: str) -> None:
    one, two = lines.noise((6, 64), seed=seed), lines.noise((6, 64), seed=seed + 1)
    function = getattr(filters, name)
    together = one.copy(data={"amplitude": (a * lines.values(one) + b * lines.values(two)).astype("float32")})
    separate = a * lines.values(function(one)) + b * lines.values(function(two))
    np.testing.assert_allclose(lines.values(function(together)), separate, atol=3e-4)


def test_a_filter_takes_no_energy_from_what_it_passes() -> None:
    time = np.arange(1000) * lines.DT
    tone = (np.sin(2 * np.pi * 0.4 * time) * signal.windows.hann(1000)).astype("float32")
    result = lines.values(filters.bandpass(lines.line(tone[None]), 100, 1600))
    assert np.sum(result**2) == pytest.approx(np.sum(tone**2), rel=1e-3)


def test_envelope_by_definition() -> None:
    line = lines.noise((4, 100))
    result = lines.values(filters.envelope(line))
    for row, found in zip(lines.values(line), result, strict=True):
        np.testing.assert_allclose(found, np.hypot(row, reference.hilbert(row, 150)), atol=1e-5)
    long = np.pad(lines.values(line), ((0, 0), (0, 50)))
    np.testing.assert_allclose(result, np.abs(signal.hilbert(long, axis=1))[:, :100], atol=1e-5)


def test_envelope_is_blind_to_phase() -> None:
    time = np.arange(400) * lines.DT
    shape = np.exp(-(((time - 20.0) / 4.0) ** 2))
    tones = [shape * np.cos(2 * np.pi * 0.8 * time + phase) for phase in (0.0, 1.0, 2.5)]
    for found in lines.values(filters.envelope(lines.line(np.array(tones, dtype="float32")))):
        np.testing.assert_allclose(found, shape, atol=2e-3)

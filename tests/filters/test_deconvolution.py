"""Deconvolution, whitening and wavelets: known wavelets and reflections in, the reflections out."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import signal

from gprscan import filters
from gprscan.errors import ParameterError
from gprscan.filters.deconvolution import autocorrelation
from tests.filters import lines


def reflectivity(n_traces: int = 200, n_samples: int = 500, share: float = 0.06) -> np.ndarray:
    rng = np.random.default_rng(11)
    spikes = rng.standard_normal((n_traces, n_samples)) * (rng.random((n_traces, n_samples)) < share)
    spikes[:, :30] = 0.0
    return spikes


def minimum_phase() -> np.ndarray:
    """A damped oscillation: the response of two poles, which is of minimum phase."""
    return signal.lfilter([1.0], [1.0, -1.6, 0.81], np.eye(1, 60)[0])


def test_autocorrelation_is_the_sum_over_pairs() -> None:
    traces = lines.values(lines.noise((3, 40)))
    pairs = [sum(np.sum(row[: 40 - lag] * row[lag:]) for row in traces) for lag in range(6)]
    np.testing.assert_allclose(autocorrelation(traces, 6), np.array(pairs) / pairs[0], atol=1e-6)


def test_spiking_undoes_a_wavelet_of_minimum_phase() -> None:
    spikes = reflectivity()
    traces = signal.lfilter([1.0], [1.0, -1.6, 0.81], spikes, axis=1)
    result = lines.values(
        filters.deconvolve(lines.line(traces.astype("float32")), "spiking", length=1.0, prewhitening=1e-6)
    )
    np.testing.assert_allclose(result, spikes, atol=0.25)
    assert np.corrcoef(result.ravel(), spikes.ravel())[0, 1] > 0.99
    assert np.corrcoef(traces.ravel(), spikes.ravel())[0, 1] < 0.5


def test_predictive_removes_multiples_and_keeps_the_wavelet() -> None:
    wavelet = lines.ricker(np.arange(-20, 21) * lines.DT)
    primaries = signal.fftconvolve(reflectivity(share=0.02), wavelet[None], mode="same", axes=1)
    ringing = signal.lfilter([1.0], np.r_[1.0, np.zeros(59), 0.6], primaries, axis=1)  # reverberation every 6 ns
    line = lines.line(ringing.astype("float32"))
    result = lines.values(filters.deconvolve(line, length=4.0, gap=4.0, prewhitening=1e-3))
    before = np.std(ringing[:, 100:] - primaries[:, 100:])
    after = np.std(result[:, 100:] - primaries[:, 100:])
    assert after < 0.25 * before


def test_operators_are_per_channel_and_replay() -> None:
    line = lines.noise((2, 60, 200))
    colored = line.copy(data={"amplitude": np.stack([lines.values(line)[0], np.cumsum(lines.values(line)[1], axis=1)])})
    result = filters.deconvolve(colored, "spiking", length=1.0)
    alone = filters.deconvolve(colored.isel(channel=1, drop=True), "spiking", length=1.0)
    np.testing.assert_allclose(lines.values(result)[1], lines.values(alone), atol=1e-4)
    with pytest.raises(ParameterError, match="3 operators"):
        filters.deconvolve(colored, operator=[[1.0]] * 3)
    with pytest.raises(ParameterError, match="half a trace"):
        filters.deconvolve(colored, length=50.0)


@pytest.mark.parametrize("kind", ["zero", "minimum"])
def test_wavelet_from_the_spectrum(kind: str) -> None:
    true = lines.ricker(np.arange(-25, 26) * lines.DT) if kind == "zero" else np.r_[np.zeros(59), minimum_phase()]
    traces = signal.fftconvolve(reflectivity(400), true[None], mode="same", axes=1)
    wavelet = filters.estimate_wavelet(
        lines.line(traces.astype("float32")), (true.size - 1) * lines.DT + 0.01, kind=kind
    )
    assert wavelet.size == true.size
    similarity = np.dot(wavelet, true) / np.linalg.norm(wavelet) / np.linalg.norm(true)
    assert similarity > 0.95
    with pytest.raises(ParameterError, match="length"):
        filters.estimate_wavelet(lines.noise(), 0.01)


def test_whitening_flattens_the_spectrum_and_moves_nothing() -> None:
    spikes = reflectivity(400)
    traces = signal.fftconvolve(spikes, lines.ricker(np.arange(-25, 26) * lines.DT)[None], mode="same", axes=1)
    line = lines.line(traces.astype("float32"))
    result = lines.values(filters.whiten(line, 150, 900, smoothing=50, stabilization=0.01))
    frequency = np.fft.rfftfreq(500, lines.DT) * 1000
    inside = (frequency > 220) & (frequency < 750)

    def flatness(rows: np.ndarray) -> float:
        level = np.sqrt((np.abs(np.fft.rfft(rows)) ** 2).mean(axis=0))[inside]
        return float(level.std() / level.mean())

    assert flatness(result) < 0.15 < flatness(traces)
    lags = np.arange(-20, 21)
    correlation = [np.sum(traces[:, 50:-50] * np.roll(result, lag, axis=1)[:, 50:-50]) for lag in lags]
    assert lags[int(np.argmax(correlation))] == 0
    with pytest.raises(ParameterError, match="low"):
        filters.whiten(line, 900, 150)


def test_sparse_spikes_are_found() -> None:
    spikes = np.zeros((6, 300))
    rng = np.random.default_rng(2)
    for row in spikes:
        row[np.sort(rng.choice(np.arange(30, 270, 22), 6, replace=False))] = rng.uniform(0.4, 1.0, 6) * rng.choice(
            [-1, 1], 6
        )
    wavelet = lines.ricker(np.arange(-20, 21) * lines.DT)
    traces = signal.fftconvolve(spikes, wavelet[None], mode="same", axes=1)
    noisy = traces + 0.01 * rng.standard_normal(traces.shape)
    result = lines.values(filters.deconvolve_sparse(lines.line(noisy.astype("float32")), wavelet.tolist(), 0.02, 400))
    for found, true in zip(result, spikes, strict=True):
        for place in np.flatnonzero(true):
            assert found[place - 1 : place + 2].sum() == pytest.approx(true[place], abs=0.15)
        assert np.mean(found == 0) > 0.8
    with pytest.raises(ParameterError, match="weight"):
        filters.deconvolve_sparse(lines.line(noisy.astype("float32")), weight=2.0)

"""How many samples of a record are kept: as many as the antenna's band needs, and what is found does not depend on it."""

from __future__ import annotations

import json

import numpy as np
import pytest
from scipy import signal

from gprscan import detect, model
from gprscan.detection.condition import LEAST_SAMPLES, dewowed
from gprscan.kernels.coherence import SAMPLES_PER_PERIOD
from tests.detection.lines import DT, PERIOD, make, near, section, wrap

FC = 1.0 / PERIOD  # GHz


def noise(n: int, dt: float, low: float, high: float, seed: int = 1) -> np.ndarray:
    """Traces of noise in a band of multiples of the centre frequency."""
    sos = signal.butter(6, [low * FC, high * FC], "bandpass", fs=1.0 / dt, output="sos")
    return signal.sosfiltfilt(sos, np.random.default_rng(seed).standard_normal((5, n)), axis=1).astype(np.float32)


@pytest.mark.parametrize("every", [1, 2, 3])
@pytest.mark.parametrize("n", [501, 512])
def test_what_the_antenna_hears_is_kept(every: int, n: int) -> None:
    dt = PERIOD / SAMPLES_PER_PERIOD / every
    traces = noise(n, dt, 0.7, 2.0)
    kept = dewowed(traces, dt, FC, every)
    assert kept.shape == (5, -(-n // every))
    inside = slice(40, -40)
    np.testing.assert_allclose(kept[:, inside], traces[:, ::every][:, inside], atol=0.03 * float(traces.std()))


@pytest.mark.parametrize("every", [2, 3])
def test_what_the_samples_left_could_not_hold_is_filtered_away(every: int) -> None:
    dt = PERIOD / SAMPLES_PER_PERIOD / every
    traces = noise(600, dt, 1.1 * SAMPLES_PER_PERIOD / 2, 1.3 * SAMPLES_PER_PERIOD / 2)
    kept = dewowed(traces, dt, FC, every)[:, 30:-30]
    assert kept.std() < 0.01 * traces.std()
    assert traces[:, ::every].std() > 0.9 * traces.std()  # as it would come back, at another frequency


@pytest.mark.parametrize("every", [1, 2])
def test_what_is_slow_is_taken_out_up_to_the_ends(every: int) -> None:
    dt = PERIOD / SAMPLES_PER_PERIOD / every
    t = dt * np.arange(512)
    wow = np.stack([np.full(t.size, 7.0), 3.0 * np.cos(2 * np.pi * 0.02 * FC * t)]).astype(np.float32)
    out = dewowed(wow, dt, FC, every)
    assert np.abs(out[0]).max() < 1e-4
    assert np.abs(out[1]).max() < 0.35
    assert np.abs(out[1, 60:-60]).max() < 0.1


def resampled(finer: int) -> object:
    """The same line, recorded with so many times as many samples."""
    line, _ = make((2.0, 0.6, 0.5), length=4.0)
    values = model.amplitude(line)
    spectrum = np.fft.rfft(np.pad(values, ((0, 0), (0, 320)), mode="edge"), axis=1)
    fine = finer * np.fft.irfft(spectrum, 640 * finer, axis=1)[:, : 320 * finer]
    return wrap(fine.astype(np.float32), dt=DT / finer)


@pytest.mark.parametrize("finer", [1, 2, 4])
def test_no_more_samples_are_kept_than_are_needed(finer: int) -> None:
    part = section(resampled(finer))
    assert part.dt == pytest.approx(int(PERIOD / SAMPLES_PER_PERIOD / (DT / finer)) * DT / finer)
    assert PERIOD / part.dt >= SAMPLES_PER_PERIOD
    assert part.t.size == part.raw.shape[1] == part.echo.shape[1] == part.cond.shape[1]
    np.testing.assert_allclose(np.diff(part.t), part.dt)


def test_a_body_is_the_same_however_finely_it_was_sampled() -> None:
    rows = [near(detect(resampled(finer)), 2.0, 0.06)[0] for finer in (1, 2, 4)]
    for other in rows[1:]:
        assert other["kind"] == rows[0]["kind"]
        assert other["twt_ns"] == pytest.approx(rows[0]["twt_ns"], abs=0.04 * PERIOD)
        assert abs(other["top_depth_m"] - rows[0]["top_depth_m"]) < 0.5 * rows[0]["sigma_depth_m"]
        chances = [json.loads(row["probabilities"]) for row in (other, rows[0])]
        assert all(abs(chances[0][kind] - chance) < 0.1 for kind, chance in chances[1].items())


@pytest.mark.parametrize(
    ("samples", "dt", "fc"), [(128, 0.02, 400.0), (256, 0.025, 100.0), (128, 0.05, 100.0), (33, 0.08, 200.0)]
)
def test_a_short_record_is_searched_and_holds_nothing(samples: int, dt: float, fc: float) -> None:
    values = np.random.default_rng(1).normal(size=(60, samples)).astype(np.float32)
    line = model.from_array(values, dt=dt, spacing=0.05, frequency=fc, separation=0.14)
    assert section(line).t.size >= LEAST_SAMPLES
    assert len(detect(line)) == 0

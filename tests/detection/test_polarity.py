"""Polarity at the onset: two close echoes of opposite sign are a thin void, whatever their largest lobe says."""

from __future__ import annotations

import numpy as np
import pytest

from gprscan.detection.evidence import onsets, wall_ratios
from gprscan.detection.timing import ricker_pair
from tests.detection.lines import DT, FREQUENCY, MIDDLE, PERIOD, detected, near, values_of

F = FREQUENCY * 1e-3
LAG = DT * np.arange(-70, 200)
WAVELET = ricker_pair(DT * np.arange(-47, 48), F)[0].astype(np.float32)


def echo(*arrivals: tuple[float, float]) -> np.ndarray:
    """Sum of pulses, each with its time in ns and its amplitude."""
    return np.sum([a * ricker_pair(LAG - t, F)[0] for t, a in arrivals], axis=0)


def read(wave: np.ndarray) -> tuple[int, float, float, float | None, float | None, float]:
    return onsets(wave[None], LAG, WAVELET, DT, PERIOD, LAG[[np.argmax(np.abs(wave))]])[0]


@pytest.mark.parametrize("sign", [1, -1])
def test_a_single_arrival_has_its_own_sign_and_phase(sign: int) -> None:
    found, margin, onset, delay, _, phase = read(echo((0.0, sign)))
    assert found == sign
    assert sign * margin > 0.05
    assert abs(onset) < 0.1 * PERIOD
    assert delay is None
    assert abs(abs(phase) - (0 if sign > 0 else 180)) < 20


@pytest.mark.parametrize("thickness", [0.06, 0.10, 0.15, 0.25])
def test_top_and_bottom_of_a_thin_void_are_told_apart(thickness: float) -> None:
    later = 2 * thickness / 0.2998  # inside the void the wave is in air
    found, _, onset, delay, ratio, _ = read(echo((0.0, 0.5), (later, -0.4)))
    assert found == 1
    assert abs(onset) < 0.15 * PERIOD
    if delay is not None:
        assert ratio is not None
        assert abs(delay - later) < 0.2 * PERIOD


def test_the_largest_lobe_of_a_thin_void_may_look_like_metal() -> None:
    wave = echo((0.0, 0.5), (0.8, -0.6))
    assert wave[np.argmax(np.abs(wave))] < 0  # the trap
    assert read(wave)[0] >= 0  # never called metal


def test_noise_alone_has_no_sign() -> None:
    rng = np.random.default_rng(0)
    signs = [read(rng.standard_normal(LAG.size))[0] for _ in range(20)]
    assert np.mean(np.array(signs) == 0) > 0.7


@pytest.mark.parametrize(("name", "sign"), [("void", 1), ("metal", -1), ("water", -1), ("plastic", 1)])
def test_simulated_bodies_keep_the_sign_of_their_onset(name: str, sign: int) -> None:
    rows = [r for r in near(detected(name), MIDDLE) if r["polarity"] != 0]
    assert rows
    first = min(rows, key=lambda r: r["twt_ns"])
    assert first["polarity"] == sign


@pytest.mark.parametrize("sign", [1, -1])
def test_the_outer_face_of_a_wall_comes_before_its_inner_face(sign: int) -> None:
    """A concrete pipe's wall against a void's roof, alike but for what comes 0.9 ns before."""
    bore = [(0.0, 1.0), (3.5, -0.4)]
    peak = float(LAG[np.argmax(np.abs(echo(*bore)))])
    waves = np.array([sign * echo(*bore, (-0.9, share)) for share in (0.3, 0.0)])
    walled, bare = wall_ratios(waves, LAG, WAVELET, DT, PERIOD, np.array([peak, peak]))
    assert walled == pytest.approx(0.3, abs=0.1)
    assert bare == pytest.approx(0.0, abs=0.1)


def test_no_echo_has_no_wall() -> None:
    assert np.isnan(wall_ratios(np.zeros((1, LAG.size)), LAG, WAVELET, DT, PERIOD, np.zeros(1))).all()


def test_a_simulated_concrete_pipe_has_a_wall_and_a_void_has_none() -> None:
    walls = [float(values_of(near(detected(name), MIDDLE)[0])["wall_ratio"]) for name in ("concrete", "round void")]
    assert walls[0] > 0.2 > walls[1]

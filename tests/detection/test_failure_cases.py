"""Cases in which detection is known to go wrong, each with its expected behaviour."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from gprscan import detect, model, names
from gprscan.detection import candidates, fit, pipeline
from gprscan.synthetic import diffractor
from tests.detection.lines import (
    DT,
    FREQUENCY,
    PERIOD,
    ROAD,
    SAMPLES,
    SEPARATION,
    SPACING,
    TIME_ZERO,
    make,
    near,
    section,
    values_of,
    wrap,
)

POINT = (2.0, 0.6, 0.5)
BARS = tuple((0.1 + 0.2 * k, 0.07, -0.4) for k in range(20))


def hazards(table: Any) -> list[str]:
    return [kind for kind in table["kind"] if kind in names.HAZARD_KINDS]


def test_a_row_of_bars_is_rebar_and_no_hazard() -> None:
    table = detect(make(*BARS, length=4.0)[0])
    assert "rebar" in set(table["kind"])
    assert hazards(table) == []
    assert table.loc[table["kind"] == "rebar", "group_id"].notna().all()


def test_a_void_under_a_mesh_is_not_lost() -> None:
    line, (truth, *_) = make((2.0, 0.6, 0.8), *BARS, length=4.0)
    table = detect(line)
    assert "rebar" in set(table["kind"])
    rows = [r for r in near(table, 2.0) if r["kind"] != "rebar"]
    assert rows
    assert min(abs(r["twt_ns"] - truth["t_flight_ns"]) for r in rows) < 0.5 * PERIOD


@pytest.mark.parametrize("snr_db", [20, 10, 5])
def test_a_body_is_found_in_noise(snr_db: float) -> None:
    echo = POINT[2] / np.sqrt(11.5)
    line, (truth,) = make(POINT, length=4.0, noise=float(echo / 10 ** (snr_db / 20)))
    rows = near(detect(line), POINT[0], 0.06)
    assert len(rows) == 1
    assert abs(rows[0]["twt_ns"] - truth["t_flight_ns"]) < 0.5 * PERIOD


def test_pure_noise_shows_nothing() -> None:
    values = np.random.default_rng(4).standard_normal((81, SAMPLES)).astype(np.float32)
    assert len(detect(wrap(values))) == 0


@pytest.mark.parametrize("slip", [0.98, 1.02])
def test_wheel_slip_scales_places_and_no_more(slip: float) -> None:
    line, _ = make(POINT, length=4.0)
    (true,) = near(detect(line), POINT[0], 0.05)
    (row,) = near(detect(wrap(model.amplitude(line), spacing=SPACING * slip)), POINT[0] * slip, 0.05)
    assert row["distance_m"] == pytest.approx(true["distance_m"] * slip, abs=0.02)
    assert abs(row["top_depth_m"] - true["top_depth_m"]) < row["sigma_depth_m"]


@pytest.mark.parametrize("angle", [15.0, 30.0, 45.0])
def test_an_oblique_pipe_looks_faster_by_the_cosine(angle: float) -> None:
    """Angle and velocity cannot be separated on one line: ``v / cos(angle)`` is what one sees."""
    settings = pipeline.load_settings("road")
    empty = model.amplitude(make(length=4.0, noise=0.01)[0])
    speeds = []
    for cosine in (1.0, float(np.cos(np.radians(angle)))):
        pipe, _ = diffractor(
            x=2.0 * cosine, depth=0.6, amplitude=-0.5, velocity=ROAD, time_zero=TIME_ZERO, n_traces=81,
            n_samples=SAMPLES, dt=DT, spacing=SPACING * cosine, frequency=FREQUENCY, separation=SEPARATION,
        )  # fmt: skip
        part = section(wrap(model.amplitude(pipe) + empty))
        _, numbers = fit.fit(part, candidates.find(part, settings)[:4], settings)
        best = max(map(fit.unpacked, numbers), key=lambda f: f.coherence)
        assert abs(best.x - 2.0) < 0.02
        speeds.append(best.velocity)
    assert speeds[1] / speeds[0] == pytest.approx(1 / np.cos(np.radians(angle)), rel=0.04)


@pytest.mark.parametrize("amplitude", [0.05, 0.2, 1.0])
def test_the_level_of_an_echo_follows_its_strength(amplitude: float) -> None:
    line, _ = make((2.0, 0.6, amplitude), length=4.0)
    reference, _ = make(POINT, length=4.0)
    (a,) = [r for r in near(detect(line, include=("clutter",)), 2.0, 0.05) if r["twt_ns"] > 10]
    (b,) = [r for r in near(detect(reference, include=("clutter",)), 2.0, 0.05) if r["twt_ns"] > 10]
    expected = 20 * np.log10(amplitude / POINT[2])
    assert values_of(a)["amplitude_db"] - values_of(b)["amplitude_db"] == pytest.approx(expected, abs=1.5)


def test_two_channels_of_different_gain_agree() -> None:
    line, _ = make(POINT, length=4.0)
    values = model.amplitude(line)
    pair = wrap(np.stack([values, 7.0 * values]), channel_offsets=[-0.5, 0.5])
    table = detect(pair)
    assert table.attrs["line"]["n_channels"] == 2
    assert len(table) >= 1
    assert (table["polarity"] == 1).all()
    assert np.ptp(table["twt_ns"]) < 0.05


def test_radius_is_not_claimed_of_a_point() -> None:
    (row,) = near(detect(make(POINT, length=4.0, noise=0.01)[0]), POINT[0], 0.05)
    values = values_of(row)
    assert values["radius_m"] is None or values["radius_resolved"]
    assert values["radius_m"] is None

"""What a line could have shown: the radar equation, and the reach that a line's own noise leaves."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import xarray as xr

from gprscan import detection, model
from gprscan.detection import detectability, pipeline
from gprscan.detection.scattering import mirror_gain, size_factor, weakest_service
from gprscan.synthetic import road_line


@pytest.fixture(scope="module")
def road() -> xr.Dataset:
    return road_line(12.0, 3, clutter="high")[0]


def noisy(line: xr.Dataset, share: float) -> xr.Dataset:
    values = model.amplitude(line)
    noise = np.random.default_rng(5).normal(size=values.shape) * share * float(np.abs(values).max())
    return model.with_amplitude(line, (values + noise).astype(np.float32))


def reach(line: xr.Dataset) -> dict[str, Any]:
    settings = pipeline.load_settings("road")
    parts = [detectability.measure(s) for s in pipeline.iter_sections(line, settings)]
    return detectability.summarise(parts, settings.prior_ground())


def test_the_mirror_gain_falls_with_depth_and_grows_with_size() -> None:
    depth = [mirror_gain(0.2, z) for z in (0.3, 0.6, 1.2)]
    assert depth == sorted(depth, reverse=True)
    assert mirror_gain(0.1, 0.8) < mirror_gain(0.3, 0.8) < mirror_gain(1.0, 0.8)
    # an endless plane sends a line source's wave back from its image
    assert mirror_gain(1e6, 0.5) == pytest.approx(1.0, rel=1e-5)


def test_geometrical_optics_holds_from_a_third_of_a_wavelength_and_small_bodies_echo_less() -> None:
    wavelength = 0.3 / 3.0 / 0.4
    assert size_factor(0.5 * wavelength, 3.0, 0.4) > 0.95
    assert size_factor(0.05 * wavelength, 3.0, 0.4) < 0.5
    # Rayleigh: the echo of a thin cylinder goes as the square of its radius, the mirror's as the root
    thin = size_factor(0.004 * wavelength, 3.0, 0.4) / size_factor(0.002 * wavelength, 3.0, 0.4)
    assert thin == pytest.approx(2.0**1.5, rel=0.05)


def test_noise_takes_away_depth(road: xr.Dataset) -> None:
    quiet, loud = reach(noisy(road, 0.0003)), reach(noisy(road, 0.05))
    assert quiet["penetration_depth_m"] is not None
    assert (loud["penetration_depth_m"] or 0.0) < quiet["penetration_depth_m"]
    pairs = list(zip(quiet["detectability"], loud["detectability"], strict=True))
    assert pairs
    assert all((b["max_depth_m"] or 0.0) <= (a["max_depth_m"] or 0.0) for a, b in pairs)
    assert any((b["max_depth_m"] or 0.0) < (a["max_depth_m"] or 0.0) for a, b in pairs)


def test_larger_cavities_are_seen_deeper_but_never_below_the_penetration(road: xr.Dataset) -> None:
    stated = reach(noisy(road, 0.0003))
    depths = [entry["max_depth_m"] or 0.0 for entry in stated["detectability"]]
    assert [entry["diameter_m"] for entry in stated["detectability"]] == list(detectability.DIAMETERS)
    assert depths == sorted(depths)
    assert 0.0 < depths[-1] <= stated["penetration_depth_m"] + 0.01


def test_pure_noise_shows_nothing_and_detect_says_so() -> None:
    values = np.random.default_rng(2).normal(size=(120, 400)).astype(np.float32)
    line = model.from_array(values, dt=0.08, spacing=0.05, frequency=400, separation=0.14, time_zero=4.0)
    table = detection.detect(line)
    stated = table.attrs["line"]
    assert (stated["penetration_depth_m"] or 0.0) < 0.3
    assert all((entry["max_depth_m"] or 0.0) < 0.3 for entry in stated["detectability"])


def test_a_scale_that_does_not_serve_is_said() -> None:
    sizes = [{"diameter_m": 0.5, "max_depth_m": None}]
    assert "no fair scale" in detectability.notes({"penetration_depth_m": 1.0, "detectability": sizes})[0]
    assert "no direct wave" in detectability.notes({"penetration_depth_m": 1.0, "detectability": []})[0]
    assert not detectability.notes({"penetration_depth_m": None, "detectability": sizes})
    assert not detectability.notes({"penetration_depth_m": 1.0, "detectability": [{"max_depth_m": 0.4}]})


def test_the_weakest_service_fades_with_depth() -> None:
    echo = [weakest_service(2 * z / 0.1, z, 0.4) for z in (0.2, 0.5, 1.0)]
    assert echo == sorted(echo, reverse=True)
    # a metal rod of 3 cm at 0.3 m comes back some 20 dB below the direct wave
    assert -28.0 < weakest_service(6.0, 0.3, 0.4) < -18.0

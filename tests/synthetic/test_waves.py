"""Pulses, travel times, analytic lines and long roads against theory."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from scipy.signal import hilbert

from gprscan import model
from gprscan.errors import ParameterError
from gprscan.synthetic import Layer, diffractor, gaussian_derivative, ricker, road_line
from gprscan.synthetic.diffraction import place_echoes, reflection_coefficient
from gprscan.synthetic.travel import layers_above, one_way_time, two_way_time
from gprscan.synthetic.wavelets import pulse, pulse_delay
from gprscan.units import C_AIR


@pytest.mark.parametrize("function", [ricker, gaussian_derivative])
def test_pulse_spectrum_peaks_at_its_frequency(function) -> None:
    time = np.arange(-100, 100, 0.01)
    values = function(time, 250.0)
    frequency = np.fft.rfftfreq(time.size, 0.01) * 1e3
    assert frequency[np.argmax(np.abs(np.fft.rfft(values)))] == pytest.approx(250.0, abs=5.0)
    assert np.abs(values).max() == pytest.approx(1.0, abs=1e-3)
    assert abs(time[np.argmax(np.abs(hilbert(values)))]) < 0.02
    assert abs(float(function(-pulse_delay(250.0), 250.0))) < 1e-6


def test_unknown_pulse_is_named() -> None:
    with pytest.raises(ParameterError, match="ricker"):
        pulse("sinc", 0.0, 100.0)


def test_refracted_ray_is_the_fastest_way() -> None:
    # Fermat: the least time over the crossing points of two interfaces
    thickness, velocity = [0.03, 0.15, 0.6], [C_AIR, 0.13, 0.09]
    for offset in (0.0, 0.2, 0.9, 3.0):

        def time(second: float, offset: float = offset) -> float:
            def inner(first: float) -> float:
                legs = (first, second - first, offset - second)
                return sum(np.hypot(x, d) / v for x, d, v in zip(legs, thickness, velocity, strict=True))

            return minimize_scalar(inner, bounds=(-0.01, offset + 0.01), method="bounded", options={"xatol": 1e-10}).fun

        bounds = (-0.01, offset + 0.01)
        least = minimize_scalar(time, bounds=bounds, method="bounded", options={"xatol": 1e-10}).fun
        assert float(one_way_time(offset, thickness, velocity)) == pytest.approx(least, rel=1e-7)


def test_uniform_ground_gives_the_double_square_root() -> None:
    x = np.linspace(-2, 2, 9)
    expected = (np.hypot(x - 0.07, 0.8) + np.hypot(x + 0.07, 0.8)) / 0.1
    np.testing.assert_allclose(two_way_time(x, [0.3, 0.5], [0.1, 0.1], separation=0.14), expected, rtol=1e-12)


def test_layers_are_cut_at_the_depth() -> None:
    thickness, velocity = layers_above(0.5, [0.0, 0.2, 0.6], [0.13, 0.11, 0.09])
    np.testing.assert_allclose(thickness, [0.2, 0.3])
    np.testing.assert_allclose(velocity, [0.13, 0.11])


def test_layers_that_do_not_match_are_refused() -> None:
    with pytest.raises(ParameterError, match="positive thicknesses"):
        one_way_time(0.1, [0.2, -0.1], [0.1, 0.1])


def test_diffractor_is_where_the_equation_puts_it() -> None:
    line, truth = diffractor(x=2.35, depth=2.5, time_zero=4.0)
    traces = model.amplitude(line)
    twt = line["twt"].values
    x = np.arange(96) * 0.05
    expected = 2 * np.hypot(x - 2.35, 2.5) / 0.1
    peak = twt[np.argmax(np.abs(hilbert(traces, axis=1)), axis=1)]
    assert np.abs(peak - expected).max() <= 0.5
    np.testing.assert_allclose(np.abs(hilbert(traces, axis=1)).max(axis=1), expected**-0.5, rtol=0.03)
    assert truth["objects"][0]["t_flight_ns"] == 50.0
    assert truth["objects"][0]["t_record_ns"] == 54.0


def test_diffractor_under_layers_carries_its_rms_velocity() -> None:
    layers = [Layer("a", 0.2, 5.0, 0.0), Layer("b", np.inf, 12.0, 0.0)]
    _, truth = diffractor(x=1.0, depth=0.8, velocity=layers, n_samples=400, dt=0.1, frequency=400.0)
    v1, v2 = layers[0].velocity, layers[1].velocity
    rms = np.sqrt((0.2 * v1 + 0.6 * v2) / (0.2 / v1 + 0.6 / v2))
    assert truth["objects"][0]["v_rms_ground_m_per_ns"] == pytest.approx(rms, abs=1e-5)


def test_cylinder_keeps_the_time_of_its_top_and_flattens_its_flanks() -> None:
    point, _ = diffractor(x=2.0, depth=1.0, dt=0.1, n_samples=700, frequency=400.0)
    pipe, truth = diffractor(x=2.0, depth=1.0, radius=0.3, dt=0.1, n_samples=700, frequency=400.0)
    assert truth["objects"][0]["t_flight_ns"] == 20.0
    peaks = [np.argmax(np.abs(hilbert(model.amplitude(line), axis=1)), axis=1) for line in (point, pipe)]
    assert peaks[0][40] == peaks[1][40]
    assert (peaks[0][10] - peaks[1][10]) * 0.1 == pytest.approx(
        (2 * np.hypot(1.5, 1.0) - 2 * (np.hypot(1.5, 1.3) - 0.3)) / 0.1, abs=0.2
    )


@pytest.mark.parametrize(
    "arguments",
    [
        {"depth": 0.0},
        {"depth": [1.0, 2.0], "radius": [0.1, 0.1, 0.2]},
        {"depth": 1.0, "radius": 0.1, "velocity": [Layer("a", np.inf, 9.0, 0.0)]},
    ],
)
def test_impossible_diffractors_are_refused(arguments: dict) -> None:
    with pytest.raises(ParameterError):
        diffractor(x=1.0, **arguments)


def test_echoes_between_samples_keep_their_time() -> None:
    traces = np.zeros((3, 200), "float32")
    times = np.array([8.013, 8.037, 8.071])
    place_echoes(traces, times, np.ones(3), 0.1, frequency=300.0)
    expected = ricker(np.arange(200) * 0.1 - times[:, None], 300.0)
    np.testing.assert_allclose(traces, expected, atol=1e-5)


def test_fresnel_signs() -> None:
    assert float(reflection_coefficient(9.0, 1.0)) > 0
    assert float(reflection_coefficient(9.0, 81.0)) < 0
    assert float(reflection_coefficient(1.0, 9.0)) == -0.5


def test_road_line_is_reproducible_long_and_truthful() -> None:
    line, truth = road_line(30.0, 5, clutter="medium")
    again, _ = road_line(30.0, 5, clutter="medium")
    np.testing.assert_array_equal(model.amplitude(line), model.amplitude(again))
    assert line["distance"].values[-1] == pytest.approx(30.0)
    assert truth["empty"]
    assert truth["objects"] == []
    assert len(truth["clutter_objects"]) > 50
    traces = model.amplitude(line)
    direct = np.abs(traces[:, np.abs(line["twt"].values - 0.5) < 1.0]).max()
    late = np.abs(traces - np.median(traces, axis=0))[:, line["twt"].values > 8]
    assert 0.001 * direct < np.percentile(late, 99) < 0.1 * direct


def test_road_clutter_level_orders_the_clutter() -> None:
    sizes = []
    for clutter in ("low", "medium", "high"):
        line, _ = road_line(8.0, 5, clutter=clutter)
        traces = model.amplitude(line)
        sizes.append(float((traces - np.median(traces, axis=0))[:, line["twt"].values > 8].std()))
    assert sizes[0] < sizes[1] < sizes[2]
    with pytest.raises(ParameterError, match="no clutter level"):
        road_line(5.0, 1, clutter="none")

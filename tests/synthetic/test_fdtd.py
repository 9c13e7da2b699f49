"""The full-wave engine against theory, against itself, and against simulations of another program."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
from scipy.signal import hilbert
from scipy.special import hankel2

from gprscan.errors import ParameterError
from gprscan.synthetic import fdtd
from gprscan.synthetic.diffraction import reflection_coefficient
from gprscan.synthetic.media import Layer, Medium, layered_medium
from gprscan.synthetic.shapes import Ellipse, paint
from gprscan.synthetic.wavelets import ricker


def uniform(nx: int, nz: int, step: float, permittivity: float, surface: int, conductivity: float = 0.0) -> Medium:
    shape = (nx, nz)
    return Medium(
        np.full(shape, permittivity, "float32"),
        np.full(shape, conductivity, "float32"),
        np.zeros(shape, bool),
        step,
        surface,
    )


def error_against_hankel(step: float, permittivity: float, conductivity: float) -> float:
    """Largest difference from the field of a line current, over the largest field.

    E = -(omega mu0 / 4) I H0^(2)(k r), Harrington, Time-harmonic electromagnetic fields (1961), eq. 5-119.
    """
    distance, frequency = 0.5, 400.0
    medium = uniform(round(2.2 / step) + 1, round(1.2 / step) + 1, step, permittivity, round(0.6 / step), conductivity)
    record = fdtd.simulate(
        medium, 1.1, frequency=frequency, separation=distance, antenna_height=0.0, time_window=18.0, max_dt=0.0
    )
    n = 2**15
    time = np.arange(n) * record.dt
    omega = 2 * np.pi * np.fft.rfftfreq(n, record.dt)[1:]
    current = np.fft.rfft(ricker(time - record.time_zero, frequency))[1:]
    mu0 = fdtd.ETA0 / fdtd.C_AIR
    k = omega / fdtd.C_AIR * np.sqrt(permittivity - 1j * conductivity / (fdtd.EPS0 * omega))
    field = np.concatenate([[0.0], -0.25 * omega * mu0 * current * hankel2(0, k * distance)])
    exact = np.fft.irfft(field, n)[: record.traces.shape[1]]
    return float(np.abs(record.traces[0] - exact).max() / np.abs(exact).max())


def test_line_source_in_free_space_radiates_a_hankel_function() -> None:
    assert error_against_hankel(0.01, 1.0, 0.0) < 0.01


@pytest.mark.parametrize("conductivity", [0.0, 0.01])
def test_error_in_the_ground_is_small_and_falls_with_the_square_of_the_step(conductivity: float) -> None:
    coarse, fine = (error_against_hankel(step, 4.0, conductivity) for step in (0.01, 0.005))
    assert coarse < 0.03
    assert fine < coarse / 3.5


def test_absorbing_sides_send_back_less_than_a_thousandth() -> None:
    # the same shot on a grid whose sides are too far away to answer within the record
    step, window = 0.02, 12.0
    near = fdtd.simulate(
        uniform(81, 61, step, 4.0, 30), 0.8, frequency=300.0, separation=0.2, antenna_height=0.0, time_window=window
    )
    far = fdtd.simulate(
        uniform(221, 201, step, 4.0, 100), 2.2, frequency=300.0, separation=0.2, antenna_height=0.0, time_window=window
    )
    assert np.abs(near.traces - far.traces).max() < 1e-3 * np.abs(far.traces).max()


def test_rows_that_cannot_answer_in_time_are_left_out_without_a_trace() -> None:
    layers = [Layer("asphalt", 0.12, 5.0, 0.002), Layer("soil", np.inf, 9.0, 0.004)]
    medium = layered_medium(layers, length=1.6, depth=1.2, air=0.3, step=0.01)
    paint(medium, Ellipse(0.8, 0.7, 0.1, 0.1), 1.0)
    dt = fdtd.time_step(medium.step)
    reach = fdtd.rows_in_reach(medium, dt, 1000, 28, 1.0)
    assert reach[0] < 45
    assert reach.max() > 120
    assert reach[-1] < 45
    fast = fdtd.simulate(medium, 0.8, frequency=400.0, separation=0.1, antenna_height=0.02, time_window=22.0)
    original = fdtd.rows_in_reach
    try:
        fdtd.rows_in_reach = lambda medium, dt, steps, row, silence: np.full(steps, 10_000)
        whole = fdtd.simulate(medium, 0.8, frequency=400.0, separation=0.1, antenna_height=0.02, time_window=22.0)
    finally:
        fdtd.rows_in_reach = original
    assert np.abs(fast.traces - whole.traces).max() < 1e-5 * np.abs(whole.traces).max()


def test_an_interface_reflects_by_fresnel_and_comes_on_time() -> None:
    top, bottom, depth = 6.0, 14.0, 0.6
    common = {"frequency": 500.0, "separation": 0.08, "antenna_height": 0.0, "time_window": 18.0}
    half_space = [Layer("soil", np.inf, top, 0.0)]
    two = [Layer("soil", depth, top, 0.0), Layer("clay", np.inf, bottom, 0.0)]
    size = {"length": 3.0, "depth": 1.6, "air": 0.2, "step": 0.008}
    plain = fdtd.simulate(layered_medium(half_space, **size), 1.5, **common)
    layered = fdtd.simulate(layered_medium(two, **size), 1.5, **common)
    mirror_medium = layered_medium(half_space, **size)
    mirror_medium.conductor[:, mirror_medium.surface + round(depth / 0.008) :] = True
    mirror = fdtd.simulate(mirror_medium, 1.5, **common)
    echo, perfect = layered.traces[0] - plain.traces[0], mirror.traces[0] - plain.traces[0]
    r = float(reflection_coefficient(top, bottom))
    # Fresnel holds for plane waves; two and a half wavelengths away the front is still round
    assert np.abs(echo).max() / np.abs(perfect).max() == pytest.approx(abs(r), rel=0.05)
    arrival = np.argmax(np.abs(hilbert(echo))) * layered.dt - layered.time_zero
    expected = 2 * np.hypot(depth, 0.04) * np.sqrt(top) / fdtd.C_AIR
    assert arrival == pytest.approx(expected, abs=0.15)


def test_an_air_void_and_a_metal_pipe_answer_with_opposite_signs_at_the_onset() -> None:
    layers = [Layer("soil", np.inf, 9.0, 0.002)]
    echoes = []
    for conductor in (False, True):
        medium = layered_medium(layers, length=2.4, depth=1.7, air=0.2, step=0.01)
        empty = medium.copy()
        paint(medium, Ellipse(1.2, 1.05, 0.45, 0.45), 1.0, conductor=conductor)
        arguments = {"frequency": 400.0, "separation": 0.1, "antenna_height": 0.02, "time_window": 24.0}
        with_body, without = (fdtd.simulate(m, 1.2, **arguments).traces[0] for m in (medium, empty))
        echoes.append(with_body - without)
    onset = slice(0, int((2 * 0.6 * 3 / fdtd.C_AIR + 3.5) / (fdtd.time_step(0.01) * 3)))
    void, metal = (echo[onset] for echo in echoes)
    assert np.corrcoef(void, metal)[0, 1] < -0.95


def test_refuses_what_cannot_be_computed() -> None:
    medium = layered_medium([Layer("soil", np.inf, 9.0, 0.0)], length=2.0, depth=0.6, air=0.2, step=0.01)
    good = {"frequency": 400.0, "separation": 0.1, "antenna_height": 0.02, "time_window": 5.0}
    with pytest.raises(ParameterError, match="Lengthen it"):
        fdtd.simulate(medium, 0.05, **good)
    with pytest.raises(ParameterError, match="does not fit"):
        fdtd.simulate(medium, 1.0, **{**good, "antenna_height": 0.15})
    with pytest.raises(ParameterError, match="cells per wavelength"):
        fdtd.simulate(medium, 1.0, **{**good, "frequency": 2000.0})


def rebuilt(folder: Path, name: str, every: int) -> tuple[np.ndarray, np.ndarray, float]:
    """Simulate traces of a truth scene on the same grid; return them, the stored ones and the sampling interval."""
    truth = json.loads((folder / f"{name}.json").read_text())
    acquisition, grid = truth["acquisition"], truth["grid"]
    domain = re.search(r"#domain: (\S+)", (folder / "in" / f"{name}.in").read_text())
    assert domain is not None
    layers = [
        Layer(item["name"], item["bottom_m"] - item["top_m"], item["eps_r"], item["sigma_S_m"])
        for item in truth["host_layers"]
    ]
    medium = layered_medium(
        layers, length=float(domain[1]), depth=grid["depth_m"], air=grid["air_m"], step=grid["dl_m"]
    )
    for item in truth["objects"]:
        if item["class"] == "point_scatterer":
            node = round(item["apex_x_m"] / medium.step), medium.surface + round(item["center_depth_m"] / medium.step)
            medium.conductor[node] = True
        else:
            radius = item["width_m"] / 2
            paint(medium, Ellipse(item["apex_x_m"], item["center_depth_m"], radius, radius), item["eps_r"])
    with np.load(folder / f"{name}.npz") as stored:
        record = fdtd.simulate(
            medium,
            stored["x_mid_m"][::every].astype(float),
            frequency=acquisition["fc_hz"] / 1e6,
            separation=acquisition["tx_rx_offset_m"],
            antenna_height=acquisition["antenna_height_m"],
            time_window=acquisition["time_window_ns"],
            delay=acquisition["time_zero_ns"],
            pulse={"ricker": "ricker"}.get(acquisition["waveform"], "gaussian_derivative"),
        )
        n = min(record.traces.shape[1], stored["data"].shape[1])
        return record.traces[:, :n], stored["data"][::every, :n], record.dt


@pytest.mark.parametrize("name", ["c01_points", "c02_points_layered"])
def test_waveforms_agree_with_gprmax_where_the_scene_can_be_rebuilt_exactly(shared: Path, name: str) -> None:
    ours, theirs, dt = rebuilt(shared / "data" / "truth", name, 20)
    assert np.abs(ours - theirs).max() < 1e-3 * np.abs(theirs).max()  # absolute units, nothing fitted
    after = slice(int(8.0 / dt), None)
    assert np.linalg.norm(ours[:, after] - theirs[:, after]) < 0.01 * np.linalg.norm(theirs[:, after])


def test_the_echo_of_a_void_agrees_with_gprmax_up_to_the_soil_that_was_drawn(shared: Path) -> None:
    # the soil of this scene fluctuates by 3 to 5 %, drawn by a generator that is not ours
    ours, theirs, dt = rebuilt(shared / "data" / "truth", "s01_void_circle", 13)
    echo = slice(int(21.0 / dt), int(30.0 / dt))
    apex = 4  # trace 52
    lag = np.argmax(np.correlate(theirs[apex, echo], ours[apex, echo], "full")) - (echo.stop - echo.start - 1)
    assert abs(lag * dt) <= 0.16
    assert np.abs(ours[apex, echo]).max() == pytest.approx(np.abs(theirs[apex, echo]).max(), rel=0.1)

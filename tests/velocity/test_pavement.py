"""Thickness of the bound layer from the early waveform, against full-wave simulations and the equations of its limits."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from gprscan import from_array, risk
from gprscan.detection import bound_layer, pipeline, table
from gprscan.detection.body import Body
from gprscan.errors import ParameterError
from gprscan.synthetic.fdtd import simulate
from gprscan.synthetic.media import Layer, layered_medium
from gprscan.velocity import early_waveform, fit_pavement, layered_response, pavement

SEPARATION, HEIGHT, FREQUENCY = 0.16, 0.032, 400.0


@pytest.fixture(scope="module")
def road() -> xr.Dataset:
    """A road of 10.4 cm and then 14.4 cm of asphalt, each simulated by finite differences, with noise."""
    traces = []
    for thickness in (0.104, 0.144):
        layers = [
            Layer("asphalt", thickness, 5.2, 0.002),
            Layer("base", 0.28, 7.6, 0.003),
            Layer("subgrade", np.inf, 10.5, 0.005),
        ]
        medium = layered_medium(layers, length=2.4, depth=1.2, air=0.4, step=0.008)
        record = simulate(
            medium,
            [1.2],
            frequency=FREQUENCY,
            separation=SEPARATION,
            antenna_height=HEIGHT,
            time_window=16.0,
            window=2.4,
        )
        traces.append(record.traces[0])
    samples = np.repeat(np.stack(traces), 20, axis=0)
    noise = 1e-3 * np.abs(samples).max() * np.random.default_rng(0).standard_normal(samples.shape)
    return from_array(
        (samples + noise).astype("float32"),
        dt=record.dt,
        spacing=0.05,
        frequency=FREQUENCY,
        separation=SEPARATION,
        antenna_height=HEIGHT,
        time_zero=record.time_zero,
    )


def test_follows_a_base_that_comes_up(road: xr.Dataset) -> None:
    found = pavement(road, window=1.0)
    truth = np.repeat([0.104, 0.144], 20)
    error = np.abs(found["thickness"].values - truth)
    assert np.median(error) < 0.01
    assert (error < 2.5 * found["sigma_thickness"].values).all()
    assert found["permittivity"].values == pytest.approx(np.full(40, 5.2), abs=1.2)
    assert found["misfit"].max() < 0.03


def test_thickness_above_a_body_reaches_its_grade(road: xr.Dataset) -> None:
    settings = pipeline.load_settings("road")
    assert settings.bound_layer
    half = road.isel(trace=slice(20))
    # the antenna's nominal time zero is off, as on most records
    late = half.assign_coords(twt=half["twt"] + 0.6)
    late["twt"].attrs["units"] = "ns"
    section = next(iter(pipeline.iter_sections(late, settings)))
    body = Body("test", 0.5, 6.0, depth=0.3, votes={"shape": {"cavity": 3.0}})
    bound_layer.measure(late, section, [body])
    row = pd.DataFrame([{**table.row(body), "kind": "cavity", "length_m": 1.0, "width_m": 1.0}])
    assert row["asphalt_m"].item() == pytest.approx(0.104, abs=0.015)
    assert 0.003 < row["sigma_asphalt_m"].item() < 0.03
    reading = json.loads(risk.grade(row, "seoul_2016").iloc[0]["risk_inputs"])["asphalt_m"]
    assert reading["status"] == "measured"
    assert reading["low"] == pytest.approx(row["asphalt_m"].item() - row["sigma_asphalt_m"].item(), abs=1e-3)


def test_a_road_without_echoes_is_half_space_reflection() -> None:
    # high above the ground and far along the pulse, the image source times the reflection coefficient is what remains
    omega = np.array([2 * np.pi * 0.6 - 0.2j])
    height, permittivity = 0.5, 6.0
    direct = layered_response(omega, [1.0 + 1e-12], [], 0.2, height)
    total = layered_response(omega, [permittivity], [], 0.2, height)
    image = layered_response(omega, [1.0 + 1e-12], [], float(np.hypot(2 * height, 0.2)), height)
    reflection = (1 - np.sqrt(permittivity)) / (1 + np.sqrt(permittivity))
    assert abs((total - direct)[0] / image[0]) == pytest.approx(abs(reflection), rel=0.05)


def test_layers_of_one_material_are_one_layer() -> None:
    omega = 2 * np.pi * np.array([0.2, 0.5, 0.9]) - 0.15j
    split = layered_response(omega, [5.0, 5.0, 5.0], [0.1, 0.2], 0.16, 0.03)
    np.testing.assert_allclose(split, layered_response(omega, [5.0], [], 0.16, 0.03), rtol=1e-10)


def test_its_own_waveform_is_explained() -> None:
    time = np.arange(-4.0, 12.0, 0.08)
    trace = early_waveform(time, [4.6, 8.0, 10.5], [0.15, 0.3], frequency=400, separation=0.15, height=0.03).real
    fit = fit_pavement(trace, time, frequency=400, separation=0.15, height=0.03)
    assert fit.usable
    assert fit.thickness == pytest.approx(0.15, abs=0.006)
    assert fit.permittivity == pytest.approx(4.6, abs=0.4)


def test_what_is_no_road_is_not_told(road: xr.Dataset) -> None:
    road = road.isel(trace=slice(0, 10))
    noise = road.copy(data={"amplitude": np.random.default_rng(1).standard_normal(road["amplitude"].shape)})
    assert pavement(noise)["thickness"].isnull().all()
    dead = road.copy(data={"amplitude": np.zeros(road["amplitude"].shape, "float32")})
    assert pavement(dead)["thickness"].isnull().all()
    with pytest.raises(ParameterError, match="window"):
        pavement(road, window=0.0)
    with pytest.raises(ParameterError, match="separation"):
        pavement(road.drop_vars("separation"))
    with pytest.raises(ParameterError, match="finite"):
        fit_pavement(np.full(200, np.nan), np.arange(200) * 0.1 - 3, frequency=400, separation=0.1)


def test_truth_scenes(shared: Path) -> None:
    errors = []
    for name in ("s09_metal", "s10_pvc_air"):
        scene = np.load(shared / "data" / "truth" / f"{name}.npz")
        truth = json.loads((shared / "data" / "truth" / f"{name}.json").read_text())
        line = from_array(
            scene["data_light"],
            dt=float(scene["dt_ns"]),
            spacing=float(scene["trace_spacing_m"]),
            frequency=float(scene["fc_hz"]) / 1e6,
            separation=float(scene["tx_rx_offset_m"]),
            antenna_height=float(scene["antenna_height_m"]),
            time_zero=float(scene["time_zero_ns"]),
        )
        errors.append(np.abs(pavement(line)["thickness"].values - truth["host_layers"][0]["bottom_m"]))
    errors = np.concatenate(errors)
    assert np.isfinite(errors).mean() > 0.9
    assert np.nanmedian(errors) <= 0.01

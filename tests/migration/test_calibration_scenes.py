"""Simulated lines with known scatterers: each focuses where it is, with the scene's true velocities."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from gprscan.migration import kirchhoff, phase_shift, stolt
from gprscan.model import from_array
from gprscan.velocity import layered
from tests.migration.lines import envelope, plane_dip


def scene(shared: Path, name: str) -> tuple[xr.Dataset, float | xr.DataArray, dict]:
    """Return the clean line, its true velocity, and the truth."""
    truth = json.loads((shared / "data" / "truth" / f"{name}.json").read_text())
    with np.load(shared / "data" / "truth" / f"{name}.npz") as file:
        data = file["data"] - np.median(file["data"], axis=0)
        line = from_array(
            data.astype("float32"),
            dt=float(file["dt_ns"]),
            distance=file["x_mid_m"].astype(float),
            frequency=float(file["fc_hz"]) / 1e6,
            separation=float(file["tx_rx_offset_m"]),
            time_zero=float(file["time_zero_ns"]),
            antenna_height=float(file["antenna_height_m"]),
        )
    layers = truth["host_layers"]
    velocities = [layer["v_m_per_ns"] for layer in layers]
    if len(layers) == 1:
        return line, velocities[0], truth
    return line, layered([layer["bottom_m"] - layer["top_m"] for layer in layers[:-1]], velocities), truth


def focus(image: xr.Dataset, x: float, depth: float) -> tuple[float, float]:
    """Return place (m along the line, m down) of the strongest point within 20 cm, between traces by a parabola."""
    strength = envelope(image)
    along, down = image["distance"].values, image["depth"].values
    columns = np.flatnonzero(np.abs(along - x) <= 0.2)
    rows = np.flatnonzero(np.abs(down - depth) <= 0.2)
    window = strength[np.ix_(columns, rows)]
    i, j = np.unravel_index(np.argmax(window), window.shape)
    column = columns[i]
    left, here, right = strength[column - 1 : column + 2, rows[j]]
    return along[column] + 0.5 * (along[1] - along[0]) * (left - right) / (left - 2 * here + right), down[rows[j]]


CASES = [
    (name, migrate)
    for name in ("c01_points", "c02_points_layered", "c03_dip_air")
    for migrate in (kirchhoff, stolt, phase_shift)
]


@pytest.mark.parametrize(("name", "migrate"), CASES)
def test_scatterers_focus_in_place(shared: Path, name: str, migrate) -> None:  # type: ignore[no-untyped-def]
    line, velocity, truth = scene(shared, name)
    image = migrate(line, velocity, depth_step=0.005)
    scatterers = [item for item in truth["objects"] if item["class"] == "point_scatterer"]
    assert len(scatterers) in (3, 5)
    for item in scatterers:
        x, depth = focus(image, item["apex_x_m"], item["center_depth_m"])
        assert abs(x - item["apex_x_m"]) <= 0.02
        assert abs(depth - item["center_depth_m"]) <= 0.03


@pytest.mark.parametrize("migrate", [kirchhoff, stolt, phase_shift])
def test_dipping_interface(shared: Path, migrate) -> None:  # type: ignore[no-untyped-def]
    line, velocity, truth = scene(shared, "c03_dip_air")
    plane = next(item for item in truth["objects"] if item["class"] == "dipping_layer")
    image = migrate(line, velocity, depth_step=0.005)
    below_the_points = image.isel(depth=slice(180, None))
    dip, _ = plane_dip(below_the_points, slice(12, 60))
    assert dip == pytest.approx(plane["dip_deg"], abs=0.5)
    rows = np.argmax(envelope(below_the_points)[12:60], axis=1)
    left, right = plane["interface_xz"]
    expected = np.interp(image["distance"].values[12:60], [left[0], right[0]], [left[1], right[1]])
    assert np.median(np.abs(below_the_points["depth"].values[rows] - expected)) < 0.03

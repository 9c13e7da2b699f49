"""The kernels of migration against their slow twins."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest

from gprscan.kernels.kirchhoff import diffraction_spread, diffraction_sum
from gprscan.kernels.layered import layered_table
from gprscan.kernels.spectral import extrapolate, resample, sinc_table, stolt_map
from gprscan.kernels.traveltime import homogeneous_table, two_way_jacobian, two_way_times
from tests import reference

C_AIR = 0.299792458


@pytest.mark.parametrize(("separation", "height"), [(0.0, 0.0), (0.15, 0.0), (0.15, 0.03), (0.4, 0.5)])
def test_two_way_times_are_the_least_times(separation: float, height: float) -> None:
    x = np.array([-1.5, -0.3, 0.0, 0.07, 0.9])
    times = two_way_times(x, 0.6, 0.1, separation, height, 0.0)
    expected = [reference.two_way_time(v, 0.6, 0.1, separation, height) for v in x]
    np.testing.assert_allclose(times, expected, rtol=1e-8)


@pytest.mark.parametrize(("separation", "height"), [(0.0, 0.0), (0.15, 0.03)])
def test_derivatives_match_differences(separation: float, height: float) -> None:
    x, step = np.array([-0.8, -0.1, 0.4]), 1e-5
    _, jacobian = two_way_jacobian(x, 0.7, 0.09, separation, height)

    def times(shift: float = 0.0, depth: float = 0.7, velocity: float = 0.09) -> np.ndarray:
        return two_way_times(x - shift, depth, velocity, separation, height, 0.0)

    differences = [
        times(shift=step) - times(shift=-step),
        times(depth=0.7 + step) - times(depth=0.7 - step),
        times(velocity=0.09 + step) - times(velocity=0.09 - step),
    ]
    np.testing.assert_allclose(jacobian, np.array(differences).T / (2 * step), rtol=1e-5, atol=1e-6)


def test_curvature_matches_differences() -> None:
    x, step = np.array([0.2, 0.5, 1.1]), 1e-3
    _, slope, curvature = homogeneous_table(x, np.array([0.5]), 0.1, 0.15, 0.03)
    _, ahead, _ = homogeneous_table(x + step, np.array([0.5]), 0.1, 0.15, 0.03)
    _, behind, _ = homogeneous_table(x - step, np.array([0.5]), 0.1, 0.15, 0.03)
    np.testing.assert_allclose(curvature, (ahead - behind) / (2 * step), rtol=1e-4)
    assert np.all(slope > 0)


def test_a_cylinder_is_seen_at_its_nearest_point() -> None:
    x = np.array([-0.8, 0.0, 0.5])
    top, radius, velocity = 0.5, 0.2, 0.1
    monostatic = two_way_times(x, top, velocity, 0.0, 0.0, radius)
    np.testing.assert_allclose(monostatic, 2 * (np.hypot(x, top + radius) - radius) / velocity, rtol=1e-12)
    # bistatic: Fermat's principle by trying every point of the circle
    angle = np.linspace(-np.pi / 2, np.pi / 2, 40001)
    px, pz = radius * np.sin(angle), top + radius - radius * np.cos(angle)
    exact = [np.min(np.hypot(v - 0.1 - px, pz) + np.hypot(v + 0.1 - px, pz)) / velocity for v in x]
    np.testing.assert_allclose(two_way_times(x, top, velocity, 0.2, 0.0, radius), exact, atol=2e-3)


def test_layers_of_one_velocity_are_a_uniform_ground() -> None:
    x, depths = np.arange(8) * 0.2, np.array([0.3, 0.7, 1.5])
    tops, velocities = np.array([0.0, 0.4, 0.7]), np.full(3, 0.1)
    for separation, height in [(0.0, 0.0), (0.2, 0.04)]:
        uniform = homogeneous_table(x, depths, 0.1, separation, height)
        layers = layered_table(x, depths, tops, velocities, separation, height, C_AIR)
        np.testing.assert_allclose(layers[0], uniform[0], rtol=1e-6)
        np.testing.assert_allclose(layers[1], uniform[1], atol=0.02)
        np.testing.assert_allclose(layers[2], uniform[2], rtol=0.02, atol=1e-3)


def test_many_thin_layers_follow_the_circular_ray_of_a_gradient() -> None:
    tops = np.arange(0, 2.0, 0.02)
    x, depths = np.array([0.0, 0.4, 0.8]), np.array([1.0, 1.6])
    times, _, _ = layered_table(x, depths, tops, 0.08 + 0.03 * (tops + 0.01), 0.0, 0.0, C_AIR)
    expected = 2 * reference.gradient_time(x[None, :], depths[:, None], 0.08, 0.03)
    np.testing.assert_allclose(times, expected, rtol=1e-5)


def _table(rng: np.random.Generator, n_rows: int, n_traces: int, pad: int) -> tuple[np.ndarray, ...]:
    data = np.zeros((n_rows, n_traces + 2 * pad), "float32")
    data[:, pad:-pad] = rng.normal(size=(n_rows, n_traces))
    shape = (5, pad)
    rows = rng.integers(0, n_rows - 1, shape).astype("int32")
    early, late = rng.normal(size=(2, *shape)).astype("float32")
    first = np.array([0, 0, 1, 2, 3], "int32")
    last = np.array([pad, 1, 3, 2, pad], "int32")
    return data, rows, early, late, first, last


@pytest.mark.parametrize("threads", [1, 2])
def test_diffraction_sum(threads: int) -> None:
    table = _table(np.random.default_rng(1), 12, 23, 7)
    image = diffraction_sum(*table, 7, threads=threads)
    np.testing.assert_allclose(image, reference.diffraction_sum(*table, 7), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("threads", [1, 2])
def test_diffraction_spread_is_the_adjoint(threads: int) -> None:
    rng = np.random.default_rng(4)
    data, *table = _table(rng, 12, 23, 7)
    image = np.zeros((5, 23 + 14), "float32")
    image[:, 7:-7] = rng.normal(size=(5, 23))
    spread = diffraction_spread(image, *table, 7, 12, threads=threads)
    expected = np.zeros((12, 23))
    for row in range(12):
        for trace in range(23):
            unit = np.zeros_like(data)
            unit[row, 7 + trace] = 1.0
            expected[row, trace] = np.sum(reference.diffraction_sum(unit, *table, 7) * image[:, 7:-7])
    np.testing.assert_allclose(spread, expected, rtol=1e-5, atol=1e-5)


def test_resample_is_exact_on_samples_and_close_between_them() -> None:
    k = np.arange(40)
    traces = np.array([np.sin(0.5 * k), np.cos(0.9 * k + 1)], "float32")
    positions = np.array([-0.5, 12.0, 17.25, 20.6, 39.2])
    result = resample(traces, positions, sinc_table())
    np.testing.assert_allclose(result[:, 1], traces[:, 12], atol=1e-6)
    expected = np.array([np.sin(0.5 * positions), np.cos(0.9 * positions + 1)])
    np.testing.assert_allclose(result[:, 2:4], expected[:, 2:4], atol=3e-3)
    assert np.all(result[:, [0, 4]] == 0)


@pytest.mark.parametrize(("threads", "bend"), [(1, 1.0), (2, 1.0), (1, 1.4), (2, 0.6)])
def test_stolt_map_against_the_transform_summed_at_the_exact_frequency(threads: int, bend: float) -> None:
    n, dt, velocity = 32, 0.5, 0.1
    time = dt * np.arange(n)
    traces = np.exp(-(((time - 7.0) / 1.5) ** 2)) * np.cos(2 * np.pi * 0.3 * (time - 7.0))
    omega_step, centre = 2 * np.pi / (2 * n * dt), dt * (n // 2)
    one = np.fft.rfft(traces, 2 * n)[None, :] * np.exp(1j * omega_step * np.arange(n + 1) * centre)
    spectrum = np.repeat(one, 3, axis=0)
    kx = np.array([0.0, 7.0, -7.0])
    n_kz, kz_step = 30, 2 * np.pi / (n * 0.5 * velocity * dt * 2)
    mapped = stolt_map(
        spectrum.astype("complex64"),
        kx,
        n_kz,
        kz_step,
        velocity / 2,
        omega_step,
        centre,
        (30.0, 40.0),
        bend=bend,
        threads=threads,
    )
    kz = kz_step * np.arange(n_kz)
    for i, wavenumber in enumerate(kx):
        root = np.sqrt(bend * wavenumber**2 + kz**2) + 1e-12
        k = (1 - 1 / bend) * kz + root / bend
        slope = (1 - 1 / bend + kz / root / bend) * (kz > 0)
        exact = np.exp(-1j * 0.5 * velocity * k[:, None] * time[None, :]) @ traces * slope
        np.testing.assert_allclose(mapped[i], exact, atol=0.004 * np.abs(exact).max())


@pytest.mark.parametrize("threads", [1, 2])
def test_extrapolate(threads: int) -> None:
    rng = np.random.default_rng(2)
    spectrum = (rng.normal(size=(3, 17)) + 1j * rng.normal(size=(3, 17))).astype("complex64")
    kx, half_velocities = np.array([0.0, 9.0, -30.0]), np.array([0.06, 0.06, 0.04, 0.05])
    arguments = (spectrum, kx, 0.25, half_velocities, 0.05, 5, 0.95)
    expected = reference.extrapolate(*arguments)
    np.testing.assert_allclose(extrapolate(*arguments, threads=threads), expected, atol=2e-5)


@pytest.mark.skipif(os.environ.get("NUMBA_DISABLE_JIT") == "1", reason="checks indices in compiled code")
def test_indices_stay_inside_with_bounds_checking(tmp_path) -> None:  # type: ignore[no-untyped-def]
    script = """
import numpy as np, gprscan.model, gprscan.migration as m
line = gprscan.model.from_array(np.random.default_rng(0).normal(size=(2, 21, 40)).astype("float32"), dt=0.5,
                                spacing=0.05, frequency=200, separation=0.2, time_zero=3.0, antenna_height=0.03)
for aperture in (20, 80):
    for migrate in (m.kirchhoff, m.stolt, m.phase_shift):
        image = migrate(line, 0.1, aperture)
        assert np.isfinite(image.amplitude).all()
    assert np.isfinite(m.demigrate(image, line, 0.1, aperture).amplitude).all()
"""
    environment = {**os.environ, "NUMBA_BOUNDSCHECK": "1", "NUMBA_CACHE_DIR": str(tmp_path), "NUMBA_OPT": "0"}
    environment["NUMBA_NUM_THREADS"] = "1"  # the row functions are the same; this halves the compilation
    subprocess.run([sys.executable, "-c", script], env=environment, check=True, timeout=300)

"""Travel times through a section, and summation along curves that change along the line."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter1d

from gprscan.kernels.eikonal import first_arrivals, mean_slowness
from gprscan.kernels.section import section_sum
from gprscan.kernels.section_knots import ROWS_BEYOND, Curves, largest_bend
from tests import reference


def test_uniform_ground_is_distance_times_slowness() -> None:
    times = first_arrivals(np.full((24, 14), 10.0), 9, 0.05)
    x, z = 0.05 * np.arange(24)[:, None], 0.05 * np.arange(14)[None, :]
    np.testing.assert_allclose(times, 10 * np.hypot(x - 0.05 * 9, z), atol=1e-6)


@pytest.mark.parametrize(("down", "along"), [(0.02, 0.0), (0.0, 0.01), (-0.012, 0.008)])
def test_gradients_follow_circular_rays(down: float, along: float) -> None:
    step, source = 0.1, 8
    x, z = step * np.arange(20)[:, None], step * np.arange(16)[None, :]
    velocity = 0.08 + down * z + along * x
    times = first_arrivals(1 / velocity, source, step)
    gradient = np.hypot(down, along)
    distance = (x - step * source) ** 2 + z**2
    expected = np.arccosh(1 + gradient**2 * distance / (2 * velocity[source, 0] * velocity)) / gradient
    # closer to the surface some circles leave the ground
    inside = np.abs(x - step * source) <= 1.7 * z
    assert np.abs(times - expected)[inside].max() < 0.006
    assert np.abs(times - np.sqrt(distance) / velocity[source, 0])[inside].max() > 0.3  # not those of a uniform ground


@pytest.mark.parametrize("threads", [1, 2])
def test_mean_slowness_is_time_over_distance(threads: int) -> None:
    step = 0.1
    z = step * np.arange(10)
    slowness = np.repeat(1 / (0.09 - 0.005 * z)[None, :], 18, axis=0) + 0.05 * np.arange(18)[:, None]
    ratio = mean_slowness(slowness, np.array([8, 3]), 2, 3, step, threads=threads)
    assert ratio.shape == (2, 7, 10)
    times = first_arrivals(slowness, 8, step)
    for lag in range(7):
        column = 8 + 2 * (lag - 3)
        expected = times[column, 1:] / np.hypot((column - 8) * step, z[1:])
        np.testing.assert_allclose(ratio[0, lag, 1:], expected, rtol=2e-3)


@pytest.mark.parametrize(
    ("half", "height", "block", "size", "level"),
    [
        (0.0, 0.0, 32, 1, False),
        (0.1, 0.2, 64, 1, False),
        (0.1, 0.0, 32, 4, False),
        (0.15, 0.0, 64, 16, False),
        (0.1, 0.2, 64, 16, False),
        (0.1, 0.0, 64, 64, True),
    ],
)
def test_section_sum(half: float, height: float, block: int, size: int, level: bool) -> None:
    """Against the sum of the same curves, point by point; the knots are farther apart, and the curves smoother, by turns."""
    rng = np.random.default_rng(6)
    n, n_samples, n_lateral, origin = 64, 150, 14, 90
    spacing, dt, start_time = 0.05, 0.25, 1.0
    data = np.zeros((2 * (n_samples + 2 * ROWS_BEYOND), n + 2 * origin), "float32")
    for copy in range(2):
        rows = copy * (n_samples + 2 * ROWS_BEYOND) + ROWS_BEYOND
        data[rows : rows + n_samples, origin : origin + n] = gaussian_filter1d(
            rng.normal(size=(n_samples, n)), 2.0, axis=0
        )
    depths, widths = np.array([0.3, 0.8, 1.2]), np.array([6.0, 9.5, 12.0])
    taper = np.clip(1.0 - np.arange(n_lateral)[None, :] / (widths[:, None] + 1), 0, 1).astype("float32")
    relief = 0.05 * np.cos(5.0 / size * spacing * (np.arange(n) - 31.5)) * np.hanning(n)  # level at the ends and beyond
    relief *= not level
    # mean slowness that changes linearly with place, depth and lag: interpolation adds nothing
    columns, lags = np.arange(12)[:, None, None], np.arange(25)[None, None, :]
    ratio = (8.0 + 0.15 * columns + depths[None, :, None] + 0.02 * lags).astype("float32")
    # which of the low-pass copies is asked for goes by the middle of a block: clear only where nothing changes along
    copies = 1
    if level:
        ratio[:], copies = 10.0, 2
    lattice, scales = (-0.5, 0.4, 12), (spacing, half, height, dt, start_time, 9.0)
    curves = Curves(block, depths, widths, taper, scales, relief, ratio, lattice, copies, n_samples)
    image = section_sum(data, origin, 0, np.full(n // block, size), curves, threads=1 + level)
    traces = [0, 3, 21, 38, 55, 63]
    expected = reference.section_sum(
        data, origin, n, traces, depths, widths, taper, scales, ratio, lattice, relief, copies, n_samples
    )
    off = np.linalg.norm(image[:, traces] - expected) / np.linalg.norm(expected)
    assert off < {1: 0.005, 4: 0.01, 16: 0.035, 64: 0.005}[size]


def test_knots_are_as_far_apart_as_the_curves_allow() -> None:
    depths, widths = np.array([0.5, 1.0, 1.5, 2.0, 2.5]), np.linspace(10.0, 50.0, 5)
    ratio, scales = np.full((2, 5, 30), 10.0, "float32"), (0.05, 0.0, 0.0, 0.25, 0.0, 9.0)
    x, taper = 0.05 * np.arange(400), np.ones((5, 52), "float32")

    def bend(size: int, relief: np.ndarray) -> float:
        curves = Curves(128, depths, widths, taper, scales, relief, ratio, (0.0, 1e9, 14), 1, 100)
        return float(largest_bend(128, size, curves))

    bends = [bend(size, 0.3 * np.sin(x / 0.5)) for size in (16, 8, 4)]
    assert bends[0] > 3 * bends[1] > 9 * bends[2]
    assert bend(128, 0.1 * x) < 1e-6

"""Travel times through a section, and summation along curves that change along the line."""

from __future__ import annotations

import numpy as np
import pytest

from gprscan.kernels.anchored import anchor_tables, anchored_sum
from gprscan.kernels.eikonal import first_arrivals, mean_slowness
from tests import reference


def test_uniform_ground_is_distance_times_slowness() -> None:
    times = first_arrivals(np.full((24, 14), 10.0), 9.3, 0.05, 6)
    x, z = 0.05 * np.arange(24)[:, None], 0.05 * np.arange(14)[None, :]
    np.testing.assert_allclose(times, 10 * np.hypot(x - 0.05 * 9.3, z), atol=1e-6)


@pytest.mark.parametrize(("down", "along"), [(0.02, 0.0), (0.0, 0.01), (-0.012, 0.008)])
def test_gradients_follow_circular_rays(down: float, along: float) -> None:
    step, source = 0.1, 8
    x, z = step * np.arange(20)[:, None], step * np.arange(16)[None, :]
    velocity = 0.08 + down * z + along * x
    times = first_arrivals(1 / velocity, float(source), step, 8)
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
    slowness = np.repeat(1 / (0.09 - 0.01 * z)[None, :], 18, axis=0)
    sources, anchors = np.array([3.0, 6.5]), np.array([5.0, 16.0])
    ratio = mean_slowness(slowness, sources, anchors, 6, step, threads=threads)
    assert ratio.shape == (2, 2, 10)
    assert np.isnan(ratio[0, 1]).all()  # beyond the reach of the source
    times = first_arrivals(slowness, 3.0, step, 8)[5]
    np.testing.assert_allclose(ratio[0, 0, 1:], (times / np.hypot(2 * step, z))[1:], rtol=1e-3)


@pytest.mark.parametrize("threads", [1, 2])
def test_anchored_sum(threads: int) -> None:
    rng = np.random.default_rng(6)
    pad, n_traces, n_rows, gap = 5, 13, 9, 6
    data = np.zeros((n_rows, n_traces + 2 * pad), "float32")
    data[:, pad:-pad] = rng.normal(size=(n_rows, n_traces))
    shape = (3, 2, 4, pad)
    rows = rng.integers(0, n_rows - 1, shape).astype("int32")
    early, late = rng.normal(size=(2, *shape)).astype("float32")
    last = rng.integers(1, pad + 1, shape[:3]).astype("int32")
    starts, sizes = np.array([0, 1, 7]), np.array([6, 11, 6])
    fades = rng.uniform(size=(3, 2 * gap)).astype("float32")
    expected = np.zeros((4, n_traces))
    for a in range(3):
        for k in range(sizes[a]):
            x = starts[a] + k
            for i in range(4):
                for side, sign in enumerate((1, -1)):
                    for j in range(side, last[a, side, i]):
                        column = data[:, pad + x + sign * j]
                        row = rows[a, side, i, j]
                        tap = early[a, side, i, j] * column[row] + late[a, side, i, j] * column[row + 1]
                        expected[i, x] += fades[a, k] * tap
    image = np.zeros((4, n_traces), "float32")
    anchored_sum(data, rows, early, late, last, fades, starts, sizes, pad, image, threads=threads)
    np.testing.assert_allclose(image, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("height", [0.0, 0.2])
def test_tables_of_a_uniform_ground(threads: int, height: float) -> None:
    depths, places = np.array([0.3, 0.8]), np.array([2.0, 2.4])
    sources = np.arange(0.0, 4.5, 0.15)
    ratios = np.full((2, 2, sources.size), 10.0)
    scales = (0.05, 0.1, height, float(sources[0]), 0.15, 0.25, 1.0, 9.0)
    rows, early, late, last = anchor_tables(
        places, ratios, depths, np.array([6.0, 9.5]), np.zeros(2), scales, 1, 400, 12, threads=threads
    )
    for side in range(2):
        for i in range(2):
            used = last[1, side, i]
            assert used >= 6
            for j in range(used):
                position = rows[1, side, i, j] + late[1, side, i, j] / (early[1, side, i, j] + late[1, side, i, j])
                time = reference.two_way_time(0.05 * j, depths[i], 0.1, 0.2, height)
                assert position == pytest.approx((time - 1.0) / 0.25, abs=0.02)

"""Moveout behind the wall, along the axis and round it, and the migration that follows it."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from scipy import interpolate, signal

from gprscan.migration.pipe import pipe_image
from gprscan.migration.pipe_curves import PipeModel, axial_time, ring_time, two_way
from tests import reference
from tests.pipe import scenes

MODEL = PipeModel(0.04, 0.10, 6.8, 9.5, 0.5, 0.08)


@pytest.mark.parametrize("depth", [0.06, 0.10, 0.25, 0.5])
def test_rays_take_the_least_time(depth):
    thick, index = MODEL.layers(depth)
    thick, index = thick[thick > 0], index[thick > 0]
    inner = MODEL.radius - MODEL.standoff
    for part in (0.0, 0.3, 0.8):
        plane = np.concatenate([[0.0], np.cumsum(thick)])
        assert axial_time(MODEL, depth, np.array([part * depth]))[0] == pytest.approx(
            reference.fermat_time(plane, index, part * depth, ring=False), abs=2e-3
        )
        angle = part * depth / inner
        assert ring_time(MODEL, depth, np.array([angle]))[0] == pytest.approx(
            reference.fermat_time(inner + plane, index, angle, ring=True), abs=6e-3
        )


def test_without_layers_the_ring_follows_the_law_of_cosines():
    bare = PipeModel(0.04, 0.10, 1.0, 1.0, 0.5, 0.0)
    angle = np.linspace(0, 0.5, 11)
    inner, outer = 0.46, 0.80
    length = np.sqrt(inner**2 + outer**2 - 2 * inner * outer * np.cos(angle))
    assert ring_time(bare, 0.30, angle) == pytest.approx(length / 0.299792458, rel=1e-4)


def ring_echo(model, depth, clock, n=120, time=None):
    time = np.arange(-1.0, 14.0, 0.04) if time is None else time
    angles = 2 * np.pi * np.arange(n) / n
    off = (angles - np.deg2rad(clock) + np.pi) % (2 * np.pi) - np.pi
    arrival = two_way(model, depth, off, ring=True)
    u = (np.pi * 0.9 * (time[None, :] - arrival[:, None])) ** 2
    return time, (1 - 2 * u) * np.exp(-u) * (np.abs(off) < 1.0)[:, None]


@pytest.mark.parametrize(("depth", "clock", "most"), [(0.20, 90.0, 0.98), (0.30, 357.0, 0.93), (0.45, 201.0, 0.75)])
def test_points_outside_the_wall_focus_in_polar_coordinates_and_not_in_plane_ones(depth, clock, most):
    time, data = ring_echo(MODEL, depth, clock)
    analytic = signal.hilbert(data, axis=1)
    depths = np.arange(0.05, 0.70, 0.005)
    step = 2 * np.pi / len(data)

    def focus(ring, step):
        image = sum(
            unit * pipe_image(part, time, step, MODEL, depths, ring=ring)
            for unit, part in ((1, analytic.real), (1j, analytic.imag))
        )
        i, k = np.unravel_index(np.abs(image).argmax(), image.shape)
        return 360.0 * i / len(data), depths[k], np.abs(image).max()

    angle, found, strength = focus(True, step)
    assert abs((angle - clock + 180) % 360 - 180) <= 3.0
    assert found == pytest.approx(depth, abs=0.02)
    # the same traces taken for a straight line as long as the antenna's way: the deeper, the more out of focus
    assert focus(False, step * (MODEL.radius - MODEL.standoff))[2] < most * strength


def fermat_ring(model, points, n, frequency=0.9):
    """Ring over point scatterers (depth, clock): times by Fermat's principle, which share nothing with the migration's rays."""
    time = np.arange(-1.0, 17.0, 0.04)
    clocks = 2 * np.pi * np.arange(n) / n
    inner = model.radius - model.standoff
    data = np.zeros((n, time.size))
    for depth, clock in points:
        thick, index = model.layers(depth)
        edges = inner + np.concatenate([[0.0], np.cumsum(thick[thick > 0])])
        turns = np.linspace(0.0, 1.3, 27)
        one_way = [reference.fermat_time(edges, index[thick > 0], float(turn), ring=True) for turn in turns]
        travel = interpolate.CubicSpline(turns, one_way)
        off = (clocks - np.deg2rad(clock) + np.pi) % (2 * np.pi) - np.pi
        half = 0.5 * model.separation / inner
        arrival = travel(np.clip(np.abs(off - half), 0, 1.3)) + travel(np.clip(np.abs(off + half), 0, 1.3))
        u = (np.pi * frequency * (time[None, :] - arrival[:, None])) ** 2
        data += (1 - 2 * u) * np.exp(-u) * (np.abs(off) < 1.0)[:, None]
    return time, data


def spots(image, depths, count, apart):
    """The `count` strongest places of an image (number of the trace, depth, strength), no two within `apart` traces."""
    found, left = [], np.abs(image).copy()
    for _ in range(count):
        i, k = np.unravel_index(left.argmax(), left.shape)
        found.append((int(i), float(depths[k]), float(left[i, k])))
        left[np.arange(i - apart, i + apart + 1) % len(left)] = 0.0
    return sorted(found)


PIPES = [  # diameter, wall, permittivities of wall and ground, depths and clock angles of three scatterers
    (0.45, 0.05, 6.5, 9.0, ((0.20, 20.0), (0.25, 150.0), (0.22, 260.0))),
    (0.60, 0.06, 9.0, 12.0, ((0.25, 5.0), (0.30, 95.0), (0.20, 215.0))),
    (0.80, 0.08, 5.0, 8.0, ((0.40, 40.0), (0.25, 130.0), (0.35, 300.0))),
    (1.00, 0.10, 6.8, 9.5, ((0.50, 90.0), (0.30, 177.0), (0.20, 330.0))),
    (1.50, 0.15, 7.0, 10.0, ((0.60, 357.0), (0.35, 75.0), (0.45, 210.0))),
    (2.00, 0.18, 8.0, 14.0, ((0.45, 121.0), (0.30, 185.0), (0.40, 300.0))),
]


@pytest.mark.parametrize(("diameter", "wall", "eps_wall", "eps_ground", "points"), PIPES)
def test_points_focus_within_2_cm_and_3_degrees_and_the_plane_method_misplaces_them(
    diameter, wall, eps_wall, eps_ground, points
):
    model = PipeModel(0.04, wall, eps_wall, eps_ground, 0.5 * diameter, 0.08)
    inner, n = model.radius - model.standoff, max(120, round(np.pi * diameter / 0.03))
    time, data = fermat_ring(model, points, n)
    analytic = signal.hilbert(data, axis=1)
    depths = np.arange(0.05, 0.80, 0.005)
    step = 2 * np.pi / n

    def image(ring, step):
        parts = (analytic.real, analytic.imag)
        real, imaginary = (pipe_image(part, time, step, model, depths, ring=ring) for part in parts)
        return real + 1j * imaginary

    truth = sorted(points, key=lambda point: point[1])
    polar = spots(image(True, step), depths, 3, n // 12)
    for (depth, clock), (i, found, _) in zip(truth, polar, strict=True):
        assert abs((360.0 * i / n - clock + 180) % 360 - 180) <= 3.0
        assert found == pytest.approx(depth, abs=0.02)
    # the plane method on the same traces: the way of the antenna for a straight line over the same layers
    plane = spots(image(False, step * inner), depths, 3, n // 12)
    assert sum(spot[2] for spot in plane) < 0.99 * sum(spot[2] for spot in polar)  # out of focus
    # and what it says about where they are to each other is wrong by far more than 2 cm
    for first, second in pairwise(range(3)):
        angle = np.deg2rad(truth[second][1] - truth[first][1])
        far, near = (model.radius + truth[index][0] for index in (first, second))
        apart = np.sqrt(far**2 + near**2 - 2 * far * near * np.cos(angle))
        seen = np.hypot(inner * step * (plane[second][0] - plane[first][0]), plane[second][1] - plane[first][1])
        assert abs(seen - apart) > 0.05


def test_small_cylinders_of_a_full_wave_ring_focus():
    """Cylinders of 5 cm: their near side, from traces that no ray made."""
    cylinders = [(60.0, 0.36 + 0.072 + 0.10), (200.0, 0.36 + 0.072 + 0.17)]
    line = scenes.ring([(clock, at, 0.025, 1.0) for clock, at in cylinders], seed=21, n=90)
    model = PipeModel(0.032, 0.072, 6.8, 9.0, 0.36, 0.064)
    traces = line["amplitude"].values
    analytic = signal.hilbert(traces - np.median(traces, axis=0), axis=1)
    depths = np.arange(0.10, 0.40, 0.005)
    parts = [
        pipe_image(part, line["twt"].values, 2 * np.pi / 90, model, depths, ring=True)
        for part in (analytic.real, analytic.imag)
    ]
    found = spots(parts[0] + 1j * parts[1], depths, 2, 10)
    for (clock, at), (i, depth, _) in zip(cylinders, found, strict=True):
        assert abs(4.0 * i - clock) <= 4.0  # a trace every 4 degrees
        assert depth == pytest.approx(at - 0.025 - 0.36, abs=0.02)


def test_an_axial_point_behind_the_wall_focuses():
    time = np.arange(-1.0, 14.0, 0.04)
    x = 0.02 * np.arange(100)
    arrival = two_way(MODEL, 0.30, x - 1.0, ring=False)
    u = (np.pi * 0.9 * (time[None, :] - arrival[:, None])) ** 2
    analytic = signal.hilbert((1 - 2 * u) * np.exp(-u), axis=1)
    depths = np.arange(0.05, 0.60, 0.005)
    parts = [pipe_image(p, time, 0.02, MODEL, depths, ring=False) for p in (analytic.real, analytic.imag)]
    i, k = np.unravel_index((parts[0] ** 2 + parts[1] ** 2).argmax(), parts[0].shape)
    assert x[i] == pytest.approx(1.0, abs=0.02)
    assert depths[k] == pytest.approx(0.30, abs=0.02)

"""Moveout behind the wall, along the axis and round it, and the migration that follows it."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import signal

from gprscan.migration.pipe import pipe_image
from gprscan.migration.pipe_curves import PipeModel, axial_time, ring_time, two_way
from tests import reference

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

"""The FDTD kernel against its NumPy twin, and against itself where work is saved."""

from __future__ import annotations

import numpy as np
import pytest

from gprscan.kernels import fdtd
from gprscan.synthetic import fdtd as front
from gprscan.synthetic.media import Medium
from gprscan.synthetic.wavelets import ricker
from tests import reference

STEP = 0.02
CELLS = 5


def patchwork(nx: int = 34, nz: int = 30) -> Medium:
    rng = np.random.default_rng(7)
    permittivity = rng.uniform(1.0, 9.0, (nx, nz)).astype("float32")
    conductivity = rng.uniform(0.0, 0.02, (nx, nz)).astype("float32")
    conductor = np.zeros((nx, nz), bool)
    conductor[20:23, 18:20] = True
    return Medium(permittivity, conductivity, conductor, STEP, 10)


def shot(medium: Medium, steps: int, reach: np.ndarray, *, every: int = 1) -> tuple[np.ndarray, np.ndarray, float]:
    dt = front.time_step(STEP)
    current = ricker((np.arange(steps) + 0.5) * dt - 2.0, 500.0)
    ca, cb = front.update_coefficients(medium, dt)
    whole, half = front.absorbing_profiles(STEP, dt, 3.0, CELLS)
    record = np.zeros((2, (steps - 1) // every + 1), "float32")
    fdtd.fdtd_shot(
        ca,
        cb,
        np.float32(front.C_AIR * dt / STEP),
        (current * front.ETA0 / STEP).astype("float32"),
        np.array([15, 9]),
        np.array([[19, 9], [12, 14]]),
        whole,
        half,
        reach,
        every,
        record,
    )
    return record, current, dt


def test_shot_equals_the_twin_in_lossy_patchwork_with_metal_and_absorbing_sides() -> None:
    steps = 130
    medium = patchwork()
    record, current, dt = shot(medium, steps, np.full(steps, 1000))
    for row, receiver in enumerate([(19, 9), (12, 14)]):
        twin = reference.fdtd_tmz(
            medium.permittivity, medium.conductivity, medium.conductor, STEP, dt, current, (15, 9), receiver, CELLS, 3.0
        )
        assert np.abs(twin).max() > 10.0
        assert np.abs(record[row] - twin).max() < 2e-5 * np.abs(twin).max()


def test_thinning_keeps_every_nth_sample() -> None:
    medium = patchwork()
    full, _, _ = shot(medium, 60, np.full(60, 1000))
    thin, _, _ = shot(medium, 60, np.full(60, 1000), every=4)
    np.testing.assert_array_equal(thin, full[:, ::4])


def line_arguments(medium: Medium, starts: np.ndarray, width: int, steps: int) -> tuple:
    dt = front.time_step(STEP)
    current = (ricker((np.arange(steps) + 0.5) * dt - 2.0, 500.0) * 1e4).astype("float32")
    ca, cb = front.update_coefficients(medium, dt)
    whole, half = front.absorbing_profiles(STEP, dt, 3.0, CELLS)
    first = 10 + 2 * np.arange(starts.size)
    sources = np.stack([first, np.full_like(first, 9)], axis=1)
    receivers = sources + np.array([3, 0])
    reach = np.full(steps, 1000)
    return (
        ca,
        cb,
        np.float32(0.7),
        current,
        sources,
        receivers,
        starts,
        width,
        whole,
        half,
        reach,
        1,
        np.zeros((starts.size, steps), "float32"),
    )


def test_parallel_line_equals_the_serial_one() -> None:
    arguments = line_arguments(patchwork(), np.zeros(3, "int64"), 34, 50)
    fdtd.fdtd_line_serial(*arguments)
    serial = arguments[-1].copy()
    arguments[-1][:] = 0
    fdtd.fdtd_line_parallel(*arguments)
    np.testing.assert_array_equal(arguments[-1], serial)
    assert np.abs(serial).max() > 0


def test_a_moving_window_sees_the_ground_under_it() -> None:
    # uniform along the line: every window position must give the same trace
    medium = patchwork(60)
    medium.permittivity[:] = medium.permittivity[:1]
    medium.conductivity[:] = medium.conductivity[:1]
    medium.conductor[:] = False
    arguments = line_arguments(medium, 2 * np.arange(4), 40, 60)
    fdtd.fdtd_line_serial(*arguments)
    traces = arguments[-1]
    np.testing.assert_allclose(traces, np.broadcast_to(traces[0], traces.shape), atol=1e-6 * np.abs(traces).max())


@pytest.mark.parametrize("cells", [5, 10])
def test_profiles_follow_the_published_grading(cells: int) -> None:
    dt = front.time_step(STEP)
    whole, half = front.absorbing_profiles(STEP, dt, 3.0, cells)
    for shift, profile in ((0.0, whole), (0.5, half)):
        distance = (np.arange(cells) + shift) * STEP
        sigma, kappa, alpha = reference.cpml_profile(distance, cells * STEP, STEP, 3.0)
        b = np.exp(-(sigma / kappa + alpha) * dt * reference.ETA0 * reference.C0)
        np.testing.assert_allclose(profile[0], b, rtol=1e-5)
        np.testing.assert_allclose(profile[2], 1 / kappa - 1, atol=1e-6)

"""What one node sends back is what a shot radiates."""

from __future__ import annotations

import numpy as np

from gprscan.kernels.fdtd import fdtd_shot
from gprscan.kernels.reverse_time import send_back
from gprscan.synthetic.fdtd import absorbing_profiles, time_step, update_coefficients
from gprscan.synthetic.media import Medium


def test_one_node_is_a_shot() -> None:
    shape, steps, step = (44, 40), 20, 0.01
    permittivity = np.random.default_rng(2).uniform(2, 6, shape).astype("float32")
    lattice = Medium(permittivity, np.zeros(shape, "float32"), np.zeros(shape, bool), step, 12)
    interval = time_step(step)
    ca, cb = update_coefficients(lattice, interval)
    whole, half = absorbing_profiles(step, interval, 2.0)
    current = np.random.default_rng(3).normal(size=steps).astype("float32")
    courant, reach = np.float32(np.sqrt(0.5)), np.full(steps + 1, 39)
    field = send_back(ca, cb, courant, current[:, None], 21, 12, whole, half, reach[:steps])
    nodes = np.array([[21, 12], [24, 15], [18, 20]])
    record = np.zeros((3, steps + 1), "float32")
    longer = np.append(current, np.float32(0.0))
    fdtd_shot(ca, cb, courant, longer, np.array([21, 12]), nodes, whole, half, reach, 1, record)
    np.testing.assert_allclose(field[nodes[:, 0], nodes[:, 1]], record[:, -1], rtol=1e-4, atol=1e-6)
    assert np.abs(record[:, -1]).min() > 0

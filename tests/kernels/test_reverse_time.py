"""What one node sends back is what a shot radiates, and pairs correlate what two shots do."""

from __future__ import annotations

import numpy as np

from gprscan.kernels.fdtd import fdtd_shot
from gprscan.kernels.reverse_time import correlate_pair, send_back
from gprscan.synthetic.fdtd import absorbing_profiles, time_step, update_coefficients
from gprscan.synthetic.media import Medium

SHAPE, STEPS, STEP = (44, 40), 20, 0.01
COURANT, REACH = np.float32(np.sqrt(0.5)), np.full(STEPS + 1, 39)


def coefficients() -> tuple[np.ndarray, ...]:
    """Return the coefficients of an uneven ground and its edges."""
    permittivity = np.random.default_rng(2).uniform(2, 6, SHAPE).astype("float32")
    lattice = Medium(permittivity, np.zeros(SHAPE, "float32"), np.zeros(SHAPE, bool), STEP, 12)
    interval = time_step(STEP)
    return (*update_coefficients(lattice, interval), *absorbing_profiles(STEP, interval, 2.0))


def shot(current: np.ndarray, source: tuple[int, int], nodes: np.ndarray) -> np.ndarray:
    """Return the field of one node at others, shape (node, step): the last sample is after all of the current."""
    ca, cb, whole, half = coefficients()
    record = np.zeros((len(nodes), STEPS + 1), "float32")
    longer = np.append(current, np.float32(0.0))
    fdtd_shot(ca, cb, COURANT, longer, np.array(source), nodes, whole, half, REACH, 1, record)
    return record


def test_one_node_is_a_shot() -> None:
    ca, cb, whole, half = coefficients()
    current = np.random.default_rng(3).normal(size=STEPS).astype("float32")
    field = send_back(ca, cb, COURANT, current[:, None], 21, 12, whole, half, REACH[:STEPS])
    nodes = np.array([[21, 12], [24, 15], [18, 20]])
    record = shot(current, (21, 12), nodes)
    np.testing.assert_allclose(field[nodes[:, 0], nodes[:, 1]], record[:, -1], rtol=1e-4, atol=1e-6)
    assert np.abs(record[:, -1]).min() > 0


def test_a_pair_is_two_shots_multiplied() -> None:
    """Step by step, the second backwards; with every second step, half of the products."""
    ca, cb, whole, half = coefficients()
    pulse, echo = np.random.default_rng(4).normal(size=(2, STEPS)).astype("float32")
    nodes = np.array([[18, 14], [22, 16], [25, 15]])
    sent = shot(pulse, (19, 12), nodes)
    back = shot(np.ascontiguousarray(echo[::-1]), (24, 13), nodes)[:, ::-1]
    for every in (1, 2):
        product, light = np.zeros((2, 8, 3), "float32")
        correlate_pair(
            ca, cb, COURANT, pulse, echo, (19, 12), (24, 13), whole, half, every, (18, 26, 14, 17), product, light
        )
        at = (nodes[:, 0] - 18, nodes[:, 1] - 14)
        times = slice(every, STEPS, every)
        np.testing.assert_allclose(product[at], np.sum(sent * back, axis=1, where=_only(times)), rtol=1e-3, atol=1e-5)
        np.testing.assert_allclose(light[at], np.sum(sent**2, axis=1, where=_only(times)), rtol=1e-3, atol=1e-6)
        assert np.abs(product[at]).min() > 0


def _only(times: slice) -> np.ndarray:
    taken = np.zeros(STEPS + 1, bool)
    taken[times] = True
    return taken

"""Hyperbola fits on curves that are known exactly."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from gprscan.detection import candidates, fit, pipeline
from gprscan.detection.fit import Fit
from gprscan.synthetic import Layer
from gprscan.units import C_AIR
from tests.detection.lines import PERIOD, make, section

UNIFORM = (Layer("soil", np.inf, 9.0, 0.0),)
SPEED = C_AIR / 3.0
SETTINGS = pipeline.load_settings("road")


def fitted(x: float, depth: float, *, noise: float = 0.01, seed: int = 0, drop: Any = None) -> tuple[Fit, float]:
    """Fit the one point in uniform ground; also the true time of its apex in ns."""
    line, (truth,) = make((x, depth, 0.5), length=3.0, noise=noise, seed=seed, layers=UNIFORM)
    part = section(line)
    if drop is not None:
        part = replace(part, valid=part.valid & ~drop(part.x))
    _, numbers = fit.fit(part, candidates.find(part, SETTINGS)[:6], SETTINGS)
    time = truth["t_flight_ns"]
    near = [f for f in map(fit.unpacked, numbers) if abs(f.x - x) < 0.15 and abs(f.t - time) < PERIOD]
    assert near, "no candidate on the apex"
    return min(near, key=lambda f: abs(f.t - time)), time


@pytest.mark.parametrize(("x", "depth"), [(1.5, 0.4), (1.53, 0.6), (1.512, 0.9)])
def test_apex_time_and_velocity_of_a_point(x: float, depth: float) -> None:
    found, time = fitted(x, depth)
    assert abs(found.x - x) < 0.01
    assert abs(found.t - time) < 0.15 * PERIOD
    assert abs(found.velocity / SPEED - 1) < 0.03
    assert found.coherence > 0.9


def test_the_stated_covariance_covers_the_scatter_of_many_fits() -> None:
    errors = []
    for seed in range(24):
        found, _ = fitted(1.53, 0.6, noise=0.03, seed=seed)
        sigma = np.sqrt(np.diag(found.covariance))
        errors.append([(found.x - 1.53) / sigma[0], math.log(found.velocity / SPEED) / sigma[2]])
    inside = np.abs(np.array(errors))
    assert (inside < 1).mean(axis=0).min() >= 0.6
    assert (inside < 2).mean(axis=0).min() >= 0.9


def test_more_noise_means_no_smaller_sigma_of_the_place() -> None:
    quiet, loud = fitted(1.53, 0.6, noise=0.002)[0], fitted(1.53, 0.6, noise=0.06)[0]
    assert loud.coherence < quiet.coherence
    assert loud.residual >= quiet.residual


def test_one_leg_is_enough_and_says_so_by_its_sigma() -> None:
    whole, _ = fitted(1.53, 0.6)
    half, time = fitted(1.53, 0.6, drop=lambda x: x < 1.5)
    assert math.isnan(half.left)
    assert half.right > 0.9
    assert abs(half.x - 1.53) < 0.06
    assert abs(half.t - time) < 0.3 * PERIOD
    assert half.covariance[0, 0] > whole.covariance[0, 0]


def test_a_flat_reflector_is_no_hyperbola() -> None:
    line, _ = make(length=3.0, noise=0.01)
    part = section(line)
    _, numbers = fit.fit(part, candidates.find(part, SETTINGS)[:20], SETTINGS)
    assert all(f.coherence < 0.8 for f in map(fit.unpacked, numbers))


def test_a_dead_block_over_the_apex_does_not_move_it() -> None:
    found, time = fitted(1.53, 0.6, drop=lambda x: np.abs(x - 1.53) < 0.11)
    assert abs(found.x - 1.53) < 0.02
    assert abs(found.t - time) < 0.2 * PERIOD

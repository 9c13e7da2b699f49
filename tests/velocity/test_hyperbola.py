"""The travel-time curve of a body, and its fit."""

from __future__ import annotations

import numpy as np
import pytest

from gprscan.errors import ParameterError
from gprscan.velocity import diffraction_times, fit_diffraction


@pytest.mark.parametrize(("separation", "height"), [(0.0, 0.0), (0.15, 0.03), (0.5, 0.4)])
def test_exact_picks_give_the_point_back(separation: float, height: float) -> None:
    x = np.arange(-1, 1.01, 0.05)
    times = diffraction_times(x - 0.13, 0.8, 0.09, separation=separation, height=height)
    fit = fit_diffraction(x, times, separation=separation, height=height)
    assert fit.position == pytest.approx(0.13, abs=1e-5)
    assert fit.depth == pytest.approx(0.8, abs=1e-4)
    assert fit.velocity == pytest.approx(0.09, abs=1e-5)
    assert fit.rms < 1e-5


def test_uncertainties_cover_the_errors() -> None:
    x = np.arange(-0.8, 0.81, 0.04)
    clean = diffraction_times(x, 0.6, 0.1, separation=0.1)
    rng = np.random.default_rng(11)
    scores = []
    for _ in range(60):
        fit = fit_diffraction(x, clean + rng.normal(0, 0.1, x.size), separation=0.1)
        error = np.array([fit.position, fit.depth - 0.6, fit.velocity - 0.1])
        scores.append(error / np.sqrt(np.diag(fit.covariance)))
    spread = np.std(scores, axis=0)
    assert np.all((spread > 0.7) & (spread < 1.4))


def test_one_wild_pick_does_not_move_the_point() -> None:
    x = np.arange(-0.8, 0.81, 0.05)
    times = diffraction_times(x, 0.6, 0.1)
    times[5] += 8.0
    fit = fit_diffraction(x, times)
    assert abs(fit.position) < 0.02
    assert fit.depth == pytest.approx(0.6, abs=0.02)


def test_too_few_picks_are_refused() -> None:
    with pytest.raises(ParameterError, match="five picks"):
        fit_diffraction([0.0, 0.1, 0.2], [10.0, 10.1, 10.4])

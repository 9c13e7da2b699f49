"""Fan filters, windows of traces and samples, dip, planarity and coherence."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from gprscan import filters
from gprscan.errors import MissingPositionError, ParameterError
from tests import reference
from tests.filters import lines


def events(*dips: float, n_traces: int = 120, n_samples: int = 300, noise: float = 0.0) -> xr.Dataset:
    """Reflectors through the middle of the line, with dips in ns per m."""
    time = np.arange(n_samples) * lines.DT - 3.0
    along = (np.arange(n_traces) - n_traces / 2)[:, None] * lines.SPACING
    samples = sum(lines.ricker(time - 12.0 - dip * along) for dip in dips)
    samples = samples + noise * np.random.default_rng(0).standard_normal((n_traces, n_samples))
    return lines.line(samples.astype("float32"))


def middle(line: xr.Dataset) -> np.ndarray:
    return lines.values(line)[30:90]


def test_a_fan_parts_events_by_their_dip() -> None:
    level, gentle, steep = events(0.0), events(1.5), events(5.0)
    both = level + gentle + steep
    kept = filters.dip_filter(both, low=0.8, high=2.5)
    far = np.abs(np.arange(60) - 30) > 12  # where the three do not cross
    rest = middle(kept)[far] - middle(gentle)[far]
    assert np.sqrt(np.mean(rest**2)) < 0.15 * np.sqrt(np.mean(middle(gentle)[far] ** 2))
    removed = filters.dip_filter(both, low=0.8, high=2.5, keep=False)
    np.testing.assert_allclose(lines.values(kept) + lines.values(removed), lines.values(both), atol=1e-5)


def test_sides() -> None:
    line = events(2.0, -2.0)
    down, up = filters.dip_filter(line, low=1.0, side="down"), filters.dip_filter(line, low=1.0, side="up")
    far = np.abs(np.arange(60) - 30) > 12
    for result, alone in ((down, events(2.0)), (up, events(-2.0))):
        rest = middle(result)[far] - middle(alone)[far]
        assert np.sqrt(np.mean(rest**2)) < 0.15 * np.sqrt(np.mean(middle(alone)[far] ** 2))


def test_level_events_and_ringing_go() -> None:
    assert np.abs(middle(filters.dip_filter(events(0.0), low=0.5))).max() < 0.1
    with pytest.raises(ParameterError, match="give low"):
        filters.dip_filter(events(0.0))
    with pytest.raises(ParameterError, match="high"):
        filters.dip_filter(events(0.0), low=3.0, high=2.0)
    with pytest.raises(MissingPositionError):
        filters.dip_filter(events(0.0).drop_vars("distance"), low=1.0)


@pytest.mark.parametrize("method", ["mean", "median"])
def test_windows_against_the_definition(method: str) -> None:
    samples = lines.damaged(lines.values(lines.noise((25, 40))))
    result = lines.values(filters.smooth(lines.line(samples), 5, 3, method))
    np.testing.assert_allclose(result, reference.window(samples, 2, 1, method), atol=1e-5)
    with pytest.raises(ParameterError, match="window"):
        filters.smooth(lines.line(samples), 0)


@pytest.mark.parametrize("slope", [-3.0, -0.7, 0.0, 1.2, 4.0])
def test_dip_of_a_reflector(slope: float) -> None:
    line = events(slope, noise=0.01)
    strong = np.abs(middle(line)) > 0.3
    found = middle(filters.dip(line))[strong]
    assert np.median(found) == pytest.approx(slope, abs=0.1)
    assert filters.dip(line)["amplitude"].attrs["units"] == "ns/m"


def test_planarity_tells_layers_from_chaos() -> None:
    layered = middle(filters.planarity(events(0.5, noise=0.01)))
    strong = np.abs(middle(events(0.5))) > 0.3
    chaos = middle(filters.planarity(lines.noise((120, 300))))
    assert np.median(layered[strong]) > 0.9
    assert np.median(chaos) < 0.6
    assert layered.min() >= 0
    assert layered.max() <= 1 + 1e-6


def test_coherence_by_its_equation() -> None:
    line = lines.noise((12, 60))
    result = lines.values(filters.coherence(line, traces=5, window=0.7))
    expected = reference.semblance(lines.values(line), 2, 3, np.array([0.0]))
    np.testing.assert_allclose(result, expected, atol=1e-4)


def test_coherence_follows_dips() -> None:
    line = events(2.0)
    strong = np.abs(middle(line)) > 0.3
    level, steered = middle(filters.coherence(line)), middle(filters.coherence(line, steepest=4.0))
    assert np.median(steered[strong]) > 0.97
    assert np.median(steered[strong]) > np.median(level[strong]) + 0.05
    noise = lines.values(filters.coherence(lines.noise((60, 300))))
    assert np.median(noise) == pytest.approx(0.2, abs=0.06)
    with pytest.raises(ParameterError, match="at least 3"):
        filters.coherence(line, traces=1)


def test_dips_need_regular_traces() -> None:
    line = events(1.5)
    along = line["distance"].values.copy()
    along[60:] += 1.0
    uneven = line.assign_coords(distance=("trace", along))
    for step in (lambda x: filters.dip_filter(x, high=3.0), filters.dip, lambda x: filters.coherence(x, steepest=3.0)):
        with pytest.raises(MissingPositionError, match="regularize"):
            step(uneven)
    assert filters.dip(uneven, spacing=lines.SPACING).sizes == line.sizes

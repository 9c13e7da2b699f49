"""Traces closer than a tenth of a wavelength are averaged in groups, and what is found does not depend on it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from gprscan import detect, model
from gprscan.detection import bound_layer
from gprscan.detection.condition import CLOSE, FEWEST, Acquisition, condition
from gprscan.detection.section import Section
from tests.detection.lines import DT, PERIOD, SEPARATION, TIME_ZERO, make, near, section, wrap

FC = 1.0 / PERIOD  # GHz
GROUP, DX = 5, CLOSE * PERIOD / 5.3  # traces, m


def traces(n: int = 103, **more: Any) -> np.ndarray:
    """Traces of a road with two points in it, as if they were as close as one likes."""
    line, _ = make((1.5, 0.6, 0.5), (3.2, 0.8, -0.5), length=5.2, noise=0.01, **more)
    return model.amplitude(line)[:n].copy()


def conditioned(values: np.ndarray, dx: float = DX, *, whole: bool = False) -> Section:
    """Condition traces that are so close, sampled as finely as is kept."""
    acq = Acquisition(2 * DT, dx, -TIME_ZERO, FC, SEPARATION, 0.0)
    return condition(values[:, ::2], dx * np.arange(values.shape[0]), acq, whole=whole)


@pytest.mark.parametrize(("closer", "group"), [(0.5, 1), (0.99, 1), (1.9, 1), (2.1, 2), (5.3, 5), (50.0, 6)])
def test_groups_are_as_long_as_a_tenth_of_a_wavelength(closer: float, group: int) -> None:
    dx = CLOSE * PERIOD / closer
    part = conditioned(traces(), dx)
    n = 103 // group  # the last few are left out
    assert part.group == group
    assert part.dx == pytest.approx(group * dx)
    np.testing.assert_allclose(part.x, dx * (group * np.arange(n) + 0.5 * (group - 1)))
    for values in (part.raw, part.echo, part.cond, part.clipped):
        assert values.shape == (n, part.t.size)
    assert part.valid.shape == part.time_zero_shift.shape == (n,)
    assert part.valid.all()


@pytest.mark.parametrize(("n", "group"), [(8, 1), (FEWEST, 1), (2 * FEWEST - 1, 1), (2 * FEWEST, 2), (103, 6)])
def test_a_short_line_keeps_traces_enough(n: int, group: int) -> None:
    part = conditioned(traces(n), CLOSE * PERIOD / 50)
    assert part.group == group
    assert part.x.size == n // group >= min(n, FEWEST)


@pytest.mark.parametrize(("fc", "dx", "group"), [(0.4, 0.02, 2), (0.4, 0.025, 1), (0.25, 0.02, 2), (0.1, 0.01, 4)])
def test_a_mesh_of_ten_centimetres_is_still_seen(fc: float, dx: float, group: int) -> None:
    acq = Acquisition(2 * DT, dx, -TIME_ZERO, fc, SEPARATION, 0.0)
    part = condition(traces()[:, ::2], dx * np.arange(103), acq)
    assert part.group == group
    assert 2.1 * part.dx <= 0.1


def test_the_whole_line_is_kept_for_who_asks_for_it() -> None:
    part = conditioned(traces(), whole=True)
    assert part.group == 1
    assert part.dx == DX
    np.testing.assert_array_equal(part.x, DX * np.arange(103))
    assert part.raw.shape[0] == 103


def by_groups(values: np.ndarray) -> np.ndarray:
    return values[: 103 // GROUP * GROUP].reshape(103 // GROUP, GROUP, *values.shape[1:])


def test_a_group_is_the_mean_of_its_living_traces() -> None:
    values = traces(wobble=0.1)
    values[6:9] = np.nan  # some of a group, and all of one
    values[20:25] = 0.0
    part, whole = conditioned(values), conditioned(values, whole=True)
    assert not whole.valid[[6, 7, 8, 20, 24]].any()
    assert np.flatnonzero(~part.valid).tolist() == [4]
    assert not part.raw[4].any()
    for kept, each in ((part.raw, whole.raw), (part.time_zero_shift, whole.time_zero_shift)):
        expected = [
            trace[alive].mean(axis=0) for trace, alive in zip(by_groups(each), by_groups(whole.valid), strict=True)
            if alive.any()
        ]  # fmt: skip
        np.testing.assert_allclose(kept[part.valid], expected, atol=2e-5 * np.abs(each).max())
    assert part.time_zero_shift[part.valid].std() > 0.02


def test_a_sample_is_clipped_where_it_is_in_any_trace_of_a_group() -> None:
    values = traces()
    full = 0.6 * np.abs(values).max()
    values[40:45] *= 0.5  # a group that is not
    values[::7] *= 0.5  # and one trace of most groups
    values = np.clip(values, -full, full)
    part, whole = conditioned(values), conditioned(values, whole=True)
    np.testing.assert_array_equal(part.clipped, by_groups(whole.clipped).any(axis=1))
    assert not part.clipped[8].any()
    assert part.clipped[part.valid].any(axis=1).sum() == 103 // GROUP - 1
    assert not whole.clipped[::7].any()


@pytest.mark.parametrize("first", [0, 31])
def test_the_bound_layer_is_read_from_the_traces_under_a_body(first: int) -> None:
    values = traces()
    values[60:] *= 3.0
    line = wrap(values, spacing=DX)
    part = replace(section(line.isel(trace=slice(first, None))), first_trace=first)
    assert part.group == (GROUP if first == 0 else 72 // FEWEST)
    place = (np.arange(part.x.size) + 0.5) * part.group + first
    before, after = (
        bound_layer._early_trace(line, part, np.flatnonzero(rows)) for rows in (place < 55, (place > 65) & (place < 98))
    )
    assert before is not None
    assert after is not None
    assert after.max() / before.max() == pytest.approx(3.0, rel=0.05)


def test_the_bound_layer_is_read_though_the_first_of_each_group_is_dead() -> None:
    values = traces()
    values[::GROUP] = np.nan
    line = wrap(values, spacing=DX)
    part = section(line)
    assert part.group == GROUP
    assert part.valid.all()
    trace = bound_layer._early_trace(line, part, np.arange(part.x.size))
    assert trace is not None
    assert np.isfinite(trace).all()


def test_the_same_bodies_are_found_at_half_the_spacing() -> None:
    wide = CLOSE * PERIOD / 1.05
    points = (1.5, 0.6, 0.5), (3.2, 0.8, -0.5)
    lines = [make(*points, spacing=spacing)[0] for spacing in (wide, 0.5 * wide)]
    assert [section(line).group for line in lines] == [1, 2]
    tables = [detect(line) for line in lines]
    assert len(tables[0]) == len(tables[1]) >= 2
    for x, _, _ in points:
        one, other = (near(table, x, 0.06)[0] for table in tables)
        assert other["kind"] == one["kind"]
        assert other["distance_m"] == pytest.approx(one["distance_m"], abs=0.01)
        assert other["twt_ns"] == pytest.approx(one["twt_ns"], abs=0.04 * PERIOD)
        assert abs(other["top_depth_m"] - one["top_depth_m"]) < 0.5 * one["sigma_depth_m"]

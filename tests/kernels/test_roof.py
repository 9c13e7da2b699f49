"""The roof of a body in an image, against NumPy."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from gprscan.kernels import roof
from gprscan.kernels.layers import follow_both_ways
from tests import reference

RNG = np.random.default_rng(8)


def image(traces: int = 30, depths: int = 60) -> np.ndarray:
    return (RNG.normal(size=(traces, depths)) + 1j * RNG.normal(size=(traces, depths))).astype(np.complex64)


@pytest.mark.parametrize("length", [1, 2, 3, 17])
def test_plateau(length: int) -> None:
    modulus = np.abs(image())
    rows = np.full(30, -1)
    rows[4 : 4 + length] = RNG.integers(20, 24, length)
    x, z = 0.05 * np.arange(30), 0.01 * np.arange(60)
    begin, end, first, last, row, level, middle, sag, dip = roof.plateau(modulus, rows, x, z)
    inside = np.arange(4, 4 + length)
    strength = modulus[inside, rows[inside]].astype(float)
    strong = inside[strength >= 0.5 * np.quantile(strength, 0.8)]
    assert (begin, end, first, last) == (4, 3 + length, strong[0], strong[-1])
    assert level == pytest.approx(np.quantile(strength, 0.8), rel=1e-6)
    assert row == int(np.median(rows[first : last + 1]))
    assert middle == np.median(rows[inside])
    depth = ndimage.median_filter(z[rows[first : last + 1]], min(3, last - first + 1), mode="nearest")
    assert sag == pytest.approx(0.5 * (depth[0] + depth[-1]) - depth.min(), abs=1e-12)
    slope = np.polyfit(x[first : last + 1], depth, 1)[0] if depth.size > 2 else 0.0
    assert dip == pytest.approx(slope, abs=1e-9)


def test_under_many_roofs() -> None:
    values, span, bounds = image(40), (10, 25), (0.05, 0.08, 0.2)
    # over the top of the image, in it, of one trace, and below its last row
    traces, rows = (
        np.array([0, 5, 20, 33]),
        [row + RNG.integers(-2, 3, n) for row, n in ((5, 4), (30, 7), (40, 1), (55, 7))],
    )
    energies, columns = roof.under(
        values.real.copy(), values.imag.copy(), traces, np.concatenate(rows), np.cumsum([0, *(r.size for r in rows)]), 0.01,
        span, bounds,
    )  # fmt: skip
    for trace, row, energy, column in zip(traces, rows, energies, columns, strict=True):
        *expected, mean = reference.under_roof(values[trace : trace + row.size], row, 0.01, span, bounds)
        np.testing.assert_allclose(energy, expected, rtol=1e-5, atol=1e-7)
        np.testing.assert_allclose(column, mean, rtol=1e-5, atol=1e-7)


def test_under_no_roof() -> None:
    none = np.empty(0, np.int64)
    energies, columns = roof.under(
        image().real.copy(), image().imag.copy(), none, none, np.zeros(1, np.int64), 0.01, (10, 25), (0.05, 0.08, 0.2)
    )
    assert energies.shape == (0, 3)
    assert columns.shape == (0, 36)


@pytest.mark.parametrize(("beside", "above"), [(0, 0), (2, 3), (4, 1)])
def test_the_strongest_place_near_points(beside: int, above: int) -> None:
    modulus = RNG.integers(0, 9, (30, 60)).astype(np.float32)  # with ties
    points = np.array([(0, 0), (29, 59), (0, 31), (15, 59), *RNG.integers(0, 30, (8, 2))])
    found = roof.strongest_near(modulus, points, beside, above)
    np.testing.assert_array_equal(found, reference.strongest_near(modulus, points, beside, above))
    assert roof.strongest_near(modulus, points[:0], beside, above).shape == (0, 2)


X, Z = 0.05 * np.arange(300), 0.01 * np.arange(60)


def with_an_event() -> tuple[np.ndarray, np.ndarray]:
    """Return an image of noise with a wavy event from trace 20 to trace 270, and its rows."""
    rows = np.round(30 + 3 * np.sin(np.arange(300) / 30)).astype(int)
    lag = np.arange(60) - rows[:, None]
    event = np.exp(-((lag / 4.0) ** 2) + 0.8j * lag)
    event[:20], event[271:] = 0.0, 0.0
    return (event + 0.03 * image(300)).astype(np.complex64), rows


@pytest.mark.parametrize("longest", [3, 40, 400])
def test_events_are_followed_as_one_by_one(longest: int) -> None:
    values, _ = with_an_event()
    re, im, modulus = values.real.copy(), values.imag.copy(), np.abs(values)
    # in the middle of the event, at its ends and at those of the image, and where there is none
    points = np.array([(150, 31), (20, 31), (270, 31), (0, 5), (299, 59), (100, 3)])
    floor = np.full(60, 0.2)
    numbers, rows, starts = roof.follow(re, im, modulus, X, Z, points, floor, (5, 2, longest), (0.35, 0.6))
    assert starts[0] == 0
    assert starts[-1] == rows.size
    for i, (trace, row) in enumerate(points):
        part = slice(max(trace - longest, 0), trace + longest + 1)
        level = max(0.35 * modulus[trace, row], floor[row])
        near = follow_both_ways(re[part], im[part], trace - part.start, row, 5, 2, level, 0.6)
        expected = np.array(roof.plateau(modulus[part], near, X[part], Z))
        first, last = int(expected[2]), int(expected[3])
        expected[:4] += part.start
        np.testing.assert_array_equal(numbers[i], expected)
        np.testing.assert_array_equal(rows[starts[i] : starts[i + 1]], near[first : last + 1])


def test_an_event_is_followed_from_end_to_end() -> None:
    values, truth = with_an_event()
    numbers, rows, starts = roof.follow(
        values.real.copy(), values.imag.copy(), np.abs(values), X, Z, np.array([(150, truth[150])]), np.zeros(60), (5, 2, 400),
        (0.35, 0.6),
    )  # fmt: skip
    begin, end, first, last = numbers[0, :4].astype(int)
    assert abs(begin - 20) <= 1
    assert abs(end - 270) <= 1
    assert begin <= first < last <= end
    assert rows.size == starts[1] == last - first + 1 > 200
    assert np.abs(rows - truth[first : last + 1]).max() <= 1


def test_no_event_to_follow() -> None:
    values = image()
    numbers, rows, starts = roof.follow(
        values.real.copy(), values.imag.copy(), np.abs(values), X[:30], Z, np.empty((0, 2), np.int64), np.zeros(60),
        (5, 2, 40), (0.35, 0.6),
    )  # fmt: skip
    assert numbers.shape == (0, roof.EVENT)
    assert rows.size == 0
    assert starts.tolist() == [0]


@pytest.mark.parametrize("seed", range(3))
def test_elsewhere_of_many_roofs(seed: int) -> None:
    rng = np.random.default_rng(seed)
    modulus, x, valid = np.abs(image(80)), 0.05 * np.arange(80), rng.uniform(size=80) > 0.2
    first = rng.integers(0, 70, 12)
    roofs = np.stack([first, first + rng.integers(0, 10, 12), rng.integers(0, 60, 12)], axis=1)
    # at the ends, with nothing below it, and one that leaves no traces beside it
    roofs = np.vstack([roofs, [(0, 3, 0), (76, 79, 59), (1, 78, 30)]])
    for reach, most in ((8.0, 100), (1.03, 7)):
        args = (modulus, x, valid, roofs, reach, (2, 5, 4, 30), most)
        found = roof.elsewhere_each(*args)
        np.testing.assert_allclose(found, reference.elsewhere_each(*args), rtol=1e-6)
    assert np.isnan(found[-1]).all()
    assert np.isnan(found[-2, 0])
    assert roof.elsewhere_each(modulus, x, valid, roofs[:0], 8.0, (2, 5, 4, 30), 100).shape == (0, 2)


def test_elsewhere() -> None:
    modulus, traces = np.abs(image()), np.array([1, 4, 9, 22])
    energy, level = roof.elsewhere(modulus, traces, (50, 75), (3, 9))
    assert energy == pytest.approx(np.median(modulus[traces, 50:75].astype(float) ** 2), rel=1e-6)
    assert level == pytest.approx(np.quantile(modulus[traces, 3:9].max(axis=1), 0.7), rel=1e-6)
    assert np.isnan(roof.elsewhere(modulus, traces, (60, 75), (3, 9))[0])


def test_where_the_image_is_not_finite_a_point_stays_where_it_is() -> None:
    points = np.array([[2, 3], [0, 0]])
    found = roof.strongest_near(np.full((5, 6), np.nan, np.float32), points, 1, 2)
    np.testing.assert_array_equal(found, points)

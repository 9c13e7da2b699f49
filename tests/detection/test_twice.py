"""What came back by way of two bodies, against the shortest way by any two points of their outlines."""

from __future__ import annotations

import math

import numpy as np
import pytest

from gprscan.detection.body import Body
from gprscan.detection.merge import merge
from gprscan.detection.twice import scattered_twice

VELOCITY, PERIOD, AIR = 0.1, 2.5, 0.4  # m/ns, ns, and ns of the way through air


def round_top(x: float, depth: float, radius: float, level: float = -10.0, kind: str = "cavity") -> Body:
    """Body of a round top; `level` is of its echo without spreading, dB."""
    time = AIR + 2 * depth / VELOCITY
    return Body(
        "diffraction", x, time, depth=depth, velocity=VELOCITY, sigma_velocity=0.003,
        evidence={"excess_settled": 0.5 * math.log(1 + radius / depth), "amplitude_db": level + 10 * math.log10(time)},
        votes={"prior": {kind: 3.0, "clutter": 0.0}},
    )  # fmt: skip


def way_round(a: tuple[float, float, float], b: tuple[float, float, float]) -> tuple[float, float]:
    """Place of the antenna and shortest way from it by the outlines of two circles (x, depth, radius) and back, m."""
    angle = np.radians(np.arange(0.0, 360.0, 3.0))
    (x1, z1), (x2, z2) = ((x + r * np.cos(angle), z + r - r * np.sin(angle)) for x, z, r in (a, b))
    across = np.hypot(x1[:, None] - x2, z1[:, None] - z2)
    places = np.linspace(a[0], b[0], 41)
    ways = [float((np.hypot(x1 - s, z1)[:, None] + across + np.hypot(x2 - s, z2)).min()) for s in places]
    return float(places[np.argmin(ways)]), min(ways)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ((2.0, 0.6, 0.0), (2.6, 0.6, 0.0)),
        ((2.0, 0.84, 0.4), (3.0, 0.66, 0.3)),
        ((1.7, 0.77, 0.1), (2.33, 0.52, 0.31)),
    ],
)
def test_it_lies_between_both_and_comes_when_the_shortest_way_does(
    a: tuple[float, float, float], b: tuple[float, float, float]
) -> None:
    parents = [round_top(*a), round_top(*b)]
    place, length = way_round(a, b)
    child = round_top(place, 0.5 * length, 0.0, level=-9.0)
    assert scattered_twice(child, [*parents, child], PERIOD)
    assert merge([*parents, child], PERIOD) == parents
    points = (round_top(place, 0.5 * way_round((*a[:2], 0.0), (*b[:2], 0.0))[1] + 0.25, 0.0), "too late")
    early = (round_top(place, 0.5 * length - 0.2, 0.0), "too early")
    aside = (round_top(max(a[0], b[0]) + 0.2, 0.5 * length, 0.0), "not between them")
    loud = (round_top(place, 0.5 * length, 0.0, level=-6.0), "louder than both")
    for other, why in (points, early, aside, loud):
        assert not scattered_twice(other, parents, PERIOD), why


def test_clutter_and_roofs_light_up_nothing() -> None:
    a, b = (2.0, 0.6, 0.0), (2.6, 0.6, 0.0)
    place, length = way_round(a, b)
    child = round_top(place, 0.5 * length, 0.0)
    stones = [round_top(*a), round_top(*b)]
    for stone in stones:
        stone.votes = {"prior": {"cavity": 0.0, "clutter": 3.0}}
    assert merge([*stones, child], PERIOD) == [*stones, child]
    roof = round_top(*a)
    roof.source = "zone"
    assert not scattered_twice(child, [roof, round_top(*b)], PERIOD)


def test_of_many_bodies_above_some_two_fit_by_chance() -> None:
    a, b = (2.0, 0.6, 0.0), (2.6, 0.6, 0.0)
    place, length = way_round(a, b)
    child = round_top(place, 0.5 * length, 0.0)
    bars = [round_top(1.0 + 0.2 * n, 0.3, 0.0) for n in range(4)]
    assert not scattered_twice(child, [round_top(*a), round_top(*b), *bars], PERIOD)


def test_without_a_direct_wave_nothing_is_said() -> None:
    a, b = (2.0, 0.6, 0.0), (2.6, 0.6, 0.0)
    place, length = way_round(a, b)
    child = round_top(place, 0.5 * length, 0.0)
    child.evidence["amplitude_db"] = None
    assert not scattered_twice(child, [round_top(*a), round_top(*b)], PERIOD)

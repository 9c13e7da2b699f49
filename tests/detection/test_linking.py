"""Linking across the channels of an array: pipes are lines, voids are compact, the edge of the swath stays open."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from gprscan import model
from gprscan.detection import detect
from gprscan.detection.body import Body
from gprscan.detection.classify import posterior
from gprscan.detection.link import link_channels
from tests.detection.lines import make, wrap

PERIOD = 2.5
OFFSETS = {c: round((c - 3.5) * 0.12, 3) for c in range(8)}
KINDS = ("cavity", "loose", "water_rich", "pipe", "clutter")


def apex(
    channel: int, x: float, t: float = 12.0, kind: str = "pipe", chance: float = 0.8, level: float = -15.0
) -> Body:
    rest = (1 - chance) / (len(KINDS) - 1)
    votes = {"prior": {k: math.log(chance if k == kind else rest) for k in KINDS}}
    return Body(
        source="diffraction", x=x, t=t, channel=channel, offset=OFFSETS[channel], depth=0.05 * t, velocity=0.1,
        sigma_x=0.02, sigma_t=0.2, sigma_depth=0.03, sigma_velocity=0.01, score=0.9, votes=votes,
        evidence={"amplitude_db": level}, channels=[channel],
    )  # fmt: skip


def kind(body: Body) -> str:
    return next(iter(posterior(body.votes)))


@pytest.mark.parametrize("degrees", [-60, -30, 0, 15, 45, 60])
def test_a_pipe_is_one_line_at_any_angle(degrees: float) -> None:
    slope = math.tan(math.radians(degrees))
    rng = np.random.default_rng(1)
    shown = [apex(c, 5.0 + slope * y + rng.normal(0, 0.01)) for c, y in OFFSETS.items() if c != 3]
    (body,) = link_channels(shown, OFFSETS, PERIOD)
    assert body.evidence["link"] == "line"
    assert kind(body) == "pipe"
    assert body.x == pytest.approx(5.0, abs=0.03)
    assert body.offset == pytest.approx(0.0, abs=1e-9)
    assert body.evidence["crossing_deg"] == pytest.approx(degrees, abs=4)
    assert body.channels == [c for c in OFFSETS if c != 3]


def test_a_pipe_mistaken_for_a_void_on_every_channel_is_still_a_pipe() -> None:
    (body,) = link_channels(
        [apex(c, 5.0 + 0.5 * y, kind="cavity", chance=0.6) for c, y in OFFSETS.items()], OFFSETS, PERIOD
    )
    assert kind(body) == "pipe"


def test_continuity_speaks_for_kinds_with_variants_too() -> None:
    shown = [apex(c, 5.0 + 0.5 * y) for c, y in OFFSETS.items()]
    for body in shown:
        body.votes = {"prior": dict.fromkeys(("cavity.air", "cavity.water", "pipe.metal", "pipe.air", "clutter"), -1.5)}
    (line,) = link_channels(shown, OFFSETS, PERIOD)
    assert kind(line) == "pipe"
    assert set(line.votes["continuity"]) == {"pipe", "cavity", "clutter"}


def test_clutter_at_the_edge_makes_no_line_of_a_void() -> None:
    times = {2: 12.8, 3: 11.5, 4: 11.2, 5: 11.5, 6: 13.3}
    shown = [apex(c, 3.0, t, "cavity", 0.6) for c, t in times.items()]
    stray = apex(0, 3.02, 11.1, "clutter", 0.99)
    found = link_channels([*shown, stray], OFFSETS, PERIOD)
    (void,) = [b for b in found if kind(b) != "clutter"]
    assert void.evidence["link"] == "compact"
    assert void.channels == sorted(times)


def test_a_channel_without_an_amplitude_does_not_narrow_a_void() -> None:
    shown = [apex(c, 3.0, 13.0, "cavity", level=-14.0) for c in (2, 3, 4, 5)]
    (whole,) = link_channels(shown, OFFSETS, PERIOD)
    shown = [apex(c, 3.0, 13.0, "cavity", level=-14.0) for c in (2, 3, 4, 5)]
    shown[1].evidence.pop("amplitude_db")
    (body,) = link_channels(shown, OFFSETS, PERIOD)
    assert (body.y_min, body.y_max) == (whole.y_min, whole.y_max)


def test_a_body_is_as_long_as_where_it_is_longest() -> None:
    shown = [apex(c, 3.0, 13.0, "cavity") for c in (2, 3, 4, 5)]
    for body, roof in zip(shown, (0.2, 0.5, 0.35, None), strict=True):
        body.evidence["image_width_m"] = roof
    (whole,) = link_channels(shown, OFFSETS, PERIOD)
    assert whole.evidence["image_width_m"] == 0.5


def test_what_is_narrower_than_a_body_worth_reporting_may_be_a_stone() -> None:
    close = {c: 0.1 * c for c in range(8)}
    doubts = []
    for channels in ((3, 4), (3, 4, 5), (3, 4, 5, 6), (2, 4)):
        (body,) = link_channels([apex(c, 3.0, 13.0, "cavity", 0.6) for c in channels], close, PERIOD)
        doubts.append(posterior(body.votes)["clutter"])
    assert doubts[0] == pytest.approx(doubts[1])
    assert doubts[2] < 0.5 * doubts[0]
    assert doubts[3] > 1.5 * doubts[0]


def test_channels_that_hear_a_body_and_take_it_for_a_stone_have_their_say() -> None:
    shown = [apex(c, 3.0, 13.0, "cavity", 0.75, level=-14.0) for c in (3, 4)]
    chances = {}
    for name, where in (
        ("next", {"channel": 5}),
        ("between", {"channel": 4}),
        ("weak", {"channel": 5, "level": -22.0}),
        ("aside", {"channel": 5, "x": 3.4}),
        ("far", {"channel": 6}),
    ):
        mine = [shown[0], apex(5, 3.0, 13.0, "cavity", 0.75, level=-14.0)] if name == "between" else shown
        stone = apex(**{"x": 3.01, "t": 13.2, "kind": "clutter", "chance": 0.97, "level": -15.0} | where)
        body, *_ = [
            b for b in link_channels([*mine, stone], OFFSETS, PERIOD) if b.channels == [c.channel for c in mine]
        ]
        chances[name] = posterior(body.votes)["cavity"], body.evidence["silent_channels"]
        assert body.evidence["doubting_channels"] == (name in ("next", "between"))
    (alone,) = link_channels(shown, OFFSETS, PERIOD)
    believed = posterior(alone.votes)["cavity"], 0
    assert chances["weak"] == chances["aside"] == chances["far"] == believed
    assert chances["next"][0] < 0.6 * believed[0]
    assert chances["between"] == chances["next"]
    assert alone.evidence["doubting_channels"] == 0


def test_one_of_eight_channels_needs_better_evidence_than_one_line() -> None:
    close = {c: 0.1 * c for c in range(8)}
    (alone,) = link_channels([apex(4, 3.0, 13.0, "cavity", 0.93)], close, PERIOD)
    assert kind(alone) == "clutter"
    (edge,) = link_channels([apex(0, 3.0, 13.0, "cavity", 0.8)], close, PERIOD)
    assert kind(edge) == "cavity"
    assert posterior(edge.votes)["clutter"] > 0.2  # from there on it is left out
    (two,) = link_channels([apex(c, 3.0, 13.0, "cavity", 0.8) for c in (0, 1)], close, PERIOD)
    assert posterior(two.votes)["clutter"] < 0.1


@pytest.mark.parametrize("channel", [0, 4])
def test_a_gap_under_the_bound_layer_does_not_answer_on_one_channel_alone(channel: int) -> None:
    close = {c: 0.1 * c for c in range(8)}
    gap = apex(channel, 3.0, 4.0, kind="debond")
    gap.source, gap.x_min, gap.x_max = "debond", 2.86, 3.14
    gap.votes = {"prior": {"debond": math.log(0.9), "cavity": math.log(0.02), "interface": math.log(0.08)}}
    (alone,) = link_channels([gap], close, PERIOD)
    assert kind(alone) == "interface"
    (deaf,) = link_channels([gap], close, PERIOD, {channel: [(0.0, 9.0)]})
    assert kind(deaf) == "debond"
    other = replace(gap, channel=abs(channel - 1), channels=[abs(channel - 1)])
    (both,) = link_channels([gap, other], close, PERIOD)
    assert kind(both) == "debond"


def test_a_long_body_at_the_edge_of_the_swath_is_no_narrower_than_a_step() -> None:
    close = {c: 0.1 * c for c in range(8)}
    doubts = []
    for length in (0.2, 0.6):
        roof = apex(0, 3.0, 13.0, "cavity", 0.75)
        roof.source, roof.x_min, roof.x_max = "zone", 3.0 - length / 2, 3.0 + length / 2
        (body,) = link_channels([roof], close, PERIOD)
        doubts.append(posterior(body.votes)["clutter"])
    assert doubts[1] > 1.5 * doubts[0]


def test_a_cavity_with_a_wide_roof_is_long_before_its_extent_is_measured() -> None:
    close = {c: 0.1 * c for c in range(8)}
    doubts = []
    for roof in (None, 0.3):
        shown = apex(0, 3.0, 7.0, "cavity", 0.93)
        shown.evidence["image_width_m"] = roof
        (body,) = link_channels([shown], close, PERIOD)
        doubts.append(body.votes["continuity"]["clutter"])
    assert doubts[1] == pytest.approx(2 * doubts[0])


@pytest.mark.parametrize(
    ("length", "channels", "silent"), [(1.5, (2, 3), 2), (1.5, (0, 1), 1), (0.5, (2, 3), 0), (1.5, (2, 3, 4, 5), 0)]
)
def test_a_long_strip_two_channels_wide_shows_on_those_beside_them(
    length: float, channels: tuple[int, ...], silent: int
) -> None:
    close = {c: 0.1 * c for c in range(8)}
    gap = [apex(c, 3.0, 3.0, kind="debond") for c in channels]
    for part in gap:
        part.source, part.x_min, part.x_max = "debond", 3.0 - 0.5 * length, 3.0 + 0.5 * length
        part.votes = {"prior": {"debond": 1.3, "interface": -1.0}}
    (body,) = link_channels(gap, close, PERIOD)
    assert body.evidence["silent_channels"] == silent
    assert kind(body) == ("interface" if silent == 2 else "debond")


def test_a_void_is_compact_with_its_width_and_uncertainty() -> None:
    levels = {2: -20.0, 3: -13.0, 4: -12.0, 5: -14.0}
    shown = [apex(c, 3.0 + 0.02 * (c - 4), 13.0 + 0.2 * abs(c - 4), "cavity", level=db) for c, db in levels.items()]
    (body,) = link_channels(shown, OFFSETS, PERIOD)
    assert body.evidence["link"] == "compact"
    assert body.closed
    assert kind(body) == "cavity"
    assert body.t == min(b.t for b in shown)
    assert body.y_min is not None
    assert body.y_max is not None
    assert 0.3 < body.y_max - body.y_min < 0.6
    assert 0.0 < body.evidence["sigma_width_m"] < 0.1
    assert not body.evidence["width_at_least"]


@pytest.mark.parametrize("channels", [(0, 1, 2), (5, 6, 7)])
def test_what_reaches_the_edge_of_the_swath_is_never_compact(channels: tuple[int, ...]) -> None:
    (body,) = link_channels([apex(c, 3.0, 13.0, "cavity") for c in channels], OFFSETS, PERIOD)
    assert body.evidence["link"] == "open"
    assert body.evidence["width_at_least"]
    assert not body.closed
    assert kind(body) == "cavity"


def test_one_channel_between_silent_neighbours_is_no_pipe() -> None:
    (alone,) = link_channels([apex(4, 3.0, chance=0.5)], OFFSETS, PERIOD)
    assert kind(alone) == "clutter"
    (edge,) = link_channels([apex(0, 3.0, chance=0.4)], OFFSETS, PERIOD)
    assert posterior(edge.votes)["pipe"] < 0.3
    wide = {c: 1.0 * c for c in range(8)}
    (far,) = link_channels([apex(4, 3.0)], wide, PERIOD)
    assert kind(far) == "pipe"  # channels a metre apart say nothing about each other


def test_channels_that_were_not_searched_there_say_nothing() -> None:
    shown = [apex(4, 3.0, kind="cavity", chance=0.6)]
    everywhere = {c: [(0.0, 20.0)] for c in range(8)}
    (alone,) = link_channels(shown, OFFSETS, PERIOD, everywhere)
    (unknown,) = link_channels(shown, OFFSETS, PERIOD)
    (deaf,) = link_channels(shown, OFFSETS, PERIOD, {4: [(0.0, 20.0)]})
    (late,) = link_channels(shown, OFFSETS, PERIOD, everywhere | {3: [(3.5, 20.0)], 5: [(0.0, 2.0)]})
    silent = [b.evidence["silent_channels"] for b in (alone, unknown, deaf, late)]
    assert silent == [4, 4, 0, 2]
    assert kind(deaf) == "cavity"
    doubts = [posterior(b.votes)["clutter"] for b in (alone, late, deaf)]
    assert doubts == sorted(doubts, reverse=True)


def test_dead_channels_beside_a_channel_hide_no_void() -> None:
    line, _ = make((3.0, 0.6, 0.5), (14.0, 0.7, 0.6), length=20.0, noise=0.01)
    alone = detect(line)
    traces = model.amplitude(line)
    dead = np.zeros_like(traces)
    swath = wrap(np.stack([dead] * 3 + [traces] + [dead] * 3), channel_offsets=[0.07 * c for c in range(7)])
    found = detect(swath)
    assert len(alone) == 2
    np.testing.assert_allclose(found["distance_m"], alone["distance_m"], atol=0.02)
    assert found["kind"].tolist() == alone["kind"].tolist()


@pytest.mark.parametrize(("early", "brighter"), [(0.6, 0.0), (0.0, 6.0)])
def test_a_void_riding_on_a_pipe_is_a_body_of_its_own(early: float, brighter: float) -> None:
    shown = [apex(c, 5.0 + 0.4 * y, level=-18.0) for c, y in OFFSETS.items() if c not in (3, 4)]
    shown += [apex(c, 5.0 + 0.4 * OFFSETS[c], 12.0 - early, "cavity", level=-18.0 + brighter) for c in (3, 4)]
    bodies = link_channels(shown, OFFSETS, PERIOD)
    assert sorted(kind(b) for b in bodies) == ["cavity", "pipe"]
    void = next(b for b in bodies if kind(b) == "cavity")
    assert void.channels == [3, 4]
    assert void.evidence["near_lines"] == ["line-1"]


def test_two_channels_that_only_look_like_a_void_stay_with_their_pipe() -> None:
    shown = [apex(c, 5.0 + 0.4 * y, kind="cavity" if c in (3, 4) else "pipe") for c, y in OFFSETS.items()]
    (body,) = link_channels(shown, OFFSETS, PERIOD)
    assert kind(body) == "pipe"
    assert body.channels == list(OFFSETS)


def test_pipe_and_void_side_by_side_and_crossing_pipes() -> None:
    shown = [apex(c, 5.0 + 0.3 * y) for c, y in OFFSETS.items()]
    shown += [apex(c, 6.0, 10.0, "cavity") for c in (2, 3, 4)]
    assert sorted(kind(b) for b in link_channels(shown, OFFSETS, PERIOD)) == ["cavity", "pipe"]
    cross = [apex(c, 5.0 + s * y, 12.0 + 5.0 * (s > 0)) for s in (-0.8, 0.8) for c, y in OFFSETS.items()]
    lines = link_channels(cross, OFFSETS, PERIOD)
    assert sorted(round(b.evidence["crossing_deg"]) for b in lines) == [-39, 39]


def test_two_voids_of_one_channel_stay_two() -> None:
    shown = [apex(c, x, 12.0, "cavity") for c in (2, 3, 4) for x in (3.0, 4.5)]
    assert len(link_channels(shown, OFFSETS, PERIOD)) == 2


def test_order_does_not_matter_and_one_channel_is_left_alone() -> None:
    shown = [apex(c, 5.0 + 0.3 * y) for c, y in OFFSETS.items()] + [apex(c, 7.0, 9.0, "cavity") for c in (3, 4, 5)]
    forward, backward = (
        [(round(b.x, 6), round(b.t, 6), kind(b)) for b in link_channels(order, OFFSETS, PERIOD)]
        for order in (shown, shown[::-1])
    )
    assert forward == backward
    single = [apex(0, 3.0)]
    assert link_channels(single, {0: 0.0}, PERIOD) == single


def test_two_antennas_behind_each_other_do_not_break_the_search_for_lines() -> None:
    offsets = {c: 0.0 if c < 2 else 0.5 for c in range(4)}
    shown = [apex(c, 3.0, 12.0, "cavity") for c in range(4)]
    bodies = link_channels(shown, offsets, PERIOD)
    assert sorted(c for b in bodies for c in b.channels) == [0, 1, 2, 3]

"""Stones: hyperbolas that are sure to be natural are weighed no further, and nothing else changes by that."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from gprscan import detect, model
from gprscan.detection import classify, diffractions, image
from gprscan.detection.body import Body
from gprscan.detection.scattering import weakest_service
from gprscan.detection.settings import Settings
from gprscan.detection.settle import settle
from gprscan.detection.stretches import copied
from gprscan.synthetic import Road, road_line
from tests.detection.lines import make, near, section

SETTINGS = Settings()


@pytest.fixture(scope="module")
def stony() -> object:
    line, _ = road_line(12.0, 11, clutter="high", road=Road(spacing=0.03))
    values = model.amplitude(line)
    noise = np.random.default_rng(3).standard_normal(values.shape, dtype=np.float32)
    return model.with_amplitude(line, values + np.float32(0.003) * noise)


def found(line: object, *, stones: bool) -> list[Body]:
    part = section(line)
    picture = image.migrated(part, SETTINGS.prior_ground().rms(10.0))
    return diffractions.find_bodies(part, SETTINGS, picture, stones=stones)


def test_stones_say_nothing_but_the_ground_unless_they_are_asked_for(stony: object) -> None:
    brief, whole = found(stony, stones=False), found(stony, stones=True)
    assert [(b.x, b.stone, b.evidence["apparent_velocity_m_ns"]) for b in brief] == [
        (b.x, b.stone, b.evidence["apparent_velocity_m_ns"]) for b in whole
    ]
    assert 0.3 < np.mean([b.stone for b in whole]) < 1.0
    for short, long in zip(brief, whole, strict=True):
        assert bool(short.votes) is not short.stone
        assert long.votes
        if not short.stone:
            assert short.votes == long.votes
            assert short.evidence == long.evidence


def test_what_is_a_stone_by_any_test_is_clutter_by_all_votes(stony: object) -> None:
    for body in found(stony, stones=True):
        if body.stone:
            assert classify.posterior(body.votes)["clutter"] > 0.95


def test_the_table_is_the_same_whether_stones_are_shown_or_not(stony: object) -> None:
    shown, everything = detect(stony), detect(stony, include=("clutter",))
    others = everything[everything["kind"] != "clutter"].reset_index(drop=True)
    assert len(everything) > 20
    # a number of a row may differ, since all are counted
    columns = [c for c in shown.columns if c not in ("geometry", "id", "evidence")]
    assert shown[columns].to_csv() == others[columns].to_csv()
    votes = [json.loads(e)["votes"] for e in everything["evidence"]]
    assert all("excess_settled" in v for v, kind in zip(votes, everything["kind"], strict=True) if kind == "clutter")


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_stone_above_a_void_owns_nothing_of_it(seed: int) -> None:
    # too faint for any service, and by its other votes a pipe filled with water
    line, _ = make((2.0, 0.5, -0.021), (2.0, 0.9, 0.3), length=4.0, noise=0.004, seed=seed)
    plain, asked = (near(detect(line, include=include), 2.0, 0.1) for include in ((), ("clutter",)))
    assert [(row["kind"], row["probabilities"]) for row in plain] == [
        (row["kind"], row["probabilities"]) for row in asked if row["kind"] != "clutter"
    ]
    # as likely a pipe, or nearly so, by the tables
    assert "cavity" in {next(iter(json.loads(row["probabilities"]))) for row in plain}


def test_channels_are_linked_alike_whether_stones_are_shown_or_not() -> None:
    # the second channel hears the body at 5 m as a stone
    sizes = [(0.5, 0.06), (0.4, 0.02), (0.5, 0.06)]
    lines = [make((2.0, 0.6, a), (5.0, 0.6, b), length=7.0, noise=0.004, seed=k) for k, (a, b) in enumerate(sizes)]
    values = np.stack([model.amplitude(line) for line, _ in lines])
    swath = lines[0][0].drop_vars("amplitude").assign(amplitude=(("channel", "trace", "twt"), values))
    swath = swath.assign_coords(offset=("channel", np.array([0.0, 0.1, 0.2])))
    shown, everything = detect(swath), detect(swath, include=("clutter",))
    others = everything[everything["kind"] != "clutter"].reset_index(drop=True)
    columns = [c for c in shown.columns if c not in ("geometry", "id", "evidence")]
    assert len(shown) > 0
    assert len(everything) > len(shown)
    assert shown[columns].to_csv() == others[columns].to_csv()


@pytest.mark.parametrize(("size", "noise", "stone"), [(0.02, 0.003, True), (0.04, 0.006, False), (0.02, 0.001, False)])
def test_an_echo_is_a_stone_where_it_is_fainter_than_any_service(size: float, noise: float, stone: bool) -> None:
    line, _ = make((2.0, 0.6, size), length=4.0, noise=noise)
    bodies = {
        asked: next(b for b in found(line, stones=asked) if abs(b.x - 2.0) < 0.05 and abs(b.t - 11.5) < 1.0)
        for asked in (True, False)
    }
    assert bodies[True].stone is bodies[False].stone is stone
    level, strength = (bodies[True].evidence[name] for name in ("amplitude_db", "strength_db"))
    # what stands out from all around it is shown, however faint: it may be a bar of a row
    assert stone is (level < weakest_service(bodies[True].t, 0.6, 0.4) - 2.0 and strength < 12.0)


def test_where_the_direct_wave_is_no_scale_nothing_is_a_stone_by_its_strength() -> None:
    line, _ = make((2.0, 0.6, 0.02), length=4.0, noise=0.003)
    part = section(line)
    settings = Settings(absolute=False)
    picture = image.migrated(part, settings.prior_ground().rms(10.0))
    assert not any(t.stone for t in diffractions.find(part, settings, settings.prior_ground()))
    assert any(t.stone for t in diffractions.find(part, SETTINGS, SETTINGS.prior_ground()))
    assert all("amplitude_db" not in b.votes for b in diffractions.find_bodies(part, settings, picture))


def hyperbola(x: float, excess: float, *, stone: bool = False) -> Body:
    evidence = {
        "excess": excess,
        "sigma_apparent": 0.02,
        "coherence": 0.8,
        "legs_db": 0.0,
        "apparent_velocity_m_ns": 0.1,
    }
    votes = {} if stone else {"prior": {"pipe.metal": 0.0, "clutter": 0.0}}
    return Body("diffraction", x, 12.0, depth=0.5, votes=votes, stone=stone, evidence=evidence, sigma_t=0.1)


def test_stones_still_say_how_fast_the_ground_is() -> None:
    def ground(stones: list[Body]) -> float:
        target = hyperbola(20.0, 0.0)
        settle([target, *stones], SETTINGS.prior_ground(), 0.0, [0.14])
        return math.log(float(target.evidence["ground_factor"]))

    many = [hyperbola(20.0 + 0.1 * k, 0.1, stone=True) for k in range(-60, 61) if k]
    far = [hyperbola(200.0 + 0.1 * k, 0.1, stone=True) for k in range(60)]
    assert ground(many) > ground([]) + 0.02
    assert ground(far) == pytest.approx(ground([]))
    # of a body that may be a stone, the sum of what its kinds explain; of one that is sure to be, the stone's alone
    unsure = [hyperbola(b.x, 0.1) for b in many]
    assert ground(unsure) != pytest.approx(ground(many), abs=1e-4)
    told = settle(many, SETTINGS.prior_ground(), 0.0, [0.14])
    assert told.shape == (120, 3)
    assert np.isfinite(told).all()


def test_what_is_no_stone_and_has_no_votes_is_left_alone() -> None:
    def settled(*others: Body) -> tuple[Body, np.ndarray]:
        target = hyperbola(20.0, 0.1)
        return target, settle([hyperbola(19.0, 0.0), *others, target], SETTINGS.prior_ground(), 0.0, [0.14])

    mute = hyperbola(19.5, 0.7)
    mute.votes = {}
    before = copied(mute)
    (alone, told), (beside, told_too) = settled(), settled(mute, hyperbola(21.0, 0.05, stone=True))
    assert mute == before
    assert told_too.shape == (3, 3)
    np.testing.assert_allclose(told_too[:2, 0], told[:, 0])
    assert np.isfinite(told_too).all()
    (last, with_stone) = settled(hyperbola(21.0, 0.05, stone=True))
    np.testing.assert_array_equal(with_stone, told_too)
    assert last == beside != alone


def test_each_channel_is_settled_with_its_own_separation() -> None:
    near, far = hyperbola(20.0, 0.0), hyperbola(20.0, 0.0)
    far.channel = 1
    settle([near, far], SETTINGS.prior_ground(), 0.0, [0.1, 0.6])
    way = 0.5 * near.velocity * 12.0
    assert near.velocity is not None
    assert near.depth == pytest.approx(math.sqrt(way**2 - 0.05**2), rel=0.02)
    assert far.depth == pytest.approx(math.sqrt(way**2 - 0.3**2), rel=0.02)


@pytest.mark.parametrize("t", [5.0, 12.0, 22.0])
@pytest.mark.parametrize("excess", [None, 0.15])
def test_a_roof_lies_where_the_ground_around_it_says(t: float, excess: float | None) -> None:
    prior = SETTINGS.prior_ground()
    roof = Body("zone", 20.0, t, depth=9.0, velocity=0.3, sigma_t=0.5)
    around = [] if excess is None else [hyperbola(19.0 + 0.2 * k, excess) for k in range(10)]
    told = settle([*around, roof], prior, 0.0, [0.14])
    ground = prior.updated(told[:, 1], told[:, 2])
    assert (ground.factor > 1.02) == bool(around)
    assert roof.velocity == pytest.approx(ground.rms(t), rel=1e-3)
    assert roof.depth == pytest.approx(ground.depth(math.sqrt(t**2 - (0.14 / roof.velocity) ** 2)), rel=1e-3)
    spread = ground.spread if around else prior.spread
    assert roof.sigma_depth == pytest.approx(math.hypot(roof.depth * spread, 0.25 * roof.velocity), rel=1e-3)


def test_the_odds_are_those_of_the_likeliest_other_kind() -> None:
    table = {
        "prior": {"cavity": 0.2, "pipe": 0.3, "clutter": 0.5},
        "curve": {"size": {"knots": [0.0, 1.0], "cavity": [0.0, 4.0], "pipe": [0.0, 1.0], "clutter": [0.0, -1.0]}},
    }
    measured = [{"size": 1.0}, {"size": None}]
    odds = classify.Sums.said(table, classify.likelihoods(table, measured)).odds_against("clutter")
    for value, votes in zip(odds, classify.vote(table, measured), strict=True):
        sums = classify.total(votes)
        assert value == pytest.approx(max(sums["cavity"], sums["pipe"]) - sums["clutter"])


def test_probabilities_of_many_are_those_of_each() -> None:
    votes = [
        {"prior": {"cavity": -1.0, "pipe.metal": -2.0, "pipe.air": -1.5, "clutter": -0.5}, "row": {"pipe": 2.0}},
        {"prior": {"cavity": -1.0, "pipe.metal": -2.0, "pipe.air": -1.5, "clutter": -0.5}, "faint": {}},
        {"prior": {"cavity": -1.0, "pipe.metal": -2.0, "pipe.air": -1.5, "clutter": -0.5}, "row": {"rebar": 1.0}},
    ]
    bodies = [Body("diffraction", 0.0, 5.0, votes=mine) for mine in votes]
    classify.weigh_all(bodies, classify.Sums.of(votes, ["cavity", "pipe.metal", "pipe.air", "clutter"]))
    for body, mine in zip(bodies, votes, strict=True):
        for kept, alone in (
            (classify.details_of(body), classify.detailed(mine)),
            (classify.chances_of(body), classify.posterior(mine)),
        ):
            assert list(kept) == list(alone)
            assert list(kept.values()) == pytest.approx(list(alone.values()), abs=1e-12)
    bodies[1].votes["row"] = {"pipe": 9.0}
    assert next(iter(classify.chances_of(bodies[1]))) == "pipe"


def test_what_has_no_roof_of_its_own_is_likely_a_rim_or_a_tail(stony: object) -> None:
    bodies = [b for b in found(stony, stones=True) if not diffractions._striking(b.evidence["strength_db"], SETTINGS)]
    bare = [b for b in bodies if "reflectivity_db" not in b.evidence]
    assert 0 < len(bare) < len(bodies)
    assert all(b.votes["roofless"] == {"clutter": diffractions.ROOFLESS} for b in bare)
    assert not any("roofless" in b.votes for b in bodies if "reflectivity_db" in b.evidence)

"""Votes: tables, curves, sums and variants; what is beside a body and what owns it."""

from __future__ import annotations

import copy
import itertools
import math
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from gprscan.detection import classify, neighbours
from gprscan.detection.body import Body
from gprscan.detection.merge import merge
from gprscan.detection.pipeline import decide, load_settings, measure_length
from gprscan.detection.settings import Settings
from gprscan.detection.settle import settle
from gprscan.detection.table_rules import check_table
from gprscan.errors import RecipeError

TABLE: dict[str, Any] = {
    "prior": {"cavity.air": 0.2, "cavity.water": 0.1, "pipe": 0.2, "clutter": 0.5},
    "curve": {
        "size": {
            "knots": [0.0, 1.0, 3.0],
            "cavity.air": [0.0, 1.0, 2.0],
            "cavity.water": [0.0, 0.5, 0.0],
            "pipe": [1.0, -1.0, -1.0],
            "clutter": [0.0, -2.0, -3.0],
        }
    },
    "gauss": {"level": {"pipe": [0.0, 1.0], "clutter": [-10.0, 1.0], "cap": 3.0}},
    "sign": {"polarity": {"pipe": {"-1": 0.8, "1": 0.2}, "cavity.air": {"-1": 0.1, "1": 0.9}}},
}


@pytest.mark.parametrize(
    ("value", "air", "pipe"), [(-5.0, 0.0, 1.0), (0.0, 0.0, 1.0), (0.5, 0.5, 0.0), (2.0, 1.5, -1.0), (9.0, 2.0, -1.0)]
)
def test_a_curve_is_straight_between_knots_and_level_beyond(value: float, air: float, pipe: float) -> None:
    read = classify.read_curve(TABLE, "size", [value])[0]
    assert read["cavity.air"] == pytest.approx(air)
    assert read["pipe"] == pytest.approx(pipe)


@pytest.mark.parametrize("missing", [None, math.nan])
def test_what_was_not_measured_casts_no_vote(missing: float | None) -> None:
    assert set(classify.vote(TABLE, [{"size": missing, "level": missing, "polarity": None}])[0]) == {"prior"}


def test_gaussians_and_signs_are_centred_and_capped() -> None:
    votes = classify.vote(TABLE, [{"level": 0.0, "polarity": -1}])[0]
    assert votes["level"]["pipe"] - votes["level"]["clutter"] == pytest.approx(3.0, abs=2e-3)
    assert sum(votes["level"].values()) == pytest.approx(0.0, abs=5e-3)
    assert votes["polarity"]["pipe"] > 0 > votes["polarity"]["cavity.air"]


def test_probabilities_are_bayes_rule_over_the_votes() -> None:
    votes = classify.vote(TABLE, [{"size": 1.0}])[0]
    weight = {k: p * math.exp(classify.read_curve(TABLE, "size", [1.0])[0][k]) for k, p in TABLE["prior"].items()}
    norm = sum(weight.values())
    for kind, chance in classify.detailed(votes).items():
        assert chance == pytest.approx(weight[kind] / norm, rel=1e-6)
    shown = classify.posterior(votes)
    assert shown["cavity"] == pytest.approx((weight["cavity.air"] + weight["cavity.water"]) / norm, rel=1e-6)
    assert sum(shown.values()) == pytest.approx(1.0)
    assert list(shown.values()) == sorted(shown.values(), reverse=True)


def test_a_vote_for_a_kind_counts_for_its_variants() -> None:
    votes = {"prior": {"cavity.air": 0.0, "cavity.water": 0.5, "pipe": 0.0}, "row": {"cavity": 1.0, "pipe": -1.0}}
    assert classify.total(votes) == pytest.approx({"cavity.air": 1.0, "cavity.water": 1.5, "pipe": -1.0})


KINDS = ("cavity.air", "cavity.water", "pipe.metal", "pipe.air", "clutter", "loose", "debond")


def random_votes(rng: np.random.Generator, missing: tuple[str, ...]) -> dict[str, dict[str, float]]:
    """Some votes of a body for all kinds but some, and for some of them only."""
    kinds = [kind for kind in KINDS if kind not in missing]
    votes = {"prior": {kind: float(rng.normal()) for kind in kinds}}
    for name in "abcd"[: rng.integers(0, 5)]:
        some = [*kinds, "cavity", "pipe"] if rng.uniform() < 0.5 else kinds
        chosen = rng.choice(some, rng.integers(1, len(some) + 1), replace=False)
        votes[name] = {str(kind): float(rng.normal(0, 2)) for kind in chosen}
    return votes


def assert_sums(sums: classify.Sums, votes: list[dict[str, dict[str, float]]]) -> None:
    """Compare with the sums body by body."""
    kinds, chances = sums.chances()
    for row, mine in zip(chances, votes, strict=True):
        expected = classify.detailed(mine)
        assert dict(zip(kinds, row, strict=True)) == pytest.approx({k: expected.get(k, 0.0) for k in kinds}, abs=1e-12)
        assert set(expected) <= set(kinds)
        logs = classify.total(mine)
        top = max(logs, key=lambda kind: logs[kind])
        assert kinds[int(row.argmax())] == top


@pytest.mark.parametrize("seed", range(5))
def test_sums_of_many_bodies_are_those_of_each(seed: int) -> None:
    rng = np.random.default_rng(seed)
    lacking = [(), (), ("loose",), ("debond", "loose"), (), ("clutter",), (), ("loose",)]
    votes = [random_votes(rng, missing) for missing in lacking]
    sums = classify.Sums.of(votes, KINDS)
    assert_sums(sums, votes)
    # one more vote of each, of some for what they had none for, and of one none at all
    more = [{str(kind): float(rng.normal()) for kind in rng.choice(KINDS, 4, replace=False)} for _ in votes]
    more[2], more[3] = {}, {"loose": 1.5}
    both = [{**mine, "more": vote} if vote else mine for mine, vote in zip(votes, more, strict=True)]
    before = sums.raw.copy()
    assert_sums(sums.plus(more), both)
    np.testing.assert_array_equal(sums.raw, before)
    assert_sums(sums.plus([{} for _ in votes]), votes)


def test_sums_of_no_body() -> None:
    kinds, chances = classify.Sums.of([], KINDS).plus([]).chances()
    assert chances.shape == (0, len(kinds))


@pytest.mark.parametrize("name", ["diffraction", "zone", "column", "debond"])
def test_the_tables_that_ship_are_whole(name: str) -> None:
    table = classify.load_table(name)
    assert sum(table["prior"].values()) == pytest.approx(1.0, abs=0.02)
    for entry in table.get("curve", {}).values():
        assert list(entry["knots"]) == sorted(set(entry["knots"]))
        for kind in table["prior"]:
            assert len(entry[kind]) == len(entry["knots"])
            assert np.isfinite(entry[kind]).all()


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("prior.pipe", math.nan),
        ("prior.pipe", 0.0),
        ("curve.size.pipe", [1.0, math.inf, -1.0]),
        ("curve.size.pipe", [1.0, -1.0]),
        ("curve.size.knots", [0.0, 3.0, 3.0]),
        ("curve.size.pipes", [0.0, 0.0, 0.0]),
        ("gauss.level.pipe", [0.0, 0.0]),
        ("gauss.level.pipe", [0.0]),
        ("gauss.level.cap", -math.inf),
        ("sign.polarity.pipe", {"-1": 1.0, "1": 0.0}),
    ],
)
def test_a_table_with_a_wrong_entry_is_refused_by_the_name_of_the_entry(path: str, value: Any) -> None:
    table = copy.deepcopy(TABLE)
    check_table("mine", table)
    *sections, last = path.split(".")
    entry = table
    for section in sections:
        entry = entry[section]
    entry[last] = value
    with pytest.raises(RecipeError, match=rf"detection/tables/mine\.toml: {re.escape(path)} is "):
        check_table("mine", table)


def test_a_curve_that_a_kind_lacks_is_missed() -> None:
    table = copy.deepcopy(TABLE)
    del table["curve"]["size"]["pipe"]
    with pytest.raises(RecipeError, match=r"curve\.size is without pipe; every kind"):
        check_table("mine", table)


def test_an_edited_table_is_checked_when_it_is_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "tables").mkdir()
    (tmp_path / "tables" / "zone.toml").write_text("[prior]\npipe = nan\n", encoding="utf-8")
    monkeypatch.setattr(classify.resources, "files", lambda _: tmp_path)
    with pytest.raises(RecipeError, match=r"zone\.toml: prior\.pipe is nan; votes are summed"):
        classify.load_table.__wrapped__("zone")


def body(x: float, t: float, source: str = "diffraction", **more: Any) -> Body:
    level = more.pop("level", -10.0)
    votes = {"prior": more.pop("kinds", {"pipe": 2.0, "cavity": 0.0})}
    return Body(source, x, t, depth=0.05 * t, evidence={"reflectivity_db": level}, votes=votes, **more)


def test_what_lies_under_a_body_and_its_peers() -> None:
    here = SimpleNamespace(fc_nominal=0.4, x=np.arange(0.0, 20.0, 0.05))
    top, under, peer, far, weak = (
        body(10.0, 8.0, level=-6.0), body(10.05, 14.0, level=-15.0), body(12.0, 8.0, level=-7.0),
        body(18.0, 8.0), body(9.0, 9.0, level=-30.0),
    )  # fmt: skip
    top.evidence["onset_margin"] = -0.3
    neighbours.compare(here, [top, under, peer, far, weak])  # type: ignore[arg-type]
    assert under.evidence["under_db"] == pytest.approx(9.0)
    assert top.evidence["under_db"] is None
    assert peer.evidence["under_db"] is None
    assert top.evidence["floor_ns"] == pytest.approx(6.0)
    assert top.evidence["floor_db"] == pytest.approx(-9.0)
    assert under.evidence["under_margin"] == -0.3
    assert peer.evidence["floor_ns"] is under.evidence["floor_db"] is None
    assert top.evidence["peers_per_m"] == pytest.approx(1 / 8.0)  # only what is as strong, and near
    assert weak.evidence["peers_per_m"] > top.evidence["peers_per_m"]


def shaft() -> Body:
    return body(5.0, 0.5, "column", x_min=4.6, x_max=5.4, t_bottom=40.0, kinds={"manhole": 5.0, "clutter": 0.0})


def test_a_shaft_owns_what_rings_in_it_but_not_what_is_beside() -> None:
    cover, inside, beside = shaft(), body(5.1, 9.0), body(6.5, 9.0)
    assert merge([cover, inside, beside], 2.5) == [cover, beside]


def test_where_the_bars_of_a_row_go_on_there_is_no_shaft() -> None:
    bars = [body(4.0 + 0.2 * n, 2.0, group="row", kinds={"rebar": 3.0, "clutter": 0.0}) for n in range(10)]
    kept = merge([shaft(), *bars], 2.5)
    assert kept == bars


def test_a_gap_under_the_bound_layer_owns_its_rims_and_not_a_body_far_below() -> None:
    gap = body(5.0, 2.3, "debond", x_min=4.5, x_max=5.5, kinds={"debond": 4.0, "clutter": 0.0})
    rim, deep = body(5.5, 2.8), body(5.0, 12.0)
    assert merge([gap, rim, deep], 2.5) == [gap, deep]
    mesh = body(5.0, 2.0, "rebar", x_min=3.0, x_max=7.0, kinds={"rebar": 5.0, "clutter": 0.0})
    assert merge([gap, mesh], 2.5) == [gap, mesh]


def test_a_zone_and_a_hyperbola_on_one_top_are_one_body_named_by_the_surer() -> None:
    zone = body(5.0, 9.0, "zone", x_min=4.6, x_max=5.4, kinds={"loose": 1.0, "cavity": 0.5})
    assert merge([zone, body(5.0, 9.5, kinds={"cavity": 6.0, "pipe": 0.0})], 2.5)[0].source == "diffraction"
    unsure = body(5.0, 9.5, kinds={"cavity": 0.1, "pipe": 0.0})
    assert merge([zone, unsure], 2.5) == [zone]


def test_odds_split_between_hazards_do_not_give_a_roof_to_a_pipe() -> None:
    roof = body(5.0, 9.0, "zone", x_min=4.6, x_max=5.4, kinds={"loose": 1.0, "cavity": 1.0, "pipe": -1.0})
    pipe = body(5.0, 9.5, kinds={"pipe": 0.4, "loose": 0.0})
    assert merge([roof, pipe], 2.5) == [roof]
    surer = body(5.0, 9.5, kinds={"pipe": 4.0, "loose": 0.0})
    assert merge([roof, surer], 2.5) == [surer]


def test_clutter_at_the_rim_of_a_zone_does_not_take_its_row() -> None:
    zone = body(5.0, 9.0, "zone", x_min=4.6, x_max=5.4, kinds={"loose": 1.0, "cavity": 0.5})
    rim = body(5.4, 11.0, kinds={"clutter": 6.0, "pipe": 0.0})
    assert merge([zone, rim], 2.5) == [zone]


def test_a_cavity_owns_the_weaker_echoes_from_inside_it_only() -> None:
    roof = body(5.0, 15.0, level=-6.0, kinds={"cavity": 4.0, "clutter": 0.0})
    roof.evidence |= {"image_width_m": 0.5, "apparent_velocity_m_ns": 0.12}
    floor, edge = body(5.05, 18.0, level=-10.0), body(5.4, 17.9, level=-12.0)
    pipe_beside, metal_below = body(5.8, 18.0, level=-10.0), body(5.0, 18.0, level=-3.0)
    assert merge([roof, floor, edge, pipe_beside], 2.5) == [roof, pipe_beside]
    assert merge([roof, metal_below], 2.5) == [roof, metal_below]


def test_what_lies_on_the_roof_of_a_cavity_and_has_none_of_its_own_is_part_of_it() -> None:
    roof = body(5.0, 15.0, level=-6.0, kinds={"cavity": 4.0, "clutter": 0.0})
    roof.evidence |= {"image_width_m": 0.6, "apparent_velocity_m_ns": 0.12}
    again, outside = (body(x, 14.8, level=None, kinds={"cavity": 2.0, "clutter": 0.0}) for x in (5.25, 5.4))
    own = body(5.25, 14.8, level=-12.0, kinds={"pipe": 2.0, "clutter": 0.0})
    assert merge([roof, again], 2.5) == [roof]
    assert merge([roof, outside, own], 2.5) == [roof, outside, own]


def test_what_is_filled_with_water_owns_its_far_wall_and_no_cavity_below() -> None:
    pipe = body(5.0, 9.0, kinds={"pipe.water": 3.0, "pipe.metal": 0.0, "cavity": 0.0})
    dry = body(5.0, 9.0, kinds={"pipe.metal": 3.0, "pipe.water": 0.0, "cavity": 0.0})
    wall, cavity = (body(5.02, 21.0, kinds={"cavity": 3.0, "clutter": 0.0}) for _ in range(2))
    wall.evidence["excess_settled"], cavity.evidence["excess_settled"] = -0.15, 0.1
    seen, wide = (
        body(5.0, 21.0, "zone", x_min=5.0 - half, x_max=5.0 + half, kinds={"cavity": 3.0, "clutter": 0.0})
        for half in (0.15, 0.4)
    )
    assert merge([pipe, wall], 2.5) == merge([pipe, seen], 2.5) == [pipe]
    # what has passed a focus has lost its sign
    wall.polarity = seen.polarity = -1
    assert merge([pipe, wall], 2.5) == merge([pipe, seen], 2.5) == [pipe]
    assert merge([pipe, cavity], 2.5) == [pipe, cavity]
    assert merge([pipe, wide], 2.5) == [pipe, wide]
    assert merge([dry, wall], 2.5) == [dry, wall]


def test_metal_bars_and_shafts_below_what_is_filled_with_water_are_no_far_wall() -> None:
    pipe = body(5.0, 9.0, kinds={"pipe.water": 3.0, "pipe.metal": 0.0, "cavity": 0.0})
    metal = body(5.02, 16.0, kinds={"pipe.metal": 3.0, "cavity": 0.0, "clutter": 0.0})
    metal.polarity, metal.evidence["excess_settled"] = -1, -0.01
    misread = body(5.02, 16.0, kinds={"pipe.metal": 3.0, "cavity": 0.0, "clutter": 0.0}, polarity=1)
    misread.evidence["excess_settled"] = -0.01
    bar = body(5.02, 16.0, "rebar", kinds={"rebar": 3.0, "clutter": 0.0})
    shaft = body(5.02, 16.0, "column", kinds={"manhole": 3.0, "clutter": 0.0})
    for other in (metal, misread, bar, shaft):
        assert merge([pipe, other], 2.5) == [pipe, other]


def test_odds_split_between_hazards_are_a_hazard() -> None:
    split = body(5.0, 9.0, kinds={"cavity": 0.3, "water_rich": 0.2, "pipe": 0.4, "clutter": -2.0})
    assert next(iter(classify.posterior(split.votes))) == "pipe"
    assert decide(split, Settings()) == "cavity"
    assert decide(split, Settings(hazard=0.7)) == "pipe"
    # a gap is named by its own detector, and adds nothing to what a hyperbola is
    rim = body(5.0, 9.0, kinds={"debond": 0.3, "cavity": 0.2, "pipe": 0.4, "clutter": -2.0})
    assert decide(rim, Settings()) == "pipe"


def test_what_an_array_shows_is_a_hazard_only_where_it_is_sure_to_be_a_body() -> None:
    kinds = {"cavity": 2.2, "clutter": 0.0}  # .90 against .10
    alone, linked = body(5.0, 9.0, kinds=kinds), body(5.0, 9.0, kinds=kinds)
    linked.evidence["link"] = "compact"
    assert decide(alone, Settings()) == "cavity"
    assert decide(linked, Settings()) == "unknown"
    assert decide(linked, Settings(sure=0.85)) == "cavity"
    assert decide(linked, Settings(report=0.95)) == "clutter"


def test_a_body_split_between_kinds_is_shown_where_clutter_is_unlikely_enough() -> None:
    settings = Settings(report=0.5, hazard=0.6)
    split = body(5.0, 9.0, kinds={"clutter": 1.0, "cavity": 0.5, "loose": 0.5})
    assert classify.posterior(split.votes)["clutter"] == max(classify.posterior(split.votes).values()) < 0.5
    assert decide(split, settings) == "unknown"  # a hazard of some kind, by less than `hazard`
    assert decide(split, Settings(report=0.6)) == "clutter"
    assert decide(body(5.0, 9.0, kinds={"clutter": 3.0, "cavity": 0.5}), settings) == "clutter"


def one_top() -> list[Body]:
    """A roof, a surer hyperbola on it, and two less sure ones at its rims."""
    kinds: dict[str, float] = {"loose": 1.0, "cavity": 0.0}
    return [
        body(5.0, 9.0, "zone", x_min=4.6, x_max=5.4, kinds=kinds),
        body(5.0, 9.5, kinds={"cavity": 4.0, "pipe": 0.0}),
        body(5.2, 9.2, kinds={"cavity": 0.2, "pipe": 0.0}),
        body(4.8, 9.2, kinds={"clutter": 2.0, "pipe": 0.0}),
    ]


def two_under_one_roof() -> list[Body]:
    """A roof that runs on over a pipe beside a cavity."""
    return [
        body(5.6, 9.0, "zone", x_min=4.6, x_max=6.6, kinds={"cavity": 3.0, "pipe": 0.0}),
        body(5.0, 9.0, kinds={"cavity": 5.0, "pipe": 0.0}),
        body(6.4, 9.5, kinds={"cavity": 0.0, "pipe": 2.0}),
    ]


def two_rims() -> list[Body]:
    """A roof, and its rims: one is a hair surer than it."""
    return [
        body(5.0, 9.0, "zone", x_min=4.6, x_max=5.4, kinds={"cavity": 2.2, "pipe": 0.0}),
        body(4.7, 9.2, kinds={"cavity": 2.3, "pipe": 0.0}),
        body(5.3, 9.2, kinds={"cavity": 1.5, "pipe": 0.0}),
    ]


def two_roofs() -> list[Body]:
    """Two roofs that overlap, and a hyperbola between them in sureness."""
    return [
        body(5.0, 9.0, "zone", x_min=4.6, x_max=5.4, kinds={"loose": 1.0, "cavity": 0.0}),
        body(5.2, 9.5, "zone", x_min=4.8, x_max=5.6, kinds={"loose": 3.0, "cavity": 0.0}),
        body(5.1, 9.3, kinds={"cavity": 2.0, "pipe": 0.0}),
    ]


def under_a_shaft() -> list[Body]:
    """A hyperbola at the rim of a shaft, on a roof beside it."""
    return [
        body(5.6, 9.0, "zone", x_min=5.1, x_max=6.0, kinds={"loose": 1.0, "cavity": 0.0}),
        body(5.45, 9.5, kinds={"cavity": 4.0, "pipe": 0.0}),
        body(5.0, 0.5, "column", x_min=4.6, x_max=5.4, t_bottom=40.0, kinds={"manhole": 5.0, "clutter": 0.0}),
    ]


def in_a_row() -> list[Body]:
    """A cavity, a weaker one at its edge, and a pipe at the edge of that."""
    return [
        body(5.0, 9.0, kinds={"cavity": 3.0, "pipe": 0.0}, level=-3.0),
        body(5.2, 11.5, kinds={"cavity": 1.5, "pipe": 0.0}, level=-6.0),
        body(5.4, 14.0, kinds={"cavity": 0.0, "pipe": 2.0}, level=-9.0),
    ]


@pytest.mark.parametrize(
    ("made", "kept"),
    [
        (one_top, [1]),
        (two_under_one_roof, [1, 2]),
        (two_rims, [0]),
        (two_roofs, [1]),
        (under_a_shaft, [0, 2]),
        (in_a_row, [0, 2]),
    ],
)
def test_what_is_kept_does_not_depend_on_the_order_in_which_it_was_found(made: Any, kept: list[int]) -> None:
    for order in itertools.permutations(range(len(made()))):
        bodies = made()
        left = merge([bodies[k] for k in order], 2.5)
        assert sorted(bodies.index(b) for b in left) == kept


@pytest.mark.parametrize(("said", "roof_stays"), [(0.5, False), (0.0, True), (-2.0, True)])
def test_a_roof_gives_way_to_a_less_sure_line_only_where_it_may_be_crossed_obliquely(
    said: float, roof_stays: bool
) -> None:
    roof = body(5.0, 9.0, "zone", x_min=4.6, x_max=5.4, kinds={"water_rich": 3.0, "cavity": 0.0})
    line = body(5.0, 9.5, kinds={"cavity": 0.4, "pipe": 0.0})
    line.votes["oblique"] = {"pipe": said, "debond": -4.0}
    assert merge([roof, line], 2.5) == ([roof] if roof_stays else [line])
    stone = body(5.0, 9.5, kinds={"clutter": 4.0, "pipe": 0.0})
    stone.votes["oblique"] = {"pipe": said, "debond": -4.0}
    assert merge([roof, stone], 2.5) == [roof]


def test_a_hyperbola_is_no_gap_by_itself() -> None:
    kinds = {"debond": 4.0, "clutter": 0.0}
    assert decide(body(5.0, 2.3, kinds=kinds), Settings()) == "clutter"
    assert decide(body(5.0, 2.3, kinds={"debond": 0.1, "cavity": 0.0}), Settings()) == "cavity"
    assert decide(body(5.0, 2.3, "debond", x_min=4.5, x_max=5.5, kinds=kinds), Settings()) == "debond"


def test_a_curve_slower_than_the_ground_allows_is_clutter() -> None:
    def told(excess: float) -> float:
        target = body(5.0, 15.0, kinds={"pipe": 1.0, "clutter": 0.0})
        target.evidence |= {"excess": excess, "sigma_apparent": 0.02}
        other = body(8.0, 15.0, kinds={"pipe": 1.0, "clutter": 0.0})
        other.evidence |= {"excess": 0.02, "sigma_apparent": 0.01}
        settle([target, other], Settings().prior_ground(), 0.03, [0.14])
        return classify.posterior(target.votes)["clutter"]

    # the learnt curve turns odds of e for a pipe
    assert told(-0.6) > 0.6
    assert told(-0.05) < 0.5


def test_a_roof_that_was_seen_to_be_wide_is_not_made_narrower() -> None:
    for roof, seen, expected in (
        (0.3, None, 0.47),
        (0.4, (2.8, 3.2), 0.55),
        (0.4, (2.0, 4.5), 2.5),
        (8.0, (0.0, 8.0), 8.0),
    ):
        body = Body(source="zone", x=3.0, t=10.0, channel=0, votes={"prior": {"cavity": 0.0}})
        body.evidence |= {"kind": "cavity", "image_width_m": roof}
        body.x_min, body.x_max = seen or (None, None)
        measure_length(body)
        assert body.length == pytest.approx(expected, abs=0.02)
        assert body.evidence["sigma_length_m"] > 0


@pytest.mark.parametrize("hazard", [0.0, 0.5])
def test_a_body_of_kinds_without_hazards_is_named_whatever_the_threshold(hazard: float) -> None:
    settings = load_settings("road").model_copy(update={"hazard": hazard})
    body = Body(source="rebar", x=3.0, t=10.0, channel=0, votes={"prior": {"rebar": 3.0, "clutter": 0.0}})
    assert decide(body, settings) == "rebar"

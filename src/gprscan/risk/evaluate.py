"""The grade that a scheme gives to one set of inputs, and the range of grades over their uncertainty."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gprscan.risk.conditions import all_of, any_of
from gprscan.risk.inputs import CATEGORIES, NUMBERS, Readings
from gprscan.risk.scheme import Band, Rule, Scheme, Score, StepPoints, Term

# combinations of inputs that are tried for a range; beyond it only the ends of each input are
MAX_COMBINATIONS = 4000


@dataclass(frozen=True)
class Outcome:
    """What a scheme says about one set of inputs.

    Attributes
    ----------
    rank : int or None
        Severity rank, None where nothing in the scheme applies.
    rule : str
        The rule that fired, with its text, or how the rank came about.
    gap : bool
        True where no published rule fired although all their inputs are known.
    """

    rank: int | None
    rule: str
    gap: bool = False


def evaluate(scheme: Scheme, values: Mapping[str, Any]) -> Outcome:
    """Grade one set of inputs.

    Parameters
    ----------
    scheme : Scheme
        The scheme.
    values : mapping
        Inputs by name; None where missing.

    Returns
    -------
    Outcome
        Rank and the rule that fired.
    """
    return _by_rules(scheme, values) if scheme.method == "rules" else _by_matrix(scheme, values)


def _by_rules(scheme: Scheme, values: Mapping[str, Any]) -> Outcome:
    answers = [(rule, _fires(rule, values)) for rule in scheme.rules]
    fired = [rule for rule, answer in answers if answer]
    if fired:
        worst = max(fired, key=lambda rule: scheme.rank(rule.grade))
        return Outcome(scheme.rank(worst.grade), f"{worst.id}: {worst.text} -> {worst.grade}")
    undecided = any(answer is None for _, answer in answers)
    if scheme.fallback is None:
        return Outcome(None, "no rule fires" + (" (inputs are missing)" if undecided else ""), gap=not undecided)
    found = []
    for name, bands in scheme.fallback.bands.items():
        value = values.get(name)
        if value is not None:
            index = _band(bands, value)
            found.append((scheme.rank(bands[index].grade), _band_text(name, bands, index)))
    if not found:
        return Outcome(None, "no rule fires, and no parameter of the fallback is known")
    rank, text = max(found)
    cap = scheme.rank(scheme.fallback.cap)
    capped = f", capped at {scheme.fallback.cap}" if rank > cap else ""
    why = "some inputs are missing" if undecided else "rule gap"
    rule = f"fallback ({why}): worst single-parameter band, {text} -> {scheme.grade(rank).label}{capped}"
    return Outcome(min(rank, cap), rule, gap=not undecided)


def _fires(rule: Rule, values: Mapping[str, Any]) -> bool | None:
    every, some = rule.conditions
    answers = [c.test(values) for c in every]
    if some:
        answers.append(any_of([c.test(values) for c in some]))
    return all_of(answers)


def _band(steps: Sequence[Band | StepPoints], value: float) -> int:
    for index, step in enumerate(steps):
        if step.below is None or value < step.below:
            return index
    return len(steps) - 1


def _band_text(name: str, bands: list[Band], index: int) -> str:
    low = bands[index - 1].below if index else None
    high = bands[index].below
    if low is None:
        return f"{name} < {high:g}" if high is not None else name
    return f"{low:g} <= {name} < {high:g}" if high is not None else f"{name} >= {low:g}"


def _by_matrix(scheme: Scheme, values: Mapping[str, Any]) -> Outcome:
    if scheme.likelihood is None or scheme.consequence is None or scheme.matrix is None:
        raise AssertionError  # the scheme was checked when it was loaded
    likelihood, why_likely = _score(scheme.likelihood, values)
    consequence, why_grave = _score(scheme.consequence, values)
    row, column = _score_band(scheme.likelihood, likelihood), _score_band(scheme.consequence, consequence)
    rank = scheme.matrix.rank[row - 1][column - 1]
    likely = f"likelihood {likelihood:g} of {scheme.likelihood.cap:g} (band {row}: {why_likely})"
    grave = f"consequence {consequence:g} of {scheme.consequence.cap:g} (band {column}: {why_grave})"
    return Outcome(rank, f"{likely} x {grave} -> {scheme.grade(rank).label}")


def _score(score: Score, values: Mapping[str, Any]) -> tuple[float, str]:
    points = [(term.input, _points(term, values.get(term.input))) for term in score.terms]
    total = sum(p for _, p in points) if score.combine == "sum" else max(p for _, p in points)
    return min(total, score.cap), ", ".join(f"{name} {p:g}" for name, p in points if p)


def _points(term: Term, value: Any) -> float:
    if value is None:
        value = term.assume
    if value is None:
        return term.missing_points or 0.0
    if term.steps:
        return term.steps[_band(term.steps, float(value))].points
    return term.points.get(str(value), term.missing_points or 0.0)


def _score_band(score: Score, total: float) -> int:
    return next(i for i, top in enumerate(score.bands, start=1) if total <= top)


def grade_range(scheme: Scheme, readings: Readings) -> tuple[int, int] | None:
    """Return the mildest and the worst rank over the uncertainty of the inputs.

    A grade changes only at the numbers that the scheme names, so each uncertain input is tried at the ends of its range
    and on both sides of every such number inside it; an input that is missing and not assumed is tried everywhere.

    Parameters
    ----------
    scheme : Scheme
        The scheme.
    readings : Readings
        Inputs with their ranges.

    Returns
    -------
    (int, int) or None
        Lowest and highest rank, None where no combination is gradable.
    """
    used = scheme.inputs()
    assumed = {t.input for s in (scheme.likelihood, scheme.consequence) if s for t in s.terms if t.assume is not None}
    ratio = "cover_over_short_side" in used
    base = set(used) | ({"cover_m", "short_side_m"} if ratio else set())
    varied = sorted(base - assumed - {"cover_over_short_side"})
    choices = {name: _candidates(name, readings, scheme, corners=ratio) for name in varied}
    if ratio and readings.by_name["short_side_m"].value is None:
        choices["cover_over_short_side"] = _everywhere("cover_over_short_side", scheme)
    if math.prod(len(c) for c in choices.values()) > MAX_COMBINATIONS:
        choices = {name: [c[0], c[-1]] for name, c in choices.items()}
    fixed = readings.values()
    ranks = []
    for combination in itertools.product(*choices.values()):
        values = {**fixed, **dict(zip(choices, combination, strict=True))}
        if values.get("short_side_m") and values.get("cover_m") is not None:
            values["cover_over_short_side"] = values["cover_m"] / values["short_side_m"]
        rank = evaluate(scheme, values).rank
        if rank is not None:
            ranks.append(rank)
    return (min(ranks), max(ranks)) if ranks else None


def _candidates(name: str, readings: Readings, scheme: Scheme, *, corners: bool) -> list[Any]:
    """Return values of an input, at least one from each piece of its range on which the grade is the same.

    With `corners` the ends of the range are among them, as ratios of inputs need.
    """
    reading = readings.by_name[name]
    if reading.value is None:
        return _everywhere(name, scheme)
    if name not in NUMBERS or reading.low is None or reading.high is None:
        return [reading.value]
    inside = [edge for edge in scheme.breakpoints(name) if reading.low < edge <= reading.high]
    if not inside and not corners:
        return [reading.value]
    ends = (reading.low, float(reading.value), reading.high) if corners else (reading.high,)
    return sorted({*ends, *inside, *(math.nextafter(edge, -math.inf) for edge in inside)})


def _everywhere(name: str, scheme: Scheme) -> list[Any]:
    if name not in NUMBERS:
        return list(CATEGORIES[name])
    edges = scheme.breakpoints(name)
    return [math.nextafter(edges[0], -math.inf), *edges] if edges else [None]

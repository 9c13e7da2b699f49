"""Classification: additive log-likelihoods from editable tables, every vote kept."""

from __future__ import annotations

import bisect
import math
import tomllib
from collections import defaultdict
from functools import cache, lru_cache
from importlib import resources
from typing import Any

from gprscan.detection.body import Votes

Table = dict[str, Any]


@cache
def load_table(name: str) -> Table:
    """Load a table of likelihoods shipped in ``detection/tables``."""
    text = (resources.files("gprscan.detection") / "tables" / f"{name}.toml").read_text("utf-8")
    return tomllib.loads(text)


def vote(table: Table, values: dict[str, Any]) -> Votes:
    """Turn measured values into log-likelihoods per kind.

    Parameters
    ----------
    table : dict
        ``prior`` (kind to probability), ``gauss`` (value to kind to [mean, standard deviation]), ``sign`` (value to
        kind to outcome to probability) and ``curve`` (value to ``knots`` and, per kind, the log-likelihood at each knot,
        straight lines between them and level beyond); ``cap`` limits what one Gaussian or sign has to say.
    values : dict
        Measured values by name; None or NaN casts no vote.

    Returns
    -------
    dict
        Value name to kind to log-likelihood, each centred on zero over the kinds; ``prior`` among them.
    """
    kinds = list(table["prior"])  # a dot separates a kind from its variant: "pipe.metal"
    votes: Votes = {"prior": {k: math.log(p) for k, p in table["prior"].items()}}
    for name, entry in table.get("gauss", {}).items():
        value = values.get(name)
        if value is None or not math.isfinite(value):
            continue
        raw = {k: _gauss(float(value), *entry[k]) for k in kinds if k in entry}
        votes[name] = _centred(raw, kinds, entry.get("cap", 4.0))
    for name, entry in table.get("sign", {}).items():
        value = values.get(name)
        if value is None:
            continue
        raw = {k: math.log(entry[k].get(str(value), 1e-3)) for k in kinds if k in entry}
        votes[name] = _centred(raw, kinds, entry.get("cap", 4.0))
    for name in table.get("curve", {}):
        value = values.get(name)
        if value is not None and math.isfinite(value):
            votes[name] = read_curve(table, name, float(value))
    return votes


def read_curve(table: Table, name: str, value: float) -> dict[str, float]:
    """Log-likelihood per kind of one measured value, from its curves in a table."""
    entry = table["curve"][name]
    knots = entry["knots"]
    right = min(max(bisect.bisect_right(knots, value), 1), len(knots) - 1)
    part = (value - knots[right - 1]) / (knots[right] - knots[right - 1])
    part = min(max(part, 0.0), 1.0)
    return {k: round(entry[k][right - 1] * (1.0 - part) + entry[k][right] * part, 3) for k in table["prior"]}


def _gauss(value: float, mean: float, sd: float) -> float:
    return -0.5 * ((value - mean) / sd) ** 2 - math.log(sd)


def _centred(raw: dict[str, float], kinds: list[str], cap: float) -> dict[str, float]:
    top = max(raw.values())
    limited = {k: max(v, top - cap) for k, v in raw.items()}
    mean = sum(limited.values()) / len(limited)
    return {k: round(limited.get(k, mean) - mean, 3) for k in kinds}


def total(votes: Votes) -> dict[str, float]:
    """Sum of all votes per kind; a vote for a kind counts for each of its variants."""
    raw: dict[str, float] = defaultdict(float)
    for entry in votes.values():
        for kind, value in entry.items():
            raw[kind] += value
    return {kind: raw[kind] + (raw.get(base, 0.0) if base != kind else 0.0) for kind, base in _ends(tuple(raw))}


@lru_cache(maxsize=256)
def _ends(kinds: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    """Kinds without those that have variants among them, each with what it is a variant of, or itself; sorted."""
    base = {kind: _base(kind) for kind in kinds}
    varied = {base[kind] for kind in kinds if base[kind] != kind}
    return tuple((kind, base[kind]) for kind in sorted(base.keys() - varied))


@cache
def _base(kind: str) -> str:
    return kind.partition(".")[0]


def detailed(votes: Votes) -> dict[str, float]:
    """Probabilities per kind as the tables name them (``pipe.metal``), in falling order."""
    sums = total(votes)
    top = max(sums.values())
    weight = {k: math.exp(v - top) for k, v in sums.items()}
    norm = sum(weight.values())
    return dict(sorted(((k, w / norm) for k, w in weight.items()), key=lambda item: -item[1]))


def posterior(votes: Votes) -> dict[str, float]:
    """Probabilities per kind from all votes, in falling order; variants such as ``pipe.metal`` count for their kind."""
    return by_kind(detailed(votes))


def by_kind(chances: dict[str, float]) -> dict[str, float]:
    """Sum of the probabilities of the variants of each kind, in falling order."""
    out: dict[str, float] = {}
    for name, chance in chances.items():
        kind = _base(name)
        out[kind] = out.get(kind, 0.0) + chance
    return dict(sorted(out.items(), key=lambda item: -item[1]))

"""Classification: additive log-likelihoods from editable tables, every vote kept."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib import resources
from operator import itemgetter
from typing import Any

import numpy as np

from gprscan.detection.body import Body, Votes
from gprscan.detection.table_rules import check_table

Table = dict[str, Any]

_CHANCE = itemgetter(1)  # of a kind and its probability


@cache
def load_table(name: str) -> Table:
    """Load a table of likelihoods in ``detection/tables``, and check it; see `gprscan.detection.table_rules.check_table`."""
    text = (resources.files("gprscan.detection") / "tables" / f"{name}.toml").read_text("utf-8")
    table = tomllib.loads(text)
    check_table(name, table)
    return table


def vote(table: Table, measured: Sequence[dict[str, Any]]) -> list[Votes]:
    """Turn what was measured of some bodies into log-likelihoods per kind.

    Parameters
    ----------
    table : dict
        ``prior`` (kind to probability), ``gauss`` (value to kind to [mean, standard deviation]), ``sign`` (value to
        kind to outcome to probability) and ``curve`` (value to ``knots`` and, per kind, the log-likelihood at each knot,
        straight lines between them and level beyond); ``cap`` limits what one Gaussian or sign has to say.
    measured : sequence of dict
        For each body its values by name; None or NaN casts no vote.

    Returns
    -------
    list of dict
        For each body, value name to kind to log-likelihood, each centred on zero over the kinds; ``prior`` among them.
    """
    return as_votes(table, likelihoods(table, measured), range(len(measured)))


Likelihoods = dict[str, tuple[np.ndarray, np.ndarray]]


def likelihoods(table: Table, measured: Sequence[dict[str, Any]]) -> Likelihoods:
    """Votes as arrays: for each value's name the bodies, by number, of which it was measured, and the log-likelihoods.

    These are of shape (body, kind), kinds in the order of the table's prior. See `vote`.
    """
    kinds = list(table["prior"])  # a dot separates a kind from its variant: "pipe.metal"
    prior = [math.log(table["prior"][kind]) for kind in kinds]
    everyone = np.arange(len(measured))
    out: Likelihoods = {"prior": (everyone, np.tile(prior, (everyone.size, 1)))}
    for name, entry in table.get("gauss", {}).items():
        who, values = _finite(measured, name)
        raw = [{k: _gauss(value, *entry[k]) for k in kinds if k in entry} for value in values.tolist()]
        out[name] = who, _centred(raw, kinds, entry.get("cap", 4.0))
    for name, entry in table.get("sign", {}).items():
        found = [(i, str(value)) for i, said in enumerate(measured) if (value := said.get(name)) is not None]
        raw = [{k: math.log(entry[k].get(value, 1e-3)) for k in kinds if k in entry} for _, value in found]
        out[name] = np.array([i for i, _ in found], int), _centred(raw, kinds, entry.get("cap", 4.0))
    for name in table.get("curve", {}):
        who, values = _finite(measured, name)
        out[name] = who, _read(table, name, values)
    return out


def as_votes(table: Table, said: Likelihoods, bodies: Sequence[int]) -> list[Votes]:
    """Votes of some of the bodies that likelihoods are of."""
    kinds = list(table["prior"])
    votes: dict[int, Votes] = {i: {} for i in bodies}
    for name, (who, levels) in said.items():
        mine = [(k, i) for k, i in enumerate(who.tolist()) if i in votes]
        rows = levels[[k for k, _ in mine]].tolist()
        for (_, i), row in zip(mine, rows, strict=True):
            votes[i][name] = dict(zip(kinds, row, strict=True))
    return list(votes.values())


def _finite(measured: Sequence[dict[str, Any]], name: str) -> tuple[np.ndarray, np.ndarray]:
    """Number of each body of which a value was measured, and the values."""
    values = np.array([np.nan if (v := said.get(name)) is None else v for said in measured], float)
    who = np.flatnonzero(np.isfinite(values))
    return who, values[who]


def read_curve(table: Table, name: str, values: Sequence[float]) -> list[dict[str, float]]:
    """Log-likelihood per kind of measured values of one name, from its curves in a table."""
    kinds = list(table["prior"])
    return [dict(zip(kinds, row, strict=True)) for row in _read(table, name, np.asarray(values, float)).tolist()]


def _read(table: Table, name: str, at: np.ndarray) -> np.ndarray:
    """Read the curves of one name: log-likelihoods, shape (value, kind)."""
    entry, kinds = table["curve"][name], list(table["prior"])
    knots = np.asarray(entry["knots"], float)
    right = np.clip(np.searchsorted(knots, at, side="right"), 1, knots.size - 1)
    part = np.clip((at - knots[right - 1]) / (knots[right] - knots[right - 1]), 0.0, 1.0)[:, None]
    levels = np.array([entry[kind] for kind in kinds], float).T
    return np.round(levels[right - 1] * (1.0 - part) + levels[right] * part, 3)


def _gauss(value: float, mean: float, sd: float) -> float:
    return -0.5 * ((value - mean) / sd) ** 2 - math.log(sd)


def _centred(raw: Sequence[dict[str, float]], kinds: Sequence[str], cap: float) -> np.ndarray:
    """Log-likelihoods, shape (body, kind), each body's at most `cap` below its best and centred on zero."""
    out = np.empty((len(raw), len(kinds)))
    for row, mine in zip(out, raw, strict=True):
        top = max(mine.values())
        limited = {k: max(v, top - cap) for k, v in mine.items()}
        mean = sum(limited.values()) / len(limited)
        row[:] = [round(limited.get(k, mean) - mean, 3) for k in kinds]
    return out


def gathered(votes: Votes) -> dict[str, float]:
    """Sum of some votes, as one vote."""
    entries = list(votes.values())
    # most votes are for the same kinds, in the same order
    kinds = tuple(entries[0]) if entries else ()
    alike: list[dict[str, float]] = []
    others: list[dict[str, float]] = []
    for entry in entries:
        (alike if len(entry) == len(kinds) and tuple(entry) == kinds else others).append(entry)
    columns = zip(*(entry.values() for entry in alike), strict=True)
    out: dict[str, float] = dict(zip(kinds, map(math.fsum, columns), strict=True))
    for entry in others:
        for kind, value in entry.items():
            out[kind] = out.get(kind, 0.0) + value
    return out


def total(votes: Votes) -> dict[str, float]:
    """Sum of all votes per kind; a vote for a kind counts for each of its variants."""
    raw = gathered(votes)
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


@dataclass
class Sums:
    """Votes of many bodies, summed: shape (body, kind); NaN where a body has no vote for a kind.

    As with `total`, a vote for a kind counts for each of its variants.
    """

    kinds: tuple[str, ...]
    raw: np.ndarray

    @classmethod
    def of(cls, votes: Sequence[Votes], kinds: Sequence[str]) -> Sums:
        """Take the sums of the votes of each body; `kinds` are those of the table that further votes are from."""
        each = [gathered(mine) for mine in votes]
        named = tuple(dict.fromkeys([*kinds, *(kind for mine in each for kind in mine)]))
        column = {kind: k for k, kind in enumerate(named)}
        raw = np.full((len(each), len(named)), np.nan)
        for row, mine in zip(raw, each, strict=True):
            row[[column[kind] for kind in mine]] = list(mine.values())
        return cls(named, raw)

    @classmethod
    def said(cls, table: Table, said: Likelihoods) -> Sums:
        """Sum up likelihoods as `likelihoods` has them from a table."""
        raw = np.zeros(said["prior"][1].shape)
        for who, levels in said.values():
            raw[who] += levels
        return cls(tuple(table["prior"]), raw)

    def of_some(self, bodies: Sequence[int]) -> Sums:
        """Sums of some of the bodies."""
        return Sums(self.kinds, self.raw[list(bodies)])

    def odds_against(self, kind: str) -> np.ndarray:
        """Log of the odds of the likeliest of all other kinds against one: shape (body,)."""
        others = [k for k, name in enumerate(self.kinds) if name != kind]
        return np.asarray(self.raw[:, others].max(axis=1) - self.raw[:, self.kinds.index(kind)])

    def plus(self, votes: Sequence[dict[str, float]]) -> Sums:
        """Sums with one further vote of each body, which may be empty."""
        column = {kind: k for k, kind in enumerate(self.kinds)}
        more = np.full(self.raw.shape, np.nan)
        said = [(i, column[kind], value) for i, mine in enumerate(votes) for kind, value in mine.items()]
        if said:
            rows, columns, values = zip(*said, strict=True)
            more[rows, columns] = values
        # where only one of the two is there, it is the sum
        return Sums(self.kinds, np.where(np.isnan(more), self.raw, np.nan_to_num(self.raw) + more))

    def chances(self) -> tuple[list[str], np.ndarray]:
        """Kinds as `detailed` names them, and the probability of each for each body."""
        ends = _ends(self.kinds)
        column = {kind: k for k, kind in enumerate(self.kinds)}
        own = self.raw[:, [column[kind] for kind, _ in ends]]
        base = np.stack(
            [
                self.raw[:, column[of]] if of in column and of != kind else np.full(own.shape[0], np.nan)
                for kind, of in ends
            ],
            axis=1,
        )
        total = np.where(np.isnan(own) & np.isnan(base), -np.inf, np.nan_to_num(own) + np.nan_to_num(base))
        weight = np.exp(total - total.max(axis=1, keepdims=True))
        return [kind for kind, _ in ends], weight / weight.sum(axis=1, keepdims=True)


def weigh_all(bodies: Sequence[Body], sums: Sums) -> None:
    """Work out `details_of` and `chances_of` for many bodies at once; `sums` are of all their votes."""
    kinds, chances = sums.chances()
    bases = sorted({_base(kind) for kind in kinds})
    share = np.array([[_base(kind) == base for base in bases] for kind in kinds], float)
    details, totals = _falling(kinds, chances), _falling(bases, chances @ share)
    for body, detail, chance in zip(bodies, details, totals, strict=True):
        body.keep_weighed({detailed: detail, posterior: chance})


def _falling(kinds: Sequence[str], chances: np.ndarray) -> Iterator[dict[str, float]]:
    """Probabilities of each body by kind, in falling order; without kinds that nothing was said of."""
    order = np.argsort(-chances, axis=1, kind="stable")
    for names, row in zip(order.tolist(), np.take_along_axis(chances, order, axis=1).tolist(), strict=True):
        yield {kinds[k]: chance for k, chance in zip(names, row, strict=True) if chance > 0.0}


def detailed(votes: Votes) -> dict[str, float]:
    """Probabilities per kind as the tables name them (``pipe.metal``), in falling order."""
    sums = total(votes)
    top = max(sums.values())
    weight = {k: math.exp(v - top) for k, v in sums.items()}
    norm = sum(weight.values())
    return dict(sorted([(k, w / norm) for k, w in weight.items()], key=_CHANCE, reverse=True))


def posterior(votes: Votes) -> dict[str, float]:
    """Probabilities per kind from all votes, in falling order; variants such as ``pipe.metal`` count for their kind."""
    return by_kind(detailed(votes))


def details_of(body: Body) -> dict[str, float]:
    """`detailed` probabilities of a body; not to be changed."""
    return body.weighed(detailed)


def chances_of(body: Body) -> dict[str, float]:
    """`posterior` probabilities of a body; not to be changed."""
    return body.weighed(posterior)


def by_kind(chances: dict[str, float]) -> dict[str, float]:
    """Sum of the probabilities of the variants of each kind, in falling order."""
    out: dict[str, float] = {}
    for name, chance in chances.items():
        kind = _base(name)
        out[kind] = out.get(kind, 0.0) + chance
    return dict(sorted(out.items(), key=_CHANCE, reverse=True))

"""What a table of likelihoods has to keep to: tables may be edited, and a number that is none would spoil every probability."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

from gprscan.errors import RecipeError

_UNLIKELY = "for what all but never happens give a small number, such as 1e-6"


def check_table(name: str, table: dict[str, Any]) -> None:
    """Refuse a table whose votes would not be finite, or would not be cast.

    Parameters
    ----------
    name : str
        Of the table.
    table : dict
        As `gprscan.detection.classify.vote` describes it; whatever else it holds only has to be finite.

    Raises
    ------
    RecipeError
        Says which entry is wrong, and what it may be.
    """
    where = f"detection/tables/{name}.toml"
    for path, value in _numbers(table):
        _require(math.isfinite(value), where, path, value, "votes are summed, so that it must be a finite number")
    kinds = table.get("prior", {})
    for kind, value in kinds.items():
        _require(value > 0, where, f"prior.{kind}", value, f"its logarithm is a vote: {_UNLIKELY}")
    for part, of_kind in (("gauss", _check_gauss), ("sign", _check_sign), ("curve", _check_curve)):
        for measured, entry in table.get(part, {}).items():
            for kind, said in entry.items():
                path = f"{part}.{measured}.{kind}"
                if kind in ("cap", "knots"):
                    continue
                _require(
                    kind in kinds, where, path, said, f"the prior does not know this kind, only {', '.join(kinds)}"
                )
                of_kind(where, path, said, entry)
            if part == "curve":
                _check_knots(where, f"curve.{measured}", entry, kinds)


def _numbers(value: Any, path: str = "") -> list[tuple[str, float]]:
    """All numbers of a table, and where they stand."""
    if isinstance(value, dict):
        return [found for k, v in value.items() for found in _numbers(v, f"{path}.{k}" if path else str(k))]
    if isinstance(value, list):
        return [found for v in value for found in _numbers(v, path)]
    return [(path, value)] if isinstance(value, int | float) else []


def _require(fine: bool, where: str, path: str, value: Any, why: str) -> None:
    if not fine:
        msg = f"{where}: {path} is {value}; {why}."
        raise RecipeError(msg)


def _check_gauss(where: str, path: str, said: Any, _entry: dict[str, Any]) -> None:
    pair = isinstance(said, list) and len(said) == 2 and said[1] > 0
    _require(pair, where, path, said, "give [mean, standard deviation], the latter above 0")


def _check_sign(where: str, path: str, said: Any, _entry: dict[str, Any]) -> None:
    fine = isinstance(said, dict) and all(chance > 0 for chance in said.values())
    _require(fine, where, path, said, f"give a probability for each outcome, above 0: {_UNLIKELY}")


def _check_curve(where: str, path: str, said: Any, entry: dict[str, Any]) -> None:
    knots = entry.get("knots", [])
    fine = isinstance(said, list) and len(said) == len(knots)
    _require(fine, where, path, said, f"give one log-likelihood for each of the {len(knots)} knots")


def _check_knots(where: str, path: str, entry: dict[str, Any], kinds: dict[str, float]) -> None:
    knots = entry.get("knots", [])
    rising = len(knots) > 1 and all(a < b for a, b in pairwise(knots))
    _require(rising, where, f"{path}.knots", knots, "give two values or more, each above the one before")
    missing = [kind for kind in kinds if kind not in entry]
    _require(not missing, where, path, f"without {', '.join(missing)}", "every kind of the prior needs its curve")

"""Conditions of grading rules, such as ``0.10 <= asphalt_m < 0.20 and cover_m < 0.30``: parsed, never run as code.

Grammar::

    condition  = alternative { "or" alternative }
    alternative = comparison { "and" comparison }
    comparison = operand operator operand { operator operand }
    operator   = "<" | "<=" | ">" | ">=" | "==" | "!="
    operand    = number | name | 'text'

The logic has three values: a comparison with a missing input is neither true nor false.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from gprscan.errors import RecipeError

# a hostile scheme must not keep the parser busy
MAX_LENGTH = 400

_TOKEN = re.compile(
    r"\s*(?:(?P<number>[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d{1,3})?)"
    r"|(?P<name>[A-Za-z_][A-Za-z0-9_]*)"
    r"|'(?P<text>[^']*)'"
    r"|(?P<operator><=|>=|==|!=|<|>))"
)
_OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}


@dataclass(frozen=True)
class Name:
    """An input of the scheme, looked up when the condition is tested."""

    name: str


Operand = float | str | Name


@dataclass(frozen=True)
class Comparison:
    """A chain such as ``0.1 <= asphalt_m < 0.2``."""

    operands: tuple[Operand, ...]
    operators: tuple[str, ...]

    def test(self, values: Mapping[str, Any]) -> bool | None:
        """Return the truth of the chain, None where an input is missing."""
        known = [values.get(o.name) if isinstance(o, Name) else o for o in self.operands]
        answers = [
            None if left is None or right is None else _compare(left, symbol, right)
            for left, symbol, right in zip(known, self.operators, known[1:], strict=False)
        ]
        return all_of(answers)


@dataclass(frozen=True)
class Condition:
    """A parsed condition.

    Attributes
    ----------
    text : str
        As written in the scheme.
    alternatives : tuple of tuple of Comparison
        Joined by ``or``; the comparisons of each by ``and``.
    """

    text: str
    alternatives: tuple[tuple[Comparison, ...], ...]

    def test(self, values: Mapping[str, Any]) -> bool | None:
        """Return whether the condition holds, None where a missing input decides it.

        Parameters
        ----------
        values : mapping
            Inputs by name; a missing one is absent or None.
        """
        return any_of([all_of([c.test(values) for c in both]) for both in self.alternatives])

    def names(self) -> set[str]:
        """Return the inputs that the condition asks for."""
        return {o.name for both in self.alternatives for c in both for o in c.operands if isinstance(o, Name)}

    def breakpoints(self, name: str) -> set[float]:
        """Return the numbers with which an input is compared: where its grade may change."""
        return {
            o
            for both in self.alternatives
            for c in both
            if any(isinstance(n, Name) and n.name == name for n in c.operands)
            for o in c.operands
            if isinstance(o, float)
        }


def all_of(answers: list[bool | None]) -> bool | None:
    """Three-valued AND: false wins, then unknown."""
    if any(a is False for a in answers):
        return False
    return None if any(a is None for a in answers) else True


def any_of(answers: list[bool | None]) -> bool | None:
    """Three-valued OR: true wins, then unknown."""
    if any(a is True for a in answers):
        return True
    return None if any(a is None for a in answers) else False


def parse(text: str) -> Condition:
    """Parse a condition.

    Parameters
    ----------
    text : str
        For example ``"cover_m < 0.20"``.

    Raises
    ------
    RecipeError
        If the text is no condition of the grammar above; the message shows where it stops making sense.
    """
    if len(text) > MAX_LENGTH:
        msg = f"a condition of {len(text)} characters; at most {MAX_LENGTH} are read."
        raise RecipeError(msg)
    tokens = _tokens(text)
    alternatives: list[tuple[Comparison, ...]] = []
    both: list[Comparison] = []
    position = 0
    while True:
        comparison, position = _comparison(tokens, position, text)
        both.append(comparison)
        word = tokens[position][1] if position < len(tokens) else None
        if word != "and":
            alternatives.append(tuple(both))
            both = []
        if word is None:
            return Condition(text, tuple(alternatives))
        if word not in ("and", "or"):
            raise _stops(text, f"'and', 'or' or the end was expected before {word!r}")
        position += 1


def _tokens(text: str) -> list[tuple[str, Any]]:
    tokens: list[tuple[str, Any]] = []
    position = 0
    end = len(text.rstrip())
    while position < end:
        match = _TOKEN.match(text, position)
        if match is None:
            raise _stops(text, f"{text[position:].lstrip()[:12]!r} is not understood")
        kind = str(match.lastgroup)
        tokens.append((kind, float(match[kind]) if kind == "number" else match[kind]))
        position = match.end()
    return tokens


def _comparison(tokens: list[tuple[str, Any]], position: int, text: str) -> tuple[Comparison, int]:
    first, position = _operand(tokens, position, text)
    operands, operators = [first], []
    while position < len(tokens) and tokens[position][0] == "operator":
        operators.append(tokens[position][1])
        operand, position = _operand(tokens, position + 1, text)
        operands.append(operand)
    if not operators:
        raise _stops(text, "a comparison (<, <=, >, >=, ==, !=) was expected")
    return Comparison(tuple(operands), tuple(operators)), position


def _operand(tokens: list[tuple[str, Any]], position: int, text: str) -> tuple[Operand, int]:
    if position >= len(tokens):
        raise _stops(text, "it ends where a number or an input was expected")
    kind, value = tokens[position]
    if kind == "operator" or value in ("and", "or"):
        raise _stops(text, f"a number or an input was expected instead of {value!r}")
    return (Name(value) if kind == "name" else value), position + 1


def _compare(left: Any, symbol: str, right: Any) -> bool | None:
    try:
        return bool(_OPERATORS[symbol](left, right))
    except TypeError:
        return None


def _stops(text: str, why: str) -> RecipeError:
    msg = f"the condition {text!r} cannot be read: {why}. Example: '0.10 <= asphalt_m < 0.20 and cover_m < 0.30'."
    return RecipeError(msg)

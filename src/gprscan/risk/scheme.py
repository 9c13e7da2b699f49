"""Grading schemes: data files (TOML), checked before anything is graded with them."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Mapping, Sequence
from functools import cached_property
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from gprscan import names
from gprscan.errors import RecipeError
from gprscan.risk.conditions import Condition, parse
from gprscan.risk.inputs import CATEGORIES, INPUTS, NUMBERS

Words = dict[Literal["en", "zh", "ko", "ja"], str]

# a scheme is a page of text; a file larger than this is something else
MAX_BYTES = 1_000_000


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)


class Grade(_Part):
    """One grade; its severity rank is its position in the scheme, 1 for the mildest."""

    label: str = Field(min_length=1, max_length=60)
    names: Words = Field(default_factory=dict)
    action: Words = Field(default_factory=dict)
    deadline: str = ""


class Rule(_Part):
    """A rule: it fires when all of `all` hold, and any of `any`."""

    id: str = Field(min_length=1, max_length=60)
    grade: str
    all: list[str] = Field(default_factory=list)
    any: list[str] = Field(default_factory=list)

    @model_validator(mode="after")
    def _has_conditions(self) -> Rule:
        if not self.all and not self.any:
            msg = f"rule {self.id!r} has no condition; give 'all' or 'any'"
            raise ValueError(msg)
        return self

    @cached_property
    def conditions(self) -> tuple[tuple[Condition, ...], tuple[Condition, ...]]:
        """The parsed conditions of `all` and of `any`."""
        return tuple(parse(text) for text in self.all), tuple(parse(text) for text in self.any)

    @property
    def text(self) -> str:
        """The rule as one line of text."""
        parts = [*self.all, *([" or ".join(self.any)] if self.any else [])]
        return " and ".join(parts)


class Band(_Part):
    """A band of one parameter: all values below `below` that no earlier band took; the last band has no bound."""

    below: float | None = None
    grade: str


class StepPoints(_Part):
    """Points for all values below `below` that no earlier step took; the last step has no bound."""

    below: float | None = None
    points: float


class Fallback(_Part):
    """What happens where no rule fires: the worst band of a single parameter, at most `cap`."""

    cap: str
    bands: dict[str, list[Band]]


class Term(_Part):
    """Points for one input: by `points` (a category) or by `steps` (a number)."""

    input: str
    points: dict[str, float] = Field(default_factory=dict)
    steps: list[StepPoints] = Field(default_factory=list)
    assume: str | None = None
    missing_points: float | None = None

    @model_validator(mode="after")
    def _one_table(self) -> Term:
        if bool(self.points) == bool(self.steps):
            msg = f"the term of {self.input!r} needs either 'points' (for categories) or 'steps' (for numbers)"
            raise ValueError(msg)
        if self.assume is not None and self.assume not in self.points:
            known = ", ".join(self.points)
            msg = f"the term of {self.input!r} assumes {self.assume!r}, which is not among its points: {known}"
            raise ValueError(msg)
        return self


class Score(_Part):
    """Points of several terms, summed or maximised, capped, and put into bands 1, 2, ... by their highest scores."""

    combine: Literal["sum", "max"]
    cap: float
    bands: list[float] = Field(min_length=1, max_length=10)
    terms: list[Term] = Field(min_length=1, max_length=40)


class Matrix(_Part):
    """Rank of the grade: a row per likelihood band, a column per consequence band."""

    rank: list[list[int]]


class Uncertainty(_Part):
    """Uncertainty of the inputs where the anomaly does not state its own."""

    cover_sigma_m: float = Field(default=0.0, ge=0, le=5)
    asphalt_sigma_m: float = Field(default=0.0, ge=0, le=1)
    size_factor: tuple[float, float] = (1.0, 1.0)

    @model_validator(mode="after")
    def _ordered(self) -> Uncertainty:
        low, high = self.size_factor
        if not 0 < low <= 1 <= high <= 10:
            msg = f"size_factor is [{low}, {high}]; it must contain 1, for example [0.5, 1.0]"
            raise ValueError(msg)
        return self


class Scheme(_Part):
    """A grading scheme.

    Attributes
    ----------
    id, version : str
        Stored with every grade.
    status : str
        ``"sourced"`` for a published scheme, otherwise what the report must call it.
    method : {"rules", "matrix"}
        The worst rule that fires, or likelihood against consequence.
    title, notice : dict of str
        By language; the notice is printed wherever grades are shown.
    kinds : list of str
        Kinds that are graded; only hazard kinds may be named.
    required : list of str
        Inputs without which there is no grade.
    grades : list of Grade
        From the mildest to the worst.
    """

    id: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,60}$")]
    version: Annotated[str, Field(min_length=1, max_length=40)]
    status: str = "user scheme"
    method: Literal["rules", "matrix"]
    title: Words = Field(default_factory=dict)
    notice: Words = Field(default_factory=dict)
    sources: list[str] = Field(default_factory=list)
    kinds: list[str] = Field(default_factory=lambda: list(names.HAZARD_KINDS))
    required: list[str] = Field(default_factory=list)
    grades: list[Grade] = Field(min_length=1, max_length=20)
    rules: list[Rule] = Field(default_factory=list, max_length=200)
    fallback: Fallback | None = None
    likelihood: Score | None = None
    consequence: Score | None = None
    matrix: Matrix | None = None
    uncertainty: Uncertainty = Field(default_factory=Uncertainty)

    @model_validator(mode="after")
    def _consistent(self) -> Scheme:
        problems = [*_grade_problems(self), *_input_problems(self), *_method_problems(self)]
        if problems:
            raise ValueError("; ".join(problems))
        return self

    def rank(self, label: str) -> int:
        """Return the severity rank of a grade label, 1 for the mildest."""
        return [grade.label for grade in self.grades].index(label) + 1

    def grade(self, rank: int) -> Grade:
        """Return the grade of a severity rank."""
        return self.grades[rank - 1]

    def inputs(self) -> set[str]:
        """Return every input that this scheme looks at."""
        conditions = [c for rule in self.rules for group in rule.conditions for c in group]
        used = {name for condition in conditions for name in condition.names()}
        used |= set(self.fallback.bands) if self.fallback else set()
        used |= {term.input for score in (self.likelihood, self.consequence) if score for term in score.terms}
        return used | set(self.required)

    def breakpoints(self, name: str) -> list[float]:
        """Return the numbers at which an input may change the grade, ascending."""
        conditions = [c for rule in self.rules for group in rule.conditions for c in group]
        edges = {edge for condition in conditions for edge in condition.breakpoints(name)}
        if self.fallback:
            edges |= {band.below for band in self.fallback.bands.get(name, []) if band.below is not None}
        for score in (self.likelihood, self.consequence):
            terms = score.terms if score else []
            edges |= {s.below for term in terms if term.input == name for s in term.steps if s.below is not None}
        return sorted(edges)

    def definition(self) -> dict[str, Any]:
        """Return the whole scheme as JSON-able content, from which `load_scheme` makes it again."""
        return self.model_dump(mode="json", exclude_defaults=True)

    def summary(self) -> dict[str, Any]:
        """Return what a report needs to print grades of this scheme: JSON-able."""
        wanted = {"id", "version", "status", "title", "notice", "sources", "kinds", "grades"}
        return self.model_dump(mode="json", include=wanted)


def _grade_problems(scheme: Scheme) -> list[str]:
    labels = [grade.label for grade in scheme.grades]
    problems = [f"two grades are called {label!r}" for label in {x for x in labels if labels.count(x) > 1}]
    wanted = [(f"rule {rule.id!r}", rule.grade) for rule in scheme.rules]
    if scheme.fallback:
        wanted += [("fallback.cap", scheme.fallback.cap)]
        for name, bands in scheme.fallback.bands.items():
            wanted += [(f"fallback.bands.{name}", band.grade) for band in bands]
    for where, label in wanted:
        if label not in labels:
            problems.append(f"{where} gives the grade {label!r}, but the grades are {', '.join(labels)}")
    ids = [rule.id for rule in scheme.rules]
    return problems + [f"two rules are called {name!r}" for name in {x for x in ids if ids.count(x) > 1}]


def _input_problems(scheme: Scheme) -> list[str]:
    hazards = names.HAZARD_KINDS
    odd_kinds = [kind for kind in scheme.kinds if kind not in hazards]
    problems = [f"kinds: {kind!r} is no hazard kind; these are {', '.join(hazards)}" for kind in odd_kinds]
    try:
        used = scheme.inputs()
    except RecipeError as error:
        return [*problems, str(error)]
    for name in sorted(used - set(INPUTS)):
        near = difflib.get_close_matches(name, INPUTS, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else f"; inputs are {', '.join(INPUTS)}"
        problems.append(f"there is no input {name!r}{hint}")
    if scheme.fallback:
        for name, bands in scheme.fallback.bands.items():
            problems += _step_problems("fallback.bands", name, bands)
    for title, score in (("likelihood", scheme.likelihood), ("consequence", scheme.consequence)):
        for term in score.terms if score else []:
            problems += _term_problems(title, term)
    return problems


def _term_problems(title: str, term: Term) -> list[str]:
    if term.steps:
        return _step_problems(title, term.input, term.steps)
    if term.input in NUMBERS:
        return [f"{title}: {term.input!r} is a number; give 'steps', not 'points'"]
    possible = CATEGORIES.get(term.input, tuple(term.points))
    odd = ", ".join(sorted(set(term.points) - set(possible)))
    return [f"{title}: {term.input!r} cannot be {odd}; it is one of {', '.join(possible)}"] if odd else []


def _step_problems(title: str, name: str, steps: Sequence[Band | StepPoints]) -> list[str]:
    edges = [step.below for step in steps[:-1] if step.below is not None]
    if not steps or steps[-1].below is not None or len(edges) < len(steps) - 1:
        return [f"{title}: every step of {name!r} but the last needs 'below', and the last must not have it"]
    if edges != sorted(set(edges)):
        return [f"{title}: the bounds of {name!r} must grow: {edges}"]
    return [] if name in NUMBERS else [f"{title}: {name!r} is no number, so it cannot have steps"]


def _method_problems(scheme: Scheme) -> list[str]:
    if scheme.method == "rules":
        return [] if scheme.rules else ["method 'rules' needs at least one [[rules]]"]
    if scheme.likelihood is None or scheme.consequence is None or scheme.matrix is None:
        return ["method 'matrix' needs [likelihood], [consequence] and [matrix]"]
    problems = []
    for title, score in (("likelihood", scheme.likelihood), ("consequence", scheme.consequence)):
        if score.bands != sorted(set(score.bands)) or score.bands[-1] < score.cap:
            problems.append(f"{title}.bands {score.bands} must grow and reach the cap {score.cap:g}")
    shape = (len(scheme.likelihood.bands), len(scheme.consequence.bands))
    rows = scheme.matrix.rank
    if len(rows) != shape[0] or any(len(row) != shape[1] for row in rows):
        problems.append(f"matrix.rank must have {shape[0]} rows (likelihood) of {shape[1]} columns (consequence)")
    if any(not 1 <= rank <= len(scheme.grades) for row in rows for rank in row):
        problems.append(f"matrix.rank holds ranks outside 1 to {len(scheme.grades)}")
    return problems


def _shipped() -> dict[str, Any]:
    folder = resources.files("gprscan.risk") / "schemes"
    return {entry.name.removesuffix(".toml"): entry for entry in folder.iterdir() if entry.name.endswith(".toml")}


def list_schemes() -> list[Scheme]:
    """Return the shipped schemes, by id.

    Returns
    -------
    list of Scheme
        Each with its id, version, status and titles.
    """
    return [load_scheme(name) for name in sorted(_shipped())]


def load_scheme(scheme: str | Path | Scheme | Mapping[str, Any]) -> Scheme:
    """Load a shipped scheme by its id, or a scheme file (TOML) by its path.

    Parameters
    ----------
    scheme : str, Path, Scheme or mapping
        ``"seoul_2016"``, ``"gprscan_screening"``, the path of a file of your own, or the content of one, as
        `Scheme.definition` gives it.

    Returns
    -------
    Scheme
        Checked: every grade, input, condition and table in it makes sense.

    Raises
    ------
    RecipeError
        If there is no such scheme, it is no TOML, or something in it is wrong; the message names the key.
    """
    if isinstance(scheme, Scheme):
        return scheme
    if isinstance(scheme, Mapping):
        return _checked(dict(scheme), str(scheme.get("id", "given")))
    shipped = _shipped()
    if str(scheme) in shipped:
        return _parsed(shipped[str(scheme)].read_bytes(), str(scheme))
    path = Path(scheme)
    try:
        if not path.is_file():
            msg = f"there is no grading scheme {str(scheme)!r}: neither a file nor one of {', '.join(sorted(shipped))}."
            raise RecipeError(msg)
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        msg = f"the grading scheme {str(scheme)!r} cannot be read: {error}."
        raise RecipeError(msg) from None
    return _parsed(content, path.name)


def _parsed(content: bytes, where: str) -> Scheme:
    if len(content) > MAX_BYTES:
        msg = f"scheme {where}: larger than {MAX_BYTES} bytes; this is no grading scheme."
        raise RecipeError(msg)
    try:
        return _checked(tomllib.loads(content.decode("utf-8-sig")), where)
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        msg = f"scheme {where}: no valid TOML: {error}"
        raise RecipeError(msg) from None


def _checked(content: dict[str, Any], where: str) -> Scheme:
    try:
        return Scheme.model_validate(content)
    except ValidationError as error:
        msg = f"scheme {where}: {_reasons(error)}"
        raise RecipeError(msg) from None


def _reasons(error: ValidationError) -> str:
    """One sentence per wrong key, with the key that was probably meant."""
    parts_of_a_scheme: Sequence[type[BaseModel]] = _Part.__subclasses__()
    known = sorted({field for part in parts_of_a_scheme for field in part.model_fields})
    parts = []
    for item in error.errors():
        where = ".".join(str(step + 1) if isinstance(step, int) else step for step in item["loc"])
        if item["type"] == "extra_forbidden":
            near = difflib.get_close_matches(str(item["loc"][-1]), known, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            parts.append(f"{where}: unknown key{hint}")
        elif item["type"] == "missing":
            parts.append(f"{where}: missing")
        else:
            text = item["msg"].removeprefix("Value error, ")
            parts.append(f"{where}: {text} (given: {_short(item.get('input'))})" if where else text)
    return "; ".join(parts)


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."

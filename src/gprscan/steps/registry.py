"""One function, registered once, is a Python function, a ``.gpr`` method, a recipe entry and a provenance entry."""

from __future__ import annotations

import functools
import importlib
import inspect
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, get_type_hints

import numpy as np
import xarray as xr
from pydantic import BaseModel, ConfigDict, ValidationError, create_model

from gprscan import model, names
from gprscan.errors import ParameterError, UnitsError
from gprscan.model import provenance
from gprscan.model.accessor import add_method

Cut = Literal["twt", "halo", "whole_line"]

# by name: the rooms import this module to register, never the other way round
ROOMS = ("gprscan.filters", "gprscan.migration", "gprscan.velocity")

_steps: dict[str, Step] = {}


@dataclass(frozen=True)
class Step:
    """A registered step.

    Attributes
    ----------
    name : str
        Name of the function, the method and the recipe entry.
    function : callable
        ``function(line, **parameters) -> line``, checked and recorded.
    parameters : type
        The pydantic model of its parameters.
    cut : {"twt", "halo", "whole_line"}
        How the line may be cut along ``trace``: trace by trace, in blocks with an overlap of `halo` traces, or not.
    halo : callable or None
        ``halo(line, parameters) -> int or None``, traces of overlap on each side; None where these parameters need the
        whole line.
    resolve : callable or None
        ``resolve(line, parameters) -> parameters``, fills in what depends on the line.
    measures : tuple of str
        Parameters that `resolve` finds on the samples, and not only on the coordinates, where they are not given.
    compute : callable
        The bare function, for parameters that are resolved already: nothing is checked or recorded.
    room : str
        Package that registered it.
    summary : str
        First line of its docstring.
    """

    name: str
    function: Callable[..., Any]
    parameters: type[BaseModel]
    cut: Cut
    halo: Callable[[xr.Dataset, dict[str, Any]], int | None] | None
    room: str
    summary: str
    resolve: Callable[[xr.Dataset, dict[str, Any]], dict[str, Any]] | None
    measures: tuple[str, ...]
    compute: Callable[..., xr.Dataset]


def step(
    *,
    cut: Cut,
    halo: Callable[[xr.Dataset, dict[str, Any]], int | None] | None = None,
    resolve: Callable[[xr.Dataset, dict[str, Any]], dict[str, Any]] | None = None,
    measures: tuple[str, ...] = (),
) -> Callable[[Callable[..., xr.Dataset]], Callable[..., xr.Dataset]]:
    """Register a function ``f(line, ...) -> line`` as a step.

    Parameters
    ----------
    cut : {"twt", "halo", "whole_line"}
        How the line may be cut along ``trace``. With ``"twt"`` and ``"halo"`` the step keeps the number of traces.
    halo : callable, optional
        ``halo(line, parameters) -> int or None``; needed with ``cut="halo"``. None: these parameters need the whole
        line.
    resolve : callable, optional
        ``resolve(line, parameters) -> parameters``: fills in what depends on the line (a window of 1.5 periods of the
        antenna, say), so that provenance records the numbers that were used.
    measures : tuple of str
        Parameters for which `resolve` looks at the samples where they are None: blocks of a line must then share what
        was found on the whole line.
    """

    def decorate(function: Callable[..., xr.Dataset]) -> Callable[..., xr.Dataset]:
        name = function.__name__
        signature = inspect.signature(function)
        parameters = _parameter_model(name, function, signature)

        @functools.wraps(function)
        def run(line: xr.Dataset, *args: Any, **kwargs: Any) -> xr.Dataset:
            model.require_line(line)
            try:
                bound = signature.bind(line, *args, **kwargs)
            except TypeError as error:
                msg = f"{name}: {error}. Its parameters are {', '.join(parameters.model_fields) or 'none'}."
                raise ParameterError(msg) from None
            given = dict(list(bound.arguments.items())[1:])
            values = validated(name, parameters, given)
            if resolve is not None:
                values = resolve(line, values)
            if line[names.AMPLITUDE].chunks is None:
                result = function(line, **values)
            else:
                from gprscan.steps import blocks  # which imports this module

                result = blocks.applied(line, _steps[name], values)
            return record(result, line, name, values)

        doc = inspect.getdoc(function) or ""
        room = function.__module__.rsplit(".", 1)[0]
        summary = doc.splitlines()[0] if doc else ""
        _steps[name] = Step(name, run, parameters, cut, halo, room, summary, resolve, measures, function)
        add_method(name, run)
        return run

    return decorate


def _parameter_model(name: str, function: Callable[..., Any], signature: inspect.Signature) -> type[BaseModel]:
    hints = get_type_hints(function, include_extras=True)
    fields: dict[str, Any] = {}
    for parameter in list(signature.parameters.values())[1:]:
        default = ... if parameter.default is inspect.Parameter.empty else parameter.default
        fields[parameter.name] = (hints[parameter.name], default)
    # neither NaN nor infinity: they pass comparisons the wrong way, and provenance is JSON, which has no word for them
    config = ConfigDict(extra="forbid", arbitrary_types_allowed=True, allow_inf_nan=False)
    return create_model(f"{name.title().replace('_', '')}Parameters", __config__=config, **fields)


def validated(name: str, parameters: type[BaseModel], given: dict[str, Any]) -> dict[str, Any]:
    """Check parameters against their model, and return them with defaults filled in.

    Raises
    ------
    ParameterError
        Naming the step, each wrong parameter, what was given and what is accepted.
    """
    try:
        checked = parameters(**given)
    except (ValidationError, UnitsError) as error:
        msg = f"{name}: {describe(error)}"
        raise ParameterError(msg) from None
    return {field: getattr(checked, field) for field in parameters.model_fields}


def describe(error: ValidationError | UnitsError) -> str:
    """Turn a validation error into one sentence per wrong field."""
    if not isinstance(error, ValidationError):
        return str(error)
    parts = []
    for item in error.errors():
        where = ".".join(str(part) for part in item["loc"])
        parts.append(f"{where or 'input'}: {item['msg']} (given: {item.get('input')!r})")
    return "; ".join(parts)


def record(result: xr.Dataset, line: xr.Dataset, name: str, values: dict[str, Any]) -> xr.Dataset:
    """Return `result` with the provenance of `line` and the step `name` with its resolved parameters."""
    return provenance.append(result, line, name, {key: _jsonable(value) for key, value in values.items()})


def _jsonable(value: Any) -> Any:
    if isinstance(value, xr.DataArray):
        return value.to_dict()
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    return json.loads(json.dumps(value))


def load_rooms() -> None:
    """Import the rooms that register steps. Cheap after the first time."""
    for room in ROOMS:
        importlib.import_module(room)


def list_steps() -> list[Step]:
    """Return every registered step, by name."""
    load_rooms()
    return [_steps[name] for name in sorted(_steps)]


def get_step(name: str) -> Step:
    """Return one step.

    Raises
    ------
    ParameterError
        If no step has this name; the message suggests the nearest.
    """
    load_rooms()
    if name not in _steps:
        import difflib

        near = difflib.get_close_matches(name, _steps, n=1)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        msg = f"there is no step {name!r}.{hint} 'gprscan steps' lists them."
        raise ParameterError(msg)
    return _steps[name]

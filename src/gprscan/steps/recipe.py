"""Recipes: a chain of steps, the migration and the detection settings, as one TOML file."""

from __future__ import annotations

import tomllib
from importlib import resources
from pathlib import Path
from typing import Any

import xarray as xr
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from gprscan.errors import ParameterError, RecipeError
from gprscan.steps.registry import describe, get_step, validated


class Recipe(BaseModel):
    """A recipe.

    Attributes
    ----------
    name, summary : str
        What it is called and what it is for.
    process : list of dict
        Steps in order, each a dict with the key ``step`` and the parameters of that step. They make the processed
        radargram; detection takes the raw line and conditions it itself.
    migrate : dict
        ``method`` (a migration step) and its parameters; ``velocity`` may be left out: the detected one is used.
    detect : dict
        Settings of `gprscan.detect`.
    """

    model_config = ConfigDict(extra="forbid")

    name: str
    summary: str = ""
    process: list[dict[str, Any]] = Field(default_factory=list)
    migrate: dict[str, Any] = Field(default_factory=dict)
    detect: dict[str, Any] = Field(default_factory=dict)


def _shipped() -> dict[str, Any]:
    folder = resources.files("gprscan.steps") / "recipes"
    return {entry.name.removesuffix(".toml"): entry for entry in folder.iterdir() if entry.name.endswith(".toml")}


def list_recipes() -> list[Recipe]:
    """Return the shipped recipes, by name."""
    return [load_recipe(name) for name in sorted(_shipped())]


def load_recipe(recipe: str | Path | Recipe) -> Recipe:
    """Load a shipped recipe by its name, or a recipe file by its path.

    Raises
    ------
    RecipeError
        If there is no such recipe, it is no TOML, or a step or parameter in it is wrong; the message says which.
    """
    if isinstance(recipe, Recipe):
        return recipe
    shipped = _shipped()
    if str(recipe) in shipped:
        text, where = shipped[str(recipe)].read_text("utf-8"), str(recipe)
    else:
        path = Path(recipe)
        if not path.is_file():
            msg = f"there is no recipe {str(recipe)!r}: neither a file nor one of {', '.join(sorted(shipped))}."
            raise RecipeError(msg)
        text, where = path.read_text("utf-8"), path.name
    try:
        loaded = Recipe(**tomllib.loads(text))
    except (tomllib.TOMLDecodeError, ValidationError, TypeError) as error:
        reason = describe(error) if isinstance(error, ValidationError) else str(error)
        msg = f"recipe {where}: {reason}"
        raise RecipeError(msg) from None
    _check_steps(loaded, where)
    model = loaded.detect.get("model")
    if isinstance(model, str) and str(recipe) not in shipped:
        # joined to an absolute path, the folder of the recipe is dropped
        loaded.detect["model"] = str(Path(recipe).resolve().parent / model)
    return loaded


def _check_steps(recipe: Recipe, where: str) -> None:
    for number, entry in enumerate(recipe.process, start=1):
        try:
            step = get_step(str(entry.get("step")))
            validated(step.name, step.parameters, {k: v for k, v in entry.items() if k != "step"})
        except ParameterError as error:
            msg = f"recipe {where}, step {number}: {error}"
            raise RecipeError(msg) from None
    # a typing error here would only cost the migrated pictures, and nobody would know why
    settings = {"method": "kirchhoff", "velocity": 0.1, **recipe.migrate}
    try:
        step = get_step(str(settings.pop("method")))
        validated(step.name, step.parameters, settings)
    except ParameterError as error:
        msg = f"recipe {where}, [migrate]: {error}"
        raise RecipeError(msg) from None
    if step.room != "gprscan.migration":
        msg = f"recipe {where}, [migrate]: {step.name} is no migration."
        raise RecipeError(msg)


def run_recipe(line: xr.Dataset, recipe: str | Path | Recipe) -> xr.Dataset:
    """Apply the ``process`` steps of a recipe to a line, in order.

    Parameters
    ----------
    line : xarray.Dataset
        A line.
    recipe : str, path or Recipe
        Name of a shipped recipe, a recipe file, or a recipe.
    """
    for entry in load_recipe(recipe).process:
        line = get_step(entry["step"]).function(line, **{k: v for k, v in entry.items() if k != "step"})
    return line

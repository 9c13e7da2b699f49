"""The registry of steps, and the recipes that chain them. Knows names and parameters, not rooms."""

from gprscan.steps.blocks import map_blocks, run_blocks
from gprscan.steps.recipe import Recipe, list_recipes, load_recipe, run_recipe
from gprscan.steps.registry import Step, get_step, list_steps, load_rooms, step
from gprscan.steps.types import Frequency, Length, Time, Velocity

__all__ = [
    "Frequency",
    "Length",
    "Recipe",
    "Step",
    "Time",
    "Velocity",
    "get_step",
    "list_recipes",
    "list_steps",
    "load_recipe",
    "load_rooms",
    "map_blocks",
    "run_blocks",
    "run_recipe",
    "step",
]

"""``gprscan recipes``: the shipped recipes."""

from __future__ import annotations

import click

from gprscan.cli import console


@click.command("recipes")
@click.argument("name", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(name: str | None, as_json: bool) -> None:
    """List the shipped recipes; print the file of the recipe NAME, to start one of your own from."""
    from gprscan import steps

    if name is not None:
        steps.load_recipe(name)  # says which there are, where this is none
        console.data(_text(name))
        return
    entries = steps.list_recipes()
    if as_json:
        console.data_json([entry.model_dump(mode="json") for entry in entries])
        return
    rows = [(entry.name, " > ".join(str(item["step"]) for item in entry.process), entry.summary) for entry in entries]
    console.table(("recipe", "processing", "for"), rows)


def _text(name: str) -> str:
    from importlib import resources
    from pathlib import Path

    shipped = resources.files("gprscan.steps") / "recipes" / f"{name}.toml"
    return (shipped if shipped.is_file() else Path(name)).read_text("utf-8").rstrip()

"""``gprscan steps``: the registry of processing steps."""

from __future__ import annotations

from typing import Any

import click

from gprscan.cli import console


@click.command("steps")
@click.argument("name", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(name: str | None, as_json: bool) -> None:
    """List the steps that recipes are made of, or show the documentation of the step NAME."""
    from gprscan import steps

    if name is not None:
        entry = steps.get_step(name)
        console.data(f"{entry.name}: {entry.function.__doc__ or entry.summary}")
        return
    entries = steps.list_steps()
    if as_json:
        console.data_json([described(entry) for entry in entries])
        return
    rows = [
        (entry.name, entry.room.removeprefix("gprscan."), parameters(entry), entry.cut, entry.summary)
        for entry in entries
    ]
    console.table(("step", "room", "parameters", "cut", "what it does"), rows)


def described(entry: Any) -> dict[str, Any]:
    """Return a step as JSON-able content."""
    return {
        "name": entry.name,
        "room": entry.room,
        "summary": entry.summary,
        "cut": entry.cut,
        "parameters": {name: _default(field) for name, field in entry.parameters.model_fields.items()},
    }


def parameters(entry: Any) -> str:
    """Return the parameters of a step as they are written in Python: required ones bare, others with their default."""
    fields = entry.parameters.model_fields.items()
    return ", ".join(name if field.is_required() else f"{name}={_default(field)!r}" for name, field in fields)


def _default(field: Any) -> Any:
    return "required" if field.is_required() else field.default

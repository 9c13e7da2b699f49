"""``gprscan survey``: templates of the files that a crew fills in."""

from __future__ import annotations

from pathlib import Path

import click

from gprscan.cli import console
from gprscan.errors import OutputExistsError


@click.group("survey")
def command() -> None:
    """Start a side file of your own from a template."""


@command.command("new-pipe")
@click.argument("path", type=click.Path(path_type=Path), required=False)
def new_pipe(path: Path | None) -> None:
    """Write the template of an in-pipe side file to PATH (RUN.pipe.toml), or print it."""
    from gprscan.geometry.pipe_file import SUFFIX, TEMPLATE

    if path is None:
        console.data(TEMPLATE.rstrip())
        return
    if not path.name.endswith(SUFFIX):
        msg = f"{path.name}: the side file of RUN.DZT is called RUN{SUFFIX}."
        raise click.UsageError(msg)
    if path.exists():
        msg = f"{path} is there already; choose another name."
        raise OutputExistsError(msg)
    path.write_text(TEMPLATE, "utf-8")

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

    _start(path, TEMPLATE, SUFFIX, "the side file of RUN.DZT is called RUN")


@command.command("new-wall")
@click.argument("path", type=click.Path(path_type=Path), required=False)
def new_wall(path: Path | None) -> None:
    """Write the template of the file of a wall or slope to PATH (NAME.wall.toml), or print it."""
    from gprscan.geometry.wall_file import SUFFIX, TEMPLATE

    _start(path, TEMPLATE, SUFFIX, "the file of the wall NAME is called NAME")


def _start(path: Path | None, template: str, suffix: str, rule: str) -> None:
    """Write a template where no file is yet, or print it."""
    if path is None:
        console.data(template.rstrip())
        return
    if not path.name.endswith(suffix):
        msg = f"{path.name}: {rule}{suffix}."
        raise click.UsageError(msg)
    if path.exists():
        msg = f"{path} is there already; choose another name."
        raise OutputExistsError(msg)
    path.write_text(template, "utf-8")

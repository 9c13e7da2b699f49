"""What commands print: tables and data on stdout, progress and notices on stderr."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress


def stdout() -> Console:
    """Return a console on stdout; colours only on a terminal, and not where NO_COLOR is set."""
    from rich.console import Console

    return Console(highlight=False, soft_wrap=False)


def stderr() -> Console:
    """Return a console on stderr."""
    from rich.console import Console

    return Console(stderr=True, highlight=False)


def say(message: str) -> None:
    """Print a notice on stderr."""
    click.echo(message, err=True)


def data(text: str) -> None:
    """Print data on stdout."""
    click.echo(text)


def data_json(value: Any) -> None:
    """Print a value as JSON on stdout."""
    click.echo(json.dumps(value, ensure_ascii=False, indent=2, allow_nan=False))


def table(columns: Sequence[str], rows: Iterable[Sequence[Any]], *, title: str = "") -> None:
    """Print a table on stdout: drawn on a terminal, tab-separated with a header line in a pipe."""
    console = stdout()
    texts = [["" if cell is None else str(cell) for cell in row] for row in rows]
    if not console.is_terminal:
        for row in [list(columns), *texts]:
            click.echo("\t".join(" ".join(cell.split()) for cell in row))
        return
    from rich import box
    from rich.markup import escape
    from rich.table import Table

    drawn = Table(title=title or None, box=box.SIMPLE_HEAD, title_justify="left", pad_edge=False)
    for column in columns:
        drawn.add_column(column, overflow="fold")
    for row in texts:
        drawn.add_row(*(escape(cell) for cell in row))
    console.print(drawn)


def progress_bar() -> Progress:
    """Return a progress bar on stderr; it draws nothing where stderr is no terminal."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = stderr()
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=console,
        disable=not console.is_terminal,
        transient=True,
    )


def refuse_existing(path: Path, overwrite: bool) -> None:
    """Raise where an output is there already and overwriting was not asked for."""
    from gprscan.errors import OutputExistsError

    if path.exists() and not overwrite:
        msg = f"{path} exists. Choose another name, or overwrite it with --overwrite."
        raise OutputExistsError(msg)


def refuse_file(folder: Path) -> None:
    """Raise where the name of an output folder is that of a file."""
    from gprscan.errors import OutputExistsError

    if folder.exists() and not folder.is_dir():
        msg = f"{folder} is a file; the output is a folder. Choose another name with -o."
        raise OutputExistsError(msg)

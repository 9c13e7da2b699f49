"""``gprscan convert``: from any readable format to any writable one."""

from __future__ import annotations

from pathlib import Path

import click

from gprscan.cli import console


@click.command("convert")
@click.argument("source", metavar="IN", type=click.Path(path_type=Path))
@click.argument("target", metavar="OUT", type=click.Path(path_type=Path))
@click.option("--overwrite", is_flag=True, help="Overwrite OUT where it exists.")
@click.option("--spacing", metavar="M", help="Distance between traces, where the file does not know it; '5 cm' works.")
@click.option("--crs", help="CRS in which x and y are wanted, for example EPSG:4547.")
@click.option("--component", help="Field component of a simulated file.")
@click.option("--on-truncated", type=click.Choice(["raise", "trim"]), default="raise", show_default=True)
def command(
    source: Path,
    target: Path,
    overwrite: bool,
    spacing: str | None,
    crs: str | None,
    component: str | None,
    on_truncated: str,
) -> None:
    """Convert the file IN to OUT; the extension of OUT chooses the format ('gprscan formats' lists them)."""
    from gprscan import io, names
    from gprscan.survey.store import sha256_of

    console.refuse_existing(target, overwrite)
    given = {"spacing": spacing, "crs": crs, "component": component}
    options = {key: value for key, value in given.items() if value is not None}
    line = io.read(source, on_truncated=on_truncated, **options)  # type: ignore[arg-type]
    io.write(line.assign_attrs({names.SOURCE_SHA256: sha256_of(source)}), target, overwrite=overwrite)
    console.data(str(target))

"""``gprscan convert``: from any readable format to any writable one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from gprscan.cli import console
from gprscan.errors import WriteError

if TYPE_CHECKING:
    import xarray as xr

    from gprscan import io


@click.command("convert")
@click.argument("source", metavar="IN", type=click.Path(path_type=Path))
@click.argument("target", metavar="OUT", type=click.Path(path_type=Path))
@click.option("--overwrite", is_flag=True, help="Overwrite OUT where it exists.")
@click.option("--spacing", metavar="M", help="Distance between traces, where the file does not know it; '5 cm' works.")
@click.option("--crs", help="CRS in which x and y are wanted, for example EPSG:4547.")
@click.option("--component", help="Field component of a simulated file.")
@click.option("--interval-unit", type=click.Choice(["ps", "ns", "us", "s"]), help="Unit of the interval in SEG files.")
@click.option("--on-truncated", type=click.Choice(["raise", "trim"]), default="raise", show_default=True)
def command(
    source: Path,
    target: Path,
    overwrite: bool,
    spacing: str | None,
    crs: str | None,
    component: str | None,
    interval_unit: str | None,
    on_truncated: str,
) -> None:
    """Convert the file IN to OUT; the extension of OUT chooses the format ('gprscan formats' lists them)."""
    from gprscan import io

    console.refuse_existing(target, overwrite)
    entry = _writer(target)
    given = {"spacing": spacing, "crs": crs, "component": component, "interval_unit": interval_unit}
    options = {key: value for key, value in given.items() if value is not None}
    line = io.read(source, on_truncated=on_truncated, **options)  # type: ignore[arg-type]
    try:
        io.write(_with_origin(line, source), target, overwrite=overwrite)
    except WriteError as error:
        if isinstance(error.__cause__, OSError):
            raise  # the disk, not what was asked for
        raise click.UsageError(str(error)) from None
    console.data(str(target))
    _warn_of_losses(line, entry, target)


def _with_origin(line: xr.Dataset, source: Path) -> xr.Dataset:
    """Note the hash of the file that the line comes from; a Zarr folder has none."""
    from gprscan import names
    from gprscan.survey.store import sha256_of

    return line.assign_attrs({names.SOURCE_SHA256: sha256_of(source)}) if source.is_file() else line


def _writer(target: Path) -> io.Format:
    """Return the format that OUT will have; told before a long file is read."""
    from gprscan import io

    writers = {suffix: entry for entry in io.list_formats() if entry.write for suffix in entry.write_suffixes}
    if target.suffix.lower() not in writers:
        msg = f"{target.name}: no writer for {target.suffix or 'no extension'}. Writable: {' '.join(sorted(writers))}."
        raise click.UsageError(msg)
    return writers[target.suffix.lower()]


def _warn_of_losses(line: xr.Dataset, entry: io.Format, target: Path) -> None:
    """Say what the findings were, where the format has no room for them: the next reader must not trust in silence."""
    from gprscan.model import findings

    noticed = findings.load(line)
    if entry.keeps_findings or not noticed:
        return
    codes = ", ".join(dict.fromkeys(finding.code for finding in noticed))
    console.say(f"{target.name} does not keep the findings ({codes}). Write .nc or .zarr to keep them.")

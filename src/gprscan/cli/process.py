"""``gprscan process``: the steps of a recipe over files, each result a NetCDF file with its provenance."""

from __future__ import annotations

from pathlib import Path

import click

from gprscan.cli import console
from gprscan.cli.status import ExitStatus


@click.command("process")
@click.argument("files", nargs=-1, required=True, metavar="FILE...", type=click.Path(path_type=Path))
@click.option("--recipe", required=True, metavar="NAME|FILE", help="A shipped recipe, or a recipe file.")
@click.option("-o", "--out", required=True, metavar="DIR", type=click.Path(path_type=Path), help="Output folder.")
@click.option("--overwrite", is_flag=True, help="Overwrite results that are there already.")
@click.option("--spacing", metavar="M", help="Distance between traces, where a file does not know it; '5 cm' works.")
def command(files: tuple[Path, ...], recipe: str, out: Path, overwrite: bool, spacing: str | None) -> None:
    """Apply the processing steps of a recipe to each FILE and write DIR/<name>.nc.

    A file that cannot be processed is named with its reason, and the others are done all the same.
    """
    from gprscan.errors import GprscanError
    from gprscan.steps import load_recipe

    chosen = load_recipe(recipe)
    console.refuse_file(out)
    targets = _targets(files, out)
    for target in targets:
        console.refuse_existing(target, overwrite)
    out.mkdir(parents=True, exist_ok=True)
    failed = 0
    with console.progress_bar() as bar:
        task = bar.add_task("processing", total=len(files))
        for path, target in zip(files, targets, strict=True):
            bar.update(task, description=path.name)
            try:
                _process(path, target, chosen, overwrite, spacing)
            except (GprscanError, OSError) as error:
                failed += 1
                bar.console.print(f"failed: {path}: {error}", markup=False, soft_wrap=True)
            else:
                console.data(str(target))
            bar.advance(task)
    status = ExitStatus.OK
    if failed:
        status = ExitStatus.NOTHING_READABLE if failed == len(files) else ExitStatus.SOME_FILES_FAILED
    click.get_current_context().exit(int(status))


def _targets(files: tuple[Path, ...], out: Path) -> list[Path]:
    """Return an output per file; files of the same stem keep their extension in the name."""
    stems = [path.stem.casefold() for path in files]
    names = [path.name if stems.count(path.stem.casefold()) > 1 else path.stem for path in files]
    if len({name.casefold() for name in names}) < len(names):
        msg = "two of the files have the same name, so their results would overwrite each other; process them apart."
        raise click.UsageError(msg)
    return [out / f"{name}.nc" for name in names]


def _process(path: Path, target: Path, recipe: object, overwrite: bool, spacing: str | None) -> None:
    from gprscan import io, names
    from gprscan.steps import run_recipe
    from gprscan.survey.store import sha256_of

    line = io.read(path) if spacing is None else io.read(path, spacing=spacing)
    done = run_recipe(line, recipe)  # type: ignore[arg-type]
    io.write(done.assign_attrs({names.SOURCE_SHA256: sha256_of(path)}), target, overwrite=overwrite)

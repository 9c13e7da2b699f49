"""``gprscan formats``: the registry of readers and writers."""

from __future__ import annotations

import click

from gprscan.cli import console


@click.command("formats")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(as_json: bool) -> None:
    """List the readable formats: extensions, whether they can be written, and what reading was checked on."""
    from gprscan.io import registry

    formats = registry.list_formats()
    if as_json:
        keys = ("name", "title", "suffixes", "side_suffixes", "write_suffixes", "maturity", "note")
        console.data_json([{key: getattr(entry, key) for key in keys} for entry in formats])
        return
    columns = ("name", "format", "extensions", "side files", "written", "reading checked", "note")
    rows = [
        (
            entry.name,
            entry.title,
            " ".join(entry.suffixes),
            " ".join(entry.side_suffixes),
            " ".join(entry.write_suffixes),
            entry.maturity.removeprefix("checked "),
            entry.note,
        )
        for entry in formats
    ]
    console.table(columns, rows)

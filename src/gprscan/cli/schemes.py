"""``gprscan schemes``: the shipped grading schemes."""

from __future__ import annotations

import click

from gprscan.cli import console


@click.command("schemes")
@click.argument("name", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(name: str | None, as_json: bool) -> None:
    """List the grading schemes; show the grades, sources and notice of the scheme NAME."""
    from gprscan import risk

    if name is not None:
        scheme = risk.load_scheme(name)
        if as_json:
            console.data_json(scheme.definition())
            return
        console.data(f"{scheme.id} {scheme.version} ({scheme.status}): {scheme.title.get('en', '')}")
        for text in [*scheme.notice.values(), *(f"Source: {source}" for source in scheme.sources)]:
            console.data(f"  {text}")
        rows = [
            (rank, grade.label, " / ".join(grade.names.values()), grade.action.get("en", ""))
            for rank, grade in enumerate(scheme.grades, start=1)
        ]
        console.table(("rank", "grade", "names", "action"), rows)
        return
    entries = risk.list_schemes()
    if as_json:
        console.data_json([entry.summary() for entry in entries])
        return
    listed = [
        (e.id, e.version, e.status, " < ".join(grade.label for grade in e.grades), e.title.get("en", ""))
        for e in entries
    ]
    console.table(("scheme", "version", "status", "grades, mildest first", "title"), listed)

"""``gprscan report``: the outputs of a finished scan, written again without reading any radar file."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import click

from gprscan.cli import console


@click.command("report")
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--scheme", metavar="NAME|FILE", help="Grade anew with this scheme; the one of the scan by default.")
@click.option("--lang", type=click.Choice(["zh", "en", "both"]), default="both", show_default=True, help="Report.")
def command(out: Path, scheme: str | None, lang: Literal["zh", "en", "both"]) -> None:
    """Write tables, map files and report of the finished scan in OUT again; its path is printed on stdout."""
    from gprscan import report, risk

    result = report.SurveyResult.from_folder(out)
    if scheme is not None:
        chosen = risk.load_scheme(scheme)
        result.anomalies = risk.grade(result.anomalies, chosen, result.run.get("context"))
        result.run["scheme"] = chosen.definition()
    console.data(str(report.write_all(result, out, lang)))

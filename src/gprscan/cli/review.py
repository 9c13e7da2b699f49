"""``gprscan review``: what an engineer says about the anomalies, out into a table and back in."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from gprscan.cli import console

if TYPE_CHECKING:
    from gprscan.report import SurveyResult


@click.command("review")
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--export", "export", type=click.Path(path_type=Path), metavar="FILE", help="Write a CSV to fill in.")
@click.option(
    "--import", "imported", type=click.Path(path_type=Path), metavar="FILE",
    help="Take in a filled CSV, XLSX, GeoPackage, GeoJSON or COCO file, and write the outputs again.",
)  # fmt: skip
@click.option(
    "--crops", type=click.Path(path_type=Path), metavar="DIR", help="Write crops of the radargrams, with COCO labels."
)
@click.option("--survey", type=click.Path(path_type=Path), help="The survey that was scanned; for --crops.")
@click.option("--reviewer", metavar="NAME", help="Who reviews, where the file does not say.")
@click.option("--overwrite", is_flag=True, help="Replace FILE or DIR.")
@click.option("--lang", type=click.Choice(["zh", "en", "both"]), default="both", show_default=True, help="Report.")
def command(
    out: Path,
    export: Path | None,
    imported: Path | None,
    crops: Path | None,
    survey: Path | None,
    reviewer: str | None,
    overwrite: bool,
    lang: Literal["zh", "en", "both"],
) -> None:
    """Review the anomalies of the finished scan in OUT; without options, say how many were.

    In the CSV, review_status is accepted, rejected, reclassed (with the kind in review_kind) or open; review_comment is
    free text. Reviews are kept beside the automatic values, in OUT/reviews.json; no later scan of OUT removes them.
    """
    from gprscan import report
    from gprscan.report import review, review_files

    if crops is not None and survey is None:
        msg = "--crops reads the radargrams again: say with --survey where they are."
        raise click.UsageError(msg)
    result = report.SurveyResult.from_folder(out)
    if imported is not None:
        opinions = review_files.read(imported, result, reviewer)
        new = review.add(out, result, opinions)
        console.say(f"{imported.name}: {len(opinions)} reviewed, {new} of them new or changed.")
        console.data(str(report.write_all(result, out, lang)))
    if export is not None:
        console.refuse_existing(export, overwrite)
        review_files.write_table(result, export)
        console.data(str(export))
    if crops is not None and survey is not None:
        from gprscan.survey.crops import write_crops

        console.data(str(write_crops(survey, out, crops, overwrite=overwrite)))
    if imported is None and export is None and crops is None:
        _summarise(result)


def _summarise(result: SurveyResult) -> None:
    from gprscan.report import review

    console.table(["status", "anomalies"], [[name, str(n)] for name, n in review.counts(result).items()])
    for lost in result.lost_reviews:
        said = " ".join(part for part in lost.opinion() if part)
        console.say(
            f"no longer there: {lost.anomaly_id} at {lost.distance_m} m of {lost.line}: {said} ({lost.reviewer})"
        )

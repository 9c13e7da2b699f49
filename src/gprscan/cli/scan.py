"""``gprscan scan``: a survey in, a map, tables and a report out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from gprscan.cli import console
from gprscan.cli.status import ExitStatus

if TYPE_CHECKING:
    from gprscan.report import SurveyResult
    from gprscan.survey import Progress


@click.command("scan")
@click.argument("survey", type=click.Path(path_type=Path))
@click.option("-o", "--out", type=click.Path(path_type=Path), required=True, help="Output folder.")
@click.option("--recipe", metavar="NAME|FILE", help="Recipe; 'road' where neither this nor the survey file says.")
@click.option("--scheme", metavar="NAME|FILE", help="Grading scheme; 'gprscan_screening' where nothing says.")
@click.option("--jobs", "-j", type=click.IntRange(min=1), default=1, show_default=True, help="Number of processes.")
@click.option("--resume/--fresh", default=None, help="Go on with an earlier output, or remove it and start anew.")
@click.option("--lang", type=click.Choice(["zh", "en", "both"]), default="both", show_default=True, help="Report.")
@click.option("--fail-on", type=int, metavar="RANK", help="End with status 10 where an anomaly has this rank or worse.")
def command(
    survey: Path,
    out: Path,
    recipe: str | None,
    scheme: str | None,
    jobs: int,
    resume: bool | None,
    lang: Literal["zh", "en", "both"],
    fail_on: int | None,
) -> None:
    """Scan SURVEY: a radar file, a folder of them (to any depth), or a survey.toml.

    Files that cannot be used are listed with their reason and cost nothing else. A scan that was stopped goes on with
    --resume. The path of the report is printed on stdout.
    """
    result = scan_with_progress(survey, out, recipe=recipe, scheme=scheme, jobs=jobs, resume=resume, lang=lang)
    summarise(result)
    console.data(str(result.report))
    click.get_current_context().exit(int(verdict(result, fail_on)))


def scan_with_progress(survey: Path, out: Path, **options: Any) -> SurveyResult:
    """Run a scan, with a bar on a terminal and a plain line per file elsewhere, both on stderr."""
    from gprscan.survey import scan

    with console.progress_bar() as bar:
        task = bar.add_task("scanning", total=None)

        def show(progress: Progress) -> None:
            bar.update(task, completed=progress.done, total=progress.total, description=progress.source[-40:])
            if progress.error is not None:
                bar.console.print(f"failed: {progress.source}: {progress.error}", markup=False, soft_wrap=True)
            elif bar.disable:
                took = "" if progress.seconds is None else f", {progress.seconds:.1f} s"
                kept = progress.status == "kept"
                said = "kept from the earlier run" if kept else f"{progress.anomalies} anomalies{took}"
                console.say(f"[{progress.done}/{progress.total}] {progress.source}: {said}")

        return scan(survey, out, progress=show, **options)


def summarise(result: SurveyResult) -> None:
    """Say on stderr what was found: bodies by kind, the worst grade, and lines that could not be used."""
    from gprscan import names

    status = result.lines["status"]
    console.say(f"{int((status == 'ok').sum())} of {len(status)} lines scanned.")
    unplaced = result.lines[(status == "ok") & ~result.lines["placed"].astype(bool)]
    if len(unplaced):
        console.say(f"{len(unplaced)} line(s) carry no usable positions: reported in line coordinates, not on the map.")
    kinds = result.anomalies["kind"].value_counts()
    found = ", ".join(f"{kinds[kind]} {kind}" for kind in names.KINDS if kind in kinds)
    console.say(f"Found: {found or 'nothing'}.")
    graded = result.anomalies[result.anomalies["risk_rank"].notna()]
    if len(graded):
        worst = graded.loc[graded["risk_rank"].astype(int).idxmax()]
        scheme = f"{worst['risk_scheme']} {worst['risk_scheme_version']}"
        rank = f"{worst['risk_label']} (rank {worst['risk_rank']}, {scheme})"
        console.say(f"Worst grade: {rank} at {worst['anomaly_id']}.")


def verdict(result: SurveyResult, fail_on: int | None) -> ExitStatus:
    """Return the exit status of a finished scan.

    A reached ``--fail-on`` counts most, since it is what an automatic run asks for; then whether lines failed.
    """
    ranks = result.anomalies["risk_rank"].dropna()
    if fail_on is not None and len(ranks) and int(ranks.max()) >= fail_on:
        return ExitStatus.FAIL_ON_REACHED
    ok = result.lines["status"] == "ok"
    if ok.all():
        return ExitStatus.OK
    return ExitStatus.SOME_FILES_FAILED if ok.any() else ExitStatus.NOTHING_READABLE

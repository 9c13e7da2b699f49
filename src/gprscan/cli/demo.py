"""``gprscan demo``: the packaged sample survey from end to end, held against its truth."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from gprscan.cli import console

if TYPE_CHECKING:
    from gprscan.survey.sample import Outcome


@click.command("demo")
@click.option("-o", "--out", type=click.Path(path_type=Path), default=Path("gprscan-demo"), show_default=True)
@click.option("--jobs", "-j", type=click.IntRange(min=1), default=1, show_default=True, help="Number of processes.")
@click.option("--resume/--fresh", default=None, help="Go on with an earlier output, or remove it and start anew.")
def command(out: Path, jobs: int, resume: bool | None) -> None:
    """Run the sample survey that comes with gprscan, from raw files to the report.

    The survey is simulated, so its truth is known: the table on stderr says what was found and what was missed. The
    path of the report is printed on stdout.
    """
    from gprscan.cli.scan import scan_with_progress, summarise, verdict
    from gprscan.survey.sample import compare, load_truth, sample_folder

    folder = sample_folder()
    result = scan_with_progress(folder, out, jobs=jobs, resume=resume)
    summarise(result)
    _show(compare(result.anomalies, load_truth(folder)))
    console.data(str(result.report))
    click.get_current_context().exit(int(verdict(result, None)))


def _show(outcomes: list[Outcome]) -> None:
    from gprscan import names

    bodies = [outcome for outcome in outcomes if outcome.truth is not None]
    again = [outcome for outcome in outcomes if outcome.again is not None]
    elsewhere = [outcome for outcome in outcomes if outcome.truth is None and outcome.again is None]
    console.say("\nAgainst the truth of the simulation:")
    for outcome in bodies:
        console.say(f"  {_sentence(outcome)}")
    for outcome in elsewhere:
        if outcome.kind in names.HAZARD_KINDS:
            console.say(f"  FALSE   {outcome.kind} ({outcome.anomaly_id}) in {_where(outcome)}: there is none")
    found = sum(outcome.anomaly_id is not None for outcome in bodies)
    right = sum(outcome.right_kind for outcome in bodies)
    console.say(f"{found} of {len(bodies)} bodies found, {right} with the right kind.")
    console.say(
        f"Further anomalies: {len(again)} at bodies found already, {len(elsewhere)} elsewhere (natural stones count)."
    )


def _where(outcome: Outcome) -> str:
    depth = "" if outcome.top_depth_m is None else f", top {outcome.top_depth_m:.2f} m deep"
    return f"{outcome.line} at {outcome.distance_m:.2f} m{depth}"


def _sentence(outcome: Outcome) -> str:
    what = f"{str(outcome.truth).replace('_', ' ')} in {_where(outcome)}"
    if outcome.anomaly_id is None:
        return f"MISSED  {what}"
    errors = f"{abs(outcome.error_m or 0.0) * 100:.0f} cm off along the line"
    if outcome.depth_error_m is not None:
        errors += f", {abs(outcome.depth_error_m) * 100:.0f} cm in depth"
    kind = outcome.kind if outcome.right_kind else f"{outcome.kind}, which is wrong"
    return f"found   {what}: {outcome.anomaly_id}, {kind}; {errors}"

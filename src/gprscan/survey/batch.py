"""A whole survey: every line once, whatever happens to some of them, and one result of all."""

from __future__ import annotations

import datetime
import platform
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from gprscan.errors import ParameterError, RecipeError, UnknownFormatError
from gprscan.report import SurveyResult
from gprscan.steps import Recipe, load_recipe
from gprscan.survey import pipe_images, store
from gprscan.survey.discover import Plan, plan_survey
from gprscan.survey.pool import run_parallel, run_serial
from gprscan.survey.runner import LineJob, line_key

if TYPE_CHECKING:
    from gprscan.risk import Scheme

_LIBRARIES = ("numpy", "scipy", "numba", "xarray", "pandas", "geopandas", "pyproj", "shapely", "h5py", "matplotlib")


@dataclass(frozen=True)
class Progress:
    """How far a scan is, handed to the ``progress`` callback after each line.

    Attributes
    ----------
    done, total : int
        Lines finished, and lines in the survey.
    source : str
        The file just finished.
    status : str
        ``"ok"``, ``"failed"`` or ``"kept"`` (finished by an earlier run).
    anomalies : int
        Bodies found on it.
    seconds : float or None
        Time that it took.
    error : str or None
        Why it failed.
    """

    done: int
    total: int
    source: str
    status: str
    anomalies: int
    seconds: float | None
    error: str | None


def scan(
    survey: str | Path,
    out: str | Path,
    recipe: str | Path | Recipe | None = None,
    scheme: str | Path | None = None,
    jobs: int = 1,
    resume: bool | None = None,
    lang: Literal["zh", "en", "both"] = "both",
    progress: Callable[[Progress], None] | None = None,
) -> SurveyResult:
    """Scan a survey: read every line, detect, grade, and write the map, the tables and the report.

    A file that cannot be used is listed with its reason and costs nothing else. Each finished line is stored at once,
    so a scan that was stopped, or killed, goes on where it was with ``resume=True``.

    Parameters
    ----------
    survey : path-like
        A radar file, a folder of them (searched to any depth), or a ``survey.toml``.
    out : path-like
        Output folder.
    recipe : str, Path or Recipe, optional
        A shipped recipe or a recipe file; rules over the survey file, ``"road"`` where neither says.
    scheme : str or Path, optional
        Grading scheme; rules over the survey file, ``"gprscan_screening"`` where neither says.
    jobs : int
        Number of processes. With more than one, guard a script with ``if __name__ == "__main__":``.
    resume : bool, optional
        True goes on with what an earlier scan left in `out`: lines whose files, options, recipe and software version
        are unchanged are kept. False removes it and starts anew. By default an earlier output is an error.
    lang : {"zh", "en", "both"}
        Language of the report.
    progress : callable, optional
        Called with a `Progress` after each line.

    Returns
    -------
    SurveyResult
        Anomalies with their grades, lines, tracks, coverage, manifest and the path of the report.

    Raises
    ------
    OutputExistsError
        If `out` holds an earlier scan and `resume` was not given.
    RecipeError
        If the recipe, the scheme or the survey file is wrong; before any line is read.
    ReadError
        If there is no such survey, or no radar file in it.

    Examples
    --------
    >>> import gprscan as gs
    >>> result = gs.scan("night3/", "night3_out/", jobs=2)  # doctest: +SKIP
    """
    from gprscan import report, risk
    from gprscan.detection import rescore
    from gprscan.report import review
    from gprscan.risk.grading import DEFAULT_SCHEME

    if jobs < 1:
        msg = f"jobs is {jobs}; it must be 1 or more."
        raise ParameterError(msg)
    started = datetime.datetime.now(datetime.UTC)
    out = Path(out)
    plan = plan_survey(survey, out)
    chosen = load_recipe(recipe or plan.recipe or "road")
    if chosen.detect.get("model"):
        rescore.load(chosen.detect["model"])  # a model that cannot be used is said before any line is read
    grading = risk.load_scheme(scheme or plan.scheme or DEFAULT_SCHEME)
    _check_context(plan, grading)
    if not plan.jobs:
        raise UnknownFormatError(_nothing(Path(survey), plan))
    store.prepare(out, resume)
    records = _run(plan, chosen, out, jobs, progress)
    store.forget(out, (job.id for job in plan.jobs))
    pipe_images.write_images(plan.jobs, records, out)
    manifest = [_entry(record) for record in records] + [_ignored(path, why) for path, why in plan.ignored]
    run = _run_facts(plan, chosen, started) | {"scheme": grading.definition(), "context": plan.context, "jobs": jobs}
    result = SurveyResult.from_records(records, manifest, run, crs=plan.crs)
    result.anomalies = risk.grade(result.anomalies, grading, plan.context)
    review.attach(result, review.load(out))
    result.report = report.write_all(result, out, lang)
    return result


def _check_context(plan: Plan, scheme: Scheme) -> None:
    """Refuse survey-wide inputs that grading does not know before hours are spent on the lines."""
    import pandas as pd

    from gprscan import risk

    try:
        risk.grade(pd.DataFrame({"kind": []}), scheme, plan.context)  # type: ignore[arg-type]
    except ParameterError as error:
        msg = f"survey file, {error}"
        raise RecipeError(msg) from None


def _run(
    plan: Plan, recipe: Recipe, out: Path, workers: int, progress: Callable[[Progress], None] | None
) -> list[dict[str, Any]]:
    """Work through the lines and return their records in the order of the plan."""
    done: dict[str, dict[str, Any]] = {}

    def finish(record: dict[str, Any], kept: bool) -> None:
        done[record["id"]] = record
        store.append_manifest(out, _entry(record))
        if progress is not None:
            status = "kept" if kept else record["status"]
            found = len(record["anomalies"])
            progress(
                Progress(len(done), len(plan.jobs), record["source"], status, found, record["seconds"], record["error"])
            )

    (out / store.MANIFEST).unlink(missing_ok=True)
    pending: list[LineJob] = []
    for job in plan.jobs:
        record = _finished(out, job, recipe)
        if record is None:
            pending.append(job)
        else:
            finish(record, kept=True)
    running: Iterator[dict[str, Any]]
    if workers > 1 and len(pending) > 1:
        _warm(recipe)
        running = run_parallel(pending, recipe, out, min(workers, len(pending)))
    else:
        running = run_serial(pending, recipe, out)
    for record in running:
        finish(record, kept=False)
    return [done[job.id] for job in plan.jobs]


def _finished(out: Path, job: LineJob, recipe: Recipe) -> dict[str, Any] | None:
    if store.read_record(out, job.id) is None:  # spares hashing the input of a line that was never done
        return None
    try:
        return store.finished(out, job.id, line_key(job, recipe))
    except OSError:  # the input is gone or locked: the line is tried again, and says so
        return None


def _warm(recipe: Recipe) -> None:
    """Compile the kernels of a worker once in this process: a cold cache filled by several at once is a numba bug."""
    import numba
    import numpy as np

    from gprscan import detection, model
    from gprscan.steps import run_recipe

    rng = np.random.default_rng(0)
    threads = numba.get_num_threads()
    numba.set_num_threads(1)  # as in a worker, where the kernels for several threads are not called
    for shape in ((64, 256), (2, 64, 256)):
        noise = rng.standard_normal(shape).astype("float32")
        offsets = None if len(shape) == 2 else [0.0, 0.1]
        line = model.from_array(
            noise, dt=0.2, spacing=0.05, frequency=400, separation=0.1, time_zero=2.0, channel_offsets=offsets
        )
        detection.detect(line, recipe)
        run_recipe(line, recipe)
    numba.set_num_threads(threads)


def _entry(record: dict[str, Any]) -> dict[str, Any]:
    return {
        "path": record["source"],
        "line": record["id"],
        "sha256": (record["key"] or {}).get("sha256"),
        "status": record["status"],
        "seconds": record["seconds"],
        "anomalies": len(record["anomalies"]),
        "findings": record["findings"],
        "error": record["error"],
    }


def _ignored(path: str, why: str) -> dict[str, Any]:
    return {"path": path, "sha256": None, "status": "ignored", "seconds": 0.0, "findings": [], "error": why}


def _run_facts(plan: Plan, recipe: Recipe, started: datetime.datetime) -> dict[str, Any]:
    finished = datetime.datetime.now(datetime.UTC)
    return {
        "survey": plan.name,
        "crs": plan.crs,
        "recipe": recipe.model_dump(mode="json"),
        "recipe_sha256": store.recipe_hash(recipe),
        "started": started.isoformat(timespec="seconds"),
        "finished": finished.isoformat(timespec="seconds"),
        "seconds": round((finished - started).total_seconds(), 3),
        "gprscan": version("gprscan"),
        "python": platform.python_version(),
        "platform": f"{sys.platform}-{platform.machine()}",
        "libraries": {name: version(name) for name in _LIBRARIES},
    }


def _nothing(survey: Path, plan: Plan) -> str:
    from gprscan.io import registry

    looked = f"{len(plan.ignored)} file(s) were looked at" if plan.ignored else "it is empty"
    return f"no radar file was found in {survey}: {looked}. {registry.readable()}"

"""Lines in several processes: one level of parallelism, and no line can take the batch down with it."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.connection import wait as wait_for_handle
from pathlib import Path
from typing import Any

from gprscan.steps import Recipe
from gprscan.survey import record, store
from gprscan.survey.runner import LineJob, line_key, scan_line

_DIED = (
    "the process that worked on this line died: out of memory, or a crash in a library on broken data. "
    "The other lines are not affected. Try it alone: gprscan info FILE."
)


def run_serial(jobs: Iterable[LineJob], recipe: Recipe, out: Path) -> Iterator[dict[str, Any]]:
    """Work through the lines in this process, and yield each record as it is stored."""
    for job in jobs:
        yield scan_line(job, recipe, out)


def run_parallel(jobs: Iterable[LineJob], recipe: Recipe, out: Path, workers: int) -> Iterator[dict[str, Any]]:
    """Work through the lines in several processes, and yield each record as it is stored, in no fixed order.

    A worker that dies takes the pool with it; the lines that were in work are then tried alone, so that only the one
    that kills its process is listed as failed.
    """
    queue = deque(jobs)
    while queue:
        suspects: list[LineJob] = []
        with _pool(workers) as pool:
            running: dict[Future[dict[str, Any]], LineJob] = {}
            while (queue or running) and not suspects:
                while queue and len(running) < workers:
                    job = queue.popleft()
                    running[pool.submit(scan_line, job, recipe, out)] = job
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    job = running.pop(future)
                    try:
                        result = future.result()
                    except BrokenProcessPool:
                        suspects = [job, *running.values()]
                        break
                    yield result
        for job in suspects:
            yield _alone(job, recipe, out)


def _alone(job: LineJob, recipe: Recipe, out: Path) -> dict[str, Any]:
    try:
        with _pool(1) as pool:
            return pool.submit(scan_line, job, recipe, out).result()
    except BrokenProcessPool:
        result = {
            "id": job.id,
            "source": job.source,
            "key": line_key(job, recipe),
            "status": "failed",
            "error": _DIED,
            "row": record.failed_row(job.id, job.source, "failed"),
            "seconds": None,
            **record.EMPTY,
        }
        store.write_json(out / store.LINES / f"{job.id}.json", result)
        return result


@contextlib.contextmanager
def _pool(workers: int) -> Iterator[ProcessPoolExecutor]:
    before = set(multiprocessing.active_children())
    context = multiprocessing.get_context("spawn")
    executor = ProcessPoolExecutor(workers, mp_context=context, initializer=_start_worker)
    try:
        yield executor
    except BaseException:
        # an interrupt must not wait for lines that take minutes; what they had not stored is done again by --resume
        executor.shutdown(wait=False, cancel_futures=True)
        for child in set(multiprocessing.active_children()) - before:
            child.terminate()
        raise
    executor.shutdown(wait=True, cancel_futures=True)


def _start_worker() -> None:
    """Prepare a worker: no threads of its own in kernels, interrupts left to the parent, no life after the parent."""
    import numba

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    numba.set_num_threads(1)
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent.sentinel,), daemon=True).start()


def _end_with(sentinel: int) -> None:
    wait_for_handle([sentinel])
    os._exit(1)

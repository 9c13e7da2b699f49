"""The image volume of each pipe segment of a survey: made from all of its lines, once they have been scanned."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from gprscan.report.pipes import VOLUMES
from gprscan.survey import store
from gprscan.survey.discover import safe_name
from gprscan.survey.runner import LineJob, open_line

_log = logging.getLogger(__name__)
_SOURCE = "source_key"


def write_images(jobs: Iterable[LineJob], records: list[dict[str, Any]], out: Path) -> None:
    """Write ``pipe_images/SEGMENT.nc`` for every segment that a line was measured in, and remove those of other scans.

    An image that was made of the same files by the same software is kept. One that cannot be made (a wall of metal, lines of
    bores that contradict each other) costs the image only; the log says why.

    Parameters
    ----------
    jobs : iterable of LineJob
        The lines of the survey.
    records : list of dict
        Their records, in the same order.
    out : Path
        Output folder of the scan.
    """
    wanted: dict[str, list[tuple[LineJob, Any]]] = {}
    for job, record in zip(jobs, records, strict=True):
        text = record["row"].get("pipe")
        if record["status"] == "ok" and text:
            segment = str(json.loads(text).get("segment") or job.id)
            wanted.setdefault(segment, []).append((job, record["key"]))
    folder = out / VOLUMES
    paths = {folder / f"{safe_name(segment)}.nc": (segment, members) for segment, members in wanted.items()}
    for old in set(folder.glob("*.nc")) - set(paths):
        old.unlink()
    for path, (segment, members) in paths.items():
        key = store.fingerprint([entry for _, entry in members])
        if _key_of(path) != key:
            _write(path, [job for job, _ in members], {_SOURCE: key, "segment": segment})


def _key_of(path: Path) -> str | None:
    import xarray as xr

    if not path.is_file():
        return None
    try:
        with xr.open_dataset(path, engine="h5netcdf") as image:
            return image.attrs.get(_SOURCE)
    except (OSError, ValueError):  # half a file, or none of ours: made anew
        return None


def _write(path: Path, jobs: list[LineJob], attrs: dict[str, str]) -> None:
    from gprscan.detection import write_cylinder_image

    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        write_cylinder_image([open_line(job) for job in jobs], path, attrs=attrs)
    except Exception as error:  # what was found is worth more than its picture
        path.unlink(missing_ok=True)
        _log.warning("%s: no image of the ground round the pipe: %s", path.stem, error)
        _log.debug("image of %s", path.stem, exc_info=True)

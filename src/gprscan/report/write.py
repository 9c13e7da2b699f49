"""Every output file of a survey: all of them, each whole, or none."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gprscan.io import atomic
from gprscan.report import gis, html, tables, walls
from gprscan.report.words import Words

if TYPE_CHECKING:
    from collections.abc import Callable

    from gprscan.report.result import SurveyResult


def write_all(result: SurveyResult, out: str | Path, lang: str = "both") -> Path:
    """Write the tables, the GIS files, the report and the records of the run.

    Parameters
    ----------
    result : SurveyResult
        Graded anomalies, lines, tracks, coverage, manifest and run.
    out : path-like
        Output folder; made where it does not exist. Pictures of the anomalies are looked for in it.
    lang : {"zh", "en", "both"}
        Language of the report.

    Returns
    -------
    Path
        ``report.html``. Beside it: ``anomalies.gpkg`` (layers anomalies, tracks, coverage; in the survey's CRS),
        ``anomalies.geojson`` and ``anomalies.kml`` (WGS 84), ``anomalies.csv``, ``anomalies.xlsx``, ``manifest.jsonl``
        and ``run.json``; with walls ``wall_back_face.csv``, and a layer of that name in the GeoPackage.

    Raises
    ------
    ParameterError
        If there is no such language.
    WriteError
        If the folder or the disk refuses; what was there before is left alone.
    """
    Words(lang)  # a wrong language is said before anything is written
    folder = Path(out)
    folder.mkdir(parents=True, exist_ok=True)
    report = folder / "report.html"
    tables_and_maps: tuple[tuple[str, Callable[[SurveyResult, Path], None]], ...] = (
        ("anomalies.gpkg", gis.write_geopackage),
        ("anomalies.geojson", gis.write_geojson),
        ("anomalies.kml", gis.write_kml),
        ("anomalies.csv", tables.write_csv),
        ("anomalies.xlsx", tables.write_xlsx),
    )
    if walls.by_wall(result):
        tables_and_maps += ((walls.BACK_FACE, walls.write_back_face),)
    outputs = [atomic.Output(folder / name, partial(write, result)) for name, write in tables_and_maps]
    entries = "".join(_json_text(entry) + "\n" for entry in result.manifest)
    outputs += [
        atomic.text_output(folder / "manifest.jsonl", entries),
        atomic.Output(report, lambda part: part.write_bytes(html.render(result, folder, lang).encode("utf-8"))),
        # last: a folder with run.json is the output of a finished scan
        atomic.text_output(folder / "run.json", _json_text(result.run, indent=1) + "\n"),
    ]
    atomic.commit(outputs)
    result.report = report
    return report


def rebuild(out: str | Path, lang: str = "both") -> SurveyResult:
    """Write every output file of a finished scan again, from its records.

    Parameters
    ----------
    out : path-like
        Output folder of `gprscan.scan`.
    lang : {"zh", "en", "both"}
        Language of the report.

    Returns
    -------
    SurveyResult
        With the path of the report.

    Raises
    ------
    ReadError
        If the folder is not the output of a finished scan.
    """
    from gprscan.report.result import SurveyResult

    result = SurveyResult.from_folder(out)
    write_all(result, out, lang)
    return result


def _json_text(value: Any, indent: int | None = None) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False, indent=indent, default=str)

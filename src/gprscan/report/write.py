"""Every output file of a survey, each whole or not at all."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gprscan.report import atomic, gis, html, tables
from gprscan.report.words import Words

if TYPE_CHECKING:
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
        and ``run.json``.

    Raises
    ------
    ParameterError
        If there is no such language.
    """
    Words(lang)  # a wrong language is said before anything is written
    folder = Path(out)
    folder.mkdir(parents=True, exist_ok=True)
    gis.write_geopackage(result, folder / "anomalies.gpkg")
    gis.write_geojson(result, folder / "anomalies.geojson")
    gis.write_kml(result, folder / "anomalies.kml")
    tables.write_csv(result, folder / "anomalies.csv")
    tables.write_xlsx(result, folder / "anomalies.xlsx")
    entries = "".join(_json_text(entry) + "\n" for entry in result.manifest)
    atomic.write_text(folder / "manifest.jsonl", entries)
    report = folder / "report.html"
    html.write_html(result, report, lang)
    # last: a folder with run.json is the output of a finished scan
    atomic.write_text(folder / "run.json", _json_text(result.run, indent=1) + "\n")
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

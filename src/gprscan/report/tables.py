"""The anomaly table for people and programs: one flat table for all formats, CSV and XLSX."""

from __future__ import annotations

import csv
import json
import re
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from gprscan import names

if TYPE_CHECKING:
    from pathlib import Path

    import geopandas

    from gprscan.report.result import SurveyResult

# decimals that are worth printing, by the end of the column name; coordinates to 1 mm
_DECIMALS = {
    "longitude": 8,
    "latitude": 8,
    "_ns": 3,
    "_m": 3,
    "velocity_m_ns": 4,
    "x": 3,
    "y": 3,
    "z": 3,
    "confidence": 3,
}
# characters at which spreadsheets take a text for a formula
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
_ILLEGAL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")

# columns of the register 成果汇总表 in use in Chinese cities, with what fills each; None: not known to us, left empty
REGISTER = (
    ("年份 year", "year"),
    ("区域 district", None),
    ("公司 contractor", None),
    ("标项 lot", None),
    ("来源文件 source file", "source_file"),
    ("编号 id", "anomaly_id"),
    ("道路名称 road", "road_name"),
    ("病害类型 kind", "kind_words"),
    ("风险等级 grade", "grade_words"),
    ("等级方案 scheme", "scheme_words"),
    ("检测日期 acquired", "acquired"),
    ("平面尺寸(m) plan size", "plan_size"),
    ("病害体顶深(m) top depth", "top_depth_m"),
    ("顶深标准差(m) sigma", "sigma_depth_m"),
    ("病害体底深(m) bottom depth", "bottom_depth_m"),
    ("纬度 latitude", "latitude"),
    ("经度 longitude", "longitude"),
    ("X 东 east (m)", "x"),
    ("Y 北 north (m)", "y"),
    ("坐标系 CRS", "crs"),
    ("位置标准差(m) position sigma", "position_sigma_m"),
    ("测线 line", "line"),
    ("里程(m) distance along", "distance_m"),
    ("横向偏移(m) offset", "offset_m"),
    ("置信度 confidence", "confidence"),
    ("道路现状 surface state", None),
    ("周边管线相对位置 utilities nearby", None),
    ("初步成因分析 cause", None),
    ("塌陷发生可能性 collapse likelihood", None),
    ("处置建议 advice", "risk_action"),
    ("验证状态 verification", None),
    ("编制人 prepared by", None),
    ("审核人 reviewed by", "reviewer"),
)


def crs_name(crs: Any) -> str:
    """Return a short name of a CRS: its authority code, else its own name, else ``""``."""
    if crs is None:
        return ""
    authority = crs.to_authority()
    return ":".join(authority) if authority else str(crs.name)


def flat(anomalies: geopandas.GeoDataFrame) -> pd.DataFrame:
    """Return the anomaly table without geometry, as every format writes it.

    Parameters
    ----------
    anomalies : geopandas.GeoDataFrame
        Graded or not.

    Returns
    -------
    pandas.DataFrame
        Sensibly rounded, with ``kind_zh``, ``crs`` (of x and y) and ``placed``; numbers are numbers or null.
    """
    table = pd.DataFrame(anomalies.drop(columns=anomalies.geometry.name)).copy()
    for column in table.columns:
        digits = next(
            (n for end, n in _DECIMALS.items() if column == end or (end[0] == "_" and column.endswith(end))), None
        )
        if column in ("x", "y") and anomalies.crs is not None and anomalies.crs.is_geographic:
            digits = 8  # degrees: 1 mm
        if digits is not None and pd.api.types.is_float_dtype(table[column]):
            table[column] = table[column].round(digits)
    where = list(table.columns).index("kind") + 1
    table.insert(where, "kind_zh", table["kind"].map(names.KINDS))
    table["crs"] = [crs_name(anomalies.crs) or None if placed else None for placed in ~anomalies.geometry.isna()]
    table["placed"] = ~anomalies.geometry.isna()
    return table


def scalar(value: Any) -> Any:
    """Return a cell as JSON and spreadsheets can hold it: no NumPy types, None for what is not known."""
    if value is None or value is pd.NA or value is pd.NaT:
        return None
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not np.isfinite(value):
        return None
    if isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, dict | list | tuple):
        return json.dumps(value, ensure_ascii=False, default=str)
    return str(value)


def clean(text: str) -> str:
    """Return text without the control characters that XML and spreadsheets refuse."""
    return _ILLEGAL.sub("\ufffd", text)


def write_csv(result: SurveyResult, path: Path) -> None:
    """Write the anomaly table as CSV: UTF-8 with a byte order mark, so that spreadsheets show Chinese.

    A text that a spreadsheet would run as a formula gets an apostrophe in front.
    """
    table = flat(result.anomalies)
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(table.columns)
        for row in table.itertuples(index=False, name=None):
            writer.writerow([csv_cell(scalar(value)) for value in row])


def csv_cell(value: Any) -> Any:
    """Return a cell as CSV holds it; a text that a spreadsheet would run as a formula gets an apostrophe in front."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        value = clean(value)
        return f"'{value}" if value.startswith(_FORMULA) else value
    return value


def write_xlsx(result: SurveyResult, path: Path) -> None:
    """Write a workbook: the register in the usual columns, all columns of the anomalies, lines, inputs and the run."""
    from openpyxl import Workbook

    table = flat(result.anomalies)
    book = Workbook()
    sheet = book.active
    sheet.title = "成果汇总表"
    _fill(sheet, [title for title, _ in REGISTER], _register_rows(table, result))
    for title, columns, rows in (
        ("anomalies", list(table.columns), table.itertuples(index=False, name=None)),
        ("lines", list(result.lines.columns), result.lines.itertuples(index=False, name=None)),
        ("inputs", *_of_dicts(result.manifest)),
        ("run", ["key", "value"], result.run.items()),
    ):
        _fill(book.create_sheet(title), columns, rows)
    book.save(path)


def _register_rows(table: pd.DataFrame, result: SurveyResult) -> list[list[Any]]:
    scheme = result.anomalies.attrs.get("scheme") or result.run.get("scheme") or {}
    words = {grade["label"]: grade.get("names", {}).get("zh") for grade in scheme.get("grades", [])}
    rows = []
    for row in table.to_dict("records"):
        values = {key: scalar(value) for key, value in row.items()}
        label = values.get("risk_label")
        graded = f"{values.get('risk_scheme')} {values.get('risk_scheme_version')}" if label else None
        sizes = [f"{v:.2f}" if isinstance(v, float) else "?" for v in (values.get("length_m"), values.get("width_m"))]
        values |= {
            "year": str(values["acquired"])[:4] if values.get("acquired") else None,
            "kind_words": f"{values['kind_zh']} {values['kind']}",
            "grade_words": f"{words.get(label) or ''} {label}".strip() if label else None,
            "scheme_words": graded,
            "plan_size": None if sizes == ["?", "?"] else "×".join(sizes),
        }
        rows.append([values.get(key) if key else None for _, key in REGISTER])
    return rows


def _of_dicts(entries: list[dict[str, Any]]) -> tuple[list[str], list[list[Any]]]:
    columns = list(dict.fromkeys(key for entry in entries for key in entry)) or ["path"]
    return columns, [[entry.get(column) for column in columns] for entry in entries]


def _fill(sheet: Any, columns: list[str], rows: Any) -> None:
    from openpyxl.styles import Alignment, Font
    from openpyxl.utils import get_column_letter

    sheet.append([clean(str(column)) for column in columns])
    widths = [len(str(column)) + 2 for column in columns]
    for line, row in enumerate(rows, start=2):
        for number, value in enumerate(map(scalar, row), start=1):
            if value is None:
                continue
            cell = sheet.cell(line, number)
            if isinstance(value, str):
                # 32767 characters is the most that a cell holds; the data type says that it is no formula
                cell.value, cell.data_type = clean(value)[:32767], "s"
            else:
                cell.value = value
            widths[number - 1] = max(widths[number - 1], min(len(str(value)) + 2, 40))
    for cell in sheet[1]:
        cell.font = Font(bold=True)
        cell.alignment = Alignment(wrap_text=True, vertical="top")
    for number, width in enumerate(widths, start=1):
        sheet.column_dimensions[get_column_letter(number)].width = min(width, 40)
    sheet.freeze_panes = "A2"

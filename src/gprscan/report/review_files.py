"""Reviews as files that people work in: a table out, and tables (CSV, XLSX, GeoPackage, GeoJSON) or COCO labels in."""

from __future__ import annotations

import csv
import datetime
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gprscan import names
from gprscan.errors import ReviewError
from gprscan.report import review
from gprscan.report.review import OPEN, RECLASSED, STATUSES, Review
from gprscan.report.tables import csv_cell, flat, scalar

if TYPE_CHECKING:
    from gprscan.report.result import SurveyResult

# what an engineer needs to find and judge a body; the rest is in the report
COLUMNS = (
    "anomaly_id", "line", "kind", "kind_zh", "distance_m", "offset_m", "clock_deg", "twt_ns", "top_depth_m", "length_m",
    "width_m", "confidence", "risk_label", "x", "y", *names.REVIEW_COLUMNS,
)  # fmt: skip
_STATUS_WORDS = {"接受": "accepted", "拒绝": "rejected", "改类": "reclassed", "待定": "open"}
_MOST = 12  # faults that one message lists


def write_table(result: SurveyResult, path: Path) -> None:
    """Write the anomalies with their reviews as CSV (UTF-8 with a byte order mark), to be filled in and imported."""
    table = flat(result.anomalies)
    columns = [name for name in COLUMNS if name in table]
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        for row in table[columns].itertuples(index=False, name=None):
            writer.writerow([csv_cell(scalar(value)) for value in row])


def read(path: str | Path, result: SurveyResult, reviewer: str | None = None) -> list[Review]:
    """Read what engineers filled in.

    Parameters
    ----------
    path : path-like
        ``.csv`` (UTF-8), ``.xlsx`` (the sheet ``anomalies``, else the first), ``.gpkg`` and ``.geojson`` with the
        columns ``anomaly_id`` and ``review_status``, ``review_kind``, ``review_comment``, ``reviewer``,
        ``reviewed_at``; or ``.json`` in COCO layout as `gprscan.survey.crops` writes it. Rows with neither a status nor
        a comment say nothing.
    result : SurveyResult
        The survey that is reviewed.
    reviewer : str, optional
        Who says so, where the file does not.

    Returns
    -------
    list of Review

    Raises
    ------
    ReviewError
        If the file cannot be read, or says something that makes no sense; the message names rows and columns.
    """
    path = Path(path)
    now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    rows = _coco_rows(path) if path.suffix.lower() == ".json" else _table_rows(path)
    check = _Check(result, reviewer, now)
    found = [check.row(where, row) for where, row in rows]
    if check.faults:
        more = len(check.faults) - _MOST
        listed = "; ".join(check.faults[:_MOST]) + (f"; and {more} more" if more > 0 else "")
        msg = f"{path.name}: {listed}. Nothing was imported."
        raise ReviewError(msg)
    return [entry for entry in found if entry is not None]


class _Check:
    """Turns rows of text into reviews, and collects what is wrong with them."""

    def __init__(self, result: SurveyResult, reviewer: str | None, now: str) -> None:
        self.places = {str(row["anomaly_id"]): review.place_of(row) for row in result.anomalies.to_dict("records")}
        self.periods = review.periods(result.lines)
        self.reviewer, self.now = reviewer, now
        self.faults: list[str] = []
        self._seen: dict[str, str] = {}

    def row(self, where: str, row: Mapping[str, str]) -> Review | None:
        """Return the review of one row; None where it says nothing, or is wrong."""
        status = _STATUS_WORDS.get(row.get("review_status", ""), row.get("review_status", "").lower())
        comment = row.get("review_comment", "")
        if not status and not comment and not row.get("review_kind"):
            return None
        name = row.get("anomaly_id", "")
        faults = [*self._of_place(where, name, row), *self._of_opinion(status, row.get("review_kind", ""))]
        who = row.get("reviewer", "") or self.reviewer or ""
        if not who:
            faults.append("column reviewer: is empty; fill it in, or say who reviews with --reviewer")
        when = _moment(row.get("reviewed_at", "")) if row.get("reviewed_at") else self.now
        if when is None:
            faults.append(f"column reviewed_at: {row['reviewed_at']!r} is no date (2026-03-02 or 2026-03-02T15:04)")
        self.faults += [f"{where}, {fault}" for fault in faults]
        if faults or when is None:
            return None
        kind = _kind(row.get("review_kind", "")) if status == RECLASSED else None
        said: dict[str, Any] = {"review_status": status or OPEN, "review_kind": kind, "review_comment": comment or None}
        return Review(**self.places[name], **said, reviewer=who, reviewed_at=when)

    def _of_place(self, where: str, name: str, row: Mapping[str, str]) -> Iterable[str]:
        place = self.places.get(name)
        if place is None:
            yield f"column anomaly_id: {name!r} is no anomaly of this survey"
            return
        if name in self._seen:
            yield f"column anomaly_id: {name} was already reviewed in {self._seen[name]}"
        self._seen[name] = where
        stated = dict(place)
        for column in ("distance_m", "offset_m", "twt_ns"):
            if row.get(column) and place[column] is not None:
                try:
                    stated[column] = float(row[column])
                except ValueError:
                    yield f"column {column}: {row[column]!r} is no number"
        # numbers of anomalies shift when a survey is run anew: a verdict must not fall on a neighbour
        if review.apart(stated, place, self.periods.get(place["line"])) > 1.0:
            yield (
                f"column distance_m: {name} is now at {place['distance_m']:.2f} m and {place['twt_ns']:.1f} ns, and was at "
                f"{stated['distance_m']:.2f} m and {stated['twt_ns']:.1f} ns when this file was written; export it again"
            )

    @staticmethod
    def _of_opinion(status: str, kind: str) -> Iterable[str]:
        if status not in ("", *STATUSES):
            yield f"column review_status: {status!r} is none of {', '.join(STATUSES)}"
        if kind and _kind(kind) is None:
            yield f"column review_kind: {kind!r} is none of {', '.join(names.KINDS)}"
        if status == RECLASSED and not kind:
            yield "column review_kind: is empty, and the status is reclassed"
        if status != RECLASSED and kind and _kind(kind) is not None:
            yield f"column review_status: is {status or 'empty'!r}, and review_kind gives another kind; say reclassed"


def _kind(text: str) -> str | None:
    chinese = {word: kind for kind, word in names.KINDS.items()}
    return text.lower() if text.lower() in names.KINDS else chinese.get(text)


def _moment(text: str) -> str | None:
    try:
        return datetime.datetime.fromisoformat(text.replace("/", "-")).isoformat(timespec="seconds")
    except ValueError:
        return None


def _table_rows(path: Path) -> list[tuple[str, dict[str, str]]]:
    columns, rows = _cells(path)
    for needed in ("anomaly_id", "review_status"):
        if needed not in columns:
            msg = f"{path.name}: row 1, column {needed}: is missing. Make the file with gprscan review OUT --export."
            raise ReviewError(msg)
    wide = [number for number, row in enumerate(rows, start=2) if len(row) > len(columns)]
    if wide:
        msg = f"{path.name}: row {wide[0]}: has more cells than the first row has columns; is a comma not quoted?"
        raise ReviewError(msg)
    out = []
    for number, row in enumerate(rows, start=2):
        texts = dict(zip(columns, map(_text, row), strict=False))
        out.append((f"row {number}", texts))
    return out


def _text(value: Any) -> str:
    text = "" if value is None or value != value else str(value).strip()
    # what the export put before a text that a spreadsheet would take for a formula
    return text[1:] if len(text) > 1 and text[0] == "'" and text[1] in "=+-@" else text


def _cells(path: Path) -> tuple[list[str], list[list[Any]]]:
    """Return the head and the rows of a table in any of the formats."""
    suffix = path.suffix.lower()
    try:
        if suffix == ".csv":
            with path.open(encoding="utf-8-sig", newline="") as file:
                rows: list[list[Any]] = list(csv.reader(file, strict=True))
        elif suffix == ".xlsx":
            rows = _sheet(path)
        elif suffix in (".gpkg", ".geojson"):
            import geopandas

            layer = {"layer": "anomalies"} if suffix == ".gpkg" else {}
            frame = geopandas.read_file(path, ignore_geometry=True, **layer)
            rows = [list(frame.columns), *frame.astype(object).where(frame.notna(), None).to_numpy().tolist()]
        else:
            msg = f"{path.name}: a review is a .csv, .xlsx, .gpkg, .geojson, or .json (COCO) file."
            raise ReviewError(msg)
    except UnicodeDecodeError as error:
        msg = f"{path.name}: is not UTF-8 (byte {error.start}); save it as 'CSV UTF-8', or as .xlsx."
        raise ReviewError(msg) from None
    except ReviewError:
        raise
    except Exception as error:  # each library has errors of its own for a damaged file
        msg = f"{path.name}: cannot be read: {str(error).splitlines()[0] if str(error) else type(error).__name__}."
        raise ReviewError(msg) from None
    if not rows:
        msg = f"{path.name}: is empty."
        raise ReviewError(msg)
    return [str(cell or "").strip() for cell in rows[0]], [
        row for row in rows[1:] if any(c not in (None, "") for c in row)
    ]


def _sheet(path: Path) -> list[list[Any]]:
    from openpyxl import load_workbook

    book = load_workbook(path, read_only=True, data_only=True)
    try:
        sheet = book["anomalies"] if "anomalies" in book.sheetnames else book.worksheets[0]
        return [list(row) for row in sheet.iter_rows(values_only=True)]
    finally:
        book.close()


def _coco_rows(path: Path) -> list[tuple[str, dict[str, str]]]:
    """Return the labels of a COCO file as rows: each image shows one anomaly, its boxes say what it is.

    The category that it had means accepted, another one reclassed, ``rejected`` that there is nothing; an image without a
    box was not judged.
    """
    try:
        content = json.loads(path.read_text("utf-8-sig"))
        categories = {entry["id"]: str(entry["name"]) for entry in content["categories"]}
        images = {entry["id"]: entry for entry in content["images"]}
        labels = [
            (number, entry["image_id"], entry["category_id"], entry)
            for number, entry in enumerate(content["annotations"])
        ]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        msg = f"{path.name}: is no COCO file with images, categories and annotations ({type(error).__name__}: {error})."
        raise ReviewError(msg) from None
    said: dict[Any, tuple[int, str, Any]] = {}
    for number, image, category, entry in labels:
        where = f"{path.name}: annotations[{number}]"
        if image not in images:
            msg = f"{where}, image_id: there is no image {image!r}."
            raise ReviewError(msg)
        if category not in categories:
            msg = f"{where}, category_id: there is no category {category!r}."
            raise ReviewError(msg)
        word = categories[category]
        if image in said and said[image][1] != word:
            msg = f"{where}, category_id: image {images[image].get('file_name')!r} is both {said[image][1]} and {word}."
            raise ReviewError(msg)
        said[image] = (number, word, entry)
    return [
        (f"annotations[{number}]", _label(images[image], word, entry)) for image, (number, word, entry) in said.items()
    ]


def _label(image: Mapping[str, Any], word: str, entry: Mapping[str, Any]) -> dict[str, str]:
    row = {name: str(image[name]) for name in ("anomaly_id", "distance_m", "twt_ns") if image.get(name) is not None}
    given = entry.get("attributes")
    extra: Mapping[str, Any] = given if isinstance(given, Mapping) else {}
    row |= {name: str(extra[name]) for name in ("review_comment", "reviewer", "reviewed_at") if extra.get(name)}
    if word == "rejected":
        return row | {"review_status": "rejected"}
    same = word == image.get("kind")
    return row | {"review_status": "accepted" if same else RECLASSED} | ({} if same else {"review_kind": word})

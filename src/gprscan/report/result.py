"""The result of a survey: anomalies, lines, tracks and coverage in one CRS, made from the records of a scan."""

from __future__ import annotations

import json
import logging
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from gprscan import names
from gprscan.errors import ReadError
from gprscan.report import review
from gprscan.risk.fusing import FUSED_COLUMNS, fuse_lines
from gprscan.risk.linking import link_pipes

if TYPE_CHECKING:
    import geopandas

    from gprscan.report.review import Review

_log = logging.getLogger(__name__)

# the survey's columns come first, so that a table reads from what and where to why
PLACE_COLUMNS = (
    "anomaly_id",
    "line",
    "source_file",
    "x",
    "y",
    "z",
    "longitude",
    "latitude",
    "position_sigma_m",
    "acquired",
)
LINE_COLUMNS = (
    "line",
    "source_file",
    "format",
    "status",
    "placed",
    "n_channels",
    "n_traces",
    "length_m",
    "spacing_m",
    "frequency_mhz",
    "velocity_m_ns",
    "penetration_depth_m",
    "swath_m",
    "detectability",
    "setting",
    "findings",
    "notes",
)
# columns that hold text or JSON; every other column of the anomaly table is a number where it can be
_TEXT = {
    "anomaly_id", "line", "source_file", "acquired", "kind", "probabilities", "evidence", "channels", "group_id",
    "figures", "road_name", "structure_id", "face_type", "drainage_state", "segment_id", *FUSED_COLUMNS, *names.RISK_COLUMNS,
}  # fmt: skip
# degrees that a survey may span before no single projection of it keeps lengths: a UTM zone is 6 wide
_ONE_ZONE = 6.0
_SHENZHEN = (112.5, 21.5, 115.5, 23.5)


@dataclass
class SurveyResult:
    """Everything that a scan found.

    Attributes
    ----------
    anomalies : geopandas.GeoDataFrame
        A row per body, with geometry in the CRS of the survey, or null where the line is not placed.
    lines : pandas.DataFrame
        A row per line; see `LINE_COLUMNS`. ``findings``, ``notes`` and ``detectability`` are JSON strings.
    tracks, coverage : geopandas.GeoDataFrame
        A row per line: its track (LineString) and the swath that it covered (Polygon), null where not placed.
    manifest : list of dict
        An entry per input file: path, sha256, status, seconds, findings, error.
    run : dict
        Recipe, software versions and hashes; ``scheme`` holds the whole scheme, ``context`` its survey-wide inputs.
    report : Path or None
        Where ``report.html`` was written.
    lost_reviews : list of Review
        Reviews of an engineer whose anomaly is no longer there.
    """

    anomalies: geopandas.GeoDataFrame
    lines: pd.DataFrame
    tracks: geopandas.GeoDataFrame
    coverage: geopandas.GeoDataFrame
    manifest: list[dict[str, Any]] = field(default_factory=list)
    run: dict[str, Any] = field(default_factory=dict)
    report: Path | None = None
    lost_reviews: list[Review] = field(default_factory=list)

    @classmethod
    def from_records(
        cls,
        records: Iterable[Mapping[str, Any]],
        manifest: list[dict[str, Any]] | None = None,
        run: dict[str, Any] | None = None,
        *,
        crs: Any = None,
    ) -> SurveyResult:
        """Put the records of lines together, in one CRS.

        Parameters
        ----------
        records : iterable of mapping
            One per line, with the keys ``row`` (a row of `lines`), ``anomalies`` (list of rows, ``geometry`` as WKT
            or None), ``track`` and ``coverage`` (WKT or None), and ``crs`` (the CRS of all of these, or None).
        manifest, run : optional
            See the attributes.
        crs : optional
            CRS of the result, anything pyproj understands. Left out, it is that of most lines; where that is
            geographic, EPSG:4547 around Shenzhen and the UTM zone elsewhere; longitude and latitude where the lines
            are further apart than a zone is wide.

        Returns
        -------
        SurveyResult
            Not graded.
        """
        records = list(records)
        target = _common_crs(records, crs)
        rows, tracks, swaths = [], [], []
        for record in records:
            own = _crs(record.get("crs"))
            rows += [_placed(anomaly, own, target) for anomaly in record["anomalies"]]
            tracks.append(_projected(record.get("track"), own, target))
            swaths.append(_projected(record.get("coverage"), own, target))
        lines = pd.DataFrame([dict(record["row"]) for record in records])
        for column in LINE_COLUMNS:
            if column not in lines:
                lines[column] = pd.Series([None] * len(lines), dtype="object")
        lines = lines[[*LINE_COLUMNS, *(c for c in lines.columns if c not in LINE_COLUMNS)]]
        keys = lines[["line", "source_file"]]
        return cls(
            anomalies=link_pipes(fuse_lines(_anomaly_frame(rows, target))),
            lines=lines,
            tracks=_frame(keys, tracks, target),
            coverage=_frame(keys, swaths, target),
            manifest=list(manifest or []),
            run=dict(run or {}),
        )

    @classmethod
    def from_folder(cls, out: str | Path) -> SurveyResult:
        """Load the result of a finished scan from its output folder, and grade it as the scan did.

        Parameters
        ----------
        out : path-like
            Output folder of `gprscan.scan`.

        Raises
        ------
        ReadError
            If the folder is not the output of a finished scan.
        """
        folder = Path(out)
        run_file = folder / "run.json"
        if not run_file.is_file() or not (folder / "lines").is_dir():
            msg = f"{folder} is not the output of a finished scan: there is no run.json and lines/. Run gprscan scan."
            raise ReadError(msg)
        run = _json(run_file)
        entries = _json_lines(folder / "manifest.jsonl")
        records = [_json(path) for path in sorted((folder / "lines").glob("*.json"))]
        order = {entry.get("path"): number for number, entry in enumerate(entries)}
        records.sort(key=lambda record: (order.get(record.get("source"), len(order)), str(record.get("id"))))
        result = cls.from_records(records, entries, run, crs=run.get("crs"))
        if run.get("scheme"):
            from gprscan.risk import grade

            result.anomalies = grade(result.anomalies, run["scheme"], run.get("context"))
        review.attach(result, review.load(folder))
        return result


def _json(path: Path) -> dict[str, Any]:
    try:
        return json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        msg = f"{path} cannot be read: {error}. Run gprscan scan again with --resume."
        raise ReadError(msg) from None


def _json_lines(path: Path) -> list[dict[str, Any]]:
    if not path.is_file():
        return []
    try:
        return [json.loads(line) for line in path.read_text("utf-8").splitlines() if line.strip()]
    except ValueError as error:
        msg = f"{path} cannot be read: {error}. Run gprscan scan again with --resume."
        raise ReadError(msg) from None


def _crs(value: Any) -> Any:
    from pyproj import CRS

    return None if value is None or value == "" else CRS.from_user_input(value)


def _common_crs(records: list[Mapping[str, Any]], wanted: Any) -> Any:
    """Return the CRS of the result as a pyproj CRS, None where nothing is placed."""
    from pyproj import CRS

    if wanted:
        return CRS.from_user_input(wanted)
    placed = [record for record in records if record.get("crs") and record.get("track")]
    if not placed:
        return None
    counted = Counter(str(record["crs"]) for record in placed)
    if len(counted) > 1 and _far_apart(placed):
        _log.warning("the lines are too far apart for one projection: the outputs are in longitude and latitude")
        return CRS.from_epsg(4326)
    text, _ = counted.most_common(1)[0]
    crs = CRS.from_user_input(text)
    if not crs.is_geographic:
        return _named(crs)
    import geopandas as gpd

    tracks = gpd.GeoSeries.from_wkt([r["track"] for r in placed if str(r["crs"]) == text], crs=crs).to_crs(4326)
    west, south, east, north = tracks.total_bounds
    inside = west >= _SHENZHEN[0] and south >= _SHENZHEN[1] and east <= _SHENZHEN[2] and north <= _SHENZHEN[3]
    return CRS.from_epsg(4547) if inside else tracks.estimate_utm_crs()


def _far_apart(placed: list[Mapping[str, Any]]) -> bool:
    """Whether the lines span more than any one projection of theirs can hold."""
    import geopandas as gpd

    tracks = (gpd.GeoSeries.from_wkt([record["track"]], crs=_crs(record["crs"])) for record in placed)
    west, south, east, north = np.asarray([track.to_crs(4326).total_bounds for track in tracks]).T
    return bool(max(np.max(east) - np.min(west), np.max(north) - np.min(south)) > _ONE_ZONE)


def _named(crs: Any) -> Any:
    """Return the CRS by its EPSG code where it is one: GIS programs then show a name instead of a definition."""
    from pyproj import CRS

    code = crs.to_epsg()
    return crs if code is None else CRS.from_epsg(code)


def _projected(wkt: str | None, own: Any, target: Any) -> Any:
    """Return a geometry in the CRS of the result, None where there is none or its CRS is not known."""
    if not wkt or own is None or target is None:
        return None
    import shapely

    geometry = shapely.from_wkt(wkt)
    if own == target:
        return geometry
    move = _transformer(own, target)
    return shapely.transform(geometry, lambda xy: np.column_stack(move.transform(xy[:, 0], xy[:, 1])))


def _transformer(own: Any, target: Any) -> Any:
    from pyproj import Transformer

    return Transformer.from_crs(own, target, always_xy=True)


def _placed(anomaly: Mapping[str, Any], own: Any, target: Any) -> dict[str, Any]:
    row = dict(anomaly)
    row["geometry"] = _projected(row.get("geometry"), own, target)
    x, y = row.get("x"), row.get("y")
    if x is None or y is None or own is None or target is None:
        row["geometry"] = None
        return row
    if own != target:
        row["x"], row["y"] = (float(v) for v in _transformer(own, target).transform(x, y))
    if row["geometry"] is None:
        from shapely import Point

        row["geometry"] = Point(row["x"], row["y"])
    return row


def _anomaly_frame(rows: list[dict[str, Any]], crs: Any) -> geopandas.GeoDataFrame:
    geometry = [row.pop("geometry") for row in rows]
    frame = pd.DataFrame(rows)
    first = [*PLACE_COLUMNS, *names.DETECTION_COLUMNS, "asphalt_m"]
    for column in first:
        if column not in frame:
            frame[column] = pd.Series([None] * len(rows), dtype="object")
    for column in frame.columns:
        if column not in _TEXT:
            try:
                frame[column] = pd.to_numeric(frame[column])
            except (TypeError, ValueError):  # a column of text that a detector or a user added
                continue
    frame = frame[[*first, *(c for c in frame.columns if c not in first)]]
    return _frame(frame, geometry, crs)


def _frame(table: pd.DataFrame, geometry: list[Any], crs: Any) -> geopandas.GeoDataFrame:
    import geopandas as gpd

    return gpd.GeoDataFrame(table.copy(), geometry=gpd.GeoSeries(geometry, index=table.index, crs=crs), crs=crs)

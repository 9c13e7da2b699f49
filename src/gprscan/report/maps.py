"""Maps of the report: data for the interactive one, and drawings (SVG) that also print and work without scripts."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from gprscan.report.gis import geojson_geometry, in_wgs84
from gprscan.report.words import fixed

if TYPE_CHECKING:
    import geopandas

    from gprscan.report.bodies import Bodies
    from gprscan.report.result import SurveyResult

WIDTH = 1000.0
_HEIGHT = (300.0, 820.0)
# the worst are numbered on the map; more numbers than these hide what they explain
MAX_LABELS = 60
MAX_PLANS = 30
_NICE = (1, 2, 5)


def leaflet_data(result: SurveyResult, bodies: Bodies) -> dict[str, Any] | None:
    """Return what the interactive map draws, in WGS 84; None where nothing is placed."""
    placed = {row["anomaly_id"]: row for row in bodies.rows if row["place"]}
    shapes = zip(result.anomalies["anomaly_id"], in_wgs84(result.anomalies), strict=True)
    dots = [_dot(placed[name], shape) for name, shape in shapes if name in placed and shape is not None]
    tracks = _features(result.tracks)
    if not dots and not tracks:
        return None
    dots.sort(key=lambda dot: -dot["number"])  # the worst on top
    for dot in dots:
        dot["label"] = dot["number"] <= MAX_LABELS
    return {"coverage": _features(result.coverage), "tracks": tracks, "bodies": dots}


def _dot(row: dict[str, Any], shape: Any) -> dict[str, Any]:
    middle = shape.representative_point()
    return {
        "number": row["number"],
        "anchor": row["anchor"],
        "id": str(row["anomaly_id"]),
        "at": [round(middle.y, 8), round(middle.x, 8)],
        "shape": None if shape.geom_type == "Point" else geojson_geometry(shape),
        "sigma": row["position_sigma_m"],
        "colour": row["colour"],
        "lines": [row["kind_words"].striptags(), row["grade_words"].striptags(), f"{row['depth_text']} m"],
    }


def _features(layer: geopandas.GeoDataFrame) -> list[dict[str, Any]]:
    shapes = zip(layer["line"], in_wgs84(layer), strict=True)
    return [
        {"type": "Feature", "properties": {"line": str(name)}, "geometry": geojson_geometry(shape)}
        for name, shape in shapes
        if shape is not None and not shape.is_empty
    ]


def drawing(result: SurveyResult, bodies: Bodies) -> dict[str, Any] | None:
    """Return the survey map as what an SVG template draws, north up; None where nothing is placed."""
    layers = [result.coverage, result.tracks, result.anomalies]
    layers = [layer[layer.geometry.notna()] for layer in layers]
    if not any(len(layer) for layer in layers):
        return None
    crs = result.anomalies.crs or result.tracks.crs
    if crs is not None and crs.is_geographic:
        metric = next(layer for layer in layers if len(layer)).estimate_utm_crs()
        layers = [layer.to_crs(metric) for layer in layers]
    coverage, tracks, anomalies = layers
    frame = _Frame([layer for layer in layers if len(layer)])
    by_id = {row["anomaly_id"]: row for row in bodies.rows}
    dots: list[dict[str, Any]] = []
    for name, shape in zip(anomalies["anomaly_id"], anomalies.geometry, strict=True):
        row, middle = by_id[name], shape.representative_point()
        x, y = frame.point(middle.x, middle.y)
        sigma = row["position_sigma_m"]
        circle = None if sigma is None else round(2 * sigma * frame.scale, 2)
        dots.append({"x": x, "y": y, "row": row, "circle": circle, "paths": frame.paths(shape)})
    dots.sort(key=lambda dot: -dot["row"]["number"])
    return {
        "width": WIDTH,
        "height": frame.height,
        "coverage": [path for shape in coverage.geometry for path in frame.paths(shape)],
        "tracks": [path for shape in tracks.geometry for path in frame.paths(shape)],
        "dots": dots,
        "grid": frame.grid(),
        "bar": frame.bar(),
    }


class _Frame:
    """From metres on the ground to units of the drawing."""

    def __init__(self, layers: list[geopandas.GeoDataFrame]) -> None:
        bounds = [layer.total_bounds for layer in layers]
        west, south = min(b[0] for b in bounds), min(b[1] for b in bounds)
        east, north = max(b[2] for b in bounds), max(b[3] for b in bounds)
        margin = 0.06 * max(east - west, north - south, 4.0)
        wide, tall = east - west + 2 * margin, north - south + 2 * margin
        self.scale = min(WIDTH / wide, _HEIGHT[1] / tall)
        self.height = round(min(max(tall * self.scale, _HEIGHT[0]), _HEIGHT[1]), 1)
        # what is left over goes to both sides
        self.west = (west + east) / 2 - WIDTH / 2 / self.scale
        self.north = (south + north) / 2 + self.height / 2 / self.scale

    def point(self, x: float, y: float) -> tuple[float, float]:
        return round((x - self.west) * self.scale, 2), round((self.north - y) * self.scale, 2)

    def paths(self, shape: Any) -> list[str]:
        """Return the outlines of a geometry as SVG path data; nothing for points."""
        if hasattr(shape, "geoms"):
            return [path for part in shape.geoms for path in self.paths(part)]
        if shape.geom_type == "Polygon":
            return [" ".join(self._path(ring, "Z") for ring in (shape.exterior, *shape.interiors))]
        return [self._path(shape, "")] if shape.geom_type == "LineString" else []

    def _path(self, line: Any, end: str) -> str:
        return "M" + " L".join(f"{x:g} {y:g}" for x, y in (self.point(*xy[:2]) for xy in line.coords)) + end

    def grid(self) -> dict[str, Any]:
        """Return the lines of a metric grid with their coordinates."""
        step = nice(WIDTH / self.scale / 6)
        east = self.west + WIDTH / self.scale
        south = self.north - self.height / self.scale
        xs = [n * step for n in range(math.ceil(self.west / step), math.floor(east / step) + 1)]
        ys = [n * step for n in range(math.ceil(south / step), math.floor(self.north / step) + 1)]
        return {
            "step": f"{step:g}",
            "x": [{"at": self.point(x, 0)[0], "text": f"{x:.{_decimals(step)}f}"} for x in xs],
            "y": [{"at": self.point(0, y)[1], "text": f"{y:.{_decimals(step)}f}"} for y in ys],
        }

    def bar(self) -> dict[str, Any]:
        metres = nice(WIDTH / self.scale / 5)
        return {"length": round(metres * self.scale, 2), "text": f"{metres:g} m"}


def nice(value: float) -> float:
    """Return the largest of 1, 2, 5 times a power of ten that is not above a value."""
    power = 10.0 ** math.floor(math.log10(value))
    return max(n * power for n in _NICE if n * power <= value * (1 + 1e-9))


def _decimals(step: float) -> int:
    return max(-math.floor(math.log10(step)), 0)


def plans(lines: list[dict[str, Any]], bodies: Bodies) -> dict[str, Any]:
    """Return the plans of lines without position, distance against offset, and how many are left out."""
    unplaced = [line for line in lines if line["status"] == "ok" and not line["placed"]]
    with_bodies = [(line, [row for row in bodies.rows if row["line"] == line["line"]]) for line in unplaced]
    with_bodies.sort(key=lambda pair: not pair[1])
    drawn = [_plan(line, rows) for line, rows in with_bodies[:MAX_PLANS]]
    return {"plans": drawn, "left_out": len(unplaced) - len(drawn)}


def _plan(line: dict[str, Any], rows: list[dict[str, Any]]) -> dict[str, Any]:
    places = [row["distance_m"] for row in rows if row["distance_m"] is not None]
    start = min([0.0, *places])
    end = max([(line["length_m"] or 0.0), *places, start + 1.0])
    swath = max([(line["swath_m"] or 1.0), *(2.2 * abs(row["offset_m"] or 0.0) for row in rows)])
    left, right = 46.0, WIDTH - 20.0
    scale = (right - left) / (end - start)
    height = min(max(swath * scale, 26.0), 90.0)
    middle = 22.0 + height / 2
    step = nice((end - start) / 8)
    ticks = [n * step for n in range(math.ceil(start / step), math.floor(end / step) + 1)]
    dots = [
        {
            "x": round(left + (row["distance_m"] - start) * scale, 2),
            "y": round(middle + (row["offset_m"] or 0.0) / swath * height, 2),
            "half": round(max(0.5 * (row["length_m"] or 0.0) * scale, 0.0), 2),
            "row": row,
        }
        for row in rows
        if row["distance_m"] is not None
    ]
    return {
        "line": line["line"],
        "source": line["source_file"],
        "length": fixed(line["length_m"], 1),
        "swath": fixed(swath, 1),
        "width": WIDTH,
        "height": round(height + 46.0, 1),
        "strip": {"x": left, "y": 22.0, "width": right - left, "height": round(height, 1)},
        "ticks": [{"x": round(left + (t - start) * scale, 2), "text": f"{t:.{_decimals(step)}f}"} for t in ticks],
        "dots": dots[::-1],
    }

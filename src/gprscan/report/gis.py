"""GIS files: GeoPackage in the CRS of the survey, GeoJSON (RFC 7946) and KML in WGS 84."""

from __future__ import annotations

import html
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import pandas as pd

from gprscan import names
from gprscan.plot.style import KIND_COLOURS
from gprscan.report import walls
from gprscan.report.tables import clean, flat, scalar

if TYPE_CHECKING:
    import geopandas

    from gprscan.report.result import SurveyResult

KML = "http://www.opengis.net/kml/2.2"


def write_geopackage(result: SurveyResult, path: Path) -> None:
    """Write the layers ``anomalies``, ``tracks`` and ``coverage`` in the CRS of the survey.

    Bodies and lines without a position are kept, with a null geometry.
    """
    table = flat(result.anomalies)
    for column in table.columns:
        if table[column].dtype == "object":
            table[column] = [scalar(value) for value in table[column]]
    anomalies = _frame(table, result.anomalies)
    described = result.lines.drop(columns=[c for c in ("source_file",) if c in result.lines])
    path.unlink(missing_ok=True)
    _layer(anomalies, path, "anomalies", "Unknown")
    for name, layer, kind in (("tracks", result.tracks, "LineString"), ("coverage", result.coverage, "Unknown")):
        table = pd.DataFrame(layer.drop(columns=layer.geometry.name)).merge(described, on="line", how="left")
        _layer(_frame(table, layer), path, name, kind)
    back = walls.back_face(result)
    if len(back):
        _layer(_points(back, result), path, "wall_back_face", "Point Z")


def _points(back: pd.DataFrame, result: SurveyResult) -> geopandas.GeoDataFrame:
    """Return the places of the backs of walls as points in the CRS of the survey."""
    import geopandas as gpd

    parts = []
    for name, table in back.groupby("structure_id"):
        crs = walls.by_wall(result)[str(name)][0]["crs"]
        part = gpd.GeoDataFrame(table, geometry=gpd.points_from_xy(table["x"], table["y"], table["z"]), crs=crs)
        parts.append(part if result.anomalies.crs is None else part.to_crs(result.anomalies.crs))
    return gpd.GeoDataFrame(pd.concat(parts, ignore_index=True), crs=parts[0].crs)


def _frame(table: pd.DataFrame, source: geopandas.GeoDataFrame) -> geopandas.GeoDataFrame:
    import geopandas as gpd

    return gpd.GeoDataFrame(table, geometry=list(source.geometry), crs=source.crs)


def _layer(frame: geopandas.GeoDataFrame, path: Path, name: str, geometry_type: str) -> None:
    import warnings

    with warnings.catch_warnings():
        # an unplaced survey has no CRS to write, and that is what the table says
        warnings.filterwarnings("ignore", message=".*crs.* was not provided")
        mode: Any = "a" if path.exists() else "w"
        frame.to_file(path, layer=name, driver="GPKG", engine="pyogrio", mode=mode, geometry_type=geometry_type)


def in_wgs84(frame: geopandas.GeoDataFrame) -> geopandas.GeoSeries:
    """Return the geometries in longitude and latitude of WGS 84, null where there is none."""
    return frame.geometry if frame.crs is None else frame.geometry.to_crs(4326)


def feature_collection(result: SurveyResult) -> dict[str, Any]:
    """Return the anomalies as a GeoJSON object of RFC 7946.

    Coordinates are WGS 84 longitude and latitude with 8 decimals (1 mm), polygons are wound to the right-hand rule,
    unplaced bodies have a null geometry; x and y in the survey's CRS are properties.
    """
    table = flat(result.anomalies)
    shapes = in_wgs84(result.anomalies)
    features = [
        {
            "type": "Feature",
            "id": str(row["anomaly_id"]),
            "geometry": geojson_geometry(shape),
            "properties": {key: scalar(value) for key, value in row.items()},
        }
        for row, shape in zip(table.to_dict("records"), shapes, strict=True)
    ]
    return {"type": "FeatureCollection", "features": features}


def geojson_geometry(shape: Any, digits: int = 8) -> dict[str, Any] | None:
    """Return a shapely geometry in longitude and latitude as a GeoJSON geometry, None for an empty one."""
    import shapely

    if shape is None or shape.is_empty:
        return None
    return _rounded(shapely.geometry.mapping(shapely.force_2d(shapely.orient_polygons(shape))), digits)


def _rounded(value: Any, digits: int) -> Any:
    if isinstance(value, float):
        return round(value, digits)
    if isinstance(value, dict):
        return {key: _rounded(item, digits) for key, item in value.items()}
    return [_rounded(item, digits) for item in value] if isinstance(value, list | tuple) else value


def write_geojson(result: SurveyResult, path: Path) -> None:
    """Write the anomalies as GeoJSON (RFC 7946)."""
    text = json.dumps(feature_collection(result), ensure_ascii=False, allow_nan=False, indent=1)
    path.write_text(text + "\n", encoding="utf-8", newline="\n")


def write_kml(result: SurveyResult, path: Path) -> None:
    """Write anomalies and tracks as KML, clamped to the ground; depths are in the text."""
    ET.register_namespace("", KML)
    root = ET.Element(f"{{{KML}}}kml")
    document = _add(root, "Document")
    _add(document, "name", "gprscan")
    _add(document, "description", "Screening result, verify before excavation. 筛查结果，开挖前须验证。")
    for kind, colour in KIND_COLOURS.items():
        _style(document, kind, colour)
    bodies = _add(document, "Folder")
    _add(bodies, "name", "anomalies")
    for row, shape in zip(flat(result.anomalies).to_dict("records"), in_wgs84(result.anomalies), strict=True):
        if shape is not None and not shape.is_empty:
            _body(bodies, {str(key): scalar(value) for key, value in row.items()}, shape)
    tracks = _add(document, "Folder")
    _add(tracks, "name", "tracks")
    for name, shape in zip(result.tracks["line"], in_wgs84(result.tracks), strict=True):
        if shape is not None and not shape.is_empty:
            placemark = _add(tracks, "Placemark")
            _add(placemark, "name", str(name))
            _geometry(placemark, shape)
    ET.indent(root)
    ET.ElementTree(root).write(path, encoding="utf-8", xml_declaration=True)


def _add(parent: ET.Element, tag: str, text: str | None = None) -> ET.Element:
    element = ET.SubElement(parent, f"{{{KML}}}{tag}")
    if text is not None:
        element.text = clean(text)
    return element


def _style(document: ET.Element, kind: str, colour: str) -> None:
    style = _add(document, "Style")
    style.set("id", kind)
    abgr = f"ff{colour[5:7]}{colour[3:5]}{colour[1:3]}"
    _add(_add(style, "IconStyle"), "color", abgr)
    _add(_add(style, "LineStyle"), "color", abgr)
    _add(_add(style, "PolyStyle"), "color", f"66{abgr[2:]}")


def _body(folder: ET.Element, row: dict[str, Any], shape: Any) -> None:
    placemark = _add(folder, "Placemark")
    kind = str(row["kind"])
    _add(placemark, "name", f"{row['anomaly_id']} {names.KINDS.get(kind, '')} {kind}")
    # viewers show the description as HTML, so text from files is escaped for HTML here and for XML on writing
    _add(placemark, "description", html.escape(_sentence(row)))
    _add(placemark, "styleUrl", f"#{kind if kind in KIND_COLOURS else 'unknown'}")
    data = _add(placemark, "ExtendedData")
    for key, value in row.items():
        if value is not None and key not in ("evidence", "probabilities", "figures"):
            entry = _add(data, "Data")
            entry.set("name", key)
            _add(entry, "value", str(value))
    several = _add(placemark, "MultiGeometry")
    _point(several, shape.representative_point())
    if shape.geom_type != "Point":
        _geometry(several, shape)


def _sentence(row: dict[str, Any]) -> str:
    depth, sigma = row.get("top_depth_m"), row.get("sigma_depth_m")
    parts = [f"{row['kind']}"]
    if depth is not None:
        parts.append(f"top {depth:.2f} m below the ground" + (f" (sigma {sigma:.2f} m)" if sigma is not None else ""))
    if row.get("risk_label"):
        parts.append(
            f"grade {row['risk_label']} ({row['risk_scheme']} {row['risk_scheme_version']}): {row['risk_action']}"
        )
    if row.get("reviewer"):
        parts.append(
            " ".join(str(row[k]) for k in ("review_status", "review_kind") if row.get(k)) + f" by {row['reviewer']}"
        )
    parts.append(f"line {row['line']} at {row['distance_m']:.2f} m" if row.get("distance_m") is not None else "")
    return ". ".join(part for part in parts if part) + ". Screening result, verify before excavation."


def _point(parent: ET.Element, shape: Any) -> None:
    point = _add(parent, "Point")
    _add(point, "altitudeMode", "clampToGround")
    _add(point, "coordinates", _coordinates(shape))


def _geometry(parent: ET.Element, shape: Any) -> None:
    if shape.geom_type.startswith("Multi") or shape.geom_type == "GeometryCollection":
        for part in shape.geoms:
            _geometry(parent, part)
    elif shape.geom_type == "Point":
        _point(parent, shape)
    elif shape.geom_type == "Polygon":
        polygon = _add(parent, "Polygon")
        _add(polygon, "altitudeMode", "clampToGround")
        for tag, ring in [("outerBoundaryIs", shape.exterior), *(("innerBoundaryIs", r) for r in shape.interiors)]:
            _add(_add(_add(polygon, tag), "LinearRing"), "coordinates", _coordinates(ring))
    else:
        line = _add(parent, "LineString")
        _add(line, "tessellate", "1")
        _add(line, "altitudeMode", "clampToGround")
        _add(line, "coordinates", _coordinates(shape))


def _coordinates(shape: Any) -> str:
    return " ".join(f"{xy[0]:.8f},{xy[1]:.8f}" for xy in shape.coords)

"""The walls of a report: what was found on each face, its elevation, and the places of its back on the map."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from gprscan.plot.walls import wall_elevation
from gprscan.report.pipes import drawn
from gprscan.report.words import fixed

if TYPE_CHECKING:
    from gprscan.report.bodies import Bodies
    from gprscan.report.result import SurveyResult

BACK_FACE = "wall_back_face.csv"


def by_wall(result: SurveyResult) -> dict[str, list[dict[str, Any]]]:
    """Return what the lines of each wall know of it, by the id of the wall; empty for surveys without walls."""
    walls: dict[str, list[dict[str, Any]]] = {}
    if "wall" in result.lines:
        for line, text in zip(result.lines["line"], result.lines["wall"], strict=True):
            known = json.loads(text) if isinstance(text, str) and text else None
            if known is not None:
                walls.setdefault(known["structure_id"], []).append(known | {"line": str(line)})
    return walls


def structures(result: SurveyResult, bodies: Bodies) -> list[dict[str, Any]]:
    """Return what the report prints of each wall: rows, lines with their thickness, and its elevation.

    Parameters
    ----------
    result : SurveyResult
        Its table of lines tells in a column ``wall`` (JSON) on which wall a line was measured.
    bodies : Bodies
        The numbered rows of the report.
    """
    out = []
    for name, lines in by_wall(result).items():
        rows = [row for row in bodies.rows if row.get("structure_id") == name and row.get("u_from_m") is not None]
        elevation = drawn(lambda axes, rows=rows, lines=lines: wall_elevation(rows, lines, axes), (9.0, 5.4))  # type: ignore[misc]
        out.append(
            {
                "name": name,
                "wall": lines[0],
                "lines": [_line(line) for line in lines],
                "rows": [row for row in rows if row["kind"] != "rebar"],
                "bars": sum(row["kind"] == "rebar" for row in rows),
                "elevation": elevation,
            }
        )
    return out


def _line(line: dict[str, Any]) -> dict[str, Any]:
    """Return the row of a line: its wall as measured, and its bars."""
    measured = (line.get("wall") or [{}])[0]
    bars = (line.get("rebar") or [None])[0]
    thick = np.concatenate([back["thickness_m"] for back in line.get("back_face") or []] or [[]])
    known = bool(measured.get("measured"))
    return {
        "line": line["line"],
        "thickness": f"{fixed(measured.get('thickness_m'), 3)} ± {fixed(measured.get('sigma_m'), 3)}" if known else "–",
        "range": f"{np.percentile(thick, 5):.3f}…{np.percentile(thick, 95):.3f}" if thick.size else "–",
        "permittivity": fixed(measured.get("permittivity"), 1) if known else "–",
        "bars": f"{100 * bars['pitch_m']:.0f} / {1000 * bars['cover_m']:.0f}" if bars else "–",
    }


def back_face(result: SurveyResult) -> pd.DataFrame:
    """Return the places of the back of every wall: on the face, its thickness there, and on the map.

    Returns
    -------
    pandas.DataFrame
        ``structure_id, line, u_m, w_m, thickness_m, sigma_m, x, y, z``, the latter in the CRS of the wall's file.
    """
    parts = []
    for name, lines in by_wall(result).items():
        frame = {key: np.asarray(value) for key, value in lines[0]["frame"].items()}
        for line in lines:
            for back in line.get("back_face") or []:
                u, w, n = (np.asarray(back[key], dtype="float64") for key in ("u", "w", "thickness_m"))
                place = frame["origin"] + np.stack([u, w, n], axis=1) @ np.stack(
                    [frame["along"], frame["up"], frame["into"]]
                )
                table = pd.DataFrame({"u_m": u, "w_m": w, "thickness_m": n, "sigma_m": back["sigma_m"]})
                for axis, values in zip("xyz", place.T, strict=True):
                    table[axis] = values.round(3)
                table.insert(0, "structure_id", name)
                table.insert(1, "line", line["line"])
                parts.append(table)
    columns = ["structure_id", "line", "u_m", "w_m", "thickness_m", "sigma_m", "x", "y", "z"]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=columns)


def write_back_face(result: SurveyResult, path: Path) -> None:
    """Write `back_face` as a table (UTF-8 with BOM, for spreadsheets)."""
    back_face(result).to_csv(path, index=False, encoding="utf-8-sig")

"""What the report prints about the survey as a whole: sums, counts, detectability, findings and limits."""

from __future__ import annotations

import json
import statistics
from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any

from gprscan import names
from gprscan.report.bodies import Bodies, grade_colour, grade_words
from gprscan.report.tables import scalar
from gprscan.report.words import DASH, Words, fixed

if TYPE_CHECKING:
    from gprscan.report.result import SurveyResult

URGENT = 12


def lines_of(result: SurveyResult) -> list[dict[str, Any]]:
    """Return the rows of the table of lines as plain dicts, their JSON columns parsed."""
    rows = []
    for row in result.lines.to_dict("records"):
        values = {str(key): scalar(value) for key, value in row.items()}
        for key in ("detectability", "findings", "notes"):
            values[key] = _list(values.get(key))
        rows.append(values)
    return rows


def totals(result: SurveyResult, lines: list[dict[str, Any]]) -> dict[str, Any]:
    """Return lengths (m), area (m2), counts and the penetration depths (m) of the lines that were used."""
    used = [line for line in lines if line["status"] == "ok"]
    statuses = Counter(str(entry.get("status")) for entry in result.manifest)
    days = sorted({str(t)[:10] for t in result.anomalies["acquired"].dropna()}) if len(result.anomalies) else []
    return {
        "length_m": sum(line["length_m"] or 0.0 for line in used),
        "channel_length_m": sum((line["length_m"] or 0.0) * (line["n_channels"] or 1) for line in used),
        "area_m2": _area(result, used),
        "used": len(used),
        "unplaced": sum(not line["placed"] for line in used),
        "failed": statuses.get("failed", 0) or sum(line["status"] == "failed" for line in lines),
        "penetration_m": [depth for depth in (line["penetration_depth_m"] for line in used) if depth is not None],
        "acquired": list(dict.fromkeys([*days[:1], *days[-1:]])),
    }


def _area(result: SurveyResult, used: list[dict[str, Any]]) -> float:
    """Return the ground that was covered: overlaps once, and length times width for lines without position."""
    import shapely

    placed = result.coverage[result.coverage.geometry.notna()]
    area, drawn = 0.0, set()
    if len(placed) and placed.crs is not None and not placed.crs.is_geographic:
        area = float(shapely.union_all(placed.geometry.to_numpy()).area)
        drawn = set(placed["line"])
    return area + sum((r["length_m"] or 0.0) * (r["swath_m"] or 0.0) for r in used if r["line"] not in drawn)


def length_text(metres: float) -> str:
    """Return a length in m or km."""
    return f"{metres / 1000:.2f} km" if metres >= 1000 else f"{metres:.1f} m"


def area_text(square_metres: float) -> str:
    """Return an area in m2, or km2 for large ones."""
    return f"{square_metres / 1e6:.3f} km²" if square_metres >= 1e5 else f"{square_metres:.0f} m²"


def span_text(values: list[float], digits: int = 1) -> str:
    """Return ``median m (lowest-highest)`` of some lengths in m, a dash where there are none."""
    if not values:
        return DASH
    middle, low, high = (fixed(v, digits) for v in (statistics.median(values), min(values), max(values)))
    return f"{middle} m" if low == high else f"{middle} m ({low}–{high})"


def counts(bodies: Bodies, words: Words) -> dict[str, Any]:
    """Return the table of kinds against grades, the worst grade first."""
    scheme = bodies.scheme
    ranks = list(range(len(scheme.get("grades", [])), 0, -1))
    kinds = [kind for kind in names.KINDS if any(row["kind"] == kind for row in bodies.rows)]
    table = []
    for kind in kinds:
        rows = [row for row in bodies.rows if row["kind"] == kind]
        by_rank = Counter(row.get("risk_rank") for row in rows)
        cells = [by_rank.get(rank, 0) for rank in [*ranks, None]]
        table.append({"kind": words.kind(kind), "colour": rows[0]["colour"], "cells": cells, "total": len(rows)})
    heads = [{"words": grade_words(words, rank, scheme), "colour": grade_colour(rank, scheme)} for rank in ranks]
    return {"heads": heads, "rows": table}


def urgent(bodies: Bodies) -> tuple[list[dict[str, Any]], int]:
    """Return the graded hazards that come first, and how many more there are."""
    graded = [row for row in bodies.rows if row.get("risk_rank") is not None]
    return graded[:URGENT], max(len(graded) - URGENT, 0)


def detectability(lines: list[dict[str, Any]]) -> list[dict[str, str]]:
    """Return for each diameter the largest depth at which it would have been seen: worst line, median, best."""
    depths: dict[float, list[float]] = defaultdict(list)
    for line in lines:
        for entry in line["detectability"]:
            if isinstance(entry, dict) and entry.get("diameter_m") is not None:
                depths[float(entry["diameter_m"])].append(float(entry.get("max_depth_m") or 0.0))
    return [
        {
            "diameter": fixed(size),
            "worst": _reached(min(d)),
            "median": _reached(statistics.median(d)),
            "best": _reached(max(d)),
        }
        for size, d in sorted(depths.items())
    ]


def _reached(depth: float) -> str:
    """A depth, or a dash where a body of that size would have been seen at none."""
    return fixed(depth) if depth > 0 else DASH


def seen_text(line: dict[str, Any]) -> str:
    """Return the detectability of one line, such as ``0.30: 0.9, 0.50: 1.5``."""
    entries = [e for e in line["detectability"] if isinstance(e, dict)]
    return ", ".join(f"{fixed(e.get('diameter_m'))}: {fixed(e.get('max_depth_m'), 1)}" for e in entries) or DASH


def findings(lines: list[dict[str, Any]], manifest: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return what was noticed about the data, the same finding of several lines together, errors first."""
    together: dict[tuple[str, str], dict[str, Any]] = {}
    for entry in lines:
        for found in entry["findings"]:
            _collect(together, found, str(entry["line"]))
    for entry in manifest:
        if entry.get("status") != "ok":
            for found in entry.get("findings") or []:
                _collect(together, found, str(entry.get("path")))
    order = {"error": 0, "warning": 1, "info": 2}
    return sorted(together.values(), key=lambda f: (order.get(f["severity"], 3), -len(f["lines"])))


def _collect(together: dict[tuple[str, str], dict[str, Any]], found: Any, line: str) -> None:
    if not isinstance(found, dict):
        return
    key = (str(found.get("severity")), str(found.get("code")))
    texts = {name: found.get(name) or "" for name in ("what", "evidence", "consequence")}
    entry = together.setdefault(key, {**texts, "severity": key[0], "code": key[1], "lines": []})
    if line not in entry["lines"]:
        entry["lines"].append(line)


def limits(bodies: Bodies, lines: list[dict[str, Any]], sums: dict[str, Any], words: Words) -> list[Any]:
    """Return what a reader must not conclude from this report."""
    used = [line for line in lines if line["status"] == "ok"]
    said = [words(key) for key in ("limit_screening", "limit_size", "limit_depth", "limit_covered")]
    if sums["unplaced"]:
        said.append(words("limit_unplaced", n=sums["unplaced"], total=sums["used"]))
    if bodies.geographic:
        said.append(words("limit_geographic"))
    if sums["failed"]:
        said.append(words("limit_failed", n=sums["failed"]))
    unsure = sum(row["placed"] and row["position_sigma_m"] is None for row in bodies.rows)
    if unsure:
        said.append(words("limit_sigma", n=unsure))
    odd = [line for line in used if str(line["setting"]).startswith("not a road")]
    if odd:
        listed = ", ".join(str(line["line"]) for line in odd[:8]) + (", …" if len(odd) > 8 else "")
        said.append(words("limit_setting", n=len(odd), list=listed))
    blind = sum(line["penetration_depth_m"] is None for line in used)
    if blind:
        said.append(words("limit_penetration", n=blind))
    hazards = [row for row in bodies.rows if row["hazard"]]
    ungraded = sum(row.get("risk_rank") is None for row in hazards)
    if ungraded and bodies.scheme:
        said.append(words("limit_ungraded", n=ungraded))
    said.append(words("limit_absent"))
    return said


def grading_notes(bodies: Bodies, words: Words) -> list[Any]:
    """Return what was assumed for, and missing from, the graded anomalies."""
    graded = [row for row in bodies.rows if row.get("risk_rank") is not None]
    if not graded:
        return []
    absent: Counter[str] = Counter()
    assumed: Counter[str] = Counter()
    for row in graded:
        for entry in _list(row.get("risk_missing")):
            if entry.get("status") == "missing":
                absent[str(entry.get("input"))] += 1
            else:
                assumed[f"{entry.get('input')} = {entry.get('value')}"] += 1
    everywhere = [name for name, n in assumed.items() if n == len(graded)]
    notes = [words("grading_assumed", list=", ".join(everywhere))] if everywhere else []
    return notes + [words("grading_missing", n=n, total=len(graded), name=name) for name, n in absent.items()]


def _list(text: Any) -> list[Any]:
    try:
        value = json.loads(text) if isinstance(text, str) else text
    except ValueError:
        return []
    return value if isinstance(value, list) else []

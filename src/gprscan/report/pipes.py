"""The pipes of a report: each segment rolled out, in long section, and in cross-section at each of its anomalies."""

from __future__ import annotations

import base64
import io
import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from gprscan import names
from gprscan.geometry.pipe_frame import PipeFrame
from gprscan.plot.pipes import cross_section, long_section, unrolled_pipe
from gprscan.report.bodies import Bodies

if TYPE_CHECKING:
    from collections.abc import Callable

    from gprscan.report.result import SurveyResult

MOST_SECTIONS = 12  # cross-sections that are drawn of one segment, hazards first


def segments(result: SurveyResult, bodies: Bodies) -> list[dict[str, Any]]:
    """Return what the report prints of each pipe segment: table rows and pictures; nothing for surveys without pipes.

    Parameters
    ----------
    result : SurveyResult
        Its table of lines tells in a column ``pipe`` (JSON) in which pipe a line was measured.
    bodies : Bodies
        The numbered rows of the report.
    """
    if "pipe" not in result.lines:
        return []
    by_segment: dict[str, dict[str, Any]] = {}
    for line, text in zip(result.lines["line"], result.lines["pipe"], strict=True):
        pipe = json.loads(text) if isinstance(text, str) and text else None
        if pipe is not None:
            name = str(pipe.get("segment") or line)
            entry = by_segment.setdefault(name, {"name": name, "lines": [], "pipe": pipe})
            entry["lines"].append(str(line))
    return [_segment(entry, bodies) for entry in by_segment.values()]


def _segment(entry: dict[str, Any], bodies: Bodies) -> dict[str, Any]:
    pipe = entry["pipe"]
    rows = [row for row in bodies.rows if row["line"] in entry["lines"]]
    table = pd.DataFrame(rows)
    pictures: list[tuple[str, str]] = []
    frame = PipeFrame.from_dict(pipe["frame"]) if pipe.get("frame") else None
    known = [row for row in rows if row.get("chainage_from_m") is not None]
    if known:
        span = (0.0, frame.length) if frame else None
        pictures.append(("unrolled", _drawn(lambda axes: unrolled_pipe(table, axes, chainage=span), (9.0, 3.2))))
    if frame is not None:
        above = [row for row in bodies.rows if row.get("clock_deg") is None and row["hazard"] and row["placed"]]
        linked = [row for row in above if row.get("hazard_id")]
        pictures.append(
            (
                "long_section",
                _drawn(lambda axes: long_section(frame, known, linked, axes, pipe.get("ground")), (9.0, 3.4)),
            )
        )
        walls = pipe.get("wall") or [{}]
        thick = walls[0].get("thickness_m") or pipe["wall_thickness"]
        shown = [row for row in known if row["kind"] in (*names.HAZARD_KINDS, *names.PIPE_DEFECT_KINDS)]
        for row in shown[:MOST_SECTIONS]:
            text = _drawn(lambda axes, row=row: cross_section(frame.shape, thick, row, axes), (3.0, 3.0))  # type: ignore[misc]
            pictures.append((f"{row['number']}", text))
    return {**entry, "rows": rows, "pictures": pictures, "left_out": max(len(known) - MOST_SECTIONS, 0)}


def _drawn(draw: Callable[[Any], Any], size: tuple[float, float]) -> str:
    """Return a picture as a data URI."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=size, dpi=100, layout="constrained")
    draw(figure.add_subplot())
    FigureCanvasAgg(figure).print_png(stream := io.BytesIO())
    return "data:image/png;base64," + base64.b64encode(stream.getvalue()).decode("ascii")


def clock_text(row: dict[str, Any]) -> str:
    """Return the clock range of a row in degrees, one angle where it covers none."""
    first, last = row.get("clock_from_deg"), row.get("clock_to_deg")
    if first is None or last is None or not np.isfinite([first, last]).all():
        return "–"
    return f"{first:.0f}°" if abs(last - first) < 0.5 else f"{first:.0f}°…{last:.0f}°"

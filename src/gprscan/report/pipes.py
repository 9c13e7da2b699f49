"""The pipes of a report: each segment rolled out, in long section, and in cross-section at each of its anomalies."""

from __future__ import annotations

import base64
import io
import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import xarray as xr

from gprscan import names
from gprscan.geometry.pipe_frame import PipeFrame
from gprscan.plot.pipes import behind_wall, cross_section, long_section, unrolled_pipe
from gprscan.report.bodies import Bodies
from gprscan.report.words import fixed

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from gprscan.report.result import SurveyResult

VOLUMES = "pipe_images"  # folder of an output: one image volume (NetCDF) per pipe segment
MOST_SECTIONS = 12  # cross-sections that are drawn of one segment, hazards first


def segments(result: SurveyResult, bodies: Bodies, out: Path) -> list[dict[str, Any]]:
    """Return what the report prints of each pipe segment: table rows and pictures; nothing for surveys without pipes.

    Parameters
    ----------
    result : SurveyResult
        Its table of lines tells in a column ``pipe`` (JSON) in which pipe a line was measured.
    bodies : Bodies
        The numbered rows of the report.
    out : Path
        Output folder of the scan, in which the images of the segments are.
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
    return [_segment(entry, bodies, out) for entry in by_segment.values()]


def _segment(entry: dict[str, Any], bodies: Bodies, out: Path) -> dict[str, Any]:
    pipe = entry["pipe"]
    rows = [row for row in bodies.rows if row["line"] in entry["lines"]]
    frame = PipeFrame.from_dict(pipe["frame"]) if pipe.get("frame") else None
    known = [row for row in rows if row.get("chainage_from_m") is not None]
    found: dict[str, Any] = {"unrolled": None, "long_section": None, "cross_sections": [], "left_out": 0}
    span = (0.0, frame.length) if frame else None
    walls = pipe.get("wall") or [{}]
    thick = walls[0].get("thickness_m") or pipe["wall_thickness"]
    image = volume_of(out, entry["name"])
    if image is not None:
        thick = image.attrs["wall_thickness"]
    behind = None if image is None else behind_wall(image["echo_db"], thick)
    if behind is not None and not np.isfinite(behind).any():  # a wall thicker than the image is deep
        behind = None
    if known or behind is not None:
        table = pd.DataFrame(known, columns=None if known else ["clock_deg"])
        found["unrolled"] = drawn(lambda axes: unrolled_pipe(table, axes, chainage=span, behind=behind), (9.6, 4.2))
    if frame is not None:
        above = [row for row in bodies.rows if row.get("clock_deg") is None and row["hazard"] and row["placed"]]
        linked = [row for row in above if row.get("hazard_id")]
        found["long_section"] = drawn(
            lambda axes: long_section(frame, known, linked, axes, pipe.get("ground")), (9.6, 3.8)
        )
        shown = [row for row in known if row["kind"] in (*names.HAZARD_KINDS, *names.PIPE_DEFECT_KINDS)]
        found["cross_sections"] = [(row, _cross_section(frame, thick, row, image)) for row in shown[:MOST_SECTIONS]]
        found["left_out"] = max(len(shown) - MOST_SECTIONS, 0)
    if image is not None:
        image.close()
    return {**entry, "rows": rows, **found}


def _cross_section(frame: PipeFrame, wall: float, row: dict[str, Any], image: xr.Dataset | None) -> str:
    """Return the section through the middle of a body, over that of the image where there is one."""
    echo = None
    if image is not None:
        middle = 0.5 * (row["chainage_from_m"] + row["chainage_to_m"])
        echo = image["echo_db"].sel(chainage=middle, method="nearest").load()
    return drawn(lambda axes: cross_section(frame.shape, wall, row, axes, echo), (3.2, 3.2))


def volume_of(out: Path, segment: str) -> xr.Dataset | None:
    """Return the image of a segment that the scan left in `VOLUMES`, None where there is none; samples stay on disk."""
    for path in sorted((out / VOLUMES).glob("*.nc")):
        image = xr.open_dataset(path, engine="h5netcdf")
        if image.attrs.get("segment") == segment:
            return image
        image.close()
    return None


def drawn(draw: Callable[[Any], Any], size: tuple[float, float]) -> str:
    """Return a picture as a data URI; `draw` gets axes of a figure of that size, in inches."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=size, dpi=120, layout="constrained")
    draw(figure.add_subplot())
    FigureCanvasAgg(figure).print_png(stream := io.BytesIO())
    return "data:image/png;base64," + base64.b64encode(stream.getvalue()).decode("ascii")


def clock_text(row: dict[str, Any]) -> str:
    """Return the clock range of a row in degrees, one angle where it covers none."""
    first, last = row.get("clock_from_deg"), row.get("clock_to_deg")
    if first is None or last is None or not np.isfinite([first, last]).all():
        return "–"
    return f"{first:.0f}°" if abs(last - first) < 0.5 else f"{first:.0f}°…{last:.0f}°"


def span_text(row: dict[str, Any]) -> str:
    """Return the chainages of a row, one where it covers no length."""
    first, last = fixed(row.get("chainage_from_m")), fixed(row.get("chainage_to_m"))
    return first if first == last else f"{first}…{last}"


def seen_text(row: dict[str, Any]) -> str:
    """Return the lines that saw a body."""
    return ", ".join(_listed(row.get("seen_on"))) or str(row.get("line") or "–")


def linked_text(row: dict[str, Any]) -> str:
    """Return the ids of what is one hazard with a row."""
    return ", ".join(_listed(row.get("linked_ids")))


def _listed(text: Any) -> list[str]:
    return [str(item) for item in json.loads(text)] if isinstance(text, str) and text else []

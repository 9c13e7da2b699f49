"""Inputs of grading: what a scheme may ask for, and where each is found in an anomaly, with its uncertainty."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from gprscan import names

# numbers, in m or without a unit
NUMBERS = {
    "cover_m": "depth from the surface to the roof of the body (top_depth_m)",
    "asphalt_m": "thickness of the bound layer above the body",
    "length_m": "extent along the line",
    "width_m": "extent across the line; the extent along it where the line has one channel",
    "short_side_m": "the smaller plan dimension; an upper bound where only one is known",
    "cover_over_short_side": "cover divided by the short side",
    "confidence": "confidence of the detection, 0 to 1",
}
# categories, with their values
CATEGORIES = {
    "kind": names.HAZARD_KINDS,
    "known_leak_or_pipe_defect": ("yes", "no"),
    "growth_since_last": ("yes", "no"),
    "surface_settlement": ("yes", "no"),
    "road_class": ("expressway", "arterial", "secondary", "branch", "footway", "green"),
    "exposure": ("gas_or_water_main_within_2m", "school_hospital_metro_entrance", "none"),
}
INPUTS = (*NUMBERS, *CATEGORIES)


@dataclass(frozen=True)
class Reading:
    """One input of one anomaly.

    Attributes
    ----------
    value : float, str or None
        None where it is missing.
    low, high : float or None
        Range over the uncertainty, for numbers.
    status : {"measured", "given", "bound", "assumed", "missing"}
        ``bound``: stands in for something that is not known; ``given``: from the context.
    note : str
        Where it comes from, or why it is missing.
    """

    value: float | str | None
    low: float | None = None
    high: float | None = None
    status: str = "measured"
    note: str = ""


@dataclass
class Readings:
    """All inputs of one anomaly, by name."""

    by_name: dict[str, Reading] = field(default_factory=dict)

    def values(self) -> dict[str, float | str | None]:
        """Return the best value of each input."""
        return {name: reading.value for name, reading in self.by_name.items()}


def gather(row: Mapping[str, Any], context: Mapping[str, Any], uncertainty: Any) -> Readings:
    """Collect the inputs of one anomaly.

    Parameters
    ----------
    row : mapping
        A row of the anomaly table.
    context : mapping
        Inputs that hold for the whole survey; a column of the table rules over it.
    uncertainty : Uncertainty
        Of the scheme, for what the anomaly does not state itself.

    Returns
    -------
    Readings
        Every input of `INPUTS`, present or missing with the reason.
    """
    found = Readings()
    readings = found.by_name
    readings["cover_m"] = _cover(row, uncertainty.cover_sigma_m)
    readings["asphalt_m"] = _asphalt(row, context, uncertainty.asphalt_sigma_m)
    readings |= _plan(row, uncertainty.size_factor)
    readings["cover_over_short_side"] = _ratio(readings["cover_m"], readings["short_side_m"])
    confidence = number(row.get("confidence"))
    status = "measured" if confidence is not None else "missing"
    readings["confidence"] = Reading(confidence, confidence, confidence, status)
    readings["kind"] = Reading(str(row.get("kind")))
    for name in CATEGORIES:
        if name != "kind":
            readings[name] = _category(name, row, context)
    return found


def number(value: Any) -> float | None:
    """Return a finite number, None for everything else."""
    try:
        result = float(value)
    except (TypeError, ValueError):
        return None
    return result if math.isfinite(result) else None


def _cover(row: Mapping[str, Any], default_sigma: float) -> Reading:
    depth = number(row.get("top_depth_m"))
    if depth is None:
        return Reading(None, status="missing", note="the depth of the body is not known")
    stated = number(row.get("sigma_depth_m"))
    sigma = default_sigma if stated is None else stated
    note = "top_depth_m"
    if stated is None:
        note += f"; no sigma stated, {default_sigma:g} m of the scheme taken"
    return Reading(depth, max(depth - sigma, 0.0), depth + sigma, "measured", note)


def _asphalt(row: Mapping[str, Any], context: Mapping[str, Any], default_sigma: float) -> Reading:
    for source, status in ((row, "measured"), (context, "given")):
        thickness = number(source.get("asphalt_m"))
        if thickness is not None:
            stated = number(source.get("sigma_asphalt_m"))
            sigma = default_sigma if stated is None else stated
            note = "layer tracked above the body" if status == "measured" else "given for the survey"
            return Reading(thickness, max(thickness - sigma, 0.0), thickness + sigma, status, note)
    return Reading(None, status="missing", note="no layer was tracked above the body, and none was given")


def _plan(row: Mapping[str, Any], factor: tuple[float, float]) -> dict[str, Reading]:
    """Plan sizes; radar over-states them, so the range starts below the value. A size with a sigma may be larger, too."""
    length, width = number(row.get("length_m")), number(row.get("width_m"))
    more = 2.0 * (number(row.get("sigma_length_m")) or 0.0)
    largest = [] if length is None else [max(length * factor[1], length + more)]
    largest += [] if width is None else [width * factor[1]]
    known = [side for side in (length, width) if side is not None]
    if not known:
        missing = Reading(None, status="missing", note="the plan size is not resolved")
        return {"length_m": missing, "width_m": missing, "short_side_m": missing}
    low, high = min(known) * factor[0], max(largest)
    readings = {"length_m": Reading(None, status="missing", note="the extent along the line is not resolved")}
    if length is not None:
        readings["length_m"] = Reading(length, length * factor[0], largest[0])
    if width is not None:
        # which side a scheme means by width is not always published, so the range spans both
        readings["width_m"] = Reading(width, low, high, note="extent across the line; the range spans both sides")
    else:
        note = "not resolved across the line; the extent along it is taken"
        readings["width_m"] = Reading(length, low, high, "bound", note)
    status, note = ("measured", "")
    if len(known) == 1:
        status, note = ("bound", "one side only is known; the short side is not larger")
    readings["short_side_m"] = Reading(min(known), low, min(largest), status, note)
    return readings


def _ratio(cover: Reading, side: Reading) -> Reading:
    if not isinstance(cover.value, float) or not isinstance(side.value, float) or side.value <= 0:
        return Reading(None, status="missing", note="needs the cover and the short side")
    lowest = (cover.low or 0.0) / side.high if side.high else 0.0
    highest = (cover.high or 0.0) / side.low if side.low else math.inf
    return Reading(cover.value / side.value, lowest, highest, side.status, side.note)


def _category(name: str, row: Mapping[str, Any], context: Mapping[str, Any]) -> Reading:
    for source, status in ((row, "given"), (context, "given")):
        value = source.get(name)
        if value is None or value == "" or value != value:
            continue
        text = ("yes" if value else "no") if isinstance(value, bool) else str(value)
        if text in CATEGORIES[name]:
            return Reading(text, status=status)
        return Reading(None, status="missing", note=f"{text!r} is not one of {', '.join(CATEGORIES[name])}")
    return Reading(None, status="missing", note="not given")

"""The packaged sample survey, and what a scan of it found and missed of the truth beside it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gprscan
from gprscan.errors import MissingFileError

if TYPE_CHECKING:
    import pandas as pd

# classes of the truth, and the kinds that are right for them
RIGHT_KINDS = {
    "air_void": ("cavity",),
    "water_void": ("cavity", "water_rich"),
    "debond_cavity": ("debond", "cavity"),
    "loose_zone": ("loose",),
    "water_rich_zone": ("water_rich",),
    "metal_pipe": ("pipe", "rebar"),
    "pvc_pipe_air": ("pipe",),
    "pvc_pipe_water": ("pipe",),
    "concrete_pipe": ("pipe",),
    "rebar_mesh": ("rebar",),
    "manhole": ("manhole",),
}
# a body counts as found within this distance of its outline along the line, m, and within one period and 5 % in time
_ALONG = 0.25
_TALL = ("manhole",)  # echoes come from any depth of it


@dataclass(frozen=True)
class Outcome:
    """One body of the truth, or one that is not in it.

    Attributes
    ----------
    line : str
        File name of the line.
    truth : str or None
        Class of the body, None for an anomaly where there is none.
    distance_m, top_depth_m : float
        Of the truth; of the anomaly where there is no truth.
    anomaly_id, kind : str or None
        The anomaly that found it, None where it was missed.
    right_kind : bool
        Whether the anomaly has a kind that is right for the body.
    error_m, depth_error_m : float or None
        Errors along the line and of the depth to its top.
    again : str or None
        For an anomaly without a body of its own: the class of the body that it is at, where another one found it.
    """

    line: str
    truth: str | None
    distance_m: float
    top_depth_m: float | None
    anomaly_id: str | None = None
    kind: str | None = None
    right_kind: bool = False
    error_m: float | None = None
    depth_error_m: float | None = None
    again: str | None = None


def sample_folder() -> Path:
    """Return the folder of the packaged sample survey.

    In a wheel it lies in the package, in an editable install two folders above it.

    Raises
    ------
    MissingFileError
        If the installation has lost it.
    """
    package = Path(gprscan.__file__).parent
    for folder in (package / "sample_data", package.parents[1] / "sample_data"):
        if (folder / "truth.json").is_file():
            return folder
    msg = "the sample survey is not installed with gprscan; install the package again from its wheel or its repository."
    raise MissingFileError(msg)


def load_truth(folder: Path) -> dict[str, Any]:
    """Return the truth record of a simulated survey."""
    return json.loads((folder / "truth.json").read_text("utf-8"))


def compare(anomalies: pd.DataFrame, truth: dict[str, Any]) -> list[Outcome]:
    """Hold the anomalies of a scan against the truth.

    Parameters
    ----------
    anomalies : pandas.DataFrame
        ``SurveyResult.anomalies``.
    truth : dict
        Truth record: ``lines``, each with ``file``, ``acquisition`` and ``objects``.

    Returns
    -------
    list of Outcome
        A row per body of the truth, found or missed, then a row per anomaly that belongs to none.
    """
    outcomes = []
    for line in truth["lines"]:
        rows = anomalies[anomalies["source_file"] == line["file"]].to_dict("records")
        outcomes += _compare_line(line, rows)
    return outcomes


def _compare_line(line: dict[str, Any], rows: list[dict[str, Any]]) -> list[Outcome]:
    period = 1e9 / line["acquisition"]["fc_hz"]
    pairs = [
        (abs(row["distance_m"] - body["distance_m"]), number, index)
        for number, body in enumerate(line["objects"])
        for index, row in enumerate(rows)
        if _fits(body, row, period)
    ]
    match: dict[int, int] = {}
    # nearest first, one to one; a right kind counts as nearer than any wrong one, since two bodies may cross
    for _, number, index in sorted(pairs, key=lambda pair: (not _right(line["objects"][pair[1]], rows[pair[2]]), pair)):
        if number not in match and index not in match.values():
            match[number] = index
    found = [_outcome(line["file"], body, rows, match.get(number)) for number, body in enumerate(line["objects"])]
    extra = [row for index, row in enumerate(rows) if index not in match.values()]
    return found + [_further(line, row, period) for row in extra]


def _further(line: dict[str, Any], row: dict[str, Any], period: float) -> Outcome:
    again = next((body["class"] for body in line["objects"] if _fits(body, row, period)), None)
    depth = _finite(row["top_depth_m"])
    return Outcome(line["file"], None, row["distance_m"], depth, row["anomaly_id"], row["kind"], again=again)


def _fits(body: dict[str, Any], row: dict[str, Any], period: float) -> bool:
    half = 0.5 * float(body.get("extent_m", {}).get("x", 2 * body.get("radius_m", 0.0)))
    along = abs(row["distance_m"] - body["distance_m"]) <= half + _ALONG
    in_time = abs(row["twt_ns"] - body["t_flight_ns"]) <= period + 0.05 * body["t_flight_ns"]
    return along and (in_time or body["class"] in _TALL)


def _right(body: dict[str, Any], row: dict[str, Any]) -> bool:
    return row["kind"] in RIGHT_KINDS.get(body["class"], ())


def _outcome(file: str, body: dict[str, Any], rows: list[dict[str, Any]], index: int | None) -> Outcome:
    if index is None:
        return Outcome(file, body["class"], body["distance_m"], body["top_depth_m"])
    row = rows[index]
    depth = _finite(row["top_depth_m"])
    return Outcome(
        file,
        body["class"],
        body["distance_m"],
        body["top_depth_m"],
        row["anomaly_id"],
        row["kind"],
        _right(body, row),
        row["distance_m"] - body["distance_m"],
        None if depth is None else depth - body["top_depth_m"],
    )


def _finite(value: Any) -> float | None:
    return None if value is None or value != value else float(value)

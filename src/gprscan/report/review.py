"""What an engineer says about the anomalies of a survey, kept in ``reviews.json`` beside what was found automatically.

The file belongs to the engineer: no scan removes it, ``--fresh`` included. Each entry remembers where the anomaly was that
it speaks of, so that it finds it again when a new run numbers the anomalies of a line differently. Entries are only ever
added; the last one on an anomaly holds.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from gprscan import names
from gprscan.errors import ReviewError
from gprscan.io import atomic

if TYPE_CHECKING:
    from gprscan.report.result import SurveyResult

FILE = "reviews.json"
ACCEPTED, REJECTED, RECLASSED, OPEN = STATUSES = ("accepted", "rejected", "reclassed", "open")
# what a run with other settings may move a body by, and it is still the same: m along and across, and degrees in a pipe
_ALONG, _ACROSS, _AROUND = 0.3, 0.3, 20.0
_PERIODS = 1.0  # of the antenna, in time
_USUAL_FREQUENCY = 400.0  # MHz, where the line does not say


@dataclass(frozen=True)
class Review:
    """One entry: an anomaly as it was when it was looked at, and what was said of it.

    Attributes
    ----------
    anomaly_id, line : str
        The anomaly and its line, as the run that was reviewed named them.
    kind : str
        Its automatic kind at that time.
    distance_m, offset_m, twt_ns, clock_deg : float or None
        Where it was: along and across the line, in two-way time, and in a pipe around it.
    review_status : str
        One of `STATUSES`; ``open`` takes an earlier review back (or only comments).
    review_kind : str or None
        Kind in the engineer's opinion, where it is ``reclassed``.
    review_comment : str or None
        Free text.
    reviewer : str
        Who says so.
    reviewed_at : str
        When, ISO 8601.
    replaces : int or None
        Number in the file, from 0, of the earlier entry on the same anomaly.
    """

    anomaly_id: str
    line: str
    kind: str
    distance_m: float | None
    offset_m: float | None
    twt_ns: float | None
    clock_deg: float | None
    review_status: str
    review_kind: str | None
    review_comment: str | None
    reviewer: str
    reviewed_at: str
    replaces: int | None = None

    def opinion(self) -> tuple[str, str | None, str | None]:
        """Return what is said, without who and when."""
        return self.review_status, self.review_kind, self.review_comment


def place_of(anomaly: Mapping[str, Any]) -> dict[str, Any]:
    """Return what identifies an anomaly in another run: its line, kind and place."""
    text = {name: str(anomaly[name]) for name in ("anomaly_id", "line", "kind")}
    numbers = {name: _number(anomaly.get(name)) for name in ("distance_m", "offset_m", "twt_ns", "clock_deg")}
    return text | numbers


def _number(value: Any) -> float | None:
    if value is None or isinstance(value, str):
        return None
    number = float(value)
    return number if math.isfinite(number) else None


def load(out: str | Path) -> list[Review]:
    """Return the reviews of a survey, in the order in which they were made; none where nobody looked at it.

    Raises
    ------
    ReviewError
        If ``reviews.json`` is damaged: it is never replaced by an empty one.
    """
    path = Path(out) / FILE
    if not path.is_file():
        return []
    try:
        entries = json.loads(path.read_text("utf-8"))["reviews"]
        return [Review(**entry) for entry in entries]
    except (OSError, ValueError, KeyError, TypeError) as error:
        msg = f"{path} cannot be read ({error}). It holds the reviews: restore it from a copy, or move it away."
        raise ReviewError(msg) from None


def save(out: str | Path, reviews: Sequence[Review]) -> None:
    """Write the reviews of a survey, the whole file or nothing."""
    text = json.dumps({"reviews": [asdict(review) for review in reviews]}, ensure_ascii=False, indent=1)
    atomic.commit([atomic.text_output(Path(out) / FILE, text + "\n")])


def attach(result: SurveyResult, reviews: Sequence[Review]) -> list[Review]:
    """Put the reviews beside the anomalies that they speak of.

    Parameters
    ----------
    result : SurveyResult
        Its anomalies get the columns `gprscan.names.REVIEW_COLUMNS`; no other column is touched.
    reviews : sequence of Review
        In the order in which they were made.

    Returns
    -------
    list of Review
        Those whose anomaly is no longer there. They are also kept in ``result.lost_reviews``.
    """
    table = result.anomalies
    held = latest(reviews)
    pairs = match(result, held)
    columns: dict[str, list[Any]] = {name: [None] * len(table) for name in names.REVIEW_COLUMNS}
    for row, number in pairs.items():
        for name in names.REVIEW_COLUMNS:
            columns[name][row] = getattr(held[number], name)
    for name, values in columns.items():
        table[name] = pd.Series(values, index=table.index, dtype=object)
    found = set(pairs.values())
    result.lost_reviews = [r for number, r in held.items() if number not in found and r.review_status != OPEN]
    return result.lost_reviews


def latest(reviews: Sequence[Review]) -> dict[int, Review]:
    """Return the entries that hold, by their number in the file: those that no later one replaces."""
    replaced = {review.replaces for review in reviews}
    return {number: review for number, review in enumerate(reviews) if number not in replaced}


def match(result: SurveyResult, reviews: Mapping[int, Review]) -> dict[int, int]:
    """Return which anomaly each review speaks of: the nearest body of its line within what a re-run may move it.

    Parameters
    ----------
    result : SurveyResult
        Its anomalies and lines.
    reviews : mapping of int to Review
        One per body, by number.

    Returns
    -------
    dict of int to int
        Position in the table to number of the review; each at most once, the nearest pairs first.
    """
    period = periods(result.lines)
    by_line: dict[str, list[int]] = {}
    places = [place_of(row) for row in result.anomalies.to_dict("records")]
    for number, place in enumerate(places):
        by_line.setdefault(place["line"], []).append(number)
    near = []
    for number, review in reviews.items():
        for row in by_line.get(review.line, ()):
            gap = apart(asdict(review), places[row], period.get(review.line))
            if gap <= 1.0:
                near.append((gap, row, number))
    pairs: dict[int, int] = {}
    taken: set[int] = set()
    for _, row, number in sorted(near):
        if row not in pairs and number not in taken:
            pairs[row] = number
            taken.add(number)
    return pairs


def periods(lines: pd.DataFrame) -> dict[str, float]:
    """Return the period of the antenna in ns, by line."""
    rows = lines[["line", "frequency_mhz"]].to_dict("records")
    return {str(row["line"]): 1e3 / (_number(row["frequency_mhz"]) or _USUAL_FREQUENCY) for row in rows}


def apart(a: Mapping[str, Any], b: Mapping[str, Any], period: float | None = None) -> float:
    """Return how far two places are apart, 1 being the most for one body; a value known of only one of them parts them."""
    reach = {
        "distance_m": _ALONG,
        "offset_m": _ACROSS,
        "twt_ns": _PERIODS * (period or 1e3 / _USUAL_FREQUENCY),
        "clock_deg": _AROUND,
    }
    worst = 0.0
    for name, most in reach.items():
        if (a[name] is None) != (b[name] is None):
            return math.inf
        if a[name] is not None:
            gap = abs(a[name] - b[name])
            worst = max(worst, (min(gap, 360.0 - gap) if name == "clock_deg" else gap) / most)
    return worst


def add(out: str | Path, result: SurveyResult, opinions: Sequence[Review]) -> int:
    """Add reviews to those of a survey, leave out what was said before, and show them in the result.

    Parameters
    ----------
    out : path-like
        Output folder of the survey.
    result : SurveyResult
        Loaded from it.
    opinions : sequence of Review
        New ones.

    Returns
    -------
    int
        How many of them say something new.
    """
    before = load(out)
    held = latest(before)
    ids = result.anomalies["anomaly_id"].astype(str).tolist()
    said = {ids[row]: number for row, number in match(result, held).items()}
    new = []
    for review in opinions:
        known = said.get(review.anomaly_id)
        if review.opinion() != ((OPEN, None, None) if known is None else held[known].opinion()):
            new.append(replace(review, replaces=known))
    if new:
        save(out, [*before, *new])
        attach(result, [*before, *new])
    return len(new)


def counts(result: SurveyResult) -> dict[str, int]:
    """Return how many anomalies have each status; ``open`` are those that nobody judged."""
    table = result.anomalies
    status = table["review_status"] if "review_status" in table else [None] * len(table)
    found = [value if value in STATUSES else OPEN for value in status]
    return {name: found.count(name) for name in STATUSES}

"""What the report prints about each anomaly: order, table rows, cards with evidence in words and numbers."""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gprscan import names
from gprscan.plot.style import colour
from gprscan.report import review
from gprscan.report.tables import crs_name, flat, scalar
from gprscan.report.words import DASH, Words, fixed, plus_minus

if TYPE_CHECKING:
    from gprscan.report.result import SurveyResult

# more cards than these make a report that nobody prints; the table has all anomalies
MAX_CARDS = 250
# pictures go into the file for the worst anomalies, until it holds this many bytes of them (base64 adds a third)
MAX_PICTURE_BYTES = 6_500_000
PICTURES = ("raw", "processed", "migrated", "ascan")
_GRADE_COLOURS = ("#b5121b", "#d9660a", "#b08900", "#4f7a3a", "#5b6b78")


def ordered(result: SurveyResult) -> list[dict[str, Any]]:
    """Return the anomalies as plain dicts, the worst first, numbered from 1.

    Order: severity rank, then the worst rank over the uncertainty, hazards before others, the shallower first.
    """
    records = flat(result.anomalies).to_dict("records")
    rows = [{str(key): scalar(value) for key, value in row.items()} for row in records]

    def urgency(row: dict[str, Any]) -> tuple[float, ...]:
        hazard = row["kind"] in names.HAZARD_KINDS
        rank, high = row.get("risk_rank") or 0, row.get("risk_rank_high") or 0
        common = row["kind"] in ("rebar", *names.HIDDEN_KINDS)  # many, and no reason to look at each
        depth = row["top_depth_m"] if row["top_depth_m"] is not None else math.inf
        return (-rank, -high, -float(hazard), float(common), depth, -(row.get("confidence") or 0.0))

    rows.sort(key=urgency)
    for number, row in enumerate(rows, start=1):
        row["number"] = number
    return rows


def scheme_of(result: SurveyResult) -> dict[str, Any]:
    """Return the scheme that the anomalies were graded with, empty where they were not."""
    return result.run.get("scheme") or result.anomalies.attrs.get("scheme") or {}


def grade_colour(rank: int | None, scheme: Mapping[str, Any]) -> str:
    """Return the colour of a severity rank: red for the worst grade of the scheme."""
    if rank is None:
        return _GRADE_COLOURS[-1]
    below_worst = max(len(scheme.get("grades", [])) - rank, 0)
    return _GRADE_COLOURS[min(below_worst, len(_GRADE_COLOURS) - 2)]


def grade_words(words: Words, rank: int | None, scheme: Mapping[str, Any]) -> Any:
    """Return the label of a severity rank in the report's languages."""
    grades = scheme.get("grades", [])
    if rank is None or not 1 <= rank <= len(grades):
        return words("not_graded")
    return words.pick({"en": grades[rank - 1]["label"], **grades[rank - 1].get("names", {})})


class Bodies:
    """The anomalies of a report, ready for its templates.

    Parameters
    ----------
    result : SurveyResult
        What to report.
    words : Words
        Its languages.
    out : Path
        Output folder, in which the pictures are.
    """

    def __init__(self, result: SurveyResult, words: Words, out: Path) -> None:
        self.words = words
        self.scheme = scheme_of(result)
        self.out = out
        self.rows = ordered(result)
        self.crs = crs_name(result.anomalies.crs)
        self.geographic = bool(result.anomalies.crs is not None and result.anomalies.crs.is_geographic)
        self._digits = 7 if self.geographic else 2
        for row in self.rows:
            row |= self._printed(row)
        self.carded = self._carded()

    def _printed(self, row: dict[str, Any]) -> dict[str, Any]:
        rank = row.get("risk_rank")
        return {
            "colour": colour(row["kind"]),
            "hazard": row["kind"] in names.HAZARD_KINDS,
            "kind_words": self.words.kind(row["kind"]),
            "grade_words": self._grade(row),
            "grade_colour": grade_colour(rank, self.scheme),
            "depth_text": plus_minus(row["top_depth_m"], row["sigma_depth_m"]),
            "size_text": self._size(row),
            "length_text": plus_minus(row["length_m"], row.get("sigma_length_m")),
            "length_estimated": fixed(row.get("sigma_length_m")) != DASH,
            "distance_text": fixed(row["distance_m"]),
            "place": self._place(row),
            "review": {
                "status": row.get("review_status") or review.OPEN,
                "kind": self.words.kind(row["review_kind"]) if row.get("review_kind") else None,
                "comment": row.get("review_comment"),
                "by": row.get("reviewer"),
                "at": row.get("reviewed_at"),
            },
        }

    def _grade(self, row: dict[str, Any]) -> Any:
        if row.get("risk_rank") is None and row["kind"] not in names.HAZARD_KINDS:
            return self.words("no_hazard")
        return grade_words(self.words, row.get("risk_rank"), self.scheme)

    def _size(self, row: dict[str, Any]) -> str:
        length, width = plus_minus(row["length_m"], row.get("sigma_length_m")), fixed(row["width_m"])
        return DASH if length == width == DASH else f"{length} × {width}"

    def _place(self, row: dict[str, Any]) -> dict[str, str] | None:
        if row["x"] is None or row["y"] is None or not row["placed"]:
            return None
        return {
            "x": fixed(row["x"], self._digits),
            "y": fixed(row["y"], self._digits),
            "longitude": fixed(row["longitude"], 7),
            "latitude": fixed(row["latitude"], 7),
            "sigma": fixed(row["position_sigma_m"]),
        }

    def cards(self) -> list[dict[str, Any]]:
        """Return the cards of the worst anomalies; pictures until `MAX_PICTURE_BYTES` are used."""
        cards, used = [], 0
        for row in self.carded[:MAX_CARDS]:
            paths = self._paths(row)
            size = sum(path.stat().st_size for path in paths.values())
            fits = used + size <= MAX_PICTURE_BYTES
            used += size if fits else 0
            pictures = {role: _data_uri(path) for role, path in paths.items()} if fits else {}
            cards.append(
                {"row": row, "pictures": pictures, "left_out": bool(paths) and not fits, **self._evidence(row)}
            )
        return cards

    def _carded(self) -> list[dict[str, Any]]:
        """Return the anomalies that have cards: all, but only the first bar of each mesh.

        The links of its other bars lead to that card, which says how many bars there are.
        """
        first: dict[Any, dict[str, Any]] = {}
        carded: list[dict[str, Any]] = []
        for row in self.rows:
            group = row.get("group_id") if row["kind"] == "rebar" else None
            if group in first:
                row["anchor"] = first[group]["anchor"]
                first[group]["members"] += 1
                continue
            if group is not None:
                first[group] = row
            # without a card of its own, an anomaly is found by its row in the table
            row["anchor"] = f"{'a' if len(carded) < MAX_CARDS else 'r'}{row['number']}"
            row["members"] = 1
            carded.append(row)
        return carded

    def _paths(self, row: dict[str, Any]) -> dict[str, Path]:
        """Return the pictures of an anomaly that are there, inside of the output folder."""
        listed = _loaded(row.get("figures"), dict)
        paths = {}
        for role in PICTURES:
            path = (self.out / str(listed[role])).resolve() if listed.get(role) else None
            # a table from elsewhere must not pull other files of this machine into the report
            if (
                path is not None
                and path.suffix == ".png"
                and path.is_relative_to(self.out.resolve())
                and path.is_file()
            ):
                paths[role] = path
        return paths

    def _evidence(self, row: dict[str, Any]) -> dict[str, Any]:
        evidence = _loaded(row.get("evidence"), dict)
        votes = evidence.get("votes") if isinstance(evidence.get("votes"), dict) else {}
        values = evidence.get("values") if isinstance(evidence.get("values"), dict) else evidence
        chances = _loaded(row.get("probabilities"), dict)
        polarity = {1: "polarity_plus", -1: "polarity_minus"}.get(int(row.get("polarity") or 0), "polarity_zero")
        reference = values.get("reference") or values.get("polarity_reference")
        return {
            "polarity": self.words(polarity),
            "reference": self.words.reference(reference) if reference else None,
            "measured": [
                (self.words.feature(name), self.words.measured(name, value))
                for name, value in values.items()
                if name not in ("votes", "reference", "polarity", "source", "kind") and _printable(value)
            ],
            "probabilities": [
                {
                    "kind": self.words.kind(kind),
                    "colour": colour(kind),
                    "share": chance,
                    "percent": f"{100 * chance:.0f} %",
                }
                for kind, chance in sorted(chances.items(), key=lambda item: -_number(item[1]))
                if _number(chance) >= 0.005
            ],
            "votes": self._votes(votes),
            "risk": self._risk(row),
        }

    def _votes(self, votes: Mapping[str, Any]) -> dict[str, Any] | None:
        tables = {name: entry for name, entry in votes.items() if isinstance(entry, dict) and entry}
        named = dict.fromkeys(kind for entry in tables.values() for kind in entry)
        # a vote for a kind counts for each of its variants
        kinds = [kind for kind in named if not any(other.startswith(f"{kind}.") for other in named)]
        if not kinds:
            return None

        def number(entry: Mapping[str, Any], kind: str) -> float:
            base, _, variant = kind.partition(".")
            return _number(entry.get(kind, 0.0)) + (_number(entry.get(base, 0.0)) if variant else 0.0)

        total = {kind: sum(number(entry, kind) for entry in tables.values()) for kind in kinds}
        kinds.sort(key=lambda kind: -total[kind])

        def cells(entry: Mapping[str, Any]) -> list[dict[str, str]]:
            numbers = [number(entry, kind) for kind in kinds]
            return [{"text": f"{n:+.1f}", "tone": _tone(n)} for n in numbers]

        return {
            "kinds": [self.words.kind(kind) for kind in kinds],
            "rows": [(self.words.feature(name), cells(entry)) for name, entry in tables.items()],
            "sum": cells(total),
        }

    def _risk(self, row: dict[str, Any]) -> dict[str, Any]:
        rank, low, high = (row.get(key) for key in ("risk_rank", "risk_rank_low", "risk_rank_high"))
        grades = self.scheme.get("grades", [])
        missing = _loaded(row.get("risk_missing"), list)
        used = _loaded(row.get("risk_inputs"), dict)
        action = grades[rank - 1].get("action", {}) if rank and rank <= len(grades) else {}
        return {
            "rank": rank,
            "n": len(grades),
            "range": None if low is None or high is None else (low, high),
            "low": grade_words(self.words, low, self.scheme),
            "high": grade_words(self.words, high, self.scheme),
            "action": self.words.pick(action) if action else None,
            "used": [(name, _input_text(entry)) for name, entry in used.items() if isinstance(entry, dict)],
            "missing": [m for m in missing if isinstance(m, dict) and m.get("status") == "missing"],
            "assumed": [m for m in missing if isinstance(m, dict) and m.get("status") == "assumed"],
        }


def _input_text(entry: Mapping[str, Any]) -> str:
    value, low, high = entry.get("value"), entry.get("low"), entry.get("high")
    if low is None and high is None:
        return str(value)
    return f"{value:g} ({fixed(low)} … {fixed(high)})" if isinstance(value, int | float) else str(value)


def _tone(value: float) -> str:
    if abs(value) < 0.25:
        return ""
    strength = "2" if abs(value) >= 1.5 else "1"
    return ("for" if value > 0 else "against") + strength


def _number(value: Any) -> float:
    usable = isinstance(value, int | float) and math.isfinite(value)
    return float(value) if usable else 0.0


def _printable(value: Any) -> bool:
    return value is not None and not isinstance(value, dict | list) and value != ""


def _loaded(text: Any, wanted: type) -> Any:
    """Return a JSON column as what it should be, empty where it is something else."""
    try:
        value = json.loads(text) if isinstance(text, str) else text
    except ValueError:
        value = None
    return value if isinstance(value, wanted) else wanted()


def _data_uri(path: Path) -> str:
    return "data:image/png;base64," + base64.b64encode(path.read_bytes()).decode("ascii")

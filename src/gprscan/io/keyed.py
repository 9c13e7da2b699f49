"""Text headers of ``KEY : value`` or ``KEY = value`` lines, with numbers checked as they are taken out."""

from __future__ import annotations

import math
import re
from typing import Any

import numpy as np

from gprscan.errors import ReadError
from gprscan.geometry import PlacedTrack
from gprscan.io.source import Source
from gprscan.io.track import COLUMNS, FIXES, Track, placed_beside, placed_words
from gprscan.model.findings import Finding

OWN = "GPRSCAN "
PLACED = "GPRSCAN TRACK"
_RUN_OF_ENDS = re.compile(r"[\r\n]+")


class KeyedHeader:
    """A text header.

    Parameters
    ----------
    source : Source
        The header file.
    separator : str
        What stands between key and value; values may contain it again.

    Attributes
    ----------
    fields : dict
        Key in upper case -> value, both stripped. Of a repeated key the first value counts.
    lines : list of str
        All lines that are not empty.
    """

    def __init__(self, source: Source, separator: str) -> None:
        self.source = source
        self.lines = [line for line in _RUN_OF_ENDS.split(source.text()) if line.strip()]
        self.fields: dict[str, str] = {}
        for line in self.lines:
            key, found, value = line.partition(separator)
            if found:
                self.fields.setdefault(key.strip().upper(), value.strip())

    def text(self, key: str) -> str:
        """Return a value as text, empty where it is missing."""
        return self.fields.get(key, "")

    def number(self, key: str, default: float | None = None) -> float | None:
        """Return a number; `default` where the key is missing, blank, or no finite number."""
        try:
            value = float(self.fields.get(key, "").split()[0].replace(",", "."))
        except (ValueError, IndexError):
            return default
        return value if math.isfinite(value) else default

    def required(self, key: str, *, low: float = -math.inf, high: float = math.inf) -> float:
        """Return a number that reading cannot do without.

        Raises
        ------
        ReadError
            If it is missing, no number, or outside ``low < value <= high``.
        """
        value = self.number(key)
        if value is None or not low < value <= high:
            given = f"{key} is {self.fields[key]!r}" if key in self.fields else f"{key} is missing"
            msg = f"{self.source.name}: {given}; a number above {low:g} and up to {high:g} is needed to read the data."
            raise ReadError(msg)
        return value

    def count(self, key: str, high: int = 2**31 - 1) -> int:
        """Return a count of at least 1."""
        return int(self.required(key, low=0.999, high=high))

    def numbers(self, key: str) -> np.ndarray:
        """Return a list of numbers separated by commas; empty where the key is missing or something else is in it."""
        try:
            return np.array(self.text(key).split(","), dtype="float64")
        except ValueError:
            return np.zeros(0)

    def lever_arm(self) -> tuple[float, float]:
        """Return the lever arm that gprscan noted in a header of its own, m: (to the right, forward)."""
        values = self.numbers("GPRSCAN LEVER ARM")
        right, forward = values if values.size == 2 and np.isfinite(values).all() else (0.0, 0.0)
        return float(right), float(forward)

    def placed(self, n_traces: int, side: Source | None) -> tuple[PlacedTrack | None, list[Finding]]:
        """Return the track that gprscan noted in a header of its own (`placed_notes`), and what is wrong with it."""
        columns = {name: self.numbers(f"{PLACED} {name.upper()}") for name in COLUMNS}
        return placed_beside(columns, self.text(f"{PLACED} {FIXES.upper()}"), side, n_traces, self.source.name)

    def position_notes(self) -> dict[str, str]:
        """Return what gprscan noted of the positions (`gprscan.io.plain.position_notes`), and its other short notes."""
        own = {key.removeprefix(OWN): value for key, value in self.as_json().items() if key.startswith(OWN)}
        return {key.lower().replace(" ", "_"): value for key, value in own.items()}

    def as_json(self) -> dict[str, Any]:
        """Return all fields, as text, but for the track, which is in the coordinates of the line."""
        return {key: value for key, value in self.fields.items() if not key.startswith(PLACED)}


def placed_notes(track: Track | None, fixes: str) -> dict[str, str]:
    """Return the fields that hold the track of a line, beside a position file of this text."""
    return {f"{PLACED} {name.upper()}": ",".join(words) for name, words in placed_words(track, fixes).items()}

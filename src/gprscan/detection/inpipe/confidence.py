"""How sure a row is: in a pipe a logistic function of its evidence, learnt from simulated pipes; on a wall a guess."""

from __future__ import annotations

import math
from typing import Any

from gprscan import names
from gprscan.detection.classify import load_table

LOOSE_SHARE = 0.45  # most that loosened ground adds to the trace, of what air behind the wall would
_MOST = 0.98  # what simulated pipes can teach about real ones has an end


def features(kind: str, evidence: dict[str, Any]) -> dict[str, float]:
    """Return what speaks for and against a row, as numbers of about one; NaN where it is not known.

    Parameters
    ----------
    kind : str
        As the row is called.
    evidence : dict
        Of the row: ``contrast_db`` (dB), ``level_db`` (dB or None), ``onset_phase_cosine``, ``width_wavelengths``, ``wall_measured``,
        ``bars``, ``source``, ``share_of_air`` (None where it is not known).
    """
    level = math.nan if evidence["level_db"] is None else evidence["level_db"]
    share = evidence["share_of_air"]
    return {
        "constant": 1.0,
        "contrast": evidence["contrast_db"] / 10.0,
        "level": (level + 10.0) / 10.0,
        "onset": abs(evidence["onset_phase_cosine"]),
        "width": math.log2(min(max(evidence["width_wavelengths"], 0.25), 4.0)),
        "unmeasured": float(not evidence["wall_measured"]),
        "bars": float(evidence["bars"]),
        "ring": float(evidence["source"] == "ring"),
        # how far the echo is from the size that parts loosened ground from air
        "margin": 0.0 if share is None else min(abs(math.log2(max(share, 0.01) / LOOSE_SHARE)), 2.0),
        "loose": float(kind == "loose"),
        "water_rich": float(kind == "water_rich"),
        "pipe": float(kind == "pipe"),
    }


def which(evidence: dict[str, Any]) -> str:
    """Return the name of the part of the table that a row belongs to."""
    return "at_wall" if evidence["at_wall"] else "behind"


def _guess(contrast_db: float) -> float:
    return 0.5 if math.isnan(contrast_db) else min(max(0.5 + contrast_db / 60.0, 0.5), 0.97)


def _within(values: dict[str, float], ranges: dict[str, list[float]]) -> dict[str, float]:
    """Return features no further out than those that were learnt from; what is not known says as little as the least of them."""
    return values | {
        name: low if math.isnan(values[name]) else min(max(values[name], low), high)
        for name, (low, high) in ranges.items()
    }


def confidence(kind: str, evidence: dict[str, Any]) -> tuple[float, float]:
    """Return the probability that a row is what it is called, and the share of such rows that are.

    Simulated pipes teach nothing of the wall of a pipe itself, nor of walls and slopes: there the first is a guess that grows
    with the contrast, and the second a half. Evidence beyond what was learnt from counts as the last that was. Of a row of kind "unknown" the first is the probability that there is no hazard.

    Parameters
    ----------
    kind, evidence
        As in `features`.
    """
    if evidence["source"] == "wall" or kind in names.PIPE_DEFECT_KINDS:
        return _guess(evidence["contrast_db"]), 0.5
    table = load_table("pipe")
    base = float(table["base_rate"][which(evidence)])
    if kind == "unknown":
        return 1.0 - float(table["unknown"]["hazard"]), base
    weights = table["logistic"][which(evidence)]
    values = _within(features(kind, evidence), table.get("range", {}).get(which(evidence), {}))
    odds = sum(weights.get(name, 0.0) * value for name, value in values.items())
    return min(1.0 / (1.0 + math.exp(-odds)), _MOST), base


def probabilities(kind: str, sure: float, source: str) -> dict[str, float]:
    """Return the probability of each kind: that of the row's own, and the rest as rows that were wrong were something else.

    Parameters
    ----------
    kind : str
        As the row is called.
    sure : float
        Its confidence.
    source : str
        As in its evidence; on a wall nothing was learnt, and the rest is the chance that there is nothing.
    """
    if source == "wall":
        return {kind: sure, "cavity" if kind == "unknown" else "unknown": 1.0 - sure}
    # what simulated pipes do not hold: defects of the wall, and what is called by its length alone
    instead = load_table("pipe")["instead"].get("cavity" if kind == "debond" else kind, {"unknown": 1.0})
    total = sum(instead.values())
    return {kind: sure} | {other: (1.0 - sure) * part / total for other, part in instead.items()}

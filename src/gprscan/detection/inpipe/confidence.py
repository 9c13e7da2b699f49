"""How sure a row of an in-pipe line is: a logistic function of its evidence, learnt from simulated pipes."""

from __future__ import annotations

import math
from typing import Any

from gprscan.detection.classify import load_table

_MOST = 0.98  # what simulated pipes can teach about real ones has an end


def features(kind: str, evidence: dict[str, Any]) -> dict[str, float]:
    """Return what speaks for and against a row, as numbers of about one.

    Parameters
    ----------
    kind : str
        As the row is called.
    evidence : dict
        Of the row: ``contrast_db`` (dB), ``level_db`` (dB), ``onset_phase_cosine``, ``width_wavelengths``, ``wall_measured``,
        ``bars``, ``source``.
    """
    return {
        "constant": 1.0,
        "contrast": evidence["contrast_db"] / 10.0,
        "level": (evidence["level_db"] + 10.0) / 10.0,
        "onset": abs(evidence["onset_phase_cosine"]),
        "width": math.log2(min(max(evidence["width_wavelengths"], 0.25), 4.0)),
        "unmeasured": float(not evidence["wall_measured"]),
        "bars": float(evidence["bars"]),
        "ring": float(evidence["source"] == "ring"),
        "loose": float(kind == "loose"),
        "water_rich": float(kind == "water_rich"),
        "pipe": float(kind == "pipe"),
    }


def which(evidence: dict[str, Any]) -> str:
    """Return the name of the part of the table that a row belongs to."""
    return "at_wall" if evidence["at_wall"] else "behind"


def confidence(kind: str, evidence: dict[str, Any]) -> tuple[float, float]:
    """Return the probability that a row is what it is called, and the share of such rows that are.

    Of a row of kind "unknown" the first is the probability that there is no hazard.

    Parameters
    ----------
    kind, evidence
        As in `features`.
    """
    table = load_table("pipe")
    base = float(table["base_rate"][which(evidence)])
    if kind == "unknown":
        return 1.0 - float(table["unknown"]["hazard"]), base
    weights = table["logistic"][which(evidence)]
    odds = sum(weights.get(name, 0.0) * value for name, value in features(kind, evidence).items())
    return min(1.0 / (1.0 + math.exp(-odds)), _MOST), base

"""Grading of an anomaly table: every grade with its scheme, its inputs, the rule that fired and its range."""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gprscan import names
from gprscan.errors import ParameterError
from gprscan.risk.evaluate import Outcome, evaluate, grade_range
from gprscan.risk.inputs import CATEGORIES, INPUTS, NUMBERS, Readings, gather
from gprscan.risk.scheme import Scheme, load_scheme

if TYPE_CHECKING:
    import geopandas

DEFAULT_SCHEME = "gprscan_screening"

# integers and booleans that may be null; the other columns are text
_NULLABLE = {"risk_rank": "Int64", "risk_rank_low": "Int64", "risk_rank_high": "Int64", "risk_rule_gap": "boolean"}


def grade(
    anomalies: geopandas.GeoDataFrame,
    scheme: str | Path | Scheme | Mapping[str, Any] = DEFAULT_SCHEME,
    context: Mapping[str, Any] | None = None,
) -> geopandas.GeoDataFrame:
    """Grade the hazards of an anomaly table.

    Parameters
    ----------
    anomalies : geopandas.GeoDataFrame
        Table of `gprscan.detect`. Optional columns named like the scheme's inputs (``asphalt_m``, ``road_class``,
        ``exposure``, ``known_leak_or_pipe_defect``, ...) are used.
    scheme : str, Path or Scheme
        A shipped scheme (``gprscan schemes`` lists them) or the path of a scheme file.
    context : mapping, optional
        Inputs that hold for the whole survey, such as ``{"road_class": "arterial", "asphalt_m": 0.12}``.

    Returns
    -------
    geopandas.GeoDataFrame
        A copy with the columns of `gprscan.names.RISK_COLUMNS`. ``risk_rank`` is an integer, higher is worse, and null
        where there is no grade: kinds that are no hazard, and bodies without a required input. ``risk_rank_low`` and
        ``risk_rank_high`` are the range over the uncertainty of the inputs, every possible value of missing ones
        included. ``risk_inputs`` and ``risk_missing`` are JSON strings.

    Raises
    ------
    RecipeError
        If the scheme is malformed.
    ParameterError
        If the context holds something that is no input of grading, or a value that it cannot have.

    Examples
    --------
    >>> import pandas as pd
    >>> table = pd.DataFrame({"kind": ["cavity"], "top_depth_m": [0.15], "sigma_depth_m": [0.02], "asphalt_m": [0.08]})
    >>> grade(table, "seoul_2016")["risk_label"].tolist()
    ['urgent']
    """
    import pandas as pd

    chosen = load_scheme(scheme)
    context = _checked_context(context or {})
    columns = list(anomalies.columns)
    records = (dict(zip(columns, row, strict=True)) for row in anomalies.itertuples(index=False, name=None))
    rows = [_graded(record, chosen, context) for record in records]
    graded = anomalies.copy()
    for column in names.RISK_COLUMNS:
        values = [row[column] for row in rows]
        graded[column] = pd.Series(values, index=graded.index, dtype=_NULLABLE.get(column, "object"))
    graded.attrs["scheme"] = chosen.summary()
    return graded


def _checked_context(context: Mapping[str, Any]) -> dict[str, Any]:
    for name, value in context.items():
        if name not in INPUTS:
            near = difflib.get_close_matches(name, INPUTS, n=1)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            msg = f"context: {name!r} is no input of grading.{hint} Inputs are {', '.join(INPUTS)}."
            raise ParameterError(msg)
        text = ("yes" if value else "no") if isinstance(value, bool) else value
        if name in CATEGORIES and text is not None and text not in CATEGORIES[name]:
            msg = f"context: {name} is {value!r}; it must be one of {', '.join(CATEGORIES[name])}."
            raise ParameterError(msg)
        if name in NUMBERS and name != "asphalt_m":
            msg = f"context: {name} is measured for each anomaly and cannot be given for the whole survey."
            raise ParameterError(msg)
    return dict(context)


def _graded(row: dict[str, Any], scheme: Scheme, context: dict[str, Any]) -> dict[str, Any]:
    base = {"risk_scheme": scheme.id, "risk_scheme_version": scheme.version}
    if row.get("kind") not in scheme.kinds:
        return _ungraded(base, f"{row.get('kind')} is not among the kinds that this scheme grades")
    if isinstance(row.get("structure_id"), str) and row["structure_id"]:
        return _ungraded(
            base, "schemes weigh the cover under a road; radar on walls is screening, to be checked by drilling"
        )
    readings = gather(row, context, scheme.uncertainty)
    absent = [name for name in scheme.required if readings.by_name[name].value is None]
    known = [name for name in sorted(scheme.inputs()) if readings.by_name[name].value is not None]
    used = {name: _described(readings, name) for name in known}
    missing = _missing(scheme, readings)
    base |= {"risk_inputs": _json(used), "risk_missing": _json(missing)}
    if absent:
        return _ungraded(base, f"no grade without {', '.join(absent)}: {readings.by_name[absent[0]].note}")
    outcome = evaluate(scheme, readings.values())
    if outcome.rank is None:
        return _ungraded(base, outcome.rule)
    low, high = grade_range(scheme, readings) or (outcome.rank, outcome.rank)
    chosen = scheme.grade(outcome.rank)
    return _row(
        base,
        risk_label=chosen.label,
        risk_rank=outcome.rank,
        risk_rule=outcome.rule,
        risk_rank_low=min(low, outcome.rank),
        risk_rank_high=max(high, outcome.rank),
        risk_action=chosen.action.get("en", ""),
        risk_note=_note(scheme, outcome, missing, readings),
        risk_rule_gap=outcome.gap,
    )


def _described(readings: Readings, name: str) -> dict[str, Any]:
    reading = readings.by_name[name]
    numbers = {"low": reading.low, "high": reading.high} if reading.low is not None else {}
    rounded = {key: _rounded(value) for key, value in {"value": reading.value, **numbers}.items()}
    return {**rounded, "status": reading.status, **({"note": reading.note} if reading.note else {})}


def _missing(scheme: Scheme, readings: Readings) -> list[dict[str, Any]]:
    """Inputs that the scheme asks for and that are not known, with what was done about each."""
    terms = {term.input: term for score in (scheme.likelihood, scheme.consequence) if score for term in score.terms}
    entries = []
    for name in sorted(scheme.inputs()):
        reading = readings.by_name[name]
        if reading.status == "bound" and reading.value is not None:
            entries.append({"input": name, "status": "assumed", "value": _rounded(reading.value), "why": reading.note})
        if reading.value is not None:
            continue
        term = terms.get(name)
        if term is not None and term.assume is not None:
            entries.append({"input": name, "status": "assumed", "value": term.assume, "why": reading.note})
        else:
            entries.append({"input": name, "status": "missing", "why": reading.note})
    return entries


def _note(scheme: Scheme, outcome: Outcome, missing: list[dict[str, Any]], readings: Readings) -> str:
    parts = [] if scheme.status == "sourced" else [scheme.status]
    if outcome.gap:
        parts.append("rule gap: the published bands do not cover this case")
    absent = [entry["input"] for entry in missing if entry["status"] == "missing"]
    if absent:
        parts.append(f"missing: {', '.join(absent)}; the range covers every value of them")
    assumed = [f"{entry['input']} = {entry['value']}" for entry in missing if entry["status"] == "assumed"]
    if assumed:
        parts.append(f"assumed: {', '.join(assumed)}")
    return "; ".join(parts)


def _ungraded(base: dict[str, Any], why: str) -> dict[str, Any]:
    return _row(base, risk_note=f"not graded: {why}")


def _row(base: dict[str, Any], **values: Any) -> dict[str, Any]:
    empty: dict[str, Any] = dict.fromkeys(names.RISK_COLUMNS)
    return {**empty, "risk_inputs": "{}", "risk_missing": "[]", **base, **values}


def _rounded(value: Any) -> Any:
    if not isinstance(value, float):
        return value
    return round(value, 3) if abs(value) < 1e6 else None


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)

"""One body that several lines saw, of one wall or of one pipe: crossing lines on a face, axial lines and rings."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeGuard

from scipy.special import expit

from gprscan import names
from gprscan.risk.inputs import number

if TYPE_CHECKING:
    import geopandas

# columns that fusion adds: the ids of the rows that went into one, and the lines that saw it
FUSED_COLUMNS = ("fused_ids", "seen_on")
# how far across its line a body may lie and still be seen: the first Fresnel zone at 0.3 m of depth and 900 MHz, m
_BEAM = 0.15
_LEAST_DEPTH = 0.06  # m that two depths of one body may differ, at least
_METAL = ("rebar", "nail_head", "pipe")
_NONE = "unknown"  # what a look that may be of nothing gives the rest of its probability to
_NOTHING = (_NONE, *names.HIDDEN_KINDS)  # no body, in the words of any detector
_FLOOR = 0.01  # least probability that a look may give to anything


def fuse_lines(anomalies: geopandas.GeoDataFrame) -> geopandas.GeoDataFrame:
    """Make one row of the rows that lines of one wall, or of one pipe, have of the same body.

    Two rows from different lines are one body where their extents overlap, each widened by half a Fresnel zone across its
    line, where their depths differ by no more than twice their joint standard deviation, and where both are metal or
    neither is. The looks are weighed together as independent evidence, by odds against the ``base_rate`` that their
    ``evidence`` gives. The row with the highest confidence stays; its extent becomes that of both.

    Parameters
    ----------
    anomalies : geopandas.GeoDataFrame
        Anomalies of a survey. Rows of walls have a ``structure_id`` and ``u_from_m``; rows of pipes a ``segment_id``.

    Returns
    -------
    geopandas.GeoDataFrame
        With fewer rows, and `FUSED_COLUMNS`: JSON lists, null for rows that only one line saw.
    """
    rows = anomalies.to_dict("records")
    kept: dict[int, dict[str, Any]] = {}
    gone: set[int] = set()
    for owner, box in (("structure_id", _on_face), ("segment_id", _in_pipe)):
        for members in _of_one(rows, owner):
            for group in _groups([i for i in members if rows[i]["kind"] != "rebar"], rows, box):
                best = max(group, key=lambda i: number(rows[i].get("confidence")) or 0.0)
                kept[best] = _fused(rows[best], [rows[i] for i in group], box)
                gone |= set(group) - {best}
    if not kept:
        return anomalies
    out = anomalies.copy()
    for column in FUSED_COLUMNS:
        out[column] = None
    for index, values in kept.items():
        for name, value in values.items():
            out.iat[index, out.columns.get_loc(name)] = value
    return out[[index not in gone for index in range(len(out))]].reset_index(drop=True)


Box = tuple[tuple[float, float], tuple[float, float], float, float]


def _of_one(rows: list[dict[str, Any]], owner: str) -> list[list[int]]:
    """Return the numbers of the rows of each wall, or of each pipe."""
    by_owner: dict[str, list[int]] = {}
    for index, row in enumerate(rows):
        if isinstance(row.get(owner), str) and row[owner]:
            by_owner.setdefault(row[owner], []).append(index)
    return list(by_owner.values())


def _on_face(row: dict[str, Any]) -> Box | None:
    """Extent along and up the face, depth and its standard deviation, m."""
    values = [number(row.get(name)) for name in ("u_from_m", "u_to_m", "w_from_m", "w_to_m", "depth_into_wall_m")]
    if any(value is None for value in values):
        return None
    u_from, u_to, w_from, w_to, depth = (float(value or 0.0) for value in values)
    return (u_from, u_to), (w_from, w_to), depth, number(row.get("sigma_depth_m")) or 0.03


def _in_pipe(row: dict[str, Any]) -> Box | None:
    """Extent along the pipe and round it (as arc at the body, m), radial depth and its standard deviation, m."""
    names_ = ("chainage_from_m", "chainage_to_m", "clock_from_deg", "clock_to_deg", "radial_depth_m")
    values = [number(row.get(name)) for name in names_]
    if any(value is None for value in values):
        return None
    first, last, start, stop, depth = (float(value or 0.0) for value in values)
    radius = _radius(row)
    turn = (stop - start) % 360.0
    middle = (start + 0.5 * turn + 180.0) % 360.0 - 180.0
    arc = math.radians(1.0) * radius
    span = ((middle - 0.5 * turn) * arc, (middle + 0.5 * turn) * arc)
    return (first, last), span, depth, number(row.get("sigma_depth_m")) or 0.03


def _radius(row: dict[str, Any]) -> float:
    """Radius at the body, from the arc that it covers; that of a pipe of 1 m where it covers none."""
    arc, turn = number(row.get("arc_width_m")), number(row.get("clock_to_deg"))
    if not arc or turn is None:
        return 0.6
    swept = math.radians((turn - (number(row.get("clock_from_deg")) or 0.0)) % 360.0)
    return arc / swept if swept > 0 else 0.6


def _groups(
    members: list[int], rows: list[dict[str, Any]], box: Callable[[dict[str, Any]], Box | None]
) -> list[list[int]]:
    """Return groups of two and more rows that are one body, each line at most once in each pair."""
    groups: list[set[int]] = []
    for a, i in enumerate(members):
        for j in members[a + 1 :]:
            if rows[i]["line"] != rows[j]["line"] and _same(rows[i], rows[j], box):
                touching = [group for group in groups if group & {i, j}]
                groups = [group for group in groups if group not in touching] + [{i, j}.union(*touching)]
    return [sorted(group) for group in groups]


def _same(one: dict[str, Any], other: dict[str, Any], box: Callable[[dict[str, Any]], Box | None]) -> bool:
    a, b = box(one), box(other)
    if a is None or b is None or (one["kind"] in _METAL) != (other["kind"] in _METAL):
        return False
    if (one["kind"] in names.PIPE_DEFECT_KINDS) != (other["kind"] in names.PIPE_DEFECT_KINDS):
        return False
    if abs(a[2] - b[2]) > max(_LEAST_DEPTH, 2.0 * math.hypot(a[3], b[3])):
        return False
    return all(_gap(a[axis], b[axis]) <= _BEAM for axis in (0, 1))  # type: ignore[arg-type]


def _gap(one: tuple[float, float], other: tuple[float, float]) -> float:
    return max(one[0] - other[1], other[0] - one[1], 0.0)


def _fused(
    best: dict[str, Any], rows: list[dict[str, Any]], box: Callable[[dict[str, Any]], Box | None]
) -> dict[str, Any]:
    """Return what changes in the row that stays."""
    chances = _weighed(rows)
    values: dict[str, Any] = {
        "fused_ids": json.dumps([str(row["anomaly_id"]) for row in rows], ensure_ascii=False),
        "seen_on": json.dumps(sorted({str(row["line"]) for row in rows}), ensure_ascii=False),
    }
    if chances:
        # looks that call it by a name are no reason to take the name away, be they weak
        kind = next((name for name in chances if name != _NONE), _NONE) if _named(rows) else next(iter(chances))
        values |= {
            "probabilities": json.dumps({name: round(p, 4) for name, p in chances.items()}, ensure_ascii=False),
            "kind": kind,
            "confidence": chances[kind],
        }
    if box is _on_face:
        for low, high in (("u_from_m", "u_to_m"), ("w_from_m", "w_to_m")):
            values |= {low: min(row[low] for row in rows), high: max(row[high] for row in rows)}
        across = [values["u_to_m"] - values["u_from_m"], values["w_to_m"] - values["w_from_m"]]
        values |= {"length_m": max(across), "width_m": min(across) or math.nan}
        return values
    along = [row for row in rows if (number(row.get("length_m")) or 0.0) > 0.0]
    round_ = [row for row in rows if (number(row.get("arc_width_m")) or 0.0) > 0.0]
    if along:
        values |= {"chainage_from_m": min(row["chainage_from_m"] for row in along)}
        values |= {"chainage_to_m": max(row["chainage_to_m"] for row in along)}
        values["length_m"] = values["chainage_to_m"] - values["chainage_from_m"]
    if round_:
        widest = max(round_, key=lambda row: row["arc_width_m"])
        values |= {name: widest[name] for name in ("clock_deg", "clock_from_deg", "clock_to_deg", "arc_width_m")}
        values["width_m"] = widest["arc_width_m"]
    return values


def _named(rows: list[dict[str, Any]]) -> bool:
    return any(row["kind"] != _NONE for row in rows)


def _weighed(rows: list[dict[str, Any]]) -> dict[str, float]:
    """Return the probabilities of the kinds of one body, from independent looks at it, in falling order.

    Whether there is a body: the odds of a look that says `p`, where a share `b` of the rows of its sort are bodies, are
    ``p / (1 - p)``, of which ``b / (1 - b)`` was known before the look. Bayes' theorem multiplies what each look adds,

        p / (1 - p) = b / (1 - b) * prod_i [p_i / (1 - p_i)] / [b / (1 - b)],

    so that two looks which say more than `b` are worth more than either, however small both are; for looks of different
    sorts the first factor is the geometric mean of theirs. Of which kind, if there
    is one: the normalised product of the looks, to which all kinds are alike before.
    """
    looks = [(json.loads(row["probabilities"]), _base_rate(row)) for row in rows if _is_text(row.get("probabilities"))]
    looks = [(table, base) for table, base in looks if table]
    kinds = {kind for table, _ in looks for kind in table} - set(_NOTHING)
    if not kinds:
        return {_NONE: max(_nothing(table) for table, _ in looks)} if looks else {}
    share = _share_of_bodies(looks) if any(_nothing(table) > 0 for table, _ in looks) else 1.0
    logs = {kind: sum(math.log(max(float(table.get(kind, 0.0)), _FLOOR)) for table, _ in looks) for kind in kinds}
    most = max(logs.values())
    product = {kind: math.exp(value - most) for kind, value in logs.items()}
    total = sum(product.values())
    chances = {kind: share * value / total for kind, value in product.items()}
    if share < 1.0:
        chances[_NONE] = 1.0 - share
    return dict(sorted(chances.items(), key=lambda pair: -pair[1]))


def _share_of_bodies(looks: list[tuple[dict[str, float], float]]) -> float:
    """Return how probable it is that looks, each with its base rate, saw a body of any kind."""
    before = sum(_logit(base) for _, base in looks) / len(looks)  # looks of one sort have one base rate
    added = sum(_logit(1.0 - _nothing(table)) - _logit(base) for table, base in looks)
    return float(expit(before + added))


def _nothing(table: dict[str, float]) -> float:
    """Return how probable a look takes it that there is no body."""
    return sum(float(table.get(kind, 0.0)) for kind in _NOTHING)


def _base_rate(row: dict[str, Any]) -> float:
    """Return which share of rows like this one are bodies, as far as the evidence says; a half where it does not."""
    evidence = row.get("evidence")
    told = json.loads(evidence) if _is_text(evidence) else None
    found = number(told.get("base_rate")) if isinstance(told, dict) else None
    return found if found is not None and 0.0 < found < 1.0 else 0.5


def _is_text(value: Any) -> TypeGuard[str]:
    return isinstance(value, str) and bool(value)


def _logit(p: float) -> float:
    p = min(max(p, _FLOOR), 1.0 - _FLOOR)
    return math.log(p / (1.0 - p))

"""Which defect of a pipe belongs to which anomaly of the ground above it: one hazard, seen from two sides."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

import numpy as np

from gprscan import names
from gprscan.risk.inputs import number

if TYPE_CHECKING:
    import geopandas

# columns that linking adds; all null where nothing is linked
LINK_COLUMNS = ("hazard_id", "linked_ids", "link_gap_m", "link_sigma_m", "known_leak_or_pipe_defect")

# joint standard deviations within which two footprints may be the same place: 86 % of those that are, were they points
_REACH = 2.0


def link_pipes(anomalies: geopandas.GeoDataFrame) -> geopandas.GeoDataFrame:
    """Link anomalies of the ground surface with defects found from inside the pipes below them.

    Two footprints belong together where the gap between them on the map is no larger than twice their joint standard
    deviation, ``sqrt(sigma_1^2 + sigma_2^2)``, and the pipe's defect does not lie above the anomaly. Links are
    transitive: all that hangs together is one hazard.

    Parameters
    ----------
    anomalies : geopandas.GeoDataFrame
        Anomalies of a survey in one metric CRS; rows of pipes have a ``clock_deg``.

    Returns
    -------
    geopandas.GeoDataFrame
        A copy with `LINK_COLUMNS`: ``hazard_id`` is shared by what is one hazard, ``linked_ids`` is a JSON list of the
        ids on the other side, ``link_gap_m`` the gap to the nearest of them with ``link_sigma_m``, its joint standard
        deviation; ``known_leak_or_pipe_defect`` is "yes", which grading asks for. A column of that name that is there
        already rules where it says something.
    """
    linked = anomalies.copy()
    given = linked.get("known_leak_or_pipe_defect")
    for column in LINK_COLUMNS:
        if column not in linked:
            linked[column] = None
    pairs = _pairs(anomalies)
    if not pairs:
        return linked
    groups = _groups([(i, j) for i, j, _, _ in pairs])
    ids = anomalies["anomaly_id"].tolist()
    where = {name: linked.columns.get_loc(name) for name in LINK_COLUMNS}
    for column in LINK_COLUMNS:
        linked[column] = linked[column].astype("object")
    for serial, members in enumerate(sorted(groups, key=min), start=1):
        for row in sorted(members):
            ends = [(gap, sigma, b if row == a else a) for a, b, gap, sigma in pairs if row in (a, b)]
            gap, sigma, _ = min(ends)
            values = {
                "hazard_id": f"H{serial}",
                "linked_ids": json.dumps(sorted(str(ids[other]) for _, _, other in ends), ensure_ascii=False),
                "link_gap_m": round(gap, 3),
                "link_sigma_m": round(sigma, 3),
                "known_leak_or_pipe_defect": "yes",
            }
            if given is not None and isinstance(given.iloc[row], str) and given.iloc[row]:
                del values["known_leak_or_pipe_defect"]
            for name, value in values.items():
                linked.iat[row, where[name]] = value
    return linked


def _pairs(anomalies: geopandas.GeoDataFrame) -> list[tuple[int, int, float, float]]:
    """Pairs (surface row, pipe row, gap, joint standard deviation) that belong together."""
    if "clock_deg" not in anomalies or anomalies.crs is None or anomalies.crs.is_geographic:
        return []
    placed = anomalies.geometry.notna().to_numpy()
    inside = np.isfinite(anomalies["clock_deg"].to_numpy(dtype="float64"))
    hazard = anomalies["kind"].isin(names.HAZARD_KINDS).to_numpy()
    defect = anomalies["kind"].isin((*names.HAZARD_KINDS, *names.PIPE_DEFECT_KINDS)).to_numpy()
    below, above = np.flatnonzero(placed & inside & defect), np.flatnonzero(placed & ~inside & hazard)
    if not below.size or not above.size:
        return []
    rows = anomalies.to_dict("records")
    shapes = anomalies.geometry.to_numpy()
    found = []
    for i in above:
        for j in below:
            sigma = math.hypot(_sigma(rows[i]), _sigma(rows[j]))
            gap = float(shapes[i].distance(shapes[j]))
            if gap <= _REACH * sigma and not _above(rows[j], rows[i]):
                found.append((int(i), int(j), gap, sigma))
    return found


def _sigma(row: dict[str, Any]) -> float:
    """Standard deviation of a place; 0.5 m where it is not stated, so that little is missed."""
    stated = number(row.get("position_sigma_m"))
    return 0.5 if stated is None else stated


def _above(defect: dict[str, Any], anomaly: dict[str, Any]) -> bool:
    """Whether the pipe's defect is known to lie above the anomaly: then neither feeds the other."""
    deep, shallow = number(defect.get("top_depth_m")), number(anomaly.get("top_depth_m"))
    return deep is not None and shallow is not None and deep < shallow - 0.3


def _groups(pairs: list[tuple[int, int]]) -> list[set[int]]:
    groups: list[set[int]] = []
    for pair in pairs:
        touching = [group for group in groups if group & set(pair)]
        groups = [group for group in groups if group not in touching] + [set(pair).union(*touching)]
    return groups

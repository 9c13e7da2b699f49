"""GEC position files of IDS GeoRadar: documented by an open reader only."""

from __future__ import annotations

import math
import re
from typing import Any

import numpy as np
from pyproj.exceptions import CRSError

from gprscan.errors import ParameterError
from gprscan.geometry import Fixes, resolve_crs, unproject
from gprscan.io.source import Source
from gprscan.model.findings import Finding

_TAG = re.compile(r"\s*<[^>]*>")


def read_gec(source: Source, n_traces: int, spacing: float | None, crs: Any) -> Fixes | None:
    """Read a GEC file.

    Parameters
    ----------
    source : Source
        Lines of ``<TAG>`` and their values, then rows of id, position along and across the line, x, y, z, reference
        system, further text.
    n_traces : int
        Traces of the line.
    spacing : float or None
        Distance between traces in m: it turns positions along the line into traces.
    crs : object or None
        Reference system that the user says x and y have; without, that of the rows.

    Returns
    -------
    Fixes or None
        None where there are no rows, no spacing, or no reference system.
    """
    rows = [row for row in map(_row, source.text().splitlines()) if row is not None]
    if len(rows) < 2 or spacing is None:
        return None
    along, x, y, z = (np.array([row[i] for row in rows]) for i in range(4))
    system = rows[0][4] if crs is None else resolve_crs(crs, x, y)
    findings = []
    if np.all(np.abs(x) <= 180) and np.all(np.abs(y) <= 90):
        longitude, latitude = x, y
    else:
        try:
            longitude, latitude = unproject(x, y, system)
        except (ParameterError, CRSError):
            what = "The reference system of the position file is not understood."
            evidence, then = f"{system!r}", "Positions were left out. Give it: gprscan.read(path, crs=...)."
            note = Finding("position-crs-unknown", "warning", what, source.name, evidence, then)
            return Fixes(np.zeros(0), np.zeros(0), np.zeros(0), source=source.name, findings=[note])
    usable = np.isfinite(longitude) & np.isfinite(latitude)
    what = "Positions of a GEC file are tied to traces by their distance along the line."
    evidence = f"{int(usable.sum())} rows; spacing {spacing:g} m"
    then = "The layout is known from another reader only, not from real files: check the track on a map."
    findings.append(Finding("positions-documented-only", "warning", what, source.name, evidence, then))
    return Fixes(
        along[usable] / spacing, longitude[usable], latitude[usable], z[usable], source=source.name, findings=findings
    )


def _row(line: str) -> tuple[float, float, float, float, str] | None:
    words = [word.strip() for word in line.split(",")]
    if len(words) < 6 or _TAG.match(line):
        return None
    try:
        along, x, y, z = (float(words[i]) for i in (1, 3, 4, 5))
    except ValueError:
        return None
    if not all(math.isfinite(v) and abs(v) < 1e9 for v in (along, x, y, z)):
        return None
    return along, x, y, z, words[6] if len(words) > 6 else ""

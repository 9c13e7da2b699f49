"""Distances and positions from the trace headers of SEG-Y and Seismic Unix."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from gprscan.errors import ParameterError
from gprscan.geometry import Fixes, resolve_crs, unproject
from gprscan.io import checks
from gprscan.io.segy_header import TraceHeaders
from gprscan.model.findings import Finding

LENGTH, ARC_SECONDS, DEGREES, DMS = 1, 2, 3, 4


@dataclass
class Places:
    """Distance along the line in m, fixes in degrees, and what was noticed."""

    distance: np.ndarray | None = None
    fixes: Fixes | None = None
    findings: list[Finding] = field(default_factory=list)


def places(headers: TraceHeaders, name: str, crs: Any) -> Places:
    """Take distances and positions out of coordinates that the standard defines.

    Parameters
    ----------
    headers : TraceHeaders
        Of all traces.
    name : str
        Name of the file, for findings.
    crs : object or None
        Reference system in which the user says that coordinates of length are.

    Returns
    -------
    Places
        Fixes where the coordinates are angles, or lengths in a system that is known; distances from lengths.
    """
    x, y, unit = headers.coordinates()
    if x.size < 2 or not (np.ptp(x) or np.ptp(y)):
        return Places(findings=[checks.time_triggered(name, "the trace headers hold no coordinates that change")])
    x, y, unit = headers.complete().coordinates()
    if unit in (ARC_SECONDS, DEGREES, DMS):
        return _from_angles(_degrees(x, unit), _degrees(y, unit), name)
    step = np.hypot(np.diff(x), np.diff(y))
    out = Places(distance=np.concatenate([[0.0], np.cumsum(step)]))
    if unit != LENGTH:
        what = "The unit of the coordinates is not stated; metres are taken for granted."
        evidence = f"unit code {unit}; mean distance between traces {step.mean():g}"
        then = "Distances depend on it. Override them with gprscan.read(path, spacing=...)."
        out.findings.append(Finding("coordinate-unit-assumed", "warning", what, name, evidence, then))
    if not 1e-4 <= step.mean() <= 100:
        evidence = f"mean distance between traces {step.mean():g} m by the coordinates"
        return Places(findings=[checks.time_triggered(name, evidence, "That is no spacing of a radar line.")])
    if crs is not None:
        system = resolve_crs(crs, np.zeros(1), np.zeros(1))
        try:
            longitude, latitude = unproject(x, y, system)
        except ParameterError:
            return out
        if np.isfinite(longitude).all() and np.isfinite(latitude).all():
            out.fixes = Fixes(np.arange(x.size), longitude, latitude, source=name)
    return out


def _degrees(value: np.ndarray, unit: int) -> np.ndarray:
    if unit == ARC_SECONDS:
        return value / 3600
    if unit == DEGREES:
        return value
    # DDDMMSS.ss
    size = np.abs(value)
    whole, rest = np.divmod(size, 10_000)
    minutes, seconds = np.divmod(rest, 100)
    return np.sign(value) * (whole + minutes / 60 + seconds / 3600)


def _from_angles(longitude: np.ndarray, latitude: np.ndarray, name: str) -> Places:
    usable = np.isfinite(longitude) & np.isfinite(latitude) & (np.abs(longitude) <= 180) & (np.abs(latitude) <= 90)
    usable &= (longitude != 0) | (latitude != 0)
    if usable.sum() < 2:
        return Places(findings=[checks.time_triggered(name, "the angles in the trace headers are no positions")])
    rows = np.flatnonzero(usable)
    return Places(fixes=Fixes(rows, longitude[rows], latitude[rows], source=name))


def radsys_places(headers: TraceHeaders, name: str) -> Places:
    """Take positions that Prism of Radar Systems writes: float arc-seconds in the words of the source coordinates."""
    headers = headers.complete()
    longitude, latitude = (headers.field(at, "f4").astype("float64") / 3600 for at in (72, 76))
    out = _from_angles(longitude, latitude, name)
    if out.fixes is not None:
        rows = out.fixes.trace.astype(int)
        height = headers.field(52, "f4").astype("float64")[rows]
        out.fixes.height = np.where(np.abs(height) < 1e4, height, np.nan)
    return out

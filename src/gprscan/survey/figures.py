"""The pictures of a line's anomalies, drawn while its traces are at hand, window by window."""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from gprscan import names
from gprscan.errors import GprscanError
from gprscan.steps import Recipe, get_step, run_recipe
from gprscan.survey import place, store

_log = logging.getLogger(__name__)

# values (channels x traces x samples) processed at a time: 128 MiB as float32
_WINDOW_VALUES = 32 * 2**20
# traces on either side of a window that its filters and the migration need, m
_MARGIN = 15.0
_DEFAULT_VELOCITY = 0.10
# anomalies of a line that get pictures; drawing takes longer than finding
MOST = 40


def draw(
    line: xr.Dataset, recipe: Recipe, anomalies: list[dict[str, Any]], velocity: float | None, out: Path, line_id: str
) -> list[str]:
    """Draw the pictures of each anomaly and write their paths, relative to `out`, into its ``figures``.

    Parameters
    ----------
    line : xarray.Dataset
        The raw line; only the windows around anomalies are loaded.
    recipe : Recipe
        Its steps make the processed radargram, its migration the focused one.
    anomalies : list of dict
        Rows of the anomaly table; changed in place.
    velocity : float or None
        Velocity that the line was found to have, m/ns.
    out : Path
        Output folder of the scan.
    line_id : str
        Folder of the pictures under ``figures/``.

    Returns
    -------
    list of str
        Notes: that not every anomaly got its pictures.
    """
    from gprscan.report import anomaly_figures

    folder = out / store.FIGURES / line_id
    shutil.rmtree(folder, ignore_errors=True)  # of an earlier run of the same line
    shown = _shown(anomalies)
    for part, members in _windows(line, shown[:MOST]):
        speed = velocity or _median_velocity(members) or _DEFAULT_VELOCITY
        processed, migrated = _processed(part, recipe), None
        if processed is not None:
            migrated = _migrated(processed, recipe, speed)
        for anomaly in members:
            paths = anomaly_figures(part, processed, anomaly, folder, migrated=migrated)
            relative = {role: Path(path).relative_to(out).as_posix() for role, path in paths.items()}
            anomaly["figures"] = json.dumps(relative)
    if len(shown) <= MOST:
        return []
    note = f"pictures are drawn for {MOST} of {len(shown)} anomalies of this line: hazards first, then by confidence"
    _log.warning("%s: %s", line_id, note)
    return [note]


def _shown(anomalies: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the anomalies that get pictures of their own: hazards first, and of the bars of a mesh only one."""
    seen: set[Any] = set()
    shown = []
    for anomaly in anomalies:
        group = anomaly.get("group_id") if anomaly["kind"] == "rebar" else None
        if group is None or group not in seen:
            shown.append(anomaly)
        seen.add(group)
    return sorted(shown, key=lambda a: (a["kind"] not in names.HAZARD_KINDS, -(a.get("confidence") or 0.0)))


def _windows(line: xr.Dataset, anomalies: list[dict[str, Any]]) -> Iterator[tuple[xr.Dataset, list[dict[str, Any]]]]:
    """Yield parts of the line, loaded, with the anomalies that lie in them; the whole line where it is short."""
    if not anomalies:
        return
    n = line.sizes[names.TRACE]
    per_trace = line[names.AMPLITUDE].size // n
    block = max(_WINDOW_VALUES // max(per_trace, 1), 256)
    if n <= block:
        yield line.load(), anomalies
        return
    positions = place.along(line)
    margin = int(_MARGIN / max(float(np.nanmedian(np.abs(np.diff(positions)))), 1e-6)) + 1
    at = [int(np.nanargmin(np.abs(positions - anomaly["distance_m"]))) for anomaly in anomalies]
    for start in range(0, n, block):
        members = [anomaly for index, anomaly in zip(at, anomalies, strict=True) if start <= index < start + block]
        if members:
            part = line.isel({names.TRACE: slice(max(start - margin, 0), min(start + block + margin, n))})
            yield part.load(), members


def _median_velocity(anomalies: list[dict[str, Any]]) -> float | None:
    values = [anomaly["velocity_m_ns"] for anomaly in anomalies if anomaly.get("velocity_m_ns")]
    return float(np.median(values)) if values else None


def _processed(line: xr.Dataset, recipe: Recipe) -> xr.Dataset | None:
    """Return the processed line, None where a step cannot work on it: a picture less is no reason to lose a line."""
    try:
        return run_recipe(line, recipe)
    except GprscanError as error:
        _log.warning("%s: no processed radargram: %s", line.attrs.get(names.SOURCE_FILE), error)
        return None


def _migrated(line: xr.Dataset, recipe: Recipe, velocity: float) -> xr.Dataset | None:
    settings = {"method": "kirchhoff", "velocity": velocity, **recipe.migrate}
    method = settings.pop("method")
    if names.TWT not in line.dims or names.DISTANCE not in line.coords:
        return None
    try:
        if _uneven(line):
            line = get_step("regularize").function(line)
        return get_step(method).function(line, **settings)
    except GprscanError as error:
        _log.warning("%s: no migrated radargram: %s", line.attrs.get(names.SOURCE_FILE), error)
        return None


def _uneven(line: xr.Dataset) -> bool:
    """Whether some trace is more than a tenth of the spacing from where a regular line would have it."""
    along = place.along(line)
    regular = np.linspace(along[0], along[-1], along.size)
    return bool(np.max(np.abs(along - regular)) > 0.1 * abs(along[-1] - along[0]) / max(along.size - 1, 1))

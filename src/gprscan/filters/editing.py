"""Editing of traces: missing and duplicate ones, and the choice of a range."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import xarray as xr

from gprscan import model, names
from gprscan.errors import MissingPositionError, ParameterError
from gprscan.filters import _arrays
from gprscan.kernels import repair
from gprscan.model import findings
from gprscan.model.findings import Finding
from gprscan.steps import Length, Time, step

Action = Literal["keep", "flag", "interpolate", "drop"]


def find_traces(line: xr.Dataset) -> tuple[np.ndarray, np.ndarray]:
    """Find the traces that carry nothing of their own.

    Parameters
    ----------
    line : xarray.Dataset
        A line.

    Returns
    -------
    missing, duplicate : ndarray of bool, shape (channels, traces)
        Missing: never recorded (not finite) or all samples equal. Duplicate: live, and a copy of the trace before,
        sample by sample, as recorders write when data are lost or an odometer is faster than the radar.
    """
    profiles = _arrays.channels(_arrays.samples(line))
    missing = _arrays.states(profiles) == 0
    duplicate = np.zeros_like(missing)
    for profile, found in zip(profiles, duplicate, strict=True):
        repair.repeated_traces(profile, found)
    return missing, duplicate & ~missing


def _halo(line: xr.Dataset, values: dict[str, Any]) -> int | None:
    if "drop" in (values["missing"], values["duplicate"]):
        return None  # blocks must keep the number of traces
    return int(values["longest"]) + 1


def _counted(line: xr.Dataset, values: dict[str, Any]) -> dict[str, Any]:
    if values["found"] is None:
        # counted on the whole line here: a block knows its own traces only
        kinds = zip(("missing", "duplicate"), find_traces(line), strict=True)
        values["found"] = {
            kind: [int(traces.sum()), int(traces.size), int(np.argmax(traces.any(axis=0)))]
            for kind, traces in kinds
            if traces.any()
        }
    return values


@step(cut="halo", halo=_halo, resolve=_counted, measures=("found",))
def edit_traces(
    line: xr.Dataset,
    missing: Action = "interpolate",
    duplicate: Action = "keep",
    longest: int = 10,
    found: dict[str, list[int]] | None = None,
) -> xr.Dataset:
    """Deal with missing and duplicate traces.

    Parameters
    ----------
    line : xarray.Dataset
        A line.
    missing, duplicate : {"keep", "flag", "interpolate", "drop"}
        What happens to traces that were never recorded or are all equal samples, and to copies of the trace before.
        ``flag`` makes them NaN; ``interpolate`` draws straight lines between the neighbours; ``drop`` takes a trace out
        of all channels, where all channels have it so.
    longest : int
        Longest run of traces that is interpolated; longer ones stay as they are.
    found : dict, optional
        What the findings are to say: for ``"missing"`` and ``"duplicate"`` how many traces of how many, and the first.
        Counted on the line where not given; provenance records it.

    Returns
    -------
    xarray.Dataset
        The line, float32; what was found is added to its findings.

    Raises
    ------
    ParameterError
        If nothing would be left.
    """
    if longest < 1:
        msg = f"edit_traces: longest is {longest}; it must be at least 1 trace."
        raise ParameterError(msg)
    here = dict(zip(("missing", "duplicate"), find_traces(line), strict=True))
    actions = {"missing": missing, "duplicate": duplicate}
    values = model.amplitude(line)
    profiles = _arrays.channels(values)
    for kind, action in actions.items():
        if action == "flag":
            profiles[here[kind]] = np.nan
    fill = np.zeros_like(here["missing"])
    for kind, action in actions.items():
        if action == "interpolate":
            fill |= here[kind]
    for profile, holes in zip(profiles, fill, strict=True):
        if holes.any():
            repair.fill_traces(profile, holes, longest)
    edited = model.with_amplitude(line, values)
    drop = np.zeros(line.sizes[names.TRACE], dtype=bool)
    for kind, action in actions.items():
        if action == "drop":
            drop |= here[kind].all(axis=0)
    if drop.all():
        msg = "edit_traces: every trace is missing or a duplicate; nothing would be left."
        raise ParameterError(msg)
    if drop.any():
        edited = edited.isel({names.TRACE: np.flatnonzero(~drop)})
    return findings.add(edited, *_report(found or {}, actions))


def _report(found: dict[str, list[int]], actions: dict[str, Action]) -> list[Finding]:
    done = {"keep": "left as they are", "flag": "set to NaN", "interpolate": "interpolated", "drop": "taken out"}
    return [
        Finding(
            code=f"{kind}-traces",
            severity="warning" if count > 0.05 * total else "info",
            what=f"{count} of {total} traces are {kind}.",
            where=f"first at trace {first}",
            consequence=f"They were {done[actions[kind]]}.",
        )
        for kind, (count, total, first) in found.items()
        if kind in actions
    ]


@step(cut="whole_line")
def trim(
    line: xr.Dataset,
    start: Length | None = None,
    stop: Length | None = None,
    first: int | None = None,
    last: int | None = None,
    top: Time | None = None,
    bottom: Time | None = None,
) -> xr.Dataset:
    """Select a range of a line.

    Parameters
    ----------
    line : xarray.Dataset
        A line.
    start, stop : float or str, optional
        Range in m along the line, both ends included.
    first, last : int, optional
        Range of traces, counted from 0, `last` excluded; negative numbers count from the end.
    top, bottom : float or str, optional
        Range of two-way travel time in ns (of depth in m for a migrated line, then as bare numbers), both ends
        included.

    Returns
    -------
    xarray.Dataset
        The line with fewer traces or samples; the samples themselves are left alone.

    Raises
    ------
    MissingPositionError
        If a range in m is asked of a line without distances.
    ParameterError
        If nothing lies in the range.
    """
    model.require_line(line)
    part = line.isel({names.TRACE: slice(first, last)})
    if start is not None or stop is not None:
        if names.DISTANCE not in line.coords:
            msg = "trim: the line has no distances, so start and stop mean nothing. Give first and last, in traces."
            raise MissingPositionError(msg)
        along = part[names.DISTANCE].values
        inside = (along >= (-np.inf if start is None else start)) & (along <= (np.inf if stop is None else stop))
        part = part.isel({names.TRACE: np.flatnonzero(inside)})
    axis = str(line[names.AMPLITUDE].dims[-1])
    down = part[axis].values
    inside = (down >= (-np.inf if top is None else top)) & (down <= (np.inf if bottom is None else bottom))
    part = part.isel({axis: slice(*_ends(inside))})
    if 0 in part[names.AMPLITUDE].shape:
        msg = f"trim: nothing is left. The line has {line.sizes[names.TRACE]} traces and runs from {_span(line, axis)}."
        raise ParameterError(msg)
    if axis == names.TWT and names.TIME_ZERO in part.attrs:
        # counted from the first sample, which is another one now
        cut = float(part[axis].values[0] - down[0])
        part = part.assign_attrs({names.TIME_ZERO: float(part.attrs[names.TIME_ZERO]) - cut})
    return part


def _ends(inside: np.ndarray) -> tuple[int, int]:
    places = np.flatnonzero(inside)
    return (int(places[0]), int(places[-1]) + 1) if places.size else (0, 0)


def _span(line: xr.Dataset, axis: str) -> str:
    parts = [f"{line[axis].values[0]:.4g} to {line[axis].values[-1]:.4g} {line[axis].attrs.get('units', '')} in {axis}"]
    if names.DISTANCE in line.coords:
        along = line[names.DISTANCE].values
        parts.append(f"{np.nanmin(along):.4g} to {np.nanmax(along):.4g} m along")
    return ", ".join(parts)

"""The line: one xarray.Dataset with dimensions ([channel,] trace, twt or depth)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr

from gprscan import names
from gprscan.errors import LineError, MissingPositionError
from gprscan.model import findings as _findings
from gprscan.model.findings import Finding
from gprscan.model.pipe import attach_pipe


def from_array(
    amplitude: Any,
    *,
    dt: float,
    spacing: float | None = None,
    frequency: float | Sequence[float] | None = None,
    separation: float | Sequence[float] | None = None,
    time_zero: float = 0.0,
    antenna_height: float | None = None,
    channel_offsets: Sequence[float] | None = None,
    distance: Any = None,
    channels: Sequence[str] | None = None,
    instrument: str = "",
    source_file: str = "",
    source_format: str = "",
    units: str = "1",
    findings: Sequence[Finding] = (),
    pipe: Mapping[str, Any] | None = None,
    extra_coords: Mapping[str, Any] | None = None,
) -> xr.Dataset:
    """Make a line of the gprscan data model from an array of traces.

    Parameters
    ----------
    amplitude : array_like, shape (trace, sample) or (channel, trace, sample)
        Radar traces, kept in the type in which they come until the first step. A lazy xarray or dask array stays lazy.
    dt : float
        Sampling interval in ns.
    spacing : float, optional
        Distance between traces in m. Leave it out for time-triggered lines whose distance is not known.
    frequency : float or sequence of float, optional
        Nominal centre frequency of the antenna in MHz, one for all channels or one per channel.
    separation : float or sequence of float, optional
        Distance between transmitter and receiver in m.
    time_zero : float
        Time in ns, counted from the first sample, at which the envelope peak of the radiated pulse leaves the antenna.
        The axis becomes ``twt = k dt - time_zero``.
    antenna_height : float, optional
        Height of the antenna above the ground in m.
    channel_offsets : sequence of float, optional
        Offset of each channel across the line in m, positive to the right of the direction of travel.
    distance : array_like, shape (trace,), optional
        Distance along the line in m; rules over `spacing`.
    channels : sequence of str, optional
        Channel labels; ``"0", "1", ...`` where not given.
    instrument, source_file, source_format : str
        Where the data come from.
    units : str
        ``"1"`` for recorder counts, ``"mV"`` where the factor is known.
    findings : sequence of Finding
        What a reader noticed.
    pipe : mapping, optional
        For a line measured inside a pipe: ``inner_diameter``, ``wall_thickness``, ``standoff`` in m and ``clock`` in
        degrees (one value, one per channel, or one per trace for a ring).
    extra_coords : mapping, optional
        Further coordinates of the data model, each as (dimensions, values, attributes); they rule over the others.

    Returns
    -------
    xarray.Dataset
        A line; see the data-model page of the documentation.

    Raises
    ------
    LineError
        If the array has no traces or samples, or the side information does not match its shape.

    Examples
    --------
    >>> import numpy as np
    >>> line = from_array(np.zeros((3, 4), "float32"), dt=0.5, spacing=0.1, time_zero=0.5)
    >>> line["twt"].values.tolist()
    [-0.5, 0.0, 0.5, 1.0]
    """
    data = amplitude if hasattr(amplitude, "dims") or hasattr(amplitude, "dask") else np.asarray(amplitude)
    if data.ndim not in (2, 3) or 0 in data.shape:
        msg = (
            f"amplitude has shape {data.shape}; (trace, sample) or (channel, trace, sample) is needed, none of them "
            "empty."
        )
        raise LineError(msg)
    if not (np.isfinite(dt) and dt > 0):
        msg = f"dt is {dt}; the sampling interval must be a positive number of ns."
        raise LineError(msg)
    n_traces, n_samples = data.shape[-2:]
    dims = (names.TRACE, names.TWT) if data.ndim == 2 else (names.CHANNEL, names.TRACE, names.TWT)
    coords: dict[str, Any] = {
        names.TWT: (names.TWT, np.arange(n_samples) * float(dt) - float(time_zero), {"units": "ns"}),
    }
    along = _distance(distance, spacing, n_traces)
    if along is not None:
        coords[names.DISTANCE] = (names.TRACE, along, {"units": "m"})
    if data.ndim == 3:
        coords |= _channel_coords(data.shape[0], channels, channel_offsets)
    for name, value in ((names.FREQUENCY, frequency), (names.SEPARATION, separation)):
        if value is not None:
            coords[name] = _scalar_or_channel(name, value, data)
    attrs: dict[str, Any] = {
        names.TIME_ZERO: float(time_zero),
        names.INSTRUMENT: instrument,
        names.SOURCE_FILE: source_file,
        names.SOURCE_FORMAT: source_format,
        names.FINDINGS: _findings.dump(list(findings)),
        names.PROVENANCE: "[]",
        names.SCHEMA: names.SCHEMA_VERSION,
    }
    if antenna_height is not None:
        attrs[names.ANTENNA_HEIGHT] = float(antenna_height)
    values = getattr(data, "variable", data)
    variable = xr.Variable(dims, getattr(values, "_data", values), {"units": units})
    line = xr.Dataset({names.AMPLITUDE: variable}, {**coords, **(extra_coords or {})}, attrs)
    return line if pipe is None else attach_pipe(line, pipe)


def _distance(distance: Any, spacing: float | None, n_traces: int) -> np.ndarray | None:
    if distance is not None:
        along = np.asarray(distance, dtype="float64")
        if along.shape != (n_traces,):
            msg = f"distance has shape {along.shape}, but there are {n_traces} traces."
            raise LineError(msg)
        return along
    if spacing is None:
        return None
    if not (np.isfinite(spacing) and spacing > 0):
        msg = f"spacing is {spacing}; it must be a positive number of m, or None where it is not known."
        raise LineError(msg)
    return np.arange(n_traces) * float(spacing)


def _channel_coords(n: int, labels: Sequence[str] | None, offsets: Sequence[float] | None) -> dict[str, Any]:
    labels = [str(i) for i in range(n)] if labels is None else [str(label) for label in labels]
    if len(labels) != n or len(set(labels)) != n:
        msg = f"{len(set(labels))} distinct channel labels were given for {n} channels."
        raise LineError(msg)
    coords: dict[str, Any] = {names.CHANNEL: (names.CHANNEL, np.array(labels, dtype=object))}
    if offsets is not None:
        values = np.asarray(offsets, dtype="float64")
        if values.shape != (n,):
            msg = f"channel_offsets has shape {values.shape}, but there are {n} channels."
            raise LineError(msg)
        coords[names.OFFSET] = (names.CHANNEL, values, {"units": "m"})
    return coords


def _scalar_or_channel(name: str, value: Any, data: Any) -> Any:
    values = np.asarray(value, dtype="float64")
    attrs = {"units": names.UNITS[name]}
    if values.ndim == 0:
        return ((), float(values), attrs)
    if data.ndim == 2 or values.shape != data.shape[:1]:
        msg = f"{name} has shape {values.shape}; give one value, or one per channel."
        raise LineError(msg)
    return (names.CHANNEL, values, attrs)


def require_line(line: Any, *, axis: str | None = None) -> xr.Dataset:
    """Check that an object is a line, and return it.

    Parameters
    ----------
    line : object
        What a user handed over.
    axis : {"twt", "depth"}, optional
        Vertical axis that the caller needs.

    Raises
    ------
    LineError
        Saying what is missing and how to get it.
    """
    if not isinstance(line, xr.Dataset) or names.AMPLITUDE not in line:
        msg = (
            f"expected a line (xarray.Dataset with the variable 'amplitude'), got {type(line).__name__}. Use "
            "gprscan.read or gprscan.from_array."
        )
        raise LineError(msg)
    dims = tuple(str(d) for d in line[names.AMPLITUDE].dims)
    if len(dims) not in (2, 3) or dims[-2] != names.TRACE or dims[-1] not in (names.TWT, names.DEPTH):
        msg = f"amplitude has the dimensions {dims}; ([channel,] trace, twt) or ([channel,] trace, depth) is needed."
        raise LineError(msg)
    if axis is not None and dims[-1] != axis:
        msg = f"this needs a line over {axis!r}, but this one is over {dims[-1]!r}."
        raise LineError(msg)
    return line


def amplitude(line: xr.Dataset) -> np.ndarray:
    """Return the traces as a contiguous float32 array, shape ([channel,] trace, sample); never a view of the input.

    Samples flagged by the coordinate ``status`` (counters and mark words at the top of a DZT scan, not radar) are
    replaced by the nearest radar sample of their trace; the line itself keeps the stored values.
    """
    values = np.array(line[names.AMPLITUDE].values, dtype="float32", order="C")
    if names.STATUS in line.coords:
        flagged = line[names.STATUS].values.astype(bool)
        radar = np.flatnonzero(~flagged)
        for k in np.flatnonzero(flagged) if len(radar) else ():
            values[..., k] = values[..., radar[np.argmin(np.abs(radar - k))]]
    return values


def with_amplitude(line: xr.Dataset, values: np.ndarray) -> xr.Dataset:
    """Return the line with other amplitudes of the same shape; they are radar throughout, so ``status`` is dropped."""
    variable = line[names.AMPLITUDE].variable
    return line.drop_vars(names.STATUS, errors="ignore").assign(
        {names.AMPLITUDE: xr.Variable(variable.dims, values, variable.attrs)}
    )


def sampling_interval(line: xr.Dataset) -> float:
    """Return dt in ns (or dz in m after migration)."""
    axis = line[str(line[names.AMPLITUDE].dims[-1])].values
    return float((axis[-1] - axis[0]) / (axis.size - 1)) if axis.size > 1 else 1.0


def trace_spacing(line: xr.Dataset) -> float:
    """Return the mean distance between traces in m.

    Raises
    ------
    MissingPositionError
        If the line has no distances, or does not move.
    """
    if names.DISTANCE not in line.coords:
        msg = (
            f"{line.attrs.get(names.SOURCE_FILE) or 'this line'} has no distance along the line (time-triggered, no "
            "marks, no GNSS). Give the trace spacing: gprscan.read(path, spacing=0.05), or 'spacing' in survey.toml."
        )
        raise MissingPositionError(msg)
    along = line[names.DISTANCE].values
    step = abs(float(along[-1] - along[0])) / max(along.size - 1, 1)
    if along.size > 1 and not (np.isfinite(step) and step > 0):
        msg = "the distances along the line do not grow, so the trace spacing is undefined."
        raise MissingPositionError(msg)
    return step


def regular_spacing(line: xr.Dataset) -> float:
    """Return the distance between the traces of a regularly spaced line in m.

    Raises
    ------
    MissingPositionError
        If the distances are missing, or a trace is a tenth of the spacing or more from where it belongs.
    """
    spacing = trace_spacing(line)
    along = np.asarray(line[names.DISTANCE].values, dtype="float64")
    if along.size < 3:
        return spacing
    direction = np.sign(along[-1] - along[0])
    # a tenth of a trace is a tenth of the shift between neighbouring traces: too little to unfocus anything
    deviation = np.abs(along - along[0] - direction * spacing * np.arange(along.size))
    worst = int(np.argmax(deviation))
    if not np.all(np.isfinite(along)) or deviation[worst] > max(0.1 * spacing, 1e-6):
        msg = (
            f"the traces are not regularly spaced: trace {worst} is {deviation[worst]:.3f} m from where a spacing of "
            f"{spacing:.4f} m would put it. Apply the step 'regularize' first: line.gpr.regularize()."
        )
        raise MissingPositionError(msg)
    return spacing


def centre_frequency(line: xr.Dataset) -> float | None:
    """Return the nominal centre frequency in MHz (mean over channels), None where it is not known."""
    if names.FREQUENCY not in line.coords:
        return None
    value = float(np.mean(line[names.FREQUENCY].values))
    return value if np.isfinite(value) and value > 0 else None


def antenna_separation(line: xr.Dataset) -> float:
    """Return the transmitter-receiver distance in m (mean over channels), 0 where it is not known."""
    if names.SEPARATION not in line.coords:
        return 0.0
    value = float(np.mean(line[names.SEPARATION].values))
    return value if np.isfinite(value) and value > 0 else 0.0

"""What a reader hands over, and how it becomes a line."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import xarray as xr

from gprscan import model, names
from gprscan.errors import ParameterError, ReadError, TruncatedFileError
from gprscan.geometry import Fixes, Location, PlacedTrack, PositionOptions, locate, resolve_crs, restore
from gprscan.io.lazy import TraceLayout
from gprscan.io.source import Source
from gprscan.model.findings import Finding

MAX_SAMPLES = 2**20  # samples per trace; recorders stay below 2**14
TEXT_MODE_BYTES, LEAST_FEEDS = 2**20, 12  # so many line feeds do not follow carriage returns by chance


@dataclass(frozen=True)
class ReadOptions:
    """What the user said about a file; each overrides what the file says.

    Attributes
    ----------
    spacing : float or None
        Distance between traces in m.
    frequency : float or None
        Centre frequency of the antenna in MHz.
    separation : float or None
        Transmitter-receiver distance in m.
    component : str or None
        Field component of a simulator's output.
    crs : object or None
        Target of the map coordinates, anything that `pyproj.CRS.from_user_input` takes.
    on_truncated : {"raise", "trim"}
        What to do when the bytes do not make whole traces.
    interval_unit : str or None
        Unit of the sampling interval, for formats whose field is used in several: ps, ns, us or s.
    positions : PositionOptions
        What is known about the positions beyond the side files.
    """

    spacing: float | None = None
    frequency: float | None = None
    separation: float | None = None
    component: str | None = None
    crs: Any = None
    on_truncated: Literal["raise", "trim"] = "raise"
    interval_unit: str | None = None
    positions: PositionOptions = field(default_factory=PositionOptions)


@dataclass
class Recording:
    """The contents of one file, decoded but not yet placed.

    Attributes
    ----------
    data : xarray.Variable
        Samples as stored, over ([channel,] trace, twt); lazy where the format allows it.
    dt : float
        Sampling interval in ns.
    time_zero : float
        Nominal time zero in ns after the first sample.
    spacing, distance : float, array or None
        Distance between traces in m, or distance along the line per trace.
    start : float
        Distance of the first trace in m, where `spacing` gives the others.
    frequency, separation : float, sequence or None
        MHz and m, one value or one per channel.
    offsets : sequence or None
        m across the line, one per channel.
    labels : sequence of str or None
        Channel labels.
    mark : xarray.Variable or None
        1 where the operator set a mark, over trace.
    recorded : ndarray or None
        Time of each trace by the recorder's clock, datetime64[ns]; used where the positions carry no time.
    status_samples : int
        Samples at the top of each trace that hold status words of the recorder.
    fixes : Fixes or None
        GNSS fixes of the side files.
    track : PlacedTrack or None
        Where a writer of ours noted that the line lies.
    position_notes : mapping
        What a writer of ours noted of the positions (`gprscan.io.plain.position_notes`), among other notes.
    lever_arm : tuple of float
        Antenna array minus GNSS antenna, m: (to the right, forward).
    crs : str or None
        Reference system that a writer of ours noted.
    acquired : str
        When it was recorded, by the recorder's clock, ISO 8601.
    header : dict
        The fields of the vendor's header, kept as JSON.
    units : str
        Units of the samples.
    """

    data: xr.Variable
    dt: float
    time_zero: float = 0.0
    spacing: float | None = None
    start: float = 0.0
    distance: np.ndarray | None = None
    frequency: float | Sequence[float] | None = None
    separation: float | Sequence[float] | None = None
    offsets: Sequence[float] | None = None
    labels: Sequence[str] | None = None
    mark: xr.Variable | None = None
    recorded: np.ndarray | None = None
    status_samples: int = 0
    fixes: Fixes | None = None
    track: PlacedTrack | None = None
    position_notes: Mapping[str, str] = field(default_factory=dict)
    lever_arm: tuple[float, float] = (0.0, 0.0)
    crs: str | None = None
    acquired: str = ""
    antenna_height: float | None = None
    instrument: str = ""
    header: dict[str, Any] = field(default_factory=dict)
    units: str = "1"
    findings: list[Finding] = field(default_factory=list)


def to_line(recording: Recording, source: Source, format_name: str, options: ReadOptions) -> xr.Dataset:
    """Make a line of a recording, and put it on the map where the file carries fixes.

    Parameters
    ----------
    recording : Recording
        What the reader decoded.
    source : Source
        The file.
    format_name : str
        Name in the registry.
    options : ReadOptions
        Overrides by the user.

    Returns
    -------
    xarray.Dataset
        The line, findings attached.
    """
    frequency = recording.frequency if options.frequency is None else options.frequency
    findings = list(recording.findings)
    if options.frequency is not None:
        findings = [f for f in findings if f.code != "antenna-frequency-unknown"]
    distance, spacing = recording.distance, recording.spacing
    if options.spacing is not None:
        distance, spacing = None, options.spacing
        findings = [f for f in findings if f.code != "time-triggered"]
    notes = recording.position_notes
    n_traces = recording.data.sizes[names.TRACE]
    if distance is None and spacing is not None:
        distance = (recording.start if options.spacing is None else 0.0) + np.arange(n_traces) * spacing
    noted = _noted_crs(recording.crs, source, findings) if recording.fixes is not None else None
    location = _location(recording, n_traces, distance, noted, options)
    line = model.from_array(
        recording.data,
        dt=recording.dt,
        time_zero=recording.time_zero,
        distance=distance,
        frequency=frequency,
        separation=recording.separation if options.separation is None else options.separation,
        antenna_height=recording.antenna_height,
        channel_offsets=recording.offsets,
        channels=recording.labels,
        instrument=recording.instrument,
        source_file=source.name,
        source_format=format_name,
        units=recording.units,
        findings=[*findings, *location.findings],
        extra_coords=_flags(recording) | location.coords,
    )
    line.attrs |= location.attrs
    if distance is not None and options.spacing is None and notes.get("distance_source") == names.FROM_TRACK:
        line[names.DISTANCE].attrs["source"] = names.FROM_TRACK
    line.attrs[names.VENDOR_HEADER] = json.dumps(recording.header, ensure_ascii=False, allow_nan=False)
    if recording.acquired:
        line.attrs[names.ACQUIRED] = recording.acquired
    return line


def _location(
    recording: Recording, n_traces: int, distance: np.ndarray | None, noted: str | None, options: ReadOptions
) -> Location:
    """Find where a line lies: on the track that the file holds, unless the user knows more of it, else by its fixes."""
    fixes, positions = recording.fixes, options.positions
    if fixes is None:
        return Location()
    notes = recording.position_notes
    if recording.track is not None and notes.get("height_datum"):
        fixes.height_datum = notes["height_datum"]
    known: dict[str, Any] = {
        "offsets": None if recording.offsets is None else np.asarray(recording.offsets, dtype="float64"),
        "lever_arm": recording.lever_arm,
        "options": positions,
    }
    other_arm = positions.lever_arm is not None and positions.lever_arm != recording.lever_arm
    # what was stated for the fixes comes back with the rounding of the format
    stated = np.array(fixes.sigma, dtype="float64")
    other_sigma = positions.gnss_sigma is not None and not np.allclose(stated, positions.gnss_sigma, atol=1e-4)
    if recording.track is None or other_arm or other_sigma:
        return locate(fixes, n_traces, distance=distance, crs=options.crs or noted, **known)
    location = restore(recording.track, fixes, noted=noted, crs=options.crs, **known)
    try:
        scale = float(notes.get("odometer_scale", "nan"))
    except ValueError:
        scale = np.nan
    if location.coords and 0 < scale < 1e3:
        location.attrs[names.ODOMETER_SCALE] = scale
    return location


def _noted_crs(text: str | None, source: Source, findings: list[Finding]) -> str | None:
    """Return the reference system that a header notes, None with a finding where it is not one to project to."""
    if not text:
        return None
    try:
        resolve_crs(text, np.zeros(1), np.zeros(1))
    except ParameterError:
        what, then = "The reference system that the header notes is not understood.", "The default one was taken."
        findings.append(Finding("crs-not-understood", "warning", what, source.name, repr(text[:80]), then))
        return None
    return text


def _flags(recording: Recording) -> dict[str, Any]:
    """Return the coordinates that flag traces and samples, and the times by the recorder (those of fixes rule)."""
    flags: dict[str, Any] = {}
    if recording.mark is not None:
        flags[names.MARK] = recording.mark
    if recording.status_samples:
        status = np.zeros(recording.data.shape[-1], dtype="i1")
        status[: recording.status_samples] = 1
        flags[names.STATUS] = (names.TWT, status)
    if recording.recorded is not None:
        flags[names.TIME] = (names.TRACE, recording.recorded, {"clock": "recorder"})
    return flags


def whole_traces(
    source: Source, layout_offset: int, record: int, what: str, options: ReadOptions, *, after: int = 0
) -> tuple[int, list[Finding]]:
    """Count the traces that a file really holds.

    Parameters
    ----------
    source : Source
        The data file.
    layout_offset, record : int
        Byte at which the first trace begins, and bytes of one trace.
    what : str
        What the header says about a trace, for the message.
    after : int
        Bytes at the end of the file that are no traces.

    Returns
    -------
    int, list of Finding
        Whole traces, and a finding where bytes are left over and the user asked to trim them.

    Raises
    ------
    TruncatedFileError
        If bytes are left over, or there is not one whole trace.
    """
    available = max(0, source.size - layout_offset - after)
    n, left = divmod(available, record)
    where = f"data starts at byte {layout_offset}" if layout_offset else "the file has no header of its own"
    if n == 0:
        msg = (
            f"{source.name}: the header says {what}, {record} bytes, but there are only {available} of data ({where}). "
            "The file is cut off or not what its name says: copy it again."
        )
        raise TruncatedFileError(msg)
    if not left:
        return n, []
    if _copied_as_text(source, layout_offset):
        msg = (
            f"{source.name}: was copied in text mode: before every byte 10 of its samples stands a byte 13 that does not "
            "belong there. Copy it again in binary mode; it cannot be repaired with certainty."
        )
        raise TruncatedFileError(msg)
    if options.on_truncated != "trim":
        msg = (
            f"{source.name}: the header says {what}, but {available} bytes are not a multiple of {record} ({where}). "
            f"Probably truncated; read it with on_truncated='trim' to keep {n} whole traces."
        )
        raise TruncatedFileError(msg)
    return n, [
        Finding(
            "truncated-file",
            "warning",
            "The file ends in the middle of a trace.",
            source.name,
            f"{available} bytes are {n} traces of {record} bytes and {left} bytes more",
            "The incomplete trace was left out, as asked for. Traces after it may be missing: copy the file again.",
        )
    ]


def _copied_as_text(source: Source, start: int) -> bool:
    """Whether line feeds among the samples all have a carriage return before them, as FTP in text mode leaves them."""
    raw = source.read(start, TEXT_MODE_BYTES)
    feeds = raw.count(b"\n")
    return feeds >= LEAST_FEEDS and raw.count(b"\r\n") >= feeds - 1


def require(
    condition: bool, source: Source, problem: str, advice: str = "The file is damaged, or not what its name says."
) -> None:
    """Raise a `ReadError` that says what is wrong with a file, where the condition does not hold."""
    if not condition:
        msg = f"{source.name}: {problem}. {advice}"
        raise ReadError(msg)


def check_counts(source: Source, n_samples: int, n_channels: int = 1) -> None:
    """Check counts from a header before anything is computed with them."""
    require(1 < n_samples <= MAX_SAMPLES, source, f"the header says {n_samples} samples per trace")
    require(1 <= n_channels <= 1024, source, f"the header says {n_channels} channels")


def layout_of(source: Source, **fields: Any) -> TraceLayout:
    """Return the layout of a source's own bytes."""
    return TraceLayout(path=str(source.path), **fields)

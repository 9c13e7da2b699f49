"""``gprscan.read``: any file of any format to a line."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Literal

import numpy as np
import xarray as xr

from gprscan import units
from gprscan.errors import ParameterError
from gprscan.geometry.external import apply_positions
from gprscan.geometry.options import as_options
from gprscan.io import channel_set, projects, registry
from gprscan.io.interval import TO_NS
from gprscan.io.pipe_side import with_pipe
from gprscan.io.recording import ReadOptions
from gprscan.io.source import Source
from gprscan.model import findings as _findings
from gprscan.model.findings import Finding


def read(
    path: str | os.PathLike[str],
    *,
    format: str | None = None,
    spacing: float | str | None = None,
    frequency: float | str | None = None,
    separation: float | str | None = None,
    component: str | None = None,
    crs: Any = None,
    on_truncated: Literal["raise", "trim"] = "raise",
    interval_unit: str | None = None,
    whole_set: bool = True,
    positions: Any = None,
) -> xr.Dataset:
    """Read a radar file of any format into a line.

    The format is told by content first and extension second; side files (positions, marks, headers) are found beside
    the file in any mix of upper and lower case. Samples are loaded when they are used, and only those that are used.
    Whatever looks wrong becomes a finding on the line (``line.gpr.findings``); what cannot be trusted raises.

    Parameters
    ----------
    path : str or path-like
        The data file, or the header beside it. Of an array that was recorded in a file per channel (``NAME_A001.rd3``,
        ``NAME_A002.rd3``, ...) any of its files, or ``NAME.rd3``. A line in a project, ``PROJECT.gpz/NAME.DT1``.
    format : str, optional
        Name of the format where it should not be told by content; ``gprscan formats`` lists them.
    spacing : float or str, optional
        Distance between traces in m, or ``"5 cm"``; rules over the file.
    frequency : float or str, optional
        Centre frequency of the antenna in MHz, or ``"0.4 GHz"``; rules over the file.
    separation : float or str, optional
        Distance between transmitter and receiver in m; rules over the file.
    component : str, optional
        Field component of a gprMax file, ``"Ez"`` for example. By default the polarisation of the source where it is
        recorded, else the component with the most energy.
    crs : str, int or pyproj.CRS, optional
        Reference system of the coordinates ``x`` and ``y``. By default EPSG:4547 in Shenzhen, elsewhere the UTM zone.
    on_truncated : {"raise", "trim"}
        Whether a file that ends in the middle of a trace raises, or is read up to there.
    interval_unit : {"ps", "ns", "us", "s"}, optional
        Unit of the field of the sampling interval in SEG-Y, Seismic Unix and SEG-2 files, which radar programs use in
        different ways. By default ps in SEG-Y and Seismic Unix and s in SEG-2, as a finding.
    whole_set : bool
        Whether one file of an array with a file per channel reads them all, as one line with channels.
    positions : dict or gprscan.geometry.PositionOptions, optional
        What is known about positions and no side file says: an external ``track``, ``lever_arm``, ``lag``,
        ``vertical_datum``, the ``centreline`` of the road and more; see the positions page of the documentation.

    Returns
    -------
    xarray.Dataset
        A line; `twt` in ns, `distance` in m, `x` and `y` in m east and north.

    Raises
    ------
    ReadError
        If the file cannot be read into numbers that can be trusted, or is a folder.
    MissingFileError
        If the file, or a header that must lie beside it, is not there.
    TruncatedFileError
        If its bytes do not make whole traces.
    UnknownFormatError
        If no reader recognises it.
    LineError
        If the files of an array do not fit together; `whole_set` false reads them one by one.
    ParameterError
        If an option is wrong.

    Examples
    --------
    >>> import gprscan as gs
    >>> line = gs.read("LINE01.DZT")  # doctest: +SKIP
    """
    options = ReadOptions(
        spacing=_positive("spacing", spacing, "m"),
        frequency=_positive("frequency", frequency, "MHz"),
        separation=_positive("separation", separation, "m", least=0.0),
        component=component,
        crs=crs,
        on_truncated=_checked_policy(on_truncated),
        interval_unit=_checked_unit(interval_unit),
        positions=as_options(positions),
    )
    with np.errstate(invalid="ignore", over="ignore"):  # damaged headers hold NaN that signal, and overflow
        return _read(path, format, options, whole_set=whole_set)


def _read(path: str | os.PathLike[str], format: str | None, options: ReadOptions, *, whole_set: bool) -> xr.Dataset:
    together = channel_set.members(Path(path)) if whole_set else []
    source = Source(together[0] if together and not Path(path).exists() else path)
    if not source.is_folder and projects.is_project(source.path):
        source = Source(projects.only_line(source.path))
    entry = registry.get_format(format) if format else registry.identify(source)
    data = entry.data_file(source)
    together = together or (channel_set.members(data.path) if whole_set else [])
    if len(together) > 1:
        lines = [entry.read(Source(member), options) for member in together]
        line = channel_set.join(lines, [member.stem for member in together])
    else:
        line = entry.read(data, options)
    if format is None:
        line = _findings.add(line, *_misleading_extension(data, entry))
    return with_pipe(apply_positions(line, options.positions, options.crs), source)


def _misleading_extension(source: Source, entry: registry.Format) -> list[Finding]:
    """Note an extension that another format has for itself; the content decided."""
    if source.suffix in entry.suffixes + entry.side_suffixes:
        return []
    owners = [f.title for f in registry.list_formats() if source.suffix in f.suffixes and not f.shared_suffixes]
    if not owners:
        return []
    evidence = f"{source.suffix} is the extension of {owners[0]}; the content is {entry.title}"
    what, then = "The extension is that of another format.", "Read by its content. Rename the file."
    return [Finding("extension-misleads", "warning", what, source.name, evidence, then)]


def _positive(name: str, value: float | str | None, unit: str, *, least: float | None = None) -> float | None:
    if value is None:
        return None
    number = units.parse(value, unit)
    if not (number > 0 or number == least) or number == float("inf"):
        msg = f"{name} is {value!r}; a positive number of {unit} is needed."
        raise ParameterError(msg)
    return number


def _checked_policy(value: Any) -> Literal["raise", "trim"]:
    if value not in ("raise", "trim"):
        msg = f"on_truncated is {value!r}; 'raise' and 'trim' are accepted."
        raise ParameterError(msg)
    return value


def _checked_unit(value: str | None) -> str | None:
    if value is not None and value not in TO_NS:
        msg = f"interval_unit is {value!r}; {', '.join(TO_NS)} are accepted."
        raise ParameterError(msg)
    return value

"""``gprscan.write``: a line to a file; the extension chooses the format."""

from __future__ import annotations

import os
from pathlib import Path

import xarray as xr

from gprscan import model
from gprscan.errors import UnknownFormatError, WriteError
from gprscan.io import registry
from gprscan.io.atomic import commit, refuse_existing


def write(line: xr.Dataset, path: str | os.PathLike[str], *, overwrite: bool = False) -> Path:
    """Write a line; the extension chooses the format.

    ``.nc`` and ``.zarr`` keep everything: types, coordinates, findings, provenance. ``.dzt``, ``.dt1``, ``.rd3``, ``.rd7``,
    ``.sgy`` and ``.csv`` keep samples, time axis, distances, antenna and positions (in DZG and DZX, GPS, COR side files, or
    in the file itself; what the receiver said and where the line lies, apart), but no findings and no heights ``z``. Files appear whole or not at all, and nothing is overwritten unless asked.

    Parameters
    ----------
    line : xarray.Dataset
        A line.
    path : str or path-like
        File to write.
    overwrite : bool
        Replace what is there, side files included.

    Returns
    -------
    Path
        The data file.

    Raises
    ------
    OutputExistsError
        If the file or one of its side files exists and `overwrite` is not set.
    WriteError
        If the format cannot hold the line, or the folder refuses.
    UnknownFormatError
        If no writer has this extension.

    Examples
    --------
    >>> import gprscan as gs
    >>> gs.write(line, "line.nc")  # doctest: +SKIP
    """
    model.require_line(line)
    target = Path(path).absolute()
    suffix = target.suffix.lower()
    writers = {s: entry for entry in registry.list_formats() if entry.write for s in entry.write_suffixes}
    if suffix not in writers:
        msg = f"{target.name}: no writer for {suffix or 'no extension'}. Writable: {' '.join(sorted(writers))}."
        raise UnknownFormatError(msg)
    if not target.parent.is_dir():
        msg = f"{target}: the folder {target.parent} does not exist. Create it first."
        raise WriteError(msg)
    entry = writers[suffix]
    assert entry.write is not None
    outputs = entry.write(line, target)
    planned = {output.path for output in outputs}
    beside = [found for s in entry.side_suffixes for found in _existing(target, s)]
    if not overwrite:
        refuse_existing([*planned, *beside])
    commit(outputs, stale=[found for found in beside if found not in planned])
    return target


def _existing(target: Path, suffix: str) -> list[Path]:
    """Side files of the target, in any case of their extension."""
    try:
        entries = list(target.parent.iterdir())
    except OSError:
        return []
    return [entry for entry in entries if entry.stem == target.stem and entry.suffix.lower() == suffix]

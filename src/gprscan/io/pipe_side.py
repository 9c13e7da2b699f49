"""The side file of an in-pipe run, found beside the radar file and applied to the line."""

from __future__ import annotations

import os

import xarray as xr

from gprscan.errors import GprscanError
from gprscan.geometry.pipe_file import SUFFIX, load_pipe_file
from gprscan.geometry.pipe_run import place_run
from gprscan.io.source import Source
from gprscan.model import findings as _findings
from gprscan.model.findings import Finding


def with_pipe(line: xr.Dataset, source: Source) -> xr.Dataset:
    """Return the line with what ``STEM.pipe.toml`` beside its file says; the line itself where there is none.

    A side file that is wrong costs the positions and the pipe, not the traces: the reason becomes a finding of severity
    ``error`` that names each wrong key and shows a right example.
    """
    wanted = (source.path.stem + SUFFIX).casefold()
    found = sorted(entry.path for entry in os.scandir(source.path.parent) if entry.name.casefold() == wanted)
    if not found:
        return line
    name = os.path.basename(found[0])
    try:
        return place_run(line, load_pipe_file(found[0]))
    except (GprscanError, ValueError) as error:
        what = f"The side file {name} cannot be used, so this line is not known to be inside a pipe."
        then = "The traces were kept; mend the side file and read again."
        return _findings.add(line, Finding("pipe-file-wrong", "error", what, name, str(error), then))

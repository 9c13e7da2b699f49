"""Files appear whole or not at all: written to a temporary name in the same folder, then renamed."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from gprscan.errors import OutputExistsError, WriteError


@dataclass(frozen=True)
class Output:
    """One file to write.

    Attributes
    ----------
    path : Path
        Its name in the end.
    fill : callable
        ``fill(part)`` writes the content to the temporary file of this path.
    """

    path: Path
    fill: Callable[[Path], object]


def text_output(path: Path, text: str) -> Output:
    """Return an output with this text in UTF-8."""
    return Output(path, lambda part: part.write_bytes(text.encode("utf-8")))


def stream_output(path: Path, chunks: Callable[[], Iterator[bytes]]) -> Output:
    """Return an output that is written piece by piece, so that a long line is never whole in memory."""

    def fill(part: Path) -> None:
        with part.open("wb") as file:
            for chunk in chunks():
                file.write(chunk)

    return Output(path, fill)


def refuse_existing(paths: Sequence[Path]) -> None:
    """Raise `OutputExistsError` if one of the files is there."""
    there = list(dict.fromkeys(path.name for path in paths if path.exists()))
    if there:
        msg = f"{', '.join(there)} exists in {paths[0].parent}. Give another name, or --overwrite (overwrite=True)."
        raise OutputExistsError(msg)


def commit(outputs: Sequence[Output], stale: Sequence[Path] = ()) -> None:
    """Write all files, or none.

    Parameters
    ----------
    outputs : sequence of Output
        Side files first and the data file last, so that a data file never stands beside side files of another line.
    stale : sequence of Path
        Side files of an earlier line of the same name, removed before the new files appear.

    Raises
    ------
    WriteError
        If the folder or the disk refuses.
    """
    parts: list[tuple[Path, Path]] = []
    try:
        for output in outputs:
            # the suffix stays: some drivers (GeoPackage) look at it
            part = output.path.with_name(f".{output.path.stem}.{os.getpid()}.part{output.path.suffix}")
            parts.append((part, output.path))
            output.fill(part)
        for path in stale:
            path.unlink(missing_ok=True)
        for part, path in parts:
            if path.is_dir() and part.is_dir():
                shutil.rmtree(path)  # a folder cannot replace one that is not empty
            os.replace(part, path)
    except OSError as error:
        if isinstance(error, WriteError):
            raise
        msg = f"{outputs[-1].path}: cannot be written ({error.strerror or error})."
        raise WriteError(msg) from error
    finally:
        for part, _ in parts:
            if part.is_dir():
                shutil.rmtree(part, ignore_errors=True)
            else:
                part.unlink(missing_ok=True)

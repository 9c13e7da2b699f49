"""Projects of many lines in one file: a GPZ of Sensors & Software is an ordinary ZIP, read as a folder of lines.

``PROJECT.gpz/NAME.DT1`` names a line in it. The line and its side files are unpacked into a folder that lives as long as
the process; what they may grow to is limited by what the archive declares, and by a ratio that no radar file reaches.
"""

from __future__ import annotations

import atexit
import os
import shutil
import struct
import tempfile
import zipfile
import zlib
from pathlib import Path, PurePosixPath

from gprscan.errors import MissingFileError, ReadError

SUFFIX = ".gpz"
_LINES = (".dt1", ".dzt", ".rd3", ".rd7", ".iprb", ".sgy")
_SHOWN = 5
_MOST_ENTRIES = 20_000
# deflate shrinks at most about 1000 to 1; radar samples 2 to 1, empty ones and text 50 to 1
_EXPANSION, _FLOOR = 100, 2**20
_CHUNK = 2**20
_unpacked: dict[tuple[str, int, int, str], Path] = {}
_folder: list[Path] = []


def is_project(path: Path) -> bool:
    """Whether a file has the extension of a project, or begins as a ZIP."""
    try:
        if path.suffix.lower() == SUFFIX:
            return path.is_file()
        with path.open("rb") as file:
            return file.read(4) == b"PK\x03\x04"
    except OSError:
        return False


def lines_in(path: Path) -> list[Path]:
    """Return the lines of a project, as paths below its own.

    Raises
    ------
    ReadError
        If it is encrypted, damaged, or holds no radar lines.
    """
    entries = _entries(path)
    names = sorted(name for name in entries if name.lower().endswith(_LINES))
    if not names:
        msg = f"{path.name}: a ZIP without radar lines."
        raise ReadError(msg)
    return [path / name for name in names]


def unpacked(path: Path) -> Path:
    """Return where the file behind a path is: itself, or the unpacked file where the path leads into a project.

    Raises
    ------
    MissingFileError
        If the project has no such line.
    ReadError
        If the project is encrypted or damaged, or claims more than its size can hold.
    """
    project = next((parent for parent in path.parents if parent.is_file()), None) if not path.exists() else None
    if project is None or not is_project(project):
        return path
    entries = _entries(project)
    wanted = path.relative_to(project).as_posix()
    name = next((n for n in entries if n == wanted), None) or next(
        (n for n in entries if n.casefold() == wanted.casefold()), None
    )
    if name is None:
        lines = ", ".join(line.name for line in lines_in(project)[:_SHOWN])
        msg = f"{project.name}: there is no {wanted!r} in it; its lines are {lines}, ..."
        raise MissingFileError(msg)
    stat = project.stat()
    key = (str(project), stat.st_mtime_ns, stat.st_size, name)
    if key not in _unpacked or not _unpacked[key].is_file():
        _unpacked[key] = _unpack(project, entries, name)
    return _unpacked[key]


def only_line(path: Path) -> Path:
    """Return the line of a project that has one.

    Raises
    ------
    ReadError
        If it has several: the message says how to name one, and how to read all.
    """
    lines = lines_in(path)
    if len(lines) > 1:
        shown = ", ".join(str(line.relative_to(path)) for line in lines[:_SHOWN]) + (
            ", ..." if len(lines) > _SHOWN else ""
        )
        msg = (
            f"{path.name}: a project of {len(lines)} lines ({shown}). Read one of them, "
            f"gprscan.read({str(lines[0].relative_to(path.parent))!r}), or scan all: gprscan scan {path.name}."
        )
        raise ReadError(msg)
    return lines[0]


def _entries(path: Path) -> dict[str, zipfile.ZipInfo]:
    """Return the files of a project by their names in it."""
    try:
        with path.open("rb") as file:
            start = file.read(2)
        if start != b"PK":
            msg = (
                f"{path.name}: an encrypted project of Sensors & Software (no ZIP inside). Export its lines as DT1 with "
                "the maker's program."
            )
            raise ReadError(msg)
        with zipfile.ZipFile(path) as archive:
            files = [e for e in archive.infolist()[:_MOST_ENTRIES] if e.filename and not e.filename.endswith("/")]
        entries = {entry.filename: entry for entry in files}
    except ReadError:
        raise
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, EOFError, struct.error) as error:
        msg = f"{path.name}: a ZIP that is damaged ({error}). Copy it again."
        raise ReadError(msg) from None
    if any(entry.flag_bits & 1 for entry in entries.values()):
        msg = f"{path.name}: an encrypted project. Export its lines with the program that wrote it."
        raise ReadError(msg)
    return entries


def _unpack(project: Path, entries: dict[str, zipfile.ZipInfo], name: str) -> Path:
    """Unpack a line and the files of its stem beside it."""
    wanted = PurePosixPath(name)
    stem = wanted.stem.casefold()
    together = [
        entry
        for other, entry in entries.items()
        if PurePosixPath(other).parent == wanted.parent and PurePosixPath(other).name.casefold().startswith(stem + ".")
    ]
    if not _folder:
        _folder.append(Path(tempfile.mkdtemp(prefix="gprscan-project-")))
        atexit.register(_remove, os.getpid())
    target = Path(tempfile.mkdtemp(dir=_folder[0]))
    try:
        with zipfile.ZipFile(project) as archive:
            for entry in together:
                _copy(project, archive, entry, target / PurePosixPath(entry.filename).name)
    except (zipfile.BadZipFile, zlib.error, OSError, ValueError, NotImplementedError, EOFError, RuntimeError) as error:
        shutil.rmtree(target, ignore_errors=True)
        if isinstance(error, ReadError):
            raise
        msg = f"{project.name}: {name} cannot be unpacked ({error}). Copy the project again."
        raise ReadError(msg) from None
    return target / wanted.name


def _copy(project: Path, archive: zipfile.ZipFile, entry: zipfile.ZipInfo, target: Path) -> None:
    limit = _FLOOR + _EXPANSION * entry.compress_size
    if entry.file_size > limit:
        msg = (
            f"{project.name}: {entry.filename} claims {entry.file_size} bytes out of {entry.compress_size}, which no radar "
            "file reaches. The project is damaged: copy it again."
        )
        raise ReadError(msg)
    left = entry.file_size
    with archive.open(entry) as source, target.open("wb") as file:
        while chunk := source.read(min(_CHUNK, left + 1)):
            left -= len(chunk)
            if left < 0:
                msg = f"{project.name}: {entry.filename} is longer than the {entry.file_size} bytes that it claims."
                raise ReadError(msg)
            file.write(chunk)


def _remove(pid: int) -> None:
    if os.getpid() == pid:  # a forked child must not take the files away
        shutil.rmtree(_folder[0], ignore_errors=True)

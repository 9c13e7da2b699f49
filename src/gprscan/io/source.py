"""A file on disk as a reader sees it: its size, its first bytes, its side files, its text."""

from __future__ import annotations

import os
import stat
from functools import cached_property
from pathlib import Path

from gprscan.errors import MissingFileError, ReadError
from gprscan.geometry.decoding import decode_text
from gprscan.io import projects

HEAD_BYTES = 4096
ZARR_GROUP = (".zgroup", "zarr.json")  # what makes a folder a file of this format
TEXT_LIMIT = 64 * 2**20  # a header or a position log; anything longer is not one


class Source:
    """One input file, or the folder of a Zarr store.

    Parameters
    ----------
    path : str or path-like
        The file; any name, spaces and Chinese characters included. A line in a project is ``PROJECT.gpz/NAME.DT1``.

    Raises
    ------
    MissingFileError
        If there is no such file.
    ReadError
        If it is a folder, a pipe or a device, or may not be read.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = projects.unpacked(Path(path).absolute())
        self.is_folder = self.path.is_dir() and any((self.path / name).is_file() for name in ZARR_GROUP)
        if self.path.is_dir() and not self.is_folder:
            msg = f"{self.path.name} is a folder; gprscan.read takes one file. Use gprscan.scan for a folder of lines."
            raise ReadError(msg)
        try:
            state = self.path.stat()
        except OSError as error:
            if isinstance(error, FileNotFoundError | NotADirectoryError):
                msg = f"there is no file {str(path)!r}."
                raise MissingFileError(msg) from None
            msg = f"{self.path.name}: cannot be read ({error.strerror})."
            raise ReadError(msg) from error
        if not self.is_folder and not stat.S_ISREG(state.st_mode):  # opening a named pipe would wait for ever
            msg = (
                f"{self.path.name} is a pipe, socket or device; gprscan reads files. Save its content to a file first."
            )
            raise ReadError(msg)
        self.size = state.st_size

    @classmethod
    def beside(cls, path: Path) -> Source:
        """Return a source for a name whose side files are wanted, whether it exists itself or not."""
        out = cls.__new__(cls)
        out.path, out.size, out.is_folder = path, 0, False
        return out

    @property
    def name(self) -> str:
        """File name without its folder."""
        return self.path.name

    @cached_property
    def suffix(self) -> str:
        """Extension in lower case, with its dot."""
        return self.path.suffix.lower()

    @cached_property
    def head(self) -> bytes:
        """The first 4096 bytes, fewer where the file is shorter; none of a folder."""
        if self.is_folder:
            return b""
        return self.read(0, HEAD_BYTES)

    def read(self, offset: int, count: int) -> bytes:
        """Return at most `count` bytes from `offset`; never more than the file holds."""
        count = max(0, min(count, self.size - offset))
        try:
            with self.path.open("rb") as file:
                file.seek(offset)
                return file.read(count)
        except OSError as error:
            msg = f"{self.name}: cannot be read ({error.strerror})."
            raise ReadError(msg) from error

    def text(self) -> str:
        """Return the whole file as text: UTF-8, else GB 18030, else Latin-1; NUL bytes are dropped."""
        if self.size > TEXT_LIMIT:
            msg = f"{self.name}: {self.size} bytes are too many for a text header or a position log."
            raise ReadError(msg)
        return decode_text(self.read(0, self.size))

    def side_file(self, *suffixes: str) -> Source | None:
        """Find a file with the same stem and one of the suffixes, in any mix of upper and lower case.

        Parameters
        ----------
        *suffixes : str
            Extensions with their dot, the preferred one first.
        """
        names = self._siblings
        for suffix in suffixes:
            found = names.get(suffix.lower())
            if found:
                return Source(self.path.with_name(found))
        return None

    @cached_property
    def _siblings(self) -> dict[str, str]:
        """Extension in lower case -> name, of the files that share this one's stem."""
        stem = self.path.stem
        exact: dict[str, str] = {}
        loose: dict[str, str] = {}
        try:
            entries = sorted(entry.name for entry in os.scandir(self.path.parent) if entry.is_file())
        except OSError:
            return {}
        for name in entries:
            other, suffix = os.path.splitext(name)
            if other == stem:
                exact.setdefault(suffix.lower(), name)
            elif other.lower() == stem.lower():
                loose.setdefault(suffix.lower(), name)
        return loose | exact

"""One list of all formats: how each is recognised, read and written, and how far that was checked."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

import xarray as xr

from gprscan.errors import MissingFileError, ReadError, UnknownFormatError
from gprscan.io.recording import ReadOptions
from gprscan.io.source import Source

Maturity = Literal["checked on real files", "checked on files made from the specification", "documented only"]

REAL: Maturity = "checked on real files"
SPECIFICATION: Maturity = "checked on files made from the specification"
DOCUMENTED: Maturity = "documented only"

# in the order in which content is sniffed: unmistakable signatures first, headerless samples last
_MODULES = (
    "zarr",
    "netcdf",
    "gprmax",
    "gprmax2",
    "seg2",
    "ids",
    "oko",
    "vol",
    "text",
    "segy",
    "dzt",
    "dt1",
    "mala",
    "impulse",
    "su",
    "cirp",
    "utsi",
)

_PACKED = "Unpack it, and read the files in it."
_NO_RADAR = {
    b"<!doctype html": ("a web page", "The download failed; open it in a browser to see why, and download again."),
    b"<html": ("a web page", "The download failed; open it in a browser to see why, and download again."),
    b"version https://git-lfs": ("a pointer of Git LFS", "Fetch the file itself: git lfs pull."),
    b"\x1f\x8b\x08": ("compressed with gzip", _PACKED),
    b"pk\x03\x04": ("a ZIP archive", _PACKED),
    b"7z\xbc\xaf\x27\x1c": ("a 7z archive", _PACKED),
    b"rar!\x1a\x07": ("a RAR archive", _PACKED),
    b"%pdf-": ("a PDF", "Give the file of the recorder."),
    b"\x89png\r\n": ("a picture", "Give the file of the recorder."),
    b"\xff\xd8\xff\xe0": ("a picture", "Give the file of the recorder."),
}


@dataclass(frozen=True)
class Format:
    """A file format.

    Attributes
    ----------
    name : str
        Short name, as in ``gprscan.read(path, format="dzt")``.
    title : str
        Maker and product.
    suffixes : tuple of str
        Extensions of the data file, lower case, with their dot.
    side_suffixes : tuple of str
        Extensions of the files that belong to it.
    maturity : str
        What reading was checked on.
    sniff : callable
        ``sniff(source) -> bool``: whether the content is of this format.
    read : callable
        ``read(source, options) -> xarray.Dataset``.
    write : callable or None
        ``write(line, path) -> list of Path`` to a path that may be overwritten; the files written.
    write_suffixes : tuple of str
        Extensions for which `write` is meant.
    data_file : callable
        ``data_file(source) -> Source``: the data file, where a user hands over a header that lies beside it.
    shared_suffixes : bool
        Whether other programs use these extensions too, so that the extension alone claims nothing.
    keeps_findings : bool
        Whether its writer keeps findings and provenance.
    note : str
        Limits worth knowing.
    """

    name: str
    title: str
    suffixes: tuple[str, ...]
    side_suffixes: tuple[str, ...]
    maturity: Maturity
    sniff: Callable[[Source], bool]
    read: Callable[[Source, ReadOptions], xr.Dataset]
    write: Callable[..., Any] | None = None
    write_suffixes: tuple[str, ...] = ()
    data_file: Callable[[Source], Source] = lambda source: source
    shared_suffixes: bool = False
    keeps_findings: bool = False
    note: str = ""


_formats: dict[str, Format] = {}


def register(entry: Format) -> Format:
    """Add a format to the registry."""
    _formats[entry.name] = entry
    return entry


def list_formats() -> list[Format]:
    """Return every format that can be read, in the order in which content is sniffed."""
    _import_readers()
    return list(_formats.values())


@cache
def _import_readers() -> None:
    for module in _MODULES:
        importlib.import_module(f"gprscan.io.{module}")


def get_format(name: str) -> Format:
    """Return a format by its name or one of its extensions.

    Raises
    ------
    UnknownFormatError
        If there is none; the message lists those that are.
    """
    wanted = name.lower()
    for entry in list_formats():
        if wanted == entry.name or f".{wanted.lstrip('.')}" in entry.suffixes:
            return entry
    msg = f"there is no format {name!r}. {readable()}"
    raise UnknownFormatError(msg)


def readable() -> str:
    """Return one sentence that names the readable formats."""
    parts = (f"{entry.title} ({' '.join(entry.suffixes)})" for entry in list_formats())
    return f"Readable: {', '.join(parts)}."


def identify(source: Source) -> Format:
    """Tell the format of a file: by content first, then by extension.

    Raises
    ------
    UnknownFormatError
        If neither tells.
    """
    if source.size == 0:
        msg = f"{source.name}: the file is empty. Copy it from the recorder again."
        raise ReadError(msg)
    for entry in list_formats():
        if entry.sniff(source):
            return entry
    _refuse_what_is_no_radar(source)
    # those that have their extensions for themselves first
    for entry in sorted(list_formats(), key=lambda entry: entry.shared_suffixes):
        if source.suffix in entry.suffixes or source.suffix in entry.side_suffixes:
            return entry
    msg = (
        f"{source.name}: no reader recognises its content or its extension. If you know what it is, say so: "
        f"gprscan.read(path, format='dzt'). {readable()}"
    )
    raise UnknownFormatError(msg)


def _refuse_what_is_no_radar(source: Source) -> None:
    """Raise where the content is something well known that no recorder writes, whatever the extension says."""
    start = source.head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    for signature, (what, advice) in _NO_RADAR.items():
        if start.startswith(signature):
            msg = f"{source.name}: is {what}, not radar data. {advice}"
            raise UnknownFormatError(msg)


def is_readable(source: Source) -> bool:
    """Whether some reader recognises the content of a file, or has its extension for itself."""
    try:
        entry = identify(source)
    except ReadError:
        return False
    return entry.sniff(source) or (source.suffix in entry.suffixes and not entry.shared_suffixes)


def twin(source: Source, suffixes: tuple[str, ...], role: str) -> Source:
    """Return the file of the same stem that the format needs beside `source`.

    Raises
    ------
    MissingFileError
        Naming the files that were looked for.
    """
    found = source.side_file(*suffixes)
    if found is None:
        looked = " or ".join(source.path.stem + suffix for suffix in suffixes)
        msg = (
            f"{source.name}: its {role} {looked} is not beside it (upper and lower case were tried). Copy it from the "
            "recorder; its name must be the same but for the extension."
        )
        raise MissingFileError(msg)
    return found


def beside_header(
    source: Source, data_suffixes: tuple[str, ...], header_suffix: str, is_header: Callable[[Source], bool]
) -> bool:
    """Whether a file is a header of a format, or samples (which have no signature) that lie beside such a header."""
    if source.suffix == header_suffix:
        return is_header(source)
    if source.suffix not in data_suffixes:
        return False
    header = source.side_file(header_suffix)
    return header is not None and is_header(header)

"""Projects of many lines in one file: what they are, since a reader of lines cannot open them."""

from __future__ import annotations

import zipfile

from gprscan.errors import ReadError
from gprscan.io.source import Source

_LINES = (".dt1", ".dzt", ".rd3", ".rd7", ".iprb", ".sgy")
_SHOWN = 5


def refuse_project(source: Source) -> None:
    """Raise a `ReadError` that tells what to do with a project file; return where the file is none.

    Parameters
    ----------
    source : Source
        A file that no reader recognises: a GPZ project of Sensors & Software is an ordinary ZIP of DT1 lines, newer ones
        are encrypted.

    Raises
    ------
    ReadError
        If it is a ZIP, or has the extension of a project.
    """
    if source.head[:2] != b"PK":
        if source.suffix == ".gpz":
            msg = (
                f"{source.name}: an encrypted project of Sensors & Software (no ZIP inside). Export its lines as DT1 with "
                "the maker's program."
            )
            raise ReadError(msg)
        return
    try:
        with zipfile.ZipFile(source.path) as archive:
            entries = archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, EOFError) as error:
        msg = f"{source.name}: a ZIP that is damaged ({error}). Copy it again."
        raise ReadError(msg) from None
    lines = [entry.filename for entry in entries if entry.filename.lower().endswith(_LINES)]
    if any(entry.flag_bits & 1 for entry in entries):
        msg = f"{source.name}: an encrypted project. Export its lines with the program that wrote it."
    elif lines:
        shown = ", ".join(lines[:_SHOWN]) + (", ..." if len(lines) > _SHOWN else "")
        msg = f"{source.name}: a project of {len(lines)} lines ({shown}), not one line. Unzip it, and scan the folder."
    else:
        msg = f"{source.name}: a ZIP without radar lines."
    raise ReadError(msg)

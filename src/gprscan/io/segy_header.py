"""The headers of SEG-Y and Seismic Unix: byte order, counts, texts, and the fields of traces."""

from __future__ import annotations

import struct
from dataclasses import dataclass

import numpy as np

from gprscan.io.source import Source, decode_text

TEXT_BYTES, FILE_BYTES, TRACE_BYTES = 3200, 3600, 240
# sample formats of revision 1 that hold one number per sample: bytes, kind
FORMATS: dict[int, str] = {1: "u4", 2: "i4", 3: "i2", 5: "f4", 6: "f8", 8: "i1"}
IBM = 1
FORMAT_NAMES = {
    1: "32-bit IBM floats",
    2: "32-bit integers",
    3: "16-bit integers",
    5: "32-bit floats",
    6: "64-bit floats",
    8: "8-bit integers",
}

# the bytes that the standard leaves free in revision 0 (180 to 239) hold what gprscan has no other room for
PRIVATE_MAGIC = b"GPRS"
PRIVATE = np.dtype(
    [
        ("magic", "S4"),
        ("longitude", ">f8"),
        ("latitude", ">f8"),
        ("distance", ">f8"),
        ("time", ">i8"),
        ("height", ">f4"),
        ("sigma", ">f4"),
        ("quality", ">i2"),
        ("mark", ">i2"),
    ]
)
PRIVATE_AT = 180


@dataclass(frozen=True)
class FileHeader:
    """What the first 3600 bytes of a SEG-Y file say.

    Attributes
    ----------
    order : str
        ``">"`` or ``"<"``.
    text : str
        The textual header, 40 lines.
    code : int
        Format of the samples.
    interval, n_samples : int
        Sampling interval in the unit of the program that wrote it, and samples per trace.
    revision : float
        0, 1.0, 2.0...
    extended : int
        Further textual headers of 3200 bytes; -1 stands for an unknown number.
    """

    order: str
    text: str
    code: int
    interval: int
    n_samples: int
    revision: float
    extended: int


def byte_order(head: bytes) -> str | None:
    """Return the byte order in which the format code of a SEG-Y file is a known one, None in neither."""
    if len(head) < FILE_BYTES:
        return None
    for order in (">", "<"):
        (code,) = struct.unpack_from(f"{order}h", head, 3224)
        if code in FORMATS or code == 4:
            return order
    return None


def file_header(source: Source, order: str) -> FileHeader:
    """Read the file header in a byte order."""
    head = source.head
    (interval,) = struct.unpack_from(f"{order}H", head, 3216)
    n_samples, code = struct.unpack_from(f"{order}HxxH", head, 3220)
    # the revision is two bytes, major and minor, whatever the byte order
    major, minor = (head[3500], head[3501]) if order == ">" or head[3500] else (head[3501], head[3500])
    (extended,) = struct.unpack_from(f"{order}h", head, 3504)
    revision = major + minor / 10 if major < 3 else 0.0
    return FileHeader(
        order,
        textual(head[:TEXT_BYTES]),
        code,
        interval,
        n_samples,
        revision,
        extended if revision >= 1 or extended > 0 else 0,
    )


def textual(raw: bytes) -> str:
    """Decode a textual header: ASCII where it looks like it, else EBCDIC; lines of 80 characters."""
    letters = sum(1 for byte in raw if byte in b" ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789")
    ebcdic = sum(1 for byte in raw if byte == 0x40 or byte >= 0xF0 or 0xC1 <= byte <= 0xE9 or 0x81 <= byte <= 0xA9)
    text = raw.decode("cp037") if ebcdic > letters else decode_text(raw)
    if "\n" in text:
        return text
    return "\n".join(text[i : i + 80].rstrip() for i in range(0, len(text), 80)).rstrip()


class TraceHeaders:
    """The headers of all traces, with fields taken by their byte (counted from 0) as the standard defines them.

    Parameters
    ----------
    raw : ndarray of uint8, shape (trace, 240)
        As stored.
    order : str
        Byte order.
    """

    def __init__(self, raw: np.ndarray, order: str) -> None:
        self.raw, self.order = raw, order

    def field(self, at: int, kind: str) -> np.ndarray:
        """Return one field of all traces, in the machine's byte order."""
        dtype = np.dtype(f"{self.order}{kind}")
        taken = np.ascontiguousarray(self.raw[:, at : at + dtype.itemsize]).view(dtype)[:, 0]
        return taken.astype(dtype.newbyteorder("="))

    def private(self) -> np.ndarray | None:
        """Return what gprscan put into the free bytes, None in files of other programs."""
        end = PRIVATE_AT + PRIVATE.itemsize
        block = np.ascontiguousarray(self.raw[:, PRIVATE_AT:end]).view(PRIVATE)[:, 0]
        return block if len(block) and bool((block["magic"] == PRIVATE_MAGIC).all()) else None

    def coordinates(self) -> tuple[np.ndarray, np.ndarray, int]:
        """Return x and y of the source, else of the receiver, scaled, and the code of their unit (byte 88)."""
        scale = self.field(70, "i2").astype("float64")
        factor = np.where(scale < 0, 1 / np.maximum(-scale, 1), np.maximum(scale, 1))
        x, y = self.field(72, "i4") * factor, self.field(76, "i4") * factor
        if not (x.any() or y.any()):
            x, y = self.field(80, "i4") * factor, self.field(84, "i4") * factor
        units = self.field(88, "i2")
        return x, y, int(units[0]) if (units == units[0]).all() else 0

    def acquired(self) -> str:
        """Return the time of the first trace (year, day of the year, hour, minute, second), empty where not given."""
        year, day, hour, minute, second = (int(self.field(at, "i2")[0]) for at in (156, 158, 160, 162, 164))
        if not (1970 <= year <= 2100 and 1 <= day <= 366 and 0 <= hour < 24 and 0 <= minute < 60 and 0 <= second < 60):
            return ""
        date = np.datetime64(f"{year:04d}-01-01") + np.timedelta64(day - 1, "D")
        return f"{date}T{hour:02d}:{minute:02d}:{second:02d}"

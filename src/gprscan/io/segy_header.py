"""The headers of SEG-Y and Seismic Unix: byte order, counts, texts, and the fields of traces."""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass, replace

import numpy as np

from gprscan.geometry.decoding import decode_text
from gprscan.io.lazy import TraceLayout
from gprscan.io.source import Source

TEXT_BYTES, FILE_BYTES, TRACE_BYTES = 3200, 3600, 240
# sample formats of revisions 0 to 2 that hold one number per sample: kind, bytes
FORMATS: dict[int, str] = {
    1: "u4",
    2: "i4",
    3: "i2",
    5: "f4",
    6: "f8",
    8: "i1",
    9: "i8",
    10: "u4",
    11: "u2",
    12: "u8",
    16: "u1",
}
REFUSED = {4: "32-bit fixed point with gain", 7: "24-bit integers", 15: "24-bit unsigned integers"}
IBM = 1
FORMAT_NAMES = {
    1: "32-bit IBM floats",
    2: "32-bit integers",
    3: "16-bit integers",
    5: "32-bit floats",
    6: "64-bit floats",
    8: "8-bit integers",
    9: "64-bit integers",
    10: "32-bit unsigned integers",
    11: "16-bit unsigned integers",
    12: "64-bit unsigned integers",
    16: "8-bit unsigned integers",
}
MOST_TEXTS = 100  # extended textual headers
_END_OF_TEXTS = "((SEG: ENDTEXT))"

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
        # the track less the fix, in degrees, and its standard deviation: 0 where there is no track
        ("track_longitude", ">f4"),
        ("track_latitude", ">f4"),
        ("track_sigma", ">f2"),
        ("heading", ">u2"),  # 1 to 65535 for 0 to 360 degrees; 0 where it is not known
    ]
)
PRIVATE_AT = 180
HEADING_STEPS = 65534  # of a full turn


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
    interval : float
        Sampling interval in the unit of the program that wrote it.
    n_samples : int
        Samples per trace.
    revision : float
        0, 1.0, 2.0...
    extended : int
        Further textual headers of 3200 bytes; -1 stands for an unknown number.
    exact_interval : bool
        Whether the interval is that of revision 2, a float64.
    first_trace : int
        Byte at which traces begin, 0 where it is not stated.
    extra_headers : int
        Further headers of 240 bytes of each trace.
    trailers : int
        Blocks of 3200 bytes after the traces.
    """

    order: str
    text: str
    code: int
    interval: float
    n_samples: int
    revision: float
    extended: int
    exact_interval: bool = False
    first_trace: int = 0
    extra_headers: int = 0
    trailers: int = 0


def byte_order(head: bytes) -> str | None:
    """Return the byte order in which the format code of a SEG-Y file is a known one, None in neither."""
    if len(head) < FILE_BYTES:
        return None
    for order in (">", "<"):
        (code,) = struct.unpack_from(f"{order}h", head, 3224)
        if code in FORMATS or code in REFUSED:
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
    out = FileHeader(
        order,
        textual(head[:TEXT_BYTES]),
        code,
        interval,
        n_samples,
        revision,
        extended if revision >= 1 or extended > 0 else 0,
    )
    return _of_revision_2(out, head) if revision >= 2 else out


def _of_revision_2(header: FileHeader, head: bytes) -> FileHeader:
    """Add the fields of revision 2; those of revision 1 hold where they are 0."""
    order = header.order
    (many,) = struct.unpack_from(f"{order}I", head, 3268)
    (fine,) = struct.unpack_from(f"{order}d", head, 3272)
    (extra,) = struct.unpack_from(f"{order}i", head, 3506)
    (first,) = struct.unpack_from(f"{order}Q", head, 3520)
    (trailers,) = struct.unpack_from(f"{order}i", head, 3528)
    has_fine = math.isfinite(fine) and fine > 0
    return replace(
        header,
        n_samples=many or header.n_samples,
        interval=fine if has_fine else header.interval,
        exact_interval=has_fine,
        first_trace=first,
        extra_headers=extra,
        trailers=trailers,
    )


def extended_texts(source: Source, header: FileHeader) -> list[str] | None:
    """Return the extended textual headers; None where their number is neither stated nor told by their last one."""
    if header.extended >= 0:
        return [textual(source.read(FILE_BYTES + TEXT_BYTES * i, TEXT_BYTES)) for i in range(header.extended)]
    texts: list[str] = []
    while len(texts) < MOST_TEXTS:
        raw = source.read(FILE_BYTES + TEXT_BYTES * len(texts), TEXT_BYTES)
        if len(raw) < TEXT_BYTES:
            return None
        texts.append(textual(raw))
        if _END_OF_TEXTS in texts[-1].upper():
            return texts
    return None


_ASCII = b" ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
_EBCDIC = bytes([0x40, *range(0xF0, 0x100), *range(0xC1, 0xEA), *range(0x81, 0xAA)])


def textual(raw: bytes) -> str:
    """Decode a textual header: ASCII where it looks like it, else EBCDIC; lines of 80 characters."""
    letters, ebcdic = (len(raw) - len(raw.translate(None, table)) for table in (_ASCII, _EBCDIC))
    text = raw.decode("cp037") if ebcdic > letters else decode_text(raw)
    if "\n" in text:
        return text
    return "\n".join(text[i : i + 80].rstrip() for i in range(0, len(text), 80)).rstrip()


class TraceHeaders:
    """The headers of traces, with fields taken by their byte (counted from 0) as the standard defines them.

    Of a file of very many traces they are those of some, spread over it, until `complete` reads the rest.

    Parameters
    ----------
    layout : TraceLayout
        Where the traces are.
    order : str
        Byte order.
    rows : ndarray of int, optional
        Traces whose headers are taken.

    Attributes
    ----------
    raw : ndarray of uint8, shape (trace, 240)
        As stored.
    rows : ndarray of int
        Their traces.
    """

    def __init__(self, layout: TraceLayout, order: str, rows: np.ndarray | None = None) -> None:
        self.layout, self.order = layout, order
        self.rows = layout.spread() if rows is None else rows
        whole = len(self.rows) == layout.n_traces
        self.raw = layout.headers(None if whole else self.rows, 0, TRACE_BYTES)

    def complete(self) -> TraceHeaders:
        """Return the headers of all traces."""
        n = self.layout.n_traces
        return self if len(self.rows) == n else TraceHeaders(self.layout, self.order, np.arange(n))

    def field(self, at: int, kind: str) -> np.ndarray:
        """Return one field of all traces, in the machine's byte order."""
        dtype = np.dtype(f"{self.order}{kind}")
        taken = np.ascontiguousarray(self.raw[:, at : at + dtype.itemsize]).view(dtype)[:, 0]
        return taken.astype(dtype.newbyteorder("="))

    def private(self) -> np.ndarray | None:
        """Return what gprscan put into the free bytes, None in files of other programs."""
        end = PRIVATE_AT + PRIVATE.itemsize
        block = np.ascontiguousarray(self.raw[:, PRIVATE_AT:end]).view(PRIVATE)[:, 0]
        if not len(block) or not bool((block["magic"] == PRIVATE_MAGIC).all()):
            return None
        whole = self.complete()
        return block if whole is self else whole.private()

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

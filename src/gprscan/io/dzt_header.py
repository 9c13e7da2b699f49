"""The 1024-byte header block of a GSSI DZT file; offsets in specs/dzt.md."""

from __future__ import annotations

import datetime
import math
import struct
from dataclasses import dataclass
from typing import Any

from gprscan.geometry.decoding import decode_text

BLOCK = 1024

# name, struct code, byte offset
FIELDS = (
    ("tag", "H", 0),
    ("data", "H", 2),
    ("nsamp", "H", 4),
    ("bits", "H", 6),
    ("zero", "h", 8),
    ("sps", "f", 10),
    ("spm", "f", 14),
    ("mpm", "f", 18),
    ("position", "f", 22),
    ("range", "f", 26),
    ("npass", "h", 30),
    ("nchan", "H", 52),
    ("epsr", "f", 54),
    ("top", "f", 58),
    ("depth", "f", 62),
    ("system", "B", 113),
)
CREATED, MODIFIED = 32, 36
ANTENNA, ANTENNA_LENGTH = 98, 14

SYSTEMS = {
    2: "SIR-2000",
    3: "SIR-3000",
    6: "SIR-20",
    7: "StructureScan Mini",
    8: "SIR-4000",
    9: "SIR-30",
    12: "UtilityScan DF",
    14: "StructureScan Mini XT",
}


@dataclass(frozen=True)
class DztHeader:
    """One header block, decoded.

    Attributes
    ----------
    fields : dict
        The fields of `FIELDS` by name.
    antenna : str
        Antenna name.
    instrument : str
        Recorder, from the system code.
    created : datetime.datetime or None
        When the file was made, by the recorder's clock.
    """

    fields: dict[str, Any]
    antenna: str
    instrument: str
    created: datetime.datetime | None

    def __getattr__(self, name: str) -> Any:
        try:
            return self.fields[name]
        except KeyError:
            raise AttributeError(name) from None

    @property
    def channels(self) -> int:
        """Channels; 0 in the file stands for 1."""
        return max(int(self.fields["nchan"]), 1)

    @property
    def data_offset(self) -> int:
        """Byte at which the first scan begins: a multiple of 1024, or the end of one header block per channel."""
        blocks = int(self.fields["data"])
        return BLOCK * blocks if 0 < blocks < BLOCK else BLOCK * self.channels

    @property
    def time_zero(self) -> tuple[float, str]:
        """Nominal time zero in ns after the first sample, and the field that it comes from.

        SIR-4000 states the start of the window (``position``, negative when it lies before time zero); SIR-3000 leaves
        that at 0 and states the depth of the first sample (``top``, negative above ground) for its permittivity.
        """
        start, window = self.fields["position"], self.fields["range"]
        if -window < start < 0:
            return -start, "rhf_position"
        top, epsr = self.fields["top"], self.fields["epsr"]
        if top < 0 and 1 <= epsr <= 100:
            value = 2 * -top * math.sqrt(epsr) / 0.299792458
            if value < window:
                return value, "rhf_top and rhf_epsr"
        return 0.0, ""

    def as_json(self) -> dict[str, Any]:
        """Return the fields as plain values; what is no number is left out."""
        out = {f"rh_{k}": v for k, v in self.fields.items() if not isinstance(v, float) or math.isfinite(v)}
        out["antenna"] = self.antenna
        if self.created:
            out["created"] = self.created.isoformat()
        return out


def parse_block(raw: bytes) -> DztHeader:
    """Decode one header block of at least 128 bytes."""
    fields = {name: struct.unpack_from("<" + code, raw, offset)[0] for name, code, offset in FIELDS}
    antenna = decode_text(raw[ANTENNA : ANTENNA + ANTENNA_LENGTH].split(b"\x00")[0]).strip()
    antenna = "".join(c for c in antenna if c.isprintable())
    instrument = f"GSSI {SYSTEMS.get(fields['system'] >> 3, '')}".strip()
    return DztHeader(fields, antenna, instrument, unpack_date(raw[CREATED : CREATED + 4]))


def unpack_date(raw: bytes) -> datetime.datetime | None:
    """Decode the packed date: seconds / 2 (5 bits), minutes (6), hours (5), day (5), month (4), year - 1980 (7)."""
    (word,) = struct.unpack("<I", raw)
    second, minute, hour = (word & 31) * 2, word >> 5 & 63, word >> 11 & 31
    day, month, year = word >> 16 & 31, word >> 21 & 15, (word >> 25) + 1980
    try:
        return datetime.datetime(year, month, day, hour, minute, second)
    except ValueError:
        return None


def pack_date(when: datetime.datetime | None) -> bytes:
    """Encode a date; zeros where there is none, or where it lies outside 1980 to 2107."""
    if when is None or not 1980 <= when.year <= 2107:
        return bytes(4)
    word = (
        when.second // 2
        | when.minute << 5
        | when.hour << 11
        | when.day << 16
        | when.month << 21
        | (when.year - 1980) << 25
    )
    return struct.pack("<I", word)


def is_plausible(raw: bytes, size: int) -> bool:
    """Whether the first bytes of a file of `size` bytes are a DZT header."""
    if size < BLOCK + 2 or len(raw) < 128:
        return False
    h = parse_block(raw)
    f = h.fields
    floats = (f["sps"], f["spm"], f["mpm"], f["position"], f["range"], f["epsr"])
    return (
        f["bits"] in (8, 16, 32)
        and 16 <= f["nsamp"] <= 32768
        and h.channels <= 64
        and all(math.isfinite(v) and abs(v) < 1e7 for v in floats)
        and f["range"] > 0
        and min(f["sps"], f["spm"], f["mpm"], f["epsr"]) >= 0
        and h.data_offset < size
        and (f["data"] < BLOCK or f["data"] % BLOCK == 0)
    )

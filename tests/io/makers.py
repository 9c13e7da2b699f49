"""Files of further formats, byte by byte from their specifications; nothing here imports the readers or writers."""

from __future__ import annotations

import math
import struct
from pathlib import Path

import numpy as np


def ibm_words(values: np.ndarray) -> np.ndarray:
    """Encode floats as IBM hexadecimal floats, one by one: fraction of 24 bits below one, exponent of 16 in excess 64."""
    out = []
    for value in np.asarray(values, dtype="f8").ravel():
        if value == 0:
            out.append(0)
            continue
        sign, size = (1, -value) if value < 0 else (0, value)
        exponent = math.ceil(math.log(size, 16))
        while size / 16.0**exponent >= 1:
            exponent += 1
        while size / 16.0**exponent < 1 / 16:
            exponent -= 1
        fraction = round(size / 16.0**exponent * 2**24)
        if fraction == 2**24:
            fraction, exponent = 2**20, exponent + 1
        out.append(sign << 31 | (exponent + 64) << 24 | fraction)
    return np.array(out, dtype="u4").reshape(np.shape(values))


def make_segy(
    path: Path,
    values: np.ndarray,
    *,
    code: int = 5,
    order: str = ">",
    interval: int = 400,
    text: bytes | None = None,
    places: tuple[np.ndarray, np.ndarray] | None = None,
    scalar: int = 1,
    unit: int = 1,
    revision: int = 0,
    extended: int = 0,
    header_samples: int | None = None,
    delay: int = 0,
) -> Path:
    """Write a SEG-Y file (trace, sample)."""
    n, ns = values.shape
    kinds = {2: "i4", 3: "i2", 5: "f4", 6: "f8", 8: "i1"}
    raw = ibm_words(values).astype(f"{order}u4") if code == 1 else values.astype(f"{order}{kinds[code]}")
    head = bytearray(3600)
    head[:3200] = (text or "C 1 RADAR".encode("cp037")).ljust(3200, b"\x40" if text is None else b" ")
    struct.pack_into(f"{order}H", head, 3216, interval)
    struct.pack_into(f"{order}H", head, 3220, ns if header_samples is None else header_samples)
    struct.pack_into(f"{order}h", head, 3224, code)
    head[3500] = revision
    struct.pack_into(f"{order}h", head, 3504, extended)
    out = [bytes(head), bytes(3200 * extended)]
    for i in range(n):
        trace = bytearray(240)
        struct.pack_into(f"{order}i", trace, 0, i + 1)
        struct.pack_into(f"{order}h", trace, 28, 1)
        struct.pack_into(f"{order}h", trace, 70, scalar)
        if places is not None:
            kind = "f" if np.asarray(places[0]).dtype.kind == "f" else "i"
            struct.pack_into(f"{order}{kind}{kind}", trace, 72, places[0][i], places[1][i])
        struct.pack_into(f"{order}h", trace, 88, unit)
        struct.pack_into(f"{order}h", trace, 108, delay)
        struct.pack_into(f"{order}HH", trace, 114, ns, interval)
        struct.pack_into(f"{order}hhhhh", trace, 156, 2025, 73, 15, 9, 26)
        out.append(bytes(trace) + raw[i].tobytes())
    path.write_bytes(b"".join(out))
    return path


def make_su(
    path: Path, values: np.ndarray, *, order: str = "<", dt: int = 400, shift: int = 0, d1: float = 0.0
) -> Path:
    """Write a Seismic Unix file (trace, sample); the optional words begin at byte 180 + shift."""
    n, ns = values.shape
    out = []
    for i in range(n):
        trace = bytearray(240)
        struct.pack_into(f"{order}ii", trace, 0, i + 1, i + 1)
        struct.pack_into(f"{order}h", trace, 28, 1)
        struct.pack_into(f"{order}HH", trace, 114, ns, dt)
        struct.pack_into(f"{order}ffff", trace, 180 + shift, d1, 0, 0.04, 0)
        struct.pack_into(f"{order}i", trace, 204 + shift, n)
        out.append(bytes(trace) + values[i].astype(f"{order}f4").tobytes())
    path.write_bytes(b"".join(out))
    return path

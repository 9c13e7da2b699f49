"""Files of further formats, byte by byte from their specifications; nothing here imports the readers or writers."""

from __future__ import annotations

import datetime
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


def make_segy_2(
    path: Path,
    values: np.ndarray,
    *,
    code: int = 5,
    order: str = ">",
    interval_us: float = 0.0004,
    texts: int = 2,
    stated: int | None = None,
) -> Path:
    """Write a SEG-Y file of revision 2.1 with all that it adds to revision 1; the last text says that it is the last."""
    n, ns = values.shape
    kinds = {5: "f4", 9: "i8", 10: "u4", 11: "u2", 12: "u8", 16: "u1"}
    raw = ibm_words(values).astype(f"{order}u4") if code == 1 else values.astype(f"{order}{kinds[code]}")
    head = bytearray(3600)
    head[:3200] = "C 1 RADAR".encode("cp037").ljust(3200, b"\x40")
    struct.pack_into(f"{order}HHHH", head, 3216, 0, 0, 0, 0)
    struct.pack_into(f"{order}h", head, 3224, code)
    struct.pack_into(f"{order}Id", head, 3268, ns, interval_us)
    struct.pack_into(f"{order}I", head, 3296, 16909060)
    head[3500:3502] = b"\x02\x01"  # two bytes of their own, whatever the order
    struct.pack_into(f"{order}hhi", head, 3502, 1, texts if stated is None else stated, 1)
    struct.pack_into(f"{order}QQi", head, 3512, n, 3600 + 3200 * texts + 64, 2)
    blocks = [b"((SEG: Layout v1)) SURVEY ROAD 7".ljust(3200)] * (texts - 1) + [b"((SEG: EndText))".ljust(3200)]
    traces = []
    for i in range(n):
        trace = bytearray(480)
        struct.pack_into(f"{order}i", trace, 0, i + 1)
        struct.pack_into(f"{order}h", trace, 28, 1)
        traces.append(bytes(trace) + raw[i].tobytes())
    path.write_bytes(bytes(head) + b"".join(blocks) + bytes(64) + b"".join(traces) + bytes(6400))
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


def _seg2_strings(order: str, strings: dict[str, object]) -> bytes:
    out = b""
    for key, value in strings.items():
        text = f"{key} {value}".encode() + b"\0"
        out += struct.pack(f"{order}H", len(text) + 2) + text
    return out + struct.pack(f"{order}H", 0)


def pack_20_bit(row: np.ndarray, order: str) -> bytes:
    """Pack integers four by four, one by one: the word of their exponents, then the mantissas; low bits are lost."""
    out = b""
    for at in range(0, len(row), 4):
        exponents, mantissas = 0, []
        for place, value in enumerate(int(v) for v in row[at : at + 4]):
            exponent = 0
            while not -32768 <= value >> exponent <= 32767:
                exponent += 1
            exponents |= exponent << (4 * place)
            mantissas.append(value >> exponent)
        out += struct.pack(f"{order}H{len(mantissas)}h", exponents, *mantissas)
    return out


def make_seg2(
    path: Path,
    values: np.ndarray,
    *,
    order: str = "<",
    packed: bool = False,
    strings: dict[str, object] | None = None,
    trace_strings: list[dict[str, object]] | None = None,
    shuffled: bool = False,
) -> Path:
    """Write a SEG-2 file (trace, sample); shuffled: trace blocks lie in reverse order with gaps."""
    n, ns = values.shape
    code = {"i2": 1, "i4": 2, "f4": 4, "f8": 5}[f"{values.dtype.kind}{values.dtype.itemsize}"]
    text = _seg2_strings(order, {"SAMPLE_INTERVAL": 4e-10, **(strings or {})})
    start = 32 + 4 * n + len(text)
    blocks = []
    for i in range(n):
        own = _seg2_strings(order, (trace_strings or [{}] * n)[i])
        own = own.ljust(64, b"\0")
        data = values[i].astype(values.dtype.newbyteorder(order)).tobytes()
        if packed:
            code, data = 3, pack_20_bit(values[i], order)
        head = struct.pack(f"{order}HHIIB", 0x4422, 32 + len(own), len(data), ns, code).ljust(32, b"\0")
        blocks.append(head + own + data + (b"gap" if shuffled else b""))
    places = list(range(n))[::-1] if shuffled else list(range(n))
    pointers, at = [0] * n, start
    for i in places:
        pointers[i] = at
        at += len(blocks[i])
    head = struct.pack(f"{order}HHHH", 0x3A55, 1, 4 * n, n).ljust(32, b"\0")
    body = b"".join(blocks[i] for i in places)
    path.write_bytes(head + struct.pack(f"{order}{n}I", *pointers) + text + body)
    return path


def make_ids(path: Path, values: np.ndarray, *, flags: dict[int, bytes] | None = None, **fields: float) -> Path:
    """Write an IDS .dt file of int16 (trace, sample)."""
    n, ns = values.shape
    length = max(4 + 2 * ns, 300)
    counts = [length, n, ns, n, ns, 1, 1, 1, 1, 0, 0]
    numbers = {
        "radar_freq": 2e8,
        "prop_vel": 1e8,
        "sweep_time": ns * 1e-10,
        "sweep_time_tot": ns * 1e-10,
        "scan_freq": 260.0,
        "scan_time": 3.8e-3,
        "sweep_dx": 0.02,
        "wheel_dx": 0.002,
        "x_cell": 0.05,
        "y_cell": 1e-10,
    }
    for name, value in fields.items():
        if name in numbers:
            numbers[name] = value
    counts[3] = int(fields.get("n_x", n))
    counts[8] = int(fields.get("wheel", 1))
    number = "{:>16.6E}".format
    records = [
        b"V\x03\0\0" + struct.pack("<h", length),
        b"I\0\0\0road",
        b"C\0\0\x0014/03/25  15:09:26",
        b"FX\0\0" + number(fields.get("start", 0.0)).encode(),
        b"AC1\0" + struct.pack("<5i", 1, 2, 2, 1, 1),
        b"ATX\0" + "".join(number(v) * 2 + number(0) + f"{f:5d}" for v, f in ((0, 200), (0.3, 600))).encode(),
        b"ARX\0" + (number(0) * 3 + "  600").encode(),
        b"H\x15\x04\0" + struct.pack("<11i", *counts) + "".join(number(v) for v in numbers.values()).encode(),
    ]
    out = [record.ljust(length, b"\0")[:length] for record in records]
    out += [(flags or {}).get(i, b"R\0\0\0") + values[i].astype("<i2").tobytes() for i in range(n)]
    path.write_bytes(b"".join(out))
    return path


def _ticks(when: datetime.datetime) -> int:
    """Return units of 100 ns since 1601."""
    return int((when - datetime.datetime(1601, 1, 1)).total_seconds()) * 10**7


def make_oko(path: Path, values: np.ndarray, *, prefix: int = 36, step: int = 50) -> Path:
    """Write a GPR2 file of float32 (trace, sample)."""
    n, ns = values.shape
    head = bytearray(512)
    struct.pack_into("<I", head, 0, 0xFEDCBA98)
    struct.pack_into("<2I", head, 24, n, ns)
    struct.pack_into("<Ifi", head, 36, 100, 9.0, step)
    struct.pack_into("<Q", head, 80, _ticks(datetime.datetime(2025, 3, 14, 15, 9, 26)))
    struct.pack_into("<I", head, 96, 350)
    head[144:184] = "АБ-400 400 MHz".encode("cp1251").ljust(40, b"\0")
    traces = b"".join(bytes(prefix) + row.astype("<f4").tobytes() for row in values)
    path.write_bytes(bytes(head) + bytes(1024 + 4 * ns) + traces)
    return path


def make_cirp(path: Path, values: np.ndarray) -> Path:
    """Write a DZT-like .gpr of int16 (trace, sample)."""
    head = bytearray(1024)
    struct.pack_into("<h", head, 4, values.shape[1])
    struct.pack_into("<f", head, 10, 50.0)
    struct.pack_into("<fh", head, 26, 60.0, 400)
    struct.pack_into("<f", head, 54, 9.0)
    path.write_bytes(bytes(head) + values.astype("<i2").tobytes())
    return path


def make_utsi(path: Path, values: np.ndarray) -> Path:
    """Write a UTSI .dat of int16 (trace, sample) with its .hdr."""
    words = ["14\\03\\25", "", "\x0515:09 road", "", "", "", "", "", "\x0264\x04", "1", "2", "0.14", "0"]
    words += [str(values.shape[1]), "x", "16"]
    text = b"\x0f\x20Version 5, 2010\n" + b"".join(word.encode() + b"\0" for word in words)
    path.with_suffix(".hdr").write_bytes(text)
    path.write_bytes(b"".join(row.astype("<i2").tobytes() + b" " for row in values))
    return path


def make_vol(path: Path, values: np.ndarray, *, xml: str | None = None, bits: int = 64) -> Path:
    """Write a volume: complex integers of (channel, trace, sample), or float32 of (trace, sample)."""
    if xml is None:
        axes = 'DataDomainType="Time" MinValueZ="0" DeltaValueZ="0.4" MaxValueZ="50" DeltaValueX="0.05" DeltaValueY="0.075"'
        xml = f'<volume><meta-data {axes}/><MetadataDictionary><entry name="Site" value="road"/></MetadataDictionary></volume>'
    text = xml.encode()
    flat = values.ndim == 2
    ny, nx, nz = (1, *values.shape) if flat else values.shape
    size = 68 + len(text) if text else 60
    head = struct.pack(">6i", 192837465, size, nz, ny, nx, 32 if flat else bits).ljust(40, b"\0")
    head += struct.pack(">5i", 1, 2, 3, 0, 0)
    if text:
        head += struct.pack(">2i", 68, len(text)) + text
    if flat:
        body = b"".join(struct.pack(f">{nz}f", *row) for row in values)
    else:
        code = {64: "i", 32: "h"}[bits]
        pairs = []
        for z in range(nz):
            for x in range(nx):
                for y in range(ny):
                    pairs += [int(values[y, x, z]), -7]
        body = struct.pack(f">{len(pairs)}{code}", *pairs)
    path.write_bytes(head + body)
    return path


def make_gprmax2(
    path: Path,
    fields: np.ndarray,
    *,
    order: str = "<",
    real: int = 4,
    cells: int = 3,
    kind: int = 20204,
    steps: int = 0,
) -> Path:
    """Write the binary output of gprMax 2: (trace, iteration, component) of nine components."""
    n, iterations, _ = fields.shape
    code, title, cell = "f" if real == 4 else "d", b"a void".ljust(60, b"\0"), 0.002
    dt = 1 / (299_792_458.0 * math.sqrt(cells / cell**2))
    head = (
        (b"\x67\x2b" if order == "<" else b"\x2b\x67") + struct.pack(f"{order}6h", kind, 2, real, 60, 32, 32) + b"\0\0"
    )
    head += title + struct.pack(f"{order}{2 + cells}{code}", iterations, *[cell] * cells, dt * 0.999)
    head += struct.pack(f"{order}h", steps or n) + b"tables of sources and receivers".ljust(101, b"\0")
    path.write_bytes(head + fields.astype(f"{order}f{real}").tobytes())
    return path

"""Vendor files made byte by byte from the format notes, without the project's writers: an independent witness."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np


def dzt_header(
    *,
    nsamp: int,
    bits: int,
    nchan: int = 1,
    data: int = 1024,
    window: float = 50.0,
    spm: float = 20.0,
    mpm: float = 0.0,
    position: float = -5.0,
    epsr: float = 9.0,
    top: float = 0.0,
    depth: float | None = None,
    antenna: bytes = b"400MHz",
    tag: int = 0x00FF,
) -> bytes:
    """Return one 1024-byte header block."""
    block = bytearray(1024)
    struct.pack_into("<HHHHh", block, 0, tag, data, nsamp, bits, 0)
    struct.pack_into("<fffff", block, 10, 24.0, spm, mpm, position, window)
    # 2025-03-14 15:09:26: seconds / 2, minutes, hours, day, month, year - 1980 from the lowest bit up
    struct.pack_into("<I", block, 32, 13 | 9 << 5 | 15 << 11 | 14 << 16 | 3 << 21 | 45 << 25)
    reach = 0.299792458 * window / 2 / max(epsr, 1.0) ** 0.5 if depth is None else depth
    struct.pack_into("<Hfff", block, 52, nchan, epsr, top, reach)
    block[98 : 98 + len(antenna)] = antenna
    block[113] = 8 << 3
    return bytes(block)


def dzt_samples(values: np.ndarray) -> bytes:
    """Return scans of signed values (trace, channel, sample): unsigned with mid-scale below 32 bits."""
    bits = 8 * values.dtype.itemsize
    if bits == 32:
        return values.astype("<i4").tobytes()
    return (values.astype("int64") + 2 ** (bits - 1)).astype(f"<u{bits // 8}").tobytes()


def make_dzt(path: Path, values: np.ndarray, *, antennas: list[bytes] | None = None, **header: object) -> Path:
    """Write a DZT of signed values (trace, channel, sample), with one header block per channel or a data offset."""
    n_channels = values.shape[1]
    names = antennas or [b"400MHz"] * n_channels
    fields = {"nsamp": values.shape[2], "bits": 8 * values.dtype.itemsize, "nchan": n_channels, **header}
    blocks = b"".join(dzt_header(antenna=name, **fields) for name in names)  # type: ignore[arg-type]
    data = int(fields.get("data", 1024))  # type: ignore[call-overload]
    offset = 1024 * data if data < 1024 else 1024 * n_channels
    path.write_bytes(blocks.ljust(offset, b"\0") + dzt_samples(values))
    return path


def nmea(body: str) -> str:
    """Return a sentence with its checksum."""
    total = 0
    for char in body:
        total ^= ord(char)
    return f"${body}*{total:02X}"


def degrees_minutes(value: float, digits: int) -> str:
    """Return ddmm.mmmmmm of a positive angle."""
    whole = int(value)
    return f"{whole:0{digits}d}{(value - whole) * 60:010.7f}"


def gga(second: float, lon: float, lat: float, quality: int = 4, talker: str = "GN", height: str = "12.5") -> str:
    """Return a GGA sentence north and east."""
    clock = f"{int(second // 3600):02d}{int(second // 60 % 60):02d}{second % 60:06.3f}"
    place = f"{degrees_minutes(lat, 2)},N,{degrees_minutes(lon, 3)},E"
    return nmea(f"{talker}GGA,{clock},{place},{quality},12,0.8,{height},M,-3.2,M,1.0,0000")


def make_dt1(
    path: Path,
    values: np.ndarray,
    *,
    hd: dict[str, object] | None = None,
    positions: np.ndarray | None = None,
    words: dict[int, float] | None = None,
    ends: str = "\r\r\n",
) -> Path:
    """Write a DT1 (trace, sample) of int16 or float32 with its HD."""
    n, npts = values.shape
    size = values.dtype.itemsize
    along = np.arange(n) * 0.25 if positions is None else positions
    with path.open("wb") as file:
        for i in range(n):
            header = bytearray(128)
            struct.pack_into("<ffffff", header, 0, i + 1, along[i], npts, 0, 0, size)
            for word, value in (words or {}).items():
                struct.pack_into("<f", header, 4 * word, value)
            file.write(bytes(header) + values[i].astype(values.dtype.newbyteorder("<")).tobytes())
    fields: dict[str, object] = {
        "NUMBER OF TRACES": n,
        "NUMBER OF PTS/TRC": npts,
        "TIMEZERO AT POINT": 5,
        "TOTAL TIME WINDOW": npts * 0.4,
        "STARTING POSITION": along[0],
        "FINAL POSITION": along[-1],
        "STEP SIZE USED": 0.25,
        "POSITION UNITS": "m",
        "NOMINAL FREQUENCY": 250,
        "ANTENNA SEPARATION": 0.28,
        **(hd or {}),
    }
    lines = ["1234", "Data Collected with pE PRO", "2025-03-14", *(f"{k} = {v}" for k, v in fields.items())]
    path.with_suffix(".HD").write_bytes(ends.join([*lines, ""]).encode())
    return path


def make_rd3(path: Path, values: np.ndarray, **rad: object) -> Path:
    """Write an RD3 or RD7 (trace, sample) with its RAD."""
    n, samples = values.shape
    fields: dict[str, object] = {
        "SAMPLES": samples,
        "FREQUENCY": 2500.0,
        "SIGNAL POSITION": 10,
        "DISTANCE INTERVAL": 0.05,
        "TIME INTERVAL": 0.1,
        "ANTENNAS": "250 MHz shielded=1",
        "ANTENNA SEPARATION": 0.31,
        "TIMEWINDOW": samples / 2.5,
        "LAST TRACE": n,
        "STOP POSITION": n * 0.05,
        "COMMENT": "12:30: 路面",
    } | {key.replace("_", " "): value for key, value in rad.items()}
    path.write_bytes(values.astype(values.dtype.newbyteorder("<")).tobytes())
    path.with_suffix(".rad").write_bytes("".join(f"{k}:{v}\r\n" for k, v in fields.items()).encode())
    return path


def make_iprb(path: Path, values: np.ndarray, **iprh: object) -> Path:
    """Write an IPRB (trace, sample) with its IPRH."""
    n, samples = values.shape
    fields: dict[str, object] = {
        "HEADER VERSION": 20,
        "DATA VERSION": 8 * values.dtype.itemsize,
        "DATE": "2025-03-14",
        "START TIME": "15:09:26",
        "ANTENNA": "300 MHz",
        "ANTENNA SEPARATION": 0.23,
        "SAMPLES": samples,
        "FREQUENCY": 3200,
        "TIMEWINDOW": samples / 3.2,
        "LAST TRACE": n,
        "TRIG SOURCE": "wheel",
        "DISTANCE INTERVAL": 0.02,
        "STOP POSITION": n * 0.02,
        "ZERO LEVEL": 8,
    } | {key if key.startswith("CH_") else key.replace("_", " "): value for key, value in iprh.items()}
    path.write_bytes(values.astype(values.dtype.newbyteorder("<")).tobytes())
    path.with_suffix(".iprh").write_bytes("".join(f"{k}: {v}\r\n" for k, v in fields.items()).encode())
    return path


def make_gprmax(
    path: Path, traces: np.ndarray, *, component: str = "Ez", attrs: dict[str, object] | None = None
) -> Path:
    """Write a merged gprMax file of (trace, iteration) in one component, zeros in Ex."""
    import h5py

    with h5py.File(path, "w") as file:
        file.attrs.update({"gprMax": "3.1.7", "Title": "test", "Iterations": traces.shape[1], "dt": 5e-12, "nrx": 1})
        file.attrs.update(attrs or {})
        file[f"rxs/rx1/{component}"] = traces.T.astype("float32")
        file["rxs/rx1/Ex"] = np.zeros_like(traces.T, dtype="float32")
    return path


def radar(n_traces: int, n_samples: int, dtype: str, n_channels: int | None = None, seed: int = 7) -> np.ndarray:
    """Return traces with a direct wave at sample 8 and noise, (trace[, channel], sample)."""
    rng = np.random.default_rng(seed)
    shape = (n_traces, n_samples) if n_channels is None else (n_traces, n_channels, n_samples)
    k = np.arange(n_samples)
    wave = np.exp(-(((k - 8) / 2.0) ** 2)) * np.cos((k - 8) * 1.2)
    values = 0.4 * wave + 0.02 * rng.standard_normal(shape)
    if dtype.startswith("f"):
        return (50 * values).astype(dtype)
    return np.rint(values * (2 ** (8 * np.dtype(dtype).itemsize - 1) - 1)).astype(dtype)

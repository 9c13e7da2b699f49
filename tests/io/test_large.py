"""Opening a file of 4 GB costs no 4 GB, and a slice of traces reads only that slice: on sparse files of every flat format."""

from __future__ import annotations

import os
import re
import struct
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import gprscan as gs
from gprscan.io.lazy import SOME_TRACES
from tests.io import makers
from tests.io.builders import make_dt1, make_dzt, make_iprb, make_rd3, radar

SIZE = 4 * 2**30
MOST_MEMORY = SIZE // 32  # distances of 4 million traces, twice, and a probe
MOST_OPENED = 24 * 2**20  # headers, probes of 4 MB, a sample of trace headers
BEYOND = 4 * 2**20
pytestmark = pytest.mark.skipif(not os.path.exists("/proc/self/io"), reason="counts the bytes read as Linux does")


def bytes_read() -> int:
    found = re.search(r"rchar: (\d+)", Path("/proc/self/io").read_text())
    assert found
    return int(found[1])


def _dt1_of_long_traces(path: Path) -> Path:
    """Traces so long that the file is sparse between their headers."""
    make_dt1(path, radar(3, 32768, "f4"), hd={"NUMBER OF TRACES": SIZE // (128 + 4 * 32768)})
    record = 128 + 4 * 32768
    with path.open("r+b") as file:
        for i in range(3, SIZE // record):
            file.seek(i * record)
            file.write(struct.pack("<6f", i + 1, 0.25 * i, 32768, 0, 0, 4))
    return path


def _su_of_long_traces(path: Path) -> Path:
    makers.make_su(path, radar(3, 32000, "f4"), dt=40)
    header = path.read_bytes()[:240]
    with path.open("r+b") as file:
        for i in range(3, SIZE // (240 + 4 * 32000)):
            file.seek(i * (240 + 4 * 32000))
            file.write(header)
    return path


def _volume(path: Path) -> Path:
    """A volume of planes of 200 000 x 10 samples; the header is changed to say so."""
    makers.make_vol(path, radar(8, 268, "i4", 10).transpose(1, 0, 2))
    raw = bytearray(path.read_bytes())
    struct.pack_into(">3i", raw, 8, 268, 10, 200_000)
    path.write_bytes(raw)
    os.truncate(path, SIZE)
    return path


def _ids(path: Path) -> Path:
    """Sweeps of 512 samples, of which those of the sample that is looked at have their flags."""
    n = (SIZE - 8 * 1028) // 1028
    makers.make_ids(path, radar(64, 512, "i2"), n_x=n)
    with path.open("r+b") as file:
        for sweep in np.unique(np.linspace(0, n - 1, SOME_TRACES).astype(int)):
            file.seek(8 * 1028 + int(sweep) * 1028)
            file.write(b"R")
    os.truncate(path, (8 + n) * 1028)
    return path


# how to make a small file, where its traces begin, and bytes of a trace
CASES: dict[str, tuple[Callable[[Path], Path], int, int]] = {
    "dzt": (lambda p: make_dzt(p, radar(64, 512, "i2", 1)), 1024, 1024),
    "dzt 8 channels": (lambda p: make_dzt(p, radar(64, 512, "i4", 8)), 8192, 16384),
    "dt1": (_dt1_of_long_traces, 0, 128 + 4 * 32768),
    "rd3": (lambda p: make_rd3(p, radar(64, 512, "i2")), 0, 1024),
    "rd7": (lambda p: make_rd3(p, radar(64, 512, "i4")), 0, 2048),
    "iprb": (lambda p: make_iprb(p, radar(64, 512, "i4")), 0, 2048),
    "sgy": (lambda p: makers.make_segy(p, radar(64, 512, "f4")), 3600, 240 + 2048),
    "su": (_su_of_long_traces, 0, 240 + 4 * 32000),
    "gpr2": (lambda p: makers.make_oko(p, radar(64, 512, "f4")), 512 + 1024 + 2048, 36 + 2048),
    "gpr": (lambda p: makers.make_cirp(p, radar(64, 512, "i2")), 1024, 1024),
    "vol": (_volume, SIZE - 200_000 * 268 * 80, 268 * 80),
    "dt": (_ids, 8 * 1028, 1028),
    "dat": (lambda p: makers.make_utsi(p, radar(64, 512, "i2")), 0, 1025),
}


@pytest.mark.parametrize("name", sorted(CASES))
def test_four_gigabytes(tmp_path: Path, name: str) -> None:
    make, start, record = CASES[name]
    path = make(tmp_path / f"big.{name.split()[0]}")
    small = (
        gs.read(path, on_truncated="trim").isel(trace=[1, 2])["amplitude"].values if name not in ("dt1", "su") else None
    )
    n = (SIZE - start) // record
    os.truncate(path, start + n * record)
    tracemalloc.start()
    try:
        before = bytes_read()
        line = gs.read(path, interval_unit=None)
        opened = bytes_read() - before
        assert line.sizes["trace"] == n
        first, count = n - 200, 100
        before = bytes_read()
        part = line.isel(trace=slice(first, first + count))["amplitude"].values
        sliced = bytes_read() - before
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert part.shape[-2] == count
    assert opened < MOST_OPENED, f"opening read {opened / 2**20:.1f} MiB"
    assert sliced < count * record + BEYOND, f"a slice of {count * record} bytes read {sliced}"
    assert peak < MOST_MEMORY + count * record, f"{peak / 2**20:.1f} MiB were allocated"
    if small is not None:
        np.testing.assert_array_equal(line.isel(trace=[1, 2])["amplitude"].values, small)


@pytest.mark.parametrize("suffix", [".dzt", ".dt1", ".rd3", ".rd7", ".sgy", ".nc", ".zarr"])
def test_writers_stream(tmp_path: Path, suffix: str) -> None:
    """Of a file of 192 MB a writer holds a few blocks, never the whole."""
    path = make_dzt(tmp_path / "a.dzt", radar(64, 512, "i2", 1))
    os.truncate(path, 1024 + 192 * 2**20)
    line = gs.read(path)
    tracemalloc.start()
    try:
        gs.write(line, tmp_path / f"out{suffix}")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 80 * 2**20, f"{peak / 2**20:.1f} MiB"
    back = gs.read(tmp_path / f"out{suffix}")
    np.testing.assert_array_equal(back["amplitude"][:64], radar(64, 512, "i2"))
    assert back.sizes == line.sizes

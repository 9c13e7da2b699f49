"""Reading speed against ``numpy.fromfile`` and the same conversion of types, from the page cache.

    python benchmarks/bench_io.py [--megabytes 128] [--repeat 5] [--peers OTHER/bin/python]

The ratio is the time of numpy divided by that of ``gprscan.read(path)["amplitude"].values``: 1 is as fast as numpy can,
and the goal is 0.6. Header and side files count on gprscan's side. The last columns show what opening and slicing cost
(of a DT1 the trace headers are read, since they hold the positions). With `--peers`, the interpreter of an environment
that has readgssi and ImpDAR, these read the same files in the same run; what they return is compared with the file.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import tempfile
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np

import gprscan as gs

SAMPLES = 512
# what a peer is asked: path, number of runs -> shortest time in s, shape and type of what it returns
PEER = """
import json, sys, time, warnings
warnings.simplefilter("ignore")
which, path, repeat = sys.argv[1], sys.argv[2], int(sys.argv[3])
def readgssi(path):
    from readgssi import dzt
    header, data, gps = dzt.readdzt(path, zero=[0, 0, 0, 0])
    return data[0] if isinstance(data, dict) else data
def impdar(path):
    from impdar.lib.load import load_gssi, load_pulse_ekko, load_ramac
    load = {"dzt": load_gssi.load_gssi, "dt1": load_pulse_ekko.load_pe, "rd3": load_ramac.load_ramac}[path[-3:].lower()]
    return load(path).data
times = []
try:
    import contextlib, io
    with contextlib.redirect_stdout(io.StringIO()):
        for _ in range(repeat):
            start = time.perf_counter()
            data = globals()[which](path)
            times.append(time.perf_counter() - start)
    print(json.dumps({"seconds": min(times), "shape": list(data.shape), "dtype": str(data.dtype)}))
except BaseException as error:
    print(json.dumps({"error": type(error).__name__ + ": " + str(error)[:90]}))
"""
PEERS = {".dzt": ("readgssi", "impdar"), ".dt1": ("impdar",), ".rd3": ("impdar",)}


def line_of(megabytes: int, dtype: str) -> np.ndarray:
    """Return traces of about so many megabytes."""
    n = megabytes * 2**20 // (SAMPLES * np.dtype(dtype).itemsize)
    k = np.arange(n * SAMPLES, dtype="i4").reshape(n, SAMPLES)
    return (k * 7919 % 30011 - 15000).astype(dtype)


def numpy_dzt(path: Path) -> np.ndarray:
    """Read 16-bit samples with mid-scale as zero."""
    raw = np.fromfile(path, "<u2", offset=1024).reshape(-1, SAMPLES)
    return (raw ^ np.uint16(0x8000)).view("i2")


def numpy_dt1(path: Path, stored: str) -> np.ndarray:
    """Read samples behind trace headers of 128 bytes."""
    record = np.dtype([("header", "V128"), ("samples", stored, SAMPLES)])
    return np.fromfile(path, record)["samples"].copy()


def numpy_rd7(path: Path) -> np.ndarray:
    """Read plain 32-bit samples."""
    return np.fromfile(path, "<i4").reshape(-1, SAMPLES)


def best(task: Callable[[], object], repeat: int) -> float:
    """Return the shortest of some runs, s."""
    times = []
    for _ in range(repeat):
        start = time.perf_counter()
        task()
        times.append(time.perf_counter() - start)
    return min(times)


def by_peer(python: str, which: str, path: Path, repeat: int) -> str:
    """Return what a peer needs for a file and what it makes of it, as a line of text."""
    command = [python, "-c", PEER, which, str(path), str(repeat)]
    answer = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False).stdout.strip()
    found = json.loads(answer.splitlines()[-1]) if answer else {"error": "no answer"}
    if "error" in found:
        return f"    {which}: fails ({found['error']})"
    return f"    {which}: {found['seconds']:.3f} s, returns {found['shape']} of {found['dtype']}"


def readable_to_peers(path: Path) -> None:
    """Fill what peers need and a line made of numbers does not have: a permittivity, a date in one of the HD's ways."""
    if path.suffix == ".dzt":
        with path.open("r+b") as file:
            file.seek(54)
            file.write(np.array([9.0], "<f4").tobytes())
    header = path.with_suffix(".HD")
    if path.suffix == ".DT1":
        lines = header.read_text().splitlines()
        header.write_bytes(
            "\r\r\n".join([*lines[:2], "03/14/2025", *lines[3:], ""]).encode()
        )  # as pulseEKKO ends lines


def opening_memory(path: Path) -> float:
    """Return megabytes allocated while a file is opened and ten traces are read."""
    tracemalloc.start()
    try:
        line = gs.read(path)
        n = line.sizes["trace"]
        line.isel(trace=slice(n // 2, n // 2 + 10))["amplitude"].values  # noqa: B018 - reads
        return tracemalloc.get_traced_memory()[1] / 2**20
    finally:
        tracemalloc.stop()


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--megabytes", type=int, default=128)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--peers", metavar="PYTHON", help="an interpreter that has readgssi and ImpDAR")
    options = parser.parse_args()
    cases: list[tuple[str, str, str, Callable[[Path], np.ndarray]]] = [
        ("DZT 16 bit", ".dzt", "i2", numpy_dzt),
        ("DT1 int16", ".dt1", "i2", lambda path: numpy_dt1(path, "<i2")),
        ("DT1 float32", ".dt1", "f4", lambda path: numpy_dt1(path, "<f4")),
        ("RD3 16 bit", ".rd3", "i2", lambda path: np.fromfile(path, "<i2").reshape(-1, SAMPLES)),
        ("RD7 32 bit", ".rd7", "i4", numpy_rd7),
    ]
    print(f"{options.megabytes} MB a file, best of {options.repeat}")
    print(
        f"{'format':12} {'numpy s':>8} {'gprscan s':>9} {'ratio':>6} {'GB/s':>6} {'open + 10 traces':>18} {'memory':>8}"
    )
    for name, suffix, dtype, by_numpy in cases:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / f"LINE{suffix.upper() if suffix == '.dt1' else suffix}"
            gs.write(gs.from_array(line_of(options.megabytes, dtype), dt=0.1, spacing=0.05, frequency=400), path)
            readable_to_peers(path)
            assert np.array_equal(gs.read(path)["amplitude"].values, by_numpy(path))
            limit = best(lambda p=path, f=by_numpy: f(p), options.repeat)  # type: ignore[misc]
            ours = best(lambda p=path: gs.read(p)["amplitude"].values, options.repeat)  # type: ignore[misc]
            opened = best(lambda p=path: gs.read(p).isel(trace=slice(10))["amplitude"].values, options.repeat)  # type: ignore[misc]
            rate = path.stat().st_size / ours / 1e9
            memory = opening_memory(path)
            print(
                f"{name:12} {limit:8.3f} {ours:9.3f} {limit / ours:6.2f} {rate:6.2f} {opened:16.4f} s {memory:5.1f} MB"
            )
            for which in PEERS.get(suffix, ()) if options.peers else ():
                print(by_peer(options.peers, which, path, max(2, options.repeat // 2)), flush=True)


if __name__ == "__main__":
    main()

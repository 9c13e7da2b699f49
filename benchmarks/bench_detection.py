"""What detection costs, against the bare tap loop of the migrations in the same run.

    python benchmarks/bench_detection.py [--metres 100 200] [--channels 8] [--stages] [--memory 1 4 16]

The line is a long synthetic road with natural scatterers and receiver noise. One channel-kilometre is 50,000 traces of
512 samples; the times are scaled to it. The bare loop does as many two-tap multiply-adds as a sum over a diffraction
curve of 61 traces at every second sample of the line for one velocity would need, so that its ratio says how many such
sums the whole of detection costs. Processor seconds of both threads stand beside the wall time, which on a
shared machine says little. Memory is the largest that the process held beyond what it had before. With ``--memory``
files of so many km, the same 200 m again and again, are read lazily and searched, each in a process of its own.
"""

from __future__ import annotations

import argparse
import cProfile
import importlib
import pstats
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numba
import numpy as np

from gprscan import detect, model, read, write
from gprscan.synthetic import Road, road_line

sys.path.insert(0, str(Path(__file__).parent))
bare_taps: Any = importlib.import_module("bench_migration")._bare_taps

SPACING = 0.02  # m: 50,000 traces per kilometre
TRACES_PER_KM = 50_000
TAPS = 61  # traces under one diffraction curve
STAGES = {
    "condition": ("condition.py", "condition"),
    "migrated image": ("image.py", "migrated"),
    "  gain": ("interference.py", "acquisition_gain"),
    "  background": ("condition.py", "without_background"),
    "candidates": ("candidates.py", "find"),
    "  scan": ("coherence.py", "scan"),
    "fits": ("fit.py", "fit"),
    "taking out": ("clean.py", "subtract"),
    "evidence": ("diffractions.py", "make_body"),
    "mesh": ("rebar.py", "find_mesh"),
    "debonding": ("debond.py", "detect_debond"),
    "columns": ("columns.py", "detect_columns"),
    "zones": ("zones.py", "detect_zones"),
    "settling": ("settle.py", "settle"),
    "rows of bars": ("rebar.py", "group_rows"),
    "what could be seen": ("detectability.py", "measure"),
    "table": ("table.py", "assemble"),
}


def road(metres: float, channels: int = 1) -> Any:
    """Return a noisy road of some length, with nothing buried; several channels lie 0.1 m apart over it."""
    offsets = [0.1 * k for k in range(channels)] if channels > 1 else None
    line, _ = road_line(metres, 5, clutter="medium", road=Road(spacing=SPACING), offsets=offsets)
    values = model.amplitude(line)
    noise = np.random.default_rng(0).standard_normal(values.shape, dtype=np.float32)
    return model.with_amplitude(line, values + np.float32(0.003) * noise)


def bare(line: Any) -> float:
    """Seconds of the bare loop for one sum over one channel of the line."""
    n, m = line["amplitude"].shape[-2:]
    points, one_side = m // 2, TAPS // 2 + 1
    data = np.random.default_rng(0).normal(size=(m, n + 2 * one_side)).astype("float32")
    image = np.zeros((points, n), "float32")
    # each point of the image takes a curve from every second sample on
    rows = np.minimum(2 * np.arange(points)[:, None] + np.arange(one_side), m - 2).astype("int32")
    weights = np.full((2, points, one_side), 0.5, "float32")
    last, order = np.full(points, one_side), np.arange(points)
    seconds = []
    for _ in range(4):
        start = time.perf_counter()
        bare_taps(data, rows, weights[0], weights[1], last, one_side, order, image)
        seconds.append(time.perf_counter() - start)
    return min(seconds)


def held() -> float:
    """Return the largest memory that the process has held, MB."""
    status = Path("/proc/self/status")
    if status.exists():  # what the process that started this one had held does not count there
        return next(int(row.split()[1]) for row in status.read_text().splitlines() if row.startswith("VmHWM")) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def stages(line: Any) -> None:
    """Print what each stage costs in processor seconds per channel-kilometre, by a profile (which slows small ones down)."""
    profile = cProfile.Profile(time.process_time)
    profile.runcall(detect, line)
    table: dict[Any, Any] = pstats.Stats(profile).stats  # type: ignore[attr-defined]
    scale = TRACES_PER_KM / line.sizes["trace"]
    print(f"\n{'stage':<24}{'core-s/km':>11}{'calls/km':>10}")
    for name, (file, function) in STAGES.items():
        hits = [
            e for (path, _, f), e in table.items() if f == function and Path(path).name == file and "gprscan" in path
        ]
        print(f"{name:<24}{scale * sum(e[3] for e in hits):>11.2f}{scale * sum(e[1] for e in hits):>10.0f}")


def long_file(folder: Path, km: float) -> Path:
    """Write a DZT file of some length: one road of 200 m, repeated."""
    path = write(road(0.2 * 1000.0 - SPACING), folder / "road.DZT", overwrite=True)
    whole, traces = path.read_bytes(), read(path).sizes["trace"]
    size = read(path).sizes["twt"] * 4 * traces
    with path.open("ab") as file:
        for _ in range(round(5 * km) - 1):
            file.write(whole[-size:])
    return path


def memory(lengths: list[float]) -> None:
    """Print memory and time of long files, each searched in a process of its own."""
    head = ("file", "detect s", "core-s/km", "before MB", "more MB", "bodies")
    print(f"\n{head[0]:<26}" + "".join(f"{name:>11}" for name in head[1:]))
    for km in sorted(lengths):
        with tempfile.TemporaryDirectory() as folder:
            path = long_file(Path(folder), km)
            subprocess.run([sys.executable, __file__, "--child", str(path)], check=True)


def child(path: Path) -> None:
    """Print the row of one file."""
    line = read(path)
    # to make a road takes more memory than to search it
    detect(line.isel(trace=slice(0, 500)))
    before, start, busy = held(), time.perf_counter(), time.process_time()
    found = detect(line)
    seconds, busy = time.perf_counter() - start, time.process_time() - busy
    name = f"{line.sizes['trace'] / TRACES_PER_KM:g} km, {path.stat().st_size / 2**20:.0f} MB"
    per_km = busy * TRACES_PER_KM / line.sizes["trace"]
    print(
        f"{name:<26}{seconds:>11.1f}{per_km:>11.1f}{before:>11.0f}{held() - before:>11.0f}{len(found):>11d}", flush=True
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--metres", type=float, nargs="+", default=[100.0, 200.0, 400.0])
    parser.add_argument("--channels", type=int, default=1)
    parser.add_argument("--stages", action="store_true")
    parser.add_argument("--memory", type=float, nargs="*", default=[], help="lengths of files, km")
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.child:
        child(chosen.child)
        return
    if chosen.memory:
        memory(chosen.memory)
        return
    start = time.perf_counter()
    detect(road(5.0))
    print(
        f"first call in this process: {time.perf_counter() - start:.1f} s (compiling, or reading the compiled kernels)"
    )
    print(f"{numba.get_num_threads()} threads")
    head = ("line", "detect s", "s per km", "core-s/km", "bare s/km", "ratio", "bodies", "more MB")
    print(f"{head[0]:<26}" + "".join(f"{name:>11}" for name in head[1:]))
    for metres in sorted(chosen.metres):
        line = road(metres, chosen.channels)
        n, m = chosen.channels * line.sizes["trace"], line.sizes["twt"]
        limit, before = chosen.channels * bare(line), held()
        start, busy = time.perf_counter(), time.process_time()
        found = detect(line)
        seconds, busy = time.perf_counter() - start, time.process_time() - busy
        scale = TRACES_PER_KM / n
        print(
            f"{f'{metres:g} m, {n} x {m}':<26}{seconds:>11.2f}{seconds * scale:>11.1f}{busy * scale:>11.1f}"
            f"{limit * scale:>11.2f}"
            f"{seconds / limit:>11.1f}{len(found):>11d}{held() - before:>11.0f}"
        )
    if chosen.stages:
        stages(road(min(chosen.metres)))


if __name__ == "__main__":
    main()

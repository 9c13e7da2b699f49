"""Speed of the migrations, as ratios to limits measured in the same run, each beside its aim.

Kirchhoff is measured against a bare two-tap multiply-add loop over the same curves that stores its row each time, Stolt
against the Fourier transforms it cannot do without, phase shift against one complex multiply-add per (k, omega, depth).

``python benchmarks/bench_migration.py [--only GROUP ...] [--quick] [--peers PYTHON]``; the groups are kirchhoff, section,
spectral, rtm, volume, length and peers, which runs ImpDAR and PyLops under another interpreter. Prints a table.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import numba
import numpy as np
import xarray as xr
from scipy import fft

from gprscan.kernels import section as section_kernels
from gprscan.kernels.kirchhoff import diffraction_spread, diffraction_sum
from gprscan.kernels.spectral import extrapolate
from gprscan.migration import kirchhoff, phase_shift, rtm, section_kirchhoff, stolt
from gprscan.migration.acquisition import acquisition, image_depths
from gprscan.migration.curves import Aperture
from gprscan.migration.medium import medium
from gprscan.migration.summation import Summation
from gprscan.model import from_array
from gprscan.velocity import layered

THREADS = numba.get_num_threads()

IMPDAR = """
import contextlib, io, json, sys, time
import numpy as np
from impdar.lib.RadarData import RadarData
from impdar.lib.migrationlib import mig_python
out = []
for tnum, snum in ((48, 128), (96, 128), (96, 256)):
    line = RadarData(None)
    line.data = np.random.default_rng(0).normal(size=(snum, tnum)); line.snum, line.tnum = line.data.shape; line.dt = 5e-10
    line.travel_time = np.arange(snum) * 5e-4; line.dist = np.arange(tnum) * 5e-5
    line.trace_int = np.full(tnum, 0.05); line.trace_num = np.arange(tnum) + 1; line.chan = 1
    line.trig = np.zeros(tnum)
    start = time.perf_counter()
    with contextlib.redirect_stdout(io.StringIO()), np.errstate(all="ignore"):
        mig_python.migrationKirchhoff(line, vel=1e8)
    out.append((tnum, snum, time.perf_counter() - start))
print(json.dumps(out))
"""

PYLOPS = """
import json, time
import numpy as np
from pylops.waveeqprocessing import Kirchhoff
nx, nz, nt, n = 200, 120, 400, 10
x, z, t = np.arange(nx) * 0.05, 0.05 + np.arange(nz) * 0.025, np.arange(nt) * 0.5
places = np.vstack([np.linspace(0, x[-1], n), np.zeros(n)])
operator = Kirchhoff(z, x, t, places, places, 0.1, np.ones(1), 0, mode="analytic", engine="numba", dtype="float32")
data = np.random.default_rng(0).normal(size=(n, n, nt)).astype("float32")
operator.H @ data.ravel()
best = 9e9
for _ in range(5):
    start = time.perf_counter(); operator.H @ data.ravel(); best = min(best, time.perf_counter() - start)
print(json.dumps([n * n * nx * nz, best]))
"""

CUBE = """
import json, resource, time
import numpy as np
from gprscan.migration import kirchhoff_3d
from gprscan.model import from_array
n, channels, samples = map(int, __import__("sys").argv[1:4])
data = np.random.default_rng(0).standard_normal((channels, n, samples), dtype="float32")
line = from_array(data, dt=0.25, spacing=0.05, frequency=400, channel_offsets=(0.08 * np.arange(channels)).tolist())
kirchhoff_3d(line.isel(trace=slice(0, 300)), 0.1, antialias=False)
start = time.perf_counter()
kirchhoff_3d(line, 0.1, antialias=False)
print(json.dumps([time.perf_counter() - start, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20]))
"""


@numba.njit(parallel=True, fastmath=True, error_model="numpy")
def _bare_taps(data: Any, rows: Any, early: Any, late: Any, last: Any, pad: Any, order: Any, image: Any) -> None:
    for task in numba.prange(image.shape[0]):
        i = order[task]
        for j in range(last[i]):
            w0, w1 = early[i, j], late[i, j]
            for side in range(2 if j > 0 else 1):
                here = pad - j if side == 1 else pad + j
                above, below = data[rows[i, j], here:], data[rows[i, j] + 1, here:]
                for k in range(image.shape[1]):
                    image[i, k] += w0 * above[k] + w1 * below[k]


@numba.njit(parallel=True, fastmath=True, error_model="numpy")
def _bare_turns(real: Any, imaginary: Any, turns: Any, steps: int, out: Any) -> None:
    for i in numba.prange(real.shape[0]):
        a, b = real[i].copy(), imaginary[i].copy()
        c, s = turns[0], turns[1]
        for step in range(steps):
            total_real, total_imaginary = np.float32(0.0), np.float32(0.0)
            for w in range(a.size):
                old = a[w]
                total_real += old
                total_imaginary += b[w]
                a[w] = old * c[w] - b[w] * s[w]
                b[w] = old * s[w] + b[w] * c[w]
            out[i, step] = complex(total_real, total_imaginary)


def best(run: Callable[[], Any], repeats: int = 5) -> float:
    """Return the shortest of several times in s; the first call, which compiles, is not counted."""
    run()
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - start)
    return min(seconds)


def beside(run: Callable[[], Any], limit: Callable[[], Any], repeats: int = 15) -> tuple[float, float]:
    """Return the shortest times in s of two things run by turns: other work on the machine then slows both alike.

    With a rest before each, since the threads of a parallel loop go on spinning for some milliseconds after its end.
    """
    run()
    limit()
    seconds: list[list[float]] = [[], []]
    for _ in range(repeats):
        for times, call in zip(seconds, (run, limit), strict=True):
            time.sleep(0.02)
            start = time.perf_counter()
            call()
            times.append(time.perf_counter() - start)
    return min(seconds[0]), min(seconds[1])


def report(name: str, seconds: float | None, value: float, unit: str, aim: str = "") -> None:
    """Print one row of the table, and whether the aim is met."""
    time_taken = "" if seconds is None else f"{seconds * 1e3:.1f} ms"
    met = ""
    if aim:
        limit = float(aim.split()[1].replace(",", ""))
        met = "yes" if (value >= limit if aim.startswith(">=") else value <= limit) else "no"
    print(f"| {name} | {time_taken} | {value:,.2f} {unit} | {aim} | {met} |", flush=True)


def taps_of(operator: Summation, n_traces: int) -> float:
    """Return the multiply-adds of one sum, two per tap."""
    table = operator.table
    lengths = np.maximum(table.last - table.first, 0).astype(float)
    return 2 * n_traces * float(np.sum(2 * lengths - (table.first == 0)))


def bare_loop(operator: Summation, traces: np.ndarray) -> tuple[Callable[[], None], float]:
    """Return the bare loop over the curves of one velocity, and its multiply-adds."""
    rows, table = operator.prepared(traces), operator.table
    image = np.zeros((table.rows.shape[0], traces.shape[0]), "float32")
    # deep rows cost more: every thread gets as many of them
    order = np.concatenate([np.arange(k, image.shape[0], THREADS) for k in range(THREADS)])

    def run() -> None:
        _bare_taps(rows, table.rows, table.early, table.late, table.last, table.pad, order, image)

    return run, taps_of(operator, traces.shape[0])


def bench_kirchhoff(line: Any) -> None:
    """Tap rates of the summation over several kinds of curves, against the bare loop."""
    n = line.sizes["trace"]
    cases: list[tuple[str, Any, float, float, bool, str]] = [
        ("constant v", 0.1, 0.0, 0.0, False, ">= 2"),
        ("constant v, anti-alias copies", 0.1, 0.0, 0.0, True, ""),
        ("constant v, offset", 0.1, 0.2, 0.0, False, ">= 0.5"),
        ("constant v, offset and air gap", 0.1, 0.2, 0.3, False, ">= 0.5"),
        ("v(z), offset", layered([0.3, 0.5], [0.12, 0.1, 0.08]), 0.2, 0.0, False, ">= 0.5"),
    ]
    loop: Callable[[], None] | None = None
    for name, velocity, separation, height, antialias, aim in cases:
        case = line.assign_coords(separation=separation).assign_attrs(antenna_height=height)
        geometry, ground = acquisition(case), medium(velocity)
        depths = image_depths(geometry, ground, None, None)
        operator = Summation(geometry, ground, depths, separation, Aperture(50.0, None, antialias))
        if loop is None:
            loop, of_loop = bare_loop(operator, case["amplitude"].values)
            rate = of_loop / best(loop, 15) / 1e9
            report("bare two-tap multiply-adds over the same curves, row stored each time", None, rate, "G taps/s")
        table, rows = operator.table, operator.prepared(case["amplitude"].values)
        taps = taps_of(operator, n)
        arguments = (table.rows, table.early, table.late, table.first, table.last, table.pad)
        seconds, bare = beside(lambda rows=rows, a=arguments: diffraction_sum(rows, *a, threads=THREADS), loop)
        ratio = taps / seconds / (of_loop / bare)
        report(f"Kirchhoff sum, {name}, {taps / seconds / 1e9:.1f} G taps/s", seconds, ratio, "x bare", aim)
        if name == "constant v":
            image = np.zeros((depths.size, n + 2 * table.pad), "float32")
            back = best(lambda i=image, a=arguments, m=rows.shape[0]: diffraction_spread(i, *a, m, threads=THREADS))
            report("its adjoint (demigration)", back, back / seconds, "x its sum")
        whole = best(lambda c=case, v=velocity, a=antialias: kirchhoff(c, v, antialias=a), 3)
        report("the whole step: filter, tables, sum", whole, taps / whole / (of_loop / bare), "x bare")


def bench_section(line: Any) -> None:
    """Kirchhoff over v(x, z) and topography: sum with its curves, and whole step with the eikonal equation."""
    geometry, ground = acquisition(line), medium(0.1)
    depths = image_depths(geometry, ground, 0.0125, 4.0)
    operator = Summation(geometry, ground, depths, 0.0, Aperture(50.0, None, False))
    loop, taps = bare_loop(operator, line["amplitude"].values)
    end = float(line["distance"].values[-1])
    along = xr.DataArray(
        [[0.1, 0.1], [0.11, 0.11]], dims=("distance", "depth"), coords={"distance": [0.0, end], "depth": [0.0, 4.0]}
    )
    hilly = line.assign_coords(z=("trace", np.sin(0.1 * line["distance"].values)))
    calls: list[Any] = []

    def noted(*arguments: Any, **options: Any) -> np.ndarray:
        calls.append((arguments, options))
        return section_kernels.section_sum(*arguments, **options)

    section_kirchhoff.section_sum = noted
    for name, case, options in (
        ("v(x, z)", line, {"velocity": along}),
        ("v(x, z), offset", line.assign_coords(separation=0.2), {"velocity": along}),
        ("topography", hilly, {"velocity": 0.1, "topography": True}),
    ):
        wholes = []
        for _ in range(3):
            calls.clear()
            start = time.perf_counter()
            kirchhoff(case, **options, antialias=False, depth_step=0.0125, max_depth=4.0)
            wholes.append(time.perf_counter() - start)
        seconds, bare = beside(lambda: [section_kernels.section_sum(*a, **o) for a, o in calls], loop)
        report(f"Kirchhoff curves and sum, {name}", seconds, bare / seconds, "x bare", ">= 0.5")
        report("the whole step: travel times, filter, curves, sum", min(wholes), bare / min(wholes), "x bare")
    section_kirchhoff.section_sum = section_kernels.section_sum


def bench_volume(n_samples: int, n: int) -> None:
    """Rate of the sum in three dimensions, filter included, against that along one line; memory of its process."""
    from gprscan.migration.volume import CurveTables

    channels = 16
    data = np.random.default_rng(0).standard_normal((channels, 2000, n_samples), dtype="float32")
    offsets = (0.08 * np.arange(channels)).tolist()
    line = from_array(data, dt=0.25, spacing=0.05, frequency=400, channel_offsets=offsets)
    single = line.isel(channel=0).drop_vars(["channel", "offset"])
    depths = image_depths(acquisition(single), medium(0.1), None, None)
    operator = Summation(acquisition(single), medium(0.1), depths, 0.0, Aperture(50.0, None, False))
    rows, table = operator.prepared(data[0]), operator.table
    arguments = (table.rows, table.early, table.late, table.first, table.last, table.pad)
    rate = taps_of(operator, 2000) / best(lambda: diffraction_sum(rows, *arguments, threads=THREADS), 3)
    tables = CurveTables(acquisition(line), medium(0.1), depths, Aperture(50.0, None, False))
    total = 0.0
    for one in offsets:
        for other in offsets:
            curves = tables.get(one - other, 0.0, 0.08)
            total += 2 * n * float(np.sum(2.0 * np.maximum(curves.last - curves.first, 0) - (curves.first == 0)))
    seconds, memory = _other(sys.executable, CUBE, str(n), str(channels), str(n_samples))
    name = f"Kirchhoff 3-D, {channels} channels x {n} traces x {n_samples}, whole step"
    report(name, seconds, total / seconds / rate, "x the rate along one line", ">= 0.7")
    report("peak memory of its process, data and image included", None, memory, "GiB", "<= 1")


def _other(python: str, code: str, *arguments: str) -> Any:
    """Run code in a process of its own and return what its last line says."""
    done = subprocess.run([python, "-c", code, *arguments], capture_output=True, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def bench_peers(line: Any, python: str) -> None:
    """ImpDAR's Kirchhoff as installed, and the adjoint of PyLops' compiled one, against ours."""
    n, n_samples = line["amplitude"].shape
    geometry, ground = acquisition(line), medium(0.1)
    depths = image_depths(geometry, ground, None, None)
    operator = Summation(geometry, ground, depths, 0.0, Aperture(50.0, None, False))
    table, rows = operator.table, operator.prepared(line["amplitude"].values)
    arguments = (table.rows, table.early, table.late, table.first, table.last, table.pad)
    rate = taps_of(operator, n) / best(lambda: diffraction_sum(rows, *arguments, threads=THREADS))
    whole = best(lambda: kirchhoff(line, 0.1, antialias=False), 3)
    measured = _other(python, IMPDAR)
    for traces, samples, seconds in measured:
        report(f"ImpDAR Kirchhoff, {traces} x {samples}", seconds, 1e9 * seconds / (traces**2 * samples), "ns per tap")
    traces, samples, seconds = measured[-1]
    # it sums over all traces for each sample: the work grows with the square of the traces; the rows above show how far
    expected = seconds * (n / traces) ** 2 * n_samples / samples
    report(f"ImpDAR at {n} x {n_samples}, extrapolated, over our whole step", None, expected / whole, "x", ">= 5,000")
    per_tap = seconds / (traces**2 * samples) * rate / 2
    report("ImpDAR per two-tap interpolation over ours, no extrapolation", None, per_tap, "x")
    pairs, seconds = _other(python, PYLOPS)
    report(
        "PyLops numba Kirchhoff adjoint, per two-tap interpolation, over ours",
        None,
        seconds / pairs * rate / 2,
        "x",
        ">= 20",
    )


def bench_rtm(line: Any) -> None:
    """Reverse time against phase shift."""
    short = line.isel(trace=slice(0, 256), twt=slice(0, 256))
    seconds = best(lambda: rtm(short, 0.1), 1)
    report(
        "reverse time, 256 traces x 256 samples",
        seconds,
        seconds / best(lambda: phase_shift(short, 0.1), 2),
        "x phase shift",
    )


def bench_stolt(line: Any) -> None:
    """Stolt against its own forward and inverse transforms in float32."""
    n_traces, n = line["amplitude"].shape
    reach = int(np.ceil(float(stolt(line, 0.1)["depth"].values[-1]) / 0.05))
    n_x, n_t = fft.next_fast_len(n_traces + reach), fft.next_fast_len(2 * n, real=True)
    data = np.zeros((n_x, n_t), "float32")

    def transforms() -> None:
        spectrum = fft.fft(fft.rfft(data, axis=1, workers=THREADS), axis=0, workers=THREADS)
        fft.irfft(fft.ifft(spectrum, axis=0, workers=THREADS), axis=1, workers=THREADS)

    seconds, limit = beside(lambda: stolt(line, 0.1), transforms)
    report(f"float32 transforms of {n_x} x {n_t}, there and back", limit, 1.0, "x")
    report("Stolt, whole step", seconds, seconds / limit, "x its transforms", "<= 3")


def bench_phase_shift(line: Any) -> None:
    """Phase shift against nz complex multiply-adds per (kx, omega)."""
    n_x, n_w, n_z = 2048, 320, 512
    rng = np.random.default_rng(0)
    real, imaginary = rng.normal(size=(2, n_x, n_w)).astype("float32")
    turns = np.array([np.cos(np.arange(n_w)), np.sin(np.arange(n_w))], "float32")
    out = np.empty((n_x, n_z), "complex64")

    def turn() -> None:
        _bare_turns(real, imaginary, turns, n_z, out)

    limit = best(turn)
    report(f"bare complex multiply-adds, {n_x} x {n_w} x {n_z}", limit, n_x * n_w * n_z / limit / 1e9, "G/s")
    spectrum = (real + 1j * imaginary).astype("complex64")
    kx = np.zeros(n_x)  # every frequency propagates: as much work as the bare loop
    for name, velocities in (
        ("one velocity", np.full(n_z - 1, 0.05)),
        ("20 layers", np.repeat(np.linspace(0.05, 0.04, 20), 26)[: n_z - 1]),
    ):
        seconds, limit = beside(
            lambda v=velocities: extrapolate(spectrum, kx, 0.1, v, 0.0125, n_z, 1.0, threads=THREADS), turn, 7
        )
        report(f"phase shift, {name}", seconds, seconds / limit, "x bare", "<= 1.5")
    whole = best(lambda: phase_shift(line, 0.1), 1)
    report("phase shift, whole step", whole, whole / best(lambda: stolt(line, 0.1), 3), "x Stolt")
    layers = xr.DataArray(np.repeat([0.13, 0.10, 0.08], 2), dims="depth", coords={"depth": [0, 0.5, 0.5, 1.2, 1.2, 3]})
    seconds = best(lambda: stolt(line, layers), 3)
    report(
        "Stolt, three layers, whole step",
        seconds,
        seconds / best(lambda: phase_shift(line, layers), 3),
        "x phase shift",
    )


def bench_length(n_samples: int) -> None:
    """Cost per trace of lines of growing length."""
    first = 0.0
    for kilometres in (1, 4, 16):
        n = kilometres * 20000
        data = np.random.default_rng(0).standard_normal((n, n_samples), dtype="float32")
        line = from_array(data, dt=0.25, spacing=0.05, frequency=200)
        seconds = best(lambda line=line: kirchhoff(line, 0.1, antialias=False), 4)
        first = first or seconds / n
        ratio, aim = seconds / n / first, "<= 1.3" if kilometres > 1 else ""
        name = f"Kirchhoff, {kilometres} km, {n} traces x {n_samples}, per trace"
        report(name, seconds, ratio, "x that of 1 km", aim)


GROUPS = ("kirchhoff", "section", "spectral", "rtm", "volume", "length", "peers")


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="+", choices=GROUPS, default=GROUPS)
    parser.add_argument("--quick", action="store_true", help="a smaller line")
    parser.add_argument("--peers", metavar="PYTHON", help="an interpreter with ImpDAR and PyLops")
    options = parser.parse_args()
    n_traces, n_samples = (1024, 256) if options.quick else (4096, 512)
    data = np.random.default_rng(0).normal(size=(n_traces, n_samples)).astype("float32")
    line = from_array(data, dt=0.25, spacing=0.05, frequency=200)
    print(f"| {n_traces} traces x {n_samples} samples, {THREADS} threads | time | found | aim | met |")
    print("|---|---|---|---|---|")
    runs: dict[str, Callable[[], None]] = {
        "kirchhoff": lambda: bench_kirchhoff(line),
        "section": lambda: bench_section(line),
        "spectral": lambda: (bench_stolt(line), bench_phase_shift(line))[0],
        "rtm": lambda: bench_rtm(line),
        "volume": lambda: bench_volume(n_samples, 1000 if options.quick else 10000),
        "length": lambda: bench_length(64 if options.quick else 128),
        "peers": lambda: bench_peers(line, options.peers) if options.peers else None,
    }
    for name in options.only:
        runs[name]()


if __name__ == "__main__":
    main()

"""Speed of the migrations, as ratios to limits measured in the same run.

Kirchhoff is measured against a bare two-tap multiply-add loop that stores its row each time, Stolt against the
Fourier transforms it cannot do without, phase shift against one complex multiply-add per (k, omega, depth).

Run ``python benchmarks/bench_migration.py``; ``--quick`` for a smaller line, ``--length`` for lines of 1 to 16 km too.
"""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Callable
from typing import Any

import numba
import numpy as np
import xarray as xr
from scipy import fft

from gprscan.kernels.kirchhoff import diffraction_spread, diffraction_sum
from gprscan.kernels.spectral import extrapolate
from gprscan.migration import kirchhoff, kirchhoff_3d, phase_shift, rtm, stolt
from gprscan.migration.acquisition import acquisition, image_depths
from gprscan.migration.curves import Aperture
from gprscan.migration.medium import medium
from gprscan.migration.summation import Summation
from gprscan.migration.volume import CurveTables
from gprscan.model import from_array
from gprscan.velocity import layered

THREADS = numba.get_num_threads()


@numba.njit(parallel=True, fastmath=True, error_model="numpy")
def _bare_taps(data: Any, image: Any, repeats: int) -> None:
    for row in numba.prange(image.shape[0]):
        for j in range(repeats):
            above, below = data[row, j:], data[row + 1, j:]
            for k in range(image.shape[1]):
                image[row, k] += 0.7 * above[k] + 0.3 * below[k]


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


def report(name: str, seconds: float, ratio: float, against: str) -> None:
    """Print one row of the table."""
    print(f"{name:<46} {seconds * 1e3:9.1f} ms   {ratio:7.2f} {against}")


def bench_kirchhoff(line: Any) -> None:
    """Tap rates of the summation over several kinds of curves, against the bare loop."""
    geometry = acquisition(line)
    n = geometry.n_traces
    data = np.random.default_rng(0).normal(size=(geometry.n_samples + 1, n + 256)).astype("float32")
    target = np.zeros((geometry.n_samples, n), "float32")
    bare_seconds = best(lambda: _bare_taps(data, target, 200))
    bare = 2 * 200 * target.size / bare_seconds
    report("bare two-tap multiply-add, row stored each time", bare_seconds, bare / 1e9, "G taps/s")
    cases: list[tuple[str, Any, float, float, bool]] = [
        ("constant v, no offset", 0.1, 0.0, 0.0, False),
        ("constant v, no offset, anti-alias copies", 0.1, 0.0, 0.0, True),
        ("constant v, offset and air gap", 0.1, 0.2, 0.3, False),
        ("v(z), offset", layered([0.3, 0.5], [0.12, 0.1, 0.08]), 0.2, 0.0, False),
    ]
    for name, velocity, separation, height, antialias in cases:
        case = line.assign_coords(separation=separation).assign_attrs(antenna_height=height)
        geometry = acquisition(case)
        ground = medium(velocity)
        depths = image_depths(geometry, ground, None, None)
        operator = Summation(geometry, ground, depths, separation, Aperture(50.0, None, antialias))
        table, rows = operator.table, operator.prepared(case["amplitude"].values)
        taps = taps_of(operator, n)
        arguments = (table.rows, table.early, table.late, table.first, table.last, table.pad)
        seconds = best(lambda rows=rows, a=arguments: diffraction_sum(rows, *a, threads=THREADS))
        report(
            f"Kirchhoff sum, {name}", seconds, taps / seconds / bare, f"x bare ({taps / seconds / 1e9:.1f} G taps/s)"
        )
        if not antialias:
            image = np.zeros((depths.size, n + 2 * table.pad), "float32")
            back = best(lambda i=image, a=arguments, m=rows.shape[0]: diffraction_spread(i, *a, m, threads=THREADS))
            report("  its adjoint (demigration)", back, back / seconds, "x its sum")
        whole = best(lambda c=case, v=velocity, a=antialias: kirchhoff(c, v, antialias=a), 3)
        report("  whole step (filter, tables, sum)", whole, whole / seconds, "x its sum")


def taps_of(operator: Summation, n_traces: int) -> float:
    """Return the multiply-adds of one sum, two per tap."""
    table = operator.table
    lengths = np.maximum(table.last - table.first, 0).astype(float)
    return 2 * n_traces * float(np.sum(2 * lengths - (table.first == 0)))


def bench_section(line: Any) -> None:
    """Kirchhoff over v(x, z) and topography, whole step, against the sum and the whole step of one velocity."""
    n = line.sizes["trace"]
    geometry, ground = acquisition(line), medium(0.1)
    depths = image_depths(geometry, ground, 0.0125, 4.0)
    operator = Summation(geometry, ground, depths, 0.0, Aperture(50.0, None, False))
    data = np.random.default_rng(0).normal(size=(geometry.n_samples + 1, n + 256)).astype("float32")
    target = np.zeros((geometry.n_samples, n), "float32")
    bare = 2 * 200 * target.size / best(lambda: _bare_taps(data, target, 200))
    taps = taps_of(operator, n)
    end = float(line["distance"].values[-1])
    along = xr.DataArray(
        [[0.1, 0.1], [0.11, 0.11]], dims=("distance", "depth"), coords={"distance": [0.0, end], "depth": [0.0, 4.0]}
    )
    hilly = line.assign_coords(z=("trace", np.sin(0.1 * line["distance"].values)))
    for name, case, options in (
        ("v(x, z)", line, {"velocity": along}),
        ("topography", hilly, {"velocity": 0.1, "topography": True}),
    ):
        seconds = best(
            lambda c=case, o=options: kirchhoff(c, **o, antialias=False, depth_step=0.0125, max_depth=4.0), 2
        )
        report(f"Kirchhoff, {name}, whole step", seconds, taps / seconds / bare, "x bare")


def bench_volume(n_samples: int) -> None:
    """Rate of the sum in three dimensions, filter included, against that along one line."""
    n, channels = 2000, 16
    data = np.random.default_rng(0).normal(size=(channels, n, n_samples)).astype("float32")
    offsets = (0.08 * np.arange(channels)).tolist()
    line = from_array(data, dt=0.25, spacing=0.05, frequency=400, channel_offsets=offsets)
    single = line.isel(channel=0).drop_vars(["channel", "offset"])
    depths = image_depths(acquisition(single), medium(0.1), None, None)
    operator = Summation(acquisition(single), medium(0.1), depths, 0.0, Aperture(50.0, None, False))
    rows, table = operator.prepared(data[0]), operator.table
    arguments = (table.rows, table.early, table.late, table.first, table.last, table.pad)
    seconds = best(lambda: diffraction_sum(rows, *arguments, threads=THREADS), 3)
    rate = taps_of(operator, n) / seconds
    report("Kirchhoff sum, one line of the array", seconds, rate / 1e9, "G taps/s")
    tables = CurveTables(acquisition(line), medium(0.1), depths, Aperture(50.0, None, False))
    total = 0.0
    for one in offsets:
        for other in offsets:
            curves = tables.get(one - other, 0.0, 0.08)
            total += 2 * n * float(np.sum(2.0 * np.maximum(curves.last - curves.first, 0) - (curves.first == 0)))
    seconds = best(lambda: kirchhoff_3d(line, 0.1, antialias=False), 1)
    report(
        f"Kirchhoff 3-D, {channels} channels x {n} traces, whole step", seconds, total / seconds / rate, "x its rate"
    )
    report("  peak memory of this process", 0.0, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, "GiB")


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

    limit = best(transforms)
    report(f"float32 transforms of {n_x} x {n_t}, there and back", limit, 1.0, "x")
    seconds = best(lambda: stolt(line, 0.1))
    report("Stolt, whole step", seconds, seconds / limit, "x its transforms")


def bench_phase_shift(line: Any) -> None:
    """Phase shift against nz complex multiply-adds per (kx, omega)."""
    n_x, n_w, n_z = 2048, 320, 512
    rng = np.random.default_rng(0)
    real, imaginary = rng.normal(size=(2, n_x, n_w)).astype("float32")
    turns = np.array([np.cos(np.arange(n_w)), np.sin(np.arange(n_w))], "float32")
    out = np.empty((n_x, n_z), "complex64")
    limit = best(lambda: _bare_turns(real, imaginary, turns, n_z, out), 3)
    report(f"bare complex multiply-adds, {n_x} x {n_w} x {n_z}", limit, n_x * n_w * n_z / limit / 1e9, "G/s")
    spectrum = (real + 1j * imaginary).astype("complex64")
    kx = np.zeros(n_x)  # every frequency propagates: as much work as the bare loop
    for name, velocities in (
        ("one velocity", np.full(n_z - 1, 0.05)),
        ("20 layers", np.repeat(np.linspace(0.05, 0.04, 20), 26)[: n_z - 1]),
    ):
        seconds = best(lambda v=velocities: extrapolate(spectrum, kx, 0.1, v, 0.0125, n_z, 1.0, threads=THREADS), 3)
        report(f"phase shift, {name}", seconds, seconds / limit, "x bare")
    whole = best(lambda: phase_shift(line, 0.1), 1)
    report("phase shift, whole step", whole, whole / best(lambda: stolt(line, 0.1), 3), "x Stolt")


def bench_length(n_samples: int) -> None:
    """Cost per trace of lines of growing length."""
    for kilometres in (1, 4, 16):
        n = int(kilometres * 1000 / 0.05) // (1 if n_samples >= 512 else 8)
        data = np.random.default_rng(0).normal(size=(n, n_samples)).astype("float32")
        line = from_array(data, dt=0.25, spacing=0.05, frequency=200)
        seconds = best(lambda line=line: kirchhoff(line, 0.1, antialias=False), 1)
        report(f"Kirchhoff, {n * 0.05 / 1000:g} km, {n} traces", seconds, seconds / n * 1e6, "us per trace")


def main() -> None:
    """Print the table."""
    quick = "--quick" in sys.argv
    n_traces, n_samples = (1024, 256) if quick else (4096, 512)
    data = np.random.default_rng(0).normal(size=(n_traces, n_samples)).astype("float32")
    line = from_array(data, dt=0.25, spacing=0.05, frequency=200)
    print(f"{n_traces} traces x {n_samples} samples, {THREADS} threads")
    bench_kirchhoff(line)
    bench_stolt(line)
    bench_phase_shift(line)
    bench_rtm(line)
    bench_section(line)
    bench_volume(n_samples)
    if "--length" in sys.argv:
        bench_length(n_samples)


if __name__ == "__main__":
    main()

"""Speed of the FDTD engine, as a ratio to the bare lattice update measured in the same run.

The bare update steps E and H of a lossless grid in one sweep and nothing else: no absorbing layers, no source, no
receivers, no saving of work. Run ``python benchmarks/bench_synthetic.py``.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numba
import numpy as np

from gprscan.synthetic import fdtd
from gprscan.synthetic.media import Layer, Medium, layered_medium

FREQUENCY, SEPARATION, HEIGHT, WINDOW = 400.0, 0.12, 0.03, 36.0


@numba.njit(fastmath=True, error_model="numpy")
def _bare(ez: Any, hx: Any, hy: Any, cb: Any, courant: Any, steps: int) -> None:
    nx, nz = ez.shape
    for _ in range(steps):
        for i in range(nx - 1):
            e, e_next, x, y = ez[i], ez[i + 1], hx[i], hy[i]
            for k in range(nz - 1):
                x[k] -= courant * (e[k + 1] - e[k])
                y[k] += courant * (e_next[k] - e[k])
            if i > 0:
                b, y_before = cb[i], hy[i - 1]
                for k in range(nz - 2):
                    e[k + 1] += b[k + 1] * ((y[k + 1] - y_before[k + 1]) - (x[k + 1] - x[k]))


def seconds(run: Callable[[], object], repeats: int = 5) -> float:
    """Return the least processor time of several runs in s; the first one, which compiles, does not count."""
    run()
    best = np.inf
    for _ in range(repeats):
        start = time.process_time()
        run()
        best = min(best, time.process_time() - start)
    return best


def road(length: float) -> Medium:
    """A layered road on a grid of 1 cm."""
    layers = (Layer("asphalt", 0.14, 5.4, 0.002), Layer("base", 0.28, 7.2, 0.003), Layer("soil", np.inf, 10.4, 0.006))
    return layered_medium(layers, length=length, depth=1.75, air=0.18, step=0.01)


def main() -> None:
    """Print the table."""
    medium = road(3.4)
    nx, nz = medium.shape
    steps = int(np.ceil(WINDOW / fdtd.time_step(medium.step))) + 1
    updates = nx * nz * steps
    fields = [np.zeros((nx, nz), "float32") for _ in range(3)]
    cb = (0.7 / medium.permittivity).astype("float32")

    def trace(ground: Medium = medium, window: float = 3.2) -> object:
        return fdtd.simulate(
            ground,
            0.5 * (ground.shape[0] - 1) * ground.step,
            frequency=FREQUENCY,
            separation=SEPARATION,
            antenna_height=HEIGHT,
            time_window=WINDOW,
            window=window,
        )

    bare = seconds(lambda: _bare(*fields, cb, np.float32(0.7), steps))
    reach = fdtd.rows_in_reach
    engine = seconds(trace)
    try:
        fdtd.rows_in_reach = lambda medium, dt, n, row, silence: np.full(n, medium.shape[1])
        whole = seconds(trace)
    finally:
        fdtd.rows_in_reach = reach
    long_line = road(31.0)
    windowed = seconds(lambda: trace(long_line), 2)
    unwindowed = seconds(lambda: trace(long_line, window=31.0), 1)
    print(f"grid {nx} x {nz}, {steps} steps, one thread")
    print(f"{'':44s}{'s/trace':>9s}{'of bare':>9s}")
    for name, value in (
        ("bare update, no boundary", bare),
        ("engine, every row at every step", whole),
        ("engine, rows in reach only", engine),
        ("engine, 31 m road, window of 3.2 m", windowed),
        ("engine, 31 m road, whole grid", unwindowed),
    ):
        print(f"{name:44s}{value:9.3f}{value / bare:9.2f}")
    print(f"bare update: {updates / bare / 1e6:.0f} million cells per second")


if __name__ == "__main__":
    main()

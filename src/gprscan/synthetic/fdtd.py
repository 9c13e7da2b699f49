"""Two-dimensional full-wave simulation of a line: the front end of the FDTD kernel."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gprscan.errors import ParameterError
from gprscan.kernels import fdtd as kernels
from gprscan.synthetic import wavelets
from gprscan.synthetic.media import Medium
from gprscan.units import C_AIR

ETA0 = 376.730313668  # impedance of free space, ohm
EPS0 = 8.8541878128e-3  # permittivity of free space, nF/m, so that S/m times ns is dimensionless
LAYER_CELLS = 10


@dataclass(frozen=True)
class Record:
    """Simulated traces.

    Parameters
    ----------
    traces : float32 array, shape (trace, sample)
        Ez at the receiver in V/m for a current of 1 A at the pulse's peak; sample k is at ``k dt``.
    dt : float
        Sampling interval in ns.
    time_zero : float
        Time of the pulse's envelope peak in ns.
    midpoint : float64 array, shape (trace,)
        Position of the antennas' midpoint in m, snapped to the grid.
    separation, antenna_height : float
        In m, as snapped to the grid.
    """

    traces: NDArray[np.float32]
    dt: float
    time_zero: float
    midpoint: NDArray[np.floating]
    separation: float
    antenna_height: float


def time_step(step: float) -> float:
    """Largest stable time step in ns on a square grid: ``dl / (c sqrt 2)`` (Courant condition)."""
    return step / (C_AIR * np.sqrt(2.0))


def update_coefficients(medium: Medium, dt: float) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Coefficients of the lossy Ez update (Taflove and Hagness 2005, eq. 3.28), zero on conductors.

    Parameters
    ----------
    medium : Medium
        Electrical properties at the Ez nodes.
    dt : float
        Time step in ns.

    Returns
    -------
    ca, cb : float32 array, shape (nx, nz)
        ``(1 - q) / (1 + q)`` and ``S / (eps (1 + q))`` with ``q = sigma dt / (2 eps eps0)`` and the Courant number S.
    """
    q = medium.conductivity * np.float32(dt / (2.0 * EPS0)) / medium.permittivity
    live = ~medium.conductor
    ca = np.where(live, (1 - q) / (1 + q), 0)
    cb = np.where(live, np.float32(C_AIR * dt / medium.step) / (medium.permittivity * (1 + q)), 0)
    return ca.astype("float32"), cb.astype("float32")


def absorbing_profiles(
    step: float, dt: float, permittivity: float, cells: int = LAYER_CELLS
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """CPML coefficients of Roden and Gedney (2000), eqs. 20-22 and 27, from the inner to the outer face.

    Parameters
    ----------
    step, dt : float
        Node distance in m and time step in ns.
    permittivity : float
        Typical relative permittivity at the boundary, for the size of the loss.
    cells : int
        Thickness in cells.

    Returns
    -------
    whole, half : float32 array, shape (3, cells)
        Rows b, c and 1/kappa - 1 at the nodes, and half a cell further out.
    """
    order, kappa_max, alpha_max = 3, 5.0, 0.05
    sigma_max = 0.8 * (order + 1) / (ETA0 * step * np.sqrt(permittivity))

    def profile(position: NDArray[np.floating]) -> NDArray[np.float32]:
        u = position / cells
        sigma, kappa, alpha = sigma_max * u**order, 1 + (kappa_max - 1) * u**order, alpha_max * (1 - u)
        b = np.exp(-(sigma / kappa + alpha) * dt / EPS0)
        c = np.where(sigma > 0, sigma / (kappa * (sigma + kappa * alpha) + 1e-30), 0.0) * (b - 1)
        return np.stack([b, c, 1 / kappa - 1]).astype("float32")

    cell = np.arange(cells, dtype="float64")
    return profile(cell), profile(cell + 0.5)


def rows_in_reach(medium: Medium, dt: float, steps: int, source_row: int, silence: float) -> NDArray[np.int64]:
    """Rows that energy can reach and come back from within the record, for each step.

    Parameters
    ----------
    medium : Medium
        The whole line.
    dt : float
        Time step in ns.
    steps : int
        Number of steps.
    source_row : int
        Row of the antennas.
    silence : float
        Time in ns before which the source radiates nothing to speak of.

    Returns
    -------
    int64 array, shape (steps,)
        Number of rows counted from the top. Times follow the fastest node of each row, so that nothing physical is cut
        off.
    """
    permittivity = np.where(medium.conductor, np.float32(np.inf), medium.permittivity).min(axis=0)
    slowness = np.sqrt(np.where(np.isfinite(permittivity), permittivity, 1.0)) / C_AIR
    arrival = np.cumsum(slowness[source_row:]) * medium.step
    now = np.arange(steps) * dt
    reachable = np.minimum(now - silence, now[-1] - now)
    margin = 12  # numerical dispersion smears a front over some cells
    deepest = np.searchsorted(arrival, np.maximum(reachable, 0.0)) + source_row + margin
    return np.minimum(deepest, medium.shape[1] - 1).astype("int64")


def simulate(
    medium: Medium,
    midpoint: ArrayLike,
    *,
    frequency: float,
    separation: float,
    antenna_height: float,
    time_window: float,
    pulse: str | Callable[[NDArray[np.floating]], NDArray[np.floating]] = "ricker",
    delay: float | None = None,
    window: float = 3.6,
    max_dt: float = 0.08,
    parallel: bool = False,
) -> Record:
    """Simulate the traces of a line, transmitter and receiver moving together.

    Parameters
    ----------
    medium : Medium
        Electrical properties of the whole line.
    midpoint : array_like, shape (trace,)
        Midpoints of transmitter and receiver along the line in m.
    frequency : float
        Peak frequency of the source current in MHz.
    separation, antenna_height : float
        Transmitter-receiver distance along the line, and height above the ground, in m.
    time_window : float
        Length of a trace in ns.
    pulse : str or callable
        Name of a pulse of `gprscan.synthetic.wavelets`, or current in A as a function of the time since the start in
        ns.
    delay : float, optional
        Time in ns from the start to the envelope peak; ``sqrt(2) / frequency`` where not given.
    window : float
        Length of ground in m that is computed around each trace. The sides absorb; what lies outside is not seen.
    max_dt : float
        Upper limit of the sampling interval in ns; time steps are thinned to it.
    parallel : bool
        Share the traces out over numba's threads; only from the main thread.

    Returns
    -------
    Record
        Traces, and the geometry as snapped to the grid.

    Raises
    ------
    ParameterError
        If antennas lie outside the grid or below the ground, or the grid is too coarse for the pulse.
    """
    dt = time_step(medium.step)
    steps = int(np.ceil(time_window / dt)) + 1
    delay = wavelets.pulse_delay(frequency) if delay is None else float(delay)
    half_step = (np.arange(steps) + 0.5) * dt
    values = pulse(half_step) if callable(pulse) else wavelets.pulse(pulse, half_step - delay, frequency)
    current = (np.asarray(values) * (ETA0 / medium.step)).astype("float32")
    sources, receivers = _antenna_nodes(medium, midpoint, separation, antenna_height)
    _require_sampling(medium, frequency)
    width = min(round(window / medium.step) + 2 * LAYER_CELLS + 1, medium.shape[0])
    middle = (sources[:, 0] + receivers[:, 0]) // 2
    starts = np.clip(middle - width // 2, 0, medium.shape[0] - width).astype("int64")
    every = max(int(max_dt / dt), 1)
    traces = np.zeros((sources.shape[0], (steps - 1) // every + 1), "float32")
    ca, cb = update_coefficients(medium, dt)
    whole, half = absorbing_profiles(medium.step, dt, float(np.sqrt(medium.permittivity.mean(dtype="float64"))))
    loud = np.flatnonzero(np.abs(current) > 1e-5 * np.abs(current).max())
    reach = rows_in_reach(medium, dt, steps, int(sources[0, 1]), float(loud[0]) * dt if loud.size else 0.0)
    run = kernels.fdtd_line_parallel if parallel else kernels.fdtd_line_serial
    courant = np.float32(C_AIR * dt / medium.step)
    run(ca, cb, courant, current, sources, receivers, starts, width, whole, half, reach, every, traces)
    nodes = 0.5 * (sources[:, 0] + receivers[:, 0])
    return Record(
        traces,
        dt * every,
        delay,
        nodes * medium.step,
        float(receivers[0, 0] - sources[0, 0]) * medium.step,
        float(medium.surface - sources[0, 1]) * medium.step,
    )


def _antenna_nodes(
    medium: Medium, midpoint: ArrayLike, separation: float, antenna_height: float
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Nodes of the transmitters and the receivers, checked to lie in air and inside the absorbing layers."""
    middle = np.atleast_1d(np.asarray(midpoint, dtype="float64"))
    apart = round(separation / medium.step)
    row = medium.surface - round(antenna_height / medium.step)
    first = np.round(middle / medium.step - apart / 2).astype("int64")
    low, high = int(first.min()), int(first.max()) + apart
    if low <= LAYER_CELLS or high >= medium.shape[0] - 1 - LAYER_CELLS:
        msg = (
            f"antennas reach from {low * medium.step:.2f} to {high * medium.step:.2f} m, but the grid is "
            f"{(medium.shape[0] - 1) * medium.step:.2f} m long and absorbs over {LAYER_CELLS} cells at each end. "
            "Lengthen it."
        )
        raise ParameterError(msg)
    if not LAYER_CELLS < row <= medium.surface:
        msg = (
            f"an antenna height of {antenna_height} m does not fit into {medium.surface * medium.step:.3f} m of air, "
            f"of which {LAYER_CELLS} cells absorb."
        )
        raise ParameterError(msg)
    rows = np.full_like(first, row)
    return np.stack([first, rows], axis=1), np.stack([first + apart, rows], axis=1)


def _require_sampling(medium: Medium, frequency: float) -> None:
    """Refuse a grid on which the pulse would disperse beyond use."""
    typical = float(np.median(medium.permittivity[:, medium.surface :]))
    cells = C_AIR / np.sqrt(typical) / (2e-3 * frequency) / medium.step
    if cells < 5:
        msg = (
            f"{medium.step * 1e3:.1f} mm nodes give {cells:.1f} cells per wavelength at {2 * frequency:.0f} MHz "
            f"in a ground of permittivity {typical:.1f}; at least 5 are needed. "
            f"Use a step of {medium.step * cells / 8 * 1e3:.1f} mm."
        )
        raise ParameterError(msg)

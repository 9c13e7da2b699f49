"""Reverse-time migration of pairs of antennas: the field of the transmitter correlated with that of the receiver."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import fft

from gprscan.kernels.jit import in_order, threads
from gprscan.kernels.reverse_time import correlate_pair
from gprscan.kernels.spectral import resample, sinc_table
from gprscan.migration.acquisition import Acquisition
from gprscan.migration.curves import TAPER
from gprscan.migration.section import Section, slowness_at
from gprscan.synthetic.fdtd import LAYER_CELLS, absorbing_profiles, time_step, update_coefficients
from gprscan.synthetic.media import Medium as Lattice
from gprscan.units import C_AIR

BAND = 3.0  # of the centre frequency: what is sent
CELLS = 10  # per wavelength at 2.2 times the centre frequency
BEFORE = 2.0  # periods of the centre frequency from the start of the pulse to its middle
EDGE = LAYER_CELLS + 4  # nodes beyond what is imaged, on every side
DARK = 1e-3  # of the mean: added to the light of the transmitters before it is divided by


@dataclass(frozen=True)
class Pairs:
    """A lattice below the line with the antennas on it.

    Attributes
    ----------
    lattice : Lattice
        In the time of a medium whose fastest waves travel with the speed of light.
    scale : float
        By how much slower that is than the ground.
    antennas, ground : int
        Row of the antennas, and that of the surface of the ground.
    per_trace, reach, apart : int
        Nodes from trace to trace, from the middle of a pair to the edge of its image, and from antenna to antenna.
    """

    lattice: Lattice
    scale: float
    antennas: int
    ground: int
    per_trace: int
    reach: int
    apart: int


def migrate_pairs(
    traces: np.ndarray,
    geometry: Acquisition,
    ground: Section,
    separation: float,
    depths: np.ndarray,
    aperture: float,
    *,
    normalised: bool,
) -> np.ndarray:
    """Migrate one channel pair by pair, shape (trace, sample) to (trace, depth); see `rtm`."""
    pairs = _lattice(geometry, ground, separation, float(depths[-1]), aperture)
    lattice, step = pairs.lattice, pairs.lattice.step
    interval = time_step(step)
    real = interval / pairs.scale
    pulse, echoes = _currents(traces, geometry, real)
    ca, cb = update_coefficients(lattice, interval)
    whole, half = absorbing_profiles(step, interval, float(np.sqrt(lattice.permittivity.mean(dtype="float64"))))
    courant, every = np.float32(C_AIR * interval / step), max(int(0.5e3 / (BAND * geometry.frequency) / real), 1)
    width, rows = 2 * (pairs.reach + EDGE) + 1, lattice.permittivity.shape[1] - EDGE - pairs.ground
    window = (EDGE, width - EDGE, pairs.ground, pairs.ground + rows)
    source = (width // 2 - pairs.apart // 2, pairs.antennas)
    receiver = (source[0] + pairs.apart, pairs.antennas)
    share = _within(pairs.reach, rows, step, geometry.height, aperture)
    image = np.zeros((2, lattice.permittivity.shape[0] - 2 * EDGE, rows), "float32")

    def work(trace: int) -> np.ndarray:
        seen = np.zeros((2, width - 2 * EDGE, rows), "float32")
        start = trace * pairs.per_trace
        here = slice(start, start + width)
        correlate_pair(
            ca[here], cb[here], courant, pulse, echoes[trace], source, receiver, whole, half, every, window, *seen
        )
        return share * seen

    # pair by pair along the line: the rounding of the sum does not depend on the number of threads
    for trace, seen in enumerate(in_order(work, range(traces.shape[0]), threads())):
        start = trace * pairs.per_trace
        image[:, start : start + seen.shape[1]] += seen
    product, light = image[:, pairs.reach : image.shape[1] - pairs.reach : pairs.per_trace]
    if normalised:
        product = product / (light + DARK * float(light.mean()) + 1e-30)
    return resample(np.ascontiguousarray(product), depths / step, sinc_table())


def _lattice(geometry: Acquisition, ground: Section, separation: float, deepest: float, aperture: float) -> Pairs:
    """Lay the lattice below the line and, on both sides, below what the pairs at its ends see."""
    slowest = float(1 / ground.slowness.max())
    per_trace = int(np.ceil(geometry.spacing * CELLS / (slowest / (2.2e-3 * geometry.frequency))))
    step = geometry.spacing / per_trace
    # no wave comes back from farther away before the end of the record
    fastest = C_AIR if geometry.height > 0 else float(1 / ground.slowness.min())
    heard = (
        0.5 * fastest * (geometry.start + geometry.dt * (geometry.n_samples - 1) + BEFORE * 1e3 / geometry.frequency)
    )
    farthest = min((deepest + geometry.height) * np.tan(np.radians(aperture)), heard)
    reach = int(np.ceil((farthest + 0.5 * separation) / step))
    above = round(geometry.height / step)
    nodes = (geometry.n_traces - 1) * per_trace + 1 + 2 * (reach + EDGE)
    below = int(np.ceil(deepest / step)) + 5 + EDGE
    slowness = slowness_at(ground, (np.arange(nodes) - reach - EDGE) * step, step * np.arange(-EDGE - above, below))
    if above > 0:
        slowness[:, : EDGE + above] = 1 / C_AIR
    speed = float(1 / slowness.min())
    permittivity = ((slowness * speed) ** 2).astype("float32")
    empty = np.zeros_like(permittivity)
    lattice = Lattice(permittivity, empty, empty.astype(bool), step, EDGE)
    return Pairs(lattice, speed / C_AIR, EDGE, EDGE + above, per_trace, reach, round(separation / step))


def _currents(traces: np.ndarray, geometry: Acquisition, interval: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the currents of transmitter and receiver at the half steps, shapes (step,) and (trace, step).

    The transmitter sends a pulse with a flat band around time zero. The product of two line sources' fields weighs the
    spectrum of the record by ``-i omega``; a sum along the line asks for ``sqrt(-i omega)`` (see `half_derivative`), and so
    the record is divided by that root first.
    """
    centre = 1e-3 * geometry.frequency
    before = BEFORE / centre
    size = fft.next_fast_len(2 * geometry.n_samples, real=True)
    frequency = fft.rfftfreq(size, geometry.dt)
    heard = (frequency > 0) & (frequency < BAND * centre)
    frequency = frequency[heard]
    omega = 2 * np.pi * frequency
    low, high = np.clip(frequency / (0.3 * centre), 0, 1), np.clip((BAND * centre - frequency) / centre, 0, 1)
    band = np.sin(0.5 * np.pi * low) ** 2 * np.sin(0.5 * np.pi * high) ** 2
    spectrum = fft.rfft(traces, size, axis=1)[:, heard] / np.sqrt(-1j * omega) * (2 / size)
    end = geometry.start + geometry.dt * (geometry.n_samples - 1)
    times = -before + interval * (0.5 + np.arange(int(np.ceil((end + before) / interval))))
    turns = np.exp(1j * omega[:, None] * times[None, :])
    pulse = (band @ turns).real / band.sum()
    echoes = (
        spectrum.astype("complex64") @ (turns * np.exp(-1j * omega * geometry.start)[:, None]).astype("complex64")
    ).real
    # the root rings on before the record starts and after its end
    echoes[:, (times < geometry.start) | (times > end)] = 0.0
    return pulse.astype("float32"), np.ascontiguousarray(echoes, dtype="float32")


def _within(reach: int, rows: int, step: float, height: float, aperture: float) -> np.ndarray:
    """Return the weight of a pair's image, shape (column, row): 1, and tapered to 0 at the aperture."""
    along = step * np.abs(np.arange(-reach, reach + 1))[:, None]
    edge = (step * np.arange(rows)[None, :] + height) * np.tan(np.radians(aperture)) + 1e-9
    return (np.sin(0.5 * np.pi * np.clip((1 - along / edge) / TAPER, 0.0, 1.0)) ** 2).astype("float32")

"""Kirchhoff migration through a section v(x, z), and below a hilly ground, with times from the eikonal equation."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from gprscan.kernels.eikonal import mean_slowness
from gprscan.kernels.jit import threads
from gprscan.kernels.section import section_spread, section_sum
from gprscan.kernels.section_knots import ROWS_BEYOND, Curves, largest_bend
from gprscan.migration.acquisition import Acquisition
from gprscan.migration.curves import Aperture, edge_taper, largest_weight, low_pass_cutoffs, reach
from gprscan.migration.rho import half_derivative, half_derivative_adjoint
from gprscan.migration.section import Section
from gprscan.migration.summation import coherent

COLUMNS = 2  # places per wavelength for which travel times are solved
SPARSE = 8  # such places from one to the next where the velocity changes slowly; a power of two
BLOCK = 256  # traces whose curves are worked out together; blocks start at multiples of it
STRAY = 1 / 48  # of a period: how far straight lines between knots may be off the times
GROUP = 8  # blocks whose travel times are held at a time


class SectionSummation:
    """Migration through a section of the channels of one separation, (trace, sample) to (trace, depth).

    Parameters
    ----------
    geometry : Acquisition
    ground : Section
        Reaching `margin` beyond the line.
    depths : ndarray, shape (depth,)
        m.
    separation : float
        Transmitter-receiver distance, m.
    aperture : Aperture
    """

    def __init__(
        self, geometry: Acquisition, ground: Section, depths: np.ndarray, separation: float, aperture: Aperture
    ) -> None:
        self.geometry, self.ground, self.depths = geometry, ground, depths
        self.widths = reach(geometry, ground.layers, depths, aperture)
        lateral = np.arange(min(int(self.widths.max()), geometry.n_traces - 1) + 2)
        self.taper = edge_taper(lateral, self.widths).astype("float32")
        steepest = 2 * float(ground.slowness.max())
        self.cutoffs = low_pass_cutoffs(geometry, steepest) if aperture.antialias else (np.inf,)
        self.pad = lateral.size + BLOCK
        self.scales = (
            geometry.spacing, 0.5 * separation, geometry.height, geometry.dt, geometry.start, largest_weight(geometry),
        )  # fmt: skip
        self.farthest = geometry.spacing * lateral.size + 0.5 * separation
        self.uniform = bool(np.ptp(ground.slowness, axis=0).max() < 1e-9)

    def migrate(self, traces: np.ndarray) -> np.ndarray:
        """Sum along the diffraction curves."""
        return self._sums([self._rows(traces)])[0].T

    def migrate_coherent(self, traces: np.ndarray, power: float, smoothing: int) -> np.ndarray:
        """Migrate, and weight by a power of the coherence along the curves; see `coherent`."""
        rows = self._rows(traces)
        height = self.geometry.n_samples + 2 * ROWS_BEYOND
        ones = np.zeros_like(rows)
        ones.reshape(-1, height, rows.shape[1])[:, ROWS_BEYOND:-ROWS_BEYOND] = 1.0
        total, energies, weight = self._sums([rows, rows**2, ones])
        return coherent(total, energies, weight, power, smoothing).T

    def demigrate(self, image: np.ndarray) -> np.ndarray:
        """Spread along the diffraction curves, the adjoint of `migrate`: (trace, depth) to (trace, sample)."""
        n, n_copies = self.geometry.n_samples, len(self.cutoffs)
        rows = np.zeros((n_copies * (n + 2 * ROWS_BEYOND), image.shape[0] + 2 * self.pad), "float32")
        for chunks, sizes, curves in self._groups():
            first, last = int(chunks[0]), int(chunks[-1]) + BLOCK
            part = np.zeros((self.depths.size, last - first), "float32")
            inside = slice(max(first, 0), min(last, image.shape[0]))
            part[:, inside.start - first : inside.stop - first] = image[inside].T
            section_spread(rows, self.pad, first, sizes, curves, part)
        copies = rows.reshape(n_copies, -1, rows.shape[1])[:, ROWS_BEYOND : ROWS_BEYOND + n, self.pad : -self.pad]
        return half_derivative_adjoint(np.ascontiguousarray(copies.transpose(0, 2, 1)), self.geometry.dt, self.cutoffs)

    def _rows(self, traces: np.ndarray) -> np.ndarray:
        """Return the filtered traces as the kernel wants them, with zeros on all sides."""
        n = self.geometry.n_samples
        rows = np.zeros((len(self.cutoffs), n + 2 * ROWS_BEYOND, traces.shape[0] + 2 * self.pad), "float32")
        columns = rows[:, ROWS_BEYOND : ROWS_BEYOND + n]
        half_derivative(traces, self.geometry.dt, self.cutoffs, columns, self.pad)
        return rows.reshape(-1, rows.shape[2])

    def _groups(self) -> Iterator[tuple[np.ndarray, np.ndarray, Curves]]:
        """Yield first traces of a group of blocks, the distances of their knots, and what their curves follow from."""
        n, spacing = self.geometry.n_traces, self.geometry.spacing
        for first in range(-self._before, n, BLOCK * GROUP):
            chunks = np.arange(first, min(first + BLOCK * GROUP, n), BLOCK)
            ratio, lattice = self._ratios(spacing * float(chunks[0]), spacing * float(chunks[-1] + BLOCK))
            curves = Curves(
                BLOCK, self.depths, self.widths, self.taper, self.scales, self.ground.relief, ratio, lattice,
                len(self.cutoffs), self.geometry.n_samples,
            )  # fmt: skip
            yield chunks, self._knots(chunks, curves), curves

    @property
    def _before(self) -> int:
        """Traces by which the first block starts before the line.

        Counted along the line from distance 0: a part of a line is cut into the same blocks as the whole.
        """
        return int(np.floor(self.ground.start / self.geometry.spacing + 0.3)) % BLOCK

    def _sums(self, inputs: list[np.ndarray]) -> list[np.ndarray]:
        """Sum several inputs along the same curves, each to (depth, trace)."""
        images: list[list[np.ndarray]] = [[] for _ in inputs]
        for chunks, sizes, curves in self._groups():
            for image, rows in zip(images, inputs, strict=True):
                image.append(section_sum(rows, self.pad, int(chunks[0]), sizes, curves, threads=threads()))
        own = slice(self._before, self._before + self.geometry.n_traces)
        return [np.concatenate(image, axis=1)[:, own] for image in images]

    def _knots(self, chunks: np.ndarray, curves: Curves) -> np.ndarray:
        """Return how many traces apart the knots of each block may be, for straight lines to follow the curves."""
        allowed = STRAY * 1e3 / self.geometry.frequency
        sizes = np.full(chunks.size, BLOCK)
        for number, start in enumerate(chunks.tolist()):
            while sizes[number] > 1 and allowed < largest_bend(start, sizes[number], curves):
                sizes[number] //= 2
        return sizes

    def _ratios(self, left: float, right: float) -> tuple[np.ndarray, tuple[float, float, int]]:
        """Return time over distance (ns/m) for the points between two places, shape (column, depth, lag).

        The second value says where: first column (m from the first trace), distance of the columns, and the lag 0.
        """
        ground = self.ground
        wavelength = 1e3 / (self.geometry.frequency * float(ground.slowness.max()))
        stride = max(round(wavelength / COLUMNS / ground.step), 1)
        gap = stride * ground.step
        lags = int(np.ceil(self.farthest / gap)) + 1
        if self.uniform:
            middle = lags * stride
            below = np.repeat(ground.slowness[:1], 2 * middle + 1, axis=0)
            times = mean_slowness(below, np.array([middle]), stride, lags, ground.step)
            return np.repeat(self._at_depths(times.transpose(0, 2, 1)), 2, axis=0), (np.inf, gap, lags)
        # columns and sources lie at multiples of the gap from distance 0
        before, phase = divmod(round((ground.start + ground.origin) / ground.step), stride)
        first = int(np.floor((left - ground.origin) / ground.step + phase)) // stride
        last = int(np.ceil((right - ground.origin) / ground.step + phase)) // stride + 1
        times = self._from_places(first - lags, last + lags, before, phase, stride, lags)
        columns = np.arange(last - first + 1)
        by_lag = [times[columns + lag, 2 * lags - lag] for lag in range(2 * lags + 1)]
        ratio = self._at_depths(np.stack(by_lag, axis=2))
        return ratio, (ground.origin + ground.step * (stride * first - phase), gap, lags)

    def _from_places(self, first: int, last: int, before: int, phase: int, stride: int, lags: int) -> np.ndarray:
        """Return time over distance from the places `first` to `last` of the lattice, shape (place, lag, row).

        Solved `SPARSE` places apart and half way between; where the mean of two neighbours is as near to what lies between
        as straight lines between knots have to be, the rest follows along straight lines, else they are halved again.
        """
        ground = self.ground
        begin = (first + before) // SPARSE * SPARSE - before  # counted from distance 0
        table = np.empty((-(-(last - begin) // SPARSE) * SPARSE + 1, 2 * lags + 1, ground.slowness.shape[1]), "float32")

        def solve(places: np.ndarray) -> None:
            columns = np.clip(stride * (begin + places) - phase, 0, ground.slowness.shape[0] - 1)
            table[places] = mean_slowness(ground.slowness, columns, stride, lags, ground.step, threads=threads())

        away = ground.step * np.hypot(stride * np.arange(-lags, lags + 1)[:, None], np.arange(table.shape[2]))
        allowed = 0.5 * STRAY * 1e3 / self.geometry.frequency
        width, left = SPARSE, np.arange(0, table.shape[0] - 1, SPARSE)
        solve(np.append(left, table.shape[0] - 1))
        while width > 1 and left.size:
            half, middle = width // 2, left + width // 2
            solve(middle)
            off = np.abs(table[middle] - 0.5 * (table[left] + table[left + width])) * away
            smooth = off.max(axis=(1, 2)) <= allowed
            for start in (left[smooth], middle[smooth]):
                for n in range(1, half):
                    share = np.float32(n / half)
                    table[start + n] = (1 - share) * table[start] + share * table[start + half]
            left = np.sort(np.concatenate([left[~smooth], middle[~smooth]]))
            width = half
        return table[first - begin : last - begin + 1]

    def _at_depths(self, ratio: np.ndarray) -> np.ndarray:
        """Interpolate from the rows of the grid to the depths of the image: (column, row, lag)."""
        row = np.clip(self.depths / self.ground.step, 0, ratio.shape[1] - 1.001)
        upper = row.astype(int)
        share = (row - upper).astype("float32")[None, :, None]
        return np.ascontiguousarray((1 - share) * ratio[:, upper] + share * ratio[:, upper + 1])

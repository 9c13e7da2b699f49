"""Kirchhoff migration of one channel as a linear operator, with its exact adjoint."""

from __future__ import annotations

import numpy as np

from gprscan.kernels.jit import threads
from gprscan.kernels.kirchhoff import diffraction_spread, diffraction_sum
from gprscan.migration.acquisition import Acquisition
from gprscan.migration.curves import Aperture, CurveTable, curve_table
from gprscan.migration.medium import Medium
from gprscan.migration.rho import half_derivative, half_derivative_adjoint

STRIP = 2048  # traces that are migrated together: what is held of them in between stays near the caches


class Summation:
    """Migration of a channel, shape (trace, sample) to (trace, depth), and its adjoint.

    Parameters
    ----------
    geometry : Acquisition
    ground : Medium
    depths : ndarray, shape (depth,)
        m.
    separation : float
        Transmitter-receiver distance, m.
    aperture : Aperture
    """

    def __init__(
        self, geometry: Acquisition, ground: Medium, depths: np.ndarray, separation: float, aperture: Aperture
    ) -> None:
        self.dt = geometry.dt
        self.n_samples = geometry.n_samples
        self.table: CurveTable = curve_table(geometry, ground, depths, separation, aperture)

    @property
    def _arguments(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray, int]:
        table = self.table
        return table.rows, table.early, table.late, table.first, table.last, table.pad

    def prepared(self, traces: np.ndarray, first: int = 0, last: int | None = None) -> np.ndarray:
        """Return filtered traces from `first` to `last` (left out) as the kernel wants them.

        Shape (copy x sample, pad + trace + pad), those beyond on either side among them, zeros where there are none.
        """
        pad, n = self.table.pad, self.n_samples
        last = traces.shape[0] if last is None else last
        low, high = max(first - pad, 0), min(last + pad, traces.shape[0])
        columns = np.zeros((len(self.table.cutoffs), n, last - first + 2 * pad), "float32")
        half_derivative(traces[low:high], self.dt, self.table.cutoffs, columns, low - first + pad)
        return columns.reshape(-1, columns.shape[2])

    def migrate(self, traces: np.ndarray) -> np.ndarray:
        """Sum along the diffraction curves: (trace, sample) to (trace, depth)."""
        image = np.empty((traces.shape[0], self.table.rows.shape[0]), "float32")
        for first in range(0, traces.shape[0], STRIP):
            last = min(first + STRIP, traces.shape[0])
            rows = self.prepared(traces, first, last)
            image[first:last] = diffraction_sum(rows, *self._arguments, threads=threads()).T
        return image

    def migrate_coherent(self, traces: np.ndarray, power: float, smoothing: int) -> np.ndarray:
        """Migrate, and weight by a power of the coherence along the curves; see `coherent`."""
        table = self.table
        rows = self.prepared(traces)
        total = diffraction_sum(rows, *self._arguments, threads=threads())
        energies = diffraction_sum(rows**2, *self._arguments, threads=threads())
        weight = np.zeros(table.rows.shape[0])
        for i in range(weight.size):
            used = slice(table.first[i], table.last[i])
            taps = np.where(np.arange(table.pad)[used] == 0, 1.0, 2.0)
            weight[i] = np.sum(taps * (table.early[i, used] + table.late[i, used]))
        return coherent(total, energies, weight[:, None], power, smoothing).T

    def demigrate(self, image: np.ndarray) -> np.ndarray:
        """Spread along the diffraction curves, the adjoint of `migrate`: (trace, depth) to (trace, sample)."""
        table = self.table
        n_copies = len(table.cutoffs)
        padded = np.zeros((image.shape[1], image.shape[0] + 2 * table.pad), "float32")
        padded[:, table.pad : -table.pad] = image.T
        data = diffraction_spread(padded, *self._arguments, n_copies * self.n_samples, threads=threads())
        copies = data.reshape(n_copies, self.n_samples, -1).transpose(0, 2, 1)
        return half_derivative_adjoint(np.ascontiguousarray(copies), self.dt, table.cutoffs)


def coherent(total: np.ndarray, energies: np.ndarray, weight: np.ndarray, power: float, smoothing: int) -> np.ndarray:
    """Weight an image by a power of the coherence of the traces that made it.

    The coherence is the energy of the sum over the sum of the energies (semblance; Neidell and Taner 1971, Geophysics
    36, 482-497), each averaged over `smoothing` depths.

    Parameters
    ----------
    total, energies : ndarray, shape (depth, trace)
        Weighted sums along the curves of the data, and of their squares.
    weight : ndarray
        Sum of the weights, broadcast to the same shape.
    """
    kernel = np.ones(smoothing) / smoothing
    above, below = (
        np.apply_along_axis(np.convolve, 0, values, kernel, "same")
        for values in (total**2, energies * weight.astype("float32"))
    )
    semblance = np.divide(above, below, out=np.zeros_like(above), where=below > 0)
    return np.asarray(total * np.clip(semblance, 0.0, 1.0) ** power, dtype="float32")

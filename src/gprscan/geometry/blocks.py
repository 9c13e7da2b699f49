"""Least squares over a chain of states: a block-tridiagonal system with a few unknowns that all states share."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import cho_solve_banded, cholesky_banded


@dataclass
class Chain:
    """Normal equations of a chain: each state is tied to its neighbours and to a border of shared unknowns.

    Attributes
    ----------
    diagonal : ndarray, shape (state, m, m)
        Information of each state.
    lower : ndarray, shape (state - 1, m, m)
        Information between state j + 1 (rows) and state j (columns).
    right : ndarray, shape (state, m, k)
        Right-hand sides.
    border : ndarray, shape (state, m, g)
        Information between each state and the shared unknowns.
    corner : ndarray, shape (g, g)
        Information of the shared unknowns.
    right_shared : ndarray, shape (g, k)
        Right-hand sides of the shared unknowns.
    """

    diagonal: np.ndarray
    lower: np.ndarray
    right: np.ndarray
    border: np.ndarray
    corner: np.ndarray
    right_shared: np.ndarray

    @classmethod
    def empty(cls, states: int, m: int, k: int = 1, g: int = 0) -> Chain:
        """Return a chain without any information."""
        zeros = np.zeros
        return cls(
            zeros((states, m, m)),
            zeros((states - 1, m, m)),
            zeros((states, m, k)),
            zeros((states, m, g)),
            zeros((g, g)),
            zeros((g, k)),
        )

    def solve(self) -> tuple[np.ndarray, np.ndarray, float]:
        """Solve the normal equations.

        Returns
        -------
        states : ndarray, shape (state, m, k)
        shared : ndarray, shape (g, k)
        log_determinant : float
            Natural logarithm of the determinant of the information of the states.
        """
        n, m, k = self.right.shape
        g = self.corner.shape[0]
        factor = cholesky_banded(self._banded(), lower=True, overwrite_ab=True, check_finite=False)
        stacked = np.concatenate([self.right, self.border], axis=2).reshape(n * m, k + g)
        solved = cho_solve_banded((factor, True), stacked, check_finite=False).reshape(n, m, k + g)
        states, through = solved[..., :k], solved[..., k:]
        shared = np.zeros((g, k))
        if g:
            shared = np.linalg.solve(
                self._reduced(through), self.right_shared - np.einsum("jmg,jmk->gk", self.border, states)
            )
            states = states - through @ shared
        return states, shared, 2.0 * float(np.log(factor[0]).sum())

    def covariance(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the marginal covariance of each state and that of the shared unknowns.

        Returns
        -------
        states : ndarray, shape (state, m, m)
        shared : ndarray, shape (g, g)

        Notes
        -----
        Block elimination forwards and the recursion ``S_j = D_j^-1 + G_j S_(j+1) G_j^T`` backwards, which is the
        Rauch-Tung-Striebel smoother in information form; the shared unknowns by the Schur complement.
        """
        n, m, _ = self.right.shape
        inverse = np.empty((n, m, m))
        gain = np.empty((max(n - 1, 0), m, m))
        pivot = self.diagonal[0]
        for j in range(n):
            inverse[j] = np.linalg.inv(pivot)
            if j < n - 1:
                gain[j] = inverse[j] @ self.lower[j].T
                pivot = self.diagonal[j + 1] - self.lower[j] @ gain[j]
        out = inverse
        for j in range(n - 2, -1, -1):
            out[j] += gain[j] @ out[j + 1] @ gain[j].T
        g = self.corner.shape[0]
        if not g:
            return out, np.zeros((0, 0))
        factor = cholesky_banded(self._banded(), lower=True, overwrite_ab=True, check_finite=False)
        through = cho_solve_banded((factor, True), self.border.reshape(n * m, g), check_finite=False)
        through = through.reshape(n, m, g)
        shared = np.linalg.inv(self._reduced(through))
        return out + through @ shared @ through.transpose(0, 2, 1), shared

    def _reduced(self, through: np.ndarray) -> np.ndarray:
        return self.corner - np.einsum("jmg,jmh->gh", self.border, through)

    def _banded(self) -> np.ndarray:
        """Return the matrix of the states in the lower banded form of LAPACK."""
        n, m, _ = self.diagonal.shape
        banded = np.zeros((2 * m, n, m))
        for column in range(m):
            for row in range(column, m):
                banded[row - column, :, column] = self.diagonal[:, row, column]
            for row in range(m):
                banded[m + row - column, :-1, column] = self.lower[:, row, column]
        return banded.reshape(2 * m, n * m)

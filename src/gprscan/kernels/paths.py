"""The best continuous path through a picture."""

from __future__ import annotations

import numpy as np

from gprscan.kernels.jit import kernel


@kernel
def best_path(score: np.ndarray, reach: int, penalty: float) -> np.ndarray:
    """Return, for each column, the row of the path with the largest sum of scores.

    From one column to the next the path changes by d rows at most `reach`, at the price ``penalty d^2``: dynamic
    programming (Bellman 1957; Viterbi 1967), exact.

    Parameters
    ----------
    score : ndarray of float32, shape (columns, rows)
        Finite.
    reach : int
    penalty : float

    Returns
    -------
    ndarray of int64, shape (columns,)
    """
    n_columns, n_rows = score.shape
    came_from = np.zeros((n_columns, n_rows), np.int16)
    total = score[0].astype(np.float64)
    best = np.empty(n_rows)
    for i in range(1, n_columns):
        for k in range(n_rows):
            most, shift = -1e300, 0
            for d in range(-reach, reach + 1):
                if 0 <= k + d < n_rows:
                    value = total[k + d] - penalty * d * d
                    if value > most:
                        most, shift = value, d
            best[k] = most + score[i, k]
            came_from[i, k] = shift
        total[:] = best
    rows = np.empty(n_columns, np.int64)
    rows[n_columns - 1] = np.argmax(total)
    for i in range(n_columns - 1, 0, -1):
        rows[i - 1] = rows[i] + came_from[i, rows[i]]
    return rows

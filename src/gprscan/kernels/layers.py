"""Following events along a line: a ridge in an image, and the best continuous path through a section."""

from __future__ import annotations

import math

import numpy as np

from gprscan.kernels.jit import brief_kernel


@brief_kernel
def follow_ridge(
    re: np.ndarray,
    im: np.ndarray,
    column: int,
    row: int,
    direction: int,
    half: int,
    reach: int,
    level: float,
    agreement: float,
) -> np.ndarray:
    """Follow an event from column to column by the phase and shape of its wavelet.

    In each next column the row is taken at which a window of the analytic signal agrees best (cosine of the angle
    between the two windows, times the root of the energy ratio up to one) with the mean of the windows so far.

    Parameters
    ----------
    re, im : ndarray of float32, shape (column, row)
        Analytic signal along the rows.
    column, row : int
        Where to start.
    direction : {-1, 1}
        Which way to go.
    half : int
        Half-length of the window in rows.
    reach : int
        Largest change of row from one column to the next.
    level : float
        The event ends where its envelope stays below this in two columns running.
    agreement : float
        It ends, too, where the cosine stays below this in two columns running.

    Returns
    -------
    ndarray of int64, shape (column,)
        Row of the event in each column from the next one on; -1 after its end.
    """
    n_columns, n_rows = re.shape
    out = np.full(n_columns, -1, np.int64)
    size = 2 * half + 1
    model_re = np.zeros(size)
    model_im = np.zeros(size)
    for q in range(size):
        k = row - half + q
        if 0 <= k < n_rows:
            model_re[q] = re[column, k]
            model_im[q] = im[column, k]
    here = row
    slope = 0.0
    weak = 0
    steps = 0
    c = column + direction
    while 0 <= c < n_columns:
        energy = 1e-30
        for q in range(size):
            energy += model_re[q] ** 2 + model_im[q] ** 2
        best, best_row, best_cos = -2.0, here, -1.0
        expected = here + slope * (weak + 1)
        for k in range(math.floor(expected) - reach, math.floor(expected) + reach + 1):
            if k < 0 or k >= n_rows:
                continue
            cross, power = 0.0, 1e-30
            for q in range(size):
                m = k - half + q
                if 0 <= m < n_rows:
                    cross += model_re[q] * re[c, m] + model_im[q] * im[c, m]
                    power += re[c, m] ** 2 + im[c, m] ** 2
            cosine = cross / math.sqrt(energy * power)
            score = cosine * math.sqrt(min(power / energy, 1.0)) - 0.02 * abs(k - expected) / max(reach, 1)
            if score > best:
                best, best_row, best_cos = score, k, cosine
        strength = math.sqrt(re[c, best_row] ** 2 + im[c, best_row] ** 2)
        if strength < level or best_cos < agreement:
            weak += 1
            if weak == 2:
                break
        else:
            steps += 1
            for s in range(weak + 1):
                # columns that were bridged lie on the line between
                out[c - direction * s] = round(best_row - s * (best_row - here) / (weak + 1.0))
            moved = (best_row - here) / (weak + 1.0)
            slope = 0.5 * slope + 0.5 * moved
            here = best_row
            weak = 0
            rate = max(0.15, 1.0 / (steps + 1.0))
            for q in range(size):
                m = best_row - half + q
                if 0 <= m < n_rows:
                    model_re[q] += rate * (re[c, m] - model_re[q])
                    model_im[q] += rate * (im[c, m] - model_im[q])
        c += direction
    return out


@brief_kernel
def follow_both_ways(
    re: np.ndarray, im: np.ndarray, column: int, row: int, half: int, reach: int, level: float, agreement: float
) -> np.ndarray:
    """Follow an event to both sides; see `follow_ridge`.

    Returns
    -------
    ndarray of int64, shape (column,)
        Row of the event in each column, -1 beyond its ends.
    """
    out = follow_ridge(re, im, column, row, -1, half, reach, level, agreement)
    after = follow_ridge(re, im, column, row, 1, half, reach, level, agreement)
    out[column] = row
    out[column + 1 :] = after[column + 1 :]
    return out

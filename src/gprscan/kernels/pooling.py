"""Pooling measurements of one quantity with a prior: precision weights that trust what lies far off less."""

from __future__ import annotations

import numpy as np

from gprscan.kernels.jit import brief_kernel, kernel

ROUNDS = 5
FAR = 2.0  # sigmas from the mean at which a measurement counts half


@brief_kernel
def pooled(values: np.ndarray, sigmas: np.ndarray, left_out: int, prior: float, spread: float) -> tuple[float, float]:
    """Mean and variance of a quantity after measurements that may be outliers.

    Iterated precision weighting, each measurement with the weight of a Cauchy law about the mean (Holland and
    Welsch, Communications in Statistics A6, 1977, 813).

    Parameters
    ----------
    values, sigmas : ndarray of float64, shape (n,)
        Measurements and their standard deviations, more than zero.
    left_out : int
        Index of one that does not count; -1 for none.
    prior, spread : float
        Mean and standard deviation before.

    Returns
    -------
    float, float
        Mean, and variance.
    """
    certain = 1.0 / (spread * spread)
    mean, variance = prior, spread * spread
    for number in range(ROUNDS + 1):
        total, weighted = certain, certain * prior
        for i in range(values.size):
            apart = (values[i] - mean) / (FAR * sigmas[i])
            w = 1.0 / (sigmas[i] * sigmas[i])
            w = w / (1.0 + apart * apart) if number > 0 else w
            w = w if i != left_out else 0.0
            total += w
            weighted += w * values[i]
        variance = 1.0 / total
        # the last round is for the weights about the mean that was found
        mean = weighted * variance if number < ROUNDS else mean
    return mean, variance


@kernel
def pooled_around(
    values: np.ndarray,
    sigmas: np.ndarray,
    mine: np.ndarray,
    first: np.ndarray,
    last: np.ndarray,
    prior: float,
    spread: float,
) -> tuple[np.ndarray, np.ndarray]:
    """Pool the measurements around each of some, its own left out; see `pooled`.

    Parameters
    ----------
    values, sigmas, prior, spread
        As for `pooled`.
    mine : ndarray of int64, shape (m,)
        Numbers of those that are asked for.
    first, last : ndarray of int64, shape (m,)
        Measurements around each, the last left out.

    Returns
    -------
    ndarray of float64, shape (m,) twice
        Means and variances; the prior's where there is none but the own.
    """
    means, variances = np.full(mine.size, prior), np.full(mine.size, spread * spread)
    for k in range(mine.size):
        if last[k] - first[k] > 1:
            near = slice(first[k], last[k])
            means[k], variances[k] = pooled(values[near], sigmas[near], mine[k] - first[k], prior, spread)
    return means, variances

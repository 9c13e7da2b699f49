"""Diffraction stack over curves that are the same for every trace: along a pipe's axis, or round it."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from gprscan.kernels.jit import sum_kernel


@sum_kernel
def curve_stack(data, curves, weights, ring, image):  # type: ignore[no-untyped-def]
    """Stack traces along one curve per depth, for every trace as the apex.

    The curves are the same under every trace along a straight wall and round a circle; in other bores each trace has its own.

    Parameters
    ----------
    data : float32 array, shape (trace, sample)
        Traces.
    curves : float64 array, shape (trace or 1, depth, lag)
        Sample number of the echo at lags ``-m .. m`` traces from the apex; negative or beyond the record: left out.
    weights : float32 array, shape (trace or 1, depth, lag)
        Weight of each lag; 0 leaves it out.
    ring : bool
        Whether the first trace follows the last.
    image : float32 array, shape (trace, depth)
        Receives the weighted means.
    """
    n, samples = data.shape
    own, depths, lags = curves.shape
    middle = lags // 2
    for i in range(n):
        c = i if own > 1 else 0
        for k in range(depths):
            total = 0.0
            weight = 0.0
            for j in range(lags):
                w = weights[c, k, j]
                at = curves[c, k, j]
                trace = i + j - middle
                if ring:
                    trace %= n
                if w <= 0.0 or trace < 0 or trace >= n or at < 0.0 or at >= samples - 1:
                    continue
                first = int(math.floor(at))
                part = at - first
                total += w * ((1.0 - part) * data[trace, first] + part * data[trace, first + 1])
                weight += w
            image[i, k] = total / weight if weight > 0.0 else 0.0


def stacked(
    data: NDArray[np.float32], curves: NDArray[np.float64], weights: NDArray[np.float32], *, ring: bool
) -> NDArray[np.float32]:
    """Return the image of `curve_stack`, shape (trace, depth); curves without an axis of traces hold under all of them."""
    if curves.ndim == 2:
        curves, weights = curves[None], weights[None]
    image = np.zeros((data.shape[0], curves.shape[1]), np.float32)
    curve_stack(
        np.ascontiguousarray(data, dtype=np.float32),
        np.ascontiguousarray(curves, dtype=np.float64),
        np.ascontiguousarray(weights, dtype=np.float32),
        ring,
        image,
    )
    return image

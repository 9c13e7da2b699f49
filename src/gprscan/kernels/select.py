"""The middle of many values, without sorting them: bounds from a few of them leave a few between which it lies."""

from __future__ import annotations

import numpy as np

from gprscan.kernels.jit import brief_kernel

SAMPLE = 64  # values that bounds are taken from
ASIDE = 8  # of them to either side of where the middle is thought to be: four standard deviations


@brief_kernel
def middle_two(values: np.ndarray) -> tuple[float, float]:
    """Return the two values in the middle; the one in the middle twice, where their number is odd.

    Each round sorts a sample, and keeps what lies between two of it about the place that is sought (Floyd and Rivest,
    Communications of the ACM 18, 1975, 165).

    Parameters
    ----------
    values : ndarray of float32, shape (n,)
        Finite, at least one; left in disorder.
    """
    n = values.size
    first, last = (n - 1) // 2, n // 2
    sample = np.empty(SAMPLE, np.float32)
    while n > 2 * SAMPLE:
        for k in range(SAMPLE):
            sample[k] = values[k * n // SAMPLE]
        sample.sort()
        at = first * SAMPLE // n
        low = sample[at - ASIDE] if at >= ASIDE else np.float32(-np.inf)
        high = sample[at + ASIDE] if at + ASIDE < SAMPLE else np.float32(np.inf)
        below, within = 0, 0
        for k in range(n):
            below += 1 if values[k] < low else 0
            within += 1 if low <= values[k] <= high else 0
        if not below <= first <= last < below + within or within == n:
            break  # a sample that says little, or values that are all alike
        kept = 0
        for k in range(n):
            value = values[k]
            values[kept] = value
            kept += 1 if low <= value <= high else 0
        n, first, last = within, first - below, last - below
    rest = np.sort(values[:n])
    return rest[first], rest[last]


def median(values: np.ndarray) -> float:
    """Median of many values.

    Parameters
    ----------
    values : ndarray of float32
        Finite, of any shape, at least one; left alone.
    """
    one, other = middle_two(np.array(values, np.float32).ravel())
    return 0.5 * (float(one) + float(other))

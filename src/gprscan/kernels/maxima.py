"""Local maxima of a picture."""

from __future__ import annotations

import numpy as np

from gprscan.kernels.growing import doubled
from gprscan.kernels.jit import kernel


@kernel
def local_maxima(values: np.ndarray, floor: np.ndarray, beside: int, above: int) -> np.ndarray:
    """Find what no neighbour exceeds.

    Parameters
    ----------
    values : ndarray of float32, shape (row, column)
    floor : ndarray of float32, shape (column,)
        Only what is more is looked at.
    beside, above : int
        Rows and columns to either side that are compared.

    Returns
    -------
    ndarray of int64, shape (n, 2)
        Row and column of each, in this order; of equals all.
    """
    n, m = values.shape
    found = np.empty((16, 2), np.int64)
    count = 0
    for i in range(n):
        for k in range(m):
            value = values[i, k]
            if not value > floor[k]:
                continue
            top = True
            for a in range(max(i - beside, 0), min(i + beside + 1, n)):
                for b in range(max(k - above, 0), min(k + above + 1, m)):
                    top = top and values[a, b] <= value
                if not top:
                    break
            if top:
                if count == found.shape[0]:
                    found = doubled(found)
                found[count, 0] = i
                found[count, 1] = k
                count += 1
    return found[:count]

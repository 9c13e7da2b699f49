"""Arrays that are filled before it is known how many there will be."""

from __future__ import annotations

import numpy as np

from gprscan.kernels.jit import kernel


@kernel
def doubled(values: np.ndarray) -> np.ndarray:
    """Copy an array, with room for as many more along its first axis, whose values are arbitrary."""
    out = np.empty((2 * values.shape[0], *values.shape[1:]), values.dtype)
    out[: values.shape[0]] = values
    return out

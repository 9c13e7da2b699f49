"""Kernels that compare and fill whole traces."""

from __future__ import annotations

import numpy as np

from gprscan.kernels.jit import kernel


@kernel
def repeated_traces(profile: np.ndarray, repeated: np.ndarray) -> None:
    """Write whether each trace of one channel is, sample by sample, a copy of the trace before."""
    repeated[0] = False
    for i in range(1, profile.shape[0]):
        same = True
        for k in range(profile.shape[1]):
            if profile[i, k] != profile[i - 1, k]:
                same = False
                break
        repeated[i] = same


@kernel
def fill_traces(profile: np.ndarray, missing: np.ndarray, longest: int) -> None:
    """Replace runs of up to `longest` missing traces of one channel by straight lines between their neighbours."""
    n = profile.shape[0]
    i = 0
    while i < n:
        if not missing[i]:
            i += 1
            continue
        stop = i
        while stop < n and missing[stop]:
            stop += 1
        if i > 0 and stop < n and stop - i <= longest:
            for j in range(i, stop):
                weight = np.float32(j - i + 1) / np.float32(stop - i + 1)
                for k in range(profile.shape[1]):
                    profile[j, k] = (1 - weight) * profile[i - 1, k] + weight * profile[stop, k]
        i = stop

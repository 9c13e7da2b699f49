"""Attributes of the trace."""

from __future__ import annotations

import numpy as np
import xarray as xr

from gprscan.filters import _spectral
from gprscan.steps import step


@step(cut="twt")
def envelope(line: xr.Dataset) -> xr.Dataset:
    """Return the envelope: the magnitude of the analytic signal.

    ``e(t) = |x(t) + i H[x](t)|`` with the Hilbert transform H (Taner, Koehler and Sheriff 1979, Geophysics 44, 1041).
    Traces are padded with half their length of zeros, so that their end does not feel their beginning.

    Parameters
    ----------
    line : xarray.Dataset
        A line over ``twt`` or ``depth``.

    Returns
    -------
    xarray.Dataset
        The line with the envelope as its amplitude, float32, never negative. Dead traces and samples that are not
        finite stay as they are; gaps count as zeros.
    """
    n = line["amplitude"].shape[-1]
    length = _spectral.fast_length(n + n // 2)
    return _spectral.per_block(line, lambda traces, rows: np.abs(_spectral.analytic(traces, length)))

"""Steps on a line whose amplitude is a Dask array: the result is lazy too, chunk by chunk with the overlap of the steps.

The same declarations that cut a long line into blocks cut a Dask graph: each chunk of traces is computed from itself
and from as many neighbouring traces as the steps of the chain need together. Inside a task the kernels run on one
thread; Dask has the others.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr

from gprscan import model, names
from gprscan.steps.registry import get_step

Link = tuple[str, dict[str, Any]]  # name of a step and its resolved parameters: what can be sent to another process


def is_lazy(line: xr.Dataset) -> bool:
    """Whether the amplitude of a line is a Dask array."""
    return line[names.AMPLITUDE].chunks is not None


def map_overlap(line: xr.Dataset, chain: Sequence[Link], margin: int, outline: xr.Dataset) -> xr.Dataset:
    """Return the line after a chain of steps, as a Dask array that is not computed yet.

    Parameters
    ----------
    line : xarray.Dataset
        A line with a Dask array. Chunks along ``trace`` are kept; channels and samples are put into one chunk.
    chain : sequence of (str, dict)
        Steps that keep the number of traces, with parameters resolved on the whole line.
    margin : int
        Neighbouring traces on each side that the chain needs.
    outline : xarray.Dataset
        The result without its samples: axes, coordinates, attributes and provenance.

    Returns
    -------
    xarray.Dataset
        `outline` with a float32 Dask array.
    """
    import dask
    import dask.array as da

    amplitude = line[names.AMPLITUDE]
    data = amplitude.data.rechunk({axis: -1 for axis in range(amplitude.ndim) if axis != amplitude.ndim - 2})
    n_traces = line.sizes[names.TRACE]
    coordinates = line.drop_vars(names.AMPLITUDE)
    variable = outline[names.AMPLITUDE].variable
    block = dask.delayed(_block, pure=True)
    parts, start = [], 0
    for size in data.chunks[-2]:
        stop = start + size
        low, high = max(start - margin, 0), min(stop + margin, n_traces)
        header = coordinates.isel({names.TRACE: slice(low, high)}, missing_dims="ignore")
        part = block(
            data[..., low:high, :], amplitude.dims, amplitude.attrs, header, list(chain), start - low, stop - low
        )
        shape = (*variable.shape[:-2], size, variable.shape[-1])
        parts.append(da.from_delayed(part, shape, dtype="float32"))
        start = stop
    joined = xr.Variable(variable.dims, da.concatenate(parts, axis=-2), variable.attrs)
    return outline.assign({names.AMPLITUDE: joined})


def _block(
    samples: np.ndarray,
    dims: tuple[str, ...],
    attrs: dict[str, Any],
    header: xr.Dataset,
    chain: list[Link],
    first: int,
    last: int,
) -> np.ndarray:
    piece = header.assign({names.AMPLITUDE: xr.Variable(dims, samples, attrs)})
    for name, values in chain:
        piece = get_step(name).compute(piece, **values)
    return model.amplitude(piece.isel({names.TRACE: slice(first, last)}))

"""Steps over a long line in blocks of traces, with the overlap that each step asks for.

Block-wise and whole-line results are the same: parameters are resolved on the whole line first, each block is read with
as many more traces on both sides as the steps of a chain need together, and those are cut off again at the end.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import xarray as xr

from gprscan import model, names
from gprscan.errors import ParameterError
from gprscan.model import findings
from gprscan.steps import lazy
from gprscan.steps.registry import Step, get_step, record, validated

BLOCK = 1 << 22  # samples of all channels; 16 MB, the fastest from 4 to 128 for a chain of six steps on an array of 16


def resolved(line: xr.Dataset, entry: dict[str, Any]) -> tuple[Step, dict[str, Any]]:
    """Return the step of a recipe entry, and its parameters as they apply to a line.

    Parameters
    ----------
    line : xarray.Dataset
        The whole line that goes into the step.
    entry : dict
        The key ``step`` and the parameters, as in a recipe.
    """
    step = get_step(str(entry.get("step")))
    values = validated(step.name, step.parameters, {key: value for key, value in entry.items() if key != "step"})
    return step, step.resolve(line, values) if step.resolve is not None else values


def overlap(step: Step, line: xr.Dataset, values: dict[str, Any]) -> int | None:
    """Return how many neighbouring traces on each side a step needs; None if it needs the whole line."""
    if step.cut == "whole_line":
        return None
    return step.halo(line, values) if step.cut == "halo" and step.halo is not None else 0


def map_blocks(line: xr.Dataset, entries: Sequence[dict[str, Any]], block: int | None = None) -> Iterator[xr.Dataset]:
    """Apply steps to a line and yield the result in blocks of traces, from its start to its end.

    Steps that look at single traces or at a few neighbours are chained block by block, so that a line may be longer
    than memory as long as its amplitude is lazy. A step that needs the whole line, or whose parameters are measured on
    it after other steps have changed it, makes everything before it be computed for the whole line first.

    Parameters
    ----------
    line : xarray.Dataset
        A line.
    entries : sequence of dict
        Steps in order, each a dict with the key ``step`` and its parameters (the ``process`` part of a recipe).
    block : int, optional
        Traces per block; as many as make 4 million samples where not given.

    Yields
    ------
    xarray.Dataset
        Consecutive pieces of the processed line, with its provenance.

    Raises
    ------
    ParameterError
        If `block` is less than 1, or a step or parameter is wrong.
    """
    traces = _traces(line, block)
    yield from _stream(*_reduced(line, entries, traces), traces)


def run_blocks(line: xr.Dataset, entries: Sequence[dict[str, Any]], block: int | None = None) -> xr.Dataset:
    """Apply steps to a line block by block and put the blocks together; see `map_blocks`.

    A line with a Dask array gives one with a Dask array: its chunks are the blocks, and nothing is computed but what a
    step measures on the whole line, or needs the whole line for.

    Parameters
    ----------
    line : xarray.Dataset
        A line.
    entries : sequence of dict
        Steps in order, each with the key ``step`` and its parameters.
    block : int, optional
        Traces per block; as many as make 4 million samples where not given.
    """
    if lazy.is_lazy(line):
        return _lazily(line, list(entries))
    traces = _traces(line, block)
    reduced, chain, outline = _reduced(line, entries, traces)
    return _joined(_stream(reduced, chain, outline, traces), reduced.sizes[names.TRACE])


def _lazily(line: xr.Dataset, rest: list[dict[str, Any]]) -> xr.Dataset:
    """Chain steps on a line with a Dask array, into as few layers of its graph as the steps allow."""
    while rest:
        chain, rest, outline = _chain(line, rest)
        if chain:
            links = [(step.name, values) for step, values, _ in chain]
            line = lazy.map_overlap(line, links, sum(halo for _, _, halo in chain), outline)
        else:
            entry, *rest = rest
            line = get_step(entry["step"]).function(line, **{k: v for k, v in entry.items() if k != "step"})
    return line


def applied(line: xr.Dataset, step: Step, values: dict[str, Any]) -> xr.Dataset:
    """Return a line with a Dask array after one step, lazily where the step may be cut; it is not recorded here.

    Parameters
    ----------
    line : xarray.Dataset
        A line with a Dask array.
    step : Step
        The step.
    values : dict
        Its resolved parameters.
    """
    halo = overlap(step, line, values)
    if halo is None:
        chunks = line[names.AMPLITUDE].chunksizes[names.TRACE]
        return step.compute(line.compute(), **values).chunk({names.TRACE: max(chunks)})
    return lazy.map_overlap(line, [(step.name, values)], halo, _outline(line, step.compute(_probe(line), **values)))


def _traces(line: xr.Dataset, block: int | None) -> int:
    """Check a number of traces per block, or choose it."""
    shape = model.require_line(line)[names.AMPLITUDE].shape
    if block is None:
        return max(1, BLOCK // max(shape[-1] * (shape[0] if len(shape) == 3 else 1), 1))
    if block < 1:
        msg = f"block is {block}; it must be at least 1 trace."
        raise ParameterError(msg)
    return block


def _reduced(
    line: xr.Dataset, entries: Sequence[dict[str, Any]], block: int
) -> tuple[xr.Dataset, list[tuple[Step, dict[str, Any], int]], xr.Dataset]:
    """Do all up to the last step that needs more than blocks; return the line so far and the chain that is left."""
    rest = list(entries)
    while True:
        chain, rest, outline = _chain(line, rest)
        if not rest:
            return line, chain, outline
        if chain:
            line = _joined(_stream(line, chain, outline, block), line.sizes[names.TRACE])
        else:
            entry, *rest = rest
            line = get_step(entry["step"]).function(line, **{k: v for k, v in entry.items() if k != "step"})


def _chain(
    line: xr.Dataset, entries: list[dict[str, Any]]
) -> tuple[list[tuple[Step, dict[str, Any], int]], list[dict[str, Any]], xr.Dataset]:
    """Take from `entries` the longest start that can be done block by block.

    Returns it with its resolved parameters and overlaps, the other entries, and an outline of the result: its
    coordinates, attributes and provenance, without samples.
    """
    chain: list[tuple[Step, dict[str, Any], int]] = []
    outline, probe = line, _probe(line)
    for number, entry in enumerate(entries):
        found = get_step(str(entry.get("step"))).measures
        if chain and any(entry.get(parameter) is None for parameter in found):
            return chain, entries[number:], outline
        step, values = resolved(outline, entry)
        halo = overlap(step, outline, values)
        if halo is None:
            return chain, entries[number:], outline
        chain.append((step, values, halo))
        probe = step.compute(probe, **values)
        outline = record(_outline(line, probe), outline, step.name, values)
    return chain, [], outline


def _probe(line: xr.Dataset) -> xr.Dataset:
    """Return a few traces of noise with the coordinates of the line: what a step does to the axes shows on them."""
    few = line.isel({names.TRACE: slice(0, 8)})
    noise = np.random.default_rng(0).standard_normal(few[names.AMPLITUDE].shape)
    return model.with_amplitude(few, noise.astype("float32"))


def _outline(line: xr.Dataset, probe: xr.Dataset) -> xr.Dataset:
    """Return the axes and attributes of `probe` with as many traces as `line`, on an amplitude that takes no memory."""
    amplitude = probe[names.AMPLITUDE]
    shape = (*amplitude.shape[:-2], line.sizes[names.TRACE], amplitude.shape[-1])
    over_trace = [str(name) for name, var in probe.variables.items() if names.TRACE in var.dims]
    along = {name: coord.variable for name, coord in line.coords.items() if names.TRACE in coord.dims}
    empty = xr.Variable(amplitude.dims, np.broadcast_to(np.float32(0.0), shape), amplitude.attrs)
    return probe.drop_vars(over_trace).assign({names.AMPLITUDE: empty}).assign_coords(along)


def _stream(
    line: xr.Dataset, chain: list[tuple[Step, dict[str, Any], int]], outline: xr.Dataset, block: int
) -> Iterator[xr.Dataset]:
    n = line.sizes[names.TRACE]
    margin = sum(halo for _, _, halo in chain)
    kept = {key: outline.attrs[key] for key in (names.PROVENANCE, names.HISTORY) if key in outline.attrs}
    for start in range(0, n, block):
        stop = min(start + block, n)
        low = max(start - margin, 0)
        # read once here, and not by every look at the samples
        piece = line.isel({names.TRACE: slice(low, min(stop + margin, n))}).load()
        for step, values, _ in chain:
            piece = step.compute(piece, **values)
        yield piece.isel({names.TRACE: slice(start - low, stop - low)}).assign_attrs(kept)


def _joined(pieces: Iterator[xr.Dataset], n_traces: int) -> xr.Dataset:
    """Put blocks together; the samples go straight to their place, so that they are in memory once."""
    first = next(pieces)
    amplitude = first[names.AMPLITUDE]
    if amplitude.sizes[names.TRACE] == n_traces:
        return first
    whole = np.empty((*amplitude.shape[:-2], n_traces, amplitude.shape[-1]), dtype=amplitude.dtype)
    place, outlines = 0, []
    seen: dict[str, findings.Finding] = {}
    for piece in itertools.chain([first], pieces):
        values = piece[names.AMPLITUDE].values
        whole[..., place : place + values.shape[-2], :] = values
        place += values.shape[-2]
        outlines.append(piece.drop_vars(names.AMPLITUDE))
        for finding in findings.load(piece):
            seen.setdefault(finding.code, finding)
    options: dict[str, Any] = {
        "coords": "minimal",
        "compat": "override",
        "join": "override",
        "combine_attrs": "override",
    }
    # without coordinates along the line there is nothing to put together but the samples
    over_trace = any(names.TRACE in var.dims for var in outlines[0].variables.values())
    joined = xr.concat(outlines, names.TRACE, data_vars="minimal", **options) if over_trace else outlines[0]
    variable = xr.Variable(amplitude.dims, whole, amplitude.attrs)
    return joined.assign({names.AMPLITUDE: variable}).assign_attrs({names.FINDINGS: findings.dump(list(seen.values()))})

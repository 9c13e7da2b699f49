"""Removal of what neighbouring traces have in common: direct wave, antenna ringing, flat layers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import numpy as np
import xarray as xr
from scipy import linalg

from gprscan import model
from gprscan.errors import ParameterError
from gprscan.filters import _arrays
from gprscan.kernels import background as kernels
from gprscan.kernels import median
from gprscan.steps import Length, step

HUBER = 1.345  # standard deviations: 95 % efficient on normal noise (Huber 1964)
ROBUST_PASSES = 30
WINDOW = 3.0  # m, between the footprint of a large void and the length over which layers stay flat


def _resolve(line: xr.Dataset, values: dict[str, Any]) -> dict[str, Any]:
    if values["method"] not in ("sliding_mean", "median"):
        return values | {"window": None, "traces": None}
    return values | {"traces": _arrays.window_traces(line, values, "background", WINDOW)}


def _halo(line: xr.Dataset, values: dict[str, Any]) -> int | None:
    return None if values["traces"] is None else int(values["traces"]) // 2


@step(cut="halo", halo=_halo, resolve=_resolve)
def background(
    line: xr.Dataset,
    method: Literal["mean", "sliding_mean", "median", "svd", "rpca"] = "mean",
    window: Length | None = None,
    traces: int | None = None,
    rank: int = 1,
) -> xr.Dataset:
    """Subtract from each trace what it has in common with the others of its channel.

    Parameters
    ----------
    line : xarray.Dataset
        A line.
    method : {"mean", "sliding_mean", "median", "svd", "rpca"}
        ``mean``: the mean trace of the line. ``sliding_mean`` and ``median``: the mean or the median, sample by sample,
        of the traces in a window that moves along the line and is cut at its ends. ``svd``: the first `rank`
        eigenimages (Freire and Ulrych 1988, Geophysics 53, 778). ``rpca``: robust principal components; as ``svd``, but
        strong echoes do not bend the eigenimages, since they are split off as sparse (Candes et al. 2011, J. ACM 58,
        11; with the rank given, Zhou and Tao 2011, ICML).
    window : float or str, optional
        Width of the moving window in m, 3 m unless told otherwise.
    traces : int, optional
        Width of the moving window in traces, instead of `window`; with both, it serves lines without distances.
    rank : int
        Number of eigenimages to remove.

    Returns
    -------
    xarray.Dataset
        The line, float32. Dead traces and samples that are not finite stay as they are and do not count.

    Raises
    ------
    MissingPositionError
        If a window in m is needed but the line has no distances.
    ParameterError
        If the window or the rank is too small.
    """
    separate = method in ("sliding_mean", "median")
    source, target = _arrays.buffers(line, separate=separate)
    states = _arrays.states(_arrays.channels(source))
    if method == "mean":
        _remove_mean(_arrays.channels(source), _arrays.channels(target), states)
        return model.with_amplitude(line, target)
    if method == "sliding_mean":
        half = int(traces or 0) // 2
        # runs give a single channel work for all threads; each adds up a window of its own to start with
        runs = max(1, min(16 // states.shape[0], states.shape[1] // (4 * half + 1)))
        pair = (kernels.subtract_sliding_mean_serial, kernels.subtract_sliding_mean_parallel)
        _arrays.run(*pair, _arrays.channels(source), _arrays.channels(target), states, half, runs)
        return model.with_amplitude(line, target)
    for profile, result, state in zip(_arrays.channels(source), _arrays.channels(target), states, strict=True):
        if method == "svd":
            _remove_eigenimages(profile, result, state, rank)
        elif method == "rpca":
            _remove_robust_components(profile, result, state, rank)
        else:
            pair = (median.subtract_sliding_median_serial, median.subtract_sliding_median_parallel)
            _arrays.run(*pair, profile, profile.view("int32"), result, state, int(traces or 0) // 2)
    return model.with_amplitude(line, target)


def _remove_mean(profiles: np.ndarray, results: np.ndarray, states: np.ndarray) -> None:
    n_channels, n_traces, n = profiles.shape
    runs = max(1, min(16 // n_channels, n_traces))
    sums = np.zeros((n_channels, runs, n))
    counts = np.zeros((n_channels, runs, n), dtype="int64")
    whole = np.zeros((n_channels, runs), dtype="int64")
    _arrays.run(kernels.mean_traces_serial, kernels.mean_traces_parallel, profiles, states, sums, counts, whole)
    number = counts.sum(axis=1) + whole.sum(axis=1)[:, None]
    mean = (sums.sum(axis=1) / np.maximum(number, 1)).astype("float32")
    _arrays.run(kernels.subtract_common_serial, kernels.subtract_common_parallel, profiles, mean, states, results)


def _remove_eigenimages(profile: np.ndarray, result: np.ndarray, state: np.ndarray, rank: int) -> None:
    """Subtract ``X V V^T`` with the leading eigenvectors V of ``X^T X``; X has zeros for gaps and dead traces."""
    n = profile.shape[1]
    if not 0 < rank < min(profile.shape):
        msg = f"background: rank is {rank}; it must be from 1 to {min(profile.shape) - 1} for this line."
        raise ParameterError(msg)
    gram = np.zeros((n, n))
    for block in _arrays.blocks(*profile.shape):
        part = np.nan_to_num(profile[block], nan=0.0, posinf=0.0, neginf=0.0).astype("float64")
        part[state[block] == 0] = 0.0
        gram += part.T @ part
    _, vectors = linalg.eigh(gram, subset_by_index=(n - rank, n - 1))
    basis = vectors.astype("float32")
    for block in _arrays.blocks(*profile.shape):
        part = np.nan_to_num(profile[block], nan=0.0, posinf=0.0, neginf=0.0)
        common = (part @ basis) @ basis.T
        common[state[block] == 0] = 0.0
        result[block] = profile[block] - common


def _remove_robust_components(profile: np.ndarray, result: np.ndarray, state: np.ndarray, rank: int) -> None:
    """Subtract the matrix L of the given rank that minimises ``sum huber(X - L)``.

    The sparse part is what is farther than the clipping level from L, so that L is the truncated decomposition of
    ``L + clip(X - L)``. L is kept as its two factors and the clipped residual made anew block by block: neither of the
    three matrices is ever in memory.
    """
    n_traces, n = profile.shape
    if not 0 < rank < min(profile.shape):
        msg = f"background: rank is {rank}; it must be from 1 to {min(profile.shape) - 1} for this line."
        raise ParameterError(msg)
    basis = _leading(_gram(profile, state, lambda part, block: part), rank)
    scores = np.zeros((n_traces, rank), dtype="float32")
    for block in _arrays.blocks(n_traces, n):
        scores[block] = _known(profile[block], state[block]) @ basis
    for _ in range(ROBUST_PASSES):
        level = np.float32(HUBER * _spread(profile, state, scores, basis))

        def tame(part: np.ndarray, block: slice, old: np.ndarray = basis, most: np.float32 = level) -> np.ndarray:
            common = scores[block] @ old.T
            return common + np.clip(part - common, -most, most)

        renewed = _leading(_gram(profile, state, tame), rank)
        for block in _arrays.blocks(n_traces, n):
            # each block of scores is read before it is written
            scores[block] = tame(_known(profile[block], state[block]), block) @ renewed
        turned = 1.0 - float(np.linalg.norm(basis.T @ renewed)) / np.sqrt(rank)
        basis = renewed
        if turned < 1e-7:
            break
    for block in _arrays.blocks(n_traces, n):
        common = scores[block] @ basis.T
        common[state[block] == 0] = 0.0
        result[block] = profile[block] - common


def _known(part: np.ndarray, state: np.ndarray) -> np.ndarray:
    filled = np.nan_to_num(part, nan=0.0, posinf=0.0, neginf=0.0)
    filled[state == 0] = 0.0
    return filled


def _gram(profile: np.ndarray, state: np.ndarray, change: Callable[[np.ndarray, slice], np.ndarray]) -> np.ndarray:
    """Return ``Y^T Y`` of the traces changed block by block, up to a factor; dead ones count as zeros."""
    gram = np.zeros((profile.shape[1], profile.shape[1]))
    unit = _arrays.unit(profile)
    for block in _arrays.blocks(*profile.shape):
        part = change(_known(profile[block], state[block]), block) / unit
        part[state[block] == 0] = 0.0
        gram += part.T @ part
    return gram


def _leading(gram: np.ndarray, rank: int) -> np.ndarray:
    n = gram.shape[0]
    return linalg.eigh(gram, subset_by_index=(n - rank, n - 1))[1].astype("float32")


def _spread(profile: np.ndarray, state: np.ndarray, scores: np.ndarray, basis: np.ndarray) -> float:
    """Return the standard deviation of the residual by its median, over about 4096 live traces."""
    live = np.flatnonzero(state == 1)
    live = live[:: max(1, live.size // 4096)]
    if not live.size:
        return 0.0
    return 1.4826 * float(np.median(np.abs(profile[live] - scores[live] @ basis.T)))

"""Along the line: smoothing over neighbouring traces, and runs of traces that stand out."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from gprscan.kernels import jit, neighbours


def smooth(a: np.ndarray, valid: np.ndarray, samples: int) -> tuple[np.ndarray, np.ndarray]:
    """Average neighbouring traces with Hann weights, dead traces left out.

    Parameters
    ----------
    a : ndarray, shape (trace, sample)
        Traces.
    valid : ndarray of bool, shape (trace,)
        Which traces count.
    samples : int
        Full width of the window in traces. What repeats within half of it (bars of a mesh) averages out.

    Returns
    -------
    mean : ndarray, shape as `a`
        Weighted mean over the live traces.
    missing : ndarray, shape (trace,)
        Share of the window's weight that fell on dead traces or beyond the ends (0 to 1). What repeats along the line
        leaks through in this proportion.
    """
    window = np.hanning(max(samples, 1) + 2)[1:-1].astype(np.float32)
    window /= window.sum()
    return neighbours.live_means(np.asarray(a, np.float32), valid, window, threads=jit.threads())


def runs(mask: np.ndarray, bridge: int = 0) -> list[tuple[int, int]]:
    """First and last index of each run of true values; gaps of up to `bridge` false values do not end a run."""
    filled = mask
    if bridge > 0:
        filled = ndimage.binary_closing(np.pad(mask, bridge + 1), np.ones(bridge + 1))[bridge + 1 : -bridge - 1] | mask
    edges = np.diff(np.concatenate([[0], filled.astype(np.int8), [0]]))
    return list(zip(np.flatnonzero(edges == 1).tolist(), (np.flatnonzero(edges == -1) - 1).tolist(), strict=True))


def half_width(profile: np.ndarray, x: np.ndarray, at: int, level: float) -> tuple[float, float, bool]:
    """Where a profile falls below a level on both sides of a trace.

    Parameters
    ----------
    profile : ndarray, shape (trace,)
        Strength along the line.
    x : ndarray, shape (trace,)
        Distance in m.
    at : int
        Trace to start from; the profile is above the level there.
    level : float
        Usually half of the plateau: smoothing leaves the place where an edge passes half its height.

    Returns
    -------
    x_min, x_max : float
        Crossings in m, interpolated.
    closed : bool
        False where a side runs off the end of the block.
    """
    left = at
    while left > 0 and profile[left - 1] >= level:
        left -= 1
    right = at
    while right < profile.size - 1 and profile[right + 1] >= level:
        right += 1
    closed = left > 0 and right < profile.size - 1
    return _crossing(profile, x, left, -1, level), _crossing(profile, x, right, 1, level), closed


def _crossing(profile: np.ndarray, x: np.ndarray, inside: int, step: int, level: float) -> float:
    outside = inside + step
    if not 0 <= outside < profile.size:
        return float(x[inside])
    drop = float(profile[inside] - profile[outside])
    share = (float(profile[inside]) - level) / drop if drop > 0 else 0.5
    return float(x[inside] + np.clip(share, 0, 1) * (x[outside] - x[inside]))

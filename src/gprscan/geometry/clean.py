"""Which of the recorded fixes are positions of a line at all."""

from __future__ import annotations

import numpy as np

from gprscan.geometry.fixes import Fixes
from gprscan.model.findings import Finding


def usable_fixes(fixes: Fixes, n_traces: int, *, moving: bool) -> tuple[Fixes, list[Finding]]:
    """Drop what is no position of this line: invalid, off the line, repeated.

    Parameters
    ----------
    fixes : Fixes
        As recorded.
    n_traces : int
        Traces of the line.
    moving : bool
        Whether the traces are known to advance (odometer, marks), so that a repeated position is a stuck receiver.

    Returns
    -------
    Fixes, list of Finding
        Fixes with strictly increasing traces, and what was left out.
    """
    assert fixes.quality is not None
    notes: list[Finding] = []
    finite = np.isfinite(fixes.longitude) & np.isfinite(fixes.latitude) & np.isfinite(fixes.trace)
    nowhere = (np.abs(fixes.longitude) < 1e-9) & (np.abs(fixes.latitude) < 1e-9)
    invalid = (fixes.quality == 0) | nowhere
    if invalid.any():
        evidence = f"{int(invalid.sum())} of {len(fixes)} fixes have quality 0"
        what = "The receiver marked fixes as invalid."
        notes.append(Finding("gnss-quality-zero", "warning", what, fixes.source, evidence, "They were left out."))
    # a fix some traces past the end belongs to the line (the log closes after the last trace); far past it does not
    margin = max(2.0, 0.1 * n_traces)
    near = (fixes.trace >= -margin) & (fixes.trace <= n_traces - 1 + margin)
    off = finite & ~invalid & ~near
    if off.any():
        span = f"traces {fixes.trace[off].min():g} to {fixes.trace[off].max():g}"
        evidence = f"{int(off.sum())} fixes at {span}, line has {n_traces}"
        what = "Fixes are tied to traces that the line does not have."
        then = "They were left out. The positions may be those of another line, or of a longer version of this one."
        notes.append(Finding("gnss-off-line", "warning", what, fixes.source, evidence, then))
    usable = fixes.take(finite & ~invalid & near)
    if not len(usable):
        return usable, notes
    return _without_repeats(one_per_trace(usable), notes, moving=moving)


def one_per_trace(fixes: Fixes) -> Fixes:
    """Put fixes in the order of their traces, and average those that share one: the cart stood still.

    Quality and time are those of the middle one.
    """
    fixes = fixes.take(np.argsort(fixes.trace, kind="stable"))
    edges = np.flatnonzero(np.diff(fixes.trace, prepend=-np.inf) > 0)
    counts = np.diff(np.append(edges, len(fixes)))
    if (counts == 1).all():
        return fixes
    out = fixes.take(edges + (counts - 1) // 2)
    for name in ("longitude", "latitude", "height"):
        values = getattr(fixes, name)
        mean = np.add.reduceat(values - values[0], edges) / counts + values[0]
        setattr(out, name, mean)
    return out


def reachable(x: np.ndarray, y: np.ndarray, sigma: np.ndarray, way: np.ndarray) -> np.ndarray:
    """Tell which fixes the vehicle could have come to from those around them.

    Parameters
    ----------
    x, y, sigma : ndarray, shape (fix,)
        m east and north, and the standard deviation per axis.
    way : ndarray, shape (fix,)
        Distance travelled at each fix, or the most that it can have been, m.

    Returns
    -------
    ndarray of bool, shape (fix,)
        False for those that most of their ten neighbours could not have led to. All True where more than a fifth
        would fall: then it is the distances that are wrong.
    """
    good = np.ones(x.size, dtype=bool)
    for _ in range(x.size // 5 + 1):
        kept = np.flatnonzero(good)
        if kept.size < 4:
            break
        share = _unreached_share(x[kept], y[kept], sigma[kept], way[kept])
        worst = int(np.argmax(share))
        if share[worst] <= 0.5:
            return good
        good[kept[worst]] = False
    return np.ones(x.size, dtype=bool)


def _unreached_share(x: np.ndarray, y: np.ndarray, sigma: np.ndarray, way: np.ndarray) -> np.ndarray:
    """Return for each fix the share of its neighbours, five on each side, that are further away than the way to them."""
    far, pairs = np.zeros(x.size), np.zeros(x.size)
    for step in range(1, min(5, x.size - 1) + 1):
        apart = np.hypot(x[step:] - x[:-step], y[step:] - y[:-step])
        allowed = 1.15 * np.abs(way[step:] - way[:-step]) + 5 * np.hypot(sigma[step:], sigma[:-step]) + 0.5
        for part in (slice(step, None), slice(None, -step)):
            far[part] += apart > allowed
            pairs[part] += 1
    # as much as one more good pair, so that a lone neighbour does not decide
    return far / (pairs + (pairs < 3))


def _without_repeats(fixes: Fixes, notes: list[Finding], *, moving: bool) -> tuple[Fixes, list[Finding]]:
    """Drop sentences that a recorder wrote again for later traces although the receiver had said nothing new."""
    assert fixes.time is not None
    same_place = (np.diff(fixes.longitude) == 0) & (np.diff(fixes.latitude) == 0)
    known = ~np.isnat(fixes.time)
    same_time = (np.diff(fixes.time) == np.timedelta64(0, "ns")) & known[1:] & known[:-1]
    stale = np.append(False, same_place & same_time)
    stuck = np.append(False, same_place & ~same_time)
    if stuck.sum() > 0.2 * len(fixes) and stuck.sum() > 2:
        evidence = f"{int(stuck.sum())} of {len(fixes)} fixes repeat the one before at a later time"
        what = "The recorded position repeats while time goes on."
        then = (
            "Repeats were left out and positions interpolated, since the line moved."
            if moving
            else "Taken for standing still."
        )
        notes.append(Finding("gnss-repeated-fixes", "warning", what, fixes.source, evidence, then))
    return fixes.take(~(stale | (stuck if moving else False))), notes

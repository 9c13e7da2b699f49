"""Bodies and events of a section against one another: what lies over, under and beside each."""

from __future__ import annotations

import math

import numpy as np

from gprscan.kernels.growing import doubled
from gprscan.kernels.jit import kernel

STEPS = 8  # in which two curves are compared
BESIDE = 0.15  # m: what is nearer is no peer but the body itself


@kernel
def compare(
    x: np.ndarray,
    t: np.ndarray,
    levels: np.ndarray,
    order: np.ndarray,
    under: float,
    bounce: tuple[float, float],
    around: float,
    like: float,
) -> tuple[np.ndarray, np.ndarray]:
    """Find the strongest body right above and right below each, and count its peers.

    Parameters
    ----------
    x, t, levels : ndarray of float64, shape (n,)
        Place (m), time (ns) and level (dB) of each.
    order : ndarray of int64, shape (n,)
        Their numbers in the order of x.
    under : float
        How near along the line is right above or below, m.
    bounce : tuple of float
        How much later the lower one comes, ns.
    around : float
        How near along the line a peer is, m.
    like : float
        How much weaker than the body it may be, dB.

    Returns
    -------
    ndarray of int64, shape (n, 2)
        Number of the one above and of the one below, of equals the first along the line; -1 where there is none.
    ndarray of int64, shape (n,)
        Peers.
    """
    n = x.size
    loudest, peers = np.full((n, 2), -1, np.int64), np.zeros(n, np.int64)
    start = 0
    for k in range(n):
        i = order[k]
        while x[order[start]] < x[i] - around:
            start += 1
        for m in range(start, n):
            j = order[m]
            if x[j] >= x[i] + around:
                break
            apart, later = abs(x[j] - x[i]), t[i] - t[j]
            if BESIDE < apart < around and levels[j] > levels[i] - like:
                peers[i] += 1
            if apart < under and bounce[0] < abs(later) < bounce[1]:
                side = 0 if later > 0 else 1
                if loudest[i, side] < 0 or levels[j] > levels[loudest[i, side]]:
                    loudest[i, side] = j
    return loudest, peers


@kernel
def without_lobes(first: np.ndarray, last: np.ndarray, depth: np.ndarray, level: np.ndarray, dx: float) -> np.ndarray:
    """Choose events of an image one after the other, but none that is one with one that was chosen before.

    Two are one where the one is a lobe of the other, or comes from inside or below its body: at nearly its depth where it is
    not much weaker; else down to 0.45 m below it, or at any depth where it lies under its middle.

    Parameters
    ----------
    first, last : ndarray of int64, shape (n,)
        Traces of the events, in the order in which they are chosen.
    depth, level : ndarray of float64, shape (n,)
        Their depth (m), and how strong they are.
    dx : float
        Distance between traces, m.

    Returns
    -------
    ndarray of int64, shape (m,)
        Indices of the chosen.
    """
    kept, count = np.empty(first.size, np.int64), 0
    for i in range(first.size):
        free = True
        for k in range(count):
            j = kept[k]
            overlap = min(last[i], last[j]) - max(first[i], first[j])
            if overlap * dx < -0.05:
                continue
            lower = depth[i] - depth[j]
            if level[i] >= 0.8 * level[j]:
                one = abs(lower) < 0.12
            else:
                narrower = min(last[i] - first[i], last[j] - first[j])
                one = -0.12 < lower < 0.45 or (lower > 0 and overlap > 0.5 * narrower)
            if one:
                free = False
                break
        if free:
            kept[count] = i
            count += 1
    return kept[:count]


@kernel
def pairs(x: np.ndarray, t: np.ndarray, reach: np.ndarray, longest: float) -> np.ndarray:
    """Find the echoes that come after another, near by.

    Parameters
    ----------
    x, t : ndarray of float64, shape (n,)
        Place (m) and time (ns) of each, in the order of the times; of equal times the second comes later.
    reach : ndarray of float64, shape (n,)
        How near to each along the line the later one is, m.
    longest : float
        How much later it may come, ns.

    Returns
    -------
    ndarray of int64, shape (m, 2)
        Number of the first and of the later one, by the first and then by the later.
    """
    found, count = np.empty((64, 2), np.int64), 0
    for i in range(t.size):
        for j in range(i + 1, t.size):
            if t[j] - t[i] > longest:
                break
            if abs(x[j] - x[i]) > reach[i]:
                continue
            if count == found.shape[0]:
                found = doubled(found)
            found[count, 0], found[count, 1] = i, j
            count += 1
    return found[:count]


@kernel
def owners(
    spans: np.ndarray, middles: np.ndarray, apexes: np.ndarray, rows: np.ndarray, starts: np.ndarray, near: float
) -> np.ndarray:
    """Choose roofs one after the other, but none that runs through the apex of one that was chosen before, or the other way round.

    Parameters
    ----------
    spans : ndarray of int64, shape (n, 2)
        First and last trace of each roof's plateau, in the order in which they are chosen.
    middles : ndarray of float64, shape (n,)
        Median row of each.
    apexes : ndarray of int64, shape (n,)
        Trace of the apex of the body whose roof it is.
    rows, starts : ndarray of int64, shape (m,) and (n + 1,)
        Rows of the plateaus, -1 where one was not seen, one after the other; where each begins, and the end of the last.
    near : float
        Rows between the plateau and the middle of the other that are too few to tell them apart.

    Returns
    -------
    ndarray of bool, shape (n,)
        Which were chosen.
    """
    chosen = np.zeros(apexes.size, np.bool_)
    for i in range(apexes.size):
        free = True
        for k in range(i):
            if not chosen[k]:
                continue
            for roof, other in ((i, k), (k, i)):
                trace = apexes[other]
                if spans[roof, 0] <= trace <= spans[roof, 1]:
                    row = rows[starts[roof] + trace - spans[roof, 0]]
                    if row >= 0 and abs(row - middles[other]) <= near:
                        free = False
        chosen[i] = free
    return chosen


@kernel
def dominant(
    x: np.ndarray,
    t: np.ndarray,
    velocity: np.ndarray,
    reach: np.ndarray,
    near: np.ndarray,
    late: float,
    faster: float,
) -> np.ndarray:
    """Choose hyperbolas, but none that one which comes before may disturb.

    What has its apex on the leg of a stronger one may be a piece of that, which may have to wait itself. One that is chosen
    disturbs whatever has a curve that comes within a pulse of its own, within the reach of both. Right below its apex lie its
    multiples, which keep the moveout of the first: their velocity falls as the root of the time. What passes well above or below,
    or on a faster curve than a multiple, is another echo.

    Parameters
    ----------
    x, t, velocity, reach : ndarray of float64, shape (n,)
        Apex (m), time (ns), velocity (m/ns) and half of what it covers along the line (m), the strongest first.
    near : ndarray of float64, shape (n,)
        How near along the line is right below it, m.
    late : float
        Length of a pulse, ns: what is earlier by more than that stands above the other and is no part of it.
    faster : float
        Velocity over a multiple's from which on a hyperbola is none.

    Returns
    -------
    ndarray of int64, shape (m,)
        Indices of the chosen.
    """
    chosen, count = np.empty(x.size, np.int64), 0
    taken = np.zeros(x.size, np.bool_)
    for i in range(x.size):
        free = True
        for j in range(i):
            if abs(x[i] - x[j]) <= reach[i] + reach[j] and t[i] + late >= t[j]:
                leg = math.hypot(t[j], 2.0 * (x[i] - x[j]) / velocity[j])
                multiple = velocity[i] < faster * velocity[j] * math.sqrt(t[j] / t[i]) and abs(x[i] - x[j]) < near[j]
                if abs(t[i] - leg) < late or (taken[j] and (multiple or _meet(i, j, x, t, velocity, reach, late))):
                    free = False
                    break
        if free:
            taken[i] = True
            chosen[count] = i
            count += 1
    return chosen[:count]


@kernel
def _meet(i, j, x, t, velocity, reach, late):  # type: ignore[no-untyped-def]
    """Do two hyperbolas cross, or come within `late` of each other, where both reach?"""
    first, last = max(x[i] - reach[i], x[j] - reach[j]), min(x[i] + reach[i], x[j] + reach[j])
    before = 0.0
    for k in range(STEPS + 1):
        at = first + (last - first) * k / STEPS
        apart = math.hypot(t[i], 2.0 * (at - x[i]) / velocity[i]) - math.hypot(t[j], 2.0 * (at - x[j]) / velocity[j])
        if abs(apart) < late or apart * before < 0.0:
            return True
        before = apart
    return False


@kernel
def left_over(
    x: np.ndarray, t: np.ndarray, place: np.ndarray, time: np.ndarray, reach: np.ndarray, span: tuple[float, float]
) -> np.ndarray:
    """Tell which hyperbolas lie at the place of another.

    Parameters
    ----------
    x, t : ndarray of float64, shape (n,)
        Apexes, m and ns.
    place, time, reach : ndarray of float64, shape (m,)
        Apexes of the others, and how near along the line counts, m.
    span : tuple of float
        Times after the other's between which it counts, ns.

    Returns
    -------
    ndarray of bool, shape (n,)
    """
    out = np.zeros(x.size, np.bool_)
    for i in range(x.size):
        for k in range(place.size):
            later = t[i] - time[k]
            if abs(x[i] - place[k]) < reach[k] and span[0] < later < span[1]:
                out[i] = True
                break
    return out

"""An array's geometry, and straight lines through the apexes that its channels share.

An apex at (x, y, t) with y across the line. A straight pipe crosses the swath as ``x = x0 + a y``, ``t = t0 + b y``;
seen by one channel it looks like a pipe in ground that is faster by ``1 / cos(theta)``, ``a = tan(theta)``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

STEEPEST = 4.0  # largest |a|: beyond 76 degrees from the perpendicular a pipe runs along the line
LEAST_CHANNELS = 3
LEAST_SHARE = 0.6  # of the channels between the first and the last that must show it
LONG = 1.0  # m across: continuous over this it is a line, wherever it ends
DIPPING = 3.0  # ns per m across, largest


@dataclass(frozen=True)
class Swath:
    """Channels of an array from left to right.

    Attributes
    ----------
    offsets : numpy.ndarray, shape (channel,)
        Offsets in m, growing.
    rank : dict of int to int
        Place of each channel in that order.
    """

    offsets: np.ndarray
    rank: dict[int, int]

    @classmethod
    def of(cls, offsets: dict[int, float]) -> Swath:
        """Make a swath from channel numbers and offsets."""
        order = sorted(offsets, key=lambda c: offsets[c])
        return cls(np.array([offsets[c] for c in order]), {c: i for i, c in enumerate(order)})

    @property
    def size(self) -> int:
        """Number of channels."""
        return int(self.offsets.size)

    @cached_property
    def spacing(self) -> float:
        """Median distance between neighbouring channels in m."""
        return float(np.median(np.diff(self.offsets))) if self.size > 1 else 0.0

    def near(self, channel: int, distance: float) -> list[int]:
        """Other channels within a distance in m across of a channel."""
        apart = {c: abs(float(self.offsets[k] - self.offsets[self.rank[channel]])) for c, k in self.rank.items()}
        return [c for c, d in apart.items() if c != channel and d < distance + 1e-6]


@dataclass
class Apexes:
    """Apexes of all channels as arrays of one length.

    Attributes
    ----------
    x, y, t : numpy.ndarray
        Along the line (m), across it (m), two-way time (ns).
    rank : numpy.ndarray of int
        Place of the channel in the swath.
    weight : numpy.ndarray
        Trust in each, 0 to 1: one less the chance of clutter.
    """

    x: np.ndarray
    y: np.ndarray
    t: np.ndarray
    rank: np.ndarray
    weight: np.ndarray


@dataclass
class Track:
    """A straight line through apexes.

    Attributes
    ----------
    members : numpy.ndarray of int
        Indices of its apexes, one per channel at most.
    x0, slope : float
        ``x = x0 + slope y``.
    t0, dip : float
        ``t = t0 + dip y``.
    sigma_x : float
        Standard deviation of `x0` in m.
    rms_x : float
        Scatter of the apexes about the line in m.
    """

    members: np.ndarray
    x0: float
    slope: float
    t0: float
    dip: float
    sigma_x: float
    rms_x: float

    @property
    def theta(self) -> float:
        """Angle from the perpendicular to the line, radians."""
        return math.atan(self.slope)


def find_tracks(apexes: Apexes, swath: Swath, period: float, *, least_weight: float = 0.25) -> list[Track]:
    """Find straight lines through apexes, the best supported first; each apex belongs to one at most.

    Parameters
    ----------
    apexes : Apexes
    swath : Swath
    period : float
        One period of the antenna, ns.
    least_weight : float
        Apexes of less weight can join a line, but count little and start none.

    Returns
    -------
    list of Track
        Through at least three channels, in most of those between its ends, and either from edge to edge of the swath or
        over 1 m across.
    """
    free = np.ones(apexes.x.size, bool)
    tracks: list[Track] = []
    if swath.size < LEAST_CHANNELS:
        return tracks
    proposals = _proposals(apexes, swath, period, least_weight)
    while proposals:
        best: tuple[float, Track] | None = None
        alive = []
        for score, i, j in proposals:
            if not (free[i] and free[j]):
                continue
            if best is not None and score <= best[0]:
                alive.append((score, i, j))
                continue
            track = _grow(apexes, swath, period, free, i, j)
            fresh = -1.0 if track is None else _score(apexes, track)
            if track is None or not _is_line(apexes, swath, period, track, least_weight):
                continue
            alive.append((fresh, i, j))
            if best is None or fresh > best[0]:
                best = (fresh, track)
        if best is None:
            break
        tracks.append(best[1])
        free[best[1].members] = False
        proposals = sorted(alive, key=lambda p: -p[0])
    return tracks


def _proposals(apexes: Apexes, swath: Swath, period: float, least: float) -> list[tuple[float, int, int]]:
    """Pairs of trusted apexes on different channels that a line could join, with an upper bound of their score."""
    strong = np.flatnonzero(apexes.weight >= least)
    strong = strong[np.argsort(apexes.x[strong])]
    reach = STEEPEST * float(np.ptp(swath.offsets)) + 0.15
    out = []
    for n, i in enumerate(strong):
        stop = int(np.searchsorted(apexes.x[strong], apexes.x[i] + reach, side="right"))
        others = strong[n + 1 : stop]
        dy = np.abs(apexes.y[others] - apexes.y[i])
        good = (apexes.rank[others] != apexes.rank[i]) & (apexes.x[others] - apexes.x[i] <= STEEPEST * dy + 0.1)
        good &= np.abs(apexes.t[others] - apexes.t[i]) <= DIPPING * dy + 0.6 * period
        # two antennas behind each other see the same strip: no slope across
        good &= dy > 0.01
        # a long base fixes the slope, but over a short one fewer strangers come between
        good &= np.abs(apexes.rank[others] - apexes.rank[i]) >= min(2, swath.size - 1)
        out += [(float(swath.size), int(i), int(j)) for j in others[good]]
    return out


def _grow(apexes: Apexes, swath: Swath, period: float, free: np.ndarray, i: int, j: int) -> Track | None:
    """Collect the apexes on the line through two of them, and fit it."""
    dy = apexes.y[j] - apexes.y[i]
    slope, dip = (apexes.x[j] - apexes.x[i]) / dy, (apexes.t[j] - apexes.t[i]) / dy
    x0, t0 = apexes.x[i] - slope * apexes.y[i], apexes.t[i] - dip * apexes.y[i]
    members = np.array([i, j])
    tolerance_x = 0.08 + 0.25 * swath.spacing * min(abs(slope), 2.0)
    for _ in range(2):
        off_x = np.abs(apexes.x - x0 - slope * apexes.y) / tolerance_x
        off_t = np.abs(apexes.t - t0 - dip * apexes.y) / (0.6 * period)
        near = np.flatnonzero(free & (off_x < 1) & (off_t < 1))
        cost = off_x[near] ** 2 + off_t[near] ** 2 - apexes.weight[near]
        order = near[np.argsort(cost)]
        _, first = np.unique(apexes.rank[order], return_index=True)
        members = order[first]
        if np.unique(apexes.y[members]).size < LEAST_CHANNELS:
            return None
        w = apexes.weight[members] + 0.05
        slope, x0 = np.polyfit(apexes.y[members], apexes.x[members], 1, w=w)
        dip, t0 = np.polyfit(apexes.y[members], apexes.t[members], 1, w=w)
    residual = apexes.x[members] - x0 - slope * apexes.y[members]
    rms = float(np.sqrt(np.average(residual**2, weights=w)))
    return Track(members, float(x0), float(slope), float(t0), float(dip), max(rms, 0.01) / math.sqrt(members.size), rms)


def _score(apexes: Apexes, track: Track) -> float:
    return float(apexes.weight[track.members].sum() - 5.0 * track.rms_x)


def _is_line(apexes: Apexes, swath: Swath, period: float, track: Track, least: float) -> bool:
    # what is likely clutter may lie on a line, but does not make one
    trusted = track.members[apexes.weight[track.members] >= least]
    if trusted.size < LEAST_CHANNELS or max(abs(track.slope) / STEEPEST, abs(track.dip) / DIPPING) > 1.0:
        return False
    first, last = int(apexes.rank[trusted].min()), int(apexes.rank[trusted].max())
    if trusted.size < LEAST_SHARE * (last - first + 1):
        return False
    slack = 1 if swath.size >= 5 else 0
    across = first <= slack and last >= swath.size - 1 - slack
    if not across and swath.offsets[last] - swath.offsets[first] < LONG:
        return False
    # the roof of a body sinks to both sides, a pipe does not
    if trusted.size < 4:
        return True
    y = apexes.y[trusted]
    curvature = float(np.polyfit(y, apexes.t[trusted], 2)[0])
    return curvature * (0.5 * float(np.ptp(y))) ** 2 < 0.35 * period

"""Odometer and GNSS fused: one smooth path over the distance travelled that honours both, with its uncertainty.

The wheel says how far the vehicle went and nothing about where to; the receiver says where it was, now and then, and not
at all under a bridge. The path is a chain of states (east, north, direction, curvature) over the distance by the
odometer, tied together by the motion of a vehicle that rolls where it points, with the odometer's scale and the receiver's
lag as unknowns that all states share. It is found by Gauss-Newton on the whole line at once, which is the iterated
extended Rauch-Tung-Striebel smoother, and reweighted for outliers and for the few places at which a road bends.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from gprscan.geometry.blocks import Chain

MOST_STATES = 20_000
STEP = 0.5  # m between states, where the line is not so long that MOST_STATES needs more
ROLL_SIGMA = 0.003  # m per square root of a metre: what the wheel does not tell
TURN_SIGMA = 1e-4  # rad per square root of a metre: slip across the direction of travel
BEND_FIRST = 0.05  # curvature per square root of a metre (1/m), first rounds: any bend is likely anywhere
BEND_LAST = 1e-3  # last rounds: hardly any bend, but for the few places that the data ask for (Cauchy weights)
BEND_UNSEEN = 1e-4  # between the ends of the one bend of a gap
BEND_UNKNOWN = 1e-2  # in a gap whose path is not told by its ends
FINE_SIGMA = 0.05  # m; fixes that are less certain are given fewer bends to begin with
FIX_FREEDOM = 4.0  # degrees of freedom of the distribution of the fixes (Student's t): one in some hundred is bad
OUTLIER = 5.0  # standard deviations
LAG_SIGMA = 0.5  # s, before the data are asked
SCALE_SIGMA = 0.01  # of the odometer, before the data are asked
STRAIGHT_SIGMA = 5e-4  # 1/m over a metre, of a straight in a gap
AWAY_SHARE = 0.004  # standard deviation per metre from the nearest fix, for what the model of the road does not hold
BRIDGED = 16  # the round in which gaps are laid out, once the directions at their ends have settled
ROUNDS = 40
LEAST_GAP = 24.0  # m; a way between two fixes that is longer is a gap
LEAST_RADIUS = 3.0  # m


@dataclass(frozen=True)
class Gap:
    """A stretch of the odometer without fixes in which the road bends.

    Attributes
    ----------
    start, end : float
        By the odometer, m.
    told : bool
        Whether its ends fit one bend between two straights.
    """

    start: float
    end: float
    told: bool


@dataclass(frozen=True)
class Rolled:
    """The path of a vehicle over its odometer.

    Attributes
    ----------
    x, y : ndarray, shape (trace,)
        m east and north.
    direction : ndarray, shape (trace,)
        Radians from north to east.
    sigma, sigma_direction : ndarray, shape (trace,)
        Standard deviations: horizontal per axis in m, and of the direction in radians.
    scale, sigma_scale : float
        Metres on the map per metre of the odometer.
    lag, sigma_lag : float
        Seconds by which fixes come late; 0 and nan where not estimated.
    misfit : ndarray, shape (fix,)
        Distance of each fix from the path in standard deviations.
    inflation : float
        Factor by which the fixes scatter more than their stated standard deviation; at least 1.
    gaps : list of Gap
        Where the road bends without fixes.
    """

    x: np.ndarray
    y: np.ndarray
    direction: np.ndarray
    sigma: np.ndarray
    sigma_direction: np.ndarray
    scale: float
    sigma_scale: float
    lag: float
    sigma_lag: float
    misfit: np.ndarray
    inflation: float
    gaps: list[Gap]


def roll(
    distance: np.ndarray,
    at: np.ndarray,
    x: np.ndarray,
    y: np.ndarray,
    sigma: np.ndarray,
    *,
    earlier: Callable[[float], tuple[np.ndarray, np.ndarray]] | None = None,
    lever_arm: tuple[float, float] = (0.0, 0.0),
    scale: float = 1.0,
) -> Rolled:
    """Fuse distances by the odometer with fixes.

    Parameters
    ----------
    distance : ndarray, shape (trace,)
        By the odometer, m; a short way back is the same way once more.
    at : ndarray, shape (fix,)
        Distance by the odometer at each fix, m.
    x, y, sigma : ndarray, shape (fix,)
        GNSS antenna, m east and north, and its standard deviation per axis.
    earlier : callable, optional
        Distance (m) and speed (m/s) by the odometer some seconds before each fix; with it the lag is estimated.
    lever_arm : (float, float)
        Point that follows the track minus GNSS antenna in m: to the right, and forward.
    scale : float
        Metres on the map per metre of the odometer, before the data are asked.

    Returns
    -------
    Rolled
    """
    path = _Path(distance, at, np.stack([x, y], axis=1), sigma, earlier, lever_arm, scale)
    path.fit()
    return path.result(distance)


class _Path:
    """The least-squares problem: states at knots, fixes between them."""

    def __init__(
        self,
        distance: np.ndarray,
        at: np.ndarray,
        fixes: np.ndarray,
        sigma: np.ndarray,
        earlier: Callable[[float], tuple[np.ndarray, np.ndarray]] | None,
        lever_arm: tuple[float, float],
        scale: float,
    ) -> None:
        low, high = min(distance.min(), at.min()), max(distance.max(), at.max())
        steps = int(np.clip(np.ceil((high - low) / STEP), 8, MOST_STATES))
        self.knots = np.linspace(low, high, steps + 1)
        self.step = (high - low) / steps
        self.at, self.sigma, self.earlier = at, np.asarray(sigma, dtype="float64"), earlier
        self.origin = fixes.mean(axis=0)
        self.fixes = fixes - self.origin
        self.lever = lever_arm
        self.before = np.log(scale)
        self.log_scale, self.lag = self.before, 0.0
        self.shared = 1 if earlier is None else 2
        self.states = self._start()
        self.weight = np.ones(at.size)
        self.bend_weight = np.ones(steps)
        self.inflation = 1.0
        # a path between poor fixes must not curl to use up a length that they seem to contradict
        self.first_bend = float(np.clip(BEND_FIRST * FINE_SIGMA / np.median(self.sigma), BEND_LAST, BEND_FIRST))
        self.bend = np.full(steps, self.first_bend)
        self.least_bend = np.full(steps, BEND_LAST)
        self.settled = np.zeros(steps, dtype=bool)  # steps whose weights of bends are not changed any more
        self.straight = np.zeros(steps + 1)  # how strongly the curvature of each state is held at zero
        self.gaps: list[Gap] = []

    def _start(self) -> np.ndarray:
        """Straight lines between fixes that lie further apart than their noise."""
        order = np.argsort(self.at, kind="stable")
        kept = [order[0]]
        for i in order[1:]:
            if self.at[i] - self.at[kept[-1]] > max(1.0, 6 * self.sigma[i], 2 * self.step):
                kept.append(i)
        if len(kept) < 2:
            kept = [order[0], order[-1]]
        s = self.at[kept] + 1e-9 * np.arange(len(kept))
        states = np.zeros((self.knots.size, 4))
        chord = np.diff(self.fixes[kept], axis=0)
        angle = np.unwrap(np.arctan2(chord[:, 0], chord[:, 1]))
        states[:, 2] = np.interp(self.knots, 0.5 * (s[1:] + s[:-1]), angle)
        for axis in (0, 1):
            rate = chord[[0, -1], axis] / np.maximum(np.diff(s)[[0, -1]], 1e-6)
            rate = np.clip(rate, -1, 1)
            states[:, axis] = np.interp(self.knots, s, self.fixes[kept, axis])
            states[:, axis] += rate[0] * np.minimum(self.knots - s[0], 0) + rate[1] * np.maximum(self.knots - s[-1], 0)
        return states

    def fit(self) -> None:
        """Iterate: first any bend is allowed, then bends are made few."""
        for turn in range(ROUNDS):
            robust = turn >= 6
            if turn == BRIDGED:
                self._bridge()
            if robust:
                self.bend = np.maximum(self.least_bend, self.first_bend * 0.6 ** (turn - 5))
            moved = self._improve()
            self._reweigh(robust)
            if moved < 1e-4 and (self.bend == self.least_bend).all():
                return

    def _improve(self) -> float:
        """One step of Gauss-Newton; return the largest movement of a state in m."""
        chain = self._normal_equations()
        states, shared, _ = chain.solve()
        change = states[..., 0]
        # a bend that swings too far in one step lands in another valley
        damping = min(1.0, 0.5 / max(float(np.abs(change[:, 2]).max()), 1e-12))
        self.states = self.states + damping * change
        self.log_scale += damping * float(shared[0, 0])
        if self.shared == 2:
            self.lag += damping * float(shared[1, 0])
        return float(np.abs(change[:, :2]).max())

    def _normal_equations(self) -> Chain:
        chain = Chain.empty(self.knots.size, 4, 1, self.shared)
        self._add_motion(chain)
        self._add_fixes(chain)
        chain.diagonal[:, 3, 3] += self.straight
        chain.right[:, 3, 0] -= self.straight * self.states[:, 3]
        chain.corner[0, 0] += SCALE_SIGMA**-2
        chain.right_shared[0, 0] += (self.before - self.log_scale) * SCALE_SIGMA**-2
        if self.shared == 2:
            chain.corner[1, 1] += LAG_SIGMA**-2
            chain.right_shared[1, 0] -= self.lag * LAG_SIGMA**-2
        return chain

    def _motion(self) -> tuple[np.ndarray, np.ndarray]:
        """Return how far each state is from where the one before leads, shape (step, 4), and the inverse variances."""
        h, scale = self.step, np.exp(self.log_scale)
        x, y, angle, bend = self.states[:-1].T
        middle = angle + 0.5 * bend * h
        ahead = np.stack(
            [x + scale * h * np.sin(middle), y + scale * h * np.cos(middle), angle + bend * h, bend], axis=1
        )
        weights = np.empty((self.knots.size - 1, 4))
        weights[:, :2] = 1 / (ROLL_SIGMA**2 * h)
        weights[:, 2] = 1 / (TURN_SIGMA**2 * h)
        weights[:, 3] = self.bend_weight / (self.bend**2 * h)
        return self.states[1:] - ahead, weights

    def _add_motion(self, chain: Chain) -> None:
        h, scale = self.step, np.exp(self.log_scale)
        off, weights = self._motion()
        middle = self.states[:-1, 2] + 0.5 * self.states[:-1, 3] * h
        n = off.shape[0]
        lead = np.zeros((n, 4, 4))  # derivative of where a state leads by that state
        lead[:, range(4), range(4)] = 1.0
        lead[:, 0, 2], lead[:, 1, 2] = scale * h * np.cos(middle), -scale * h * np.sin(middle)
        lead[:, 0, 3], lead[:, 1, 3], lead[:, 2, 3] = lead[:, 0, 2] * h / 2, lead[:, 1, 2] * h / 2, h
        by_scale = np.zeros((n, 4, 1))
        by_scale[:, 0, 0], by_scale[:, 1, 0] = scale * h * np.sin(middle), scale * h * np.cos(middle)
        weighted = lead.transpose(0, 2, 1) * weights[:, None, :]
        chain.diagonal[:-1] += weighted @ lead
        chain.diagonal[1:][:, range(4), range(4)] += weights
        chain.lower -= weights[:, :, None] * lead
        chain.right[:-1, :, 0] += np.einsum("nij,nj->ni", weighted, off)
        chain.right[1:, :, 0] -= weights * off
        chain.border[:-1, :, :1] += weighted @ by_scale
        chain.border[1:, :, :1] -= weights[:, :, None] * by_scale
        chain.corner[0, 0] += float(np.einsum("nig,ni,nig->", by_scale, weights, by_scale))
        chain.right_shared[0, 0] += float(np.einsum("nig,ni,ni->", by_scale, weights, off))

    def _seen(self, s: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return knots, distance past the knot, and direction at distances by the odometer."""
        knot = np.clip(((s - self.knots[0]) / self.step).astype(int), 0, self.knots.size - 1)
        past = s - self.knots[knot]
        return knot, past, self.states[knot, 2] + self.states[knot, 3] * past

    def _path_at(self, s: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return positions, shape (point, 2), their derivative by the state, (point, 2, 4), and by the scale, (point, 2)."""
        knot, past, _ = self._seen(s)
        scale = np.exp(self.log_scale)
        middle = self.states[knot, 2] + 0.5 * self.states[knot, 3] * past
        by_scale = scale * past[:, None] * np.stack([np.sin(middle), np.cos(middle)], axis=1)
        jacobian = np.zeros((s.size, 2, 4))
        jacobian[:, 0, 0] = jacobian[:, 1, 1] = 1.0
        jacobian[:, 0, 2], jacobian[:, 1, 2] = by_scale[:, 1], -by_scale[:, 0]
        jacobian[:, :, 3] = jacobian[:, :, 2] * past[:, None] / 2
        return self.states[knot, :2] + by_scale, jacobian, by_scale

    def _residuals(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Return knots, fixes less where the antenna should be, and the derivatives by state and by shared unknowns."""
        s, speed = (self.at, None) if self.earlier is None else self.earlier(self.lag)
        knot, past, angle = self._seen(s)
        place, jacobian, by_scale = self._path_at(s)
        right, forward = self.lever
        east, north = np.sin(angle), np.cos(angle)
        # the antenna is at the point less the lever arm
        antenna = place - np.stack([forward * east + right * north, forward * north - right * east], axis=1)
        turned = np.stack([forward * north - right * east, -forward * east - right * north], axis=1)
        jacobian[:, :, 2] -= turned
        jacobian[:, :, 3] -= turned * past[:, None]
        shared = np.empty((s.size, 2, self.shared))
        shared[:, :, 0] = by_scale
        if speed is not None:
            scale = np.exp(self.log_scale)
            shared[:, :, 1] = -scale * speed[:, None] * np.stack([east, north], axis=1)
        return knot, self.fixes - antenna, jacobian, shared

    def _add_fixes(self, chain: Chain) -> None:
        knot, off, jacobian, shared = self._residuals()
        weight = self.weight / (self.sigma * self.inflation) ** 2
        weighted = jacobian.transpose(0, 2, 1) * weight[:, None, None]
        np.add.at(chain.diagonal, knot, weighted @ jacobian)
        np.add.at(chain.right, knot, (weighted @ off[..., None]))
        np.add.at(chain.border, knot, weighted @ shared)
        chain.corner += np.einsum("nig,n,nih->gh", shared, weight, shared)
        chain.right_shared[:, 0] += np.einsum("nig,n,ni->g", shared, weight, off)

    def _misfit(self) -> np.ndarray:
        off = self._residuals()[1]
        return np.hypot(off[:, 0], off[:, 1]) / (self.sigma * self.inflation)

    def _reweigh(self, robust: bool) -> None:
        raw = self._misfit() * self.inflation
        # half of the squared distances of two normal deviates lie below 1.386
        self.inflation = max(1.0, float(np.median(raw)) / np.sqrt(1.386)) if raw.size >= 8 and robust else 1.0
        misfit = raw / self.inflation
        self.weight = (FIX_FREEDOM + 2) / (FIX_FREEDOM + misfit**2)
        if robust:
            off, _ = self._motion()
            weight = 2 / (1 + off[:, 3] ** 2 / (self.bend**2 * self.step))
            self.bend_weight = np.where(self.settled, self.bend_weight, weight)

    def _bridge(self) -> None:
        """Lay one bend between two straights into each gap whose ends allow it."""
        for before, after in gaps_between(self.at):
            first, last = (int(round((s - self.knots[0]) / self.step)) for s in (before, after))
            first, last = max(first, 0), min(last, self.knots.size - 1)
            span = slice(first, last)
            self.settled[span] = True
            length = np.exp(self.log_scale) * (last - first) * self.step
            if is_straight(self.states[first], self.states[last], length):
                self.least_bend[span], self.bend_weight[span] = BEND_UNSEEN, 1.0
                self.straight[first : last + 1] = STRAIGHT_SIGMA**-2 * self.step
                continue
            ends = one_bend(self.states[first], self.states[last], length)
            self.gaps.append(Gap(before, after, ends is not None))
            if ends is None:
                self.least_bend[span], self.bend_weight[span] = BEND_UNKNOWN, 1.0
                continue
            start, length, turn = ends
            scale = np.exp(self.log_scale)
            along = (self.knots[first : last + 1] - self.knots[first]) * scale
            self.least_bend[span], self.bend_weight[span] = BEND_UNSEEN, 1.0
            bent = (along >= start) & (along <= start + length)
            self.states[first : last + 1, 3] = np.where(bent, turn / max(length, self.step) * scale, 0.0)
            angle = self.states[first, 2] + turn * np.clip((along - start) / max(length, 1e-9), 0, 1)
            self.states[first : last + 1, 2] = angle
            middle = 0.5 * (angle[1:] + angle[:-1])
            for axis, part in ((0, np.sin(middle)), (1, np.cos(middle))):
                self.states[first + 1 : last + 1, axis] = self.states[first, axis] + np.cumsum(part) * self.step * scale
            # the transition from straight to arc may lie within a quarter of the arc of where it was put
            near = np.minimum(np.abs(along[:-1] - start), np.abs(along[:-1] - start - length))
            loose = near <= max(0.25 * length, 2 * self.step)
            self.bend_weight[span][loose] = (BEND_UNSEEN / BEND_FIRST) ** 2
            straight = (along < start - 0.25 * length) | (along > start + 1.25 * length)
            self.straight[first : last + 1] = np.where(straight, STRAIGHT_SIGMA**-2 * self.step, 0.0)

    def result(self, distance: np.ndarray) -> Rolled:
        states, shared = self._normal_equations().covariance()
        knot, past, angle = self._seen(distance)
        place, jacobian, _ = self._path_at(distance)
        spread = jacobian @ states[knot] @ jacobian.transpose(0, 2, 1)
        turning = states[knot, 2, 2] + 2 * past * states[knot, 2, 3] + past**2 * states[knot, 3, 3]
        place = place + self.origin
        has_lag = self.shared == 2
        away = np.abs(nearest_of(np.sort(self.at), distance) - distance)
        return Rolled(
            x=place[:, 0],
            y=place[:, 1],
            direction=angle,
            sigma=np.sqrt(0.5 * (spread[:, 0, 0] + spread[:, 1, 1]) + (AWAY_SHARE * away) ** 2),
            sigma_direction=np.sqrt(turning),
            scale=float(np.exp(self.log_scale)),
            sigma_scale=float(np.sqrt(shared[0, 0])) * float(np.exp(self.log_scale)),
            lag=self.lag if has_lag else 0.0,
            sigma_lag=float(np.sqrt(shared[1, 1])) if has_lag else float("nan"),
            misfit=self._misfit(),
            inflation=self.inflation,
            gaps=self.gaps,
        )


def gaps_between(at: np.ndarray) -> list[tuple[float, float]]:
    """Return the stretches (from, to) without fixes, in the units of `at`: long against the usual way between two."""
    at = np.sort(at)
    step = np.diff(at)
    moving = step[step > 1e-3]
    usual = float(np.median(moving)) if moving.size else 0.0
    wide = np.flatnonzero(step > max(LEAST_GAP, 4 * usual))
    return [(float(at[i]), float(at[i + 1])) for i in wide]


def one_bend(before: np.ndarray, after: np.ndarray, length: float) -> tuple[float, float, float] | None:
    """Find the path of a straight, an arc and a straight between two ends.

    Parameters
    ----------
    before, after : ndarray, shape (4,)
        East, north (m) and direction (radians from north to east) where the gap begins and ends.
    length : float
        Length of the path, m.

    Returns
    -------
    (start, length, turn) or None
        Distance from the beginning to the arc and length of the arc in m, and its angle in radians; None where no
        such path has this length.

    Notes
    -----
    The two straights meet in a corner, ``after - before = a e_0 + b e_1``; an arc of radius R that cuts it by an angle
    phi saves ``R (2 tan(phi / 2) - phi)`` of ``a + b``, which gives R.
    """
    turn = float(after[2] - before[2])
    chord = after[:2] - before[:2]
    tolerance = 0.5 + 0.005 * length
    if not np.radians(2) < abs(turn) < np.radians(150):
        return None
    ways = np.array([[np.sin(before[2]), np.sin(after[2])], [np.cos(before[2]), np.cos(after[2])]])
    a, b = np.linalg.solve(ways, chord)
    angle = abs(turn)
    saved = 2 * np.tan(angle / 2) - angle
    most = min(a, b) / np.tan(angle / 2)
    radius = float(np.clip((a + b - length) / saved, LEAST_RADIUS, max(most, LEAST_RADIUS)))
    if most < LEAST_RADIUS or abs(a + b - radius * saved - length) > tolerance:
        return None
    return float(a - radius * np.tan(angle / 2)), radius * angle, turn


def is_straight(before: np.ndarray, after: np.ndarray, length: float) -> bool:
    """Whether the way between two ends (see `one_bend`) is straight for all that can be told: no longer than its chord."""
    return abs(float(after[2] - before[2])) < np.radians(3) and float(
        np.hypot(*(after[:2] - before[:2]))
    ) > length - max(0.1, 5e-4 * length)


def nearest_of(known: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Return for each wanted value the nearest of the known ones, which are sorted."""
    right = np.clip(np.searchsorted(known, wanted), 0, known.size - 1)
    left = np.clip(right - 1, 0, known.size - 1)
    return np.where(np.abs(known[left] - wanted) <= np.abs(known[right] - wanted), known[left], known[right])

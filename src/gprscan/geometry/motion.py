"""Values recorded now and then, smoothed over time: the track of a line without an odometer, and heights."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gprscan.geometry.blocks import Chain

MOST_FIXES = 5000  # more than these are averaged in groups first
FREEDOM = 4.0  # degrees of freedom of the distribution of the fixes (Student's t)
ROUNDS = 6
# candidates for the spectral density of the jerk, in (standard deviation of a fix)^2 per (usual interval)^5
JERKS = 10.0 ** np.arange(-7, 7)


@dataclass(frozen=True)
class Smoothed:
    """Smoothed values at the wanted moments.

    Attributes
    ----------
    values : ndarray, shape (moment, axis)
    sigma : ndarray, shape (moment,)
        Standard deviation, equal for all axes.
    misfit : ndarray, shape (fix,)
        Distance of each fix from the smoothed value in its standard deviations; nan where fixes were grouped.
    """

    values: np.ndarray
    sigma: np.ndarray
    misfit: np.ndarray


def smooth(moment: np.ndarray, values: np.ndarray, sigma: np.ndarray, wanted: np.ndarray) -> Smoothed:
    """Smooth recorded values by the motion of a body whose acceleration wanders.

    Parameters
    ----------
    moment : ndarray, shape (fix,)
        Time, or trace, of each fix; strictly increasing, two at least.
    values : ndarray, shape (fix, axis)
        What was recorded.
    sigma : ndarray, shape (fix,)
        Standard deviation of each fix.
    wanted : ndarray, shape (moment,)
        Where values are wanted.

    Returns
    -------
    Smoothed

    Notes
    -----
    State space of position, velocity and acceleration driven by white jerk (a quintic smoothing spline); the strength
    of the jerk is the one of `JERKS` with the largest marginal likelihood; outliers lose weight by Student's t.
    Beyond the first and last fix the value goes on with its velocity there.
    """
    grouped = moment.size > MOST_FIXES
    if grouped:
        moment, values, sigma = _grouped(moment, values, sigma)
    usual = float(np.median(np.diff(moment)))
    knots, at_fix = _with_gaps_filled((moment - moment[0]) / usual)
    centre, unit = values.mean(axis=0), float(np.median(sigma)) or 1.0
    problem = _Problem(knots, at_fix, (values - centre) / unit, np.maximum(sigma / unit, 1e-3))
    problem.fit()
    found, spread = problem.at((np.asarray(wanted, dtype="float64") - moment[0]) / usual)
    misfit = np.full(moment.size, np.nan) if grouped else problem.misfit
    return Smoothed(found * unit + centre, spread * unit, misfit)


def _grouped(moment: np.ndarray, values: np.ndarray, sigma: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Average runs of fixes; their errors are taken to be alike, so that the standard deviation stays."""
    edges = np.linspace(0, moment.size, MOST_FIXES + 1).astype(int)[:-1]
    count = np.diff(np.append(edges, moment.size))
    mean = [np.add.reduceat(array, edges, axis=0) for array in (moment, values, sigma)]
    return mean[0] / count, mean[1] / count[:, None], mean[2] / count


def _with_gaps_filled(moment: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return knots, with up to seven between fixes that lie further apart than usual, and the knot of each fix."""
    step = np.diff(moment)
    parts = np.clip(np.ceil(step / 2), 1, 8).astype(int)
    at_fix = np.concatenate([[0], np.cumsum(parts)])
    return np.interp(np.arange(at_fix[-1] + 1), at_fix, moment), at_fix


class _Problem:
    def __init__(self, knots: np.ndarray, at_fix: np.ndarray, values: np.ndarray, sigma: np.ndarray) -> None:
        self.knots, self.at_fix, self.values, self.sigma = knots, at_fix, values, sigma
        self.weight = np.ones(sigma.size)
        self.misfit = np.zeros(sigma.size)
        h = np.diff(knots)
        self.lead = np.zeros((h.size, 3, 3))
        self.lead[:, range(3), range(3)] = 1.0
        self.lead[:, 0, 1] = self.lead[:, 1, 2] = h
        self.lead[:, 0, 2] = h**2 / 2
        noise = np.array(
            [[h**5 / 20, h**4 / 8, h**3 / 6], [h**4 / 8, h**3 / 3, h**2 / 2], [h**3 / 6, h**2 / 2, h]]
        ).transpose(2, 0, 1)
        self.information = np.linalg.inv(noise)

    def fit(self) -> None:
        for _ in range(ROUNDS):
            best = max(JERKS, key=self._likelihood)
            self.states = self._chain(best).solve()[0]
            off = (self.values - self.states[self.at_fix, 0]) / self.sigma[:, None]
            self.misfit = np.sqrt((off**2).sum(axis=1))
            axes = self.values.shape[1]
            before, self.weight = self.weight, (FREEDOM + axes) / (FREEDOM + self.misfit**2)
            if np.abs(before - self.weight).max() < 0.05:
                break
        self.chain = self._chain(best)

    def _chain(self, jerk: float) -> Chain:
        n, axes = self.knots.size, self.values.shape[1]
        chain = Chain.empty(n, 3, axes)
        weighted = self.lead.transpose(0, 2, 1) @ self.information / jerk
        chain.diagonal[:-1] += weighted @ self.lead
        chain.diagonal[1:] += self.information / jerk
        chain.lower -= self.information @ self.lead / jerk
        information = self.weight / self.sigma**2
        chain.diagonal[self.at_fix, 0, 0] += information
        chain.right[self.at_fix, 0] += information[:, None] * self.values
        # nothing is known about velocity and acceleration; this only keeps short lines from being singular
        chain.diagonal[0, [1, 2], [1, 2]] += 1e-8
        return chain

    def _likelihood(self, jerk: float) -> float:
        chain = self._chain(jerk)
        try:
            states, _, log_determinant = chain.solve()
        except np.linalg.LinAlgError:  # so stiff over long gaps that rounding makes it singular
            return -np.inf
        information = self.weight / self.sigma**2
        # at the optimum the squares of the residuals and of the innovations sum up to y'Wy - x'b
        cost = float((information[:, None] * self.values**2).sum() - (states * chain.right).sum())
        axes, steps = self.values.shape[1], self.knots.size - 1
        return -0.5 * (cost + axes * (log_determinant + 3 * steps * np.log(jerk)))

    def at(self, wanted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        knots, states = self.knots, self.states
        inside = np.clip(wanted, knots[0], knots[-1])
        left = np.clip(np.searchsorted(knots, inside, side="right") - 1, 0, knots.size - 2)
        h = (knots[left + 1] - knots[left])[:, None]
        u = (inside - knots[left])[:, None] / h
        (p0, v0, a0), (p1, v1, a1) = (np.moveaxis(states[i], 1, 0) for i in (left, left + 1))
        # between two states the expectation is the quintic polynomial that joins them
        d0 = p1 - p0 - h * v0 - 0.5 * h**2 * a0
        d1, d2 = h * (v1 - v0 - h * a0), h**2 * (a1 - a0)
        c3, c4, c5 = 10 * d0 - 4 * d1 + 0.5 * d2, -15 * d0 + 7 * d1 - d2, 6 * d0 - 3 * d1 + 0.5 * d2
        values = p0 + u * h * v0 + 0.5 * (u * h) ** 2 * a0 + u**3 * (c3 + u * (c4 + u * c5))
        ends = np.where(wanted < knots[0], 0, knots.size - 1)
        beyond = wanted - inside
        values = values + beyond[:, None] * states[ends, 1]
        covariance, _ = self.chain.covariance()
        sigma = np.sqrt(np.interp(inside, knots, np.maximum(covariance[:, 0, 0], 0.0)))
        speed = np.sqrt(np.maximum(covariance[ends, 1, 1], 0.0))
        return values, np.hypot(sigma, beyond * speed)

"""The wall of a pipe: permittivity and thickness from the full trace, and the back of the wall tracked along the line."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import pairwise, product

import numpy as np
from scipy import ndimage, optimize, signal

from gprscan.detection.inpipe.bars import is_sheet
from gprscan.detection.inpipe.layered_wave import wall_trace
from gprscan.detection.section import Section
from gprscan.units import C_AIR

USUAL = (7.2, 2.0)  # permittivity of a concrete wall where nothing is known, and its standard deviation
_AS_DRAWN = (0.95, 0.12)  # thickness over that of the drawing, and its standard deviation
# permittivity of the ground, and standard deviation of its logarithm: as a ratio, since soil of 3 is as rare round a sewer as of 30
_SOIL = (10.0, 0.35)
_GROUND_ERROR = 0.25  # standard deviation of the logarithm of the fitted permittivity of the ground
_MODEL_ERROR = 0.05  # standard deviation of the thickness that plane layers and a line source give, on simulated pipes
_PIECE = 0.6  # m of a line over which the wall is taken to be equally thick where it is not over all of it
_MISFIT = 0.16  # share of the trace's amplitude that plane layers may leave unexplained
_GOOD = 0.04  # the same, of a fit that another start would not make better
_HOPELESS = 0.24  # and of one that no other start would make good enough
_MOST_STARTS = 5


@dataclass(frozen=True)
class Wall:
    """What was found out about the wall.

    Attributes
    ----------
    thickness, thickness_sigma : float
        m.
    permittivity, permittivity_sigma : float
        Of the wall.
    ground_permittivity : float
        Behind the wall.
    measured : bool
        Whether the trace determined it; if not, the thickness is that of the drawing and the permittivity the usual one.
    misfit : float
        Share of the mean trace's amplitude that the layers leave unexplained.
    track : numpy.ndarray, shape (trace,)
        Thickness along the line in m, NaN where the back of the wall is not seen.
    shift : float
        Correction of time zero found by the fit, ns.
    hollow : numpy.ndarray of complex, shape (sample,), or None
        What air behind the wall would add to the usual trace, as an analytic signal in the units of the traces; None where
        the wall was not measured.
    steel : bool
        Whether the trace is that of a sheet of metal: bars so dense that nothing behind them can be seen.
    """

    thickness: float
    thickness_sigma: float
    permittivity: float
    permittivity_sigma: float
    ground_permittivity: float
    measured: bool
    misfit: float
    track: np.ndarray
    shift: float
    hollow: np.ndarray | None = None
    steel: bool = False


def likely_ground(fitted: float) -> float:
    """Return the permittivity of the ground by which times behind the wall become depths.

    The echo of the wall's back tells it by its size only, and to about a quarter (simulated pipes); it is weighed with what is
    known of soil.
    """
    known, weight = _SOIL[0], 1.0 / (1.0 + (_GROUND_ERROR / _SOIL[1]) ** 2)
    return float(known * (fitted / known) ** weight)


def fit_wall(
    section: Section, standoff: float, design: float, diameter: float, given: tuple[float, float] | None
) -> Wall:
    """Fit gap, wall and ground to the median trace, and track the back of the wall.

    Parameters
    ----------
    section : Section
        The conditioned line.
    standoff : float
        Antenna to inner wall, m.
    design : float
        Thickness of the drawing, m.
    diameter : float
        Of the bore, m: the opposite wall answers after the way across it.
    given : (float, float) or None
        Known permittivity of the wall and its standard deviation.

    Returns
    -------
    Wall
    """
    prior = given or USUAL
    whole = _fitted(section, section.valid, standoff, design, diameter, prior)
    if whole.measured and np.isfinite(whole.track).any():
        return whole
    # where the thickness changes along the line, the echoes of the back do not add up in the median of all traces
    pieces = [_fitted(section, part, standoff, design, diameter, prior) for part in _pieces(section)]
    pieces = [piece for piece in pieces if piece.measured and np.isfinite(piece.track).mean() > 0.5]
    if not pieces:
        return replace(whole, steel=not whole.measured and _is_steel(section, standoff, design, prior[0]))
    best = min(pieces, key=lambda piece: piece.misfit)
    # each piece follows the back along the whole line, with a permittivity of its own: they differ as they are wrong
    means = [float(np.nanmedian(piece.track)) for piece in pieces]
    spread = float(np.hypot(best.thickness_sigma, np.std(means)))
    return replace(best, thickness=float(np.nanmedian(best.track)), thickness_sigma=spread)


def _is_steel(s: Section, standoff: float, design: float, permittivity: float) -> bool:
    if not s.valid.any():
        return False
    return is_sheet(s, np.median(s.raw[s.valid], axis=0).astype(float), standoff, design, permittivity)


def _pieces(s: Section) -> list[np.ndarray]:
    """Masks of the valid traces in the pieces of a line, each `_PIECE` m long."""
    count = int((s.x[-1] - s.x[0]) / _PIECE)
    edges = np.linspace(s.x[0], s.x[-1], count + 1)
    return [s.valid & (s.x >= low) & (s.x <= high) for low, high in pairwise(edges)] if count > 1 else []


def _fitted(
    s: Section, used: np.ndarray, standoff: float, design: float, diameter: float, prior: tuple[float, float]
) -> Wall:
    """Fit the layers to the median of some traces, and follow the back of the wall along the whole line."""
    trace = np.median(s.raw[used], axis=0).astype(float) if used.any() else np.zeros(s.t.size)
    fallback = Wall(design, 0.15 * design, *prior, 9.0, False, np.inf, np.full(s.x.size, np.nan), 0.0)
    late = standoff * 6.7 + 2.6 * design * np.sqrt(prior[0]) / 0.15 + 1.5 / s.fc_nominal
    across = 2 * (diameter - standoff) / C_AIR - 0.8 / s.fc_nominal
    use = (s.t > -1.3 / s.fc_nominal) & (s.t < min(late, across))
    if use.sum() < 16 or not np.abs(trace[use]).max() > 0:
        return fallback
    held = s.clipped[used].mean(axis=0) > 0.2
    best = _best_fit(s, trace, use & ~held, standoff, design, prior)
    if best is None or best[1] > _MISFIT or _is_far_off(best, design):
        return fallback
    found, misfit, sigma = best
    shift, _, thickness, eps, ground, _ = found
    track = _track(s, found, trace)
    if used is s.valid:
        track = _centred(track, float(thickness))
    spread = max(_MODEL_ERROR * thickness, float(sigma[2]), 0.5 * thickness * float(sigma[3]) / eps)
    early, back = _parts(s, s.t, found)
    if np.abs(back).max() < misfit * np.abs(early).max():
        # an echo no larger than what the fit leaves over may as well be matched half a cycle off
        spread = float(np.hypot(spread, C_AIR / (4 * np.sqrt(eps) * s.fc_nominal)))
    return Wall(
        float(thickness),
        float(spread),
        float(eps),
        max(float(sigma[3]), 0.1),
        float(ground),
        True,
        misfit,
        track,
        float(shift),
        _hollow(s, found, trace, use),
    )


def _is_far_off(best: tuple[np.ndarray, float, np.ndarray], design: float) -> bool:
    """Whether a fit contradicts the drawing by more than walls do, and leaves too much unexplained to be believed in that."""
    found, misfit, _ = best
    return misfit > 0.5 * _MISFIT and abs(float(found[2]) / design - _AS_DRAWN[0]) > 2.5 * _AS_DRAWN[1]


def _hollow(s: Section, p: np.ndarray, trace: np.ndarray, use: np.ndarray) -> np.ndarray:
    """Return what air behind the wall adds to the fitted trace, as an analytic signal."""
    early, back = _parts(s, s.t, p)
    basis = np.stack([(early + back).real, (early + back).imag])[:, use]
    fit = np.linalg.lstsq(basis.T, trace[use], rcond=None)[0]
    added = _parts(s, s.t, np.array([*p[:4], 1.0, p[5]]))[1] - back
    return signal.hilbert(fit[0] * added.real + fit[1] * added.imag)


def _centred(track: np.ndarray, thickness: float) -> np.ndarray:
    """Return the track with its median where the fit to the median trace has it; unknown where the two contradict.

    The fit weighs the whole trace; the track follows one echo, and says how the thickness changes along the line.
    """
    seen = track[np.isfinite(track)]
    if seen.size < 0.3 * track.size or abs(float(np.median(seen)) - thickness) > 0.15 * thickness:
        return np.full(track.shape, np.nan)
    return track + (thickness - float(np.median(seen)))


def _best_fit(
    s: Section, trace: np.ndarray, use: np.ndarray, standoff: float, design: float, prior: tuple[float, float]
) -> tuple[np.ndarray, float, np.ndarray] | None:
    """Least squares over time shift (ns), frequency ratio, thickness, permittivities; amplitude and phase are linear."""
    last = int(np.flatnonzero(use).max()) + 1
    time, data, keep = s.t[:last], trace[:last], use[:last]
    scale = float(np.sqrt((data[keep] ** 2).mean()))
    # a fit to within 1 % of the trace counts as much as one standard deviation of what was known before
    weight = 0.01 * np.sqrt(keep.sum())

    def residual(p: np.ndarray) -> np.ndarray:
        model = sum(_parts(s, time, p))
        basis = np.stack([model.real, model.imag])[:, keep]
        fit = np.linalg.lstsq(basis.T, data[keep], rcond=None)[0]
        left = (data[keep] - fit @ basis) / scale
        turn = np.arctan2(fit[1], fit[0])
        turn = (turn + 0.5 * np.pi) % np.pi - 0.5 * np.pi
        known = [
            turn / 0.5,
            p[0] * s.fc_nominal / 0.3,
            (p[1] - 1) / 0.1,
            (p[2] / design - _AS_DRAWN[0]) / _AS_DRAWN[1],
            (p[3] - prior[0]) / prior[1],
            np.log(p[4] / _SOIL[0]) / _SOIL[1],
            (p[5] - standoff) / slack,
        ]
        return np.concatenate([left, weight * np.asarray(known)])

    slack = 0.002 + 0.05 * standoff
    near, far = max(standoff - 3 * slack, 0.0), standoff + 3 * slack
    bounds = (
        [-1.0 / s.fc_nominal, 0.75, 0.5 * design, 3.0, 2.5, near],
        [1.0 / s.fc_nominal, 1.3, 1.5 * design, 14.0, 40.0, far],
    )
    best, misfit = None, np.inf
    for number, start in enumerate(_starts(s, design, prior, standoff, residual, bounds)):
        if number >= 2 and not _GOOD < misfit < _HOPELESS:
            break
        steps = [0.05, 0.02, 0.1 * design, 1.0, 2.0, 0.003]
        found = optimize.least_squares(residual, start, bounds=bounds, x_scale=steps, max_nfev=25, diff_step=1e-3)
        if best is None or found.cost < best.cost:
            best = found
            misfit = float(np.sqrt((best.fun[: int(keep.sum())] ** 2).mean()))
    if best is None:
        return None
    curvature = best.jac.T @ best.jac / max(misfit, 0.01) ** 2 / 8.0  # about eight samples share one error
    sigma = np.sqrt(np.abs(np.diag(np.linalg.pinv(curvature))))
    return best.x, misfit, sigma


def _starts(
    s: Section,
    design: float,
    prior: tuple[float, float],
    standoff: float,
    residual: Callable[[np.ndarray], np.ndarray],
    bounds: tuple[list[float], list[float]],
) -> list[np.ndarray]:
    """Return where to start from: walls, ground of higher and of lower permittivity than the wall, and thicknesses.

    The echo of a thick wall's back can be matched a cycle too early or too late, so that thicknesses no more than a third of a
    cycle apart are tried. A wall far from the usual one ends in ground on the wrong side of it unless the fit starts near. The
    starts that explain most come first.
    """
    cycles = 0.4 * 2 * design * np.sqrt(prior[0]) / C_AIR * s.fc_nominal
    shares = [0.95] if cycles < 1.0 else np.linspace(0.75, 1.15, 1 + int(np.ceil(3 * cycles)))
    walls = [max(prior[0] + part * prior[1], 3.2) for part in (-1.0, 0.0, 1.0)]
    starts = [
        np.clip([0.0, 1.0, share * design, wall, ground, standoff], *bounds)
        for share, wall in product(shares, walls)
        for ground in (max(wall + 3.5, 5.0), max(wall - 2.5, 3.0))
    ]
    starts.sort(key=lambda start: float((residual(start) ** 2).sum()))
    return starts[:_MOST_STARTS]


def _parts(s: Section, time: np.ndarray, p: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return wall_trace(
        time - p[0],
        s.fc_nominal * p[1],
        standoff=float(p[5]),
        separation=s.separation,
        wall=p[2],
        wall_permittivity=p[3],
        ground_permittivity=p[4],
    )


def _track(s: Section, p: np.ndarray, quiet: np.ndarray) -> np.ndarray:
    """Thickness along the line: where the echo of the wall's back is best matched, trace by trace."""
    early, back = _parts(s, s.t, p)
    whole = np.stack([(early + back).real, (early + back).imag])
    near = (s.t > -1.3 / s.fc_nominal) & (s.t < s.t[int(np.abs(back).argmax())] + 1.5 / s.fc_nominal)
    fit = np.linalg.lstsq(whole[:, near].T, quiet[near], rcond=None)[0]
    echo = fit[0] * back.real + fit[1] * back.imag
    rest = s.raw - (quiet - echo)[None, :].astype(np.float32)
    rest = ndimage.uniform_filter1d(rest, 3, axis=0)
    centre = int(np.abs(signal.hilbert(echo)).argmax())
    half = round(0.6 / (s.fc_nominal * s.dt))
    pulse = signal.hilbert(echo[max(centre - half, 0) : centre + half + 1])
    reach = max(2, round(0.35 * p[2] * 2 * np.sqrt(p[3]) / 0.3 / s.dt))
    power = float(np.linalg.norm(pulse.real))
    out = np.full(s.x.size, np.nan)
    for i in np.flatnonzero(s.valid):
        score = np.abs(np.correlate(np.pad(rest[i].astype(float), reach), pulse, "valid"))
        first = max(centre - half, 0)
        piece = score[first : first + 2 * reach + 1]
        if piece.size < 3:
            continue
        k = int(piece.argmax())
        level = float(piece[k]) / max(power, 1e-30) ** 2
        seen = float(piece[k]) / max(power, 1e-30) > 3.0 * s.noise
        # far stronger than the usual echo: something lies against the wall, and the two echoes are one
        if not 0 < k < piece.size - 1 or not 0.4 < level < 3.0 or not seen:
            continue
        bend = piece[k - 1] - 2 * piece[k] + piece[k + 1]
        part = 0.5 * (piece[k - 1] - piece[k + 1]) / bend if bend else 0.0
        out[i] = p[2] + (k - reach + part) * s.dt * 0.299792458 / (2 * np.sqrt(p[3]))
    return out

"""The early waveform of a ground-coupled antenna over a layered ground, and the pavement that explains it.

The base of an asphalt course lies closer to the surface than a wavelet of most road antennas is long: its echo never
stands alone, and no picker can time it. So the whole early trace is modelled, direct wave and layers together.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
from scipy import linalg
from scipy.optimize import least_squares
from scipy.special import hankel2

from gprscan.errors import ParameterError
from gprscan.kernels.line_source import MOST_LAYERS, reflected_field, reflected_field_slopes
from gprscan.units import C_AIR

WAVENUMBERS = 160
PERIOD = 30.0  # ns, of the discrete spectrum; what lies farther off is damped below a thousandth by DAMPING
DAMPING = 0.2  # 1/ns
MODEL_ERROR = 0.006  # of the peak of the direct wave: how well one-dimensional layers explain a road
THICKNESS_ERROR = 4.0  # m MHz, over the frequency: measured on simulated roads, beyond what the residuals say
WORST_MISFIT = 0.03  # RMS residual over RMS amplitude beyond which layers do not explain the trace

# permittivity, permittivity below, thickness (m), permittivity of the subgrade, thickness of the base (m), relative
# frequency, time (ns), height (m): the middle of what roads have, and its standard deviation
_MEAN = np.array([5.5, 7.6, 0.14, 10.5, 0.29, 1.0, 0.0, 0.0])
_SPREAD = np.array([1.3, 1.3, 0.07, 2.0, 0.06, 0.05, 0.08, 0.006])
_LOW = np.array([2.5, 3.0, 0.03, 4.0, 0.10, 0.6, -1.0, 0.0])
_HIGH = np.array([12.0, 16.0, 0.40, 30.0, 0.70, 1.5, 1.0, 0.0])
# the fit has valleys a quarter of a wavelength apart: it starts from a grid, and the best of those go on
_APART = 0.04  # m
_THICKNESSES = tuple(0.06 + _APART * step for step in range(7))
_BASES = (0.2, 0.3, 0.4)
_FEW, _MANY, _KEPT = 6, 40, 2  # evaluations of the fit at each point, of those that go on, and how many these are


def layered_response(omega: Any, permittivity: Any, thickness: Any, separation: float, height: float) -> np.ndarray:
    """Return the field of a line source above layers, relative to ``-omega mu I / 4``.

    ``H0(k s) + (2 / pi) integral over k_x >= 0 of R(k_x) / k_z exp(-2 i k_z h) cos(k_x s)``, with the reflection of the
    layers from the recursion ``R = (r + R' e) / (1 + r R' e)``, ``e = exp(-2 i k_z d)`` (Chew 1995, Waves and Fields in
    Inhomogeneous Media, sections 2.1 and 2.4; the polarisation of an antenna across the line).

    Parameters
    ----------
    omega : array_like of complex, shape (n,)
        Angular frequencies in rad/ns, their imaginary part negative: that damps the field and keeps poles off the axis.
    permittivity : array_like, shape (layers,)
        Relative permittivity from the surface down; the last layer goes on for ever.
    thickness : array_like, shape (layers - 1,)
        In m.
    separation, height : float
        Of transmitter and receiver, and of both above the ground, in m; up to about 1 m, above which the integral would
        need more wavenumbers.

    Returns
    -------
    ndarray of complex, shape (n,)

    Raises
    ------
    ParameterError
        If there are no layers or more than 15, or the thicknesses are not one less.
    """
    k_air = np.asarray(omega, dtype="complex128") / C_AIR
    layers = np.asarray(permittivity, dtype="float64")
    if not 0 < layers.size < MOST_LAYERS or np.size(thickness) != layers.size - 1:
        msg = (
            f"layered_response: {layers.size} layers with {np.size(thickness)} thicknesses; there must be 1 to "
            f"{MOST_LAYERS - 1}, with one thickness less."
        )
        raise ParameterError(msg)
    waves = _over_wavenumbers(reflected_field, k_air, layers, thickness, separation, height)
    return np.asarray(hankel2(0, k_air * separation) + waves)


def _over_wavenumbers(
    kernel: Callable[..., np.ndarray], k_air: np.ndarray, layers: np.ndarray, thickness: Any, separation: float,
    height: float,
) -> np.ndarray:  # fmt: skip
    widest = 1.2 * float(np.abs(k_air).max()) * float(np.sqrt(max(1.0, layers.max()))) + 40.0
    k_x, interval = np.linspace(0.0, widest, WAVENUMBERS, retstep=True)
    weight = np.full(WAVENUMBERS, interval)
    weight[[0, -1]] *= 0.5
    depths = np.asarray(thickness, dtype="float64").reshape(-1)
    return (2.0 / np.pi) * kernel(k_air, layers, depths, float(separation), float(height), k_x, weight)


def early_waveform(
    twt: np.ndarray, permittivity: Any, thickness: Any, *, frequency: float, separation: float, height: float
) -> np.ndarray:
    """Return the trace of an antenna with a Ricker pulse over layers; its real and imaginary part are 90 degrees apart.

    Parameters
    ----------
    twt : ndarray
        Times in ns; at 0 the envelope peak of the pulse leaves the antenna.
    permittivity, thickness : array_like
        As in `layered_response`.
    frequency : float
        Centre frequency in MHz.
    separation, height : float
        In m.

    Returns
    -------
    ndarray of complex, shape as `twt`
        In arbitrary units.
    """
    omega = _frequencies(frequency)
    spectrum = _pulse(omega, frequency) * layered_response(omega, permittivity, thickness, separation, height)
    return _summed(np.exp(1j * np.outer(twt, omega)), spectrum)


def _frequencies(frequency: float) -> np.ndarray:
    """Angular frequencies in rad/ns of a pulse with some centre frequency in MHz, damped."""
    cycles = np.arange(int(4.5 * frequency / 1000.0 * PERIOD) + 1) / PERIOD
    return np.asarray(2.0 * np.pi * cycles - 1j * DAMPING)


def _pulse(omega: np.ndarray, frequency: float) -> np.ndarray:
    """Spectrum of a Ricker pulse from a line source."""
    return np.asarray(omega**3 * np.exp(-((omega / (2.0 * np.pi * frequency / 1000.0)) ** 2)))


def _summed(waves: np.ndarray, spectrum: np.ndarray) -> np.ndarray:
    # not by a matrix product: for one this small, BLAS spends a hundred times longer on waking its threads
    return np.asarray((waves * spectrum).sum(axis=1))


@dataclass(frozen=True)
class PavementFit:
    """A layered ground that explains an early waveform.

    Attributes
    ----------
    thickness, sigma_thickness : float
        Of the bound layer, and one total standard deviation, m.
    permittivity, sigma_permittivity : float
        Of the bound layer, relative.
    misfit : float
        RMS residual over RMS amplitude.
    parameters : ndarray, shape (8,)
        Permittivity of the bound layer, permittivity of the base, thickness of the bound layer (m), permittivity of the
        subgrade, thickness of the base (m), centre frequency (MHz), time shift (ns), antenna height (m).
    """

    thickness: float
    sigma_thickness: float
    permittivity: float
    sigma_permittivity: float
    misfit: float
    parameters: np.ndarray

    @property
    def usable(self) -> bool:
        """Whether flat layers explain the trace."""
        return self.misfit <= WORST_MISFIT


@dataclass(frozen=True)
class _Problem:
    trace: np.ndarray
    twt: np.ndarray
    separation: float
    mean: np.ndarray
    spread: np.ndarray
    low: np.ndarray
    high: np.ndarray
    free: np.ndarray
    seen: dict[bytes, np.ndarray] = field(default_factory=dict)  # spectrum of the last parameters

    @cached_property
    def _waves(self) -> np.ndarray:
        """Each frequency that any trial has, at each time."""
        return np.exp(1j * np.outer(self.twt, _frequencies(float(self.high[5]))))

    def _parameters(self, values: np.ndarray) -> np.ndarray:
        p = self.mean.copy()
        p[self.free] = values
        return p

    def _spectrum(self, p: np.ndarray) -> np.ndarray:
        """Spectrum of the whole waveform; slopes are taken where it was looked at last."""
        if p.tobytes() in self.seen:
            return self.seen[p.tobytes()]
        self.seen.clear()
        omega = _frequencies(p[5])
        pulse = _pulse(omega, p[5]) * np.exp(-1j * omega * p[6])
        response = layered_response(omega, p[[0, 1, 3]], p[[2, 4]], self.separation, p[7])
        return self.seen.setdefault(p.tobytes(), pulse * response)

    def _basis(self, spectrum: np.ndarray) -> np.ndarray:
        """What strength and phase of the pulse, and the zero line, are the factors of."""
        modelled = _summed(self._waves[:, : spectrum.size], spectrum)
        return np.stack([modelled.real, modelled.imag, np.full(self.twt.size, np.abs(modelled).max())], axis=1)

    def _residual(self, values: np.ndarray) -> np.ndarray:
        basis = self._basis(self._spectrum(self._parameters(values)))
        basis /= np.abs(basis).max()
        factors, *_ = np.linalg.lstsq(basis, self.trace, rcond=None)
        return np.asarray(basis @ factors - self.trace)

    def _slopes(self, values: np.ndarray) -> np.ndarray:
        """Change of the residual with each free parameter, shape (time, parameter).

        The linear factors follow (Golub and Pereyra, SIAM J. Numer. Anal. 10, 1973, 413): with the projection P on the basis
        B, ``d(P y) = (1 - P) dB c + (B^+)^T dB^T (1 - P) y``.
        """
        p = self._parameters(values)
        omega = _frequencies(p[5])
        pulse = _pulse(omega, p[5]) * np.exp(-1j * omega * p[6])
        spectra = np.empty((p.size, omega.size), complex)
        layers, thickness = p[[0, 1, 3]], p[[2, 4]]
        spectra[[0, 1, 3, 2, 4, 7]] = pulse * _over_wavenumbers(
            reflected_field_slopes, omega / C_AIR, layers, thickness, self.separation, p[7]
        )
        whole = self._spectrum(p)
        spectra[5] = whole * 2.0 * (omega * 1000.0 / (2.0 * np.pi)) ** 2 / p[5] ** 3
        spectra[6] = -1j * omega * whole
        waves = self._waves[:, : omega.size]
        basis = self._basis(whole)
        q, r = np.linalg.qr(basis)
        factors = np.linalg.solve(r, q.T @ self.trace)
        left = self.trace - basis @ factors
        out = np.empty((self.twt.size, int(self.free.sum())))
        for column, spectrum in enumerate(spectra[self.free]):
            change = _summed(waves, spectrum)
            along = factors[0] * change.real + factors[1] * change.imag
            turned = np.array([change.real @ left, change.imag @ left, 0.0])
            out[:, column] = along - q @ (q.T @ along) + q @ np.linalg.solve(r.T, turned)
        return out

    def best(self) -> PavementFit:
        """Return the best fit of all that lead down from a grid of thicknesses, of the layer and of the base.

        A few steps from each point tell which valley is worth going on in.
        """
        tried = []
        for thickness in _THICKNESSES:
            for base in _BASES:
                point = self.mean.copy()
                point[[2, 4]] = thickness, base
                tried.append(self.solve(point, _FEW))
        tried.sort(key=lambda found: found[0])
        kept: list[PavementFit] = []
        for _, fit in tried:
            # one of each valley, or the deepest takes all the places
            if all(abs(fit.thickness - other.thickness) > 0.5 * _APART for other in kept):
                kept.append(fit)
        ends = (self.solve(fit.parameters, _MANY) for fit in kept[:_KEPT])
        return min(ends, key=lambda found: found[0])[1]

    def solve(self, start: np.ndarray, evaluations: int) -> tuple[float, PavementFit]:
        mean, spread = self.mean[self.free], self.spread[self.free]

        def cost(values: np.ndarray) -> np.ndarray:
            return np.concatenate([self._residual(values) / MODEL_ERROR, (values - mean) / spread])

        def slopes(values: np.ndarray) -> np.ndarray:
            return np.concatenate([self._slopes(values) / MODEL_ERROR, np.diag(1.0 / spread)])

        found = least_squares(
            cost,
            jac=slopes,
            x0=np.clip(start[self.free], self.low[self.free] + 1e-6, self.high[self.free] - 1e-6),
            bounds=(self.low[self.free], self.high[self.free]),
            x_scale=spread,
            max_nfev=evaluations,
        )
        residual = self._residual(found.x)
        misfit = float(np.sqrt(np.mean(residual**2) / np.mean(self.trace**2)))
        period = 1000.0 / (self.mean[5] * (self.twt[1] - self.twt[0]))
        deviation = np.sqrt(np.diag(_covariance(found.jac, residual / MODEL_ERROR, round(period))))
        sigma, full = self.spread.copy(), self.mean.copy()
        full[self.free], sigma[self.free] = found.x, deviation
        fit = PavementFit(
            thickness=float(full[2]),
            sigma_thickness=float(np.hypot(sigma[2], THICKNESS_ERROR / full[5])),
            permittivity=float(full[0]),
            sigma_permittivity=float(np.hypot(sigma[0], 0.1 * full[0])),
            misfit=misfit,
            parameters=full,
        )
        return float(found.cost), fit


def _covariance(jacobian: np.ndarray, residual: np.ndarray, reach: int) -> np.ndarray:
    """Return the covariance of a fit whose residuals go together over some samples.

    ``H^-1 (J^T R J + P) H^-1`` with ``H = J^T J + P``, the prior P, and the autocovariance R of the residuals under a
    triangle of `reach` samples (Newey and West 1987, Econometrica 55, 703): what layers do not explain looks like an
    echo, not like noise, and counts once per echo and not once per sample. R is at least that of the model's own error.

    Parameters
    ----------
    jacobian : ndarray, shape (samples + parameters, parameters)
        Of the residuals in units of the model's error, the prior's below them.
    residual : ndarray, shape (samples,)
        In units of the model's error.
    reach : int
        Samples of one period.
    """
    data, prior = jacobian[: residual.size], jacobian[residual.size :]
    lags = np.arange(min(reach, residual.size))
    power = [float(residual[: residual.size - lag] @ residual[lag:]) / residual.size for lag in lags]
    tapered = np.array(power) * (1.0 - lags / reach) * max(1.0, 1.0 / max(power[0], 1e-30))
    meat = data.T @ linalg.matmul_toeplitz(np.append(tapered, np.zeros(residual.size - lags.size)), data)
    precision = np.linalg.pinv(jacobian.T @ jacobian)
    return np.asarray(precision @ (meat + prior.T @ prior) @ precision)


def fit_pavement(
    trace: Any,
    twt: Any,
    *,
    frequency: float,
    separation: float,
    height: float = 0.0,
    near: PavementFit | None = None,
) -> PavementFit:
    """Find thickness and permittivity of the bound layer from the early waveform of a ground-coupled antenna.

    Three flat layers under a two-dimensional source with a Ricker pulse of free strength, phase, frequency and time are
    fitted by least squares (`early_waveform`), with a prior of what roads have. One trace that is the median of several
    is best.

    Parameters
    ----------
    trace : array_like, shape (n,)
        Amplitudes as recorded: no gain, no background taken out; DC and wow may be.
    twt : array_like, shape (n,)
        Two-way times in ns, time zero applied.
    frequency : float
        Nominal centre frequency in MHz.
    separation, height : float
        Of the antennas, and of both above the ground, in m.
    near : PavementFit, optional
        Of a trace nearby, which only thickness, permittivity and time are allowed to leave: ten times as fast.

    Returns
    -------
    PavementFit
        Its ``usable`` is false where flat layers do not explain the trace: over reinforcement, an unknown gain, or a
        pulse that is no Ricker.

    Raises
    ------
    ParameterError
        If frequency or separation are not positive, or the trace does not hold the early waveform.
    """
    if not (frequency > 0 and separation > 0 and height >= 0):
        msg = (
            f"fit_pavement: frequency ({frequency} MHz) and separation ({separation} m) must be positive, and height "
            f"({height} m) not negative."
        )
        raise ParameterError(msg)
    samples, times = np.asarray(trace, dtype="float64"), np.asarray(twt, dtype="float64")
    period = 1000.0 / frequency
    early = (times > -1.2 * period) & (times < max(3.2 * period, 5.0))
    part = samples[early]
    if part.size < 20 or not np.isfinite(part).all() or not np.abs(part).max() > 0:
        msg = "fit_pavement: the trace has no 20 finite samples around time zero, or is silent there."
        raise ParameterError(msg)
    mean, spread, low, high = _MEAN.copy(), _SPREAD.copy(), _LOW.copy(), _HIGH.copy()
    for values in (mean, spread, low, high):
        values[5] *= frequency
    mean[7], low[7], high[7] = max(height, 0.002), 0.25 * max(height, 0.002), height + 0.05
    free = np.ones(8, dtype=bool)
    problem = _Problem(part / np.abs(part).max(), times[early], separation, mean, spread, low, high, free)
    if near is not None:
        free = np.isin(np.arange(8), [0, 2, 6])
        tight = np.where(free, [0.4, 1, 0.04, 1, 1, 1, 0.1, 1], spread)
        local = replace(problem, seen={}, mean=near.parameters.copy(), spread=tight, free=free)
        return local.solve(near.parameters, 12)[1]
    return problem.best()

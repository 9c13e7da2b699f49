"""What the migrations in the wavenumber domain share: from traces to the spectrum of a wave field at the ground."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import fft

from gprscan.kernels.jit import threads
from gprscan.kernels.spectral import resample, sinc_table
from gprscan.migration.acquisition import Acquisition
from gprscan.migration.curves import vertical_times
from gprscan.migration.medium import Medium
from gprscan.units import C_AIR


@dataclass(frozen=True)
class Wavefield:
    """Spectrum of a zero-offset wave field at the ground.

    Attributes
    ----------
    spectrum : ndarray of complex64, shape (kx, omega)
        Time has its origin at `centre`.
    kx : ndarray, shape (kx,)
        Wavenumbers along the line, rad/m.
    omega_step : float
        rad/ns.
    centre : float
        ns.
    n_times : int
        Length of the padded time axis.
    """

    spectrum: np.ndarray
    kx: np.ndarray
    omega_step: float
    centre: float
    n_times: int

    def along_line(self, values: np.ndarray, n_traces: int) -> np.ndarray:
        """Transform (kx, anything) back to traces and cut the padding off."""
        return fft.ifft(values, axis=0, workers=threads())[:n_traces]


def zero_offset(traces: np.ndarray, geometry: Acquisition, ground: Medium, separation: float) -> np.ndarray:
    """Return traces as one antenna in the middle of the pair would have recorded them, on a time axis from 0.

    Each time is moved by the difference between the paths to a point straight below (the normal moveout of a flat
    reflector, refraction at the ground included). It is exact below the antenna; for a separation of half the depth the
    flank at 45 degrees is off by one per cent of the time, which is why Kirchhoff is the choice for wide pairs.

    Parameters
    ----------
    traces : ndarray of float32, shape (trace, sample)

    Returns
    -------
    ndarray of float32, shape (trace, sample from time 0)
    """
    end = geometry.start + geometry.dt * (geometry.n_samples - 1)
    times = geometry.dt * np.arange(int(np.floor(end / geometry.dt + 1e-9)) + 1)
    in_air = 2 * geometry.height / C_AIR
    if separation > 0:
        below = times[times > in_air]
        depths = ground.depth(0.5 * (below - in_air))
        recorded = vertical_times(geometry, ground, depths, separation)
        # echoes from above the ground do not exist; what is recorded there is the direct wave, which must not focus
        times = np.concatenate([np.full(times.size - below.size, -np.inf), recorded])
    positions = (times - geometry.start) / geometry.dt
    if separation == 0 and abs(positions[0] - np.round(positions[0])) < 1e-9:
        # the samples as they are: interpolation costs as much as a transform
        shift = round(float(positions[0]))
        kept = traces[:, max(shift, 0) : shift + times.size]
        return np.pad(kept, ((0, 0), (times.size - kept.shape[1], 0))) if kept.shape[1] < times.size else kept
    return resample(traces, positions, sinc_table())


def surface_wavefield(
    traces: np.ndarray, geometry: Acquisition, ground: Medium, separation: float, *, reach: float, smooth: bool
) -> Wavefield:
    """Transform traces to (kx, omega), and continue them from the antenna's height down to the ground.

    Parameters
    ----------
    traces : ndarray of float32, shape (trace, sample)
    reach : float
        Distance in m over which an event may spread along the line; padded with zeros against wrapping around.
    smooth : bool
        Make the spectrum smooth along omega, for interpolation: pad the record to twice its length, and put the origin
        of time into its middle. Without interpolation echoes only move to earlier times, and a little padding does.
    """
    data = zero_offset(traces, geometry, ground, separation)
    n_traces, n = data.shape
    n_x = fft.next_fast_len(n_traces + int(np.ceil(reach / geometry.spacing)))
    n_t = fft.next_fast_len(2 * n if smooth else n + n // 4, real=True)
    spectrum = fft.fft(fft.rfft(data, n_t, axis=1, workers=threads()), n_x, axis=0, workers=threads())
    kx = 2 * np.pi * fft.fftfreq(n_x, geometry.spacing)
    omega_step = 2 * np.pi / (n_t * geometry.dt)
    omega = omega_step * np.arange(spectrum.shape[1])
    centre = geometry.dt * (n // 2) if smooth else 0.0
    shift = np.exp(1j * omega * centre).astype("complex64")[None, :]
    if geometry.height > 0:
        k = 2 * omega[None, :] / C_AIR
        # waves that are evanescent in air decay too little over a small height to be worth boosting
        vertical = np.sqrt(np.clip(k**2 - kx[:, None] ** 2, 0.0, None))
        shift = shift * np.exp(1j * geometry.height * vertical).astype("complex64")
    spectrum *= shift
    return Wavefield(spectrum, kx, omega_step, centre, n_t)

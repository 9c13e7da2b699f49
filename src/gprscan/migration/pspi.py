"""Phase shift plus interpolation: downward continuation through a velocity that changes along the line, too."""

from __future__ import annotations

import numpy as np
from scipy import fft

from gprscan.kernels.jit import threads
from gprscan.migration.acquisition import Acquisition
from gprscan.migration.section import Section, slowness_at
from gprscan.migration.wavenumber import surface_wavefield

SPREAD = 1.08  # ratio of neighbouring reference velocities
FADE = 1.0  # nepers per radian beyond the aperture
BAND = 3.0  # of the centre frequency: what is continued


def migrate_pspi(
    traces: np.ndarray, geometry: Acquisition, ground: Section, separation: float, depths: np.ndarray, aperture: float
) -> np.ndarray:
    """Migrate one channel, shape (trace, sample) to (trace, depth).

    In each step of depth the field is multiplied by the thin lens ``exp(i (k - k_r) dz)``, continued with reference
    velocities, and interpolated between them at each trace (Gazdag and Sguazzero 1984, Geophysics 49, 124-131); with one
    reference velocity that is the split step of Stoffa et al. (1990, Geophysics 55, 410-421).

    Parameters
    ----------
    traces : ndarray of float32, shape (trace, sample)
    depths : ndarray, shape (depth,)
        m.
    separation : float
        Transmitter-receiver distance, m.
    aperture : float
        Steepest angle of propagation, degrees.
    """
    field = surface_wavefield(traces, geometry, ground.layers, separation, reach=float(depths[-1]), smooth=False)
    omega = field.omega_step * np.arange(field.spectrum.shape[1])
    heard = (omega > 0) & (omega < 2 * np.pi * BAND * 1e-3 * geometry.frequency)
    omega = omega[heard]
    n_x = field.kx.size
    # the padding is half behind the end of the line, half before its start
    place = np.arange(n_x)
    place[(geometry.n_traces + n_x) // 2 :] -= n_x
    slowness = 2 * slowness_at(ground, place * geometry.spacing, 0.5 * (depths[1:] + depths[:-1]))
    waves = fft.ifft(field.spectrum[:, heard], axis=0, workers=threads())
    image = np.zeros((depths.size, geometry.n_traces), "float32")
    sine = float(np.sin(np.radians(aperture)))
    for i in range(depths.size):
        image[i] = waves[: geometry.n_traces].sum(axis=1).real
        if i < depths.size - 1:
            waves = _continued(waves, omega, field.kx, slowness[:, i], float(depths[i + 1] - depths[i]), sine)
    return image.T * np.float32(2.0 / field.n_times)


def _continued(
    waves: np.ndarray, omega: np.ndarray, kx: np.ndarray, slowness: np.ndarray, step: float, sine: float
) -> np.ndarray:
    """Continue waves, shape (trace, frequency), by one step of depth."""
    count = 1 + int(np.ceil(np.log(slowness.max() / slowness.min()) / np.log(SPREAD) - 1e-9))
    references = np.geomspace(slowness.min(), slowness.max(), count)
    position = np.interp(slowness, references, np.arange(count)) if count > 1 else np.zeros(slowness.size)
    # vertical waves are exact after the lens; the rest is what depends on the angle, and hardly on the velocity
    lens = np.exp((1j * step * omega)[None, :] * slowness[:, None]).astype("complex64")
    spectrum = fft.fft(waves * lens, axis=0, workers=threads())
    total = np.zeros_like(waves)
    for number, reference in enumerate(references):
        weight = np.clip(1 - np.abs(position - number), 0, 1).astype("float32")
        k = omega[None, :] * reference
        share = np.abs(kx)[:, None] / k
        kz = k * np.sqrt(np.clip(1 - share**2, 0.0, None))
        # a sharp edge, elsewhere for each reference, would let the field grow from step to step
        fade = np.exp(-FADE * step * k * np.clip(share / sine - 0.9, 0.0, None))
        turn = (np.exp(1j * step * (kz - k)) * fade).astype("complex64")
        total += weight[:, None] * fft.ifft(spectrum * turn, axis=0, workers=threads())
    return total

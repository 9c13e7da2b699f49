"""Reverse-time migration: the record is sent back into the ground by the full wave equation."""

from __future__ import annotations

from typing import Literal

import numpy as np
import xarray as xr
from scipy import fft

from gprscan.errors import ParameterError
from gprscan.kernels.jit import threads
from gprscan.kernels.reverse_time import send_back
from gprscan.kernels.spectral import resample, sinc_table
from gprscan.migration.acquisition import Acquisition, acquisition, as_image, channels, image_depths
from gprscan.migration.medium import GroundVelocity, along_line, medium
from gprscan.migration.pairs import migrate_pairs
from gprscan.migration.section import Section, section, slowness_at
from gprscan.migration.wavenumber import Wavefield, surface_wavefield
from gprscan.steps import Length, step
from gprscan.synthetic.fdtd import LAYER_CELLS, absorbing_profiles, time_step, update_coefficients
from gprscan.synthetic.media import Medium as Lattice
from gprscan.units import C_AIR

BAND = 3.0  # of the centre frequency: what is sent back
CELLS = 10  # per wavelength at 2.2 times the centre frequency
TOP = LAYER_CELLS + 4  # rows above the antennas


def _lattice_step(geometry: Acquisition, slowest: float) -> float:
    """Return the node distance, m: a whole fraction of the trace spacing."""
    wavelength = 0.5 * slowest / (2.2e-3 * geometry.frequency)
    return geometry.spacing / int(np.ceil(geometry.spacing * CELLS / wavelength))


def _obliquity(field: Wavefield, velocity: float, aperture: float) -> np.ndarray:
    """Return the weight cos(angle) of each (kx, omega), tapered to zero at the aperture.

    A sheet of current radiates plane waves of amplitude ``1 / cos(angle)``; this takes it out.
    """
    omega = field.omega_step * np.arange(field.spectrum.shape[1])
    sine = np.abs(field.kx)[:, None] * 0.5 * velocity / np.maximum(omega, 1e-9)[None, :]
    limit = np.sin(np.radians(aperture))
    edge = np.sin(0.5 * np.pi * np.clip((limit - sine) / (0.1 * limit), 0.0, 1.0)) ** 2
    return (np.sqrt(np.clip(1 - sine**2, 0.0, None)) * edge * (omega > 0)[None, :]).astype("float32")


def _record_spectrum(
    traces: np.ndarray, geometry: Acquisition, ground: Section, separation: float, aperture: float, step: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return the record at the ground on the nodes of the lattice, shape (node, frequency), and rad/ns."""
    field = surface_wavefield(
        traces, geometry, ground.layers, separation, reach=float(ground.step * ground.slowness.shape[1]), smooth=False
    )
    # twice over the number of samples: the inverse of a real transform
    spectrum = (
        field.spectrum * _obliquity(field, float(1 / ground.slowness[:, 0].mean()), aperture) * (2 / field.n_times)
    )
    omega = field.omega_step * np.arange(spectrum.shape[1])
    heard = omega < 2 * np.pi * BAND * 1e-3 * geometry.frequency
    n_x, per_trace = field.kx.size, round(geometry.spacing / step)
    # between the traces: zeros beyond the highest wavenumber of the line
    fine = np.zeros((n_x * per_trace, int(heard.sum())), "complex64")
    fine[: (n_x + 1) // 2] = spectrum[: (n_x + 1) // 2, heard]
    fine[-(n_x // 2) :] = spectrum[-(n_x // 2) :, heard]
    nodes = (geometry.n_traces - 1) * per_trace + 1
    return fft.ifft(fine, axis=0, workers=threads())[:nodes] * np.float32(per_trace), omega[heard]


def _lattice_frequency(omega: np.ndarray, slowness: float, step: float, interval: float) -> np.ndarray:
    """Return the frequencies (rad/ns) of waves on the lattice that are as long as those of `omega` in the ground.

    The lattice's waves are too slow, the more the shorter they are. Driven at these frequencies they have the right
    length, and the field at time zero, all that counts, is right (Taflove and Hagness 2005, eq. 4.12, at 13 degrees
    from the vertical, between flat reflectors and flanks).
    """
    half = 0.5 * omega * slowness * step
    angle = np.pi / 14
    sine = np.hypot(np.sin(half * np.cos(angle)), np.sin(half * np.sin(angle))) * interval / (slowness * step)
    return 2 / interval * np.arcsin(np.minimum(sine, 1.0))


def _migrate(
    traces: np.ndarray, geometry: Acquisition, ground: Section, separation: float, depths: np.ndarray, aperture: float
) -> np.ndarray:
    """Migrate one channel, shape (trace, sample) to (trace, depth)."""
    step = _lattice_step(geometry, float(1 / ground.slowness.max()))
    spectrum, omega = _record_spectrum(traces, geometry, ground, separation, aperture, step)
    nodes = spectrum.shape[0]
    lattice, speed, margin = _lattice(ground, geometry, step, float(depths[-1]))
    # the lattice runs in the time of a medium whose fastest waves travel with the speed of light
    scale = speed / C_AIR
    interval = time_step(step)
    end = geometry.start + geometry.dt * (geometry.n_samples - 1)
    steps = int(np.ceil(end * scale / interval))
    times = (steps - np.arange(steps) - 0.5) * interval / scale
    driving = _lattice_frequency(omega, 2 * float(ground.slowness.mean()), step, interval / scale)
    current = (np.exp(1j * times[:, None] * driving[None, :]).astype("complex64") @ spectrum.T).real
    surface = lattice.permittivity[margin : margin + nodes, TOP]
    ca, cb = update_coefficients(lattice, interval)
    whole, half = absorbing_profiles(step, interval, float(np.sqrt(lattice.permittivity.mean(dtype="float64"))))
    courant = np.float32(C_AIR * interval / step)
    field = send_back(
        ca,
        cb,
        courant,
        np.ascontiguousarray(current * (-2 * np.sqrt(surface))[None, :]),
        margin,
        TOP,
        whole,
        half,
        (TOP + 12 + np.ceil(courant * np.arange(steps))).astype("int64"),
    )
    at_traces = field[margin : margin + nodes : round(geometry.spacing / step), TOP:]
    return resample(np.ascontiguousarray(at_traces), depths / step, sinc_table())


def _lattice(ground: Section, geometry: Acquisition, step: float, deepest: float) -> tuple[Lattice, float, int]:
    """Return the lattice with half the velocities, its fastest velocity (m/ns), and the columns of its margins."""
    margin = LAYER_CELLS + 6
    nodes = round((geometry.n_traces - 1) * geometry.spacing / step) + 1 + 2 * margin
    rows = np.arange(-TOP, int(np.ceil(deepest / step)) + margin + 1)
    slowness = 2 * slowness_at(ground, (np.arange(nodes) - margin) * step, rows * step)
    speed = float(1 / slowness.min())
    permittivity = ((slowness * speed) ** 2).astype("float32")
    empty = np.zeros_like(permittivity)
    return Lattice(permittivity, empty, empty.astype(bool), step, TOP), speed, margin


@step(cut="whole_line")
def rtm(
    line: xr.Dataset,
    velocity: GroundVelocity,
    aperture: float = 75.0,
    *,
    imaging: Literal["exploding", "correlation", "normalised"] = "exploding",
    depth_step: Length | None = None,
    max_depth: Length | None = None,
) -> xr.Dataset:
    """Migrate a line to depth by sending the record back in time through the full wave equation.

    Parameters
    ----------
    line : xarray.Dataset
        Line over two-way travel time, time zero applied, traces regularly spaced, without the direct wave.
    velocity : float, str or xarray.DataArray
        Velocity in the ground, m/ns; v(z) over ``depth`` in m; or v(x, z) over ``distance`` (m, as on the line) and
        ``depth``. A velocity that changes within a wavelength reflects the waves on their way; smooth it.
    aperture : float
        Steepest angle, degrees: of what is sent back at the ground, its last tenth tapered; with a field of the transmitter,
        from the image point to the middle of the pair, the outer fifth tapered.
    imaging : {"exploding", "correlation", "normalised"}
        Imaging condition, see the notes. The first takes one propagation for all traces, the others two for each.
    depth_step : float, optional
        Spacing of the depths in m; by default what a wave in the slowest layer travels down and back in one sampling
        interval.
    max_depth : float, optional
        Depth of the last row in m; by default what the last sample can have seen.

    Returns
    -------
    xarray.Dataset
        Line with dimensions ([channel,] trace, depth), depth in m below the ground. Amplitudes as in `kirchhoff`, with a
        field of the transmitter relative only.

    Raises
    ------
    MissingPositionError
        If the line has no distances, or they are irregular (apply ``regularize`` first).
    ParameterError
        If a parameter is out of range.

    Notes
    -----
    *Exploding reflectors* (Baysal, Kosloff and Sherwood 1983, Geophysics 48, 1514-1524): with half the velocity, the field at
    time zero is the image. A pair of antennas is treated as one antenna in its middle: a transmitter-receiver distance is
    removed first as the moveout of a flat reflector, an antenna height by continuing the waves down to the ground.

    *Correlation* (Claerbout 1971, Geophysics 36, 467-481): for each pair the field S of its transmitter runs forwards and
    the record backwards from its receiver, R, both through the velocity itself and the air below the antennas; the image is
    the sum over pairs and times of ``S R``. *Normalised*: that over the sum of ``S S``, the light that the transmitters throw on
    a point (Kaelin and Guitton 2006, SEG Technical Program Expanded Abstracts, 2594-2598). Antennas lie on the nearest nodes
    of the lattice. Of S only what the record's band needs is kept, within the aperture of one pair: that store
    does not grow with the line, only the image and the records do.

    The waves run on the lattice of `gprscan.synthetic.fdtd` (TMz, absorbing edges, no loss); exploding reflectors are driven
    at frequencies that undo its dispersion.
    """
    if not 0 < aperture < 90:
        msg = f"aperture is {aperture} degrees; it must be between 0 and 90."
        raise ParameterError(msg)
    if imaging not in ("exploding", "correlation", "normalised"):
        msg = f"imaging is {imaging!r}; one of 'exploding', 'correlation' and 'normalised' is needed."
        raise ParameterError(msg)
    geometry = acquisition(line)
    ground = section(velocity, line, geometry, max_depth)
    layers = ground.layers if along_line(velocity) else medium(velocity)
    depths = image_depths(geometry, layers, depth_step, max_depth)

    def migrate(traces: np.ndarray, separation: float) -> np.ndarray:
        if imaging == "exploding":
            return _migrate(traces, geometry, ground, separation, depths, aperture)
        normalised = imaging == "normalised"
        return migrate_pairs(traces, geometry, ground, separation, depths, aperture, normalised=normalised)

    images = [
        migrate(traces, separation)
        for traces, separation in zip(channels(line), geometry.separation.tolist(), strict=True)
    ]
    return as_image(line, np.stack(images), depths)

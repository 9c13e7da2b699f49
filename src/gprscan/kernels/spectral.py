"""Inner loops of the migrations in the wavenumber domain: resampling along frequency, and extrapolation in depth."""

from __future__ import annotations

import math
from typing import Any

import numba
import numpy as np

from gprscan.kernels.jit import inline, kernel, parallel_sum_kernel, sum_kernel

TAPS = 8
FRACTIONS = 1024  # positions between two samples for which the interpolator is tabulated
LANES = 32  # numbers that the loops of the extrapolation take at a time
_KAISER_BETA = 6.3  # side lobes below 1e-3 with 8 taps, for signals inside 70 % of the band


def sinc_table() -> np.ndarray:
    """Return a Kaiser-windowed sinc, float32, shape (FRACTIONS + 1, TAPS); tap 3 is the sample before the position.

    Each row adds to one, so that a constant stays a constant.
    """
    shift = np.arange(FRACTIONS + 1)[:, None] / FRACTIONS
    x = np.arange(TAPS)[None, :] - (TAPS // 2 - 1) - shift
    window = np.i0(_KAISER_BETA * np.sqrt(np.clip(1 - (2 * x / TAPS) ** 2, 0, None))) / np.i0(_KAISER_BETA)
    table = np.sinc(x) * window
    return (table / table.sum(axis=1, keepdims=True)).astype("float32")


@kernel
def resample(traces, positions, table):  # type: ignore[no-untyped-def]
    """Interpolate every trace at the same fractional positions.

    Parameters
    ----------
    traces : ndarray of float32, shape (trace, sample)
    positions : ndarray of float64, shape (m,)
        In samples; beyond the ends the result is zero.
    table : ndarray of float32, shape (FRACTIONS + 1, TAPS)
        From `sinc_table`.

    Returns
    -------
    ndarray of float32, shape (trace, m)
    """
    n = traces.shape[1]
    out = np.zeros((traces.shape[0], positions.size), np.float32)
    for i in range(traces.shape[0]):
        for m in range(positions.size):
            position = positions[m]
            if not (0.0 <= position <= n - 1.0):
                continue
            before = int(position)
            row = int((position - before) * FRACTIONS + 0.5)
            start = before - (TAPS // 2 - 1)
            total = np.float32(0.0)
            for tap in range(max(0, -start), min(TAPS, n - start)):
                total += table[row, tap] * traces[i, start + tap]
            out[i, m] = total
    return out


@inline
def _sine_cosine(angle):  # type: ignore[no-untyped-def]
    """Return sine and cosine to 1e-9, in arithmetic that the compiler vectorises (library calls it does not).

    The angle is brought into half a turn, halved, and the Taylor series of the half angle are doubled back.
    """
    turns = angle * (0.5 / math.pi)
    x = math.pi * (turns - math.floor(turns + 0.5))
    y = x * x
    sine = x * (
        1.0 - y / 6.0 * (1.0 - y / 20.0 * (1.0 - y / 42.0 * (1.0 - y / 72.0 * (1.0 - y / 110.0 * (1.0 - y / 156.0)))))
    )
    cosine = 1.0 - y / 2.0 * (
        1.0 - y / 12.0 * (1.0 - y / 30.0 * (1.0 - y / 56.0 * (1.0 - y / 90.0 * (1.0 - y / 132.0 * (1.0 - y / 182.0)))))
    )
    return 2.0 * sine * cosine, 1.0 - 2.0 * sine * sine


@inline
def _sine_cosine_single(angle):  # type: ignore[no-untyped-def]
    """Return the same in single precision, to 2e-7 of an angle of a few turns: twice as many at a time."""
    turns = angle * np.float32(0.5 / math.pi)
    x = np.float32(math.pi) * (turns - np.floor(turns + np.float32(0.5)))
    y = x * x
    sine = np.float32(1 / 362880) - y * np.float32(1 / 39916800)
    sine = np.float32(-1 / 5040) + y * sine
    sine = np.float32(1 / 120) + y * sine
    sine = x + x * y * (np.float32(-1 / 6) + y * sine)
    cosine = np.float32(-1 / 3628800) + y * np.float32(1 / 479001600)
    cosine = np.float32(1 / 40320) + y * cosine
    cosine = np.float32(-1 / 720) + y * cosine
    cosine = np.float32(1 / 24) + y * cosine
    cosine = np.float32(1.0) + y * (np.float32(-1 / 2) + y * cosine)
    return np.float32(2.0) * sine * cosine, np.float32(1.0) - np.float32(2.0) * sine * sine


@inline
def _stolt_row(spectrum, mirror, kx, scales, table, work, out):  # type: ignore[no-untyped-def]
    """Map one wavenumber along the line from frequency to vertical wavenumber.

    `mirror` is the spectrum at -kx, whose conjugate continues this one to negative frequencies; `work` holds three
    rows, and `scales` are those of `stolt_map`, in its order.
    """
    kz_step, half_velocity, omega_step, centre, taper_from, slope, bend = scales
    n = spectrum.size
    positions, real, imaginary = work[0], work[1], work[2]
    for j in range(out.size):
        kz = j * kz_step
        k = math.sqrt(bend * kx * kx + kz * kz) + 1e-30
        omega = half_velocity * (kz + (k - kz) / bend)
        jacobian = 1.0 + (kz / k - 1.0) / bend
        fade = (slope * kz - abs(kx)) / ((slope - taper_from) * kz + 1e-30)
        edge, _ = _sine_cosine(0.5 * math.pi * min(max(fade, 0.0), 1.0))
        sine, cosine = _sine_cosine(omega * centre)
        positions[j] = omega / omega_step
        real[j] = jacobian * edge * edge * cosine
        imaginary[j] = -jacobian * edge * edge * sine
    for j in range(out.size):
        before = int(positions[j])
        start = before - (TAPS // 2 - 1)
        value = np.complex64(0.0)
        if start + TAPS <= n:
            weights = table[int((positions[j] - before) * FRACTIONS + 0.5)]
            if start >= 0:
                taps = spectrum[start : start + TAPS]
                for tap in range(TAPS):
                    value += weights[tap] * taps[tap]
            else:
                for tap in range(TAPS):
                    k = start + tap
                    value += weights[tap] * (spectrum[k] if k >= 0 else mirror[-k].conjugate())
            value *= np.complex64(complex(real[j], imaginary[j]))
        out[j] = value


@sum_kernel
def stolt_map_serial(spectrum, kx, scales, table, out):  # type: ignore[no-untyped-def]
    """Fill `out` on one thread; see `stolt_map`."""
    work = np.empty((3, out.shape[1]))
    for i in range(kx.size):
        mirror = spectrum[kx.size - i if i > 0 else 0]
        _stolt_row(spectrum[i], mirror, kx[i], scales, table, work, out[i])


@parallel_sum_kernel
def stolt_map_parallel(spectrum, kx, scales, table, out):  # type: ignore[no-untyped-def]
    """Fill `out` on several threads; see `stolt_map`."""
    for i in numba.prange(kx.size):
        work = np.empty((3, out.shape[1]))
        mirror = spectrum[kx.size - i if i > 0 else 0]
        _stolt_row(spectrum[i], mirror, kx[i], scales, table, work, out[i])


def stolt_map(
    spectrum: np.ndarray,
    kx: np.ndarray,
    n_kz: int,
    kz_step: float,
    half_velocity: float,
    omega_step: float,
    centre: float,
    slopes: tuple[float, float],
    *,
    bend: float = 1.0,
    threads: int = 1,
) -> np.ndarray:
    """Map a spectrum from (kx, omega) to (kx, kz) along ``omega = half_velocity sqrt(kx^2 + kz^2)``.

    The Jacobian ``kz / k`` is applied (Stolt 1978, Geophysics 43, 23-48, equation 51 for the exploding reflector).
    With a bend U it is ``omega = half_velocity ((1 - 1/U) kz + sqrt(kz^2 + U kx^2) / U)`` and its derivative along kz.

    Parameters
    ----------
    spectrum : ndarray of complex64, shape (kx, omega)
        Transform of real data, in the order of the discrete Fourier transform, whose time axis has its
        origin at `centre`, so that it is smooth enough to interpolate.
    kx : ndarray of float64, shape (kx,)
        Wavenumbers along the line, rad/m.
    n_kz, kz_step : int, float
        Number and spacing (rad/m) of the vertical wavenumbers, from 0 on.
    half_velocity : float
        Half the velocity, m/ns.
    omega_step : float
        Spacing of the angular frequencies, rad/ns.
    centre : float
        Origin of the time axis of `spectrum`, ns.
    slopes : tuple of float
        Tangents of the dip at which the spectrum starts to be tapered, and beyond which it is zero.
    bend : float
        U > 0: 1 for a constant velocity, 2 - W for a record on stretched time.
    threads : int
        1 for the serial kernel.

    Returns
    -------
    ndarray of complex64, shape (kx, kz)
    """
    out = np.empty((kx.size, n_kz), np.complex64)
    run: Any = stolt_map_parallel if threads > 1 else stolt_map_serial
    run(spectrum, kx, (kz_step, half_velocity, omega_step, centre, *slopes, bend), sinc_table(), out)
    return out


@inline
def _extrapolate_row(spectrum, kx, omega_step, half_velocities, depth_step, sine_limit, work, out):  # type: ignore[no-untyped-def]
    """Continue one wavenumber downwards step by step, and sum over frequency at each depth.

    The loops run over whole multiples of LANES, with zeros at both ends: no element is left over for a slow remainder.
    """
    n = spectrum.size
    real, imaginary, turn_real, turn_imaginary = work[0], work[1], work[2], work[3]
    real[:], imaginary[:], turn_real[:], turn_imaginary[:] = 0.0, 0.0, 0.0, 0.0
    for w in range(n):
        real[w] = spectrum[w].real
        imaginary[w] = spectrum[w].imag
    numbers = work[4]
    for w in range(numbers.size):
        numbers[w] = w
    velocity = -1.0
    start, begin = 1, 0
    real[0], imaginary[0] = 0.0, 0.0
    for step in range(out.size):
        if step > 0 and half_velocities[step - 1] != velocity:
            velocity = half_velocities[step - 1]
            # waves steeper than the limit, evanescent ones among them, are dropped for good
            steepest = min(max(start, int(velocity * abs(kx) / (sine_limit * omega_step)) + 1), n)
            real[start:steepest], imaginary[start:steepest] = 0.0, 0.0
            start, begin = steepest, steepest // LANES * LANES
            # in steps of depth, so that the root is the angle; as a product, which loses nothing near evanescence
            scale, across = np.float32(depth_step * omega_step / velocity), np.float32(depth_step * abs(kx))
            c, s, number = turn_real[begin:], turn_imaginary[begin:], numbers[begin:]
            for w in range(c.size):
                k = number[w] * scale
                square = (k - across) * (k + across)
                sine, cosine = _sine_cosine_single(np.sqrt(square if square > 0.0 else np.float32(0.0)))
                c[w] = cosine
                s[w] = sine
        # slices, so that every index is a plain loop variable: the compiler vectorises nothing else
        a, b, c, s = real[begin:], imaginary[begin:], turn_real[begin:], turn_imaginary[begin:]
        total_real = np.float32(0.0)
        total_imaginary = np.float32(0.0)
        if step == 0:
            for w in range(a.size):
                total_real += a[w]
                total_imaginary += b[w]
        else:
            for w in range(a.size):
                turned = a[w] * c[w] - b[w] * s[w]
                b[w] = a[w] * s[w] + b[w] * c[w]
                a[w] = turned
                total_real += turned
                total_imaginary += b[w]
        out[step] = complex(total_real, total_imaginary)


@sum_kernel
def extrapolate_serial(spectrum, kx, omega_step, half_velocities, depth_step, sine_limit, out):  # type: ignore[no-untyped-def]
    """Fill `out` on one thread; see `extrapolate`."""
    work = np.empty((5, -(-spectrum.shape[1] // LANES) * LANES), np.float32)
    for i in range(kx.size):
        _extrapolate_row(spectrum[i], kx[i], omega_step, half_velocities, depth_step, sine_limit, work, out[i])


@parallel_sum_kernel
def extrapolate_parallel(spectrum, kx, omega_step, half_velocities, depth_step, sine_limit, out):  # type: ignore[no-untyped-def]
    """Fill `out` on several threads; see `extrapolate`."""
    for i in numba.prange(kx.size):
        work = np.empty((5, -(-spectrum.shape[1] // LANES) * LANES), np.float32)
        _extrapolate_row(spectrum[i], kx[i], omega_step, half_velocities, depth_step, sine_limit, work, out[i])


def extrapolate(
    spectrum: np.ndarray,
    kx: np.ndarray,
    omega_step: float,
    half_velocities: np.ndarray,
    depth_step: float,
    n_depths: int,
    sine_limit: float,
    *,
    threads: int = 1,
) -> np.ndarray:
    """Continue a zero-offset wave field downwards and image it at time zero (Gazdag 1978, Geophysics 43, 1342-1351).

    Parameters
    ----------
    spectrum : ndarray of complex64, shape (kx, omega)
        Wave field at the ground; frequencies from 0 on.
    kx : ndarray of float64, shape (kx,)
        Wavenumbers along the line, rad/m.
    omega_step : float
        Spacing of the angular frequencies, rad/ns.
    half_velocities : ndarray of float64, shape (depth - 1,)
        Half the velocity between one depth and the next, m/ns.
    depth_step : float
        Spacing of the depths, m.
    n_depths : int
        Number of depths, the ground included.
    sine_limit : float
        Sine of the steepest angle to keep, at most 1.
    threads : int
        1 for the serial kernel.

    Returns
    -------
    ndarray of complex64, shape (kx, depth)
        Sum over the positive frequencies; the image is twice the real part of its inverse transform.
    """
    out = np.empty((kx.size, n_depths), np.complex64)
    run: Any = extrapolate_parallel if threads > 1 else extrapolate_serial
    run(spectrum, kx, omega_step, half_velocities, depth_step, sine_limit, out)
    return out

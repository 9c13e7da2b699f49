"""Echoes of the small fluctuation of the ground between stones and interfaces, by the Born approximation."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.special import gamma

from gprscan.synthetic.media import CORRELATION, HURST, Layer, von_karman
from gprscan.synthetic.swath import Swath

ROW = 0.03  # distance of the rows of cells in m, under a quarter of the wavelength in the ground
ACROSS = 1.5 * CORRELATION[0]  # correlation length in m of wandering echoes: lower down, rays lie closer together
_FINE = 0.01  # the field has unit variance when sampled so finely, as in the finite-difference scenes, m
_SLABS = 5  # of ground whose echoes wander together
# what is scattered more than once: exp(9 spread^2) times more, fitted to full-wave roads of three levels of clutter, which
# benchmarks/check_detection.py clutter holds beside these
_MULTIPLE = 9.0
_TAIL = 64  # samples kept free so that nothing shifted off the end comes in at the start


def add_speckle(
    traces: NDArray[np.float32],
    layers: Sequence[Layer],
    response: Callable[[float], NDArray[np.float32]],
    wander: Callable[[float], float],
    *,
    dt: float,
    spacing: float,
    depth: float,
    swath: Swath,
    rng: np.random.Generator,
) -> None:
    """Add the echoes of a fluctuating permittivity to the channels of a line, in place.

    Parameters
    ----------
    traces : float32 array, shape (channel, trace, sample)
        Changed in place.
    layers : sequence of Layer
        From the surface down; each fluctuates by its spread, as `layered_medium` paints it.
    response : callable
        Diffraction curve of one small cell of unit contrast at a depth in m, shape (2 h + 1, sample), its middle trace over
        the cell; h is the same at every depth.
    wander : callable
        How far the fluctuation above a depth shifts an echo, root mean square in ns.
    dt, spacing : float
        Sampling interval in ns and trace spacing in m.
    depth : float
        How deep the ground scatters, in m.
    swath : Swath
        Where the channels lie.
    rng : numpy.random.Generator
        Source of randomness.

    Notes
    -----
    Single scattering is linear in the contrast: the section is the sum over depths of the contrast along a row of cells,
    convolved along the line with the curve of that depth. Rows are convolved by overlap-save; memory does not grow with the
    line but for one random number per channel, trace and row.
    """
    z = np.arange(ROW / 2, depth, ROW)
    spread = _spread_at(z, layers)
    live = np.flatnonzero(spread > 0)
    if not live.size:
        return
    contrast = 0.5 * spread * np.exp(_MULTIPLE * spread**2)
    curves = [response(float(z[j])) * np.float32(contrast[j]) for j in live]
    half = curves[0].shape[0] // 2
    # the filter that makes the field reaches about three correlation lengths
    margin = half + int(np.ceil(3 * CORRELATION[0] / spacing))
    size = 1 << int(np.ceil(np.log2(2.5 * margin)))
    spectra = np.empty((size // 2 + 1, live.size, traces.shape[2]), "complex64")
    for j, curve in enumerate(curves):
        spectra[:, j] = np.fft.rfft(np.roll(_padded(curve, size), -half, axis=0), axis=0)
    n, keep = traces.shape[1], size - 2 * margin
    noise = rng.standard_normal((swath.size, n + 2 * margin, z.size + 2 * _pad_rows()), dtype="float32")
    noise = np.tensordot(swath.mixture(), noise, axes=1)
    shape = field_filter(size, noise.shape[2], spacing)
    slabs = np.array_split(np.arange(live.size), _SLABS)
    late = _screens(n, [wander(float(z[live[slab[-1]]])) for slab in slabs], spacing, swath, rng)
    for number, channel in enumerate(traces):
        for first in range(0, n, keep):
            white = _padded(noise[number, first : first + size], size)
            field = np.fft.ifft(np.fft.fft2(white)[: size // 2 + 1] * shape, axis=1)[:, _pad_rows() + live]
            inside = slice(first, min(first + keep, n))
            for slab, screen in zip(slabs, late[..., number], strict=True):
                rows = np.matmul(field[:, None, slab].astype("complex64"), spectra[:, slab])[:, 0, :]
                echoes = np.fft.irfft(rows, size, axis=0)[margin : margin + inside.stop - first]
                channel[inside] += _delayed(echoes, screen[inside], dt)


def _delayed(echoes: NDArray[np.floating], delay: NDArray[np.floating], dt: float) -> NDArray[np.float32]:
    """Shift each trace by its delay in ns."""
    size = echoes.shape[1] + _TAIL
    turn = np.exp(-2j * np.pi * np.fft.rfftfreq(size, dt) * delay[:, None])
    return np.fft.irfft(np.fft.rfft(echoes, size, axis=1) * turn, size, axis=1)[:, :-_TAIL].astype("float32")


def _screens(
    n: int, wander: Sequence[float], spacing: float, swath: Swath, rng: np.random.Generator
) -> NDArray[np.floating]:
    """How late the echoes of each slab come at each trace in ns, shape (slab, trace, channel): what the slabs above add up to."""
    added = np.sqrt(np.diff(np.square([0.0, *wander])))
    fields = [swath.field(n, spacing, ACROSS, rng) for _ in added]
    return np.cumsum(added[:, None, None] * np.array(fields), axis=0)


def integral_scale() -> float:
    """Integral of the fluctuation's correlation function downwards, in m."""
    return float(CORRELATION[1] * np.sqrt(np.pi) * gamma(HURST + 0.5) / gamma(HURST))


def _spread_at(z: NDArray[np.floating], layers: Sequence[Layer]) -> NDArray[np.floating]:
    bottoms = np.cumsum([layer.thickness for layer in layers])
    number = np.minimum(np.searchsorted(bottoms, z, side="right"), len(layers) - 1)
    return np.array([layer.spread for layer in layers])[number]


def _padded(values: NDArray[np.float32], size: int) -> NDArray[np.float32]:
    return np.concatenate([values, np.zeros((size - values.shape[0], *values.shape[1:]), "float32")])


def _pad_rows() -> int:
    """Rows above and below that keep the transform's ends apart."""
    return int(np.ceil(CORRELATION[1] / ROW))


def field_filter(size: int, rows: int, spacing: float) -> NDArray[np.float32]:
    """Spectrum that turns white noise at the cells into the band-limited field, shape (size // 2 + 1, rows)."""
    coarse = von_karman((size, rows), (spacing, ROW), CORRELATION, hurst=HURST)
    fine = von_karman((1024, 1024), (_FINE, _FINE), CORRELATION, hurst=HURST)
    scale = _FINE / np.sqrt(np.mean(fine**2) * spacing * ROW)
    return (coarse[: size // 2 + 1] * scale).astype("float32")

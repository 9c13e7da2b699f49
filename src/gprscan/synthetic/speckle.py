"""Echoes of the small fluctuation of the ground between stones and interfaces, by the Born approximation."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from gprscan.synthetic.media import CORRELATION, HURST, Layer, von_karman

ROW = 0.03  # distance of the rows of scatterers in m, under a quarter of the wavelength in the ground
_FINE = 0.01  # the field has unit variance when sampled so finely, as in the finite-difference scenes, m
Response = Callable[[float], NDArray[np.float32]]


def add_speckle(
    traces: NDArray[np.float32],
    layers: Sequence[Layer],
    response: Response,
    *,
    spacing: float,
    depth: float,
    rng: np.random.Generator,
) -> None:
    """Add the echoes of a fluctuating permittivity to a line, in place.

    Parameters
    ----------
    traces : float32 array, shape (trace, sample)
        Changed in place.
    layers : sequence of Layer
        From the surface down; each fluctuates by its spread, as `layered_medium` paints it.
    response : callable
        Diffraction curve of one small cell of unit contrast at a depth in m, shape (2 h + 1, sample), its middle trace over
        the cell; h is the same at every depth.
    spacing : float
        Trace spacing in m.
    depth : float
        How deep the ground scatters, in m.
    rng : numpy.random.Generator
        Source of randomness.

    Notes
    -----
    Single scattering is linear in the contrast: the section is the sum over depths of the contrast along a row of cells,
    convolved along the line with the curve of that depth. Rows are convolved by overlap-save; memory does not grow with the
    line but for one random number per trace and row.
    """
    z = np.arange(ROW / 2, depth, ROW)
    spread = _spread_at(z, layers)
    live = np.flatnonzero(spread > 0)
    if not live.size:
        return
    curves = np.stack([response(float(z[j])) * spread[j] / 2 for j in live], axis=1)
    half = curves.shape[0] // 2
    # the filter that makes the field reaches about three correlation lengths
    margin = half + int(np.ceil(3 * CORRELATION[0] / spacing))
    size = 1 << int(np.ceil(np.log2(4 * margin)))
    spectra = np.fft.rfft(np.roll(_padded(curves, size), -half, axis=0), axis=0).astype("complex64")
    keep = size - 2 * margin
    noise = rng.standard_normal((traces.shape[0] + 2 * margin, z.size + 2 * _pad_rows()), dtype="float32")
    shape = _field_filter(size, noise.shape[1], spacing)
    for first in range(0, traces.shape[0], keep):
        white = _padded(noise[first : first + size], size)
        field = np.fft.ifft(np.fft.fft2(white)[: size // 2 + 1] * shape, axis=1)[:, _pad_rows() + live]
        rows = np.matmul(field[:, None, :].astype("complex64"), spectra)[:, 0, :]
        block = np.fft.irfft(rows, size, axis=0)[margin : margin + keep]
        traces[first : first + keep] += block[: traces.shape[0] - first].astype("float32")


def _spread_at(z: NDArray[np.floating], layers: Sequence[Layer]) -> NDArray[np.floating]:
    bottoms = np.cumsum([layer.thickness for layer in layers])
    number = np.minimum(np.searchsorted(bottoms, z, side="right"), len(layers) - 1)
    return np.array([layer.spread for layer in layers])[number]


def _padded(values: NDArray[np.float32], size: int) -> NDArray[np.float32]:
    return np.concatenate([values, np.zeros((size - values.shape[0], *values.shape[1:]), "float32")])


def _pad_rows() -> int:
    """Rows above and below that keep the transform's ends apart."""
    return int(np.ceil(CORRELATION[1] / ROW))


def _field_filter(size: int, rows: int, spacing: float) -> NDArray[np.float32]:
    """Spectrum that turns white noise at the cells into the band-limited field, shape (size // 2 + 1, rows)."""
    coarse = von_karman((size, rows), (spacing, ROW), CORRELATION, hurst=HURST)
    fine = von_karman((1024, 1024), (_FINE, _FINE), CORRELATION, hurst=HURST)
    scale = _FINE / np.sqrt(np.mean(fine**2) * spacing * ROW)
    return (coarse[: size // 2 + 1] * scale).astype("float32")

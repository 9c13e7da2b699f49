"""What the ground is made of: electrical properties on a grid, layers, correlated fluctuation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gprscan.errors import ParameterError
from gprscan.units import C_AIR

CORRELATION = (0.30, 0.10)  # correlation lengths of the fluctuation along the line and down, m
HURST = 0.3  # its roughness


@dataclass(frozen=True)
class Layer:
    """A layer of the ground.

    Parameters
    ----------
    name : str
        For the truth record.
    thickness : float
        In m; infinity for the last one.
    permittivity : float
        Mean relative permittivity.
    conductivity : float
        In S/m.
    spread : float
        Half-range of the permittivity's fluctuation as a fraction of its mean.
    """

    name: str
    thickness: float
    permittivity: float
    conductivity: float
    spread: float = 0.0

    @property
    def velocity(self) -> float:
        """Wave velocity in m/ns, loss neglected."""
        return C_AIR / float(np.sqrt(self.permittivity))


@dataclass
class Medium:
    """Electrical properties at the Ez nodes of a grid; first axis along the line, second axis down.

    Parameters
    ----------
    permittivity : float32 array, shape (nx, nz)
        Relative permittivity.
    conductivity : float32 array, shape (nx, nz)
        In S/m.
    conductor : bool array, shape (nx, nz)
        Perfect conductor.
    step : float
        Node distance in m.
    surface : int
        Row of the ground surface; rows above are air.
    """

    permittivity: NDArray[np.float32]
    conductivity: NDArray[np.float32]
    conductor: NDArray[np.bool_]
    step: float
    surface: int

    @property
    def shape(self) -> tuple[int, int]:
        """Number of nodes along the line and down."""
        return self.permittivity.shape[0], self.permittivity.shape[1]

    def copy(self) -> Medium:
        """Return an independent copy, to build a twin with or without a body."""
        return Medium(
            self.permittivity.copy(), self.conductivity.copy(), self.conductor.copy(), self.step, self.surface
        )

    def column(self, x: float, half_width: float = 0.05) -> NDArray[np.floating]:
        """Mean permittivity below the surface at a place along the line, one value per row."""
        first = max(round((x - half_width) / self.step), 0)
        last = min(round((x + half_width) / self.step) + 1, self.shape[0])
        return self.permittivity[first:last, self.surface :].mean(axis=0, dtype="float64")


def correlated_field(
    shape: Sequence[int],
    step: Sequence[float],
    correlation: Sequence[float],
    rng: np.random.Generator,
    *,
    hurst: float = HURST,
    padding: Sequence[int] | None = None,
) -> NDArray[np.float32]:
    """Random field with a von Karman spectrum, mean 0 and standard deviation 1, in two or three dimensions.

    Parameters
    ----------
    shape : sequence of int
        Number of nodes along each axis.
    step : sequence of float
        Node distance along each axis in m.
    correlation : sequence of float
        Correlation length along each axis in m.
    rng : numpy.random.Generator
        Source of randomness.
    hurst : float
        Hurst exponent: small is rough.
    padding : sequence of int, optional
        Least number of nodes drawn beyond the last one along each axis, where two correlation lengths are fewer.

    Returns
    -------
    numpy.ndarray of float32
        Power spectrum proportional to ``(1 + sum (k a)^2)^-(hurst + n/2)`` [1]_.

    Raises
    ------
    ParameterError
        If the sequences do not have the same length, or a length is not positive.

    References
    ----------
    .. [1] Goff, J. A., Jordan, T. H., 1988, Stochastic modeling of seafloor morphology: J. Geophys. Res. 93,
    13589-13608.
    """
    if not len(shape) == len(step) == len(correlation) or min(correlation) <= 0 or min(step) <= 0:
        msg = (
            f"shape {tuple(shape)}, step {tuple(step)} and correlation {tuple(correlation)} must match and be positive."
        )
        raise ParameterError(msg)
    # the transform is periodic: two correlation lengths of padding, or more, keep the last nodes from being like the first
    least = [0] * len(shape) if padding is None else padding
    padded = [
        n + max(int(np.ceil(2 * a / d)), more) for n, d, a, more in zip(shape, step, correlation, least, strict=True)
    ]
    noise = np.fft.rfftn(rng.standard_normal(padded, dtype="float32"))
    noise *= von_karman(padded, step, correlation, hurst=hurst)[..., : noise.shape[-1]]
    field = np.fft.irfftn(noise, padded, axes=range(len(padded)))[tuple(slice(n) for n in shape)]
    return ((field - field.mean()) / max(float(field.std()), 1e-12)).astype("float32")


def von_karman(
    shape: Sequence[int], step: Sequence[float], correlation: Sequence[float], *, hurst: float
) -> NDArray[np.floating]:
    """Amplitude spectrum of a von Karman field at the wavenumbers of a discrete Fourier transform, 1 at zero.

    Parameters
    ----------
    shape, step, correlation : sequence
        Nodes, node distance in m and correlation length in m along each axis.
    hurst : float
        Hurst exponent.

    Returns
    -------
    numpy.ndarray
        ``(1 + sum (k a)^2)^-((hurst + n/2) / 2)``, of `shape`.
    """
    k2 = np.zeros(tuple(shape))
    for axis, (n, d, a) in enumerate(zip(shape, step, correlation, strict=True)):
        k = np.fft.fftfreq(n, d).reshape([-1 if i == axis else 1 for i in range(len(shape))])
        k2 = k2 + (2 * np.pi * a * k) ** 2
    spectrum: NDArray[np.floating] = (1.0 + k2) ** (-0.5 * (hurst + 0.5 * len(shape)))
    return spectrum


def layered_medium(
    layers: Sequence[Layer],
    *,
    length: float,
    depth: float,
    air: float,
    step: float,
    rng: np.random.Generator | None = None,
    correlation: tuple[float, float] = CORRELATION,
    fluctuation: NDArray[np.float32] | None = None,
    interface_shift: ArrayLike | None = None,
) -> Medium:
    """Build flat layers with correlated fluctuation on a grid.

    Parameters
    ----------
    layers : sequence of Layer
        From the surface down; the last one fills the rest.
    length, depth, air : float
        Extents along the line, below and above the surface in m.
    step : float
        Node distance in m.
    rng : numpy.random.Generator, optional
        Source of the fluctuation; without it, and without `fluctuation`, the layers are homogeneous.
    correlation : tuple of float
        Correlation lengths along the line and down in m.
    fluctuation : float32 array, shape (nx, rows below the surface), optional
        A ready field of mean 0 and standard deviation 1, used for every layer.
    interface_shift : array_like, shape (layer - 1, nx), optional
        How much deeper each interface lies than nominal along the line, in m.

    Returns
    -------
    Medium
        Values at the Ez nodes; a node on an interface carries the mean of both sides, as the lattice asks for.
    """
    nx, surface = round(length / step) + 1, round(air / step)
    n_ground = round(depth / step) + 1
    permittivity = np.ones((nx, surface + n_ground), "float32")
    conductivity = np.zeros_like(permittivity)
    shift = np.zeros((len(layers), nx)) if interface_shift is None else np.asarray(interface_shift, dtype="float64")
    top = np.zeros(nx)
    z = np.arange(n_ground) * step
    for number, layer in enumerate(layers):
        last = number == len(layers) - 1
        nominal = np.inf if last else sum(item.thickness for item in layers[: number + 1])
        bottom = np.full(nx, nominal) if last else nominal + shift[number]
        # share of each node's cell that lies inside the layer
        share = np.clip(
            np.minimum(z + step / 2, bottom[:, None]) - np.maximum(z - step / 2, top[:, None]), 0.0, step
        ).astype("float32") / np.float32(step)
        field = fluctuation
        if field is None and rng is not None and layer.spread > 0:
            field = correlated_field((nx, n_ground), (step, step), correlation, rng)
        eps = np.full((nx, n_ground), layer.permittivity, "float32")
        if field is not None and layer.spread > 0:
            eps *= 1.0 + layer.spread * np.clip(field / 2.0, -1.0, 1.0)
        permittivity[:, surface:] += share * (eps - 1.0)
        conductivity[:, surface:] += share * np.float32(layer.conductivity)
        top = bottom
    return Medium(permittivity, conductivity, np.zeros(permittivity.shape, bool), step, surface)

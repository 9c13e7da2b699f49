"""Tables of diffraction curves: where each image row looks into the data, and with what weight."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gprscan.errors import ParameterError
from gprscan.kernels.layered import layered_table
from gprscan.kernels.traveltime import homogeneous_table
from gprscan.migration.acquisition import Acquisition
from gprscan.migration.medium import Medium
from gprscan.units import C_AIR

TAPER = 0.2  # outer share of the aperture over which the weight falls to zero
COPIES_PER_OCTAVE = 2


@dataclass(frozen=True)
class CurveTable:
    """Diffraction curves of every image row, as `gprscan.kernels.kirchhoff.diffraction_sum` wants them.

    Attributes
    ----------
    rows : ndarray of int32, shape (depth, lateral)
        Sample before each shift, counted through the stacked low-pass copies of the data.
    early, late : ndarray of float32, shape (depth, lateral)
        Weights of that sample and of the next.
    first, last : ndarray of int32, shape (depth,)
        Range of lateral distances in use, in traces.
    cutoffs : tuple of float
        Corner frequency in GHz of each low-pass copy; the first is infinite.
    """

    rows: np.ndarray
    early: np.ndarray
    late: np.ndarray
    first: np.ndarray
    last: np.ndarray
    cutoffs: tuple[float, ...]

    @property
    def pad(self) -> int:
        """Zeros that the data need on each side, in traces."""
        return self.rows.shape[1]


def diffraction_curves(
    geometry: Acquisition, ground: Medium, depths: np.ndarray, lateral: np.ndarray, separation: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return two-way time (ns), slope (ns/m) and curvature (ns/m2) of the diffraction curves, shape (depth, lateral).

    Parameters
    ----------
    depths : ndarray, shape (depth,)
        Depths of the points, m.
    lateral : ndarray, shape (lateral,)
        Distances between the middle of the antenna pair and the point, m.
    separation : float
        Transmitter-receiver distance, m.
    """
    if ground.uniform:
        return homogeneous_table(lateral, depths, float(ground.velocities[0]), separation, geometry.height)
    return layered_table(lateral, depths, ground.tops, ground.velocities, separation, geometry.height, C_AIR)


def vertical_times(geometry: Acquisition, ground: Medium, depths: np.ndarray, separation: float) -> np.ndarray:
    """Return the two-way time (ns) of points straight below the middle of the antenna pair, shape (depth,)."""
    return diffraction_curves(geometry, ground, depths, np.zeros(1), separation)[0][:, 0]


@dataclass(frozen=True)
class Aperture:
    """Which part of a diffraction curve is summed.

    Attributes
    ----------
    angle : float
        Half-angle at the image point, degrees.
    zones : float or None
        Number of Fresnel-zone radii to which the half-width is limited as well.
    antialias : bool
        Whether steep parts of a curve come from low-pass copies of the data.

    Raises
    ------
    ParameterError
        If the angle or the number of zones is out of range.
    """

    angle: float = 50.0
    zones: float | None = None
    antialias: bool = True

    def __post_init__(self) -> None:
        """Check the ranges."""
        if not 0 < self.angle < 90:
            msg = f"aperture is {self.angle} degrees; it must be between 0 and 90."
            raise ParameterError(msg)
        if self.zones is not None and self.zones <= 0:
            msg = f"fresnel_zones is {self.zones}; it must be positive."
            raise ParameterError(msg)


def reach(geometry: Acquisition, ground: Medium, depths: np.ndarray, aperture: Aperture) -> np.ndarray:
    r"""Return how far along the line each depth looks to either side, in traces (not rounded).

    The radius of the first Fresnel zone of a two-way path is :math:`\sqrt{\lambda z/2 + \lambda^2/16}`, where the path
    is a quarter of a wavelength longer one way (Yilmaz 2001, section 11.1), with the wavelength :math:`\lambda = v/f`.
    """
    width = (depths + geometry.height) * np.tan(np.radians(aperture.angle))
    if aperture.zones is not None:
        mean_velocity = depths[-1] / float(ground.time(depths[-1])) if depths[-1] > 0 else float(ground.velocities[0])
        wavelength = mean_velocity / (geometry.frequency * 1e-3)
        path = depths + geometry.height
        width = np.minimum(width, aperture.zones * np.sqrt(0.5 * wavelength * path + wavelength**2 / 16))
    return width / geometry.spacing


def curve_weights(curvature: np.ndarray, geometry: Acquisition) -> np.ndarray:
    r"""Return the weight of each trace on a diffraction curve, :math:`\Delta x\sqrt{t''/2\pi}`, per square root of ns.

    For zero offset and one velocity this is obliquity over spreading, :math:`\Delta x\cos\theta/\sqrt{\pi v r}`, as in
    Schneider (1978) and Yilmaz (2001, section 4.2); written with the curvature of the curve it holds for offset, an air
    gap and v(z) too, and a plane reflector keeps its amplitude at every depth and dip.

    Within a few centimetres of the antenna the curve is sharper than the spacing of the traces; there no weight
    may exceed the one that passes a single trace at the centre frequency unchanged.
    """
    weight = geometry.spacing * np.sqrt(np.abs(curvature) / (2 * np.pi))
    return np.minimum(weight, largest_weight(geometry))


def largest_weight(geometry: Acquisition) -> float:
    """Return the weight that passes a single trace at the centre frequency unchanged, in roots of ns."""
    return 1.0 / np.sqrt(2 * np.pi * geometry.frequency * 1e-3)


def edge_taper(lateral: np.ndarray, widths: np.ndarray) -> np.ndarray:
    """Return a cosine taper over the outer part of the aperture, shape (depth, lateral).

    Parameters
    ----------
    lateral : ndarray, shape (lateral,)
        Distances in traces.
    widths : ndarray, shape (depth,)
        Half-width of the aperture in traces; not rounded, or the image would show a stripe wherever it grows by one.
    """
    share = lateral[None, :] / (widths[:, None] + 1.0)
    return np.sin(0.5 * np.pi * np.clip((1.0 - share) / TAPER, 0.0, 1.0)) ** 2


def low_pass_cutoffs(geometry: Acquisition, steepest: float) -> tuple[float, ...]:
    """Return the corner frequencies (GHz) of the low-pass copies that curves up to a slope (ns/m) need.

    The first is infinite. Above :math:`1/(2\\Delta x\\,|dt/dx|)` neighbouring traces on a curve are more than half a
    period apart, and the operator is aliased (Gray 1992, Geophysical Prospecting 40, 795-803).
    """
    nyquist = 0.5 / geometry.dt
    octaves = np.log2(max(nyquist * 2 * geometry.spacing * steepest, 1.0))
    corners = nyquist * 2.0 ** (-np.arange(1, int(COPIES_PER_OCTAVE * octaves) + 1) / COPIES_PER_OCTAVE)
    return (np.inf, *corners.tolist())


def low_pass_copy(geometry: Acquisition, slope: np.ndarray) -> np.ndarray:
    """Return the number of the low-pass copy that each slope (ns/m) calls for, int32."""
    aliasing = np.maximum(geometry.spacing * np.abs(slope) / geometry.dt, 1.0)
    # rounding down keeps the corner at or just above the limit; the filter's roll-off does the rest
    return np.floor(COPIES_PER_OCTAVE * np.log2(aliasing) + 1e-9).astype("int32")


def curve_table(
    geometry: Acquisition, ground: Medium, depths: np.ndarray, separation: float, aperture: Aperture
) -> CurveTable:
    """Tabulate shifts and weights for one transmitter-receiver distance."""
    widths = reach(geometry, ground, depths, aperture)
    lateral = np.arange(min(int(widths.max()), geometry.n_traces - 1) + 2)
    times, slope, curvature = diffraction_curves(geometry, ground, depths, lateral * geometry.spacing, separation)
    position = (times - geometry.start) / geometry.dt
    inside = (position >= 0) & (position < geometry.n_samples - 1) & (lateral[None, :] < widths[:, None] + 1.0)
    weights = np.where(inside, curve_weights(curvature, geometry) * edge_taper(lateral, widths), 0.0)
    rows = np.where(inside, position, 0).astype("int32")
    share = np.where(inside, position - rows, 0.0)
    cutoffs: tuple[float, ...] = (np.inf,)
    if aperture.antialias:
        slope = np.where(inside, slope, 0.0)
        cutoffs = low_pass_cutoffs(geometry, float(np.abs(slope).max()))
        rows += np.minimum(low_pass_copy(geometry, slope), len(cutoffs) - 1) * geometry.n_samples
    # times grow along a curve, so the part inside the record is one piece
    last = np.where(inside.any(axis=1), lateral.size - np.argmax(inside[:, ::-1], axis=1), 0)
    return CurveTable(
        rows=rows,
        early=(weights * (1 - share)).astype("float32"),
        late=(weights * share).astype("float32"),
        first=np.argmax(inside, axis=1).astype("int32"),
        last=last.astype("int32"),
        cutoffs=cutoffs,
    )

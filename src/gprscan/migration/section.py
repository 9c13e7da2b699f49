"""Kirchhoff migration through a section v(x, z), and below a hilly ground, by tables from the eikonal equation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import xarray as xr

from gprscan import names
from gprscan.errors import MissingPositionError
from gprscan.kernels.anchored import anchor_tables, anchored_sum
from gprscan.kernels.eikonal import mean_slowness
from gprscan.kernels.jit import threads
from gprscan.migration.acquisition import Acquisition
from gprscan.migration.curves import Aperture, largest_weight, low_pass_cutoffs, reach
from gprscan.migration.medium import Medium, medium
from gprscan.migration.rho import half_derivative

ANCHOR_SPACING = 0.4  # m, at most; images are blended in between
DRIFT = 1 / 16  # of a period: how far curves may move from one anchor to the next, or the blend would lose amplitude
MARGIN = 4  # grid columns beyond the ends of the line
SOURCE_STEPS = 3  # grid columns from one source of travel times to the next
CHUNK = 32  # anchors whose tables are held at a time


@dataclass(frozen=True)
class Section:
    """Slowness on a square grid below a line.

    Attributes
    ----------
    slowness : ndarray, shape (x, depth)
        ns/m.
    step : float
        Grid step, m.
    origin : float
        Place of the first grid column, m from the first trace in the direction of the line.
    relief : ndarray, shape (trace,)
        Elevation of the ground below each trace, m.
    """

    slowness: np.ndarray
    step: float
    origin: float
    relief: np.ndarray

    def mean(self) -> Medium:
        """Return the layers whose slowness is the mean along the section."""
        tops = self.step * np.maximum(np.arange(self.slowness.shape[1]) - 0.5, 0.0)
        return Medium(tops, 1 / self.slowness.mean(axis=0))


def section(
    velocity: float | xr.DataArray, line: xr.Dataset, geometry: Acquisition, deepest: float, *, topography: bool = False
) -> Section:
    """Put a velocity onto a grid below the line.

    Parameters
    ----------
    velocity : float or xarray.DataArray
        m/ns; v(z) over ``depth`` (m), or v(x, z) over ``distance`` (m, as on the line) and ``depth``; linear between
        its samples, constant beyond.
    deepest : float
        Depth that the grid must reach, m.
    topography : bool
        Take the elevation of the ground from ``z``.
    """
    step = max(deepest / 80, 0.02)
    along = line[names.DISTANCE].values
    direction = 1.0 if along[-1] >= along[0] else -1.0
    origin = -MARGIN * step
    columns = int(np.ceil(geometry.spacing * (geometry.n_traces - 1) / step)) + 1 + 2 * MARGIN
    x = along[0] + direction * (origin + step * np.arange(columns))
    z = step * np.arange(int(np.ceil(deepest / step)) + 2)
    relief = _relief(line, geometry) if topography else np.zeros(geometry.n_traces)
    return Section(slowness_on_grid(velocity, x, z), step, origin, relief)


def section_below(
    line: xr.Dataset,
    geometry: Acquisition,
    velocity: float | xr.DataArray,
    max_depth: float | None,
    *,
    topography: bool = False,
) -> Section:
    """Put a velocity onto a grid down to `max_depth` (m), or to what the fastest waves reach within the record."""
    fastest = float(velocity.max()) if isinstance(velocity, xr.DataArray) else float(velocity)
    deepest = max_depth or 0.5 * fastest * (geometry.start + geometry.dt * geometry.n_samples)
    return section(velocity, line, geometry, float(deepest), topography=topography)


def slowness_on_grid(velocity: float | xr.DataArray, x: np.ndarray, z: np.ndarray) -> np.ndarray:
    """Return the slowness (ns/m) at places `x` along a line and depths `z` (m), shape (x, z).

    Of v(z) each node carries the mean slowness over its cell, so that vertical times are right at steps too.
    """
    if not isinstance(velocity, xr.DataArray) or velocity.ndim == 1:
        step = z[1] - z[0]
        ground = medium(velocity)
        edges = np.maximum(np.append(z - 0.5 * step, z[-1] + 0.5 * step), 0.0)
        return np.tile(np.diff(ground.time(edges)) / np.diff(edges), (x.size, 1))
    ordered = velocity.transpose(names.DISTANCE, names.DEPTH).sortby(names.DISTANCE)
    inside = [
        np.clip(values, float(ordered[name].min()), float(ordered[name].max()))
        for name, values in ((names.DISTANCE, x), (names.DEPTH, z))
    ]
    grid = ordered.interp({names.DISTANCE: inside[0], names.DEPTH: inside[1]})
    return 1 / np.asarray(grid.values, dtype="float64")


def slowness_at(ground: Section, x: np.ndarray, z: np.ndarray) -> np.ndarray:
    """Return the slowness (ns/m) at other places (m from the first trace) and depths (m), shape (x, z); edges held."""
    columns, rows = (x - ground.origin) / ground.step, z / ground.step
    across = np.array([np.interp(rows, np.arange(ground.slowness.shape[1]), values) for values in ground.slowness])
    return np.array([np.interp(columns, np.arange(ground.slowness.shape[0]), values) for values in across.T]).T


def _relief(line: xr.Dataset, geometry: Acquisition) -> np.ndarray:
    """Return the elevation of the ground below each trace (m), of an array that of its middle."""
    if names.Z not in line.coords or not np.isfinite(line[names.Z].values).all():
        msg = "topography needs the elevation of every trace, the coordinate 'z' in m."
        raise MissingPositionError(msg)
    z = np.asarray(line[names.Z].values, dtype="float64")
    return z.reshape(-1, geometry.n_traces).mean(axis=0)


def migrate_section(
    traces: np.ndarray,
    geometry: Acquisition,
    ground: Section,
    depths: np.ndarray,
    separation: float,
    aperture: Aperture,
) -> np.ndarray:
    """Migrate one channel, shape (trace, sample) to (trace, depth)."""
    spacing, n_traces, n_samples = geometry.spacing, geometry.n_traces, geometry.n_samples
    widths = reach(geometry, ground.mean(), depths, aperture)
    pad = min(int(widths.max()), n_traces - 1) + 2
    cutoffs = low_pass_cutoffs(geometry, 2 * float(ground.slowness.max())) if aperture.antialias else (np.inf,)
    data = np.zeros((len(cutoffs) * n_samples, n_traces + 2 * pad), "float32")
    for number, filtered in enumerate(half_derivative(traces, geometry.dt, cutoffs)):
        data[number * n_samples : (number + 1) * n_samples, pad:-pad] = filtered.T
    gap = _anchor_gap(geometry, ground, float(widths.max()))
    anchors = np.arange(0, n_traces - 1 + gap, gap)
    starts, sizes, fades = _fades(anchors, gap, n_traces)
    image = np.zeros((depths.size, n_traces), "float32")
    farthest = spacing * (pad + 1) + 0.5 * separation
    for first in range(0, anchors.size, CHUNK):
        chunk = slice(first, first + CHUNK)
        places = spacing * anchors[chunk].astype("float64")
        sources = np.arange(
            places[0] - farthest, places[-1] + farthest + SOURCE_STEPS * ground.step, SOURCE_STEPS * ground.step
        )
        ratios = _ratios(ground, sources, places, depths, farthest)
        scales = (
            spacing, 0.5 * separation, geometry.height, float(sources[0]), SOURCE_STEPS * ground.step,
            geometry.dt, geometry.start, largest_weight(geometry),
        )  # fmt: skip
        tables = anchor_tables(
            places, ratios, depths, widths, ground.relief, scales, len(cutoffs), n_samples, pad, threads=threads()
        )
        anchored_sum(data, *tables, fades[chunk], starts[chunk], sizes[chunk], pad, image, threads=threads())
    return image.T


def _anchor_gap(geometry: Acquisition, ground: Section, width: float) -> int:
    """Return the number of traces from one anchor to the next: curves between them move by less than `DRIFT`."""
    vertical = 2 * ground.step * np.cumsum(ground.slowness, axis=1)
    drift = np.abs(np.diff(vertical, axis=0)).max() / ground.step
    # where the slope of the ground changes, so does the height of the far traces over the near ones
    bend = np.abs(np.diff(ground.relief, 2)).max() / geometry.spacing**2
    drift += 2 * ground.slowness.max() * bend * width * geometry.spacing
    allowed = DRIFT * 1e3 / geometry.frequency / max(float(drift), 1e-9)
    return max(int(min(ANCHOR_SPACING, allowed) / geometry.spacing), 1)


def _ratios(
    ground: Section, sources: np.ndarray, places: np.ndarray, depths: np.ndarray, farthest: float
) -> np.ndarray:
    """Return time over distance (ns/m) from the ground to the points below anchors, shape (anchor, depth, source)."""
    if np.ptp(ground.slowness) < 1e-9:
        return np.full((places.size, depths.size, sources.size), ground.slowness[0, 0])
    columns = ground.slowness.shape[0] - 1
    ratio = mean_slowness(
        ground.slowness,
        np.clip((sources - ground.origin) / ground.step, 0, columns),
        np.clip((places - ground.origin) / ground.step, 0, columns),
        int(np.ceil(farthest / ground.step)) + 2 * MARGIN,
        ground.step,
        threads=threads(),
    )
    row = np.clip(depths / ground.step, 0, ratio.shape[2] - 1.001)
    upper = row.astype(int)
    share = (row - upper).astype("float32")
    of_depth = (1 - share) * ratio[..., upper] + share * ratio[..., upper + 1]
    # anchors that a source does not reach are outside the aperture too
    return np.ascontiguousarray(np.nan_to_num(of_depth, nan=1e3).transpose(1, 2, 0), dtype="float64")


def _fades(anchors: np.ndarray, gap: int, n_traces: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return first trace, number of traces and triangular weights of each anchor; the weights at a trace add to one."""
    starts = np.minimum(np.maximum(anchors - gap + 1, 0), n_traces)
    sizes = np.maximum(np.minimum(anchors + gap, n_traces) - starts, 0)
    fades = np.zeros((anchors.size, 2 * gap), "float32")
    for fade, anchor, start, size in zip(fades, anchors, starts, sizes, strict=True):
        fade[:size] = 1 - np.abs(start + np.arange(size) - anchor) / gap
    return starts.astype("int64"), sizes.astype("int64"), fades

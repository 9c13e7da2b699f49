"""Kirchhoff migration in three dimensions: arrays of channels, and parallel lines at any distances."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from gprscan import names
from gprscan.errors import LineError, ParameterError
from gprscan.kernels.jit import share_out, threads
from gprscan.kernels.kirchhoff import diffraction_sum
from gprscan.kernels.traces import transpose_to
from gprscan.migration.acquisition import Acquisition, acquisition, channels, image_depths
from gprscan.migration.curves import (
    Aperture,
    CurveTable,
    diffraction_curves,
    edge_taper,
    largest_weight,
    low_pass_copy,
    low_pass_cutoffs,
    reach,
)
from gprscan.migration.medium import GroundVelocity, Medium, along_line, medium
from gprscan.migration.rho import half_derivative
from gprscan.steps import Length, step

MEMORY = 40e6  # bytes of filtered traces held at a time
TABLES = 40  # curve tables kept for reuse


def _halo(line: xr.Dataset, parameters: dict[str, Any]) -> int:
    geometry = acquisition(line)
    ground = medium(parameters["velocity"])
    depths = image_depths(geometry, ground, parameters["depth_step"], parameters["max_depth"])
    return int(reach(geometry, ground, depths, Aperture(parameters["aperture"]))[-1]) + 2


def line_widths(offsets: np.ndarray) -> np.ndarray:
    """Return the width in m that each line stands for: half the way to its neighbours on either side."""
    order = np.argsort(offsets)
    gaps = np.diff(offsets[order])
    widths = np.empty(offsets.size)
    widths[order] = 0.5 * (np.append(gaps[0], gaps) + np.append(gaps, gaps[-1]))
    return widths


class CurveTables:
    """Curve tables of one migration, by distance across, separation and width of the line."""

    def __init__(
        self, geometry: Acquisition, ground: Medium, depths: np.ndarray, aperture: Aperture, *, crosswise: bool = False
    ) -> None:
        self.geometry, self.ground, self.depths = geometry, ground, depths
        self.pair = np.array([0.0, 1.0] if crosswise else [1.0, 0.0])
        self.widths = reach(geometry, ground, depths, aperture)
        self.cutoffs = (
            low_pass_cutoffs(geometry, 2 / float(ground.velocities.min())) if aperture.antialias else (np.inf,)
        )
        self.lateral = np.arange(min(int(self.widths.max()), geometry.n_traces - 1) + 2)
        self.pad = self.lateral.size
        self._kept: dict[tuple[float, ...], CurveTable] = {}

    def get(self, across: float, separation: float, width: float) -> CurveTable:
        """Return the table of the points `across` m beside a line that stands for `width` m."""
        key = (round(abs(across), 4), round(separation, 4), round(width, 4))
        if key not in self._kept:
            if len(self._kept) >= TABLES:
                self._kept.clear()
            self._kept[key] = self._make(*key)
        return self._kept[key]

    def _make(self, across: float, separation: float, width: float) -> CurveTable:
        geometry, spacing = self.geometry, self.geometry.spacing
        times, slope, weights = self._curves(across, separation, width)
        distance = np.hypot(self.lateral, across / spacing)
        position = (times - geometry.start) / geometry.dt
        inside = (position >= 0) & (position < geometry.n_samples - 1) & (distance < self.widths[:, None] + 1.0)
        weights = np.where(inside, weights * edge_taper(distance, self.widths), 0.0)
        rows = np.where(inside, position, 0).astype("int32")
        share = np.where(inside, position - rows, 0.0)
        copy = low_pass_copy(geometry, np.where(inside, slope, 0.0))
        rows += np.minimum(copy, len(self.cutoffs) - 1) * geometry.n_samples
        last = np.where(inside.any(axis=1), inside.shape[1] - np.argmax(inside[:, ::-1], axis=1), 0)
        return CurveTable(
            rows=rows,
            early=(weights * (1 - share)).astype("float32"),
            late=(weights * share).astype("float32"),
            first=np.argmax(inside, axis=1).astype("int32"),
            last=last.astype("int32"),
            cutoffs=self.cutoffs,
        )

    def _curves(self, across: float, separation: float, width: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        r"""Return times, the slope that aliases most, and the weights :math:`\Delta x\Delta y\sqrt{\det t''}/2\pi`.

        Both legs are curves of one variable, the distance in plan. A weight is no larger, along or across, than what
        passes a single trace unchanged: lines may be far apart.
        """
        spacing = self.geometry.spacing
        farthest = np.hypot(spacing * self.pad, across) + 0.5 * separation
        radius = np.linspace(0.0, farthest, int(np.ceil(2 * farthest / spacing)) + 2)
        curves = diffraction_curves(self.geometry, self.ground, self.depths, radius, 0.0)
        times, along, xx, yy, xy, beside = np.zeros((6, self.depths.size, self.lateral.size))
        for side in (-0.5, 0.5):
            x, y = spacing * self.lateral + side * separation * self.pair[0], across + side * separation * self.pair[1]
            r = np.hypot(x, y)
            time, slope, bend = (0.5 * values for values in _at(curves, radius, r))
            cosine = np.divide(x, r, out=np.ones_like(x), where=r > 1e-9)
            sine = np.divide(y, r, out=np.zeros_like(x), where=r > 1e-9)
            around = np.divide(slope, r, out=bend.copy(), where=r > 1e-9)
            times += time
            along += slope * cosine
            beside += slope * sine
            xx += bend * cosine**2 + around * sine**2
            yy += bend * sine**2 + around * cosine**2
            xy += (bend - around) * sine * cosine
        most = largest_weight(self.geometry)
        weights = spacing * width * np.sqrt(np.clip(xx * yy - xy**2, 0.0, None)) / (2 * np.pi)
        for size, curvature in ((spacing, xx), (width, yy)):
            one_way = size * np.sqrt(np.abs(curvature) / (2 * np.pi))
            weights *= np.minimum(1.0, most / np.maximum(one_way, 1e-12))
        return times, np.maximum(np.abs(along), np.abs(beside) * width / spacing), weights


def _at(
    curves: tuple[np.ndarray, np.ndarray, np.ndarray], radius: np.ndarray, r: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Interpolate times (cubic, with their slopes), slopes and curvatures, (depth, radius), at distances `r`."""
    time, slope, bend = curves
    step = radius[1]
    left = np.minimum((r / step).astype(int), radius.size - 2)
    s = r / step - left
    t = 1 - s
    return (
        t**2 * (1 + 2 * s) * time[:, left]
        + s**2 * (3 - 2 * s) * time[:, left + 1]
        + step * s * t * (t * slope[:, left] - s * slope[:, left + 1]),
        t * slope[:, left] + s * slope[:, left + 1],
        t * bend[:, left] + s * bend[:, left + 1],
    )


def _block(line: xr.Dataset, first: int, last: int, tables: CurveTables) -> list[np.ndarray]:
    """Return the filtered traces `first` to `last` of each channel with those in reach, (copy x sample, trace)."""
    pad, n = tables.pad, tables.geometry.n_traces
    begin, end = max(first - pad, 0), min(last + pad, n)
    prepared = []
    for channel in range(line.sizes[names.CHANNEL]):
        # one at a time: a block of all channels in every form that it takes would be held three times over
        traces = channels(line.isel({names.CHANNEL: channel, names.TRACE: slice(begin, end)}))[0]
        columns = np.zeros((len(tables.cutoffs), traces.shape[1], last - first + 2 * pad), "float32")
        at = begin - (first - pad)
        half_derivative(traces, tables.geometry.dt, tables.cutoffs, columns, at, times=2)
        prepared.append(columns.reshape(-1, columns.shape[2]))
    return prepared


def _migrate(line: xr.Dataset, tables: CurveTables, inputs: np.ndarray, outputs: np.ndarray) -> np.ndarray:
    """Return the image, shape (output, trace, depth), made in blocks of traces."""
    geometry, pad = tables.geometry, tables.pad
    per_trace = 4.0 * len(tables.cutoffs) * geometry.n_samples * inputs.size
    size = max(int(MEMORY / per_trace) - 2 * pad, 128)
    widths = line_widths(inputs)
    farthest = float(tables.widths.max() + 1) * geometry.spacing
    image = np.zeros((outputs.size, geometry.n_traces, tables.depths.size), "float32")
    for first in range(0, geometry.n_traces, size):
        last = min(first + size, geometry.n_traces)
        prepared = _block(line, first, last, tables)
        for target, y in zip(image, outputs, strict=True):
            total = np.zeros((tables.depths.size, last - first), "float32")
            for rows, offset, width, separation in zip(prepared, inputs, widths, geometry.separation, strict=True):
                if abs(offset - y) > farthest:
                    continue
                table = tables.get(offset - y, float(separation), float(width))
                diffraction_sum(
                    rows, table.rows, table.early, table.late, table.first, table.last, pad,
                    image=total, threads=threads(),
                )  # fmt: skip
            _as_traces(total, target[first:last])
    return image


def _as_traces(rows: np.ndarray, traces: np.ndarray) -> None:
    """Write (depth, trace) to (trace, depth), a few traces at a time."""

    def work(first: int, last: int) -> None:
        transpose_to(rows[:, first:last], traces[first:last], 0)

    share_out(work, traces.shape[0], threads())


@step(cut="halo", halo=_halo)
def kirchhoff_3d(
    line: xr.Dataset,
    velocity: GroundVelocity,
    aperture: float = 50.0,
    *,
    offsets: list[float] | None = None,
    crosswise: bool = False,
    antialias: bool = True,
    depth_step: Length | None = None,
    max_depth: Length | None = None,
) -> xr.Dataset:
    """Migrate an array, or parallel lines, to depth by summing over diffraction surfaces.

    Parameters
    ----------
    line : xarray.Dataset
        Array over two-way travel time, time zero applied, traces regularly spaced along the line; the channels at any
        offsets. Lines measured one by one become such an array by `gprscan.migration.join_lines`. The
        transmitter-receiver distance and the antenna height are taken into account.
    velocity : float, str or xarray.DataArray
        Velocity in the ground, m/ns; or v(z) over ``depth`` in m.
    aperture : float
        Half-angle in degrees, at the image point, within which traces are summed.
    offsets : list of float, optional
        Offsets in m at which the image is made; by default those of the channels.
    crosswise : bool
        Whether transmitter and receiver of a pair lie side by side, across the line, instead of one behind the other. The
        offset of a channel is that of the middle of its pair.
    antialias : bool
        Take the steep parts of a surface from low-pass copies of the data, along the line and across. Lines more than
        half a wavelength apart hardly help each other then, as they should.
    depth_step, max_depth : float, optional
        As in `kirchhoff`.

    Returns
    -------
    xarray.Dataset
        Line with dimensions (channel, trace, depth), the channels at `offsets`; ``x`` and ``y`` follow. A plane
        reflector keeps the amplitude that it has in the data.

    Raises
    ------
    LineError
        If the line has fewer than two channels at known, different offsets.
    MissingPositionError
        If the line has no distances, or they are irregular (apply ``regularize`` first).
    ParameterError
        If a parameter is out of range, or the velocity changes along the line.

    Notes
    -----
    The Kirchhoff integral (Schneider 1978, Geophysics 43, 49-76): the derivative in time, then a sum with the root of
    the determinant of the second derivatives of the travel time, times the area that a trace stands for; across the
    lines that is half the way to the neighbours. Long arrays are worked through in blocks, so that little more than the
    image itself is held.
    """
    if along_line(velocity):
        msg = "kirchhoff_3d takes a velocity, or v(z); 'kirchhoff' takes v(x, z), channel by channel."
        raise ParameterError(msg)
    geometry = acquisition(line)
    inputs = _offsets(line)
    outputs = inputs if offsets is None else np.asarray(offsets, dtype="float64")
    if outputs.ndim != 1 or outputs.size == 0 or not np.isfinite(outputs).all():
        msg = f"offsets is {offsets}; a list of numbers in m is needed."
        raise ParameterError(msg)
    ground = medium(velocity)
    depths = image_depths(geometry, ground, depth_step, max_depth)
    tables = CurveTables(geometry, ground, depths, Aperture(aperture, None, antialias), crosswise=crosswise)
    image = _migrate(line, tables, inputs, outputs)
    return _as_cube(line, image, depths, inputs, outputs)


def _offsets(line: xr.Dataset) -> np.ndarray:
    values = line[names.OFFSET].values if names.OFFSET in line.coords else np.zeros(1)
    if names.CHANNEL not in line.dims or values.size < 2 or np.unique(np.round(values, 4)).size < values.size:
        msg = (
            "migration in three dimensions needs at least two channels at different offsets. Give channel_offsets, or "
            "join single lines by gprscan.migration.join_lines."
        )
        raise LineError(msg)
    return np.asarray(values, dtype="float64")


def _as_cube(
    line: xr.Dataset, image: np.ndarray, depths: np.ndarray, inputs: np.ndarray, outputs: np.ndarray
) -> xr.Dataset:
    """Return the image as a line; what belongs to single channels is dropped, positions are interpolated across."""
    order = np.argsort(inputs)
    placed = {}
    for name in (names.X, names.Y):
        if name in line.coords and line[name].dims == (names.CHANNEL, names.TRACE):
            known = line[name].values[order]
            values = np.array([np.interp(outputs, inputs[order], column) for column in known.T]).T
            placed[name] = ((names.CHANNEL, names.TRACE), values, line[name].attrs)
    of_channels = [name for name in line.variables if names.CHANNEL in line[name].dims]
    rest = line.drop_vars([*of_channels, names.TWT])
    cube = rest.assign(
        {names.AMPLITUDE: ((names.CHANNEL, names.TRACE, names.DEPTH), image, line[names.AMPLITUDE].attrs)}
    )
    return cube.assign_coords(
        {
            names.CHANNEL: [str(number + 1) for number in range(outputs.size)],
            names.OFFSET: (names.CHANNEL, outputs, {"units": "m"}),
            names.DEPTH: (
                names.DEPTH,
                depths,
                {"units": "m", "positive": "down", "long_name": "depth below the ground"},
            ),
            **placed,
        }
    )

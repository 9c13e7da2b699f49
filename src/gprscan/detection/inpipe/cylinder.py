"""The ground round a pipe as one image volume: axial lines and rings of a run fused over chainage, clock angle and depth."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr
from scipy import signal

from gprscan import model, names
from gprscan.detection.condition import echo_in_band
from gprscan.detection.inpipe.pipeline import fitted_wall, load_pipe_settings, out_of_scope, sections_of
from gprscan.detection.inpipe.search import full_echo
from gprscan.errors import LineError, ParameterError
from gprscan.geometry.pipe_run import bore_of, frame_of
from gprscan.migration.pipe_curves import PipeModel
from gprscan.migration.pipe_sides import AxialSides, RingSides

if TYPE_CHECKING:
    from gprscan.detection.inpipe.settings import PipeSettings
    from gprscan.detection.inpipe.wall import Wall
    from gprscan.geometry.pipe_shape import BoreShape

ECHO = "echo_db"
CLOCK = "clock"
RADIAL_DEPTH = "radial_depth"
_BLOCK = 128  # chainages of the volume that are made at a time
_FLOOR_DB = -60.0
_STORED_DB = 0.01  # resolution of the stored echo
_QUARTERS = 4  # the clock angle of a line that rolls is taken to a quarter of the clock step


@dataclass(frozen=True)
class Look:
    """One channel of an axial line, or a ring, ready to be migrated.

    Attributes
    ----------
    echo : ndarray of complex64, shape (trace, sample)
        Analytic echoes as a share of what a wall with air behind it would answer.
    time : ndarray, shape (sample,)
        Two-way time, ns.
    medium : PipeModel
        Gap, wall and ground.
    wall : Wall
        As it was fitted.
    chainage : ndarray, shape (trace,)
        m; of a ring everywhere the same.
    clock : ndarray, shape (trace,)
        Degrees.
    valid : ndarray of bool, shape (trace,)
        False for dead traces: they tell nothing, and not that the ground is quiet.
    ring : bool
        Whether the traces go round.
    """

    echo: np.ndarray
    time: np.ndarray
    medium: PipeModel
    wall: Wall
    chainage: np.ndarray
    clock: np.ndarray
    valid: np.ndarray
    ring: bool


@dataclass(frozen=True)
class CylinderGrid:
    """Nodes of the volume: chainage (m), clock angle (degrees), radial depth from the inner wall surface (m)."""

    chainage: np.ndarray
    clock: np.ndarray
    depth: np.ndarray


def cylinder_image(
    lines: Sequence[xr.Dataset],
    *,
    chainage_step: float = 0.025,
    clock_step: float = 2.0,
    depth_step: float = 0.01,
    recipe: str | Path = "pipe",
) -> xr.Dataset:
    r"""Fuse the axial lines and rings of one run into an image of the ground round the pipe.

    Each line is migrated to every node that it sees: along rays through gap, wall and ground that bend at both faces, off the plane
    of the line too (`gprscan.migration.pipe_curves.point_times`). An axial line alone cannot tell at which clock angle an echo arose,
    nor a ring alone at which chainage: each draws a body out along an arc. The complex images :math:`I_l` add up,

    .. math:: I = \sum_l w_l I_l \,/\, \max(1, \sum_l w_l),

    with :math:`w_l = \cos^2` over the aperture, 1 in the plane of a line. Where an axial line and a ring see a body, their arcs
    cross at its place and the echoes add in phase.

    Parameters
    ----------
    lines : sequence of xarray.Dataset
        Raw lines in one pipe. A ring needs a scalar coordinate ``chainage`` (m), which a side file gives.
    chainage_step, depth_step : float
        Node distances, m.
    clock_step : float
        Node distance in degrees; 360 is a multiple of it.
    recipe : str or Path
        Whose ``[detect]`` table says how deep (``reach``) and with which ``aperture`` to migrate.

    Returns
    -------
    xarray.Dataset
        ``echo_db`` over (chainage, clock, radial_depth), float32: the envelope of the image in dB against a wall with air behind
        it; NaN where no line looks, because no ray goes there, its traces are dead, or steel hides it. Coordinates: ``chainage`` (m), ``clock`` (degrees), ``radial_depth`` (m, outward from the inner
        wall surface), ``radius`` (m from the axis; round bores), and with a side file ``x``, ``y``, ``z`` of the inner wall surface and
        its outward normal ``normal_x``, ``normal_y``, ``normal_z`` over (chainage, clock): a node lies at
        ``x + radial_depth * normal_x`` and so on. Attributes: ``segment``, ``wall_thickness`` (m, as measured), ``pipe``.

    Raises
    ------
    LineError
        If a line knows no pipe, the pipes differ, a ring has no chainage, a channel has no valid trace, an axial line covers no node,
        or radar cannot look through the wall on any line.
    ParameterError
        If a step is none.
    """
    grid, looks, bore, settings = _planned(lines, chainage_step, clock_step, depth_step, recipe)
    blocks = [block for _, block in _blocks(grid, looks, bore, settings)]
    shell = _shell(lines[0], grid, looks)
    dims = (names.CHAINAGE, CLOCK, RADIAL_DEPTH)
    return shell.assign({ECHO: (dims, np.concatenate(blocks), _ECHO_ATTRS)})


def write_cylinder_image(
    lines: Sequence[xr.Dataset],
    path: str | Path,
    *,
    chainage_step: float = 0.025,
    clock_step: float = 2.0,
    depth_step: float = 0.01,
    recipe: str | Path = "pipe",
    attrs: dict[str, str] | None = None,
) -> Path:
    """Write `cylinder_image` to NetCDF-4 in blocks along the pipe, so that the volume of a long run is never whole in memory.

    Parameters
    ----------
    lines, chainage_step, clock_step, depth_step, recipe
        As in `cylinder_image`.
    path : path-like
        File to write. ``echo_db`` is stored as int16 in steps of 0.01 dB, compressed; xarray and other CF readers scale it back.
    attrs : dict of str, optional
        Further attributes.

    Returns
    -------
    Path

    Raises
    ------
    LineError, ParameterError
        As in `cylinder_image`.
    """
    import h5netcdf

    from gprscan.io import atomic

    grid, looks, bore, settings = _planned(lines, chainage_step, clock_step, depth_step, recipe)
    shell = _shell(lines[0], grid, looks).assign_attrs(attrs or {})

    def fill(part: Path) -> None:
        shell.to_netcdf(part, engine="h5netcdf")
        with h5netcdf.File(part, "a") as file:
            target = file.create_variable(
                ECHO,
                (names.CHAINAGE, CLOCK, RADIAL_DEPTH),
                dtype="i2",
                fillvalue=np.int16(-32768),
                chunks=(min(16, grid.chainage.size), grid.clock.size, grid.depth.size),
                compression="gzip",
                compression_opts=2,
                shuffle=True,
            )
            for key, value in {**_ECHO_ATTRS, "scale_factor": np.float32(_STORED_DB)}.items():
                target.attrs[key] = value
            for rows, block in _blocks(grid, looks, bore, settings):
                stored = np.where(np.isfinite(block), np.round(block / _STORED_DB), -32768)
                target[rows] = stored.astype("i2")

    path = Path(path)
    atomic.commit([atomic.Output(path, fill)])
    return path


_ECHO_ATTRS = {
    "units": "dB",
    "long_name": "echo against that of a wall with air behind it",
    "coordinates": "radius",
}


def _planned(
    lines: Sequence[xr.Dataset], chainage_step: float, clock_step: float, depth_step: float, recipe: str | Path
) -> tuple[CylinderGrid, list[Look], BoreShape, PipeSettings]:
    turns = 360.0 / clock_step if clock_step > 0 else 0.0
    if not lines or min(chainage_step, depth_step) <= 0 or turns < 12 or abs(turns - round(turns)) > 1e-6:
        msg = (
            f"chainage_step={chainage_step}, clock_step={clock_step}, depth_step={depth_step} over {len(lines)} line(s): one line or "
            "more, positive steps, and a clock step that divides 360 are needed, for example clock_step=2.0."
        )
        raise ParameterError(msg)
    settings = load_pipe_settings(recipe)
    looks = [look for line in lines for look in _looks(line, settings)]
    if not looks:
        msg = "dense steel in the wall hides what lies behind it on every line; there is no ground to image."
        raise LineError(msg)
    bores = {bore_of(line) for line in lines}
    segments = {str((model.pipe_of(line) or {}).get("segment")) for line in lines}
    if len(bores) > 1 or len(segments) > 1:
        msg = f"the lines are of several pipes ({', '.join(sorted(segments))}, {len(bores)} bores); one image is of one pipe."
        raise LineError(msg)
    wide = settings.reach * np.tan(np.deg2rad(settings.aperture))
    ends = [(look.chainage.min() - wide * look.ring, look.chainage.max() + wide * look.ring) for look in looks]
    first, last = min(low for low, _ in ends), max(high for _, high in ends)
    chainage = chainage_step * np.arange(np.ceil(first / chainage_step), np.floor(last / chainage_step + 1e-9) + 1)
    if not chainage.size:
        msg = f"the lines cover chainage {first:.3f} to {last:.3f} m, between two nodes; use a chainage_step below {chainage_step} m."
        raise LineError(msg)
    grid = CylinderGrid(
        chainage,
        clock_step * np.arange(round(turns)),
        np.arange(0.02, settings.reach, depth_step),
    )
    return grid, looks, bores.pop(), settings


def _looks(line: xr.Dataset, settings: PipeSettings) -> Iterator[Look]:
    line = model.require_line(line, axis=names.TWT)
    pipe = model.pipe_of(line)
    if pipe is None:
        msg = "this line has no pipe. Give one: gprscan.from_array(..., pipe={...}), or RUN.pipe.toml beside the file."
        raise LineError(msg)
    reason = out_of_scope(line, pipe)
    if reason is not None:
        msg = f"{reason}."
        raise LineError(msg)
    ring = model.is_ring(line)
    if ring and names.CHAINAGE not in line.coords:
        msg = "a ring needs to know its chainage: line.assign_coords(chainage=12.4), or [ring] in RUN.pipe.toml."
        raise LineError(msg)
    if not ring and names.DISTANCE in line.coords and np.ptp(line[names.DISTANCE].values) == 0:
        msg = f"{line.sizes[names.TRACE]} trace(s) at one place: an axial line needs two chainages or more to be migrated."
        raise LineError(msg)
    for section in sections_of(line, pipe, settings):
        if not section.valid.any():
            msg = f"channel {section.channel} has no valid trace: all are zero or not finite. Leave that line or channel out."
            raise LineError(msg)
        wall, medium, _ = fitted_wall(line, section, pipe, ring)
        if wall.steel:  # what rings in front of it is no picture of the ground
            continue
        level = (section.direct_peak or float(np.abs(section.raw).max()) or 1.0) * 10 ** (
            full_echo(section, wall, medium) / 20
        )
        echo = np.where(section.valid[:, None], echo_in_band(section) / level, 0.0)
        at = np.full(section.x.size, float(line[names.CHAINAGE])) if ring else section.x
        clock = model.clock_angles(line, section.channel)
        analytic = signal.hilbert(echo, axis=1).astype(np.complex64)
        yield Look(analytic, section.t - wall.shift, medium, wall, at, clock, section.valid, ring)


def _blocks(
    grid: CylinderGrid, looks: list[Look], bore: BoreShape, settings: PipeSettings
) -> Iterator[tuple[slice, np.ndarray]]:
    """Yield the rows of the volume and their echo in dB, block by block along the pipe."""
    adders = [(_Ring if look.ring else _Axial)(look, grid, bore, settings) for look in looks]
    for start in range(0, grid.chainage.size, _BLOCK):
        rows = slice(start, min(start + _BLOCK, grid.chainage.size))
        shape = (rows.stop - rows.start, grid.clock.size, grid.depth.size)
        image, weight = np.zeros(shape, np.complex64), np.zeros(shape, np.float32)
        for adder in adders:
            adder.add(grid.chainage[rows], image, weight)
        size = np.abs(image) / np.maximum(weight, 1.0)
        level = 20 * np.log10(np.maximum(size, 10 ** (_FLOOR_DB / 20)))
        yield rows, np.where(weight > 0.02, level, np.nan).astype(np.float32)


class _Axial:
    """Adds an axial line to blocks of the volume."""

    def __init__(self, look: Look, grid: CylinderGrid, bore: BoreShape, settings: PipeSettings) -> None:
        self.look, self.grid = look, grid
        order = np.argsort(look.chainage, kind="stable")  # a run upstream comes with falling chainages
        self.chainage, self.clock, self.echo = look.chainage[order], look.clock[order], look.echo[order]
        self.valid = look.valid[order]
        self.spacing = float(np.ptp(self.chainage)) / max(self.chainage.size - 1, 1)
        step = 360.0 / grid.clock.size / _QUARTERS
        self._rounded = np.round(self.clock / step).astype(int)
        self._sides = {int(number): self._made(number * step, bore, settings) for number in np.unique(self._rounded)}

    def _made(self, clock: float, bore: BoreShape, settings: PipeSettings) -> AxialSides:
        radius = float(bore.radius_of_curvature(np.array(clock)))
        round_ = float(bore.along_wall(np.array(360.0)))
        way = bore.along_wall(self.grid.clock) - float(bore.along_wall(np.array(clock % 360.0)))
        turns = ((way + 0.5 * round_) % round_ - 0.5 * round_) / radius
        facing = bore.wall(self.grid.clock)[1] @ bore.wall(np.array([clock]))[1][0]
        # another face of a box, or the other side of the bore: out of sight
        turns = np.where(facing > 0.5, turns, np.inf)
        medium = replace(self.look.medium, radius=radius)
        return AxialSides(self.look.time, self.spacing, medium, self.grid.depth, turns, settings.aperture)

    def add(self, chainage: np.ndarray, image: np.ndarray, weight: np.ndarray) -> None:
        """Add what the line sees at these chainages."""
        for number, sides in self._sides.items():
            halo = (sides.halo + 2) * self.spacing
            first, last = np.searchsorted(self.chainage, [chainage[0] - halo, chainage[-1] + halo])
            part = slice(int(first), int(last))
            mine = self._rounded[part] == number
            if last - first < 2 or not mine.any():
                continue
            place = np.interp(chainage, self.chainage[part], np.arange(last - first))
            inside = (chainage >= self.chainage[0] - 0.5 * self.spacing) & (
                chainage <= self.chainage[-1] + 0.5 * self.spacing
            )
            inside &= mine[np.round(place).astype(int)]
            low = np.minimum(place.astype(int), last - first - 2)
            share = (place - low)[:, None].astype(np.float32)
            measured = sides.measured(self.valid[part])
            known = (1 - share) * measured[low] + share * measured[low + 1]
            for column, made in sides.images(self.echo[part]):
                value = (1 - share) * made[low] + share * made[low + 1]
                w = sides.shares[column].astype(np.float32) * inside[:, None]
                image[:, column] += w * value  # dead traces are zeros in it, so that it is less already
                weight[:, column] += w * known


class _Ring:
    """Adds a ring to the blocks of the volume that it reaches."""

    def __init__(self, look: Look, grid: CylinderGrid, bore: BoreShape, settings: PipeSettings) -> None:
        self.look, self.grid = look, grid
        order = np.argsort(np.mod(look.clock, 360.0))
        self.clock, self.echo = np.mod(look.clock, 360.0)[order], look.echo[order]
        self.at = float(look.chainage[0])
        self._sides = RingSides(bore, self.clock, look.medium, grid.depth, settings.aperture)
        n = self.clock.size
        lapped = np.concatenate([[self.clock[-1] - 360.0], self.clock, [self.clock[0] + 360.0]])
        near = np.interp(grid.clock, lapped, np.arange(-1.0, n + 1.0))
        self._low = np.floor(near).astype(int) % n
        self._share = (near - np.floor(near))[:, None].astype(np.float32)
        self._known = self._between(self._sides.measured(look.valid[order]))

    def _between(self, made: np.ndarray) -> np.ndarray:
        """Interpolate from the traces to the clock angles of the grid."""
        return (1 - self._share) * made[self._low] + self._share * made[(self._low + 1) % self.clock.size]

    def add(self, chainage: np.ndarray, image: np.ndarray, weight: np.ndarray) -> None:
        """Add what the ring sees at these chainages."""
        shares = np.stack([self._sides.share(float(beside)) for beside in chainage - self.at]).astype(np.float32)
        rows = np.flatnonzero(shares.any(axis=1))
        made = self._sides.images(self.echo, self.look.time, chainage[rows] - self.at)
        for row, seen in zip(rows, made, strict=True):
            image[row] += shares[row] * self._between(seen)
            weight[row] += shares[row] * self._known


def _shell(line: xr.Dataset, grid: CylinderGrid, looks: list[Look]) -> xr.Dataset:
    """Return the coordinates and attributes of the volume."""
    frame, bore = frame_of(line), bore_of(line)
    pipe = model.pipe_of(line) or {}
    coords: dict[str, Any] = {
        names.CHAINAGE: (names.CHAINAGE, grid.chainage, {"units": "m", "long_name": "from the upstream manhole"}),
        CLOCK: (CLOCK, grid.clock, dict(line[names.CLOCK_ANGLE].attrs) | {"units": "degree"}),
        RADIAL_DEPTH: (RADIAL_DEPTH, grid.depth, {"units": "m", "long_name": "outward from the inner wall surface"}),
    }
    if bore.kind == "round":
        axis = {"units": "m", "long_name": "distance from the axis of the pipe"}
        coords["radius"] = (RADIAL_DEPTH, 0.5 * bore.width + grid.depth, axis)
    if frame is not None:
        inner, outer = (frame.locate(grid.chainage[:, None], grid.clock, d) for d in (0.0, 1.0))
        for k, name in enumerate((names.X, names.Y, names.Z)):
            dims = (names.CHAINAGE, CLOCK)
            coords[name] = (dims, inner[..., k], {"units": "m", "long_name": "of the inner wall surface"})
            coords[f"normal_{name}"] = (
                dims,
                outer[..., k] - inner[..., k],
                {"long_name": "outward normal of the wall"},
            )
        if names.SPATIAL_REF in line.coords:
            coords[names.SPATIAL_REF] = line[names.SPATIAL_REF].variable
    # what was measured counts by how well; a drawing only where nothing was
    walls = [look.wall for look in looks if look.wall.measured] or [look.wall for look in looks]
    shares = np.array([1 / wall.thickness_sigma**2 for wall in walls])
    attrs = {
        "segment": str(pipe.get("segment") or ""),
        "wall_thickness": float(np.average([wall.thickness for wall in walls], weights=shares)),
        "lines": len(looks),
        names.PIPE: json.dumps(pipe),
    }
    return xr.Dataset(coords=coords, attrs=attrs)

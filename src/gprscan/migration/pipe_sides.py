"""Migration of in-pipe lines to points beside them: off the plane of an axial line, off the section of a ring, in any bore."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from scipy import signal

from gprscan.geometry.pipe_shape import BoreShape
from gprscan.kernels.pipe import stacked
from gprscan.migration.pipe_curves import PipeModel, point_times

_SAME_FACE = 0.5  # cosine between the normals of the wall under the antenna and at a point: beyond, it looks elsewhere
_TURNS = 160  # angles at which times round the axis are tabulated


def stacked_complex(traces: np.ndarray, curves: np.ndarray, weights: np.ndarray, *, ring: bool) -> np.ndarray:
    """Return the stack of analytic traces along curves, complex64, shape (trace, depth)."""
    parts = [stacked(np.ascontiguousarray(part), curves, weights, ring=ring) for part in (traces.real, traces.imag)]
    return (parts[0] + 1j * parts[1]).astype(np.complex64)


def taper(off: np.ndarray) -> np.ndarray:
    """Return ``cos^2`` over the aperture: 1 right above a point, 0 from the edge (1) on."""
    return np.where(np.abs(off) < 1.0, np.cos(0.5 * np.pi * np.clip(off, -1.0, 1.0)) ** 2, 0.0)


def _reach(model: PipeModel, depths: np.ndarray, aperture: float) -> np.ndarray:
    return (depths + model.standoff) * np.tan(np.deg2rad(aperture))


def _samples(time: np.ndarray, arrival: np.ndarray) -> np.ndarray:
    """Return two-way times as sample numbers, -1 where no ray goes."""
    dt = float(time[-1] - time[0]) / (time.size - 1)
    return np.where(np.isfinite(arrival), (arrival - time[0]) / dt, -1.0)


class AxialSides:
    """Diffraction curves of an axial line for points at the angles `turns` beside it.

    Parameters
    ----------
    time : ndarray, shape (sample,)
        Two-way time, ns.
    spacing : float
        Between traces, m.
    model : PipeModel
        Gap, wall and ground; its radius is that of the wall's arc under the line.
    depths : ndarray, shape (depth,)
        Outward from the inner wall surface, m.
    turns : ndarray, shape (side,)
        As seen from the middle of the arc, radians; infinite out of sight.
    aperture : float
        Half-angle, degrees.

    Attributes
    ----------
    shares : ndarray, shape (side, depth)
        Weight of the line for these points: `taper` over the same aperture, 0 where no ray goes within the recorded time.
    halo : int
        Traces on either side that an image needs.
    """

    def __init__(
        self, time: np.ndarray, spacing: float, model: PipeModel, depths: np.ndarray, turns: np.ndarray, aperture: float
    ) -> None:
        reach = _reach(model, depths, aperture)
        beside = np.abs(turns) * (model.radius - model.standoff)
        self.halo = int(np.ceil(reach.max() / spacing)) + 1
        self.shares = taper(beside[:, None] / reach)
        self._lags = spacing * np.arange(-self.halo, self.halo + 1)
        self._reach = np.maximum(reach, 1.5 * spacing)
        self._near = np.flatnonzero(self.shares.any(axis=1))  # tables are large, and most sides are out of reach
        half = 0.5 * model.separation
        curves, weights = [], []
        for depth, far in zip(depths, self._reach, strict=True):
            along = np.concatenate([self._lags - half, self._lags + half])
            there, back = np.split(point_times(model, float(depth), along, turns[self._near]), 2)
            curves.append(_samples(time, (there + back).T).astype(np.float32))
            weights.append(taper(np.hypot(self._lags, beside[self._near, None]) / far).astype(np.float32))
        self._curves, self._weights = np.stack(curves, axis=1), np.stack(weights, axis=1)
        answers = (self._curves >= 0) & (self._curves < time.size - 1) & (self._weights > 0)
        self.shares[self._near] *= answers.any(axis=-1)  # what no ray reaches is unknown, not quiet

    def images(self, traces: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
        """Yield the number of each side that the line sees at all, and its image, complex, shape (trace, depth)."""
        for side, curves, weights in zip(self._near, self._curves, self._weights, strict=True):
            if self.shares[side].any():
                yield int(side), stacked_complex(traces, curves, weights, ring=False)

    def measured(self, valid: np.ndarray) -> np.ndarray:
        """Return the share of the aperture, as far as it lies on the line, that `valid` traces cover, shape (trace, depth)."""
        if valid.all():
            return np.ones((valid.size, self._reach.size), np.float32)
        across = taper(self._lags[:, None] / self._reach)
        covered, whole = (
            signal.fftconvolve(part[:, None], across, axes=0)[self.halo : self.halo + valid.size]
            for part in (valid.astype(float), np.ones(valid.size))
        )
        return np.clip(covered / whole, 0.0, 1.0).astype(np.float32)


class RingSides:
    """Migration of a closed ring in a bore of any shape, to points in its section or `beside` it along the axis.

    Under each trace the wall is the arc, or the plane, that it is there; traces on another face of a box, which look elsewhere,
    take no part.

    Parameters
    ----------
    bore : BoreShape
        The bore.
    clock : ndarray, shape (trace,)
        Clock angles, degrees, in order round the wall.
    model : PipeModel
        Gap, wall and ground.
    depths : ndarray, shape (depth,)
        Outward from the inner wall surface along its normal, m.
    aperture : float
        Half-angle, degrees.
    """

    def __init__(
        self, bore: BoreShape, clock: np.ndarray, model: PipeModel, depths: np.ndarray, aperture: float
    ) -> None:
        self.depths, self.model = depths, model
        self.reach = _reach(model, depths, aperture)
        n = clock.size
        way = bore.along_wall(np.mod(clock, 360.0))
        round_ = float(bore.along_wall(np.array(360.0)))
        apart = (way[None, :] - way[:, None] + 0.5 * round_) % round_ - 0.5 * round_
        _, normals = bore.wall(clock)
        most = min(int((np.abs(apart) < self.reach.max()).sum(axis=1).max()) // 2 + 1, (n - 1) // 2)
        seen = (np.arange(n)[:, None] + np.arange(-most, most + 1)) % n
        self._seen, self._apart = seen, np.take_along_axis(apart, seen, axis=1)
        self._same = np.take_along_axis(normals @ normals.T, seen, axis=1) > _SAME_FACE
        self._radius = np.round(bore.radius_of_curvature(clock), 3)

    def images(self, traces: np.ndarray, time: np.ndarray, beside: np.ndarray) -> Iterator[np.ndarray]:
        """Yield the image of analytic traces for each distance `beside` the section (m): complex, shape (trace, depth)."""
        tables = [(radius, *self._one_way(float(radius), beside)) for radius in np.unique(self._radius)]
        for number, away in enumerate(np.asarray(beside, dtype="float64")):
            curves = np.full((len(traces), self.depths.size, self._apart.shape[1]), -1.0)
            for radius, turns, one_way in tables:
                rows = self._radius == radius
                half = 0.5 * self.model.separation / (radius - self.model.standoff)
                legs = [np.abs(self._apart[rows] / radius + side * half) for side in (-1, 1)]
                for k in range(self.depths.size):
                    there, back = (np.interp(leg, turns, one_way[k, number]) for leg in legs)
                    curves[rows, k] = _samples(time, there + back)
            off = np.hypot(self._apart, away)[:, None, :] / self.reach[:, None]
            weights = np.where(self._same[:, None, :], taper(off), 0.0).astype(np.float32)
            yield stacked_complex(traces, curves, weights, ring=True)

    def _one_way(self, radius: float, beside: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return angles under an arc of this radius, and the one-way times there, shape (depth, beside, angle)."""
        model = replace(self.model, radius=radius)
        far = np.abs(self._apart[self._radius == radius]).max() / radius
        turns = np.linspace(0.0, far + 0.5 * model.separation / (radius - model.standoff), _TURNS)
        return turns, np.stack([point_times(model, float(depth), beside, turns) for depth in self.depths])

    def measured(self, valid: np.ndarray) -> np.ndarray:
        """Return the share of the aperture, in the section, that traces cover which are `valid`, shape (trace, depth)."""
        across = taper(self._apart[:, None, :] / self.reach[:, None]) * self._same[:, None, :]
        return ((across * valid[self._seen][:, None, :]).sum(-1) / across.sum(-1)).astype(np.float32)

    def share(self, beside: float) -> np.ndarray:
        """Return the weight of the ring for points `beside` it, shape (depth,)."""
        return taper(np.abs(beside) / self.reach)

"""How an antenna on the road lights up the ground: travel times and amplitudes of echoes, relative to the direct wave in air."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import hankel1

from gprscan.synthetic import speckle
from gprscan.synthetic.cylinder import born
from gprscan.synthetic.diffraction import place_echoes, reflection_coefficient
from gprscan.synthetic.media import Layer
from gprscan.synthetic.travel import layers_above, two_way_time
from gprscan.units import C_AIR

_NEPER_PER_METRE = 60.0 * np.pi  # attenuation of a plane wave: 60 pi sigma / sqrt(eps), sigma in S/m, 1/m
_SINGLE = 1.25  # fitted, so that clutter is as strong as in full-wave roads (benchmarks/check_detection.py clutter)


@dataclass(frozen=True)
class Road:
    """How a road is surveyed; MHz, ns, m."""

    frequency: float = 400.0
    separation: float = 0.14
    antenna_height: float = 0.03
    spacing: float = 0.05
    dt: float = 0.0755
    n_samples: int = 512
    depth: float = 1.7

    @property
    def tail(self) -> int:
        """Samples of four periods: what is left free after a record whose spectra are changed."""
        return round(4e3 / self.frequency / self.dt)


@dataclass(frozen=True)
class Ground:
    """Layers under an antenna: travel times and amplitudes relative to the direct wave in air."""

    layers: tuple[Layer, ...]
    road: Road
    time_zero: float

    @property
    def direct(self) -> float:
        """Travel time of the direct wave in ns, at which the amplitude is 1."""
        return max(self.road.separation, 0.05) / C_AIR

    def wavenumber(self, layer: Layer) -> float:
        """Wavenumber at the pulse's peak in 1/m."""
        return 2 * np.pi * self.road.frequency * 1e-3 / layer.velocity

    def host(self, depth: float) -> Layer:
        """Layer at a depth."""
        return self.layers[self._above(depth)[0].size - 1]

    def time(self, along: ArrayLike, depth: float) -> NDArray[np.floating]:
        """Two-way time in ns from midpoints at distances along the line from a point."""
        road = self.road
        return two_way_time(along, *self._above(depth), separation=road.separation, antenna_height=road.antenna_height)

    def passed(self, depth: float, longer: ArrayLike = 1.0) -> NDArray[np.floating]:
        """Share of the amplitude that comes through the interfaces and the losses above a depth, down and up.

        `longer` is how many times longer a ray's way is than the way straight down.
        """
        thickness, _ = self._above(depth)
        crossed = self.layers[: thickness.size]
        alpha = np.array([_NEPER_PER_METRE * layer.conductivity / np.sqrt(layer.permittivity) for layer in crossed])
        eps = np.array([1.0, *(layer.permittivity for layer in crossed)])
        mirrors = reflection_coefficient(eps[:-1], eps[1:])
        lost = -2.0 * (alpha * thickness).sum() * np.asarray(longer)
        # the ground draws the field of a source upon it: the square root of its permittivity more than from far above
        share: NDArray[np.floating] = np.exp(lost) * np.prod(1.0 - mirrors**2) * np.sqrt(eps[1])
        return share

    def scattered(self, along: NDArray[np.floating], depth: float) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
        """Time in ns, and amplitude of a scatterer that sends back 1 at 1 m, to midpoints along the line."""
        host, top, height = self.host(depth), self.layers[0], self.road.antenna_height
        time = two_way_time(along, *self._above(depth), separation=self.road.separation)
        slowness = np.abs(np.gradient(time, along)) / 2
        sine = np.clip(slowness * top.velocity, 0.0, 0.999)
        cosine = np.sqrt(1.0 - sine**2)
        # through the gap under the antenna as a plane wave: beyond the critical angle it falls off instead of travelling on
        n = float(np.sqrt(top.permittivity))
        in_air = np.emath.sqrt(1.0 - (n * sine) ** 2)
        time = time + 2 * height / C_AIR * in_air.real
        gap = np.exp(-2 * np.pi * self.road.frequency * 1e-3 / C_AIR * height * np.abs(in_air.imag))
        surface = ((n + 1) * cosine / np.abs(n * cosine + in_air) * gap) ** 2  # Fresnel, 1 straight down, both ways
        # a tube of rays from the point opens by dtheta over the width dx cos(theta) at the surface: its root each way
        angle = np.arcsin(np.clip(slowness * host.velocity, 0.0, 1.0)) * np.sign(along)
        spreading = np.clip(np.gradient(angle, along), 0.0, None) / cosine
        reach = self.reach(depth)
        taper = np.clip((reach - np.abs(along)) / (0.2 * reach), 0.0, 1.0)
        size = _SINGLE * np.sqrt(self.direct * host.velocity) * spreading * surface * taper
        return time, size * self.passed(depth, time / time.min())

    def wander(self, depth: float) -> float:
        """How far the fluctuation above a depth shifts an echo, root mean square in ns (Chernov, 1960, geometrical optics).

        The slowness wanders by a quarter of the layer's spread, less what the field's limits cut off; independent pieces of
        the way are as long as twice the integral of the field's correlation. The way up is the way down.
        """
        thickness, velocity = self._above(depth)
        slowness = np.array([0.24 * layer.spread for layer in self.layers[: thickness.size]]) / velocity
        piece = 2 * speckle.integral_scale()
        return float(2 * np.sqrt((slowness**2 * piece * thickness).sum()))

    def reach(self, depth: float) -> float:
        """How far along the line a point is seen, in m."""
        return 2.5 * depth + self.road.separation

    def cell_curve(self, depth: float) -> NDArray[np.float32]:
        """Diffraction curve of a cell of the fluctuation of unit contrast, see `speckle.add_speckle`."""
        road, host = self.road, self.host(depth)
        half = int(np.ceil(self.reach(road.depth) / road.spacing))
        time, size = self.scattered(np.arange(-half, half + 1) * road.spacing, depth)
        area = road.spacing * speckle.ROW
        curve = np.zeros((2 * half + 1, road.n_samples), "float32")
        size = -born(self.wavenumber(host), area, 1.0) * size
        place_echoes(curve, time + self.time_zero, size, road.dt, frequency=road.frequency)
        # small bodies scatter short waves more: k^2 times the 1 / sqrt(k) of the way back
        return tilted(curve, road, 1.5)

    def _above(self, depth: float) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
        tops = np.concatenate([[0.0], np.cumsum([layer.thickness for layer in self.layers[:-1]])])
        return layers_above(depth, tops, [layer.velocity for layer in self.layers])


def tilted(traces: NDArray[np.float32], road: Road, power: float) -> NDArray[np.float32]:
    """Multiply spectra by ``(f / peak) ** power``."""
    size = road.n_samples + road.tail
    relative = np.fft.rfftfreq(size, road.dt) / (road.frequency * 1e-3)
    spectra = np.fft.rfft(traces, size, axis=1) * relative**power
    return np.fft.irfft(spectra, size, axis=1)[:, : road.n_samples].astype("float32")


def over_ground(road: Road, permittivity: float) -> float:
    """Field of a line source over a half-space at the receiver, relative to the field in air without ground.

    Sommerfeld's integral of plane waves and their reflections (Chew, 1995, Waves and Fields in Inhomogeneous Media, section
    2.2), at the pulse's peak; a loss of 0.2 % keeps the path off the pole.
    """
    k = 2 * np.pi * road.frequency * 1e-3 / C_AIR * (1 + 2e-3j)
    separation = max(road.separation, 0.05)
    horizontal = np.linspace(0.0, 60 * abs(k), 200_001)
    air, below = (np.sqrt(eps * k**2 - horizontal**2) for eps in (1.0, permittivity))
    mirrored = (air - below) / (air + below) / air * np.exp(2j * air * road.antenna_height)
    reflected = 1j / (2 * np.pi) * np.trapezoid(mirrored * np.cos(horizontal * separation), horizontal)
    alone = 0.25j * hankel1(0, k * separation)
    return float(abs(alone + reflected) / abs(alone))

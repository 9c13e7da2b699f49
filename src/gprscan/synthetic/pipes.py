"""Lines measured inside a pipe, by full-wave simulation: along the axis, and round the wall."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from gprscan.kernels import fdtd as kernels
from gprscan.model import from_array
from gprscan.synthetic import fdtd
from gprscan.synthetic.media import Medium, correlated_field
from gprscan.synthetic.wavelets import pulse_delay, ricker
from gprscan.units import C_AIR

Fill = Literal["air", "water", "metal", "loose", "wet"]
# permittivity and conductivity (S/m) of what a body is filled with; "loose" and "wet" are shares of the ground's
FILLS: dict[str, tuple[float, float]] = {
    "air": (1.0, 0.0),
    "water": (80.0, 0.01),
    "loose": (5.0, 0.003),
    "wet": (22.0, 0.02),
}
CLASSES = {
    "air": "air_void",
    "water": "water_void",
    "metal": "metal_pipe",
    "loose": "loose_zone",
    "wet": "water_rich_zone",
}
_CATEGORY = {"metal": "utility", "loose": "anomaly", "wet": "anomaly"}


@dataclass(frozen=True)
class PipeBody:
    """A body outside of the wall.

    Attributes
    ----------
    place : float
        Middle along the axis in m (axial line), or clock angle in degrees (ring).
    depth : float
        Of its near side, outward from the inner wall surface, m.
    width : float
        Along the axis, or the diameter of the circle that the wall cuts, m.
    height : float
        Outward extent, m.
    fill : str
        A key of `FILLS`, or "metal".
    """

    place: float
    depth: float
    width: float
    height: float
    fill: Fill = "air"


@dataclass(frozen=True)
class PipeScene:
    """What is simulated; metres, MHz, ns.

    Attributes
    ----------
    diameter, wall : float
        Bore and wall.
    wall_permittivity, ground_permittivity : float
        Relative permittivities.
    standoff, separation : float
        Antenna to inner wall, transmitter to receiver.
    frequency : float
        Peak frequency of the current.
    window : float
        Length of a trace, ns.
    bodies : tuple of PipeBody
        Outside of the wall.
    length, spacing : float
        Of an axial line; the ring takes its number of traces from `spacing` along the antenna's way.
    bars : float
        Pitch of bars across an axial line, 0 without.
    cover : float
        Of the bars, m.
    thinner : tuple of (from, to, loss)
        Stretches in which the inside of the wall is corroded: thinner by `loss`.
    joints : tuple of float
        Chainages of open joints, gaps of 1 cm through the wall.
    stones : int
        Natural scatterers per square metre behind the wall.
    seed : int
        Of stones and fluctuation.
    flat : bool
        A wall or slope: an axial line with nothing opposite. Its bodies may lie inside of the wall, too.
    back : tuple of (place, thickness)
        Where the wall of an axial line is not equally thick: straight lines between these; `wall` is then not used.
    """

    diameter: float = 1.0
    wall: float = 0.10
    wall_permittivity: float = 6.8
    ground_permittivity: float = 9.5
    standoff: float = 0.03
    separation: float = 0.08
    frequency: float = 900.0
    window: float = 14.0
    bodies: tuple[PipeBody, ...] = ()
    length: float = 3.0
    spacing: float = 0.025
    bars: float = 0.0
    cover: float = 0.036
    thinner: tuple[tuple[float, float, float], ...] = ()
    joints: tuple[float, ...] = ()
    stones: int = 8
    seed: int = 1
    flat: bool = False
    back: tuple[tuple[float, float], ...] = ()

    @property
    def step(self) -> float:
        """Node distance: six cells in the shortest wavelength that matters."""
        slow = np.sqrt(max(self.wall_permittivity, self.ground_permittivity))
        return float(C_AIR / slow / (2.2e-3 * self.frequency) / 6.0)


@dataclass(frozen=True)
class PipeRecord:
    """Simulated traces of a run.

    Attributes
    ----------
    traces : float32 array, shape (trace, sample)
        Clean.
    dt, time_zero : float
        ns.
    distance : float64 array, shape (trace,)
        Along the axis, or along the antenna's way round, m.
    clock : float64 array, shape (trace,) or None
        Clock angles of a ring, degrees.
    standoff, separation : float
        As snapped to the grid, m.
    objects : list of dict
        What lies behind the wall, for the truth record.
    """

    traces: NDArray[np.float32]
    dt: float
    time_zero: float
    distance: NDArray[np.floating]
    clock: NDArray[np.floating] | None
    standoff: float
    separation: float
    objects: list[dict[str, Any]]


def axial_line(
    scene: PipeScene, record: PipeRecord, *, wall: float, traces: NDArray[np.float32] | None = None
) -> xr.Dataset:
    """Return a record of `simulate_axial` as a line along the crown of its pipe.

    Parameters
    ----------
    scene, record
        What was simulated, and what came out.
    wall : float
        Thickness of the wall as the drawing has it, m.
    traces : float32 array, shape (trace, sample), optional
        In place of the clean ones, such as degraded ones.
    """
    return from_array(
        record.traces if traces is None else traces,
        dt=record.dt,
        distance=record.distance,
        frequency=scene.frequency,
        separation=record.separation,
        time_zero=record.time_zero,
        pipe={"inner_diameter": scene.diameter, "wall_thickness": wall, "standoff": record.standoff, "clock": 0.0},
    )


def simulate_axial(scene: PipeScene) -> PipeRecord:
    """Simulate a line along the axis: plane layers, the opposite wall included.

    Parameters
    ----------
    scene : PipeScene
        Bodies within 0 to `length`; the first and the last trace lie a little inside.

    Returns
    -------
    PipeRecord
    """
    step, rng = scene.step, np.random.default_rng([scene.seed, 1])
    pad = 0.12 + 0.5 * scene.separation
    deep = _reach(scene)
    nx = round(scene.length / step) + 1
    room = 0.3 if scene.flat else min(scene.diameter + scene.wall, C_AIR * scene.window / 2)
    above = 12 + round(room / step)
    shape = (nx, round(deep / step))
    x = np.arange(nx) * step
    # a node stands for the cell about it: the inner surface is half a cell in front of the first node of the wall
    z = ((np.arange(shape[1]) + 0.5) * step)[None, :]
    ground, loss = _ground(scene, shape, (np.broadcast_to(x[:, None], shape), np.broadcast_to(z, shape)), rng)
    metal = np.zeros(shape, bool)
    behind = [body for body in scene.bodies if not _inside(scene, body)]
    for body in behind:
        _fill(ground, loss, metal, _crescent(x[:, None], z, body), body.fill)
    _raise_wall(scene, ground, loss, metal, x, z, rng)
    for body in scene.bodies:
        if body not in behind:
            _fill(ground, loss, metal, _crescent(x[:, None], z, body), body.fill)
    eps = np.ones((nx, above + shape[1]), "float32")
    sigma, conductor = np.zeros_like(eps), np.zeros(eps.shape, bool)
    eps[:, above:], sigma[:, above:], conductor[:, above:] = ground, loss, metal
    opposite = 0 if scene.flat else above - round(scene.diameter / step)
    if opposite > 0:
        eps[:, :opposite], sigma[:, :opposite] = scene.wall_permittivity, 0.006
    medium = Medium(eps, sigma, conductor, step, above)
    middle = np.arange(pad, scene.length - pad + 1e-9, scene.spacing)
    shot = fdtd.simulate(
        medium,
        middle,
        frequency=scene.frequency,
        separation=scene.separation,
        antenna_height=scene.standoff + 0.5 * step,
        time_window=scene.window,
        window=min(1.5, 0.5 + deep),
        max_dt=0.04,
    )
    objects = [_axial_truth(number, body) for number, body in enumerate(scene.bodies, start=1)]
    standoff = shot.antenna_height - 0.5 * step
    return PipeRecord(shot.traces, shot.dt, shot.time_zero, shot.midpoint, None, standoff, shot.separation, objects)


def _thickness(scene: PipeScene, x: NDArray[np.floating]) -> NDArray[np.floating]:
    if not scene.back:
        return np.full(x.shape, scene.wall)
    places, thick = np.array(scene.back).T
    return np.interp(x, places, thick)


def _inside(scene: PipeScene, body: PipeBody) -> bool:
    """Whether a body begins inside the wall, rather than against its back or behind it."""
    return scene.flat and body.depth < float(_thickness(scene, np.array(body.place))) - 0.01


def _raise_wall(
    scene: PipeScene,
    ground: NDArray[np.float32],
    loss: NDArray[np.float32],
    metal: NDArray[np.bool_],
    x: NDArray[np.floating],
    z: NDArray[np.floating],
    rng: np.random.Generator,
) -> None:
    """Put the wall in front of the ground: its fluctuation, where its inside is lost, open joints, bars."""
    step, shape = scene.step, ground.shape
    thick = _thickness(scene, x)
    wall = np.broadcast_to(z < thick[:, None], shape)
    ground[wall], loss[wall], metal[wall] = scene.wall_permittivity, 0.006, False
    rows = round(float(thick.max()) / step)
    field = correlated_field((shape[0], rows), (step, step), (0.03, 0.03), rng)
    ground[:, :rows] *= np.where(wall[:, :rows], 1 + 0.01 * field, 1.0)
    inner = np.zeros(x.size)
    for first, last, lost in scene.thinner:
        inner[(x >= first) & (x <= last)] = lost
    joint = np.abs(x[:, None] - np.array(scene.joints)).min(axis=-1, initial=9.0) < 0.005
    hollow = (z < inner[:, None]) | (wall & joint[:, None])
    ground[hollow], loss[hollow] = 1.0, 0.0
    if scene.bars > 0:
        for at in np.arange(0.3 * scene.bars, scene.length, scene.bars):
            metal[np.abs(x - at) <= 0.006, round(scene.cover / step) : round((scene.cover + 0.012) / step) + 1] = True


def simulate_ring(scene: PipeScene) -> PipeRecord:
    """Simulate a line round the wall of a round pipe, in its cross-section.

    Parameters
    ----------
    scene : PipeScene
        Its `length`, `bars`, `thinner` and `joints` are not used.

    Returns
    -------
    PipeRecord
    """
    step, rng = scene.step, np.random.default_rng([scene.seed, 2])
    radius, track = 0.5 * scene.diameter, 0.5 * scene.diameter - scene.standoff
    size = 2 * round((radius + _reach(scene)) / step) + 25
    axis = (np.arange(size) - size // 2) * step
    right, up = np.meshgrid(axis, -axis, indexing="ij")
    away = np.hypot(right, up)
    eps, sigma = _ground(scene, eps_shape := (size, size), (right, up), rng)
    metal = np.zeros(eps_shape, bool)
    for body in scene.bodies:
        a, r = np.deg2rad(body.place), 0.5 * body.width
        at = radius + body.depth + body.height - r
        inside = np.hypot(right - at * np.sin(a), up - at * np.cos(a)) < r
        _fill(eps, sigma, metal, inside, body.fill)
    wall = away < radius + scene.wall
    eps[wall], sigma[wall], metal[wall] = scene.wall_permittivity, 0.006, False
    eps[away < radius], sigma[away < radius] = 1.0, 0.0
    medium = Medium(eps, sigma, metal, step, size // 2)
    n = max(round(2 * np.pi * track / scene.spacing), 24)
    clock = np.arange(n) * 360.0 / n
    nodes: list[NDArray[np.floating]] = []
    for sign in (-1, 1):
        a = np.deg2rad(clock) + sign * 0.5 * scene.separation / track
        nodes.append(np.stack([track * np.sin(a), -track * np.cos(a)], axis=1) / step + size // 2)
    traces, dt = _round_shots(scene, medium, nodes)
    objects = [_ring_truth(number, body, radius) for number, body in enumerate(scene.bodies, start=1)]
    distance = np.deg2rad(clock) * track
    delay = pulse_delay(scene.frequency)
    return PipeRecord(traces, dt, delay, distance, clock, scene.standoff, scene.separation, objects)


def _round_shots(
    scene: PipeScene, medium: Medium, nodes: list[NDArray[np.floating]]
) -> tuple[NDArray[np.float32], float]:
    dt = fdtd.time_step(medium.step)
    steps = int(np.ceil(scene.window / dt)) + 1
    current = ricker((np.arange(steps) + 0.5) * dt - pulse_delay(scene.frequency), scene.frequency)
    sources, receivers = (np.round(at).astype("int64") for at in nodes)
    n, size = len(sources), medium.shape[0]
    # energy that leaves this window comes back after the record has ended
    width = min(round(C_AIR / np.sqrt(0.8 * scene.ground_permittivity) * scene.window / medium.step) + 41, size)
    starts = np.clip((sources[:, 0] + receivers[:, 0]) // 2 - width // 2, 0, size - width).astype("int64")
    every = max(int(0.04 / dt), 1)
    traces = np.zeros((n, (steps - 1) // every + 1), "float32")
    whole, half = fdtd.absorbing_profiles(medium.step, dt, 3.0)
    ca, cb = fdtd.update_coefficients(medium, dt)
    reach = np.full(steps, size - 1, "int64")
    courant = np.float32(C_AIR * dt / medium.step)
    scaled = (current * (fdtd.ETA0 / medium.step)).astype("float32")
    kernels.fdtd_line_serial(
        ca, cb, courant, scaled, sources, receivers, starts, width, whole, half, reach, every, traces
    )
    return traces, every * dt


def _reach(scene: PipeScene) -> float:
    """Depth beyond the inner wall surface from which an echo comes back within the record, m."""
    index = np.sqrt(0.85 * scene.ground_permittivity)
    return float(scene.wall + max(0.5 * C_AIR * scene.window / index - 0.9 * scene.wall, 0.3))


def _ground(
    scene: PipeScene,
    shape: tuple[int, int],
    places: tuple[NDArray[np.floating], NDArray[np.floating]],
    rng: np.random.Generator,
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Permittivity and conductivity of soil that fluctuates, with stones in it."""
    field = correlated_field(shape, (scene.step, scene.step), (0.08, 0.04), rng)
    eps = (scene.ground_permittivity * (1 + 0.06 * np.clip(field, -2, 2))).astype("float32")
    sigma = np.full(shape, 0.006, "float32")
    first, second = places
    area = float(np.ptp(first) * np.ptp(second))
    for _ in range(round(scene.stones * area)):
        x, z = (float(rng.uniform(p.min(), p.max())) for p in places)
        a, b = rng.uniform(0.015, 0.03), rng.uniform(0.012, 0.02)
        eps[((first - x) / a) ** 2 + ((second - z) / b) ** 2 < 1] = rng.uniform(5.0, 7.0)
    return eps, sigma


def _crescent(x: NDArray[np.floating], z: NDArray[np.floating], body: PipeBody) -> NDArray[np.bool_]:
    """A body that is flat towards the wall and rounded away from it; an ellipse where it does not touch anything."""
    across = (x - body.place) / (0.5 * body.width)
    if body.fill == "metal":
        return across**2 + ((z - body.depth - 0.5 * body.height) / (0.5 * body.height)) ** 2 < 1
    return (z >= body.depth) & (across**2 + ((z - body.depth) / body.height) ** 2 < 1)


def _fill(
    eps: NDArray[np.float32], sigma: NDArray[np.float32], metal: NDArray[np.bool_], inside: NDArray[np.bool_], fill: str
) -> None:
    if fill == "metal":
        metal |= inside
        return
    metal &= ~inside
    eps[inside], sigma[inside] = FILLS[fill]


def _axial_truth(number: int, body: PipeBody) -> dict[str, Any]:
    return {
        "id": number,
        "class": CLASSES[body.fill],
        "category": _CATEGORY.get(body.fill, "void"),
        "apex_x_m": round(body.place, 4),
        "top_depth_m": round(body.depth, 4),
        "bottom_depth_m": round(body.depth + body.height, 4),
        "width_m": round(body.width, 4),
        "height_m": round(body.height, 4),
    }


def _ring_truth(number: int, body: PipeBody, radius: float) -> dict[str, Any]:
    half = np.rad2deg(np.arcsin(min(0.5 * body.width / (radius + body.depth), 1.0)))
    return {
        "id": number,
        "class": CLASSES[body.fill],
        "category": _CATEGORY.get(body.fill, "void"),
        "clock_deg": round(body.place, 3),
        "radial_depth_from_inner_wall_m": round(body.depth, 4),
        "half_angle_deg": round(float(half), 2),
        "width_m": round(body.width, 4),
        "height_m": round(body.height, 4),
    }

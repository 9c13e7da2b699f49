"""Small full-wave scenes: an axial line in a pipe, and a ring."""

from __future__ import annotations

import numpy as np

import gprscan as gs
from gprscan.geometry.pipe_frame import PipeFrame
from gprscan.kernels import fdtd as kernels
from gprscan.synthetic import fdtd
from gprscan.synthetic.media import Medium
from gprscan.synthetic.wavelets import pulse_delay, ricker

STEP = 0.008


def axial(bodies, *, seed=1, wall=0.088, eps_wall=6.5, eps_ground=9.5, length=2.2, frequency=700.0, noise=0.0):
    """Axial line over plane layers; `bodies` are (x, depth of top, width, height, permittivity), inf for metal."""
    rng = np.random.default_rng(seed)
    nx, surface = round(length / STEP) + 1, 30
    nz = surface + round(0.55 / STEP)
    eps = np.ones((nx, nz), "float32")
    eps[:, surface:] = eps_wall
    eps[:, surface + round(wall / STEP) :] = eps_ground
    eps[:, surface:] *= 1 + 0.01 * rng.standard_normal((nx, nz - surface)).astype("float32")
    sigma = np.where(eps > 2, np.float32(0.006), np.float32(0))
    metal = np.zeros((nx, nz), bool)
    for x, top, width, height, permittivity in bodies:
        i = slice(round((x - width / 2) / STEP), round((x + width / 2) / STEP))
        k = slice(surface + round(top / STEP), surface + round((top + height) / STEP))
        if np.isinf(permittivity):
            metal[i, k] = True
        else:
            eps[i, k], sigma[i, k] = permittivity, 0.0
    x = np.arange(0.24, length - 0.24, 0.032)
    shot = fdtd.simulate(
        Medium(eps, sigma, metal, STEP, surface),
        x,
        frequency=frequency,
        separation=0.064,
        antenna_height=0.032,
        time_window=11.0,
        window=1.4,
    )
    traces = _noisy(shot.traces, noise, rng)
    pipe = {"inner_diameter": 1.0, "wall_thickness": 1.1 * wall, "standoff": shot.antenna_height, "clock": 0.0}
    return gs.from_array(
        traces,
        dt=shot.dt,
        distance=shot.midpoint,
        frequency=frequency,
        separation=shot.separation,
        time_zero=shot.time_zero,
        pipe=pipe,
    )


def ring_in(bore, bodies, *, seed=1, wall=0.072, eps_wall=6.8, eps_ground=9.0, frequency=700.0, n=90):
    """Ring in a bore of any shape; `bodies` are (clock in degrees, distance of the near side from the inner wall, radius, permittivity)."""
    rng = np.random.default_rng(seed)
    size = 2 * round((0.5 * max(bore.width, bore.height) + wall + 0.36) / STEP) + 1
    axis = (np.arange(size) - size // 2) * STEP
    right, up = np.meshgrid(axis, -axis, indexing="ij")
    place = np.stack([right, up], axis=-1)
    edge, _ = bore.wall(np.rad2deg(np.arctan2(right, up)))
    inside = np.linalg.norm(place, axis=-1) < np.linalg.norm(edge, axis=-1)
    eps = np.full((size, size), eps_ground, "float32")
    for clock, away, body, permittivity in bodies:
        point, normal = bore.wall(np.array(float(clock)))
        eps[np.linalg.norm(place - point - (away + body) * normal, axis=-1) < body] = permittivity
    eps[~inside & (bore.nearest(place)[1] < wall)] = eps_wall
    eps *= 1 + 0.01 * rng.standard_normal(eps.shape).astype("float32")
    eps[inside] = 1.0
    clock = np.arange(n) * 360.0 / n
    point, normal = bore.wall(clock)
    along = np.stack([normal[:, 1], -normal[:, 0]], axis=1)
    nodes = [point - 0.032 * normal + sign * 0.032 * along for sign in (-1, 1)]
    nodes = [np.stack([at[:, 0], -at[:, 1]], axis=1) / STEP + size // 2 for at in nodes]
    record, dt, delay = _shots(eps, nodes, frequency, n)
    frame = PipeFrame(((0.0, 0.0, 10.0), (20.0, 0.0, 9.9)), bore)
    mean = 0.5 * (bore.width + bore.height)
    pipe = {"inner_diameter": mean, "wall_thickness": 1.1 * wall, "standoff": 0.032, "clock": clock}
    line = gs.from_array(
        record,
        dt=dt,
        distance=bore.along_wall(clock),
        frequency=frequency,
        separation=0.064,
        time_zero=delay,
        pipe=pipe | {"frame": frame.as_dict(), "shape": bore.kind},
    )
    return line.assign_coords(chainage=5.0)


def ring(bodies, *, seed=1, radius=0.36, wall=0.072, eps_wall=6.8, eps_ground=9.0, frequency=700.0, noise=0.0, n=60):
    """Ring in a round pipe; `bodies` are (clock in degrees, centre radius, body radius, permittivity)."""
    rng = np.random.default_rng(seed)
    size = 2 * round((radius + wall + 0.36) / STEP) + 1
    axis = (np.arange(size) - size // 2) * STEP
    right, up = np.meshgrid(axis, -axis, indexing="ij")
    away = np.hypot(right, up)
    eps = np.full((size, size), eps_ground, "float32")
    for clock, at, body, permittivity in bodies:
        a = np.deg2rad(clock)
        eps[np.hypot(right - at * np.sin(a), up - at * np.cos(a)) < body] = permittivity
    eps[away < radius + wall] = eps_wall
    eps *= 1 + 0.01 * rng.standard_normal(eps.shape).astype("float32")
    eps[away < radius] = 1.0
    clock = np.arange(n) * 360.0 / n
    track, half = radius - 0.032, 0.032
    nodes = []
    for sign in (-1, 1):
        a = np.deg2rad(clock) + sign * half / track
        nodes.append(np.stack([track * np.sin(a), -track * np.cos(a)], axis=1) / STEP + size // 2)
    record, dt, delay = _shots(eps, nodes, frequency, n)
    pipe = {"inner_diameter": 2 * radius, "wall_thickness": 1.1 * wall, "standoff": 0.032, "clock": clock}
    return gs.from_array(
        _noisy(record, noise, rng),
        dt=dt,
        spacing=2 * np.pi * track / n,
        frequency=frequency,
        separation=2 * half,
        time_zero=delay,
        pipe=pipe,
    )


def _shots(eps, nodes, frequency, n):
    """Simulate a shot per pair of nodes in one section; the traces, their sampling interval and the delay of the pulse."""
    size = len(eps)
    sigma = np.where(eps > 2, np.float32(0.006), np.float32(0))
    medium = Medium(eps, sigma, np.zeros(eps.shape, bool), STEP, size // 2)
    dt = fdtd.time_step(STEP)
    steps = round(11.0 / dt)
    delay = pulse_delay(frequency)
    current = ricker((np.arange(steps) + 0.5) * dt - delay, frequency) * fdtd.ETA0 / STEP
    sources, receivers = (np.round(at).astype("int64") for at in nodes)
    ca, cb = fdtd.update_coefficients(medium, dt)
    whole, inner = fdtd.absorbing_profiles(STEP, dt, 3.0)
    every = 3
    record = np.zeros((n, (steps - 1) // every + 1), "float32")
    reach = np.full(steps, size - 1, "int64")
    starts = np.zeros(n, "int64")
    courant = np.float32(fdtd.C_AIR * dt / STEP)
    kernels.fdtd_line_serial(
        ca, cb, courant, current.astype("float32"), sources, receivers, starts, size, whole, inner, reach, every, record
    )
    return record, every * dt, delay


def _noisy(traces, level, rng):
    peak = np.abs(traces).max()
    return (traces + level * peak * rng.standard_normal(traces.shape)).astype("float32")

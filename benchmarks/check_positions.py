"""Position accuracy on simulated drives with known truth: turns, stops, 1 Hz GNSS, an outage, an odometer that is off.

Run it as ``python benchmarks/check_positions.py [SEEDS [VARIANT ...]]``. It prints, per variant, the error of ``gprscan.geometry.place`` outside
and inside the outage and how often the truth lies within the stated two standard deviations (per axis, both axes counted).

Each drive lasts five minutes at up to 8 m/s: straights of 40 to 200 m, turns of 20 to 95 degrees with radii of 9 to 120 m and
clothoids, three stops of 12 s; fixes every second with a noise of 2 cm per axis; 30 s without fixes; an odometer that is 0.5 %
off and triggers a trace every 5 cm. Outages are drawn anywhere ("drawn"), or on roads with one bend in 300 m ("one bend").
"""

from __future__ import annotations

import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.ndimage import minimum_filter1d, uniform_filter1d
from scipy.optimize import least_squares

import gprscan as gs
from gprscan import names
from gprscan.geometry import Fixes, channel_positions, place, unproject
from gprscan.geometry.options import as_options

NOISE, OUTAGE, SCALE, SPACING, CRS = 0.02, 30.0, 1.005, 0.05, "EPSG:4547"
LANE = 0.2  # m; drivers keep their lane with a standard deviation of some 20 cm (road-tracking tests on motorways)
ORIGIN = np.array([503_000.0, 2_511_000.0])


@dataclass
class Drive:
    """A drive: time in s; distance, east, north in m; direction in radians."""

    time: np.ndarray
    way: np.ndarray
    x: np.ndarray
    y: np.ndarray
    angle: np.ndarray
    outage: tuple[float, float]


def curvature(rng: np.random.Generator, length: float, straights: tuple[float, float]) -> np.ndarray:
    """Return the curvature every 5 cm of a road of straights and turns, in 1/m."""
    out: list[np.ndarray] = []
    total = 0.0
    while total < length:
        radius = rng.choice([9, 15, 40, 120])
        angle = np.radians(rng.uniform(20, 95)) * rng.choice([-1, 1])
        arc = abs(angle) * radius
        clothoid = min(arc / 2, rng.uniform(2, 15))
        u = np.arange(0, arc + clothoid, 0.05)
        turn = np.sign(angle) / radius * np.clip(np.minimum(u, u[-1] - u) / clothoid, 0, 1)
        out += [np.zeros(int(rng.uniform(*straights) / 0.05)), turn]
        total = sum(part.size for part in out) * 0.05
    return np.concatenate(out)


def simulate(seed: int, straights: tuple[float, float] = (40, 200), top: float = 8.0, seconds: float = 300.0) -> Drive:
    """Return a drive."""
    rng = np.random.default_rng(seed)
    bend = curvature(rng, seconds * top, straights)
    road = np.arange(bend.size) * 0.05
    angle = np.cumsum(bend) * 0.05 + rng.uniform(0, 2 * np.pi)
    east, north = np.cumsum(np.sin(angle)) * 0.05, np.cumsum(np.cos(angle)) * 0.05
    limit = np.minimum(top, np.sqrt(2.0 / np.maximum(np.abs(bend), 1e-6)))  # 2 m/s^2 across
    limit = uniform_filter1d(minimum_filter1d(limit, 601), 401)
    step = 0.02
    time = np.arange(0, seconds, step)
    stops = rng.uniform(20, seconds - 20, 3)
    way, speed, here = np.zeros(time.size), float(limit[0]), 0.0
    for i, now in enumerate(time):
        way[i] = here
        wanted = 0.0 if ((stops <= now) & (now < stops + 12)).any() else limit[min(int(here / 0.05), limit.size - 1)]
        speed += float(np.clip(wanted - speed, -2 * step, 1.5 * step))
        here += speed * step
    first = rng.uniform(40, seconds - 80)
    x, y, direction = (np.interp(way, road, v) for v in (east, north, angle))
    return Drive(time, way, x + ORIGIN[0], y + ORIGIN[1], direction, (first, first + OUTAGE))


def surveyed(drive: Drive, seed: int, folder: Path) -> Path:
    """Write the centreline of the road: a vertex every 4 m, 5 cm off, 3.5 m to the left of the vehicle, which wanders in its lane."""
    rng = np.random.default_rng(20_000 + seed)
    moving = np.append(True, np.diff(drive.way) > 1e-6)
    way, x, y, angle = (values[moving] for values in (drive.way, drive.x, drive.y, drive.angle))
    at = np.arange(0, way[-1], 4.0)
    wander = np.cumsum(rng.normal(0, 1, at.size))
    wander = uniform_filter1d(wander - uniform_filter1d(wander, 25), 5)  # over some tens of metres
    aside = 3.5 + LANE * wander / wander.std()
    x, y, angle = (np.interp(at, way, values) for values in (x, y, angle))
    vertices = np.stack([x - aside * np.cos(angle), y + aside * np.sin(angle)], axis=1)
    path = folder / "road.csv"
    np.savetxt(
        path, vertices + rng.normal(0, 0.05, vertices.shape), fmt="%.3f", delimiter=",", header="x,y", comments=""
    )
    return path


def one(seed: int, *, lag: float = 0.0, lever: tuple[float, float] = (0.0, 0.0), offsets: object = None, odometer: bool = True, centreline: bool = False, **road: object) -> dict[str, float]:  # fmt: skip
    """Place one drive and compare it with the truth."""
    drive = simulate(seed, **road)  # type: ignore[arg-type]
    rng = np.random.default_rng(10_000 + seed)
    at = np.arange(0, drive.time.size, 50)
    at = at[(drive.time[at] < drive.outage[0]) | (drive.time[at] > drive.outage[1])]
    counter = drive.way / SCALE
    wheel = np.arange(0.0, counter[-1], SPACING)
    clock = np.arange(0, drive.time[-1], 0.1)
    seen = np.clip(at - round(lag / 0.02), 0, None)
    antenna = channel_positions(drive.x, drive.y, drive.angle, np.zeros(1), (-lever[0], -lever[1]))
    noisy = [axis[0][seen] + rng.normal(0, NOISE, at.size) for axis in antenna]
    moments = counter if odometer else drive.time
    traces = wheel if odometer else clock
    trace = np.interp(moments[at], traces, np.arange(traces.size))
    time = np.datetime64("2026-01-01", "ns") + np.round(drive.time[at] * 1e9).astype("timedelta64[ns]")
    longitude, latitude = unproject(*noisy, CRS)
    fixes = Fixes(trace, longitude, latitude, quality=np.full(at.size, 4), sigma=np.full(at.size, NOISE), time=time)
    channels = 1 if offsets is None else len(offsets)  # type: ignore[arg-type]
    shape = (traces.size, 2) if offsets is None else (channels, traces.size, 2)
    spacing = SPACING if odometer else None
    line = gs.from_array(np.zeros(shape, "i2"), dt=0.1, spacing=spacing, channel_offsets=offsets)  # type: ignore[arg-type]
    with tempfile.TemporaryDirectory() as folder:
        known = as_options(
            {"centreline": surveyed(drive, seed, Path(folder)), "centreline_crs": CRS} if centreline else None
        )
        line = place(line, fixes, crs=CRS, lever_arm=lever, options=known)
    x, y, angle = (np.interp(traces, moments, v) for v in (drive.x, drive.y, np.unwrap(drive.angle)))
    true_x, true_y = channel_positions(x, y, angle, np.zeros(1) if offsets is None else np.asarray(offsets))
    ex, ey = line[names.X].values - true_x, line[names.Y].values - true_y
    error = np.hypot(ex, ey).max(axis=0)
    sigma = line[names.POSITION_SIGMA].values
    covered = 0.5 * ((np.abs(ex) <= 2 * sigma).mean(axis=0) + (np.abs(ey) <= 2 * sigma).mean(axis=0))
    first, last = np.interp(drive.outage, drive.time, moments)
    inside = (traces > first) & (traces < last)
    beyond = (traces < moments[at[0]]) | (traces > moments[at[-1]])
    outside = ~inside & ~beyond
    way = np.interp(traces, moments, drive.way)
    run = float(np.ptp(way[inside])) if inside.any() else 0.0
    return {
        "rms": float(np.sqrt(np.mean(error[outside] ** 2))),
        "p95": float(np.quantile(error[outside], 0.95)),
        "p99": float(np.quantile(error[outside], 0.99)),
        "in": float(error[inside].max()) / max(run, 1.0) * 100 if inside.any() else 0.0,
        "cover": float(covered[outside].mean()),
        "cover_in": float(covered[inside].mean()) if inside.any() else 1.0,
        "told": float("gnss-gap-bent" not in line.attrs[names.FINDINGS]),
    }


def walked(parts: np.ndarray) -> np.ndarray:
    """Return east, north every hundredth of a way of straights and arcs, (straight, arc, angle) * bends and a straight; shape (101, 2)."""
    pieces = np.append(parts, [0.0, 0.0]).reshape(-1, 3)
    length = np.abs(pieces[:, :2]).ravel()
    turned = np.append(0.0, np.cumsum(np.stack([np.zeros(len(pieces)), pieces[:, 2]], axis=1).ravel()))
    at = np.linspace(0, length.sum(), 501)
    angle = np.interp(at, np.append(0.0, np.cumsum(length + 1e-9)), turned)
    steps = np.stack([np.sin(angle), np.cos(angle)], axis=1) * at[1]
    return np.append([[0.0, 0.0]], np.cumsum(0.5 * (steps[1:] + steps[:-1]), axis=0), axis=0)[::5]


def spread_of(bends: int, tries: int = 20) -> str:
    """Return how far apart the ways lie that share the ends and the length of one way of 200 m, as text."""
    rng = np.random.default_rng(bends)
    turns = np.radians([40, -30, 25])[:bends]
    truth = np.append(np.stack([np.full(bends, 40.0), np.full(bends, 20.0), turns], axis=1).ravel(), 0.0)
    truth[-1] = 200.0 - truth[0::3][:bends].sum() - truth[1::3].sum()

    def ends(parts: np.ndarray) -> np.ndarray:
        length = parts[0::3].sum() + parts[1::3].sum()
        return np.append(walked(parts)[-1], [100 * parts[2::3].sum(), length])

    least = np.append(np.tile([0.0, 2.0, -1.5], bends), 0.0)
    most = np.append(np.tile([200.0, 150.0, 1.5], bends), 200.0)
    away = []
    for _ in range(tries):
        start = np.clip(
            truth + rng.normal(0, 1, truth.size) * np.append(np.tile([20, 10, 0.4], bends), 20), least + 0.1, most
        )
        found = least_squares(lambda parts: ends(parts) - ends(truth), start, bounds=(least, most))
        if found.cost < 1e-4:
            away.append(np.hypot(*(walked(found.x) - walked(truth)).T).max())
    return f"{len(away)} ways of 200 m with the same ends and length lie up to {max(away):.1f} m (median {np.median(away):.1f} m) from one of them"


VARIANTS: dict[str, dict[str, object]] = {
    "one bend": {"straights": (260, 400)},
    "drawn": {},
    "drawn, centreline given": {"centreline": True},
    "lag 0.3 s": {"straights": (260, 400), "lag": 0.3},
    "lever arm 0.4, 1.6 m": {"straights": (260, 400), "lever": (0.4, 1.6)},
    "8 channels, lever, lag": {
        "straights": (260, 400),
        "lag": 0.2,
        "lever": (0.0, 1.2),
        "offsets": np.linspace(-0.7, 0.7, 8),
    },
    "no odometer": {"straights": (260, 400), "odometer": False},
}


def main(seeds: int) -> None:
    """Print the table."""
    print(
        f"{seeds} drives per variant; errors of the worst channel; inside: largest error in % of the distance driven there"
    )
    print(f"{'':24}{'outside, m':>24}{'within':>8}{'inside, %':>22}{'< 0.5 %':>9}{'within':>8}")
    print(
        f"{'variant':24}{'rms':>8}{'95 %':>8}{'99 %':>8}{'2 sigma':>8}{'median':>8}{'80 %':>7}{'worst':>7}{'':>9}{'2 sigma':>8}"
    )
    print(
        "an outage seen from its beginning: known are 4 numbers (place and direction at its end, and the length); a road of\n"
        "straights and arcs has 4 unknowns with one bend, and 3 more with each further one:"
    )
    for bends in (1, 2):
        print(f"  {bends} bend(s): {3 * bends + 1 - 4} free parameters; {spread_of(bends)}")
    chosen = sys.argv[2:] or VARIANTS
    for name, options in ((name, VARIANTS[name]) for name in chosen):
        rows = [one(seed, **options) for seed in range(seeds)]  # type: ignore[arg-type]
        value = {key: np.array([row[key] for row in rows]) for key in rows[0]}
        inside = value["in"]
        print(
            f"{name:24}{np.sqrt((value['rms'] ** 2).mean()):8.3f}{value['p95'].mean():8.3f}{value['p99'].mean():8.3f}"
            f"{value['cover'].mean():8.1%}{np.median(inside):8.2f}{np.quantile(inside, 0.8):7.2f}{inside.max():7.2f}"
            f"{(inside < 0.5).mean():9.0%}{value['cover_in'].mean():8.1%}"
        )
        told = value["told"] == 1
        if not told.all():
            text = f"{int((~told).sum())} flagged as bent more than once; of the others {(inside[told] < 0.5).mean():.0%} < 0.5 %"
            print(f"{'':24}{text}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 20)

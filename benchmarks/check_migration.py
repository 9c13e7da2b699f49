"""Measure the migrations against known answers and print the table of docs/migration.md.

``python benchmarks/check_migration.py [--shared FOLDER] [--impdar PYTHON]``: the first adds the calibration scenes and real
lines of a data folder, the second runs ImpDAR, under another interpreter where it is installed, on the same traces.
Lines of the table are printed as they are done.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import xarray as xr
from scipy.signal import find_peaks

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tests import reference
from tests.migration.lines import (
    diffractor,
    energy_near,
    envelope,
    layered_times,
    peak,
    plane,
    plane_dip,
    profile,
    ricker,
)
from tests.migration.test_calibration_scenes import focus, scene
from tests.migration.test_section import ramp

from gprscan import filters, io
from gprscan.kernels.eikonal import first_arrivals
from gprscan.migration import demigrate, kirchhoff, kirchhoff_3d, phase_shift, rtm, stolt
from gprscan.migration.medium import medium
from gprscan.model import from_array, with_amplitude
from gprscan.velocity import focused_profile, focusing_scan

METHODS: list[Callable[..., xr.Dataset]] = [kirchhoff, stolt, phase_shift, rtm]

IMPDAR = """
import sys, numpy as np
from impdar.lib.RadarData import RadarData
from impdar.lib.migrationlib import mig_python as m
data = np.load(sys.argv[1]).T.astype(float)
dt, dx, velocity = map(float, sys.argv[2:5])
for name in ("migrationKirchhoff", "migrationStolt", "migrationPhaseShift"):
    line = RadarData(None)
    line.data = data.copy(); line.snum, line.tnum = data.shape; line.dt = dt * 1e-9
    line.travel_time = np.arange(line.snum) * dt * 1e-3; line.dist = np.arange(line.tnum) * dx * 1e-3
    line.trace_int = np.full(line.tnum, dx); line.trace_num = np.arange(line.tnum) + 1; line.chan = 1
    line.trig = np.zeros(line.tnum); line.lat = line.long = line.x_coord = line.y_coord = line.trig
    line.elev = line.decday = line.trig
    line.pressure = line.trig; line.trig_level = line.trig
    with np.errstate(all="ignore"):
        done = getattr(m, name)(line, vel=velocity * 1e9)
    image = (done if done is not None else line).data if not isinstance(done, np.ndarray) else done
    energy = np.nansum(np.abs(image) ** 2, axis=0)
    middle = data.shape[1] // 2
    print(name, energy[middle - 4 : middle + 5].sum() / energy.sum())
"""


def row(what: str, method: str, value: str, aim: str) -> None:
    """Print one line of the table."""
    print(f"| {what} | {method} | {value} | {aim} |", flush=True)


def diffractors() -> None:
    """Points: place and energy, offset and air gap."""
    for method in METHODS:
        image = method(diffractor(256, 512, dt=0.25), 0.1, 65 if method is kirchhoff else 75)
        trace, sample = peak(image)
        row(
            "diffractor, 256 x 512, 2.5 m deep",
            method.__name__,
            f"{trace - 128:+d} traces, {sample - 200:+d} samples",
            "1, 1",
        )
        row("  energy within 4 traces", method.__name__, f"{energy_near(image, 128):.4f}", "0.97")
        errors = []
        for separation, height in ((0.2, 0.0), (0.15, 0.03), (0.4, 0.4)):
            line = diffractor(128, 300, dt=0.25, depth=1.2, separation=separation, height=height)
            trace, sample = peak(method(line, 0.1, 50))
            errors.append((abs(trace - 64), abs(sample - 96)))
        row(
            "  offset to 0.4 m, air gap to 0.4 m",
            method.__name__,
            f"{np.max(errors, axis=0).tolist()} traces, samples",
            "1, 1",
        )


def ideal() -> None:
    """Energy of the short line beside an ideal operator in float64."""
    line = diffractor()
    for aperture in (50, 75):
        image = kirchhoff(line, 0.1, aperture, antialias=False)
        perfect = reference.kirchhoff(line["amplitude"].values, 0.5, 0.05, 0.1, image["depth"].values, aperture)
        best = energy_near(image.assign(amplitude=(image["amplitude"].dims, perfect)), 48)
        row(f"96 x 256: energy, ideal Kirchhoff sum, {aperture} degrees, float64", "reference", f"{best:.4f}", "")
        row("  the same", "kirchhoff", f"{energy_near(image, 48):.4f}", f"{best - 0.005:.4f}")
    image = stolt(line, 0.1)
    perfect = reference.stolt(line["amplitude"].values, 0.5, 0.05, 0.1, image["depth"].values)
    best = energy_near(image.assign(amplitude=(image["amplitude"].dims, perfect)), 48)
    row("96 x 256: energy, ideal f-k, all dips, float64", "reference", f"{best:.4f}", "")
    for method in (stolt, phase_shift, rtm):
        row("  the same", method.__name__, f"{energy_near(method(line, 0.1), 48):.4f}", f"{best - 0.005:.4f}")


def impdar(python: str) -> None:
    """Energy of the short line in ImpDAR's images."""
    with tempfile.TemporaryDirectory() as folder:
        np.save(Path(folder) / "line.npy", diffractor()["amplitude"].values)
        command = [python, "-c", IMPDAR, str(Path(folder) / "line.npy"), "0.5", "0.05", "0.1"]
        run = subprocess.run(command, capture_output=True, text=True, cwd=folder, check=False)
    found = [
        text.split() for text in run.stdout.splitlines() if text.startswith("migration") and len(text.split()) == 2
    ]
    for name, value in found:
        if value[0].isdigit():
            row("  the same", f"ImpDAR {name}", f"{float(value):.3f}", "")
    if run.returncode:
        print(run.stderr.splitlines()[-1], file=sys.stderr)


def planes() -> None:
    """Dips and amplitudes."""
    for method in METHODS:
        dips = (0.0, 10.0, 25.0, -35.0)
        found = [plane_dip(method(plane(dip, 2.5), 0.1, 60), slice(85, 116)) for dip in dips]
        worst = max(abs(measured - dip) for (measured, _), dip in zip(found, dips, strict=True))
        row("planes of 0, 10, 25, -35 degrees: dip", method.__name__, f"{worst:.2f} degrees off", "0.5")
        sizes = [plane_dip(method(plane(0.0, depth), 0.1, 60), slice(85, 116))[1] for depth in (0.5, 1.0, 2.0, 4.0)]
        sizes += [size for _, size in found]
        row("  amplitudes, 0.5 to 4 m deep", method.__name__, f"{min(sizes):.3f} to {max(sizes):.3f}", "0.9 to 1.1")


def agreement() -> None:
    """Sample by sample against Kirchhoff."""
    line = diffractor(256, 512, dt=0.25)
    images = [method(line, 0.1, 75)["amplitude"].values[100:157, 150:250] for method in METHODS]
    for method, image in list(zip(METHODS, images, strict=True))[1:]:
        alike = np.corrcoef(images[0].ravel(), image.ravel())[0, 1]
        size = np.abs(image).max() / np.abs(images[0]).max()
        row(
            "same image as Kirchhoff, 75 degrees",
            method.__name__,
            f"correlation {alike:.4f}, amplitude {size:.3f}",
            "0.98",
        )


def wide_pairs() -> None:
    """Antennas almost as far apart as the point is deep: place, and beside Kirchhoff, sample by sample."""
    line = diffractor(64, 140, dt=0.25, depth=0.8, separation=0.6)
    summed = kirchhoff(line, 0.1, 50, max_depth=1.0)
    for imaging in ("exploding", "correlation", "normalised"):
        image = rtm(line, 0.1, 50, imaging=imaging, max_depth=1.0)
        trace, sample = peak(image)
        one, two = (picture["amplitude"].values[22:43, 44:80].ravel() for picture in (image, summed))
        found = f"{trace - 32:+d} traces, {sample - 64:+d} samples; correlation {np.corrcoef(one, two)[0, 1]:.3f}"
        row("antennas 0.6 m apart, point 0.8 m deep", f"rtm, {imaging}", found, "1, 1")


def velocities() -> None:
    """v(z) and v(x, z) with circular rays."""
    step, source = 0.05, 24
    x, z = step * np.arange(80)[:, None], step * np.arange(48)[None, :]
    velocity = 0.09 + 0.02 * z + 0.01 * x
    gradient, distance = np.hypot(0.02, 0.01), (x - step * source) ** 2 + z**2
    exact = np.arccosh(1 + gradient**2 * distance / (2 * velocity[source, 0] * velocity)) / gradient
    off = np.abs(first_arrivals(1 / velocity, source, step) - exact)[np.abs(x - step * source) <= 1.7 * z].max()
    row("times of the eikonal, gradient down and along, 32 ns", "kirchhoff", f"{off:.4f} ns", "")
    along = 0.05 * (np.arange(160) - 80)
    line = diffractor(160, 360, dt=0.25, times=2 * reference.gradient_time(along, np.array(1.5), 0.08, 0.03))
    growing = xr.DataArray([0.08, 0.17], dims="depth", coords={"depth": [0.0, 3.0]})
    for method in METHODS:
        place(method(line, growing, 65, depth_step=0.01), 80, 1.5, "v(z) growing by 0.03 per m", method.__name__)
    for layers in ([0.08, 0.10, 0.13], [0.13, 0.10, 0.08]):
        times = 2 * layered_times(along, 1.5, [0.0, 0.5, 1.2], layers)
        line = diffractor(160, 400, dt=0.25, times=times)
        for aperture in (50, 75):
            for method in (kirchhoff, stolt, phase_shift):
                image = method(line, profile([0.0, 0.5, 1.2], layers), aperture, depth_step=0.01)
                place(image, 80, 1.5, f"layers of {layers} m/ns, {aperture} degrees", method.__name__)
    along = 0.05 * np.arange(200)
    product = 2 * (0.08 + 0.006 * along) * (0.08 + 0.006 * 5.0)
    times = 2 * np.arccosh(1 + 0.006**2 * ((along - 5.0) ** 2 + 1.8**2) / product) / 0.006
    line = diffractor(200, 360, dt=0.25, times=times)
    for method in (kirchhoff, phase_shift, rtm):
        image = method(line, ramp(0.08, 0.14), 65, depth_step=0.01, max_depth=3.0)
        place(image, 100, 1.8, "v(x, z) growing by 0.006 per m along", method.__name__)
    hill = 0.6 * np.exp(-(((along - 4.0) / 1.5) ** 2))
    line = diffractor(200, 300, dt=0.25, times=2 * np.hypot(along - 5.5, hill + 1.0) / 0.1)
    image = kirchhoff(line.assign_coords(z=("trace", hill)), 0.1, topography=True, depth_step=0.01)
    place(image, 110, hill[110] + 1.0, "point below a hill of 0.6 m", "kirchhoff, topography")


def place(image: xr.Dataset, trace: int, depth: float, what: str, method: str) -> None:
    """Print where a point came out."""
    found, sample = peak(image)
    off = 100 * (image["depth"].values[sample] - depth)
    row(what, method, f"{found - trace:+d} traces, {off:+.1f} cm; energy {energy_near(image, found):.3f}", "1, 1.25 cm")


def adjoint() -> None:
    """Dot-product test in float32."""
    rng = np.random.default_rng(8)
    line = from_array(
        rng.normal(size=(2, 70, 120)).astype("float32"), dt=0.5, spacing=0.1, frequency=200, separation=[0.1, 0.3]
    )
    image = kirchhoff(line, 0.1, 60)
    other = with_amplitude(image, rng.normal(size=image["amplitude"].shape).astype("float32"))
    one = np.vdot(image["amplitude"].values.astype("float64"), other["amplitude"].values)
    two = np.vdot(line["amplitude"].values.astype("float64"), demigrate(other, line, 0.1, 60)["amplitude"].values)
    norms = np.linalg.norm(image["amplitude"].values) * np.linalg.norm(other["amplitude"].values)
    row("dot product of migration and demigration, float32", "kirchhoff", f"{abs(one - two) / norms:.1e}", "1e-5")


def volume() -> None:
    """A plane and a point below irregular lines."""
    from tests.migration.test_volume import echoes, point

    offsets = np.linspace(-1.0, 1.0, 41).tolist()
    flat = kirchhoff_3d(
        echoes(offsets, np.full((41, 60), 16.0), np.ones((41, 60))), 0.1, offsets=[0.0], depth_step=0.01
    )
    row("3-D: a plane's amplitude", "kirchhoff_3d", f"{envelope(flat)[0, 30].max():.3f}", "0.9 to 1.1")
    lines = [-0.75, -0.62, -0.5, -0.42, -0.3, -0.18, -0.1, 0.02, 0.12, 0.25, 0.35, 0.5, 0.6, 0.75]
    wanted = np.linspace(-0.4, 0.4, 33)
    image = kirchhoff_3d(point(lines, 1.5, 0.07, 0.8), 0.1, offsets=wanted.tolist(), depth_step=0.01, max_depth=1.2)
    strength = envelope(image)
    channel, trace, sample = np.unravel_index(np.argmax(strength), strength.shape)
    off = (wanted[channel] - 0.07, 0.05 * trace - 1.5, image["depth"].values[sample] - 0.8)
    row("3-D: a point between 14 irregular lines", "kirchhoff_3d", "{:+.3f}, {:+.3f}, {:+.3f} m".format(*off), "")


def scans() -> None:
    """How many of the velocities found by focusing lie within two standard deviations, over random layers and points."""
    rng = np.random.default_rng(12)
    along, time = 0.05 * np.arange(120), 0.25 * np.arange(280)
    picks, values = [], []
    for _ in range(14):
        layers = rng.uniform(0.07, 0.13, 3)
        tops = [0.0, rng.uniform(0.3, 0.7), rng.uniform(0.9, 1.5)]
        data = rng.normal(0, 0.003, (120, 280))
        for x, z in zip(rng.uniform(1, 5, 6), rng.uniform(0.4, 2.2, 6), strict=True):
            times = 2 * layered_times(along - x, z, tops, list(layers))[:, None]
            data += ricker(time - times, 300) / np.sqrt(times)
        line = from_array(data.astype("float32"), dt=0.25, spacing=0.05, frequency=300)
        scan = focusing_scan(line, np.geomspace(0.06, 0.15, 32))
        bottoms = np.cumsum(2 * np.diff([*tops, 9.0]) / layers)
        found = np.isfinite(scan["rms_velocity"].values)
        at, picked, sigma = (scan[name].values[found] for name in ("event_time", "rms_velocity", "sigma"))
        spent = np.diff(np.minimum(bottoms[None, :], at[:, None]), axis=1, prepend=0.0)
        picks += (np.abs(picked - np.sqrt(spent @ layers**2 / at)) <= 2 * sigma).tolist()
        found_profile = focused_profile(scan)
        true = layers[np.searchsorted(tops, found_profile["depth"].values, side="right") - 1]
        within = np.abs(found_profile.values - true) <= 2 * found_profile["sigma"].values
        values += within[found_profile["depth"].values < 2.2].tolist()
    for name, inside in (("picks", picks), ("v(z)", values)):
        share = f"{np.mean(inside):.2f} of {len(inside)} within two sigma"
        row(f"velocity scan over 14 random models: {name}", "focusing_scan", share, "0.90")


def scenes(shared: Path, pictures: Path | None) -> None:
    """The calibration scenes with true velocities and with those of the scan."""
    for name in ("c01_points", "c02_points_layered", "c03_dip_air"):
        line, velocity, truth = scene(shared, name)
        points = [item for item in truth["objects"] if item["class"] == "point_scatterer"]
        for method in METHODS:
            image = method(line, velocity, depth_step=0.005)
            row(name, method.__name__, f"{_worst(image, points)}", "2 cm, 3 cm")
        _draw(pictures, f"{name}.png", line, image)
        profile = focused_profile(focusing_scan(line, np.geomspace(0.08, 0.15, 22)))
        row(
            name, "kirchhoff, velocity scanned", f"{_worst(kirchhoff(line, profile, depth_step=0.005), points)}", "5 cm"
        )


def _worst(image: xr.Dataset, points: list[dict]) -> str:
    off = [
        np.subtract(focus(image, p["apex_x_m"], p["center_depth_m"]), (p["apex_x_m"], p["center_depth_m"]))
        for p in points
    ]
    along, down = 100 * np.abs(off).max(axis=0)
    return f"{along:.1f} cm along, {down:.1f} cm down"


def slab(shared: Path, pictures: Path | None) -> None:
    """The slab with 14 rebars: as many peaks along the line, and how compact they are before and after."""
    folder = shared / "data" / "real" / "dzt" / "TFHRCFASTNDElab__CHARISMA__rebar_lab"
    line = filters.background(filters.dewow(filters.time_zero(io.read(folder / "FILE____488.DZT"))))
    picks = 0.0254 * np.array(json.loads((folder / "reference_picks.json").read_text())["picks_inch"])[:, 0]
    image = kirchhoff(line, 0.11, 50, depth_step=0.001, max_depth=0.1)
    before, after = envelope(line)[:, 200:260].max(axis=1), envelope(image)[:, 20:80].max(axis=1)
    found = line["distance"].values[find_peaks(after, height=0.42 * after.max())[0]]
    worst = 100 * max(np.abs(picks - x).min() for x in found)
    row("slab with 14 rebars", "kirchhoff", f"{found.size} points, at most {worst:.1f} cm from the picks", "14, 2 cm")
    sharp = [float(np.mean(a**4) / np.mean(a**2) ** 2) for a in (before, after)]
    row("  kurtosis along the line", "kirchhoff", f"{sharp[0]:.2f} before, {sharp[1]:.2f} after", "")
    _draw(pictures, "slab.png", line.isel(twt=slice(150, 400)), image)


def trench(shared: Path, pictures: Path | None) -> None:
    """The trench-and-pipes line: how compact it is before and after."""
    path = next((shared / "data" / "real" / "su").glob("*trench*/*.su"))
    line = io.read(path, frequency=300)
    line = filters.bandpass(filters.background(filters.dewow(line)), 80, 700)
    line = line.isel(twt=slice(60, 700))
    scan = focusing_scan(line, np.geomspace(0.08, 0.24, 20))
    profile = focused_profile(scan)
    gained = filters.agc(line, window=30.0)
    image = kirchhoff(gained, profile, 60)
    # from 10 ns on, and what that is in the image
    deep = image.isel(depth=image["depth"].values > float(medium(profile).depth(5.0)))
    before, after = (_compactness(part) for part in (gained.isel(twt=gained["twt"].values > 10.0), deep))
    row(
        "trench and pipes: kurtosis of the energy",
        "kirchhoff, velocity scanned",
        f"{before:.2f} before, {after:.2f} after",
        "",
    )
    _draw(pictures, "trench.png", gained, image)


def _draw(folder: Path | None, name: str, before: xr.Dataset, after: xr.Dataset) -> None:
    """Draw a line over its image, each clipped at the 99th percentile."""
    if folder is None:
        return
    import matplotlib.pyplot as plt

    folder.mkdir(parents=True, exist_ok=True)
    figure, axes = plt.subplots(2, 1, figsize=(12, 9), layout="constrained")
    for axis, part, down in ((axes[0], before, "twt"), (axes[1], after, "depth")):
        data = part["amplitude"].values
        level = np.percentile(np.abs(data), 99)
        along, below = part["distance"].values, part[down].values
        axis.imshow(
            data.T,
            aspect="auto",
            cmap="gray",
            vmin=-level,
            vmax=level,
            extent=(along[0], along[-1], below[-1], below[0]),
        )
        axis.set(xlabel="distance (m)", ylabel=f"{down} ({part[down].attrs['units']})")
    figure.savefig(folder / name, dpi=70)
    plt.close(figure)


def _compactness(line: xr.Dataset) -> float:
    energy = envelope(line) ** 2
    return float(np.mean(energy**2) / np.mean(energy) ** 2)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shared", type=Path)
    parser.add_argument("--impdar", metavar="PYTHON")
    parser.add_argument(
        "--pictures", type=Path, metavar="FOLDER", help="where to draw scenes and real lines with their images"
    )
    parser.add_argument("--only-shared", action="store_true", help="only what needs the data folder")
    options = parser.parse_args()
    print("| check | method | found | aim |\n|---|---|---|---|")
    if not options.only_shared:
        ideal()
        if options.impdar:
            impdar(options.impdar)
        for check in (diffractors, planes, agreement, wide_pairs, velocities, adjoint, volume, scans):
            check()
    if options.shared:
        for measure in (scenes, slab, trench):
            measure(options.shared, options.pictures)


if __name__ == "__main__":
    main()

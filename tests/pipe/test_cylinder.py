"""The image volume round a pipe: axial lines and a ring fused."""

from __future__ import annotations

import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
import xarray as xr
from scipy import interpolate

import gprscan as gs
from gprscan.detection import cylinder_image, write_cylinder_image
from gprscan.detection.inpipe import cylinder
from gprscan.detection.inpipe.layered_wave import wall_trace
from gprscan.errors import LineError, MissingPositionError, ParameterError
from gprscan.migration.pipe_curves import PipeModel, axial_time, point_times, ring_time
from tests import reference

MODEL = PipeModel(0.04, 0.10, 6.8, 9.5, 0.5, 0.08)
PIPE = {"inner_diameter": 1.0, "wall_thickness": 0.11, "standoff": 0.04}
CHAINAGE, CLOCK, DEPTH = 1.013, 23.0, 0.27  # of the point scatterer, on no node of the grid
TIME = np.arange(-2.0, 14.0, 0.05)


def way(along, turn):
    """One-way times to the scatterer, by Fermat's principle: nothing of the migration's rays."""
    thick, index = MODEL.layers(DEPTH)
    edges = MODEL.radius - MODEL.standoff + np.concatenate([[0.0], np.cumsum(thick)])
    return reference.fermat_time_round_a_pipe(edges, index, along, turn)


def raw(there, back, reach, seed):
    """Traces of gap, wall and ground with a point scatterer: direct wave and wall everywhere, its echo where it is seen."""
    early, wall = wall_trace(
        TIME, 0.9, standoff=0.04, separation=0.08, wall=0.10, wall_permittivity=6.8, ground_permittivity=9.5
    )
    usual = (early + wall).real
    u = (np.pi * 0.9 * (TIME[None, :] - (there + back)[:, None])) ** 2
    echo = (1 - 2 * u) * np.exp(-u) * reach[:, None]
    peak = np.abs(usual).max()
    noise = np.random.default_rng(seed).normal(0.0, 3e-4 * peak, (len(echo), TIME.size))
    return (usual + 0.03 * peak * echo + noise).astype("float32")


def axial(clock, n=101, spacing=0.02, seed=1):
    x = spacing * np.arange(n)
    turn = np.deg2rad(CLOCK - clock)
    nodes = np.linspace(0.0, 1.2, 16)
    one_way = interpolate.CubicSpline(nodes, [way(float(s), float(turn)) for s in nodes])
    legs = [one_way(np.abs(x + side * 0.04 - CHAINAGE)) for side in (-1, 1)]
    traces = raw(*legs, 1.0 * (np.abs(x - CHAINAGE) < 0.8), seed)
    return gs.from_array(
        traces, dt=0.05, distance=x, frequency=900, separation=0.08, time_zero=2.0, pipe=PIPE | {"clock": clock}
    )


def ring(chainage, n=120, seed=2):
    clock = 360.0 * np.arange(n) / n
    off = np.deg2rad((clock - CLOCK + 180.0) % 360.0 - 180.0)
    half = 0.04 / (MODEL.radius - MODEL.standoff)
    nodes = np.linspace(0.0, 1.0, 16)
    one_way = interpolate.CubicSpline(nodes, [way(chainage - CHAINAGE, float(a)) for a in nodes])
    legs = [one_way(np.abs(off + side * half)) for side in (-1, 1)]
    traces = raw(*legs, 1.0 * (np.abs(off) < 0.9), seed)
    line = gs.from_array(
        traces, dt=0.05, spacing=0.024, frequency=900, separation=0.08, time_zero=2.0, pipe=PIPE | {"clock": clock}
    )
    return line.assign_coords(chainage=chainage)


@pytest.fixture(scope="module")
def run():
    return [axial(0.0, seed=1), axial(40.0, seed=3), ring(1.10)]


def peak(image):
    behind = image["echo_db"].where(image["radial_depth"] > 0.15)
    i, j, k = np.unravel_index(np.nanargmax(behind.values), behind.shape)
    return float(image["chainage"][i]), float(image["clock"][j]), float(image["radial_depth"][k])


@pytest.mark.parametrize("depth", [0.12, 0.30])
@pytest.mark.parametrize("standoff", [0.0, 0.04])
def test_rays_off_the_plane_of_a_line_take_the_least_time(depth, standoff):
    model = PipeModel(standoff, 0.10, 6.8, 9.5, 0.5, 0.08)
    thick, index = model.layers(depth)
    edges = model.radius - standoff + np.concatenate([[0.0], np.cumsum(thick[thick > 0])])
    for along, turn in ((0.1, 0.1), (0.3, 0.15), (0.05, 0.3)):
        exact = reference.fermat_time_round_a_pipe(edges, index[thick > 0], along, turn)
        assert point_times(model, depth, np.array([along]), np.array([turn]))[0, 0] == pytest.approx(exact, abs=1e-3)


def test_the_rims_of_the_table_are_the_times_along_and_round():
    at = np.linspace(0.0, 0.3, 7)
    assert point_times(MODEL, 0.3, at, np.zeros(1))[:, 0] == pytest.approx(axial_time(MODEL, 0.3, at), abs=1e-3)
    assert point_times(MODEL, 0.3, np.zeros(1), at)[0] == pytest.approx(ring_time(MODEL, 0.3, at), abs=1e-3)


def test_a_point_peaks_where_it_is_in_all_three_directions(run):
    image = cylinder_image(run)
    chainage, clock, depth = peak(image)
    assert chainage == pytest.approx(CHAINAGE, abs=0.02)
    assert clock == pytest.approx(CLOCK, abs=3.0)
    assert depth == pytest.approx(DEPTH, abs=0.02)
    assert image.attrs["wall_thickness"] == pytest.approx(0.10, abs=0.005)
    assert image["radius"].values == pytest.approx(0.5 + image["radial_depth"].values)


def test_no_line_alone_tells_all_three(run):
    [one] = {round(peak(cylinder_image([run[0]]))[1])}
    assert abs((one - CLOCK + 180) % 360 - 180) > 10  # an axial line: in its own plane
    assert abs(peak(cylinder_image([run[2]]))[0] - CHAINAGE) > 0.05  # a ring: in its section


def test_what_no_line_looks_at_is_unknown_and_not_quiet(run):
    echo = cylinder_image(run)["echo_db"]
    assert np.isnan(echo.sel(chainage=0.3, clock=180.0, method="nearest")).all()
    assert np.isfinite(echo.sel(chainage=0.3, clock=0.0, method="nearest")).all()
    assert np.isfinite(echo.sel(chainage=1.1, clock=180.0, method="nearest")).all()  # the ring


def test_what_no_ray_reaches_is_unknown_and_does_not_dim_another_line(run):
    place = {"chainage": 1.0, "clock": 50.0, "radial_depth": 0.5}  # beyond the horizon of the gap, within the aperture
    other = axial(50.0, seed=4)
    lone, both, one = (
        cylinder_image(lines)["echo_db"].sel(place, method="nearest") for lines in ([other], [run[0], other], [run[0]])
    )
    assert np.isnan(one)
    assert float(both) == pytest.approx(float(lone), abs=0.3)


def test_dead_traces_tell_nothing(run):
    line, round_ = run[0].copy(deep=True), run[2].copy(deep=True)
    line["amplitude"][60:] = 0.0
    echo = cylinder_image([line])["echo_db"].sel(clock=0.0, radial_depth=0.3, method="nearest")
    assert np.isfinite(echo.sel(chainage=slice(0.0, 1.1))).all()
    assert np.isnan(echo.sel(chainage=slice(1.75, 2.0))).all()
    round_["amplitude"][40:100] = 0.0  # 120 to 297 degrees
    echo = cylinder_image([round_])["echo_db"].sel(chainage=1.1, radial_depth=0.3, method="nearest")
    assert np.isnan(echo.sel(clock=slice(190.0, 230.0))).all()
    assert np.isfinite(echo.sel(clock=slice(0.0, 110.0))).all()
    with pytest.raises(LineError, match="no valid trace"):
        cylinder_image([line.isel(trace=slice(60, None))])


def test_lines_too_short_to_image_are_refused(run):
    short = run[0].isel(trace=slice(0, 8)).assign_coords(distance=("trace", 0.003 + 0.002 * np.arange(8)))
    with pytest.raises(LineError, match="between two nodes"):
        cylinder_image([short])
    with pytest.raises(LineError, match="two chainages"):
        cylinder_image([run[0].isel(trace=slice(0, 1))])
    with pytest.raises(MissingPositionError):
        cylinder_image([run[0].drop_vars("distance")])


def test_a_line_behind_whose_steel_nothing_is_seen_adds_nothing(run, monkeypatch):
    lone = cylinder_image(run[:1])["echo_db"]
    fitted = cylinder.fitted_wall

    def steel(line, *rest):
        wall, *others = fitted(line, *rest)
        return (replace(wall, steel=float(line["clock_angle"].max()) == 40.0), *others)

    monkeypatch.setattr(cylinder, "fitted_wall", steel)
    np.testing.assert_array_equal(cylinder_image(run[:2])["echo_db"].values, lone.values)


def test_the_file_is_the_image_block_by_block(run, tmp_path, monkeypatch):
    whole = cylinder_image(run)
    monkeypatch.setattr(cylinder, "_BLOCK", 40)
    path = write_cylinder_image(run, tmp_path / "run.nc", attrs={"made": "here"})
    with xr.open_dataset(path, engine="h5netcdf") as stored:
        assert stored.attrs["made"] == "here"
        assert stored["echo_db"].values == pytest.approx(whole["echo_db"].values, abs=0.006, nan_ok=True)
        assert list(stored["echo_db"].dims) == ["chainage", "clock", "radial_depth"]
        assert stored["chainage"].attrs["units"] == "m"


def test_an_upstream_line_is_the_same_line(run):
    turned = [line.isel(trace=slice(None, None, -1)) if i < 2 else line for i, line in enumerate(run)]
    forward, upstream = peak(cylinder_image(run)), peak(cylinder_image(turned))
    assert upstream == pytest.approx(forward, abs=1e-9)


def test_a_long_run_is_streamed(tmp_path):
    """Memory does not grow with the length of the volume: of 100 m only a block is held."""

    def most(length):
        rng = np.random.default_rng(5)
        n = round(length / 0.05)
        short = axial(0.0, n=41, spacing=0.05)["amplitude"].values
        traces = np.tile(short, (-(-n // 41), 1))[:n, ::2] + rng.normal(0, 1e-4, (n, TIME.size // 2)).astype("float32")
        line = gs.from_array(
            traces,
            dt=0.1,
            spacing=0.05,
            frequency=900,
            separation=0.08,
            time_zero=2.0,
            pipe=PIPE | {"clock": 0.0},
        )
        grid, looks, bore, settings = cylinder._planned([line], 0.025, 4.0, 0.02, "pipe")
        tracemalloc.start()
        count = sum(block.shape[0] for _, block in cylinder._blocks(grid, looks, bore, settings))
        held = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert count == grid.chainage.size
        return held

    assert most(100.0) < 1.3 * most(10.0)


def test_wrong_requests_say_what_is_needed(run):
    with pytest.raises(ParameterError, match="divides 360"):
        cylinder_image(run, clock_step=7.0)
    with pytest.raises(LineError, match="chainage"):
        cylinder_image([run[2].drop_vars("chainage")])
    other = gs.from_array(
        run[0]["amplitude"].values,
        dt=0.05,
        spacing=0.02,
        frequency=900,
        time_zero=2.0,
        separation=0.08,
        pipe=PIPE | {"clock": 0.0, "inner_diameter": 1.5},
    )
    with pytest.raises(LineError, match="several pipes"):
        cylinder_image([run[0], other])

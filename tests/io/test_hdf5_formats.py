"""gprMax output and the native NetCDF, both through the child process that can be killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import h5py
import numpy as np
import pytest
import xarray as xr

import gprscan as gs
from gprscan import model
from gprscan.errors import ParameterError, ReadError
from gprscan.io import hdf5
from gprscan.io.source import Source
from gprscan.model import findings, provenance
from gprscan.model.findings import Finding, load
from tests.io.builders import make_gprmax, radar


def codes(line: object) -> set[str]:
    return {finding.code for finding in load(line)}  # type: ignore[arg-type]


def test_component_with_most_energy(tmp_path: Path) -> None:
    traces = radar(6, 64, "f4")
    line = gs.read(make_gprmax(tmp_path / "b_merged.out", traces, component="Ey"))
    np.testing.assert_array_equal(line["amplitude"].values, traces)
    assert model.sampling_interval(line) == pytest.approx(0.005)
    assert {"component-by-energy", "antenna-frequency-unknown", "time-triggered"} <= codes(line)
    zeros = gs.read(tmp_path / "b_merged.out", component="Ex", spacing=0.02)
    assert not zeros["amplitude"].values.any()
    assert model.trace_spacing(zeros) == pytest.approx(0.02)
    with pytest.raises(ParameterError, match="Ex, Ey"):
        gs.read(tmp_path / "b_merged.out", component="Hz")


def test_input_file_beside_tells_waveform_steps_and_polarisation(tmp_path: Path) -> None:
    make_gprmax(tmp_path / "a.out", radar(6, 64, "f4"))
    (tmp_path / "a.in").write_text(
        "#waveform: ricker 1 1.5e9 w\n#hertzian_dipole: z 0.1 0.17 0 w\n#rx_steps: 0.002 0 0\n#src_steps: 0.002 0 0\n"
    )
    line = gs.read(tmp_path / "a.out")
    assert float(line["frequency"]) == 1500
    assert line.attrs["time_zero"] == pytest.approx(np.sqrt(2) / 1.5)
    assert model.trace_spacing(line) == pytest.approx(0.002)
    assert codes(line) == set()


def test_steps_of_the_file_and_several_receivers(tmp_path: Path) -> None:
    path = make_gprmax(
        tmp_path / "a.out", radar(6, 64, "f4"), attrs={"rxsteps": [4, 0, 0], "dx_dy_dz": [0.005, 0.005, 0.005]}
    )
    with h5py.File(path, "a") as file:
        file["rxs/rx2/Ez"] = np.ones((64, 6), "float32")
    line = gs.read(path, component="Ez")
    assert model.trace_spacing(line) == pytest.approx(0.02)
    assert line["channel"].values.tolist() == ["rx1", "rx2"]
    assert (line["amplitude"].values[1] == 1).all()


def test_attributes_stored_as_arrays(tmp_path: Path) -> None:
    attrs: dict[str, object] = {"dt": np.array([1e-11]), "Iterations": np.array([64], "i4")}
    line = gs.read(make_gprmax(tmp_path / "output.out", radar(1, 64, "f4"), attrs=attrs))
    assert model.sampling_interval(line) == pytest.approx(0.01)


def test_file_that_is_no_simulation(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file["a"] = np.arange(3)
    with pytest.raises(ReadError, match="time step"):
        gs.read(tmp_path / "x.h5")


def placed() -> xr.Dataset:
    line = gs.from_array(radar(30, 40, "i2", 3).transpose(1, 0, 2), dt=0.25, spacing=0.05, frequency=400, time_zero=2.0)
    line = line.assign_coords(offset=("channel", [-0.5, 0.0, 0.5]))
    lon = 114.03 + np.arange(30) * 5e-7
    times = np.datetime64("2025-06-01T15:00:00", "ns") + np.arange(30) * np.timedelta64(20, "ms")
    quality = np.full(30, 4)
    return gs.geometry.with_positions(line, lon, np.full(30, 22.7), quality=quality, time=times)


def test_netcdf_keeps_everything(tmp_path: Path) -> None:
    line = findings.add(placed(), Finding("a-code", "warning", "什么", "where", "evidence", "so"))
    line = provenance.append(line, line, "dewow", {"window": 3.0})
    gs.write(line, tmp_path / "l.nc")
    back = gs.read(tmp_path / "l.nc")
    xr.testing.assert_identical(back.load(), line)
    assert back["amplitude"].dtype == np.int16
    assert back["channel"].dtype == object
    assert load(back) == load(line)
    assert provenance.load(back) == provenance.load(line)
    # any netCDF tool sees the same
    with xr.open_dataset(tmp_path / "l.nc", engine="h5netcdf") as other:
        xr.testing.assert_identical(other.load(), line)


def test_netcdf_of_a_depth_section_and_of_floats_with_dead_traces(tmp_path: Path) -> None:
    values = radar(8, 20, "f4")
    values[3] = np.nan
    line = gs.from_array(values, dt=0.5, spacing=0.1).rename(twt="depth")
    line["depth"].attrs["units"] = "m"
    gs.write(line, tmp_path / "d.nc")
    back = gs.read(tmp_path / "d.nc")
    assert back["amplitude"].dims == ("trace", "depth")
    np.testing.assert_array_equal(back["amplitude"].values, values)


def test_attributes_that_netcdf_refuses(tmp_path: Path) -> None:
    line = gs.from_array(radar(8, 20, "f4"), dt=0.5)
    line = line.assign_attrs(flag=True, nothing=None, table={"a": [1, 2]}, numbers=[1.0, 2.0], long="路" * 40_000)
    gs.write(line, tmp_path / "a.nc")
    attrs = gs.read(tmp_path / "a.nc").attrs
    assert attrs["flag"] == 1
    assert "nothing" not in attrs
    assert attrs["table"] == '{"a": [1, 2]}'
    assert attrs["numbers"] == [1.0, 2.0]
    assert attrs["long"] == "路" * 40_000


def test_netcdf_that_is_not_ours(tmp_path: Path) -> None:
    xr.Dataset({"t": ("x", np.arange(3.0))}).to_netcdf(tmp_path / "o.nc", engine="h5netcdf")
    with pytest.raises(ReadError, match="from_array"):
        gs.read(tmp_path / "o.nc")
    gs.write(gs.from_array(radar(8, 20, "f4"), dt=0.5), tmp_path / "p.nc")
    with h5py.File(tmp_path / "p.nc", "a") as file:
        file.attrs["gprscan_schema"] = "99"
    with pytest.raises(ReadError, match="99"):
        gs.read(tmp_path / "p.nc")


def test_a_slice_of_traces_reads_that_slice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    values = radar(50, 40, "i2")
    gs.write(gs.from_array(values, dt=0.5), tmp_path / "a.nc")
    line = gs.read(tmp_path / "a.nc")
    keys = []
    real = hdf5.read_dataset
    monkeypatch.setattr(hdf5, "read_dataset", lambda path, name, key, n: keys.append(key) or real(path, name, key, n))
    part = line.isel(trace=slice(10, 20, 3), twt=5)["amplitude"].values
    np.testing.assert_array_equal(part, values[10:20:3, 5])
    assert keys == [(slice(10, 20, 3), 5)]


def test_a_dataset_that_claims_more_than_the_file_can_hold(tmp_path: Path) -> None:
    path = make_gprmax(tmp_path / "a.out", radar(2, 64, "f4"))
    with h5py.File(path, "a") as file:
        del file["rxs/rx1/Ez"]
        file.create_dataset("rxs/rx1/Ez", shape=(2**20 - 1, 2**22), dtype="f4", chunks=(1024, 1024), fillvalue=1.0)
    with pytest.raises(ReadError, match="claims"):
        gs.read(path, component="Ez")


def test_a_child_that_hangs_or_dies_is_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = make_gprmax(tmp_path / "a.out", radar(2, 64, "f4"))
    hdf5.describe(Source(path))
    child = hdf5._child
    assert child is not None
    os.kill(child.process.pid, 19)  # SIGSTOP: hangs
    monkeypatch.setattr(hdf5, "TIMEOUT_SECONDS", 0.3)
    start = time.monotonic()
    with pytest.raises(ReadError, match=r"did not answer within 0\.3 s"):
        hdf5.describe(Source(path))
    assert time.monotonic() - start < 5
    monkeypatch.undo()
    assert "rxs" in hdf5.describe(Source(path))["groups"]  # a new one answers
    child = hdf5._child
    assert child is not None
    child.process.kill()
    child.process.wait()
    assert "rxs" in hdf5.describe(Source(path))["groups"]


def test_who_waits_behind_a_request_that_hangs_is_answered_by_a_new_child(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = make_gprmax(tmp_path / "a.out", radar(2, 64, "f4"))
    hdf5.describe(Source(path))
    child = hdf5._child
    assert child is not None
    os.kill(child.process.pid, 19)  # SIGSTOP: hangs
    with ThreadPoolExecutor(4) as pool:
        monkeypatch.setattr(hdf5, "TIMEOUT_SECONDS", 0.5)
        first = pool.submit(hdf5.describe, Source(path))
        while not child.lock.locked():
            time.sleep(0.01)
        monkeypatch.undo()
        behind = [pool.submit(hdf5.describe, Source(path)) for _ in range(3)]
        with pytest.raises(ReadError, match=r"did not answer within 0\.5 s"):
            first.result(60)
        for each in behind:
            assert "rxs" in each.result(60)["groups"]


@pytest.mark.skipif(not hasattr(signal, "alarm"), reason="no alarms on this system")
def test_a_child_that_hangs_ends_by_itself_where_its_parent_is_gone(tmp_path: Path) -> None:
    script = Path(hdf5.__file__).with_name("_hdf5_child.py")
    hanging = f"""
import importlib.util
spec = importlib.util.spec_from_file_location("child", {str(script)!r})
child = importlib.util.module_from_spec(spec)
spec.loader.exec_module(child)
def describe(path):
    while True:
        pass
child.describe = describe
child.main()
"""
    request = json.dumps({"do": "describe", "path": str(tmp_path), "seconds": 0.4}).encode() + b"\n"
    done = subprocess.run([sys.executable, "-c", hanging], input=request, capture_output=True, timeout=60, check=False)
    assert done.returncode == -signal.SIGALRM

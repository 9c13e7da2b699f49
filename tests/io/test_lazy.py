"""Lazy traces: every way of indexing gives what numpy gives, and only the bytes that are needed are read."""

from __future__ import annotations

import pickle
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import gprscan as gs
from gprscan.errors import TruncatedFileError
from gprscan.io import lazy
from gprscan.io.lazy import TraceLayout, lazy_variable
from tests.io.builders import make_dzt, radar

N_TRACES, N_SAMPLES = 300, 20


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, int, int], tuple[TraceLayout, np.ndarray]]:
    """Layouts with and without headers, byte orders and channels, with their values (channel, trace, sample)."""
    folder = tmp_path_factory.mktemp("layouts")
    out = {}
    rng = np.random.default_rng(3)
    for stored, channels, prefix in (("<i2", 1, 0), (">i2", 1, 4), ("<f4", 1, 128), ("<u2", 3, 0), ("u1", 2, 7)):
        dtype = np.dtype(stored)
        raw = rng.integers(0, 200, (N_TRACES, channels, N_SAMPLES)).astype(dtype)
        path = folder / f"{dtype.kind}{dtype.itemsize}{channels}{prefix}"
        path.write_bytes(b"head" + b"".join(b"p" * prefix + row.tobytes() for row in raw))
        layout = TraceLayout(
            str(path),
            4,
            N_TRACES,
            N_SAMPLES,
            dtype,
            n_channels=channels,
            prefix=prefix,
            offset_binary=dtype.kind == "u",
        )
        values = raw.transpose(1, 0, 2).astype("i8" if dtype.kind != "f" else "f4")
        out[stored, channels, prefix] = (layout, values - 2 ** (8 * dtype.itemsize - 1) * (dtype.kind == "u"))
    return out


def indexers(n: int) -> st.SearchStrategy[object]:
    whole = st.integers(-n, n - 1)
    return st.one_of(
        whole,
        # an empty slice with a negative step trips xarray itself
        st.slices(n).filter(lambda s: len(range(*s.indices(n))) > 0),
        st.lists(whole, min_size=1, max_size=30).map(lambda v: np.array(v)),
    )


@settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_indexing_is_numpys(files: dict, data: st.DataObject) -> None:
    layout, values = files[data.draw(st.sampled_from(sorted(files)))]
    variable = lazy_variable(layout)
    if values.shape[0] == 1:
        values = values[0]
    expected = values
    picked = variable
    # last axis first, so that integers that drop an axis do not move the others
    for axis in range(values.ndim - 1, -1, -1):
        key = data.draw(indexers(values.shape[axis]))
        picked = picked.isel({variable.dims[axis]: key})
        expected = expected[(slice(None),) * axis + (key,)]
    np.testing.assert_array_equal(picked.values, expected)
    assert picked.dtype == layout.dtype


def test_blocks_and_gaps(files: dict, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same with blocks so small that every request is cut, and gaps that are skipped."""
    monkeypatch.setattr(lazy, "BLOCK_BYTES", 1000)
    monkeypatch.setattr(lazy, "GAP_BYTES", 200)
    for layout, values in files.values():
        variable = lazy_variable(layout)
        plain = values[0] if values.shape[0] == 1 else values
        for key in (slice(None), slice(5, 290, 7), np.array([299, 0, 3, 3, 150]), slice(None, None, -1)):
            np.testing.assert_array_equal(variable.isel(trace=key).values, plain[..., key, :])


def test_a_slice_reads_only_its_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    values = radar(4000, 128, "i2", 1)
    line = gs.read(make_dzt(tmp_path / "a.dzt", values))
    read: list[tuple[int, int]] = []
    real = lazy.fill
    monkeypatch.setattr(
        lazy, "fill", lambda path, at, target: read.append((at, target.nbytes)) or real(path, at, target)
    )
    np.testing.assert_array_equal(line.isel(trace=slice(1000, 1010))["amplitude"].values, values[1000:1010, 0])
    assert read == [(1024 + 1000 * 256, 10 * 256)]
    read.clear()
    assert line["amplitude"].isel(trace=3999, twt=5).item() == values[3999, 0, 5]
    assert sum(n for _, n in read) == 256


def test_opening_a_large_file_costs_no_memory(tmp_path: Path) -> None:
    path = make_dzt(tmp_path / "big.dzt", radar(16, 512, "i2", 1))
    with path.open("r+b") as file:
        file.truncate(1024 + 1024 * 300_000)  # a sparse file of 300 MB
    gs.read(path)
    tracemalloc.start()
    try:
        line = gs.read(path)
        part = line.isel(trace=slice(200_000, 200_100))["amplitude"].values
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert line.sizes["trace"] == 300_000
    assert part.shape == (100, 512)
    assert peak < 60e6


def test_lines_travel_to_other_processes(tmp_path: Path) -> None:
    values = radar(50, 32, "i2", 1)
    line = gs.read(make_dzt(tmp_path / "a.dzt", values))
    again = pickle.loads(pickle.dumps(line))
    np.testing.assert_array_equal(again["amplitude"].values, values[:, 0])


def test_a_file_that_shrinks_is_an_error_not_a_crash(tmp_path: Path) -> None:
    path = make_dzt(tmp_path / "a.dzt", radar(50, 32, "i2", 1))
    line = gs.read(path)
    with path.open("r+b") as file:
        file.truncate(2000)
    with pytest.raises(TruncatedFileError, match="changed since"):
        line["amplitude"].values  # noqa: B018 - reads


def test_marks_are_read_when_they_are_used(tmp_path: Path) -> None:
    values = radar(64, 32, "i2", 1)
    values[:, 0, 0], values[:, 0, 1] = np.arange(64), -32768
    values[10, 0, 1] = 0
    line = gs.read(make_dzt(tmp_path / "a.dzt", values))
    assert not line["mark"].variable._in_memory
    assert line.isel(trace=slice(8, 12))["mark"].values.tolist() == [0, 0, 1, 0]

"""Zarr folders: identity, laziness, what is not one, and stores whose metadata lie."""

from __future__ import annotations

import json
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from hypothesis import HealthCheck, given, settings

import gprscan as gs
from gprscan.errors import OutputExistsError, ReadError
from gprscan.io import zarr
from gprscan.model import Finding, findings
from tests.io.builders import radar
from tests.io.strategies import lines
from tests.io.test_roundtrip import through


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(lines(dtypes=("i1", "i2", "i4", "f4", "f8"), channels=True))
def test_write_then_read(line: xr.Dataset) -> None:
    line = findings.add(line, Finding("clipped-samples", "warning", "剪切"))
    xr.testing.assert_identical(through(line, ".zarr"), line)


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A store of 5 chunks of 8 traces, the last one half full."""
    monkeypatch.setattr(zarr, "BLOCK_BYTES", 8 * 2 * 32 * 2)
    gs.write(gs.from_array(radar(36, 32, "i2", 2).transpose(1, 0, 2), dt=0.5, spacing=0.1), tmp_path / "a.zarr")
    monkeypatch.undo()
    return tmp_path / "a.zarr"


def test_a_slice_reads_its_chunks_only(store: Path) -> None:
    values = radar(36, 32, "i2", 2).transpose(1, 0, 2)
    assert len(list((store / "amplitude").glob("0.*"))) == 5
    line = gs.read(store)
    (store / "amplitude" / "0.0.0").write_bytes(b"damaged")
    np.testing.assert_array_equal(line["amplitude"][1, 20:34, 5].values, values[1, 20:34, 5])
    np.testing.assert_array_equal(line["amplitude"][:, [33, 9]].values, values[:, [33, 9]])
    with pytest.raises(ReadError, match=r"chunk 0\.0\.0 has 7 bytes"):
        line["amplitude"].values  # noqa: B018


def test_the_layout_is_that_of_the_specification(store: Path) -> None:
    meta = json.loads((store / ".zmetadata").read_text())["metadata"]
    assert meta[".zgroup"] == {"zarr_format": 2}
    info = meta["amplitude/.zarray"]
    assert (info["shape"], info["chunks"], info["dtype"]) == ([2, 36, 32], [2, 8, 32], "<i2")
    assert meta["amplitude/.zattrs"]["_ARRAY_DIMENSIONS"] == ["channel", "trace", "twt"]
    assert (store / "channel" / "0").read_bytes() == struct.pack("<II1sI1s", 2, 1, b"0", 1, b"1")
    raw = np.frombuffer((store / "amplitude" / "0.4.0").read_bytes(), "<i2").reshape(2, 8, 32)
    np.testing.assert_array_equal(raw[:, :4], radar(36, 32, "i2", 2).transpose(1, 0, 2)[:, 32:])


def test_compressed_chunks_are_read_within_their_size(store: Path) -> None:
    path = store / "amplitude" / ".zarray"
    info = json.loads(path.read_text()) | {"compressor": {"id": "zlib", "level": 1}}
    path.write_text(json.dumps(info))
    for chunk in (store / "amplitude").glob("0.*"):
        chunk.write_bytes(zlib.compress(chunk.read_bytes()))
    np.testing.assert_array_equal(gs.read(store)["amplitude"], radar(36, 32, "i2", 2).transpose(1, 0, 2))
    (store / "amplitude" / "0.0.0").write_bytes(zlib.compress(bytes(10**6)))
    with pytest.raises(ReadError, match="bytes"):
        gs.read(store)["amplitude"].values  # noqa: B018


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"shape": [2, 10**9, 32]}, "claims"),
        ({"shape": [2, 36]}, "shape"),
        ({"chunks": [2, 0, 32]}, "chunks"),
        ({"dtype": "|O"}, "not one that is known"),
        ({"dtype": "nonsense"}, "not one that is known"),
        ({"compressor": {"id": "blosc"}}, "blosc"),
        ({"order": "F"}, "not one that is known"),
    ],
)
def test_metadata_that_lie(store: Path, change: dict[str, object], word: str) -> None:
    path = store / "amplitude" / ".zarray"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(ReadError, match=word):
        gs.read(store)


def test_other_folders(store: Path, tmp_path: Path) -> None:
    (store / ".zattrs").write_text("{}")
    with pytest.raises(ReadError, match="no gprscan line"):
        gs.read(store)
    (store / ".zattrs").write_text("{")
    with pytest.raises(ReadError, match="no JSON"):
        gs.read(store)
    (tmp_path / "b.zarr").mkdir()
    with pytest.raises(ReadError, match="is a folder"):
        gs.read(tmp_path / "b.zarr")
    (tmp_path / "c.zarr").write_text("x")
    with pytest.raises(ReadError, match="Zarr is a folder"):
        gs.read(tmp_path / "c.zarr")


def test_nothing_is_overwritten_unless_asked(store: Path) -> None:
    line = gs.from_array(radar(5, 32, "i2"), dt=0.5)
    with pytest.raises(OutputExistsError):
        gs.write(line, store)
    gs.write(line, store, overwrite=True)
    assert gs.read(store).sizes["trace"] == 5
    assert {p.name for p in store.parent.iterdir()} == {"a.zarr"}


@pytest.mark.parametrize(
    "stated", [",f8", "f8,f8", "(2,)f8", "<f8<f8", "", "|O", "a" * 4000]
)  # the first: seed 5, mutation 296
def test_a_type_that_is_none_is_refused(tmp_path: Path, stated: str) -> None:
    path = gs.write(gs.from_array(np.zeros((4, 8), "f4"), dt=0.5, spacing=0.1), tmp_path / "a.zarr")
    for name in ("distance", "amplitude"):
        meta = json.loads((path / name / ".zarray").read_text())
        (path / name / ".zarray").write_text(json.dumps(meta | {"dtype": stated}))
        with pytest.raises(ReadError, match=f"the array {name} is not one"):
            gs.read(path)
        (path / name / ".zarray").write_text(json.dumps(meta))

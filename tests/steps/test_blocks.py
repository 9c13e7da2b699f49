"""Long lines in blocks: the same result as in one piece, from few traces at a time."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
import xarray as xr
from xarray.backends import BackendArray
from xarray.core import indexing

from gprscan import from_array
from gprscan.errors import ParameterError
from gprscan.steps import get_step, map_blocks, run_blocks


def samples(n: int = 150) -> np.ndarray:
    rng = np.random.default_rng(1)
    traces = rng.standard_normal((2, n, 64)).astype("float32")
    traces[:, 40] = 0.0
    traces[1, 70:73] = np.nan
    return traces


def line(amplitude: Any = None, **options: Any) -> xr.Dataset:
    settings: dict[str, Any] = {"dt": 0.2, "spacing": 0.05, "frequency": 400, "separation": 0.1, "time_zero": 2.0}
    return from_array(samples() if amplitude is None else amplitude, **(settings | options))


def one_by_one(data: xr.Dataset, entries: list[dict[str, Any]]) -> xr.Dataset:
    for entry in entries:
        data = get_step(entry["step"]).function(data, **{k: v for k, v in entry.items() if k != "step"})
    return data


LOCAL = [
    {"step": "time_zero", "drift": 0.4},
    {"step": "edit_traces"},
    {"step": "dewow"},
    {"step": "background", "method": "median", "window": 0.6},
    {"step": "bandpass"},
    {"step": "resample", "interval": 0.1},
    {"step": "bandpass", "high": 3000},
    {"step": "agc"},
]
MIXED = [
    {"step": "dewow"},
    {"step": "background", "method": "svd"},
    {"step": "bandpass"},
    {"step": "gain_exponential"},
    {"step": "regularize", "spacing": 0.1},
    {"step": "envelope"},
]


@pytest.mark.parametrize("entries", [LOCAL, MIXED, LOCAL[:1], []], ids=["local", "mixed", "one", "none"])
@pytest.mark.parametrize("block", [1, 13, 64, 1000])
def test_the_same_as_step_by_step(entries: list[dict[str, Any]], block: int) -> None:
    whole = one_by_one(line(), entries)
    cut = run_blocks(line(), entries, block)
    scale = float(np.nanmax(np.abs(whole["amplitude"].values)))
    np.testing.assert_allclose(cut["amplitude"], whole["amplitude"], rtol=1e-6, atol=1e-6 * scale)
    assert dict(cut.coords).keys() == dict(whole.coords).keys()
    for name in whole.coords:
        np.testing.assert_array_equal(cut[name].values, whole[name].values)
    assert cut.attrs["gprscan_provenance"] == whole.attrs["gprscan_provenance"]
    assert cut.attrs["time_zero"] == whole.attrs["time_zero"]


def test_blocks_come_in_order_and_without_overlap() -> None:
    pieces = list(map_blocks(line(), LOCAL, 40))
    assert [piece.sizes["trace"] for piece in pieces] == [40, 40, 40, 30]
    np.testing.assert_allclose(np.concatenate([piece["distance"] for piece in pieces]), line()["distance"])
    for piece in pieces:
        assert [entry["step"] for entry in json.loads(piece.attrs["gprscan_provenance"])] == [e["step"] for e in LOCAL]


class Counting(BackendArray):
    """A stored array that remembers how much of it was in memory at once."""

    def __init__(self, stored: np.ndarray) -> None:
        self.stored, self.shape, self.dtype = stored, stored.shape, stored.dtype
        self.largest = self.total = 0

    def __getitem__(self, key: Any) -> Any:
        return indexing.explicit_indexing_adapter(key, self.shape, indexing.IndexingSupport.BASIC, self._read)

    def _read(self, key: tuple[Any, ...]) -> np.ndarray:
        part = self.stored[key]
        self.largest = max(self.largest, part.shape[-2])
        self.total += part.shape[-2]
        return part


def test_a_lazy_line_is_read_block_by_block() -> None:
    stored = Counting(np.random.default_rng(0).standard_normal((1, 5000, 64)).astype("float32"))
    variable = xr.Variable(("channel", "trace", "twt"), indexing.LazilyIndexedArray(stored))
    entries = LOCAL[2:]
    data = line(np.zeros((1, 5000, 64), dtype="float32"))
    lazy = data.assign(amplitude=variable)
    first = next(iter(map_blocks(lazy, entries, 200)))
    assert first.sizes["trace"] == 200
    assert 0 < stored.largest <= 220
    whole = one_by_one(data.copy(data={"amplitude": stored.stored}), entries)
    np.testing.assert_allclose(first["amplitude"], whole["amplitude"][:, :200], rtol=1e-6, atol=1e-5)


def test_given_parameters_are_not_measured() -> None:
    # a chain whose measured parameters are known, as those of a replay are, needs no step on the whole line before others
    entries = [
        {"step": "dc"},
        {"step": "gain_exponential", "attenuation": 0.5},
        {"step": "whiten", "low": 200.0, "high": 800.0, "gain": [(200.0, 1.0), (800.0, 2.0)]},
    ]
    stored = Counting(samples(3000))
    variable = xr.Variable(("channel", "trace", "twt"), indexing.LazilyIndexedArray(stored))
    lazy = line(np.zeros((2, 3000, 64), dtype="float32")).assign(amplitude=variable)
    first = next(iter(map_blocks(lazy, entries, 100)))
    assert 100 <= stored.total < 200
    whole = one_by_one(line(stored.stored), entries)
    scale = float(np.nanmax(np.abs(whole["amplitude"].values)))
    np.testing.assert_allclose(first["amplitude"], whole["amplitude"][:, :100], rtol=1e-6, atol=1e-6 * scale)
    measured = [*entries[:1], {"step": "gain_exponential"}]
    next(iter(map_blocks(lazy, measured, 100)))
    assert stored.total > 3000


def test_findings_are_kept_once() -> None:
    codes = [entry["code"] for entry in json.loads(run_blocks(line(), LOCAL, 30).attrs["findings"])]
    assert codes.count("missing-traces") == 1


def test_wrong_blocks_and_steps() -> None:
    with pytest.raises(ParameterError, match="at least 1"):
        run_blocks(line(), LOCAL, 0)
    with pytest.raises(ParameterError, match="Did you mean 'dewow'"):
        run_blocks(line(), [{"step": "dewo"}])

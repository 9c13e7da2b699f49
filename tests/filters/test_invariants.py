"""What every filter must keep: type, axes, coordinates, dead traces, provenance, and one result however it is cut."""

from __future__ import annotations

import json
import tracemalloc
from typing import Any

import numpy as np
import pytest
import xarray as xr

from gprscan import filters, from_array
from gprscan.errors import LineError
from gprscan.steps import get_step, list_steps, run_blocks
from tests.filters import lines

# every filter that keeps the shape of the amplitude, with parameters that make it do something
CASES: dict[str, list[dict[str, Any]]] = {
    "agc": [{}, {"window": 3.0}],
    "background": [
        {},
        {"method": "sliding_mean", "window": 0.5},
        {"method": "median", "traces": 9},
        {"method": "svd"},
        {"method": "rpca"},
    ],
    "bandpass": [{}, {"low": 200, "high": 800, "method": "fir"}, {"high": 600}, {"low": 100}],
    "dc": [{}, {"start": 2.0}],
    "balance_channels": [{}, {"start": 1.0}],
    "balance_traces": [{}, {"traces": 9}],
    "coherence": [{"steepest": 3.0}],
    "declip": [{}, {"high": 1.0}],
    "deconvolve": [{"length": 2.0}, {"method": "spiking", "length": 2.0}],
    "deconvolve_sparse": [{"iterations": 10}],
    "deringing": [{"frequencies": [400.0], "traces": 9, "start": 2.0}, {}],
    "despike": [{}],
    "dewow": [{}, {"method": "median"}, {"method": "highpass"}],
    "dip": [{}],
    "dip_filter": [{"low": 0.5}, {"high": 4.0, "keep": False, "side": "up"}],
    "edit_traces": [{"missing": "keep"}],
    "energy": [{}],
    "envelope": [{}],
    "gain_exponential": [{"attenuation": 1.0}, {}],
    "gain_inverse_envelope": [{}],
    "height_correction": [{"heights": 0.3}, {"heights": 0.3, "to": 0.4}],
    "gain_power": [{"exponent": 1.5}],
    "instantaneous_frequency": [{}],
    "instantaneous_phase": [{}],
    "planarity": [{}],
    "smooth": [{"traces": 5, "samples": 3}, {"traces": 5, "samples": 3, "method": "median"}],
    "notch": [{"frequencies": [700.0]}, {}],
    "tau_p_filter": [{"low": -2.0, "high": 6.0}, {"low": -1.0, "high": 1.0, "keep": False}],
    "whiten": [{}],
    "time_zero": [
        {},
        {"drift": 0.5},
        {"method": "threshold", "traces": 5},
        {"method": "correlation"},
        {"method": "correlation", "traces": 5},
    ],
}
ALL = [
    pytest.param(name, options, id=f"{name}-{k}") for name, cases in CASES.items() for k, options in enumerate(cases)
]
RESHAPING = {"regularize", "resample", "stack", "topographic_correction", "trim"}


def test_every_filter_is_covered() -> None:
    registered = {step.name for step in list_steps() if step.room == "gprscan.filters"}
    assert registered == set(CASES) | RESHAPING
    assert registered <= set(filters.__all__)


@pytest.mark.parametrize(("name", "options"), ALL)
@pytest.mark.parametrize("shape", [(40, 128), (2, 40, 128)])
def test_keeps_the_line(name: str, options: dict[str, Any], shape: tuple[int, ...]) -> None:
    line = lines.noise(shape)
    before = lines.values(line).copy()
    result = get_step(name).function(line, **options)
    assert result["amplitude"].dims == line["amplitude"].dims
    assert result["amplitude"].dtype == np.float32
    assert lines.values(result).flags.c_contiguous
    np.testing.assert_array_equal(lines.values(line), before)
    for coord in set(line.coords) - {"twt"}:
        xr.testing.assert_identical(result[coord].variable, line[coord].variable)
    np.testing.assert_allclose(np.diff(result["twt"]), lines.DT, rtol=1e-9)
    entry = json.loads(result.attrs["gprscan_provenance"])[-1]
    assert entry["step"] == name
    again = get_step(name).function(line, **entry["parameters"])
    np.testing.assert_array_equal(lines.values(again), lines.values(result))


@pytest.mark.parametrize(("name", "options"), ALL)
def test_dead_traces_stay_and_spread_nowhere(name: str, options: dict[str, Any]) -> None:
    whole = lines.noise((2, 40, 128))
    broken = whole.copy(data={"amplitude": lines.damaged(lines.values(whole))})
    result = lines.values(get_step(name).function(broken, **options))
    expected = np.isnan(lines.values(broken))
    np.testing.assert_array_equal(np.isnan(result), expected)
    assert not result[:, 3].any()
    assert result[:, [2, 4, 6, 8]].any()


@pytest.mark.parametrize(("name", "options"), ALL)
def test_integers_give_what_floats_give(name: str, options: dict[str, Any]) -> None:
    counts = (lines.values(lines.noise()) * 1000).astype("int16")
    of_integers = get_step(name).function(lines.line(counts), **options)
    of_floats = get_step(name).function(lines.line(counts.astype("float32")), **options)
    np.testing.assert_array_equal(lines.values(of_integers), lines.values(of_floats))
    assert counts.dtype == np.int16


@pytest.mark.parametrize(("name", "options"), ALL)
@pytest.mark.parametrize("block", [7, 25])
def test_blocks_give_what_the_whole_line_gives(name: str, options: dict[str, Any], block: int) -> None:
    line = lines.noise((2, 60, 96), seed=4)
    whole = get_step(name).function(line, **options)
    cut = run_blocks(line, [{"step": name, **options}], block)
    np.testing.assert_allclose(
        lines.values(cut), lines.values(whole), rtol=1e-6, atol=1e-6 * np.abs(whole["amplitude"]).max().item()
    )
    xr.testing.assert_identical(cut["twt"], whole["twt"])
    assert cut.attrs["gprscan_provenance"] == whole.attrs["gprscan_provenance"]


# the axis of time_zero moves by the median over channels: test_time_zero.py looks at its channels
@pytest.mark.parametrize(("name", "options"), [case for case in ALL if case.values[0] != "time_zero"])
def test_channels_are_independent(name: str, options: dict[str, Any]) -> None:
    line = lines.noise((3, 40, 128), seed=2)
    together = get_step(name).function(line, **options)
    measured = json.loads(together.attrs["gprscan_provenance"])[-1]["parameters"]
    for i in range(3):
        per_channel = {key: [measured[key][i]] for key in ("operator", "factors") if key in measured}
        alone = get_step(name).function(line.isel(channel=i, drop=True), **(measured | per_channel))
        np.testing.assert_allclose(lines.values(alone), lines.values(together)[i], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(("name", "options"), ALL)
def test_memory(name: str, options: dict[str, Any]) -> None:
    samples = np.random.default_rng(0).standard_normal((4, 4000, 256)).astype("float32")
    line = from_array(samples, dt=0.1, spacing=0.05, frequency=400, separation=0.15, time_zero=3.0)
    function = get_step(name).function
    function(lines.noise((2, 40, 128)), **options)  # compiled before it is measured
    tracemalloc.start()
    function(line, **options)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    # two arrays of the size of the input, and 24 MB for temporaries that do not grow with the line
    assert peak <= 2 * samples.nbytes + 24e6


def test_a_migrated_line_has_no_times() -> None:
    line = lines.noise().rename(twt="depth")
    for name in ("dc", "dewow", "bandpass", "agc", "gain_power", "gain_exponential", "time_zero", "resample"):
        options = {"interval": 0.2} if name == "resample" else {}
        with pytest.raises(LineError, match="depth"):
            get_step(name).function(line, **options)
    assert filters.envelope(line)["amplitude"].dims == ("trace", "depth")
    assert filters.background(line)["amplitude"].dims == ("trace", "depth")

"""One registration gives the function, the method, the recipe entry and the provenance."""

from __future__ import annotations

import inspect
import json

import numpy as np
import pytest
import xarray as xr

from gprscan import filters, from_array
from gprscan.errors import LineError, ParameterError
from gprscan.steps import Time, get_step, list_steps, registry, step


@pytest.fixture
def line() -> xr.Dataset:
    samples = np.random.default_rng(0).standard_normal((20, 64)).astype("float32")
    return from_array(samples, dt=0.2, spacing=0.05, frequency=400, separation=0.1, time_zero=2.0)


def test_every_step_is_documented_and_typed() -> None:
    for entry in list_steps():
        assert entry.summary.endswith((".", "…")), entry.name
        doc = inspect.getdoc(entry.function) or ""
        assert "Parameters\n---" in doc, entry.name
        assert "Returns\n---" in doc, entry.name
        for parameter in entry.parameters.model_fields:
            assert parameter in doc, f"{entry.name}: {parameter} is not documented"
        assert all(
            p.annotation is not inspect.Parameter.empty for p in inspect.signature(entry.compute).parameters.values()
        )
        assert (entry.cut == "halo") == (entry.halo is not None), entry.name
        assert not entry.measures or entry.resolve is not None, entry.name
        assert set(entry.measures) <= set(entry.parameters.model_fields), entry.name


def test_a_method_is_the_function(line: xr.Dataset) -> None:
    xr.testing.assert_equal(line.gpr.dewow(window=2.0), filters.dewow(line, window=2.0))
    for entry in list_steps():
        assert getattr(type(line.gpr), entry.name).__wrapped__ is entry.function


def test_provenance_records_the_numbers_that_were_used(line: xr.Dataset) -> None:
    result = filters.bandpass(filters.dewow(line), high="0.6 GHz")
    first, second = json.loads(result.attrs["gprscan_provenance"])
    assert first["parameters"] == {"method": "mean", "window": 3.75}
    assert second["parameters"]["high"] == 600.0
    assert first["hash"] != second["hash"]
    assert json.loads(line.attrs["gprscan_provenance"]) == []


def test_wrong_parameters_are_named(line: xr.Dataset) -> None:
    with pytest.raises(ParameterError, match=r"dewow: .*windw.*method, window"):
        filters.dewow(line, windw=3.0)
    with pytest.raises(ParameterError, match=r"dewow: method: .*'average'"):
        filters.dewow(line, method="average")
    with pytest.raises(ParameterError, match=r"dewow: window.*'3 m' has the unit 'm', but ns"):
        filters.dewow(line, window="3 m")
    with pytest.raises(ParameterError, match="not a quantity"):
        filters.dewow(line, window=[3.0])
    with pytest.raises(ParameterError, match=r"no step 'dewoww'. Did you mean 'dewow'\?"):
        get_step("dewoww")
    with pytest.raises(LineError, match=r"gprscan\.read"):
        filters.dewow(np.zeros((3, 4)))


def test_a_failed_step_leaves_no_trace(line: xr.Dataset) -> None:
    with pytest.raises(ParameterError):
        filters.bandpass(line, 900, 100)
    assert json.loads(line.attrs["gprscan_provenance"]) == []


def test_registering_a_step_of_ones_own(line: xr.Dataset) -> None:
    try:

        @step(cut="twt", resolve=lambda line, values: values | {"delay": values["delay"] or 1.5})
        def delayed(line: xr.Dataset, delay: Time | None = None) -> xr.Dataset:
            """Shift the axis."""
            return line.assign_coords(twt=line["twt"] + delay)

        assert get_step("delayed").summary == "Shift the axis."
        np.testing.assert_allclose(delayed(line)["twt"], line["twt"] + 1.5)
        np.testing.assert_allclose(line.gpr.delayed("1 us")["twt"], line["twt"] + 1000)
        assert json.loads(delayed(line).attrs["gprscan_provenance"])[0]["parameters"] == {"delay": 1.5}
    finally:
        del registry._steps["delayed"]
        from gprscan.model.accessor import GprAccessor

        del GprAccessor.delayed


@pytest.mark.parametrize("wrong", [float("nan"), float("inf")])
def test_numbers_must_be_finite(line: xr.Dataset, wrong: float) -> None:
    # NaN passes 'limit < 0' and would blank the line; provenance is JSON, which knows neither
    with pytest.raises(ParameterError, match=r"gain_exponential: limit: .*finite"):
        filters.gain_exponential(line, attenuation=0.1, limit=wrong)
    with pytest.raises(ParameterError, match=r"agc: window: .*finite"):
        filters.agc(line, window=wrong)

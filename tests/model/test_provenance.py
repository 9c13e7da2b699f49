"""Findings and provenance: kept on the line as JSON, chained by hashes, appended only after success."""

from __future__ import annotations

import json

import numpy as np
import pytest

import gprscan as gs
from gprscan import model
from gprscan.errors import GprscanError
from gprscan.model import findings, provenance


def a_line():
    rng = np.random.default_rng(1)
    return gs.from_array(rng.normal(size=(16, 64)).astype("float32"), dt=0.5, spacing=0.05, frequency=400)


def test_findings_are_added_without_changing_the_line():
    line = a_line()
    noted = findings.add(line, model.Finding("clipped-samples", "warning", "Cut off.", evidence="3 plateaus"))
    assert findings.load(line) == []
    assert [f.code for f in noted.gpr.findings] == ["clipped-samples"]
    assert json.loads(noted.attrs["findings"])[0]["evidence"] == "3 plateaus"


def test_each_step_is_recorded_with_what_it_used():
    done = a_line().gpr.dc().gpr.dewow(window=4.0)
    entries = done.gpr.provenance
    assert [entry["step"] for entry in entries] == ["dc", "dewow"]
    assert entries[1]["parameters"]["window"] == 4.0
    assert done.attrs["history"].count("\n") == 1


def test_a_step_that_fails_leaves_no_trace():
    line = a_line()
    with pytest.raises(GprscanError):
        line.gpr.bandpass(800, 100)
    assert provenance.load(line) == []


def test_the_chain_depends_on_step_parameters_and_parent_but_not_on_samples():
    line = a_line()
    other = model.with_amplitude(line, model.amplitude(line) * 2)
    chain = [entry["hash"] for entry in line.gpr.dc().gpr.dewow(window=4.0).gpr.provenance]
    assert chain == [entry["hash"] for entry in other.gpr.dc().gpr.dewow(window=4.0).gpr.provenance]
    assert chain[1] != line.gpr.dc().gpr.dewow(window=5.0).gpr.provenance[1]["hash"]
    assert chain[1] != line.gpr.dewow(window=4.0).gpr.provenance[0]["hash"]


def test_the_accessor_refuses_what_is_no_line():
    import xarray as xr

    with pytest.raises(Exception, match="expected a line"):
        _ = xr.Dataset({"a": ("x", [1.0])}).gpr

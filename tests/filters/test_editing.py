"""Missing and duplicate traces, and ranges."""

from __future__ import annotations

import numpy as np
import pytest

from gprscan import filters
from gprscan.errors import MissingPositionError, ParameterError
from gprscan.model import findings
from gprscan.steps import run_blocks
from tests.filters import lines


def faulty() -> np.ndarray:
    """Traces 5 and 6 lost, 9 a copy of 8, 20 to 35 lost."""
    samples = lines.values(lines.noise((50, 30))).copy()
    samples[5:7] = 0.0
    samples[9] = samples[8]
    samples[20:36] = np.nan
    return samples


def test_what_is_found() -> None:
    missing, duplicate = filters.find_traces(lines.line(faulty()))
    np.testing.assert_array_equal(np.flatnonzero(missing[0]), [5, 6, *range(20, 36)])
    np.testing.assert_array_equal(np.flatnonzero(duplicate[0]), [9])


def test_short_runs_are_interpolated_and_long_ones_are_not() -> None:
    samples = faulty()
    result = filters.edit_traces(lines.line(samples))
    edited = lines.values(result)
    np.testing.assert_allclose(edited[5], samples[4] + (samples[7] - samples[4]) / 3, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(edited[6], samples[4] + 2 * (samples[7] - samples[4]) / 3, rtol=1e-5, atol=1e-6)
    assert np.isnan(edited[20:36]).all()
    np.testing.assert_array_equal(edited[9], samples[8])
    assert np.isfinite(lines.values(filters.edit_traces(lines.line(samples), longest=16))).all()
    found = {finding.code: finding for finding in findings.load(result)}
    assert found["missing-traces"].what == "18 of 50 traces are missing."
    assert found["missing-traces"].severity == "warning"
    assert found["duplicate-traces"].severity == "info"


def test_flag_keep_and_drop() -> None:
    samples = faulty()
    flagged = lines.values(filters.edit_traces(lines.line(samples), missing="flag", duplicate="flag"))
    np.testing.assert_array_equal(np.flatnonzero(np.isnan(flagged).all(axis=1)), [5, 6, 9, *range(20, 36)])
    kept = lines.values(filters.edit_traces(lines.line(samples), missing="keep"))
    np.testing.assert_array_equal(kept, samples)
    dropped = filters.edit_traces(lines.line(samples), missing="drop", duplicate="drop")
    left = np.delete(np.arange(50), [5, 6, 9, *range(20, 36)])
    np.testing.assert_array_equal(lines.values(dropped), samples[left])
    np.testing.assert_allclose(dropped["distance"], left * lines.SPACING)


def test_a_trace_is_dropped_only_if_no_channel_has_it() -> None:
    samples = np.stack([faulty(), lines.values(lines.noise((50, 30), seed=3))])
    assert filters.edit_traces(lines.line(samples), missing="drop").sizes["trace"] == 50
    with pytest.raises(ParameterError, match="nothing would be left"):
        filters.edit_traces(lines.line(np.zeros((4, 9), dtype="float32")), missing="drop")
    with pytest.raises(ParameterError, match="longest"):
        filters.edit_traces(lines.line(samples), longest=0)


def test_ranges() -> None:
    line = lines.noise((40, 100))
    part = filters.trim(line, start=0.5, stop="1 m", top=0.0, bottom=2.0)
    np.testing.assert_allclose(part["distance"].values[[0, -1]], [0.5, 1.0])
    np.testing.assert_allclose(part["twt"].values[[0, -1]], [0.0, 2.0], atol=1e-9)
    np.testing.assert_array_equal(lines.values(part), lines.values(line)[10:21, 30:51])
    assert part.attrs["time_zero"] == pytest.approx(-part["twt"].values[0])  # counted from the first sample
    np.testing.assert_array_equal(lines.values(filters.trim(line, first=3, last=-2)), lines.values(line)[3:-2])
    with pytest.raises(ParameterError, match="nothing is left"):
        filters.trim(line, start=5.0)
    with pytest.raises(MissingPositionError, match="first and last"):
        filters.trim(line.drop_vars("distance"), start=0.5)


def test_findings_count_the_whole_line_in_blocks() -> None:
    samples = np.random.default_rng(0).standard_normal((60, 32)).astype("float32")
    samples[[3, 30, 31, 57]] = 0.0
    line = lines.line(samples)
    whole = findings.load(filters.edit_traces(line))
    assert [finding.what for finding in whole] == ["4 of 60 traces are missing."]
    assert findings.load(run_blocks(line, [{"step": "edit_traces"}], block=20)) == whole

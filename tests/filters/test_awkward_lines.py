"""Every filter on lines that no manual shows: next to nothing on them, holes in them, amplitudes of any size.

One list, the registry's, and one question for each: does the filter give a sound result, or say why it cannot?
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import xarray as xr

from gprscan.errors import LineError, MissingPositionError, ParameterError
from gprscan.steps import get_step, list_steps, run_blocks
from tests.filters import lines
from tests.filters.test_invariants import CASES

RESHAPING: dict[str, list[dict[str, Any]]] = {
    "regularize": [{"spacing": 0.05}, {"spacing": 0.02}, {"spacing": 0.12}],
    "resample": [{"interval": 0.05}, {"interval": 0.3}],
    "stack": [{"count": 3}, {"count": 3, "method": "median"}],
    "topographic_correction": [{"velocity": 0.1}],
    "trim": [{"first": 0, "last": 30}, {"top": 0.5}],
}
ALL = [
    pytest.param(name, options, id=f"{name}-{k}")
    for name, cases in (CASES | RESHAPING).items()
    for k, options in enumerate(cases)
]
NOISE = np.random.default_rng(5).standard_normal((2, 40, 128)).astype("float32")
SHAPES = {
    "one trace": NOISE[:, :1],
    "two traces": NOISE[:, :2],
    "one sample": NOISE[..., :1],
    "two samples": NOISE[..., :2],
    "nine samples": NOISE[..., :9],
    "constant": np.full_like(NOISE, 3.0),
    "silent": np.zeros_like(NOISE),
    "lost": np.full_like(NOISE, np.nan),
}
# what these give does not grow with the amplitude; the others' results do, as it does (energy: as its square)
RELATIVE = {"agc", "coherence", "dip", "instantaneous_frequency", "instantaneous_phase", "planarity"}


def made(samples: np.ndarray) -> xr.Dataset:
    line = lines.line(samples)
    return line.assign_coords(z=("trace", np.linspace(0.0, 0.3, line.sizes["trace"])))


def run(name: str, samples: np.ndarray, options: dict[str, Any]) -> np.ndarray:
    return lines.values(get_step(name).function(made(samples), **options))


def test_every_filter_is_here() -> None:
    assert {step.name for step in list_steps() if step.room == "gprscan.filters"} == set(CASES) | set(RESHAPING)


@pytest.mark.parametrize("shape", [(0, 128), (40, 0), (2, 0, 128)])
def test_no_line_is_empty(shape: tuple[int, ...]) -> None:
    with pytest.raises(LineError, match="none of them empty"):
        lines.line(np.zeros(shape, "float32"))


@pytest.mark.parametrize("kind", SHAPES)
@pytest.mark.parametrize(("name", "options"), ALL)
def test_a_sound_result_or_a_reason(name: str, options: dict[str, Any], kind: str) -> None:
    samples = SHAPES[kind]
    before = samples.copy()
    result, reason = None, ""
    try:
        result = run(name, samples, options)
    except (ParameterError, LineError, MissingPositionError) as error:
        reason = str(error)
    np.testing.assert_array_equal(samples, before)
    if result is None:
        assert len(reason) > 40
        return
    assert result.dtype == np.float32
    # a dead trace has no place on a new grid, nor the air above a slope samples
    if name not in ("regularize", "stack", "topographic_correction"):
        np.testing.assert_array_equal(np.isfinite(result).any(), np.isfinite(samples).any())
        assert np.isfinite(result).all() or kind == "lost"


@pytest.mark.parametrize("exponent", [90, -90])
@pytest.mark.parametrize(("name", "options"), ALL)
def test_the_unit_of_the_amplitude_does_not_matter(name: str, options: dict[str, Any], exponent: int) -> None:
    # 1e27 and 1e-27: squares of either are beyond float32
    factor = np.float32(2.0**exponent)
    options = {
        key: value * factor if key in ("low", "high") and name == "declip" else value for key, value in options.items()
    }
    found = run(name, NOISE * factor, options)
    if name == "energy":
        assert np.isfinite(found).all()
        assert found.max() == (np.finfo("float32").max if exponent > 0 else 0.0)
        return
    plain = run(name, NOISE, CASES["declip"][1] if name == "declip" and options else options)
    expected = plain if name in RELATIVE else plain * factor
    scale = float(np.nanmax(np.abs(expected)))
    np.testing.assert_allclose(found / scale, expected / scale, rtol=1e-5, atol=1e-6)


def near(line: xr.Dataset, name: str, options: dict[str, Any]) -> int | None:
    """How many traces away a trace may matter; None: any."""
    step = get_step(name)
    if step.cut == "whole_line" or any(options.get(parameter) is None for parameter in step.measures):
        return None
    values = step.parameters(**options).model_dump()
    values = step.resolve(line, values) if step.resolve is not None else values
    return step.halo(line, values) if step.halo is not None else 0


@pytest.mark.parametrize(
    ("name", "options"),
    [case for case in ALL if case.values[0] in CASES and near(made(NOISE), *case.values) is not None],
)
def test_damage_stays_in_reach(name: str, options: dict[str, Any]) -> None:
    # a dead, a lost and a holed trace: no trace farther away than the filter says it looks feels them
    reach = near(made(NOISE), name, options)
    assert reach is not None
    broken = NOISE.copy()
    broken[:, 0], broken[:, 1], broken[:, 2, 20:30] = 0.0, np.nan, np.nan
    found, expected = run(name, broken, options)[:, 3 + reach :], run(name, NOISE, options)[:, 3 + reach :]
    # nothing is left of a filter whose reach is the line
    assert found.size or reach >= 37
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize(("name", "options"), ALL)
def test_infinite_samples_are_as_missing_ones(name: str, options: dict[str, Any]) -> None:
    infinite = NOISE.copy()
    infinite[:, 5, 90] = np.inf
    infinite[:, 9, 50:53] = -np.inf
    infinite[:, 9, 60:62] = [np.inf, -np.inf]
    missing = np.where(np.isfinite(infinite), infinite, np.float32(np.nan))
    found, expected = run(name, infinite, options), run(name, missing, options)
    known = np.isfinite(expected)
    np.testing.assert_array_equal(found[known], expected[known])
    assert not np.isfinite(found[~known]).any()
    if name in CASES:
        np.testing.assert_array_equal(found[~np.isfinite(infinite)], infinite[~np.isfinite(infinite)])


@pytest.mark.parametrize("kind", ["trace", "gap"])
@pytest.mark.parametrize(("name", "options"), [case for case in ALL if case.values[0] in RESHAPING])
def test_new_grids_keep_holes_where_they_are(name: str, options: dict[str, Any], kind: str) -> None:
    place = {"trace": np.s_[:, 20, :], "gap": np.s_[:, 20, 60:70]}[kind]
    broken = NOISE.copy()
    broken[place] = np.nan
    lost = ~np.isfinite(run(name, broken, options)) & np.isfinite(run(name, NOISE, options))
    line, result = made(NOISE), get_step(name).function(made(broken), **options)
    along, down = line["distance"].values, line["twt"].values
    # as much of the new grid is lost as lies nearer to the hole than to sound samples
    traces = np.abs(result["distance"].values - along[20]) <= 0.5 * lines.SPACING + 1e-9
    if name == "stack":
        traces[:] = False  # two of three traces are sound
    rows = {"resample": down, "trim": down, "regularize": down}.get(name)
    hole = np.ones(result.sizes["twt"], dtype=bool)
    if kind == "gap" and rows is not None:
        new = result["twt"].values
        hole = (new >= down[60] - 0.5 * lines.DT - 1e-9) & (new <= down[69] + 0.5 * lines.DT + 1e-9)
    expected = traces[:, None] & hole
    if name == "topographic_correction":
        assert lost[:, 20].any()
        assert not np.delete(lost, 20, axis=1).any()
        assert lost[:, 20].sum() <= 2 * (11 if kind == "gap" else 128)
        return
    # half way between two old ones either may be the nearest
    assert (lost <= expected).all()
    assert lost.sum() >= 0.8 * 2 * expected.sum() - 2 * 40


@pytest.mark.parametrize("block", [7, 25])
@pytest.mark.parametrize(("name", "options"), [case for case in ALL if case.values[0] in RESHAPING])
def test_blocks_give_what_the_whole_line_gives(name: str, options: dict[str, Any], block: int) -> None:
    whole = get_step(name).function(made(NOISE), **options)
    cut = run_blocks(made(NOISE), [{"step": name, **options}], block)
    np.testing.assert_allclose(lines.values(cut), lines.values(whole), rtol=1e-6, atol=1e-6)
    for coord in ("distance", "twt"):
        np.testing.assert_allclose(cut[coord], whole[coord], rtol=1e-9, atol=1e-9)
    assert cut.attrs["gprscan_provenance"] == whole.attrs["gprscan_provenance"]

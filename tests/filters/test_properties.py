"""What the equations of the filters promise for every line: properties, on lines that hypothesis draws."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from gprscan import filters
from gprscan.steps import get_step
from tests.filters import lines

SOME = settings(max_examples=12, deadline=None)
SEEDS = st.integers(0, 2**31 - 1)
FACTORS = st.floats(-1e3, 1e3, allow_nan=False, width=32)
N_TRACES, N_SAMPLES = 24, 160

# filters without a choice that depends on the samples: these are linear maps
LINEAR: list[tuple[str, dict[str, Any]]] = [
    ("background", {"method": "mean"}),
    ("background", {"method": "sliding_mean", "traces": 7}),
    ("balance_channels", {"factors": [1.7]}),
    ("bandpass", {"low": 200, "high": 800}),
    ("bandpass", {"low": 200, "high": 800, "method": "fir"}),
    ("dc", {"start": 1.0}),
    ("deconvolve", {"operator": [[1.0, 0.0, -0.4, 0.1]]}),
    ("deringing", {"frequencies": [450.0], "traces": 9, "start": 3.0}),
    ("dewow", {"method": "mean"}),
    ("dewow", {"method": "highpass"}),
    ("dip_filter", {"low": 1.0, "high": 10.0}),
    ("gain_exponential", {"attenuation": 0.7}),
    ("gain_inverse_envelope", {"knots": [(0.0, 0.0), (8.0, 12.0)]}),
    ("gain_power", {"exponent": 1.3}),
    ("height_correction", {"heights": 0.2, "to": 0.0}),
    ("notch", {"frequencies": [700.0]}),
    ("regularize", {"spacing": 0.03}),
    ("resample", {"interval": 0.07}),
    ("smooth", {"traces": 3, "samples": 5}),
    ("stack", {"count": 3}),
    ("tau_p_filter", {"low": -2.0, "high": 6.0}),
    ("time_zero", {"shift": 0.37}),
    ("topographic_correction", {"velocity": 0.1}),
    ("whiten", {"gain": [(160.0, 1.0), (400.0, 2.0), (800.0, 0.5)], "low": 160.0, "high": 800.0}),
]


def drawn(seed: int, shape: tuple[int, ...] = (N_TRACES, N_SAMPLES)) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape).astype("float32")


def made(samples: np.ndarray) -> xr.Dataset:
    line = lines.line(samples)
    return line.assign_coords(z=("trace", np.linspace(0.0, 0.4, line.sizes["trace"])))


def after(name: str, samples: np.ndarray, options: dict[str, Any]) -> np.ndarray:
    return np.nan_to_num(lines.values(get_step(name).function(made(samples), **options)).astype("float64"))


def identity(case: tuple[str, dict[str, Any]]) -> str:
    return f"{case[0]}-{case[1].get('method', '')}"


def close(found: np.ndarray, expected: np.ndarray, tolerance: float = 2e-5) -> None:
    scale = max(float(np.abs(expected).max()), 1e-30)
    np.testing.assert_allclose(found / scale, expected / scale, atol=tolerance)


@pytest.mark.parametrize("case", LINEAR, ids=identity)
@SOME
@given(seed=SEEDS, a=FACTORS, b=FACTORS)
def test_linear(case: tuple[str, dict[str, Any]], seed: int, a: float, b: float) -> None:
    name, options = case
    x, y = drawn(seed), drawn(seed + 1)
    combined = after(name, np.float32(a) * x + np.float32(b) * y, options)
    expected = a * after(name, x, options) + b * after(name, y, options)
    scale = (abs(a) + abs(b) + 1e-6) * 10.0
    np.testing.assert_allclose(combined / scale, expected / scale, atol=2e-5)


@pytest.mark.parametrize(
    "case",
    [
        ("bandpass", {"low": 150, "high": 900}),
        ("bandpass", {"low": 150, "high": 900, "method": "fir"}),
        ("dewow", {"method": "mean", "window": 2.0}),
        ("dewow", {"method": "median", "window": 2.0}),
        ("dewow", {"method": "highpass", "window": 2.0}),
        ("envelope", {}),
        ("energy", {"window": 1.0}),
        ("smooth", {"traces": 1, "samples": 5}),
        ("whiten", {"gain": [(160.0, 1.0), (400.0, 2.0), (800.0, 0.5)], "low": 160.0, "high": 800.0}),
    ],
    ids=identity,
)
@SOME
@given(place=st.integers(190, 210), frequency=st.floats(0.2, 0.9), width=st.floats(0.5, 2.0))
def test_zero_phase(case: tuple[str, dict[str, Any]], place: int, frequency: float, width: float) -> None:
    # a pulse that is symmetric about a sample stays so, about the same sample
    time = lines.DT * (np.arange(400) - place)
    pulse = (np.cos(2 * np.pi * frequency * time) * np.exp(-((time / width) ** 2))).astype("float32")
    result = after(case[0], np.tile(pulse, (4, 1)), case[1])[0]
    ahead, behind = result[place : place + 100], result[place - 99 : place + 1][::-1]
    close(ahead, behind, 1e-5)
    assert np.abs(ahead).max() > 1e-3


@SOME
@given(seed=SEEDS, size=st.integers(-20, 20))
def test_agc_forgets_the_strength_and_bounds_the_result(seed: int, size: int) -> None:
    x = drawn(seed)
    window = 2.1
    result = after("agc", x, {"window": window})
    np.testing.assert_array_equal(after("agc", x * np.float32(2.0**size), {"window": window}), result)
    # no sample is larger than the root of the number in its window; the mean power is about one
    assert np.abs(result).max() <= np.sqrt(21) * (1 + 1e-5)
    assert np.mean(result**2) == pytest.approx(1.0, abs=0.15)


@SOME
@given(seed=SEEDS, power=st.floats(0.0, 2.0))
def test_whitening_keeps_the_energy_of_its_band_and_levels_it(seed: int, power: float) -> None:
    frequency = np.fft.rfftfreq(N_SAMPLES, lines.DT) * 1000
    coloured = np.fft.irfft(np.fft.rfft(drawn(seed)) / np.maximum(frequency, 100.0) ** power, N_SAMPLES)
    line = lines.line((coloured / coloured.std()).astype("float32"))
    # the resolved gain alone, without the flanks of the band
    step = get_step("whiten")
    knots, factors = np.array(
        step.resolve(line, dict.fromkeys(step.parameters.model_fields) | {"stabilization": 0.05})["gain"]
    ).T
    spectrum = np.abs(np.fft.rfft(coloured / coloured.std(), 2 * N_SAMPLES)) ** 2
    axis = np.fft.rfftfreq(2 * N_SAMPLES, lines.DT) * 1000
    inside = (axis >= knots[0]) & (axis <= knots[-1])
    before = spectrum[:, inside].sum()
    levelled = spectrum[:, inside] * np.interp(axis[inside], knots, factors) ** 2
    assert levelled.sum() == pytest.approx(before, rel=0.02)
    unlevel = [np.log(part.mean(axis=0)[2:-2]).std() for part in (spectrum[:, inside], levelled)]
    assert unlevel[1] < max(unlevel[0], 0.3) + 0.02


@SOME
@given(seed=SEEDS, loud=st.floats(0.05, 20.0))
def test_balanced_traces_have_the_strength_of_their_neighbourhood(seed: int, loud: float) -> None:
    x = drawn(seed)
    x[N_TRACES // 2] *= np.float32(loud)
    strength = np.sqrt(np.mean(x.astype("float64") ** 2, axis=1))
    balanced = np.sqrt(np.mean(after("balance_traces", x, {"traces": 7}) ** 2, axis=1))
    for i in range(N_TRACES):
        assert balanced[i] == pytest.approx(np.median(strength[max(i - 3, 0) : i + 4]), rel=1e-5)


@SOME
@given(seed=SEEDS, gains=st.lists(st.floats(0.01, 100.0), min_size=3, max_size=3))
def test_balanced_channels_are_equally_strong(seed: int, gains: list[float]) -> None:
    line = lines.line(drawn(seed, (3, N_TRACES, N_SAMPLES)) * np.array(gains, "float32")[:, None, None])
    result = filters.balance_channels(line)
    levels = np.median(np.sqrt(np.mean(lines.values(result).astype("float64") ** 2, axis=-1)), axis=-1)
    np.testing.assert_allclose(levels, levels[0], rtol=1e-5)
    factors = json.loads(result.attrs["gprscan_provenance"])[-1]["parameters"]["factors"]
    assert np.prod(factors) == pytest.approx(1.0, rel=1e-4)


@pytest.mark.parametrize(
    "case",
    [
        ("dc", {}),
        ("dc", {"start": 2.0, "stop": 9.0}),
        ("background", {"method": "mean"}),
        ("notch", {"frequencies": [700.0]}),
        ("edit_traces", {}),
        ("regularize", {"spacing": 0.05}),
        ("declip", {}),
    ],
    ids=identity,
)
@SOME
@given(seed=SEEDS)
def test_a_second_time_changes_nothing(case: tuple[str, dict[str, Any]], seed: int) -> None:
    # the fit of the notch is to all samples here: with a later start it leaves a tone before it
    options = case[1] | ({"start": -3.0} if case[0] == "notch" else {})
    once = get_step(case[0]).function(made(drawn(seed)), **options)
    twice = get_step(case[0]).function(once, **options)
    close(lines.values(twice), lines.values(once), 2e-6)


@SOME
@given(late=st.floats(-1.5, 1.5), seed=SEEDS)
def test_time_zero_is_found_once(late: float, seed: int) -> None:
    time = lines.DT * np.arange(256) - 3.0
    pulse = lines.ricker(time - lines.SEPARATION / 0.299792458 - late)
    once = filters.time_zero(lines.line((pulse + 1e-3 * drawn(seed, (12, 256))).astype("float32")))
    twice = filters.time_zero(once)
    shifts = [json.loads(result.attrs["gprscan_provenance"])[-1]["parameters"]["shift"][0] for result in (once, twice)]
    assert shifts[0] == pytest.approx(late, abs=0.02)
    assert shifts[1] == pytest.approx(0.0, abs=0.005)
    np.testing.assert_array_equal(lines.values(twice), lines.values(once))


@pytest.mark.parametrize(
    "case",
    [
        ("gain_power", {"exponent": 2.0}),
        ("gain_exponential", {"attenuation": 3.0, "power": 1.0, "limit": 30.0}),
        ("gain_inverse_envelope", {"knots": [(-3.0, 0.0), (2.0, 20.0), (9.0, 14.0)]}),
        ("balance_channels", {"factors": [0.03]}),
    ],
    ids=identity,
)
@SOME
@given(seed=SEEDS)
def test_gains_are_undone(case: tuple[str, dict[str, Any]], seed: int) -> None:
    line = made(drawn(seed))
    function = get_step(case[0]).function
    gained = function(line, **case[1])
    assert np.abs(lines.values(gained) - lines.values(line)).max() > 0.1
    np.testing.assert_allclose(lines.values(function(gained, inverse=True, **case[1])), lines.values(line), rtol=1e-6)


@SOME
@given(seed=SEEDS)
def test_measured_gains_are_undone_by_what_provenance_recorded(seed: int) -> None:
    fading = drawn(seed) * np.exp(-0.3 * np.arange(N_SAMPLES) * lines.DT).astype("float32")
    line = lines.line(fading)
    for name in ("gain_exponential", "gain_inverse_envelope"):
        gained = get_step(name).function(line)
        used = json.loads(gained.attrs["gprscan_provenance"])[-1]["parameters"]
        back = get_step(name).function(gained, **(used | {"inverse": True}))
        np.testing.assert_allclose(lines.values(back), fading, rtol=1e-5)


@pytest.mark.parametrize(
    ("name", "options"), [("dip_filter", {"low": 1.0, "high": 8.0}), ("tau_p_filter", {"low": -2.0, "high": 6.0})]
)
@SOME
@given(seed=SEEDS)
def test_what_is_kept_and_what_is_removed_add_up(name: str, options: dict[str, Any], seed: int) -> None:
    x = drawn(seed)
    close(after(name, x, options) + after(name, x, options | {"keep": False}), x)


@SOME
@given(seed=SEEDS, height=st.floats(0.05, 0.4))
def test_heights_are_undone_where_the_ends_do_not_matter(seed: int, height: float) -> None:
    # a band that the sampling carries, far from the ends of the traces, which are held
    time = lines.DT * (np.arange(N_SAMPLES) - N_SAMPLES / 2)
    x = (lines.ricker(time) * (1 + 0.1 * drawn(seed, (N_TRACES, 1)))).astype("float32")
    lifted = filters.height_correction(lines.line(x), 0.0, to=height)
    close(lines.values(filters.height_correction(lifted, height, to=0.0)), x, 1e-4)
    assert np.abs(lines.values(lifted) - x).max() > 0.1


@pytest.mark.parametrize(
    "case",
    [
        ("agc", {}),
        ("background", {"method": "mean"}),
        ("background", {"method": "svd"}),
        ("bandpass", {}),
        ("dc", {}),
        ("deconvolve_sparse", {"wavelet": [0.2, 1.0, 0.2], "iterations": 5}),
        ("dewow", {"method": "median"}),
        ("envelope", {}),
        ("energy", {}),
        ("gain_power", {}),
        ("instantaneous_frequency", {}),
        ("instantaneous_phase", {}),
        ("notch", {"frequencies": [700.0]}),
        ("resample", {"interval": 0.07}),
    ],
    ids=identity,
)
@SOME
@given(seed=SEEDS)
def test_the_order_of_traces_does_not_matter(case: tuple[str, dict[str, Any]], seed: int) -> None:
    x = drawn(seed)
    order = np.random.default_rng(seed).permutation(N_TRACES)
    close(after(case[0], x[order], case[1]), after(case[0], x, case[1])[order], 1e-4)


@pytest.mark.parametrize(
    "case",
    [
        ("background", {"method": "sliding_mean", "traces": 7}),
        ("background", {"method": "median", "traces": 7}),
        ("balance_traces", {"traces": 7}),
        ("coherence", {"steepest": 3.0, "spacing": 0.05}),
        ("deringing", {"frequencies": [450.0], "traces": 7, "start": 3.0}),
        ("despike", {"threshold": 3.0}),
        ("dip", {"traces": 0.5, "smoothing": 1.0, "spacing": 0.05}),
        ("smooth", {"traces": 7, "samples": 3}),
    ],
    ids=identity,
)
@SOME
@given(seed=SEEDS, shift=st.integers(1, 6))
def test_moved_traces_give_moved_results(case: tuple[str, dict[str, Any]], seed: int, shift: int) -> None:
    x = drawn(seed)
    # away from the ends, which are another neighbourhood
    moved, whole = after(case[0], x[shift:], case[1]), after(case[0], x, case[1])[shift:]
    close(moved[6:-6], whole[6:-6], 1e-4)

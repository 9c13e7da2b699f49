"""Recipes: the shipped ones, files, and what is said about wrong ones."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from gprscan import from_array
from gprscan.errors import MissingPositionError, RecipeError
from gprscan.steps import Recipe, list_recipes, load_recipe, run_blocks, run_recipe


def line(frequency: float, dt: float) -> xr.Dataset:
    time = np.arange(256) * dt
    period = 1000.0 / frequency
    u = (np.pi * (time - 2 * period) / period) ** 2
    pulse = (1 - 2 * u) * np.exp(-u)
    noise = np.random.default_rng(0).standard_normal((80, 256)) * 0.01 * np.exp(-time / 20 / dt)
    samples = (1000 * (pulse + noise)).astype("float32")
    samples[10] = 0.0
    return from_array(samples, dt=dt, spacing=0.02, frequency=frequency, separation=0.1, time_zero=2 * period - 0.3)


def parameters(result: xr.Dataset) -> dict[str, dict]:
    return {entry["step"]: entry["parameters"] for entry in json.loads(result.attrs["gprscan_provenance"])}


def test_the_shipped_ones() -> None:
    names = {recipe.name for recipe in list_recipes()}
    assert {"road", "utility", "structure", "pipe"} <= names
    for recipe in list_recipes():
        assert recipe.summary
        assert load_recipe(recipe.name) == recipe
        assert load_recipe(recipe) is recipe


@pytest.mark.parametrize("name", ["road", "utility", "structure"])
def test_they_scale_with_the_antenna_and_the_sampling(name: str) -> None:
    slow, fast = run_recipe(line(400, 0.1), name), run_recipe(line(1600, 0.025), name)
    assert slow["amplitude"].dtype == np.float32
    assert np.isfinite(slow["amplitude"].values).all()
    assert parameters(slow)["dewow"]["window"] == pytest.approx(4 * parameters(fast)["dewow"]["window"])
    assert parameters(slow)["bandpass"]["low"] == pytest.approx(parameters(fast)["bandpass"]["low"] / 4)
    assert slow.attrs["time_zero"] == pytest.approx(5.0 - 0.1 / 0.2998, abs=0.05)


@pytest.mark.parametrize("name", ["road", "utility", "structure"])
def test_they_run_in_blocks(name: str) -> None:
    whole = run_recipe(line(400, 0.1), name)
    cut = run_blocks(line(400, 0.1), load_recipe(name).process, 17)
    scale = float(np.abs(whole["amplitude"]).max())
    np.testing.assert_allclose(cut["amplitude"], whole["amplitude"], rtol=1e-6, atol=1e-6 * scale)
    assert cut.attrs["gprscan_provenance"] == whole.attrs["gprscan_provenance"]


@pytest.mark.parametrize("name", ["road", "utility", "structure"])
def test_they_run_without_distances(name: str) -> None:
    result = run_recipe(line(400, 0.1).drop_vars("distance"), name)
    assert parameters(result)["background"]["traces"] in (101, 151)


def test_a_file_of_ones_own(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text('name = "mine"\n[[process]]\nstep = "dc"\n[[process]]\nstep = "bandpass"\nlow = "0.1 GHz"\n')
    result = run_recipe(line(400, 0.1), path)
    assert list(parameters(result)) == ["dc", "bandpass"]
    assert parameters(result)["bandpass"]["low"] == 100.0


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ('name = "x"\n[[process]]\nstep = "dewoww"\n', "step 1: there is no step 'dewoww'. Did you mean 'dewow'"),
        ('name = "x"\n[[process]]\nstep = "dc"\n[[process]]\nstep = "dewow"\nwidth = 3\n', "step 2: dewow: width"),
        ('name = "x"\n[[process]]\nwindow = 3\n', "step 1: there is no step 'None'"),
        ('name = "x"\nproces = []\n', "proces: "),
        ('summary = "x"\n', "name: Field required"),
        ('name = "x"\n[migrate]\nmethod = "kirchof"\n', "[migrate]: there is no step 'kirchof'. Did you mean"),
        ('name = "x"\n[migrate]\nmethod = "dewow"\n', "[migrate]: dewow: velocity"),
        ('name = "x"\n[migrate]\nmethod = "topographic_correction"\n', "topographic_correction is no migration"),
        ('name = "x"\n[migrate]\naperture_angle = 3\n', "[migrate]: kirchhoff: aperture_angle"),
        ("name = x\n", "recipe bad.toml: "),
    ],
)
def test_what_is_said_about_wrong_ones(tmp_path: Path, text: str, complaint: str) -> None:
    path = tmp_path / "bad.toml"
    path.write_text(text)
    with pytest.raises(RecipeError) as error:
        load_recipe(path)
    assert complaint in str(error.value)
    assert "bad.toml" in str(error.value)


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(RecipeError, match=r"'raod': neither a file nor one of .*road"):
        load_recipe("raod")


def test_errors_of_steps_pass_through() -> None:
    recipe = Recipe(name="x", process=[{"step": "background", "method": "median"}])
    with pytest.raises(MissingPositionError):
        run_recipe(line(400, 0.1).drop_vars("distance"), recipe)

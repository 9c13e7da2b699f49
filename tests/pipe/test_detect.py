"""Detection behind the wall of a pipe, on full-wave scenes made here and on those of the shared folder."""

from __future__ import annotations

import json
import sys

import numpy as np
import pytest

import gprscan as gs
from gprscan import names
from gprscan.errors import LineError, RecipeError
from gprscan.geometry.pipe_file import PipeFile
from gprscan.geometry.pipe_run import place_run
from gprscan.steps import load_recipe
from tests.pipe import scenes
from tests.pipe.test_side_file import side_file


@pytest.fixture(scope="module")
def axial():
    return scenes.axial([(0.7, 0.088, 0.32, 0.08, 1.0), (1.55, 0.24, 0.10, 0.10, np.inf)], seed=11, noise=0.004)


@pytest.fixture(scope="module")
def ring():
    return scenes.ring([(70.0, 0.46, 0.08, 1.0), (250.0, 0.46, 0.07, 80.0)], seed=12, noise=0.004)


def hazards(found):
    return found[found["kind"].isin(names.HAZARD_KINDS)]


def test_an_axial_line_finds_the_void_and_not_the_metal_pipe(axial):
    found = gs.detect(axial, recipe="pipe")
    [void] = hazards(found).to_dict("records")
    assert void["kind"] == "cavity"
    assert void["distance_m"] == pytest.approx(0.7, abs=0.05)
    assert void["radial_depth_m"] == pytest.approx(0.088, abs=0.02)
    assert void["length_m"] == pytest.approx(0.32, abs=0.12)
    assert void["radial_from_outer_wall_m"] == 0.0
    assert [k for k in found["kind"] if k not in names.HAZARD_KINDS] == ["pipe"]


def test_the_wall_is_measured(axial, ring):
    for line, truth, eps in ((axial, 0.088, 6.5), (ring, 0.072, 6.8)):
        wall = gs.wall_thickness(line)
        assert wall.dims == ("trace",)
        assert float(np.nanmedian(wall)) == pytest.approx(truth, abs=0.008)
        assert wall.attrs["measured"] == 1
        assert wall.attrs["permittivity"] == pytest.approx(eps, abs=1.2)


def test_a_ring_tells_the_clock_angle_and_air_from_water(ring):
    found = hazards(gs.detect(ring, recipe="pipe")).sort_values("clock_deg")
    assert found["clock_deg"].to_numpy() == pytest.approx([70.0, 250.0], abs=8)
    assert found["kind"].tolist() == ["cavity", "water_rich"]
    assert found["radial_depth_m"].to_numpy() == pytest.approx([0.072, 0.072], abs=0.02)
    assert (found["arc_width_m"] > 0.03).all()


def test_an_empty_run_raises_no_flag():
    empty = scenes.axial([], seed=13, noise=0.01, length=1.6)
    found = gs.detect(empty, recipe="road")  # a line that knows its pipe is searched as one
    assert len(hazards(found)) == 0
    assert found.attrs["line"]["setting"].startswith("in a pipe")
    json.dumps(found.attrs["line"])


def test_noise_where_the_record_ends_is_no_body(axial):
    last = int(np.searchsorted(axial["twt"].values, 7.2))  # ns: the record ends before the depth that is asked for
    short = axial.isel(twt=slice(0, last))
    peak = float(np.abs(short["amplitude"]).max())
    for draw in range(4):
        noise = np.random.default_rng(draw).standard_normal(short["amplitude"].shape).astype("float32")
        noisy = short.assign(amplitude=short["amplitude"] + 0.06 * peak * noise)
        found = gs.detect(noisy, recipe="pipe")
        assert (found["radial_depth_m"] < 0.3).all(), draw


def test_a_stone_against_the_wall_is_no_hazard():
    stone = scenes.axial([(0.8, 0.088, 0.048, 0.032, 4.0)], seed=14, noise=0.002, eps_ground=14.0, length=1.6)
    found = gs.detect(stone, recipe="pipe")
    assert len(hazards(found)) == 0
    [row] = found.to_dict("records")
    assert row["kind"] == "unknown"
    assert row["distance_m"] == pytest.approx(0.8, abs=0.05)


def test_the_void_is_on_the_map(axial):
    placed = place_run(axial, PipeFile(**side_file(run={"odometer_end": 50.0}, wall={"thickness": 0.097})))
    found = hazards(gs.detect(placed, recipe="pipe"))
    [void] = found.to_dict("records")
    # crown of a pipe of 1 m that starts at (500000, 2500000, 10) and runs 3 : 4 to the north-east
    assert void["body_x"] == pytest.approx(500000 + 0.6 * 0.7, abs=0.05)
    assert void["body_y"] == pytest.approx(2500000 + 0.8 * 0.7, abs=0.05)
    assert void["body_z"] == pytest.approx(11.0 + 0.088, abs=0.02)
    assert void["body_sigma_m"] >= 0.05
    assert found.crs is not None
    assert found.geometry.iloc[0].area > 0


def test_what_is_out_of_scope_is_said(axial):
    pipe = json.loads(axial.attrs["pipe"])
    for change, said in (({"material": "ductile iron"}, "reflects everything"), ({"water_level": 1.0}, "under water")):
        changed = axial.assign_attrs(pipe=json.dumps(pipe | change)).assign_coords(clock_angle=180.0)
        found = gs.detect(changed, recipe="pipe")
        assert len(found) == 0
        assert any(said in note for note in found.attrs["line"]["notes"])


def test_wrong_use_is_explained(axial):
    bare = axial.drop_vars("clock_angle")
    bare.attrs = {k: v for k, v in bare.attrs.items() if k != "pipe"}
    for call in (lambda: gs.detect(bare, recipe="pipe"), lambda: gs.wall_thickness(bare)):
        with pytest.raises(LineError, match=r"pipe\.toml"):
            call()
    wrong = load_recipe("pipe").model_copy(update={"detect": {"geometry": "pipe", "depth": 1.0}})
    with pytest.raises(RecipeError, match="depth"):
        gs.detect(axial, recipe=wrong)


def test_the_shared_scenes(shared, monkeypatch):
    """One axial line and one ring, at the light level, as the score tool matches them."""
    monkeypatch.syspath_prepend(str(shared / "tools"))
    import score_pipe

    for name, expected in (("p03_inpipe_axial_novoid", 0), ("r02_inpipe_ring", 2)):
        line, truth, _ = score_pipe.make_line(gs, shared / "data" / "truth" / f"{name}.npz", "light")
        found = hazards(gs.detect(line, recipe="pipe"))
        assert len(found) == expected
        assert float(np.nanmedian(gs.wall_thickness(line))) == pytest.approx(truth["pipe"]["wall_m"], abs=0.006)
    sys.modules.pop("score_pipe", None)

"""A wall from its file to the tables: two lines that cross over one body give it the same place on and in the wall."""

from __future__ import annotations

import json

import numpy as np
import pytest

import gprscan as gs
from gprscan.errors import RecipeError
from gprscan.geometry import load_wall_file
from gprscan.geometry.wall_file import TEMPLATE
from gprscan.survey import load_survey
from gprscan.survey.discover import plan_survey
from gprscan.synthetic import diffractor

U, W, DEPTH = 6.0, 1.8, 0.45


def write_line(path, apex):
    line, _ = diffractor(
        x=apex,
        depth=DEPTH,
        velocity=0.11,
        n_traces=100,
        n_samples=160,
        dt=0.1,
        spacing=0.02,
        frequency=900.0,
        time_zero=2.0,
    )
    noise = np.random.default_rng(4).normal(0, 0.01, line["amplitude"].shape)
    gs.write(line.assign(amplitude=line["amplitude"] + noise * float(np.abs(line["amplitude"]).max())), path)


@pytest.fixture(scope="module")
def wall_survey(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wall")
    text = TEMPLATE[: TEMPLATE.index("[[lines]]")]
    text = text.replace("y = 2511000.00\nz = 25.50", "y = 2511001.20\nz = 25.3157")  # leans back by 17.5 degrees
    text += f'[[lines]]\npath = "H1.nc"\nstart = [5.0, {W}]\nend = [6.98, {W}]\n'
    text += f'[[lines]]\npath = "V1.nc"\nstart = [{U}, 0.8]\nend = [{U}, 2.78]\n'
    (folder / "RW-07.wall.toml").write_text(text)
    write_line(folder / "H1.nc", U - 5.0)
    write_line(folder / "V1.nc", W - 0.8)
    (folder / "survey.toml").write_text('crs = "EPSG:4547"\nrecipe = "structure"\nwalls = ["RW-07.wall.toml"]\n')
    return folder


def test_a_body_in_a_wall_is_found_at_its_place(wall_survey, tmp_path):
    result = gs.scan(wall_survey, tmp_path / "out", jobs=1)
    found = result.anomalies
    assert set(found["structure_id"]) == {"RW-07"}
    frame = load_wall_file(wall_survey / "RW-07.wall.toml").frame()
    truth = frame.to_map(U, W, DEPTH)
    # the level line and the upright one cross over it: one row
    [best] = found[found["seen_on"].notna()].to_dict("records")
    assert json.loads(best["seen_on"]) == ["H1", "V1"]
    assert len(json.loads(best["fused_ids"])) == 2
    assert np.linalg.norm(np.array([best["x"], best["y"], best["z"]]) - truth) < 0.12
    assert best["depth_into_wall_m"] == pytest.approx(DEPTH, abs=0.1)
    assert best["u_from_m"] - 0.1 <= U <= best["u_to_m"] + 0.1
    assert best["w_from_m"] - 0.1 <= W <= best["w_to_m"] + 0.1
    assert best["batter_deg"] == pytest.approx(np.degrees(np.arctan(1.2 / 3.8157)), abs=0.1)
    assert "wall-screening" in result.lines["findings"].iloc[0]


def test_grids_and_positions_of_a_survey_file(tmp_path):
    for name in ("G1", "G2", "G3"):
        write_line(tmp_path / f"{name}.nc", 1.0)
    (tmp_path / "survey.toml").write_text(
        'crs = "EPSG:4547"\n[defaults.positions]\nlever_arm = [0.0, 1.2]\n'
        '[[grids]]\nlines = ["G*.nc"]\norigin = [503000.0, 2511000.0]\nazimuth = 90.0\nline_spacing = 0.5\nzigzag = true\nlength = 1.98\n'
    )
    from gprscan.survey.runner import open_line

    jobs = plan_survey(tmp_path).jobs
    lines = [open_line(job) for job in jobs]
    starts = [(float(line["x"][0]) - 503_000, float(line["y"][0]) - 2_511_000) for line in lines]
    np.testing.assert_allclose(starts, [(0, 0), (1.98, -0.5), (0, -1.0)], atol=1e-6)
    assert jobs[0].options.positions.lever_arm == (0.0, 1.2)


def test_a_zigzag_needs_a_length(tmp_path):
    path = tmp_path / "survey.toml"
    path.write_text('[[grids]]\nlines = ["a"]\norigin = [1.0, 2.0]\nazimuth = 1.0\nline_spacing = 1.0\nzigzag = true\n')
    with pytest.raises(RecipeError, match="needs the 'length'"):
        load_survey(path)

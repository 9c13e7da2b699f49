"""Frames of walls and slopes at any dip, their files, and lines on them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import gprscan as gs
from gprscan.errors import LineError, ParameterError, RecipeError
from gprscan.geometry import WallFrame, load_wall_file, place_on_wall, wall_columns
from gprscan.geometry.wall_file import TEMPLATE
from gprscan.model.findings import load

U, W = np.array([0.0, 12.0, 1.0, 11.0]), np.array([0.0, 0.2, 5.0, 4.0])


def axes(strike: float, dip: float) -> np.ndarray:
    """Rows: along, up, into of a face; `strike` is the azimuth of u, the wall lies to the left of it when it leans back."""
    along = np.array([np.sin(strike), np.cos(strike), 0.0])
    level = np.array([-np.cos(strike), np.sin(strike), 0.0])  # horizontal, away from who looks at the face
    up = np.cos(dip) * level + np.sin(dip) * np.array([0, 0, 1.0])
    return np.stack([along, up, np.sin(dip) * level - np.cos(dip) * np.array([0, 0, 1.0])])


@given(st.floats(0, 2 * np.pi), st.floats(0.05, 3.0), st.floats(-20, 40), st.floats(-5, 15), st.floats(-1, 3))
def test_control_points_and_back_at_any_dip(strike: float, dip: float, u: float, w: float, n: float) -> None:
    origin, turned = np.array([503_000.0, 2_511_000.0, 20.0]), axes(strike, dip)
    places = origin + np.stack([U, W], axis=1) @ turned[:2]
    frame = WallFrame.fit(U, W, places)
    np.testing.assert_allclose(frame.to_map(u, w, n), origin + np.array([u, w, n]) @ turned, atol=1e-6)
    np.testing.assert_allclose(frame.from_map(frame.to_map(u, w, n)), [u, w, n], atol=1e-6)
    assert np.abs(frame.residuals).max() < 1e-6
    assert frame.dip == pytest.approx(np.degrees(dip), abs=1e-4)


def test_the_stated_uncertainty_holds_the_truth() -> None:
    turned, hits, rng = axes(0.4, 1.3), [], np.random.default_rng(3)
    places = np.stack([U, W], axis=1) @ turned[:2]
    u, w = rng.uniform(-3, 15, 50), rng.uniform(-1, 6, 50)
    truth = np.stack([u, w], axis=1) @ turned[:2]
    for _ in range(60):
        frame = WallFrame.fit(U, W, places + rng.normal(0, 0.02, places.shape), 0.02)
        hits.append(np.abs(frame.to_map(u, w) - truth) <= 2 * frame.sigma_at(u, w)[:, None])
    assert np.mean(hits) > 0.9


def test_control_points_that_do_not_make_a_frame() -> None:
    places = np.stack([U, W], axis=1) @ axes(0.4, 1.5)[:2]
    with pytest.raises(ParameterError, match="three control points"):
        WallFrame.fit(U[:2], W[:2], places[:2])
    with pytest.raises(ParameterError, match="on one line"):
        WallFrame.fit([0, 5, 10], [0, 0, 0], [[0, 0, 0], [5, 0, 0], [10, 0, 0]])
    behind = places.mean(axis=0) + 3 * axes(0.4, 1.5)[2]
    WallFrame.fit(U, W, places, inside=behind[:2])
    with pytest.raises(ParameterError, match="in front of the face"):
        WallFrame.fit(-U, W, places, inside=behind[:2])


def test_the_template_is_right_and_places_a_line(tmp_path: Path) -> None:
    path = tmp_path / "RW-07.wall.toml"
    path.write_text(TEMPLATE)
    wall = load_wall_file(path)
    assert "RW-07: dip 90.0" in wall.residual_report()
    raw = gs.from_array(np.zeros((101, 8), "i2"), dt=0.1, spacing=0.1)
    line = place_on_wall(raw, wall, wall.lines[0].start, wall.lines[0].end)
    np.testing.assert_allclose(line["x"].values[[0, 100]], [503_000, 503_010], atol=1e-6)
    np.testing.assert_allclose(line["z"], 22.0, atol=1e-6)
    assert {f.code for f in load(line)} == {"wall-screening"}
    row = wall_columns({"distance_m": 4.0, "top_depth_m": 0.6, "length_m": 1.0}, line, wall)
    assert (row["u_from_m"], row["u_to_m"], row["w_from_m"]) == pytest.approx((3.5, 4.5, 0.5))
    # who looks at a face whose u runs east looks north
    assert (row["x"], row["y"], row["z"]) == pytest.approx((503_004, 2_511_000.6, 22.0))
    short = place_on_wall(raw, wall, (0.0, 0.5), (4.0, 0.5))
    assert "wall-line-length" in {f.code for f in load(short)}
    with pytest.raises(LineError, match="starts and ends"):
        place_on_wall(raw, wall, (1.0, 1.0), (1.0, 1.0))


def test_a_vertical_line_runs_up_the_face(tmp_path: Path) -> None:
    path = tmp_path / "a.wall.toml"
    path.write_text(
        TEMPLATE.replace("z = 25.50", "z = 25.30").replace("y = 2511000.00\nz = 25.30", "y = 2511000.40\nz = 25.30")
    )
    wall = load_wall_file(path)
    line = place_on_wall(gs.from_array(np.zeros((41, 8), "i2"), dt=0.1, spacing=0.1), wall, (5.0, 0.0), (5.0, 4.0))
    assert np.ptp(line["x"].values) < 0.05
    assert np.diff(line["z"].values).min() > 0.09
    finding = next(f for f in load(line) if f.code == "wall-control-misfit") if len(load(line)) > 1 else None
    assert finding is None or "dip" in finding.evidence


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('id = "RW-07"', "", r"id: is missing.\n    right: id = \"RW-07\""),
        ("face_type", "facetype", "did you mean 'face_type'"),
        ('"masonry"  ', '"wood"  ', "face_type: input should be"),
        ("u = 10.0", 'u = "ten"', r"points\[2\].u"),
        ('crs = "EPSG:4547"', 'crs = "EPSG:4490"', "not in metres"),
        ("w = 4.0", "w = 0.0", "on one line"),
        ("start = [0.0, 0.5]", "start = [0.0]", r"lines\[1\].start"),
        ('id = "RW-07"', "id = ", "no TOML"),
    ],
)
def test_each_wrong_key_is_named_with_a_right_one(tmp_path: Path, old: str, new: str, words: str) -> None:
    path = tmp_path / "a.wall.toml"
    assert old in TEMPLATE
    path.write_text(TEMPLATE.replace(old, new, 1))
    with pytest.raises(RecipeError, match=words):
        load_wall_file(path)

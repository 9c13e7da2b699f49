"""The side file of an in-pipe run."""

from __future__ import annotations

import tomllib

import numpy as np
import pytest

import gprscan as gs
from gprscan.cli.main import run as cli
from gprscan.errors import LineError, ParameterError, RecipeError
from gprscan.geometry.pipe_file import TEMPLATE, PipeFile, load_pipe_file
from gprscan.geometry.pipe_run import frame_of, place_run
from gprscan.model import findings, is_ring, pipe_of


def side_file(**changes):
    content = tomllib.loads(TEMPLATE)
    content["up"] |= {"x": 500000.0, "y": 2500000.0, "invert": 10.0}
    content["down"] |= {"x": 500030.0, "y": 2500040.0, "invert": 10.0}
    for key, value in changes.items():
        if value is None:
            content.pop(key, None)
        elif isinstance(value, dict):
            content[key] = content.get(key, {}) | value
        else:
            content[key] = value
    return content


def line(n=101, **more):
    return gs.from_array(np.zeros((n, 64), "float32"), dt=0.05, spacing=0.5, frequency=900, separation=0.06, **more)


def test_the_template_is_a_right_side_file(tmp_path, capsys):
    path = tmp_path / "RUN.pipe.toml"
    assert cli(["survey", "new-pipe", str(path)]) == 0
    assert load_pipe_file(path).segment.id == "MH12-MH13"
    assert cli(["survey", "new-pipe", str(path)]) == 7  # never overwritten
    assert cli(["survey", "new-pipe", str(tmp_path / "RUN.toml")]) == 2
    assert cli(["survey", "new-pipe"]) == 0
    assert tomllib.loads(capsys.readouterr().out)["bore"]["inner_diameter"] == 1.0


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        (
            {"bore": {"inner_diametre": 1.0}},
            r"bore.inner_diametre: there is no such key; did you mean 'inner_diameter'",
        ),
        ({"bore": {"shape": "egg"}}, r"bore: .*needs width and height"),
        ({"wall": None}, r"wall: is missing.\n    right: \[wall\]; thickness = 0.10"),
        (
            {"run": {"direction": "north"}},
            r"run.direction: .*given: 'north'\)\.\n    right: .*direction = \"downstream\"",
        ),
        ({"segment": {"crs": "EPSG:4326"}}, r"segment.crs: .*has no metres"),
        ({"down": {"x": 500000.0, "y": 2500000.0}}, r"less than 0.5 m apart"),
        ({"roll": {"log": [[1.0, 0.0], [1.0, 2.0]]}}, r"roll.log: the odometer readings"),
        ({"wall": {"thickness": "ten"}}, r"wall.thickness: .*\n    right: \[wall\]; thickness = 0.10"),
    ],
)
def test_wrong_keys_are_named_with_an_example(tmp_path, changes, named):
    path = tmp_path / "X.pipe.toml"
    path.write_text(_toml(side_file(**changes)), "utf-8")
    with pytest.raises(RecipeError, match=named):
        load_pipe_file(path)


def _toml(content):
    lines = []
    for table, entries in content.items():
        for entry in entries if isinstance(entries, list) else [entries]:
            lines.append(f"[[{table}]]" if isinstance(entries, list) else f"[{table}]")
            lines += [f"{key} = {_value(value)}" for key, value in entry.items()]
    return "\n".join(lines)


def _value(value):
    return f'"{value}"' if isinstance(value, str) else str(value).lower() if isinstance(value, bool) else repr(value)


def test_a_downstream_run_closes_on_the_manhole():
    pipe = PipeFile(**side_file(run={"odometer_end": 50.5}))
    run = place_run(line(102, time_zero=1.0), pipe)
    assert run["distance"].values[101] == pytest.approx(50.0)
    assert frame_of(run).length == pytest.approx(50.0)
    assert [run[c].values[101] for c in "xyz"] == pytest.approx([500030.0, 2500040.0, 11.0])  # crown
    assert "misclosure +0.50 m" in next(f.evidence for f in findings.load(run) if f.code == "odometer-misclosure")


def test_an_upstream_run_is_mirrored():
    antennas = [{"id": "right", "clock": 60.0, "standoff": 0.03}]
    down = place_run(line(), PipeFile(**side_file(antennas=antennas, run={"odometer_end": 50.0})))
    up = place_run(
        line(), PipeFile(**side_file(antennas=antennas, run={"direction": "upstream", "odometer_end": 50.0}))
    )
    same = {"direction": "upstream", "clock_reference": "downstream", "odometer_end": 50.0}
    fixed = place_run(line(), PipeFile(**side_file(antennas=antennas, run=same)))
    assert up["distance"].values == pytest.approx(50.0 - down["distance"].values)
    assert up["clock_angle"].values == pytest.approx(np.full(101, 300.0))
    assert fixed["clock_angle"].values == pytest.approx(np.full(101, 60.0))
    # looking downstream (to the north-east) 60 degrees lies to the south-east of the axis, 300 to the north-west
    assert down["x"].values[0] > 500000.0 > up["x"].values[-1]


def test_roll_is_corrected_per_trace():
    run = place_run(line(), PipeFile(**side_file(roll={"log": [[0.0, 0.0], [50.0, 10.0]]})))
    assert run["clock_angle"].values[[0, 50, 100]] == pytest.approx([0.0, 5.0, 10.0])


def test_a_ring():
    ring = {"odometer": 12.0, "clock_first": 0.0, "clock_last": 356.4}
    run = place_run(line(100), PipeFile(**side_file(ring=ring, run={"odometer_end": 50.0})))
    assert is_ring(run)
    assert float(run["chainage"]) == pytest.approx(12.0)
    assert float(run["distance"][-1]) == pytest.approx(np.pi * 0.99, rel=1e-3)


def test_antennas_must_fit_the_channels():
    two, pipe = gs.from_array(np.zeros((2, 5, 8)), dt=0.1, spacing=0.1), PipeFile(**side_file())
    with pytest.raises(LineError, match="names 1 antennas, but the line has 2"):
        place_run(two, pipe)


def test_read_finds_the_side_file_and_survives_a_wrong_one(tmp_path):
    gs.write(line(), tmp_path / "R.dt1")
    assert pipe_of(gs.read(tmp_path / "R.dt1")) is None
    side = tmp_path / "R.pipe.toml"
    side.write_text(_toml(side_file()), "utf-8")
    assert pipe_of(gs.read(tmp_path / "R.dt1"))["segment"] == "MH12-MH13"
    side.write_text(_toml(side_file(wall={"thickness": -1})), "utf-8")
    kept = gs.read(tmp_path / "R.dt1")
    assert kept.sizes["trace"] == 101
    assert pipe_of(kept) is None
    wrong = next(f for f in findings.load(kept) if f.code == "pipe-file-wrong")
    assert "wall.thickness" in wrong.evidence
    assert "right: [wall]" in wrong.evidence


def test_from_array_checks_the_pipe():
    assert pipe_of(line(pipe={"inner_diameter": 1.0, "wall_thickness": 0.1, "clock": 370.0}))["standoff"] == 0.0
    with pytest.raises(ParameterError, match="no key 'diameter'"):
        line(pipe={"diameter": 1.0})
    with pytest.raises(ParameterError, match="wall_thickness is None"):
        line(pipe={"inner_diameter": 1.0})
    with pytest.raises(LineError, match="clock has shape"):
        line(pipe={"inner_diameter": 1.0, "wall_thickness": 0.1, "clock": [1.0, 2.0, 3.0]})

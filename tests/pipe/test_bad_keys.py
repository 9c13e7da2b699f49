"""Every key of the side file of a pipe and of the file of a wall: wrong, misspelt or missing, it is named with a right example."""

from __future__ import annotations

import copy
import tomllib

import numpy as np
import pytest

import gprscan as gs
from gprscan.errors import RecipeError
from gprscan.geometry import pipe_file, wall_file
from gprscan.model import findings
from tests.toml import as_toml

# tables and keys that the templates show as comments
PIPE_MORE = {
    "up": {"ground": 15.6},
    "down": {"ground": 15.5},
    "centreline": {"points": [[500030.0, 2511036.0, 12.28]]},
    "wall": {"permittivity": 6.8, "permittivity_sigma": 0.5},
    "run": {"odometer_end": 36.6},
    "roll": {"log": [[0.0, 0.0], [10.0, 2.5]]},
}


def pipe_content():
    content = tomllib.loads(pipe_file.TEMPLATE)
    for table, keys in PIPE_MORE.items():
        content[table] = content.get(table, {}) | keys
    return content


def wall_content():
    shown = [line.removeprefix("# ") if " = " in line else line for line in wall_file.TEMPLATE.splitlines()]
    return tomllib.loads("\n".join(shown))


def pipe_variants():
    """Side files that have every key between them: a bore is round or not, a line is a ring or not."""
    box = pipe_content() | {"bore": {"shape": "box", "width": 1.0, "height": 1.5}}
    ring = pipe_content() | {"ring": {"odometer": 12.4, "clock_first": 0.0, "clock_last": 356.0}}
    return {"round": pipe_content(), "box": box, "ring": ring}


def keys_of(content):
    """Every (table or None, key) of a file; of lists of tables those of the first."""
    for table, entry in content.items():
        first = entry[0] if isinstance(entry, list) and entry and isinstance(entry[0], dict) else entry
        if isinstance(first, dict):
            yield from ((table, key) for key in first)
        else:
            yield None, table


def place(content, table):
    holder = content if table is None else content[table]
    return holder[0] if isinstance(holder, list) else holder


CASES = [(variant, table, key) for variant, content in pipe_variants().items() for table, key in keys_of(content)]
# each key once, in the first of the files that has it
CASES = list({(table, key): (variant, table, key) for variant, table, key in reversed(CASES)}.values())
WALL_CASES = list(keys_of(wall_content()))


def refused(tmp_path, content, kind):
    path = tmp_path / f"X.{kind}.toml"
    path.write_text(as_toml(content), "utf-8")
    with pytest.raises(RecipeError) as caught:
        (pipe_file.load_pipe_file if kind == "pipe" else wall_file.load_wall_file)(path)
    return str(caught.value)


def wrong_value(right):
    return 5 if isinstance(right, str) else "ten" if isinstance(right, int | float) else "nothing"


def test_the_cases_are_all_keys_of_the_models():
    shown = {(table, key) for _, table, key in CASES}
    for table, field in pipe_file.PipeFile.model_fields.items():
        part = next((c for c in vars(pipe_file).values() if isinstance(c, type) and c.__name__.lower() == table), None)
        if table in ("up", "down"):
            part = pipe_file.Manhole
        if table == "antennas":
            part = pipe_file.Antenna
        assert part is not None, field
        assert {key for t, key in shown if t == table} == set(part.model_fields)
    assert {key for t, key in WALL_CASES if t is None} | {"points", "lines"} == set(wall_file.WallFile.model_fields)
    assert {key for t, key in WALL_CASES if t == "points"} == set(wall_file.ControlPoint.model_fields)
    assert {key for t, key in WALL_CASES if t == "lines"} == set(wall_file.WallLine.model_fields)


@pytest.mark.parametrize("variant", ["round", "box", "ring"])
def test_the_files_are_right_before_they_are_made_wrong(tmp_path, variant):
    path = tmp_path / "X.pipe.toml"
    path.write_text(as_toml(pipe_variants()[variant]), "utf-8")
    pipe_file.load_pipe_file(path)
    path = tmp_path / "X.wall.toml"
    path.write_text(as_toml(wall_content()), "utf-8")
    wall_file.load_wall_file(path)


@pytest.mark.parametrize(("variant", "table", "key"), CASES, ids=[f"{t}.{k}" for _, t, k in CASES])
def test_a_wrong_key_of_a_pipe(tmp_path, variant, table, key):
    content = copy.deepcopy(pipe_variants()[variant])
    part = place(content, table)
    right = part[key]
    part[key] = wrong_value(right)
    said = refused(tmp_path, content, "pipe")
    where = f"{table}[1].{key}" if table == "antennas" else f"{table}.{key}"
    assert f"  {where}: " in said
    assert f"given: {wrong_value(right)!r}" in said
    assert f"right: [{table}]; {key} = " in said.replace("[[antennas]]", "[antennas]")

    part[f"{key}_"] = part.pop(key)
    said = refused(tmp_path, content, "pipe")
    assert f"{where}_: there is no such key; did you mean {key!r}?" in said
    assert key in said.split("Accepted here:")[1]


@pytest.mark.parametrize(("table", "key"), WALL_CASES, ids=[f"{t}.{k}" for t, k in WALL_CASES])
def test_a_wrong_key_of_a_wall(tmp_path, table, key):
    content = copy.deepcopy(wall_content())
    part = place(content, table)
    right = part[key]
    part[key] = wrong_value(right)
    said = refused(tmp_path, content, "wall")
    where = key if table is None else f"{table}[1].{key}"
    assert f"  {where}: " in said
    assert "given: " in said
    assert f"right: {key} = " in said

    part[f"{key}_"] = part.pop(key)
    said = refused(tmp_path, content, "wall")
    assert f"{where}_: there is no such key; did you mean {key!r}?" in said


REQUIRED = [
    ("segment", "id"), ("segment", "crs"), ("up", "id"), ("up", "x"), ("up", "y"), ("up", "invert"), ("down", "x"),
    ("wall", "thickness"), ("run", "direction"), ("antennas", "id"), ("ring", "odometer"), ("ring", "clock_first"),
    ("ring", "clock_last"), ("roll", "log"),
]  # fmt: skip


@pytest.mark.parametrize(("table", "key"), REQUIRED)
def test_a_missing_key_of_a_pipe(tmp_path, table, key):
    content = pipe_variants()["ring"]
    del place(content, table)[key]
    said = refused(tmp_path, content, "pipe")
    assert f"{key}: is missing." in said
    assert f"{key} = " in said.split("right: ")[1]


@pytest.mark.parametrize("table", ["segment", "up", "down", "bore", "wall", "run", "antennas"])
def test_a_missing_table_of_a_pipe(tmp_path, table):
    content = pipe_content()
    del content[table]
    said = refused(tmp_path, content, "pipe")
    assert f"  {table}: is missing." in said
    assert f"[{table}]" in said.split("right: ")[1]


@pytest.mark.parametrize(
    ("table", "key"),
    [(None, "id"), (None, "crs"), ("points", "u"), ("points", "z"), ("lines", "path"), ("lines", "end")],
)
def test_a_missing_key_of_a_wall(tmp_path, table, key):
    content = wall_content()
    del place(content, table)[key]
    said = refused(tmp_path, content, "wall")
    assert f"{key}: is missing." in said
    assert f"right: {key} = " in said


PIPE_CONTRADICTIONS = [
    ({"bore": {"shape": "round", "inner_diameter": 1.0, "width": 1.0}}, "bore: ", "neither width nor height"),
    ({"bore": {"shape": "egg", "inner_diameter": 1.0}}, "bore: ", "needs width and height"),
    ({"bore": {"shape": "egg", "width": 1.5, "height": 1.0}}, "bore: ", "an egg is higher"),
    ({"wall": {"thickness": 0.1, "permittivity_sigma": 0.5}}, "wall: ", "permittivity_sigma"),
    ({"down": {"id": "MH13", "x": 500048.1, "y": 2511041.2, "invert": 12.2}}, "ground", "one manhole only"),
    ({"up": {"id": "A", "x": 500012.4, "y": 2511034.8, "invert": 16.0, "ground": 15.6}}, "ground", "not above invert"),
    ({"down": {"id": "B", "x": 500012.4, "y": 2511034.8, "invert": 12.2, "ground": 15.0}}, "[down]", "apart"),
    ({"roll": {"log": [[3.0, 0.0], [1.0, 1.0]]}}, "roll.log", "must rise"),
    ({"run": {"direction": "downstream", "odometer_zero": 5.0, "odometer_end": 1.0}}, "odometer_end", "manholes are"),
]


@pytest.mark.parametrize(("changes", "named", "why"), PIPE_CONTRADICTIONS)
def test_contradictions_of_a_pipe(tmp_path, changes, named, why):
    said = refused(tmp_path, pipe_content() | changes, "pipe")
    assert named in said
    assert why in said
    assert "right: [" in said


WALL_CONTRADICTIONS = [
    ({"permittivity": None}, "permittivity_sigma", "without permittivity"),
    ({"lines": [{"path": "a", "start": [1.0, 1.0], "end": [1.0, 1.0]}]}, "lines[1]", "same place"),
    ({"lines": 2 * [{"path": "a", "start": [1.0, 1.0], "end": [2.0, 1.0]}]}, "lines", "a file is one line"),
    ({"inside": [503005.0, 2510990.0]}, "points", "in front of the face"),
]


@pytest.mark.parametrize(("changes", "named", "why"), WALL_CONTRADICTIONS)
def test_contradictions_of_a_wall(tmp_path, changes, named, why):
    content = {key: value for key, value in (wall_content() | changes).items() if value is not None}
    said = refused(tmp_path, content, "wall")
    assert named in said
    assert why in said
    assert "right:" in said


@pytest.mark.parametrize(("table", "key"), [("wall", "thickness"), ("bore", "inner_diameter"), ("up", "x")])
def test_the_traces_of_a_run_are_kept(tmp_path, table, key):
    traces = np.arange(40 * 64, dtype="float32").reshape(40, 64)
    gs.write(gs.from_array(traces, dt=0.1, spacing=0.1, frequency=900), tmp_path / "RUN.dt1")
    before = gs.read(tmp_path / "RUN.dt1")
    content = pipe_content()
    content[table][key] = "ten"
    (tmp_path / "RUN.pipe.toml").write_text(as_toml(content), "utf-8")
    kept = gs.read(tmp_path / "RUN.dt1")
    np.testing.assert_array_equal(kept["amplitude"].values, before["amplitude"].values)
    np.testing.assert_array_equal(kept["distance"].values, before["distance"].values)
    [wrong] = [finding for finding in findings.load(kept) if finding.code == "pipe-file-wrong"]
    assert f"{table}.{key}" in wrong.evidence
    assert "right: " in wrong.evidence

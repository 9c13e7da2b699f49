"""The package as a whole: what importing it costs, what it promises, and how big its pieces are."""

from __future__ import annotations

import ast
import importlib
import inspect
import json
import statistics
import subprocess
import sys
import types
from pathlib import Path

import pytest

import gprscan

SOURCE = Path(gprscan.__file__).parent
MODULES = sorted(SOURCE.rglob("*.py"))
HEAVY = ("numba", "scipy", "matplotlib", "geopandas", "dask", "xarray", "pandas", "pydantic")
MOST_LINES = 600
MEDIAN_LINES = 220


def python(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_importing_the_package_imports_nothing_heavy():
    loaded = python(f"import sys, json, gprscan\nprint(json.dumps([m for m in {HEAVY!r} if m in sys.modules]))")
    assert json.loads(loaded) == []


@pytest.mark.parametrize("order", ["import gprscan, xarray as xr", "import xarray as xr, gprscan"])
def test_the_accessor_is_there_in_both_import_orders(order):
    """With xarray loaded first it is there at once; otherwise from the first use of a function on."""
    made = "xr.Dataset({'amplitude': (('trace', 'twt'), np.zeros((2, 3)))}, {'twt': [0.0, 1.0, 2.0]})"
    code = f"import numpy as np\n{order}\nline = gprscan.from_array(np.zeros((2, 3)), dt=1.0)\n"
    python(code + f"assert line.gpr.findings == []\nassert {made}.gpr.provenance == []")
    if order.startswith("import xarray"):
        python(f"import numpy as np\n{order}\nassert {made}.gpr.findings == []")


def stub() -> ast.Module:
    return ast.parse((SOURCE / "__init__.pyi").read_text("utf-8"))


def test_the_stub_agrees_with_the_runtime():
    declared = next(
        ast.literal_eval(node.value)
        for node in stub().body
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "__all__"
    )
    imported = {
        alias.asname or alias.name for node in stub().body if isinstance(node, ast.ImportFrom) for alias in node.names
    }
    assert set(declared) == imported
    assert declared == sorted(declared)
    assert sorted(gprscan.__all__) == declared
    assert set(declared) <= set(dir(gprscan))
    for name in declared:
        found = getattr(gprscan, name)
        assert isinstance(found, types.ModuleType) or callable(found), name


def public_functions() -> list[tuple[str, object]]:
    """Return every function and class that a room, or a module under it, offers in its ``__all__``, and the public ones
    among the methods of those classes."""
    found: dict[str, object] = {}
    for name in gprscan.__all__:
        room = getattr(gprscan, name)
        if not isinstance(room, types.ModuleType):
            continue
        for public in getattr(room, "__all__", []):
            value = getattr(room, public)
            if inspect.isfunction(value) or inspect.isclass(value):
                found[f"{name}.{public}"] = value
    return sorted(found.items())


def test_every_public_function_is_documented():
    lacking = [name for name, value in public_functions() if not (inspect.getdoc(value) or "").strip()]
    assert lacking == []
    assert len(public_functions()) > 50


def test_every_public_function_says_what_it_takes_and_returns():
    lacking = []
    for name, value in public_functions():
        if not inspect.isfunction(value):
            continue
        signature = inspect.signature(inspect.unwrap(value))
        doc = inspect.getdoc(value) or ""
        given = signature.parameters.values()
        lacking += [f"{name}({p.name}) has no type" for p in given if p.annotation is inspect.Parameter.empty]
        if signature.return_annotation is inspect.Signature.empty:
            lacking.append(f"{name} has no return type")
        if len(signature.parameters) > 1 and "Parameters\n" not in doc:
            lacking.append(f"{name} does not document its parameters")
    assert lacking == []


def test_no_module_is_longer_than_a_reader_can_hold():
    lengths = {path.relative_to(SOURCE).as_posix(): len(path.read_text("utf-8").splitlines()) for path in MODULES}
    assert {name: n for name, n in lengths.items() if n > MOST_LINES} == {}
    assert statistics.median(lengths.values()) <= MEDIAN_LINES


def test_every_module_says_what_it_is_for():
    lacking = [
        p.relative_to(SOURCE).as_posix() for p in MODULES if not ast.get_docstring(ast.parse(p.read_text("utf-8")))
    ]
    assert lacking == []


def test_no_file_names_a_machine_or_a_registry():
    """Committed files are read elsewhere: no path of a developer's machine, no package index of one."""
    root = Path(__file__).resolve().parent.parent
    listed = subprocess.run(["git", "ls-files"], cwd=root, capture_output=True, text=True, check=False)
    if listed.returncode != 0:
        pytest.skip("not a git checkout")
    marks = ["/" + "root/", "/" + "home/", "/" + "work/main", "index" + "-url", "/" + "Users/"]
    guilty = []
    for name in listed.stdout.splitlines():
        path = root / name
        if not path.is_file() or path.stat().st_size > 2**20:
            continue
        text = path.read_bytes().decode("utf-8", "ignore")
        guilty += [f"{name}: {mark}" for mark in marks if mark in text]
    assert guilty == []


def test_all_rooms_can_be_imported():
    for path in MODULES:
        parts = path.relative_to(SOURCE.parent).with_suffix("").parts
        if "__main__" not in parts:
            importlib.import_module(".".join(parts[:-1] if parts[-1] == "__init__" else parts))

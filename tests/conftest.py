"""Fixtures shared by every room's tests."""

from __future__ import annotations

import os
from pathlib import Path

import matplotlib as mpl
import pytest
from hypothesis import settings

mpl.use("Agg")
# the same examples in every run; `--hypothesis-profile=default` draws new ones
settings.register_profile("repeatable", derandomize=True)
settings.load_profile("repeatable")

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real files and simulated scenes; its files are never copied into the project."""
    folder = Path(os.environ.get("GPRSCAN_SHARED") or ROOT.parent / "shared")
    if not (folder / "data").is_dir():
        pytest.skip(f"needs the shared data folder (set GPRSCAN_SHARED); {folder.name!r} has no 'data'")
    return folder

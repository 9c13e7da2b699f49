"""Running the command line in the test's own process."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from gprscan.cli.main import run


@dataclass
class Outcome:
    """What a command left behind."""

    status: int
    out: str
    err: str


@pytest.fixture
def gprscan(capsys) -> Callable[..., Outcome]:
    """``gprscan("info", path)`` runs the command and returns status, stdout and stderr."""
    logger = logging.getLogger("gprscan")
    handlers, level = list(logger.handlers), logger.level

    def call(*arguments: object) -> Outcome:
        capsys.readouterr()
        status = run([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return Outcome(status, captured.out, captured.err)

    yield call
    logger.handlers[:], logger.level = handlers, level

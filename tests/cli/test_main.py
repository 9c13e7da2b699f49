"""Statuses, messages and the price of ``--help``."""

from __future__ import annotations

import subprocess
import sys

import click
import pytest

from gprscan import errors
from gprscan.cli.main import COMMANDS, cli
from gprscan.cli.status import ExitStatus, status_of

HEAVY = ("numba", "pandas", "xarray", "scipy", "matplotlib", "geopandas", "pydantic", "rich")


def python(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False)


def test_help_imports_nothing_heavy():
    code = (
        "import sys\nfrom gprscan.cli.main import run\n"
        "assert run(['--help']) == 0\n"
        f"print('LOADED', [m for m in {HEAVY!r} if m in sys.modules])"
    )
    done = python(code)
    assert done.stdout.strip().endswith("LOADED []"), done.stdout + done.stderr
    for name, summary in COMMANDS.items():
        assert name in done.stdout
        assert summary.split(":")[0][:20] in done.stdout


@pytest.mark.parametrize("name", list(COMMANDS))
def test_every_command_has_a_help_page_and_the_summary_of_the_list_is_its_own(gprscan, name):
    done = gprscan(name, "--help")
    assert done.status == 0
    assert "Usage: gprscan" in done.out
    assert "--verbose" in done.out
    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    assert command.help


def test_the_version_is_printed(gprscan):
    assert gprscan("--version").out.startswith("gprscan 0.")


def test_usage_errors_end_with_2_and_say_what_was_meant(gprscan):
    done = gprscan("sacn")
    assert done.status == ExitStatus.USAGE
    assert "Did you mean 'scan'" in done.err
    assert gprscan("scan").status == ExitStatus.USAGE
    assert gprscan("info", "--nonsense").status == ExitStatus.USAGE


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (errors.ReadError("x"), 4),
        (errors.TruncatedFileError("x"), 4),
        (errors.RecipeError("x"), 5),
        (errors.MissingExtraError("x"), 6),
        (errors.OutputExistsError("x"), 7),
        (errors.ParameterError("x"), 2),
        (RuntimeError("x"), 1),
        (KeyboardInterrupt(), 130),
    ],
)
def test_each_cause_has_its_status(error, status):
    assert status_of(error) == status


def test_an_unexpected_error_is_one_message_and_a_traceback_only_with_vv(gprscan, monkeypatch):
    from gprscan import io

    def broken(*_args, **_kwargs):
        msg = "the moon is in the way"
        raise RuntimeError(msg)

    monkeypatch.setattr(io, "write", broken)
    monkeypatch.setattr(io, "read", broken)
    plain = gprscan("convert", "a.dzt", "b.nc")
    assert plain.status == ExitStatus.UNEXPECTED
    assert plain.err.strip().splitlines() == [
        "Error: unexpected RuntimeError: the moon is in the way. Run again with -vv for the traceback, and report it."
    ]
    for arguments in (["-vv", "convert", "a.dzt", "b.nc"], ["convert", "-vv", "a.dzt", "b.nc"]):
        assert "Traceback" in gprscan(*arguments).err


def test_an_interrupt_ends_with_130(gprscan, monkeypatch):
    from gprscan import io

    def interrupted(*_args, **_kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr(io, "read", interrupted)
    done = gprscan("convert", "a.dzt", "b.nc")
    assert done.status == ExitStatus.INTERRUPTED
    assert done.err.strip() == "Interrupted."


def test_a_closed_pipe_is_no_error():
    code = "import sys\nfrom gprscan.cli.main import main\nmain(['formats', '--json'])"
    command = f"{sys.executable} -c {code!r} | true"
    done = subprocess.run(["bash", "-o", "pipefail", "-c", command.replace("\\n", ";")], capture_output=True, text=True)
    assert "Traceback" not in done.stderr
    assert "BrokenPipe" not in done.stderr

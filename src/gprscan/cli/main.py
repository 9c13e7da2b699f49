"""The entry point: finds the command, and turns whatever ends it into one message and an exit status."""

from __future__ import annotations

import importlib
import logging
import os
import sys
from collections.abc import Sequence

import click

from gprscan.cli.status import ExitStatus, status_of
from gprscan.errors import GprscanError

# command -> module of the same name, with the summary that the list of commands shows: listing imports none of them
COMMANDS = {
    "demo": "Run the packaged sample survey end to end.",
    "info": "Show what is in a file, and what looks wrong in it.",
    "formats": "List the readable formats, and how far each was checked.",
    "steps": "List the processing steps and their parameters.",
    "recipes": "List the shipped recipes, or print one.",
    "schemes": "List the grading schemes, or print one.",
    "convert": "Convert a file to another format.",
    "process": "Apply the steps of a recipe to files.",
    "scan": "Scan a survey: map, tables and report of what is under the road.",
    "survey": "Start a side file or survey file of your own from a template.",
    "report": "Write the outputs of a finished scan again.",
    "review": "Take an engineer's verdicts on the anomalies out to a table and back in.",
    "doctor": "Check the installation.",
}


class _Commands(click.Group):
    """A group that imports a command when it is run, so that ``--help`` costs nothing."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = importlib.import_module(f"gprscan.cli.{cmd_name}").command
        if not any(parameter.name == "verbosity" for parameter in command.params):
            command.params.append(_verbose())
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            import difflib

            near = difflib.get_close_matches(args[0], COMMANDS, n=1)
            if not near:
                raise
            msg = f"{error.message} Did you mean {near[0]!r}?"
            raise click.UsageError(msg, ctx) from None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


def _count(ctx: click.Context, _: click.Parameter, value: int) -> None:
    root = ctx.find_root()
    root.meta["verbosity"] = root.meta.get("verbosity", 0) + value
    logging.getLogger("gprscan").setLevel(max(logging.DEBUG, logging.WARNING - 10 * root.meta["verbosity"]))


def _verbose() -> click.Option:
    help_text = "Say more on stderr; twice: tracebacks and debugging."
    return click.Option(
        ["-v", "--verbose", "verbosity"], count=True, callback=_count, expose_value=False, help=help_text
    )


def _version(ctx: click.Context, _: click.Parameter, value: bool) -> None:
    if value and not ctx.resilient_parsing:
        from importlib.metadata import version

        click.echo(f"gprscan {version('gprscan')}")
        ctx.exit()


cli = _Commands(
    name="gprscan",
    help=(
        "From ground-penetrating radar files to a graded, georeferenced map of underground voids.\n\n"
        "Try 'gprscan demo' first; then 'gprscan scan SURVEY -o OUT' on a file or a folder of your own."
    ),
    params=[
        click.Option(
            ["--version"], is_flag=True, is_eager=True, expose_value=False, callback=_version, help="Version."
        ),
        _verbose(),
    ],
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and leave the process with the exit status of the contract.

    Parameters
    ----------
    arguments : sequence of str, optional
        Arguments after the program's name; those of the process where left out.
    """
    sys.exit(int(run(arguments)))


def run(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit status."""
    logging.getLogger("gprscan").addHandler(logging.StreamHandler(sys.stderr))
    context: click.Context | None = None
    try:
        args = list(sys.argv[1:] if arguments is None else arguments)
        with cli.make_context("gprscan", args) as context:
            cli.invoke(context)
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except click.ClickException as error:
        error.show(file=sys.stderr)
        return int(ExitStatus.USAGE)
    except (KeyboardInterrupt, click.Abort):
        _say("Interrupted. Finished lines are kept; go on with --resume." if _is_scan(context) else "Interrupted.")
        return int(ExitStatus.INTERRUPTED)
    except BrokenPipeError:
        # the reader of a pipe, such as head, has gone: nothing is wrong; stop Python from flushing into it at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return int(ExitStatus.OK)
    except Exception as error:
        _explain(error, verbose=context is not None and context.meta.get("verbosity", 0) > 1)
        return int(status_of(error))
    return int(ExitStatus.OK)


def _is_scan(context: click.Context | None) -> bool:
    return context is not None and context.invoked_subcommand == "scan"


def _explain(error: Exception, *, verbose: bool) -> None:
    if verbose:
        import traceback

        traceback.print_exception(error, file=sys.stderr)
    if isinstance(error, GprscanError):
        _say(f"Error: {error}")
    elif isinstance(error, OSError):
        name = f"{error.filename}: " if error.filename else ""
        _say(f"Error: {name}{error.strerror or error}.")
    elif isinstance(error, MemoryError):
        _say("Error: there is not enough memory.")
    else:
        _say(f"Error: unexpected {type(error).__name__}: {error}. Run again with -vv for the traceback, and report it.")


def _say(message: str) -> None:
    click.echo(message, err=True)


if __name__ == "__main__":
    main()

"""Exit statuses by cause."""

from __future__ import annotations

from enum import IntEnum

from gprscan import errors


class ExitStatus(IntEnum):
    """What the command line returns to the shell."""

    OK = 0
    UNEXPECTED = 1
    USAGE = 2
    SOME_FILES_FAILED = 3
    NOTHING_READABLE = 4
    BAD_RECIPE_OR_SURVEY = 5
    EXTRA_MISSING = 6
    OUTPUT_EXISTS = 7
    FAIL_ON_REACHED = 10
    INTERRUPTED = 130


_BY_ERROR: tuple[tuple[type[BaseException], ExitStatus], ...] = (
    (errors.RecipeError, ExitStatus.BAD_RECIPE_OR_SURVEY),
    (errors.ReviewError, ExitStatus.BAD_RECIPE_OR_SURVEY),
    (errors.MissingExtraError, ExitStatus.EXTRA_MISSING),
    (errors.OutputExistsError, ExitStatus.OUTPUT_EXISTS),
    (errors.ReadError, ExitStatus.NOTHING_READABLE),
    (errors.ParameterError, ExitStatus.USAGE),
    (errors.UnitsError, ExitStatus.USAGE),
    (KeyboardInterrupt, ExitStatus.INTERRUPTED),
)


def status_of(error: BaseException) -> ExitStatus:
    """Return the exit status that an error ends the program with."""
    for kind, status in _BY_ERROR:
        if isinstance(error, kind):
            return status
    return ExitStatus.UNEXPECTED

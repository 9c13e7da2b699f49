"""What can go wrong, named by its cause; each error is also the built-in a Python user would catch."""


class GprscanError(Exception):
    """Root of every error that gprscan raises on purpose."""


class ReadError(GprscanError, OSError):
    """A file cannot be read into numbers that can be trusted."""


class MissingFileError(ReadError, FileNotFoundError):
    """There is no such file."""


class TruncatedFileError(ReadError):
    """The bytes of a file do not add up to whole traces."""


class UnknownFormatError(ReadError):
    """No reader recognises the file."""


class WriteError(GprscanError, OSError):
    """A line cannot be expressed in, or written to, the file that was asked for."""


class OutputExistsError(GprscanError, FileExistsError):
    """An output is there already and overwriting was not asked for."""


class LineError(GprscanError, ValueError):
    """A dataset is not a line of the gprscan data model."""


class MissingPositionError(GprscanError, ValueError):
    """An operation needs distances or coordinates that the line does not carry."""


class MissingCRSError(GprscanError, ValueError):
    """Coordinates are there, but not the reference system that they are in."""


class UnitsError(GprscanError, ValueError):
    """A quantity has a unit that does not fit."""


class ParameterError(GprscanError, ValueError):
    """A parameter of a step is out of its range or of the wrong type."""


class RecipeError(GprscanError, ValueError):
    """A recipe, a survey file or a grading scheme is malformed."""


class ReviewError(GprscanError, ValueError):
    """A file of reviews or labels is malformed, or does not fit the survey; the message names the row and the column."""


class MissingExtraError(GprscanError, ImportError):
    """An optional dependency is needed; the message names the extra to install."""

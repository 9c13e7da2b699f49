"""The packaged sample survey, and how well a scan of it did against the truth beside it."""

from __future__ import annotations

from pathlib import Path

import gprscan
from gprscan.errors import MissingFileError


def sample_folder() -> Path:
    """Return the folder of the packaged sample survey.

    In a wheel it lies in the package, in an editable install two folders above it.

    Raises
    ------
    MissingFileError
        If the installation has lost it.
    """
    package = Path(gprscan.__file__).parent
    for folder in (package / "sample_data", package.parents[1] / "sample_data"):
        if (folder / "truth.json").is_file():
            return folder
    msg = "the sample survey is not installed with gprscan; install the package again from its wheel or its repository."
    raise MissingFileError(msg)

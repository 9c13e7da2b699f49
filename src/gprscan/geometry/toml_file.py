"""TOML files that a user writes by hand, opened in one way."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from gprscan.errors import MissingFileError, RecipeError


def read_toml(path: Path, missing: str) -> dict[str, Any]:
    """Return the content of a TOML file in UTF-8, with or without a byte order mark.

    Parameters
    ----------
    path : Path
        The file.
    missing : str
        Message where it is not there.

    Raises
    ------
    MissingFileError
        If there is no such file.
    RecipeError
        If it may not be read, or is no TOML; the message says where.
    """
    try:
        return tomllib.loads(path.read_bytes().decode("utf-8-sig").replace("\r\n", "\n"))
    except FileNotFoundError:
        raise MissingFileError(missing) from None
    except OSError as error:
        msg = f"{path.name} cannot be read ({error.strerror})."
        raise RecipeError(msg) from None
    except UnicodeDecodeError as error:
        msg = f"{path.name} is not in UTF-8 ({error.reason} at byte {error.start}). Save it as UTF-8."
        raise RecipeError(msg) from None
    except tomllib.TOMLDecodeError as error:
        msg = f"{path.name} is no TOML: {error}."
        raise RecipeError(msg) from None

"""Files to lines and back: one module per vendor format behind one registry."""

from gprscan.io.reading import read
from gprscan.io.registry import Format, get_format, is_readable, list_formats
from gprscan.io.source import Source
from gprscan.io.writing import write

__all__ = ["Format", "Source", "get_format", "identify", "is_readable", "list_formats", "read", "write"]


def identify(path: str) -> Format:
    """Tell the format of a file: by content first, then by extension.

    Parameters
    ----------
    path : str or path-like
        Any file.

    Returns
    -------
    Format
        Its entry in the registry.

    Raises
    ------
    UnknownFormatError
        If no reader recognises it.
    """
    from gprscan.io import registry

    return registry.identify(Source(path))

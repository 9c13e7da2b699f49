"""The command line: one module per command. Data go to stdout, everything else to stderr."""

from gprscan.cli.main import main

__all__ = ["main"]

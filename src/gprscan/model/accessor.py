"""The ``.gpr`` accessor: every registered step as a method of a line."""

from __future__ import annotations

import importlib
from typing import Any

import xarray as xr

from gprscan.model import findings as _findings
from gprscan.model import provenance as _provenance
from gprscan.model.findings import Finding
from gprscan.model.line import require_line


@xr.register_dataset_accessor("gpr")
class GprAccessor:
    """Methods of a line. Each registered step is one: ``line.gpr.dewow()`` is ``gprscan.filters.dewow(line)``."""

    def __init__(self, line: xr.Dataset) -> None:
        self._line = require_line(line)
        # by name, since steps stand above the model; loading them hangs their methods on this class
        importlib.import_module("gprscan.steps").load_rooms()

    @property
    def findings(self) -> list[Finding]:
        """What the reader noticed about this line."""
        return _findings.load(self._line)

    @property
    def provenance(self) -> list[dict[str, Any]]:
        """The steps that made this line, oldest first."""
        return _provenance.load(self._line)


def add_method(name: str, function: Any) -> None:
    """Hang a function that takes a line first on the accessor."""

    def method(self: GprAccessor, *args: Any, **kwargs: Any) -> Any:
        return function(self._line, *args, **kwargs)

    method.__name__ = name
    method.__doc__ = function.__doc__
    method.__wrapped__ = function  # type: ignore[attr-defined]
    setattr(GprAccessor, name, method)

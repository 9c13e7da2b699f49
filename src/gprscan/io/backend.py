"""``xarray.open_dataset(path, engine="gprscan")``."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any, Literal

import xarray as xr
from xarray.backends import BackendEntrypoint


class GprscanBackend(BackendEntrypoint):
    """Opens every format of `gprscan.read` in xarray."""

    description = (
        "Ground-penetrating radar files: GSSI, Sensors & Software, MALA, ImpulseRadar, IDS, SEG-Y, SEG-2, gprMax"
    )
    open_dataset_parameters = (
        "filename_or_obj",
        "drop_variables",
        "format",
        "spacing",
        "frequency",
        "separation",
        "component",
        "crs",
        "on_truncated",
        "interval_unit",
        "whole_set",
    )

    def open_dataset(  # type: ignore[override]
        self,
        filename_or_obj: Any,
        *,
        drop_variables: str | Iterable[str] | None = None,
        format: str | None = None,
        spacing: float | str | None = None,
        frequency: float | str | None = None,
        separation: float | str | None = None,
        component: str | None = None,
        crs: Any = None,
        on_truncated: Literal["raise", "trim"] = "raise",
        interval_unit: str | None = None,
        whole_set: bool = True,
    ) -> xr.Dataset:
        """Open a file; the options are those of `gprscan.read`."""
        from gprscan.io.reading import read

        line = read(
            filename_or_obj,
            format=format,
            spacing=spacing,
            frequency=frequency,
            separation=separation,
            component=component,
            crs=crs,
            on_truncated=on_truncated,
            interval_unit=interval_unit,
            whole_set=whole_set,
        )
        if drop_variables is None:
            return line
        dropped = [drop_variables] if isinstance(drop_variables, str) else list(drop_variables)
        return line.drop_vars(dropped, errors="ignore")

    def guess_can_open(self, filename_or_obj: Any) -> bool:
        """Whether the content of a file, or the extension of a data file, is one of ours."""
        if not isinstance(filename_or_obj, str | os.PathLike):
            return False
        from gprscan.errors import ReadError
        from gprscan.io.registry import is_readable
        from gprscan.io.source import Source

        try:
            return is_readable(Source(filename_or_obj))
        except ReadError:
            return False

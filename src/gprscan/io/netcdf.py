"""The native format: NetCDF-4 that any netCDF tool reads, with findings and provenance. Layout: specs/netcdf.md."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import h5netcdf
import numpy as np
import xarray as xr
from xarray.core import indexing

from gprscan import model, names
from gprscan.errors import LineError, ReadError
from gprscan.io.atomic import Output
from gprscan.io.hdf5 import Hdf5Array, describe, peek
from gprscan.io.plain import BLOCK_BYTES
from gprscan.io.recording import ReadOptions
from gprscan.io.registry import REAL, Format, register
from gprscan.io.source import Source

# an attribute of HDF5 holds at most 64 kB in the layout that all readers know; longer texts become scalar variables
LONGEST_ATTRIBUTE = 60_000
TEXT_PREFIX = "text_"


def sniff(source: Source) -> bool:
    """Whether this is an HDF5 file that says it holds a line."""
    content = peek(source)
    return names.SCHEMA in content["attrs"] or names.AMPLITUDE in content["datasets"]


def read(source: Source, options: ReadOptions) -> xr.Dataset:
    """Read a line that gprscan wrote; samples stay on disk until they are used."""
    content = describe(source)
    schema = content["attrs"].get(names.SCHEMA)
    if str(schema) != names.SCHEMA_VERSION:
        stated = (
            f"its attribute {names.SCHEMA} is {schema!r}"
            if schema is not None
            else f"it has no attribute {names.SCHEMA}"
        )
        msg = (
            f"{source.name}: no gprscan line ({stated}; {names.SCHEMA_VERSION!r} is known). For other NetCDF files use "
            "xarray.open_dataset and gprscan.from_array."
        )
        raise ReadError(msg)
    variables, attrs = {}, dict(content["attrs"])
    for name, info in content["datasets"].items():
        if info["dimension_only"] or "/" in name:
            continue
        if name.startswith(TEXT_PREFIX) and info["dtype"] == "text" and not info["shape"]:
            attrs[name.removeprefix(TEXT_PREFIX)] = str(xr.Variable((), _lazy(source, name)).values)
        else:
            variables[name] = _variable(source, name, info)
    attrs.pop("_NCProperties", None)
    attrs = {key: _scalar(value) for key, value in attrs.items()}
    try:
        line = xr.decode_cf(xr.Dataset(variables, attrs=attrs), decode_timedelta=False)
        line = model.require_line(line)
    except (ValueError, LineError, KeyError, TypeError, OverflowError) as error:
        msg = f"{source.name}: does not hold a line ({error})."
        raise ReadError(msg) from None
    return with_options(line, options)


def _lazy(source: Source, name: str) -> Any:
    return indexing.LazilyIndexedArray(Hdf5Array(source, name))


def _variable(source: Source, name: str, info: dict[str, Any]) -> xr.Variable:
    if len(info["dims"]) != len(info["shape"]) or "" in info["dims"]:
        msg = f"{source.name}: the variable {name} has no named dimensions."
        raise ReadError(msg)
    variable = xr.Variable(
        info["dims"], _lazy(source, name), {key: _scalar(value) for key, value in info["attrs"].items()}
    )
    # everything but the samples is small, and is wanted at once
    return variable if name == names.AMPLITUDE else variable.load()


def _scalar(value: Any) -> Any:
    """NetCDF keeps a number as an array of one."""
    return value[0] if isinstance(value, list) and len(value) == 1 else value


def with_options(line: xr.Dataset, options: ReadOptions) -> xr.Dataset:
    """Return the line with what the user said about it."""
    n = line.sizes[names.TRACE]
    if options.spacing is not None:
        line = line.assign_coords({names.DISTANCE: (names.TRACE, np.arange(n) * options.spacing, {"units": "m"})})
    for name, value in ((names.FREQUENCY, options.frequency), (names.SEPARATION, options.separation)):
        if value is not None:
            line = line.assign_coords({name: ((), value, {"units": names.UNITS[name]})})
    return line


def write_netcdf(line: xr.Dataset, path: Path) -> list[Output]:
    """Plan the file of a line in NetCDF-4."""
    return [Output(path, lambda part: _fill(part, line))]


def _fill(part: Path, line: xr.Dataset) -> None:
    shell = line.drop_vars(names.AMPLITUDE)
    attrs, texts = _storable(line.attrs)
    shell = shell.assign(
        {TEXT_PREFIX + key: ((), np.array(value, dtype=object)) for key, value in texts.items()}
    ).assign_attrs()
    shell.attrs = attrs
    for variable in shell.variables.values():
        variable.attrs = _storable(variable.attrs)[0]
        variable.encoding = {}
    shell.to_netcdf(part, engine="h5netcdf")
    variable = line[names.AMPLITUDE].variable
    with h5netcdf.File(part, "a") as file:
        for dim, size in variable.sizes.items():
            if dim not in file.dimensions:
                file.dimensions[str(dim)] = size
        stored = variable.dtype.newbyteorder("=")
        target = file.create_variable(names.AMPLITUDE, tuple(str(d) for d in variable.dims), dtype=stored)
        for key, value in _storable(variable.attrs)[0].items():
            target.attrs[key] = value
        n = variable.sizes[names.TRACE]
        rows = max(1, BLOCK_BYTES // max(1, variable.nbytes // n))
        for start in range(0, n, rows):
            chosen = slice(start, min(start + rows, n))
            target[(..., chosen, slice(None))] = variable.isel({names.TRACE: chosen}).values


def _storable(attrs: dict[Any, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """Split attributes into those that NetCDF takes (no dict, bool, None), and texts too long for an attribute."""
    short: dict[str, Any] = {}
    long: dict[str, str] = {}
    for key, value in attrs.items():
        plain = _plain(value)
        if plain is None:
            continue
        if isinstance(plain, str) and len(plain.encode()) > LONGEST_ATTRIBUTE:
            long[str(key)] = plain
        else:
            short[str(key)] = plain
    return short, long


def plain_attribute(value: Any, *, as_json: bool = False) -> Any:
    """Return an attribute in a type that NetCDF takes, or with `as_json` one that JSON takes."""
    plain = _plain(value)
    if as_json and isinstance(plain, np.ndarray | np.generic):
        return plain.tolist()
    return plain


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, str | float):
        return value
    if isinstance(value, bool | np.bool_):
        return int(value)
    if isinstance(value, int | np.number):
        return value
    if isinstance(value, np.ndarray) and value.dtype.kind in "iuf":
        return value
    if (
        isinstance(value, list | tuple)
        and value
        and all(isinstance(v, int | float) and not isinstance(v, bool) for v in value)
    ):
        return np.array(value)
    return json.dumps(value, ensure_ascii=False, default=str)


register(
    Format(
        name="netcdf",
        title="gprscan NetCDF",
        suffixes=(".nc",),
        side_suffixes=(),
        maturity=REAL,
        sniff=sniff,
        read=read,
        write=write_netcdf,
        write_suffixes=(".nc",),
        keeps_findings=True,
        note="the native format; opened in a child process",
    )
)

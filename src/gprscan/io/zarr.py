"""Zarr (version 2, a folder): the native format for object stores. Layout: specs/zarr.md."""

from __future__ import annotations

import json
import math
import re
import struct
import zlib
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from xarray.backends import BackendArray
from xarray.core import indexing

from gprscan import model, names
from gprscan.errors import LineError, ReadError
from gprscan.io.atomic import Output
from gprscan.io.netcdf import plain_attribute, with_options
from gprscan.io.plain import BLOCK_BYTES
from gprscan.io.recording import ReadOptions, require
from gprscan.io.registry import SPECIFICATION, Format, register
from gprscan.io.source import Source

DIMENSIONS = "_ARRAY_DIMENSIONS"
MAX_ITEMS = 2**40
_KINDS = "iufb"
_TEXT_FILTER = [{"id": "vlen-utf8"}]


def sniff(source: Source) -> bool:
    """Whether this is a folder with the metadata of a Zarr group."""
    return source.is_folder


def read(source: Source, options: ReadOptions) -> xr.Dataset:
    """Read a line; samples stay on disk until they are used."""
    require(source.is_folder, source, "Zarr is a folder, and this is a file", "Unpack it, or give the folder.")
    attrs = _json(source, ".zattrs")
    schema = attrs.get(names.SCHEMA)
    problem = f"no gprscan line (its attribute {names.SCHEMA} is {schema!r}; {names.SCHEMA_VERSION!r} is known)"
    advice = "For other Zarr stores use xarray.open_zarr and gprscan.from_array."
    require(str(schema) == names.SCHEMA_VERSION, source, problem, advice)
    variables = {}
    for folder in sorted(path for path in source.path.iterdir() if (path / ".zarray").is_file()):
        variables[folder.name] = _variable(source, folder.name)
    try:
        line = xr.decode_cf(xr.Dataset(variables, attrs=attrs), decode_timedelta=False)
        line = model.require_line(line)
    except (ValueError, LineError, KeyError, TypeError, OverflowError) as error:
        msg = f"{source.name}: does not hold a line ({error})."
        raise ReadError(msg) from None
    return with_options(line, options)


def _json(source: Source, name: str) -> dict[str, Any]:
    path = source.path / name
    try:
        if path.stat().st_size > BLOCK_BYTES:
            msg = f"{source.name}: {name} is too long for metadata."
            raise ReadError(msg)
        content = json.loads(path.read_bytes())
    except FileNotFoundError:
        return {}
    except (ValueError, RecursionError) as error:
        msg = f"{source.name}: {name} is no JSON ({error})."
        raise ReadError(msg) from None
    require(isinstance(content, dict), source, f"{name} is no JSON object")
    return dict(content)


def _variable(source: Source, name: str) -> xr.Variable:
    array = ZarrArray(source, name, _json(source, f"{name}/.zarray"))
    attrs = _json(source, f"{name}/.zattrs")
    dims = attrs.pop(DIMENSIONS, None)
    good = isinstance(dims, list) and len(dims) == len(array.shape) and all(isinstance(d, str) for d in dims)
    require(good, source, f"the array {name} has no named dimensions")
    assert isinstance(dims, list)
    variable = xr.Variable(dims, indexing.LazilyIndexedArray(array), attrs)
    # everything but the samples is small, and is wanted at once
    return variable if name == names.AMPLITUDE else variable.load()


class ZarrArray(BackendArray):
    """One array of a Zarr folder for xarray: only the chunks that are needed are read."""

    def __init__(self, source: Source, name: str, meta: dict[str, Any]) -> None:
        self.folder, self.name = source.path / name, f"{source.name}/{name}"
        problem = f"the array {name} is not one that is known here"
        self.text = meta.get("filters") == _TEXT_FILTER and meta.get("dtype") == "|O"
        try:
            self.shape = tuple(int(n) for n in meta["shape"])
            self.chunks = tuple(int(n) for n in meta["chunks"])
            # NumPy would take the text of a type for an expression
            if not (self.text or re.fullmatch(r"[<>|]\w\d{1,3}(\[\w{1,2}\])?", str(meta["dtype"]))):
                raise ValueError(meta["dtype"])
            self.stored = np.dtype(object if self.text else str(meta["dtype"]))
            compressor = meta.get("compressor")
            self.codec = compressor["id"] if compressor else None
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            require(False, source, f"{problem} ({error})")
        self.separator = str(meta.get("dimension_separator", "."))
        self.fill = meta.get("fill_value")
        advice = "Write it again with gprscan, or open it with xarray.open_zarr."
        known = self.codec in (None, "zlib", "gzip") and meta.get("order", "C") == "C" and self.separator in "./"
        known &= self.text or (self.stored.kind in _KINDS and not meta.get("filters"))
        require(known, source, f"{problem}: type {meta.get('dtype')}, compression {self.codec}", advice)
        sane = len(self.chunks) == len(self.shape) and all(0 <= n < MAX_ITEMS for n in self.shape)
        sane = sane and all(0 < n < MAX_ITEMS for n in self.chunks) and math.prod(self.shape) < MAX_ITEMS
        require(sane, source, f"the array {name} has the shape {self.shape} in chunks of {self.chunks}")
        self._bound(source)
        self.dtype = self.stored.newbyteorder("=")

    def _bound(self, source: Source) -> None:
        """Refuse shapes that the chunks on disk do not back: nothing is allocated by a lying header."""
        files = [entry for entry in self.folder.rglob("*") if entry.is_file() and not entry.name.startswith(".")]
        held = sum(entry.stat().st_size for entry in files) * (1 if self.codec is None else 200)
        items = max(math.prod(self.shape), math.prod(self.chunks))  # a chunk that is missing is made of its fill value
        need = items * (4 if self.text else self.stored.itemsize)
        require(need <= held + 2**20, source, f"{self.name} claims {need} bytes, and its chunks hold {held} at most")

    def __getitem__(self, key: indexing.ExplicitIndexer) -> Any:
        return indexing.explicit_indexing_adapter(key, self.shape, indexing.IndexingSupport.OUTER, self._read)

    def _read(self, key: tuple[Any, ...]) -> Any:
        if not self.shape:
            return self._chunk(())
        wanted = [np.atleast_1d(np.arange(n)[k]) for n, k in zip(self.shape, key, strict=True)]
        out = np.empty([len(w) for w in wanted], dtype=self.dtype)
        along = [np.unique(w // c) for w, c in zip(wanted, self.chunks, strict=True)]
        for number in product(*along):
            inside = [np.flatnonzero(w // c == i) for w, c, i in zip(wanted, self.chunks, number, strict=True)]
            local = [w[at] - i * c for w, at, c, i in zip(wanted, inside, self.chunks, number, strict=True)]
            out[np.ix_(*inside)] = self._chunk(tuple(int(i) for i in number))[np.ix_(*local)]
        dropped = tuple(i for i, k in enumerate(key) if isinstance(k, int | np.integer))
        return out.reshape([n for i, n in enumerate(out.shape) if i not in dropped])

    def _chunk(self, number: tuple[int, ...]) -> np.ndarray:
        path = self.folder / (self.separator.join(map(str, number)) or "0")
        items = math.prod(self.chunks)
        try:
            raw = path.read_bytes()
        except FileNotFoundError:
            return np.full(self.chunks, "" if self.text else self._fill_value(), dtype=self.dtype)
        except OSError as error:
            msg = f"{self.name}: the chunk {path.name} cannot be read ({error.strerror})."
            raise ReadError(msg) from error
        if self.codec is not None:
            raw = self._inflate(raw, items * (4096 if self.text else self.stored.itemsize))
        if self.text:
            return np.array(_texts(raw, items, self.name), dtype=object).reshape(self.chunks)
        if len(raw) != items * self.stored.itemsize:
            expected = items * self.stored.itemsize
            msg = f"{self.name}: the chunk {path.name} has {len(raw)} bytes, {expected} are needed. Copy it again."
            raise ReadError(msg)
        return np.frombuffer(raw, self.stored).reshape(self.chunks).astype(self.dtype, copy=False)

    def _fill_value(self) -> Any:
        if isinstance(self.fill, int | float):
            return self.fill
        return np.nan if self.stored.kind == "f" else 0

    def _inflate(self, raw: bytes, limit: int) -> bytes:
        machine = zlib.decompressobj(wbits=47)  # zlib or gzip, told by the header
        try:
            return machine.decompress(raw, limit + 1)
        except zlib.error as error:
            msg = f"{self.name}: a chunk is damaged ({error}). Copy it again."
            raise ReadError(msg) from None


def _texts(raw: bytes, items: int, name: str) -> list[str]:
    """Decode texts as numcodecs stores them: their number, then each with its length before it, in bytes."""
    out, at = [], 4
    try:
        (count,) = struct.unpack_from("<I", raw)
        for _ in range(min(count, items)):
            (length,) = struct.unpack_from("<I", raw, at)
            out.append(raw[at + 4 : at + 4 + length].decode("utf-8"))
            at += 4 + length
    except (struct.error, UnicodeDecodeError):
        out = []
    if len(out) != items:
        msg = f"{name}: a chunk of texts is damaged. Copy it again."
        raise ReadError(msg)
    return out


def write_zarr(line: xr.Dataset, path: Path) -> list[Output]:
    """Plan the folder of a line in Zarr, version 2, without compression, with consolidated metadata."""
    return [Output(path, lambda part: _fill(part, line))]


def _fill(part: Path, line: xr.Dataset) -> None:
    part.mkdir()
    attrs = {key: plain_attribute(value, as_json=True) for key, value in line.attrs.items() if value is not None}
    meta: dict[str, Any] = {".zgroup": {"zarr_format": 2}}
    coordinates = " ".join(sorted(str(name) for name in line.coords if name not in line.dims))
    meta[".zattrs"] = {**attrs, "coordinates": coordinates} if coordinates else attrs
    shell = line.drop_vars(names.AMPLITUDE)
    encoded, _ = xr.conventions.cf_encoder({k: _bare(v) for k, v in shell.variables.items()}, {})
    variables = {**encoded, names.AMPLITUDE: line[names.AMPLITUDE].variable}
    for name, variable in variables.items():
        folder = part / str(name)
        folder.mkdir()
        info, blocks = _array(variable)
        own = {key: plain_attribute(value, as_json=True) for key, value in variable.attrs.items() if value is not None}
        meta[f"{name}/.zarray"] = info
        meta[f"{name}/.zattrs"] = {**own, DIMENSIONS: [str(dim) for dim in variable.dims]}
        for number, raw in blocks:
            (folder / number).write_bytes(raw)
    for name, content in meta.items():
        (part / name).write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
    consolidated = {"zarr_consolidated_format": 1, "metadata": meta}
    (part / ".zmetadata").write_text(json.dumps(consolidated, ensure_ascii=False), encoding="utf-8")


def _bare(variable: xr.Variable) -> xr.Variable:
    out = variable.copy(deep=False)
    out.encoding = {}
    return out


def _array(variable: xr.Variable) -> tuple[dict[str, Any], Iterator[tuple[str, bytes]]]:
    """Return the metadata of an array and its chunks: cut along the traces, so that a slice of them reads little."""
    shape = list(variable.shape)
    text = variable.dtype.kind in "OUS"
    stored = np.dtype(object) if text else variable.dtype.newbyteorder("<")
    chunks, axis = [max(n, 1) for n in shape], -1
    if names.TRACE in variable.dims and not text:
        axis = variable.dims.index(names.TRACE)
        per_trace = max(1, variable.nbytes // max(1, shape[axis]))
        chunks[axis] = max(1, min(shape[axis], BLOCK_BYTES // per_trace))
    info = {
        "zarr_format": 2,
        "shape": shape,
        "chunks": chunks,
        "dtype": "|O" if text else stored.str,
        "compressor": None,
        "fill_value": "" if text else None,
        "order": "C",
        "filters": _TEXT_FILTER if text else None,
    }
    return info, _blocks(variable, stored, chunks, axis)


def _blocks(variable: xr.Variable, stored: np.dtype, chunks: list[int], axis: int) -> Iterator[tuple[str, bytes]]:
    if stored.kind == "O":
        words = [str(word).encode("utf-8") for word in np.atleast_1d(np.asarray(variable.values, dtype=object)).ravel()]
        raw = struct.pack("<I", len(words)) + b"".join(struct.pack("<I", len(word)) + word for word in words)
        yield ".".join("0" * max(1, variable.ndim)), raw
        return
    if axis < 0:
        yield ".".join("0" * max(1, variable.ndim)), np.asarray(variable.values).astype(stored).tobytes()
        return
    for number, start in enumerate(range(0, variable.shape[axis], chunks[axis])):
        part = np.asarray(variable.isel({variable.dims[axis]: slice(start, start + chunks[axis])}).values)
        missing = chunks[axis] - part.shape[axis]
        if missing:  # chunks are all of one size; what is beyond the array means nothing
            part = np.concatenate([part, np.zeros_like(part.take([0] * missing, axis=axis))], axis=axis)
        yield (
            ".".join(str(number) if i == axis else "0" for i in range(variable.ndim)),
            np.ascontiguousarray(part).astype(stored, copy=False).tobytes(),
        )


register(
    Format(
        name="zarr",
        title="gprscan Zarr",
        suffixes=(".zarr",),
        side_suffixes=(),
        maturity=SPECIFICATION,
        sniff=sniff,
        read=read,
        write=write_zarr,
        write_suffixes=(".zarr",),
        keeps_findings=True,
        note="a folder, version 2; as complete as NetCDF; read without compression or with zlib",
    )
)

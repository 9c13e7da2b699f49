"""The child process that touches HDF5 files: run by path, talks JSON and raw bytes over its standard streams.

The HDF5 library crashes or hangs on a few broken files in a thousand. Here it takes down this process, which is started
again, and not the user's session. Imports nothing of gprscan, so that it starts fast.
"""

from __future__ import annotations

import json
import math
import os
import signal
import struct
import sys
from typing import Any, BinaryIO

import h5py
import numpy as np

MAX_OBJECTS = 4096
MAX_ATTRIBUTE = 2**24  # bytes
HEADROOM = 2**29  # bytes of address space over four times the file
_INTERNAL = {"DIMENSION_LIST", "REFERENCE_LIST", "CLASS", "NAME", "_Netcdf4Dimid", "_Netcdf4Coordinates", "_nc3_strict"}


def _limit_memory(path: str) -> None:
    """Keep a lying header from eating the machine's memory."""
    try:
        import resource

        with open("/proc/self/statm") as file:
            used = int(file.read().split()[0]) * os.sysconf("SC_PAGE_SIZE")
        soft = used + 4 * os.path.getsize(path) + HEADROOM
        hard = resource.getrlimit(resource.RLIMIT_AS)[1]
        resource.setrlimit(resource.RLIMIT_AS, (soft if hard == resource.RLIM_INFINITY else min(soft, hard), hard))
    except (ImportError, OSError, ValueError):
        pass  # no such limits on this system: the time-out remains


def _limit_time(seconds: float) -> None:
    """End this process where the library hangs and nobody is left to end it; 0 lifts the limit."""
    if hasattr(signal, "alarm"):  # not on Windows
        # the default action of the signal needs no interpreter, which the library may hold up
        signal.alarm(math.ceil(2 * seconds))


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, str | int | float):
        return value
    array = np.asarray(value)
    if array.nbytes > MAX_ATTRIBUTE or array.dtype.kind not in "iufbSUO":
        return None
    items = array.tolist()
    if array.dtype.kind in "iufb":
        return items
    flat = items if isinstance(items, list) else [items]
    texts = [t.decode("utf-8", "replace") if isinstance(t, bytes) else t for t in flat]
    return (texts if isinstance(items, list) else texts[0]) if all(isinstance(t, str) for t in texts) else None


def _attributes(thing: Any) -> dict[str, Any]:
    out = {}
    for name in thing.attrs:
        if name in _INTERNAL:
            continue
        try:
            value = _plain(thing.attrs[name])
        except (OSError, ValueError, TypeError, KeyError, RuntimeError):
            continue
        if value is not None:
            out[name] = value
    return out


def _dimensions(dataset: Any) -> list[str]:
    """Names of the dimension scales of a netCDF-4 variable; a scale is its own dimension."""
    if dataset.attrs.get("CLASS") in (b"DIMENSION_SCALE", "DIMENSION_SCALE"):
        return [dataset.name.rpartition("/")[2]] if dataset.ndim == 1 else []
    return [axis[0].name.rpartition("/")[2] if len(axis) else "" for axis in dataset.dims]


def describe(path: str) -> dict[str, Any]:
    """Return groups and datasets with their attributes, shapes and types."""
    out: dict[str, Any] = {"attrs": {}, "groups": {}, "datasets": {}}
    with h5py.File(path, "r", locking=False) as file:
        out["attrs"] = _attributes(file)
        stack = [(file, "")]
        while stack and len(out["groups"]) + len(out["datasets"]) < MAX_OBJECTS:
            group, prefix = stack.pop()
            for name in group:
                if group.get(name, getlink=True).__class__ is not h5py.HardLink:
                    continue  # external and soft links lead out of the file, or in circles
                full = f"{prefix}/{name}" if prefix else name
                item = group[name]
                if isinstance(item, h5py.Group):
                    if full.count("/") < 8:
                        out["groups"][full] = _attributes(item)
                        stack.append((item, full))
                elif isinstance(item, h5py.Dataset) and item.shape is not None:
                    out["datasets"][full] = _describe_dataset(item)
    return out


def _describe_dataset(item: Any) -> dict[str, Any]:
    text = h5py.check_string_dtype(item.dtype) is not None
    kind = "text" if text else item.dtype.str if item.dtype.kind in "iufb" else "other"
    try:
        dims = _dimensions(item)
    except (OSError, ValueError, RuntimeError, KeyError):
        dims = []
    name = item.attrs.get("NAME", b"")
    name = name.decode("utf-8", "replace") if isinstance(name, bytes) else str(name)
    return {
        "shape": list(item.shape),
        "dtype": kind,
        "bytes": int(item.size) * item.dtype.itemsize,
        "dims": dims,
        "dimension_only": "not a netCDF variable" in name,
        "attrs": _attributes(item),
    }


def read(path: str, name: str, key: list[Any]) -> tuple[dict[str, Any], bytes]:
    """Return part of a dataset: key holds integers and [start, stop, step]."""
    index = tuple(slice(*k) if isinstance(k, list) else k for k in key)
    with h5py.File(path, "r", locking=False) as file:
        dataset = file[name]
        if h5py.check_string_dtype(dataset.dtype) is not None:
            values = np.asarray(dataset.asstr(errors="replace")[index], dtype=object)
            return {"text": values.tolist(), "shape": list(values.shape)}, b""
        array = np.asarray(dataset[index], order="C")
        array = array.astype(array.dtype.newbyteorder("="), copy=False)
        return {"shape": list(array.shape), "dtype": array.dtype.str}, array.tobytes()


def _answer(out: BinaryIO, body: dict[str, Any], payload: bytes = b"") -> None:
    raw = json.dumps(body).encode()
    out.write(struct.pack("<QQ", len(raw), len(payload)))
    out.write(raw)
    out.write(payload)
    out.flush()


def main() -> None:
    """Answer requests, one JSON line each, until the parent closes the pipe."""
    out = sys.stdout.buffer
    sys.stdout = sys.stderr
    _answer(out, {"ready": True})
    for line in sys.stdin.buffer:
        request = json.loads(line)
        try:
            _limit_memory(request["path"])
            _limit_time(request["seconds"])
            if request["do"] == "describe":
                _answer(out, describe(request["path"]))
            else:
                _answer(out, *read(request["path"], request["name"], request["key"]))
        except MemoryError:
            _answer(out, {"error": "it asks for far more memory than it has bytes"})
        except Exception as error:  # whatever the library throws is the parent's ReadError
            _answer(out, {"error": f"{type(error).__name__}: {error}"[:2000]})
        finally:
            _limit_time(0)


if __name__ == "__main__":
    main()

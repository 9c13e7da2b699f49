"""HDF5 files, opened in a child process that can be killed; their datasets as lazy arrays."""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import struct
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
from xarray.backends import BackendArray
from xarray.core import indexing

from gprscan.errors import ReadError
from gprscan.io.source import Source

SIGNATURE = b"\x89HDF\r\n\x1a\n"
START_SECONDS = 60.0
TIMEOUT_SECONDS = 10.0
SLOWEST_BYTES_PER_SECOND = 10e6
# a dataset may be compressed, but not a thousandfold: all-fill datasets of a lying header are refused
MAX_EXPANSION = 200
FLOOR_BYTES = 16 * 2**20


class _Child:
    """One child process; requests are answered one at a time."""

    def __init__(self) -> None:
        self.pid = os.getpid()
        self.lock = threading.Lock()
        script = Path(__file__).with_name("_hdf5_child.py")
        self.process = subprocess.Popen(
            [sys.executable, "-P", str(script)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        self._receive_within(START_SECONDS)

    def ask(self, request: dict[str, Any], seconds: float) -> tuple[dict[str, Any], bytes] | None:
        """Send a request and return the answer; None where the child was gone before, with the request of another thread.

        Raises
        ------
        ReadError
            If the child died or did not answer in time; it is gone then.
        """
        with self.lock:
            assert self.process.stdin is not None
            if self.process.stdin.closed:
                return None
            try:
                self.process.stdin.write(json.dumps({**request, "seconds": seconds}).encode() + b"\n")
                self.process.stdin.flush()
            except (OSError, ValueError):  # the pipe is broken, or another thread found the child dead and closed it
                self.close()
                msg = "the HDF5 library crashed on it"
                raise ReadError(msg) from None
            return self._receive_within(seconds)

    def _receive_within(self, seconds: float) -> tuple[dict[str, Any], bytes]:
        answer: list[tuple[dict[str, Any], bytes]] = []
        reader = threading.Thread(target=self._receive, args=(answer,), daemon=True)
        reader.start()
        try:
            reader.join(seconds)
        except BaseException:
            self.close()  # an answer that comes after an interrupt would be taken for that of the next request
            raise
        late = reader.is_alive()
        if late or not answer:
            self.close()
            reader.join()
            msg = f"the HDF5 library did not answer within {seconds:g} s" if late else "the HDF5 library crashed on it"
            raise ReadError(msg)
        return answer[0]

    def _receive(self, answer: list[tuple[dict[str, Any], bytes]]) -> None:
        assert self.process.stdout is not None
        with contextlib.suppress(OSError, ValueError, struct.error):
            body, payload = struct.unpack("<QQ", self.process.stdout.read(16))
            text = self.process.stdout.read(body)
            raw = self.process.stdout.read(payload)
            if len(raw) == payload:
                answer.append((json.loads(text), raw))

    def close(self) -> None:
        """End the child."""
        self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout):
            with contextlib.suppress(OSError):
                if stream is not None:
                    stream.close()


_child: _Child | None = None
_starting = threading.Lock()


def _living_child() -> _Child:
    global _child
    with _starting:
        # after a fork the pipes belong to the parent: this process starts a child of its own
        if _child is not None and _child.pid == os.getpid() and _child.process.poll() is not None:
            _child.close()
            _child = None
        if _child is None or _child.pid != os.getpid():
            _child = _Child()
        return _child


def _ask(source_name: str, request: dict[str, Any], seconds: float) -> tuple[dict[str, Any], bytes]:
    child = _living_child()
    try:
        while (answer := child.ask(request, seconds)) is None:
            child = _living_child()
    except ReadError as error:
        msg = f"{source_name}: {error}. The file is damaged; copy it again, or repair it with h5recover or h5repack."
        raise ReadError(msg) from None
    body, payload = answer
    if "error" in body:
        msg = f"{source_name}: not readable as HDF5 ({body['error']}). Copy it again, or repair it with h5repack."
        raise ReadError(msg)
    return body, payload


@atexit.register
def _close_child() -> None:
    if _child is not None and _child.pid == os.getpid():
        _child.close()


def is_hdf5(source: Source) -> bool:
    """Whether the file carries the HDF5 signature, at the start or after a user block."""
    return source.head.startswith(SIGNATURE) or source.head[512:520] == SIGNATURE


def describe(source: Source) -> dict[str, Any]:
    """Return what an HDF5 file holds: ``attrs``, ``groups`` and ``datasets``.

    Raises
    ------
    ReadError
        If it is no HDF5 file, or the library crashes, hangs or complains.
    """
    if not is_hdf5(source):
        msg = f"{source.name}: no HDF5 file (its signature is missing). It is damaged, or not what its name says."
        raise ReadError(msg)
    cached = source.__dict__.get("_hdf5")
    if cached is None:
        try:
            cached = _ask(source.name, {"do": "describe", "path": str(source.path)}, TIMEOUT_SECONDS)[0]
        except ReadError as error:
            cached = error  # several readers ask: a file that hangs must not do so for each
        source.__dict__["_hdf5"] = cached
    if isinstance(cached, ReadError):
        raise cached
    return cached


def peek(source: Source) -> dict[str, Any]:
    """Return what an HDF5 file holds, as `describe`; empty for one that cannot be read, or is none."""
    empty: dict[str, Any] = {"attrs": {}, "groups": {}, "datasets": {}}
    if not is_hdf5(source):
        return empty
    try:
        return describe(source)
    except ReadError:
        return empty


def read_dataset(path: str, name: str, key: tuple[Any, ...], n_bytes: int) -> Any:
    """Return part of a dataset as an array of its own type; text as an array of str."""
    wanted = [[k.start, k.stop, k.step] if isinstance(k, slice) else int(k) for k in key]
    request = {"do": "read", "path": path, "name": name, "key": wanted}
    seconds = TIMEOUT_SECONDS + n_bytes / SLOWEST_BYTES_PER_SECOND
    body, payload = _ask(Path(path).name, request, seconds)
    if "text" in body:
        out = np.empty(tuple(body["shape"]), dtype=object)
        out[...] = body["text"]
        return out
    return np.frombuffer(payload, np.dtype(body["dtype"])).reshape(body["shape"])


class Hdf5Array(BackendArray):
    """A dataset of an HDF5 file for xarray; read by the child process when it is used.

    Parameters
    ----------
    source : Source
        The file.
    name : str
        Path of the dataset in it.
    flip : bool
        Hand out the transpose.

    Raises
    ------
    ReadError
        If the dataset is no plain array, or claims to be far larger than the file.
    """

    def __init__(self, source: Source, name: str, *, flip: bool = False) -> None:
        info = describe(source)["datasets"][name]
        if info["dtype"] == "other":
            msg = f"{source.name}: {name} is not a plain array of numbers or text."
            raise ReadError(msg)
        if info["bytes"] > MAX_EXPANSION * source.size + FLOOR_BYTES:
            msg = f"{source.name}: {name} claims {info['bytes']} bytes, in a file of {source.size}."
            raise ReadError(msg)
        self.path, self.name, self.flip = str(source.path), name, flip
        self.shape = tuple(info["shape"][::-1] if flip else info["shape"])
        stored = np.dtype(object if info["dtype"] == "text" else info["dtype"])
        self.dtype = stored.newbyteorder("=") if stored.kind != "O" else stored

    def __getitem__(self, key: indexing.ExplicitIndexer) -> Any:
        return indexing.explicit_indexing_adapter(key, self.shape, indexing.IndexingSupport.BASIC, self._read)

    def _read(self, key: tuple[Any, ...]) -> Any:
        n_bytes = int(np.prod(self.shape, dtype="float64")) * self.dtype.itemsize
        values = read_dataset(self.path, self.name, key[::-1] if self.flip else key, n_bytes)
        return values.T if self.flip else values

"""Kontur / 3D-Radar .vol volumes: documented by an open reader only. Layout: specs/vol.md."""

from __future__ import annotations

import math
import struct
import xml.etree.ElementTree as ET
from typing import Any

import numpy as np
import xarray as xr
from xarray.backends import BackendArray
from xarray.core import indexing

from gprscan.geometry.decoding import decode_text
from gprscan.io import checks
from gprscan.io.antenna import unknown
from gprscan.io.direct_wave import nominal_time_zero
from gprscan.io.interval import radar_interval
from gprscan.io.lazy import as_positions, blocks, fill_from, lazy_variable, opened, probe
from gprscan.io.recording import ReadOptions, Recording, check_counts, layout_of, require, to_line, whole_traces
from gprscan.io.registry import DOCUMENTED, Format, register
from gprscan.io.source import Source
from gprscan.model.findings import Finding

MAGIC = struct.pack(">i", 192837465)
_SHORTEST = 60  # bytes of the header before the words that point to the XML
_XML_LIMIT = 4 * 2**20
_PROBE_BYTES = 4 * 2**20


def sniff(source: Source) -> bool:
    """Whether the file begins with the magic number."""
    return source.head[:4] == MAGIC


def read(source: Source, options: ReadOptions) -> xr.Dataset:
    """Read a volume: x becomes traces, y channels, z time."""
    require(sniff(source), source, "it does not begin with the number 192837465 of a volume")
    require(len(source.head) >= _SHORTEST, source, f"the header needs {_SHORTEST} bytes, here are {source.size}")
    size, nz, ny, nx, bits = struct.unpack_from(">5i", source.head, 4)
    version = struct.unpack_from(">3i", source.head, 40)
    require(
        _SHORTEST <= size < source.size, source, f"the header says that it is {size} bytes of the file's {source.size}"
    )
    check_counts(source, nz, max(ny, 1))
    require(nx >= 1 and ny >= 1, source, f"the header says a volume of {nx} x {ny} x {nz}")
    meta = _metadata(source, size)
    dt, findings = _interval(source, meta, nz, options)
    if nx == 1 or ny == 1:
        data, sample, found = _profile(source, size, max(nx, ny), nz, options)
    else:
        data, sample, found = _volume(source, size, (nz, nx, ny), bits)
    findings += [*found, unknown(""), *checks.samples(sample, source.name)]
    spacing = _length(meta, "DeltaValueX")
    if spacing is None:
        findings.append(checks.time_triggered(source.name, "the metadata hold no DeltaValueX"))
    across = _length(meta, "DeltaValueY")
    zero, found = nominal_time_zero(sample, dt, None, source.name, f"MinValueZ {meta.get('MinValueZ', 'missing')}")
    findings += found
    channels = data.sizes.get("channel", 1)
    recording = Recording(
        data=data,
        dt=dt,
        time_zero=zero,
        spacing=spacing,
        offsets=[across * (i - (channels - 1) / 2) for i in range(channels)] if across and channels > 1 else None,
        instrument="Kontur 3D-Radar",
        header={"x": nx, "y": ny, "z": nz, "bits": bits, "version": ".".join(map(str, version)), **meta},
        findings=findings,
    )
    return to_line(recording, source, "vol", options)


def _metadata(source: Source, header_size: int) -> dict[str, str]:
    """Return the attributes of the XML block that say what the axes are, empty without one."""
    if header_size < 68 or len(source.head) < 68:
        return {}
    at, count = struct.unpack_from(">2i", source.head, 60)
    inside = at >= 0 and 0 < count <= min(_XML_LIMIT, source.size - at)
    require(inside, source, f"its metadata are said to be {count} bytes at byte {at} of {source.size}")
    text = decode_text(source.read(at, count)).strip()
    require("<!DOCTYPE" not in text and "<!ENTITY" not in text, source, "its metadata declare entities")
    try:
        root = ET.fromstring(text)
    except (ET.ParseError, ValueError) as error:
        require(False, source, f"its metadata are no XML ({error})")
    out: dict[str, str] = {}
    for element in root.iter():
        name = element.tag.rpartition("}")[2]
        if name == "meta-data" and "DataDomainType" in element.attrib:
            out |= {key: value for key, value in element.attrib.items() if key not in out}
        elif name == "entry" and "name" in element.attrib:
            out.setdefault(element.attrib["name"], element.attrib.get("value", ""))
    return out


def _length(meta: dict[str, str], key: str) -> float | None:
    try:
        value = float(meta[key])
    except (KeyError, ValueError):
        return None
    return value if math.isfinite(value) and 1e-4 <= value <= 100 else None


def _interval(
    source: Source, meta: dict[str, str], n_samples: int, options: ReadOptions
) -> tuple[float, list[Finding]]:
    domain = meta.get("DataDomainType", "")
    advice = "Convert it to the time domain with the maker's program."
    require("freq" not in domain.lower(), source, f"its samples are over frequency (DataDomainType {domain!r})", advice)
    try:
        value = float(meta.get("DeltaValueZ", "nan"))
    except ValueError:
        value = math.nan
    problem = f"DeltaValueZ, the sampling interval, is {meta.get('DeltaValueZ', 'missing')!r}"
    require(math.isfinite(value) and value > 0, source, problem, "Export it with its metadata, or as SEG-Y.")
    usual = "s" if value < 1e-7 else "ns"  # no radar samples every 100 s, nor within 1e-7 ns
    return radar_interval(source, value, n_samples, usual, options.interval_unit, field="DeltaValueZ")


def _profile(
    source: Source, start: int, n: int, n_samples: int, options: ReadOptions
) -> tuple[xr.Variable, np.ndarray, list[Finding]]:
    """Return a volume of one row: float32, trace after trace."""
    stored = np.dtype(">f4")
    n_traces, findings = whole_traces(source, start, 4 * n_samples, f"{n_samples} floats of 32 bits", options)
    findings += checks.trace_count(source.name, "x or y", float(n), n_traces)
    layout = layout_of(source, offset=start, n_traces=n_traces, n_samples=n_samples, stored=stored)
    return lazy_variable(layout), probe(layout), findings


def _volume(
    source: Source, start: int, shape: tuple[int, int, int], bits: int
) -> tuple[xr.Variable, np.ndarray, list[Finding]]:
    """Return the real part of a volume of complex integers, plane of z after plane."""
    require(bits in (32, 64), source, f"the header says {bits} bits per complex sample; 32 and 64 are known")
    needed = start + math.prod(shape) * bits // 8
    problem = f"the header says {shape[1]} x {shape[2]} x {shape[0]} samples of {bits} bits, {needed} bytes"
    require(needed <= source.size, source, f"{problem}, but the file has {source.size}", "Truncated: copy it again.")
    planes = _Planes(str(source.path), start, shape, np.dtype(f">i{bits // 16}"))
    variable = xr.Variable(("channel", "trace", "twt"), indexing.LazilyIndexedArray(planes))
    run = max(1, min(shape[1], _PROBE_BYTES // max(1, shape[0] * shape[2] * bits // 8)) // 4)
    chosen = np.unique([np.arange(first, first + run) for first in np.linspace(0, shape[1] - run, 4).astype(int)])
    sample = np.asarray(variable[:, chosen].values).transpose(1, 0, 2)
    what = "The samples are complex; their real part is the radar signal that is kept."
    evidence = f"{bits} bits per sample; x is taken as along, y as across the line"
    then = "No description of the format by its maker was at hand: check the orientation against the maker's program."
    return variable, sample, [Finding("volume-axes-assumed", "warning", what, source.name, evidence, then)]


class _Planes(BackendArray):
    """Real parts of a volume stored as (z, x, y) pairs, handed out as (channel = y, trace = x, sample = z)."""

    def __init__(self, path: str, start: int, stored: tuple[int, int, int], kind: np.dtype) -> None:
        self.path, self.start, self.stored, self.kind = path, start, stored, kind
        nz, nx, ny = stored
        self.shape, self.dtype = (ny, nx, nz), kind.newbyteorder("=")

    def __getitem__(self, key: indexing.ExplicitIndexer) -> Any:
        return indexing.explicit_indexing_adapter(key, self.shape, indexing.IndexingSupport.OUTER, self._read)

    def _read(self, key: tuple[Any, ...]) -> Any:
        channels, traces, samples = (as_positions(k, n) for k, n in zip(key, self.shape, strict=True))
        out = np.empty((len(channels), len(traces), len(samples)), dtype=self.dtype)
        if out.size:
            _, nx, ny = self.stored
            pair = 2 * self.kind.itemsize
            with opened(self.path) as file:
                for first, count, rows, where in blocks(traces, ny * pair):
                    block = np.empty((count, ny, 2), dtype=self.kind)
                    for i, z in enumerate(samples):
                        fill_from(file, self.start + (int(z) * nx + first) * ny * pair, block)
                        out[:, where, i] = block[rows][:, channels, 0].T
        dropped = tuple(i for i, k in enumerate(key) if isinstance(k, int | np.integer))
        return out.reshape([n for i, n in enumerate(out.shape) if i not in dropped])


register(
    Format(
        name="vol",
        title="Kontur 3D-Radar VOL",
        suffixes=(".vol",),
        side_suffixes=(),
        maturity=DOCUMENTED,
        sniff=sniff,
        read=read,
        note="no real file was at hand; time-domain volumes with their metadata; y becomes channels",
    )
)

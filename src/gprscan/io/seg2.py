"""SEG-2, and the files of US Radar (.RAD) that are SEG-2. Layout: specs/seg2.md."""

from __future__ import annotations

import datetime
import math
import struct
from dataclasses import dataclass, replace

import numpy as np
import xarray as xr

from gprscan.errors import TruncatedFileError
from gprscan.geometry import Fixes
from gprscan.geometry.decoding import decode_text
from gprscan.io import checks
from gprscan.io.antenna import unknown
from gprscan.io.direct_wave import nominal_time_zero
from gprscan.io.interval import radar_interval
from gprscan.io.lazy import ScatteredTraces, lazy_variable, probe, probe_scattered
from gprscan.io.recording import ReadOptions, Recording, check_counts, layout_of, require, to_line
from gprscan.io.registry import REAL, Format, register
from gprscan.io.source import Source
from gprscan.model.findings import Finding

_BLOCK, _TRACE = 0x3A55, 0x4422
_FIXED = 32  # bytes of a block before its pointers or strings
_STORED = {1: "i2", 2: "i4", 3: "u2", 4: "f4", 5: "f8"}
_PACKED = 3  # 20 bits: four samples in five words
_FEET = 0.3048


@dataclass(frozen=True)
class _Block:
    """The file descriptor block: byte order, where traces begin, and its strings."""

    order: str
    pointers: np.ndarray
    strings: dict[str, str]


def sniff(source: Source) -> bool:
    """Whether the first word is that of a SEG-2 block, and a trace block is where the first pointer says."""
    order = _order(source.head)
    if order is None or len(source.head) < _FIXED + 4:
        return False
    (first,) = struct.unpack_from(f"{order}I", source.head, _FIXED)
    start = source.read(first, 2)
    return len(start) == 2 and struct.unpack(f"{order}H", start)[0] == _TRACE


def _order(head: bytes) -> str | None:
    return {b"\x55\x3a": "<", b"\x3a\x55": ">"}.get(head[:2])


def read(source: Source, options: ReadOptions) -> xr.Dataset:
    """Read a SEG-2 file."""
    block, findings = _block(source, options)
    data, heads, sample, found = _traces(source, block, options)
    findings += found
    strings = [_strings(head, _FIXED, block.order) for head in heads]
    n_traces, n_samples = data.shape
    text = block.strings | strings[0]
    dt, found = _interval(source, text, n_samples, options)
    findings += found
    distance, found = _distance(source, text, strings)
    findings += found + checks.samples(sample, source.name) + [unknown(text.get("ANTENNA_TYPE_DETECTED", ""))]
    stated = _number(text, "SPR_SAMPLES_PER_SCAN")
    if stated is not None:
        findings += checks.disagreement(
            "header-samples-disagree",
            "Strings and trace blocks disagree on the samples per trace.",
            source.name,
            ("trace blocks", float(n_samples)),
            ("SPR_SAMPLES_PER_SCAN", stated),
            0.0,
            "The trace blocks rule.",
        )
    zero, found = _time_zero(source, text, sample, dt)
    side = source.side_file(".gps")
    recording = Recording(
        data=data,
        dt=dt,
        time_zero=zero,
        distance=distance,
        mark=_marks(strings),
        fixes=_fixes(side, n_traces) if side is not None else None,
        acquired=_acquired(block.strings),
        instrument=text.get("INSTRUMENT", "").strip()[:80],
        header=dict(text),
        findings=[*findings, *found],
    )
    return to_line(recording, source, "seg2", options)


def _block(source: Source, options: ReadOptions) -> tuple[_Block, list[Finding]]:
    order = _order(source.head)
    require(order is not None, source, "it does not begin with the word 3a55 of SEG-2")
    require(len(source.head) >= _FIXED, source, f"the file block needs {_FIXED} bytes, here are {source.size}")
    assert order is not None
    size, count = struct.unpack_from(f"{order}HH", source.head, 4)
    require(0 < count <= size // 4, source, f"it says {count} traces, and room for {size // 4} pointers to them")
    raw = source.read(_FIXED, 4 * count)
    require(len(raw) == 4 * count, source, f"it ends before its {count} trace pointers do")
    pointers = np.frombuffer(raw, f"{order}u4").astype("i8")
    problem = (
        f"trace {int(np.argmin(pointers)) + 1} is said to begin at byte {int(pointers.min())}, within the file block"
    )
    require(bool((pointers >= _FIXED).all()), source, problem)
    pointers, findings = _inside(source, pointers, _FIXED, options)
    start = _FIXED + size
    text = source.read(start, max(0, int(pointers.min()) - start))
    return _Block(order, pointers, _strings(text, 0, order)), findings


def _inside(
    source: Source, pointers: np.ndarray, length: int, options: ReadOptions
) -> tuple[np.ndarray, list[Finding]]:
    """Return the pointers of traces of a length that end within the file.

    Raises
    ------
    TruncatedFileError
        If some do not, unless they are to be trimmed and others are left.
    """
    whole = pointers + length <= source.size
    if whole.all():
        return pointers, []
    first, kept = int(np.argmin(whole)), int(whole.sum())
    problem = (
        f"trace {first + 1} of {len(pointers)} ends at byte {int(pointers[first]) + length}, the file at {source.size}"
    )
    if options.on_truncated != "trim" or not kept:
        advice = f"read it with on_truncated='trim' to keep {kept} whole traces" if kept else "copy it again"
        msg = f"{source.name}: {problem}. Probably truncated; {advice}."
        raise TruncatedFileError(msg)
    what, then = "The file ends before its last trace.", "The traces that are not whole were left out, as asked for."
    return pointers[whole], [Finding("truncated-file", "warning", what, source.name, problem, then)]


def _strings(raw: bytes, at: int, order: str) -> dict[str, str]:
    """Return strings ``KEY value`` that follow each other, each with its length before it."""
    out: dict[str, str] = {}
    while at + 2 < len(raw):
        (length,) = struct.unpack_from(f"{order}H", raw, at)
        if length < 3:
            break
        key, _, value = decode_text(raw[at + 2 : at + length]).strip().partition(" ")
        out.setdefault(key.upper(), value.strip())
        at += length
    return out


def _traces(
    source: Source, block: _Block, options: ReadOptions
) -> tuple[xr.Variable, list[bytes], np.ndarray, list[Finding]]:
    """Return the samples (read when they are used), the trace blocks, and a probe."""
    first = source.read(int(block.pointers[0]), _FIXED)
    word, size, n_bytes, n_samples, code = struct.unpack_from(f"{block.order}HHIIB", first)
    require(word == _TRACE, source, f"the first trace block begins with {word:#06x}, not {_TRACE:#06x}")
    require(code in _STORED, source, f"samples have the format code {code}; 1 to 5 are known")
    check_counts(source, n_samples)
    stored = np.dtype(f"{block.order}{_STORED[code]}")
    require(size >= _FIXED, source, f"the first trace block says that it is {size} bytes long")
    items = packed_words(n_samples) if code == _PACKED else n_samples
    n_bytes = items * stored.itemsize
    pointers, findings = _inside(source, block.pointers, size + n_bytes, options)
    block = replace(block, pointers=pointers)
    step = np.diff(block.pointers)
    if code != _PACKED and (step.size == 0 or bool((step == size + n_bytes).all())):
        layout = layout_of(
            source,
            offset=int(block.pointers[0]),
            n_traces=len(block.pointers),
            n_samples=n_samples,
            stored=stored,
            prefix=size,
        )
        heads = [row.tobytes() for row in layout.headers()]
        _check_alike(source, block, heads, size, n_samples, code)
        return lazy_variable(layout), heads, probe(layout), findings
    require(bool((np.diff(np.sort(block.pointers)) >= size + n_bytes).all()), source, "its traces overlap")
    heads = [source.read(int(at), size) for at in block.pointers]
    _check_alike(source, block, heads, size, n_samples, code)
    traces = ScatteredTraces(
        str(source.path), block.pointers + size, n_samples, stored, items, unpack_20_bit if code == _PACKED else None
    )
    return traces.variable(), heads, probe_scattered(traces), findings


def packed_words(n_samples: int) -> int:
    """Return the 16-bit words of a trace of 20-bit samples: four and the word of their exponents; a rest likewise."""
    whole, rest = divmod(n_samples, 4)
    return 5 * whole + (1 + rest if rest else 0)


def unpack_20_bit(words: np.ndarray, n_samples: int) -> np.ndarray:
    """Decode 20-bit floating samples (format 3).

    Parameters
    ----------
    words : ndarray of uint16, shape (trace, word)
        Groups of five: four exponents of 4 bits, the lowest bits those of the first sample, and four mantissas.
    n_samples : int
        Samples per trace.

    Returns
    -------
    ndarray of int32, shape (trace, sample)
        ``mantissa * 2^exponent`` with the mantissa a signed word (Pullan 1990): at most 31 bits.
    """
    k = np.arange(n_samples)
    groups, place = np.divmod(k, 4)
    exponent = (words[:, 5 * groups].astype("i4") >> (4 * place)) & 15
    mantissa = np.ascontiguousarray(words[:, 5 * groups + 1 + place]).astype("u2").view("i2").astype("i4")
    return np.asarray(np.left_shift(mantissa, exponent), dtype="i4")


def _check_alike(source: Source, block: _Block, heads: list[bytes], size: int, n_samples: int, code: int) -> None:
    for i, head in enumerate(heads):
        found = struct.unpack_from(f"{block.order}HH4xIB", head)
        if found != (_TRACE, size, n_samples, code):
            problem = (
                f"the block of trace {i + 1} says {found[2]} samples of code {found[3]}, the first one {n_samples} of "
                f"code {code}"
                if found[0] == _TRACE
                else f"there is no trace block where trace {i + 1} should begin"
            )
            require(False, source, problem, "Traces that differ are not supported, or the file is damaged there.")


def _number(text: dict[str, str], key: str) -> float | None:
    try:
        value = float(text[key].split()[0])
    except (KeyError, ValueError, IndexError):
        return None
    return value if math.isfinite(value) else None


def _interval(
    source: Source, text: dict[str, str], n_samples: int, options: ReadOptions
) -> tuple[float, list[Finding]]:
    """Take SAMPLE_INTERVAL (seconds by the standard), else what US Radar writes, without a documented unit."""
    for key, usual, declared in (("SAMPLE_INTERVAL", "s", "s"), ("SPR_SAMPLING_INTERVAL", "ps", "")):
        value = _number(text, key)
        if value is not None:
            unit = options.interval_unit
            return radar_interval(source, value, n_samples, usual, unit, declared=declared, field=key)
    require(False, source, "there is neither SAMPLE_INTERVAL nor SPR_SAMPLING_INTERVAL in it")
    raise AssertionError


def _distance(
    source: Source, text: dict[str, str], strings: list[dict[str, str]]
) -> tuple[np.ndarray | None, list[Finding]]:
    n = len(strings)
    unit = _FEET if text.get("UNITS", "").upper().startswith("FE") else 1.0
    step, trigger = _number(text, "SPR_SHAFT_INTERVAL"), text.get("SPR_TRIGGER_MODE", "")
    if step is not None and trigger.upper() == "SHAFT" and 0 < step * unit <= 100:
        return np.arange(n) * step * unit, []
    along = np.array([_number(entry, "RECEIVER_LOCATION") for entry in strings], dtype="float64") * unit
    if n > 1 and np.isfinite(along).all() and bool((np.diff(along) > 0).all()) and np.abs(along).max() < 1e7:
        return along, []
    return None, [checks.time_triggered(source.name, f"trigger {trigger or 'not stated'}, no distances in the traces")]


def _time_zero(source: Source, text: dict[str, str], sample: np.ndarray, dt: float) -> tuple[float, list[Finding]]:
    delay = _number(text, "DELAY")  # s, of the first sample after the pulse
    if delay is not None and -dt * sample.shape[-1] < delay * 1e9 < 0:
        return -delay * 1e9, []
    return nominal_time_zero(sample, dt, None, source.name, f"DELAY {text.get('DELAY', 'missing')}")


def _marks(strings: list[dict[str, str]]) -> xr.Variable | None:
    flags = np.array([bool(_number(entry, "SPR_MARKER")) for entry in strings], dtype="i1")
    return xr.Variable("trace", flags) if flags.any() else None


def _acquired(text: dict[str, str]) -> str:
    """Return date and time as the standard writes them (14/MAR/2025); three numbers do not tell day from month."""
    try:
        date = datetime.datetime.strptime(text.get("ACQUISITION_DATE", ""), "%d/%b/%Y").date()
    except ValueError:
        return ""
    try:
        time = datetime.datetime.strptime(text.get("ACQUISITION_TIME", ""), "%H:%M:%S").time()
    except ValueError:
        return date.isoformat()
    return datetime.datetime.combine(date, time).isoformat()


def _fixes(side: Source, n_traces: int) -> Fixes | None:
    """Read the GPS file of US Radar: a count, then rows of index, trace (from 1), latitude, longitude, height, ..."""
    rows, bad = [], 0
    for line in side.text().splitlines()[1:]:
        words = line.split(",")
        if not line.strip():
            continue
        try:
            trace, latitude, longitude, height = (float(words[i]) for i in (1, 2, 3, 4))
        except (ValueError, IndexError):
            bad += 1
            continue
        if abs(latitude) <= 90 and abs(longitude) <= 180 and abs(trace) < 2**31 and abs(height) < 1e5:
            rows.append((trace - 1, longitude, latitude, height))
        else:
            bad += 1
    if not rows:
        return None
    findings = []
    if bad:
        what, evidence = "Rows of the position file are damaged.", f"{bad} of {bad + len(rows)} rows"
        findings.append(Finding("position-rows-damaged", "warning", what, side.name, evidence, "They were left out."))
    columns = np.array(rows, dtype="float64").T
    return Fixes(columns[0], columns[1], columns[2], columns[3], source=side.name, findings=findings)


register(
    Format(
        name="seg2",
        title="SEG-2, US Radar RAD",
        suffixes=(".sg2", ".seg2", ".dat", ".rad"),
        side_suffixes=(".gps",),
        maturity=REAL,
        sniff=sniff,
        read=read,
        shared_suffixes=True,
        note="US Radar on a real file; 20-bit packed, 32-bit, float and big-endian on files made from the specification",
    )
)

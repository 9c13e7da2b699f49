"""Binary output of gprMax, version 2 (GprMax2D and 3D). Layout: specs/gprmax2.md."""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass

import numpy as np
import xarray as xr

from gprscan.errors import ParameterError
from gprscan.geometry.decoding import decode_text
from gprscan.io import checks
from gprscan.io.antenna import unknown
from gprscan.io.direct_wave import nominal_time_zero
from gprscan.io.lazy import lazy_variable, probe
from gprscan.io.recording import ReadOptions, Recording, check_counts, layout_of, require, to_line
from gprscan.io.registry import DOCUMENTED, Format, register
from gprscan.io.source import Source
from gprscan.model.findings import Finding

_ORDERS = {b"\x67\x2b": "<", b"\x2b\x67": ">"}
_FIXED = 16
_GEOMETRY = (20155, 20205)
_COMPONENTS = ("Ex", "Ey", "Ez", "Hx", "Hy", "Hz", "Ix", "Iy", "Iz")
_LONGEST_HEADER = 4096  # bytes; one source and one receiver take some hundreds
_LIGHT = 299_792_458.0  # m/s


@dataclass(frozen=True)
class _Header:
    order: str
    real: int
    title: str
    iterations: int
    cells: tuple[float, ...]
    dt: float
    end: int  # byte after the time step


def sniff(source: Source) -> bool:
    """Whether the file begins with the byte-order word of gprMax 2, and what follows is a model that is stable."""
    return source.head[:2] in _ORDERS and _header(source) is not None


def _header(source: Source) -> _Header | None:
    head = source.head
    order = _ORDERS.get(head[:2])
    if order is None or len(head) < _FIXED:
        return None
    word, real, length = struct.unpack_from(f"{order}3h", head, 4)
    if word not in (2, 4) or real not in (4, 8) or not 0 <= length <= 1024:
        return None
    at = _FIXED + length
    numbers = struct.unpack_from(f"{order}5{'f' if real == 4 else 'd'}", head.ljust(at + 5 * real, b"\0"), at)
    if not all(math.isfinite(number) for number in numbers) or not 1 <= numbers[0] < 2**31:
        return None
    for n_cells in (3, 2):
        cells, dt = numbers[1 : 1 + n_cells], numbers[1 + n_cells]
        if numbers[0] % 1 == 0 and all(1e-6 < cell < 10 for cell in cells) and _is_stable(cells, dt):
            title = decode_text(head[_FIXED:at]).strip()
            end = at + (2 + n_cells) * real
            return _Header(order, real, title, int(numbers[0]), tuple(cells), dt, end)
    return None


def _is_stable(cells: tuple[float, ...], dt: float) -> bool:
    """Whether a time step in s lies below the limit of Courant, Friedrichs and Lewy, and not far below."""
    limit = 1 / (_LIGHT * math.sqrt(sum(cell**-2 for cell in cells)))
    return 0.01 * limit < dt < 1.001 * limit


def read(source: Source, options: ReadOptions) -> xr.Dataset:
    """Read a field component of the receiver of an A-scan, or of a file with one receiver and several steps."""
    header = _header(source)
    require(header is not None, source, "its header is not that of an output file of gprMax 2")
    assert header is not None
    (kind,) = struct.unpack_from(f"{header.order}h", source.head, 2)
    require(kind not in _GEOMETRY, source, "it is a geometry file of gprMax 2, not the output of receivers", "")
    check_counts(source, header.iterations)
    record = header.iterations * len(_COMPONENTS) * header.real
    n_traces, start = divmod(source.size, record)
    problem = (
        f"{header.iterations} iterations of {len(_COMPONENTS)} components are {record} bytes a trace, which leaves a header "
        f"of {start} bytes in the file's {source.size}; at least {header.end} and at most {_LONGEST_HEADER} are right"
    )
    require(n_traces >= 1 and header.end <= start <= _LONGEST_HEADER, source, problem)
    if n_traces > 1:
        (steps,) = struct.unpack_from(f"{header.order}h", source.head, header.end)
        problem = f"it holds {n_traces} traces but says {steps} steps, so it has several receivers"
        require(steps == n_traces, source, problem, "Their order is not known; run the model with gprMax 3 or 4.")
    layout = layout_of(
        source,
        offset=start,
        n_traces=n_traces,
        n_samples=header.iterations * len(_COMPONENTS),
        stored=np.dtype(f"{header.order}f{header.real}"),
    )
    values = probe(layout).reshape(-1, header.iterations, len(_COMPONENTS)).astype("float64")
    component, findings = _component(source, values, options)
    which = _COMPONENTS.index(component)
    data = lazy_variable(layout)[:, which :: len(_COMPONENTS)]
    sample = values[:, None, :, which]
    if n_traces > 1:
        findings.append(checks.time_triggered(source.name, "steps are cells of the model, in fields not documented"))
    zero, found = nominal_time_zero(sample, header.dt * 1e9, None, source.name, "no waveform recorded")
    findings += [*found, unknown(""), *checks.samples(sample, source.name)]
    recording = Recording(
        data=data,
        dt=header.dt * 1e9,
        time_zero=zero,
        instrument="gprMax 2",
        header={
            "Title": header.title,
            "Iterations": header.iterations,
            "cells": list(header.cells),
            "component": component,
        },
        findings=findings,
    )
    return to_line(recording, source, "gprmax2", options)


def _component(source: Source, values: np.ndarray, options: ReadOptions) -> tuple[str, list[Finding]]:
    """Return the component asked for, else the electric one with the most energy."""
    if options.component is not None:
        if options.component not in _COMPONENTS:
            known = ", ".join(_COMPONENTS)
            msg = f"{source.name}: there is no component {options.component!r}; the file has {known}."
            raise ParameterError(msg)
        return options.component, []
    with np.errstate(invalid="ignore", over="ignore"):
        energy = np.nansum(np.nan_to_num(values[..., :3], posinf=0, neginf=0) ** 2, axis=(0, 1))
        share = float(energy.max() / max(energy.sum(), 1e-300))
    best = _COMPONENTS[int(np.argmax(energy))]
    what = "The file does not tell the polarisation of the source."
    evidence = f"{best} holds {share:.1%} of the energy of Ex, Ey, Ez"
    then = f"{best} was taken. Choose another with gprscan.read(path, component=...)."
    return best, [Finding("component-by-energy", "info", what, source.name, evidence, then)]


register(
    Format(
        name="gprmax2",
        title="gprMax 2",
        suffixes=(".out",),
        side_suffixes=(),
        maturity=DOCUMENTED,
        sniff=sniff,
        read=read,
        shared_suffixes=True,
        note="no real file was at hand; one receiver, one or more steps",
    )
)

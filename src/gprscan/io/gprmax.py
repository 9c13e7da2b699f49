"""Output of the simulator gprMax, versions 3 and 4 (HDF5). Layout: specs/gprmax.md."""

from __future__ import annotations

import math
import re
from typing import Any

import numpy as np
import xarray as xr
from xarray.core import indexing

from gprscan.errors import ParameterError
from gprscan.io import checks
from gprscan.io.antenna import unknown
from gprscan.io.direct_wave import nominal_time_zero
from gprscan.io.hdf5 import Hdf5Array, describe, peek
from gprscan.io.recording import ReadOptions, Recording, check_counts, require, to_line
from gprscan.io.registry import REAL, Format, register
from gprscan.io.source import Source
from gprscan.model.findings import Finding


def sniff(source: Source) -> bool:
    """Whether this is an HDF5 file with receivers and a time step."""
    content = peek(source)
    return "rxs" in content["groups"] and "dt" in content["attrs"]


def read(source: Source, options: ReadOptions) -> xr.Dataset:
    """Read a field component of the receivers of a gprMax file; several receivers become channels."""
    content = describe(source)
    dt = _number(content["attrs"].get("dt"))
    require(dt is not None and 0 < dt < 1e-3, source, f"the time step dt is {content['attrs'].get('dt')!r} s")
    assert dt is not None
    receivers = _receivers(content)
    require(
        bool(receivers), source, "there is no receiver with samples in it (group rxs)", "Is it a gprMax output file?"
    )
    model_input = _input_file(source)
    component, findings = _component(source, content, receivers, model_input, options)
    paths = [f"rxs/{name}/{component}" for name in receivers if f"rxs/{name}/{component}" in content["datasets"]]
    data = _samples(source, content, paths)
    spacing, found = _spacing(content, model_input, data)
    findings += found
    separation = _separation(content, receivers[0])
    frequency, time_zero = _waveform(model_input)
    if frequency is None:
        findings.append(unknown(""))
    if time_zero is None:
        probe = np.asarray(data[0].values if data.ndim == 3 else data.values)[:, None, :]
        evidence = "no waveform recorded"
        time_zero, found = nominal_time_zero(probe, dt * 1e9, separation, source.name, evidence)
        findings += found
    stated = _number(content["attrs"].get("Iterations"))
    if stated is not None and int(stated) != data.shape[-1]:
        findings += checks.disagreement(
            "iterations-disagree",
            "The stated number of iterations is not that of the samples.",
            source.name,
            ("samples", float(data.shape[-1])),
            ("Iterations", stated),
            0.0,
            "All samples are kept.",
        )
    recording = Recording(
        data=data,
        dt=dt * 1e9,
        time_zero=time_zero,
        spacing=spacing,
        frequency=frequency,
        separation=separation,
        labels=[path.split("/")[1] for path in paths] if data.ndim == 3 else None,
        instrument=f"gprMax {content['attrs'].get('gprMax', '')}".strip(),
        header={**{k: v for k, v in content["attrs"].items() if _is_json(v)}, "component": component},
        findings=findings,
    )
    return to_line(recording, source, "gprmax", options)


def _is_json(value: Any) -> bool:
    items = value if isinstance(value, list) else [value]
    return all(isinstance(v, str | int) or (isinstance(v, float) and math.isfinite(v)) for v in items)


def _number(value: Any) -> float | None:
    """Return a scalar, also where it is stored as an array of one."""
    while isinstance(value, list) and len(value) == 1:
        value = value[0]
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else None


def _vector(value: Any) -> list[float] | None:
    good = (
        isinstance(value, list)
        and len(value) == 3
        and all(isinstance(v, int | float) and math.isfinite(v) for v in value)
    )
    return [float(v) for v in value] if good else None


def _receivers(content: dict[str, Any]) -> list[str]:
    found = {
        name.split("/")[1] for name, info in content["datasets"].items() if re.fullmatch(r"rxs/rx\d+/[EHI][xyz]", name)
    }
    return sorted(found, key=lambda name: int(name[2:]))


def _input_file(source: Source) -> str:
    """Return the text of the input file beside the output, empty without: B-scans are named after it."""
    side = source.side_file(".in")
    return side.text() if side is not None and side.size < 2**22 else ""


def _component(
    source: Source, content: dict[str, Any], receivers: list[str], model_input: str, options: ReadOptions
) -> tuple[str, list[Finding]]:
    prefix = f"rxs/{receivers[0]}/"
    available = sorted(name.removeprefix(prefix) for name in content["datasets"] if name.startswith(prefix))
    if options.component is not None:
        if options.component not in available:
            msg = f"{source.name}: there is no component {options.component!r}; the file has {', '.join(available)}."
            raise ParameterError(msg)
        return options.component, []
    recorded = [
        str(value)
        for name, attrs in content["groups"].items()
        for key, value in attrs.items()
        if key.lower().startswith("polari")
    ]
    written = re.search(
        r"^\s*#(?:hertzian_dipole|voltage_source|magnetic_dipole):\s*([xyz])\b",
        model_input,
        re.MULTILINE | re.IGNORECASE,
    )
    for axis in (*recorded, *([written[1]] if written else [])):
        if f"E{axis.lower()}" in available:
            return f"E{axis.lower()}", []
    candidates = [c for c in available if c.startswith("E")] or available
    energy = {c: _energy(source, prefix + c) for c in candidates}
    best = max(energy, key=lambda c: energy[c])
    share = energy[best] / max(sum(energy.values()), 1e-300)
    note = Finding(
        "component-by-energy",
        "info",
        "The file does not tell the polarisation of the source.",
        source.name,
        f"{best} holds {share:.1%} of the energy of {', '.join(candidates)}",
        f"{best} was taken. Choose another with gprscan.read(path, component=...).",
    )
    return best, [note]


def _energy(source: Source, name: str) -> float:
    with np.errstate(invalid="ignore", over="ignore"):
        values = _eager(source, name).astype("float64")
        return float(np.sum(values[np.isfinite(values)] ** 2))


def _eager(source: Source, name: str) -> np.ndarray:
    array = Hdf5Array(source, name)
    return np.asarray(
        xr.Variable([f"d{i}" for i in range(len(array.shape))], indexing.LazilyIndexedArray(array)).values
    )


def _samples(source: Source, content: dict[str, Any], paths: list[str]) -> xr.Variable:
    """Return the traces over ([channel,] trace, twt); the file has (iteration, trace), or one trace as a vector."""
    shapes = {tuple(content["datasets"][path]["shape"]) for path in paths}
    require(len(shapes) == 1, source, f"receivers have different shapes: {sorted(shapes)}")
    shape = shapes.pop()
    require(len(shape) in (1, 2) and 0 not in shape, source, f"the samples have the shape {shape}")
    check_counts(source, shape[0], len(paths))
    if len(paths) == 1 and len(shape) == 2:
        return xr.Variable(("trace", "twt"), indexing.LazilyIndexedArray(Hdf5Array(source, paths[0], flip=True)))
    stack = np.stack([np.atleast_2d(_eager(source, path).T) for path in paths])
    return (
        xr.Variable(("trace", "twt"), stack[0]) if len(paths) == 1 else xr.Variable(("channel", "trace", "twt"), stack)
    )


def _spacing(content: dict[str, Any], model_input: str, data: xr.Variable) -> tuple[float | None, list[Finding]]:
    attrs = content["attrs"]
    cells = _vector(attrs.get("dx_dy_dz")) or _vector(attrs.get("dx, dy, dz"))
    steps = _vector(attrs.get("rxsteps"))
    if cells and steps and any(steps):
        return math.dist([0, 0, 0], [s * c for s, c in zip(steps, cells, strict=True)]), []
    written = re.search(r"^\s*#(?:rx_steps|src_steps):\s*(\S+)\s+(\S+)\s+(\S+)", model_input, re.MULTILINE)
    if written:
        try:
            step = math.dist([0, 0, 0], [float(v) for v in written.groups()])
        except ValueError:
            step = 0.0
        if 0 < step < 1e4:
            return step, []
    if data.sizes["trace"] == 1:
        return None, []
    return None, [checks.time_triggered("receiver steps", "merged file without rxsteps, and no input file beside it")]


def _separation(content: dict[str, Any], receiver: str) -> float | None:
    rx = _vector(content["groups"].get(f"rxs/{receiver}", {}).get("Position"))
    tx = _vector(content["groups"].get("srcs/src1", {}).get("Position"))
    return math.dist(rx, tx) if rx and tx else None


def _waveform(model_input: str) -> tuple[float | None, float | None]:
    """Return the centre frequency in MHz and time zero in ns of the first waveform of an input file.

    gprMax delays its Ricker wavelet by sqrt(2) / f and its Gaussian by 1 / f (its user guide, waveforms).
    """
    found = re.search(r"^\s*#waveform:\s*(\w+)\s+\S+\s+([\d.eE+-]+)", model_input, re.MULTILINE)
    if not found:
        return None, None
    try:
        f = float(found[2])
    except ValueError:
        return None, None
    if not 1e3 < f < 1e12:
        return None, None
    delay = {"ricker": math.sqrt(2) / f, "gaussiandotdot": math.sqrt(2) / f, "gaussian": 1 / f, "gaussiandot": 1 / f}
    kind = found[1].lower().removesuffix("norm")
    return f / 1e6, delay[kind] * 1e9 if kind in delay else None


register(
    Format(
        name="gprmax",
        title="gprMax 3 and 4",
        suffixes=(".out", ".h5"),
        side_suffixes=(".in",),
        maturity=REAL,
        sniff=sniff,
        read=read,
        shared_suffixes=True,
        note="opened in a child process; receivers become channels",
    )
)

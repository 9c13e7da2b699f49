"""``gprscan info``: what is in a file, and what looks wrong in it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gprscan.cli import console
from gprscan.cli.status import ExitStatus

if TYPE_CHECKING:
    import xarray as xr


@click.command("info")
@click.argument("files", nargs=-1, required=True, metavar="FILE...", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list with one object per file.")
def command(files: tuple[Path, ...], as_json: bool) -> None:
    """Show what is in each FILE, and the findings of its reader. Samples are not loaded."""
    entries = [_described(path) for path in files]
    if as_json:
        console.data_json(entries)
    else:
        for number, entry in enumerate(entries):
            if number:
                console.data("")
            _print(entry)
    failed = sum(entry["error"] is not None for entry in entries)
    status = ExitStatus.OK
    if failed:
        status = ExitStatus.NOTHING_READABLE if failed == len(entries) else ExitStatus.SOME_FILES_FAILED
    click.get_current_context().exit(int(status))


def _described(path: Path) -> dict[str, Any]:
    from gprscan import io
    from gprscan.errors import GprscanError

    try:
        line = io.read(path)
    except (GprscanError, OSError) as error:
        return {"path": str(path), "error": str(error)}
    return {"path": str(path), "error": None} | facts(line)


def facts(line: xr.Dataset) -> dict[str, Any]:
    """Return what a line says about itself, JSON-able, None where it does not say."""
    from gprscan import model, names
    from gprscan.survey import place
    from gprscan.survey.record import finding_list, plain

    axis = str(line[names.AMPLITUDE].dims[-1])
    dt = model.sampling_interval(line)
    samples = line.sizes[axis]
    found: dict[str, Any] = {
        "format": line.attrs.get(names.SOURCE_FORMAT) or None,
        "instrument": line.attrs.get(names.INSTRUMENT) or None,
        "n_channels": line.sizes.get(names.CHANNEL, 1),
        "n_traces": line.sizes[names.TRACE],
        "n_samples": samples,
        "dtype": str(line[names.AMPLITUDE].dtype),
        "units": line[names.AMPLITUDE].attrs.get("units"),
        "sampling": {"axis": axis, "step": dt, "first": line[axis].values[0], "last": line[axis].values[-1]},
        "time_zero_ns": line.attrs.get(names.TIME_ZERO),
        "frequency_mhz": model.centre_frequency(line),
        "separation_m": line[names.SEPARATION].values.tolist() if names.SEPARATION in line.coords else None,
        "spacing_m": model.trace_spacing(line) if names.DISTANCE in line.coords and place.length(line) else None,
        "length_m": place.length(line),
        "channel_offsets_m": line[names.OFFSET].values.tolist() if names.OFFSET in line.coords else None,
        "placed": place.is_placed(line),
        "crs": _crs_name(place.crs_wkt(line)),
    }
    found |= {"first": _end(line, 0), "last": _end(line, -1), "findings": finding_list(line)}
    return plain(found)


def _end(line: xr.Dataset, index: int) -> dict[str, Any]:
    from gprscan.survey import place

    return place.at(line, float(place.along(line)[index]), 0.0)


def _crs_name(wkt: str | None) -> str | None:
    from pyproj import CRS

    if wkt is None:
        return None
    crs = CRS.from_wkt(wkt)
    return f"{crs.to_string()} ({crs.name})" if crs.to_epsg() else crs.name


def _print(entry: dict[str, Any]) -> None:
    console.data(entry["path"])
    if entry["error"] is not None:
        console.data(f"  not readable: {entry['error']}")
        return
    for label, text in _lines(entry):
        if text:
            console.data(f"  {label + ':':<12} {text}")
    findings = entry["findings"]
    console.data(f"  {'findings:':<12} {len(findings) or 'none'}")
    for finding in findings:
        console.data(f"    [{finding['severity']}] {finding['code']}: {finding['what']}")
        for key in ("where", "evidence", "consequence"):
            if finding[key]:
                console.data(f"        {key}: {finding[key]}")


def _lines(entry: dict[str, Any]) -> list[tuple[str, str]]:
    sampling, unit = entry["sampling"], "ns" if entry["sampling"]["axis"] == "twt" else "m"
    window = f"{sampling['first']:.6g} to {sampling['last']:.6g} {unit}, every {sampling['step']:.6g} {unit}"
    traces = f"{entry['n_channels']} channel(s) x {entry['n_traces']} traces x {entry['n_samples']} samples"
    spacing = "" if entry["spacing_m"] is None else f", a trace every {entry['spacing_m']:.5g} m"
    length = "not known: give the trace spacing" if entry["length_m"] is None else f"{entry['length_m']:.2f} m{spacing}"
    separation = entry["separation_m"]
    distances = separation if isinstance(separation, list) else [separation]
    bistatic = "" if separation is None else f", separation {', '.join(f'{s:g}' for s in distances if s is not None)} m"
    frequency, offsets = entry["frequency_mhz"], entry["channel_offsets_m"]
    return [
        ("format", " - ".join(t for t in (entry["format"], entry["instrument"]) if t)),
        ("size", f"{traces}, {entry['dtype']}"),
        ("window", window),
        ("antenna", f"{'frequency not known' if frequency is None else f'{frequency:g} MHz'}{bistatic}"),
        ("length", length),
        ("offsets", "" if offsets is None else f"{', '.join(f'{offset:g}' for offset in offsets)} m"),
        ("positions", _positions(entry)),
        ("recorded", " to ".join(t for t in (entry["first"]["acquired"], entry["last"]["acquired"]) if t)),
    ]


def _positions(entry: dict[str, Any]) -> str:
    if not entry["placed"]:
        return "none: line coordinates only"
    points = [entry[end] for end in ("first", "last") if entry[end]["x"] is not None]
    ends = " to ".join(f"({point['x']:.2f}, {point['y']:.2f})" for point in points)
    sigma = entry["first"]["position_sigma_m"]
    return f"{ends} in {entry['crs']}" + ("" if sigma is None else f", sigma {sigma:.3g} m")

"""Writing GSSI DZT, with the track in a DZG and what the header cannot hold in a DZX."""

from __future__ import annotations

import datetime
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape, quoteattr

import numpy as np
import xarray as xr

from gprscan import names
from gprscan.errors import WriteError
from gprscan.io.atomic import Output, stream_output
from gprscan.io.dzt_header import ANTENNA, ANTENNA_LENGTH, BLOCK, CREATED, FIELDS, pack_date
from gprscan.io.dzt_sides import GPRSCAN_NAMESPACE
from gprscan.io.plain import (
    Integers,
    crs_name,
    even_spacing,
    header_of,
    integer_blocks,
    integers_for,
    position_notes,
    require_time,
    side_output,
    time_axis,
)
from gprscan.io.track import Track, nmea_of, placed_words, track_of


def write_dzt(line: xr.Dataset, path: Path) -> list[Output]:
    """Plan the files of a DZT.

    Parameters
    ----------
    line : xarray.Dataset
        Over ([channel,] trace, twt). Integers of up to 32 bits are kept; floats are scaled by a power of two to 32
        bits, the factor is noted in the DZX.
    path : Path
        The DZT; DZG and DZX get its stem.

    Raises
    ------
    WriteError
        If the line is over depth, has more than 65535 samples per trace, or samples that are not finite;
        or if a side file would be too long to be read.
    """
    require_time(line, "DZT")
    n_samples = line.sizes[names.TWT]
    if n_samples > 65535:
        msg = f"DZT holds at most 65535 samples per trace, but the line has {n_samples}."
        raise WriteError(msg)
    target = integers_for(line, (1, 2, 4), "DZT")
    upper = path.suffix.isupper()
    track = track_of(line)
    outputs = []
    fixes = "" if track is None else _dzg(track)
    if track is not None:
        outputs.append(side_output(path.with_suffix(".DZG" if upper else ".dzg"), fixes))
    own = _own_element(line, target, track, placed_words(track, fixes))
    outputs.append(side_output(path.with_suffix(".DZX" if upper else ".dzx"), _dzx(line, own)))
    headers = _header_blocks(line, target)
    outputs.append(stream_output(path, lambda: _chunks(headers, line, target)))
    return outputs


def _chunks(headers: bytes, line: xr.Dataset, target: Integers) -> Iterator[bytes]:
    yield headers
    bits = 8 * target.dtype.itemsize
    for block in integer_blocks(line, target):
        scans = np.ascontiguousarray(block.transpose(1, 0, 2))
        if bits < 32:
            unsigned = scans.view(f"u{target.dtype.itemsize}")
            scans = unsigned ^ unsigned.dtype.type(1 << (bits - 1))
        yield scans.astype(scans.dtype.newbyteorder("<"), copy=False).tobytes()


def _header_blocks(line: xr.Dataset, target: Integers) -> bytes:
    kept = header_of(line, "dzt")
    channels = line.sizes.get(names.CHANNEL, 1)
    dt, time_zero = time_axis(line)
    spacing = even_spacing(line)
    window = dt * line.sizes[names.TWT]
    values: dict[str, Any] = {
        "tag": 0x00FF,
        "epsr": 0.0,
        "sps": 0.0,
        "mpm": 0.0,
        "npass": 0,
        "top": 0.0,
        "depth": 0.0,
        "zero": 0,
        "system": 0,
    }
    values |= {key.removeprefix("rh_"): value for key, value in kept.items() if key.removeprefix("rh_") in values}
    values |= {
        "data": BLOCK,
        "nsamp": line.sizes[names.TWT],
        "bits": 8 * target.dtype.itemsize,
        "spm": 1 / spacing if spacing else 0.0,
        "range": window,
        "nchan": channels,
    }
    # the reader of a positive start finds no time zero in it: the DZX carries the exact value in any case
    values["position"] = -time_zero
    antennas = kept.get("antennas") or []
    blocks = []
    for channel in range(channels):
        block = bytearray(BLOCK)
        for name, code, offset in FIELDS:
            _pack(block, name, code, offset, values[name])
        block[CREATED : CREATED + 4] = pack_date(_created(line, kept))
        name = antennas[channel] if channel < len(antennas) else _antenna_name(line, channel)
        raw = str(name).encode("ascii", "replace")[: ANTENNA_LENGTH - 1]
        block[ANTENNA : ANTENNA + len(raw)] = raw
        blocks.append(bytes(block))
    return b"".join(blocks)


def _pack(block: bytearray, name: str, code: str, offset: int, value: Any) -> None:
    try:
        struct.pack_into("<" + code, block, offset, float(value) if code == "f" else int(value))
    except (struct.error, OverflowError, TypeError, ValueError):
        msg = f"DZT cannot hold {name} = {value!r} in its header."
        raise WriteError(msg) from None


def _created(line: xr.Dataset, kept: dict[str, Any]) -> datetime.datetime | None:
    # the header holds the recorder's own clock; the receiver's UTC only stands in for it
    for stated in (line.attrs.get(names.ACQUIRED), kept.get("created")):
        try:
            return datetime.datetime.fromisoformat(str(stated))
        except ValueError:
            continue
    first = line[names.TIME].values[0] if names.TIME in line.coords else np.datetime64("NaT")
    return None if np.isnat(first) else first.astype("datetime64[s]").item()


def _frequency(line: xr.Dataset, channel: int) -> float | None:
    if names.FREQUENCY not in line.coords:
        return None
    value = float(np.atleast_1d(line[names.FREQUENCY].values)[channel if line[names.FREQUENCY].ndim else 0])
    return value if np.isfinite(value) else None


def _antenna_name(line: xr.Dataset, channel: int) -> str:
    value = _frequency(line, channel)
    return f"{value:g}MHz" if value else ""


def _dzg(track: Track) -> str:
    """Return the DZG: for each trace its number and RMC, GGA and, with a stated accuracy, GST sentences."""
    entries = ("\r\n".join([*nmea_of(track, trace), ""]) for trace in track.rows())
    return "".join(f"$GSSIS,{trace},-1\n{entry}\n" for trace, entry in zip(track.rows(), entries, strict=True))


def _dzx(line: xr.Dataset, own: str) -> str:
    """Return the DZX: spacing and marks as GSSI writes them, channels, and exact values in a name space of our own."""
    spacing = even_spacing(line)
    n = line.sizes[names.TRACE]
    globals_ = f"<horizontalUnit>m</horizontalUnit><unitsPerScan>{spacing!r}</unitsPerScan>" if spacing else ""
    way_points = ""
    if names.MARK in line.coords and names.STATUS not in line.coords:
        way_points = "".join(
            f"<WayPt><scan>{scan}</scan><mark>User</mark></WayPt>" for scan in np.flatnonzero(line[names.MARK].values)
        )
    channels = "".join(_channel_properties(line, c) for c in range(line.sizes.get(names.CHANNEL, 1)))
    span = f"<scanRange>0,{n - 1}</scanRange>"
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<DZX xmlns="www.geophysical.com/DZX/1.02" xmlns:g="{GPRSCAN_NAMESPACE}">\n'
        f"<GlobalProperties>{globals_}</GlobalProperties>\n{channels}"
        f"<File>{span}<Profile>{span}{way_points}</Profile></File>\n"
        f"{own}\n</DZX>\n"
    )


def _channel_properties(line: xr.Dataset, channel: int) -> str:
    values: dict[str, Any] = {"channel": channel}
    if names.CHANNEL in line.coords and line[names.CHANNEL].ndim:
        values["label"] = str(line[names.CHANNEL].values[channel])
    for tag, name in (("centerFreqMHz", names.FREQUENCY), ("separation", names.SEPARATION), ("offset", names.OFFSET)):
        if name in line.coords:
            all_values = np.atleast_1d(line[name].values)
            value = float(all_values[channel if all_values.size > 1 else 0])
            if np.isfinite(value):
                values[tag] = repr(value)
    inner = "".join(f"<{tag}>{escape(str(value))}</{tag}>" for tag, value in values.items())
    return f"<ChannelProperties>{inner}</ChannelProperties>\n"


def _own_element(line: xr.Dataset, target: Integers, track: Track | None, places: dict[str, list[str]]) -> str:
    """Return the element of our own name space; `places` are the columns of the track."""
    dt, time_zero = time_axis(line)
    values: dict[str, str] = {"time_zero_ns": repr(time_zero), "dt_ns": repr(dt), "scale": repr(target.scale)}
    values["status_samples"] = str(int(line[names.STATUS].values.sum()) if names.STATUS in line.coords else 0)
    if names.ANTENNA_HEIGHT in line.attrs:
        values["antenna_height_m"] = repr(float(line.attrs[names.ANTENNA_HEIGHT]))
    if names.DISTANCE in line.coords:
        values["distance_start_m"] = repr(float(line[names.DISTANCE].values[0]))
    if names.SPATIAL_REF in line.coords and track is not None:
        values["crs"] = crs_name(line)
    if track is not None:
        values["lever_right_m"], values["lever_forward_m"] = (repr(value) for value in track.lever_arm)
    values |= position_notes(line)
    attributes = " ".join(f"{key}={quoteattr(value)}" for key, value in values.items())
    inner = ""
    if names.DISTANCE in line.coords and even_spacing(line) is None:
        distances = " ".join(repr(float(d)) for d in line[names.DISTANCE].values)
        inner = f"<g:distance>{distances}</g:distance>"
    if places:
        columns = (f"{name}={quoteattr(' '.join(words))}" for name, words in places.items())
        inner += f"<g:track {' '.join(columns)}/>"
    return f"<g:line {attributes}>{inner}</g:line>"

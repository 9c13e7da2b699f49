"""Pictures of an anomaly, drawn while the traces are at hand: raw, processed and migrated radargram, A-scan."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import xarray as xr

from gprscan import names, plot
from gprscan.errors import ParameterError
from gprscan.io import atomic

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# half-width of the part of the line that is shown: 3 m, or 4 times the depth, but no more than the last
_SIDE = (3.0, 4.0, 10.0)
# colours that a picture keeps; grey radargrams lose nothing that an eye would see, and a third of their size
_COLOURS = 96


def anomaly_figures(
    line: xr.Dataset,
    processed: xr.Dataset | None,
    anomaly: Mapping[str, Any],
    folder: str | Path,
    *,
    migrated: xr.Dataset | None = None,
) -> dict[str, str]:
    """Draw the pictures of an anomaly's card.

    Parameters
    ----------
    line : xarray.Dataset
        The raw line.
    processed : xarray.Dataset or None
        The line after the steps of the recipe.
    anomaly : mapping
        A row of the anomaly table.
    folder : path-like
        Where the PNG files go; made where it does not exist.
    migrated : xarray.Dataset, optional
        The migrated line, over ``depth``.

    Returns
    -------
    dict of str to str
        Path of each picture by role: ``raw``, ``processed``, ``migrated``, ``ascan``. A role that has nothing to show
        is left out.
    """
    channel = shown_channel(line, anomaly)
    table = pd.DataFrame([dict(anomaly)])
    velocity = _number(anomaly.get("velocity_m_ns"))
    along, across_time = _window(line, anomaly, velocity)
    common: dict[str, Any] = {"channel": channel, "anomalies": table, "velocity": velocity, "distance": along}

    def raw(axes: Axes) -> None:
        plot.radargram(line, axes, vertical=across_time, balance=True, **common)

    drawings: dict[str, Callable[[Axes], None]] = {"raw": raw}
    if processed is not None:

        def cleaned(axes: Axes) -> None:
            over_time = names.TWT in processed.dims
            plot.radargram(processed, axes, vertical=across_time if over_time else None, **common)

        drawings["processed"] = cleaned
    if migrated is not None:

        def focused(axes: Axes) -> None:
            deepest = None if velocity is None else (0.0, across_time[1] * velocity / 2)
            plot.radargram(migrated, axes, vertical=deepest, **common)

        drawings["migrated"] = focused
    if _number(anomaly.get("distance_m")) is not None and names.TWT in line.dims:

        def trace(axes: Axes) -> None:
            plot.ascan(
                line,
                float(anomaly["distance_m"]),
                axes,
                channel=channel,
                twt=_number(anomaly.get("twt_ns")),
                polarity=_polarity(anomaly),
                until=across_time[1],
            )

        drawings["ascan"] = trace
    return _drawn(drawings, Path(folder), str(anomaly.get("anomaly_id") or "anomaly"))


def shown_channel(line: xr.Dataset, anomaly: Mapping[str, Any]) -> int:
    """Return the position of the channel that passed closest to the body; 0 for a line of one channel."""
    if names.CHANNEL not in line.dims:
        return 0
    offset = _number(anomaly.get("offset_m"))
    if names.OFFSET in line.coords and offset is not None:
        return int(np.argmin(np.abs(line[names.OFFSET].values - offset)))
    listed = anomaly.get("channels")
    listed = json.loads(listed) if isinstance(listed, str) and listed.startswith("[") else listed
    first = listed[0] if isinstance(listed, list | tuple) and listed else 0
    labels = [str(label) for label in line[names.CHANNEL].values]
    if isinstance(first, str):
        return labels.index(first) if first in labels else 0
    return int(first) if 0 <= int(first) < len(labels) else 0


def _window(
    line: xr.Dataset, anomaly: Mapping[str, Any], velocity: float | None
) -> tuple[tuple[float, float] | None, tuple[float, float]]:
    """Return the part to show: along the line in m, and in two-way time in ns."""
    depth = _number(anomaly.get("top_depth_m")) or 0.0
    length = _number(anomaly.get("length_m")) or 0.0
    half = min(max(_SIDE[0], _SIDE[1] * depth), _SIDE[2]) + 0.5 * length
    x = _number(anomaly.get("distance_m"))
    along = None if x is None or names.DISTANCE not in line.coords else (x - half, x + half)
    times = line[names.TWT].values if names.TWT in line.coords else np.array([0.0, 60.0])
    twt = _number(anomaly.get("twt_ns"))
    last = float(times[-1]) if twt is None else min(float(times[-1]), max(2.2 * twt, twt + 12.0, 20.0))
    return along, (max(float(times[0]), -4.0), last)


def _drawn(drawings: dict[str, Callable[[Axes], None]], folder: Path, name: str) -> dict[str, str]:
    from matplotlib.figure import Figure

    folder.mkdir(parents=True, exist_ok=True)
    stem = re.sub(r"[^\w.-]+", "_", name)[:80]
    paths = {}
    for role, draw in drawings.items():
        # fixed margins: finding them anew for each picture takes as long as drawing it
        height, right = (2.0, 0.985) if role == "ascan" else (2.5, 0.905)
        figure = Figure(figsize=(5.6, height), dpi=110)
        axes = figure.add_axes((0.085, 0.36 / height, right - 0.085, 1 - 0.41 / height))
        try:
            draw(axes)
        except ParameterError:  # the body lies outside of what this picture can show
            continue
        _small(axes)
        path = folder / f"{stem}-{role}.png"
        atomic.commit([atomic.Output(path, partial(_write_png, figure))])
        paths[role] = path.as_posix()
    return paths


def _small(axes: Any) -> None:
    for part in (axes, *axes.child_axes):
        part.tick_params(labelsize=7, pad=2)
        part.xaxis.label.set_size(7.5)
        part.yaxis.label.set_size(7.5)
        part.xaxis.labelpad = part.yaxis.labelpad = 2


def _write_png(figure: Figure, path: Path) -> None:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from PIL import Image

    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    drawn = Image.fromarray(np.asarray(canvas.buffer_rgba())[..., :3])
    drawn.quantize(_COLOURS, method=Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE).save(path, format="PNG")


def _polarity(anomaly: Mapping[str, Any]) -> int | None:
    value = _number(anomaly.get("polarity"))
    return None if value is None else int(value)


def _number(value: Any) -> float | None:
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if np.isfinite(number) else None

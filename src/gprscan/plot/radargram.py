"""Radargrams: distance against two-way time and depth, with the anomalies in them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from gprscan import model, names
from gprscan.plot import style
from gprscan.plot.picture import picture

if TYPE_CHECKING:
    from matplotlib.axes import Axes

DEFAULT_FREQUENCY = 400.0


def radargram(
    line: xr.Dataset,
    ax: Axes | None = None,
    *,
    channel: int | str | None = None,
    anomalies: Any = None,
    velocity: float | None = None,
    distance: tuple[float, float] | None = None,
    vertical: tuple[float, float] | None = None,
    balance: bool = False,
    percentile: float = 98.5,
    cmap: str = "gray",
    fit: bool = True,
) -> Axes:
    """Draw a line as a radargram.

    Parameters
    ----------
    line : xarray.Dataset
        A line over ``twt`` (ns) or, after migration, over ``depth`` (m).
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure where not given.
    channel : int or str, optional
        Position or label of the channel of an array; the first where not given.
    anomalies : geopandas.GeoDataFrame, optional
        Rows of the anomaly table; each is boxed and named in the colour of its kind.
    velocity : float, optional
        For the depth axis on the right, in m/ns; the median velocity of `anomalies` where not given. Without one there
        is no depth axis.
    distance, vertical : (float, float), optional
        Part to show, in m along the line and in ns (m) downwards.
    balance : bool
        Divide every sample by its root mean square over the traces that are shown, smoothed over one period: a gain of
        the drawing only, the same for all traces. Use it for raw lines, whose early times hide everything else.
    percentile : float
        The scale ends at this percentile of the absolute amplitude.
    cmap : str
        A Matplotlib colour map; grey, or a diverging one such as ``"RdBu"``.
    fit : bool
        Draw the diffraction hyperbola of each anomaly that has a velocity.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ParameterError
        If there is no such channel, or nothing in the part that was asked for.
    """
    shown = picture(line, channel=channel, distance=distance, vertical=vertical)
    values = _balanced(shown.values, line, shown.axis) if balance else shown.values
    limit = float(np.nanpercentile(np.abs(values), percentile)) if np.isfinite(values).any() else 0.0
    limit = limit if limit > 0 else 1.0
    if ax is None:
        import matplotlib.pyplot as plt

        _, ax = plt.subplots(figsize=(10, 4), layout="constrained")
    half = 0.5 * (shown.axis[-1] - shown.axis[0]) / max(shown.axis.size - 1, 1)
    extent = (*shown.x, shown.axis[-1] + half, shown.axis[0] - half)
    ax.set_facecolor("#f3efe2")  # traces that are missing
    ax.imshow(values.T, cmap=cmap, vmin=-limit, vmax=limit, aspect="auto", extent=extent, interpolation="bilinear")
    over_depth = names.DEPTH in line[names.AMPLITUDE].dims
    ax.set_xlabel("Distance (m)" if shown.by_distance else "Trace")
    ax.set_ylabel("Depth (m)" if over_depth else "Two-way time (ns)")
    if anomalies is not None:
        for row in anomalies.to_dict("records"):
            _anomaly(ax, row, line, over_depth, extent, fit)
    if not over_depth:
        _depth_axis(ax, velocity if velocity is not None else _median_velocity(anomalies))
    ax.set_xlim(extent[:2])
    ax.set_ylim(extent[2:])
    return ax


def _balanced(values: np.ndarray, line: xr.Dataset, axis: np.ndarray) -> np.ndarray:
    """Divide each row by its root mean square over the columns, smoothed over about one period."""
    known = np.isfinite(values)
    power = np.where(known, values, 0).astype("float64")
    power = np.square(power).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
    if not power.any():
        return values
    step = (axis[-1] - axis[0]) / max(axis.size - 1, 1)
    period = 1e3 / (model.centre_frequency(line) or DEFAULT_FREQUENCY)
    window = max(int(period / step), 1) if names.TWT in line[names.AMPLITUDE].dims and step > 0 else 1
    padded = np.pad(power, (window // 2, window - 1 - window // 2), mode="edge")
    smooth = np.sqrt(np.convolve(padded, np.ones(window) / window, mode="valid"))
    # silence before the first arrival is not blown up to the size of echoes
    floor = 1e-3 * float(smooth.max())
    return (values / np.maximum(smooth, floor)).astype("float32")


def _median_velocity(anomalies: Any) -> float | None:
    if anomalies is None or "velocity_m_ns" not in anomalies:
        return None
    known = [v for v in (_number(value) for value in anomalies["velocity_m_ns"]) if v]
    return float(np.median(known)) if known else None


def _depth_axis(ax: Axes, velocity: float | None) -> None:
    if velocity is None or not velocity > 0:
        return
    scale = velocity / 2
    functions: Any = (lambda t: t * scale, lambda z: z / scale)
    right = ax.secondary_yaxis("right", functions=functions)
    right.set_ylabel(f"Depth (m) at {velocity:.3f} m/ns")


def _anomaly(ax: Axes, row: dict[str, Any], line: xr.Dataset, over_depth: bool, extent: Any, fit: bool) -> None:
    from matplotlib.patches import Rectangle

    x, top = _number(row.get("distance_m")), _number(row.get("top_depth_m" if over_depth else "twt_ns"))
    if x is None or top is None or not extent[0] <= x <= extent[1]:
        return
    colour = style.colour(row.get("kind"))
    period = 1e3 / (model.centre_frequency(line) or DEFAULT_FREQUENCY)
    velocity = _number(row.get("velocity_m_ns")) or 0.1
    tall = period * velocity / 2 if over_depth else period
    half = max(0.5 * (_number(row.get("length_m")) or 0.0), 0.012 * (extent[1] - extent[0]))
    box = Rectangle((x - half, top - 0.8 * tall), 2 * half, 3.0 * tall, fill=False, edgecolor=colour, linewidth=1.4)
    ax.add_patch(box)
    ax.plot([x], [top], marker="v", color=colour, markersize=5, markeredgecolor="white", markeredgewidth=0.6)
    if fit and not over_depth and _number(row.get("velocity_m_ns")):
        # two-way time of a point: t^2 = t0^2 + (2 x / v)^2
        side = np.linspace(half, max(3 * half, 0.6 * top * velocity / 2 + half), 20)
        curve = np.sqrt(top**2 + (2 * (side - half) / velocity) ** 2)
        for sign in (-1, 1):
            ax.plot(x + sign * side, curve, color=colour, linewidth=0.9, linestyle=(0, (4, 2)))
    first, last = sorted(extent[2:])
    # above the box, or below it where the picture's edge would cut the label
    below = top - 0.8 * tall - first < 0.08 * (last - first)
    ax.annotate(
        style.kind_words(row.get("kind")),
        (x, top + 2.2 * tall if below else top - 0.8 * tall),
        xytext=(0, -2 if below else 2),
        textcoords="offset points",
        ha="center",
        va="top" if below else "bottom",
        fontsize=8,
        family=list(style.fonts()),
        color="white",
        bbox={"facecolor": colour, "edgecolor": "none", "pad": 1.2, "alpha": 0.9},
        annotation_clip=True,
        clip_on=True,
    )


def _number(value: Any) -> float | None:
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) else None

"""The pipe rolled out, from the side, and across."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import xarray as xr

from gprscan import names
from gprscan.errors import ParameterError
from gprscan.plot import style
from gprscan.plot.labels import place_labels

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping, Sequence

    from matplotlib.axes import Axes

    from gprscan.geometry.pipe_frame import PipeFrame
    from gprscan.geometry.pipe_shape import BoreShape


_ROWS = 256  # chainages of a volume that are held at a time
_GREYS = "Greys"
_FAINT_DB = -25.0  # echo that is white, against a wall with air behind it, which is black
_UNSEEN = "#efe8d8"  # where no line looked


def unrolled_pipe(
    anomalies: pd.DataFrame,
    axes: Axes | None = None,
    *,
    chainage: tuple[float, float] | None = None,
    behind: xr.DataArray | None = None,
) -> Axes:
    """Draw the bodies behind a pipe's wall on the wall rolled out, seen from inside.

    Parameters
    ----------
    anomalies : DataFrame
        Rows of `gprscan.detect` on lines inside one pipe; with a column ``number`` it is written beside each body.
    axes : matplotlib Axes, optional
        Where to draw; new ones if left out.
    chainage : (float, float), optional
        Range to show, m; that of the bodies if left out, without bodies that of `behind`.
    behind : DataArray, dims (chainage, clock), optional
        Echo at and just behind the outer wall in dB, from `behind_wall`; drawn in grey, white where it is quiet.

    Returns
    -------
    matplotlib Axes
        Chainage in m along, clock angle across: the crown in the middle, 90 degrees (right, looking downstream) above.

    Raises
    ------
    ParameterError
        If the table has no clock angles.
    """
    import matplotlib.pyplot as plt
    from matplotlib.colors import to_rgb
    from matplotlib.patches import Rectangle

    if "clock_deg" not in anomalies:
        msg = "the table has no column clock_deg: it is not that of a line inside a pipe."
        raise ParameterError(msg)
    if axes is None:
        axes = plt.figure(figsize=(9, 3.8), layout="constrained").add_subplot()
    known = anomalies[np.isfinite(anomalies["clock_deg"].astype(float))]
    low, high = chainage or _range(known, behind)
    axes.set(xlim=(low, high), ylim=(-180, 180), xlabel="chainage (m)", ylabel="clock angle (degrees)")
    axes.set_yticks([-180, -90, 0, 90, 180], ["180 invert", "270 left", "0 crown", "90 right", "180 invert"])
    axes.grid(visible=True, alpha=0.3)
    axes.set_axisbelow(True)
    if behind is not None:
        _draw_behind(axes, behind)
    shown: dict[str, Rectangle] = {}
    places, texts = [], []
    for row in known.to_dict("records"):
        middle = (row["clock_deg"] + 180) % 360 - 180
        half = max(0.5 * ((row["clock_to_deg"] - row["clock_from_deg"]) % 360), 4.0)
        start = row["chainage_from_m"] if np.isfinite(row["chainage_from_m"]) else row["distance_m"]
        end = row["chainage_to_m"] if np.isfinite(row["chainage_to_m"]) else start
        width = max(end - start, 0.008 * (high - low))
        colour = style.colour(row["kind"])
        for turn in (-360, 0, 360):  # a body at the invert shows at both edges
            corner = (0.5 * (start + end - width), middle - half + turn)
            box = Rectangle(corner, width, 2 * half, facecolor=colour, edgecolor=colour, alpha=0.75, lw=0.8, zorder=4)
            if behind is not None:  # the echo shows through
                box.set(facecolor=(*to_rgb(colour), 0.15), alpha=None, linewidth=2.0)
            axes.add_patch(box)
            shown.setdefault(row["kind"], box)
        places.append((0.5 * (start + end), min(middle + half, 170.0)))
        texts.append(_label(row))
    place_labels(axes, places, texts)
    if shown:
        style.legend_below(axes, shown.values(), [style.kind_words(kind) for kind in shown], 6)
    return axes


def _label(row: Mapping[Hashable, Any]) -> str:
    away = row["radial_from_outer_wall_m"]
    where = "at the wall" if row["kind"] in names.HAZARD_KINDS and away < 0.005 else f"+{away:.2f} m"
    where = "wall" if row["kind"] in names.PIPE_DEFECT_KINDS else where
    return f"{row['number']}: {where}" if "number" in row else where


def behind_wall(echo: xr.DataArray, wall: float) -> xr.DataArray:
    """Return the strongest echo from the back of the wall to 0.15 m behind it, over chainage and clock angle.

    Parameters
    ----------
    echo : DataArray, dims (chainage, clock, radial_depth)
        ``echo_db`` of `gprscan.detection.cylinder_image`; of one on disk only a part is held at a time.
    wall : float
        Thickness of the wall, m.

    Returns
    -------
    DataArray, dims (chainage, clock)
        dB; NaN where nothing was seen, everywhere if the image does not reach as deep as the wall.
    """
    near = echo.sel(radial_depth=slice(wall - 0.02, wall + 0.15))
    if near.sizes["radial_depth"] == 0:
        return xr.full_like(echo.isel(radial_depth=0, drop=True), np.nan, dtype="float32")
    parts = []
    for start in range(0, near.sizes["chainage"], _ROWS):
        part = near.isel(chainage=slice(start, start + _ROWS)).load()
        # where nothing was seen at any depth the greatest of nothing is nothing, without numpy's warning
        parts.append(part.fillna(-np.inf).max("radial_depth").where(lambda level: np.isfinite(level)))
    return xr.concat(parts, "chainage", coords="minimal", compat="override", join="exact")


def _draw_behind(axes: Axes, behind: xr.DataArray) -> None:
    """Draw the echo behind the wall in grey, as far as the axes go."""
    from matplotlib.colors import Normalize

    clock = (behind["clock"].values + 180.0) % 360.0 - 180.0
    order = np.argsort(clock)
    order = np.append(order, order[0])  # the invert shows at both edges
    ordered = behind.transpose("clock", "chainage").values[order]
    along, step = behind["chainage"].values, 360.0 / clock.size
    half = 0.5 * (along[-1] - along[0]) / max(along.size - 1, 1)
    lowest = clock.min() - 0.5 * step
    limits = axes.get_xlim(), axes.get_ylim()
    axes.set_facecolor(_UNSEEN)
    axes.imshow(
        np.ma.masked_invalid(ordered),
        extent=(along[0] - half, along[-1] + half, lowest, lowest + step * order.size),
        origin="lower",
        aspect="auto",
        cmap=_GREYS,
        norm=Normalize(_FAINT_DB, 0.0),
        interpolation="nearest",
        zorder=1,
    )
    axes.set(xlim=limits[0], ylim=limits[1])


def _range(known: pd.DataFrame, behind: xr.DataArray | None) -> tuple[float, float]:
    if len(known):
        edges = known[["chainage_from_m", "chainage_to_m"]].to_numpy(float)
        edges = edges[np.isfinite(edges)]
        if edges.size:
            return float(edges.min()) - 1.0, float(edges.max()) + 1.0
    if behind is not None and behind.sizes["chainage"] > 1:
        return float(behind["chainage"].min()), float(behind["chainage"].max())
    return 0.0, 1.0


def long_section(
    frame: PipeFrame,
    rows: list[dict[str, Any]],
    above: list[dict[str, Any]],
    axes: Axes,
    ground: Sequence[float] | None = None,
) -> Axes:
    """Draw a segment from the side: invert and crown, the road, its anomalies, and those of the road linked with them.

    Parameters
    ----------
    frame : PipeFrame
        The pipe on the map.
    rows : list of dict
        Anomalies of the pipe, with chainages, ``body_z``, ``kind`` and ``number``.
    above : list of dict
        Anomalies of the road, with ``x``, ``y`` and ``top_depth_m``.
    axes : matplotlib Axes
        Where to draw.
    ground : (float, float), optional
        Elevation of the road at the two manholes, m.
    """
    at = np.linspace(0.0, frame.length, 50)
    invert = frame.axes(at)[0][..., 2]
    axes.fill_between(at, invert, invert + frame.shape.height, color="0.88", label="bore")
    axes.plot(at, invert, color="0.25", lw=1.4, label="invert")
    axes.plot(at, invert + frame.shape.height, color="0.5", lw=0.8)
    for s, z, side in ((0.0, invert[0], "left"), (frame.length, invert[-1], "right")):
        axes.annotate(f"{z:.2f}", (s, z), xytext=(0, -9), textcoords="offset points", ha=side, fontsize=7)
    if ground is not None:
        axes.plot([0.0, frame.length], list(ground), color="#7a5230", lw=2, label="road")
    places, texts = [], []
    for row in rows:
        first, last, z = row["chainage_from_m"], row["chainage_to_m"], row.get("body_z")
        if z is None:
            continue
        axes.plot([first, max(last, first + 0.1)], [z, z], color=style.colour(row["kind"]), lw=5, solid_capstyle="butt")
        places.append((0.5 * (first + last), z))
        texts.append(str(row["number"]))
    seen_above: dict[tuple[float, float], list[str]] = {}
    for row in above:
        if ground is None or row.get("top_depth_m") is None:
            continue
        s = float(frame.find(np.array([row["x"], row["y"], float(np.mean(ground))]))[0])
        if not -1.0 <= s <= frame.length + 1.0:
            continue
        z = float(np.interp(s, [0.0, frame.length], ground)) - row["top_depth_m"]
        label = None if seen_above else "anomaly of the road, one hazard with one of the pipe"
        axes.plot([s], [z], "v", color=style.colour(row["kind"]), ms=8, label=label, zorder=4)
        # lines that see one body share a label
        near = next((at for at in seen_above if np.hypot(at[0] - s, at[1] - z) < 0.02 * frame.length), (s, z))
        seen_above.setdefault(near, []).append(str(row["number"]))
    places += list(seen_above)
    texts += [", ".join(numbers) for numbers in seen_above.values()]
    axes.set(xlabel="chainage (m)", ylabel="elevation (m)")
    axes.margins(y=0.12)
    axes.grid(visible=True, alpha=0.3)
    place_labels(axes, places, texts)
    axes.legend(fontsize=7, loc="upper center", bbox_to_anchor=(0.5, -0.16), ncols=4, frameon=False)
    return axes


def cross_section(
    shape: BoreShape, wall: float, row: dict[str, Any], axes: Axes, echo: xr.DataArray | None = None
) -> Axes:
    """Draw the bore, its wall and one anomaly outside it, looking with increasing chainage.

    Parameters
    ----------
    shape : BoreShape
        The bore.
    wall : float
        Thickness of the wall, m.
    row : dict
        An anomaly, with clock angles, ``radial_depth_m`` and ``kind``.
    axes : matplotlib Axes
        Where to draw.
    echo : DataArray, dims (clock, radial_depth), optional
        Echo in dB at its chainage, from the image of the run; drawn in grey, nothing where no line looked.
    """
    turn = np.linspace(0.0, 360.0, 361)
    inner, normal = shape.wall(turn)
    outer = inner + wall * normal
    if echo is not None:
        _draw_section(axes, shape, echo)
    # the wall is drawn over the image, and seen through: what answers inside of it is its own
    axes.fill(*outer.T, facecolor="#c9b99a" if echo is not None else "0.75", zorder=2)
    axes.fill(*inner.T, facecolor="white", zorder=2)
    axes.plot(*outer.T, color="0.35", lw=0.8, zorder=3)
    half = max(0.5 * ((row["clock_to_deg"] - row["clock_from_deg"]) % 360.0), 4.0)
    points, outward = shape.wall(row["clock_deg"] + np.linspace(-half, half, 25))
    near = points + row["radial_depth_m"] * outward
    axes.plot(
        *near.T, color=style.colour(row["kind"]), lw=3 if echo is not None else 6, solid_capstyle="butt", zorder=4
    )
    title = f"{row['number']}: {style.kind_words(row['kind'])}\n{row['clock_deg']:.0f}°, chainage {row['chainage_from_m']:.2f} m"
    axes.set_title(title, fontsize=8, family=list(style.fonts()))
    axes.set_aspect("equal")
    reach = 0.5 * max(shape.width, shape.height) + wall + 0.3
    axes.set(xlim=(-reach, reach), ylim=(-reach, reach))
    axes.set_xlabel("right of the axis (m)", fontsize=7)
    axes.set_ylabel("above the axis (m)", fontsize=7)
    axes.tick_params(labelsize=7)
    return axes


def _draw_section(axes: Axes, shape: BoreShape, echo: xr.DataArray) -> None:
    """Draw a section of the image round the bore, at the place of each node."""
    clock, depth = echo["clock"].values, echo["radial_depth"].values
    axes.set_facecolor(_UNSEEN)
    closed = np.append(clock, clock[0] + 360.0)
    points, normals = shape.wall(closed)
    place = points[:, None, :] + depth[None, :, None] * normals[:, None, :]
    level = echo.transpose("clock", "radial_depth").values
    level = np.ma.masked_invalid(np.concatenate([level, level[:1]]))
    axes.pcolormesh(
        place[..., 0], place[..., 1], level, cmap=_GREYS, vmin=_FAINT_DB, vmax=0.0, shading="gouraud", zorder=1
    )
